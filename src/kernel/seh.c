/*
 * Structured exception handling: looking for a handler in the driver's frames, and unwinding to it.
 *
 * Frames are walked by unwind.c. Between driver frames lie crossings of the border. Those that belong to
 * exception handling itself are crossed: a filter's caller is __C_specific_handler, whose caller is the
 * dispatcher, which goes on at the frame where the exception happened (or, when it was a termination
 * handler that raised, at the frame being unwound: a collided unwind). Any other crossing ends the search:
 * native frames cannot be abandoned, and the exception is unhandled as far as the driver goes.
 *
 * All handlers are called through the images, as Windows calls them: the handler named in .xdata is a jump
 * to the import (or /GS code of the image that calls it), so __C_specific_handler arrives as an import.
 *
 * Doc: Microsoft Learn, "x64 exception handling"; RtlUnwindEx; "Structured Exception Handling".
 */
#include "kernel/kernel_priv.h"
#include "kernel/gate_priv.h"
#include "kernel/seh_priv.h"

#include <string.h>

enum {
    FRAMES_MAX = 10000,
    SEG_CODE = 0x10,
    SEG_DATA = 0x2B,
    SEG_STACK = 0x18,
    SEG_FS = 0x53,
    FX_MXCSR = 24,
    FX_XMM6 = 160 + 6 * 16,
    MXCSR_MASK = 0xFFFF,
    FLAGS_FIXED = 0x202, /* reserved bit, IF */
    FLAGS_FREE = 0xCD5,  /* arithmetic flags, DF */
};

/* ---- Registers ---- */

void ke_context_from_regs(CONTEXT *ctx, const struct os_regs *r)
{
    memset(ctx, 0, sizeof *ctx);
    ctx->ContextFlags = CONTEXT_FULL | CONTEXT_SEGMENTS;
    memcpy(&ctx->Rax, r->gpr, sizeof r->gpr);
    memcpy(&ctx->FltSave, r->fx, sizeof r->fx);
    ctx->Rip = r->rip;
    ctx->EFlags = (ULONG)(r->rflags & FLAGS_FREE) | FLAGS_FIXED;
    ctx->MxCsr = pp_load32(r->fx + FX_MXCSR);
    ctx->SegCs = SEG_CODE;
    ctx->SegSs = SEG_STACK;
    ctx->SegDs = ctx->SegEs = ctx->SegGs = SEG_DATA;
    ctx->SegFs = SEG_FS;
}

void ke_context_to_regs(const CONTEXT *ctx, struct os_regs *r)
{
    uint32_t mxcsr = ctx->MxCsr & MXCSR_MASK;

    memcpy(r->gpr, &ctx->Rax, sizeof r->gpr);
    memcpy(r->fx, &ctx->FltSave, sizeof r->fx);
    memcpy(r->fx + FX_MXCSR, &mxcsr, sizeof mxcsr);
    r->rip = ctx->Rip;
    r->rflags = (ctx->EFlags & FLAGS_FREE) | FLAGS_FIXED;
}

void ke_import_regs(const struct ke_gate_record *rec, struct os_regs *r)
{
    memset(r, 0, sizeof *r);
    __asm__ volatile("fxsave64 %0" : "=m"(r->fx));
    memcpy(r->fx + FX_XMM6, rec->xmm, sizeof rec->xmm);
    r->rip = rec->rip;
    r->rflags = FLAGS_FIXED;
    r->gpr[OS_RSP] = rec->rsp;
    r->gpr[OS_RBX] = rec->rbx;
    r->gpr[OS_RBP] = rec->rbp;
    r->gpr[OS_RSI] = rec->rsi;
    r->gpr[OS_RDI] = rec->rdi;
    r->gpr[OS_R12] = rec->r12;
    r->gpr[OS_R13] = rec->r13;
    r->gpr[OS_R14] = rec->r14;
    r->gpr[OS_R15] = rec->r15;
    r->gpr[OS_RCX] = rec->args[0];
    r->gpr[OS_RDX] = rec->args[1];
    r->gpr[OS_R8] = rec->args[2];
    r->gpr[OS_R9] = rec->args[3];
}

/* ---- Walking ---- */

void seh_walk_init(struct seh_walk *w, const struct os_regs *r)
{
    w->regs = *r;
    w->rec = ke_gate_import() ? ke_gate_top - 1 : ke_gate_top;
    w->scope = 0;
    w->nested_frame = 0;
    w->frames = 0;
    if (!ke_is_driver_code(r->rip) && r->rip != KE_ARG(ke_callout_back) &&
        ke_stack_read(r->gpr[OS_RSP], &w->regs.rip))
        w->regs.gpr[OS_RSP] += 8; /* a jump into the void: the caller is on top of the stack */
}

bool seh_walk_cross(struct seh_walk *w)
{
    while (!ke_is_driver_code(w->regs.rip)) {
        struct ke_gate_record *first = ke_gate_first();
        const struct seh_call *call;

        if (w->regs.rip != KE_ARG(ke_callout_back) || w->rec <= first)
            return false;
        w->rec--;
        if (w->rec->kind != KE_GATE_CALLOUT)
            return false;
        if (w->rec->tag == KE_CALL_FUNCLET) {
            if (w->rec <= first || w->rec[-1].kind != KE_GATE_IMPORT)
                return false;
            w->rec--;
            ke_import_regs(w->rec, &w->regs);
            continue;
        }
        if ((w->rec->tag & ~(uint64_t)KE_CALL_BASE) != KE_CALL_SEH)
            return false;
        call = (const struct seh_call *)w->rec->args[0];
        w->regs = call->origin;
        w->rec = call->rec;
        if (call->is_unwind)
            w->scope = call->dc->ScopeIndex;
        else
            w->nested_frame = call->dc->EstablisherFrame;
    }
    return ++w->frames < FRAMES_MAX;
}

uint64_t seh_callout(uint64_t target, enum ke_callout_tag tag, const struct seh_call *call,
                     const uint64_t argv[4])
{
    struct ke_gate_record *r = ke_gate_top;

    if (r >= ke_gate_limit)
        ke_gate_overflow();
    memset(r, 0, offsetof(struct ke_gate_record, xmm));
    r->kind = KE_GATE_CALLOUT;
    r->tag = tag;
    r->args[0] = KE_ARG(call);
    ke_gate_top = r + 1;
    return ke_callout_enter(target, 4, argv, r, 0);
}

bool ke_exception_origin(struct ke_gate_record **rec, struct os_regs *ret)
{
    const struct seh_call *call = (const struct seh_call *)(*rec)->args[0];

    if ((*rec)->kind != KE_GATE_CALLOUT || (*rec)->tag != KE_CALL_SEH)
        return false;
    *ret = call->origin;
    *rec = call->rec;
    return true;
}

static EXCEPTION_DISPOSITION handler_call(const struct ke_frame *f, EXCEPTION_RECORD *rec, CONTEXT *ctx,
                                          struct seh_call *call)
{
    const uint64_t argv[4] = {KE_ARG(rec), f->establisher, KE_ARG(ctx), KE_ARG(call->dc)};

    return (EXCEPTION_DISPOSITION)(uint32_t)seh_callout(f->handler, KE_CALL_SEH, call, argv);
}

static void dispatcher_fill(DISPATCHER_CONTEXT *dc, const struct ke_frame *f, const struct seh_walk *w,
                            CONTEXT *ctx)
{
    memset(dc, 0, sizeof *dc);
    dc->ControlPc = w->regs.rip;
    dc->ImageBase = f->image_base;
    dc->FunctionEntry = (PRUNTIME_FUNCTION)f->function;
    dc->EstablisherFrame = f->establisher;
    dc->ContextRecord = ctx;
    dc->LanguageHandler = (PEXCEPTION_ROUTINE)f->handler;
    dc->HandlerData = (PVOID)f->handler_data;
    dc->ScopeIndex = w->scope;
}

/* ---- Search ---- */

static enum vf_where_thrown where_thrown(void)
{
    if (ke_in_dpc() || ke_irql() >= DISPATCH_LEVEL)
        return VF_IN_DPC;
    return ke_thread_now->is_request ? VF_IN_REQUEST : VF_IN_SYSTEM_THREAD;
}

static PP_NORETURN void unhandled(const EXCEPTION_RECORD *rec, const struct os_regs *r)
{
    ke_trap_report_exception(ke_gate_import() ? NULL : r, rec, where_thrown(), false);
    ke_contain();
}

/* A breakpoint that somebody forgot: without a debugger Windows ends there. It is reported, and the
 * driver goes on behind it, as a debugger would let it. */
static bool pass_breakpoint(const EXCEPTION_RECORD *rec, struct os_regs *r)
{
    uint8_t op;

    if (rec->ExceptionCode != STATUS_BREAKPOINT || ke_gate_import() || ke_m.config.like_windows ||
        os_peek(r->rip, &op, 1) != 1)
        return false;
    ke_trap_report_exception(r, rec, where_thrown(), true);
    r->rip += op == 0xCC ? 1 : 2; /* int3, or int 3 */
    return true;
}

/* An error of the handlers themselves: another exception, at the same place. */
static PP_NORETURN void raise_again(EXCEPTION_RECORD *rec, struct os_regs *r, NTSTATUS status)
{
    EXCEPTION_RECORD again = {.ExceptionCode = status, .ExceptionFlags = EXCEPTION_NONCONTINUABLE,
                              .ExceptionRecord = rec, .ExceptionAddress = rec->ExceptionAddress};

    ke_exception_dispatch(&again, r, true);
    unhandled(&again, r); /* continuing is not allowed */
}

void ke_exception_dispatch(EXCEPTION_RECORD *rec, struct os_regs *r, bool first_chance)
{
    struct seh_call call = {.is_unwind = false};
    DISPATCHER_CONTEXT dc;
    CONTEXT ctx;
    struct seh_walk w;

    if (!first_chance)
        unhandled(rec, r);
    ke_context_from_regs(&ctx, r);
    seh_walk_init(&w, r);
    call.dc = &dc;
    call.origin = w.regs;
    call.rec = w.rec;
    while (seh_walk_cross(&w)) {
        struct os_regs caller = w.regs;
        struct ke_frame f;

        if (!ke_unwind_frame(&caller, &f, NULL))
            break; /* the stack cannot be read: nobody can be asked */
        if (f.handler_flags & UNW_FLAG_EHANDLER) {
            EXCEPTION_DISPOSITION answer;

            dispatcher_fill(&dc, &f, &w, &ctx);
            rec->ExceptionFlags &= ~EXCEPTION_NESTED_CALL;
            if (w.nested_frame)
                rec->ExceptionFlags |= EXCEPTION_NESTED_CALL;
            answer = handler_call(&f, rec, &ctx, &call);
            if (answer == ExceptionContinueExecution) {
                if (rec->ExceptionFlags & EXCEPTION_NONCONTINUABLE)
                    raise_again(rec, r, STATUS_NONCONTINUABLE_EXCEPTION);
                ke_context_to_regs(&ctx, r);
                return;
            }
            if (answer != ExceptionContinueSearch && answer != ExceptionNestedException)
                raise_again(rec, r, STATUS_INVALID_DISPOSITION);
        }
        if (f.establisher == w.nested_frame)
            w.nested_frame = 0;
        w.scope = 0;
        w.regs = caller;
    }
    if (!pass_breakpoint(rec, r))
        unhandled(rec, r);
}

/* ---- Unwinding ---- */

void seh_resume(struct os_regs *r)
{
    ke_gate_unwind_to(r->gpr[OS_RSP]);
    os_stack_forget(ke_thread_now->stack_low, r->gpr[OS_RSP]);
    os_stack_forget(ke_thread_now->exc_low, ke_thread_now->exc_high);
    os_regs_resume(r);
}

void seh_unwind(const struct seh_target *t)
{
    EXCEPTION_RECORD own = {.ExceptionCode = STATUS_UNWIND};
    EXCEPTION_RECORD *rec = t->record ? t->record : &own;
    struct seh_call call = {.is_unwind = true};
    DISPATCHER_CONTEXT dc;
    CONTEXT ctx;
    struct seh_walk w;
    struct os_regs start = t->start;

    if (t->record)
        ke_trap_taken(t->record);
    seh_walk_init(&w, &start);
    call.dc = &dc;
    while (seh_walk_cross(&w)) {
        struct os_regs caller = w.regs;
        struct ke_frame f;
        bool is_target;

        if (!own.ExceptionAddress)
            own.ExceptionAddress = (PVOID)w.regs.rip;
        if (!ke_unwind_frame(&caller, &f, NULL))
            raise_again(rec, &start, STATUS_BAD_STACK);
        is_target = t->frame && f.establisher == t->frame;
        if (f.handler_flags & UNW_FLAG_UHANDLER) {
            rec->ExceptionFlags &= ~EXCEPTION_UNWIND;
            rec->ExceptionFlags |= EXCEPTION_UNWINDING;
            if (!t->frame)
                rec->ExceptionFlags |= EXCEPTION_EXIT_UNWIND;
            if (is_target)
                rec->ExceptionFlags |= EXCEPTION_TARGET_UNWIND;
            ke_context_from_regs(&ctx, &w.regs);
            ctx.Rax = t->value;
            dispatcher_fill(&dc, &f, &w, &ctx);
            dc.TargetIp = t->ip;
            call.origin = w.regs;
            call.rec = w.rec;
            if (handler_call(&f, rec, &ctx, &call) != ExceptionContinueSearch)
                raise_again(rec, &start, STATUS_INVALID_DISPOSITION);
        }
        if (is_target) {
            w.regs.rip = t->ip;
            w.regs.gpr[OS_RAX] = t->value;
            seh_resume(&w.regs);
        }
        w.scope = 0;
        w.regs = caller;
    }
    raise_again(rec, &start, STATUS_INVALID_UNWIND_TARGET);
}
