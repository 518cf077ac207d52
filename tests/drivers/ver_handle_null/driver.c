/* Does not look at the status of ZwOpenEvent and goes on with the NULL handle. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\BaseNamedObjects\\NobodyMadeThis");
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle = NULL;
    PVOID event;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, NULL, NULL);
    ZwOpenEvent(&handle, EVENT_ALL_ACCESS, &attributes);
    status = ObReferenceObjectByHandle(handle, 0, *ExEventObjectType, KernelMode, &event, NULL);
    if (NT_SUCCESS(status)) {
        ObDereferenceObject(event);
        ZwClose(handle);
    }
    return status;
}
