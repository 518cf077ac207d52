/* Frees a user-mode address, with the verifier off. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    ExFreePoolWithTag(blind((PVOID)0x200000010000), RULE_TAG);
    return STATUS_SUCCESS;
}
