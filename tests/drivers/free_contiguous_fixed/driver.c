/* Frees the contiguous memory by its start. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PHYSICAL_ADDRESS high = {.QuadPart = -1};
    PUCHAR memory = MmAllocateContiguousMemory(2 * PAGE_SIZE, high);
    PUCHAR p = memory;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!memory)
        return STATUS_INSUFFICIENT_RESOURCES;
    while (p < memory + PAGE_SIZE)
        *p++ = 0;
    MmFreeContiguousMemory(memory);
    return STATUS_SUCCESS;
}
