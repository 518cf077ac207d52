/* Cancels the IRP only while it is pending. */
#include "rule.h"

static PIRP pending;

static NTSTATUS NTAPI on_done(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(context);
    pending = NULL;
    IoFreeIrp(irp);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(irp);
    pending = IoAllocateIrp(device->StackSize, FALSE);
    if (!pending)
        return STATUS_INSUFFICIENT_RESOURCES;
    IoGetNextIrpStackLocation(pending)->MajorFunction = IRP_MJ_FLUSH_BUFFERS;
    IoSetCompletionRoutine(pending, on_done, NULL, TRUE, TRUE, TRUE);
    IoCallDriver(device, pending);
    if (pending)
        IoCancelIrp(pending);
    return STATUS_SUCCESS;
}
