/* What pooltag makes of a state: rows, filter, order, differences, hygiene, HTML. */
#include "states.h"
#include "tools/pooltag.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct pt_filter all;

static struct pt_state read_state(struct poolproof_state *s, const struct pm_tag_file *tags)
{
    struct pt_state t;

    pt_state_read(s, false, tags, &t);
    free(s);
    return t;
}

static const struct pt_row *row(const struct pt_state *t, const char *tag, uint32_t side)
{
    for (size_t i = 0; i < t->row_count; i++) {
        if (t->rows[i].tag == state_tag(tag) && t->rows[i].side == side)
            return &t->rows[i];
    }
    cr_assert_fail("no row of %s", tag);
    return NULL;
}

/* ---- Reading ---- */

Test(pooltag, row_has_counters_sites_and_drivers)
{
    struct pt_state t = read_state(state_sample("two"), NULL);
    const struct pt_row *r = row(&t, "Data", 1);

    cr_assert_eq(t.row_count, 3);
    cr_assert_eq(r->allocs, 14);
    cr_assert_eq(r->live, 11);
    cr_assert_eq(r->bytes, 8 * 64 + 3 * 256);
    cr_assert_eq(pt_per_alloc(r), (8 * 64 + 3 * 256) / 11);
    cr_assert_eq(r->site_count, 2);
    cr_assert_str_eq(r->sites[0].place, "second+0x2020"); /* most bytes first */
    cr_assert_str_eq(r->sites[1].place, "first+0x1010");
    cr_assert_str_eq(r->drivers, "second.sys, first.sys");
    cr_assert_str_eq(row(&t, "Irp ", 0)->drivers, "nt");
    cr_assert_str_eq(row(&t, "One", 0)->text, "One ");
    cr_assert_eq(pt_per_alloc(row(&t, "One", 0)), 0);
    pt_state_done(&t);
}

Test(pooltag, hostile_state_is_made_printable_and_bounded)
{
    struct pt_state t = read_state(state_sample("hostile"), NULL);
    const struct pt_row *r = row(&t, "Huge", 0);

    cr_assert_eq(r->live, 0); /* more frees than allocations */
    cr_assert_leq(r->curve->count, POOLPROOF_POINTS);
    cr_assert_eq(r->site_count, 1); /* the one of no driver is left out */
    cr_assert_str_eq(row(&t, "\x01\x80'&", 1)->text, "..'&");
    cr_assert_str_eq(row(&t, "\x01\x80'&", 1)->sites[0].place, "0x10");
    cr_assert_str_eq(t.drivers[0].name, "\"><b>.[31m&.sys");
    cr_assert_eq(strlen(t.drivers[1].name), 63);
    pt_state_done(&t);
}

Test(pooltag, curve_ends_where_time_runs_backwards)
{
    struct poolproof_state *s = state_sample("two");
    struct poolproof_curve *c = pp_state_row(s, &s->curves, 0);
    struct pt_state t;

    c->points[4].time = 1;
    t = read_state(s, NULL);
    cr_assert_eq(row(&t, "Data", 1)->curve->count, 4);
    pt_state_done(&t);
}

/* ---- Filter, sort ---- */

static void expect_tags(struct pt_filter f, enum pt_sort sort, const char *want)
{
    struct pt_state t = read_state(state_sample("later"), NULL);
    struct pt_table table;
    char got[100] = "";

    pt_table_make(&t, &f, sort, &table);
    for (size_t i = 0; i < table.count; i++)
        pp_fmt_append(got, sizeof got, "%s|", table.rows[i]->text);
    cr_assert_str_eq(got, want);
    pt_table_done(&table);
    pt_state_done(&t);
}

Test(pooltag, sorts_largest_first_and_equals_by_tag)
{
    expect_tags(all, PT_TAG, "Data|Irp |New!|One |");
    expect_tags(all, PT_BYTES, "Data|New!|Irp |One |");
    expect_tags(all, PT_ALLOCS, "Data|Irp |New!|One |");
    expect_tags(all, PT_FREES, "Irp |Data|One |New!|");
    expect_tags(all, PT_DIFF, "Data|New!|Irp |One |");
    expect_tags(all, PT_PEAK, "One |Irp |Data|New!|");
    expect_tags(all, PT_PER_ALLOC, "Data|New!|Irp |One |");
}

Test(pooltag, filters_by_tag_side_and_driver)
{
    expect_tags((struct pt_filter){.tags = {"D*", "O?e"}, .tag_count = 2}, PT_TAG, "Data|One |");
    expect_tags((struct pt_filter){.tags = {"d*"}, .tag_count = 1}, PT_TAG, "");
    expect_tags((struct pt_filter){.tags = {"Irp"}, .tag_count = 1}, PT_TAG, "Irp |");
    expect_tags((struct pt_filter){.is_side_only = true, .side = 1}, PT_TAG, "Data|");
    expect_tags((struct pt_filter){.driver = "SECOND"}, PT_TAG, "Data|New!|");
}

/* ---- Differences ---- */

Test(pooltag, diff_names_growth_by_tag_and_site)
{
    struct pt_state before = read_state(state_sample("two"), NULL);
    struct pt_state now = read_state(state_sample("later"), NULL);
    const struct pt_change *c;
    struct pt_diff d;

    pt_diff_make(&before, &now, &all, &d);
    cr_assert_eq(d.count, 2);
    cr_assert_eq(d.grown, 2);
    cr_assert(d.is_same_run);
    c = &d.changes[0];
    cr_assert_str_eq(pt_change_row(c)->text, "Data");
    cr_assert_eq(c->live, 17);
    cr_assert_eq(c->bytes, 20 * 64 - 3 * 256);
    cr_assert_eq(c->site_count, 2);
    cr_assert_str_eq(c->sites[0].now->place, "first+0x1010");
    cr_assert_eq(c->sites[0].bytes, 20 * 64);
    cr_assert_eq(c->sites[1].bytes, -3 * 256);
    c = &d.changes[1];
    cr_assert_null(c->before);
    cr_assert_eq(c->bytes, 160);
    pt_diff_done(&d);
    pt_diff_make(&now, &before, &all, &d); /* the other way round */
    cr_assert_eq(d.grown, 0);
    cr_assert_eq(d.count, 2);
    cr_assert_str_eq(d.notes[0], "the first snapshot is the newer one");
    pt_diff_done(&d);
    pt_diff_make(&now, &now, &all, &d);
    cr_assert_eq(d.count, 0);
    pt_diff_done(&d);
    pt_state_done(&before);
    pt_state_done(&now);
}

Test(pooltag, diff_matches_sites_of_a_driver_loaded_elsewhere)
{
    struct poolproof_state *a = state_new("x.sys"), *b = state_new("x.sys");
    struct pt_state before, now;
    struct pt_diff d;

    state_driver(a, "x.sys", 0x4c0001000000);
    state_driver(b, "x.sys", 0x4c0005000000);
    b->start_time++;
    ((struct poolproof_driver *)pp_state_row(b, &b->drivers, 0))->size = 0x7000;
    state_use(a, &(struct state_use){"Data", 0, 1, 0x4c0001001010, 64, 2, 0});
    state_use(b, &(struct state_use){"Data", 0, 1, 0x4c0005001010, 64, 3, 0});
    before = read_state(a, NULL);
    now = read_state(b, NULL);
    pt_diff_make(&before, &now, &all, &d);
    cr_assert_eq(d.count, 1);
    cr_assert_eq(d.changes[0].site_count, 1);
    cr_assert_eq(d.changes[0].sites[0].live, 1);
    cr_assert(!d.is_same_run);
    cr_assert_not_null(strstr(d.notes[0], "different machines"));
    cr_assert_not_null(strstr(d.notes[1], "x.sys differs"));
    pt_diff_done(&d);
    pt_state_done(&before);
    pt_state_done(&now);
}

/* ---- Hygiene ---- */

static void expect_habits(struct poolproof_state *s, const char *tag_file, const char *want)
{
    struct pm_tag_file tags = {0};
    struct pt_remark *remarks;
    struct pt_state t;
    char got[300] = "";
    size_t count;

    if (tag_file)
        cr_assert_eq(pm_tag_file_parse(&tags, tag_file, strlen(tag_file)), 0);
    t = read_state(s, tag_file ? &tags : NULL);
    count = pt_hygiene(&t, &all, tag_file != NULL, &remarks);
    for (size_t i = 0; i < count; i++)
        pp_fmt_append(got, sizeof got, "%s %s|", remarks[i].row->text,
                      pt_habit_names[remarks[i].habit]);
    cr_assert_str_eq(got, want);
    pp_free(remarks);
    pt_state_done(&t);
    pm_tag_file_done(&tags);
}

static struct poolproof_state *one_tag(const char *tag)
{
    struct poolproof_state *s = state_new("x.sys");

    state_use(s, &(struct state_use){tag, 0, state_driver(s, "x.sys", 0x1000), 0x1010, 8, 1, 0});
    return s;
}

Test(pooltag, hygiene_of_one_tag)
{
    expect_habits(one_tag("Good"), NULL, "");
    expect_habits(one_tag("Ok"), NULL, ""); /* ends in zeros */
    expect_habits(one_tag("Ddk "), NULL, "Ddk  default-tag|");
    expect_habits(one_tag("Wdm "), NULL, "Wdm  default-tag|");
    expect_habits(one_tag("None"), NULL, "None default-tag|");
    expect_habits(one_tag("    "), NULL, "     default-tag|");
    expect_habits(one_tag("a\x01"), NULL, "a.   unprintable|");
    expect_habits(one_tag("\x80\x81\x82\x83"), NULL, ".... unprintable|.... no-letter|");
    expect_habits(one_tag("<!>?"), NULL, "<!>? no-letter|");
}

Test(pooltag, hygiene_shared_by_two_drivers_also_across_sides)
{
    struct poolproof_state *s = state_sample("two");

    expect_habits(s, NULL, "Data shared|");
    s = state_new("x.sys");
    state_use(s, &(struct state_use){"Both", 0, state_driver(s, "x.sys", 0x1000), 0x1010, 8, 1, 0});
    state_use(s, &(struct state_use){"Both", 1, state_driver(s, "y.sys", 0x9000), 0x9010, 8, 1, 0});
    expect_habits(s, NULL, "Both shared|");
    s = one_tag("Mine"); /* loaded twice: one driver */
    state_use(s, &(struct state_use){"Mine", 0, state_driver(s, "x.sys", 0x9000), 0x9010, 8, 1, 0});
    expect_habits(s, NULL, "");
}

Test(pooltag, hygiene_leaves_the_kernel_alone)
{
    struct poolproof_state *s = state_new("x.sys");

    state_use(s, &(struct state_use){"None", 0, 0, 0, 8, 1, 0});
    expect_habits(s, "Irp  - nt!io - packets\n", "");
}

Test(pooltag, hygiene_asks_the_tag_file)
{
    expect_habits(one_tag("Good"), "Good - x.sys - mine\n", "");
    expect_habits(one_tag("Good"), "Good - X.SYS    -  mine\n", "");
    expect_habits(one_tag("Good"), "Go?? - other.sys - theirs\n", "Good taken|");
    expect_habits(one_tag("Good"), "Good - nt!mm - theirs\n", "Good taken|");
    expect_habits(one_tag("Good"), "Good - <unknown> - somebody's\n", "");
    expect_habits(one_tag("Good"), "Good - two fields only\n", "");
    expect_habits(one_tag("Good"), "Irp  - nt!io - packets\n", "Good unknown-owner|");
}

Test(pooltag, hygiene_without_call_sites)
{
    struct poolproof_state *s = one_tag("Lost");

    memset(pp_state_row(s, &s->sites, 0), 0, sizeof(struct poolproof_site));
    expect_habits(s, NULL, "Lost unknown-owner|");
}

/* ---- HTML ---- */

static char *html(struct poolproof_state *s)
{
    struct pt_state t = read_state(s, NULL);
    struct pt_table table;
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    pt_table_make(&t, &all, PT_BYTES, &table);
    pt_write_html(out, &t, &table, NULL, 0);
    fclose(out);
    pt_table_done(&table);
    pt_state_done(&t);
    return text;
}

Test(pooltag, html_escapes_what_a_driver_wrote)
{
    char *text = html(state_sample("hostile"));

    cr_assert_null(strstr(text, "<script>alert"));
    cr_assert_null(strstr(text, "<b>.[31m"));
    cr_assert_not_null(strstr(text, "&lt;a&quot;&gt;"));
    cr_assert_not_null(strstr(text, "..&#39;&amp;"));
    cr_assert_null(strchr(text, '\x1b'));
    free(text);
}

Test(pooltag, html_is_the_same_for_the_same_state)
{
    char *a = html(state_sample("two")), *b = html(state_sample("two"));

    cr_assert_str_eq(a, b);
    free(a);
    free(b);
}
