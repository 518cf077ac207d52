/*
 * Frames given out by number: contiguous memory, noncached memory, secure pool, and the pages of
 * MmAllocatePagesForMdl.
 * Two regions of simulated RAM, each with a table that says which block holds a frame:
 *
 *   low   1 MB to 512 MB: contiguous memory, at a fixed distance in the window MM_CONT_VA, every
 * block followed by a closed page; also pages that must lie below 4 GB high  4 GB to 5 GB: pages
 * that have no address until they are mapped
 *
 * New blocks follow the last one until the region is used up; then the first gap that fits is
 * taken.
 *
 * Doc: Microsoft Learn, wdm.h, ntddk.h: MmAllocateContiguousMemory and its family,
 * MmAllocateNonCachedMemory, MmAllocatePagesForMdlEx, MmAllocateMappingAddress.
 */
#include "kernel/mm_phys.h"

#include <errno.h>
#include <string.h>

#define TAG_PAGES 0x6C644D50u /* "PMdl": the MDL of MmAllocatePagesForMdl */
#define FRAMES_LOW (MM_CONT_SIZE / PP_PAGE_SIZE)
#define FRAMES_HIGH ((MM_RAM_END - MM_HIGH_PA) / PP_PAGE_SIZE)

enum block_kind { BLOCK_CONTIGUOUS, BLOCK_NONCACHED, BLOCK_PAGES, BLOCK_SECURE };

struct block {
    uint64_t pfn, pages;
    size_t size; /* as asked */
    uint32_t owner;
    uint32_t cache; /* MEMORY_CACHING_TYPE */
    unsigned prot;  /* enum os_prot: what the driver may do */
    enum block_kind kind;
    bool is_live;
};

struct region {
    uint64_t pfn, count, used;
    uint64_t next;      /* where nothing has been yet */
    uint32_t *block_of; /* [count]: index + 1 of the block, 0 = free */
};

struct want {
    uint64_t pages, low, high,
        boundary; /* addresses; high is the last byte allowed; boundary 0: none */
    size_t size;
    uint32_t cache;
    unsigned prot;
    enum block_kind kind;
};

static struct {
    struct region low, high;
    struct block *blocks;
    uint32_t count, room, free_hint;
} g;

static int region_init(struct region *r, uint64_t pa, uint64_t count)
{
    r->pfn = pa / PP_PAGE_SIZE;
    r->count = count;
    r->block_of = pp_new_array(count, sizeof *r->block_of);
    return r->block_of ? 0 : -ENOMEM;
}

int mm_cont_init(void)
{
    int err = region_init(&g.low, MM_CONT_PA, FRAMES_LOW);

    if (!err)
        err = region_init(&g.high, MM_HIGH_PA, FRAMES_HIGH);
    if (!err)
        err = os_shared_map(mm_phys_fd(), MM_CONT_PA, MM_CONT_VA, MM_CONT_SIZE, OS_NONE);
    return err;
}

static struct region *region_of(uint64_t pfn)
{
    if (pfn - g.low.pfn < g.low.count)
        return &g.low;
    return pfn - g.high.pfn < g.high.count ? &g.high : NULL;
}

static struct block *block_at(uint64_t pfn)
{
    const struct region *r = region_of(pfn);
    uint32_t index = r && r->block_of ? r->block_of[pfn - r->pfn] : 0;

    return index ? &g.blocks[index - 1] : NULL;
}

static uint64_t window_va(uint64_t pfn)
{
    return MM_CONT_VA + (pfn * PP_PAGE_SIZE - MM_CONT_PA);
}

static struct block *block_by_va(uint64_t va)
{
    if (va - MM_CONT_VA >= MM_CONT_SIZE)
        return NULL;
    return block_at((va - MM_CONT_VA + MM_CONT_PA) / PP_PAGE_SIZE);
}

bool mm_cont_is_open(uint64_t va)
{
    const struct block *b = block_by_va(va);

    return b && b->kind != BLOCK_PAGES;
}

/* ---- Frames ---- */

static bool run_fits(const struct region *r, uint64_t at, const struct want *w)
{
    uint64_t pa = (r->pfn + at) * PP_PAGE_SIZE, end = pa + w->pages * PP_PAGE_SIZE;

    if (at + w->pages + 1 > r->count || pa < w->low || end - 1 > w->high)
        return false;
    if (w->boundary && (pa / w->boundary) != ((end - 1) / w->boundary))
        return false;
    /* The frame behind and the one before stay free: closed pages of the window. */
    if (at && r->block_of[at - 1])
        return false;
    for (uint64_t i = 0; i <= w->pages; i++)
        if (r->block_of[at + i])
            return false;
    return true;
}

static bool region_find(struct region *r, const struct want *w, uint64_t *ret)
{
    uint64_t first =
        w->low > r->pfn * PP_PAGE_SIZE ? (w->low + PP_PAGE_SIZE - 1) / PP_PAGE_SIZE - r->pfn : 0;

    for (uint64_t at = PP_MAX(first, r->next); at + w->pages < r->count; at++) {
        if (run_fits(r, at, w)) {
            *ret = at;
            return true;
        }
        if ((r->pfn + at + w->pages) * PP_PAGE_SIZE - 1 > w->high)
            break;
    }
    for (uint64_t at = first; at + w->pages < r->count && at < r->next; at++) {
        if (run_fits(r, at, w)) {
            *ret = at;
            return true;
        }
    }
    return false;
}

static struct block *block_new(void)
{
    for (uint32_t i = g.free_hint; i < g.count; i++) {
        if (!g.blocks[i].is_live) {
            g.free_hint = i + 1;
            return &g.blocks[i];
        }
    }
    g.free_hint = g.count;
    if (g.count == g.room) {
        uint32_t room = g.room ? g.room * 2 : 64;
        struct block *blocks = pp_resize(g.blocks, room * sizeof *blocks);

        if (!blocks)
            return NULL;
        g.blocks = blocks;
        g.room = room;
    }
    return &g.blocks[g.count++];
}

static struct block *frames_take(struct region *r, const struct want *w, bool *ret_used_before)
{
    struct block *b;
    uint64_t at;

    if (!w->pages || w->pages >= r->count || !region_find(r, w, &at))
        return NULL;
    b = block_new();
    if (!b)
        return NULL;
    *b = (struct block){.pfn = r->pfn + at,
                        .pages = w->pages,
                        .size = w->size,
                        .owner = mm_owner(),
                        .cache = w->cache,
                        .prot = w->prot,
                        .kind = w->kind,
                        .is_live = true};
    r->used += w->pages;
    for (uint64_t i = 0; i < w->pages; i++)
        r->block_of[at + i] = (uint32_t)(b - g.blocks) + 1;
    *ret_used_before = at < r->next;
    if (at + w->pages + 1 > r->next)
        r->next = at + w->pages + 1;
    return b;
}

static void frames_give(struct block *b)
{
    struct region *r = region_of(b->pfn);

    for (uint64_t i = 0; i < b->pages; i++)
        r->block_of[b->pfn - r->pfn + i] = 0;
    r->used -= b->pages;
    b->is_live = false;
    g.free_hint = PP_MIN(g.free_hint, (uint32_t)(b - g.blocks));
}

unsigned mm_pages_left(void)
{
    return (unsigned)((g.high.count - g.high.used) * 100 / g.high.count);
}

/* ---- Contiguous memory ---- */

/* Filled before the driver's protection is set. */
static void *contiguous(struct want *w, int fill)
{
    struct block *b;
    bool used_before;
    uint64_t va;

    if (!w->size || w->size > MM_CONT_SIZE)
        return NULL;
    w->pages = (w->size + PP_PAGE_SIZE - 1) / PP_PAGE_SIZE;
    b = frames_take(&g.low, w, &used_before);
    if (!b)
        return NULL;
    va = window_va(b->pfn);
    if (os_protect(va, b->pages * PP_PAGE_SIZE, OS_READ | OS_WRITE)) {
        frames_give(b);
        return NULL;
    }
    memset((void *)va, fill, b->pages * PP_PAGE_SIZE);
    if ((b->prot & OS_EXEC) && os_protect(va, b->pages * PP_PAGE_SIZE, b->prot))
        b->prot &= ~(unsigned)OS_EXEC; /* refused by the system */
    return (void *)va;
}

static void *contiguous_new(struct want *w)
{
    w->kind = BLOCK_CONTIGUOUS;
    return w->boundary & (w->boundary - 1) ? NULL : contiguous(w, pl_patterns(ke_m.pool).fresh);
}

NT_EXPORT PVOID NTAPI MmAllocateContiguousMemory(SIZE_T size, PHYSICAL_ADDRESS highest)
{
    struct want w = {.size = size,
                     .high = (uint64_t)highest.QuadPart,
                     .cache = MmCached,
                     .prot = OS_READ | OS_WRITE | OS_EXEC};

    return contiguous_new(&w);
}

NT_EXPORT PVOID NTAPI MmAllocateContiguousMemorySpecifyCache(SIZE_T size, PHYSICAL_ADDRESS lowest,
                                                             PHYSICAL_ADDRESS highest,
                                                             PHYSICAL_ADDRESS boundary,
                                                             MEMORY_CACHING_TYPE cache)
{
    struct want w = {.size = size,
                     .low = (uint64_t)lowest.QuadPart,
                     .high = (uint64_t)highest.QuadPart,
                     .boundary = (uint64_t)boundary.QuadPart,
                     .cache = (uint32_t)cache,
                     .prot = OS_READ | OS_WRITE | OS_EXEC};

    return w.cache < MmMaximumCacheType ? contiguous_new(&w) : NULL;
}

NT_EXPORT PVOID NTAPI MmAllocateContiguousMemorySpecifyCacheNode(
    SIZE_T size, PHYSICAL_ADDRESS lowest, PHYSICAL_ADDRESS highest, PHYSICAL_ADDRESS boundary,
    MEMORY_CACHING_TYPE cache, ULONG node)
{
    (void)node; /* there is one */
    return MmAllocateContiguousMemorySpecifyCache(size, lowest, highest, boundary, cache);
}

/* PAGE_READWRITE or PAGE_EXECUTE_READWRITE, perhaps with one of the two cache modifiers. */
static bool want_protect(struct want *w, ULONG protect)
{
    ULONG access = protect & ~(ULONG)(PAGE_NOCACHE | PAGE_WRITECOMBINE);
    ULONG cache = protect & (PAGE_NOCACHE | PAGE_WRITECOMBINE);

    if ((access != PAGE_READWRITE && access != PAGE_EXECUTE_READWRITE) ||
        cache == (PAGE_NOCACHE | PAGE_WRITECOMBINE))
        return false;
    if (access != PAGE_READWRITE)
        mm_rule(VF_EXECUTABLE_PAGE, 0x2001, ke_caller(), protect, 0);
    w->prot = OS_READ | OS_WRITE | (access == PAGE_READWRITE ? 0u : OS_EXEC);
    w->cache = !cache ? MmCached : cache == PAGE_NOCACHE ? MmNonCached : MmWriteCombined;
    return true;
}

NT_EXPORT PVOID NTAPI MmAllocateContiguousNodeMemory(SIZE_T size, PHYSICAL_ADDRESS lowest,
                                                     PHYSICAL_ADDRESS highest,
                                                     PHYSICAL_ADDRESS boundary, ULONG protect,
                                                     ULONG node)
{
    struct want w = {.size = size,
                     .low = (uint64_t)lowest.QuadPart,
                     .high = (uint64_t)highest.QuadPart,
                     .boundary = (uint64_t)boundary.QuadPart};

    (void)node; /* as above */
    return want_protect(&w, protect) ? contiguous_new(&w) : NULL;
}

/* Doc: nf-wdm-mmallocatecontiguousmemoryex: the size allocated comes back in *size. The page names
 * no statuses; a parameter that no variant of the routine takes is an invalid one. */
NT_EXPORT NTSTATUS NTAPI MmAllocateContiguousMemoryEx(PSIZE_T size, PHYSICAL_ADDRESS lowest,
                                                      PHYSICAL_ADDRESS highest,
                                                      PHYSICAL_ADDRESS boundary, ULONG node,
                                                      ULONG protect, PVOID partition, ULONG tag,
                                                      ULONG flags, PVOID *ret)
{
    struct want w = {.size = *size,
                     .low = (uint64_t)lowest.QuadPart,
                     .high = (uint64_t)highest.QuadPart,
                     .boundary = (uint64_t)boundary.QuadPart};
    void *p;

    (void)node; /* as above */
    if (partition)
        ke_not_modelled("MmAllocateContiguousMemoryEx", "with a memory partition");
    if (!w.size || (w.boundary & (w.boundary - 1)) || !tag || !want_protect(&w, protect) ||
        (flags & ~(ULONG)MM_ALLOCATE_CONTIGUOUS_MEMORY_FAST_ONLY))
        return STATUS_INVALID_PARAMETER;
    p = contiguous_new(&w);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    *size = w.pages * PP_PAGE_SIZE;
    *ret = p;
    return STATUS_SUCCESS;
}

static bool close_block(uint64_t va, enum block_kind kind)
{
    struct block *b = block_by_va(va);

    if (!b || b->kind != kind || window_va(b->pfn) != va)
        return false;
    PP_ASSERT(!os_protect(va, b->pages * PP_PAGE_SIZE, OS_NONE));
    frames_give(b);
    return true;
}

NT_EXPORT VOID NTAPI MmFreeContiguousMemory(PVOID base)
{
    if (!close_block(KE_ARG(base), BLOCK_CONTIGUOUS))
        mm_rule(VF_FREE_CONTIGUOUS, 0x60, KE_ARG(base), 0, 0);
}

/* The size and the cache type must be those of the allocation. */
NT_EXPORT VOID NTAPI MmFreeContiguousMemorySpecifyCache(PVOID base, SIZE_T size,
                                                        MEMORY_CACHING_TYPE cache)
{
    struct block *b = block_by_va(KE_ARG(base));
    struct vf_case c = {
        .rule = VF_FREE_CONTIGUOUS, .p = {0x60, KE_ARG(base)}, .access = VF_NO_ACCESS};

    if (b && b->kind == BLOCK_CONTIGUOUS) {
        if ((size + PP_PAGE_SIZE - 1) / PP_PAGE_SIZE != b->pages)
            c.detail = "the size differs from the size of the allocation";
        else if (b->cache != (uint32_t)cache)
            c.detail = "the cache type differs from that of the allocation";
        if (c.detail)
            (void)vf_report(&c);
    }
    MmFreeContiguousMemory(base);
}

NT_EXPORT PVOID NTAPI MmAllocateNonCachedMemory(SIZE_T size)
{
    struct want w = {.size = size,
                     .high = UINT64_MAX,
                     .kind = BLOCK_NONCACHED,
                     .prot = OS_READ | OS_WRITE,
                     .cache = MmNonCached};

    return contiguous(&w, pl_patterns(ke_m.pool).fresh);
}

static bool was_noncached(uint64_t va)
{
    for (uint32_t i = 0; i < g.count; i++) {
        const struct block *b = &g.blocks[i];

        if (!b->is_live && b->kind == BLOCK_NONCACHED && window_va(b->pfn) == va)
            return true;
    }
    return false;
}

/* The address was never, or is no longer, the start of noncached memory: which of 0xDA's codes it is. */
static void release_refused(uint64_t va, uint64_t pages, const struct block *b)
{
    if (va - MM_CONT_VA >= MM_CONT_SIZE)
        mm_rule(VF_PTE_RELEASE_FOREIGN, 0x301, va, 0, 0);
    else if (b && b->kind == BLOCK_NONCACHED)
        mm_rule(VF_PTE_RELEASE_MIDDLE, 0x304, va, pages, 0);
    else if (b)
        mm_rule(VF_PTE_RELEASE_OTHER, 0x303, va, pages, 0);
    else if (was_noncached(va))
        mm_rule(VF_PTE_RELEASE_AGAIN, 0x306, va, va, pages);
    else
        mm_rule(VF_PTE_RELEASE_NOTHING, 0x302, va, 0, 0);
}

NT_EXPORT VOID NTAPI MmFreeNonCachedMemory(PVOID base, SIZE_T size)
{
    struct block *b = block_by_va(KE_ARG(base));
    uint64_t pages = (size + PP_PAGE_SIZE - 1) / PP_PAGE_SIZE;

    if (!b || b->kind != BLOCK_NONCACHED || window_va(b->pfn) != KE_ARG(base)) {
        release_refused(KE_ARG(base), pages, b);
        return;
    }
    if (!pages) {
        mm_rule(VF_PTE_RELEASE_EMPTY, 0x300, KE_ARG(base), 0, 0);
        return;
    }
    if (pages != b->pages)
        mm_rule(VF_PTE_NONCACHED_SIZE, 0x305, KE_ARG(base), pages, b->pages);
    (void)close_block(KE_ARG(base), BLOCK_NONCACHED); /* checked above */
}

/* ---- Secure pool: whole pages that the driver may only read ---- */

void *mm_secure_new(size_t size)
{
    struct want w = {.size = size, .high = UINT64_MAX, .kind = BLOCK_SECURE, .prot = OS_READ};
    uint8_t *p = contiguous(&w, 0);

    if (p && os_protect(KE_ARG(p), w.pages * PP_PAGE_SIZE, OS_READ)) {
        (void)close_block(KE_ARG(p), BLOCK_SECURE); /* just made */
        return NULL;
    }
    return p;
}

bool mm_secure_write(void *base, size_t offset, const void *from, size_t size)
{
    uint64_t pa = KE_ARG(base) - MM_CONT_VA + MM_CONT_PA + offset, va;

    if (!size)
        return true;
    va = mm_phys_map(pa, size, true, false); /* the driver's own view stays closed */
    if (!va)
        return false;
    mm_copy((void *)va, from, size);
    return mm_phys_unmap(va, size);
}

void mm_secure_free(void *base)
{
    PP_ASSERT(close_block(KE_ARG(base), BLOCK_SECURE));
}

bool mm_is_secure(uint64_t va)
{
    const struct block *b = block_by_va(va);

    return b && b->kind == BLOCK_SECURE;
}

/* ---- Pages without an address ---- */

/* Through a mapping of a moment. Pages were zeroed when they were freed (`is_freed`), so what is not zero
 * now was written since, through a mapping that was left. */
static bool zero_frames(const struct block *b, bool is_freed)
{
    uint64_t va = mm_phys_map(b->pfn * PP_PAGE_SIZE, b->pages * PP_PAGE_SIZE, true, false);
    const uint64_t *p = (const uint64_t *)va;
    size_t words = b->pages * PP_PAGE_SIZE / sizeof *p;

    if (!va)
        return false;
    for (size_t i = 0; is_freed && i < words; i++) {
        if (!p[i])
            continue;
        mm_rule(VF_PAGE_NOT_ZERO, KE_ARG(&p[i]), b->pfn + i * sizeof *p / PP_PAGE_SIZE, 0, 0);
        break;
    }
    memset((void *)va, 0, b->pages * PP_PAGE_SIZE);
    return mm_phys_unmap(va, 0);
}

static struct block *take_pages(struct want *w, bool *ret_used_before)
{
    struct block *b = w->high >= MM_HIGH_PA ? frames_take(&g.high, w, ret_used_before) : NULL;

    return b ? b : frames_take(&g.low, w, ret_used_before);
}

static MDL *pages_mdl(const struct block *b)
{
    ULONG length = (ULONG)(b->pages * PP_PAGE_SIZE);
    size_t size = sizeof(MDL) + b->pages * sizeof(PFN_NUMBER);
    MDL *mdl = ex_alloc_for_driver(NonPagedPoolNx, size, TAG_PAGES);
    PFN_NUMBER *frames;

    if (!mdl)
        return NULL;
    memset(mdl, 0, sizeof *mdl);
    mdl->Size = (CSHORT)size;
    mdl->MdlFlags = MDL_PAGES_LOCKED;
    mdl->ByteCount = length;
    frames = (PFN_NUMBER *)(void *)(mdl + 1);
    for (uint64_t i = 0; i < b->pages; i++)
        frames[i] = b->pfn + i;
    return mdl;
}

static bool pages_flags_ok(ULONG flags)
{
    const ULONG known = MM_DONT_ZERO_ALLOCATION | MM_ALLOCATE_FROM_LOCAL_NODE_ONLY |
                        MM_ALLOCATE_FULLY_REQUIRED | MM_ALLOCATE_NO_WAIT |
                        MM_ALLOCATE_PREFER_CONTIGUOUS | MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS |
                        MM_ALLOCATE_FAST_LARGE_PAGES | MM_ALLOCATE_AND_HOT_REMOVE;

    if (flags & ~known)
        return false;
    return !(flags & MM_ALLOCATE_AND_HOT_REMOVE) ||
           (!(flags & MM_ALLOCATE_FULLY_REQUIRED) && ke_irql() == PASSIVE_LEVEL);
}

static PMDL pages_for_mdl(struct want *w, ULONG flags)
{
    struct block *b;
    bool used_before;
    uint32_t index;
    MDL *mdl;

    mm_irql_rule(VF_PAGES_IRQL, DISPATCH_LEVEL, DISPATCH_LEVEL, 0);
    if (!w->size || w->size > 0xFFFFF000u || !pages_flags_ok(flags))
        return NULL;
    w->pages = (w->size + PP_PAGE_SIZE - 1) / PP_PAGE_SIZE;
    b = take_pages(w, &used_before);
    /* Fewer pages than asked are allowed unless the caller refuses them. */
    while (!b && !(flags & MM_ALLOCATE_FULLY_REQUIRED) && w->pages > 1) {
        w->pages /= 2;
        b = take_pages(w, &used_before);
    }
    if (!b)
        return NULL;
    index = (uint32_t)(b - g.blocks);
    if (used_before && !zero_frames(b, region_of(b->pfn) == &g.high))
        goto fail_frames;
    mdl = pages_mdl(b);
    if (!mdl)
        goto fail_frames;
    return mdl;

fail_frames:
    frames_give(&g.blocks[index]);
    return NULL;
}

/* The skip only matters for what physical addresses later pages get; any page in the range will do.
 */
NT_EXPORT PMDL NTAPI MmAllocatePagesForMdl(PHYSICAL_ADDRESS low, PHYSICAL_ADDRESS high,
                                           PHYSICAL_ADDRESS skip, SIZE_T size)
{
    struct want w = {.size = size,
                     .low = (uint64_t)low.QuadPart,
                     .high = (uint64_t)high.QuadPart,
                     .kind = BLOCK_PAGES};

    (void)skip;
    return pages_for_mdl(&w, 0);
}

NT_EXPORT PMDL NTAPI MmAllocatePagesForMdlEx(PHYSICAL_ADDRESS low, PHYSICAL_ADDRESS high,
                                             PHYSICAL_ADDRESS skip, SIZE_T size,
                                             MEMORY_CACHING_TYPE cache, ULONG flags)
{
    struct want w = {.size = size,
                     .low = (uint64_t)low.QuadPart,
                     .high = (uint64_t)high.QuadPart,
                     .kind = BLOCK_PAGES};

    (void)skip;  /* as above */
    (void)cache; /* memory is coherent */
    return pages_for_mdl(&w, flags);
}

NT_EXPORT PMDL NTAPI MmAllocateNodePagesForMdlEx(PHYSICAL_ADDRESS low, PHYSICAL_ADDRESS high,
                                                 PHYSICAL_ADDRESS skip, SIZE_T size,
                                                 MEMORY_CACHING_TYPE cache, ULONG node, ULONG flags)
{
    (void)node; /* there is one */
    return MmAllocatePagesForMdlEx(low, high, skip, size, cache, flags);
}

/* The MDL itself stays: the caller frees it with ExFreePool. */
NT_EXPORT VOID NTAPI MmFreePagesFromMdl(PMDL mdl)
{
    PFN_NUMBER *frames = (PFN_NUMBER *)(void *)(mdl + 1);
    struct block *b;

    mm_irql_rule(VF_PAGES_IRQL, DISPATCH_LEVEL, DISPATCH_LEVEL, 0);
    if (mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA)
        mm_rule(VF_MDL_FREE_MAPPED, 0xB8, KE_ARG(mdl), (USHORT)mdl->MdlFlags, 0);
    b = mdl->ByteCount ? block_at(frames[0]) : NULL;
    if (!b || b->kind != BLOCK_PAGES || b->pfn != frames[0]) {
        mm_rule(VF_MDL_UNLOCK_UNLOCKED, 0x7C, KE_ARG(mdl), (USHORT)mdl->MdlFlags, 0);
        return;
    }
    (void)zero_frames(b, false); /* no addresses: its bytes stay, and are zeroed when it is used again */
    frames_give(b);
    mdl->MdlFlags = (CSHORT)(mdl->MdlFlags & ~MDL_PAGES_LOCKED);
}

/* ---- After fork, at unload ---- */

int mm_cont_remap(int fd)
{
    int err = os_unmap(MM_CONT_VA, MM_CONT_SIZE);

    if (!err)
        err = os_shared_map(fd, MM_CONT_PA, MM_CONT_VA, MM_CONT_SIZE, OS_NONE);
    for (uint32_t i = 0; !err && i < g.count; i++) {
        const struct block *b = &g.blocks[i];

        if (b->is_live && b->kind != BLOCK_PAGES)
            err = os_protect(window_va(b->pfn), b->pages * PP_PAGE_SIZE, b->prot);
    }
    return err;
}

int mm_cont_ranges(mm_range_fn fn, void *ctx)
{
    int err = 0;

    for (uint32_t i = 0; !err && i < g.count; i++)
        if (g.blocks[i].is_live)
            err = fn(ctx, g.blocks[i].pfn * PP_PAGE_SIZE, g.blocks[i].pages * PP_PAGE_SIZE);
    return err;
}

unsigned mm_cont_check_unload(const struct ke_image *image, char *text, size_t size)
{
    static const char *const names[] = {"contiguous memory", "noncached memory", "pages of an MDL",
                                        "secure pool"};
    unsigned left = 0;

    for (uint32_t i = 0; i < g.count; i++) {
        const struct block *b = &g.blocks[i];

        if (!b->is_live || b->owner != image->owner)
            continue;
        if (!left++)
            pp_fmt(text, size, "%s unloaded without freeing %s: %zu bytes", image->name,
                   names[b->kind], b->size);
    }
    return left;
}
