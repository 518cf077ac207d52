/* Frees it with the very tag. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, 48, RULE_TAG | PROTECTED_POOL);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (p)
        ExFreePoolWithTag(p, RULE_TAG | PROTECTED_POOL);
    return STATUS_SUCCESS;
}
