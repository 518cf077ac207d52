/* The same without the overrun. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR in = ExAllocatePoolWithTag(NonPagedPoolNx, 48, RULE_TAG);
    PUCHAR out = ExAllocatePoolWithTag(NonPagedPoolNx, 49, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!in || !out)
        return STATUS_INSUFFICIENT_RESOURCES; /* frees nothing: it does not happen here */
    in = blind(in);
    in[47] = 1;
    ExFreePoolWithTag(in, RULE_TAG);
    ExFreePoolWithTag(out, RULE_TAG);
    return STATUS_SUCCESS;
}
