/* Abstract values and states; see pe_value.h. */
#include "pe/pe_value.h"

#include <string.h>

enum {
    HASH_ENTRY_REG = 0x100,
    HASH_ENTRY_SLOT = 0x101,
    HASH_JOIN_REG = 0x102,
    HASH_JOIN_SLOT = 0x103,
    HASH_CALL = 0x104,

    HOME_SPACE = 32,   /* Doc: Microsoft, x64 calling convention: the callee's four home slots */
    ESCAPE_REACH = 64, /* bytes behind a known address that a callee is taken to write */
};

uint64_t pv_hash(uint64_t a, uint64_t b)
{
    uint64_t h = a * 0x9E3779B97F4A7C15ull ^ (b + 0x7F4A7C15ull) * 0xC2B2AE3D27D4EB4Full;

    return h ^ h >> 29;
}

struct pv pv_symbol(uint64_t symbol, uint8_t type)
{
    return (struct pv){.kind = PV_SYMBOL, .type = type, .symbol = symbol};
}

struct pv pv_const(uint64_t num)
{
    return (struct pv){.kind = PV_CONST, .num = (int64_t)num};
}

struct pv pv_at(enum pv_kind kind, int64_t num)
{
    return (struct pv){.kind = (uint8_t)kind, .num = num};
}

bool pv_is_plain(const struct pv *v)
{
    return v->kind == PV_SYMBOL && v->num == 0 && v->rotate == 0;
}

bool pv_equal(const struct pv *a, const struct pv *b)
{
    const struct pv_table *t = &a->table, *u = &b->table;

    if (a->kind != b->kind || a->type != b->type || a->rotate != b->rotate ||
        a->symbol != b->symbol || a->num != b->num)
        return false;
    if (a->kind != PV_TABLE && a->kind != PV_TARGET)
        return true;
    return t->depth == u->depth && t->at[0] == u->at[0] && t->at[1] == u->at[1] &&
           t->scale[0] == u->scale[0] && t->scale[1] == u->scale[1] && t->width[0] == u->width[0] &&
           t->width[1] == u->width[1] && t->is_signed == u->is_signed && t->base == u->base;
}

struct pv pv_offset(const struct pv *v, int64_t by)
{
    struct pv sum = *v;

    if (by == 0)
        return sum;
    if ((v->kind == PV_SYMBOL && !v->rotate) || v->kind == PV_CONST || v->kind == PV_STACK ||
        v->kind == PV_IMAGE) {
        sum.num = (int64_t)((uint64_t)v->num + (uint64_t)by);
        return sum;
    }
    return pv_symbol(pv_hash(pv_hash(v->symbol, (uint64_t)v->num), (uint64_t)by ^ v->rotate),
                     PC_T_NONE);
}

void pv_state_init(struct pv_state *s, uint32_t rva, const uint8_t args[PC_ARGS])
{
    static const uint8_t arg_reg[4] = {1, 2, 8, 9}; /* rcx, rdx, r8, r9 */

    memset(s, 0, offsetof(struct pv_state, slots));
    for (unsigned i = 0; i < PV_REGS; i++)
        s->regs[i] = pv_symbol(pv_hash(HASH_ENTRY_REG, pv_hash(rva, i)), PC_T_NONE);
    s->regs[PV_RSP] = pv_at(PV_STACK, 0);
    for (unsigned i = 0; args && i < PC_ARGS; i++) {
        struct pv v = pv_symbol(pv_hash(HASH_ENTRY_REG, pv_hash(rva, 32 + i)), args[i]);

        if (!args[i])
            continue;
        if (i < 4)
            s->regs[arg_reg[i]] = v;
        else
            pv_slot_set(s, 8 + 8 * (int64_t)i, &v);
    }
}

size_t pv_state_size(const struct pv_state *s)
{
    return offsetof(struct pv_state, slots) + s->slot_count * sizeof s->slots[0];
}

static struct pv value_join(const struct pv *a, const struct pv *b, uint64_t symbol)
{
    bool same_type = pv_is_plain(a) && pv_is_plain(b) && a->type == b->type;

    return pv_symbol(symbol, same_type ? a->type : (uint8_t)PC_T_NONE);
}

static bool bounds_join(struct pv_state *into, const struct pv_state *with)
{
    uint32_t kept = 0, before = into->bound_count;

    for (uint32_t i = 0; i < before; i++)
        for (uint32_t k = 0; k < with->bound_count; k++)
            if (memcmp(&into->bounds[i], &with->bounds[k], sizeof into->bounds[i]) == 0) {
                into->bounds[kept++] = into->bounds[i];
                break;
            }
    into->bound_count = kept;
    return kept != before;
}

static bool slots_join(struct pv_state *into, const struct pv_state *with, uint32_t rva)
{
    bool changed = false;

    for (uint32_t i = 0; i < into->slot_count;) {
        struct pv_slot *s = &into->slots[i];
        struct pv other = pv_slot_get(with, s->at), joined;

        if (!pv_equal(&s->value, &other)) {
            joined = value_join(&s->value, &other,
                                pv_hash(HASH_JOIN_SLOT, pv_hash(rva, (uint64_t)s->at)));
            if (!pv_equal(&s->value, &joined)) {
                s->value = joined;
                changed = true;
            }
        }
        i++;
    }
    return changed;
}

static bool escapes_join(struct pv_state *into, const struct pv_state *with)
{
    uint32_t before = into->escape_count;

    for (uint32_t i = 0; i < with->escape_count; i++)
        pv_escape(into, with->escapes[i]);
    return into->escape_count != before;
}

static bool flags_equal(const struct pv_flags *a, const struct pv_flags *b)
{
    return a->kind == b->kind && a->rhs == b->rhs && a->is_swapped == b->is_swapped &&
           a->width == b->width && a->rva == b->rva && pv_equal(&a->lhs, &b->lhs);
}

bool pv_state_join(struct pv_state *into, const struct pv_state *with, uint32_t rva)
{
    bool changed = false;

    for (unsigned i = 0; i < PV_REGS; i++) {
        struct pv joined;

        if (pv_equal(&into->regs[i], &with->regs[i]))
            continue;
        joined =
            value_join(&into->regs[i], &with->regs[i], pv_hash(HASH_JOIN_REG, pv_hash(rva, i)));
        if (pv_equal(&into->regs[i], &joined))
            continue;
        into->regs[i] = joined;
        changed = true;
    }
    if (into->flags.kind != PV_FLAGS_UNKNOWN && !flags_equal(&into->flags, &with->flags)) {
        memset(&into->flags, 0, sizeof into->flags);
        changed = true;
    }
    changed |= bounds_join(into, with);
    changed |= slots_join(into, with, rva);
    changed |= escapes_join(into, with);
    return changed;
}

struct pv pv_slot_get(const struct pv_state *s, int64_t at)
{
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (s->slots[i].at == at)
            return s->slots[i].value;
    return pv_symbol(pv_hash(HASH_ENTRY_SLOT, (uint64_t)at), PC_T_NONE);
}

void pv_slot_set(struct pv_state *s, int64_t at, const struct pv *v)
{
    uint32_t i = 0;

    while (i < s->slot_count && s->slots[i].at != at)
        i++;
    if (i == PV_SLOTS)
        return; /* a huge frame: reads give the slot's own symbol */
    if (i == s->slot_count)
        s->slot_count++;
    s->slots[i].at = at;
    s->slots[i].value = *v;
}

void pv_slots_forget(struct pv_state *s, int64_t from, int64_t to)
{
    for (uint32_t i = 0; i < s->slot_count;) {
        if (s->slots[i].at >= from && s->slots[i].at < to)
            s->slots[i] = s->slots[--s->slot_count];
        else
            i++;
    }
}

void pv_call_clobber(struct pv_state *s, uint32_t rva)
{
    static const uint8_t volatile_regs[] = {0, 1, 2, 8, 9, 10, 11};
    const struct pv *rsp = &s->regs[PV_RSP];

    for (unsigned i = 0; i < sizeof volatile_regs; i++)
        s->regs[volatile_regs[i]] =
            pv_symbol(pv_hash(HASH_CALL, pv_hash(rva, volatile_regs[i])), PC_T_NONE);
    if (rsp->kind == PV_STACK)
        pv_slots_forget(s, rsp->num, rsp->num + HOME_SPACE);
    for (uint32_t i = 0; i < s->escape_count; i++)
        pv_slots_forget(s, s->escapes[i], s->escapes[i] + ESCAPE_REACH);
    memset(&s->flags, 0, sizeof s->flags);
}

void pv_escape(struct pv_state *s, int64_t at)
{
    for (uint32_t i = 0; i < s->escape_count; i++)
        if (s->escapes[i] == at)
            return;
    if (s->escape_count < PV_ESCAPES)
        s->escapes[s->escape_count++] = (int32_t)at;
}

void pv_bound_add(struct pv_state *s, const struct pv *v, uint32_t max, uint32_t other)
{
    struct pv_bound b;

    memset(&b, 0, sizeof b); /* compared as bytes */
    b.symbol = v->symbol;
    b.num = v->num;
    b.rotate = v->rotate;
    b.max = max;
    b.other = other;
    if (s->bound_count == PV_BOUNDS) {
        memmove(s->bounds, s->bounds + 1, sizeof b * (PV_BOUNDS - 1));
        s->bound_count--;
    }
    s->bounds[s->bound_count++] = b;
}

const struct pv_bound *pv_bound_find(const struct pv_state *s, const struct pv *v)
{
    for (uint32_t i = s->bound_count; i-- > 0;)
        if (s->bounds[i].symbol == v->symbol && s->bounds[i].num == v->num &&
            s->bounds[i].rotate == v->rotate)
            return &s->bounds[i];
    return NULL;
}
