/* Allocates the work item for its device. */
#include "rule.h"

static KEVENT done;

static VOID NTAPI work(PDEVICE_OBJECT device, PVOID context)
{
    UNREFERENCED_PARAMETER(device);
    IoFreeWorkItem(context);
    KeSetEvent(&done, IO_NO_INCREMENT, FALSE);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_WORKITEM item = IoAllocateWorkItem(device);

    UNREFERENCED_PARAMETER(irp);
    if (!item)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    IoQueueWorkItem(item, work, DelayedWorkQueue, item);
    KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
    return STATUS_SUCCESS;
}
