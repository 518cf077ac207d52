/* Calls it at PASSIVE_LEVEL. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"ExFreePool");
    PVOID routine;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    routine = MmGetSystemRoutineAddress(&name);
    return routine ? STATUS_SUCCESS : STATUS_NOT_FOUND;
}
