/* Threads, DPCs, timers, work items and every kind of lock, used as documented, and a cancel-safe queue of
 * reads that writes answer. IOCTL 0x222000 runs the whole exercise. Must stay silent. */
#include <ntddk.h>

#define TAG 'rhTC'
#define CODE_RUN 0x222000
#define ROUNDS 20

DRIVER_INITIALIZE DriverEntry;

struct extension {
    /* The reads that wait: a cancel-safe queue. */
    IO_CSQ csq;
    KSPIN_LOCK queue_lock;
    LIST_ENTRY queue;
    /* The worker thread and what it is told. */
    PVOID thread;
    KEVENT stop, wake, answer;
    KSEMAPHORE jobs;
    LONG done;
    /* Timers. */
    KTIMER once, often;
    KDPC once_dpc, often_dpc;
    KEVENT fired;
    LONG ticks;
    /* Locks, each guarding a counter of its own. */
    KMUTEX mutex;
    FAST_MUTEX fast;
    KSPIN_LOCK spin;
    ERESOURCE resource;
    ULONG counter[4];
};

static NTSTATUS complete(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

/* ---- The queue of reads ---- */

static VOID NTAPI queue_insert(PIO_CSQ csq, PIRP irp)
{
    struct extension *x = CONTAINING_RECORD(csq, struct extension, csq);

    InsertTailList(&x->queue, &irp->Tail.Overlay.ListEntry);
}

static VOID NTAPI queue_remove(PIO_CSQ csq, PIRP irp)
{
    UNREFERENCED_PARAMETER(csq);
    RemoveEntryList(&irp->Tail.Overlay.ListEntry);
}

static PIRP NTAPI queue_peek(PIO_CSQ csq, PIRP irp, PVOID context)
{
    struct extension *x = CONTAINING_RECORD(csq, struct extension, csq);
    PLIST_ENTRY next = irp ? irp->Tail.Overlay.ListEntry.Flink : x->queue.Flink;

    for (; next != &x->queue; next = next->Flink) {
        PIRP found = CONTAINING_RECORD(next, IRP, Tail.Overlay.ListEntry);

        if (!context || IoGetCurrentIrpStackLocation(found)->FileObject == context)
            return found;
    }
    return NULL;
}

static VOID NTAPI queue_lock(PIO_CSQ csq, PKIRQL irql)
{
    struct extension *x = CONTAINING_RECORD(csq, struct extension, csq);

    KeAcquireSpinLock(&x->queue_lock, irql);
}

static VOID NTAPI queue_unlock(PIO_CSQ csq, KIRQL irql)
{
    struct extension *x = CONTAINING_RECORD(csq, struct extension, csq);

    KeReleaseSpinLock(&x->queue_lock, irql);
}

static VOID NTAPI queue_cancelled(PIO_CSQ csq, PIRP irp)
{
    UNREFERENCED_PARAMETER(csq);
    complete(irp, STATUS_CANCELLED, 0);
}

static NTSTATUS NTAPI on_read(PDEVICE_OBJECT device, PIRP irp)
{
    struct extension *x = device->DeviceExtension;

    if (!IoGetCurrentIrpStackLocation(irp)->Parameters.Read.Length)
        return complete(irp, STATUS_SUCCESS, 0);
    IoCsqInsertIrp(&x->csq, irp, NULL); /* marks it pending */
    return STATUS_PENDING;
}

/* A write answers the read that waits longest. */
static NTSTATUS NTAPI on_write(PDEVICE_OBJECT device, PIRP irp)
{
    struct extension *x = device->DeviceExtension;
    ULONG length = IoGetCurrentIrpStackLocation(irp)->Parameters.Write.Length;
    PIRP read = length ? IoCsqRemoveNextIrp(&x->csq, NULL) : NULL;

    if (read) {
        ULONG n = IoGetCurrentIrpStackLocation(read)->Parameters.Read.Length;

        if (n > length)
            n = length;
        RtlCopyMemory(read->AssociatedIrp.SystemBuffer, irp->AssociatedIrp.SystemBuffer, n);
        complete(read, STATUS_SUCCESS, n);
    }
    return complete(irp, STATUS_SUCCESS, length);
}

static NTSTATUS NTAPI on_cleanup(PDEVICE_OBJECT device, PIRP irp)
{
    struct extension *x = device->DeviceExtension;
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(irp)->FileObject;
    PIRP read;

    while ((read = IoCsqRemoveNextIrp(&x->csq, file)) != NULL)
        complete(read, STATUS_CANCELLED, 0);
    return complete(irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI on_create_close(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    return complete(irp, STATUS_SUCCESS, 0);
}

/* ---- Everybody adds to the counters, each under its lock ---- */

static void add_passive(struct extension *x)
{
    KIRQL old;

    KeWaitForSingleObject(&x->mutex, Executive, KernelMode, FALSE, NULL);
    x->counter[0]++;
    KeReleaseMutex(&x->mutex, FALSE);
    ExAcquireFastMutex(&x->fast);
    x->counter[1]++;
    ExReleaseFastMutex(&x->fast);
    KeAcquireSpinLock(&x->spin, &old);
    x->counter[2]++;
    KeReleaseSpinLock(&x->spin, old);
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&x->resource, TRUE);
    x->counter[3]++;
    ExReleaseResourceLite(&x->resource);
    KeLeaveCriticalRegion();
}

static void add_dispatch(struct extension *x)
{
    KeAcquireSpinLockAtDpcLevel(&x->spin);
    x->counter[2]++;
    KeReleaseSpinLockFromDpcLevel(&x->spin);
}

/* ---- Timers ---- */

static VOID NTAPI on_once(PKDPC dpc, PVOID context, PVOID a, PVOID b)
{
    struct extension *x = context;

    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(a);
    UNREFERENCED_PARAMETER(b);
    add_dispatch(x);
    KeSetEvent(&x->fired, IO_NO_INCREMENT, FALSE);
}

static VOID NTAPI on_often(PKDPC dpc, PVOID context, PVOID a, PVOID b)
{
    struct extension *x = context;

    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(a);
    UNREFERENCED_PARAMETER(b);
    add_dispatch(x);
    InterlockedIncrement(&x->ticks);
}

static NTSTATUS run_timers(struct extension *x)
{
    LARGE_INTEGER due = {.QuadPart = -50000}, pause = {.QuadPart = -1000000};

    KeClearEvent(&x->fired);
    x->ticks = 0;
    KeSetTimerEx(&x->often, due, 10, &x->often_dpc);
    KeSetTimer(&x->once, due, &x->once_dpc);
    KeWaitForSingleObject(&x->fired, Executive, KernelMode, FALSE, NULL);
    KeDelayExecutionThread(KernelMode, FALSE, &pause);
    KeCancelTimer(&x->often);
    KeFlushQueuedDpcs();
    return x->ticks >= 5 && x->ticks <= 20 ? STATUS_SUCCESS : STATUS_TIMER_NOT_CANCELED;
}

/* ---- Work items ---- */

struct work {
    struct extension *x;
    PIO_WORKITEM item;
    KEVENT done;
};

static VOID NTAPI on_work(PDEVICE_OBJECT device, PVOID context)
{
    struct work *w = context;

    UNREFERENCED_PARAMETER(device);
    add_passive(w->x);
    KeSetEvent(&w->done, IO_NO_INCREMENT, FALSE);
}

static NTSTATUS run_work(PDEVICE_OBJECT device, struct extension *x)
{
    struct work w[3];
    PVOID objects[3];
    KWAIT_BLOCK blocks[3];
    NTSTATUS status = STATUS_SUCCESS;
    ULONG i, n;

    for (n = 0; n < 3; n++) {
        w[n].x = x;
        w[n].item = IoAllocateWorkItem(device);
        if (!w[n].item) {
            status = STATUS_INSUFFICIENT_RESOURCES;
            break;
        }
        KeInitializeEvent(&w[n].done, NotificationEvent, FALSE);
        objects[n] = &w[n].done;
        IoQueueWorkItem(w[n].item, on_work, DelayedWorkQueue, &w[n]);
    }
    if (n)
        KeWaitForMultipleObjects(n, objects, WaitAll, Executive, KernelMode, FALSE, NULL, blocks);
    for (i = 0; i < n; i++)
        IoFreeWorkItem(w[i].item);
    return status;
}

/* ---- The thread ---- */

static VOID NTAPI worker(PVOID context)
{
    struct extension *x = context;
    PVOID objects[2] = {&x->stop, &x->jobs};

    for (;;) {
        NTSTATUS status = KeWaitForMultipleObjects(2, objects, WaitAny, Executive, KernelMode, FALSE,
                                                   NULL, NULL);

        if (status == STATUS_WAIT_0)
            PsTerminateSystemThread(STATUS_SUCCESS);
        add_passive(x);
        if (InterlockedIncrement(&x->done) == ROUNDS)
            KeSetEvent(&x->answer, IO_NO_INCREMENT, FALSE);
    }
}

static NTSTATUS run_thread(struct extension *x)
{
    LARGE_INTEGER minute = {.QuadPart = -600000000};
    ULONG i;

    x->done = 0;
    for (i = 0; i < ROUNDS; i++) {
        KeReleaseSemaphore(&x->jobs, IO_NO_INCREMENT, 1, FALSE);
        if (i % 7 == 3)
            add_passive(x);
    }
    return KeWaitForSingleObject(&x->answer, Executive, KernelMode, FALSE, &minute);
}

static NTSTATUS NTAPI on_control(PDEVICE_OBJECT device, PIRP irp)
{
    struct extension *x = device->DeviceExtension;
    ULONG code = IoGetCurrentIrpStackLocation(irp)->Parameters.DeviceIoControl.IoControlCode;
    NTSTATUS status;

    if (code != CODE_RUN)
        return complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    status = run_timers(x);
    if (NT_SUCCESS(status))
        status = run_work(device, x);
    if (NT_SUCCESS(status))
        status = run_thread(x);
    if (status == STATUS_TIMEOUT)
        status = STATUS_IO_TIMEOUT;
    if (NT_SUCCESS(status) && (x->counter[0] != x->counter[1] || x->counter[1] != x->counter[3]))
        status = STATUS_INTERNAL_ERROR;
    return complete(irp, status, 0);
}

/* ---- Coming and going ---- */

static UNICODE_STRING device_name = RTL_CONSTANT_STRING(L"\\Device\\ThreadsClean");
static UNICODE_STRING link_name = RTL_CONSTANT_STRING(L"\\DosDevices\\ThreadsClean");

static VOID NTAPI on_unload(PDRIVER_OBJECT driver)
{
    struct extension *x = driver->DeviceObject->DeviceExtension;

    KeSetEvent(&x->stop, IO_NO_INCREMENT, FALSE);
    KeWaitForSingleObject(x->thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(x->thread);
    KeCancelTimer(&x->often);
    KeCancelTimer(&x->once);
    KeFlushQueuedDpcs();
    ExDeleteResourceLite(&x->resource);
    IoDeleteSymbolicLink(&link_name);
    IoDeleteDevice(driver->DeviceObject);
}

static NTSTATUS init(struct extension *x)
{
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle;
    NTSTATUS status;

    InitializeListHead(&x->queue);
    KeInitializeSpinLock(&x->queue_lock);
    status = IoCsqInitialize(&x->csq, queue_insert, queue_remove, queue_peek, queue_lock, queue_unlock,
                             queue_cancelled);
    if (!NT_SUCCESS(status))
        return status;
    KeInitializeEvent(&x->stop, NotificationEvent, FALSE);
    KeInitializeEvent(&x->answer, SynchronizationEvent, FALSE);
    KeInitializeEvent(&x->fired, NotificationEvent, FALSE);
    KeInitializeSemaphore(&x->jobs, 0, 1000);
    KeInitializeTimer(&x->once);
    KeInitializeTimerEx(&x->often, SynchronizationTimer);
    KeInitializeDpc(&x->once_dpc, on_once, x);
    KeInitializeDpc(&x->often_dpc, on_often, x);
    KeInitializeMutex(&x->mutex, 0);
    ExInitializeFastMutex(&x->fast);
    KeInitializeSpinLock(&x->spin);
    status = ExInitializeResourceLite(&x->resource);
    if (!NT_SUCCESS(status))
        return status;
    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    status = PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, &attributes, NULL, NULL, worker, x);
    if (NT_SUCCESS(status)) {
        ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, NULL, KernelMode, &x->thread, NULL);
        ZwClose(handle);
    } else {
        ExDeleteResourceLite(&x->resource);
    }
    return status;
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    PDEVICE_OBJECT device;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registry_path);
    status = IoCreateDevice(driver, sizeof(struct extension), &device_name, FILE_DEVICE_UNKNOWN, 0,
                            FALSE, &device);
    if (!NT_SUCCESS(status))
        return status;
    status = IoCreateSymbolicLink(&link_name, &device_name);
    if (NT_SUCCESS(status)) {
        RtlZeroMemory(device->DeviceExtension, sizeof(struct extension));
        status = init(device->DeviceExtension);
        if (!NT_SUCCESS(status))
            IoDeleteSymbolicLink(&link_name);
    }
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }
    device->Flags |= DO_BUFFERED_IO;
    driver->MajorFunction[IRP_MJ_CREATE] = on_create_close;
    driver->MajorFunction[IRP_MJ_CLOSE] = on_create_close;
    driver->MajorFunction[IRP_MJ_CLEANUP] = on_cleanup;
    driver->MajorFunction[IRP_MJ_READ] = on_read;
    driver->MajorFunction[IRP_MJ_WRITE] = on_write;
    driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = on_control;
    driver->DriverUnload = on_unload;
    return STATUS_SUCCESS;
}
