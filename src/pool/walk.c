/* Visiting every record of the pool: leak lists, whole-pool checks. */
#include <errno.h>
#include <stdlib.h>

#include "pool/plain_priv.h"

static bool walk_slab(struct slab *s, walk_fn fn, void *ctx)
{
    uint32_t i;

    for (i = 0; i < s->carved; i++)
        if (s->recs[i].state != RECORD_UNUSED && !fn(ctx, &s->recs[i]))
            return false;
    return true;
}

static bool walk_chunk(struct pl_pool *pool, struct chunk *c, walk_fn fn, void *ctx)
{
    uint32_t i, pages = c->span > 1 ? 1 : CHUNK_PAGES;
    uintptr_t last = 0;

    for (i = 0; i < pages; i++) {
        uintptr_t what = c->page[i];

        if (!what || (what & PAGE_KIND) == PAGE_GUARD)
            continue;
        if ((what & PAGE_KIND) == PAGE_PLAIN) {
            if (!plain_walk(pool, c->region, what, chunk_start(c) + i * (uint64_t)PAGE, fn, ctx))
                return false;
            continue;
        }
        if (what == last)
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
            if (!walk_chunk(pool, PP_CONTAINER(it, struct chunk, link), fn, ctx))
                return;
            continue;
        }
        for (i = 0; i < rg->frontier; i++)
            if (!walk_chunk(pool, (struct chunk *)rg->table[i], fn, ctx))
                return;
    }
}

/* ---- live blocks ---- */

struct live {
    uint64_t start, seq;
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
    l->items[l->count++] = (struct live){r->start, r->alloc_seq};
    return true;
}

static int live_order(const void *a, const void *b)
{
    const struct live *x = a, *y = b;

    if (x->seq != y->seq)
        return x->seq > y->seq ? 1 : -1;
    return (x->start > y->start) - (x->start < y->start);
}

int pl_each_live(struct pl_pool *pool, uint32_t owner, pl_live_fn fn, void *ctx)
{
    struct live_list l = {.owner = owner};
    int shown = 0;
    size_t i;

    if (pool->plain && paged_open(pool))
        return -ENOMEM;
    walk_records(pool, live_add, &l);
    if (l.failed)
        shown = -ENOMEM;
    if (l.count && !l.failed)
        qsort(l.items, l.count, sizeof *l.items, live_order);
    for (i = 0; i < l.count && !l.failed; i++) {
        struct pl_block_info info;

        /* `fn` may have freed it, and its place may serve another block by now. */
        (void)pl_find(pool, l.items[i].start, &info);
        if (!info.live || info.start != l.items[i].start || info.alloc_seq != l.items[i].seq)
            continue;
        info.where = PL_LIVE; /* revoked or not */
        shown++;
        if (!fn(ctx, &info))
            break;
    }
    pp_free(l.items);
    if (pool->plain)
        paged_close(pool);
    return shown;
}
