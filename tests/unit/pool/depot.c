#include "fixture.h"

Test(depot, same_stack_same_id)
{
    static const uint64_t a[] = {1, 2, 3}, b[] = {1, 2, 4};
    struct pl_depot *d = pl_depot_new();
    const uint64_t *pc;
    unsigned n;

    cr_assert_eq(pl_stack_put(d, a, 3), 1);
    cr_assert_eq(pl_stack_put(d, b, 3), 2);
    cr_assert_eq(pl_stack_put(d, a, 2), 3);
    cr_assert_eq(pl_stack_put(d, b, 2), 3);
    cr_assert_eq(pl_stack_put(d, a, 3), 1);
    cr_assert_eq(pl_stack_put(d, a, 0), 0);
    pc = pl_stack_get(d, 2, &n);
    cr_assert_eq(n, 3);
    cr_assert_arr_eq(pc, b, sizeof b);
    cr_assert_null(pl_stack_get(d, 0, &n));
    cr_assert_null(pl_stack_get(d, 4, &n));
    cr_assert_eq(n, 0);
    pl_depot_free(d);
    pl_depot_free(NULL);
}

Test(depot, many_and_long)
{
    struct pl_depot *d = pl_depot_new();
    uint64_t pc[40] = {0};
    unsigned n;

    for (unsigned round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 50000; i++) {
            pc[0] = i;
            pc[23] = i * 3;
            pc[30] = round;
            cr_assert_eq(pl_stack_put(d, pc, 40), i + 1);
        }
    cr_assert_eq(pl_stack_get(d, 777, &n)[23], 776 * 3);
    cr_assert_eq(n, PL_STACK_MAX);
    pl_depot_free(d);
}
