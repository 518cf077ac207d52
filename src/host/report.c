/*
 * The report: for a reader who is tired. First what happened, where and by whom; then Windows' own terms
 * for it; then the memory, the stacks, the likely cause and how to see it again. Nothing in it depends on
 * the time, the process or the machine it ran on.
 */
#include "host/host_priv.h"

#include <ctype.h>
#include <string.h>

static void tag_text(uint32_t tag, char ret[5])
{
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)(tag >> (8 * i));

        ret[i] = c >= 0x20 && c < 0x7F ? (char)c : (c ? '.' : ' ');
    }
    ret[4] = '\0';
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* "2 bytes past the end of", "8 bytes before the start of", "byte 16 of". */
static void position_text(const struct vf_finding *f, char *buf, size_t size)
{
    uint64_t start = f->block.start, end = start + f->block.size;

    if (f->addr >= end && f->addr == end)
        pp_fmt(buf, size, "the first byte past the end of");
    else if (f->addr > end)
        pp_fmt(buf, size, "%llu byte%s past the end of", (unsigned long long)(f->addr - end),
               plural(f->addr - end));
    else if (f->addr < start)
        pp_fmt(buf, size, "%llu byte%s before the start of", (unsigned long long)(start - f->addr),
               plural(start - f->addr));
    else
        pp_fmt(buf, size, "byte %llu of", (unsigned long long)(f->addr - start));
}

/* The innermost frame of driver code. */
static uint64_t culprit_pc(const struct vf_finding *f, bool *exact)
{
    *exact = false;
    for (uint32_t i = 0; i < f->stack.count; i++) {
        if (!ke_stub_name(f->stack.pc[i])) {
            *exact = f->stack.pc[i] == f->pc && i == 0 && f->access != VF_NO_ACCESS && !f->by_kernel;
            return f->stack.pc[i];
        }
    }
    return f->pc;
}

/* First clause of the rule's sentence, with a small first letter: what a driver did, in general. */
static void clause(const struct vf_rule_info *r, char *buf, size_t size)
{
    size_t n = 0;

    while (r->sentence[n] && r->sentence[n] != ':' && !(r->sentence[n] == '.' && !r->sentence[n + 1]) &&
           !(r->sentence[n] == '.' && r->sentence[n + 1] == ' '))
        n++;
    pp_fmt(buf, size, "%.*s", (int)n, r->sentence);
    if (isupper((unsigned char)buf[0]) && islower((unsigned char)buf[1]) && strncmp(buf, "Ke", 2) != 0)
        buf[0] = (char)tolower((unsigned char)buf[0]);
}

static void headline(struct host_symbols *s, const struct vf_finding *f, FILE *out)
{
    const struct vf_rule_info *r = vf_rule_info((enum vf_rule)f->rule);
    char where[300] = "", what[400], pos[64], tag[5];
    bool exact;
    uint64_t pc = culprit_pc(f, &exact);

    if (pc) {
        host_symbol(s, pc, exact, what, sizeof what);
        pp_fmt(where, sizeof where, ", in %s", what);
    }
    if (f->access != VF_NO_ACCESS && f->has_block && f->has_addr) {
        const char *verb = f->access == VF_WRITE ? "wrote to" : f->access == VF_READ ? "read" : "executed";

        position_text(f, pos, sizeof pos);
        tag_text(f->block.tag, tag);
        pp_fmt(what, sizeof what, "%s%s%s %s %s a %s%llu-byte block \"%s\"", f->by_kernel ? "through " : "",
               f->by_kernel ? f->routine : "", f->by_kernel ? "," : "", verb, pos,
               f->block.live ? "" : "freed ", (unsigned long long)f->block.size, tag);
        fprintf(out, "poolproof: %s %s%s\n", f->driver[0] ? f->driver : "driver",
                what[0] == ' ' ? what + 1 : what, where);
        return;
    }
    clause(r, what, sizeof what);
    fprintf(out, "poolproof: %s: %s%s\n", f->driver[0] ? f->driver : "driver", what, where);
}

static void bug_check(const struct vf_finding *f, FILE *out)
{
    const struct vf_rule_info *r = vf_rule_info((enum vf_rule)f->rule);
    uint32_t code = r->code;
    unsigned from_detail = 0;

    if (f->rule == VF_DRIVER_BUGCHECK && sscanf(f->detail, "bug check 0x%X", &from_detail) == 1)
        code = from_detail;
    fprintf(out, "  Bug check 0x%02X: %s  [%s]\n", code, r->name, r->id);
    for (int i = 0; i < 4; i++)
        fprintf(out, "    P%d  0x%016llx  %s\n", i + 1, (unsigned long long)f->p[i],
                r->param[i][0] ? r->param[i] : "-");
}

static void block_text(const struct vf_finding *f, FILE *out)
{
    const struct pl_block_info *b = &f->block;
    char tag[5], pos[64];

    tag_text(b->tag, tag);
    fprintf(out, "  Block     \"%s\", %llu byte%s of %s pool at 0x%llx, %s, allocated by %s at IRQL %u\n", tag,
            (unsigned long long)b->size, plural(b->size), (b->flags & PL_PAGED) ? "paged" : "nonpaged",
            (unsigned long long)b->start, b->live ? "still allocated" : "freed", f->alloc_driver,
            b->alloc_irql);
    if (f->has_addr && f->addr != b->start) {
        position_text(f, pos, sizeof pos);
        fprintf(out, "  Address   0x%llx, %s the block\n", (unsigned long long)f->addr, pos);
    }
}

static void hex_row(const struct vf_finding *f, uint32_t row, FILE *out)
{
    uint64_t at = f->window_start + row;
    uint64_t start = f->block.start, end = start + f->block.size;
    char tag[5];
    bool bad_here = false;

    fprintf(out, "    %012llx ", (unsigned long long)at);
    for (uint32_t i = 0; i < 16; i++) {
        bool bad = at + i == f->addr;
        char open = bad ? '[' : (i && at + i - 1 == f->addr ? ']' : ' ');

        bad_here |= bad;
        if (f->window_valid[row + i])
            fprintf(out, "%c%02x", open, f->window[row + i]);
        else
            fprintf(out, "%c??", open);
    }
    fputs(f->addr == at + 15 ? "]" : " ", out);
    fputs(" ", out);
    for (uint32_t i = 0; i < 16; i++) {
        uint8_t c = f->window[row + i];

        fputc(!f->window_valid[row + i] ? ' ' : c >= 0x20 && c < 0x7F ? c : '.', out);
    }
    if (f->has_block) {
        tag_text(f->block.tag, tag);
        if (at + 16 > start && at < end)
            fprintf(out, "  \"%s\"", tag);
        else
            fprintf(out, "        ");
        if (at <= start && at + 16 > start)
            fprintf(out, " starts at %012llx", (unsigned long long)start);
        if (end && at < end && at + 16 >= end)
            fprintf(out, " ends before %012llx", (unsigned long long)end);
    }
    fputs(bad_here ? " <==\n" : "\n", out);
}

static void bytes_text(const struct vf_finding *f, FILE *out)
{
    bool any = false;

    for (uint32_t i = 0; i < f->window_size; i++)
        any |= f->window_valid[i];
    if (!any)
        return;
    fprintf(out, "  Bytes     (?? = not accessible)\n");
    for (uint32_t row = 0; row + 16 <= f->window_size; row += 16)
        hex_row(f, row, out);
}

static void stack_text(struct host_symbols *s, const char *title, const struct vf_stack *st,
                       const struct vf_finding *f, bool is_access, FILE *out)
{
    char line[400];

    if (!st->count)
        return;
    fprintf(out, "  %s\n", title);
    for (uint32_t i = 0; i < st->count; i++) {
        bool exact = is_access && i == 0 && st->pc[0] == f->pc && f->access != VF_NO_ACCESS && !f->by_kernel;

        host_symbol(s, st->pc[i], exact, line, sizeof line);
        fprintf(out, "    #%u %s\n", i, line);
    }
}

static bool same_stack(const struct vf_finding *a, const struct vf_finding *b)
{
    return a->alloc_stack.count == b->alloc_stack.count &&
           !memcmp(a->alloc_stack.pc, b->alloc_stack.pc, a->alloc_stack.count * sizeof a->alloc_stack.pc[0]);
}

/* Blocks left, grouped by the stack that allocated them; the group with most bytes comes first. */
static void leaks_text(struct host_symbols *s, const struct host_finding *h, FILE *out)
{
    bool *shown = pp_new_array(h->leak_count, sizeof *shown);

    PP_ASSERT(shown);
    for (;;) {
        uint32_t best = UINT32_MAX;
        uint64_t best_bytes = 0, best_count = 0;
        char tag[5];

        for (uint32_t i = 0; i < h->leak_count; i++) {
            uint64_t bytes = 0, count = 0;

            if (shown[i])
                continue;
            for (uint32_t k = i; k < h->leak_count; k++) {
                if (!shown[k] && same_stack(&h->leaks[i], &h->leaks[k])) {
                    bytes += h->leaks[k].block.size;
                    count++;
                }
            }
            if (best == UINT32_MAX || bytes > best_bytes) {
                best = i;
                best_bytes = bytes;
                best_count = count;
            }
        }
        if (best == UINT32_MAX)
            break;
        tag_text(h->leaks[best].block.tag, tag);
        fprintf(out, "  Not freed: %llu block%s \"%s\", %llu byte%s of %s pool, allocated by\n",
                (unsigned long long)best_count, plural(best_count), tag, (unsigned long long)best_bytes,
                plural(best_bytes), (h->leaks[best].block.flags & PL_PAGED) ? "paged" : "nonpaged");
        for (uint32_t k = h->leak_count; k-- > best;)
            shown[k] |= same_stack(&h->leaks[best], &h->leaks[k]);
        for (uint32_t i = 0; i < h->leaks[best].alloc_stack.count; i++) {
            char line[400];

            host_symbol(s, h->leaks[best].alloc_stack.pc[i], false, line, sizeof line);
            fprintf(out, "    #%u %s\n", i, line);
        }
    }
    pp_free(shown);
}

static void finding_text(struct host_symbols *s, const struct host_verdict *v,
                         const struct host_finding *h, FILE *out)
{
    const struct vf_finding *f = &h->f;
    const struct vf_rule_info *r = vf_rule_info((enum vf_rule)f->rule);

    headline(s, f, out);
    fputc('\n', out);
    bug_check(f, out);
    fputc('\n', out);
    fprintf(out, "  Cause     %s\n", r->sentence);
    if (f->detail[0])
        fprintf(out, "  Detail    %s\n", f->detail);
    if (f->object[0] && strcmp(f->object, f->driver) != 0)
        fprintf(out, "  Object    %s\n", f->object);
    if (f->has_block)
        block_text(f, out);
    else if (f->has_addr)
        fprintf(out, "  Address   0x%llx\n", (unsigned long long)f->addr);
    fprintf(out, "  When      %s, IRQL %u, thread %llu\n", h->during[0] ? h->during : "start", f->irql,
            (unsigned long long)f->thread);
    if (h->repeats)
        fprintf(out, "  Again     the same %u time%s more\n", h->repeats, plural(h->repeats));
    bytes_text(f, out);
    stack_text(s, f->access == VF_NO_ACCESS ? "Called from" : "Access", &f->stack, f, true, out);
    if (f->has_block) {
        stack_text(s, "Allocated", &f->alloc_stack, f, false, out);
        stack_text(s, "Freed", &f->free_stack, f, false, out);
    }
    if (h->leak_count)
        leaks_text(s, h, out);
    fprintf(out, "  Reproduce %s --seed %llu\n\n", v->o->command, (unsigned long long)v->o->seed);
}

static void stop_text(struct host_symbols *s, const char *what, const struct host_stop *st, FILE *out)
{
    struct vf_finding none = {.access = VF_NO_ACCESS};

    fprintf(out, "poolproof: %s: %s%s%s\n", what, st->name, st->detail[0] ? ": " : "", st->detail);
    stack_text(s, "Called from", &st->stack, &none, false, out);
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void summary(const struct host_verdict *v, FILE *out)
{
    const struct ke_exercised *e = &v->exercised;
    const char *driver = base_of(v->o->driver);
    int code = host_verdict_exit(v);

    switch (code) {
    case HOST_CLEAN:
        fprintf(out, "poolproof: %s: clean\n", driver);
        break;
    case HOST_FINDINGS:
        fprintf(out, "poolproof: %s: %u finding%s%s\n", driver,
                v->finding_count + v->expect_count + (v->death[0] != 0),
                plural(v->finding_count + v->expect_count + (v->death[0] != 0)),
                v->stopped ? " (stopped at the first: --bugcheck)" : "");
        break;
    case HOST_NOT_EXERCISED:
        if (v->entry_failed.what[0])
            fprintf(out, "poolproof: %s: not exercised: %s failed with status 0x%08X\n", driver,
                    v->entry_failed.what, (unsigned)v->entry_failed.status);
        else
            fprintf(out, "poolproof: %s: not exercised: no request was completed\n", driver);
        break;
    case HOST_OWN_FAULT:
        fprintf(out, "poolproof: %s: no verdict: a fault of Poolproof itself: %s\n", driver, v->own_fault);
        break;
    default:
        fprintf(out, "poolproof: %s: no verdict\n", driver);
        break;
    }
    fprintf(out,
            "  exercised: %llu request%s completed of %llu sent (%llu with success), %llu of %llu basic blocks"
            " reached\n",
            (unsigned long long)e->completed, plural(e->completed), (unsigned long long)e->requests,
            (unsigned long long)e->succeeded, (unsigned long long)e->blocks_reached,
            (unsigned long long)e->blocks);
    fprintf(out, "  pool: %llu of %llu allocation%s guarded (guards: %s)\n", (unsigned long long)e->guarded,
            (unsigned long long)e->allocations, plural(e->allocations), v->guard);
    if (v->restarts)
        fprintf(out, "  %u fresh machine%s after requests that could not be undone\n", v->restarts,
                plural(v->restarts));
}

void host_report(const struct host_verdict *v, FILE *out)
{
    struct host_symbols *s = host_symbols_new(v);

    for (unsigned i = 0; i < v->warning_count; i++)
        fprintf(out, "poolproof: note: %s\n", v->warnings[i]);
    for (unsigned i = 0; i < v->finding_count; i++)
        finding_text(s, v, &v->findings[i], out);
    for (unsigned i = 0; i < v->expect_count; i++)
        fprintf(out, "poolproof: %s\n", v->expects[i]);
    if (v->death[0])
        fprintf(out, "poolproof: %s: %s\n", base_of(v->o->driver), v->death);
    for (unsigned i = 0; i < v->not_modelled_count; i++)
        stop_text(s, "not modelled", &v->not_modelled[i], out);
    for (unsigned i = 0; i < v->hang_count; i++)
        stop_text(s, "hang", &v->hangs[i], out);
    summary(v, out);
    fflush(out);
    host_symbols_free(s);
}
