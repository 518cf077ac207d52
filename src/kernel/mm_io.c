/*
 * Device memory and physical addresses.
 *
 * Doc: Microsoft Learn, wdm.h and ntddk.h: MmMapIoSpace, MmGetPhysicalAddress and neighbours; "Bug check
 * 0xC4", values 0x73, 0x7B, 0x83; "Bug check 0xDA", value 0x400.
 */
#include "kernel/mm_phys.h"

#include <string.h>

#define TAG_RANGES 0x73526850u /* "PhRs" */

/* RAM as the firmware reports it; the rest is holes and devices. */
static const struct {
    uint64_t start, end;
} ram[] = {
    {0x1000, 0x9F000},
    {MM_CONT_PA, MM_DEVICE_PA},
    {MM_HIGH_PA, MM_RAM_END},
};

bool mm_is_ram(uint64_t pa)
{
    for (size_t i = 0; i < PP_COUNT(ram); i++)
        if (pa >= ram[i].start && pa < ram[i].end)
            return true;
    return false;
}

/* Does somebody hold the frame, so that mapping it once more can be right? */
static bool is_held(uint64_t pa)
{
    uint64_t va = mm_virt(pa);

    return va && (mm_is_locked(va) || va - MM_CONT_VA < MM_CONT_SIZE);
}

static uint64_t map_io(uint64_t pa, size_t size, unsigned prot)
{
    struct mm_map_request r = {
        .pfn = pa / PP_PAGE_SIZE,
        .pages = mm_pages_of(pa, size),
        .offset = (size_t)(pa & (PP_PAGE_SIZE - 1)),
        .size = size,
        .prot = prot,
        .kind = MM_MAP_IO,
    };
    struct mm_map *m;
    bool mixed;

    mm_irql_rule(VF_MAP_IO_IRQL, DISPATCH_LEVEL, pa, size);
    if (!size || pa >> 52 || size >> 40 || pa + size - 1 < pa)
        return 0;
    for (uint64_t i = 0; i < r.pages; i++) {
        uint64_t page = (r.pfn + i) * PP_PAGE_SIZE;

        if (mm_is_ram(page) && !is_held(page)) {
            mm_rule(VF_MAP_IO_RAM, 0x83, pa, size, page / PP_PAGE_SIZE);
            break;
        }
    }
    m = mm_map_new(&r, &mixed);
    if (!m && mixed) { /* frames that nothing has: a page of RAM that is nobody's reads as zeros */
        r.pfn = (MM_RAM_END + pa) / PP_PAGE_SIZE;
        m = mm_map_new(&r, &mixed);
    }
    return m ? m->asked : 0;
}

NT_EXPORT PVOID NTAPI MmMapIoSpace(PHYSICAL_ADDRESS pa, SIZE_T size, MEMORY_CACHING_TYPE cache)
{
    if (cache < MmNonCached || cache >= MmMaximumCacheType)
        return NULL;
    return (PVOID)map_io((uint64_t)pa.QuadPart, size, OS_READ | OS_WRITE);
}

NT_EXPORT PVOID NTAPI MmMapIoSpaceEx(PHYSICAL_ADDRESS pa, SIZE_T size, ULONG protect)
{
    unsigned prot = OS_READ;

    switch (protect & ~(PAGE_NOCACHE | PAGE_WRITECOMBINE)) {
    case PAGE_READONLY: break;
    case PAGE_READWRITE: prot |= OS_WRITE; break;
    case PAGE_EXECUTE: /* no page can be executed and not read here */
    case PAGE_EXECUTE_READ: prot |= OS_EXEC; break;
    case PAGE_EXECUTE_READWRITE: prot |= OS_WRITE | OS_EXEC; break;
    default: return NULL;
    }
    if (prot & OS_EXEC)
        mm_rule(VF_EXECUTABLE_PAGE, 0x2001, ke_caller(), protect, 0);
    return (PVOID)map_io((uint64_t)pa.QuadPart, size, prot);
}

NT_EXPORT VOID NTAPI MmUnmapIoSpace(PVOID base, SIZE_T size)
{
    struct mm_map *m = mm_map_find(KE_ARG(base));
    uint64_t pages = mm_pages_of(KE_ARG(base), size);

    mm_irql_rule(VF_UNMAP_IO_IRQL, APC_LEVEL, KE_ARG(base), size);
    if (!m || m->kind != MM_MAP_IO || m->asked != KE_ARG(base) || m->pages != pages) {
        mm_rule(VF_PTE_IO_UNKNOWN, 0x400, KE_ARG(base), pages, 0);
        if (!m || m->kind != MM_MAP_IO)
            return;
    }
    mm_map_free(m);
}

/* Doc: MmMapVideoDisplay (obsolete): MmMapIoSpace for display memory. */
NT_EXPORT PVOID NTAPI MmMapVideoDisplay(PHYSICAL_ADDRESS pa, SIZE_T size, MEMORY_CACHING_TYPE cache)
{
    return MmMapIoSpace(pa, size, cache);
}

NT_EXPORT VOID NTAPI MmUnmapVideoDisplay(PVOID base, SIZE_T size)
{
    MmUnmapIoSpace(base, size);
}

NT_EXPORT PHYSICAL_ADDRESS NTAPI MmGetPhysicalAddress(PVOID base)
{
    return (PHYSICAL_ADDRESS){.QuadPart = (LONGLONG)mm_phys(KE_ARG(base))};
}

/* Doc: MmGetVirtualForPhysical (ntddk.h). NULL for a frame that nothing has. */
NT_EXPORT PVOID NTAPI MmGetVirtualForPhysical(PHYSICAL_ADDRESS pa)
{
    return (PVOID)mm_virt((uint64_t)pa.QuadPart);
}

/* Doc: MmGetPhysicalMemoryRanges: ends with a range of zeros; the caller frees it with ExFreePool. */
NT_EXPORT PPHYSICAL_MEMORY_RANGE NTAPI MmGetPhysicalMemoryRanges(VOID)
{
    size_t size = (PP_COUNT(ram) + 1) * sizeof(PHYSICAL_MEMORY_RANGE);
    PHYSICAL_MEMORY_RANGE *r = ex_alloc_for_driver(NonPagedPoolNx, size, TAG_RANGES);

    if (!r)
        return NULL;
    memset(r, 0, size);
    for (size_t i = 0; i < PP_COUNT(ram); i++) {
        r[i].BaseAddress.QuadPart = (LONGLONG)ram[i].start;
        r[i].NumberOfBytes.QuadPart = (LONGLONG)(ram[i].end - ram[i].start);
    }
    return r;
}
