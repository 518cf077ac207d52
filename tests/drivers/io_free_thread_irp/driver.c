/* Frees an IRP that the I/O manager frees. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    IO_STATUS_BLOCK result;
    KEVENT event;
    PIRP own;

    UNREFERENCED_PARAMETER(irp);
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    own = IoBuildDeviceIoControlRequest(0x226000, device, NULL, 0, NULL, 0, TRUE, &event, &result);
    if (!own)
        return STATUS_INSUFFICIENT_RESOURCES;
    IoFreeIrp(own);
    return STATUS_SUCCESS;
}
