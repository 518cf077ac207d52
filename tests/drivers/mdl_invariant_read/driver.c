/* Fills the buffer of a read request on its way down, before the driver below does. */
#include "rule.h"

static PDEVICE_OBJECT lower;

static NTSTATUS pass_down(PIRP irp)
{
    PUCHAR data = MmGetSystemAddressForMdlSafe(irp->MdlAddress, NormalPagePriority);
    NTSTATUS status;

    if (!data)
        return STATUS_INSUFFICIENT_RESOURCES;
    data[0] = 1;
    IoSkipCurrentIrpStackLocation(irp);
    status = IoCallDriver(lower, irp);
    rule_done = TRUE; /* the device below has completed it */
    return status;
}

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    NTSTATUS status = IoCreateDevice(driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &lower);

    if (NT_SUCCESS(status)) {
        lower->Flags &= ~DO_DEVICE_INITIALIZING;
        device->StackSize++;
    }
    return status;
}

void finish(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    IoDeleteDevice(lower);
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    return device == lower ? STATUS_SUCCESS : pass_down(irp);
}
