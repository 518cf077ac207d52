/*
 * Queues of IRPs: the StartIo queue, cancel-safe queues, remove locks, and the one-second timer of
 * a device.
 *
 * Doc: WDK, "Using the System's IRP Queue", "Cancel-Safe IRP Queues", "Using Remove Locks";
 * wdm.h, IoStartPacket, IoCsqInitialize, IoInitializeRemoveLock; IoInitializeTimer.
 */
#include "kernel/io_nt.h"

#include <string.h>

/* ---- StartIo ---- */

enum { START_DEFERRED = 1, START_NON_CANCELABLE = 2 };

static void call_start_io(DEVICE_OBJECT *device, IRP *irp)
{
    (void)ke_call(KE_ARG(device->DriverObject->DriverStartIo), KE_ARG(device), KE_ARG(irp));
}

static KIRQL cancel_lock(void)
{
    KIRQL irql;
    IoAcquireCancelSpinLock(&irql);
    return irql;
}

static void cancel_unlock(KIRQL irql)
{
    IoReleaseCancelSpinLock(irql);
}

/* Doc: ntifs/ntddk, IoSetStartIoAttributes: deferred calls do not recurse through
 * IoStartNextPacket. */
NT_EXPORT VOID NTAPI IoSetStartIoAttributes(PDEVICE_OBJECT device, BOOLEAN deferred,
                                            BOOLEAN non_cancelable)
{
    device->DeviceObjectExtension->StartIoFlags =
        (deferred ? START_DEFERRED : 0u) | (non_cancelable ? START_NON_CANCELABLE : 0u);
}

NT_EXPORT VOID NTAPI IoStartPacket(PDEVICE_OBJECT device, PIRP irp, PULONG key,
                                   PDRIVER_CANCEL cancel)
{
    KIRQL old = ke_irql_raise(DISPATCH_LEVEL), irql = DISPATCH_LEVEL;
    KDEVICE_QUEUE_ENTRY *e = &irp->Tail.Overlay.DeviceQueueEntry;
    bool queued;

    if (cancel) {
        irql = cancel_lock();
        irp->CancelRoutine = cancel;
    }
    queued = key ? KeInsertByKeyDeviceQueue(&device->DeviceQueue, e, *key)
                 : KeInsertDeviceQueue(&device->DeviceQueue, e);
    if (queued) {
        /* Cancelled before it was queued: nobody else will notice. */
        if (cancel && irp->Cancel) {
            irp->CancelIrql = irql;
            irp->CancelRoutine = NULL;
            (void)ke_call(KE_ARG(cancel), KE_ARG(device), KE_ARG(irp)); /* releases the lock */
        } else if (cancel) {
            cancel_unlock(irql);
        }
        ke_irql_lower(old);
        return;
    }
    device->CurrentIrp = irp;
    if (cancel) {
        if (device->DeviceObjectExtension->StartIoFlags & START_NON_CANCELABLE)
            irp->CancelRoutine = NULL;
        cancel_unlock(irql);
    }
    call_start_io(device, irp);
    ke_irql_lower(old);
}

/* Take the next packet; the routine that starts it runs with nothing held. */
static void start_next(DEVICE_OBJECT *device, bool cancelable, bool by_key, ULONG key)
{
    KDEVICE_QUEUE_ENTRY *e;
    KIRQL irql = 0;
    IRP *irp = NULL;

    if (cancelable)
        irql = cancel_lock();
    device->CurrentIrp = NULL;
    e = by_key ? KeRemoveByKeyDeviceQueue(&device->DeviceQueue, key)
               : KeRemoveDeviceQueue(&device->DeviceQueue);
    if (e) {
        irp = CONTAINING_RECORD(e, IRP, Tail.Overlay.DeviceQueueEntry);
        device->CurrentIrp = irp;
        if (cancelable && (device->DeviceObjectExtension->StartIoFlags & START_NON_CANCELABLE))
            irp->CancelRoutine = NULL;
    }
    if (cancelable)
        cancel_unlock(irql);
    if (irp)
        call_start_io(device, irp);
}

/* With deferral, a StartIo routine that asks for the next packet gets it after it has returned. */
static void next_packet(DEVICE_OBJECT *device, bool cancelable, bool by_key, ULONG key)
{
    DEVOBJ_EXTENSION *ext = device->DeviceObjectExtension;

    if (!(ext->StartIoFlags & START_DEFERRED)) {
        start_next(device, cancelable, by_key, key);
        return;
    }
    if (++ext->StartIoCount > 1)
        return; /* the loop below, further up this stack, goes on */
    do {
        start_next(device, cancelable, by_key, key);
    } while (--ext->StartIoCount);
}

NT_EXPORT VOID NTAPI IoStartNextPacket(PDEVICE_OBJECT device, BOOLEAN cancelable)
{
    next_packet(device, cancelable, false, 0);
}

NT_EXPORT VOID NTAPI IoStartNextPacketByKey(PDEVICE_OBJECT device, BOOLEAN cancelable, ULONG key)
{
    next_packet(device, cancelable, true, key);
}

/* ---- Cancel-safe queues ---- */

static void csq_complete(IO_CSQ *csq, IRP *irp)
{
    (void)ke_call(KE_ARG(csq->CsqCompleteCanceledIrp), KE_ARG(csq), KE_ARG(irp));
}

static KIRQL csq_lock(IO_CSQ *csq)
{
    KIRQL irql = 0;

    (void)ke_call(KE_ARG(csq->CsqAcquireLock), KE_ARG(csq), KE_ARG(&irql));
    return irql;
}

static void csq_unlock(IO_CSQ *csq, KIRQL irql)
{
    (void)ke_call(KE_ARG(csq->CsqReleaseLock), KE_ARG(csq), irql);
}

/* The cancel routine of queued IRPs; drivers see its stub. DriverContext[3] leads to the queue, by
 * way of the caller's context when there is one. */
NT_EXPORT VOID NTAPI IopCsqCancel(PDEVICE_OBJECT device, PIRP irp)
{
    ULONG *type = irp->Tail.Overlay.DriverContext[3];
    IO_CSQ *csq = (IO_CSQ *)type;
    KIRQL irql;
    (void)device;
    IoReleaseCancelSpinLock(irp->CancelIrql);
    if (*type == IO_TYPE_CSQ_IRP_CONTEXT)
        csq = ((IO_CSQ_IRP_CONTEXT *)type)->Csq;
    irql = csq_lock(csq);
    (void)ke_call(KE_ARG(csq->CsqRemoveIrp), KE_ARG(csq), KE_ARG(irp));
    if (*type == IO_TYPE_CSQ_IRP_CONTEXT)
        ((IO_CSQ_IRP_CONTEXT *)type)->Irp = NULL;
    irp->Tail.Overlay.DriverContext[3] = NULL;
    csq_unlock(csq, irql);
    csq_complete(csq, irp);
}

static void csq_fill(IO_CSQ *csq, PVOID const fn[6])
{
    csq->CsqInsertIrp = (IO_CSQ_INSERT_IRP *)(uintptr_t)fn[0];
    csq->CsqRemoveIrp = (IO_CSQ_REMOVE_IRP *)(uintptr_t)fn[1];
    csq->CsqPeekNextIrp = (IO_CSQ_PEEK_NEXT_IRP *)(uintptr_t)fn[2];
    csq->CsqAcquireLock = (IO_CSQ_ACQUIRE_LOCK *)(uintptr_t)fn[3];
    csq->CsqReleaseLock = (IO_CSQ_RELEASE_LOCK *)(uintptr_t)fn[4];
    csq->CsqCompleteCanceledIrp = (IO_CSQ_COMPLETE_CANCELED_IRP *)(uintptr_t)fn[5];
    csq->ReservePointer = NULL;
}

NT_EXPORT NTSTATUS NTAPI IoCsqInitialize(PIO_CSQ csq, PVOID insert, PVOID remove, PVOID peek,
                                         PVOID acquire, PVOID release, PVOID complete)
{
    PVOID const fn[6] = {insert, remove, peek, acquire, release, complete};

    csq->Type = IO_TYPE_CSQ;
    csq_fill(csq, fn);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI IoCsqInitializeEx(PIO_CSQ csq, PVOID insert, PVOID remove, PVOID peek,
                                           PVOID acquire, PVOID release, PVOID complete)
{
    PVOID const fn[6] = {insert, remove, peek, acquire, release, complete};

    csq->Type = IO_TYPE_CSQ_EX;
    csq_fill(csq, fn);
    return STATUS_SUCCESS;
}

static PDRIVER_CANCEL csq_cancel_stub(void)
{
    return (PDRIVER_CANCEL)(uintptr_t)ke_export_stub("IopCsqCancel");
}

/* Doc: wdm, IoCsqInsertIrpEx: marks the IRP pending, queues it, makes it cancelable. */
NT_EXPORT NTSTATUS NTAPI IoCsqInsertIrpEx(PIO_CSQ csq, PIRP irp, PIO_CSQ_IRP_CONTEXT context,
                                          PVOID insert_context)
{
    NTSTATUS status = STATUS_SUCCESS;
    KIRQL irql;

    if (context) {
        irp->Tail.Overlay.DriverContext[3] = context;
        context->Irp = irp;
        context->Csq = csq;
        context->Type = IO_TYPE_CSQ_IRP_CONTEXT;
    } else {
        irp->Tail.Overlay.DriverContext[3] = csq;
    }
    csq->ReservePointer = NULL;
    irql = csq_lock(csq);
    if (csq->Type == IO_TYPE_CSQ_EX) {
        status = (NTSTATUS)ke_call(KE_ARG(csq->CsqInsertIrpEx), KE_ARG(csq), KE_ARG(irp),
                                   KE_ARG(insert_context));
        if (!NT_SUCCESS(status)) {
            csq_unlock(csq, irql);
            return status;
        }
    } else {
        (void)ke_call(KE_ARG(csq->CsqInsertIrp), KE_ARG(csq), KE_ARG(irp));
    }
    io_stack(irp)->Control |= SL_PENDING_RETURNED;
    (void)__atomic_exchange_n(&irp->CancelRoutine, csq_cancel_stub(), __ATOMIC_SEQ_CST);
    if (irp->Cancel && __atomic_exchange_n(&irp->CancelRoutine, NULL, __ATOMIC_SEQ_CST)) {
        (void)ke_call(KE_ARG(csq->CsqRemoveIrp), KE_ARG(csq), KE_ARG(irp));
        if (context)
            context->Irp = NULL;
        irp->Tail.Overlay.DriverContext[3] = NULL;
        csq_unlock(csq, irql);
        csq_complete(csq, irp);
        return status;
    }
    csq_unlock(csq, irql);
    return status;
}

NT_EXPORT VOID NTAPI IoCsqInsertIrp(PIO_CSQ csq, PIRP irp, PIO_CSQ_IRP_CONTEXT context)
{
    (void)IoCsqInsertIrpEx(csq, irp, context, NULL);
}

/* The IRP is ours when its cancel routine was still set. With the queue's lock held. */
static bool csq_claim(IO_CSQ *csq, IRP *irp)
{
    ULONG *type = irp->Tail.Overlay.DriverContext[3];

    if (!__atomic_exchange_n(&irp->CancelRoutine, NULL, __ATOMIC_SEQ_CST))
        return false; /* being cancelled */
    (void)ke_call(KE_ARG(csq->CsqRemoveIrp), KE_ARG(csq), KE_ARG(irp));
    if (*type == IO_TYPE_CSQ_IRP_CONTEXT)
        ((IO_CSQ_IRP_CONTEXT *)type)->Irp = NULL;
    irp->Tail.Overlay.DriverContext[3] = NULL;
    return true;
}

NT_EXPORT PIRP NTAPI IoCsqRemoveNextIrp(PIO_CSQ csq, PVOID context)
{
    KIRQL irql;
    IRP *irp = NULL;

    csq->ReservePointer = NULL;
    irql = csq_lock(csq);
    for (;;) {
        irp = (IRP *)(uintptr_t)ke_call(KE_ARG(csq->CsqPeekNextIrp), KE_ARG(csq), KE_ARG(irp),
                                        KE_ARG(context));
        if (!irp || csq_claim(csq, irp))
            break;
    }
    csq_unlock(csq, irql);
    return irp;
}

NT_EXPORT PIRP NTAPI IoCsqRemoveIrp(PIO_CSQ csq, PIO_CSQ_IRP_CONTEXT context)
{
    KIRQL irql;
    IRP *irp;

    csq->ReservePointer = NULL;
    irql = csq_lock(csq);
    irp = context->Irp;
    if (irp && !csq_claim(csq, irp))
        irp = NULL;
    csq_unlock(csq, irql);
    return irp;
}

/* ---- Remove locks ---- */

/* Doc: wdm, IO_REMOVE_LOCK: free and checked drivers hand in structures of different sizes. */
static bool is_checked(ULONG size)
{
    return size == sizeof(IO_REMOVE_LOCK_CHECKED);
}

/* An acquired tag, in our own memory; kept for every lock, so that mismatches are told exactly. */
struct lock_tag {
    struct pp_list link;
    const void *lock, *tag;
};
static struct pp_list tags = {&tags, &tags};

static void tag_add(const void *lock, const void *tag)
{
    struct lock_tag *t = pp_new(sizeof *t);

    PP_ASSERT(t);
    t->lock = lock;
    t->tag = tag;
    pp_list_push_back(&tags, &t->link);
}

static bool tag_remove(const void *lock, const void *tag)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &tags)
    {
        struct lock_tag *t = PP_CONTAINER(it, struct lock_tag, link);

        if (t->lock == lock && t->tag == tag) {
            pp_list_remove(it);
            pp_free(t);
            return true;
        }
    }
    return false;
}

static void tags_forget(const void *lock)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &tags)
    {
        struct lock_tag *t = PP_CONTAINER(it, struct lock_tag, link);

        if (t->lock == lock) {
            pp_list_remove(it);
            pp_free(t);
        }
    }
}

/* Remove locks in use, by address. */
static struct {
    uint64_t *made;
    size_t count, room;
} locks;

static void lock_made(const IO_REMOVE_LOCK *lock)
{
    for (size_t i = 0; i < locks.count; i++) {
        if (locks.made[i] != KE_ARG(lock))
            continue;
        io_rule(VF_VER_REMOVE_LOCK_AGAIN, 0, KE_ARG(lock), KE_ARG(lock), 0, NULL);
        return;
    }
    if (locks.count == locks.room) {
        locks.room = locks.room ? locks.room * 2 : 16;
        locks.made = pp_resize(locks.made, locks.room * sizeof *locks.made);
        PP_ASSERT(locks.made);
    }
    locks.made[locks.count++] = KE_ARG(lock);
}

void io_remove_lock_gone(uint64_t start, uint64_t size)
{
    for (size_t i = locks.count; i-- > 0;) {
        if (locks.made[i] - start < size)
            locks.made[i] = locks.made[--locks.count];
    }
}

NT_EXPORT VOID NTAPI IoInitializeRemoveLockEx(PIO_REMOVE_LOCK lock, ULONG allocate_tag,
                                              ULONG max_minutes, ULONG high_watermark, ULONG size)
{
    mm_check_range(lock, size, true);
    lock_made(lock);
    tags_forget(lock);
    memset(lock, 0, size);
    lock->Common.IoCount = 1;
    KeInitializeEvent(&lock->Common.RemoveEvent, SynchronizationEvent, FALSE);
    if (is_checked(size)) {
        IO_REMOVE_LOCK_DBG_BLOCK *dbg = &((IO_REMOVE_LOCK_CHECKED *)lock)->Dbg;

        dbg->Signature = 0x4D4C4F43; /* 'COLM' read backwards, as stored */
        dbg->HighWatermark = high_watermark;
        dbg->MaxLockedTicks = (LONGLONG)max_minutes * 60 * 64;
        dbg->AllocateTag = (LONG)allocate_tag;
        io_list_init(&dbg->LockList);
    }
}

NT_EXPORT NTSTATUS NTAPI IoAcquireRemoveLockEx(PIO_REMOVE_LOCK lock, PVOID tag, PCSTR file,
                                               ULONG line, ULONG size)
{
    (void)file; /* for the debugger of checked drivers */
    (void)line;
    (void)size;
    __atomic_add_fetch(&lock->Common.IoCount, 1, __ATOMIC_SEQ_CST);
    if (!lock->Common.Removed) {
        tag_add(lock, tag);
        return STATUS_SUCCESS;
    }
    if (__atomic_sub_fetch(&lock->Common.IoCount, 1, __ATOMIC_SEQ_CST) == 0)
        (void)ke_event_set(&lock->Common.RemoveEvent);
    return STATUS_DELETE_PENDING;
}

NT_EXPORT VOID NTAPI IoReleaseRemoveLockEx(PIO_REMOVE_LOCK lock, PVOID tag, ULONG size)
{
    (void)size;
    if (!tag_remove(lock, tag))
        io_rule(VF_VER_LOCK_TAG, 0xD5, (uint64_t)(uintptr_t)lock, (uint64_t)(uintptr_t)tag, 0,
                NULL);
    if (__atomic_sub_fetch(&lock->Common.IoCount, 1, __ATOMIC_SEQ_CST) == 0)
        (void)ke_event_set(&lock->Common.RemoveEvent);
}

NT_EXPORT VOID NTAPI IoReleaseRemoveLockAndWaitEx(PIO_REMOVE_LOCK lock, PVOID tag, ULONG size)
{
    (void)size;
    if (!tag_remove(lock, tag))
        io_rule(VF_VER_LOCK_RELEASE_WAIT_TAG, 0xD6, (uint64_t)(uintptr_t)lock,
                (uint64_t)(uintptr_t)tag, 0, NULL);
    lock->Common.Removed = TRUE;
    __atomic_sub_fetch(&lock->Common.IoCount, 1, __ATOMIC_SEQ_CST);
    if (__atomic_sub_fetch(&lock->Common.IoCount, 1, __ATOMIC_SEQ_CST) > 0)
        (void)ke_wait(&lock->Common.RemoveEvent, NULL, false, KernelMode);
}

/* ---- Device timers: once a second, at DISPATCH_LEVEL ---- */

struct timer {
    struct pp_list link;
    struct ke_timeout timeout;
    KDPC dpc; /* natively queued; its routine is ours */
    DEVICE_OBJECT *device;
    uint64_t routine, context;
    bool is_running;
};
static struct pp_list timers = {&timers, &timers};

enum { SECOND = 10000000 };

static struct timer *timer_of(const DEVICE_OBJECT *device)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &timers)
    {
        struct timer *t = PP_CONTAINER(it, struct timer, link);

        if (t->device == device)
            return t;
    }
    return NULL;
}

/* The DPC of every device timer; its stub is what the DPC queue sees. */
NT_EXPORT VOID NTAPI IopTimerDpc(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct timer *t = timer_of(context);

    (void)dpc;
    (void)argument1;
    (void)argument2;
    if (t && t->is_running)
        (void)ke_call(t->routine, KE_ARG(t->device), t->context);
}

static void timer_fire(struct ke_timeout *timeout)
{
    struct timer *t = PP_CONTAINER(timeout, struct timer, timeout);

    if (!t->is_running)
        return;
    (void)ke_dpc_queue(&t->dpc, NULL, NULL);
    ke_timeout_arm(timeout, ke_time_now() + SECOND);
}

NT_EXPORT NTSTATUS NTAPI IoInitializeTimer(PDEVICE_OBJECT device, PIO_TIMER_ROUTINE routine,
                                           PVOID context)
{
    struct timer *t = timer_of(device);

    if (t) {
        io_rule(VF_IO_TIMER_TWICE, 0xA, (uint64_t)(uintptr_t)device, 0, 0, NULL);
    } else {
        t = pp_new(sizeof *t);
        PP_ASSERT(t);
        t->device = device;
        t->timeout.fn = timer_fire;
        KeInitializeDpc(&t->dpc, (PKDEFERRED_ROUTINE)(uintptr_t)ke_export_stub("IopTimerDpc"),
                        device);
        pp_list_push_back(&timers, &t->link);
        /* Only its being there matters to drivers. */
        device->Timer = ex_alloc_kernel(0x30, "IoTi", false);
    }
    t->routine = KE_ARG(routine);
    t->context = KE_ARG(context);
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI IoStartTimer(PDEVICE_OBJECT device)
{
    struct timer *t = timer_of(device);

    if (!t || t->is_running)
        return;
    t->is_running = true;
    ke_timeout_arm(&t->timeout, ke_time_now() + SECOND);
}

NT_EXPORT VOID NTAPI IoStopTimer(PDEVICE_OBJECT device)
{
    struct timer *t = timer_of(device);

    if (!t || !t->is_running)
        return;
    t->is_running = false;
    ke_timeout_disarm(&t->timeout);
}

void io_timer_wipe(DEVICE_OBJECT *device)
{
    struct timer *t = timer_of(device);

    if (!t)
        return;
    IoStopTimer(device);
    (void)KeRemoveQueueDpc(&t->dpc);
    pp_list_remove(&t->link);
    if (device->Timer)
        ex_free_kernel(device->Timer);
    device->Timer = NULL;
    pp_free(t);
}
