/*
 * Import tables, plain and delayed, as one array; and a second order by slot, because code refers
 * to an import by the address of its slot.
 *
 * Doc: PE Format, "The .idata Section", "Delay-Load Import Tables".
 */
#include "pe/pe_priv.h"

#include <errno.h>
#include <stdlib.h>

enum {
    DESCRIPTOR_SIZE = 20,
    DELAY_DESCRIPTOR_SIZE = 32,
    MODULES_MAX = 1024,
    IMPORTS_MAX = 65536,
    NAME_MAX_LEN = 512,
};

/* One module's tables: rvas of the names to look up and of the slots to fill. */
struct module {
    const char *name;
    enum pe_import_kind kind;
    uint32_t names, slots;
};

static int import_add(struct pe_image *img, const struct pe_import *imp)
{
    if (img->import_count == img->import_room) {
        size_t room = img->import_room ? 2 * img->import_room : 64;
        struct pe_import *grown = pp_resize(img->imports, room * sizeof *grown);

        if (!grown)
            return -ENOMEM;
        img->imports = grown;
        img->import_room = room;
    }
    img->imports[img->import_count++] = *imp;
    return 0;
}

/* Names end up in reports and in file names: a control character in one is no accident. */
static bool is_plain(const char *name)
{
    if (!name || !*name)
        return false;
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || (unsigned char)*name > 0x7E)
            return false;
    return true;
}

static int import_read(const struct pe_image *img, const struct module *m, uint64_t thunk,
                       struct pe_import *imp, char *why)
{
    if (thunk >> 63) {
        imp->ordinal = (uint16_t)thunk;
        return 0;
    }
    if (thunk > UINT32_MAX || !pe_contains(img, (uint32_t)thunk, 3))
        return pe_refuse(why,
                         "malformed: an import of %s has its name at 0x%llx, outside the image",
                         m->name, (unsigned long long)thunk);
    imp->hint = pe_u16(img, (uint32_t)thunk);
    imp->name = pe_string(img, (uint32_t)thunk + 2, NAME_MAX_LEN);
    if (!is_plain(imp->name))
        return pe_refuse(why, "malformed: an import of %s has no readable name (at 0x%llx)",
                         m->name, (unsigned long long)thunk);
    return 0;
}

static int module_index(struct pe_image *img, const struct module *m, char *why)
{
    int err;

    for (uint32_t i = 0;; i++) {
        uint64_t at = (uint64_t)m->names + 8ull * i, slot = (uint64_t)m->slots + 8ull * i;
        struct pe_import imp = {.module = m->name, .kind = m->kind, .slot_rva = (uint32_t)slot};
        uint64_t thunk;

        if (at > UINT32_MAX || !pe_contains(img, (uint32_t)at, 8))
            return pe_refuse(why, "malformed: the import table of %s leaves the image", m->name);
        thunk = pe_u64(img, (uint32_t)at);
        if (thunk == 0)
            return 0;
        if (slot > UINT32_MAX || !pe_contains(img, (uint32_t)slot, 8))
            return pe_refuse(why, "malformed: the address table of %s leaves the image", m->name);
        if (img->import_count >= IMPORTS_MAX)
            return pe_refuse(why, "malformed: more than %d imports", IMPORTS_MAX);
        err = import_read(img, m, thunk, &imp, why);
        if (!err)
            err = import_add(img, &imp);
        if (err)
            return err;
    }
}

static int module_name_read(const struct pe_image *img, uint32_t rva, struct module *m, char *why)
{
    m->name = pe_string(img, rva, NAME_MAX_LEN);
    if (!is_plain(m->name))
        return pe_refuse(
            why, "malformed: the import directory names no readable module (name at 0x%x)", rva);
    return 0;
}

static int plain_index(struct pe_image *img, char *why)
{
    uint32_t at = img->dirs[PE_DIR_IMPORT].rva;
    int err;

    if (!at)
        return 0;
    /* Like Windows, the list ends at its empty descriptor, whatever size the directory claims. */
    for (int i = 0; i < MODULES_MAX; i++, at += DESCRIPTOR_SIZE) {
        struct module m = {.kind = PE_IMPORT_PLAIN};
        uint32_t name;

        if (!pe_contains(img, at, DESCRIPTOR_SIZE))
            return pe_refuse(why, "malformed: the import directory leaves the image");
        name = pe_u32(img, at + 12);
        m.slots = pe_u32(img, at + 16);
        if (name == 0 || m.slots == 0)
            return 0;
        m.names = pe_u32(img, at);
        if (m.names == 0)
            m.names = m.slots;
        err = module_name_read(img, name, &m, why);
        if (!err)
            err = module_index(img, &m, why);
        if (err)
            return err;
    }
    return pe_refuse(why, "malformed: more than %d imported modules", MODULES_MAX);
}

static int delay_index(struct pe_image *img, char *why)
{
    uint32_t at = img->dirs[PE_DIR_DELAY_IMPORT].rva;
    int err;

    if (!at)
        return 0;
    for (int i = 0; i < MODULES_MAX; i++, at += DELAY_DESCRIPTOR_SIZE) {
        struct module m = {.kind = PE_IMPORT_DELAY};
        uint32_t name;

        if (!pe_contains(img, at, DELAY_DESCRIPTOR_SIZE))
            return pe_refuse(why, "malformed: the delay import directory leaves the image");
        name = pe_u32(img, at + 4);
        if (name == 0)
            return 0;
        m.slots = pe_u32(img, at + 12);
        m.names = pe_u32(img, at + 16);
        err = module_name_read(img, name, &m, why);
        if (!err)
            err = module_index(img, &m, why);
        if (err)
            return err;
    }
    return pe_refuse(why, "malformed: more than %d delay-loaded modules", MODULES_MAX);
}

/* qsort_r hands the image through, so that nothing global is needed. */
static int slot_compare(const void *a, const void *b, void *arg)
{
    const struct pe_image *img = arg;
    uint32_t x = img->imports[*(const uint32_t *)a].slot_rva;
    uint32_t y = img->imports[*(const uint32_t *)b].slot_rva;

    return x < y ? -1 : x > y;
}

int pe_imports_index(struct pe_image *img, char *why)
{
    int err = plain_index(img, why);

    if (!err)
        err = delay_index(img, why);
    if (err || !img->import_count)
        return err;
    img->imports_by_slot = pp_new_array(img->import_count, sizeof *img->imports_by_slot);
    if (!img->imports_by_slot)
        return -ENOMEM;
    for (uint32_t i = 0; i < img->import_count; i++)
        img->imports_by_slot[i] = i;
    qsort_r(img->imports_by_slot, img->import_count, sizeof *img->imports_by_slot, slot_compare,
            img);
    return 0;
}

const struct pe_import *pe_imports(const struct pe_image *img, size_t *ret_count)
{
    *ret_count = img->import_count;
    return img->imports;
}

const struct pe_import *pe_import_at(const struct pe_image *img, uint32_t rva)
{
    size_t low = 0, high = img->import_count;

    while (low < high) {
        size_t mid = (low + high) / 2;
        const struct pe_import *imp = &img->imports[img->imports_by_slot[mid]];

        if (imp->slot_rva == rva)
            return imp;
        if (imp->slot_rva < rva)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}
