/*
 * Memory descriptor lists: building, locking, mapping. The frame numbers behind an MDL are what is mapped,
 * so a driver that moves them about gets what it describes.
 *
 * Doc: Microsoft Learn, "Using MDLs" and the page of each routine in wdm.h; "Bug check 0xC4", values 0x70 to
 * 0x85 and 0xB0 to 0xB9; "Bug check 0xDA".
 */
#include "kernel/mm_phys.h"

#include <errno.h>
#include <string.h>

#define TAG_MDL 0x6C644D56u /* "VMdl": what Driver Verifier books MDLs as */
#define SIZE_MAX_MDL 0xFFFFF000u

/* Locked MDLs of memory that could be paged; few live at once. */
struct lock {
    uint64_t start, end;
    const MDL *mdl;
};

static struct {
    struct lock *locks;
    size_t count, room;
} g;

static uint64_t mdl_start(const MDL *mdl)
{
    return KE_ARG(mdl->StartVa) + mdl->ByteOffset;
}

static size_t mdl_pages(const MDL *mdl)
{
    return mm_pages_of(mdl->ByteOffset, mdl->ByteCount);
}

static PPFN_NUMBER mdl_frames(const MDL *mdl)
{
    return (PPFN_NUMBER)(uintptr_t)(mdl + 1);
}

static uint64_t mdl_flags(const MDL *mdl)
{
    return (USHORT)mdl->MdlFlags;
}

static void set_flags(MDL *mdl, int flags)
{
    mdl->MdlFlags = (CSHORT)(mdl->MdlFlags | flags);
}

static void clear_flags(MDL *mdl, int flags)
{
    mdl->MdlFlags = (CSHORT)(mdl->MdlFlags & ~flags);
}

static void mdl_init(MDL *mdl, uint64_t va, ULONG length)
{
    mdl->Next = NULL;
    mdl->Size = (CSHORT)(sizeof *mdl + sizeof(PFN_NUMBER) * mm_pages_of(va, length));
    mdl->MdlFlags = 0;
    mdl->Process = NULL;
    mdl->MappedSystemVa = NULL;
    mdl->StartVa = (PVOID)mm_page_of(va);
    mdl->ByteOffset = (ULONG)(va & (PP_PAGE_SIZE - 1));
    mdl->ByteCount = length;
}

/* ---- Which pages are locked ---- */

static void locks_add(const MDL *mdl)
{
    if (g.count == g.room) {
        size_t room = g.room ? g.room * 2 : 32;
        struct lock *locks = pp_resize(g.locks, room * sizeof *locks);

        PP_ASSERT(locks);
        g.locks = locks;
        g.room = room;
    }
    g.locks[g.count++] = (struct lock){KE_ARG(mdl->StartVa),
                                       KE_ARG(mdl->StartVa) + mdl_pages(mdl) * PP_PAGE_SIZE, mdl};
}

static void locks_remove(const MDL *mdl)
{
    for (size_t i = g.count; i--;) {
        if (g.locks[i].mdl == mdl) {
            g.locks[i] = g.locks[--g.count];
            return;
        }
    }
}

bool mm_is_locked(uint64_t addr)
{
    for (size_t i = 0; i < g.count; i++)
        if (addr >= g.locks[i].start && addr < g.locks[i].end)
            return true;
    return false;
}

/* ---- Making and freeing ---- */

NT_EXPORT SIZE_T NTAPI MmSizeOfMdl(PVOID base, SIZE_T length)
{
    return sizeof(MDL) + sizeof(PFN_NUMBER) * mm_pages_of(KE_ARG(base), length);
}

static MDL *mdl_new(uint64_t va, ULONG length, bool quota)
{
    size_t size = sizeof(MDL) + sizeof(PFN_NUMBER) * mm_pages_of(va, length);
    MDL *mdl = ke_image_current() ? ex_alloc_charged(NonPagedPoolNx, size, TAG_MDL, quota)
                                  : ex_alloc_kernel(size, "VMdl", false);

    if (mdl)
        mdl_init(mdl, va, length);
    return mdl;
}

static void mdl_append(IRP *irp, MDL *mdl)
{
    MDL *last = irp->MdlAddress;

    while (last->Next)
        last = last->Next;
    last->Next = mdl;
}

/* Doc: nf-wdm-ioallocatemdl. */
NT_EXPORT PMDL NTAPI IoAllocateMdl(PVOID address, ULONG length, BOOLEAN secondary, BOOLEAN quota,
                                   PIRP irp)
{
    MDL *mdl;

    if (length > SIZE_MAX_MDL)
        return NULL;
    mdl = mdl_new(KE_ARG(address), length, quota);
    if (!mdl || !irp)
        return mdl;
    if (secondary && irp->MdlAddress)
        mdl_append(irp, mdl);
    else
        irp->MdlAddress = mdl;
    return mdl;
}

/* Doc: MmCreateMdl (obsolete): makes an MDL, or fills in the caller's. */
NT_EXPORT PMDL NTAPI MmCreateMdl(PMDL mdl, PVOID base, SIZE_T length)
{
    if (length > SIZE_MAX_MDL)
        return NULL;
    if (!mdl)
        return mdl_new(KE_ARG(base), (ULONG)length, false);
    mdl_init(mdl, KE_ARG(base), (ULONG)length);
    return mdl;
}

static void unmap_system(MDL *mdl)
{
    struct mm_map *m = mm_map_find(KE_ARG(mdl->MappedSystemVa));

    if (m && m->mdl == mdl)
        mm_map_free(m);
    clear_flags(mdl, MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED);
}

/* Doc: nf-wdm-iofreemdl. A partial MDL's own mapping goes with it. */
NT_EXPORT VOID NTAPI IoFreeMdl(PMDL mdl)
{
    if (mdl->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED)
        unmap_system(mdl);
    if (mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) {
        mm_rule(VF_MDL_FREE_MAPPED, 0xB8, KE_ARG(mdl), mdl_flags(mdl), 0);
        unmap_system(mdl);
    }
    if ((mdl->MdlFlags & MDL_PAGES_LOCKED) && !(mdl->MdlFlags & MDL_PARTIAL)) {
        struct vf_case c = {.rule = VF_MDL_LEFT_LOCKED, .access = VF_NO_ACCESS,
                            .p = {ke_caller(), 0, KE_ARG(mdl), mdl_pages(mdl)}};

        if (mm_is_locked(KE_ARG(mdl->StartVa)))
            (void)vf_report(&c);
        locks_remove(mdl);
    }
    if (ke_image_current())
        ex_free_for_driver(mdl, 0);
    else
        ex_free_kernel(mdl);
}

/* ---- Filling in frames ---- */

static void fill_frames(MDL *mdl)
{
    PPFN_NUMBER frames = mdl_frames(mdl);

    for (size_t i = 0, n = mdl_pages(mdl); i < n; i++) {
        uint64_t page = KE_ARG(mdl->StartVa) + i * PP_PAGE_SIZE;

        frames[i] = mm_phys(page) / PP_PAGE_SIZE;
        if (!frames[i]) /* a block that starts inside its page, behind closed bytes */
            frames[i] = mm_phys(PP_MAX(page, mdl_start(mdl))) / PP_PAGE_SIZE;
    }
}

/* Index of the first frame that is no memory; the number of pages when there is none. */
static size_t first_not_ram(const MDL *mdl)
{
    const PFN_NUMBER *frames = (const PFN_NUMBER *)(const void *)(mdl + 1);
    size_t i = 0, n = mdl_pages(mdl);

    while (i < n && (!frames[i] || mm_is_ram(frames[i] * PP_PAGE_SIZE)))
        i++;
    return i;
}

/* Doc: nf-wdm-mmbuildmdlfornonpagedpool. */
NT_EXPORT VOID NTAPI MmBuildMdlForNonPagedPool(PMDL mdl)
{
    const USHORT wrong = MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL;
    uint64_t start = mdl_start(mdl);
    struct pl_block_info b;

    if (mdl->MdlFlags & wrong)
        mm_rule(VF_MDL_LOCK_FLAGS, 0xB0, KE_ARG(mdl), mdl_flags(mdl),
                mdl_flags(mdl) & wrong);
    if (start < KE_SYSTEM_LOW)
        mm_rule(VF_VER_USER_ADDRESS, 0xE0, start, mdl->ByteCount, 0);
    else if (pl_find(ke_m.pool, start, &b) != PL_NOT_POOL && b.has_block && (b.flags & PL_PAGED))
        mm_rule(VF_MDL_BUILD_PAGED, 0x7F, ke_irql(), KE_ARG(mdl), mdl_flags(mdl));
    if (mdl->ByteCount)
        (void)*(volatile uint8_t *)start; /* freed pool faults here, not in the device */
    set_flags(mdl, MDL_SOURCE_IS_NONPAGED_POOL);
    mdl->Process = NULL;
    mdl->MappedSystemVa = (PVOID)start;
    fill_frames(mdl);
    if (first_not_ram(mdl) < mdl_pages(mdl))
        set_flags(mdl, MDL_IO_SPACE); /* registers of a device */
}

/* `rule`: what flags that do not fit break, MDL_LOCK_FLAGS or that of another routine. */
static NTSTATUS lock_as(enum vf_rule rule, PMDL mdl, KPROCESSOR_MODE mode, LOCK_OPERATION operation)
{
    const USHORT wrong = MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL |
                         MDL_PARTIAL | MDL_IO_SPACE;
    uint64_t start = mdl_start(mdl);
    size_t bad;

    if (mdl->MdlFlags & wrong)
        mm_rule(rule, 0, KE_ARG(mdl), mdl_flags(mdl), mdl_flags(mdl) & wrong);
    if (mode != KernelMode && !mm_is_user(start, mdl->ByteCount))
        return STATUS_ACCESS_VIOLATION;
    if (!mm_is_accessible(start, mdl->ByteCount, operation != IoReadAccess))
        return STATUS_ACCESS_VIOLATION;
    fill_frames(mdl);
    bad = first_not_ram(mdl);
    if (bad < mdl_pages(mdl))
        mm_rule(VF_MDL_LOCK_NOT_RAM, 0x6F, KE_ARG(mdl), mdl_frames(mdl)[bad], MM_RAM_END / PP_PAGE_SIZE - 1);
    set_flags(mdl, MDL_PAGES_LOCKED | (operation != IoReadAccess ? MDL_WRITE_OPERATION : 0));
    if (start < KE_USER_HIGH)
        mdl->Process = (PEPROCESS)ps_current();
    locks_remove(mdl); /* locked twice: reported above */
    locks_add(mdl);
    return STATUS_SUCCESS;
}

NTSTATUS mm_mdl_lock(PMDL mdl, KPROCESSOR_MODE mode, LOCK_OPERATION operation)
{
    return lock_as(VF_MDL_LOCK_FLAGS, mdl, mode, operation);
}

/* Freed pool given to a routine that locks or maps: let the fault be attributed. */
static void touch_if_freed(const MDL *mdl)
{
    struct pl_block_info b;

    switch (pl_find(ke_m.pool, mdl_start(mdl), &b)) {
    case PL_FREED:
    case PL_FORGOTTEN:
    case PL_GUARD_AFTER:
    case PL_GUARD_BEFORE:
        (void)*(volatile uint8_t *)mdl_start(mdl);
        break;
    default:
        break;
    }
}

/* Doc: nf-wdm-mmprobeandlockpages: raises when the range is not accessible. */
NT_EXPORT VOID NTAPI MmProbeAndLockPages(PMDL mdl, KPROCESSOR_MODE mode, LOCK_OPERATION operation)
{
    NTSTATUS status;

    mm_irql_rule(VF_MDL_LOCK_IRQL, DISPATCH_LEVEL, KE_ARG(mdl), (uint64_t)mode);
    touch_if_freed(mdl);
    status = mm_mdl_lock(mdl, mode, operation);
    if (!NT_SUCCESS(status))
        ke_raise_status(status);
}

/* Doc: nf-ntifs-mmprobeandlockprocesspages: there is one user address space. */
NT_EXPORT VOID NTAPI MmProbeAndLockProcessPages(PMDL mdl, PEPROCESS process, KPROCESSOR_MODE mode,
                                                LOCK_OPERATION operation)
{
    NTSTATUS status;

    mm_irql_rule(VF_MDL_LOCK_PROCESS_IRQL, DISPATCH_LEVEL, KE_ARG(mdl), KE_ARG(process));
    touch_if_freed(mdl);
    status = lock_as(VF_MDL_LOCK_PROCESS_FLAGS, mdl, mode, operation);
    if (!NT_SUCCESS(status))
        ke_raise_status(status);
}

/* Doc: nf-wdm-mmprobeandlockselectedpages: the frames of the pages that the segments name, each with one
 * page; the MDL describes a virtual range of as many pages. */
NT_EXPORT VOID NTAPI MmProbeAndLockSelectedPages(PMDL mdl, FILE_SEGMENT_ELEMENT *segments,
                                                 KPROCESSOR_MODE mode, LOCK_OPERATION operation)
{
    PPFN_NUMBER frames = mdl_frames(mdl);

    mm_irql_rule(VF_MDL_LOCK_SELECTED_IRQL, DISPATCH_LEVEL, KE_ARG(mdl), KE_ARG(mdl->Process));
    for (size_t i = 0, n = mdl_pages(mdl); i < n; i++) {
        uint64_t page = KE_ARG(segments[i].Buffer);

        if ((mode != KernelMode && !mm_is_user(page, PP_PAGE_SIZE)) ||
            !mm_is_accessible(page, PP_PAGE_SIZE, operation != IoReadAccess))
            ke_raise_status(STATUS_ACCESS_VIOLATION);
        frames[i] = mm_phys(page) / PP_PAGE_SIZE;
    }
    set_flags(mdl, MDL_PAGES_LOCKED | (operation != IoReadAccess ? MDL_WRITE_OPERATION : 0));
    locks_remove(mdl);
    locks_add(mdl);
}

/* Doc: nf-wdm-mmunlockpages: a system mapping goes too. */
NT_EXPORT VOID NTAPI MmUnlockPages(PMDL mdl)
{
    mm_irql_rule(VF_MDL_UNLOCK_IRQL, DISPATCH_LEVEL, KE_ARG(mdl), 0);
    if (mdl->MdlFlags & MDL_SOURCE_IS_NONPAGED_POOL) {
        mm_rule(VF_MDL_UNLOCK_NONPAGED, 0x7D, KE_ARG(mdl), mdl_flags(mdl), 0);
        return;
    }
    if (mdl->MdlFlags & MDL_PARTIAL) {
        mm_rule(VF_MDL_UNLOCK_PARTIAL, 0xB4, KE_ARG(mdl), mdl_flags(mdl), MDL_PARTIAL);
        return;
    }
    if (!(mdl->MdlFlags & MDL_PAGES_LOCKED)) {
        if (vf_is_enabled())
            mm_rule(VF_MDL_UNLOCK_UNLOCKED, 0x7C, KE_ARG(mdl), mdl_flags(mdl), 0);
        else
            mm_rule(VF_MDL_UNLOCK_AGAIN, 1, KE_ARG(mdl), 0, 0);
        return;
    }
    if (mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA)
        unmap_system(mdl);
    clear_flags(mdl, MDL_PAGES_LOCKED | MDL_WRITE_OPERATION | MDL_IO_SPACE | MDL_IO_PAGE_READ);
    locks_remove(mdl);
}

/* ---- Mapping ---- */

/* Made-up frames have no bytes that a user address could share: the mapping gets a copy, and a note. */
static void *map_copy_for_user(const MDL *mdl)
{
    size_t pages = mdl_pages(mdl);
    uint8_t *p = mm_user_alloc(pages * PP_PAGE_SIZE);

    if (!p)
        return NULL;
    mm_copy(p + mdl->ByteOffset, (void *)mdl_start(mdl), mdl->ByteCount);
    ke_m.config.host.note(ke_m.config.host.ctx,
                          "MmMapLockedPagesSpecifyCache: a user-mode mapping of pool memory is a copy: later "
                          "changes on one side are not seen on the other");
    return p + mdl->ByteOffset;
}

static void *map_mdl(MDL *mdl, KPROCESSOR_MODE mode, ULONG priority)
{
    struct mm_map_request r = {
        .pfns = mdl_frames(mdl),
        .pages = mdl_pages(mdl),
        .offset = mdl->ByteOffset,
        .size = mdl->ByteCount,
        .prot = OS_READ | ((priority & MdlMappingNoWrite) ? 0u : OS_WRITE),
        .user = mode != KernelMode,
        .kind = MM_MAP_MDL,
        .mdl = mdl,
    };
    struct mm_map *m;
    bool mixed;

    if (!r.pages)
        return NULL;
    m = mm_map_new(&r, &mixed);
    if (m) {
        m->mdl_start = KE_ARG(mdl->StartVa);
        m->mdl_frame = mdl_frames(mdl)[0];
        m->mdl_pages = r.pages;
        return (void *)m->asked;
    }
    if (!mixed)
        return NULL;
    if (r.user)
        return map_copy_for_user(mdl);
    ke_not_modelled("MmMapLockedPagesSpecifyCache", "pages of several pool blocks in one MDL");
}

/* Frames that the driver wrote by itself are mapped as memory unless the MDL says that they are none. */
static void check_memory(MDL *mdl)
{
    size_t bad = first_not_ram(mdl);

    if (!(mdl->MdlFlags & MDL_IO_SPACE) && bad < mdl_pages(mdl))
        mm_rule(VF_MDL_MAP_NOT_RAM, 0x89, KE_ARG(mdl), KE_ARG(&mdl_frames(mdl)[bad]), mdl_frames(mdl)[bad]);
}

static bool check_map_flags(MDL *mdl, KPROCESSOR_MODE mode)
{
    const int good = MDL_PAGES_LOCKED | MDL_PARTIAL | MDL_SOURCE_IS_NONPAGED_POOL | MDL_IO_SPACE;

    if (mode == KernelMode && (mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA))
        mm_rule(VF_MDL_MAP_AGAIN, 0xB2, KE_ARG(mdl), mdl_flags(mdl), MDL_MAPPED_TO_SYSTEM_VA);
    if (mdl->MdlFlags & good) {
        check_memory(mdl);
        return true;
    }
    mm_rule(VF_MDL_MAP_UNLOCKED, 0xB3, KE_ARG(mdl), mdl_flags(mdl), MDL_PAGES_LOCKED | MDL_PARTIAL);
    if (!mm_is_accessible(mdl_start(mdl), mdl->ByteCount, false))
        return false;
    fill_frames(mdl);
    return true;
}

/* Addresses ran out in a mapping that may not fail. */
static PP_NORETURN void no_addresses(const MDL *mdl)
{
    const struct ke_image *im = ke_image_current();
    uint64_t total, mine, left = mm_map_room(im ? im->owner : 0, &mine, &total);
    struct vf_case c = {.access = VF_NO_ACCESS, .fatal = true};

    if (vf_is_enabled()) {
        c.rule = VF_PTES_EXCESSIVE;
        c.p[0] = im && im->driver_object ? KE_ARG(&im->driver_object->DriverName) : 0;
        c.p[1] = mine;
    } else {
        c.rule = VF_PTES_EXHAUSTED;
        c.p[1] = mdl_pages(mdl);
    }
    c.p[2] = left;
    c.p[3] = total;
    (void)vf_report(&c);
    ke_contain();
}

static void *map_locked(MDL *mdl, KPROCESSOR_MODE mode, ULONG priority, bool must)
{
    void *p;

    if (!check_map_flags(mdl, mode))
        return NULL;
    p = map_mdl(mdl, mode, priority);
    if (!p && must && mode == KernelMode)
        no_addresses(mdl);
    if (p && mode == KernelMode) {
        mdl->MappedSystemVa = p;
        set_flags(mdl, MDL_MAPPED_TO_SYSTEM_VA |
                           ((mdl->MdlFlags & MDL_PARTIAL) ? MDL_PARTIAL_HAS_BEEN_MAPPED : 0));
    }
    if (!p && mode != KernelMode)
        ke_raise_status(STATUS_INSUFFICIENT_RESOURCES);
    return p;
}

/* Doc: nf-wdm-mmmaplockedpagesspecifycache. A requested user address is a wish that is not met: the routine
 * then raises, as when the range is taken. */
NT_EXPORT PVOID NTAPI MmMapLockedPagesSpecifyCache(PMDL mdl, KPROCESSOR_MODE mode,
                                                   MEMORY_CACHING_TYPE cache, PVOID address,
                                                   ULONG bug_check, ULONG priority)
{
    (void)cache; /* memory is coherent */
    if (mode == KernelMode)
        mm_irql_rule(VF_MDL_MAP_CACHE_IRQL, DISPATCH_LEVEL, KE_ARG(mdl), (uint64_t)mode);
    else
        mm_irql_rule(VF_MDL_MAP_CACHE_USER_IRQL, APC_LEVEL, KE_ARG(mdl), (uint64_t)mode);
    if (mode == KernelMode && bug_check && !(mdl->MdlFlags & MDL_MAPPING_CAN_FAIL))
        mm_rule(VF_MDL_MAP_MUST, 0x82, KE_ARG(mdl), mdl_flags(mdl), 0);
    if (mode != KernelMode && address)
        ke_raise_status(STATUS_CONFLICTING_ADDRESSES);
    if (mode == KernelMode && !(priority & MdlMappingNoExecute))
        mm_rule(VF_MDL_MAP_EXECUTABLE, 0x2002, ke_caller(), priority, 0);
    return map_locked(mdl, mode, priority, bug_check && !(mdl->MdlFlags & MDL_MAPPING_CAN_FAIL));
}

/* Doc: nf-wdm-mmmaplockedpages (obsolete). */
NT_EXPORT PVOID NTAPI MmMapLockedPages(PMDL mdl, KPROCESSOR_MODE mode)
{
    if (mode == KernelMode)
        mm_irql_rule(VF_MDL_MAP_IRQL, DISPATCH_LEVEL, KE_ARG(mdl), (uint64_t)mode);
    else
        mm_irql_rule(VF_MDL_MAP_USER_IRQL, APC_LEVEL, KE_ARG(mdl), (uint64_t)mode);
    if (mode == KernelMode && !(mdl->MdlFlags & MDL_MAPPING_CAN_FAIL))
        mm_rule(VF_MDL_MAP_OBSOLETE, 0x81, KE_ARG(mdl), mdl_flags(mdl), 0);
    return map_locked(mdl, mode, NormalPagePriority, !(mdl->MdlFlags & MDL_MAPPING_CAN_FAIL));
}

static void unmap_user(uint64_t va, const MDL *mdl)
{
    struct mm_map *m = mm_map_find(va);

    mm_irql_rule(VF_MDL_UNMAP_USER_IRQL, APC_LEVEL, va, KE_ARG(mdl));
    if (m && m->is_user && m->mdl == mdl && m->asked == va)
        mm_map_free(m);
    else if (va - MM_USER_VA < MM_USER_SIZE && mm_user_is_open(va))
        mm_user_free((void *)mm_page_of(va)); /* a copy */
    else
        mm_rule(VF_MDL_UNMAP_BAD_USER, 0xB9, va, KE_ARG(mdl), 0);
}

struct twin {
    const MDL *mdl;
    unsigned count;
};

static bool count_twin(void *ctx, struct mm_map *m)
{
    struct twin *t = ctx;

    t->count += m->kind == MM_MAP_MDL && !m->is_user && m->mdl == t->mdl;
    return true;
}

/* Does the MDL still describe what was mapped? */
static void check_tracked(const MDL *mdl)
{
    const struct mm_map *m = mm_map_find(KE_ARG(mdl->MappedSystemVa));
    struct twin t = {.mdl = mdl};

    if (!m || m->kind != MM_MAP_MDL || m->mdl != mdl)
        return;
    mm_map_each(count_twin, &t);
    if (t.count > 1 && !vf_is_enabled()) /* with the verifier the second mapping was C4/B2 */
        mm_rule(VF_PTE_DUPLICATE, 1, 0, KE_ARG(mdl), 0);
    if (mdl_pages(mdl) != m->mdl_pages)
        mm_rule(VF_PTE_COUNT, 2, 0, m->mdl_pages, mdl_pages(mdl));
    else if (((const PFN_NUMBER *)(const void *)(mdl + 1))[0] != m->mdl_frame)
        mm_rule(VF_PTE_FRAME_CHANGED, 4, 0, m->mdl_frame, ((const PFN_NUMBER *)(const void *)(mdl + 1))[0]);
    else if (KE_ARG(mdl->StartVa) != m->mdl_start)
        mm_rule(VF_PTE_START_CHANGED, 5, 0, m->mdl_start, KE_ARG(mdl->StartVa));
}

/* Doc: nf-wdm-mmunmaplockedpages. */
NT_EXPORT VOID NTAPI MmUnmapLockedPages(PVOID base, PMDL mdl)
{
    uint64_t va = KE_ARG(base);

    if (va < KE_USER_HIGH) {
        unmap_user(va, mdl);
        return;
    }
    mm_irql_rule(VF_MDL_UNMAP_IRQL, DISPATCH_LEVEL, va, KE_ARG(mdl));
    if (!(mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA)) {
        if (!vf_is_enabled())
            mm_rule(VF_PTE_NOT_MAPPED, 6, KE_ARG(mdl), va, mdl_pages(mdl));
        else if ((mdl->MdlFlags & MDL_PARTIAL) && (mdl->MdlFlags & MDL_PARENT_MAPPED_SYSTEM_VA))
            mm_rule(VF_MDL_UNMAP_PARTIAL, 0xB5, KE_ARG(mdl), mdl_flags(mdl), MDL_PARENT_MAPPED_SYSTEM_VA);
        else
            mm_rule(VF_MDL_UNMAP_UNMAPPED, 0xB6, KE_ARG(mdl), mdl_flags(mdl), MDL_MAPPED_TO_SYSTEM_VA);
        return;
    }
    check_tracked(mdl);
    if (va != KE_ARG(mdl->MappedSystemVa))
        mm_rule(VF_PTE_WRONG_ADDRESS, 3, 0, KE_ARG(mdl->MappedSystemVa), va);
    unmap_system(mdl);
}

/* ---- Parts and changes ---- */

static PP_NORETURN void partial_failed(enum vf_rule rule, uint64_t p1, uint64_t p2, uint64_t p3,
                                       uint64_t p4)
{
    struct vf_case c = {.rule = rule, .p = {p1, p2, p3, p4}, .access = VF_NO_ACCESS, .fatal = true};

    (void)vf_report(&c);
    ke_contain();
}

/* Doc: nf-wdm-iobuildpartialmdl. Length 0: to the source's end. */
NT_EXPORT VOID NTAPI IoBuildPartialMdl(PMDL source, PMDL target, PVOID address, ULONG length)
{
    const int inherited = MDL_SOURCE_IS_NONPAGED_POOL | MDL_IO_SPACE | MDL_IO_PAGE_READ;
    uint64_t va = KE_ARG(address), skip = va - mdl_start(source);
    size_t pages, room = ((USHORT)target->Size - sizeof *target) / sizeof(PFN_NUMBER);

    if (!length)
        length = (ULONG)(source->ByteCount - skip);
    if (skip > source->ByteCount || length > source->ByteCount - skip)
        partial_failed(VF_INVALID_MDL_RANGE, KE_ARG(source), KE_ARG(target), va, length);
    pages = mm_pages_of(va, length);
    if (pages > room)
        partial_failed(VF_TARGET_MDL_TOO_SMALL, KE_ARG(target), room, pages, KE_ARG(source));
    target->Process = source->Process;
    target->StartVa = (PVOID)mm_page_of(va);
    target->ByteOffset = (ULONG)(va & (PP_PAGE_SIZE - 1));
    target->ByteCount = length;
    if (target->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED)
        unmap_system(target);
    target->MdlFlags = (CSHORT)((target->MdlFlags & MDL_ALLOCATED_FIXED_SIZE) | MDL_PARTIAL |
                                (source->MdlFlags & inherited));
    if (source->MdlFlags & (MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA)) {
        target->MappedSystemVa = (uint8_t *)source->MappedSystemVa + skip;
        if (source->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA)
            set_flags(target, MDL_PARENT_MAPPED_SYSTEM_VA);
    }
    mm_copy(mdl_frames(target),
            mdl_frames(source) + (mm_page_of(va) - KE_ARG(source->StartVa)) / PP_PAGE_SIZE,
            pages * sizeof(PFN_NUMBER));
}

/* Doc: nf-ntddk-mmadvancemdl: gives up bytes at the start of a locked MDL. */
NT_EXPORT NTSTATUS NTAPI MmAdvanceMdl(PMDL mdl, ULONG bytes)
{
    size_t gone, pages = mdl_pages(mdl);
    struct mm_map *m;

    if (bytes > mdl->ByteCount)
        return STATUS_INVALID_PARAMETER_2;
    gone = (mdl->ByteOffset + (size_t)bytes) / PP_PAGE_SIZE;
    memmove(mdl_frames(mdl), mdl_frames(mdl) + gone, (pages - gone) * sizeof(PFN_NUMBER));
    mdl->StartVa = (uint8_t *)mdl->StartVa + gone * PP_PAGE_SIZE;
    mdl->ByteOffset = (mdl->ByteOffset + bytes) & (PP_PAGE_SIZE - 1);
    mdl->ByteCount -= bytes;
    m = (mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) ? mm_map_find(KE_ARG(mdl->MappedSystemVa)) : NULL;
    if (m && m->mdl == mdl) {
        m->mdl_start = KE_ARG(mdl->StartVa);
        m->mdl_frame = mdl_frames(mdl)[0];
        m->mdl_pages = mdl_pages(mdl);
    }
    if (mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL))
        mdl->MappedSystemVa = (uint8_t *)mdl->MappedSystemVa + bytes;
    return STATUS_SUCCESS;
}

/* Doc: nf-wdm-mmprotectmdlsystemaddress. */
NT_EXPORT NTSTATUS NTAPI MmProtectMdlSystemAddress(PMDL mdl, ULONG protect)
{
    struct mm_map *m;
    unsigned prot;

    switch (protect & 0xFF) {
    case PAGE_NOACCESS: prot = OS_NONE; break;
    case PAGE_READONLY: prot = OS_READ; break;
    case PAGE_READWRITE: prot = OS_READ | OS_WRITE; break;
    case PAGE_EXECUTE: /* no page can be executed and not read here */
    case PAGE_EXECUTE_READ: prot = OS_READ | OS_EXEC; break;
    case PAGE_EXECUTE_READWRITE: prot = OS_READ | OS_WRITE | OS_EXEC; break;
    default: return STATUS_INVALID_PAGE_PROTECTION;
    }
    if (prot & OS_EXEC)
        mm_rule(VF_EXECUTABLE_PAGE, 0x2001, ke_caller(), protect, 0);
    m = (mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) ? mm_map_find(KE_ARG(mdl->MappedSystemVa)) : NULL;
    if (!m)
        return STATUS_NOT_MAPPED_VIEW;
    if (m->is_loan) /* memory that has only its own address */
        ke_not_modelled("MmProtectMdlSystemAddress", "an MDL of pool memory");
    return os_protect(m->va, m->pages * PP_PAGE_SIZE, prot) ? STATUS_INSUFFICIENT_RESOURCES
                                                              : STATUS_SUCCESS;
}

/* Doc: nf-ntddk-mmprefetchpages, a hint: nothing is on disk here. */
NT_EXPORT NTSTATUS NTAPI MmPrefetchPages(ULONG count, PVOID *lists)
{
    (void)count;
    (void)lists;
    return STATUS_SUCCESS;
}
