/* Uses KeRaiseIrql to come back down. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL old;
    KIRQL high;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeRaiseIrql(old, &high);
    KeLowerIrql(old);
    return STATUS_SUCCESS;
}
