/* Releases the fast mutex where it was taken. */
#include "rule.h"

static FAST_MUTEX mutex;
static KEVENT done;

static VOID NTAPI work(PDEVICE_OBJECT device, PVOID context)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(context);
    KeSetEvent(&done, IO_NO_INCREMENT, FALSE);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_WORKITEM item = IoAllocateWorkItem(device);

    UNREFERENCED_PARAMETER(irp);
    if (!item)
        return STATUS_INSUFFICIENT_RESOURCES;
    ExInitializeFastMutex(&mutex);
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&mutex);
    IoQueueWorkItem(item, work, DelayedWorkQueue, NULL);
    KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
    ExReleaseFastMutexUnsafe(&mutex);
    KeLeaveCriticalRegion();
    IoFreeWorkItem(item);
    return STATUS_SUCCESS;
}
