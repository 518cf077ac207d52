/* Mixes up the levels: uses KeLowerIrql to go up. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL old = KeGetCurrentIrql();

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeLowerIrql(DISPATCH_LEVEL);
    KeLowerIrql(old);
    return STATUS_SUCCESS;
}
