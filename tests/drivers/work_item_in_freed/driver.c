/* Frees a block that holds a queued work item. */
#include "rule.h"

struct job {
    WORK_QUEUE_ITEM item;
    KEVENT done;
};

static VOID NTAPI work(PVOID context)
{
    struct job *job = context;

    KeSetEvent(&job->done, IO_NO_INCREMENT, FALSE);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    struct job *job = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *job, RULE_TAG);
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!job)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeEvent(&job->done, NotificationEvent, FALSE);
    ExInitializeWorkItem(&job->item, work, job);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ExQueueWorkItem(&job->item, DelayedWorkQueue);
    ExFreePoolWithTag(job, RULE_TAG);
    KeLowerIrql(old);
    return STATUS_SUCCESS;
}
