/* Tag files as the kits ship them, and tag patterns. */
#include "tools/poolmon.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static uint32_t tag(const char *text)
{
    return pp_load32(text);
}

Test(tags, patterns)
{
    cr_assert(pm_tag_matches("Wait", tag("Wait")));
    cr_assert_not(pm_tag_matches("wait", tag("Wait")), "case counts");
    cr_assert(pm_tag_matches("W*", tag("Wait")));
    cr_assert(pm_tag_matches("W*t", tag("Wait")));
    cr_assert_not(pm_tag_matches("W*a", tag("Wait")));
    cr_assert(pm_tag_matches("Wa??", tag("Wait")));
    cr_assert_not(pm_tag_matches("Wa?", tag("Wait")), "? is exactly one");
    cr_assert(pm_tag_matches("Fat", tag("Fat ")), "blanks at the end may be left out");
    cr_assert(pm_tag_matches("Fat ", tag("Fat ")));
    cr_assert(pm_tag_matches("Fat?", tag("Fat ")));
    cr_assert(pm_tag_matches("AB", tag("AB\0\0")));
    cr_assert_not(pm_tag_matches("Fat", tag("Fatx")));
    cr_assert_not(pm_tag_matches("Waits", tag("Wait")));
}

static struct pm_tag_file parsed(const char *text)
{
    struct pm_tag_file f = {0};

    cr_assert_eq(pm_tag_file_parse(&f, text, strlen(text)), 0);
    return f;
}

Test(tags, records_and_comments)
{
    struct pm_tag_file f = parsed("// a comment - x\r\n"
                                  "rem another - comment\r\n"
                                  "REM\r\n"
                                  "\r\n"
                                  "Fat  - fastfat.sys  - Fat File System - its structures\r\n"
                                  "Afd? - afd.sys - sockets\r\n"
                                  "AfdX - afd.sys - never reached\r\n"
                                  "Aml* - <unknown>    -  ACPI\r\n"
                                  "Two  - just a description\r\n"
                                  "no record at all\r\n"
                                  "last - nt!mm - no newline");

    cr_assert_eq(f.count, 6);
    cr_assert_str_eq(pm_tag_file_find(&f, tag("Fat ")),
                     "fastfat.sys  - Fat File System - its structures");
    cr_assert_str_eq(pm_tag_file_find(&f, tag("AfdX")), "afd.sys - sockets", "first match");
    cr_assert_str_eq(pm_tag_file_find(&f, tag("Amlq")), "<unknown>    -  ACPI");
    cr_assert_str_eq(pm_tag_file_find(&f, tag("Two ")), "just a description");
    cr_assert_str_eq(pm_tag_file_find(&f, tag("last")), "nt!mm - no newline");
    cr_assert_null(pm_tag_file_find(&f, tag("fat ")));
    pm_tag_file_done(&f);
}

Test(tags, files_are_text_for_people)
{
    struct pm_tag_file f = parsed("Esc  - a\033[2Jb\x93 - c\n");

    cr_assert_str_eq(pm_tag_file_find(&f, tag("Esc ")), "a.[2Jb. - c");
    pm_tag_file_done(&f);
}

Test(tags, columns_of_both_files)
{
    struct pm_tag_file local = parsed("ipsc - ipsec\n");
    struct pm_tag_file global = parsed("ipsc - ipsec.sys    -  event queue\n");
    struct pm_row row = {.tag = 0x63737069, .allocs = 1}, other = {.tag = 0x7A7A7A7A, .allocs = 1};
    struct pm_row rows[] = {row, other};
    const struct pm_snapshot s = {.rows = rows, .count = 2};
    struct pm_view v = {.session = PM_SYSTEM, .local = &local};
    struct pm_table t;

    cr_assert_eq(pm_table_make(&s, NULL, &v, &t), 0);
    cr_assert_str_eq(t.lines[0].mapped, "[ipsec]");
    cr_assert_str_eq(t.lines[1].mapped, "[Unknown Driver]", "never dropped");
    pm_table_done(&t);
    v.global = &global;
    cr_assert_eq(pm_table_make(&s, NULL, &v, &t), 0);
    cr_assert_str_eq(t.lines[0].mapped, "[ipsec][ipsec.sys    -  event queue]");
    cr_assert_str_eq(t.lines[1].mapped, "[Unknown Driver][Unknown]");
    pm_table_done(&t);
    pm_tag_file_done(&local);
    pm_tag_file_done(&global);
}

Test(tags, a_missing_file_is_named)
{
    struct pm_tag_file f;
    char why[PP_WHY_SIZE];

    cr_assert_eq(pm_tag_file_read(&f, "/nowhere/pooltag.txt", why), -ENOENT);
    cr_assert_not_null(strstr(why, "/nowhere/pooltag.txt"));
}
