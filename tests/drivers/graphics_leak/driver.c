/* A display driver, as the option says: nobody tracks its pool, so what it leaves at unload is no finding. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PVOID p = ExAllocatePoolWithTag(PagedPool, 64, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    return p ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
