/* Scheduler, IRQL, time, dispatcher objects. Owner of: ke_*.c, ps_thread.c, ex_sync.c. */
#ifndef POOLPROOF_KE_PRIV_H
#define POOLPROOF_KE_PRIV_H

/* A thread of the model: a fiber with its stacks, its gate stack and its ETHREAD. */
struct ke_thread {
    struct pp_list link;        /* all threads */
    struct os_fiber fiber;
    struct ke_gate_record *gate_base, *gate_top; /* this fiber's gate stack; top is live only while switched away */
    uint64_t stack_low, stack_high; /* the driver's stack; a guard below */
    uint64_t exc_low, exc_high;     /* exception stack of this fiber */
    ETHREAD *object;            /* driver-visible, from ob; NULL for the boot thread until ob is up */
    uint64_t id;
    bool is_system, is_dead, is_request;
    KIRQL irql;                 /* while switched away */
    const char *wait_what;      /* for hang reports */
};
extern struct ke_thread *ke_thread_now; /* never NULL after ke_init */

KIRQL ke_irql(void);
/* Raise / lower without checks; lowering below DISPATCH runs pending DPCs and may switch fibers. */
KIRQL ke_irql_raise(KIRQL to);
void ke_irql_lower(KIRQL to);

uint64_t ke_time_now(void);      /* interrupt time, 100 ns, virtual */
uint64_t ke_time_system(void);   /* 100 ns since 1601, virtual, fixed start */
void ke_time_advance(uint64_t delta); /* a polling or stalling call uses up time; may expire timers */
/* Update KUSER_SHARED_DATA image (emulated reads come from it). */
const KUSER_SHARED_DATA *ke_user_shared(void);

/* Wait on a dispatcher object as KeWaitForSingleObject does, from native code. timeout NULL = for ever. */
NTSTATUS ke_wait(void *object, const LARGE_INTEGER *timeout, bool alertable, KPROCESSOR_MODE mode);
/* Run other fibers until fn(ctx) is true or nothing can run and no timer is pending (returns false: hang). */
bool ke_run_until(bool (*fn)(void *ctx), void *ctx);
/* Run everything runnable, DPCs and work items; timers up to `horizon` 100 ns from now. */
void ke_run_idle(uint64_t horizon);
/* A new thread running native fn(arg) at PASSIVE_LEVEL (start of a request or a system thread). */
struct ke_thread *ke_thread_new(void (*fn)(void *arg), void *arg, bool is_request);
PP_NORETURN void ke_thread_exit(void);
/* Queue native work on a system worker thread. */
void ke_work(void (*fn)(void *arg), void *arg);

#endif
