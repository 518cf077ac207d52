/*
 * Abstract evaluation of functions: what registers and stack slots hold, as far as it can be told.
 *
 * Each function is run block by block from its entry; where paths meet, states are joined, and a
 * block runs again while its entry state still changes (values only ever become less known, so this
 * ends soon; a budget ends it for code made to be nasty). Jump tables are the one result that must
 * be right, since their targets get decoded and may be patched: every entry must lie in the
 * function's own code, or the table is left alone.
 */
#include "pe/pe_eval.h"

#include <stdlib.h>
#include <string.h>

enum {
    VISITS_MAX = 12,
    BLOCKS_MAX = 8000,
    TABLE_MAX = 4096,
    LIKE_MIN = 4, /* numbers in company that make each other a control code */
};

struct block {
    uint32_t rva;
    uint8_t visits;
    bool is_queued;
    struct pv_state *state; /* allocated as large as its slots need */
};

/* ---- Blocks ---- */

static bool hash_grow(struct pe_eval *e)
{
    size_t size = e->hash_size ? 2 * e->hash_size : 64;
    uint32_t *grown = pp_new_array(size, sizeof *grown);

    if (!grown) {
        e->w->out_of_memory = true;
        return false;
    }
    for (uint32_t i = 0; i < e->blocks.count; i++) {
        size_t h = pv_hash(((struct block *)e->blocks.items)[i].rva, 0) & (size - 1);

        while (grown[h])
            h = (h + 1) & (size - 1);
        grown[h] = i + 1;
    }
    pp_free(e->hash);
    e->hash = grown;
    e->hash_size = size;
    return true;
}

/* The index of the block at `rva`, made when new; -1 when there are too many. */
static int64_t block_get(struct pe_eval *e, uint32_t rva)
{
    struct block fresh = {.rva = rva};
    size_t h;

    if (2 * e->blocks.count >= e->hash_size && !hash_grow(e))
        return -1;
    h = pv_hash(rva, 0) & (e->hash_size - 1);
    while (e->hash[h]) {
        if (((struct block *)e->blocks.items)[e->hash[h] - 1].rva == rva)
            return e->hash[h] - 1;
        h = (h + 1) & (e->hash_size - 1);
    }
    if (e->blocks.count >= BLOCKS_MAX)
        return -1;
    pc_push(e->w, &e->blocks, &fresh, sizeof fresh);
    if (e->w->out_of_memory)
        return -1;
    e->hash[h] = (uint32_t)e->blocks.count;
    return (int64_t)e->blocks.count - 1;
}

/* Slots are never added to a joined state, so the first size is the largest. */
static bool block_enter(struct pe_eval *e, struct block *b)
{
    size_t size = pv_state_size(&e->s);

    if (b->state)
        return pv_state_join(b->state, &e->s, b->rva);
    b->state = pp_new(size);
    if (!b->state) {
        e->w->out_of_memory = true;
        return false;
    }
    memcpy(b->state, &e->s, size);
    return true;
}

/* Control goes from here to `rva` with the state at hand. */
static void edge(struct pe_eval *e, uint32_t rva)
{
    const uint8_t *m = pc_mark_at(e->w, rva);
    struct block *b;
    int64_t index;
    uint32_t queued;

    if (!m || !(*m & PC_START))
        return;
    index = block_get(e, rva);
    if (index < 0)
        return;
    b = &((struct block *)e->blocks.items)[index];
    if (!block_enter(e, b) || b->is_queued || b->visits >= VISITS_MAX)
        return;
    b->is_queued = true;
    queued = (uint32_t)index;
    pc_push(e->w, &e->queue, &queued, sizeof queued);
}

/* ---- Calls ---- */

/* Argument `i` of a call whose first stack argument's home is at `home` + 32. */
static struct pv argument_in(const struct pv_state *s, int64_t home, unsigned i)
{
    static const uint8_t arg_reg[4] = {1, 2, 8, 9}; /* rcx, rdx, r8, r9 */

    return i < 4 ? s->regs[arg_reg[i]] : pv_slot_get(s, home + 8 * (int64_t)i);
}

static struct pv argument(const struct pe_eval *e, unsigned i)
{
    const struct pv *rsp = &e->s.regs[PV_RSP];

    if (i < 4 || rsp->kind == PV_STACK)
        return argument_in(&e->s, rsp->num, i);
    return pv_symbol(pv_hash(e->root, i), PC_T_NONE);
}

/* Routines that take a pool tag, and which argument it is. Doc: WDK, wdm.h, ntddk.h, fltkernel.h,
 * ndis.h. */
static const struct {
    const char *name;
    unsigned arg;
} tag_takers[] = {
    {"ExAllocatePoolWithTag", 2},
    {"ExAllocatePool2", 2},
    {"ExAllocatePool3", 2},
    {"ExAllocatePoolWithQuotaTag", 2},
    {"ExAllocatePoolWithTagPriority", 2},
    {"ExFreePoolWithTag", 1},
    {"ExInitializeNPagedLookasideList", 5},
    {"ExInitializePagedLookasideList", 5},
    {"ExInitializeLookasideListEx", 6},
    {"ExAllocateCacheAwareRundownProtection", 1},
    {"ExFreePool2", 1},
    {"FsRtlAllocatePoolWithTag", 2},
    {"FsRtlAllocatePoolWithQuotaTag", 2},
    {"FltAllocatePoolAlignedWithTag", 3},
    {"FltFreePoolAlignedWithTag", 2},
    {"IoInitializeRemoveLockEx", 1},
    {"MmAllocateMappingAddress", 1},
    {"MmAllocateMappingAddressEx", 1},
    {"MmFreeMappingAddress", 1},
    {"MmMapLockedPagesWithReservedMapping", 1},
    {"NdisAllocateMemoryWithTag", 2},
    {"NdisAllocateMemoryWithTagPriority", 2},
    {"NdisFreeMemoryWithTagPriority", 2},
    {"StorPortAllocatePool", 2},
};

/* The call at `rva` uses its argument `arg` as a tag. When that is an argument of this function
 * itself, the function is a wrapper, and its callers have the tag. */
static void tag_taken(struct pe_eval *e, unsigned arg, uint32_t rva)
{
    struct pv tag = argument(e, arg);
    bool is_followed = tag.kind == PV_CONST;

    if (is_followed)
        pc_tag_add(e->w, (uint32_t)tag.num, rva);
    for (unsigned i = 0; pv_is_plain(&tag) && i < PC_ARGS; i++) {
        if (pv_equal(&tag, &e->args[i])) {
            pc_function_takes_tag(e->w, e->root, i);
            is_followed = true;
        }
    }
    e->w->has_hidden_tags |= !is_followed;
}

static void import_called(struct pe_eval *e, const struct pe_import *imp, uint32_t rva)
{
    for (size_t i = 0; imp->name && i < PP_COUNT(tag_takers); i++)
        if (!strcmp(imp->name, tag_takers[i].name))
            tag_taken(e, tag_takers[i].arg, rva);
}

static uint8_t local_called(struct pe_eval *e, uint32_t target, uint32_t rva)
{
    uint8_t args[PC_ARGS] = {0};
    struct pc_call call = {.caller = e->root, .callee = target};
    struct pc_function *f;
    uint8_t tag_args, ret;

    for (unsigned i = 0; i < PC_ARGS; i++) {
        struct pv v = argument(e, i);

        if (pv_is_plain(&v))
            args[i] = v.type;
    }
    pc_function_call(e->w, target, args);
    f = pc_function_get(e->w, target);
    if (!f)
        return PC_T_NONE;
    ret = f->ret;
    tag_args = f->tag_args; /* what follows may move `f` */
    if ((ret == PC_T_NONE || !tag_args) && e->w->calls.count < e->w->mark_count)
        pc_push(e->w, &e->w->calls, &call, sizeof call);
    for (unsigned i = 0; i < PC_ARGS; i++)
        if (tag_args & 1u << i)
            tag_taken(e, i, rva);
    return ret;
}

/* The value called or jumped to through operand 0. */
static struct pv branch_value(struct pe_eval *e, const struct pe_at *at)
{
    uint32_t target = pc_branch_target(&at->insn, at->ops, at->rva);

    return target != UINT32_MAX ? pv_at(PV_IMAGE, target) : pe_step_read(e, at, &at->ops[0]);
}

/* Returns the type of the callee's result. */
static uint8_t called(struct pe_eval *e, const struct pv *v, uint32_t rva)
{
    const struct pe_import *imp = NULL;

    if (v->kind == PV_IMPORT)
        imp = pe_import_at(e->w->img, (uint32_t)v->num);
    else if (v->kind == PV_IMAGE && v->num > 0 && v->num < PE_IMAGE_MAX)
        imp = pc_thunk_import(e->w, (uint32_t)v->num);
    if (imp)
        import_called(e, imp, rva);
    else if (v->kind == PV_IMAGE && v->num > 0 && pc_mark_at(e->w, (uint32_t)v->num))
        return local_called(e, (uint32_t)v->num, rva);
    return PC_T_NONE;
}

static void call(struct pe_eval *e, const struct pe_at *at)
{
    struct pv v = branch_value(e, at), saved[PV_REGS];
    uint8_t type = called(e, &v, at->rva);

    memcpy(saved, e->s.regs, sizeof saved);
    pv_call_clobber(&e->s, at->rva);
    e->s.regs[0].type = type;
    /* Compilers know which volatile registers a local routine spares. Seen: entry stubs that keep
     * DriverEntry's arguments in r8 and r9 while the security cookie is made. */
    for (unsigned i = 1; v.kind == PV_IMAGE && i < PV_REGS; i++)
        if (saved[i].type == PC_T_DRIVER)
            e->s.regs[i] = saved[i];
}

/* ---- Jump tables ---- */

static bool table_entry(const struct pe_eval *e, const struct pv *v, uint32_t i, uint32_t *ret)
{
    uint64_t base = pe_image_info(e->w->img)->preferred_base;
    const struct pv_table *t = &v->table;
    uint64_t entry = i;

    for (unsigned d = 0; d < t->depth; d++) {
        uint64_t at = t->at[d] + entry * t->scale[d];

        if (at > UINT32_MAX || !pe_contains(e->w->img, (uint32_t)at, t->width[d]))
            return false;
        entry = pe_u64(e->w->img, (uint32_t)at);
        if (t->width[d] < 8)
            entry &= (1ull << 8 * t->width[d]) - 1;
    }
    if (t->width[t->depth - 1] == 4 && t->is_signed)
        entry = (uint64_t)(int64_t)(int32_t)entry;
    entry = v->kind == PV_TARGET ? entry + t->base : entry - base;
    if (v->kind == PV_TARGET && !t->is_signed)
        entry &= UINT32_MAX;
    if (entry >= PE_IMAGE_MAX)
        return false;
    *ret = (uint32_t)entry;
    return true;
}

/* A table's targets lie in the code of the function that jumps. */
static bool is_target(struct pe_eval *e, uint32_t from, uint32_t target)
{
    int64_t mine = pe_find_function(e->w->img, from), its = pe_find_function(e->w->img, target);
    const uint8_t *m = pc_mark_at(e->w, target);

    if (!m || *m & (PC_TAIL | PC_DATA))
        return false;
    if (*m & PC_START || (mine >= 0 && mine == its))
        return true;
    /* Leaf functions have no entry; a split function's parts have several. */
    return mine < 0 ? its < 0 && target - from + 0x4000 < 0x8000 : its >= 0;
}

static void table_mark(struct pe_eval *e, const struct pv *v, uint32_t count)
{
    const struct pv_table *t = &v->table;

    pc_flow_data(e->w, t->at[0], (count - 1) * t->scale[0] + t->width[0]);
    for (uint32_t i = 0; t->depth == 2 && i < count; i++) {
        uint64_t first = pe_u64(e->w->img, t->at[0] + i * t->scale[0]);
        uint64_t at = t->at[1] + (first & ((1ull << 8 * t->width[0]) - 1)) * t->scale[1];

        if (at < PE_IMAGE_MAX)
            pc_flow_data(e->w, (uint32_t)at, t->width[1]);
    }
}

/* Where a table leads for the numbers that no case names. Usually where the range check leads; but
 * the two may have become different blocks, then it is where most entries lead. 0: every entry is a
 * case. */
static uint32_t table_default(const struct pe_eval *e, const struct pv *v, const struct pv_bound *b)
{
    uint32_t target = 0, candidate = 0, votes = 0, count = 0;

    /* Boyer and Moore, MJRTY (1981): a majority survives being paired off against the rest. */
    for (uint32_t i = 0; i <= b->max; i++) {
        (void)table_entry(e, v, i, &target); /* checked by the caller */
        if (target == b->other)
            return target;
        if (votes == 0)
            candidate = target;
        votes = candidate == target ? votes + 1 : votes - 1;
    }
    for (uint32_t i = 0; i <= b->max; i++) {
        (void)table_entry(e, v, i, &target);
        count += target == candidate;
    }
    return b->max >= 4 && 2 * count > b->max + 1 ? candidate : 0;
}

static void table_jump(struct pe_eval *e, const struct pe_at *at, const struct pv *v)
{
    const struct pv_bound *b = pv_bound_find(&e->s, v);
    struct pv index = pv_symbol(v->symbol, v->type);
    uint32_t target, count, none;

    if (!b || b->max >= TABLE_MAX || v->table.depth == 0 ||
        (v->kind == PV_TABLE && v->table.width[v->table.depth - 1] != 8) ||
        (v->kind == PV_TARGET && v->table.width[v->table.depth - 1] > 4))
        return;
    count = b->max + 1;
    for (uint32_t i = 0; i < count; i++)
        if (!table_entry(e, v, i, &target) || !is_target(e, at->rva, target))
            return;
    e->w->steps_left -= PP_MIN(e->w->steps_left, (uint64_t)count);
    table_mark(e, v, count);
    for (uint32_t i = 0; i < count; i++) {
        (void)table_entry(e, v, i, &target); /* all were checked above */
        pc_flow_add(e->w, target, false);
    }
    pc_flow_run(e->w);
    index.num = v->num;
    index.rotate = v->rotate;
    none = table_default(e, v, b);
    for (uint32_t i = 0; i < count; i++) {
        (void)table_entry(e, v, i, &target);
        if (target != none)
            pe_equal_note(e, at->rva, &index, i);
        edge(e, target);
    }
}

/* ---- Branches ---- */

/* An edge on which `v` is known to be at most `max`, the other edge leading to `other`. */
static void edge_bounded(struct pe_eval *e, uint32_t to, const struct pv *v, uint64_t max,
                         uint32_t other)
{
    struct pv_bound saved[PV_BOUNDS];
    uint32_t saved_count = e->s.bound_count;

    memcpy(saved, e->s.bounds, sizeof saved);
    if (max < TABLE_MAX && v->kind == PV_SYMBOL)
        pv_bound_add(&e->s, v, (uint32_t)max, other);
    edge(e, to);
    memcpy(e->s.bounds, saved, sizeof saved);
    e->s.bound_count = saved_count;
}

static void branch_conditional(struct pe_eval *e, const struct pe_at *at)
{
    uint32_t target = pc_branch_target(&at->insn, at->ops, at->rva);
    const struct pv_flags f = e->s.flags;
    bool is_compare = f.kind == PV_FLAGS_COMPARE && !f.is_swapped;

    switch (is_compare ? at->insn.mnemonic : ZYDIS_MNEMONIC_INVALID) {
    case ZYDIS_MNEMONIC_JNBE:
        edge(e, target);
        edge_bounded(e, at->next, &f.lhs, f.rhs, target);
        return;
    case ZYDIS_MNEMONIC_JBE:
        edge_bounded(e, target, &f.lhs, f.rhs, at->next);
        edge(e, at->next);
        return;
    case ZYDIS_MNEMONIC_JNB:
        edge(e, target);
        edge_bounded(e, at->next, &f.lhs, f.rhs - 1, target);
        return;
    case ZYDIS_MNEMONIC_JB:
        edge_bounded(e, target, &f.lhs, f.rhs - 1, at->next);
        edge(e, at->next);
        return;
    default:
        break;
    }
    if (at->insn.mnemonic == ZYDIS_MNEMONIC_JZ || at->insn.mnemonic == ZYDIS_MNEMONIC_JNZ)
        pe_equal_asked(e);
    if (at->insn.mnemonic == ZYDIS_MNEMONIC_JB || at->insn.mnemonic == ZYDIS_MNEMONIC_JNB)
        pe_bits_asked(e);
    edge(e, target);
    edge(e, at->next);
}

static void branch_always(struct pe_eval *e, const struct pe_at *at)
{
    struct pv v = branch_value(e, at);
    const uint8_t *m;

    if (v.kind == PV_TARGET || v.kind == PV_TABLE) {
        table_jump(e, at, &v);
        return;
    }
    m = v.kind == PV_IMAGE && v.num > 0 ? pc_mark_at(e->w, (uint32_t)v.num) : NULL;
    if (m && (!(*m & PC_ROOT) || (uint32_t)v.num == e->root)) {
        edge(e, (uint32_t)v.num);
        return;
    }
    /* A call in tail position: the stack is as at entry, so the arguments lie where a callee's
     * would, one return address further up. */
    e->s.regs[PV_RSP] = pv_offset(&e->s.regs[PV_RSP], 8);
    (void)called(e, &v, at->rva); /* its result is this function's: not followed */
}

/* ---- Functions ---- */

/* Run one block from the state at hand. */
static void block_run(struct pe_eval *e, uint32_t rva)
{
    struct pe_at at;

    for (bool first = true;; first = false) {
        uint8_t *m = pc_mark_at(e->w, rva);

        if (!m || !(*m & PC_START) || e->w->steps_left == 0 || e->w->out_of_memory)
            return;
        if (!first && *m & PC_LEADER) {
            edge(e, rva);
            return;
        }
        e->w->steps_left--;
        *m |= PC_EVALED;
        if (!pc_decode(e->w, rva, &at.insn, at.ops))
            return;
        at.rva = rva;
        at.next = rva + at.insn.length;
        switch (at.insn.meta.category) {
        case ZYDIS_CATEGORY_COND_BR:
            branch_conditional(e, &at);
            return;
        case ZYDIS_CATEGORY_UNCOND_BR:
            branch_always(e, &at);
            return;
        case ZYDIS_CATEGORY_RET:
            if (pv_is_plain(&e->s.regs[0]) && e->s.regs[0].type)
                pc_function_returns(e->w, e->root, e->s.regs[0].type);
            return;
        case ZYDIS_CATEGORY_CALL:
            call(e, &at);
            break;
        default:
            pe_step(e, &at);
            break;
        }
        if (*m & PC_END)
            return;
        rva = at.next;
    }
}

/* Is it likely that a number compared with `code` is a control code? Device types are the upper
 * half; bit 13 says that the function number is the vendor's. */
static bool is_code_shaped(uint32_t code)
{
    uint32_t device = code >> 16;

    return (code & 0x2000) && (device == 0x22 || (device >= 0x8000 && device < 0xC000));
}

/* Microsoft's own device types (3 up: below lie the object identifiers of network drivers), or a
 * vendor's type with plain function numbers: only in company. */
static bool is_code_like(uint32_t code)
{
    uint32_t device = code >> 16;

    return is_code_shaped(code) || (device >= 3 && device < 0x80) ||
           (device >= 0x8000 && device < 0xC000);
}

/* Control codes are never small numbers, nor do they look like an error status. */
static bool is_code_possible(uint32_t code)
{
    return code >> 16 && code < 0xFFFF0000 &&
           !(code >> 28 == 0xC && (code & 0x0FFF0000) <= 0x00FF0000);
}

/* All constants that one value is compared with. */
static void settle_group(struct pe_eval *e, const struct pc_equal *eq, size_t count)
{
    bool is_known = false, is_like = false;
    size_t shaped = 0, like = 0;

    for (size_t i = 0; i < count; i++) {
        is_known |= eq[i].type == PC_T_CONTROL_CODE;
        is_like |= eq[i].type == PC_T_CONTROL_CODE_LIKE;
        if (i && eq[i].value == eq[i - 1].value)
            continue;
        shaped += is_code_shaped(eq[i].value);
        like += is_code_like(eq[i].value) && eq[i].value >> 16 == eq[0].value >> 16;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t code = eq[i].value;

        if ((is_known && code >> 16 && code < 0xFFFF0000) || (is_like && is_code_possible(code)))
            pc_ioctl_add(e->w, code, eq[i].rva, true);
        else if (!is_known && !is_like &&
                 (is_code_shaped(code) ||
                  (is_code_like(code) && (shaped || (like >= LIKE_MIN && 2 * like >= count)))))
            pc_ioctl_add(e->w, code, eq[i].rva, false);
    }
}

static int equal_compare(const void *a, const void *b)
{
    const struct pc_equal *x = a, *y = b;

    if (x->symbol != y->symbol)
        return x->symbol < y->symbol ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

static void settle(struct pe_eval *e)
{
    struct pc_equal *eq = e->w->equals.items;
    size_t count = e->w->equals.count, start = 0;

    if (count)
        qsort(eq, count, sizeof *eq, equal_compare);
    for (size_t i = 1; i <= count; i++) {
        if (i < count && eq[i].symbol == eq[start].symbol)
            continue;
        settle_group(e, eq + start, i - start);
        start = i;
    }
    e->w->equals.count = 0;
}

static void eval_free(struct pe_eval *e)
{
    struct block *blocks = e->blocks.items;

    for (size_t i = 0; i < e->blocks.count; i++)
        pp_free(blocks[i].state);
    pp_free(e->blocks.items);
    pp_free(e->queue.items);
    pp_free(e->hash);
    pp_free(e);
}

void pc_eval_function(struct pc_walk *w, uint32_t rva, const uint8_t args[PC_ARGS])
{
    struct pe_eval *e = pp_new(sizeof *e);

    if (!e) {
        w->out_of_memory = true;
        return;
    }
    e->w = w;
    e->root = rva;
    pv_state_init(&e->s, rva, args);
    for (unsigned i = 0; i < PC_ARGS; i++)
        e->args[i] = argument_in(&e->s, 8, i);
    edge(e, rva);
    while (e->queue.count && !w->out_of_memory && w->steps_left) {
        uint32_t index = ((uint32_t *)e->queue.items)[--e->queue.count];
        struct block *b = &((struct block *)e->blocks.items)[index];

        b->is_queued = false;
        b->visits++;
        memcpy(&e->s, b->state, pv_state_size(b->state));
        block_run(e, b->rva);
    }
    settle(e);
    eval_free(e);
}
