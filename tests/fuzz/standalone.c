/*
 * Runs a fuzz target without libFuzzer: mutates the corpus with a seeded generator, so that the
 * same command gives the same inputs everywhere. Every run depends only on (seed, its number): a
 * failure names both, and
 * --run repeats it alone.
 *
 *   fuzz_pe_standalone [--runs N] [--seed S] [--run K] [--write FILE] CORPUS...
 *
 * CORPUS: files, or folders of files. With --run K --write FILE the input of that run is saved.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

enum {
    SEEDS_MAX = 1024,
    INPUT_MAX = 1 << 20,
    SECONDS_MAX = 20, /* one input longer than this is a hang */
};

struct input {
    uint8_t *bytes;
    size_t size;
};

static struct {
    struct input seeds[SEEDS_MAX];
    size_t seed_count;
    uint64_t seed, run;
    struct input at; /* the input at hand; room for INPUT_MAX */
} g;

static void die(const char *what, const char *name)
{
    fprintf(stderr, "fuzz: %s: %s\n", name, what);
    exit(2);
}

/* Only async-safe calls: the process is in an unknown state. */
static void on_signal(int sig)
{
    char line[160];
    size_t n = pp_fmt(line, sizeof line, "\nfuzz: %s in run %llu of seed %llu\n",
                      sig == SIGALRM ? "hang" : "crash", (unsigned long long)g.run,
                      (unsigned long long)g.seed);

    (void)!write(STDERR_FILENO, line, n); /* nothing can be done about failure */
    signal(sig, SIG_DFL);
    raise(sig);
}

static void seed_read(const char *name)
{
    FILE *f = fopen(name, "rb");
    struct input *in = &g.seeds[g.seed_count];

    if (!f)
        die(strerror(errno), name);
    if (g.seed_count == SEEDS_MAX)
        die("too many files", name);
    in->bytes = malloc(INPUT_MAX);
    if (!in->bytes)
        die("out of memory", name);
    in->size = fread(in->bytes, 1, INPUT_MAX, f);
    fclose(f);
    g.seed_count++;
}

static int skip_hidden(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static void corpus_read(const char *name)
{
    struct dirent **list;
    struct stat st;
    int count;

    if (stat(name, &st))
        die(strerror(errno), name);
    if (!S_ISDIR(st.st_mode)) {
        seed_read(name);
        return;
    }
    count = scandir(name, &list, skip_hidden, alphasort); /* sorted: the same everywhere */
    if (count < 0)
        die(strerror(errno), name);
    for (int i = 0; i < count; i++) {
        char path[4096];

        pp_fmt(path, sizeof path, "%s/%s", name, list[i]->d_name);
        seed_read(path);
        free(list[i]);
    }
    free(list);
}

/* Numbers at which parsers go wrong. */
static uint64_t interesting(struct pp_random *r)
{
    static const uint64_t numbers[] = {
        0,          1,          2,          4,          8,          0x10,        0x7F,
        0x80,       0xFF,       0x100,      0x200,      0xFFF,      0x1000,      0x1001,
        0x7FFF,     0x8000,     0xFFFF,     0x10000,    0x7FFFFFFF, 0x80000000,  0xFFFFFFFC,
        0xFFFFFFF0, 0xFFFFFFFF, 1ull << 63, 1ull << 32, UINT64_MAX, 0x140000000, 0x140001000,
    };

    return numbers[pp_random_below(r, PP_COUNT(numbers))];
}

/* An offset; half of them in the first kilobyte, where headers are. */
static size_t place(struct pp_random *r, size_t size, size_t width)
{
    size_t limit = size > width ? size - width + 1 : 1;

    if (limit > 1024 && pp_random_below(r, 2))
        limit = 1024;
    return pp_random_below(r, limit);
}

static void put(struct pp_random *r, struct input *in, uint64_t v)
{
    size_t width = (size_t)1 << pp_random_below(r, 4), at;

    if (in->size < width)
        return;
    at = place(r, in->size, width);
    if (pp_random_below(r, 4))
        at &= ~(width - 1);
    memcpy(in->bytes + at, &v, width);
}

static void add(struct pp_random *r, struct input *in)
{
    uint32_t v, by = (uint32_t)pp_random_below(r, 64);
    size_t at;

    if (in->size < 4)
        return;
    at = place(r, in->size, 4) & ~(size_t)3;
    memcpy(&v, in->bytes + at, 4);
    v = pp_random_below(r, 2) ? v + by : v - by;
    memcpy(in->bytes + at, &v, 4);
}

/* Copy a stretch from a seed (perhaps this one) to another place. */
static void splice(struct pp_random *r, struct input *in)
{
    const struct input *from = &g.seeds[pp_random_below(r, g.seed_count)];
    size_t size = 1 + pp_random_below(r, 256), at, src;

    if (from->size < size || in->size < size)
        return;
    src = pp_random_below(r, from->size - size + 1);
    at = pp_random_below(r, in->size - size + 1);
    memcpy(in->bytes + at, from->bytes + src, size);
}

static void resize(struct pp_random *r, struct input *in)
{
    size_t size = pp_random_below(r, 4) ? pp_random_below(r, in->size + 1)
                                        : in->size + pp_random_below(r, 4096);

    size = PP_MIN(size, (size_t)INPUT_MAX);
    if (size > in->size)
        memset(in->bytes + in->size, (int)pp_random_below(r, 256), size - in->size);
    in->size = size;
}

static void mutate_once(struct pp_random *r, struct input *in)
{
    if (in->size == 0)
        return;
    switch (pp_random_below(r, 16)) {
    case 0:
    case 1:
        in->bytes[place(r, in->size, 1)] ^= (uint8_t)(1u << pp_random_below(r, 8));
        break;
    case 2:
    case 3:
    case 4:
        in->bytes[place(r, in->size, 1)] = (uint8_t)pp_random_next(r);
        break;
    case 5:
    case 6:
    case 7:
    case 8:
        put(r, in, interesting(r));
        break;
    case 9:
    case 10:
        put(r, in, pp_random_below(r, 2 * in->size)); /* an offset that may exist */
        break;
    case 11:
    case 12:
        add(r, in);
        break;
    case 13:
    case 14:
        splice(r, in);
        break;
    default:
        if (pp_random_below(r, 4) == 0)
            resize(r, in);
        break;
    }
}

static void input_make(uint64_t run)
{
    const struct input *from;
    struct pp_random r;
    size_t changes;

    pp_random_init(&r, g.seed * 0x9E3779B97F4A7C15ull + run);
    from = &g.seeds[pp_random_below(&r, g.seed_count)];
    g.at.size = from->size;
    memcpy(g.at.bytes, from->bytes, from->size);
    changes = run < g.seed_count ? 0 : 1 + pp_random_below(&r, 6);
    while (changes--)
        mutate_once(&r, &g.at);
}

/* The target gets a copy of exactly the input's size, so that a sanitizer sees every overrun. */
static void input_run(void)
{
    uint8_t *exact = malloc(g.at.size ? g.at.size : 1);

    if (!exact)
        die("out of memory", "input");
    memcpy(exact, g.at.bytes, g.at.size);
    alarm(SECONDS_MAX);
    LLVMFuzzerTestOneInput(exact, g.at.size);
    alarm(0);
    free(exact);
}

static void input_write(const char *name)
{
    FILE *f = fopen(name, "wb");

    if (!f || fwrite(g.at.bytes, 1, g.at.size, f) != g.at.size || fclose(f))
        die(strerror(errno), name);
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t v = strtoull(text, &end, 0);

    if (!*text || *end)
        die("not a number", text);
    return v;
}

int main(int argc, char **argv)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
    uint64_t runs = 1000, first = 0;
    const char *save = NULL;
    struct timespec t0, t1;

    g.seed = 1;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;

        if (strcmp(argv[i], "--runs") == 0 && more) {
            runs = number(argv[++i]);
        } else if (strcmp(argv[i], "--seed") == 0 && more) {
            g.seed = number(argv[++i]);
        } else if (strcmp(argv[i], "--run") == 0 && more) {
            first = number(argv[++i]);
            runs = 1;
        } else if (strcmp(argv[i], "--write") == 0 && more) {
            save = argv[++i];
        } else {
            corpus_read(argv[i]);
        }
    }
    if (!g.seed_count)
        die("no corpus given", argv[0]);
    g.at.bytes = malloc(INPUT_MAX);
    if (!g.at.bytes)
        die("out of memory", argv[0]);
    for (size_t i = 0; i < PP_COUNT(signals); i++)
        signal(signals[i], on_signal);
    clock_gettime(CLOCK_MONOTONIC, &t0);
    for (g.run = first; g.run < first + runs; g.run++) {
        input_make(g.run);
        if (save)
            input_write(save);
        input_run();
    }
    clock_gettime(CLOCK_MONOTONIC, &t1);
    printf("fuzz: %llu inputs from %zu seeds, seed %llu, %.1f s: no crash, no hang\n",
           (unsigned long long)runs, g.seed_count, (unsigned long long)g.seed,
           (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9);
    for (size_t i = 0; i < g.seed_count; i++)
        free(g.seeds[i].bytes);
    free(g.at.bytes);
    return 0;
}
