/*
 * The code walker's own interfaces. Two halves work on one map with a byte of marks for each byte
 * of code: pe_flow.c follows direct control flow and decodes each instruction once; pe_eval.c runs
 * functions on abstract values (pe_value.c) and finds what flow alone cannot: jump tables,
 * constants compared with a control code, pool tags, dispatch routines. What it finds goes back to
 * pe_flow.c.
 */
#ifndef POOLPROOF_PE_CODE_PRIV_H
#define POOLPROOF_PE_CODE_PRIV_H

#include "pe/pe_priv.h"

#include <Zydis/Zydis.h>

/* A growing array. */
struct pc_vec {
    void *items;
    size_t count, room;
};

enum pc_mark {
    PC_START = 1u << 0,  /* an instruction begins here */
    PC_TAIL = 1u << 1,   /* inside an instruction */
    PC_LEADER = 1u << 2, /* control can arrive here other than from the instruction before */
    PC_END = 1u << 3,    /* the instruction ends its block */
    PC_UNSAFE = 1u << 4, /* something contradicts that this is an instruction */
    PC_DATA = 1u << 5,   /* part of a jump table */
    PC_EVALED = 1u << 6, /* pe_eval.c has seen this instruction */
    PC_ROOT = 1u << 7,   /* a function begins here */
};

/* Bytes of an executable section that the file has; `index` is where its marks begin. */
struct pc_region {
    uint32_t rva, size;
    size_t index;
    const uint8_t *bytes;
};

enum { PC_ARGS = 8 };

/* What a value points to or is, as far as drivers' conventions tell. */
enum pc_type {
    PC_T_NONE,
    PC_T_DRIVER,     /* PDRIVER_OBJECT */
    PC_T_DRIVER_EXT, /* PDRIVER_EXTENSION */
    PC_T_DEVICE,     /* PDEVICE_OBJECT */
    PC_T_IRP,
    PC_T_STACK_LOCATION,
    PC_T_STACK_LOCATION_LIKE, /* loaded from +0xB8 of something */
    PC_T_CONTROL_CODE,
    PC_T_CONTROL_CODE_LIKE,
};

struct pc_function {
    uint32_t rva;
    uint8_t args[PC_ARGS]; /* enum pc_type of each argument, learnt from callers */
    uint8_t ret;           /* enum pc_type of the result */
    uint8_t tag_args;      /* bit i: argument i becomes the tag of an allocation or free */
    uint8_t runs;
    bool is_queued;
};

/* One function calls another: when more becomes known of the callee, the caller runs again. */
struct pc_call {
    uint32_t caller, callee;
};

/* A value was compared for equality with a constant. */
struct pc_equal {
    uint64_t symbol; /* identity of the value, within one function */
    uint32_t value;
    uint32_t rva;
    uint8_t type;
};

struct pc_walk {
    const struct pe_image *img;
    ZydisDecoder decoder;
    struct pc_region *regions;
    size_t region_count, last_region;
    uint8_t *marks;
    size_t mark_count;
    struct pc_vec todo;      /* uint32_t: where pe_flow.c goes on */
    struct pc_vec guesses;   /* uint32_t: addresses taken, perhaps of functions */
    struct pc_vec functions; /* struct pc_function, in order of discovery */
    struct pc_vec queue;     /* uint32_t: rva of the function to evaluate */
    struct pc_vec calls;     /* struct pc_call */
    uint32_t news_left;      /* discoveries that may still send callers through again */
    uint32_t *function_hash; /* index + 1 by rva, open addressing */
    size_t function_hash_size;
    struct pc_vec equals; /* struct pc_equal of the function at hand */
    struct pc_vec ioctls, names, tags, consts, insns;
    struct pc_vec tag_guesses; /* struct pe_tag: constants shaped like one */
    bool has_hidden_tags;      /* a call took a tag from where it could not be followed */
    struct pe_dispatch dispatch;
    /* What may still be spent, so that no image makes the walk long: instructions evaluated,
     * instructions decoded on a guess, entries of scope tables. */
    uint64_t steps_left, guess_steps_left;
    uint32_t scopes_left;
    bool out_of_memory;
};

/* pe_code.c. A failed push sets out_of_memory, which ends the walk soon. */
void pc_push(struct pc_walk *w, struct pc_vec *vec, const void *item, size_t item_size);
void pc_ioctl_add(struct pc_walk *w, uint32_t code, uint32_t rva, bool is_certain);
void pc_tag_add(struct pc_walk *w, uint32_t tag, uint32_t rva);
/* Notes `value` when it is shaped like a tag: four characters that a name may have. */
void pc_tag_guess(struct pc_walk *w, uint64_t value, uint32_t rva);
/* Notes `value` when it looks like an address of Windows' upper half, or of its user limit. */
void pc_const_add(struct pc_walk *w, uint64_t value, uint32_t rva, bool is_compared);
/* The function at `rva`, made when new; the pointer is good until the next call. NULL: no memory.
 */
struct pc_function *pc_function_get(struct pc_walk *w, uint32_t rva);
/* Queue the function at `rva` (again if `args`, may be NULL, tells something new). */
void pc_function_call(struct pc_walk *w, uint32_t rva, const uint8_t args[PC_ARGS]);
/* Argument `arg` of the function at `rva` is a pool tag: its callers say which. */
void pc_function_takes_tag(struct pc_walk *w, uint32_t rva, unsigned arg);
/* The function at `rva` returns a value of `type`. */
void pc_function_returns(struct pc_walk *w, uint32_t rva, uint8_t type);

/* pe_names.c */
void pc_names_scan(struct pc_walk *w);

/* pe_flow.c */
uint8_t *pc_mark_at(struct pc_walk *w, uint32_t rva);
bool pc_decode(struct pc_walk *w, uint32_t rva, ZydisDecodedInstruction *insn,
               ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT]);
/* The target of a direct branch, or UINT32_MAX. */
uint32_t pc_branch_target(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *ops,
                          uint32_t rva);
/* The import that a call or jump through memory at `rva` goes to, or NULL. */
const struct pe_import *pc_import_of(struct pc_walk *w, const ZydisDecodedInstruction *insn,
                                     const ZydisDecodedOperand *ops, uint32_t rva);
/* The import behind a local jump stub at `rva`, or NULL. */
const struct pe_import *pc_thunk_import(struct pc_walk *w, uint32_t rva);
bool pc_import_returns(const struct pe_import *imp);
/* Control can reach `rva`: decode from there, with everything that follows directly. */
void pc_flow_add(struct pc_walk *w, uint32_t rva, bool is_function);
void pc_flow_run(struct pc_walk *w);
/* Bytes of a jump table: no instruction may be there. */
void pc_flow_data(struct pc_walk *w, uint32_t rva, uint32_t size);
/* Follow those guesses that decode like whole functions. Returns true when there were any. */
bool pc_flow_guesses(struct pc_walk *w);
/* Roots that the image names: entry, .pdata with handlers, exports, relocated pointers. */
void pc_flow_roots(struct pc_walk *w);

/* pe_eval.c */
/* Evaluate from `rva`; `args` are the types of the arguments, NULL for none known. */
void pc_eval_function(struct pc_walk *w, uint32_t rva, const uint8_t args[PC_ARGS]);

#endif
