/*
 * Regions and their chunks, and the record arena. See pool_priv.h for the picture.
 *
 * Addresses are handed out upwards. The address of a dead special chunk comes back only after
 * `reuse_after` bytes of the region have been used up, oldest first; its record space comes back
 * earlier when records_max is reached. Both push out ("forget") whole retired chunks.
 */
#include <errno.h>

#include "pool/pool_priv.h"

int region_init(struct pl_pool *pool, enum region_id id, uint64_t start, uint64_t size)
{
    struct region *rg = &pool->regions[id];
    int err;

    rg->exec = id == REGION_SPECIAL_EXEC || id == REGION_HEAP_EXEC;
    rg->paged = id == REGION_SPECIAL_PAGED || id == REGION_HEAP_PAGED;
    rg->special = id <= REGION_SPECIAL_PAGED;
    rg->table_count = (uint32_t)(size / CHUNK_SIZE);
    pp_list_init(&rg->active);
    rg->table = pp_new_array(rg->table_count, sizeof *rg->table);
    if (!rg->table)
        return -ENOMEM;
    if (!rg->special) {
        rg->heap = pp_new(sizeof *rg->heap);
        if (!rg->heap)
            return -ENOMEM;
        rg->heap->next = rg->heap->commit_end = start;
    }
    err = os_range_reserve(start, size);
    if (err)
        return err;
    rg->start = start; /* from here on region_done releases the range */
    rg->end = start + size;
    return rg->special ? os_guard_attach(&pool->guard, start, size) : 0;
}

static void region_slabs_free(struct chunk *c)
{
    unsigned i;

    for (i = 0; i < CHUNK_PAGES; i++)
        if ((c->page[i] & PAGE_KIND) == PAGE_SLAB)
            pp_free((void *)(c->page[i] & ~(uintptr_t)PAGE_KIND));
}

void region_done(struct pl_pool *pool, struct region *rg)
{
    uint32_t i;

    (void)pool;
    for (i = 0; i < rg->frontier; i++) {
        struct chunk *c = (struct chunk *)rg->table[i];

        if (!c || rg->table[i] & 1)
            continue;
        i += c->span - 1; /* its other entries point to the same chunk */
        if (!rg->special)
            region_slabs_free(c);
        pp_free(c);
    }
    pp_free(rg->table);
    pp_free(rg->heap);
    if (rg->end)
        os_range_release(rg->start, rg->end - rg->start);
}

/* ---- records ---- */

struct record *record_new(struct pl_pool *pool)
{
    struct record *r = pool->record_free;

    if (r) {
        pool->record_free = r->next;
    } else {
        if (!pool->record_block_count || pool->record_used == RECORDS_PER_BLOCK) {
            uint32_t n = pool->record_block_count;
            void **blocks = pool->record_blocks;

            if (!(n & (n - 1))) /* 0 and powers of two: twice the list */
                blocks = pp_resize(blocks, (n ? n * 2 : 1) * sizeof *blocks);
            if (!blocks)
                return NULL;
            pool->record_blocks = blocks;
            blocks[n] = pp_new_array(RECORDS_PER_BLOCK, sizeof *r);
            if (!blocks[n])
                return NULL;
            pool->record_block_count++;
            pool->record_used = 0;
        }
        r = (struct record *)pool->record_blocks[pool->record_block_count - 1];
        r += pool->record_used++;
    }
    *r = (struct record){.state = RECORD_UNUSED};
    return r;
}

void record_put_back(struct pl_pool *pool, struct record *r)
{
    r->state = RECORD_UNUSED;
    r->next = pool->record_free;
    pool->record_free = r;
}

/* ---- chunks ---- */

static void table_forget(struct region *rg, uint32_t index)
{
    rg->table[index] = 1; /* next + 1 = 0: the last one */
    if (rg->forgotten_tail)
        rg->table[rg->forgotten_tail - 1] = (uintptr_t)(index + 1) << 1 | 1;
    else
        rg->forgotten_head = index + 1;
    rg->forgotten_tail = index + 1;
}

/* Give up a retired chunk's records; its addresses queue for reuse. */
static void chunk_forget(struct pl_pool *pool, struct chunk *c)
{
    struct region *rg = c->region;
    uint32_t i, pages = c->span > 1 ? 1 : CHUNK_PAGES;
    struct record *last = NULL;

    for (i = 0; i < pages; i++) {
        struct record *r = (struct record *)(c->page[i] & ~(uintptr_t)PAGE_KIND);

        if (!r || (c->page[i] & PAGE_KIND) != PAGE_RECORD || r == last)
            continue;
        last = r;
        record_put_back(pool, r);
        pool->special_records--;
    }
    for (i = 0; i < c->span; i++)
        table_forget(rg, c->index + i);
    pp_list_remove(&c->link);
    pp_list_push_back(&pool->chunk_free, &c->link); /* others may be reading it still */
}

/* Push the oldest retired chunks out while more records are kept than asked for. */
static void records_trim(struct pl_pool *pool)
{
    while (pool->special_records >= pool->cfg.records_max && !pp_list_is_empty(&pool->retired))
        chunk_forget(pool, PP_CONTAINER(pool->retired.next, struct chunk, link));
}

/* An address to use again, when the region has used up its share; 0 = none, else index + 1. */
static uint32_t index_reuse(struct pl_pool *pool, struct region *rg)
{
    uint32_t index;

    if (!rg->special || rg->frontier * CHUNK_SIZE < pool->cfg.reuse_after)
        return 0;
    if (!rg->forgotten_head) {
        struct pp_list *it;

        PP_LIST_EACH(it, &pool->retired)
        if (PP_CONTAINER(it, struct chunk, link)->region == rg) {
            chunk_forget(pool, PP_CONTAINER(it, struct chunk, link));
            break;
        }
    }
    index = rg->forgotten_head;
    if (index) {
        rg->forgotten_head = (uint32_t)(rg->table[index - 1] >> 1);
        if (!rg->forgotten_head)
            rg->forgotten_tail = 0;
    }
    return index;
}

static struct chunk *chunk_new(struct pl_pool *pool)
{
    struct pp_list *it = pp_list_first(&pool->chunk_free);
    struct chunk *c;

    if (!it)
        return pp_new(sizeof *c);
    pp_list_remove(it);
    c = PP_CONTAINER(it, struct chunk, link);
    *c = (struct chunk){.index = 0};
    return c;
}

struct chunk *region_chunk_new(struct pl_pool *pool, struct region *rg, uint32_t span)
{
    uint32_t reuse = 0, i;
    struct chunk *c;

    if (rg->special) {
        records_trim(pool);
        if (span == 1)
            reuse = index_reuse(pool, rg);
    }
    if (!reuse && span > rg->table_count - rg->frontier)
        return NULL;
    c = chunk_new(pool);
    if (!c)
        return NULL; /* an address to use again is lost with it: there are plenty */
    c->region = rg;
    c->span = span;
    c->index = reuse ? reuse - 1 : rg->frontier;
    c->next_page = rg->special ? 1 : 0; /* the first page of a special chunk is a guard */
    if (!reuse)
        rg->frontier += span;
    for (i = 0; i < span; i++)
        __atomic_store_n(&rg->table[c->index + i], (uintptr_t)c, __ATOMIC_RELEASE);
    pp_list_init(&c->link);
    if (rg->special)
        pp_list_push_back(&rg->active, &c->link);
    return c;
}

void region_chunk_drop(struct pl_pool *pool, struct chunk *c)
{
    chunk_forget(pool, c);
}

void region_chunk_retire(struct pl_pool *pool, struct chunk *c)
{
    int err = os_guard_retire(&pool->guard, chunk_start(c), c->span * CHUNK_SIZE);

    (void)err; /* then its closed pages stay as they are: closed, only dearer */
    c->retired = true;
    pp_list_remove(&c->link);
    pp_list_push_back(&pool->retired, &c->link);
}

/* ---- revoking a paged region ---- */

/* Bounds of what is in service. False when nothing is. */
static bool region_bounds(const struct region *rg, struct os_range *ret)
{
    struct pp_list *it;

    if (!rg->special) {
        *ret = (struct os_range){rg->start, rg->heap->commit_end};
        return ret->end > ret->start;
    }
    *ret = (struct os_range){rg->end, rg->start};
    PP_LIST_EACH(it, &rg->active)
    {
        struct chunk *c = PP_CONTAINER(it, struct chunk, link);

        ret->start = PP_MIN(ret->start, chunk_start(c));
        ret->end = PP_MAX(ret->end, chunk_start(c) + c->span * CHUNK_SIZE);
    }
    return ret->end > ret->start;
}

int region_revoke(struct pl_pool *pool, struct region *rg)
{
    struct os_range used;
    int err;

    (void)pool;
    if (rg->revoked || !rg->live || !region_bounds(rg, &used))
        return 0;
    err = os_range_protect(used.start, used.end - used.start, false, false);
    rg->revoked = !err;
    return err;
}

/* Open each live block of a chunk again: for mechanisms whose guards are protections themselves. */
static int chunk_restore_blocks(struct chunk *c)
{
    uint32_t i, pages = c->span > 1 ? 1 : CHUNK_PAGES;
    struct record *last = NULL;

    for (i = 0; i < pages; i++) {
        struct record *r = (struct record *)(c->page[i] & ~(uintptr_t)PAGE_KIND);
        int err;

        if (!r || (c->page[i] & PAGE_KIND) != PAGE_RECORD || r == last)
            continue;
        last = r;
        if (r->state != RECORD_LIVE)
            continue;
        err = os_range_protect(pp_align_down(r->start, PAGE), (uint64_t)r->pages * PAGE, true,
                               c->region->exec);
        if (err)
            return err;
    }
    return 0;
}

/* Each run of neighbouring chunks in service takes one call. */
static int special_restore(struct pl_pool *pool, struct region *rg)
{
    uint64_t start = 0, end = 0;
    struct pp_list *it;
    int err = 0;

    PP_LIST_EACH(it, &rg->active)
    {
        struct chunk *c = PP_CONTAINER(it, struct chunk, link);

        if (!os_guard_is_sticky(&pool->guard)) {
            err = chunk_restore_blocks(c);
        } else if (chunk_start(c) == end) {
            end += c->span * CHUNK_SIZE;
        } else {
            if (end)
                err = os_range_protect(start, end - start, true, rg->exec);
            start = chunk_start(c);
            end = start + c->span * CHUNK_SIZE;
        }
        if (err)
            return err;
    }
    return end ? os_range_protect(start, end - start, true, rg->exec) : 0;
}

int region_restore(struct pl_pool *pool, struct region *rg)
{
    int err;

    if (!rg->revoked)
        return 0;
    if (rg->special)
        err = special_restore(pool, rg);
    else
        err = os_range_protect(rg->start, rg->heap->commit_end - rg->start, true, rg->exec);
    rg->revoked = err != 0;
    return err;
}
