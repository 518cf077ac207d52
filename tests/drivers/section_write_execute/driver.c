/* Has a section that can be written to and executed. */
#include "rule.h"

#pragma section(".wx", read, write)
__declspec(allocate(".wx")) static volatile UCHAR patch[16] = {0xC3};

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    return patch[0] == 0xC3 ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}
