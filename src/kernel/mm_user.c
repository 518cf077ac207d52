/*
 * User buffers: what a program hands to a driver. They live in a window of simulated physical memory, so
 * that an MDL can show the same bytes at a system address. Each buffer ends at a closed page; freed ones
 * are closed and stay so until enough others were freed after them.
 *
 * The window is one mapping of the memory file, closed at first; slots of 1, 2, 4... pages plus one that is
 * never opened are cut off its start and go to a first-in first-out list of their class when freed.
 */
#include "kernel/mm_phys.h"

#include <errno.h>
#include <string.h>

enum {
    USER_PAGES = MM_USER_SIZE / PP_PAGE_SIZE,
    CLASSES = 20,      /* up to 2^19 pages */
    HELD_BACK = 32,    /* freed slots of a class before one is used again */
};

struct slot {
    uint32_t page;     /* first, in the window */
    uint32_t next;     /* index + 1 in the free list */
    uint64_t p;        /* block */
    size_t size;
    uint8_t class_;
    bool is_live;
};

static struct {
    struct slot *slots;
    uint32_t count, room;
    uint32_t *slot_of; /* [USER_PAGES]: index + 1 of the slot that holds the page */
    uint32_t page_next;
    struct {
        uint32_t first, last, count; /* index + 1 */
    } free[CLASSES];
} g;

int mm_user_init(void)
{
    g.slot_of = pp_new_array(USER_PAGES, sizeof *g.slot_of);
    if (!g.slot_of)
        return -ENOMEM;
    return os_shared_map(mm_phys_fd(), MM_USER_PA, MM_USER_VA, MM_USER_SIZE, OS_NONE);
}

static unsigned class_of(size_t pages)
{
    unsigned c = 0;

    while (((size_t)1 << c) < pages)
        c++;
    return c;
}

static uint64_t slot_start(const struct slot *s)
{
    return MM_USER_VA + (uint64_t)s->page * PP_PAGE_SIZE;
}

static struct slot *slot_new(unsigned c)
{
    uint32_t pages = 1u << c;
    struct slot *s;

    if (g.count == g.room) {
        uint32_t room = g.room ? g.room * 2 : 64;

        s = pp_resize(g.slots, room * sizeof *s);
        if (!s)
            return NULL;
        g.slots = s;
        g.room = room;
    }
    if (g.page_next + pages + 1 > USER_PAGES)
        return NULL;
    s = &g.slots[g.count++];
    memset(s, 0, sizeof *s);
    s->page = g.page_next;
    s->class_ = (uint8_t)c;
    for (uint32_t i = 0; i <= pages; i++)
        g.slot_of[g.page_next + i] = g.count;
    g.page_next += pages + 1;
    return s;
}

static struct slot *slot_take(unsigned c, bool any)
{
    struct slot *s;

    if (!g.free[c].count || (!any && g.free[c].count < HELD_BACK))
        return NULL;
    s = &g.slots[g.free[c].first - 1];
    g.free[c].first = s->next;
    g.free[c].count--;
    return s;
}

void *mm_user_alloc(size_t size)
{
    size_t rounded = pp_align_up(size ? size : 1, 8), pages = (rounded + PP_PAGE_SIZE - 1) / PP_PAGE_SIZE;
    unsigned c = class_of(pages);
    struct slot *s;
    uint64_t start;

    if (size > MM_USER_SIZE / 2 || c >= CLASSES)
        return NULL;
    s = slot_take(c, false);
    if (!s)
        s = slot_new(c);
    if (!s)
        s = slot_take(c, true);
    if (!s)
        return NULL;
    /* The pages in use are the slot's last ones: its closed page follows. */
    start = slot_start(s) + (((uint64_t)1 << c) - pages) * PP_PAGE_SIZE;
    if (os_protect(start, pages * PP_PAGE_SIZE, OS_READ | OS_WRITE))
        return NULL;
    memset((void *)start, 0, pages * PP_PAGE_SIZE);
    s->p = start + pages * PP_PAGE_SIZE - rounded;
    s->size = size;
    s->is_live = true;
    return (void *)s->p;
}

static struct slot *slot_at(uint64_t va)
{
    uint32_t index;

    if (va - MM_USER_VA >= MM_USER_SIZE || !g.slot_of)
        return NULL;
    index = g.slot_of[(va - MM_USER_VA) / PP_PAGE_SIZE];
    return index ? &g.slots[index - 1] : NULL;
}

static void slot_pages(const struct slot *s, uint64_t *ret_start, size_t *ret_size)
{
    uint64_t end = slot_start(s) + ((uint64_t)PP_PAGE_SIZE << s->class_);

    *ret_start = mm_page_of(s->p);
    *ret_size = (size_t)(end - *ret_start);
}

bool mm_user_is_open(uint64_t va)
{
    const struct slot *s = slot_at(va);
    uint64_t start;
    size_t size;

    if (!s || !s->is_live)
        return false;
    slot_pages(s, &start, &size);
    return va - start < size;
}

void mm_user_free(void *p)
{
    struct slot *s;
    uint64_t start;
    size_t size;
    uint32_t index;

    if (!p)
        return;
    s = slot_at(KE_ARG(p));
    PP_ASSERT(s && s->is_live && s->p == KE_ARG(p));
    slot_pages(s, &start, &size);
    PP_ASSERT(!os_protect(start, size, OS_NONE));
    s->is_live = false;
    s->next = 0;
    index = (uint32_t)(s - g.slots) + 1;
    if (g.free[s->class_].count++)
        g.slots[g.free[s->class_].last - 1].next = index;
    else
        g.free[s->class_].first = index;
    g.free[s->class_].last = index;
}

bool mm_is_user(uint64_t addr, size_t size)
{
    return addr <= MM_PROBE_ADDRESS && size <= MM_PROBE_ADDRESS - addr;
}

int mm_user_remap(int fd)
{
    int err = os_unmap(MM_USER_VA, MM_USER_SIZE);

    if (!err)
        err = os_shared_map(fd, MM_USER_PA, MM_USER_VA, MM_USER_SIZE, OS_NONE);
    for (uint32_t i = 0; !err && i < g.count; i++) {
        uint64_t start;
        size_t size;

        if (!g.slots[i].is_live)
            continue;
        slot_pages(&g.slots[i], &start, &size);
        err = os_protect(start, size, OS_READ | OS_WRITE);
    }
    return err;
}

int mm_user_ranges(mm_range_fn fn, void *ctx)
{
    int err = 0;

    for (uint32_t i = 0; !err && i < g.count; i++) {
        uint64_t start;
        size_t size;

        if (!g.slots[i].is_live)
            continue;
        slot_pages(&g.slots[i], &start, &size);
        err = fn(ctx, start - MM_USER_VA + MM_USER_PA, size);
    }
    return err;
}
