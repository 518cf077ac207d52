/*
 * From state blocks to snapshots. The block lies in the driver's reach, so its head is copied and
 * checked each time, every text is bounded and cleaned, and nothing in it is trusted to be
 * consistent.
 */
#include "base/state.h"
#include "tools/poolmon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 4 };

void pm_clean(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7E)
            *text = '.';
}

void pm_snapshot_done(struct pm_snapshot *s)
{
    pp_free(s->rows);
    pp_free(s->drivers);
    *s = (struct pm_snapshot){0};
}

/* What it takes to read one block. */
struct reading {
    const struct poolproof_state *s; /* the block */
    struct poolproof_state head;     /* a checked copy of its head */
    struct poolproof_driver *drivers;
    struct pm_snapshot snap;
};

static const void *row_at(const struct reading *r, const struct poolproof_section *sec, uint32_t i)
{
    return pp_state_row(r->s, sec, i);
}

/* ---- Drivers ---- */

static int read_drivers(struct reading *r)
{
    uint32_t rows = r->head.drivers.row_count;

    r->drivers = pp_new_array(rows + 1, sizeof *r->drivers);
    r->snap.drivers = pp_new_array(rows + 1, sizeof *r->snap.drivers);
    if (!r->drivers || !r->snap.drivers)
        return -ENOMEM;
    for (uint32_t i = 0; i < rows; i++) {
        struct poolproof_driver *d = &r->drivers[i];
        struct pm_driver *to = &r->snap.drivers[i];

        /* A row that kept changing is still the best there is. */
        (void)pp_state_read(row_at(r, &r->head.drivers, i), d, sizeof *d);
        d->name[sizeof d->name - 1] = '\0';
        pm_clean(d->name);
        if (!*d->name)
            break;
        pp_fmt(to->name, sizeof to->name, "%s", d->name);
        to->is_loaded = d->bits & POOLPROOF_DRIVER_LOADED;
        memcpy(to->live, d->live, sizeof to->live);
        memcpy(to->bytes, d->bytes, sizeof to->bytes);
        memcpy(to->peak_bytes, d->peak_bytes, sizeof to->peak_bytes);
        r->snap.driver_count++;
    }
    return 0;
}

/* ---- Tags ---- */

static int compare_rows(const void *a, const void *b)
{
    const struct pm_row *x = a, *y = b;
    int order = memcmp(&x->tag, &y->tag, sizeof x->tag);

    return order ? order : (x->side > y->side) - (x->side < y->side);
}

#define LOAD(field) __atomic_load_n(&(field), __ATOMIC_ACQUIRE)

/* Frees before allocations: what happens in between makes a block too many, never one too few. */
static void read_side(const struct poolproof_tag *tag, unsigned side, struct pm_row *to)
{
    const struct poolproof_tag_side *from = &tag->side[side];

    *to = (struct pm_row){.tag = LOAD(tag->tag), .side = side};
    to->frees = LOAD(from->frees);
    to->frees64 = LOAD(from->frees64);
    to->allocs = LOAD(from->allocs);
    to->allocs64 = LOAD(from->allocs64);
    to->bytes = LOAD(from->bytes);
    to->peak_bytes = LOAD(from->peak_bytes);
    to->requested = LOAD(from->requested);
    to->peak_live = LOAD(from->peak_live);
}

static int read_tags(struct reading *r)
{
    uint32_t rows = r->head.tags.row_count;

    r->snap.rows = pp_new_array(2 * (size_t)rows + 1, sizeof *r->snap.rows);
    if (!r->snap.rows)
        return -ENOMEM;
    for (uint32_t i = 0; i < rows; i++) {
        const struct poolproof_tag *tag = row_at(r, &r->head.tags, i);

        for (unsigned side = 0; LOAD(tag->tag) && side < 2; side++) {
            struct pm_row *to = &r->snap.rows[r->snap.count];

            read_side(tag, side, to);
            r->snap.count += to->allocs64 > 0;
        }
    }
    qsort(r->snap.rows, r->snap.count, sizeof *r->snap.rows, compare_rows);
    return 0;
}

/* ---- Owners and call sites ---- */

static int compare_sites(const void *a, const void *b)
{
    const struct poolproof_site *x = a, *y = b;
    int order = memcmp(&x->tag, &y->tag, sizeof x->tag);

    if (!order)
        order = (x->side > y->side) - (x->side < y->side);
    if (!order)
        order = (x->driver > y->driver) - (x->driver < y->driver);
    return order ? order : (x->pc > y->pc) - (x->pc < y->pc);
}

static const char *owner_name(const struct reading *r, uint32_t driver)
{
    return driver && driver <= r->snap.driver_count ? r->drivers[driver - 1].name : "kernel";
}

/* Native addresses of our own process are nobody's business. */
static void site_text(const struct reading *r, const struct poolproof_site *at, char *ret,
                      size_t size)
{
    const struct poolproof_driver *d =
        at->driver && at->driver <= r->snap.driver_count ? &r->drivers[at->driver - 1] : NULL;

    if (d && at->pc - d->base < d->size)
        pp_fmt(ret, size, "%s+0x%llx", d->name, (unsigned long long)(at->pc - d->base));
    else
        pp_fmt(ret, size, "%s", d ? d->name : "kernel");
}

/* The sites of one row, ascending by driver. */
static void settle_sites(const struct reading *r, const struct poolproof_site *sites, size_t count,
                         struct pm_row *row)
{
    const struct poolproof_site *top = sites;
    uint64_t most = 0, allocs = 0;
    uint32_t owner = 0, owners = 0;

    for (size_t i = 0; i < count; i++) {
        bool is_new = i == 0 || sites[i].driver != sites[i - 1].driver;

        allocs = (is_new ? 0 : allocs) + sites[i].allocs;
        owners += is_new;
        if (allocs > most) {
            most = allocs;
            owner = sites[i].driver;
        }
        if (sites[i].bytes > top->bytes ||
            (sites[i].bytes == top->bytes && sites[i].allocs > top->allocs))
            top = &sites[i];
    }
    pp_fmt(row->owner, sizeof row->owner, "%s", owner_name(r, owner));
    if (owners > 1)
        pp_fmt_append(row->owner, sizeof row->owner, " and %u", owners - 1);
    site_text(r, top, row->site, sizeof row->site);
    if (count > 1)
        pp_fmt_append(row->site, sizeof row->site, " and %zu", count - 1);
}

static int read_sites(struct reading *r)
{
    uint32_t rows = r->head.sites.row_count;
    struct poolproof_site *sites = pp_new_array(rows + 1, sizeof *sites);
    size_t count = 0;

    if (!sites)
        return -ENOMEM;
    for (uint32_t i = 0; i < rows; i++) {
        const struct poolproof_site *from = row_at(r, &r->head.sites, i);

        if (!LOAD(from->tag))
            continue;
        (void)pp_state_read(from, &sites[count], sizeof *sites); /* as for drivers */
        count += sites[count].tag != 0;
    }
    qsort(sites, count, sizeof *sites, compare_sites);
    for (size_t i = 0, end; i < count; i = end) {
        struct pm_row key = {.tag = sites[i].tag, .side = sites[i].side}, *row;

        for (end = i + 1; end < count && sites[end].tag == key.tag && sites[end].side == key.side;)
            end++;
        row = bsearch(&key, r->snap.rows, r->snap.count, sizeof key, compare_rows);
        if (row)
            settle_sites(r, sites + i, end - i, row);
    }
    pp_free(sites);
    return 0;
}

/* ---- One block ---- */

static void read_machine(struct reading *r, const struct host_state *st)
{
    const struct poolproof_state *h = &r->head;
    struct pm_machine *m = &r->snap.machine;
    char path[sizeof h->driver_path];

    *m = (struct pm_machine){.is_running = host_state_is_running(st),
                             .phase = h->phase,
                             .exit_code = h->exit_code,
                             .generation = h->generation,
                             .supervisor_pid = h->supervisor_pid,
                             .start_time = h->start_time,
                             .time = h->time,
                             .seed = h->seed,
                             .sites_lost = h->sites_lost};
    memcpy(path, h->driver_path, sizeof path);
    path[sizeof path - 1] = '\0';
    pp_fmt(m->driver, sizeof m->driver, "%s", pp_base_name(path));
    pm_clean(m->driver);
    (void)pp_state_read(&r->s->totals, &m->totals, sizeof m->totals); /* as for drivers */
}

/* -EAGAIN: the tables began anew meanwhile. */
static int read_once(const struct host_state *st, bool with_sites, struct pm_snapshot *ret,
                     char why[PP_WHY_SIZE])
{
    struct reading r = {.s = st->s, .head = *st->s};
    int err = 0;

    if (pp_state_check(&r.head, st->size, why))
        return -EAGAIN;
    if (!r.head.tags.row_count)
        return -ENODATA;
    read_machine(&r, st);
    err = read_drivers(&r);
    if (!err)
        err = read_tags(&r);
    if (!err && with_sites)
        err = read_sites(&r);
    if (!err && (LOAD(st->s->generation) != r.head.generation || !LOAD(st->s->magic))) {
        pp_fmt(why, PP_WHY_SIZE, "the machine is just starting");
        err = -EAGAIN;
    }
    pp_free(r.drivers);
    if (err)
        pm_snapshot_done(&r.snap);
    else
        *ret = r.snap;
    return err;
}

static int read_state(const struct host_state *st, bool with_sites, struct pm_snapshot *ret,
                      char why[PP_WHY_SIZE])
{
    int err = -EAGAIN;

    for (int tries = 0; err == -EAGAIN && tries < TRIES; tries++)
        err = read_once(st, with_sites, ret, why);
    if (err == -ENOMEM)
        pp_fmt(why, PP_WHY_SIZE, "out of memory");
    else if (err == -ENODATA)
        pp_fmt(why, PP_WHY_SIZE, "pool tagging is off");
    return err;
}

/* ---- Which block ---- */

static bool is_same_run(const struct host_state *a, const struct host_state *b)
{
    return a->s->supervisor_pid == b->s->supervisor_pid && a->s->start_time == b->s->start_time;
}

/* The machine that was started last in the directory; the one at hand, when there is no other. */
static int look_around(struct pm_source *src, char why[PP_WHY_SIZE])
{
    struct host_state found;
    int err;

    if (src->is_open && (src->file || host_state_is_running(&src->state)))
        return 0;
    err = host_state_open(src->dir, src->file, &found, why);
    if (err)
        return src->is_open ? 0 : err;
    if (src->is_open && is_same_run(&src->state, &found)) {
        host_state_close(&found);
        return 0;
    }
    pm_source_close(src);
    src->state = found;
    src->is_open = true;
    return 0;
}

static enum pm_news news_of(const struct pm_machine *now, const struct pm_snapshot *last)
{
    if (!last || last->machine.supervisor_pid != now->supervisor_pid ||
        last->machine.start_time != now->start_time)
        return PM_ATTACHED;
    return last->machine.generation == now->generation ? PM_SAME : PM_RESTARTED;
}

int pm_source_next(struct pm_source *src, const struct pm_snapshot *last, struct pm_snapshot *ret,
                   enum pm_news *ret_news, char why[PP_WHY_SIZE])
{
    int err = look_around(src, why);

    if (!err)
        err = read_state(&src->state, src->with_sites, ret, why);
    if (!err)
        *ret_news = news_of(&ret->machine, last);
    return err;
}

void pm_source_close(struct pm_source *src)
{
    if (src->is_open)
        host_state_close(&src->state);
    src->is_open = false;
}
