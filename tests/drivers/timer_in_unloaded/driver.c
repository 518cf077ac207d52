/* Unloads with a timer set. */
#include "rule.h"

static KTIMER timer;
static KDPC dpc;
static ULONG ticks;

static VOID NTAPI on_dpc(PKDPC self, PVOID context, PVOID a, PVOID b)
{
    UNREFERENCED_PARAMETER(self);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(a);
    UNREFERENCED_PARAMETER(b);
    ticks++;
}

RULE_NOTHING_AT_START
void finish(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    LARGE_INTEGER due = {.QuadPart = -1000000};

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeTimer(&timer);
    KeInitializeDpc(&dpc, on_dpc, NULL);
    KeSetTimerEx(&timer, due, 100, &dpc);
    return STATUS_SUCCESS;
}
