/* The pool routines one by one: what they return, how they fail, and the rules common to all
 * blocks. */
#define API_HAS_START
#include "api.h"

static void ex_allocate_pool(void)
{
    PVOID p = (ExAllocatePool)(NonPagedPoolNx, 100);

    EXPECT(p != NULL);
    use(p, 100);
    ExFreePool(p);
    EXPECT((ExAllocatePool)(PagedPool, HUGE) == NULL);
}

static void ex_allocate_pool_with_tag(void)
{
    NTSTATUS status;
    PVOID p = ExAllocatePoolWithTag(PagedPool, 100, TAG);

    EXPECT(p != NULL);
    use(p, 100);
    ExFreePoolWithTag(p, TAG);
    EXPECT(ExAllocatePoolWithTag(NonPagedPoolNx, HUGE, TAG) == NULL);
    RAISED(status,
           ExAllocatePoolWithTag(NonPagedPoolNx | POOL_RAISE_IF_ALLOCATION_FAILURE, HUGE, TAG));
    EXPECT(status == STATUS_INSUFFICIENT_RESOURCES);
}

static void ex_allocate_pool_with_quota(void)
{
    NTSTATUS status;
    PVOID p = (ExAllocatePoolWithQuota)(PagedPool, 100);

    EXPECT(p != NULL);
    use(p, 100);
    ExFreePool(p);
    RAISED(status, (ExAllocatePoolWithQuota)(PagedPool, HUGE));
    EXPECT(status == STATUS_INSUFFICIENT_RESOURCES);
    RAISED(status,
           p = (ExAllocatePoolWithQuota)(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, HUGE));
    EXPECT(status == STATUS_SUCCESS && p == NULL);
}

static void ex_allocate_pool_with_quota_tag(void)
{
    NTSTATUS status;
    PVOID p = ExAllocatePoolWithQuotaTag(NonPagedPoolNx, 100, TAG);

    EXPECT(p != NULL);
    use(p, 100);
    ExFreePoolWithTag(p, TAG);
    RAISED(status, ExAllocatePoolWithQuotaTag(PagedPool, HUGE, TAG));
    EXPECT(status == STATUS_INSUFFICIENT_RESOURCES);
    RAISED(status,
           p = ExAllocatePoolWithQuotaTag(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, HUGE, TAG));
    EXPECT(status == STATUS_SUCCESS && p == NULL);
}

static void ex_allocate_pool_with_tag_priority(void)
{
    static const int levels[] = {0, 8, 9, 16, 24, 25, 32, 40, 41};
    NTSTATUS status;

    for (int i = 0; i < 9; i++) {
        PVOID p = ExAllocatePoolWithTagPriority(NonPagedPoolNx, 100, TAG, levels[i]);

        EXPECT(p != NULL);
        use(p, 100);
        ExFreePoolWithTag(p, TAG);
    }
    EXPECT(ExAllocatePoolWithTagPriority(PagedPool, HUGE, TAG, HighPoolPriority) == NULL);
    RAISED(status, ExAllocatePoolWithTagPriority(PagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE, HUGE,
                                                 TAG, HighPoolPriority));
    EXPECT(status == STATUS_INSUFFICIENT_RESOURCES);
}

/* Low fails when memory is low, Normal when it is very low, High not yet. */
static void priority_when_low(void)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0x100000000}, high = {.QuadPart = -1},
                     skip = {.QuadPart = 0};
    PMDL most = MmAllocatePagesForMdlEx(low, high, skip, 0x3B000000, MmCached, 4 /* all or none */);
    PMDL more = NULL;
    PVOID p;

    EXPECT(most != NULL); /* 944 of 1024 MB: 7 percent left */
    EXPECT(ExAllocatePoolWithTagPriority(NonPagedPoolNx, 64, TAG, LowPoolPriority) == NULL);
    p = ExAllocatePoolWithTagPriority(NonPagedPoolNx, 64, TAG, NormalPoolPriority);
    EXPECT(p != NULL);
    if (p)
        ExFreePoolWithTag(p, TAG);
    more = MmAllocatePagesForMdlEx(low, high, skip, 0x3800000, MmCached, 4);
    EXPECT(more != NULL);
    EXPECT(ExAllocatePoolWithTagPriority(NonPagedPoolNx, 64, TAG, NormalPoolPriority) == NULL);
    p = ExAllocatePoolWithTagPriority(NonPagedPoolNx, 64, TAG, HighPoolPriority);
    EXPECT(p != NULL);
    if (p)
        ExFreePoolWithTag(p, TAG);
    if (more) {
        MmFreePagesFromMdl(more);
        ExFreePool(more);
    }
    if (most) {
        MmFreePagesFromMdl(most);
        ExFreePool(most);
    }
}

static void ex_free_pool(void)
{
    ExFreePool(ExAllocatePoolWithTag(NonPagedPoolNx, 32, TAG)); /* no tag given, none checked */
    ExFreePool(ExAllocatePoolWithTag(PagedPool, BEYOND_A_PAGE, TAG));
}

static void ex_free_pool_with_tag(void)
{
    ExFreePoolWithTag(ExAllocatePoolWithTag(NonPagedPoolNx, 32, TAG), TAG);
    ExFreePoolWithTag(ExAllocatePoolWithTag(NonPagedPoolNx, 32, TAG), 0); /* as ExFreePool */
}

static void fsrtl_allocate_pool_with_tag(void)
{
    NTSTATUS status;
    PVOID p = FsRtlAllocatePoolWithTag(PagedPool, 100, TAG);

    EXPECT(p != NULL);
    use(p, 100);
    ExFreePoolWithTag(p, TAG);
    RAISED(status, FsRtlAllocatePoolWithTag(PagedPool, HUGE, TAG)); /* without the raise bit */
    EXPECT(status == STATUS_INSUFFICIENT_RESOURCES);
}

static void fsrtl_allocate_pool_with_quota_tag(void)
{
    NTSTATUS status;
    PVOID p = FsRtlAllocatePoolWithQuotaTag(PagedPool, 100, TAG);

    EXPECT(p != NULL);
    use(p, 100);
    ExFreePoolWithTag(p, TAG);
    RAISED(status,
           FsRtlAllocatePoolWithQuotaTag(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, HUGE, TAG));
    EXPECT(status == STATUS_INSUFFICIENT_RESOURCES);
}

static void ex_query_pool_block_size(void)
{
    BOOLEAN charged = 7;
    PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);

    EXPECT(ExQueryPoolBlockSize(p, &charged) >= 100);
    EXPECT(charged == FALSE);
    ExFreePoolWithTag(p, TAG);
}

static void free_pool2(void)
{
    ExFreePool2(ExAllocatePool2(POOL_FLAG_NON_PAGED, 64, TAG), TAG, NULL, 0);
}

/* ---- All blocks ---- */

static void nonpaged_at_dispatch(void)
{
    PVOID p;
    KIRQL old;

    KeRaiseIrql(DISPATCH_LEVEL, &old);
    p = ExAllocatePoolWithTag(NonPagedPoolNx, 200, TAG);
    EXPECT(p != NULL);
    use(p, 200);
    ExFreePoolWithTag(p, TAG);
    KeLowerIrql(old);
}

static void paged_at_apc(void)
{
    PVOID p;
    KIRQL old;

    KeRaiseIrql(APC_LEVEL, &old);
    p = ExAllocatePoolWithTag(PagedPool, 200, TAG);
    EXPECT(p != NULL);
    use(p, 200);
    ExFreePoolWithTag(p, TAG);
    KeLowerIrql(old);
}

static void small_is_16_aligned_in_a_page(void)
{
    for (ULONG size = 1; size < PAGE_SIZE; size += 37) {
        PUCHAR p = ExAllocatePoolWithTag(NonPagedPoolNx, size, TAG);

        EXPECT(((ULONG_PTR)p & 15) == 0);
        EXPECT(((ULONG_PTR)p & -PAGE_SIZE) == ((ULONG_PTR)(p + size - 1) & -PAGE_SIZE));
        use(p, size);
        ExFreePoolWithTag(p, TAG);
    }
}

static void page_or_more_is_page_aligned(void)
{
    static const ULONG sizes[] = {PAGE_SIZE, PAGE_SIZE + 1, 2 * PAGE_SIZE, 0x4321, 0x50000};

    for (int i = 0; i < 5; i++) {
        PUCHAR p = ExAllocatePoolWithTag(i & 1 ? PagedPool : NonPagedPoolNx, sizes[i], TAG);

        EXPECT(((ULONG_PTR)p & (PAGE_SIZE - 1)) == 0);
        use(p, sizes[i]);
        ExFreePoolWithTag(p, TAG);
    }
}

static void cache_aligned_is_64_aligned(void)
{
    PUCHAR p = ExAllocatePoolWithTag(NonPagedPoolNxCacheAligned, 100, TAG);

    EXPECT(p && ((ULONG_PTR)p & 63) == 0);
    use(p, 100);
    ExFreePoolWithTag(p, TAG);
}

/* Neither zeros nor what an earlier block left. */
static void fresh_memory_is_garbage(void)
{
    PUCHAR p = ExAllocatePoolWithTag(NonPagedPoolNx, 256, TAG);

    EXPECT(!all_bytes(p, 256, 0));
    use(p, 256);
    ExFreePoolWithTag(p, TAG);
    p = ExAllocatePoolWithTag(NonPagedPoolNx, 256, TAG);
    EXPECT(!all_bytes(p, 256, 0) && !all_bytes(p, 256, 0x5A));
    ExFreePoolWithTag(p, TAG);
}

/* ---- What the header's inline routines call ---- */

static PVOID zero_block(POOL_TYPE type, SIZE_T size)
{
    return ExAllocatePoolWithTag(type | POOL_ZERO_ALLOCATION, size, TAG);
}

static void pool_zero(void)
{
    PUCHAR p = zero_block(PagedPool, 300), q = zero_block(NonPagedPoolNx, BEYOND_A_PAGE);

    EXPECT(p && all_bytes(p, 300, 0));           /* 0x401 */
    EXPECT(q && all_bytes(q, BEYOND_A_PAGE, 0)); /* 0x600 */
    ExFreePoolWithTag(p, TAG);
    ExFreePoolWithTag(q, TAG);
}

static void pool_uninitialized(void)
{
    PUCHAR p = ExAllocatePoolWithTag(1, 300, TAG), q = ExAllocatePoolWithTag(0x200, 300, TAG);

    EXPECT(p && !all_bytes(p, 300, 0));
    EXPECT(q && !all_bytes(q, 300, 0));
    ExFreePoolWithTag(p, TAG);
    ExFreePoolWithTag(q, TAG);
}

static void pool_quota_zero(void)
{
    PUCHAR p = ExAllocatePoolWithQuotaTag(0x409, 300, TAG),
           q = ExAllocatePoolWithQuotaTag(0x608, 300, TAG);

    EXPECT(p && all_bytes(p, 300, 0));
    EXPECT(q && all_bytes(q, 300, 0));
    ExFreePoolWithTag(p, TAG);
    ExFreePoolWithTag(q, TAG);
    p = ExAllocatePoolWithQuotaTag(9, 300, TAG); /* the uninitialised twin */
    EXPECT(p && !all_bytes(p, 300, 0));
    ExFreePoolWithTag(p, TAG);
}

static void pool_priority_zero(void)
{
    PUCHAR p = ExAllocatePoolWithTagPriority(0x401, 300, TAG, NormalPoolPriority);
    PUCHAR q = ExAllocatePoolWithTagPriority(0x600, 300, TAG, LowPoolPriority);

    EXPECT(p && all_bytes(p, 300, 0));
    EXPECT(q && all_bytes(q, 300, 0));
    ExFreePoolWithTag(p, TAG);
    ExFreePoolWithTag(q, TAG);
    p = ExAllocatePoolWithTagPriority(1, 300, TAG, NormalPoolPriority);
    EXPECT(p && !all_bytes(p, 300, 0));
    ExFreePoolWithTag(p, TAG);
}

/* ExInitializeDriverRuntime, step by step, in DriverEntry: where the previous mode is the kernel's.
 */
static NTSTATUS zeroing_status;
static BOOLEAN zeroing_natively;

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"NtQuerySystemInformation");
    NTSTATUS(NTAPI * query)(ULONG, PVOID, ULONG, PULONG) = MmGetSystemRoutineAddress(&name);

    UNREFERENCED_PARAMETER(driver);
    UNREFERENCED_PARAMETER(device);
    zeroing_status =
        query ? query(0xE3, &zeroing_natively, sizeof zeroing_natively, NULL) : STATUS_NOT_FOUND;
    return STATUS_SUCCESS;
}

static void driver_runtime_zeroing(void)
{
    EXPECT(zeroing_status == STATUS_SUCCESS);
    EXPECT(zeroing_natively == TRUE);
}

static void driver_runtime_version(void)
{
    RTL_OSVERSIONINFOEXW version = {
        .dwOSVersionInfoSize = sizeof version, .dwMajorVersion = 6, .dwMinorVersion = 2};
    ULONGLONG mask =
        VerSetConditionMask(VerSetConditionMask(0, VER_MAJORVERSION, VER_GREATER_EQUAL),
                            VER_MINORVERSION, VER_GREATER_EQUAL);

    EXPECT(RtlVerifyVersionInfo(&version, VER_MAJORVERSION | VER_MINORVERSION, mask) ==
           STATUS_SUCCESS);
}

CHECKS(CHECK(ex_allocate_pool), CHECK(ex_allocate_pool_with_tag),
       CHECK(ex_allocate_pool_with_quota), CHECK(ex_allocate_pool_with_quota_tag),
       CHECK(ex_allocate_pool_with_tag_priority), CHECK(priority_when_low), CHECK(ex_free_pool),
       CHECK(ex_free_pool_with_tag), CHECK(fsrtl_allocate_pool_with_tag),
       CHECK(fsrtl_allocate_pool_with_quota_tag), CHECK(ex_query_pool_block_size),
       CHECK(free_pool2), CHECK(nonpaged_at_dispatch), CHECK(paged_at_apc),
       CHECK(small_is_16_aligned_in_a_page), CHECK(page_or_more_is_page_aligned),
       CHECK(cache_aligned_is_64_aligned), CHECK(fresh_memory_is_garbage), CHECK(pool_zero),
       CHECK(pool_uninitialized), CHECK(pool_quota_zero), CHECK(pool_priority_zero),
       CHECK(driver_runtime_zeroing), CHECK(driver_runtime_version));
