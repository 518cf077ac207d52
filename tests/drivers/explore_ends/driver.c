/* Ways out after a failed call that end badly without touching wrong memory: a wait for what never comes, a loop
 * that never ends, a spin lock that is kept, an IRQL that stays raised, a start that reports success without its
 * second device. `poolproof explore` tells them apart. */
#include "rule.h"

static KEVENT never;
static KSPIN_LOCK lock;
static volatile LONG stop;
static PDEVICE_OBJECT second;

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Second");

    UNREFERENCED_PARAMETER(device);
    (void)IoCreateDevice(driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &second); /* and if not? */
    KeInitializeEvent(&never, NotificationEvent, FALSE);
    KeInitializeSpinLock(&lock);
    return STATUS_SUCCESS;
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
        return KeWaitForSingleObject(&never, Executive, KernelMode, FALSE, NULL);
    ExFreePoolWithTag(p, 'tiaW');
    return STATUS_SUCCESS;
}

static NTSTATUS Loops(void)
{
    PVOID p = ExAllocatePoolWithTag(PagedPool, 16, 'pooL');

    while (!p && !stop)
        ;
    ExFreePoolWithTag(p, 'pooL');
    return STATUS_SUCCESS;
}

static NTSTATUS KeepsLock(void)
{
    KIRQL old;
    PVOID p;

    KeAcquireSpinLock(&lock, &old);
    p = ExAllocatePoolWithTag(NonPagedPoolNx, 16, 'kcoL');
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExFreePoolWithTag(p, 'kcoL');
    KeReleaseSpinLock(&lock, old);
    return STATUS_SUCCESS;
}

static NTSTATUS StaysRaised(void)
{
    KIRQL old;
    PVOID p;

    KeRaiseIrql(DISPATCH_LEVEL, &old);
    p = ExAllocatePoolWithTag(NonPagedPoolNx, 16, 'lqrI');
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExFreePoolWithTag(p, 'lqrI');
    KeLowerIrql(old);
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
