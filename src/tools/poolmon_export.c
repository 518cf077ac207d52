/*
 * One snapshot as text (as PoolMon's /n), CSV (RFC 4180), JSON (one object a line) or Prometheus
 * text (exposition format 0.0.4).
 */
#include "tools/poolmon.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const side_words[2] = {
    [POOLPROOF_NONPAGED] = "nonpaged", [POOLPROOF_PAGED] = "paged"};

enum { TAG_TEXT = 17 };

/* No two tags read alike: what is not printable becomes \xNN. */
static void exact_tag(uint32_t tag, char ret[TAG_TEXT])
{
    *ret = '\0';
    for (int i = 0; i < 4; i++) {
        unsigned c = tag >> 8 * i & 0xFF;

        pp_fmt_append(ret, TAG_TEXT, c >= 0x20 && c < 0x7F ? "%c" : "\\x%02x", c);
    }
}

/* ---- Text ---- */

static void put_line(const char *text, FILE *out)
{
    size_t n = strlen(text);

    while (n && text[n - 1] == ' ')
        n--;
    fprintf(out, "%.*s\n", (int)n, text);
}

static void write_text(const struct pm_export *x, FILE *out)
{
    struct pm_columns c = pm_columns_fit(x->table, x->view, false);
    char text[PM_TEXT];
    unsigned sides[2];
    size_t sums = pm_sums_shown(x->view, sides);

    for (int i = 0; i < PM_HEADER_LINES; i++) {
        pm_header_text(&x->snapshot->machine, &c, x->snapshot->machine.totals.page_faults, i, text);
        put_line(text, out);
    }
    for (size_t i = 0; i < x->table->count; i++) {
        pm_row_text(&c, &x->table->lines[i], text, NULL);
        put_line(text, out);
    }
    for (size_t i = 0; i < sums; i++) {
        pm_sum_text(&c, &x->table->sums[sides[i]], sides[i], text);
        fputs(i ? "" : "\n", out);
        put_line(text, out);
    }
}

/* ---- CSV ---- */

static void put_quoted(const char *text, FILE *out)
{
    if (!strpbrk(text, ",\"\r\n") && *text != ' ' && (!*text || text[strlen(text) - 1] != ' ')) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++)
        fprintf(out, *text == '"' ? "\"\"" : "%c", *text);
    fputc('"', out);
}

static void write_csv(const struct pm_export *x, FILE *out)
{
    bool has_mapped = x->view->local || x->view->global;

    fprintf(out,
            "Tag,Type,Allocs,Frees,Diff,Bytes,Per Alloc,Peak Bytes,Requested,Peak Live,Owner,"
            "Call Site%s\r\n",
            has_mapped ? ",Mapped_Driver" : "");
    for (size_t i = 0; i < x->table->count; i++) {
        const struct pm_line *l = &x->table->lines[i];
        const struct pm_row *r = l->row;
        char tag[TAG_TEXT];

        exact_tag(r->tag, tag);
        put_quoted(tag, out);
        fprintf(out,
                ",%s,%" PRIu64 ",%" PRIu64 ",%d,%" PRIu64 ",%" PRId64 ",%" PRIu64 ",%" PRIu64
                ",%" PRIu64 ",",
                pm_side_name(r->side), r->allocs64, r->frees64, l->diff, r->bytes, l->per_alloc,
                r->peak_bytes, r->requested, r->peak_live);
        put_quoted(r->owner, out);
        fputc(',', out);
        put_quoted(r->site, out);
        if (has_mapped) {
            fputc(',', out);
            put_quoted(l->mapped, out);
        }
        fputs("\r\n", out);
    }
}

/* ---- JSON ---- */

static void put_object(json_t *o, FILE *out)
{
    if (!o || json_dumpf(o, out, JSON_COMPACT))
        errno = ENOMEM; /* the line is missing: the stream's error flag stays the caller's sign */
    else
        fputc('\n', out);
    json_decref(o);
}

static const char *state_word(const struct pm_machine *m)
{
    if (m->is_running)
        return "running";
    return m->phase == POOLPROOF_ENDED ? "ended" : "killed";
}

static json_t *machine_object(const struct pm_machine *m)
{
    const struct poolproof_totals *t = &m->totals;
    char seed[24];

    pp_fmt(seed, sizeof seed, "%" PRIu64, m->seed);
    return json_pack(
        "{ss ss ss si si sI ss sI sI sI sI sI sI sI sI}", "type", "machine", "driver", m->driver,
        "state", state_word(m), "exit", (int)m->exit_code, "machine", (int)m->generation, "time",
        (json_int_t)m->time, "seed", seed, "memory", (json_int_t)t->physical_bytes, "available",
        (json_int_t)t->available_bytes, "commit", (json_int_t)t->commit_bytes, "commit_limit",
        (json_int_t)t->commit_limit_bytes, "commit_peak", (json_int_t)t->commit_peak_bytes,
        "nonpaged", (json_int_t)t->bytes[POOLPROOF_NONPAGED], "paged",
        (json_int_t)t->bytes[POOLPROOF_PAGED], "findings", (json_int_t)t->findings);
}

static json_t *line_object(const struct pm_line *l)
{
    const struct pm_row *r = l->row;
    char tag[TAG_TEXT];
    json_t *o;

    exact_tag(r->tag, tag);
    o = json_pack("{ss ss ss sI sI si sI sI sI sI sI ss ss}", "type", "tag", "tag", tag, "pool",
                  side_words[r->side], "allocs", (json_int_t)r->allocs64, "frees",
                  (json_int_t)r->frees64, "diff", l->diff, "bytes", (json_int_t)r->bytes,
                  "per_alloc", (json_int_t)l->per_alloc, "peak_bytes", (json_int_t)r->peak_bytes,
                  "requested", (json_int_t)r->requested, "peak_live", (json_int_t)r->peak_live,
                  "owner", r->owner, "site", r->site);
    if (o && l->mapped && json_object_set_new(o, "mapped", json_string(l->mapped)))
        errno = ENOMEM; /* as in put_object */
    return o;
}

static void write_json(const struct pm_export *x, FILE *out)
{
    unsigned sides[2];
    size_t sums = pm_sums_shown(x->view, sides);

    put_object(machine_object(&x->snapshot->machine), out);
    for (size_t i = 0; i < x->table->count; i++)
        put_object(line_object(&x->table->lines[i]), out);
    for (size_t i = 0; i < sums; i++) {
        const struct pm_sum *s = &x->table->sums[sides[i]];

        put_object(json_pack("{ss ss sI sI sI sI sI}", "type", "sum", "pool", side_words[sides[i]],
                             "rows", (json_int_t)s->rows, "allocs", (json_int_t)s->allocs, "frees",
                             (json_int_t)s->frees, "diff", (json_int_t)s->diff, "bytes",
                             (json_int_t)s->bytes),
                   out);
    }
}

/* ---- Prometheus ---- */

static void put_label(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            fputc('\\', out);
        if (*text == '\n')
            fputs("\\n", out);
        else
            fputc(*text, out);
    }
}

static void put_family(const char *name, const char *type, const char *help, FILE *out)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static uint64_t row_live(const struct pm_row *r)
{
    return r->allocs64 - r->frees64;
}

#define ROW_VALUE(name, expression)              \
    static uint64_t name(const struct pm_row *r) \
    {                                            \
        return expression;                       \
    }
ROW_VALUE(row_allocs, r->allocs64)
ROW_VALUE(row_frees, r->frees64)
ROW_VALUE(row_bytes, r->bytes)
ROW_VALUE(row_peak, r->peak_bytes)
ROW_VALUE(row_requested, r->requested)
ROW_VALUE(row_peak_live, r->peak_live)
#undef ROW_VALUE

static const struct {
    const char *name, *type, *help;
    uint64_t (*value)(const struct pm_row *r);
} row_families[] = {
    {"poolproof_pool_allocs_total", "counter", "Pool allocations of a tag.", row_allocs},
    {"poolproof_pool_frees_total", "counter", "Pool blocks of a tag that were freed.", row_frees},
    {"poolproof_pool_live_blocks", "gauge", "Pool blocks of a tag that are allocated.", row_live},
    {"poolproof_pool_peak_live_blocks", "gauge", "Most pool blocks of a tag at once.",
     row_peak_live},
    {"poolproof_pool_bytes", "gauge", "Bytes that the pool blocks of a tag occupy.", row_bytes},
    {"poolproof_pool_peak_bytes", "gauge", "Most bytes that the pool blocks of a tag occupied.",
     row_peak},
    {"poolproof_pool_requested_bytes", "gauge", "Bytes that were asked for, of blocks allocated.",
     row_requested},
};

static void write_rows(const struct pm_export *x, FILE *out)
{
    for (size_t f = 0; f < PP_COUNT(row_families); f++) {
        put_family(row_families[f].name, row_families[f].type, row_families[f].help, out);
        for (size_t i = 0; i < x->table->count; i++) {
            const struct pm_row *r = x->table->lines[i].row;
            char tag[TAG_TEXT];

            exact_tag(r->tag, tag);
            fprintf(out, "%s{tag=\"", row_families[f].name);
            put_label(tag, out);
            fprintf(out, "\",pool=\"%s\"} %" PRIu64 "\n", side_words[r->side],
                    row_families[f].value(r));
        }
    }
}

static void write_drivers(const struct pm_snapshot *s, FILE *out)
{
    put_family("poolproof_driver_pool_bytes", "gauge", "Bytes a driver asked for and still holds.",
               out);
    for (size_t i = 0; i < 2 * s->driver_count; i++) {
        const struct pm_driver *d = &s->drivers[i / 2];

        fputs("poolproof_driver_pool_bytes{driver=\"", out);
        put_label(d->name, out);
        fprintf(out, "\",load=\"%zu\",pool=\"%s\"} %" PRIu64 "\n", i / 2 + 1, side_words[i % 2],
                d->bytes[i % 2]);
    }
}

static void put_value(const char *name, const char *type, const char *help, uint64_t v, FILE *out)
{
    put_family(name, type, help, out);
    fprintf(out, "%s %" PRIu64 "\n", name, v);
}

static void write_prometheus(const struct pm_export *x, FILE *out)
{
    const struct pm_machine *m = &x->snapshot->machine;
    const struct poolproof_totals *t = &m->totals;

    write_rows(x, out);
    write_drivers(x->snapshot, out);
    put_value("poolproof_machine_running", "gauge", "1 while the machine runs.", m->is_running,
              out);
    put_value("poolproof_machine_starts_total", "counter", "Machines started in this run.",
              m->generation, out);
    put_value("poolproof_findings_total", "counter", "Findings so far.", t->findings, out);
    put_value("poolproof_requests_total", "counter", "Requests sent to the driver.", t->requests,
              out);
    put_value("poolproof_requests_completed_total", "counter", "Requests completed.", t->completed,
              out);
    put_value("poolproof_commit_bytes", "gauge", "Memory in use by the machine.", t->commit_bytes,
              out);
    put_value("poolproof_memory_bytes", "gauge", "Memory of the simulated computer.",
              t->physical_bytes, out);
}

/* ---- Any of them ---- */

void pm_export_write(const struct pm_export *x, FILE *out)
{
    static void (*const writers[])(const struct pm_export *, FILE *) = {
        [PM_FORMAT_TEXT] = write_text,
        [PM_FORMAT_CSV] = write_csv,
        [PM_FORMAT_JSON] = write_json,
        [PM_FORMAT_PROMETHEUS] = write_prometheus,
    };

    writers[x->format](x, out);
}

/* Pipes and devices are written to as they are. */
static bool is_replaced(const char *path)
{
    struct stat st;

    return stat(path, &st) || S_ISREG(st.st_mode);
}

int pm_export_file(const struct pm_export *x, const char *path, char why[PP_WHY_SIZE])
{
    bool is_beside = is_replaced(path);
    char beside[4096];
    FILE *out;
    int err = 0;

    if (is_beside)
        pp_fmt(beside, sizeof beside, "%s.%d~", path, (int)getpid());
    else
        pp_fmt(beside, sizeof beside, "%s", path);
    out = fopen(beside, "we");
    if (out) {
        pm_export_write(x, out);
        if (ferror(out) | fclose(out) || (is_beside && rename(beside, path)))
            err = errno ? -errno : -EIO;
        if (err && is_beside)
            (void)unlink(beside); /* half of a snapshot is of no use */
    } else {
        err = -errno;
    }
    if (err)
        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", path, strerror(-err));
    return err;
}
