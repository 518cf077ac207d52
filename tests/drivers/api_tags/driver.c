/* Tags: what may be one, the protected bit, and how blocks are booked under them (class 22). */
#include "api.h"

struct side {
    ULONG allocs, frees;
    SIZE_T bytes;
};

/* SYSTEM_POOLTAG. Doc: Microsoft Learn, NtQuerySystemInformation. */
struct row {
    ULONG tag;
    ULONG paged_allocs, paged_frees;
    SIZE_T paged_bytes;
    ULONG nonpaged_allocs, nonpaged_frees;
    SIZE_T nonpaged_bytes;
};
_Static_assert(sizeof(struct row) == 0x28, "as on Windows");

static union {
    struct {
        ULONG count;
        struct row rows[1];
    };
    UCHAR bytes[0x10000];
} table;

static struct side booked(ULONG tag, BOOLEAN paged)
{
    struct side s = {0, 0, 0};

    EXPECT(NT_SUCCESS(ZwQuerySystemInformation(22, &table, sizeof table, NULL)));
    for (ULONG i = 0; i < table.count; i++) {
        const struct row *r = &table.rows[i];

        if (r->tag != tag)
            continue;
        s.allocs = paged ? r->paged_allocs : r->nonpaged_allocs;
        s.frees = paged ? r->paged_frees : r->nonpaged_frees;
        s.bytes = paged ? r->paged_bytes : r->nonpaged_bytes;
    }
    return s;
}

/* Does a row of the table begin with these four bytes? */
static BOOLEAN shows(const char *text)
{
    for (ULONG i = 0; i < table.count; i++)
        if (RtlCompareMemory(&table.bytes[8 + i * sizeof(struct row)], text, 4) == 4)
            return TRUE;
    return FALSE;
}

#define GOOD_TAG 0x31676154 /* bytes 54 61 67 31: "Tag1" */

#define TWO_TAG 0x3741 /* "A7" */

/* A multi-character literal has its first character in the high byte, so sources write tags
 * reversed. */
static void tag_is_low_byte_first(void)
{
    PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, 40, '1gaT');

    EXPECT('1gaT' == GOOD_TAG);
    EXPECT(booked(GOOD_TAG, FALSE).allocs == 1);
    EXPECT(shows("Tag1"));
    ExFreePoolWithTag(p, GOOD_TAG);
    EXPECT(booked(GOOD_TAG, FALSE).frees == 1);
}

static void short_tags_are_tags(void)
{
    PVOID p = ExAllocatePoolWithTag(PagedPool, 40, 'A'),
          q = ExAllocatePoolWithTag(PagedPool, 40, TWO_TAG);

    EXPECT(p != NULL && q != NULL);
    EXPECT(booked('A', TRUE).allocs == 1 && booked(TWO_TAG, TRUE).allocs == 1);
    ExFreePoolWithTag(p, 'A');
    ExFreePoolWithTag(q, TWO_TAG);
}

static void untagged_is_none(void)
{
    struct side before = booked('enoN', TRUE);
    PVOID p = (ExAllocatePool)(PagedPool, 40), q = (ExAllocatePoolWithQuota)(PagedPool, 40);

    EXPECT(booked('enoN', TRUE).allocs == before.allocs + 2);
    ExFreePool(p);
    ExFreePool(q);
    EXPECT(booked('enoN', TRUE).frees == before.frees + 2);
}

/* What headers map ExAllocatePool to. */
static void header_tags(void)
{
    PVOID p = ExAllocatePoolWithTag(PagedPool, 40, ' kdD'),
          q = ExAllocatePoolWithTag(PagedPool, 40, ' mdW');

    EXPECT(booked(' kdD', TRUE).allocs == 1 && booked(' mdW', TRUE).allocs == 1);
    ExFreePool(p);
    ExFreePool(q);
}

static void protected_block(void)
{
    PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, 40, 'torP' | PROTECTED_POOL);

    EXPECT(booked('torP', FALSE).allocs == 1); /* without the bit */
    EXPECT(booked('torP' | PROTECTED_POOL, FALSE).allocs == 0);
    ExFreePoolWithTag(p, 'torP' | PROTECTED_POOL);
    EXPECT(booked('torP', FALSE).frees == 1);
}

static void free_without_tag_checks_nothing(void)
{
    ExFreePool(ExAllocatePoolWithTag(NonPagedPoolNx, 40, GOOD_TAG));
    ExFreePoolWithTag(ExAllocatePoolWithTag(NonPagedPoolNx, 40, GOOD_TAG), 0);
}

/* ---- Accounting ---- */

#define COUNT_TAG 'tnuC'

static void counters_grow_bytes_are_current(void)
{
    PVOID p[3];
    struct side s;

    for (int i = 0; i < 3; i++)
        p[i] = ExAllocatePoolWithTag(PagedPool, 200, COUNT_TAG);
    ExFreePoolWithTag(p[0], COUNT_TAG);
    s = booked(COUNT_TAG, TRUE);
    EXPECT(s.allocs == 3 && s.frees == 1);
    EXPECT(s.bytes >= 2 * 200);
    EXPECT(booked(COUNT_TAG, FALSE).allocs == 0); /* one kind of pool does not touch the other */
    ExFreePoolWithTag(p[1], COUNT_TAG);
    ExFreePoolWithTag(p[2], COUNT_TAG);
    s = booked(COUNT_TAG, TRUE);
    EXPECT(s.allocs == 3 && s.frees == 3 && s.bytes == 0);
}

CHECKS(CHECK(tag_is_low_byte_first), CHECK(short_tags_are_tags), CHECK(untagged_is_none),
       CHECK(header_tags), CHECK(protected_block), CHECK(free_without_tag_checks_nothing),
       CHECK(counters_grow_bytes_are_current));
