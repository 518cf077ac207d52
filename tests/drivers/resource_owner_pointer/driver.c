/* Hands a resource over to an owner pointer without the two bits that mark one. */
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
    ExSetResourceOwnerPointer(&resource, device);
    ExReleaseResourceLite(&resource);
    KeLeaveCriticalRegion();
    ExDeleteResourceLite(&resource);
    return STATUS_SUCCESS;
}
