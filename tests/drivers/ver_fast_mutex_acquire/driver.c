/* Takes a fast mutex at DISPATCH_LEVEL. */
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
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ExAcquireFastMutex(&mutex);
    shared++;
    ExReleaseFastMutex(&mutex);
    KeLowerIrql(old);
    return STATUS_SUCCESS;
}
