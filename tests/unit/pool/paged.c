/* Revoking paged pool as a whole. */
#include "fixture.h"

static char *paged(size_t size, bool special)
{
    return take(&(struct pl_request){
        .size = size, .tag = TAG_TEST, .flags = PL_PAGED, .special = special, .owner = 1});
}

Test(paged, revoked_contents_come_back)
{
    EACH_GUARD(guard)
    {
        struct pl_block_info b;
        char *s, *o, *n, *big;

        fixture_open(*guard);
        s = paged(64, true);
        o = paged(64, false);
        big = paged(100000, false);
        n = special(64);
        strcpy(s, "special");
        strcpy(o, "ordinary");
        strcpy(big, "big");
        cr_assert_eq(pl_paged_revoke(pool), 0);
        cr_assert(pl_paged_is_revoked(pool));
        cr_assert(faults_read(s));
        cr_assert(faults_read(o));
        cr_assert(faults_read(big));
        cr_assert(!faults_write(n));
        cr_assert_eq(pl_find(pool, (uintptr_t)s, &b), PL_REVOKED);
        cr_assert_eq(b.start, (uintptr_t)s);
        cr_assert_eq(pl_find(pool, (uintptr_t)s + 64, &b), PL_GUARD_AFTER);
        cr_assert_eq(pl_find(pool, (uintptr_t)o, &b), PL_REVOKED);
        cr_assert_eq(pl_paged_restore(pool), 0);
        cr_assert_str_eq(s, "special");
        cr_assert_str_eq(o, "ordinary");
        cr_assert_str_eq(big, "big");
        cr_assert(faults_write(s + 64), "%s: the guard must survive", *guard);
        cr_assert_eq(pl_find(pool, (uintptr_t)s, &b), PL_LIVE);
        cr_assert_eq(pl_check_all(pool), 0);
        fixture_close();
    }
}

Test(paged, nothing_to_do_costs_nothing)
{
    fixture_open(NULL);
    cr_assert_eq(pl_paged_revoke(pool), 0);
    cr_assert_eq(pl_counters(pool)->revokes, 0);
    cr_assert_eq(pl_paged_restore(pool), 0);
    cr_assert_eq(pl_counters(pool)->restores, 0);
    cr_assert_eq(give(paged(10, true)), 0);
    cr_assert_eq(pl_paged_revoke(pool), 0);
    cr_assert_eq(pl_paged_revoke(pool), 0);
    cr_assert_eq(pl_counters(pool)->revokes, 0);
    fixture_close();
}

Test(paged, allocation_and_free_work_while_revoked)
{
    EACH_GUARD(guard)
    {
        char *first, *later, *heap;

        fixture_open(*guard);
        first = paged(64, true);
        cr_assert_eq(pl_paged_revoke(pool), 0);
        later = paged(64, true);
        heap = paged(64, false);
        cr_assert(faults_read(first));
        cr_assert(faults_read(later));
        cr_assert(faults_read(heap));
        cr_assert_eq(pl_check_all(pool), 0);
        cr_assert_eq(give(first), 0);
        cr_assert(faults_read(later));
        cr_assert_eq(pl_paged_restore(pool), 0);
        cr_assert(!faults_write(later));
        cr_assert(!faults_write(heap));
        cr_assert(faults_write(first));
        cr_assert_eq(give(later), 0);
        cr_assert_eq(give(heap), 0);
        cr_assert_eq(events, 0);
        fixture_close();
    }
}

Test(paged, retired_chunks_stay_inaccessible)
{
    EACH_GUARD(guard)
    {
        static char *p[2000];

        fixture_open(*guard);
        for (unsigned i = 0; i < PP_COUNT(p); i++)
            p[i] = paged(64, true);
        for (unsigned i = 1; i < PP_COUNT(p) - 1; i++)
            cr_assert_eq(give(p[i]), 0);
        for (unsigned round = 0; round < 3; round++) {
            cr_assert_eq(pl_paged_revoke(pool), 0);
            cr_assert(faults_read(p[0]));
            cr_assert_eq(pl_paged_restore(pool), 0);
            cr_assert(!faults_write(p[0]));
            cr_assert(!faults_write(p[PP_COUNT(p) - 1]));
            for (unsigned i = 1; i < PP_COUNT(p) - 1; i += 13)
                cr_assert(faults_read(p[i]), "%s: block %u", *guard, i);
        }
        cr_assert_eq(give(p[0]), 0);
        cr_assert_eq(give(p[PP_COUNT(p) - 1]), 0);
        fixture_close();
    }
}

Test(paged, relaxed_pool_opens_at_the_first_touch)
{
    EACH_GUARD(guard)
    {
        struct pl_block_info b;
        char *p;

        fixture_open(*guard);
        p = paged(64, true);
        cr_assert_eq(pl_paged_revoke(pool), 0);
        cr_assert(!pl_fault(pool, (uintptr_t)p)); /* revoked is revoked */
        pl_paged_relax(pool);
        cr_assert_eq(pl_find(pool, (uintptr_t)p, &b), PL_LIVE);
        cr_assert_eq(pl_paged_revoke(pool), 0);
        pl_paged_relax(pool);
        cr_assert_eq(pl_counters(pool)->revokes, 1);
        cr_assert(faults_read(p));
        cr_assert(pl_fault(pool, (uintptr_t)p));
        cr_assert(!faults_write(p));
        cr_assert(faults_write(p + 64));
        cr_assert(!pl_fault(pool, (uintptr_t)p + 64));
        cr_assert_eq(pl_paged_revoke(pool), 0);
        pl_paged_relax(pool);
        cr_assert_eq(give(p), 0); /* the pool's own access needs no fault */
        cr_assert_eq(events, 0);
        fixture_close();
    }
}
