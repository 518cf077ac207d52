/* Unregisters it once; a handle of 0 means that there was none. */
#include "rule.h"

static const GUID guid = {0x6f1c5d2a, 0x31b0, 0x4c8e, {0x9a, 0x10, 0x5e, 0x21, 0x77, 0x0b, 0x4d, 0x63}};
static REGHANDLE handle;

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    NTSTATUS status = EtwRegister(&guid, NULL, NULL, &handle);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (NT_SUCCESS(status))
        status = EtwUnregister(handle);
    EtwUnregister(0);
    return STATUS_SUCCESS;
}
