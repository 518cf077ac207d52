/* Takes an ordinary spin lock at the IRQL of a device. */
#include "rule.h"

static KSPIN_LOCK lock;
static ULONG shared;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL old, device_old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeSpinLock(&lock);
    KeRaiseIrql(DEVICE_IRQL, &device_old);
    KeAcquireSpinLock(&lock, &old);
    shared++;
    KeReleaseSpinLock(&lock, old);
    KeLowerIrql(device_old);
    return STATUS_SUCCESS;
}
