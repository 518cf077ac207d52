/* Disconnects its interrupt at unload. */
#include "rule.h"

NTHALAPI ULONG NTAPI HalGetInterruptVector(INTERFACE_TYPE bus, ULONG number, ULONG level,
                                           ULONG vector, PKIRQL irql, PKAFFINITY affinity);

static PKINTERRUPT interrupt;

static BOOLEAN NTAPI on_interrupt(PKINTERRUPT self, PVOID context)
{
    UNREFERENCED_PARAMETER(self);
    UNREFERENCED_PARAMETER(context);
    return FALSE;
}

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    KAFFINITY affinity = 1;
    KIRQL irql = DEVICE_IRQL;
    ULONG vector = HalGetInterruptVector(Isa, 0, 11, 11, &irql, &affinity);

    UNREFERENCED_PARAMETER(driver);
    UNREFERENCED_PARAMETER(device);
    return IoConnectInterrupt(&interrupt, on_interrupt, NULL, NULL, vector, irql, irql,
                              LevelSensitive, TRUE, affinity, FALSE);
}

void finish(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    IoDisconnectInterrupt(interrupt);
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    return STATUS_SUCCESS;
}
