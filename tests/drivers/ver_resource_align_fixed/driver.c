/* Keeps the resource in a structure with natural alignment. */
#include "rule.h"

static struct {
    ULONG count;
    ERESOURCE resource;
} state;

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    UNREFERENCED_PARAMETER(driver);
    UNREFERENCED_PARAMETER(device);
    return ExInitializeResourceLite(&state.resource);
}

void finish(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    ExDeleteResourceLite(&state.resource);
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&state.resource, TRUE);
    state.count++;
    ExReleaseResourceLite(&state.resource);
    KeLeaveCriticalRegion();
    return STATUS_SUCCESS;
}
