/* Releases the fast mutex it took first before the one it took last. */
#include "rule.h"

static FAST_MUTEX outer, inner;
static ULONG value;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    ExInitializeFastMutex(&outer);
    ExInitializeFastMutex(&inner);
    ExAcquireFastMutex(&outer);
    ExAcquireFastMutex(&inner);
    value++;
    ExReleaseFastMutex(&outer);
    ExReleaseFastMutex(&inner);
    return STATUS_SUCCESS;
}
