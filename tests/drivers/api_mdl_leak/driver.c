/* Leaves an MDL behind. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PMDL mdl = IoAllocateMdl(blind(device), 16, FALSE, FALSE, NULL);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    return STATUS_SUCCESS;
}
