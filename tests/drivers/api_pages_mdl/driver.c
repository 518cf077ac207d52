/* Pages of MmAllocatePagesForMdl, and memory descriptor lists. */
#include "api.h"

NTKERNELAPI PMDL NTAPI MmAllocateNodePagesForMdlEx(PHYSICAL_ADDRESS low, PHYSICAL_ADDRESS high,
                                                   PHYSICAL_ADDRESS skip, SIZE_T size,
                                                   MEMORY_CACHING_TYPE cache, ULONG node,
                                                   ULONG flags);

static const PHYSICAL_ADDRESS zero = {.QuadPart = 0}, all = {.QuadPart = -1};

enum {
    DONT_ZERO = 1,
    LOCAL_NODE = 2,
    FULLY = 4,
    NO_WAIT = 8,
    PREFER_CONTIG = 0x10,
    REQUIRE_CONTIG = 0x20,
    LARGE_PAGES = 0x40,
    HOT_REMOVE = 0x100
};

static void give(PMDL mdl)
{
    EXPECT(mdl != NULL);
    if (!mdl)
        return;
    MmFreePagesFromMdl(mdl);
    ExFreePool(mdl);
}

static PUCHAR map(PMDL mdl)
{
    return MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
}

static void pages_for_mdl(void)
{
    PMDL mdl = MmAllocatePagesForMdl(zero, all, zero, 3 * PAGE_SIZE + 5);
    PUCHAR view;

    EXPECT(mdl && MmGetMdlByteCount(mdl) == 4 * PAGE_SIZE && MmGetMdlByteOffset(mdl) == 0);
    EXPECT(mdl && !(mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA)); /* not mapped */
    view = map(mdl);
    EXPECT(view && all_bytes(view, 4 * PAGE_SIZE, 0));
    use(view, 4 * PAGE_SIZE);
    MmUnmapLockedPages(view, mdl);
    give(mdl);
    EXPECT(MmAllocatePagesForMdl(zero, all, zero, 0) == NULL);
}

/* Zeroed also when they held something before. */
static void pages_are_zeroed_again(void)
{
    for (int i = 0; i < 3; i++) {
        PMDL mdl = MmAllocatePagesForMdl(zero, all, zero, 16 * PAGE_SIZE);
        PUCHAR view = map(mdl);

        EXPECT(view && all_bytes(view, 16 * PAGE_SIZE, 0));
        use(view, 16 * PAGE_SIZE);
        MmUnmapLockedPages(view, mdl);
        give(mdl);
    }
}

static void pages_in_range(void)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0x800000}, high = {.QuadPart = 0xFFFFFF};
    PMDL mdl = MmAllocatePagesForMdl(low, high, zero, 8 * PAGE_SIZE);
    PPFN_NUMBER frames = mdl ? MmGetMdlPfnArray(mdl) : NULL;

    for (ULONG i = 0; frames && i < 8; i++)
        EXPECT(frames[i] >= 0x800 && frames[i] < 0x1000);
    give(mdl);
}

static void fewer_pages_than_asked(void)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0x800000}, high = {.QuadPart = 0xFFFFFF};
    PMDL mdl = MmAllocatePagesForMdl(low, high, zero, 64 << 20); /* of 8 MB */

    EXPECT(mdl && MmGetMdlByteCount(mdl) > 0 && MmGetMdlByteCount(mdl) <= 8 << 20);
    give(mdl);
    EXPECT(MmAllocatePagesForMdlEx(low, high, zero, 64 << 20, MmCached, FULLY) == NULL);
}

static void pages_ex_flags(void)
{
    static const ULONG good[] = {0,
                                 DONT_ZERO,
                                 LOCAL_NODE,
                                 FULLY,
                                 NO_WAIT,
                                 PREFER_CONTIG,
                                 REQUIRE_CONTIG,
                                 LARGE_PAGES,
                                 HOT_REMOVE,
                                 FULLY | DONT_ZERO | NO_WAIT};

    for (int i = 0; i < 10; i++)
        give(MmAllocatePagesForMdlEx(zero, all, zero, 2 * PAGE_SIZE, MmCached, good[i]));
    EXPECT(MmAllocatePagesForMdlEx(zero, all, zero, PAGE_SIZE, MmCached, 0x8000) == NULL);
}

static void pages_hot_remove(void)
{
    KIRQL old;

    EXPECT(MmAllocatePagesForMdlEx(zero, all, zero, PAGE_SIZE, MmCached, HOT_REMOVE | FULLY) ==
           NULL);
    KeRaiseIrql(APC_LEVEL, &old);
    EXPECT(MmAllocatePagesForMdlEx(zero, all, zero, PAGE_SIZE, MmCached, HOT_REMOVE) == NULL);
    KeLowerIrql(old);
}

static void pages_at_dispatch(void)
{
    KIRQL old;

    KeRaiseIrql(DISPATCH_LEVEL, &old);
    give(MmAllocatePagesForMdlEx(zero, all, zero, PAGE_SIZE, MmCached, NO_WAIT));
    KeLowerIrql(old);
}

static void node_pages(void)
{
    give(MmAllocateNodePagesForMdlEx(zero, all, zero, 2 * PAGE_SIZE, MmCached, 0, 0));
}

/* Two steps: the pages, then the MDL. */
static void free_pages_keeps_mdl(void)
{
    PMDL mdl = MmAllocatePagesForMdl(zero, all, zero, PAGE_SIZE);

    MmFreePagesFromMdl(mdl);
    EXPECT(MmGetMdlByteCount(mdl) == PAGE_SIZE || MmGetMdlByteCount(mdl) == 0);
    ExFreePool(mdl);
}

/* ---- IoAllocateMdl ---- */

static void io_allocate_mdl(void)
{
    PUCHAR p = ExAllocatePoolWithTag(NonPagedPoolNx, 0x2345, TAG);
    PMDL mdl = IoAllocateMdl(p + 0x123, 0x2000, FALSE, FALSE, NULL);

    EXPECT(mdl && MmGetMdlByteCount(mdl) == 0x2000 && MmGetMdlByteOffset(mdl) == 0x123);
    EXPECT(mdl && MmGetMdlVirtualAddress(mdl) == p + 0x123);
    EXPECT(mdl && (SIZE_T)mdl->Size >= sizeof(MDL) + 3 * sizeof(PFN_NUMBER));
    MmBuildMdlForNonPagedPool(mdl);
    EXPECT(MmGetMdlPfnArray(mdl)[0] ==
           (PFN_NUMBER)(MmGetPhysicalAddress(p).QuadPart >> PAGE_SHIFT));
    EXPECT(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) == p + 0x123);
    IoFreeMdl(mdl);
    ExFreePoolWithTag(p, TAG);
}

static void io_allocate_mdl_too_long(void)
{
    EXPECT(IoAllocateMdl(NULL, 0xFFFFFFFF, FALSE, FALSE, NULL) == NULL);
}

static void io_allocate_mdl_at_dispatch(void)
{
    KIRQL old;
    PMDL mdl;

    KeRaiseIrql(DISPATCH_LEVEL, &old);
    mdl = IoAllocateMdl(blind(&old), 1, FALSE, TRUE, NULL);
    EXPECT(mdl != NULL);
    IoFreeMdl(mdl);
    KeLowerIrql(old);
}

/* With an IRP the MDL becomes its first, or the last of its chain. */
static void io_allocate_mdl_for_irp(void)
{
    static UCHAR bytes[16];
    PIRP irp = IoAllocateIrp(2, FALSE);
    PMDL first, second;

    EXPECT(irp != NULL);
    if (!irp)
        return;
    first = IoAllocateMdl(bytes, 8, FALSE, FALSE, irp);
    second = IoAllocateMdl(bytes, 8, TRUE, FALSE, irp);
    EXPECT(irp->MdlAddress == first && first->Next == second && second->Next == NULL);
    irp->MdlAddress = NULL;
    IoFreeMdl(second);
    IoFreeMdl(first);
    IoFreeIrp(irp);
}

CHECKS(CHECK(pages_for_mdl), CHECK(pages_are_zeroed_again), CHECK(pages_in_range),
       CHECK(fewer_pages_than_asked), CHECK(pages_ex_flags), CHECK(pages_hot_remove),
       CHECK(pages_at_dispatch), CHECK(node_pages), CHECK(free_pages_keeps_mdl),
       CHECK(io_allocate_mdl), CHECK(io_allocate_mdl_too_long), CHECK(io_allocate_mdl_at_dispatch),
       CHECK(io_allocate_mdl_for_irp));
