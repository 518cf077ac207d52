/* Copies no more than fits. */
#include "rule.h"

static const UCHAR source[64] = {1, 2, 3, 4, 5, 6, 7, 8};

static __declspec(noinline) NTSTATUS copy(const UCHAR *from, SIZE_T size)
{
    volatile UCHAR local[16];

    for (SIZE_T i = 0; i < size; i++)
        local[i] = from[i];
    return local[3] == 4 ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    return copy(blind((PVOID)source), 16);
}
