/* Lets a kernel routine read a pageable section at DISPATCH_LEVEL. */
#include "rule.h"

static __attribute__((section("PAGEDATA"))) UCHAR table[16] = "0123456789abcdef";

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UCHAR copy[16] = "0123456789abcdef";
    SIZE_T same;
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    same = RtlCompareMemory(blind(table), copy, sizeof copy);
    KeLowerIrql(old);
    return same == sizeof copy ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}
