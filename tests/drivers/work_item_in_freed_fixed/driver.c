/* Waits until the work item has run, then frees the block. */
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
    KeLowerIrql(old);
    KeWaitForSingleObject(&job->done, Executive, KernelMode, FALSE, NULL);
    ExFreePoolWithTag(job, RULE_TAG);
    return STATUS_SUCCESS;
}
