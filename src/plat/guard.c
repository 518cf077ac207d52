/*
 * Guard pages by three mechanisms. See guard.h for what they promise.
 *
 * Measured on Linux 6.18 (open + touch + close of a page): madvise 3.7 us, userfaultfd 2.7 us (the
 * copying ioctl populates the page, so no fault follows), mprotect 7.2 us. Without userfaultfd's
 * monitor thread, kernel accesses to a closed page fail with EFAULT and raise no signal.
 *
 * Doc: madvise(2) MADV_GUARD_INSTALL; ioctl_userfaultfd(2) UFFDIO_API, UFFDIO_REGISTER,
 * UFFDIO_COPY.
 */
#include "plat/plat.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Missing in headers older than Linux 6.13. */
enum { ADVICE_GUARD_INSTALL = 102, ADVICE_GUARD_REMOVE = 103 };
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* Missing in headers older than Linux 6.8. Doc: ioctl_userfaultfd(2), UFFDIO_MOVE. */
struct move_request {
    uint64_t dst, src, len, mode;
    int64_t moved;
};
#define IOCTL_MOVE _IOWR(UFFDIO, 0x05, struct move_request)
#define FEATURE_MOVE (1ull << 16)

static const char *const kind_names[OS_GUARD_KINDS] = {"madvise", "userfaultfd", "mprotect"};

static void *at(uint64_t addr)
{
    return (void *)(uintptr_t)addr;
}

static int protection(bool access, bool exec)
{
    return access ? PROT_READ | PROT_WRITE | (exec ? PROT_EXEC : 0) : PROT_NONE;
}

int os_range_reserve(uint64_t start, uint64_t size)
{
    void *p = mmap(at(start), size, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

    if (p == MAP_FAILED)
        return -errno;
    if (p != at(start)) {      /* a kernel before 4.17 takes the flag for a hint */
        (void)munmap(p, size); /* nothing better to do when it fails */
        return -EEXIST;
    }
    return 0;
}

void os_range_release(uint64_t start, uint64_t size)
{
    (void)munmap(at(start), size); /* only fails for arguments that reserve would have refused */
}

int os_range_protect(uint64_t start, uint64_t size, bool access, bool exec)
{
    return mprotect(at(start), size, protection(access, exec)) ? -errno : 0;
}

int os_range_drop(uint64_t start, uint64_t size)
{
    return madvise(at(start), size, MADV_DONTNEED) ? -errno : 0;
}

/* ---- probing ---- */

static int uffd_new(bool *ret_can_move)
{
    /* A kernel that lacks a feature asked for refuses the handshake for good: ask with a fresh one.
     */
    uint64_t wanted = UFFD_FEATURE_SIGBUS | FEATURE_MOVE;
    int fd, attempt;

    for (attempt = 0; attempt < 2; attempt++, wanted = UFFD_FEATURE_SIGBUS) {
        struct uffdio_api api = {.api = UFFD_API, .features = wanted};

        fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
        if (fd < 0)
            return -errno;
        if (!ioctl(fd, UFFDIO_API, &api) && (api.features & wanted) == wanted) {
            *ret_can_move = wanted & FEATURE_MOVE;
            return fd;
        }
        (void)close(fd); /* a probe that failed already */
    }
    return -ENOTSUP;
}

static int uffd_register(int fd, uint64_t start, uint64_t size)
{
    struct uffdio_register reg = {
        .range = {.start = start, .len = size},
        .mode = UFFDIO_REGISTER_MODE_MISSING,
    };

    if (ioctl(fd, UFFDIO_REGISTER, &reg))
        return -errno;
    return reg.ioctls & (1ull << _UFFDIO_COPY) ? 0 : -ENOTSUP;
}

static bool can_madvise(void)
{
    void *p = mmap(NULL, PP_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool ok;

    if (p == MAP_FAILED)
        return false;
    ok = !madvise(p, PP_PAGE_SIZE, ADVICE_GUARD_INSTALL) &&
         !madvise(p, PP_PAGE_SIZE, ADVICE_GUARD_REMOVE);
    (void)munmap(p, PP_PAGE_SIZE); /* our own fresh mapping */
    return ok;
}

static bool can_uffd(void)
{
    void *p = mmap(NULL, PP_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd;
    bool ok, can_move;

    if (p == MAP_FAILED)
        return false;
    fd = uffd_new(&can_move);
    ok = fd >= 0 && !uffd_register(fd, (uintptr_t)p, PP_PAGE_SIZE);
    if (fd >= 0)
        (void)close(fd); /* probe only */
    (void)munmap(p, PP_PAGE_SIZE);
    return ok;
}

bool os_guard_can(enum os_guard_kind kind)
{
    switch (kind) {
    case OS_GUARD_MADVISE:
        return can_madvise();
    case OS_GUARD_USERFAULTFD:
        return can_uffd();
    case OS_GUARD_MPROTECT:
        return true;
    default:
        return false;
    }
}

static unsigned max_map_count(void)
{
    FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
    unsigned count = 65530; /* Doc: Linux, sysctl/vm.rst, max_map_count: the default */

    if (f) {
        if (fscanf(f, "%u", &count) != 1)
            count = 65530;
        (void)fclose(f); /* read only */
    }
    return count;
}

static int guard_init(struct os_guard *g, enum os_guard_kind kind)
{
    memset(g, 0, sizeof *g);
    g->kind = kind;
    g->fd = -1;
    if (kind == OS_GUARD_USERFAULTFD) {
        g->fd = uffd_new(&g->can_move);
        if (g->fd < 0)
            return -ENOTSUP;
        os_keep_fd(g->fd);
    }
    if (kind == OS_GUARD_MPROTECT) {
        /* Each open range costs itself and the closed gap behind it; leave room for everything
         * else. */
        unsigned maps = max_map_count();

        g->open_max = maps > 4096 ? (maps - 2048) / 2 : maps / 4;
        pp_fmt(g->notice, sizeof g->notice,
               "guards use mprotect: only about %u blocks can be guarded at once "
               "(vm.max_map_count is %u); Linux 6.13 and later have no such limit",
               g->open_max, maps);
    }
    return 0;
}

int os_guard_probe(const char *force, struct os_guard *ret)
{
    int kind;

    for (kind = 0; kind < OS_GUARD_KINDS; kind++) {
        if (force && strcmp(force, kind_names[kind]) != 0)
            continue;
        if (os_guard_can((enum os_guard_kind)kind))
            return guard_init(ret, (enum os_guard_kind)kind);
        if (force)
            return -ENOTSUP;
    }
    return -EINVAL; /* mprotect always works: only an unknown name gets here */
}

void os_guard_done(struct os_guard *g)
{
    if (g->fd >= 0)
        (void)close(g->fd); /* nothing is written through it */
    g->fd = -1;
    g->attached_count = 0;
}

const char *os_guard_name(const struct os_guard *g)
{
    return kind_names[g->kind];
}

const char *os_guard_notice(const struct os_guard *g)
{
    return g->notice[0] ? g->notice : NULL;
}

bool os_guard_is_sticky(const struct os_guard *g)
{
    return g->kind != OS_GUARD_MPROTECT;
}

/* ---- service ---- */

int os_guard_attach(struct os_guard *g, uint64_t start, uint64_t size)
{
    int err = 0;

    if (g->attached_count == OS_GUARD_RANGES_MAX)
        return -ENOSPC;
    if (g->kind == OS_GUARD_USERFAULTFD)
        err = uffd_register(g->fd, start, size);
    if (!err)
        g->attached[g->attached_count++] = (struct os_range){start, start + size};
    return err;
}

int os_guard_commit(struct os_guard *g, uint64_t start, uint64_t size, bool exec)
{
    int err;

    if (g->kind == OS_GUARD_MPROTECT)
        return 0; /* reserved is closed */
    err = os_range_protect(start, size, true, exec);
    if (!err && g->kind == OS_GUARD_MADVISE && madvise(at(start), size, ADVICE_GUARD_INSTALL)) {
        err = -errno;
        (void)os_range_protect(start, size, false, exec); /* back to reserved; `err` tells */
    }
    return err;
}

/* Populate missing pages from `fill`. */
static int uffd_open(struct os_guard *g, uint64_t start, uint64_t size, const void *fill)
{
    uint64_t addr = start;

    while (addr < start + size) {
        struct uffdio_copy copy = {
            .dst = addr, .src = (uint64_t)(uintptr_t)fill, .len = PP_PAGE_SIZE};

        if (!ioctl(g->fd, UFFDIO_COPY, &copy)) {
            addr += PP_PAGE_SIZE;
        } else if (errno == EEXIST) {
            memcpy(at(addr), fill, PP_PAGE_SIZE);
            addr += PP_PAGE_SIZE;
        } else if (errno != EAGAIN) {
            return -errno;
        }
    }
    return 0;
}

int os_guard_open(struct os_guard *g, uint64_t start, uint64_t size, bool exec, const void *fill)
{
    uint64_t addr;
    int err = 0;

    switch (g->kind) {
    case OS_GUARD_MADVISE:
        if (madvise(at(start), size, ADVICE_GUARD_REMOVE))
            err = -errno;
        break;
    case OS_GUARD_USERFAULTFD:
        err = uffd_open(g, start, size, fill);
        break;
    default:
        /* At the kernel's own limit nothing at all could be mapped any more: stop before it. */
        if (g->open_count >= g->open_max)
            return -ENOMEM;
        err = os_range_protect(start, size, true, exec);
        g->open_count++;
        break;
    }
    if (err) {
        (void)os_guard_close(g, start, size); /* best effort; the caller hears of the first error */
        return err;
    }
    if (g->kind != OS_GUARD_USERFAULTFD)
        for (addr = start; addr < start + size; addr += PP_PAGE_SIZE)
            memcpy(at(addr), fill, PP_PAGE_SIZE);
    return 0;
}

int os_guard_close(struct os_guard *g, uint64_t start, uint64_t size)
{
    int err = 0;

    switch (g->kind) {
    case OS_GUARD_MADVISE:
        return madvise(at(start), size, ADVICE_GUARD_INSTALL) ? -errno : 0;
    case OS_GUARD_MPROTECT:
        err = os_range_protect(start, size, false, false);
        g->open_count--;
        break;
    default:
        break;
    }
    /* Contents go even when the protection could not be changed. */
    if (madvise(at(start), size, MADV_DONTNEED) && !err)
        err = -errno;
    return err;
}

bool os_guard_pass(struct os_guard *g, uint64_t from, uint64_t to)
{
    struct move_request move = {.dst = to, .src = from, .len = PP_PAGE_SIZE};

    return g->can_move && !ioctl(g->fd, IOCTL_MOVE, &move);
}

int os_guard_close_many(struct os_guard *g, const struct os_range *ranges, unsigned count)
{
    unsigned i = 0;
    int first = 0;

    while (i < count) {
        uint64_t start = ranges[i].start, end = ranges[i].end;
        int err;

        for (i++; i < count && ranges[i].start == end && !g->open_max; i++)
            end = ranges[i].end;
        err = os_guard_close(g, start, end - start);
        if (err && !first)
            first = err;
    }
    return first;
}

int os_guard_retire(struct os_guard *g, uint64_t start, uint64_t size)
{
    void *p;

    if (g->kind != OS_GUARD_MADVISE)
        /* The kernel reclaims the tables of a whole empty range by itself. */
        return madvise(at(start), size, MADV_DONTNEED) ? -errno : 0;
    /* Markers stay until the mapping goes, so put a fresh reservation in its place. */
    p = mmap(at(start), size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
             -1, 0);
    return p == MAP_FAILED ? -errno : 0;
}

int os_guard_fork_child(struct os_guard *g)
{
    unsigned i;
    int fd, err;

    if (g->kind != OS_GUARD_USERFAULTFD)
        return 0;
    fd = uffd_new(&g->can_move);
    if (fd < 0)
        return fd;
    for (i = 0; i < g->attached_count; i++) {
        err = uffd_register(fd, g->attached[i].start, g->attached[i].end - g->attached[i].start);
        if (err) {
            (void)close(fd); /* `err` tells */
            return err;
        }
    }
    (void)close(g->fd); /* the parent's: ours by inheritance only */
    g->fd = fd;
    return 0;
}
