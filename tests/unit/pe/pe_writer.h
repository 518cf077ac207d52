/*
 * Writes small driver images into memory, for the tests of src/pe and as seeds for fuzzing. A fresh
 * image is correct; a test then spoils one thing.
 */
#ifndef POOLPROOF_TESTS_PE_WRITER_H
#define POOLPROOF_TESTS_PE_WRITER_H

#include <stddef.h>
#include <stdint.h>

enum {
    PW_NT = 0x40,           /* file offset of the PE signature */
    PW_OPT = PW_NT + 24,    /* optional header */
    PW_DIRS = PW_OPT + 112, /* data directories */
    PW_SECTIONS = PW_OPT + 240,
    PW_HEADERS = 0x400,
    PW_FILE_MAX = 0x10000,

    PW_CODE = 0x68000020, /* section flags: not paged, execute, read, code */
    PW_RDATA = 0x48000040,
    PW_DATA = 0xC8000040,
    PW_INIT =
        0xE2000020, /* as old linkers make it: discardable, and writable and executable at once */
    PW_PAGE = 0x60000020,
    PW_RELOC = 0x42000040,
};

#define PW_BASE 0x140000000ull

struct pw {
    uint8_t file[PW_FILE_MAX];
    size_t size;
    uint32_t align;
    unsigned sections;
    uint32_t next_rva;
};

/* Headers only. `align` 0x1000, or less than a page: then the file is laid out like memory. */
void pw_init(struct pw *w, uint32_t align);
/* Append a section with `raw` bytes in the file and `size` in memory; returns its rva. */
uint32_t pw_section(struct pw *w, const char *name, uint32_t size, uint32_t raw, uint32_t flags);
/* Where the file has `rva`. */
uint8_t *pw_p(struct pw *w, uint32_t rva);
void pw_copy(struct pw *w, uint32_t rva, const void *bytes, size_t size);
void pw_string(struct pw *w, uint32_t rva, const char *s);
/* UTF-16, NUL-terminated. */
void pw_wide(struct pw *w, uint32_t rva, const char *s);
void pw_put16(struct pw *w, uint32_t rva, uint16_t v);
void pw_put32(struct pw *w, uint32_t rva, uint32_t v);
void pw_put64(struct pw *w, uint32_t rva, uint64_t v);
/* The same by file offset, for headers. */
void pw_header16(struct pw *w, size_t offset, uint16_t v);
void pw_header32(struct pw *w, size_t offset, uint32_t v);
void pw_header64(struct pw *w, size_t offset, uint64_t v);
void pw_dir(struct pw *w, unsigned index, uint32_t rva, uint32_t size);

/* Where pw_driver() puts things: rva of tables and of what they hold. */
enum {
    PW_TEXT = 0x1000,
    PW_TEXT_ENTRY = PW_TEXT,
    PW_RD = 0x3000,
    PW_RD_IMPORTS = PW_RD,      /* two modules */
    PW_RD_NAMES = PW_RD + 0x80, /* lookup tables */
    PW_RD_IAT = PW_RD + 0x100,  /* slots: 4 + end + 1 */
    PW_RD_DEBUG = PW_RD + 0x200,
    PW_RD_CONFIG = PW_RD + 0x280,
    PW_RD_EXPORTS = PW_RD + 0x380,
    PW_RD_DELAY = PW_RD + 0x480,
    PW_RD_UNWIND = PW_RD + 0x580,
    PW_RD_WIDE = PW_RD + 0x600,   /* UTF-16 names */
    PW_RD_TABLES = PW_RD + 0x800, /* jump tables */
    PW_RD_STRINGS = PW_RD + 0xA00,
    PW_DT = 0x4000,
    PW_DT_COOKIE = PW_DT,
    PW_DT_GUARD_CHECK = PW_DT + 8,
    PW_DT_GUARD_DISPATCH = PW_DT + 16,
    PW_DT_POINTER = PW_DT + 24, /* relocated, to PW_TEXT_ENTRY */
    PW_PD = 0x6000,             /* .pdata */
    PW_PAGED = 0x7000,
    PW_INIT_RVA = 0x8000,
    PW_RSRC = 0x9000,
    PW_REL = 0xA000,
};

/* A driver with every table there is, and `code` (as it lies at PW_TEXT) with `functions` [count]
 * of it. */
struct pw_function {
    uint32_t begin, end;
};
void pw_driver(struct pw *w, const void *code, size_t code_size,
               const struct pw_function *functions, unsigned count);

#endif
