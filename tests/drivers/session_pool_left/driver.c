/* Unloads and leaves session pool behind; the verifier is off. */
#include "rule.h"

static PVOID list, table;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    list = ExAllocatePoolWithTag(PagedPoolSession, 100, RULE_TAG);
    table = ExAllocatePoolWithTag(NonPagedPoolSession, 200, RULE_TAG);
    return list && table ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
