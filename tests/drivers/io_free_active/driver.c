/* Frees an IRP that a lower driver still works on. */
#include "rule.h"

static PIRP kept; /* what the lower half of the driver works on */

static NTSTATUS NTAPI on_done(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    UNREFERENCED_PARAMETER(context);
    return STATUS_MORE_PROCESSING_REQUIRED; /* the IRP is ours again */
}

static NTSTATUS NTAPI on_flush(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    IoMarkIrpPending(irp);
    kept = irp;
    return STATUS_PENDING;
}

static void finish_flush(void)
{
    kept->IoStatus.Status = STATUS_SUCCESS;
    kept->IoStatus.Information = 0;
    IoCompleteRequest(kept, IO_NO_INCREMENT);
}

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    UNREFERENCED_PARAMETER(device);
    driver->MajorFunction[IRP_MJ_FLUSH_BUFFERS] = on_flush;
    return STATUS_SUCCESS;
}

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
    finish_flush();
    IoFreeIrp(own);
    return STATUS_SUCCESS;
}
