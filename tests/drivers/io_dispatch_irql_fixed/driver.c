/* The dispatch routine lowers the IRQL on each way out. */
#include "rule.h"

static ULONG jobs;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    if (jobs)
        jobs--;
    KeLowerIrql(old);
    return STATUS_SUCCESS;
}
