/*
 * Waiting on dispatcher objects.
 *
 * The truth about who waits for what is native: struct ke_wait_entry in the thread, chained in a hash by
 * the object's address, oldest first. The objects themselves lie in the driver's memory and may vanish
 * while somebody waits (a bug, but not ours), so the driver-visible lists of wait blocks are only a mirror,
 * kept up to date where that is possible.
 *
 * Rules: C4/120 to C4/122 (waits at DISPATCH_LEVEL or above that could block), C4/123.
 * Doc: wdm.h, KeWaitForSingleObject, KeWaitForMultipleObjects, KeDelayExecutionThread.
 */
#include "kernel/ke_sched.h"

#include <string.h>

enum { BUCKETS = 256 };

static struct {
    struct pp_list buckets[BUCKETS];
    bool is_ready;
    KPRIORITY increment; /* boost of the signal that is being handled */
} g;

static struct pp_list *bucket_of(const void *object)
{
    uint64_t a = (uint64_t)(uintptr_t)object;

    if (!g.is_ready) {
        for (int i = 0; i < BUCKETS; i++)
            pp_list_init(&g.buckets[i]);
        g.is_ready = true;
    }
    return &g.buckets[(a >> 3 ^ a >> 12 ^ a >> 20) % BUCKETS];
}

bool ke_is_touchable(const void *p, size_t size)
{
    uint64_t addr = (uint64_t)(uintptr_t)p;
    struct pl_block_info info;
    struct ke_image *image;

    if (addr >= KE_POOL_LOW && addr < KE_POOL_HIGH)
        return pl_find(ke_m.pool, addr, &info) == PL_LIVE && info.start + info.size >= addr + size;
    if (addr >= KE_IMAGE_LOW && addr < KE_IMAGE_HIGH) {
        image = ke_image_at(addr);
        return image && !image->is_unloaded;
    }
    return addr >= KE_USER_LOW;
}

void ke_check_resident(const void *object)
{
    uint64_t addr = (uint64_t)(uintptr_t)object;
    struct pl_block_info info;

    if (addr < KE_POOL_LOW || addr >= KE_POOL_HIGH)
        return;
    (void)pl_find(ke_m.pool, addr, &info);
    if (!info.has_block || !info.live)
        return;
    if (info.flags & PL_SESSION)
        ke_rule(VF_VER_SYNC_SESSION, addr, 0, 0, NULL);
    else if (vf_has(VF_OPT_FORCE_IRQL) && (info.flags & PL_PAGED))
        ke_rule(VF_VER_SYNC_PAGED, addr, 0, 0, NULL);
}

/* ---- State of objects ---- */

static unsigned type_of(const DISPATCHER_HEADER *h)
{
    return h->Type & 0x7F; /* the top bit marks a locked object */
}

void ke_header_init(DISPATCHER_HEADER *h, unsigned type, size_t size, LONG state)
{
    ke_check_resident(h);
    h->Type = (UCHAR)type;
    h->Size = (UCHAR)(size / sizeof(ULONG));
    h->SignalState = state;
    h->WaitListHead.Flink = h->WaitListHead.Blink = &h->WaitListHead;
}

static bool is_signalled(const DISPATCHER_HEADER *h, const struct ke_thread *t)
{
    if (h->SignalState > 0)
        return true;
    return type_of(h) == MutantObject && ((const KMUTANT *)h)->OwnerThread == &t->object->Tcb;
}

/* A mutant becomes t's. */
static void mutant_take(KMUTANT *m, struct ke_thread *t)
{
    LIST_ENTRY *head = &t->object->Tcb.MutantListHead;

    m->OwnerThread = &t->object->Tcb;
    if (m->ApcDisable)
        t->object->Tcb.KernelApcDisable--;
    m->MutantListEntry.Flink = head;
    m->MutantListEntry.Blink = head->Blink;
    head->Blink->Flink = &m->MutantListEntry;
    head->Blink = &m->MutantListEntry;
    if (t->mutant_count < KE_MUTANTS_MAX)
        t->mutants[t->mutant_count++] = m;
}

/* What a satisfied wait does to the object. Returns true when it was an abandoned mutant. */
static bool acquire(DISPATCHER_HEADER *h, struct ke_thread *t)
{
    bool was_abandoned = false;
    KMUTANT *m;

    switch (type_of(h)) {
    case EventSynchronizationObject:
    case GateObject:
    case TimerSynchronizationObject:
        h->SignalState = 0;
        break;
    case SemaphoreObject:
        h->SignalState--;
        break;
    case MutantObject:
        m = (KMUTANT *)h;
        if (h->SignalState == INT32_MIN)
            ke_raise_status(STATUS_MUTANT_LIMIT_EXCEEDED);
        if (--h->SignalState == 0) {
            was_abandoned = m->Abandoned != 0;
            m->Abandoned = 0;
            mutant_take(m, t);
        }
        break;
    default:
        break;
    }
    return was_abandoned;
}

/* ---- Entries ---- */

static void mirror_link(struct ke_wait_entry *e)
{
    DISPATCHER_HEADER *h = e->object;
    KWAIT_BLOCK *b = e->block;
    LIST_ENTRY *head = &h->WaitListHead;

    e->is_mirrored = false;
    if (!b)
        return;
    b->WaitType = (UCHAR)e->thread->wait_type;
    b->WaitKey = e->key;
    b->BlockState = 4; /* active */
    b->Thread = &e->thread->object->Tcb;
    b->Object = e->object;
    if (!ke_is_touchable(head, sizeof *head) || !head->Blink ||
        (head->Blink != head && !ke_is_touchable(head->Blink, sizeof *head)) ||
        head->Blink->Flink != head)
        return; /* a header that was only zeroed: leave its list alone */
    b->WaitListEntry.Flink = head;
    b->WaitListEntry.Blink = head->Blink;
    head->Blink->Flink = &b->WaitListEntry;
    head->Blink = &b->WaitListEntry;
    e->is_mirrored = true;
}

static void mirror_unlink(struct ke_wait_entry *e)
{
    LIST_ENTRY *l = e->is_mirrored ? &e->block->WaitListEntry : NULL;

    e->is_mirrored = false;
    if (!l || !ke_is_touchable(l, sizeof *l) || !ke_is_touchable(l->Flink, sizeof *l) ||
        !ke_is_touchable(l->Blink, sizeof *l))
        return;
    if (l->Flink->Blink != l || l->Blink->Flink != l)
        return;
    l->Flink->Blink = l->Blink;
    l->Blink->Flink = l->Flink;
}

static void entries_drop(struct ke_thread *t)
{
    for (uint32_t i = 0; i < t->wait_count; i++) {
        pp_list_remove(&t->waits[i].link);
        mirror_unlink(&t->waits[i]);
    }
    t->wait_count = 0;
}

/* The wait is over: out of all chains, runnable. */
static void wake(struct ke_thread *t, NTSTATUS status)
{
    entries_drop(t);
    ke_timeout_disarm(&t->timeout);
    t->is_waiting = false;
    t->wait_status = status;
    t->object->Tcb.WaitStatus = status;
    t->object->Tcb.WaitBlockList = NULL;
    ke_boost(t, g.increment);
    ke_thread_ready(t);
}

static void wait_timed_out(struct ke_timeout *timeout)
{
    struct ke_thread *t = PP_CONTAINER(timeout, struct ke_thread, timeout);

    wake(t, t->wait_count || t->wait_queue ? STATUS_TIMEOUT : STATUS_SUCCESS);
}

void ke_wait_abort(struct ke_thread *t, NTSTATUS status)
{
    if (t->is_waiting)
        wake(t, status);
}

/* ---- Satisfying ---- */

/* Try to satisfy a wait on these objects. Returns true and the status when it is satisfied. */
static bool try_all(struct ke_thread *t, void *const *objects, uint32_t count, NTSTATUS *ret)
{
    bool was_abandoned = false;

    for (uint32_t i = 0; i < count; i++) {
        if (!is_signalled(objects[i], t))
            return false;
    }
    for (uint32_t i = 0; i < count; i++)
        was_abandoned |= acquire(objects[i], t);
    *ret = was_abandoned ? STATUS_ABANDONED_WAIT_0 : STATUS_SUCCESS;
    return true;
}

static bool try_any(struct ke_thread *t, void *const *objects, uint32_t count, NTSTATUS *ret)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!is_signalled(objects[i], t))
            continue;
        *ret = (NTSTATUS)i;
        if (acquire(objects[i], t))
            *ret += STATUS_ABANDONED_WAIT_0;
        return true;
    }
    return false;
}

static bool entry_satisfy(struct ke_wait_entry *e)
{
    struct ke_thread *t = e->thread;
    void *objects[MAXIMUM_WAIT_OBJECTS];
    NTSTATUS status;

    if (t->wait_type == WaitAny) {
        status = e->key;
        if (acquire(e->object, t))
            status += STATUS_ABANDONED_WAIT_0;
        wake(t, status);
        return true;
    }
    for (uint32_t i = 0; i < t->wait_count; i++) {
        objects[i] = t->waits[i].object;
        if (!ke_is_touchable(objects[i], sizeof(DISPATCHER_HEADER)))
            return false; /* gone while it was waited for: it will never be signalled */
    }
    if (!try_all(t, objects, t->wait_count, &status))
        return false;
    wake(t, status);
    return true;
}

unsigned ke_signal(void *object)
{
    DISPATCHER_HEADER *h = object;
    struct pp_list *bucket = bucket_of(object);
    struct pp_list *it = bucket->next;
    unsigned count = 0;

    while (it != bucket && h->SignalState > 0) {
        struct ke_wait_entry *e = PP_CONTAINER(it, struct ke_wait_entry, link);

        it = it->next;
        if (e->object != object)
            continue;
        /* Waking takes all entries of the thread out of the chain: step over those that follow. */
        while (it != bucket && PP_CONTAINER(it, struct ke_wait_entry, link)->thread == e->thread)
            it = it->next;
        if (entry_satisfy(e))
            count++;
    }
    return count;
}

unsigned ke_signal_boost(void *object, KPRIORITY increment)
{
    unsigned count;

    g.increment = increment;
    count = ke_signal(object);
    g.increment = 0;
    return count;
}

struct ke_thread *ke_waiter_in(uint64_t addr, uint64_t size)
{
    if (!g.is_ready)
        return NULL;
    for (int i = 0; i < BUCKETS; i++) {
        struct pp_list *it;

        PP_LIST_EACH(it, &g.buckets[i]) {
            struct ke_wait_entry *e = PP_CONTAINER(it, struct ke_wait_entry, link);
            uint64_t a = (uint64_t)(uintptr_t)e->object;

            if (a >= addr && a < addr + size)
                return e->thread;
        }
    }
    return NULL;
}

bool ke_has_waiters(const void *object)
{
    struct pp_list *it, *bucket = bucket_of(object);

    PP_LIST_EACH(it, bucket) {
        if (PP_CONTAINER(it, struct ke_wait_entry, link)->object == object)
            return true;
    }
    return false;
}

/* ---- The wait itself ---- */

struct wait {
    void *const *objects;
    uint32_t count;
    WAIT_TYPE type;
    KWAIT_REASON reason;
    KPROCESSOR_MODE mode;
    bool alertable, has_timeout;
    int64_t timeout;
    const LARGE_INTEGER *timeout_at; /* for reports */
    KWAIT_BLOCK *blocks;             /* the caller's, or NULL */
};

/* A wait that may block was called at `irql`. */
static void check_irql(const struct wait *w, KIRQL irql)
{
    uint64_t object = w->count ? (uint64_t)(uintptr_t)w->objects[0] : 0;
    enum vf_rule rule = VF_VER_WAIT_TIMEOUT;

    if (irql < DISPATCH_LEVEL || !w->count) /* delays: the gate has checked */
        return;
    if (irql > DISPATCH_LEVEL)
        rule = VF_VER_WAIT_ABOVE;
    else if (!w->has_timeout)
        rule = VF_VER_WAIT_FOREVER;
    else if (w->timeout == 0)
        return;
    ke_rule(rule, (uint64_t)(uintptr_t)&KE_PCR->Irql, object, (uint64_t)(uintptr_t)w->timeout_at,
            NULL);
}

static void check_stack(const struct wait *w, const struct ke_thread *t)
{
    if (w->mode != UserMode)
        return;
    for (uint32_t i = 0; i < w->count; i++) {
        uint64_t a = (uint64_t)(uintptr_t)w->objects[i];

        if (a >= t->stack_low && a < t->stack_high)
            ke_rule(VF_VER_WAIT_STACK, a, 0, 0, NULL);
    }
}

static void enqueue(struct ke_thread *t, const struct wait *w)
{
    KTHREAD *k = &t->object->Tcb;
    KWAIT_BLOCK *blocks = w->blocks;

    t->wait_type = w->type;
    t->wait_count = w->count;
    t->waits = t->inline_waits;
    if (w->count > KE_WAITS_INLINE) {
        if (!t->many_waits)
            t->many_waits = pp_new_array(MAXIMUM_WAIT_OBJECTS, sizeof *t->many_waits);
        PP_ASSERT(t->many_waits);
        t->waits = t->many_waits;
    }
    if (blocks)
        memset(blocks, 0, w->count * sizeof *blocks); /* faults before anything has changed */
    else if (w->count <= THREAD_WAIT_OBJECTS)
        blocks = k->WaitBlock;
    for (uint32_t i = 0; i < w->count; i++) {
        struct ke_wait_entry *e = &t->waits[i];

        e->object = w->objects[i];
        e->thread = t;
        e->key = (uint16_t)i;
        e->block = blocks ? &blocks[i] : NULL;
        pp_list_push_back(bucket_of(e->object), &e->link);
        mirror_link(e);
    }
    k->WaitBlockList = blocks;
    k->WaitReason = (UCHAR)w->reason;
    k->WaitIrql = ke_irql_now;
    k->WaitMode = w->mode;
    k->WaitTime = (ULONG)(ke_time_now() / KE_TICK);
    k->State = Waiting;
    t->wait_alertable = w->alertable;
    t->wait_mode = w->mode;
    t->wait_pc = ke_caller();
    t->is_waiting = true;
}

/* Reasons not to start a wait at all. */
static bool interrupted(struct ke_thread *t, const struct wait *w, NTSTATUS *ret)
{
    if (w->alertable && t->alerted) {
        t->alerted = false;
        t->object->Tcb.Alerted[KernelMode] = FALSE;
        *ret = STATUS_ALERTED;
        return true;
    }
    if (w->mode == UserMode && (t->user_apc_pending || (w->alertable && !pp_list_is_empty(&t->user_apcs)))) {
        t->user_apc_pending = false;
        *ret = STATUS_USER_APC;
        return true;
    }
    return false;
}

static NTSTATUS wait_blocked(struct ke_thread *t, const struct wait *w, uint64_t due)
{
    NTSTATUS status;

    for (;;) {
        if (w->type == WaitAny ? try_any(t, w->objects, w->count, &status)
                               : w->count && try_all(t, w->objects, w->count, &status))
            return status;
        if (interrupted(t, w, &status))
            return status;
        if (w->has_timeout && due <= ke_time_now() && (w->count || t->wait_status == STATUS_KERNEL_APC))
            return w->count ? STATUS_TIMEOUT : STATUS_SUCCESS;
        enqueue(t, w);
        if (w->has_timeout) {
            t->timeout.fn = wait_timed_out;
            ke_timeout_arm(&t->timeout, PP_MAX(due, ke_time_now()));
        }
        ke_block();
        status = t->wait_status;
        if (status != STATUS_KERNEL_APC)
            return status;
        ke_apc_deliver();
    }
}

static bool is_mutant(const void *object)
{
    return ke_is_touchable(object, sizeof(KMUTANT)) && type_of(object) == MutantObject;
}

/* For deadlock detection: the thread asks for a mutex, and has become its owner. A wait with a timeout gives
 * up by itself, and several objects at once are taken in no order. */
static void want_mutex(const struct wait *w, const struct ke_thread *t)
{
    if (w->count == 1 && is_mutant(w->objects[0]) &&
        ((const KMUTANT *)w->objects[0])->OwnerThread != &t->object->Tcb)
        ke_lock_wanted(w->objects[0], KE_LOCK_MUTEX, w->has_timeout);
}

static void note_mutexes(const struct wait *w, const struct ke_thread *t, NTSTATUS status)
{
    uint32_t first = 0, end = w->count;

    if (status & ~(NTSTATUS)(STATUS_ABANDONED_WAIT_0 | (MAXIMUM_WAIT_OBJECTS - 1)))
        return;
    if (w->type == WaitAny) {
        first = (uint32_t)status & (MAXIMUM_WAIT_OBJECTS - 1);
        end = first + 1;
    }
    for (uint32_t i = first; i < end && i < w->count; i++) {
        const KMUTANT *m = w->objects[i];

        if (is_mutant(m) && m->OwnerThread == &t->object->Tcb && m->Header.SignalState == 0)
            ke_lock_taken(m, KE_LOCK_MUTEX);
    }
}

static NTSTATUS wait_many(const struct wait *w)
{
    struct ke_thread *t = ke_thread_now;
    KIRQL irql = t->wait_next ? t->wait_irql : ke_irql_now;
    NTSTATUS status = STATUS_TIMEOUT;
    uint64_t due;

    t->wait_next = false;
    check_irql(w, irql);
    check_stack(w, t);
    want_mutex(w, t);
    if (w->has_timeout && w->timeout == 0) {
        if (!(w->type == WaitAny ? try_any(t, w->objects, w->count, &status)
                                 : w->count && try_all(t, w->objects, w->count, &status)) &&
            !interrupted(t, w, &status))
            status = w->count ? STATUS_TIMEOUT : STATUS_SUCCESS;
        if (status == STATUS_TIMEOUT)
            ke_time_poll();
        if (ke_irql_now != irql)
            ke_irql_lower(irql);
        note_mutexes(w, t, status);
        return status;
    }
    if (irql >= DISPATCH_LEVEL && ke_in_dpc())
        ke_contain(); /* nothing could ever end the wait */
    due = w->has_timeout ? ke_time_due(w->timeout) : 0;
    /* A wait at DISPATCH_LEVEL was reported above; go on as if the driver had lowered the IRQL. */
    ke_irql_lower(PP_MIN(irql, (KIRQL)APC_LEVEL));
    t->wait_status = STATUS_SUCCESS;
    status = wait_blocked(t, w, due);
    if (irql >= DISPATCH_LEVEL)
        ke_irql_set(irql);
    note_mutexes(w, t, status);
    return status;
}

NTSTATUS ke_wait(void *object, const LARGE_INTEGER *timeout, bool alertable, KPROCESSOR_MODE mode)
{
    struct wait w = {.objects = &object, .count = 1, .type = WaitAny, .alertable = alertable};

    w.mode = mode;
    w.has_timeout = timeout != NULL;
    w.timeout = timeout ? timeout->QuadPart : 0;
    w.timeout_at = timeout;
    return wait_many(&w);
}

/* ---- Exports ---- */

NT_EXPORT NTSTATUS NTAPI KeWaitForSingleObject(PVOID object, KWAIT_REASON reason,
                                               KPROCESSOR_MODE mode, BOOLEAN alertable,
                                               PLARGE_INTEGER timeout)
{
    struct wait w = {.objects = &object, .count = 1, .type = WaitAny, .reason = reason};

    w.mode = mode;
    w.alertable = alertable != FALSE;
    w.has_timeout = timeout != NULL;
    w.timeout = timeout ? timeout->QuadPart : 0;
    w.timeout_at = timeout;
    return wait_many(&w);
}

NT_EXPORT NTSTATUS NTAPI KeWaitForMutexObject(PVOID object, KWAIT_REASON reason,
                                              KPROCESSOR_MODE mode, BOOLEAN alertable,
                                              PLARGE_INTEGER timeout)
{
    return KeWaitForSingleObject(object, reason, mode, alertable, timeout);
}

/* Doc: wdm.h, KeWaitForMultipleObjects: more than 3 objects need a wait block array, at most 64. */
NT_EXPORT NTSTATUS NTAPI KeWaitForMultipleObjects(ULONG count, PVOID objects[], WAIT_TYPE type,
                                                  KWAIT_REASON reason, KPROCESSOR_MODE mode,
                                                  BOOLEAN alertable, PLARGE_INTEGER timeout,
                                                  PKWAIT_BLOCK blocks)
{
    void *copy[MAXIMUM_WAIT_OBJECTS];
    struct wait w = {.objects = copy, .count = count, .type = type, .reason = reason};
    uint64_t p[4] = {0};

    if (count > MAXIMUM_WAIT_OBJECTS || (!blocks && count > THREAD_WAIT_OBJECTS)) {
        vf_report_bugcheck(0x0C, p); /* MAXIMUM_WAIT_OBJECTS_EXCEEDED */
        ke_contain();
    }
    memcpy(copy, objects, count * sizeof *copy);
    w.mode = mode;
    w.alertable = alertable != FALSE;
    w.has_timeout = timeout != NULL;
    w.timeout = timeout ? timeout->QuadPart : 0;
    w.timeout_at = timeout;
    w.blocks = blocks;
    return wait_many(&w);
}

/* Doc: wdm.h, KeDelayExecutionThread. A zero interval gives others a turn. */
NT_EXPORT NTSTATUS NTAPI KeDelayExecutionThread(KPROCESSOR_MODE mode, BOOLEAN alertable,
                                                PLARGE_INTEGER interval)
{
    struct wait w = {.count = 0, .type = WaitAll, .reason = DelayExecution, .mode = mode};
    int64_t time = interval->QuadPart;

    w.alertable = alertable != FALSE;
    w.has_timeout = true;
    w.timeout = time;
    w.timeout_at = interval;
    if (time == 0) {
        ke_time_poll();
        ke_yield();
        return STATUS_SUCCESS;
    }
    return wait_many(&w);
}

NT_EXPORT NTSTATUS NTAPI ZwYieldExecution(void)
{
    ke_time_poll();
    ke_yield();
    return STATUS_SUCCESS;
}

/* Doc: ntifs/ntddk, KeAlertThread and KeTestAlertThread. */
NT_EXPORT BOOLEAN NTAPI KeAlertThread(PKTHREAD thread, KPROCESSOR_MODE mode)
{
    struct ke_thread *t = ke_thread_of(thread);
    BOOLEAN old = thread->Alerted[mode & 1];

    if (!t || old)
        return old;
    if (t->is_waiting && t->wait_alertable && (mode == KernelMode || t->wait_mode == UserMode)) {
        wake(t, STATUS_ALERTED);
    } else {
        thread->Alerted[mode & 1] = TRUE;
        t->alerted = true;
    }
    return old;
}

NT_EXPORT BOOLEAN NTAPI KeTestAlertThread(KPROCESSOR_MODE mode)
{
    struct ke_thread *t = ke_thread_now;
    BOOLEAN old = t->object->Tcb.Alerted[mode & 1];

    t->object->Tcb.Alerted[mode & 1] = FALSE;
    t->alerted = false;
    if (!old && mode == UserMode && !pp_list_is_empty(&t->user_apcs))
        t->user_apc_pending = true;
    return old;
}

/* ---- Mutants of a thread that ends ---- */

void ke_mutant_abandon_all(struct ke_thread *t, bool is_quiet)
{
    while (t->mutant_count) {
        KMUTANT *m = t->mutants[--t->mutant_count];

        if (!ke_is_touchable(m, sizeof *m) || m->OwnerThread != &t->object->Tcb)
            continue;
        if (m->ApcDisable && !is_quiet) {
            ke_rule(VF_THREAD_HELD_MUTEX, (uint64_t)(uintptr_t)t->object, (uint64_t)(uintptr_t)m, 0,
                    NULL);
        }
        m->OwnerThread = NULL;
        m->Abandoned = 1;
        m->Header.SignalState = 1;
        (void)ke_signal(m);
    }
}
