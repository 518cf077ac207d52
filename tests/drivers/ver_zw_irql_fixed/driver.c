/* Leaves the guarded region first. */
#include "rule.h"

static UNICODE_STRING path = RTL_CONSTANT_STRING(L"\\Registry\\Machine\\System");

static NTSTATUS open_key(PHANDLE ret, PUNICODE_STRING name)
{
    OBJECT_ATTRIBUTES attributes;

    InitializeObjectAttributes(&attributes, name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    return ZwOpenKey(ret, KEY_READ, &attributes);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    HANDLE key;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeEnterGuardedRegion();
    KeLeaveGuardedRegion();
    if (NT_SUCCESS(open_key(&key, &path)))
        ZwClose(key);
    return STATUS_SUCCESS;
}
