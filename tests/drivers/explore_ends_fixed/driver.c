/* The corrected twin of explore_ends: each way out gives up in order. */
#include "rule.h"

static KSPIN_LOCK lock;
static PDEVICE_OBJECT second;

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Second");

    UNREFERENCED_PARAMETER(device);
    KeInitializeSpinLock(&lock);
    return IoCreateDevice(driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &second);
}

void finish(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    if (second)
        IoDeleteDevice(second);
}

static NTSTATUS Waits(void)
{
    PVOID p = ExAllocatePoolWithTag(PagedPool, 16, 'tiaW');

    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExFreePoolWithTag(p, 'tiaW');
    return STATUS_SUCCESS;
}

static NTSTATUS Loops(void)
{
    PVOID p = ExAllocatePoolWithTag(PagedPool, 16, 'pooL');

    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExFreePoolWithTag(p, 'pooL');
    return STATUS_SUCCESS;
}

static NTSTATUS KeepsLock(void)
{
    KIRQL old;
    PVOID p;

    KeAcquireSpinLock(&lock, &old);
    p = ExAllocatePoolWithTag(NonPagedPoolNx, 16, 'kcoL');
    KeReleaseSpinLock(&lock, old);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExFreePoolWithTag(p, 'kcoL');
    return STATUS_SUCCESS;
}

static NTSTATUS StaysRaised(void)
{
    KIRQL old;
    PVOID p;

    KeRaiseIrql(DISPATCH_LEVEL, &old);
    p = ExAllocatePoolWithTag(NonPagedPoolNx, 16, 'lqrI');
    KeLowerIrql(old);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExFreePoolWithTag(p, 'lqrI');
    return STATUS_SUCCESS;
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    NTSTATUS status = Waits();

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (NT_SUCCESS(status))
        status = Loops();
    if (NT_SUCCESS(status))
        status = KeepsLock();
    return NT_SUCCESS(status) ? StaysRaised() : status;
}
