/* Takes pool from a DPC, charged to nobody. */
#include "rule.h"

static KDPC dpc;
static PVOID block;

static VOID NTAPI on_dpc(PKDPC self, PVOID context, PVOID one, PVOID two)
{
    UNREFERENCED_PARAMETER(self);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(one);
    UNREFERENCED_PARAMETER(two);
    block = ExAllocatePoolWithTag(NonPagedPoolNx, 48, RULE_TAG);
}

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    UNREFERENCED_PARAMETER(driver);
    UNREFERENCED_PARAMETER(device);
    KeInitializeDpc(&dpc, on_dpc, NULL);
    return STATUS_SUCCESS;
}

RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInsertQueueDpc(&dpc, NULL, NULL);
    KeFlushQueuedDpcs();
    if (!block)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExFreePoolWithTag(block, RULE_TAG);
    return STATUS_SUCCESS;
}
