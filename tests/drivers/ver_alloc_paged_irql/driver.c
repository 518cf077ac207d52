/* Allocates paged pool at DISPATCH_LEVEL. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL old;
    PVOID p;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    p = ExAllocatePoolWithTag(PagedPool, 48, RULE_TAG);
    KeLowerIrql(old);
    if (p)
        ExFreePoolWithTag(p, RULE_TAG);
    return STATUS_SUCCESS;
}
