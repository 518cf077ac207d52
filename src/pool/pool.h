/*
 * The pool: special pool (every block on pages of its own, against guards), ordinary pool (headers,
 * size classes, quarantine), tags, counters, and the records that outlive their blocks.
 *
 * The layer knows no NT type and no rule. What it notices it describes as a `struct pl_event` to a
 * sink given at init, before it changes anything; the sink's owner names the rule and decides.
 *
 * Addresses are deterministic: the same sequence of calls on the same configuration gives the same
 * addresses. The layer's own memory never lies in the pool.
 *
 * Levels: PL_CHECKED watches ordinary blocks too (records, patterns, delayed reuse); PL_PLAIN gives
 * them headers, tags and counters only, and is as fast as a good allocator. Special pool is the same
 * in both.
 *
 * Threads: one host thread uses a pool at a time unless it was made with `threads`. pl_find,
 * pl_check_range, pl_fault and pl_stack_get are PP_ASYNC: usable from the fault path as long as the
 * fault was not in pool code. They take no lock: what they say of a block that another thread frees
 * at that moment may be stale.
 */
#ifndef POOLPROOF_POOL_POOL_H
#define POOLPROOF_POOL_POOL_H

#include "base/base.h"

struct pl_pool;
struct pl_depot;

/* ---- Requests ----------------------------------------------------------------------------------
 */

enum pl_flags {
    PL_PAGED = 1u << 0,         /* from paged pool; subject to pl_paged_revoke */
    PL_EXECUTABLE = 1u << 1,    /* mapped executable; without it, executing the block faults */
    PL_SESSION = 1u << 2,       /* counted in the session's tag rows */
    PL_CACHE_ALIGNED = 1u << 3, /* 64-byte alignment */
    PL_ZERO = 1u << 4,          /* zeroed; without it the block is filled with the fresh pattern */
    PL_QUOTA = 1u << 5,         /* charged to `payer` */
    PL_PROTECTED = 1u << 6,     /* freeing needs exactly this tag */
    PL_NO_TAG = 1u << 7,        /* came from an untagged routine: counted as such */
    PL_NOT_TRACKED = 1u << 8,   /* left out of pl_each_live and owner counters (kernel's own) */
};

enum pl_edge {
    PL_EDGE_DEFAULT, /* as configured */
    PL_EDGE_END,     /* the block ends at the guard: catches overruns */
    PL_EDGE_START,   /* the block starts at the guard: catches underruns */
};

enum { PL_PAYERS = 128 };

struct pl_request {
    size_t size;       /* bytes; 0 gives a minimum block of size 0 */
    uint32_t tag;      /* first character in the low byte, without a protection bit */
    uint32_t flags;    /* enum pl_flags */
    enum pl_edge edge; /* special pool only */
    bool special;      /* guarded; falls back to ordinary pool at the byte limit */
    uint8_t irql;      /* recorded */
    uint16_t payer;    /* who the block is charged to, below PL_PAYERS; 0 = nobody */
    uint32_t owner;    /* which driver; 0 is the kernel itself. Small numbers: indexes a table */
    uint32_t attr;     /* the caller's own word (POOL_TYPE as given), kept */
    uint32_t stack;    /* from pl_stack_put; 0 = none */
    uint64_t thread;   /* recorded */
    uint64_t time;     /* virtual time, recorded */
    uint64_t pc;       /* return address of the allocating call, recorded */
};

struct pl_free_request {
    void *p;
    uint32_t tag; /* as given, protection bit (1 << 31) included; 0 = none given */
    uint8_t irql;
    uint32_t owner; /* who frees */
    uint32_t stack;
    uint64_t thread;
    uint64_t time;
    uint64_t pc;
    size_t size; /* when the routine is given one: must equal the block's; 0 = not given */
    bool sized;  /* check `size` */
};

/* ---- What an address is ------------------------------------------------------------------------
 */

enum pl_where {
    PL_NOT_POOL,     /* outside the pool's ranges */
    PL_LIVE,         /* inside a live block */
    PL_REVOKED,      /* in the pages of a live paged block while paged pool is revoked */
    PL_SLACK_BEFORE, /* pages of a live block, before it (patterned) */
    PL_SLACK_AFTER,  /* pages of a live block, after it (patterned) */
    PL_GUARD_BEFORE, /* guard page before the described block, which is the nearer one */
    PL_GUARD_AFTER,  /* guard page after the described block */
    PL_FREED,        /* pages of a freed block; its record is kept */
    PL_FORGOTTEN,    /* freed so long ago that the record was given up (no block described) */
    PL_HEADER,       /* header of the described ordinary block */
    PL_HEAP_FREE,    /* ordinary pool that no block has used yet */
    PL_UNUSED,       /* inside the ranges, never handed out */
};

/* One block, live or freed. All integers copied: stays valid. */
struct pl_block_info {
    enum pl_where where;
    bool has_block; /* the fields below describe a block */
    bool special, live;
    enum pl_edge edge; /* PL_EDGE_END or _START; special pool only */
    uint8_t alloc_irql, free_irql;
    uint16_t payer;
    uint32_t tag, flags, attr;
    uint32_t owner, free_owner;
    uint32_t alloc_stack, free_stack; /* depot ids, 0 = none */
    uint64_t start;                   /* first byte of the block */
    uint64_t size;                    /* as requested */
    int64_t offset;                   /* addr - start */
    uint64_t span_start, span_end;    /* the pages (special, big) or class slot that belong to it */
    uint64_t alloc_seq, free_seq;     /* position among all allocations and frees; from 1 */
    uint64_t alloc_thread, free_thread;
    uint64_t alloc_time, free_time;
    uint64_t alloc_pc, free_pc;
};

/* ---- Events ------------------------------------------------------------------------------------
 */

enum pl_event_kind {
    PL_EV_FREE_UNKNOWN, /* not the address of a block and not in one; `block.where` says what it is
                         */
    PL_EV_FREE_TWICE,   /* block already freed: `block` has both stacks */
    PL_EV_FREE_INSIDE,  /* inside a live block or its pages: `block.offset`, `given` */
    PL_EV_FREE_TAG,     /* other tag than at allocation; `protected_tag` when the rule is strict */
    PL_EV_FREE_SIZE,    /* sized free whose size is not the block's: `given` */
    PL_EV_HEAD_DAMAGED, /* patterned bytes before the block changed */
    PL_EV_TAIL_DAMAGED, /* patterned bytes after the block changed */
    PL_EV_HEADER_DAMAGED, /* ordinary block's header changed */
    PL_EV_FREED_MODIFIED, /* a freed ordinary block was written to */
    PL_EV_COUNT
};

/* What is wrong with an ordinary block's header, as long as one field of it is alone; else the whole. */
enum pl_header_fault {
    PL_HEADER_MANY,           /* several fields, or one that nothing else depends on */
    PL_HEADER_PREVIOUS,       /* size of the block before: another than that block's */
    PL_HEADER_PREVIOUS_LARGE, /* ... reaches back over the start of the page */
    PL_HEADER_PREVIOUS_FIRST, /* ... of the first block of a page, where it is 0 */
    PL_HEADER_SIZE,           /* size: the next header is not where it says */
    PL_HEADER_SIZE_ZERO,
    PL_HEADER_SIZE_LARGE, /* ... reaches over the end of the page */
    PL_HEADER_TYPE,
    PL_HEADER_PAYER, /* the payer's word, of a block that has one */
};

struct pl_event {
    enum pl_event_kind kind;
    bool at_free;            /* found while freeing `address` (else by a check or on reuse) */
    bool protected_tag;      /* FREE_TAG: the block is protected */
    bool single_bit;         /* *_DAMAGED: exactly one bit of one byte differs */
    uint8_t expected, found; /* *_DAMAGED, FREED_MODIFIED: the first bad byte */
    uint32_t tag;            /* FREE_*: tag given */
    uint64_t address;        /* FREE_*: as given; else the block's start */
    uint64_t given;    /* FREE_INSIDE: bytes from address to the end of the span; FREE_SIZE: size */
    enum pl_header_fault fault; /* HEADER_DAMAGED */
    uint64_t header[2];         /* HEADER_DAMAGED: as found; [1] as a payer's word */
    uint64_t bad_addr; /* first bad byte */
    uint64_t bad_last; /* last bad byte */
    uint64_t bad_count; /* how many differ in [bad_addr, bad_last] */
    struct pl_block_info block;
    const struct pl_free_request *free; /* the request, when at_free */
};

/* Called before anything has changed, so it may also leave by unwinding (not return at all).
 * It must not allocate, free or check in the same pool; pl_find and the block's bytes are its to
 * read. Returns true to carry on with the operation where that is possible (free the block despite
 * a wrong tag or damage), false to leave the block as it is. */
typedef bool (*pl_event_fn)(void *ctx, const struct pl_event *ev);

/* ---- Life --------------------------------------------------------------------------------------
 */

/* ---- Observing ---------------------------------------------------------------------------------
 */

/* One allocation or free, just booked. */
struct pl_note {
    bool freed, paged;
    uint8_t irql;
    uint32_t tag, owner, stack; /* owner: whose block it is */
    uint64_t seq;               /* position among all allocations and frees; from 1 */
    uint64_t start, size;       /* as requested */
    uint64_t occupied;          /* as counted by tag */
    uint64_t thread, time, pc;  /* of this call */
    uint64_t alloc_pc;          /* of the allocation */
};
/* Must not call the pool. */
typedef void (*pl_note_fn)(void *ctx, const struct pl_note *note);

struct pl_tag_row;

enum pl_level {
    PL_CHECKED, /* every ordinary block has a record with both stacks, patterns around and in it are
                 * compared at free and before reuse, freed blocks rest before they are used again */
    PL_PLAIN,   /* small ordinary blocks have a header and nothing else: checked at free are header,
                 * tag and freed state, on reuse the freed block's header and first 16 bytes. They
                 * are described by size, tag and flags; no pattern is written; pages of a freed
                 * block serve blocks of its size only. Special and big blocks keep their records */
};

struct pl_config {
    enum pl_level level;
    /* Several host threads use the pool at once. The sink is then called with the pool's lock held
     * and must return. pl_check_all and pl_each_live still want the other threads at rest. */
    bool threads;
    bool origins;       /* PL_PLAIN: keep owner, stack and position of small blocks (16 bytes each);
                         * without it pl_each_live shows them to UINT32_MAX only, by address */
    bool no_statistics; /* PL_PLAIN: small blocks count nowhere */
    /* Guard mechanism: NULL = probe; else "madvise", "userfaultfd", "mprotect". */
    const char *guard;
    uint64_t heap_base;             /* 0x4800_0000_0000; 1 TB */
    uint64_t special_nonpaged_base; /* 0x4900_0000_0000; 512 GB */
    uint64_t special_paged_base;    /* 0x4980_0000_0000; 512 GB */
    enum pl_edge edge;              /* PL_EDGE_END when left 0 */
    bool big_to_end; /* push blocks of a page or more against the guard too: gives up their page
                      * alignment, which drivers may rely on */
    uint64_t special_limit; /* bytes of live special-pool pages; 0 = none */
    uint64_t reuse_after; /* bytes of special address space used up (each kind) before freed chunks'
                           * addresses come back; 0 = 64 GB */
    uint32_t records_max; /* records of freed special blocks kept; 0 = 1048576 */
    uint32_t heap_delay;  /* freed ordinary blocks held back in each size class; 0 = 64 */
    uint64_t pattern_seed;       /* picks the fresh, freed and slack bytes; 0 = the default set */
    struct pl_tag_row *tag_rows; /* zeroed table to use (may be shared memory); NULL = own */
    uint32_t tag_row_count;      /* power of two; 0 = 4096 */
    pl_event_fn event; /* NULL: events are dropped and operations carry on where possible */
    void *event_ctx;
    pl_note_fn note; /* told of every allocation and free; NULL: nobody */
    void *note_ctx;
};

/* Fills in the defaults above (fixed ranges, Verify End, probing). */
void pl_config_init(struct pl_config *cfg);

/* Reserve the ranges and pick the mechanism. Returns 0, -EINVAL (unknown mechanism, bad range),
 * -ENOTSUP (mechanism forced that this kernel lacks), -EEXIST (range taken) or -ENOMEM. */
int pl_pool_new(const struct pl_config *cfg, struct pl_pool **ret);
/* Gives the ranges back; NULL does nothing. Runs no check: call pl_check_all first. */
void pl_pool_free(struct pl_pool *pool);
/* "madvise", "userfaultfd" or "mprotect". */
const char *pl_guard_name(const struct pl_pool *pool);
/* One sentence on the mechanism's limit for the report, or NULL when there is none to speak of. */
const char *pl_guard_notice(const struct pl_pool *pool);
/* Call in the child right after fork(). Returns 0 or -Exxx: the guards are then not to be trusted.
 */
int pl_after_fork(struct pl_pool *pool);
/* Replace the sink (the pool is made before the layers above are). */
void pl_event_set(struct pl_pool *pool, pl_event_fn fn, void *ctx);

/* Bytes that fill memory; none is 00 or FF, so eight of them are never a valid pointer. */
struct pl_patterns {
    uint8_t fresh, freed, slack;
};
struct pl_patterns pl_patterns(const struct pl_pool *pool);

/* What stands in the headers of blocks charged to `payer`, mixed with a secret and the header's address.
 * 0 < payer < PL_PAYERS. */
void pl_payer_set(struct pl_pool *pool, uint16_t payer, uint64_t word);

/* ---- Allocation --------------------------------------------------------------------------------
 */

/* Allocate. Special: 16-byte aligned (64 with PL_CACHE_ALIGNED), page aligned from a page up.
 * Ordinary: 16-byte aligned behind a 16-byte header and never crossing a page; page aligned and
 * without header when the size is above 0xFE0. Returns 0, -EINVAL (size overflows) or -ENOMEM.
 * Works while paged pool is revoked. */
int pl_alloc(struct pl_pool *pool, const struct pl_request *req, void **ret);

/* Bytes that an ordinary block for the request occupies, header included (pl_alloc would take so many). */
uint64_t pl_occupied(const struct pl_request *req);

/* Free. Mistakes are reported as events first. Returns 0 when the block is freed; -ENOENT (no such
 * block), -EALREADY (freed before), -EFAULT (inside a block), -EPERM (the sink refused to carry
 * on). */
int pl_free(struct pl_pool *pool, const struct pl_free_request *req);

/* pl_alloc and pl_free of nonpaged no-execute memory without the request structures: on a PL_PLAIN
 * pool about as fast as malloc. `tag` as in the request (pl_quick_free: 0 = none given).
 * pl_quick_alloc returns NULL when out of memory. */
void *pl_quick_alloc(struct pl_pool *pool, size_t size, uint32_t tag);
int pl_quick_free(struct pl_pool *pool, void *p, uint32_t tag);

/* The calling thread is about to end: others may have the free blocks it holds. What a thread holds
 * that ends without this call is lost until the pool is freed; its counts are not. */
void pl_thread_done(struct pl_pool *pool);

/* Compare the patterned bytes around the live block that starts at `p` (and its header) and report
 * damage as events. Each damage is reported once, at the first check that sees it, then the pattern
 * is repaired. Returns the number of events, or -ENOENT. */
int pl_check_block(struct pl_pool *pool, const void *p);
/* The same for every live block and every freed ordinary block held back. Returns the event count.
 */
unsigned pl_check_all(struct pl_pool *pool);

/* ---- Questions about addresses -----------------------------------------------------------------
 */

/* What `addr` is; fills *ret (has_block false when there is none). PP_ASYNC. */
enum pl_where pl_find(const struct pl_pool *pool, uint64_t addr, struct pl_block_info *ret);

/* Is [addr, addr + size) fine to touch as far as the pool can say? True when it starts outside the
 * pool or stays inside one live block (size 0 is always fine). False: *ret describes the block it
 * leaves, or the freed block, slack or guard it starts in (ret->where: PL_LIVE means "starts
 * inside, leaves"). Paged blocks count as live here even while revoked. PP_ASYNC, about 10 ns. */
bool pl_check_range(const struct pl_pool *pool, uint64_t addr, uint64_t size,
                    struct pl_block_info *ret);

/* A fault at `addr`: true when the pool has made the page accessible and the access may be retried:
 * paged pool after pl_paged_relax (parked blocks, once there are any). Ask before pl_find.
 * PP_ASYNC. */
bool pl_fault(struct pl_pool *pool, uint64_t addr);

/* Every live block of `owner` (UINT32_MAX: of all), in allocation order; PL_NOT_TRACKED ones only
 * with UINT32_MAX. `fn` returns false to stop; it may free the block it is shown. Returns the
 * number of blocks shown, or -ENOMEM. */
typedef bool (*pl_live_fn)(void *ctx, const struct pl_block_info *block);
int pl_each_live(struct pl_pool *pool, uint32_t owner, pl_live_fn fn, void *ctx);

/* ---- Paged pool --------------------------------------------------------------------------------
 */

/* Make all paged pool inaccessible, contents kept: at most one system call for each of its two
 * ranges, none when already revoked or when no paged block lives. With the mprotect mechanism
 * restoring costs a call for each live block. Returns 0 or -Exxx (then nothing is revoked). */
int pl_paged_revoke(struct pl_pool *pool);
int pl_paged_restore(struct pl_pool *pool);
/* Paged pool may be touched again, but make it accessible only when somebody does: no system call
 * now, nor at the next revoke if nothing was touched. Faults must then go through pl_fault, those
 * of our own code included; a system call given a paged buffer would fail with EFAULT. */
void pl_paged_relax(struct pl_pool *pool);
bool pl_paged_is_revoked(const struct pl_pool *pool);

/* ---- Counters ----------------------------------------------------------------------------------
 */

enum { PL_NONPAGED_ROW = 0, PL_PAGED_ROW = 1 };

/* One side (paged or nonpaged) of a tag. Fixed layout. */
struct pl_tag_side {
    uint32_t allocs, frees; /* wrap at 32 bits, as the Windows tools read them */
    uint64_t allocs64, frees64;
    uint64_t bytes; /* occupied: class slot, whole pages; special pool: as requested */
    uint64_t peak_bytes;
    uint64_t requested; /* as requested; small blocks of a PL_PLAIN pool: rounded up to 16 */
    uint64_t peak_live; /* most blocks alive at once */
};

/* Threads of a PL_PLAIN pool count for themselves; the rows are exact after pl_tags_update (which
 * pl_tag_rows, pl_tag_find and pl_counters call), and their peaks are the most that an update saw.
 * In a PL_CHECKED pool the rows are exact at any time. */
void pl_tags_update(struct pl_pool *pool);

/* A row of the tag table: open addressing by tag, linear probing, rows never leave. `tag` 0 =
 * empty. When the table is full the last row, tag `Ovfl`, collects the rest. */
struct pl_tag_row {
    uint32_t tag;
    uint32_t pad;
    struct pl_tag_side side[2]; /* PL_NONPAGED_ROW, PL_PAGED_ROW */
};

const struct pl_tag_row *pl_tag_rows(struct pl_pool *pool, uint32_t *ret_count);
/* The same table for PL_SESSION blocks: they are in this one only. */
const struct pl_tag_row *pl_session_rows(const struct pl_pool *pool, uint32_t *ret_count);
/* NULL when the tag was never used. */
const struct pl_tag_row *pl_tag_find(struct pl_pool *pool, uint32_t tag);

struct pl_owner_row {
    uint64_t allocs[2], frees[2]; /* indexed PL_NONPAGED_ROW, PL_PAGED_ROW */
    uint64_t live[2], peak_live[2];
    uint64_t bytes[2], peak_bytes[2]; /* as requested */
};
/* NULL when the owner never allocated. Valid until the next allocation. Small blocks of a PL_PLAIN
 * pool are not counted by owner. */
const struct pl_owner_row *pl_owner_find(const struct pl_pool *pool, uint32_t owner);

struct pl_counters {
    uint64_t attempted, succeeded, succeeded_special, no_tag, failed, not_tracked;
    uint64_t frees;
    uint64_t live, live_special, live_paged;
    uint64_t special_wanted;  /* requests that asked for special pool */
    uint64_t special_limited; /* of these, served by ordinary pool because of the byte limit */
    uint64_t special_failed;  /* of these, served by ordinary pool because guarding failed */
    uint64_t special_bytes;   /* bytes of live special pages, guards not counted */
    uint64_t peak_special_bytes;
    uint64_t unrevoked;         /* freed blocks whose pages could not be made inaccessible */
    uint64_t revokes, restores; /* passes over paged pool that really ran */
    uint64_t events[PL_EV_COUNT];
};
const struct pl_counters *pl_counters(struct pl_pool *pool);
/* Position of the newest allocation or free: blocks allocated later have a larger alloc_seq. */
uint64_t pl_seq(const struct pl_pool *pool);

/* ---- Stack depot -------------------------------------------------------------------------------
 */

enum { PL_STACK_MAX = 24 };

struct pl_depot *pl_depot_new(void);
void pl_depot_free(struct pl_depot *depot);
/* Keep `pc` [count] (innermost first; cut at PL_STACK_MAX) once. Returns its id, the same for the
 * same stack; 0 for an empty stack or when out of memory. Ids count up from 1. */
uint32_t pl_stack_put(struct pl_depot *depot, const uint64_t *pc, unsigned count);
/* The frames of `id`, valid as long as the depot; NULL and *ret_count 0 for id 0 or an unknown one.
 */
const uint64_t *pl_stack_get(const struct pl_depot *depot, uint32_t id, unsigned *ret_count);

#endif
