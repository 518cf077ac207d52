/* Reads far below its stack pointer, where no frame of the thread has been. */
#include "rule.h"

static volatile UCHAR seen;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    volatile UCHAR local = 1;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    seen = *(volatile UCHAR *)blind((PUCHAR)&local - 0x1C000);
    return STATUS_SUCCESS;
}
