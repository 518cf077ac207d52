/* Assertions, own memory, random numbers, hashing and formatting. See base.h for the contract. */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void (*pp_assert_hook)(const char *file, int line, const char *what);

void pp_assert_failed(const char *file, int line, const char *what)
{
    if (pp_assert_hook)
        pp_assert_hook(file, line, what);
    fprintf(stderr, "poolproof: internal error: %s:%d: %s\n", file, line, what);
    abort();
}

void *pp_new(size_t size)
{
    return calloc(1, size ? size : 1);
}

void *pp_new_array(size_t count, size_t size)
{
    return calloc(count ? count : 1, size ? size : 1);
}

void *pp_resize(void *p, size_t size)
{
    return realloc(p, size ? size : 1);
}

void pp_free(void *p)
{
    free(p);
}

char *pp_strdup(const char *s)
{
    return strdup(s);
}

const char *pp_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

void pp_random_init(struct pp_random *r, uint64_t seed)
{
    for (size_t i = 0; i < PP_COUNT(r->s); i++)
        r->s[i] = splitmix64(&seed);
}

static uint64_t rotl(uint64_t v, int n)
{
    return (v << n) | (v >> (64 - n));
}

uint64_t pp_random_next(struct pp_random *r)
{
    uint64_t result = rotl(r->s[1] * 5, 7) * 9;
    uint64_t t = r->s[1] << 17;

    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = rotl(r->s[3], 45);
    return result;
}

uint64_t pp_random_below(struct pp_random *r, uint64_t bound)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t v;

    do
        v = pp_random_next(r);
    while (v >= limit);
    return v % bound;
}

uint64_t pp_hash(uint64_t h, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < size; i++)
        h = (h ^ p[i]) * 0x100000001B3ull;
    return h;
}

static size_t fmt_v(char *buf, size_t size, const char *fmt, va_list ap)
{
    int n = vsnprintf(buf, size, fmt, ap);

    if (n < 0) {
        buf[0] = '\0';
        return 0;
    }
    return (size_t)n < size ? (size_t)n : size - 1;
}

size_t pp_fmt(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    size_t n;

    va_start(ap, fmt);
    n = fmt_v(buf, size, fmt, ap);
    va_end(ap);
    return n;
}

void pp_fmt_append(char *buf, size_t size, const char *fmt, ...)
{
    size_t used = strnlen(buf, size);
    va_list ap;

    if (used + 1 >= size)
        return;
    va_start(ap, fmt);
    (void)fmt_v(buf + used, size - used, fmt, ap); /* truncation is the contract */
    va_end(ap);
}
