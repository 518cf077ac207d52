/* Special pool for its tag with Verify Start: the byte before the block is caught at once. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR p = ExAllocatePoolWithTag(NonPagedPoolNx, 40, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    p = blind(p);
    p[-1] = 1;
    ExFreePoolWithTag(p, RULE_TAG);
    return STATUS_SUCCESS;
}
