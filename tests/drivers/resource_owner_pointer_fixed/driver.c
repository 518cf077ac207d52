/* Sets the two lowest bits of the owner pointer. */
#include "rule.h"

NTKERNELAPI VOID NTAPI ExSetResourceOwnerPointer(PERESOURCE resource, PVOID owner);

static ERESOURCE resource;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(irp);
    ExInitializeResourceLite(&resource);
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(&resource, TRUE);
    ExSetResourceOwnerPointer(&resource, (PVOID)((ULONG_PTR)device | 3));
    ExReleaseResourceForThreadLite(&resource, (ULONG_PTR)device | 3);
    KeLeaveCriticalRegion();
    ExDeleteResourceLite(&resource);
    return STATUS_SUCCESS;
}
