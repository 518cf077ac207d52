/* Releases the resource, then deletes it. */
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
    ExAcquireResourceExclusiveLite(&resource, TRUE);
    ExReleaseResourceLite(&resource);
    ExDeleteResourceLite(&resource);
    KeLeaveCriticalRegion();
    return STATUS_SUCCESS;
}
