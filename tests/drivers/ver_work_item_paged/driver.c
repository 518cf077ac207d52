/* Queues a work item that lies in paged pool. */
#include "rule.h"

struct job {
    WORK_QUEUE_ITEM item;
    ULONG number;
};

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
    struct job *job = ExAllocatePoolWithTag(PagedPool, sizeof *job, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!job)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    ExInitializeWorkItem(&job->item, work, job);
    ExQueueWorkItem(&job->item, DelayedWorkQueue);
    KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
    ExFreePoolWithTag(job, RULE_TAG);
    return STATUS_SUCCESS;
}
