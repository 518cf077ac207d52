/* Frees its session pool. */
#include "rule.h"

static PVOID list, table;

RULE_NOTHING_AT_START

void finish(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    if (list)
        ExFreePoolWithTag(list, RULE_TAG);
    if (table)
        ExFreePoolWithTag(table, RULE_TAG);
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    list = ExAllocatePoolWithTag(PagedPoolSession, 100, RULE_TAG);
    table = ExAllocatePoolWithTag(NonPagedPoolSession, 200, RULE_TAG);
    return list && table ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
