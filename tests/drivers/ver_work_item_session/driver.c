/* Queues a work item that lies in session pool. */
#include "rule.h"

static KEVENT done;

static VOID NTAPI work(PVOID context)
{
    UNREFERENCED_PARAMETER(context);
    KeSetEvent(&done, IO_NO_INCREMENT, FALSE);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PWORK_QUEUE_ITEM item = ExAllocatePoolWithTag(NonPagedPoolSession, sizeof *item, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!item)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    ExInitializeWorkItem(item, work, NULL);
    ExQueueWorkItem(item, DelayedWorkQueue);
    KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
    ExFreePoolWithTag(item, RULE_TAG);
    return STATUS_SUCCESS;
}
