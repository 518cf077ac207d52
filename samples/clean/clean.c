/* The same driver as samples/overrun, with the length checked: nothing to report. */
#include <ntddk.h>

#define TAG 'emaN' /* shown as "Name" */
#define NAME_SIZE 64
#define IOCTL_COPY_NAME CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)

static UNICODE_STRING device_name = RTL_CONSTANT_STRING(L"\\Device\\Clean");
static UNICODE_STRING link_name = RTL_CONSTANT_STRING(L"\\DosDevices\\Clean");

static NTSTATUS CopyName(const UCHAR *input, ULONG length)
{
    PUCHAR name = ExAllocatePoolWithTag(PagedPool, NAME_SIZE, TAG);

    if (!name)
        return STATUS_INSUFFICIENT_RESOURCES;
    for (ULONG i = 0; i < length && i < NAME_SIZE; i++)
        name[i] = input[i];
    ExFreePoolWithTag(name, TAG);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI OnOpenClose(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI OnControl(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION sp = IoGetCurrentIrpStackLocation(irp);
    NTSTATUS status = STATUS_INVALID_DEVICE_REQUEST;

    UNREFERENCED_PARAMETER(device);
    if (sp->Parameters.DeviceIoControl.IoControlCode == IOCTL_COPY_NAME)
        status = CopyName(irp->AssociatedIrp.SystemBuffer, sp->Parameters.DeviceIoControl.InputBufferLength);
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

static VOID NTAPI OnUnload(PDRIVER_OBJECT driver)
{
    IoDeleteSymbolicLink(&link_name);
    IoDeleteDevice(driver->DeviceObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    PDEVICE_OBJECT device;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registry_path);
    status = IoCreateDevice(driver, 0, &device_name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status))
        return status;
    status = IoCreateSymbolicLink(&link_name, &device_name);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }
    driver->MajorFunction[IRP_MJ_CREATE] = OnOpenClose;
    driver->MajorFunction[IRP_MJ_CLOSE] = OnOpenClose;
    driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = OnControl;
    driver->DriverUnload = OnUnload;
    return STATUS_SUCCESS;
}
