/* Takes the spin lock with the routine that raises the IRQL. */
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
    KeAcquireSpinLock(&lock, &old);
    shared++;
    KeReleaseSpinLock(&lock, old);
    return STATUS_SUCCESS;
}
