/* Releases a remove lock with another tag than it took it with. */
#include "rule.h"

static IO_REMOVE_LOCK lock;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    NTSTATUS status;

    IoInitializeRemoveLock(&lock, RULE_TAG, 0, 0);
    status = IoAcquireRemoveLock(&lock, irp);
    if (!NT_SUCCESS(status))
        return status;
    IoReleaseRemoveLock(&lock, device);
    return STATUS_SUCCESS;
}
