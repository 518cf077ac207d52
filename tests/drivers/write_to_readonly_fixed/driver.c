/* Writes to a variable. */
#include "rule.h"

static ULONG variable = 1;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    volatile ULONG *p = blind((PVOID)&variable);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    *p = 2;
    return STATUS_SUCCESS;
}
