/*
 * Small blocks of a PL_PLAIN pool: what they are, from their headers alone, and whether these are
 * sound.
 *
 * Nothing but headers and links tells about a block, and either half of each follows from the
 * other: so a damaged half can be told from the sound one, blocks are described and freed in spite
 * of damage, and lists survive it.
 */
#include <string.h>

#include "pool/plain_block.h"

static bool note_fits(const struct pl_pool *pool, uint32_t note, uint32_t tag, uint32_t units)
{
    uint32_t index = note >> INDEX_SHIFT, key;

    if ((note & SLACK_MASK) > units * UNIT - HEADER_SIZE || index > pool->tags.mask)
        return false;
    key = pool->tags.keys[index];
    return pool->cfg.no_statistics ? !index : key == tags_key(tag) || key == tags_key(TAG_OVERFLOW);
}

/* What the second half of a header says the first was while the block was live, and the note: the
 * head is known but for its tag and one bit, so the rest follows. False: the second half is
 * damaged. */
static bool header_recover(const struct pl_pool *pool, const uint64_t *b, const struct record *r,
                           uint64_t *ret_head, uint32_t *ret_note)
{
    static const uint64_t bits[] = {0, HEAD_PROTECTED};
    uint64_t known = b[1] ^ pool->plain->secret ^ (uintptr_t)b, both;
    unsigned i;

    for (i = 0; i < PP_COUNT(bits); i++) {
        uint64_t head = header_sizes(b, r) | header_type(r) | bits[i];
        uint32_t note, tag;

        both = known ^ twist_of(head);
        note = (uint32_t)(both ^ head);
        tag = (uint32_t)(both >> 32) ^ note;
        if (!note_fits(pool, note, tag & ~TAG_PROTECTED, r->units) ||
            !(tag & TAG_PROTECTED) != !(bits[i] & HEAD_PROTECTED))
            continue;
        *ret_head = head | (uint64_t)tag << 32;
        *ret_note = note;
        return true;
    }
    return false;
}

/* The second half is damaged: the first must do, with the note that fits it, if any does. */
static void header_believe(const struct pl_pool *pool, const uint64_t *b, const struct record *r,
                           uint64_t *ret_head, uint32_t *ret_note)
{
    uint64_t head = header_sizes(b, r) | header_type(r) | b[0] >> 32 << 32, notes;
    uint32_t tag = (uint32_t)(head >> 32) & ~TAG_PROTECTED;

    head |= b[0] & HEAD_PROTECTED;
    notes = notes_of(pool->plain->secret, b, head) ^ twist_of(head);
    *ret_head = head;
    *ret_note = 0;
    if (note_fits(pool, (uint32_t)notes, tag, r->units))
        *ret_note = (uint32_t)notes;
    else if (note_fits(pool, (uint32_t)(notes >> 32), tag, r->units))
        *ret_note = (uint32_t)(notes >> 32);
}

/* Live or freed, as well as a damaged header lets one tell. `head` is what a live block's should
 * be. A link that fits may also be left from before, so it is asked last. */
static enum record_state block_state(const struct pl_pool *pool, const uint64_t *b, uint64_t head)
{
    uint64_t freed = head & ~(TYPE_MASK | HEAD_PROTECTED), wrong = b[0] ^ head;

    if (!(wrong & SIZES_MASK) && !(b[0] & TYPE_MASK))
        return RECORD_FREED;
    if (!(wrong & TYPE_MASK) || (!(wrong & SIZES_MASK) && b[0] & TYPE_IN_USE << TYPE_SHIFT))
        return RECORD_LIVE;
    return (b[2] ^ b[3]) == (pool->plain->secret ^ (uintptr_t)b ^ freed) ? RECORD_FREED
                                                                         : RECORD_LIVE;
}

/* Tag, size and state from the header, or from what is left of it. */
static void describe_header(const struct pl_pool *pool, const uint64_t *b, struct record *r)
{
    uint64_t head;
    uint32_t note;

    if (!header_recover(pool, b, r, &head, &note))
        header_believe(pool, b, r, &head, &note);
    r->state = (uint8_t)block_state(pool, b, head);
    r->tag = (uint32_t)(head >> 32) & ~TAG_PROTECTED;
    if (head & HEAD_PROTECTED)
        r->flags |= PL_PROTECTED;
    r->size -= note & SLACK_MASK;
}

static void describe_origin(uintptr_t what, const uint64_t *b, struct record *r)
{
    const struct origin *o = origin_of(what, b);

    r->alloc_seq = o->seq;
    r->owner = o->owner & ~ORIGIN_UNTRACKED;
    r->alloc_stack = o->stack;
    if (o->owner & ORIGIN_UNTRACKED)
        r->flags |= PL_NOT_TRACKED;
}

/* While paged pool is revoked its headers cannot be read: the block is then taken for a live one
 * that fills its place. */
static void describe(const struct pl_pool *pool, const struct region *rg, uintptr_t what,
                     const uint64_t *b, struct record *r)
{
    uint32_t units = what_units(what), first = what_first(what);

    *r = (struct record){.start = (uintptr_t)b + HEADER_SIZE,
                         .size = units * UNIT - HEADER_SIZE,
                         .kind = RECORD_PLAIN,
                         .state = RECORD_LIVE,
                         .units = (uint16_t)units};
    r->flags = (uint16_t)((rg->paged ? PL_PAGED : 0u) | (rg->exec ? PL_EXECUTABLE : 0u) |
                          (first ? PL_CACHE_ALIGNED : 0u));
    if (!rg->revoked)
        describe_header(pool, b, r);
    if (what_origins(what))
        describe_origin(what, b, r);
}

bool plain_locate(const struct pl_pool *pool, const struct region *rg, uintptr_t what,
                  uint64_t addr, struct record *r)
{
    uint32_t first = what_first(what), stride = what_units(what) * UNIT;
    uint32_t offset = (uint32_t)(addr & (PAGE - 1)) - first;
    uint64_t *b = (uint64_t *)(uintptr_t)(addr - offset % stride);

    if (offset >= (PAGE - first) / stride * stride) /* before the first one: wraps to a large one */
        return false;
    if (!rg->revoked && notes_of(pool->plain->secret, b, b[0]) == SLACK_UNUSED * TWICE)
        return false;
    describe(pool, rg, what, b, r);
    return true;
}

bool plain_walk(struct pl_pool *pool, const struct region *rg, uintptr_t what, uint64_t page,
                walk_fn fn, void *ctx)
{
    uint32_t first = what_first(what), stride = what_units(what) * UNIT, at;
    struct record r;

    for (at = first; at + stride <= PAGE; at += stride)
        if (plain_locate(pool, rg, what, page + at, &r) && !fn(ctx, &r))
            return false;
    return true;
}

/* ---- checks ---- */

static unsigned report(struct pl_pool *pool, const struct record *r, struct pl_event *ev,
                       bool *ret_carry_on)
{
    pool_describe(pool, r, r->state == RECORD_LIVE ? PL_LIVE : PL_FREED, r->start, &ev->block);
    if (!pool_emit(pool, ev))
        *ret_carry_on = false;
    return 1;
}

void plain_header(struct pl_pool *pool, const struct record *r, const uint64_t *b, uint64_t ret[2])
{
    uint64_t head = header_sizes(b, r), secret = pool->plain->secret ^ (uintptr_t)b, tag;
    uint32_t note = (uint32_t)(r->units * (uint64_t)UNIT - HEADER_SIZE - r->size);

    ret[0] = head;
    ret[1] = b[1];
    if ((b[1] ^ secret ^ head) == SLACK_UNUSED * TWICE)
        return; /* never handed out */
    tag = r->tag | (r->flags & PL_PROTECTED ? TAG_PROTECTED : 0);
    if (!pool->cfg.no_statistics)
        note |= tags_index(pool, tags_key(r->tag)) << INDEX_SHIFT;
    head |= header_type(r) | tag << 32;
    ret[0] = r->state == RECORD_LIVE ? head : head & ~(TYPE_MASK | HEAD_PROTECTED);
    ret[1] = secret ^ head ^ note * TWICE ^ twist_of(head);
}

static unsigned check_header(struct pl_pool *pool, const struct record *r, uint64_t *b,
                             struct pl_event *ev, bool *ret_carry_on)
{
    uint64_t h[2];

    plain_header(pool, r, b, h);
    if (!pool_damage_bytes((const uint8_t *)b, (const uint8_t *)h, sizeof h, ev))
        return 0;
    ev->kind = PL_EV_HEADER_DAMAGED;
    ev->header[0] = b[0];
    ev->header[1] = b[1] ^ pool->plain->secret ^ (uintptr_t)b;
    ev->fault = heap_header_fault(r, h, b[0], b[1]);
    (void)report(pool, r, ev, ret_carry_on); /* counted below */
    if (!ev->at_free)
        memcpy(b, h, sizeof h);
    return 1;
}

/* Can `next` follow `b` in a list? */
static bool link_is_plausible(const struct region *rg, const uint64_t *b, uint64_t next)
{
    const uint64_t *n = (const uint64_t *)(uintptr_t)next;
    uintptr_t what;

    if (!next)
        return true;
    if (next < rg->start || next >= rg->heap->next || next % UNIT)
        return false;
    what = heap_what(rg, next);
    return (what & PAGE_KIND) == PAGE_PLAIN &&
           what_units(what) == what_units(heap_what(rg, (uintptr_t)b)) &&
           (n[0] >> TYPE_SHIFT & 0xFF) == 0;
}

/* The link is kept twice: when it is clear which copy survived, so does the list. */
static unsigned check_link(struct pl_pool *pool, const struct record *r, uint64_t *b,
                           struct pl_event *ev, bool *ret_carry_on)
{
    const struct region *rg = &pool->regions[heap_region(r->flags)];
    uint64_t one = b[2] ^ pool->plain->secret, other = b[3] ^ (uintptr_t)b ^ b[0], next = 0, h[2];

    if (link_is_valid(pool->plain->secret, b))
        return 0;
    if (link_is_plausible(rg, b, one) != link_is_plausible(rg, b, other))
        next = link_is_plausible(rg, b, one) ? one : other;
    h[0] = next ^ pool->plain->secret;
    h[1] = next ^ (uintptr_t)b ^ b[0];
    (void)pool_damage_bytes((const uint8_t *)(b + 2), (const uint8_t *)h, sizeof h, ev);
    ev->kind = PL_EV_FREED_MODIFIED;
    (void)report(pool, r, ev, ret_carry_on); /* counted below */
    memcpy(b + 2, h, sizeof h);
    return 1;
}

unsigned plain_check(struct pl_pool *pool, struct record *r, const struct pl_free_request *at,
                     bool *ret_carry_on)
{
    struct pl_event ev = {.at_free = at != NULL, .address = r->start, .free = at};
    uint64_t *b = (uint64_t *)(uintptr_t)(r->start - HEADER_SIZE);
    unsigned found = check_header(pool, r, b, &ev, ret_carry_on);

    return r->state == RECORD_FREED ? found + check_link(pool, r, b, &ev, ret_carry_on) : found;
}

void plain_repair(struct pl_pool *pool, struct region *rg, uint64_t *b)
{
    struct record r;
    bool carry_on;

    pool_lock(pool);
    describe(pool, rg, heap_what(rg, (uintptr_t)b), b, &r);
    r.state = RECORD_FREED;                       /* it is in a list, whatever its header says */
    (void)plain_check(pool, &r, NULL, &carry_on); /* reported; use it anyway */
    pool_unlock(pool);
}
