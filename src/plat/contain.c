/*
 * Containment of an untrusted driver: no new privileges, namespaces where the kernel allows them, and a
 * system-call filter that leaves only what a running machine needs. A call outside the list ends the
 * process with SIGSYS, which the supervisor reports.
 */
#include "plat/plat.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Calls the machine makes while it runs: memory, guards, journal, signals, its own end, fork (explore). */
static const int allowed[] = {
    SCMP_SYS(mmap),         SCMP_SYS(munmap),       SCMP_SYS(mprotect),
    SCMP_SYS(madvise),      SCMP_SYS(mremap),       SCMP_SYS(brk),
    SCMP_SYS(ioctl),        SCMP_SYS(read),         SCMP_SYS(write),
    SCMP_SYS(writev),       SCMP_SYS(close),        SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(sigaltstack),
    SCMP_SYS(setitimer),    SCMP_SYS(clock_gettime), SCMP_SYS(exit),
    SCMP_SYS(exit_group),   SCMP_SYS(getpid),       SCMP_SYS(gettid),
    SCMP_SYS(tgkill),       SCMP_SYS(process_vm_readv), SCMP_SYS(futex),
    SCMP_SYS(poll),         SCMP_SYS(arch_prctl),   SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),   SCMP_SYS(sched_yield),  SCMP_SYS(restart_syscall),
    SCMP_SYS(getrandom),    SCMP_SYS(lseek),        SCMP_SYS(gettimeofday),
    SCMP_SYS(sysinfo), /* glibc's qsort */
#ifdef PP_SANITIZE
    SCMP_SYS(sched_getaffinity), SCMP_SYS(readlink), SCMP_SYS(openat), SCMP_SYS(clone),
    SCMP_SYS(wait4),        SCMP_SYS(prctl),        SCMP_SYS(getrusage),
#endif
};

/* And these where the machine makes copies of itself (explore). */
static const int forking[] = {
    SCMP_SYS(clone),     SCMP_SYS(wait4),       SCMP_SYS(set_robust_list), SCMP_SYS(memfd_create),
    SCMP_SYS(ftruncate), SCMP_SYS(userfaultfd), SCMP_SYS(fcntl),
    SCMP_SYS(pread64),   SCMP_SYS(pwrite64),
};

enum { KEEP_MAX = 16 };

static struct {
    int fds[KEEP_MAX];
    unsigned count;
} g;

void os_keep_fd(int fd)
{
    PP_ASSERT(g.count < KEEP_MAX);
    g.fds[g.count++] = fd;
}

static void close_others(const int *keep, unsigned count)
{
    int prev = 2; /* stdin, stdout and stderr stay: they are the supervisor's to give */

    for (;;) {
        int next = -1;

        for (unsigned i = 0; i < count; i++) {
            if (keep[i] > prev && (next < 0 || keep[i] < next))
                next = keep[i];
        }
        if (next < 0) {
            (void)close_range((unsigned)prev + 1, ~0u, 0); /* an old kernel leaves them open */
            return;
        }
        if (next > prev + 1)
            (void)close_range((unsigned)prev + 1, (unsigned)next - 1, 0); /* as above */
        prev = next;
    }
}

/* An empty root: a tmpfs mounted over /proc of our own mount name space, entered with chroot. */
static bool enter_namespaces(char *notice, size_t size)
{
    int flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

    if (geteuid() != 0)
        flags |= CLONE_NEWUSER;
    if (unshare(flags)) {
        pp_fmt(notice, size, "name spaces are not available here (%s)", strerror(errno));
        return false;
    }
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=0555") ||
        chroot("/proc") || chdir("/")) {
        pp_fmt(notice, size, "the empty file system view is not available here (%s)",
               strerror(errno));
        return false;
    }
    return true;
}

static int install_filter(bool may_fork)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int err = 0;

    if (!ctx)
        return -ENOMEM;
    for (size_t i = 0; i < PP_COUNT(allowed) && !err; i++)
        err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; may_fork && i < PP_COUNT(forking) && !err; i++)
        err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, forking[i], 0);
    /* glibc asks for these in corners; a refusal is enough. */
    if (!err)
        err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(rseq), 0);
    if (!err && may_fork) /* a copy dies with its original, and asks for nothing else */
        err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                               SCMP_A0(SCMP_CMP_EQ, PR_SET_PDEATHSIG, 0));
    if (!err)
        err = seccomp_load(ctx);
    seccomp_release(ctx);
    return err;
}

int os_contain(const int *keep_fds, unsigned count, bool may_fork, struct os_contain_result *ret)
{
    struct rlimit none = {0, 0};
    int err;

    memset(ret, 0, sizeof *ret);
    for (unsigned i = 0; i < count; i++)
        os_keep_fd(keep_fds[i]);
    close_others(g.fds, g.count);
    ret->namespaces = enter_namespaces(ret->notice, sizeof ret->notice);
    (void)setrlimit(RLIMIT_CORE, &none); /* cores are the supervisor's */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -errno;
    err = install_filter(may_fork);
    if (err)
        pp_fmt(ret->notice, sizeof ret->notice, "the system-call filter is not available here (%s)",
               strerror(-err));
    else
        ret->seccomp = true;
    return 0;
}
