/*
 * The HTML report: one file that loads nothing. Everything is there without its script; the script
 * sorts, filters, opens details and reads values off the curves. Style and script are files of
 * their own (pooltag_page.S embeds them).
 */
#include "tools/pooltag.h"

#include <inttypes.h>
#include <string.h>

extern const char pooltag_css[], pooltag_css_end[], pooltag_js[], pooltag_js_end[];

/* ---- Text ---- */

void pt_html_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

/* Digits in groups of three, a thin blank between them. */
static void number(FILE *out, uint64_t v)
{
    char digits[24];
    size_t n = pp_fmt(digits, sizeof digits, "%" PRIu64, v);

    for (size_t i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            fputs("&#8239;", out);
        fputc(digits[i], out);
    }
}

static const char *side_name(const struct pt_row *r)
{
    return r->side ? "paged" : "nonpaged";
}

/* Blanks in a tag mean something: they are kept. */
static void tag(FILE *out, const struct pt_row *r)
{
    fprintf(out, "<code class=\"tag\" title=\"bytes %02x %02x %02x %02x\">", r->tag & 0xFF,
            r->tag >> 8 & 0xFF, r->tag >> 16 & 0xFF, r->tag >> 24);
    pt_html_text(out, r->text);
    fputs("</code>", out);
}

/* ---- Parts ---- */

static void head(FILE *out, const struct pt_state *t)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>Pool tags: ",
          out);
    pt_html_text(out, t->driver);
    fputs("</title>\n<style>\n", out);
    fwrite(pooltag_css, 1, (size_t)(pooltag_css_end - pooltag_css), out);
    fputs("</style>\n</head>\n<body>\n", out);
}

static void figure(FILE *out, const char *name, uint64_t v, const char *unit)
{
    fprintf(out, "<div><dt>%s</dt><dd>", name);
    number(out, v);
    fprintf(out, " <small>%s</small></dd></div>\n", unit);
}

static void summary(FILE *out, const struct pt_state *t, size_t remark_count)
{
    const struct poolproof_totals *totals = &t->head.totals;
    char line[PT_PLACE];

    pt_state_text(t, line);
    fputs("<header>\n<h1>Pool tags</h1>\n<p class=\"lead\">", out);
    pt_html_text(out, line);
    fprintf(out, "; seed %" PRIu64 "</p>\n<dl class=\"figures\">\n", t->head.seed);
    figure(out, "Nonpaged", totals->bytes[0], "bytes");
    figure(out, "Nonpaged, at most", totals->peak_bytes[0], "bytes");
    figure(out, "Paged", totals->bytes[1], "bytes");
    figure(out, "Paged, at most", totals->peak_bytes[1], "bytes");
    figure(out, "Live", totals->live[0] + totals->live[1], "blocks");
    figure(out, "Remarks", remark_count, "on tags");
    fputs("</dl>\n</header>\n<main>\n", out);
}

static bool is_of_driver(const struct pt_row *r)
{
    return r->drivers[0] && strcmp(r->drivers, "nt") != 0;
}

/* The rows worth a first look: drivers' own with the highest peaks, else the kernel's. */
static size_t choose_series(const struct pt_table *table, const struct pt_row *ret[PT_SERIES_MAX])
{
    bool has_driver = false;
    size_t count = 0;

    for (size_t i = 0; i < table->count; i++)
        has_driver |= is_of_driver(table->rows[i]);
    for (size_t i = 0; i < table->count; i++) {
        const struct pt_row *r = table->rows[i];
        size_t at = count;

        if (has_driver && !is_of_driver(r))
            continue;
        while (at && ret[at - 1]->peak_bytes < r->peak_bytes) {
            if (at < PT_SERIES_MAX)
                ret[at] = ret[at - 1];
            at--;
        }
        if (at < PT_SERIES_MAX)
            ret[at] = r;
        count = PP_MIN(count + 1, (size_t)PT_SERIES_MAX);
    }
    return count;
}

static void plots(FILE *out, const struct pt_state *t, const struct pt_table *table)
{
    const struct pt_row *rows[PT_SERIES_MAX];
    size_t count = choose_series(table, rows);

    fputs("<section aria-labelledby=\"h-plots\">\n<h2 id=\"h-plots\">Curves</h2>\n", out);
    if (!count) {
        fputs("<p class=\"quiet\">No allocation yet.</p>\n</section>\n", out);
        return;
    }
    fprintf(out,
            "<p class=\"quiet\">%s with the highest peaks. Every row has its own curves under "
            "<a href=\"#h-details\">Details</a>.</p>\n<div class=\"legend\" role=\"group\" "
            "aria-label=\"Curves shown\">\n",
            is_of_driver(rows[0]) ? "The drivers' tags" : "The kernel's tags");
    for (size_t i = 0; i < count; i++) {
        fprintf(out,
                "<button type=\"button\" class=\"s%zu\" aria-pressed=\"true\" "
                "data-row=\"%08x-%u\"><i></i>",
                i + 1, rows[i]->tag, rows[i]->side);
        tag(out, rows[i]);
        fprintf(out, " %s</button>\n", side_name(rows[i]));
    }
    fputs("</div>\n", out);
    pt_plot(out, t, rows, count, PT_PLOT_BYTES, true);
    pt_plot(out, t, rows, count, PT_PLOT_LIVE, true);
    fputs("</section>\n", out);
}

static void hygiene(FILE *out, const struct pt_remark *remarks, size_t count)
{
    fputs("<section aria-labelledby=\"h-hygiene\">\n<h2 id=\"h-hygiene\">Hygiene</h2>\n", out);
    fputs(count ? "<ul class=\"remarks\">\n" : "<p class=\"quiet\">Nothing to remark.</p>\n", out);
    for (size_t i = 0; i < count; i++) {
        const struct pt_remark *m = &remarks[i];

        fprintf(out, "<li><a href=\"#t-%08x-%u\">", m->row->tag, m->row->side);
        tag(out, m->row);
        fprintf(out, "</a> <b>%s</b>: ", pt_habit_names[m->habit]);
        pt_html_text(out, m->what);
        fputs(". ", out);
        pt_html_text(out, m->remedy);
        fputs("</li>\n", out);
    }
    fputs(count ? "</ul>\n</section>\n" : "</section>\n", out);
}

/* ---- The table ---- */

static const struct {
    const char *name, *id;
    bool is_number;
} columns[] = {{"Tag", "tag", false},         {"Type", "type", false},
               {"Allocs", "allocs", true},    {"Frees", "frees", true},
               {"Diff", "diff", true},        {"Bytes", "bytes", true},
               {"Peak", "peak", true},        {"Per Alloc", "per-alloc", true},
               {"Drivers", "drivers", false}, {"Tag file", "tag-file", false}};

static void number_cell(FILE *out, uint64_t v)
{
    fprintf(out, "<td class=\"n\" data-v=\"%" PRIu64 "\">", v);
    number(out, v);
    fputs("</td>", out);
}

static void table_row(FILE *out, const struct pt_row *r, bool is_described)
{
    fputs("<tr><td data-v=\"", out);
    pt_html_text(out, r->text);
    fprintf(out, "\"><a href=\"#t-%08x-%u\">", r->tag, r->side);
    tag(out, r);
    fprintf(out, "</a></td><td>%s</td>", side_name(r));
    number_cell(out, r->allocs);
    number_cell(out, r->frees);
    number_cell(out, r->live);
    number_cell(out, r->bytes);
    number_cell(out, r->peak_bytes);
    number_cell(out, pt_per_alloc(r));
    fputs("<td>", out);
    pt_html_text(out, r->drivers);
    fputs("</td>", out);
    if (is_described) {
        fputs("<td>", out);
        pt_html_text(out, r->described ? r->described : "");
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

static void table_of_tags(FILE *out, const struct pt_table *table)
{
    bool is_described = false;

    for (size_t i = 0; i < table->count; i++)
        is_described |= table->rows[i]->described != NULL;
    fputs("<section aria-labelledby=\"h-tags\">\n<h2 id=\"h-tags\">Tags</h2>\n"
          "<form class=\"tools\" role=\"search\" onsubmit=\"return false\">\n"
          "<label>Filter <input id=\"filter\" type=\"search\" autocomplete=\"off\" "
          "spellcheck=\"false\" placeholder=\"tag, driver\"></label>\n"
          "<label>Type <select id=\"side\"><option value=\"\">both</option>"
          "<option>nonpaged</option><option>paged</option></select></label>\n"
          "<output id=\"shown\" for=\"filter side\"></output>\n</form>\n"
          "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"h-tags\">\n"
          "<table id=\"tags\">\n<thead><tr>",
          out);
    for (size_t i = 0; i < PP_COUNT(columns) - !is_described; i++)
        fprintf(out,
                "<th scope=\"col\"%s data-column=\"%s\"><button type=\"button\">%s</button></th>",
                columns[i].is_number ? " class=\"n\"" : "", columns[i].id, columns[i].name);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (size_t i = 0; i < table->count; i++)
        table_row(out, table->rows[i], is_described);
    fprintf(out,
            "</tbody>\n</table>\n</div>\n<p class=\"quiet\" id=\"none\"%s>No tag fits.</p>\n"
            "</section>\n",
            table->count ? " hidden" : "");
}

/* ---- Details ---- */

static void sites(FILE *out, const struct pt_row *r)
{
    if (!r->site_count) {
        fputs("<p class=\"quiet\">No call site is known.</p>\n", out);
        return;
    }
    fputs("<div class=\"scroll\">\n<table>\n<thead><tr><th scope=\"col\">Call site</th><th "
          "class=\"n\" scope=\"col\">Allocs</th><th class=\"n\" scope=\"col\">Frees</th><th "
          "class=\"n\" scope=\"col\">Requested</th><th class=\"n\" scope=\"col\">Peak</th></tr>"
          "</thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < r->site_count; i++) {
        const struct pt_site *s = &r->sites[i];

        fputs("<tr><td><code>", out);
        pt_html_text(out, s->place);
        fputs("</code></td>", out);
        number_cell(out, s->allocs);
        number_cell(out, s->frees);
        number_cell(out, s->bytes);
        number_cell(out, s->peak_bytes);
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n</table>\n</div>\n", out);
}

static void details(FILE *out, const struct pt_state *t, const struct pt_table *table)
{
    fputs("<section aria-labelledby=\"h-details\">\n<h2 id=\"h-details\">Details</h2>\n", out);
    for (size_t i = 0; i < table->count; i++) {
        const struct pt_row *r = table->rows[i];

        fprintf(out, "<details id=\"t-%08x-%u\">\n<summary>", r->tag, r->side);
        tag(out, r);
        fprintf(out, " %s: ", side_name(r));
        number(out, r->bytes);
        fputs(" bytes in ", out);
        number(out, r->live);
        fputs(r->live == 1 ? " block" : " blocks", out);
        fputs(r->drivers[0] ? ", " : "", out);
        pt_html_text(out, r->drivers);
        fputs("</summary>\n", out);
        if (r->described) {
            fputs("<p class=\"quiet\">", out);
            pt_html_text(out, r->described);
            fputs("</p>\n", out);
        }
        fputs("<div class=\"pair\">\n", out);
        pt_plot(out, t, &table->rows[i], 1, PT_PLOT_BYTES, false);
        pt_plot(out, t, &table->rows[i], 1, PT_PLOT_LIVE, false);
        fputs("</div>\n", out);
        sites(out, r);
        fputs("</details>\n", out);
    }
    if (!table->count)
        fputs("<p class=\"quiet\">No tag.</p>\n", out);
    fputs("</section>\n", out);
}

void pt_write_html(FILE *out, const struct pt_state *t, const struct pt_table *table,
                   const struct pt_remark *remarks, size_t remark_count)
{
    head(out, t);
    summary(out, t, remark_count);
    plots(out, t, table);
    hygiene(out, remarks, remark_count);
    table_of_tags(out, table);
    details(out, t, table);
    fputs("</main>\n<footer>Bytes are what blocks occupy; call sites count bytes as requested."
          "</footer>\n<script>\n",
          out);
    fwrite(pooltag_js, 1, (size_t)(pooltag_js_end - pooltag_js), out);
    fputs("</script>\n</body>\n</html>\n", out);
}
