/* Changes the first byte of a block that it has freed. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR p = ExAllocatePoolWithTag(NonPagedPoolNx, 48, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    p = blind(p);
    ExFreePoolWithTag(p, RULE_TAG);
    p[0] = 1;
    return STATUS_SUCCESS;
}
