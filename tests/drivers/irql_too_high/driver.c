/* Calls a PASSIVE_LEVEL routine at DISPATCH_LEVEL. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"ExFreePool");
    KIRQL old;
    PVOID routine;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    routine = MmGetSystemRoutineAddress(&name);
    KeLowerIrql(old);
    return routine ? STATUS_SUCCESS : STATUS_NOT_FOUND;
}
