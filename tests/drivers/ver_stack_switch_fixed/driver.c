/* Runs the routine on the stack of the thread. */
#include "rule.h"

static PVOID block;

static void allocate(void)
{
    block = ExAllocatePoolWithTag(NonPagedPoolNx, 64, RULE_TAG);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    allocate();
    if (block)
        ExFreePoolWithTag(block, RULE_TAG);
    return STATUS_SUCCESS;
}
