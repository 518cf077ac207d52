/* Moves them with memmove. */
#include "rule.h"

static UCHAR queue[64];

static void drop_first(void)
{
    memmove(blind(queue), queue + 8, sizeof queue - 8);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    drop_first();
    return STATUS_SUCCESS;
}
