/* Random work against a model: contents stay, nothing is reported that did not happen, and each
 * damage done is reported as what it is. */
#include "fixture.h"

enum { SLOTS = 300, STEPS = 4000 };

struct held {
    char *p;
    size_t size;
    uint8_t mark;
};

static struct held held[SLOTS];

static void check_contents(const struct held *h)
{
    for (size_t i = 0; i < h->size; i++)
        cr_assert_eq((uint8_t)h->p[i], h->mark);
}

static size_t random_size(struct pp_random *rnd)
{
    switch (pp_random_below(rnd, 10)) {
    case 0:
        return pp_random_below(rnd, 300000);
    case 1:
        return pp_random_below(rnd, 20000);
    case 2:
        return 4080 + pp_random_below(rnd, 40);
    default:
        return pp_random_below(rnd, 600);
    }
}

static void fill(struct pp_random *rnd, struct held *h)
{
    struct pl_request req = {.size = random_size(rnd),
                             .tag = TAG('S', 't', 'r', 'A' + pp_random_below(rnd, 20)),
                             .special = pp_random_below(rnd, 3) != 0,
                             .edge = (enum pl_edge)pp_random_below(rnd, 3),
                             .owner = (uint32_t)pp_random_below(rnd, 5),
                             .flags = (uint32_t)pp_random_below(rnd, 64) & ~(uint32_t)PL_SESSION};

    h->p = take(&req);
    h->size = req.size;
    h->mark = (uint8_t)pp_random_next(rnd);
    pl_paged_restore(pool);
    for (size_t i = 0; i < h->size; i++)
        cr_assert_eq((uint8_t)h->p[i], req.flags & PL_ZERO ? 0 : pl_patterns(pool).fresh);
    memset(h->p, h->mark, h->size);
}

/* Damage the byte behind the block, when it is slack of its own. */
static bool damage(const struct held *h)
{
    struct pl_block_info b;

    if (pl_find(pool, (uintptr_t)h->p + h->size, &b) != PL_SLACK_AFTER ||
        b.start != (uintptr_t)h->p)
        return false;
    h->p[h->size] ^= 0x21;
    return true;
}

static void run(const char *guard, uint64_t seed)
{
    struct pp_random rnd;
    uint32_t count;
    uint64_t bytes = 0;

    fixture_open(guard);
    memset(held, 0, sizeof held);
    pp_random_init(&rnd, seed);
    for (unsigned step = 0; step < STEPS; step++) {
        struct held *h = &held[pp_random_below(&rnd, SLOTS)];
        bool damaged = false;

        if (!pp_random_below(&rnd, 16))
            cr_assert_eq(pl_paged_revoke(pool), 0);
        if (h->p) {
            pl_paged_restore(pool);
            check_contents(h);
            if (!pp_random_below(&rnd, 20))
                damaged = damage(h);
            if (pp_random_below(&rnd, 2))
                cr_assert_eq(pl_paged_revoke(pool), 0);
            cr_assert_eq(give(h->p), 0);
            cr_assert_eq(events, damaged, "seed %lu step %u: event %d", seed, step, last.kind);
            if (damaged)
                cr_assert_eq(last.bad_addr, (uintptr_t)h->p + h->size);
            events = 0;
            cr_assert_eq(give(h->p), -EALREADY);
            cr_assert_eq(last.kind, PL_EV_FREE_TWICE);
            events = 0;
            h->p = NULL;
        } else {
            fill(&rnd, h);
        }
    }
    cr_assert_eq(pl_check_all(pool), 0);
    for (unsigned i = 0; i < SLOTS; i++)
        if (held[i].p)
            cr_assert_eq(give(held[i].p), 0);
    cr_assert_eq(pl_counters(pool)->live, 0);
    cr_assert_eq(pl_counters(pool)->special_bytes, 0);
    for (uint32_t i = 0; i < (pl_tag_rows(pool, &count), count); i++)
        bytes +=
            pl_tag_rows(pool, &count)[i].side[0].bytes + pl_tag_rows(pool, &count)[i].side[1].bytes;
    cr_assert_eq(bytes, 0);
    fixture_close();
}

Test(stress, madvise)
{
    if (os_guard_can(OS_GUARD_MADVISE))
        run("madvise", 1);
}

Test(stress, userfaultfd)
{
    if (os_guard_can(OS_GUARD_USERFAULTFD))
        run("userfaultfd", 2);
}

Test(stress, mprotect)
{
    run("mprotect", 3);
}
