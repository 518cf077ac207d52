/* Reserves no addresses at all. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PVOID range = MmAllocateMappingAddress(0, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (range)
        MmFreeMappingAddress(range, RULE_TAG);
    return STATUS_SUCCESS;
}
