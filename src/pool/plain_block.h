/*
 * What a page and a block of plain.c look like, bit by bit. See plain_priv.h for the picture.
 *
 * What a page holds is said by its word in the chunk's page table alone:
 *
 *     bits 0-1 PAGE_PLAIN   2-47 struct origin [blocks in the page] or 0   48-56 units   57 aligned
 */
#ifndef POOLPROOF_POOL_PLAIN_BLOCK_H
#define POOLPROOF_POOL_PLAIN_BLOCK_H

#include "pool/plain_priv.h"

#define LIKELY(cond) __builtin_expect(!!(cond), 1)
#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum {
    TYPE_SHIFT = 24,
    INDEX_BYTE = 8,      /* shift of PoolIndex */
    SLACK_UNUSED = 0xFF, /* slack of a block that was never handed out; larger than any */
    SLACK_MASK = 0xFF,
    INDEX_SHIFT = 8, /* in a note */
};
#define TYPE_MASK 0xFF000000ull /* of a head */
#define HEAD_PROTECTED 0x200ull
#define SIZES_MASK 0xFFFDFFull
#define KIND_MASK 0xFF00FF00ull     /* PoolType, PoolIndex */
#define TWIST 0x4000000000000000ull /* not the bit of TAG_PROTECTED */
#define TWICE 0x100000001ull        /* times 32 bits: them twice */

/* ---- a page's word ---- */

ALWAYS_INLINE uint32_t what_units(uintptr_t what)
{
    return what >> 48 & 0x1FF;
}

ALWAYS_INLINE uint32_t what_first(uintptr_t what)
{
    return what >> 57 & 1 ? ALIGNED_FIRST : 0;
}

static inline struct origin *what_origins(uintptr_t what)
{
    return (struct origin *)(what & 0xFFFFFFFFFFFCull);
}

static inline struct origin *origin_of(uintptr_t what, const uint64_t *b)
{
    uint32_t offset = (uint32_t)((uintptr_t)b & (PAGE - 1)) - what_first(what);

    return &what_origins(what)[offset / (what_units(what) * UNIT)];
}

/* ---- blocks ---- */

/* The header's first three bytes as they must be: PreviousSize, PoolIndex (bit 0: cache aligned, 1:
 * protected), BlockSize. */
static inline uint64_t header_sizes(const uint64_t *b, const struct record *r)
{
    uint32_t aligned = (r->flags & PL_CACHE_ALIGNED) != 0, units = r->units;
    uint32_t first = aligned ? ALIGNED_FIRST : 0;

    return units << 16 | aligned << INDEX_BYTE | (((uintptr_t)b & (PAGE - 1)) == first ? 0 : units);
}

/* PoolType and the protected bit of a live block, where they stand in a head. */
static inline uint64_t header_type(const struct record *r)
{
    uint64_t type = TYPE_IN_USE | (r->flags & PL_PAGED ? TYPE_PAGED : 0u);

    return type << TYPE_SHIFT | (r->flags & PL_PROTECTED ? HEAD_PROTECTED : 0u);
}

/* The two notes of the header {head, b[1]}: equal when it is sound, and the block live and of the
 * plain kind. Where any bit of KIND_MASK but TYPE_IN_USE is set, one bit is turned (TWIST): one
 * question tells the blocks that the short way may free. */
ALWAYS_INLINE uint64_t notes_of(uint64_t secret, const uint64_t *b, uint64_t head)
{
    return head ^ b[1] ^ secret ^ (uintptr_t)b;
}

ALWAYS_INLINE bool notes_are_equal(uint64_t notes)
{
    return notes == (notes >> 32 | notes << 32);
}

static inline uint64_t twist_of(uint64_t head)
{
    return (head & KIND_MASK) == TYPE_IN_USE << TYPE_SHIFT ? 0 : TWIST;
}

ALWAYS_INLINE void header_set(uint64_t secret, uint64_t *b, uint64_t head, uint64_t notes)
{
    b[0] = head;
    b[1] = secret ^ (uintptr_t)b ^ head ^ notes;
}

/* `head` is the block's, PoolType 0. */
ALWAYS_INLINE void link_set(uint64_t secret, uint64_t *b, const uint64_t *next, uint64_t head)
{
    b[2] = (uintptr_t)next ^ secret;
    b[3] = (uintptr_t)next ^ (uintptr_t)b ^ head;
}

ALWAYS_INLINE bool link_is_valid(uint64_t secret, const uint64_t *b)
{
    return (b[0] ^ b[2] ^ b[3]) == (secret ^ (uintptr_t)b);
}

#endif
