/* Takes the two locks in one order everywhere. Two orders are right, too, where a third lock lies around both. */
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

    KeAcquireSpinLock(&list_lock, &old);
    KeAcquireSpinLockAtDpcLevel(&state_lock);
    state = 0;
    entries = 0;
    KeReleaseSpinLockFromDpcLevel(&state_lock);
    KeReleaseSpinLock(&list_lock, old);
}

static FAST_MUTEX gate, first, second;

static void nest(PFAST_MUTEX outer, PFAST_MUTEX inner)
{
    ExAcquireFastMutex(&gate);
    ExAcquireFastMutex(outer);
    ExAcquireFastMutex(inner);
    state++;
    ExReleaseFastMutex(inner);
    ExReleaseFastMutex(outer);
    ExReleaseFastMutex(&gate);
}

static void both_orders(void)
{
    nest(&first, &second);
    nest(&second, &first);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeInitializeSpinLock(&list_lock);
    KeInitializeSpinLock(&state_lock);
    ExInitializeFastMutex(&gate);
    ExInitializeFastMutex(&first);
    ExInitializeFastMutex(&second);
    add();
    stop();
    both_orders();
    return STATUS_SUCCESS;
}
