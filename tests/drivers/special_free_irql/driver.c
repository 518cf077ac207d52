/* Frees paged pool at DISPATCH_LEVEL, with the verifier off. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL old;
    PVOID p = ExAllocatePoolWithTag(PagedPool, 48, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ExFreePoolWithTag(p, RULE_TAG);
    KeLowerIrql(old);
    return STATUS_SUCCESS;
}
