/* The three families of lookaside lists, with the header's inline routines and with callbacks. */
#include "api.h"

static NPAGED_LOOKASIDE_LIST nonpaged;
static PAGED_LOOKASIDE_LIST paged;
static LOOKASIDE_LIST_EX ex;

static ULONG taken, given;
static POOL_TYPE seen_type;
static ULONG seen_tag;
static SIZE_T seen_size;
static PVOID seen_list;

/* Where the inline routines of any header look. Doc: wdm.h, GENERAL_LOOKASIDE on x64. */
static USHORT at16(PVOID list, ULONG offset)
{
    return *(PUSHORT)((PUCHAR)list + offset);
}

static ULONG at32(PVOID list, ULONG offset)
{
    return *(PULONG)((PUCHAR)list + offset);
}

static ULONG64 at64(PVOID list, ULONG offset)
{
    return *(PULONG64)((PUCHAR)list + offset);
}

enum {
    DEPTH = 0x10,
    MAXIMUM = 0x12,
    ALLOCATES = 0x14,
    ALLOCATE_MISSES = 0x18,
    FREES = 0x1C,
    FREE_MISSES = 0x20,
    TYPE = 0x24,
    LIST_TAG = 0x28,
    SIZE = 0x2C,
    ALLOCATE = 0x30,
    FREE = 0x38,
    ENTRY = 0x40
};

static PVOID NTAPI my_allocate(POOL_TYPE type, SIZE_T size, ULONG tag)
{
    taken++;
    seen_type = type;
    seen_size = size;
    seen_tag = tag;
    return ExAllocatePoolWithTag(type, size, tag);
}

static VOID NTAPI my_free(PVOID p)
{
    given++;
    ExFreePool(p);
}

static PVOID NTAPI my_allocate_ex(POOL_TYPE type, SIZE_T size, ULONG tag, PLOOKASIDE_LIST_EX list)
{
    seen_list = list;
    return my_allocate(
        type & ~(POOL_RAISE_IF_ALLOCATION_FAILURE | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE), size, tag);
}

static VOID NTAPI my_free_ex(PVOID p, PLOOKASIDE_LIST_EX list)
{
    seen_list = list;
    my_free(p);
}

static void layout(PVOID list, ULONG type, ULONG size)
{
    EXPECT(((ULONG_PTR)list & 15) == 0);
    EXPECT(at16(list, MAXIMUM) == 256);
    EXPECT(at16(list, DEPTH) <= 256);
    EXPECT(at32(list, TYPE) == type);
    EXPECT(at32(list, LIST_TAG) == TAG);
    EXPECT(at32(list, SIZE) == size);
    EXPECT(at64(list, ALLOCATE) != 0 && at64(list, FREE) != 0);
    EXPECT(at32(list, ALLOCATES) == 0 && at32(list, FREES) == 0);
    EXPECT(at64(list, ENTRY) != 0);
}

static void nonpaged_list(void)
{
    PVOID p, q;

    ExInitializeNPagedLookasideList(&nonpaged, NULL, NULL, POOL_NX_ALLOCATION, 100, TAG, 0);
    layout(&nonpaged, 0x200, 100);
    p = ExAllocateFromNPagedLookasideList(&nonpaged);
    q = ExAllocateFromNPagedLookasideList(&nonpaged);
    EXPECT(p && q && p != q);
    use(p, 100);
    use(q, 100);
    EXPECT(at32(&nonpaged, ALLOCATES) == 2 && at32(&nonpaged, ALLOCATE_MISSES) == 2);
    ExFreeToNPagedLookasideList(&nonpaged, p);
    ExFreeToNPagedLookasideList(&nonpaged, q);
    EXPECT(at32(&nonpaged, FREES) == 2);
    ExDeleteNPagedLookasideList(&nonpaged);
}

static void paged_list(void)
{
    PVOID p;

    ExInitializePagedLookasideList(&paged, NULL, NULL, 0, 100, TAG, 0);
    layout(&paged, 1, 100);
    p = ExAllocateFromPagedLookasideList(&paged);
    EXPECT(p != NULL);
    use(p, 100);
    ExFreeToPagedLookasideList(&paged, p);
    ExDeletePagedLookasideList(&paged);
}

static void ex_list(void)
{
    PVOID p;

    EXPECT(ExInitializeLookasideListEx(&ex, NULL, NULL, NonPagedPoolNx, 0, 100, TAG, 0) ==
           STATUS_SUCCESS);
    layout(&ex, 0x200, 100);
    p = ExAllocateFromLookasideListEx(&ex);
    EXPECT(p != NULL);
    use(p, 100);
    ExFreeToLookasideListEx(&ex, p);
    ExFlushLookasideListEx(&ex);
    ExDeleteLookasideListEx(&ex);
}

static void nonpaged_at_dispatch(void)
{
    KIRQL old;
    PVOID p;

    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ExInitializeNPagedLookasideList(&nonpaged, NULL, NULL, POOL_NX_ALLOCATION, 64, TAG, 0);
    p = ExAllocateFromNPagedLookasideList(&nonpaged);
    use(p, 64);
    ExFreeToNPagedLookasideList(&nonpaged, p);
    ExDeleteNPagedLookasideList(&nonpaged);
    KeLowerIrql(old);
}

static void paged_at_apc(void)
{
    KIRQL old;
    PVOID p;

    KeRaiseIrql(APC_LEVEL, &old);
    ExInitializePagedLookasideList(&paged, NULL, NULL, 0, 64, TAG, 0);
    p = ExAllocateFromPagedLookasideList(&paged);
    use(p, 64);
    ExFreeToPagedLookasideList(&paged, p);
    ExDeletePagedLookasideList(&paged);
    KeLowerIrql(old);
}

static void own_callbacks(void)
{
    PVOID p;

    taken = given = 0;
    ExInitializeNPagedLookasideList(&nonpaged, my_allocate, my_free, POOL_NX_ALLOCATION, 72, TAG,
                                    0);
    p = ExAllocateFromNPagedLookasideList(&nonpaged);
    EXPECT(taken == 1 && seen_type == NonPagedPoolNx && seen_size == 72 && seen_tag == TAG);
    ExFreeToNPagedLookasideList(&nonpaged, p);
    ExDeleteNPagedLookasideList(&nonpaged);
    EXPECT(given == 1); /* at the latest by deleting */
}

static void own_callbacks_ex(void)
{
    PVOID p;

    taken = given = 0;
    seen_list = NULL;
    EXPECT(NT_SUCCESS(
        ExInitializeLookasideListEx(&ex, my_allocate_ex, my_free_ex, PagedPool, 0, 72, TAG, 0)));
    p = ExAllocateFromLookasideListEx(&ex);
    EXPECT(taken == 1 && seen_list == &ex && seen_size == 72);
    seen_list = NULL;
    ExFreeToLookasideListEx(&ex, p);
    ExDeleteLookasideListEx(&ex);
    EXPECT(given == 1 && seen_list == &ex);
}

/* The header's routine is not inlined into a __try. */
static PVOID take_ex(void)
{
    return ExAllocateFromLookasideListEx(&ex);
}

static void flag_raise(void)
{
    NTSTATUS status;

    EXPECT(
        NT_SUCCESS(ExInitializeLookasideListEx(&ex, NULL, NULL, NonPagedPoolNx, 1, HUGE, TAG, 0)));
    EXPECT(at32(&ex, TYPE) == (0x200 | POOL_RAISE_IF_ALLOCATION_FAILURE));
    RAISED(status, take_ex());
    EXPECT(status == STATUS_INSUFFICIENT_RESOURCES);
    ExDeleteLookasideListEx(&ex);
    ExInitializeNPagedLookasideList(&nonpaged, NULL, NULL, 0x210, HUGE, TAG, 0);
    RAISED(status, ExAllocateFromNPagedLookasideList(&nonpaged));
    EXPECT(status == STATUS_INSUFFICIENT_RESOURCES);
    ExDeleteNPagedLookasideList(&nonpaged);
}

static void flag_fail_no_raise(void)
{
    EXPECT(NT_SUCCESS(
        ExInitializeLookasideListEx(&ex, my_allocate_ex, my_free_ex, PagedPool, 2, 72, TAG, 0)));
    EXPECT(at32(&ex, TYPE) == (1 | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE));
    ExDeleteLookasideListEx(&ex);
}

static void no_memory_is_null(void)
{
    ExInitializeNPagedLookasideList(&nonpaged, NULL, NULL, POOL_NX_ALLOCATION, HUGE, TAG, 0);
    EXPECT(ExAllocateFromNPagedLookasideList(&nonpaged) == NULL);
    ExDeleteNPagedLookasideList(&nonpaged);
}

static void ex_bad_parameters(void)
{
    EXPECT(ExInitializeLookasideListEx(&ex, NULL, NULL, NonPagedPoolMustSucceed, 0, 72, TAG, 0) ==
           STATUS_INVALID_PARAMETER_4);
    EXPECT(ExInitializeLookasideListEx(&ex, NULL, NULL, 0x60, 0, 72, TAG, 0) ==
           STATUS_INVALID_PARAMETER_4);
    EXPECT(ExInitializeLookasideListEx(&ex, NULL, NULL, PagedPool, 4, 72, TAG, 0) ==
           STATUS_INVALID_PARAMETER_5);
    EXPECT(ExInitializeLookasideListEx(&ex, NULL, NULL, PagedPool, 3, 72, TAG, 0) ==
           STATUS_INVALID_PARAMETER_5);
}

static void misaligned_head_raises(void)
{
    static DECLSPEC_ALIGN(16) UCHAR room[0x90];
    NTSTATUS status;

    RAISED(status, (void)ExInitializeLookasideListEx((PVOID)(room + 8), NULL, NULL, PagedPool, 0,
                                                     72, TAG, 0));
    EXPECT(status == STATUS_DATATYPE_MISALIGNMENT);
}

/* A driver whose Depth lets entries rest gets the last one first, and they go at the latest with
 * the list. */
static void cached_entries(void)
{
    PVOID p, q;

    taken = given = 0;
    ExInitializeNPagedLookasideList(&nonpaged, my_allocate, my_free, POOL_NX_ALLOCATION, 72, TAG,
                                    0);
    nonpaged.L.Depth = 4;
    p = ExAllocateFromNPagedLookasideList(&nonpaged);
    q = ExAllocateFromNPagedLookasideList(&nonpaged);
    ExFreeToNPagedLookasideList(&nonpaged, p);
    ExFreeToNPagedLookasideList(&nonpaged, q);
    EXPECT(given == 0 && ExQueryDepthSList(&nonpaged.L.ListHead) == 2);
    EXPECT(*(PVOID *)q == p); /* the link is the first eight bytes */
    EXPECT(ExAllocateFromNPagedLookasideList(&nonpaged) == q);
    EXPECT(taken == 2 && at32(&nonpaged, ALLOCATE_MISSES) == 2);
    ExFreeToNPagedLookasideList(&nonpaged, q);
    ExDeleteNPagedLookasideList(&nonpaged);
    EXPECT(given == 2);
}

static void flush_empties(void)
{
    PVOID p;

    given = 0;
    EXPECT(NT_SUCCESS(
        ExInitializeLookasideListEx(&ex, my_allocate_ex, my_free_ex, PagedPool, 0, 72, TAG, 0)));
    ex.L.Depth = 4;
    p = ExAllocateFromLookasideListEx(&ex);
    ExFreeToLookasideListEx(&ex, p);
    EXPECT(given == 0);
    ExFlushLookasideListEx(&ex);
    EXPECT(given == 1 && ExQueryDepthSList(&ex.L.ListHead) == 0);
    ExDeleteLookasideListEx(&ex);
}

static void slist_exports(void)
{
    static SLIST_HEADER head;
    static DECLSPEC_ALIGN(16) SLIST_ENTRY a, b;

    ExInitializeSListHead(&head);
    EXPECT(ExpInterlockedPopEntrySList(&head) == NULL);
    EXPECT(ExpInterlockedPushEntrySList(&head, &a) == NULL);
    EXPECT(ExpInterlockedPushEntrySList(&head, &b) == &a);
    EXPECT(ExQueryDepthSList(&head) == 2);
    EXPECT(ExpInterlockedPopEntrySList(&head) == &b);
    EXPECT(ExpInterlockedFlushSList(&head) == &a && ExQueryDepthSList(&head) == 0);
}

CHECKS(CHECK(nonpaged_list), CHECK(paged_list), CHECK(ex_list), CHECK(nonpaged_at_dispatch),
       CHECK(paged_at_apc), CHECK(own_callbacks), CHECK(own_callbacks_ex), CHECK(flag_raise),
       CHECK(flag_fail_no_raise), CHECK(no_memory_is_null), CHECK(ex_bad_parameters),
       CHECK(misaligned_head_raises), CHECK(cached_entries), CHECK(flush_empties),
       CHECK(slist_exports));
