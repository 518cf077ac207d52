/* Writes a byte in front of an object, into its header. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    OBJECT_ATTRIBUTES attributes;
    HANDLE handle;
    PUCHAR event;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!NT_SUCCESS(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE)))
        return STATUS_UNSUCCESSFUL;
    if (NT_SUCCESS(ObReferenceObjectByHandle(handle, EVENT_ALL_ACCESS, *ExEventObjectType, KernelMode,
                                             (PVOID *)&event, NULL))) {
        ((PUCHAR)blind(event))[-0x18] ^= 1; /* OBJECT_HEADER.TypeIndex */
        ObDereferenceObject(event);
    }
    ZwClose(handle);
    return STATUS_SUCCESS;
}
