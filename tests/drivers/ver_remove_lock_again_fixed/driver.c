/* Initialises the remove lock once. */
#include "rule.h"

static IO_REMOVE_LOCK lock;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    IoInitializeRemoveLock(&lock, RULE_TAG, 0, 0);
    if (NT_SUCCESS(IoAcquireRemoveLock(&lock, irp)))
        IoReleaseRemoveLock(&lock, irp);
    return STATUS_SUCCESS;
}
