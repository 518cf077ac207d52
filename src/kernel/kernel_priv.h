/*
 * What the kernel's own files share. Layout of the layer (one subject per group of files):
 *   gate.S gate.c image.c export.c   crossing the border, loading, binding      (this header)
 *   trap.c emulate.c seh*.c unwind.c  faults and exceptions                     trap_priv.h
 *   ke_*.c ps_thread.c                scheduler, dispatcher objects, time, DPCs ke_priv.h
 *   ob_*.c                            objects, names, handles                   ob_priv.h
 *   io_*.c pnp_*.c po_*.c             I/O manager, PnP, power                   io_priv.h
 *   mm_*.c ex_pool.c hal_*.c          memory, pool routines, ports, buses       mm_priv.h
 *   zw_*.c cm_*.c se_*.c ps_*.c cc_*.c system services, registry, security      zw_priv.h
 *   rtl_*.c crt_*.c                   run-time library                          rtl_priv.h
 *
 * Capitals are the driver's (exports, NTAPI), lower case is ours. A driver's pointer may be bad: touch
 * it freely inside an export; the fault is attributed to the driver (0xCC, 0xCD, 0x0A, 0x50) or raised
 * to its __try when the address is a user address. So never hold internal state half-changed while
 * touching driver memory: read driver memory first, then change state.
 */
#ifndef POOLPROOF_KERNEL_PRIV_H
#define POOLPROOF_KERNEL_PRIV_H

#include "base/base.h"
#include "base/list.h"
#include "kernel/kernel.h"
#include "nt/nt.h"
#include "pe/pe.h"
#include "plat/plat.h"
#include "pool/pool.h"
#include "verify/verify.h"

/* ---- Fixed ranges (docs/ARCHITECTURE.md) ---- */
#define KE_USER_LOW 0x200000000000ull  /* simulated user space */
#define KE_USER_HIGH 0x3FFF00000000ull
#define KE_SYSTEM_LOW 0x400000000000ull /* MmSystemRangeStart */
#define KE_POOL_LOW 0x480000000000ull
#define KE_POOL_HIGH 0x4A0000000000ull
#define KE_MAP_LOW 0x4A0000000000ull    /* MDL mappings, I/O space, contiguous memory */
#define KE_MAP_HIGH 0x4C0000000000ull
#define KE_IMAGE_LOW 0x4C0000000000ull
#define KE_IMAGE_HIGH 0x4D0000000000ull
#define KE_STUB_LOW 0x4D0000000000ull   /* import stubs: one 32-byte stub for each export */
#define KE_STUB_HIGH 0x4D0001000000ull
#define KE_STUB_SIZE 32u
#define KE_DATA_LOW 0x4D1000000000ull   /* exported variables */
#define KE_PCR_LOW 0x4E0000000000ull    /* one KPCR for each simulated processor, 64 KB apart */
#define KE_RAM_PAGES 0xFFF5Au /* 4 GB less what firmware keeps */
#define KE_STACK_LOW 0x4F0000000000ull
#define KE_STACK_HIGH 0x500000000000ull

/* ---- Exports ---- */

enum ke_status { KE_FULL, KE_PARTIAL, KE_MISSING };
/* How an export fails for lack of resources; a fault-injection point unless NEVER. */
enum ke_fail { KE_FAIL_NEVER, KE_FAIL_NULL, KE_FAIL_STATUS, KE_FAIL_RAISE, KE_FAIL_FALSE };
enum ke_export_flag {
    KE_EXPORT_RAW = 1u << 0,  /* bound without the gate: must touch no memory of ours and call nothing */
    KE_EXPORT_CHECKED = 1u << 2, /* ke_gate_check looks at each call (gate.S knows the bit) */
    KE_EXPORT_DATA = 1u << 1, /* a variable: the import slot gets its address */
};

struct ke_export { /* gate.S knows fn and max_irql by offset */
    void *fn;          /* native NTAPI routine, or the variable */
    uint8_t max_irql;
    uint8_t status;    /* enum ke_status */
    uint8_t fail;      /* enum ke_fail */
    uint8_t flags;     /* enum ke_export_flag */
    uint32_t index;    /* position in the stub range */
    const char *module; /* "ntoskrnl.exe", "hal.dll", ... */
    const char *name;
    const char *doc;
    uint64_t calls;
};

/* Stub address of an export by name (for pointers handed to drivers); 0 when unknown. Data: its address. */
uint64_t ke_export_stub(const char *name);
/* By module (NULL: any) and name; creates a stopping stub for a name nobody knows. Never NULL. */
struct ke_export *ke_export_find(const char *module, const char *name);
/* By name, NULL when not modelled (for MmGetSystemRoutineAddress). */
struct ke_export *ke_export_known(const char *name);
/* The export whose stub holds `addr`, or NULL. */
const struct ke_export *ke_export_at(uint64_t addr);

/* ---- Gate ---- */

enum ke_gate_kind { KE_GATE_IMPORT, KE_GATE_CALLOUT };

/* One crossing of the border. gate.S knows every offset. */
struct ke_gate_record {
    uint64_t kind;
    uint64_t rip;  /* IMPORT: return address in the driver; CALLOUT: native address to return to */
    uint64_t rsp;  /* IMPORT: driver's rsp after the return; CALLOUT: native rsp to return on */
    uint64_t rbx, rbp, rsi, rdi, r12, r13, r14, r15;
    uint64_t args[4];
    struct ke_export *export; /* IMPORT */
    uint64_t target;          /* CALLOUT: routine called */
    uint64_t aborted;         /* CALLOUT: left by ke_callout_abort */
    uint64_t mxcsr;           /* CALLOUT: mxcsr in the low half, x87 control word in the high half */
    uint64_t tag;             /* CALLOUT: enum ke_callout_tag */
    uint8_t xmm[10][16];      /* xmm6 to xmm15 */
};
_Static_assert(sizeof(struct ke_gate_record) == 320, "gate.S");

enum ke_callout_tag {
    KE_CALL_PLAIN,
    KE_CALL_BOUNDARY, /* ke_contain() may end up here */
    KE_CALL_SEH,      /* seh.c calls a language handler; args[0] is its struct seh_call */
    KE_CALL_FUNCLET,  /* a language handler calls a filter or a termination handler */
    KE_CALL_BASE = 1 << 8, /* set by ke_callout: the native frames are on the fiber's entry stack */
};

enum { KE_GATE_DEPTH = 160 };

/* Call driver code at `target` with integer arguments. A driver-visible bad pointer faults in the model.
 * Returns rax. When the call was abandoned by ke_contain() and `tag` is BOUNDARY, *aborted is true. */
uint64_t ke_callout(uint64_t target, enum ke_callout_tag tag, bool *aborted, unsigned argc,
                    const uint64_t *argv);
#define ke_call(target, ...)                                                                       \
    ke_callout((uint64_t)(uintptr_t)(target), KE_CALL_PLAIN, NULL,                                 \
               (unsigned)PP_COUNT(((const uint64_t[]){__VA_ARGS__})), (const uint64_t[]){__VA_ARGS__})
#define KE_ARG(x) ((uint64_t)(uintptr_t)(x))

/* The record of the import that is being served on this fiber, or NULL. */
struct ke_gate_record *ke_gate_import(void);
/* Return address of the driver's call into the running export, 0 outside. */
uint64_t ke_caller(void);
/* Stack from interrupted driver code at `start` (changed), then over the border. start NULL: from the border. */
void ke_stack_capture_from(struct os_regs *start, struct vf_stack *ret);
/* The driver's stack right now, innermost first (return addresses; pseudo-frames of exports included). */
void ke_stack_capture(struct vf_stack *ret);
/* The same, put into the depot. */
uint32_t ke_stack_id(void);

/* End the current request: leaves all frames up to the nearest BOUNDARY callout of this fiber. The
 * machine's state is judged: locks held or raised IRQL make the machine unsound (restart needed). */
PP_NORETURN void ke_contain(void);
/* An import that is not modelled was called: report name and caller, the machine ends with exit 3. */
PP_NORETURN void ke_not_modelled(const char *name, const char *detail);

/* ---- Images ---- */

struct ke_image {
    struct pp_list link;
    uint32_t owner;      /* pool owner number, 1 and up */
    char name[VF_NAME];  /* "x.sys" */
    char path[256];      /* host path */
    uint64_t base;
    uint32_t size;
    uint64_t entry;
    struct pe_image *pe;
    uint8_t *file;       /* the file's bytes */
    size_t file_size;
    bool init_discarded, is_unloaded, is_verified;
    bool is_unloading;   /* DriverUnload runs or has run */
    const void *unload_thread; /* struct ke_thread that runs it */
    DRIVER_OBJECT *driver_object;
    unsigned pageable_locks;   /* MmLockPagableDataSection minus unlocks: pageable code stays resident */
    bool is_page_locked_all;
    struct ke_cover *cover;    /* cover.c; NULL when coverage is off */
};
/* Start of the discardable part given back after DriverEntry. */
void ke_image_discard_init(struct ke_image *image);
/* Its addresses stay reserved and inaccessible: a later touch is 0xCE. */
void ke_image_unload(struct ke_image *image);
/* Pageable sections of all images become inaccessible (force IRQL checking), and come back. */
void ke_image_paged_revoke(void);
void ke_image_paged_restore(void);
bool ke_image_paged_is_revoked(void);
/* Is addr in a section that may be paged out? PP_ASYNC. */
bool ke_image_is_pageable(const struct ke_image *image, uint64_t addr);
/* Section that holds addr, or NULL. PP_ASYNC. */
const struct pe_section *ke_image_section(const struct ke_image *image, uint64_t addr);
/* Protection (enum os_prot) of the page at page_rva as its sections want it. PP_ASYNC. */
unsigned ke_image_page_prot(const struct ke_image *image, uint32_t page_rva);
/* Next coverage breakpoint handling: true when the int3 at `addr` was ours and is gone now. PP_ASYNC. */
bool ke_cover_hit(uint64_t addr);
int ke_cover_arm(struct ke_image *image);
void ke_cover_count(uint64_t *ret_blocks, uint64_t *ret_reached);
int ke_export_init(void);
uint64_t ke_export_address(const struct ke_export *e);
extern uint64_t ke_gate_calls; /* imports that drivers called so far, of all exports */
uint64_t ke_export_failable_calls(void);
/* The image (loaded or unloaded) whose range holds addr, or NULL. PP_ASYNC. */
struct ke_image *ke_image_at(uint64_t addr);
struct ke_image *ke_image_by_owner(uint32_t owner);
/* The image the current call came from, or NULL. */
struct ke_image *ke_image_current(void);

/* ---- Pool for ourselves ---- */

/* Memory that drivers see but the kernel owns: guarded, tagged, zeroed. Never fails (machine out of memory
 * is our own failure). `size` as precise as possible: the end lies against a guard. */
void *ex_alloc_kernel(size_t size, const char tag[4], bool paged);
void ex_free_kernel(void *p);
/* The driver's allocation on its behalf by an export (booked on the calling driver, tracked, can fail). */
void *ex_alloc_for_driver(POOL_TYPE type, size_t size, uint32_t tag);
/* The same; `quota`: charged to the current process. */
void *ex_alloc_charged(POOL_TYPE type, size_t size, uint32_t tag, bool quota);
/* What the kernel still uses inside memory that is being freed: reported, and forgotten. */
void ex_check_contents(uint64_t start, uint64_t size, uint32_t type);
void ex_free_for_driver(void *p, uint32_t tag);

/* Special pool as GFlags sets it for the whole system (ex_special.c). */
void ex_special_load(void); /* from the registry */
/* Does PoolTag `pool_tag` (a tag, a pattern or a size class; 0: off) take a request in? */
bool ex_special_matches(uint32_t pool_tag, size_t size, uint32_t tag);
bool ex_special_wanted(size_t size, uint32_t tag);
/* The guarded side: as asked for by the call, else as set. */
enum pl_edge ex_special_edge(enum pl_edge asked);

/* ---- Raising ---- */

/* Raise an exception in the driver's context of the current import. Does not return here; may unwind
 * through native frames: hold nothing. */
PP_NORETURN void ke_raise_status(NTSTATUS status);
PP_NORETURN void ke_raise_access_violation(uint64_t addr, bool is_write);

int ke_fault_init(void);

/* ---- Driver Verifier (verifier.c) ---- */

void ke_verifier_init(void);
void ke_verifier_loaded(const struct ke_image *im);
/* False: the calling driver is not among the verified ones, so that it breaks no rule of the verifier. */
bool ke_caller_is_verified(void);

/* ---- The state block (state.c) ---- */

/* Point the pool's tables into the block; NULL: nothing is published. Then, when all parts are up, start. */
void ke_state_init(struct poolproof_state *s, struct pl_config *pc);
void ke_state_start(void);
void ke_state_finding(const struct vf_finding *f);

/* ---- Machine-wide state ---- */

/* A request that a finding cut off: its thread, and the span of allocations made meanwhile. */
struct ke_abandoned {
    uint64_t thread, from, to;
};
bool ke_is_abandoned(const struct pl_block_info *block);

struct ke_machine {
    struct ke_config config;
    struct pl_pool *pool;
    struct pl_depot *depot;
    struct pp_random random;
    struct pp_list images;
    struct ke_abandoned abandoned[1024];
    unsigned abandoned_count;
    uint64_t kernel_guarded; /* special blocks that are the kernel's own */
    const struct ke_image *judged; /* what it left behind is being judged; NULL: nobody's */
    bool is_unsound; /* a contained request may have left locks or IRQL behind */
};
extern struct ke_machine ke_m;

#include "kernel/ke_data.h"
#include "kernel/ke_priv.h"
#include "kernel/trap_priv.h"
#include "kernel/ob_priv.h"
#include "kernel/io_priv.h"
#include "kernel/mm_priv.h"
#include "kernel/zw_priv.h"
#include "kernel/rtl_priv.h"

#endif
