/*
 * Rules and findings. See verify.h for the contract, docs/RULES.md for the precedence between codes
 * that fit one event.
 */
#include "verify/verify_priv.h"

#include <string.h>

static const struct vf_rule_info rules[] = {
#define RULE(id_, code_, sub_param_, sub_, options_, name_, p1_, p2_, p3_, p4_, sentence_, doc_)   \
    {#id_, code_, sub_param_, sub_, options_, name_, {p1_, p2_, p3_, p4_}, sentence_, doc_},
#include "verify/rules.def"
#undef RULE
};

enum { DISABLED_MAX = 64 };

static struct {
    struct vf_config cfg;
    uint32_t count;
    uint64_t disabled[DISABLED_MAX]; /* P1 of bug check 0xC4, [disabled_count] */
    unsigned disabled_count;
} g;

const struct vf_config *vf_config(void)
{
    return &g.cfg;
}

const struct vf_rule_info *vf_rule_info(enum vf_rule rule)
{
    return (unsigned)rule < PP_COUNT(rules) ? &rules[rule] : NULL;
}

void vf_init(const struct vf_config *cfg)
{
    g.cfg = *cfg;
    g.count = 0;
    g.disabled_count = 0;
}

void vf_options_drop(uint32_t options)
{
    g.cfg.options &= ~options;
}

bool vf_has(uint32_t option)
{
    return (g.cfg.options & option) != 0;
}

bool vf_is_enabled(void)
{
    return g.cfg.enabled;
}

void vf_options_set(uint32_t options, bool enabled)
{
    g.cfg.options = options;
    g.cfg.enabled = enabled;
}

/* Codes that only the verifier raises. */
static bool is_own_code(const struct vf_rule_info *r)
{
    return r->code == 0xC4 || r->code == 0xC9;
}

bool vf_rule_on(enum vf_rule rule)
{
    const struct vf_rule_info *r = &rules[rule];

    /* What plain Windows stops on is on always; verifier's own codes need the verifier. */
    if (is_own_code(r))
        return g.cfg.enabled && (!r->options || (g.cfg.options & r->options));
    if (r->code == 0xC1)
        return true; /* of blocks in special pool, whoever put them there: verifier, GFlags or the call */
    return !r->options || vf_has(r->options);
}

bool vf_disable(uint64_t p1)
{
    if (g.disabled_count == DISABLED_MAX)
        return false;
    g.disabled[g.disabled_count++] = p1;
    return true;
}

static bool is_disabled(uint64_t p1)
{
    for (unsigned i = 0; i < g.disabled_count; i++) {
        if (g.disabled[i] == p1)
            return true;
    }
    return false;
}

uint32_t vf_finding_count(void)
{
    return g.count;
}

static void stack_from_depot(uint32_t id, struct vf_stack *ret)
{
    unsigned count = 0;
    const uint64_t *pc = pl_stack_get(g.cfg.depot, id, &count);

    memset(ret, 0, sizeof *ret);
    for (unsigned i = 0; i < count && i < VF_FRAMES; i++)
        ret->pc[i] = pc[i];
    ret->count = PP_MIN(count, (unsigned)VF_FRAMES);
}

static void owner_name(uint32_t owner, char ret[VF_NAME])
{
    ret[0] = '\0';
    if (g.cfg.hooks.owner_name)
        g.cfg.hooks.owner_name(g.cfg.hooks.ctx, owner, ret);
}

static void fill_block(struct vf_finding *f, const struct pl_block_info *block)
{
    f->has_block = 1;
    f->block = *block;
    stack_from_depot(block->alloc_stack, &f->alloc_stack);
    owner_name(block->owner, f->alloc_driver);
    if (!block->live) {
        stack_from_depot(block->free_stack, &f->free_stack);
        owner_name(block->free_owner, f->free_driver);
    }
}

/* Some bytes before the bad one and some after, from a 16-byte boundary. */
static void fill_window(struct vf_finding *f)
{
    if (!f->has_addr || !g.cfg.hooks.peek)
        return;
    f->window_start = pp_align_down(f->addr, 16);
    f->window_start -= PP_MIN(f->window_start, (uint64_t)48);
    f->window_size = VF_WINDOW;
    g.cfg.hooks.peek(g.cfg.hooks.ctx, f->window_start, f->window, f->window_valid, VF_WINDOW);
}

uint32_t vf_send(const struct vf_case *c, bool count)
{
    static struct vf_finding f; /* large, and one host thread */
    static struct vf_present now;
    struct pl_block_info block;

    if (!vf_rule_on(c->rule))
        return 0;
    memset(&f, 0, sizeof f);
    memset(&now, 0, sizeof now);
    memcpy(f.p, c->p, sizeof f.p);
    if (rules[c->rule].sub_param)
        f.p[rules[c->rule].sub_param - 1] = rules[c->rule].sub;
    if (rules[c->rule].code == 0xC4 && is_disabled(f.p[0]))
        return 0;
    g.cfg.hooks.present(g.cfg.hooks.ctx, &now);
    if (now.is_unverified && (is_own_code(&rules[c->rule]) || (rules[c->rule].options & ~(uint32_t)VF_OPT_SPECIAL_POOL)))
        return 0;
    f.rule = (uint32_t)c->rule;
    if (count)
        g.count++;
    f.number = g.count;
    f.time = now.time;
    f.thread = now.thread;
    f.irql = now.irql;
    f.pc = c->pc ? c->pc : now.pc;
    f.addr = c->addr;
    f.has_addr = c->has_addr;
    f.fatal = c->fatal;
    f.by_kernel = c->by_kernel;
    f.access = c->access;
    f.access_size = c->access_size;
    f.stack = c->stack ? *c->stack : now.stack;
    memcpy(f.driver, now.driver, sizeof f.driver);
    if (c->driver)
        pp_fmt(f.driver, sizeof f.driver, "%s", c->driver);
    memcpy(f.routine, now.routine, sizeof f.routine);
    if (c->block && c->block->has_block)
        fill_block(&f, c->block);
    else if (c->has_addr && pl_find(g.cfg.pool, c->addr, &block) != PL_NOT_POOL && block.has_block)
        fill_block(&f, &block);
    if (count) /* an entry of a list shows no bytes */
        fill_window(&f);
    if (c->object)
        pp_fmt(f.object, sizeof f.object, "%s", c->object);
    if (c->detail)
        pp_fmt(f.detail, sizeof f.detail, "%s", c->detail);
    if (g.cfg.hooks.finding)
        g.cfg.hooks.finding(g.cfg.hooks.ctx, &f);
    if (g.cfg.stop_at_first && g.cfg.hooks.stop && count)
        g.cfg.hooks.stop(g.cfg.hooks.ctx, &f);
    return f.number;
}

uint32_t vf_report(const struct vf_case *c)
{
    return vf_send(c, true);
}

uint32_t vf_report_exception(const struct vf_thrown *t)
{
    struct vf_case c = {.access = VF_NO_ACCESS, .fatal = !t->goes_on, .pc = t->address};
    char detail[VF_DETAIL];

    pp_fmt(detail, sizeof detail, "exception 0x%08x, parameters 0x%llx 0x%llx", t->status,
           (unsigned long long)t->info[0], (unsigned long long)t->info[1]);
    c.detail = t->detail ? t->detail : detail;
    c.p[0] = (uint64_t)(int64_t)(int32_t)t->status; /* Seen: 7E and 1E extend the sign, 3B does not */
    c.p[1] = t->address;
    switch (t->where) {
    case VF_IN_SYSTEM_THREAD:
        c.rule = VF_THREAD_EXCEPTION;
        break;
    case VF_IN_REQUEST:
        c.rule = VF_SERVICE_EXCEPTION;
        c.p[0] = t->status;
        break;
    case VF_IN_DPC:
        c.rule = VF_KMODE_EXCEPTION;
        c.p[2] = t->info[0];
        c.p[3] = t->info[1];
        break;
    }
    return vf_report(&c);
}

uint32_t vf_report_bugcheck(uint32_t code, const uint64_t p[4])
{
    struct vf_case c = {.rule = VF_DRIVER_BUGCHECK, .access = VF_NO_ACCESS, .fatal = true};
    char detail[VF_DETAIL];

    if (code == 0xF7)
        c.rule = VF_STACK_BUFFER;
    else if (code == 0x139)
        c.rule = VF_FAST_FAIL;
    memcpy(c.p, p, sizeof c.p);
    if (c.rule == VF_DRIVER_BUGCHECK) {
        pp_fmt(detail, sizeof detail, "bug check 0x%X raised by the driver", code);
        c.detail = detail;
    }
    return vf_report(&c);
}
