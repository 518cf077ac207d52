/* Unicode and ANSI strings, conversions, numbers, GUIDs: expected values from the reference pages.
 */
#include "rtl_fixture.h"

Test(rtl_strings, init)
{
    static WCHAR longest[0x8001];
    UNICODE_STRING u;
    STRING a;

    RtlInitUnicodeString(&u, u"abc");
    cr_expect(u.Length == 6 && u.MaximumLength == 8);
    RtlInitUnicodeString(&u, NULL);
    cr_expect(!u.Length && !u.MaximumLength && !u.Buffer);
    RtlInitAnsiString(&a, "abc");
    cr_expect(a.Length == 3 && a.MaximumLength == 4);
    for (size_t i = 0; i < 0x8000; i++)
        longest[i] = 'x';
    cr_expect_eq(RtlInitUnicodeStringEx(&u, longest), STATUS_NAME_TOO_LONG);
    RtlInitUnicodeString(&u, longest);
    cr_expect_eq(u.Length, 0xFFFC);
}

Test(rtl_strings, copy_and_append)
{
    static const struct {
        const WCHAR *start, *more;
        USHORT max;
        NTSTATUS status;
        const WCHAR *result;
    } rows[] = {
        {u"ab", u"cd", 8, STATUS_SUCCESS, u"abcd"},
        {u"ab", u"cd", 7, STATUS_BUFFER_TOO_SMALL, u"ab"},
        {u"ab", u"", 4, STATUS_SUCCESS, u"ab"},
        {u"", u"xyz", 20, STATUS_SUCCESS, u"xyz"},
    };

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        WCHAR buf[16] = {0};
        UNICODE_STRING dst = {0, rows[i].max, buf}, src = us(rows[i].start),
                       more = us(rows[i].more);

        RtlCopyUnicodeString(&dst, &src);
        cr_expect_eq(RtlAppendUnicodeStringToString(&dst, &more), rows[i].status, "row %zu", i);
        cr_expect(us_is(&dst, rows[i].result), "row %zu", i);
        RtlCopyUnicodeString(&dst, &src);
        cr_expect_eq(RtlAppendUnicodeToString(&dst, rows[i].more), rows[i].status, "row %zu", i);
        cr_expect(us_is(&dst, rows[i].result), "row %zu", i);
    }
}

Test(rtl_strings, copy_cuts_and_null_clears)
{
    WCHAR buf[4] = {9, 9, 9, 9};
    UNICODE_STRING dst = {0, 4, buf}, src = us(u"abcdef");

    RtlCopyUnicodeString(&dst, &src);
    cr_expect(us_is(&dst, u"ab"));
    cr_expect_eq(buf[2], 9); /* no room for a terminator */
    RtlCopyUnicodeString(&dst, NULL);
    cr_expect_eq(dst.Length, 0);
    cr_expect_eq(dst.MaximumLength, 4);
}

Test(rtl_strings, wrong_counts_are_seen_in_the_slack)
{
    static WCHAR pool[16];
    UNICODE_STRING dst = {0, 26, pool}, src = us(u"0123456789ab");

    rtl_watch(pool, 20); /* the driver allocated 20 bytes and claims 26 */
    RtlCopyUnicodeString(&dst, &src);
    cr_expect_eq(rtl_seen.overruns, 1);
}

Test(rtl_strings, compare_equal_prefix)
{
    static const struct {
        const WCHAR *a, *b;
        BOOLEAN ignore_case;
        int sign;
        BOOLEAN prefix;
    } rows[] = {
        {u"abc", u"abc", FALSE, 0, TRUE},      {u"abc", u"ABC", TRUE, 0, TRUE},
        {u"abc", u"ABC", FALSE, 1, FALSE},     {u"ab", u"abc", FALSE, -1, TRUE},
        {u"b", u"abc", TRUE, 1, FALSE},        {u"", u"a", FALSE, -1, TRUE},
        {u"\u00E9", u"\u00C9", TRUE, 0, TRUE}, {u"\u0131", u"I", TRUE, 1, FALSE},
        {u"\u03B1", u"\u0391", TRUE, 0, TRUE}, {u"\u0444", u"\u0424", TRUE, 0, TRUE},
    };

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        UNICODE_STRING a = us(rows[i].a), b = us(rows[i].b);
        LONG diff = RtlCompareUnicodeString(&a, &b, rows[i].ignore_case);

        cr_expect_eq((diff > 0) - (diff < 0), rows[i].sign, "row %zu", i);
        cr_expect_eq(RtlEqualUnicodeString(&a, &b, rows[i].ignore_case), rows[i].sign == 0,
                     "row %zu", i);
        cr_expect_eq(RtlPrefixUnicodeString(&a, &b, rows[i].ignore_case), rows[i].prefix, "row %zu",
                     i);
    }
}

Test(rtl_strings, case_tables_are_each_others_inverse)
{
    unsigned pairs = 0;

    for (uint32_t c = 0; c < 0x10000; c++) {
        WCHAR up = rtl_upcase((WCHAR)c);

        cr_expect_eq(rtl_upcase(up), up);
        if (up != c) {
            cr_expect_eq(rtl_downcase(up), c);
            pairs++;
        }
    }
    cr_expect_gt(pairs, 900);
    cr_expect_eq(rtl_upcase(0xFF), 0x178);
    cr_expect_eq(rtl_upcase(0xDF), 0xDF);
    cr_expect_eq(rtl_upcase(0xB5), 0xB5);
}

Test(rtl_strings, allocating_routines_count_for_the_driver)
{
    UNICODE_STRING src = us(u"Device\u00E9"), dst = {0};
    ANSI_STRING a = {0};

    cr_expect_eq(RtlUpcaseUnicodeString(&dst, &src, TRUE), STATUS_SUCCESS);
    cr_expect(us_is(&dst, u"DEVICE\u00C9"));
    RtlFreeUnicodeString(&dst);
    cr_expect_null(dst.Buffer);
    RtlFreeUnicodeString(&dst); /* harmless */
    cr_expect_eq(RtlUnicodeStringToAnsiString(&a, &src, TRUE), STATUS_SUCCESS);
    cr_expect_str_eq(a.Buffer, "Device\xE9");
    cr_expect(a.Length == 7 && a.MaximumLength == 8);
    cr_expect_eq(RtlAnsiStringToUnicodeString(&dst, &a, TRUE), STATUS_SUCCESS);
    cr_expect(us_is(&dst, u"Device\u00E9"));
    cr_expect_eq(dst.MaximumLength, 16);
    RtlFreeAnsiString(&a);
    RtlFreeUnicodeString(&dst);
    cr_expect(RtlCreateUnicodeString(&dst, u"x"));
    RtlFreeUnicodeString(&dst);
    cr_expect_eq(rtl_seen.live, 0);
    rtl_seen.fail_alloc = true;
    cr_expect_eq(RtlUpcaseUnicodeString(&dst, &src, TRUE), STATUS_NO_MEMORY);
    cr_expect_eq(RtlUnicodeStringToAnsiString(&a, &src, TRUE), STATUS_NO_MEMORY);
    cr_expect_not(RtlCreateUnicodeString(&dst, u"x"));
}

Test(rtl_strings, conversion_into_the_callers_buffer)
{
    char narrow[4] = {0};
    WCHAR wide[4];
    ANSI_STRING a = {0, sizeof narrow, narrow}, b;
    UNICODE_STRING u = us(u"abcdef"), w = {0, sizeof wide, wide};

    cr_expect_eq(RtlUnicodeStringToAnsiString(&a, &u, FALSE), STATUS_BUFFER_OVERFLOW);
    cr_expect_str_eq(narrow, "abc");
    RtlInitAnsiString(&b, "abcd");
    cr_expect_eq(RtlAnsiStringToUnicodeString(&w, &b, FALSE), STATUS_BUFFER_OVERFLOW);
    RtlInitAnsiString(&b, "ab\x80");
    cr_expect_eq(RtlAnsiStringToUnicodeString(&w, &b, FALSE), STATUS_SUCCESS);
    cr_expect(us_is(&w, u"ab\u20AC"));
    cr_expect_eq(RtlxAnsiStringToUnicodeSize(&b), 8);
}

Test(rtl_strings, oem)
{
    UNICODE_STRING u = us(u"\u00E9\u2592"), bad = us(u"\u4E00");
    OEM_STRING o = {0};
    WCHAR c = 0xE9;

    cr_expect_eq(RtlUnicodeStringToOemString(&o, &u, TRUE), STATUS_SUCCESS);
    cr_expect_str_eq(o.Buffer, "\x82\xB1");
    RtlFreeOemString(&o);
    cr_expect_eq(RtlUnicodeStringToCountedOemString(&o, &bad, TRUE), STATUS_UNMAPPABLE_CHARACTER);
    cr_expect_eq(rtl_seen.live, 0);
    cr_expect(RtlIsValidOemCharacter(&c));
    cr_expect_eq(c, 0xC9);
}

Test(rtl_strings, utf8)
{
    static const WCHAR lone_lead[] = {'a', 0xD800, 'b', 0}, lone_trail[] = {0xDC00, 0};
    static const struct {
        const WCHAR *wide;
        size_t chars;
        const char *narrow;
        NTSTATUS status;
    } rows[] = {
        {u"abc", 3, "abc", STATUS_SUCCESS},
        {u"\u00E9\u20AC", 2, "\xC3\xA9\xE2\x82\xAC", STATUS_SUCCESS},
        {u"\U0001F600", 2, "\xF0\x9F\x98\x80", STATUS_SUCCESS},
        {lone_lead, 3,
         "a\xEF\xBF\xBD"
         "b",
         STATUS_SOME_NOT_MAPPED},
        {lone_trail, 1, "\xEF\xBF\xBD", STATUS_SOME_NOT_MAPPED},
    };
    char narrow[32];
    WCHAR wide[32];
    ULONG n;

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        ULONG bytes = (ULONG)(rows[i].chars * 2);

        cr_expect_eq(RtlUnicodeToUTF8N(NULL, 0, &n, rows[i].wide, bytes), rows[i].status);
        cr_expect_eq(n, strlen(rows[i].narrow), "row %zu", i);
        cr_expect_eq(RtlUnicodeToUTF8N(narrow, sizeof narrow, &n, rows[i].wide, bytes),
                     rows[i].status);
        cr_expect(!memcmp(narrow, rows[i].narrow, n), "row %zu", i);
        if (rows[i].status == STATUS_SUCCESS) {
            cr_expect_eq(RtlUTF8ToUnicodeN(wide, sizeof wide, &n, rows[i].narrow,
                                           (ULONG)strlen(rows[i].narrow)),
                         STATUS_SUCCESS);
            cr_expect(n == bytes && !memcmp(wide, rows[i].wide, n), "row %zu", i);
        }
    }
    cr_expect_eq(RtlUTF8ToUnicodeN(wide, 2, &n, "ab", 2), STATUS_BUFFER_TOO_SMALL);
    cr_expect_eq(n, 2);
    cr_expect_eq(RtlUTF8ToUnicodeN(wide, sizeof wide, &n, "\xC0\xAF", 2), STATUS_SOME_NOT_MAPPED);
    cr_expect_eq(RtlUTF8ToUnicodeN(wide, 2, &n, NULL, 2), STATUS_INVALID_PARAMETER_4);
    cr_expect_eq(RtlUnicodeToUTF8N(narrow, 2, &n, wide, 3), STATUS_INVALID_PARAMETER_5);
    cr_expect_eq(RtlUnicodeToUTF8N(NULL, 0, NULL, wide, 2), STATUS_INVALID_PARAMETER);
}

Test(rtl_strings, string_to_integer)
{
    /* The reference page's own table, then prefixes. */
    static const struct {
        const WCHAR *text;
        ULONG base;
        LONG value;
    } rows[] = {
        {u"123", 10, 123},     {u"-345", 10, -345},       {u"xyz", 10, 0},
        {u"+678abc", 10, 678}, {u"+678abc", 16, 6785724}, {u"007", 10, 7},
        {u"789", 8, 7},        {u"FGH", 16, 15},          {u" ", 10, 0},
        {u"0x1F", 0, 31},      {u"0o17", 0, 15},          {u"0b101", 0, 5},
        {u"-0x10", 0, -16},    {u"010", 0, 10},           {u"  42 ", 0, 42},
    };
    UNICODE_STRING empty = us(u""), s = us(u"1");
    ULONG value;

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        UNICODE_STRING t = us(rows[i].text);

        cr_expect_eq(RtlUnicodeStringToInteger(&t, rows[i].base, &value), STATUS_SUCCESS);
        cr_expect_eq((LONG)value, rows[i].value, "row %zu: %d", i, (LONG)value);
    }
    cr_expect_eq(RtlUnicodeStringToInteger(&empty, 0, &value), STATUS_INVALID_PARAMETER);
    cr_expect_eq(RtlUnicodeStringToInteger(&s, 7, &value), STATUS_INVALID_PARAMETER);
    cr_expect_eq(RtlCharToInteger("0xff", 0, &value), STATUS_SUCCESS);
    cr_expect_eq(value, 255);
}

Test(rtl_strings, integer_to_string)
{
    static const struct {
        ULONGLONG value;
        ULONG base;
        const WCHAR *text;
    } rows[] = {
        {0, 0, u"0"},     {4294967295u, 10, u"4294967295"},
        {255, 16, u"FF"}, {8, 8, u"10"},
        {5, 2, u"101"},   {0xFFFFFFFFFFFFFFFFull, 16, u"FFFFFFFFFFFFFFFF"},
    };
    WCHAR buf[70];
    UNICODE_STRING s = {0, sizeof buf, buf};

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        cr_expect_eq(RtlInt64ToUnicodeString(rows[i].value, rows[i].base, &s), STATUS_SUCCESS);
        cr_expect(us_is(&s, rows[i].text), "row %zu", i);
        cr_expect_eq(buf[s.Length / 2], 0);
    }
    cr_expect_eq(RtlIntegerToUnicodeString(1, 3, &s), STATUS_INVALID_PARAMETER);
    s.MaximumLength = 4;
    cr_expect_eq(RtlIntegerToUnicodeString(100, 10, &s), STATUS_BUFFER_OVERFLOW);
}

Test(rtl_strings, guids)
{
    static const GUID guid = {0x4D36E97D, 0xE325, 0x11CE, {0xBF, 0xC1, 8, 0, 0x2B, 0xE1, 3, 0x18}};
    static const WCHAR *bad[] = {
        u"", u"4D36E97D-E325-11CE-BFC1-08002BE10318", u"{4D36E97D-E325-11CE-BFC1-08002BE1031}",
        u"{4D36E97D-E325-11CE-BFC1-08002BE1031G}", u"{4D36E97DxE325-11CE-BFC1-08002BE10318}"};
    UNICODE_STRING s, low = us(u"{4d36e97d-e325-11ce-bfc1-08002be10318}");
    GUID back = {0};

    cr_expect_eq(RtlStringFromGUID(&guid, &s), STATUS_SUCCESS);
    cr_expect(us_is(&s, u"{4D36E97D-E325-11CE-BFC1-08002BE10318}"));
    cr_expect_eq(RtlGUIDFromString(&s, &back), STATUS_SUCCESS);
    cr_expect(!memcmp(&guid, &back, sizeof guid));
    cr_expect_eq(RtlGUIDFromString(&low, &back), STATUS_SUCCESS);
    RtlFreeUnicodeString(&s);
    for (size_t i = 0; i < PP_COUNT(bad); i++) {
        UNICODE_STRING b = us(bad[i]);

        cr_expect_eq(RtlGUIDFromString(&b, &back), STATUS_INVALID_PARAMETER, "row %zu", i);
    }
}

Test(rtl_strings, hash)
{
    UNICODE_STRING a = us(u"ab"), b = us(u"AB");
    ULONG x, y;

    cr_expect_eq(RtlHashUnicodeString(&a, FALSE, 1, &x), STATUS_SUCCESS);
    cr_expect_eq(x, 'a' * 65599u + 'b');
    RtlHashUnicodeString(&a, TRUE, 0, &x);
    RtlHashUnicodeString(&b, TRUE, 0, &y);
    cr_expect_eq(x, y);
    cr_expect_eq(RtlHashUnicodeString(&a, TRUE, 2, &x), STATUS_INVALID_PARAMETER);
    cr_expect_eq(RtlHashUnicodeString(NULL, TRUE, 0, &x), STATUS_INVALID_PARAMETER);
}

Test(rtl_strings, duplicate)
{
    UNICODE_STRING src = us(u"dup"), empty = us(u""), dst;

    cr_expect_eq(RtlDuplicateUnicodeString(1, &src, &dst), STATUS_SUCCESS);
    cr_expect(us_is(&dst, u"dup") && dst.MaximumLength == 8);
    RtlFreeUnicodeString(&dst);
    cr_expect_eq(RtlDuplicateUnicodeString(1, &empty, &dst), STATUS_SUCCESS);
    cr_expect_null(dst.Buffer);
    cr_expect_eq(RtlDuplicateUnicodeString(3, &empty, &dst), STATUS_SUCCESS);
    cr_expect_not_null(dst.Buffer);
    RtlFreeUnicodeString(&dst);
    cr_expect_eq(RtlDuplicateUnicodeString(2, &src, &dst), STATUS_INVALID_PARAMETER);
}

Test(rtl_strings, ansi)
{
    STRING a, b, dst;
    char buf[8];

    RtlInitString(&a, "Abc");
    RtlInitString(&b, "aBCd");
    cr_expect_lt(RtlCompareString(&a, &b, FALSE), 0);
    cr_expect_lt(RtlCompareString(&a, &b, TRUE), 0);
    cr_expect_not(RtlEqualString(&a, &b, TRUE));
    cr_expect(RtlPrefixString(&a, &b, TRUE));
    dst = (STRING){0, sizeof buf, buf};
    RtlCopyString(&dst, &a);
    cr_expect_eq(RtlAppendStringToString(&dst, &b), STATUS_SUCCESS);
    cr_expect(dst.Length == 7 && !memcmp(buf, "AbcaBCd", 7));
    cr_expect_eq(RtlAppendStringToString(&dst, &b), STATUS_BUFFER_TOO_SMALL);
    RtlUpperString(&dst, &b);
    cr_expect(dst.Length == 4 && !memcmp(buf, "ABCD", 4));
    cr_expect_eq((UCHAR)RtlUpperChar((CHAR)0xE9), 0xC9);
}

Test(rtl_strings, addresses)
{
    static const struct {
        UCHAR a[16];
        const char *text;
    } rows[] = {
        {{0x20, 1, 0xD, 0xB8, [15] = 1}, "2001:db8::1"},
        {{[15] = 1}, "::1"},
        {{0}, "::"},
        {{[10] = 0xFF, 0xFF, 192, 0, 2, 1}, "::ffff:192.0.2.1"},
        {{0xFE, 0x80, [8] = 1, 2, 3, 4, 5, 6, 7, 8}, "fe80::102:304:506:708"},
    };
    char text[64];

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        cr_expect_eq(RtlIpv6AddressToStringA(rows[i].a, text), text + strlen(rows[i].text));
        cr_expect_str_eq(text, rows[i].text);
    }
    RtlIpv4AddressToStringA((const UCHAR[]){10, 0, 255, 1}, text);
    cr_expect_str_eq(text, "10.0.255.1");
}
