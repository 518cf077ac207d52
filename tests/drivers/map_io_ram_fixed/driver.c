/* Looks for the table where firmware keeps it. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PHYSICAL_ADDRESS place = {.QuadPart = 0xF0000};
    PUCHAR va = MmMapIoSpace(place, PAGE_SIZE, MmNonCached);
    UCHAR first;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!va)
        return STATUS_INSUFFICIENT_RESOURCES;
    first = *(volatile UCHAR *)va;
    MmUnmapIoSpace(va, PAGE_SIZE);
    return first == '_' ? STATUS_SUCCESS : STATUS_NOT_FOUND;
}
