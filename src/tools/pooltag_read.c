/* A state block as rows for people. Reads while the machine writes: each row is copied once, then
 * worked on alone. */
#include "base/state.h"
#include "tools/pooltag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Text ---- */

static bool is_printable(int c)
{
    return c >= 0x20 && c < 0x7F;
}

/* A name of `size` bytes that may lack its end: printable ASCII, '.' for the rest. */
static void clean(const char *name, size_t size, char *ret, size_t ret_size)
{
    size_t n = PP_MIN(strnlen(name, size), ret_size - 1);

    for (size_t i = 0; i < n; i++)
        ret[i] = is_printable(name[i]) ? name[i] : '.';
    ret[n] = '\0';
}

static void tag_text(uint32_t tag, char ret[5])
{
    for (int i = 0; i < 4; i++) {
        int c = (int)(tag >> 8 * i & 0xFF);

        ret[i] = (char)(is_printable(c) ? c : '.');
    }
    for (int i = 3; i >= 0 && !(tag >> 8 * i); i--)
        ret[i] = ' '; /* a literal of fewer than four characters */
    ret[4] = '\0';
}

void pt_time_text(uint64_t time, char ret[32])
{
    pp_fmt(ret, 32, "%llu.%03llu s", (unsigned long long)(time / 10000000),
           (unsigned long long)(time / 10000 % 1000));
}

void pt_state_text(const struct pt_state *t, char ret[PT_PLACE])
{
    char time[32];

    pt_time_text(t->head.time, time);
    pp_fmt(ret, PT_PLACE, "%s, ", t->driver[0] ? t->driver : "no driver");
    if (t->head.phase == POOLPROOF_ENDED)
        pp_fmt_append(ret, PT_PLACE, "ended with exit code %u", t->head.exit_code);
    else
        pp_fmt_append(ret, PT_PLACE, "%s", t->is_running ? "running" : "not ended");
    pp_fmt_append(ret, PT_PLACE, ", at %s of virtual time", time);
}

/* ---- Drivers, sites ---- */

static void read_drivers(const struct poolproof_state *s, struct pt_state *t)
{
    uint32_t count = PP_MIN(s->drivers.row_count, (uint32_t)PP_COUNT(t->drivers));

    for (uint32_t i = 0; i < count; i++) {
        struct poolproof_driver d;

        (void)pp_state_read(pp_state_row(s, &s->drivers, i), &d, sizeof d); /* then what is there */
        clean(d.name, sizeof d.name, t->drivers[i].name, sizeof t->drivers[i].name);
        t->drivers[i].size = d.size;
        if (t->drivers[i].name[0])
            t->driver_count = i + 1;
        else
            pp_fmt(t->drivers[i].name, sizeof t->drivers[i].name, "?");
    }
}

static void site_place(const struct poolproof_state *s, const struct pt_state *t,
                       struct pt_site *site)
{
    const char *name, *dot;
    struct poolproof_driver d;

    if (site->driver == PT_KERNEL) {
        pp_fmt(site->place, sizeof site->place, "nt");
        return;
    }
    (void)pp_state_read(pp_state_row(s, &s->drivers, (uint32_t)site->driver), &d, sizeof d);
    name = t->drivers[site->driver].name;
    dot = strrchr(name, '.');
    if (site->pc >= d.base && site->pc - d.base < d.size)
        pp_fmt(site->place, sizeof site->place, "%.*s+0x%llx",
               (int)(dot ? dot - name : (ptrdiff_t)strlen(name)), name,
               (unsigned long long)(site->pc - d.base));
    else
        pp_fmt(site->place, sizeof site->place, "0x%llx", (unsigned long long)site->pc);
}

/* By tag, side, then most bytes, allocations; the place makes it certain. */
static int compare_sites(const void *a, const void *b)
{
    const struct pt_site *x = a, *y = b;
    int order = memcmp(&x->tag, &y->tag, sizeof x->tag);

    if (order)
        return order;
    if (x->side != y->side)
        return x->side < y->side ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    if (x->allocs != y->allocs)
        return x->allocs > y->allocs ? -1 : 1;
    if (x->driver != y->driver)
        return x->driver < y->driver ? -1 : 1;
    return (x->pc > y->pc) - (x->pc < y->pc);
}

static void read_sites(const struct poolproof_state *s, struct pt_state *t)
{
    t->sites = pp_new_array((size_t)s->sites.row_count + 1, sizeof *t->sites);
    PP_ASSERT(t->sites);
    for (uint32_t i = 0; i < s->sites.row_count; i++) {
        const struct poolproof_site *row = pp_state_row(s, &s->sites, i);
        struct pt_site *site = &t->sites[t->site_count];
        struct poolproof_site copy;

        if (!__atomic_load_n(&row->tag, __ATOMIC_ACQUIRE))
            continue;
        (void)pp_state_read(row, &copy, sizeof copy); /* then what is there */
        if (copy.side > POOLPROOF_PAGED || copy.driver > t->driver_count)
            continue;
        *site = (struct pt_site){.tag = copy.tag,
                                 .side = copy.side,
                                 .driver = (int)copy.driver - 1,
                                 .pc = copy.pc,
                                 .allocs = copy.allocs,
                                 .frees = copy.frees,
                                 .bytes = copy.bytes,
                                 .peak_bytes = copy.peak_bytes};
        site_place(s, t, site);
        t->site_count++;
    }
    qsort(t->sites, t->site_count, sizeof *t->sites, compare_sites);
}

static void name_site(struct pt_site *site, const struct host_place *p)
{
    const struct host_source *in = &p->source[0], *out = &p->source[p->source_count - 1];

    if (!in->function[0])
        return;
    pp_fmt_append(site->place, sizeof site->place, " %s", in->function);
    if (in->file[0])
        pp_fmt_append(site->place, sizeof site->place, " [%s:%u]", in->file, in->line);
    if (out == in)
        return;
    pp_fmt_append(site->place, sizeof site->place, ", inlined into %s", out->function);
    if (out->file[0] && strcmp(out->file, in->file) != 0)
        pp_fmt_append(site->place, sizeof site->place, " [%s:%u]", out->file, out->line);
    else if (out->file[0])
        pp_fmt_append(site->place, sizeof site->place, " [line %u]", out->line);
}

void pt_state_name_sites(struct pt_state *t, const struct poolproof_state *s, const char *dirs)
{
    struct host_symbols *symbols = host_symbols_of_state(s, dirs);

    for (size_t i = 0; i < t->site_count; i++) {
        struct pt_site *site = &t->sites[i];

        if (site->driver == PT_KERNEL)
            continue;
        name_site(site, host_symbol_place(symbols, site->pc, false));
        clean(site->place, sizeof site->place, site->place, sizeof site->place);
    }
    host_symbols_free(symbols);
}

/* ---- Curves ---- */

/* Times that run backwards would draw nonsense: the curve ends where the first one does. */
static uint32_t sound_points(const struct poolproof_curve *c)
{
    uint32_t count = PP_MIN(c->count, (uint32_t)POOLPROOF_POINTS);

    for (uint32_t i = 1; i < count; i++) {
        if (c->points[i].time < c->points[i - 1].time)
            return i;
    }
    return count;
}

static void read_curves(const struct poolproof_state *s, struct pt_state *t)
{
    t->curves = pp_new_array((size_t)s->curves.row_count + 1, sizeof *t->curves);
    PP_ASSERT(t->curves);
    for (uint32_t i = 0; i < s->curves.row_count; i++) {
        struct poolproof_curve *c = &t->curves[t->curve_count];

        (void)pp_state_read(pp_state_row(s, &s->curves, i), c, sizeof *c); /* as above */
        c->count = sound_points(c);
        c->stride = PP_MAX(c->stride, 1u);
        t->curve_count += c->count > 0;
    }
}

/* ---- Rows ---- */

static void add_name(struct pt_row *r, const char *name)
{
    char have[sizeof r->drivers + 4], want[72];

    pp_fmt(have, sizeof have, ", %s,", r->drivers);
    pp_fmt(want, sizeof want, ", %s,", name);
    if (!strstr(have, want))
        pp_fmt_append(r->drivers, sizeof r->drivers, "%s%s", r->drivers[0] ? ", " : "", name);
}

static void row_join(struct pt_state *t, struct pt_row *r)
{
    size_t i = 0;

    while (i < t->site_count && (t->sites[i].tag != r->tag || t->sites[i].side != r->side))
        i++;
    r->sites = &t->sites[i];
    for (; i < t->site_count && t->sites[i].tag == r->tag && t->sites[i].side == r->side; i++) {
        r->site_count++;
        add_name(r, t->sites[i].driver == PT_KERNEL ? "nt" : t->drivers[t->sites[i].driver].name);
    }
    for (i = 0; i < t->curve_count; i++) {
        if (t->curves[i].tag == r->tag && t->curves[i].side == r->side)
            r->curve = &t->curves[i];
    }
}

static int compare_rows(const void *a, const void *b)
{
    const struct pt_row *x = a, *y = b;
    int order = memcmp(&x->tag, &y->tag, sizeof x->tag); /* characters, in memory order */

    return order ? order : (x->side > y->side) - (x->side < y->side);
}

static void read_row(const struct poolproof_tag *tag, uint32_t side, struct pt_row *r)
{
    const struct poolproof_tag_side *v = &tag->side[side];

    *r = (struct pt_row){.tag = tag->tag,
                         .side = side,
                         .frees = __atomic_load_n(&v->frees64, __ATOMIC_RELAXED),
                         .allocs = __atomic_load_n(&v->allocs64, __ATOMIC_RELAXED),
                         .bytes = __atomic_load_n(&v->bytes, __ATOMIC_RELAXED),
                         .peak_bytes = __atomic_load_n(&v->peak_bytes, __ATOMIC_RELAXED),
                         .requested = __atomic_load_n(&v->requested, __ATOMIC_RELAXED),
                         .peak_live = __atomic_load_n(&v->peak_live, __ATOMIC_RELAXED)};
    r->live = r->allocs > r->frees ? r->allocs - r->frees : 0;
    tag_text(r->tag, r->text);
}

static void read_rows(const struct poolproof_state *s, const struct pm_tag_file *tags,
                      struct pt_state *t)
{
    t->rows = pp_new_array(2 * (size_t)s->tags.row_count + 1, sizeof *t->rows);
    PP_ASSERT(t->rows);
    for (uint32_t i = 0; i < s->tags.row_count; i++) {
        const struct poolproof_tag *tag = pp_state_row(s, &s->tags, i);

        if (!__atomic_load_n(&tag->tag, __ATOMIC_ACQUIRE))
            continue;
        for (uint32_t side = 0; side < 2; side++) {
            struct pt_row *r = &t->rows[t->row_count];

            read_row(tag, side, r);
            if (!r->allocs)
                continue;
            row_join(t, r);
            r->described = tags ? pm_tag_file_find(tags, r->tag) : NULL;
            t->row_count++;
        }
    }
    qsort(t->rows, t->row_count, sizeof *t->rows, compare_rows);
}

void pt_state_read(const struct poolproof_state *s, bool is_running, const struct pm_tag_file *tags,
                   struct pt_state *ret)
{
    *ret = (struct pt_state){.is_running = is_running, .head = *s};
    clean(s->driver_path, sizeof s->driver_path, ret->driver_path, sizeof ret->driver_path);
    pp_fmt(ret->driver, sizeof ret->driver, "%s", pp_base_name(ret->driver_path));
    read_drivers(s, ret);
    read_sites(s, ret);
    read_curves(s, ret);
    read_rows(s, tags, ret);
}

void pt_state_done(struct pt_state *t)
{
    pp_free(t->rows);
    pp_free(t->sites);
    pp_free(t->curves);
    *t = (struct pt_state){0};
}

int pt_save(const struct host_state *st, const char *path, char why[PP_WHY_SIZE])
{
    char beside[4096];
    int err;

    if (strlen(path) + sizeof ".new" > sizeof beside) {
        pp_fmt(why, PP_WHY_SIZE, "%.120s...: the name is too long", path);
        return -ENAMETOOLONG;
    }
    pp_fmt(beside, sizeof beside, "%s.new", path);
    err = host_state_save(st, beside, why);
    if (!err && rename(beside, path))
        err = -errno;
    if (err) {
        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", path, strerror(-err));
        (void)unlink(beside); /* it may not be there */
    }
    return err;
}
