/* Leaves a critical region only where it has entered it. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION sp = IoGetCurrentIrpStackLocation(irp);

    UNREFERENCED_PARAMETER(device);
    if (sp->Parameters.DeviceIoControl.OutputBufferLength) {
        KeEnterCriticalRegion();
        irp->IoStatus.Information = 0;
        KeLeaveCriticalRegion();
    }
    return STATUS_SUCCESS;
}
