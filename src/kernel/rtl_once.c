/*
 * One-time initialisation. The two low bits of the value are its state, the rest is the context
 * that the initialisation leaves behind.
 *
 * Doc: nf-ntddk-rtlrunonceexecuteonce, -begininitialize, -complete.
 */
#include "kernel/kernel_priv.h"

enum state { ONCE_NEW, ONCE_RUNNING, ONCE_DONE, ONCE_PENDING /* asynchronous: several may try */ };
#define STATE_MASK 3ull

static enum state state_of(const RTL_RUN_ONCE *once)
{
    return (enum state)(once->Value & STATE_MASK);
}

static void give_context(const RTL_RUN_ONCE *once, PVOID *ret)
{
    if (ret)
        *ret = (PVOID)(uintptr_t)(once->Value & ~STATE_MASK);
}

static NTSTATUS begin(PRTL_RUN_ONCE once, ULONG flags, PVOID *ret)
{
    bool async = flags & RTL_RUN_ONCE_ASYNC;

    if ((flags & ~(ULONG)(RTL_RUN_ONCE_CHECK_ONLY | RTL_RUN_ONCE_ASYNC)) ||
        flags == (RTL_RUN_ONCE_CHECK_ONLY | RTL_RUN_ONCE_ASYNC))
        return STATUS_INVALID_PARAMETER;
    mm_check_range(once, sizeof *once, true);
    if (flags & RTL_RUN_ONCE_CHECK_ONLY) {
        if (state_of(once) != ONCE_DONE)
            return STATUS_UNSUCCESSFUL;
        give_context(once, ret);
        return STATUS_SUCCESS;
    }
    while (!async && state_of(once) == ONCE_RUNNING) { /* another thread is at it */
        ke_yield();
        ke_time_poll();
    }
    switch (state_of(once)) {
    case ONCE_NEW:
        once->Value = async ? ONCE_PENDING : ONCE_RUNNING;
        return STATUS_PENDING;
    case ONCE_PENDING:
        return async ? STATUS_PENDING : STATUS_INVALID_PARAMETER;
    case ONCE_RUNNING:
        return STATUS_INVALID_PARAMETER;
    default:
        give_context(once, ret);
        return STATUS_SUCCESS;
    }
}

static NTSTATUS complete(PRTL_RUN_ONCE once, ULONG flags, PVOID context)
{
    bool async = flags & RTL_RUN_ONCE_ASYNC, failed = flags & RTL_RUN_ONCE_INIT_FAILED;
    enum state state;

    mm_check_range(once, sizeof *once, true);
    state = state_of(once);
    if ((flags & ~(ULONG)(RTL_RUN_ONCE_ASYNC | RTL_RUN_ONCE_INIT_FAILED)) || (async && failed) ||
        (KE_ARG(context) & STATE_MASK) || (failed && context))
        return STATUS_INVALID_PARAMETER;
    if (async && state == ONCE_DONE)
        return STATUS_OBJECT_NAME_COLLISION; /* somebody else was first */
    if (state != (async ? ONCE_PENDING : ONCE_RUNNING))
        return STATUS_UNSUCCESSFUL;
    once->Value = failed ? ONCE_NEW : KE_ARG(context) | ONCE_DONE;
    return STATUS_SUCCESS;
}

/* Doc: nf-ntddk-rtlrunonceinitialize. */
NT_EXPORT VOID NTAPI RtlRunOnceInitialize(PRTL_RUN_ONCE once)
{
    mm_check_range(once, sizeof *once, true);
    once->Ptr = NULL;
}

/* Doc: nf-ntddk-rtlrunoncebegininitialize. */
NT_EXPORT NTSTATUS NTAPI RtlRunOnceBeginInitialize(PRTL_RUN_ONCE once, ULONG flags,
                                                   PVOID *ret_context)
{
    return begin(once, flags, ret_context);
}

/* Doc: nf-ntddk-rtlrunoncecomplete. */
NT_EXPORT NTSTATUS NTAPI RtlRunOnceComplete(PRTL_RUN_ONCE once, ULONG flags, PVOID context)
{
    return complete(once, flags, context);
}

/* Doc: nf-ntddk-rtlrunonceexecuteonce. A routine that fails leaves everything to the next caller.
 */
NT_EXPORT NTSTATUS NTAPI RtlRunOnceExecuteOnce(PRTL_RUN_ONCE once, PRTL_RUN_ONCE_INIT_FN routine,
                                               PVOID parameter, PVOID *ret_context)
{
    PVOID context = NULL;
    NTSTATUS status = begin(once, 0, ret_context);

    if (status != STATUS_PENDING)
        return status;
    if (!(ULONG)ke_call(routine, KE_ARG(once), KE_ARG(parameter), KE_ARG(ret_context))) {
        (void)complete(once, RTL_RUN_ONCE_INIT_FAILED, NULL); /* it is running: cannot fail */
        return STATUS_UNSUCCESSFUL;
    }
    if (ret_context)
        context = *ret_context;
    return complete(once, 0, context);
}
