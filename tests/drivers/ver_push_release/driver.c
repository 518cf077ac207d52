/* Leaves the critical region before it releases the push lock. */
#include "rule.h"

NTKERNELAPI VOID NTAPI ExInitializePushLock(PULONG_PTR lock);
NTKERNELAPI VOID NTAPI ExfAcquirePushLockExclusive(PULONG_PTR lock);
NTKERNELAPI VOID NTAPI ExfReleasePushLock(PULONG_PTR lock);

static ULONG_PTR lock;
static ULONG value;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    ExInitializePushLock(&lock);
    KeEnterCriticalRegion();
    ExfAcquirePushLockExclusive(&lock);
    value++;
    KeLeaveCriticalRegion();
    ExfReleasePushLock(&lock);
    return STATUS_SUCCESS;
}
