/* Releases a fast mutex once. */
#include "rule.h"

static FAST_MUTEX mutex;
static ULONG shared;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    shared++;
    ExReleaseFastMutex(&mutex);
    return STATUS_SUCCESS;
}
