/*
 * Control flow: recursive descent over direct branches, each instruction decoded once.
 *
 * The point of recursive descent is that its answer is used to patch code: a breakpoint written
 * over data would make a healthy driver misbehave. So nothing is decoded because it lies next to
 * code; it must be reached. Where two ways of reading the same bytes collide, both are marked
 * unsafe and left out. Functions without .pdata whose address is only taken are guesses: they must
 * look whole.
 */
#include "pe/pe_code_priv.h"

#include <string.h>

enum {
    UNWIND_HANDLER_FLAGS = 3, /* UNW_FLAG_EHANDLER | UNW_FLAG_UHANDLER */
    UNWIND_CHAINED = 4,
};

static const struct pc_region *region_at(struct pc_walk *w, uint32_t rva)
{
    const struct pc_region *r;

    if (w->last_region < w->region_count) {
        r = &w->regions[w->last_region];
        if (rva >= r->rva && rva - r->rva < r->size)
            return r;
    }
    for (size_t i = 0; i < w->region_count; i++) { /* at most 96, and seldom more than four */
        r = &w->regions[i];
        if (rva >= r->rva && rva - r->rva < r->size) {
            w->last_region = i;
            return r;
        }
    }
    return NULL;
}

uint8_t *pc_mark_at(struct pc_walk *w, uint32_t rva)
{
    const struct pc_region *r = region_at(w, rva);

    return r ? &w->marks[r->index + (rva - r->rva)] : NULL;
}

bool pc_decode(struct pc_walk *w, uint32_t rva, ZydisDecodedInstruction *insn,
               ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT])
{
    const struct pc_region *r = region_at(w, rva);
    ZydisDecoderContext ctx;

    if (!r)
        return false;
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&w->decoder, &ctx, r->bytes + (rva - r->rva),
                                                    r->size - (rva - r->rva), insn)))
        return false;
    return ZYAN_SUCCESS(
        ZydisDecoderDecodeOperands(&w->decoder, &ctx, insn, ops, insn->operand_count));
}

uint32_t pc_branch_target(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *ops,
                          uint32_t rva)
{
    int64_t target;

    if (!insn->operand_count || ops[0].type != ZYDIS_OPERAND_TYPE_IMMEDIATE ||
        !ops[0].imm.is_relative)
        return UINT32_MAX;
    target = (int64_t)rva + insn->length + ops[0].imm.value.s;
    return target >= 0 && target < UINT32_MAX ? (uint32_t)target : UINT32_MAX;
}

const struct pe_import *pc_import_of(struct pc_walk *w, const ZydisDecodedInstruction *insn,
                                     const ZydisDecodedOperand *ops, uint32_t rva)
{
    int64_t slot;

    if (!insn->operand_count || ops[0].type != ZYDIS_OPERAND_TYPE_MEMORY ||
        ops[0].mem.base != ZYDIS_REGISTER_RIP)
        return NULL;
    slot = (int64_t)rva + insn->length + ops[0].mem.disp.value;
    return slot > 0 && slot < UINT32_MAX ? pe_import_at(w->img, (uint32_t)slot) : NULL;
}

const struct pe_import *pc_thunk_import(struct pc_walk *w, uint32_t rva)
{
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];

    if (!pc_decode(w, rva, &insn, ops) || insn.mnemonic != ZYDIS_MNEMONIC_JMP)
        return NULL;
    return pc_import_of(w, &insn, ops, rva);
}

bool pc_import_returns(const struct pe_import *imp)
{
    static const char *const never[] = {"KeBugCheck", "KeBugCheckEx", "ExRaiseStatus",
                                        "ExRaiseAccessViolation", "ExRaiseDatatypeMisalignment"};

    for (size_t i = 0; imp->name && i < PP_COUNT(never); i++)
        if (strcmp(imp->name, never[i]) == 0)
            return false;
    return true;
}

void pc_flow_add(struct pc_walk *w, uint32_t rva, bool is_function)
{
    uint8_t *m = pc_mark_at(w, rva);

    if (!m)
        return;
    *m |= PC_LEADER;
    if (is_function && !(*m & PC_ROOT)) {
        *m |= PC_ROOT;
        pc_function_call(w, rva, NULL);
    }
    if (!(*m & PC_START))
        pc_push(w, &w->todo, &rva, sizeof rva);
}

/* Two readings of the bytes at `rva` collide: distrust the instruction that covers it. */
static void mark_unsafe(struct pc_walk *w, uint32_t rva)
{
    for (int i = 0; i < 15; i++, rva--) {
        uint8_t *m = pc_mark_at(w, rva);

        if (!m)
            return;
        *m |= PC_UNSAFE;
        if (!(*m & PC_TAIL))
            return;
    }
}

void pc_flow_data(struct pc_walk *w, uint32_t rva, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        uint8_t *m = pc_mark_at(w, rva + i);

        if (!m)
            continue; /* tables usually lie in read-only data */
        if (*m & (PC_START | PC_TAIL))
            mark_unsafe(w, rva + i);
        *m |= PC_DATA;
    }
}

/* enum pe_insn_kind of control and debug register moves, or -1. */
static int kind_of_move(const ZydisDecodedOperand *ops, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        ZydisRegister reg = ops[i].reg.value;

        if (ops[i].type != ZYDIS_OPERAND_TYPE_REGISTER)
            continue;
        if (reg == ZYDIS_REGISTER_CR8)
            return i == 0 ? PE_INSN_CR8_WRITE : PE_INSN_CR8_READ;
        if (reg >= ZYDIS_REGISTER_CR0 && reg <= ZYDIS_REGISTER_CR15)
            return PE_INSN_CR;
        if (reg >= ZYDIS_REGISTER_DR0 && reg <= ZYDIS_REGISTER_DR15)
            return PE_INSN_DR;
    }
    return -1;
}

static int kind_of_interrupt(uint64_t number)
{
    switch (number) {
    case 3:
        return PE_INSN_BREAK;
    case 0x29:
        return PE_INSN_FAST_FAIL;
    case 0x2C:
        return PE_INSN_ASSERT;
    default:
        return PE_INSN_INT;
    }
}

/* enum pe_insn_kind, or -1 for an instruction that is the same in user mode. */
static int kind_of(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *ops)
{
    switch (insn->mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
        if (insn->opcode_map == ZYDIS_OPCODE_MAP_0F)
            return kind_of_move(ops, insn->operand_count_visible);
        break;
    case ZYDIS_MNEMONIC_CLTS:
    case ZYDIS_MNEMONIC_LMSW:
    case ZYDIS_MNEMONIC_SMSW:
    case ZYDIS_MNEMONIC_XSETBV:
        return PE_INSN_CR;
    case ZYDIS_MNEMONIC_IN:
    case ZYDIS_MNEMONIC_INSB:
    case ZYDIS_MNEMONIC_INSW:
    case ZYDIS_MNEMONIC_INSD:
        return PE_INSN_IN;
    case ZYDIS_MNEMONIC_OUT:
    case ZYDIS_MNEMONIC_OUTSB:
    case ZYDIS_MNEMONIC_OUTSW:
    case ZYDIS_MNEMONIC_OUTSD:
        return PE_INSN_OUT;
    case ZYDIS_MNEMONIC_RDMSR:
        return PE_INSN_RDMSR;
    case ZYDIS_MNEMONIC_WRMSR:
        return PE_INSN_WRMSR;
    case ZYDIS_MNEMONIC_RDPMC:
        return PE_INSN_RDPMC;
    case ZYDIS_MNEMONIC_CLI:
    case ZYDIS_MNEMONIC_STI:
        return PE_INSN_CLI_STI;
    case ZYDIS_MNEMONIC_HLT:
        return PE_INSN_HLT;
    case ZYDIS_MNEMONIC_INT3:
        return PE_INSN_BREAK;
    case ZYDIS_MNEMONIC_INT1:
        return PE_INSN_INT;
    case ZYDIS_MNEMONIC_INT:
        return kind_of_interrupt(ops[0].imm.value.u);
    case ZYDIS_MNEMONIC_SYSCALL:
    case ZYDIS_MNEMONIC_SYSENTER:
        return PE_INSN_SYSCALL;
    case ZYDIS_MNEMONIC_IRETD:
    case ZYDIS_MNEMONIC_IRETQ:
    case ZYDIS_MNEMONIC_IRET:
    case ZYDIS_MNEMONIC_SYSRET:
    case ZYDIS_MNEMONIC_SYSEXIT:
    case ZYDIS_MNEMONIC_SWAPGS:
        return PE_INSN_RETURN;
    case ZYDIS_MNEMONIC_LGDT:
    case ZYDIS_MNEMONIC_SGDT:
    case ZYDIS_MNEMONIC_LIDT:
    case ZYDIS_MNEMONIC_SIDT:
    case ZYDIS_MNEMONIC_LLDT:
    case ZYDIS_MNEMONIC_SLDT:
    case ZYDIS_MNEMONIC_LTR:
    case ZYDIS_MNEMONIC_STR:
        return PE_INSN_TABLES;
    case ZYDIS_MNEMONIC_WBINVD:
    case ZYDIS_MNEMONIC_INVD:
    case ZYDIS_MNEMONIC_INVLPG:
        return PE_INSN_CACHE;
    case ZYDIS_MNEMONIC_STAC:
    case ZYDIS_MNEMONIC_CLAC:
        return PE_INSN_SMAP;
    case ZYDIS_MNEMONIC_PUSHF:
    case ZYDIS_MNEMONIC_PUSHFQ:
    case ZYDIS_MNEMONIC_POPF:
    case ZYDIS_MNEMONIC_POPFQ:
        return PE_INSN_FLAGS;
    case ZYDIS_MNEMONIC_RDTSC:
    case ZYDIS_MNEMONIC_RDTSCP:
        return PE_INSN_TSC;
    case ZYDIS_MNEMONIC_CPUID:
        return PE_INSN_CPUID;
    default:
        if (insn->meta.category == ZYDIS_CATEGORY_VTX || insn->meta.isa_ext == ZYDIS_ISA_EXT_SVM)
            return PE_INSN_VMX;
        break;
    }
    return insn->attributes & ZYDIS_ATTRIB_HAS_SEGMENT_GS ? PE_INSN_GS : -1;
}

/* What follows an instruction. */
enum next {
    NEXT_GOES_ON,
    NEXT_STOPS,
};

/* int 3 in the flow of control is a breakpoint of the driver's; after a call, or before more of
 * them, it is padding behind something that does not return. */
static enum next next_of_break(struct pc_walk *w, uint32_t next, bool after_call)
{
    const struct pc_region *r = region_at(w, next);

    return after_call || !r || r->bytes[next - r->rva] == 0xCC ? NEXT_STOPS : NEXT_GOES_ON;
}

static enum next next_of(struct pc_walk *w, uint32_t rva, const ZydisDecodedInstruction *insn,
                         const ZydisDecodedOperand *ops, bool after_call)
{
    uint32_t target = pc_branch_target(insn, ops, rva), next = rva + insn->length;
    const struct pe_import *imp;

    switch (insn->meta.category) {
    case ZYDIS_CATEGORY_COND_BR:
        if (target == UINT32_MAX)
            break;
        pc_flow_add(w, target, false);
        pc_flow_add(w, next, false);
        return NEXT_STOPS;
    case ZYDIS_CATEGORY_UNCOND_BR:
        if (target != UINT32_MAX)
            pc_flow_add(w, target, false);
        return NEXT_STOPS;
    case ZYDIS_CATEGORY_CALL:
        if (target != UINT32_MAX) {
            pc_flow_add(w, target, true);
            imp = pc_thunk_import(w, target);
        } else {
            imp = pc_import_of(w, insn, ops, rva);
        }
        return imp && !pc_import_returns(imp) ? NEXT_STOPS : NEXT_GOES_ON;
    case ZYDIS_CATEGORY_RET:
    case ZYDIS_CATEGORY_SYSRET:
        return NEXT_STOPS;
    default:
        break;
    }
    switch (kind_of(insn, ops)) {
    case PE_INSN_FAST_FAIL:
        return NEXT_STOPS;
    case PE_INSN_BREAK:
        return next_of_break(w, next, after_call);
    default:
        break;
    }
    return insn->mnemonic == ZYDIS_MNEMONIC_UD0 || insn->mnemonic == ZYDIS_MNEMONIC_UD1 ||
                   insn->mnemonic == ZYDIS_MNEMONIC_UD2
               ? NEXT_STOPS
               : NEXT_GOES_ON;
}

/* Claim an instruction's bytes. False when part of them already means something else. */
static bool claim(struct pc_walk *w, uint32_t rva, unsigned size)
{
    uint8_t *m = pc_mark_at(w, rva);

    for (unsigned i = 0; i < size; i++) {
        if (m[i] & (PC_START | PC_TAIL | PC_DATA)) {
            mark_unsafe(w, rva + i);
            return false;
        }
    }
    m[0] |= PC_START;
    for (unsigned i = 1; i < size; i++)
        m[i] |= PC_TAIL;
    return true;
}

static void insn_note(struct pc_walk *w, uint32_t rva, const ZydisDecodedInstruction *insn,
                      const ZydisDecodedOperand *ops)
{
    int kind = kind_of(insn, ops);
    struct pe_insn found = {.rva = rva, .kind = (uint8_t)kind, .size = insn->length};

    if (kind >= 0)
        pc_push(w, &w->insns, &found, sizeof found);
}

/* A function's code does not run on into what no .pdata entry covers: behind it lie padding and
 * tables. */
static bool leaves_function(struct pc_walk *w, uint32_t rva, uint32_t *end)
{
    int64_t index;

    if (*end == 0 || rva < *end)
        return false;
    index = pe_find_function(w->img, rva);
    if (index < 0)
        return true;
    *end = pe_function_at(w->img, (uint32_t)index).end;
    return false;
}

static void flow_from(struct pc_walk *w, uint32_t rva)
{
    int64_t index = pe_find_function(w->img, rva);
    uint32_t end = index < 0 ? 0 : pe_function_at(w->img, (uint32_t)index).end;
    uint8_t *last = NULL;
    bool after_call = false;

    while (!w->out_of_memory) {
        ZydisDecodedInstruction insn;
        ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
        uint8_t *m = pc_mark_at(w, rva);

        if (m && (*m & PC_START))
            return;
        if (leaves_function(w, rva, &end)) {
            if (last)
                *last |= PC_END;
            return;
        }
        if (!m || !pc_decode(w, rva, &insn, ops) || !claim(w, rva, insn.length)) {
            if (last)
                *last |= PC_UNSAFE | PC_END;
            return;
        }
        insn_note(w, rva, &insn, ops);
        if (next_of(w, rva, &insn, ops, after_call) == NEXT_STOPS) {
            *m |= PC_END;
            return;
        }
        after_call = insn.meta.category == ZYDIS_CATEGORY_CALL;
        last = m;
        rva += insn.length;
    }
}

void pc_flow_run(struct pc_walk *w)
{
    while (w->todo.count && !w->out_of_memory) {
        uint32_t rva = ((uint32_t *)w->todo.items)[--w->todo.count];

        flow_from(w, rva);
    }
}

/* ---- Roots ---- */

/* A function pointer that the image or an instruction mentions. */
static void guess_from_pointer(uint32_t at, void *arg)
{
    struct pc_walk *w = arg;
    uint64_t rva = pe_u64(w->img, at) - pe_image_info(w->img)->preferred_base;
    uint32_t guess = (uint32_t)rva;

    if (rva < UINT32_MAX && pc_mark_at(w, guess))
        pc_push(w, &w->guesses, &guess, sizeof guess);
}

/*
 * Scope table behind the handler of __try blocks: filters, __finally bodies and __except blocks are
 * reached by no branch. The table belongs to one handler by convention, so it counts only if it
 * fits this function. Doc: Microsoft, x64 exception handling; the layout is SCOPE_TABLE of winnt.h.
 */
static void scopes_add(struct pc_walk *w, const struct pe_function *f, uint32_t at)
{
    uint32_t count = pe_u32(w->img, at);

    if (count == 0 || count > w->scopes_left || !pe_contains(w->img, at, 4 + 16 * count))
        return;
    w->scopes_left -= count;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < count; i++) {
            uint32_t entry = at + 4 + 16 * i;
            uint32_t begin = pe_u32(w->img, entry), end = pe_u32(w->img, entry + 4);
            uint32_t handler = pe_u32(w->img, entry + 8), target = pe_u32(w->img, entry + 12);

            if (pass == 0) {
                if (begin < f->begin || end > f->end || begin > end ||
                    (handler > 1 && !pc_mark_at(w, handler)) ||
                    (target && (target < f->begin || target >= f->end)))
                    return;
                continue;
            }
            if (handler > 1)
                pc_flow_add(w, handler, true);
            if (target)
                pc_flow_add(w, target, false);
        }
    }
}

static void function_add(struct pc_walk *w, const struct pe_function *f)
{
    uint8_t head = pe_u8(w->img, f->unwind), codes = pe_u8(w->img, f->unwind + 2);
    uint32_t tail = f->unwind + 4 + 2 * ((codes + 1u) & ~1u);

    pc_flow_add(w, f->begin, !((head >> 3) & UNWIND_CHAINED));
    if ((head >> 3) & UNWIND_HANDLER_FLAGS && !((head >> 3) & UNWIND_CHAINED)) {
        pc_flow_add(w, pe_u32(w->img, tail), true);
        scopes_add(w, f, tail + 4);
    }
}

void pc_flow_roots(struct pc_walk *w)
{
    const struct pe_info *info = pe_image_info(w->img);

    if (info->entry_rva)
        pc_flow_add(w, info->entry_rva, true);
    for (uint32_t i = 0; i < info->function_count; i++) {
        struct pe_function f = pe_function_at(w->img, i);

        if (f.begin)
            function_add(w, &f);
    }
    for (uint32_t i = 0; i < info->export_count; i++) {
        struct pe_export e;
        const struct pe_section *s;

        if (pe_export_at(w->img, i, &e) || !e.rva)
            continue;
        /* Data is exported too: code is what .pdata covers, else it is a guess like any other. */
        s = pe_section_at(w->img, e.rva);
        if (s && s->prot & PE_EXEC)
            pc_push(w, &w->guesses, &e.rva, sizeof e.rva);
    }
    pc_flow_run(w);
    pe_relocs_each(w->img, guess_from_pointer, w);
}

/* ---- Guesses ---- */

/* Text in a code section, ASCII or UTF-16, often decodes as well. */
static bool looks_like_text(const uint8_t *p, uint32_t size)
{
    uint32_t printable = 0;

    if (size >= 4 && p[1] == 0 && p[3] == 0)
        return true;
    for (uint32_t i = 0; i < PP_MIN(size, 8u); i++)
        printable += p[i] >= 0x20 && p[i] < 0x7F;
    return printable == 8;
}

/* Straight from `rva` until a stop that no branch jumps over: does it all decode, and end well? */
static bool looks_like_function(struct pc_walk *w, uint32_t rva)
{
    const struct pc_region *r = region_at(w, rva);
    uint32_t furthest = rva, start = rva;

    if (!r || rva % 16 || looks_like_text(r->bytes + (rva - r->rva), r->size - (rva - r->rva)))
        return false;
    if (pe_find_function(w->img, rva) >= 0)
        return false; /* inside a known function, yet not reached: a label, or data */
    while (w->guess_steps_left) {
        ZydisDecodedInstruction insn;
        ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
        uint8_t *m = pc_mark_at(w, rva);
        uint32_t target;

        w->guess_steps_left--;
        if (!m || (*m & (PC_START | PC_TAIL | PC_DATA)) || !pc_decode(w, rva, &insn, ops))
            return false;
        if (pp_load16(r->bytes + (rva - r->rva)) == 0 && insn.length > 1)
            return false; /* add [rax], al: zeroes */
        target = pc_branch_target(&insn, ops, rva);
        if (insn.meta.category == ZYDIS_CATEGORY_COND_BR && target != UINT32_MAX)
            furthest = PP_MAX(furthest, target);
        if (insn.meta.category == ZYDIS_CATEGORY_RET ||
            insn.meta.category == ZYDIS_CATEGORY_UNCOND_BR) {
            if (target != UINT32_MAX && target >= start && target - start < 0x10000 &&
                !(pc_mark_at(w, target) && *pc_mark_at(w, target) & PC_START))
                furthest = PP_MAX(furthest, target);
            else if (target != UINT32_MAX && !pc_mark_at(w, target))
                return false;
            if (furthest <= rva)
                return true;
        }
        rva += insn.length;
    }
    return false;
}

bool pc_flow_guesses(struct pc_walk *w)
{
    bool found = false;

    for (size_t i = 0; i < w->guesses.count && !w->out_of_memory; i++) {
        uint32_t rva = ((uint32_t *)w->guesses.items)[i];
        uint8_t *m = pc_mark_at(w, rva);

        if (!m || *m & (PC_ROOT | PC_TAIL | PC_DATA))
            continue;
        if (!(*m & PC_START) && !looks_like_function(w, rva))
            continue;
        if (*m & PC_START && !(*m & PC_LEADER))
            continue; /* the middle of a block: no function */
        pc_flow_add(w, rva, true);
        pc_flow_run(w);
        found = true;
    }
    w->guesses.count = 0;
    return found;
}
