/* Writes to a constant. */
#include "rule.h"

static const ULONG constant = 1;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    volatile ULONG *p = blind((PVOID)&constant);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    *p = 2;
    return STATUS_SUCCESS;
}
