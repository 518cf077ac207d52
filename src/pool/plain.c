/*
 * Small blocks of a PL_PLAIN pool. See plain_priv.h for lists, blocks and locks.
 *
 * A page serves one size class and is cut up as a whole when the class runs dry; it never goes
 * back.
 *
 * Lists per thread that go to and come from the others as a whole: after the magazines of Bonwick
 * and Adams, "Magazines and Vmem", USENIX 2001, section 3; two lists that change places: after
 * Leijen, Zorn and de Moura, "Mimalloc: Free List Sharding in Action", 2019, section 2.3.
 */
#include <errno.h>
#include <string.h>

#include "pool/plain_block.h"

enum {
    LIST_BYTES = 32768, /* about so much in a list before it is put aside */
    LIST_MIN = 8,
    LIST_MAX = 128,
    SHELF_BYTES = 1 << 20, /* a thread keeps so much of a class to itself */
    SEQ_BATCH = 256,
};

/* The calling thread's cache of the pool it used last. The address also names the thread. */
static __thread struct {
    uint64_t id;
    struct plain_cache *cache;
} tls __attribute__((tls_model("initial-exec")));

/* ---- counting ---- */

/* Only the owner writes; others may read at any time. An addition in memory, which the compiler
 * does not make of relaxed atomics. */
ALWAYS_INLINE void bump(uint64_t *counter, uint64_t n)
{
#ifdef __SANITIZE_THREAD__
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
#else
    *counter += n;
#endif
}

/* The index of a tag's row in the usual case, else UINT32_MAX: ask tags_index. */
ALWAYS_INLINE uint32_t index_quick(const struct plain_cache *c, uint32_t tag)
{
    uint32_t key = tag | TAG_PROTECTED, i = tags_hash(key) & c->key_mask;

    if (!LIKELY(__atomic_load_n(&c->keys[i], __ATOMIC_RELAXED) == key)) {
        i = (i + 1) & c->key_mask;
        if (!LIKELY(__atomic_load_n(&c->keys[i], __ATOMIC_RELAXED) == key))
            return UINT32_MAX;
    }
    return i;
}

ALWAYS_INLINE void count_alloc(struct plain_cache *c, unsigned side, uint32_t index, uint32_t bytes)
{
    struct tag_cell *cell = &c->cells[side][index];

    bump(&cell->allocs, 1);
    bump(&cell->bytes_in, bytes);
}

ALWAYS_INLINE void count_free(struct plain_cache *c, unsigned side, uint32_t note, uint32_t bytes)
{
    struct tag_cell *cell;

    if (!c->statistics)
        return;
    cell = &c->cells[side][note >> INDEX_SHIFT];
    bump(&cell->frees, 1);
    bump(&cell->bytes_out, bytes);
}

/* ---- threads ---- */

static void cells_free(struct plain_cache *c)
{
    pp_free(c->cells_mem[0]);
    pp_free(c->cells_mem[1]);
}

static struct plain_cache *cache_new(struct pl_pool *pool)
{
    struct plain_cache *c = pp_new(sizeof *c);
    unsigned i, units;

    if (!c)
        return NULL;
    c->pool = pool;
    c->secret = pool->plain->secret;
    c->heap_start = pool->regions[REGION_HEAP].start;
    c->keys = pool->tags.keys;
    c->key_mask = pool->tags.mask;
    c->statistics = !pool->cfg.no_statistics;
    c->origins = pool->cfg.origins;
    for (i = 0; i < 2 && c->statistics; i++) {
        c->cells_mem[i] = pp_new_array((size_t)pool->tags.mask + 2, sizeof *c->cells[i]);
        if (!c->cells_mem[i]) {
            cells_free(c);
            pp_free(c);
            return NULL;
        }
        c->cells[i] =
            (struct tag_cell *)pp_align_up((uintptr_t)c->cells_mem[i], sizeof *c->cells[i]);
    }
    for (i = 0; i < PLAIN_GROUPS; i++)
        for (units = 2; units < CLASS_COUNT; units++)
            c->bins[i][units].room = c->bins[i][units].limit =
                PP_MIN(PP_MAX(LIST_BYTES / (units * UNIT), LIST_MIN), LIST_MAX);
    c->next = pool->plain->caches;
    pool->plain->caches = c;
    return c;
}

static __attribute__((noinline)) struct plain_cache *cache_attach(struct pl_pool *pool)
{
    struct plain_cache *c, *idle = NULL;

    pool_lock(pool);
    for (c = pool->plain->caches; c && c->thread != &tls; c = c->next)
        if (!c->thread)
            idle = c;
    if (!c)
        c = idle;
    if (!c)
        c = cache_new(pool);
    if (c) {
        c->thread = &tls;
        tls.id = pool->plain->id;
        tls.cache = c;
    }
    pool_unlock(pool);
    return c;
}

ALWAYS_INLINE struct plain_cache *cache_of(struct pl_pool *pool)
{
    return LIKELY(tls.id == pool->plain->id) ? tls.cache : cache_attach(pool);
}

/* ---- depot ---- */

static void depot_lock(struct pl_pool *pool, struct plain_depot *d)
{
    if (pool->cfg.threads)
        os_lock_take(&d->lock);
}

static void depot_unlock(struct pl_pool *pool, struct plain_depot *d)
{
    if (pool->cfg.threads)
        os_lock_give(&d->lock);
}

/* False when out of memory: the list then stays where it is. */
static bool shelf_put(struct plain_shelf *k, uint64_t *list)
{
    if (k->count == k->room) {
        uint32_t room = k->room ? k->room * 2 : 16;
        uint64_t **lists = pp_resize(k->lists, room * sizeof *lists);

        if (!lists)
            return false;
        k->lists = lists;
        k->room = room;
    }
    k->lists[k->count++] = list;
    return true;
}

static uint64_t *shelf_take(struct plain_shelf *k)
{
    return k->count ? k->lists[--k->count] : NULL;
}

static bool depot_put(struct pl_pool *pool, unsigned group, uint32_t units, uint64_t *list)
{
    struct plain_depot *d = &pool->plain->depots[group];
    bool done;

    depot_lock(pool, d);
    done = shelf_put(&d->shelves[units], list);
    depot_unlock(pool, d);
    return done;
}

static uint64_t *depot_take(struct pl_pool *pool, unsigned group, uint32_t units)
{
    struct plain_depot *d = &pool->plain->depots[group];
    uint64_t *list;

    depot_lock(pool, d);
    list = shelf_take(&d->shelves[units]);
    depot_unlock(pool, d);
    return list;
}

/* Returns 0 always: pl_quick_free ends with it. */
static __attribute__((noinline)) int bin_flush(struct pl_pool *pool, struct plain_cache *c,
                                               unsigned group, uint32_t units)
{
    struct plain_bin *bin = &c->bins[group][units];
    struct plain_shelf *own = &c->shelves[group][units];
    bool done;

    bin->room = bin->limit; /* when the list has to stay: try again then */
    if (own->count * (uint64_t)bin->limit * units * UNIT < SHELF_BYTES)
        done = shelf_put(own, bin->freed);
    else
        done = depot_put(pool, group, units, bin->freed);
    if (done)
        bin->freed = NULL;
    return 0;
}

/* A list of a cache that waits for a thread. */
static uint64_t *idle_take(struct pl_pool *pool, unsigned group, uint32_t units)
{
    struct plain_cache *c;
    uint64_t *list = NULL;

    pool_lock(pool);
    for (c = pool->plain->caches; c && !list; c = c->next) {
        struct plain_bin *bin = &c->bins[group][units];

        if (c->thread)
            continue;
        list = shelf_take(&c->shelves[group][units]);
        if (!list) {
            list = bin->head;
            bin->head = NULL;
        }
        if (!list) {
            list = bin->freed;
            bin->freed = NULL;
            bin->room = bin->limit;
        }
    }
    pool_unlock(pool);
    return list;
}

void pl_thread_done(struct pl_pool *pool)
{
    if (!pool->plain || tls.id != pool->plain->id)
        return;
    pool_lock(pool);
    tls.cache->thread = NULL;
    pool_unlock(pool);
    tls.id = 0;
}

/* ---- pages ---- */

static struct origin *origins_new(struct pl_pool *pool, uint32_t count)
{
    struct plain *pn = pool->plain;
    void **all = pn->origins;
    struct origin *o;

    if (!(pn->origin_count & (pn->origin_count - 1))) /* 0 and powers of two: twice the list */
        all = pp_resize(all, (pn->origin_count ? pn->origin_count * 2 : 1) * sizeof *all);
    if (!all)
        return NULL;
    pn->origins = all;
    o = pp_new_array(count, sizeof *o);
    if (o)
        all[pn->origin_count++] = o;
    return o;
}

/* A fresh page cut into a list, lowest address first. NULL when out of memory. */
static uint64_t *page_carve(struct pl_pool *pool, unsigned group, uint32_t units)
{
    struct region *rg = &pool->regions[REGION_HEAP + group / 2];
    uintptr_t what = (uintptr_t)units << 48 | (uintptr_t)(group & 1) << 57 | PAGE_PLAIN;
    uint32_t first = what_first(what), count = (PAGE - first) / (units * UNIT);
    uint64_t *next = NULL, page;
    struct record r = {.units = (uint16_t)units, .flags = group & 1 ? PL_CACHE_ALIGNED : 0};
    struct origin *origins = NULL;

    pool_lock(pool);
    if (pool->cfg.origins)
        origins = origins_new(pool, count);
    page = pool->cfg.origins && !origins ? 0 : heap_pages_take(pool, rg, 1);
    if (page) {
        while (count--) {
            uint64_t *b = (uint64_t *)(uintptr_t)(page + first + count * units * UNIT);

            header_set(pool->plain->secret, b, header_sizes(b, &r), SLACK_UNUSED * TWICE);
            link_set(pool->plain->secret, b, next, b[0]);
            next = b;
        }
        heap_page_enter(rg, page, what | (uintptr_t)origins);
        rg->live++; /* so that paged pool is revoked as long as there is some */
    }
    pool_unlock(pool);
    return next;
}

/* ---- alloc ---- */

/* The head of the list if it is sound; NULL when the list is empty or its head damaged. */
ALWAYS_INLINE uint64_t *block_take(const struct plain_cache *c, struct plain_bin *bin)
{
    uint64_t *b = bin->head;

    if (!LIKELY(b) || !LIKELY(link_is_valid(c->secret, b)))
        return NULL;
    bin->head = (uint64_t *)(uintptr_t)(b[2] ^ c->secret);
    return b;
}

/* The bin of group 0 for blocks of so many bytes, a multiple of 16: a bin is twice as large. */
ALWAYS_INLINE struct plain_bin *bin_of_bytes(struct plain_cache *c, uint64_t bytes)
{
    _Static_assert(sizeof(struct plain_bin) == 2 * UNIT, "");
    return (struct plain_bin *)(void *)((char *)c->bins + 2 * bytes);
}

/* The list is empty or its head damaged: after this it is neither. False when out of memory. */
static __attribute__((noinline)) bool bin_refill(struct pl_pool *pool, struct plain_cache *c,
                                                 unsigned group, uint32_t units)
{
    struct plain_bin *bin = &c->bins[group][units];

    if (bin->head) {
        plain_repair(pool, &pool->regions[REGION_HEAP + group / 2], bin->head);
        return true;
    }
    bin->head = bin->freed;
    bin->freed = NULL;
    bin->room = bin->limit;
    if (!bin->head)
        bin->head = shelf_take(&c->shelves[group][units]);
    if (!bin->head)
        bin->head = depot_take(pool, group, units);
    if (!bin->head && pool->plain->caches->next)
        bin->head = idle_take(pool, group, units);
    if (!bin->head)
        bin->head = page_carve(pool, group, units);
    return bin->head;
}

static void origin_set(struct pl_pool *pool, struct plain_cache *c, const struct region *rg,
                       const uint64_t *b, const struct pl_request *req)
{
    struct origin *o = origin_of(heap_what(rg, (uintptr_t)b), b);

    if (c->seq == c->seq_end) {
        uint64_t batch = pool->cfg.threads ? SEQ_BATCH : 1;

        c->seq = __atomic_fetch_add(&pool->seq, batch, __ATOMIC_RELAXED);
        c->seq_end = c->seq + batch;
    }
    o->seq = ++c->seq;
    o->owner = req->owner | (req->flags & PL_NOT_TRACKED ? ORIGIN_UNTRACKED : 0);
    o->stack = req->stack;
}

int plain_alloc(struct pl_pool *pool, const struct pl_request *req, void **ret)
{
    struct plain_cache *c = cache_of(pool);
    unsigned region = heap_region(req->flags), side = region == REGION_HEAP_PAGED;
    bool aligned = req->flags & PL_CACHE_ALIGNED, protect = req->flags & PL_PROTECTED;
    unsigned group = 2 * (region - REGION_HEAP) + aligned;
    uint32_t units = heap_units((uint32_t)req->size, aligned);
    uint32_t note = units * UNIT - HEADER_SIZE - (uint32_t)req->size, kind, index;
    uint64_t *b, head;

    if (!c)
        return -ENOMEM;
    while (b = block_take(c, &c->bins[group][units]), !b)
        if (!bin_refill(pool, c, group, units))
            return -ENOMEM;
    if (c->statistics) {
        index = index_quick(c, req->tag);
        if (!LIKELY(index != UINT32_MAX))
            index = tags_index(pool, tags_key(req->tag));
        count_alloc(c, side, index, units * UNIT);
        note |= index << INDEX_SHIFT;
    }
    kind = (TYPE_IN_USE | side) << TYPE_SHIFT;
    if (req->flags & (PL_PROTECTED | PL_NO_TAG | PL_NOT_TRACKED)) {
        kind |= protect ? (uint32_t)HEAD_PROTECTED : 0u;
        bump(&c->no_tag, (req->flags & PL_NO_TAG) != 0);
        bump(&c->not_tracked, (req->flags & PL_NOT_TRACKED) != 0);
    }
    head = (uint32_t)b[0] | kind | (uint64_t)(req->tag | (protect ? TAG_PROTECTED : 0u)) << 32;
    header_set(c->secret, b, head, note * TWICE ^ twist_of(head));
    if (c->origins)
        origin_set(pool, c, &pool->regions[region], b, req);
    if (req->flags & PL_ZERO)
        memset(b + 2, 0, req->size);
    *ret = b + 2;
    return 0;
}

static __attribute__((noinline)) void *quick_alloc_slow(struct pl_pool *pool, size_t size,
                                                        uint32_t tag)
{
    struct pl_request req = {.size = size, .tag = tag};
    void *p;

    return pl_alloc(pool, &req, &p) ? NULL : p;
}

void *pl_quick_alloc(struct pl_pool *pool, size_t size, uint32_t tag)
{
    struct plain_cache *c = tls.cache;
    uint64_t bytes, note, secret, *b;
    struct plain_bin *bin;
    uint32_t index = 0;

    /* No call but the last one, and as little work as can be: it is what lies between two frees,
     * and how many of them the processor has under way at once decides when blocks are cold. Size 0
     * is rare enough for the long way. */
    if (!LIKELY(tls.id == pool->quick_id) || !LIKELY(size - 1 < SMALL_MAX))
        return quick_alloc_slow(pool, size, tag);
    if (c->statistics) {
        index = index_quick(c, tag);
        if (!LIKELY(index != UINT32_MAX))
            return quick_alloc_slow(c->pool, size, tag);
    }
    bytes = (size + HEADER_SIZE + UNIT - 1) & ~(uint64_t)(UNIT - 1);
    bin = bin_of_bytes(c, bytes);
    b = bin->head;
    secret = c->secret;
    if (!LIKELY(b) || !LIKELY(link_is_valid(secret, b)))
        return quick_alloc_slow(c->pool, size, tag);
    note = (bytes - HEADER_SIZE - size) | index << INDEX_SHIFT;
    if (c->statistics)
        count_alloc(c, PL_NONPAGED_ROW, index, (uint32_t)bytes);
    bin->head = (uint64_t *)(uintptr_t)(b[2] ^ secret);
    header_set(secret, b, (uint32_t)b[0] | TYPE_IN_USE << TYPE_SHIFT | (uint64_t)tag << 32,
               note * TWICE);
    return b + 2;
}

/* ---- free ---- */

/* Link a block into its list; `head` with PoolType 0. Returns 0. */
ALWAYS_INLINE int block_give(struct pl_pool *pool, struct plain_cache *c, unsigned group,
                             uint32_t units, uint64_t *b, uint64_t head)
{
    struct plain_bin *bin = &c->bins[group][units];

    b[0] = head;
    link_set(c->secret, b, bin->freed, head);
    bin->freed = b;

    return LIKELY(--bin->room) ? 0 : bin_flush(pool, c, group, units);
}

bool plain_free_fast(struct pl_pool *pool, void *p, uint32_t tag)
{
    struct region *rg = region_of(pool, (uintptr_t)p);
    struct plain_cache *c = cache_of(pool);
    uint64_t *b = (uint64_t *)p - 2, notes;
    uint32_t units, aligned, kind;
    uintptr_t what;

    if (!c || !rg || rg->special || rg->revoked || ((uintptr_t)p & (PAGE - 1)) < HEADER_SIZE)
        return false;
    what = heap_what(rg, (uintptr_t)p);
    if ((what & PAGE_KIND) != PAGE_PLAIN)
        return false;
    aligned = what >> 57 & 1;
    kind = (TYPE_IN_USE | (unsigned)rg->paged) << TYPE_SHIFT | aligned << INDEX_BYTE;
    notes = notes_of(c->secret, b, b[0]) ^ twist_of(kind);
    if (!notes_are_equal(notes) || (b[0] & KIND_MASK) != kind || (tag && b[0] >> 32 != tag))
        return false;
    units = what_units(what);
    count_free(c, rg->paged, (uint32_t)notes, units * UNIT);
    (void)block_give(pool, c, 2 * (unsigned)(rg - &pool->regions[REGION_HEAP]) + aligned, units, b,
                     b[0] & ~TYPE_MASK); /* 0 */
    return true;
}

static __attribute__((noinline)) int quick_free_slow(struct pl_pool *pool, void *p, uint32_t tag)
{
    /* Nonpaged pages once handed out stay accessible: freed big blocks too, in a PL_PLAIN pool. */
    if (tls.id == pool->quick_id)
        tls.cache->heap_size =
            __atomic_load_n(&pool->regions[REGION_HEAP].heap->next, __ATOMIC_RELAXED) -
            tls.cache->heap_start;
    return pl_free(pool, &(struct pl_free_request){.p = p, .tag = tag});
}

int pl_quick_free(struct pl_pool *pool, void *p, uint32_t tag)
{
    struct plain_cache *c = tls.cache;
    uint64_t *b = (uint64_t *)p - 2, head, notes;
    uint32_t units;

    if (!LIKELY(tls.id == pool->quick_id) || !LIKELY((uintptr_t)b - c->heap_start < c->heap_size))
        return quick_free_slow(pool, p, tag);
    head = b[0];
    notes = notes_of(c->secret, b, head);
    if (!LIKELY(notes_are_equal(notes)) || !LIKELY(!tag || head >> 32 == tag))
        return quick_free_slow(pool, p, tag);
    units = (uint8_t)(head >> 16);
    count_free(c, PL_NONPAGED_ROW, (uint32_t)notes, units * UNIT);
    return block_give(pool, c, 0, units, b, head ^ TYPE_IN_USE << TYPE_SHIFT);
}

void plain_free(struct pl_pool *pool, const struct record *r)
{
    struct plain_cache *c = cache_of(pool);
    uint64_t *b = (uint64_t *)(uintptr_t)(r->start - HEADER_SIZE), h[2];
    unsigned region = heap_region(r->flags), aligned = (r->flags & PL_CACHE_ALIGNED) != 0;

    if (!c)
        return; /* no memory for this thread's lists: the block is lost */
    plain_header(pool, r, b, h);
    b[1] = h[1];
    count_free(c, region == REGION_HEAP_PAGED, (uint32_t)notes_of(c->secret, b, h[0]),
               r->units * UNIT);
    (void)block_give(pool, c, 2 * (region - REGION_HEAP) + aligned, r->units, b,
                     h[0] & ~(TYPE_MASK | HEAD_PROTECTED)); /* 0 */
}

/* ---- life ---- */

static void shelves_free(struct plain_shelf (*shelves)[CLASS_COUNT])
{
    unsigned units;

    for (units = 0; units < CLASS_COUNT; units++)
        pp_free((*shelves)[units].lists);
}

int plain_init(struct pl_pool *pool)
{
    static uint64_t ids;
    unsigned i;

    pool->plain = pp_new(sizeof *pool->plain);
    if (!pool->plain)
        return -ENOMEM;
    pool->plain->secret = pool->cookie * 0x9E3779B97F4A7C15ull; /* not that of heap.c's headers */
    pool->plain->id = __atomic_add_fetch(&ids, 1, __ATOMIC_RELAXED);
    if (!pool->cfg.origins)
        pool->quick_id = pool->plain->id;
    for (i = 0; i < PLAIN_GROUPS; i++)
        os_lock_init(&pool->plain->depots[i].lock);
    return 0;
}

void plain_done(struct pl_pool *pool)
{
    struct plain *pn = pool->plain;
    struct plain_cache *c, *next;
    unsigned i;

    if (!pn)
        return;
    for (c = pn->caches; c; c = next) {
        next = c->next;
        for (i = 0; i < PLAIN_GROUPS; i++)
            shelves_free(&c->shelves[i]);
        cells_free(c);
        pp_free(c);
    }
    for (i = 0; i < PLAIN_GROUPS; i++) {
        shelves_free(&pn->depots[i].shelves);
        os_lock_done(&pn->depots[i].lock);
    }
    for (i = 0; i < pn->origin_count; i++)
        pp_free(pn->origins[i]);
    pp_free(pn->origins);
    pp_free(pn);
}
