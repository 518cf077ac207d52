/* Frees a pointer that is NULL, without the verifier. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PVOID p = NULL;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    ExFreePool(blind(p));
    return STATUS_SUCCESS;
}
