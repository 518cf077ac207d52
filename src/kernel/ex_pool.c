/*
 * Pool as drivers call it: POOL_TYPE and POOL_FLAGS decoded, the rules about tags, sizes and IRQL
 * checked, then the pool layer does the work. Special pool serves every allocation of a verified
 * driver when the option is on, and all memory of ours that drivers can see.
 *
 * Doc: WDK, wdm.h (ExAllocatePoolWithTag, ExAllocatePool2, ExFreePoolWithTag, POOL_TYPE, POOL_FLAGS);
 * ntddk.h (ExAllocatePoolWithTagPriority); ntifs.h (FsRtlAllocatePoolWithTag).
 */
#include "kernel/kernel_priv.h"

#include <string.h>

#define TAG_NONE 0x656E6F4Eu /* "None": untagged routines */
#define TAG_BIG 0x20474942u  /* "BIG " */

enum {
    REQUEST_MAX = 1 << 30,   /* a machine of 4 GB has no more to give at once */
    QUOTA_ALIGN = 16,
    QUOTA_MAX = PP_PAGE_SIZE - 48, /* larger blocks are whole pages */
    QUOTA_PROCESSES = 64,
};

/* What is asked, whatever routine asked it. */
struct ask {
    uint32_t type; /* POOL_TYPE bits, for reports */
    size_t size;
    uint32_t tag;
    uint32_t flags; /* enum pl_flags */
    enum pl_edge edge;
    bool raise, check_tag, must_succeed;
    bool is_part; /* of a routine whose IRQL was judged already */
    bool special; /* asked for by the caller */
};

static uint32_t type_flags(uint32_t type)
{
    uint32_t flags = 0;

    if (type & NT_POOL_BIT_PAGED)
        flags |= PL_PAGED;
    else if (!(type & POOL_NX_ALLOCATION))
        flags |= PL_EXECUTABLE;
    if (type & NT_POOL_BIT_SESSION)
        flags |= PL_SESSION;
    if (type & NT_POOL_BIT_CACHE_ALIGNED)
        flags |= PL_CACHE_ALIGNED;
    if (type & POOL_ZERO_ALLOCATION)
        flags |= PL_ZERO;
    return flags;
}

static void report4(enum vf_rule rule, uint64_t p2, uint64_t p3, uint64_t p4)
{
    struct vf_case c = {.rule = rule, .p = {0, p2, p3, p4}, .access = VF_NO_ACCESS};

    vf_report(&c);
}

static bool has_letter_or_digit(uint32_t tag)
{
    for (int i = 0; i < 4; i++) {
        unsigned c = (tag >> (8 * i)) & 0x7F;

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
            return true;
    }
    return false;
}

static void check_tag(const struct ask *a)
{
    struct vf_case c = {.rule = VF_POOL_TAG_NO_LETTER, .access = VF_NO_ACCESS};

    c.p[1] = a->type;
    c.p[2] = a->size;
    c.p[3] = ke_caller();
    if (a->tag == 0)
        c.rule = VF_POOL_TAG_ZERO;
    else if (a->tag == TAG_BIG)
        c.rule = VF_POOL_TAG_BIG;
    else if (!has_letter_or_digit(a->tag)) {
        c.p[1] = a->tag;
        c.p[2] = a->type;
    } else
        return;
    vf_report(&c);
}

static void check_irql(bool is_paged, bool is_free, uint32_t type, uint64_t what)
{
    KIRQL irql = ke_irql(), max = is_paged ? APC_LEVEL : DISPATCH_LEVEL;
    struct vf_case c = {.access = VF_NO_ACCESS};

    if (irql <= max)
        return;
    if (vf_is_enabled()) {
        if (is_free)
            c.rule = is_paged ? VF_VER_FREE_PAGED_IRQL : VF_VER_FREE_NONPAGED_IRQL;
        else
            c.rule = is_paged ? VF_VER_ALLOC_PAGED_IRQL : VF_VER_ALLOC_NONPAGED_IRQL;
        c.p[1] = irql;
        c.p[2] = type;
        c.p[3] = what;
    } else if (vf_has(VF_OPT_SPECIAL_POOL)) {
        c.rule = is_free ? VF_SPECIAL_FREE_IRQL : VF_SPECIAL_ALLOC_IRQL;
        c.p[0] = irql;
        c.p[1] = type;
        c.p[2] = what;
    } else {
        c.rule = is_free ? VF_POOL_FREE_IRQL : VF_POOL_ALLOC_IRQL;
        c.p[1] = irql;
        c.p[2] = type;
        c.p[3] = what;
    }
    vf_report(&c);
}

static void fill_request(struct pl_request *r, const struct ask *a, const struct ke_image *im)
{
    memset(r, 0, sizeof *r);
    r->size = a->size;
    r->tag = a->tag & ~PROTECTED_POOL;
    r->flags = a->flags | ((a->tag & PROTECTED_POOL) ? PL_PROTECTED : 0);
    r->edge = a->edge;
    r->attr = a->type;
    r->irql = ke_irql();
    r->owner = im ? im->owner : 0;
    r->thread = ke_thread_now ? ke_thread_now->id : 0;
    r->time = ke_time_now();
    r->pc = ke_caller();
    r->special = a->special || (im && vf_has(VF_OPT_SPECIAL_POOL) && (im->is_verified || !vf_is_enabled()));
    if (vf_is_enabled())
        r->stack = ke_stack_id();
}

/* ---- Quota ---- */

/* A block charged to a process holds a reference on it; its address stands in the last eight bytes of what
 * the block occupies. Blocks of a page and more, those of System and special pool are charged to nobody. */
static EPROCESS *quota_process(const struct pl_request *r)
{
    EPROCESS *process = ps_current();

    if (!(r->flags & PL_QUOTA) || r->special || process == ps_system || r->size >= QUOTA_MAX)
        return NULL;
    return process;
}

static uint64_t quota_size(uint64_t size)
{
    return pp_align_up(size + sizeof(EPROCESS *), QUOTA_ALIGN);
}

static void quota_charge(void *p, uint64_t size, EPROCESS *process)
{
    ob_ref(process);
    memcpy((uint8_t *)p + size - sizeof process, &process, sizeof process);
}

static void quota_return(const struct pl_block_info *b)
{
    struct vf_case c = {.rule = VF_POOL_TAIL, .access = VF_NO_ACCESS, .block = b};
    EPROCESS *process;

    if (!(b->flags & PL_QUOTA) || b->special)
        return;
    memcpy(&process, (void *)(uintptr_t)(b->start + b->size - sizeof process), sizeof process);
    for (unsigned i = 0; process && i < QUOTA_PROCESSES; i++) {
        if (ps_at(i) == process) {
            ob_unref(process);
            return;
        }
    }
    c.p[1] = b->start;
    c.p[2] = b->size;
    c.p[3] = KE_ARG(process);
    c.detail = "the process that the block was charged to stood there";
    vf_report(&c);
}

static void *allocate(const struct ask *a)
{
    EPROCESS *process;
    struct ke_image *im = ke_image_current();
    struct pl_request r;
    void *p = NULL;

    if (a->must_succeed)
        report4(VF_POOL_MUST_SUCCEED, a->type, a->size, a->tag);
    if (a->size == 0)
        report4(VF_VER_ZERO_BYTES, ke_irql(), a->type, 0);
    if (a->check_tag)
        check_tag(a);
    if (!a->is_part)
        check_irql(a->flags & PL_PAGED, false, a->type, a->size);
    fill_request(&r, a, im);
    if (im && im->is_unloading && ke_thread_now != im->unload_thread)
        report4(VF_VER_UNLOAD_ALLOC, (a->flags & PL_PAGED) ? a->size : 0,
                (a->flags & PL_PAGED) ? 0 : a->size, 1);
    process = quota_process(&r);
    if (process)
        r.size = quota_size(r.size);
    else
        r.flags &= ~(uint32_t)PL_QUOTA;
    if (r.size > REQUEST_MAX || pl_alloc(ke_m.pool, &r, &p)) {
        if (a->raise)
            ke_raise_status(STATUS_INSUFFICIENT_RESOURCES);
        return NULL;
    }
    if (process)
        quota_charge(p, r.size, process);
    return p;
}

static void *allocate_typed(POOL_TYPE type, size_t size, uint32_t tag, bool quota)
{
    uint32_t bits = (uint32_t)type;
    struct ask a = {.type = bits, .size = size, .tag = tag, .flags = type_flags(bits), .check_tag = true};

    a.must_succeed = bits & NT_POOL_BIT_MUST_SUCCEED;
    a.raise = bits & POOL_RAISE_IF_ALLOCATION_FAILURE;
    if (quota) {
        a.flags |= PL_QUOTA;
        a.raise = !(bits & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE);
    }
    if (tag == TAG_NONE) {
        a.flags |= PL_NO_TAG;
        a.check_tag = false;
    }
    return allocate(&a);
}

NT_EXPORT PVOID NTAPI ExAllocatePoolWithTag(POOL_TYPE type, SIZE_T size, ULONG tag)
{
    return allocate_typed(type, size, tag, false);
}

NT_EXPORT PVOID NTAPI ExAllocatePool(POOL_TYPE type, SIZE_T size)
{
    return allocate_typed(type, size, TAG_NONE, false);
}

NT_EXPORT PVOID NTAPI ExAllocatePoolWithQuotaTag(POOL_TYPE type, SIZE_T size, ULONG tag)
{
    return allocate_typed(type, size, tag, true);
}

NT_EXPORT PVOID NTAPI ExAllocatePoolWithQuota(POOL_TYPE type, SIZE_T size)
{
    return allocate_typed(type, size, TAG_NONE, true);
}

static enum pl_edge priority_edge(EX_POOL_PRIORITY priority)
{
    if (!((uint32_t)priority & 8))
        return PL_EDGE_DEFAULT;
    return ((uint32_t)priority & 1) ? PL_EDGE_START : PL_EDGE_END;
}

NT_EXPORT PVOID NTAPI ExAllocatePoolWithTagPriority(POOL_TYPE type, SIZE_T size, ULONG tag,
                                                    EX_POOL_PRIORITY priority)
{
    uint32_t bits = (uint32_t)type;
    struct ask a = {.type = bits, .size = size, .tag = tag, .flags = type_flags(bits), .check_tag = true};

    a.must_succeed = bits & NT_POOL_BIT_MUST_SUCCEED;
    a.raise = bits & POOL_RAISE_IF_ALLOCATION_FAILURE;
    a.edge = priority_edge(priority);
    return allocate(&a);
}

/* False: the flags, the size or the tag are not valid; the routine then fails without a bug check. */
static bool flags_to_ask(POOL_FLAGS flags, size_t size, uint32_t tag, struct ask *a)
{
    const POOL_FLAGS kinds = POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED;
    const POOL_FLAGS known = kinds | POOL_FLAG_USE_QUOTA | POOL_FLAG_UNINITIALIZED | POOL_FLAG_SESSION |
                             POOL_FLAG_CACHE_ALIGNED | POOL_FLAG_RAISE_ON_FAILURE;

    memset(a, 0, sizeof *a);
    a->raise = flags & POOL_FLAG_RAISE_ON_FAILURE;
    a->size = size;
    a->tag = tag;
    a->special = flags & POOL_FLAG_SPECIAL_POOL;
    a->type = (flags & POOL_FLAG_PAGED)       ? PagedPool
              : (flags & POOL_FLAG_NON_PAGED) ? NonPagedPoolNx
                                              : NonPagedPool;
    a->flags = type_flags(a->type);
    if (flags & POOL_FLAG_SESSION)
        a->flags |= PL_SESSION;
    if (flags & POOL_FLAG_CACHE_ALIGNED)
        a->flags |= PL_CACHE_ALIGNED;
    if (flags & POOL_FLAG_USE_QUOTA)
        a->flags |= PL_QUOTA;
    if (!(flags & POOL_FLAG_UNINITIALIZED))
        a->flags |= PL_ZERO;
    return !(flags & 0xFFFFFFFFull & ~known) && __builtin_popcountll(flags & kinds) == 1 && tag && size;
}

static void *allocate_flags(POOL_FLAGS flags, size_t size, uint32_t tag, enum pl_edge edge)
{
    struct ask a;

    if (!flags_to_ask(flags, size, tag, &a)) {
        if (!size)
            report4(VF_VER_ZERO_BYTES, ke_irql(), a.type, 0);
        if (a.raise)
            ke_raise_status(STATUS_INVALID_PARAMETER);
        return NULL;
    }
    a.edge = edge;
    return allocate(&a);
}

NT_EXPORT PVOID NTAPI ExAllocatePool2(POOL_FLAGS flags, SIZE_T size, ULONG tag)
{
    return allocate_flags(flags, size, tag, PL_EDGE_DEFAULT);
}

/* Secure pools are not modelled: a parameter that asks for one fails unless it is optional. */
NT_EXPORT PVOID NTAPI ExAllocatePool3(POOL_FLAGS flags, SIZE_T size, ULONG tag,
                                      PCPOOL_EXTENDED_PARAMETER params, ULONG count)
{
    enum pl_edge edge = PL_EDGE_DEFAULT;

    for (ULONG i = 0; i < count; i++) {
        switch (params[i].Type) {
        case PoolExtendedParameterPriority:
            edge = priority_edge(params[i].Priority);
            break;
        case PoolExtendedParameterNumaNode: /* one node: any request is met */
            if (!(flags & POOL_FLAG_NON_PAGED) && !params[i].Optional)
                return NULL;
            break;
        default:
            if (!params[i].Optional) {
                if (flags & POOL_FLAG_RAISE_ON_FAILURE)
                    ke_raise_status(STATUS_INVALID_PARAMETER);
                return NULL;
            }
        }
    }
    return allocate_flags(flags, size, tag, edge);
}

NT_EXPORT PVOID NTAPI FsRtlAllocatePoolWithTag(POOL_TYPE type, ULONG size, ULONG tag)
{
    return allocate_typed((POOL_TYPE)((uint32_t)type | POOL_RAISE_IF_ALLOCATION_FAILURE), size, tag, false);
}

NT_EXPORT PVOID NTAPI FsRtlAllocatePoolWithQuotaTag(POOL_TYPE type, ULONG size, ULONG tag)
{
    return allocate_typed(type, size, tag, true);
}

NT_EXPORT PVOID NTAPI FsRtlAllocatePool(POOL_TYPE type, ULONG size)
{
    return allocate_typed((POOL_TYPE)((uint32_t)type | POOL_RAISE_IF_ALLOCATION_FAILURE), size, TAG_NONE,
                          false);
}

/* ---- Free ---- */

/* A timer that is set, a resource in use, a queued DPC or work item inside the block would be used after
 * free by the kernel. */
void ex_check_contents(uint64_t start, uint64_t size, uint32_t type)
{
    enum ke_active_kind kind;
    uint64_t object;

    if (!vf_is_enabled())
        return;
    ke_lock_gone(start, size);
    ex_lookaside_check_free(start, size);
    if (!ke_find_active_in(start, size, &kind, &object))
        return;
    if (kind == KE_ACTIVE_TIMER)
        report4(VF_VER_FREE_TIMER, object, type, start);
    else if (kind == KE_ACTIVE_RESOURCE)
        report4(VF_VER_FREE_RESOURCE, object, type, start);
    else if (kind == KE_ACTIVE_DPC)
        report4(VF_DPC_IN_UNLOADED, object, start, start + size);
    else
        report4(VF_WORK_ITEM_IN_FREED, object, start, start + size);
    ke_forget_active_in(start, size);
}

static void release(void *p, uint32_t tag)
{
    struct ke_image *im = ke_image_current();
    struct pl_free_request r = {.p = p, .tag = tag, .irql = ke_irql(), .pc = ke_caller()};
    struct pl_block_info b;

    if (pl_find(ke_m.pool, KE_ARG(p), &b) != PL_NOT_POOL && b.has_block && b.live &&
        b.start == KE_ARG(p)) {
        if (!io_is_irp(p))
            quota_return(&b);
        if (im) {
            check_irql(b.flags & PL_PAGED, true, b.attr, b.start);
            ex_check_contents(b.start, b.size, b.attr);
        }
        if (im && io_is_irp(p)) {
            report4(VF_VER_FREE_IRP, b.start, 0, 0);
            return;
        }
    }
    r.owner = im ? im->owner : 0;
    r.thread = ke_thread_now ? ke_thread_now->id : 0;
    r.time = ke_time_now();
    if (vf_is_enabled())
        r.stack = ke_stack_id();
    (void)pl_free(ke_m.pool, &r); /* mistakes went to the sink */
}

NT_EXPORT VOID NTAPI ExFreePoolWithTag(PVOID p, ULONG tag)
{
    release(p, tag);
}

NT_EXPORT VOID NTAPI ExFreePool(PVOID p)
{
    release(p, 0);
}

NT_EXPORT VOID NTAPI ExFreePool2(PVOID p, ULONG tag, PCPOOL_EXTENDED_PARAMETER params, ULONG count)
{
    (void)params; /* only secure pools have parameters here */
    if (count)
        ke_not_modelled("ExFreePool2", "with extended parameters (secure pool)");
    release(p, tag);
}

/* Doc: ntddk.h, ExQueryPoolBlockSize (obsolete): the size of the block, and whether quota was charged. */
NT_EXPORT SIZE_T NTAPI ExQueryPoolBlockSize(PVOID p, PBOOLEAN quota_charged)
{
    struct pl_block_info b;

    if (pl_find(ke_m.pool, KE_ARG(p), &b) == PL_NOT_POOL || !b.has_block || !b.live)
        return 0;
    *quota_charged = (b.flags & PL_QUOTA) != 0;
    return b.size;
}

/* ---- For ourselves ---- */

void *ex_alloc_kernel(size_t size, const char tag[4], bool paged)
{
    struct pl_request r = {.size = size, .special = vf_has(VF_OPT_SPECIAL_POOL)};
    void *p;

    memcpy(&r.tag, tag, 4);
    r.flags = PL_ZERO | PL_NOT_TRACKED | (paged ? PL_PAGED : 0);
    PP_ASSERT(!pl_alloc(ke_m.pool, &r, &p));
    if (r.special)
        ke_m.kernel_guarded++;
    ke_lock_gone(KE_ARG(p), size); /* what lay here before */
    return p;
}

void ex_free_kernel(void *p)
{
    struct pl_free_request r = {.p = p};

    if (p)
        (void)pl_free(ke_m.pool, &r); /* damage around it went to the sink */
}

void *ex_alloc_for_driver(POOL_TYPE type, size_t size, uint32_t tag)
{
    uint32_t bits = (uint32_t)type;
    struct ask a = {.type = bits, .size = size, .tag = tag, .flags = type_flags(bits), .is_part = true};

    return allocate(&a);
}

void ex_free_for_driver(void *p, uint32_t tag)
{
    release(p, tag);
}
