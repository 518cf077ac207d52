/*
 * Named events of the I/O manager, and what is asked of volumes and disks at boot.
 *
 * Doc: wdm.h, IoCreateNotificationEvent, IoCreateSynchronizationEvent; ntddk.h,
 * IoGetBootDiskInformation.
 */
#include "kernel/io_nt.h"

NTSTATUS NTAPI ZwCreateEvent(PHANDLE handle, ACCESS_MASK access, POBJECT_ATTRIBUTES attributes,
                             EVENT_TYPE type, BOOLEAN state);

/* Creates or opens it, set to signalled when new. The pointer lives as long as the handle. */
static PKEVENT event_open(PUNICODE_STRING name, PHANDLE ret, EVENT_TYPE type)
{
    OBJECT_ATTRIBUTES attr = {.Length = sizeof attr,
                              .ObjectName = name,
                              .Attributes = OBJ_OPENIF | OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE};
    HANDLE h;
    void *event;

    if (!NT_SUCCESS(ZwCreateEvent(&h, EVENT_ALL_ACCESS, &attr, type, TRUE)))
        return NULL;
    if (!NT_SUCCESS(ob_handle_ref(h, ob_type_event, &event))) {
        (void)ZwClose(h);
        return NULL;
    }
    ob_unref(event);
    *ret = h;
    return event;
}

NT_EXPORT PKEVENT NTAPI IoCreateNotificationEvent(PUNICODE_STRING name, PHANDLE ret)
{
    return event_open(name, ret, NotificationEvent);
}

NT_EXPORT PKEVENT NTAPI IoCreateSynchronizationEvent(PUNICODE_STRING name, PHANDLE ret)
{
    return event_open(name, ret, SynchronizationEvent);
}

/* Doc: ntddk, IoGetBootDiskInformation: only for reinitialisation routines of boot drivers; the
 * information is gone once the system runs. */
NT_EXPORT NTSTATUS NTAPI IoGetBootDiskInformation(PVOID information, ULONG size)
{
    mm_check_range(information, size, true);
    return STATUS_TOO_LATE;
}
