/* Reports no more bytes than the output buffer holds. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION sp = IoGetCurrentIrpStackLocation(irp);
    ULONG size = 64; /* the whole answer */

    UNREFERENCED_PARAMETER(device);
    if (size > sp->Parameters.DeviceIoControl.OutputBufferLength)
        size = sp->Parameters.DeviceIoControl.OutputBufferLength;
    RtlZeroMemory(irp->AssociatedIrp.SystemBuffer,
                  sp->Parameters.DeviceIoControl.OutputBufferLength);
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = size;
    rule_done = TRUE;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}
