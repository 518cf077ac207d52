/*
 * Rules and findings: names what went wrong, as a Windows bug check with its parameters, and hands a
 * self-contained record to a sink. Knows nothing of how the record is shown.
 *
 * One host thread. Everything here may be called from export code and from trap code (after the
 * signal has returned), never from inside a signal handler.
 */
#ifndef POOLPROOF_VERIFY_VERIFY_H
#define POOLPROOF_VERIFY_VERIFY_H

#include "base/base.h"
#include "pool/pool.h"

/* Every rule: RULE(id, code, sub_param, sub, options, name, p1, p2, p3, p4, sentence, doc); see rules.def. */
enum vf_rule {
#define RULE(id, ...) VF_##id,
#include "verify/rules.def"
#undef RULE
    VF_RULE_COUNT
};

/* Driver Verifier option bits that bear on memory. Doc: devtest, "Driver Verifier options". */
enum vf_option {
    VF_OPT_AUTOMATIC = 0, /* always on */
    VF_OPT_SPECIAL_POOL = 0x1,
    VF_OPT_FORCE_IRQL = 0x2,
    VF_OPT_LOW_RESOURCES = 0x4,
    VF_OPT_POOL_TRACKING = 0x8,
    VF_OPT_IO = 0x10,
    VF_OPT_DEADLOCK = 0x20,
    VF_OPT_DMA = 0x80,
    VF_OPT_SECURITY = 0x100,
    VF_OPT_MISC = 0x800,
    VF_OPT_INVARIANT_STACK = 0x2000,  /* MDL buffers must not change: compared when a request ends */
    VF_OPT_INVARIANT_DRIVER = 0x4000, /* ... and at each hand-over between drivers */
    VF_OPT_DDI = 0x20000,
    VF_OPT_SYSTEMATIC = 0x40000,
    VF_OPT_CODE_INTEGRITY = 0x2000000,
    VF_OPT_STANDARD = 0x209BB,
};

struct vf_rule_info {
    const char *id;
    uint32_t code;       /* bug check */
    int sub_param;       /* which parameter holds the sub-code, 1 to 4; 0 = none */
    uint64_t sub;
    uint32_t options;    /* enum vf_option that switches it on; 0 = always */
    const char *name;    /* Windows' symbolic name of the code */
    const char *param[4];
    const char *sentence; /* for people: the likely cause */
    const char *doc;
};
const struct vf_rule_info *vf_rule_info(enum vf_rule rule);

enum { VF_FRAMES = PL_STACK_MAX, VF_WINDOW = 96, VF_NAME = 40, VF_DETAIL = 240 };

/* Return addresses, innermost first: inside a driver image or an export's stub, never native. */
struct vf_stack {
    uint32_t count;
    uint32_t pad;
    uint64_t pc[VF_FRAMES];
};

enum vf_access { VF_READ = 0, VF_WRITE = 1, VF_EXECUTE = 8, VF_NO_ACCESS = 0xFF };

/* A whole finding by value: it crosses a pipe. Filled by vf_report from a struct vf_case. */
struct vf_finding {
    uint32_t rule;          /* enum vf_rule */
    uint32_t number;        /* from 1, in order of occurrence in this machine */
    uint64_t p[4];          /* the bug check's parameters */
    uint64_t time;          /* virtual, 100 ns */
    uint64_t thread;        /* thread id of the model */
    uint64_t pc;            /* the instruction, or the return address of the call that broke the rule */
    uint64_t addr;          /* first bad byte, when has_addr */
    uint64_t window_start;  /* bytes around addr */
    uint32_t window_size;   /* 0 = none */
    uint32_t access_size;   /* bytes touched, 0 = unknown */
    uint8_t has_addr, has_block, fatal, irql;
    uint8_t access;         /* enum vf_access */
    uint8_t by_kernel;      /* an imported routine touched it on the driver's behalf */
    uint8_t pad[2];
    uint8_t window[VF_WINDOW];
    uint8_t window_valid[VF_WINDOW]; /* 1: the byte could be read (or is known from the model) */
    struct pl_block_info block;
    struct vf_stack stack, alloc_stack, free_stack;
    char driver[VF_NAME];       /* the culprit */
    char routine[VF_NAME];      /* imported routine that was active, or "" */
    char alloc_driver[VF_NAME];
    char free_driver[VF_NAME];
    char object[VF_NAME];       /* name of an object involved, or "" */
    char detail[VF_DETAIL];     /* one clause more for people, or "" */
};

/* What a caller knows about a broken rule. Zero-initialise; everything is optional but `rule`. */
struct vf_case {
    enum vf_rule rule;
    uint64_t p[4];
    uint64_t addr;              /* the bad byte; 0 with has_addr false */
    bool has_addr;
    bool fatal;                 /* the driver cannot go on from here */
    bool by_kernel;             /* an imported routine did it on the driver's behalf */
    uint8_t access;             /* set VF_NO_ACCESS when not an access */
    uint32_t access_size;
    uint64_t pc;                /* 0: the current caller */
    const struct pl_block_info *block; /* NULL: vf_report looks addr up in the pool */
    const struct vf_stack *stack;      /* NULL: the current stack */
    const char *object;
    const char *detail;
    const char *driver;         /* NULL: the one that is calling */
};

/* What the layer above tells about the present moment. */
struct vf_present {
    uint64_t time, thread, pc;
    uint8_t irql;
    bool is_unverified; /* a driver calls that the verifier does not watch */
    struct vf_stack stack;
    char driver[VF_NAME];
    char routine[VF_NAME];
};

struct vf_hooks {
    void *ctx;
    void (*present)(void *ctx, struct vf_present *ret);          /* fill in the present moment */
    void (*owner_name)(void *ctx, uint32_t owner, char ret[VF_NAME]); /* pool owner -> driver name */
    /* Copy [addr, addr + size) where readable without faulting; valid[i] = 1 for bytes copied. */
    void (*peek)(void *ctx, uint64_t addr, uint8_t *bytes, uint8_t *valid, uint32_t size);
    /* Was the block allocated by a request that a finding cut off? It is then no leak. NULL: none was. */
    bool (*is_abandoned)(void *ctx, const struct pl_block_info *block);
    void (*finding)(void *ctx, const struct vf_finding *f);      /* the sink */
    void (*stop)(void *ctx, const struct vf_finding *f);         /* stop mode (--bugcheck); does not return */
};

struct vf_config {
    uint32_t options;        /* enum vf_option; with the verifier off only VF_OPT_SPECIAL_POOL (GFlags) */
    bool enabled;            /* false: --verify off, only what Windows itself would stop on */
    bool stop_at_first;      /* --bugcheck */
    bool like_windows;
    struct pl_pool *pool;
    struct pl_depot *depot;
    struct vf_hooks hooks;
};

void vf_init(const struct vf_config *cfg);
/* Switch option bits off: the driver is exempt from them. */
void vf_options_drop(uint32_t options);
bool vf_has(uint32_t option);        /* is any of these option bits on? */
bool vf_is_enabled(void);
/* Be silent about bug checks 0xC4 with this P1 (verifier /rules disable). False: too many. */
bool vf_disable(uint64_t p1);
/* Change them while the machine runs. */
void vf_options_set(uint32_t options, bool enabled);
/* Is the rule on under the present options? */
bool vf_rule_on(enum vf_rule rule);

/* Record a broken rule. Returns after the sink has it (unless the policy is to stop). Silent when the
 * rule is off. Returns the finding's number, 0 when nothing was recorded. */
uint32_t vf_report(const struct vf_case *c);
uint32_t vf_finding_count(void);

/* The pool's sink: names the rule for an event (one precedence table, docs/RULES.md). Returns whether
 * the pool may carry on. ctx is unused. */
bool vf_pool_event(void *ctx, const struct pl_event *ev);

/* A page fault or access violation that is the driver's doing. Picks the bug check as Windows would
 * (bugchecks.md section 1) and reports it. */
struct vf_fault {
    uint64_t addr, pc;
    uint8_t access;          /* enum vf_access */
    uint32_t access_size;
    uint8_t irql;
    bool by_kernel;          /* the instruction is in an imported routine */
    bool addr_known;         /* false: non-canonical, unknown */
    bool in_image;           /* addr lies in a loaded image (read-only section, discarded INIT...) */
    bool in_unloaded_image;
    bool in_stack;           /* addr lies where kernel stacks are, below what is in use */
    bool image_writable, image_executable, image_pageable;
    uint64_t pte;            /* a made-up page table entry for 0xBE and 0xFC, deterministic */
    const char *object;      /* image or section name, or NULL */
};
uint32_t vf_report_fault(const struct vf_fault *f);

/* Unhandled exception in driver code: 0x7E (system thread), 0x1E, 0x3B (system service path). */
enum vf_where_thrown { VF_IN_SYSTEM_THREAD, VF_IN_REQUEST, VF_IN_DPC };
struct vf_thrown {
    uint32_t status;
    uint64_t address, info[2];
    enum vf_where_thrown where;
    bool goes_on;       /* the driver continues behind it */
    const char *detail; /* NULL: the parameters */
};
uint32_t vf_report_exception(const struct vf_thrown *t);

/* At unload: every block that `owner` still holds goes to the sink as an entry (rule VF_VER_UNLOAD_LEAK,
 * object "block", not counted), then one C4/62 for all of them. Returns how many blocks were left. */
unsigned vf_check_leaks(uint32_t owner, const char *driver, uint64_t driver_name_addr);

/* At unload, without the verifier: session pool that the driver still holds is what the end of the session
 * finds (0xAB, in special pool 0xEC). */
void vf_check_session(uint32_t owner, const char *driver);

/* Bug check asked for by name: KeBugCheckEx by the driver itself. */
uint32_t vf_report_bugcheck(uint32_t code, const uint64_t p[4]);

#endif
