/* Initialises the mutex once; a spin lock may be set up again while nobody holds it. */
#include "rule.h"

static KMUTEX mutex;
static KSPIN_LOCK lock;

static void reset(void)
{
    KeInitializeSpinLock(&lock);
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
    reset();
    return STATUS_SUCCESS;
}
