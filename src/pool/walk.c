/* Visiting every record of the pool: leak lists, whole-pool checks. */
#include <errno.h>
#include <stdlib.h>

#include "pool/pool_priv.h"

static bool walk_slab(struct slab *s, walk_fn fn, void *ctx)
{
    uint32_t i;

    for (i = 0; i < s->carved; i++)
        if (s->recs[i].state != RECORD_UNUSED && !fn(ctx, &s->recs[i]))
            return false;
    return true;
}

static bool walk_chunk(struct chunk *c, walk_fn fn, void *ctx)
{
    uint32_t i, pages = c->span > 1 ? 1 : CHUNK_PAGES;
    uintptr_t last = 0;

    for (i = 0; i < pages; i++) {
        uintptr_t what = c->page[i];

        if (!what || what == last || (what & PAGE_KIND) == PAGE_GUARD)
            continue;
        last = what;
        if ((what & PAGE_KIND) == PAGE_SLAB) {
            if (!walk_slab((struct slab *)(what & ~(uintptr_t)PAGE_KIND), fn, ctx))
                return false;
        } else if (((struct record *)what)->start >=
                   chunk_start(c)) { /* else seen in the last chunk */
            if (!fn(ctx, (struct record *)what))
                return false;
        }
    }
    return true;
}

void walk_records(struct pl_pool *pool, walk_fn fn, void *ctx)
{
    unsigned id;

    for (id = 0; id < REGION_COUNT; id++) {
        struct region *rg = &pool->regions[id];
        struct pp_list *it, *tmp;
        uint32_t i;

        if (rg->special) {
            PP_LIST_EACH_SAFE(it, tmp, &rg->active)
            if (!walk_chunk(PP_CONTAINER(it, struct chunk, link), fn, ctx))
                return;
            continue;
        }
        for (i = 0; i < rg->frontier; i++)
            if (!walk_chunk((struct chunk *)rg->table[i], fn, ctx))
                return;
    }
}

/* ---- live blocks ---- */

struct live {
    struct record *r;
    uint64_t seq;
};

struct live_list {
    struct live *items;
    size_t count, room;
    uint32_t owner;
    bool failed;
};

static bool live_add(void *ctx, struct record *r)
{
    struct live_list *l = ctx;

    if (r->state != RECORD_LIVE)
        return true;
    if (l->owner != UINT32_MAX && (r->owner != l->owner || r->flags & PL_NOT_TRACKED))
        return true;
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 256;
        struct live *items = pp_resize(l->items, room * sizeof *items);

        if (!items) {
            l->failed = true;
            return false;
        }
        l->items = items;
        l->room = room;
    }
    l->items[l->count++] = (struct live){r, r->alloc_seq};
    return true;
}

static int live_order(const void *a, const void *b)
{
    const struct live *x = a, *y = b;

    return (x->seq > y->seq) - (x->seq < y->seq);
}

int pl_each_live(struct pl_pool *pool, uint32_t owner, pl_live_fn fn, void *ctx)
{
    struct live_list l = {.owner = owner};
    int shown = 0;
    size_t i;

    walk_records(pool, live_add, &l);
    if (l.failed) {
        pp_free(l.items);
        return -ENOMEM;
    }
    if (l.count)
        qsort(l.items, l.count, sizeof *l.items, live_order);
    for (i = 0; i < l.count; i++) {
        struct record *r = l.items[i].r;
        struct pl_block_info info;

        /* `fn` may have freed it, and the record may serve another block by now. */
        if (r->state != RECORD_LIVE || r->alloc_seq != l.items[i].seq)
            continue;
        pool_describe(pool, r, PL_LIVE, r->start, &info);
        shown++;
        if (!fn(ctx, &info))
            break;
    }
    pp_free(l.items);
    return shown;
}
