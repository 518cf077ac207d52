/*
 * Timers: KTIMER with its DPC, and the EX_TIMER family on top of the same clock.
 *
 * An armed timer has a native record (the KTIMER may vanish while it is armed); the object shows what
 * drivers look at: SignalState, DueTime, Period, Dpc, the Inserted bit.
 * Doc: wdm.h, KeInitializeTimerEx, KeSetCoalescableTimer, KeCancelTimer; ExAllocateTimer, ExSetTimer,
 * ExCancelTimer, ExDeleteTimer.
 */
#include "kernel/ke_sched.h"

enum { BUCKETS = 64, EX_TIMER_SIZE = 0x98 };

/* An armed KTIMER, or any EX_TIMER. */
struct armed {
    struct pp_list link; /* bucket */
    struct ke_timeout timeout;
    KTIMER *timer;
    KDPC *dpc;
    uint64_t period; /* 100 ns; 0 = once */
};

static struct {
    struct pp_list buckets[BUCKETS], unused;
    bool is_ready;
} g;

static struct pp_list *bucket_of(const void *timer)
{
    uint64_t a = (uint64_t)(uintptr_t)timer;

    if (!g.is_ready) {
        for (int i = 0; i < BUCKETS; i++)
            pp_list_init(&g.buckets[i]);
        pp_list_init(&g.unused);
        g.is_ready = true;
    }
    return &g.buckets[(a >> 4 ^ a >> 12) % BUCKETS];
}

static struct armed *find(const void *timer)
{
    struct pp_list *it, *bucket = bucket_of(timer);

    PP_LIST_EACH(it, bucket) {
        struct armed *a = PP_CONTAINER(it, struct armed, link);

        if (a->timer == timer)
            return a;
    }
    return NULL;
}

static struct armed *armed_new(KTIMER *timer)
{
    struct pp_list *bucket = bucket_of(timer);
    struct pp_list *l = pp_list_first(&g.unused);
    struct armed *a = l ? PP_CONTAINER(l, struct armed, link) : pp_new(sizeof *a);

    PP_ASSERT(a);
    if (l)
        pp_list_remove(l);
    a->timer = timer;
    a->timeout.is_armed = false;
    pp_list_push_back(bucket, &a->link);
    return a;
}

static void armed_drop(struct armed *a)
{
    ke_timeout_disarm(&a->timeout);
    pp_list_remove(&a->link);
    a->timer = NULL;
    pp_list_push_front(&g.unused, &a->link);
}

/* The timer is due. Its memory may be gone: that was reported when it went. */
static void expire(struct ke_timeout *timeout)
{
    struct armed *a = PP_CONTAINER(timeout, struct armed, timeout);
    KTIMER *timer = a->timer;
    KDPC *dpc = a->dpc;
    uint64_t due = timeout->due;

    if (!ke_is_touchable(timer, sizeof *timer)) {
        armed_drop(a);
        return;
    }
    if (a->period) {
        ke_timeout_arm(timeout, due + a->period);
        timer->DueTime.QuadPart = due + a->period;
    } else {
        armed_drop(a);
        timer->Header.Inserted = FALSE;
    }
    timer->Header.SignalState = 1;
    if (ke_signal(timer))
        ke_soft |= KE_SOFT_RESCHEDULE;
    if (dpc && ke_is_touchable(dpc, sizeof *dpc)) {
        uint64_t now = ke_time_system();

        (void)ke_dpc_queue_timed(dpc, (PVOID)(uintptr_t)(uint32_t)now,
                                 (PVOID)(uintptr_t)(now >> 32));
    }
}

static bool set_timer(PKTIMER timer, int64_t due, uint64_t period, PKDPC dpc)
{
    struct armed *a = find(timer);
    bool was_armed = a != NULL;
    uint64_t at = ke_time_due(due);

    timer->Header.SignalState = 0; /* faults before anything has changed */
    timer->Header.Inserted = TRUE;
    timer->DueTime.QuadPart = at;
    timer->Dpc = dpc;
    timer->Period = (ULONG)(period / KE_MS);
    if (a)
        ke_timeout_disarm(&a->timeout);
    else
        a = armed_new(timer);
    a->dpc = dpc;
    a->period = period;
    a->timeout.fn = expire;
    ke_timeout_arm(&a->timeout, at);
    return was_armed;
}

/* A due time that has come already expires at once, before the routine returns. */
static void expire_now(void)
{
    ke_time_jump(ke_time_now());
    ke_dpc_drain();
}

NT_EXPORT VOID NTAPI KeInitializeTimerEx(PKTIMER timer, TIMER_TYPE type)
{
    ke_header_init(&timer->Header, TimerNotificationObject + (unsigned)type, sizeof *timer, 0);
    timer->Header.Inserted = FALSE;
    timer->DueTime.QuadPart = 0;
    timer->TimerListEntry.Flink = timer->TimerListEntry.Blink = NULL;
    timer->Dpc = NULL;
    timer->Processor = 0;
    timer->TimerType = 0;
    timer->Period = 0;
}

NT_EXPORT VOID NTAPI KeInitializeTimer(PKTIMER timer)
{
    KeInitializeTimerEx(timer, NotificationTimer);
}

/* Doc: wdm.h, KeSetTimerEx: TRUE when the timer was in the queue already. */
NT_EXPORT BOOLEAN NTAPI KeSetTimerEx(PKTIMER timer, LARGE_INTEGER due, LONG period, PKDPC dpc)
{
    bool was_armed = set_timer(timer, due.QuadPart, period > 0 ? (uint64_t)period * KE_MS : 0, dpc);

    expire_now();
    return was_armed;
}

NT_EXPORT BOOLEAN NTAPI KeSetTimer(PKTIMER timer, LARGE_INTEGER due, PKDPC dpc)
{
    return KeSetTimerEx(timer, due, 0, dpc);
}

NT_EXPORT BOOLEAN NTAPI KeSetCoalescableTimer(PKTIMER timer, LARGE_INTEGER due, ULONG period,
                                              ULONG tolerable_delay, PKDPC dpc)
{
    (void)tolerable_delay; /* the exact time lies within any tolerance */
    return KeSetTimerEx(timer, due, (LONG)PP_MIN(period, (ULONG)NT_MAXLONG), dpc);
}

NT_EXPORT BOOLEAN NTAPI KeCancelTimer(PKTIMER timer)
{
    struct armed *a = find(timer);

    if (!a)
        return FALSE;
    timer->Header.Inserted = FALSE;
    timer->Period = 0;
    armed_drop(a);
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI KeReadStateTimer(PKTIMER timer)
{
    ke_time_poll(); /* drivers loop over this */
    return timer->Header.SignalState != 0;
}

void ke_timer_each(ke_active_fn fn, void *ctx)
{
    struct pp_list *it, *tmp;

    for (int i = 0; g.is_ready && i < BUCKETS; i++) {
        PP_LIST_EACH_SAFE(it, tmp, &g.buckets[i]) {
            struct armed *a = PP_CONTAINER(it, struct armed, link);
            uint64_t routine =
                a->dpc && ke_is_touchable(a->dpc, sizeof *a->dpc) ? KE_ARG(a->dpc->DeferredRoutine) : 0;

            if (!fn(ctx, KE_ARG(a->timer), routine, "timer"))
                return;
        }
    }
}

bool ke_timer_forget(uint64_t timer)
{
    struct armed *a = find((void *)(uintptr_t)timer);

    if (a)
        armed_drop(a);
    return a != NULL;
}

/* ---- EX_TIMER: driver-visible memory of the kernel's, a KTIMER first. ---- */

struct _EX_TIMER {
    KTIMER timer; /* may be waited on */
    KDPC dpc;
    PEXT_CALLBACK callback;
    PVOID context;
    ULONG attributes;
};
_Static_assert(sizeof(struct _EX_TIMER) <= EX_TIMER_SIZE, "EX_TIMER");

enum { EX_TIMERS_MAX = 1024 };
static struct {
    struct _EX_TIMER *live[EX_TIMERS_MAX];
    unsigned count;
} ex;

static int ex_index(const struct _EX_TIMER *t)
{
    for (unsigned i = 0; i < ex.count; i++) {
        if (ex.live[i] == t)
            return (int)i;
    }
    return -1;
}

static void NTAPI ex_dpc(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct _EX_TIMER *t = context;

    (void)dpc;
    (void)argument1;
    (void)argument2;
    if (t->callback)
        (void)ke_call(t->callback, KE_ARG(t), KE_ARG(t->context));
}

NT_EXPORT PEX_TIMER NTAPI ExAllocateTimer(PEXT_CALLBACK callback, PVOID context, ULONG attributes)
{
    struct _EX_TIMER *t = ex_alloc_kernel(sizeof *t, "ExTm", false);

    if (ex.count == EX_TIMERS_MAX) {
        ex_free_kernel(t);
        return NULL;
    }
    KeInitializeTimerEx(&t->timer, attributes & EX_TIMER_NOTIFICATION ? NotificationTimer
                                                                      : SynchronizationTimer);
    KeInitializeDpc(&t->dpc, ex_dpc, t);
    t->callback = callback;
    t->context = context;
    t->attributes = attributes;
    ex.live[ex.count++] = t;
    return t;
}

/* Doc: wdm.h, ExSetTimer: due time as KeSetTimer's, the period in 100 ns. */
NT_EXPORT BOOLEAN NTAPI ExSetTimer(PEX_TIMER timer, LONGLONG due, LONGLONG period,
                                   PEXT_SET_PARAMETERS parameters)
{
    bool was_armed;

    (void)parameters;
    was_armed = set_timer(&timer->timer, due, period > 0 ? (uint64_t)period : 0, &timer->dpc);
    expire_now();
    return was_armed;
}

NT_EXPORT BOOLEAN NTAPI ExCancelTimer(PEX_TIMER timer, PVOID parameters)
{
    (void)parameters;
    (void)ke_dpc_forget(KE_ARG(&timer->dpc));
    return KeCancelTimer(&timer->timer);
}

/* Doc: wdm.h, ExDeleteTimer. Callbacks never run beside us, so there is nothing to wait for. */
NT_EXPORT BOOLEAN NTAPI ExDeleteTimer(PEX_TIMER timer, BOOLEAN cancel, BOOLEAN wait,
                                      PEXT_DELETE_PARAMETERS parameters)
{
    PEXT_DELETE_CALLBACK callback = parameters ? parameters->DeleteCallback : NULL;
    PVOID context = parameters ? parameters->DeleteContext : NULL;
    BOOLEAN was_armed = FALSE;
    int i = ex_index(timer);

    (void)wait;
    if (i < 0) {
        ke_rule(VF_TIMER_IN_UNLOADED, KE_ARG(timer), 0, 0, "ExDeleteTimer of something that is no timer");
        return FALSE;
    }
    if (cancel)
        was_armed = ExCancelTimer(timer, NULL);
    (void)ke_timer_forget(KE_ARG(&timer->timer));
    (void)ke_dpc_forget(KE_ARG(&timer->dpc));
    ex.live[i] = ex.live[--ex.count];
    ex_free_kernel(timer);
    if (callback)
        (void)ke_call(callback, KE_ARG(context));
    return was_armed;
}

void ke_ex_timer_each(ke_active_fn fn, void *ctx)
{
    for (unsigned i = ex.count; i-- > 0;) {
        struct _EX_TIMER *t = ex.live[i];

        if (!fn(ctx, KE_ARG(t), KE_ARG(t->callback), "EX_TIMER"))
            return;
    }
}

bool ke_ex_timer_forget(uint64_t timer)
{
    int i = ex_index((struct _EX_TIMER *)(uintptr_t)timer);

    if (i < 0)
        return false;
    (void)ke_timer_forget(timer);
    (void)ke_dpc_forget(KE_ARG(&ex.live[i]->dpc));
    ex_free_kernel(ex.live[i]);
    ex.live[i] = ex.live[--ex.count];
    return true;
}
