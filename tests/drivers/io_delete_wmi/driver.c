/* Deletes a device that is registered with WMI. */
#include "rule.h"

#define REGISTER 1 /* WMIREG_ACTION_REGISTER */

NTSYSAPI NTSTATUS NTAPI IoWMIRegistrationControl(PDEVICE_OBJECT device, ULONG action);

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PDEVICE_OBJECT extra;
    NTSTATUS status = IoCreateDevice(device->DriverObject, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &extra);

    UNREFERENCED_PARAMETER(irp);
    if (!NT_SUCCESS(status))
        return status;
    IoWMIRegistrationControl(extra, REGISTER);
    IoDeleteDevice(extra);
    return STATUS_SUCCESS;
}
