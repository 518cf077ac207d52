/*
 * The supervisor: reads the driver, starts a machine in a child process, collects its records, starts a
 * fresh machine when one is no longer sound, and turns everything into a verdict.
 */
#include "host/host_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RESTARTS_MAX = 400, TIMEOUT_DEFAULT_S = 60 };

struct session {
    struct host_verdict v;
    struct host_finding *last; /* the finding that list entries belong to */
    uint32_t restart_at;
    bool restart, done;
    bool is_repeat; /* the last finding was known already: its list entries are too */
};

/* ---- Records ---- */

static uint64_t finding_key(const struct vf_finding *f)
{
    uint64_t h = pp_hash(PP_HASH_INIT, &f->rule, sizeof f->rule);

    h = pp_hash(h, f->stack.pc, f->stack.count * sizeof f->stack.pc[0]);
    h = pp_hash(h, f->alloc_stack.pc, f->alloc_stack.count * sizeof f->alloc_stack.pc[0]);
    return pp_hash(h, f->object, strnlen(f->object, sizeof f->object));
}

static void on_leak_entry(struct session *s, const struct vf_finding *f)
{
    struct host_finding *of = s->last;
    struct vf_finding *more;

    if (!of || s->is_repeat)
        return;
    more = pp_resize(of->leaks, (of->leak_count + 1) * sizeof *more);
    if (!more)
        return; /* the count in the header stays right */
    of->leaks = more;
    of->leaks[of->leak_count++] = *f;
}

static void on_finding(struct session *s, const struct vf_finding *f)
{
    struct host_finding *more;
    bool is_entry = f->rule == VF_VER_UNLOAD_LEAK && !strcmp(f->object, "block");

    if (is_entry) {
        on_leak_entry(s, f);
        return;
    }
    for (unsigned i = 0; i < s->v.finding_count; i++) {
        if (finding_key(&s->v.findings[i].f) == finding_key(f)) {
            s->v.findings[i].repeats++;
            s->last = &s->v.findings[i];
            s->is_repeat = true;
            return;
        }
    }
    more = pp_resize(s->v.findings, (s->v.finding_count + 1) * sizeof *more);
    PP_ASSERT(more);
    s->v.findings = more;
    s->last = &more[s->v.finding_count++];
    memset(s->last, 0, sizeof *s->last);
    s->last->f = *f;
    s->is_repeat = false;
    pp_fmt(s->last->during, sizeof s->last->during, "%s", s->v.last_step.what);
}

static void add_text(char ***list, unsigned *count, const void *text, size_t size)
{
    char **more;
    char *copy = pp_new(size + 1);

    PP_ASSERT(copy);
    memcpy(copy, text, size);
    for (unsigned i = 0; i < *count; i++) {
        if (!strcmp((*list)[i], copy)) {
            pp_free(copy);
            return;
        }
    }
    more = pp_resize(*list, (*count + 1) * sizeof *more);
    PP_ASSERT(more);
    more[(*count)++] = copy;
    *list = more;
}

static void on_module(struct session *s, const struct host_module *m)
{
    if (!m->is_load)
        return; /* addresses of an unloaded image still mean it */
    for (unsigned i = 0; i < s->v.module_count; i++) {
        if (s->v.modules[i].base == m->base && !strcmp(s->v.modules[i].path, m->path))
            return;
    }
    if (s->v.module_count < PP_COUNT(s->v.modules))
        s->v.modules[s->v.module_count++] = *m;
}

static void on_exercised(struct session *s, const struct ke_exercised *e)
{
    struct ke_exercised *t = &s->v.exercised;

    t->requests += e->requests;
    t->completed += e->completed;
    t->succeeded += e->succeeded;
    t->blocks = e->blocks;
    t->blocks_reached = PP_MAX(t->blocks_reached, e->blocks_reached);
    t->guarded += e->guarded;
    t->allocations += e->allocations;
    t->imports_called += e->imports_called;
    t->ticks_broken += e->ticks_broken;
}

static void on_cover(struct session *s, const uint8_t *hits, size_t size)
{
    uint64_t reached = 0;

    if (!s->v.cover) {
        s->v.cover = pp_new(size);
        s->v.cover_size = size;
    }
    if (!s->v.cover || size != s->v.cover_size)
        return;
    for (size_t i = 0; i < size; i++) {
        s->v.cover[i] |= hits[i];
        reached += s->v.cover[i] != 0;
    }
    s->v.exercised.blocks_reached = reached;
}

static void copy_text(char *to, size_t room, const void *text, size_t size)
{
    pp_fmt(to, room, "%.*s", (int)size, (const char *)text);
}

static void on_record(void *ctx, enum host_rec type, const void *payload, size_t size)
{
    struct session *s = ctx;
    struct host_verdict *v = &s->v;

#define AS(kind) (size == sizeof(kind) ? (const kind *)payload : NULL)
    switch (type) {
    case HOST_REC_MODULE:
        if (AS(struct host_module))
            on_module(s, payload);
        break;
    case HOST_REC_FINDING:
        if (AS(struct vf_finding))
            on_finding(s, payload);
        break;
    case HOST_REC_PRINT:
        if (v->o->verbose)
            fprintf(stderr, "DbgPrint: %.*s", (int)size, (const char *)payload);
        break;
    case HOST_REC_NOTE:
        if (v->o->verbose)
            fprintf(stderr, "poolproof: %.*s\n", (int)size, (const char *)payload);
        break;
    case HOST_REC_WARN:
        add_text(&v->warnings, &v->warning_count, payload, size);
        break;
    case HOST_REC_STEP:
        if (!AS(struct host_step))
            break;
        v->last_step = *(const struct host_step *)payload;
        if (v->last_step.outcome != HOST_OUTCOME_NONE)
            v->steps++;
        if (v->o->verbose && v->last_step.outcome != HOST_OUTCOME_NONE)
            fprintf(stderr, "poolproof: %s: status 0x%08x\n", v->last_step.what,
                    (unsigned)v->last_step.status);
        break;
    case HOST_REC_EXERCISED:
        if (AS(struct ke_exercised))
            on_exercised(s, payload);
        break;
    case HOST_REC_COVER:
        on_cover(s, payload, size);
        break;
    case HOST_REC_GUARD:
        copy_text(v->guard, sizeof v->guard, payload, size);
        break;
    case HOST_REC_NOT_MODELLED:
        if (AS(struct host_stop) && !v->not_modelled.name[0])
            v->not_modelled = *(const struct host_stop *)payload;
        break;
    case HOST_REC_HANG:
        if (AS(struct host_stop) && !v->hang.name[0])
            v->hang = *(const struct host_stop *)payload;
        break;
    case HOST_REC_OWN_FAULT:
        copy_text(v->own_fault, sizeof v->own_fault, payload, size);
        break;
    case HOST_REC_SETUP:
        copy_text(v->setup, sizeof v->setup, payload, size);
        break;
    case HOST_REC_ENTRY_FAILED:
        if (AS(struct host_step))
            v->entry_failed = *(const struct host_step *)payload;
        break;
    case HOST_REC_EXPECT:
        add_text(&v->expects, &v->expect_count, payload, size);
        break;
    case HOST_REC_RESTART:
        if (AS(uint32_t)) {
            s->restart = true;
            memcpy(&s->restart_at, payload, sizeof s->restart_at);
        }
        break;
    case HOST_REC_STOPPED:
        v->stopped = true;
        break;
    case HOST_REC_DONE:
        s->done = true;
        break;
    }
#undef AS
}

/* ---- One machine ---- */

static void on_timeout(struct session *s, pid_t pid, unsigned seconds)
{
    struct host_stop *h = &s->v.hang;

    (void)kill(pid, SIGKILL); /* it may just have ended */
    pp_fmt(h->name, sizeof h->name, "no end after %u s", seconds);
    pp_fmt(h->detail, sizeof h->detail, "during: %s",
           s->v.last_step.what[0] ? s->v.last_step.what : "start");
}

static void judge_end(struct session *s, int status)
{
    const char *step = s->v.last_step.what[0] ? s->v.last_step.what : "start";
    struct host_verdict *v = &s->v;

    if (s->done || s->restart || v->stopped || v->hang.name[0] || v->not_modelled.name[0] ||
        v->own_fault[0] || v->setup[0])
        return;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        pp_fmt(v->death, sizeof v->death,
               "the driver made a system call of the host, which no Windows driver does (during: %s)", step);
    else if (WIFSIGNALED(status))
        pp_fmt(v->own_fault, sizeof v->own_fault, "the machine was ended by signal %d (%s) during: %s",
               WTERMSIG(status), strsignal(WTERMSIG(status)), step);
    else
        pp_fmt(v->death, sizeof v->death, "the driver ended its own process (during: %s)", step);
}

static int run_machine(struct session *s, struct host_machine *m)
{
    unsigned seconds = s->v.o->timeout_s ? s->v.o->timeout_s : TIMEOUT_DEFAULT_S;
    uint64_t deadline = os_clock_ns() + (uint64_t)seconds * 1000000000u;
    struct host_reader reader = {0};
    int fds[2], status = 0, err = 0;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC))
        return -errno;
    fflush(NULL);
    pid = fork();
    if (pid < 0) {
        err = -errno;
        (void)close(fds[0]); /* already failing */
        (void)close(fds[1]);
        return err;
    }
    if (!pid) {
        (void)close(fds[0]); /* the other end */
        m->journal = fds[1];
        host_machine_main(m);
    }
    (void)close(fds[1]); /* the child's */
    s->restart = s->done = false;
    for (;;) {
        struct pollfd p = {.fd = fds[0], .events = POLLIN};
        uint64_t now = os_clock_ns();
        int n;

        if (now >= deadline) {
            on_timeout(s, pid, seconds);
            break;
        }
        n = poll(&p, 1, (int)PP_MIN((deadline - now) / 1000000u + 1, 1000u));
        if (n < 0 && errno != EINTR) {
            err = -errno;
            break;
        }
        if (n <= 0)
            continue;
        n = host_reader_pump(&reader, fds[0], on_record, s);
        if (n < 0) {
            pp_fmt(s->v.own_fault, sizeof s->v.own_fault, "the machine's journal is damaged: %s",
                   strerror(-n));
            (void)kill(pid, SIGKILL); /* nothing it says can be trusted any more */
            break;
        }
        if (n == 0)
            break;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    (void)close(fds[0]); /* read to its end */
    host_reader_done(&reader);
    judge_end(s, status);
    return err;
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

int host_verdict_exit(const struct host_verdict *v)
{
    if (v->own_fault[0])
        return HOST_OWN_FAULT;
    if (v->setup[0])
        return HOST_USAGE;
    if (v->finding_count || v->death[0] || v->expect_count)
        return HOST_FINDINGS;
    if (v->hang.name[0])
        return HOST_HANG;
    if (v->not_modelled.name[0])
        return HOST_NOT_MODELLED;
    if (v->entry_failed.what[0] || (!v->exercised.completed && !v->o->scenario))
        return HOST_NOT_EXERCISED;
    return HOST_CLEAN;
}

static void session_done(struct session *s)
{
    for (unsigned i = 0; i < s->v.finding_count; i++)
        pp_free(s->v.findings[i].leaks);
    for (unsigned i = 0; i < s->v.warning_count; i++)
        pp_free(s->v.warnings[i]);
    for (unsigned i = 0; i < s->v.expect_count; i++)
        pp_free(s->v.expects[i]);
    pp_free(s->v.findings);
    pp_free(s->v.warnings);
    pp_free(s->v.expects);
    pp_free(s->v.cover);
}

static int run_all(struct session *s, struct host_machine *m)
{
    for (;;) {
        int err = run_machine(s, m);

        if (err) {
            fprintf(stderr, "poolproof: %s: cannot start a machine: %s\n", m->o->driver, strerror(-err));
            return err;
        }
        if (!s->restart || s->restart_at <= m->resume_at || s->v.restarts >= RESTARTS_MAX)
            return 0;
        s->v.restarts++;
        m->resume_at = s->restart_at;
    }
}

int host_run(const struct host_options *o, FILE *out)
{
    struct session s = {.v = {.o = o}};
    struct host_machine m = {.o = o};
    uint8_t *bytes = NULL, *script = NULL;
    char why[PP_WHY_SIZE], *registry = NULL;
    struct pe_image *pe = NULL;
    int err, code = HOST_USAGE;

    err = host_read_file(o->driver, PE_IMAGE_MAX, &bytes, &m.size);
    if (err) {
        fprintf(stderr, "poolproof: %s: %s\n", o->driver, strerror(-err));
        return HOST_USAGE;
    }
    err = pe_image_parse(bytes, m.size, &pe, why);
    if (err) {
        fprintf(stderr, "poolproof: %s: %s\n", o->driver, why);
        goto done;
    }
    if (o->scenario) {
        err = host_read_file(o->scenario, 16u << 20, &script, &m.script_size);
        if (err) {
            fprintf(stderr, "poolproof: %s: %s\n", o->scenario, strerror(-err));
            goto done;
        }
    }
    if (host_machine_dir(o, &registry, &m.registry_size, why)) {
        fprintf(stderr, "poolproof: %s\n", why);
        goto done;
    }
    m.registry = registry;
    if (!o->scenario && pe_code_walk(pe, &m.code)) {
        fprintf(stderr, "poolproof: %s: out of memory\n", o->driver);
        goto done;
    }
    m.bytes = bytes;
    m.script = (const char *)script;
    if (run_all(&s, &m))
        goto done;
    code = host_verdict_exit(&s.v);
    if (s.v.setup[0])
        fprintf(stderr, "poolproof: %s: %s\n", o->driver, s.v.setup);
    else
        host_report(&s.v, out);
    if (o->json) {
        err = host_json(&s.v, o->json);
        if (err) {
            fprintf(stderr, "poolproof: %s: %s\n", o->json, strerror(-err));
            code = HOST_USAGE;
        }
    }

done:
    session_done(&s);
    pe_code_free(m.code);
    pe_image_free(pe);
    pp_free(bytes);
    pp_free(script);
    pp_free(registry);
    return code;
}
