/*
 * One request on an open file: the buffers as the method or the device's flags want them, the IRP,
 * the wait.
 *
 * Sinks live on the heap, because an asynchronous request outlives the call, and a contained one
 * never comes back to the frame that waits.
 *
 * Doc: WDK, "Methods for Accessing Data Buffers", "Buffer Descriptions for I/O Control Codes".
 * Not yet: completion ports.
 */
#include "kernel/kernel_priv.h"

#include <string.h>

PMDL NTAPI IoAllocateMdl(PVOID address, ULONG length, BOOLEAN secondary, BOOLEAN quota, PIRP irp);
VOID NTAPI IoFreeMdl(PMDL mdl);
VOID NTAPI KeInitializeApc(PRKAPC apc, PKTHREAD thread, KAPC_ENVIRONMENT environment,
                           PKKERNEL_ROUTINE kernel, PKRUNDOWN_ROUTINE rundown,
                           PKNORMAL_ROUTINE normal, KPROCESSOR_MODE mode, PVOID context);
BOOLEAN NTAPI KeInsertQueueApc(PRKAPC apc, PVOID argument1, PVOID argument2, KPRIORITY increment);
VOID NTAPI KeInitializeEvent(PRKEVENT event, EVENT_TYPE type, BOOLEAN state);

struct pending {
    struct io_sink sink;
    KEVENT done;
    IO_STATUS_BLOCK result;
    bool is_done, has_waiter;
    FILE_OBJECT *file;     /* referenced */
    KEVENT *event;         /* referenced; may be NULL */
    IO_STATUS_BLOCK *iosb; /* the caller's */
    PVOID apc_routine, apc_context;
    KPROCESSOR_MODE mode;
    void *out; /* where buffered results go; NULL: nowhere */
    size_t out_size;
};

/* The kernel routine of completion APCs; drivers see its stub. Runs before the caller's routine. */
NT_EXPORT VOID NTAPI ZwpCompletionApc(PKAPC apc, PKNORMAL_ROUTINE *routine, PVOID *context,
                                      PVOID *argument1, PVOID *argument2)
{
    (void)routine, (void)context, (void)argument1, (void)argument2;
    ex_free_kernel(apc);
}

/* The caller's routine, in its own thread: (context, I/O status block, 0). */
static void queue_apc(const struct pending *p, ETHREAD *thread)
{
    KAPC *apc = ex_alloc_kernel(sizeof *apc, "IoAp", false);

    KeInitializeApc(apc, &thread->Tcb, CurrentApcEnvironment,
                    (PKKERNEL_ROUTINE)(uintptr_t)ke_export_stub("ZwpCompletionApc"), NULL,
                    (PKNORMAL_ROUTINE)(uintptr_t)p->apc_routine, p->mode, p->apc_context);
    if (!KeInsertQueueApc(apc, p->iosb, NULL, 0))
        ex_free_kernel(apc); /* the thread has ended */
}

static void on_done(struct io_sink *sink, IRP *irp)
{
    struct pending *p = PP_CONTAINER(sink, struct pending, sink);
    size_t got = PP_MIN((size_t)irp->IoStatus.Information, p->out_size);

    p->result = irp->IoStatus;
    if (p->out && irp->AssociatedIrp.SystemBuffer && !NT_ERROR(irp->IoStatus.Status) && got)
        mm_copy(p->out, irp->AssociatedIrp.SystemBuffer, got);
    if (p->iosb && (!NT_ERROR(p->result.Status) || irp->PendingReturned)) {
        p->iosb->Information = p->result.Information;
        p->iosb->Status = p->result.Status;
    }
    if (p->apc_routine && (!NT_ERROR(p->result.Status) || irp->PendingReturned))
        queue_apc(p, irp->Tail.Overlay.Thread);
    if (p->event)
        (void)ke_event_set(p->event);
    (void)ke_event_set(&p->file->Event);
    p->is_done = true;
    (void)ke_event_set(&p->done);
    if (p->event)
        ob_unref(p->event);
    p->event = NULL;
    if (!p->has_waiter) {
        ob_unref(p->file);
        pp_free(p);
    }
}

/* ---- Buffers ---- */

static void buffered(IRP *irp, size_t size, const void *in, size_t in_size)
{
    if (!size)
        return;
    irp->AssociatedIrp.SystemBuffer = ex_alloc_kernel(size, "IoSb", false);
    irp->Flags |= IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
    if (in_size)
        mm_copy(irp->AssociatedIrp.SystemBuffer, in, in_size);
}

static NTSTATUS direct(IRP *irp, void *buffer, size_t size, KPROCESSOR_MODE mode,
                       bool driver_writes)
{
    PMDL mdl;
    NTSTATUS status;

    if (!size)
        return STATUS_SUCCESS;
    mdl = IoAllocateMdl(buffer, (ULONG)size, FALSE, FALSE, irp);
    if (!mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = mm_mdl_lock(mdl, mode, driver_writes ? IoWriteAccess : IoReadAccess);
    if (status) {
        irp->MdlAddress = NULL;
        IoFreeMdl(mdl);
    }
    return status;
}

static NTSTATUS by_flags(const struct io_rw *rw, IRP *irp, ULONG flags, bool reads)
{
    void *buffer = reads ? rw->out : rw->in;
    size_t size = reads ? rw->out_size : rw->in_size;

    irp->UserBuffer = buffer;
    if (flags & DO_BUFFERED_IO) {
        buffered(irp, size, buffer, reads ? 0 : size);
        if (reads)
            irp->Flags |= IRP_INPUT_OPERATION;
        return STATUS_SUCCESS;
    }
    return flags & DO_DIRECT_IO ? direct(irp, buffer, size, rw->mode, reads) : STATUS_SUCCESS;
}

static NTSTATUS control_buffers(const struct io_rw *rw, IRP *irp, IO_STACK_LOCATION *s)
{
    ULONG method = rw->code & 3;

    s->Parameters.DeviceIoControl.OutputBufferLength = rw->out_size;
    s->Parameters.DeviceIoControl.InputBufferLength = rw->in_size;
    s->Parameters.DeviceIoControl.IoControlCode = rw->code;
    irp->UserBuffer = rw->out;
    switch (method) {
    case METHOD_BUFFERED:
        buffered(irp, PP_MAX(rw->in_size, rw->out_size), rw->in, rw->in_size);
        irp->Flags |= IRP_INPUT_OPERATION;
        return STATUS_SUCCESS;
    case METHOD_NEITHER:
        s->Parameters.DeviceIoControl.Type3InputBuffer = rw->in;
        return STATUS_SUCCESS;
    default:
        buffered(irp, rw->in_size, rw->in, rw->in_size);
        return direct(irp, rw->out, rw->out_size, rw->mode, method == METHOD_OUT_DIRECT);
    }
}

static NTSTATUS fill(struct io_rw *rw, IRP *irp, IO_STACK_LOCATION *s, ULONG flags)
{
    NTSTATUS status = STATUS_SUCCESS;

    switch (rw->major) {
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
        s->Parameters.Read.Length = rw->major == IRP_MJ_READ ? rw->out_size : rw->in_size;
        s->Parameters.Read.Key = rw->key;
        s->Parameters.Read.ByteOffset = rw->offset;
        irp->Flags |= rw->major == IRP_MJ_READ ? IRP_READ_OPERATION : IRP_WRITE_OPERATION;
        if (rw->file->Flags & FO_NO_INTERMEDIATE_BUFFERING)
            irp->Flags |= IRP_NOCACHE;
        status = by_flags(rw, irp, flags, rw->major == IRP_MJ_READ);
        break;
    case IRP_MJ_DEVICE_CONTROL:
    case IRP_MJ_INTERNAL_DEVICE_CONTROL:
    case IRP_MJ_FILE_SYSTEM_CONTROL:
        status = control_buffers(rw, irp, s);
        break;
    case IRP_MJ_QUERY_INFORMATION:
    case IRP_MJ_QUERY_VOLUME_INFORMATION:
        s->Parameters.QueryFile.Length = rw->out_size;
        s->Parameters.QueryFile.FileInformationClass = rw->info_class;
        irp->UserBuffer = rw->out;
        buffered(irp, rw->out_size, NULL, 0);
        irp->Flags |= IRP_INPUT_OPERATION;
        break;
    case IRP_MJ_SET_INFORMATION:
    case IRP_MJ_SET_VOLUME_INFORMATION:
        s->Parameters.SetFile.Length = rw->in_size;
        s->Parameters.SetFile.FileInformationClass = rw->info_class;
        buffered(irp, rw->in_size, rw->in, rw->in_size);
        break;
    case IRP_MJ_DIRECTORY_CONTROL:
        status = by_flags(rw, irp, flags, true);
        break;
    default:
        break;
    }
    if (!status && rw->prepare && !rw->prepare(rw, irp, s))
        status = STATUS_INVALID_PARAMETER;
    return status;
}

/* ---- The request ---- */

static struct pending *pending_new(const struct io_rw *rw)
{
    struct pending *p = pp_new(sizeof *p);

    if (!p)
        return NULL;
    p->sink.done = on_done;
    KeInitializeEvent(&p->done, NotificationEvent, FALSE);
    p->has_waiter = true;
    p->file = rw->file;
    p->iosb = rw->iosb;
    p->event = rw->event;
    p->apc_routine = rw->apc_routine;
    p->apc_context = rw->apc_context;
    p->mode = rw->mode;
    ob_ref(p->file);
    if (p->event)
        ob_ref(p->event);
    return p;
}

static void pending_free(struct pending *p)
{
    if (p->event)
        ob_unref(p->event);
    ob_unref(p->file);
    pp_free(p);
}

static void irp_drop(IRP *irp)
{
    if (irp->AssociatedIrp.SystemBuffer)
        ex_free_kernel(irp->AssociatedIrp.SystemBuffer);
    io_irp_free(irp);
}

static NTSTATUS dispatch(const struct io_rw *rw, struct pending *p, DEVICE_OBJECT *device, IRP *irp)
{
    NTSTATUS status;

    rw->file->Event.Header.SignalState = 0;
    status = io_call(device, irp);
    if (p->is_done) {
        /* An error that came at once is only a status; the I/O status block stays as it was. */
        status = status == STATUS_PENDING && !rw->async ? p->result.Status : status;
        pending_free(p);
        return status;
    }
    if (status != STATUS_PENDING) { /* returned a status and did not complete: nobody will */
        p->has_waiter = false;
        return status;
    }
    if (rw->async) {
        p->has_waiter = false;
        return STATUS_PENDING;
    }
    (void)ke_wait(&p->done, NULL, false, KernelMode); /* only completion can end it */
    status = p->result.Status;
    if (p->iosb) {
        p->iosb->Information = p->result.Information;
        p->iosb->Status = status;
    }
    pending_free(p);
    return status;
}

NTSTATUS zw_request(struct io_rw *rw)
{
    DEVICE_OBJECT *device = io_file_device(rw->file);
    struct pending *p;
    IO_STACK_LOCATION *s;
    NTSTATUS status;
    IRP *irp;

    p = pending_new(rw);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    irp = io_irp_new(device->StackSize);
    s = io_stack_next(irp);
    irp->RequestorMode = rw->mode;
    irp->Tail.Overlay.OriginalFileObject = rw->file;
    irp->Tail.Overlay.Thread = ke_thread_now->object;
    s->MajorFunction = rw->major;
    s->MinorFunction = rw->minor;
    s->FileObject = rw->file;
    s->DeviceObject = device;
    status = fill(rw, irp, s, device->Flags);
    if (status) {
        irp_drop(irp);
        pending_free(p);
        return status;
    }
    if (irp->AssociatedIrp.SystemBuffer && irp->Flags & IRP_INPUT_OPERATION) {
        p->out = rw->out;
        p->out_size = rw->out_size;
    }
    io_irp_of(irp)->sink = &p->sink;
    return dispatch(rw, p, device, irp);
}
