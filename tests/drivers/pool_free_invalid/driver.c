/* Frees an address outside all pools, with the verifier off. */
#include "rule.h"

static ULONG nothing;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    ExFreePoolWithTag(blind(&nothing), RULE_TAG);
    return STATUS_SUCCESS;
}
