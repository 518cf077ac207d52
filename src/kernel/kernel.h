/*
 * The machine: a Windows kernel environment for drivers, as its host sees it. Create it once in a
 * process (fixed addresses), load images, drive requests, unload, judge.
 *
 * One host thread; every function here is called by the host on the boot fiber unless it says otherwise.
 */
#ifndef POOLPROOF_KERNEL_KERNEL_H
#define POOLPROOF_KERNEL_KERNEL_H

#include "base/base.h"
#include "nt/nt.h"
#include "pool/pool.h"
#include "poolproof/state.h"
#include "verify/verify.h"

struct ke_image;
struct ke_export;

/* What the host does with what the machine says. */
struct ke_host {
    void *ctx;
    void (*finding)(void *ctx, const struct vf_finding *f);
    void (*module)(void *ctx, const char *name, const char *path, uint64_t base, uint32_t size,
                   bool is_load);
    void (*debug_print)(void *ctx, const char *text, size_t size); /* DbgPrint */
    void (*note)(void *ctx, const char *text);  /* one line for --verbose */
    void (*warn)(void *ctx, const char *text);  /* one line that always shows (upper-half compares, spins broken by the tick) */
    /* These end the machine's process and do not return. */
    PP_NORETURN void (*not_modelled)(void *ctx, const char *name, const char *detail,
                                     const struct vf_stack *stack);                  /* exit 3 */
    PP_NORETURN void (*hang)(void *ctx, const char *what, const struct vf_stack *stack); /* exit 4 */
    PP_NORETURN void (*own_fault)(void *ctx, const char *what);                      /* exit 70 */
    PP_NORETURN void (*stopped)(void *ctx);       /* --bugcheck: after the finding was sent */
};

/* ---- Failing calls on purpose (fault.c) ---- */

enum ke_fault_mode { KE_FAULT_OFF, KE_FAULT_RANDOM, KE_FAULT_SYSTEMATIC, KE_FAULT_ASK };
/* A call of a verified driver that may fail for lack of resources. */
struct ke_fault_point {
    uint64_t id;    /* of routine and stack: the same from run to run */
    uint32_t nth;   /* among the calls with this id, from 1 */
    uint64_t index; /* among all such calls of this machine, from 1 */
    const char *routine;
    struct vf_stack stack;
};
struct ke_fault_config {
    enum ke_fault_mode mode;
    uint32_t probability; /* KE_FAULT_RANDOM: of 10 000 */
    const char *tags;     /* KE_FAULT_RANDOM: patterns, separated by blanks; NULL: every call */
    const char *applications; /* KE_FAULT_RANDOM: programs, likewise; NULL: every one */
    bool (*ask)(void *ctx, const struct ke_fault_point *p); /* KE_FAULT_ASK: true: it fails */
    void *ctx;
};

struct ke_config {
    struct ke_host host;
    uint32_t options;        /* enum vf_option */
    bool verify;             /* false: --verify off */
    const char *drivers;     /* verified when they load: names separated by blanks, or "*"; NULL: "*" */
    const char *excluded;    /* left out of them, or NULL */
    const char *disabled_rules; /* P1 of bug check 0xC4, separated by blanks; NULL: none */
    uint32_t options_if_added; /* of a verifier that is off, once a driver is added to it */
    bool stop_at_first;
    bool like_windows;
    bool graphics;           /* the driver is a graphics driver, as one that imports win32k.sys is */
    bool coverage;           /* count basic blocks reached */
    enum pl_edge edge;
    const char *guard;       /* NULL: probe */
    uint64_t seed;
    uint64_t special_limit;
    unsigned cpus;           /* 2 */
    uint64_t pattern_seed;
    struct ke_fault_config fault;
    struct poolproof_state *state; /* laid out by pp_state_init, shared with readers; NULL: none */
};

void ke_config_init(struct ke_config *cfg);
/* Returns 0 or -Exxx with one line in why. */
int ke_init(const struct ke_config *cfg, char why[PP_WHY_SIZE]);
const char *ke_guard_name(void);
/* From here on calls may fail on purpose, as configured; off at first. */
void ke_fault_switch(bool on);
/* What these options (enum vf_option) ask for. */
enum ke_fault_mode ke_fault_mode_of(uint32_t options);
/* Other rules while the machine runs; its texts are copied. Returns 0 or -ENOMEM. */
int ke_fault_change(const struct ke_fault_config *c);
const struct ke_fault_config *ke_fault_config(void);
/* No stack was seen yet. */
void ke_fault_forget(void);
/* How many calls could have failed so far, and how many did. */
uint64_t ke_fault_calls(uint64_t *ret_failed);
/* The first number again, from the counters of the exports themselves. */
uint64_t ke_fault_counted(void);
/* The call that failed last, when it bears on the present moment: it was one of the thread that runs,
 * or the only one that was asked for. NULL: there is none. */
const struct ke_fault_point *ke_fault_last(void);
/* In the child, right after fork(): what was shared is its own from here on. Returns 0 or -Exxx. */
int ke_after_fork(void);
/* Bring the state block's drivers and totals up to date; its tag tables always are. */
void ke_state_update(void);
/* Settings of the machine directory: a registry file in regedit's text format, read over the defaults.
 * After ke_init, before any driver runs. Returns 0 or -Exxx with line and cause in why. */
int ke_registry_load(const char *text, size_t size, char why[PP_WHY_SIZE]);

/* What GFlags sets for the whole machine: stored in the registry, or by an order while it runs. */
struct ke_gflags {
    uint32_t global_flag;
    uint32_t pool_tag;          /* special pool by tag, pattern or size class; 0: off */
    uint32_t pool_tag_overruns; /* 0: Verify Start; else Verify End */
};
struct ke_gflags ke_gflags(void);
/* Holds for allocations from now on. */
void ke_gflags_set(const struct ke_gflags *g);
/* What they say about special pool, in words for the report; false: nothing. */
bool ke_special_words(char *buf, size_t size);

/* ---- Driver Verifier at run time (verifier.c). What is changed holds until the machine ends. ---- */

/* Is the name in a list as VerifyDrivers holds it? "*" and "*.sys" stand for every driver. */
bool ke_verifier_lists(const char *list, const char *name);
/* Would a driver of this name (without a folder) be verified? */
bool ke_verifier_wants(const char *name);
/* The list: names separated by blanks, or "*". */
const char *ke_verifier_drivers(void);
/* Other options (enum vf_option) for the verified drivers; 0 turns the verifier off. Returns 0 or -ENOMEM. */
int ke_verifier_flags(uint32_t options);
/* Random low resources simulation from now on. Returns 0 or -ENOMEM. */
int ke_verifier_faults(const struct ke_fault_config *faults);
/* Verify one more driver, from now on when it is loaded. Returns 0 or -ENOSPC. */
int ke_verifier_add(const char *name);
/* One less. Returns 0, -EBUSY (it is loaded) or -ENOENT (it is not in the list). */
int ke_verifier_remove(const char *name);

/* Map, relocate, bind. Nothing of it runs. `path` for reports; `bytes` are copied.
 * Returns 0, -ENOEXEC (not a driver, `why`), -ENOMEM. */
int ke_image_load(const char *path, const uint8_t *bytes, size_t size, bool verified,
                  struct ke_image **ret, char why[PP_WHY_SIZE]);

/* How a request or call into the driver ended. */
enum ke_outcome {
    KE_DONE,      /* returned, or the IRP was completed */
    KE_PENDING,   /* still pending when nothing could run any more */
    KE_CONTAINED, /* ended by a fatal finding */
};

struct ke_result {
    enum ke_outcome outcome;
    NTSTATUS status;
    uint64_t information;
};

/* Run DriverEntry in a system thread; INIT is discarded afterwards. When DriverEntry fails, what it left
 * is judged as at unload and the image unmapped; ke_driver_unload then does nothing. */
struct ke_result ke_driver_start(struct ke_image *image);
bool ke_driver_has_unload(const struct ke_image *image);
bool ke_driver_has_add_device(const struct ke_image *image);
/* What the driver offers: its device objects, and all links under \\GLOBAL??. */
unsigned ke_driver_offers(const struct ke_image *image);
/* Does the thread that runs hold a spin lock? */
bool ke_holds_spin_lock(void);
/* DriverUnload, then the unload checks (leaks, devices left) and unmapping. */
struct ke_result ke_driver_unload(struct ke_image *image);

/* AddDevice with a simulated PDO, and PnP requests to the stack. */
struct ke_pnp; /* one simulated device node */
struct ke_result ke_pnp_add(struct ke_image *image, struct ke_pnp **ret);
struct ke_result ke_pnp_request(struct ke_pnp *node, uint8_t minor);
/* IRP_MN_SET_POWER / QUERY_POWER: is_system, state (SYSTEM_POWER_STATE or DEVICE_POWER_STATE). */
struct ke_result ke_pnp_power(struct ke_pnp *node, uint8_t minor, bool is_system, unsigned state);
void ke_pnp_free(struct ke_pnp *node);
/* Name under which the device stack can be opened (that of its PDO). */
void ke_pnp_name(const struct ke_pnp *node, char *buf, size_t size);

/* Names drivers made under \Device, and links; for the default drive. UTF-8. fn returns false to stop. */
void ke_each_device(bool (*fn)(void *ctx, const char *name, const struct ke_image *owner), void *ctx);
/* Device interfaces registered and enabled: symbolic link names. */
void ke_each_interface(bool (*fn)(void *ctx, const char *link, const struct ke_image *owner), void *ctx);

/* Requests as a user-mode program makes them. Buffers are host memory; they are copied into guarded
 * simulated user memory and back. `name` e.g. \Device\Foo, \??\Foo, \\.\Foo. */
struct ke_file;
/* From now on requests on the file come back when the dispatch routine returns, completed or not. */
void ke_overlapped(struct ke_file *f);
/* A buffer of the simulated program, zeroed, its end against a guard. Given to ke_ioctl (or ke_read,
 * ke_write) it is used as it is, so that a driver may keep its address beyond the request. */
void *ke_user_alloc(size_t size);
void ke_user_free(void *p);
struct ke_result ke_open(const char *name, uint32_t access, struct ke_file **ret);
struct ke_result ke_ioctl(struct ke_file *f, uint32_t code, const void *in, size_t in_size, void *out,
                          size_t out_size, bool internal);
struct ke_result ke_read(struct ke_file *f, uint64_t offset, void *buf, size_t size);
struct ke_result ke_write(struct ke_file *f, uint64_t offset, const void *buf, size_t size);
/* Any other major function with a zeroed parameter block and small buffers (flush, query information...). */
struct ke_result ke_major(struct ke_file *f, uint8_t major, uint8_t minor);
/* Cancel whatever is pending on the file; returns how many IRPs were cancelled. */
unsigned ke_cancel(struct ke_file *f);
/* IRP_MJ_CLEANUP then IRP_MJ_CLOSE; frees f. */
struct ke_result ke_close(struct ke_file *f);

/* A simulated interrupt: runs the service routines connected to the vector. Returns how many claimed it. */
unsigned ke_interrupt(uint32_t vector);
/* Connected interrupts, for the default drive. fn returns false to stop. */
void ke_each_interrupt(bool (*fn)(void *ctx, uint32_t vector, const struct ke_image *owner), void *ctx);
/* IRP_MJ_SHUTDOWN to every device that registered for it. */
struct ke_result ke_shutdown(void);

/* Let work items, DPCs and timers run: up to `ms` of virtual time. */
void ke_settle(uint64_t ms);
/* True after a contained request that may have left locks or IRQL behind: go on in a fresh machine. */
bool ke_is_unsound(void);

/* Start and end a small program, so that process and image notify routines run. False: there are none, or it
 * did not come back. */
bool ke_program_run(void);

struct ke_exercised {
    uint64_t requests, completed; /* IRPs sent from outside; completed with any status */
    uint64_t succeeded;
    uint64_t blocks, blocks_reached; /* basic blocks of verified images */
    uint64_t guarded, allocations;   /* blocks of verified drivers: guarded / total */
    uint64_t imports_called, ticks_broken;
};
void ke_exercised(struct ke_exercised *ret);
/* One byte for each basic block of verified images in load order: 1 = reached. Returns the bytes written. */
size_t ke_cover_read(uint8_t *hits, size_t size);

/* The bytes that fill fresh pool memory, freed memory and slack, for reports that explain a value. */
struct pl_patterns ke_patterns(void);
/* What a range of the machine's fixed addresses is for, in words ("a kernel stack"); NULL: it is no address
 * of the machine. Works in any process. */
const char *ke_address_words(uint64_t addr);

/* For `poolproof info`: what is modelled. status: 0 full, 1 partial, 2 missing, 3 unknown name. */
int ke_export_status(const char *module, const char *name, const char **ret_doc);
void ke_export_each(void (*fn)(void *ctx, const char *module, const char *name, int status), void *ctx);
/* "nt!ExFreePoolWithTag" for a stub address, NULL otherwise. Works in any process. */
const char *ke_stub_name(uint64_t addr);

#endif
