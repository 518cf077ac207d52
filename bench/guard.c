/*
 * Pool: cost of an allocate + touch + free pair, each contender in turn, several rounds; medians
 * and the ratio to malloc of the same run. Absolute times do not travel; ratios do.
 *
 *     bench_pool [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plat/guard.h"
#include "pool/pool.h"

enum { LIVE = 1024, ROUNDS_MAX = 31, CONTENDERS_MAX = 24 };

struct contender {
    char name[48];
    struct pl_pool *pool; /* NULL: malloc */
    bool special, fifo;   /* fifo: LIVE blocks at a time; else each freed at once */
    uint32_t flags;
    size_t size;
    unsigned pairs;
    unsigned base; /* contender whose time is 1 */
    double ns[ROUNDS_MAX];
};

static struct {
    struct contender list[CONTENDERS_MAX];
    unsigned count, rounds;
} g;

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *take(const struct contender *c)
{
    struct pl_request req = {.size = c->size,
                             .tag = 0x68636E42,
                             .special = c->special,
                             .flags = c->flags,
                             .owner = 1,
                             .stack = 1};
    char *p;

    if (!c->pool) {
        p = malloc(c->size);
    } else {
        void *block;

        if (pl_alloc(c->pool, &req, &block))
            abort();
        p = block;
    }
    ((volatile char *)p)[0] = 1;
    ((volatile char *)p)[c->size - 1] = 1;
    return p;
}

static void give(const struct contender *c, void *p)
{
    if (!c->pool)
        free(p);
    else if (pl_free(c->pool, &(struct pl_free_request){.p = p, .owner = 1, .stack = 2}))
        abort();
}

static double pair_ns(const struct contender *c)
{
    static void *live[LIVE];
    unsigned i, depth = c->fifo ? LIVE : 1;
    double start;

    for (i = 0; i < depth; i++)
        live[i] = take(c);
    start = now_ns();
    for (i = 0; i < c->pairs; i++) {
        give(c, live[i % depth]);
        live[i % depth] = take(c);
    }
    start = now_ns() - start;
    for (i = 0; i < depth; i++)
        give(c, live[i]);
    return start / c->pairs;
}

static unsigned add(const struct contender *c)
{
    g.list[g.count] = *c;
    return g.count++;
}

/* Pools lie at fixed ranges, so each mechanism gets a range of its own here. */
static struct pl_pool *pool_at(const char *guard, unsigned n)
{
    struct pl_config cfg;
    struct pl_pool *pool;

    pl_config_init(&cfg);
    cfg.guard = guard;
    cfg.heap_base += n * 0x20000000000ull - 0x80000000000ull;
    cfg.special_nonpaged_base = cfg.heap_base + 0x10000000000ull;
    cfg.special_paged_base = cfg.heap_base + 0x18000000000ull;
    return pl_pool_new(&cfg, &pool) ? NULL : pool;
}

static void contenders(void)
{
    static const char *const guards[] = {"madvise", "userfaultfd", "mprotect"};
    static const size_t sizes[] = {64, 1024};
    unsigned malloc_fifo = 0, i, base;
    struct pl_pool *pool = NULL;

    for (i = 0; i < PP_COUNT(sizes); i++)
        for (int fifo = 0; fifo < 2; fifo++) {
            struct contender c = {.size = sizes[i], .fifo = fifo, .pairs = 200000};

            pp_fmt(c.name, sizeof c.name, "malloc %zu B, %s", c.size, fifo ? "1024 live" : "one");
            c.base = g.count;
            base = add(&c);
            if (!i && fifo)
                malloc_fifo = base;
            if (!pool)
                pool = pool_at(NULL, 0);
            if (!pool)
                abort();
            c.pool = pool;
            pp_fmt(c.name, sizeof c.name, "ordinary %zu B, %s", c.size, fifo ? "1024 live" : "one");
            c.base = base;
            (void)add(&c);
        }
    for (i = 0; i < PP_COUNT(guards); i++) {
        struct contender c = {.size = 64, .special = true, .pairs = 20000, .base = malloc_fifo};

        c.pool = pool_at(guards[i], i + 1);
        if (!c.pool) {
            printf("# %s: not on this machine\n", guards[i]);
            continue;
        }
        pp_fmt(c.name, sizeof c.name, "special 64 B, one, %s", guards[i]);
        (void)add(&c);
        c.fifo = true;
        pp_fmt(c.name, sizeof c.name, "special 64 B, 1024 live, %s", guards[i]);
        (void)add(&c);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(const struct contender *c)
{
    double sorted[ROUNDS_MAX];

    memcpy(sorted, c->ns, sizeof sorted);
    qsort(sorted, g.rounds, sizeof *sorted, by_value);
    return sorted[g.rounds / 2];
}

/* What an IRQL change costs while `live` paged blocks exist. */
static void revoke_bench(struct pl_pool *pool, unsigned live)
{
    struct contender c = {.pool = pool, .special = true, .flags = PL_PAGED, .size = 64};
    void **p = malloc(live * sizeof *p);
    double start;
    unsigned i;

    if (!p)
        abort();
    for (i = 0; i < live; i++)
        p[i] = take(&c);
    start = now_ns();
    for (i = 0; i < 1000; i++)
        if (pl_paged_revoke(pool) || pl_paged_restore(pool))
            abort();
    printf("revoke + restore, %5u paged blocks %10.0f ns\n", live, (now_ns() - start) / 1000);
    for (i = 0; i < live; i++)
        give(&c, p[i]);
    free(p);
}

static void find_bench(struct pl_pool *pool)
{
    struct contender c = {.pool = pool, .special = true, .size = 64};
    struct pl_block_info info;
    static void *p[LIVE];
    unsigned i, good = 0;
    double start;

    for (i = 0; i < LIVE; i++)
        p[i] = take(&c);
    start = now_ns();
    for (i = 0; i < 1000000; i++)
        good += pl_check_range(pool, (uintptr_t)p[i % LIVE], 64, &info);
    printf("pl_check_range, 1024 blocks        %10.1f ns\n", (now_ns() - start) / 1e6);
    if (good != 1000000)
        abort();
    for (i = 0; i < LIVE; i++)
        give(&c, p[i]);
}

int main(int argc, char **argv)
{
    unsigned i, round;

    g.rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 5;
    g.rounds = PP_MIN(PP_MAX(g.rounds, 1u), (unsigned)ROUNDS_MAX);
    contenders();
    for (i = 0; i < g.count; i++)
        (void)pair_ns(&g.list[i]); /* warm up */
    for (round = 0; round < g.rounds; round++)
        for (i = 0; i < g.count; i++)
            g.list[i].ns[round] = pair_ns(&g.list[i]);
    printf("%-40s %10s %8s\n", "allocate + touch + free", "ns", "ratio");
    for (i = 0; i < g.count; i++)
        printf("%-40s %10.1f %8.2f\n", g.list[i].name, median(&g.list[i]),
               median(&g.list[i]) / median(&g.list[g.list[i].base]));
    revoke_bench(g.list[1].pool, 1);
    revoke_bench(g.list[1].pool, 1000);
    find_bench(g.list[1].pool);
    return 0;
}
