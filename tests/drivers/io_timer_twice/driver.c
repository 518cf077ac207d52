/* Initialises the timer of a device twice. */
#include "rule.h"

static VOID NTAPI on_second(PDEVICE_OBJECT device, PVOID context)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(context);
}

NTSTATUS start(PDRIVER_OBJECT driver, PDEVICE_OBJECT device)
{
    UNREFERENCED_PARAMETER(driver);
    return IoInitializeTimer(device, on_second, NULL);
}

RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(irp);
    return IoInitializeTimer(device, on_second, NULL);
}
