/* Sends a request of the kernel with a buffer of a program. */
#include "rule.h"

NTSYSAPI NTSTATUS NTAPI ZwAllocateVirtualMemory(HANDLE process, PVOID *base, ULONG_PTR zero_bits, PSIZE_T size,
                                                ULONG type, ULONG protect);
NTSYSAPI NTSTATUS NTAPI ZwFreeVirtualMemory(HANDLE process, PVOID *base, PSIZE_T size, ULONG type);

static PDEVICE_OBJECT lower;

static NTSTATUS NTAPI on_done(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    UNREFERENCED_PARAMETER(context);
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
        lower->Flags = (lower->Flags | DO_DIRECT_IO) & ~DO_DEVICE_INITIALIZING;
    return status;
}

void finish(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    IoDeleteDevice(lower);
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR buffer = NULL;
    SIZE_T size = PAGE_SIZE;
    PIRP request = IoAllocateIrp(lower->StackSize, FALSE);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!request)
        return STATUS_INSUFFICIENT_RESOURCES;
    ZwAllocateVirtualMemory(NtCurrentProcess(), (PVOID *)&buffer, 0, &size, MEM_COMMIT, PAGE_READWRITE);
    request->UserBuffer = buffer;
    IoGetNextIrpStackLocation(request)->MajorFunction = IRP_MJ_WRITE;
    IoSetCompletionRoutine(request, on_done, NULL, TRUE, TRUE, TRUE);
    IoCallDriver(lower, request);
    IoFreeIrp(request);
    size = 0;
    ZwFreeVirtualMemory(NtCurrentProcess(), (PVOID *)&buffer, &size, MEM_RELEASE);
    return STATUS_SUCCESS;
}
