/* What the report calls things: positions, addresses, IRQLs, tags, and the sentence of the first
 * line. */
#include "host/report_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 100, INDENT = 12, SOURCE_AROUND = 2, SOURCE_MAX = 4 << 20 };

const char *report_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

const char *report_base(const char *path)
{
    const char *base = path;

    for (; *path; path++) {
        if (*path == '/' || *path == '\\')
            base = path + 1;
    }
    return base;
}

const char *report_irql(unsigned irql)
{
    static const char *const names[] = {"PASSIVE_LEVEL", "APC_LEVEL", "DISPATCH_LEVEL"};
    static char text[32];

    if (irql < PP_COUNT(names))
        return names[irql];
    pp_fmt(text, sizeof text, irql == 15 ? "HIGH_LEVEL" : "IRQL %u", irql);
    return text;
}

void report_tag(uint32_t tag, char ret[5])
{
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)(tag >> (8 * i));

        ret[i] = c >= 0x20 && c < 0x7F ? (char)c : '.';
    }
    ret[4] = '\0';
}

const char *report_kernel_tag(uint32_t tag)
{
    static const struct {
        const char *tag, *words;
    } table[] = {
        {"IoSB", "the system buffer of a request (Irp->AssociatedIrp.SystemBuffer): as large as "
                 "the larger of"
                 " the input and output lengths that the caller gave"},
        {"Irp ", "an IRP with its stack locations"},
        {"VMdl", "an MDL"},
        {"Devi", "a device object with its extension"},
        {"Driv", "a driver object or its extension"},
        {"File", "a file object"},
        {"IoNm", "the name in a file object"},
        {"Even", "an event object"},
        {"Symt", "the target of a symbolic link"},
    };
    char text[5];

    report_tag(tag, text);
    for (size_t i = 0; i < PP_COUNT(table); i++) {
        if (!strcmp(text, table[i].tag))
            return table[i].words;
    }
    return NULL;
}

/* Six equal bytes on top: a pointer read from filled memory, perhaps with a member's offset added.
 */
static bool is_filled_with(uint64_t addr, uint8_t byte)
{
    return byte && addr >> 16 == byte * 0x010101010101ull;
}

static bool is_exception(const struct vf_finding *f)
{
    return f->rule == VF_THREAD_EXCEPTION || f->rule == VF_KMODE_EXCEPTION ||
           f->rule == VF_SERVICE_EXCEPTION;
}

/* Better than "a wild pointer" where the address tells more. */
static const char *wild_cause(const struct host_verdict *v, const struct vf_finding *f)
{
    uint64_t addr = report_bad_address(f);
    const char *words = ke_address_words(addr);

    if (is_filled_with(addr, v->patterns.fresh))
        return "A pointer was used that nobody had stored yet: the memory it was read from still "
               "holds what fills"
               " fresh pool. Initialise the structure, or allocate it zeroed (ExAllocatePool2).";
    if (is_filled_with(addr, v->patterns.freed))
        return "A pointer was read from memory that had been freed.";
    if (words && strstr(words, "stacks") && f->access != VF_EXECUTE)
        return "The end of the kernel stack was passed: a copy to or from a local variable is "
               "longer than the"
               " variable.";
    return NULL;
}

const char *report_cause(const struct host_verdict *v, const struct vf_finding *f)
{
    const char *wild = f->rule == VF_INVALID_ADDRESS ? wild_cause(v, f) : NULL;
    bool freed_by_kernel = f->has_block && !f->block.live && !strcmp(f->alloc_driver, "nt");
    char tag[5];

    if (wild)
        return wild;
    if (is_exception(f) && !strncmp(f->detail, "the return address", 18))
        return "A local array was overrun: what was written behind it reached the function's return "
               "address. Compare the length copied with the length of the array.";
    report_tag(f->block.tag, tag);
    if (freed_by_kernel && f->access != VF_NO_ACCESS && !strcmp(tag, "Irp "))
        return "The driver touched an IRP after completing it. From IoCompleteRequest (or "
               "IoFreeIrp) on the IRP"
               " belongs to somebody else: keep what is still needed in a local variable.";
    if (freed_by_kernel && f->access != VF_NO_ACCESS && !strcmp(tag, "IoSB"))
        return "The driver touched a request's system buffer after completing the request: the "
               "buffer goes"
               " with the IRP.";
    return vf_rule_info((enum vf_rule)f->rule)->sentence;
}

/* ---- Addresses ---- */

void report_position(const struct vf_finding *f, char *buf, size_t size)
{
    uint64_t start = f->block.start, end = start + f->block.size;

    if (f->addr == end)
        pp_fmt(buf, size, "the first byte past the end of");
    else if (f->addr > end)
        pp_fmt(buf, size, "%llu byte%s past the end of", (unsigned long long)(f->addr - end),
               report_plural(f->addr - end));
    else if (f->addr < start)
        pp_fmt(buf, size, "%llu byte%s before the start of", (unsigned long long)(start - f->addr),
               report_plural(start - f->addr));
    else
        pp_fmt(buf, size, "byte %llu of", (unsigned long long)(f->addr - start));
}

uint64_t report_bad_address(const struct vf_finding *f)
{
    return f->has_addr ? f->addr : f->p[0];
}

void report_address_words(const struct host_verdict *v, uint64_t addr, char *buf, size_t size)
{
    const char *words = ke_address_words(addr);

    buf[0] = '\0';
    if (is_filled_with(addr, v->patterns.fresh))
        pp_fmt(buf, size, "the pattern of fresh pool memory: the pointer was never initialised");
    else if (is_filled_with(addr, v->patterns.freed))
        pp_fmt(buf, size, "the pattern of freed memory: the pointer was read after a free");
    else if (is_filled_with(addr, v->patterns.slack))
        pp_fmt(buf, size, "the pattern between blocks: the pointer was read outside of a block");
    else if (words)
        pp_fmt(buf, size, "%s", words);
    else if (addr >> 47 && addr >> 47 != 0x1FFFF)
        pp_fmt(buf, size, "not canonical: no address at all on this processor");
    else if (addr >> 47)
        pp_fmt(buf, size,
               "a kernel address of a real Windows, or a number; nothing lies there in a machine");
}

/* ---- Who did it ---- */

bool report_is_exact(const struct vf_finding *f, uint32_t i)
{
    /* Exceptions that a driver raises itself start with the routine that raises them. */
    return !i && (f->access != VF_NO_ACCESS || is_exception(f)) && !f->by_kernel &&
           f->stack.pc[0] == f->pc;
}

/* Routines that compilers link in: the mistake is their caller's. */
static bool is_library(const char *function)
{
    static const char *const names[] = {"memcpy",
                                        "memmove",
                                        "memset",
                                        "memcmp",
                                        "strcpy",
                                        "strncpy",
                                        "strcat",
                                        "strlen",
                                        "wcscpy",
                                        "wcscat",
                                        "wcslen",
                                        "wcsncpy",
                                        "RtlCopyMemory",
                                        "RtlFillMemory",
                                        "RtlZeroMemory",
                                        "__report_gsfailure",
                                        "__report_rangecheckfailure",
                                        "_guard_dispatch_icall",
                                        "_guard_check_icall",
                                        "__security_check_cookie",
                                        "__chkstk",
                                        "DbgBreakPoint",
                                        "__fastfail",
                                        "__stack_chk_fail",
                                        "support_memcpy"};

    for (size_t i = 0; i < PP_COUNT(names); i++) {
        if (!strcmp(function, names[i]))
            return true;
    }
    return false;
}

/* The innermost frame of driver code that is the driver's own, as an index; -1: there is none. */
static int culprit(struct host_symbols *s, const struct vf_finding *f)
{
    int first = -1;

    for (uint32_t i = 0; i < f->stack.count; i++) {
        const struct host_place *p = host_symbol_place(s, f->stack.pc[i], report_is_exact(f, i));

        if (p->is_stub || !p->module[0])
            continue;
        if (first < 0)
            first = (int)i;
        if (!is_library(p->source[p->source_count - 1].function) || p->source_count > 1)
            return (int)i;
    }
    return first;
}

/* "hevd!Trigger+0x1f [x.c:57]": the file's name alone, for one line. */
static void place_text(const struct host_place *p, char *buf, size_t size)
{
    const struct host_source *src = &p->source[0];

    buf[0] = '\0';
    if (!p->module[0])
        return;
    if (!src->function[0])
        pp_fmt(buf, size, "%s+0x%llx", p->module, (unsigned long long)p->rva);
    else {
        pp_fmt(buf, size, "%s!%s", p->module, src->function);
        if (p->source_count == 1 && p->offset && p->offset != UINT64_MAX)
            pp_fmt_append(buf, size, "+0x%llx", (unsigned long long)p->offset);
        if (src->file[0])
            pp_fmt_append(buf, size, " [%s:%u]", report_base(src->file), src->line);
    }
}

/* ---- The first line ---- */

/* First clause of the rule's sentence, with a small first letter: what a driver did, in general. */
static void clause(const char *sentence, char *buf, size_t size)
{
    size_t n = 0;

    while (sentence[n] && sentence[n] != ':' &&
           !(sentence[n] == '.' && (!sentence[n + 1] || sentence[n + 1] == ' ')))
        n++;
    pp_fmt(buf, size, "%.*s", (int)n, sentence);
    /* "A block", "The driver": but not "KeSetEvent", "IRPs". */
    if (isupper((unsigned char)buf[0]) && (buf[1] == ' ' || islower((unsigned char)buf[1]))) {
        size_t k = 1;

        while (islower((unsigned char)buf[k]))
            k++;
        if (buf[k] == ' ' || buf[k] == '\0' || buf[k] == ',')
            buf[0] = (char)tolower((unsigned char)buf[0]);
    }
}

static bool is_block_fault(const struct vf_finding *f)
{
    switch (f->rule) {
    case VF_BEYOND_END:
    case VF_BEYOND_END_KERNEL:
    case VF_FREED_SPECIAL:
    case VF_FREED_SPECIAL_KERNEL:
        return f->access != VF_NO_ACCESS && f->has_block && f->has_addr;
    default:
        return false;
    }
}

static const char *exception_name(uint64_t code)
{
    switch ((uint32_t)code) {
    case 0x80000002:
        return "misaligned data";
    case 0x80000003:
        return "breakpoint";
    case 0xC0000005:
        return "access violation";
    case 0xC000001D:
        return "illegal instruction";
    case 0xC000008C:
        return "array bounds exceeded";
    case 0xC0000094:
        return "division by zero";
    case 0xC0000095:
        return "integer overflow";
    case 0xC0000096:
        return "privileged instruction";
    case 0xC00000FD:
        return "stack overflow";
    case 0xC0000409:
        return "fast fail";
    case 0xC0000420:
        return "failed assertion";
    case 0xE06D7363:
        return "C++ exception";
    default:
        return "status raised";
    }
}

static const char *wild_title(const struct vf_finding *f)
{
    const char *words = ke_address_words(report_bad_address(f));

    if (words && !strncmp(words, "next to NULL", 12))
        return "use of a NULL pointer";
    if (words && strstr(words, "stacks"))
        return f->access == VF_EXECUTE ? "jump into a stack"
                                       : "access past the end of a kernel stack";
    return "use of a wild pointer";
}

static void title(const struct vf_finding *f, char *buf, size_t size)
{
    const char *access = f->access == VF_WRITE ? "write" : f->access == VF_READ ? "read" : "jump";

    if (is_exception(f))
        pp_fmt(buf, size, "exception without a handler");
    else if (f->rule == VF_INVALID_ADDRESS)
        pp_fmt(buf, size, "%s", wild_title(f));
    else if (!is_block_fault(f))
        clause(vf_rule_info((enum vf_rule)f->rule)->sentence, buf, size);
    else if (!f->block.live)
        pp_fmt(buf, size, "use after free");
    else
        pp_fmt(buf, size, "%s %s a pool block", access,
               f->addr < f->block.start ? "before the start of" : "past the end of");
}

static const char *past_tense(uint8_t access)
{
    return access == VF_WRITE ? "wrote" : access == VF_READ ? "read" : "jumped to";
}

static void exception_deed(const struct vf_finding *f, char *buf, size_t size)
{
    unsigned long long kind, addr;

    pp_fmt(buf, size, "raised 0x%08X (%s", (unsigned)f->p[0], exception_name(f->p[0]));
    if ((uint32_t)f->p[0] == 0xC0000005 &&
        sscanf(f->detail, "exception %*x, parameters %llx %llx", &kind, &addr) == 2)
        pp_fmt_append(buf, size, " %s 0x%llx",
                      kind == 0   ? "reading"
                      : kind == 1 ? "writing"
                                  : "executing",
                      addr);
    pp_fmt_append(buf, size, ")");
}

/* What was done to which block or address, after "driver.sys ". */
static void deed(const struct host_verdict *v, const struct host_finding *h, char *buf, size_t size)
{
    const struct vf_finding *f = &h->f;
    char tag[5], pos[64], words[160];

    report_tag(f->block.tag, tag);
    buf[0] = '\0';
    if (is_exception(f)) {
        exception_deed(f, buf, size);
    } else if (f->rule == VF_SPECIAL_HEAD || f->rule == VF_SPECIAL_TAIL ||
               f->rule == VF_SPECIAL_BIT) {
        report_position(f, pos, sizeof pos);
        pp_fmt(buf, size, "damaged %s a %llu-byte block \"%s\"", pos,
               (unsigned long long)f->block.size, tag);
    } else if (is_block_fault(f)) {
        report_position(f, pos, sizeof pos);
        pp_fmt(buf, size, "%s %s%s a %s%llu-byte block \"%s\"", past_tense(f->access),
               strncmp(pos, "the", 3) && strncmp(pos, "byte", 4) && f->access != VF_EXECUTE ? "at "
                                                                                            : "",
               pos, f->block.live ? "" : "freed ", (unsigned long long)f->block.size, tag);
    } else if (f->access != VF_NO_ACCESS) {
        uint64_t addr = report_bad_address(f);

        report_address_words(v, addr, words, sizeof words);
        words[strcspn(words, ":;")] = '\0';
        if (addr >> 47 == 0x1FFFF)
            words[0] = '\0'; /* said below, at Address */
        pp_fmt(buf, size, "%s 0x%llx%s%s%s",
               f->access == VF_WRITE  ? "wrote to"
               : f->access == VF_READ ? "read from"
                                      : "jumped to",
               (unsigned long long)addr, words[0] ? " (" : "", words, words[0] ? ")" : "");
    } else if (h->leak_count) {
        uint64_t bytes = 0;

        for (uint32_t i = 0; i < h->leak_count; i++)
            bytes += h->leaks[i].block.size;
        pp_fmt(buf, size, "left %u block%s, %llu byte%s", h->leak_count,
               report_plural(h->leak_count), (unsigned long long)bytes, report_plural(bytes));
    } else if (f->has_block) {
        pp_fmt(buf, size, "and a %s%llu-byte block \"%s\"", f->block.live ? "" : "freed ",
               (unsigned long long)f->block.size, tag);
    }
}

void report_headline(struct host_symbols *s, const struct host_verdict *v,
                     const struct host_finding *h, char *buf, size_t size)
{
    const struct vf_finding *f = &h->f;
    char what[240], done[320], where[400];
    int frame = culprit(s, f);

    title(f, what, sizeof what);
    deed(v, h, done, sizeof done);
    where[0] = '\0';
    if (frame >= 0)
        place_text(host_symbol_place(s, f->stack.pc[frame], report_is_exact(f, (uint32_t)frame)),
                   where, sizeof where);
    pp_fmt(buf, size, "%s: %s", what, f->driver[0] ? f->driver : report_base(v->o->driver));
    if (done[0])
        pp_fmt_append(buf, size, "%s%s", strncmp(done, "and ", 4) ? " " : ", ",
                      strncmp(done, "and ", 4) ? done : done + 4);
    if (f->by_kernel && f->routine[0])
        pp_fmt_append(buf, size, " through %s", f->routine);
    if (where[0])
        pp_fmt_append(buf, size, ", in %s", where);
}

/* ---- Source text ---- */

void report_source(struct host_symbols *s, const struct vf_finding *f, FILE *out)
{
    int frame = culprit(s, f);
    const struct host_source *src;
    uint8_t *text = NULL;
    unsigned line = 1;
    size_t size = 0;

    if (frame < 0)
        return;
    src = &host_symbol_place(s, f->stack.pc[frame], report_is_exact(f, (uint32_t)frame))->source[0];
    if (!src->file[0] || host_read_file(src->file, SOURCE_MAX, &text, &size))
        return; /* built elsewhere */
    fprintf(out, "  Source    %s:%u\n", src->file, src->line);
    for (const char *at = (const char *)text; *at; line++) {
        size_t n = strcspn(at, "\n");

        if (line + SOURCE_AROUND >= src->line && line <= src->line + SOURCE_AROUND)
            fprintf(out, "    %s%5u | %.*s\n", line == src->line ? ">" : " ", line,
                    (int)(n && at[n - 1] == '\r' ? n - 1 : n), at);
        at += n + (at[n] == '\n');
    }
    pp_free(text);
}

/* ---- Layout ---- */

void report_wrapped(FILE *out, const char *label, const char *text)
{
    size_t column = 0;

    fprintf(out, "  %-*s", INDENT - 2, label);
    while (*text) {
        size_t n = strcspn(text, " ");

        if (column && column + 1 + n > WIDTH - INDENT) {
            fprintf(out, "\n%*s", INDENT, "");
            column = 0;
        } else if (column) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", (int)n, text);
        column += n;
        text += n;
        while (*text == ' ')
            text++;
    }
    fputc('\n', out);
}
