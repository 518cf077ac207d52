/* Checks the allocation first. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PVOID buffer = ExAllocatePoolWithTag(NonPagedPoolNx, 0x7FFFFFFFFFFF, RULE_TAG);
    IO_STATUS_BLOCK result;
    KEVENT event;
    PIRP own;

    UNREFERENCED_PARAMETER(irp);
    if (!buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    own = IoBuildDeviceIoControlRequest(0x226003, device, buffer, 512, NULL, 0, TRUE, &event,
                                        &result);
    if (own && IoCallDriver(device, own) == STATUS_PENDING)
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
    return STATUS_SUCCESS;
}
