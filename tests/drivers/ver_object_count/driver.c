/* Drops a reference twice. */
#include "rule.h"

static PKEVENT open_event(HANDLE *handle)
{
    OBJECT_ATTRIBUTES attributes;
    PVOID event = NULL;

    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!NT_SUCCESS(ZwCreateEvent(handle, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE)))
        return NULL;
    ObReferenceObjectByHandle(*handle, 0, *ExEventObjectType, KernelMode, &event, NULL);
    return event;
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    HANDLE handle;
    PKEVENT event = open_event(&handle);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!event)
        return STATUS_UNSUCCESSFUL;
    KeSetEvent(event, IO_NO_INCREMENT, FALSE);
    ObDereferenceObject(event);
    ObDereferenceObject(event);
    return ZwClose(handle);
}
