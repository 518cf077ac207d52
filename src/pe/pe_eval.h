/* Shared by pe_step.c (one instruction) and pe_eval.c (blocks, branches and functions). */
#ifndef POOLPROOF_PE_EVAL_H
#define POOLPROOF_PE_EVAL_H

#include "pe/pe_value.h"

struct pe_eval {
    struct pc_walk *w;
    uint32_t root;
    struct pv args[PC_ARGS]; /* as the function got them */
    struct pc_vec blocks;    /* struct block of pe_eval.c */
    struct pc_vec queue;     /* uint32_t: index of a block */
    uint32_t *hash;          /* index + 1 by rva, open addressing */
    size_t hash_size;
    struct pv_state s; /* of the instruction at hand */
};

/* The instruction at hand. */
struct pe_at {
    uint32_t rva, next;
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
};

/* Change the state as a plain instruction (no branch) does, and note what it tells. */
void pe_step(struct pe_eval *e, const struct pe_at *at);
/* The value of an operand that is read. */
struct pv pe_step_read(struct pe_eval *e, const struct pe_at *at, const ZydisDecodedOperand *op);
/* The value compared by the flags at hand equals its constant, or `v` equals `k`: keep for
 * settling. */
void pe_equal_asked(struct pe_eval *e);
void pe_bits_asked(struct pe_eval *e);
void pe_equal_note(struct pe_eval *e, uint32_t rva, const struct pv *v, uint64_t k);

#endif
