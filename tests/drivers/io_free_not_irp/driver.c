/* Gives a block that never became an IRP to IoFreeIrp. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    USHORT size = IoSizeOfIrp(device->StackSize);
    PIRP own = ExAllocatePoolWithTag(NonPagedPoolNx, size, RULE_TAG);

    UNREFERENCED_PARAMETER(irp);
    if (!own)
        return STATUS_INSUFFICIENT_RESOURCES;
    IoFreeIrp(own);
    ExFreePoolWithTag(own, RULE_TAG);
    return STATUS_SUCCESS;
}
