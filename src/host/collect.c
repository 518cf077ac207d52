/*
 * From records to a verdict. The writer of the records shares its process with a driver that may
 * have damaged it, so nothing in a record is believed: unknown types are skipped, counts and rules
 * are checked, texts are closed and cleared of control characters. What comes in twice is kept once
 * with a count.
 */
#include "host/host_priv.h"

#include <stdlib.h>
#include <string.h>

enum { FINDINGS_MAX = 2000, LEAKS_MAX = 20000, TEXTS_MAX = 200 };

/* Texts end in a terminal: control characters become dots (a newline inside is kept by none of
 * them). */
static void clean_text(char *t, size_t room)
{
    t[room - 1] = '\0';
    for (; *t; t++) {
        unsigned char c = (unsigned char)*t;

        if (c < 0x20 || c == 0x7F)
            *t = '.';
    }
}

static void copy_text(char *to, size_t room, const void *text, size_t size)
{
    pp_fmt(to, room, "%.*s", (int)size, (const char *)text);
    clean_text(to, room);
}

static void clean_stack(struct vf_stack *st)
{
    st->count = PP_MIN(st->count, (uint32_t)VF_FRAMES);
}

/* Kernel stacks begin with frames of our own: return addresses into a process that is mapped
 * elsewhere each time. They mean nothing to the reader and would make each report differ. */
static void hide_native(struct vf_finding *f)
{
    if (f->window_start < 0x4F0000000000ull || f->window_start >= 0x500000000000ull)
        return;
    for (uint32_t i = 0; i + 8 <= f->window_size; i += 8) {
        uint64_t top = pp_load64(f->window + i) >> 40;

        if (!f->window_valid[i] || (top != 0x55 && top != 0x56 && top != 0x7E && top != 0x7F))
            continue;
        memset(f->window + i, 0, 8);
        memset(f->window_valid + i, HOST_BYTE_HIDDEN, 8);
    }
}

static bool clean_finding(struct vf_finding *f)
{
    if (f->rule >= VF_RULE_COUNT)
        return false;
    clean_stack(&f->stack);
    clean_stack(&f->alloc_stack);
    clean_stack(&f->free_stack);
    f->window_size = (uint32_t)pp_align_down(PP_MIN(f->window_size, (uint32_t)VF_WINDOW), 16);
    hide_native(f);
    clean_text(f->driver, sizeof f->driver);
    clean_text(f->routine, sizeof f->routine);
    clean_text(f->alloc_driver, sizeof f->alloc_driver);
    clean_text(f->free_driver, sizeof f->free_driver);
    clean_text(f->object, sizeof f->object);
    clean_text(f->detail, sizeof f->detail);
    return true;
}

/* ---- Findings ---- */

/* Same rule at the same place, for a block from the same place: the same mistake. */
uint64_t host_finding_key(const struct vf_finding *f)
{
    uint64_t h = pp_hash(PP_HASH_INIT, &f->rule, sizeof f->rule);

    h = pp_hash(h, &f->pc, sizeof f->pc);
    h = pp_hash(h, f->alloc_stack.pc, f->alloc_stack.count * sizeof f->alloc_stack.pc[0]);
    return pp_hash(h, f->object, strlen(f->object));
}

static void on_leak_entry(struct host_session *s, const struct vf_finding *f)
{
    struct vf_finding *more;

    if (s->leak_count >= LEAKS_MAX)
        return; /* the count in the header stays right */
    more = pp_resize(s->leaks, (s->leak_count + 1) * sizeof *more);
    if (!more)
        return;
    s->leaks = more;
    s->leaks[s->leak_count++] = *f;
}

/* The list goes to its header, or away when the header is known already. */
static void take_leaks(struct host_session *s, struct host_finding *to)
{
    if (to) {
        to->leaks = s->leaks;
        to->leak_count = s->leak_count;
    } else {
        pp_free(s->leaks);
    }
    s->leaks = NULL;
    s->leak_count = 0;
}

/* DriverEntry and its neighbours run again in each fresh machine; what they break is no news then.
 */
static bool is_old_news(const struct host_session *s)
{
    return s->v.restarts && s->v.last_step.kind == HOST_STEP_START;
}

static void on_finding(struct host_session *s, const struct vf_finding *f)
{
    struct host_finding *more, *h;
    uint64_t key = host_finding_key(f);

    if (f->rule == VF_VER_UNLOAD_LEAK && !strcmp(f->object, "block")) {
        on_leak_entry(s, f);
        return;
    }
    for (unsigned i = 0; i < s->v.finding_count; i++) {
        if (host_finding_key(&s->v.findings[i].f) == key) {
            s->v.findings[i].repeats += !is_old_news(s);
            if (f->rule == VF_VER_UNLOAD_LEAK)
                take_leaks(s, NULL);
            return;
        }
    }
    if (s->v.finding_count >= FINDINGS_MAX)
        return;
    more = pp_resize(s->v.findings, (s->v.finding_count + 1) * sizeof *more);
    PP_ASSERT(more);
    s->v.findings = more;
    h = &more[s->v.finding_count++];
    memset(h, 0, sizeof *h);
    h->f = *f;
    h->refused = s->refused;
    if (f->rule == VF_VER_UNLOAD_LEAK)
        take_leaks(s, h);
    pp_fmt(h->during, sizeof h->during, "%s", s->v.last_step.what);
    if (s->console)
        host_finding_line(&s->v, h, stdout);
}

/* ---- The rest ---- */

static void add_text(char ***list, unsigned *count, const void *text, size_t size)
{
    char **more;
    char *copy = pp_new(size + 1);

    PP_ASSERT(copy);
    memcpy(copy, text, size);
    clean_text(copy, size + 1);
    for (unsigned i = 0; i < *count; i++) {
        if (!strcmp((*list)[i], copy)) {
            pp_free(copy);
            return;
        }
    }
    if (*count >= TEXTS_MAX) {
        pp_free(copy);
        return;
    }
    more = pp_resize(*list, (*count + 1) * sizeof *more);
    PP_ASSERT(more);
    more[(*count)++] = copy;
    *list = more;
}

static void on_module(struct host_session *s, struct host_module *m)
{
    if (!m->is_load)
        return; /* addresses of an unloaded image still mean it */
    clean_text(m->name, sizeof m->name);
    clean_text(m->path, sizeof m->path);
    for (unsigned i = 0; i < s->v.module_count; i++) {
        if (s->v.modules[i].base == m->base && !strcmp(s->v.modules[i].path, m->path))
            return;
    }
    if (s->v.module_count < PP_COUNT(s->v.modules))
        s->v.modules[s->v.module_count++] = *m;
}

static void on_stop(struct host_stop *list, unsigned *count, unsigned max, struct host_stop *st)
{
    clean_text(st->name, sizeof st->name);
    clean_text(st->detail, sizeof st->detail);
    clean_stack(&st->stack);
    for (unsigned i = 0; i < *count; i++) {
        if (!strcmp(list[i].name, st->name) && !strcmp(list[i].detail, st->detail))
            return;
    }
    if (*count < max)
        list[(*count)++] = *st;
}

static void on_step(struct host_session *s, struct host_step *st)
{
    struct host_verdict *v = &s->v;

    clean_text(st->what, sizeof st->what);
    v->last_step = *st;
    if (st->outcome == HOST_OUTCOME_NONE) {
        host_progress(s);
        return;
    }
    v->steps++;
    if (s->baseline && st->outcome == KE_PENDING)
        host_points_pending(s->baseline, st->what);
    if (s->is_replay && v->refused.routine[0] && st->outcome == KE_PENDING) {
        struct host_stop stuck = {.name = "the request comes to no end"};

        pp_fmt(stuck.detail, sizeof stuck.detail, "%s", st->what);
        on_stop(v->hangs, &v->hang_count, HOST_STOPS_MAX, &stuck);
    }
    if (st->kind == HOST_STEP_REQUEST && st->outcome != KE_CONTAINED)
        v->requests_judged++;
    if (v->o->verbose)
        fprintf(stderr, "poolproof: %s: %s, status 0x%08X, %llu byte%s\n", st->what,
                st->outcome == KE_DONE      ? "done"
                : st->outcome == KE_PENDING ? "left pending, cancelled"
                                            : "ended by a finding",
                (unsigned)st->status, (unsigned long long)st->information,
                st->information == 1 ? "" : "s");
}

void host_collect_end(struct host_session *s)
{
    const struct ke_exercised *e = &s->current;
    struct ke_exercised *t = &s->v.exercised;

    t->requests += e->requests;
    t->completed += e->completed;
    t->succeeded += e->succeeded;
    t->blocks = PP_MAX(t->blocks, e->blocks);
    t->blocks_reached = PP_MAX(t->blocks_reached, e->blocks_reached);
    t->guarded += e->guarded;
    t->allocations += e->allocations;
    t->imports_called += e->imports_called;
    t->ticks_broken += e->ticks_broken;
    memset(&s->current, 0, sizeof s->current);
}

static void on_cover(struct host_session *s, const uint8_t *hits, size_t size)
{
    uint64_t reached = 0;

    if (!s->v.cover) {
        s->v.cover = pp_new(size + 1);
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

/* Records that are one structure: a copy that may be corrected, or false when the size is wrong. */
static bool take(void *to, size_t want, const void *payload, size_t size)
{
    if (size != want)
        return false;
    memcpy(to, payload, size);
    return true;
}

static void on_speech(struct host_session *s, enum host_rec type, const void *payload, size_t size)
{
    char text[600];

    if (!s->v.o->verbose)
        return;
    while (size && ((const char *)payload)[size - 1] == '\n')
        size--;
    copy_text(text, sizeof text, payload, size);
    fprintf(stderr, "%s: %s\n", type == HOST_REC_PRINT ? "DbgPrint" : "poolproof", text);
}

static void clean_point(struct host_point_rec *r)
{
    clean_text(r->routine, sizeof r->routine);
    clean_text(r->why, sizeof r->why);
    clean_text(r->during, sizeof r->during);
    clean_text(r->step.what, sizeof r->step.what);
    clean_stack(&r->stack);
    if ((r->finding_count && !clean_finding(&r->finding)) ||
        (r->leak_count && !clean_finding(&r->leak)))
        r->finding_count = r->leak_count = 0;
}

void host_collect(void *ctx, enum host_rec type, const void *payload, size_t size)
{
    static struct vf_finding f; /* large, and one thread */
    struct host_session *s = ctx;
    struct host_verdict *v = &s->v;
    struct host_module module;
    struct host_step step;
    struct host_stop stop;
    static struct host_point_rec point; /* large, as above */
    struct host_explore_count count;

    switch (type) {
    case HOST_REC_MODULE:
        if (take(&module, sizeof module, payload, size))
            on_module(s, &module);
        break;
    case HOST_REC_FINDING:
        if (take(&f, sizeof f, payload, size) && clean_finding(&f))
            on_finding(s, &f);
        memset(&s->refused, 0, sizeof s->refused);
        break;
    case HOST_REC_REFUSED:
        if (take(&s->refused, sizeof s->refused, payload, size)) {
            clean_text(s->refused.routine, sizeof s->refused.routine);
            clean_stack(&s->refused.stack);
            v->refused = s->refused;
        }
        break;
    case HOST_REC_STARTED:
        if (s->baseline && take(&step, sizeof step, payload, size)) {
            clean_text(step.what, sizeof step.what);
            host_points_offers(s->baseline, step.what, step.information);
        }
        break;
    case HOST_REC_PRINT:
    case HOST_REC_NOTE:
        on_speech(s, type, payload, size);
        break;
    case HOST_REC_WARN:
        add_text(&v->warnings, &v->warning_count, payload, size);
        break;
    case HOST_REC_STEP:
        if (take(&step, sizeof step, payload, size))
            on_step(s, &step);
        break;
    case HOST_REC_EXERCISED:
        (void)take(&s->current, sizeof s->current, payload, size); /* else the last one stands */
        break;
    case HOST_REC_COVER:
        on_cover(s, payload, size);
        break;
    case HOST_REC_GUARD:
        copy_text(v->guard, sizeof v->guard, payload, size);
        break;
    case HOST_REC_SETTINGS:
        copy_text(v->settings, sizeof v->settings, payload, size);
        break;
    case HOST_REC_NOT_MODELLED:
        s->ended = true;
        if (take(&stop, sizeof stop, payload, size))
            on_stop(v->not_modelled, &v->not_modelled_count, HOST_STOPS_MAX, &stop);
        break;
    case HOST_REC_HANG:
        s->ended = true;
        if (take(&stop, sizeof stop, payload, size))
            on_stop(v->hangs, &v->hang_count, HOST_STOPS_MAX, &stop);
        break;
    case HOST_REC_OWN_FAULT:
        copy_text(v->own_fault, sizeof v->own_fault, payload, size);
        break;
    case HOST_REC_SETUP:
    case HOST_REC_SCRIPT:
        copy_text(v->setup, sizeof v->setup, payload, size);
        v->setup_is_script = type == HOST_REC_SCRIPT;
        break;
    case HOST_REC_ENTRY_FAILED:
        if (!take(&step, sizeof step, payload, size))
            break;
        clean_text(step.what, sizeof step.what);
        v->entry_failed = step;
        break;
    case HOST_REC_EXPECT:
        add_text(&v->expects, &v->expect_count, payload, size);
        break;
    case HOST_REC_RESTART:
        if (take(&s->restart_at, sizeof s->restart_at, payload, size))
            s->restart = true;
        break;
    case HOST_REC_PATTERNS:
        (void)take(&v->patterns, sizeof v->patterns, payload, size); /* else they stay unknown */
        break;
    case HOST_REC_HOLD:
        s->hold = true;
        break;
    case HOST_REC_REPLY:
        if (s->console) {
            char text[HOST_LINE_MAX];

            copy_text(text, sizeof text, payload, size);
            host_console_reply(s->console, text, strlen(text));
        }
        break;
    case HOST_REC_READY:
        s->settled = true;
        if (s->console)
            host_console_ready(s->console);
        break;
    case HOST_REC_POINT:
        if (s->points && take(&point, sizeof point, payload, size)) {
            clean_point(&point);
            host_points_add(s, &point);
        }
        break;
    case HOST_REC_POINTS:
        if (take(&count, sizeof count, payload, size)) {
            s->explored.visited += count.visited;
            s->explored.counted += count.counted;
        }
        break;
    case HOST_REC_STOPPED:
        v->stopped = true;
        break;
    case HOST_REC_DONE:
        s->done = true;
        break;
    }
}

int host_verdict_exit(const struct host_verdict *v)
{
    bool entry = v->entry_failed.what[0] != '\0';

    if (v->own_fault[0])
        return HOST_OWN_FAULT;
    if (v->setup[0])
        return HOST_USAGE;
    if (v->finding_count || v->death[0] || v->expect_count)
        return HOST_FINDINGS;
    if (v->hang_count)
        return HOST_HANG;
    if (v->not_modelled_count)
        return HOST_NOT_MODELLED;
    if (entry && (!v->requests_judged || !strcmp(v->entry_failed.what, "DriverEntry")))
        return HOST_NOT_EXERCISED;
    if (!v->exercised.completed && !v->o->scenario && !v->o->stays_up)
        return HOST_NOT_EXERCISED;
    return HOST_CLEAN;
}

static void free_texts(char **list, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        pp_free(list[i]);
    pp_free(list);
}

void host_session_done(struct host_session *s)
{
    for (unsigned i = 0; i < s->v.finding_count; i++)
        pp_free(s->v.findings[i].leaks);
    pp_free(s->v.findings);
    pp_free(s->leaks);
    pp_free(s->v.cover);
    free_texts(s->v.warnings, s->v.warning_count);
    free_texts(s->v.expects, s->v.expect_count);
}
