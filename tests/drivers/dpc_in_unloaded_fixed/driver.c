/* Waits until the DPC has run, then frees the block. */
#include "rule.h"

struct job {
    KDPC dpc;
    ULONG runs;
};

static VOID NTAPI on_dpc(PKDPC self, PVOID context, PVOID a, PVOID b)
{
    struct job *job = context;

    UNREFERENCED_PARAMETER(self);
    UNREFERENCED_PARAMETER(a);
    UNREFERENCED_PARAMETER(b);
    job->runs++;
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
    job->runs = 0;
    KeInitializeDpc(&job->dpc, on_dpc, job);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeInsertQueueDpc(&job->dpc, NULL, NULL);
    KeLowerIrql(old);
    KeFlushQueuedDpcs();
    ExFreePoolWithTag(job, RULE_TAG);
    return STATUS_SUCCESS;
}
