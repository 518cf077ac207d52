/*
 * Failing calls on purpose: low resources simulation. Every export whose documentation names a
 * failure for lack of resources (the "fail" column of the export table) is a point where a verified
 * driver can be refused, in the way the documentation says: NULL, FALSE, a status, an exception.
 *
 *   random       with a probability, for some tags (flag 0x4)
 *   systematic   the first call from each stack (flag 0x40000)
 *   asked        the host decides about each call, which is how all of them are visited (explore)
 *
 * A call is identified by the routine and the part of the stack that lies in drivers, as offsets in
 * their images, so that it keeps its name wherever and whenever the driver is loaded.
 */
#include "kernel/kernel_priv.h"
#include "kernel/gate_priv.h"
#include "nt/wmi.h"

#include <errno.h>
#include <string.h>

enum { STACKS = 1u << 15, TAGS_MAX = 16 };

/* How often a stack was seen; open addressing. */
struct seen {
    uint64_t id; /* 0: empty */
    uint32_t count;
};

static struct {
    struct ke_fault_config cfg;
    struct pp_random random;
    struct seen *seen; /* [STACKS] */
    uint32_t seen_count;
    uint64_t calls, failed;
    uint64_t spared; /* calls that undo something */
    uint64_t before; /* calls before faults were switched on */
    struct ke_fault_point last; /* failed last; index 0: none yet */
    uint64_t last_thread;
    bool is_on;
    char tags[256], applications[256]; /* those of cfg, when they were changed while running */
} g;

/* ---- What a refused call does instead ---- */

static uint64_t NTAPI give_zero(void)
{
    return 0;
}

static uint64_t NTAPI give_status(void)
{
    return (uint32_t)STATUS_INSUFFICIENT_RESOURCES;
}

static uint64_t NTAPI give_exception(void)
{
    ke_raise_status(STATUS_INSUFFICIENT_RESOURCES);
}

/* Doc: WDK, wdm.h, POOL_TYPE and POOL_FLAGS: callers choose between NULL and an exception. */
static bool pool_raises(const struct ke_gate_record *r, bool *ret)
{
    const char *name = r->export->name;

    if (strncmp(name, "ExAllocatePool", 14) != 0)
        return false;
    name += 14;
    if (*name == '2' || *name == '3')
        *ret = r->args[0] & POOL_FLAG_RAISE_ON_FAILURE;
    else if (!strncmp(name, "WithQuota", 9))
        *ret = !(r->args[0] & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE);
    else
        *ret = r->args[0] & POOL_RAISE_IF_ALLOCATION_FAILURE;
    return true;
}

static void *refusal(const struct ke_gate_record *r)
{
    bool raises;

    if (pool_raises(r, &raises))
        return raises ? (void *)give_exception : (void *)give_zero;
    switch ((enum ke_fail)r->export->fail) {
    case KE_FAIL_STATUS:
        return (void *)give_status;
    case KE_FAIL_RAISE:
        return (void *)give_exception;
    default:
        return (void *)give_zero;
    }
}

/* ---- Which calls ---- */

/* Routines that make and undo in one: undoing needs no resources. Doc: WDK, wdm.h and ntddk.h, their pages. */
static bool undoes(const struct ke_gate_record *r)
{
    const char *name = r->export->name;

    if (!strcmp(name, "IoWMIRegistrationControl"))
        return (uint32_t)r->args[1] != WMIREG_ACTION_REGISTER &&
               (uint32_t)r->args[1] != WMIREG_ACTION_REREGISTER;
    if (!strcmp(name, "PsSetCreateProcessNotifyRoutineEx2"))
        return (uint8_t)r->args[2];
    return !strncmp(name, "PsSetCreateProcessNotifyRoutine", 31) && (uint8_t)r->args[1];
}

static uint64_t identity(const struct ke_gate_record *r, const struct vf_stack *stack)
{
    uint64_t h = pp_hash(PP_HASH_INIT, r->export->name, strlen(r->export->name));

    for (uint32_t i = 0; i < stack->count; i++) {
        const struct ke_image *im = ke_image_at(stack->pc[i]);
        uint64_t offset = im ? stack->pc[i] - im->base : stack->pc[i];

        if (im)
            h = pp_hash(h, im->name, strlen(im->name));
        h = pp_hash(h, &offset, sizeof offset);
    }
    return h ? h : 1;
}

/* How often this stack has called, this time included; 0 when the table is full. */
static uint32_t count_call(uint64_t id)
{
    uint32_t i = (uint32_t)id & (STACKS - 1);

    while (g.seen[i].id && g.seen[i].id != id)
        i = (i + 1) & (STACKS - 1);
    if (!g.seen[i].id) {
        if (g.seen_count == STACKS - 1)
            return 0;
        g.seen_count++;
        g.seen[i].id = id;
    }
    return ++g.seen[i].count;
}

/* "*" stands for any characters, "?" for one; case-sensitive. */
static bool matches(const char *pattern, const char *text)
{
    if (*pattern == '*')
        return matches(pattern + 1, text) || (*text && matches(pattern, text + 1));
    if (!*text)
        return !*pattern;
    return (*pattern == '?' || *pattern == *text) && matches(pattern + 1, text + 1);
}

/* Does one of the patterns, separated by blanks, match? */
static bool any_matches(const char *p, const char *text)
{
    char pattern[64];

    while (*(p += strspn(p, " "))) {
        size_t n = strcspn(p, " ");

        pp_fmt(pattern, sizeof pattern, "%.*s", (int)PP_MIN(n, (size_t)60), p);
        if (matches(pattern, text))
            return true;
        p += n;
    }
    return false;
}

/* With programs given only what is called on their behalf is refused. */
static bool program_is_meant(void)
{
    const char *p = g.cfg.applications;
    const uint8_t *image = ps_current()->ImageFileName;

    return !p || !*p || ke_verifier_lists(p, (const char *)image);
}

/* With tags given only pool requests of these tags are refused. */
static bool tag_is_meant(const struct ke_gate_record *r)
{
    const char *name = r->export->name;
    char tag[5] = "";

    if (!g.cfg.tags || !*g.cfg.tags)
        return true;
    if (strncmp(name, "ExAllocatePool", 14) != 0 || !strcmp(name, "ExAllocatePool") ||
        !strcmp(name, "ExAllocatePoolWithQuota"))
        return false;
    for (int i = 0; i < 4; i++)
        tag[i] = (char)((r->args[2] >> (8 * i)) & 0x7F);
    return any_matches(g.cfg.tags, tag);
}

static bool is_chosen(const struct ke_gate_record *r, const struct ke_fault_point *p)
{
    switch (g.cfg.mode) {
    case KE_FAULT_RANDOM:
        return tag_is_meant(r) && program_is_meant() &&
               pp_random_below(&g.random, 10000) < g.cfg.probability;
    case KE_FAULT_SYSTEMATIC:
        return p->nth == 1;
    case KE_FAULT_ASK:
        return g.cfg.ask(g.cfg.ctx, p);
    case KE_FAULT_OFF:
        break;
    }
    return false;
}

void *ke_fault_check(struct ke_gate_record *r)
{
    struct ke_fault_point p = {.routine = r->export->name};
    const struct ke_image *im;

    if (!g.is_on || r->export->fail == KE_FAIL_NEVER)
        return r->export->fn;
    im = ke_image_at(r->rip);
    if (!im || !im->is_verified)
        return r->export->fn;
    if (undoes(r)) {
        g.spared++;
        return r->export->fn;
    }
    ke_stack_capture(&p.stack);
    p.id = identity(r, &p.stack);
    p.nth = count_call(p.id);
    p.index = ++g.calls;
    if (!is_chosen(r, &p))
        return r->export->fn;
    g.failed++;
    g.last = p;
    g.last_thread = ke_thread_now ? ke_thread_now->id : 0;
    return refusal(r);
}

/* ---- Life ---- */

int ke_fault_init(void)
{
    const struct ke_fault_config *c = &ke_m.config.fault;

    g.cfg = *c;
    if (c->mode == KE_FAULT_OFF)
        return 0;
    g.seen = pp_new_array(STACKS, sizeof *g.seen);
    if (!g.seen)
        return -ENOMEM;
    pp_random_init(&g.random, ke_m.config.seed + 0x10);
    return 0;
}

void ke_fault_switch(bool on)
{
    g.is_on = on && g.cfg.mode != KE_FAULT_OFF;
    if (g.is_on) {
        g.before = ke_export_failable_calls();
        __atomic_fetch_or(&ke_gate_hook, KE_HOOK_FAULT, __ATOMIC_RELAXED);
    } else {
        __atomic_fetch_and(&ke_gate_hook, (uint8_t)~KE_HOOK_FAULT, __ATOMIC_RELAXED);
    }
}

/* `from` may be `to`: the rest of a configuration was changed. */
static void copy_text(char *to, const char *from, size_t size)
{
    if (from != to)
        pp_fmt(to, size, "%s", from ? from : "");
}

void ke_fault_forget(void)
{
    if (g.seen)
        memset(g.seen, 0, STACKS * sizeof *g.seen);
    g.seen_count = 0;
}

int ke_fault_change(const struct ke_fault_config *c)
{
    if (!g.seen && c->mode != KE_FAULT_OFF) {
        g.seen = pp_new_array(STACKS, sizeof *g.seen);
        if (!g.seen)
            return -ENOMEM;
        pp_random_init(&g.random, ke_m.config.seed + 0x10);
    }
    if (g.cfg.mode == KE_FAULT_RANDOM)
        ke_fault_forget(); /* only what systematic simulation has seen counts for it */
    copy_text(g.tags, c->tags, sizeof g.tags);
    copy_text(g.applications, c->applications, sizeof g.applications);
    g.cfg = *c;
    g.cfg.tags = g.tags;
    g.cfg.applications = g.applications;
    ke_fault_switch(true);
    return 0;
}

enum ke_fault_mode ke_fault_mode_of(uint32_t options)
{
    return options & VF_OPT_SYSTEMATIC      ? KE_FAULT_SYSTEMATIC
           : options & VF_OPT_LOW_RESOURCES ? KE_FAULT_RANDOM
                                            : KE_FAULT_OFF;
}

const struct ke_fault_config *ke_fault_config(void)
{
    return &g.cfg;
}

uint64_t ke_fault_calls(uint64_t *ret_failed)
{
    *ret_failed = g.failed;
    return g.calls;
}

uint64_t ke_fault_counted(void)
{
    return ke_export_failable_calls() - g.before - g.spared;
}

const struct ke_fault_point *ke_fault_last(void)
{
    uint64_t thread = ke_thread_now ? ke_thread_now->id : 0;

    return g.last.index && (g.cfg.mode == KE_FAULT_ASK || thread == g.last_thread) ? &g.last : NULL;
}

int ke_after_fork(void)
{
    int err = pl_after_fork(ke_m.pool);

    if (!err)
        err = mm_after_fork();
    return err ? err : ke_trap_after_fork();
}
