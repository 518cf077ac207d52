/* Allocates the pages before raising the IRQL. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PHYSICAL_ADDRESS low = {.QuadPart = 0}, high = {.QuadPart = -1}, skip = {.QuadPart = 0};
    PMDL mdl;
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    mdl = MmAllocatePagesForMdl(low, high, skip, PAGE_SIZE);
    KeRaiseIrql(DEVICE_IRQL, &old);
    KeLowerIrql(old);
    if (!mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    MmFreePagesFromMdl(mdl);
    ExFreePool(mdl);
    return STATUS_SUCCESS;
}
