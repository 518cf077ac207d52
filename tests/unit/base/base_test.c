/* Checked arithmetic, lists, random numbers, formatting. */
#include "base/base.h"
#include "base/list.h"

#include <criterion/criterion.h>
#include <string.h>

Test(base, sums_and_products_report_overflow)
{
    size_t v = 7;

    cr_assert(!pp_add(3, 4, &v));
    cr_assert_eq(v, 7u);
    cr_assert(pp_add(SIZE_MAX, 1, &v));
    cr_assert_eq(v, 7u, "left alone on overflow");
    cr_assert(!pp_mul(6, 7, &v));
    cr_assert_eq(v, 42u);
    cr_assert(pp_mul(SIZE_MAX / 2, 3, &v));
    cr_assert_eq(v, 42u);
}

Test(base, alignment)
{
    cr_assert_eq(pp_align_up(0, 16), 0u);
    cr_assert_eq(pp_align_up(17, 16), 32u);
    cr_assert_eq(pp_align_down(0x1FFF, 0x1000), 0x1000u);
}

Test(base, same_seed_same_numbers)
{
    struct pp_random a, b, c;
    bool differs = false;

    pp_random_init(&a, 1);
    pp_random_init(&b, 1);
    pp_random_init(&c, 2);
    for (int i = 0; i < 1000; i++) {
        uint64_t v = pp_random_next(&a);

        cr_assert_eq(v, pp_random_next(&b));
        differs |= v != pp_random_next(&c);
    }
    cr_assert(differs);
    for (int i = 0; i < 1000; i++)
        cr_assert_lt(pp_random_below(&a, 10), 10u);
}

Test(base, list_order_and_double_removal)
{
    struct pp_list head, a, b, c;

    pp_list_init(&head);
    cr_assert_null(pp_list_first(&head));
    pp_list_push_back(&head, &a);
    pp_list_push_back(&head, &b);
    pp_list_push_front(&head, &c);
    cr_assert_eq(pp_list_first(&head), &c);
    pp_list_remove(&c);
    pp_list_remove(&c);
    cr_assert_eq(pp_list_first(&head), &a);
    cr_assert_eq(head.prev, &b);
}

Test(base, formatting_never_overruns)
{
    char buf[8];

    cr_assert_eq(pp_fmt(buf, sizeof buf, "%s", "0123456789"), 7u);
    cr_assert_str_eq(buf, "0123456");
    pp_fmt(buf, sizeof buf, "ab");
    pp_fmt_append(buf, sizeof buf, "%s", "cdefghij");
    cr_assert_str_eq(buf, "abcdefg");
}

Test(base, base_name_is_what_follows_the_last_slash)
{
    cr_assert_str_eq(pp_base_name("a/b/c.sys"), "c.sys");
    cr_assert_str_eq(pp_base_name("c.sys"), "c.sys");
    cr_assert_str_eq(pp_base_name("a/"), "");
}

Test(base, hash_is_fnv1a)
{
    /* Published value of FNV-1a, 64 bits, of the string "a". */
    cr_assert_eq(pp_hash(PP_HASH_INIT, "a", 1), 0xAF63DC4C8601EC8Cull);
}
