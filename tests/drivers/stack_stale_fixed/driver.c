/* Uses only the part of its stack that is in use. */
#include "rule.h"

static volatile UCHAR seen;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    volatile UCHAR local = 1;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    seen = *(volatile UCHAR *)blind((PVOID)&local);
    return STATUS_SUCCESS;
}
