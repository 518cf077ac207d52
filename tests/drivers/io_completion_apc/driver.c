/* Its completion routine returns inside a critical region. */
#include "rule.h"

static PDEVICE_OBJECT lower;

static NTSTATUS NTAPI on_done(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    UNREFERENCED_PARAMETER(context);
    KeEnterCriticalRegion();
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS NTAPI on_write(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    NTSTATUS status;

    UNREFERENCED_PARAMETER(device);
    driver->MajorFunction[IRP_MJ_WRITE] = on_write;
    status = IoCreateDevice(driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &lower);
    if (NT_SUCCESS(status))
        lower->Flags &= ~DO_DEVICE_INITIALIZING;
    return status;
}

void finish(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    IoDeleteDevice(lower);
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PIRP request = IoAllocateIrp(lower->StackSize, FALSE);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!request)
        return STATUS_INSUFFICIENT_RESOURCES;
    IoGetNextIrpStackLocation(request)->MajorFunction = IRP_MJ_WRITE;
    IoSetCompletionRoutine(request, on_done, NULL, TRUE, TRUE, TRUE);
    IoCallDriver(lower, request);
    IoFreeIrp(request);
    return STATUS_SUCCESS;
}
