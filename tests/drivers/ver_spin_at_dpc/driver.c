/* Takes a spin lock with the at-DPC-level routine at PASSIVE_LEVEL. */
#include "rule.h"

static KSPIN_LOCK lock;
static ULONG shared;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLockAtDpcLevel(&lock);
    shared++;
    KeReleaseSpinLockFromDpcLevel(&lock);
    return STATUS_SUCCESS;
}
