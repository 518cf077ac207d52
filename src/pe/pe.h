/*
 * Driver images: bytes in, checked structures out. Pure: no system call, nothing is executed.
 *
 * An image is hostile. Everything is read through checked accessors (pe_u32 and its siblings); a
 * table that leads outside the file makes pe_image_parse() fail with one line of prose. The parsed
 * image keeps a pointer to the caller's bytes and reads them, so the answers stay true whatever a
 * driver later does to its mapped copy. No global state: any thread, one thread per image.
 *
 * An "rva" is an offset from the image base once mapped; 0 means "none" where a field may be
 * absent.
 *
 * Doc: Microsoft, PE Format (learn.microsoft.com/windows/win32/debug/pe-format).
 */
#ifndef POOLPROOF_PE_PE_H
#define POOLPROOF_PE_PE_H

#include "base/base.h"

#define PE_WHY_SIZE 200u
/* A larger image is refused: no driver comes near, and sizes stay far from 32-bit overflow. */
#define PE_IMAGE_MAX (512u << 20)

struct pe_image;

enum pe_prot {
    PE_READ = 1u << 0,
    PE_WRITE = 1u << 1,
    PE_EXEC = 1u << 2,
};

struct pe_section {
    char name[9];
    uint32_t rva;
    uint32_t size;       /* bytes in memory (the raw size where the header says 0) */
    uint32_t raw_offset; /* in the file */
    uint32_t raw_size;   /* bytes of the file that end up in memory */
    uint32_t flags;      /* IMAGE_SCN_* as in the header */
    unsigned prot;       /* enum pe_prot, from the flags */
    bool is_discardable; /* INIT: gone once DriverEntry has returned (also .reloc) */
    bool is_pageable;    /* named PAGE* or .edata */
};

struct pe_info {
    uint64_t preferred_base;
    uint32_t image_size; /* bytes; what pe_image_map() needs; not always a multiple of a page */
    uint32_t headers_size;
    uint32_t entry_rva; /* 0: none (an export driver) */
    uint32_t section_align;
    uint32_t file_align;
    uint32_t timestamp;
    uint32_t checksum;
    uint16_t os_major, os_minor;
    uint16_t linker_major, linker_minor;
    uint16_t characteristics;     /* IMAGE_FILE_* */
    uint16_t dll_characteristics; /* IMAGE_DLLCHARACTERISTICS_* */
    bool is_dll;                  /* an export driver */
    bool is_fixed;                /* relocations stripped: only preferred_base will do */
    bool has_relocs;
    bool has_bound_imports;
    bool has_delay_imports;
    bool has_certificate;
    /* Debug directory: CodeView record. */
    const char *pdb_path; /* NULL without one; control characters replaced */
    uint8_t pdb_guid[16];
    uint32_t pdb_age;
    /* Load configuration; each rva 0 when absent. Cookie and guard slots lie wholly inside the
     * image. */
    uint32_t cookie_rva;         /* 8 bytes: __security_cookie */
    uint32_t guard_check_rva;    /* 8 bytes: pointer to the check routine, target in rcx */
    uint32_t guard_dispatch_rva; /* 8 bytes: pointer to the dispatch routine, target in rax */
    uint32_t guard_flags;
    uint32_t function_count; /* .pdata entries */
    uint32_t pdata_rva;
    uint32_t export_count; /* entries of the address table, holes included */
    /* Version resource, UTF-8; "" when absent. */
    char company[64], product[64], description[96], file_version[40];
};

/*
 * Check and index an image that lies in memory. `bytes` must stay in place and unchanged until
 * pe_image_free().
 *
 * Returns 0, -ENOEXEC (not a driver image we can load; `why` holds one line that says what is
 * wrong, without the file's name and without a full stop) or -ENOMEM.
 */
int pe_image_parse(const uint8_t *bytes, size_t size, struct pe_image **ret, char why[PE_WHY_SIZE]);
void pe_image_free(struct pe_image *img);

const struct pe_info *pe_image_info(const struct pe_image *img);
/* Ascending by rva, never overlapping. */
const struct pe_section *pe_sections(const struct pe_image *img, size_t *ret_count);
/* The section that holds `rva`, or NULL (headers, gaps, outside). */
const struct pe_section *pe_section_at(const struct pe_image *img, uint32_t rva);

/* Checked loads from the image as the file has it, unrelocated; memory behind the raw data of a
 * section reads as zero, and so does everything outside the image. */
uint8_t pe_u8(const struct pe_image *img, uint32_t rva);
uint16_t pe_u16(const struct pe_image *img, uint32_t rva);
uint32_t pe_u32(const struct pe_image *img, uint32_t rva);
uint64_t pe_u64(const struct pe_image *img, uint32_t rva);
/* The file's bytes at `rva` up to the end of that section's raw data; NULL when there are none. */
const uint8_t *pe_span(const struct pe_image *img, uint32_t rva, size_t *ret_size);
/* The NUL-terminated string at `rva`, at most `max` characters long, in the file; else NULL. */
const char *pe_string(const struct pe_image *img, uint32_t rva, size_t max);
bool pe_contains(const struct pe_image *img, uint32_t rva, uint32_t size);

/*
 * Lay out headers and sections in `dest` (zeroed, writable, pe_info.image_size bytes or more).
 * Returns 0 or -EINVAL (dest too small).
 */
int pe_image_map(const struct pe_image *img, void *dest, size_t dest_size);

/*
 * Apply the relocations to a mapped image that will run at `new_base` (an image without relocation
 * directory needs none). `mapped` is what pe_image_map() filled, still writable.
 * Returns 0 or -ENOEXEC (is_fixed and new_base differs from preferred_base).
 */
int pe_image_relocate(const struct pe_image *img, void *mapped, uint64_t new_base);

/* Call `fn` for every 8-byte pointer in the image that is relocated (DIR64). */
void pe_relocs_each(const struct pe_image *img, void (*fn)(uint32_t rva, void *arg), void *arg);

enum pe_import_kind {
    PE_IMPORT_PLAIN,
    PE_IMPORT_DELAY, /* resolved at first call on Windows; the slot holds a pointer into the image
                      */
};

struct pe_import {
    const char *module; /* as spelt in the file, e.g. "ntoskrnl.exe"; printable ASCII */
    const char *name;   /* likewise; NULL: by ordinal */
    uint16_t ordinal;   /* when name is NULL */
    uint16_t hint;
    enum pe_import_kind kind;
    uint32_t slot_rva; /* 8 bytes: the address-table entry to fill */
};

/* All imports in the order of the file: plain ones first, then delayed ones. */
const struct pe_import *pe_imports(const struct pe_image *img, size_t *ret_count);
/* The import whose slot is at `rva`, or NULL. */
const struct pe_import *pe_import_at(const struct pe_image *img, uint32_t rva);

struct pe_export {
    const char *name; /* NULL: exported by ordinal only (or found by ordinal) */
    uint32_t ordinal;
    uint32_t rva;          /* 0 for a forwarder */
    const char *forwarder; /* "MODULE.Name" or "MODULE.#12", else NULL */
};

/* Look an export up. Return 0 or -ENOENT. */
int pe_export_by_name(const struct pe_image *img, const char *name, struct pe_export *ret);
int pe_export_by_ordinal(const struct pe_image *img, uint32_t ordinal, struct pe_export *ret);
/* Entry `index` of the address table, below pe_info.export_count (no name). -ENOENT for a hole. */
int pe_export_at(const struct pe_image *img, uint32_t index, struct pe_export *ret);

/* A RUNTIME_FUNCTION of .pdata. */
struct pe_function {
    uint32_t begin, end; /* rva, half open */
    uint32_t unwind;     /* rva of the unwind information */
};

/* Entry `index`, below pe_info.function_count. */
struct pe_function pe_function_at(const struct pe_image *img, uint32_t index);
/* The index of the entry that covers `rva`, or -1 (a leaf function, or no code). Binary search. */
int64_t pe_find_function(const struct pe_image *img, uint32_t rva);

/* ---- What the code says (pe_code.c): nothing is executed. ---- */

/* A basic block: entered only at its first instruction. */
struct pe_block {
    uint32_t rva;
    uint32_t size; /* bytes, up to the end of its last instruction */
};

struct pe_ioctl {
    uint32_t code;
    uint32_t rva;    /* of the comparison or table jump that told */
    bool is_certain; /* compared with a stack location's control code; else only shaped like one */
};

enum pe_name_kind {
    PE_NAME_DEVICE,   /* \Device\... */
    PE_NAME_LINK,     /* \DosDevices\..., \??\..., \GLOBAL??\... */
    PE_NAME_ROUTINE,  /* looks like a kernel routine asked for by MmGetSystemRoutineAddress */
    PE_NAME_HARDWARE, /* hardware ID, PCI\VEN_8086&DEV_1234, perhaps with a wildcard at its end */
};

enum { PE_NAME_SIZE = 104 };
struct pe_name {
    enum pe_name_kind kind;
    uint32_t rva;
    char text[PE_NAME_SIZE];
};

struct pe_tag {
    uint32_t tag; /* first character in the low byte */
    uint32_t rva; /* of one call that uses it, or of the constant */
    uint32_t uses;
    bool is_certain; /* the operand of a call; else a constant shaped like a tag, in a driver that
                      * has calls whose tag could not be followed */
};

enum pe_const_kind {
    PE_CONST_KUSER,       /* inside KUSER_SHARED_DATA, 0xFFFFF78000000000 */
    PE_CONST_COMPARED,    /* an upper-half address that something is compared with */
    PE_CONST_USER_LIMIT,  /* compared with the top of Windows' user space, 0x7FFF_FFFx_xxxx */
    PE_CONST_PAGE_TABLES, /* the fixed page-table window of old Windows, 0xFFFFF680_... */
    PE_CONST_OTHER,       /* some other upper-half number, perhaps an address */
};

struct pe_const {
    enum pe_const_kind kind;
    uint64_t value;
    uint32_t rva;
};

enum pe_insn_kind {
    PE_INSN_CR8_READ,
    PE_INSN_CR8_WRITE,
    PE_INSN_CR, /* cr0, cr2, cr3, cr4, clts, lmsw */
    PE_INSN_DR,
    PE_INSN_IN, /* ins too */
    PE_INSN_OUT,
    PE_INSN_RDMSR,
    PE_INSN_WRMSR,
    PE_INSN_RDPMC,
    PE_INSN_CLI_STI,
    PE_INSN_HLT,
    PE_INSN_FAST_FAIL, /* int 29h */
    PE_INSN_ASSERT,    /* int 2Ch */
    PE_INSN_BREAK,     /* int 3 reached by control flow */
    PE_INSN_INT,       /* any other int */
    PE_INSN_SYSCALL,   /* syscall, sysenter: none of a driver's business */
    PE_INSN_TABLES,    /* lgdt, sidt, str, ... */
    PE_INSN_VMX,
    PE_INSN_RETURN, /* iretq, sysret, swapgs */
    PE_INSN_CACHE,  /* wbinvd, invd, invlpg */
    PE_INSN_SMAP,   /* stac, clac */
    PE_INSN_FLAGS,  /* pushfq, popfq */
    PE_INSN_TSC,    /* rdtsc, rdtscp */
    PE_INSN_CPUID,
    PE_INSN_GS, /* any access through gs */
    PE_INSN_KIND_COUNT,
};

/* An instruction that means something else in user mode. */
struct pe_insn {
    uint32_t rva;
    uint8_t kind; /* enum pe_insn_kind */
    uint8_t size;
};

/* Routines stored into the driver object by code that could be followed; 0 when unknown. */
struct pe_dispatch {
    uint32_t major[28]; /* rva, by IRP_MJ_* */
    uint32_t unload, start_io, add_device;
};

struct pe_code {
    struct pe_block *blocks; /* ascending; leaders are safe places for a one-shot int3 */
    size_t block_count;
    uint32_t instruction_count; /* in these blocks */
    struct pe_ioctl *ioctls;    /* ascending by code */
    size_t ioctl_count;
    struct pe_name *names; /* ascending by rva */
    size_t name_count;
    struct pe_tag *tags; /* ascending by tag */
    size_t tag_count;
    struct pe_const *consts; /* ascending by rva */
    size_t const_count;
    struct pe_insn *insns; /* ascending by rva */
    size_t insn_count;
    struct pe_dispatch dispatch;
};

/*
 * Follow the control flow from the entry point, .pdata and exports, and collect what the code
 * reveals. Linear in the size of the image; a few milliseconds per 100 kB of code. Returns 0 or
 * -ENOMEM.
 */
int pe_code_walk(const struct pe_image *img, struct pe_code **ret);
void pe_code_free(struct pe_code *code);
/* The hardware ID that the driver's device most likely has, out of those that its strings name.
 * False: none. Without a walk, linear in the size of the image. */
bool pe_hardware_id(const struct pe_image *img, char ret[PE_NAME_SIZE]);
/* Short name of an instruction kind: "mov from cr8", "in", ... */
const char *pe_insn_kind_name(enum pe_insn_kind kind);

#endif
