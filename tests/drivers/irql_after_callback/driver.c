/* A thread returns at DISPATCH_LEVEL: a way out forgets to lower the IRQL. */
#include "rule.h"

static ULONG jobs;

static VOID NTAPI run(PVOID context)
{
    KIRQL old;

    UNREFERENCED_PARAMETER(context);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    if (!jobs)
        return;
    jobs--;
    KeLowerIrql(old);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    HANDLE handle;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    status = PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, run, NULL);
    if (!NT_SUCCESS(status))
        return status;
    status = ZwWaitForSingleObject(handle, FALSE, NULL);
    ZwClose(handle);
    return status;
}
