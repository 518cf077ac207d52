/* Calls of what is no code, inside __try: the handler gets its access violation, as on Windows, and the call is
 * reported all the same (EXECUTE_NX), because only the handler hides it. */
#include "rule.h"

static __declspec(noinline) ULONG code_of(void (*fn)(void))
{
    ULONG code = 0;

    __try {
        fn();
    } __except (code = _exception_code(), EXCEPTION_EXECUTE_HANDLER) {
    }
    return code;
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    BOOLEAN good;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    good = code_of((void (*)(void))blind(NULL)) == (ULONG)STATUS_ACCESS_VIOLATION;
    good &= code_of((void (*)(void))blind((PVOID)0x123450000)) == (ULONG)STATUS_ACCESS_VIOLATION;
    good &= code_of((void (*)(void))blind((PVOID)0x1234567800000000ull)) == (ULONG)STATUS_ACCESS_VIOLATION;
    return good ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}
