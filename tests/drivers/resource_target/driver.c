/* Releases a resource for something that is no thread. */
#include "rule.h"

static ERESOURCE resource;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(irp);
    ExInitializeResourceLite(&resource);
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(&resource, TRUE);
    ExReleaseResourceForThreadLite(&resource, (ERESOURCE_THREAD)(ULONG_PTR)device);
    ExReleaseResourceLite(&resource);
    KeLeaveCriticalRegion();
    ExDeleteResourceLite(&resource);
    return STATUS_SUCCESS;
}
