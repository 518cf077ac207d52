/* Deletes a device twice. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PDEVICE_OBJECT second;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(irp);
    status = IoCreateDevice(device->DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &second);
    if (!NT_SUCCESS(status))
        return status;
    IoDeleteDevice(second);
    IoDeleteDevice(second);
    return STATUS_SUCCESS;
}
