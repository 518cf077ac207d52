/*
 * Stack depot: each distinct stack is kept once and known by a 32-bit id.
 *
 * Frames lie back to back in blocks that never move, so pl_stack_get is a lookup; an open-addressed
 * table of ids finds duplicates by hash.
 *
 * Lock: the depot, for pl_stack_put; pl_stack_get reads what never changes once published.
 */
#include <string.h>

#include "pool/pool.h"

enum { BLOCK_WORDS = 16384, INDEX_BLOCK = 4096, INDEX_BLOCKS = 4096 };

struct stack {
    const uint64_t *pc;
    uint64_t hash;
    uint32_t count;
    uint32_t pad;
};

struct pl_depot {
    struct stack *stacks[INDEX_BLOCKS]; /* each [INDEX_BLOCK]; id - 1 indexes them */
    uint32_t count;
    uint32_t *table; /* ids, 0 = empty */
    uint32_t table_mask;
    uint64_t *words; /* newest block of frames; its first word links to the one before */
    uint32_t words_used;
};

struct pl_depot *pl_depot_new(void)
{
    struct pl_depot *d = pp_new(sizeof *d);

    if (!d)
        return NULL;
    d->table_mask = 1023;
    d->table = pp_new_array(d->table_mask + 1, sizeof *d->table);
    if (!d->table) {
        pp_free(d);
        return NULL;
    }
    d->words_used = BLOCK_WORDS;
    return d;
}

void pl_depot_free(struct pl_depot *depot)
{
    uint64_t *block, *before;
    unsigned i;

    if (!depot)
        return;
    for (block = depot->words; block; block = before) {
        before = (uint64_t *)(uintptr_t)block[0];
        pp_free(block);
    }
    for (i = 0; i < INDEX_BLOCKS; i++)
        pp_free(depot->stacks[i]);
    pp_free(depot->table);
    pp_free(depot);
}

static struct stack *stack_at(const struct pl_depot *d, uint32_t id)
{
    return &d->stacks[(id - 1) / INDEX_BLOCK][(id - 1) % INDEX_BLOCK];
}

static uint64_t stack_hash(const uint64_t *pc, unsigned count)
{
    uint64_t h = PP_HASH_INIT + count;
    unsigned i;

    for (i = 0; i < count; i++) {
        h = (h ^ pc[i]) * 0x9E3779B97F4A7C15ull; /* 2^64 / golden ratio: Knuth, vol. 3, 6.4 */
        h ^= h >> 29;
    }
    return h;
}

/* Room for `count` frames, or NULL. */
static uint64_t *words_take(struct pl_depot *d, unsigned count)
{
    uint64_t *p;

    if (d->words_used + count > BLOCK_WORDS) {
        uint64_t *block = pp_new_array(BLOCK_WORDS, sizeof *block);

        if (!block)
            return NULL;
        block[0] = (uintptr_t)d->words;
        d->words = block;
        d->words_used = 1;
    }
    p = d->words + d->words_used;
    d->words_used += count;
    return p;
}

/* Twice the table. A failure only means longer probes until the next attempt. */
static void table_grow(struct pl_depot *d)
{
    uint32_t mask = d->table_mask * 2 + 1, id, i;
    uint32_t *table = pp_new_array((size_t)mask + 1, sizeof *table);

    if (!table)
        return;
    for (id = 1; id <= d->count; id++) {
        for (i = (uint32_t)stack_at(d, id)->hash & mask; table[i]; i = (i + 1) & mask)
            ;
        table[i] = id;
    }
    pp_free(d->table);
    d->table = table;
    d->table_mask = mask;
}

/* Enter a new stack; `slot` is its free place in the table. Returns its id, or 0. */
static uint32_t stack_add(struct pl_depot *d, const uint64_t *pc, unsigned count, uint64_t hash,
                          uint32_t slot)
{
    uint32_t id = d->count + 1;
    uint32_t block = (id - 1) / INDEX_BLOCK;
    uint64_t *words;
    struct stack *s;

    if (block == INDEX_BLOCKS)
        return 0;
    if (!d->stacks[block])
        d->stacks[block] = pp_new_array(INDEX_BLOCK, sizeof *d->stacks[block]);
    if (!d->stacks[block])
        return 0;
    words = words_take(d, count);
    if (!words)
        return 0;
    memcpy(words, pc, count * sizeof *pc);
    s = stack_at(d, id);
    s->pc = words;
    s->hash = hash;
    s->count = count;
    d->count = id;
    d->table[slot] = id;
    return id;
}

uint32_t pl_stack_put(struct pl_depot *depot, const uint64_t *pc, unsigned count)
{
    uint64_t hash;
    uint32_t i, id;

    count = PP_MIN(count, (unsigned)PL_STACK_MAX);
    if (!count)
        return 0;
    /* Never full: the search below ends at an empty place. */
    if (depot->count * 4ull >= (depot->table_mask + 1ull) * 3)
        table_grow(depot);
    if (depot->count >= depot->table_mask)
        return 0;
    hash = stack_hash(pc, count);
    for (i = (uint32_t)hash & depot->table_mask; (id = depot->table[i]) != 0;
         i = (i + 1) & depot->table_mask) {
        const struct stack *s = stack_at(depot, id);

        if (s->hash == hash && s->count == count && !memcmp(s->pc, pc, count * sizeof *pc))
            return id;
    }
    return stack_add(depot, pc, count, hash, i);
}

const uint64_t *pl_stack_get(const struct pl_depot *depot, uint32_t id, unsigned *ret_count)
{
    const struct stack *s;

    *ret_count = 0;
    if (!id || id > depot->count)
        return NULL;
    s = stack_at(depot, id);
    *ret_count = s->count;
    return s->pc;
}
