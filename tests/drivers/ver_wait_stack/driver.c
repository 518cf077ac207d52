/* Waits in UserMode for an event on its stack. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KEVENT event;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeEvent(&event, NotificationEvent, TRUE);
    return KeWaitForSingleObject(&event, UserRequest, UserMode, FALSE, NULL);
}
