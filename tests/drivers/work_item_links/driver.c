/* Initialises a work item again while it is queued. */
#include "rule.h"

static WORK_QUEUE_ITEM item;
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
    LARGE_INTEGER second;
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    second.QuadPart = -10000000;
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ExInitializeWorkItem(&item, work, NULL);
    ExQueueWorkItem(&item, DelayedWorkQueue);
    ExInitializeWorkItem(&item, work, NULL);
    KeLowerIrql(old);
    KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, &second);
    return STATUS_SUCCESS;
}
