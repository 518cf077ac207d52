/*
 * Headers, sections and checked access to them; laying an image out in memory.
 *
 * The file is never copied: an rva is translated through the section table at each access. Sections
 * are ascending and do not overlap (checked once), so the translation is a binary search over at
 * most 96 entries, and no two answers can contradict each other.
 *
 * Doc: Microsoft, PE Format, "Optional Header", "Section Table".
 */
#include "pe/pe_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    DOS_HEADER_SIZE = 64,
    DOS_LFANEW = 60,
    FILE_HEADER_SIZE = 24, /* with the signature */
    OPTIONAL_HEADER_MIN = 112,
    SECTION_HEADER_SIZE = 40,
    SECTIONS_MAX = 96, /* Doc: PE Format, "COFF File Header": the Windows loader's limit */

    FILE_RELOCS_STRIPPED = 0x0001,
    FILE_EXECUTABLE_IMAGE = 0x0002,
    FILE_DLL = 0x2000,
    MAGIC_PE32 = 0x10B,
    MAGIC_PE32_PLUS = 0x20B,
    SUBSYSTEM_NATIVE = 1,
};

int pe_refuse(char *why, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, PE_WHY_SIZE, fmt, args);
    va_end(args);
    for (char *c = why; *c; c++) /* names come from the file */
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7E)
            *c = '?';
    return -ENOEXEC;
}

static const char *machine_name(uint16_t machine)
{
    switch (machine) {
    case 0x014C:
        return "32-bit x86";
    case 0xAA64:
        return "ARM64";
    case 0xA641:
        return "ARM64EC";
    case 0x01C0:
    case 0x01C2:
    case 0x01C4:
        return "32-bit ARM";
    case 0x0200:
        return "Itanium";
    case 0x0EBC:
        return "EFI byte code";
    case 0x5064:
        return "RISC-V";
    default:
        return NULL;
    }
}

static const char *subsystem_name(uint16_t subsystem)
{
    switch (subsystem) {
    case 2:
        return "user-mode program or library, subsystem Windows GUI";
    case 3:
        return "user-mode program or library, subsystem console";
    case 9:
        return "user-mode program or library, subsystem Windows CE";
    case 10:
    case 11:
    case 12:
    case 13:
        return "EFI image";
    case 16:
        return "boot application";
    default:
        return "image of an unknown subsystem";
    }
}

/* DOS and file header: finds the optional header at *ret_opt. */
static int file_header_parse(struct pe_image *img, char *why, size_t *ret_opt)
{
    const uint8_t *b = img->bytes;
    const char *machine;
    uint32_t nt;

    if (img->size < DOS_HEADER_SIZE || b[0] != 'M' || b[1] != 'Z')
        return pe_refuse(why, "not a Windows image (no MZ header)");
    nt = pp_load32(b + DOS_LFANEW);
    if (nt > img->size || img->size - nt < FILE_HEADER_SIZE)
        return pe_refuse(why,
                         "truncated or not a PE image (the PE header at offset 0x%x lies "
                         "behind the end of the file)",
                         nt);
    if (memcmp(b + nt, "PE\0\0", 4) != 0)
        return pe_refuse(why, "not a PE image (no PE signature at offset 0x%x)", nt);
    machine = machine_name(pp_load16(b + nt + 4));
    if (machine)
        return pe_refuse(why, "%s image; only x64 drivers can be loaded", machine);
    if (pp_load16(b + nt + 4) != 0x8664)
        return pe_refuse(why, "image for unknown machine 0x%x; only x64 drivers can be loaded",
                         pp_load16(b + nt + 4));
    img->section_count = pp_load16(b + nt + 6);
    img->info.timestamp = pp_load32(b + nt + 8);
    img->info.characteristics = pp_load16(b + nt + 22);
    if (!(img->info.characteristics & FILE_EXECUTABLE_IMAGE))
        return pe_refuse(why, "not linked (the image is not marked executable)");
    *ret_opt = (size_t)nt + FILE_HEADER_SIZE;
    return 0;
}

/* The optional header's numbers, taken as they stand. */
static void optional_header_read(struct pe_image *img, const uint8_t *o)
{
    struct pe_info *info = &img->info;

    info->linker_major = o[2];
    info->linker_minor = o[3];
    info->entry_rva = pp_load32(o + 16);
    info->preferred_base = pp_load64(o + 24);
    info->section_align = pp_load32(o + 32);
    info->file_align = pp_load32(o + 36);
    info->os_major = pp_load16(o + 40);
    info->os_minor = pp_load16(o + 42);
    info->image_size = pp_load32(o + 56);
    info->headers_size = pp_load32(o + 60);
    info->checksum = pp_load32(o + 64);
    info->dll_characteristics = pp_load16(o + 70);
    info->is_dll = info->characteristics & FILE_DLL;
}

static bool is_power_of_two(uint32_t v)
{
    return v && !(v & (v - 1));
}

static int optional_header_check(const struct pe_image *img, char *why)
{
    const struct pe_info *info = &img->info;

    if (!is_power_of_two(info->section_align) || !is_power_of_two(info->file_align) ||
        info->file_align > info->section_align)
        return pe_refuse(why, "malformed: section alignment 0x%x with file alignment 0x%x",
                         info->section_align, info->file_align);
    if (info->section_align < PP_PAGE_SIZE && info->file_align != info->section_align)
        return pe_refuse(why,
                         "malformed: section alignment 0x%x is below a page, and the file "
                         "alignment 0x%x differs from it",
                         info->section_align, info->file_align);
    if (info->image_size == 0 || info->image_size > PE_IMAGE_MAX)
        return pe_refuse(why, "malformed: image size 0x%x", info->image_size);
    if (info->headers_size > img->size || info->headers_size > info->image_size)
        return pe_refuse(why, "truncated or malformed: headers of 0x%x bytes do not fit",
                         info->headers_size);
    if (info->entry_rva >= info->image_size)
        return pe_refuse(why, "malformed: entry point 0x%x lies outside the image",
                         info->entry_rva);
    if (info->entry_rva == 0 && !info->is_dll)
        return pe_refuse(why, "has no entry point");
    return 0;
}

static int directories_read(struct pe_image *img, const uint8_t *o, size_t room, char *why)
{
    uint32_t count = pp_load32(o + 108);

    if (count > PE_DIR_COUNT)
        count = PE_DIR_COUNT;
    if (room < OPTIONAL_HEADER_MIN + 8 * (size_t)count)
        return pe_refuse(why, "malformed: the optional header is too short for %u directories",
                         count);
    for (uint32_t i = 0; i < count; i++) {
        img->dirs[i].rva = pp_load32(o + OPTIONAL_HEADER_MIN + 8 * i);
        img->dirs[i].size = pp_load32(o + OPTIONAL_HEADER_MIN + 8 * i + 4);
        if (img->dirs[i].rva == 0)
            img->dirs[i].size = 0;
    }
    return 0;
}

static int directories_check(struct pe_image *img, char *why)
{
    struct pe_info *info = &img->info;

    if (img->dirs[PE_DIR_TLS].size)
        return pe_refuse(why, "uses thread-local storage (TLS directory), which kernel drivers "
                              "cannot have");
    if (img->dirs[PE_DIR_CLR].size)
        return pe_refuse(why, "managed (.NET) image, not a driver");
    info->has_certificate = img->dirs[PE_DIR_SECURITY].size != 0;
    info->has_bound_imports = img->dirs[PE_DIR_BOUND_IMPORT].size != 0;
    info->has_delay_imports = img->dirs[PE_DIR_DELAY_IMPORT].size != 0;
    info->has_relocs = img->dirs[PE_DIR_RELOC].size != 0;
    info->is_fixed = !info->has_relocs && (info->characteristics & FILE_RELOCS_STRIPPED);
    if (info->is_fixed && info->preferred_base >= 1ull << 47)
        return pe_refuse(why,
                         "relocations were stripped: the image is tied to address 0x%llx, which a "
                         "process cannot map",
                         (unsigned long long)info->preferred_base);
    return 0;
}

static int optional_header_parse(struct pe_image *img, size_t at, size_t *ret_sections, char *why)
{
    size_t opt_size = pp_load16(img->bytes + at - 4);
    const uint8_t *o = img->bytes + at;
    int err;

    if (opt_size > img->size - at || opt_size < 2)
        return pe_refuse(why, "truncated: the file ends inside the optional header");
    if (pp_load16(o) == MAGIC_PE32)
        return pe_refuse(why, "32-bit (PE32) image; only x64 drivers can be loaded");
    if (pp_load16(o) != MAGIC_PE32_PLUS || opt_size < OPTIONAL_HEADER_MIN)
        return pe_refuse(why, "malformed: optional header of kind 0x%x and %zu bytes", pp_load16(o),
                         opt_size);
    if (pp_load16(o + 68) != SUBSYSTEM_NATIVE)
        return pe_refuse(why, "not a driver but a %s (%u)", subsystem_name(pp_load16(o + 68)),
                         pp_load16(o + 68));
    optional_header_read(img, o);
    err = optional_header_check(img, why);
    if (!err)
        err = directories_read(img, o, opt_size, why);
    if (!err)
        err = directories_check(img, why);
    *ret_sections = at + opt_size;
    return err;
}

static void section_read(const struct pe_image *img, const uint8_t *h, struct pe_section *s)
{
    memcpy(s->name, h, 8);
    for (char *c = s->name; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7E)
            *c = '?'; /* names end up in reports */
    s->size = pp_load32(h + 8);
    s->rva = pp_load32(h + 12);
    s->raw_size = pp_load32(h + 16);
    s->raw_offset = pp_load32(h + 20);
    s->flags = pp_load32(h + 36);
    if (s->size == 0)
        s->size = s->raw_size;
    if (s->raw_offset == 0)
        s->raw_size = 0;
    /* Windows addresses raw data by sectors. Seen: packers that leave low bits set. */
    if (img->info.section_align >= PP_PAGE_SIZE)
        s->raw_offset &= ~511u;
    s->prot = (s->flags & PE_SCN_READ ? (unsigned)PE_READ : 0) |
              (s->flags & PE_SCN_WRITE ? (unsigned)PE_WRITE : 0) |
              (s->flags & PE_SCN_EXECUTE ? (unsigned)PE_EXEC : 0);
    s->is_discardable = s->flags & PE_SCN_DISCARDABLE;
    s->is_pageable = strncmp(s->name, "PAGE", 4) == 0 || strcmp(s->name, ".edata") == 0;
}

/* `end` is where the previous section (or the headers) ended. */
static int section_check(const struct pe_image *img, struct pe_section *s, uint64_t end, char *why)
{
    const struct pe_info *info = &img->info;
    uint64_t room = pp_align_up(s->size, info->section_align);

    if (s->rva < end)
        return pe_refuse(why, "malformed: section \"%s\" at 0x%x overlaps what lies before it",
                         s->name, s->rva);
    if (s->rva & (info->section_align - 1))
        return pe_refuse(why, "malformed: section \"%s\" at 0x%x is not aligned", s->name, s->rva);
    if (s->size > info->image_size || s->rva > info->image_size - s->size)
        return pe_refuse(why, "malformed: section \"%s\" does not fit the image (0x%x + 0x%x)",
                         s->name, s->rva, s->size);
    if (s->raw_size > img->size || s->raw_offset > img->size - s->raw_size)
        return pe_refuse(why,
                         "truncated: section \"%s\" needs file offsets 0x%x to 0x%llx, the file "
                         "has 0x%zx bytes",
                         s->name, s->raw_offset, (unsigned long long)s->raw_offset + s->raw_size,
                         img->size);
    if (info->section_align < PP_PAGE_SIZE && s->raw_size && s->raw_offset != s->rva)
        return pe_refuse(why,
                         "malformed: section \"%s\" lies at 0x%x in the file and 0x%x in memory, "
                         "though the section alignment is below a page",
                         s->name, s->raw_offset, s->rva);
    s->raw_size = (uint32_t)PP_MIN(s->raw_size, PP_MIN(room, (uint64_t)info->image_size - s->rva));
    return 0;
}

static int sections_parse(struct pe_image *img, size_t at, char *why)
{
    uint64_t end = 0;
    int err;

    if (img->section_count == 0 || img->section_count > SECTIONS_MAX)
        return pe_refuse(why, "malformed: %zu sections", img->section_count);
    if (img->size - at < img->section_count * SECTION_HEADER_SIZE)
        return pe_refuse(why, "truncated: the file ends inside the section table");
    img->sections = pp_new_array(img->section_count, sizeof *img->sections);
    if (!img->sections)
        return -ENOMEM;
    for (size_t i = 0; i < img->section_count; i++) {
        struct pe_section *s = &img->sections[i];

        section_read(img, img->bytes + at + i * SECTION_HEADER_SIZE, s);
        err = section_check(img, s, end, why);
        if (err)
            return err;
        end = (uint64_t)s->rva + PP_MAX(s->size, s->raw_size);
    }
    if (img->info.headers_size > img->sections[0].rva)
        img->info.headers_size = img->sections[0].rva;
    return 0;
}

int pe_image_parse(const uint8_t *bytes, size_t size, struct pe_image **ret, char why[PE_WHY_SIZE])
{
    struct pe_image *img = pp_new(sizeof *img);
    size_t at = 0;
    int err;

    why[0] = '\0';
    if (!img)
        return -ENOMEM;
    img->bytes = bytes;
    img->size = size;
    err = file_header_parse(img, why, &at);
    if (!err)
        err = optional_header_parse(img, at, &at, why);
    if (!err)
        err = sections_parse(img, at, why);
    if (!err)
        err = pe_relocs_check(img, why);
    if (!err)
        err = pe_imports_index(img, why);
    if (!err)
        err = pe_exports_index(img, why);
    if (!err)
        err = pe_pdata_index(img, why);
    if (err) {
        pe_image_free(img);
        return err;
    }
    pe_debug_index(img);
    pe_load_config_index(img);
    pe_version_index(img);
    *ret = img;
    return 0;
}

void pe_image_free(struct pe_image *img)
{
    if (!img)
        return;
    pp_free(img->sections);
    pp_free(img->imports);
    pp_free(img->imports_by_slot);
    pp_free(img);
}

const struct pe_info *pe_image_info(const struct pe_image *img)
{
    return &img->info;
}

const struct pe_section *pe_sections(const struct pe_image *img, size_t *ret_count)
{
    *ret_count = img->section_count;
    return img->sections;
}

const struct pe_section *pe_section_at(const struct pe_image *img, uint32_t rva)
{
    size_t low = 0, high = img->section_count;

    while (low < high) {
        size_t mid = (low + high) / 2;
        const struct pe_section *s = &img->sections[mid];

        if (rva < s->rva)
            high = mid;
        else if (rva - s->rva >= PP_MAX(s->size, s->raw_size))
            low = mid + 1;
        else
            return s;
    }
    return NULL;
}

bool pe_contains(const struct pe_image *img, uint32_t rva, uint32_t size)
{
    return size <= img->info.image_size && rva <= img->info.image_size - size;
}

const uint8_t *pe_span(const struct pe_image *img, uint32_t rva, size_t *ret_size)
{
    const struct pe_section *s;

    if (rva < img->info.headers_size) {
        *ret_size = img->info.headers_size - rva;
        return img->bytes + rva;
    }
    s = pe_section_at(img, rva);
    if (!s || rva - s->rva >= s->raw_size) {
        *ret_size = 0;
        return NULL;
    }
    *ret_size = s->raw_size - (rva - s->rva);
    return img->bytes + s->raw_offset + (rva - s->rva);
}

/* `size` bytes at `rva`, little endian; each byte that the file does not have is zero. */
static uint64_t load(const struct pe_image *img, uint32_t rva, unsigned size)
{
    uint8_t bytes[8] = {0};
    size_t have;
    const uint8_t *p = pe_span(img, rva, &have);

    if (p && have >= size) {
        memcpy(bytes, p, size);
        return pp_load64(bytes);
    }
    for (unsigned i = 0; i < size; i++) {
        p = rva <= UINT32_MAX - i ? pe_span(img, rva + i, &have) : NULL;
        bytes[i] = p ? *p : 0;
    }
    return pp_load64(bytes);
}

uint8_t pe_u8(const struct pe_image *img, uint32_t rva)
{
    return (uint8_t)load(img, rva, 1);
}

uint16_t pe_u16(const struct pe_image *img, uint32_t rva)
{
    return (uint16_t)load(img, rva, 2);
}

uint32_t pe_u32(const struct pe_image *img, uint32_t rva)
{
    return (uint32_t)load(img, rva, 4);
}

uint64_t pe_u64(const struct pe_image *img, uint32_t rva)
{
    return load(img, rva, 8);
}

const char *pe_string(const struct pe_image *img, uint32_t rva, size_t max)
{
    size_t have;
    const uint8_t *p = pe_span(img, rva, &have);

    if (!p || !memchr(p, 0, PP_MIN(have, max + 1)))
        return NULL;
    return (const char *)p;
}

void pe_utf8(const struct pe_image *img, uint32_t rva, uint32_t max_units, char *buf, size_t size)
{
    size_t n = 0;

    for (uint32_t i = 0; i < max_units && pe_contains(img, rva, 2); i++, rva += 2) {
        uint16_t c = pe_u16(img, rva);

        if (c == 0 || n + 4 > size)
            break;
        if (c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0xD800 && c < 0xE000))
            c = '?';
        if (c < 0x80) {
            buf[n++] = (char)c;
        } else if (c < 0x800) {
            buf[n++] = (char)(0xC0 | c >> 6);
            buf[n++] = (char)(0x80 | (c & 0x3F));
        } else {
            buf[n++] = (char)(0xE0 | c >> 12);
            buf[n++] = (char)(0x80 | (c >> 6 & 0x3F));
            buf[n++] = (char)(0x80 | (c & 0x3F));
        }
    }
    buf[n] = '\0';
}

int pe_image_map(const struct pe_image *img, void *dest, size_t dest_size)
{
    uint8_t *d = dest;

    if (dest_size < img->info.image_size)
        return -EINVAL;
    memcpy(d, img->bytes, img->info.headers_size);
    for (size_t i = 0; i < img->section_count; i++) {
        const struct pe_section *s = &img->sections[i];

        memcpy(d + s->rva, img->bytes + s->raw_offset, s->raw_size);
    }
    return 0;
}
