/*
 * Spin locks of all kinds. Nothing else runs at DISPATCH_LEVEL, so a lock that is found held can never
 * come free: it is the caller's own, or its holder left it behind. That ends the machine as a hang, with
 * who took it.
 *
 * The word of a held lock is 1, as in Windows' multiprocessor kernel; for a queued lock the address of
 * the holder's queue entry. The native table knows what is held, by whom, since when.
 * Rules: C4/32, 40, 41, 42; with deadlock detection C4/1000, 1007.
 * Doc: WDK, "Introduction to Spin Locks"; wdm.h.
 */
#include "kernel/ke_sched.h"

enum {
    HELD_MAX = 64,
    SYSTEM_LOCKS = 64,
    SHARED_ONE = 1,
    QUEUE_OWNER = 2, /* bit in KSPIN_LOCK_QUEUE.Lock of the holder; Seen: Windows 2003 to 7 */
};
#define EXCLUSIVE ((LONG)0x80000000u)

struct held {
    PKSPIN_LOCK lock;
    struct ke_thread *thread;
    uint64_t pc;
    KIRQL from;   /* the level before */
    bool was_low; /* acquired below DISPATCH_LEVEL: reported then, and not again at the release */
};

static struct {
    struct held held[HELD_MAX];
    unsigned count;
    KSPIN_LOCK system[SYSTEM_LOCKS]; /* numbered queued locks */
} g;

static struct held *find(const void *lock)
{
    for (unsigned i = g.count; i-- > 0;) {
        if (g.held[i].lock == lock)
            return &g.held[i];
    }
    return NULL;
}

static void forget(struct held *h)
{
    *h = g.held[--g.count];
}

bool ke_spin_held_by(const struct ke_thread *t)
{
    for (unsigned i = 0; i < g.count; i++) {
        if (g.held[i].thread == t)
            return true;
    }
    return false;
}

bool ke_holds_spin_lock(void)
{
    return ke_thread_now && ke_spin_held_by(ke_thread_now);
}

/* The thread is being abandoned: its locks come free, or everybody else would hang on them. */
void ke_spin_forget(const struct ke_thread *t)
{
    for (unsigned i = g.count; i-- > 0;) {
        if (g.held[i].thread != t)
            continue;
        if (ke_is_touchable(g.held[i].lock, sizeof(KSPIN_LOCK)))
            *g.held[i].lock = 0;
        forget(&g.held[i]);
    }
    ke_lock_abandon(t);
}

static PP_NORETURN void never_free(PKSPIN_LOCK lock, KSPIN_LOCK value)
{
    struct held *h = find(lock);
    struct vf_stack s;
    char text[400], where[80] = "";
    struct ke_image *image = h ? ke_image_at(h->pc) : NULL;

    if (image)
        pp_fmt(where, sizeof where, " at %s+0x%llx", image->name,
               (unsigned long long)(h->pc - image->base));
    if (h && h->thread == ke_thread_now) {
        ke_rule(VF_VER_LOCK_SELF, KE_ARG(lock), 0, 0, "a spin lock cannot be acquired twice");
        pp_fmt(text, sizeof text,
               "the thread waits for the spin lock at %p that it holds itself (acquired%s)",
               (void *)lock, where);
    } else if (h) {
        pp_fmt(text, sizeof text,
               "the spin lock at %p is held by thread %llu (acquired%s), which does not run: it "
               "blocked, or ended, without releasing it",
               (void *)lock, (unsigned long long)h->thread->id, where);
    } else {
        pp_fmt(text, sizeof text,
               "the spin lock at %p holds 0x%llx although nobody acquired it: it was never "
               "initialised, or was overwritten",
               (void *)lock, (unsigned long long)value);
    }
    ke_stack_capture(&s);
    ke_m.config.host.hang(ke_m.config.host.ctx, text, &s);
}

static void take(PKSPIN_LOCK lock, KSPIN_LOCK mark, KIRQL old, bool may_give_up)
{
    const enum ke_lock_kind kind = mark == 1 ? KE_LOCK_SPIN : KE_LOCK_QUEUED;
    KSPIN_LOCK value = *(volatile KSPIN_LOCK *)lock;

    ke_lock_wanted(lock, kind, may_give_up);
    if (value)
        never_free(lock, value);
    *lock = mark;
    ke_lock_taken(lock, kind);
    if (g.count < HELD_MAX)
        g.held[g.count++] = (struct held){lock, ke_thread_now, ke_caller(), old,
                                            ke_irql_now < DISPATCH_LEVEL};
}

void ke_spin_take(PKSPIN_LOCK lock, KSPIN_LOCK mark, KIRQL old)
{
    take(lock, mark, old, false);
}

static void drop(PKSPIN_LOCK lock, enum ke_lock_kind kind)
{
    struct held *h = find(lock);

    (void)ke_lock_dropped(lock, kind, ke_irql_now); /* a wrong routine releases it all the same */
    if (!*(volatile KSPIN_LOCK *)lock)
        ke_rule(VF_VER_LOCK_NOT_HELD, KE_ARG(lock), 0, 0, NULL);
    else
        *lock = 0;
    if (h)
        forget(h);
}

void ke_spin_drop(PKSPIN_LOCK lock)
{
    drop(lock, KE_LOCK_SPIN);
}

/* Raise for a lock, with the rule on the level it is taken at. */
static KIRQL raise_for(PKSPIN_LOCK lock, KIRQL to)
{
    if (ke_irql_now > to) {
        KIRQL old = ke_irql_now;

        ke_rule(VF_VER_SPIN_ABOVE, old, KE_ARG(lock), 0, NULL);
        ke_irql_lower(to); /* Seen: x64 sets the level without asking, also downwards */
        return old;
    }
    return ke_irql_raise(to);
}

/* Back to `old`, which came from the driver's memory or its stack. The lock was acquired above its own
 * level: that was reported, and the release brings the level back. */
static void lower_after(bool was_above, KIRQL old)
{
    if (old > ke_irql_now) {
        if (!was_above)
            ke_rule(VF_VER_LOWER_IRQL, ke_irql_now, old, 0, "the old IRQL given to a spin lock release");
        (void)ke_irql_raise(old); /* Seen: x64 sets the level without asking */
        return;
    }
    if (ke_in_dpc() && old < DISPATCH_LEVEL) {
        ke_rule(VF_VER_LOWER_IRQL, ke_irql_now, old, 1,
                "a spin lock was released to an IRQL below DISPATCH_LEVEL inside a DPC routine");
        return;
    }
    ke_irql_lower(old);
}

static bool release_irql_ok(PKSPIN_LOCK lock)
{
    if (ke_irql_now >= DISPATCH_LEVEL)
        return true;
    ke_rule(VF_VER_SPIN_RELEASE, ke_irql_now, KE_ARG(lock), 0, NULL);
    return false;
}

NT_EXPORT VOID NTAPI KeInitializeSpinLock(PKSPIN_LOCK lock)
{
    ke_check_resident(lock);
    ke_lock_made(lock, KE_LOCK_SPIN);
    *lock = 0;
}

NT_EXPORT KIRQL NTAPI KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK lock)
{
    KSPIN_LOCK probe = *(volatile KSPIN_LOCK *)lock; /* faults before the IRQL has changed */
    KIRQL old = raise_for(lock, DISPATCH_LEVEL);

    (void)probe;
    ke_spin_take(lock, 1, old);
    return old;
}

NT_EXPORT KIRQL NTAPI KeAcquireSpinLockRaiseToSynch(PKSPIN_LOCK lock)
{
    KIRQL old = raise_for(lock, KE_SYNCH_LEVEL);

    ke_spin_take(lock, 1, old);
    return old;
}

NT_EXPORT VOID NTAPI KeAcquireSpinLock(PKSPIN_LOCK lock, PKIRQL old)
{
    KIRQL before = KeAcquireSpinLockRaiseToDpc(lock);

    *old = before;
}

static void release(PKSPIN_LOCK lock, KIRQL old, enum ke_lock_kind kind)
{
    struct held *h = find(lock);

    if (release_irql_ok(lock)) {
        bool was_above = h && h->from > DISPATCH_LEVEL && h->from == old;

        drop(lock, kind);
        lower_after(was_above, old);
    } else if (h) {
        drop(lock, kind);
    }
}

NT_EXPORT VOID NTAPI KeReleaseSpinLock(PKSPIN_LOCK lock, KIRQL old)
{
    release(lock, old, KE_LOCK_SPIN);
}

NT_EXPORT VOID NTAPI KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK lock)
{
    if (ke_irql_now < DISPATCH_LEVEL)
        ke_rule(VF_VER_SPIN_AT_DPC, ke_irql_now, KE_ARG(lock), 0, NULL);
    ke_spin_take(lock, 1, ke_irql_now);
}

static void release_from_dpc(PKSPIN_LOCK lock, enum ke_lock_kind kind)
{
    struct held *h = find(lock);

    if (ke_irql_now < DISPATCH_LEVEL && !(h && h->was_low))
        ke_rule(VF_VER_SPIN_FROM_DPC, ke_irql_now, KE_ARG(lock), 0, NULL);
    drop(lock, kind);
}

NT_EXPORT VOID NTAPI KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK lock)
{
    release_from_dpc(lock, KE_LOCK_SPIN);
}

NT_EXPORT BOOLEAN NTAPI KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK lock)
{
    if (ke_irql_now < DISPATCH_LEVEL)
        ke_rule(VF_VER_SPIN_AT_DPC, ke_irql_now, KE_ARG(lock), 0, NULL);
    if (*(volatile KSPIN_LOCK *)lock)
        return FALSE;
    take(lock, 1, ke_irql_now, true);
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI KeTestSpinLock(PKSPIN_LOCK lock)
{
    return *(volatile KSPIN_LOCK *)lock == 0;
}

/* Doc: wdm.h, KeAcquireSpinLockForDpc: raises only in a threaded DPC at PASSIVE_LEVEL. Threaded DPCs run at
 * DISPATCH_LEVEL here, so there is never anything to raise. */
NT_EXPORT KIRQL NTAPI KeAcquireSpinLockForDpc(PKSPIN_LOCK lock)
{
    ke_spin_take(lock, 1, ke_irql_now);
    return ke_irql_now;
}

NT_EXPORT VOID NTAPI KeReleaseSpinLockForDpc(PKSPIN_LOCK lock, KIRQL old)
{
    (void)old;
    ke_spin_drop(lock);
}

/* ---- In-stack queued ---- */

static void queued_take(PKSPIN_LOCK lock, PKLOCK_QUEUE_HANDLE handle, KIRQL old)
{
    handle->LockQueue.Next = NULL;
    handle->OldIrql = old;
    ke_spin_take(lock, (KSPIN_LOCK)(uintptr_t)&handle->LockQueue, old);
    handle->LockQueue.Lock = (PKSPIN_LOCK)((uintptr_t)lock | QUEUE_OWNER);
}

/* The lock, with the owner's bit gone from the handle. */
static PKSPIN_LOCK queued_lock(PKLOCK_QUEUE_HANDLE handle)
{
    PKSPIN_LOCK lock = (PKSPIN_LOCK)((uintptr_t)handle->LockQueue.Lock & ~(uintptr_t)QUEUE_OWNER);

    handle->LockQueue.Lock = lock;
    return lock;
}

NT_EXPORT VOID NTAPI KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK lock, PKLOCK_QUEUE_HANDLE handle)
{
    queued_take(lock, handle, raise_for(lock, DISPATCH_LEVEL));
}

NT_EXPORT VOID NTAPI KeAcquireInStackQueuedSpinLockRaiseToSynch(PKSPIN_LOCK lock,
                                                                PKLOCK_QUEUE_HANDLE handle)
{
    queued_take(lock, handle, raise_for(lock, KE_SYNCH_LEVEL));
}

NT_EXPORT VOID NTAPI KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE handle)
{
    release(queued_lock(handle), handle->OldIrql, KE_LOCK_QUEUED);
}

NT_EXPORT VOID NTAPI KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK lock,
                                                              PKLOCK_QUEUE_HANDLE handle)
{
    if (ke_irql_now < DISPATCH_LEVEL)
        ke_rule(VF_VER_SPIN_AT_DPC, ke_irql_now, KE_ARG(lock), 0, NULL);
    queued_take(lock, handle, ke_irql_now);
}

NT_EXPORT VOID NTAPI KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE handle)
{
    release_from_dpc(queued_lock(handle), KE_LOCK_QUEUED);
}

NT_EXPORT VOID NTAPI KeAcquireInStackQueuedSpinLockForDpc(PKSPIN_LOCK lock,
                                                          PKLOCK_QUEUE_HANDLE handle)
{
    queued_take(lock, handle, ke_irql_now);
}

NT_EXPORT VOID NTAPI KeReleaseInStackQueuedSpinLockForDpc(PKLOCK_QUEUE_HANDLE handle)
{
    drop(queued_lock(handle), KE_LOCK_QUEUED);
}

/* ---- Numbered queued locks of the system. Doc: ntddk/ntifs, KeAcquireQueuedSpinLock. ---- */

static PKSPIN_LOCK numbered(ULONG number)
{
    return &g.system[number % SYSTEM_LOCKS];
}

NT_EXPORT KIRQL NTAPI KeAcquireQueuedSpinLock(ULONG number)
{
    return KeAcquireSpinLockRaiseToDpc(numbered(number));
}

NT_EXPORT KIRQL NTAPI KeAcquireQueuedSpinLockRaiseToSynch(ULONG number)
{
    return KeAcquireSpinLockRaiseToSynch(numbered(number));
}

NT_EXPORT VOID NTAPI KeReleaseQueuedSpinLock(ULONG number, KIRQL old)
{
    KeReleaseSpinLock(numbered(number), old);
}

/* Returns TRUE with the lock held; otherwise the IRQL is as before. */
NT_EXPORT LOGICAL NTAPI KeTryToAcquireQueuedSpinLock(ULONG number, PKIRQL old)
{
    if (*numbered(number))
        return FALSE;
    *old = KeAcquireQueuedSpinLock(number);
    return TRUE;
}

NT_EXPORT LOGICAL NTAPI KeTryToAcquireQueuedSpinLockRaiseToSynch(ULONG number, PKIRQL old)
{
    if (*numbered(number))
        return FALSE;
    *old = KeAcquireQueuedSpinLockRaiseToSynch(number);
    return TRUE;
}

/* ---- Interrupt spin locks ---- */

NT_EXPORT KIRQL NTAPI KeAcquireInterruptSpinLock(PKINTERRUPT interrupt)
{
    KIRQL to = interrupt->SynchronizeIrql;
    PKSPIN_LOCK lock = interrupt->ActualLock ? interrupt->ActualLock : &interrupt->SpinLock;
    KIRQL old = raise_for(lock, to);

    ke_spin_take(lock, 1, old);
    return old;
}

NT_EXPORT VOID NTAPI KeReleaseInterruptSpinLock(PKINTERRUPT interrupt, KIRQL old)
{
    PKSPIN_LOCK lock = interrupt->ActualLock ? interrupt->ActualLock : &interrupt->SpinLock;

    KeReleaseSpinLock(lock, old);
}

enum { MXCSR_CONTROL = 0xFFC0 }; /* nonvolatile; the flags below tell what happened */

/* What a service routine leaves behind, besides its answer. */
static void check_isr(uint64_t routine, KIRQL before, uint32_t mxcsr)
{
    uint32_t now = ke_callout_mxcsr();

    if (ke_irql_now != before)
        ke_rule(VF_VER_ISR_IRQL, routine, before, ke_irql_now, NULL);
    if ((now ^ mxcsr) & MXCSR_CONTROL)
        ke_rule(VF_VER_ISR_CONTEXT, routine, mxcsr, now,
                "the floating-point control register (MXCSR) of the interrupted code has changed");
}

static BOOLEAN call_at(uint64_t routine, KIRQL irql, PKSPIN_LOCK lock, const uint64_t arg[3], bool is_isr)
{
    KIRQL old = ke_irql_now;
    uint32_t mxcsr = __builtin_ia32_stmxcsr();
    uint64_t result;

    if (irql > old)
        (void)ke_irql_raise(irql);
    irql = ke_irql_now;
    if (lock)
        ke_spin_take(lock, 1, old);
    result = ke_call(routine, arg[0], arg[1], arg[2]);
    if (is_isr && vf_is_enabled())
        check_isr(routine, irql, mxcsr);
    else if (ke_irql_now != irql)
        ke_rule(VF_IRQL_AFTER_CALLBACK, (uint64_t)ke_irql_now << 16 | (uint64_t)irql << 8, routine, 0,
                NULL);
    ke_irql_set(irql); /* as the lock's release expects it */
    if (lock)
        ke_spin_drop(lock);
    ke_irql_lower(old);
    return (result & 0xFF) != 0;
}

BOOLEAN ke_interrupt_call(uint64_t routine, KIRQL irql, PKSPIN_LOCK lock, uint64_t arg0, uint64_t arg1,
                          uint64_t arg2)
{
    return call_at(routine, irql, lock, (const uint64_t[]){arg0, arg1, arg2}, true);
}

/* Doc: wdm.h, KeSynchronizeExecution. */
NT_EXPORT BOOLEAN NTAPI KeSynchronizeExecution(PKINTERRUPT interrupt, PKSYNCHRONIZE_ROUTINE routine,
                                               PVOID context)
{
    PKSPIN_LOCK lock = interrupt->ActualLock ? interrupt->ActualLock : &interrupt->SpinLock;

    return call_at(KE_ARG(routine), interrupt->SynchronizeIrql, lock, (const uint64_t[]){KE_ARG(context), 0, 0},
                   false);
}

/* ---- Reader/writer spin locks. Doc: wdm.h, ExAcquireSpinLockShared. ---- */

static PP_NORETURN void rw_never_free(PEX_SPIN_LOCK lock)
{
    never_free((PKSPIN_LOCK)(uintptr_t)lock, (KSPIN_LOCK)(uint32_t)*lock);
}

NT_EXPORT VOID NTAPI ExAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK lock)
{
    if (*lock)
        rw_never_free(lock);
    *lock = EXCLUSIVE;
}

NT_EXPORT KIRQL NTAPI ExAcquireSpinLockExclusive(PEX_SPIN_LOCK lock)
{
    KIRQL old = raise_for((PKSPIN_LOCK)(uintptr_t)lock, DISPATCH_LEVEL);

    ExAcquireSpinLockExclusiveAtDpcLevel(lock);
    return old;
}

NT_EXPORT VOID NTAPI ExReleaseSpinLockExclusiveFromDpcLevel(PEX_SPIN_LOCK lock)
{
    if (*lock != EXCLUSIVE)
        ke_rule(VF_VER_LOCK_NOT_HELD, KE_ARG(lock), 0, 0, NULL);
    *lock = 0;
}

NT_EXPORT VOID NTAPI ExReleaseSpinLockExclusive(PEX_SPIN_LOCK lock, KIRQL old)
{
    ExReleaseSpinLockExclusiveFromDpcLevel(lock);
    lower_after(NULL, old);
}

NT_EXPORT VOID NTAPI ExAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK lock)
{
    if (*lock < 0)
        rw_never_free(lock);
    *lock += SHARED_ONE;
}

NT_EXPORT KIRQL NTAPI ExAcquireSpinLockShared(PEX_SPIN_LOCK lock)
{
    KIRQL old = raise_for((PKSPIN_LOCK)(uintptr_t)lock, DISPATCH_LEVEL);

    ExAcquireSpinLockSharedAtDpcLevel(lock);
    return old;
}

NT_EXPORT VOID NTAPI ExReleaseSpinLockSharedFromDpcLevel(PEX_SPIN_LOCK lock)
{
    if (*lock <= 0)
        ke_rule(VF_VER_LOCK_NOT_HELD, KE_ARG(lock), 0, 0, NULL);
    else
        *lock -= SHARED_ONE;
}

NT_EXPORT VOID NTAPI ExReleaseSpinLockShared(PEX_SPIN_LOCK lock, KIRQL old)
{
    ExReleaseSpinLockSharedFromDpcLevel(lock);
    lower_after(NULL, old);
}

/* One reader, itself, becomes the writer. */
NT_EXPORT LOGICAL NTAPI ExTryConvertSharedSpinLockExclusive(PEX_SPIN_LOCK lock)
{
    if (*lock != SHARED_ONE)
        return FALSE;
    *lock = EXCLUSIVE;
    return TRUE;
}

NT_EXPORT LOGICAL NTAPI ExTryAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK lock)
{
    if (*lock)
        return FALSE;
    *lock = EXCLUSIVE;
    return TRUE;
}

NT_EXPORT LOGICAL NTAPI ExTryAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK lock)
{
    if (*lock < 0)
        return FALSE;
    *lock += SHARED_ONE;
    return TRUE;
}
