/* Takes a fast mutex that it already holds. */
#include "rule.h"

static FAST_MUTEX mutex;
static ULONG shared;

static void add(ULONG n)
{
    ExAcquireFastMutex(&mutex);
    shared += n;
    ExReleaseFastMutex(&mutex);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    add(1);
    ExReleaseFastMutex(&mutex);
    return STATUS_SUCCESS;
}
