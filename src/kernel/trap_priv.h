/* Faults, emulation, exceptions, unwinding. Owner of: trap.c, emulate.c, seh*.c, unwind.c. */
#ifndef POOLPROOF_TRAP_PRIV_H
#define POOLPROOF_TRAP_PRIV_H

int ke_trap_init(void);
/* Unwind one frame in driver code: the caller's rip and rsp. False at the end of driver frames. */
bool ke_unwind_step(struct os_regs *r);
/* Dispatch an exception raised at `r` (in driver code). Returns only when a handler said to continue there. */
void ke_exception_dispatch(EXCEPTION_RECORD *record, struct os_regs *r, bool first_chance);
/* Emulate the instruction at r->rip. Returns false when it is not one we emulate. */
bool ke_emulate(struct os_regs *r, const struct os_trap *t);

#endif
