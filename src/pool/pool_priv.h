/*
 * What the pool's own files share. See pool.h for the contract.
 *
 *   regions   six reserved ranges: {ordinary, special} x {nonpaged, nonpaged executable, paged}
 *   chunks    2 MB pieces of a region, brought into service one after the other; a chunk knows for
 * each of its pages which record (special, big) or slab (small blocks) it belongs to records   one
 * per block, 128 bytes, outliving the block: the first cache line is written by pl_alloc, the
 * second one mostly by pl_free
 *
 * A special chunk is filled in time order and never refilled. When it is full and its last block
 * dies it is retired: its address range stays inaccessible, its page tables go back, its records
 * stay until records_max or reuse_after push the oldest retired chunk out ("forgotten"). Making a
 * freed slot inaccessible is a step of its own (special_revoke), so that revoking later, in batches
 * or by moving a whole dead chunk, changes special.c only.
 *
 * Lock: the pool's lock guards everything but what plain_priv.h names; it is taken at all only in a
 * pool for several threads. Chunk tables and a chunk's pages are written under it and read without:
 * entries appear complete and the chunks they name are never freed, only used again.
 */
#ifndef POOLPROOF_POOL_POOL_PRIV_H
#define POOLPROOF_POOL_POOL_PRIV_H

#include "base/base.h"
#include "base/list.h"
#include "plat/plat.h"
#include "pool/pool.h"

enum {
    PAGE = 4096,
    CHUNK_PAGES = 512,
    HEADER_SIZE = 16,
    UNIT = 16,                      /* size classes are multiples of this */
    CLASS_COUNT = 256,              /* indexed by units, header included: 2 to 255 */
    SMALL_MAX = PAGE - 2 * HEADER_SIZE, /* largest request that gets a header */
    RUN_CLASSES = 65,               /* freed big blocks of up to 64 pages are kept by page count */
    RUN_DELAY = 16,                 /* and at least so many of each count are held back */
    RECORDS_PER_BLOCK = 512,
    /* Cache-aligned classes start so that blocks, not headers, lie on 64-byte lines. */
    ALIGNED_FIRST = 48,
    ALIGNED_MAX = 4032 - HEADER_SIZE,
};
/* PoolType in a header. */
enum { TYPE_PAGED = 1, TYPE_IN_USE = 2, TYPE_QUOTA = 8 };
/* Doc: WDK, wdm.h: PROTECTED_POOL is the top bit of a tag. */
#define TAG_PROTECTED 0x80000000u
enum { TAG_BLANK = 0x20202020, TAG_OVERFLOW = 0x6C66764F /* "Ovfl" */ };
#define CHUNK_SIZE (2ull << 20)

enum record_state { RECORD_UNUSED, RECORD_LIVE, RECORD_FREED };
/* PLAIN: only a description of one, see plain_priv.h. */
enum record_kind { RECORD_SPECIAL, RECORD_SMALL, RECORD_BIG, RECORD_PLAIN };
enum record_seen { SEEN_HEAD = 1, SEEN_TAIL = 2, SEEN_HEADER = 4, SEEN_FREED = 8 };

struct record {
    uint64_t start, size;
    uint64_t alloc_seq, alloc_thread, alloc_time, alloc_pc;
    uint32_t tag, owner;
    uint8_t state, kind; /* enum record_state, record_kind */
    uint16_t flags;      /* enum pl_flags */
    uint8_t alloc_irql;
    uint8_t edge;   /* enum pl_edge; special only */
    uint16_t units; /* small and plain only: of the class, header included */

    uint32_t alloc_stack, attr;
    uint32_t free_stack, free_owner;
    uint64_t free_seq, free_thread, free_time, free_pc;
    struct record *next; /* free lists */
    uint32_t pages;      /* special, big */
    uint8_t free_irql;
    uint8_t seen; /* enum record_seen: damage already reported */
    uint16_t payer;
};
_Static_assert(sizeof(struct record) == 128, "two cache lines");

/* A page of small blocks of one class. Never given back to the page level. */
struct slab {
    uint64_t first; /* address of the first header */
    uint32_t stride;
    uint32_t inverse; /* 2^24 / stride, rounded up: exact division of offsets in a page */
    uint32_t count, carved;
    struct record recs[];
};

/* What a page belongs to: a pointer with the kind in its low bits; 0 = nothing yet. */
enum { PAGE_RECORD = 0, PAGE_SLAB = 1, PAGE_GUARD = 2, PAGE_PLAIN = 3, PAGE_KIND = 3 };

struct chunk {
    struct pp_list link; /* region's active list, or the pool's retired list */
    struct region *region;
    uint32_t index;     /* of its first 2 MB in the region */
    uint32_t span;      /* 1, or the number of 2 MB units of one huge block */
    uint32_t next_page; /* first page not handed out */
    uint32_t live;
    bool closed; /* takes no more blocks */
    bool retired;
    uintptr_t page[CHUNK_PAGES]; /* span > 1: only page[0], the huge block's record */
};

enum region_id {
    REGION_SPECIAL,
    REGION_SPECIAL_EXEC,
    REGION_SPECIAL_PAGED,
    REGION_HEAP,
    REGION_HEAP_EXEC,
    REGION_HEAP_PAGED,
    REGION_COUNT
};

/* First-in first-out free list: oldest first, so that a block rests as long as possible. */
struct fifo {
    struct record *head, *tail;
    uint32_t count;
};

struct heap_class {
    struct fifo free;
    struct slab *open; /* being carved */
};

struct heap {
    struct heap_class classes[2][CLASS_COUNT]; /* [64-byte aligned][units] */
    struct fifo runs[RUN_CLASSES];
    struct fifo big; /* freed, more than 64 pages, inaccessible */
    uint64_t next;   /* first address not handed out */
    uint64_t commit_end;
};

struct region {
    uint64_t start, end;
    bool exec, paged, special;
    bool revoked;  /* inaccessible as a whole at the moment */
    uint64_t live; /* blocks */
    /* One word for each 2 MB: 0 never used; a struct chunk *; or, odd, forgotten: (next + 1) << 1 |
     * 1, a first-in first-out list of addresses to use again. */
    uintptr_t *table;
    uint32_t table_count;
    uint32_t frontier;                       /* first index never used */
    uint32_t forgotten_head, forgotten_tail; /* index + 1; 0 = none */
    struct pp_list active;                   /* special: chunks in service, by time */
    struct chunk *open;
    uint64_t ready;    /* special: page that a freed block's frame was passed to; 0 = none */
    struct heap *heap; /* ordinary only */
};

struct tag_table {
    struct pl_tag_row *rows;
    uint32_t *keys; /* [mask + 1] the rows' tags_key, close together; never shared */
    struct pl_tag_row *last; /* looked up last */
    uint32_t mask, used;
    bool is_own;
};

struct plain;
struct tag_cell;

struct pl_pool {
    struct pl_config cfg;
    struct os_lock lock;
    uint64_t quick_id;   /* plain->id when the quick routines may serve; else UINT64_MAX */
    struct plain *plain; /* PL_PLAIN only */
    struct os_guard guard;
    struct region regions[REGION_COUNT];
    struct pl_patterns pat;
    void *pages_mem;
    uint8_t *fresh_page, *freed_page, *slack_page, *zero_page;
    uint64_t cookie; /* mixed into the last 8 bytes of each header */
    uint64_t payer_words[PL_PAYERS];
    uint64_t seq;
    bool revoke_wanted;

    struct record *record_free;
    void **record_blocks;
    uint32_t record_block_count, record_used; /* of the newest block */
    uint32_t special_records;                 /* given to special blocks, live and freed */
    struct pp_list retired;                   /* oldest first, all regions */
    struct pp_list chunk_free;                /* forgotten ones, to be used again */

    struct tag_table tags, session_tags;
    struct tag_cell *folded[2]; /* [as rows]: what of the threads' cells is in the rows */
    uint64_t folded_no_tag, folded_not_tracked;
    struct pl_owner_row *owners;
    uint32_t owner_count;
    struct pl_counters count;
};

static inline void pool_lock(struct pl_pool *pool)
{
    if (pool->cfg.threads)
        os_lock_take(&pool->lock);
}

static inline void pool_unlock(struct pl_pool *pool)
{
    if (pool->cfg.threads)
        os_lock_give(&pool->lock);
}

/* pool.c */
/* Give ourselves access to paged pool for one operation; paged_close takes it back. */
int paged_open(struct pl_pool *pool);
void paged_close(struct pl_pool *pool);
bool pool_emit(struct pl_pool *pool, struct pl_event *ev);
void pool_describe(const struct pl_pool *pool, const struct record *r, enum pl_where where,
                   uint64_t addr, struct pl_block_info *ret);
void pool_record_alloc(struct pl_pool *pool, struct record *r, const struct pl_request *req,
                       uint64_t start);
/* Bytes of [p, p + size) that differ from the pattern page; fills the event's bad_* and returns
 * true. */
bool pool_damage(const uint8_t *p, size_t size, const uint8_t *page, struct pl_event *ev);
/* The same against `size` expected bytes. */
bool pool_damage_bytes(const uint8_t *p, const uint8_t *expected, size_t size, struct pl_event *ev);

/* region.c */
int region_init(struct pl_pool *pool, enum region_id id, uint64_t start, uint64_t size);
void region_done(struct pl_pool *pool, struct region *rg);
static inline struct region *region_of(const struct pl_pool *pool, uint64_t addr)
{
    unsigned i;

    for (i = 0; i < REGION_COUNT; i++) {
        const struct region *rg = &pool->regions[i];

        if (addr - rg->start < rg->end - rg->start)
            return (struct region *)rg;
    }
    return NULL;
}

/* The chunk that holds `addr`, or NULL; *forgotten tells the two reasons apart. */
static inline struct chunk *region_chunk(const struct region *rg, uint64_t addr, bool *forgotten)
{
    uintptr_t entry = __atomic_load_n(&rg->table[(addr - rg->start) / CHUNK_SIZE], __ATOMIC_RELAXED);

    *forgotten = entry & 1;
    return *forgotten ? NULL : (struct chunk *)entry;
}

/* Take the next `span` 2 MB units (reusing forgotten ones for span 1) and enter a new chunk for
 * them. Not yet accessible. NULL when out of memory or range. */
struct chunk *region_chunk_new(struct pl_pool *pool, struct region *rg, uint32_t span);
/* Undo region_chunk_new when the chunk could not be brought into service: the address is given up.
 */
void region_chunk_drop(struct pl_pool *pool, struct chunk *c);
void region_chunk_retire(struct pl_pool *pool, struct chunk *c);
struct record *record_new(struct pl_pool *pool);
void record_put_back(struct pl_pool *pool, struct record *r);
int region_revoke(struct pl_pool *pool, struct region *rg);
int region_restore(struct pl_pool *pool, struct region *rg);

static inline uint64_t chunk_start(const struct chunk *c)
{
    return c->region->start + c->index * CHUNK_SIZE;
}

/* special.c */
int special_alloc(struct pl_pool *pool, const struct pl_request *req, void **ret);
void special_free(struct pl_pool *pool, struct chunk *c, struct record *r);
unsigned special_check(struct pl_pool *pool, struct record *r, const struct pl_free_request *at,
                       bool *ret_carry_on);
enum pl_where special_locate(const struct region *rg, uint64_t addr, struct record **ret,
                             struct chunk **ret_chunk);

/* heap.c */
int heap_alloc(struct pl_pool *pool, const struct pl_request *req, void **ret);
void heap_free(struct pl_pool *pool, struct region *rg, struct record *r);
/* Which field of a header tells what happened. h: as it should be. */
enum pl_header_fault heap_header_fault(const struct record *r, const uint64_t h[2], uint64_t found0,
                                       uint64_t found1);
unsigned heap_check(struct pl_pool *pool, struct record *r, const struct pl_free_request *at,
                    bool *ret_carry_on);
/* `room` takes the description of a block that has no record. */
enum pl_where heap_locate(const struct pl_pool *pool, const struct region *rg, uint64_t addr,
                          struct record *room, struct record **ret);
/* The next `count` pages, accessible; 0 when out of memory. Say with heap_page_enter what they are. */
uint64_t heap_pages_take(struct pl_pool *pool, struct region *rg, uint64_t count);
void heap_page_enter(struct region *rg, uint64_t addr, uintptr_t what);
static inline uintptr_t heap_what(const struct region *rg, uint64_t addr)
{
    bool forgotten;
    const struct chunk *c = region_chunk(rg, addr, &forgotten);

    return c ? __atomic_load_n(&c->page[addr / PAGE % CHUNK_PAGES], __ATOMIC_RELAXED) : 0;
}

static inline enum region_id heap_region(uint32_t flags)
{
    if (flags & PL_PAGED)
        return REGION_HEAP_PAGED;
    return flags & PL_EXECUTABLE ? REGION_HEAP_EXEC : REGION_HEAP;
}

/* Size class of a small request, header included. */
static inline uint32_t heap_units(uint32_t size, bool aligned)
{
    uint32_t bytes = (uint32_t)pp_align_up(size + HEADER_SIZE, aligned ? 64 : UNIT);

    return PP_MAX(bytes / UNIT, 2u);
}

/* Bytes a request takes before rounding: a payer's word stands behind the block. */
static inline size_t heap_need(const struct pl_request *req)
{
    return req->size + (req->payer ? sizeof(uint64_t) : 0); /* sizes lie far below the type's end */
}

static inline bool heap_is_small(const struct pl_request *req)
{
    return heap_need(req) <= (req->flags & PL_CACHE_ALIGNED ? (size_t)ALIGNED_MAX : (size_t)SMALL_MAX);
}

/* Bytes that belong to an ordinary block: its class slot or its pages. */
static inline uint64_t heap_occupied(const struct record *r)
{
    return r->units ? r->units * (uint64_t)UNIT : r->pages * (uint64_t)PAGE;
}

/* tags.c */
int tags_init(struct pl_pool *pool);
void tags_done(struct pl_pool *pool);
void tags_alloc(struct pl_pool *pool, const struct record *r);
void tags_free(struct pl_pool *pool, const struct record *r);
/* What stands for a tag in `keys`: never 0, which marks an empty row. A block without a tag counts as
 * blanks. */
static inline uint32_t tags_key(uint32_t tag)
{
    return (tag ? tag : TAG_BLANK) | TAG_PROTECTED;
}

/* Fibonacci hashing: Knuth, vol. 3, 6.4. Bits further down cluster for tags that count up. */
static inline uint32_t tags_hash(uint32_t key)
{
    return (uint32_t)((key * 0x9E3779B97F4A7C15ull) >> 40);
}

/* The index of the key's row, made when new. Takes the pool's lock when it is. */
uint32_t tags_index(struct pl_pool *pool, uint32_t key);

/* walk.c: every record in use (live, or freed ordinary), in address order; `fn` false stops. */
typedef bool (*walk_fn)(void *ctx, struct record *r);
void walk_records(struct pl_pool *pool, walk_fn fn, void *ctx);

#endif
