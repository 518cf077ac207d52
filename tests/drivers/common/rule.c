/* The frame of every rule driver. See rule.h. */
#include "rule.h"

static UNICODE_STRING device_name = RTL_CONSTANT_STRING(L"\\Device\\Rule");
static UNICODE_STRING link_name = RTL_CONSTANT_STRING(L"\\DosDevices\\Rule");
static PDEVICE_OBJECT rule_device;

BOOLEAN rule_done;

static NTSTATUS complete(PIRP irp, NTSTATUS status)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

static NTSTATUS NTAPI on_open_close(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    return complete(irp, STATUS_SUCCESS);
}

static NTSTATUS NTAPI on_control(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION sp = IoGetCurrentIrpStackLocation(irp);
    NTSTATUS status;

    if ((sp->Parameters.DeviceIoControl.IoControlCode & ~3) != RULE_IOCTL)
        return complete(irp, STATUS_INVALID_DEVICE_REQUEST);
    rule_done = FALSE;
    status = provoke(device, irp);
    return rule_done ? status : complete(irp, status);
}

static VOID NTAPI on_unload(PDRIVER_OBJECT driver)
{
    finish(driver);
    IoDeleteSymbolicLink(&link_name);
    IoDeleteDevice(rule_device);
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
    if (NT_SUCCESS(status)) {
        status = start(driver, device);
        if (!NT_SUCCESS(status))
            IoDeleteSymbolicLink(&link_name);
    }
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }
    driver->MajorFunction[IRP_MJ_CREATE] = on_open_close;
    driver->MajorFunction[IRP_MJ_CLOSE] = on_open_close;
    driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = on_control;
    driver->DriverUnload = on_unload;
    rule_device = device;
    return STATUS_SUCCESS;
}
