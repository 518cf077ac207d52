/* Unloads with a WMI callback registered. */
#include "rule.h"

#define WMIREG_FLAG_CALLBACK 0x80000000

static NTSTATUS NTAPI on_trace(ULONG minor, PVOID path, ULONG size, PVOID buffer, PVOID context, PULONG ret_size)
{
    UNREFERENCED_PARAMETER(minor);
    UNREFERENCED_PARAMETER(path);
    UNREFERENCED_PARAMETER(size);
    UNREFERENCED_PARAMETER(buffer);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(ret_size);
    return STATUS_SUCCESS;
}

static NTSTATUS control(ULONG action)
{
    return IoWMIRegistrationControl((PDEVICE_OBJECT)on_trace, action | WMIREG_FLAG_CALLBACK);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    return control(WMIREG_ACTION_REGISTER);
}
