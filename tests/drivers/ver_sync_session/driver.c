/* Initialises an event in session pool. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PKEVENT event = ExAllocatePoolWithTag(NonPagedPoolSession, sizeof *event, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!event)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeEvent(event, NotificationEvent, FALSE);
    ExFreePoolWithTag(event, RULE_TAG);
    return STATUS_SUCCESS;
}
