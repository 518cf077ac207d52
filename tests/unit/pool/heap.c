/* Ordinary pool: geometry, headers, quarantine. */
#include "fixture.h"

Test(heap, geometry)
{
    fixture_open(NULL);
    for (size_t size = 0; size < 13000; size += size < 4200 ? 1 : 401) {
        char *p = ordinary(size);
        uintptr_t a = (uintptr_t)p;

        if (size > 0xFF0) {
            cr_assert_eq(a % 4096, 0, "size %zu", size);
        } else {
            cr_assert_eq(a % 16, 0);
            if (size)
                cr_assert_eq(a / 4096, (a + size - 1) / 4096, "size %zu crosses a page", size);
        }
        memset(p, 0x11, size);
        if (size % 3)
            cr_assert_eq(give(p), 0);
    }
    cr_assert_eq(pl_check_all(pool), 0);
    cr_assert_eq(events, 0);
    fixture_close();
}

Test(heap, header_layout)
{
    struct pl_request req = {
        .size = 100, .tag = TAG_TEST, .flags = PL_PAGED | PL_QUOTA | PL_PROTECTED};
    uint8_t *a, *b;

    fixture_open(NULL);
    a = (uint8_t *)take(&req) - 16;
    b = (uint8_t *)take(&req) - 16;
    cr_assert_eq(b - a, 128);
    cr_assert_eq(a[0], 0);
    cr_assert_eq(b[0], 8);
    cr_assert_eq(b[1], 0);
    cr_assert_eq(b[2], 8);
    cr_assert_eq(b[3], 1 | 2 | 8);
    cr_assert_eq(pp_load32(b + 4), TAG_TEST | 0x80000000u);
    cr_assert_eq(give_tag(b + 16, TAG_TEST | 0x80000000u), 0);
    cr_assert_eq(b[3], 0);
    fixture_close();
}

Test(heap, cache_aligned)
{
    fixture_open(NULL);
    for (size_t size = 1; size < 6000; size += 13) {
        char *p = take(&(struct pl_request){.size = size, .flags = PL_CACHE_ALIGNED});

        cr_assert_eq((uintptr_t)p % 64, 0);
        if (size < 4000)
            cr_assert_eq((uintptr_t)p / 4096, ((uintptr_t)p + size - 1) / 4096);
        memset(p, 0, size);
        cr_assert_eq(give(p), 0);
    }
    cr_assert_eq(events, 0);
    cr_assert_eq(pl_check_all(pool), 0);
    fixture_close();
}

Test(heap, slack_damage)
{
    char *p;

    fixture_open(NULL);
    p = ordinary(21);
    p[21] = 0;
    cr_assert_eq(give(p), 0);
    cr_assert_eq(last.kind, PL_EV_TAIL_DAMAGED);
    cr_assert_eq(last.bad_addr, (uintptr_t)p + 21);
    p = ordinary(5000);
    p[5000] ^= 1;
    cr_assert_eq(give(p), 0);
    cr_assert_eq(last.bad_addr, (uintptr_t)p + 5000);
    cr_assert(last.single_bit);
    cr_assert_eq(events, 2);
    fixture_close();
}

Test(heap, overrun_into_the_next_header_blames_the_block_in_front)
{
    char *p, *q;

    fixture_open(NULL);
    p = ordinary(32);
    q = ordinary(32);
    memset(p + 32, 0x41, 20);
    cr_assert_eq(give(p), 0);
    cr_assert_eq(events, 1);
    cr_assert_eq(last.kind, PL_EV_TAIL_DAMAGED);
    cr_assert_eq(last.block.start, (uintptr_t)p);
    cr_assert_eq(last.bad_addr, (uintptr_t)p + 32);
    cr_assert_eq(give(q), 0);
    cr_assert_eq(events, 1);
    fixture_close();
}

Test(heap, underrun_damages_the_own_header)
{
    char *p, *q;

    fixture_open(NULL);
    p = ordinary(32);
    q = ordinary(32);
    q[-1] ^= 0x55;
    cr_assert_eq(give(p), 0);
    cr_assert_eq(events, 0);
    cr_assert_eq(give(q), 0);
    cr_assert_eq(events, 1);
    cr_assert_eq(last.kind, PL_EV_HEADER_DAMAGED);
    cr_assert_eq(last.bad_addr, (uintptr_t)q - 1);
    cr_assert_eq(last.block.start, (uintptr_t)q);
    fixture_close();
}

Test(heap, double_free_and_inside)
{
    char *p, *big;

    fixture_open(NULL);
    p = ordinary(48);
    big = ordinary(10000);
    cr_assert_eq(give(p + 16), -EFAULT);
    cr_assert_eq(last.kind, PL_EV_FREE_INSIDE);
    cr_assert_eq(give(p - 16), -EFAULT);
    cr_assert_eq(last.block.where, PL_HEADER);
    cr_assert_eq(give(big + 4096), -EFAULT);
    cr_assert_eq(last.block.offset, 4096);
    cr_assert_eq(give(p), 0);
    cr_assert_eq(give(big), 0);
    cr_assert_eq(events, 3);
    cr_assert_eq(give(p), -EALREADY);
    cr_assert_eq(last.kind, PL_EV_FREE_TWICE);
    cr_assert_eq(give(big), -EALREADY);
    cr_assert_eq(last.block.size, 10000);
    fixture_close();
}

Test(heap, write_after_free_is_found_by_a_check)
{
    char *p, *big;

    fixture_open(NULL);
    p = ordinary(48);
    big = ordinary(10000);
    cr_assert_eq(give(p), 0);
    cr_assert_eq(give(big), 0);
    p[8] = 0;
    big[9000] = 0;
    cr_assert_eq(pl_check_all(pool), 2);
    cr_assert_eq(last.kind, PL_EV_FREED_MODIFIED);
    cr_assert_eq(last.bad_addr, (uintptr_t)big + 9000);
    cr_assert_eq(last.block.free_stack, 9);
    cr_assert_eq(pl_check_all(pool), 0);
    fixture_close();
}

Test(heap, write_after_free_is_found_on_reuse)
{
    char *p;

    fixture_open(NULL);
    p = ordinary(48);
    cr_assert_eq(give(p), 0);
    p[8] = 0;
    for (unsigned i = 0; i < 200; i++)
        cr_assert_eq(give(ordinary(48)), 0);
    cr_assert_eq(events, 1);
    cr_assert_eq(last.kind, PL_EV_FREED_MODIFIED);
    cr_assert_eq(last.block.start, (uintptr_t)p);
    fixture_close();
}

Test(heap, freed_blocks_rest_before_reuse)
{
    char *p;

    fixture_open(NULL);
    p = ordinary(48);
    cr_assert_eq(give(p), 0);
    for (unsigned i = 0; i < 64; i++) {
        char *q = ordinary(48);

        cr_assert_neq(q, p);
        cr_assert_eq(give(q), 0);
    }
    cr_assert_eq(ordinary(48), p);
    fixture_close();
}

Test(heap, large_freed_block_is_inaccessible_and_comes_back)
{
    char *p;

    fixture_open(NULL);
    p = ordinary(1u << 20);
    cr_assert_eq(give(p), 0);
    cr_assert(faults_read(p));
    cr_assert_eq(ordinary(1u << 20), p);
    cr_assert(!faults_write(p));
    fixture_close();
}

Test(heap, find)
{
    struct pl_block_info b;
    char *p;

    fixture_open(NULL);
    p = ordinary(21);
    cr_assert_eq(pl_find(pool, (uintptr_t)p + 20, &b), PL_LIVE);
    cr_assert_eq(b.span_end - b.span_start, 48);
    cr_assert_eq(pl_find(pool, (uintptr_t)p + 21, &b), PL_SLACK_AFTER);
    cr_assert_eq(pl_find(pool, (uintptr_t)p - 1, &b), PL_HEADER);
    cr_assert_eq(b.offset, -1);
    cr_assert_eq(pl_find(pool, (uintptr_t)p + 48, &b), PL_HEAP_FREE);
    cr_assert(!b.has_block);
    cr_assert_eq(pl_find(pool, (uintptr_t)p + 4096, &b), PL_UNUSED);
    cr_assert_eq(give(p), 0);
    cr_assert_eq(pl_find(pool, (uintptr_t)p, &b), PL_FREED);
    cr_assert_eq(pl_find(pool, 0x1234, &b), PL_NOT_POOL);
    fixture_close();
}

Test(heap, refuses_the_impossible)
{
    void *p;

    fixture_open(NULL);
    cr_assert_eq(pl_alloc(pool, &(struct pl_request){.size = SIZE_MAX}, &p), -ENOMEM);
    cr_assert_eq(pl_alloc(pool, &(struct pl_request){.size = SIZE_MAX, .special = true}, &p),
                 -ENOMEM);
    cr_assert_eq(pl_alloc(pool, &(struct pl_request){.size = 1ull << 41, .special = true}, &p),
                 -ENOMEM);
    cr_assert_eq(pl_counters(pool)->failed, 3);
    cr_assert_eq(give(ordinary(10)), 0);
    fixture_close();
}
