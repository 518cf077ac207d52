#include "mm_fixture.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TAG 0x31746554u /* "Tet1" */

TestSuite(mm, .init = fx_init);

static PHYSICAL_ADDRESS pa(uint64_t v)
{
    return (PHYSICAL_ADDRESS){.QuadPart = (LONGLONG)v};
}

/* ---- User buffers ---- */

Test(mm, user_buffer_ends_at_a_guard_and_is_zeroed)
{
    for (size_t size = 1; size < 20000; size = size * 3 + 1) {
        uint8_t *p = mm_user_alloc(size);

        cr_assert(p);
        cr_assert_eq((uintptr_t)p & 7, 0);
        cr_assert(mm_is_user(KE_ARG(p), size));
        for (size_t i = 0; i < size; i++)
            cr_assert_eq(p[i], 0);
        memset(p, 0xAB, size);
        cr_assert_not(fx_can_read(p + pp_align_up(size, 8)));
        cr_assert_eq(mm_is_valid(KE_ARG(p) + size - 1), true);
        cr_assert_eq(mm_is_valid(KE_ARG(p) + pp_align_up(size, 8)), false);
        mm_user_free(p);
        cr_assert_not(fx_can_read(p));
        cr_assert_not(mm_is_valid(KE_ARG(p)));
    }
}

Test(mm, user_slots_are_held_back_and_come_back_clean)
{
    uint8_t *first = mm_user_alloc(100), *p;
    unsigned n = 0;

    memset(first, 0x55, 100);
    mm_user_free(first);
    do {
        p = mm_user_alloc(100);
        mm_user_free(p);
        n++;
    } while (p != first && n < 1000);
    cr_assert_eq(p, first);
    cr_assert_gt(n, 16);
    p = mm_user_alloc(100);
    cr_assert_eq(p[0], 0);
}

/* ---- MDLs ---- */

Test(mm, locked_user_buffer_shows_the_same_bytes_at_a_system_address)
{
    uint8_t *user = mm_user_alloc(6000), *sys;
    MDL *mdl = IoAllocateMdl(user, 6000, FALSE, FALSE, NULL);

    MmProbeAndLockPages(mdl, UserMode, IoWriteAccess);
    cr_assert(mdl->MdlFlags & MDL_PAGES_LOCKED);
    cr_assert(mdl->MdlFlags & MDL_WRITE_OPERATION);
    sys = MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    cr_assert(KE_ARG(sys) >= KE_SYSTEM_LOW);
    cr_assert_eq((uintptr_t)sys & 0xFFF, (uintptr_t)user & 0xFFF);
    sys[5999] = 0x77;
    cr_assert_eq(user[5999], 0x77);
    cr_assert_not(fx_can_read(sys + 6000));
    cr_assert_eq(MmGetPhysicalAddress(sys + 5000).QuadPart, MmGetPhysicalAddress(user + 5000).QuadPart);
    MmUnlockPages(mdl); /* takes the mapping away too */
    cr_assert_not(fx_can_read(sys));
    cr_assert_not(mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA);
    IoFreeMdl(mdl);
    mm_user_free(user);
    cr_assert_eq(fx_reports_total(), 0);
}

static void lock_bad(void *arg)
{
    MmProbeAndLockPages(arg, UserMode, IoReadAccess);
}

Test(mm, locking_what_is_not_there_raises)
{
    uint8_t *user = mm_user_alloc(64);
    MDL *mdl = IoAllocateMdl(user + 8, 4096, FALSE, FALSE, NULL);
    MDL *kernel = IoAllocateMdl(ExAllocatePoolWithTag(NonPagedPoolNx, 64, TAG), 64, FALSE, FALSE, NULL);

    cr_assert(fx_raises(lock_bad, mdl));
    cr_assert_eq(fx_raised, STATUS_ACCESS_VIOLATION);
    cr_assert(fx_raises(lock_bad, kernel)); /* a system address from user mode */
    cr_assert_eq(fx_raised, STATUS_ACCESS_VIOLATION);
}

Test(mm, nonpaged_pool_is_mapped_where_it_is)
{
    uint8_t *p = ExAllocatePoolWithTag(NonPagedPoolNx, 9000, TAG);
    MDL *mdl = IoAllocateMdl(p, 9000, FALSE, FALSE, NULL);
    PFN_NUMBER *frames = (PFN_NUMBER *)(void *)(mdl + 1);

    MmBuildMdlForNonPagedPool(mdl);
    cr_assert_eq(mdl->MappedSystemVa, p);
    cr_assert_eq(frames[1] * 4096, (uint64_t)MmGetPhysicalAddress(p + 4096).QuadPart & ~0xFFFull);
    cr_assert_eq(MmGetVirtualForPhysical(MmGetPhysicalAddress(p + 5000)), p + 5000);
    cr_assert_eq(MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority), p);
    MmUnmapLockedPages(p, mdl);
    IoFreeMdl(mdl);
    ExFreePool(p);
    cr_assert_eq(fx_reports_total(), 0);
}

Test(mm, mdl_rules)
{
    uint8_t *p = ExAllocatePoolWithTag(PagedPool, 100, TAG);
    MDL *mdl = IoAllocateMdl(p, 100, FALSE, FALSE, NULL);

    MmUnlockPages(mdl);
    cr_assert_eq(fx_reports(VF_MDL_UNLOCK_UNLOCKED), 1);
    MmUnmapLockedPages(p, mdl);
    cr_assert_eq(fx_reports(VF_MDL_UNMAP_UNMAPPED), 1);
    cr_assert(MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, 0));
    cr_assert_eq(fx_reports(VF_MDL_MAP_UNLOCKED), 1);
    cr_assert(MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, 0));
    cr_assert_eq(fx_reports(VF_MDL_MAP_AGAIN), 1);
    IoFreeMdl(mdl);
    cr_assert_eq(fx_reports(VF_MDL_FREE_MAPPED), 1);

    mdl = IoAllocateMdl(p, 100, FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(mdl);
    cr_assert_eq(fx_reports(VF_MDL_BUILD_PAGED), 1);
    MmUnlockPages(mdl);
    cr_assert_eq(fx_reports(VF_MDL_UNLOCK_NONPAGED), 1);
    IoFreeMdl(mdl);

    mdl = IoAllocateMdl(p, 100, FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoReadAccess);
    cr_assert(mm_is_locked(KE_ARG(p)));
    MmProbeAndLockPages(mdl, KernelMode, IoReadAccess);
    cr_assert_eq(fx_reports(VF_MDL_LOCK_FLAGS), 1);
    cr_assert_eq(fx_last()->p[3], MDL_PAGES_LOCKED);
    fx_irql = DISPATCH_LEVEL + 1;
    MmUnlockPages(mdl);
    cr_assert_eq(fx_reports(VF_MDL_UNLOCK_IRQL), 1);
    cr_assert_not(mm_is_locked(KE_ARG(p)));
    fx_irql = 0;
    MmProbeAndLockPages(mdl, KernelMode, IoReadAccess);
    IoFreeMdl(mdl);
    cr_assert_eq(fx_reports(VF_MDL_LEFT_LOCKED), 1);
}

struct partial {
    MDL *source, *target;
    void *address;
    ULONG length;
};

static void build_partial(void *arg)
{
    struct partial *p = arg;

    IoBuildPartialMdl(p->source, p->target, p->address, p->length);
}

Test(mm, partial_mdl_maps_its_part)
{
    uint8_t *user = mm_user_alloc(4096 * 4), *sys;
    struct partial p = {.source = IoAllocateMdl(user, 4096 * 4, FALSE, FALSE, NULL)};

    MmProbeAndLockPages(p.source, UserMode, IoWriteAccess);
    p.target = IoAllocateMdl(user + 5000, 4000, FALSE, FALSE, NULL);
    IoBuildPartialMdl(p.source, p.target, user + 5000, 4000);
    sys = MmMapLockedPagesSpecifyCache(p.target, KernelMode, MmCached, NULL, FALSE, 0);
    user[5000] = 0x31;
    cr_assert_eq(sys[0], 0x31);
    cr_assert(p.target->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED);
    IoFreeMdl(p.target);
    cr_assert_not(fx_can_read(sys));
    cr_assert_eq(fx_reports_total(), 0);

    p.target = IoAllocateMdl(user, 100, FALSE, FALSE, NULL);
    p.address = user;
    p.length = 9000;
    cr_assert(fx_raises(build_partial, &p));
    cr_assert_eq(fx_reports(VF_TARGET_MDL_TOO_SMALL), 1);
    p.address = user + 4096 * 3;
    p.length = 4097;
    cr_assert(fx_raises(build_partial, &p));
    cr_assert_eq(fx_reports(VF_INVALID_MDL_RANGE), 1);
}

Test(mm, advance_drops_whole_pages)
{
    uint8_t *user = mm_user_alloc(4096 * 3);
    MDL *mdl = IoAllocateMdl(user, 4096 * 3, FALSE, FALSE, NULL);
    PFN_NUMBER *frames = (PFN_NUMBER *)(void *)(mdl + 1), second;

    MmProbeAndLockPages(mdl, UserMode, IoReadAccess);
    second = frames[1];
    cr_assert_eq(MmAdvanceMdl(mdl, 4096 * 3 + 1), STATUS_INVALID_PARAMETER_2);
    cr_assert_eq(MmAdvanceMdl(mdl, 5000), STATUS_SUCCESS);
    cr_assert_eq(frames[0], second);
    cr_assert_eq(mdl->ByteOffset, (5000 + ((uintptr_t)user & 0xFFF)) & 0xFFF);
    cr_assert_eq(mdl->ByteCount, 4096 * 3 - 5000);
}

Test(mm, pages_for_mdl_are_zero_and_mapped_twice_alike)
{
    MDL *mdl = MmAllocatePagesForMdl(pa(0), pa(UINT64_MAX), pa(0), 10000);
    uint8_t *sys, *user;

    cr_assert(mdl);
    cr_assert_eq(mdl->ByteCount, 12288);
    sys = MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, 0);
    user = MmMapLockedPagesSpecifyCache(mdl, UserMode, MmCached, NULL, FALSE, 0);
    cr_assert(mm_is_user(KE_ARG(user), 12288));
    for (int i = 0; i < 12288; i++)
        cr_assert_eq(sys[i], 0);
    sys[10000] = 9;
    cr_assert_eq(user[10000], 9);
    cr_assert_not(fx_can_read(sys + 12288));
    MmUnmapLockedPages(user, mdl);
    cr_assert_not(fx_can_read(user));
    MmUnmapLockedPages(sys, mdl);
    MmFreePagesFromMdl(mdl);
    ExFreePool(mdl);
    cr_assert_eq(fx_reports_total(), 0);
    mdl = MmAllocatePagesForMdl(pa(0), pa(0xFFFFFFFF), pa(0), 4096);
    cr_assert_lt(((PFN_NUMBER *)(void *)(mdl + 1))[0], 0x100000);
}

/* ---- Contiguous memory, device memory ---- */

Test(mm, contiguous_memory_is_contiguous_guarded_and_below_the_limit)
{
    uint8_t *p = MmAllocateContiguousMemory(3 * 4096 + 1, pa(0xFFFFFF)), *q, *io;
    uint64_t first = (uint64_t)MmGetPhysicalAddress(p).QuadPart;

    cr_assert(p);
    cr_assert_eq((uintptr_t)p & 0xFFF, 0);
    cr_assert_lt(first, 0x1000000);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq((uint64_t)MmGetPhysicalAddress(p + 4096 * i).QuadPart, first + 4096 * i);
    cr_assert_not(fx_can_read(p + 4 * 4096));
    cr_assert_eq(MmGetVirtualForPhysical(pa(first + 5000)), p + 5000);
    p[5] = 0x42;
    io = MmMapIoSpace(pa(first), 4096, MmNonCached);
    cr_assert_eq(io[5], 0x42);
    MmUnmapIoSpace(io, 4096);
    q = MmAllocateContiguousMemorySpecifyCache(0x8000, pa(0), pa(UINT64_MAX), pa(0x10000), MmCached);
    first = (uint64_t)MmGetPhysicalAddress(q).QuadPart;
    cr_assert_eq(first / 0x10000, (first + 0x7FFF) / 0x10000);
    MmFreeContiguousMemory(p);
    cr_assert_not(fx_can_read(p));
    cr_assert_eq(fx_reports_total(), 0);
    MmFreeContiguousMemory(p);
    cr_assert_eq(fx_reports(VF_FREE_CONTIGUOUS), 1);
    cr_assert_null(MmAllocateContiguousMemory(0x40000000, pa(UINT64_MAX)));
    cr_assert_eq(mm_check_unload(&fx_image), 1);
    cr_assert_eq(fx_notes(), 1);
}

Test(mm, noncached_memory_checks_its_size)
{
    void *p = MmAllocateNonCachedMemory(8192);

    MmFreeNonCachedMemory(p, 4096);
    cr_assert_eq(fx_reports(VF_PTE_NONCACHED_SIZE), 1);
    MmFreeNonCachedMemory(p, 8192);
    cr_assert_eq(fx_reports(VF_PTE_RELEASE_AGAIN), 1);
}

Test(mm, device_memory_is_shared_by_its_mappings)
{
    uint8_t *a = MmMapIoSpace(pa(0xFEB00010), 0x100, MmNonCached);
    uint8_t *b = MmMapIoSpace(pa(0xFEB00000), 0x1000, MmNonCached);

    cr_assert_eq((uintptr_t)a & 0xFFF, 0x10);
    a[0] = 7;
    cr_assert_eq(b[0x10], 7);
    cr_assert_not(fx_can_read(b + 0x1000));
    MmUnmapIoSpace(a, 0x100);
    cr_assert_not(fx_can_read(a));
    cr_assert_eq(fx_reports_total(), 0);
    MmUnmapIoSpace(a, 0x100);
    cr_assert_eq(fx_reports(VF_PTE_IO_UNKNOWN), 1);
    cr_assert_eq(mm_check_unload(&fx_image), 1);
    /* Above all memory. */
    a = MmMapIoSpace(pa(0x380000000000), 0x2000, MmNonCached);
    cr_assert_eq(a[0x1FFF], 0);
    cr_assert_null(MmMapIoSpace(pa(0xFEB00000), 0, MmNonCached));
    cr_assert_null(MmMapIoSpace(pa(0xFEB00000), 0x1000, MmMaximumCacheType));
}

Test(mm, bios_area_is_readable_and_ram_is_a_finding)
{
    uint8_t *p = MmMapIoSpace(pa(0xF0000), 0x10000, MmNonCached);

    cr_assert_eq(p[0xFFFE], 0xFC);
    cr_assert_eq(fx_reports_total(), 0);
    cr_assert(MmMapIoSpace(pa(0x30000000), 0x1000, MmNonCached));
    cr_assert_eq(fx_reports(VF_MAP_IO_RAM), 1);
    cr_assert(MmMapIoSpace(pa(0x90000000), 0x1000, MmNonCached)); /* a frame that nothing has */
}

Test(mm, ranges_add_up_to_4_gb)
{
    PHYSICAL_MEMORY_RANGE *r = MmGetPhysicalMemoryRanges();
    uint64_t sum = 0;

    for (unsigned i = 0; r[i].NumberOfBytes.QuadPart; i++)
        sum += (uint64_t)r[i].NumberOfBytes.QuadPart;
    cr_assert_gt(sum, 0xFFE00000);
    cr_assert_leq(sum, 0x100000000);
    ExFreePool(r);
}

Test(mm, reserved_mapping)
{
    MDL *mdl = MmAllocatePagesForMdl(pa(0), pa(UINT64_MAX), pa(0), 8192);
    void *range = MmAllocateMappingAddress(16384, TAG);
    uint8_t *p;

    cr_assert_not(fx_can_read(range));
    p = MmMapLockedPagesWithReservedMapping(range, TAG, mdl, MmCached);
    cr_assert_eq((void *)p, range);
    p[8191] = 1;
    cr_assert_not(fx_can_read(p + 8192));
    cr_assert_null(MmMapLockedPagesWithReservedMapping(range, TAG, mdl, MmCached));
    cr_assert_eq(fx_reports(VF_PTE_MAP_IN_USE), 1);
    MmUnmapReservedMapping(range, TAG, mdl);
    cr_assert_not(fx_can_read(p));
    MmUnmapReservedMapping(range, TAG, mdl);
    cr_assert_eq(fx_reports(VF_PTE_UNMAP_EMPTY), 1);
    MmFreeMappingAddress(range, TAG + 1);
    cr_assert_eq(fx_reports(VF_PTE_FREE_OWNER), 1);
    MmFreeMappingAddress(range, TAG);
    cr_assert_eq(fx_reports(VF_PTE_FREE_EMPTY), 1);
}

/* ---- Copying ---- */

Test(mm, copies_are_checked_against_the_block)
{
    uint8_t *p = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG), from[200], q[200];

    for (int i = 0; i < 200; i++)
        from[i] = (uint8_t)i;
    mm_copy(p, from, 100);
    cr_assert_eq(fx_reports_total(), 0);
    mm_copy(p, from, 101);
    cr_assert_eq(fx_reports(VF_BEYOND_END_KERNEL), 1);
    cr_assert_eq(fx_last()->p[0], KE_ARG(p) + 100);
    cr_assert_eq(fx_last()->p[1], 1);
    memset(q, 0, sizeof q);
    mm_copy(q, p + 90, 20); /* only what is there */
    cr_assert_eq(fx_reports(VF_BEYOND_END_KERNEL), 2);
    cr_assert_eq(q[9], 99);
    cr_assert_eq(q[10], 0);
    mm_fill(p, 1, 104);
    cr_assert_eq(fx_reports(VF_BEYOND_END_KERNEL), 3);
    ke_m.config.like_windows = true;
    mm_fill(p, 1, 104); /* slack, found at free as on Windows */
    cr_assert_eq(fx_reports(VF_BEYOND_END_KERNEL), 3);
}

Test(mm, copies_overlap_both_ways)
{
    uint8_t a[1000], b[1000];

    for (size_t size = 1; size < 700; size = size * 2 + 3) {
        for (size_t d = 1; d < 20; d += 3) {
            for (int i = 0; i < 1000; i++)
                a[i] = b[i] = (uint8_t)(i * 7);
            mm_copy(a + d, a, size);
            memmove(b + d, b, size);
            cr_assert_arr_eq(a, b, sizeof a);
            mm_copy(a, a + d, size);
            memmove(b, b + d, size);
            cr_assert_arr_eq(a, b, sizeof a);
        }
    }
}

Test(mm, copy_memory_stops_where_nothing_is)
{
    uint8_t *p = ExAllocatePoolWithTag(NonPagedPoolNx, 4096, TAG), out[8192];
    SIZE_T done = 0;

    memset(p, 3, 4096);
    cr_assert_eq(MmCopyMemory(out, KE_ARG(p), 100, 2, &done), STATUS_SUCCESS);
    cr_assert_eq(done, 100);
    cr_assert_eq(MmCopyMemory(out, KE_ARG(p), 8192, 2, &done), STATUS_ACCESS_VIOLATION);
    cr_assert_eq(done, 4096);
    cr_assert_eq(MmCopyMemory(out, 0xF0000, 16, 1, &done), STATUS_INVALID_ADDRESS);
    p = MmAllocateContiguousMemory(4096, pa(UINT64_MAX));
    p[9] = 0x99;
    cr_assert_eq(MmCopyMemory(out, (uint64_t)MmGetPhysicalAddress(p).QuadPart, 10, 1, &done), STATUS_SUCCESS);
    cr_assert_eq(out[9], 0x99);
}

static void probe_misaligned(void *arg)
{
    ProbeForRead((uint8_t *)arg + 1, 4, 4);
}

static void probe_system(void *arg)
{
    ProbeForRead(arg, 1, 1);
}

Test(mm, probes_raise)
{
    void *user = mm_user_alloc(16);

    ProbeForRead(user, 16, 4);
    ProbeForRead((void *)KE_SYSTEM_LOW, 0, 4); /* no length, no check */
    cr_assert(fx_raises(probe_misaligned, user));
    cr_assert_eq(fx_raised, STATUS_DATATYPE_MISALIGNMENT);
    cr_assert(fx_raises(probe_system, (void *)KE_SYSTEM_LOW));
    cr_assert_eq(fx_raised, STATUS_ACCESS_VIOLATION);
    cr_assert(fx_raises(probe_system, (void *)KE_DATA->MmUserProbeAddress));
}

/* ---- Pool routines ---- */

static void quota_must_raise(void *arg)
{
    (void)arg;
    (void)ExAllocatePoolWithQuotaTag(NonPagedPoolNx, SIZE_MAX / 2, TAG);
}

Test(mm, pool_rules)
{
    void *p;

    cr_assert_null(ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_PAGED, 8, TAG));
    cr_assert_null(ExAllocatePool2(POOL_FLAG_NON_PAGED, 8, 0));
    cr_assert_null(ExAllocatePool2(POOL_FLAG_NON_PAGED | 0x400000, 8, TAG));
    cr_assert_eq(fx_reports_total(), 0);
    p = ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_SPECIAL_POOL | 1ull << 60, 8, TAG);
    cr_assert_eq(*(uint64_t *)p, 0);
    cr_assert(ExAllocatePoolWithTag(NonPagedPoolNx, 8, 0));
    cr_assert_eq(fx_reports(VF_POOL_TAG_ZERO), 1);
    cr_assert(ExAllocatePoolWithTag(NonPagedPoolNx, 8, 0x20474942));
    cr_assert_eq(fx_reports(VF_POOL_TAG_BIG), 1);
    cr_assert(ExAllocatePoolWithTag(NonPagedPoolNx, 8, 0x20202020));
    cr_assert_eq(fx_reports(VF_POOL_TAG_NO_LETTER), 1);
    cr_assert(ExAllocatePoolWithTag(NonPagedPoolNx, 0, TAG));
    cr_assert_eq(fx_reports(VF_VER_ZERO_BYTES), 1);
    cr_assert(ExAllocatePoolWithTag(NonPagedPoolMustSucceed, 8, TAG));
    cr_assert_eq(fx_reports(VF_POOL_MUST_SUCCEED), 1);
    p = ExAllocatePoolWithTag(PagedPool, 8, TAG);
    fx_irql = DISPATCH_LEVEL;
    ExFreePool(p);
    cr_assert_eq(fx_reports(VF_VER_FREE_PAGED_IRQL), 1);
    (void)ExAllocatePoolWithTag(PagedPool, 8, TAG);
    cr_assert_eq(fx_reports(VF_VER_ALLOC_PAGED_IRQL), 1);
    fx_irql = 0;
    cr_assert(fx_raises(quota_must_raise, NULL));
    cr_assert_eq(fx_raised, STATUS_INSUFFICIENT_RESOURCES);
    cr_assert_null(ExAllocatePoolWithQuotaTag(NonPagedPoolNx | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE,
                                              SIZE_MAX / 2, TAG));
}

Test(mm, lookaside_lists)
{
    NPAGED_LOOKASIDE_LIST *l = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *l, TAG);
    LOOKASIDE_LIST_EX *x = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *x, TAG);

    ExInitializeNPagedLookasideList(l, NULL, NULL, POOL_NX_ALLOCATION, 40, TAG, 0);
    cr_assert_eq(l->L.Depth, 0);
    cr_assert_eq(l->L.Size, 40);
    cr_assert_eq(l->L.Type, NonPagedPoolNx);
    cr_assert_eq(KE_ARG(l->L.Free), 0x4D0000000020);
    ExInitializeNPagedLookasideList(l, NULL, NULL, 0, 40, TAG, 0);
    cr_assert_eq(fx_reports(VF_LOOKASIDE_AGAIN), 1);
    ExDeleteNPagedLookasideList(l);
    ExDeleteNPagedLookasideList(l);
    cr_assert_eq(fx_reports(VF_LOOKASIDE_UNINIT), 1);
    ExInitializeNPagedLookasideList(l, NULL, NULL, 0, 4, TAG, 0);
    cr_assert_eq(fx_reports(VF_LOOKASIDE_SIZE), 1);
    ExFreePool(l);
    cr_assert_eq(fx_reports(VF_LOOKASIDE_IN_FREED), 1);
    cr_assert_eq(ExInitializeLookasideListEx(x, NULL, NULL, PagedPool, 4, 40, TAG, 0),
                 STATUS_INVALID_PARAMETER_5);
    cr_assert_eq(ExInitializeLookasideListEx(x, NULL, NULL, PagedPool, 1, 40, TAG, 0), STATUS_SUCCESS);
    cr_assert_eq((uint32_t)x->L.Type, PagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE);
    cr_assert_eq(ex_lookaside_check_unload(&fx_image), 1);
    cr_assert_eq(fx_reports(VF_UNLOAD_LOOKASIDE), 1);
}

/* ---- Ports, buses, registers ---- */

Test(mm, pci_by_ports_and_by_calls)
{
    uint16_t vendor;
    uint32_t bar, ones = UINT32_MAX;

    hal_port_write(0xCF8, 0x80000000u | 3u << 11, 4);
    cr_assert_eq(hal_port_read(0xCFC, 4), 0x11E81234u);
    cr_assert_eq(hal_port_read(0xCFE, 2), 0x11E8u);
    cr_assert_eq(HalGetBusDataByOffset(PCIConfiguration, 0, 3, &vendor, 0, 2), 2);
    cr_assert_eq(vendor, 0x1234);
    cr_assert_eq(HalGetBusDataByOffset(PCIConfiguration, 0, 9, &vendor, 0, 2), 2);
    cr_assert_eq(vendor, 0xFFFF);
    cr_assert_eq(HalGetBusDataByOffset(PCIConfiguration, 1, 0, &vendor, 0, 2), 0);
    cr_assert_eq(HalSetBusDataByOffset(PCIConfiguration, 0, 3, &ones, 0x10, 4), 4);
    cr_assert_eq(HalGetBusDataByOffset(PCIConfiguration, 0, 3, &bar, 0x10, 4), 4);
    cr_assert_eq(bar, 0xFFFF0000u);
    cr_assert_eq(HalGetBusDataByOffset(PCIConfiguration, 0, 3, &bar, 0xFE, 4), 2);
    cr_assert_eq(hal_port_read(0x2F8, 1), 0xFF);
    cr_assert_eq(hal_port_read(0x2F8, 2), 0xFFFF);
}

Test(mm, clock_chip_tells_the_date)
{
    uint8_t date[10];

    cr_assert_eq(HalGetBusDataByOffset(Cmos, 0, 0, date, 0, 10), 10);
    cr_assert_eq(date[9], 0x22);
    cr_assert_eq(date[8], 0x11);
    cr_assert_eq(date[7], 0x24);
    cr_assert_eq(date[6], 5); /* Thursday */
}

Test(mm, model_specific_registers)
{
    uint64_t v;

    cr_assert(hal_msr_read(0x1B, &v));
    cr_assert_eq(v & 0x900, 0x900);
    cr_assert_not(hal_msr_read(0x12345, &v));
    cr_assert(hal_msr_write(0x199, 0x1800));
    cr_assert(hal_msr_read(0x199, &v));
    cr_assert_eq(v, 0x1800);
    cr_assert_not(hal_msr_write(0xCE, 1));
}

Test(mm, a_forked_child_has_memory_of_its_own)
{
    uint8_t *user = mm_user_alloc(100), *cont = MmAllocateContiguousMemory(4096, pa(UINT64_MAX));
    MDL *mdl = IoAllocateMdl(user, 100, FALSE, FALSE, NULL);
    uint8_t *sys, *io = MmMapIoSpace(pa(0xFEB00000), 16, MmNonCached);
    int status;
    pid_t pid;

    MmProbeAndLockPages(mdl, UserMode, IoWriteAccess);
    sys = MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, 0);
    user[0] = cont[0] = io[0] = 1;
    pid = fork();
    if (!pid) {
        if (mm_after_fork() || user[0] != 1 || cont[0] != 1 || io[0] != 1 || sys[0] != 1)
            _exit(1);
        sys[0] = 2;
        cont[0] = 2;
        io[0] = 2;
        _exit(user[0] == 2 ? 0 : 2);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    cr_assert_eq(user[0], 1);
    cr_assert_eq(cont[0], 1);
    cr_assert_eq(io[0], 1);
}

/* ---- DMA ---- */

static void *seen_base;
static SCATTER_GATHER_LIST *seen_list;
static IO_ALLOCATION_ACTION answer = DeallocateObjectKeepRegisters;
static unsigned ran;

static IO_ALLOCATION_ACTION NTAPI control(PDEVICE_OBJECT device, PIRP irp, PVOID base, PVOID context)
{
    (void)device;
    (void)irp;
    (void)context;
    seen_base = base;
    ran++;
    return answer;
}

static VOID NTAPI list_control(PDEVICE_OBJECT device, PIRP irp, PSCATTER_GATHER_LIST list, PVOID context)
{
    (void)device;
    (void)irp;
    (void)context;
    seen_list = list;
    ran++;
}

static DMA_ADAPTER *adapter(bool scatter_gather, ULONG length, ULONG *registers)
{
    DEVICE_DESCRIPTION d = {.Version = DEVICE_DESCRIPTION_VERSION2, .Master = TRUE,
                            .ScatterGather = scatter_gather, .Dma64BitAddresses = TRUE,
                            .InterfaceType = PCIBus, .MaximumLength = length};

    return IoGetDmaAdapter(NULL, &d, registers);
}

Test(mm, dma_common_buffer_and_adapter)
{
    ULONG registers;
    DMA_ADAPTER *a = adapter(true, 65536, &registers);
    PHYSICAL_ADDRESS logical;
    uint8_t *p;

    cr_assert_eq(registers, 18);
    cr_assert_eq(a->DmaOperations->Size, 0x80);
    p = HalAllocateCommonBuffer(a, 100, &logical, FALSE);
    cr_assert_eq(logical.QuadPart, MmGetPhysicalAddress(p).QuadPart);
    p[100] = 1;
    HalFreeCommonBuffer(a, 101, logical, p, FALSE);
    cr_assert_eq(fx_reports(VF_DMA_FREE_COMMON), 1);
    HalFreeCommonBuffer(a, 100, logical, p, FALSE);
    cr_assert_eq(fx_reports(VF_DMA_PADDING), 1);
    cr_assert_not(fx_can_read(p));
    (void)HalAllocateCommonBuffer(a, 100, &logical, FALSE);
    HalPutDmaAdapter(a);
    cr_assert_eq(fx_reports(VF_DMA_PUT_COMMON), 1);
    HalPutDmaAdapter(a);
    cr_assert_eq(fx_reports(VF_DMA_ADAPTER_RELEASED), 1);
}

Test(mm, dma_packet_transfer)
{
    DEVICE_OBJECT device = {.CurrentIrp = NULL}, second = {.CurrentIrp = NULL};
    ULONG registers, length = 9000;
    DMA_ADAPTER *a = adapter(true, 65536, &registers);
    uint8_t *user = mm_user_alloc(9000);
    MDL *mdl = IoAllocateMdl(user, 9000, FALSE, FALSE, NULL);
    PHYSICAL_ADDRESS logical;
    ULONG pages = (ULONG)mm_pages_of(KE_ARG(user), 9000);

    MmProbeAndLockPages(mdl, UserMode, IoWriteAccess);
    fx_irql = DISPATCH_LEVEL;
    cr_assert_eq(HalRealAllocateAdapterChannel(a, &device, pages, control, NULL), STATUS_SUCCESS);
    cr_assert_eq(ran, 1);
    logical = IoMapTransfer(a, mdl, seen_base, user, &length, TRUE);
    cr_assert_eq(length, 9000); /* user pages are contiguous here */
    cr_assert_eq(logical.QuadPart, MmGetPhysicalAddress(user).QuadPart);
    cr_assert_eq(fx_reports_total(), 0);
    IoMapTransfer(a, mdl, seen_base, user, &length, TRUE);
    cr_assert_eq(fx_reports(VF_DMA_MAP_AGAIN), 1);
    cr_assert(IoFlushAdapterBuffers(a, mdl, seen_base, user, 9000, TRUE));
    cr_assert_not(IoFlushAdapterBuffers(a, mdl, seen_base, user, 9000, TRUE));
    cr_assert_eq(fx_reports(VF_DMA_FLUSH_UNMAPPED), 1);
    IoFreeMapRegisters(a, seen_base, pages);
    IoFreeMapRegisters(a, seen_base, pages);
    cr_assert_eq(fx_reports(VF_DMA_FREE_REGISTERS), 1);
    cr_assert_eq(HalRealAllocateAdapterChannel(a, &device, 19, control, NULL),
                 STATUS_INSUFFICIENT_RESOURCES);
    cr_assert_eq(fx_reports(VF_DMA_REGISTERS_MAX), 1);
    IoFreeAdapterChannel(a);
    cr_assert_eq(fx_reports(VF_DMA_FREE_CHANNEL), 1);
    /* The second request waits until the channel is free. */
    answer = KeepObject;
    cr_assert_eq(HalRealAllocateAdapterChannel(a, &device, 1, control, NULL), STATUS_SUCCESS);
    cr_assert_eq(HalRealAllocateAdapterChannel(a, &second, 1, control, NULL), STATUS_SUCCESS);
    cr_assert_eq(ran, 2);
    IoFreeAdapterChannel(a);
    cr_assert_eq(ran, 3);
    IoFreeAdapterChannel(a);
    fx_irql = 0;
    (void)HalRealAllocateAdapterChannel(a, &device, 1, control, NULL);
    cr_assert_eq(fx_reports(VF_DMA_IRQL), 1);
}

Test(mm, dma_without_scatter_gather_works_on_a_copy)
{
    DEVICE_OBJECT device = {.CurrentIrp = NULL};
    ULONG registers, length = 8192;
    DMA_ADAPTER *a = adapter(false, 65536, &registers);
    uint8_t *p, *copy, *other;
    PHYSICAL_ADDRESS logical;
    MDL *mdl;

    /* Two neighbouring pages whose frames are not neighbours. */
    p = ExAllocatePoolWithTag(NonPagedPoolNx, 8192, TAG);
    other = ExAllocatePoolWithTag(NonPagedPoolNx, 8192, TAG);
    (void)MmGetPhysicalAddress(p);
    (void)MmGetPhysicalAddress(other);
    memset(p, 0x5A, 8192);
    mdl = IoAllocateMdl(p, 8192, FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(mdl);
    fx_irql = DISPATCH_LEVEL;
    cr_assert_eq(HalRealAllocateAdapterChannel(a, &device, 2, control, NULL), STATUS_SUCCESS);
    logical = IoMapTransfer(a, mdl, seen_base, p, &length, TRUE);
    cr_assert_eq(length, 8192);
    copy = MmGetVirtualForPhysical(logical);
    cr_assert_neq(copy, p);
    cr_assert_eq(copy[8191], 0x5A);
    copy[8191] = 0x66; /* the device writes */
    cr_assert_eq(p[8191], 0x5A);
    cr_assert(IoFlushAdapterBuffers(a, mdl, seen_base, p, 8192, FALSE));
    cr_assert_eq(p[8191], 0x66);
    IoFreeMapRegisters(a, seen_base, 2);
    HalPutDmaAdapter(a);
    cr_assert_eq(fx_reports_total(), 0);
}

Test(mm, dma_scatter_gather_list)
{
    DEVICE_OBJECT device = {.CurrentIrp = NULL};
    ULONG registers;
    DMA_ADAPTER *a = adapter(true, 65536, &registers);
    uint8_t *p = ExAllocatePoolWithTag(NonPagedPoolNx, 8192, TAG);
    uint8_t *other = ExAllocatePoolWithTag(NonPagedPoolNx, 8192, TAG);
    MDL *mdl;

    (void)MmGetPhysicalAddress(p);
    (void)MmGetPhysicalAddress(other);
    mdl = IoAllocateMdl(p + 16, 8000, FALSE, FALSE, NULL);
    fx_irql = DISPATCH_LEVEL;
    cr_assert_neq(HalGetScatterGatherList(a, &device, mdl, p + 16, 8000, list_control, NULL, TRUE),
                  STATUS_SUCCESS);
    cr_assert_eq(fx_reports(VF_DMA_NOT_LOCKED), 1);
    MmBuildMdlForNonPagedPool(mdl);
    cr_assert_eq(HalGetScatterGatherList(a, &device, mdl, p + 16, 8000, list_control, NULL, TRUE),
                 STATUS_SUCCESS);
    cr_assert_eq(seen_list->NumberOfElements, 2);
    cr_assert_eq(seen_list->Elements[0].Length, 4080);
    cr_assert_eq(seen_list->Elements[1].Length, 8000 - 4080);
    cr_assert_eq(seen_list->Elements[1].Address.QuadPart, MmGetPhysicalAddress(p + 4096).QuadPart);
    HalPutScatterGatherList(a, seen_list, TRUE);
    HalPutScatterGatherList(a, seen_list, TRUE);
    cr_assert_eq(fx_reports(VF_DMA_FREE_LIST), 1);
    cr_assert_neq(HalGetScatterGatherList(a, &device, mdl, p + 16, 8001, list_control, NULL, TRUE),
                  STATUS_SUCCESS);
    cr_assert_eq(fx_reports(VF_DMA_OUTSIDE_MDL), 1);
}
