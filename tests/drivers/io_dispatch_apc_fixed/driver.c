/* Leaves the critical region. */
#include "rule.h"

static ULONG count;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeEnterCriticalRegion();
    count++;
    KeLeaveCriticalRegion();
    return STATUS_SUCCESS;
}
