/*
 * Counters by tag and by owner.
 *
 * Tags: one flat table of fixed rows, open addressing with linear probing over the rows themselves,
 * so that a viewer of the mapping needs no pointer. The last row looked up is remembered.
 *
 * Small blocks of a PL_PLAIN pool are counted in cells of their thread, at the index of their tag's
 * row; the tags are repeated in `keys`, which fits a cache where rows do not. Cells only grow:
 * pl_tags_update adds to the rows what came since it last ran.
 */
#include <errno.h>

#include "pool/plain_priv.h"

enum {
    ROWS_DEFAULT = 4096,
    ROWS_SESSION = 256,
    OWNERS_MAX = 65536, /* far above any number of drivers; a wild owner is our mistake */
};

static int table_init(struct tag_table *t, struct pl_tag_row *rows, uint32_t count)
{
    if (count & (count - 1) || count < 2)
        return -EINVAL;
    t->is_own = !rows;
    t->rows = rows ? rows : pp_new_array(count, sizeof *t->rows);
    t->keys = pp_new_array(count, sizeof *t->keys);
    if (!t->rows || !t->keys)
        return -ENOMEM;
    t->mask = count - 1;
    t->last = &t->rows[0];
    return 0;
}

int tags_init(struct pl_pool *pool)
{
    uint32_t count = pool->cfg.tag_row_count ? pool->cfg.tag_row_count : ROWS_DEFAULT, i;
    int err = table_init(&pool->tags, pool->cfg.tag_rows, count);

    if (!err)
        err = table_init(&pool->session_tags, NULL, ROWS_SESSION);
    for (i = 0; i < 2 && !err && pool->cfg.level == PL_PLAIN; i++) {
        pool->folded[i] = pp_new_array(count, sizeof *pool->folded[i]);
        if (!pool->folded[i])
            err = -ENOMEM;
    }
    return err;
}

void tags_done(struct pl_pool *pool)
{
    if (pool->tags.is_own)
        pp_free(pool->tags.rows);
    pp_free(pool->tags.keys);
    pp_free(pool->session_tags.rows);
    pp_free(pool->session_tags.keys);
    pp_free(pool->folded[0]);
    pp_free(pool->folded[1]);
    pp_free(pool->owners);
}

/* The row of `key`, or the empty one where it belongs, or the overflow row: that one took the last
 * empty place, so whoever's search reaches it had no row before. */
static struct pl_tag_row *row_search(const struct tag_table *t, uint32_t key)
{
    uint32_t i = tags_hash(key) & t->mask, at;

    while (at = __atomic_load_n(&t->keys[i], __ATOMIC_ACQUIRE),
           at && at != key && at != tags_key(TAG_OVERFLOW))
        i = (i + 1) & t->mask;
    return &t->rows[i];
}

/* Enter `key` where the search for it ended. */
static void row_enter(struct tag_table *t, struct pl_tag_row *row, uint32_t key)
{
    if (t->used == t->mask)
        key = tags_key(TAG_OVERFLOW);
    row->tag = key & ~TAG_PROTECTED;
    t->used++;
    __atomic_store_n(&t->keys[row - t->rows], key, __ATOMIC_RELEASE);
}

/* The row of the block's tag, made when new. */
static struct pl_tag_row *row_get(struct pl_pool *pool, const struct record *r)
{
    struct tag_table *t = r->flags & PL_SESSION ? &pool->session_tags : &pool->tags;
    struct pl_tag_row *row = t->last;
    uint32_t key = tags_key(r->tag);

    if ((row->tag | TAG_PROTECTED) == key)
        return row;
    row = row_search(t, key);
    if (!t->keys[row - t->rows])
        row_enter(t, row, key);
    t->last = row;
    return row;
}

uint32_t tags_index(struct pl_pool *pool, uint32_t key)
{
    struct tag_table *t = &pool->tags;
    uint32_t i = (uint32_t)(row_search(t, key) - t->rows);

    if (!__atomic_load_n(&t->keys[i], __ATOMIC_RELAXED)) {
        pool_lock(pool);
        i = (uint32_t)(row_search(t, key) - t->rows); /* another thread may have been faster */
        if (!t->keys[i])
            row_enter(t, &t->rows[i], key);
        pool_unlock(pool);
    }
    return i;
}

/* ---- threads' cells ---- */

static void cell_add(struct tag_cell *sum, const struct tag_cell *cell, uint64_t sign)
{
    sum->allocs += sign * __atomic_load_n(&cell->allocs, __ATOMIC_RELAXED);
    sum->frees += sign * __atomic_load_n(&cell->frees, __ATOMIC_RELAXED);
    sum->bytes_in += sign * __atomic_load_n(&cell->bytes_in, __ATOMIC_RELAXED);
    sum->bytes_out += sign * __atomic_load_n(&cell->bytes_out, __ATOMIC_RELAXED);
}

static void row_fold(struct pl_pool *pool, uint32_t index, unsigned side)
{
    struct pl_tag_side *row = &pool->tags.rows[index].side[side];
    struct tag_cell *folded = &pool->folded[side][index], d = {.allocs = 0};
    const struct plain_cache *c;

    for (c = pool->plain->caches; c; c = c->next)
        cell_add(&d, &c->cells[side][index], 1);
    cell_add(&d, folded, UINT64_MAX); /* minus one: what is new */
    cell_add(folded, &d, 1);
    row->allocs += (uint32_t)d.allocs;
    row->frees += (uint32_t)d.frees;
    row->allocs64 += d.allocs;
    row->frees64 += d.frees;
    row->bytes += d.bytes_in - d.bytes_out;
    row->requested += (d.bytes_in - HEADER_SIZE * d.allocs) - (d.bytes_out - HEADER_SIZE * d.frees);
    row->peak_bytes = PP_MAX(row->peak_bytes, row->bytes);
    row->peak_live = PP_MAX(row->peak_live, row->allocs64 - row->frees64);
    pool->count.attempted += d.allocs;
    pool->count.succeeded += d.allocs;
    pool->count.frees += d.frees;
    pool->count.live += d.allocs - d.frees;
    if (side == PL_PAGED_ROW)
        pool->count.live_paged += d.allocs - d.frees;
}

static void flags_fold(struct pl_pool *pool)
{
    const struct plain_cache *c;
    uint64_t no_tag = 0, not_tracked = 0;

    for (c = pool->plain->caches; c; c = c->next) {
        no_tag += __atomic_load_n(&c->no_tag, __ATOMIC_RELAXED);
        not_tracked += __atomic_load_n(&c->not_tracked, __ATOMIC_RELAXED);
    }
    pool->count.no_tag += no_tag - pool->folded_no_tag;
    pool->count.not_tracked += not_tracked - pool->folded_not_tracked;
    pool->folded_no_tag = no_tag;
    pool->folded_not_tracked = not_tracked;
}

void pl_tags_update(struct pl_pool *pool)
{
    uint32_t i;

    if (!pool->plain || pool->cfg.no_statistics)
        return;
    pool_lock(pool);
    for (i = 0; i <= pool->tags.mask; i++) {
        if (!pool->tags.keys[i])
            continue;
        row_fold(pool, i, PL_NONPAGED_ROW);
        row_fold(pool, i, PL_PAGED_ROW);
    }
    flags_fold(pool);
    pool_unlock(pool);
}

/* ---- counting under the pool's lock ---- */

static uint64_t row_bytes(const struct record *r)
{
    return r->kind == RECORD_SPECIAL ? r->size : heap_occupied(r);
}

static struct pl_owner_row *owner_get(struct pl_pool *pool, uint32_t owner)
{
    if (owner >= pool->owner_count) {
        uint32_t count = (uint32_t)pp_align_up(owner + 1, 64), i;
        struct pl_owner_row *rows;

        if (owner >= OWNERS_MAX)
            return NULL;
        rows = pp_resize(pool->owners, count * sizeof *rows);
        if (!rows)
            return NULL;
        for (i = pool->owner_count; i < count; i++)
            rows[i] = (struct pl_owner_row){{0}, {0}, {0}, {0}, {0}, {0}};
        pool->owners = rows;
        pool->owner_count = count;
    }
    return &pool->owners[owner];
}

static void note(const struct pl_pool *pool, const struct record *r, bool freed)
{
    struct pl_note n = {.freed = freed,
                        .paged = r->flags & PL_PAGED,
                        .irql = freed ? r->free_irql : r->alloc_irql,
                        .tag = r->tag ? r->tag : TAG_BLANK,
                        .owner = r->owner,
                        .stack = freed ? r->free_stack : r->alloc_stack,
                        .seq = pool->seq,
                        .start = r->start,
                        .size = r->size,
                        .occupied = row_bytes(r),
                        .thread = freed ? r->free_thread : r->alloc_thread,
                        .time = freed ? r->free_time : r->alloc_time,
                        .pc = freed ? r->free_pc : r->alloc_pc,
                        .alloc_pc = r->alloc_pc};

    pool->cfg.note(pool->cfg.note_ctx, &n);
}

void tags_alloc(struct pl_pool *pool, const struct record *r)
{
    unsigned paged = r->flags & PL_PAGED ? PL_PAGED_ROW : PL_NONPAGED_ROW;
    struct pl_tag_side *side = &row_get(pool, r)->side[paged];
    struct pl_owner_row *own;

    side->allocs++;
    side->allocs64++;
    side->bytes += row_bytes(r);
    side->requested += r->size;
    side->peak_bytes = PP_MAX(side->peak_bytes, side->bytes);
    side->peak_live = PP_MAX(side->peak_live, side->allocs64 - side->frees64);
    if (pool->cfg.note)
        note(pool, r, false);
    if (r->flags & PL_NOT_TRACKED)
        return;
    own = owner_get(pool, r->owner);
    if (!own)
        return;
    own->allocs[paged]++;
    own->live[paged]++;
    own->bytes[paged] += r->size;
    own->peak_live[paged] = PP_MAX(own->peak_live[paged], own->live[paged]);
    own->peak_bytes[paged] = PP_MAX(own->peak_bytes[paged], own->bytes[paged]);
}

void tags_free(struct pl_pool *pool, const struct record *r)
{
    unsigned paged = r->flags & PL_PAGED ? PL_PAGED_ROW : PL_NONPAGED_ROW;
    struct pl_tag_side *side = &row_get(pool, r)->side[paged];
    struct pl_owner_row *own;

    side->frees++;
    side->frees64++;
    side->bytes -= row_bytes(r);
    side->requested -= r->size;
    if (pool->cfg.note)
        note(pool, r, true);
    if (r->flags & PL_NOT_TRACKED || r->owner >= pool->owner_count)
        return;
    own = &pool->owners[r->owner];
    if (!own->live[paged])
        return; /* booked while the table could not grow */
    own->frees[paged]++;
    own->live[paged]--;
    own->bytes[paged] -= r->size;
}

const struct pl_tag_row *pl_tag_rows(struct pl_pool *pool, uint32_t *ret_count)
{
    pl_tags_update(pool);
    *ret_count = pool->tags.mask + 1;
    return pool->tags.rows;
}

const struct pl_tag_row *pl_session_rows(const struct pl_pool *pool, uint32_t *ret_count)
{
    *ret_count = pool->session_tags.mask + 1;
    return pool->session_tags.rows;
}

const struct pl_tag_row *pl_tag_find(struct pl_pool *pool, uint32_t tag)
{
    uint32_t key = tags_key(tag);
    const struct pl_tag_row *row = row_search(&pool->tags, key);

    pl_tags_update(pool);
    return (row->tag | TAG_PROTECTED) == key ? row : NULL;
}

const struct pl_owner_row *pl_owner_find(const struct pl_pool *pool, uint32_t owner)
{
    const struct pl_owner_row *own;

    if (owner >= pool->owner_count)
        return NULL;
    own = &pool->owners[owner];
    return own->allocs[0] + own->allocs[1] ? own : NULL;
}
