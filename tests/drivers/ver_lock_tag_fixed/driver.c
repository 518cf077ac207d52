/* Releases the remove lock with the tag it took it with. */
#include "rule.h"

static IO_REMOVE_LOCK lock;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    NTSTATUS status;

    UNREFERENCED_PARAMETER(device);
    IoInitializeRemoveLock(&lock, RULE_TAG, 0, 0);
    status = IoAcquireRemoveLock(&lock, irp);
    if (!NT_SUCCESS(status))
        return status;
    IoReleaseRemoveLock(&lock, irp);
    return STATUS_SUCCESS;
}
