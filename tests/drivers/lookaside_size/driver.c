/* Takes the size of a pointer's type for the size of an entry. */
#include "rule.h"

struct entry {
    LIST_ENTRY link;
    ULONG number;
};

static NPAGED_LOOKASIDE_LIST list;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    struct entry *entry;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, sizeof entry->number, RULE_TAG, 0);
    entry = ExAllocateFromNPagedLookasideList(&list);
    if (entry)
        ExFreeToNPagedLookasideList(&list, entry);
    ExDeleteNPagedLookasideList(&list);
    return STATUS_SUCCESS;
}
