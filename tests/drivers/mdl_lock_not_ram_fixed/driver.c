/* Describes the registers without locking them. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PHYSICAL_ADDRESS registers = {.QuadPart = 0xD0000000};
    PVOID base = MmMapIoSpace(registers, PAGE_SIZE, MmNonCached);
    PMDL mdl = base ? IoAllocateMdl(base, PAGE_SIZE, FALSE, FALSE, NULL) : NULL;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    MmBuildMdlForNonPagedPool(mdl);
    IoFreeMdl(mdl);
    MmUnmapIoSpace(base, PAGE_SIZE);
    return STATUS_SUCCESS;
}
