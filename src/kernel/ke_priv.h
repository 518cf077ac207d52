/*
 * Scheduler, IRQL, time, dispatcher objects, as the rest of the kernel layer sees them.
 * Owner of: ke_*.c, ps_thread.c, ex_sync.c, ex_resource.c, ex_work.c. What only these files share is
 * in ke_sched.h.
 *
 * The model: one host thread, one fiber for each thread of the model. A fiber gives up control only
 * by blocking, ending, or at a preemption point (lowering IRQL below DISPATCH_LEVEL, or a driver's
 * call of a routine that made another thread runnable). Which runnable thread goes on is drawn from
 * the seeded generator. When none is runnable the idle thread jumps the clock to the next timer.
 */
#ifndef POOLPROOF_KE_PRIV_H
#define POOLPROOF_KE_PRIV_H

struct ke_thread;
struct ke_apc;

/* What a blocked thread waits for: one entry for each object, in a chain keyed by the object. */
struct ke_wait_entry {
    struct pp_list link;
    void *object; /* DISPATCHER_HEADER */
    struct ke_thread *thread;
    KWAIT_BLOCK *block; /* the driver-visible mirror */
    bool is_mirrored;   /* block is linked into the object's wait list */
    uint16_t key;
};

/* Something that happens at a point of virtual time. `fn` runs at HIGH_LEVEL in spirit: it only marks
 * threads runnable and queues DPCs. */
struct ke_timeout {
    struct pp_list link;
    uint64_t due; /* interrupt time */
    void (*fn)(struct ke_timeout *t);
    bool is_armed;
};

enum { KE_WAITS_INLINE = 4, KE_MUTANTS_MAX = 32 };

/* A thread of the model: a fiber with its stacks, its gate stack and its ETHREAD. */
struct ke_thread {
    struct pp_list link; /* all threads, in order of creation */
    struct os_fiber fiber;
    struct ke_gate_record *gate_base, *gate_top; /* this fiber's gate stack; top is live only while
                                                    switched away */
    uint64_t stack_low, stack_high; /* the driver's stack; a guard below */
    uint64_t stack_limit;           /* what IoGetStackLimits reports as the low end: 24 KB as on
                                       Windows; below it is room for native code of ours */
    uint64_t exc_low, exc_high;     /* exception stack of this fiber */
    bool has_entry_stack;           /* native code starts on a stack of its own, see ke_callout */
    ETHREAD *object;                /* driver-visible, from ob */
    uint64_t id;
    bool is_system, is_dead, is_request;
    bool is_idle, is_boot;
    KIRQL irql;            /* while switched away */
    const char *wait_what; /* for hang reports */

    /* The rest is ke_*.c's. */
    void (*fn)(void *arg);
    void *arg;
    unsigned slot;
    uint64_t start; /* driver's start routine, 0 for native threads */
    bool is_ready, is_waiting, is_poller;
    bool terminate; /* PsTerminateSystemThread is on its way */
    NTSTATUS exit_status;
    uint64_t wait_pc; /* return address of the driver's waiting call */

    WAIT_TYPE wait_type;
    uint32_t wait_count;
    struct ke_wait_entry *waits; /* inline_waits, or many_waits when more than KE_WAITS_INLINE */
    struct ke_wait_entry inline_waits[KE_WAITS_INLINE];
    struct ke_wait_entry *many_waits; /* [MAXIMUM_WAIT_OBJECTS], made on first need */
    struct ke_timeout timeout;
    NTSTATUS wait_status;
    bool wait_alertable, alerted, user_apc_pending;
    KPROCESSOR_MODE wait_mode;
    bool wait_next; /* KeSetEvent(..., Wait = TRUE): the IRQL to go back to is wait_irql */
    KIRQL wait_irql;
    void *wait_queue; /* KQUEUE it is blocked on */
    LIST_ENTRY *queue_entry; /* what the queue gave it */

    struct pp_list kernel_apcs, user_apcs; /* struct ke_apc */
    bool apc_running;
    KMUTANT *mutants[KE_MUTANTS_MAX]; /* held, in order of acquisition */
    unsigned mutant_count;
    int lock_count; /* fast mutexes, guarded mutexes, resources held */
    KAFFINITY affinity, old_affinity;
    uint8_t cpu;
    KPRIORITY old_priority;
};
extern struct ke_thread *ke_thread_now; /* never NULL after ke_sched_init */
extern uint8_t ke_irql_now;             /* current IRQL; gate.S compares it */

/* ---- Life ---- */

/* Map the processor blocks, make the boot thread and the idle thread. After gate and ob. 0 or -Exxx. */
int ke_sched_init(void);
/* Give the threads that have none yet (boot, idle) their process. Done by itself at the next new thread. */
void ke_sched_adopt_process(PEPROCESS process);

/* ---- IRQL ---- */

KIRQL ke_irql(void);
/* Raise / lower without checks; lowering below DISPATCH runs pending DPCs and may switch fibers. */
KIRQL ke_irql_raise(KIRQL to);
void ke_irql_lower(KIRQL to);
/* After containment: PASSIVE_LEVEL at once, spin locks and regions of the current thread forgotten. */
void ke_irql_reset(void);
/* Does the thread hold a lock, mutex, resource or critical region that others could wait for? */
bool ke_thread_holds_locks(const struct ke_thread *t);

/* ---- Time ---- */

uint64_t ke_time_now(void);           /* interrupt time, 100 ns, virtual */
uint64_t ke_time_system(void);        /* 100 ns since 1601, virtual, fixed start */
void ke_time_advance(uint64_t delta); /* a polling or stalling call uses up time; may expire timers */
/* One more look at a clock: uses up time, more for each look in a row, so that polling loops end. */
void ke_time_poll(void);
/* The KUSER_SHARED_DATA image, up to date (emulated reads come from it). Counts as a look at the clock. */
const KUSER_SHARED_DATA *ke_user_shared(void);

/* Arm `t` to fire at interrupt time `due` (at once when in the past: at the next chance). */
void ke_timeout_arm(struct ke_timeout *t, uint64_t due);
void ke_timeout_disarm(struct ke_timeout *t);

/* ---- Waiting ---- */

/* Wait on a dispatcher object as KeWaitForSingleObject does, from native code. timeout NULL = for ever. */
NTSTATUS ke_wait(void *object, const LARGE_INTEGER *timeout, bool alertable, KPROCESSOR_MODE mode);
/* Signal from native code; never preempts the caller, so state may be half-changed. Returns the old state. */
LONG ke_event_set(KEVENT *event);
/* Run other fibers until fn(ctx) is true or nothing can run and no timer is pending (returns false: hang,
 * or ten minutes of virtual time passed). fn is called often, on any fiber: it must only look. */
bool ke_run_until(bool (*fn)(void *ctx), void *ctx);
/* The same for a request that nothing holds up but the driver's own choice: one minute. */
bool ke_run_until_parked(bool (*fn)(void *ctx), void *ctx);
/* Run everything runnable, DPCs and work items; timers up to `horizon` 100 ns from now. */
void ke_run_idle(uint64_t horizon);
/* Each blocked thread and what it waits for, one line each. Returns how many there are. */
unsigned ke_describe_waits(char *buf, size_t size);

/* ---- Threads ---- */

/* A new thread running native fn(arg) at PASSIVE_LEVEL (start of a request or a system thread). It is
 * only runnable: it starts at the caller's next switch. Request threads are kept and reused with their
 * ETHREAD, as the threads of a program that makes one request after the other. */
struct ke_thread *ke_thread_new(void (*fn)(void *arg), void *arg, bool is_request);
PP_NORETURN void ke_thread_exit(void);
/* Let another runnable thread go first. */
void ke_yield(void);
/* Does the address lie below a kernel stack, on the side it grows to? */
bool ke_is_below_stack(uint64_t addr);
/* Native side of a driver-visible thread; NULL when it has ended or is none of ours. */
struct ke_thread *ke_thread_of(const void *ethread);
struct ke_thread *ke_thread_by_id(uint64_t id);
void ke_thread_each(bool (*fn)(void *ctx, struct ke_thread *t), void *ctx);
/* Queue native work on a system worker thread. */
void ke_work(void (*fn)(void *arg), void *arg);
/* Type's delete routine for threads is set by ke_sched_init; ids are multiples of 4 shared with processes. */
uint64_t ke_client_id_next(void);

/* ---- DPCs, timers, APCs from native code ---- */

/* KeInsertQueueDpc for native callers: never runs the DPC at once. */
bool ke_dpc_queue(KDPC *dpc, PVOID argument1, PVOID argument2);
/* The same, for a timer that expired. */
bool ke_dpc_queue_timed(KDPC *dpc, PVOID argument1, PVOID argument2);
/* Run whatever DPCs are pending now, if IRQL allows. */
void ke_dpc_drain(void);
/* Are we inside a DPC routine? */
bool ke_in_dpc(void);

/* ---- Interrupts (io connects them) ---- */

/* Call a service routine as the processor would: raise to `irql`, take `lock` (may be NULL), call, undo. */
BOOLEAN ke_interrupt_call(uint64_t routine, KIRQL irql, PKSPIN_LOCK lock, uint64_t arg0, uint64_t arg1,
                          uint64_t arg2);

/* ---- What lives where ---- */

enum ke_active_kind { KE_ACTIVE_TIMER, KE_ACTIVE_RESOURCE, KE_ACTIVE_DPC, KE_ACTIVE_WORK_ITEM };
/* Is there an armed timer, a queued DPC, an initialised resource or a queued work item inside
 * [addr, addr + size)? The first one, by kind. The pool-free path asks. */
bool ke_find_active_in(uint64_t addr, uint64_t size, enum ke_active_kind *kind, uint64_t *object);
/* Forget everything active in a range that is going away (after reporting). */
void ke_forget_active_in(uint64_t addr, uint64_t size);
/* Deadlock detection: memory goes away, or is fresh. Locks in it are forgotten; one that is held is C4/100B. */
void ke_lock_gone(uint64_t start, uint64_t size);
/* Reports what would still run inside the image: armed timers, queued DPCs, work items, system threads,
 * callbacks. Call after DriverUnload, before unmapping; it also forgets them. Returns the count. */
unsigned ke_unload_check(struct ke_image *image);
/* Can [p, p + size) be touched without a fault, as far as the model knows? */
bool ke_is_touchable(const void *p, size_t size);

#endif
