/*
 * UTF-16 strings in the image that tell what the driver offers and asks for: device names, symbolic
 * links, and names of kernel routines for MmGetSystemRoutineAddress.
 */
#include "pe/pe_code_priv.h"

#include <string.h>

enum { NAMES_MAX = 4096 };

/* Doc: WDK, "What Does the Zw Prefix Mean?" and neighbours: each kernel component has its prefix.
 */
static const char *const routine_prefixes[] = {
    "Bgk",  "Cc", "Cm", "Dbg", "Etw", "Ex", "Flt", "FsRtl", "Hal", "Io", "Kd",  "Ke",   "Lsa", "Mm",
    "Ndis", "Nt", "Ob", "Pcw", "Po",  "Ps", "Rtl", "Se",    "Tm",  "Vf", "Wmi", "Whea", "Zw",
};

static const struct {
    const char *prefix;
    enum pe_name_kind kind;
} paths[] = {
    {"\\Device\\", PE_NAME_DEVICE}, {"\\DosDevices\\", PE_NAME_LINK}, {"\\??\\", PE_NAME_LINK},
    {"\\GLOBAL??\\", PE_NAME_LINK}, {"\\Global??\\", PE_NAME_LINK},
};

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_word(char c)
{
    return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Prefix, capital, and at least one lower-case letter later: "IoCreateDeviceSecure". */
static bool is_routine(const char *s)
{
    size_t len = strlen(s);
    bool lower = false;

    for (size_t i = 0; i < len; i++)
        if (!is_word(s[i]))
            return false;
    for (size_t i = 0; i < PP_COUNT(routine_prefixes); i++) {
        size_t n = strlen(routine_prefixes[i]);

        if (strncmp(s, routine_prefixes[i], n) != 0 || !is_upper(s[n]) || len < n + 4 || len > 64)
            continue;
        for (const char *c = s + n; *c; c++)
            lower |= *c >= 'a' && *c <= 'z';
        return lower;
    }
    return false;
}

static bool name_kind(const char *s, enum pe_name_kind *ret)
{
    if (is_routine(s)) {
        *ret = PE_NAME_ROUTINE;
        return true;
    }
    for (size_t i = 0; i < PP_COUNT(paths); i++) {
        size_t n = strlen(paths[i].prefix);

        if (strncmp(s, paths[i].prefix, n) == 0 && s[n]) {
            *ret = paths[i].kind;
            return true;
        }
    }
    return false;
}

/* The UTF-16 string at p[at]: printable ASCII, ended by a NUL. Returns the units read, the NUL
 * included. */
static size_t string_read(const uint8_t *p, size_t size, size_t at, char *buf, size_t room)
{
    size_t n = 0, units = 0;

    buf[0] = '\0';
    for (; at + 2 <= size; at += 2) {
        uint16_t c = pp_load16(p + at);

        units++;
        if (c < 0x20 || c > 0x7E) {
            if (c)
                n = 0; /* binary, not text */
            break;
        }
        if (n + 1 < room)
            buf[n++] = (char)c;
    }
    buf[n] = '\0';
    return units;
}

static void span_scan(struct pc_walk *w, uint32_t rva, const uint8_t *p, size_t size)
{
    /* Both alignments: old compilers placed wide strings at odd addresses. */
    for (size_t parity = 0; parity < 2; parity++) {
        for (size_t at = parity; at + 2 <= size && w->names.count < NAMES_MAX;) {
            struct pe_name name = {.rva = (uint32_t)(rva + at)};
            uint16_t c = pp_load16(p + at);

            if (c != '\\' && (c < 'A' || c > 'Z')) {
                at += 2;
                continue;
            }
            at += 2 * string_read(p, size, at, name.text, sizeof name.text);
            if (name_kind(name.text, &name.kind))
                pc_push(w, &w->names, &name, sizeof name);
        }
    }
}

void pc_names_scan(struct pc_walk *w)
{
    size_t count;
    const struct pe_section *s = pe_sections(w->img, &count);

    for (size_t i = 0; i < count; i++) {
        size_t have;
        const uint8_t *p = pe_span(w->img, s[i].rva, &have);

        if (p && strcmp(s[i].name, ".rsrc") != 0 && strcmp(s[i].name, ".reloc") != 0)
            span_scan(w, s[i].rva, p, have);
    }
}
