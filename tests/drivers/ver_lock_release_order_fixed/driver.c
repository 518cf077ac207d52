/* Releases the fast mutexes in reverse; spin locks may go hand over hand, each with the IRQL of the other. */
#include "rule.h"

static FAST_MUTEX outer, inner;
static KSPIN_LOCK here, next;
static ULONG value;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL passive, dispatch;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    ExInitializeFastMutex(&outer);
    ExInitializeFastMutex(&inner);
    ExAcquireFastMutex(&outer);
    ExAcquireFastMutex(&inner);
    value++;
    ExReleaseFastMutex(&inner);
    ExReleaseFastMutex(&outer);
    KeInitializeSpinLock(&here);
    KeInitializeSpinLock(&next);
    KeAcquireSpinLock(&here, &passive);
    KeAcquireSpinLock(&next, &dispatch);
    KeReleaseSpinLock(&here, dispatch);
    value++;
    KeReleaseSpinLock(&next, passive);
    return STATUS_SUCCESS;
}
