/* Follows a system address that belongs to nothing. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    volatile UCHAR *wild = blind((PVOID)0x4A7777770000);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    return *wild ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}
