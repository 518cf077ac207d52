/* Leaves a critical region under a spin lock. */
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
    KeEnterCriticalRegion();
    KeAcquireSpinLock(&lock, &old);
    shared++;
    KeLeaveCriticalRegion();
    KeReleaseSpinLock(&lock, old);
    return STATUS_SUCCESS;
}
