/*
 * Driver images in memory: mapped at fixed addresses, relocated, bound, protected as their sections say,
 * INIT given back after DriverEntry, pageable sections taken away at raised IRQL.
 */
#include "kernel/kernel_priv.h"
#include "kernel/gate_priv.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum { IMAGE_GAP = 0x10000 };

static struct {
    uint64_t next_base;
    uint32_t next_owner;
    bool is_paged_revoked;
    struct ke_image *all[256]; /* for PP_ASYNC look-ups; never shrinks */
    unsigned count;
} g;

struct ke_image *ke_image_at(uint64_t addr)
{
    if (addr < KE_IMAGE_LOW || addr >= KE_IMAGE_HIGH)
        return NULL;
    for (unsigned i = 0; i < g.count; i++) {
        struct ke_image *im = g.all[i];

        if (addr >= im->base && addr - im->base < pp_align_up(im->size, PP_PAGE_SIZE))
            return im;
    }
    return NULL;
}

struct ke_image *ke_image_by_owner(uint32_t owner)
{
    return owner && owner <= g.count ? g.all[owner - 1] : NULL;
}

struct ke_image *ke_image_current(void)
{
    struct ke_gate_record *first = ke_gate_first();
    const struct os_regs *trap = ke_trap_regs();

    if (trap && ke_image_at(trap->rip))
        return ke_image_at(trap->rip);
    if (!ke_gate_top)
        return NULL;
    for (struct ke_gate_record *r = ke_gate_top; r > first;) {
        struct ke_image *im;

        r--;
        im = ke_image_at(r->kind == KE_GATE_IMPORT ? r->rip : r->target);
        if (im)
            return im;
    }
    return NULL;
}

const struct pe_section *ke_image_section(const struct ke_image *image, uint64_t addr)
{
    return pe_section_at(image->pe, (uint32_t)(addr - image->base));
}

bool ke_image_is_pageable(const struct ke_image *image, uint64_t addr)
{
    const struct pe_section *s = ke_image_section(image, addr);

    return s && s->is_pageable;
}

static unsigned native_prot(unsigned prot)
{
    return ((prot & PE_READ) ? OS_READ : 0u) | ((prot & PE_WRITE) ? OS_WRITE : 0u) |
           ((prot & PE_EXEC) ? OS_EXEC : 0u);
}

/* Each page gets what any of its sections may do: sections can share pages in low-alignment images. */
unsigned ke_image_page_prot(const struct ke_image *im, uint32_t page_rva)
{
    size_t count;
    const struct pe_section *s = pe_sections(im->pe, &count);
    const struct pe_info *info = pe_image_info(im->pe);
    unsigned prot = page_rva < info->headers_size ? OS_READ : 0u;

    for (size_t i = 0; i < count; i++) {
        if (s[i].rva < page_rva + PP_PAGE_SIZE && s[i].rva + s[i].size > page_rva)
            prot |= native_prot(s[i].prot) | OS_READ;
    }
    return prot;
}

static int protect_range(struct ke_image *im, uint32_t from, uint32_t to)
{
    uint32_t end = (uint32_t)pp_align_up(to, PP_PAGE_SIZE);
    uint32_t rva = (uint32_t)pp_align_down(from, PP_PAGE_SIZE);

    while (rva < end) {
        unsigned prot = ke_image_page_prot(im, rva);
        uint32_t run = rva + PP_PAGE_SIZE;
        int err;

        while (run < end && ke_image_page_prot(im, run) == prot)
            run += PP_PAGE_SIZE;
        err = os_protect(im->base + rva, run - rva, prot);
        if (err)
            return err;
        rva = run;
    }
    return 0;
}

static void bind_imports(struct ke_image *im, uint8_t *mapped)
{
    size_t count;
    const struct pe_import *imp = pe_imports(im->pe, &count);

    for (size_t i = 0; i < count; i++) {
        char by_ordinal[96];
        const char *name = imp[i].name;
        uint64_t addr;

        if (imp[i].kind == PE_IMPORT_DELAY)
            continue; /* the slot already points to the image's own helper */
        if (!name) {
            pp_fmt(by_ordinal, sizeof by_ordinal, "%s!#%u", imp[i].module, imp[i].ordinal);
            name = by_ordinal;
        }
        addr = ke_export_address(ke_export_find(imp[i].module, name));
        memcpy(mapped + imp[i].slot_rva, &addr, sizeof addr);
    }
}

static void seed_load_config(const struct ke_image *im, uint8_t *mapped)
{
    const struct pe_info *info = pe_image_info(im->pe);
    uint64_t v;

    if (info->cookie_rva) {
        /* The upper 16 bits are zero in every cookie; the default value would be refused. */
        do
            v = pp_random_next(&ke_m.random) & 0x0000FFFFFFFFFFFFull;
        while (v == 0x00002B992DDFA232ull || v < 0x10000);
        memcpy(mapped + info->cookie_rva, &v, sizeof v);
    }
    if (info->guard_check_rva) {
        v = ke_export_stub("_guard_check_icall");
        memcpy(mapped + info->guard_check_rva, &v, sizeof v);
    }
    if (info->guard_dispatch_rva) {
        v = ke_export_stub("_guard_dispatch_icall");
        memcpy(mapped + info->guard_dispatch_rva, &v, sizeof v);
    }
}

static uint64_t pick_base(uint32_t size)
{
    uint64_t base = g.next_base ? g.next_base : KE_IMAGE_LOW + 0x1000000;

    g.next_base = pp_align_up(base + size + IMAGE_GAP, IMAGE_GAP);
    return base;
}

static int map_image(struct ke_image *im, char why[PP_WHY_SIZE])
{
    const struct pe_info *info = pe_image_info(im->pe);
    size_t span = pp_align_up(info->image_size, PP_PAGE_SIZE);
    int err;

    im->size = info->image_size;
    im->base = info->is_fixed ? info->preferred_base : pick_base(im->size);
    if (info->is_fixed && (im->base < 0x10000 || im->base + span > KE_USER_HIGH)) {
        pp_fmt(why, PP_WHY_SIZE, "its relocations are stripped and its base 0x%llx is not available",
               (unsigned long long)im->base);
        return -ENOEXEC;
    }
    err = os_map(im->base, span, OS_READ | OS_WRITE);
    if (err) {
        pp_fmt(why, PP_WHY_SIZE, "no memory for the image (%s)", strerror(-err));
        return err;
    }
    err = pe_image_map(im->pe, (void *)im->base, span);
    if (!err)
        err = pe_image_relocate(im->pe, (void *)im->base, im->base);
    if (err)
        pp_fmt(why, PP_WHY_SIZE, "cannot be relocated");
    return err;
}

static bool imports_from(const struct ke_image *im, const char *module)
{
    size_t count;
    const struct pe_import *imports = pe_imports(im->pe, &count);

    for (size_t i = 0; i < count; i++) {
        if (!strcasecmp(imports[i].module, module))
            return true;
    }
    return false;
}

/* Display and printer drivers allocate through routines of win32k: pool tracking, IRQL checking and I/O
 * verification do not bear on them. Doc: devtest, "Pool Tracking", "Force IRQL Checking", "I/O Verification". */
static void exempt_graphics(const struct ke_image *im)
{
    char text[PP_WHY_SIZE];

    vf_options_drop(VF_OPT_POOL_TRACKING | VF_OPT_FORCE_IRQL | VF_OPT_IO);
    pp_fmt(text, sizeof text,
           "%s is a graphics driver: no pool tracking, no IRQL checking, no I/O verification", im->name);
    ke_m.config.host.warn(ke_m.config.host.ctx, text);
}

/* What hypervisor-protected code integrity refuses. Doc: devtest, "Code Integrity Checking"; PE format. */
static void check_integrity(const struct ke_image *im)
{
    enum { NT_OFFSET = 0x3C, OPTIONAL = 24, OPTIONAL_SIZE = 20, IAT = 112 + 12 * 8, SECTION_HEADER = 40 };
    uint32_t nt = pe_u32(im->pe, NT_OFFSET);
    uint32_t table = nt + OPTIONAL + pe_u16(im->pe, nt + OPTIONAL_SIZE);
    uint32_t iat = pe_u32(im->pe, nt + OPTIONAL + IAT), iat_size = pe_u32(im->pe, nt + OPTIONAL + IAT + 4);
    struct vf_case c = {.access = VF_NO_ACCESS, .driver = im->name};
    char *name;
    size_t count;
    const struct pe_section *s = pe_sections(im->pe, &count);

    if (!vf_is_enabled() || !vf_has(VF_OPT_CODE_INTEGRITY))
        return;
    name = ex_alloc_kernel(strlen(im->name) + 1, "ImNm", false); /* an address that a report may show */
    memcpy(name, im->name, strlen(im->name));
    c.p[1] = KE_ARG(name);
    for (size_t i = 0; i < count; i++) {
        c.object = s[i].name;
        c.p[2] = c.p[3] = im->base + table + i * SECTION_HEADER; /* its first field is the name */
        c.rule = VF_SECTION_WRITE_EXECUTE;
        if ((s[i].prot & (PE_WRITE | PE_EXEC)) == (PE_WRITE | PE_EXEC))
            (void)vf_report(&c);
        c.rule = VF_SECTION_ALIGNMENT; /* of the whole image: said once */
        if (s[i].rva % PP_PAGE_SIZE && !i)
            (void)vf_report(&c);
        c.rule = VF_SECTION_IAT;
        c.p[2] = im->base + iat;
        if (iat_size && (s[i].prot & PE_EXEC) && iat - s[i].rva < s[i].size)
            (void)vf_report(&c);
    }
}

int ke_image_load(const char *path, const uint8_t *bytes, size_t size, bool verified,
                  struct ke_image **ret, char why[PP_WHY_SIZE])
{
    struct ke_image *im = pp_new(sizeof *im);
    const struct pe_info *info;
    int err = -ENOMEM;

    pp_fmt(why, PP_WHY_SIZE, "out of memory");
    if (!im)
        return -ENOMEM;
    if (g.count >= PP_COUNT(g.all)) {
        pp_fmt(why, PP_WHY_SIZE, "more than %zu images in one machine", PP_COUNT(g.all));
        goto fail_free;
    }
    im->file = pp_new(size);
    if (!im->file)
        goto fail_free;
    memcpy(im->file, bytes, size);
    im->file_size = size;
    err = pe_image_parse(im->file, size, &im->pe, why);
    if (err)
        goto fail_file;
    info = pe_image_info(im->pe);
    if (!info->entry_rva && !info->is_dll) {
        pp_fmt(why, PP_WHY_SIZE, "has no entry point");
        err = -ENOEXEC;
        goto fail_pe;
    }
    err = map_image(im, why);
    if (err)
        goto fail_pe;
    pp_fmt(im->name, sizeof im->name, "%s", pp_base_name(path));
    pp_fmt(im->path, sizeof im->path, "%s", path);
    im->entry = info->entry_rva ? im->base + info->entry_rva : 0;
    im->is_verified = verified;
    bind_imports(im, (uint8_t *)im->base);
    seed_load_config(im, (uint8_t *)im->base);
    if (ke_m.config.coverage) {
        err = ke_cover_arm(im);
        if (err) {
            pp_fmt(why, PP_WHY_SIZE, "out of memory");
            goto fail_unmap;
        }
    }
    err = protect_range(im, 0, im->size);
    if (err) {
        pp_fmt(why, PP_WHY_SIZE, "cannot protect its sections (%s)", strerror(-err));
        goto fail_unmap;
    }
    im->owner = ++g.next_owner;
    g.all[g.count++] = im;
    PP_ASSERT(im->owner == g.count);
    pp_list_push_back(&ke_m.images, &im->link);
    ke_verifier_loaded(im);
    ke_m.config.host.module(ke_m.config.host.ctx, im->name, im->path, im->base, im->size, true);
    if (verified && (ke_m.config.graphics || imports_from(im, "win32k.sys")))
        exempt_graphics(im);
    if (verified)
        check_integrity(im);
    *ret = im;
    return 0;

fail_unmap:
    (void)os_unmap(im->base, pp_align_up(im->size, PP_PAGE_SIZE)); /* already failing */
fail_pe:
    pe_image_free(im->pe);
fail_file:
    pp_free(im->file);
fail_free:
    pp_free(im);
    return err;
}

void ke_image_discard_init(struct ke_image *im)
{
    size_t count;
    const struct pe_section *s = pe_sections(im->pe, &count);

    if (im->init_discarded)
        return;
    im->init_discarded = true;
    for (size_t i = 0; i < count; i++) {
        uint32_t from = (uint32_t)pp_align_up(s[i].rva, PP_PAGE_SIZE);
        uint32_t to = (uint32_t)pp_align_down(s[i].rva + s[i].size, PP_PAGE_SIZE);

        /* The last page of a section belongs to it alone unless sections share pages. */
        if (pe_image_info(im->pe)->section_align >= PP_PAGE_SIZE)
            to = (uint32_t)pp_align_up(s[i].rva + s[i].size, PP_PAGE_SIZE);
        if (!s[i].is_discardable || to <= from)
            continue;
        PP_ASSERT(!os_protect(im->base + from, to - from, OS_NONE));
    }
}

void ke_image_unload(struct ke_image *im)
{
    if (im->is_unloaded)
        return;
    im->is_unloaded = true;
    PP_ASSERT(!os_protect(im->base, pp_align_up(im->size, PP_PAGE_SIZE), OS_NONE));
    ke_m.config.host.module(ke_m.config.host.ctx, im->name, im->path, im->base, im->size, false);
}

/* ---- Pageable sections ---- */

static bool is_resident(const struct ke_image *im)
{
    return im->is_unloaded || im->pageable_locks || im->is_page_locked_all;
}

static void paged_protect(bool revoke)
{
    for (unsigned i = 0; i < g.count; i++) {
        struct ke_image *im = g.all[i];
        size_t count;
        const struct pe_section *s = pe_sections(im->pe, &count);

        if (im->is_unloaded || (revoke && is_resident(im)) ||
            pe_image_info(im->pe)->section_align < PP_PAGE_SIZE)
            continue;
        for (size_t k = 0; k < count; k++) {
            if (!s[k].is_pageable || (s[k].is_discardable && im->init_discarded))
                continue;
            if (revoke)
                PP_ASSERT(!os_protect(im->base + s[k].rva, pp_align_up(s[k].size, PP_PAGE_SIZE),
                                      OS_NONE));
            else
                PP_ASSERT(!protect_range(im, s[k].rva, s[k].rva + s[k].size));
        }
    }
}

void ke_image_paged_revoke(void)
{
    if (g.is_paged_revoked)
        return;
    g.is_paged_revoked = true;
    paged_protect(true);
}

void ke_image_paged_restore(void)
{
    if (!g.is_paged_revoked)
        return;
    g.is_paged_revoked = false;
    paged_protect(false);
}

bool ke_image_paged_is_revoked(void)
{
    return g.is_paged_revoked;
}

/* ---- Exports about images ---- */

/* Doc: wdm.h, MmGetSystemRoutineAddress. NULL for a name that is not modelled: drivers probe this way. */
NT_EXPORT PVOID NTAPI MmGetSystemRoutineAddress(PUNICODE_STRING name)
{
    char text[128];
    USHORT chars = name->Length / sizeof(WCHAR);
    size_t n = 0;

    for (; n < chars && n + 1 < sizeof text; n++)
        text[n] = (char)name->Buffer[n];
    text[n] = '\0';
    return (PVOID)ke_export_stub(text);
}

/* Doc: ntddk.h, MmIsDriverVerifying. */
NT_EXPORT LOGICAL NTAPI MmIsDriverVerifying(PDRIVER_OBJECT driver)
{
    struct ke_image *im = ke_image_at(KE_ARG(driver->DriverStart));

    return im && im->is_verified && vf_is_enabled();
}

/* Doc: ntddk.h, MmPageEntireDriver: all sections pageable; returns the image's base. Sections keep their
 * own attributes here: what it makes pageable besides them is not taken away at raised IRQL. */
NT_EXPORT PVOID NTAPI MmPageEntireDriver(PVOID address)
{
    struct ke_image *im = ke_image_at(KE_ARG(address));

    return im ? (PVOID)im->base : NULL;
}

/* Doc: ntddk.h, MmResetDriverPaging: back to what the image file says. */
NT_EXPORT VOID NTAPI MmResetDriverPaging(PVOID address)
{
    (void)address; /* sections never lost their own attributes */
}

/* Doc: wdm.h, MmLockPagableDataSection: keeps the section of `address` resident; the handle is opaque. */
NT_EXPORT PVOID NTAPI MmLockPagableDataSection(PVOID address)
{
    struct ke_image *im = ke_image_at(KE_ARG(address));

    if (!im)
        ke_raise_access_violation(KE_ARG(address), false);
    im->pageable_locks++;
    return (PVOID)im->base;
}

/* Doc: ntddk.h, MmLockPagableSectionByHandle. */
NT_EXPORT VOID NTAPI MmLockPagableSectionByHandle(PVOID handle)
{
    struct ke_image *im = ke_image_at(KE_ARG(handle));

    if (im)
        im->pageable_locks++;
}

/* Doc: wdm.h, MmUnlockPagableImageSection. */
NT_EXPORT VOID NTAPI MmUnlockPagableImageSection(PVOID handle)
{
    struct ke_image *im = ke_image_at(KE_ARG(handle));

    if (im && im->pageable_locks)
        im->pageable_locks--;
}
