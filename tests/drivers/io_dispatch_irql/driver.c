/* The dispatch routine returns at DISPATCH_LEVEL: a way out forgets to lower the IRQL. */
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
    if (!jobs)
        return STATUS_NO_MORE_ENTRIES;
    jobs--;
    KeLowerIrql(old);
    return STATUS_SUCCESS;
}
