/* Which rows are shown, and in which order. */
#include "tools/pooltag.h"

#include <stdlib.h>
#include <string.h>

const char *const pt_sort_names[PT_SORTS] = {
    [PT_BYTES] = "bytes", [PT_TAG] = "tag",   [PT_ALLOCS] = "allocs",       [PT_FREES] = "frees",
    [PT_DIFF] = "diff",   [PT_PEAK] = "peak", [PT_PER_ALLOC] = "per-alloc",
};

bool pt_is_shown(const struct pt_filter *f, const struct pt_row *r)
{
    bool fits = !f->tag_count;

    if (f->is_side_only && r->side != f->side)
        return false;
    if (f->driver && !strcasestr(r->drivers, f->driver))
        return false;
    for (size_t i = 0; !fits && i < f->tag_count; i++)
        fits = pm_tag_matches(f->tags[i], r->tag);
    return fits;
}

static uint64_t sort_value(const struct pt_row *r, enum pt_sort sort)
{
    switch (sort) {
    case PT_BYTES:
        return r->bytes;
    case PT_ALLOCS:
        return r->allocs;
    case PT_FREES:
        return r->frees;
    case PT_DIFF:
        return r->live;
    case PT_PEAK:
        return r->peak_bytes;
    case PT_PER_ALLOC:
        return pt_per_alloc(r);
    case PT_TAG:
    case PT_SORTS:
        break;
    }
    return 0; /* the state's own order */
}

/* The state has its rows by tag in one array: addresses settle what is equal. */
static int compare(const void *a, const void *b, void *arg)
{
    const struct pt_row *x = *(const struct pt_row *const *)a;
    const struct pt_row *y = *(const struct pt_row *const *)b;
    enum pt_sort sort = *(enum pt_sort *)arg;
    uint64_t vx = sort_value(x, sort), vy = sort_value(y, sort);

    return vx != vy ? (vx < vy ? 1 : -1) : (x > y) - (x < y);
}

void pt_table_make(const struct pt_state *t, const struct pt_filter *f, enum pt_sort sort,
                   struct pt_table *ret)
{
    *ret = (struct pt_table){.rows = pp_new_array(t->row_count + 1, sizeof *ret->rows)};
    PP_ASSERT(ret->rows);
    for (size_t i = 0; i < t->row_count; i++) {
        if (pt_is_shown(f, &t->rows[i]))
            ret->rows[ret->count++] = &t->rows[i];
    }
    qsort_r(ret->rows, ret->count, sizeof *ret->rows, compare, &sort);
}

void pt_table_done(struct pt_table *t)
{
    pp_free(t->rows);
    *t = (struct pt_table){0};
}
