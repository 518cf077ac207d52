/*
 * Crossing the border between driver code and ours, and walking back over it.
 *
 * Each fiber has a gate stack: one record for every crossing that is still open, in call order. Seen
 * from the top: IMPORT (native code works for a driver), CALLOUT (native code called a driver),
 * IMPORT, ... Driver frames between two crossings are unwound with the image's own tables; native
 * frames are skipped, because a record tells where the driver goes on.
 */
#include "kernel/ke_sched.h"

#include <string.h>

struct ke_gate_record *ke_gate_top, *ke_gate_limit;
uint8_t ke_gate_hook;
uint64_t ke_gate_calls;

#define RECORD_AT(field, off)                                                                      \
    _Static_assert(offsetof(struct ke_gate_record, field) == (off), "gate.S: " #field)
RECORD_AT(kind, 0);
RECORD_AT(rip, 8);
RECORD_AT(rsp, 16);
RECORD_AT(rbx, 24);
RECORD_AT(rbp, 32);
RECORD_AT(rsi, 40);
RECORD_AT(rdi, 48);
RECORD_AT(r12, 56);
RECORD_AT(r15, 80);
RECORD_AT(args, 88);
RECORD_AT(export, 120);
RECORD_AT(target, 128);
RECORD_AT(mxcsr, 144);
RECORD_AT(xmm, 160);
_Static_assert(offsetof(struct ke_export, fn) == 0 && offsetof(struct ke_export, max_irql) == 8 &&
                   offsetof(struct ke_export, flags) == 11 &&
                   offsetof(struct ke_export, calls) == 40 && KE_EXPORT_CHECKED == 4,
               "gate.S: struct ke_export");

struct ke_gate_record *ke_gate_first(void)
{
    return ke_gate_limit ? ke_gate_limit - KE_GATE_DEPTH : NULL;
}

struct ke_gate_record *ke_gate_last(void)
{
    return ke_gate_top && ke_gate_top > ke_gate_first() ? ke_gate_top - 1 : NULL;
}

struct ke_gate_record *ke_gate_import(void)
{
    struct ke_gate_record *r = ke_gate_last();

    return r && r->kind == KE_GATE_IMPORT ? r : NULL;
}

uint64_t ke_caller(void)
{
    struct ke_gate_record *r = ke_gate_import();

    return r ? r->rip : 0;
}

bool ke_is_driver_code(uint64_t rip)
{
    return ke_image_at(rip) != NULL;
}

uint64_t ke_callout(uint64_t target, enum ke_callout_tag tag, bool *aborted, unsigned argc,
                    const uint64_t *argv)
{
    uint64_t four[4] = {0};
    struct ke_gate_record *r = ke_gate_top;
    uint64_t result, stack = 0;

    if (r >= ke_gate_limit)
        ke_gate_overflow();
    memset(r, 0, offsetof(struct ke_gate_record, xmm));
    r->kind = KE_GATE_CALLOUT;
    r->tag = tag;
    r->args[3] = tag == KE_CALL_BOUNDARY ? pl_seq(ke_m.pool) : 0;
    /* The first call of a fiber moves from the entry stack to the driver's own: our frames there are out of
     * reach of a driver that overruns its stack upwards. */
    if (r == ke_gate_first() && ke_thread_now->has_entry_stack) {
        r->tag |= KE_CALL_BASE;
        stack = ke_thread_now->stack_high;
    }
    ke_gate_top = r + 1;
    if (argc < 4) {
        memcpy(four, argv, argc * sizeof *argv);
        argv = four;
    }
    result = ke_callout_enter(target, argc, argv, r, stack);
    if (aborted)
        *aborted = r->aborted != 0;
    return result;
}

uint32_t ke_callout_mxcsr(void)
{
    return (uint32_t)ke_gate_top->args[1]; /* the record that was taken off last */
}

void ke_gate_unwind_to(uint64_t rsp)
{
    struct ke_gate_record *first = ke_gate_first();

    /* A record belongs to a frame that is gone when its stack pointer lies below the target's, on the
     * same stack. Callouts in between are native frames that are skipped with it. */
    while (ke_gate_top > first) {
        struct ke_gate_record *r = ke_gate_top - 1;

        if (r->rsp > rsp || (r->kind == KE_GATE_CALLOUT && (r->tag & KE_CALL_BASE)))
            break;
        ke_gate_top = r;
    }
}

/* Driver frames from `r` outwards until the code is no longer a driver's. */
static void capture_driver_frames(struct os_regs *r, struct vf_stack *ret)
{
    unsigned guard = 0;

    while (ret->count < VF_FRAMES && ke_is_driver_code(r->rip) && guard++ < 256) {
        ret->pc[ret->count++] = r->rip;
        if (!ke_unwind_step(r))
            break;
    }
}

static void regs_of_record(const struct ke_gate_record *rec, struct os_regs *r)
{
    memset(r, 0, sizeof *r);
    r->rip = rec->rip;
    r->gpr[OS_RSP] = rec->rsp;
    r->gpr[OS_RBX] = rec->rbx;
    r->gpr[OS_RBP] = rec->rbp;
    r->gpr[OS_RSI] = rec->rsi;
    r->gpr[OS_RDI] = rec->rdi;
    r->gpr[OS_R12] = rec->r12;
    r->gpr[OS_R13] = rec->r13;
    r->gpr[OS_R14] = rec->r14;
    r->gpr[OS_R15] = rec->r15;
    /* Frames that save xmm registers keep rsp-relative copies; the values themselves matter only to
     * an unwind that resumes, which starts from the record in seh.c. */
}

void ke_stack_capture_from(struct os_regs *start, struct vf_stack *ret)
{
    struct ke_gate_record *first = ke_gate_first();
    struct os_regs r;

    memset(ret, 0, sizeof *ret);
    if (start)
        capture_driver_frames(start, ret);
    if (!ke_gate_top)
        return;
    for (struct ke_gate_record *rec = ke_gate_top; rec > first && ret->count < VF_FRAMES;) {
        rec--;
        if (rec->kind != KE_GATE_IMPORT) {
            if (ke_exception_origin(&rec, &r)) /* a filter or handler: on to what it was called for */
                capture_driver_frames(&r, ret);
            continue;
        }
        ret->pc[ret->count++] = KE_STUB_LOW + (uint64_t)rec->export->index * KE_STUB_SIZE;
        regs_of_record(rec, &r);
        capture_driver_frames(&r, ret);
    }
}

void ke_stack_capture(struct vf_stack *ret)
{
    const struct os_regs *trap = ke_trap_regs();
    struct os_regs r;

    if (trap)
        r = *trap;
    ke_stack_capture_from(trap ? &r : NULL, ret);
}

/* C4/91: said once, since everything that the driver calls from there would say it again. */
static void check_stack(void)
{
    const struct ke_gate_record *r = ke_gate_import();
    const struct ke_thread *t = ke_thread_now;
    static bool is_said;

    if (!r || !t || is_said || (r->rsp > t->stack_low && r->rsp <= t->stack_high) ||
        (r->rsp > t->exc_low && r->rsp <= t->exc_high))
        return;
    is_said = true;
    ke_rule(VF_VER_STACK_SWITCH, r->rsp, t->stack_low, t->stack_high, NULL);
}

uint32_t ke_stack_id(void)
{
    struct vf_stack s;

    check_stack();

    ke_stack_capture(&s);
    return pl_stack_put(ke_m.depot, s.pc, s.count);
}

/* What a contained request leaves behind decides whether the machine may go on. */
static bool leaves_unsound(void)
{
    struct ke_thread *t = ke_thread_now;

    return ke_irql() >= DISPATCH_LEVEL || !t || !t->is_request || ke_thread_holds_locks(t);
}

/* Blocks that the cut-off request holds can no longer be freed by it: they are no leaks of the driver. */
static void abandon(uint64_t since)
{
    struct ke_abandoned *a;

    if (ke_m.abandoned_count >= PP_COUNT(ke_m.abandoned)) {
        ke_m.is_unsound = true;
        return;
    }
    a = &ke_m.abandoned[ke_m.abandoned_count++];
    a->thread = ke_thread_now->id;
    a->from = since;
    a->to = pl_seq(ke_m.pool);
}

bool ke_is_abandoned(const struct pl_block_info *block)
{
    for (unsigned i = 0; i < ke_m.abandoned_count; i++) {
        const struct ke_abandoned *a = &ke_m.abandoned[i];

        if (block->alloc_thread == a->thread && block->alloc_seq > a->from && block->alloc_seq <= a->to)
            return true;
    }
    return false;
}

void ke_contain(void)
{
    struct ke_gate_record *first = ke_gate_first();
    struct ke_gate_record *r = ke_gate_top;

    if (leaves_unsound())
        ke_m.is_unsound = true;
    ke_irql_reset();
    /* The innermost boundary: a DPC that ran on top of a request ends alone. */
    for (struct ke_gate_record *it = ke_gate_top; it-- > first;) {
        if (it->kind == KE_GATE_CALLOUT && (it->tag & ~(uint64_t)KE_CALL_BASE) == KE_CALL_BOUNDARY) {
            r = it;
            break;
        }
    }
    if (r == ke_gate_top) {
        ke_m.is_unsound = true;
        ke_thread_exit(); /* a driver's own thread, DPC or work item */
    }
    os_stack_forget(ke_thread_now->stack_low, ke_thread_now->stack_high);
    abandon(r->args[3]);
    ke_gate_top = r + 1;
    r->aborted = 1;
    ke_callout_leave();
    __builtin_unreachable();
}

void ke_not_modelled(const char *name, const char *detail)
{
    struct vf_stack s;

    ke_stack_capture(&s);
    ke_m.config.host.not_modelled(ke_m.config.host.ctx, name, detail, &s);
}

void ke_gate_overflow(void)
{
    struct vf_case c = {.rule = VF_STACK_OVERFLOW, .access = VF_NO_ACCESS, .fatal = true};

    c.detail = "calls between the driver and the kernel are nested too deeply";
    vf_report(&c);
    ke_gate_top = ke_gate_limit - 1;
    ke_contain();
}

static void check_irql(const struct ke_gate_record *r)
{
    struct vf_case c = {.rule = VF_IRQL_TOO_HIGH, .access = VF_NO_ACCESS};
    char detail[VF_DETAIL];

    pp_fmt(detail, sizeof detail, "%s may be called at IRQL %u at most; the call was made at IRQL %u",
           r->export->name, r->export->max_irql, ke_irql_now);
    c.p[1] = ke_irql_now;
    c.p[2] = r->export->max_irql;
    c.detail = detail;
    vf_report(&c);
}

void *ke_gate_check(struct ke_gate_record *r)
{
    if (ke_gate_hook & KE_HOOK_TICK)
        ke_trap_preempt();
    if (!(r->export->flags & KE_EXPORT_CHECKED) || !zw_check(r)) {
        if (ke_irql_now > r->export->max_irql)
            check_irql(r);
    }
    return ke_gate_hook & KE_HOOK_FAULT ? ke_fault_check(r) : r->export->fn;
}
