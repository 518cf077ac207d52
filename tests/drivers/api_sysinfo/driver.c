/* What NtQuerySystemInformation tells about pool: classes 0, 2, 22, 66, 67 and 0xE3. */
#include "api.h"

struct row {
    ULONG tag, paged_allocs, paged_frees;
    SIZE_T paged_bytes;
    ULONG nonpaged_allocs, nonpaged_frees;
    SIZE_T nonpaged_bytes;
};

struct big {
    ULONG_PTR address; /* bit 0: nonpaged */
    SIZE_T size;
    ULONG tag;
};
_Static_assert(sizeof(struct row) == 0x28 && sizeof(struct big) == 0x18, "as on Windows");

static DECLSPEC_ALIGN(16) UCHAR answer[0x20000];

static ULONG ask(ULONG kind)
{
    ULONG length = 0;

    RtlZeroMemory(answer, sizeof answer);
    EXPECT(ZwQuerySystemInformation(kind, answer, sizeof answer, &length) == STATUS_SUCCESS);
    EXPECT(length > 0 && length <= sizeof answer);
    return length;
}

static ULONG at32(ULONG offset)
{
    return *(PULONG)(answer + offset);
}

static const struct row *row_of(const struct row *rows, ULONG count, ULONG tag)
{
    for (ULONG i = 0; i < count; i++)
        if (rows[i].tag == tag)
            return &rows[i];
    return NULL;
}

/* Doc: SYSTEM_BASIC_INFORMATION. */
static void class_0_basic(void)
{
    EXPECT(ask(0) == 0x40);
    EXPECT(at32(8) == PAGE_SIZE);
    EXPECT(at32(12) == 0x100000); /* pages: 4 GB */
    EXPECT(answer[0x38] == KeNumberProcessors);
}

/* Doc: SYSTEM_PERFORMANCE_INFORMATION, AvailablePages 0x2C to CommitLimit 0x34, pool 0x70 and 0x74
 * in pages. */
static void class_2_performance(void)
{
    ULONG paged, nonpaged, available, allocs;
    PVOID p, q;

    EXPECT(ask(2) >= 0x138);
    available = at32(0x2C);
    paged = at32(0x70);
    nonpaged = at32(0x74);
    allocs = at32(0x80);
    EXPECT(available > 0 && available < 0x100000 && at32(0x34) > at32(0x30));
    p = ExAllocatePoolWithTag(PagedPool, 16 * PAGE_SIZE, TAG);
    q = ExAllocatePoolWithTag(NonPagedPoolNx, 32 * PAGE_SIZE, TAG);
    (void)ask(2);
    EXPECT(at32(0x70) == paged + 16);
    EXPECT(at32(0x74) == nonpaged + 32);
    EXPECT(at32(0x2C) == available - 48);
    EXPECT(at32(0x80) == allocs + 1);
    ExFreePoolWithTag(p, TAG);
    ExFreePoolWithTag(q, TAG);
}

static void class_22_pool_tags(void)
{
    PVOID p = ExAllocatePoolWithTag(PagedPool, 5 * PAGE_SIZE, '22lC');
    const struct row *r;

    EXPECT(ask(22) == 8 + at32(0) * sizeof(struct row));
    r = row_of((struct row *)(answer + 8), at32(0), '22lC');
    EXPECT(r && r->paged_allocs == 1 && r->paged_frees == 0 && r->paged_bytes == 5 * PAGE_SIZE);
    EXPECT(r && r->nonpaged_allocs == 0 && r->nonpaged_bytes == 0);
    ExFreePoolWithTag(p, '22lC');
    (void)ask(22);
    r = row_of((struct row *)(answer + 8), at32(0), '22lC');
    EXPECT(r && r->paged_frees == 1 && r->paged_bytes == 0);
}

static void class_22_too_small(void)
{
    ULONG length = 0;

    EXPECT(ZwQuerySystemInformation(22, answer, 16, &length) == STATUS_INFO_LENGTH_MISMATCH);
    EXPECT(length > 16);
    EXPECT(ZwQuerySystemInformation(22, answer, length, &length) == STATUS_SUCCESS);
}

static const struct big *big_of(ULONG_PTR address)
{
    const struct big *b = (struct big *)(answer + 8);

    for (ULONG i = 0; i < at32(0); i++)
        if ((b[i].address & ~(ULONG_PTR)1) == address)
            return &b[i];
    return NULL;
}

static void class_66_big_pool(void)
{
    ULONG_PTR p = (ULONG_PTR)ExAllocatePoolWithTag(PagedPool, 0x2345, '66lC');
    ULONG_PTR q = (ULONG_PTR)ExAllocatePoolWithTag(NonPagedPoolNx, PAGE_SIZE, '66lC');
    ULONG_PTR r = (ULONG_PTR)ExAllocatePoolWithTag(NonPagedPoolNx, 100, '66lC');
    const struct big *b;

    EXPECT(ask(66) == 8 + at32(0) * sizeof(struct big));
    b = big_of(p);
    EXPECT(b && b->address == p && b->size == 0x3000 && b->tag == '66lC');
    b = big_of(q);
    EXPECT(b && b->address == (q | 1) && b->size == 0x1000);
    EXPECT(big_of(r) == NULL && big_of(r & -(ULONG_PTR)PAGE_SIZE) == NULL); /* less than a page */
    ExFreePool((PVOID)p);
    ExFreePool((PVOID)q);
    ExFreePool((PVOID)r);
    (void)ask(66);
    EXPECT(big_of(p) == NULL && big_of(q) == NULL);
}

/* {SIZE_T next; ULONG session, count; rows}: session pool is booked there and not in the system's
 * table. */
static void class_67_session_tags(void)
{
    PVOID p = ExAllocatePoolWithTag(PagedPoolSession, 100, '76lC');
    const struct row *r;

    EXPECT(ask(67) == 16 + at32(12) * sizeof(struct row));
    EXPECT(at32(0) == 0 && at32(4) == 0);
    r = row_of((struct row *)(answer + 16), at32(12), '76lC');
    EXPECT(r && r->paged_allocs == 1 && r->paged_bytes >= 100);
    (void)ask(22);
    EXPECT(row_of((struct row *)(answer + 8), at32(0), '76lC') == NULL);
    ExFreePoolWithTag(p, '76lC');
    (void)ask(67);
    r = row_of((struct row *)(answer + 16), at32(12), '76lC');
    EXPECT(r && r->paged_frees == 1 && r->paged_bytes == 0);
}

static void class_e3_zeroing(void)
{
    EXPECT(ask(0xE3) == 1 && answer[0] == TRUE);
}

/* Entries that rest in a lookaside list are allocated all the while. */
static void lookaside_hits_do_not_count(void)
{
    static NPAGED_LOOKASIDE_LIST list;
    const struct row *r;

    ExInitializeNPagedLookasideList(&list, NULL, NULL, POOL_NX_ALLOCATION, 100, 'kooL', 0);
    list.L.Depth = 4;
    for (int i = 0; i < 5; i++)
        ExFreeToNPagedLookasideList(&list, ExAllocateFromNPagedLookasideList(&list));
    (void)ask(22);
    r = row_of((struct row *)(answer + 8), at32(0), 'kooL');
    EXPECT(r && r->nonpaged_allocs == 1 && r->nonpaged_frees == 0);
    ExDeleteNPagedLookasideList(&list);
}

/* Large tables grow: more tags than a small table has rows. */
static void many_tags(void)
{
    ULONG before;

    (void)ask(22);
    before = at32(0);
    for (ULONG i = 0; i < 600; i++) {
        ULONG tag = 'A' | ('0' + i % 64) << 8 | ('0' + i / 64) << 16 | (ULONG)'z' << 24;

        ExFreePoolWithTag(ExAllocatePoolWithTag(PagedPool, 16, tag), tag);
    }
    (void)ask(22);
    EXPECT(at32(0) == before + 600);
}

static void unknown_class(void)
{
    EXPECT(ZwQuerySystemInformation(0x7FFF, answer, 16, NULL) == STATUS_INVALID_INFO_CLASS);
}

CHECKS(CHECK(class_0_basic), CHECK(class_2_performance), CHECK(class_22_pool_tags),
       CHECK(class_22_too_small), CHECK(class_66_big_pool), CHECK(class_67_session_tags),
       CHECK(class_e3_zeroing), CHECK(lookaside_hits_do_not_count), CHECK(many_tags),
       CHECK(unknown_class));
