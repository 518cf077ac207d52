/*
 * --json: the verdict for programs, one object a line. Each line's "type" says what it is:
 * "finding", "leak" (one block, after its finding), "stop", "note", and last "verdict". Numbers
 * that may exceed 53 bits are strings in hexadecimal. docs/JSON.md lists every field.
 */
#include "host/host_priv.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct sink {
    FILE *out;
    struct host_symbols *symbols;
    int err;
};

/* Takes over `o`. */
static void line(struct sink *s, json_t *o)
{
    if (!o || json_dumpf(o, s->out, JSON_COMPACT | JSON_ENSURE_ASCII) || fputc('\n', s->out) == EOF)
        s->err = s->err ? s->err : (errno ? -errno : -EIO);
    json_decref(o);
}

static json_t *hex(uint64_t v)
{
    char text[24];

    pp_fmt(text, sizeof text, "0x%llx", (unsigned long long)v);
    return json_string(text);
}

/* Text that came from a driver may be any bytes. */
static json_t *text_of(const char *t)
{
    json_t *s = json_string(t);
    char plain[400];
    size_t n = 0;

    if (s)
        return s;
    for (; t[n] && n < sizeof plain - 1; n++)
        plain[n] = (char)(t[n] >= 0x20 && t[n] < 0x7F ? t[n] : '.');
    plain[n] = '\0';
    return json_string(plain);
}

static json_t *tag_of(uint32_t tag)
{
    char text[5] = {0};

    for (int i = 0; i < 4; i++) {
        unsigned c = (tag >> (8 * i)) & 0xFF;

        text[i] = (char)(c >= 0x20 && c < 0x7F ? c : '.');
    }
    return json_string(text);
}

static json_t *stack_of(struct sink *s, const struct vf_stack *st, uint64_t exact_pc)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < st->count && i < VF_FRAMES; i++) {
        json_t *frame = json_object();
        char text[400];

        host_symbol(s->symbols, st->pc[i], i == 0 && exact_pc && st->pc[0] == exact_pc, text,
                    sizeof text);
        (void)json_object_set_new(frame, "address", hex(st->pc[i])); /* fails as the dump does */
        (void)json_object_set_new(frame, "symbol", text_of(text));
        (void)json_array_append_new(list, frame);
    }
    return list;
}

static json_t *block_of(const struct vf_finding *f)
{
    const struct pl_block_info *b = &f->block;

    return json_pack("{s:o, s:o, s:I, s:s, s:b, s:b, s:I, s:i, s:s}", "address", hex(b->start),
                     "tag", tag_of(b->tag), "size", (json_int_t)b->size, "pool",
                     (b->flags & PL_PAGED) ? "paged" : "nonpaged", "live", (int)b->live, "guarded",
                     (int)b->special, "offset",
                     (json_int_t)(f->has_addr ? (int64_t)(f->addr - b->start) : 0), "irql",
                     b->alloc_irql, "driver", f->alloc_driver);
}

static const char *access_name(uint8_t access)
{
    switch (access) {
    case VF_READ:
        return "read";
    case VF_WRITE:
        return "write";
    case VF_EXECUTE:
        return "execute";
    default:
        return NULL;
    }
}

static json_t *bytes_of(const struct vf_finding *f)
{
    char text[2 * VF_WINDOW + 1] = "";

    for (uint32_t i = 0; i < f->window_size && i < VF_WINDOW; i++) {
        if (f->window_valid[i] == 1)
            pp_fmt_append(text, sizeof text, "%02x", f->window[i]);
        else
            pp_fmt_append(text, sizeof text, "??");
    }
    return json_string(text);
}

static void finding(struct sink *s, const struct host_verdict *v, const struct host_finding *h,
                    unsigned number)
{
    const struct vf_finding *f = &h->f;
    const struct vf_rule_info *r = vf_rule_info((enum vf_rule)f->rule);
    bool is_instruction = f->access != VF_NO_ACCESS && !f->by_kernel;
    json_t *o =
        json_pack("{s:s, s:i, s:s, s:I, s:s, s:s}", "type", "finding", "number", number, "rule",
                  r->id, "code", (json_int_t)r->code, "name", r->name, "cause", r->sentence);
    json_t *p = json_array();

    for (int i = 0; i < 4; i++)
        (void)json_array_append_new(p, hex(f->p[i])); /* fails as the dump does */
    (void)json_object_set_new(o, "parameters", p);
    (void)json_object_set_new(o, "driver", text_of(f->driver));
    (void)json_object_set_new(o, "routine", text_of(f->routine));
    (void)json_object_set_new(o, "detail", text_of(f->detail));
    (void)json_object_set_new(o, "object", text_of(f->object));
    (void)json_object_set_new(o, "during", text_of(h->during));
    (void)json_object_set_new(o, "irql", json_integer(f->irql));
    (void)json_object_set_new(o, "thread", json_integer((json_int_t)f->thread));
    (void)json_object_set_new(o, "time", json_integer((json_int_t)f->time));
    (void)json_object_set_new(o, "count", json_integer((json_int_t)h->repeats + 1));
    (void)json_object_set_new(o, "seed", json_integer((json_int_t)v->o->seed));
    if (access_name(f->access))
        (void)json_object_set_new(o, "access", json_string(access_name(f->access)));
    if (f->has_addr)
        (void)json_object_set_new(o, "address", hex(f->addr));
    if (f->has_block)
        (void)json_object_set_new(o, "block", block_of(f));
    if (f->window_size) {
        (void)json_object_set_new(o, "bytes_at", hex(f->window_start));
        (void)json_object_set_new(o, "bytes", bytes_of(f));
    }
    (void)json_object_set_new(o, "stack", stack_of(s, &f->stack, is_instruction ? f->pc : 0));
    if (h->refused.routine[0]) {
        (void)json_object_set_new(o, "refused", text_of(h->refused.routine));
        (void)json_object_set_new(o, "refused_by", stack_of(s, &h->refused.stack, 0));
    }
    if (f->has_block) {
        (void)json_object_set_new(o, "allocated", stack_of(s, &f->alloc_stack, 0));
        (void)json_object_set_new(o, "freed", stack_of(s, &f->free_stack, 0));
    }
    line(s, o);
    for (uint32_t i = 0; i < h->leak_count; i++) {
        o = json_pack("{s:s, s:i}", "type", "leak", "finding", number);
        (void)json_object_set_new(o, "block", block_of(&h->leaks[i]));
        (void)json_object_set_new(o, "allocated", stack_of(s, &h->leaks[i].alloc_stack, 0));
        line(s, o);
    }
}

static void stop(struct sink *s, const char *kind, const struct host_stop *st)
{
    json_t *o = json_pack("{s:s, s:s}", "type", "stop", "kind", kind);

    (void)json_object_set_new(o, "name", text_of(st->name)); /* fails as the dump does */
    (void)json_object_set_new(o, "detail", text_of(st->detail));
    (void)json_object_set_new(o, "stack", stack_of(s, &st->stack, 0));
    line(s, o);
}

static void text_line(struct sink *s, const char *type, const char *text)
{
    json_t *o = json_pack("{s:s}", "type", type);

    (void)json_object_set_new(o, "text", text_of(text)); /* fails as the dump does */
    line(s, o);
}

static const char *verdict_name(int code)
{
    switch (code) {
    case HOST_CLEAN:
        return "clean";
    case HOST_FINDINGS:
        return "findings";
    case HOST_USAGE:
        return "usage";
    case HOST_NOT_MODELLED:
        return "not modelled";
    case HOST_HANG:
        return "hang";
    case HOST_NOT_EXERCISED:
        return "not exercised";
    default:
        return "own fault";
    }
}

static void verdict(struct sink *s, const struct host_verdict *v)
{
    const struct ke_exercised *e = &v->exercised;
    int code = host_verdict_exit(v);
    json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i}", "type",
                          "verdict", "verdict", verdict_name(code), "exit", code, "findings",
                          (int)v->finding_count, "requests", (json_int_t)e->requests, "completed",
                          (json_int_t)e->completed, "succeeded", (json_int_t)e->succeeded, "blocks",
                          (json_int_t)e->blocks, "blocks_reached", (json_int_t)e->blocks_reached,
                          "allocations", (json_int_t)e->allocations, "guarded",
                          (json_int_t)e->guarded, "machines", (int)v->restarts + 1);

    (void)json_object_set_new(o, "guards", text_of(v->guard)); /* fails as the dump does */
    (void)json_object_set_new(o, "driver", text_of(v->o->driver));
    (void)json_object_set_new(o, "seed", json_integer((json_int_t)v->o->seed));
    if (v->entry_failed.what[0]) {
        (void)json_object_set_new(o, "failed", text_of(v->entry_failed.what));
        (void)json_object_set_new(o, "status",
                                  json_integer((json_int_t)(uint32_t)v->entry_failed.status));
    }
    if (v->own_fault[0])
        (void)json_object_set_new(o, "own_fault", text_of(v->own_fault));
    line(s, o);
}

int host_json(const struct host_verdict *v, const char *path)
{
    struct sink s = {.out = fopen(path, "we")};

    if (!s.out)
        return -errno;
    errno = 0;
    s.symbols = host_symbols_new(v->modules, v->module_count, v->o->symbols);
    for (unsigned i = 0; i < v->warning_count; i++)
        text_line(&s, "note", v->warnings[i]);
    for (unsigned i = 0; i < v->finding_count; i++)
        finding(&s, v, &v->findings[i], i + 1);
    for (unsigned i = 0; i < v->expect_count; i++)
        text_line(&s, "expectation", v->expects[i]);
    if (v->death[0])
        text_line(&s, "death", v->death);
    for (unsigned i = 0; i < v->not_modelled_count; i++)
        stop(&s, "not modelled", &v->not_modelled[i]);
    for (unsigned i = 0; i < v->hang_count; i++)
        stop(&s, "hang", &v->hangs[i]);
    verdict(&s, v);
    host_symbols_free(s.symbols);
    if (fclose(s.out) && !s.err)
        s.err = errno ? -errno : -EIO;
    return s.err;
}
