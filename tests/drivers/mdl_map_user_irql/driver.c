/* Maps pages into the program at DISPATCH_LEVEL. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR buffer = ExAllocatePoolWithTag(NonPagedPoolNx, 2 * PAGE_SIZE, RULE_TAG);
    PMDL mdl = buffer ? IoAllocateMdl(buffer, 2 * PAGE_SIZE, FALSE, FALSE, NULL) : NULL;
    PVOID va;
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!mdl) {
        if (buffer)
            ExFreePoolWithTag(buffer, RULE_TAG);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    MmProbeAndLockPages(mdl, KernelMode, IoModifyAccess);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    va = MmMapLockedPages(mdl, UserMode);
    KeLowerIrql(old);
    MmUnmapLockedPages(va, mdl);
    MmUnlockPages(mdl);
    IoFreeMdl(mdl);
    ExFreePoolWithTag(buffer, RULE_TAG);
    return STATUS_SUCCESS;
}
