/*
 * Curves as inline SVG. A curve's points hold until the next one, so lines are steps; the present
 * state is the last step. Where virtual time stood still (a driver that is never made to wait) a
 * curve over time would be one vertical line: then the horizontal axis counts the tag's own
 * allocations and frees.
 *
 * Each series carries its points in data-p for the page's readout: "x y value" by ';', in the units
 * of the view box. Coordinates have one decimal, so output does not depend on rounding.
 */
#include "tools/pooltag.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TICKS = 5, LABEL_HEIGHT = 14 };

struct plot {
    FILE *out;
    const struct pt_state *state;
    enum pt_measure measure;
    bool is_over_time;
    double left, right, top, bottom; /* of the area, in the view box */
    uint64_t x_min, x_max, y_max;
};

/* ---- Points ---- */

struct at {
    uint64_t x, value;
};

static size_t point_count(const struct pt_row *r)
{
    return r->curve ? r->curve->count + 1 : 1;
}

/* Point `i` of a row; the last one is the present. */
static struct at point_at(const struct plot *p, const struct pt_row *r, size_t i)
{
    const struct poolproof_curve *c = r->curve;
    const struct poolproof_point *at;

    if (!c || i == c->count) {
        uint64_t last = c ? c->points[c->count - 1].time : 0;

        return (struct at){p->is_over_time ? PP_MAX(p->state->head.time, last)
                                           : PP_MAX(r->allocs + r->frees, (uint64_t)1),
                           p->measure == PT_PLOT_BYTES ? r->bytes : r->live};
    }
    at = &c->points[i];
    return (struct at){p->is_over_time ? at->time : 1 + (uint64_t)i * c->stride,
                       p->measure == PT_PLOT_BYTES ? at->bytes : at->live};
}

static bool time_stood_still(const struct pt_row *const *rows, size_t count)
{
    uint64_t seen[2] = {0, 0};
    unsigned distinct = 0;

    for (size_t i = 0; i < count; i++) {
        for (uint32_t j = 0; rows[i]->curve && j < rows[i]->curve->count; j++) {
            uint64_t time = rows[i]->curve->points[j].time;
            bool is_new = true;

            for (unsigned k = 0; k < distinct; k++)
                is_new &= seen[k] != time;
            if (is_new && distinct == PP_COUNT(seen))
                return false;
            if (is_new)
                seen[distinct++] = time;
        }
    }
    return true;
}

static void fit(struct plot *p, const struct pt_row *const *rows, size_t count)
{
    bool is_first = true;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < point_count(rows[i]); j++) {
            struct at a = point_at(p, rows[i], j);

            p->x_min = is_first ? a.x : PP_MIN(p->x_min, a.x);
            p->x_max = PP_MAX(p->x_max, a.x);
            p->y_max = PP_MAX(p->y_max, a.value);
            is_first = false;
        }
        if (count == 1) /* its line is drawn */
            p->y_max = PP_MAX(p->y_max, p->measure == PT_PLOT_BYTES ? rows[i]->peak_bytes
                                                                    : rows[i]->peak_live);
    }
    if (p->x_max == p->x_min)
        p->x_max = p->x_min + 1;
    p->y_max = PP_MAX(p->y_max, (uint64_t)1);
}

static double x_of(const struct plot *p, uint64_t x)
{
    double part = (double)(x - p->x_min) / (double)(p->x_max - p->x_min);

    return p->left + (p->right - p->left) * PP_MIN(part, 1.0);
}

static double y_of(const struct plot *p, uint64_t value)
{
    double part = (double)value / (double)p->y_max;

    return p->bottom - (p->bottom - p->top) * PP_MIN(part, 1.0);
}

/* ---- Axes ---- */

/* The distance of ticks: powers of two for bytes, else 1, 2, 5, 10... */
static uint64_t tick_step(uint64_t range, bool is_bytes)
{
    static const uint64_t factors[] = {2, 5, 10};
    uint64_t step = 1, decade = 1;

    for (size_t i = 0; range / step > TICKS; i++) {
        if (is_bytes) {
            step *= 2;
            continue;
        }
        step = decade * factors[i % 3];
        decade = i % 3 == 2 ? step : decade;
    }
    return step;
}

static void bytes_text(uint64_t bytes, char ret[32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    double v = (double)bytes;

    while (v >= 1024 && unit + 1 < PP_COUNT(units)) {
        v /= 1024;
        unit++;
    }
    pp_fmt(ret, 32, "%.4g %s", v, units[unit]);
}

static void x_text(const struct plot *p, uint64_t x, char ret[32])
{
    if (!p->is_over_time)
        pp_fmt(ret, 32, "%" PRIu64, x);
    else
        pp_fmt(ret, 32, "%.7g s", (double)x / 1e7);
}

/* The loops count, so that sums that wrap around (a damaged state) end them too. */
static void axes(const struct plot *p)
{
    uint64_t step = tick_step(p->y_max, p->measure == PT_PLOT_BYTES);
    uint64_t x_step = tick_step(p->x_max - p->x_min, false);
    uint64_t x = p->x_min + (x_step - p->x_min % x_step) % x_step;
    char text[32];

    for (uint64_t v = 0, i = 0; i <= p->y_max / step; v = ++i * step) {
        if (p->measure == PT_PLOT_BYTES)
            bytes_text(v, text);
        else
            pp_fmt(text, sizeof text, "%" PRIu64, v);
        fprintf(p->out,
                "<path class=\"%s\" d=\"M%.1f %.1fH%.1f\"/><text class=\"y\" x=\"%.1f\" "
                "y=\"%.1f\">%s</text>\n",
                v ? "grid" : "base", p->left, y_of(p, v), p->right, p->left - 6, y_of(p, v) + 4,
                text);
    }
    for (int i = 0; i <= TICKS && x >= p->x_min && x <= p->x_max; i++, x += x_step) {
        x_text(p, x, text);
        fprintf(p->out,
                "<path class=\"base\" d=\"M%.1f %.1fv4\"/><text class=\"x\" x=\"%.1f\" "
                "y=\"%.1f\">%s</text>\n",
                x_of(p, x), p->bottom, x_of(p, x), p->bottom + 17, text);
    }
}

/* ---- Series ---- */

static void series(const struct plot *p, const struct pt_row *r, size_t number)
{
    fprintf(p->out, "<g class=\"series s%zu\" data-row=\"%08x-%u\" data-name=\"", number, r->tag,
            r->side);
    pt_html_text(p->out, r->text);
    fprintf(p->out, " %s\" data-p=\"", r->side ? "paged" : "nonpaged");
    for (size_t i = 0; i < point_count(r); i++) {
        struct at a = point_at(p, r, i);

        fprintf(p->out, "%s%.1f %.1f %" PRIu64, i ? ";" : "", x_of(p, a.x), y_of(p, a.value),
                a.value);
    }
    fputs("\"><path d=\"", p->out);
    for (size_t i = 0; i < point_count(r); i++) {
        struct at a = point_at(p, r, i);

        /* It begins at nothing: the first point is the first allocation. */
        if (!i)
            fprintf(p->out, "M%.1f %.1f", x_of(p, a.x), r->curve ? p->bottom : y_of(p, a.value));
        else
            fprintf(p->out, "H%.1f", x_of(p, a.x));
        fprintf(p->out, "V%.1f", y_of(p, a.value));
    }
    fputs("\"><title>", p->out);
    pt_html_text(p->out, r->text);
    fprintf(p->out, " %s: now %" PRIu64 ", at most %" PRIu64, r->side ? "paged" : "nonpaged",
            p->measure == PT_PLOT_BYTES ? r->bytes : r->live,
            p->measure == PT_PLOT_BYTES ? r->peak_bytes : r->peak_live);
    if (r->curve && r->curve->stride > 1)
        fprintf(p->out, "; a point for every %u allocations and frees", r->curve->stride);
    fputs("</title></path></g>\n", p->out);
}

struct label {
    double y;
    size_t row;
};

static int compare_labels(const void *a, const void *b)
{
    const struct label *x = a, *y = b;

    if (x->y != y->y)
        return x->y < y->y ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Names at the ends of the lines, pushed apart where lines end together. */
static void labels(const struct plot *p, const struct pt_row *const *rows, size_t count)
{
    struct label l[PT_SERIES_MAX];
    double limit = p->bottom;

    for (size_t i = 0; i < count; i++)
        l[i] = (struct label){y_of(p, point_at(p, rows[i], point_count(rows[i]) - 1).value), i};
    qsort(l, count, sizeof *l, compare_labels);
    for (size_t i = 1; i < count; i++)
        l[i].y = PP_MAX(l[i].y, l[i - 1].y + LABEL_HEIGHT);
    for (size_t i = count; i-- > 0; limit -= LABEL_HEIGHT) /* and up from the bottom */
        l[i].y = PP_MIN(l[i].y, limit);
    for (size_t i = 0; i < count; i++) {
        const struct pt_row *r = rows[l[i].row];

        fprintf(p->out,
                "<g class=\"label s%zu\" data-row=\"%08x-%u\"><path d=\"M%.1f %.1fh8\"/><text "
                "x=\"%.1f\" y=\"%.1f\">",
                l[i].row + 1, r->tag, r->side, p->right + 4, l[i].y, p->right + 16, l[i].y + 4);
        pt_html_text(p->out, r->text);
        fprintf(p->out, " %s</text></g>\n", r->side ? "paged" : "nonp");
    }
}

static void peak_line(const struct plot *p, const struct pt_row *r)
{
    uint64_t peak = p->measure == PT_PLOT_BYTES ? r->peak_bytes : r->peak_live;

    fprintf(p->out,
            "<path class=\"peak\" d=\"M%.1f %.1fH%.1f\"><title>peak: %" PRIu64 "</title></path>\n",
            p->left, y_of(p, peak), p->right, peak);
}

void pt_plot(FILE *out, const struct pt_state *t, const struct pt_row *const *rows, size_t count,
             enum pt_measure measure, bool wide)
{
    double width = wide ? 960 : 460, height = wide ? 280 : 180;
    const char *what = measure == PT_PLOT_BYTES ? "Bytes" : "Live allocations";
    struct plot p = {.out = out,
                     .state = t,
                     .measure = measure,
                     .is_over_time = !time_stood_still(rows, count),
                     .left = 72,
                     .right = width - (wide ? 92 : 12),
                     .top = 12,
                     .bottom = height - 38};

    count = PP_MIN(count, (size_t)PT_SERIES_MAX);
    fit(&p, rows, count);
    fprintf(out,
            "<figure class=\"plot%s\"><figcaption>%s</figcaption>\n<svg viewBox=\"0 0 %.0f %.0f\" "
            "role=\"img\" aria-label=\"%s over %s\" data-over=\"%s\" data-min=\"%" PRIu64
            "\" data-max=\"%" PRIu64 "\" data-left=\"%.1f\" data-right=\"%.1f\">\n",
            wide ? " wide" : "", what, width, height, what,
            p.is_over_time ? "virtual time" : "allocations and frees",
            p.is_over_time ? "time" : "operations", p.x_min, p.x_max, p.left, p.right);
    axes(&p);
    fprintf(out, "<text class=\"x\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", (p.left + p.right) / 2,
            height - 4,
            p.is_over_time ? "virtual time since boot"
                           : "allocations and frees of the tag (virtual time stood still)");
    if (count == 1 && !wide)
        peak_line(&p, rows[0]);
    for (size_t i = 0; i < count; i++)
        series(&p, rows[i], i + 1);
    if (wide)
        labels(&p, rows, count);
    fprintf(out,
            "<path class=\"cursor\" d=\"M0 %.1fV%.1f\"/></svg>\n<p class=\"readout\">&nbsp;</p>"
            "</figure>\n",
            p.top, p.bottom);
}
