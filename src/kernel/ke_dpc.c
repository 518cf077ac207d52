/*
 * Deferred procedure calls. The queue is native (a DPC object may vanish while queued); the object shows
 * what drivers look at: DpcData is not NULL while it is queued.
 *
 * A DPC for the current processor of medium importance or higher runs at once when the IRQL allows, as the
 * software interrupt would; one of low importance, or for another processor, may be later: the seeded
 * generator decides. Threaded DPCs run at DISPATCH_LEVEL too, which the documentation allows for.
 *
 * Rules: C7/4 (APC disable count changed), C8 (IRQL changed).
 * Doc: WDK, "Introduction to DPCs"; wdm.h, KeInitializeDpc ... KeFlushQueuedDpcs.
 */
#include "kernel/ke_sched.h"

enum { NUMBER_TARGET = 0x500 }; /* KDPC.Number with a target processor; Seen: MAXIMUM_PROC bias of x64 */

struct entry {
    struct pp_list link; /* in g.queue or g.unused */
    KDPC *dpc;
    unsigned cpu;
    bool is_timed; /* a timer that expired queued it */
};

static struct {
    struct pp_list queue, unused;
    bool is_ready, is_active;
} g;

static void init(void)
{
    if (g.is_ready)
        return;
    pp_list_init(&g.queue);
    pp_list_init(&g.unused);
    g.is_ready = true;
}

bool ke_in_dpc(void)
{
    return g.is_active;
}

void ke_dpc_reset(void)
{
    g.is_active = false;
    ke_cpu_force(ke_thread_now->cpu);
}

static struct entry *entry_new(void)
{
    struct pp_list *l;
    struct entry *e;

    init();
    l = pp_list_first(&g.unused);
    if (l) {
        pp_list_remove(l);
        return PP_CONTAINER(l, struct entry, link);
    }
    e = pp_new(sizeof *e);
    PP_ASSERT(e);
    pp_list_init(&e->link);
    return e;
}

static struct entry *find(const KDPC *dpc)
{
    struct pp_list *it;

    init();
    PP_LIST_EACH(it, &g.queue) {
        struct entry *e = PP_CONTAINER(it, struct entry, link);

        if (e->dpc == dpc)
            return e;
    }
    return NULL;
}

static void entry_drop(struct entry *e)
{
    pp_list_remove(&e->link);
    e->dpc = NULL;
    pp_list_push_front(&g.unused, &e->link);
}

static void queue_mark(void)
{
    if (pp_list_is_empty(&g.queue))
        ke_soft &= ~(unsigned)KE_SOFT_DPC;
    else
        ke_soft |= KE_SOFT_DPC;
}

bool ke_dpc_queue(KDPC *dpc, PVOID argument1, PVOID argument2)
{
    struct entry *e;
    bool in_front = dpc->Importance == HighImportance;
    unsigned cpu = dpc->Number >= NUMBER_TARGET ? (unsigned)dpc->Number - NUMBER_TARGET : ke_cpu_now();

    if (find(dpc))
        return false;
    dpc->SystemArgument1 = argument1;
    dpc->SystemArgument2 = argument2;
    dpc->DpcData = KE_PCR; /* any address that is not NULL */
    dpc->DpcListEntry.Next = NULL;
    e = entry_new();
    e->dpc = dpc;
    e->cpu = cpu;
    e->is_timed = false;
    if (in_front)
        pp_list_push_front(&g.queue, &e->link);
    else
        pp_list_push_back(&g.queue, &e->link);
    ke_soft |= KE_SOFT_DPC;
    return true;
}

bool ke_dpc_queue_timed(KDPC *dpc, PVOID argument1, PVOID argument2)
{
    if (!ke_dpc_queue(dpc, argument1, argument2))
        return false;
    find(dpc)->is_timed = true;
    return true;
}

/* ---- Running ---- */

static void run_one(KDPC *dpc, unsigned cpu, bool is_timed)
{
    uint64_t routine = KE_ARG(dpc->DeferredRoutine);
    ETHREAD *thread = ke_thread_now->object;
    ULONG regions = thread->Tcb.CombinedApcDisable;
    uint64_t args[4] = {KE_ARG(dpc), KE_ARG(dpc->DeferredContext), KE_ARG(dpc->SystemArgument1),
                        KE_ARG(dpc->SystemArgument2)};
    bool aborted = false;

    dpc->DpcData = NULL;
    g.is_active = true;
    ke_cpu_force(cpu < ke_cpu_count() ? cpu : 0);
    (void)ke_callout(routine, KE_CALL_BOUNDARY, &aborted, 4, args);
    g.is_active = false;
    ke_cpu_force(ke_thread_now->cpu);
    if (aborted) {
        ke_m.is_unsound = true;
    } else {
        if (ke_irql_now != DISPATCH_LEVEL)
            ke_rule(VF_IRQL_AFTER_CALLBACK, (uint64_t)ke_irql_now << 16 | DISPATCH_LEVEL << 8, routine,
                    0, "a DPC routine must return at DISPATCH_LEVEL");
        if (thread->Tcb.CombinedApcDisable != regions)
            ke_rule(is_timed ? VF_DPC_TIMER_APC_COUNT : VF_DPC_APC_COUNT, routine, regions, thread->Tcb.CombinedApcDisable, NULL);
        thread->Tcb.CombinedApcDisable = regions;
    }
    ke_irql_set(DISPATCH_LEVEL);
}

/* At DISPATCH_LEVEL, with the flag KE_SOFT_DPC set. */
void ke_dpc_run(void)
{
    struct pp_list *l;

    init();
    while ((l = pp_list_first(&g.queue)) != NULL) {
        struct entry *e = PP_CONTAINER(l, struct entry, link);
        KDPC *dpc = e->dpc;
        unsigned cpu = e->cpu;
        bool is_timed = e->is_timed;

        entry_drop(e);
        queue_mark();
        if (ke_is_touchable(dpc, sizeof *dpc)) /* freed while queued: reported when it was freed */
            run_one(dpc, cpu, is_timed);
    }
    queue_mark();
}

void ke_dpc_drain(void)
{
    if (ke_irql_now < DISPATCH_LEVEL && (ke_soft & KE_SOFT_DPC))
        ke_soft_interrupts(ke_irql_now);
}

void ke_dpc_each(ke_active_fn fn, void *ctx)
{
    struct pp_list *it, *tmp;

    init();
    PP_LIST_EACH_SAFE(it, tmp, &g.queue) {
        KDPC *dpc = PP_CONTAINER(it, struct entry, link)->dpc;
        uint64_t routine = ke_is_touchable(dpc, sizeof *dpc) ? KE_ARG(dpc->DeferredRoutine) : 0;

        if (!fn(ctx, KE_ARG(dpc), routine, "DPC"))
            return;
    }
}

bool ke_dpc_forget(uint64_t dpc)
{
    struct entry *e = find((KDPC *)(uintptr_t)dpc);

    if (!e)
        return false;
    entry_drop(e);
    queue_mark();
    return true;
}

/* ---- Exports ---- */

static void dpc_init(PRKDPC dpc, UCHAR type, PKDEFERRED_ROUTINE routine, PVOID context)
{
    dpc->TargetInfoAsUlong = 0;
    dpc->Type = type;
    dpc->Importance = MediumImportance;
    dpc->ProcessorHistory = 0;
    dpc->DeferredRoutine = routine;
    dpc->DeferredContext = context;
    dpc->DpcData = NULL;
}

NT_EXPORT VOID NTAPI KeInitializeDpc(PRKDPC dpc, PKDEFERRED_ROUTINE routine, PVOID context)
{
    dpc_init(dpc, DpcObject, routine, context);
}

NT_EXPORT VOID NTAPI KeInitializeThreadedDpc(PRKDPC dpc, PKDEFERRED_ROUTINE routine, PVOID context)
{
    dpc_init(dpc, ThreadedDpcObject, routine, context);
}

NT_EXPORT BOOLEAN NTAPI KeInsertQueueDpc(PRKDPC dpc, PVOID argument1, PVOID argument2)
{
    bool is_here = dpc->Number < NUMBER_TARGET || dpc->Number - NUMBER_TARGET == (int)ke_cpu_now();
    bool is_low = dpc->Importance == LowImportance;

    if (dpc->Number >= NUMBER_TARGET && (unsigned)dpc->Number - NUMBER_TARGET >= ke_cpu_count())
        ke_rule(VF_DPC_PROCESSOR, KE_ARG(dpc), (unsigned)dpc->Number - NUMBER_TARGET, ke_cpu_count(), NULL);
    if (!ke_dpc_queue(dpc, argument1, argument2))
        return FALSE;
    if (ke_irql_now < DISPATCH_LEVEL && ((is_here && !is_low) || ke_chance(2)))
        ke_dpc_drain();
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI KeRemoveQueueDpc(PRKDPC dpc)
{
    struct entry *e = find(dpc);

    if (!e)
        return FALSE;
    dpc->DpcData = NULL;
    entry_drop(e);
    queue_mark();
    return TRUE;
}

/* Doc: wdm.h, KeRemoveQueueDpcEx: waits for a running routine; none runs beside its caller here. */
NT_EXPORT BOOLEAN NTAPI KeRemoveQueueDpcEx(PRKDPC dpc, BOOLEAN wait)
{
    (void)wait;
    return KeRemoveQueueDpc(dpc);
}

NT_EXPORT VOID NTAPI KeFlushQueuedDpcs(void)
{
    ke_dpc_drain();
}

NT_EXPORT VOID NTAPI KeSetImportanceDpc(PRKDPC dpc, KDPC_IMPORTANCE importance)
{
    dpc->Importance = (UCHAR)importance;
}

NT_EXPORT VOID NTAPI KeSetTargetProcessorDpc(PRKDPC dpc, CCHAR number)
{
    dpc->Number = (USHORT)(NUMBER_TARGET + (UCHAR)number);
}

/* Doc: wdm.h, KeSetTargetProcessorDpcEx. */
NT_EXPORT NTSTATUS NTAPI KeSetTargetProcessorDpcEx(PKDPC dpc, PPROCESSOR_NUMBER number)
{
    if (number->Group || number->Number >= ke_cpu_count() || number->Reserved)
        return STATUS_INVALID_PARAMETER;
    dpc->Number = (USHORT)(NUMBER_TARGET + number->Number);
    return STATUS_SUCCESS;
}

/* DPC watchdog. Doc: ntddk.h, KeQueryDpcWatchdogInformation. No limit is in force: virtual time does not
 * pass while a routine runs. */
NT_EXPORT NTSTATUS NTAPI KeQueryDpcWatchdogInformation(PULONG info)
{
    for (int i = 0; i < 5; i++)
        info[i] = 0;
    return ke_irql_now >= DISPATCH_LEVEL ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}
