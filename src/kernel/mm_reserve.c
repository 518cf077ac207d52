/*
 * Address ranges reserved in advance (MmAllocateMappingAddress), and copies between address spaces.
 *
 * Doc: Microsoft Learn, wdm.h: MmAllocateMappingAddress, MmMapLockedPagesWithReservedMapping; ntddk.h:
 * MmCopyMemory; "Bug check 0xDA", values 0x101 to 0x10C.
 */
#include "kernel/mm_phys.h"

#include <string.h>

#define MM_COPY_MEMORY_PHYSICAL 1u
#define MM_COPY_MEMORY_VIRTUAL 2u

NT_EXPORT PVOID NTAPI MmAllocateMappingAddress(SIZE_T size, ULONG tag)
{
    struct mm_map_request r = {.pfn = 1, .pages = mm_pages_of(0, size), .size = size,
                               .kind = MM_MAP_RESERVED};
    struct mm_map *m;

    if (!size)
        mm_rule(VF_PTE_RESERVE_ZERO, 0x100, 0, tag, ke_caller());
    if (!size || size > MM_PTE_END - MM_PTE_VA)
        return NULL;
    m = mm_map_new(&r, NULL);
    if (!m)
        return NULL;
    m->tag = tag;
    return (PVOID)m->va;
}

static struct mm_map *reserved_at(PVOID base)
{
    struct mm_map *m = mm_map_find(KE_ARG(base));

    return m && m->kind == MM_MAP_RESERVED && m->va == KE_ARG(base) ? m : NULL;
}

/* The MDL is no longer mapped; it may be gone already. */
static void unmark(MDL *mdl)
{
    if (mm_is_accessible(KE_ARG(mdl), sizeof *mdl, true))
        mdl->MdlFlags = (CSHORT)(mdl->MdlFlags &
                                 ~(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED));
}

NT_EXPORT VOID NTAPI MmFreeMappingAddress(PVOID base, ULONG tag)
{
    struct mm_map *m = reserved_at(base);

    if (!m) {
        mm_rule(VF_PTE_FREE_EMPTY, 0x102, KE_ARG(base), tag, 0);
        return;
    }
    if (m->tag != tag)
        mm_rule(VF_PTE_FREE_OWNER, 0x101, KE_ARG(base), tag, m->tag);
    if (m->used) {
        mm_rule(VF_PTE_FREE_MAPPED, 0x103, KE_ARG(base), tag, m->used);
        (void)mm_map_reserved(m, NULL, 0); /* taking away cannot fail */
        unmark((MDL *)(uintptr_t)m->mdl);
    }
    mm_map_free(m);
}

NT_EXPORT PVOID NTAPI MmMapLockedPagesWithReservedMapping(PVOID base, ULONG tag, PMDL mdl,
                                                          MEMORY_CACHING_TYPE cache)
{
    const int good = MDL_PAGES_LOCKED | MDL_PARTIAL | MDL_SOURCE_IS_NONPAGED_POOL | MDL_IO_SPACE;
    size_t pages = mm_pages_of(mdl->ByteOffset, mdl->ByteCount);
    struct mm_map *m = reserved_at(base);

    (void)cache; /* memory is coherent */
    mm_irql_rule(VF_MDL_MAP_CACHE_IRQL, DISPATCH_LEVEL, KE_ARG(mdl), KernelMode);
    if (!m) {
        mm_rule(VF_PTE_MAP_INVALID, 0x105, KE_ARG(base), tag, 0);
        return NULL;
    }
    if (m->tag != tag)
        mm_rule(VF_PTE_MAP_OWNER, 0x104, KE_ARG(base), tag, m->tag);
    if (m->used) {
        mm_rule(VF_PTE_MAP_IN_USE, 0x107, m->va, m->va, m->va + m->pages * PP_PAGE_SIZE);
        return NULL;
    }
    if (!(mdl->MdlFlags & good))
        mm_rule(VF_MDL_MAP_UNLOCKED, 0xB3, KE_ARG(mdl), (USHORT)mdl->MdlFlags,
                MDL_PAGES_LOCKED | MDL_PARTIAL);
    if (pages > m->pages)
        return NULL; /* the range is too small */
    if (!mm_map_reserved(m, (PPFN_NUMBER)(void *)(mdl + 1), pages))
        ke_not_modelled("MmMapLockedPagesWithReservedMapping", "an MDL of pool memory");
    m->mdl = mdl;
    mdl->MappedSystemVa = (uint8_t *)base + mdl->ByteOffset;
    mdl->MdlFlags = (CSHORT)(mdl->MdlFlags | MDL_MAPPED_TO_SYSTEM_VA |
                             ((mdl->MdlFlags & MDL_PARTIAL) ? MDL_PARTIAL_HAS_BEEN_MAPPED : 0));
    return mdl->MappedSystemVa;
}

NT_EXPORT VOID NTAPI MmUnmapReservedMapping(PVOID base, ULONG tag, PMDL mdl)
{
    struct mm_map *m = reserved_at((PVOID)mm_page_of(KE_ARG(base)));
    size_t pages;

    mm_irql_rule(VF_MDL_UNMAP_IRQL, DISPATCH_LEVEL, KE_ARG(base), KE_ARG(mdl));
    if (!m || !m->used) {
        mm_rule(VF_PTE_UNMAP_EMPTY, 0x109, KE_ARG(base), tag, 0);
        return;
    }
    if (m->tag != tag)
        mm_rule(VF_PTE_UNMAP_OWNER, 0x108, KE_ARG(base), tag, m->tag);
    pages = mm_pages_of(mdl->ByteOffset, mdl->ByteCount);
    if (pages > m->pages)
        mm_rule(VF_PTE_UNMAP_MORE, 0x10A, m->va, m->pages, pages);
    else if (pages > m->used)
        mm_rule(VF_PTE_UNMAP_PART, 0x10B, m->va, tag, pages);
    else if (pages < m->used)
        mm_rule(VF_PTE_UNMAP_SHORT, 0x10C, m->va, tag, pages);
    (void)mm_map_reserved(m, NULL, 0); /* taking away cannot fail */
    mdl->MdlFlags =
        (CSHORT)(mdl->MdlFlags & ~(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED));
}

/* ---- Copies ---- */

/* How many leading bytes can be touched. */
static size_t accessible_part(uint64_t addr, size_t size, bool write)
{
    size_t done = 0;

    while (done < size && mm_is_accessible(addr + done, 1, write))
        done += PP_MIN(size - done, PP_PAGE_SIZE - ((addr + done) & (PP_PAGE_SIZE - 1)));
    return done;
}

static NTSTATUS copy_physical(uint8_t *target, uint64_t pa, size_t size, size_t *done)
{
    while (*done < size) {
        size_t n = PP_MIN(size - *done, PP_PAGE_SIZE - ((pa + *done) & (PP_PAGE_SIZE - 1)));
        uint64_t va = mm_is_ram(pa + *done) ? mm_phys_map(pa + *done, n, false, false) : 0;

        if (!va)
            return STATUS_INVALID_ADDRESS;
        mm_copy(target + *done, (void *)va, n);
        (void)mm_phys_unmap(va, 0); /* ours */
        *done += n;
    }
    return STATUS_SUCCESS;
}

/* Doc: nf-ntddk-mmcopymemory. Reads only what is there; never faults on the source. */
NT_EXPORT NTSTATUS NTAPI MmCopyMemory(PVOID target, uint64_t source, SIZE_T size, ULONG flags,
                                      PSIZE_T transferred)
{
    size_t done = 0;
    NTSTATUS status = STATUS_SUCCESS;

    if (flags == MM_COPY_MEMORY_PHYSICAL) {
        status = copy_physical(target, source, size, &done);
    } else if (flags == MM_COPY_MEMORY_VIRTUAL) {
        if (source < KE_SYSTEM_LOW)
            return STATUS_INVALID_PARAMETER_2;
        done = accessible_part(source, size, false);
        mm_copy(target, (void *)source, done);
        if (done < size)
            status = STATUS_ACCESS_VIOLATION;
    } else {
        return STATUS_INVALID_PARAMETER_4;
    }
    *transferred = done;
    return status;
}

/* Doc: MmCopyVirtualMemory (not in the kit; behaves as ReadProcessMemory): there is one user address
 * space, so the processes only name it. */
NT_EXPORT NTSTATUS NTAPI MmCopyVirtualMemory(PEPROCESS from_process, PVOID from, PEPROCESS to_process,
                                             PVOID to, SIZE_T size, KPROCESSOR_MODE mode,
                                             PSIZE_T transferred)
{
    size_t can_read, can_write, done;

    (void)from_process;
    (void)to_process;
    *transferred = 0;
    if (!size)
        return STATUS_SUCCESS;
    if (mode != KernelMode && (!mm_is_user(KE_ARG(from), size) || !mm_is_user(KE_ARG(to), size)))
        return STATUS_ACCESS_VIOLATION;
    can_read = accessible_part(KE_ARG(from), size, false);
    can_write = accessible_part(KE_ARG(to), size, true);
    done = PP_MIN(can_read, can_write);
    mm_copy(to, from, done);
    *transferred = done;
    if (done == size)
        return STATUS_SUCCESS;
    return can_read < size ? STATUS_PARTIAL_COPY : STATUS_ACCESS_VIOLATION;
}
