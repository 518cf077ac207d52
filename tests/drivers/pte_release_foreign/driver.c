/* Frees pool as if it were noncached memory. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR memory = ExAllocatePoolWithTag(NonPagedPoolNx, PAGE_SIZE, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!memory)
        return STATUS_INSUFFICIENT_RESOURCES;
    MmFreeNonCachedMemory(memory, PAGE_SIZE);
    ExFreePoolWithTag(memory, RULE_TAG);
    return STATUS_SUCCESS;
}
