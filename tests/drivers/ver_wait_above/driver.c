/* Waits for an event at the IRQL of a device. */
#include "rule.h"

static KEVENT event;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeEvent(&event, NotificationEvent, TRUE);
    KeRaiseIrql(DEVICE_IRQL, &old);
    KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
    KeLowerIrql(old);
    return STATUS_SUCCESS;
}
