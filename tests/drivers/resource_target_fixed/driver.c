/* Releases the resource for the thread that owns it. */
#include "rule.h"

static ERESOURCE resource;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    ExInitializeResourceLite(&resource);
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(&resource, TRUE);
    ExReleaseResourceForThreadLite(&resource, ExGetCurrentResourceThread());
    KeLeaveCriticalRegion();
    ExDeleteResourceLite(&resource);
    return STATUS_SUCCESS;
}
