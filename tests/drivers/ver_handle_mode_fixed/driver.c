/* Says KernelMode for a handle of its own. */
#include "rule.h"

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle = NULL;
    PVOID event;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(driver);
    UNREFERENCED_PARAMETER(device);
    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    status = ZwCreateEvent(&handle, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE);
    if (!NT_SUCCESS(status))
        return status;
    status = ObReferenceObjectByHandle(handle, 0, *ExEventObjectType, KernelMode, &event, NULL);
    if (NT_SUCCESS(status))
        ObDereferenceObject(event);
    ZwClose(handle);
    return STATUS_SUCCESS;
}

RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    return STATUS_SUCCESS;
}
