/* Changes the buffer of a request that brings data, in place. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR data = MmGetSystemAddressForMdlSafe(irp->MdlAddress, NormalPagePriority);

    UNREFERENCED_PARAMETER(device);
    if (!data)
        return STATUS_INSUFFICIENT_RESOURCES;
    data[0] ^= 0x20;
    return STATUS_SUCCESS;
}
