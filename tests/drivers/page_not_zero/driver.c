/* Writes through a mapping of pages that it has freed. */
#include "rule.h"

static PMDL pages(ULONG64 at)
{
    PHYSICAL_ADDRESS low = {.QuadPart = at}, high = {.QuadPart = at ? at + PAGE_SIZE - 1 : -1}, none = {.QuadPart = 0};

    return MmAllocatePagesForMdl(low, high, none, PAGE_SIZE);
}

static void release(PMDL mdl)
{
    MmFreePagesFromMdl(mdl);
    ExFreePool(mdl);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PMDL mdl = pages(0), part = mdl ? IoAllocateMdl(NULL, PAGE_SIZE, FALSE, FALSE, NULL) : NULL;
    volatile UCHAR *view;
    ULONG64 address;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!part)
        return STATUS_INSUFFICIENT_RESOURCES;
    IoBuildPartialMdl(mdl, part, MmGetMdlVirtualAddress(mdl), PAGE_SIZE);
    view = MmMapLockedPagesSpecifyCache(part, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    address = MmGetMdlPfnArray(mdl)[0] * PAGE_SIZE;
    release(mdl);
    view[16] = 1; /* the page is free */
    mdl = pages(address);
    if (mdl)
        release(mdl);
    IoFreeMdl(part);
    return STATUS_SUCCESS;
}
