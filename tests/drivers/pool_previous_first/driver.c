/* Writes to the start of the page that its block lies in: a header is there. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR p = ExAllocatePoolWithTag(NonPagedPoolNx, 0xFE0, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    p = blind(p);
    *(PUCHAR)((ULONG_PTR)p & -(ULONG_PTR)PAGE_SIZE) = 1;
    ExFreePoolWithTag(p, RULE_TAG);
    return STATUS_SUCCESS;
}
