/*
 * What poolmon shows, as data: which rows, in which order, with which changes and sums. Filter
 * first, then sort, then sums.
 */
#include "tools/poolmon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Filter ---- */

static bool is_kind_shown(enum pm_kind kind, unsigned side)
{
    return kind == PM_BOTH || (kind == PM_PAGED) == (side == POOLPROOF_PAGED);
}

/* Shown: fits one of the wanted patterns, where there are any, and none of the unwanted. */
static bool is_shown(const struct pm_view *v, const struct pm_row *r)
{
    bool has_wanted = false, is_wanted = false;

    if (v->session != PM_SYSTEM) /* a machine keeps no pool for sessions apart */
        return false;
    if (!is_kind_shown(v->kind, r->side))
        return false;
    for (size_t i = 0; i < v->filter_count; i++) {
        bool fits = pm_tag_matches(v->filters[i].pattern, r->tag);

        if (v->filters[i].is_exclude && fits)
            return false;
        has_wanted |= !v->filters[i].is_exclude;
        is_wanted |= !v->filters[i].is_exclude && fits;
    }
    return is_wanted || !has_wanted;
}

/* ---- Lines ---- */

static int compare_place(const struct pm_row *a, const struct pm_row *b)
{
    int order = memcmp(&a->tag, &b->tag, sizeof a->tag); /* characters, in memory order */

    return order ? order : (a->side > b->side) - (a->side < b->side);
}

static const struct pm_row *row_of(const struct pm_snapshot *s, const struct pm_row *like)
{
    size_t low = 0, high = s ? s->count : 0;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = compare_place(&s->rows[mid], like);

        if (!order)
            return &s->rows[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* Right modulo 2^32, however often the counters have wrapped. */
static int32_t row_diff(const struct pm_row *r)
{
    return (int32_t)(r->allocs - r->frees);
}

static int64_t row_per_alloc(const struct pm_row *r)
{
    int32_t diff = row_diff(r);

    return diff ? (int64_t)r->bytes / diff : 0;
}

static bool map_drivers(const struct pm_view *v, struct pm_line *l)
{
    const char *local = v->local ? pm_tag_file_find(v->local, l->row->tag) : NULL;
    const char *global = v->global ? pm_tag_file_find(v->global, l->row->tag) : NULL;
    size_t size;

    if (!v->local && !v->global)
        return true;
    local = local ? local : "Unknown Driver";
    global = global ? global : "Unknown";
    size = strlen(local) + strlen(global) + sizeof "[][]";
    l->mapped = pp_new(size);
    if (!l->mapped)
        return false;
    if (v->local)
        pp_fmt_append(l->mapped, size, "[%s]", local);
    if (v->global)
        pp_fmt_append(l->mapped, size, "[%s]", global);
    return true;
}

static bool line_make(const struct pm_view *v, const struct pm_row *row,
                      const struct pm_snapshot *before, struct pm_line *ret)
{
    static const struct pm_row nothing;
    const struct pm_row *was = row_of(before, row);

    *ret = (struct pm_line){.row = row, .diff = row_diff(row), .per_alloc = row_per_alloc(row)};
    if (before) {
        was = was ? was : &nothing;
        ret->allocs_change = (int32_t)(row->allocs - was->allocs);
        ret->frees_change = (int32_t)(row->frees - was->frees);
        ret->bytes_change = (int64_t)(row->bytes - was->bytes);
        ret->per_alloc_change = ret->per_alloc - row_per_alloc(was);
    }
    return map_drivers(v, ret);
}

/* ---- Sort ---- */

static int64_t sort_value(const struct pm_line *l, const struct pm_view *v)
{
    switch (v->sort) {
    case PM_ALLOCS:
        return v->by_change ? l->allocs_change : (int64_t)l->row->allocs;
    case PM_FREES:
        return v->by_change ? l->frees_change : (int64_t)l->row->frees;
    case PM_DIFF:
        return v->by_change ? (int64_t)l->allocs_change - l->frees_change : l->diff;
    case PM_BYTES:
        return v->by_change ? l->bytes_change : (int64_t)l->row->bytes;
    case PM_PER_ALLOC:
        return v->by_change ? l->per_alloc_change : l->per_alloc;
    case PM_TAG:
        break;
    }
    return 0; /* by tag: all equal here */
}

/* Largest first; equals by tag. */
static int compare_lines(const void *a, const void *b, void *arg)
{
    const struct pm_line *x = a, *y = b;
    int64_t vx = sort_value(x, arg), vy = sort_value(y, arg);

    return vx != vy ? (vx < vy ? 1 : -1) : compare_place(x->row, y->row);
}

int pm_table_make(const struct pm_snapshot *now, const struct pm_snapshot *before,
                  const struct pm_view *v, struct pm_table *ret)
{
    struct pm_table t = {.lines = pp_new_array(now->count + 1, sizeof *t.lines)};

    if (!t.lines)
        return -ENOMEM;
    for (size_t i = 0; i < now->count; i++) {
        if (!is_shown(v, &now->rows[i]))
            continue;
        if (!line_make(v, &now->rows[i], before, &t.lines[t.count])) {
            pm_table_done(&t);
            return -ENOMEM;
        }
        t.count++;
    }
    qsort_r(t.lines, t.count, sizeof *t.lines, compare_lines, (void *)(uintptr_t)v);
    for (size_t i = 0; i < t.count; i++) {
        const struct pm_row *r = t.lines[i].row;
        struct pm_sum *s = &t.sums[r->side];

        s->rows++;
        s->allocs += r->allocs64;
        s->frees += r->frees64;
        s->bytes += r->bytes;
        s->diff += t.lines[i].diff;
    }
    *ret = t;
    return 0;
}

void pm_table_done(struct pm_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        pp_free(t->lines[i].mapped);
    pp_free(t->lines);
    *t = (struct pm_table){0};
}

bool pm_view_key(struct pm_view *v, int key)
{
    static const char sorts[] = "tafdbm"; /* in the order of enum pm_sort */
    const char *at = key > 0 && key < 128 ? strchr(sorts, key) : NULL;

    if (at) {
        v->sort = (enum pm_sort)(at - sorts);
        return true;
    }
    if (key >= '0' && key <= '9') {
        v->session = key - '0';
        return true;
    }
    switch (key) {
    case '(':
    case ')':
        v->by_change = !v->by_change;
        return true;
    case 'p':
        v->kind = (v->kind + 1) % PM_KIND_COUNT;
        return true;
    case 'l':
        v->highlight = !v->highlight;
        return true;
    case 'e':
        v->totals = !v->totals;
        return true;
    case 's':
        v->session = v->session == PM_SYSTEM ? PM_ALL_SESSIONS : PM_SYSTEM;
        return true;
    default:
        return false;
    }
}
