#include "states.h"

#include <stdlib.h>
#include <string.h>

enum { SECOND = 10000000 };

uint32_t state_tag(const char *text)
{
    uint32_t tag = 0;

    memcpy(&tag, text, strnlen(text, 4));
    return tag;
}

struct poolproof_state *state_new(const char *driver_path)
{
    struct poolproof_state *s = calloc(1, pp_state_size());

    PP_ASSERT(s);
    pp_fmt(s->driver_path, sizeof s->driver_path, "%s", driver_path);
    s->supervisor_pid = 100;
    s->start_time = 1000;
    s->seed = 7;
    pp_state_init(s);
    s->time = 8 * SECOND;
    s->phase = POOLPROOF_RUNNING;
    return s;
}

uint32_t state_driver(struct poolproof_state *s, const char *name, uint64_t base)
{
    uint32_t i = 0;
    struct poolproof_driver *d = pp_state_row(s, &s->drivers, 0);

    while (d->name[0])
        d = pp_state_row(s, &s->drivers, ++i);
    d->bits = POOLPROOF_DRIVER_VERIFIED | POOLPROOF_DRIVER_LOADED;
    d->base = base;
    d->size = 0x6000;
    d->loads = 1;
    pp_fmt(d->name, sizeof d->name, "%s", name);
    return i + 1;
}

static struct poolproof_tag *tag_row(struct poolproof_state *s, uint32_t tag)
{
    struct poolproof_tag *row;
    uint32_t i = 0;

    do
        row = pp_state_row(s, &s->tags, i++);
    while (row->tag && row->tag != tag);
    row->tag = tag;
    return row;
}

static struct poolproof_curve *curve_row(struct poolproof_state *s, uint32_t tag, uint32_t side)
{
    struct poolproof_curve *c;
    uint32_t i = 0;

    do
        c = pp_state_row(s, &s->curves, i++);
    while (c->count && (c->tag != tag || c->side != side));
    c->tag = tag;
    c->side = side;
    c->stride = c->left = 1;
    return c;
}

static void add_site(struct poolproof_state *s, const struct state_use *u)
{
    struct poolproof_site *site;
    uint32_t i = 0;

    do
        site = pp_state_row(s, &s->sites, i++);
    while (site->tag);
    *site = (struct poolproof_site){.tag = state_tag(u->tag),
                                    .pc = u->pc,
                                    .driver = u->driver,
                                    .side = u->side,
                                    .allocs = u->allocs,
                                    .frees = u->frees,
                                    .bytes = u->size * (u->allocs - u->frees),
                                    .peak_bytes = u->size * u->allocs};
}

void state_use(struct poolproof_state *s, const struct state_use *u)
{
    uint32_t tag = state_tag(u->tag), live = u->allocs - u->frees;
    struct poolproof_tag_side *side = &tag_row(s, tag)->side[u->side];
    struct poolproof_curve *c = curve_row(s, tag, u->side);

    for (uint32_t i = 0; i < u->allocs; i++) {
        side->peak_bytes = PP_MAX(side->peak_bytes, side->bytes + u->size * (i + 1));
        if (c->count < POOLPROOF_POINTS)
            c->points[c->count++] = (struct poolproof_point){
                s->time + i * (SECOND / 10), side->bytes + u->size * (i + 1),
                (uint32_t)side->allocs64 + i + 1, side->allocs + i + 1};
    }
    side->allocs += u->allocs;
    side->frees += u->frees;
    side->allocs64 += u->allocs;
    side->frees64 += u->frees;
    side->bytes += u->size * live;
    side->requested += u->size * live;
    side->peak_live = PP_MAX(side->peak_live, (uint64_t)u->allocs);
    s->totals.bytes[u->side] += u->size * live;
    s->totals.peak_bytes[u->side] += u->size * u->allocs;
    s->totals.live[u->side] += live;
    s->event_count += u->allocs + u->frees;
    add_site(s, u);
}

/* ---- By name ---- */

/* Two drivers that share a tag, one of them twice as far in `later`. */
static struct poolproof_state *two(bool is_later)
{
    struct poolproof_state *s = state_new("drivers/first.sys");
    uint32_t first = state_driver(s, "first.sys", 0x4c0001000000);
    uint32_t second = state_driver(s, "second.sys", 0x4c0002000000);

    state_use(s, &(struct state_use){"Data", 1, first, 0x4c0001001010, 64, is_later ? 30 : 10, 2});
    state_use(s, &(struct state_use){"Data", 1, second, 0x4c0002002020, 256, 4, is_later ? 4 : 1});
    state_use(s, &(struct state_use){"One", 0, first, 0x4c0001001040, 4096, 3, 3});
    state_use(s, &(struct state_use){"Irp ", 0, 0, 0, 280, 20, 20});
    if (is_later)
        state_use(s, &(struct state_use){"New!", 0, second, 0x4c0002002060, 32, 5, 0});
    s->time += is_later ? 4 * SECOND : SECOND;
    return s;
}

static struct poolproof_state *many(void)
{
    struct poolproof_state *s = state_new("many.sys");
    uint32_t driver = state_driver(s, "many.sys", 0x4c0001000000);

    for (uint32_t i = 0; i < 250; i++) {
        char tag[5];

        pp_fmt(tag, sizeof tag, "T%03u", i);
        for (uint32_t side = 0; side < 2; side++)
            state_use(s, &(struct state_use){tag, side, driver, 0x4c0001001000 + i * 16,
                                             16 + i % 7 * 40, 2 + i % 50, i % 3});
    }
    s->time += 6 * SECOND;
    return s;
}

/* What a driver could have written over it: nothing may be believed. */
static struct poolproof_state *hostile(void)
{
    struct poolproof_state *s = state_new("x/</title><script>alert(1)</script>.sys");
    uint32_t driver = state_driver(s, "\"><b>\x1b[31m&.sys", 0x4c0001000000);
    struct poolproof_curve *c;
    struct poolproof_site *site;

    state_use(s, &(struct state_use){"<a\">", 0, driver, 0x4c0001001010, 64, 3, 0});
    state_use(s, &(struct state_use){"\x01\x80'&", 1, driver, 0x10, 64, 3, 0});
    state_use(s, &(struct state_use){"Huge", 0, driver, 0x4c0001001010, 1, 2, 0});
    tag_row(s, state_tag("Huge"))->side[0].bytes = UINT64_MAX;
    tag_row(s, state_tag("Huge"))->side[0].frees64 = 1000;
    c = curve_row(s, state_tag("Huge"), 0);
    c->count = 5000; /* beyond its places */
    c->stride = UINT32_MAX;
    c->points[0].time = UINT64_MAX - 2;
    c->points[1].time = UINT64_MAX;
    c->points[1].bytes = UINT64_MAX;
    site = pp_state_row(s, &s->sites, 100);
    *site = (struct poolproof_site){.tag = state_tag("Huge"), .driver = 4711, .side = 9, .seq = 1};
    memset(((struct poolproof_driver *)pp_state_row(s, &s->drivers, 1))->name, 'n', 64);
    s->phase = 77;
    return s;
}

struct poolproof_state *state_sample(const char *name)
{
    if (!strcmp(name, "none"))
        return state_new("none.sys");
    if (!strcmp(name, "two"))
        return two(false);
    if (!strcmp(name, "later"))
        return two(true);
    if (!strcmp(name, "many"))
        return many();
    if (!strcmp(name, "hostile"))
        return hostile();
    return NULL;
}
