/* Unmaps the range before the next mapping. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0}, high = {.QuadPart = -1}, skip = {.QuadPart = 0};
    PMDL mdl;
    PVOID range = MmAllocateMappingAddress(2 * PAGE_SIZE, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!range)
        return STATUS_INSUFFICIENT_RESOURCES;
    mdl = MmAllocatePagesForMdl(low, high, skip, 2 * PAGE_SIZE);
    if (mdl) {
        MmMapLockedPagesWithReservedMapping(range, RULE_TAG, mdl, MmCached);
        MmUnmapReservedMapping(range, RULE_TAG, mdl);
        MmMapLockedPagesWithReservedMapping(range, RULE_TAG, mdl, MmCached);
        MmUnmapReservedMapping(range, RULE_TAG, mdl);
        MmFreePagesFromMdl(mdl);
        ExFreePool(mdl);
    }
    MmFreeMappingAddress(range, RULE_TAG);
    return STATUS_SUCCESS;
}
