/* The C runtime: formatting by Windows' rules, strings in both widths, numbers, sorting. */
#include "rtl_fixture.h"

#include <stdio.h>

static int count(const char *format, ...)
{
    return (int)strlen(format);
}

#define FORMATTED(expected, ...)                          \
    do {                                                  \
        char text[256];                                   \
        INT n = crt_sprintf(text, __VA_ARGS__);           \
                                                          \
        cr_expect_str_eq(text, expected);                 \
        cr_expect_eq(n, count(expected), "%s", expected); \
    } while (0)

Test(crt, integers)
{
    FORMATTED("-1 4294967295 ffffffff FFFFFFFF 37777777777", "%d %u %x %X %o", -1, -1, -1, -1, -1);
    FORMATTED("  42|42  |00042|+42| 42", "%4d|%-4d|%05d|%+d|% d", 42, 42, 42, 42, 42);
    FORMATTED("0x2a 0X2A 052 0", "%#x %#X %#o %#x", 42, 42, 42, 0);
    FORMATTED("007|  007|", "%.3d|%5.3d|%.0d", 7, 7, 0);
    FORMATTED("-5|ffff|34", "%hd|%hx|%hhx", 0xFFFB, -1, 0x1234);
    FORMATTED("1234567890123456789 ffffffffffffffff", "%I64d %llx", 1234567890123456789ll, -1ll);
    FORMATTED("-1 4294967295", "%ld %lu", -1, -1); /* long is 32 bits */
    FORMATTED("123456789012 7", "%Iu %I32u", 123456789012ull, 7);
    FORMATTED("  007|7  |", "%*.*d|%*d|", 5, 3, 7, -3, 7);
}

Test(crt, pointers_are_sixteen_capital_digits)
{
    FORMATTED("00004C0000ABCDEF", "%p", (void *)0x4C0000ABCDEFull);
    FORMATTED("0000000000000000", "%p", NULL);
}

Test(crt, strings_and_characters)
{
    FORMATTED("abc|  abc|abc  |ab", "%s|%5s|%-5s|%.2s", "abc", "abc", "abc", "abc");
    FORMATTED("(null) (null)", "%s %S", NULL, NULL);
    FORMATTED("wide wide wide narrow", "%S %ws %ls %hs", u"wide", u"wide", u"wide", "narrow");
    FORMATTED("a b c", "%c %C %wc", 'a', u'b', u'c');
    FORMATTED("100%", "%d%%", 100);
    FORMATTED("caf\xE9 ?", "%S %S", u"caf\u00E9", u"\u4E00");
}

Test(crt, counted_strings)
{
    UNICODE_STRING u = us(u"unicode tail"), none = {0};
    ANSI_STRING a;

    RtlInitAnsiString(&a, "ansi");
    u.Length = 14;
    FORMATTED("unicode|ansi|(null)|   unicode", "%wZ|%Z|%wZ|%10wZ", &u, &a, &none, &u);
    FORMATTED("(null) unicode", "%wZ %lZ", NULL, &u);
}

Test(crt, floating_point)
{
    FORMATTED("1.500000 -2.5 1e+10 00001.50", "%f %.1f %g %08.2f", 1.5, -2.5, 1e10, 1.5);
}

Test(crt, refused_formats)
{
    char text[16] = "kept";
    int where = 0;

    cr_expect_eq(crt_sprintf(text, "ab%n", &where), -1);
    cr_expect_eq(where, 0);
    cr_expect_eq(crt_sprintf(text, "ab%"), -1);
}

Test(crt, limits)
{
    static const struct {
        size_t count;
        INT n;
        const char *text; /* x marks bytes left alone */
    } rows[] = {
        {8, 5, "hello\0xx"}, {6, 5, "hello\0xx"}, {5, 5, "helloxxx"},
        {4, -1, "hellxxxx"}, {0, -1, "xxxxxxxx"},
    };
    char text[9];

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        memset(text, 'x', sizeof text);
        cr_expect_eq(crt_snprintf(text, rows[i].count, "%s", "hello"), rows[i].n, "row %zu", i);
        cr_expect(!memcmp(text, rows[i].text, 8), "row %zu", i);
    }
    cr_expect_eq(crt_snprintf(NULL, 0, "%d", 1234), 4);
}

Test(crt, secure_limits)
{
    static const struct {
        size_t size, count;
        INT n;
        const char *text;
    } rows[] = {
        {8, SIZE_MAX, 5, "hello"}, {4, SIZE_MAX, -1, "hel"}, {8, 3, -1, "hel"}, {4, 4, -1, ""},
        {4, 10, -1, ""},           {6, 5, 5, "hello"},
    };
    char text[16];
    WCHAR wide[8];

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        strcpy(text, "before");
        cr_expect_eq(crt_snprintf_s(text, rows[i].size, rows[i].count, "hello"), rows[i].n,
                     "row %zu", i);
        cr_expect_str_eq(text, rows[i].text, "row %zu", i);
    }
    cr_expect_eq(crt_sprintf_s(text, 5, "hello"), -1);
    cr_expect_str_eq(text, "");
    cr_expect_eq(crt_sprintf_s(text, 6, "hello"), 5);
    cr_expect_eq(crt_swprintf_s(wide, 8, u"%s-%S", u"ab", "cd"), 5);
    cr_expect(!memcmp(wide, u"ab-cd", 12));
    cr_expect_eq(crt_sprintf_s(NULL, 6, "hello"), -1);
}

Test(crt, wide_formats_take_wide_strings)
{
    WCHAR text[32];

    cr_expect_eq(crt_swprintf(text, u"%s %hs %S %04x", u"wide", "narrow", "other", 0xAB), 22);
    cr_expect(!memcmp(text, u"wide narrow other 00ab", 46));
    cr_expect_eq(crt_snwprintf(text, 3, u"%s", u"abcd"), -1);
    cr_expect(!memcmp(text, u"abc", 6));
}

Test(crt, overruns_are_seen_before_they_happen)
{
    static char pool[16];

    rtl_watch(pool, 10);
    crt_sprintf(pool, "%s", "more than ten bytes"[0] ? "0123456789" : "");
    cr_expect_eq(rtl_seen.overruns, 1);
    cr_expect_eq(pool[10], 0);
    crt_strcpy(pool, "0123456789");
    cr_expect_eq(rtl_seen.overruns, 2);
    crt_strncpy(pool, "a", 12);
    cr_expect_eq(rtl_seen.overruns, 3);
    crt_memset(pool, 1, 11);
    cr_expect_eq(rtl_seen.overruns, 4);
    crt_snprintf(pool, 12, "short");
    cr_expect_eq(rtl_seen.overruns, 4); /* the count is wrong, what is written fits */
}

Test(crt, copies)
{
    char text[16] = "ab";

    crt_strcat(text, "cd");
    cr_expect_str_eq(text, "abcd");
    crt_strncat(text, "efgh", 2);
    cr_expect_str_eq(text, "abcdef");
    crt_strncpy(text, "xy", 4);
    cr_expect(!memcmp(text, "xy\0\0ef", 6));
    cr_expect_eq(crt_strcpy_s(text, 3, "abc"), 34);
    cr_expect_str_eq(text, "");
    cr_expect_eq(crt_strcpy_s(text, 4, "abc"), 0);
    cr_expect_eq(crt_strcpy_s(text, 4, NULL), 22);
    cr_expect_eq(crt_strcpy_s(NULL, 4, "a"), 22);
    crt_strcpy(text, "ab");
    cr_expect_eq(crt_strcat_s(text, 5, "cd"), 0);
    cr_expect_eq(crt_strcat_s(text, 5, "e"), 34);
    cr_expect_eq(crt_strncpy_s(text, 4, "abcdef", SIZE_MAX), 80);
    cr_expect_str_eq(text, "abc");
    cr_expect_eq(crt_strncpy_s(text, 4, "abcdef", 2), 0);
    cr_expect_str_eq(text, "ab");
    cr_expect_eq(crt_strncat_s(text, 4, "xyz", SIZE_MAX), 80);
    cr_expect_str_eq(text, "abx");
    cr_expect_eq(crt_strncpy_s(text, 3, "abcdef", 3), 34);
}

Test(crt, searches)
{
    const char *s = "path\\to\\file";
    char tokens[] = " one two ", *rest;

    cr_expect_eq(crt_strchr(s, '\\'), s + 4);
    cr_expect_eq(crt_strrchr(s, '\\'), s + 7);
    cr_expect_eq(crt_strchr(s, 0), s + 12);
    cr_expect_null(crt_strchr(s, 'z'));
    cr_expect_eq(crt_strstr(s, "file"), s + 8);
    cr_expect_eq(crt_strstr(s, ""), s);
    cr_expect_null(crt_strstr(s, "files"));
    cr_expect_eq(crt_strspn("aabc", "ab"), 3);
    cr_expect_eq(crt_wcscspn(u"aabc", u"c"), 3);
    cr_expect_str_eq(crt_strtok_s(tokens, " ", &rest), "one");
    cr_expect_str_eq(crt_strtok_s(NULL, " ", &rest), "two");
    cr_expect_null(crt_strtok_s(NULL, " ", &rest));
    cr_expect_eq(*crt_wcsstr(u"a\\b", u"\\"), u'\\');
}

Test(crt, comparisons)
{
    static const struct {
        const char *a, *b;
        size_t count;
        int cmp, icmp, ncmp, nicmp;
    } rows[] = {
        {"abc", "abc", 3, 0, 0, 0, 0},  {"abc", "ABC", 3, 1, 0, 1, 0},
        {"ab", "abc", 2, -1, -1, 0, 0}, {"", "a", 1, -1, -1, -1, -1},
        {"\xE9", "a", 1, 1, 1, 1, 1},
    };
#define SIGN(x) (((x) > 0) - ((x) < 0))

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        const char *a = rows[i].a, *b = rows[i].b;

        cr_expect_eq(SIGN(crt_strcmp(a, b)), rows[i].cmp, "row %zu", i);
        cr_expect_eq(SIGN(crt__stricmp(a, b)), rows[i].icmp, "row %zu", i);
        cr_expect_eq(SIGN(crt_strncmp(a, b, rows[i].count)), rows[i].ncmp, "row %zu", i);
        cr_expect_eq(SIGN(crt__strnicmp(a, b, rows[i].count)), rows[i].nicmp, "row %zu", i);
    }
    cr_expect_eq(crt__wcsicmp(u"DosDevices", u"dosdevices"), 0);
    cr_expect_eq(crt__wcsnicmp(u"DosDevX", u"dosdevY", 6), 0);
}

Test(crt, text_to_numbers)
{
    static const struct {
        const char *text;
        INT base;
        LONG value;
        size_t used;
    } rows[] = {
        {"  -42x", 10, -42, 5},
        {"0x1F", 0, 31, 4},
        {"010", 0, 8, 3},
        {"0x", 16, 0, 1},
        {"zz", 36, 1295, 2},
        {"9999999999", 10, INT32_MAX, 10},
        {"-9999999999", 10, INT32_MIN, 11},
        {"abc", 10, 0, 0},
    };
    char *end;

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        cr_expect_eq(crt_strtol(rows[i].text, &end, rows[i].base), rows[i].value, "row %zu", i);
        cr_expect_eq((size_t)(end - rows[i].text), rows[i].used, "row %zu", i);
    }
    cr_expect_eq(crt_strtoul("4294967295", NULL, 10), 4294967295u);
    cr_expect_eq(crt_strtoul("-1", NULL, 10), 4294967295u);
    cr_expect_eq(crt_strtoul("99999999999", NULL, 10), 4294967295u);
    cr_expect_eq(crt__strtoui64("18446744073709551615", NULL, 10), UINT64_MAX);
    cr_expect_eq(crt_atoi("12abc"), 12);
    cr_expect_eq(crt_watoi(u" -7"), -7);
}

Test(crt, numbers_to_text)
{
    char text[70];
    WCHAR wide[70];

    cr_expect_str_eq(crt_itoa(-255, text, 10), "-255");
    cr_expect_str_eq(crt_itoa(-255, text, 16), "ffffff01");
    cr_expect_str_eq(crt_i64toa(INT64_MIN, text, 10), "-9223372036854775808");
    cr_expect_str_eq(crt_ui64toa(UINT64_MAX, text, 2) + 62, "11");
    crt_wultoa(4000000000u, wide, 10);
    cr_expect(!memcmp(wide, u"4000000000", 22));
    cr_expect_eq(crt_itoa_s(100, text, 3, 10), 34);
    cr_expect_str_eq(text, "");
    cr_expect_eq(crt_itoa_s(100, text, 4, 10), 0);
    cr_expect_eq(crt_itoa_s(100, text, 4, 1), 22);
}

static INT NTAPI by_value(const INT *a, const INT *b)
{
    return (*a > *b) - (*a < *b);
}

Test(crt, sort_and_search)
{
    INT v[200], key = 57, missing = 1000;

    for (INT i = 0; i < 200; i++)
        v[i] = i * 73 % 200;
    crt_qsort(v, 200, sizeof *v, by_value);
    for (INT i = 0; i < 200; i++)
        cr_expect_eq(v[i], i);
    cr_expect_eq(crt_bsearch(&key, v, 200, sizeof *v, by_value), v + 57);
    cr_expect_null(crt_bsearch(&missing, v, 200, sizeof *v, by_value));
    crt_qsort(v, 1, sizeof *v, by_value);
    crt_qsort(v, 0, sizeof *v, by_value);
}

Test(crt, random_sequence_is_the_documented_one)
{
    crt_srand(1);
    cr_expect_eq(crt_rand(), 41);
    cr_expect_eq(crt_rand(), 18467);
    cr_expect_eq(crt_rand(), 6334);
}

Test(crt, widths)
{
    WCHAR wide[8];
    char text[8];

    cr_expect_eq(crt_mbstowcs(wide, "a\x80", 8), 2);
    cr_expect(wide[1] == 0x20AC && !wide[2]);
    cr_expect_eq(crt_mbstowcs(NULL, "abc", 0), 3);
    cr_expect_eq(crt_wcstombs(text, u"a\u20AC", 8), 2);
    cr_expect_str_eq(text, "a\x80");
    cr_expect_eq(crt_wcstombs(text, u"\u4E00", 8), SIZE_MAX);
    cr_expect_eq(crt_towupper(0xE9), 0xC9);
    cr_expect_eq(crt_toupper('a'), 'A');
    cr_expect(crt_isxdigit('f') && !crt_isxdigit('g') && crt_isspace('\t') && !crt_isprint('\t'));
}

Test(crt, in_place)
{
    char text[] = "AbC";
    WCHAR wide[] = u"AbC";

    cr_expect_str_eq(crt__strlwr(text), "abc");
    cr_expect_str_eq(crt__strupr(text), "ABC");
    cr_expect_str_eq(crt__strrev(text), "CBA");
    cr_expect_str_eq(crt__strset(text, 'z'), "zzz");
    cr_expect(!memcmp(crt__wcslwr(wide), u"abc", 6));
    cr_expect_eq(crt__strupr_s(text, 3), 22);
}

Test(debug, print)
{
    UNICODE_STRING u = us(u"\u00E9");
    char big[700];

    cr_expect_eq(DbgPrint("%s %d %wZ\n", "text", 7, &u), STATUS_SUCCESS);
    cr_expect_str_eq(rtl_seen.printed, "text 7 \xC3\xA9\n");
    rtl_seen.printed[0] = 0;
    DbgPrintEx(77, 0, "level");
    cr_expect_str_eq(rtl_seen.printed, "level");
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = 0;
    rtl_seen.printed[0] = 0;
    DbgPrint("%s", big);
    cr_expect_eq(strlen(rtl_seen.printed), 512);
}

static char called_with[64];

static VOID NTAPI listener(PSTRING text, ULONG component, ULONG level)
{
    snprintf(called_with, sizeof called_with, "%.*s %u %u", text->Length, text->Buffer, component,
             level);
}

Test(debug, callbacks_and_breaks)
{
    cr_expect_eq(DbgSetDebugPrintCallback(listener, TRUE), STATUS_SUCCESS);
    DbgPrintEx(77, 3, "hi");
    cr_expect_str_eq(called_with, "hi 77 3");
    cr_expect_eq(DbgSetDebugPrintCallback(listener, FALSE), STATUS_SUCCESS);
    cr_expect_eq(DbgSetDebugPrintCallback(listener, FALSE), STATUS_INVALID_PARAMETER);
    DbgBreakPoint();
    cr_expect(strstr(rtl_seen.noted, "DbgBreakPoint"));
    RtlAssert("x > 0", "a.c", 12, NULL);
    cr_expect(strstr(rtl_seen.printed, "Assertion failed: x > 0"));
}
