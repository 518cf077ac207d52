/*
 * poolmon: pool use by tag, of a machine that runs or of a state it left. Its parts:
 *
 *     poolmon_read.c     state block -> struct pm_snapshot; notices restarts and the next machine
 *     poolmon_model.c    snapshot -> struct pm_table: filter, sort, changes, totals (pure)
 *     poolmon_text.c     table -> lines of text: header, columns, rows (pure)
 *     poolmon_tags.c     pooltag.txt and localtag.txt (pure, but for reading the file)
 *     poolmon_scan.c     the tags in a folder of drivers -> localtag.txt
 *     poolmon_export.c   text, CSV, JSON, Prometheus
 *     poolmon_http.c     the Prometheus endpoint
 *     poolmon_screen.c   the terminal
 *     poolmon.c          the command line
 *
 * Every output takes its rows from the same table. Doc: Windows Driver Kit, PoolMon.
 */
#ifndef POOLPROOF_TOOLS_POOLMON_H
#define POOLPROOF_TOOLS_POOLMON_H

#include "host/host.h"

#include <stdio.h>

/* ---- Snapshots (poolmon_read.c) ---------------------------------------------------------------*/

/* One side of one tag that was allocated at least once. */
struct pm_row {
    uint32_t tag;
    uint32_t side;          /* enum poolproof_side */
    uint32_t allocs, frees; /* wrap at 32 bits, as PoolMon's do */
    uint64_t allocs64, frees64;
    uint64_t bytes, peak_bytes; /* occupied */
    uint64_t requested, peak_live;
    char owner[80]; /* the driver that allocated most of it; "" unless asked for */
    char site[112]; /* the place in the code that holds most of it; "" likewise */
};

struct pm_machine {
    bool is_running;
    uint32_t phase, exit_code;
    uint32_t generation, supervisor_pid;
    uint64_t start_time, time, seed;
    uint32_t sites_lost;
    char driver[128]; /* file name, printable */
    struct poolproof_totals totals;
};

struct pm_driver {
    bool is_loaded;
    uint64_t live[2], bytes[2], peak_bytes[2]; /* enum poolproof_side; as requested */
    char name[64];
};

struct pm_snapshot {
    struct pm_machine machine;
    struct pm_row *rows; /* ascending by tag bytes, then side */
    size_t count;
    struct pm_driver *drivers; /* in the order of loading */
    size_t driver_count;
};

/* Where snapshots come from. */
struct pm_source {
    const char *dir, *file; /* as host_state_open() takes them */
    bool with_sites;        /* fill in owner and site */
    struct host_state state;
    bool is_open;
};

/* What pm_source_next() noticed on its way. */
enum pm_news {
    PM_SAME,      /* the machine of the last snapshot */
    PM_RESTARTED, /* the same run, a fresh machine: every counter began anew */
    PM_ATTACHED,  /* another run, or the first */
};

/*
 * Take the next snapshot. When the machine has ended and another one runs in the directory, goes
 * over to that.
 *
 * last  the snapshot before, or NULL: what `ret_news` compares with
 *
 * Returns 0, or -Exxx with one line in why: -ENOENT (no machine yet), -EAGAIN (the machine is just
 * starting, or keeps restarting: the last snapshot stays good), -ENODATA (pool tagging is off).
 */
int pm_source_next(struct pm_source *src, const struct pm_snapshot *last, struct pm_snapshot *ret,
                   enum pm_news *ret_news, char why[PP_WHY_SIZE]);
void pm_source_close(struct pm_source *src);
void pm_snapshot_done(struct pm_snapshot *s);
/* Control characters and what is not ASCII become '.'. */
void pm_clean(char *text);

/* ---- Tag files (poolmon_tags.c) ---------------------------------------------------------------*/

struct pm_tag_record {
    char tag[5]; /* a pattern: '?' any character, '*' any rest */
    char *text;  /* what follows "Tag - " */
};

struct pm_tag_file {
    struct pm_tag_record *records; /* in file order: the first match counts */
    size_t count, room;
};

/* Read records from text; lines that are none are passed over. Returns 0 or -ENOMEM. */
int pm_tag_file_parse(struct pm_tag_file *f, const char *text, size_t size);
/* Returns 0 or -Exxx with one line in why. */
int pm_tag_file_read(struct pm_tag_file *f, const char *path, char why[PP_WHY_SIZE]);
void pm_tag_file_done(struct pm_tag_file *f);
/* The text of the first record that fits, or NULL. */
const char *pm_tag_file_find(const struct pm_tag_file *f, uint32_t tag);
/* Does the tag fit the pattern? A shorter pattern fits a tag that ends in blanks. */
bool pm_tag_matches(const char *pattern, uint32_t tag);

/*
 * Collect the tags that the drivers (*.sys) in `folder` use and write them as a tag file.
 * Drivers that cannot be read are named on standard error.
 * Returns 0 or -Exxx with one line in why (-ENOENT: there is no driver).
 */
int pm_scan(const char *folder, const char *path, char why[PP_WHY_SIZE]);

/* ---- The model (poolmon_model.c): pure --------------------------------------------------------*/

enum pm_sort { PM_TAG, PM_ALLOCS, PM_FREES, PM_DIFF, PM_BYTES, PM_PER_ALLOC };
enum pm_kind { PM_BOTH, PM_NONPAGED, PM_PAGED, PM_KIND_COUNT };
enum pm_sessions { PM_SYSTEM = -2, PM_ALL_SESSIONS = -1 }; /* 0 and up: that session */

struct pm_filter {
    const char *pattern;
    bool is_exclude;
};

/* What options and keys choose. */
struct pm_view {
    enum pm_sort sort;
    bool by_change;
    enum pm_kind kind;
    int session; /* enum pm_sessions, or a session's number */
    bool totals, highlight;
    bool peak, owner, site; /* columns of ours */
    const struct pm_filter *filters;
    size_t filter_count;
    const struct pm_tag_file *local, *global; /* of /c and /g; NULL: no such column */
};

struct pm_line {
    const struct pm_row *row;
    int32_t diff;
    int64_t per_alloc;
    int32_t allocs_change, frees_change; /* since the snapshot before */
    int64_t bytes_change, per_alloc_change;
    char *mapped; /* "[driver]", or NULL without /c and /g */
};

struct pm_sum {
    size_t rows;
    uint64_t allocs, frees, bytes;
    int64_t diff;
};

struct pm_table {
    struct pm_line *lines;
    size_t count;
    struct pm_sum sums[2]; /* enum poolproof_side, of the lines */
};

/* The rows that a view shows of `now`, filtered, then sorted, then summed. `before` may be NULL: no
 * changes then. Keeps pointers into `now`. Returns 0 or -ENOMEM. */
int pm_table_make(const struct pm_snapshot *now, const struct pm_snapshot *before,
                  const struct pm_view *v, struct pm_table *ret);
void pm_table_done(struct pm_table *t);
/* The keys and options that change a view: t a f d b m ( ) p l e s and 0-9. False: not one of them.
 */
bool pm_view_key(struct pm_view *v, int key);

/* ---- Text (poolmon_text.c): pure --------------------------------------------------------------*/

enum { PM_TEXT = 768, PM_HEADER_LINES = 5 };

struct pm_columns {
    const struct pm_view *view;
    bool with_changes;
    int allocs, allocs_change, frees, frees_change, diff, bytes, bytes_change, per_alloc;
    int peak, owner, site; /* 0: not shown */
};

/* Widths: PoolMon's, wider where a number needs it. */
struct pm_columns pm_columns_fit(const struct pm_table *t, const struct pm_view *v,
                                 bool with_changes);
/* `page_faults` since the last update. `line` is from 0: memory, commit, what pool, columns, an
 * empty one. */
void pm_header_text(const struct pm_machine *m, const struct pm_columns *c, uint64_t page_faults,
                    int line, char ret[PM_TEXT]);
/* One row. `ret_marks`, may be NULL, is as long as the text: '+' under a value that grew since the
 * last update, '-' under one that shrank, ' ' elsewhere. */
void pm_row_text(const struct pm_columns *c, const struct pm_line *line, char ret[PM_TEXT],
                 char ret_marks[PM_TEXT]);
void pm_sum_text(const struct pm_columns *c, const struct pm_sum *sum, unsigned side,
                 char ret[PM_TEXT]);
/* The sums' sides, those that the view shows: returns 0 when there are none to show. */
size_t pm_sums_shown(const struct pm_view *v, unsigned ret_sides[2]);
/* Four printable characters. */
void pm_tag_text(uint32_t tag, char ret[5]);
const char *pm_side_name(unsigned side);
/* How the machine is: "hevd.sys: running". */
void pm_machine_text(const struct pm_machine *m, char ret[PM_TEXT]);

/* ---- Exports (poolmon_export.c) ---------------------------------------------------------------*/

enum pm_format { PM_FORMAT_TEXT, PM_FORMAT_CSV, PM_FORMAT_JSON, PM_FORMAT_PROMETHEUS };

struct pm_export {
    enum pm_format format;
    const struct pm_snapshot *snapshot;
    const struct pm_table *table;
    const struct pm_view *view;
};

/* Write one snapshot. Errors stay in the stream. */
void pm_export_write(const struct pm_export *x, FILE *out);
/* Write to a file beside `path` that then takes its place. Returns 0 or -Exxx with one line in why.
 */
int pm_export_file(const struct pm_export *x, const char *path, char why[PP_WHY_SIZE]);

/* ---- Going on (poolmon_http.c, poolmon_screen.c) ----------------------------------------------*/

/* Everything the command line says. */
struct pm_options {
    struct pm_source source;
    struct pm_view view;
    unsigned interval_ms;
    enum pm_format format;
    bool once;
    const char *snapshot;   /* file of /n; NULL: none */
    const char *prometheus; /* file or port; NULL: none */
    const char *drivers;    /* folder that /c scans */
    bool mouse;
};

/*
 * Answer GET /metrics on 127.0.0.1 until a signal ends the process.
 * Returns -Exxx with one line in why when the port cannot be had.
 */
int pm_http_serve(struct pm_options *o, uint16_t port, char why[PP_WHY_SIZE]);
/* The terminal, until the user leaves. Returns 0 or -Exxx with one line in why. */
int pm_screen_run(struct pm_options *o, char why[PP_WHY_SIZE]);

#endif
