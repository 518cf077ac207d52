/* Sends a block that IoInitializeIrp has not seen. */
#include "rule.h"

static NTSTATUS NTAPI on_done(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    UNREFERENCED_PARAMETER(context);
    return STATUS_MORE_PROCESSING_REQUIRED; /* the IRP is ours again */
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    USHORT size = IoSizeOfIrp(device->StackSize);
    PIRP own = ExAllocatePoolWithTag(NonPagedPoolNx, size, RULE_TAG);

    UNREFERENCED_PARAMETER(irp);
    if (!own)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(own, size);
    own->Tail.Overlay.CurrentStackLocation = (PIO_STACK_LOCATION)(own + 1) + device->StackSize;
    IoGetNextIrpStackLocation(own)->MajorFunction = IRP_MJ_FLUSH_BUFFERS;
    IoSetCompletionRoutine(own, on_done, NULL, TRUE, TRUE, TRUE);
    IoCallDriver(device, own);
    ExFreePoolWithTag(own, RULE_TAG);
    return STATUS_SUCCESS;
}
