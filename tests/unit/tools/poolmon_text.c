/* Lines of text, against printed samples of PoolMon's documentation. */
#include "tools/poolmon.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct pm_view plain = {.session = PM_SYSTEM};
static const struct pm_table nothing;
static char text[PM_TEXT], marks[PM_TEXT];

static struct pm_row wait_row = {.tag = 0x74696157,
                                 .side = POOLPROOF_NONPAGED,
                                 .allocs = 3971107,
                                 .frees = 3971077,
                                 .bytes = 8456};
static struct pm_row gxlt_row = {
    .tag = 0x746C7847, .side = POOLPROOF_PAGED, .allocs = 1161638, .frees = 1161630, .bytes = 864};

Test(text, header_of_the_sample)
{
    const struct pm_machine m = {.totals = {.physical_bytes = 260620 << 10,
                                            .available_bytes = 96364 << 10,
                                            .kernel_bytes = 1916 << 10,
                                            .bytes = {8332 << 10, 27220 << 10},
                                            .commit_bytes = 203500 << 10,
                                            .commit_limit_bytes = 640916 << 10,
                                            .commit_peak_bytes = 260632 << 10}};
    struct pm_columns c = pm_columns_fit(&nothing, &plain, true);

    pm_header_text(&m, &c, 0, 0, text);
    cr_assert_str_eq(text, " Memory:  260620K Avail:   96364K  PageFlts:     0   InRam Krnl: 1916K"
                           " P:27220K");
    pm_header_text(&m, &c, 0, 1, text);
    cr_assert_str_eq(text, " Commit: 203500K Limit: 640916K Peak: 260632K            Pool N: 8332K"
                           " P:27220K");
    pm_header_text(&m, &c, 0, 2, text);
    cr_assert_str_eq(text, " System pool information");
    pm_header_text(&m, &c, 0, 3, text);
    cr_assert_str_eq(text, " Tag  Type     Allocs            Frees            Diff   Bytes       "
                           "Per Alloc");
    pm_header_text(&m, &c, 0, 4, text);
    cr_assert_str_eq(text, "");
}

Test(text, rows_of_the_sample)
{
    const struct pm_line wait = {.row = &wait_row, .diff = 30, .per_alloc = 281};
    const struct pm_line gxlt = {.row = &gxlt_row, .diff = 8, .per_alloc = 108};
    struct pm_columns c = pm_columns_fit(&nothing, &plain, true);

    pm_row_text(&c, &wait, text, NULL);
    cr_assert_str_eq(text, " Wait Nonp    3971107 (   0)   3971077 (   0)       30    8456 (     0)"
                           "    281");
    pm_row_text(&c, &gxlt, text, NULL);
    cr_assert_str_eq(text, " Gxlt Paged   1161638 (   0)   1161630 (   0)        8     864 (     0)"
                           "    108");
}

Test(text, a_row_fits_the_documented_format)
{
    const struct pm_line l = {.row = &wait_row,
                              .diff = -3,
                              .per_alloc = 281,
                              .allocs_change = 12,
                              .frees_change = -7,
                              .bytes_change = -4096,
                              .mapped = "[nt - x]"};
    struct pm_columns c = pm_columns_fit(&nothing, &plain, true);
    char want[PM_TEXT];

    pp_fmt(want, sizeof want, " %-4s %-5s%10u (%4d)%10u (%4d) %8d %7u (%6d) %6d [nt - x]", "Wait",
           "Nonp", 3971107, 12, 3971077, -7, -3, 8456, -4096, 281);
    pm_row_text(&c, &l, text, marks);
    cr_assert_str_eq(text, want);
    cr_assert_eq(strlen(marks), strlen(text));
    cr_assert_eq(marks[strstr(text, "3971107") - text], '+');
    cr_assert_eq(marks[strstr(text, "-4096") - text], '-');
    cr_assert_eq(marks[strstr(text, "Wait") - text], ' ');
    cr_assert_eq(marks[strstr(text, "(") - text], ' ');
}

Test(text, wide_numbers_widen_the_column_for_all)
{
    struct pm_row big = {.tag = 0x21676942, .allocs = 4000000000u, .bytes = 123456789012ull};
    struct pm_line lines[2] = {{.row = &big, .diff = 1, .per_alloc = 123456789012ll},
                               {.row = &gxlt_row, .diff = 8, .per_alloc = 108}};
    const struct pm_table t = {.lines = lines, .count = 2};
    struct pm_columns c = pm_columns_fit(&t, &plain, true);
    char other[PM_TEXT];

    pm_row_text(&c, &lines[0], text, NULL);
    pm_row_text(&c, &lines[1], other, NULL);
    cr_assert_eq(strlen(text), strlen(other));
    cr_assert_not_null(strstr(text, " 123456789012 ("));
    pm_header_text(&(struct pm_machine){0}, &c, 0, 3, other);
    cr_assert_eq(strlen(text), strlen(other), "heads stay flush with their columns");
}

Test(text, columns_of_ours_and_sums)
{
    struct pm_row row = wait_row;
    struct pm_line l = {.row = &row, .diff = 30, .per_alloc = 281, .mapped = "[Unknown]"};
    struct pm_table t = {.lines = &l, .count = 1};
    struct pm_view v = plain;
    struct pm_tag_file none = {0};
    struct pm_columns c;

    row.peak_bytes = 9000;
    pp_fmt(row.owner, sizeof row.owner, "hevd.sys");
    pp_fmt(row.site, sizeof row.site, "hevd.sys+0x1a2c and 3");
    v.peak = v.owner = v.site = true;
    v.global = &none;
    c = pm_columns_fit(&t, &v, false);
    pm_row_text(&c, &l, text, NULL);
    cr_assert_str_eq(text, " Wait Nonp    3971107    3971077       30    8456       281       9000 "
                           "hevd.sys hevd.sys+0x1a2c and 3 [Unknown]");
    pm_header_text(&(struct pm_machine){0}, &c, 0, 3, text);
    cr_assert_str_eq(text, " Tag  Type     Allocs      Frees     Diff   Bytes Per Alloc Peak Bytes "
                           "Owner    Call Site             Mapped_Driver");
    pm_sum_text(
        &c,
        &(struct pm_sum){.rows = 1, .allocs = 3971107, .frees = 3971077, .bytes = 8456, .diff = 30},
        POOLPROOF_NONPAGED, text);
    cr_assert_str_eq(text, " Sum  Nonp    3971107    3971077       30    8456       281");
}

Test(text, tags_and_machines)
{
    struct pm_machine m = {.driver = "hevd.sys", .is_running = true, .generation = 1};

    pm_tag_text(0x00616201, text);
    cr_assert_str_eq(text, ".ba.");
    pm_machine_text(&m, text);
    cr_assert_str_eq(text, "hevd.sys: running");
    m.generation = 3;
    m.is_running = false;
    pm_machine_text(&m, text);
    cr_assert_str_eq(text, "hevd.sys: was killed (machine 3)");
    m.phase = POOLPROOF_ENDED;
    m.exit_code = 1;
    pm_machine_text(&m, text);
    cr_assert_str_eq(text, "hevd.sys: ended, exit code 1 (machine 3)");
}

Test(text, sessions_have_their_own_line)
{
    struct pm_view v = plain;
    struct pm_columns c = pm_columns_fit(&nothing, &v, true);

    v.session = PM_ALL_SESSIONS;
    pm_header_text(&(struct pm_machine){0}, &c, 0, 2, text);
    cr_assert_str_eq(text, " All sessions pool information");
    v.session = 4;
    pm_header_text(&(struct pm_machine){0}, &c, 0, 2, text);
    cr_assert_str_eq(text, " Session 4 pool information");
}
