/* Frees it once. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR memory = MmAllocateNonCachedMemory(2 * PAGE_SIZE);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!memory)
        return STATUS_INSUFFICIENT_RESOURCES;
    MmFreeNonCachedMemory(memory, 2 * PAGE_SIZE);
    return STATUS_SUCCESS;
}
