/*
 * Ordinary pool.
 *
 *     small (up to 0xFE0 bytes: with its header 0xFF0, the most that BlockSize holds): one page,
 * one size class, a header before each block | header | block | header | block | ...        classes
 * are 16 bytes apart, header included
 *
 *     big: whole pages, page aligned, no header; the chunk's page table plays the big-page table
 *
 * Freed blocks are filled with the freed pattern and rest in a first-in first-out list of their
 * class; one is reused only while more than `heap_delay` rest there, and is then checked for
 * writes. Freed blocks of more than 64 pages are made inaccessible instead.
 *
 * Header, as Windows lays it out on x64: {PreviousSize, PoolIndex, BlockSize, PoolType} bytes,
 * sizes in 16-byte units; the tag; eight bytes that tie the block to the process it is charged to
 * (0: none), mixed with a secret and the header's address. Doc: pool-api notes, POOL_HEADER on x64;
 * the bits of PoolType: 1 paged, 2 in use, 8 quota.
 */
#include <errno.h>
#include <string.h>

#include "pool/plain_priv.h"

/* ---- free lists ---- */

static void fifo_push(struct fifo *f, struct record *r)
{
    r->next = NULL;
    if (f->tail)
        f->tail->next = r;
    else
        f->head = r;
    f->tail = r;
    f->count++;
}

static struct record *fifo_pop(struct fifo *f)
{
    struct record *r = f->head;

    f->head = r->next;
    if (!f->head)
        f->tail = NULL;
    f->count--;
    return r;
}

/* ---- headers ---- */

static inline void header_make(const struct pl_pool *pool, const struct record *r, uint64_t ret[2])
{
    uint64_t addr = r->start - HEADER_SIZE;
    uint64_t first = r->flags & PL_CACHE_ALIGNED ? ALIGNED_FIRST : 0;
    uint64_t units = r->units;
    uint64_t type = 0;

    if (r->state == RECORD_LIVE)
        type = TYPE_IN_USE | (r->flags & PL_PAGED ? TYPE_PAGED : 0u) |
               (r->flags & PL_QUOTA ? TYPE_QUOTA : 0u);
    ret[0] = (addr & (PAGE - 1)) == first ? 0 : units;
    ret[0] |= units << 16 | type << 24 | (uint64_t)r->tag << 32;
    if (r->flags & PL_PROTECTED)
        ret[0] |= 1ull << 63;
    ret[1] = pool->cookie ^ addr;
    if (r->state == RECORD_LIVE)
        ret[1] ^= pool->payer_words[r->payer];
}

static inline void header_write(const struct pl_pool *pool, const struct record *r)
{
    uint64_t h[2];

    header_make(pool, r, h);
    memcpy((void *)(uintptr_t)(r->start - HEADER_SIZE), h, sizeof h);
}

enum pl_header_fault heap_header_fault(const struct record *r, const uint64_t h[2], uint64_t found0,
                                       uint64_t found1)
{
    uint64_t offset = (r->start - HEADER_SIZE) & (PAGE - 1), bad = h[0] ^ found0;
    uint64_t previous = (found0 & 0xFF) * UNIT, size = (found0 >> 16 & 0xFF) * UNIT;

    if (!bad)
        return r->payer && r->state == RECORD_LIVE ? PL_HEADER_PAYER : PL_HEADER_MANY;
    if (h[1] != found1)
        return PL_HEADER_MANY;
    if (!(bad & ~0xFFull)) {
        if (!(h[0] & 0xFF))
            return PL_HEADER_PREVIOUS_FIRST;
        return previous > offset ? PL_HEADER_PREVIOUS_LARGE : PL_HEADER_PREVIOUS;
    }
    if (!(bad & ~0xFF0000ull)) {
        if (!size)
            return PL_HEADER_SIZE_ZERO;
        return size > PAGE - offset ? PL_HEADER_SIZE_LARGE : PL_HEADER_SIZE;
    }
    return bad & ~0xFF000000ull ? PL_HEADER_MANY : PL_HEADER_TYPE;
}

static bool header_damage(const struct pl_pool *pool, const struct record *r, struct pl_event *ev)
{
    const uint8_t *p = (const uint8_t *)(uintptr_t)(r->start - HEADER_SIZE);
    uint64_t h[2];

    header_make(pool, r, h);
    if (pp_load64(p) == h[0] && pp_load64(p + 8) == h[1])
        return false;
    ev->header[0] = pp_load64(p);
    ev->header[1] = pp_load64(p + 8) ^ pool->cookie ^ (uintptr_t)p;
    ev->fault = heap_header_fault(r, h, ev->header[0], pp_load64(p + 8));
    return pool_damage_bytes(p, (const uint8_t *)h, sizeof h, ev);
}

/* ---- the bytes behind a block ---- */

/* Patterned; the last eight of a charged block hold its payer's word in plain form, as Windows up
 * to 7 has it (newer systems keep it in the header alone; tests of a kernel look for it here). */
static uint64_t tail_end(const struct record *r)
{
    uint64_t end = r->start - (r->kind == RECORD_SMALL ? HEADER_SIZE : 0) + heap_occupied(r);

    return r->payer ? end - sizeof(uint64_t) : end;
}

static void tail_write(const struct pl_pool *pool, const struct record *r)
{
    uint64_t used = r->start + r->size, end = tail_end(r);

    memset((void *)(uintptr_t)used, pool->pat.slack, end - used);
    if (r->payer)
        memcpy((void *)(uintptr_t)end, &pool->payer_words[r->payer], sizeof(uint64_t));
}

static bool tail_damage(const struct pl_pool *pool, const struct record *r, struct pl_event *ev)
{
    uint64_t used = r->start + r->size, end = tail_end(r);

    if (end > used &&
        pool_damage((const uint8_t *)(uintptr_t)used, end - used, pool->slack_page, ev))
        return true;
    return r->payer &&
           pool_damage_bytes((const uint8_t *)(uintptr_t)end,
                             (const uint8_t *)&pool->payer_words[r->payer], sizeof(uint64_t), ev);
}

/* ---- checks ---- */

static unsigned report(struct pl_pool *pool, struct record *r, struct pl_event *ev, uint8_t seen,
                       bool *ret_carry_on)
{
    if (r->seen & seen)
        return 0;
    r->seen |= seen;
    pool_describe(pool, r, r->state == RECORD_LIVE ? PL_LIVE : PL_FREED, r->start, &ev->block);
    if (!pool_emit(pool, ev))
        *ret_carry_on = false;
    return 1;
}

/* The block behind `r` in its page, if there ever was one. */
static struct record *neighbour_after(struct record *r)
{
    uint64_t stride = r->units * (uint64_t)UNIT;
    uint64_t offset = (r->start - HEADER_SIZE) & (PAGE - 1);

    if (r->kind != RECORD_SMALL || offset + 2 * stride > PAGE)
        return NULL;
    return r[1].state == RECORD_UNUSED ? NULL : r + 1;
}

/* Writing on past a block's end hits the next block's header first. Blame the block in front when
 * the damage begins with the header's first bytes. */
static unsigned check_after(struct pl_pool *pool, struct record *r, struct pl_event *ev,
                            bool *ret_carry_on)
{
    struct record *next = neighbour_after(r);
    unsigned found;

    if (!next || next->seen & SEEN_HEADER || !header_damage(pool, next, ev) ||
        ev->bad_addr >= next->start - HEADER_SIZE + 4)
        return 0;
    ev->kind = PL_EV_TAIL_DAMAGED;
    found = report(pool, r, ev, SEEN_TAIL, ret_carry_on);
    if (found)
        header_write(pool, next); /* so that the neighbour is not blamed later */
    return found;
}

static unsigned check_live(struct pl_pool *pool, struct record *r, struct pl_event *ev,
                           bool *ret_carry_on)
{
    unsigned found = 0;

    if (r->kind == RECORD_SMALL && header_damage(pool, r, ev)) {
        ev->kind = PL_EV_HEADER_DAMAGED;
        found += report(pool, r, ev, SEEN_HEADER, ret_carry_on);
        if (!ev->at_free)
            header_write(pool, r);
    }
    if (tail_damage(pool, r, ev)) {
        ev->kind = PL_EV_TAIL_DAMAGED;
        found += report(pool, r, ev, SEEN_TAIL, ret_carry_on);
        if (!ev->at_free)
            tail_write(pool, r);
    }
    return found + check_after(pool, r, ev, ret_carry_on);
}

static unsigned check_freed(struct pl_pool *pool, struct record *r, struct pl_event *ev)
{
    uint64_t size = heap_occupied(r) - (r->kind == RECORD_SMALL ? HEADER_SIZE : 0);
    bool carry_on;
    unsigned found = 0;

    if (r->kind == RECORD_BIG && r->pages >= RUN_CLASSES)
        return 0; /* inaccessible */
    if (r->kind == RECORD_SMALL && header_damage(pool, r, ev)) {
        ev->kind = PL_EV_HEADER_DAMAGED;
        found += report(pool, r, ev, SEEN_HEADER, &carry_on);
        header_write(pool, r);
    }
    if (pool_damage((const uint8_t *)(uintptr_t)r->start, size, pool->freed_page, ev)) {
        ev->kind = PL_EV_FREED_MODIFIED;
        found += report(pool, r, ev, SEEN_FREED, &carry_on);
        memset((void *)(uintptr_t)r->start, pool->pat.freed, size);
    }
    return found;
}

static inline bool header_is_clean(const struct pl_pool *pool, const struct record *r)
{
    const uint8_t *p = (const uint8_t *)(uintptr_t)(r->start - HEADER_SIZE);
    uint64_t h[2];

    header_make(pool, r, h);
    return pp_load64(p) == h[0] && pp_load64(p + 8) == h[1];
}

/* The common case, without an event to fill: nothing to report about a small block. */
static bool small_is_clean(const struct pl_pool *pool, struct record *r)
{
    const uint8_t *p = (const uint8_t *)(uintptr_t)r->start;
    uint32_t size = r->units * (uint32_t)UNIT - HEADER_SIZE, i;
    struct record *next;

    if (!header_is_clean(pool, r))
        return false;
    if (r->state == RECORD_FREED)
        return !memcmp(p, pool->freed_page, size);
    if (r->payer)
        return false; /* rare: looked at closely */
    for (i = (uint32_t)r->size; i < size; i++)
        if (p[i] != pool->pat.slack)
            return false;
    next = neighbour_after(r);
    return !next || header_is_clean(pool, next);
}

/* Out of line: clearing an event costs as much as the rest of a free. */
static __attribute__((noinline)) unsigned heap_check_closely(struct pl_pool *pool, struct record *r,
                                                             const struct pl_free_request *at,
                                                             bool *ret_carry_on)
{
    struct pl_event ev = {.at_free = at != NULL, .address = r->start, .free = at};

    if (r->state == RECORD_LIVE)
        return check_live(pool, r, &ev, ret_carry_on);
    return r->state == RECORD_FREED ? check_freed(pool, r, &ev) : 0;
}

unsigned heap_check(struct pl_pool *pool, struct record *r, const struct pl_free_request *at,
                    bool *ret_carry_on)
{
    if (r->kind == RECORD_PLAIN)
        return plain_check(pool, r, at, ret_carry_on);
    if (r->kind == RECORD_BIG && pool->plain)
        return 0; /* no patterns in it */
    if (r->kind == RECORD_SMALL && small_is_clean(pool, r))
        return 0;
    return heap_check_closely(pool, r, at, ret_carry_on);
}

/* ---- pages ---- */

uint64_t heap_pages_take(struct pl_pool *pool, struct region *rg, uint64_t count)
{
    struct heap *heap = rg->heap;
    uint64_t start = heap->next;

    if (count > (rg->end - start) / PAGE)
        return 0;
    while (heap->commit_end < start + count * PAGE) {
        struct chunk *c;

        /* A chunk entered by an attempt that failed below is still the newest. */
        if (rg->start + rg->frontier * CHUNK_SIZE == heap->commit_end) {
            c = region_chunk_new(pool, rg, 1);
            if (!c)
                return 0;
        }
        if (os_range_protect(heap->commit_end, CHUNK_SIZE, true, rg->exec))
            return 0;
        heap->commit_end += CHUNK_SIZE;
    }
    __atomic_store_n(&heap->next, start + count * PAGE, __ATOMIC_RELEASE);
    return start;
}

void heap_page_enter(struct region *rg, uint64_t addr, uintptr_t what)
{
    bool forgotten;
    struct chunk *c = region_chunk(rg, addr, &forgotten);

    __atomic_store_n(&c->page[(addr - chunk_start(c)) / PAGE], what, __ATOMIC_RELEASE);
}

/* ---- small blocks ---- */

static struct slab *slab_new(struct pl_pool *pool, struct region *rg, uint32_t units, bool aligned)
{
    uint32_t first = aligned ? ALIGNED_FIRST : 0;
    uint32_t stride = units * UNIT;
    uint32_t count = (PAGE - first) / stride;
    struct slab *s = pp_new(sizeof *s + count * sizeof s->recs[0]);
    uint64_t page;

    if (!s)
        return NULL;
    page = heap_pages_take(pool, rg, 1);
    if (!page) {
        pp_free(s);
        return NULL;
    }
    s->first = page + first;
    s->stride = stride;
    s->inverse = (1u << 24) / stride + 1;
    s->count = count;
    heap_page_enter(rg, page, (uintptr_t)s | PAGE_SLAB);
    return s;
}

static struct record *small_take(struct pl_pool *pool, struct region *rg, uint32_t units,
                                 bool aligned)
{
    struct heap_class *class = &rg->heap->classes[aligned][units];
    struct record *r;

    if (class->free.count > pool->cfg.heap_delay) {
        bool carry_on;

        (void)heap_check(pool, class->free.head, NULL, &carry_on); /* reported; reuse it anyway */
        return fifo_pop(&class->free);
    }
    if (!class->open || class->open->carved == class->open->count) {
        struct slab *s = slab_new(pool, rg, units, aligned);

        if (!s)
            return class->free.head ? fifo_pop(&class->free) : NULL;
        class->open = s;
    }
    r = &class->open->recs[class->open->carved];
    r->start = class->open->first + class->open->carved * class->open->stride + HEADER_SIZE;
    r->kind = RECORD_SMALL;
    r->units = (uint16_t)units;
    class->open->carved++;
    return r;
}

static int small_alloc(struct pl_pool *pool, struct region *rg, const struct pl_request *req,
                       void **ret)
{
    bool aligned = req->flags & PL_CACHE_ALIGNED;
    uint32_t size = (uint32_t)req->size;
    struct record *r = small_take(pool, rg, heap_units((uint32_t)heap_need(req), aligned), aligned);
    uint8_t *p;

    if (!r)
        return -ENOMEM;
    p = (uint8_t *)(uintptr_t)r->start;
    pool_record_alloc(pool, r, req, r->start);
    header_write(pool, r);
    memset(p, req->flags & PL_ZERO ? 0 : pool->pat.fresh, size);
    tail_write(pool, r);
    *ret = p;
    return 0;
}

/* ---- big blocks ---- */

/* A freed block of exactly `pages` that is due for reuse, checked and accessible; else NULL. */
static struct record *big_reuse(struct pl_pool *pool, struct region *rg, uint64_t pages)
{
    struct record *r, *before = NULL;
    bool carry_on;

    if (pages < RUN_CLASSES) {
        struct fifo *f = &rg->heap->runs[pages];

        if (f->count <= (pool->plain ? 0 : RUN_DELAY))
            return NULL;
        (void)heap_check(pool, f->head, NULL, &carry_on); /* reported; reuse it anyway */
        return fifo_pop(f);
    }
    for (r = rg->heap->big.head; r; before = r, r = r->next) {
        if (r->pages != pages)
            continue;
        if (!pool->plain && os_range_protect(r->start, pages * PAGE, true, rg->exec))
            return NULL;
        if (!before)
            return fifo_pop(&rg->heap->big);
        before->next = r->next;
        if (!r->next)
            rg->heap->big.tail = before;
        rg->heap->big.count--;
        return r;
    }
    return NULL;
}

static int big_alloc(struct pl_pool *pool, struct region *rg, const struct pl_request *req,
                     void **ret)
{
    uint64_t pages, addr, i;
    struct record *r;
    uint8_t *p;

    if (req->size > rg->end - rg->start)
        return -ENOMEM;
    pages = (req->size + PAGE - 1) / PAGE;
    r = big_reuse(pool, rg, pages);
    if (!r) {
        r = record_new(pool);
        if (!r)
            return -ENOMEM;
        addr = heap_pages_take(pool, rg, pages);
        if (!addr) {
            record_put_back(pool, r);
            return -ENOMEM;
        }
        r->start = addr;
        r->kind = RECORD_BIG;
        r->pages = (uint32_t)pages;
        for (i = 0; i < pages; i++)
            heap_page_enter(rg, addr + i * PAGE, (uintptr_t)r);
    }
    pool_record_alloc(pool, r, req, r->start);
    p = (uint8_t *)(uintptr_t)r->start;
    if (req->flags & PL_ZERO || !pool->plain)
        memset(p, req->flags & PL_ZERO ? 0 : pool->pat.fresh, req->size);
    if (!pool->plain)
        memset(p + req->size, pool->pat.slack, pages * PAGE - req->size);
    *ret = p;
    return 0;
}

/* ---- entry points ---- */

uint64_t pl_occupied(const struct pl_request *req)
{
    if (heap_is_small(req))
        return heap_units((uint32_t)heap_need(req), req->flags & PL_CACHE_ALIGNED) * (uint64_t)UNIT;
    return pp_align_up(req->size, PAGE);
}

int heap_alloc(struct pl_pool *pool, const struct pl_request *req, void **ret)
{
    struct region *rg = &pool->regions[heap_region(req->flags)];
    int err;

    if (heap_is_small(req))
        err = small_alloc(pool, rg, req, ret);
    else
        err = big_alloc(pool, rg, req, ret);
    if (!err)
        rg->live++;
    return err;
}

void heap_free(struct pl_pool *pool, struct region *rg, struct record *r)
{
    rg->live--;
    if (r->kind == RECORD_SMALL) {
        header_write(pool, r);
        memset((void *)(uintptr_t)r->start, pool->pat.freed, r->units * (size_t)UNIT - HEADER_SIZE);
        fifo_push(&rg->heap->classes[(r->flags & PL_CACHE_ALIGNED) != 0][r->units].free, r);
    } else if (r->pages < RUN_CLASSES) {
        if (!pool->plain)
            memset((void *)(uintptr_t)r->start, pool->pat.freed, r->pages * (size_t)PAGE);
        fifo_push(&rg->heap->runs[r->pages], r);
    } else {
        if (!pool->plain && os_range_protect(r->start, r->pages * (uint64_t)PAGE, false, rg->exec))
            pool->count.unrevoked++;
        (void)os_range_drop(r->start,
                            r->pages * (uint64_t)PAGE); /* memory given back late at worst */
        fifo_push(&rg->heap->big, r);
    }
}

/* The block of a slab that `addr` lies in or in whose header; NULL when none was there yet. */
static struct record *slab_find(struct slab *s, uint64_t addr)
{
    uint32_t i;

    if (addr < s->first)
        return NULL;
    i = (uint32_t)(addr - s->first) * s->inverse >> 24;
    return i < s->carved ? &s->recs[i] : NULL;
}

enum pl_where heap_locate(const struct pl_pool *pool, const struct region *rg, uint64_t addr,
                          struct record *room, struct record **ret)
{
    uintptr_t what = heap_what(rg, addr);
    struct record *r;

    *ret = NULL;
    if (!what)
        return PL_UNUSED;
    if ((what & PAGE_KIND) == PAGE_RECORD)
        r = (struct record *)what;
    else if ((what & PAGE_KIND) == PAGE_SLAB)
        r = slab_find((struct slab *)(what - PAGE_SLAB), addr);
    else
        r = plain_locate(pool, rg, what, addr, room) ? room : NULL;
    if (!r)
        return PL_HEAP_FREE;
    *ret = r;
    if (r->state == RECORD_FREED)
        return PL_FREED;
    if (addr < r->start)
        return PL_HEADER;
    return addr - r->start < r->size ? PL_LIVE : PL_SLACK_AFTER;
}
