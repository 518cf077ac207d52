/* Watches a tag through PoolHitTag: each allocation and free of it is told. */
#include "rule.h"

__declspec(dllimport) extern ULONG PoolHitTag;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PVOID p;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    PoolHitTag = RULE_TAG;
    p = ExAllocatePoolWithTag(NonPagedPoolNx, 48, RULE_TAG);
    if (p)
        ExFreePoolWithTag(p, RULE_TAG);
    PoolHitTag = 0;
    return p ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
