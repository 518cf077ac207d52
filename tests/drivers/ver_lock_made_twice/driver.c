/* Initialises a mutex again that other requests may already wait for. */
#include "rule.h"

static KMUTEX mutex;

static void reset(void)
{
    KeInitializeMutex(&mutex, 0);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeMutex(&mutex, 0);
    KeWaitForSingleObject(&mutex, Executive, KernelMode, FALSE, NULL);
    KeReleaseMutex(&mutex, FALSE);
    reset();
    return STATUS_SUCCESS;
}
