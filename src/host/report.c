/*
 * The report: for a reader who is tired. First what happened, where and by whom; then Windows' own
 * terms for it; then cause, memory, stacks and how to see it again. Nothing in it depends on the
 * time, the process or the machine it ran on: addresses of our own process never appear.
 */
#include "host/host_priv.h"
#include "host/report_priv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Finding: Windows' terms ---- */

/* A parameter that is an address of our own process would differ from run to run. */
static bool is_native(uint64_t v, const char *words)
{
    return v >= 0x500000000000ull && v < 0x800000000000ull &&
           (strstr(words, "address") || strstr(words, "instruction") || strstr(words, "routine"));
}

static uint32_t bug_check_code(const struct vf_finding *f)
{
    unsigned from_detail = 0;

    if (f->rule == VF_DRIVER_BUGCHECK && sscanf(f->detail, "bug check 0x%X", &from_detail) == 1)
        return from_detail;
    return vf_rule_info((enum vf_rule)f->rule)->code;
}

/* Where the table says only the sub-code's own number, the reader learns that it is the sub-code.
 */
static const char *param_words(const struct vf_rule_info *r, int i)
{
    char *end;

    if (r->sub_param == i + 1 &&
        (!r->param[i][0] || (strtoull(r->param[i], &end, 0) == r->sub && !*end)))
        return "which violation";
    return r->param[i][0] ? r->param[i] : "-";
}

static void bug_check(const struct vf_finding *f, FILE *out)
{
    const struct vf_rule_info *r = vf_rule_info((enum vf_rule)f->rule);

    fprintf(out, "  Bug check 0x%02X: %s  [%s]\n", bug_check_code(f), r->name, r->id);
    for (int i = 0; i < 4; i++) {
        if (is_native(f->p[i], r->param[i]))
            fprintf(out, "    P%d  %-18s  %s\n", i + 1, "(Poolproof's own)", param_words(r, i));
        else
            fprintf(out, "    P%d  0x%016llx  %s\n", i + 1, (unsigned long long)f->p[i],
                    param_words(r, i));
    }
}

/* ---- Finding: the memory ---- */

static void block_text(const struct vf_finding *f, FILE *out)
{
    const struct pl_block_info *b = &f->block;
    char tag[5], pos[64], text[300];
    const char *words;

    report_tag(b->tag, tag);
    pp_fmt(text, sizeof text, "\"%s\", %llu byte%s of %s pool at 0x%llx, %s, allocated by %s at %s",
           tag, (unsigned long long)b->size, report_plural(b->size),
           (b->flags & PL_PAGED) ? "paged" : "nonpaged", (unsigned long long)b->start,
           b->live ? "still allocated" : "freed", f->alloc_driver[0] ? f->alloc_driver : "nt",
           report_irql(b->alloc_irql));
    if (!b->live)
        pp_fmt_append(text, sizeof text, ", freed by %s at %s",
                      f->free_driver[0] ? f->free_driver : "nt", report_irql(b->free_irql));
    report_wrapped(out, "Block", text);
    words = strcmp(f->alloc_driver, "nt") ? NULL : report_kernel_tag(b->tag);
    if (words)
        report_wrapped(out, "", words);
    if (f->has_addr && f->addr != b->start) {
        report_position(f, pos, sizeof pos);
        fprintf(out, "  Address   0x%llx, %s the block\n", (unsigned long long)f->addr, pos);
    }
}

static void address_text(const struct host_verdict *v, const struct vf_finding *f, FILE *out)
{
    uint64_t addr = report_bad_address(f);
    char words[160], text[220];

    report_address_words(v, addr, words, sizeof words);
    pp_fmt(text, sizeof text, "0x%llx%s%s", (unsigned long long)addr, words[0] ? ", " : "", words);
    report_wrapped(out, "Address", text);
}

static bool row_readable(const struct vf_finding *f, uint32_t row)
{
    for (uint32_t i = 0; i < 16; i++) {
        if (f->window_valid[row + i])
            return true;
    }
    return false;
}

static bool row_has_bad(const struct vf_finding *f, uint32_t row)
{
    return f->addr >= f->window_start + row && f->addr < f->window_start + row + 16;
}

static void hex_row(const struct vf_finding *f, uint32_t row, FILE *out)
{
    uint64_t at = f->window_start + row, start = f->block.start, end = start + f->block.size;
    char line[240], tag[5];

    pp_fmt(line, sizeof line, "    %012llx ", (unsigned long long)at);
    for (uint32_t i = 0; i <= 16; i++) {
        uint64_t here = at + i;
        char mark = ' ';

        if (here == f->addr && i < 16)
            mark = '[';
        else if (here == f->addr + 1 && i)
            mark = ']';
        else if (f->has_block && (here == start || here == end) && i < 16)
            mark = '|';
        if (i == 16)
            pp_fmt_append(line, sizeof line, "%c ", mark);
        else if (f->window_valid[row + i] == HOST_BYTE_HIDDEN)
            pp_fmt_append(line, sizeof line, "%c~~", mark);
        else if (f->window_valid[row + i])
            pp_fmt_append(line, sizeof line, "%c%02x", mark, f->window[row + i]);
        else
            pp_fmt_append(line, sizeof line, "%c??", mark);
    }
    for (uint32_t i = 0; i < 16; i++) {
        uint8_t c = f->window[row + i];

        pp_fmt_append(line, sizeof line, "%c",
                      f->window_valid[row + i] != 1 ? ' '
                      : c >= 0x20 && c < 0x7F       ? c
                                                    : '.');
    }
    if (f->has_block && at + 16 > start && at < end) {
        report_tag(f->block.tag, tag);
        pp_fmt_append(line, sizeof line, "  \"%s\"", tag);
    }
    if (row_has_bad(f, row))
        pp_fmt_append(line, sizeof line, "  <==");
    for (size_t n = strlen(line); n && line[n - 1] == ' '; n--)
        line[n - 1] = '\0';
    fprintf(out, "%s\n", line);
}

/* From the first row with something to see to the last one, the bad byte's row in any case. */
static void bytes_text(const struct vf_finding *f, FILE *out)
{
    uint32_t first = UINT32_MAX, last = 0;
    bool any = false, hidden = false;

    for (uint32_t row = 0; row + 16 <= f->window_size; row += 16) {
        bool readable = row_readable(f, row);

        any |= readable;
        hidden |= f->window_valid[row] == HOST_BYTE_HIDDEN ||
                  f->window_valid[row + 8] == HOST_BYTE_HIDDEN;
        if (!readable && !row_has_bad(f, row))
            continue;
        first = PP_MIN(first, row);
        last = row;
    }
    if (!any)
        return;
    fprintf(out, "  Bytes     [the address]%s   ?? not accessible%s\n",
            f->has_block ? "   | edge of the block" : "", hidden ? "   ~~ Poolproof's own" : "");
    for (uint32_t row = first; row <= last; row += 16)
        hex_row(f, row, out);
}

/* ---- Finding: stacks ---- */

static void frame_text(struct host_symbols *s, uint32_t number, uint64_t pc, bool exact, FILE *out)
{
    const struct host_place *p = host_symbol_place(s, pc, exact);
    char line[600];

    for (unsigned i = 0; i + 1 < p->source_count; i++) {
        const struct host_source *src = &p->source[i];

        pp_fmt(line, sizeof line, "%s!%s", p->module, src->function);
        if (src->file[0])
            pp_fmt_append(line, sizeof line, " [%s:%u]", src->file, src->line);
        if (i)
            fprintf(out, "        %s, inlined into\n", line);
        else
            fprintf(out, "    #%-2u %s, inlined into\n", number, line);
    }
    host_symbol(s, pc, exact, line, sizeof line);
    if (p->source_count > 1)
        fprintf(out, "        %s\n", line);
    else
        fprintf(out, "    #%-2u %s\n", number, line);
}

static void stack_text(struct host_symbols *s, const char *title, const struct vf_stack *st,
                       const struct vf_finding *f, bool is_access, FILE *out)
{
    if (!st->count)
        return;
    fprintf(out, "  %s\n", title);
    for (uint32_t i = 0; i < st->count; i++) {
        uint32_t same = 0;

        frame_text(s, i, st->pc[i], is_access && report_is_exact(f, i), out);
        while (i + same + 1 < st->count && st->pc[i + same + 1] == st->pc[i])
            same++;
        if (same > 2) { /* a recursion */
            fprintf(out, "        ... and %u times more\n", same);
            i += same;
        }
    }
}

static const char *stack_title(const struct vf_finding *f)
{
    if (f->access == VF_NO_ACCESS)
        return "Called from";
    return f->access == VF_WRITE ? "Written by" : f->access == VF_READ ? "Read by" : "Jump from";
}

/* ---- Leaks ---- */

static bool same_stack(const struct vf_finding *a, const struct vf_finding *b)
{
    return a->block.tag == b->block.tag && a->alloc_stack.count == b->alloc_stack.count &&
           !memcmp(a->alloc_stack.pc, b->alloc_stack.pc,
                   a->alloc_stack.count * sizeof a->alloc_stack.pc[0]);
}

/* Blocks with one tag from one place. */
struct group {
    uint32_t first; /* index of a member */
    uint64_t bytes, count;
};

static int larger_first(const void *a, const void *b)
{
    const struct group *x = a, *y = b;

    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x->first < y->first ? -1 : 1;
}

static size_t group_leaks(const struct host_finding *h, struct group *groups)
{
    size_t count = 0;

    for (uint32_t i = 0; i < h->leak_count; i++) {
        size_t g = 0;

        while (g < count && !same_stack(&h->leaks[groups[g].first], &h->leaks[i]))
            g++;
        if (g == count)
            groups[count++] = (struct group){.first = i};
        groups[g].bytes += h->leaks[i].block.size;
        groups[g].count++;
    }
    qsort(groups, count, sizeof *groups, larger_first);
    return count;
}

static void leaks_text(struct host_symbols *s, const struct host_finding *h, FILE *out)
{
    struct group *groups = pp_new_array(h->leak_count, sizeof *groups);
    size_t count;

    PP_ASSERT(groups);
    count = group_leaks(h, groups);
    for (size_t g = 0; g < count; g++) {
        const struct vf_finding *f = &h->leaks[groups[g].first];
        char tag[5];

        report_tag(f->block.tag, tag);
        fprintf(out, "  Not freed: %llu block%s \"%s\", %llu byte%s of %s pool, allocated by\n",
                (unsigned long long)groups[g].count, report_plural(groups[g].count), tag,
                (unsigned long long)groups[g].bytes, report_plural(groups[g].bytes),
                (f->block.flags & PL_PAGED) ? "paged" : "nonpaged");
        for (uint32_t i = 0; i < f->alloc_stack.count; i++)
            frame_text(s, i, f->alloc_stack.pc[i], false, out);
    }
    pp_free(groups);
}

/* ---- The whole ---- */

static void finding_text(struct host_symbols *s, const struct host_verdict *v,
                         const struct host_finding *h, FILE *out)
{
    const struct vf_finding *f = &h->f;
    char line[700];

    report_headline(s, v, h, line, sizeof line);
    fprintf(out, "poolproof: %s\n\n", line);
    bug_check(f, out);
    fputc('\n', out);
    report_wrapped(out, "Cause", report_cause(v, f));
    if (f->detail[0])
        report_wrapped(out, "Detail", f->detail);
    if (f->object[0] && strcmp(f->object, f->driver) != 0)
        report_wrapped(out, "Object", f->object);
    report_source(s, f, out);
    if (f->has_block)
        block_text(f, out);
    else if (f->has_addr || f->access != VF_NO_ACCESS)
        address_text(v, f, out);
    pp_fmt(line, sizeof line, "%s, at %s", h->during[0] ? h->during : "start",
           report_irql(f->irql));
    report_wrapped(out, "When", line);
    if (h->repeats)
        fprintf(out, "  Again     %u more time%s\n", h->repeats, report_plural(h->repeats));
    bytes_text(f, out);
    stack_text(s, stack_title(f), &f->stack, f, true, out);
    if (f->has_block) {
        stack_text(s, "Allocated by", &f->alloc_stack, f, false, out);
        stack_text(s, "Freed by", &f->free_stack, f, false, out);
    }
    if (h->leak_count)
        leaks_text(s, h, out);
    stack_text(s, "Refused on purpose before (low resources simulation)", &h->refused.stack, f,
               false, out);
    fprintf(out, "  Reproduce %s --seed %llu\n\n", v->o->command, (unsigned long long)v->o->seed);
}

static bool is_module_name(const char *text)
{
    const char *dot = strrchr(text, '.');

    return dot &&
           (!strcasecmp(dot, ".sys") || !strcasecmp(dot, ".exe") || !strcasecmp(dot, ".dll"));
}

static void not_modelled_text(struct host_symbols *s, const struct host_stop *st, FILE *out)
{
    struct vf_finding none = {.access = VF_NO_ACCESS};

    if (is_module_name(st->detail))
        fprintf(out, "poolproof: not modelled: %s!%s was called; that request was not carried on\n",
                st->detail, st->name);
    else
        fprintf(out, "poolproof: not modelled: %s%s%s\n", st->name, st->detail[0] ? ": " : "",
                st->detail);
    stack_text(s, "Called from", &st->stack, &none, false, out);
}

static void hang_text(struct host_symbols *s, const struct host_stop *st, FILE *out)
{
    struct vf_finding none = {.access = VF_READ,
                              .stack = st->stack}; /* the frame is an instruction */
    struct vf_stack here = st->stack;

    none.pc = here.pc[0];
    fprintf(out, "poolproof: hang: %s%s%s\n", st->name, st->detail[0] ? ": " : "", st->detail);
    if (st->stack.count ==
        1) { /* caught somewhere in a loop: the routine is what repeats from run to run */
        const struct host_place *p = host_symbol_place(s, st->stack.pc[0], true);

        if (p->offset != UINT64_MAX)
            here.pc[0] -= p->offset;
    }
    stack_text(s, "Stands in", &here, &none, true, out);
}

/* With several findings the reader wants the list where the eye is: at the end. */
static void contents(struct host_symbols *s, const struct host_verdict *v, FILE *out)
{
    if (v->finding_count < 2)
        return;
    for (unsigned i = 0; i < v->finding_count; i++) {
        const struct host_finding *h = &v->findings[i];
        char line[700];

        report_headline(s, v, h, line, sizeof line);
        fprintf(out, "  %2u. 0x%02X %s\n", i + 1, bug_check_code(&h->f), line);
    }
}

static void conclusion(const struct host_verdict *v, FILE *out)
{
    const char *driver = report_base(v->o->driver);
    unsigned bad = v->finding_count + v->expect_count + (v->death[0] != '\0');

    switch (host_verdict_exit(v)) {
    case HOST_CLEAN:
        fprintf(out, "poolproof: %s: clean\n", driver);
        break;
    case HOST_FINDINGS:
        fprintf(out, "poolproof: %s: %u finding%s%s\n", driver, bad, report_plural(bad),
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
        fprintf(out,
                "poolproof: %s: no verdict, a fault of Poolproof itself or of a driver that "
                "damaged it: %s\n",
                driver, v->own_fault);
        break;
    case HOST_HANG:
        fprintf(out, "poolproof: %s: hang\n", driver);
        break;
    case HOST_USAGE:
        fprintf(out, "poolproof: %s: no verdict: the scenario could not be carried out\n", driver);
        break;
    default:
        fprintf(out, "poolproof: %s: no verdict: the driver needs what is not modelled\n", driver);
        break;
    }
}

static void exercised(const struct host_verdict *v, FILE *out)
{
    const struct ke_exercised *e = &v->exercised;

    fprintf(out,
            "  exercised: %llu of %llu request%s completed, %llu with success; %llu of %llu basic "
            "blocks reached\n",
            (unsigned long long)e->completed, (unsigned long long)e->requests,
            report_plural(e->requests), (unsigned long long)e->succeeded,
            (unsigned long long)e->blocks_reached, (unsigned long long)e->blocks);
    fprintf(out, "  pool: %llu of %llu allocation%s guarded (guards: %s)\n",
            (unsigned long long)e->guarded, (unsigned long long)e->allocations,
            report_plural(e->allocations), v->guard[0] ? v->guard : "none");
    if (v->settings[0])
        fprintf(out, "  settings: %s\n", v->settings);
    if (v->entry_failed.what[0] && host_verdict_exit(v) != HOST_NOT_EXERCISED)
        fprintf(out, "  %s failed with status 0x%08X\n", v->entry_failed.what,
                (unsigned)v->entry_failed.status);
    if (v->restarts)
        fprintf(out, "  %u request%s ended a machine; a fresh one went on with the next\n",
                v->restarts, report_plural(v->restarts));
    if (v->refused.routine[0])
        fprintf(out, "  nt!%s was refused on purpose (low resources simulation)\n",
                v->refused.routine);
    if (v->unfinished[0])
        fprintf(out, "  %s\n", v->unfinished);
}

void host_headline(struct host_symbols *sym, const struct host_verdict *v,
                   const struct host_finding *f, char *buf, size_t size)
{
    report_headline(sym, v, f, buf, size);
}

void host_finding_line(const struct host_verdict *v, const struct host_finding *h, FILE *out)
{
    struct host_symbols *s = host_symbols_new(v->modules, v->module_count, v->o->symbols);
    char line[700];

    report_headline(s, v, h, line, sizeof line);
    fprintf(out, "poolproof: bug check 0x%02X: %s\n", bug_check_code(&h->f), line);
    fflush(out);
    host_symbols_free(s);
}

void host_report(const struct host_verdict *v, FILE *out)
{
    struct host_symbols *s = host_symbols_new(v->modules, v->module_count, v->o->symbols);

    for (unsigned i = 0; i < v->finding_count; i++)
        finding_text(s, v, &v->findings[i], out);
    for (unsigned i = 0; i < v->expect_count; i++)
        fprintf(out, "poolproof: %s\n", v->expects[i]);
    for (unsigned i = 0; i < v->warning_count; i++)
        fprintf(out, "poolproof: note: %s\n", v->warnings[i]);
    if (v->death[0])
        fprintf(out, "poolproof: %s: %s\n", report_base(v->o->driver), v->death);
    for (unsigned i = 0; i < v->not_modelled_count; i++)
        not_modelled_text(s, &v->not_modelled[i], out);
    for (unsigned i = 0; i < v->hang_count; i++)
        hang_text(s, &v->hangs[i], out);
    conclusion(v, out);
    contents(s, v, out);
    exercised(v, out);
    fflush(out);
    host_symbols_free(s);
}
