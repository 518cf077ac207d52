/* Takes two spin locks in one order to add, and in the other to stop. */
#include "rule.h"

static KSPIN_LOCK list_lock, state_lock;
static ULONG entries, state;

static void add(void)
{
    KIRQL old;

    KeAcquireSpinLock(&list_lock, &old);
    KeAcquireSpinLockAtDpcLevel(&state_lock);
    entries++;
    state = 1;
    KeReleaseSpinLockFromDpcLevel(&state_lock);
    KeReleaseSpinLock(&list_lock, old);
}

static void stop(void)
{
    KIRQL old;

    KeAcquireSpinLock(&state_lock, &old);
    KeAcquireSpinLockAtDpcLevel(&list_lock);
    state = 0;
    entries = 0;
    KeReleaseSpinLockFromDpcLevel(&list_lock);
    KeReleaseSpinLock(&state_lock, old);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeSpinLock(&list_lock);
    KeInitializeSpinLock(&state_lock);
    add();
    stop();
    return STATUS_SUCCESS;
}
