/* Meets a NULL pointer while it serves a request. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    volatile ULONG *p = blind(NULL);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    *p = 1;
    return STATUS_SUCCESS;
}
