/*
 * The supervisor: reads the driver, starts a machine in a child process, collects its records,
 * starts a fresh machine when one is no longer sound, and turns everything into a verdict.
 */
#include "host/host_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Without --timeout: for all machines together. One step gets a sixth of the time, and 10 s when
 * that is less. Most machines need milliseconds. */
enum {
    TIMEOUT_DEFAULT_S = 60,
    STEP_MIN_S = 10,
    TIMEOUTS_MAX = 2,
    CORES_MAX = 8,
    PROGRESS_MS = 100
};

/* One machine while it runs. */
struct running {
    struct host_session *s;
    struct host_reader reader;
    struct host_core core;
    pid_t pid;
    int journal, go;  /* our ends of its pipes */
    uint64_t silence; /* real nanoseconds: without a record for how long */
    bool timed_out, damaged;
};

/* ---- Progress ---- */

void host_progress(struct host_session *s)
{
    static uint64_t next; /* one session in a process; the first line only when it takes a while */
    uint64_t now;
    char line[100];

    if (!s->v.o->progress || s->v.o->verbose || s->console)
        return;
    now = os_clock_ns();
    if (!next)
        next = now + 4 * PROGRESS_MS * 1000000ull;
    if (now < next)
        return;
    next = now + PROGRESS_MS * 1000000ull;
    if (s->points)
        host_points_progress(s, line, sizeof line);
    else
        pp_fmt(line, sizeof line, "%u requests, %u finding%s: %.60s", s->v.steps,
               s->v.finding_count, s->v.finding_count == 1 ? "" : "s", s->v.last_step.what);
    fprintf(stderr, "\r%-*s", (int)s->shown, line);
    s->shown = (unsigned)strlen(line);
}

void host_progress_clear(struct host_session *s)
{
    if (s->shown)
        fprintf(stderr, "\r%-*s\r", (int)s->shown, "");
    s->shown = 0;
}

/* ---- One machine ---- */

static const char *step_name(const struct host_session *s)
{
    return s->v.last_step.what[0] ? s->v.last_step.what : "start";
}

static unsigned limit_s(const struct host_options *o)
{
    return o->timeout_s ? o->timeout_s : TIMEOUT_DEFAULT_S;
}

static void keep_core(struct running *r, const char *why)
{
    int err;

    if (!r->s->v.o->keep_core || r->core.written >= CORES_MAX)
        return;
    err = host_core_write(&r->core, &r->s->v, why);
    if (err)
        fprintf(stderr, "poolproof: %s: cannot keep the machine's memory: %s\n",
                r->s->v.o->keep_core, strerror(-err));
}

static bool in_module(const struct host_verdict *v, uint64_t pc)
{
    for (unsigned i = 0; i < v->module_count; i++) {
        if (pc >= v->modules[i].base && pc - v->modules[i].base < v->modules[i].size)
            return true;
    }
    return false;
}

/* Where in a driver it stands; a loop that traps is mostly elsewhere, so look several times. */
static void where_it_stands(const struct running *r, struct host_stop *h)
{
    for (int tries = 0; tries < 50 && !h->stack.count; tries++) {
        uint64_t rip = host_core_rip(r->pid);

        if (!rip)
            return;
        if (in_module(&r->s->v, rip)) {
            h->stack.count = 1;
            h->stack.pc[0] = rip;
        } else {
            (void)poll(NULL, 0, 1);
        }
    }
}

static void on_timeout(struct running *r, unsigned seconds)
{
    struct host_verdict *v = &r->s->v;
    struct host_stop *h = &v->hangs[v->hang_count];

    r->timed_out = r->s->ended = true;
    if (os_clock_ns() >= r->s->deadline)
        pp_fmt(v->unfinished, sizeof v->unfinished,
               "the %u s of --timeout were over: what follows on \"%.56s\" was not tried",
               limit_s(v->o), step_name(r->s));
    if (v->hang_count >= HOST_STOPS_MAX)
        return;
    v->hang_count++;
    pp_fmt(h->name, sizeof h->name, "no end after %u s", seconds);
    pp_fmt(h->detail, sizeof h->detail, "during: %s", step_name(r->s));
    where_it_stands(r, h);
    if (!kill(r->pid, SIGSTOP)) /* else it has just ended */
        keep_core(r, h->name);
}

static void judge_end(struct running *r, int status)
{
    struct host_session *s = r->s;
    struct host_verdict *v = &s->v;

    if (s->done || s->restart || s->ended || v->stopped || v->own_fault[0] || v->setup[0])
        return;
    if (r->damaged || (WIFSIGNALED(status) && WTERMSIG(status) != SIGSYS)) {
        pp_fmt(v->own_fault, sizeof v->own_fault, "the machine was destroyed (%s) during: %s",
               r->damaged ? "its journal is damaged" : strsignal(WTERMSIG(status)), step_name(s));
        return;
    }
    s->ended = true;
    if (v->death[0])
        return;
    if (WIFSIGNALED(status))
        pp_fmt(
            v->death, sizeof v->death,
            "the driver made a system call of the host, which no Windows driver does, during: %s",
            step_name(s));
    else
        pp_fmt(v->death, sizeof v->death,
               "the driver ended its own process by a system call of the host, during: %s",
               step_name(s));
}

/* The console's lines go to the machine; when there are no more, it is told so. */
static void attend_console(struct running *r, const struct pollfd *fds)
{
    host_console_pump(r->s->console, fds, r->go);
    if (r->s->console->closing && r->go >= 0) {
        (void)close(r->go); /* the end of its lines */
        r->go = -1;
    }
}

/* What the machine says, until it has said everything or time is up. */
static void listen_to(struct running *r)
{
    struct host_console *console = r->s->console;
    uint64_t heard = os_clock_ns();

    for (;;) {
        struct pollfd p[3] = {{.fd = r->journal, .events = POLLIN}};
        unsigned count = 1 + (console ? host_console_fds(console, p + 1) : 0);
        uint64_t now = os_clock_ns(), end;
        int n;

        if (console && console->ready && !console->closing)
            heard = now; /* it has nothing to say while nobody asks */
        end = PP_MIN(r->s->deadline, heard + r->silence);
        if (now >= end) {
            on_timeout(r, (unsigned)((end - heard + 500000000u) / 1000000000u));
            return;
        }
        n = poll(p, count, (int)PP_MIN((end - now) / 1000000u + 1, 1000u));
        if (n < 0 && errno != EINTR)
            return;
        if (console)
            attend_console(r, n > 0 ? p + 1 : (const struct pollfd[2]){{.fd = -1}, {.fd = -1}});
        if (n <= 0) {
            host_progress(r->s); /* a request that takes long */
            continue;
        }
        if (!p[0].revents)
            continue;
        heard = now;
        n = host_reader_pump(&r->reader, r->journal, host_collect, r->s);
        r->damaged = n < 0;
        if (n <= 0)
            return;
        if (r->s->hold) {
            r->s->hold = false;
            keep_core(r, step_name(r->s));
            (void)!write(r->go, "", 1); /* it may have died meanwhile, which shows next */
            heard = os_clock_ns();
            r->s->deadline += heard - now; /* copying is our own time */
        }
    }
}

/* A machine that closed its journal has nothing more to do: give it a moment, then end it. */
static int reap(struct running *r)
{
    struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, r->pid, 0), .events = POLLIN};
    int status = 0;

    if (!r->timed_out && !r->damaged && p.fd >= 0)
        (void)poll(&p, 1, 2000); /* on any outcome it is ended next */
    (void)kill(r->pid, SIGKILL); /* usually it has ended by itself */
    if (p.fd >= 0)
        (void)close(p.fd); /* only watched */
    while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static void close_pair(const int fds[2])
{
    (void)close(fds[0]); /* already failing */
    (void)close(fds[1]);
}

static int start_machine(struct running *r, struct host_machine *m)
{
    int out[2], in[2];

    if (pipe2(out, O_CLOEXEC))
        return -errno;
    if (pipe2(in, O_CLOEXEC)) {
        int err = -errno;

        close_pair(out);
        return err;
    }
    fflush(NULL);
    r->pid = fork();
    if (r->pid < 0) {
        int err = -errno;

        close_pair(out);
        close_pair(in);
        return err;
    }
    if (!r->pid) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* no machine without a supervisor */
        (void)close(out[0]);                    /* the other ends */
        (void)close(in[1]);
        m->journal = out[1];
        m->go = in[0];
        host_machine_main(m);
    }
    (void)close(out[1]); /* the child's */
    (void)close(in[0]);
    r->journal = out[0];
    r->go = in[1];
    return 0;
}

static int run_machine(struct host_session *s, struct host_machine *m, unsigned *cores,
                       bool *timed_out)
{
    unsigned limit = limit_s(s->v.o);
    struct running r = {.s = s, .core = {.mem = -1, .maps = -1, .pagemap = -1, .written = *cores}};
    int err = start_machine(&r, m);

    if (err)
        return err;
    if (s->v.o->keep_core)
        host_core_open(&r.core, r.pid);
    r.silence = (uint64_t)PP_MAX(limit / 6, (unsigned)STEP_MIN_S) * 1000000000u;
    if (s->points) /* it may be waiting for a copy */
        r.silence += HOST_COPY_LIMIT_S * 1000000000ull;
    s->restart = s->done = s->ended = s->hold = s->settled = false;
    if (s->console)
        s->console->ready = false;
    listen_to(&r);
    judge_end(&r, reap(&r));
    host_collect_end(s);
    (void)close(r.journal); /* read to its end */
    if (r.go >= 0)
        (void)close(r.go);
    host_core_close(&r.core);
    host_reader_done(&r.reader);
    *cores = r.core.written;
    *timed_out = r.timed_out;
    return 0;
}

/* ---- The session ---- */

int host_read_file(const char *path, size_t max, uint8_t **ret, size_t *ret_size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t got = 0;
    int err = 0;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st))
        err = -errno;
    else if (S_ISDIR(st.st_mode))
        err = -EISDIR;
    else if ((uint64_t)st.st_size > max)
        err = -EFBIG;
    *ret = err ? NULL : pp_new((size_t)st.st_size + 1);
    if (!err && !*ret)
        err = -ENOMEM;
    while (!err && got < (size_t)st.st_size) {
        ssize_t n = read(fd, *ret + got, (size_t)st.st_size - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err = -errno;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    (void)close(fd); /* only read */
    if (err && *ret) {
        pp_free(*ret);
        *ret = NULL;
    }
    *ret_size = got;
    return err;
}

/* Where a fresh machine goes on after one that ended early; 0: nowhere. */
static uint32_t next_start(const struct host_session *s, const struct host_machine *m)
{
    const struct host_step *last = &s->v.last_step;
    uint32_t at = 0;

    if (s->done || s->v.stopped || s->v.own_fault[0] || s->v.setup[0])
        return 0;
    if (s->console) /* a bug check restarts it, as on Windows; not one on the way up or down */
        return s->settled && !s->console->closing ? PP_MAX(m->resume_at, last->index) + 1 : 0;
    if (s->v.o->scenario)
        return 0;
    if (s->restart)
        at = s->restart_at;
    else if (s->ended && (last->kind == HOST_STEP_PNP || last->kind == HOST_STEP_REQUEST))
        at = last->index + 1;
    return at > m->resume_at ? at : 0;
}

bool host_is_whole(const struct host_session *s)
{
    return (s->done || s->ended) && !s->v.unfinished[0] && !s->v.own_fault[0] && !s->v.setup[0];
}

int host_run_all(struct host_session *s, struct host_machine *m)
{
    unsigned cores = 0, timeouts = 0;

    /* Nobody knows how many calls there are: explorations and consoles end when they end. */
    s->deadline = (s->console || m->explore) && !s->v.o->timeout_s
                      ? UINT64_MAX
                      : os_clock_ns() + (uint64_t)limit_s(s->v.o) * 1000000000u;
    for (;;) {
        bool timed_out = false;
        int err = run_machine(s, m, &cores, &timed_out);
        uint32_t at;

        if (err) {
            fprintf(stderr, "poolproof: %s: cannot start a machine: %s\n", m->o->driver,
                    strerror(-err));
            return err;
        }
        at = next_start(s, m);
        if (!at || s->v.unfinished[0])
            return 0;
        timeouts += timed_out;
        if (timeouts >= TIMEOUTS_MAX || s->v.restarts >= HOST_RESTARTS_MAX) {
            pp_fmt(s->v.unfinished, sizeof s->v.unfinished,
                   "%s ended a machine: the rest was not tried",
                   timeouts >= TIMEOUTS_MAX ? "the time limit twice" : "too many requests");
            return 0;
        }
        s->v.restarts++;
        m->ended[m->ended_count++] = at - 1;
        m->resume_at = at;
    }
}
