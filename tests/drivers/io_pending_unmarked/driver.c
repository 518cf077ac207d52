/* Returns STATUS_PENDING without marking the request. */
#include "rule.h"

static KTIMER timer;
static KDPC dpc;

static VOID NTAPI on_time(PKDPC self, PVOID context, PVOID a, PVOID b)
{
    PIRP irp = context;

    UNREFERENCED_PARAMETER(self);
    UNREFERENCED_PARAMETER(a);
    UNREFERENCED_PARAMETER(b);
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    LARGE_INTEGER due = {.QuadPart = -10000};

    UNREFERENCED_PARAMETER(device);
    KeInitializeTimer(&timer);
    KeInitializeDpc(&dpc, on_time, irp);
    KeSetTimer(&timer, due, &dpc);
    rule_done = TRUE;
    return STATUS_PENDING;
}
