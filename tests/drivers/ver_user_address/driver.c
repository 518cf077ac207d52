/* Describes a buffer of the program as nonpaged pool. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION sp = IoGetCurrentIrpStackLocation(irp);
    ULONG length = sp->Parameters.DeviceIoControl.InputBufferLength;
    PVOID buffer = sp->Parameters.DeviceIoControl.Type3InputBuffer;
    PMDL mdl = IoAllocateMdl(buffer, length, FALSE, FALSE, NULL);

    UNREFERENCED_PARAMETER(device);
    if (!mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    MmBuildMdlForNonPagedPool(mdl);
    IoFreeMdl(mdl);
    return STATUS_SUCCESS;
}
