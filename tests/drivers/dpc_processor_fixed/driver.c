/* Queues it for the second processor. */
#include "rule.h"

static KDPC dpc;
static ULONG runs;

static VOID NTAPI on_dpc(PKDPC self, PVOID context, PVOID a, PVOID b)
{
    UNREFERENCED_PARAMETER(self);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(a);
    UNREFERENCED_PARAMETER(b);
    runs++;
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeDpc(&dpc, on_dpc, NULL);
    KeSetTargetProcessorDpc(&dpc, 1);
    KeInsertQueueDpc(&dpc, NULL, NULL);
    KeFlushQueuedDpcs();
    return runs ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}
