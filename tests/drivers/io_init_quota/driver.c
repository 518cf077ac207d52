/* Initialises an IRP from IoAllocateIrp again, and so forgets the quota charged for it. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PIRP own = IoAllocateIrp(device->StackSize, TRUE);

    UNREFERENCED_PARAMETER(irp);
    if (!own)
        return STATUS_INSUFFICIENT_RESOURCES;
    IoInitializeIrp(own, IoSizeOfIrp(device->StackSize), device->StackSize);
    IoFreeIrp(own);
    return STATUS_SUCCESS;
}
