/*
 * System services on memory: the simulated program's address space, sections.
 *
 * Address space: allocations over mm_user_alloc, one guarded block each; committed at once.
 * Sections: of the page file (plain memory), of files of the in-memory file system (a copy, written
 * back at unmapping), and \Device\PhysicalMemory.
 *
 * Doc: WDK, ntifs.h: ZwAllocateVirtualMemory, ZwFreeVirtualMemory; wdm.h: ZwOpenSection,
 * ZwMapViewOfSection, ZwUnmapViewOfSection, ZwCreateSection; "Section Objects and Views".
 */
#include "kernel/kernel_priv.h"

#include <errno.h>
#include <string.h>

#define PAGE_GUARD_BIT 0x100u
#define PAGE_WRITECOMBINE_BIT 0x400u
#define MEM_PHYSICAL_BIT 0x400000u
#define STATUS_MAPPED_FILE_SIZE_ZERO ((NTSTATUS)0xC000011E)
enum { GRANULARITY = 0x10000, REGIONS_MAX = 1024, PROTECTIONS = 0xFF };

enum kind { FREE_SLOT, PRIVATE, VIEW_MEMORY, VIEW_PHYSICAL };

/* What the section object and its views share; views do not count as references of the object. */
struct section {
    uint32_t refs;   /* the object, views */
    uint8_t *shared; /* what every view is a part of; NULL: physical memory */
    uint64_t size;
    ULONG protection, attributes;
    bool is_physical;
    FILE_OBJECT *file; /* referenced */
};

/* The object's body. Drivers have no business in it; `check` tells when one had. */
struct body {
    struct section *section;
    uint64_t check;
    uint64_t pad[6];
};
#define CHECK(s) (KE_ARG(s) ^ 0x6E6F697463655350ull)

static struct {
    struct region {
        enum kind kind;
        uint64_t base, size;
        ULONG protection;
        EPROCESS *process;
        struct section *section; /* counted in its refs */
        uint64_t offset;
        bool is_system; /* MmMapViewInSystemSpace */
    } region[REGIONS_MAX];
} g;

static struct region *region_new(enum kind kind)
{
    for (size_t i = 0; i < REGIONS_MAX; i++)
        if (g.region[i].kind == FREE_SLOT) {
            g.region[i] = (struct region){.kind = kind};
            return &g.region[i];
        }
    return NULL;
}

static struct region *region_at(uint64_t addr)
{
    for (size_t i = 0; i < REGIONS_MAX; i++)
        if (g.region[i].kind != FREE_SLOT && addr >= g.region[i].base &&
            addr < g.region[i].base + g.region[i].size)
            return &g.region[i];
    return NULL;
}

static bool is_protection(ULONG protection)
{
    ULONG base = protection & PROTECTIONS;

    return base && !(base & (base - 1)) && !(protection & ~0x7FFu);
}

/* ---- Private memory ---- */

static NTSTATUS process_check(HANDLE h)
{
    void *process;
    NTSTATUS status = ob_handle_ref(h, ob_type_process, &process);

    if (status)
        return status;
    if (ps_has_exited(process))
        status = STATUS_PROCESS_IS_TERMINATING;
    ob_unref(process);
    return status;
}

/* Doc: commit, reserve, or reset alone; physical needs reserve; top-down is a wish. */
static bool is_allocation(ULONG type)
{
    if (type & ~(MEM_COMMIT | MEM_RESERVE | MEM_RESET | MEM_TOP_DOWN | MEM_PHYSICAL_BIT))
        return false;
    if (type & MEM_RESET)
        return type == MEM_RESET;
    if (type & MEM_PHYSICAL_BIT)
        return type == (MEM_PHYSICAL_BIT | MEM_RESERVE);
    return type & (MEM_COMMIT | MEM_RESERVE);
}

NT_EXPORT NTSTATUS NTAPI ZwAllocateVirtualMemory(HANDLE process, PVOID *base, ULONG_PTR zero_bits,
                                                 PSIZE_T size, ULONG type, ULONG protection)
{
    uint64_t want = KE_ARG(*base), bytes = *size;
    struct region *r;
    void *p;
    NTSTATUS status = process_check(process);

    if (status)
        return status;
    if (zero_bits > 21)
        return STATUS_INVALID_PARAMETER_3;
    if (want >= KE_USER_HIGH)
        return STATUS_INVALID_PARAMETER_2;
    if (!bytes || bytes > KE_USER_HIGH - want)
        return STATUS_INVALID_PARAMETER_4;
    if (!is_allocation(type))
        return STATUS_INVALID_PARAMETER_5;
    if (!is_protection(protection) || protection & 0x88 ||
        (protection & 1 && protection & (PAGE_GUARD_BIT | PAGE_WRITECOMBINE_BIT)))
        return STATUS_INVALID_PAGE_PROTECTION;
    if (bytes > 1u << 30 || zero_bits) /* nothing below 4 GB here */
        return STATUS_NO_MEMORY;
    r = want ? region_at(want) : NULL;
    if (want) {
        /* Committing what is reserved (everything is committed); a place of one's own is refused.
         */
        if (!r || r->kind != PRIVATE || want + bytes > r->base + r->size || type & MEM_RESERVE)
            return STATUS_CONFLICTING_ADDRESSES;
        *base = (PVOID)(uintptr_t)pp_align_down(want, PP_PAGE_SIZE);
        *size = pp_align_up(want + bytes, PP_PAGE_SIZE) - pp_align_down(want, PP_PAGE_SIZE);
        return STATUS_SUCCESS;
    }
    bytes = pp_align_up(bytes, PP_PAGE_SIZE);
    r = region_new(PRIVATE);
    p = r ? mm_user_alloc(bytes) : NULL;
    if (!p) {
        if (r)
            r->kind = FREE_SLOT;
        return STATUS_NO_MEMORY;
    }
    *r = (struct region){.kind = PRIVATE,
                         .base = KE_ARG(p),
                         .size = bytes,
                         .protection = protection,
                         .process = ps_current()};
    *base = p;
    *size = bytes;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ZwFreeVirtualMemory(HANDLE process, PVOID *base, PSIZE_T size, ULONG type)
{
    uint64_t at = KE_ARG(*base), bytes = *size;
    struct region *r;
    NTSTATUS status = process_check(process);

    if (status)
        return status;
    if (type != MEM_RELEASE && type != MEM_DECOMMIT)
        return STATUS_INVALID_PARAMETER_4;
    r = region_at(at);
    if (!r)
        return STATUS_MEMORY_NOT_ALLOCATED;
    if (r->kind != PRIVATE)
        return STATUS_UNABLE_TO_DELETE_SECTION;
    if (type == MEM_RELEASE) {
        if (pp_align_down(at, PP_PAGE_SIZE) != r->base ||
            (bytes && pp_align_up(bytes, PP_PAGE_SIZE) != r->size))
            return bytes ? STATUS_UNABLE_TO_FREE_VM : STATUS_FREE_VM_NOT_AT_BASE;
        *base = (PVOID)(uintptr_t)r->base;
        *size = r->size;
        mm_user_free((void *)(uintptr_t)r->base);
        r->kind = FREE_SLOT;
        return STATUS_SUCCESS;
    }
    /* Decommitted pages read as zeroes when they are committed again. */
    if (!bytes)
        bytes = r->base + r->size - at;
    if (at + bytes > r->base + r->size)
        return STATUS_UNABLE_TO_FREE_VM;
    at = pp_align_down(at, PP_PAGE_SIZE);
    bytes = pp_align_up(KE_ARG(*base) + bytes, PP_PAGE_SIZE) - at;
    memset((void *)(uintptr_t)at, 0, bytes);
    *base = (PVOID)(uintptr_t)at;
    *size = bytes;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ZwFlushVirtualMemory(HANDLE process, PVOID *base, PSIZE_T size,
                                              PIO_STATUS_BLOCK iosb)
{
    struct region *r = region_at(KE_ARG(*base));
    NTSTATUS status = process_check(process);

    if (status)
        return status;
    if (!r || r->kind == PRIVATE)
        return STATUS_NOT_MAPPED_VIEW;
    if (!*size)
        *size = r->base + r->size - KE_ARG(*base);
    iosb->Status = STATUS_SUCCESS;
    iosb->Information = 0;
    return STATUS_SUCCESS;
}

/* Recorded; the pages keep the protection they have (read, write). */
NT_EXPORT NTSTATUS NTAPI ZwProtectVirtualMemory(HANDLE process, PVOID *base, PSIZE_T size,
                                                ULONG protection, PULONG ret_old)
{
    uint64_t at = pp_align_down(KE_ARG(*base), PP_PAGE_SIZE);
    uint64_t bytes = pp_align_up(KE_ARG(*base) + *size, PP_PAGE_SIZE) - at;
    struct region *r = region_at(at);
    NTSTATUS status = process_check(process);

    if (status)
        return status;
    if (!is_protection(protection))
        return STATUS_INVALID_PAGE_PROTECTION;
    if (!r || at + bytes > r->base + r->size)
        return STATUS_NOT_COMMITTED;
    *ret_old = r->protection;
    r->protection = protection;
    *base = (PVOID)(uintptr_t)at;
    *size = bytes;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ZwQueryVirtualMemory(HANDLE process, PVOID base, ULONG kind, PVOID info,
                                              SIZE_T length, PSIZE_T ret_length)
{
    uint64_t at = pp_align_down(KE_ARG(base), PP_PAGE_SIZE);
    const struct region *r = region_at(at);
    MEMORY_BASIC_INFORMATION i = {0};
    NTSTATUS status = process_check(process);

    if (status)
        return status;
    if (kind != MemoryBasicInformation)
        return STATUS_INVALID_INFO_CLASS;
    if (length < sizeof i)
        return STATUS_INFO_LENGTH_MISMATCH;
    if (at >= KE_USER_HIGH)
        return STATUS_INVALID_PARAMETER;
    i.BaseAddress = (PVOID)(uintptr_t)at;
    i.State = MEM_FREE;
    i.Protect = 1; /* PAGE_NOACCESS */
    i.RegionSize = PP_PAGE_SIZE;
    if (r) {
        i.AllocationBase = (PVOID)(uintptr_t)r->base;
        i.AllocationProtect = i.Protect = r->protection;
        i.RegionSize = r->base + r->size - at;
        i.State = MEM_COMMIT;
        i.Type = r->kind == PRIVATE ? MEM_PRIVATE : MEM_MAPPED;
    } else if (mm_is_valid(at)) { /* a buffer of the request */
        while (i.RegionSize < 1u << 24 && mm_is_valid(at + i.RegionSize))
            i.RegionSize += PP_PAGE_SIZE;
        i.AllocationBase = i.BaseAddress;
        i.AllocationProtect = i.Protect = 4;
        i.State = MEM_COMMIT;
        i.Type = MEM_PRIVATE;
    }
    memcpy(info, &i, sizeof i);
    if (ret_length)
        *ret_length = sizeof i;
    return STATUS_SUCCESS;
}

/* ---- Sections ---- */

static struct section *section_of(void *object)
{
    struct body *b = object;

    return ob_is(object, ob_type_section) && b->check == CHECK(b->section) ? b->section : NULL;
}

static void section_put(struct section *s)
{
    FILE_OBJECT *file = s->file;

    if (--s->refs)
        return;
    if (s->shared)
        mm_user_free(s->shared);
    pp_free(s);
    if (file)
        ob_unref(file);
}

static void section_delete(void *object)
{
    struct section *s = section_of(object);

    if (s)
        section_put(s);
}

static void *section_object(struct section *s)
{
    struct body *b = ob_new(ob_type_section, sizeof *b, "Sect");

    b->section = s;
    b->check = CHECK(s);
    return b;
}

/* The whole file into the section's memory. */
static NTSTATUS section_fill(struct section *s)
{
    struct zw_paging p = {.file = s->file, .buffer = s->shared, .size = s->size};
    NTSTATUS status = zw_paging_io(&p, NULL);

    return status == STATUS_END_OF_FILE ? STATUS_SUCCESS : status;
}

static NTSTATUS file_size(FILE_OBJECT *file, uint64_t *ret)
{
    FILE_STANDARD_INFORMATION info = {0};
    NTSTATUS status = zw_query_file(file, FileStandardInformation, &info, sizeof info);

    if (!status)
        *ret = (uint64_t)info.EndOfFile.QuadPart;
    return status;
}

struct new_section {
    const LARGE_INTEGER *size;
    ULONG protection, attributes;
    FILE_OBJECT *file; /* NULL: the page file */
};

static NTSTATUS section_new(const struct new_section *n, void **ret)
{
    uint64_t size = n->size ? (uint64_t)n->size->QuadPart : 0, file_bytes = 0;
    struct section *s;
    NTSTATUS status = STATUS_SUCCESS;

    if (!is_protection(n->protection))
        return STATUS_INVALID_PAGE_PROTECTION;
    if (n->attributes & SEC_IMAGE)
        ke_not_modelled("ZwCreateSection", "SEC_IMAGE");
    if (!(n->attributes & (SEC_COMMIT | SEC_RESERVE)))
        return STATUS_INVALID_PARAMETER_6;
    if (n->file) {
        status = file_size(n->file, &file_bytes);
        if (status)
            return status;
        if (!file_bytes && !size)
            return STATUS_MAPPED_FILE_SIZE_ZERO;
        if (size > file_bytes && n->protection != 4 && n->protection != 0x40)
            return STATUS_SECTION_TOO_BIG;
        size = size ? size : file_bytes;
    }
    if (!size)
        return STATUS_INVALID_PARAMETER_4;
    if (size > 1u << 30)
        return STATUS_SECTION_TOO_BIG;
    s = pp_new(sizeof *s);
    if (!s)
        return STATUS_INSUFFICIENT_RESOURCES;
    s->refs = 1;
    s->size = size;
    s->protection = n->protection;
    s->attributes = n->attributes;
    s->shared = mm_user_alloc(pp_align_up(size, PP_PAGE_SIZE));
    if (s->shared && n->file) {
        s->file = n->file;
        ob_ref(n->file);
        status = section_fill(s);
    }
    if (!s->shared || status) {
        section_put(s);
        return status ? status : STATUS_INSUFFICIENT_RESOURCES;
    }
    *ret = section_object(s);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ZwCreateSection(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                         PLARGE_INTEGER size, ULONG protection, ULONG attributes,
                                         HANDLE file)
{
    struct new_section n = {size, protection, attributes, NULL};
    void *object = NULL, *section = NULL;
    HANDLE h = NULL;
    NTSTATUS status;

    if (file) {
        status = ob_handle_ref(file, ob_type_file, &object);
        if (status)
            return status;
        n.file = object;
    }
    status = section_new(&n, &section);
    if (object)
        ob_unref(object);
    if (!status)
        status = ob_finish(section, attr, access, &h);
    if (!status)
        *ret = h;
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwOpenSection(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr)
{
    HANDLE h = NULL;
    NTSTATUS status = ob_open_named(attr, ob_type_section, access, &h);

    if (!status)
        *ret = h;
    return status;
}

struct section_basic { /* SECTION_BASIC_INFORMATION */
    PVOID BaseAddress;
    ULONG Attributes;
    LARGE_INTEGER Size;
};

NT_EXPORT NTSTATUS NTAPI ZwQuerySection(HANDLE h, ULONG kind, PVOID info, SIZE_T length,
                                        PSIZE_T ret_length)
{
    struct section_basic *b = info;
    struct section *s;
    void *object;
    NTSTATUS status;

    if (kind)
        return STATUS_INVALID_INFO_CLASS; /* image information: no image sections here */
    if (length < sizeof *b)
        return STATUS_INFO_LENGTH_MISMATCH;
    status = ob_handle_ref(h, ob_type_section, &object);
    if (status)
        return status;
    s = section_of(object);
    b->BaseAddress = NULL;
    b->Attributes = s ? s->attributes : 0;
    b->Size.QuadPart = s ? (LONGLONG)s->size : 0;
    ob_unref(object);
    if (ret_length)
        *ret_length = sizeof *b;
    return STATUS_SUCCESS;
}

/* ---- Views ---- */

static NTSTATUS map_physical(struct section *s, uint64_t offset, uint64_t size, ULONG protection,
                             uint64_t *ret)
{
    bool write = protection & 0xCC; /* read-write, write-copy, with and without execute */

    (void)s;
    *ret = mm_phys_map(offset, size, write, true);
    return *ret ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

/* The section's pages once more, at an address of the system's. */
static NTSTATUS map_system(const struct section *s, uint64_t offset, uint64_t size, uint64_t *ret)
{
    uint64_t pa = s->is_physical ? offset : mm_phys(KE_ARG(s->shared)) + offset;

    *ret = mm_phys_map(pa, size, true, false);
    return *ret ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

struct view {
    uint64_t offset, size;
    ULONG protection;
    bool is_system;
};

/* size 0: to the end. Updates offset and size as mapped. */
static NTSTATUS view_new(struct section *s, struct view *v, uint64_t *ret)
{
    struct region *r;
    NTSTATUS status = STATUS_SUCCESS;
    uint64_t start = pp_align_down(v->offset, GRANULARITY);

    if (!s->is_physical && (v->offset >= s->size || v->size > s->size - v->offset))
        return STATUS_INVALID_VIEW_SIZE;
    if (s->is_physical && !v->size)
        return STATUS_INVALID_VIEW_SIZE;
    v->size =
        pp_align_up((v->size ? v->size : s->size - v->offset) + (v->offset - start), PP_PAGE_SIZE);
    v->offset = start;
    r = region_new(s->is_physical ? VIEW_PHYSICAL : VIEW_MEMORY);
    if (!r)
        return STATUS_NO_MEMORY;
    if (v->is_system)
        status = map_system(s, start, v->size, ret);
    else if (s->is_physical)
        status = map_physical(s, start, v->size, v->protection, ret);
    else
        *ret = KE_ARG(s->shared) + start;
    if (status) {
        r->kind = FREE_SLOT;
        return status;
    }
    r->base = *ret;
    r->size = v->size;
    r->protection = v->protection;
    r->process = ps_current();
    r->section = s;
    r->offset = start;
    r->is_system = v->is_system;
    s->refs++;
    return STATUS_SUCCESS;
}

/* Changes of a file's view reach the file. */
static void write_back(const struct region *r)
{
    struct section *s = r->section;
    uint64_t end = PP_MIN(r->offset + r->size, s->size);
    struct zw_paging p = {s->file, true, r->offset, s->shared + r->offset, end - r->offset};

    if (s->file && s->file->WriteAccess && r->protection & 0x44 && end > r->offset)
        (void)zw_paging_io(&p, NULL); /* nobody to tell: as with the lazy writer */
}

static NTSTATUS view_free(struct region *r)
{
    struct section *s = r->section;

    if (r->kind == VIEW_PHYSICAL || r->is_system)
        (void)mm_phys_unmap(r->base, 0); /* a region is one mapping */
    if (r->kind != VIEW_PHYSICAL)
        write_back(r);
    r->kind = FREE_SLOT;
    section_put(s);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ZwMapViewOfSection(HANDLE section, HANDLE process, PVOID *base,
                                            ULONG_PTR zero_bits, SIZE_T commit,
                                            PLARGE_INTEGER offset, PSIZE_T size, ULONG inherit,
                                            ULONG type, ULONG protection)
{
    struct view v = {
        .offset = offset ? (uint64_t)offset->QuadPart : 0, .size = *size, .protection = protection};
    uint64_t at = 0;
    void *object;
    NTSTATUS status;

    (void)zero_bits;
    (void)commit;
    (void)type;
    if (inherit != 1 && inherit != 2)
        return STATUS_INVALID_PARAMETER_8;
    if (!is_protection(protection))
        return STATUS_INVALID_PAGE_PROTECTION;
    status = process_check(process);
    if (status)
        return status;
    status = ob_handle_ref(section, ob_type_section, &object);
    if (status)
        return status;
    /* Doc: a base of the caller's choice is a wish only drivers of old have. */
    if (*base || !section_of(object))
        status = *base ? STATUS_CONFLICTING_ADDRESSES : STATUS_INVALID_HANDLE;
    else
        status = view_new(section_of(object), &v, &at);
    ob_unref(object);
    if (status)
        return status;
    *base = (PVOID)(uintptr_t)at;
    *size = v.size;
    if (offset)
        offset->QuadPart = (LONGLONG)v.offset;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ZwUnmapViewOfSection(HANDLE process, PVOID base)
{
    struct region *r = region_at(KE_ARG(base));
    NTSTATUS status = process_check(process);

    if (status)
        return status;
    if (!r || r->kind == PRIVATE || r->is_system)
        return STATUS_NOT_MAPPED_VIEW;
    return view_free(r);
}

NT_EXPORT NTSTATUS NTAPI NtMapViewOfSection(HANDLE section, HANDLE process, PVOID *base,
                                            ULONG_PTR zero_bits, SIZE_T commit,
                                            PLARGE_INTEGER offset, PSIZE_T size, ULONG inherit,
                                            ULONG type, ULONG protection)
{
    KPROCESSOR_MODE mode = ps_previous_mode();

    if (!zw_probe(mode, base, sizeof *base) || !zw_probe(mode, size, sizeof *size))
        return STATUS_ACCESS_VIOLATION;
    return ZwMapViewOfSection(section, process, base, zero_bits, commit, offset, size, inherit,
                              type, protection);
}

/* ---- The Mm forms ---- */

NT_EXPORT NTSTATUS NTAPI MmCreateSection(PVOID *ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                         PLARGE_INTEGER size, ULONG protection, ULONG attributes,
                                         HANDLE file, PFILE_OBJECT file_object)
{
    struct new_section n = {size, protection, attributes, file_object};
    void *object = NULL, *section = NULL;
    NTSTATUS status = STATUS_SUCCESS;

    (void)access;
    (void)attr; /* the object has no name until it is inserted */
    if (file && !file_object)
        status = ob_handle_ref(file, ob_type_file, &object);
    if (object)
        n.file = object;
    if (!status)
        status = section_new(&n, &section);
    if (object)
        ob_unref(object);
    if (!status)
        *ret = section;
    return status;
}

NT_EXPORT NTSTATUS NTAPI MmMapViewOfSection(PVOID section, PEPROCESS process, PVOID *base,
                                            ULONG_PTR zero_bits, SIZE_T commit,
                                            PLARGE_INTEGER offset, PSIZE_T size, ULONG inherit,
                                            ULONG type, ULONG protection)
{
    struct view v = {
        .offset = offset ? (uint64_t)offset->QuadPart : 0, .size = *size, .protection = protection};
    uint64_t at = 0;
    NTSTATUS status;

    (void)process;
    (void)zero_bits;
    (void)commit;
    (void)inherit;
    (void)type;
    if (!section_of(section) || *base)
        return section_of(section) ? STATUS_CONFLICTING_ADDRESSES : STATUS_INVALID_PARAMETER_1;
    status = view_new(section_of(section), &v, &at);
    if (status)
        return status;
    *base = (PVOID)(uintptr_t)at;
    *size = v.size;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI MmUnmapViewOfSection(PEPROCESS process, PVOID base)
{
    struct region *r = region_at(KE_ARG(base));

    (void)process;
    return r && r->kind != PRIVATE && !r->is_system ? view_free(r) : STATUS_NOT_MAPPED_VIEW;
}

/* Doc: ntddk.h: a view of the section's start, in system space; size 0: of all of it. */
NT_EXPORT NTSTATUS NTAPI MmMapViewInSystemSpace(PVOID section, PVOID *base, PSIZE_T size)
{
    struct view v = {.size = *size, .protection = 4, .is_system = true};
    uint64_t at = 0;
    NTSTATUS status = section_of(section) ? view_new(section_of(section), &v, &at)
                                          : STATUS_INVALID_PARAMETER_1;

    if (status)
        return status;
    *base = (PVOID)(uintptr_t)at;
    *size = v.size;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI MmUnmapViewInSystemSpace(PVOID base)
{
    struct region *r = region_at(KE_ARG(base));
    struct vf_case c = {.rule = VF_UNMAP_INVALID_VIEW, .p = {KE_ARG(base), 1}, .access = VF_NO_ACCESS};

    if (r && r->kind != PRIVATE && r->is_system)
        return view_free(r);
    (void)vf_report(&c);
    return STATUS_NOT_MAPPED_VIEW;
}

int zw_memory_init(void)
{
    UNICODE_STRING name = NT_CONST_STRING(u"\\Device\\PhysicalMemory");
    struct section *s = pp_new(sizeof *s);
    void *object;

    ob_type_on_delete(ob_type_section, section_delete);
    if (!s)
        return -ENOMEM;
    s->refs = 1;
    s->is_physical = true;
    s->size = 1ull << 52;
    s->protection = 4;
    object = section_object(s);
    if (ob_insert(&name, object))
        return -ENOMEM;
    ob_set_permanent(object, true);
    ob_unref(object);
    return 0;
}
