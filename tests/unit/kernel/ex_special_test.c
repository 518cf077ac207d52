/* PoolTag: which requests it takes in. Values and examples: the GFlags documentation's table. */
#include "kernel/kernel_priv.h"

#include <criterion/criterion.h>

#define TAG(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

Test(ex_special, off)
{
    cr_expect(!ex_special_matches(0, 0, 0));
    cr_expect(!ex_special_matches(0, 100, TAG('T', 'a', 'g', '1')));
}

Test(ex_special, a_tag)
{
    cr_expect(ex_special_matches(0x31676154, 100, TAG('T', 'a', 'g', '1')));
    cr_expect(ex_special_matches(0x31676154, 100, TAG('T', 'a', 'g', '1') | PROTECTED_POOL));
    cr_expect(!ex_special_matches(0x31676154, 100, TAG('t', 'a', 'g', '1')), "case counts");
    cr_expect(!ex_special_matches(0x31676154, 100, TAG('T', 'a', 'g', '2')));
}

Test(ex_special, padding)
{
    cr_expect(ex_special_matches(TAG('A', 'b', 0, 0), 100, TAG('A', 'b', ' ', ' ')));
    cr_expect(ex_special_matches(TAG('A', 'b', ' ', ' '), 100, TAG('A', 'b', 0, 0)));
    cr_expect(!ex_special_matches(TAG('A', 'b', 0, 0), 100, TAG('A', 'b', 'c', ' ')));
    cr_expect(ex_special_matches('A', 100, TAG('A', ' ', ' ', ' ')), "one character only");
}

Test(ex_special, patterns)
{
    cr_expect(ex_special_matches(0x2A746146, 100, TAG('F', 'a', 't', 'X')));
    cr_expect(ex_special_matches(0x2A746146, 100, TAG('F', 'a', 't', 0)));
    cr_expect(!ex_special_matches(0x2A746146, 100, TAG('F', 'a', 's', 'X')));
    cr_expect(ex_special_matches(0x002A746E, 100, TAG('n', 't', 'f', 's')));
    cr_expect(ex_special_matches(0x733F3F6E, 100, TAG('n', 't', 'f', 's')));
    cr_expect(!ex_special_matches(0x733F3F6E, 100, TAG('n', 't', 'f', 'x')));
    cr_expect(ex_special_matches(0x2A, 1, 0) && ex_special_matches(0x2A, 4080, 0xFFFFFFFF));
}

Test(ex_special, size_classes)
{
    static const struct {
        uint32_t value;
        size_t first, last;
    } rows[] = {{0x20, 1, 16},  {0x30, 17, 32},      {0x40, 33, 48},
                {0x50, 49, 64}, {0x420, 1025, 1040}, {0xFF0, 0xFD1, 0xFE0}};

    for (size_t i = 0; i < PP_COUNT(rows); i++) {
        cr_expect(ex_special_matches(rows[i].value, rows[i].first, 0x20202058));
        cr_expect(ex_special_matches(rows[i].value, rows[i].last, 0x20202058));
        cr_expect(rows[i].first == 1 ||
                  !ex_special_matches(rows[i].value, rows[i].first - 1, 0x20202058));
        cr_expect(!ex_special_matches(rows[i].value, rows[i].last + 1, 0x20202058));
    }
    cr_expect(ex_special_matches(0x420, 5, 0x420), "a tag of that number too");
}
