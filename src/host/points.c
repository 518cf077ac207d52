/*
 * Every failable call, the supervisor's side: each point's verdict becomes one line of JSON as soon
 * as it is known, in memory and in a file, and the report is made of these lines alone. So an
 * exploration that was killed goes on from its file, and files of several machines merge.
 *
 * Lines: "explore" (what was run), "point" (a refused call and what came of it), "baseline" (what
 * the driver does wrong with no call refused), "end" (the run came to its end, and how many calls
 * could have failed).
 */
#include "host/points_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SYMBOL_MAX = 400 };

/* ---- Which points are known ---- */

static uint64_t slot_key(uint64_t first, uint32_t first_nth, uint64_t id, uint32_t nth)
{
    uint64_t words[4] = {first, first_nth, id, nth};
    uint64_t h = pp_hash(PP_HASH_INIT, words, sizeof words);

    return h ? h : 1;
}

static bool known_find(const struct host_points *p, uint64_t key, size_t *ret)
{
    size_t i = key & p->known_mask;

    while (p->known[i] && p->known[i] != key)
        i = (i + 1) & p->known_mask;
    *ret = i;
    return p->known[i] != 0;
}

static void known_add(struct host_points *p, uint64_t key)
{
    size_t i;

    if ((p->known_count + 1) * 2 > p->known_mask) {
        uint64_t *old = p->known;
        size_t size = p->known_mask + 1;

        p->known_mask = size * 2 - 1;
        p->known = pp_new_array(size * 2, sizeof *p->known);
        PP_ASSERT(p->known);
        for (size_t k = 0; k < size; k++) {
            if (old[k] && !known_find(p, old[k], &i))
                p->known[i] = old[k];
        }
        pp_free(old);
    }
    if (!known_find(p, key, &i)) {
        p->known[i] = key;
        p->known_count++;
    }
}

bool host_points_has(const struct host_points *p, uint64_t first, uint32_t first_nth, uint64_t id,
                     uint32_t nth)
{
    size_t i;

    return p && known_find(p, slot_key(first, first_nth, id, nth), &i);
}

/* ---- What the run without refusals shows; kept with the points, under numbers that none of them
 * has ---- */

enum { NTH_FINDING = 0xFFFFFFFF, NTH_PENDING = 0xFFFFFFFE };

bool host_points_is_old(const struct host_points *p, uint64_t finding_key)
{
    return host_points_has(p, 0, NTH_FINDING, finding_key, NTH_FINDING);
}

static uint64_t text_hash(const char *text)
{
    return pp_hash(PP_HASH_INIT, text, strlen(text));
}

void host_points_pending(struct host_points *p, const char *step)
{
    known_add(p, slot_key(0, NTH_PENDING, text_hash(step), NTH_PENDING));
}

void host_points_offers(struct host_points *p, const char *step, uint64_t names)
{
    if (p->offer_count < PP_COUNT(p->offers))
        p->offers[p->offer_count++] = (struct host_points_offer){text_hash(step), names};
}

/* Fewer names than without the refusal, though the step reports success. */
static bool is_wanting(const struct host_points *p, const struct host_step *st)
{
    if (st->kind != HOST_STEP_START || st->status < 0)
        return false;
    for (unsigned i = 0; i < p->offer_count; i++) {
        if (p->offers[i].step == text_hash(st->what))
            return st->information < p->offers[i].names;
    }
    return false;
}

/* A request that ends without the refusal and does not with it. */
static bool is_stuck(const struct host_points *p, const struct host_step *st)
{
    return st->what[0] && st->outcome == KE_PENDING &&
           !host_points_has(p, 0, NTH_PENDING, text_hash(st->what), NTH_PENDING);
}

/* ---- Names of points: "3fa9c01b22d1e0aa.1", of a pair "3fa9....1+77b0....2" ---- */

static void point_name(const struct host_point_rec *r, char *buf, size_t size)
{
    if (r->first_id)
        pp_fmt(buf, size, "%016llx.%u+%016llx.%u", (unsigned long long)r->first_id, r->first_nth,
               (unsigned long long)r->id, r->nth);
    else
        pp_fmt(buf, size, "%016llx.%u", (unsigned long long)r->id, r->nth);
}

static bool one_name(const char **at, uint64_t *ret_id, uint32_t *ret_nth)
{
    char *end;

    *ret_id = strtoull(*at, &end, 16);
    if (end != *at + 16 || *end != '.' || !*ret_id)
        return false;
    *at = end + 1;
    *ret_nth = (uint32_t)strtoul(*at, &end, 10);
    if (end == *at || !*ret_nth)
        return false;
    *at = end;
    return true;
}

bool host_point_parse(const char *text, uint64_t *ret_first, uint32_t *ret_first_nth,
                      uint64_t *ret_id, uint32_t *ret_nth)
{
    *ret_first = *ret_first_nth = 0;
    if (!one_name(&text, ret_id, ret_nth))
        return false;
    if (*text == '+') {
        *ret_first = *ret_id;
        *ret_first_nth = *ret_nth;
        text++;
        if (!one_name(&text, ret_id, ret_nth))
            return false;
    }
    return !*text;
}

/* ---- Lines ---- */

/* Keep it; with a file, write it there in one piece. */
static void line_add(struct host_points *p, json_t *o, bool is_new)
{
    char *text;
    size_t size;

    PP_ASSERT(o);
    if (is_new && p->fd >= 0) {
        text = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII);
        PP_ASSERT(text);
        size = strlen(text);
        text[size] = '\n'; /* in place of the end */
        if (write(p->fd, text, size + 1) != (ssize_t)size + 1 && !p->write_error)
            p->write_error = errno ? errno : ENOSPC;
        free(text);
    }
    (void)json_array_append_new(p->lines, o); /* an assertion at the next look when out of memory */
}

static json_t *text_json(const char *text)
{
    return json_stringn_nocheck(text, strlen(text)); /* cleared of control characters already */
}

static json_t *hex_json(uint64_t v)
{
    char text[24];

    pp_fmt(text, sizeof text, "%016llx", (unsigned long long)v);
    return json_string(text);
}

static json_t *keys_json(const uint64_t *keys, uint32_t count)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < PP_MIN(count, (uint32_t)HOST_POINT_KEYS); i++)
        (void)json_array_append_new(list, hex_json(keys[i]));
    return list;
}

/* "x!Inner [x.c:3], inlined into x!Outer+0x1f [x.c:57] (x+0x1234)" */
static void frame_text(struct host_symbols *s, uint64_t pc, bool exact, char *buf, size_t size)
{
    const struct host_place *at = host_symbol_place(s, pc, exact);
    char outer[SYMBOL_MAX];

    buf[0] = '\0';
    for (unsigned i = 0; i + 1 < at->source_count; i++)
        pp_fmt_append(buf, size, "%s!%s [%s:%u], inlined into ", at->module, at->source[i].function,
                      at->source[i].file, at->source[i].line);
    host_symbol(s, pc, exact, outer, sizeof outer);
    pp_fmt_append(buf, size, "%s", outer);
}

static json_t *stack_json(struct host_symbols *s, const struct vf_stack *st, uint64_t exact)
{
    json_t *list = json_array();
    char text[4 * SYMBOL_MAX];

    for (uint32_t i = 0; i < st->count; i++) {
        frame_text(s, st->pc[i], !i && exact == st->pc[0], text, sizeof text);
        (void)json_array_append_new(list, text_json(text));
    }
    return list;
}

static const char *const end_names[] = {"running",      "done",      "hang",
                                        "not modelled", "destroyed", "own fault"};

static json_t *finding_json(struct host_session *s, const struct vf_finding *f)
{
    struct host_finding h = {.f = *f};
    json_t *o = json_object();
    char line[700], code[16];

    host_headline(s->points->symbols, &s->v, &h, line, sizeof line);
    pp_fmt(code, sizeof code, "0x%02X", vf_rule_info((enum vf_rule)f->rule)->code);
    (void)json_object_set_new(o, "code", text_json(code));
    (void)json_object_set_new(o, "rule", text_json(vf_rule_info((enum vf_rule)f->rule)->id));
    (void)json_object_set_new(o, "text", text_json(line));
    (void)json_object_set_new(o, "stack", stack_json(s->points->symbols, &f->stack, f->pc));
    if (f->has_block)
        (void)json_object_set_new(o, "allocated",
                                  stack_json(s->points->symbols, &f->alloc_stack, 0));
    return o;
}

static struct host_symbols *symbols(struct host_session *s)
{
    if (!s->points->symbols)
        s->points->symbols = host_symbols_new(s->v.modules, s->v.module_count, s->v.o->symbols);
    return s->points->symbols;
}

void host_points_add(struct host_session *s, struct host_point_rec *r)
{
    struct host_points *p = s->points;
    json_t *o = json_object();
    char name[80], status[16];

    if (host_points_has(p, r->first_id, r->first_nth, r->id, r->nth))
        return; /* a machine that began anew came by again */
    known_add(p, slot_key(r->first_id, r->first_nth, r->id, r->nth));
    (void)symbols(s);
    if (r->end == HOST_POINT_DONE && !r->finding_count && is_stuck(p, &r->step)) {
        r->end = HOST_POINT_HANG;
        pp_fmt(r->why, sizeof r->why, "the request comes to no end");
    }
    point_name(r, name, sizeof name);
    pp_fmt(status, sizeof status, "0x%08X", (unsigned)r->step.status);
    (void)json_object_set_new(o, "type", json_string("point"));
    (void)json_object_set_new(o, "point", json_string(name));
    (void)json_object_set_new(o, "index", json_integer((json_int_t)r->index));
    (void)json_object_set_new(o, "routine", text_json(r->routine));
    (void)json_object_set_new(o, "during", text_json(r->during));
    (void)json_object_set_new(o, "end", json_string(end_names[r->end % PP_COUNT(end_names)]));
    if (r->why[0])
        (void)json_object_set_new(o, "why", text_json(r->why));
    if (r->step.what[0])
        (void)json_object_set_new(o, "status", json_string(status));
    if (is_wanting(p, &r->step))
        (void)json_object_set_new(o, "wanting", json_true());
    if (r->locked)
        (void)json_object_set_new(o, "locked", json_true());
    (void)json_object_set_new(o, "stack", stack_json(p->symbols, &r->stack, 0));
    (void)json_object_set_new(o, "keys", keys_json(r->key, r->finding_count));
    (void)json_object_set_new(o, "leak_keys", keys_json(r->leak_key, r->leak_count));
    if (r->finding_count)
        (void)json_object_set_new(o, "finding", finding_json(s, &r->finding));
    if (r->leak_count)
        (void)json_object_set_new(o, "leak", finding_json(s, &r->leak));
    line_add(p, o, true);
    p->added++;
    host_progress(s);
}

static void baseline_key(struct host_points *p, json_t *keys, const struct vf_finding *f)
{
    uint64_t key = host_finding_key(f);

    (void)json_array_append_new(keys, hex_json(key));
    known_add(p, slot_key(0, NTH_FINDING, key, NTH_FINDING));
}

void host_points_baseline(struct host_points *p, const struct host_session *s)
{
    json_t *keys = json_array(), *o = json_object();

    for (unsigned i = 0; i < s->v.finding_count; i++) {
        const struct host_finding *h = &s->v.findings[i];

        baseline_key(p, keys, &h->f);
        for (uint32_t k = 0; k < h->leak_count; k++)
            baseline_key(p, keys, &h->leaks[k]);
    }
    (void)json_object_set_new(o, "type", json_string("baseline"));
    (void)json_object_set_new(o, "findings", json_integer(s->v.finding_count));
    (void)json_object_set_new(o, "calls", json_integer((json_int_t)s->explored.visited));
    (void)json_object_set_new(o, "keys", keys);
    line_add(p, o, true);
    p->expected = s->explored.visited;
    p->began = os_clock_ns();
}

void host_points_end(struct host_session *s)
{
    json_t *o = json_object();

    s->points->cut = !host_is_whole(s);
    s->points->own_fault = s->v.own_fault[0] != '\0';
    (void)json_object_set_new(o, "type", json_string("end"));
    (void)json_object_set_new(o, "whole", json_boolean(host_is_whole(s)));
    if (s->v.own_fault[0] || s->v.unfinished[0])
        (void)json_object_set_new(o, "why",
                                  text_json(s->v.own_fault[0] ? s->v.own_fault : s->v.unfinished));
    (void)json_object_set_new(o, "visited", json_integer((json_int_t)s->explored.visited));
    (void)json_object_set_new(o, "counted", json_integer((json_int_t)s->explored.counted));
    line_add(s->points, o, true);
}

void host_points_progress(const struct host_session *s, char *buf, size_t size)
{
    const struct host_points *p = s->points;
    uint64_t ns = os_clock_ns() - p->began, done = p->resumed + p->added;
    uint64_t rate = ns ? p->added * 1000000000u / ns : 0;
    uint64_t left = p->expected > done ? p->expected - done : 0;
    unsigned bar = p->expected ? (unsigned)PP_MIN(done * 20 / p->expected, 20u) : 0;

    pp_fmt(buf, size, "[%.*s%.*s] %llu of %llu calls refused, %llu a second", (int)bar,
           "====================", (int)(20 - bar), "                    ",
           (unsigned long long)done, (unsigned long long)p->expected, (unsigned long long)rate);
    if (rate)
        pp_fmt_append(buf, size, ", %llu s left", (unsigned long long)(left / rate));
}

/* ---- Life, files ---- */

static void header_add(struct host_points *p, const struct host_options *o)
{
    json_t *h = json_object();

    (void)json_object_set_new(h, "type", json_string("explore"));
    (void)json_object_set_new(h, "driver", text_json(pp_base_name(o->driver)));
    (void)json_object_set_new(h, "command", text_json(o->command));
    (void)json_object_set_new(h, "seed", json_integer((json_int_t)o->seed));
    line_add(p, h, true);
}

static int take_line(struct host_points *p, json_t *o, char why[PP_WHY_SIZE])
{
    const char *type = json_string_value(json_object_get(o, "type")), *name;
    uint64_t first, id;
    uint32_t first_nth, nth;

    if (!type) {
        pp_fmt(why, PP_WHY_SIZE, "no line of an exploration");
        return -EINVAL;
    }
    if (strcmp(type, "point") != 0)
        return 0;
    name = json_string_value(json_object_get(o, "point"));
    if (!name || !host_point_parse(name, &first, &first_nth, &id, &nth)) {
        pp_fmt(why, PP_WHY_SIZE, "a point without its name");
        return -EINVAL;
    }
    if (host_points_has(p, first, first_nth, id, nth))
        return 1;
    known_add(p, slot_key(first, first_nth, id, nth));
    return 0;
}

int host_points_read(struct host_points *p, const char *path, bool whole, char why[PP_WHY_SIZE])
{
    uint8_t *bytes;
    size_t size, at = 0;
    unsigned number = 0;
    bool is_whole = false; /* the last exploration in it */
    int err = host_read_file(path, 1u << 30, &bytes, &size);

    if (err) {
        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", path, strerror(-err));
        return err;
    }
    while (!err && at < size) {
        uint8_t *end = memchr(bytes + at, '\n', size - at);
        char cause[PP_WHY_SIZE] = "not JSON";
        json_error_t e;
        json_t *o;

        if (!end)
            break; /* killed while it wrote this line: the point is visited again */
        number++;
        o = json_loadb((char *)bytes + at, (size_t)(end - (bytes + at)), 0, &e);
        err = o ? take_line(p, o, cause) : -EINVAL;
        if (err == 0)
            is_whole = json_is_true(json_object_get(o, "whole"));
        if (err == 0 && (whole || !strcmp(json_string_value(json_object_get(o, "type")), "point")))
            line_add(p, json_incref(o), false);
        json_decref(o);
        if (err < 0)
            pp_fmt(why, PP_WHY_SIZE, "%.100s:%u: %.60s", path, number, cause);
        err = PP_MIN(err, 0); /* 1: known already */
        at = (size_t)(end - bytes) + 1;
    }
    p->kept = at;
    p->cut += whole && !is_whole;
    pp_free(bytes);
    return err;
}

struct host_points *host_points_new(void)
{
    struct host_points *p = pp_new(sizeof *p);

    PP_ASSERT(p);
    p->fd = -1;
    p->known_mask = 1023;
    p->known = pp_new_array(1024, sizeof *p->known);
    p->lines = json_array();
    PP_ASSERT(p->known && p->lines);
    return p;
}

int host_points_open(struct host_points *p, const struct host_options *o, const char *path,
                     bool resume, char why[PP_WHY_SIZE])
{
    int err = 0;

    if (resume && !access(path, F_OK))
        err = host_points_read(p, path, false, why);
    if (err)
        return err;
    p->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND | (resume ? 0 : O_TRUNC), 0666);
    if (p->fd < 0 || (resume && ftruncate(p->fd, (off_t)p->kept))) {
        err = -errno;
        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", path, strerror(-err));
        return err;
    }
    p->resumed = p->known_count;
    header_add(p, o);
    return 0;
}

void host_points_free(struct host_points *p)
{
    if (!p)
        return;
    if (p->fd >= 0)
        (void)close(p->fd); /* write errors were noticed line by line */
    host_symbols_free(p->symbols);
    json_decref(p->lines);
    pp_free(p->known);
    pp_free(p);
}
