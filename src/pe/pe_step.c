/*
 * One instruction on abstract values.
 *
 * Nothing here must be exact: a wrong value costs a missed or a spurious finding, no more.
 *
 * Conventions used: a routine stored into the MajorFunction table of a DRIVER_OBJECT gets
 * (DEVICE_OBJECT, IRP); Irp + 0xB8 holds the current stack location; + 0x18 of that the control
 * code. Doc: WDK, wdm.h: DRIVER_OBJECT, IRP, IO_STACK_LOCATION.
 */
#include "pe/pe_eval.h"

#include <string.h>

enum {
    DRIVER_EXTENSION = 0x30,
    DRIVER_START_IO = 0x60,
    DRIVER_UNLOAD = 0x68,
    DRIVER_MAJOR = 0x70,
    MAJOR_COUNT = 28,
    EXTENSION_ADD_DEVICE = 0x08,
    IRP_STACK_LOCATION = 0xB8,
    STACK_LOCATION_CODE = 0x18,

    EQUALS_MAX = 1 << 18,

    REG_AX = 0,
    REG_CX = 1,
    REG_DX = 2,
    REG_DI = 7,
};

/* ---- Registers and memory ---- */

/* 0 to 15, or -1: not a general register, or one of ah, ch, dh, bh. */
static int reg_index(ZydisRegister reg)
{
    ZydisRegister full;

    if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH)
        return -1;
    full = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
    if (full < ZYDIS_REGISTER_RAX || full > ZYDIS_REGISTER_R15)
        return -1;
    return (int)(full - ZYDIS_REGISTER_RAX);
}

static struct pv fresh(const struct pe_at *at, unsigned salt)
{
    return pv_symbol(pv_hash(at->rva, salt), PC_T_NONE);
}

static struct pv narrow(struct pv v, unsigned bits)
{
    if (bits >= 64)
        return v;
    switch (v.kind) {
    case PV_CONST:
        v.num = (int64_t)((uint64_t)v.num & ((1ull << bits) - 1));
        return v;
    case PV_SYMBOL:
        if (bits == 32)
            v.num = (int32_t)v.num;
        return v;
    case PV_TABLE:
        return v;
    default:
        return pv_symbol(pv_hash(pv_hash(v.kind, (uint64_t)v.num), bits), PC_T_NONE);
    }
}

static struct pv reg_read(const struct pe_eval *e, const struct pe_at *at, ZydisRegister reg,
                          unsigned bits)
{
    int i = reg_index(reg);

    return i < 0 ? fresh(at, 64 + (unsigned)reg) : narrow(e->s.regs[i], bits);
}

static void reg_write(struct pe_eval *e, const struct pe_at *at, ZydisRegister reg, unsigned bits,
                      const struct pv *v)
{
    int i = reg_index(reg);

    if (i < 0) {
        ZydisRegister full = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

        if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH)
            e->s.regs[full - ZYDIS_REGISTER_RAX] = fresh(at, (unsigned)full);
        return;
    }
    if (bits < 32 && v->kind == PV_CONST && e->s.regs[i].kind == PV_CONST) {
        uint64_t mask = (1ull << bits) - 1;

        e->s.regs[i].num =
            (int64_t)(((uint64_t)e->s.regs[i].num & ~mask) | ((uint64_t)v->num & mask));
        return;
    }
    if (bits < 32 && v->kind != PV_SYMBOL)
        e->s.regs[i] = fresh(at, (unsigned)i);
    else
        e->s.regs[i] = narrow(*v, bits);
}

/* base + scale * index, where one is an address in the image and the other a number. */
struct indexed {
    bool is_indexed;
    struct pv address, index; /* address holds base + displacement */
    uint8_t scale;
};

static bool is_index(const struct pv *v)
{
    return v->kind == PV_SYMBOL || (v->kind == PV_TABLE && v->table.depth == 1);
}

static struct indexed address_of(const struct pe_eval *e, const struct pe_at *at,
                                 const ZydisDecodedOperandMem *mem)
{
    struct indexed r = {.scale = mem->scale};
    int64_t disp = mem->disp.has_displacement ? mem->disp.value : 0;
    struct pv base = pv_const(0), index = pv_const(0);

    if (mem->base == ZYDIS_REGISTER_RIP)
        base = pv_at(PV_IMAGE, at->next);
    else if (mem->base != ZYDIS_REGISTER_NONE)
        base = reg_read(e, at, mem->base, at->insn.address_width);
    if (mem->index != ZYDIS_REGISTER_NONE)
        index = reg_read(e, at, mem->index, at->insn.address_width);
    if (mem->scale == 1 && index.kind == PV_IMAGE && is_index(&base)) {
        struct pv swap = base;

        base = index;
        index = swap;
    }
    r.address = pv_offset(&base, disp);
    if (mem->index == ZYDIS_REGISTER_NONE)
        return r;
    if (index.kind == PV_CONST) {
        r.address = pv_offset(&r.address, (int64_t)((uint64_t)index.num * mem->scale));
        return r;
    }
    r.is_indexed = true;
    r.index = index;
    return r;
}

/* The type of what lies `num` behind a pointer of type `type`. */
static uint8_t type_of_load(uint8_t type, int64_t num, unsigned bits)
{
    if (bits == 64 && num == IRP_STACK_LOCATION)
        return type == PC_T_IRP ? PC_T_STACK_LOCATION : PC_T_STACK_LOCATION_LIKE;
    if (bits == 64 && num == DRIVER_EXTENSION && type == PC_T_DRIVER)
        return PC_T_DRIVER_EXT;
    if (bits == 32 && num == STACK_LOCATION_CODE && type == PC_T_STACK_LOCATION)
        return PC_T_CONTROL_CODE;
    if (bits == 32 && num == STACK_LOCATION_CODE && type == PC_T_STACK_LOCATION_LIKE)
        return PC_T_CONTROL_CODE_LIKE;
    return PC_T_NONE;
}

/* Load from a table in the image, or from an entry of one. */
static struct pv load_indexed(const struct pe_at *at, const struct indexed *a, unsigned bits,
                              bool is_signed)
{
    struct pv v = a->index;
    unsigned d;

    if (a->address.kind != PV_IMAGE || !is_index(&a->index) || a->address.num < 0 ||
        a->address.num >= PE_IMAGE_MAX)
        return fresh(at, bits);
    if (v.kind == PV_SYMBOL)
        memset(&v.table, 0, sizeof v.table);
    d = v.table.depth++;
    v.kind = PV_TABLE;
    v.table.at[d] = (uint32_t)a->address.num;
    v.table.scale[d] = a->scale;
    v.table.width[d] = (uint8_t)(bits / 8);
    v.table.is_signed = is_signed;
    return v;
}

static struct pv load(struct pe_eval *e, const struct pe_at *at, const ZydisDecodedOperand *op,
                      bool is_signed)
{
    struct indexed a = address_of(e, at, &op->mem);
    const struct pv *p = &a.address;

    if (op->mem.segment == ZYDIS_REGISTER_GS || op->mem.segment == ZYDIS_REGISTER_FS)
        return fresh(at, 1);
    if (a.is_indexed)
        return load_indexed(at, &a, op->size, is_signed);
    switch (p->kind) {
    case PV_STACK:
        return narrow(pv_slot_get(&e->s, p->num), op->size);
    case PV_IMAGE:
        if (op->size == 64 && p->num > 0 && p->num < PE_IMAGE_MAX &&
            pe_import_at(e->w->img, (uint32_t)p->num))
            return pv_at(PV_IMPORT, p->num);
        if (op->size == 32 && p->num > 0 && p->num < PE_IMAGE_MAX)
            pc_tag_guess(e->w, pe_u32(e->w->img, (uint32_t)p->num), at->rva);
        break;
    case PV_CONST:
        pc_const_add(e->w, (uint64_t)p->num, at->rva, false);
        break;
    case PV_SYMBOL:
        return pv_symbol(pv_hash(pv_hash(p->symbol, (uint64_t)p->num), op->size + p->rotate),
                         p->rotate ? (uint8_t)PC_T_NONE : type_of_load(p->type, p->num, op->size));
    default:
        return fresh(at, 2);
    }
    return pv_symbol(pv_hash(pv_hash(p->kind, (uint64_t)p->num), op->size), PC_T_NONE);
}

struct pv pe_step_read(struct pe_eval *e, const struct pe_at *at, const ZydisDecodedOperand *op)
{
    switch (op->type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
        return reg_read(e, at, op->reg.value, op->size);
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
        return narrow(pv_const(op->imm.value.u), at->insn.operand_width);
    case ZYDIS_OPERAND_TYPE_MEMORY:
        return load(e, at, op, false);
    default:
        return fresh(at, 3);
    }
}

/* ---- What a driver stores into its driver object ---- */

static void dispatch_note(struct pe_eval *e, unsigned major, uint32_t routine)
{
    static const uint8_t args[PC_ARGS] = {PC_T_DEVICE, PC_T_IRP};

    e->w->dispatch.major[major] = routine;
    pc_flow_add(e->w, routine, true);
    pc_flow_run(e->w);
    pc_function_call(e->w, routine, args);
}

static void guess(struct pe_eval *e, const struct pv *v)
{
    uint32_t rva = (uint32_t)v->num;
    const uint8_t *m = pc_mark_at(e->w, rva);

    if (m && !(*m & PC_ROOT) && e->w->guesses.count < e->w->mark_count)
        pc_push(e->w, &e->w->guesses, &rva, sizeof rva);
}

static bool is_code(struct pe_eval *e, const struct pv *v)
{
    return v->kind == PV_IMAGE && v->num > 0 && v->num < PE_IMAGE_MAX &&
           pc_mark_at(e->w, (uint32_t)v->num);
}

static void store_typed(struct pe_eval *e, const struct indexed *a, const struct pv *v)
{
    uint32_t routine = (uint32_t)v->num;
    int64_t num = a->address.num;

    if (a->address.type == PC_T_DRIVER_EXT && num == EXTENSION_ADD_DEVICE && !a->is_indexed)
        e->w->dispatch.add_device = routine;
    if (a->address.type != PC_T_DRIVER)
        return;
    if (a->is_indexed) {
        for (unsigned i = 0; a->scale == 8 && num == DRIVER_MAJOR && i < MAJOR_COUNT; i++)
            dispatch_note(e, i, routine); /* a loop over the whole table */
    } else if (num == DRIVER_UNLOAD) {
        e->w->dispatch.unload = routine;
    } else if (num == DRIVER_START_IO) {
        static const uint8_t args[PC_ARGS] = {PC_T_DEVICE, PC_T_IRP};

        e->w->dispatch.start_io = routine;
        pc_function_call(e->w, routine, args);
    } else if (num >= DRIVER_MAJOR && num < DRIVER_MAJOR + 8 * MAJOR_COUNT && num % 8 == 0) {
        dispatch_note(e, (unsigned)(num - DRIVER_MAJOR) / 8, routine);
    }
}

static void store(struct pe_eval *e, const struct pe_at *at, const ZydisDecodedOperand *op,
                  const struct pv *v)
{
    struct indexed a = address_of(e, at, &op->mem);

    if (op->mem.segment == ZYDIS_REGISTER_GS || op->mem.segment == ZYDIS_REGISTER_FS)
        return;
    if (a.address.kind == PV_STACK && !a.is_indexed) {
        pv_slots_forget(&e->s, a.address.num + 1, a.address.num + op->size / 8);
        pv_slot_set(&e->s, a.address.num, v);
    } else if (a.address.kind == PV_SYMBOL && op->size == 64 && is_code(e, v)) {
        store_typed(e, &a, v);
    }
}

static void write_operand(struct pe_eval *e, const struct pe_at *at, const ZydisDecodedOperand *op,
                          const struct pv *v)
{
    if (op->type == ZYDIS_OPERAND_TYPE_REGISTER)
        reg_write(e, at, op->reg.value, op->size, v);
    else if (op->type == ZYDIS_OPERAND_TYPE_MEMORY)
        store(e, at, op, v);
}

/* ---- Comparisons ---- */

static uint32_t rotate_left(uint32_t v, unsigned by)
{
    return v << (by & 31) | v >> (-by & 31);
}

void pe_equal_note(struct pe_eval *e, uint32_t rva, const struct pv *v, uint64_t k)
{
    struct pc_equal eq = {.symbol = v->symbol, .rva = rva, .type = v->type};

    if (v->kind != PV_SYMBOL || (k >> 32 && (int64_t)k != (int32_t)k))
        return;
    eq.value = rotate_left((uint32_t)k, v->rotate) - (uint32_t)v->num;
    if (e->w->equals.count < EQUALS_MAX)
        pc_push(e->w, &e->w->equals, &eq, sizeof eq);
}

/* The flags say whether the value equals the constant, and the code asks. */
void pe_equal_asked(struct pe_eval *e)
{
    const struct pv_flags *f = &e->s.flags;

    if (f->kind == PV_FLAGS_COMPARE && f->width >= 32)
        pe_equal_note(e, f->rva, &f->lhs, f->rhs);
}

void pe_bits_asked(struct pe_eval *e)
{
    const struct pv_flags *f = &e->s.flags;

    for (uint64_t bit = 0; f->kind == PV_FLAGS_BIT_TEST && bit < 64; bit++)
        if (f->rhs >> bit & 1)
            pe_equal_note(e, f->rva, &f->lhs, bit);
}

static void flags_forget(struct pe_eval *e)
{
    memset(&e->s.flags, 0, sizeof e->s.flags);
}

static void compare(struct pe_eval *e, const struct pe_at *at, const struct pv *a,
                    const struct pv *b, unsigned width)
{
    struct pv_flags *f = &e->s.flags;

    flags_forget(e);
    if (a->kind == PV_CONST)
        pc_const_add(e->w, (uint64_t)a->num, at->rva, true);
    if (b->kind == PV_CONST)
        pc_const_add(e->w, (uint64_t)b->num, at->rva, true);
    if ((a->kind == PV_CONST) == (b->kind == PV_CONST))
        return;
    f->kind = PV_FLAGS_COMPARE;
    f->is_swapped = a->kind == PV_CONST;
    f->lhs = f->is_swapped ? *b : *a;
    f->rhs = (uint64_t)(f->is_swapped ? a->num : b->num);
    f->width = (uint16_t)width;
    f->rva = at->rva;
}

/* ---- Plain instructions ---- */

static struct pv sum(struct pe_eval *e, const struct pe_at *at, const struct pv *a,
                     const struct pv *b)
{
    struct pv v;

    (void)e;
    if (b->kind == PV_CONST)
        return a->kind == PV_IMPORT || a->kind >= PV_TABLE ? fresh(at, 4) : pv_offset(a, b->num);
    if (a->kind == PV_CONST)
        return b->kind == PV_IMPORT || b->kind >= PV_TABLE ? fresh(at, 4) : pv_offset(b, a->num);
    if ((a->kind == PV_IMAGE && b->kind == PV_TABLE) ||
        (b->kind == PV_IMAGE && a->kind == PV_TABLE)) {
        const struct pv *base = a->kind == PV_IMAGE ? a : b;

        v = a->kind == PV_IMAGE ? *b : *a;
        if (base->num >= 0 && base->num < PE_IMAGE_MAX) {
            v.kind = PV_TARGET;
            v.table.base = (uint32_t)base->num;
            return v;
        }
    }
    return fresh(at, 4);
}

static void step_lea(struct pe_eval *e, const struct pe_at *at)
{
    struct indexed a = address_of(e, at, &at->ops[1].mem);
    struct pv v = a.address;

    if (a.is_indexed) {
        v = a.scale == 1 ? sum(e, at, &a.address, &a.index) : fresh(at, 5);
        if (a.address.kind == PV_CONST && a.scale == 1)
            v = pv_offset(&a.index, a.address.num);
    } else if (v.kind == PV_STACK && (int32_t)v.num == v.num) {
        pv_escape(&e->s, v.num);
    } else if (is_code(e, &v)) {
        guess(e, &v);
    }
    reg_write(e, at, at->ops[0].reg.value, at->ops[0].size, &v);
}

static void step_mov(struct pe_eval *e, const struct pe_at *at)
{
    struct pv v = pe_step_read(e, at, &at->ops[1]);
    uint64_t base = pe_image_info(e->w->img)->preferred_base;
    bool is_imm64 = at->ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && at->ops[1].size == 64;

    if (is_imm64 && (uint64_t)v.num - base < pe_image_info(e->w->img)->image_size)
        v = pv_at(PV_IMAGE, (int64_t)((uint64_t)v.num - base));
    else if (is_imm64)
        pc_const_add(e->w, (uint64_t)v.num, at->rva, false);
    else if (at->ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
        pc_tag_guess(e->w, (uint64_t)v.num, at->rva);
    if (is_code(e, &v))
        guess(e, &v);
    write_operand(e, at, &at->ops[0], &v);
}

static void step_extend(struct pe_eval *e, const struct pe_at *at, bool is_signed)
{
    const ZydisDecodedOperand *src = &at->ops[1];
    struct pv v = src->type == ZYDIS_OPERAND_TYPE_MEMORY
                      ? load(e, at, src, is_signed)
                      : reg_read(e, at, src->reg.value, src->size);

    if (v.kind == PV_CONST && is_signed && src->size < 64) {
        unsigned shift = 64 - src->size;

        v.num = (int64_t)((uint64_t)v.num << shift) >> shift;
    }
    write_operand(e, at, &at->ops[0], &v);
}

static void step_add(struct pe_eval *e, const struct pe_at *at, bool is_sub)
{
    struct pv a = pe_step_read(e, at, &at->ops[0]), b = pe_step_read(e, at, &at->ops[1]), v;
    bool same = at->ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
                at->ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
                at->ops[0].reg.value == at->ops[1].reg.value;
    struct pv negative = b;

    if (b.kind == PV_CONST)
        negative.num = (int64_t)(0 - (uint64_t)b.num);
    if (is_sub && same)
        v = pv_const(0);
    else if (is_sub)
        v = b.kind == PV_CONST ? sum(e, at, &a, &negative) : fresh(at, 6);
    else
        v = sum(e, at, &a, &b);
    write_operand(e, at, &at->ops[0], &v);
    if (is_sub)
        compare(e, at, &a, &b, at->ops[0].size);
    else if (b.kind == PV_CONST)
        compare(e, at, &a, &negative, at->ops[0].size);
    else
        flags_forget(e);
    /* add eax, -K: carry means the opposite of what it means after sub eax, K. */
    if (!is_sub && e->s.flags.kind == PV_FLAGS_COMPARE)
        e->s.flags.is_swapped = true;
}

static void step_count(struct pe_eval *e, const struct pe_at *at, int64_t by)
{
    struct pv a = pe_step_read(e, at, &at->ops[0]), k = pv_const((uint64_t)by);
    struct pv v = sum(e, at, &a, &k);

    write_operand(e, at, &at->ops[0], &v);
    k = pv_const((uint64_t)-by);
    compare(e, at, &a, &k, at->ops[0].size);
    e->s.flags.is_swapped = true; /* inc and dec leave the carry alone */
}

static void step_logic(struct pe_eval *e, const struct pe_at *at)
{
    struct pv a = pe_step_read(e, at, &at->ops[0]), b = pe_step_read(e, at, &at->ops[1]);
    struct pv v = fresh(at, 7), zero = pv_const(0);
    bool same = at->ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
                at->ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
                at->ops[0].reg.value == at->ops[1].reg.value;
    bool is_xor = at->insn.mnemonic == ZYDIS_MNEMONIC_XOR;
    bool is_and = at->insn.mnemonic == ZYDIS_MNEMONIC_AND;

    if (is_xor && same)
        v = zero;
    else if (a.kind == PV_CONST && b.kind == PV_CONST)
        v = pv_const(is_xor   ? (uint64_t)a.num ^ (uint64_t)b.num
                     : is_and ? (uint64_t)a.num & (uint64_t)b.num
                              : (uint64_t)a.num | (uint64_t)b.num);
    else if (is_and && a.kind == PV_STACK && b.kind == PV_CONST)
        v = a; /* rsp aligned: near enough */
    else if (is_and && b.kind == PV_CONST && b.num > 0 && b.num < 256)
        pv_bound_add(&e->s, &v, (uint32_t)b.num, 0);
    write_operand(e, at, &at->ops[0], &v);
    flags_forget(e);
    if (is_xor && !same && b.kind == PV_CONST)
        compare(e, at, &a, &b, at->ops[0].size); /* zero when equal */
    else if (v.kind == PV_SYMBOL)
        compare(e, at, &v, &zero, at->ops[0].size);
}

/* Multiplying and shifting constants: unoptimized code computes `8 * 14` for MajorFunction[14]. */
static void step_scale(struct pe_eval *e, const struct pe_at *at)
{
    bool is_shift = at->insn.mnemonic == ZYDIS_MNEMONIC_SHL;
    unsigned count = at->insn.operand_count_visible;
    struct pv a, b, v = fresh(at, 9);

    flags_forget(e);
    if (count < 2) { /* imul with rdx:rax as result */
        e->s.regs[REG_AX] = v;
        e->s.regs[REG_DX] = fresh(at, 10);
        return;
    }
    a = pe_step_read(e, at, &at->ops[count - 2]);
    b = pe_step_read(e, at, &at->ops[count - 1]);
    if (a.kind == PV_CONST && b.kind == PV_CONST)
        v = pv_const(is_shift ? (uint64_t)a.num << (b.num & 63)
                              : (uint64_t)a.num * (uint64_t)b.num);
    write_operand(e, at, &at->ops[0], &v);
}

/* Compilers rotate a switched number right, so that codes four apart become neighbours. */
static void step_rotate(struct pe_eval *e, const struct pe_at *at)
{
    struct pv v = pe_step_read(e, at, &at->ops[0]), by = pe_step_read(e, at, &at->ops[1]);
    bool is_left = at->insn.mnemonic == ZYDIS_MNEMONIC_ROL;

    if (v.kind == PV_SYMBOL && !v.rotate && by.kind == PV_CONST && at->ops[0].size == 32)
        v.rotate = (uint8_t)((is_left ? 0 - (uint64_t)by.num : (uint64_t)by.num) & 31);
    else
        v = fresh(at, 11);
    write_operand(e, at, &at->ops[0], &v);
    flags_forget(e);
}

static void step_test(struct pe_eval *e, const struct pe_at *at)
{
    struct pv a = pe_step_read(e, at, &at->ops[0]), zero = pv_const(0);

    if (at->ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
        at->ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
        at->ops[0].reg.value == at->ops[1].reg.value)
        compare(e, at, &a, &zero, at->ops[0].size);
    else
        flags_forget(e);
}

static void step_bit_test(struct pe_eval *e, const struct pe_at *at)
{
    struct pv mask = pe_step_read(e, at, &at->ops[0]), bit = pe_step_read(e, at, &at->ops[1]);

    flags_forget(e);
    if (mask.kind != PV_CONST || bit.kind != PV_SYMBOL)
        return;
    e->s.flags.kind = PV_FLAGS_BIT_TEST;
    e->s.flags.lhs = bit;
    e->s.flags.rhs = (uint64_t)mask.num;
    e->s.flags.rva = at->rva;
}

static void step_push_pop(struct pe_eval *e, const struct pe_at *at, bool is_push)
{
    struct pv *rsp = &e->s.regs[PV_RSP], v;
    int64_t size = at->insn.operand_width / 8;

    if (is_push) {
        v = pe_step_read(e, at, &at->ops[0]);
        *rsp = pv_offset(rsp, -size);
        if (rsp->kind == PV_STACK)
            pv_slot_set(&e->s, rsp->num, &v);
        return;
    }
    v = rsp->kind == PV_STACK ? pv_slot_get(&e->s, rsp->num) : fresh(at, 8);
    *rsp = pv_offset(rsp, size);
    write_operand(e, at, &at->ops[0], &v);
}

/* rep stosq over MajorFunction: one routine for everything. */
static void step_stos(struct pe_eval *e, const struct pe_at *at)
{
    const struct pv *di = &e->s.regs[REG_DI], *ax = &e->s.regs[REG_AX], *cx = &e->s.regs[REG_CX];

    if (at->insn.attributes & ZYDIS_ATTRIB_HAS_REP && at->insn.mnemonic == ZYDIS_MNEMONIC_STOSQ &&
        di->kind == PV_SYMBOL && di->type == PC_T_DRIVER && di->num == DRIVER_MAJOR &&
        cx->kind == PV_CONST && is_code(e, ax))
        for (unsigned i = 0; i < MAJOR_COUNT && i < (uint64_t)cx->num; i++)
            dispatch_note(e, i, (uint32_t)ax->num);
    if (di->kind == PV_STACK && cx->kind == PV_CONST && cx->num >= 0 && cx->num < 0x10000)
        pv_slots_forget(&e->s, di->num, di->num + 8 * cx->num);
}

/* What an instruction that is not modelled changes. */
static void step_other(struct pe_eval *e, const struct pe_at *at)
{
    const ZydisAccessedFlags *flags = at->insn.cpu_flags;

    if (at->insn.mnemonic == ZYDIS_MNEMONIC_STOSQ || at->insn.mnemonic == ZYDIS_MNEMONIC_STOSD)
        step_stos(e, at);
    for (unsigned i = 0; i < at->insn.operand_count; i++) {
        struct pv v = fresh(at, 16 + i);

        if (at->ops[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
            at->ops[i].size >= 8) /* the operands of stos are memory: nothing known there */
            write_operand(e, at, &at->ops[i], &v);
    }
    if (flags && (flags->modified | flags->set_0 | flags->set_1 | flags->undefined) &
                     (ZYDIS_CPUFLAG_ZF | ZYDIS_CPUFLAG_CF))
        flags_forget(e);
}

static bool asks_equality(ZydisMnemonic m)
{
    return m == ZYDIS_MNEMONIC_JZ || m == ZYDIS_MNEMONIC_JNZ || m == ZYDIS_MNEMONIC_SETZ ||
           m == ZYDIS_MNEMONIC_SETNZ || m == ZYDIS_MNEMONIC_CMOVZ || m == ZYDIS_MNEMONIC_CMOVNZ;
}

static bool asks_carry(ZydisMnemonic m)
{
    return m == ZYDIS_MNEMONIC_JB || m == ZYDIS_MNEMONIC_JNB || m == ZYDIS_MNEMONIC_SETB ||
           m == ZYDIS_MNEMONIC_SETNB || m == ZYDIS_MNEMONIC_CMOVB || m == ZYDIS_MNEMONIC_CMOVNB;
}

static void step_compare(struct pe_eval *e, const struct pe_at *at)
{
    struct pv a = pe_step_read(e, at, &at->ops[0]), b = pe_step_read(e, at, &at->ops[1]);

    compare(e, at, &a, &b, at->ops[0].size);
}

void pe_step(struct pe_eval *e, const struct pe_at *at)
{
    switch (at->insn.mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
        step_mov(e, at);
        return;
    case ZYDIS_MNEMONIC_MOVZX:
        step_extend(e, at, false);
        return;
    case ZYDIS_MNEMONIC_MOVSX:
    case ZYDIS_MNEMONIC_MOVSXD:
        step_extend(e, at, true);
        return;
    case ZYDIS_MNEMONIC_LEA:
        step_lea(e, at);
        return;
    case ZYDIS_MNEMONIC_ADD:
        step_add(e, at, false);
        return;
    case ZYDIS_MNEMONIC_SUB:
        step_add(e, at, true);
        return;
    case ZYDIS_MNEMONIC_INC:
        step_count(e, at, 1);
        return;
    case ZYDIS_MNEMONIC_DEC:
        step_count(e, at, -1);
        return;
    case ZYDIS_MNEMONIC_AND:
    case ZYDIS_MNEMONIC_OR:
    case ZYDIS_MNEMONIC_XOR:
        step_logic(e, at);
        return;
    case ZYDIS_MNEMONIC_CMP:
        step_compare(e, at);
        return;
    case ZYDIS_MNEMONIC_IMUL:
    case ZYDIS_MNEMONIC_SHL:
        step_scale(e, at);
        return;
    case ZYDIS_MNEMONIC_ROL:
    case ZYDIS_MNEMONIC_ROR:
        step_rotate(e, at);
        return;
    case ZYDIS_MNEMONIC_TEST:
        step_test(e, at);
        return;
    case ZYDIS_MNEMONIC_BT:
        step_bit_test(e, at);
        return;
    case ZYDIS_MNEMONIC_PUSH:
    case ZYDIS_MNEMONIC_POP:
        step_push_pop(e, at, at->insn.mnemonic == ZYDIS_MNEMONIC_PUSH);
        return;
    case ZYDIS_MNEMONIC_CDQE: /* eax into rax: the same number */
        return;
    default:
        if (asks_equality(at->insn.mnemonic))
            pe_equal_asked(e);
        if (asks_carry(at->insn.mnemonic))
            pe_bits_asked(e);
        step_other(e, at);
    }
}
