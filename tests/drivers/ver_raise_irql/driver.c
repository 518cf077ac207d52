/* Uses KfRaiseIrql to go down. */
#include "rule.h"

NTHALAPI KIRQL NTAPI KfRaiseIrql(KIRQL to);

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL old, mid;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    mid = KfRaiseIrql(APC_LEVEL);
    UNREFERENCED_PARAMETER(mid);
    KeLowerIrql(old);
    return STATUS_SUCCESS;
}
