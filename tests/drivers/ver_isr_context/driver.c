/* Its service routine changes how the interrupted code rounds. */
#include "rule.h"

enum { VECTOR = 0x31, LEVEL = 5 };

static PKINTERRUPT interrupt;
static ULONG count;

static void set_mxcsr(ULONG value)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(value));
}

static ULONG get_mxcsr(void)
{
    ULONG value;

    __asm__ volatile("stmxcsr %0" : "=m"(value));
    return value;
}

static BOOLEAN NTAPI on_interrupt(PKINTERRUPT object, PVOID context)
{
    ULONG old = get_mxcsr();

    UNREFERENCED_PARAMETER(object);
    UNREFERENCED_PARAMETER(context);
    set_mxcsr(old | 0x6000); /* towards zero */
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
