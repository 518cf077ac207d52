/* The layout of a state block, and reading its rows. */
#include "base/state.h"

#include <errno.h>
#include <string.h>

enum {
    DRIVERS = 64,
    TAGS = 4096,
    CURVES = 1024,
    SITES = 8192,
    EVENTS = 32768,
    READ_TRIES = 100,
};

static uint64_t place(struct poolproof_section *sec, uint64_t at, size_t row_size, uint32_t count)
{
    sec->offset = pp_align_up(at, 64);
    sec->row_size = (uint32_t)row_size;
    sec->row_count = count;
    return sec->offset + (uint64_t)row_size * count;
}

static uint64_t lay_out(struct poolproof_state *s)
{
    uint64_t at = sizeof *s;

    at = place(&s->drivers, at, sizeof(struct poolproof_driver), DRIVERS);
    at = place(&s->tags, pp_align_up(at, PP_PAGE_SIZE), sizeof(struct poolproof_tag), TAGS);
    at = place(&s->curves, at, sizeof(struct poolproof_curve), CURVES);
    at = place(&s->sites, at, sizeof(struct poolproof_site), SITES);
    at = place(&s->events, at, sizeof(struct poolproof_event), EVENTS);
    return pp_align_up(at, PP_PAGE_SIZE);
}

size_t pp_state_size(void)
{
    struct poolproof_state s;

    return lay_out(&s);
}

struct poolproof_state *pp_state_init(void *mem)
{
    struct poolproof_state *s = mem, head = *s;
    uint64_t size;

    __atomic_store_n(&s->magic, 0, __ATOMIC_RELEASE); /* no reader begins until it is back */
    if (head.generation)
        memset(s, 0, pp_state_size());
    size = lay_out(s);
    s->version = POOLPROOF_STATE_VERSION;
    s->head_size = sizeof *s;
    s->size = size;
    s->supervisor_pid = head.supervisor_pid;
    s->start_time = head.start_time;
    s->seed = head.seed;
    memcpy(s->driver_path, head.driver_path, sizeof s->driver_path);
    s->generation = head.generation + 1;
    __atomic_store_n(&s->magic, POOLPROOF_STATE_MAGIC, __ATOMIC_RELEASE);
    return s;
}

static bool fits(const struct poolproof_section *sec, size_t row_size, uint64_t size)
{
    return sec->row_size >= row_size && !(sec->row_size & 7) && !(sec->offset & 7) &&
           sec->offset <= size && sec->row_count <= (size - sec->offset) / sec->row_size;
}

int pp_state_check(const void *mem, size_t size, char why[PP_WHY_SIZE])
{
    const struct poolproof_state *s = mem;

    if (size < sizeof *s || __atomic_load_n(&s->magic, __ATOMIC_ACQUIRE) != POOLPROOF_STATE_MAGIC) {
        pp_fmt(why, PP_WHY_SIZE, "not the state of a machine");
        return -EINVAL;
    }
    if (s->version != POOLPROOF_STATE_VERSION) {
        pp_fmt(why, PP_WHY_SIZE, "state of version %u, this program reads version %u", s->version,
               POOLPROOF_STATE_VERSION);
        return -EPROTO;
    }
    if (s->head_size < sizeof *s || s->size > size ||
        !fits(&s->drivers, sizeof(struct poolproof_driver), s->size) ||
        !fits(&s->tags, sizeof(struct poolproof_tag), s->size) ||
        !fits(&s->curves, sizeof(struct poolproof_curve), s->size) ||
        !fits(&s->sites, sizeof(struct poolproof_site), s->size) ||
        !fits(&s->events, sizeof(struct poolproof_event), s->size)) {
        pp_fmt(why, PP_WHY_SIZE, "the state is cut short or damaged");
        return -EINVAL;
    }
    return 0;
}

bool pp_state_read(const void *row, void *ret, size_t size)
{
    const uint32_t *seq = row;

    for (int tries = 0; tries < READ_TRIES; tries++) {
        uint32_t before = __atomic_load_n(seq, __ATOMIC_ACQUIRE);

        memcpy(ret, row, size);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(before & 1) && __atomic_load_n(seq, __ATOMIC_RELAXED) == before)
            return true;
    }
    return false;
}
