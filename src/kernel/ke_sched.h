/* Shared by ke_*.c, ps_thread.c, ex_*.c of the scheduler group only. */
#ifndef POOLPROOF_KE_SCHED_H
#define POOLPROOF_KE_SCHED_H

#include "kernel/kernel_priv.h"
#include "kernel/gate_priv.h"
#include "kernel/ke_nt.h"

#define KE_PCR ((KPCR *)KE_PCR_LOW)

enum {
    KE_TICK = 156250,       /* 15.625 ms in 100 ns */
    KE_MS = 10000,          /* 1 ms in 100 ns */
    KE_SYNCH_LEVEL = 12,    /* Doc: "Managing Hardware Priorities"; Seen: x64 SYNCH_LEVEL */
};

/* ---- ke_sched.c ---- */

enum ke_soft { KE_SOFT_DPC = 1, KE_SOFT_APC = 2, KE_SOFT_RESCHEDULE = 4 };
extern unsigned ke_soft; /* what to do when IRQL falls: enum ke_soft bits */

void ke_thread_ready(struct ke_thread *t); /* blocked -> runnable */
void ke_block(void);                       /* current thread waits: run others until it is ready again */
/* A driver's call made others runnable: now and then they go first. `routine`: the export's function;
 * nothing happens when native code called it in the middle of something else. */
void ke_preempt_point(const void *routine);
/* The same without asking who calls. */
void ke_preempt(void);
void ke_boost(struct ke_thread *t, KPRIORITY increment);
/* One in `n`, from the seeded generator. */
bool ke_chance(unsigned n);
/* Yields when the thread has used up its share of virtual time without blocking. */
void ke_quantum(void);
void ke_cpu_set(struct ke_thread *t, unsigned cpu);
unsigned ke_cpu_count(void);
unsigned ke_cpu_now(void);
void ke_cpu_force(unsigned cpu); /* while a DPC or IPI runs for another processor */
ETHREAD *ke_thread_object_new(struct ke_thread *t);

/* ---- ke_irql.c ---- */

/* Set without side effects. */
static inline void ke_irql_set(KIRQL to)
{
    ke_irql_now = to;
    KE_PCR->Irql = to;
}
void ke_soft_interrupts(KIRQL to);
/* A rule broken with up to three parameters besides the sub-code; p1 is filled from the rule. */
void ke_rule(enum vf_rule rule, uint64_t p2, uint64_t p3, uint64_t p4, const char *detail);
/* C4/E1, C4/DF: a synchronisation object in pageable memory, in that of a session. */
void ke_check_resident(const void *object);
bool ke_spin_held_by(const struct ke_thread *t);
void ke_spin_forget(const struct ke_thread *t);
/* Driver-named spin lock, without IRQL change: value stored while held is `mark`. */
void ke_spin_take(PKSPIN_LOCK lock, KSPIN_LOCK mark, KIRQL old);
void ke_spin_drop(PKSPIN_LOCK lock);

/* ---- ke_deadlock.c: nothing happens unless deadlock detection is on ---- */

enum ke_lock_kind {
    KE_LOCK_SPIN,
    KE_LOCK_QUEUED, /* in-stack queued spin lock */
    KE_LOCK_FAST,
    KE_LOCK_FAST_UNSAFE,
    KE_LOCK_GUARDED,
    KE_LOCK_MUTEX, /* KMUTEX */
};
/* The lock was initialised by its routine. */
void ke_lock_made(const void *lock, enum ke_lock_kind kind);
/* The current thread asks for it. may_give_up: the attempt ends by itself, with or without it. */
void ke_lock_wanted(const void *lock, enum ke_lock_kind kind, bool may_give_up);
/* The current thread has it now. */
void ke_lock_taken(const void *lock, enum ke_lock_kind kind);
/* It is released with a routine of `kind`, and the IRQL goes to `to`. False: the routine does not fit the
 * lock, which was reported. */
bool ke_lock_dropped(const void *lock, enum ke_lock_kind kind, KIRQL to);
/* Its release was judged already, with that of another lock. */
bool ke_lock_is_excused(const void *lock);
/* The thread's locks were taken from it. */
void ke_lock_abandon(const struct ke_thread *t);

/* ---- ke_time.c ---- */

void ke_time_init(void);
void ke_time_calm(void); /* something else happened between two looks at the clock */
/* Due time of the first armed timeout; UINT64_MAX when there is none. */
uint64_t ke_timeout_next(void);
/* Move the clock to `to` and fire what is due. */
void ke_time_jump(uint64_t to);
/* Interrupt time of a Windows timeout (negative relative, else absolute system time). */
uint64_t ke_time_due(int64_t timeout);
uint64_t ke_timeouts_fired(void);

/* ---- ke_wait.c ---- */

/* The object became signalled: give waiters what its state allows. Returns how many became ready. */
unsigned ke_signal(void *object);
/* The same with a priority boost for those that wake. */
unsigned ke_signal_boost(void *object, KPRIORITY increment);
/* End a wait early: APC, alert, timeout. */
void ke_wait_abort(struct ke_thread *t, NTSTATUS status);
/* The driver-visible list of waiters starts empty. */
void ke_header_init(DISPATCHER_HEADER *h, unsigned type, size_t size, LONG state);
void ke_mutant_abandon_all(struct ke_thread *t, bool is_quiet);
/* Any thread waiting for an object in [addr, addr + size)? */
struct ke_thread *ke_waiter_in(uint64_t addr, uint64_t size);
bool ke_has_waiters(const void *object);

/* ---- ke_timer.c ---- */

typedef bool (*ke_active_fn)(void *ctx, uint64_t object, uint64_t routine, const char *what);
void ke_timer_each(ke_active_fn fn, void *ctx);
bool ke_timer_forget(uint64_t timer);
void ke_ex_timer_each(ke_active_fn fn, void *ctx);
bool ke_ex_timer_forget(uint64_t timer);

/* ---- ke_dpc.c ---- */

void ke_dpc_run(void);
void ke_dpc_reset(void);
void ke_dpc_each(ke_active_fn fn, void *ctx);
bool ke_dpc_forget(uint64_t dpc);

/* ---- ke_apc.c ---- */

void ke_apc_deliver(void);
bool ke_apc_deliverable(const struct ke_thread *t);
void ke_apc_rundown(struct ke_thread *t);
void ke_region_enter(bool guarded);
void ke_region_leave(bool guarded);

/* ---- ex_work.c ---- */

void ex_work_each(ke_active_fn fn, void *ctx);
bool ex_work_forget(uint64_t item);
bool ex_is_worker(const struct ke_thread *t);
void ex_callback_each(ke_active_fn fn, void *ctx);
void ex_callback_wipe(const struct ke_image *image);

/* ---- ex_resource.c ---- */

bool ex_resource_in(uint64_t addr, uint64_t size, uint64_t *ret);
void ex_resource_forget_in(uint64_t addr, uint64_t size);

/* ---- ps_thread.c ---- */

void ps_thread_notify(ETHREAD *thread, bool create);
void ps_thread_notify_each(ke_active_fn fn, void *ctx);
void ps_thread_notify_wipe(const struct ke_image *image);

/* ---- ke_cpu.c ---- */

void ke_bugcheck_callback_each(ke_active_fn fn, void *ctx);
void ke_bugcheck_callback_wipe(const struct ke_image *image);

#endif
