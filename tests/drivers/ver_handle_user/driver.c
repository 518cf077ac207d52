/* Uses a handle of the program's table as if it were a kernel handle. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle = NULL;
    PVOID event;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    InitializeObjectAttributes(&attributes, NULL, 0, NULL, NULL);
    status = ZwCreateEvent(&handle, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE);
    if (!NT_SUCCESS(status))
        return status;
    status = ObReferenceObjectByHandle(handle, 0, *ExEventObjectType, KernelMode, &event, NULL);
    if (NT_SUCCESS(status))
        ObDereferenceObject(event);
    ZwClose(handle);
    return status;
}
