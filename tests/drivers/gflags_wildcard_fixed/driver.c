/* The same without the overrun. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR in = ExAllocatePoolWithTag(NonPagedPoolNx, 48, 'nnuR');
    PUCHAR out = ExAllocatePoolWithTag(NonPagedPoolNx, 48, 'nnaR');

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!in || !out)
        return STATUS_INSUFFICIENT_RESOURCES; /* frees nothing: it does not happen here */
    in = blind(in);
    in[47] = 1;
    ExFreePoolWithTag(in, 'nnuR');
    ExFreePoolWithTag(out, 'nnaR');
    return STATUS_SUCCESS;
}
