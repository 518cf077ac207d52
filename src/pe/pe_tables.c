/*
 * Relocations, exports, the function table, debug directory and load configuration.
 *
 * Doc: PE Format, "The .reloc Section", "The .edata Section", "The .pdata Section", "Debug
 * Directory", "Load Configuration Layout"; Microsoft, x64 exception handling.
 */
#include "pe/pe_priv.h"

#include <errno.h>
#include <string.h>

enum {
    RELOC_ABSOLUTE = 0,
    RELOC_HIGH = 1,
    RELOC_LOW = 2,
    RELOC_HIGHLOW = 3,
    RELOC_HIGHADJ = 4,
    RELOC_DIR64 = 10,

    EXPORT_DIR_SIZE = 40,
    EXPORTS_MAX = 65536,
    EXPORT_NAME_MAX = 4096,
    FUNCTION_SIZE = 12,
    DEBUG_ENTRY_SIZE = 28,
    DEBUG_ENTRIES_MAX = 64,
    DEBUG_CODEVIEW = 2,
};

/* ---- Relocations ---- */

struct reloc {
    uint32_t rva;
    uint16_t type;
    uint16_t low; /* HIGHADJ: the low half, kept in the entry that follows */
};

typedef void reloc_fn(const struct reloc *r, void *arg);

/* Bytes changed by a type; 0 for padding, -1 for a type that x64 does not have. */
static int reloc_size(uint16_t type)
{
    switch (type) {
    case RELOC_ABSOLUTE:
        return 0;
    case RELOC_HIGH:
    case RELOC_LOW:
    case RELOC_HIGHADJ:
        return 2;
    case RELOC_HIGHLOW:
        return 4;
    case RELOC_DIR64:
        return 8;
    default:
        return -1;
    }
}

/* One block of `size` bytes at `at`, both checked against the image. */
static int reloc_block_walk(const struct pe_image *img, uint32_t at, uint32_t size, reloc_fn *fn,
                            void *arg, char *why)
{
    uint32_t page = pe_u32(img, at);

    for (uint32_t pos = 8; pos + 2 <= size; pos += 2) {
        uint16_t entry = pe_u16(img, at + pos);
        struct reloc r = {.type = (uint16_t)(entry >> 12)};
        uint64_t rva = (uint64_t)page + (entry & 0xFFF);
        int bytes = reloc_size(r.type);

        if (bytes < 0)
            return pe_refuse(why, "malformed: relocation of unknown type %u", r.type);
        if (bytes == 0)
            continue;
        if (rva > UINT32_MAX || !pe_contains(img, (uint32_t)rva, (uint32_t)bytes))
            return pe_refuse(why, "malformed: relocation at 0x%llx, outside the image",
                             (unsigned long long)rva);
        r.rva = (uint32_t)rva;
        if (r.type == RELOC_HIGHADJ) {
            pos += 2;
            if (pos + 2 > size)
                return pe_refuse(why, "malformed: relocation at 0x%x lacks its second half", r.rva);
            r.low = pe_u16(img, at + pos);
        }
        if (fn)
            fn(&r, arg);
    }
    return 0;
}

static int relocs_walk(const struct pe_image *img, reloc_fn *fn, void *arg, char *why)
{
    const struct pe_dir *dir = &img->dirs[PE_DIR_RELOC];
    uint32_t pos = 0;
    int err;

    if (!pe_contains(img, dir->rva, dir->size))
        return pe_refuse(why, "malformed: the relocation directory lies outside the image");
    while (dir->size - pos >= 8) {
        uint32_t at = dir->rva + pos, size = pe_u32(img, at + 4);

        if (size == 0 && pe_u32(img, at) == 0)
            return 0; /* padding at the end */
        if (size < 8 || size > dir->size - pos)
            return pe_refuse(why, "malformed: relocation block of %u bytes at 0x%x", size, at);
        err = reloc_block_walk(img, at, size, fn, arg, why);
        if (err)
            return err;
        pos += size;
    }
    return 0;
}

int pe_relocs_check(const struct pe_image *img, char *why)
{
    return img->info.has_relocs ? relocs_walk(img, NULL, NULL, why) : 0;
}

struct fixup {
    uint8_t *mapped;
    uint64_t delta;
};

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

/* Doc: PE Format, "Base Relocation Types". */
static void reloc_apply(const struct reloc *r, void *arg)
{
    const struct fixup *f = arg;
    uint8_t *p = f->mapped + r->rva;
    uint32_t delta32 = (uint32_t)f->delta, v32;
    uint64_t v64;

    switch (r->type) {
    case RELOC_HIGH:
        put16(p, (((uint32_t)pp_load16(p) << 16) + delta32) >> 16);
        break;
    case RELOC_LOW:
        put16(p, pp_load16(p) + delta32);
        break;
    case RELOC_HIGHLOW:
        v32 = pp_load32(p) + delta32;
        memcpy(p, &v32, sizeof v32);
        break;
    case RELOC_HIGHADJ:
        /* The low half counts as signed, and the sum is rounded to the nearest 64 kB. */
        v32 = ((uint32_t)pp_load16(p) << 16) + (uint32_t)(int16_t)r->low + delta32 + 0x8000;
        put16(p, v32 >> 16);
        break;
    default:
        v64 = pp_load64(p) + f->delta;
        memcpy(p, &v64, sizeof v64);
        break;
    }
}

int pe_image_relocate(const struct pe_image *img, void *mapped, uint64_t new_base)
{
    struct fixup f = {mapped, new_base - img->info.preferred_base};
    char why[PE_WHY_SIZE];

    if (f.delta == 0)
        return 0;
    if (img->info.is_fixed)
        return -ENOEXEC;
    return img->info.has_relocs ? relocs_walk(img, reloc_apply, &f, why) : 0;
}

struct reloc_visit {
    void (*fn)(uint32_t rva, void *arg);
    void *arg;
};

static void reloc_visit(const struct reloc *r, void *arg)
{
    const struct reloc_visit *v = arg;

    if (r->type == RELOC_DIR64)
        v->fn(r->rva, v->arg);
}

void pe_relocs_each(const struct pe_image *img, void (*fn)(uint32_t rva, void *arg), void *arg)
{
    struct reloc_visit v = {fn, arg};
    char why[PE_WHY_SIZE];

    if (img->info.has_relocs)
        (void)relocs_walk(img, reloc_visit, &v, why); /* checked when the image was parsed */
}

/* ---- Exports ---- */

int pe_exports_index(struct pe_image *img, char *why)
{
    const struct pe_dir *dir = &img->dirs[PE_DIR_EXPORT];
    struct pe_export_table *t = &img->exports;

    if (!dir->size)
        return 0;
    if (!pe_contains(img, dir->rva, PP_MAX(dir->size, (uint32_t)EXPORT_DIR_SIZE)))
        return pe_refuse(why, "malformed: the export directory lies outside the image");
    t->base = pe_u32(img, dir->rva + 16);
    t->function_count = pe_u32(img, dir->rva + 20);
    t->name_count = pe_u32(img, dir->rva + 24);
    t->functions = pe_u32(img, dir->rva + 28);
    t->names = pe_u32(img, dir->rva + 32);
    t->ordinals = pe_u32(img, dir->rva + 36);
    if (t->function_count > EXPORTS_MAX || t->name_count > EXPORTS_MAX)
        return pe_refuse(why, "malformed: %u exports with %u names", t->function_count,
                         t->name_count);
    if (!pe_contains(img, t->functions, 4 * t->function_count) ||
        !pe_contains(img, t->names, 4 * t->name_count) ||
        !pe_contains(img, t->ordinals, 2 * t->name_count))
        return pe_refuse(why, "malformed: an export table lies outside the image");
    img->info.export_count = t->function_count;
    return 0;
}

int pe_export_at(const struct pe_image *img, uint32_t index, struct pe_export *ret)
{
    const struct pe_dir *dir = &img->dirs[PE_DIR_EXPORT];
    struct pe_export e = {.ordinal = img->exports.base + index};
    uint32_t rva;

    if (index >= img->exports.function_count)
        return -ENOENT;
    rva = pe_u32(img, img->exports.functions + 4 * index);
    if (rva == 0 || rva >= img->info.image_size)
        return -ENOENT;
    if (rva >= dir->rva && rva - dir->rva < dir->size) {
        e.forwarder = pe_string(img, rva, EXPORT_NAME_MAX);
        if (!e.forwarder)
            return -ENOENT;
    } else {
        e.rva = rva;
    }
    *ret = e;
    return 0;
}

int pe_export_by_ordinal(const struct pe_image *img, uint32_t ordinal, struct pe_export *ret)
{
    return pe_export_at(img, ordinal - img->exports.base, ret);
}

int pe_export_by_name(const struct pe_image *img, const char *name, struct pe_export *ret)
{
    uint32_t low = 0, high = img->exports.name_count;

    /* The names are sorted by the linker, and Windows relies on it as well. */
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        const char *have =
            pe_string(img, pe_u32(img, img->exports.names + 4 * mid), EXPORT_NAME_MAX);
        int order;

        if (!have)
            return -ENOENT;
        order = strcmp(name, have);
        if (order == 0) {
            int err = pe_export_at(img, pe_u16(img, img->exports.ordinals + 2 * mid), ret);

            if (!err)
                ret->name = have;
            return err;
        }
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return -ENOENT;
}

/* ---- Function table ---- */

int pe_pdata_index(struct pe_image *img, char *why)
{
    const struct pe_dir *dir = &img->dirs[PE_DIR_EXCEPTION];
    size_t have;

    if (!dir->size)
        return 0;
    if (!pe_span(img, dir->rva, &have) || have < dir->size || dir->rva % 4)
        return pe_refuse(why, "malformed: the function table (.pdata) lies outside its section");
    img->info.pdata_rva = dir->rva;
    img->info.function_count = dir->size / FUNCTION_SIZE;
    /* Incremental linkers leave empty entries at the end, which would break the search. */
    while (img->info.function_count &&
           pe_u32(img, dir->rva + (img->info.function_count - 1) * FUNCTION_SIZE) == 0)
        img->info.function_count--;
    return 0;
}

struct pe_function pe_function_at(const struct pe_image *img, uint32_t index)
{
    struct pe_function f = {0};
    uint32_t at = img->info.pdata_rva + index * FUNCTION_SIZE;

    if (index >= img->info.function_count)
        return f;
    f.begin = pe_u32(img, at);
    f.end = pe_u32(img, at + 4);
    f.unwind = pe_u32(img, at + 8);
    if (f.begin >= f.end || f.end > img->info.image_size || !pe_contains(img, f.unwind, 4))
        return (struct pe_function){0};
    return f;
}

int64_t pe_find_function(const struct pe_image *img, uint32_t rva)
{
    uint32_t low = 0, high = img->info.function_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        struct pe_function f = pe_function_at(img, mid);

        if (rva < pe_u32(img, img->info.pdata_rva + mid * FUNCTION_SIZE))
            high = mid;
        else if (rva >= f.end)
            low = mid + 1;
        else
            return mid;
    }
    return -1;
}

/* ---- Debug directory, load configuration ---- */

static bool codeview_read(struct pe_image *img, uint32_t entry)
{
    uint32_t size = pe_u32(img, entry + 16), rva = pe_u32(img, entry + 20);
    const char *path;

    if (pe_u32(img, entry + 12) != DEBUG_CODEVIEW || size < 25 || !pe_contains(img, rva, 25) ||
        pe_u32(img, rva) != 0x53445352) /* "RSDS" */
        return false;
    path = pe_string(img, rva + 24, sizeof img->pdb_path - 1);
    if (!path)
        return false;
    for (size_t i = 0; path[i]; i++) /* it ends up in reports */
        img->pdb_path[i] = (unsigned char)path[i] < 0x20 ? '?' : path[i];
    img->info.pdb_path = img->pdb_path;
    for (uint32_t i = 0; i < 16; i++)
        img->info.pdb_guid[i] = pe_u8(img, rva + 4 + i);
    img->info.pdb_age = pe_u32(img, rva + 20);
    return true;
}

void pe_debug_index(struct pe_image *img)
{
    const struct pe_dir *dir = &img->dirs[PE_DIR_DEBUG];
    uint32_t count = PP_MIN(dir->size / DEBUG_ENTRY_SIZE, (uint32_t)DEBUG_ENTRIES_MAX);

    if (!pe_contains(img, dir->rva, count * DEBUG_ENTRY_SIZE))
        return;
    for (uint32_t i = 0; i < count; i++)
        if (codeview_read(img, dir->rva + i * DEBUG_ENTRY_SIZE))
            return;
}

/* The rva of the 8 bytes that the load configuration's field at `offset` points to, or 0. */
static uint32_t load_config_pointer(const struct pe_image *img, uint32_t size, uint32_t offset)
{
    uint64_t rva;

    if (size < offset + 8)
        return 0;
    rva = pe_u64(img, img->dirs[PE_DIR_LOAD_CONFIG].rva + offset) - img->info.preferred_base;
    return rva < img->info.image_size && pe_contains(img, (uint32_t)rva, 8) ? (uint32_t)rva : 0;
}

void pe_load_config_index(struct pe_image *img)
{
    uint32_t rva = img->dirs[PE_DIR_LOAD_CONFIG].rva, size;

    if (!rva || !pe_contains(img, rva, 4))
        return;
    size = pe_u32(img, rva); /* the structure's own size counts, not the directory's */
    if (!pe_contains(img, rva, size))
        return;
    img->info.cookie_rva = load_config_pointer(img, size, 0x58);
    img->info.guard_check_rva = load_config_pointer(img, size, 0x70);
    img->info.guard_dispatch_rva = load_config_pointer(img, size, 0x78);
    if (size >= 0x94)
        img->info.guard_flags = pe_u32(img, rva + 0x90);
}
