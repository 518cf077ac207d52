/* Deletes the lookaside list, then frees its block. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PNPAGED_LOOKASIDE_LIST list = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *list, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!list)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExInitializeNPagedLookasideList(list, NULL, NULL, 0, 64, RULE_TAG, 0);
    ExDeleteNPagedLookasideList(list);
    ExFreePoolWithTag(list, RULE_TAG);
    return STATUS_SUCCESS;
}
