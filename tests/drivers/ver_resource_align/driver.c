/* Keeps a resource in a packed structure, off its alignment. */
#include "rule.h"

#pragma pack(push, 1)
static struct {
    ULONG count;
    ERESOURCE resource;
} state;
#pragma pack(pop)

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
