/*
 * Instructions that mean something else in a process than in a kernel: control registers, ports, MSRs,
 * interrupts, and loads from the page that Windows shares with every process (0xFFFFF780_00000000, which
 * a Linux process cannot map).
 *
 * Plain loads from that page are done here. Any other form (compare, SSE, string moves) runs as it is, for
 * one single step, with its base register moved so that it reads a copy of the page; the step's trap moves
 * the register back.
 *
 * All of this but ke_emulate_step and ke_emulate_shadow runs as ordinary code, after the signal: it may
 * change IRQL, run DPCs and switch fibers.
 * Doc: AMD64 Architecture Programmer's Manual, volumes 2 and 3; WDK, KUSER_SHARED_DATA; bug check 0x139.
 */
#include "kernel/kernel_priv.h"
#include "kernel/gate_priv.h"

#include <Zydis/Zydis.h>
#include <string.h>

enum {
    INSN_MAX = 15,
    HLT_STEP = 156250, /* a clock tick: 15.625 ms */
    POLLS_TO_YIELD = 256,
    FLAG_TF = 0x100,
    FLAG_DF = 0x400,
    SHADOW_SIZE = 2 * PP_PAGE_SIZE, /* the second page: loads that cross the end */
};
#define CR0_VALUE 0x80050033ull /* PG AM WP NE ET MP PE */
#define CR3_VALUE 0x1AD002ull
#define CR4_VALUE 0x3506F8ull /* as Windows 10 sets it without virtualization-based security */
#define DR6_VALUE 0xFFFF0FF0ull
#define DR7_VALUE 0x400ull

struct insn {
    ZydisDecodedInstruction i;
    ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
};

static struct {
    ZydisDecoder decoder;
    bool has_decoder;
    struct {
        bool is_active, restore;
        uint64_t want_rip; /* the next fault at this instruction starts a step */
        uint64_t rip, delta;
        unsigned reg;
    } step;
    uint64_t polls, polls_calls; /* loads of the shared page since the last import */
    uint8_t shadow[SHADOW_SIZE] __attribute__((aligned(4096)));
} g;

/* ---- Decoding ---- */

static bool decode(const struct os_regs *r, struct insn *ret)
{
    uint8_t bytes[INSN_MAX] = {0};
    size_t here = PP_MIN((size_t)INSN_MAX, PP_PAGE_SIZE - (r->rip & (PP_PAGE_SIZE - 1)));
    size_t n = os_peek(r->rip, bytes, here);

    if (!g.has_decoder) {
        ZydisDecoderInit(&g.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        g.has_decoder = true;
    }
    if (n == here && here < INSN_MAX)
        n += os_peek(r->rip + here, bytes + here, INSN_MAX - here);
    return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&g.decoder, bytes, n, &ret->i, ret->op));
}

static int gpr_of(ZydisRegister reg)
{
    ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

    return ZydisRegisterGetClass(whole) == ZYDIS_REGCLASS_GPR64 ? ZydisRegisterGetId(whole) : -1;
}

static bool is_high_byte(ZydisRegister reg)
{
    return reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH;
}

static uint64_t reg_read(const struct os_regs *r, ZydisRegister reg)
{
    int n = gpr_of(reg);
    unsigned bits = ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, reg);
    uint64_t v;

    if (n < 0)
        return 0;
    v = r->gpr[n] >> (is_high_byte(reg) ? 8 : 0);
    return bits < 64 ? v & ((1ull << bits) - 1) : v;
}

static void reg_write(struct os_regs *r, ZydisRegister reg, uint64_t v)
{
    int n = gpr_of(reg);
    unsigned bits = ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, reg);
    unsigned shift = is_high_byte(reg) ? 8 : 0;
    uint64_t mask = bits < 64 ? (1ull << bits) - 1 : UINT64_MAX;

    if (n < 0)
        return;
    if (bits >= 32) /* a 32-bit result clears the upper half */
        r->gpr[n] = v & mask;
    else
        r->gpr[n] = (r->gpr[n] & ~(mask << shift)) | (v & mask) << shift;
}

static uint64_t address_of(const struct os_regs *r, const struct insn *in, const ZydisDecodedOperand *op)
{
    uint64_t a = op->mem.disp.has_displacement ? (uint64_t)op->mem.disp.value : 0;

    if (op->mem.base == ZYDIS_REGISTER_RIP)
        a += r->rip + in->i.length;
    else if (op->mem.base != ZYDIS_REGISTER_NONE)
        a += reg_read(r, op->mem.base);
    if (op->mem.index != ZYDIS_REGISTER_NONE)
        a += reg_read(r, op->mem.index) * op->mem.scale;
    if (in->i.address_width == 32)
        a = (uint32_t)a;
    if (op->mem.segment == ZYDIS_REGISTER_GS)
        a += KE_PCR_LOW;
    return a;
}

static bool is_canonical(uint64_t addr)
{
    return addr + 0x800000000000ull < 0x1000000000000ull;
}

/* Where a near call, jump or return goes, when that is what cannot be used. */
static bool branch_target(const struct os_regs *r, const struct insn *in, uint64_t *ret)
{
    const ZydisDecodedOperand *op = &in->op[0];

    if (in->i.mnemonic == ZYDIS_MNEMONIC_RET)
        return ke_stack_read(r->gpr[OS_RSP], ret);
    if (in->i.mnemonic != ZYDIS_MNEMONIC_CALL && in->i.mnemonic != ZYDIS_MNEMONIC_JMP)
        return false;
    if (op->type == ZYDIS_OPERAND_TYPE_REGISTER) {
        *ret = reg_read(r, op->reg.value);
        return true;
    }
    return op->type == ZYDIS_OPERAND_TYPE_MEMORY && is_canonical(address_of(r, in, op)) &&
           os_peek(address_of(r, in, op), ret, sizeof *ret) == sizeof *ret;
}

bool ke_decode_access(const struct os_regs *r, struct ke_access *ret)
{
    struct insn in;
    bool found = false;

    memset(ret, 0, sizeof *ret);
    if (!decode(r, &in))
        return false;
    for (unsigned i = 0; i < in.i.operand_count; i++) {
        const ZydisDecodedOperand *op = &in.op[i];
        uint64_t addr;

        if (op->type != ZYDIS_OPERAND_TYPE_MEMORY || op->mem.type == ZYDIS_MEMOP_TYPE_AGEN)
            continue;
        addr = address_of(r, &in, op);
        if (found && is_canonical(addr))
            continue;
        found = true;
        ret->addr = addr;
        ret->size = op->size / 8;
        ret->is_write = (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
        if (!is_canonical(addr))
            return true;
    }
    if (branch_target(r, &in, &ret->addr)) {
        ret->is_branch = true;
        return true;
    }
    return found;
}

bool ke_is_divide_by_zero(const struct os_regs *r)
{
    struct insn in;
    uint64_t v = 0;

    if (!decode(r, &in))
        return true;
    if (in.op[0].type == ZYDIS_OPERAND_TYPE_REGISTER)
        v = reg_read(r, in.op[0].reg.value);
    else if (in.op[0].type == ZYDIS_OPERAND_TYPE_MEMORY)
        (void)os_peek(address_of(r, &in, &in.op[0]), &v, PP_MIN(in.op[0].size / 8u, 8u)); /* v stays 0 */
    return v == 0;
}

/* ---- The shared page ---- */

static bool in_shared(uint64_t addr)
{
    return addr >= NT_KUSER_ADDRESS && addr < NT_KUSER_ADDRESS + PP_PAGE_SIZE;
}

/* The register to move so that the instruction reads the copy. */
static bool step_base(const struct os_regs *r, const struct insn *in, unsigned *reg, bool *restore)
{
    for (unsigned i = 0; i < in->i.operand_count; i++) {
        const ZydisDecodedOperand *op = &in->op[i];
        int n;

        if (op->type != ZYDIS_OPERAND_TYPE_MEMORY || op->mem.type == ZYDIS_MEMOP_TYPE_AGEN ||
            !in_shared(address_of(r, in, op)))
            continue;
        n = op->mem.base == ZYDIS_REGISTER_NONE ? -1 : gpr_of(op->mem.base);
        if (n < 0 || n == OS_RSP || (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
            return false;
        *restore = true;
        for (unsigned k = 0; k < in->i.operand_count; k++) {
            const ZydisDecodedOperand *other = &in->op[k];

            if (k == i || other->type != ZYDIS_OPERAND_TYPE_REGISTER || gpr_of(other->reg.value) != n)
                continue;
            if (in->i.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE))
                continue; /* rsi of a string move: moves along with the copy */
            if (op->mem.base == ZYDIS_REGISTER_RSI && other->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN)
                continue;
            if (other->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
                return false;
            *restore = false; /* the result replaces it */
        }
        *reg = (unsigned)n;
        return true;
    }
    return false;
}

/* Loops that wait for the clock, or for another thread with an eye on the clock, must end. */
static void shared_refresh(void)
{
    const KUSER_SHARED_DATA *s = ke_user_shared();
    uint64_t calls = ke_gate_calls;

    _Static_assert(sizeof *s <= PP_PAGE_SIZE, "one page");
    if (calls != g.polls_calls) {
        g.polls_calls = calls;
        g.polls = 0;
    }
    if (++g.polls % POLLS_TO_YIELD == 0)
        ke_yield();
    memcpy(g.shadow, s, sizeof *s);
}

static bool shared_load(struct os_regs *r)
{
    struct insn in;
    uint64_t v = 0, addr;
    unsigned size, reg;
    bool restore;

    shared_refresh();
    if (!decode(r, &in))
        return false;
    switch (in.i.mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
    case ZYDIS_MNEMONIC_MOVZX:
    case ZYDIS_MNEMONIC_MOVSX:
    case ZYDIS_MNEMONIC_MOVSXD:
        if (in.op[0].type != ZYDIS_OPERAND_TYPE_REGISTER || gpr_of(in.op[0].reg.value) < 0 ||
            in.op[1].type != ZYDIS_OPERAND_TYPE_MEMORY)
            break;
        addr = address_of(r, &in, &in.op[1]);
        size = in.op[1].size / 8;
        if (!in_shared(addr) || size > 8)
            break;
        memcpy(&v, g.shadow + (addr - NT_KUSER_ADDRESS), size);
        if (in.i.mnemonic == ZYDIS_MNEMONIC_MOVSX || in.i.mnemonic == ZYDIS_MNEMONIC_MOVSXD)
            v = (uint64_t)((int64_t)(v << (64 - size * 8)) >> (64 - size * 8));
        reg_write(r, in.op[0].reg.value, v);
        r->rip += in.i.length;
        return true;
    default:
        break;
    }
    if (!step_base(r, &in, &reg, &restore))
        ke_trap_not_modelled(r, "a load from KUSER_SHARED_DATA in this form");
    g.step.want_rip = r->rip; /* it faults again, and is then stepped */
    return true;
}

bool ke_emulate_shadow(struct os_regs *r, const struct os_trap *t)
{
    struct insn in;

    if (!in_shared(t->addr) || t->is_write || t->is_exec ||
        (ke_is_driver_code(r->rip) && r->rip != g.step.want_rip))
        return false;
    g.step.want_rip = 0;
    if (!decode(r, &in) || !step_base(r, &in, &g.step.reg, &g.step.restore))
        return false;
    g.step.delta = NT_KUSER_ADDRESS - KE_ARG(g.shadow);
    g.step.rip = r->rip;
    g.step.is_active = true;
    r->gpr[g.step.reg] -= g.step.delta;
    r->rflags |= FLAG_TF;
    return true;
}

void ke_emulate_cancel(struct os_regs *r)
{
    if (!g.step.is_active)
        return;
    g.step.is_active = false;
    r->gpr[g.step.reg] += g.step.delta;
    r->rflags &= ~(uint64_t)FLAG_TF;
}

bool ke_emulate_step(struct os_regs *r)
{
    if (!g.step.is_active)
        return false;
    if (r->rip == g.step.rip)
        return true; /* a repeated string instruction: not done yet */
    g.step.is_active = false;
    r->rflags &= ~(uint64_t)FLAG_TF;
    if (g.step.restore)
        r->gpr[g.step.reg] += g.step.delta;
    return true;
}

/* ---- Control registers ---- */

static uint64_t control_value(ZydisRegister reg)
{
    switch (reg) {
    case ZYDIS_REGISTER_CR0:
        return CR0_VALUE;
    case ZYDIS_REGISTER_CR3:
        return CR3_VALUE;
    case ZYDIS_REGISTER_CR4:
        return CR4_VALUE;
    case ZYDIS_REGISTER_CR8:
        return ke_irql();
    case ZYDIS_REGISTER_DR6:
        return DR6_VALUE;
    case ZYDIS_REGISTER_DR7:
        return DR7_VALUE;
    default:
        return 0;
    }
}

/* mov to and from control and debug registers. */
static bool control_move(struct os_regs *r, const struct insn *in)
{
    ZydisRegister to = in->op[0].reg.value, from = in->op[1].reg.value;
    ZydisRegisterClass kind;
    char what[64];
    uint64_t v;

    if (in->op[0].type != ZYDIS_OPERAND_TYPE_REGISTER || in->op[1].type != ZYDIS_OPERAND_TYPE_REGISTER)
        return false;
    kind = ZydisRegisterGetClass(from);
    if (kind == ZYDIS_REGCLASS_CONTROL || kind == ZYDIS_REGCLASS_DEBUG) {
        reg_write(r, to, control_value(from));
        r->rip += in->i.length;
        return true;
    }
    kind = ZydisRegisterGetClass(to);
    if (kind != ZYDIS_REGCLASS_CONTROL && kind != ZYDIS_REGCLASS_DEBUG)
        return false;
    v = reg_read(r, from);
    if (to == ZYDIS_REGISTER_CR8) {
        KIRQL irql = (KIRQL)(v & 15);

        r->rip += in->i.length; /* first: lowering may run DPCs and other threads */
        if (irql >= ke_irql())
            (void)ke_irql_raise(irql);
        else
            ke_irql_lower(irql);
        return true;
    }
    if (v != control_value(to)) {
        pp_fmt(what, sizeof what, "a write of 0x%llx to %s", (unsigned long long)v,
               ZydisRegisterGetString(to));
        ke_trap_not_modelled(r, what);
    }
    r->rip += in->i.length;
    return true;
}

/* ---- Ports ---- */

static uint16_t port_of(const struct os_regs *r, const ZydisDecodedOperand *op)
{
    return op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? (uint16_t)(op->imm.value.u & 0xFF)
                                                    : (uint16_t)r->gpr[OS_RDX];
}

static void port_move(struct os_regs *r, const struct insn *in)
{
    const ZydisDecodedOperand *data = &in->op[in->i.mnemonic == ZYDIS_MNEMONIC_IN ? 0 : 1];
    unsigned size = data->size / 8;

    if (in->i.mnemonic == ZYDIS_MNEMONIC_IN)
        reg_write(r, data->reg.value, hal_port_read(port_of(r, &in->op[1]), size));
    else
        hal_port_write(port_of(r, &in->op[0]), (uint32_t)reg_read(r, data->reg.value), size);
    r->rip += in->i.length;
}

/* ins and outs. One element at a time, so that a fault leaves the registers as hardware does. */
static void port_string(struct os_regs *r, const struct os_trap *t, const struct insn *in, unsigned size,
                        bool is_in)
{
    bool is_rep = (in->i.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
                                       ZYDIS_ATTRIB_HAS_REPNE)) != 0;
    uint64_t step = (r->rflags & FLAG_DF) ? 0 - (uint64_t)size : size;
    uint16_t port = (uint16_t)r->gpr[OS_RDX];

    while (!is_rep || r->gpr[OS_RCX]) {
        uint64_t *at = &r->gpr[is_in ? OS_RDI : OS_RSI];
        uint32_t v = is_in ? hal_port_read(port, size) : 0;

        ke_trap_guest(r, t);
        if (is_in)
            memcpy((void *)*at, &v, size);
        else
            memcpy(&v, (const void *)*at, size);
        __asm__ volatile("" : : : "memory");
        ke_trap_guest(NULL, NULL);
        if (!is_in)
            hal_port_write(port, v, size);
        *at += step;
        if (!is_rep)
            break;
        r->gpr[OS_RCX]--;
    }
    r->rip += in->i.length;
}

/* ---- Model-specific registers ---- */

static void msr_move(struct os_regs *r, const struct insn *in)
{
    uint32_t msr = (uint32_t)r->gpr[OS_RCX];
    uint64_t v = (r->gpr[OS_RDX] & 0xFFFFFFFF) << 32 | (r->gpr[OS_RAX] & 0xFFFFFFFF);
    bool is_read = in->i.mnemonic == ZYDIS_MNEMONIC_RDMSR;

    if (!(is_read ? hal_msr_read(msr, &v) : hal_msr_write(msr, v))) {
        ke_trap_raise(r, STATUS_PRIVILEGED_INSTRUCTION, 0, 0, 0);
        return;
    }
    if (is_read) {
        r->gpr[OS_RAX] = (uint32_t)v;
        r->gpr[OS_RDX] = v >> 32;
    }
    r->rip += in->i.length;
}

/* ---- Software interrupts ---- */

static const char *fast_fail_name(uint32_t code)
{
    switch (code) {
    case FAST_FAIL_STACK_COOKIE_CHECK_FAILURE:
        return "a stack cookie was overwritten: a local array was overrun";
    case FAST_FAIL_CORRUPT_LIST_ENTRY:
        return "a doubly linked list is damaged: an entry was removed twice, freed while linked, or overwritten";
    case FAST_FAIL_INVALID_ARG:
        return "a function that checks its arguments was given an invalid one";
    case FAST_FAIL_GS_COOKIE_INIT:
        return "the stack cookie was not initialised";
    case FAST_FAIL_FATAL_APP_EXIT:
        return "the driver ended itself (abort)";
    case FAST_FAIL_RANGE_CHECK_FAILURE:
        return "an array index is out of bounds";
    case FAST_FAIL_GUARD_ICALL_CHECK_FAILURE:
        return "control flow guard refused the target of an indirect call";
    case FAST_FAIL_INVALID_REFERENCE_COUNT:
        return "a reference count went below zero or overflowed";
    default:
        return "a check compiled into the driver failed";
    }
}

static PP_NORETURN void fast_fail(const struct os_regs *r)
{
    struct vf_case c = {.rule = VF_FAST_FAIL, .access = VF_NO_ACCESS, .fatal = true, .pc = r->rip};

    c.p[0] = (uint32_t)r->gpr[OS_RCX];
    c.detail = fast_fail_name((uint32_t)c.p[0]);
    ke_trap_report(r, &c);
    ke_contain();
}

static bool software_interrupt(struct os_regs *r, const struct insn *in)
{
    unsigned vector = (unsigned)in->op[0].imm.value.u & 0xFF;
    char what[32];

    switch (vector) {
    case 0x29:
        fast_fail(r);
    case 0x2C: /* Windows' assertion trap */
        ke_trap_raise(r, STATUS_ASSERTION_FAILURE, 0, 0, 0);
        return true;
    case 0x2D: /* debug service: without a debugger a breakpoint */
        ke_trap_raise(r, STATUS_BREAKPOINT, 1, r->gpr[OS_RAX], 0);
        return true;
    default:
        pp_fmt(what, sizeof what, "the instruction int %02xh", vector);
        ke_trap_not_modelled(r, what);
    }
}

/* ---- All of them ---- */

static PP_NORETURN void refuse(const struct os_regs *r, const struct insn *in)
{
    char what[48];

    pp_fmt(what, sizeof what, "the instruction %s", ZydisMnemonicGetString(in->i.mnemonic));
    ke_trap_not_modelled(r, what);
}

static bool privileged(struct os_regs *r, const struct os_trap *t, const struct insn *in)
{
    switch (in->i.mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
        return control_move(r, in);
    case ZYDIS_MNEMONIC_IN:
    case ZYDIS_MNEMONIC_OUT:
        port_move(r, in);
        return true;
    case ZYDIS_MNEMONIC_INSB:
    case ZYDIS_MNEMONIC_INSW:
    case ZYDIS_MNEMONIC_INSD:
    case ZYDIS_MNEMONIC_OUTSB:
    case ZYDIS_MNEMONIC_OUTSW:
    case ZYDIS_MNEMONIC_OUTSD: {
        bool is_in = in->i.mnemonic == ZYDIS_MNEMONIC_INSB || in->i.mnemonic == ZYDIS_MNEMONIC_INSW ||
                     in->i.mnemonic == ZYDIS_MNEMONIC_INSD;
        bool is_byte = in->i.mnemonic == ZYDIS_MNEMONIC_INSB || in->i.mnemonic == ZYDIS_MNEMONIC_OUTSB;
        bool is_word = in->i.mnemonic == ZYDIS_MNEMONIC_INSW || in->i.mnemonic == ZYDIS_MNEMONIC_OUTSW;

        port_string(r, t, in, is_byte ? 1 : is_word ? 2 : 4, is_in);
        return true;
    }
    case ZYDIS_MNEMONIC_RDMSR:
    case ZYDIS_MNEMONIC_WRMSR:
        msr_move(r, in);
        return true;
    case ZYDIS_MNEMONIC_INT:
        return software_interrupt(r, in);
    case ZYDIS_MNEMONIC_HLT:
    case ZYDIS_MNEMONIC_MWAIT:
        r->rip += in->i.length;
        ke_time_advance(HLT_STEP);
        return true;
    case ZYDIS_MNEMONIC_RDPMC:
        r->gpr[OS_RAX] = r->gpr[OS_RDX] = 0;
        r->rip += in->i.length;
        return true;
    case ZYDIS_MNEMONIC_CLI: /* nothing interrupts driver code between two imports anyway */
    case ZYDIS_MNEMONIC_STI:
    case ZYDIS_MNEMONIC_CLTS:
    case ZYDIS_MNEMONIC_INVLPG:
    case ZYDIS_MNEMONIC_INVPCID:
    case ZYDIS_MNEMONIC_INVD:
    case ZYDIS_MNEMONIC_WBINVD:
    case ZYDIS_MNEMONIC_MONITOR:
    case ZYDIS_MNEMONIC_STAC:
    case ZYDIS_MNEMONIC_CLAC:
        r->rip += in->i.length;
        return true;
    case ZYDIS_MNEMONIC_LGDT:
    case ZYDIS_MNEMONIC_LIDT:
    case ZYDIS_MNEMONIC_LLDT:
    case ZYDIS_MNEMONIC_LTR:
    case ZYDIS_MNEMONIC_LMSW:
    case ZYDIS_MNEMONIC_SGDT:
    case ZYDIS_MNEMONIC_SIDT:
    case ZYDIS_MNEMONIC_SLDT:
    case ZYDIS_MNEMONIC_STR:
    case ZYDIS_MNEMONIC_SMSW:
    case ZYDIS_MNEMONIC_SWAPGS:
    case ZYDIS_MNEMONIC_IRET:
    case ZYDIS_MNEMONIC_IRETD:
    case ZYDIS_MNEMONIC_IRETQ:
    case ZYDIS_MNEMONIC_SYSRET:
    case ZYDIS_MNEMONIC_SYSEXIT:
    case ZYDIS_MNEMONIC_XSETBV:
    case ZYDIS_MNEMONIC_XSAVES:
    case ZYDIS_MNEMONIC_XRSTORS:
    case ZYDIS_MNEMONIC_RSM:
    case ZYDIS_MNEMONIC_VMCALL:
    case ZYDIS_MNEMONIC_VMCLEAR:
    case ZYDIS_MNEMONIC_VMLAUNCH:
    case ZYDIS_MNEMONIC_VMRESUME:
    case ZYDIS_MNEMONIC_VMPTRLD:
    case ZYDIS_MNEMONIC_VMPTRST:
    case ZYDIS_MNEMONIC_VMREAD:
    case ZYDIS_MNEMONIC_VMWRITE:
    case ZYDIS_MNEMONIC_VMXOFF:
    case ZYDIS_MNEMONIC_VMXON:
    case ZYDIS_MNEMONIC_VMRUN:
    case ZYDIS_MNEMONIC_VMLOAD:
    case ZYDIS_MNEMONIC_VMSAVE:
    case ZYDIS_MNEMONIC_VMMCALL:
    case ZYDIS_MNEMONIC_INVEPT:
    case ZYDIS_MNEMONIC_INVVPID:
    case ZYDIS_MNEMONIC_STGI:
    case ZYDIS_MNEMONIC_CLGI:
        refuse(r, in);
    default:
        return false;
    }
}

bool ke_emulate(struct os_regs *r, const struct os_trap *t)
{
    struct insn in;

    switch (t->kind) {
    case OS_TRAP_PAGE:
        return in_shared(t->addr) && !t->is_write && !t->is_exec && shared_load(r);
    case OS_TRAP_PROTECTION:
    case OS_TRAP_ILLEGAL:
        return decode(r, &in) && privileged(r, t, &in);
    default:
        return false;
    }
}
