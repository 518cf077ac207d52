/*
 * Questions about addresses: is it valid, is it user's, may it be touched. And start of the group.
 *
 * Doc: Microsoft Learn, wdm.h and ntddk.h, the page of each routine.
 */
#include "kernel/mm_phys.h"

#define SHARED_DATA 0xFFFFF78000000000ull /* KUSER_SHARED_DATA: read by emulation */

static void data_init(void)
{
    KE_DATA->MmSystemRangeStart = (PVOID)KE_SYSTEM_LOW;
    KE_DATA->MmUserProbeAddress = MM_PROBE_ADDRESS;
    KE_DATA->MmHighestUserAddress = (PVOID)(MM_PROBE_ADDRESS - 1);
    KE_DATA->Mm64BitPhysicalAddress = TRUE;
    hal_dispatch_init();
}

int mm_init(void)
{
    int err = mm_phys_init();

    if (!err)
        err = mm_user_init();
    if (!err)
        err = mm_cont_init();
    if (!err)
        data_init();
    return err;
}

bool mm_is_valid(uint64_t addr)
{
    struct pl_block_info b;
    uint8_t byte;

    if (addr - MM_USER_VA < MM_USER_SIZE)
        return mm_user_is_open(addr);
    if (addr - MM_CONT_VA < MM_CONT_SIZE)
        return mm_cont_is_open(addr);
    if (mm_page_of(addr) == SHARED_DATA)
        return true;
    switch (pl_find(ke_m.pool, addr, &b)) {
    case PL_LIVE:
    case PL_REVOKED:
    case PL_SLACK_AFTER:
    case PL_SLACK_BEFORE:
        return true;
    default:
        return os_peek(addr, &byte, 1) == 1;
    }
}

static bool is_writable(uint64_t addr)
{
    const struct ke_image *im = ke_image_at(addr);

    if (im)
        return ke_image_page_prot(im, (uint32_t)(mm_page_of(addr) - im->base)) & OS_WRITE;
    return mm_page_of(addr) != SHARED_DATA && !(addr >= KE_STUB_LOW && addr < KE_STUB_HIGH);
}

bool mm_is_accessible(uint64_t addr, size_t size, bool write)
{
    uint64_t page = mm_page_of(addr);

    if (!size)
        return true;
    if (addr + size < addr)
        return false;
    for (; page < addr + size; page += PP_PAGE_SIZE) {
        uint64_t first = PP_MAX(page, addr);

        if (!mm_is_valid(first) || (write && !is_writable(first)))
            return false;
    }
    return true;
}

/* Doc: nf-ntddk-mmisaddressvalid. */
NT_EXPORT BOOLEAN NTAPI MmIsAddressValid(PVOID address)
{
    return mm_is_valid(KE_ARG(address));
}

/* Doc: nf-ntifs, MmIsNonPagedSystemAddressValid (obsolete). */
NT_EXPORT BOOLEAN NTAPI MmIsNonPagedSystemAddressValid(PVOID address)
{
    struct pl_block_info b;
    uint64_t addr = KE_ARG(address);

    if (addr < KE_SYSTEM_LOW || !mm_is_valid(addr))
        return FALSE;
    return pl_find(ke_m.pool, addr, &b) == PL_NOT_POOL || !(b.flags & PL_PAGED);
}

static void check_user_range(uint64_t addr, size_t size, ULONG alignment)
{
    if (alignment && (addr & (alignment - 1u)))
        ke_raise_status(STATUS_DATATYPE_MISALIGNMENT);
    if (addr + size < addr || addr + size > MM_PROBE_ADDRESS)
        ke_raise_status(STATUS_ACCESS_VIOLATION);
}

/* Doc: nf-wdm-probeforread. Checks the range only, does not touch it. Length 0 is never an error. */
NT_EXPORT VOID NTAPI ProbeForRead(const volatile VOID *address, SIZE_T size, ULONG alignment)
{
    if (size)
        check_user_range((uint64_t)(uintptr_t)address, size, alignment);
}

/* Doc: nf-wdm-probeforwrite. Touches every page; a fault there is raised to the caller. */
NT_EXPORT VOID NTAPI ProbeForWrite(volatile VOID *address, SIZE_T size, ULONG alignment)
{
    uint64_t addr = (uint64_t)(uintptr_t)address;

    if (!size)
        return;
    check_user_range(addr, size, alignment);
    for (uint64_t at = addr; at < addr + size; at = mm_page_of(at) + PP_PAGE_SIZE) {
        volatile uint8_t *p = (volatile uint8_t *)at;

        *p = *p;
    }
}

/* Doc: nf-ntddk-mmquerysystemsize: 4 GB is a large system. */
NT_EXPORT MM_SYSTEMSIZE NTAPI MmQuerySystemSize(VOID)
{
    return MmLargeSystem;
}

/* Doc: nf-ntddk-mmisthisanntassystem: a workstation. */
NT_EXPORT BOOLEAN NTAPI MmIsThisAnNtAsSystem(VOID)
{
    return FALSE;
}

/* Doc: nf-ntddk-mmsecurevirtualmemory. The protection must be a user-mode one; the handle is the range's
 * address, since nothing can unmap simulated user memory under a driver. */
NT_EXPORT HANDLE NTAPI MmSecureVirtualMemory(PVOID address, SIZE_T size, ULONG probe_mode)
{
    uint64_t addr = KE_ARG(address);

    if (!size || (probe_mode != PAGE_READWRITE && probe_mode != PAGE_READONLY) ||
        !mm_is_user(addr, size) || !mm_is_accessible(addr, size, probe_mode == PAGE_READWRITE))
        return NULL;
    return address;
}

/* Doc: nf-ntddk-mmunsecurevirtualmemory. */
NT_EXPORT VOID NTAPI MmUnsecureVirtualMemory(HANDLE secure)
{
    (void)secure; /* nothing was taken */
}

/* ---- Files that are mapped ---- */

/* Doc: nf-ntifs-mmflushimagesection: TRUE when no image section is left. Nothing here maps a file as an
 * image, so one that has such a section got it from its file system. */
NT_EXPORT BOOLEAN NTAPI MmFlushImageSection(PSECTION_OBJECT_POINTERS pointers, ULONG flush_type)
{
    (void)flush_type;
    return pointers->ImageSectionObject == NULL;
}

/* Doc: nf-ntifs-mmcanfilebetruncated. */
NT_EXPORT BOOLEAN NTAPI MmCanFileBeTruncated(PSECTION_OBJECT_POINTERS pointers, PLARGE_INTEGER new_size)
{
    (void)new_size;
    return pointers->ImageSectionObject == NULL;
}

/* Doc: nf-ntifs-mmdoesfilehaveuserwritablereferences. Not yet: views that ZwMapViewOfSection made. */
NT_EXPORT ULONG NTAPI MmDoesFileHaveUserWritableReferences(PSECTION_OBJECT_POINTERS pointers)
{
    (void)pointers;
    return 0;
}
