/* Releases the fast mutex with the routine that belongs to the acquisition, in both ways. */
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
    ExReleaseFastMutex(&mutex);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&mutex);
    value++;
    ExReleaseFastMutexUnsafe(&mutex);
    KeLeaveCriticalRegion();
    return STATUS_SUCCESS;
}
