/* Bit maps, trees, tables, lists, times, versions, images. */
#include "rtl_fixture.h"

/* ---- Bit maps: against a plain array of bits ---- */

enum { BITS = 77 };

struct model {
    bool bit[BITS];
    ULONG words[3];
    RTL_BITMAP map;
};

static void model_init(struct model *m, struct pp_random *r)
{
    RtlInitializeBitMap(&m->map, m->words, BITS);
    RtlClearAllBits(&m->map);
    for (int i = 0; i < BITS; i++) {
        m->bit[i] = pp_random_below(r, 3) == 0;
        if (m->bit[i])
            RtlSetBit(&m->map, (ULONG)i);
    }
}

static ULONG model_find(const struct model *m, ULONG count, ULONG hint, bool value)
{
    for (ULONG pass = 0; pass < 2; pass++) {
        ULONG start = pass ? 0 : hint;

        for (ULONG i = start; i + count <= BITS; i++) {
            ULONG n = 0;

            while (n < count && m->bit[i + n] == value)
                n++;
            if (n == count)
                return i;
        }
    }
    return 0xFFFFFFFF;
}

Test(bitmap, agrees_with_a_plain_array)
{
    struct pp_random r;
    struct model m;

    pp_random_init(&r, 5);
    for (int round = 0; round < 300; round++) {
        ULONG count = (ULONG)pp_random_below(&r, 6) + 1, hint = (ULONG)pp_random_below(&r, BITS),
              set = 0;
        ULONG start = (ULONG)pp_random_below(&r, BITS),
              length = (ULONG)pp_random_below(&r, BITS - start);
        bool clear = length > 0, full = length > 0;

        model_init(&m, &r);
        for (ULONG i = 0; i < BITS; i++) {
            set += m.bit[i];
            cr_assert_eq(RtlTestBit(&m.map, i), m.bit[i]);
        }
        for (ULONG i = start; i < start + length; i++) {
            clear = clear && !m.bit[i];
            full = full && m.bit[i];
        }
        cr_assert_eq(RtlNumberOfSetBits(&m.map), set);
        cr_assert_eq(RtlNumberOfClearBits(&m.map), BITS - set);
        cr_assert_eq(RtlAreBitsClear(&m.map, start, length), clear);
        cr_assert_eq(RtlAreBitsSet(&m.map, start, length), full);
        cr_assert_eq(RtlFindClearBits(&m.map, count, hint), model_find(&m, count, hint, false));
        cr_assert_eq(RtlFindSetBits(&m.map, count, hint), model_find(&m, count, hint, true));
    }
}

Test(bitmap, runs)
{
    /* 1100 0111 0001 0000 from bit 0 on: clear runs at 2 (3), 8 (3), 12 (4) */
    ULONG word = 0x08E3, start;
    RTL_BITMAP map;
    RTL_BITMAP_RUN runs[4];

    RtlInitializeBitMap(&map, &word, 16);
    cr_expect_eq(RtlFindLongestRunClear(&map, &start), 4);
    cr_expect_eq(start, 12);
    cr_expect_eq(RtlFindFirstRunClear(&map, &start), 3);
    cr_expect_eq(start, 2);
    cr_expect_eq(RtlFindNextForwardRunClear(&map, 5, &start), 3);
    cr_expect_eq(start, 8);
    cr_expect_eq(RtlFindLastBackwardRunClear(&map, 11, &start), 3);
    cr_expect_eq(start, 8);
    cr_expect_eq(RtlFindClearRuns(&map, runs, 4, FALSE), 3);
    cr_expect(runs[0].StartingIndex == 2 && runs[2].StartingIndex == 12);
    cr_expect_eq(RtlFindClearRuns(&map, runs, 2, TRUE), 2);
    cr_expect(runs[0].StartingIndex == 12 && runs[1].NumberOfBits == 3);
    cr_expect_eq(RtlFindClearBitsAndSet(&map, 4, 0), 12);
    cr_expect_eq(RtlFindClearBits(&map, 4, 0), 0xFFFFFFFF);
    RtlClearBits(&map, 0, 16);
    cr_expect_eq(word, 0);
    RtlSetBits(&map, 3, 9);
    cr_expect_eq(word, 0x0FF8);
    cr_expect_eq(RtlFindLeastSignificantBit(0x8000000000000010ull), 4);
    cr_expect_eq(RtlFindMostSignificantBit(0x8000000000000010ull), 63);
    cr_expect_eq(RtlFindMostSignificantBit(0), -1);
}

/* ---- Tables ---- */

/* Each test is a process of its own, so what it takes is never given back. */
static struct {
    int live, fail;
    size_t used;
    UCHAR bytes[1 << 18] __attribute__((aligned(16)));
} memory;

static PVOID NTAPI table_alloc(PVOID table, ULONG size)
{
    (void)table;
    if (memory.fail)
        return NULL;
    memory.live++;
    memory.used += (size + 15) & ~15ull;
    cr_assert_leq(memory.used, sizeof memory.bytes);
    return memory.bytes + memory.used - ((size + 15) & ~15ull);
}

static VOID NTAPI table_free(PVOID table, PVOID p)
{
    (void)table;
    (void)p;
    memory.live--;
}

static RTL_GENERIC_COMPARE_RESULTS NTAPI table_compare(PVOID table, INT *a, INT *b)
{
    (void)table;
    return *a < *b ? GenericLessThan : *a > *b ? GenericGreaterThan : GenericEqual;
}

/* The checked depth of a subtree; fails on a wrong balance or parent. */
static int avl_depth(RTL_BALANCED_LINKS *x)
{
    int left, right;

    if (!x)
        return 0;
    left = avl_depth(x->LeftChild);
    right = avl_depth(x->RightChild);
    cr_assert(!x->LeftChild || x->LeftChild->Parent == x);
    cr_assert(!x->RightChild || x->RightChild->Parent == x);
    cr_assert_eq(x->Balance, right - left);
    cr_assert(x->Balance >= -1 && x->Balance <= 1);
    return 1 + PP_MAX(left, right);
}

enum { KEYS = 64 };

static void avl_check(RTL_AVL_TABLE *t, const bool *has)
{
    PVOID restart = NULL;
    ULONG n = 0;

    cr_assert_eq(t->DepthOfTree, (ULONG)avl_depth(t->BalancedRoot.RightChild));
    for (INT key = 0; key < KEYS; key++) {
        INT *found = RtlLookupElementGenericTableAvl(t, &key);

        cr_assert_eq(found != NULL, has[key]);
        if (!has[key])
            continue;
        cr_assert_eq(*(INT *)RtlGetElementGenericTableAvl(t, n++), key);
        cr_assert_eq(*(INT *)RtlEnumerateGenericTableWithoutSplayingAvl(t, &restart), key);
    }
    cr_assert_null(RtlEnumerateGenericTableWithoutSplayingAvl(t, &restart));
    cr_assert_eq(RtlNumberGenericTableElementsAvl(t), n);
    cr_assert_eq(memory.live, (int)n);
}

Test(avl, random_inserts_and_deletes_stay_balanced)
{
    RTL_AVL_TABLE t;
    struct pp_random r;
    bool has[KEYS] = {0};

    pp_random_init(&r, 9);
    RtlInitializeGenericTableAvl(&t, (PRTL_AVL_COMPARE_ROUTINE)table_compare,
                                 (PRTL_AVL_ALLOCATE_ROUTINE)table_alloc,
                                 (PRTL_AVL_FREE_ROUTINE)table_free, NULL);
    cr_expect(RtlIsGenericTableEmptyAvl(&t));
    for (int round = 0; round < 4000; round++) {
        INT key = (INT)pp_random_below(&r, KEYS);
        BOOLEAN is_new = 9;

        if (pp_random_below(&r, 2)) {
            INT *data = RtlInsertElementGenericTableAvl(&t, &key, sizeof key, &is_new);

            cr_assert_eq(*data, key);
            cr_assert_eq(is_new, !has[key]);
            has[key] = true;
        } else {
            cr_assert_eq(RtlDeleteElementGenericTableAvl(&t, &key), has[key]);
            has[key] = false;
        }
        if (round % 20 == 0)
            avl_check(&t, has);
    }
    avl_check(&t, has);
}

Test(avl, enumeration_survives_deletion)
{
    RTL_AVL_TABLE t;
    INT seen = 0;

    RtlInitializeGenericTableAvl(&t, (PRTL_AVL_COMPARE_ROUTINE)table_compare,
                                 (PRTL_AVL_ALLOCATE_ROUTINE)table_alloc,
                                 (PRTL_AVL_FREE_ROUTINE)table_free, NULL);
    for (INT key = 0; key < KEYS; key++)
        RtlInsertElementGenericTableAvl(&t, &key, sizeof key, NULL);
    for (INT *p = RtlEnumerateGenericTableAvl(&t, TRUE); p;
         p = RtlEnumerateGenericTableAvl(&t, FALSE)) {
        INT key = *p;

        cr_assert_eq(key, seen++);
        RtlDeleteElementGenericTableAvl(&t, &key);
    }
    cr_expect_eq(seen, KEYS);
    cr_expect_eq(memory.live, 0);
}

Test(avl, full_lookup_and_directory)
{
    RTL_AVL_TABLE t;
    PVOID node, restart = NULL;
    TABLE_SEARCH_RESULT where;
    ULONG deletes = 0;
    INT key = 5;

    RtlInitializeGenericTableAvl(&t, (PRTL_AVL_COMPARE_ROUTINE)table_compare,
                                 (PRTL_AVL_ALLOCATE_ROUTINE)table_alloc,
                                 (PRTL_AVL_FREE_ROUTINE)table_free, NULL);
    cr_expect_null(RtlLookupElementGenericTableFullAvl(&t, &key, &node, &where));
    cr_expect_eq(where, TableEmptyTree);
    RtlInsertElementGenericTableFullAvl(&t, &key, sizeof key, NULL, node, where);
    key = 3;
    cr_expect_null(RtlLookupElementGenericTableFullAvl(&t, &key, &node, &where));
    cr_expect_eq(where, TableInsertAsLeft);
    RtlInsertElementGenericTableFullAvl(&t, &key, sizeof key, NULL, node, where);
    key = 4;
    cr_expect_eq(*(INT *)RtlEnumerateGenericTableLikeADirectory(&t, NULL, NULL, FALSE, &restart,
                                                                &deletes, &key),
                 5);
    cr_expect_null(
        RtlEnumerateGenericTableLikeADirectory(&t, NULL, NULL, TRUE, &restart, &deletes, &key));
    memory.fail = 1;
    cr_expect_null(RtlInsertElementGenericTableAvl(&t, &key, sizeof key, NULL));
}

Test(splay, random_inserts_and_deletes)
{
    RTL_GENERIC_TABLE t;
    struct pp_random r;
    bool has[KEYS] = {0};
    ULONG n = 0;

    pp_random_init(&r, 11);
    RtlInitializeGenericTable(&t, (PRTL_GENERIC_COMPARE_ROUTINE)table_compare,
                              (PRTL_GENERIC_ALLOCATE_ROUTINE)table_alloc,
                              (PRTL_GENERIC_FREE_ROUTINE)table_free, NULL);
    for (int round = 0; round < 4000; round++) {
        INT key = (INT)pp_random_below(&r, KEYS);

        if (pp_random_below(&r, 2)) {
            BOOLEAN is_new;

            RtlInsertElementGenericTable(&t, &key, sizeof key, &is_new);
            cr_assert_eq(is_new, !has[key]);
            n += is_new;
            has[key] = true;
        } else {
            cr_assert_eq(RtlDeleteElementGenericTable(&t, &key), has[key]);
            n -= has[key];
            has[key] = false;
        }
        cr_assert_eq(RtlNumberGenericTableElements(&t), n);
    }
    for (INT key = 0; key < KEYS; key++)
        cr_assert_eq(RtlLookupElementGenericTable(&t, &key) != NULL, has[key]);
    for (INT key = 0, *p = RtlEnumerateGenericTable(&t, TRUE); p; key++) {
        for (; !has[key]; key++)
            ;
        cr_assert_eq(*p, key);
        p = RtlEnumerateGenericTable(&t, FALSE);
    }
    cr_expect_eq((ULONG)memory.live, n);
}

Test(splay, elements_by_order_of_insertion)
{
    RTL_GENERIC_TABLE t;

    RtlInitializeGenericTable(&t, (PRTL_GENERIC_COMPARE_ROUTINE)table_compare,
                              (PRTL_GENERIC_ALLOCATE_ROUTINE)table_alloc,
                              (PRTL_GENERIC_FREE_ROUTINE)table_free, NULL);
    cr_expect(RtlIsGenericTableEmpty(&t));
    for (INT key = 9; key >= 0; key--)
        RtlInsertElementGenericTable(&t, &key, sizeof key, NULL);
    cr_expect_eq(*(INT *)RtlGetElementGenericTable(&t, 0), 9);
    cr_expect_eq(*(INT *)RtlGetElementGenericTable(&t, 9), 0);
    cr_expect_null(RtlGetElementGenericTable(&t, 10));
}

/* ---- Lists ---- */

Test(lists, doubly_linked)
{
    LIST_ENTRY head = {&head, &head}, a, b;
    KSPIN_LOCK lock = 0;

    cr_expect_null(ExInterlockedInsertTailList(&head, &a, &lock));
    cr_expect_eq(ExInterlockedInsertTailList(&head, &b, &lock), &a);
    cr_expect_eq(ExInterlockedRemoveHeadList(&head, &lock), &a);
    cr_expect_eq(ExInterlockedInsertHeadList(&head, &a, &lock), &b);
    cr_expect_eq(ExInterlockedRemoveHeadList(&head, &lock), &a);
    cr_expect_eq(ExInterlockedRemoveHeadList(&head, &lock), &b);
    cr_expect_null(ExInterlockedRemoveHeadList(&head, &lock));
}

Test(lists, damaged_neighbours_are_a_finding, .exit_code = 42)
{
    LIST_ENTRY head = {&head, &head}, a, stray;
    KSPIN_LOCK lock = 0;

    ExInterlockedInsertTailList(&head, &a, &lock);
    a.Blink = &stray;
    ExInterlockedRemoveHeadList(&head, &lock);
}

Test(lists, sequenced)
{
    static SLIST_HEADER head;
    static SLIST_ENTRY e[3];

    InitializeSListHead(&head);
    cr_expect_null(ExpInterlockedPopEntrySList(&head));
    cr_expect_null(ExpInterlockedPushEntrySList(&head, &e[0]));
    cr_expect_eq(ExpInterlockedPushEntrySList(&head, &e[1]), &e[0]);
    cr_expect_eq(ExQueryDepthSList(&head), 2);
    cr_expect_eq(ExpInterlockedPopEntrySList(&head), &e[1]);
    ExpInterlockedPushEntrySList(&head, &e[2]);
    cr_expect_eq(ExpInterlockedFlushSList(&head), &e[2]);
    cr_expect_eq(e[2].Next, &e[0]);
    cr_expect_eq(ExQueryDepthSList(&head), 0);
}

Test(lists, counters_and_stacks)
{
    KSPIN_LOCK lock = 0;
    ULONG u = 0xFFFFFFFF;
    LARGE_INTEGER big = {.QuadPart = 1ll << 40};
    SINGLE_LIST_ENTRY head = {0}, a, b;

    cr_expect_eq(ExInterlockedAddUlong(&u, 2, &lock), 0xFFFFFFFF);
    cr_expect_eq(u, 1);
    cr_expect_eq(ExInterlockedAddLargeInteger(&big, -1, &lock), 1ll << 40);
    cr_expect_eq(big.QuadPart, (1ll << 40) - 1);
    cr_expect_null(ExInterlockedPushEntryList(&head, &a, &lock));
    cr_expect_eq(ExInterlockedPushEntryList(&head, &b, &lock), &a);
    cr_expect_eq(ExInterlockedPopEntryList(&head, &lock), &b);
    cr_expect_eq(ExInterlockedPopEntryList(&head, &lock), &a);
    cr_expect_null(ExInterlockedPopEntryList(&head, &lock));
}

/* ---- Times, versions ---- */

Test(time, fields)
{
    static const struct {
        LONGLONG time;
        TIME_FIELDS f;
    } rows[] = {
        {0, {1601, 1, 1, 0, 0, 0, 0, 1}},
        {116444736000000000, {1970, 1, 1, 0, 0, 0, 0, 4}},
        {119600064000000000, {1980, 1, 1, 0, 0, 0, 0, 2}},
        {125962991991230000, {2000, 2, 29, 11, 59, 59, 123, 2}},
        {133169184000000000, {2022, 12, 31, 0, 0, 0, 0, 6}},
    };

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        LARGE_INTEGER t = {.QuadPart = rows[i].time}, back;
        TIME_FIELDS f;

        RtlTimeToTimeFields(&t, &f);
        cr_expect(!memcmp(&f, &rows[i].f, sizeof f), "row %zu: %d-%d-%d %d:%d:%d.%d %d", i, f.Year,
                  f.Month, f.Day, f.Hour, f.Minute, f.Second, f.Milliseconds, f.Weekday);
        cr_expect(RtlTimeFieldsToTime(&f, &back));
        cr_expect_eq(back.QuadPart, rows[i].time);
    }
}

Test(time, every_day_of_eight_centuries)
{
    LARGE_INTEGER back;
    TIME_FIELDS f;

    for (LONGLONG day = 0; day < 292194; day++) {
        LARGE_INTEGER t = {.QuadPart = day * 864000000000ll};

        RtlTimeToTimeFields(&t, &f);
        cr_assert(RtlTimeFieldsToTime(&f, &back) && back.QuadPart == t.QuadPart);
    }
    cr_expect_eq(f.Year, 2400);
    cr_expect_eq(f.Month, 12);
    cr_expect_eq(f.Day, 31);
}

Test(time, refused_fields)
{
    static const TIME_FIELDS rows[] = {
        {1600, 1, 1, 0, 0, 0, 0, 0},  {1601, 0, 1, 0, 0, 0, 0, 0},    {1601, 13, 1, 0, 0, 0, 0, 0},
        {1900, 2, 29, 0, 0, 0, 0, 0}, {2000, 4, 31, 0, 0, 0, 0, 0},   {2000, 1, 1, 24, 0, 0, 0, 0},
        {2000, 1, 1, 0, 60, 0, 0, 0}, {2000, 1, 1, 0, 0, 0, 1000, 0},
    };
    LARGE_INTEGER t;

    for (size_t i = 0; i < PP_COUNT(rows); i++)
        cr_expect_not(RtlTimeFieldsToTime(&rows[i], &t), "row %zu", i);
}

Test(time, seconds_and_local)
{
    LARGE_INTEGER t = {.QuadPart = 116444736000000000 + 10000000ll * 77}, out;
    ULONG s;

    cr_expect(RtlTimeToSecondsSince1970(&t, &s));
    cr_expect_eq(s, 77);
    cr_expect_not(RtlTimeToSecondsSince1980(&t, &s));
    RtlSecondsSince1970ToTime(77, &out);
    cr_expect_eq(out.QuadPart, t.QuadPart);
    ExSystemTimeToLocalTime(&t, &out);
    cr_expect_eq(out.QuadPart, t.QuadPart - 36000000000ll);
    ExLocalTimeToSystemTime(&out, &out);
    cr_expect_eq(out.QuadPart, t.QuadPart);
}

Test(version, get)
{
    RTL_OSVERSIONINFOEXW v = {.dwOSVersionInfoSize = sizeof v};
    ULONG major, minor, build;

    cr_expect_eq(RtlGetVersion(&v), STATUS_SUCCESS);
    cr_expect(v.dwMajorVersion == 10 && v.dwMinorVersion == 0 && v.dwBuildNumber == 19045);
    cr_expect(v.dwPlatformId == 2 && v.wProductType == VER_NT_WORKSTATION);
    cr_expect_not(PsGetVersion(&major, &minor, &build, NULL));
    cr_expect(major == 10 && minor == 0 && build == 19045);
    cr_expect(RtlIsNtDdiVersionAvailable(0x06010000) && RtlIsNtDdiVersionAvailable(0x0A000000));
    cr_expect_not(RtlIsNtDdiVersionAvailable(0x0B000000));
}

Test(version, verify)
{
    static const struct {
        ULONG major, minor, build;
        ULONG types;
        UCHAR condition;
        NTSTATUS status;
    } rows[] = {
        {6, 1, 0, VER_MAJORVERSION | VER_MINORVERSION, VER_GREATER_EQUAL, STATUS_SUCCESS},
        {10, 0, 0, VER_MAJORVERSION | VER_MINORVERSION, VER_EQUAL, STATUS_SUCCESS},
        {10, 1, 0, VER_MAJORVERSION | VER_MINORVERSION, VER_GREATER_EQUAL,
         STATUS_REVISION_MISMATCH},
        {6, 3, 0, VER_MAJORVERSION, VER_EQUAL, STATUS_REVISION_MISMATCH},
        {11, 0, 0, VER_MAJORVERSION, VER_LESS, STATUS_SUCCESS},
        {0, 0, 19045, VER_BUILDNUMBER, VER_GREATER_EQUAL, STATUS_SUCCESS},
        {0, 0, 22000, VER_BUILDNUMBER, VER_GREATER_EQUAL, STATUS_REVISION_MISMATCH},
        {10, 0, 0, 0, VER_EQUAL, STATUS_INVALID_PARAMETER},
    };

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        RTL_OSVERSIONINFOEXW v = {.dwMajorVersion = rows[i].major,
                                  .dwMinorVersion = rows[i].minor,
                                  .dwBuildNumber = rows[i].build};
        ULONGLONG mask = 0;

        for (ULONG type = 1; type <= VER_PRODUCT_TYPE; type <<= 1) {
            if (rows[i].types & type)
                mask = VerSetConditionMask(mask, type, rows[i].condition);
        }
        cr_expect_eq(RtlVerifyVersionInfo(&v, rows[i].types, mask), rows[i].status, "row %zu", i);
    }
}

Test(version, random_is_in_range_and_repeats)
{
    ULONG seed = 1;

    for (int i = 0; i < 1000; i++)
        cr_assert_lt(RtlRandomEx(&seed), 0x7FFFFFFFu);
    cr_expect_neq(seed, 1);
}

/* ---- Memory, statuses, images ---- */

Test(memory, routines)
{
    char a[8] = "abcdefg", b[8] = "abcxefg";
    ULONG words[4] = {7, 7, 7, 8};

    cr_expect_eq(RtlCompareMemory(a, b, 8), 3);
    cr_expect_eq(RtlCompareMemory(a, a, 8), 8);
    cr_expect_eq(RtlCompareMemoryUlong(words, 16, 7), 12);
    cr_expect_eq(RtlCompareMemoryUlong(words, 11, 7), 8);
    cr_expect_eq(RtlCompareMemoryUlong((UCHAR *)words + 1, 4, 0x07000000), 4);
    RtlMoveMemory(a + 1, a, 4);
    cr_expect(!memcmp(a, "aabcdfg", 7));
    RtlFillMemory(a, 3, 'z');
    cr_expect(!memcmp(a, "zzzcdfg", 7));
    RtlZeroMemory(a, 8);
    cr_expect_eq(a[0], 0);
    cr_expect_eq(crt_memchr(b, 'x', 8), b + 3);
    cr_expect_eq(crt_memcpy_s(a, 4, b, 5), 34);
}

Test(memory, statuses)
{
    static const struct {
        NTSTATUS status;
        ULONG error;
    } rows[] = {
        {STATUS_SUCCESS, 0},
        {STATUS_ACCESS_DENIED, 5},
        {STATUS_BUFFER_TOO_SMALL, 122},
        {STATUS_NO_MEMORY, 8},
        {STATUS_OBJECT_NAME_NOT_FOUND, 2},
        {STATUS_INSUFFICIENT_RESOURCES, 1450},
        {(NTSTATUS)0xC0070005, 5},
        {(NTSTATUS)0xC0FF0000, 317},
        {(NTSTATUS)0xE0001234, 0xE0001234},
    };

    for (size_t i = 0; i < PP_COUNT(rows); i++)
        cr_expect_eq(RtlNtStatusToDosErrorNoTeb(rows[i].status), rows[i].error, "row %zu", i);
}

Test(image, headers)
{
    static UCHAR image[0x2000];
    ULONG size = 9;
    PVOID out;

    cr_expect_null(RtlImageNtHeader(image));
    memcpy(image, "MZ", 2);
    image[0x3C] = 0x80;
    memcpy(image + 0x80, "PE\0\0", 4);
    cr_expect_eq(RtlImageNtHeader(image), image + 0x80);
    cr_expect_eq(RtlImageNtHeaderEx(0, image, 0x90, &out), STATUS_INVALID_IMAGE_FORMAT);
    memcpy(image + 0x98, "\x0B\x02", 2);         /* PE32+ */
    memcpy(image + 0x98 + 56, "\0\x20\0\0", 4);  /* SizeOfImage */
    memcpy(image + 0x98 + 108, "\x10\0\0\0", 4); /* 16 directories */
    memcpy(image + 0x98 + 112 + 3 * 8, "\0\x10\0\0\x30\0\0\0", 8);
    cr_expect_eq(RtlImageDirectoryEntryToData(image, TRUE, 3, &size), image + 0x1000);
    cr_expect_eq(size, 0x30);
    cr_expect_null(RtlImageDirectoryEntryToData(image, TRUE, 4, &size));
    cr_expect_eq(size, 0);
    cr_expect_null(RtlImageDirectoryEntryToData(image, TRUE, 16, &size));
}

/* ---- One-time initialisation ---- */

static int once_calls;

static ULONG NTAPI once_init(PRTL_RUN_ONCE once, PVOID parameter, PVOID *context)
{
    (void)once;
    once_calls++;
    if (!parameter)
        return FALSE;
    *context = parameter;
    return TRUE;
}

Test(once, execute)
{
    RTL_RUN_ONCE once;
    PVOID context = NULL;
    static ULONG_PTR value;

    RtlRunOnceInitialize(&once);
    cr_expect_eq(RtlRunOnceBeginInitialize(&once, RTL_RUN_ONCE_CHECK_ONLY, &context),
                 STATUS_UNSUCCESSFUL);
    cr_expect_eq(RtlRunOnceExecuteOnce(&once, once_init, NULL, &context), STATUS_UNSUCCESSFUL);
    cr_expect_eq(RtlRunOnceExecuteOnce(&once, once_init, &value, &context), STATUS_SUCCESS);
    cr_expect_eq(context, &value);
    context = NULL;
    cr_expect_eq(RtlRunOnceExecuteOnce(&once, once_init, NULL, &context), STATUS_SUCCESS);
    cr_expect_eq(context, &value);
    cr_expect_eq(once_calls, 2);
    RtlRunOnceInitialize(&once);
    cr_expect_eq(RtlRunOnceBeginInitialize(&once, RTL_RUN_ONCE_ASYNC, &context), STATUS_PENDING);
    cr_expect_eq(RtlRunOnceBeginInitialize(&once, RTL_RUN_ONCE_ASYNC, &context), STATUS_PENDING);
    cr_expect_eq(RtlRunOnceComplete(&once, RTL_RUN_ONCE_ASYNC, &value), STATUS_SUCCESS);
    cr_expect_eq(RtlRunOnceComplete(&once, RTL_RUN_ONCE_ASYNC, &value),
                 STATUS_OBJECT_NAME_COLLISION);
}
