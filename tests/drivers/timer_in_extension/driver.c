/* Deletes a device with a timer set in its extension. */
#include "rule.h"

struct extension {
    KTIMER timer;
    KDPC dpc;
    ULONG ticks;
};

static PDEVICE_OBJECT clock;

static VOID NTAPI on_dpc(PKDPC self, PVOID context, PVOID a, PVOID b)
{
    struct extension *x = context;

    UNREFERENCED_PARAMETER(self);
    UNREFERENCED_PARAMETER(a);
    UNREFERENCED_PARAMETER(b);
    x->ticks++;
}

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    UNREFERENCED_PARAMETER(device);
    return IoCreateDevice(driver, sizeof(struct extension), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE,
                          &clock);
}

void finish(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    IoDeleteDevice(clock);
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    LARGE_INTEGER due = {.QuadPart = -1000000};
    struct extension *x = clock->DeviceExtension;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeTimer(&x->timer);
    KeInitializeDpc(&x->dpc, on_dpc, x);
    KeSetTimerEx(&x->timer, due, 100, &x->dpc);
    return STATUS_SUCCESS;
}
