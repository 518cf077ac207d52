/* The smallest common ground: assertions, checked arithmetic, bit and alignment helpers, a seeded
 * random generator and a hash. Makes no system call. Any thread, any context. */
#ifndef POOLPROOF_BASE_BASE_H
#define POOLPROOF_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PP_NORETURN __attribute__((noreturn))
#define PP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define PP_UNUSED __attribute__((unused))
/* Reachable from the fault handler: allocates nothing, takes no lock it could already hold. */
#define PP_ASYNC

#define PP_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PP_CONTAINER(p, type, field) ((type *)(void *)((char *)(p)-offsetof(type, field)))
#define PP_MIN(a, b) ((a) < (b) ? (a) : (b))
#define PP_MAX(a, b) ((a) > (b) ? (a) : (b))
#define PP_PAGE_SIZE 4096u
#define PP_WHY_SIZE 200u /* a one-line reason, as functions with `why` give it */

/* Our own mistakes end the process at once with file and line; never used for a driver's mistakes.
 * The hook lets the machine report them to its supervisor first (exit code 70). */
extern void (*pp_assert_hook)(const char *file, int line, const char *what);
PP_NORETURN void pp_assert_failed(const char *file, int line, const char *what);
#define PP_ASSERT(cond)                                                                            \
    ((cond) ? (void)0 : pp_assert_failed(__FILE__, __LINE__, "assertion failed: " #cond))
#ifdef PP_DEBUG
#define PP_ASSERT_SLOW(cond) PP_ASSERT(cond)
#else
#define PP_ASSERT_SLOW(cond) ((void)sizeof(!(cond)))
#endif

/* Sum or product of two sizes in bytes; returns true and leaves *ret alone when it overflows. */
static inline bool pp_add(size_t a, size_t b, size_t *ret)
{
    size_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return true;
    *ret = sum;
    return false;
}

static inline bool pp_mul(size_t a, size_t b, size_t *ret)
{
    size_t product;

    if (__builtin_mul_overflow(a, b, &product))
        return true;
    *ret = product;
    return false;
}

/* `align` is a power of two. */
static inline uint64_t pp_align_up(uint64_t v, uint64_t align)
{
    return (v + align - 1) & ~(align - 1);
}

static inline uint64_t pp_align_down(uint64_t v, uint64_t align)
{
    return v & ~(align - 1);
}

/* Zeroed memory of the checker's own (never the pool that is checked). NULL when out of memory. */
void *pp_new(size_t size);
void *pp_new_array(size_t count, size_t size);
/* Grow or shrink a block of pp_new; the old block stays valid when NULL is returned. */
void *pp_resize(void *p, size_t size);
void pp_free(void *p);
char *pp_strdup(const char *s);
/* What follows the last slash of a path: points into `path`. */
const char *pp_base_name(const char *path);

/* xoshiro256** (Blackman and Vigna, 2018), seeded through splitmix64: same seed, same sequence. */
struct pp_random {
    uint64_t s[4];
};
void pp_random_init(struct pp_random *r, uint64_t seed);
uint64_t pp_random_next(struct pp_random *r);
/* Uniform in [0, bound); bound > 0. */
uint64_t pp_random_below(struct pp_random *r, uint64_t bound);

/* FNV-1a, 64 bits (Fowler, Noll, Vo). Start with PP_HASH_INIT. */
#define PP_HASH_INIT 0xCBF29CE484222325ull
uint64_t pp_hash(uint64_t h, const void *bytes, size_t size);

/* snprintf with the length it wrote (never more than size - 1); `size` at least 1. */
size_t pp_fmt(char *buf, size_t size, const char *fmt, ...) PP_PRINTF(3, 4);
/* Append to a NUL-terminated buffer of `size` bytes; truncates. */
void pp_fmt_append(char *buf, size_t size, const char *fmt, ...) PP_PRINTF(3, 4);

/* Little-endian loads that need no alignment. */
static inline uint16_t pp_load16(const void *p)
{
    uint16_t v;

    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t pp_load32(const void *p)
{
    uint32_t v;

    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t pp_load64(const void *p)
{
    uint64_t v;

    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

#endif
