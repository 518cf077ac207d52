/* Filter, sort, changes, sums and keys of poolmon's model. */
#include "tools/poolmon.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define TAG(text)                                                                 \
    ((uint32_t)(text)[0] | (uint32_t)(text)[1] << 8 | (uint32_t)(text)[2] << 16 | \
     (uint32_t)(text)[3] << 24)

/* Ascending by tag, then side, as a snapshot is. */
static struct pm_row rows[] = {
    {.tag = TAG("Afd "), .side = POOLPROOF_NONPAGED, .allocs = 9, .frees = 2, .bytes = 700},
    {.tag = TAG("Gxlt"), .side = POOLPROOF_PAGED, .allocs = 50, .frees = 42, .bytes = 864},
    {.tag = TAG("Wait"), .side = POOLPROOF_NONPAGED, .allocs = 70, .frees = 40, .bytes = 8456},
    {.tag = TAG("Wait"), .side = POOLPROOF_PAGED, .allocs = 3, .frees = 3},
    {.tag = TAG("wait"), .side = POOLPROOF_NONPAGED, .allocs = 1, .bytes = 16},
};
static const struct pm_snapshot now = {.rows = rows, .count = PP_COUNT(rows)};
static struct pm_table table;

static struct pm_view view(void)
{
    return (struct pm_view){.session = PM_SYSTEM};
}

static void make(const struct pm_view *v, const struct pm_snapshot *before)
{
    cr_assert_eq(pm_table_make(&now, before, v, &table), 0);
}

/* The tags of the lines, a paged one in capitals: "N" or "P" after each. */
static const char *order(void)
{
    static char text[128];

    *text = '\0';
    for (size_t i = 0; i < table.count; i++) {
        char tag[5];

        pm_tag_text(table.lines[i].row->tag, tag);
        pp_fmt_append(text, sizeof text, "%s%s%c", i ? " " : "", tag,
                      table.lines[i].row->side ? 'P' : 'N');
    }
    return text;
}

Test(model, sorts_largest_first_and_tags_by_text)
{
    static const struct {
        enum pm_sort sort;
        const char *want;
    } cases[] = {
        {PM_TAG, "Afd N GxltP WaitN WaitP waitN"},
        {PM_ALLOCS, "WaitN GxltP Afd N WaitP waitN"},
        {PM_FREES, "GxltP WaitN WaitP Afd N waitN"},
        {PM_DIFF, "WaitN GxltP Afd N waitN WaitP"},
        {PM_BYTES, "WaitN GxltP Afd N waitN WaitP"},
        {PM_PER_ALLOC, "WaitN GxltP Afd N waitN WaitP"},
    };

    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        struct pm_view v = view();

        v.sort = cases[i].sort;
        make(&v, NULL);
        cr_assert_str_eq(order(), cases[i].want, "sort %zu: %s", i, order());
        pm_table_done(&table);
    }
}

Test(model, sorts_by_change)
{
    struct pm_row then[PP_COUNT(rows)];
    const struct pm_snapshot before = {.rows = then, .count = 4}; /* "wait" is new */
    struct pm_view v = view();

    memcpy(then, rows, sizeof then);
    then[0].allocs -= 5;  /* +5 */
    then[1].bytes += 100; /* -100 */
    then[2].bytes -= 8;   /* +8 */
    v.by_change = true;
    v.sort = PM_ALLOCS;
    make(&v, &before);
    cr_assert_str_eq(order(), "Afd N waitN GxltP WaitN WaitP");
    cr_assert_eq(table.lines[0].allocs_change, 5);
    cr_assert_eq(table.lines[1].bytes_change, 16, "a new row grew from nothing");
    pm_table_done(&table);
    v.sort = PM_BYTES;
    make(&v, &before);
    cr_assert_str_eq(order(), "waitN WaitN Afd N WaitP GxltP");
    cr_assert_eq(table.lines[4].bytes_change, -100);
    pm_table_done(&table);
}

Test(model, differences_survive_wrapped_counters)
{
    struct pm_row wrapped = {.tag = TAG("Wrap"), .allocs = 5, .frees = 0xFFFFFFFBu, .bytes = 1000};
    const struct pm_snapshot one = {.rows = &wrapped, .count = 1};
    struct pm_view v = view();

    cr_assert_eq(pm_table_make(&one, NULL, &v, &table), 0);
    cr_assert_eq(table.lines[0].diff, 10);
    cr_assert_eq(table.lines[0].per_alloc, 100);
    pm_table_done(&table);
}

Test(model, filters_union_then_exclusion)
{
    static const struct pm_filter wanted[] = {{"Wai?", false}, {"G*", false}};
    static const struct pm_filter unwanted[] = {{"Wait", true}};
    static const struct pm_filter both[] = {{"?ait", false}, {"W*", true}};
    struct pm_view v = view();

    v.filters = wanted;
    v.filter_count = 2;
    make(&v, NULL);
    cr_assert_str_eq(order(), "GxltP WaitN WaitP");
    pm_table_done(&table);
    v.filters = unwanted;
    v.filter_count = 1;
    make(&v, NULL);
    cr_assert_str_eq(order(), "Afd N GxltP waitN");
    pm_table_done(&table);
    v.filters = both;
    v.filter_count = 2;
    make(&v, NULL);
    cr_assert_str_eq(order(), "waitN");
    pm_table_done(&table);
}

Test(model, sums_are_of_what_is_shown)
{
    static const struct pm_filter wait[] = {{"Wait", false}};
    struct pm_view v = view();
    unsigned sides[2];

    v.filters = wait;
    v.filter_count = 1;
    v.totals = true;
    make(&v, NULL);
    cr_assert_eq(table.sums[POOLPROOF_NONPAGED].rows, 1);
    cr_assert_eq(table.sums[POOLPROOF_NONPAGED].bytes, 8456);
    cr_assert_eq(table.sums[POOLPROOF_PAGED].diff, 0);
    cr_assert_eq(pm_sums_shown(&v, sides), 2);
    v.kind = PM_PAGED;
    cr_assert_eq(pm_sums_shown(&v, sides), 1);
    cr_assert_eq(sides[0], POOLPROOF_PAGED);
    v.totals = false;
    cr_assert_eq(pm_sums_shown(&v, sides), 0);
    pm_table_done(&table);
}

Test(model, keys_change_the_view)
{
    struct pm_view v = view();

    cr_assert(pm_view_key(&v, 'p'));
    cr_assert_eq(v.kind, PM_NONPAGED);
    make(&v, NULL);
    cr_assert_str_eq(order(), "Afd N WaitN waitN");
    pm_table_done(&table);
    cr_assert(pm_view_key(&v, 'p'));
    make(&v, NULL);
    cr_assert_str_eq(order(), "GxltP WaitP");
    pm_table_done(&table);
    cr_assert(pm_view_key(&v, 'p'));
    cr_assert_eq(v.kind, PM_BOTH);
    for (const char *k = "tafdbm"; *k; k++)
        cr_assert(pm_view_key(&v, *k));
    cr_assert_eq(v.sort, PM_PER_ALLOC);
    cr_assert(pm_view_key(&v, '('));
    cr_assert(v.by_change);
    cr_assert(pm_view_key(&v, ')'));
    cr_assert_not(v.by_change);
    cr_assert(pm_view_key(&v, 's'));
    cr_assert_eq(v.session, PM_ALL_SESSIONS);
    make(&v, NULL);
    cr_assert_eq(table.count, 0, "no pool of sessions apart");
    pm_table_done(&table);
    cr_assert(pm_view_key(&v, '7'));
    cr_assert_eq(v.session, 7);
    cr_assert(pm_view_key(&v, 'e') && v.totals);
    cr_assert(pm_view_key(&v, 'l') && v.highlight);
    cr_assert_not(pm_view_key(&v, 'z'));
    cr_assert_not(pm_view_key(&v, 0));
    cr_assert_not(pm_view_key(&v, 0x1FF));
}
