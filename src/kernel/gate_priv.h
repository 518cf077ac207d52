/* What gate.c, trap.c and the unwinder share about the border. */
#ifndef POOLPROOF_GATE_PRIV_H
#define POOLPROOF_GATE_PRIV_H

/* The current fiber's gate stack: next free record, and the end. Switched with the fiber. */
extern struct ke_gate_record *ke_gate_top, *ke_gate_limit;
enum { KE_HOOK_TICK = 1, KE_HOOK_FAULT = 2 };
extern uint8_t ke_gate_hook; /* non-zero: ke_gate_check runs before every import */
extern uint8_t ke_irql_now;  /* ke_irql.c */

void ke_gate_enter(void);
void ke_gate_back(void);
void ke_callout_back(void);
void ke_callout_leave(void);
void ke_chkstk(void);
uint64_t ke_callout_enter(uint64_t target, unsigned argc, const uint64_t *argv,
                          struct ke_gate_record *r, uint64_t stack);
PP_NORETURN void ke_on_stack(uint64_t stack_high, void (*fn)(void *), void *arg);
/* Rules that hold for every import. Returns the routine to run: the real one, or one that refuses. */
void *ke_gate_check(struct ke_gate_record *r);
void *ke_fault_check(struct ke_gate_record *r); /* fault.c */
/* MXCSR as the driver routine called last left it. */
uint32_t ke_callout_mxcsr(void);
PP_NORETURN void ke_gate_overflow(void);

/* The top record, NULL when the gate stack is empty. Kind CALLOUT: driver code runs (or ran last);
 * IMPORT: native code runs on a driver's behalf. */
struct ke_gate_record *ke_gate_last(void);
/* Base of the current fiber's gate stack. */
struct ke_gate_record *ke_gate_first(void);
/* Drop records of frames below `rsp` (an exception unwound to that frame of driver code). */
void ke_gate_unwind_to(uint64_t rsp);
/* Is driver code running at this rip (inside a loaded image)? PP_ASYNC. */
bool ke_is_driver_code(uint64_t rip);

#endif
