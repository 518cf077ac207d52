/* Contiguous and noncached memory, and reserved addresses. */
#include "api.h"

NTKERNELAPI PVOID NTAPI MmAllocateContiguousNodeMemory(SIZE_T size, PHYSICAL_ADDRESS low,
                                                       PHYSICAL_ADDRESS high,
                                                       PHYSICAL_ADDRESS boundary, ULONG protect,
                                                       ULONG node);
NTKERNELAPI NTSTATUS NTAPI MmAllocateContiguousMemoryEx(PSIZE_T size, PHYSICAL_ADDRESS low,
                                                        PHYSICAL_ADDRESS high,
                                                        PHYSICAL_ADDRESS boundary, ULONG node,
                                                        ULONG protect, PVOID partition, ULONG tag,
                                                        ULONG flags, PVOID *ret);

static const PHYSICAL_ADDRESS zero = {.QuadPart = 0}, all = {.QuadPart = -1};
#define NODE 0x80000000u /* any */

static ULONG64 physical(PVOID p)
{
    return (ULONG64)MmGetPhysicalAddress(p).QuadPart;
}

static void whole(PUCHAR p, SIZE_T size)
{
    EXPECT(p && ((ULONG_PTR)p & (PAGE_SIZE - 1)) == 0);
    if (!p)
        return;
    EXPECT(!all_bytes(p, size, 0)); /* uninitialised */
    for (SIZE_T i = 0; i < size; i += PAGE_SIZE)
        EXPECT(physical(p + i) == physical(p) + i);
    use(p, size);
}

/* Executable: a `ret` that is called comes back. */
static void runs(PUCHAR p)
{
    if (!p)
        return;
    *p = 0xC3;
    ((void (*)(void))blind(p))();
}

static void contiguous(void)
{
    PHYSICAL_ADDRESS limit = {.QuadPart = 0xFFFFFF};
    PUCHAR p = MmAllocateContiguousMemory(3 * PAGE_SIZE + 1, all),
           q = MmAllocateContiguousMemory(100, limit);

    whole(p, 3 * PAGE_SIZE + 1);
    runs(p);
    whole(q, 100);
    EXPECT(physical(q) <= 0xFFFFFF);
    EXPECT(MmAllocateContiguousMemory(HUGE, all) == NULL);
    limit.QuadPart = 0xFFF; /* one page, and it is not free */
    EXPECT(MmAllocateContiguousMemory(PAGE_SIZE, limit) == NULL);
    MmFreeContiguousMemory(p);
    MmFreeContiguousMemory(q);
}

static void contiguous_at_dispatch(void)
{
    KIRQL old;
    PVOID p;

    KeRaiseIrql(DISPATCH_LEVEL, &old);
    p = MmAllocateContiguousMemory(PAGE_SIZE, all);
    EXPECT(p != NULL);
    use(p, PAGE_SIZE);
    MmFreeContiguousMemory(p);
    KeLowerIrql(old);
}

static void contiguous_specify_cache(void)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0x1000000}, high = {.QuadPart = 0x1FFFFFF},
                     boundary = {.QuadPart = 0x10000};
    PUCHAR p = MmAllocateContiguousMemorySpecifyCache(0x9000, low, high, boundary, MmNonCached);
    PUCHAR q = MmAllocateContiguousMemorySpecifyCache(0x9000, low, high, boundary, MmNonCached);

    whole(p, 0x9000);
    whole(q, 0x9000);
    EXPECT(physical(p) >= 0x1000000 && physical(q) + 0x9000 <= 0x2000000);
    EXPECT(physical(p) / 0x10000 == (physical(p) + 0x8FFF) / 0x10000);
    EXPECT(physical(q) / 0x10000 == (physical(q) + 0x8FFF) / 0x10000);
    EXPECT(MmAllocateContiguousMemorySpecifyCache(0x11000, low, high, boundary, MmNonCached) ==
           NULL);
    boundary.QuadPart = 0x3000; /* no power of two */
    EXPECT(MmAllocateContiguousMemorySpecifyCache(PAGE_SIZE, low, high, boundary, MmNonCached) ==
           NULL);
    MmFreeContiguousMemorySpecifyCache(p, 0x9000, MmNonCached);
    MmFreeContiguousMemorySpecifyCache(q, 0x9000, MmNonCached);
}

static void contiguous_specify_cache_node(void)
{
    PUCHAR p =
        MmAllocateContiguousMemorySpecifyCacheNode(PAGE_SIZE, zero, all, zero, MmCached, NODE);

    whole(p, PAGE_SIZE);
    runs(p);
    EXPECT(MmAllocateContiguousMemorySpecifyCacheNode(HUGE, zero, all, zero, MmCached, 0) == NULL);
    MmFreeContiguousMemorySpecifyCache(p, PAGE_SIZE, MmCached);
}

static void contiguous_node(void)
{
    static const ULONG good[] = {0x4, 0x40, 0x204, 0x404, 0x240},
                       bad[] = {0, 0x2, 0x200, 0x604, 0x1004, 0x44};

    for (int i = 0; i < 5; i++) {
        PUCHAR p = MmAllocateContiguousNodeMemory(2 * PAGE_SIZE, zero, all, zero, good[i], NODE);

        whole(p, 2 * PAGE_SIZE);
        if (good[i] & 0x40)
            runs(p);
        MmFreeContiguousMemory(p);
    }
    for (int i = 0; i < 6; i++)
        EXPECT(MmAllocateContiguousNodeMemory(PAGE_SIZE, zero, all, zero, bad[i], NODE) == NULL);
    EXPECT(MmAllocateContiguousNodeMemory(HUGE, zero, all, zero, 4, NODE) == NULL);
}

static void contiguous_ex(void)
{
    SIZE_T size = 5000;
    PVOID p = NULL, none = &size;

    EXPECT(MmAllocateContiguousMemoryEx(&size, zero, all, zero, NODE, 4, NULL, TAG, 0, &p) ==
           STATUS_SUCCESS);
    EXPECT(size == 2 * PAGE_SIZE);
    whole(p, 2 * PAGE_SIZE);
    MmFreeContiguousMemory(p);
    size = HUGE;
    EXPECT(MmAllocateContiguousMemoryEx(&size, zero, all, zero, NODE, 4, NULL, TAG, 1, &none) ==
           STATUS_INSUFFICIENT_RESOURCES);
    EXPECT(size == HUGE && none == &size);
    size = PAGE_SIZE;
    EXPECT(MmAllocateContiguousMemoryEx(&size, zero, all, zero, NODE, 2, NULL, TAG, 0, &none) ==
           STATUS_INVALID_PARAMETER);
}

static void noncached(void)
{
    KIRQL old;
    PUCHAR p = MmAllocateNonCachedMemory(PAGE_SIZE + 1);

    EXPECT(p && ((ULONG_PTR)p & (PAGE_SIZE - 1)) == 0);
    EXPECT(p && !all_bytes(p, 2 * PAGE_SIZE, 0));
    use(p, 2 * PAGE_SIZE); /* whole pages */
    MmFreeNonCachedMemory(p, PAGE_SIZE + 1);
    EXPECT(!MmIsAddressValid(p));
    EXPECT(MmAllocateNonCachedMemory(HUGE) == NULL);
    KeRaiseIrql(APC_LEVEL, &old);
    p = MmAllocateNonCachedMemory(PAGE_SIZE);
    EXPECT(p != NULL);
    MmFreeNonCachedMemory(p, PAGE_SIZE);
    KeLowerIrql(old);
}

static void freed_contiguous_is_gone(void)
{
    PVOID p = MmAllocateContiguousMemory(PAGE_SIZE, all);

    EXPECT(MmIsAddressValid(p));
    MmFreeContiguousMemory(p);
    EXPECT(!MmIsAddressValid(p));
}

static void mapping_address(void)
{
    PUCHAR buffer = ExAllocatePoolWithTag(NonPagedPoolNx, 2 * PAGE_SIZE, TAG);
    PVOID range = MmAllocateMappingAddress(2 * PAGE_SIZE, TAG),
          small = MmAllocateMappingAddress(PAGE_SIZE, TAG);
    PMDL mdl = IoAllocateMdl(buffer, 2 * PAGE_SIZE, FALSE, FALSE, NULL);

    EXPECT(buffer && range && small && mdl);
    EXPECT(((ULONG_PTR)range & (PAGE_SIZE - 1)) == 0);
    EXPECT(!MmIsAddressValid(range)); /* addresses, not memory */
    EXPECT(MmAllocateMappingAddress((SIZE_T)1 << 46, TAG) == NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoWriteAccess);
    EXPECT(MmMapLockedPagesWithReservedMapping(small, TAG, mdl, MmCached) == NULL); /* too small */
    MmUnlockPages(mdl);
    IoFreeMdl(mdl);
    MmFreeMappingAddress(range, TAG);
    MmFreeMappingAddress(small, TAG);
    ExFreePoolWithTag(buffer, TAG);
}

/* The pages of an MDL at a reserved address. */
static void mapping_address_maps(void)
{
    PMDL mdl = MmAllocatePagesForMdl(zero, all, zero, 2 * PAGE_SIZE);
    PVOID range = MmAllocateMappingAddress(2 * PAGE_SIZE, TAG);
    PUCHAR view = MmMapLockedPagesWithReservedMapping(range, TAG, mdl, MmCached);

    EXPECT(view == range);
    use(view, 2 * PAGE_SIZE);
    MmUnmapReservedMapping(range, TAG, mdl);
    EXPECT(!MmIsAddressValid(range));
    MmFreeMappingAddress(range, TAG);
    MmFreePagesFromMdl(mdl);
    ExFreePool(mdl);
}

NTKERNELAPI NTSTATUS NTAPI MmCreateSection(PVOID *ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes,
                                           PLARGE_INTEGER size, ULONG protection, ULONG allocation,
                                           HANDLE handle, PFILE_OBJECT file);

/* Two views of one section show the same bytes. */
static void views_in_system_space(void)
{
    LARGE_INTEGER bytes = {.QuadPart = 4 * PAGE_SIZE};
    SIZE_T size = 0, part = PAGE_SIZE;
    PVOID section = NULL;
    PUCHAR p = NULL, q = NULL;

    EXPECT(NT_SUCCESS(MmCreateSection(&section, SECTION_ALL_ACCESS, NULL, &bytes, PAGE_READWRITE,
                                      SEC_COMMIT, NULL, NULL)));
    EXPECT(NT_SUCCESS(MmMapViewInSystemSpace(section, (PVOID *)&p, &size)));
    EXPECT(NT_SUCCESS(MmMapViewInSystemSpace(section, (PVOID *)&q, &part)));
    EXPECT(size == 4 * PAGE_SIZE && part == PAGE_SIZE && p != q);
    EXPECT((PVOID)p >= MmSystemRangeStart);
    use(p, size);
    EXPECT(q && q[5] == p[5] && p[5] == 0x5A);
    MmUnmapViewInSystemSpace(p);
    EXPECT(!MmIsAddressValid(p) && MmIsAddressValid(q));
    MmUnmapViewInSystemSpace(q);
    part = 5 * PAGE_SIZE;
    EXPECT(MmMapViewInSystemSpace(section, (PVOID *)&p, &part) == STATUS_INVALID_VIEW_SIZE);
    ObDereferenceObject(section);
}

CHECKS(CHECK(contiguous), CHECK(contiguous_at_dispatch), CHECK(contiguous_specify_cache),
       CHECK(contiguous_specify_cache_node), CHECK(contiguous_node), CHECK(contiguous_ex),
       CHECK(noncached), CHECK(freed_contiguous_is_gone), CHECK(mapping_address),
       CHECK(mapping_address_maps),
       CHECK(views_in_system_space));
