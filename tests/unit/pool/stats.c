/* Counters by tag and owner, lists of live blocks. */
#include "fixture.h"

Test(stats, tag_counts)
{
    const struct pl_tag_row *row;
    char *a, *b, *s;

    fixture_open(NULL);
    a = ordinary(100);  /* 100 + 16 -> 128 */
    b = ordinary(5000); /* two pages */
    s = special(10);
    row = pl_tag_find(pool, TAG_TEST);
    cr_assert_not_null(row);
    cr_assert_eq(row->side[0].allocs, 3);
    cr_assert_eq(row->side[0].frees, 0);
    cr_assert_eq(row->side[0].bytes, 128 + 8192 + 10);
    cr_assert_eq(row->side[0].requested, 5110);
    give(a);
    give(b);
    give(s);
    cr_assert_eq(row->side[0].frees, 3);
    cr_assert_eq(row->side[0].bytes, 0);
    cr_assert_eq(row->side[0].requested, 0);
    cr_assert_eq(row->side[0].peak_bytes, 128 + 8192 + 10);
    cr_assert_eq(row->side[0].peak_live, 3);
    cr_assert_eq(row->side[1].allocs, 0);
    cr_assert_null(pl_tag_find(pool, TAG('n', 'o', 'n', 'e')));
    fixture_close();
}

Test(stats, full_tag_table_overflows_into_one_row)
{
    static struct pl_tag_row rows[16];
    const struct pl_tag_row *row;
    struct pl_config cfg;
    uint64_t total = 0;
    char *p[40];

    pl_config_init(&cfg);
    cfg.tag_rows = rows;
    cfg.tag_row_count = PP_COUNT(rows);
    fixture_open_config(&cfg);
    for (unsigned i = 0; i < PP_COUNT(p); i++)
        p[i] = take(&(struct pl_request){.size = 16, .tag = TAG('T', 'a', 'g', '0' + i)});
    row = pl_tag_find(pool, TAG('O', 'v', 'f', 'l'));
    cr_assert_not_null(row);
    cr_assert_eq(row->side[0].allocs, PP_COUNT(p) - 15);
    for (unsigned i = 0; i < PP_COUNT(p); i++)
        cr_assert_eq(give(p[i]), 0);
    for (unsigned i = 0; i < PP_COUNT(rows); i++) {
        cr_assert_eq(rows[i].side[0].bytes, 0);
        total += rows[i].side[0].frees;
    }
    cr_assert_eq(total, PP_COUNT(p));
    fixture_close();
}

Test(stats, counters)
{
    const struct pl_counters *n;
    char *p;

    fixture_open(NULL);
    n = pl_counters(pool);
    p = special(10);
    (void)ordinary(10);
    (void)take(&(struct pl_request){.size = 1, .flags = PL_PAGED | PL_NO_TAG});
    cr_assert_eq(n->attempted, 3);
    cr_assert_eq(n->succeeded, 3);
    cr_assert_eq(n->succeeded_special, 1);
    cr_assert_eq(n->no_tag, 1);
    cr_assert_eq(n->live, 3);
    cr_assert_eq(n->live_paged, 1);
    cr_assert_eq(n->special_bytes, 4096);
    give(p);
    give(p);
    cr_assert_eq(n->live, 2);
    cr_assert_eq(n->frees, 1);
    cr_assert_eq(n->events[PL_EV_FREE_TWICE], 1);
    fixture_close();
}

static unsigned shown;
static uint64_t order[16];

static bool show(void *ctx, const struct pl_block_info *b)
{
    (void)ctx;
    order[shown++] = b->start;
    return true;
}

static bool show_and_free(void *ctx, const struct pl_block_info *b)
{
    show(ctx, b);
    return give((void *)(uintptr_t)b->start) == 0;
}

Test(stats, live_blocks_of_an_owner_in_order)
{
    const struct pl_owner_row *own;
    char *p[5];

    fixture_open(NULL);
    p[0] = ordinary(100);
    p[1] = special(10);
    p[2] = take(&(struct pl_request){.size = 5000, .owner = 1, .special = true, .flags = PL_PAGED});
    (void)take(&(struct pl_request){.size = 10, .owner = 2});
    (void)take(&(struct pl_request){.size = 10, .owner = 1, .flags = PL_NOT_TRACKED});
    p[3] = ordinary(50000);
    p[4] = ordinary(20);
    give(p[1]);
    cr_assert_eq(pl_each_live(pool, 1, show, NULL), 4);
    cr_assert_eq(order[0], (uintptr_t)p[0]);
    cr_assert_eq(order[1], (uintptr_t)p[2]);
    cr_assert_eq(order[2], (uintptr_t)p[3]);
    cr_assert_eq(order[3], (uintptr_t)p[4]);
    shown = 0;
    cr_assert_eq(pl_each_live(pool, UINT32_MAX, show, NULL), 6);
    own = pl_owner_find(pool, 1);
    cr_assert_eq(own->allocs[0], 4);
    cr_assert_eq(own->frees[0], 1);
    cr_assert_eq(own->live[0], 3);
    cr_assert_eq(own->live[1], 1);
    cr_assert_eq(own->bytes[1], 5000);
    cr_assert_eq(own->peak_live[0], 4);
    shown = 0;
    cr_assert_eq(pl_each_live(pool, 1, show_and_free, NULL), 4);
    cr_assert_eq(pl_each_live(pool, 1, show, NULL), 0);
    cr_assert_null(pl_owner_find(pool, 3));
    fixture_close();
}
