/* Makes the IRP ready with IoReuseIrp. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PIRP own = IoAllocateIrp(device->StackSize, TRUE);

    UNREFERENCED_PARAMETER(irp);
    if (!own)
        return STATUS_INSUFFICIENT_RESOURCES;
    IoReuseIrp(own, STATUS_SUCCESS);
    IoFreeIrp(own);
    return STATUS_SUCCESS;
}
