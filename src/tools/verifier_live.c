/*
 * The machine that runs: what it publishes (poolproof/state.h) is read, and volatile changes are
 * sent to it as orders (host_control). The block lies in a driver's reach: texts are bounded and
 * cleaned before they are shown.
 */
#include "tools/verifier.h"
#include "base/state.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* ---- Reading ---- */

static void clean(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7E)
            *text = '.';
}

/* The row of the same driver loaded before, or a new one. Each load has a row of its own there. */
static struct poolproof_driver *row_of(struct vr_live *l, const char *name)
{
    for (unsigned i = 0; i < l->count; i++) {
        if (!strcasecmp(l->drivers[i].name, name))
            return &l->drivers[i];
    }
    pp_fmt(l->drivers[l->count].name, sizeof l->drivers[l->count].name, "%s", name);
    return &l->drivers[l->count++];
}

static void add_load(struct poolproof_driver *to, const struct poolproof_driver *d)
{
    to->loads += d->loads;
    to->unloads += d->unloads;
    for (int i = 0; i < 2; i++) {
        to->live[i] += d->live[i];
        to->bytes[i] += d->bytes[i];
        to->peak_live[i] = PP_MAX(to->peak_live[i], d->peak_live[i]);
        to->peak_bytes[i] = PP_MAX(to->peak_bytes[i], d->peak_bytes[i]);
    }
    to->contiguous_bytes += d->contiguous_bytes;
    to->peak_contiguous_bytes = PP_MAX(to->peak_contiguous_bytes, d->peak_contiguous_bytes);
}

/* Drivers that are to be verified and were never loaded. */
static void add_names(struct vr_live *l, const char *names)
{
    size_t size;

    for (; *(names += strspn(names, " \t")) && l->count < VR_NAMES_MAX; names += size) {
        char name[64];

        size = strcspn(names, " \t");
        pp_fmt(name, sizeof name, "%.*s", (int)PP_MIN(size, sizeof name - 1), names);
        if (strcmp(name, "*") != 0 && strcasecmp(name, "*.sys") != 0)
            (void)row_of(l, name);
    }
}

static int read_block(const struct host_state *st, struct vr_live *l)
{
    struct poolproof_state head = *st->s;
    char names[sizeof head.verified];

    if (head.drivers.row_count > VR_NAMES_MAX)
        head.drivers.row_count = VR_NAMES_MAX;
    l->drivers = pp_new_array(2 * VR_NAMES_MAX, sizeof *l->drivers);
    if (!l->drivers)
        return -ENOMEM;
    (void)pp_state_read(&st->s->totals, &l->totals, sizeof l->totals); /* else the best there is */
    for (uint32_t i = 0; i < head.drivers.row_count && l->totals.options; i++) {
        struct poolproof_driver d;

        (void)pp_state_read(pp_state_row(st->s, &head.drivers, i), &d, sizeof d); /* as above */
        d.name[sizeof d.name - 1] = '\0';
        clean(d.name);
        if (!*d.name)
            break;
        if (d.bits & POOLPROOF_DRIVER_VERIFIED)
            add_load(row_of(l, d.name), &d);
    }
    memcpy(names, head.verified, sizeof names);
    names[sizeof names - 1] = '\0';
    clean(names);
    if (l->totals.options)
        add_names(l, names);
    return 0;
}

int vr_live_read(const char *machine, struct vr_live *ret, char why[PP_WHY_SIZE])
{
    struct host_state st;
    int err = host_state_open(machine, NULL, &st, why);

    *ret = (struct vr_live){0};
    if (err)
        return err;
    err = read_block(&st, ret);
    ret->is_running = host_state_is_running(&st) && st.s->phase != POOLPROOF_ENDED;
    host_state_close(&st);
    if (err)
        pp_fmt(why, PP_WHY_SIZE, "%s", strerror(-err));
    return err;
}

void vr_live_done(struct vr_live *l)
{
    pp_free(l->drivers);
    *l = (struct vr_live){0};
}

/* ---- /query and /log ---- */

/* Print one record. Returns an enum vr_exit. */
static int record(const char *machine, FILE *out, bool *ret_running)
{
    char why[PP_WHY_SIZE];
    struct vr_live live;
    int err = vr_live_read(machine, &live, why);

    *ret_running = !err && live.is_running;
    if (err == -ENOENT) {
        fputs("\nNo drivers are currently verified.\n\n", out);
        return VR_SUCCESS;
    }
    if (err)
        return vr_say(VR_ERROR, NULL, why);
    vr_show_live(&live, out);
    vr_live_done(&live);
    return VR_SUCCESS;
}

int vr_query(const struct vr_command *c)
{
    bool running;
    int code = record(c->machine, stdout, &running);

    fflush(stdout);
    if (code == VR_SUCCESS && !running)
        (void)vr_say(code, NULL, "no machine is running: this is what the last one left, if any");
    return code;
}

static void on_end(int number)
{
    (void)number; /* only ends the wait */
}

/* Ctrl+C ends the log in order, wherever it stands: the signals are open only while it waits. */
static void hold_signals(sigset_t *ret_ends)
{
    struct sigaction act = {.sa_handler = on_end};

    sigemptyset(ret_ends);
    sigaddset(ret_ends, SIGINT);
    sigaddset(ret_ends, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, ret_ends, NULL); /* cannot fail with these arguments */
    (void)sigaction(SIGINT, &act, NULL);
    (void)sigaction(SIGTERM, &act, NULL);
}

int vr_log(const struct vr_command *c)
{
    struct timespec wait = {.tv_sec = (time_t)c->interval};
    FILE *out = fopen(c->log_file, "w");
    sigset_t ends;
    bool running;
    int code = VR_SUCCESS;

    if (!out)
        return vr_say(VR_ERROR, c->log_file, strerror(errno));
    hold_signals(&ends);
    do {
        code = record(c->machine, out, &running);
        if (code == VR_SUCCESS && fflush(out))
            code = vr_say(VR_ERROR, c->log_file, strerror(errno));
    } while (code == VR_SUCCESS && sigtimedwait(&ends, NULL, &wait) < 0);
    if (fclose(out) && code == VR_SUCCESS)
        code = vr_say(VR_ERROR, c->log_file, strerror(errno));
    return code;
}

/* ---- /volatile ---- */

/* A text of ours as a Lua string. */
static void quote(const char *text, char *ret, size_t size)
{
    pp_fmt(ret, size, "\"");
    for (; *text; text++)
        pp_fmt_append(ret, size, "\\x%02x", (unsigned char)*text);
    pp_fmt_append(ret, size, "\"");
}

int vr_order(const char *machine, const char *line, char reply[PP_WHY_SIZE], char why[PP_WHY_SIZE])
{
    struct host_state st;
    int err = host_state_open(machine, NULL, &st, why);

    if (err)
        return VR_ERROR;
    if (!host_state_is_running(&st)) {
        host_state_close(&st);
        pp_fmt(why, PP_WHY_SIZE, "no machine is running (poolproof boot starts one)");
        return VR_ERROR;
    }
    err = host_control(&st, line, reply, PP_WHY_SIZE, why);
    host_state_close(&st);
    return err ? VR_ERROR : VR_SUCCESS;
}

/* An order whose function says something only when it refuses. */
static int silent_order(const char *machine, const char *line)
{
    char reply[PP_WHY_SIZE] = "", why[PP_WHY_SIZE];
    int code = vr_order(machine, line, reply, why);

    reply[strcspn(reply, "\n")] = '\0';
    if (code != VR_SUCCESS)
        return vr_say(code, NULL, why);
    return reply[0] ? vr_say(VR_ERROR, NULL, reply) : VR_SUCCESS;
}

static int order_name(const char *machine, const char *function, const char *name)
{
    char line[1200], quoted[1024];

    quote(name, quoted, sizeof quoted);
    pp_fmt(line, sizeof line, "%s(%s)", function, quoted);
    return silent_order(machine, line);
}

static int order_names(const char *machine, const char *function, const struct vr_names *names)
{
    int code = VR_SUCCESS;

    for (unsigned i = 0; i < names->count && code == VR_SUCCESS; i++)
        code = order_name(machine, function, names->name[i]);
    return code;
}

static int order_faults(const struct vr_command *c)
{
    char line[2400], tags[1040], programs[1040];

    quote(c->faults.tags, tags, sizeof tags);
    quote(c->faults.applications, programs, sizeof programs);
    pp_fmt(line, sizeof line, "verifier_faults(%u, %s, %s)", c->faults.probability, tags, programs);
    if (c->fault_parts & VR_DELAY)
        (void)vr_say(VR_SUCCESS, "/faults",
                     "the delay counts from the start of the machine, which is over: at once");
    return silent_order(c->machine, line);
}

static int check_volatile_level(uint32_t level)
{
    for (size_t i = 0; i < VR_FLAG_COUNT; i++) {
        char what[80];

        if (!(vr_flags[i].bit & level) || (vr_flags[i].kind & VR_VOLATILE))
            continue;
        pp_fmt(what, sizeof what, "0x%08x %s", vr_flags[i].bit, vr_flags[i].name);
        return vr_say(VR_ERROR, what, "cannot be changed while the machine runs");
    }
    return VR_SUCCESS;
}

/* What holds in the machine now. */
static uint32_t level_now(const char *machine)
{
    char why[PP_WHY_SIZE];
    struct vr_live live;
    uint32_t level = 0;

    if (!vr_live_read(machine, &live, why))
        level = live.totals.options;
    vr_live_done(&live);
    return level;
}

int vr_volatile(const struct vr_command *c)
{
    uint32_t level = vr_complete(c->level);
    char line[64];
    int code = check_volatile_level(level);

    pp_fmt(line, sizeof line, "verifier_flags(0x%x)", level);
    if (code == VR_SUCCESS && c->has_level)
        code = silent_order(c->machine, line);
    if (code == VR_SUCCESS && c->has_faults)
        code = order_faults(c);
    if (code == VR_SUCCESS)
        code = order_names(c->machine, "verifier_add", &c->added);
    if (code == VR_SUCCESS)
        code = order_names(c->machine, "verifier_remove", &c->removed);
    if (code == VR_SUCCESS)
        vr_show_volatile(c, level_now(c->machine), stdout);
    return code;
}

/* ---- /dif /now, /stop, /faultssystematic ---- */

int vr_now(const struct vr_command *c)
{
    char line[64];
    int code;

    for (size_t i = 0; i < VR_FLAG_COUNT; i++) {
        char what[80];

        if (!((vr_flags[i].bit & c->level) ||
              (!vr_flags[i].bit && (c->classes >> vr_flags[i].rule_class & 1))) ||
            (vr_flags[i].kind & VR_NOW))
            continue;
        pp_fmt(what, sizeof what, "rule class %u %s", vr_flags[i].rule_class, vr_flags[i].name);
        return vr_say(VR_ERROR, what, "needs a restart, it cannot be turned on by /now");
    }
    if (level_now(c->machine))
        return vr_say(VR_ERROR, "/now", "rule classes are in force already (/stop, or a restart)");
    pp_fmt(line, sizeof line, "verifier_flags(0x%x)", c->level);
    code = order_names(c->machine, "verifier_add", &c->drivers);
    if (code == VR_SUCCESS)
        code = silent_order(c->machine, line);
    if (code == VR_SUCCESS)
        vr_show_level(level_now(c->machine), c->classes, stdout);
    return code;
}

int vr_systematic_run(const struct vr_command *c)
{
    switch (c->systematic) {
    case VR_SYS_ENABLE_RUN:
        return silent_order(c->machine, "verifier_systematic(true)");
    case VR_SYS_DISABLE_RUN:
        return silent_order(c->machine, "verifier_systematic(false)");
    case VR_SYS_RESET_RUN:
        return silent_order(c->machine, "verifier_systematic(false, true)");
    case VR_SYS_STATISTICS: {
        char why[PP_WHY_SIZE];
        struct vr_live live;

        if (vr_live_read(c->machine, &live, why))
            return vr_say(VR_ERROR, NULL, why);
        printf("\nSystematic low resources simulation\n\n  Faults Injected: %llu\n\n",
               (unsigned long long)live.totals.failed_deliberately);
        vr_live_done(&live);
        return VR_SUCCESS;
    }
    default:
        return vr_say(VR_ERROR, vr_systematic_names[c->systematic],
                      "is not modelled; nothing was changed (poolproof explore refuses each call "
                      "in turn and records it)");
    }
}
