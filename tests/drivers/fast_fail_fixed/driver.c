/* The same check on a sound list. */
#include "rule.h"

static LIST_ENTRY head;

static void check(PLIST_ENTRY entry)
{
    if (entry->Flink->Blink != entry)
        __asm__ volatile("int $0x29" : : "c"(3));
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    InitializeListHead(&head);
    check(&head);
    return STATUS_SUCCESS;
}
