/* Faults, emulation, exceptions, unwinding. Owner of: trap.c, emulate.c, seh*.c, unwind.c. */
#ifndef POOLPROOF_TRAP_PRIV_H
#define POOLPROOF_TRAP_PRIV_H

/* ---- trap.c ---- */

int ke_trap_init(void);
/* The trap handler itself (os_trap_fn), for tests that put their own in front. PP_ASYNC. */
bool ke_trap_handle(struct os_regs *r, const struct os_trap *t);
/* Registers of the driver code whose trap is being reported; NULL at any other time. Stacks start there. */
const struct os_regs *ke_trap_regs(void);
/* A thread has run for long without waiting: let time pass and others run. Called by the gate when
 * ke_gate_hook says so. */
void ke_trap_preempt(void);
/* How often the tick had to break a spin of driver code. */
uint64_t ke_ticks_broken(void);
/* While native code touches memory on behalf of driver code at `r` without an import record (emulated
 * string instructions): a fault is the driver's. NULL ends it. */
void ke_trap_guest(struct os_regs *r, const struct os_trap *t);
/* Raise `status` at driver code interrupted at `r`; returns when a handler said to continue at *r. */
void ke_trap_raise(struct os_regs *r, NTSTATUS status, unsigned count, uint64_t info0, uint64_t info1);
/* The driver needs an instruction that is not modelled: names it and ends the machine. */
PP_NORETURN void ke_trap_not_modelled(const struct os_regs *r, const char *what);
/* A finding whose stack starts at `r`; returns. */
void ke_trap_report(const struct os_regs *r, const struct vf_case *c);
/* The unhandled exception `rec`; r NULL: raised by the running import; goes_on: the driver continues
 * behind it. Returns. */
void ke_trap_report_exception(const struct os_regs *r, const EXCEPTION_RECORD *rec,
                              enum vf_where_thrown where, bool goes_on);
/* A handler of the driver takes the exception `rec`. A call of what is no code is reported all the same. */
void ke_trap_taken(const EXCEPTION_RECORD *rec);

/* ---- unwind.c ---- */

/* What unwinding told about the frame that was left. Addresses are mapped ones. */
struct ke_frame {
    uint64_t image_base, function; /* function: address of its RUNTIME_FUNCTION, 0 for a leaf */
    uint64_t establisher;          /* the frame as handlers and unwind targets name it */
    uint64_t handler, handler_data; /* 0 in prologues, epilogues and without handler */
    uint8_t handler_flags;         /* UNW_FLAG_* */
};

/* Unwind one frame in driver code: the caller's rip and rsp. False at the end of driver frames. */
bool ke_unwind_step(struct os_regs *r);
/* The same with everything an exception dispatcher needs; `slots` may be NULL. */
bool ke_unwind_frame(struct os_regs *r, struct ke_frame *ret, KNONVOLATILE_CONTEXT_POINTERS *slots);
/* Eight bytes of stack without risk. */
bool ke_stack_read(uint64_t addr, uint64_t *ret);

/* ---- seh.c ---- */

/* Dispatch an exception raised at `r` (in driver code). Returns only when a handler said to continue there. */
void ke_exception_dispatch(EXCEPTION_RECORD *record, struct os_regs *r, bool first_chance);
/* When *rec is the call of a language handler: registers of the code whose exception it handles; *rec
 * becomes the oldest record that the handling has pushed. */
bool ke_exception_origin(struct ke_gate_record **rec, struct os_regs *ret);
/* CONTEXT from and to registers. */
void ke_context_from_regs(CONTEXT *ctx, const struct os_regs *r);
void ke_context_to_regs(const CONTEXT *ctx, struct os_regs *r);
/* Registers of the driver as they are after the running import returns. */
void ke_import_regs(const struct ke_gate_record *rec, struct os_regs *r);

/* RtlCaptureContext, bound without the gate. */
void ke_capture_context(void);
void ke_capture_context_end(void);

/* ---- emulate.c ---- */

/* Emulate the instruction at r->rip. Returns false when it is not one we emulate. */
bool ke_emulate(struct os_regs *r, const struct os_trap *t);
/* An instruction's memory access, decoded. */
struct ke_access {
    uint64_t addr;
    unsigned size;
    bool is_write, is_branch;
};
/* The (first) memory operand of the instruction at r->rip. False: it has none, or cannot be decoded. */
bool ke_decode_access(const struct os_regs *r, struct ke_access *ret);
/* Is the divide error at r->rip one by zero (else the quotient did not fit)? */
bool ke_is_divide_by_zero(const struct os_regs *r);
/* Single step wanted by the emulator: true when this trap was it. PP_ASYNC. */
bool ke_emulate_step(struct os_regs *r);
/* Something else happened in the middle of a step: as if it had not begun. PP_ASYNC. */
void ke_emulate_cancel(struct os_regs *r);
/* A fault inside the page that every process shares, while single stepping is prepared. PP_ASYNC. */
bool ke_emulate_shadow(struct os_regs *r, const struct os_trap *t);

int ke_trap_after_fork(void);

#endif
