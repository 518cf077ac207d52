/*
 * UTF-16 strings in the image that tell what the driver offers and asks for: device names, symbolic
 * links, names of kernel routines for MmGetSystemRoutineAddress, and hardware IDs.
 */
#include "pe/pe_code_priv.h"

#include <string.h>
#include <strings.h>

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

/*
 * Enumerators in whose hardware IDs a function driver looks for its own device, the likeliest
 * first: a driver of a PCI function may name the USB devices that it reports itself. Doc: WDK,
 * "Hardware IDs", "Identifiers for PCI Devices", "Identifiers for USB Devices".
 */
static const char *const enumerators[] = {"PCI\\", "ACPI\\", "PCMCIA\\", "ROOT\\", "HDAUDIO\\",
                                          "HID\\", "USB\\",  "1394\\",   "SCSI\\"};

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

/* Index of the enumerator whose ID `s` is; PP_COUNT(enumerators): it is no hardware ID. */
static size_t enumerator_of(const char *s)
{
    for (size_t i = 0; i < PP_COUNT(enumerators); i++) {
        size_t n = strlen(enumerators[i]);

        if (strncasecmp(s, enumerators[i], n) != 0 || !s[n])
            continue;
        n += strspn(s + n, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_&.-");
        if (!s[n] || !strcmp(s + n, "*")) /* a pattern may end so */
            return i;
    }
    return PP_COUNT(enumerators);
}

static bool name_kind(const char *s, enum pe_name_kind *ret)
{
    if (enumerator_of(s) < PP_COUNT(enumerators)) {
        *ret = PE_NAME_HARDWARE;
        return true;
    }
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

/* A small letter or digit that no text precedes: hardware IDs are written either way. */
static bool is_small_start(const uint8_t *p, size_t at)
{
    uint16_t c = pp_load16(p + at), before = at >= 2 ? pp_load16(p + at - 2) : 0;

    return c <= 0x7E && is_word((char)c) && (before < 0x20 || before > 0x7E);
}

static void span_scan(struct pc_walk *w, uint32_t rva, const uint8_t *p, size_t size)
{
    /* Both alignments: old compilers placed wide strings at odd addresses. */
    for (size_t parity = 0; parity < 2; parity++) {
        for (size_t at = parity; at + 2 <= size && w->names.count < NAMES_MAX;) {
            struct pe_name name = {.rva = (uint32_t)(rva + at)};
            uint16_t c = pp_load16(p + at);
            bool is_capital = c == '\\' || (c >= 'A' && c <= 'Z');
            size_t units;

            if (!is_capital && !is_small_start(p, at)) {
                at += 2;
                continue;
            }
            units = string_read(p, size, at, name.text, sizeof name.text);
            if (name_kind(name.text, &name.kind) && (is_capital || name.kind == PE_NAME_HARDWARE))
                pc_push(w, &w->names, &name, sizeof name);
            else if (!is_capital)
                units = 1; /* perhaps a number, and the name begins behind it */
            at += 2 * units;
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

bool pe_hardware_id(const struct pe_image *img, char ret[PE_NAME_SIZE])
{
    struct pc_walk w = {.img = img};
    const struct pe_name *names, *best = NULL;

    pc_names_scan(&w);
    names = w.names.items;
    for (size_t i = 0; i < w.names.count; i++) {
        if (names[i].kind == PE_NAME_HARDWARE &&
            (!best || enumerator_of(names[i].text) < enumerator_of(best->text)))
            best = &names[i];
    }
    if (best)
        memcpy(ret, best->text, sizeof best->text);
    pp_free(w.names.items);
    return best != NULL;
}
