/* Uses a resource that it never initialised. */
#include "rule.h"

static ERESOURCE resource;
static ULONG shared;

RULE_NOTHING_AT_START
void finish(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    ExDeleteResourceLite(&resource);
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&resource, TRUE);
    shared++;
    ExReleaseResourceLite(&resource);
    KeLeaveCriticalRegion();
    return STATUS_SUCCESS;
}
