/* Lets RtlCompareMemory read paged pool at DISPATCH_LEVEL. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL old;
    UCHAR byte;
    PUCHAR p = ExAllocatePoolWithTag(PagedPool, 48, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    p = blind(p);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    byte = RtlCompareMemory(p, "1234", 4) != 0;
    KeLowerIrql(old);
    ExFreePoolWithTag(p, RULE_TAG);
    return byte ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}
