/* Deletes a lookaside list twice. */
#include "rule.h"

static NPAGED_LOOKASIDE_LIST list;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, 64, RULE_TAG, 0);
    ExDeleteNPagedLookasideList(&list);
    ExDeleteNPagedLookasideList(&list);
    return STATUS_SUCCESS;
}
