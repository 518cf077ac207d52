#include "fixture.h"

#include <setjmp.h>
#include <signal.h>

struct pl_pool *pool;
struct pl_event last;
unsigned events;
bool sink_carries_on = true;

static sigjmp_buf escape;

static void on_fault(int sig)
{
    (void)sig;
    siglongjmp(escape, 1);
}

static bool sink(void *ctx, const struct pl_event *ev)
{
    cr_assert_eq(ctx, &last);
    last = *ev;
    events++;
    return sink_carries_on;
}

const char **fixture_guards(void)
{
    static const char *names[OS_GUARD_KINDS + 1];
    struct os_guard g;
    unsigned n = 0;

    for (int kind = 0; kind < OS_GUARD_KINDS; kind++) {
        static const char *const all[] = {"madvise", "userfaultfd", "mprotect"};

        if (os_guard_probe(all[kind], &g))
            continue;
        os_guard_done(&g);
        names[n++] = all[kind];
    }
    names[n] = NULL;
    return names;
}

void fixture_open_config(const struct pl_config *given)
{
    struct sigaction sa = {.sa_handler = on_fault};
    struct pl_config cfg = *given;
    int err;

    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    cfg.event = sink;
    cfg.event_ctx = &last;
    err = pl_pool_new(&cfg, &pool);
    cr_assert_eq(err, 0, "pl_pool_new: %d", err);
    events = 0;
    sink_carries_on = true;
}

void fixture_open(const char *guard)
{
    struct pl_config cfg;

    pl_config_init(&cfg);
    cfg.guard = guard;
    fixture_open_config(&cfg);
}

void fixture_close(void)
{
    pl_pool_free(pool);
    pool = NULL;
}

char *take(const struct pl_request *req)
{
    void *p = NULL;
    int err = pl_alloc(pool, req, &p);

    cr_assert_eq(err, 0, "pl_alloc(%zu): %d", req->size, err);
    return p;
}

char *special(size_t size)
{
    return take(&(struct pl_request){
        .size = size, .tag = TAG_TEST, .special = true, .owner = 1, .stack = 7, .pc = 0x1111});
}

char *ordinary(size_t size)
{
    return take(&(struct pl_request){.size = size, .tag = TAG_TEST, .owner = 1, .stack = 7});
}

int give_tag(void *p, uint32_t tag)
{
    return pl_free(pool, &(struct pl_free_request){
                             .p = p, .tag = tag, .owner = 1, .stack = 9, .pc = 0x2222, .irql = 1});
}

int give(void *p)
{
    return give_tag(p, 0);
}

bool faults_read(const volatile char *p)
{
    if (sigsetjmp(escape, 1))
        return true;
    (void)*p;
    return false;
}

bool faults_write(volatile char *p)
{
    if (sigsetjmp(escape, 1))
        return true;
    *p = 1;
    return false;
}
