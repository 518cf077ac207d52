/*
 * Simulated physical memory: the memory file, page frame numbers for memory that has no bytes there, and
 * mappings of frames at fresh addresses. The layout is drawn in mm_phys.h.
 *
 * Frames are made up in the order in which somebody asks, so that they repeat from run to run. A made-up
 * frame cannot be mapped a second time; mapping it gives the address that the memory already has.
 */
#include "kernel/mm_phys.h"

#include <errno.h>
#include <string.h>

enum { MADE_HASH = 1u << 19 }; /* twice MM_MADE_PAGES */

static struct {
    int fd;
    uint32_t *made_hash;  /* [MADE_HASH]: frame index + 1, by virtual page */
    uint64_t *made_va;    /* [MM_MADE_PAGES] */
    uint32_t made_count;
    struct mm_map **maps; /* in order of address; loans are in it too, by time */
    size_t map_count, map_room, map_dead;
    uint64_t pte_next, user_next;
} g = {.fd = -1};

int mm_phys_fd(void)
{
    return g.fd;
}

/* ---- Low memory ---- */

/* What PC firmware leaves below 1 MB: interrupt vectors into the BIOS, data area, entry and date. */
static int low_memory_init(void)
{
    uint64_t va = MM_PTE_END - 0x100000;
    uint8_t *p = (uint8_t *)va;
    static const uint8_t reset[] = {0xEA, 0x5B, 0xE0, 0x00, 0xF0}; /* jmp F000:E05B */
    int err = os_shared_map(g.fd, 0, va, 0x100000, OS_READ | OS_WRITE);

    if (err)
        return err;
    for (unsigned i = 0; i < 256; i++) {
        const uint32_t vector = 0xF000FF53u;

        memcpy(p + 4 * i, &vector, sizeof vector);
    }
    p[0x410] = 0x23;                 /* equipment: diskette, coprocessor, 80x25 */
    p[0x413] = 0x7F;                 /* 639 KB below the extended data area */
    p[0x414] = 0x02;
    p[0x40E] = 0xC0;                 /* extended BIOS data area at 9FC00 */
    p[0x40F] = 0x9F;
    p[0x9FC00] = 1;                  /* its size in KB */
    p[0xFFF53] = 0xCF;               /* iret: where the vectors point */
    memcpy(p + 0xFFFF0, reset, sizeof reset);
    memcpy(p + 0xFFFF5, "01/01/20", 8);
    p[0xFFFFE] = 0xFC;               /* model: AT */
    return os_unmap(va, 0x100000);
}

int mm_phys_init(void)
{
    int err;

    g.made_hash = pp_new_array(MADE_HASH, sizeof *g.made_hash);
    g.made_va = pp_new_array(MM_MADE_PAGES, sizeof *g.made_va);
    if (!g.made_hash || !g.made_va)
        return -ENOMEM;
    g.pte_next = MM_PTE_VA + PP_PAGE_SIZE;
    g.user_next = MM_USER_MAP_VA;
    err = os_shared_new(MM_RAM_END, &g.fd);
    if (!err)
        os_keep_fd(g.fd);
    return err ? err : low_memory_init();
}

/* ---- Frames made up for memory of our own ---- */

static uint32_t made_slot(uint64_t page)
{
    return (uint32_t)(((page >> 12) * 0x9E3779B97F4A7C15ull) >> 45) & (MADE_HASH - 1);
}

static uint64_t made_frame(uint64_t page)
{
    uint32_t s = made_slot(page);

    for (; g.made_hash[s]; s = (s + 1) & (MADE_HASH - 1)) {
        if (g.made_va[g.made_hash[s] - 1] == page)
            return MM_MADE_PA + (uint64_t)(g.made_hash[s] - 1) * PP_PAGE_SIZE;
    }
    if (g.made_count == MM_MADE_PAGES) { /* start over: old frames lose their meaning */
        memset(g.made_hash, 0, MADE_HASH * sizeof *g.made_hash);
        memset(g.made_va, 0, MM_MADE_PAGES * sizeof *g.made_va);
        g.made_count = 0;
        s = made_slot(page);
    }
    g.made_va[g.made_count++] = page;
    g.made_hash[s] = g.made_count;
    return MM_MADE_PA + (uint64_t)(g.made_count - 1) * PP_PAGE_SIZE;
}

static bool is_made(uint64_t pfn)
{
    return pfn - MM_MADE_PA / PP_PAGE_SIZE < MM_MADE_PAGES;
}

static uint64_t made_page(uint64_t pfn)
{
    return g.made_va[pfn - MM_MADE_PA / PP_PAGE_SIZE];
}

static uint64_t map_frame(const struct mm_map *m, uint64_t index)
{
    return m->pfns ? m->pfns[index] : m->pfn + index;
}

uint64_t mm_phys(uint64_t va)
{
    uint64_t offset = va & (PP_PAGE_SIZE - 1);

    if (va - MM_USER_VA < MM_USER_SIZE)
        return mm_user_is_open(va) ? MM_USER_PA + (va - MM_USER_VA) : 0;
    if (va - MM_CONT_VA < MM_CONT_SIZE)
        return mm_cont_is_open(va) ? MM_CONT_PA + (va - MM_CONT_VA) : 0;
    if ((va >= MM_PTE_VA && va < MM_PTE_END) || (va >= MM_USER_MAP_VA && va < KE_USER_HIGH)) {
        const struct mm_map *m = mm_map_find(va);

        if (!m || (m->kind == MM_MAP_RESERVED && (va - m->va) / PP_PAGE_SIZE >= m->used))
            return 0;
        return map_frame(m, (va - m->va) / PP_PAGE_SIZE) * PP_PAGE_SIZE + offset;
    }
    return mm_is_valid(va) ? made_frame(mm_page_of(va)) + offset : 0;
}

struct by_frame {
    uint64_t pfn, found;
};

static bool match_frame(void *ctx, struct mm_map *m)
{
    struct by_frame *f = ctx;

    uint64_t pages = m->kind == MM_MAP_RESERVED ? m->used : m->pages;

    if (m->is_user || m->is_loan)
        return true;
    for (uint64_t i = 0; i < pages; i++) {
        if (map_frame(m, i) == f->pfn) {
            f->found = m->va + i * PP_PAGE_SIZE;
            return false;
        }
    }
    return true;
}

uint64_t mm_virt(uint64_t pa)
{
    struct by_frame f = {.pfn = pa / PP_PAGE_SIZE};
    uint64_t offset = pa & (PP_PAGE_SIZE - 1), va;

    if (is_made(f.pfn)) {
        va = made_page(f.pfn);
        return va ? va + offset : 0;
    }
    if (pa - MM_USER_PA < MM_USER_SIZE) {
        va = MM_USER_VA + (pa - MM_USER_PA);
        return mm_user_is_open(va) ? va : 0;
    }
    if (pa - MM_CONT_PA < MM_CONT_SIZE && mm_cont_is_open(MM_CONT_VA + (pa - MM_CONT_PA)))
        return MM_CONT_VA + (pa - MM_CONT_PA);
    mm_map_each(match_frame, &f);
    return f.found ? f.found + offset : 0;
}

/* ---- Mappings ---- */

static void maps_compact(void)
{
    size_t to = 0;

    for (size_t i = 0; i < g.map_count; i++) {
        if (g.maps[i]->is_live) {
            g.maps[to++] = g.maps[i];
            continue;
        }
        pp_free(g.maps[i]->pfns);
        pp_free(g.maps[i]);
    }
    g.map_count = to;
    g.map_dead = 0;
}

static bool maps_add(struct mm_map *m)
{
    if (g.map_dead > 256 && g.map_dead > g.map_count / 2)
        maps_compact();
    if (g.map_count == g.map_room) {
        size_t room = g.map_room ? g.map_room * 2 : 64;
        struct mm_map **maps = pp_resize(g.maps, room * sizeof(struct mm_map *));

        if (!maps)
            return false;
        g.maps = maps;
        g.map_room = room;
    }
    g.maps[g.map_count++] = m;
    return true;
}

/* Made-up frames: the one address where they lie in this order; 0: none. */
static uint64_t loan_address(const struct mm_map *m)
{
    uint64_t va = made_page(map_frame(m, 0));

    for (uint64_t i = 0; va && i < m->pages; i++) {
        uint64_t pfn = map_frame(m, i);

        if (!is_made(pfn) || made_page(pfn) != va + i * PP_PAGE_SIZE)
            return 0;
    }
    return va;
}

static int map_run(int fd, uint64_t va, uint64_t pfn, uint64_t pages, unsigned prot)
{
    uint64_t pa = pfn * PP_PAGE_SIZE;

    /* Devices above the file: bytes of this mapping only. */
    if (pa >= MM_RAM_END)
        return os_map(va, pages * PP_PAGE_SIZE, prot);
    return os_shared_map(fd, pa, va, pages * PP_PAGE_SIZE, prot);
}

static int map_frames(int fd, const struct mm_map *m, unsigned prot)
{
    for (uint64_t i = 0, n; i < m->pages; i += n) {
        uint64_t pfn = map_frame(m, i);
        int err;

        n = 1;
        while (i + n < m->pages && map_frame(m, i + n) == pfn + n &&
               (pfn + n) * PP_PAGE_SIZE != MM_RAM_END)
            n++;
        err = map_run(fd, m->va + i * PP_PAGE_SIZE, pfn, n, prot);
        if (err) {
            if (i)
                (void)os_unmap(m->va, i * PP_PAGE_SIZE); /* the first error counts */
            return err;
        }
    }
    return 0;
}

static bool any_made(const struct mm_map *m)
{
    for (uint64_t i = 0; i < m->pages; i++)
        if (is_made(map_frame(m, i)))
            return true;
    return false;
}

/* Fresh addresses, with a page between neighbours that stays closed. */
static bool map_place(struct mm_map *m, unsigned prot, bool *mixed)
{
    uint64_t *next = m->is_user ? &g.user_next : &g.pte_next;
    uint64_t end = m->is_user ? MM_PROBE_ADDRESS : MM_PTE_END - 0x100000;

    if (m->kind != MM_MAP_RESERVED && any_made(m)) {
        m->is_loan = !m->is_user;
        m->va = m->is_loan ? loan_address(m) : 0;
        *mixed = !m->va;
        return m->va != 0;
    }
    if (m->pages >= (end - *next) / PP_PAGE_SIZE)
        return false;
    m->va = *next;
    if (m->kind != MM_MAP_RESERVED && map_frames(g.fd, m, prot))
        return false;
    *next += (m->pages + 1) * PP_PAGE_SIZE;
    return true;
}

struct mm_map *mm_map_new(const struct mm_map_request *r, bool *mixed)
{
    struct mm_map *m = pp_new(sizeof *m);
    bool unused;

    if (!mixed)
        mixed = &unused;
    *mixed = false;
    if (!m)
        return NULL;
    m->pages = r->pages;
    m->pfn = r->pfn;
    m->size = r->size;
    m->kind = r->kind;
    m->mdl = r->mdl;
    m->is_user = r->user;
    m->owner = mm_owner();
    if (r->pfns) {
        m->pfns = pp_new_array(r->pages, sizeof *m->pfns);
        if (!m->pfns)
            goto fail;
        memcpy(m->pfns, r->pfns, r->pages * sizeof *m->pfns);
    }
    if (!map_place(m, r->prot, mixed))
        goto fail;
    m->asked = m->va + r->offset;
    if (!maps_add(m))
        goto fail_map;
    m->is_live = true;
    return m;

fail_map:
    if (!m->is_loan && m->kind != MM_MAP_RESERVED)
        (void)os_unmap(m->va, m->pages * PP_PAGE_SIZE); /* out of memory already */
fail:
    pp_free(m->pfns);
    pp_free(m);
    return NULL;
}

uint64_t mm_map_room(uint32_t owner, uint64_t *ret_mine, uint64_t *ret_total)
{
    uint64_t mine = 0;

    for (size_t i = 0; i < g.map_count; i++) {
        const struct mm_map *m = g.maps[i];

        if (m->is_live && !m->is_user && !m->is_loan && m->owner == owner)
            mine += m->pages;
    }
    *ret_mine = mine;
    *ret_total = (MM_PTE_END - MM_PTE_VA) / PP_PAGE_SIZE;
    return (MM_PTE_END - g.pte_next) / PP_PAGE_SIZE;
}

void mm_map_free(struct mm_map *m)
{
    if (!m->is_loan && m->kind != MM_MAP_RESERVED)
        PP_ASSERT(!os_unmap(m->va, m->pages * PP_PAGE_SIZE));
    PP_ASSERT(!m->used);
    m->is_live = false;
    g.map_dead++;
}

bool mm_map_reserved(struct mm_map *m, const uint64_t *pfns, uint64_t pages)
{
    struct mm_map part = {.va = m->va, .pages = pages, .pfns = (uint64_t *)(uintptr_t)pfns};

    if (!pfns) {
        PP_ASSERT(!m->used || !os_unmap(m->va, m->used * PP_PAGE_SIZE));
        pp_free(m->pfns);
        m->pfns = NULL;
        m->used = 0;
        return true;
    }
    if (any_made(&part))
        return false;
    m->pfns = pp_new_array(m->pages, sizeof *m->pfns); /* the rest: frame 0 */
    PP_ASSERT(m->pfns && !map_frames(g.fd, &part, OS_READ | OS_WRITE));
    memcpy(m->pfns, pfns, pages * sizeof *pfns);
    m->used = pages;
    return true;
}

struct mm_map *mm_map_find(uint64_t va)
{
    for (size_t i = g.map_count; i--;) {
        struct mm_map *m = g.maps[i];

        if (!m->is_live)
            continue;
        if (m->is_loan ? m->asked == va : va - m->va < m->pages * PP_PAGE_SIZE)
            return m;
    }
    return NULL;
}

void mm_map_each(bool (*fn)(void *ctx, struct mm_map *m), void *ctx)
{
    for (size_t i = 0; i < g.map_count; i++)
        if (g.maps[i]->is_live && !fn(ctx, g.maps[i]))
            return;
}

uint64_t mm_phys_map(uint64_t pa, size_t size, bool write, bool user)
{
    struct mm_map_request r = {
        .pfn = pa / PP_PAGE_SIZE,
        .pages = mm_pages_of(pa, size),
        .offset = (size_t)(pa & (PP_PAGE_SIZE - 1)),
        .size = size,
        .prot = OS_READ | (write ? OS_WRITE : 0u),
        .user = user,
        .kind = MM_MAP_SECTION,
    };
    bool mixed;
    struct mm_map *m;

    if (!size || size > MM_PTE_END - MM_PTE_VA || pa >> 52)
        return 0;
    m = mm_map_new(&r, &mixed);
    return m ? m->asked : 0;
}

bool mm_phys_unmap(uint64_t va, size_t size)
{
    struct mm_map *m = mm_map_find(va);

    if (!m || (size && m->size != size) || m->kind == MM_MAP_RESERVED)
        return false;
    mm_map_free(m);
    return true;
}

int mm_map_remap(int fd)
{
    int err = 0;

    for (size_t i = 0; !err && i < g.map_count; i++) {
        struct mm_map *m = g.maps[i];

        struct mm_map part = *m;

        if (m->kind == MM_MAP_RESERVED)
            part.pages = m->used;
        if (!m->is_live || m->is_loan || !part.pages)
            continue;
        err = os_unmap(m->va, part.pages * PP_PAGE_SIZE);
        if (!err)
            err = map_frames(fd, &part, OS_READ | OS_WRITE);
    }
    g.fd = fd;
    return err;
}
