/*
 * Threads as drivers see them: ETHREAD objects, system threads, notify routines, what can be asked.
 * Doc: WDK, "System Threads"; wdm.h PsCreateSystemThread; ntddk.h PsSetCreateThreadNotifyRoutine; ntifs.h.
 */
#include "kernel/ke_sched.h"

#include <string.h>

enum { NOTIFY_MAX = 64 }; /* Doc: PsSetCreateThreadNotifyRoutine, 64 routines */

static struct {
    uint64_t notify[NOTIFY_MAX];
    unsigned notify_count;
} g;

static void list_init(LIST_ENTRY *l)
{
    l->Flink = l->Blink = l;
}

/* The driver-visible side of a new thread, one reference (the thread's own). */
ETHREAD *ke_thread_object_new(struct ke_thread *t)
{
    ETHREAD *e = ob_new(ob_type_thread, sizeof *e, "Thre");
    KTHREAD *k = &e->Tcb;

    ke_header_init(&k->Header, ThreadObject, 0, 0);
    k->InitialStack = k->StackBase = (PVOID)(uintptr_t)t->stack_high;
    k->KernelStack = (PVOID)(uintptr_t)(t->stack_high - 0x100);
    k->StackLimit = (PVOID)(uintptr_t)t->stack_limit;
    k->MiscFlags = t->is_system ? KTHREAD_MISC_SYSTEM_THREAD : 0;
    k->Priority = k->BasePriority = LOW_PRIORITY_PROCESS_BASE;
    k->PreviousMode = t->is_request ? UserMode : KernelMode;
    k->State = Initialized;
    ke_header_init(&k->Timer.Header, TimerNotificationObject, sizeof k->Timer, 0);
    for (int i = 0; i < MaximumMode; i++) {
        list_init(&k->ApcState.ApcListHead[i]);
        list_init(&k->SavedApcState.ApcListHead[i]);
    }
    k->Priority = LOW_PRIORITY_PROCESS_BASE;
    list_init(&k->MutantListHead);
    list_init(&k->ThreadListEntry);
    list_init(&k->QueueListEntry);
    list_init(&e->IrpList);
    list_init(&e->ThreadListEntry);
    list_init(&e->ActiveTimerListHead);
    e->CreateTime.QuadPart = (LONGLONG)ke_time_system();
    e->Cid.UniqueThread = (HANDLE)(uintptr_t)t->id;
    return e;
}

/* ---- Notify routines ---- */

void ps_thread_notify(ETHREAD *thread, bool create)
{
    for (unsigned i = 0; i < g.notify_count; i++)
        (void)ke_call(g.notify[i], KE_ARG(thread->Cid.UniqueProcess), KE_ARG(thread->Cid.UniqueThread),
                      (uint64_t)create);
}

void ps_thread_notify_each(ke_active_fn fn, void *ctx)
{
    for (unsigned i = g.notify_count; i-- > 0;) {
        if (!fn(ctx, g.notify[i], g.notify[i], "thread notify routine"))
            return;
    }
}

void ps_thread_notify_wipe(const struct ke_image *image)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < g.notify_count; i++) {
        if (g.notify[i] < image->base || g.notify[i] >= image->base + image->size)
            g.notify[kept++] = g.notify[i];
    }
    g.notify_count = kept;
}

NT_EXPORT NTSTATUS NTAPI PsSetCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE routine)
{
    if (g.notify_count == NOTIFY_MAX)
        return STATUS_INSUFFICIENT_RESOURCES;
    g.notify[g.notify_count++] = KE_ARG(routine);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI PsSetCreateThreadNotifyRoutineEx(ULONG type, PVOID routine)
{
    if (type > 1)
        return STATUS_INVALID_PARAMETER;
    return PsSetCreateThreadNotifyRoutine((PCREATE_THREAD_NOTIFY_ROUTINE)routine);
}

NT_EXPORT NTSTATUS NTAPI PsRemoveCreateThreadNotifyRoutine(PCREATE_THREAD_NOTIFY_ROUTINE routine)
{
    for (unsigned i = 0; i < g.notify_count; i++) {
        if (g.notify[i] != KE_ARG(routine))
            continue;
        g.notify_count--;
        memmove(&g.notify[i], &g.notify[i + 1], (g.notify_count - i) * sizeof *g.notify);
        return STATUS_SUCCESS;
    }
    return STATUS_PROCEDURE_NOT_FOUND;
}

/* ---- System threads ---- */

static void system_main(void *arg)
{
    struct ke_thread *t = ke_thread_now;
    uint64_t context = KE_ARG(arg);
    bool aborted = false;

    ps_thread_notify(t->object, true);
    (void)ke_callout(t->start, KE_CALL_BOUNDARY, &aborted, 1, &context);
    if (!aborted && ke_irql_now != PASSIVE_LEVEL)
        ke_rule(VF_IRQL_AFTER_CALLBACK, (uint64_t)ke_irql_now << 16, t->start, 0,
                "a system thread returned from its start routine at a raised IRQL");
}

/* Doc: wdm.h, PsCreateSystemThread. The handle belongs to the caller's table unless OBJ_KERNEL_HANDLE. */
NT_EXPORT NTSTATUS NTAPI PsCreateSystemThread(PHANDLE ret, ULONG access, POBJECT_ATTRIBUTES attr,
                                              HANDLE process, PCLIENT_ID client, PKSTART_ROUTINE start,
                                              PVOID context)
{
    struct ke_thread *t;
    EPROCESS *owner = NULL;
    NTSTATUS status;
    HANDLE h;

    if (!start)
        return STATUS_INVALID_PARAMETER;
    if (process && process != (HANDLE)(uintptr_t)-1ll) {
        status = ob_handle_ref(process, ob_type_process, (void **)&owner);
        if (status)
            return status;
    }
    t = ke_thread_new(system_main, context, false);
    t->start = KE_ARG(start);
    t->object->StartAddress = t->object->Win32StartAddress = (PVOID)(uintptr_t)t->start;
    if (owner) {
        t->object->Tcb.Process = t->object->Tcb.ApcState.Process = &owner->Pcb;
        t->object->Cid.UniqueProcess = owner->UniqueProcessId;
        ob_unref(owner);
    }
    status = ob_handle_new(t->object, access ? access : THREAD_ALL_ACCESS, attr ? attr->Attributes : 0, &h);
    if (status) {
        /* No way back for a thread that is runnable: it goes without a handle. */
        return status;
    }
    *ret = h;
    if (client)
        *client = t->object->Cid;
    ke_preempt_point((const void *)PsCreateSystemThread);
    return STATUS_SUCCESS;
}

/* Doc: wdm.h, PsTerminateSystemThread: only for the current system thread. */
NT_EXPORT NTSTATUS NTAPI PsTerminateSystemThread(NTSTATUS status)
{
    struct ke_thread *t = ke_thread_now;

    if (!t->is_system || t->is_boot || t->is_idle)
        return STATUS_INVALID_PARAMETER;
    if (ex_is_worker(t)) {
        ke_rule(VF_WORKER_ENDED, KE_ARG(t->object), 0, 0, NULL);
        ke_contain(); /* the work item ends, its thread stays */
    }
    t->exit_status = status;
    ke_thread_exit();
}

NT_EXPORT NTSTATUS NTAPI PsGetThreadExitStatus(PETHREAD thread)
{
    struct ke_thread *t = ke_thread_of(thread);

    if (t)
        return STATUS_PENDING;
    return thread->Tcb.State == Terminated ? (NTSTATUS)thread->Tcb.WaitStatus : STATUS_PENDING;
}

/* ---- Questions ---- */

NT_EXPORT PETHREAD NTAPI PsGetCurrentThread(void)
{
    return ke_thread_now->object;
}

NT_EXPORT PKTHREAD NTAPI KeGetCurrentThread(void)
{
    return &ke_thread_now->object->Tcb;
}

NT_EXPORT HANDLE NTAPI PsGetCurrentThreadId(void)
{
    return ke_thread_now->object->Cid.UniqueThread;
}

NT_EXPORT HANDLE NTAPI PsGetThreadId(PETHREAD thread)
{
    return thread->Cid.UniqueThread;
}

NT_EXPORT HANDLE NTAPI PsGetThreadProcessId(PETHREAD thread)
{
    return thread->Cid.UniqueProcess;
}

NT_EXPORT PEPROCESS NTAPI PsGetThreadProcess(PETHREAD thread)
{
    return (PEPROCESS)thread->Tcb.Process;
}

NT_EXPORT PEPROCESS NTAPI PsGetCurrentThreadProcess(void)
{
    return (PEPROCESS)ke_thread_now->object->Tcb.Process;
}

NT_EXPORT HANDLE NTAPI PsGetCurrentThreadProcessId(void)
{
    return ke_thread_now->object->Cid.UniqueProcess;
}

NT_EXPORT CCHAR NTAPI PsGetCurrentThreadPreviousMode(void)
{
    return ke_thread_now->object->Tcb.PreviousMode;
}

NT_EXPORT PVOID NTAPI PsGetCurrentThreadStackBase(void)
{
    return (PVOID)(uintptr_t)ke_thread_now->stack_high;
}

NT_EXPORT PVOID NTAPI PsGetCurrentThreadStackLimit(void)
{
    return (PVOID)(uintptr_t)ke_thread_now->stack_limit;
}

NT_EXPORT PVOID NTAPI PsGetThreadTeb(PETHREAD thread)
{
    return thread->Tcb.Teb;
}

NT_EXPORT PVOID NTAPI PsGetCurrentThreadTeb(void)
{
    return ke_thread_now->object->Tcb.Teb;
}

NT_EXPORT PVOID NTAPI PsGetThreadWin32Thread(PETHREAD thread)
{
    return thread->Tcb.Win32Thread;
}

NT_EXPORT PVOID NTAPI PsGetCurrentThreadWin32Thread(void)
{
    return ke_thread_now->object->Tcb.Win32Thread;
}

NT_EXPORT LONGLONG NTAPI PsGetThreadCreateTime(PETHREAD thread)
{
    return thread->CreateTime.QuadPart;
}

NT_EXPORT BOOLEAN NTAPI PsIsSystemThread(PETHREAD thread)
{
    return (thread->Tcb.MiscFlags & KTHREAD_MISC_SYSTEM_THREAD) != 0;
}

NT_EXPORT BOOLEAN NTAPI PsIsThreadTerminating(PETHREAD thread)
{
    return (thread->CrossThreadFlags & 1) != 0;
}

NT_EXPORT NTSTATUS NTAPI PsLookupThreadByThreadId(HANDLE id, PETHREAD *ret)
{
    struct ke_thread *t = ke_thread_by_id((uint64_t)(uintptr_t)id);

    if (!t)
        return STATUS_INVALID_PARAMETER;
    ob_ref(t->object);
    *ret = t->object;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI PsLookupProcessThreadByCid(PCLIENT_ID cid, PEPROCESS *process, PETHREAD *ret)
{
    struct ke_thread *t = ke_thread_by_id((uint64_t)(uintptr_t)cid->UniqueThread);

    if (!t || t->object->Cid.UniqueProcess != cid->UniqueProcess)
        return STATUS_INVALID_CID;
    ob_ref(t->object);
    if (process) {
        *process = (PEPROCESS)t->object->Tcb.Process;
        ob_ref(*process);
    }
    *ret = t->object;
    return STATUS_SUCCESS;
}

/* ---- Stack ---- */

/* Doc: ntddk.h, KeExpandKernelStackAndCallout: the stack here is big enough for any size that Windows
 * grants; the callout runs on it. */
NT_EXPORT NTSTATUS NTAPI KeExpandKernelStackAndCalloutEx(PEXPAND_STACK_CALLOUT callout, PVOID parameter,
                                                         SIZE_T size, BOOLEAN wait, PVOID context)
{
    (void)wait;
    (void)context;
    if (size > 0x12000)
        return STATUS_INVALID_PARAMETER_3;
    if (ke_irql_now > DISPATCH_LEVEL)
        return STATUS_UNSUCCESSFUL;
    (void)ke_call(callout, KE_ARG(parameter));
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI KeExpandKernelStackAndCallout(PEXPAND_STACK_CALLOUT callout, PVOID parameter,
                                                       SIZE_T size)
{
    return KeExpandKernelStackAndCalloutEx(callout, parameter, size, FALSE, NULL);
}
