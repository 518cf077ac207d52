/*
 * All contact with Linux that the machine needs: fixed mappings, traps (signals turned into ordinary
 * calls), fibers, GS base, the real clock, containment. Prefix os_. One host thread.
 */
#ifndef POOLPROOF_PLAT_PLAT_H
#define POOLPROOF_PLAT_PLAT_H

#include "base/base.h"
#include "plat/guard.h"
#include "plat/lock.h"

/* ---- Memory at fixed addresses ----------------------------------------------------------------- */

enum os_prot { OS_NONE = 0, OS_READ = 1, OS_WRITE = 2, OS_EXEC = 4 };

/* Map zeroed private memory exactly at `addr` (page aligned); refuses to replace anything.
 * Returns 0, -EEXIST, -ENOMEM. Untouched pages cost nothing. */
int os_map(uint64_t addr, size_t size, unsigned prot);
/* Change protection; ranges of whole pages inside earlier mappings. 0 or -Exxx. */
int os_protect(uint64_t addr, size_t size, unsigned prot);
/* Give back the contents (reads as zero again) but keep the mapping. */
int os_discard(uint64_t addr, size_t size);
int os_unmap(uint64_t addr, size_t size);
/* Shared anonymous memory seen at two or more places: make one object, map parts of it. */
int os_shared_new(size_t size, int *ret_fd);
/* The first part of [offset, end) of the object that was ever written to; false: none. */
bool os_shared_used(int fd, uint64_t offset, uint64_t end, uint64_t *ret_from, uint64_t *ret_to);
/* Copy that part from one object to the same place of another. 0 or -Exxx. */
int os_shared_copy(int from, int to, uint64_t offset, size_t size);
int os_shared_map(int fd, uint64_t offset, uint64_t addr, size_t size, unsigned prot);
/* Copy without faulting (process_vm_readv on ourselves): how many leading bytes of [addr, addr+size)
 * could be read. Works before and after containment. */
size_t os_peek(uint64_t addr, void *dst, size_t size);

/* ---- Traps ------------------------------------------------------------------------------------- */

enum os_gpr {
    OS_RAX, OS_RCX, OS_RDX, OS_RBX, OS_RSP, OS_RBP, OS_RSI, OS_RDI,
    OS_R8, OS_R9, OS_R10, OS_R11, OS_R12, OS_R13, OS_R14, OS_R15,
};

/* Registers of interrupted code; order of gpr is the instruction encoding's (Zydis, unwind codes). */
struct os_regs {
    uint64_t gpr[16];
    uint64_t rip, rflags;
    uint8_t fx[512] __attribute__((aligned(16))); /* FXSAVE image: x87 and xmm0-15, mxcsr */
};

enum os_trap_kind {
    OS_TRAP_PAGE,       /* #PF: addr is exact */
    OS_TRAP_PROTECTION, /* #GP: privileged instruction or non-canonical access */
    OS_TRAP_ILLEGAL,    /* #UD */
    OS_TRAP_BREAK,      /* int3 (rip already past it) */
    OS_TRAP_STEP,       /* #DB: single step */
    OS_TRAP_DIVIDE,     /* #DE */
    OS_TRAP_FLOAT,      /* #MF, #XM */
    OS_TRAP_ALIGN,      /* #AC */
    OS_TRAP_TICK,       /* the real-time tick, see os_tick_start */
    OS_TRAP_OTHER,
};

struct os_trap {
    enum os_trap_kind kind;
    uint64_t addr;   /* OS_TRAP_PAGE */
    bool is_write, is_exec;
    int signal;
};

/* Called inside the signal handler, on the alternate stack. `r` holds general registers, rip and
 * rflags (fx is not filled unless os_trap_save_fx is called). Returns true: continue with `r` as it is
 * now; false: not ours, the process dies with the default action of the signal. */
typedef bool (*os_trap_fn)(struct os_regs *r, const struct os_trap *t);
int os_trap_install(os_trap_fn fn);
/* Only inside the handler: copy the FP/SSE state of the interrupted code into r->fx. */
void os_trap_save_fx(struct os_regs *r);
/* Continue at `r` completely (registers, flags, SSE state). Uses 16 bytes below r's rsp. */
PP_NORETURN void os_regs_resume(const struct os_regs *r);
/* Deliver OS_TRAP_TICK every `ms` of CPU time used; 0 stops. */
int os_tick_start(unsigned ms);

/* ---- Fibers ------------------------------------------------------------------------------------ */

struct os_fiber {
    void *rsp;          /* while switched away */
    uint64_t stack_low; /* lowest usable byte; a guard page lies below */
    uint64_t stack_high;
    void *asan_fake;    /* sanitizer builds only */
};

typedef void (*os_fiber_fn)(void *arg);
/* Prepare `f` to run fn(arg) on [stack_low, stack_high) at its first switch. fn must not return. */
void os_fiber_init(struct os_fiber *f, uint64_t stack_low, uint64_t stack_high, os_fiber_fn fn,
                   void *arg);
/* The code that runs now becomes `f` (its stack is the thread's own). */
void os_fiber_adopt(struct os_fiber *f);
void os_fiber_switch(struct os_fiber *from, struct os_fiber *to);

/* ---- GS base, clock ---------------------------------------------------------------------------- */

int os_gs_set(uint64_t base);
uint64_t os_clock_ns(void);     /* real, monotonic */

/* Sanitizer builds: forget poison left by frames that were skipped. A no-op elsewhere. */
void os_stack_forget(uint64_t low, uint64_t high);

/* ---- Containment ------------------------------------------------------------------------------- */

/* This descriptor is needed for as long as the process runs: os_contain leaves it open. */
void os_keep_fd(int fd);

struct os_contain_result {
    bool namespaces; /* user, mount, net, ipc, uts where the kernel allows */
    bool seccomp;
    char notice[160]; /* why one of them is missing, or "" */
};
/* No new privileges, empty network and mount view where allowed, and a filter that leaves only the calls
 * the machine needs. `keep_fds` [count] stay usable, all others are closed. may_fork: copies of the process
 * may be made. Irreversible. */
int os_contain(const int *keep_fds, unsigned count, bool may_fork, struct os_contain_result *ret);

#endif
