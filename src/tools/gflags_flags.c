/* The global flags, and PoolTag as users write it.
 * Doc: Windows debugger documentation, "GFlags Flag Table", "GFlags Commands", "Special Pool". */
#include "tools/gflags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { R = GF_REGISTRY, K = GF_KERNEL, I = GF_IMAGE };

const struct gf_flag gf_flags[GF_FLAG_COUNT] = {
    {0x00000001, "soe", "Stop on exception", R | K | I},
    {0x00000002, "sls", "Show loader snaps", R | K | I},
    {0x00000004, "dic", "Debug initial command", R},
    {0x00000008, "shg", "Stop on hung GUI", K},
    {0x00000010, "htc", "Enable heap tail checking", R | K | I},
    {0x00000020, "hfc", "Enable heap free checking", R | K | I},
    {0x00000040, "hpc", "Enable heap parameter checking", R | K | I},
    {0x00000080, "hvc", "Enable heap validation on call", R | K | I},
    {0x00000100, "vrf", "Enable application verifier", R | K | I},
    {0x00000200, "200", "Monitor silent process exit", R},
    {0x00000400, "ptg", "Enable pool tagging", R},
    {0x00000800, "htg", "Enable heap tagging", R | K | I},
    {0x00001000, "ust", "Create user mode stack trace database", R | K | I},
    {0x00002000, "kst", "Create kernel mode stack trace database", R},
    {0x00004000, "otl", "Maintain a list of objects for each type", R},
    {0x00008000, "htd", "Enable heap tagging by DLL", R | K | I},
    {0x00010000, "dse", "Disable stack extension", I},
    {0x00020000, "d32", "Enable debugging of Win32 subsystem", R},
    {0x00040000, "ksl", "Enable loading of kernel debugger symbols", R | K},
    {0x00080000, "dps", "Disable paging of kernel stacks", R},
    {0x00100000, "scb", "Enable system critical breaks", R | K | I},
    {0x00200000, "dhc", "Disable heap coalesce on free", R | K | I},
    {0x00400000, "ece", "Enable exception on bad handle close", R | K},
    {0x00800000, "eel", "Enable exception logging", R | K},
    {0x01000000, "eot", "Enable object handle type tagging", R | K},
    {0x02000000, "hpa", "Enable page heap", R | K | I},
    {0x04000000, "dwl", "Debug WinLogon", R},
    {0x08000000, "ddp", "Disable kernel mode DbgPrint output", R | K},
    {0x10000000, "cse", "Early critical section event creation", R | K | I},
    {0x20000000, "sue", "Stop on unhandled user-mode exception", R | K | I},
    {0x40000000, "bhd", "Enable bad handles detection", R | K},
    {0x80000000, "dpd", "Disable protected DLL verification", R | K | I},
};

const struct gf_flag *gf_flag_find(const char *name)
{
    for (size_t i = 0; i < GF_FLAG_COUNT; i++) {
        bool is_number = gf_flags[i].name[0] <= '9';

        if (!is_number && !strcasecmp(name, gf_flags[i].name))
            return &gf_flags[i];
    }
    return NULL;
}

const char *gf_dest_words(enum gf_dest dest)
{
    return dest == GF_REGISTRY ? "the registry"
           : dest == GF_KERNEL ? "a running kernel"
                               : "an image";
}

/* ---- Special pool ---- */

enum {
    TAG_CHARS = 4,
    CLASS_STEP = 16, /* on x64: sizes are rounded up to it, and the pool header has that size */
    CLASS_MAX = 0xFF0,
};

int gf_tag_from_text(const char *text, uint32_t *ret, char why[PP_WHY_SIZE])
{
    size_t n = strlen(text);
    uint32_t v = 0;

    if (!n || n > TAG_CHARS) {
        pp_fmt(why, PP_WHY_SIZE, "\"%.40s\": a tag has 1 to 4 characters", text);
        return -EINVAL;
    }
    for (size_t i = 0; i < n; i++) {
        if (text[i] < 0x20 || text[i] > 0x7E) {
            pp_fmt(why, PP_WHY_SIZE, "\"%s\": a tag has characters of ASCII only", text);
            return -EINVAL;
        }
        if (text[i] == '*' && i + 1 < n) {
            pp_fmt(why, PP_WHY_SIZE,
                   "\"%s\": * stands for the rest of a tag and must be the last character", text);
            return -EINVAL;
        }
        v |= (uint32_t)(uint8_t)text[i] << (8 * i);
    }
    *ret = v;
    return 0;
}

int gf_tag_from_hex(const char *text, uint32_t *ret, char ret_note[PP_WHY_SIZE],
                    char why[PP_WHY_SIZE])
{
    const char *digits = strncasecmp(text, "0x", 2) ? text : text + 2;
    size_t n = strspn(digits, "0123456789abcdefABCDEF");
    unsigned long v = strtoul(digits, NULL, 16);

    ret_note[0] = '\0';
    if (!n || digits[n] || n > 8) {
        pp_fmt(why, PP_WHY_SIZE, "%.40s: wants a hexadecimal number of up to 8 digits", text);
        return -EINVAL;
    }
    if (!v) {
        pp_fmt(why, PP_WHY_SIZE, "%s: no tag and no size; -spp turns special pool off", text);
        return -EINVAL;
    }
    if (v > CLASS_MAX && v < PP_PAGE_SIZE) {
        pp_fmt(why, PP_WHY_SIZE, "%s: no request has this size class; the largest is 0x%x", text,
               CLASS_MAX);
        return -EINVAL;
    }
    if (v < PP_PAGE_SIZE && v != '*' && (v % CLASS_STEP || v < 2 * CLASS_STEP))
        pp_fmt(ret_note, PP_WHY_SIZE,
               "0x%lx takes in no size: a size class is the size rounded up to 16 bytes, plus 16",
               v);
    *ret = (uint32_t)v;
    return 0;
}

int gf_tag_parse(const char *text, uint32_t *ret, char ret_note[PP_WHY_SIZE], char why[PP_WHY_SIZE])
{
    ret_note[0] = '\0';
    return strncasecmp(text, "0x", 2) ? gf_tag_from_text(text, ret, why)
                                      : gf_tag_from_hex(text, ret, ret_note, why);
}
