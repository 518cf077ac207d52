/* IRQL, DPCs, timers, threads, spin locks, APCs, unload checks. */
#include "ke_fixture.h"

#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS(n) ((LARGE_INTEGER){.QuadPart = -(LONGLONG)(n) * KE_MS})

static struct {
    KDPC dpc[3];
    KTIMER timer;
    KEVENT event;
    KSPIN_LOCK lock;
    KAPC apc;
    char log[128];
    int count;
    KIRQL irql;
    uint64_t time;
    HANDLE thread;
} s;

static void NTAPI dpc_log(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    (void)dpc;
    (void)argument1;
    (void)argument2;
    fx_append(s.log, sizeof s.log, context);
    s.irql = KeGetCurrentIrql();
    s.time = ke_time_now();
    s.count++;
}

static void dpcs(void *arg)
{
    KIRQL old;

    (void)arg;
    KeInitializeDpc(&s.dpc[0], dpc_log, "a");
    KeInitializeDpc(&s.dpc[1], dpc_log, "b");
    KeInitializeDpc(&s.dpc[2], dpc_log, "c");
    cr_assert(KeInsertQueueDpc(&s.dpc[0], NULL, NULL));
    cr_assert_eq(s.count, 1);
    cr_assert_eq(s.irql, DISPATCH_LEVEL);
    old = KfRaiseIrql(DISPATCH_LEVEL);
    KeSetImportanceDpc(&s.dpc[2], HighImportance);
    cr_assert(KeInsertQueueDpc(&s.dpc[0], NULL, NULL));
    cr_assert(KeInsertQueueDpc(&s.dpc[1], NULL, NULL));
    cr_assert(KeInsertQueueDpc(&s.dpc[2], NULL, NULL));
    cr_assert_not(KeInsertQueueDpc(&s.dpc[2], NULL, NULL));
    cr_assert(KeRemoveQueueDpc(&s.dpc[1]));
    cr_assert_not(KeRemoveQueueDpc(&s.dpc[1]));
    cr_assert_not_null((void *)s.dpc[0].DpcData);
    cr_assert_eq(s.count, 1);
    KeLowerIrql(old);
    cr_assert_str_eq(s.log, "aca");
    cr_assert_null((void *)s.dpc[0].DpcData);
}

Test(dpc, run_when_the_irql_allows)
{
    fx_init(1);
    cr_assert(fx_run(dpcs, NULL));
    cr_assert_eq(fx_reports_total(), 0);
}

static void NTAPI dpc_lowers(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    (void)dpc;
    (void)context;
    (void)argument1;
    (void)argument2;
    KeLowerIrql(PASSIVE_LEVEL);
    ke_irql_set(APC_LEVEL); /* as inlined code would */
}

static void dpc_irql(void *arg)
{
    (void)arg;
    KeInitializeDpc(&s.dpc[0], dpc_lowers, NULL);
    (void)KeInsertQueueDpc(&s.dpc[0], NULL, NULL);
    cr_assert_eq(fx_reports(VF_VER_LOWER_IRQL), 1);
    cr_assert_eq(fx_reports(VF_IRQL_AFTER_CALLBACK), 1);
    cr_assert_eq(ke_irql(), PASSIVE_LEVEL);
}

Test(dpc, must_keep_its_irql)
{
    fx_init(1);
    cr_assert(fx_run(dpc_irql, NULL));
}

static void timers(void *arg)
{
    uint64_t t0 = ke_time_now();

    (void)arg;
    KeInitializeTimerEx(&s.timer, SynchronizationTimer);
    KeInitializeDpc(&s.dpc[0], dpc_log, "t");
    cr_assert_not(KeSetTimer(&s.timer, MS(10), &s.dpc[0]));
    cr_assert(KeSetTimer(&s.timer, MS(20), &s.dpc[0]));
    cr_assert_not(KeReadStateTimer(&s.timer));
    cr_assert_eq(KeWaitForSingleObject(&s.timer, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    cr_assert_eq(ke_time_now() - t0, 20ull * KE_MS);
    cr_assert_eq(s.count, 1);
    cr_assert_not(KeCancelTimer(&s.timer));
    /* periodic: 5, 15, 25, 35, 45 */
    t0 = ke_time_now();
    (void)KeSetTimerEx(&s.timer, MS(5), 10, &s.dpc[0]);
    (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(50));
    cr_assert_eq(s.count, 6);
    cr_assert_eq(s.time - t0, 45ull * KE_MS);
    cr_assert(KeCancelTimer(&s.timer));
    (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(50));
    cr_assert_eq(s.count, 6);
    /* due already */
    (void)KeSetTimer(&s.timer, MS(0), &s.dpc[0]);
    cr_assert_eq(s.count, 7);
    cr_assert(KeReadStateTimer(&s.timer));
}

Test(timer, once_and_periodic)
{
    fx_init(1);
    cr_assert(fx_run(timers, NULL));
}

static void NTAPI ex_callback(PEX_TIMER timer, PVOID context)
{
    (void)timer;
    (void)context;
    s.count++;
}

static void ex_timers(void *arg)
{
    PEX_TIMER t = ExAllocateTimer(ex_callback, NULL, 0);

    (void)arg;
    cr_assert_not(ExSetTimer(t, -10 * KE_MS, 10 * KE_MS, NULL));
    (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(35));
    cr_assert_eq(s.count, 3);
    cr_assert(ExCancelTimer(t, NULL));
    cr_assert_not(ExDeleteTimer(t, TRUE, TRUE, NULL));
}

Test(timer, ex_timers)
{
    fx_init(1);
    cr_assert(fx_run(ex_timers, NULL));
}

static void polling(void *arg)
{
    LARGE_INTEGER t0, t;
    unsigned looks = 0;

    (void)arg;
    KeQuerySystemTime(&t0);
    do {
        KeQuerySystemTime(&t);
        looks++;
    } while (t.QuadPart - t0.QuadPart < 10ll * 10000000);
    cr_assert_lt(looks, 20000);
    s.time = ke_time_now();
    KeStallExecutionProcessor(50);
    cr_assert_eq(ke_time_now() - s.time, 500);
}

Test(time, polling_a_clock_ends)
{
    fx_init(1);
    cr_assert(fx_run(polling, NULL));
}

Test(time, shared_page)
{
    const KUSER_SHARED_DATA *u;

    fx_init(1);
    u = ke_user_shared();
    cr_assert_eq(u->NtBuildNumber, 19045);
    cr_assert_eq(u->NtMajorVersion, 10);
    cr_assert_eq(u->SystemTime.High1Time, u->SystemTime.High2Time);
    cr_assert_eq((uint64_t)(uint32_t)u->SystemTime.High1Time << 32 | u->SystemTime.LowPart, ke_time_system());
    cr_assert_gt(u->TickCountQuad, 0);
    cr_assert_eq(u->ActiveProcessorCount, 2);
}

/* ---- IRQL and spin locks ---- */

static void irql(void *arg)
{
    KIRQL old;

    (void)arg;
    KeRaiseIrql(APC_LEVEL, &old);
    cr_assert_eq(old, PASSIVE_LEVEL);
    cr_assert_eq(KfRaiseIrql(PASSIVE_LEVEL), APC_LEVEL);
    cr_assert_eq(fx_reports(VF_VER_RAISE_IRQL), 1);
    KeLowerIrql(DISPATCH_LEVEL);
    cr_assert_eq(fx_reports(VF_VER_LOWER_IRQL), 1);
    KeLowerIrql(PASSIVE_LEVEL);
    cr_assert_eq(KE_PCR->Irql, PASSIVE_LEVEL);
    old = KeAcquireSpinLockRaiseToDpc(&s.lock);
    cr_assert_eq(s.lock, 1);
    cr_assert(ke_thread_holds_locks(ke_thread_now));
    KeReleaseSpinLock(&s.lock, old);
    cr_assert_eq(s.lock, 0);
    cr_assert_not(ke_thread_holds_locks(ke_thread_now));
    cr_assert_eq(fx_reports_total(), 2);
    KeAcquireSpinLockAtDpcLevel(&s.lock);
    cr_assert_eq(fx_reports(VF_VER_SPIN_AT_DPC), 1);
    KeReleaseSpinLockFromDpcLevel(&s.lock);
    cr_assert_eq(fx_reports(VF_VER_SPIN_FROM_DPC), 0, "said when it was acquired");
    old = KfRaiseIrql(DISPATCH_LEVEL);
    KeAcquireSpinLockAtDpcLevel(&s.lock);
    KeLowerIrql(old);
    KeReleaseSpinLockFromDpcLevel(&s.lock);
    cr_assert_eq(fx_reports(VF_VER_SPIN_FROM_DPC), 1);
    KeReleaseSpinLock(&s.lock, PASSIVE_LEVEL);
    cr_assert_eq(fx_reports(VF_VER_SPIN_RELEASE), 1);
}

Test(irql, rules)
{
    fx_init(1);
    cr_assert(fx_run(irql, NULL));
}

static void queued(void *arg)
{
    KLOCK_QUEUE_HANDLE h;

    (void)arg;
    KeAcquireInStackQueuedSpinLock(&s.lock, &h);
    cr_assert_eq(ke_irql(), DISPATCH_LEVEL);
    cr_assert_eq(s.lock, (KSPIN_LOCK)(uintptr_t)&h.LockQueue);
    cr_assert_eq(KE_ARG(h.LockQueue.Lock), KE_ARG(&s.lock) | 2);
    KeReleaseInStackQueuedSpinLock(&h);
    cr_assert_eq(ke_irql(), PASSIVE_LEVEL);
    cr_assert_eq(s.lock, 0);
    cr_assert_eq(fx_reports_total(), 0);
}

Test(irql, queued_locks)
{
    fx_init(1);
    cr_assert(fx_run(queued, NULL));
}

static void twice(void *arg)
{
    (void)arg;
    (void)KeAcquireSpinLockRaiseToDpc(&s.lock);
    (void)KeAcquireSpinLockRaiseToDpc(&s.lock);
}

Test(irql, a_spin_lock_taken_twice_is_a_hang, .exit_code = 4)
{
    fx_init(1);
    (void)fx_run(twice, NULL);
}

/* ---- Threads ---- */

static void deep_end(int depth)
{
    volatile char pad[64] = {0};

    if (depth)
        deep_end(depth - 1 + pad[3]);
    else
        (void)PsTerminateSystemThread(STATUS_UNSUCCESSFUL);
}

static void NTAPI ends_deep(void *context)
{
    (void)context;
    s.count++;
    deep_end(20);
    s.count += 100;
}

static void NTAPI told(HANDLE process, HANDLE thread, BOOLEAN create)
{
    (void)process;
    (void)thread;
    fx_append(s.log, sizeof s.log, create ? "+" : "-");
}

static void threads(void *arg)
{
    PETHREAD t;

    (void)arg;
    cr_assert_eq(PsSetCreateThreadNotifyRoutine(told), STATUS_SUCCESS);
    cr_assert_eq(PsCreateSystemThread(&s.thread, 0, NULL, NULL, NULL, ends_deep, NULL), STATUS_SUCCESS);
    t = s.thread;
    cr_assert(PsIsSystemThread(t));
    cr_assert_eq(KeWaitForSingleObject(t, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    cr_assert_eq(s.count, 1);
    cr_assert(PsIsThreadTerminating(t));
    cr_assert_str_eq(s.log, "+-");
    cr_assert_eq(PsRemoveCreateThreadNotifyRoutine(told), STATUS_SUCCESS);
    cr_assert_eq(PsRemoveCreateThreadNotifyRoutine(told), STATUS_PROCEDURE_NOT_FOUND);
    cr_assert_eq(PsGetCurrentThreadId(), PsGetThreadId(PsGetCurrentThread()));
    cr_assert_eq(KE_PCR->Prcb.CurrentThread, KeGetCurrentThread());
}

Test(thread, system_threads)
{
    fx_init(1);
    cr_assert(fx_run(threads, NULL));
    cr_assert_eq(PsTerminateSystemThread(0), STATUS_INVALID_PARAMETER);
}

static void NTAPI on_driver_stack(void *context)
{
    struct ke_thread *t = ke_thread_now;

    cr_assert_eq(t->stack_high - t->stack_limit, 0x6000);
    cr_assert_eq(t->stack_high & 0x3FFFF, 0);
    cr_assert_eq(KE_ARG(KeGetCurrentThread()->StackBase), t->stack_high);
    cr_assert_gt(KE_ARG(&t), t->stack_limit);
    cr_assert_lt(KE_ARG(&t), t->stack_high);
    ++*(int *)context;
}

static void limits(void *arg)
{
    (void)arg;
    cr_assert_eq(PsCreateSystemThread(&s.thread, 0, NULL, NULL, NULL, on_driver_stack, &s.count), STATUS_SUCCESS);
    (void)KeWaitForSingleObject(s.thread, Executive, KernelMode, FALSE, NULL);
    cr_assert_eq(s.count, 1);
}

Test(thread, stacks_lie_at_fixed_addresses)
{
    fx_init(1);
    cr_assert(fx_run(limits, NULL));
}

static void nothing(void *arg)
{
    ++*(int *)arg;
}

static bool all_done(void *ctx)
{
    return *(int *)ctx != 0;
}

Test(thread, requests_are_cheap)
{
    enum { N = 200000 };
    struct timespec a, b;
    double ns;

    fx_init(1);
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < N; i++) {
        int done = 0;

        (void)ke_thread_new(nothing, &done, true);
        cr_assert(ke_run_until(all_done, &done));
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / N;
    cr_log_info("request thread: new, run, end: %.0f ns", ns);
    cr_assert_lt(ns, 20000); /* only to notice disasters: machines differ */
}

static void NTAPI late(void *context)
{
    (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(100));
    ++*(int *)context;
}

Test(schedule, idle_up_to_a_horizon)
{
    HANDLE h;
    uint64_t t0;

    fx_init(1);
    t0 = ke_time_now();
    cr_assert_eq(PsCreateSystemThread(&h, 0, NULL, NULL, NULL, late, &s.count), STATUS_SUCCESS);
    ke_run_idle(50ull * KE_MS);
    cr_assert_eq(s.count, 0);
    cr_assert_eq(ke_time_now() - t0, 50ull * KE_MS);
    ke_run_idle(60ull * KE_MS);
    cr_assert_eq(s.count, 1);
}

static void NTAPI for_ever(void *context)
{
    (void)context;
    for (;;)
        (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(1));
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

Test(schedule, a_periodic_thread_does_not_wait_for_ever)
{
    HANDLE h;

    fx_init(1);
    cr_assert_eq(PsCreateSystemThread(&h, 0, NULL, NULL, NULL, for_ever, NULL), STATUS_SUCCESS);
    cr_assert_not(ke_run_until(never, NULL));
}

/* ---- APCs ---- */

static void NTAPI apc_kernel(PKAPC apc, PKNORMAL_ROUTINE *routine, PVOID *context, PVOID *argument1,
                             PVOID *argument2)
{
    (void)apc;
    (void)routine;
    (void)context;
    (void)argument1;
    (void)argument2;
    fx_append(s.log, sizeof s.log, "k");
    s.irql = KeGetCurrentIrql();
}

static void NTAPI apc_normal(PVOID context, PVOID argument1, PVOID argument2)
{
    (void)argument1;
    (void)argument2;
    cr_assert_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    fx_append(s.log, sizeof s.log, context);
}

static void NTAPI apc_target(void *context)
{
    (void)context;
    (void)KeWaitForSingleObject(&s.event, Executive, KernelMode, FALSE, NULL);
    fx_append(s.log, sizeof s.log, "w");
}

static void apcs(void *arg)
{
    PKTHREAD me = KeGetCurrentThread();

    (void)arg;
    KeInitializeApc(&s.apc, me, OriginalApcEnvironment, apc_kernel, NULL, apc_normal, KernelMode, "n");
    KeEnterCriticalRegion();
    cr_assert(KeInsertQueueApc(&s.apc, NULL, NULL, 0));
    cr_assert_not(KeInsertQueueApc(&s.apc, NULL, NULL, 0));
    cr_assert_str_eq(s.log, "");
    KeLeaveCriticalRegion();
    cr_assert_str_eq(s.log, "kn");
    cr_assert_eq(s.irql, APC_LEVEL);
    KeLeaveCriticalRegion();
    cr_assert_eq(fx_reports(VF_VER_LEAVE_REGION), 1);
    /* a waiting thread is woken for it and waits on */
    KeInitializeEvent(&s.event, NotificationEvent, FALSE);
    cr_assert_eq(PsCreateSystemThread(&s.thread, 0, NULL, NULL, NULL, apc_target, NULL), STATUS_SUCCESS);
    (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(1));
    KeInitializeApc(&s.apc, s.thread, OriginalApcEnvironment, apc_kernel, NULL, NULL, KernelMode, NULL);
    cr_assert(KeInsertQueueApc(&s.apc, NULL, NULL, 0));
    (void)KeDelayExecutionThread(KernelMode, FALSE, &MS(1));
    cr_assert_str_eq(s.log, "knk");
    (void)KeSetEvent(&s.event, 0, FALSE);
    (void)KeWaitForSingleObject(s.thread, Executive, KernelMode, FALSE, NULL);
    cr_assert_str_eq(s.log, "knkw");
}

Test(apc, kernel_apcs)
{
    fx_init(1);
    cr_assert(fx_run(apcs, NULL));
}

/* ---- What is alive ---- */

static void active(void *arg)
{
    enum ke_active_kind kind;
    uint64_t object;

    (void)arg;
    KeInitializeTimer(&s.timer);
    cr_assert_not(ke_find_active_in(KE_ARG(&s), sizeof s, &kind, &object));
    (void)KeSetTimer(&s.timer, MS(1000), NULL);
    cr_assert(ke_find_active_in(KE_ARG(&s), sizeof s, &kind, &object));
    cr_assert_eq(kind, KE_ACTIVE_TIMER);
    cr_assert_eq(object, KE_ARG(&s.timer));
    ke_forget_active_in(KE_ARG(&s), sizeof s);
    cr_assert_not(KeCancelTimer(&s.timer));
    /* a timer whose DPC routine is in an image that goes */
    KeInitializeDpc(&s.dpc[0], (PKDEFERRED_ROUTINE)(uintptr_t)(fx_image.base + 0x10), NULL);
    (void)KeSetTimer(&s.timer, MS(1000), &s.dpc[0]);
    cr_assert_eq(ke_unload_check(&fx_image), 1);
    cr_assert_eq(fx_reports(VF_DPC_ROUTINE_IN_UNLOADED), 1);
    cr_assert_eq(ke_unload_check(&fx_image), 0);
}

Test(active, ranges_and_images)
{
    fx_init(1);
    cr_assert(fx_run(active, NULL));
}
