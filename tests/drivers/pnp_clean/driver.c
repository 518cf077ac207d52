/* A function driver as the kit's documentation describes it: AddDevice, start, stop and removal under a
 * remove lock, a device interface, reads, writes and control requests, power. Must stay silent. */
#include <ntddk.h>
#include <initguid.h>

#define TAG 'CpnP'
#define ROOM 256
#define CODE_CLEAR CTL_CODE(FILE_DEVICE_UNKNOWN, 0x901, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define CODE_LEVEL CTL_CODE(FILE_DEVICE_UNKNOWN, 0x902, METHOD_OUT_DIRECT, FILE_ANY_ACCESS)

DEFINE_GUID(GUID_PNP_CLEAN, 0x2f5b1c9e, 0x7d42, 0x4e0b, 0x9b, 0x1f, 0x60, 0x3a, 0x52, 0xc8, 0x10, 0x77);

DRIVER_INITIALIZE DriverEntry;

enum state { ADDED, STARTED, STOP_PENDING, STOPPED, REMOVE_PENDING, SURPRISE_REMOVED };

struct extension {
    PDEVICE_OBJECT device, pdo, below;
    IO_REMOVE_LOCK lock;
    UNICODE_STRING link; /* of the interface */
    enum state state, previous;
    DEVICE_POWER_STATE power;
    FAST_MUTEX mutex; /* guards the two below */
    PUCHAR data;      /* what was written, in the order of writing */
    ULONG used;
};

static NTSTATUS complete(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

/* ---- Requests of programs ---- */

static NTSTATUS NTAPI on_create_close(PDEVICE_OBJECT device, PIRP irp)
{
    struct extension *x = device->DeviceExtension;
    NTSTATUS status = IoAcquireRemoveLock(&x->lock, irp);

    if (!NT_SUCCESS(status))
        return complete(irp, status, 0);
    status = complete(irp, STATUS_SUCCESS, 0);
    IoReleaseRemoveLock(&x->lock, irp);
    return status;
}

static NTSTATUS take(struct extension *x, PVOID to, ULONG length, ULONG_PTR *moved)
{
    ULONG n;

    if (x->state != STARTED || x->power != PowerDeviceD0)
        return STATUS_DEVICE_NOT_READY;
    ExAcquireFastMutex(&x->mutex);
    n = length < x->used ? length : x->used;
    RtlCopyMemory(to, x->data, n);
    RtlMoveMemory(x->data, x->data + n, x->used - n);
    x->used -= n;
    ExReleaseFastMutex(&x->mutex);
    *moved = n;
    return STATUS_SUCCESS;
}

static NTSTATUS put(struct extension *x, PVOID from, ULONG length, ULONG_PTR *moved)
{
    NTSTATUS status = STATUS_SUCCESS;

    if (x->state != STARTED || x->power != PowerDeviceD0)
        return STATUS_DEVICE_NOT_READY;
    ExAcquireFastMutex(&x->mutex);
    if (length > ROOM - x->used) {
        status = STATUS_DISK_FULL;
    } else {
        RtlCopyMemory(x->data + x->used, from, length);
        x->used += length;
        *moved = length;
    }
    ExReleaseFastMutex(&x->mutex);
    return status;
}

static NTSTATUS NTAPI on_read_write(PDEVICE_OBJECT device, PIRP irp)
{
    struct extension *x = device->DeviceExtension;
    PIO_STACK_LOCATION sp = IoGetCurrentIrpStackLocation(irp);
    ULONG_PTR moved = 0;
    NTSTATUS status = IoAcquireRemoveLock(&x->lock, irp);

    if (!NT_SUCCESS(status))
        return complete(irp, status, 0);
    if (sp->MajorFunction == IRP_MJ_READ)
        status = take(x, irp->AssociatedIrp.SystemBuffer, sp->Parameters.Read.Length, &moved);
    else
        status = put(x, irp->AssociatedIrp.SystemBuffer, sp->Parameters.Write.Length, &moved);
    status = complete(irp, status, moved);
    IoReleaseRemoveLock(&x->lock, irp);
    return status;
}

static NTSTATUS level(struct extension *x, PIRP irp, ULONG length, ULONG_PTR *moved)
{
    PULONG answer;

    if (length < sizeof *answer || !irp->MdlAddress)
        return STATUS_BUFFER_TOO_SMALL;
    answer = MmGetSystemAddressForMdlSafe(irp->MdlAddress, NormalPagePriority);
    if (!answer)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExAcquireFastMutex(&x->mutex);
    *answer = x->used;
    ExReleaseFastMutex(&x->mutex);
    *moved = sizeof *answer;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI on_control(PDEVICE_OBJECT device, PIRP irp)
{
    struct extension *x = device->DeviceExtension;
    PIO_STACK_LOCATION sp = IoGetCurrentIrpStackLocation(irp);
    ULONG_PTR moved = 0;
    NTSTATUS status = IoAcquireRemoveLock(&x->lock, irp);

    if (!NT_SUCCESS(status))
        return complete(irp, status, 0);
    switch (sp->Parameters.DeviceIoControl.IoControlCode) {
    case CODE_CLEAR:
        ExAcquireFastMutex(&x->mutex);
        x->used = 0;
        ExReleaseFastMutex(&x->mutex);
        break;
    case CODE_LEVEL:
        status = level(x, irp, sp->Parameters.DeviceIoControl.OutputBufferLength, &moved);
        break;
    default:
        status = STATUS_INVALID_DEVICE_REQUEST;
    }
    status = complete(irp, status, moved);
    IoReleaseRemoveLock(&x->lock, irp);
    return status;
}

/* ---- Plug and Play ---- */

static NTSTATUS NTAPI on_below_done(PDEVICE_OBJECT device, PIRP irp, PVOID event)
{
    UNREFERENCED_PARAMETER(device);
    if (irp->PendingReturned)
        KeSetEvent(event, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS send_and_wait(struct extension *x, PIRP irp)
{
    KEVENT event;
    NTSTATUS status;

    KeInitializeEvent(&event, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(irp);
    IoSetCompletionRoutine(irp, on_below_done, &event, TRUE, TRUE, TRUE);
    status = IoCallDriver(x->below, irp);
    if (status == STATUS_PENDING) {
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
        status = irp->IoStatus.Status;
    }
    return status;
}

static NTSTATUS pass_on(struct extension *x, PIRP irp)
{
    NTSTATUS status;

    IoSkipCurrentIrpStackLocation(irp);
    status = IoCallDriver(x->below, irp);
    IoReleaseRemoveLock(&x->lock, irp);
    return status;
}

static void set_state(struct extension *x, enum state state)
{
    x->previous = x->state;
    x->state = state;
}

static NTSTATUS start(struct extension *x)
{
    POWER_STATE power = {.DeviceState = PowerDeviceD0};
    NTSTATUS status = STATUS_SUCCESS;

    if (!x->data) {
        x->data = ExAllocatePoolWithTag(PagedPool, ROOM, TAG);
        if (!x->data)
            return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (x->link.Length)
        status = IoSetDeviceInterfaceState(&x->link, TRUE);
    if (!NT_SUCCESS(status))
        return status;
    x->power = PowerDeviceD0;
    PoSetPowerState(x->device, DevicePowerState, power);
    set_state(x, STARTED);
    return STATUS_SUCCESS;
}

static void stop(struct extension *x)
{
    if (x->link.Length && (x->state == STARTED || x->previous == STARTED))
        IoSetDeviceInterfaceState(&x->link, FALSE);
}

static NTSTATUS remove(struct extension *x, PIRP irp)
{
    PDEVICE_OBJECT below = x->below;
    NTSTATUS status;

    if (x->state != SURPRISE_REMOVED)
        stop(x);
    IoReleaseRemoveLockAndWait(&x->lock, irp);
    irp->IoStatus.Status = STATUS_SUCCESS;
    IoSkipCurrentIrpStackLocation(irp);
    status = IoCallDriver(below, irp);
    IoDetachDevice(below);
    if (x->link.Buffer)
        RtlFreeUnicodeString(&x->link);
    if (x->data)
        ExFreePoolWithTag(x->data, TAG);
    IoDeleteDevice(x->device);
    return status;
}

static NTSTATUS on_capabilities(struct extension *x, PIRP irp)
{
    NTSTATUS status = send_and_wait(x, irp);

    if (NT_SUCCESS(status)) {
        PDEVICE_CAPABILITIES caps =
            IoGetCurrentIrpStackLocation(irp)->Parameters.DeviceCapabilities.Capabilities;

        caps->SurpriseRemovalOK = TRUE;
    }
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    IoReleaseRemoveLock(&x->lock, irp);
    return status;
}

static NTSTATUS NTAPI on_pnp(PDEVICE_OBJECT device, PIRP irp)
{
    struct extension *x = device->DeviceExtension;
    NTSTATUS status = IoAcquireRemoveLock(&x->lock, irp);

    if (!NT_SUCCESS(status))
        return complete(irp, status, 0);
    switch (IoGetCurrentIrpStackLocation(irp)->MinorFunction) {
    case IRP_MN_START_DEVICE:
        status = send_and_wait(x, irp);
        if (NT_SUCCESS(status))
            status = start(x);
        status = complete(irp, status, 0);
        IoReleaseRemoveLock(&x->lock, irp);
        return status;
    case IRP_MN_QUERY_STOP_DEVICE:
        set_state(x, STOP_PENDING);
        break;
    case IRP_MN_CANCEL_STOP_DEVICE:
        if (x->state == STOP_PENDING)
            set_state(x, x->previous);
        break;
    case IRP_MN_STOP_DEVICE:
        stop(x);
        set_state(x, STOPPED);
        break;
    case IRP_MN_QUERY_REMOVE_DEVICE:
        set_state(x, REMOVE_PENDING);
        break;
    case IRP_MN_CANCEL_REMOVE_DEVICE:
        if (x->state == REMOVE_PENDING)
            set_state(x, x->previous);
        break;
    case IRP_MN_SURPRISE_REMOVAL:
        stop(x);
        set_state(x, SURPRISE_REMOVED);
        break;
    case IRP_MN_REMOVE_DEVICE:
        return remove(x, irp);
    case IRP_MN_QUERY_CAPABILITIES:
        return on_capabilities(x, irp);
    default:
        return pass_on(x, irp); /* with the status it came with */
    }
    irp->IoStatus.Status = STATUS_SUCCESS;
    return pass_on(x, irp);
}

static NTSTATUS NTAPI on_system_control(PDEVICE_OBJECT device, PIRP irp)
{
    struct extension *x = device->DeviceExtension;
    NTSTATUS status = IoAcquireRemoveLock(&x->lock, irp);

    return NT_SUCCESS(status) ? pass_on(x, irp) : complete(irp, status, 0);
}

/* ---- Power: the policy owner of its stack ---- */

static NTSTATUS NTAPI on_device_power(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct extension *x = context;
    PIO_STACK_LOCATION sp = IoGetCurrentIrpStackLocation(irp);

    UNREFERENCED_PARAMETER(device);
    if (irp->PendingReturned)
        IoMarkIrpPending(irp);
    if (NT_SUCCESS(irp->IoStatus.Status) && sp->Parameters.Power.Type == DevicePowerState) {
        x->power = sp->Parameters.Power.State.DeviceState;
        PoSetPowerState(x->device, DevicePowerState, sp->Parameters.Power.State);
    }
    IoReleaseRemoveLock(&x->lock, irp);
    return STATUS_CONTINUE_COMPLETION;
}

static VOID NTAPI on_requested(PDEVICE_OBJECT device, UCHAR minor, POWER_STATE state, PVOID context,
                               PIO_STATUS_BLOCK result)
{
    PIRP system = context;
    struct extension *x = device->DeviceExtension;

    UNREFERENCED_PARAMETER(minor);
    UNREFERENCED_PARAMETER(state);
    complete(system, result->Status, 0);
    IoReleaseRemoveLock(&x->lock, system);
}

/* The system's state has gone down the stack: now ask for the device's state that belongs to it. */
static NTSTATUS NTAPI on_system_power(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct extension *x = context;
    PIO_STACK_LOCATION sp = IoGetCurrentIrpStackLocation(irp);
    POWER_STATE wanted = {.DeviceState = PowerDeviceD3};
    NTSTATUS status;

    UNREFERENCED_PARAMETER(device);
    if (!NT_SUCCESS(irp->IoStatus.Status)) {
        IoReleaseRemoveLock(&x->lock, irp);
        return STATUS_CONTINUE_COMPLETION;
    }
    if (sp->Parameters.Power.State.SystemState == PowerSystemWorking)
        wanted.DeviceState = PowerDeviceD0;
    status = PoRequestPowerIrp(x->device, sp->MinorFunction, wanted, on_requested, irp, NULL);
    if (status != STATUS_PENDING) {
        irp->IoStatus.Status = status;
        IoReleaseRemoveLock(&x->lock, irp);
        return STATUS_CONTINUE_COMPLETION;
    }
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS NTAPI on_power(PDEVICE_OBJECT device, PIRP irp)
{
    struct extension *x = device->DeviceExtension;
    PIO_STACK_LOCATION sp = IoGetCurrentIrpStackLocation(irp);
    NTSTATUS status = IoAcquireRemoveLock(&x->lock, irp);
    BOOLEAN is_state = sp->MinorFunction == IRP_MN_SET_POWER || sp->MinorFunction == IRP_MN_QUERY_POWER;

    if (!NT_SUCCESS(status)) {
        PoStartNextPowerIrp(irp);
        return complete(irp, status, 0);
    }
    PoStartNextPowerIrp(irp);
    if (is_state && sp->Parameters.Power.Type == SystemPowerState) {
        IoMarkIrpPending(irp);
        IoCopyCurrentIrpStackLocationToNext(irp);
        IoSetCompletionRoutine(irp, on_system_power, x, TRUE, TRUE, TRUE);
        PoCallDriver(x->below, irp);
        return STATUS_PENDING;
    }
    if (sp->MinorFunction == IRP_MN_SET_POWER) {
        IoMarkIrpPending(irp);
        IoCopyCurrentIrpStackLocationToNext(irp);
        IoSetCompletionRoutine(irp, on_device_power, x, TRUE, TRUE, TRUE);
        PoCallDriver(x->below, irp);
        return STATUS_PENDING;
    }
    IoSkipCurrentIrpStackLocation(irp);
    status = PoCallDriver(x->below, irp);
    IoReleaseRemoveLock(&x->lock, irp);
    return status;
}

/* ---- Coming and going ---- */

static NTSTATUS NTAPI add_device(PDRIVER_OBJECT driver, PDEVICE_OBJECT pdo)
{
    struct extension *x;
    PDEVICE_OBJECT device;
    NTSTATUS status = IoCreateDevice(driver, sizeof *x, NULL, FILE_DEVICE_UNKNOWN,
                                     FILE_DEVICE_SECURE_OPEN, FALSE, &device);

    if (!NT_SUCCESS(status))
        return status;
    x = device->DeviceExtension;
    RtlZeroMemory(x, sizeof *x);
    x->device = device;
    x->pdo = pdo;
    x->power = PowerDeviceD3;
    IoInitializeRemoveLock(&x->lock, TAG, 0, 0);
    ExInitializeFastMutex(&x->mutex);
    status = IoRegisterDeviceInterface(pdo, &GUID_PNP_CLEAN, NULL, &x->link);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }
    x->below = IoAttachDeviceToDeviceStack(device, pdo);
    if (!x->below) {
        RtlFreeUnicodeString(&x->link);
        IoDeleteDevice(device);
        return STATUS_NO_SUCH_DEVICE;
    }
    device->Flags |= DO_BUFFERED_IO | DO_POWER_PAGABLE;
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID NTAPI on_unload(PDRIVER_OBJECT driver)
{
    NT_ASSERT(!driver->DeviceObject);
    UNREFERENCED_PARAMETER(driver);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    UNREFERENCED_PARAMETER(registry_path);
    driver->DriverExtension->AddDevice = add_device;
    driver->DriverUnload = on_unload;
    driver->MajorFunction[IRP_MJ_CREATE] = on_create_close;
    driver->MajorFunction[IRP_MJ_CLOSE] = on_create_close;
    driver->MajorFunction[IRP_MJ_READ] = on_read_write;
    driver->MajorFunction[IRP_MJ_WRITE] = on_read_write;
    driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = on_control;
    driver->MajorFunction[IRP_MJ_PNP] = on_pnp;
    driver->MajorFunction[IRP_MJ_POWER] = on_power;
    driver->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = on_system_control;
    return STATUS_SUCCESS;
}
