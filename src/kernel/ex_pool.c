/*
 * Pool as drivers call it: POOL_TYPE and POOL_FLAGS decoded, the rules about tags, sizes and IRQL
 * checked, then the pool layer does the work. Special pool serves every allocation of a verified
 * driver when the option is on, and all memory of ours that drivers can see; by tag and size see
 * ex_special.c.
 *
 * Doc: WDK, wdm.h (ExAllocatePoolWithTag, ExAllocatePool2, ExFreePoolWithTag, POOL_TYPE,
 * POOL_FLAGS); ntddk.h (ExAllocatePoolWithTagPriority); ntifs.h (FsRtlAllocatePoolWithTag).
 */
#include "kernel/kernel_priv.h"

#include <string.h>

#define TAG_NONE 0x656E6F4Eu /* "None": untagged routines */
#define TAG_BIG 0x20474942u  /* "BIG " */

enum {
    REQUEST_MAX = 1 << 30, /* a machine of 4 GB has no more to give at once */
    LEFT_LOW = 10,         /* percent of pages free: Low priority fails below */
    LEFT_VERY_LOW = 3,     /* Normal priority too */
    PRIORITY_HIGH = 32,    /* EX_POOL_PRIORITY without the special pool bits */
    PRIORITY_LOW = 0,
};

/* What is asked, whatever routine asked it. */
struct ask {
    uint32_t type; /* POOL_TYPE bits, for reports */
    size_t size;
    uint32_t tag;
    uint32_t flags; /* enum pl_flags */
    enum pl_edge edge;
    bool raise, check_tag, must_succeed;
    bool is_part;    /* of a routine whose IRQL was judged already */
    bool special;    /* asked for by the caller */
    bool quota;      /* charge the current process */
    bool is_refused; /* by its priority: memory is low */
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

static void check_irql(bool is_paged, bool is_free, bool is_special, uint32_t type, uint64_t what)
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
    } else if (is_special) {
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

/* By the call, by the verifier for its drivers, or by tag or size for everybody. */
static bool wants_special(const struct ask *a, const struct ke_image *im)
{
    if (im && vf_has(VF_OPT_SPECIAL_POOL) && (im->is_verified || !vf_is_enabled()))
        return true;
    return a->special || ex_special_wanted(a->size, a->tag);
}

static void fill_request(struct pl_request *r, const struct ask *a, const struct ke_image *im)
{
    memset(r, 0, sizeof *r);
    r->size = a->size;
    r->tag = a->tag & ~PROTECTED_POOL;
    r->flags = a->flags | ((a->tag & PROTECTED_POOL) ? PL_PROTECTED : 0);
    r->edge = ex_special_edge(a->edge);
    r->attr = a->type;
    r->irql = ke_irql();
    r->owner = im ? im->owner : 0;
    r->thread = ke_thread_now ? ke_thread_now->id : 0;
    r->time = ke_time_now();
    r->pc = ke_caller();
    r->special = wants_special(a, im);
    if (vf_is_enabled())
        r->stack = ke_stack_id();
}

/* Doc: debugger docs, "!poolfind", PoolHitTag: where Windows breaks into the debugger when pool of
 * that tag is allocated or freed, the machine tells it; a debugger has this function to break at.
 * Windows does not export the variable: drivers of ours set it in tests. */
__attribute__((noinline)) static void hit_tag(uint32_t tag, const char *what, uint64_t size)
{
    char text[80];

    pp_fmt(text, sizeof text, "pool tag hit: %c%c%c%c %s: %llu bytes", (char)tag, (char)(tag >> 8),
           (char)(tag >> 16), (char)(tag >> 24 & 0x7F), what, (unsigned long long)size);
    ke_m.config.host.note(ke_m.config.host.ctx, text);
}

static bool is_hit(uint32_t tag)
{
    return KE_DATA->PoolHitTag && KE_DATA->PoolHitTag == (tag & ~PROTECTED_POOL);
}

/* ---- Quota ---- */

/* The number that the pool keeps of a process; 0: none. */
static uint16_t payer_of(const EPROCESS *process)
{
    for (unsigned i = 0; i < PS_SLOTS; i++)
        if (process && ps_at(i) == process)
            return (uint16_t)(i + 1);
    return 0;
}

/* Whom a request is charged to: nobody for System, special pool and blocks of a page and more. */
static EPROCESS *quota_process(const struct ask *a, struct pl_request *r)
{
    EPROCESS *process = ps_current();

    if (!a->quota)
        return NULL;
    if (ke_in_dpc())
        report4(ke_thread_now->is_idle ? VF_VER_QUOTA_IDLE : VF_VER_QUOTA_DPC, 0, 0, 0);
    r->payer = payer_of(process);
    if (!r->special && process != ps_system && r->payer && pl_occupied(r) < PP_PAGE_SIZE)
        return process;
    r->payer = 0;
    return NULL;
}

/* The block's process and what it occupies; the process keeps a reference until the block is freed.
 */
static NTSTATUS quota_charge(struct pl_request *r, EPROCESS *process)
{
    NTSTATUS status = ps_quota_charge(process, r->flags & PL_PAGED, pl_occupied(r));

    if (status)
        return status;
    r->flags |= PL_QUOTA;
    pl_payer_set(ke_m.pool, r->payer, KE_ARG(process));
    ob_ref(process);
    return STATUS_SUCCESS;
}

static void quota_return(unsigned payer, bool paged, uint64_t size)
{
    EPROCESS *process = ps_at(payer - 1);

    ps_quota_return(process, paged, size);
    ob_unref(process);
}

static void *refuse(const struct ask *a, NTSTATUS status)
{
    if (a->raise)
        ke_raise_status(status);
    return NULL;
}

static void check_ask(const struct ask *a, const struct ke_image *im)
{
    bool paged = a->flags & PL_PAGED;

    if (a->must_succeed)
        report4(VF_POOL_MUST_SUCCEED, a->type, a->size, a->tag);
    if (a->size == 0)
        report4(VF_VER_ZERO_BYTES, ke_irql(), a->type, 0);
    if (a->check_tag)
        check_tag(a);
    if (!a->is_part)
        check_irql(paged, false, wants_special(a, im), a->type, a->size);
    if ((a->flags & PL_EXECUTABLE) && im)
        report4(VF_VER_EXECUTABLE_POOL, ke_caller(), a->type, a->tag);
    if (im && im->is_unloading && ke_thread_now != im->unload_thread)
        report4(VF_VER_UNLOAD_ALLOC, paged ? a->size : 0, paged ? 0 : a->size, 1);
}

static void *allocate(const struct ask *a)
{
    struct ke_image *im = ke_image_current();
    EPROCESS *process;
    NTSTATUS status;
    struct pl_request r;
    void *p = NULL;

    check_ask(a, im);
    if (is_hit(a->tag))
        hit_tag(a->tag, "allocated", a->size);
    fill_request(&r, a, im);
    if (r.size > REQUEST_MAX || a->is_refused)
        return refuse(a, STATUS_INSUFFICIENT_RESOURCES);
    process = quota_process(a, &r);
    if (process) {
        status = quota_charge(&r, process);
        if (status)
            return refuse(a, status);
    }
    if (pl_alloc(ke_m.pool, &r, &p)) {
        if (process)
            quota_return(r.payer, r.flags & PL_PAGED, pl_occupied(&r));
        return refuse(a, STATUS_INSUFFICIENT_RESOURCES);
    }
    return p;
}

static void ask_typed(struct ask *a, POOL_TYPE type, size_t size, uint32_t tag)
{
    uint32_t bits = (uint32_t)type;

    *a = (struct ask){
        .type = bits, .size = size, .tag = tag, .flags = type_flags(bits), .check_tag = true};
    a->must_succeed = bits & NT_POOL_BIT_MUST_SUCCEED;
    a->raise = bits & POOL_RAISE_IF_ALLOCATION_FAILURE;
    if (tag == TAG_NONE) {
        a->flags |= PL_NO_TAG;
        a->check_tag = false;
    }
}

static void *allocate_typed(POOL_TYPE type, size_t size, uint32_t tag, bool quota)
{
    struct ask a;

    ask_typed(&a, type, size, tag);
    if (quota) {
        a.quota = true;
        a.raise = !((uint32_t)type & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE);
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

/* Doc: EX_POOL_PRIORITY: Low may fail when memory is low, Normal when it is very low, High only
 * when there is none. Memory is what MmAllocatePagesForMdl has left: it is what drivers can use up
 * here. */
static bool priority_refused(EX_POOL_PRIORITY priority)
{
    uint32_t level = (uint32_t)priority & ~15u;

    if (level >= PRIORITY_HIGH)
        return false;
    return mm_pages_left() < (level == PRIORITY_LOW ? LEFT_LOW : LEFT_VERY_LOW);
}

static void ask_priority(struct ask *a, EX_POOL_PRIORITY priority)
{
    a->edge = priority_edge(priority);
    a->is_refused = priority_refused(priority);
}

NT_EXPORT PVOID NTAPI ExAllocatePoolWithTagPriority(POOL_TYPE type, SIZE_T size, ULONG tag,
                                                    EX_POOL_PRIORITY priority)
{
    struct ask a;

    ask_typed(&a, type, size, tag);
    ask_priority(&a, priority);
    return allocate(&a);
}

/* False: the flags, the size or the tag are not valid; the routine then fails without a bug check.
 */
static bool flags_to_ask(POOL_FLAGS flags, size_t size, uint32_t tag, struct ask *a)
{
    const POOL_FLAGS kinds = POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED;
    const POOL_FLAGS known = kinds | POOL_FLAG_USE_QUOTA | POOL_FLAG_UNINITIALIZED |
                             POOL_FLAG_SESSION | POOL_FLAG_CACHE_ALIGNED |
                             POOL_FLAG_RAISE_ON_FAILURE;

    memset(a, 0, sizeof *a);
    a->raise = flags & POOL_FLAG_RAISE_ON_FAILURE;
    a->quota = flags & POOL_FLAG_USE_QUOTA;
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
    if (!(flags & POOL_FLAG_UNINITIALIZED))
        a->flags |= PL_ZERO;
    return !(flags & 0xFFFFFFFFull & ~known) && __builtin_popcountll(flags & kinds) == 1 && size &&
           tag != TAG_BIG && has_letter_or_digit(tag);
}

/* Doc: nf-wdm-exallocatepool3: a parameter that cannot be met fails the call unless it is optional.
 */
static bool params_to_ask(POOL_FLAGS flags, PCPOOL_EXTENDED_PARAMETER params, ULONG count,
                          struct ask *a, const POOL_EXTENDED_PARAMS_SECURE_POOL **ret_secure)
{
    for (ULONG i = 0; i < count; i++) {
        bool met = true;

        switch (params[i].Type) {
        case PoolExtendedParameterPriority:
            ask_priority(a, params[i].Priority);
            break;
        case PoolExtendedParameterSecurePool:
            met = params[i].SecurePoolParams && !(flags & POOL_FLAG_NON_PAGED_EXECUTE);
            if (met)
                *ret_secure = params[i].SecurePoolParams;
            break;
        case PoolExtendedParameterNumaNode: /* there is node 0 */
            met = (flags & POOL_FLAG_NON_PAGED) &&
                  !(params[i].PreferredNode & ~NT_POOL_NUMA_ANY_NODE);
            break;
        default:
            met = false;
        }
        if (!met && !params[i].Optional)
            return false;
    }
    return true;
}

NT_EXPORT PVOID NTAPI ExAllocatePool3(POOL_FLAGS flags, SIZE_T size, ULONG tag,
                                      PCPOOL_EXTENDED_PARAMETER params, ULONG count)
{
    const POOL_EXTENDED_PARAMS_SECURE_POOL *secure = NULL;
    struct ask a;
    void *p;

    if (!flags_to_ask(flags, size, tag, &a)) {
        if (!size)
            report4(VF_VER_ZERO_BYTES, ke_irql(), a.type, 0);
        return refuse(&a, STATUS_INVALID_PARAMETER);
    }
    if (!params_to_ask(flags, params, count, &a, &secure))
        return refuse(&a, STATUS_INVALID_PARAMETER);
    if (!secure)
        return allocate(&a);
    p = ex_secure_alloc(secure, size, tag);
    return p ? p : refuse(&a, STATUS_INSUFFICIENT_RESOURCES);
}

NT_EXPORT PVOID NTAPI ExAllocatePool2(POOL_FLAGS flags, SIZE_T size, ULONG tag)
{
    return ExAllocatePool3(flags, size, tag, NULL, 0);
}

/* Doc: ntifs.h: the FsRtl routines raise whatever the type's bits say. */
static void *allocate_or_raise(POOL_TYPE type, ULONG size, ULONG tag, bool quota)
{
    uint32_t bits = (uint32_t)type & ~POOL_QUOTA_FAIL_INSTEAD_OF_RAISE;

    return allocate_typed((POOL_TYPE)(bits | POOL_RAISE_IF_ALLOCATION_FAILURE), size, tag, quota);
}

NT_EXPORT PVOID NTAPI FsRtlAllocatePoolWithTag(POOL_TYPE type, ULONG size, ULONG tag)
{
    return allocate_or_raise(type, size, tag, false);
}

NT_EXPORT PVOID NTAPI FsRtlAllocatePoolWithQuotaTag(POOL_TYPE type, ULONG size, ULONG tag)
{
    return allocate_or_raise(type, size, tag, true);
}

NT_EXPORT PVOID NTAPI FsRtlAllocatePool(POOL_TYPE type, ULONG size)
{
    return allocate_or_raise(type, size, TAG_NONE, false);
}

NT_EXPORT PVOID NTAPI FsRtlAllocatePoolWithQuota(POOL_TYPE type, ULONG size)
{
    return allocate_or_raise(type, size, TAG_NONE, true);
}

/* ---- Free ---- */

/* A timer that is set, a resource in use, a queued DPC or work item inside the block would be used
 * after free by the kernel. */
void ex_check_contents(uint64_t start, uint64_t size, uint32_t type)
{
    enum ke_active_kind kind;
    uint64_t object;

    if (!vf_is_enabled())
        return;
    ke_lock_gone(start, size);
    io_remove_lock_gone(start, size);
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
    struct pl_block_info b = {0};
    unsigned payer = 0;

    if (pl_find(ke_m.pool, KE_ARG(p), &b) != PL_NOT_POOL && b.has_block && b.live &&
        b.start == KE_ARG(p)) {
        payer = b.payer;
        if (is_hit(b.tag))
            hit_tag(b.tag, "freed", b.size);
        if (im) {
            check_irql(b.flags & PL_PAGED, true, b.special, b.attr, b.start);
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
    if (!pl_free(ke_m.pool, &r) && payer) /* mistakes went to the sink */
        quota_return(payer, b.flags & PL_PAGED, b.span_end - b.span_start);
}

NT_EXPORT VOID NTAPI ExFreePoolWithTag(PVOID p, ULONG tag)
{
    release(p, tag);
}

NT_EXPORT VOID NTAPI ExFreePool(PVOID p)
{
    release(p, 0);
}

/* Doc: nf-wdm-exfreepool2: one parameter, for secure pool; what does not hold is a BAD_POOL_CALLER.
 */
NT_EXPORT VOID NTAPI ExFreePool2(PVOID p, ULONG tag, PCPOOL_EXTENDED_PARAMETER params, ULONG count)
{
    struct vf_case c = {.rule = VF_POOL_FREE_INVALID, .p = {0, KE_ARG(p)}, .access = VF_NO_ACCESS};

    if (!count) {
        release(p, tag);
        return;
    }
    if (count != 1 || params->Type != PoolExtendedParameterSecurePool || !params->SecurePoolParams)
        c.detail = "the parameters are not one for a secure pool";
    else
        c.detail = ex_secure_free(p, tag, params->SecurePoolParams);
    if (c.detail)
        (void)vf_report(&c);
}

/* Doc: ntddk.h, ExQueryPoolBlockSize (obsolete): the size of the block, and whether quota was
 * charged. */
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
    struct pl_request r = {.size = size, .edge = ex_special_edge(PL_EDGE_DEFAULT)};
    void *p;

    memcpy(&r.tag, tag, 4);
    r.special = vf_has(VF_OPT_SPECIAL_POOL) || ex_special_wanted(size, r.tag);
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

void *ex_alloc_charged(POOL_TYPE type, size_t size, uint32_t tag, bool quota)
{
    uint32_t bits = (uint32_t)type;
    struct ask a = {.type = bits,
                    .size = size,
                    .tag = tag,
                    .flags = type_flags(bits),
                    .is_part = true,
                    .quota = quota};

    return allocate(&a);
}

void *ex_alloc_for_driver(POOL_TYPE type, size_t size, uint32_t tag)
{
    return ex_alloc_charged(type, size, tag, false);
}

void ex_free_for_driver(void *p, uint32_t tag)
{
    release(p, tag);
}
