/* A pool with a recording sink, and a way to ask whether an access faults. Criterion runs each test
 * in a child of its own, so the globals are fresh every time. */
#ifndef POOLPROOF_TESTS_UNIT_POOL_FIXTURE_H
#define POOLPROOF_TESTS_UNIT_POOL_FIXTURE_H

#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "plat/guard.h"
#include "pool/pool.h"

#define TAG(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
enum { TAG_TEST = 0x74736554 }; /* "Test" */

extern struct pl_pool *pool;
extern struct pl_event last; /* newest event */
extern unsigned events;      /* seen so far */
extern bool sink_carries_on; /* what the sink answers; true at first */

/* The mechanisms this machine has; tests that depend on one run under each. */
#define EACH_GUARD(name) for (const char **name = fixture_guards(); *name; name++)
const char **fixture_guards(void);

void fixture_open(const char *guard);
void fixture_open_config(const struct pl_config *cfg);
void fixture_close(void);

char *special(size_t size);
char *ordinary(size_t size);
char *take(const struct pl_request *req);
int give(void *p);
int give_tag(void *p, uint32_t tag);

bool faults_read(const volatile char *p);
bool faults_write(volatile char *p);

#endif
