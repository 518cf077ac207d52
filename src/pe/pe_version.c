/*
 * The version resource: who made the driver. Informative only, so whatever looks wrong is skipped.
 *
 * Doc: Microsoft, VS_VERSIONINFO, StringFileInfo, StringTable, String; PE Format, "The .rsrc
 * Section".
 */
#include "pe/pe_priv.h"

#include <string.h>

enum {
    RT_VERSION = 16,
    NODES_MAX = 64, /* per level: more is not a version resource */
    KEY_MAX = 32,
};

/* A node of the version tree: header, key, padding, value, padding, children. */
struct node {
    uint32_t value, value_units;
    uint32_t children, end; /* rvas */
    char key[KEY_MAX];
};

/* The first entry of a resource directory (or the one numbered `id`): its offset word, or 0. */
static uint32_t resource_entry(const struct pe_image *img, uint32_t dir, int id)
{
    uint32_t count, at = dir + 16;

    if (!pe_contains(img, dir, 16))
        return 0;
    count = (uint32_t)pe_u16(img, dir + 12) + pe_u16(img, dir + 14);
    for (uint32_t i = 0; i < PP_MIN(count, (uint32_t)NODES_MAX); i++, at += 8) {
        if (!pe_contains(img, at, 8))
            return 0;
        if (id < 0 || pe_u32(img, at) == (uint32_t)id)
            return pe_u32(img, at + 4);
    }
    return 0;
}

/* Find the version resource's data: type, first name, first language. */
static bool version_find(const struct pe_image *img, uint32_t *ret_rva, uint32_t *ret_end)
{
    uint32_t base = img->dirs[PE_DIR_RESOURCE].rva, dir = base, entry, rva, size;

    if (!base)
        return false;
    for (int level = 0; level < 3; level++) {
        entry = resource_entry(img, dir, level == 0 ? RT_VERSION : -1);
        if (entry == 0 || (entry >> 31) != (level < 2))
            return false;
        entry &= 0x7FFFFFFF;
        if (!pe_contains(img, base, 16) || entry > img->info.image_size - base)
            return false;
        dir = base + entry;
    }
    if (!pe_contains(img, dir, 16))
        return false;
    rva = pe_u32(img, dir);
    size = pe_u32(img, dir + 4);
    if (!pe_contains(img, rva, size))
        return false;
    *ret_rva = rva;
    *ret_end = rva + size;
    return true;
}

static uint32_t align4(uint32_t v)
{
    return (v + 3) & ~3u; /* far below overflow: an image has at most PE_IMAGE_MAX bytes */
}

static bool node_read(const struct pe_image *img, uint32_t at, uint32_t end, struct node *n)
{
    uint32_t size, value_size, pos;
    bool is_text;

    if (end - at < 6)
        return false;
    size = pe_u16(img, at);
    n->value_units = pe_u16(img, at + 2);
    is_text = pe_u16(img, at + 4) == 1;
    if (size < 8 || size > end - at)
        return false;
    n->end = at + size;
    pe_utf8(img, at + 6, KEY_MAX, n->key, sizeof n->key);
    for (pos = at + 6; pos + 2 <= n->end && pe_u16(img, pos); pos += 2)
        ;
    n->value = align4(pos + 2);
    value_size = is_text ? 2 * n->value_units : n->value_units;
    n->children = align4(n->value + value_size);
    return n->value <= n->end;
}

static void string_keep(struct pe_image *img, const struct node *n)
{
    struct {
        const char *key;
        char *buf;
        size_t size;
    } const wanted[] = {
        {"CompanyName", img->info.company, sizeof img->info.company},
        {"ProductName", img->info.product, sizeof img->info.product},
        {"FileDescription", img->info.description, sizeof img->info.description},
        {"FileVersion", img->info.file_version, sizeof img->info.file_version},
    };

    for (size_t i = 0; i < PP_COUNT(wanted); i++)
        if (strcmp(n->key, wanted[i].key) == 0)
            pe_utf8(img, n->value, (n->end - n->value) / 2, wanted[i].buf, wanted[i].size);
}

/* The strings of every table in a StringFileInfo node; the last language wins. */
static void strings_read(struct pe_image *img, const struct node *info)
{
    uint32_t at = info->children;

    for (int i = 0; i < NODES_MAX && at < info->end; i++) {
        struct node table, s;

        if (!node_read(img, at, info->end, &table))
            return;
        for (at = table.children; at < table.end; at = align4(s.end)) {
            if (!node_read(img, at, table.end, &s))
                return;
            string_keep(img, &s);
        }
        at = align4(table.end);
    }
}

void pe_version_index(struct pe_image *img)
{
    uint32_t rva, end, at;
    struct node root, child;

    if (!version_find(img, &rva, &end) || end - rva < 8 || !node_read(img, rva, end, &root))
        return;
    at = root.children;
    for (int i = 0; i < NODES_MAX && at < root.end; i++, at = align4(child.end)) {
        if (!node_read(img, at, root.end, &child))
            return;
        if (strcmp(child.key, "StringFileInfo") == 0)
            strings_read(img, &child);
    }
}
