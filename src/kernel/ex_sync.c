/*
 * Fast mutexes, guarded mutexes, push locks, rundown protection.
 *
 * Contended push locks and rundowns keep their waiters in native lists (the lock is one word): each waiter
 * has an event on its own stack.
 * Rules: C4/33, 34, 39, 3A, EA, EB; with deadlock detection C4/1000, 1007.
 * Doc: WDK, "Fast Mutexes and Guarded Mutexes"; wdm.h ExAcquireFastMutex, ExAcquireRundownProtection;
 * ntddk.h KeAcquireGuardedMutex; ntifs.h push locks.
 */
#include "kernel/ke_sched.h"

/* ---- Fast mutexes: the lowest bit of Count says free, the bits from 4 upwards count waiters ----
 * Doc: wdm.h, FM_LOCK_BIT and FM_LOCK_WAITER_INC. */

enum {
    MUTEX_FREE = 1,
    MUTEX_WAITER = 4,
};

static void mutex_init(PFAST_MUTEX mutex, unsigned event_type)
{
    mutex->Count = MUTEX_FREE;
    mutex->Owner = NULL;
    mutex->Contention = 0;
    ke_lock_made(mutex, event_type == GateObject ? KE_LOCK_GUARDED : KE_LOCK_FAST);
    ke_header_init(&mutex->Event.Header, event_type, sizeof mutex->Event, 0);
}

static void mutex_take(PFAST_MUTEX mutex, uint64_t owner, enum ke_lock_kind kind)
{
    if (mutex->Owner == (PVOID)owner && !(mutex->Count & MUTEX_FREE))
        ke_rule(VF_VER_LOCK_SELF, KE_ARG(mutex), 0, 0, "a fast mutex cannot be acquired twice");
    ke_lock_wanted(mutex, kind, false);
    if (mutex->Count & MUTEX_FREE) {
        mutex->Count &= ~MUTEX_FREE;
    } else {
        mutex->Count += MUTEX_WAITER;
        mutex->Contention++;
        (void)ke_wait(&mutex->Event, NULL, false, KernelMode); /* the releaser hands it over */
    }
    mutex->Owner = (PVOID)owner;
    ke_thread_now->lock_count++;
    ke_lock_taken(mutex, kind);
}

static bool mutex_try(PFAST_MUTEX mutex, uint64_t owner, enum ke_lock_kind kind)
{
    if (!(mutex->Count & MUTEX_FREE))
        return false;
    mutex->Count &= ~MUTEX_FREE;
    mutex->Owner = (PVOID)owner;
    ke_thread_now->lock_count++;
    ke_lock_wanted(mutex, kind, true);
    ke_lock_taken(mutex, kind);
    return true;
}

/* `to`: the IRQL that the release leaves behind. */
static void mutex_drop(PFAST_MUTEX mutex, uint64_t owner, enum ke_lock_kind kind, KIRQL to)
{
    struct ke_thread *t = ke_thread_now;

    (void)ke_lock_dropped(mutex, kind, to); /* a wrong routine releases it all the same */
    if (mutex->Count & MUTEX_FREE) {
        ke_rule(VF_VER_LOCK_NOT_HELD, KE_ARG(mutex), 0, 0, NULL);
        if (!vf_rule_on(VF_VER_LOCK_NOT_HELD))
            mutex->Count ^= MUTEX_FREE; /* nobody looks: the release takes it */
        return;
    }
    if (mutex->Owner != (PVOID)owner) {
        ke_rule(VF_VER_LOCK_OTHER_THREAD, KE_ARG(mutex), KE_ARG(mutex->Owner), owner, NULL);
        t = ke_thread_of(mutex->Owner);
    }
    mutex->Owner = NULL;
    if (t)
        t->lock_count--;
    if (mutex->Count >= MUTEX_WAITER) {
        mutex->Count -= MUTEX_WAITER;
        (void)ke_event_set(&mutex->Event);
    } else {
        mutex->Count |= MUTEX_FREE;
    }
}

static uint64_t self(void)
{
    return KE_ARG(ke_thread_now->object);
}

static ULONG regions(void)
{
    return ke_thread_now->object->Tcb.CombinedApcDisable;
}

NT_EXPORT VOID NTAPI ExInitializeFastMutex(PFAST_MUTEX mutex)
{
    mutex_init(mutex, EventSynchronizationObject);
}

NT_EXPORT VOID NTAPI ExAcquireFastMutex(PFAST_MUTEX mutex)
{
    KIRQL old = ke_irql_now;
    LONG probe = mutex->Count; /* faults before the IRQL has changed */

    (void)probe;
    if (old > APC_LEVEL)
        ke_rule(VF_VER_FAST_MUTEX_ACQUIRE, old, KE_ARG(mutex), 0, NULL);
    else
        (void)ke_irql_raise(APC_LEVEL);
    mutex_take(mutex, self(), KE_LOCK_FAST);
    mutex->OldIrql = old;
}

NT_EXPORT BOOLEAN NTAPI ExTryToAcquireFastMutex(PFAST_MUTEX mutex)
{
    KIRQL old = ke_irql_now;

    if (old > APC_LEVEL)
        ke_rule(VF_VER_FAST_MUTEX_ACQUIRE, old, KE_ARG(mutex), 0, NULL);
    if (!mutex_try(mutex, self(), KE_LOCK_FAST))
        return FALSE;
    if (old < APC_LEVEL)
        (void)ke_irql_raise(APC_LEVEL);
    mutex->OldIrql = old;
    return TRUE;
}

NT_EXPORT VOID NTAPI ExReleaseFastMutex(PFAST_MUTEX mutex)
{
    KIRQL old = (KIRQL)mutex->OldIrql;

    /* Above: reported when it was acquired. Below, because an outer one went first: reported then. */
    if (ke_irql_now != APC_LEVEL && old <= APC_LEVEL && !ke_lock_is_excused(mutex)) {
        ke_rule(VF_VER_FAST_MUTEX_RELEASE, ke_irql_now, regions(), KE_ARG(mutex), NULL);
        if (mutex->Count & MUTEX_FREE)
            return; /* released twice: said */
    }
    mutex_drop(mutex, self(), KE_LOCK_FAST, old);
    if (old <= ke_irql_now)
        ke_irql_lower(old);
    ke_preempt_point((const void *)ExReleaseFastMutex);
}

/* System threads get no APC that could end them, so they are exempt, as in Windows' own check. */
static void check_unsafe(PFAST_MUTEX mutex, enum vf_rule rule)
{
    if (ke_irql_now < APC_LEVEL && !regions() && !ke_thread_now->is_system)
        ke_rule(rule, ke_irql_now, regions(), KE_ARG(mutex), NULL);
}

NT_EXPORT VOID NTAPI ExAcquireFastMutexUnsafe(PFAST_MUTEX mutex)
{
    check_unsafe(mutex, VF_VER_UNSAFE_MUTEX_ACQUIRE);
    mutex_take(mutex, self(), KE_LOCK_FAST_UNSAFE);
}

NT_EXPORT VOID NTAPI ExReleaseFastMutexUnsafe(PFAST_MUTEX mutex)
{
    check_unsafe(mutex, VF_VER_UNSAFE_MUTEX_RELEASE);
    mutex_drop(mutex, self(), KE_LOCK_FAST_UNSAFE, ke_irql_now);
    ke_preempt_point((const void *)ExReleaseFastMutexUnsafe);
}

NT_EXPORT VOID NTAPI ExEnterCriticalRegionAndAcquireFastMutexUnsafe(PFAST_MUTEX mutex)
{
    ke_region_enter(false);
    mutex_take(mutex, self(), KE_LOCK_FAST_UNSAFE);
}

NT_EXPORT VOID NTAPI ExReleaseFastMutexUnsafeAndLeaveCriticalRegion(PFAST_MUTEX mutex)
{
    mutex_drop(mutex, self(), KE_LOCK_FAST_UNSAFE, ke_irql_now);
    ke_region_leave(false);
}

/* ---- Guarded mutexes: the same, in a guarded region instead of at APC_LEVEL ---- */

NT_EXPORT VOID NTAPI KeInitializeGuardedMutex(PKGUARDED_MUTEX mutex)
{
    mutex_init((PFAST_MUTEX)mutex, GateObject);
}

NT_EXPORT VOID NTAPI KeAcquireGuardedMutex(PKGUARDED_MUTEX mutex)
{
    ke_region_enter(true);
    mutex_take((PFAST_MUTEX)mutex, self(), KE_LOCK_GUARDED);
}

NT_EXPORT BOOLEAN NTAPI KeTryToAcquireGuardedMutex(PKGUARDED_MUTEX mutex)
{
    if (!mutex_try((PFAST_MUTEX)mutex, self(), KE_LOCK_GUARDED))
        return FALSE;
    ke_region_enter(true);
    return TRUE;
}

NT_EXPORT VOID NTAPI KeReleaseGuardedMutex(PKGUARDED_MUTEX mutex)
{
    mutex_drop((PFAST_MUTEX)mutex, self(), KE_LOCK_GUARDED, ke_irql_now);
    ke_region_leave(true);
    ke_preempt_point((const void *)KeReleaseGuardedMutex);
}

NT_EXPORT VOID NTAPI KeAcquireGuardedMutexUnsafe(PKGUARDED_MUTEX mutex)
{
    mutex_take((PFAST_MUTEX)mutex, self(), KE_LOCK_GUARDED);
}

NT_EXPORT VOID NTAPI KeReleaseGuardedMutexUnsafe(PKGUARDED_MUTEX mutex)
{
    mutex_drop((PFAST_MUTEX)mutex, self(), KE_LOCK_GUARDED, ke_irql_now);
    ke_preempt_point((const void *)KeReleaseGuardedMutexUnsafe);
}

/* ---- Waiters of one-word locks ---- */

struct waiter {
    struct pp_list link;
    const void *lock;
    KEVENT event;
    bool is_exclusive;
};

static struct {
    struct pp_list waiters; /* all locks, oldest first */
    bool is_ready;
} g;

static struct pp_list *waiters(void)
{
    if (!g.is_ready)
        pp_list_init(&g.waiters);
    g.is_ready = true;
    return &g.waiters;
}

static struct waiter *first_waiter(const void *lock)
{
    struct pp_list *it, *list = waiters();

    PP_LIST_EACH(it, list) {
        struct waiter *w = PP_CONTAINER(it, struct waiter, link);

        if (w->lock == lock)
            return w;
    }
    return NULL;
}

/* Blocks until the lock is handed over. */
static void wait_for(const void *lock, bool is_exclusive, const char *what)
{
    struct waiter w = {.lock = lock, .is_exclusive = is_exclusive};

    ke_header_init(&w.event.Header, EventNotificationObject, sizeof w.event, 0);
    pp_list_push_back(waiters(), &w.link);
    ke_thread_now->wait_what = what;
    (void)ke_wait(&w.event, NULL, false, KernelMode);
    ke_thread_now->wait_what = NULL;
}

static void hand_to(struct waiter *w)
{
    pp_list_remove(&w->link);
    (void)ke_event_set(&w->event);
}

/* ---- Push locks: bit 0 locked; readers counted from bit 4 ---- */

enum { PUSH_LOCKED = 1, PUSH_READER = 16 };

static bool push_is_exclusive(const EX_PUSH_LOCK *lock)
{
    return lock->Value == PUSH_LOCKED;
}

/* As for resources: a thread that may be suspended by an APC would keep everybody out. */
static void check_push(PEX_PUSH_LOCK lock, enum vf_rule rule)
{
    if (ke_irql_now < APC_LEVEL && !regions() && !ke_thread_now->is_system)
        ke_rule(rule, ke_irql_now, regions(), KE_ARG(lock), NULL);
}

static void push_acquire_exclusive(PEX_PUSH_LOCK lock)
{
    check_push(lock, VF_VER_PUSH_ACQUIRE);
    ke_thread_now->lock_count++;
    if (!lock->Value && !first_waiter(lock))
        lock->Value = PUSH_LOCKED;
    else
        wait_for(lock, true, "a push lock, exclusively");
}

static void push_acquire_shared(PEX_PUSH_LOCK lock)
{
    check_push(lock, VF_VER_PUSH_ACQUIRE);
    ke_thread_now->lock_count++;
    if (!push_is_exclusive(lock) && !first_waiter(lock))
        lock->Value = (lock->Value | PUSH_LOCKED) + PUSH_READER;
    else
        wait_for(lock, false, "a push lock, shared");
}

static void push_grant(PEX_PUSH_LOCK lock)
{
    struct waiter *w;

    while ((w = first_waiter(lock)) != NULL && !push_is_exclusive(lock)) {
        if (w->is_exclusive && lock->Value)
            return;
        lock->Value = w->is_exclusive ? PUSH_LOCKED : (lock->Value | PUSH_LOCKED) + PUSH_READER;
        hand_to(w);
    }
}

static void push_release(PEX_PUSH_LOCK lock)
{
    check_push(lock, VF_VER_PUSH_RELEASE);
    if (!lock->Value) {
        ke_rule(VF_VER_LOCK_NOT_HELD, KE_ARG(lock), 0, 0, NULL);
        return;
    }
    ke_thread_now->lock_count--;
    if (!push_is_exclusive(lock))
        lock->Value -= PUSH_READER;
    if (lock->Value == PUSH_LOCKED)
        lock->Value = 0;
    push_grant(lock);
}

NT_EXPORT VOID NTAPI ExInitializePushLock(PEX_PUSH_LOCK lock)
{
    lock->Value = 0;
}

NT_EXPORT VOID NTAPI ExfAcquirePushLockExclusive(PEX_PUSH_LOCK lock)
{
    push_acquire_exclusive(lock);
}

NT_EXPORT VOID NTAPI ExfAcquirePushLockShared(PEX_PUSH_LOCK lock)
{
    push_acquire_shared(lock);
}

NT_EXPORT VOID NTAPI ExfReleasePushLock(PEX_PUSH_LOCK lock)
{
    push_release(lock);
    ke_preempt_point((const void *)ExfReleasePushLock);
}

NT_EXPORT VOID NTAPI ExfReleasePushLockExclusive(PEX_PUSH_LOCK lock)
{
    push_release(lock);
}

NT_EXPORT VOID NTAPI ExfReleasePushLockShared(PEX_PUSH_LOCK lock)
{
    push_release(lock);
}

NT_EXPORT BOOLEAN NTAPI ExfTryAcquirePushLockShared(PEX_PUSH_LOCK lock)
{
    if (push_is_exclusive(lock) || first_waiter(lock))
        return FALSE;
    push_acquire_shared(lock);
    return TRUE;
}

NT_EXPORT VOID NTAPI ExfTryToWakePushLock(PEX_PUSH_LOCK lock)
{
    push_grant(lock);
}

/* Waiters are handed the lock at its release, so there is nobody to wake here. */
NT_EXPORT VOID NTAPI ExfUnblockPushLock(PEX_PUSH_LOCK lock, PVOID wait_block)
{
    (void)wait_block;
    push_grant(lock);
}

NT_EXPORT VOID NTAPI ExAcquirePushLockExclusiveEx(PEX_PUSH_LOCK lock, ULONG flags)
{
    (void)flags;
    push_acquire_exclusive(lock);
}

NT_EXPORT VOID NTAPI ExAcquirePushLockSharedEx(PEX_PUSH_LOCK lock, ULONG flags)
{
    (void)flags;
    push_acquire_shared(lock);
}

NT_EXPORT VOID NTAPI ExReleasePushLockExclusiveEx(PEX_PUSH_LOCK lock, ULONG flags)
{
    (void)flags;
    push_release(lock);
}

NT_EXPORT VOID NTAPI ExReleasePushLockSharedEx(PEX_PUSH_LOCK lock, ULONG flags)
{
    (void)flags;
    push_release(lock);
}

NT_EXPORT VOID NTAPI ExReleasePushLockEx(PEX_PUSH_LOCK lock, ULONG flags)
{
    (void)flags;
    push_release(lock);
}

/* ---- Rundown protection: references counted by two; bit 0 set once rundown has begun ---- */

enum { RUNDOWN_ACTIVE = 1, RUNDOWN_ONE = 2 };

struct _EX_RUNDOWN_REF_CACHE_AWARE {
    EX_RUNDOWN_REF ref;
};

NT_EXPORT VOID NTAPI ExInitializeRundownProtection(PEX_RUNDOWN_REF ref)
{
    ref->Count = 0;
}

NT_EXPORT VOID NTAPI ExReInitializeRundownProtection(PEX_RUNDOWN_REF ref)
{
    ref->Count = 0;
}

NT_EXPORT BOOLEAN NTAPI ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF ref, ULONG count)
{
    if (ref->Count & RUNDOWN_ACTIVE)
        return FALSE;
    ref->Count += (ULONG_PTR)count * RUNDOWN_ONE;
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI ExAcquireRundownProtection(PEX_RUNDOWN_REF ref)
{
    return ExAcquireRundownProtectionEx(ref, 1);
}

NT_EXPORT VOID NTAPI ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF ref, ULONG count)
{
    ULONG_PTR drop = (ULONG_PTR)count * RUNDOWN_ONE;
    struct waiter *w;

    if ((ref->Count & ~(ULONG_PTR)RUNDOWN_ACTIVE) < drop) {
        ke_rule(VF_VER_LOCK_NOT_HELD, KE_ARG(ref), 0, 0,
                "rundown protection was released more often than acquired");
        return;
    }
    ref->Count -= drop;
    while (ref->Count == RUNDOWN_ACTIVE && (w = first_waiter(ref)) != NULL)
        hand_to(w);
}

NT_EXPORT VOID NTAPI ExReleaseRundownProtection(PEX_RUNDOWN_REF ref)
{
    ExReleaseRundownProtectionEx(ref, 1);
}

NT_EXPORT VOID NTAPI ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF ref)
{
    ref->Count |= RUNDOWN_ACTIVE;
    if (ref->Count != RUNDOWN_ACTIVE)
        wait_for(ref, true, "rundown protection to be released");
}

NT_EXPORT VOID NTAPI ExRundownCompleted(PEX_RUNDOWN_REF ref)
{
    ref->Count = RUNDOWN_ACTIVE;
}

NT_EXPORT PEX_RUNDOWN_REF_CACHE_AWARE NTAPI ExAllocateCacheAwareRundownProtection(POOL_TYPE type,
                                                                                  ULONG tag)
{
    PEX_RUNDOWN_REF_CACHE_AWARE r = ex_alloc_for_driver(type, sizeof *r, tag);

    if (r)
        r->ref.Count = 0;
    return r;
}

NT_EXPORT VOID NTAPI ExFreeCacheAwareRundownProtection(PEX_RUNDOWN_REF_CACHE_AWARE r)
{
    ex_free_for_driver(r, 0);
}

NT_EXPORT SIZE_T NTAPI ExSizeOfRundownProtectionCacheAware(void)
{
    return sizeof(struct _EX_RUNDOWN_REF_CACHE_AWARE);
}

NT_EXPORT VOID NTAPI ExInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE r, SIZE_T size)
{
    (void)size;
    r->ref.Count = 0;
}

NT_EXPORT VOID NTAPI ExReInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE r)
{
    r->ref.Count = 0;
}

NT_EXPORT BOOLEAN NTAPI ExAcquireRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE r)
{
    return ExAcquireRundownProtectionEx(&r->ref, 1);
}

NT_EXPORT BOOLEAN NTAPI ExAcquireRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE r, ULONG count)
{
    return ExAcquireRundownProtectionEx(&r->ref, count);
}

NT_EXPORT VOID NTAPI ExReleaseRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE r)
{
    ExReleaseRundownProtectionEx(&r->ref, 1);
}

NT_EXPORT VOID NTAPI ExReleaseRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE r, ULONG count)
{
    ExReleaseRundownProtectionEx(&r->ref, count);
}

NT_EXPORT VOID NTAPI ExWaitForRundownProtectionReleaseCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE r)
{
    ExWaitForRundownProtectionRelease(&r->ref);
}

NT_EXPORT VOID NTAPI ExRundownCompletedCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE r)
{
    ExRundownCompleted(&r->ref);
}
