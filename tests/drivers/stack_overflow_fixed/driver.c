/* Recursion with an end. */
#include "rule.h"

static __declspec(noinline) ULONG deeper(ULONG depth)
{
    volatile UCHAR room[256];

    room[depth & 255] = (UCHAR)depth;
    return depth < 20 ? deeper(depth + 1) + room[depth & 255] : depth;
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    return deeper(1) ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}
