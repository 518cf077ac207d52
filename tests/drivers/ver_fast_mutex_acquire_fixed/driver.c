/* Takes the fast mutex before raising the IRQL. */
#include "rule.h"

static FAST_MUTEX mutex;
static ULONG shared;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    shared++;
    KeLowerIrql(old);
    ExReleaseFastMutex(&mutex);
    return STATUS_SUCCESS;
}
