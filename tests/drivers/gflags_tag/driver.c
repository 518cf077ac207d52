/* Special pool for its tag, not for the verifier: a byte past the end is caught at once. The other tag's
 * block is in ordinary pool. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR in = ExAllocatePoolWithTag(NonPagedPoolNx, 48, RULE_TAG);
    PUCHAR out = ExAllocatePoolWithTag(NonPagedPoolNx, 48, 'rhtO');

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!in || !out)
        return STATUS_INSUFFICIENT_RESOURCES; /* frees nothing: it does not happen here */
    in = blind(in);
    in[48] = 1;
    ExFreePoolWithTag(in, RULE_TAG);
    ExFreePoolWithTag(out, 'rhtO');
    return STATUS_SUCCESS;
}
