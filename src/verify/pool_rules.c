/*
 * From what the pool noticed to the rule's name. Several codes fit one event; the order here is the
 * precedence table of docs/RULES.md:
 *
 *   event                          verifier on (automatic checks)   special pool only   neither
 *   double free                    C4/13 (C4/14 from a page up)     C1/20               C2/07
 * (19/22 big) free of an unknown address     C4/10                            C1/20 C2/46 (C2/40
 * user) free inside a block            C4/16                            C1/21, C1/22        C2/99
 *   bytes damaged around a block   C1/23, C1/24, C1/32 for special blocks, 19/21 for ordinary ones
 *   an ordinary block's header     19/5 to 19/9, C2/01, C2/0D: the one field that changed; 19/20:
 * several; 19/D: freed block a freed ordinary block         19/3, C5, D0: its links; C6: elsewhere
 *   wrong tag                      C2/0A always
 *
 * The verifier's checks run first on Windows too: they wrap the free routine.
 */
#include "verify/verify_priv.h"

#include <string.h>

enum {
    USER_SPACE_END = 0x40, /* in units of 2^40: see docs/ARCHITECTURE.md, addresses */
    HEADER = 16,           /* bytes in front of an ordinary block */
    UNIT = 16,             /* of the sizes in it */
    POOL_LOCK_IRQL = 2,
};

static bool is_user_address(uint64_t addr)
{
    return addr >> 40 < USER_SPACE_END;
}

static uint64_t header_contents(const struct pl_event *ev)
{
    return ((uint64_t)ev->block.tag << 32) | (ev->block.size >> 4);
}

static void free_unknown(const struct pl_event *ev, struct vf_case *c)
{
    c->p[0] = c->p[1] = ev->address;
    if (vf_is_enabled()) {
        c->rule = VF_VER_FREE_UNKNOWN;
        c->p[2] = c->p[3] = 0;
    } else if (ev->address && is_user_address(ev->address)) {
        c->rule = VF_POOL_FREE_USER;
        c->p[2] = 0x400000000000ull;
    } else {
        c->rule = VF_POOL_FREE_INVALID;
    }
    if (ev->address == 0)
        c->detail = "the address is NULL";
}

static void free_twice(const struct pl_event *ev, struct vf_case *c)
{
    bool is_big = ev->block.size >= PP_PAGE_SIZE;

    if (vf_is_enabled()) {
        c->rule = is_big ? VF_VER_FREE_TWICE_BIG : VF_VER_FREE_TWICE;
        c->p[2] = ev->address - 16;
        c->p[3] = header_contents(ev);
    } else if (is_big) {
        c->rule = VF_POOL_BIG_UNKNOWN;
        c->p[1] = ev->address;
    } else {
        c->rule = VF_POOL_FREE_TWICE;
        c->p[2] = header_contents(ev);
        c->p[3] = ev->address;
    }
}

static void free_inside(const struct pl_event *ev, struct vf_case *c, char detail[VF_DETAIL])
{
    if (vf_is_enabled()) {
        c->rule = VF_VER_FREE_BAD;
        c->p[2] = ev->address;
    } else {
        c->rule = VF_POOL_FREE_BAD;
        c->p[1] = ev->address;
    }
    pp_fmt(detail, VF_DETAIL, "the address is %lld bytes %s the start of the block",
           (long long)(ev->block.offset < 0 ? -ev->block.offset : ev->block.offset),
           ev->block.offset < 0 ? "before" : "behind");
    c->detail = detail;
}

/* An ordinary block's header: the code follows the field that is wrong. Entries are addresses of
 * headers. */
static void header_damaged(const struct pl_event *ev, struct vf_case *c)
{
    uint64_t entry = ev->block.start - HEADER, stride = ev->block.span_end - ev->block.span_start;

    if (!ev->block.live) {
        c->rule = VF_POOL_FREED_HEADER;
        return;
    }
    c->p[3] = entry;
    switch (ev->fault) {
    case PL_HEADER_PREVIOUS:
        c->rule = VF_POOL_PREVIOUS;
        c->p[1] = entry - stride;
        break;
    case PL_HEADER_PREVIOUS_LARGE:
        c->rule = VF_POOL_PREVIOUS_LARGE;
        c->p[1] = entry - (ev->header[0] & 0xFF) * UNIT;
        break;
    case PL_HEADER_PREVIOUS_FIRST:
        c->rule = VF_POOL_PREVIOUS_FIRST;
        break;
    case PL_HEADER_SIZE_ZERO:
        c->rule = VF_POOL_SIZE_ZERO;
        break;
    case PL_HEADER_SIZE_LARGE:
        c->rule = VF_POOL_SIZE_LARGE;
        c->p[1] = entry + (ev->header[0] >> 16 & 0xFF) * UNIT;
        break;
    case PL_HEADER_TYPE:
        c->rule = VF_POOL_TYPE;
        c->p[1] = entry;
        c->p[2] = ev->header[0];
        c->p[3] = 0;
        break;
    case PL_HEADER_PAYER:
        c->rule = VF_POOL_QUOTA_PROCESS;
        c->p[1] = ev->block.start;
        c->p[2] = ev->block.tag;
        c->p[3] = ev->header[1];
        break;
    case PL_HEADER_SIZE:
    case PL_HEADER_MANY:
        c->rule = VF_POOL_HEADER;
        c->p[1] = entry;
        c->p[2] = ev->block.span_end;
        c->p[3] = 0;
        break;
    }
}

static void damaged(const struct pl_event *ev, struct vf_case *c, char detail[VF_DETAIL])
{
    c->addr = ev->bad_addr;
    c->access = VF_WRITE;
    if (ev->block.special) {
        c->rule = ev->single_bit                   ? VF_SPECIAL_BIT
                  : ev->kind == PL_EV_HEAD_DAMAGED ? VF_SPECIAL_HEAD
                                                   : VF_SPECIAL_TAIL;
        c->p[0] = ev->block.start;
        c->p[1] = ev->bad_addr;
        c->p[2] = ev->single_bit ? 0 : ev->expected;
    } else if (ev->kind == PL_EV_HEADER_DAMAGED) {
        header_damaged(ev, c);
    } else if (ev->kind == PL_EV_HEAD_DAMAGED) {
        c->rule = VF_POOL_HEADER;
        c->p[1] = ev->block.start - HEADER;
        c->p[2] = ev->block.span_end;
    } else {
        c->rule = VF_POOL_TAIL;
        c->p[1] = ev->block.start;
        c->p[2] = ev->block.size;
        c->p[3] = ev->found;
    }
    pp_fmt(detail, VF_DETAIL,
           "%llu byte%s from 0x%llx on changed; the first is 0x%02x and should be 0x%02x",
           (unsigned long long)ev->bad_count, ev->bad_count == 1 ? "" : "s",
           (unsigned long long)ev->bad_addr, ev->found, ev->expected);
    c->detail = detail;
}

static bool is_readable(uint64_t addr)
{
    const struct vf_hooks *h = &vf_config()->hooks;
    uint8_t bytes[8], valid[8];

    if (!h->peek || addr > UINT64_MAX - sizeof bytes)
        return false;
    memset(valid, 0, sizeof valid);
    h->peek(h->ctx, addr, bytes, valid, sizeof bytes);
    return !memchr(valid, 0, sizeof valid);
}

/* A freed ordinary block. On Windows its first 16 bytes link it with other free blocks, and the
 * pool follows the links under its lock, at DISPATCH_LEVEL: a link that is no address at all faults
 * there. */
static void freed_modified(const struct pl_event *ev, struct vf_case *c, char detail[VF_DETAIL])
{
    uint64_t link[2], start = ev->block.start;
    unsigned which = ev->bad_addr - start >= 8;

    c->addr = ev->bad_addr;
    c->access = VF_WRITE;
    if (ev->bad_addr - start >= sizeof link) {
        c->rule = VF_POOL_FREED_MODIFIED;
        c->p[0] = ev->bad_addr;
        c->p[1] = 1;
        return;
    }
    memcpy(link, (const void *)(uintptr_t)start, sizeof link);
    if (ev->bad_addr != start + 8 * which || ev->bad_last < ev->bad_addr + 7 ||
        is_readable(link[which])) {
        c->rule = VF_POOL_LIST;
        c->p[1] = start;
        c->p[2] = link[0];
        c->p[3] = link[1];
        return;
    }
    c->rule = ev->block.size < PP_PAGE_SIZE ? VF_POOL_LIST_SMALL : VF_POOL_LIST_BIG;
    c->p[0] = link[which];
    c->p[1] = POOL_LOCK_IRQL;
    pp_fmt(detail, VF_DETAIL, "the %s link of the freed block was overwritten",
           which ? "backward" : "forward");
    c->detail = detail;
}

/* Special pool without the verifier's checks (GFlags by tag), or their geometry codes. */
static void special_only(const struct pl_event *ev, struct vf_case *c)
{
    if (vf_is_enabled() || !ev->block.has_block || !ev->block.special)
        return;
    if (ev->kind == PL_EV_FREE_TWICE || ev->kind == PL_EV_FREE_UNKNOWN)
        c->rule = VF_SPECIAL_FREE_UNKNOWN;
    else if (ev->kind == PL_EV_FREE_INSIDE)
        c->rule = ev->block.offset > 0 ? VF_SPECIAL_FREE_INSIDE : VF_SPECIAL_FREE_BEFORE;
    else
        return;
    memset(c->p, 0, sizeof c->p);
    c->p[0] = ev->address;
    c->p[1] = ev->kind == PL_EV_FREE_INSIDE ? ev->block.size : 0;
    c->p[2] = ev->kind == PL_EV_FREE_INSIDE ? ev->given : 0;
}

bool vf_pool_event(void *ctx, const struct pl_event *ev)
{
    struct vf_case c = {.access = VF_NO_ACCESS, .addr = ev->address, .has_addr = true};
    char detail[VF_DETAIL] = "";

    (void)ctx; /* one machine in a process */
    c.block = ev->block.has_block ? &ev->block : NULL;
    switch (ev->kind) {
    case PL_EV_FREE_UNKNOWN:
        free_unknown(ev, &c);
        break;
    case PL_EV_FREE_TWICE:
        free_twice(ev, &c);
        break;
    case PL_EV_FREE_INSIDE:
        free_inside(ev, &c, detail);
        break;
    case PL_EV_FREE_TAG:
        c.rule = VF_POOL_WRONG_TAG;
        c.p[1] = ev->address;
        c.p[2] = ev->block.tag;
        c.p[3] = ev->tag;
        break;
    case PL_EV_FREE_SIZE:
        c.rule = VF_VER_FREE_BAD;
        c.p[2] = ev->address;
        c.detail = "the size given is not the size of the allocation";
        break;
    case PL_EV_HEAD_DAMAGED:
    case PL_EV_TAIL_DAMAGED:
    case PL_EV_HEADER_DAMAGED:
        damaged(ev, &c, detail);
        break;
    case PL_EV_FREED_MODIFIED:
        freed_modified(ev, &c, detail);
        break;
    case PL_EV_COUNT:
        return true;
    }
    special_only(ev, &c);
    vf_report(&c);
    return true;
}

/* ---- Leaks at unload ---- */

struct leak_ctx {
    unsigned count;
    uint64_t bytes[2];
};

static bool is_abandoned(const struct pl_block_info *b)
{
    const struct vf_hooks *h = &vf_config()->hooks;

    return h->is_abandoned && h->is_abandoned(h->ctx, b);
}

static bool leak_count(void *ctx, const struct pl_block_info *b)
{
    struct leak_ctx *l = ctx;

    if (is_abandoned(b))
        return true;
    l->count++;
    l->bytes[(b->flags & PL_PAGED) ? 1 : 0] += b->size;
    return true;
}

static bool leak_list(void *ctx, const struct pl_block_info *b)
{
    struct vf_case c = {.rule = VF_VER_UNLOAD_LEAK, .access = VF_NO_ACCESS};

    (void)ctx; /* the block tells everything */
    if (is_abandoned(b))
        return true;
    c.block = b;
    c.addr = b->start;
    c.has_addr = true;
    c.object = "block";
    vf_send(&c, false);
    return true;
}

unsigned vf_check_leaks(uint32_t owner, const char *driver, uint64_t driver_name_addr)
{
    struct leak_ctx l = {0};
    struct vf_case c = {.rule = VF_VER_UNLOAD_LEAK, .access = VF_NO_ACCESS};
    char detail[VF_DETAIL];

    (void)pl_each_live(vf_config()->pool, owner, leak_count, &l); /* the count is in l */
    if (!l.count)
        return 0;
    c.p[1] = driver_name_addr;
    c.p[3] = l.count;
    c.driver = driver;
    pp_fmt(detail, sizeof detail, "%u block%s not freed: %llu bytes nonpaged, %llu bytes paged",
           l.count, l.count == 1 ? "" : "s", (unsigned long long)l.bytes[0],
           (unsigned long long)l.bytes[1]);
    c.detail = detail;
    (void)pl_each_live(vf_config()->pool, owner, leak_list, NULL); /* counted above */
    (void)vf_report(&c); /* last: with --bugcheck it ends the machine */
    return l.count;
}

/* ---- Session pool at the end of the session ---- */

enum { SESSION_ID = 1 };

struct session_ctx {
    uint64_t count[2], bytes[2]; /* nonpaged, paged */
    uint64_t special_pages;
};

static bool session_count(void *ctx, const struct pl_block_info *b)
{
    struct session_ctx *s = ctx;
    unsigned paged = (b->flags & PL_PAGED) ? 1 : 0;

    if (!(b->flags & PL_SESSION) || is_abandoned(b))
        return true;
    if (b->special) {
        s->special_pages += (b->size + PP_PAGE_SIZE - 1) / PP_PAGE_SIZE;
        return true;
    }
    s->count[paged]++;
    s->bytes[paged] += b->size;
    return true;
}

void vf_check_session(uint32_t owner, const char *driver)
{
    struct session_ctx s = {0};
    struct vf_case c = {.access = VF_NO_ACCESS, .driver = driver, .p = {SESSION_ID}};

    if (vf_is_enabled())
        return; /* pool tracking has listed every block */
    (void)pl_each_live(vf_config()->pool, owner, session_count, &s);
    if (s.special_pages) {
        c.rule = VF_SESSION_SPECIAL_LEFT;
        c.p[1] = s.special_pages;
        (void)vf_report(&c);
    }
    if (!s.count[0] && !s.count[1])
        return;
    c.rule = VF_SESSION_POOL_LEFT;
    c.p[1] = s.bytes[1];
    c.p[2] = s.bytes[0];
    c.p[3] = s.count[0] << 32 | s.count[1];
    (void)vf_report(&c);
}
