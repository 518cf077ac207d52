/* A small writer of driver images; see pe_writer.h. */
#include "pe_writer.h"

#include <stdlib.h>
#include <string.h>

static void store(uint8_t *p, uint64_t v, unsigned size)
{
    memcpy(p, &v, size);
}

void pw_header16(struct pw *w, size_t offset, uint16_t v)
{
    store(w->file + offset, v, 2);
}

void pw_header32(struct pw *w, size_t offset, uint32_t v)
{
    store(w->file + offset, v, 4);
}

void pw_header64(struct pw *w, size_t offset, uint64_t v)
{
    store(w->file + offset, v, 8);
}

static uint32_t header32(const struct pw *w, size_t offset)
{
    uint32_t v;

    memcpy(&v, w->file + offset, 4);
    return v;
}

uint8_t *pw_p(struct pw *w, uint32_t rva)
{
    for (unsigned i = 0; i < w->sections; i++) {
        size_t h = PW_SECTIONS + 40 * i;
        uint32_t start = header32(w, h + 12), raw = header32(w, h + 16);

        if (rva >= start && rva < start + raw)
            return w->file + header32(w, h + 20) + (rva - start);
    }
    if (rva < PW_HEADERS)
        return w->file + rva;
    abort(); /* the test writes where it made no section */
}

void pw_copy(struct pw *w, uint32_t rva, const void *bytes, size_t size)
{
    memcpy(pw_p(w, rva), bytes, size);
}

void pw_string(struct pw *w, uint32_t rva, const char *s)
{
    pw_copy(w, rva, s, strlen(s) + 1);
}

void pw_wide(struct pw *w, uint32_t rva, const char *s)
{
    uint8_t *p = pw_p(w, rva);

    for (;; p += 2, s++) {
        p[0] = (uint8_t)*s;
        p[1] = 0;
        if (!*s)
            return;
    }
}

void pw_put16(struct pw *w, uint32_t rva, uint16_t v)
{
    store(pw_p(w, rva), v, 2);
}

void pw_put32(struct pw *w, uint32_t rva, uint32_t v)
{
    store(pw_p(w, rva), v, 4);
}

void pw_put64(struct pw *w, uint32_t rva, uint64_t v)
{
    store(pw_p(w, rva), v, 8);
}

void pw_dir(struct pw *w, unsigned index, uint32_t rva, uint32_t size)
{
    pw_header32(w, PW_DIRS + 8 * index, rva);
    pw_header32(w, PW_DIRS + 8 * index + 4, size);
}

void pw_init(struct pw *w, uint32_t align)
{
    memset(w, 0, sizeof *w);
    w->align = align;
    w->size = PW_HEADERS;
    w->next_rva = align >= 0x1000 ? align : PW_HEADERS;
    w->file[0] = 'M';
    w->file[1] = 'Z';
    pw_header32(w, 0x3C, PW_NT);
    memcpy(w->file + PW_NT, "PE", 2);
    pw_header16(w, PW_NT + 4, 0x8664);
    pw_header32(w, PW_NT + 8, 0x5F000000);
    pw_header16(w, PW_NT + 20, 240);
    pw_header16(w, PW_NT + 22, 0x0022); /* executable, large address aware */
    pw_header16(w, PW_OPT, 0x20B);
    w->file[PW_OPT + 2] = 14;
    pw_header64(w, PW_OPT + 24, PW_BASE);
    pw_header32(w, PW_OPT + 32, align);
    pw_header32(w, PW_OPT + 36, align >= 0x1000 ? 0x200 : align);
    pw_header16(w, PW_OPT + 40, 10);
    pw_header32(w, PW_OPT + 60, PW_HEADERS);
    pw_header16(w, PW_OPT + 68, 1); /* native */
    pw_header32(w, PW_OPT + 108, 16);
}

static uint32_t align_up(uint32_t v, uint32_t align)
{
    return (v + align - 1) & ~(align - 1);
}

uint32_t pw_section(struct pw *w, const char *name, uint32_t size, uint32_t raw, uint32_t flags)
{
    size_t h = PW_SECTIONS + 40 * w->sections;
    uint32_t rva = w->next_rva, offset = w->align >= 0x1000 ? (uint32_t)w->size : rva;

    raw = align_up(raw, w->align >= 0x1000 ? 0x200 : w->align);
    strncpy((char *)w->file + h, name, 8);
    pw_header32(w, h + 8, size);
    pw_header32(w, h + 12, rva);
    pw_header32(w, h + 16, raw);
    pw_header32(w, h + 20, raw ? offset : 0);
    pw_header32(w, h + 36, flags);
    w->size = offset + raw;
    w->sections++;
    w->next_rva = align_up(rva + (size > raw ? size : raw), w->align);
    pw_header16(w, PW_NT + 6, (uint16_t)w->sections);
    pw_header32(w, PW_OPT + 56, w->next_rva);
    if (!header32(w, PW_OPT + 16) && flags & 0x20000000)
        pw_header32(w, PW_OPT + 16, rva);
    return rva;
}

static void import_put(struct pw *w, unsigned slot, uint64_t thunk)
{
    pw_put64(w, PW_RD_NAMES + 8 * slot, thunk);
    pw_put64(w, PW_RD_IAT + 8 * slot, thunk);
}

static void named_import_put(struct pw *w, unsigned slot, uint32_t at, const char *name)
{
    pw_put16(w, at, (uint16_t)(100 + slot));
    pw_string(w, at + 2, name);
    import_put(w, slot, at);
}

/* ntoskrnl.exe: slots 0 to 2 by name and 3 by ordinal; hal.dll: slot 5. */
static void imports_put(struct pw *w)
{
    uint32_t s = PW_RD_STRINGS;

    pw_string(w, s, "ntoskrnl.exe");
    pw_string(w, s + 0x10, "HAL.dll");
    named_import_put(w, 0, s + 0x20, "ExAllocatePoolWithTag");
    named_import_put(w, 1, s + 0x40, "ExFreePoolWithTag");
    named_import_put(w, 2, s + 0x60, "IofCompleteRequest");
    import_put(w, 3, 1ull << 63 | 77);
    named_import_put(w, 5, s + 0x80, "KeStallExecutionProcessor");
    pw_put32(w, PW_RD_IMPORTS, PW_RD_NAMES);
    pw_put32(w, PW_RD_IMPORTS + 12, s);
    pw_put32(w, PW_RD_IMPORTS + 16, PW_RD_IAT);
    pw_put32(w, PW_RD_IMPORTS + 20, 0); /* no lookup table: the slots serve */
    pw_put32(w, PW_RD_IMPORTS + 32, s + 0x10);
    pw_put32(w, PW_RD_IMPORTS + 36, PW_RD_IAT + 40);
    pw_dir(w, 1, PW_RD_IMPORTS, 60);
    pw_dir(w, 12, PW_RD_IAT, 56);
}

static void delay_put(struct pw *w)
{
    uint32_t d = PW_RD_DELAY;

    pw_put32(w, d, 1);
    pw_put32(w, d + 4, d + 0xA0);
    pw_put32(w, d + 12, d + 0x40); /* slots */
    pw_put32(w, d + 16, d + 0x60); /* names */
    pw_put64(w, d + 0x40, PW_BASE + PW_TEXT);
    pw_put64(w, d + 0x60, d + 0xB0);
    pw_string(w, d + 0xA0, "later.sys");
    pw_string(w, d + 0xB2, "LaterCall");
    pw_dir(w, 13, d, 64);
}

/* Ordinals from 5: "Alpha" (code), a hole, "Beta" (forwarder), one without a name. */
static void exports_put(struct pw *w)
{
    uint32_t e = PW_RD_EXPORTS;

    pw_put32(w, e + 16, 5);
    pw_put32(w, e + 20, 4);
    pw_put32(w, e + 24, 2);
    pw_put32(w, e + 28, e + 40);
    pw_put32(w, e + 32, e + 56);
    pw_put32(w, e + 36, e + 64);
    pw_put32(w, e + 40, PW_TEXT);
    pw_put32(w, e + 48, e + 0xA0);
    pw_put32(w, e + 52, PW_DT);
    pw_put32(w, e + 56, e + 0x80);
    pw_put32(w, e + 60, e + 0x90);
    pw_put16(w, e + 64, 0);
    pw_put16(w, e + 66, 2);
    pw_string(w, e + 0x80, "Alpha");
    pw_string(w, e + 0x90, "Beta");
    pw_string(w, e + 0xA0, "NTOSKRNL.ZwClose");
    pw_dir(w, 0, e, 0xC0);
}

static void debug_put(struct pw *w)
{
    uint32_t d = PW_RD_DEBUG;

    pw_put32(w, d + 12, 2);
    pw_put32(w, d + 16, 0x40);
    pw_put32(w, d + 20, d + 0x20);
    pw_copy(w, d + 0x20, "RSDS0123456789abcdef", 20);
    pw_put32(w, d + 0x34, 3);
    pw_string(w, d + 0x38, "c:\\src\\sample.pdb");
    pw_dir(w, 6, d, 28);
}

static void config_put(struct pw *w)
{
    uint32_t c = PW_RD_CONFIG;

    pw_put32(w, c, 0x94);
    pw_put64(w, c + 0x58, PW_BASE + PW_DT_COOKIE);
    pw_put64(w, c + 0x70, PW_BASE + PW_DT_GUARD_CHECK);
    pw_put64(w, c + 0x78, PW_BASE + PW_DT_GUARD_DISPATCH);
    pw_put32(w, c + 0x90, 0x500);
    pw_put64(w, PW_DT_COOKIE, 0x00002B992DDFA232ull);
    pw_dir(w, 10, c, 0x94);
}

static void relocs_put(struct pw *w)
{
    static const uint16_t offsets[] = {0x000, 0x258, 0x270,
                                       0x278}; /* config pointers at 3 of them */

    pw_put64(w, PW_DT_POINTER, PW_BASE + PW_TEXT_ENTRY);
    pw_put32(w, PW_REL, PW_DT);
    pw_put32(w, PW_REL + 4, 12);
    pw_put16(w, PW_REL + 8, 10 << 12 | 0x18);
    pw_put32(w, PW_REL + 12, PW_RD_CONFIG - 0x200);
    pw_put32(w, PW_REL + 16, 16);
    for (unsigned i = 1; i < 4; i++)
        pw_put16(w, PW_REL + 18 + 2 * i, (uint16_t)(10 << 12 | offsets[i]));
    pw_dir(w, 5, PW_REL, 28);
}

/* One node of the version tree; returns where the next one goes. `value` may be NULL. */
static uint32_t version_node(struct pw *w, uint32_t at, const char *key, const char *value)
{
    uint32_t pos = align_up(at + 6 + 2 * (uint32_t)(strlen(key) + 1), 4);

    pw_wide(w, at + 6, key);
    pw_put16(w, at + 4, 1);
    if (value) {
        pw_wide(w, pos, value);
        pw_put16(w, at + 2, (uint16_t)(strlen(value) + 1));
        pos = align_up(pos + 2 * (uint32_t)(strlen(value) + 1), 4);
        pw_put16(w, at, (uint16_t)(pos - at));
    }
    return pos;
}

static void version_put(struct pw *w)
{
    uint32_t root = PW_RSRC + 0x80, info, table, end;

    pw_put16(w, PW_RSRC + 14, 1); /* type 16, then one name, then one language */
    pw_put32(w, PW_RSRC + 16, 16);
    pw_put32(w, PW_RSRC + 20, 0x80000018);
    pw_put16(w, PW_RSRC + 0x18 + 14, 1);
    pw_put32(w, PW_RSRC + 0x18 + 20, 0x80000030);
    pw_put16(w, PW_RSRC + 0x30 + 14, 1);
    pw_put32(w, PW_RSRC + 0x30 + 20, 0x48);
    pw_put32(w, PW_RSRC + 0x48, root);
    info = version_node(w, root, "VS_VERSION_INFO", NULL);
    table = version_node(w, info, "StringFileInfo", NULL);
    end = version_node(w, table, "040904b0", NULL);
    end = version_node(w, end, "CompanyName", "Sample Company");
    end = version_node(w, end, "FileVersion", "1.2.3.4");
    pw_put16(w, root, (uint16_t)(end - root));
    pw_put16(w, info, (uint16_t)(end - info));
    pw_put16(w, table, (uint16_t)(end - table));
    pw_put32(w, PW_RSRC + 0x4C, end - root);
    pw_dir(w, 2, PW_RSRC, end - PW_RSRC);
}

void pw_driver(struct pw *w, const void *code, size_t code_size,
               const struct pw_function *functions, unsigned count)
{
    pw_init(w, 0x1000);
    pw_section(w, ".text", 0x1800, 0x1800, PW_CODE);
    pw_section(w, ".rdata", 0xE00, 0xE00, PW_RDATA);
    pw_section(w, ".data", 0x1100, 0x200, PW_DATA); /* the rest is zeroes */
    pw_section(w, ".pdata", 12 * count, 12 * (count ? count : 1), PW_RDATA);
    pw_section(w, "PAGE", 0x100, 0x100, PW_PAGE);
    pw_section(w, "INIT", 0x100, 0x100, PW_INIT);
    pw_section(w, ".rsrc", 0x200, 0x200, PW_RDATA);
    pw_section(w, ".reloc", 0x20, 0x20, PW_RELOC);
    pw_header32(w, PW_OPT + 16, PW_TEXT_ENTRY);
    memset(pw_p(w, PW_TEXT), 0xCC, 0x1800);
    pw_copy(w, PW_TEXT, code, code_size);
    for (unsigned i = 0; i < count; i++) {
        pw_put32(w, PW_PD + 12 * i, functions[i].begin);
        pw_put32(w, PW_PD + 12 * i + 4, functions[i].end);
        pw_put32(w, PW_PD + 12 * i + 8, PW_RD_UNWIND);
    }
    pw_put32(w, PW_RD_UNWIND, 0x00000001); /* version 1, nothing saved */
    pw_dir(w, 3, PW_PD, 12 * count);
    imports_put(w);
    delay_put(w);
    exports_put(w);
    debug_put(w);
    config_put(w);
    relocs_put(w);
    version_put(w);
}
