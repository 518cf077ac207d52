/* The scheduler group alone: real fibers, gate and pool; doubles for objects, images and reports. */
#ifndef KE_FIXTURE_H
#define KE_FIXTURE_H

#include <criterion/criterion.h>

#include "kernel/ke_sched.h"

/* Start the machine's scheduler; rules reported are counted from here on. */
void fx_init(uint64_t seed);
/* Run fn(arg) in a system thread until it returns. False: nothing could run any more. */
bool fx_run(void (*fn)(void *arg), void *arg);
/* How often a rule was reported, and the last one reported. */
unsigned fx_reports(enum vf_rule rule);
unsigned fx_reports_total(void);
const struct vf_case *fx_last(void);
extern bool fx_rules_off; /* what vf_rule_on answers; reports are counted all the same */
/* Text of the last hang; the machine's hang hook ends the test program with exit code 4. */
extern NTSTATUS fx_raised; /* last ke_raise_status */
/* Run fn(arg) and tell whether it raised a status. */
bool fx_raises(void (*fn)(void *arg), void *arg);
/* The image that unload tests unload: [base, base + size) of native memory standing for code. */
extern struct ke_image fx_image;

void fx_append(char *buf, size_t size, const char *text);

#endif
