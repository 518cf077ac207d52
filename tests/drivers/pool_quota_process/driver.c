/* Clears the eight bytes before a block that is charged to a process. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR p = ExAllocatePoolWithQuotaTag(NonPagedPoolNx, 48, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    p = blind(p);
    *(PVOID *)(p - 8) = NULL;
    ExFreePoolWithTag(p, RULE_TAG);
    return STATUS_SUCCESS;
}
