/* Takes the lock as an in-stack queued spin lock everywhere. */
#include "rule.h"

static KSPIN_LOCK lock;
static ULONG value;

static void add(void)
{
    KLOCK_QUEUE_HANDLE handle;

    KeAcquireInStackQueuedSpinLock(&lock, &handle);
    value++;
    KeReleaseInStackQueuedSpinLock(&handle);
}

static void clear(void)
{
    KLOCK_QUEUE_HANDLE handle;

    KeAcquireInStackQueuedSpinLock(&lock, &handle);
    value = 0;
    KeReleaseInStackQueuedSpinLock(&handle);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeSpinLock(&lock);
    add();
    clear();
    return STATUS_SUCCESS;
}
