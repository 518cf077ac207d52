/*
 * Counters by tag and by owner.
 *
 * Tags: one flat table of fixed rows, open addressing with linear probing over the rows themselves,
 * so that a viewer of the mapping needs no pointer. The last row looked up is remembered.
 */
#include <errno.h>

#include "pool/pool_priv.h"

enum {
    ROWS_DEFAULT = 4096,
    ROWS_SESSION = 256,
    OWNERS_MAX = 65536,        /* far above any number of drivers; a wild owner is our mistake */
    TAG_OVERFLOW = 0x6C66764F, /* "Ovfl" */
    TAG_BLANK = 0x20202020,
};

static int table_init(struct tag_table *t, struct pl_tag_row *rows, uint32_t count)
{
    if (count & (count - 1) || count < 2)
        return -EINVAL;
    t->is_own = !rows;
    t->rows = rows ? rows : pp_new_array(count, sizeof *t->rows);
    if (!t->rows)
        return -ENOMEM;
    t->mask = count - 1;
    t->last = &t->rows[0];
    return 0;
}

int tags_init(struct pl_pool *pool)
{
    uint32_t count = pool->cfg.tag_row_count ? pool->cfg.tag_row_count : ROWS_DEFAULT;
    int err = table_init(&pool->tags, pool->cfg.tag_rows, count);

    return err ? err : table_init(&pool->session_tags, NULL, ROWS_SESSION);
}

void tags_done(struct pl_pool *pool)
{
    if (pool->tags.is_own)
        pp_free(pool->tags.rows);
    pp_free(pool->session_tags.rows);
    pp_free(pool->owners);
}

static uint32_t row_hash(uint32_t tag, uint32_t mask)
{
    return (uint32_t)((tag * 0x9E3779B97F4A7C15ull) >> 32) & mask;
}

/* The row of `tag`, or the empty one where it belongs, or the overflow row: that one took the last
 * empty place, so whoever's search reaches it had no row before. */
static struct pl_tag_row *row_search(const struct tag_table *t, uint32_t tag)
{
    uint32_t i = row_hash(tag, t->mask);

    while (t->rows[i].tag && t->rows[i].tag != tag && &t->rows[i] != t->overflow)
        i = (i + 1) & t->mask;
    return &t->rows[i];
}

/* 0 marks an empty row: a block without a tag counts as blanks. */
static uint32_t row_key(uint32_t tag)
{
    return tag ? tag : TAG_BLANK;
}

/* The row of the block's tag, made when new. */
static struct pl_tag_row *row_get(struct pl_pool *pool, const struct record *r)
{
    struct tag_table *t = r->flags & PL_SESSION ? &pool->session_tags : &pool->tags;
    struct pl_tag_row *row = t->last;
    uint32_t tag = row_key(r->tag);

    if (row->tag == tag)
        return row;
    row = row_search(t, tag);
    if (!row->tag) {
        if (t->used == t->mask) {
            t->overflow = row;
            tag = TAG_OVERFLOW;
        }
        row->tag = tag;
        t->used++;
    }
    t->last = row;
    return row;
}

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
                        .tag = row_key(r->tag),
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

const struct pl_tag_row *pl_tag_rows(const struct pl_pool *pool, uint32_t *ret_count)
{
    *ret_count = pool->tags.mask + 1;
    return pool->tags.rows;
}

const struct pl_tag_row *pl_session_rows(const struct pl_pool *pool, uint32_t *ret_count)
{
    *ret_count = pool->session_tags.mask + 1;
    return pool->session_tags.rows;
}

const struct pl_tag_row *pl_tag_find(const struct pl_pool *pool, uint32_t tag)
{
    const struct pl_tag_row *row = row_search(&pool->tags, row_key(tag));

    return row->tag == row_key(tag) ? row : NULL;
}

const struct pl_owner_row *pl_owner_find(const struct pl_pool *pool, uint32_t owner)
{
    const struct pl_owner_row *own;

    if (owner >= pool->owner_count)
        return NULL;
    own = &pool->owners[owner];
    return own->allocs[0] + own->allocs[1] ? own : NULL;
}
