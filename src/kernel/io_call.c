/*
 * The way of an IRP: down with IoCallDriver, up with IoCompleteRequest, out with IoCancelIrp.
 *
 * Completion runs in two stages. The first walks up the stack locations and calls completion
 * routines; any of them may stop the walk (STATUS_MORE_PROCESSING_REQUIRED). The second ends the
 * request: pages are unlocked, buffers copied back, status and event set, the IRP freed. Windows
 * runs the second stage in the requesting thread by a special APC; we have one address space and
 * run it at once, so an IRP is freed the moment it is completed, and touching it afterwards faults.
 *
 * Doc: WDK, "Completing IRPs", "Canceling IRPs"; wdm.h, IoCompleteRequest, IoCancelIrp.
 */
#include "kernel/io_nt.h"

#include <string.h>

static struct {
    KSPIN_LOCK cancel_lock;
    struct ke_thread *cancel_owner; /* NULL: free */
} g;

/* ---- Cancel spin lock ---- */

static KIRQL cancel_acquire(void)
{
    KIRQL old = KeAcquireSpinLockRaiseToDpc(&g.cancel_lock);

    g.cancel_owner = ke_thread_now;
    return old;
}

static void cancel_release(KIRQL old)
{
    g.cancel_owner = NULL;
    KeReleaseSpinLock(&g.cancel_lock, old);
}

bool io_cancel_lock_held(void)
{
    return g.cancel_owner != NULL;
}

NT_EXPORT VOID NTAPI IoAcquireCancelSpinLock(PKIRQL irql)
{
    KIRQL old = cancel_acquire();

    *irql = old;
}

NT_EXPORT VOID NTAPI IoReleaseCancelSpinLock(KIRQL irql)
{
    cancel_release(irql);
}

/* ---- Down ---- */

/* The dispatch routine must leave the IRQL as it found it. */
static void check_irql(DEVICE_OBJECT *device, KIRQL before)
{
    KIRQL now = ke_irql();

    if (now == before)
        return;
    io_rule(VF_IO_DISPATCH_IRQL, 5, (uint64_t)(uintptr_t)device, before, now, NULL);
    if (now > before)
        ke_irql_lower(before);
    else
        (void)ke_irql_raise(before);
}

/* Move to the next location; false after a report. */
static bool next_location(DEVICE_OBJECT *device, IRP *irp)
{
    struct io_irp *i = io_irp_of(irp);
    struct vf_case c = {.rule = VF_IO_NO_STACK,
                        .p = {(uint64_t)(uintptr_t)irp},
                        .fatal = true,
                        .access = VF_NO_ACCESS};

    if (irp->Type != IO_TYPE_IRP) {
        io_rule(VF_IO_CALL_NOT_IRP, 3, (uint64_t)(uintptr_t)irp, 0, 0, NULL);
        return false;
    }
    if (irp->CurrentLocation <= 1) {
        vf_report(&c);
        return false;
    }
    irp->CurrentLocation--;
    irp->Tail.Overlay.CurrentStackLocation--;
    irp->Tail.Overlay.CurrentStackLocation->DeviceObject = device;
    if (i && !i->in_flight) {
        i->in_flight = true;
        i->sent_at = irp->CurrentLocation;
    }
    return true;
}

/* Nor may it leave APCs disabled, or enable those of its caller. */
static void check_apcs(enum vf_rule rule, uint64_t routine, ULONG before)
{
    ULONG *now = &ke_thread_now->object->Tcb.CombinedApcDisable;

    if (*now == before)
        return;
    io_rule(rule, 0, routine, *now, before, NULL);
    *now = before;
}

static bool is_user(const void *p)
{
    return KE_ARG(p) >= KE_USER_LOW && KE_ARG(p) < KE_USER_HIGH;
}

/* What a driver sends on behalf of the kernel: nobody below probes its addresses. */
static void check_kernel_request(const IRP *irp)
{
    const IO_STACK_LOCATION *s = irp->Tail.Overlay.CurrentStackLocation - 1;
    const void *bad = NULL;

    if (irp->RequestorMode != KernelMode || s->MajorFunction == IRP_MJ_PNP || s->MajorFunction == IRP_MJ_POWER)
        return;
    if (is_user(irp->UserBuffer))
        bad = irp->UserBuffer;
    else if (is_user(irp->AssociatedIrp.SystemBuffer))
        bad = irp->AssociatedIrp.SystemBuffer;
    if (bad)
        io_rule(VF_VER_IRP_ADDRESS, 0, KE_ARG(irp), KE_ARG(bad), 0, NULL);
}

/* Memory that may be paged out must be locked before an MDL of it goes to a driver. */
static void check_mdls(const IRP *irp)
{
    const int settled = MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL | MDL_IO_SPACE;
    struct pl_block_info b;

    for (const MDL *m = irp->MdlAddress; m; m = m->Next) {
        uint64_t start = KE_ARG(m->StartVa) + m->ByteOffset;

        if (m->MdlFlags & settled)
            continue;
        if (is_user((const void *)start) ||
            (pl_find(ke_m.pool, start, &b) != PL_NOT_POOL && b.has_block && (b.flags & PL_PAGED)))
            io_rule(VF_MDL_UNLOCKED, 0, ke_irql(), KE_ARG(m), start, NULL);
    }
}

/* Once for each request, when its maker sends it. */
static void check_sent(IRP *irp)
{
    const struct io_irp *i = io_irp_of(irp);

    if (!vf_is_enabled() || !i || i->in_flight || irp->Type != IO_TYPE_IRP || irp->CurrentLocation <= 1)
        return;
    check_kernel_request(irp);
    check_mdls(irp);
}

NTSTATUS io_call(DEVICE_OBJECT *device, IRP *irp)
{
    KIRQL irql = ke_irql();
    ULONG regions = ke_thread_now->object->Tcb.CombinedApcDisable;
    uint64_t target;
    NTSTATUS status;

    if (!io_is_device(device)) {
        (void)*(volatile CSHORT *)&device->Type; /* a bad address faults here, with its history */
        io_rule(VF_IO_CALL_BAD_DEVICE, 4, (uint64_t)(uintptr_t)device, 0, 0, NULL);
        ke_contain();
    }
    if (!next_location(device, irp))
        ke_contain();
    target = KE_ARG(device->DriverObject->MajorFunction[io_stack(irp)->MajorFunction]);
    io_invariant_sent(device, irp);
    status = (NTSTATUS)ke_call(target, KE_ARG(device), KE_ARG(irp));
    check_irql(device, irql);
    check_apcs(VF_IO_DISPATCH_APC, target, regions);
    return status;
}

NT_EXPORT NTSTATUS NTAPI IofCallDriver(PDEVICE_OBJECT device, PIRP irp)
{
    check_sent(irp);
    return io_call(device, irp);
}

NT_EXPORT NTSTATUS NTAPI IoCallDriver(PDEVICE_OBJECT device, PIRP irp)
{
    check_sent(irp);
    return io_call(device, irp);
}

/* ---- Up, first stage ---- */

/* What the next owner must not see of a location that is done. */
static void location_clear(IO_STACK_LOCATION *s)
{
    s->MinorFunction = 0;
    s->Flags = 0;
    s->Control &= SL_ERROR_RETURNED;
    memset(&s->Parameters, 0, sizeof s->Parameters);
    s->FileObject = NULL;
}

static bool wants(const IRP *irp, const IO_STACK_LOCATION *s)
{
    if (NT_SUCCESS(irp->IoStatus.Status) ? s->Control & SL_INVOKE_ON_SUCCESS
                                         : s->Control & SL_INVOKE_ON_ERROR)
        return true;
    return irp->Cancel && (s->Control & SL_INVOKE_ON_CANCEL);
}

/* One location up. True: go on. */
static bool location_done(IRP *irp, struct io_irp *i)
{
    IO_STACK_LOCATION *s = io_stack(irp);
    DEVICE_OBJECT *device;
    NTSTATUS status;
    KIRQL irql;

    irp->PendingReturned = s->Control & SL_PENDING_RETURNED;
    irp->CurrentLocation++;
    irp->Tail.Overlay.CurrentStackLocation++;
    if (i && i->in_flight && irp->CurrentLocation > i->sent_at)
        i->in_flight = false;
    if (!wants(irp, s)) {
        if (irp->PendingReturned && irp->CurrentLocation <= irp->StackCount)
            io_stack(irp)->Control |= SL_PENDING_RETURNED;
        location_clear(s);
        return true;
    }
    device = irp->CurrentLocation > irp->StackCount ? NULL : io_stack(irp)->DeviceObject;
    {
        uint64_t routine = KE_ARG(s->CompletionRoutine), context = KE_ARG(s->Context);
        ULONG regions = ke_thread_now->object->Tcb.CombinedApcDisable;

        location_clear(s);
        irql = ke_irql();
        status = (NTSTATUS)ke_call(routine, KE_ARG(device), KE_ARG(irp), context);
        check_apcs(VF_IO_COMPLETION_APC, routine, regions);
        if (ke_irql() != irql) {
            io_rule(VF_IO_COMPLETION_IRQL, 0xFA, routine, irql, ke_irql(), NULL);
            if (ke_irql() > irql)
                ke_irql_lower(irql);
            else
                (void)ke_irql_raise(irql);
        }
    }
    return status != STATUS_MORE_PROCESSING_REQUIRED;
}

/* ---- Up, second stage ---- */

static void pages_unlock(IRP *irp)
{
    for (MDL *m = irp->MdlAddress; m; m = m->Next)
        if ((m->MdlFlags & MDL_PAGES_LOCKED) && !(m->MdlFlags & MDL_SOURCE_IS_NONPAGED_POOL))
            MmUnlockPages(m);
}

static void mdls_free(IRP *irp)
{
    MDL *m = irp->MdlAddress, *next;

    irp->MdlAddress = NULL;
    for (; m; m = next) {
        next = m->Next;
        IoFreeMdl(m);
    }
}

static void copy_back(IRP *irp)
{
    if ((irp->Flags & (IRP_BUFFERED_IO | IRP_INPUT_OPERATION)) !=
            (IRP_BUFFERED_IO | IRP_INPUT_OPERATION) ||
        NT_ERROR(irp->IoStatus.Status) || irp->IoStatus.Status == STATUS_VERIFY_REQUIRED ||
        !irp->IoStatus.Information)
        return;
    mm_copy(irp->UserBuffer, irp->AssociatedIrp.SystemBuffer, irp->IoStatus.Information);
}

/* Status, event: unless the caller learns of the error from the dispatch routine's return value. */
static void tell_caller(IRP *irp)
{
    if (NT_ERROR(irp->IoStatus.Status) && !irp->PendingReturned)
        return;
    if (irp->UserIosb) {
        IO_STATUS_BLOCK *iosb = irp->UserIosb;

        iosb->Information = irp->IoStatus.Information;
        iosb->Status = irp->IoStatus.Status;
    }
    if (irp->UserEvent)
        (void)ke_event_set(irp->UserEvent);
}

static void finish(IRP *irp, struct io_irp *i)
{
    struct io_sink *sink = i ? i->sink : NULL;

    pages_unlock(irp);
    if (!sink)
        copy_back(irp);
    mdls_free(irp);
    if (i)
        io_irp_unlist(i);
    tell_caller(irp);
    if (sink)
        sink->done(sink, irp);
    if ((irp->Flags & IRP_DEALLOCATE_BUFFER) && irp->AssociatedIrp.SystemBuffer)
        io_system_buffer_free(irp->AssociatedIrp.SystemBuffer);
    if (i)
        io_irp_free(irp);
    else
        ExFreePoolWithTag(irp, 0);
}

static void associated_done(IRP *irp, struct io_irp *i)
{
    IRP *master = irp->AssociatedIrp.MasterIrp;
    LONG left = __atomic_sub_fetch(&master->AssociatedIrp.IrpCount, 1, __ATOMIC_SEQ_CST);

    pages_unlock(irp);
    mdls_free(irp);
    if (i)
        io_irp_free(irp);
    if (left == 0)
        io_complete(master, IO_NO_INCREMENT);
}

/* ---- Completion ---- */

static void report_twice(IRP *irp)
{
    struct pl_block_info info;
    struct vf_case c = {.rule = VF_IO_COMPLETED_TWICE,
                        .p = {(uint64_t)(uintptr_t)irp},
                        .fatal = true,
                        .access = VF_NO_ACCESS};

    if (pl_find(ke_m.pool, (uint64_t)(uintptr_t)irp, &info) == PL_FREED)
        c.block = &info;
    vf_report(&c);
    if (ke_gate_import())
        ke_contain();
}

static bool is_gone(IRP *irp)
{
    struct pl_block_info info;

    return pl_find(ke_m.pool, (uint64_t)(uintptr_t)irp, &info) == PL_FREED;
}

/* May the IRP be completed now? Reports what is wrong with it. */
static bool check(IRP *irp, struct io_irp *i)
{
    if (!i && is_gone(irp)) {
        report_twice(irp);
        return false;
    }
    if (irp->Type != IO_TYPE_IRP || irp->CurrentLocation > irp->StackCount + 1) {
        report_twice(irp);
        return false;
    }
    if (!vf_has(VF_OPT_IO))
        return true;
    if (irp->IoStatus.Status == STATUS_PENDING || irp->IoStatus.Status == -1)
        io_rule(VF_IO_COMPLETED_PENDING, 6, (uint32_t)irp->IoStatus.Status,
                (uint64_t)(uintptr_t)irp, 0, NULL);
    if (irp->CancelRoutine)
        io_rule(VF_IO_COMPLETED_CANCELABLE, 7, KE_ARG(irp->CancelRoutine), (uint64_t)(uintptr_t)irp,
                0, NULL);
    if (ke_irql() > DISPATCH_LEVEL)
        io_rule(VF_IO_COMPLETED_IRQL, 0xE, ke_irql(), (uint64_t)(uintptr_t)irp, 0, NULL);
    return true;
}

void io_complete(IRP *irp, CCHAR boost)
{
    struct io_irp *i = io_irp_of(irp);

    (void)boost; /* the scheduler has no dynamic priorities */
    if (!check(irp, i))
        return;
    if (irp->CurrentLocation <= irp->StackCount)
        io_invariant_completed(io_stack(irp)->DeviceObject, irp);
    while (irp->CurrentLocation <= irp->StackCount) {
        if (!location_done(irp, i))
            return;
    }
    io_invariant_done(irp);
    /* One past the last location: completing once more is completing twice. */
    irp->CurrentLocation++;
    if (irp->Flags & IRP_ASSOCIATED_IRP)
        associated_done(irp, i);
    else
        finish(irp, i);
}

NT_EXPORT VOID NTAPI IofCompleteRequest(PIRP irp, CCHAR boost)
{
    io_complete(irp, boost);
}

NT_EXPORT VOID NTAPI IoCompleteRequest(PIRP irp, CCHAR boost)
{
    io_complete(irp, boost);
}

/* ---- Cancel ---- */

bool io_cancel(IRP *irp)
{
    KIRQL old, before = ke_irql();
    uint64_t routine;
    DEVICE_OBJECT *device;

    if (!io_irp_of(irp) && is_gone(irp)) {
        struct pl_block_info info;
        struct vf_case c = {.rule = VF_IO_CANCEL_COMPLETED,
                            .p = {(uint64_t)(uintptr_t)irp},
                            .fatal = true,
                            .access = VF_NO_ACCESS,
                            .block = &info};

        (void)pl_find(ke_m.pool, (uint64_t)(uintptr_t)irp, &info);
        vf_report(&c);
        if (ke_gate_import())
            ke_contain();
        return false;
    }
    old = cancel_acquire();
    irp->Cancel = TRUE;
    routine = KE_ARG(__atomic_exchange_n(&irp->CancelRoutine, NULL, __ATOMIC_SEQ_CST));
    if (!routine) {
        cancel_release(old);
        return false;
    }
    if (irp->CurrentLocation > irp->StackCount + 1) {
        cancel_release(old);
        io_rule(VF_IO_CANCEL_COMPLETED, (uint64_t)(uintptr_t)irp, routine, 0, 0, NULL);
        return false;
    }
    irp->CancelIrql = old;
    device = irp->CurrentLocation > irp->StackCount ? NULL : io_stack(irp)->DeviceObject;
    (void)ke_call(routine, KE_ARG(device), KE_ARG(irp));
    if (ke_irql() != before) {
        io_rule(VF_IO_DISPATCH_IRQL, 5, (uint64_t)(uintptr_t)device, before, ke_irql(),
                "the cancel routine must release the cancel spin lock at Irp->CancelIrql");
        if (g.cancel_owner == ke_thread_now)
            cancel_release(before);
        else if (ke_irql() > before)
            ke_irql_lower(before);
    }
    return true;
}

NT_EXPORT BOOLEAN NTAPI IoCancelIrp(PIRP irp)
{
    return io_cancel(irp);
}

/* The routine form of IoSetCancelRoutine for languages without the macro. */
NT_EXPORT PDRIVER_CANCEL NTAPI IoSetCancelRoutine(PIRP irp, PDRIVER_CANCEL routine)
{
    return __atomic_exchange_n(&irp->CancelRoutine, routine, __ATOMIC_SEQ_CST);
}

static bool cancel_of_thread(void *ctx, struct io_irp *i)
{
    if (i->is_listed && i->irp->Tail.Overlay.Thread == *(ETHREAD **)ctx && i->in_flight)
        (void)io_cancel(i->irp);
    return true;
}

/* Doc: wdm, IoCancelThreadIo as used at thread end (internal). Cancels what the thread still waits
 * for. */
NT_EXPORT VOID NTAPI IoCancelThreadIo(PETHREAD thread)
{
    io_irp_each(cancel_of_thread, &thread);
}

/* ---- Synchronous forwarding and waiting ---- */

struct wait {
    struct io_sink sink;
    KEVENT event;
    IO_STATUS_BLOCK iosb;
    bool is_done;
};

static void wait_done(struct io_sink *sink, IRP *irp)
{
    struct wait *w = PP_CONTAINER(sink, struct wait, sink);

    w->iosb = irp->IoStatus;
    w->is_done = true;
    (void)ke_event_set(&w->event);
}

/* Lives until told: a contained request never comes back to the frame that waits. */
NTSTATUS io_send_wait(DEVICE_OBJECT *device, IRP *irp, IO_STATUS_BLOCK *iosb)
{
    struct wait *w = pp_new(sizeof *w);
    struct io_irp *i = io_irp_of(irp);
    NTSTATUS status;

    PP_ASSERT(w);
    w->sink.done = wait_done;
    KeInitializeEvent(&w->event, NotificationEvent, FALSE);
    i->sink = &w->sink;
    status = io_call(device, irp);
    if (status == STATUS_PENDING && !w->is_done)
        (void)ke_wait(&w->event, NULL, false, KernelMode);
    if (w->is_done) {
        status = w->iosb.Status;
    } else { /* a driver returned without completing it: nobody waits any more */
        w->iosb.Status = status;
        i = io_irp_of(irp);
        if (i && i->sink == &w->sink)
            i->sink = NULL;
    }
    if (iosb)
        *iosb = w->iosb;
    pp_free(w);
    return status;
}

/* The completion routine that wakes IoForwardIrpSynchronously; drivers see its stub. */
NT_EXPORT NTSTATUS NTAPI IopSynchronousCompletion(PDEVICE_OBJECT device, PIRP irp, PVOID event)
{
    (void)device;
    if (irp->PendingReturned)
        (void)ke_event_set(event);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* Doc: wdm, IoForwardIrpSynchronously: FALSE when no location is left; else the IRP is the
 * caller's. */
NT_EXPORT BOOLEAN NTAPI IoForwardIrpSynchronously(PDEVICE_OBJECT device, PIRP irp)
{
    IO_STACK_LOCATION *s, *next;
    KEVENT event;

    if (irp->CurrentLocation <= 1)
        return FALSE;
    KeInitializeEvent(&event, SynchronizationEvent, FALSE);
    s = io_stack(irp);
    next = io_stack_next(irp);
    memcpy(next, s, offsetof(IO_STACK_LOCATION, CompletionRoutine));
    next->CompletionRoutine =
        (PIO_COMPLETION_ROUTINE)(uintptr_t)ke_export_stub("IopSynchronousCompletion");
    next->Context = &event;
    next->Control = SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR | SL_INVOKE_ON_CANCEL;
    if (io_call(device, irp) == STATUS_PENDING)
        (void)ke_wait(&event, NULL, false, KernelMode);
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI IoForwardAndCatchIrp(PDEVICE_OBJECT device, PIRP irp)
{
    return IoForwardIrpSynchronously(device, irp);
}

/* ---- IoSetCompletionRoutineEx: keeps the driver's device until the routine has run ---- */

struct ex_completion {
    DEVICE_OBJECT *device;
    uint64_t routine, context;
};

NT_EXPORT NTSTATUS NTAPI IopUnloadSafeCompletion(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct ex_completion *c = context, copy = *c;
    NTSTATUS status;

    ex_free_kernel(c);
    status = (NTSTATUS)ke_call(copy.routine, KE_ARG(device), KE_ARG(irp), copy.context);
    ob_unref(copy.device);
    return status;
}

/* Doc: wdm, IoSetCompletionRoutineEx: an extra reference on the device keeps the driver loaded. */
NT_EXPORT NTSTATUS NTAPI IoSetCompletionRoutineEx(PDEVICE_OBJECT device, PIRP irp,
                                                  PIO_COMPLETION_ROUTINE routine, PVOID context,
                                                  BOOLEAN on_success, BOOLEAN on_error,
                                                  BOOLEAN on_cancel)
{
    IO_STACK_LOCATION *s = io_stack_next(irp);
    struct ex_completion *c = ex_alloc_kernel(sizeof *c, "IoUs", false);

    c->device = device;
    c->routine = KE_ARG(routine);
    c->context = KE_ARG(context);
    ob_ref(device);
    s->CompletionRoutine =
        (PIO_COMPLETION_ROUTINE)(uintptr_t)ke_export_stub("IopUnloadSafeCompletion");
    s->Context = c;
    s->Control =
        (UCHAR)((on_success ? SL_INVOKE_ON_SUCCESS : 0) | (on_error ? SL_INVOKE_ON_ERROR : 0) |
                (on_cancel ? SL_INVOKE_ON_CANCEL : 0));
    return STATUS_SUCCESS;
}
