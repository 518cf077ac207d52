/*
 * Small blocks of a PL_PLAIN pool: what plain.c shows the pool's other files.
 *
 * Each thread has a cache; each size class in it has two lists. A block is taken from `head` and
 * given back to `freed`; when `head` runs dry the lists change places, so a freed block rests until
 * the rest of the list was used, and alloc and free do not wait for each other's stores. A `freed`
 * list that has grown to `limit` blocks is put on the thread's shelf as a whole, and when that is
 * full into the depot, where any thread finds it: memory freed by another thread than its user's
 * costs one lock in `limit` blocks, while threads that free their own keep apart and share no cache
 * lines.
 *
 *     live    | head: sizes, PoolType, tag | secret ^ address ^ head ^ note, note | block ...
 *     freed   | head with PoolType 0       | as it was  | next ^ secret | next ^ address ^ head |
 *
 * The note (32 bits, twice) is the slack behind the block and the index of its tag's row. So a
 * header proves itself: the right secret for this address, the right head, two equal notes; no
 * table is asked. Any single changed byte is noticed: of a header when the block is freed, of a
 * freed block's header or first 16 bytes when it is used again.
 *
 * Lock: a cache belongs to its thread (relaxed stores, so that others may read its counters); the
 * depot has a lock for each group of classes; pages, rows and events are under the pool's lock.
 * The pool's lock is taken before a depot lock, never after.
 */
#ifndef POOLPROOF_POOL_PLAIN_PRIV_H
#define POOLPROOF_POOL_PLAIN_PRIV_H

#include "pool/pool_priv.h"

/* Two for each ordinary region: by 16 bytes, and 64-byte aligned. */
enum { PLAIN_GROUPS = 6 };

struct plain_bin {
    uint64_t *head;  /* free blocks, by the addresses of their headers */
    uint64_t *freed; /* given back since `head` was last filled */
    uint32_t room;   /* so many more until `freed` goes to the depot */
    uint32_t limit;
    uint64_t pad;
};

/* Lists put aside. */
struct plain_shelf {
    uint64_t **lists;
    uint32_t count, room;
};

/* What one thread did under one tag. Monotonic: in use = in - out, modulo 2^64 and summed over all
 * threads. Two cells in a cache line. */
struct tag_cell {
    uint64_t allocs, bytes_in; /* bytes occupied */
    uint64_t frees, bytes_out;
};

struct plain_cache {
    uint64_t secret;
    struct pl_pool *pool;
    uint64_t heap_start; /* of REGION_HEAP, and how much of it this thread knows to be accessible */
    uint64_t heap_size;
    const uint32_t *keys; /* the pool's, see tags.c */
    uint32_t key_mask;
    bool statistics, origins;
    struct tag_cell *cells[2]; /* [side][as the pool's rows] */
    uint64_t no_tag, not_tracked;
    uint64_t seq, seq_end; /* positions reserved for this thread */
    const void *thread;    /* whose; NULL: waits for the next new thread */
    struct plain_cache *next;
    void *cells_mem[2];
    struct plain_bin bins[PLAIN_GROUPS][CLASS_COUNT];
    struct plain_shelf shelves[PLAIN_GROUPS][CLASS_COUNT];
};

/* Whole lists that no thread holds. */
struct plain_depot {
    struct os_lock lock;
    struct plain_shelf shelves[CLASS_COUNT];
};

struct plain {
    uint64_t secret;
    uint64_t id; /* of the pool, never used again: tells whether a thread's cache is of this one */
    struct plain_cache *caches;
    struct plain_depot depots[PLAIN_GROUPS];
    void **origins; /* to be freed with the pool */
    uint32_t origin_count;
};

struct origin {
    uint64_t seq;
    uint32_t owner; /* ORIGIN_UNTRACKED set: PL_NOT_TRACKED */
    uint32_t stack;
};
#define ORIGIN_UNTRACKED 0x80000000u

int plain_init(struct pl_pool *pool);
void plain_done(struct pl_pool *pool);
/* Charged and session blocks keep records, in pages of their own, as in a PL_CHECKED pool. */
enum { PL_KEEP_RECORD = PL_QUOTA | PL_SESSION };
/* Other small requests that are not special; paged ones only while paged pool is accessible. 0 or
 * -ENOMEM. */
int plain_alloc(struct pl_pool *pool, const struct pl_request *req, void **ret);
/* Free without a question when nothing is wrong with the block, its tag and header. False: nothing
 * was done. */
bool plain_free_fast(struct pl_pool *pool, void *p, uint32_t tag);
/* Free a live block as plain_locate described it. */
void plain_free(struct pl_pool *pool, const struct record *r);
unsigned plain_check(struct pl_pool *pool, struct record *r, const struct pl_free_request *at,
                     bool *ret_carry_on);
/* The header that the block should have as *r describes it. */
void plain_header(struct pl_pool *pool, const struct record *r, const uint64_t *b, uint64_t ret[2]);
/* `b` heads a list but is damaged: report it, repair what can be repaired. Takes the pool's lock.
 */
void plain_repair(struct pl_pool *pool, struct region *rg, uint64_t *b);
/* Describe the block at `addr` in the page that `what` stands for into *r. False: no block there.
 */
bool plain_locate(const struct pl_pool *pool, const struct region *rg, uintptr_t what,
                  uint64_t addr, struct record *r);
/* Every block of the page at `page`; walk_fn's rules. */
bool plain_walk(struct pl_pool *pool, const struct region *rg, uintptr_t what, uint64_t page,
                walk_fn fn, void *ctx);

#endif
