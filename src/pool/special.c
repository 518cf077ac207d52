/*
 * Special pool: each block on pages of its own between two guards.
 *
 *     chunk, 2 MB        | guard | page(s) | guard | page(s) | guard | ...
 *
 *     Verify End         | slack pattern ........ | block | 0-15 slack | guard
 *     Verify Start       guard | block | slack pattern ............... | guard
 *
 * A block of a page or more starts on a page (drivers rely on it) and has its slack behind, unless
 * the pool is configured to push it to the end. A freed block's pages are closed at once and never
 * opened again at this address until the region has used up its share; the record stays with the
 * chunk.
 */
#include <errno.h>
#include <string.h>

#include "pool/pool_priv.h"

struct placement {
    uint64_t pages;  /* of the block, guard not counted */
    uint64_t offset; /* of the block in its pages */
};

static int placement_of(const struct pl_pool *pool, const struct pl_request *req, enum pl_edge edge,
                        struct placement *ret)
{
    uint64_t align = req->flags & PL_CACHE_ALIGNED ? 64 : UNIT;
    uint64_t need;

    if (req->size > UINT64_C(1) << 38) /* half a region: nothing real asks for it */
        return -ENOMEM;
    need = pp_align_up(PP_MAX(req->size, 1u), align);
    ret->pages = (need + PAGE - 1) / PAGE;
    ret->offset = 0;
    if (edge == PL_EDGE_END && (req->size < PAGE || pool->cfg.big_to_end))
        ret->offset = ret->pages * PAGE - need;
    return 0;
}

/* The next slot's address in the region's open chunk, 0 when it has no room for a page and a guard.
 */
static uint64_t next_slot(const struct region *rg)
{
    const struct chunk *c = rg->open;

    if (!c || c->next_page + 2 > CHUNK_PAGES)
        return 0;
    return chunk_start(c) + (uint64_t)c->next_page * PAGE;
}

/* A page made ready will not be used: close it again. */
static void ready_drop(struct pl_pool *pool, struct region *rg)
{
    if (rg->ready && os_guard_close(&pool->guard, rg->ready, PAGE))
        pool->count.unrevoked++;
    rg->ready = 0;
}

/* Open the slot at `base`, filled with `fill`. */
static int slot_open(struct pl_pool *pool, struct region *rg, uint64_t base, uint64_t pages,
                     const uint8_t *fill)
{
    if (rg->ready == base && pages == 1) {
        rg->ready = 0;
        memcpy((void *)(uintptr_t)base, fill, PAGE);
        return 0;
    }
    ready_drop(pool, rg);
    return os_guard_open(&pool->guard, base, pages * PAGE, rg->exec, fill);
}

/* A chunk with room for `pages` and a guard behind, in service. */
static struct chunk *chunk_with_room(struct pl_pool *pool, struct region *rg, uint64_t pages)
{
    struct chunk *c = rg->open;
    uint32_t span = 1;

    if (c && c->next_page + pages + 1 <= CHUNK_PAGES)
        return c;
    if (pages + 2 > CHUNK_PAGES)
        span = (uint32_t)((pages + 2 + CHUNK_PAGES - 1) / CHUNK_PAGES);
    if (c && span == 1) {
        c->closed = true;
        rg->open = NULL;
        ready_drop(pool, rg);
        if (!c->live)
            region_chunk_retire(pool, c);
    }
    c = region_chunk_new(pool, rg, span);
    if (!c)
        return NULL;
    if (os_guard_commit(&pool->guard, chunk_start(c), span * CHUNK_SIZE, rg->exec)) {
        region_chunk_drop(pool, c);
        return NULL;
    }
    if (span == 1)
        rg->open = c;
    return c;
}

/* The slot's pages and the guard behind it now belong to `r`. */
static void slot_enter(struct chunk *c, struct record *r)
{
    uint32_t i;

    if (c->span > 1) {
        c->page[0] = (uintptr_t)r;
        c->closed = true;
    } else {
        for (i = 0; i < r->pages; i++)
            c->page[c->next_page + i] = (uintptr_t)r;
        c->page[c->next_page + i] = (uintptr_t)r | PAGE_GUARD;
        c->next_page += r->pages + 1;
    }
    c->live++;
    c->region->live++;
}

/* `pages` were opened filled with one of the pattern pages; put in place what differs. */
static void slot_fill(struct pl_pool *pool, uint64_t base, const struct placement *pl,
                      const struct pl_request *req)
{
    uint8_t *block = (uint8_t *)(uintptr_t)(base + pl->offset);
    uint64_t span = pl->pages * PAGE;

    if (pl->pages == 1) {
        memset(block, req->flags & PL_ZERO ? 0 : pool->pat.fresh, req->size);
        return;
    }
    memset(block - pl->offset, pool->pat.slack, pl->offset);
    memset(block + req->size, pool->pat.slack, span - pl->offset - req->size);
}

static const uint8_t *fill_page(const struct pl_pool *pool, const struct placement *pl,
                                uint32_t flags)
{
    if (pl->pages == 1)
        return pool->slack_page;
    return flags & PL_ZERO ? pool->zero_page : pool->fresh_page;
}

int special_alloc(struct pl_pool *pool, const struct pl_request *req, void **ret)
{
    struct region *rg = &pool->regions[REGION_SPECIAL];
    enum pl_edge edge = req->edge ? req->edge : pool->cfg.edge;
    struct placement pl;
    struct record *r;
    struct chunk *c;
    uint64_t base;
    int err;

    if (req->flags & PL_PAGED)
        rg = &pool->regions[REGION_SPECIAL_PAGED];
    else if (req->flags & PL_EXECUTABLE)
        rg = &pool->regions[REGION_SPECIAL_EXEC];
    err = placement_of(pool, req, edge, &pl);
    if (err)
        return err;
    if (pool->cfg.special_limit &&
        pool->count.special_bytes + pl.pages * PAGE > pool->cfg.special_limit)
        return -EDQUOT;
    c = chunk_with_room(pool, rg, pl.pages);
    if (!c)
        return -ENOMEM;
    r = record_new(pool);
    if (!r)
        goto fail_chunk;
    base = chunk_start(c) + (uint64_t)c->next_page * PAGE;
    if (slot_open(pool, rg, base, pl.pages, fill_page(pool, &pl, req->flags)))
        goto fail_record;
    slot_fill(pool, base, &pl, req);
    r->kind = RECORD_SPECIAL;
    r->edge = (uint8_t)edge;
    r->pages = (uint32_t)pl.pages;
    pool_record_alloc(pool, r, req, base + pl.offset);
    slot_enter(c, r);
    pool->special_records++;
    pool->count.live_special++;
    pool->count.special_bytes += pl.pages * PAGE;
    pool->count.peak_special_bytes =
        PP_MAX(pool->count.peak_special_bytes, pool->count.special_bytes);
    *ret = (void *)(uintptr_t)r->start;
    return 0;

fail_record:
    record_put_back(pool, r);
fail_chunk:
    if (c->span > 1)
        region_chunk_retire(pool, c);
    return -ENOMEM;
}

/* The step that makes a freed slot inaccessible; today at once. Where the mechanism can, the frame
 * goes straight to the slot that will be used next: one call instead of two and a fault. */
static void special_revoke(struct pl_pool *pool, struct region *rg, const struct record *r)
{
    uint64_t base = pp_align_down(r->start, PAGE), next = next_slot(rg);

    if (r->pages == 1 && next && !rg->ready && os_guard_pass(&pool->guard, base, next)) {
        rg->ready = next;
        return;
    }
    if (os_guard_close(&pool->guard, base, (uint64_t)r->pages * PAGE))
        pool->count.unrevoked++;
}

void special_free(struct pl_pool *pool, struct chunk *c, struct record *r)
{
    special_revoke(pool, c->region, r);
    pool->count.live_special--;
    pool->count.special_bytes -= (uint64_t)r->pages * PAGE;
    c->region->live--;
    c->live--;
    if (c->closed && !c->live)
        region_chunk_retire(pool, c);
}

/* One side of the pattern. Counts an event unless this side was reported before. */
static unsigned check_side(struct pl_pool *pool, struct record *r, struct pl_event *ev,
                           uint64_t from, uint64_t to, uint8_t seen, bool *ret_carry_on)
{
    uint8_t *p = (uint8_t *)(uintptr_t)from;

    if (r->seen & seen || !pool_damage(p, to - from, pool->slack_page, ev))
        return 0;
    r->seen |= seen;
    pool_describe(pool, r, PL_LIVE, r->start, &ev->block);
    if (!pool_emit(pool, ev))
        *ret_carry_on = false;
    if (!ev->at_free)
        memset(p, pool->pat.slack, to - from);
    return 1;
}

unsigned special_check(struct pl_pool *pool, struct record *r, const struct pl_free_request *at,
                       bool *ret_carry_on)
{
    uint64_t base = pp_align_down(r->start, PAGE);
    struct pl_event ev = {.at_free = at != NULL, .address = r->start, .free = at};
    unsigned found;

    ev.kind = PL_EV_HEAD_DAMAGED;
    found = check_side(pool, r, &ev, base, r->start, SEEN_HEAD, ret_carry_on);
    ev.kind = PL_EV_TAIL_DAMAGED;
    found += check_side(pool, r, &ev, r->start + r->size, base + (uint64_t)r->pages * PAGE,
                        SEEN_TAIL, ret_carry_on);
    return found;
}

/* In a guard page between two slots: the block whose edge is nearer. */
static enum pl_where guard_nearer(struct chunk *c, uint32_t page, uint64_t addr,
                                  struct record **ret)
{
    struct record *before = (struct record *)(c->page[page] & ~(uintptr_t)PAGE_KIND);
    struct record *after = NULL;

    if (page + 1 < CHUNK_PAGES && (c->page[page + 1] & PAGE_KIND) == PAGE_RECORD)
        after = (struct record *)c->page[page + 1];
    if (before && (!after || addr - (before->start + before->size) < after->start - addr)) {
        *ret = before;
        return PL_GUARD_AFTER;
    }
    *ret = after;
    return after ? PL_GUARD_BEFORE : PL_UNUSED;
}

static enum pl_where in_slot(const struct record *r, uint64_t addr)
{
    if (r->state == RECORD_FREED)
        return PL_FREED;
    if (addr < r->start)
        return PL_SLACK_BEFORE;
    return addr - r->start < r->size ? PL_LIVE : PL_SLACK_AFTER;
}

enum pl_where special_locate(const struct region *rg, uint64_t addr, struct record **ret,
                             struct chunk **ret_chunk)
{
    bool forgotten;
    struct chunk *c = region_chunk(rg, addr, &forgotten);
    struct record *r;
    uint64_t page;

    *ret = NULL;
    *ret_chunk = c;
    if (!c)
        return forgotten ? PL_FORGOTTEN : PL_UNUSED;
    page = (addr - chunk_start(c)) / PAGE;
    if (c->span > 1) {
        r = (struct record *)c->page[0];
        if (!r)
            return PL_UNUSED;
        *ret = r;
        if (page == 0)
            return PL_GUARD_BEFORE;
        return page > r->pages ? PL_GUARD_AFTER : in_slot(r, addr);
    }
    if ((c->page[page] & PAGE_KIND) == PAGE_GUARD || !c->page[page])
        return guard_nearer(c, (uint32_t)page, addr, ret);
    r = (struct record *)c->page[page];
    *ret = r;
    return in_slot(r, addr);
}
