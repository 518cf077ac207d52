/*
 * What changed between two states: per tag and side, and per call site. Call sites of two runs are
 * matched by driver and place in its image, so that a driver loaded elsewhere is still the same.
 */
#include "tools/pooltag.h"

#include <stdlib.h>
#include <string.h>

/* ---- Matching ---- */

static int compare_key(uint32_t tag, uint32_t side, const struct pt_row *r)
{
    int order = memcmp(&tag, &r->tag, sizeof tag);

    return order ? order : (side > r->side) - (side < r->side);
}

static const struct pt_row *find_row(const struct pt_state *t, const struct pt_row *like)
{
    for (size_t i = 0; i < t->row_count; i++) {
        if (!compare_key(like->tag, like->side, &t->rows[i]))
            return &t->rows[i];
    }
    return NULL;
}

static const char *site_driver(const struct pt_state *t, const struct pt_site *s)
{
    return s->driver == PT_KERNEL ? "" : t->drivers[s->driver].name;
}

/* "leak+0x113a" without what symbols added to it. */
static size_t place_size(const struct pt_site *s)
{
    return strcspn(s->place, " ");
}

static bool is_same_site(const struct pt_state *ta, const struct pt_site *a,
                         const struct pt_state *tb, const struct pt_site *b)
{
    return place_size(a) == place_size(b) && !memcmp(a->place, b->place, place_size(a)) &&
           !strcmp(site_driver(ta, a), site_driver(tb, b));
}

/* ---- Changes ---- */

static int64_t site_live(const struct pt_site *s)
{
    return s ? (int64_t)(s->allocs - s->frees) : 0;
}

static void add_site(struct pt_change *c, const struct pt_site *before, const struct pt_site *now)
{
    struct pt_site_change *s = &c->sites[c->site_count];

    *s = (struct pt_site_change){.before = before, .now = now};
    s->live = site_live(now) - site_live(before);
    s->bytes = (int64_t)(now ? now->bytes : 0) - (int64_t)(before ? before->bytes : 0);
    c->site_count += s->live || s->bytes;
}

static int compare_sites(const void *a, const void *b)
{
    const struct pt_site_change *x = a, *y = b;
    const struct pt_site *sx = x->now ? x->now : x->before, *sy = y->now ? y->now : y->before;

    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    if (x->live != y->live)
        return x->live > y->live ? -1 : 1;
    return strcmp(sx->place, sy->place);
}

static void compare_site_lists(const struct pt_state *before, const struct pt_state *now,
                               struct pt_change *c)
{
    size_t old_count = c->before ? c->before->site_count : 0;
    size_t new_count = c->now ? c->now->site_count : 0;

    for (size_t i = 0; i < new_count; i++) {
        const struct pt_site *s = &c->now->sites[i], *was = NULL;

        for (size_t j = 0; !was && j < old_count; j++) {
            if (is_same_site(now, s, before, &c->before->sites[j]))
                was = &c->before->sites[j];
        }
        add_site(c, was, s);
    }
    for (size_t j = 0; j < old_count; j++) {
        const struct pt_site *s = &c->before->sites[j];
        bool is_gone = true;

        for (size_t i = 0; is_gone && i < new_count; i++)
            is_gone = !is_same_site(now, &c->now->sites[i], before, s);
        if (is_gone)
            add_site(c, s, NULL);
    }
    qsort(c->sites, c->site_count, sizeof *c->sites, compare_sites);
}

static struct pt_change row_change(const struct pt_row *before, const struct pt_row *now)
{
    static const struct pt_row nothing;
    const struct pt_row *was = before ? before : &nothing, *is = now ? now : &nothing;

    return (struct pt_change){.before = before,
                              .now = now,
                              .allocs = (int64_t)(is->allocs - was->allocs),
                              .live = (int64_t)(is->live - was->live),
                              .bytes = (int64_t)(is->bytes - was->bytes)};
}

static bool has_grown(const struct pt_change *c)
{
    return c->bytes > 0 || c->live > 0;
}

/* Grown first, by bytes, then blocks; the tag makes it certain. */
static int compare_changes(const void *a, const void *b)
{
    const struct pt_change *x = a, *y = b;
    const struct pt_row *row = pt_change_row(x);

    if (has_grown(x) != has_grown(y))
        return has_grown(x) ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    if (x->live != y->live)
        return x->live > y->live ? -1 : 1;
    return compare_key(row->tag, row->side, pt_change_row(y));
}

/* ---- What to know about the two ---- */

static void note_runs(const struct pt_state *before, const struct pt_state *now, struct pt_diff *d)
{
    const struct poolproof_state *a = &before->head, *b = &now->head;

    d->is_same_run = a->supervisor_pid == b->supervisor_pid && a->start_time == b->start_time &&
                     a->generation == b->generation;
    if (!d->is_same_run)
        pp_fmt(d->notes[0], sizeof d->notes[0],
               "the snapshots are of different machines: what differs need not have grown in one");
    else if (a->time > b->time || a->event_count > b->event_count)
        pp_fmt(d->notes[0], sizeof d->notes[0], "the first snapshot is the newer one");
}

static void note_images(const struct pt_state *before, const struct pt_state *now,
                        struct pt_diff *d)
{
    for (size_t i = 0; i < before->driver_count; i++) {
        for (size_t j = 0; j < now->driver_count; j++) {
            if (strcmp(before->drivers[i].name, now->drivers[j].name) ||
                before->drivers[i].size == now->drivers[j].size)
                continue;
            pp_fmt(d->notes[1], sizeof d->notes[1],
                   "%s differs between the snapshots: its call sites may have moved",
                   now->drivers[j].name);
            return;
        }
    }
}

/* The two states of a diff that is being made. */
struct pair {
    const struct pt_state *before, *now;
    const struct pt_filter *filter;
};

static void add_change(struct pt_diff *d, const struct pair *p, const struct pt_row *before,
                       const struct pt_row *now)
{
    struct pt_change c = row_change(before, now);

    if (!pt_is_shown(p->filter, pt_change_row(&c)) || (!c.live && !c.bytes && !c.allocs))
        return;
    c.sites = &d->sites[d->site_count];
    compare_site_lists(p->before, p->now, &c);
    d->site_count += c.site_count;
    d->grown += has_grown(&c);
    d->changes[d->count++] = c;
}

void pt_diff_make(const struct pt_state *before, const struct pt_state *now,
                  const struct pt_filter *f, struct pt_diff *ret)
{
    struct pair p = {before, now, f};

    *ret = (struct pt_diff){0};
    ret->changes = pp_new_array(before->row_count + now->row_count + 1, sizeof *ret->changes);
    ret->sites = pp_new_array(before->site_count + now->site_count + 1, sizeof *ret->sites);
    PP_ASSERT(ret->changes && ret->sites);
    for (size_t i = 0; i < now->row_count; i++)
        add_change(ret, &p, find_row(before, &now->rows[i]), &now->rows[i]);
    for (size_t i = 0; i < before->row_count; i++) {
        if (!find_row(now, &before->rows[i]))
            add_change(ret, &p, &before->rows[i], NULL);
    }
    qsort(ret->changes, ret->count, sizeof *ret->changes, compare_changes);
    note_runs(before, now, ret);
    note_images(before, now, ret);
}

void pt_diff_done(struct pt_diff *d)
{
    pp_free(d->changes);
    pp_free(d->sites);
    *d = (struct pt_diff){0};
}
