/* The thread lowers the IRQL on each way out. */
#include "rule.h"

static ULONG jobs;

static VOID NTAPI run(PVOID context)
{
    KIRQL old;

    UNREFERENCED_PARAMETER(context);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    if (!jobs) {
        KeLowerIrql(old);
        return;
    }
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
