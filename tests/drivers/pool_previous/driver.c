/* Writes one byte too many. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR p = ExAllocatePoolWithTag(NonPagedPoolNx, 48, RULE_TAG);
    PUCHAR q = ExAllocatePoolWithTag(NonPagedPoolNx, 48, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!p || !q)
        return STATUS_INSUFFICIENT_RESOURCES;
    p = blind(p);
    RtlFillMemory(p, 49, 1);
    ExFreePoolWithTag(q, RULE_TAG);
    ExFreePoolWithTag(p, RULE_TAG);
    return STATUS_SUCCESS;
}
