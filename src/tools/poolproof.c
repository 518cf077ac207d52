/* The poolproof command. Verbs and options as docs and man page list them; exit codes in host.h. */
#include "host/host.h"
#include "verify/verify.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: poolproof run DRIVER.sys [SCENARIO.lua] [options]   load, drive, unload, verdict\n"
    "       poolproof explore DRIVER.sys [SCENARIO.lua] [options]  every call that may fail, refused "
    "once\n"
    "       poolproof merge FILE...                             explorations of several machines as "
    "one\n"
    "       poolproof boot [DRIVER.sys ...] [SCENARIO.lua] [options]  stay up: a prompt, poolmon\n"
    "       poolproof info DRIVER.sys                           what it needs, and whether it can "
    "run\n"
    "       poolproof --list-rules                              every rule that can be reported\n"
    "\n"
    "options of run and boot:\n"
    "  --verify standard|FLAGS|off  Driver Verifier options (default: as stored by verifier, else\n"
    "                      standard, 0x209BB)\n"
    "  --faults PROBABILITY[,TAGS[,PROGRAMS[,MINUTES]]]  which calls fail with flag 0x4, of 10000\n"
    "                      (default 600, all tags, all programs, after 8 minutes)\n"
    "  --special-pool      special pool for all tags, as GFlags sets it; also with --verify off\n"
    "  --graphics          a display or printer driver: no pool tracking, IRQL checking, I/O "
    "verification\n"
    "                      (by itself for drivers that import win32k.sys)\n"
    "  --seed N            schedule, random inputs and the security cookie repeat with it (default "
    "0)\n"
    "  --bugcheck          stop at the first finding, as Windows does\n"
    "  --timeout S         real seconds for everything (default 60, boot: no limit; one request: a\n"
    "                      sixth, or 10)\n"
    "  --machine DIR       machine directory (default: $POOLPROOF_MACHINE, else\n"
    "                      $XDG_STATE_HOME/poolproof/default)\n"
    "  --guard NAME        guard pages by madvise, userfaultfd or mprotect (default: the best "
    "there is)\n"
    "  --symbols DIR[:DIR] where PDB files lie (default: beside the driver)\n"
    "  --json FILE         findings as JSON, one object a line\n"
    "  --keep-core DIR     keep the machine's memory and registers when it had to be ended\n"
    "  --like-windows      no departures from Windows' behaviour (docs/ARCHITECTURE.md)\n"
    "  --verbose           requests, DbgPrint and notes on standard error\n"
    "options of explore:\n"
    "  --jobs N            copies of the machine at a time (default: one a processor)\n"
    "  --depth 1|2         2: pairs of calls as well\n"
    "  --times N           only the first N calls from each stack (default: all)\n"
    "  --exclude TEXT      routines whose name holds TEXT are not refused (may be repeated)\n"
    "  --shard I/N         only every Nth call, beginning with the Ith; see merge\n"
    "  --points FILE       where the points are written (default: DRIVER.points in the machine "
    "directory)\n"
    "  --resume            go on with that file\n"
    "  --replay ID         run once with this call refused, and report in full\n"
    "  -h, --help          this text        -V, --version  the version\n"
    "\n"
    "exit codes: 0 clean, 1 findings, 2 usage or surroundings, 3 the driver needs something that "
    "is not\n"
    "modelled, 4 hang, 5 not exercised, 70 a fault of Poolproof itself\n";

static int usage_error(const char *what, const char *object)
{
    fprintf(stderr, "poolproof: %s%s%s (see poolproof --help)\n", what, object ? ": " : "",
            object ? object : "");
    return HOST_USAGE;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
    char *end;

    if (*text == '-' || *text == '\0')
        return false;
    errno = 0;
    *ret = strtoull(text, &end, 0);
    return !errno && !*end && *ret <= max;
}

static bool parse_verify(const char *text, struct host_options *o)
{
    uint64_t flags;

    if (!strcmp(text, "off")) {
        o->verify = false;
        o->options = 0;
    } else if (!strcmp(text, "standard")) {
        o->options = VF_OPT_STANDARD;
    } else if (parse_number(text, UINT32_MAX, &flags)) {
        o->options = (uint32_t)flags;
    } else {
        return false;
    }
    o->has_verify = true;
    return true;
}

/* PROBABILITY[,TAGS[,PROGRAMS[,MINUTES]]]; what is left empty keeps its default. */
static bool parse_faults(const char *text, struct host_options *o)
{
    struct host_faults *f = &o->faults;
    char copy[700], *part[4] = {copy, NULL, NULL, NULL};
    uint64_t n;

    if (strlen(text) >= sizeof copy)
        return false;
    o->has_faults = true;
    pp_fmt(copy, sizeof copy, "%s", text);
    for (unsigned i = 1; i < PP_COUNT(part) && (part[i] = strchr(part[i - 1], ',')); i++)
        *part[i]++ = '\0';
    if (*part[0]) {
        if (!parse_number(part[0], HOST_FAULT_PROBABILITY_MAX, &n) || !n)
            return false;
        f->probability = (uint32_t)n;
    }
    if (part[1])
        pp_fmt(f->tags, sizeof f->tags, "%s", part[1]);
    if (part[2])
        pp_fmt(f->applications, sizeof f->applications, "%s", part[2]);
    if (part[3] && *part[3]) {
        if (!parse_number(part[3], UINT32_MAX, &n))
            return false;
        f->delay_minutes = (uint32_t)n;
    }
    return true;
}

/* Options that change what is printed or kept, not what happens; the seed is added to each report.
 */
static const struct {
    const char *name;
    bool has_value;
} left_out[] = {{"--seed", true}, {"--json", true}, {"--keep-core", true}, {"--verbose", false},
                {"--times", true},  {"--points", true}, {"--resume", false}, {"--shard", true}, {"--jobs", true}};

/* How many arguments from `arg` on are left out of the command to repeat: 0, 1 or 2. */
static int left_out_count(const char *arg)
{
    for (size_t i = 0; i < PP_COUNT(left_out); i++) {
        size_t n = strlen(left_out[i].name);

        if (!strncmp(arg, left_out[i].name, n) && (arg[n] == '\0' || arg[n] == '='))
            return left_out[i].has_value && !arg[n] ? 2 : 1;
    }
    return 0;
}

/* The command line again, without --seed: what a reader types to see the same. */
static char *command_text(int argc, char **argv)
{
    size_t size = 16;
    char *text;

    for (int i = 1; i < argc; i++)
        size += strlen(argv[i]) + 3;
    text = pp_new(size);
    PP_ASSERT(text);
    pp_fmt(text, size, "poolproof");
    for (int i = 1; i < argc;) {
        int skip = left_out_count(argv[i]);

        if (!skip)
            pp_fmt_append(text, size, strpbrk(argv[i], " \t'\"\\$&;|<>*?") ? " '%s'" : " %s",
                          argv[i]);
        i += skip ? skip : 1;
    }
    return text;
}

enum {
    OPT_VERIFY = 256,
    OPT_FAULTS,
    OPT_SPECIAL,
    OPT_SEED,
    OPT_BUGCHECK,
    OPT_TIMEOUT,
    OPT_MACHINE,
    OPT_GUARD,
    OPT_SYMBOLS,
    OPT_JSON,
    OPT_CORE,
    OPT_LIKE,
    OPT_GRAPHICS,
    OPT_VERBOSE,
    OPT_RULES,
    OPT_JOBS,
    OPT_DEPTH,
    OPT_EXCLUDE,
    OPT_SHARD,
    OPT_POINTS,
    OPT_RESUME,
    OPT_REPLAY,
    OPT_TIMES
};

static const struct option long_options[] = {
    {"verify", required_argument, NULL, OPT_VERIFY},
    {"faults", required_argument, NULL, OPT_FAULTS},
    {"special-pool", no_argument, NULL, OPT_SPECIAL},
    {"seed", required_argument, NULL, OPT_SEED},
    {"bugcheck", no_argument, NULL, OPT_BUGCHECK},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"machine", required_argument, NULL, OPT_MACHINE},
    {"guard", required_argument, NULL, OPT_GUARD},
    {"symbols", required_argument, NULL, OPT_SYMBOLS},
    {"json", required_argument, NULL, OPT_JSON},
    {"keep-core", required_argument, NULL, OPT_CORE},
    {"like-windows", no_argument, NULL, OPT_LIKE},
    {"graphics", no_argument, NULL, OPT_GRAPHICS},
    {"verbose", no_argument, NULL, OPT_VERBOSE},
    {"jobs", required_argument, NULL, OPT_JOBS},
    {"depth", required_argument, NULL, OPT_DEPTH},
    {"exclude", required_argument, NULL, OPT_EXCLUDE},
    {"shard", required_argument, NULL, OPT_SHARD},
    {"points", required_argument, NULL, OPT_POINTS},
    {"resume", no_argument, NULL, OPT_RESUME},
    {"replay", required_argument, NULL, OPT_REPLAY},
    {"times", required_argument, NULL, OPT_TIMES},
    {"list-rules", no_argument, NULL, OPT_RULES},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static int list_rules(void)
{
    for (int i = 0; i < VF_RULE_COUNT; i++) {
        const struct vf_rule_info *r = vf_rule_info((enum vf_rule)i);
        char code[32];

        if (r->sub_param)
            pp_fmt(code, sizeof code, "0x%02X/%02llX", r->code, (unsigned long long)r->sub);
        else
            pp_fmt(code, sizeof code, "0x%02X", r->code);
        printf("%-12s %-28s %s\n", code, r->id, r->sentence);
    }
    return HOST_CLEAN;
}

enum { EXCLUDE_MAX = 32 };
static const char *excluded[EXCLUDE_MAX];

static bool parse_shard(const char *text, struct host_explore_options *e)
{
    char *end;

    e->shard = (unsigned)strtoul(text, &end, 10);
    if (end == text || *end != '/')
        return false;
    text = end + 1;
    e->shard_count = (unsigned)strtoul(text, &end, 10);
    return end != text && !*end && e->shard >= 1 && e->shard <= e->shard_count;
}

/* Options of explore. Returns -1 to go on, else the exit code. */
static int parse_explore(int opt, struct host_explore_options *e)
{
    uint64_t n;

    switch (opt) {
    case OPT_JOBS:
        if (!parse_number(optarg, 64, &n) || !n)
            return usage_error("--jobs wants 1 to 64", optarg);
        e->jobs = (unsigned)n;
        return -1;
    case OPT_DEPTH:
        if (!parse_number(optarg, 2, &n) || !n)
            return usage_error("--depth wants 1 or 2", optarg);
        e->depth = (unsigned)n;
        return -1;
    case OPT_EXCLUDE:
        if (e->exclude_count == EXCLUDE_MAX)
            return usage_error("too many --exclude", optarg);
        excluded[e->exclude_count++] = optarg;
        e->exclude = excluded;
        return -1;
    case OPT_SHARD:
        return parse_shard(optarg, e) ? -1 : usage_error("--shard wants I/N", optarg);
    case OPT_POINTS:
        e->file = optarg;
        return -1;
    case OPT_TIMES:
        if (!parse_number(optarg, UINT32_MAX, &n) || !n)
            return usage_error("--times wants a number from 1", optarg);
        e->times = (uint32_t)n;
        return -1;
    case OPT_RESUME:
        e->resume = true;
        return -1;
    default:
        e->replay = optarg;
        return -1;
    }
}

/* Returns -1 to go on, else the exit code. */
static int parse_option(int opt, const char *where, struct host_options *o, bool *special)
{
    uint64_t n;

    switch (opt) {
    case OPT_VERIFY:
        return parse_verify(optarg, o)
                   ? -1
                   : usage_error("--verify wants standard, off or flags", optarg);
    case OPT_FAULTS:
        return parse_faults(optarg, o)
                   ? -1
                   : usage_error("--faults wants PROBABILITY[,TAGS[,PROGRAMS[,MINUTES]]]", optarg);
    case OPT_SPECIAL:
        *special = true;
        return -1;
    case OPT_SEED:
        return parse_number(optarg, UINT64_MAX, &o->seed)
                   ? -1
                   : usage_error("--seed wants a number", optarg);
    case OPT_BUGCHECK:
        o->bugcheck = true;
        return -1;
    case OPT_TIMEOUT:
        if (!parse_number(optarg, 86400, &n) || !n)
            return usage_error("--timeout wants seconds, 1 to 86400", optarg);
        o->timeout_s = (unsigned)n;
        return -1;
    case OPT_MACHINE:
        o->machine_dir = optarg;
        return -1;
    case OPT_GUARD:
        if (strcmp(optarg, "madvise") && strcmp(optarg, "userfaultfd") &&
            strcmp(optarg, "mprotect"))
            return usage_error("--guard wants madvise, userfaultfd or mprotect", optarg);
        o->guard = optarg;
        return -1;
    case OPT_SYMBOLS:
        o->symbols = optarg;
        return -1;
    case OPT_JSON:
        o->json = optarg;
        return -1;
    case OPT_CORE:
        o->keep_core = optarg;
        return -1;
    case OPT_LIKE:
        o->like_windows = true;
        return -1;
    case OPT_GRAPHICS:
        o->graphics = true;
        return -1;
    case OPT_VERBOSE:
        o->verbose = true;
        return -1;
    case OPT_RULES:
        return list_rules();
    case 'h':
        fputs(usage_text, stdout);
        return HOST_CLEAN;
    case 'V':
        puts("poolproof 0.1.0");
        return HOST_CLEAN;
    default:
        return usage_error(opt == ':' ? "option wants an argument" : "unknown option", where);
    }
}

static int verb_run(struct host_options *o, int argc, char **argv, int first)
{
    if (first >= argc)
        return usage_error("run wants a driver", NULL);
    if (argc - first > 2)
        return usage_error("too many arguments", argv[first + 2]);
    o->driver = argv[first];
    o->scenario = argc - first > 1 ? argv[first + 1] : NULL;
    return host_run(o, stdout);
}

static int verb_explore(struct host_options *o, const struct host_explore_options *e, int argc,
                        char **argv, int first)
{
    if (first >= argc)
        return usage_error("explore wants a driver", NULL);
    if (argc - first > 2)
        return usage_error("too many arguments", argv[first + 2]);
    o->driver = argv[first];
    o->scenario = argc - first > 1 ? argv[first + 1] : NULL;
    return host_explore(o, e, stdout);
}

static bool is_scenario(const char *path)
{
    size_t size = strlen(path);

    return size > 4 && !strcmp(path + size - 4, ".lua");
}

static int verb_boot(struct host_options *o, int argc, char **argv, int first)
{
    int end = argc;

    if (end > first && is_scenario(argv[end - 1]))
        o->scenario = argv[--end];
    if (end - first > HOST_DRIVERS_MAX)
        return usage_error("too many drivers", argv[first + HOST_DRIVERS_MAX]);
    return host_boot(o, argv + first, (unsigned)(end - first), stdout);
}

int main(int argc, char **argv)
{
    struct host_explore_options e = {.depth = 1, .shard_count = 1};
    struct host_options o = {.verify = true,
                             .options = VF_OPT_STANDARD,
                             .faults = {.probability = HOST_FAULT_PROBABILITY,
                                        .delay_minutes = HOST_FAULT_MINUTES}};
    bool special = false;
    char *command = command_text(argc, argv);
    int opt, code;

    o.command = command;
    o.progress = isatty(STDERR_FILENO);
    opterr = 0; /* our own line says it */
    while ((opt = getopt_long(argc, argv, ":hV", long_options, NULL)) != -1) {
        code = opt >= OPT_JOBS ? parse_explore(opt, &e)
                               : parse_option(opt, argv[optind - 1], &o, &special);
        if (code >= 0)
            goto done;
    }
    if (o.has_faults && o.verify)
        o.options |= VF_OPT_LOW_RESOURCES;
    o.special_pool = special;
    if (special)
        o.options |= VF_OPT_SPECIAL_POOL;
    if (optind >= argc) {
        fputs(usage_text, stderr);
        code = HOST_USAGE;
    } else if (!strcmp(argv[optind], "run")) {
        code = verb_run(&o, argc, argv, optind + 1);
    } else if (!strcmp(argv[optind], "explore")) {
        code = verb_explore(&o, &e, argc, argv, optind + 1);
    } else if (!strcmp(argv[optind], "merge")) {
        code = optind + 1 < argc
                   ? host_merge(argv + optind + 1, (unsigned)(argc - optind - 1), stdout)
                   : usage_error("merge wants files of points", NULL);
    } else if (!strcmp(argv[optind], "boot")) {
        code = verb_boot(&o, argc, argv, optind + 1);
    } else if (!strcmp(argv[optind], "info")) {
        if (argc - optind != 2)
            code = usage_error("info wants one driver", NULL);
        else
            code = host_info(argv[optind + 1], stdout);
    } else {
        code = usage_error("unknown command", argv[optind]);
    }

done:
    pp_free(command);
    return code;
}
