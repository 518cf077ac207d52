/*
 * Fuzz target: everything that src/pe does with a file. Besides crashes and hangs, it checks what
 * the rest of the program relies on.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pe/pe.h"

/* Larger images are not laid out: that would measure memset. */
#define MAP_MAX (4u << 20)

static volatile uint64_t sink; /* keeps loads from being optimized away */

static void check_sections(const struct pe_image *img)
{
    uint32_t size = pe_image_info(img)->image_size;
    uint64_t end = 0;
    size_t count;
    const struct pe_section *s = pe_sections(img, &count);

    for (size_t i = 0; i < count; i++) {
        PP_ASSERT(s[i].rva >= end);
        end = (uint64_t)s[i].rva + PP_MAX(s[i].size, s[i].raw_size);
        PP_ASSERT(end <= size);
        PP_ASSERT(memchr(s[i].name, 0, sizeof s[i].name));
        if (s[i].size)
            PP_ASSERT(pe_section_at(img, s[i].rva) == &s[i]);
    }
}

static void check_imports(const struct pe_image *img)
{
    size_t count;
    const struct pe_import *imp = pe_imports(img, &count);

    for (size_t i = 0; i < count; i++) {
        PP_ASSERT(imp[i].module[0]);
        PP_ASSERT(!imp[i].name || imp[i].name[0]);
        PP_ASSERT(pe_contains(img, imp[i].slot_rva, 8));
        PP_ASSERT(pe_import_at(img, imp[i].slot_rva)->slot_rva == imp[i].slot_rva);
        sink += strlen(imp[i].module) + (imp[i].name ? strlen(imp[i].name) : 0);
    }
}

static void check_exports(const struct pe_image *img)
{
    struct pe_export e;

    for (uint32_t i = 0; i < pe_image_info(img)->export_count; i++)
        if (pe_export_at(img, i, &e) == 0)
            PP_ASSERT(e.forwarder ? e.rva == 0 : e.rva < pe_image_info(img)->image_size);
    (void)pe_export_by_name(img, "Alpha", &e);
    (void)pe_export_by_name(img, "", &e);
}

static void check_functions(const struct pe_image *img)
{
    for (uint32_t i = 0; i < pe_image_info(img)->function_count; i++) {
        struct pe_function f = pe_function_at(img, i);
        int64_t found = pe_find_function(img, f.begin);

        PP_ASSERT(found >= -1 && found < pe_image_info(img)->function_count);
        if (found >= 0) {
            f = pe_function_at(img, (uint32_t)found);
            PP_ASSERT(f.begin < f.end && f.end <= pe_image_info(img)->image_size);
        }
    }
}

static void check_loads(const struct pe_image *img)
{
    static const uint32_t probes[] = {0, 1, 0xFFF, 0x1000, 0x7FFFFFFF, 0xFFFFFFF9, 0xFFFFFFFF};
    uint32_t size = pe_image_info(img)->image_size;

    for (size_t i = 0; i < PP_COUNT(probes); i++)
        sink += pe_u64(img, probes[i]) + pe_u8(img, size - probes[i]) + pe_u32(img, size - 2);
}

static void check_code(const struct pe_image *img)
{
    struct pe_code *code;
    uint64_t end = 0;

    if (pe_code_walk(img, &code))
        return;
    for (size_t i = 0; i < code->block_count; i++) {
        const struct pe_block *b = &code->blocks[i];
        const struct pe_section *s = pe_section_at(img, b->rva);

        PP_ASSERT(b->rva >= end && b->size > 0);
        end = (uint64_t)b->rva + b->size;
        PP_ASSERT(s && s->prot & PE_EXEC && end <= (uint64_t)s->rva + s->raw_size);
    }
    for (size_t i = 0; i < code->name_count; i++)
        PP_ASSERT(memchr(code->names[i].text, 0, sizeof code->names[i].text));
    pe_code_free(code);
}

static void count_reloc(uint32_t rva, void *arg)
{
    PP_ASSERT(pe_contains(arg, rva, 8));
    sink++;
}

static void check_mapping(const struct pe_image *img)
{
    uint32_t size = pe_image_info(img)->image_size;
    uint8_t *m;
    int err;

    if (size > MAP_MAX)
        return;
    m = calloc(1, size);
    if (!m)
        return;
    PP_ASSERT(pe_image_map(img, m, size) == 0);
    err = pe_image_relocate(img, m, 0x4C0000000000ull);
    PP_ASSERT(err == 0 || (err == -ENOEXEC && pe_image_info(img)->is_fixed));
    free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pe_image *img;
    char why[PE_WHY_SIZE];
    int err = pe_image_parse(data, size, &img, why);

    if (err) {
        PP_ASSERT(err == -ENOMEM || (why[0] && !strchr(why, '\n')));
        return 0;
    }
    check_sections(img);
    check_imports(img);
    check_exports(img);
    check_functions(img);
    check_loads(img);
    pe_relocs_each(img, count_reloc, img);
    check_mapping(img);
    check_code(img);
    pe_image_free(img);
    return 0;
}
