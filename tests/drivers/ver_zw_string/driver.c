/* Opens a key by a name whose length was counted in characters, with its zero. */
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
    static UNICODE_STRING name; /* not on the stack: its address is in the report */
    HANDLE key;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    name = path;
    name.Length = name.MaximumLength + 2;
    if (NT_SUCCESS(open_key(&key, &name)))
        ZwClose(key);
    return STATUS_SUCCESS;
}
