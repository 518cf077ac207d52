/* Detaches the filter device, then deletes it. */
#include "rule.h"

static PDEVICE_OBJECT lower, filter;

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    NTSTATUS status = IoCreateDevice(driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &lower);

    UNREFERENCED_PARAMETER(device);
    if (!NT_SUCCESS(status))
        return status;
    lower->Flags &= ~DO_DEVICE_INITIALIZING;
    status = IoCreateDevice(driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &filter);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(lower);
        return status;
    }
    IoAttachDeviceToDeviceStack(filter, lower);
    filter->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

void finish(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    IoDetachDevice(lower);
    IoDeleteDevice(filter);
    IoDeleteDevice(lower);
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    return STATUS_SUCCESS;
}
