/* The same inside __try. */
#include "rule.h"

static __declspec(noinline) void store(ULONG *p)
{
    *(volatile ULONG *)p = 1;
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    __try {
        store(blind(NULL));
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
