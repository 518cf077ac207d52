/* Asks for a mapping that may fail. */
#include "rule.h"

enum { RANGES = 256 };

static PVOID ranges[RANGES];
static ULONG count;

/* Takes every address there is: ranges of half the size each time none is left. */
static void take_all(void)
{
    for (SIZE_T size = (SIZE_T)1 << 39; size >= PAGE_SIZE && count < RANGES;) {
        ranges[count] = MmAllocateMappingAddress(size, RULE_TAG);
        if (ranges[count])
            count++;
        else
            size /= 2;
    }
}

static void give_back(void)
{
    while (count)
        MmFreeMappingAddress(ranges[--count], RULE_TAG);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0}, high = {.QuadPart = -1};
    PMDL mdl = MmAllocatePagesForMdl(low, high, low, PAGE_SIZE);
    PVOID mapped;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    take_all();
    mapped = MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    if (mapped)
        MmUnmapLockedPages(mapped, mdl);
    give_back();
    MmFreePagesFromMdl(mdl);
    ExFreePool(mdl);
    return STATUS_SUCCESS;
}
