/*
 * The state block as a file of the machine directory: DIR/<pid of the supervisor>.state while
 * machines run, DIR/last.state after that. The supervisor holds a lock on its first byte for as
 * long as it lives, which is how a reader tells a running machine from one that was killed.
 *
 * A supervisor that was killed leaves its file behind, to be read by name; the next one that ends
 * in this directory removes it.
 */
#include "base/state.h"
#include "host/host_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char last_name[] = "last.state", suffix[] = ".state";

static struct flock whole_lock(short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
}

/* Does another process hold the lock, that is: does the machine run? Takes nothing. */
static bool is_held(int fd)
{
    struct flock l = whole_lock(F_WRLCK);

    return !fcntl(fd, F_OFD_GETLK, &l) && l.l_type != F_UNLCK;
}

static bool join(char path[PATH_MAX], const char *dir, const char *name)
{
    if (strlen(dir) + strlen(name) + 2 > PATH_MAX)
        return false;
    pp_fmt(path, PATH_MAX, "%s", dir);
    pp_fmt_append(path, PATH_MAX, "/%s", name);
    return true;
}

/* "123.state" */
static bool is_state_name(const char *name)
{
    size_t digits = strspn(name, "0123456789");

    return digits && !strcmp(name + digits, suffix);
}

/* ---- The supervisor's side ---- */

void host_publish_start(struct host_publish *p, const struct host_options *o)
{
    char why[PP_WHY_SIZE], dir[PATH_MAX], name[32];
    struct flock l = whole_lock(F_WRLCK);
    bool is_order;
    void *mem;

    *p = (struct host_publish){.fd = -1};
    if (host_machine_path(o->machine_dir, dir, &is_order, why))
        return; /* a directory that was ordered has been refused already */
    pp_fmt(name, sizeof name, "%d%s", (int)getpid(), suffix);
    if (!join(p->path, dir, name) || !join(p->last, dir, last_name))
        return;
    (void)unlink(p->path); /* of an earlier process with this number */
    p->fd = open(p->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (p->fd < 0)
        return;
    if (fcntl(p->fd, F_OFD_SETLK, &l) || ftruncate(p->fd, (off_t)pp_state_size()))
        goto fail;
    mem = mmap(NULL, pp_state_size(), PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
    if (mem == MAP_FAILED)
        goto fail;
    p->s = mem;
    p->s->supervisor_pid = (uint32_t)getpid();
    p->s->start_time = (uint64_t)time(NULL);
    p->s->seed = o->seed;
    /* Readers run elsewhere: symbols lie beside the image. */
    if (o->driver && (!realpath(o->driver, dir) || strlen(dir) >= sizeof p->s->driver_path))
        pp_fmt(dir, sizeof dir, "%s", o->driver);
    pp_fmt(p->s->driver_path, sizeof p->s->driver_path, "%s", o->driver ? dir : "");
    return;

fail:
    (void)unlink(p->path); /* nothing is published */
    (void)close(p->fd);
    p->fd = -1;
}

/* Remove what killed supervisors left. */
static void sweep(const char *last)
{
    char dir[PATH_MAX], path[PATH_MAX], *slash;
    struct dirent *e;
    DIR *d;

    pp_fmt(dir, sizeof dir, "%s", last);
    slash = strrchr(dir, '/');
    *slash = '\0';
    d = opendir(dir);
    while (d && (e = readdir(d))) {
        int fd;

        if (!is_state_name(e->d_name) || !join(path, dir, e->d_name))
            continue;
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd >= 0 && !is_held(fd))
            (void)unlink(path); /* its machine is long gone */
        if (fd >= 0)
            (void)close(fd);
    }
    if (d)
        (void)closedir(d);
}

void host_publish_end(struct host_publish *p, int exit_code)
{
    if (!p->s)
        return;
    p->s->exit_code = (uint32_t)exit_code;
    p->s->phase = POOLPROOF_ENDED;
    /* Renamed over a file, ext4 writes the new one to the disk first, which takes 0.2 s. */
    (void)unlink(p->last); /* the first machine leaves none */
    if (rename(p->path, p->last))
        (void)unlink(p->path); /* no last state then */
    (void)munmap(p->s, pp_state_size());
    (void)close(p->fd); /* gives the lock back */
    sweep(p->last);
    p->s = NULL;
}

/* ---- The readers' side ---- */

static int open_file(const char *path, struct host_state *ret, char why[PP_WHY_SIZE])
{
    struct stat st;
    int err = 0;
    void *mem;

    *ret = (struct host_state){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (ret->fd < 0 || fstat(ret->fd, &st)) {
        err = -errno;
        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", path, strerror(-err));
        goto fail;
    }
    ret->size = (size_t)st.st_size;
    mem = ret->size ? mmap(NULL, ret->size, PROT_READ, MAP_SHARED, ret->fd, 0) : MAP_FAILED;
    if (mem == MAP_FAILED) {
        err = -EINVAL;
        pp_fmt(why, PP_WHY_SIZE, "%.120s: not the state of a machine", path);
        goto fail;
    }
    ret->s = mem;
    err = pp_state_check(mem, ret->size, why);
    if (err) {
        char cause[PP_WHY_SIZE];

        memcpy(cause, why, sizeof cause);
        pp_fmt(why, PP_WHY_SIZE, "%.100s: %.90s", path, cause);
        goto fail;
    }
    pp_fmt(ret->path, sizeof ret->path, "%s", path);
    return 0;

fail:
    host_state_close(ret);
    return err;
}

/* The running machine of the directory that was started last; false: none. */
static bool newest_running(const char *dir, char path[PATH_MAX])
{
    struct timespec newest = {0};
    struct dirent *e;
    bool found = false;
    DIR *d = opendir(dir);

    while (d && (e = readdir(d))) {
        char candidate[PATH_MAX];
        struct stat st;
        int fd;

        if (!is_state_name(e->d_name) || !join(candidate, dir, e->d_name))
            continue;
        fd = open(candidate, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (!fstat(fd, &st) && is_held(fd) &&
            (!found || st.st_ctim.tv_sec > newest.tv_sec ||
             (st.st_ctim.tv_sec == newest.tv_sec && st.st_ctim.tv_nsec > newest.tv_nsec))) {
            newest = st.st_ctim;
            found = true;
            memcpy(path, candidate, PATH_MAX);
        }
        (void)close(fd); /* only looked at */
    }
    if (d)
        (void)closedir(d);
    return found;
}

int host_state_open(const char *dir, const char *file, struct host_state *ret,
                    char why[PP_WHY_SIZE])
{
    char folder[PATH_MAX], path[PATH_MAX];
    bool is_order;
    int err;

    *ret = (struct host_state){.fd = -1};
    if (file)
        return open_file(file, ret, why);
    err = host_machine_path(dir, folder, &is_order, why);
    if (err)
        return err;
    /* It may end between the look and the opening: then its state is the last one. */
    if (newest_running(folder, path) && !open_file(path, ret, why))
        return 0;
    if (!join(path, folder, last_name))
        return -ENAMETOOLONG;
    if (access(path, F_OK)) {
        pp_fmt(why, PP_WHY_SIZE, "%.120s: no machine runs here and none has left its state",
               folder);
        return -ENOENT;
    }
    return open_file(path, ret, why);
}

bool host_state_is_running(const struct host_state *st)
{
    return is_held(st->fd);
}

int host_state_save(const struct host_state *st, const char *path, char why[PP_WHY_SIZE])
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    size_t done = 0;
    ssize_t n = 1;

    while (fd >= 0 && n > 0 && done < st->size) {
        n = write(fd, (const uint8_t *)st->s + done, st->size - done);
        done += n > 0 ? (size_t)n : 0;
    }
    if (fd < 0 || n < 0 || close(fd)) {
        int err = -errno;

        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", path, strerror(-err));
        return err;
    }
    return 0;
}

void host_state_close(struct host_state *st)
{
    if (st->s)
        (void)munmap((void *)(uintptr_t)st->s, st->size);
    if (st->fd >= 0)
        (void)close(st->fd); /* only read */
    *st = (struct host_state){.fd = -1};
}
