/* Leaves a mapped MDL as it is. */
#include "rule.h"

static PMDL mdl;

static PVOID map(void)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0}, high = {.QuadPart = -1};

    mdl = MmAllocatePagesForMdl(low, high, low, 2 * PAGE_SIZE);
    return mdl ? MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority) : NULL;
}

static void release(void)
{
    MmFreePagesFromMdl(mdl);
    ExFreePool(mdl);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PVOID mapped = map();

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!mapped)
        return STATUS_INSUFFICIENT_RESOURCES;
    MmUnmapLockedPages(mapped, mdl);
    release();
    return STATUS_SUCCESS;
}
