/*
 * From a refused memory access to the bug check that Windows would show.
 * Doc: debugger docs, one page for each code; the order of tests is that of docs/RULES.md.
 */
#include "verify/verify_priv.h"

static enum vf_rule pool_rule(const struct vf_fault *f, const struct pl_block_info *b)
{
    if (b->where == PL_FREED || b->where == PL_FORGOTTEN)
        return f->by_kernel ? VF_FREED_SPECIAL_KERNEL : VF_FREED_SPECIAL;
    return f->by_kernel ? VF_BEYOND_END_KERNEL : VF_BEYOND_END;
}

static void at_raised_irql(const struct vf_fault *f, struct vf_case *c)
{
    c->p[0] = f->addr;
    c->p[1] = f->irql;
    c->p[2] = f->access;
    c->p[3] = f->pc;
    if (!f->by_kernel)
        c->rule = VF_IRQL_DRIVER_FAULT;
    else
        c->rule = f->in_image && f->image_pageable ? VF_PORTION_MUST_BE_NONPAGED : VF_IRQL_KERNEL_FAULT;
    if (f->by_kernel)
        c->p[3] = 0; /* our own instruction: its address means nothing to the reader */
}

static void set_plain(struct vf_case *c, enum vf_rule rule, const struct vf_fault *f)
{
    c->rule = rule;
    c->p[0] = f->addr;
    c->p[1] = f->access == VF_WRITE;
    c->p[2] = f->by_kernel ? 0 : f->pc;
}

uint32_t vf_report_fault(const struct vf_fault *f)
{
    struct vf_case c = {.fatal = true, .addr = f->addr, .has_addr = f->addr_known};
    struct pl_block_info b = {0};
    enum pl_where where = PL_NOT_POOL;

    c.by_kernel = f->by_kernel;
    c.access = f->access;
    c.access_size = f->access_size;
    c.pc = f->by_kernel ? 0 : f->pc;
    c.object = f->object;
    if (f->addr_known)
        where = pl_find(vf_config()->pool, f->addr, &b);
    if (b.has_block)
        c.block = &b;

    if (where == PL_REVOKED || (where == PL_LIVE && f->irql >= 2 && (b.flags & PL_PAGED))) {
        at_raised_irql(f, &c);
        c.detail = "the memory is paged pool, which may be paged out at this IRQL";
    } else if (where == PL_LIVE && f->access == VF_EXECUTE) {
        set_plain(&c, VF_EXECUTE_NX, f);
        c.p[1] = f->pte;
        c.p[2] = 0;
    } else if (where != PL_NOT_POOL && b.has_block) {
        set_plain(&c, pool_rule(f, &b), f);
    } else if (f->in_unloaded_image) {
        set_plain(&c, VF_UNLOADED_TOUCHED, f);
    } else if (f->in_image && f->image_pageable && f->irql >= 2) {
        at_raised_irql(f, &c);
        c.detail = "the address lies in a pageable section of the image";
    } else if (f->in_image && f->access == VF_WRITE && !f->image_writable) {
        set_plain(&c, VF_WRITE_TO_READONLY, f);
        c.p[1] = f->pte;
        c.p[2] = 0;
    } else if (f->access == VF_EXECUTE && f->pte) {
        set_plain(&c, VF_EXECUTE_NX, f);
        c.p[1] = f->pte;
        c.p[2] = 0;
    } else if (f->in_stack && f->access != VF_EXECUTE) {
        c.rule = VF_STACK_STALE;
    } else if (f->irql >= 2) {
        at_raised_irql(f, &c);
    } else {
        set_plain(&c, VF_INVALID_ADDRESS, f);
        c.p[1] = f->access == VF_WRITE ? 2 : f->access == VF_EXECUTE ? 0x10 : 0;
        c.p[3] = f->addr_known ? 2 : 4;
    }
    return vf_report(&c);
}
