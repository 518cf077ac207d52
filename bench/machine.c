/*
 * What a machine costs: bench_machine DRIVER.sys [ROUNDS]. Each configuration (checks off, every block guarded
 * under each mechanism) runs in a process of its own; medians over the rounds. bench/run prints the
 * ratios.
 */
#include "kernel/kernel.h"
#include "plat/plat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS_MAX = 101, IOCTL_BASE = 0x222000 };

static struct {
    uint8_t *bytes;
    size_t size;
    const char *path;
    unsigned rounds;
} g;

static void on_finding(void *ctx, const struct vf_finding *f)
{
    (void)ctx;
    fprintf(stderr, "bench: a finding (rule %u): the driver must be clean\n", f->rule);
    _exit(1);
}

static void on_module(void *ctx, const char *name, const char *path, uint64_t base, uint32_t size, bool is_load)
{
    (void)ctx, (void)name, (void)path, (void)base, (void)size, (void)is_load;
}

static void on_print(void *ctx, const char *text, size_t size)
{
    (void)ctx, (void)text, (void)size;
}

static void on_text(void *ctx, const char *text)
{
    (void)ctx, (void)text;
}

PP_NORETURN static void on_stop(void *ctx, const char *name, const char *detail, const struct vf_stack *stack)
{
    (void)ctx, (void)stack;
    fprintf(stderr, "bench: stopped: %s %s\n", name, detail ? detail : "");
    _exit(1);
}

PP_NORETURN static void on_hang(void *ctx, const char *what, const struct vf_stack *stack)
{
    on_stop(ctx, "hang", what, stack);
}

PP_NORETURN static void on_own(void *ctx, const char *what)
{
    on_stop(ctx, "own fault", what, NULL);
}

PP_NORETURN static void on_stopped(void *ctx)
{
    on_stop(ctx, "stopped", NULL, NULL);
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static struct ke_file *f;

static void request(unsigned which, uint32_t count)
{
    struct ke_result r = ke_ioctl(f, IOCTL_BASE + which * 4, &count, sizeof count, NULL, 0, false);

    if (r.outcome != KE_DONE || r.status != 0) {
        fprintf(stderr, "bench: request %u ended with 0x%08x\n", which, (unsigned)r.status);
        _exit(1);
    }
}

/* Median nanoseconds of one of `count` operations; which 0: the request itself. */
static double measure(unsigned which, uint32_t count)
{
    double t[ROUNDS_MAX];

    for (unsigned i = 0; i < g.rounds; i++) {
        uint64_t start = os_clock_ns();

        if (which == 0) {
            for (uint32_t k = 0; k < count; k++)
                request(0, 0);
        } else {
            request(which, count);
        }
        t[i] = (double)(os_clock_ns() - start) / count;
    }
    qsort(t, g.rounds, sizeof t[0], by_value);
    return t[g.rounds / 2];
}

static void run_one(const char *label, bool verify, const char *guard)
{
    struct ke_image *image;
    struct ke_config cfg;
    char why[PP_WHY_SIZE];
    uint64_t start = os_clock_ns(), ready;

    ke_config_init(&cfg);
    cfg.host = (struct ke_host){.finding = on_finding, .module = on_module, .debug_print = on_print,
                                .note = on_text, .warn = on_text, .not_modelled = on_stop, .hang = on_hang,
                                .own_fault = on_own, .stopped = on_stopped};
    cfg.verify = verify;
    cfg.options = verify ? VF_OPT_STANDARD : 0;
    cfg.guard = guard;
    if (ke_init(&cfg, why) || ke_image_load(g.path, g.bytes, g.size, true, &image, why)) {
        fprintf(stderr, "bench: %s: %s\n", label, why);
        _exit(2);
    }
    if (ke_driver_start(image).status || ke_open("\\Device\\Bench", 0xC0000000u, &f).status) {
        fprintf(stderr, "bench: %s: the driver did not start\n", label);
        _exit(1);
    }
    ready = os_clock_ns();
    (void)measure(0, 200); /* warm up */
    printf("%-24s %10.0f %10.1f %12.0f %12.0f %10.0f\n", label, measure(0, 1000), measure(1, 100000),
           measure(2, 2000), measure(3, 500), (double)(ready - start) / 1000);
    (void)ke_close(f);
    fflush(stdout);
    _exit(0);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *label;
        bool verify;
        const char *guard;
    } configs[] = {
        {"checks off", false, NULL},
        {"guarded, madvise", true, "madvise"},
        {"guarded, userfaultfd", true, "userfaultfd"},
        {"guarded, mprotect", true, "mprotect"},
    };
    struct stat st;
    FILE *in;

    if (argc < 2) {
        fputs("usage: bench_machine DRIVER.sys [ROUNDS]\n", stderr);
        return 2;
    }
    g.path = argv[1];
    g.rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 9;
    if (g.rounds < 1 || g.rounds > ROUNDS_MAX)
        g.rounds = 9;
    in = fopen(g.path, "rb");
    if (!in || fstat(fileno(in), &st)) {
        perror(g.path);
        return 2;
    }
    g.size = (size_t)st.st_size;
    g.bytes = malloc(g.size);
    if (!g.bytes || fread(g.bytes, 1, g.size, in) != g.size) {
        perror(g.path);
        return 2;
    }
    (void)fclose(in);
    printf("%-24s %10s %10s %12s %12s %10s\n", "medians, ns", "IOCTL", "import", "alloc+free", "exception",
           "boot us");
    fflush(stdout);
    for (size_t i = 0; i < PP_COUNT(configs); i++) {
        pid_t pid = fork();

        if (!pid)
            run_one(configs[i].label, configs[i].verify, configs[i].guard);
        if (pid < 0 || waitpid(pid, NULL, 0) < 0) {
            perror("bench_machine");
            return 2;
        }
    }
    return 0;
}
