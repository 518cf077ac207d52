/* Ordinary pool of level PL_PLAIN: geometry, headers, what it notices, threads. */
#include "fixture.h"

#include <pthread.h>

static void open_plain(bool threads, bool origins)
{
    struct pl_config cfg;

    pl_config_init(&cfg);
    cfg.level = PL_PLAIN;
    cfg.threads = threads;
    cfg.origins = origins;
    fixture_open_config(&cfg);
}

Test(plain, geometry)
{
    open_plain(false, false);
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

Test(plain, cache_aligned)
{
    open_plain(false, false);
    for (size_t size = 1; size < 6000; size += 13) {
        char *p = take(&(struct pl_request){.size = size, .flags = PL_CACHE_ALIGNED});

        cr_assert_eq((uintptr_t)p % 64, 0);
        memset(p, 0, size);
        cr_assert_eq(size % 2 ? give(p) : pl_quick_free(pool, p, 0), 0);
    }
    cr_assert_eq(events, 0);
    cr_assert_eq(pl_check_all(pool), 0);
    fixture_close();
}

Test(plain, header_layout)
{
    struct pl_request req = {
        .size = 100, .tag = TAG_TEST, .flags = PL_PAGED | PL_QUOTA | PL_PROTECTED};
    uint8_t *a, *b;

    open_plain(false, false);
    a = (uint8_t *)take(&req) - 16;
    b = (uint8_t *)take(&req) - 16;
    cr_assert_eq(b - a, 128);
    cr_assert_eq(a[0], 0);
    cr_assert_eq(b[0], 8);
    cr_assert_eq(b[2], 8);
    cr_assert_eq(b[3], 1 | 2 | 8);
    cr_assert_eq(pp_load32(b + 4), TAG_TEST | 0x80000000u);
    cr_assert_eq(give_tag(b + 16, TAG_TEST | 0x80000000u), 0);
    cr_assert_eq(events, 0);
    cr_assert_eq(b[3], 0);
    fixture_close();
}

Test(plain, zeroed_when_asked)
{
    open_plain(false, false);
    for (unsigned i = 0; i < 500; i++) {
        struct pl_request req = {.size = 40 + i * 20, .flags = PL_ZERO};
        char *p = take(&req);

        for (size_t at = 0; at < req.size; at++)
            cr_assert_eq(p[at], 0);
        memset(p, 0xEE, req.size);
        cr_assert_eq(give(p), 0);
        p = take(&req);
        cr_assert_eq(p[0] | p[req.size - 1], 0);
        cr_assert_eq(give(p), 0);
    }
    fixture_close();
}

Test(plain, contents_stay)
{
    static char *p[3000];
    struct pp_random rnd;

    open_plain(false, false);
    pp_random_init(&rnd, 5);
    for (unsigned step = 0; step < 60000; step++) {
        unsigned i = (unsigned)pp_random_below(&rnd, PP_COUNT(p));
        size_t size = 1 + i;

        if (p[i]) {
            cr_assert_eq((uint8_t)p[i][0], (uint8_t)i);
            cr_assert_eq((uint8_t)p[i][size - 1], (uint8_t)i);
            cr_assert_eq(i % 2 ? give(p[i]) : pl_quick_free(pool, p[i], TAG_TEST), 0);
            p[i] = NULL;
        } else {
            p[i] = i % 4 ? pl_quick_alloc(pool, size, TAG_TEST) : ordinary(size);
            memset(p[i], (int)i, size);
        }
    }
    cr_assert_eq(pl_check_all(pool), 0);
    cr_assert_eq(events, 0);
    fixture_close();
}

Test(plain, same_calls_same_addresses)
{
    static void *first[2000];

    for (unsigned pass = 0; pass < 2; pass++) {
        struct pp_random rnd;
        void *live[64] = {0};

        open_plain(false, false);
        pp_random_init(&rnd, 9);
        for (unsigned i = 0; i < PP_COUNT(first); i++) {
            unsigned at = (unsigned)pp_random_below(&rnd, PP_COUNT(live));

            if (live[at])
                cr_assert_eq(give(live[at]), 0);
            live[at] = ordinary(pp_random_below(&rnd, 700));
            if (pass)
                cr_assert_eq(live[at], first[i]);
            first[i] = live[at];
        }
        fixture_close();
    }
}

Test(plain, mistakes_at_free)
{
    char *p, *q, *big;

    open_plain(false, false);
    p = ordinary(48);
    q = ordinary(48);
    big = ordinary(10000);
    cr_assert_eq(pl_quick_free(pool, p + 16, 0), -EFAULT);
    cr_assert_eq(last.kind, PL_EV_FREE_INSIDE);
    cr_assert_eq(last.block.start, (uintptr_t)p);
    cr_assert_eq(last.block.size, 48);
    cr_assert_eq(pl_quick_free(pool, p - 16, 0), -EFAULT);
    cr_assert_eq(last.block.where, PL_HEADER);
    cr_assert_eq(give(big + 4096), -EFAULT);
    cr_assert_eq(pl_quick_free(pool, q, TAG('o', 't', 'h', 'r')), 0);
    cr_assert_eq(last.kind, PL_EV_FREE_TAG);
    cr_assert_eq(last.block.tag, TAG_TEST);
    cr_assert_eq(pl_quick_free(pool, p, TAG_TEST), 0);
    cr_assert_eq(give(big), 0);
    cr_assert_eq(events, 4);
    cr_assert_eq(pl_quick_free(pool, p, TAG_TEST), -EALREADY);
    cr_assert_eq(last.kind, PL_EV_FREE_TWICE);
    cr_assert_eq(last.block.size, 48);
    cr_assert_eq(last.block.tag, TAG_TEST);
    cr_assert_eq(give(big), -EALREADY);
    cr_assert_eq(pl_quick_free(pool, p + 20000, 0), -ENOENT);
    cr_assert_eq(last.kind, PL_EV_FREE_UNKNOWN);
    cr_assert_eq(pl_quick_free(pool, p + (1 << 30), 0), -ENOENT);
    cr_assert_eq(pl_quick_free(pool, NULL, 0), -ENOENT);
    cr_assert_eq(pl_quick_free(pool, &p, 0), -ENOENT);
    cr_assert_eq(events, 10);
    p = ordinary(100);
    cr_assert_eq(pl_free(pool, &(struct pl_free_request){.p = p, .sized = true, .size = 99}), 0);
    cr_assert_eq(last.kind, PL_EV_FREE_SIZE);
    fixture_close();
}

Test(plain, protected_tag)
{
    char *p;

    open_plain(false, false);
    p = take(&(struct pl_request){.size = 10, .tag = TAG_TEST, .flags = PL_PROTECTED});
    sink_carries_on = false;
    cr_assert_eq(pl_quick_free(pool, p, 0), -EPERM);
    cr_assert(last.protected_tag);
    cr_assert_eq(pl_quick_free(pool, p, TAG_TEST), -EPERM);
    cr_assert_eq(events, 2);
    cr_assert_eq(pl_quick_free(pool, p, TAG_TEST | 0x80000000u), 0);
    cr_assert_eq(events, 2);
    fixture_close();
}

/* Each byte of a header, each bit: noticed at free, with the right block and byte. The bit that
 * says "in use" makes it a block freed before. */
Test(plain, any_changed_bit_of_a_header_is_noticed)
{
    open_plain(false, false);
    for (unsigned bit = 0; bit < 128; bit++) {
        uint8_t *p = (uint8_t *)ordinary(40);

        p[(int)(bit / 8) - 16] ^= (uint8_t)(1u << bit % 8);
        events = 0;
        if (bit == 25) {
            cr_assert_eq(pl_quick_free(pool, p, TAG_TEST), -EALREADY);
            p[-13] = 2;
            cr_assert_eq(pl_quick_free(pool, p, TAG_TEST), 0);
            continue;
        }
        cr_assert_eq(pl_quick_free(pool, p, TAG_TEST), 0, "bit %u: %d", bit, last.kind);
        cr_assert_eq(events, 1, "bit %u", bit);
        cr_assert_eq(last.kind, PL_EV_HEADER_DAMAGED, "bit %u: %d", bit, last.kind);
        cr_assert(last.single_bit);
        cr_assert_eq(last.block.start, (uintptr_t)p);
        if (bit % 32 < 8 && bit >= 64) /* slack, kept twice: either may be wrong */
            continue;
        cr_assert_eq(last.bad_addr, (uintptr_t)p - 16 + bit / 8, "bit %u", bit);
        cr_assert_eq(last.block.size, 40);
        cr_assert_eq(last.block.tag, TAG_TEST);
    }
    events = 0;
    cr_assert_eq(pl_check_all(pool), 0);
    fixture_close();
}

/* Writing on past a block's end: the next header is gone, its second half tells what it was. */
Test(plain, overrun_is_found_when_the_next_block_is_freed)
{
    char *p, *q;

    open_plain(false, false);
    p = ordinary(32);
    q = ordinary(32);
    memset(p + 32, 0x41, 8);
    cr_assert_eq(give(p), 0);
    cr_assert_eq(events, 0);
    cr_assert_eq(give(q), 0);
    cr_assert_eq(events, 1);
    cr_assert_eq(last.kind, PL_EV_HEADER_DAMAGED);
    cr_assert_eq(last.block.start, (uintptr_t)q);
    cr_assert_eq(last.block.tag, TAG_TEST);
    cr_assert_eq(last.block.size, 32);
    fixture_close();
}

Test(plain, whole_header_overwritten)
{
    char *p;

    open_plain(false, false);
    p = ordinary(32);
    memset(p - 16, 0x41, 16);
    cr_assert_eq(pl_check_block(pool, p), 1);
    cr_assert_eq(last.kind, PL_EV_HEADER_DAMAGED);
    cr_assert_eq(pl_check_block(pool, p), 0);
    cr_assert_eq(give(p), 0);
    cr_assert_eq(events, 1);
    fixture_close();
}

Test(plain, write_after_free_is_found_on_reuse_and_the_list_survives)
{
    for (unsigned at = 0; at < 16; at++) {
        char *p[20];

        open_plain(false, false);
        for (unsigned i = 0; i < PP_COUNT(p); i++)
            p[i] = ordinary(48);
        for (unsigned i = 0; i < PP_COUNT(p); i++)
            cr_assert_eq(give(p[i]), 0);
        p[7][at] ^= 0x04;
        for (unsigned i = 0; i < 200; i++)
            (void)ordinary(48);
        cr_assert_eq(events, 1, "at %u: %u", at, events);
        cr_assert_eq(last.kind, PL_EV_FREED_MODIFIED);
        if (at % 8 != 1 &&
            at % 8 != 2) /* bits that still make a good link: either half may be wrong */
            cr_assert_eq(last.bad_addr, (uintptr_t)p[7] + at);
        cr_assert_eq(last.block.start, (uintptr_t)p[7]);
        cr_assert_eq(pl_check_all(pool), 0);
        cr_assert_eq(pl_counters(pool)->live, 200);
        fixture_close();
    }
}

Test(plain, write_after_free_is_found_by_a_check)
{
    char *p, *q;

    open_plain(false, false);
    p = ordinary(48);
    q = ordinary(48);
    cr_assert_eq(give(p), 0);
    cr_assert_eq(give(q), 0);
    p[8] ^= 1;
    q[-14] ^= 2; /* BlockSize */
    cr_assert_eq(pl_check_all(pool), 2);
    cr_assert_eq(last.kind, PL_EV_HEADER_DAMAGED);
    cr_assert(!last.block.live);
    cr_assert_eq(pl_check_all(pool), 0);
    fixture_close();
}

/* Never handed out, yet written to. */
Test(plain, write_to_pool_not_used_yet)
{
    char *p;

    open_plain(false, false);
    p = ordinary(48);
    memset(p + 48, 0, 32);
    for (unsigned i = 0; i < 100; i++)
        (void)ordinary(48);
    cr_assert_geq(events, 1);
    cr_assert_eq(pl_check_all(pool), 0);
    fixture_close();
}

Test(plain, find)
{
    struct pl_block_info b;
    char *p;

    open_plain(false, false);
    p = ordinary(21);
    cr_assert_eq(pl_find(pool, (uintptr_t)p + 20, &b), PL_LIVE);
    cr_assert_eq(b.span_end - b.span_start, 48);
    cr_assert_eq(b.tag, TAG_TEST);
    cr_assert_eq(b.size, 21);
    cr_assert_eq(pl_find(pool, (uintptr_t)p + 21, &b), PL_SLACK_AFTER);
    cr_assert_eq(pl_find(pool, (uintptr_t)p - 1, &b), PL_HEADER);
    cr_assert_eq(pl_find(pool, (uintptr_t)p + 48, &b), PL_HEAP_FREE);
    cr_assert(!b.has_block);
    cr_assert(pl_check_range(pool, (uintptr_t)p, 21, &b));
    cr_assert(!pl_check_range(pool, (uintptr_t)p, 22, &b));
    cr_assert_eq(give(p), 0);
    cr_assert_eq(pl_find(pool, (uintptr_t)p, &b), PL_FREED);
    cr_assert_eq(b.size, 21);
    fixture_close();
}

Test(plain, paged_pool_revoked)
{
    struct pl_block_info b;
    char *p, *q;

    open_plain(false, false);
    p = take(&(struct pl_request){.size = 100, .tag = TAG_TEST, .flags = PL_PAGED});
    cr_assert_eq(pl_paged_revoke(pool), 0);
    cr_assert(faults_read(p));
    cr_assert_eq(pl_find(pool, (uintptr_t)p, &b), PL_REVOKED);
    q = take(&(struct pl_request){.size = 100, .tag = TAG_TEST, .flags = PL_PAGED});
    cr_assert(faults_read(q));
    cr_assert_eq(give_tag(p, TAG_TEST), 0);
    cr_assert_eq(give_tag(p, TAG_TEST), -EALREADY);
    cr_assert(faults_read(q));
    cr_assert_eq(pl_paged_restore(pool), 0);
    cr_assert(!faults_read(q));
    cr_assert_eq(pl_counters(pool)->live_paged, 1);
    fixture_close();
}

static unsigned shown;
static struct pl_block_info listed[16];

static bool show(void *ctx, const struct pl_block_info *b)
{
    (void)ctx;
    listed[shown++] = *b;
    return true;
}

Test(plain, live_blocks_of_an_owner_in_order)
{
    char *p[4];

    open_plain(false, true);
    p[0] = ordinary(100);
    p[1] = ordinary(10);
    p[2] = ordinary(5000);
    (void)take(&(struct pl_request){.size = 10, .owner = 2});
    (void)take(&(struct pl_request){.size = 10, .owner = 1, .flags = PL_NOT_TRACKED});
    p[3] = ordinary(10);
    give(p[1]);
    cr_assert_eq(pl_each_live(pool, 1, show, NULL), 3);
    cr_assert_eq(listed[0].start, (uintptr_t)p[0]);
    cr_assert_eq(listed[1].start, (uintptr_t)p[2]);
    cr_assert_eq(listed[2].start, (uintptr_t)p[3]);
    cr_assert_eq(listed[0].alloc_stack, 7);
    cr_assert_eq(listed[0].owner, 1);
    shown = 0;
    cr_assert_eq(pl_each_live(pool, UINT32_MAX, show, NULL), 5, "%u", shown);
    fixture_close();
}

Test(plain, live_blocks_without_origins)
{
    open_plain(false, false);
    (void)ordinary(100);
    (void)ordinary(10);
    (void)ordinary(5000);
    give(ordinary(10));
    cr_assert_eq(pl_each_live(pool, UINT32_MAX, show, NULL), 3);
    fixture_close();
}

Test(plain, tag_counts)
{
    const struct pl_tag_row *row;
    char *a, *b, *s;

    open_plain(false, false);
    a = ordinary(100);  /* 100 + 16 -> 128 */
    b = ordinary(5000); /* two pages */
    s = special(10);
    row = pl_tag_find(pool, TAG_TEST);
    cr_assert_not_null(row);
    cr_assert_eq(row->side[0].allocs, 3);
    cr_assert_eq(row->side[0].bytes, 128 + 8192 + 10);
    give(a);
    give(b);
    give(s);
    pl_tags_update(pool);
    cr_assert_eq(row->side[0].frees, 3);
    cr_assert_eq(row->side[0].bytes, 0);
    cr_assert_eq(row->side[0].requested, 0);
    cr_assert_eq(row->side[0].peak_live, 3);
    cr_assert_eq(pl_counters(pool)->succeeded, 3);
    cr_assert_eq(pl_counters(pool)->live, 0);
    fixture_close();
}

Test(plain, full_tag_table_overflows_into_one_row)
{
    static struct pl_tag_row rows[16];
    struct pl_config cfg;
    uint64_t total = 0;
    uint32_t count;
    char *p[40];

    pl_config_init(&cfg);
    cfg.level = PL_PLAIN;
    cfg.tag_rows = rows;
    cfg.tag_row_count = PP_COUNT(rows);
    fixture_open_config(&cfg);
    for (unsigned i = 0; i < PP_COUNT(p); i++)
        p[i] = pl_quick_alloc(pool, 16, TAG('T', 'a', 'g', '0' + i));
    cr_assert_eq(pl_tag_find(pool, TAG('O', 'v', 'f', 'l'))->side[0].allocs, PP_COUNT(p) - 15);
    for (unsigned i = 0; i < PP_COUNT(p); i++)
        cr_assert_eq(pl_quick_free(pool, p[i], TAG('T', 'a', 'g', '0' + i)), 0);
    cr_assert_eq(pl_tag_rows(pool, &count), rows);
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(rows[i].side[0].bytes, 0);
        total += rows[i].side[0].frees;
    }
    cr_assert_eq(total, PP_COUNT(p));
    cr_assert_eq(events, 0);
    fixture_close();
}

/* ---- threads ---- */

enum { THREADS = 4, SHARED = 256, ROUNDS = 60000 };

/* Blocks change hands here: each slot is claimed by exchanging it for NULL. */
static void *shared[SHARED];

static void *worker(void *arg)
{
    uint64_t seed = (uintptr_t)arg;
    struct pp_random rnd;

    pp_random_init(&rnd, seed);
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t size = 16 + pp_random_below(&rnd, i % 64 ? 500 : 9000);
        uint32_t tag = TAG('T', 'h', 'r', '0' + pp_random_below(&rnd, 8));
        uint64_t *p = pl_quick_alloc(pool, size, tag), *old;

        p[0] = size;
        p[1] = tag;
        old = __atomic_exchange_n(&shared[pp_random_below(&rnd, SHARED)], p, __ATOMIC_ACQ_REL);
        if (old && pl_quick_free(pool, old, (uint32_t)old[1]))
            return (void *)1;
    }
    pl_thread_done(pool);
    return NULL;
}

Test(plain, threads_and_exact_totals)
{
    pthread_t thread[THREADS];
    const struct pl_counters *n;
    uint32_t count;
    uint64_t live = 0, bytes = 0;

    open_plain(true, false);
    for (unsigned pass = 0; pass < 2; pass++) {
        for (uintptr_t i = 0; i < THREADS; i++)
            cr_assert_eq(pthread_create(&thread[i], NULL, worker, (void *)(i + 1)), 0);
        for (unsigned i = 0; i < THREADS; i++) {
            void *failed;

            cr_assert_eq(pthread_join(thread[i], &failed), 0);
            cr_assert_null(failed);
        }
    }
    n = pl_counters(pool);
    cr_assert_eq(n->succeeded, 2 * THREADS * ROUNDS);
    for (unsigned i = 0; i < SHARED; i++)
        live += shared[i] != NULL;
    cr_assert_eq(n->live, live);
    cr_assert_eq(n->frees, n->succeeded - live);
    cr_assert_eq(pl_check_all(pool), 0);
    for (unsigned i = 0; i < SHARED; i++)
        if (shared[i])
            cr_assert_eq(pl_quick_free(pool, shared[i], 0), 0);
    for (uint32_t i = 0; i < (pl_tag_rows(pool, &count), count); i++)
        bytes += pl_tag_rows(pool, &count)[i].side[0].bytes;
    cr_assert_eq(bytes, 0);
    cr_assert_eq(events, 0);
    fixture_close();
}
