/*
 * What is still alive where: active objects in memory that goes away, what would run in an image that is
 * being unloaded, and what blocked threads wait for.
 */
#include "kernel/ke_sched.h"

#include <string.h>

/* ---- Ranges ---- */

struct search {
    uint64_t low, high;
    uint64_t object;
    bool is_found;
};

static bool in_range(void *ctx, uint64_t object, uint64_t routine, const char *what)
{
    struct search *s = ctx;

    (void)routine;
    (void)what;
    if (object < s->low || object >= s->high)
        return true;
    s->object = object;
    s->is_found = true;
    return false;
}

bool ke_find_active_in(uint64_t addr, uint64_t size, enum ke_active_kind *kind, uint64_t *object)
{
    struct search s = {.low = addr, .high = addr + size};

    ke_timer_each(in_range, &s);
    if (s.is_found) {
        *kind = KE_ACTIVE_TIMER;
        *object = s.object;
        return true;
    }
    if (ex_resource_in(addr, size, object)) {
        *kind = KE_ACTIVE_RESOURCE;
        return true;
    }
    ke_dpc_each(in_range, &s);
    if (s.is_found) {
        *kind = KE_ACTIVE_DPC;
        *object = s.object;
        return true;
    }
    ex_work_each(in_range, &s);
    if (s.is_found) {
        *kind = KE_ACTIVE_WORK_ITEM;
        *object = s.object;
    }
    return s.is_found;
}

void ke_forget_active_in(uint64_t addr, uint64_t size)
{
    enum ke_active_kind kind;
    uint64_t object;

    ex_resource_forget_in(addr, size);
    while (ke_find_active_in(addr, size, &kind, &object)) {
        if (kind == KE_ACTIVE_TIMER)
            (void)ke_timer_forget(object);
        else if (kind == KE_ACTIVE_DPC)
            (void)ke_dpc_forget(object);
        else
            (void)ex_work_forget(object);
    }
}

/* ---- Unloading ---- */

struct unload {
    struct ke_image *image;
    bool (*forget)(uint64_t object);
    enum vf_rule in_range, by_routine; /* rules: the object lies in the image; its routine does */
    unsigned count;
};

static bool lies_in(const struct ke_image *image, uint64_t addr)
{
    return addr >= image->base && addr < image->base + image->size;
}

static void report_range(struct unload *u, enum vf_rule rule, uint64_t object, uint64_t routine,
                         const char *what)
{
    char detail[VF_DETAIL];

    pp_fmt(detail, sizeof detail, "the %s at 0x%llx of %s", what, (unsigned long long)object,
           u->image->name);
    u->count++;
    ke_rule(rule, rule == VF_DPC_ROUTINE_IN_UNLOADED ? routine : object, u->image->base,
            u->image->base + u->image->size, detail);
}

/* 0xCE has no sub-code: its first parameter is the address that would be run. */
static void report_pending(struct unload *u, uint64_t object, uint64_t routine, const char *what)
{
    struct vf_case c = {.rule = VF_PENDING_AT_UNLOAD, .access = VF_NO_ACCESS};
    char detail[VF_DETAIL];

    pp_fmt(detail, sizeof detail, "a %s of %s with its routine at %s+0x%llx", what, u->image->name,
           u->image->name, (unsigned long long)(routine - u->image->base));
    c.p[0] = routine;
    c.p[1] = object;
    c.detail = detail;
    u->count++;
    vf_report(&c);
}

static bool check_one(void *ctx, uint64_t object, uint64_t routine, const char *what)
{
    struct unload *u = ctx;

    if (u->in_range != VF_PENDING_AT_UNLOAD && lies_in(u->image, object))
        report_range(u, u->in_range, object, routine, what);
    else if (!lies_in(u->image, routine))
        return true;
    else if (u->by_routine == VF_PENDING_AT_UNLOAD)
        report_pending(u, object, routine, what);
    else
        report_range(u, u->by_routine, object, routine, what);
    if (u->forget)
        (void)u->forget(object);
    return true;
}

static bool check_thread(void *ctx, struct ke_thread *t)
{
    struct unload *u = ctx;

    if (!t->is_dead && t->start && lies_in(u->image, t->start))
        report_pending(u, KE_ARG(t->object), t->start, "system thread");
    return true;
}

unsigned ke_unload_check(struct ke_image *image)
{
    struct unload u = {.image = image};

    u.in_range = VF_TIMER_IN_UNLOADED;
    u.by_routine = VF_DPC_ROUTINE_IN_UNLOADED;
    u.forget = ke_timer_forget;
    ke_timer_each(check_one, &u);
    u.in_range = VF_DPC_IN_UNLOADED;
    u.forget = ke_dpc_forget;
    ke_dpc_each(check_one, &u);
    u.in_range = u.by_routine = VF_PENDING_AT_UNLOAD;
    u.forget = ke_ex_timer_forget;
    ke_ex_timer_each(check_one, &u);
    u.forget = ex_work_forget;
    ex_work_each(check_one, &u);
    u.forget = NULL;
    ex_callback_each(check_one, &u);
    ps_thread_notify_each(check_one, &u);
    ke_bugcheck_callback_each(check_one, &u);
    ke_thread_each(check_thread, &u);
    ex_callback_wipe(image);
    ps_thread_notify_wipe(image);
    ke_bugcheck_callback_wipe(image);
    ke_lock_gone(image->base, image->size);
    return u.count;
}

/* ---- Waits, for people ---- */

struct describe {
    char *buf;
    size_t size;
    unsigned count;
};

static const char *object_kind(const DISPATCHER_HEADER *h)
{
    static const char *const names[] = {
        "event", "event", "mutex", "process", "queue", "semaphore", "thread", "gate", "timer", "timer",
    };
    unsigned type;

    if (!ke_is_touchable(h, sizeof *h))
        return "object in memory that is gone,";
    type = h->Type & 0x7F;
    return type < PP_COUNT(names) ? names[type] : "object";
}

static void describe_place(char *buf, size_t size, uint64_t pc)
{
    struct ke_image *image = pc ? ke_image_at(pc) : NULL;

    if (image)
        pp_fmt_append(buf, size, "%s+0x%llx", image->name, (unsigned long long)(pc - image->base));
    else
        pp_fmt_append(buf, size, "the kernel");
}

static void describe_owner(struct describe *d, const struct ke_wait_entry *e)
{
    const KMUTANT *m = e->object;
    struct ke_thread *owner;

    if (!ke_is_touchable(m, sizeof *m) || (m->Header.Type & 0x7F) != MutantObject)
        return;
    owner = ke_thread_of(m->OwnerThread);
    if (owner)
        pp_fmt_append(d->buf, d->size, " (held by thread %llu)", (unsigned long long)owner->id);
}

static bool describe_one(void *ctx, struct ke_thread *t)
{
    struct describe *d = ctx;

    if (!t->is_waiting || (t->wait_what && !strcmp(t->wait_what, "work")))
        return true;
    d->count++;
    pp_fmt_append(d->buf, d->size, "thread %llu (%s", (unsigned long long)t->id,
                  t->is_request ? "request" : "system thread");
    if (t->start) {
        pp_fmt_append(d->buf, d->size, " started at ");
        describe_place(d->buf, d->size, t->start);
    }
    pp_fmt_append(d->buf, d->size, ") waits ");
    if (t->wait_queue)
        pp_fmt_append(d->buf, d->size, "for an entry of the queue at %p", t->wait_queue);
    else if (t->wait_what)
        pp_fmt_append(d->buf, d->size, "for %s", t->wait_what);
    else if (!t->wait_count)
        pp_fmt_append(d->buf, d->size, "for time to pass");
    for (uint32_t i = 0; i < t->wait_count && !t->wait_what; i++) {
        pp_fmt_append(d->buf, d->size, "%s the %s at %p", i ? (t->wait_type == WaitAny ? " or" : " and") : "for",
                      object_kind(t->waits[i].object), t->waits[i].object);
        describe_owner(d, &t->waits[i]);
    }
    pp_fmt_append(d->buf, d->size, ", called from ");
    describe_place(d->buf, d->size, t->wait_pc);
    pp_fmt_append(d->buf, d->size, "\n");
    return true;
}

unsigned ke_describe_waits(char *buf, size_t size)
{
    struct describe d = {.buf = buf, .size = size};

    buf[0] = '\0';
    ke_thread_each(describe_one, &d);
    if (!d.count)
        pp_fmt_append(buf, size, "no thread waits, and nothing is left to run\n");
    return d.count;
}
