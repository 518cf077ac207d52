/* State blocks made up for tests of the viewers: in memory, the caller frees them. */
#ifndef STATES_H
#define STATES_H

#include "base/state.h"

/* A tag as text: "Name", or fewer characters, which end in zeros. */
uint32_t state_tag(const char *text);
struct poolproof_state *state_new(const char *driver_path);
/* Returns the driver's number as sites have it (1 and up). */
uint32_t state_driver(struct poolproof_state *s, const char *name, uint64_t base);
/*
 * `allocs` blocks of `size` bytes were allocated at `pc`, `frees` of them freed: counters, site and
 * curve, an allocation every 0.1 s from `s->time` on.
 */
struct state_use {
    const char *tag;
    uint32_t side, driver;
    uint64_t pc, size;
    uint32_t allocs, frees;
};
void state_use(struct poolproof_state *s, const struct state_use *u);

/* By name, for tests of commands: none, two, later, many, hostile. NULL: no such name. */
struct poolproof_state *state_sample(const char *name);

#endif
