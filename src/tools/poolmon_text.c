/*
 * Lines of text as PoolMon lays them out. At PoolMon's own widths a row is
 *
 *     " %-4s %-5s%10u (%4d)%10u (%4d) %8d %7u (%6d) %6d"
 *
 * and the column heads stand flush right over their numbers. A number that needs more room makes
 * its column wider for all rows.
 */
#include "tools/poolmon.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

void pm_tag_text(uint32_t tag, char ret[5])
{
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)(tag >> 8 * i);

        ret[i] = (char)(c >= 0x20 && c < 0x7F ? c : '.');
    }
    ret[4] = '\0';
}

const char *pm_side_name(unsigned side)
{
    return side == POOLPROOF_PAGED ? "Paged" : "Nonp";
}

/* ---- Columns ---- */

static void widen_signed(int *width, int64_t v)
{
    char digits[24];
    int n = (int)pp_fmt(digits, sizeof digits, "%" PRId64, v);

    *width = PP_MAX(*width, n);
}

static void widen(int *width, uint64_t v)
{
    widen_signed(width, (int64_t)PP_MIN(v, (uint64_t)INT64_MAX));
}

static void widen_text(int *width, const char *text)
{
    *width = PP_MAX(*width, (int)strlen(text));
}

static void fit_line(struct pm_columns *c, const struct pm_line *l)
{
    widen(&c->allocs, l->row->allocs);
    widen(&c->frees, l->row->frees);
    widen_signed(&c->diff, l->diff);
    widen(&c->bytes, l->row->bytes);
    widen_signed(&c->per_alloc, l->per_alloc);
    widen_signed(&c->allocs_change, l->allocs_change);
    widen_signed(&c->frees_change, l->frees_change);
    widen_signed(&c->bytes_change, l->bytes_change);
    if (c->peak)
        widen(&c->peak, l->row->peak_bytes);
    if (c->owner)
        widen_text(&c->owner, l->row->owner);
    if (c->site)
        widen_text(&c->site, l->row->site);
}

struct pm_columns pm_columns_fit(const struct pm_table *t, const struct pm_view *v,
                                 bool with_changes)
{
    struct pm_columns c = {.view = v,
                           .with_changes = with_changes,
                           .allocs = 10,
                           .allocs_change = 4,
                           .frees = 10,
                           .frees_change = 4,
                           .diff = 8,
                           .bytes = 7,
                           .bytes_change = 6,
                           .per_alloc = with_changes ? 6 : (int)strlen("Per Alloc"),
                           .peak = v->peak ? (int)strlen("Peak Bytes") : 0,
                           .owner = v->owner ? (int)strlen("Owner") : 0,
                           .site = v->site ? (int)strlen("Call Site") : 0};

    for (size_t i = 0; i < t->count; i++)
        fit_line(&c, &t->lines[i]);
    for (size_t i = 0; v->totals && i < PP_COUNT(t->sums); i++) {
        widen(&c.allocs, t->sums[i].allocs);
        widen(&c.frees, t->sums[i].frees);
        widen(&c.bytes, t->sums[i].bytes);
        widen_signed(&c.diff, t->sums[i].diff);
    }
    return c;
}

/* A field of `width` and what follows it: " (change)" with changes, nothing without. */
static void head(char *ret, const char *label, int width)
{
    pp_fmt_append(ret, PM_TEXT, "%*s", width, label);
}

static void heads(const struct pm_columns *c, char *ret)
{
    int gap = c->with_changes ? 3 : 0; /* " (" and ")" */

    pp_fmt(ret, PM_TEXT, " Tag  Type ");
    head(ret, "Allocs", c->allocs);
    head(ret, "Frees", c->frees + (gap ? gap + c->allocs_change : 1));
    head(ret, "Diff", c->diff + 1 + (gap ? gap + c->frees_change : 0));
    head(ret, "Bytes", c->bytes + 1);
    head(ret, "Per Alloc", c->per_alloc + 1 + (gap ? gap + c->bytes_change : 0));
    if (c->peak)
        head(ret, "Peak Bytes", c->peak + 1);
    if (c->owner)
        pp_fmt_append(ret, PM_TEXT, " %-*s", c->owner, "Owner");
    if (c->site)
        pp_fmt_append(ret, PM_TEXT, " %-*s", c->site, "Call Site");
    if (c->view->local || c->view->global)
        pp_fmt_append(ret, PM_TEXT, " Mapped_Driver");
}

/* ---- Header ---- */

static uint64_t kilo(uint64_t bytes)
{
    return bytes / 1024;
}

void pm_machine_text(const struct pm_machine *m, char ret[PM_TEXT])
{
    pp_fmt(ret, PM_TEXT, "%s: ", *m->driver ? m->driver : "machine");
    if (m->is_running)
        pp_fmt_append(ret, PM_TEXT, "running");
    else if (m->phase == POOLPROOF_ENDED)
        pp_fmt_append(ret, PM_TEXT, "ended, exit code %u", m->exit_code);
    else
        pp_fmt_append(ret, PM_TEXT, "was killed");
    if (m->generation > 1)
        pp_fmt_append(ret, PM_TEXT, " (machine %u)", m->generation);
}

static void what_pool(const struct pm_view *v, char *ret)
{
    if (v->session == PM_SYSTEM)
        pp_fmt(ret, PM_TEXT, " System pool information");
    else if (v->session == PM_ALL_SESSIONS)
        pp_fmt(ret, PM_TEXT, " All sessions pool information");
    else
        pp_fmt(ret, PM_TEXT, " Session %d pool information", v->session);
}

void pm_header_text(const struct pm_machine *m, const struct pm_columns *c, uint64_t page_faults,
                    int line, char ret[PM_TEXT])
{
    const struct poolproof_totals *t = &m->totals;

    switch (line) {
    case 0:
        pp_fmt(ret, PM_TEXT,
               " Memory:%8" PRIu64 "K Avail:%8" PRIu64 "K  PageFlts:%6" PRIu64
               "   InRam Krnl:%5" PRIu64 "K P:%5" PRIu64 "K",
               kilo(t->physical_bytes), kilo(t->available_bytes), page_faults,
               kilo(t->kernel_bytes), kilo(t->bytes[POOLPROOF_PAGED]));
        break;
    case 1:
        pp_fmt(ret, PM_TEXT,
               " Commit:%7" PRIu64 "K Limit:%7" PRIu64 "K Peak:%7" PRIu64
               "K            Pool N:%5" PRIu64 "K P:%5" PRIu64 "K",
               kilo(t->commit_bytes), kilo(t->commit_limit_bytes), kilo(t->commit_peak_bytes),
               kilo(t->bytes[POOLPROOF_NONPAGED]), kilo(t->bytes[POOLPROOF_PAGED]));
        break;
    case 2:
        what_pool(c->view, ret);
        break;
    case 3:
        heads(c, ret);
        break;
    default:
        *ret = '\0';
    }
}

/* ---- Rows ---- */

struct pen {
    char *text, *marks; /* [PM_TEXT] each */
};

/* Append; `change` is what the value did since the last update. */
static void put(struct pen *p, int64_t change, const char *format, ...) PP_PRINTF(3, 4);

static void put(struct pen *p, int64_t change, const char *format, ...)
{
    size_t at = strlen(p->text), end;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(p->text + at, PM_TEXT - at, format, args); /* a longer line is cut */
    va_end(args);
    end = strlen(p->text);
    for (size_t i = at; i < end; i++)
        p->marks[i] = change && p->text[i] != ' ' ? (change > 0 ? '+' : '-') : ' ';
    p->marks[end] = '\0';
}

static void put_change(struct pen *p, const struct pm_columns *c, int64_t change, int width)
{
    if (!c->with_changes)
        return;
    put(p, 0, " (");
    put(p, change, "%*" PRId64, width, change);
    put(p, 0, ")");
}

void pm_row_text(const struct pm_columns *c, const struct pm_line *l, char ret[PM_TEXT],
                 char ret_marks[PM_TEXT])
{
    char tag[5], no_marks[PM_TEXT];
    struct pen p = {ret, ret_marks ? ret_marks : no_marks};

    *ret = '\0';
    pm_tag_text(l->row->tag, tag);
    put(&p, 0, " %-4s %-5s", tag, pm_side_name(l->row->side));
    put(&p, l->allocs_change, "%*u", c->allocs, l->row->allocs);
    put_change(&p, c, l->allocs_change, c->allocs_change);
    put(&p, l->frees_change, "%s%*u", c->with_changes ? "" : " ", c->frees, l->row->frees);
    put_change(&p, c, l->frees_change, c->frees_change);
    put(&p, (int64_t)l->allocs_change - l->frees_change, " %*d", c->diff, l->diff);
    put(&p, l->bytes_change, " %*" PRIu64, c->bytes, l->row->bytes);
    put_change(&p, c, l->bytes_change, c->bytes_change);
    put(&p, l->per_alloc_change, " %*" PRId64, c->per_alloc, l->per_alloc);
    if (c->peak)
        put(&p, 0, " %*" PRIu64, c->peak, l->row->peak_bytes);
    if (c->owner)
        put(&p, 0, " %-*s", c->owner, l->row->owner);
    if (c->site)
        put(&p, 0, " %-*s", c->site, l->row->site);
    if (l->mapped)
        put(&p, 0, " %s", l->mapped);
}

size_t pm_sums_shown(const struct pm_view *v, unsigned ret_sides[2])
{
    size_t n = 0;

    if (v->totals && v->kind != PM_PAGED)
        ret_sides[n++] = POOLPROOF_NONPAGED;
    if (v->totals && v->kind != PM_NONPAGED)
        ret_sides[n++] = POOLPROOF_PAGED;
    return n;
}

void pm_sum_text(const struct pm_columns *c, const struct pm_sum *s, unsigned side,
                 char ret[PM_TEXT])
{
    int gap = c->with_changes ? 3 : 0;

    pp_fmt(ret, PM_TEXT, " %-4s %-5s%*" PRIu64 "%*" PRIu64 "%*" PRId64 "%*" PRIu64, "Sum",
           pm_side_name(side), c->allocs, s->allocs, c->frees + (gap ? gap + c->allocs_change : 1),
           s->frees, c->diff + 1 + (gap ? gap + c->frees_change : 0), s->diff, c->bytes + 1,
           s->bytes);
    pp_fmt_append(ret, PM_TEXT, "%*" PRId64, c->per_alloc + 1 + (gap ? gap + c->bytes_change : 0),
                  s->diff ? (int64_t)s->bytes / s->diff : 0);
}
