/* Frees a block that holds a timer which is still set. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    LARGE_INTEGER due = {.QuadPart = -10000000000};
    PKTIMER p = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *p, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeTimer(p);
    KeSetTimer(p, due, NULL);
    ExFreePoolWithTag(p, RULE_TAG);
    return STATUS_SUCCESS;
}
