/* Threads that use everything at once, under many seeds: nobody hangs, nothing is reported, the objects
 * are as new at the end. Prints the seed that fails. */
#include "ke_fixture.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS(n) ((LARGE_INTEGER){.QuadPart = -(LONGLONG)(n) * KE_MS})

enum { THREADS = 8, ROUNDS = 300 };

static struct {
    KMUTEX mutex;
    KSEMAPHORE semaphore;
    KEVENT ping;
    FAST_MUTEX fast;
    ERESOURCE resource;
    EX_PUSH_LOCK push;
    KSPIN_LOCK spin;
    KTIMER timers[THREADS];
    KDPC dpcs[THREADS];
    WORK_QUEUE_ITEM items[THREADS];
    KEVENT worked[THREADS];
    int inside_mutex, inside_fast, writers, readers, pushers, dpc_runs;
} s;

static void NTAPI dpc_run(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    (void)dpc;
    (void)context;
    (void)argument1;
    (void)argument2;
    KeAcquireSpinLockAtDpcLevel(&s.spin);
    s.dpc_runs++;
    KeReleaseSpinLockFromDpcLevel(&s.spin);
    (void)KeSetEvent(&s.ping, 1, FALSE);
}

static void NTAPI item_run(PVOID context)
{
    (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(1));
    (void)KeSetEvent(context, 0, FALSE);
}

static void pause_a_little(void)
{
    switch (pp_random_below(&ke_m.random, 4)) {
    case 0:
        (void)ZwYieldExecution();
        break;
    case 1:
        (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(1));
        break;
    default:
        break;
    }
}

static void use_mutexes(void)
{
    KIRQL old;

    (void)KeWaitForSingleObject(&s.mutex, Executive, KernelMode, FALSE, NULL);
    cr_assert_eq(s.inside_mutex++, 0);
    pause_a_little();
    (void)KeWaitForSingleObject(&s.mutex, Executive, KernelMode, FALSE, NULL);
    (void)KeReleaseMutex(&s.mutex, FALSE);
    s.inside_mutex--;
    (void)KeReleaseMutex(&s.mutex, FALSE);
    ExAcquireFastMutex(&s.fast);
    cr_assert_eq(s.inside_fast++, 0);
    pause_a_little();
    s.inside_fast--;
    ExReleaseFastMutex(&s.fast);
    old = KeAcquireSpinLockRaiseToDpc(&s.spin);
    KeReleaseSpinLock(&s.spin, old);
}

static void use_readers_and_writers(void)
{
    KeEnterCriticalRegion();
    if (pp_random_below(&ke_m.random, 3)) {
        (void)ExAcquireResourceSharedLite(&s.resource, TRUE);
        s.readers++;
        cr_assert_eq(s.writers, 0);
        pause_a_little();
        cr_assert_eq(s.writers, 0);
        s.readers--;
    } else {
        (void)ExAcquireResourceExclusiveLite(&s.resource, TRUE);
        cr_assert_eq(s.readers + s.writers++, 0);
        pause_a_little();
        cr_assert_eq(s.readers, 0);
        s.writers--;
    }
    ExReleaseResourceLite(&s.resource);
    if (pp_random_below(&ke_m.random, 2)) {
        ExfAcquirePushLockExclusive(&s.push);
        cr_assert_eq(s.pushers++, 0);
        pause_a_little();
        s.pushers--;
    } else {
        ExfAcquirePushLockShared(&s.push);
        cr_assert_eq(s.pushers, 0);
        pause_a_little();
    }
    ExfReleasePushLock(&s.push);
    KeLeaveCriticalRegion();
}

static void use_waits(unsigned me)
{
    PVOID objects[2] = {&s.semaphore, &s.ping};
    NTSTATUS status;

    (void)KeSetTimerEx(&s.timers[me], MS(1 + pp_random_below(&ke_m.random, 3)), 0, &s.dpcs[me]);
    status = KeWaitForMultipleObjects(2, objects, WaitAny, Executive, KernelMode, FALSE, &MS(2), NULL);
    if (status == STATUS_WAIT_0)
        (void)KeReleaseSemaphore(&s.semaphore, 1, 1, FALSE);
    if (pp_random_below(&ke_m.random, 2))
        (void)KeCancelTimer(&s.timers[me]);
    else
        (void)KeWaitForSingleObject(&s.timers[me], Executive, KernelMode, FALSE, NULL);
    (void)KeResetEvent(&s.worked[me]);
    ExQueueWorkItem(&s.items[me], DelayedWorkQueue);
    (void)KeWaitForSingleObject(&s.worked[me], Executive, KernelMode, FALSE, NULL);
}

static void NTAPI worker(PVOID context)
{
    unsigned me = (unsigned)(uintptr_t)context;

    for (int i = 0; i < ROUNDS; i++) {
        switch (pp_random_below(&ke_m.random, 3)) {
        case 0:
            use_mutexes();
            break;
        case 1:
            use_readers_and_writers();
            break;
        default:
            use_waits(me);
        }
    }
}

static void everything(void *arg)
{
    PVOID threads[THREADS];
    KWAIT_BLOCK blocks[THREADS];

    (void)arg;
    KeInitializeMutex(&s.mutex, 0);
    KeInitializeSemaphore(&s.semaphore, 2, 2);
    KeInitializeEvent(&s.ping, SynchronizationEvent, FALSE);
    ExInitializeFastMutex(&s.fast);
    (void)ExInitializeResourceLite(&s.resource);
    for (unsigned i = 0; i < THREADS; i++) {
        KeInitializeTimer(&s.timers[i]);
        KeInitializeDpc(&s.dpcs[i], dpc_run, NULL);
        KeInitializeEvent(&s.worked[i], SynchronizationEvent, FALSE);
        ExInitializeWorkItem(&s.items[i], item_run, &s.worked[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        (void)PsCreateSystemThread((PHANDLE)&threads[i], 0, NULL, NULL, NULL, worker, (PVOID)(uintptr_t)i);
    cr_assert_eq(KeWaitForMultipleObjects(THREADS, threads, WaitAll, Executive, KernelMode, FALSE, NULL, blocks),
                 STATUS_SUCCESS);
    cr_assert_eq(KeReadStateMutex(&s.mutex), 1);
    cr_assert_eq(KeReadStateSemaphore(&s.semaphore), 2);
    cr_assert_eq(s.fast.Count, 1);
    cr_assert_eq(s.push.Value, 0);
    cr_assert_eq(s.spin, 0);
    cr_assert_eq(s.semaphore.Header.WaitListHead.Flink, &s.semaphore.Header.WaitListHead);
    cr_assert_gt(s.dpc_runs, 0);
}

Test(stress, everything_at_once, .timeout = 60)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        int status;

        if (!fork()) {
            fx_init(seed);
            if (!fx_run(everything, NULL)) {
                char text[4096];

                (void)ke_describe_waits(text, sizeof text);
                (void)!write(2, text, strlen(text));
                _exit(2);
            }
            _exit(fx_reports_total() ? 3 : 0);
        }
        (void)wait(&status);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "seed %llu: status %x",
                  (unsigned long long)seed, (unsigned)status);
    }
}
