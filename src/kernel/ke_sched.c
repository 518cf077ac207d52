/*
 * The seeded cooperative scheduler: threads as fibers, their stacks, who runs next, the idle thread.
 *
 * A slot of address space holds one thread's stacks, at an address that depends only on the slot's
 * number; slots are reused last in, first out, so that the same run has the same addresses:
 *
 *     +0x00000  unmapped
 *     +0x02000  entry stack, 48 KB: native frames below the first call into a driver (ke_callout)
 *     +0x0E000  unmapped
 *     +0x10000  exception stack, 64 KB
 *     +0x20000  unmapped
 *     +0x28000  room for native code called by the driver, 72 KB
 *     +0x3A000  the driver's 24 KB (what Windows gives), growing down
 *     +0x40000  next slot, unmapped
 *
 * Invariants: ke_thread_now is not in the ready list; the idle thread never is; a waiting thread is not
 * ready. Nothing switches fibers at DISPATCH_LEVEL or above.
 * Doc: WDK, "Managing Hardware Priorities", "Using a Kernel Stack".
 */
#include "kernel/ke_sched.h"

#include <errno.h>
#include <string.h>

enum {
    SLOT_SIZE = 0x40000,
    ENTRY_OFFSET = 0x2000, /* native frames below the first call into a driver */
    ENTRY_SIZE = 0xC000,
    EXC_OFFSET = 0x10000,
    EXC_SIZE = 0x10000,
    STACK_OFFSET = 0x28000,
    STACK_SIZE = 0x18000,
    STACK_SHOWN = 0x6000,
    SLOT_MAX = 4096,
    PCR_STRIDE = 0x10000,
    QUANTUM = 2 * KE_TICK, /* of virtual time; Seen: two ticks on client systems */
    CLIENT_ID_FIRST = 0x1000, /* above the processes of ps_process.c */
    PATIENCE_TIMEOUTS = 20000, /* so many timer expirations without the awaited event: give up */
};
#define PATIENCE_TIME (600ull * 1000 * KE_MS) /* ten minutes of virtual time */
#define PATIENCE_PARKED (60ull * 1000 * KE_MS) /* longer than drivers time what they wait for */

struct poller {
    struct pp_list link; /* innermost first */
    struct ke_thread *thread;
    bool (*fn)(void *ctx);
    void *ctx;
    uint64_t limit; /* do not jump the clock past this */
    uint64_t fired; /* timeouts fired when it began */
    bool is_idle;   /* nothing can run any more */
};

static struct {
    struct ke_thread *slots[SLOT_MAX]; /* structures stay with their slot */
    unsigned slot_count;
    unsigned free_slots[SLOT_MAX], free_count;
    unsigned request_slots[SLOT_MAX], request_count; /* ended request threads that keep an ETHREAD */
    struct ke_thread *ready[SLOT_MAX];
    unsigned ready_count;
    struct pp_list threads, pollers;
    struct ke_thread boot;
    struct ke_thread *idle;
    uint64_t next_id;
    uint64_t switched_at; /* interrupt time when the current thread came on */
    unsigned cpus;
} g;

struct ke_thread *ke_thread_now;
unsigned ke_soft;

uint64_t ke_client_id_next(void)
{
    if (!g.next_id)
        g.next_id = CLIENT_ID_FIRST;
    g.next_id += 4;
    return g.next_id;
}

bool ke_chance(unsigned n)
{
    return pp_random_below(&ke_m.random, n) == 0;
}

/* ---- Processors ---- */

unsigned ke_cpu_count(void)
{
    return g.cpus;
}

unsigned ke_cpu_now(void)
{
    return KE_PCR->Prcb.Number;
}

void ke_cpu_force(unsigned cpu)
{
    KE_PCR->Prcb.Number = cpu;
    KE_PCR->Prcb.LegacyNumber = (UCHAR)cpu;
}

void ke_cpu_set(struct ke_thread *t, unsigned cpu)
{
    t->cpu = (uint8_t)cpu;
    t->object->Tcb.NextProcessor = cpu;
    if (t == ke_thread_now)
        ke_cpu_force(cpu);
}

/* Where a woken thread goes on: any processor of its affinity. */
static void choose_cpu(struct ke_thread *t)
{
    unsigned cpu = (unsigned)pp_random_below(&ke_m.random, g.cpus);

    while (!(t->affinity >> cpu & 1))
        cpu = (cpu + 1) % g.cpus;
    ke_cpu_set(t, cpu);
}

static int pcr_init(void)
{
    for (unsigned i = 0; i < g.cpus; i++) {
        uint64_t base = KE_PCR_LOW + (uint64_t)i * PCR_STRIDE;
        KPCR *pcr = (KPCR *)base;
        int err = os_map(base, pp_align_up(sizeof(KPCR), PP_PAGE_SIZE), OS_READ | OS_WRITE);

        if (err && err != -EEXIST)
            return err;
        pcr->Self = pcr;
        pcr->CurrentPrcb = &pcr->Prcb;
        pcr->MajorVersion = 1;
        pcr->MinorVersion = 1;
        pcr->StallScaleFactor = 3000;
        pcr->SecondLevelCacheSize = 0x80000;
        pcr->SecondLevelCacheAssociativity = 8;
        pcr->Prcb.MxCsr = 0x1F80;
        pcr->Prcb.Number = i;
        pcr->Prcb.LegacyNumber = (UCHAR)i;
        pcr->Prcb.MHz = 3000;
        pcr->Prcb.MajorVersion = 1;
        pcr->Prcb.MinorVersion = 1;
        pcr->Prcb.CpuType = 6;
    }
    return 0;
}

/* ---- Ready list and switching ---- */

void ke_thread_ready(struct ke_thread *t)
{
    PP_ASSERT(!t->is_ready && !t->is_dead && t != g.idle && g.ready_count < SLOT_MAX);
    t->is_ready = true;
    t->object->Tcb.State = Ready;
    g.ready[g.ready_count++] = t;
}

static void switch_to(struct ke_thread *to)
{
    struct ke_thread *from = ke_thread_now;

    from->gate_top = ke_gate_top;
    from->irql = ke_irql_now;
    ke_thread_now = to;
    ke_gate_top = to->gate_top;
    ke_gate_limit = to->gate_base + KE_GATE_DEPTH;
    ke_irql_set(to->irql);
    ke_cpu_force(to->cpu);
    KE_PCR->Prcb.CurrentThread = &to->object->Tcb;
    to->object->Tcb.State = Running;
    to->object->Tcb.ContextSwitches++;
    ke_time_calm();
    g.switched_at = ke_time_now();
    os_fiber_switch(&from->fiber, &to->fiber);
}

/* Pollers whose condition has come true are runnable. */
static void check_pollers(void)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.pollers) {
        struct poller *p = PP_CONTAINER(it, struct poller, link);

        if (p->thread->is_poller && !p->thread->is_ready && p->fn && p->fn(p->ctx))
            ke_thread_ready(p->thread);
    }
}

static KPRIORITY priority_of(const struct ke_thread *t)
{
    return t->object->Tcb.Priority;
}

static struct ke_thread *take(unsigned i)
{
    struct ke_thread *t = g.ready[i];

    g.ready_count--;
    memmove(&g.ready[i], &g.ready[i + 1], (g.ready_count - i) * sizeof *g.ready);
    t->is_ready = false;
    return t;
}

/* The highest priority that is ready, and how many threads have it. */
static KPRIORITY best_priority(unsigned *ret_count)
{
    KPRIORITY best = -1;

    *ret_count = 0;
    for (unsigned i = 0; i < g.ready_count; i++) {
        KPRIORITY p = priority_of(g.ready[i]);

        if (p > best) {
            best = p;
            *ret_count = 0;
        }
        *ret_count += p == best;
    }
    return best;
}

/* The next thread to run, taken off the ready list; the idle thread when there is none. Among those of the
 * highest priority the generator chooses; with another seed than 0 a lower one may come first now and then,
 * as on a second processor. */
static struct ke_thread *pick(void)
{
    unsigned count, n;
    KPRIORITY best;

    check_pollers();
    if (g.ready_count <= 1)
        return g.ready_count ? take(0) : g.idle;
    best = best_priority(&count);
    if (count == g.ready_count || (ke_m.config.seed && ke_chance(8)))
        return take((unsigned)pp_random_below(&ke_m.random, g.ready_count));
    n = count > 1 ? (unsigned)pp_random_below(&ke_m.random, count) : 0;
    for (unsigned i = 0;; i++) {
        if (priority_of(g.ready[i]) == best && n-- == 0)
            return take(i);
    }
}

static void run(struct ke_thread *next)
{
    if (next != ke_thread_now)
        switch_to(next);
}

void ke_block(void)
{
    PP_ASSERT(ke_irql_now < DISPATCH_LEVEL);
    run(pick());
}

/* Any other thread that is ready, whatever its priority. */
void ke_yield(void)
{
    struct ke_thread *now = ke_thread_now, *next;

    if (ke_irql_now >= DISPATCH_LEVEL || now == g.idle)
        return;
    check_pollers();
    if (!g.ready_count)
        return;
    next = take((unsigned)pp_random_below(&ke_m.random, g.ready_count));
    ke_thread_ready(now);
    run(next);
}

/* A thread of higher priority takes the processor at once; one of the same priority may. */
void ke_preempt(void)
{
    unsigned count;
    bool is_higher;

    if (!g.ready_count || ke_irql_now >= DISPATCH_LEVEL || ke_thread_now == g.idle)
        return;
    is_higher = best_priority(&count) > priority_of(ke_thread_now);
    if (!is_higher && !ke_chance(4))
        return;
    ke_thread_ready(ke_thread_now);
    ke_block();
}

void ke_preempt_point(const void *routine)
{
    struct ke_gate_record *r = ke_gate_import();

    if (!g.ready_count)
        return;
    if (ke_irql_now >= DISPATCH_LEVEL)
        ke_soft |= KE_SOFT_RESCHEDULE;
    else if (r && r->export->fn == routine)
        ke_preempt();
}

/* A driver that polls does not keep the others from running for ever; its boost wears off. */
void ke_quantum(void)
{
    KTHREAD *k = &ke_thread_now->object->Tcb;

    if (!g.ready_count || ke_irql_now >= DISPATCH_LEVEL || ke_time_now() - g.switched_at < QUANTUM ||
        !ke_gate_import())
        return;
    if (k->Priority > k->BasePriority && k->Priority < LOW_REALTIME_PRIORITY)
        k->Priority--;
    ke_yield();
}

/* A wait was satisfied with a boost of `increment`. Real-time priorities are never boosted; an old boost
 * wears off by one. Doc: WDK, "Thread priority boosts": up to 15. */
void ke_boost(struct ke_thread *t, KPRIORITY increment)
{
    KTHREAD *k = &t->object->Tcb;
    KPRIORITY to;

    if (k->BasePriority >= LOW_REALTIME_PRIORITY || k->Priority >= LOW_REALTIME_PRIORITY)
        return;
    to = PP_MAX(PP_MIN(k->BasePriority + increment, LOW_REALTIME_PRIORITY - 1), (KPRIORITY)k->BasePriority);
    k->Priority = (CCHAR)PP_MAX(to, k->Priority - 1);
}

static PP_NORETURN void hang(void)
{
    struct vf_stack s = {0};
    char text[2048];

    ke_describe_waits(text, sizeof text);
    ke_m.config.host.hang(ke_m.config.host.ctx, text, &s);
}

/* What the idle thread does when nothing is runnable: let time pass, or tell the innermost poller that
 * nothing will ever happen. */
static void idle_step(void)
{
    struct pp_list *first = pp_list_first(&g.pollers);
    struct poller *p;
    uint64_t next = ke_timeout_next();

    if (!first) {
        if (next == UINT64_MAX)
            hang();
        ke_time_jump(next);
        return;
    }
    p = PP_CONTAINER(first, struct poller, link);
    if (next <= p->limit && next != UINT64_MAX &&
        (!p->fn || ke_timeouts_fired() - p->fired < PATIENCE_TIMEOUTS)) {
        ke_time_jump(next);
        return;
    }
    p->is_idle = true;
    if (p->thread->is_poller && !p->thread->is_ready)
        ke_thread_ready(p->thread);
    else
        hang(); /* the poller itself blocks on something else */
}

static void idle_main(void *arg)
{
    struct ke_thread *next;

    (void)arg;
    for (;;) {
        ke_dpc_drain();
        next = pick();
        if (next != g.idle)
            switch_to(next);
        else
            idle_step();
    }
}

/* ---- Running others from the host's side ---- */

static bool poll_until(bool (*fn)(void *ctx), void *ctx, uint64_t limit)
{
    struct poller p = {.thread = ke_thread_now, .fn = fn, .ctx = ctx, .limit = limit};
    bool is_met = false;

    p.fired = ke_timeouts_fired();
    pp_list_push_front(&g.pollers, &p.link);
    for (;;) {
        if (fn && fn(ctx)) {
            is_met = true;
            break;
        }
        if (p.is_idle)
            break;
        ke_thread_now->is_poller = true;
        ke_block();
        ke_thread_now->is_poller = false;
    }
    pp_list_remove(&p.link);
    return is_met;
}

bool ke_run_until(bool (*fn)(void *ctx), void *ctx)
{
    return poll_until(fn, ctx, ke_time_now() + PATIENCE_TIME);
}

bool ke_run_until_parked(bool (*fn)(void *ctx), void *ctx)
{
    return poll_until(fn, ctx, ke_time_now() + PATIENCE_PARKED);
}

void ke_run_idle(uint64_t horizon)
{
    uint64_t end = ke_time_now() + horizon;

    (void)poll_until(NULL, NULL, end); /* never met: it ends when nothing can run */
    if (ke_time_now() < end)
        ke_time_jump(end);
}

/* ---- Threads ---- */

static void thread_main(void *arg)
{
    struct ke_thread *t = arg;

    t->fn(t->arg);
    ke_thread_exit();
}

static struct ke_thread *slot_new(void)
{
    unsigned slot = g.slot_count;
    uint64_t base = KE_STACK_LOW + (uint64_t)slot * SLOT_SIZE;
    struct ke_thread *t;

    PP_ASSERT(slot < SLOT_MAX);
    t = pp_new(sizeof *t);
    PP_ASSERT(t);
    t->gate_base = pp_new_array(KE_GATE_DEPTH + 1, sizeof *t->gate_base);
    PP_ASSERT(t->gate_base);
    PP_ASSERT(!os_map(base + ENTRY_OFFSET, ENTRY_SIZE, OS_READ | OS_WRITE));
    PP_ASSERT(!os_map(base + EXC_OFFSET, EXC_SIZE, OS_READ | OS_WRITE));
    PP_ASSERT(!os_map(base + STACK_OFFSET, STACK_SIZE, OS_READ | OS_WRITE));
    t->slot = slot;
    t->has_entry_stack = true;
    t->exc_low = base + EXC_OFFSET;
    t->exc_high = t->exc_low + EXC_SIZE;
    t->stack_low = base + STACK_OFFSET;
    t->stack_high = t->stack_low + STACK_SIZE;
    t->stack_limit = t->stack_high - STACK_SHOWN;
    g.slots[slot] = t;
    g.slot_count++;
    return t;
}

bool ke_is_below_stack(uint64_t addr)
{
    uint64_t offset = (addr - KE_STACK_LOW) % SLOT_SIZE;

    return addr >= KE_STACK_LOW && addr < KE_STACK_HIGH && offset >= ENTRY_OFFSET && offset < STACK_OFFSET;
}

static struct ke_thread *slot_take(bool is_request)
{
    if (is_request && g.request_count)
        return g.slots[g.request_slots[--g.request_count]];
    if (g.free_count)
        return g.slots[g.free_slots[--g.free_count]];
    return slot_new();
}

/* Fields that a thread starts with; what belongs to the slot stays. */
static void thread_reset(struct ke_thread *t, bool is_request)
{
    t->gate_top = t->gate_base;
    t->is_system = !is_request;
    t->is_request = is_request;
    t->is_dead = t->is_ready = t->is_waiting = t->is_poller = t->terminate = false;
    t->irql = PASSIVE_LEVEL;
    t->wait_what = NULL;
    t->start = 0;
    t->exit_status = STATUS_SUCCESS;
    t->wait_next = t->alerted = t->user_apc_pending = t->apc_running = false;
    t->wait_queue = NULL;
    t->mutant_count = 0;
    t->lock_count = 0;
    t->affinity = ((KAFFINITY)1 << g.cpus) - 1;
    t->old_affinity = 0;
    t->cpu = 0;
    pp_list_init(&t->kernel_apcs);
    pp_list_init(&t->user_apcs);
}

/* The ETHREAD of a request thread that is used again. */
static void object_reset(ETHREAD *e)
{
    e->Tcb.CombinedApcDisable = 0;
    e->Tcb.PreviousMode = UserMode;
    e->Tcb.Priority = LOW_PRIORITY_PROCESS_BASE;
    e->TopLevelIrp = 0;
    e->Tcb.ApcState.Process = e->Tcb.Process;
    e->Tcb.ApcStateIndex = 0;
}

/* Give a thread its process, if there is one yet. */
static void adopt(struct ke_thread *t, EPROCESS *process)
{
    if (!process)
        return;
    t->object->Tcb.Process = t->object->Tcb.ApcState.Process = &process->Pcb;
    t->object->Cid.UniqueProcess = process->UniqueProcessId;
}

void ke_sched_adopt_process(PEPROCESS process)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.threads) {
        struct ke_thread *t = PP_CONTAINER(it, struct ke_thread, link);

        if (!t->object->Tcb.Process)
            adopt(t, process);
    }
}

struct ke_thread *ke_thread_new(void (*fn)(void *arg), void *arg, bool is_request)
{
    struct ke_thread *t = slot_take(is_request);
    uint64_t entry;

    if (!g.boot.object->Tcb.Process && ps_system)
        ke_sched_adopt_process(ps_system);
    thread_reset(t, is_request);
    if (t->object) {
        object_reset(t->object);
    } else {
        t->id = ke_client_id_next();
        t->object = ke_thread_object_new(t);
        adopt(t, is_request ? ps_user : ps_system);
    }
    t->fn = fn;
    t->arg = arg;
    entry = KE_STACK_LOW + (uint64_t)t->slot * SLOT_SIZE + ENTRY_OFFSET;
    os_stack_forget(t->stack_low, t->stack_high);
    os_stack_forget(entry, entry + ENTRY_SIZE);
    os_fiber_init(&t->fiber, entry, entry + ENTRY_SIZE, thread_main, t);
    pp_list_push_back(&g.threads, &t->link);
    if (g.cpus > 1 && !is_request)
        choose_cpu(t);
    ke_thread_ready(t);
    return t;
}

/* The object outlives the thread when somebody else refers to it; it is signalled for ever then. */
static void object_end(struct ke_thread *t)
{
    ETHREAD *e = t->object;

    if (t->is_request && ob_ref_count(e) == 1) {
        g.request_slots[g.request_count++] = t->slot;
        return;
    }
    e->Tcb.State = Terminated;
    e->Tcb.WaitStatus = t->exit_status;
    e->CrossThreadFlags |= 1;
    e->ExitTime.QuadPart = (LONGLONG)ke_time_system();
    e->Tcb.Header.SignalState = 1;
    (void)ke_signal(e);
    t->object = NULL;
    g.free_slots[g.free_count++] = t->slot;
    ob_unref(e);
}

void ke_thread_exit(void)
{
    struct ke_thread *t = ke_thread_now;
    struct ke_thread *next;

    PP_ASSERT(t != &g.boot && t != g.idle);
    if (ke_spin_held_by(t) || t->lock_count > 0)
        ke_rule(VF_VER_LOCK_THREAD_END, KE_ARG(t->object), 0, 0, NULL);
    if (ke_irql_now != PASSIVE_LEVEL)
        ke_irql_reset();
    if (!t->is_request)
        ps_thread_notify(t->object, false);
    ke_apc_rundown(t);
    ke_mutant_abandon_all(t, false);
    ke_spin_forget(t);
    t->is_dead = true;
    pp_list_remove(&t->link);
    object_end(t);
    next = pick();
    switch_to(next);
    __builtin_unreachable();
}

struct ke_thread *ke_thread_of(const void *ethread)
{
    struct pp_list *it;

    if (ke_thread_now && ke_thread_now->object == ethread)
        return ke_thread_now;
    PP_LIST_EACH(it, &g.threads) {
        struct ke_thread *t = PP_CONTAINER(it, struct ke_thread, link);

        if (t->object == ethread)
            return t;
    }
    return NULL;
}

struct ke_thread *ke_thread_by_id(uint64_t id)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.threads) {
        struct ke_thread *t = PP_CONTAINER(it, struct ke_thread, link);

        if (t->id == id)
            return t;
    }
    return NULL;
}

void ke_thread_each(bool (*fn)(void *ctx, struct ke_thread *t), void *ctx)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.threads) {
        if (!fn(ctx, PP_CONTAINER(it, struct ke_thread, link)))
            return;
    }
}

/* ---- Life ---- */

/* The host's own stack: its limits are not known exactly, so a window around here. */
static void boot_init(void)
{
    uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);
    struct ke_thread *t = &g.boot;

    t->stack_high = pp_align_up(here + 0x1000, PP_PAGE_SIZE);
    t->stack_low = t->stack_high - 0x10000;
    t->stack_limit = t->stack_high - STACK_SHOWN;
    t->is_boot = true;
    if (ke_gate_top) {
        t->gate_base = ke_gate_limit - KE_GATE_DEPTH;
    } else {
        t->gate_base = pp_new_array(KE_GATE_DEPTH + 1, sizeof *t->gate_base);
        PP_ASSERT(t->gate_base);
        ke_gate_top = t->gate_base;
        ke_gate_limit = t->gate_base + KE_GATE_DEPTH;
    }
    thread_reset(t, false);
    t->id = ke_client_id_next();
    t->object = ke_thread_object_new(t);
    t->object->Tcb.State = Running;
    os_fiber_adopt(&t->fiber);
    pp_list_push_back(&g.threads, &t->link);
    ke_thread_now = t;
    KE_PCR->Prcb.CurrentThread = &t->object->Tcb;
}

int ke_sched_init(void)
{
    struct ke_thread *t;
    int err;

    g.cpus = ke_m.config.cpus ? ke_m.config.cpus : 2;
    if (g.cpus > 8)
        return -EINVAL;
    pp_list_init(&g.threads);
    pp_list_init(&g.pollers);
    err = pcr_init();
    if (err)
        return err;
    ke_time_init();
    boot_init();
    t = slot_new();
    thread_reset(t, false);
    t->is_idle = true;
    t->has_entry_stack = false;
    t->id = ke_client_id_next();
    t->object = ke_thread_object_new(t);
    os_fiber_init(&t->fiber, t->stack_low, t->stack_high, idle_main, NULL);
    pp_list_push_back(&g.threads, &t->link);
    g.idle = t;
    KE_PCR->Prcb.IdleThread = &t->object->Tcb;
    return 0;
}
