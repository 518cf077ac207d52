/* What a good image tells: sections, tables, mapping, relocation. */
#include "fixture.h"

#include <stdlib.h>

static struct pw w;

static void sample(void)
{
    sample_write(&w);
}

TestSuite(images, .init = sample);

Test(images, headers)
{
    struct pe_image *img = accept(&w);
    const struct pe_info *info = pe_image_info(img);

    cr_assert_eq(info->preferred_base, PW_BASE);
    cr_assert_eq(info->image_size, PW_REL + 0x1000);
    cr_assert_eq(info->headers_size, 0x400);
    cr_assert_eq(info->entry_rva, PW_TEXT_ENTRY);
    cr_assert_eq(info->timestamp, 0x5F000000);
    cr_assert_eq(info->os_major, 10);
    cr_assert_eq(info->linker_major, 14);
    cr_assert(info->has_relocs && !info->is_fixed && !info->is_dll);
    cr_assert(info->has_delay_imports && !info->has_bound_imports && !info->has_certificate);
    cr_assert_str_eq(info->pdb_path, "c:\\src\\sample.pdb");
    cr_assert_arr_eq(info->pdb_guid, "0123456789abcdef", 16);
    cr_assert_eq(info->pdb_age, 3);
    cr_assert_eq(info->cookie_rva, PW_DT_COOKIE);
    cr_assert_eq(info->guard_check_rva, PW_DT_GUARD_CHECK);
    cr_assert_eq(info->guard_dispatch_rva, PW_DT_GUARD_DISPATCH);
    cr_assert_eq(info->guard_flags, 0x500);
    cr_assert_str_eq(info->company, "Sample Company");
    cr_assert_str_eq(info->file_version, "1.2.3.4");
    cr_assert_str_eq(info->product, "");
    pe_image_free(img);
}

Test(images, sections)
{
    struct pe_image *img = accept(&w);
    size_t count;
    const struct pe_section *s = pe_sections(img, &count);

    cr_assert_eq(count, 8);
    cr_assert_str_eq(s[0].name, ".text");
    cr_assert_eq(s[0].prot, PE_READ | PE_EXEC);
    cr_assert(!s[0].is_discardable && !s[0].is_pageable);
    cr_assert_eq(s[2].prot, PE_READ | PE_WRITE);
    cr_assert_eq(s[2].size, 0x1100);
    cr_assert_eq(s[2].raw_size, 0x200);
    cr_assert(s[4].is_pageable);
    cr_assert_eq(s[5].prot, PE_READ | PE_WRITE | PE_EXEC);
    cr_assert(s[5].is_discardable);
    cr_assert_eq(pe_section_at(img, PW_DT), &s[2]);
    cr_assert_eq(pe_section_at(img, PW_DT + 0x10FF), &s[2]);
    cr_assert_null(pe_section_at(img, PW_DT + 0x1100));
    cr_assert_null(pe_section_at(img, 0x10));
    cr_assert_null(pe_section_at(img, 0xFFFFFFFF));
    pe_image_free(img);
}

Test(images, loads_are_checked)
{
    struct pe_image *img = accept(&w);
    size_t have;

    cr_assert_eq(pe_u16(img, 0), 0x5A4D);
    cr_assert_eq(pe_u64(img, PW_DT_COOKIE), 0x00002B992DDFA232ull);
    cr_assert_eq(pe_u32(img, PW_DT + 0x1000), 0); /* behind the file's data */
    cr_assert_eq(pe_u64(img, 0xFFFFFFFC), 0);
    cr_assert_eq(pe_u8(img, 0x900), 0); /* between headers and first section */
    w.file[0] = 0;
    *pw_p(&w, PW_DT + 0x1FF) = 0x77;
    pe_image_free(img);
    w.file[0] = 'M';
    img = accept(&w);
    cr_assert_eq(pe_u64(img, PW_DT + 0x1FF), 0x77); /* half in the file, half not */
    cr_assert_null(pe_span(img, PW_DT + 0x200, &have));
    cr_assert_not_null(pe_span(img, PW_DT + 0x1FF, &have));
    cr_assert_eq(have, 1);
    cr_assert_null(pe_string(img, PW_DT + 0x1FF, 100)); /* no NUL in the file */
    cr_assert_str_eq(pe_string(img, PW_RD_STRINGS, 12), "ntoskrnl.exe");
    cr_assert_null(pe_string(img, PW_RD_STRINGS, 11));
    pe_image_free(img);
}

Test(images, mapping_and_relocation)
{
    struct pe_image *img = accept(&w);
    size_t size = pe_image_info(img)->image_size;
    uint8_t *m = calloc(1, size);
    const uint64_t base = 0x4C0000000000ull;

    cr_assert_eq(pe_image_map(img, m, size - 1), -EINVAL);
    cr_assert_eq(pe_image_map(img, m, size), 0);
    cr_assert_arr_eq(m + PW_TEXT, sample_code, sample_code_end - sample_code);
    cr_assert_eq(pp_load64(m + PW_DT_POINTER), PW_BASE + PW_TEXT_ENTRY);
    cr_assert_eq(pe_image_relocate(img, m, PW_BASE), 0);
    cr_assert_eq(pp_load64(m + PW_DT_POINTER), PW_BASE + PW_TEXT_ENTRY);
    cr_assert_eq(pe_image_relocate(img, m, base), 0);
    cr_assert_eq(pp_load64(m + PW_DT_POINTER), base + PW_TEXT_ENTRY);
    cr_assert_eq(pp_load64(m + PW_RD_CONFIG + 0x58), base + PW_DT_COOKIE);
    free(m);
    pe_image_free(img);
}

/* Relocate one field of `type` that holds `value` by `delta`; returns the 8 bytes there. */
static uint64_t relocated(uint16_t type, uint16_t low, uint64_t value, uint64_t delta)
{
    struct pe_image *img;
    uint8_t *m;
    uint64_t result;

    sample();
    pw_put64(&w, PW_DT + 0x80, value);
    pw_put32(&w, PW_REL + 4, 12);
    pw_put16(&w, PW_REL + 8, (uint16_t)(type << 12 | 0x80));
    pw_put16(&w, PW_REL + 10, low);
    pw_dir(&w, 5, PW_REL, 12);
    img = accept(&w);
    m = calloc(1, pe_image_info(img)->image_size);
    pe_image_map(img, m, pe_image_info(img)->image_size);
    cr_assert_eq(pe_image_relocate(img, m, PW_BASE + delta), 0);
    result = pp_load64(m + PW_DT + 0x80);
    free(m);
    pe_image_free(img);
    return result;
}

Test(images, relocation_types)
{
    const uint64_t v = 0x1122334455667788ull, d = 0x0000300000A98765ull;

    cr_assert_eq(relocated(0, 0, v, d), v);
    cr_assert_eq(relocated(1, 0, v, d), (v & ~0xFFFFull) | ((0x77880000u + (uint32_t)d) >> 16));
    cr_assert_eq(relocated(2, 0, v, d), (v & ~0xFFFFull) | ((0x7788 + 0x8765) & 0xFFFF));
    cr_assert_eq(relocated(3, 0, v, d), (v & ~0xFFFFFFFFull) | (uint32_t)(v + d));
    cr_assert_eq(relocated(10, 0, v, d), v + d);
    /* 0x7788 is the high half of 0x77880000 + 0xFFFFF000 (signed low half); rounded to nearest. */
    cr_assert_eq(relocated(4, 0xF000, v, d),
                 (v & ~0xFFFFull) |
                     ((0x77880000u + 0xFFFFF000u + (uint32_t)d + 0x8000) >> 16 & 0xFFFF));
}

Test(images, without_relocations)
{
    struct pe_image *img;
    uint8_t *m;

    pw_dir(&w, 5, 0, 0);
    img = accept(&w);
    m = calloc(1, pe_image_info(img)->image_size);
    cr_assert(!pe_image_info(img)->has_relocs && !pe_image_info(img)->is_fixed);
    cr_assert_eq(pe_image_map(img, m, pe_image_info(img)->image_size), 0);
    cr_assert_eq(pe_image_relocate(img, m, 0x4C0000000000ull), 0);
    pe_image_free(img);
    pw_header16(&w, PW_NT + 22, 0x0023); /* stripped: this one address only */
    img = accept(&w);
    cr_assert(pe_image_info(img)->is_fixed);
    cr_assert_eq(pe_image_relocate(img, m, PW_BASE), 0);
    cr_assert_eq(pe_image_relocate(img, m, 0x4C0000000000ull), -ENOEXEC);
    pe_image_free(img);
    free(m);
}

Test(images, flat_layouts)
{
    static const uint32_t aligns[] = {0x20, 0x80, 0x200};

    for (size_t i = 0; i < PP_COUNT(aligns); i++) {
        struct pe_image *img;
        uint8_t *m;
        uint32_t text, data;

        pw_init(&w, aligns[i]);
        text = pw_section(&w, ".text", aligns[i], aligns[i], PW_CODE);
        data = pw_section(&w, ".data", 2 * aligns[i], aligns[i], PW_DATA);
        *pw_p(&w, text) = 0xC3;
        *pw_p(&w, data) = 0x5A;
        img = accept(&w);
        m = calloc(1, pe_image_info(img)->image_size);
        cr_assert_eq(pe_image_map(img, m, pe_image_info(img)->image_size), 0);
        cr_assert_eq(m[text], 0xC3);
        cr_assert_eq(m[data], 0x5A);
        cr_assert_lt(data - text, 0x1000);
        free(m);
        pe_image_free(img);
    }
}

Test(images, oddities_that_load)
{
    struct pe_image *img;

    pw_header32(&w, PW_OPT + 64, 0xBAD); /* the checksum is nobody's business here */
    pw_dir(&w, 4, 0x7FFF0000, 0x1000);   /* a certificate table is not even looked at */
    pw_dir(&w, 11, 0x250, 8);
    w.file[PW_SECTIONS + 1] = 0x07; /* in a section's name */
    img = accept(&w);
    cr_assert_eq(pe_image_info(img)->checksum, 0xBAD);
    cr_assert(pe_image_info(img)->has_certificate && pe_image_info(img)->has_bound_imports);
    cr_assert_str_eq(pe_section_at(img, PW_TEXT)->name, ".?ext");
    pe_image_free(img);
    sample();
    pw_header16(&w, PW_NT + 22, 0x2022); /* an export driver needs no entry point */
    pw_header32(&w, PW_OPT + 16, 0);
    img = accept(&w);
    cr_assert(pe_image_info(img)->is_dll);
    pe_image_free(img);
    sample();
    pw_put64(&w, PW_RD_CONFIG + 0x58, 0x1234); /* a cookie outside is no cookie */
    img = accept(&w);
    cr_assert_eq(pe_image_info(img)->cookie_rva, 0);
    pe_image_free(img);
}

Test(images, imports)
{
    struct pe_image *img = accept(&w);
    size_t count;
    const struct pe_import *imp = pe_imports(img, &count);

    cr_assert_eq(count, 6);
    cr_assert_str_eq(imp[0].module, "ntoskrnl.exe");
    cr_assert_str_eq(imp[0].name, "ExAllocatePoolWithTag");
    cr_assert_eq(imp[0].hint, 100);
    cr_assert_eq(imp[0].slot_rva, PW_RD_IAT);
    cr_assert_null(imp[3].name);
    cr_assert_eq(imp[3].ordinal, 77);
    cr_assert_str_eq(imp[4].module, "HAL.dll");
    cr_assert_str_eq(imp[4].name, "KeStallExecutionProcessor");
    cr_assert_eq(imp[4].kind, PE_IMPORT_PLAIN);
    cr_assert_str_eq(imp[5].module, "later.sys");
    cr_assert_str_eq(imp[5].name, "LaterCall");
    cr_assert_eq(imp[5].kind, PE_IMPORT_DELAY);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(pe_import_at(img, imp[i].slot_rva), &imp[i]);
    cr_assert_null(pe_import_at(img, PW_RD_IAT + 4));
    cr_assert_null(pe_import_at(img, 0));
    pe_image_free(img);
}

Test(images, exports)
{
    struct pe_image *img = accept(&w);
    struct pe_export e;

    cr_assert_eq(pe_image_info(img)->export_count, 4);
    cr_assert_eq(pe_export_by_name(img, "Alpha", &e), 0);
    cr_assert_eq(e.rva, PW_TEXT);
    cr_assert_eq(e.ordinal, 5);
    cr_assert_null(e.forwarder);
    cr_assert_eq(pe_export_by_name(img, "Beta", &e), 0);
    cr_assert_eq(e.rva, 0);
    cr_assert_str_eq(e.forwarder, "NTOSKRNL.ZwClose");
    cr_assert_eq(pe_export_by_name(img, "Gamma", &e), -ENOENT);
    cr_assert_eq(pe_export_by_ordinal(img, 8, &e), 0);
    cr_assert_eq(e.rva, PW_DT);
    cr_assert_eq(pe_export_by_ordinal(img, 6, &e), -ENOENT); /* a hole */
    cr_assert_eq(pe_export_by_ordinal(img, 4, &e), -ENOENT);
    cr_assert_eq(pe_export_by_ordinal(img, 9, &e), -ENOENT);
    pe_image_free(img);
}

Test(images, functions)
{
    struct pe_image *img;

    pw_put32(&w, PW_PD + 12 * 4 + 4, 0x100000); /* this one ends nowhere */
    img = accept(&w);
    cr_assert_eq(pe_image_info(img)->function_count, 6);
    cr_assert_eq(pe_find_function(img, PW_TEXT), 0);
    cr_assert_eq(pe_find_function(img, SAMPLE_RVA(chain)), 1);
    cr_assert_eq(pe_find_function(img, SAMPLE_RVA(chain_end) - 1), 1);
    cr_assert_eq(pe_find_function(img, SAMPLE_RVA(chain_end)), -1);
    cr_assert_eq(pe_find_function(img, SAMPLE_RVA(stack_location)), -1);
    cr_assert_eq(pe_find_function(img, SAMPLE_RVA(unload)), 3);
    cr_assert_eq(pe_find_function(img, SAMPLE_RVA(framework)), -1);
    cr_assert_eq(pe_find_function(img, 0), -1);
    cr_assert_eq(pe_find_function(img, 0xFFFFFFFF), -1);
    cr_assert_eq(pe_function_at(img, 2).unwind, PW_RD_UNWIND);
    cr_assert_eq(pe_function_at(img, 4).end, 0);
    cr_assert_eq(pe_function_at(img, 6).end, 0);
    pe_image_free(img);
}
