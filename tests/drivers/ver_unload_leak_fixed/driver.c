/* Frees both at unload. */
#include "rule.h"

static PVOID one, two;

RULE_NOTHING_AT_START
void finish(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    if (one)
        ExFreePoolWithTag(one, RULE_TAG);
    if (two)
        ExFreePoolWithTag(two, RULE_TAG);
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    one = ExAllocatePoolWithTag(NonPagedPoolNx, 100, RULE_TAG);
    two = ExAllocatePoolWithTag(PagedPool, 200, RULE_TAG);
    return STATUS_SUCCESS;
}
