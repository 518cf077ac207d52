/* Unmaps the registers with the size they were mapped with. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PHYSICAL_ADDRESS registers = {.QuadPart = 0xFEB00000};
    PVOID va = MmMapIoSpace(registers, 2 * PAGE_SIZE, MmNonCached);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!va)
        return STATUS_INSUFFICIENT_RESOURCES;
    MmUnmapIoSpace(va, 2 * PAGE_SIZE);
    return STATUS_SUCCESS;
}
