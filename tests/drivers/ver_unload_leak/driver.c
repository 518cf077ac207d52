/* Leaves two blocks at unload. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    (void)ExAllocatePoolWithTag(NonPagedPoolNx, 100, RULE_TAG);
    (void)ExAllocatePoolWithTag(PagedPool, 200, RULE_TAG);
    return STATUS_SUCCESS;
}
