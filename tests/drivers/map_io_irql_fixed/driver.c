/* Maps the registers before raising the IRQL. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PHYSICAL_ADDRESS registers = {.QuadPart = 0xFEB00000};
    PVOID va;
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    va = MmMapIoSpace(registers, PAGE_SIZE, MmNonCached);
    KeRaiseIrql(DEVICE_IRQL, &old);
    KeLowerIrql(old);
    if (va)
        MmUnmapIoSpace(va, PAGE_SIZE);
    return STATUS_SUCCESS;
}
