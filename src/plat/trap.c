/*
 * Traps: signals turned into ordinary calls. The handler copies the general registers, asks the
 * machine, and writes them back; anything longer than a few instructions' work is done by pointing
 * rip at a native entry and returning from the signal (see os_trap_fn).
 *
 * The alternate stack belongs to the one host thread. Signals stay unblocked during the handler
 * (SA_NODEFER), so a fault inside the handler itself is seen as what it is: our own.
 */
#include "plat/plat.h"

#include <asm/prctl.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/ucontext.h>
#include <time.h>
#include <unistd.h>
#ifdef PP_SANITIZE
#include <sanitizer/asan_interface.h>
#endif

enum { ALT_STACK_SIZE = 128 * 1024 };
/* Hardware trap numbers as Linux reports them in REG_TRAPNO. */
enum { TRAP_DE = 0, TRAP_DB = 1, TRAP_BP = 3, TRAP_UD = 6, TRAP_SS = 12, TRAP_GP = 13, TRAP_PF = 14, TRAP_MF = 16,
       TRAP_AC = 17, TRAP_XM = 19 };
enum { PF_WRITE = 2, PF_EXEC = 16 };

static struct {
    os_trap_fn fn;
    ucontext_t *uc; /* while inside the handler */
} g;

static const int gpr_map[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

static enum os_trap_kind trap_kind(int sig, long long trapno)
{
    if (sig == SIGVTALRM || sig == SIGPROF)
        return OS_TRAP_TICK;
    switch (trapno) {
    case TRAP_PF:
        return OS_TRAP_PAGE;
    case TRAP_SS: /* a non-canonical address through rsp or rbp */
    case TRAP_GP:
        return OS_TRAP_PROTECTION;
    case TRAP_UD:
        return OS_TRAP_ILLEGAL;
    case TRAP_BP:
        return OS_TRAP_BREAK;
    case TRAP_DB:
        return OS_TRAP_STEP;
    case TRAP_DE:
        return OS_TRAP_DIVIDE;
    case TRAP_MF:
    case TRAP_XM:
        return OS_TRAP_FLOAT;
    case TRAP_AC:
        return OS_TRAP_ALIGN;
    default:
        return OS_TRAP_OTHER;
    }
}

#ifdef PP_SANITIZE
__attribute__((no_sanitize("address")))
#endif
static void on_signal(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    greg_t *gregs = uc->uc_mcontext.gregs;
    struct os_regs r;
    struct os_trap t = {.kind = trap_kind(sig, gregs[REG_TRAPNO]), .signal = sig};
    ucontext_t *outer = g.uc;
    int saved_errno = errno;

    for (int i = 0; i < 16; i++)
        r.gpr[i] = (uint64_t)gregs[gpr_map[i]];
    r.rip = (uint64_t)gregs[REG_RIP];
    r.rflags = (uint64_t)gregs[REG_EFL];
    if (t.kind == OS_TRAP_PAGE) {
        t.addr = (uint64_t)gregs[REG_CR2];
        t.is_write = (gregs[REG_ERR] & PF_WRITE) != 0;
        t.is_exec = (gregs[REG_ERR] & PF_EXEC) != 0;
    } else if (sig == SIGBUS && t.kind == OS_TRAP_OTHER) {
        t.kind = OS_TRAP_PAGE; /* userfaultfd with SIGBUS: the address is exact */
        t.addr = (uint64_t)info->si_addr;
        t.is_write = (gregs[REG_ERR] & PF_WRITE) != 0;
    }
    g.uc = uc;
    if (!g.fn(&r, &t)) {
        struct sigaction dfl = {.sa_handler = SIG_DFL};

        (void)sigaction(sig, &dfl, NULL); /* returning repeats the fault, now fatal */
        g.uc = outer;
        return;
    }
    g.uc = outer;
    for (int i = 0; i < 16; i++)
        gregs[gpr_map[i]] = (greg_t)r.gpr[i];
    gregs[REG_RIP] = (greg_t)r.rip;
    gregs[REG_EFL] = (greg_t)r.rflags;
    errno = saved_errno;
}

void os_trap_save_fx(struct os_regs *r)
{
    PP_ASSERT(g.uc);
    memcpy(r->fx, g.uc->uc_mcontext.fpregs, sizeof r->fx);
}

_Static_assert(offsetof(struct os_regs, rip) == 128 && offsetof(struct os_regs, rflags) == 136 &&
                   offsetof(struct os_regs, fx) == 144,
               "fiber.S, os_regs_resume");

int os_trap_install(os_trap_fn fn)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGVTALRM};
    struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART};
    stack_t alt = {.ss_size = ALT_STACK_SIZE};

    g.fn = fn;
    alt.ss_sp = mmap(NULL, ALT_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (alt.ss_sp == MAP_FAILED)
        return -ENOMEM;
    if (sigaltstack(&alt, NULL))
        return -errno;
    sa.sa_sigaction = on_signal;
    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < PP_COUNT(signals); i++) {
        if (sigaction(signals[i], &sa, NULL))
            return -errno;
    }
    return 0;
}

int os_tick_start(unsigned ms)
{
    struct itimerval it = {0};

    it.it_interval.tv_sec = it.it_value.tv_sec = (time_t)(ms / 1000);
    it.it_interval.tv_usec = it.it_value.tv_usec = (suseconds_t)(ms % 1000) * 1000;
    return setitimer(ITIMER_VIRTUAL, &it, NULL) ? -errno : 0;
}

int os_gs_set(uint64_t base)
{
    return syscall(SYS_arch_prctl, ARCH_SET_GS, base) ? -errno : 0;
}

uint64_t os_clock_ns(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail with this clock */
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void os_stack_forget(uint64_t low, uint64_t high)
{
#ifdef PP_SANITIZE
    if (high > low)
        __asan_unpoison_memory_region((void *)low, high - low);
#else
    (void)low;
    (void)high;
#endif
}
