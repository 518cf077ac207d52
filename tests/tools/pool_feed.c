/*
 * A machine without a machine: publishes a state block as a supervisor does, with the numbers that
 * standard input says, so that what reads it can be tested number by number. Answers each line with
 * "ok", when it is visible to readers.
 *
 *     start DIR DRIVER                     publish; the first line
 *     driver NAME BASE SIZE                one more driver
 *     tag TAG paged|nonpaged ALLOCS FREES BYTES    counters from now on
 *     site TAG paged|nonpaged DRIVER PC ALLOCS BYTES
 *     tagging-off
 *     restart                              a fresh machine in the same run
 *     end CODE                             the verdict; another start may follow
 */
#include "base/state.h"
#include "host/host_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    struct host_publish p;
    unsigned drivers, sites, starts;
} g;

static void lay_out(void)
{
    struct poolproof_totals *t;

    pp_state_init(g.p.s);
    t = &g.p.s->totals;
    t->physical_bytes = 4ull << 30;
    t->commit_limit_bytes = 5ull << 30;
    t->available_bytes = t->physical_bytes;
    g.p.s->phase = POOLPROOF_RUNNING;
    g.drivers = g.sites = 0;
}

static uint32_t to_tag(const char *text)
{
    char four[4] = "    ";

    memcpy(four, text, PP_MIN(strlen(text), sizeof four));
    return pp_load32(four);
}

static struct poolproof_tag *tag_row(uint32_t tag)
{
    for (uint32_t i = 0; i < g.p.s->tags.row_count; i++) {
        struct poolproof_tag *row = pp_state_row(g.p.s, &g.p.s->tags, i);

        if (!row->tag)
            row->tag = tag;
        if (row->tag == tag)
            return row;
    }
    return NULL;
}

static bool set_tag(char **w)
{
    unsigned side = !strcmp(w[2], "paged") ? POOLPROOF_PAGED : POOLPROOF_NONPAGED;
    struct poolproof_tag *row = tag_row(to_tag(w[1]));
    struct poolproof_totals *t = &g.p.s->totals;
    struct poolproof_tag_side *s = &row->side[side];

    t->bytes[side] -= s->bytes;
    s->allocs64 = strtoull(w[3], NULL, 0);
    s->frees64 = strtoull(w[4], NULL, 0);
    s->allocs = (uint32_t)s->allocs64;
    s->frees = (uint32_t)s->frees64;
    s->bytes = s->requested = strtoull(w[5], NULL, 0);
    s->peak_bytes = PP_MAX(s->peak_bytes, s->bytes);
    s->peak_live = PP_MAX(s->peak_live, s->allocs64 - s->frees64);
    t->bytes[side] += s->bytes;
    t->commit_bytes = t->bytes[0] + t->bytes[1];
    t->commit_peak_bytes = PP_MAX(t->commit_peak_bytes, t->commit_bytes);
    t->available_bytes = t->physical_bytes - t->commit_bytes;
    return true;
}

static bool add_driver(char **w)
{
    struct poolproof_driver *d = pp_state_row(g.p.s, &g.p.s->drivers, g.drivers++);

    d->bits = POOLPROOF_DRIVER_LOADED;
    d->base = strtoull(w[2], NULL, 0);
    d->size = strtoull(w[3], NULL, 0);
    pp_fmt(d->name, sizeof d->name, "%s", w[1]);
    return true;
}

static bool add_site(char **w)
{
    struct poolproof_site *s = pp_state_row(g.p.s, &g.p.s->sites, g.sites++);

    s->side = !strcmp(w[2], "paged") ? POOLPROOF_PAGED : POOLPROOF_NONPAGED;
    s->driver = (uint32_t)strtoul(w[3], NULL, 0);
    s->pc = strtoull(w[4], NULL, 0);
    s->allocs = strtoull(w[5], NULL, 0);
    s->bytes = strtoull(w[6], NULL, 0);
    s->tag = to_tag(w[1]);
    return true;
}

static bool start(char **w)
{
    const struct host_options o = {.machine_dir = w[1], .driver = w[2]};

    host_publish_start(&g.p, &o);
    if (!g.p.s)
        return false;
    g.p.s->start_time += g.starts++; /* one process, many runs */
    lay_out();
    return true;
}

static bool restart(char **w)
{
    (void)w; /* no arguments */
    lay_out();
    return true;
}

static bool tagging_off(char **w)
{
    (void)w; /* no arguments */
    g.p.s->tags.row_count = 0;
    return true;
}

static bool end(char **w)
{
    host_publish_end(&g.p, atoi(w[1]));
    return true;
}

enum { WORDS_MAX = 8 };

static const struct {
    const char *name;
    int words;
    bool needs_block;
    bool (*fn)(char **w);
} commands[] = {
    {"start", 3, false, start},
    {"driver", 4, true, add_driver},
    {"tag", 6, true, set_tag},
    {"site", 7, true, add_site},
    {"restart", 1, true, restart},
    {"end", 2, true, end},
    {"tagging-off", 1, true, tagging_off},
};

static bool carry_out(char *line)
{
    char *words[WORDS_MAX], *save = NULL;
    int count = 0;

    for (char *w = strtok_r(line, " \n", &save); w && count < WORDS_MAX;
         w = strtok_r(NULL, " \n", &save))
        words[count++] = w;
    for (size_t i = 0; count && i < PP_COUNT(commands); i++)
        if (!strcmp(words[0], commands[i].name) && count == commands[i].words &&
            (g.p.s || !commands[i].needs_block))
            return commands[i].fn(words);
    return false;
}

int main(void)
{
    char line[512];

    while (fgets(line, sizeof line, stdin)) {
        bool is_done = carry_out(line);

        puts(is_done ? "ok" : "not understood");
        (void)fflush(stdout); /* whoever feeds us waits for it */
        if (!is_done)
            return 2;
    }
    return 0;
}
