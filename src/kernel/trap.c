/*
 * Faults: from a signal to the driver's exception handlers, to a finding, or on with the driver.
 *
 * The handler runs on the signal stack and does little: a coverage breakpoint and memory that was taken
 * away lazily are settled on the spot. For everything else it copies the interrupted registers to the
 * fiber's exception stack and returns from the signal into trap_entry(), which is ordinary code: it may
 * run DPCs, switch fibers, call the driver, report. Code that is interrupted while it runs on the
 * exception stack (a filter of the driver's) is treated the same, further down.
 *
 * Whose fault is it? rip inside an image, or gone wild from there: the driver's. rip in native code with
 * an import record on top of the gate stack: a routine touched what the driver handed in, so the driver's
 * as well. Anything else is ours and ends the machine.
 *
 * Windows' rule: a bad kernel address is a bug check and never reaches a handler; a bad user address
 * below DISPATCH_LEVEL is an exception.
 * Doc: WDK, "Handling Exceptions"; debugger docs, bug checks 0x50, 0xD1, 0x7F.
 */
#include "kernel/kernel_priv.h"
#include "kernel/gate_priv.h"

#include <string.h>

enum {
    TICK_MS = 10,
    TICKS_OF_RUN = 50,       /* so many ticks of one thread without a switch: a loop that polls */
    TICKS_OF_SPIN = 3,       /* so many ticks in driver code without an import: a spin */
    SPIN_STEP = 156250,      /* virtual time that one broken tick uses up: 15.625 ms */
    FRAME_MAX = 0x10000,     /* how far below the stack pointer a new frame reaches */
    GUARD_WINDOW = 0x8000,   /* below a stack: touching it means that the stack ran out */
    NULL_WINDOW = 0x10000,
    EXC_LEFT = 0x2000,       /* what an entry needs of the exception stack at least */
    BELOW_RSP = 256,         /* what native code may keep below its rsp (128), rounded up */
    FLAG_TF = 0x100,
    FLAG_DF = 0x400,
    FLAG_AC = 0x40000,
    MXCSR_DEFAULT = 0x1F80,
    SPARE_STACK = 0x10000,
};
/* A page table entry for parameters of 0xBE and 0xFC: present, no-execute, the rest made up from the address. */
#define PTE_OF(addr, writable) (0x8000000000000121ull | ((addr)&0xFFFFFF000ull) | ((writable) ? 2u : 0u))

/* Copy of an interrupted state; lies on the exception stack. */
struct area {
    struct os_regs regs;
    struct os_trap trap;
};

static struct {
    const struct os_regs *report; /* see ke_trap_regs */
    struct os_regs *guest;        /* see ke_trap_guest */
    const struct os_trap *guest_trap;
    uint64_t tick_calls, ticks_broken;
    unsigned tick_same, run_ticks;
    const struct ke_thread *run_thread;
    ULONG run_switches;
    bool is_ending; /* our own fault is being told */
    struct {
        struct vf_stack stack;
        uint64_t target, pc, address; /* the exception's address */
        bool is_set;
    } stray; /* the last branch to where no code can be, when it became an exception */
    const struct ke_image *warned[16];
    unsigned warned_count;
    uint8_t spare[SPARE_STACK] __attribute__((aligned(64))); /* for the boot thread */
} g;

extern char __executable_start, etext;

const struct os_regs *ke_trap_regs(void)
{
    return g.report;
}

uint64_t ke_ticks_broken(void)
{
    return g.ticks_broken;
}

void ke_trap_guest(struct os_regs *r, const struct os_trap *t)
{
    g.guest = r;
    g.guest_trap = t;
}

void ke_trap_report(const struct os_regs *r, const struct vf_case *c)
{
    g.report = r;
    vf_report(c);
    g.report = NULL;
}

/* Is it a return to what cannot be an address? Something has written over the stack. */
static bool stray_return(const struct os_regs *r, char *text, size_t size)
{
    uint64_t top;
    uint8_t op;

    if (os_peek(r->rip, &op, 1) != 1 || (op != 0xC3 && op != 0xC2) ||
        !ke_stack_read(r->gpr[OS_RSP], &top) || ke_is_driver_code(top))
        return false;
    pp_fmt(text, size,
           "the return address on the stack is 0x%016llx: a local array was overrun as far as there",
           (unsigned long long)top);
    return true;
}

void ke_trap_report_exception(const struct os_regs *r, const EXCEPTION_RECORD *rec,
                              enum vf_where_thrown where, bool goes_on)
{
    struct vf_thrown t = {.status = (uint32_t)rec->ExceptionCode,
                          .address = KE_ARG(rec->ExceptionAddress), .where = where};
    struct os_regs caller;
    char detail[VF_DETAIL];

    for (ULONG i = 0; i < rec->NumberParameters && i < PP_COUNT(t.info); i++)
        t.info[i] = rec->ExceptionInformation[i];

    /* A jump into the void has no frame: the stack starts at the caller. */
    if (r && !ke_is_driver_code(r->rip)) {
        caller = *r;
        if (ke_stack_read(r->gpr[OS_RSP], &caller.rip))
            caller.gpr[OS_RSP] += 8;
        r = &caller;
    }
    if (r && rec->ExceptionCode == STATUS_ACCESS_VIOLATION && stray_return(r, detail, sizeof detail))
        t.detail = detail;
    if (t.status == (uint32_t)STATUS_BREAKPOINT)
        t.detail = "a breakpoint in the code (int 3); without a debugger Windows stops on it";
    t.goes_on = goes_on;
    g.report = r;
    vf_report_exception(&t);
    g.report = NULL;
}

static void stray_branch(const struct os_regs *from, uint64_t target, uint64_t address)
{
    struct os_regs r = *from;

    ke_stack_capture_from(&r, &g.stray.stack);
    g.stray.pc = from->rip;
    g.stray.target = target;
    g.stray.address = address;
    g.stray.is_set = true;
}

void ke_trap_taken(const EXCEPTION_RECORD *rec)
{
    struct vf_case c = {.rule = VF_EXECUTE_NX, .access = VF_EXECUTE, .addr = g.stray.target,
                        .has_addr = true, .pc = g.stray.pc, .p = {g.stray.target},
                        .stack = &g.stray.stack};

    if (!g.stray.is_set || KE_ARG(rec->ExceptionAddress) != g.stray.address)
        return;
    g.stray.is_set = false;
    if (ke_m.config.like_windows || !vf_is_enabled())
        return;
    c.detail = "a handler of the driver took the exception, which hides the defect as long as nothing "
               "can be executed there";
    vf_report(&c);
}

void ke_trap_not_modelled(const struct os_regs *r, const char *what)
{
    struct ke_image *im = ke_image_at(r->rip);
    char where[96];

    pp_fmt(where, sizeof where, "at %s+0x%llx", im ? im->name : "?",
           (unsigned long long)(r->rip - (im ? im->base : 0)));
    g.report = r;
    ke_not_modelled(what, where);
}

/* ---- Our own faults ---- */

static void describe_code(char *text, size_t size, uint64_t rip)
{
    uint64_t base = KE_ARG(&__executable_start);
    struct ke_image *im = ke_image_at(rip);

    if (rip >= base && rip < KE_ARG(&etext))
        pp_fmt_append(text, size, " poolproof+0x%llx", (unsigned long long)(rip - base));
    else if (im)
        pp_fmt_append(text, size, " %s+0x%llx", im->name, (unsigned long long)(rip - im->base));
    else
        pp_fmt_append(text, size, " (elsewhere)");
}

static const char *address_class(uint64_t addr)
{
    if (addr < NULL_WINDOW)
        return "a null pointer";
    if (addr < KE_USER_HIGH)
        return "a user address";
    if (addr >= KE_POOL_LOW && addr < KE_POOL_HIGH)
        return "pool";
    if (addr >= KE_IMAGE_LOW && addr < KE_IMAGE_HIGH)
        return "a driver image";
    if (addr >= KE_STACK_LOW && addr < KE_STACK_HIGH)
        return "a stack";
    if (addr >= KE_SYSTEM_LOW && addr < KE_STACK_HIGH)
        return "a system address";
    return "memory of our own";
}

static PP_NORETURN void own_fault(const struct area *a)
{
    static const char *const kinds[] = {"page fault", "protection fault", "illegal instruction",
                                        "breakpoint", "single step", "divide error", "float error",
                                        "alignment fault", "tick", "trap"};
    char text[400];
    uint64_t frame = a->regs.gpr[OS_RBP];

    pp_fmt(text, sizeof text, "%s in our own code", kinds[a->trap.kind]);
    if (a->trap.kind == OS_TRAP_PAGE)
        pp_fmt_append(text, sizeof text, ", %s %s", a->trap.is_write ? "writing" : "reading",
                      address_class(a->trap.addr));
    pp_fmt_append(text, sizeof text, ":");
    describe_code(text, sizeof text, a->regs.rip);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t link[2];

        if (os_peek(frame, link, sizeof link) != sizeof link || link[0] <= frame)
            break;
        describe_code(text, sizeof text, link[1]);
        frame = link[0];
    }
    g.is_ending = true;
    ke_m.config.host.own_fault(ke_m.config.host.ctx, text);
}

/* ---- The driver's faults ---- */

static const char *object_name(const struct ke_image *im, uint64_t addr, char *buf, size_t size)
{
    const struct pe_section *s = ke_image_section(im, addr);

    pp_fmt(buf, size, "%s %s%s", im->name, s ? s->name : "headers",
           s && s->is_discardable && im->init_discarded ? " (discarded)" : "");
    return buf;
}

static void fill_image(struct vf_fault *f, char *name, size_t size)
{
    struct ke_image *im = ke_image_at(f->addr);
    unsigned prot;

    if (!im)
        return;
    prot = ke_image_page_prot(im, (uint32_t)(pp_align_down(f->addr, PP_PAGE_SIZE) - im->base));
    f->in_unloaded_image = im->is_unloaded;
    f->in_image = !im->is_unloaded;
    f->image_writable = (prot & OS_WRITE) != 0;
    f->image_executable = (prot & OS_EXEC) != 0;
    f->image_pageable = ke_image_is_pageable(im, f->addr);
    if (ke_image_section(im, f->addr) && ke_image_section(im, f->addr)->is_discardable &&
        im->init_discarded)
        f->image_writable = true; /* the memory is gone: not a question of protection */
    f->object = object_name(im, f->addr, name, size);
}

/* Report a bad kernel address (or any at raised IRQL) and end the request. r NULL: by a routine. */
static PP_NORETURN void fault_report(const struct os_regs *r, struct vf_fault *f)
{
    char name[VF_NAME];
    uint8_t byte;

    f->irql = ke_irql();
    f->in_stack = ke_is_below_stack(f->addr);
    fill_image(f, name, sizeof name);
    if (pp_align_down(f->addr, PP_PAGE_SIZE) == NT_KUSER_ADDRESS && f->access == VF_WRITE) {
        f->in_image = true;
        f->object = "KUSER_SHARED_DATA";
    }
    if (f->access == VF_WRITE && mm_is_secure(f->addr)) {
        f->in_image = true;
        f->object = "secure pool";
    }
    if (f->access == VF_EXECUTE || (f->in_image && f->access == VF_WRITE)) {
        if (f->access == VF_WRITE || os_peek(f->addr, &byte, 1) == 1)
            f->pte = PTE_OF(f->addr, f->access == VF_EXECUTE);
    }
    g.report = r;
    vf_report_fault(f);
    g.report = NULL;
    ke_contain();
}

void ke_trap_raise(struct os_regs *r, NTSTATUS status, unsigned count, uint64_t info0, uint64_t info1)
{
    EXCEPTION_RECORD rec = {.ExceptionCode = status, .ExceptionAddress = (PVOID)r->rip};

    rec.NumberParameters = count;
    rec.ExceptionInformation[0] = info0;
    rec.ExceptionInformation[1] = info1;
    ke_exception_dispatch(&rec, r, true);
}

static uint8_t access_of(const struct os_trap *t)
{
    return t->is_exec ? VF_EXECUTE : t->is_write ? VF_WRITE : VF_READ;
}

static void page_fault(struct area *a)
{
    struct vf_fault f = {.addr = a->trap.addr, .pc = a->regs.rip, .access = access_of(&a->trap),
                         .addr_known = true};
    struct ke_access access;

    if (f.addr < KE_USER_HIGH && ke_irql() < DISPATCH_LEVEL) {
        ke_trap_raise(&a->regs, STATUS_ACCESS_VIOLATION, 2, f.access, f.addr);
        return;
    }
    if (f.access != VF_EXECUTE && ke_decode_access(&a->regs, &access) && !access.is_branch)
        f.access_size = access.size;
    fault_report(&a->regs, &f);
}

static bool is_canonical(uint64_t addr)
{
    return addr + 0x800000000000ull < 0x1000000000000ull;
}

/* #GP that is not a privileged instruction: an address that is none, or a misaligned SSE operand.
 * Doc: bug check 0x50, parameter 4 = 4 for the kernel half; else an access violation without address. */
static void protection_fault(struct area *a)
{
    struct vf_fault f = {.pc = a->regs.rip};
    struct ke_access access;

    if (!ke_decode_access(&a->regs, &access) || is_canonical(access.addr)) {
        ke_trap_raise(&a->regs, STATUS_ACCESS_VIOLATION, 2, 0, UINT64_MAX);
        return;
    }
    f.addr = access.addr;
    f.access = access.is_branch ? VF_EXECUTE : access.is_write ? VF_WRITE : VF_READ;
    f.access_size = access.is_branch ? 0 : access.size;
    if (ke_irql() < DISPATCH_LEVEL && !(access.addr >> 63)) {
        if (access.is_branch)
            stray_branch(&a->regs, access.addr, a->regs.rip);
        ke_trap_raise(&a->regs, STATUS_ACCESS_VIOLATION, 2, access.is_write, UINT64_MAX);
        return;
    }
    fault_report(&a->regs, &f);
}

static NTSTATUS float_status(const struct os_regs *r, bool is_sse)
{
    uint32_t flags = is_sse ? pp_load32(r->fx + 24) : pp_load16(r->fx + 2);
    uint32_t masked = is_sse ? flags >> 7 : pp_load16(r->fx);

    flags &= ~masked;
    if (flags & 1)
        return !is_sse && (pp_load16(r->fx + 2) & 0x40) ? STATUS_FLOAT_STACK_CHECK
                                                        : STATUS_FLOAT_INVALID_OPERATION;
    if (flags & 4)
        return STATUS_FLOAT_DIVIDE_BY_ZERO;
    if (flags & 2)
        return STATUS_FLOAT_INVALID_OPERATION;
    if (flags & 8)
        return STATUS_FLOAT_OVERFLOW;
    return flags & 16 ? STATUS_FLOAT_UNDERFLOW : STATUS_FLOAT_INEXACT_RESULT;
}

/* The guard below a stack, touched by a frame that is about to use it; further away it is a stale pointer. */
static bool is_stack_overflow(const struct os_trap *t, uint64_t rsp)
{
    const struct ke_thread *th = ke_thread_now;

    return t->kind == OS_TRAP_PAGE && th && th->exc_low && (rsp <= t->addr || rsp - t->addr < FRAME_MAX) &&
           ((t->addr < th->stack_low && t->addr >= th->stack_low - GUARD_WINDOW) ||
            (t->addr < th->exc_low && t->addr >= th->exc_low - GUARD_WINDOW));
}

static PP_NORETURN void stack_overflow(const struct os_regs *r)
{
    struct vf_case c = {.rule = VF_STACK_OVERFLOW, .access = VF_NO_ACCESS, .fatal = true};

    c.pc = r->rip;
    ke_trap_report(r, &c);
    ke_contain();
}

/* A call or jump into the void: the caller is what the return address says. */
static void wild_call(struct area *a)
{
    struct os_regs caller = a->regs;
    struct vf_fault f = {.addr = a->regs.rip, .access = VF_EXECUTE};
    uint8_t byte;

    f.addr_known = is_canonical(f.addr);
    /* Memory of a program that is there may not be executed in kernel mode (SMEP): a bug check. */
    if (f.addr < KE_USER_HIGH && ke_irql() < DISPATCH_LEVEL && os_peek(f.addr, &byte, 1) != 1) {
        if (ke_stack_read(caller.gpr[OS_RSP], &caller.rip))
            caller.gpr[OS_RSP] += 8;
        stray_branch(&caller, f.addr, f.addr);
        ke_trap_raise(&a->regs, STATUS_ACCESS_VIOLATION, 2, VF_EXECUTE, f.addr);
        return;
    }
    /* Code of an image that is away just now (pageable, discarded, unloaded) still has its frame. */
    if (!ke_is_driver_code(f.addr) && ke_stack_read(caller.gpr[OS_RSP], &caller.rip))
        caller.gpr[OS_RSP] += 8;
    f.pc = ke_is_driver_code(caller.rip) ? caller.rip : f.addr;
    fault_report(&caller, &f);
}

/* Driver code at a->regs. Returns when it may go on at a->regs. */
static void driver_trap(struct area *a)
{
    struct os_regs *r = &a->regs;

    if (is_stack_overflow(&a->trap, a->regs.gpr[OS_RSP]))
        stack_overflow(r);
    if (ke_emulate(r, &a->trap))
        return;
    switch (a->trap.kind) {
    case OS_TRAP_PAGE:
        page_fault(a);
        break;
    case OS_TRAP_PROTECTION:
    case OS_TRAP_OTHER:
        protection_fault(a);
        break;
    case OS_TRAP_ILLEGAL:
        ke_trap_raise(r, STATUS_ILLEGAL_INSTRUCTION, 0, 0, 0);
        break;
    case OS_TRAP_BREAK:
        r->rip--; /* Windows shows the breakpoint's own address */
        ke_trap_raise(r, STATUS_BREAKPOINT, 1, 0, 0);
        break;
    case OS_TRAP_DIVIDE:
        ke_trap_raise(r, ke_is_divide_by_zero(r) ? STATUS_INTEGER_DIVIDE_BY_ZERO : STATUS_INTEGER_OVERFLOW,
                      0, 0, 0);
        break;
    case OS_TRAP_FLOAT:
        ke_trap_raise(r, float_status(r, pp_load32(r->fx + 24) & 0x3F & ~(pp_load32(r->fx + 24) >> 7)), 0,
                      0, 0);
        break;
    case OS_TRAP_ALIGN:
        ke_trap_raise(r, STATUS_DATATYPE_MISALIGNMENT, 0, 0, 0);
        break;
    default:
        ke_trap_raise(r, STATUS_SINGLE_STEP, 0, 0, 0);
        break;
    }
}

/* ---- Native code on a driver's behalf ---- */

static bool is_near_argument(const struct ke_gate_record *rec, uint64_t addr)
{
    for (unsigned i = 0; i < PP_COUNT(rec->args); i++) {
        if (addr - rec->args[i] + NULL_WINDOW < 2 * NULL_WINDOW)
            return true;
    }
    return false;
}

/* Is native code working inside a request that can be ended, on memory that drivers share with us? */
static bool is_in_request(uint64_t addr)
{
    struct ke_gate_record *first = ke_gate_first();

    if (addr >= KE_STACK_HIGH && addr < (1ull << 47))
        return false;
    for (struct ke_gate_record *r = ke_gate_top; r && r > first;) {
        r--;
        if (r->kind == KE_GATE_CALLOUT && (r->tag & ~(uint64_t)KE_CALL_BASE) == KE_CALL_BOUNDARY)
            return true;
    }
    return false;
}

static PP_NORETURN void native_fault(struct area *a)
{
    struct ke_gate_record *rec = ke_gate_import();
    struct vf_fault f = {.addr = a->trap.addr, .by_kernel = true, .access = access_of(&a->trap),
                         .addr_known = true};
    struct ke_access access;

    if (a->trap.kind != OS_TRAP_PAGE && a->trap.kind != OS_TRAP_PROTECTION)
        own_fault(a);
    if (ke_decode_access(&a->regs, &access)) {
        f.access_size = access.size;
        if (a->trap.kind == OS_TRAP_PROTECTION) {
            f.addr = access.addr;
            f.access = access.is_write ? VF_WRITE : VF_READ;
            f.addr_known = false;
        }
    }
    if (a->trap.kind == OS_TRAP_PROTECTION && is_canonical(f.addr))
        own_fault(a);
    if (!rec) {
        if (!is_in_request(f.addr))
            own_fault(a);
    } else if (f.addr < KE_USER_HIGH) {
        if (ke_irql() < DISPATCH_LEVEL)
            ke_raise_access_violation(f.addr, f.access == VF_WRITE);
    } else if (f.addr >= KE_STACK_HIGH && f.addr < (1ull << 47) && !is_near_argument(rec, f.addr)) {
        own_fault(a);
    }
    fault_report(NULL, &f);
}

/* ---- Entries from the signal ---- */

static void set_mxcsr(void)
{
    uint32_t v = MXCSR_DEFAULT;

    __asm__ volatile("fninit; ldmxcsr %0" : : "m"(v));
}

/* Routines that are bound without the gate are ours but run like a piece of the driver: go on as if the
 * driver's call had faulted. */
static void leave_raw(struct os_regs *r)
{
    uint64_t chkstk = KE_ARG(ke_chkstk), pushed, top;

    if (r->rip >= chkstk + 2 && r->rip < chkstk + 0x60)
        pushed = 16; /* rcx and rax */
    else if (r->rip >= KE_ARG(ke_capture_context) && r->rip < KE_ARG(ke_capture_context_end))
        pushed = 0;
    else
        return;
    if (ke_stack_read(r->gpr[OS_RSP] + pushed, &top)) {
        r->gpr[OS_RSP] += pushed + 8;
        r->rip = top;
    }
}

static bool is_native(uint64_t rip)
{
    return (rip >= KE_STACK_HIGH && rip < (1ull << 47)) ||
           (rip >= KE_ARG(&__executable_start) && rip < KE_ARG(&etext));
}

static PP_NORETURN void trap_entry(struct area *a)
{
    struct os_regs *r = &a->regs;

    set_mxcsr();
    if (a->trap.kind == OS_TRAP_PAGE && !ke_gate_import())
        leave_raw(r);
    if (is_native(r->rip) && g.guest) {
        struct os_trap t = a->trap;

        a->regs = *g.guest;
        ke_trap_guest(NULL, NULL);
        a->trap.kind = OS_TRAP_PAGE;
        a->trap.addr = t.addr;
        page_fault(a);
    } else if (ke_is_driver_code(r->rip) && !(a->trap.kind == OS_TRAP_PAGE && a->trap.addr == r->rip)) {
        driver_trap(a);
    } else if (is_native(r->rip) &&
               (ke_gate_import() || !(a->trap.is_exec || a->trap.addr == r->rip))) {
        native_fault(a);
    } else if (ke_gate_last() && ke_gate_last()->kind == KE_GATE_CALLOUT) {
        wild_call(a);
    } else {
        own_fault(a);
    }
    os_regs_resume(r);
}

static PP_NORETURN void overflow_entry(struct area *a)
{
    set_mxcsr();
    stack_overflow(&a->regs);
}

static void warn_spin(uint64_t rip, const char *what)
{
    struct ke_image *im = ke_image_at(rip);
    char text[160];

    for (unsigned i = 0; i < g.warned_count; i++) {
        if (g.warned[i] == im)
            return;
    }
    if (!im || g.warned_count == PP_COUNT(g.warned))
        return;
    g.warned[g.warned_count++] = im;
    /* Where it stood depends on real time: only what repeats from run to run is said. */
    pp_fmt(text, sizeof text, "%s %s: the clock was moved on so that timers and other threads run",
           im->name, what);
    ke_m.config.host.warn(ke_m.config.host.ctx, text);
}

static PP_NORETURN void tick_entry(struct area *a)
{
    set_mxcsr();
    g.ticks_broken++;
    warn_spin(a->regs.rip, "spins without calling the kernel");
    ke_time_advance(SPIN_STEP);
    ke_yield();
    os_regs_resume(&a->regs);
}

void ke_trap_preempt(void)
{
    __atomic_fetch_and(&ke_gate_hook, (uint8_t)~KE_HOOK_TICK, __ATOMIC_RELAXED);
    if (ke_irql() >= DISPATCH_LEVEL)
        return;
    g.ticks_broken++;
    warn_spin(ke_caller(), "runs for long without waiting");
    ke_time_advance(SPIN_STEP);
    ke_yield();
}

/* ---- The signal ---- */

/* Where on the exception stack to go on. PP_ASYNC. */
static uint64_t entry_stack(const struct os_regs *r)
{
    const struct ke_thread *t = ke_thread_now;
    const struct ke_gate_record *rec = ke_gate_last();
    uint64_t rsp = r->gpr[OS_RSP];
    uint64_t low = t && t->exc_low ? t->exc_low : KE_ARG(g.spare);
    uint64_t high = t && t->exc_low ? t->exc_high : KE_ARG(g.spare) + SPARE_STACK;

    if (rsp > low && rsp <= high)
        return rsp;
    /* rsp went wild in driver code that was called from the exception stack. */
    if (rec && rec->rsp > low && rec->rsp <= high)
        return rec->rsp - BELOW_RSP;
    return high;
}

static void divert(struct os_regs *r, const struct os_trap *t, void (*entry)(struct area *))
{
    uint64_t at = pp_align_down(entry_stack(r) - BELOW_RSP - sizeof(struct area), 64);
    struct area *a;

    if (ke_thread_now->exc_low && at < ke_thread_now->exc_low + EXC_LEFT &&
        at > ke_thread_now->exc_low - EXC_LEFT) { /* faults in filters, without end */
        at = pp_align_down(ke_thread_now->exc_high - BELOW_RSP - sizeof(struct area), 64);
        entry = overflow_entry;
    }
    a = (struct area *)at;
    a->regs = *r;
    os_trap_save_fx(&a->regs);
    a->trap = *t;
    r->gpr[OS_RDI] = at;
    r->gpr[OS_RSP] = at - 8;
    r->gpr[OS_RBP] = 0;
    r->rip = KE_ARG(entry);
    r->rflags &= ~(uint64_t)(FLAG_TF | FLAG_DF | FLAG_AC);
}

/* Memory that was only taken away to see whether somebody uses it at raised IRQL. */
static bool give_back(uint64_t addr)
{
    struct pl_block_info b;
    struct ke_image *im;

    if (ke_irql_now >= DISPATCH_LEVEL)
        return false;
    if (addr >= KE_POOL_LOW && addr < KE_POOL_HIGH) {
        if (pl_fault(ke_m.pool, addr))
            return true;
        return pl_paged_is_revoked(ke_m.pool) && pl_find(ke_m.pool, addr, &b) == PL_REVOKED &&
               !pl_paged_restore(ke_m.pool);
    }
    im = ke_image_at(addr);
    if (!im || im->is_unloaded || !ke_image_paged_is_revoked() || !ke_image_is_pageable(im, addr))
        return false;
    ke_image_paged_restore();
    return true;
}

/* The same thread at each of many ticks: the next import it calls is a preemption point. PP_ASYNC. */
static void count_run(void)
{
    const struct ke_thread *t = ke_thread_now;
    ULONG switches = t->object ? t->object->Tcb.ContextSwitches : 0;

    if (t != g.run_thread || switches != g.run_switches) {
        g.run_thread = t;
        g.run_switches = switches;
        g.run_ticks = 0;
    } else if (++g.run_ticks >= TICKS_OF_RUN && ke_irql_now < DISPATCH_LEVEL) {
        __atomic_fetch_or(&ke_gate_hook, KE_HOOK_TICK, __ATOMIC_RELAXED);
    }
}

static void on_tick(struct os_regs *r, const struct os_trap *t)
{
    uint64_t calls = ke_gate_calls;

    count_run();
    if (!ke_is_driver_code(r->rip) || calls != g.tick_calls || (r->rflags & FLAG_TF)) {
        g.tick_calls = calls;
        g.tick_same = 0;
        return;
    }
    if (++g.tick_same < TICKS_OF_SPIN || ke_irql_now >= DISPATCH_LEVEL)
        return;
    divert(r, t, tick_entry);
}

bool ke_trap_handle(struct os_regs *r, const struct os_trap *t)
{
    switch (t->kind) {
    case OS_TRAP_TICK:
        if (ke_thread_now && !g.is_ending)
            on_tick(r, t);
        return true;
    case OS_TRAP_BREAK:
        if (ke_cover_hit(r->rip - 1)) {
            r->rip--;
            return true;
        }
        break;
    case OS_TRAP_STEP:
        if (ke_emulate_step(r))
            return true;
        break;
    case OS_TRAP_PAGE:
        ke_emulate_cancel(r);
        if (give_back(t->addr) || ke_emulate_shadow(r, t))
            return true;
        break;
    default:
        ke_emulate_cancel(r);
        break;
    }
    if (g.is_ending || !ke_thread_now)
        return false;
    divert(r, t, trap_entry);
    return true;
}

int ke_trap_init(void)
{
    int err = os_gs_set(KE_PCR_LOW); /* drivers find their thread and processor through gs */

    if (!err)
        err = os_trap_install(ke_trap_handle);
    return err ? err : os_tick_start(TICK_MS);
}

int ke_trap_after_fork(void)
{
    return os_tick_start(TICK_MS); /* timers do not travel */
}
