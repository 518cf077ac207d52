/* The poolmon command: PoolMon's command line, with a slash or a dash, and options of ours with two
 * dashes. */
#include "tools/poolmon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_BAD = 2, FILTERS_MAX = 64, INTERVAL_MS = 5000, DAY_S = 86400 };

static const char usage_text[] =
    "usage: poolmon [/iTag] [/xTag] [/c [File]] [/g [File]] [/s[Session]] [/p | /p /p] [/e]\n"
    "               [/( | /)] [/t | /a | /f | /d | /b | /m] [/l] [/n [File]] [/? | /h] [--...]\n"
    "Pool use by tag, of the machine that runs in a machine directory, or ran there last. Each\n"
    "option may begin with / or -.\n"
    "\n"
    "  /iTag     only this tag; repeatable; * fits any characters, ? exactly one\n"
    "  /xTag     not this tag; repeatable\n"
    "  /g [File] the driver of each tag, from a tag file (default: pooltag.txt)\n"
    "  /c [File] the same from a local tag file (default: localtag.txt), which is made of the\n"
    "            drivers in the folder of --drivers when it is missing\n"
    "  /s[N]     pool of all sessions, or of session N, in place of the system's\n"
    "  /p        nonpaged pool only; /p /p paged pool only\n"
    "  /e        sums at the end\n"
    "  /( or /)  sort by change since the last update\n"
    "  /t        sort by tag (default); /a allocations, /f frees, /d difference, /b bytes,\n"
    "            /m bytes per allocation\n"
    "  /l        do not highlight what changed\n"
    "  /n [File] write one snapshot and exit (default: poolsnap.log)\n"
    "  /? or /h  this text\n"
    "\n"
    "  --machine DIR    machine directory (default: $POOLPROOF_MACHINE, else\n"
    "                   $XDG_STATE_HOME/poolproof/default)\n"
    "  --state FILE     a saved state\n"
    "  --interval S     seconds between updates (default 5; 0.1 to 86400)\n"
    "  --drivers DIR    folder that /c looks for drivers in (default: the current one)\n"
    "  --peak, --owner, --site  columns: most bytes at once, driver, place in its code\n"
    "  --mouse          the wheel scrolls, a click on a column's head sorts by it\n"
    "  --once           print one snapshot and exit; --csv and --json likewise, in that format\n"
    "  --prometheus FILE|PORT   write metrics to a file at each update, or serve them at\n"
    "                   http://127.0.0.1:PORT/metrics\n"
    "  -V, --version    the version\n";

static int usage_error(const char *object, const char *what)
{
    fprintf(stderr, "poolmon: %s: %s (see poolmon /?)\n", object, what);
    return EXIT_BAD;
}

static int failed(const char *why)
{
    fprintf(stderr, "poolmon: %s\n", why);
    return EXIT_BAD;
}

static int source_failed(int err, const char *why)
{
    if (err != -ENODATA)
        return failed(why);
    fputs("Query pooltags Failed c0000002\n", stderr); /* PoolMon's words */
    return EXIT_BAD;
}

/* ---- The command line ---- */

struct command {
    struct pm_options o;
    struct pm_filter filters[FILTERS_MAX];
    const char *local, *global; /* tag files; NULL: not asked for */
    int argc, at;
    char **argv;
};

/* Arguments that begin with a slash are options, unless they name a file in a folder. */
static bool is_file(const char *arg)
{
    return arg && *arg != '-' && (*arg != '/' || strchr(arg + 1, '/'));
}

/* The file after an option, or what it means without one. */
static const char *optional_file(struct command *c, const char *otherwise)
{
    return c->at + 1 < c->argc && is_file(c->argv[c->at + 1]) ? c->argv[++c->at] : otherwise;
}

static int add_filter(struct command *c, const char *arg)
{
    const char *pattern = arg + 2;

    if (!*pattern)
        return usage_error(arg, "a tag follows, without a space");
    if (*pattern == '*')
        return usage_error(arg, "a tag does not begin with *");
    if (c->o.view.filter_count == FILTERS_MAX)
        return usage_error(arg, "more than 64 tags");
    c->filters[c->o.view.filter_count++] =
        (struct pm_filter){.pattern = pattern, .is_exclude = arg[1] == 'x'};
    return -1;
}

static int parse_session(struct pm_view *v, const char *arg)
{
    char *end;
    unsigned long id;

    v->session = PM_ALL_SESSIONS;
    if (!arg[2])
        return -1;
    id = strtoul(arg + 2, &end, 10);
    if (*end || end == arg + 2 || arg[2] < '0' || arg[2] > '9' || id > 65535)
        return usage_error(arg, "a session is a number");
    v->session = (int)id;
    return -1;
}

/* A letter alone. */
static int parse_letter(struct command *c, const char *arg)
{
    struct pm_view *v = &c->o.view;

    switch (arg[1]) {
    case 'c':
        c->local = optional_file(c, "localtag.txt");
        return -1;
    case 'g':
        c->global = optional_file(c, "pooltag.txt");
        return -1;
    case 'n':
        c->o.snapshot = optional_file(c, "poolsnap.log");
        return -1;
    case '(':
    case ')':
        v->by_change = true;
        return -1;
    case 'e':
        v->totals = true;
        return -1;
    case 'l':
        v->highlight = false;
        return -1;
    case 'p':
        v->kind = v->kind == PM_BOTH ? PM_NONPAGED : PM_PAGED;
        return -1;
    case '?':
    case 'h':
        fputs(usage_text, stdout);
        return EXIT_OK;
    case 'V':
        puts("poolmon 0.1.0");
        return EXIT_OK;
    default:
        return strchr("tafdbm", arg[1]) && pm_view_key(v, arg[1])
                   ? -1
                   : usage_error(arg, "unknown option");
    }
}

static int parse_windows(struct command *c, const char *arg)
{
    if (arg[1] == 'i' || arg[1] == 'x')
        return add_filter(c, arg);
    if (arg[1] == 's')
        return parse_session(&c->o.view, arg);
    if (!arg[1] || arg[2])
        return usage_error(arg, "unknown option");
    return parse_letter(c, arg);
}

static int parse_interval(struct pm_options *o, const char *text)
{
    char *end;
    double s = strtod(text, &end);

    if (end == text || *end || !(s >= 0.1 && s <= DAY_S))
        return usage_error(text, "--interval wants seconds, 0.1 to 86400");
    o->interval_ms = (unsigned)(s * 1000);
    return -1;
}

static const struct {
    const char *name;
    bool has_value;
    char key;
} long_options[] = {
    {"--machine", true, 'm'}, {"--state", true, 's'},    {"--interval", true, 'i'},
    {"--drivers", true, 'd'}, {"--peak", false, 'p'},    {"--owner", false, 'o'},
    {"--site", false, 'c'},   {"--mouse", false, 'M'},   {"--once", false, '1'},
    {"--csv", false, 'C'},    {"--json", false, 'J'},    {"--prometheus", true, 'P'},
    {"--help", false, 'h'},   {"--version", false, 'V'},
};

static int apply_long(struct command *c, char key, const char *value)
{
    struct pm_options *o = &c->o;

    switch (key) {
    case 'm':
        o->source.dir = value;
        return -1;
    case 's':
        o->source.file = value;
        return -1;
    case 'i':
        return parse_interval(o, value);
    case 'd':
        o->drivers = value;
        return -1;
    case 'p':
        o->view.peak = true;
        return -1;
    case 'o':
        o->view.owner = true;
        return -1;
    case 'c':
        o->view.site = true;
        return -1;
    case 'M':
        o->mouse = true;
        return -1;
    case '1':
        o->once = true;
        return -1;
    case 'C':
    case 'J':
        o->format = key == 'C' ? PM_FORMAT_CSV : PM_FORMAT_JSON;
        o->once = true;
        return -1;
    case 'P':
        o->prometheus = value;
        o->format = PM_FORMAT_PROMETHEUS;
        return -1;
    default: /* --help and --version, as /h and -V */
        return parse_letter(c, key == 'h' ? "-h" : "-V");
    }
}

static int parse_long(struct command *c, const char *arg)
{
    size_t n = strcspn(arg, "=");

    for (size_t i = 0; i < PP_COUNT(long_options); i++) {
        const char *value = arg[n] ? arg + n + 1 : NULL;

        if (strlen(long_options[i].name) != n || strncmp(arg, long_options[i].name, n) != 0)
            continue;
        if (value && !long_options[i].has_value)
            return usage_error(arg, "this option has no argument");
        if (!value && long_options[i].has_value) {
            if (c->at + 1 >= c->argc)
                return usage_error(arg, "option wants an argument");
            value = c->argv[++c->at];
        }
        return apply_long(c, long_options[i].key, value);
    }
    return usage_error(arg, "unknown option");
}

/* Returns -1 to go on, else the exit code. */
static int parse(struct command *c)
{
    int code = -1;

    for (c->at = 1; code < 0 && c->at < c->argc; c->at++) {
        const char *arg = c->argv[c->at];

        if (!strncmp(arg, "--", 2))
            code = parse_long(c, arg);
        else if (*arg == '/' || *arg == '-')
            code = parse_windows(c, arg);
        else
            code = usage_error(arg, "no option takes this");
    }
    return code;
}

/* ---- Tag files ---- */

static int load_local(struct command *c, struct pm_tag_file *f, char why[PP_WHY_SIZE])
{
    bool is_default = !strcmp(c->local, "localtag.txt");
    const char *where = is_default ? " in current directory" : "";
    int err;

    if (access(c->local, F_OK)) {
        fprintf(stderr, "PoolMon: No %s%s\n", c->local, where);
        fprintf(stderr, "PoolMon: Creating %s%s......\n", c->local, where);
        err = pm_scan(c->o.drivers, c->local, why);
        if (err)
            return err;
    }
    return pm_tag_file_read(f, c->local, why);
}

/* ---- What to do ---- */

static int with_snapshot(struct pm_options *o, char why[PP_WHY_SIZE],
                         int (*fn)(const struct pm_export *x, const struct pm_options *o,
                                   char why[PP_WHY_SIZE]))
{
    struct pm_snapshot snap;
    struct pm_table table;
    enum pm_news news;
    int err = pm_source_next(&o->source, NULL, &snap, &news, why);

    if (err)
        return err;
    err = pm_table_make(&snap, NULL, &o->view, &table);
    if (err) {
        pp_fmt(why, PP_WHY_SIZE, "out of memory");
    } else {
        struct pm_export x = {o->format, &snap, &table, &o->view};

        err = fn(&x, o, why);
        pm_table_done(&table);
    }
    pm_snapshot_done(&snap);
    return err;
}

static int to_stdout(const struct pm_export *x, const struct pm_options *o, char why[PP_WHY_SIZE])
{
    (void)o; /* one signature for all */
    pm_export_write(x, stdout);
    if (fflush(stdout) || ferror(stdout)) {
        pp_fmt(why, PP_WHY_SIZE, "standard output: %s", strerror(errno));
        return -EIO;
    }
    return 0;
}

static int to_snapshot(const struct pm_export *x, const struct pm_options *o, char why[PP_WHY_SIZE])
{
    return pm_export_file(x, o->snapshot, why);
}

static int to_metrics(const struct pm_export *x, const struct pm_options *o, char why[PP_WHY_SIZE])
{
    return pm_export_file(x, o->prometheus, why);
}

static bool is_port(const char *text, uint16_t *ret)
{
    unsigned long n = strtoul(text, NULL, 10);

    if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 5 || n > 65535)
        return false;
    *ret = (uint16_t)n;
    return true;
}

/* Write the file again and again; a machine that is not there yet is waited for. */
static int metrics_run(struct pm_options *o, char why[PP_WHY_SIZE])
{
    const struct timespec interval = {.tv_sec = o->interval_ms / 1000,
                                      .tv_nsec = o->interval_ms % 1000 * 1000000};

    for (;;) {
        int err = with_snapshot(o, why, to_metrics);

        if (o->once || (err && err != -ENOENT && err != -EAGAIN))
            return err;
        (void)nanosleep(&interval, NULL); /* a signal only makes it shorter */
    }
}

static int run(struct pm_options *o, char why[PP_WHY_SIZE])
{
    uint16_t port;

    if (o->snapshot)
        return with_snapshot(o, why, to_snapshot);
    if (o->prometheus && is_port(o->prometheus, &port))
        return o->once ? with_snapshot(o, why, to_stdout) : pm_http_serve(o, port, why);
    if (o->prometheus)
        return metrics_run(o, why);
    if (o->once)
        return with_snapshot(o, why, to_stdout);
    return pm_screen_run(o, why);
}

int main(int argc, char **argv)
{
    struct command c = {
        .o = {.view = {.session = PM_SYSTEM, .highlight = true},
              .interval_ms = INTERVAL_MS,
              .drivers = "."},
        .argc = argc,
        .argv = argv,
    };
    struct pm_tag_file local = {0}, global = {0};
    char why[PP_WHY_SIZE] = "";
    int code = parse(&c), err = 0;

    if (code >= 0)
        return code;
    c.o.view.filters = c.filters;
    c.o.source.with_sites = c.o.view.owner || c.o.view.site || c.o.format == PM_FORMAT_CSV ||
                            c.o.format == PM_FORMAT_JSON;
    if (c.local)
        err = load_local(&c, &local, why);
    if (!err && c.global)
        err = pm_tag_file_read(&global, c.global, why);
    if (!err) {
        c.o.view.local = c.local ? &local : NULL;
        c.o.view.global = c.global ? &global : NULL;
        err = run(&c.o, why);
    }
    pm_source_close(&c.o.source);
    pm_tag_file_done(&local);
    pm_tag_file_done(&global);
    return err ? source_failed(err, why) : EXIT_OK;
}
