/*
 * Publishing the machine in its state block (include/poolproof/state.h). Tag rows are the pool's
 * own table, which lies in the block. Curves, sites and events are written here for every
 * allocation and free; drivers and totals at each step of the host and on request
 * (ke_state_update).
 */
#include "base/state.h"
#include "kernel/kernel_priv.h"

#include <string.h>

_Static_assert(sizeof(struct pl_tag_row) == sizeof(struct poolproof_tag), "state.h");
_Static_assert(offsetof(struct pl_tag_side, bytes) == offsetof(struct poolproof_tag_side, bytes) &&
                   offsetof(struct pl_tag_side, peak_live) ==
                       offsetof(struct poolproof_tag_side, peak_live),
               "state.h");
_Static_assert((int)PL_PAGED_ROW == POOLPROOF_PAGED, "state.h");

static struct {
    struct poolproof_state *s; /* NULL: nothing is published */
    struct poolproof_curve *curves;
    struct poolproof_site *sites;
    struct poolproof_event *events;
    uint32_t curves_used, sites_used;
    /* Routines whose calls the verifier counts. */
    struct ke_export *raise[3], *spin[8], *sync;
} g;

static uint32_t hash(uint64_t a, uint64_t b)
{
    a = (a ^ b * 0x9E3779B97F4A7C15ull) * 0xD6E8FEB86659FD93ull;
    return (uint32_t)(a >> 32);
}

/* ---- Curves ---- */

/* The curve of a tag's side, made when new; NULL when the table is full. */
static struct poolproof_curve *curve_get(uint32_t tag, unsigned side)
{
    uint32_t mask = g.s->curves.row_count - 1, i = hash(tag, side) & mask;

    while (g.curves[i].count && (g.curves[i].tag != tag || g.curves[i].side != side))
        i = (i + 1) & mask;
    if (g.curves[i].count)
        return &g.curves[i];
    if (g.curves_used == mask) /* one place stays empty and ends every search */
        return NULL;
    g.curves_used++;
    g.curves[i].tag = tag;
    g.curves[i].side = side;
    g.curves[i].stride = g.curves[i].left = 1;
    return &g.curves[i];
}

static void curve_thin(struct poolproof_curve *c)
{
    for (uint32_t i = 0; i < POOLPROOF_POINTS / 2; i++)
        c->points[i] = c->points[2 * i];
    c->count = POOLPROOF_POINTS / 2;
    c->stride *= 2;
}

static void curve_add(const struct pl_note *n)
{
    struct poolproof_curve *c = curve_get(n->tag, n->paged);
    const struct pl_tag_row *row;
    const struct pl_tag_side *side;

    if (!c || --c->left)
        return;
    row = pl_tag_find(ke_m.pool, n->tag);
    if (!row) { /* in the overflow row */
        c->left = c->stride;
        return;
    }
    side = &row->side[n->paged];
    pp_state_begin(&c->seq);
    if (c->count == POOLPROOF_POINTS)
        curve_thin(c);
    c->left = c->stride;
    c->points[c->count++] = (struct poolproof_point){
        n->time, side->bytes, (uint32_t)(side->allocs64 - side->frees64), side->allocs};
    pp_state_end(&c->seq);
}

/* ---- Sites ---- */

static struct poolproof_site *site_get(const struct pl_note *n)
{
    uint32_t mask = g.s->sites.row_count - 1, i = hash(n->alloc_pc, n->tag * 2 + n->paged) & mask;

    for (; g.sites[i].tag; i = (i + 1) & mask) {
        const struct poolproof_site *at = &g.sites[i];

        if (at->pc == n->alloc_pc && at->tag == n->tag && at->side == n->paged &&
            at->driver == n->owner)
            return &g.sites[i];
    }
    if (n->freed)
        return NULL; /* its allocation found no place */
    if (g.sites_used == mask) {
        g.s->sites_lost++;
        return NULL;
    }
    g.sites_used++;
    g.sites[i].pc = n->alloc_pc;
    g.sites[i].driver = n->owner;
    g.sites[i].side = n->paged;
    __atomic_store_n(&g.sites[i].tag, n->tag, __ATOMIC_RELEASE);
    return &g.sites[i];
}

static void site_add(const struct pl_note *n)
{
    struct poolproof_site *at = site_get(n);

    if (!at)
        return;
    pp_state_begin(&at->seq);
    if (n->freed) {
        at->frees++;
        at->bytes -= PP_MIN(n->size, at->bytes);
    } else {
        at->allocs++;
        at->bytes += n->size;
        at->peak_bytes = PP_MAX(at->peak_bytes, at->bytes);
    }
    pp_state_end(&at->seq);
}

/* ---- Events, sums ---- */

static void event_add(const struct pl_note *n)
{
    uint64_t seq = g.s->event_count + 1;
    struct poolproof_event *e = &g.events[(seq - 1) & (g.s->events.row_count - 1)];

    __atomic_store_n(&e->seq, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    e->time = n->time;
    e->address = n->start;
    e->size = n->size;
    e->pc = n->pc;
    e->thread = n->thread;
    e->tag = n->tag;
    e->kind = n->freed ? POOLPROOF_EVENT_FREE : POOLPROOF_EVENT_ALLOC;
    e->side = n->paged;
    e->irql = n->irql;
    e->driver = n->owner;
    e->stack = n->stack;
    __atomic_store_n(&e->seq, seq, __ATOMIC_RELEASE);
    __atomic_store_n(&g.s->event_count, seq, __ATOMIC_RELEASE);
}

static void sum_add(const struct pl_note *n)
{
    struct poolproof_totals *t = &g.s->totals;
    unsigned side = n->paged;

    if (n->freed) {
        t->bytes[side] -= n->occupied;
        t->live[side]--;
        return;
    }
    t->bytes[side] += n->occupied;
    t->live[side]++;
    t->peak_bytes[side] = PP_MAX(t->peak_bytes[side], t->bytes[side]);
    t->peak_live[side] = PP_MAX(t->peak_live[side], t->live[side]);
}

static void on_note(void *ctx, const struct pl_note *n)
{
    (void)ctx; /* one machine in a process */
    g.s->time = n->time;
    sum_add(n);
    site_add(n);
    curve_add(n);
    event_add(n);
}

/* ---- Drivers, totals ---- */

static void driver_update(struct poolproof_driver *d, const struct ke_image *im)
{
    const struct pl_owner_row *own = pl_owner_find(ke_m.pool, im->owner);

    pp_state_begin(&d->seq);
    d->bits = (im->is_verified ? POOLPROOF_DRIVER_VERIFIED : 0u) |
              (im->is_unloaded ? 0u : POOLPROOF_DRIVER_LOADED);
    d->base = im->base;
    d->size = im->size;
    d->loads = 1; /* each load is an image of its own */
    d->unloads = im->is_unloaded;
    pp_fmt(d->name, sizeof d->name, "%s", im->name);
    for (int i = 0; own && i < 2; i++) {
        d->live[i] = own->live[i];
        d->peak_live[i] = own->peak_live[i];
        d->bytes[i] = own->bytes[i];
        d->peak_bytes[i] = own->peak_bytes[i];
    }
    pp_state_end(&d->seq);
}

static uint64_t calls(struct ke_export *const *e, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += e[i] ? e[i]->calls : 0;
    return sum;
}

static void totals_update(void)
{
    const struct pl_counters *c = pl_counters(ke_m.pool);
    struct poolproof_totals *t = &g.s->totals;
    struct ke_gflags flags = ke_gflags();
    struct ke_exercised e;

    ke_exercised(&e);
    pp_state_begin(&t->seq);
    t->global_flag = flags.global_flag;
    t->pool_tag = flags.pool_tag;
    t->pool_tag_overruns = flags.pool_tag_overruns;
    t->options = vf_is_enabled() ? ke_m.config.options : 0;
    pp_fmt(g.s->verified, sizeof g.s->verified, "%s", ke_verifier_drivers());
    t->raise_irqls = calls(g.raise, PP_COUNT(g.raise));
    t->acquire_spin_locks = calls(g.spin, PP_COUNT(g.spin));
    t->synchronize_executions = calls(&g.sync, 1);
    t->trim_requests = t->trims = c->revokes;
    t->attempted = c->attempted - c->not_tracked;
    t->succeeded = c->succeeded - c->not_tracked;
    t->succeeded_special = c->succeeded_special - ke_m.kernel_guarded;
    t->no_tag = c->no_tag;
    t->failed = c->failed;
    (void)ke_fault_calls(&t->failed_deliberately);
    (void)ke_fault_calls(&t->failed_deliberately);
    t->not_tracked = c->not_tracked;
    t->special_wanted = c->special_wanted;
    t->special_limited = c->special_limited;
    t->commit_bytes = t->bytes[0] + t->bytes[1] + t->kernel_bytes;
    t->commit_peak_bytes = PP_MAX(t->commit_peak_bytes, t->commit_bytes);
    t->available_bytes = t->physical_bytes - PP_MIN(t->commit_bytes, t->physical_bytes);
    t->page_faults = c->restores;
    t->requests = e.requests;
    t->completed = e.completed;
    pp_state_end(&t->seq);
}

void ke_state_update(void)
{
    struct ke_image *im;
    uint64_t kernel_bytes = 0;

    if (!g.s)
        return;
    g.s->time = ke_time_now();
    for (uint32_t i = 1; i <= g.s->drivers.row_count && (im = ke_image_by_owner(i)); i++) {
        driver_update(pp_state_row(g.s, &g.s->drivers, i - 1), im);
        kernel_bytes += im->is_unloaded ? 0 : im->size;
    }
    g.s->totals.kernel_bytes = kernel_bytes;
    totals_update();
}

void ke_state_finding(const struct vf_finding *f)
{
    /* The blocks of a leak are entries of one finding. */
    if (g.s && !(f->rule == VF_VER_UNLOAD_LEAK && !strcmp(f->object, "block")))
        g.s->totals.findings++;
}

/* ---- Life ---- */

void ke_state_init(struct poolproof_state *s, struct pl_config *pc)
{
    if (!s)
        return;
    g.s = s;
    g.curves = pp_state_row(s, &s->curves, 0);
    g.sites = pp_state_row(s, &s->sites, 0);
    g.events = pp_state_row(s, &s->events, 0);
    pc->tag_rows = pp_state_row(s, &s->tags, 0);
    pc->tag_row_count = s->tags.row_count;
    pc->note = on_note;
}

void ke_state_start(void)
{
    static const char *const raise[] = {"KfRaiseIrql", "KeRaiseIrql", "KeRaiseIrqlToDpcLevel"};
    static const char *const spin[] = {
        "KeAcquireSpinLockRaiseToDpc",    "KeAcquireSpinLock",
        "KeAcquireSpinLockAtDpcLevel",    "KfAcquireSpinLock",
        "KeAcquireInStackQueuedSpinLock", "KeAcquireInStackQueuedSpinLockAtDpcLevel",
        "KeAcquireInterruptSpinLock",     "KeAcquireSpinLockForDpc"};

    if (!g.s)
        return;
    for (size_t i = 0; i < PP_COUNT(raise); i++)
        g.raise[i] = ke_export_known(raise[i]);
    for (size_t i = 0; i < PP_COUNT(spin); i++)
        g.spin[i] = ke_export_known(spin[i]);
    g.sync = ke_export_known("KeSynchronizeExecution");
    g.s->totals.options_stored = ke_m.config.options;
    g.s->totals.physical_bytes = (uint64_t)KE_RAM_PAGES * PP_PAGE_SIZE;
    g.s->totals.commit_limit_bytes = g.s->totals.physical_bytes / 4 * 5;
    ke_state_update();
    g.s->phase = POOLPROOF_RUNNING;
}
