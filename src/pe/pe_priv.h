/* Shared by the files of src/pe only. */
#ifndef POOLPROOF_PE_PRIV_H
#define POOLPROOF_PE_PRIV_H

#include "pe/pe.h"

enum pe_dir_index {
    PE_DIR_EXPORT = 0,
    PE_DIR_IMPORT = 1,
    PE_DIR_RESOURCE = 2,
    PE_DIR_EXCEPTION = 3,
    PE_DIR_SECURITY = 4,
    PE_DIR_RELOC = 5,
    PE_DIR_DEBUG = 6,
    PE_DIR_TLS = 9,
    PE_DIR_LOAD_CONFIG = 10,
    PE_DIR_BOUND_IMPORT = 11,
    PE_DIR_DELAY_IMPORT = 13,
    PE_DIR_CLR = 14,
    PE_DIR_COUNT = 16,
};

/* Doc: PE Format, "Section Flags". */
enum pe_section_flag {
    PE_SCN_CODE = 0x00000020,
    PE_SCN_DISCARDABLE = 0x02000000,
    PE_SCN_EXECUTE = 0x20000000,
    PE_SCN_READ = 0x40000000,
    PE_SCN_WRITE = 0x80000000,
};

struct pe_dir {
    uint32_t rva, size;
};

struct pe_image {
    const uint8_t *bytes;
    size_t size;
    struct pe_info info;
    char pdb_path[1024]; /* what info.pdb_path points to */
    struct pe_dir dirs[PE_DIR_COUNT];
    struct pe_section *sections;
    size_t section_count;
    struct pe_import *imports;
    uint32_t *imports_by_slot; /* indices into imports, ascending by slot_rva */
    size_t import_count, import_room;
    struct pe_export_table {
        uint32_t base, function_count, name_count;
        uint32_t functions, names, ordinals; /* rva of the three tables */
    } exports;
};

/* Writes the reason and returns -ENOEXEC. */
int pe_refuse(char *why, const char *fmt, ...) PP_PRINTF(2, 3);

/* pe_imports.c, pe_tables.c, pe_version.c: each indexes its directories; 0, -ENOEXEC or -ENOMEM. */
int pe_imports_index(struct pe_image *img, char *why);
int pe_exports_index(struct pe_image *img, char *why);
int pe_pdata_index(struct pe_image *img, char *why);
int pe_relocs_check(const struct pe_image *img, char *why);
/* What is only informative never refuses an image. */
void pe_debug_index(struct pe_image *img);
void pe_load_config_index(struct pe_image *img);
void pe_version_index(struct pe_image *img);

/* UTF-16 at `rva` to UTF-8, up to a NUL, `max_units` units or a full buffer; always terminated. */
void pe_utf8(const struct pe_image *img, uint32_t rva, uint32_t max_units, char *buf, size_t size);

#endif
