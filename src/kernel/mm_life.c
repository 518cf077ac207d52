/* What outlives a driver, and what must not outlive a fork. */
#include "kernel/hal_dma.h"

struct left {
    const struct ke_image *image;
    unsigned count;
};

static void note(const char *text)
{
    ke_m.config.host.note(ke_m.config.host.ctx, text);
}

static bool one_left(void *ctx, struct mm_map *m)
{
    static const char *const names[] = {"device memory (MmMapIoSpace)", "the pages of an MDL",
                                        "a reserved range (MmAllocateMappingAddress)", "a section"};
    struct left *l = ctx;
    char text[PP_WHY_SIZE];

    if (m->owner != l->image->owner)
        return true;
    l->count++;
    pp_fmt(text, sizeof text, "%s unloaded and left %s mapped: %llu bytes", l->image->name, names[m->kind],
           (unsigned long long)m->size);
    note(text);
    return true;
}

unsigned mm_check_unload(struct ke_image *image)
{
    struct left l = {.image = image};
    char text[PP_WHY_SIZE];
    unsigned adapters = hal_dma_check_unload(image);
    unsigned blocks = mm_cont_check_unload(image, text, sizeof text);

    if (blocks)
        note(text);
    mm_map_each(one_left, &l);
    return l.count + blocks + adapters;
}

/* ---- After fork ---- */

struct copy {
    int from, to;
    int err;
};

/* Most of what is there was never touched. */
static int copy_range(void *ctx, uint64_t pa, size_t size)
{
    const struct copy *c = ctx;
    uint64_t from = pa, to, end = pa + size;
    int err = 0;

    while (!err && from < end && os_shared_used(c->from, from, end, &from, &to)) {
        err = os_shared_copy(c->from, c->to, from, to - from);
        from = to;
    }
    return err;
}

/* Device registers that are mapped: nothing else knows about them. */
static bool copy_mapping(void *ctx, struct mm_map *m)
{
    struct copy *c = ctx;
    uint64_t pa = m->pfn * PP_PAGE_SIZE, size = m->pages * PP_PAGE_SIZE;

    if (!m->pfns && !m->is_loan && m->kind != MM_MAP_RESERVED && pa >= MM_DEVICE_PA && pa < MM_HIGH_PA)
        c->err = copy_range(c, pa, size);
    return !c->err;
}

int mm_after_fork(void)
{
    struct copy c = {.from = mm_phys_fd()};
    int err = os_shared_new(MM_RAM_END, &c.to);

    if (!err)
        err = copy_range(&c, 0, MM_CONT_PA);
    if (!err)
        err = mm_user_ranges(copy_range, &c);
    if (!err)
        err = mm_cont_ranges(copy_range, &c);
    if (!err) {
        mm_map_each(copy_mapping, &c);
        err = c.err;
    }
    if (!err)
        err = mm_user_remap(c.to);
    if (!err)
        err = mm_cont_remap(c.to);
    return err ? err : mm_map_remap(c.to);
}
