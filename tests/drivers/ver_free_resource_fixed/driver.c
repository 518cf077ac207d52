/* Deletes the resource first. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PERESOURCE p = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *p, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExInitializeResourceLite(p);
    ExDeleteResourceLite(p);
    ExFreePoolWithTag(p, RULE_TAG);
    return STATUS_SUCCESS;
}
