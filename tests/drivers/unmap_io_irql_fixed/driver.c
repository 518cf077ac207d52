/* Unmaps the registers after coming back down. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PHYSICAL_ADDRESS registers = {.QuadPart = 0xFEB00000};
    PVOID va = MmMapIoSpace(registers, PAGE_SIZE, MmNonCached);
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!va)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeRaiseIrql(DEVICE_IRQL, &old);
    KeLowerIrql(old);
    MmUnmapIoSpace(va, PAGE_SIZE);
    return STATUS_SUCCESS;
}
