/* Allocates no-execute pool. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, 64, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (p)
        ExFreePoolWithTag(p, RULE_TAG);
    return STATUS_SUCCESS;
}
