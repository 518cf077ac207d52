/* Synthetic findings: what a machine would send, without one. */
#ifndef TESTS_UNIT_HOST_FIXTURE_H
#define TESTS_UNIT_HOST_FIXTURE_H

#include "host/host_priv.h"

#include <criterion/criterion.h>

enum { FIXTURE_BASE_LOW = 0x1000000 };
#define FIXTURE_IMAGE 0x4C0001000000ull
#define FIXTURE_POOL 0x490000010000ull
#define TEST(suite, name) Test(suite, name)

/* A session about /nowhere/demo.sys (no symbols) with one module loaded. */
struct host_session *fixture_session(void);
/* Address of an export's stub. */
uint64_t fixture_stub(const char *name);
void fixture_stack(struct vf_stack *st, const char *stub, uint32_t first_rva, uint32_t second_rva);
/* A write one past the end of a 48-byte block "Demo". */
struct vf_finding fixture_overrun(void);
void fixture_send(struct host_session *s, enum host_rec type, const void *payload, size_t size);
void fixture_step(struct host_session *s, enum host_step_kind kind, uint32_t index,
                  uint32_t outcome, const char *what);
/* The report, to be freed. */
char *fixture_report(const struct host_session *s);
/* Compare with golden/NAME.txt; with POOLPROOF_ACCEPT=1 write it. */
void fixture_golden(const char *name, const char *text);

#endif
