/*
 * Exception handling as drivers import it: the C language handler, raising, unwinding, looking at frames.
 * Doc: Microsoft Learn, "x64 exception handling"; winnt.h, RtlUnwindEx, RtlVirtualUnwind, RtlCaptureContext;
 * wdm.h, ExRaiseStatus; ntifs.h, RtlCaptureStackBackTrace.
 */
#include "kernel/kernel_priv.h"
#include "kernel/gate_priv.h"
#include "kernel/seh_priv.h"

#include <string.h>

/* ---- The C language handler ---- */

static bool in_scope(uint64_t rva, const SCOPE_TABLE_ENTRY *s)
{
    return rva >= s->BeginAddress && rva < s->EndAddress;
}

/* Search: ask each __except around the control pc, inner ones first (the table is sorted that way). */
static EXCEPTION_DISPOSITION ask_filters(PEXCEPTION_RECORD rec, uint64_t frame, PCONTEXT ctx,
                                         PDISPATCHER_CONTEXT dc)
{
    const SCOPE_TABLE *table = dc->HandlerData;
    uint64_t pc = dc->ControlPc - dc->ImageBase;
    EXCEPTION_POINTERS ptrs = {rec, ctx};

    for (ULONG i = dc->ScopeIndex; i < table->Count; i++) {
        const SCOPE_TABLE_ENTRY *s = &table->ScopeRecord[i];
        const uint64_t argv[4] = {KE_ARG(&ptrs), frame, 0, 0};
        struct seh_target t;
        LONG answer = EXCEPTION_EXECUTE_HANDLER;

        if (!in_scope(pc, s) || !s->JumpTarget)
            continue;
        if (s->HandlerAddress != 1)
            answer = (LONG)(uint32_t)seh_callout(dc->ImageBase + s->HandlerAddress, KE_CALL_FUNCLET, NULL,
                                                 argv);
        if (answer < 0)
            return ExceptionContinueExecution;
        if (answer == EXCEPTION_CONTINUE_SEARCH)
            continue;
        ke_import_regs(ke_gate_import(), &t.start);
        t.frame = frame;
        t.ip = dc->ImageBase + s->JumpTarget;
        t.record = rec;
        t.value = (uint32_t)rec->ExceptionCode;
        seh_unwind(&t);
    }
    return ExceptionContinueSearch;
}

/* Is the place where the unwind ends still inside the __try of `s`? One __try may have several ranges. */
static bool stays_inside(const SCOPE_TABLE *table, const SCOPE_TABLE_ENTRY *s, uint64_t target)
{
    for (ULONG i = 0; i < table->Count; i++) {
        const SCOPE_TABLE_ENTRY *o = &table->ScopeRecord[i];

        if (in_scope(target, o) && o->HandlerAddress == s->HandlerAddress && o->JumpTarget == s->JumpTarget)
            return true;
    }
    return false;
}

/* Unwind: run the __finally blocks between the control pc and the target. */
static void run_finally(PEXCEPTION_RECORD rec, uint64_t frame, PDISPATCHER_CONTEXT dc)
{
    const SCOPE_TABLE *table = dc->HandlerData;
    uint64_t pc = dc->ControlPc - dc->ImageBase, target = dc->TargetIp - dc->ImageBase;
    bool is_target = (rec->ExceptionFlags & EXCEPTION_TARGET_UNWIND) != 0;

    for (ULONG i = dc->ScopeIndex; i < table->Count; i++) {
        const SCOPE_TABLE_ENTRY *s = &table->ScopeRecord[i];
        const uint64_t argv[4] = {TRUE, frame, 0, 0};

        if (!in_scope(pc, s))
            continue;
        if (is_target && (stays_inside(table, s, target) || (s->JumpTarget && s->JumpTarget == target)))
            return;
        if (s->JumpTarget)
            continue;
        dc->ScopeIndex = i + 1; /* an exception in it goes on behind it */
        (void)seh_callout(dc->ImageBase + s->HandlerAddress, KE_CALL_FUNCLET, NULL, argv);
    }
}

NT_EXPORT EXCEPTION_DISPOSITION NTAPI ke_c_specific_handler(PEXCEPTION_RECORD rec, PVOID frame,
                                                            PCONTEXT ctx, PDISPATCHER_CONTEXT dc)
{
    if (!(rec->ExceptionFlags & EXCEPTION_UNWIND))
        return ask_filters(rec, KE_ARG(frame), ctx, dc);
    run_finally(rec, KE_ARG(frame), dc);
    return ExceptionContinueSearch;
}

/* ---- Raising ---- */

static void raise_record(EXCEPTION_RECORD *rec)
{
    struct os_regs r;

    PP_ASSERT(ke_gate_import()); /* only what a driver called may raise into it */
    ke_import_regs(ke_gate_import(), &r);
    ke_exception_dispatch(rec, &r, true);
    seh_resume(&r); /* a filter said to continue */
}

void ke_raise_status(NTSTATUS status)
{
    EXCEPTION_RECORD rec = {.ExceptionCode = status, .ExceptionFlags = EXCEPTION_NONCONTINUABLE,
                            .ExceptionAddress = (PVOID)ke_caller()};

    raise_record(&rec);
    __builtin_unreachable();
}

void ke_raise_access_violation(uint64_t addr, bool is_write)
{
    EXCEPTION_RECORD rec = {.ExceptionCode = STATUS_ACCESS_VIOLATION,
                            .ExceptionFlags = EXCEPTION_NONCONTINUABLE, /* our frames are gone */
                            .ExceptionAddress = (PVOID)ke_caller(), .NumberParameters = 2};

    rec.ExceptionInformation[0] = is_write ? EXCEPTION_WRITE_FAULT : EXCEPTION_READ_FAULT;
    rec.ExceptionInformation[1] = addr;
    raise_record(&rec);
    __builtin_unreachable();
}

/* Doc: wdm.h, ExRaiseStatus: does not return unless a handler takes it. */
NT_EXPORT VOID NTAPI ExRaiseStatus(NTSTATUS status)
{
    ke_raise_status(status);
}

NT_EXPORT VOID NTAPI ExRaiseAccessViolation(void)
{
    ke_raise_status(STATUS_ACCESS_VIOLATION);
}

NT_EXPORT VOID NTAPI ExRaiseDatatypeMisalignment(void)
{
    ke_raise_status(STATUS_DATATYPE_MISALIGNMENT);
}

NT_EXPORT VOID NTAPI RtlRaiseStatus(NTSTATUS status)
{
    ke_raise_status(status);
}

/* Doc: winternl / ntifs.h, RtlRaiseException: a filter may continue behind the call. */
NT_EXPORT VOID NTAPI RtlRaiseException(PEXCEPTION_RECORD record)
{
    record->ExceptionAddress = (PVOID)ke_caller();
    raise_record(record);
}

/* ---- Unwinding ---- */

/* Doc: winnt.h, RtlUnwindEx. The context and the history table are scratch space for Windows; the walk
 * starts at the call, as there. */
NT_EXPORT VOID NTAPI RtlUnwindEx(PVOID frame, PVOID ip, PEXCEPTION_RECORD record, PVOID value,
                                 PCONTEXT context, PUNWIND_HISTORY_TABLE history)
{
    struct seh_target t = {.frame = KE_ARG(frame), .ip = KE_ARG(ip), .record = record,
                           .value = KE_ARG(value)};

    (void)context; /* see above */
    (void)history;
    if (record && record->ExceptionCode == STATUS_UNWIND_CONSOLIDATE)
        ke_not_modelled("RtlUnwindEx", "a consolidating unwind (C++ exceptions)");
    ke_import_regs(ke_gate_import(), &t.start);
    seh_unwind(&t);
}

NT_EXPORT VOID NTAPI RtlUnwind(PVOID frame, PVOID ip, PEXCEPTION_RECORD record, PVOID value)
{
    RtlUnwindEx(frame, ip, record, value, NULL, NULL);
}

/* What a goto or return out of a __try with __finally compiles to. */
NT_EXPORT VOID NTAPI ke_local_unwind(PVOID frame, PVOID ip)
{
    RtlUnwindEx(frame, ip, NULL, NULL, NULL, NULL);
}

/* Doc: winnt.h, RtlRestoreContext: goes on there, without running handlers (record NULL). */
NT_EXPORT VOID NTAPI RtlRestoreContext(PCONTEXT context, PEXCEPTION_RECORD record)
{
    struct os_regs r;

    if (record)
        ke_not_modelled("RtlRestoreContext", "with an exception record (longjmp, consolidation)");
    ke_context_to_regs(context, &r);
    seh_resume(&r);
}

/* Doc: winnt.h, RtlVirtualUnwind. The function entry follows from the pc. */
NT_EXPORT PEXCEPTION_ROUTINE NTAPI RtlVirtualUnwind(ULONG type, ULONG64 base, ULONG64 pc,
                                                    PRUNTIME_FUNCTION entry, PCONTEXT context,
                                                    PVOID *handler_data, PULONG64 establisher,
                                                    PKNONVOLATILE_CONTEXT_POINTERS slots)
{
    struct os_regs r;
    struct ke_frame f;

    (void)base;
    (void)entry;
    ke_context_to_regs(context, &r);
    r.rip = pc;
    if (!ke_unwind_frame(&r, &f, slots))
        ke_raise_status(STATUS_BAD_STACK);
    *establisher = f.establisher;
    memcpy(&context->Rax, r.gpr, sizeof r.gpr);
    memcpy(&context->FltSave, r.fx, sizeof r.fx);
    context->Rip = r.rip;
    if (!(f.handler_flags & type))
        return NULL;
    *handler_data = (PVOID)f.handler_data;
    return (PEXCEPTION_ROUTINE)f.handler;
}

NT_EXPORT PRUNTIME_FUNCTION NTAPI RtlLookupFunctionEntry(ULONG64 pc, PULONG64 base,
                                                         PUNWIND_HISTORY_TABLE history)
{
    struct ke_image *im = ke_image_at(pc);
    int64_t index;

    (void)history;
    *base = im ? im->base : 0;
    index = im ? pe_find_function(im->pe, (uint32_t)(pc - im->base)) : -1;
    if (index < 0)
        return NULL;
    return (PRUNTIME_FUNCTION)(im->base + pe_image_info(im->pe)->pdata_rva) + index;
}

NT_EXPORT PVOID NTAPI RtlPcToFileHeader(PVOID pc, PVOID *base)
{
    struct ke_image *im = ke_image_at(KE_ARG(pc));

    *base = im ? (PVOID)im->base : NULL;
    return *base;
}

/* Doc: winnt.h, RtlCaptureContext. Bound without the gate, so that volatile registers are the caller's too
 * (but r11, which the stub uses). Nothing is pushed before the first store: a bad pointer faults with the
 * caller's return address on top (trap.c, leave_raw). Seen: the x87 part stays as it was. */
__asm__(".text\n"
        ".globl ke_capture_context\n"
        ".hidden ke_capture_context\n"
        ".type ke_capture_context, @function\n"
        "ke_capture_context:\n"
        "  mov %rax, 0x78(%rcx)\n"
        "  mov %r15, 0xF0(%rcx)\n"
        "  pushfq\n"
        "  mov (%rsp), %eax\n"
        "  add $8, %rsp\n"
        "  mov %eax, 0x44(%rcx)\n"
        "  movl $0x10000F, 0x30(%rcx)\n" /* CONTEXT_FULL | CONTEXT_SEGMENTS */
        "  stmxcsr 0x34(%rcx)\n"
        "  stmxcsr 0x118(%rcx)\n"
        "  movl $0x2B0010, 0x38(%rcx)\n" /* cs, ds */
        "  movl $0x53002B, 0x3C(%rcx)\n" /* es, fs */
        "  movl $0x18002B, 0x40(%rcx)\n" /* gs, ss */
        "  mov 0x78(%rcx), %rax\n"
        "  mov %rcx, 0x80(%rcx)\n"
        "  mov %rdx, 0x88(%rcx)\n"
        "  mov %rbx, 0x90(%rcx)\n"
        "  mov %rbp, 0xA0(%rcx)\n"
        "  mov %rsi, 0xA8(%rcx)\n"
        "  mov %rdi, 0xB0(%rcx)\n"
        "  mov %r8, 0xB8(%rcx)\n"
        "  mov %r9, 0xC0(%rcx)\n"
        "  mov %r10, 0xC8(%rcx)\n"
        "  mov %r11, 0xD0(%rcx)\n"
        "  mov %r12, 0xD8(%rcx)\n"
        "  mov %r13, 0xE0(%rcx)\n"
        "  mov %r14, 0xE8(%rcx)\n"
        "  lea 8(%rsp), %r11\n"
        "  mov %r11, 0x98(%rcx)\n"
        "  mov (%rsp), %r11\n"
        "  mov %r11, 0xF8(%rcx)\n"
        "  movups %xmm0, 0x1A0(%rcx)\n"
        "  movups %xmm1, 0x1B0(%rcx)\n"
        "  movups %xmm2, 0x1C0(%rcx)\n"
        "  movups %xmm3, 0x1D0(%rcx)\n"
        "  movups %xmm4, 0x1E0(%rcx)\n"
        "  movups %xmm5, 0x1F0(%rcx)\n"
        "  movups %xmm6, 0x200(%rcx)\n"
        "  movups %xmm7, 0x210(%rcx)\n"
        "  movups %xmm8, 0x220(%rcx)\n"
        "  movups %xmm9, 0x230(%rcx)\n"
        "  movups %xmm10, 0x240(%rcx)\n"
        "  movups %xmm11, 0x250(%rcx)\n"
        "  movups %xmm12, 0x260(%rcx)\n"
        "  movups %xmm13, 0x270(%rcx)\n"
        "  movups %xmm14, 0x280(%rcx)\n"
        "  movups %xmm15, 0x290(%rcx)\n"
        "  ret\n"
        ".globl ke_capture_context_end\n"
        ".hidden ke_capture_context_end\n"
        "ke_capture_context_end:\n"
        ".size ke_capture_context, .-ke_capture_context\n");

/* ---- Stack traces ---- */

/* The driver's return addresses from the running import outwards. */
static ULONG frames(ULONG skip, ULONG count, PVOID *ret, uint64_t *hash)
{
    struct vf_stack s;
    ULONG n = 0;

    ke_stack_capture(&s);
    *hash = 0;
    for (uint32_t i = 1 + skip; i < s.count && n < count; i++) { /* 0 is the import itself */
        ret[n++] = (PVOID)s.pc[i];
        *hash += s.pc[i];
    }
    return n;
}

/* Doc: ntifs.h, RtlCaptureStackBackTrace (RtlCaptureStackBackTrace counts its caller as frame 0). */
NT_EXPORT USHORT NTAPI RtlCaptureStackBackTrace(ULONG skip, ULONG count, PVOID *trace, PULONG hash)
{
    uint64_t sum;
    ULONG n = frames(skip, count, trace, &sum);

    if (hash && n)
        *hash = (ULONG)sum;
    return (USHORT)n;
}

/* Doc: ntifs.h, RtlWalkFrameChain: flag 1 asks for user frames, of which there are none. A bad
 * buffer gets none either: Windows catches the exception. */
NT_EXPORT ULONG NTAPI RtlWalkFrameChain(PVOID *callers, ULONG count, ULONG flags)
{
    uint64_t sum;

    if ((flags & 1) || !ke_is_touchable(callers, count * sizeof *callers))
        return 0;
    return frames(flags >> 8, count, callers, &sum);
}
