/*
 * The pool's front: life, allocation and free as callers see them, questions about addresses, paged
 * pool as a whole. What kind of pool serves a block is special.c's and heap.c's business.
 */
#include <errno.h>
#include <string.h>

#include "pool/plain_priv.h"

/* ---- life ---- */

void pl_config_init(struct pl_config *cfg)
{
    *cfg = (struct pl_config){
        .heap_base = 0x480000000000ull,
        .special_nonpaged_base = 0x490000000000ull,
        .special_paged_base = 0x498000000000ull,
        .edge = PL_EDGE_END,
    };
}

/* 1 TB of ordinary pool and 512 GB of each special pool, shared out. */
#define QUARTER_TB (256ull << 30)

static int regions_init(struct pl_pool *pool)
{
    const struct pl_config *cfg = &pool->cfg;
    int err;

    err = region_init(pool, REGION_HEAP, cfg->heap_base, QUARTER_TB);
    if (!err)
        err = region_init(pool, REGION_HEAP_EXEC, cfg->heap_base + QUARTER_TB, QUARTER_TB);
    if (!err)
        err = region_init(pool, REGION_HEAP_PAGED, cfg->heap_base + 2 * QUARTER_TB, 2 * QUARTER_TB);
    if (!err)
        err = region_init(pool, REGION_SPECIAL, cfg->special_nonpaged_base, QUARTER_TB);
    if (!err)
        err = region_init(pool, REGION_SPECIAL_EXEC, cfg->special_nonpaged_base + QUARTER_TB,
                          QUARTER_TB);
    if (!err)
        err = region_init(pool, REGION_SPECIAL_PAGED, cfg->special_paged_base, 2 * QUARTER_TB);
    return err;
}

/* Three different bytes, none 00 or FF (so that eight of them are no canonical address), none
 * common in programs (CC, CD, 90, AA, 55 ...). */
static struct pl_patterns patterns_pick(uint64_t seed)
{
    static const uint8_t bytes[] = {0xB5, 0xD3, 0xA7, 0x9B, 0xE9, 0xC7, 0x8D, 0xF3,
                                    0xB9, 0xD9, 0x97, 0xEB, 0xA3, 0xC5, 0x8B, 0xE5};
    struct pp_random rnd;
    unsigned a = 0, b = 1, c = 2;

    if (seed) {
        pp_random_init(&rnd, seed);
        a = (unsigned)pp_random_below(&rnd, PP_COUNT(bytes));
        b = (a + 1 + (unsigned)pp_random_below(&rnd, 5)) % PP_COUNT(bytes);
        c = (b + 1 + (unsigned)pp_random_below(&rnd, 5)) % PP_COUNT(bytes);
    }
    return (struct pl_patterns){.fresh = bytes[a], .freed = bytes[b], .slack = bytes[c]};
}

static int patterns_init(struct pl_pool *pool)
{
    uint8_t *p;

    pool->pat = patterns_pick(pool->cfg.pattern_seed);
    pool->pages_mem = pp_new(5 * PAGE);
    if (!pool->pages_mem)
        return -ENOMEM;
    p = (uint8_t *)(uintptr_t)pp_align_up((uintptr_t)pool->pages_mem, PAGE);
    pool->zero_page = p;
    pool->fresh_page = memset(p + PAGE, pool->pat.fresh, PAGE);
    pool->freed_page = memset(p + 2 * PAGE, pool->pat.freed, PAGE);
    pool->slack_page = memset(p + 3 * PAGE, pool->pat.slack, PAGE);
    return 0;
}

int pl_pool_new(const struct pl_config *cfg, struct pl_pool **ret)
{
    struct pl_pool *pool = pp_new(sizeof *pool);
    struct pp_random rnd;
    int err;

    if (!pool)
        return -ENOMEM;
    pool->cfg = *cfg;
    if (!pool->cfg.edge)
        pool->cfg.edge = PL_EDGE_END;
    if (!pool->cfg.reuse_after)
        pool->cfg.reuse_after = 64ull << 30;
    if (!pool->cfg.records_max)
        pool->cfg.records_max = 1u << 20;
    if (!pool->cfg.heap_delay)
        pool->cfg.heap_delay = 64;
    pp_list_init(&pool->retired);
    pp_list_init(&pool->chunk_free);
    os_lock_init(&pool->lock);
    pool->quick_id = UINT64_MAX;
    pp_random_init(&rnd, cfg->pattern_seed + 1);
    pool->cookie = pp_random_next(&rnd);
    pool->guard.fd = -1;
    err = os_guard_probe(cfg->guard, &pool->guard);
    if (!err)
        err = patterns_init(pool);
    if (!err)
        err = tags_init(pool);
    if (!err)
        err = regions_init(pool);
    if (!err && cfg->level == PL_PLAIN)
        err = plain_init(pool);
    if (err) {
        pl_pool_free(pool);
        return err;
    }
    *ret = pool;
    return 0;
}

void pl_pool_free(struct pl_pool *pool)
{
    struct pp_list *it, *tmp;
    uint32_t i;

    if (!pool)
        return;
    plain_done(pool);
    for (i = 0; i < REGION_COUNT; i++)
        region_done(pool, &pool->regions[i]);
    PP_LIST_EACH_SAFE(it, tmp, &pool->chunk_free)
    pp_free(PP_CONTAINER(it, struct chunk, link));
    os_guard_done(&pool->guard);
    for (i = 0; i < pool->record_block_count; i++)
        pp_free(pool->record_blocks[i]);
    pp_free(pool->record_blocks);
    tags_done(pool);
    pp_free(pool->pages_mem);
    os_lock_done(&pool->lock);
    pp_free(pool);
}

const char *pl_guard_name(const struct pl_pool *pool)
{
    return os_guard_name(&pool->guard);
}

const char *pl_guard_notice(const struct pl_pool *pool)
{
    return os_guard_notice(&pool->guard);
}

int pl_after_fork(struct pl_pool *pool)
{
    return os_guard_fork_child(&pool->guard);
}

void pl_event_set(struct pl_pool *pool, pl_event_fn fn, void *ctx)
{
    pool->cfg.event = fn;
    pool->cfg.event_ctx = ctx;
}

struct pl_patterns pl_patterns(const struct pl_pool *pool)
{
    return pool->pat;
}

void pl_payer_set(struct pl_pool *pool, uint16_t payer, uint64_t word)
{
    PP_ASSERT(payer && payer < PL_PAYERS);
    pool->payer_words[payer] = word;
}

uint64_t pl_seq(const struct pl_pool *pool)
{
    return pool->seq;
}

const struct pl_counters *pl_counters(struct pl_pool *pool)
{
    pl_tags_update(pool);
    return &pool->count;
}

/* ---- shared by special.c and heap.c ---- */

bool pool_emit(struct pl_pool *pool, struct pl_event *ev)
{
    pool->count.events[ev->kind]++;
    return pool->cfg.event ? pool->cfg.event(pool->cfg.event_ctx, ev) : true;
}

static void describe_span(const struct record *r, struct pl_block_info *ret)
{
    switch (r->kind) {
    case RECORD_SMALL:
    case RECORD_PLAIN:
        ret->span_start = r->start - HEADER_SIZE;
        ret->span_end = ret->span_start + heap_occupied(r);
        break;
    default:
        ret->span_start = pp_align_down(r->start, PAGE);
        ret->span_end = ret->span_start + r->pages * (uint64_t)PAGE;
        break;
    }
}

void pool_describe(const struct pl_pool *pool, const struct record *r, enum pl_where where,
                   uint64_t addr, struct pl_block_info *ret)
{
    (void)pool;
    memset(ret, 0, sizeof *ret);
    ret->where = where;
    if (!r)
        return;
    ret->has_block = true;
    ret->special = r->kind == RECORD_SPECIAL;
    ret->live = r->state == RECORD_LIVE;
    ret->edge = (enum pl_edge)r->edge;
    ret->alloc_irql = r->alloc_irql;
    ret->tag = r->tag;
    ret->flags = r->flags;
    ret->attr = r->attr;
    ret->owner = r->owner;
    ret->payer = r->payer;
    ret->alloc_stack = r->alloc_stack;
    ret->start = r->start;
    ret->size = r->size;
    ret->offset = (int64_t)(addr - r->start);
    describe_span(r, ret);
    ret->alloc_seq = r->alloc_seq;
    ret->alloc_thread = r->alloc_thread;
    ret->alloc_time = r->alloc_time;
    ret->alloc_pc = r->alloc_pc;
    if (ret->live)
        return;
    ret->free_irql = r->free_irql;
    ret->free_owner = r->free_owner;
    ret->free_stack = r->free_stack;
    ret->free_seq = r->free_seq;
    ret->free_thread = r->free_thread;
    ret->free_time = r->free_time;
    ret->free_pc = r->free_pc;
}

void pool_record_alloc(struct pl_pool *pool, struct record *r, const struct pl_request *req,
                       uint64_t start)
{
    r->start = start;
    r->size = req->size;
    r->alloc_seq = ++pool->seq;
    r->alloc_thread = req->thread;
    r->alloc_time = req->time;
    r->alloc_pc = req->pc;
    r->tag = req->tag;
    r->owner = req->owner;
    r->state = RECORD_LIVE;
    r->flags = (uint16_t)req->flags;
    r->alloc_irql = req->irql;
    r->alloc_stack = req->stack;
    r->attr = req->attr;
    r->payer = req->payer;
    r->seen = 0;
    tags_alloc(pool, r);
}

bool pool_damage_bytes(const uint8_t *p, const uint8_t *expected, size_t size, struct pl_event *ev)
{
    size_t i, last = 0;

    ev->bad_count = 0;
    for (i = 0; i < size; i++) {
        if (p[i] == expected[i])
            continue;
        if (!ev->bad_count++) {
            ev->bad_addr = (uintptr_t)p + i;
            ev->expected = expected[i];
            ev->found = p[i];
        }
        last = i;
    }
    if (!ev->bad_count)
        return false;
    ev->bad_last = (uintptr_t)p + last;
    ev->single_bit =
        ev->bad_count == 1 && __builtin_popcount((unsigned)(ev->expected ^ ev->found)) == 1;
    return true;
}

bool pool_damage(const uint8_t *p, size_t size, const uint8_t *page, struct pl_event *ev)
{
    size_t done, n;
    bool clean = true;

    for (done = 0; done < size && clean; done += n) {
        n = PP_MIN(size - done, (size_t)PAGE);
        clean = !memcmp(p + done, page, n);
    }
    if (clean)
        return false;
    /* The bytes up to here are clean but for the last piece: join what the pieces say. */
    ev->bad_count = 0;
    for (done -= n; done < size; done += n) {
        struct pl_event piece = {0};

        n = PP_MIN(size - done, (size_t)PAGE);
        if (!pool_damage_bytes(p + done, page, n, &piece))
            continue;
        if (!ev->bad_count) {
            ev->bad_addr = piece.bad_addr;
            ev->expected = piece.expected;
            ev->found = piece.found;
            ev->single_bit = piece.single_bit;
        } else {
            ev->single_bit = false;
        }
        ev->bad_count += piece.bad_count;
        ev->bad_last = piece.bad_last;
    }
    return true;
}

/* ---- paged pool as a whole ---- */

static int paged_apply(struct pl_pool *pool)
{
    struct region *a = &pool->regions[REGION_SPECIAL_PAGED], *b = &pool->regions[REGION_HEAP_PAGED];
    bool was_a = a->revoked, was_b = b->revoked;
    int err;

    err = region_revoke(pool, a);
    if (!err)
        err = region_revoke(pool, b);
    if (err)
        (void)region_restore(pool, a); /* all or nothing; `err` tells */
    else if (a->revoked != was_a || b->revoked != was_b)
        pool->count.revokes++;
    return err;
}

int paged_open(struct pl_pool *pool)
{
    int err = region_restore(pool, &pool->regions[REGION_SPECIAL_PAGED]);

    return err ? err : region_restore(pool, &pool->regions[REGION_HEAP_PAGED]);
}

void paged_close(struct pl_pool *pool)
{
    if (pool->revoke_wanted)
        (void)paged_apply(pool); /* a missed revocation costs a finding, not the run */
}

int pl_paged_revoke(struct pl_pool *pool)
{
    int err = pool->cfg.threads ? -ENOTSUP : paged_apply(pool);

    pool->revoke_wanted = !err;
    return err;
}

int pl_paged_restore(struct pl_pool *pool)
{
    struct region *a = &pool->regions[REGION_SPECIAL_PAGED], *b = &pool->regions[REGION_HEAP_PAGED];

    pool->revoke_wanted = false;
    if (!a->revoked && !b->revoked)
        return 0;
    pool->count.restores++;
    return paged_open(pool);
}

void pl_paged_relax(struct pl_pool *pool)
{
    pool->revoke_wanted = false;
}

bool pl_paged_is_revoked(const struct pl_pool *pool)
{
    return pool->revoke_wanted;
}

/* ---- allocation ---- */

static int alloc_any(struct pl_pool *pool, const struct pl_request *req, void **ret)
{
    int err;

    if (!req->special)
        return heap_alloc(pool, req, ret);
    pool->count.special_wanted++;
    err = special_alloc(pool, req, ret);
    if (!err) {
        pool->count.succeeded_special++;
        return 0;
    }
    if (heap_alloc(pool, req, ret))
        return -ENOMEM;
    if (err == -EDQUOT)
        pool->count.special_limited++;
    else
        pool->count.special_failed++;
    return 0;
}

/* Under the pool's lock: everything but small blocks of a PL_PLAIN pool, which count elsewhere. */
static int alloc_counted(struct pl_pool *pool, const struct pl_request *req, void **ret)
{
    bool paged = req->flags & PL_PAGED;
    int err = 0;

    pool->count.attempted++;
    if (req->flags & PL_NO_TAG)
        pool->count.no_tag++;
    if (req->flags & PL_NOT_TRACKED)
        pool->count.not_tracked++;
    if (paged)
        err = paged_open(pool);
    if (!err)
        err = alloc_any(pool, req, ret);
    if (err) {
        pool->count.failed++;
    } else {
        pool->count.succeeded++;
        pool->count.live++;
        pool->count.live_paged += paged;
    }
    if (paged)
        paged_close(pool);
    return err;
}

static int alloc_plain(struct pl_pool *pool, const struct pl_request *req, void **ret)
{
    int err = 0;

    if (!(req->flags & PL_PAGED))
        return plain_alloc(pool, req, ret);
    err = paged_open(pool); /* never closed in a pool for several threads: no lock */
    if (!err)
        err = plain_alloc(pool, req, ret);
    paged_close(pool);
    return err;
}

int pl_alloc(struct pl_pool *pool, const struct pl_request *req, void **ret)
{
    int err;

    if (pool->plain && !req->special && heap_is_small(req) && !(req->flags & PL_KEEP_RECORD)) {
        err = alloc_plain(pool, req, ret);
        if (err) {
            pool_lock(pool);
            pool->count.attempted++;
            pool->count.failed++;
            pool_unlock(pool);
        }
        return err;
    }
    pool_lock(pool);
    err = alloc_counted(pool, req, ret);
    pool_unlock(pool);
    return err;
}

/* ---- free ---- */

struct target {
    struct region *rg;
    struct chunk *chunk; /* special only */
    struct record *r;
    enum pl_where where;
    struct record room; /* for a block without a record of its own; set only when `r` is it */
};

static void target_find(const struct pl_pool *pool, uint64_t addr, struct target *ret)
{
    ret->rg = region_of(pool, addr);
    ret->r = NULL;
    ret->where = PL_NOT_POOL;
    if (!ret->rg)
        return;
    if (ret->rg->special)
        ret->where = special_locate(ret->rg, addr, &ret->r, &ret->chunk);
    else
        ret->where = heap_locate(pool, ret->rg, addr, &ret->room, &ret->r);
}

/* The address is not that of a live block: say what it is. */
static int free_refuse(struct pl_pool *pool, const struct pl_free_request *req,
                       const struct target *t)
{
    uint64_t addr = (uintptr_t)req->p;
    struct pl_event ev = {
        .at_free = true, .tag = req->tag, .address = addr, .free = req, .kind = PL_EV_FREE_UNKNOWN};
    int err = -ENOENT;

    pool_describe(pool, t->r, t->where, addr, &ev.block);
    if (t->r && t->r->state == RECORD_FREED && addr == t->r->start) {
        ev.kind = PL_EV_FREE_TWICE;
        err = -EALREADY;
    } else if (t->r && addr >= ev.block.span_start && addr < ev.block.span_end) {
        ev.kind = PL_EV_FREE_INSIDE;
        ev.given = ev.block.span_end - addr;
        err = -EFAULT;
    }
    (void)pool_emit(pool, &ev); /* there is nothing to carry on with */
    return err;
}

static bool tag_is_wrong(const struct pl_free_request *req, const struct record *r)
{
    /* A protected block wants its tag with the protection bit; else the bit means nothing. */
    if (r->flags & PL_PROTECTED)
        return req->tag != (r->tag | TAG_PROTECTED);
    return req->tag && (req->tag ^ r->tag) & ~TAG_PROTECTED;
}

static bool size_is_wrong(const struct pl_free_request *req, const struct record *r)
{
    return req->sized && req->size != r->size;
}

/* The request does not fit the block's record. Returns false when the sink refuses to carry on. */
static bool free_mismatch(struct pl_pool *pool, const struct pl_free_request *req,
                          const struct record *r)
{
    struct pl_event ev = {.at_free = true, .tag = req->tag, .address = r->start, .free = req};
    bool go = true;

    pool_describe(pool, r, PL_LIVE, r->start, &ev.block);
    if (tag_is_wrong(req, r)) {
        ev.kind = PL_EV_FREE_TAG;
        ev.protected_tag = r->flags & PL_PROTECTED;
        go = pool_emit(pool, &ev);
    }
    if (size_is_wrong(req, r)) {
        ev.kind = PL_EV_FREE_SIZE;
        ev.given = req->size;
        go &= pool_emit(pool, &ev);
    }
    return go;
}

static void free_commit(struct pl_pool *pool, const struct pl_free_request *req,
                        const struct target *t)
{
    struct record *r = t->r;

    if (r == &t->room) {
        plain_free(pool, r);
        return;
    }
    r->state = RECORD_FREED;
    r->free_seq = ++pool->seq;
    r->free_thread = req->thread;
    r->free_time = req->time;
    r->free_pc = req->pc;
    r->free_stack = req->stack;
    r->free_owner = req->owner;
    r->free_irql = req->irql;
    r->seen = 0;
    tags_free(pool, r);
    pool->count.frees++;
    pool->count.live--;
    pool->count.live_paged -= t->rg->paged;
    if (t->rg->special)
        special_free(pool, t->chunk, r);
    else
        heap_free(pool, t->rg, r);
}

/* Under the pool's lock. */
static int free_checked(struct pl_pool *pool, const struct pl_free_request *req)
{
    struct target t;
    bool go = true;
    int err = 0;

    target_find(pool, (uintptr_t)req->p, &t);
    if (!t.r || t.r->state != RECORD_LIVE || t.r->start != (uintptr_t)req->p)
        return free_refuse(pool, req, &t);
    if (t.rg->revoked)
        err = paged_open(pool);
    if (err)
        return err;
    if (tag_is_wrong(req, t.r) || size_is_wrong(req, t.r))
        go = free_mismatch(pool, req, t.r);
    if (t.rg->special)
        (void)special_check(pool, t.r, req, &go); /* counted as events */
    else
        (void)heap_check(pool, t.r, req, &go);
    if (go)
        free_commit(pool, req, &t);
    if (t.rg->paged)
        paged_close(pool);
    return go ? 0 : -EPERM;
}

int pl_free(struct pl_pool *pool, const struct pl_free_request *req)
{
    int err;

    if (pool->plain) {
        err = paged_open(pool); /* headers lie before the blocks: nothing is known without */
        if (err)
            return err;
        if (!req->sized && plain_free_fast(pool, req->p, req->tag)) {
            paged_close(pool);
            return 0;
        }
    }
    pool_lock(pool);
    err = free_checked(pool, req);
    if (pool->plain)
        paged_close(pool);
    pool_unlock(pool);
    return err;
}

/* ---- checks ---- */

int pl_check_block(struct pl_pool *pool, const void *p)
{
    struct target t;
    bool go;
    int found;

    pool_lock(pool);
    found = pool->plain ? paged_open(pool) : 0;
    if (found)
        goto unlock;
    target_find(pool, (uintptr_t)p, &t);
    found = -ENOENT;
    if (!t.r || t.r->state != RECORD_LIVE || t.r->start != (uintptr_t)p)
        goto close;
    found = t.rg->revoked ? paged_open(pool) : 0;
    if (found)
        goto unlock;
    found = (int)(t.rg->special ? special_check(pool, t.r, NULL, &go)
                                : heap_check(pool, t.r, NULL, &go));
close:
    paged_close(pool);
unlock:
    pool_unlock(pool);
    return found;
}

struct check_all {
    struct pl_pool *pool;
    unsigned found;
};

static bool check_one(void *ctx, struct record *r)
{
    struct check_all *c = ctx;
    bool go;

    if (r->kind != RECORD_SPECIAL)
        c->found += heap_check(c->pool, r, NULL, &go);
    else if (r->state == RECORD_LIVE)
        c->found += special_check(c->pool, r, NULL, &go);
    return true;
}

unsigned pl_check_all(struct pl_pool *pool)
{
    struct check_all c = {.pool = pool};

    pool_lock(pool);
    if (!paged_open(pool)) {
        walk_records(pool, check_one, &c);
        paged_close(pool);
    }
    pool_unlock(pool);
    return c.found;
}

/* ---- questions ---- */

enum pl_where pl_find(const struct pl_pool *pool, uint64_t addr, struct pl_block_info *ret)
{
    struct target t;

    target_find(pool, addr, &t);
    if (pool->revoke_wanted && t.rg && t.rg->revoked && t.r && t.r->state == RECORD_LIVE &&
        t.where != PL_GUARD_BEFORE && t.where != PL_GUARD_AFTER)
        t.where = PL_REVOKED;
    pool_describe(pool, t.r, t.where, addr, ret);
    return t.where;
}

bool pl_check_range(const struct pl_pool *pool, uint64_t addr, uint64_t size,
                    struct pl_block_info *ret)
{
    struct target t;

    if (!size)
        return true;
    target_find(pool, addr, &t);
    if (!t.rg)
        return true;
    if (t.where == PL_LIVE && size <= t.r->size - (addr - t.r->start))
        return true;
    pool_describe(pool, t.r, t.where, addr, ret);
    return false;
}

bool pl_fault(struct pl_pool *pool, uint64_t addr)
{
    struct region *rg = region_of(pool, addr);

    if (!rg || !rg->revoked || pool->revoke_wanted)
        return false;
    /* Once open, a second fault at the same address is a real one. */
    return !pl_paged_restore(pool);
}
