/* Sets the event after coming back down. */
#include "rule.h"

static KEVENT event;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    KeRaiseIrql(DEVICE_IRQL, &old);
    KeLowerIrql(old);
    KeSetEvent(&event, IO_NO_INCREMENT, FALSE);
    return STATUS_SUCCESS;
}
