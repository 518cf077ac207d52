/* Frees it as contiguous memory. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PHYSICAL_ADDRESS highest = {.QuadPart = -1};
    PUCHAR memory = MmAllocateContiguousMemory(2 * PAGE_SIZE, highest);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!memory)
        return STATUS_INSUFFICIENT_RESOURCES;
    MmFreeContiguousMemory(memory);
    return STATUS_SUCCESS;
}
