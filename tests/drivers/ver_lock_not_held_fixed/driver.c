/* Releases the spin lock once. */
#include "rule.h"

static KSPIN_LOCK lock;
static ULONG shared;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeSpinLock(&lock);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeAcquireSpinLockAtDpcLevel(&lock);
    shared++;
    KeReleaseSpinLockFromDpcLevel(&lock);
    KeLowerIrql(old);
    return STATUS_SUCCESS;
}
