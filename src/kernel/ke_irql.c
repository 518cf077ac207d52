/*
 * IRQL: the current level, raising and lowering, and what happens when it falls: DPCs, a chance for
 * other threads, APCs.
 *
 * Rules: C4/30 (raise to a lower or invalid level), C4/31 (lower to a higher or invalid level, or below
 * DISPATCH_LEVEL inside a DPC). Force IRQL checking: a raise to DISPATCH_LEVEL or above by a driver
 * makes paged pool and pageable sections inaccessible; the trap handler gives them back on the first
 * touch below DISPATCH_LEVEL.
 * Doc: WDK, "Managing Hardware Priorities"; devtest, "Force IRQL Checking".
 */
#include "kernel/ke_sched.h"

uint8_t ke_irql_now;

KIRQL ke_irql(void)
{
    return ke_irql_now;
}

static void revoke_paged(void)
{
    if (!vf_has(VF_OPT_FORCE_IRQL) || !ke_caller_is_verified())
        return;
    (void)pl_paged_revoke(ke_m.pool); /* failing means only that this check sees less */
    ke_image_paged_revoke();
}

KIRQL ke_irql_raise(KIRQL to)
{
    KIRQL old = ke_irql_now;

    ke_irql_set(to);
    if (to >= DISPATCH_LEVEL && old < DISPATCH_LEVEL)
        revoke_paged();
    return old;
}

void ke_soft_interrupts(KIRQL to)
{
    if (ke_in_dpc())
        return;
    while (ke_soft & KE_SOFT_DPC) {
        ke_irql_set(DISPATCH_LEVEL);
        ke_dpc_run();
        ke_irql_set(to);
    }
    if (ke_soft & KE_SOFT_RESCHEDULE) {
        ke_soft &= ~(unsigned)KE_SOFT_RESCHEDULE;
        ke_preempt();
    }
    if (to == PASSIVE_LEVEL && ke_apc_deliverable(ke_thread_now))
        ke_apc_deliver();
}

void ke_irql_lower(KIRQL to)
{
    ke_irql_set(to);
    if (to < DISPATCH_LEVEL && (ke_soft || (to == PASSIVE_LEVEL && ke_apc_deliverable(ke_thread_now))))
        ke_soft_interrupts(to);
}

void ke_irql_reset(void)
{
    struct ke_thread *t = ke_thread_now;

    ke_dpc_reset();
    ke_spin_forget(t);
    ke_mutant_abandon_all(t, true);
    t->lock_count = 0;
    t->wait_next = false;
    t->apc_running = false;
    if (t->object)
        t->object->Tcb.CombinedApcDisable = 0;
    ke_irql_set(PASSIVE_LEVEL);
}

bool ke_thread_holds_locks(const struct ke_thread *t)
{
    return t->mutant_count || t->lock_count > 0 || ke_spin_held_by(t) ||
           (t->object && t->object->Tcb.CombinedApcDisable);
}

void ke_rule(enum vf_rule rule, uint64_t p2, uint64_t p3, uint64_t p4, const char *detail)
{
    const struct vf_rule_info *info = vf_rule_info(rule);
    struct vf_case c = {.rule = rule, .access = VF_NO_ACCESS, .detail = detail};

    if (info && info->sub_param == 1) {
        c.p[1] = p2;
        c.p[2] = p3;
        c.p[3] = p4;
    } else { /* no sub-code: what is said starts at P1 */
        c.p[0] = p2;
        c.p[1] = p3;
        c.p[2] = p4;
    }
    vf_report(&c);
}

/* Doc: wdm.h, KeRaiseIrql. */
NT_EXPORT KIRQL NTAPI KfRaiseIrql(KIRQL to)
{
    KIRQL old = ke_irql_now;

    if (to < old || to > HIGH_LEVEL) {
        ke_rule(VF_VER_RAISE_IRQL, old, to, 0, NULL);
        return old;
    }
    return ke_irql_raise(to);
}

NT_EXPORT VOID NTAPI KeRaiseIrql(KIRQL to, PKIRQL old)
{
    KIRQL before = KfRaiseIrql(to);

    *old = before;
}

NT_EXPORT KIRQL NTAPI KeRaiseIrqlToDpcLevel(void)
{
    return KfRaiseIrql(DISPATCH_LEVEL);
}

NT_EXPORT KIRQL NTAPI KeRaiseIrqlToSynchLevel(void)
{
    return KfRaiseIrql(KE_SYNCH_LEVEL);
}

/* Doc: wdm.h, KeLowerIrql. */
NT_EXPORT VOID NTAPI KeLowerIrql(KIRQL to)
{
    KIRQL old = ke_irql_now;

    if (to > old) {
        ke_rule(VF_VER_LOWER_IRQL, old, to, 0, NULL);
        return;
    }
    if (ke_in_dpc() && to < DISPATCH_LEVEL) {
        ke_rule(VF_VER_LOWER_IRQL, old, to, 1, "inside a DPC routine");
        return;
    }
    ke_irql_lower(to);
}

NT_EXPORT VOID NTAPI KfLowerIrql(KIRQL to)
{
    KeLowerIrql(to);
}

NT_EXPORT KIRQL NTAPI KeGetCurrentIrql(void)
{
    return ke_irql_now;
}
