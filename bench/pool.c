/*
 * Ordinary pool against malloc: allocate + touch + free, ns of thread CPU time a pair.
 *
 *     bench_pool [ROUNDS]        quieter as: chrt -f 1 bench_pool
 *
 * Candidates take turns inside every round; printed are minimum, median and maximum over the rounds
 * and the median of the ratios taken round by round. Peers are loaded if installed: glibc's malloc,
 * mimalloc, jemalloc. Absolute times do not travel; ratios do.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pool/pool.h"

enum {
    LIVE = 10000,
    PAIRS = 100000,
    ROUNDS_MAX = 101,
    DICE = 1u << 16, /* choices made beforehand: the loops choose nothing */
    EXCHANGED = 1000,
};

struct allocator {
    const char *name;
    void *(*alloc)(size_t size, uint32_t tag);
    void (*free)(void *p, uint32_t tag);
    void (*thread_done)(void);
};

enum shape { LIFO, FIFO, RANDOM, MIXED, CROSS };

struct work {
    const char *name;
    enum shape shape;
    unsigned threads, tags;
};

struct job { /* one thread of a measurement */
    const struct allocator *a;
    const struct work *w;
    struct job *other;
    unsigned index;
    double ns;
    void **live;
};

static struct {
    struct pl_pool *pool, *bare, *checked;
    void *(*mi_malloc)(size_t), *(*je_malloc)(size_t);
    void (*mi_free)(void *), (*je_free)(void *);
    struct allocator all[8];
    unsigned count, glibc, mimalloc, tagged, untold, rounds;
    uint32_t tags[DICE]; /* tags, sizes, at: what pair i of this work uses */
    uint16_t sizes[DICE], at[DICE];
    pthread_barrier_t barrier;
    double ns[8][ROUNDS_MAX];
} g;

/* ---- candidates ---- */

static void *glibc_alloc(size_t size, uint32_t tag)
{
    (void)tag; /* malloc knows none */
    return malloc(size);
}

static void glibc_free(void *p, uint32_t tag)
{
    (void)tag; /* as above */
    free(p);
}

static void *mi_alloc(size_t size, uint32_t tag)
{
    (void)tag; /* as above */
    return g.mi_malloc(size);
}

static void mi_release(void *p, uint32_t tag)
{
    (void)tag; /* as above */
    g.mi_free(p);
}

static void *je_alloc(size_t size, uint32_t tag)
{
    (void)tag; /* as above */
    return g.je_malloc(size);
}

static void je_release(void *p, uint32_t tag)
{
    (void)tag; /* as above */
    g.je_free(p);
}

static void *quick_alloc(size_t size, uint32_t tag)
{
    return pl_quick_alloc(g.pool, size, tag);
}

static void quick_free(void *p, uint32_t tag)
{
    (void)pl_quick_free(g.pool, p, tag); /* mistakes would be events; there are none */
}

static void quick_done(void)
{
    pl_thread_done(g.pool);
}

static void *bare_alloc(size_t size, uint32_t tag)
{
    return pl_quick_alloc(g.bare, size, tag);
}

static void bare_free(void *p, uint32_t tag)
{
    (void)pl_quick_free(g.bare, p, tag); /* as above */
}

static void bare_done(void)
{
    pl_thread_done(g.bare);
}

static void *request(struct pl_pool *pool, size_t size, uint32_t tag)
{
    struct pl_request req = {.size = size, .tag = tag, .owner = 1, .stack = 1};
    void *p;

    return pl_alloc(pool, &req, &p) ? NULL : p;
}

static void *full_alloc(size_t size, uint32_t tag)
{
    return request(g.pool, size, tag);
}

static void full_free(void *p, uint32_t tag)
{
    (void)pl_free(g.pool, &(struct pl_free_request){.p = p, .tag = tag}); /* as above */
}

static void *checked_alloc(size_t size, uint32_t tag)
{
    return request(g.checked, size, tag);
}

static void checked_free(void *p, uint32_t tag)
{
    (void)pl_free(g.checked, &(struct pl_free_request){.p = p, .tag = tag}); /* as above */
}

/* Pools lie at fixed ranges, so each gets ranges of its own here. */
static struct pl_pool *pool_at(unsigned n, const struct pl_config *like)
{
    struct pl_config cfg = *like;
    struct pl_pool *pool;

    cfg.guard = "mprotect"; /* special pool is not used here */
    cfg.heap_base = 0x400000000000ull + n * 0x20000000000ull;
    cfg.special_nonpaged_base = cfg.heap_base + 0x10000000000ull;
    cfg.special_paged_base = cfg.heap_base + 0x18000000000ull;
    if (pl_pool_new(&cfg, &pool))
        abort();
    return pool;
}

static void pools_make(void)
{
    struct pl_config cfg;

    pl_config_init(&cfg);
    cfg.threads = true;
    g.checked = pool_at(0, &cfg);
    cfg.level = PL_PLAIN;
    g.pool = pool_at(1, &cfg);
    cfg.no_statistics = true;
    g.bare = pool_at(2, &cfg);
}

/* Some allocators want more thread-local memory than the loader keeps for late comers by default.
 */
static void more_tls(char **argv)
{
    const char *name = "GLIBC_TUNABLES";

    if (getenv(name) || setenv(name, "glibc.rtld.optional_static_tls=16384", 1))
        return;
    (void)execv("/proc/self/exe", argv); /* else: without those that need it */
}

static void *symbol(const char *library, const char *name)
{
    void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);

    if (!lib) {
        printf("# %s is not installed: left out\n", library);
        return NULL;
    }
    return dlsym(lib, name);
}

static unsigned add(struct allocator a)
{
    g.all[g.count] = a;
    return g.count++;
}

static void candidates(void)
{
    void *mi = symbol("libmimalloc.so.2", "mi_malloc");
    void *je = symbol("libjemalloc.so.2", "malloc");

    g.glibc = g.mimalloc = add((struct allocator){"glibc malloc", glibc_alloc, glibc_free, NULL});
    if (mi) {
        *(void **)&g.mi_malloc = mi;
        *(void **)&g.mi_free = symbol("libmimalloc.so.2", "mi_free");
        g.mimalloc = add((struct allocator){"mimalloc", mi_alloc, mi_release, NULL});
    }
    if (je) {
        *(void **)&g.je_malloc = je;
        *(void **)&g.je_free = symbol("libjemalloc.so.2", "free");
        (void)add((struct allocator){"jemalloc", je_alloc, je_release, NULL});
    }
    g.tagged = add((struct allocator){"plain pool", quick_alloc, quick_free, quick_done});
    g.untold = add((struct allocator){"  without statistics", bare_alloc, bare_free, bare_done});
    (void)add((struct allocator){"  by request structures", full_alloc, full_free, quick_done});
    (void)add((struct allocator){"checked pool", checked_alloc, checked_free, NULL});
}

/* ---- work ---- */

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *take(const struct job *j, unsigned i)
{
    size_t size = g.sizes[i % DICE];
    char *p = j->a->alloc(size, g.tags[i % DICE]);

    if (!p)
        abort();
    ((volatile char *)p)[0] = 1;
    ((volatile char *)p)[size - 1] = 1;
    return p;
}

static void churn(struct job *j, unsigned pairs)
{
    unsigned i;

    for (i = 0; i < pairs; i++) {
        unsigned at = g.at[i % DICE];

        j->a->free(j->live[at], 0);
        j->live[at] = take(j, i);
    }
}

/* Each thread frees what the other allocated. Only their own work is timed, not the waiting. */
static double exchange(struct job *j, unsigned turns)
{
    double spent = 0, start;
    unsigned turn, i;

    for (turn = 0; turn < turns; turn++) {
        start = now_ns();
        for (i = 0; i < EXCHANGED; i++)
            j->live[i] = take(j, i);
        spent += now_ns() - start;
        pthread_barrier_wait(&g.barrier);
        start = now_ns();
        for (i = 0; i < EXCHANGED; i++)
            j->a->free(j->other->live[i], 0);
        spent += now_ns() - start;
        pthread_barrier_wait(&g.barrier);
    }
    return spent / turns / EXCHANGED;
}

static void pin(unsigned index)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(index % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &set);
    (void)sched_setaffinity(0, sizeof set, &set); /* fewer processors: then they share */
}

static void *job_run(void *arg)
{
    struct job *j = arg;
    unsigned i, live = j->w->shape == LIFO ? 1 : LIVE;
    double start;

    pin(j->index);
    if (j->w->shape == CROSS) {
        (void)exchange(j, 2); /* warm up */
        j->ns = exchange(j, PAIRS / EXCHANGED);
    } else {
        for (i = 0; i < live; i++)
            j->live[i] = take(j, i);
        churn(j, PAIRS / 4); /* warm up */
        if (j->w->threads > 1)
            pthread_barrier_wait(&g.barrier);
        start = now_ns();
        churn(j, PAIRS);
        j->ns = (now_ns() - start) / PAIRS;
        for (i = 0; i < live; i++)
            j->a->free(j->live[i], 0);
    }
    if (j->a->thread_done)
        j->a->thread_done();
    return NULL;
}

static double pair_ns(const struct allocator *a, const struct work *w)
{
    static void *live[2][LIVE];
    struct job jobs[2] = {{.a = a, .w = w, .live = live[0], .other = &jobs[1]},
                          {.a = a, .w = w, .live = live[1], .other = &jobs[0], .index = 1}};
    pthread_t threads[2];
    unsigned i;

    pthread_barrier_init(&g.barrier, NULL, w->threads);
    for (i = 0; i < w->threads; i++)
        if (pthread_create(&threads[i], NULL, job_run, &jobs[i]))
            abort();
    for (i = 0; i < w->threads; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&g.barrier);
    return w->threads == 1 ? jobs[0].ns : (jobs[0].ns + jobs[1].ns) / 2;
}

/* ---- tables ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double sorted_at(double *v, unsigned at)
{
    qsort(v, g.rounds, sizeof *v, by_value);
    return v[at];
}

static double ratio(unsigned a, unsigned b)
{
    double r[ROUNDS_MAX];
    unsigned i;

    for (i = 0; i < g.rounds; i++)
        r[i] = g.ns[a][i] / g.ns[b][i];
    return sorted_at(r, g.rounds / 2);
}

static double difference(unsigned a, unsigned b)
{
    double d[ROUNDS_MAX];
    unsigned i;

    for (i = 0; i < g.rounds; i++)
        d[i] = g.ns[a][i] - g.ns[b][i];
    return sorted_at(d, g.rounds / 2);
}

static void row_print(unsigned n)
{
    double over_glibc = ratio(n, g.glibc), over_mimalloc = ratio(n, g.mimalloc), v[ROUNDS_MAX];

    memcpy(v, g.ns[n], sizeof v);
    printf("  %-24s %7.1f %7.1f %7.1f %9.2f", g.all[n].name, sorted_at(v, 0),
           sorted_at(v, g.rounds / 2), sorted_at(v, g.rounds - 1), over_glibc);
    if (g.mimalloc != g.glibc)
        printf(" %11.2f", over_mimalloc);
    printf("\n");
}

static void dice_make(const struct work *w)
{
    bool random = w->shape == RANDOM || w->shape == MIXED;
    struct pp_random rnd;
    unsigned i;

    pp_random_init(&rnd, 1);
    for (i = 0; i < DICE; i++) {
        g.tags[i] = 0x41616142 + (uint32_t)pp_random_below(&rnd, w->tags) * 0x10301;
        g.sizes[i] = (uint16_t)(w->shape == MIXED ? 8 + pp_random_below(&rnd, 2041) : 64);
        g.at[i] =
            w->shape == LIFO ? 0 : (uint16_t)(random ? pp_random_below(&rnd, LIVE) : i % LIVE);
    }
}

static void work_run(const struct work *w)
{
    unsigned round, n;

    dice_make(w);
    for (n = 0; n < g.count; n++)
        (void)pair_ns(&g.all[n], w); /* warm up */
    for (round = 0; round < g.rounds; round++)
        for (n = 0; n < g.count; n++)
            g.ns[n][round] = pair_ns(&g.all[n], w);
    printf("%s, %u thread%s, %u tag%s\n", w->name, w->threads, w->threads == 1 ? "" : "s", w->tags,
           w->tags == 1 ? "" : "s");
    for (n = 0; n < g.count; n++)
        row_print(n);
    printf("  statistics: %.1f ns a pair\n", difference(g.tagged, g.untold));
}

int main(int argc, char **argv)
{
    static const struct work works[] = {
        {"one block, 64 B", LIFO, 1, 1},
        {"one block, 64 B", LIFO, 2, 1},
        {"10000 in order, 64 B", FIFO, 1, 1},
        {"10000 in order, 64 B", FIFO, 2, 1},
        {"10000 at random, 64 B", RANDOM, 1, 1},
        {"10000 at random, 64 B", RANDOM, 2, 1},
        {"10000 at random, 8 B to 2 KB", MIXED, 1, 1},
        {"10000 at random, 8 B to 2 KB", MIXED, 2, 1},
        {"freed by the other thread, 64 B", CROSS, 2, 1},
        {"one block, 64 B", LIFO, 1, 64},
        {"one block, 64 B", LIFO, 2, 64},
        {"10000 at random, 64 B", RANDOM, 1, 64},
        {"one block, 64 B", LIFO, 1, 1000},
        {"one block, 64 B", LIFO, 2, 1000},
        {"10000 at random, 64 B", RANDOM, 1, 1000},
    };
    unsigned i;

    more_tls(argv);
    g.rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 11;
    g.rounds = PP_MIN(PP_MAX(g.rounds, 1u), (unsigned)ROUNDS_MAX);
    pools_make();
    candidates();
    printf("%-26s %7s %7s %7s %9s %11s\n", "allocate + touch + free", "min ns", "median", "max",
           "x glibc", g.mimalloc == g.glibc ? "" : "x mimalloc");
    for (i = 0; i < PP_COUNT(works); i++)
        work_run(&works[i]);
    return 0;
}
