/*
 * Asynchronous procedure calls, critical and guarded regions.
 *
 * Kernel APCs reach a thread when it runs (or waits) at PASSIVE_LEVEL outside critical regions (normal
 * ones) or guarded regions (special ones). A waiting thread is woken for them and waits on afterwards.
 * User APCs end alertable waits in UserMode; their kernel routine runs when the request returns to the
 * program. Not yet: running the normal routine of a user APC, which is code of the program.
 * Doc: WDK, "Types of APCs", "Critical Regions and Guarded Regions", "Waits and APCs".
 */
#include "kernel/ke_sched.h"

struct ke_apc {
    struct pp_list link;
    KAPC *apc;
};

/* ---- Queues ---- */

static struct ke_apc *first_deliverable(const struct ke_thread *t)
{
    const KTHREAD *k = &t->object->Tcb;
    struct pp_list *it;

    if (t->apc_running || k->SpecialApcDisable)
        return NULL;
    PP_LIST_EACH(it, &t->kernel_apcs) {
        struct ke_apc *a = PP_CONTAINER(it, struct ke_apc, link);

        if (!a->apc->NormalRoutine || (!k->KernelApcDisable && !k->ApcState.KernelApcInProgress))
            return a;
    }
    return NULL;
}

bool ke_apc_deliverable(const struct ke_thread *t)
{
    return !pp_list_is_empty(&t->kernel_apcs) && first_deliverable(t) != NULL;
}

static KAPC *take(struct ke_apc *a)
{
    KAPC *apc = a->apc;

    pp_list_remove(&a->link);
    pp_free(a);
    apc->Inserted = FALSE;
    return apc;
}

/* Kernel routine at APC_LEVEL, then the normal routine of a kernel APC at PASSIVE_LEVEL. */
static void deliver_one(struct ke_thread *t, KAPC *apc)
{
    KTHREAD *k = &t->object->Tcb;
    PKNORMAL_ROUTINE normal = apc->NormalRoutine;
    PVOID context = apc->NormalContext, argument1 = apc->SystemArgument1,
          argument2 = apc->SystemArgument2;
    bool is_kernel = apc->ApcMode == KernelMode;

    t->apc_running = true;
    ke_irql_set(APC_LEVEL);
    (void)ke_call(apc->KernelRoutine, KE_ARG(apc), KE_ARG(&normal), KE_ARG(&context), KE_ARG(&argument1),
                  KE_ARG(&argument2));
    t->apc_running = false;
    ke_irql_set(PASSIVE_LEVEL);
    if (!normal || !is_kernel)
        return;
    k->ApcState.KernelApcInProgress = TRUE;
    (void)ke_call(normal, KE_ARG(context), KE_ARG(argument1), KE_ARG(argument2));
    k->ApcState.KernelApcInProgress = FALSE;
}

void ke_apc_deliver(void)
{
    struct ke_thread *t = ke_thread_now;
    struct ke_apc *a;

    while (ke_irql_now == PASSIVE_LEVEL && (a = first_deliverable(t)) != NULL)
        deliver_one(t, take(a));
    t->object->Tcb.ApcState.KernelApcPending = !pp_list_is_empty(&t->kernel_apcs);
}

static void rundown_list(struct ke_thread *t, struct pp_list *list)
{
    struct pp_list *l;

    while ((l = pp_list_first(list)) != NULL) {
        KAPC *apc = take(PP_CONTAINER(l, struct ke_apc, link));

        if (t->is_request && apc->ApcMode == UserMode)
            deliver_one(t, apc); /* the request returns to its program */
        else if (apc->RundownRoutine)
            (void)ke_call(apc->RundownRoutine, KE_ARG(apc));
    }
}

void ke_apc_rundown(struct ke_thread *t)
{
    rundown_list(t, &t->kernel_apcs);
    rundown_list(t, &t->user_apcs);
    t->user_apc_pending = false;
}

/* ---- Exports: APCs ---- */

NT_EXPORT VOID NTAPI KeInitializeApc(PRKAPC apc, PKTHREAD thread, KAPC_ENVIRONMENT environment,
                                     PKKERNEL_ROUTINE kernel_routine, PKRUNDOWN_ROUTINE rundown,
                                     PKNORMAL_ROUTINE normal, KPROCESSOR_MODE mode, PVOID context)
{
    apc->Type = ApcObject;
    apc->Size = sizeof *apc;
    apc->Thread = thread;
    apc->ApcStateIndex = environment == CurrentApcEnvironment ? (CCHAR)thread->ApcStateIndex
                                                             : (CCHAR)environment;
    apc->KernelRoutine = kernel_routine;
    apc->RundownRoutine = rundown;
    apc->NormalRoutine = normal;
    apc->ApcMode = normal ? mode : KernelMode;
    apc->NormalContext = normal ? context : NULL;
    apc->Inserted = FALSE;
}

/* Special APCs go before normal ones, otherwise first come, first served. */
static void insert(struct ke_thread *t, KAPC *apc)
{
    struct pp_list *list = apc->ApcMode == UserMode ? &t->user_apcs : &t->kernel_apcs;
    struct pp_list *at = list->prev;
    struct ke_apc *a = pp_new(sizeof *a);

    PP_ASSERT(a);
    a->apc = apc;
    if (!apc->NormalRoutine) {
        while (at != list && PP_CONTAINER(at, struct ke_apc, link)->apc->NormalRoutine)
            at = at->prev;
    }
    pp_list_push_front(at, &a->link);
}

static void notify(struct ke_thread *t, const KAPC *apc)
{
    if (apc->ApcMode == UserMode) {
        if (t->is_waiting && t->wait_mode == UserMode && t->wait_alertable)
            ke_wait_abort(t, STATUS_USER_APC);
        return;
    }
    t->object->Tcb.ApcState.KernelApcPending = TRUE;
    if (!ke_apc_deliverable(t))
        return;
    if (t == ke_thread_now) {
        if (ke_irql_now == PASSIVE_LEVEL)
            ke_apc_deliver();
    } else if (t->is_waiting && t->object->Tcb.WaitIrql == PASSIVE_LEVEL && !t->wait_queue) {
        ke_wait_abort(t, STATUS_KERNEL_APC);
    }
}

NT_EXPORT BOOLEAN NTAPI KeInsertQueueApc(PRKAPC apc, PVOID argument1, PVOID argument2,
                                         KPRIORITY increment)
{
    struct ke_thread *t = ke_thread_of(apc->Thread);

    (void)increment;
    if (!t || t->is_dead || apc->Inserted)
        return FALSE;
    apc->SystemArgument1 = argument1;
    apc->SystemArgument2 = argument2;
    apc->Inserted = TRUE;
    insert(t, apc);
    notify(t, apc);
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI KeRemoveQueueApc(PRKAPC apc)
{
    struct ke_thread *t = ke_thread_of(apc->Thread);
    struct pp_list *it, *tmp;

    if (!t || !apc->Inserted)
        return FALSE;
    PP_LIST_EACH_SAFE(it, tmp, apc->ApcMode == UserMode ? &t->user_apcs : &t->kernel_apcs) {
        struct ke_apc *a = PP_CONTAINER(it, struct ke_apc, link);

        if (a->apc == apc) {
            (void)take(a);
            return TRUE;
        }
    }
    return FALSE;
}

/* ---- Regions ---- */

void ke_region_enter(bool guarded)
{
    KTHREAD *k = &ke_thread_now->object->Tcb;

    if (guarded)
        k->SpecialApcDisable--;
    else
        k->KernelApcDisable--;
}

void ke_region_leave(bool guarded)
{
    struct ke_thread *t = ke_thread_now;
    SHORT *count = guarded ? &t->object->Tcb.SpecialApcDisable : &t->object->Tcb.KernelApcDisable;

    if (++*count == 0 && ke_irql_now == PASSIVE_LEVEL && ke_apc_deliverable(t))
        ke_apc_deliver();
}

NT_EXPORT VOID NTAPI KeEnterCriticalRegion(void)
{
    if (ke_irql_now >= DISPATCH_LEVEL)
        ke_rule(VF_VER_CRITICAL_ENTER, ke_irql_now, 0, 0, NULL);
    ke_region_enter(false);
}

NT_EXPORT VOID NTAPI KeLeaveCriticalRegion(void)
{
    if (ke_irql_now >= DISPATCH_LEVEL)
        ke_rule(VF_VER_CRITICAL_LEAVE, ke_irql_now, 0, 0, NULL);
    if (ke_thread_now->object->Tcb.KernelApcDisable >= 0) {
        ke_rule(VF_VER_LEAVE_REGION, 0, 0, 0, NULL);
        if (vf_rule_on(VF_VER_LEAVE_REGION))
            return; /* repaired; unchecked, the count goes above zero, as on Windows */
    }
    ke_region_leave(false);
}

NT_EXPORT VOID NTAPI KeEnterGuardedRegion(void)
{
    ke_region_enter(true);
}

NT_EXPORT VOID NTAPI KeLeaveGuardedRegion(void)
{
    if (ke_thread_now->object->Tcb.SpecialApcDisable >= 0) {
        ke_rule(VF_VER_LEAVE_REGION, 0, 0, 0, "KeLeaveGuardedRegion without KeEnterGuardedRegion");
        if (vf_rule_on(VF_VER_LEAVE_REGION))
            return;
    }
    ke_region_leave(true);
}

NT_EXPORT BOOLEAN NTAPI KeAreApcsDisabled(void)
{
    return ke_thread_now->object->Tcb.CombinedApcDisable != 0;
}

NT_EXPORT BOOLEAN NTAPI KeAreAllApcsDisabled(void)
{
    return ke_irql_now >= APC_LEVEL || ke_thread_now->object->Tcb.SpecialApcDisable != 0;
}
