/* Queues an I/O work item that it allocated without a device. */
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
    PIO_WORKITEM item = IoAllocateWorkItem(NULL);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!item)
        return STATUS_INSUFFICIENT_RESOURCES;
    IoQueueWorkItem(item, work, DelayedWorkQueue, item);
    IoFreeWorkItem(item);
    return STATUS_SUCCESS;
}
