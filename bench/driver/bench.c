/* The driver of bench/run: each control code does one thing, as often as its input says. */
#include <ntddk.h>

#define TAG 'hcnB'
#define CODE(n) CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800 + (n), METHOD_BUFFERED, FILE_ANY_ACCESS)

static UNICODE_STRING device_name = RTL_CONSTANT_STRING(L"\\Device\\Bench");
static UNICODE_STRING link_name = RTL_CONSTANT_STRING(L"\\DosDevices\\Bench");

static __declspec(noinline) void touch(ULONG *p)
{
    *(volatile ULONG *)p = 1;
}

static NTSTATUS imports(ULONG count)
{
    LONG total = 0;

    for (ULONG i = 0; i < count; i++)
        total += KeReadStateEvent((PRKEVENT)&device_name) != 0; /* any readable memory will do */
    return total >= 0 ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

static NTSTATUS pool(ULONG count)
{
    for (ULONG i = 0; i < count; i++) {
        PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, 64, TAG);

        if (!p)
            return STATUS_INSUFFICIENT_RESOURCES;
        ExFreePoolWithTag(p, TAG);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS exceptions(ULONG count)
{
    ULONG caught = 0;

    for (ULONG i = 0; i < count; i++) {
        __try {
            touch((ULONG *)(ULONG_PTR)16);
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            caught++;
        }
    }
    return caught == count ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

static NTSTATUS complete(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

static NTSTATUS NTAPI on_open_close(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    return complete(irp, STATUS_SUCCESS, 0);
}

static NTSTATUS NTAPI on_control(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION sp = IoGetCurrentIrpStackLocation(irp);
    ULONG count = sp->Parameters.DeviceIoControl.InputBufferLength >= sizeof(ULONG)
                      ? *(ULONG *)irp->AssociatedIrp.SystemBuffer
                      : 0;

    UNREFERENCED_PARAMETER(device);
    switch (sp->Parameters.DeviceIoControl.IoControlCode) {
    case CODE(0):
        return complete(irp, STATUS_SUCCESS, 0);
    case CODE(1):
        return complete(irp, imports(count), 0);
    case CODE(2):
        return complete(irp, pool(count), 0);
    case CODE(3):
        return complete(irp, exceptions(count), 0);
    }
    return complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
}

static VOID NTAPI on_unload(PDRIVER_OBJECT driver)
{
    IoDeleteSymbolicLink(&link_name);
    IoDeleteDevice(driver->DeviceObject);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    PDEVICE_OBJECT device;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(registry_path);
    status = IoCreateDevice(driver, 0, &device_name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status))
        return status;
    status = IoCreateSymbolicLink(&link_name, &device_name);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
        return status;
    }
    driver->MajorFunction[IRP_MJ_CREATE] = on_open_close;
    driver->MajorFunction[IRP_MJ_CLOSE] = on_open_close;
    driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = on_control;
    driver->DriverUnload = on_unload;
    return STATUS_SUCCESS;
}
