/* Frees it unless it is NULL. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PVOID p = NULL;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (blind(p))
        ExFreePool(p);
    return STATUS_SUCCESS;
}
