/* A thread still allocates while DriverUnload waits for it. */
#include "rule.h"

static KEVENT stop;
static PVOID thread;

static VOID NTAPI run(PVOID context)
{
    PVOID p;

    UNREFERENCED_PARAMETER(context);
    KeWaitForSingleObject(&stop, Executive, KernelMode, FALSE, NULL);
    p = ExAllocatePoolWithTag(NonPagedPoolNx, 64, RULE_TAG);
    if (p)
        ExFreePoolWithTag(p, RULE_TAG);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    HANDLE handle;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(driver);
    UNREFERENCED_PARAMETER(device);
    KeInitializeEvent(&stop, NotificationEvent, FALSE);
    status = PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, run, NULL);
    if (!NT_SUCCESS(status))
        return status;
    ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, NULL, KernelMode, &thread, NULL);
    return ZwClose(handle);
}

void finish(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    KeSetEvent(&stop, IO_NO_INCREMENT, FALSE);
    KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(thread);
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    return STATUS_SUCCESS;
}
