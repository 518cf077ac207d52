/*
 * System services on dispatcher objects: events, timers, waits.
 *
 * Doc: WDK, ntifs.h and wdm.h: ZwCreateEvent, ZwSetEvent, ZwWaitForSingleObject, ZwCreateTimer,
 * ZwSetTimer.
 */
#include "kernel/kernel_priv.h"

#include <string.h>

/* Exports of the scheduler used natively. */
VOID NTAPI KeInitializeEvent(PRKEVENT event, EVENT_TYPE type, BOOLEAN state);
LONG NTAPI KeSetEvent(PRKEVENT event, KPRIORITY increment, BOOLEAN wait);
LONG NTAPI KeResetEvent(PRKEVENT event);
VOID NTAPI KeInitializeTimerEx(PKTIMER timer, TIMER_TYPE type);
BOOLEAN NTAPI KeSetTimerEx(PKTIMER timer, LARGE_INTEGER due, LONG period, PKDPC dpc);
BOOLEAN NTAPI KeCancelTimer(PKTIMER timer);
NTSTATUS NTAPI KeWaitForMultipleObjects(ULONG count, PVOID objects[], WAIT_TYPE type,
                                        KWAIT_REASON reason, KPROCESSOR_MODE mode,
                                        BOOLEAN alertable, PLARGE_INTEGER timeout,
                                        PKWAIT_BLOCK blocks);

/* ---- Events ---- */

NT_EXPORT NTSTATUS NTAPI ZwCreateEvent(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                       EVENT_TYPE type, BOOLEAN state)
{
    KEVENT *event;
    HANDLE h = NULL;
    NTSTATUS status;

    if (type != NotificationEvent && type != SynchronizationEvent)
        return STATUS_INVALID_PARAMETER;
    if (attr && attr->Attributes & OBJ_OPENIF && attr->ObjectName) {
        status = ob_open_named(attr, ob_type_event, access, &h);
        if (status != STATUS_OBJECT_NAME_NOT_FOUND) {
            if (!status)
                *ret = h;
            return status ? status : STATUS_OBJECT_NAME_EXISTS;
        }
    }
    event = ob_new(ob_type_event, sizeof *event, "Even");
    KeInitializeEvent(event, type, state);
    status = ob_finish(event, attr, access, &h);
    if (!status)
        *ret = h;
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwOpenEvent(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr)
{
    HANDLE h = NULL;
    NTSTATUS status = ob_open_named(attr, ob_type_event, access, &h);

    if (!status)
        *ret = h;
    return status;
}

static NTSTATUS event_do(HANDLE h, LONG (*fn)(KEVENT *event), PLONG ret_old)
{
    void *event;
    LONG old;
    NTSTATUS status = ob_handle_ref(h, ob_type_event, &event);

    if (status)
        return status;
    old = fn(event);
    ob_unref(event);
    if (ret_old)
        *ret_old = old;
    return STATUS_SUCCESS;
}

static LONG event_set(KEVENT *event)
{
    return KeSetEvent(event, 1, FALSE);
}

static LONG event_reset(KEVENT *event)
{
    return KeResetEvent(event);
}

static LONG event_pulse(KEVENT *event)
{
    LONG old = KeSetEvent(event, 1, FALSE);

    (void)KeResetEvent(event); /* the state before is what counts */
    return old;
}

NT_EXPORT NTSTATUS NTAPI ZwSetEvent(HANDLE h, PLONG ret_old)
{
    return event_do(h, event_set, ret_old);
}

NT_EXPORT NTSTATUS NTAPI ZwResetEvent(HANDLE h, PLONG ret_old)
{
    return event_do(h, event_reset, ret_old);
}

NT_EXPORT NTSTATUS NTAPI ZwClearEvent(HANDLE h)
{
    return event_do(h, event_reset, NULL);
}

NT_EXPORT NTSTATUS NTAPI ZwPulseEvent(HANDLE h, PLONG ret_old)
{
    return event_do(h, event_pulse, ret_old);
}

/* ---- Timers ---- */

NT_EXPORT NTSTATUS NTAPI ZwCreateTimer(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                       TIMER_TYPE type)
{
    KTIMER *timer;
    HANDLE h = NULL;
    NTSTATUS status;

    if (type != NotificationTimer && type != SynchronizationTimer)
        return STATUS_INVALID_PARAMETER_4;
    timer = ob_new(ob_type_timer, sizeof *timer, "Time");
    KeInitializeTimerEx(timer, type);
    status = ob_finish(timer, attr, access, &h);
    if (!status)
        *ret = h;
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwOpenTimer(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr)
{
    HANDLE h = NULL;
    NTSTATUS status = ob_open_named(attr, ob_type_timer, access, &h);

    if (!status)
        *ret = h;
    return status;
}

/* Not yet: the routine to be queued to the thread when the timer expires. */
NT_EXPORT NTSTATUS NTAPI ZwSetTimer(HANDLE h, PLARGE_INTEGER due, PVOID apc_routine,
                                    PVOID apc_context, BOOLEAN resume, LONG period,
                                    PBOOLEAN ret_old)
{
    KTIMER *timer;
    void *object;
    BOOLEAN old;
    NTSTATUS status;

    (void)apc_context;
    (void)resume; /* the machine does not sleep */
    if (period < 0)
        return STATUS_INVALID_PARAMETER_6;
    if (apc_routine)
        ke_not_modelled("ZwSetTimer", "TimerApcRoutine");
    status = ob_handle_ref(h, ob_type_timer, &object);
    if (status)
        return status;
    timer = object;
    old = timer->Header.SignalState != 0;
    (void)KeSetTimerEx(timer, *due, period, NULL); /* whether it was set already does not matter */
    ob_unref(timer);
    if (ret_old)
        *ret_old = old;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ZwCancelTimer(HANDLE h, PBOOLEAN ret_state)
{
    void *timer;
    BOOLEAN state;
    NTSTATUS status = ob_handle_ref(h, ob_type_timer, &timer);

    if (status)
        return status;
    state = ((KTIMER *)timer)->Header.SignalState != 0;
    (void)KeCancelTimer(timer); /* as above */
    ob_unref(timer);
    if (ret_state)
        *ret_state = state;
    return STATUS_SUCCESS;
}

static void timer_delete(void *object)
{
    (void)KeCancelTimer(object); /* it must not fire into freed memory */
}

void zw_sync_init(void)
{
    ob_type_on_delete(ob_type_timer, timer_delete);
}

/* ---- Waits ---- */

/* What a wait on the object really waits for; NULL: it cannot be waited on. */
static void *waitable(void *object)
{
    struct ob_type *type = ob_type_of(object);

    if (type == ob_type_file)
        return &((FILE_OBJECT *)object)->Event;
    if (type == ob_type_event || type == ob_type_thread || type == ob_type_process ||
        type == ob_type_semaphore || type == ob_type_mutant || type == ob_type_timer)
        return object;
    return NULL;
}

NT_EXPORT NTSTATUS NTAPI ZwWaitForSingleObject(HANDLE h, BOOLEAN alertable, PLARGE_INTEGER timeout)
{
    void *object, *what;
    LARGE_INTEGER limit = {0};
    NTSTATUS status;

    if (timeout)
        limit = *timeout;
    status = ob_handle_ref(h, NULL, &object);
    if (status)
        return status;
    what = waitable(object);
    status = what ? ke_wait(what, timeout ? &limit : NULL, alertable, KernelMode)
                  : STATUS_OBJECT_TYPE_MISMATCH;
    ob_unref(object);
    return status;
}

NT_EXPORT NTSTATUS NTAPI NtWaitForSingleObject(HANDLE h, BOOLEAN alertable, PLARGE_INTEGER timeout)
{
    return ZwWaitForSingleObject(h, alertable, timeout);
}

NT_EXPORT NTSTATUS NTAPI ZwWaitForMultipleObjects(ULONG count, PHANDLE handles, WAIT_TYPE type,
                                                  BOOLEAN alertable, PLARGE_INTEGER timeout)
{
    void *object[MAXIMUM_WAIT_OBJECTS], *what[MAXIMUM_WAIT_OBJECTS];
    KWAIT_BLOCK blocks[MAXIMUM_WAIT_OBJECTS];
    NTSTATUS status = STATUS_SUCCESS;
    ULONG held;

    if (!count || count > MAXIMUM_WAIT_OBJECTS)
        return STATUS_INVALID_PARAMETER_1;
    if (type != WaitAll && type != WaitAny)
        return STATUS_INVALID_PARAMETER_3;
    for (held = 0; held < count && !status; held++) {
        status = ob_handle_ref(handles[held], NULL, &object[held]);
        if (status)
            break;
        what[held] = waitable(object[held]);
        if (!what[held])
            status = STATUS_OBJECT_TYPE_MISMATCH;
    }
    if (!status)
        status = KeWaitForMultipleObjects(count, what, type, UserRequest, KernelMode, alertable,
                                          timeout, blocks);
    while (held--)
        ob_unref(object[held]);
    return status;
}
