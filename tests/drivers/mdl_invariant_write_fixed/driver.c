/* Works on a copy. */
#include "rule.h"

static UCHAR copy[64];

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR data = MmGetSystemAddressForMdlSafe(irp->MdlAddress, NormalPagePriority);

    UNREFERENCED_PARAMETER(device);
    if (!data)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlCopyMemory(copy, data, sizeof copy);
    copy[0] ^= 0x20;
    return STATUS_SUCCESS;
}
