/* Ordinary pool from inside: the header before small blocks, whole pages for large ones, what is
 * booked. */
#include "api.h"

struct header {
    UCHAR previous, index, size, type;
    ULONG tag;
    ULONG64 process;
};
_Static_assert(sizeof(struct header) == 16, "Doc: POOL_HEADER on x64");

enum { IN_USE = 2, PAGED = 1, QUOTA = 8 };

static struct header of(PVOID p)
{
    return *(struct header *)blind((PUCHAR)p - 16);
}

static void header_fields(void)
{
    PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG),
          q = ExAllocatePoolWithTag(PagedPool, 300, TAG);

    EXPECT(of(p).tag == TAG && of(q).tag == TAG);
    EXPECT(of(p).size == 8); /* 100 and 16, in units of 16 */
    EXPECT(of(q).size == 20);
    EXPECT(of(p).index == 0);
    ExFreePool(p);
    ExFreePool(q);
}

static void header_type_bits(void)
{
    PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG),
          q = ExAllocatePoolWithTag(PagedPool, 100, TAG);
    PVOID r = ExAllocatePoolWithQuotaTag(PagedPool, 100, TAG);

    EXPECT(of(p).type == IN_USE);
    EXPECT(of(q).type == (IN_USE | PAGED));
    EXPECT(of(r).type == (IN_USE | PAGED | QUOTA));
    ExFreePool(p);
    ExFreePool(q);
    ExFreePool(r);
}

static void free_block_has_type_0(void)
{
    PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, 100, TAG);

    ExFreePool(p);
    EXPECT(of(p).type == 0);
}

/* The size of a block is the previous size of the next one; the first of a page has none. */
static void header_previous_size(void)
{
    PUCHAR p[40];

    for (int i = 0; i < 40; i++)
        p[i] = ExAllocatePoolWithTag(NonPagedPoolNx, 500, TAG);
    for (int i = 0; i < 40; i++) {
        struct header h = of(p[i]);

        if (((ULONG_PTR)p[i] & (PAGE_SIZE - 1)) == 16)
            EXPECT(h.previous == 0);
        else
            EXPECT(h.previous == h.size);
    }
    for (int i = 0; i < 40; i++)
        ExFreePool(p[i]);
}

/* Mixed with a secret and the header's address; equal blocks of one process differ by their
 * addresses only. */
static void header_process(void)
{
    PUCHAR p = ExAllocatePoolWithQuotaTag(PagedPool, 100, TAG),
           q = ExAllocatePoolWithQuotaTag(PagedPool, 100, TAG);
    PUCHAR r = ExAllocatePoolWithTag(PagedPool, 100, TAG);
    ULONG64 a = of(p).process ^ (ULONG_PTR)(p - 16), b = of(q).process ^ (ULONG_PTR)(q - 16);
    ULONG64 none = of(r).process ^ (ULONG_PTR)(r - 16);

    EXPECT(a == b && a != none);
    EXPECT((a ^ none) == (ULONG_PTR)IoGetCurrentProcess());
    ExFreePool(p);
    ExFreePool(q);
    ExFreePool(r);
}

static void header_protected_bit(void)
{
    PVOID p = ExAllocatePoolWithTag(PagedPool, 100, TAG | PROTECTED_POOL);

    EXPECT(of(p).tag == (TAG | PROTECTED_POOL));
    ExFreePoolWithTag(p, TAG | PROTECTED_POOL);
}

static void largest_with_header(void)
{
    PUCHAR p = ExAllocatePoolWithTag(NonPagedPoolNx, 0xFE0, TAG),
           q = ExAllocatePoolWithTag(NonPagedPoolNx, 0xFF1, TAG);

    EXPECT(((ULONG_PTR)p & (PAGE_SIZE - 1)) == 16 &&
           of(p).size == 0xFF); /* 0xFF0 with the header */
    EXPECT(((ULONG_PTR)q & (PAGE_SIZE - 1)) == 0);
    use(q, 0xFF1);
    ExFreePoolWithTag(p, TAG);
    ExFreePoolWithTag(q, TAG);
}

static void cache_aligned_header(void)
{
    PVOID p = ExAllocatePoolWithTag(NonPagedPoolNxCacheAligned, 100, TAG);

    EXPECT(((ULONG_PTR)p & 63) == 0 && of(p).tag == TAG && of(p).size == 8);
    ExFreePool(p);
}

static void zero_bytes_is_a_block(void)
{
    PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, 0, TAG);

    EXPECT(p != NULL && of(p).size == 2);
    ExFreePoolWithTag(p, TAG);
}

/* ---- Bytes under a tag ---- */

struct row {
    ULONG tag, paged[2];
    SIZE_T paged_bytes;
    ULONG nonpaged[2];
    SIZE_T nonpaged_bytes;
};

static struct {
    ULONG count;
    struct row rows[500];
} table;

static SIZE_T bytes_of(ULONG tag)
{
    EXPECT(NT_SUCCESS(ZwQuerySystemInformation(22, &table, sizeof table, NULL)));
    for (ULONG i = 0; i < table.count; i++)
        if (table.rows[i].tag == tag)
            return table.rows[i].nonpaged_bytes;
    return 0;
}

static void bytes_are_what_blocks_occupy(void)
{
    static const USHORT sizes[][2] = {{1, 32},        {16, 32},        {17, 48},        {100, 128},
                                      {0xFE0, 0xFF0}, {0xFF1, 0x1000}, {0x1001, 0x2000}};

    for (int i = 0; i < 7; i++) {
        PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, sizes[i][0], 'dnuR');

        EXPECT(bytes_of('dnuR') == sizes[i][1]);
        ExFreePool(p);
        EXPECT(bytes_of('dnuR') == 0);
    }
}

CHECKS(CHECK(header_fields), CHECK(header_type_bits), CHECK(free_block_has_type_0),
       CHECK(header_previous_size), CHECK(header_process), CHECK(header_protected_bit),
       CHECK(largest_with_header), CHECK(cache_aligned_header), CHECK(zero_bytes_is_a_block),
       CHECK(bytes_are_what_blocks_occupy));
