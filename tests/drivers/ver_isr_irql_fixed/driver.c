/* The service routine comes back to its IRQL. */
#include "rule.h"

enum { VECTOR = 0x31, LEVEL = 5 };

static PKINTERRUPT interrupt;
static ULONG count;

static BOOLEAN NTAPI on_interrupt(PKINTERRUPT object, PVOID context)
{
    KIRQL old;

    UNREFERENCED_PARAMETER(object);
    UNREFERENCED_PARAMETER(context);
    KeRaiseIrql(LEVEL + 1, &old);
    KeLowerIrql(old);
    count++;
    return TRUE;
}

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    UNREFERENCED_PARAMETER(driver);
    return IoConnectInterrupt(&interrupt, on_interrupt, device, NULL, VECTOR, LEVEL, LEVEL, Latched, FALSE, 1,
                              FALSE);
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
    return count ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}
