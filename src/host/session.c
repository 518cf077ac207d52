/*
 * What the commands run, boot, explore and merge do: read what they are given, let the supervisor
 * run machines, hand out what came of it.
 */
#include "host/points_priv.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Run what is prepared and give the verdict. */
static int judge(struct host_session *s, struct host_machine *m, FILE *out)
{
    const struct host_options *o = m->o;
    struct host_publish publish;
    struct host_console console;
    int err, code;

    host_publish_start(&publish, o);
    m->state = publish.s;
    if (o->stays_up) {
        s->console = &console;
        host_console_start(&console, publish.s ? publish.path : "");
    }
    err = host_run_all(s, m);
    host_progress_clear(s);
    if (o->stays_up)
        host_console_end(&console);
    code = err ? HOST_USAGE : host_verdict_exit(&s->v);
    host_publish_end(&publish, code);
    if (err)
        return code;
    if (!s->v.setup[0] || s->v.finding_count || s->v.expect_count)
        host_report(&s->v, out);
    if (s->v.setup[0])
        fprintf(stderr, "poolproof: %s%s%s\n", s->v.setup_is_script ? "" : o->driver,
                s->v.setup_is_script ? "" : ": ", s->v.setup);
    err = o->json ? host_json(&s->v, o->json) : 0;
    if (err) {
        fprintf(stderr, "poolproof: %s: %s\n", o->json, strerror(-err));
        code = HOST_USAGE;
    }
    return code;
}

/* Read and parse one driver; says on standard error what is wrong with it. */
static int read_driver(const char *path, uint8_t **ret, size_t *ret_size, struct pe_image **ret_pe)
{
    char why[PP_WHY_SIZE];
    int err = host_read_file(path, PE_IMAGE_MAX, ret, ret_size);

    if (err) {
        fprintf(stderr, "poolproof: %s: %s\n", path, strerror(-err));
        return err;
    }
    err = pe_image_parse(*ret, *ret_size, ret_pe, why);
    if (err)
        fprintf(stderr, "poolproof: %s: %s\n", path, why);
    return err;
}

/* The scenario, and the settings of the machine directory. */
static int read_rest(struct host_machine *m, uint8_t **ret_script, char **ret_registry)
{
    const struct host_options *o = m->o;
    char why[PP_WHY_SIZE];
    int err;

    if (o->scenario) {
        err = host_read_file(o->scenario, 16u << 20, ret_script, &m->script_size);
        if (err) {
            fprintf(stderr, "poolproof: %s: %s\n", o->scenario, strerror(-err));
            return err;
        }
        m->script = (const char *)*ret_script;
    }
    err = host_machine_dir(o, ret_registry, &m->registry_size, why);
    if (err)
        fprintf(stderr, "poolproof: %s\n", why);
    m->registry = *ret_registry;
    return err;
}

int host_run(const struct host_options *o, FILE *out)
{
    struct host_verified_start begin = {.o = *o};
    struct host_session s = {.v = {.o = &begin.o}};
    struct host_machine m = {.o = &begin.o};
    char *driver = (char *)(uintptr_t)o->driver; /* only read */
    uint8_t *bytes = NULL, *script = NULL;
    char *registry = NULL;
    struct pe_image *pe = NULL;
    int code = HOST_USAGE;

    if (read_driver(o->driver, &bytes, &m.size, &pe) || read_rest(&m, &script, &registry) ||
        host_verifier_begin(&begin, o, pe, &driver, 1))
        goto done;
    if (!o->scenario && pe_code_walk(pe, &m.code)) {
        fprintf(stderr, "poolproof: %s: out of memory\n", o->driver);
        goto done;
    }
    m.bytes = bytes;
    code = judge(&s, &m, out);

done:
    host_verifier_end(&begin, &s.v, code);
    host_session_done(&s);
    pe_code_free(m.code);
    pe_image_free(pe);
    pp_free(bytes);
    pp_free(script);
    pp_free(registry);
    return code;
}

/* "DIR/DRIVER.points" */
static int points_path(const struct host_options *o, char path[PATH_MAX], char why[PP_WHY_SIZE])
{
    bool is_order;
    int err = host_machine_path(o->machine_dir, path, &is_order, why);

    if (!err)
        pp_fmt_append(path, PATH_MAX, "/%.100s.points", pp_base_name(o->driver));
    return err;
}

static int explore_prepare(const struct host_options *o, const struct host_explore_options *e,
                           struct host_explore *x, struct host_points **ret)
{
    char path[PATH_MAX], why[PP_WHY_SIZE] = "";
    struct host_points *p;
    int err = 0;

    *x = (struct host_explore){.depth = PP_MAX(e->depth, 1u),
                               .shard = e->shard,
                               .shard_count = PP_MAX(e->shard_count, 1u),
                               .times = e->times,
                               .exclude = e->exclude,
                               .exclude_count = e->exclude_count};
    x->jobs = e->jobs ? e->jobs : (unsigned)PP_MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
    if (e->replay) {
        if (host_point_parse(e->replay, &x->replay_first, &x->replay_first_nth, &x->replay,
                             &x->replay_nth))
            return 0;
        fprintf(stderr, "poolproof: %s: not the name of a point\n", e->replay);
        return -EINVAL;
    }
    p = *ret = x->done = host_points_new();
    if (e->file)
        pp_fmt(path, sizeof path, "%s", e->file);
    else
        err = points_path(o, path, why);
    if (!err)
        err = host_points_open(p, o, path, e->resume, why);
    if (err)
        fprintf(stderr, "poolproof: %s\n", why);
    return err;
}

/* The first run refuses nothing: it counts the calls and shows what the driver does wrong anyway.
 */
static int explore_count(struct host_session *s, struct host_machine *m)
{
    struct host_session first = {.v = {.o = m->o}, .baseline = s->points};
    int err;

    m->explore->is_counting = true;
    err = host_run_all(&first, m);
    m->explore->is_counting = false;
    m->resume_at = m->ended_count = 0;
    if (!err)
        host_points_baseline(s->points, &first);
    memcpy(s->v.own_fault, first.v.own_fault, sizeof s->v.own_fault);
    memcpy(s->v.setup, first.v.setup, sizeof s->v.setup);
    host_session_done(&first);
    return err;
}

static int explore_judge(struct host_session *s, struct host_machine *m, FILE *out)
{
    const struct host_options *o = m->o;
    struct host_points *p = s->points;
    int err = explore_count(s, m), code;

    if (!err && !s->v.own_fault[0] && !s->v.setup[0])
        err = host_run_all(s, m);
    host_progress_clear(s);
    if (err)
        return HOST_USAGE;
    if (s->v.setup[0]) {
        fprintf(stderr, "poolproof: %s: %s\n", o->driver, s->v.setup);
        return HOST_USAGE;
    }
    host_points_end(s);
    code = host_points_report(p, pp_base_name(o->driver), o->command, out);
    if (p->write_error) {
        fprintf(stderr, "poolproof: the file of points: %s\n", strerror(p->write_error));
        return HOST_USAGE;
    }
    return code;
}

int host_explore(const struct host_options *o, const struct host_explore_options *e, FILE *out)
{
    struct host_session s = {.v = {.o = o}};
    struct host_explore x;
    struct host_machine m = {.o = o, .explore = &x};
    uint8_t *bytes = NULL, *script = NULL;
    char *registry = NULL;
    struct pe_image *pe = NULL;
    int code = HOST_USAGE;

    if (explore_prepare(o, e, &x, &s.points) || read_driver(o->driver, &bytes, &m.size, &pe) ||
        read_rest(&m, &script, &registry))
        goto done;
    if (!o->scenario && pe_code_walk(pe, &m.code)) {
        fprintf(stderr, "poolproof: %s: out of memory\n", o->driver);
        goto done;
    }
    m.bytes = bytes;
    s.is_replay = e->replay != NULL;
    code = e->replay ? judge(&s, &m, out) : explore_judge(&s, &m, out);

done:
    host_points_free(s.points);
    host_session_done(&s);
    pe_code_free(m.code);
    pe_image_free(pe);
    pp_free(bytes);
    pp_free(script);
    pp_free(registry);
    return code;
}

int host_merge(char *const *files, unsigned count, FILE *out)
{
    struct host_points *p = host_points_new();
    char why[PP_WHY_SIZE];
    const json_t *head;
    int code = HOST_USAGE;

    for (unsigned i = 0; i < count; i++) {
        if (host_points_read(p, files[i], true, why)) {
            fprintf(stderr, "poolproof: %s\n", why);
            goto done;
        }
    }
    head = json_array_get(p->lines, 0);
    code = host_points_report(p, json_string_value(json_object_get(head, "driver")),
                              json_string_value(json_object_get(head, "command")), out);

done:
    host_points_free(p);
    return code;
}

int host_boot(const struct host_options *o, char *const *drivers, unsigned count, FILE *out)
{
    struct host_options booted = *o;
    struct host_verified_start begin = {.o = *o};
    struct host_session s = {.v = {.o = &begin.o}};
    struct host_driver list[HOST_DRIVERS_MAX] = {{0}};
    struct host_machine m = {.o = &begin.o, .drivers = list, .driver_count = count};
    uint8_t *script = NULL;
    char *registry = NULL;
    int code = HOST_USAGE;

    PP_ASSERT(count <= HOST_DRIVERS_MAX);
    booted.stays_up = true;
    booted.driver = count == 1 ? drivers[0] : "machine";
    for (unsigned i = 0; i < count; i++) {
        struct pe_image *pe = NULL;

        list[i].path = drivers[i];
        if (read_driver(drivers[i], &list[i].bytes, &list[i].size, &pe))
            goto done;
        pe_image_free(pe);
    }
    if (!read_rest(&m, &script, &registry) &&
        !host_verifier_begin(&begin, &booted, NULL, drivers, count))
        code = judge(&s, &m, out);

done:
    host_verifier_end(&begin, &s.v, code);
    host_session_done(&s);
    for (unsigned i = 0; i < count; i++)
        pp_free(list[i].bytes);
    pp_free(script);
    pp_free(registry);
    return code;
}
