/* A completion routine returns at DISPATCH_LEVEL: a way out forgets to lower the IRQL. */
#include "rule.h"

static ULONG jobs;

static NTSTATUS NTAPI on_done(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    UNREFERENCED_PARAMETER(context);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    if (!jobs)
        return STATUS_MORE_PROCESSING_REQUIRED;
    jobs--;
    KeLowerIrql(old);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PIRP own = IoAllocateIrp(device->StackSize, FALSE);

    UNREFERENCED_PARAMETER(irp);
    if (!own)
        return STATUS_INSUFFICIENT_RESOURCES;
    IoGetNextIrpStackLocation(own)->MajorFunction = IRP_MJ_FLUSH_BUFFERS;
    IoSetCompletionRoutine(own, on_done, NULL, TRUE, TRUE, TRUE);
    IoCallDriver(device, own);
    IoFreeIrp(own);
    return STATUS_SUCCESS;
}
