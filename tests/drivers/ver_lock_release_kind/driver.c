/* Takes a fast mutex with ExAcquireFastMutex and releases it with the unsafe routine: the IRQL stays. */
#include "rule.h"

static FAST_MUTEX mutex;
static ULONG value;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    value++;
    ExReleaseFastMutexUnsafe(&mutex);
    KeLowerIrql(PASSIVE_LEVEL);
    return STATUS_SUCCESS;
}
