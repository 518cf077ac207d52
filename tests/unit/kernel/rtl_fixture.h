/* Prototypes of the exports under test, and the doubles that stand in for the rest of the kernel.
 */
#ifndef TESTS_RTL_FIXTURE_H
#define TESTS_RTL_FIXTURE_H

#include <criterion/criterion.h>

#include "kernel/kernel_priv.h"

/* What the doubles saw. */
struct rtl_seen {
    size_t overruns;    /* ranges that left the watched block */
    int live;           /* strings allocated for the driver and not freed */
    bool fail_alloc;    /* the next allocations fail */
    unsigned findings;  /* rules reported */
    char printed[2048]; /* debug output */
    char noted[512];
};
extern struct rtl_seen rtl_seen;

/* Ranges that start in [p, p + size) must stay there. */
void rtl_watch(const void *p, size_t size);

static inline UNICODE_STRING us(const WCHAR *text)
{
    UNICODE_STRING s;

    rtl_init_string(&s, text);
    return s;
}

/* Is the counted string exactly this text? */
static inline bool us_is(const UNICODE_STRING *s, const WCHAR *text)
{
    size_t n = rtl_wcslen(text);

    return s->Length == n * 2 && !memcmp(s->Buffer, text, n * 2);
}

#include "rtl_prototypes.h"

#endif
