/*
 * Copying and filling on a driver's behalf. Bounds of the pool blocks are checked at the call, because
 * up to 15 bytes of slack lie between a block and its guard. The loops are our own: an address that
 * faults is the first bad one, and no frame of the C library is left by an exception.
 */
#include "kernel/mm_phys.h"

/* Is the check wanted for this block? Windows itself notices only what reaches a guard. */
static bool is_checked(const struct pl_block_info *b)
{
    struct ke_image *im;

    if (ke_m.config.like_windows || !b->has_block)
        return false;
    if (b->special)
        return true;
    if (!vf_has(VF_OPT_SPECIAL_POOL))
        return false;
    im = ke_image_by_owner(b->owner);
    return im && im->is_verified;
}

static size_t out_of_bounds(const void *p, size_t size, bool is_write, const struct pl_block_info *b)
{
    struct vf_case c = {.rule = VF_BEYOND_END_KERNEL, .by_kernel = true, .block = b, .has_addr = true};
    uint64_t addr = KE_ARG(p);
    size_t fits = 0;

    if (b->where == PL_LIVE)
        fits = (size_t)(b->start + b->size - addr);
    else if (b->where != PL_SLACK_AFTER && b->where != PL_SLACK_BEFORE)
        return size; /* guards and freed memory fault by themselves; ordinary free memory is not ours to judge */
    if (!is_checked(b))
        return size;
    c.addr = addr + fits;
    c.p[0] = c.addr;
    c.p[1] = is_write;
    c.access = is_write ? VF_WRITE : VF_READ;
    c.access_size = (uint32_t)PP_MIN(size - fits, UINT32_MAX);
    (void)vf_report(&c);
    return fits;
}

size_t mm_check_range(const void *p, size_t size, bool is_write)
{
    struct pl_block_info b;

    if (pl_check_range(ke_m.pool, KE_ARG(p), size, &b))
        return size;
    return out_of_bounds(p, size, is_write, &b);
}

static void copy_up(uint8_t *d, const uint8_t *s, size_t n)
{
    if (n >= 128) {
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
        return;
    }
    for (; n >= 8; n -= 8, d += 8, s += 8)
        *(volatile uint64_t *)(void *)d = *(const volatile uint64_t *)(const void *)s;
    for (; n; n--)
        *(volatile uint8_t *)d++ = *(const volatile uint8_t *)s++;
}

static void copy_down(uint8_t *d, const uint8_t *s, size_t n)
{
    for (; n >= 8; n -= 8)
        *(volatile uint64_t *)(void *)(d + n - 8) = *(const volatile uint64_t *)(const void *)(s + n - 8);
    for (; n; n--)
        *(volatile uint8_t *)(d + n - 1) = *(const volatile uint8_t *)(s + n - 1);
}

void mm_copy(void *dst, const void *src, size_t size)
{
    size_t fits;

    if (!size)
        return;
    fits = mm_check_range(src, size, false);
    size = PP_MIN(size, fits);
    fits = mm_check_range(dst, size, true);
    size = PP_MIN(size, fits);
    if (KE_ARG(dst) - KE_ARG(src) < size)
        copy_down(dst, src, size);
    else
        copy_up(dst, src, size);
}

void mm_fill(void *dst, int byte, size_t size)
{
    uint8_t *d = dst;

    size = mm_check_range(dst, size, true);
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(size) : "a"((uint8_t)byte) : "memory");
}
