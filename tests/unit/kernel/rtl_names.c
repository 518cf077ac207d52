/* Range lists, prefix tables, short names. */
#include "rtl_fixture.h"

Test(range, conflicts_and_order)
{
    RTL_RANGE_LIST list;
    RTL_RANGE_LIST_ITERATOR it;
    RTL_RANGE *r;
    BOOLEAN free;
    int a, b;

    RtlInitializeRangeList(&list);
    cr_expect_eq(RtlAddRange(&list, 0x300, 0x3FF, 0, 0, NULL, &a), STATUS_SUCCESS);
    cr_expect_eq(RtlAddRange(&list, 0x100, 0x1FF, 4, 0, NULL, &b), STATUS_SUCCESS);
    cr_expect_eq(RtlAddRange(&list, 0x3FF, 0x400, 0, 0, NULL, &b), STATUS_RANGE_LIST_CONFLICT);
    cr_expect_eq(RtlAddRange(&list, 2, 1, 0, 0, NULL, &b), STATUS_INVALID_PARAMETER);
    cr_expect_eq(list.Count, 2);
    cr_expect_eq(RtlGetFirstRange(&list, &it, &r), STATUS_SUCCESS);
    cr_expect_eq(r->Start, 0x100);
    cr_expect_eq(RtlGetNextRange(&it, &r, TRUE), STATUS_SUCCESS);
    cr_expect_eq(r->Start, 0x300);
    cr_expect_eq(RtlGetNextRange(&it, &r, TRUE), STATUS_NO_MORE_ENTRIES);
    cr_expect_null(r);
    RtlIsRangeAvailable(&list, 0x200, 0x2FF, 0, 0, NULL, NULL, &free);
    cr_expect(free);
    RtlIsRangeAvailable(&list, 0x180, 0x2FF, 0, 0, NULL, NULL, &free);
    cr_expect_not(free);
    RtlIsRangeAvailable(&list, 0x180, 0x2FF, 0, 4, NULL, NULL, &free);
    cr_expect(free);
    cr_expect_eq(RtlDeleteRange(&list, 0x300, 0x3FF, &b), STATUS_RANGE_NOT_FOUND);
    cr_expect_eq(RtlDeleteRange(&list, 0x300, 0x3FF, &a), STATUS_SUCCESS);
    cr_expect_eq(RtlGetNextRange(&it, &r, TRUE), STATUS_INVALID_PARAMETER); /* the list changed */
    RtlFreeRangeList(&list);
    cr_expect_eq(list.Count, 0);
}

Test(range, find_from_the_top)
{
    RTL_RANGE_LIST list;
    ULONGLONG start;

    RtlInitializeRangeList(&list);
    RtlAddRange(&list, 0xF00, 0xFFF, 0, 0, NULL, NULL);
    cr_expect_eq(RtlFindRange(&list, 0, 0xFFF, 0x100, 0x100, 0, 0, NULL, NULL, &start),
                 STATUS_SUCCESS);
    cr_expect_eq(start, 0xE00);
    cr_expect_eq(RtlFindRange(&list, 0xE80, 0xFFF, 0x100, 1, 0, 0, NULL, NULL, &start),
                 STATUS_UNSUCCESSFUL);
    RtlFreeRangeList(&list);
}

Test(range, invert)
{
    RTL_RANGE_LIST list, rest;
    RTL_RANGE_LIST_ITERATOR it;
    RTL_RANGE *r;

    RtlInitializeRangeList(&list);
    RtlInitializeRangeList(&rest);
    RtlAddRange(&list, 0, 0xFF, 0, 0, NULL, NULL);
    RtlAddRange(&list, 0x200, 0x2FF, 0, 0, NULL, NULL);
    cr_expect_eq(RtlInvertRangeList(&rest, &list), STATUS_SUCCESS);
    RtlGetFirstRange(&rest, &it, &r);
    cr_expect(r->Start == 0x100 && r->End == 0x1FF);
    RtlGetNextRange(&it, &r, TRUE);
    cr_expect(r->Start == 0x300 && r->End == UINT64_MAX);
    RtlFreeRangeList(&rest);
    RtlFreeRangeList(&list);
}

Test(prefix, longest_component_wins)
{
    static const struct {
        const WCHAR *name;
        ULONG exact;
        int entry;
    } rows[] = {
        {u"\\a\\b\\c", 0, 2}, {u"\\a\\bc", 0, 1}, {u"\\A\\B", 0, 2},
        {u"\\A\\B", 4, 0},    {u"\\x", 0, 0},     {u"x", 0, -1},
    };
    static UNICODE_STRING names[3];
    UNICODE_PREFIX_TABLE table;
    UNICODE_PREFIX_TABLE_ENTRY e[4];

    names[0] = us(u"\\");
    names[1] = us(u"\\a");
    names[2] = us(u"\\a\\b");
    RtlInitializeUnicodePrefix(&table);
    for (int i = 0; i < 3; i++)
        cr_expect(RtlInsertUnicodePrefix(&table, &names[i], &e[i]));
    cr_expect_not(RtlInsertUnicodePrefix(&table, &names[1], &e[3]));
    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        UNICODE_STRING name = us(rows[i].name);

        cr_expect_eq(RtlFindUnicodePrefix(&table, &name, rows[i].exact),
                     rows[i].entry < 0 ? NULL : &e[rows[i].entry], "row %zu", i);
    }
    cr_expect_eq(RtlNextUnicodePrefix(&table, TRUE), &e[0]);
    cr_expect_eq(RtlNextUnicodePrefix(&table, FALSE), &e[1]);
    RtlRemoveUnicodePrefix(&table, &e[1]);
    cr_expect_eq(RtlNextUnicodePrefix(&table, TRUE)->NextPrefixTree, &e[2]);
}

Test(short_names, legal)
{
    static const struct {
        const WCHAR *name;
        BOOLEAN legal, spaces;
    } rows[] = {
        {u"FILE.TXT", TRUE, FALSE}, {u"file.txt", TRUE, FALSE},     {u"A", TRUE, FALSE},
        {u".", TRUE, FALSE},        {u"..", TRUE, FALSE},           {u"A B.C", TRUE, TRUE},
        {u"", FALSE, FALSE},        {u"TOOLONGNAME", FALSE, FALSE}, {u"A.HTML", FALSE, FALSE},
        {u"A.B.C", FALSE, FALSE},   {u".TXT", FALSE, FALSE},        {u"A.", FALSE, FALSE},
        {u"A*B", FALSE, FALSE},     {u"A .B", FALSE, FALSE},        {u"\u4E00", FALSE, FALSE},
    };

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        UNICODE_STRING name = us(rows[i].name);
        char bytes[12];
        OEM_STRING oem = {0, sizeof bytes, bytes};
        BOOLEAN spaces = FALSE;

        cr_expect_eq(RtlIsNameLegalDOS8Dot3(&name, &oem, &spaces), rows[i].legal, "row %zu", i);
        cr_expect_eq(spaces && rows[i].legal, rows[i].spaces, "row %zu", i);
    }
}

Test(short_names, generated)
{
    UNICODE_STRING name = us(u"..long file,name.text");
    GENERATE_NAME_CONTEXT context = {0};
    WCHAR buf[12];
    UNICODE_STRING s = {0, sizeof buf, buf};

    cr_expect_eq(RtlGenerate8dot3Name(&name, FALSE, &context, &s), STATUS_SUCCESS);
    cr_expect(us_is(&s, u"LONGFI~1.TEX"));
    for (int i = 0; i < 200; i++) {
        cr_expect_eq(RtlGenerate8dot3Name(&name, FALSE, &context, &s), STATUS_SUCCESS);
        cr_expect(RtlIsNameLegalDOS8Dot3(&s, NULL, NULL));
        if (i == 2)
            cr_expect(us_is(&s, u"LONGFI~4.TEX"));
    }
}
