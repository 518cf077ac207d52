/* The state block: layout, generations, refusal of what is no block, reading rows. */
#include "base/state.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct poolproof_state *block(void)
{
    return pp_state_init(calloc(1, pp_state_size()));
}

Test(state, is_laid_out_within_its_size)
{
    struct poolproof_state *s = block();
    char why[PP_WHY_SIZE];

    cr_assert_eq(s->size, pp_state_size());
    cr_assert_eq(s->generation, 1);
    cr_assert_eq(pp_state_check(s, s->size, why), 0);
    cr_assert_leq(s->events.offset + (uint64_t)s->events.row_size * s->events.row_count, s->size);
}

Test(state, new_generation_keeps_the_run_and_clears_the_tables)
{
    struct poolproof_state *s = block();
    struct poolproof_tag *row = pp_state_row(s, &s->tags, 7);

    s->supervisor_pid = 42;
    s->seed = 9;
    row->tag = 0x31676154;
    s->event_count = 5;
    pp_state_init(s);
    cr_assert_eq(s->generation, 2);
    cr_assert_eq(s->supervisor_pid, 42);
    cr_assert_eq(s->seed, 9);
    cr_assert_eq(row->tag, 0);
    cr_assert_eq(s->event_count, 0);
}

Test(state, other_version_is_refused_by_name)
{
    struct poolproof_state *s = block();
    char why[PP_WHY_SIZE];

    s->version = POOLPROOF_STATE_VERSION + 1;
    cr_assert_eq(pp_state_check(s, s->size, why), -EPROTO);
    cr_assert_str_eq(why, "state of version 2, this program reads version 1");
}

Test(state, cut_short_or_damaged_is_refused)
{
    struct poolproof_state *s = block();
    char why[PP_WHY_SIZE];

    cr_assert_eq(pp_state_check(s, 100, why), -EINVAL);
    cr_assert_eq(pp_state_check(s, s->size - 1, why), -EINVAL);
    s->tags.row_count = 0xFFFFFFFF;
    cr_assert_eq(pp_state_check(s, s->size, why), -EINVAL);
    s = block();
    s->sites.row_size = 8;
    cr_assert_eq(pp_state_check(s, s->size, why), -EINVAL);
    s = block();
    s->magic++;
    cr_assert_eq(pp_state_check(s, s->size, why), -EINVAL);
}

Test(state, row_is_read_only_when_its_writer_is_out)
{
    struct poolproof_driver row = {.loads = 3}, copy;

    pp_state_begin(&row.seq);
    cr_assert(!pp_state_read(&row, &copy, sizeof copy));
    pp_state_end(&row.seq);
    cr_assert(pp_state_read(&row, &copy, sizeof copy));
    cr_assert_eq(copy.loads, 3);
    cr_assert_eq(row.seq, 2);
}
