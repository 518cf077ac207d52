/* Cancels the timer and frees its block at unload. */
#include "rule.h"

struct clock {
    KTIMER timer;
    KDPC dpc;
    ULONG ticks;
};

static struct clock *clock;

static VOID NTAPI on_dpc(PKDPC self, PVOID context, PVOID a, PVOID b)
{
    struct clock *c = context;

    UNREFERENCED_PARAMETER(self);
    UNREFERENCED_PARAMETER(a);
    UNREFERENCED_PARAMETER(b);
    c->ticks++;
}

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    UNREFERENCED_PARAMETER(driver);
    UNREFERENCED_PARAMETER(device);
    clock = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *clock, RULE_TAG);
    if (!clock)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeTimer(&clock->timer);
    KeInitializeDpc(&clock->dpc, on_dpc, clock);
    clock->ticks = 0;
    return STATUS_SUCCESS;
}

void finish(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    KeCancelTimer(&clock->timer);
    KeFlushQueuedDpcs();
    ExFreePoolWithTag(clock, RULE_TAG);
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    LARGE_INTEGER due = {.QuadPart = -1000000};

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeSetTimerEx(&clock->timer, due, 100, &clock->dpc);
    return STATUS_SUCCESS;
}
