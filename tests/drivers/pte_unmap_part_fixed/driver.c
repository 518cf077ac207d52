/* Leaves a mapped MDL as it is. */
#include "rule.h"

static PMDL mdl;

static void release(void)
{
    MmFreePagesFromMdl(mdl);
    ExFreePool(mdl);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0}, high = {.QuadPart = -1};
    PVOID range = MmAllocateMappingAddress(4 * PAGE_SIZE, RULE_TAG), mapped;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    mdl = MmAllocatePagesForMdl(low, high, low, 2 * PAGE_SIZE);
    if (!range || !mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    mapped = MmMapLockedPagesWithReservedMapping(range, RULE_TAG, mdl, MmCached);
    if (mapped)
        MmUnmapReservedMapping(mapped, RULE_TAG, mdl);
    MmFreeMappingAddress(range, RULE_TAG);
    release();
    return STATUS_SUCCESS;
}
