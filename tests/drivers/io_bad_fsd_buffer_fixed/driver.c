/* Checks the allocation first. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PVOID buffer = ExAllocatePoolWithTag(NonPagedPoolNx, 0x7FFFFFFFFFFF, RULE_TAG);
    LARGE_INTEGER offset = {0};
    PIRP own;

    UNREFERENCED_PARAMETER(irp);
    if (!buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    own = IoBuildAsynchronousFsdRequest(IRP_MJ_WRITE, device, buffer, 512, &offset, NULL);
    if (own)
        IoFreeIrp(own);
    ExFreePoolWithTag(buffer, RULE_TAG);
    return STATUS_SUCCESS;
}
