/*
 * pooltag: tag statistics of a machine, to look at, to keep and to compare. Its parts:
 *
 *     pooltag_read.c     state block -> struct pt_state; names for call sites
 *     pooltag_table.c    filter, sort (pure)
 *     pooltag_diff.c     two states -> what grew and what shrank (pure)
 *     pooltag_hygiene.c  tags that make a leak hard to find (pure)
 *     pooltag_text.c     text, CSV, JSON
 *     pooltag_html.c, pooltag_plot.c, pooltag_page.S (pooltag.css, pooltag.js)   the HTML report
 *     pooltag_view.c     the terminal
 *     pooltag.c          the command line
 *
 * The state lies in the driver's reach: every number is taken with care, every name is made
 * printable when it is read. Output depends on the state alone: same state, same bytes.
 */
#ifndef POOLPROOF_TOOLS_POOLTAG_H
#define POOLPROOF_TOOLS_POOLTAG_H

#include "host/host.h"
#include "tools/poolmon.h"

#include <stdio.h>

/* ---- A state, read once (pooltag_read.c) ------------------------------------------------------*/

enum { PT_KERNEL = -1, PT_PLACE = 640 };

struct pt_driver {
    char name[64];
    uint64_t size; /* of its image */
};

/* Allocations of one tag from one place in the code. */
struct pt_site {
    uint32_t tag, side;
    int driver;  /* in the state's drivers, or PT_KERNEL */
    uint64_t pc; /* return address; 0 in the kernel, which is one place for each tag */
    uint64_t allocs, frees, bytes, peak_bytes; /* as requested */
    char place[PT_PLACE]; /* "leak+0x113a", after pt_state_name_sites() with function and line */
};

/* One side of one tag that was allocated at least once. */
struct pt_row {
    uint32_t tag, side; /* enum poolproof_side */
    char text[5];       /* printable */
    uint64_t allocs, frees, live, peak_live;
    uint64_t bytes, peak_bytes; /* occupied */
    uint64_t requested;
    const struct pt_site *sites; /* [site_count], most bytes first */
    size_t site_count;
    const struct poolproof_curve *curve; /* NULL: none */
    char drivers[160];                   /* who allocates it: "a.sys, nt"; "" : not known */
    const char *described;               /* "binary - description" of the tag file, or NULL */
};

struct pt_state {
    bool is_running;
    struct poolproof_state head;
    char driver_path[256], driver[256]; /* printable; the second without its folder */
    struct pt_driver drivers[64];
    size_t driver_count;
    struct pt_row *rows; /* by tag, then side */
    size_t row_count;
    struct pt_site *sites;
    size_t site_count;
    struct poolproof_curve *curves; /* points and counts within their bounds */
    size_t curve_count;
};

/* `tags` may be NULL; it must stay. */
void pt_state_read(const struct poolproof_state *s, bool is_running, const struct pm_tag_file *tags,
                   struct pt_state *ret);
void pt_state_done(struct pt_state *t);
/* Functions and lines for the call sites, where symbols are found; `dirs` as --symbols or NULL. */
void pt_state_name_sites(struct pt_state *t, const struct poolproof_state *s, const char *dirs);
/* Copy the state to a file beside `path` that then takes its place: `path` may be the state itself.
 * Returns 0 or -Exxx with one line in why. */
int pt_save(const struct host_state *st, const char *path, char why[PP_WHY_SIZE]);
static inline uint64_t pt_per_alloc(const struct pt_row *r)
{
    return r->live ? r->bytes / r->live : 0;
}
/* "7.601 s" */
void pt_time_text(uint64_t time, char ret[32]);
/* "leak.sys, ended with exit code 1, at 7.701 s of virtual time" */
void pt_state_text(const struct pt_state *t, char ret[PT_PLACE]);

/* ---- Filter, sort (pooltag_table.c) -----------------------------------------------------------*/

enum pt_sort { PT_BYTES, PT_TAG, PT_ALLOCS, PT_FREES, PT_DIFF, PT_PEAK, PT_PER_ALLOC, PT_SORTS };
extern const char *const pt_sort_names[PT_SORTS]; /* as --sort has them */

enum { PT_FILTERS_MAX = 64 };
struct pt_filter {
    const char *tags[PT_FILTERS_MAX]; /* [tag_count] patterns: one must fit; none: all fit */
    size_t tag_count;
    const char *driver; /* a part of a driver's name, in any case; NULL: all */
    bool is_side_only;
    uint32_t side;
};

struct pt_table {
    const struct pt_row **rows;
    size_t count;
};

bool pt_is_shown(const struct pt_filter *f, const struct pt_row *r);
/* Largest first, equals by tag; PT_TAG: ascending. */
void pt_table_make(const struct pt_state *t, const struct pt_filter *f, enum pt_sort sort,
                   struct pt_table *ret);
void pt_table_done(struct pt_table *t);

/* ---- Two states (pooltag_diff.c) --------------------------------------------------------------*/

struct pt_site_change {
    const struct pt_site *before, *now; /* one may be NULL */
    int64_t live, bytes;                /* as requested */
};

struct pt_change {
    const struct pt_row *before, *now; /* one may be NULL */
    int64_t allocs, live, bytes;
    struct pt_site_change *sites; /* [site_count], only those that changed */
    size_t site_count;
};

struct pt_diff {
    struct pt_change *changes;    /* most bytes grown first */
    size_t count, grown;          /* the first `grown` ones have more blocks or bytes than before */
    struct pt_site_change *sites; /* [site_count], the changes' */
    size_t site_count;
    bool is_same_run;
    char notes[2][200]; /* what a reader must know, or "" */
};

void pt_diff_make(const struct pt_state *before, const struct pt_state *now,
                  const struct pt_filter *f, struct pt_diff *ret);
void pt_diff_done(struct pt_diff *d);
/* Either of the two: for the tag's name. */
static inline const struct pt_row *pt_change_row(const struct pt_change *c)
{
    return c->now ? c->now : c->before;
}

/* ---- Hygiene (pooltag_hygiene.c) --------------------------------------------------------------*/

enum pt_habit {
    PT_HABIT_DEFAULT,
    PT_HABIT_UNPRINTABLE,
    PT_HABIT_NO_LETTER,
    PT_HABIT_SHARED,
    PT_HABIT_TAKEN,
    PT_HABIT_UNKNOWN,
    PT_HABITS
};
extern const char *const pt_habit_names[PT_HABITS];

struct pt_remark {
    const struct pt_row *row;
    enum pt_habit habit;
    char what[320];     /* one line, without the tag */
    const char *remedy; /* one sentence */
};

/* Remarks on the tags of drivers; the kernel's own are left alone. The caller frees *ret
 * (pp_free). Returns how many. */
size_t pt_hygiene(const struct pt_state *t, const struct pt_filter *f, bool has_tag_file,
                  struct pt_remark **ret);

/* ---- Output -----------------------------------------------------------------------------------*/

enum pt_format { PT_TEXT_FORMAT, PT_CSV_FORMAT, PT_JSON_FORMAT };

void pt_write_table(FILE *out, enum pt_format format, const struct pt_state *t,
                    const struct pt_table *table, bool with_sites);
void pt_write_diff(FILE *out, enum pt_format format, const struct pt_state *before,
                   const struct pt_state *now, const struct pt_diff *d);
void pt_write_hygiene(FILE *out, enum pt_format format, const struct pt_state *t,
                      const struct pt_remark *remarks, size_t count);
/* The lines of the text table, for the terminal too. The first is at `ret[0]`. */
void pt_columns_text(const struct pt_table *table, char ret[PT_PLACE]);
void pt_row_text(const struct pt_row *r, char ret[PT_PLACE]);

/* One file, no network. `remarks` [remark_count] as pt_hygiene() made them. */
void pt_write_html(FILE *out, const struct pt_state *t, const struct pt_table *table,
                   const struct pt_remark *remarks, size_t remark_count);
/* Text with the characters that mean something in HTML replaced. */
void pt_html_text(FILE *out, const char *text);

enum pt_measure { PT_PLOT_BYTES, PT_PLOT_LIVE };
enum { PT_SERIES_MAX = 8 };
/* An inline SVG: steps over virtual time, or, when the time stood still, over the allocations and
 * frees of the one row there is. `wide` for the overview. */
void pt_plot(FILE *out, const struct pt_state *t, const struct pt_row *const *rows, size_t count,
             enum pt_measure measure, bool wide);

/* The terminal until the user leaves. Returns 0 or -Exxx with one line in why. */
struct pt_view_options {
    const char *dir, *file, *symbols;
    const struct pm_tag_file *tags;
    struct pt_filter filter;
    enum pt_sort sort;
};
int pt_view(const struct pt_view_options *o, char why[PP_WHY_SIZE]);

#endif
