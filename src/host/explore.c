/*
 * Every failable call, the machine's side (poolproof explore). One run of the driver goes through
 * all of them. At each, a forked copy of the machine has that one call refused, finishes the
 * request it was made for, and goes on to removal and unload; the run itself continues. The machine
 * is single-threaded, so a copy is exact.
 *
 *     run   --------o--------o----------o------>      o: a call that may fail for lack of resources
 *                    \        \          \
 *     copy            x--end   x--end     x--end      x: refused; what follows is judged
 *
 * With depth 2 a copy is itself such a run for what follows its refused call.
 *
 * A copy has no voice of its own: what it would say is put into a slot of shared memory, which its
 * parent reads when the copy has ended, however it ended.
 */
#include "host/host_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* A copy is ended after this much processor time, and for what does not even use that, after
 * HOST_COPY_LIMIT_S of real time. Most take two milliseconds. */
enum { JOBS_MAX = 64, COPY_CPU_S = 3 };

struct copy {
    pid_t pid; /* 0: free */
    struct host_point_rec *slot;
};

static struct {
    struct host_machine *m;
    struct copy copies[JOBS_MAX];
    unsigned jobs, running;
    struct host_point_rec *mine;  /* NULL: this is the run itself */
    struct host_point_rec *below; /* depth 2: the slot that copies of this copy use */
    uint32_t generation;          /* 0: the run itself, 1: a copy, 2: a copy's copy */
    bool is_step_known;
} g;

/* ---- The slot ---- */

static void hear_finding(struct host_point_rec *s, const struct vf_finding *f)
{
    uint64_t key = host_finding_key(f);

    if (host_points_is_old(g.m->explore->done, key))
        return;
    if (f->rule == VF_VER_UNLOAD_LEAK && !strcmp(f->object, "block")) {
        if (!s->leak_count)
            s->leak = *f;
        if (s->leak_count < HOST_POINT_KEYS)
            s->leak_key[s->leak_count] = key;
        s->leak_count++;
        return;
    }
    if (!s->finding_count) {
        s->finding = *f;
        s->locked = ke_holds_spin_lock();
    }
    if (s->finding_count < HOST_POINT_KEYS)
        s->key[s->finding_count] = key;
    s->finding_count++; /* last: the copy may be killed at any moment */
}

/* What a copy says, in place of the journal. */
static void hear(enum host_rec type, const void *payload, size_t size)
{
    struct host_point_rec *s = g.mine;

    if (type == HOST_REC_FINDING && size == sizeof s->finding) {
        hear_finding(s, payload);
    } else if (type == HOST_REC_STEP && size == sizeof s->step) {
        const struct host_step *st = payload;

        if (st->outcome != HOST_OUTCOME_NONE && !g.is_step_known) {
            g.is_step_known = true;
            s->step = *st;
        }
    } else if ((type == HOST_REC_ENTRY_FAILED || type == HOST_REC_STARTED) &&
               size == sizeof s->step) {
        if (g.is_step_known)
            return;
        memcpy(&s->step, payload, size);
        g.is_step_known = true;
    } else if ((type == HOST_REC_NOT_MODELLED || type == HOST_REC_HANG) &&
               size == sizeof(struct host_stop)) {
        memcpy(s->why, ((const struct host_stop *)payload)->name, sizeof s->why);
        s->end = type == HOST_REC_HANG ? HOST_POINT_HANG : HOST_POINT_NOT_MODELLED;
    } else if (type == HOST_REC_OWN_FAULT) {
        pp_fmt(s->why, sizeof s->why, "%.*s", (int)size, (const char *)payload);
        s->end = HOST_POINT_OWN_FAULT;
    } else if (type == HOST_REC_DONE || type == HOST_REC_RESTART) {
        s->end = HOST_POINT_DONE;
    }
}

/* ---- Copies ---- */

/* At most 4 KB in one piece, so that several processes can use the pipe. */
static void tell(const struct host_point_rec *s)
{
    host_journal_send(g.m->journal, HOST_REC_POINT, s, sizeof *s);
}

/* A copy has ended: say how. */
static void take(struct copy *c, int status)
{
    struct host_point_rec *s = c->slot;

    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGPROF)) {
        s->end = HOST_POINT_HANG;
        pp_fmt(s->why, sizeof s->why, "no end after %d s of processor time", COPY_CPU_S);
    } else if (s->end == HOST_POINT_RUNNING && WIFSIGNALED(status)) {
        s->end = HOST_POINT_DESTROYED;
        pp_fmt(s->why, sizeof s->why, "%s", strsignal(WTERMSIG(status)));
    } else if (s->end == HOST_POINT_RUNNING) {
        s->end = HOST_POINT_DESTROYED;
        pp_fmt(s->why, sizeof s->why, "it ended by itself");
    }
    tell(s);
    c->pid = 0;
    g.running--;
}

/* Wait until at most `left` copies run. */
static void reap(unsigned left)
{
    while (g.running > left) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);

        if (pid < 0 && errno == EINTR)
            continue;
        PP_ASSERT(pid > 0);
        for (unsigned i = 0; i < JOBS_MAX; i++) {
            if (g.copies[i].pid == pid)
                take(&g.copies[i], status);
        }
    }
}

static struct copy *copy_free(void)
{
    unsigned i = 0;

    while (g.copies[i].pid)
        i++;
    return &g.copies[i];
}

/* In the new copy. */
static void become(struct copy *c)
{
    const struct itimerval limit = {.it_value = {.tv_sec = HOST_COPY_LIMIT_S}};
    const struct itimerval cpu_limit = {.it_value = {.tv_sec = COPY_CPU_S}};

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* no copy without its original */
    g.mine = c->slot;
    g.below = c->slot + JOBS_MAX;
    g.generation++;
    g.running = 0;
    g.is_step_known = false;
    memset(g.copies, 0, sizeof g.copies);
    g.copies[0].slot = g.below;
    g.jobs = 1;
    g.m->is_finishing = true;
    host_journal_redirect(hear);
    (void)setitimer(ITIMER_REAL, &limit, NULL); /* their default action ends the copy */
    (void)setitimer(ITIMER_PROF, &cpu_limit, NULL);
    if (ke_after_fork()) {
        c->slot->end = HOST_POINT_OWN_FAULT;
        pp_fmt(c->slot->why, sizeof c->slot->why, "no memory for a copy of the machine");
        _exit(0);
    }
}

static void slot_fill(struct host_point_rec *s, const struct ke_fault_point *p)
{
    memset(s, 0, sizeof *s);
    if (g.mine) {
        s->first_id = g.mine->id;
        s->first_nth = g.mine->nth;
    }
    s->id = p->id;
    s->nth = p->nth;
    s->index = p->index;
    s->stack = p->stack;
    pp_fmt(s->routine, sizeof s->routine, "%s", p->routine);
    pp_fmt(s->during, sizeof s->during, "%s", g.m->step_name);
}

/* Is this one to be visited by this process? */
static bool is_wanted(const struct ke_fault_point *p)
{
    const struct host_explore *e = g.m->explore;
    uint64_t first = g.mine ? g.mine->id : 0;
    uint32_t first_nth = g.mine ? g.mine->nth : 0;

    if (e->shard_count > 1 && !g.mine && p->index % e->shard_count != e->shard % e->shard_count)
        return false;
    if (e->times && p->nth > e->times)
        return false;
    for (unsigned i = 0; i < e->exclude_count; i++) {
        if (strstr(p->routine, e->exclude[i]))
            return false;
    }
    return !host_points_has(e->done, first, first_nth, p->id, p->nth);
}

static bool visit(const struct ke_fault_point *p)
{
    struct copy *c;

    reap(g.jobs - 1);
    c = copy_free();
    slot_fill(c->slot, p);
    c->pid = fork();
    if (c->pid < 0) {
        c->pid = 0;
        c->slot->end = HOST_POINT_OWN_FAULT;
        pp_fmt(c->slot->why, sizeof c->slot->why, "fork: %s", strerror(errno));
        tell(c->slot);
        return false;
    }
    if (!c->pid) {
        become(c);
        return true;
    }
    g.running++;
    return false;
}

/* A machine that goes on where an earlier one ended counts its calls from 1 again: from there on
 * they are others, and have names of their own. */
static struct ke_fault_point named(const struct ke_fault_point *p)
{
    struct ke_fault_point n = *p;

    if (g.m->resume_at && g.m->step > g.m->resume_at)
        n.id = pp_hash(p->id, &g.m->resume_at, sizeof g.m->resume_at);
    return n;
}

/* A call may fail: shall it? */
static bool ask(void *ctx, const struct ke_fault_point *at)
{
    const struct host_explore *e = g.m->explore;
    const struct ke_fault_point name = named(at), *p = &name;

    (void)ctx; /* one machine in a process */
    if (e->is_counting)
        return false;
    if (e->replay) {
        bool is_it = p->id == e->replay && p->nth == e->replay_nth;

        if (e->replay_first && !g.is_step_known) { /* the first of a pair comes before */
            is_it = p->id == e->replay_first && p->nth == e->replay_first_nth;
            g.is_step_known = is_it;
        }
        if (is_it) {
            g.m->is_finishing = true;
            host_send_refusal(g.m, p);
        }
        return is_it;
    }
    if (g.generation >= e->depth || !is_wanted(p))
        return false;
    return visit(p);
}

/* ---- Life ---- */

int host_explore_prepare(struct host_machine *m, struct ke_config *cfg)
{
    size_t size = 2 * JOBS_MAX * sizeof(struct host_point_rec);
    uint8_t *mem;

    g.m = m;
    g.jobs = PP_MIN(PP_MAX(m->explore->jobs, 1u), (unsigned)JOBS_MAX);
    mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED)
        return -errno;
    for (unsigned i = 0; i < JOBS_MAX; i++)
        g.copies[i].slot = (struct host_point_rec *)mem + i;
    cfg->coverage = m->explore->replay != 0;
    cfg->fault = (struct ke_fault_config){.mode = KE_FAULT_ASK, .ask = ask};
    return 0;
}

void host_explore_started(struct host_machine *m, const char *what)
{
    struct host_step rec = {.index = m->step, .outcome = KE_DONE, .kind = HOST_STEP_START};

    if (!m->explore)
        return;
    rec.information = ke_driver_offers(m->image);
    pp_fmt(rec.what, sizeof rec.what, "%s", what);
    host_journal_write(m->journal, HOST_REC_STARTED, &rec, sizeof rec);
}

void host_explore_finish(struct host_machine *m)
{
    struct host_explore_count count = {0};

    if (m->explore->replay)
        return;
    if (g.mine) { /* its own copies, of depth 2 */
        reap(0);
        return;
    }
    reap(0);
    count.visited = ke_fault_calls(&count.refused);
    count.counted = ke_fault_counted();
    host_journal_write(m->journal, HOST_REC_POINTS, &count, sizeof count);
}
