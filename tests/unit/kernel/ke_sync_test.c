/* Fast mutexes, resources, push locks, rundown, queues, work items. */
#include "ke_fixture.h"

#include <string.h>

#define MS(n) ((LARGE_INTEGER){.QuadPart = -(LONGLONG)(n) * KE_MS})

static struct {
    FAST_MUTEX fast;
    KGUARDED_MUTEX guarded;
    ERESOURCE resource;
    EX_PUSH_LOCK push;
    EX_RUNDOWN_REF rundown;
    KQUEUE queue;
    KDEVICE_QUEUE devices;
    WORK_QUEUE_ITEM item;
    LIST_ENTRY entries[3];
    KDEVICE_QUEUE_ENTRY requests[4];
    char log[128];
    int count;
    HANDLE thread;
} s;

static void start(PKSTART_ROUTINE fn)
{
    cr_assert_eq(PsCreateSystemThread(&s.thread, 0, NULL, NULL, NULL, fn, NULL), STATUS_SUCCESS);
}

static void join(void)
{
    (void)KeWaitForSingleObject(s.thread, Executive, KernelMode, FALSE, NULL);
}

static void sleep_ms(int n)
{
    (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(n));
}

static void NTAPI fast_other(void *context)
{
    (void)context;
    cr_assert_not(ExTryToAcquireFastMutex(&s.fast));
    ExAcquireFastMutex(&s.fast);
    fx_append(s.log, sizeof s.log, "b");
    ExReleaseFastMutex(&s.fast);
}

static void fast(void *arg)
{
    (void)arg;
    ExInitializeFastMutex(&s.fast);
    ExAcquireFastMutex(&s.fast);
    cr_assert_eq(ke_irql(), APC_LEVEL);
    start(fast_other);
    sleep_ms(1);
    fx_append(s.log, sizeof s.log, "a");
    cr_assert_eq(s.fast.Count, 4, "held, one waiter");
    ExReleaseFastMutex(&s.fast);
    cr_assert_eq(ke_irql(), PASSIVE_LEVEL);
    join();
    cr_assert_str_eq(s.log, "ab");
    cr_assert_eq(s.fast.Count, 1);
    cr_assert_eq(fx_reports_total(), 0);
    ExReleaseFastMutex(&s.fast);
    cr_assert_eq(fx_reports(VF_VER_FAST_MUTEX_RELEASE), 1);
    ExAcquireFastMutexUnsafe(&s.fast);
    cr_assert_eq(fx_reports(VF_VER_UNSAFE_MUTEX_ACQUIRE), 0, "a system thread is exempt");
    ExReleaseFastMutexUnsafe(&s.fast);
    KeInitializeGuardedMutex(&s.guarded);
    KeAcquireGuardedMutex(&s.guarded);
    cr_assert(KeAreAllApcsDisabled());
    cr_assert_not(KeTryToAcquireGuardedMutex(&s.guarded));
    KeReleaseGuardedMutex(&s.guarded);
    cr_assert_not(KeAreAllApcsDisabled());
}

Test(sync, fast_mutex)
{
    fx_init(1);
    cr_assert(fx_run(fast, NULL));
}

/* Seen: kmtest_drv, KeGuardedMutex: a release that nobody asked for flips the bit that says free. */
static void release_unheld(void *arg)
{
    (void)arg;
    KeInitializeGuardedMutex(&s.guarded);
    KeReleaseGuardedMutexUnsafe(&s.guarded);
    cr_assert_eq(s.guarded.Count, 1, "repaired when the rule is on");
    fx_rules_off = true;
    KeReleaseGuardedMutexUnsafe(&s.guarded);
    cr_assert_eq(s.guarded.Count, 0);
    KeReleaseGuardedMutexUnsafe(&s.guarded);
    cr_assert_eq(s.guarded.Count, 1);
}

Test(sync, mutex_release_unheld)
{
    fx_init(1);
    cr_assert(fx_run(release_unheld, NULL));
}

/* Seen: kmtest_drv, KeApc: without a check the count of a region left too often goes above zero. */
static void leave_unentered(void *arg)
{
    KTHREAD *t = KeGetCurrentThread();

    (void)arg;
    KeLeaveCriticalRegion();
    KeLeaveGuardedRegion();
    cr_assert_eq(t->CombinedApcDisable, 0, "repaired when the rule is on");
    fx_rules_off = true;
    KeLeaveCriticalRegion();
    cr_assert_eq(t->KernelApcDisable, 1);
    cr_assert(KeAreApcsDisabled());
    KeEnterCriticalRegion();
    KeLeaveGuardedRegion();
    cr_assert_eq(t->SpecialApcDisable, 1);
    cr_assert(KeAreAllApcsDisabled());
    KeEnterGuardedRegion();
    cr_assert_not(KeAreApcsDisabled());
}

Test(sync, region_leave_unentered)
{
    fx_init(1);
    cr_assert(fx_run(leave_unentered, NULL));
}

static void NTAPI writer(void *context)
{
    (void)context;
    cr_assert_not(ExAcquireResourceExclusiveLite(&s.resource, FALSE));
    cr_assert(ExAcquireResourceExclusiveLite(&s.resource, TRUE));
    fx_append(s.log, sizeof s.log, "w");
    ExReleaseResourceLite(&s.resource);
}

static void resource(void *arg)
{
    uint64_t found;

    (void)arg;
    cr_assert_eq(ExInitializeResourceLite(&s.resource), STATUS_SUCCESS);
    cr_assert(ex_resource_in(KE_ARG(&s), sizeof s, &found));
    cr_assert(ExAcquireResourceSharedLite(&s.resource, TRUE));
    cr_assert(ExAcquireResourceSharedLite(&s.resource, TRUE));
    cr_assert_eq(ExIsResourceAcquiredSharedLite(&s.resource), 2);
    cr_assert_not(ExIsResourceAcquiredExclusiveLite(&s.resource));
    start(writer);
    sleep_ms(1);
    cr_assert_eq(ExGetExclusiveWaiterCount(&s.resource), 1);
    cr_assert(ExAcquireResourceSharedLite(&s.resource, FALSE), "an owner is not held up by a writer");
    fx_append(s.log, sizeof s.log, "r");
    for (int i = 0; i < 3; i++)
        ExReleaseResourceLite(&s.resource);
    join();
    cr_assert_str_eq(s.log, "rw");
    cr_assert(ExAcquireResourceExclusiveLite(&s.resource, TRUE));
    cr_assert(ExAcquireResourceExclusiveLite(&s.resource, TRUE));
    cr_assert(ExIsResourceAcquiredExclusiveLite(&s.resource));
    cr_assert_eq(s.resource.Flag & ResourceOwnedExclusive, ResourceOwnedExclusive);
    ExConvertExclusiveToSharedLite(&s.resource);
    cr_assert_not(ExIsResourceAcquiredExclusiveLite(&s.resource));
    ExReleaseResourceLite(&s.resource);
    ExReleaseResourceLite(&s.resource);
    cr_assert_eq(fx_reports_total(), 0);
    ExReleaseResourceLite(&s.resource);
    cr_assert_eq(fx_reports(VF_RESOURCE_NOT_OWNED), 1);
    cr_assert_eq(ExDeleteResourceLite(&s.resource), STATUS_SUCCESS);
    cr_assert_not(ex_resource_in(KE_ARG(&s), sizeof s, &found));
    (void)ExDeleteResourceLite(&s.resource);
    cr_assert_eq(fx_reports(VF_VER_RESOURCE_UNINIT), 1);
}

Test(sync, resource)
{
    fx_init(1);
    cr_assert(fx_run(resource, NULL));
}

static void NTAPI pusher(void *context)
{
    (void)context;
    ExfAcquirePushLockExclusive(&s.push);
    fx_append(s.log, sizeof s.log, "x");
    ExfReleasePushLockExclusive(&s.push);
    ExWaitForRundownProtectionRelease(&s.rundown);
    fx_append(s.log, sizeof s.log, "d");
}

static void push(void *arg)
{
    (void)arg;
    cr_assert(ExAcquireRundownProtection(&s.rundown));
    ExfAcquirePushLockShared(&s.push);
    ExfAcquirePushLockShared(&s.push);
    start(pusher);
    sleep_ms(1);
    ExfReleasePushLockShared(&s.push);
    sleep_ms(1);
    fx_append(s.log, sizeof s.log, "s");
    ExfReleasePushLock(&s.push);
    sleep_ms(1);
    cr_assert_str_eq(s.log, "sx");
    cr_assert_not(ExAcquireRundownProtection(&s.rundown));
    ExReleaseRundownProtection(&s.rundown);
    join();
    cr_assert_str_eq(s.log, "sxd");
    cr_assert_eq(s.push.Value, 0);
    cr_assert_eq(fx_reports_total(), 0);
}

Test(sync, push_lock_and_rundown)
{
    fx_init(1);
    cr_assert(fx_run(push, NULL));
}

static void NTAPI consumer(void *context)
{
    PLIST_ENTRY e = KeRemoveQueue(&s.queue, KernelMode, NULL);

    (void)context;
    cr_assert_eq(e, &s.entries[0]);
    s.count++;
    e = KeRemoveQueue(&s.queue, KernelMode, &MS(5));
    cr_assert_eq((uintptr_t)e, STATUS_TIMEOUT);
    s.count++;
}

static void queue(void *arg)
{
    (void)arg;
    KeInitializeQueue(&s.queue, 0);
    start(consumer);
    sleep_ms(1);
    (void)KeInsertQueue(&s.queue, &s.entries[0]);
    sleep_ms(1);
    cr_assert_eq(s.count, 1);
    join();
    cr_assert_eq(s.count, 2);
    (void)KeInsertQueue(&s.queue, &s.entries[0]);
    (void)KeInsertHeadQueue(&s.queue, &s.entries[1]);
    cr_assert_eq(KeReadStateQueue(&s.queue), 2);
    cr_assert_eq(KeRemoveQueue(&s.queue, KernelMode, NULL), &s.entries[1]);
    cr_assert_eq(KeRundownQueue(&s.queue), &s.entries[0]);
}

Test(sync, kernel_queue)
{
    fx_init(1);
    cr_assert(fx_run(queue, NULL));
}

Test(sync, device_queue)
{
    KeInitializeDeviceQueue(&s.devices);
    cr_assert_not(KeInsertDeviceQueue(&s.devices, &s.requests[0]));
    cr_assert(KeInsertByKeyDeviceQueue(&s.devices, &s.requests[1], 5));
    cr_assert(KeInsertByKeyDeviceQueue(&s.devices, &s.requests[2], 3));
    cr_assert(KeInsertByKeyDeviceQueue(&s.devices, &s.requests[3], 5));
    cr_assert_eq(KeRemoveByKeyDeviceQueue(&s.devices, 4), &s.requests[1]);
    cr_assert_eq(KeRemoveDeviceQueue(&s.devices), &s.requests[2]);
    cr_assert(KeRemoveEntryDeviceQueue(&s.devices, &s.requests[3]));
    cr_assert_not(KeRemoveEntryDeviceQueue(&s.devices, &s.requests[3]));
    cr_assert_null(KeRemoveDeviceQueue(&s.devices));
    cr_assert_not(s.devices.Busy);
}

static void NTAPI work(PVOID context)
{
    cr_assert_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    cr_assert_null(s.item.List.Flink);
    fx_append(s.log, sizeof s.log, context);
    if (++s.count < 3)
        ExQueueWorkItem(&s.item, DelayedWorkQueue);
}

static void items(void *arg)
{
    (void)arg;
    ExInitializeWorkItem(&s.item, work, "i");
    ExQueueWorkItem(&s.item, DelayedWorkQueue);
    cr_assert_not_null(s.item.List.Flink);
    ExQueueWorkItem(&s.item, DelayedWorkQueue);
    cr_assert_eq(fx_reports(VF_WORK_ITEM_AGAIN), 1);
    sleep_ms(1);
    cr_assert_str_eq(s.log, "iii");
    ExQueueWorkItem(&s.item, (WORK_QUEUE_TYPE)9);
    cr_assert_eq(fx_reports(VF_WORK_ITEM_TYPE), 1);
}

Test(sync, work_items)
{
    fx_init(1);
    cr_assert(fx_run(items, NULL));
}

static void NTAPI io_work(PVOID object, PVOID context, PIO_WORKITEM item)
{
    (void)object;
    s.count += context == &s;
    IoFreeWorkItem(item);
}

static void io_items(void *arg)
{
    PDEVICE_OBJECT device = ob_new(ob_type_device, sizeof *device, "Devi");
    PIO_WORKITEM item = IoAllocateWorkItem(device);

    (void)arg;
    IoQueueWorkItemEx(item, io_work, DelayedWorkQueue, &s);
    sleep_ms(1);
    cr_assert_eq(s.count, 1);
    item = IoAllocateWorkItem(device);
    IoQueueWorkItemEx(item, io_work, DelayedWorkQueue, &s);
    IoFreeWorkItem(item);
    cr_assert_eq(fx_reports(VF_WORK_ITEM_QUEUED_FREED), 1);
    sleep_ms(1);
    cr_assert_eq(s.count, 1);
}

Test(sync, io_work_items)
{
    fx_init(1);
    cr_assert(fx_run(io_items, NULL));
}

static void NTAPI notified(PVOID context, PVOID argument1, PVOID argument2)
{
    s.count += context == &s && argument1 == &s.count && !argument2;
}

static void callbacks(void *arg)
{
    OBJECT_ATTRIBUTES attr = {.Length = sizeof attr};
    PCALLBACK_OBJECT o;
    PVOID h;

    (void)arg;
    cr_assert_eq(ExCreateCallback(&o, &attr, TRUE, FALSE), STATUS_SUCCESS);
    h = ExRegisterCallback(o, notified, &s);
    cr_assert_not_null(h);
    cr_assert_null(ExRegisterCallback(o, notified, &s), "only one was allowed");
    ExNotifyCallback(o, &s.count, NULL);
    cr_assert_eq(s.count, 1);
    ExUnregisterCallback(h);
    ExNotifyCallback(o, &s.count, NULL);
    cr_assert_eq(s.count, 1);
}

Test(sync, callback_objects)
{
    fx_init(1);
    cr_assert(fx_run(callbacks, NULL));
}
