/* Locks them at DISPATCH_LEVEL. */
#include "rule.h"

NTKERNELAPI VOID NTAPI MmProbeAndLockSelectedPages(PMDL mdl, PFILE_SEGMENT_ELEMENT segments,
                                                   KPROCESSOR_MODE mode, LOCK_OPERATION operation);

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
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    __try {
        FILE_SEGMENT_ELEMENT segment = {.Buffer = buffer};

        MmProbeAndLockSelectedPages(mdl, &segment, KernelMode, IoReadAccess);
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
