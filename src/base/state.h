/* Laying out and checking a state block (include/poolproof/state.h). Pure: the caller has the memory. */
#ifndef POOLPROOF_BASE_STATE_H
#define POOLPROOF_BASE_STATE_H

#include "base/base.h"
#include "poolproof/state.h"

/* Bytes of a whole block, a multiple of a page. */
size_t pp_state_size(void);
/* Lay out a block in `mem` [pp_state_size()], all zero or holding an earlier generation. Keeps
 * supervisor_pid, start_time, seed and driver_path; counts the generation up; clears every table. */
struct poolproof_state *pp_state_init(void *mem);
/* Is this a block that this build can read? Returns 0, -EINVAL (not a state block, or cut short), or
 * -EPROTO (another version), with the cause in one line in `why`. */
int pp_state_check(const void *mem, size_t size, char why[PP_WHY_SIZE]);

/* Row `i` of a section, by its row size. */
static inline void *pp_state_row(const struct poolproof_state *s, const struct poolproof_section *sec,
                                 uint32_t i)
{
    return (uint8_t *)(uintptr_t)s + sec->offset + (uint64_t)i * sec->row_size;
}

/* Before and after writing a row with a sequence number. */
static inline void pp_state_begin(uint32_t *seq)
{
    __atomic_store_n(seq, *seq | 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void pp_state_end(uint32_t *seq)
{
    __atomic_store_n(seq, (*seq | 1) + 1, __ATOMIC_RELEASE);
}

/* Copy `size` bytes of a row whose first member is its sequence number, between two equal readings of
 * it. Returns false when the row kept changing, or its writer died in it: the copy may be mixed. */
bool pp_state_read(const void *row, void *ret, size_t size);

#endif
