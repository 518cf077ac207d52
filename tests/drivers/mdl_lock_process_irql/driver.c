/* Locks pages of a process in a service routine. */
#include "rule.h"

NTKERNELAPI VOID NTAPI MmProbeAndLockProcessPages(PMDL mdl, PEPROCESS process, KPROCESSOR_MODE mode,
                                                LOCK_OPERATION operation);

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR buffer = ExAllocatePoolWithTag(NonPagedPoolNx, PAGE_SIZE, RULE_TAG);
    PMDL mdl = buffer ? IoAllocateMdl(buffer, PAGE_SIZE, FALSE, FALSE, NULL) : NULL;
    NTSTATUS status = STATUS_SUCCESS;
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeRaiseIrql(DEVICE_IRQL, &old);
    __try {
        MmProbeAndLockProcessPages(mdl, PsGetCurrentProcess(), KernelMode, IoReadAccess);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = GetExceptionCode();
    }
    KeLowerIrql(old);
    if (NT_SUCCESS(status))
        MmUnlockPages(mdl);
    IoFreeMdl(mdl);
    ExFreePoolWithTag(buffer, RULE_TAG);
    return status;
}
