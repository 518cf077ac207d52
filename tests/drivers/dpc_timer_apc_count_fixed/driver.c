/* The DPC routine of the timer needs no critical region. */
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
    static KTIMER timer;
    LARGE_INTEGER due = {.QuadPart = -10000}; /* a millisecond */

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeDpc(&dpc, on_dpc, NULL);
    KeInitializeTimer(&timer);
    KeSetTimer(&timer, due, &dpc);
    KeWaitForSingleObject(&timer, Executive, KernelMode, FALSE, NULL);
    KeFlushQueuedDpcs();
    return runs ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}
