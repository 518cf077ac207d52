/*
 * Simulated physical memory, as the mm_*.c and hal_*.c files share it.
 *
 * One sparse memory file holds the first 5 GB of the physical address space; offset = address.
 *
 *   0x00000000  640 KB  low memory and, up to 1 MB, BIOS areas
 *   0x00100000          contiguous memory; window at MM_CONT_VA, linear
 *   0x20000000          user buffers; window at MM_USER_VA, linear
 *   0x80000000          no bytes of its own: page frames made up for pool, images, stacks
 *   0xC0000000          devices: plain memory that reads as zeros at first
 *   0x100000000         pages of MmAllocatePagesForMdl
 *   0x140000000         end of RAM; device memory above is made for each mapping
 *
 * Every mapping gets fresh addresses that never come back, so a stale one faults.
 */
#ifndef POOLPROOF_MM_PHYS_H
#define POOLPROOF_MM_PHYS_H

#include "kernel/kernel_priv.h"

#define MM_CONT_PA 0x00100000ull
#define MM_USER_PA 0x20000000ull
#define MM_MADE_PA 0x80000000ull
#define MM_DEVICE_PA 0xC0000000ull
#define MM_HIGH_PA 0x100000000ull
#define MM_RAM_END 0x140000000ull
#define MM_CONT_SIZE (MM_USER_PA - MM_CONT_PA)
#define MM_USER_SIZE (MM_MADE_PA - MM_USER_PA)
#define MM_MADE_PAGES ((MM_DEVICE_PA - MM_MADE_PA) / PP_PAGE_SIZE)

#define MM_USER_VA 0x200010000000ull
#define MM_USER_MAP_VA 0x300000000000ull /* mappings into user space */
#define MM_PTE_VA KE_MAP_LOW             /* system mappings */
#define MM_PTE_END 0x4B0000000000ull
#define MM_CONT_VA 0x4B0000000000ull
#define MM_PROBE_ADDRESS (KE_USER_HIGH - 0x10000) /* MmUserProbeAddress */

enum mm_map_kind { MM_MAP_IO, MM_MAP_MDL, MM_MAP_RESERVED, MM_MAP_SECTION };

/* A live mapping. */
struct mm_map {
    uint64_t va;      /* first page */
    uint64_t pages;
    uint64_t pfn;     /* of the first page, when pfns is NULL */
    uint64_t *pfns;   /* [pages] */
    uint64_t size;    /* bytes asked for */
    uint64_t asked;   /* address handed out: va + offset */
    const void *mdl;
    uint32_t owner, tag;
    enum mm_map_kind kind;
    bool is_live, is_user;
    uint64_t used;    /* MM_MAP_RESERVED: pages mapped now */
    bool is_loan;     /* va is the memory's own address: nothing is mapped */
    uint64_t mdl_start, mdl_frame, mdl_pages; /* MM_MAP_MDL: what the MDL said */
};

struct mm_map_request {
    const uint64_t *pfns; /* [pages]; NULL: `pfn` and up */
    uint64_t pfn;
    size_t pages;
    size_t offset;        /* of the first byte in its page */
    size_t size;
    unsigned prot;        /* enum os_prot */
    bool user;
    enum mm_map_kind kind;
    const void *mdl;
};

int mm_phys_init(void);
int mm_user_init(void);
int mm_cont_init(void);
void hal_dispatch_init(void);
int mm_phys_fd(void);
/* NULL: no address space, or frames that cannot be mapped (*mixed: made-up ones of several places). */
struct mm_map *mm_map_new(const struct mm_map_request *r, bool *mixed);
void mm_map_free(struct mm_map *m);
/* System addresses, in pages: how many are left; how many are the owner's, and all. */
uint64_t mm_map_room(uint32_t owner, uint64_t *ret_mine, uint64_t *ret_total);
/* Put frames [pages] into a reserved range; NULL: take them away. False: frames that were made up. */
bool mm_map_reserved(struct mm_map *m, const uint64_t *pfns, uint64_t pages);
bool mm_is_ram(uint64_t pa);
/* The live mapping that holds va; NULL: none. Loans only by their exact address. */
struct mm_map *mm_map_find(uint64_t va);
void mm_map_each(bool (*fn)(void *ctx, struct mm_map *m), void *ctx);
/* Move every live mapping to the file `fd` (after fork). */
int mm_map_remap(int fd);
int mm_user_remap(int fd);
/* How many blocks the image left, with a line about the first. */
unsigned mm_cont_check_unload(const struct ke_image *image, char *text, size_t size);
int mm_cont_remap(int fd);
/* Physical ranges in use, for a copy of the file. */
typedef int (*mm_range_fn)(void *ctx, uint64_t pa, size_t size);
int mm_user_ranges(mm_range_fn fn, void *ctx);
int mm_cont_ranges(mm_range_fn fn, void *ctx);
/* State of a page of the user window: open? PP_ASYNC. */
bool mm_user_is_open(uint64_t va);
bool mm_cont_is_open(uint64_t va);

static inline uint64_t mm_page_of(uint64_t addr)
{
    return addr & ~(uint64_t)(PP_PAGE_SIZE - 1);
}

static inline size_t mm_pages_of(uint64_t addr, size_t size)
{
    return (size_t)(((addr & (PP_PAGE_SIZE - 1)) + size + PP_PAGE_SIZE - 1) / PP_PAGE_SIZE);
}

/* A rule of this group. */
static inline uint32_t mm_rule(enum vf_rule rule, uint64_t p1, uint64_t p2, uint64_t p3, uint64_t p4)
{
    struct vf_case c = {.rule = rule, .p = {p1, p2, p3, p4}, .access = VF_NO_ACCESS};

    return vf_report(&c);
}

/* C4 rules about IRQL: p2 is the IRQL. */
static inline void mm_irql_rule(enum vf_rule rule, KIRQL max, uint64_t p3, uint64_t p4)
{
    if (ke_irql() > max)
        (void)mm_rule(rule, 0, ke_irql(), p3, p4);
}

static inline uint32_t mm_owner(void)
{
    struct ke_image *im = ke_image_current();

    return im ? im->owner : 0;
}

#endif
