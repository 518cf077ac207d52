/*
 * The machine's process: contained, boots the kernel environment, loads the driver, starts it,
 * drives it, unloads it. Everything it has to say goes into the journal; it prints nothing.
 */
#include "base/state.h"
#include "host/host_priv.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void send_text(struct host_machine *m, enum host_rec type, const char *text)
{
    host_journal_write(m->journal, type, text, strlen(text));
}

/* What a machine did is worth telling however it ends. */
static void send_exercised(struct host_machine *m)
{
    static uint8_t hits[1 << 20]; /* one byte for each basic block; a larger driver's rest is cut */
    struct ke_exercised e;

    if (m->is_finishing && !m->explore->replay)
        return; /* nobody counts what a copy does */
    ke_state_update();
    ke_exercised(&e);
    host_journal_write(m->journal, HOST_REC_EXERCISED, &e, sizeof e);
    host_journal_write(m->journal, HOST_REC_COVER, hits, ke_cover_read(hits, sizeof hits));
}

void host_send_settings(struct host_machine *m)
{
    char settings[400] = "", special[96];

    if (m->o->verifier_words)
        pp_fmt(settings, sizeof settings, "%s", m->o->verifier_words);
    if (ke_special_words(special, sizeof special))
        pp_fmt_append(settings, sizeof settings, "%s%s", settings[0] ? "; " : "", special);
    send_text(m, HOST_REC_SETTINGS, settings);
}

/* Stand still until the supervisor has copied this process. */
static void hold(struct host_machine *m)
{
    char go;

    if (!m->o->keep_core)
        return;
    host_journal_write(m->journal, HOST_REC_HOLD, "", 0);
    (void)!read(m->go, &go, 1); /* the end of the pipe is as good */
}

static void wait_for_copies(struct host_machine *m)
{
    if (m->explore)
        host_explore_finish(m);
}

void host_send_refusal(struct host_machine *m, const struct ke_fault_point *p)
{
    struct host_refusal r = {.stack = p->stack};

    pp_fmt(r.routine, sizeof r.routine, "%s", p->routine);
    host_journal_write(m->journal, HOST_REC_REFUSED, &r, sizeof r);
}

/* ---- What the kernel tells ---- */

static void on_finding(void *ctx, const struct vf_finding *f)
{
    struct host_machine *m = ctx;
    const struct ke_fault_point *p = ke_fault_last();

    if (p)
        host_send_refusal(m, p);
    host_journal_write(m->journal, HOST_REC_FINDING, f, sizeof *f);
    if (f->fatal)
        hold(m);
}

static void on_module(void *ctx, const char *name, const char *path, uint64_t base, uint32_t size,
                      bool is_load)
{
    struct host_machine *m = ctx;
    struct host_module rec = {.base = base, .size = size, .is_load = is_load};

    pp_fmt(rec.name, sizeof rec.name, "%s", name);
    pp_fmt(rec.path, sizeof rec.path, "%s", path);
    host_journal_write(m->journal, HOST_REC_MODULE, &rec, sizeof rec);
}

static void on_print(void *ctx, const char *text, size_t size)
{
    struct host_machine *m = ctx;

    if (m->o->verbose)
        host_journal_write(m->journal, HOST_REC_PRINT, text, size);
}

static void on_note(void *ctx, const char *text)
{
    struct host_machine *m = ctx;

    if (m->o->verbose)
        send_text(m, HOST_REC_NOTE, text);
}

static void on_warn(void *ctx, const char *text)
{
    send_text(ctx, HOST_REC_WARN, text);
}

static void send_stop(struct host_machine *m, enum host_rec type, const char *name,
                      const char *detail, const struct vf_stack *stack)
{
    struct host_stop rec = {0};

    pp_fmt(rec.name, sizeof rec.name, "%s", name);
    pp_fmt(rec.detail, sizeof rec.detail, "%s", detail ? detail : "");
    if (stack)
        rec.stack = *stack;
    host_journal_write(m->journal, type, &rec, sizeof rec);
}

PP_NORETURN static void on_not_modelled(void *ctx, const char *name, const char *detail,
                                        const struct vf_stack *stack)
{
    send_stop(ctx, HOST_REC_NOT_MODELLED, name, detail, stack);
    send_exercised(ctx);
    hold(ctx);
    wait_for_copies(ctx);
    _exit(HOST_NOT_MODELLED);
}

PP_NORETURN static void on_hang(void *ctx, const char *what, const struct vf_stack *stack)
{
    send_stop(ctx, HOST_REC_HANG, "the driver waits for ever", what, stack);
    send_exercised(ctx);
    hold(ctx);
    wait_for_copies(ctx);
    _exit(HOST_HANG);
}

PP_NORETURN static void on_own_fault(void *ctx, const char *what)
{
    send_text(ctx, HOST_REC_OWN_FAULT, what);
    hold(ctx);
    _exit(HOST_OWN_FAULT);
}

PP_NORETURN static void on_stopped(void *ctx)
{
    struct host_machine *m = ctx;

    host_journal_write(m->journal, HOST_REC_STOPPED, "", 0);
    send_exercised(m);
    _exit(HOST_FINDINGS);
}

static struct host_machine *the_machine; /* for the assertion hook, which has no context */

static void on_assert(const char *file, int line, const char *what)
{
    char text[240];

    pp_fmt(text, sizeof text, "%s:%d: %s", file, line, what);
    on_own_fault(the_machine, text);
}

/* ---- Steps ---- */

bool host_step_ended(const struct host_machine *m, uint32_t index)
{
    for (unsigned i = 0; i < m->ended_count; i++) {
        if (m->ended[i] == index)
            return true;
    }
    return false;
}

bool host_step_begin(struct host_machine *m, enum host_step_kind kind, const char *what)
{
    struct host_step rec = {.index = m->step, .outcome = HOST_OUTCOME_NONE, .kind = (uint32_t)kind};

    struct ke_exercised e;

    if (m->step++ < m->resume_at || m->is_finishing)
        return false;
    pp_fmt(m->step_name, sizeof m->step_name, "%s", what);
    ke_state_update();
    ke_exercised(&e); /* in case this step ends the process */
    host_journal_write(m->journal, HOST_REC_EXERCISED, &e, sizeof e);
    pp_fmt(rec.what, sizeof rec.what, "%s", what);
    host_journal_write(m->journal, HOST_REC_STEP, &rec, sizeof rec);
    return true;
}

void host_step_end(struct host_machine *m, enum host_step_kind kind, const char *what,
                   const struct ke_result *r)
{
    struct host_step rec = {
        .index = m->step - 1, .outcome = (uint32_t)r->outcome, .status = r->status};

    rec.kind = (uint32_t)kind;
    rec.information = r->information;
    pp_fmt(rec.what, sizeof rec.what, "%s", what);
    host_journal_write(m->journal, HOST_REC_STEP, &rec, sizeof rec);
}

void host_restart_if_unsound(struct host_machine *m)
{
    if (!ke_is_unsound())
        return;
    send_exercised(m);
    wait_for_copies(m);
    host_journal_write(m->journal, HOST_REC_RESTART, &m->step, sizeof m->step);
    _exit(0);
}

static void entry_failed(struct host_machine *m, const char *what, const struct ke_result *r)
{
    struct host_step rec = {.outcome = (uint32_t)r->outcome, .status = r->status};

    pp_fmt(rec.what, sizeof rec.what, "%s", what);
    host_journal_write(m->journal, HOST_REC_ENTRY_FAILED, &rec, sizeof rec);
}

/* Steps of start and stop are repeated by each machine: they are announced but never skipped. */
static void announce(struct host_machine *m, enum host_step_kind kind, const char *what)
{
    struct host_step rec = {.index = m->step, .outcome = HOST_OUTCOME_NONE, .kind = (uint32_t)kind};

    pp_fmt(m->step_name, sizeof m->step_name, "%s", what);
    pp_fmt(rec.what, sizeof rec.what, "%s", what);
    host_journal_write(m->journal, HOST_REC_STEP, &rec, sizeof rec);
}

static void remove_device(struct host_machine *m, struct ke_pnp *node)
{
    announce(m, HOST_STEP_END, "remove device");
    (void)ke_pnp_request(node, IRP_MN_REMOVE_DEVICE); /* cannot fail */
    ke_pnp_free(node);
    ke_settle(10);
}

bool host_start_driver(struct host_machine *m, struct ke_pnp **ret_node)
{
    struct ke_result r;

    *ret_node = NULL;
    announce(m, HOST_STEP_START, "DriverEntry");
    r = ke_driver_start(m->image);
    if (r.outcome != KE_DONE || !NT_SUCCESS(r.status)) {
        entry_failed(m, "DriverEntry", &r);
        return false;
    }
    host_explore_started(m, "DriverEntry");
    if (!ke_driver_has_add_device(m->image))
        return true;
    announce(m, HOST_STEP_START, "AddDevice");
    r = ke_pnp_add(m->image, ret_node);
    if (r.outcome != KE_DONE || !NT_SUCCESS(r.status)) {
        entry_failed(m, "AddDevice", &r);
        return r.outcome == KE_DONE; /* a driver may also have a device of its own */
    }
    host_explore_started(m, "AddDevice");
    announce(m, HOST_STEP_START, "IRP_MN_START_DEVICE");
    r = ke_pnp_request(*ret_node, IRP_MN_START_DEVICE);
    if (r.outcome == KE_DONE && NT_SUCCESS(r.status)) {
        host_explore_started(m, "IRP_MN_START_DEVICE");
        return true;
    }
    entry_failed(m, "IRP_MN_START_DEVICE", &r);
    if (r.outcome != KE_DONE)
        return r.outcome != KE_CONTAINED;
    remove_device(
        m, *ret_node); /* as the PnP manager does: a device that did not start is taken down */
    *ret_node = NULL;
    return true;
}

void host_stop_driver(struct host_machine *m, struct ke_pnp *node)
{
    if (node) {
        if (!m->is_pulled) {
            announce(m, HOST_STEP_END, "query remove device");
            (void)ke_pnp_request(node, IRP_MN_QUERY_REMOVE_DEVICE); /* a refusal changes nothing */
        }
        remove_device(m, node);
    }
    if (ke_is_unsound())
        return; /* leaks of a request that was cut off are not the driver's */
    announce(m, HOST_STEP_END, "DriverUnload");
    if (ke_driver_has_unload(m->image))
        (void)ke_driver_unload(m->image); /* its checks went to the journal */
    else
        on_note(m, "the driver has no unload routine: it stays loaded, leaks are not judged");
}

/* A driver that makes system calls of its own must not be able to write into the report. */
static void close_standard_files(void)
{
#ifndef PP_SANITIZE /* the sanitizers speak on standard error */
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; fd < 3; fd++) {
        if (null < 0 || dup2(null, fd) < 0)
            (void)close(fd); /* as good */
    }
    if (null > 2)
        (void)close(null); /* copied */
#endif
}

static void load_one(struct host_machine *m, const char *path, const uint8_t *bytes, size_t size,
                     struct ke_image **ret)
{
    char why[PP_WHY_SIZE];

    if (ke_image_load(path, bytes, size, ke_verifier_wants(pp_base_name(path)), ret, why)) {
        send_text(m, HOST_REC_SETUP, why);
        _exit(HOST_USAGE);
    }
}

static void load(struct host_machine *m)
{
    if (!m->o->stays_up)
        load_one(m, m->o->driver, m->bytes, m->size, &m->image);
    for (unsigned i = 0; i < m->driver_count; i++)
        load_one(m, m->drivers[i].path, m->drivers[i].bytes, m->drivers[i].size,
                 &m->drivers[i].image);
    if (m->driver_count)
        m->image = m->drivers[0].image;
}

static void boot(struct host_machine *m, struct ke_config *cfg)
{
    const int keep[] = {m->journal, m->go};
    struct os_contain_result contained;
    struct pl_patterns patterns;
    char why[PP_WHY_SIZE];

    if (ke_init(cfg, why)) {
        send_text(m, HOST_REC_SETUP, why);
        _exit(HOST_USAGE);
    }
    if (m->registry && ke_registry_load(m->registry, m->registry_size, why)) {
        char text[PP_WHY_SIZE + 40];

        pp_fmt(text, sizeof text, "system.reg of the machine directory: %s", why);
        send_text(m, HOST_REC_SETUP, text);
        _exit(HOST_USAGE);
    }
    load(m);
    send_text(m, HOST_REC_GUARD, ke_guard_name());
    host_send_settings(m);
    patterns = ke_patterns();
    host_journal_write(m->journal, HOST_REC_PATTERNS, &patterns, sizeof patterns);
    close_standard_files();
    if (os_contain(keep, PP_COUNT(keep), m->explore != NULL, &contained)) {
        send_text(m, HOST_REC_SETUP,
                  "the driver cannot be contained: no-new-privileges is refused");
        _exit(HOST_USAGE);
    }
    if (contained.notice[0])
        on_note(m, contained.notice);
}

void host_machine_main(struct host_machine *m)
{
    struct ke_pnp *node = NULL;
    struct ke_config cfg;

    the_machine = m;
    pp_assert_hook = on_assert;
    ke_config_init(&cfg);
    cfg.host = (struct ke_host){
        .ctx = m,
        .finding = on_finding,
        .module = on_module,
        .debug_print = on_print,
        .note = on_note,
        .warn = on_warn,
        .not_modelled = on_not_modelled,
        .hang = on_hang,
        .own_fault = on_own_fault,
        .stopped = on_stopped,
    };
    cfg.verify = m->o->verify;
    cfg.options = m->o->options;
    cfg.drivers = m->o->verify ? m->o->verified : NULL;
    cfg.excluded = m->o->excluded;
    cfg.fault = (struct ke_fault_config){.mode = ke_fault_mode_of(m->o->verify ? cfg.options : 0),
                                         .probability = m->o->faults.probability,
                                         .tags = m->o->faults.tags,
                                         .applications = m->o->faults.applications};
    cfg.disabled_rules = m->o->disabled_rules;
    cfg.options_if_added = m->o->options_if_added;
    cfg.stop_at_first = m->o->bugcheck;
    cfg.like_windows = m->o->like_windows;
    cfg.graphics = m->o->graphics;
    cfg.guard = m->o->guard;
    cfg.seed = m->o->seed;
    if (m->state) {
        cfg.state = pp_state_init(m->state);
        m->state->machine_pid = (uint32_t)getpid();
    }
    if (m->explore && host_explore_prepare(m, &cfg)) {
        send_text(m, HOST_REC_SETUP, "out of memory");
        _exit(HOST_USAGE);
    }
    boot(m, &cfg);
    if (ke_fault_config()->mode == KE_FAULT_RANDOM) /* virtual time: it costs nothing */
        ke_settle(m->o->faults.delay_minutes * 60000ull);
    ke_fault_switch(true);
    if (m->o->stays_up) {
        host_stay(m);
    } else if (m->script) {
        (void)host_scenario(m); /* what failed is in the journal */
    } else if (host_start_driver(m, &node)) {
        host_drive(m, &node);
        host_stop_driver(m, node);
    }
    send_exercised(m);
    wait_for_copies(m);
    host_journal_write(m->journal, HOST_REC_DONE, "", 0);
    _exit(0);
}
