/*
 * Abstract values and machine states for pe_eval.c.
 *
 * A value is a constant, an address we can name (stack, image, import slot), or "some number": a
 * symbol with an offset. Two unknown numbers that must be equal have the same symbol; that is what
 * makes `sub eax, K; je; sub eax, 4; je` readable as two comparisons of one number. Symbols are
 * hashes of how the number came about, so evaluating a block again gives the same symbols, and
 * joining states settles.
 */
#ifndef POOLPROOF_PE_VALUE_H
#define POOLPROOF_PE_VALUE_H

#include "pe/pe_code_priv.h"

enum pv_kind {
    PV_SYMBOL, /* symbol + num, then rotated right (32 bits) by `rotate` */
    PV_CONST,  /* num */
    PV_STACK,  /* rsp at function entry + num */
    PV_IMAGE,  /* image base + num */
    PV_IMPORT, /* the routine of import slot num */
    PV_TABLE,  /* an entry of a table in the image, selected by symbol + num */
    PV_TARGET, /* image address `base` + PV_TABLE */
};

/* One or two lookups: entry = load(at[0] + scale[0] * index), then at[1] + scale[1] * entry. */
struct pv_table {
    uint32_t at[2];
    uint8_t scale[2], width[2];
    uint8_t depth;
    bool is_signed;
    uint32_t base;
};

struct pv {
    uint8_t kind; /* enum pv_kind */
    uint8_t type; /* enum pc_type, of a symbol at offset 0 */
    uint8_t rotate;
    uint64_t symbol;
    int64_t num;
    struct pv_table table;
};

enum { PV_SLOTS = 64, PV_BOUNDS = 4, PV_ESCAPES = 8, PV_RSP = 4, PV_REGS = 16 };

/* The comparison that the flags stem from. */
struct pv_flags {
    enum { PV_FLAGS_UNKNOWN, PV_FLAGS_COMPARE, PV_FLAGS_BIT_TEST } kind;
    struct pv lhs;
    uint64_t
        rhs; /* the constant compared with; for a bit test the mask, lhs being the bit's number */
    bool is_swapped;
    uint16_t width; /* bits compared */
    uint32_t rva;
};

/* symbol + num, rotated, is at most `max` (unsigned); else control went to `other`. */
struct pv_bound {
    uint64_t symbol;
    int64_t num;
    uint8_t rotate;
    uint32_t max;
    uint32_t other; /* 0: unknown */
};

struct pv_state {
    struct pv regs[PV_REGS];
    struct pv_flags flags;
    struct pv_bound bounds[PV_BOUNDS];
    uint32_t bound_count;
    int32_t escapes[PV_ESCAPES]; /* stack addresses that callees may know */
    uint32_t escape_count;
    uint32_t slot_count;
    struct pv_slot {
        int64_t at;
        struct pv value;
    } slots[PV_SLOTS];
};

uint64_t pv_hash(uint64_t a, uint64_t b);
struct pv pv_symbol(uint64_t symbol, uint8_t type);
struct pv pv_const(uint64_t num);
struct pv pv_at(enum pv_kind kind, int64_t num);
/* The symbol itself: neither offset nor rotated. */
bool pv_is_plain(const struct pv *v);
bool pv_equal(const struct pv *a, const struct pv *b);
/* Both a named address or number and a plain offset: the sum; else a fresh symbol. */
struct pv pv_offset(const struct pv *v, int64_t by);

/* A function's first state; `args` may be NULL. */
void pv_state_init(struct pv_state *s, uint32_t rva, const uint8_t args[PC_ARGS]);
size_t pv_state_size(const struct pv_state *s);
/* What both states agree on, in `into`. `rva` is the block's. Returns true when `into` changed. */
bool pv_state_join(struct pv_state *into, const struct pv_state *with, uint32_t rva);
struct pv pv_slot_get(const struct pv_state *s, int64_t at);
void pv_slot_set(struct pv_state *s, int64_t at, const struct pv *v);
void pv_slots_forget(struct pv_state *s, int64_t from, int64_t to);
/* The registers and stack slots that a call may change. */
void pv_call_clobber(struct pv_state *s, uint32_t rva);
void pv_escape(struct pv_state *s, int64_t at);
void pv_bound_add(struct pv_state *s, const struct pv *v, uint32_t max, uint32_t other);
const struct pv_bound *pv_bound_find(const struct pv_state *s, const struct pv *v);

#endif
