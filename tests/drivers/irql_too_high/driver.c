/* Calls a PASSIVE_LEVEL routine at DISPATCH_LEVEL. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    KIRQL old;
    HANDLE key = NULL;
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Registry\\Machine\\Software");
    OBJECT_ATTRIBUTES attributes;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, NULL, NULL);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    (void)ZwOpenKey(&key, KEY_READ, &attributes);
    KeLowerIrql(old);
    if (key)
        ZwClose(key);
    return STATUS_SUCCESS;
}
