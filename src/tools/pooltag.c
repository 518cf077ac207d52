/* The pooltag command; docs/pooltag.1 describes it. Exit codes: 0 done, and nothing grew or was
 * remarked; 1 something was (--diff, --hygiene); 2 usage or surroundings. */
#include "tools/pooltag.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_FOUND = 1, EXIT_TROUBLE = 2 };

static const char usage_text[] =
    "usage: pooltag [options]                 the table, or the viewer on a terminal\n"
    "       pooltag --save FILE               keep the state as it is now\n"
    "       pooltag --diff OLD [NEW]          what grew since a saved state\n"
    "       pooltag --hygiene                 tags that make a leak hard to find\n"
    "       pooltag --html FILE               report with plots, in one file; - is standard "
    "output\n"
    "\n"
    "  --machine DIR     machine directory (default: $POOLPROOF_MACHINE, else\n"
    "                    $XDG_STATE_HOME/poolproof/default)\n"
    "  --state FILE      a saved state instead\n"
    "  --sort KEY        bytes (default), tag, allocs, frees, diff, peak or per-alloc\n"
    "  --filter PATTERN  only tags like this: * any characters, ? one; again: these too\n"
    "  --driver NAME     only tags of drivers with this in their names\n"
    "  --paged, --nonpaged\n"
    "  --sites           call sites under each tag\n"
    "  --symbols DIR[:DIR]  where PDB files and images lie (default: beside the driver)\n"
    "  --pooltag FILE    owners by a tag file (pooltag.txt of the Windows kits)\n"
    "  --json, --csv     instead of text: one object a line, or comma-separated values\n"
    "  --table           the table, on a terminal too\n"
    "  -h, --help        this text        -V, --version  the version\n"
    "\n"
    "exit codes: 0 nothing grew, nothing to remark; 1 something (--diff, --hygiene); 2 usage or "
    "surroundings\n";

enum mode { MODE_DEFAULT, MODE_SAVE, MODE_DIFF, MODE_HYGIENE, MODE_HTML };

struct command {
    enum mode mode;
    const char *path;  /* of --save, --diff or --html */
    const char *newer; /* second file of --diff, or NULL */
    const char *dir, *state, *symbols, *tag_file;
    struct pm_tag_file tags;
    struct pt_filter filter;
    enum pt_sort sort;
    enum pt_format format;
    bool with_sites, as_table;
};

static int usage_error(const char *what, const char *object)
{
    fprintf(stderr, "pooltag: %s%s%s (see pooltag --help)\n", what, object ? ": " : "",
            object ? object : "");
    return EXIT_TROUBLE;
}

static int trouble(const char *why)
{
    fprintf(stderr, "pooltag: %s\n", why);
    return EXIT_TROUBLE;
}

/* ---- Options ---- */

enum {
    OPT_MACHINE = 256,
    OPT_STATE,
    OPT_SORT,
    OPT_FILTER,
    OPT_DRIVER,
    OPT_PAGED,
    OPT_NONPAGED,
    OPT_SITES,
    OPT_SYMBOLS,
    OPT_POOLTAG,
    OPT_JSON,
    OPT_CSV,
    OPT_TABLE,
    OPT_SAVE,
    OPT_DIFF,
    OPT_HYGIENE,
    OPT_HTML
};

static const struct option long_options[] = {
    {"machine", required_argument, NULL, OPT_MACHINE},
    {"state", required_argument, NULL, OPT_STATE},
    {"sort", required_argument, NULL, OPT_SORT},
    {"filter", required_argument, NULL, OPT_FILTER},
    {"driver", required_argument, NULL, OPT_DRIVER},
    {"paged", no_argument, NULL, OPT_PAGED},
    {"nonpaged", no_argument, NULL, OPT_NONPAGED},
    {"sites", no_argument, NULL, OPT_SITES},
    {"symbols", required_argument, NULL, OPT_SYMBOLS},
    {"pooltag", required_argument, NULL, OPT_POOLTAG},
    {"json", no_argument, NULL, OPT_JSON},
    {"csv", no_argument, NULL, OPT_CSV},
    {"table", no_argument, NULL, OPT_TABLE},
    {"save", required_argument, NULL, OPT_SAVE},
    {"diff", required_argument, NULL, OPT_DIFF},
    {"hygiene", no_argument, NULL, OPT_HYGIENE},
    {"html", required_argument, NULL, OPT_HTML},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static int set_mode(struct command *c, enum mode mode, const char *path)
{
    if (c->mode != MODE_DEFAULT)
        return usage_error("only one of --save, --diff, --hygiene and --html at a time", NULL);
    c->mode = mode;
    c->path = path;
    return -1;
}

static int set_sort(struct command *c, const char *name)
{
    for (int i = 0; i < PT_SORTS; i++) {
        if (!strcmp(name, pt_sort_names[i])) {
            c->sort = (enum pt_sort)i;
            return -1;
        }
    }
    return usage_error("--sort wants bytes, tag, allocs, frees, diff, peak or per-alloc", name);
}

static int set_side(struct command *c, uint32_t side)
{
    if (c->filter.is_side_only && c->filter.side != side)
        return usage_error("--paged and --nonpaged together leave nothing", NULL);
    c->filter.is_side_only = true;
    c->filter.side = side;
    return -1;
}

static int add_filter(struct command *c, const char *pattern)
{
    if (c->filter.tag_count == PT_FILTERS_MAX)
        return usage_error("too many --filter options", pattern);
    c->filter.tags[c->filter.tag_count++] = pattern;
    return -1;
}

/* Returns -1 to go on, else the exit code. */
static int parse_option(int opt, const char *where, struct command *c)
{
    switch (opt) {
    case OPT_MACHINE:
        c->dir = optarg;
        return -1;
    case OPT_STATE:
        c->state = optarg;
        return -1;
    case OPT_SORT:
        return set_sort(c, optarg);
    case OPT_FILTER:
        return add_filter(c, optarg);
    case OPT_DRIVER:
        c->filter.driver = optarg;
        return -1;
    case OPT_PAGED:
        return set_side(c, POOLPROOF_PAGED);
    case OPT_NONPAGED:
        return set_side(c, POOLPROOF_NONPAGED);
    case OPT_SITES:
        c->with_sites = c->as_table = true;
        return -1;
    case OPT_SYMBOLS:
        c->symbols = optarg;
        return -1;
    case OPT_POOLTAG:
        c->tag_file = optarg;
        return -1;
    case OPT_JSON:
        c->format = PT_JSON_FORMAT;
        return -1;
    case OPT_CSV:
        c->format = PT_CSV_FORMAT;
        return -1;
    case OPT_TABLE:
        c->as_table = true;
        return -1;
    case OPT_SAVE:
        return set_mode(c, MODE_SAVE, optarg);
    case OPT_DIFF:
        return set_mode(c, MODE_DIFF, optarg);
    case OPT_HYGIENE:
        return set_mode(c, MODE_HYGIENE, NULL);
    case OPT_HTML:
        return set_mode(c, MODE_HTML, optarg);
    case 'h':
        fputs(usage_text, stdout);
        return 0;
    case 'V':
        puts("pooltag 0.1.0");
        return 0;
    default:
        return usage_error(opt == ':' ? "option wants an argument" : "unknown option", where);
    }
}

/* What the options mean together. Returns -1 to go on, else the exit code. */
static int check(struct command *c, int argc, char **argv)
{
    int first = optind;

    if (c->mode == MODE_DIFF && first < argc)
        c->newer = argv[first++];
    if (first < argc)
        return usage_error("unexpected argument", argv[first]);
    if (c->newer && (c->state || c->dir))
        return usage_error("--diff with two files wants neither --state nor --machine", NULL);
    if (c->format == PT_CSV_FORMAT && c->mode == MODE_HYGIENE)
        return usage_error("--hygiene is text or --json", NULL);
    if (c->format != PT_TEXT_FORMAT && (c->mode == MODE_SAVE || c->mode == MODE_HTML))
        return usage_error("--json and --csv do not go with --save and --html", NULL);
    return -1;
}

/* ---- Modes ---- */

static void name_sites(const struct command *c, struct pt_state *t, const struct host_state *st)
{
    if (c->with_sites || c->mode == MODE_HTML || c->mode == MODE_DIFF)
        pt_state_name_sites(t, st->s, c->symbols);
}

/* Did everything arrive? The stream is left open. */
static int finish(FILE *out, const char *name)
{
    char why[PP_WHY_SIZE];

    if (!fflush(out) && !ferror(out))
        return 0;
    pp_fmt(why, sizeof why, "%.120s: %s", name, strerror(errno));
    return trouble(why);
}

/* A file beside the wanted one takes its place when it is whole. */
static int write_html(const struct command *c, const struct pt_state *t)
{
    bool is_stdout = !strcmp(c->path, "-");
    struct pt_remark *remarks;
    struct pt_table table;
    char beside[4096], why[PP_WHY_SIZE];
    size_t count;
    FILE *out;
    int code;

    pp_fmt(beside, sizeof beside, "%.4000s.new", c->path);
    out = is_stdout ? stdout : fopen(beside, "we");
    if (!out) {
        pp_fmt(why, sizeof why, "%.120s: %s", c->path, strerror(errno));
        return trouble(why);
    }
    pt_table_make(t, &c->filter, c->sort, &table);
    count = pt_hygiene(t, &c->filter, c->tag_file != NULL, &remarks);
    pt_write_html(out, t, &table, remarks, count);
    code = finish(out, c->path);
    pp_free(remarks);
    pt_table_done(&table);
    if (is_stdout)
        return code;
    if (fclose(out) || (!code && rename(beside, c->path))) {
        pp_fmt(why, sizeof why, "%.120s: %s", c->path, strerror(errno));
        code = trouble(why);
    }
    if (code)
        (void)unlink(beside); /* half of a report is of no use */
    return code;
}

static int run_table(const struct command *c, const struct pt_state *t)
{
    struct pt_table table;

    pt_table_make(t, &c->filter, c->sort, &table);
    pt_write_table(stdout, c->format, t, &table, c->with_sites);
    pt_table_done(&table);
    return finish(stdout, "standard output");
}

static int run_hygiene(const struct command *c, const struct pt_state *t)
{
    struct pt_remark *remarks;
    size_t count = pt_hygiene(t, &c->filter, c->tag_file != NULL, &remarks);
    int code;

    pt_write_hygiene(stdout, c->format, t, remarks, count);
    pp_free(remarks);
    code = finish(stdout, "standard output");
    return code ? code : count ? EXIT_FOUND : 0;
}

static int run_diff(const struct command *c, const struct pt_state *now)
{
    struct host_state st;
    struct pt_state before;
    struct pt_diff d;
    char why[PP_WHY_SIZE];
    int code;

    if (host_state_open(NULL, c->path, &st, why))
        return trouble(why);
    pt_state_read(st.s, false, &c->tags, &before);
    name_sites(c, &before, &st);
    pt_diff_make(&before, now, &c->filter, &d);
    pt_write_diff(stdout, c->format, &before, now, &d);
    code = finish(stdout, "standard output");
    code = code ? code : d.grown ? EXIT_FOUND : 0;
    pt_diff_done(&d);
    pt_state_done(&before);
    host_state_close(&st);
    return code;
}

static bool wants_viewer(const struct command *c)
{
    return c->mode == MODE_DEFAULT && c->format == PT_TEXT_FORMAT && !c->as_table &&
           isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static int view(const struct command *c)
{
    struct pt_view_options o = {.dir = c->dir,
                                .file = c->state,
                                .symbols = c->symbols,
                                .tags = c->tag_file ? &c->tags : NULL,
                                .filter = c->filter,
                                .sort = c->sort};
    char why[PP_WHY_SIZE];

    return pt_view(&o, why) ? trouble(why) : 0;
}

static int run(const struct command *c)
{
    const char *file = c->newer ? c->newer : c->state;
    struct host_state st;
    struct pt_state t;
    char why[PP_WHY_SIZE];
    int code = 0;

    if (wants_viewer(c))
        return view(c);
    if (host_state_open(c->dir, file, &st, why))
        return trouble(why);
    pt_state_read(st.s, host_state_is_running(&st), c->tag_file ? &c->tags : NULL, &t);
    name_sites(c, &t, &st);
    switch (c->mode) {
    case MODE_SAVE:
        code = pt_save(&st, c->path, why) ? trouble(why) : 0;
        break;
    case MODE_DIFF:
        code = run_diff(c, &t);
        break;
    case MODE_HYGIENE:
        code = run_hygiene(c, &t);
        break;
    case MODE_HTML:
        code = write_html(c, &t);
        break;
    case MODE_DEFAULT:
        code = run_table(c, &t);
        break;
    }
    pt_state_done(&t);
    host_state_close(&st);
    return code;
}

int main(int argc, char **argv)
{
    struct command c = {.sort = PT_BYTES};
    char why[PP_WHY_SIZE];
    int opt, code;

    opterr = 0; /* our own line says it */
    while ((opt = getopt_long(argc, argv, ":hV", long_options, NULL)) != -1) {
        code = parse_option(opt, argv[optind - 1], &c);
        if (code >= 0)
            return code;
    }
    code = check(&c, argc, argv);
    if (code >= 0)
        return code;
    if (c.tag_file && pm_tag_file_read(&c.tags, c.tag_file, why))
        return trouble(why);
    code = run(&c);
    pm_tag_file_done(&c.tags);
    return code;
}
