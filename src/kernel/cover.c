/*
 * Which basic blocks of a driver ran: a one-shot int3 at each block that control flow can be shown to
 * reach (pe_code.c). The first hit puts the byte back and costs one trap; after that the block runs at
 * full speed. Nothing else of the image changes.
 */
#include "kernel/kernel_priv.h"

#include <errno.h>
#include <string.h>

struct ke_cover {
    uint32_t count, reached;
    uint32_t *rva; /* ascending, [count] */
    uint8_t *byte; /* what stood there, [count] */
    uint8_t *hit;  /* [count] */
};

int ke_cover_arm(struct ke_image *im)
{
    struct ke_cover *c = pp_new(sizeof *c);
    struct pe_code *code = NULL;
    uint8_t *mapped = (uint8_t *)im->base;

    if (!c || pe_code_walk(im->pe, &code))
        goto fail;
    c->rva = pp_new_array(code->block_count, sizeof *c->rva);
    c->byte = pp_new_array(code->block_count, 1);
    c->hit = pp_new_array(code->block_count, 1);
    if (!c->rva || !c->byte || !c->hit)
        goto fail;
    for (size_t i = 0; i < code->block_count; i++) {
        uint32_t rva = code->blocks[i].rva;

        if (mapped[rva] == 0xCC) /* a breakpoint of the driver's own stays its own */
            continue;
        c->rva[c->count] = rva;
        c->byte[c->count++] = mapped[rva];
        mapped[rva] = 0xCC;
    }
    pe_code_free(code);
    im->cover = c;
    return 0;

fail:
    pe_code_free(code);
    if (c) {
        pp_free(c->rva);
        pp_free(c->byte);
        pp_free(c->hit);
    }
    pp_free(c);
    return -ENOMEM;
}

bool ke_cover_hit(uint64_t addr)
{
    struct ke_image *im = ke_image_at(addr);
    struct ke_cover *c = im ? im->cover : NULL;
    uint32_t rva = im ? (uint32_t)(addr - im->base) : 0;
    uint32_t lo = 0, hi = c ? c->count : 0;
    uint64_t page = pp_align_down(addr, PP_PAGE_SIZE);
    unsigned prot;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (c->rva[mid] < rva)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (!c || lo >= c->count || c->rva[lo] != rva || c->hit[lo])
        return false;
    prot = ke_image_page_prot(im, (uint32_t)(page - im->base));
    if (!(prot & OS_WRITE) && os_protect(page, PP_PAGE_SIZE, OS_READ | OS_WRITE | OS_EXEC))
        return false;
    *(volatile uint8_t *)addr = c->byte[lo];
    if (!(prot & OS_WRITE) && os_protect(page, PP_PAGE_SIZE, prot))
        return false;
    c->hit[lo] = 1;
    c->reached++;
    return true;
}

void ke_cover_count(uint64_t *ret_blocks, uint64_t *ret_reached)
{
    struct pp_list *it;

    *ret_blocks = *ret_reached = 0;
    PP_LIST_EACH(it, &ke_m.images) {
        struct ke_image *im = PP_CONTAINER(it, struct ke_image, link);

        if (im->cover) {
            *ret_blocks += im->cover->count;
            *ret_reached += im->cover->reached;
        }
    }
}

size_t ke_cover_read(uint8_t *hits, size_t size)
{
    struct pp_list *it;
    size_t n = 0;

    PP_LIST_EACH(it, &ke_m.images) {
        struct ke_image *im = PP_CONTAINER(it, struct ke_image, link);

        for (uint32_t i = 0; im->cover && i < im->cover->count && n < size; i++)
            hits[n++] = im->cover->hit[i];
    }
    return n;
}
