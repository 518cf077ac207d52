/* Events, semaphores, mutants, timeouts, waits on several objects, threads as objects. */
#include "ke_fixture.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS(n) ((LARGE_INTEGER){.QuadPart = -(LONGLONG)(n) * KE_MS})

static NTSTATUS wait_on(void *object, LARGE_INTEGER *timeout)
{
    return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, timeout);
}

static struct {
    KEVENT event, other, done;
    KSEMAPHORE semaphore;
    KMUTEX mutex;
    KTIMER timer;
    char log[256];
    int count;
    NTSTATUS status;
} s;

static void NTAPI waiter(void *context)
{
    (void)wait_on(&s.event, NULL);
    s.count++;
    (void)context;
}

static PETHREAD start(PKSTART_ROUTINE fn, void *context)
{
    HANDLE h;

    cr_assert_eq(PsCreateSystemThread(&h, 0, NULL, NULL, NULL, fn, context), STATUS_SUCCESS);
    return h;
}

static void notification(void *arg)
{
    PETHREAD t[3];

    (void)arg;
    KeInitializeEvent(&s.event, NotificationEvent, FALSE);
    for (int i = 0; i < 3; i++)
        t[i] = start(waiter, NULL);
    (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(1));
    cr_assert_eq(s.count, 0);
    cr_assert_eq(s.event.Header.WaitListHead.Flink,
                 &CONTAINING_RECORD(s.event.Header.WaitListHead.Flink, KWAIT_BLOCK, WaitListEntry)->WaitListEntry);
    cr_assert_eq(KeSetEvent(&s.event, 0, FALSE), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(wait_on(t[i], NULL), STATUS_SUCCESS);
    cr_assert_eq(s.count, 3);
    cr_assert_eq(KeReadStateEvent(&s.event), 1);
    cr_assert_eq(s.event.Header.WaitListHead.Flink, &s.event.Header.WaitListHead);
    cr_assert_eq(KeResetEvent(&s.event), 1);
    cr_assert_eq(KeReadStateEvent(&s.event), 0);
}

Test(wait, notification_event_releases_all)
{
    fx_init(1);
    cr_assert(fx_run(notification, NULL));
    cr_assert_eq(fx_reports_total(), 0);
}

static void synchronization(void *arg)
{
    PETHREAD t[3];

    (void)arg;
    KeInitializeEvent(&s.event, SynchronizationEvent, FALSE);
    for (int i = 0; i < 3; i++)
        t[i] = start(waiter, NULL);
    (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(1));
    for (int i = 0; i < 3; i++) {
        (void)KeSetEvent(&s.event, 0, FALSE);
        (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(1));
        cr_assert_eq(s.count, i + 1);
        cr_assert_eq(KeReadStateEvent(&s.event), 0);
    }
    (void)KeSetEvent(&s.event, 0, FALSE);
    cr_assert_eq(KeReadStateEvent(&s.event), 1);
    cr_assert_eq(wait_on(&s.event, &MS(0)), STATUS_SUCCESS);
    cr_assert_eq(wait_on(&s.event, &MS(0)), STATUS_TIMEOUT);
    (void)t;
}

Test(wait, synchronization_event_releases_one)
{
    fx_init(2);
    cr_assert(fx_run(synchronization, NULL));
}

static void timeouts(void *arg)
{
    uint64_t t0 = ke_time_now();
    LARGE_INTEGER at;

    (void)arg;
    KeInitializeEvent(&s.event, SynchronizationEvent, FALSE);
    cr_assert_eq(wait_on(&s.event, &MS(10000)), STATUS_TIMEOUT);
    cr_assert_eq(ke_time_now() - t0, 10000ull * KE_MS);
    at.QuadPart = (LONGLONG)ke_time_system() + 5 * KE_MS;
    t0 = ke_time_now();
    cr_assert_eq(wait_on(&s.event, &at), STATUS_TIMEOUT);
    cr_assert_eq(ke_time_now() - t0, 5ull * KE_MS);
    at.QuadPart = 1; /* long ago */
    cr_assert_eq(wait_on(&s.event, &at), STATUS_TIMEOUT);
    t0 = ke_time_now();
    cr_assert_eq(KeDelayExecutionThread(KernelMode, FALSE, &MS(420000)), STATUS_SUCCESS);
    cr_assert_eq(ke_time_now() - t0, 420000ull * KE_MS);
}

Test(wait, timeouts_take_exactly_their_virtual_time)
{
    fx_init(3);
    cr_assert(fx_run(timeouts, NULL));
}

static void NTAPI setter(void *context)
{
    (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(3));
    (void)KeSetEvent(context, 0, FALSE);
}

static void several(void *arg)
{
    PVOID objects[4] = {&s.event, &s.other, &s.done, &s.semaphore};
    KWAIT_BLOCK blocks[4];

    (void)arg;
    KeInitializeEvent(&s.event, SynchronizationEvent, FALSE);
    KeInitializeEvent(&s.other, SynchronizationEvent, FALSE);
    KeInitializeEvent(&s.done, NotificationEvent, FALSE);
    KeInitializeSemaphore(&s.semaphore, 1, 2);
    cr_assert_eq(KeWaitForMultipleObjects(4, objects, WaitAny, Executive, KernelMode, FALSE, &MS(1), blocks),
                 STATUS_WAIT_3);
    cr_assert_eq(KeWaitForMultipleObjects(4, objects, WaitAny, Executive, KernelMode, FALSE, &MS(1), blocks),
                 STATUS_TIMEOUT);
    (void)start(setter, &s.other);
    cr_assert_eq(KeWaitForMultipleObjects(3, objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL),
                 STATUS_WAIT_1);
    cr_assert_eq(KeReadStateEvent(&s.other), 0);
    (void)start(setter, &s.event);
    (void)start(setter, &s.other);
    (void)start(setter, &s.done);
    cr_assert_eq(KeWaitForMultipleObjects(3, objects, WaitAll, Executive, KernelMode, FALSE, NULL, NULL),
                 STATUS_SUCCESS);
    cr_assert_eq(KeReadStateEvent(&s.event), 0);
    cr_assert_eq(KeReadStateEvent(&s.other), 0);
    cr_assert_eq(KeReadStateEvent(&s.done), 1);
    /* all or nothing: a part is not taken */
    (void)KeSetEvent(&s.event, 0, FALSE);
    cr_assert_eq(KeWaitForMultipleObjects(2, objects, WaitAll, Executive, KernelMode, FALSE, &MS(1), NULL),
                 STATUS_TIMEOUT);
    cr_assert_eq(KeReadStateEvent(&s.event), 1);
}

Test(wait, any_and_all)
{
    fx_init(4);
    cr_assert(fx_run(several, NULL));
}

static void same_twice(void *arg)
{
    PVOID objects[2] = {&s.event, &s.event};

    (void)arg;
    KeInitializeEvent(&s.event, NotificationEvent, FALSE);
    (void)start(setter, &s.event);
    (void)start(waiter, NULL);
    cr_assert_eq(KeWaitForMultipleObjects(2, objects, WaitAll, Executive, KernelMode, FALSE, NULL, NULL),
                 STATUS_SUCCESS);
    (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(1));
    cr_assert_eq(s.count, 1);
}

Test(wait, the_same_object_twice)
{
    fx_init(4);
    cr_assert(fx_run(same_twice, NULL));
}

static void over_limit(void *arg)
{
    (void)arg;
    (void)KeReleaseSemaphore(&s.semaphore, 0, 2, FALSE);
}

static void semaphore(void *arg)
{
    (void)arg;
    KeInitializeSemaphore(&s.semaphore, 0, 2);
    cr_assert_eq(KeReleaseSemaphore(&s.semaphore, 0, 1, FALSE), 0);
    cr_assert(fx_raises(over_limit, NULL));
    cr_assert_eq(fx_raised, STATUS_SEMAPHORE_LIMIT_EXCEEDED);
    cr_assert_eq(KeReadStateSemaphore(&s.semaphore), 1);
    cr_assert_eq(KeReleaseSemaphore(&s.semaphore, 0, 1, FALSE), 1);
    cr_assert_eq(wait_on(&s.semaphore, NULL), STATUS_SUCCESS);
    cr_assert_eq(wait_on(&s.semaphore, NULL), STATUS_SUCCESS);
    cr_assert_eq(wait_on(&s.semaphore, &MS(0)), STATUS_TIMEOUT);
}

Test(wait, semaphore_counts_to_its_limit)
{
    fx_init(5);
    cr_assert(fx_run(semaphore, NULL));
}

static void release_mutex(void *arg)
{
    (void)arg;
    (void)KeReleaseMutex(&s.mutex, FALSE);
}

static void NTAPI mutex_thread(void *context)
{
    (void)context;
    cr_assert(fx_raises(release_mutex, NULL));
    cr_assert_eq(fx_raised, STATUS_MUTANT_NOT_OWNED);
    cr_assert_eq(wait_on(&s.mutex, &MS(1)), STATUS_TIMEOUT);
    s.status = wait_on(&s.mutex, NULL);
    s.count = 1;
    (void)KeReleaseMutex(&s.mutex, FALSE);
}

static void mutex(void *arg)
{
    PETHREAD t;

    (void)arg;
    KeInitializeMutex(&s.mutex, 0);
    cr_assert_eq(KeReadStateMutex(&s.mutex), 1);
    cr_assert_eq(wait_on(&s.mutex, NULL), STATUS_SUCCESS);
    cr_assert_eq(wait_on(&s.mutex, NULL), STATUS_SUCCESS);
    cr_assert_eq(KeReadStateMutex(&s.mutex), -1);
    cr_assert(KeAreApcsDisabled());
    cr_assert_eq(s.mutex.MutantListEntry.Flink, &KeGetCurrentThread()->MutantListHead);
    t = start(mutex_thread, NULL);
    (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(5));
    cr_assert_eq(KeReleaseMutex(&s.mutex, FALSE), -1);
    cr_assert_eq(s.count, 0);
    cr_assert_eq(KeReleaseMutex(&s.mutex, FALSE), 0);
    cr_assert_not(KeAreApcsDisabled());
    cr_assert_eq(wait_on(t, NULL), STATUS_SUCCESS);
    cr_assert_eq(s.count, 1);
    cr_assert_eq(KeReadStateMutex(&s.mutex), 1);
}

Test(wait, mutex_is_recursive_and_owned)
{
    fx_init(6);
    cr_assert(fx_run(mutex, NULL));
    cr_assert_eq(fx_reports_total(), 0);
}

static void NTAPI mutex_holder(void *context)
{
    (void)context;
    (void)wait_on(&s.mutex, NULL);
}

static void abandoned(void *arg)
{
    (void)arg;
    KeInitializeMutant(&s.mutex, FALSE);
    cr_assert_eq(wait_on(start(mutex_holder, NULL), NULL), STATUS_SUCCESS);
    cr_assert_eq(wait_on(&s.mutex, NULL), STATUS_ABANDONED);
    cr_assert_eq(wait_on(&s.mutex, NULL), STATUS_SUCCESS);
}

Test(wait, mutant_is_abandoned_by_a_dead_owner)
{
    fx_init(7);
    cr_assert(fx_run(abandoned, NULL));
    cr_assert_eq(fx_reports(VF_THREAD_HELD_MUTEX), 0);
}

static void abandoned_mutex(void *arg)
{
    (void)arg;
    KeInitializeMutex(&s.mutex, 0);
    (void)wait_on(start(mutex_holder, NULL), NULL);
}

Test(wait, thread_that_ends_with_a_mutex_is_reported)
{
    fx_init(7);
    cr_assert(fx_run(abandoned_mutex, NULL));
    cr_assert_eq(fx_reports(VF_THREAD_HELD_MUTEX), 1);
}

static void at_dispatch(void *arg)
{
    KIRQL old = KfRaiseIrql(DISPATCH_LEVEL);

    (void)arg;
    KeInitializeEvent(&s.event, NotificationEvent, FALSE);
    cr_assert_eq(wait_on(&s.event, &MS(0)), STATUS_TIMEOUT);
    cr_assert_eq(fx_reports_total(), 0);
    cr_assert_eq(wait_on(&s.event, &MS(2)), STATUS_TIMEOUT);
    cr_assert_eq(fx_reports(VF_VER_WAIT_TIMEOUT), 1);
    (void)KeSetEvent(&s.event, 0, FALSE);
    cr_assert_eq(wait_on(&s.event, NULL), STATUS_SUCCESS);
    cr_assert_eq(fx_reports(VF_VER_WAIT_FOREVER), 1);
    cr_assert_eq(ke_irql(), DISPATCH_LEVEL);
    KeLowerIrql(old);
}

Test(wait, a_wait_at_dispatch_is_reported)
{
    fx_init(8);
    cr_assert(fx_run(at_dispatch, NULL));
}

static void wait_true(void *arg)
{
    (void)arg;
    KeInitializeEvent(&s.event, NotificationEvent, FALSE);
    (void)KeSetEvent(&s.event, 0, TRUE);
    cr_assert_eq(ke_irql(), DISPATCH_LEVEL);
    cr_assert_eq(wait_on(&s.event, NULL), STATUS_SUCCESS);
    cr_assert_eq(ke_irql(), PASSIVE_LEVEL);
    cr_assert_eq(fx_reports_total(), 0);
    (void)KeResetEvent(&s.event);
    (void)KePulseEvent(&s.event, 0, FALSE);
    cr_assert_eq(KeReadStateEvent(&s.event), 0);
}

Test(wait, set_event_with_wait)
{
    fx_init(9);
    cr_assert(fx_run(wait_true, NULL));
}

Test(wait, initialise_writes_only_what_windows_writes)
{
    KEVENT e;

    memset(&e, 0x55, sizeof e);
    KeInitializeEvent(&e, SynchronizationEvent, TRUE);
    cr_assert_eq(e.Header.Lock & 0xFF00FF00, 0x55005500);
    cr_assert_eq(e.Header.Type, 1);
    cr_assert_eq(e.Header.Size, 6);
}

static void deadlock(void *arg)
{
    (void)arg;
    KeInitializeEvent(&s.event, NotificationEvent, FALSE);
    (void)wait_on(&s.event, NULL);
}

Test(wait, a_deadlock_is_noticed_and_described)
{
    char text[512];

    fx_init(10);
    cr_assert_not(fx_run(deadlock, NULL));
    cr_assert_eq(ke_describe_waits(text, sizeof text), 1);
    cr_assert(strstr(text, "waits for the event at"), "%s", text);
}

/* ---- The schedule depends on the seed alone ---- */

static void NTAPI racer(void *context)
{
    for (int i = 0; i < 4; i++) {
        fx_append(s.log, sizeof s.log, context);
        if (i & 1)
            (void)ZwYieldExecution();
        else
            (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(1));
    }
}

static void race(void *arg)
{
    PETHREAD t[4];

    (void)arg;
    for (int i = 0; i < 4; i++)
        t[i] = start(racer, (char *[]){"a", "b", "c", "d"}[i]);
    for (int i = 0; i < 4; i++)
        (void)wait_on(t[i], NULL);
}

static void race_in_child(uint64_t seed, char ret[64])
{
    int fd[2];
    ssize_t n;

    cr_assert_eq(pipe(fd), 0);
    if (!fork()) {
        fx_init(seed);
        (void)fx_run(race, NULL);
        _exit(write(fd[1], s.log, 63) == 63 ? 0 : 1);
    }
    n = read(fd[0], ret, 63);
    cr_assert_eq(n, 63);
    ret[63] = '\0';
    (void)wait(NULL);
}

Test(schedule, same_seed_same_order)
{
    char a[64], b[64], first[64];
    int differ = 0;

    race_in_child(1, first);
    for (uint64_t seed = 1; seed < 8; seed++) {
        race_in_child(seed, a);
        race_in_child(seed, b);
        cr_assert_str_eq(a, b);
        cr_assert_eq(strlen(a), 16);
        differ += strcmp(a, first) != 0;
    }
    cr_assert_gt(differ, 3);
}
