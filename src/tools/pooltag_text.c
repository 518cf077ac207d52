/* What pooltag prints: text for people, CSV, JSON (one object a line). */
#include "tools/pooltag.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

static const char *const side_names[2] = {"Nonp", "Paged"};

/* ---- Text ---- */

void pt_columns_text(const struct pt_table *table, char ret[PT_PLACE])
{
    bool is_described = false;

    for (size_t i = 0; i < table->count; i++)
        is_described |= table->rows[i]->described != NULL;
    pp_fmt(ret, PT_PLACE, " %-4s %-5s %10s %10s %8s %12s %12s %9s  %s", "Tag", "Type", "Allocs",
           "Frees", "Diff", "Bytes", "Peak", "Per Alloc",
           is_described ? "Drivers             Tag file" : "Drivers");
}

void pt_row_text(const struct pt_row *r, char ret[PT_PLACE])
{
    pp_fmt(ret, PT_PLACE,
           " %s %-5s %10" PRIu64 " %10" PRIu64 " %8" PRIu64 " %12" PRIu64 " %12" PRIu64 " %9" PRIu64
           "  %s",
           r->text, side_names[r->side], r->allocs, r->frees, r->live, r->bytes, r->peak_bytes,
           pt_per_alloc(r), r->drivers[0] ? r->drivers : "-");
    if (r->described) {
        size_t n = strlen(r->drivers[0] ? r->drivers : "-");

        pp_fmt_append(ret, PT_PLACE, "%*s%s", n < 20 ? (int)(20 - n) : 1, "", r->described);
    }
}

static void text_site(FILE *out, const struct pt_site *s)
{
    fprintf(out,
            "        %10" PRIu64 " %10" PRIu64 " %8" PRId64 " %12" PRIu64 " %12" PRIu64
            "            %s\n",
            s->allocs, s->frees, (int64_t)(s->allocs - s->frees), s->bytes, s->peak_bytes,
            s->place);
}

static void text_sums(FILE *out, const struct pt_table *table)
{
    uint64_t bytes[2] = {0, 0}, live[2] = {0, 0};

    for (size_t i = 0; i < table->count; i++) {
        bytes[table->rows[i]->side] += table->rows[i]->bytes;
        live[table->rows[i]->side] += table->rows[i]->live;
    }
    fprintf(out,
            "%zu %s; nonpaged %" PRIu64 " bytes in %" PRIu64 " blocks, paged %" PRIu64
            " bytes in %" PRIu64 " blocks\n",
            table->count, table->count == 1 ? "row" : "rows", bytes[0], live[0], bytes[1], live[1]);
}

static void text_table(FILE *out, const struct pt_state *t, const struct pt_table *table,
                       bool with_sites)
{
    char line[PT_PLACE];

    pt_state_text(t, line);
    fprintf(out, "%s\n", line);
    pt_columns_text(table, line);
    fprintf(out, "%s\n", line);
    for (size_t i = 0; i < table->count; i++) {
        const struct pt_row *r = table->rows[i];

        pt_row_text(r, line);
        fprintf(out, "%s\n", line);
        for (size_t j = 0; with_sites && j < r->site_count; j++) {
            if (r->sites[j].driver != PT_KERNEL || r->site_count > 1) /* else it says the same */
                text_site(out, &r->sites[j]);
        }
    }
    text_sums(out, table);
    if (t->head.sites_lost)
        fprintf(out, "note: %u allocations have no call site: their table is full\n",
                t->head.sites_lost);
}

static void text_diff(FILE *out, const struct pt_state *before, const struct pt_state *now,
                      const struct pt_diff *d)
{
    char was[32], is[32];

    pt_time_text(before->head.time, was);
    pt_time_text(now->head.time, is);
    fprintf(out, "%s at %s -> %s at %s of virtual time\n", before->driver, was, now->driver, is);
    for (size_t i = 0; i < PP_COUNT(d->notes); i++) {
        if (d->notes[i][0])
            fprintf(out, "note: %s\n", d->notes[i]);
    }
    fprintf(out, " %-4s %-5s %11s %9s %13s %12s  %s\n", "Tag", "Type", "Allocs", "Diff", "Bytes",
            "Bytes now", "Drivers");
    for (size_t i = 0; i < d->count; i++) {
        const struct pt_change *c = &d->changes[i];
        const struct pt_row *r = pt_change_row(c);

        fprintf(out, " %s %-5s %+11" PRId64 " %+9" PRId64 " %+13" PRId64 " %12" PRIu64 "  %s\n",
                r->text, side_names[r->side], c->allocs, c->live, c->bytes,
                c->now ? c->now->bytes : 0, r->drivers[0] ? r->drivers : "-");
        for (size_t j = 0; j < c->site_count; j++) {
            const struct pt_site_change *s = &c->sites[j];

            if (c->site_count == 1 && (s->now ? s->now : s->before)->driver == PT_KERNEL)
                break; /* it says the same */
            fprintf(out, "                        %+9" PRId64 " %+13" PRId64 "               %s\n",
                    s->live, s->bytes, (s->now ? s->now : s->before)->place);
        }
    }
    fprintf(out, "%zu grew, %zu shrank or only turned over\n", d->grown, d->count - d->grown);
}

static void text_hygiene(FILE *out, const struct pt_state *t, const struct pt_remark *remarks,
                         size_t count)
{
    for (size_t i = 0; i < count; i++)
        fprintf(out, "\"%s\" %s: %s. %s\n", remarks[i].row->text, pt_habit_names[remarks[i].habit],
                remarks[i].what, remarks[i].remedy);
    fprintf(out, "%s: %zu %s about tags\n", t->driver, count, count == 1 ? "remark" : "remarks");
}

/* ---- CSV: one header line, quoted as in RFC 4180 ---- */

static void csv_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void csv_row_start(FILE *out, const struct pt_row *r)
{
    csv_text(out, r->text);
    fprintf(out, ",0x%08x,%s,", r->tag, side_names[r->side]);
}

static void csv_table(FILE *out, const struct pt_table *table, bool with_sites)
{
    fprintf(out, "Tag,Value,Type,Allocs,Frees,Diff,Bytes,Peak,PerAlloc,Drivers,TagFile%s\n",
            with_sites ? ",Site" : "");
    for (size_t i = 0; i < table->count; i++) {
        const struct pt_row *r = table->rows[i];

        csv_row_start(out, r);
        fprintf(out, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",",
                r->allocs, r->frees, r->live, r->bytes, r->peak_bytes, pt_per_alloc(r));
        csv_text(out, r->drivers);
        fputc(',', out);
        csv_text(out, r->described ? r->described : "");
        fprintf(out, "%s\n", with_sites ? "," : "");
        for (size_t j = 0; with_sites && j < r->site_count; j++) {
            const struct pt_site *s = &r->sites[j];
            int64_t live = (int64_t)(s->allocs - s->frees);

            csv_row_start(out, r);
            fprintf(out,
                    "%" PRIu64 ",%" PRIu64 ",%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",,,",
                    s->allocs, s->frees, live, s->bytes, s->peak_bytes,
                    live > 0 ? s->bytes / (uint64_t)live : 0);
            csv_text(out, s->place);
            fputs("\n", out);
        }
    }
}

static void csv_diff(FILE *out, const struct pt_diff *d)
{
    fputs("Tag,Value,Type,AllocsChange,DiffChange,BytesChange,BytesNow,Drivers\n", out);
    for (size_t i = 0; i < d->count; i++) {
        const struct pt_change *c = &d->changes[i];
        const struct pt_row *r = pt_change_row(c);

        csv_row_start(out, r);
        fprintf(out, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRIu64 ",", c->allocs, c->live,
                c->bytes, c->now ? c->now->bytes : 0);
        csv_text(out, r->drivers);
        fputs("\n", out);
    }
}

/* ---- JSON ---- */

static void json_line(FILE *out, json_t *object)
{
    PP_ASSERT(object && !json_dumpf(object, out, JSON_COMPACT));
    fputc('\n', out);
    json_decref(object);
}

static json_t *json_tag(const char *type, const struct pt_row *r)
{
    char value[16];

    pp_fmt(value, sizeof value, "0x%08x", r->tag);
    return json_pack("{ss ss ss ss}", "type", type, "tag", r->text, "tag_value", value, "pool",
                     r->side ? "paged" : "nonpaged");
}

static void set(json_t *object, const char *name, uint64_t v)
{
    PP_ASSERT(!json_object_set_new(object, name, json_integer((json_int_t)v)));
}

static json_t *json_site(const struct pt_state *t, const struct pt_site *s)
{
    json_t *o = json_pack("{ss ss}", "place", s->place, "driver",
                          s->driver == PT_KERNEL ? "nt" : t->drivers[s->driver].name);

    PP_ASSERT(o);
    set(o, "allocs", s->allocs);
    set(o, "frees", s->frees);
    set(o, "bytes", s->bytes);
    set(o, "peak_bytes", s->peak_bytes);
    return o;
}

static void json_head(FILE *out, const struct pt_state *t, const char *which)
{
    json_t *o = json_pack("{ss ss ss sb}", "type", "state", "which", which, "driver", t->driver,
                          "running", (int)t->is_running);

    PP_ASSERT(o);
    if (t->head.phase == POOLPROOF_ENDED)
        set(o, "exit_code", t->head.exit_code);
    set(o, "time", t->head.time);
    set(o, "seed", t->head.seed);
    set(o, "sites_lost", t->head.sites_lost);
    json_line(out, o);
}

static void json_table(FILE *out, const struct pt_state *t, const struct pt_table *table,
                       bool with_sites)
{
    json_head(out, t, "now");
    for (size_t i = 0; i < table->count; i++) {
        const struct pt_row *r = table->rows[i];
        json_t *o = json_tag("tag", r), *sites = json_array();

        PP_ASSERT(o && sites);
        set(o, "allocs", r->allocs);
        set(o, "frees", r->frees);
        set(o, "diff", r->live);
        set(o, "bytes", r->bytes);
        set(o, "peak_bytes", r->peak_bytes);
        set(o, "requested", r->requested);
        set(o, "peak_diff", r->peak_live);
        set(o, "per_alloc", pt_per_alloc(r));
        PP_ASSERT(!json_object_set_new(o, "drivers", json_string(r->drivers)));
        if (r->described)
            PP_ASSERT(!json_object_set_new(o, "tag_file", json_string(r->described)));
        for (size_t j = 0; with_sites && j < r->site_count; j++)
            PP_ASSERT(!json_array_append_new(sites, json_site(t, &r->sites[j])));
        if (with_sites)
            PP_ASSERT(!json_object_set(o, "sites", sites));
        json_decref(sites);
        json_line(out, o);
    }
}

static json_t *json_site_change(const struct pt_site_change *s)
{
    return json_pack("{ss sI sI}", "place", (s->now ? s->now : s->before)->place, "diff",
                     (json_int_t)s->live, "bytes", (json_int_t)s->bytes);
}

static void json_diff(FILE *out, const struct pt_state *before, const struct pt_state *now,
                      const struct pt_diff *d)
{
    json_head(out, before, "before");
    json_head(out, now, "now");
    for (size_t i = 0; i < PP_COUNT(d->notes); i++) {
        if (d->notes[i][0])
            json_line(out, json_pack("{ss ss}", "type", "note", "text", d->notes[i]));
    }
    for (size_t i = 0; i < d->count; i++) {
        const struct pt_change *c = &d->changes[i];
        json_t *o = json_tag("change", pt_change_row(c)), *sites = json_array();

        PP_ASSERT(o && sites);
        PP_ASSERT(!json_object_set_new(o, "grown", json_boolean(i < d->grown)));
        set(o, "allocs", (uint64_t)c->allocs);
        set(o, "diff", (uint64_t)c->live);
        set(o, "bytes", (uint64_t)c->bytes);
        set(o, "bytes_now", c->now ? c->now->bytes : 0);
        PP_ASSERT(!json_object_set_new(o, "drivers", json_string(pt_change_row(c)->drivers)));
        for (size_t j = 0; j < c->site_count; j++)
            PP_ASSERT(!json_array_append_new(sites, json_site_change(&c->sites[j])));
        PP_ASSERT(!json_object_set_new(o, "sites", sites));
        json_line(out, o);
    }
}

static void json_hygiene(FILE *out, const struct pt_remark *remarks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_t *o = json_tag("hygiene", remarks[i].row);

        PP_ASSERT(o);
        PP_ASSERT(!json_object_set_new(o, "habit", json_string(pt_habit_names[remarks[i].habit])) &&
                  !json_object_set_new(o, "what", json_string(remarks[i].what)) &&
                  !json_object_set_new(o, "remedy", json_string(remarks[i].remedy)));
        json_line(out, o);
    }
}

/* ---- By format ---- */

void pt_write_table(FILE *out, enum pt_format format, const struct pt_state *t,
                    const struct pt_table *table, bool with_sites)
{
    if (format == PT_CSV_FORMAT)
        csv_table(out, table, with_sites);
    else if (format == PT_JSON_FORMAT)
        json_table(out, t, table, with_sites);
    else
        text_table(out, t, table, with_sites);
}

void pt_write_diff(FILE *out, enum pt_format format, const struct pt_state *before,
                   const struct pt_state *now, const struct pt_diff *d)
{
    if (format == PT_CSV_FORMAT)
        csv_diff(out, d);
    else if (format == PT_JSON_FORMAT)
        json_diff(out, before, now, d);
    else
        text_diff(out, before, now, d);
}

void pt_write_hygiene(FILE *out, enum pt_format format, const struct pt_state *t,
                      const struct pt_remark *remarks, size_t count)
{
    if (format == PT_JSON_FORMAT)
        json_hygiene(out, remarks, count);
    else
        text_hygiene(out, t, remarks, count);
}
