/*
 * Events, semaphores, mutants (mutexes), gates: the exported routines. Waiting is in ke_wait.c.
 * Doc: wdm.h, KeInitializeEvent ... KeReadStateMutex.
 */
#include "kernel/ke_sched.h"

/* Signal an object for native code, or for a driver with a chance for others to run. */
static void signal_from(void *object, const void *routine, KPRIORITY increment, BOOLEAN wait)
{
    unsigned woken = ke_signal_boost(object, increment);

    if (wait) {
        struct ke_thread *t = ke_thread_now;

        /* Wait = TRUE: the caller's next wait follows without a gap; nobody runs in between. */
        t->wait_next = true;
        t->wait_irql = ke_irql_now;
        ke_irql_set(PP_MAX(ke_irql_now, (KIRQL)DISPATCH_LEVEL));
        return;
    }
    if (woken)
        ke_preempt_point(routine);
}

/* ---- Events ---- */

/* Only the fields that Windows writes: the others keep what they had. */
NT_EXPORT VOID NTAPI KeInitializeEvent(PRKEVENT event, EVENT_TYPE type, BOOLEAN state)
{
    ke_header_init(&event->Header, (unsigned)type, sizeof *event, state != FALSE);
}

LONG ke_event_set(KEVENT *event)
{
    LONG old = event->Header.SignalState;

    event->Header.SignalState = 1;
    (void)ke_signal(event);
    return old;
}

NT_EXPORT LONG NTAPI KeSetEvent(PRKEVENT event, KPRIORITY increment, BOOLEAN wait)
{
    LONG old = event->Header.SignalState;

    if (ke_irql_now > DISPATCH_LEVEL)
        ke_rule(VF_VER_SET_EVENT_IRQL, ke_irql_now, KE_ARG(event), 0, NULL);
    event->Header.SignalState = 1;
    signal_from(event, (const void *)KeSetEvent, increment, wait);
    return old;
}

NT_EXPORT VOID NTAPI KeSetEventBoostPriority(PRKEVENT event, PKTHREAD *thread)
{
    if (thread)
        *thread = NULL;
    event->Header.SignalState = 1;
    signal_from(event, (const void *)KeSetEventBoostPriority, 1, FALSE);
}

/* Doc: ntddk.h, KePulseEvent: those who wait now go on; the event is not signalled afterwards. */
NT_EXPORT LONG NTAPI KePulseEvent(PRKEVENT event, KPRIORITY increment, BOOLEAN wait)
{
    LONG old = event->Header.SignalState;

    event->Header.SignalState = 1;
    if (!old)
        (void)ke_signal_boost(event, increment);
    event->Header.SignalState = 0;
    if (wait)
        signal_from(event, (const void *)KePulseEvent, increment, TRUE);
    else
        ke_preempt_point((const void *)KePulseEvent);
    return old;
}

NT_EXPORT LONG NTAPI KeResetEvent(PRKEVENT event)
{
    LONG old = event->Header.SignalState;

    event->Header.SignalState = 0;
    return old;
}

NT_EXPORT VOID NTAPI KeClearEvent(PRKEVENT event)
{
    event->Header.SignalState = 0;
}

NT_EXPORT LONG NTAPI KeReadStateEvent(PRKEVENT event)
{
    return event->Header.SignalState;
}

/* ---- Semaphores ---- */

NT_EXPORT VOID NTAPI KeInitializeSemaphore(PRKSEMAPHORE semaphore, LONG count, LONG limit)
{
    ke_header_init(&semaphore->Header, SemaphoreObject, sizeof *semaphore, count);
    semaphore->Limit = limit;
}

/* Doc: wdm.h, KeReleaseSemaphore: raises STATUS_SEMAPHORE_LIMIT_EXCEEDED. */
NT_EXPORT LONG NTAPI KeReleaseSemaphore(PRKSEMAPHORE semaphore, KPRIORITY increment, LONG adjustment,
                                        BOOLEAN wait)
{
    LONG old = semaphore->Header.SignalState;
    LONG state;

    if (__builtin_add_overflow(old, adjustment, &state) || state > semaphore->Limit || state < old)
        ke_raise_status(STATUS_SEMAPHORE_LIMIT_EXCEEDED);
    semaphore->Header.SignalState = state;
    signal_from(semaphore, (const void *)KeReleaseSemaphore, increment, wait);
    return old;
}

NT_EXPORT LONG NTAPI KeReadStateSemaphore(PRKSEMAPHORE semaphore)
{
    return semaphore->Header.SignalState;
}

/* ---- Mutants ---- */

static void mutant_init(PRKMUTANT mutant, bool owned, UCHAR apc_disable)
{
    ke_lock_made(mutant, KE_LOCK_MUTEX);
    ke_header_init(&mutant->Header, MutantObject, sizeof *mutant, 1);
    mutant->OwnerThread = NULL;
    mutant->Abandoned = FALSE;
    mutant->ApcDisable = apc_disable;
    if (owned) {
        LARGE_INTEGER zero = {.QuadPart = 0};

        (void)ke_wait(mutant, &zero, false, KernelMode); /* free a moment ago: succeeds */
    }
}

/* Doc: wdm.h, KeInitializeMutex. Level is unused since Windows XP. */
NT_EXPORT VOID NTAPI KeInitializeMutex(PRKMUTEX mutex, ULONG level)
{
    (void)level;
    mutant_init(mutex, false, 1);
}

NT_EXPORT VOID NTAPI KeInitializeMutant(PRKMUTANT mutant, BOOLEAN owned)
{
    mutant_init(mutant, owned != FALSE, 0);
}

static void mutant_forget(struct ke_thread *t, const KMUTANT *mutant)
{
    for (unsigned i = t->mutant_count; i-- > 0;) {
        if (t->mutants[i] != mutant)
            continue;
        for (unsigned k = i + 1; k < t->mutant_count; k++)
            t->mutants[k - 1] = t->mutants[k];
        t->mutant_count--;
        return;
    }
}

static void mutant_free(PRKMUTANT mutant)
{
    struct ke_thread *t = ke_thread_of(mutant->OwnerThread);
    LIST_ENTRY *l = &mutant->MutantListEntry;

    (void)ke_lock_dropped(mutant, KE_LOCK_MUTEX, ke_irql_now); /* there is one routine to release it */
    if (t) {
        l->Flink->Blink = l->Blink;
        l->Blink->Flink = l->Flink;
        mutant_forget(t, mutant);
    }
    mutant->OwnerThread = NULL;
    if (t && mutant->ApcDisable)
        ke_region_leave(false);
}

/* Doc: ntifs.h, KeReleaseMutant; raises STATUS_MUTANT_NOT_OWNED or STATUS_ABANDONED. */
NT_EXPORT LONG NTAPI KeReleaseMutant(PRKMUTANT mutant, KPRIORITY increment, BOOLEAN abandon,
                                     BOOLEAN wait)
{
    LONG old = mutant->Header.SignalState;

    if (abandon) {
        mutant->Header.SignalState = 1;
        mutant->Abandoned = TRUE;
    } else {
        if (mutant->OwnerThread != &ke_thread_now->object->Tcb || old > 0)
            ke_raise_status(mutant->Abandoned ? STATUS_ABANDONED : STATUS_MUTANT_NOT_OWNED);
        mutant->Header.SignalState = old + 1;
    }
    if (mutant->Header.SignalState == 1) {
        if (old <= 0)
            mutant_free(mutant);
        signal_from(mutant, (const void *)KeReleaseMutant, increment, wait);
    }
    return old;
}

/* Doc: wdm.h, KeReleaseMutex: returns zero when the mutex was released for good. */
NT_EXPORT LONG NTAPI KeReleaseMutex(PRKMUTEX mutex, BOOLEAN wait)
{
    LONG old = KeReleaseMutant(mutex, 1, FALSE, wait);

    if (!wait && old == 0)
        ke_preempt_point((const void *)KeReleaseMutex);
    return old;
}

NT_EXPORT LONG NTAPI KeReadStateMutex(PRKMUTEX mutex)
{
    return mutex->Header.SignalState;
}

NT_EXPORT LONG NTAPI KeReadStateMutant(PRKMUTANT mutant)
{
    return mutant->Header.SignalState;
}
