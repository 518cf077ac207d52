/* Puts a page of device memory into an MDL and maps it as memory. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR buffer = ExAllocatePoolWithTag(NonPagedPoolNx, PAGE_SIZE, RULE_TAG);
    PMDL mdl = buffer ? IoAllocateMdl(buffer, PAGE_SIZE, FALSE, FALSE, NULL) : NULL;
    PVOID mapped;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    MmGetMdlPfnArray(mdl)[0] = 0xD0000; /* a register window of the device */
    mdl->MdlFlags |= MDL_PAGES_LOCKED;
    mapped = MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmNonCached, NULL, FALSE, NormalPagePriority);
    if (mapped)
        MmUnmapLockedPages(mapped, mdl);
    mdl->MdlFlags &= ~(MDL_PAGES_LOCKED);
    IoFreeMdl(mdl);
    ExFreePoolWithTag(buffer, RULE_TAG);
    return STATUS_SUCCESS;
}
