/*
 * Secure pool: blocks that a driver may read and only the kernel may write. The driver hands in the
 * contents when it allocates, and changes them by ExSecurePoolUpdate, which wants the handle, the
 * tag and the cookie of the allocation. A write of the driver's own is a write to read-only memory
 * (0xBE).
 *
 * Blocks are zeroed whole pages of their own. The private paged and nonpaged pools of later
 * versions are not those of the version that is imitated: refused as unknown flags.
 *
 * Doc: Microsoft Learn, wdm.h: ExCreatePool, ExDestroyPool, ExAllocatePool3, ExFreePool2,
 * ExSecurePoolUpdate, ExSecurePoolValidate, POOL_EXTENDED_PARAMS_SECURE_POOL.
 */
#include "kernel/kernel_priv.h"

#include <string.h>

enum { POOLS_MAX = 64, HANDLE_STEP = 4 };
#define HANDLE_BASE 0x5EC00000ull /* handles are opaque: no object stands behind them */

struct secure_block {
    uint64_t start, size, cookie;
    uint32_t tag, flags; /* SECURE_POOL_FLAGS_* */
    uint8_t pool;        /* index */
};

static struct {
    bool is_live[POOLS_MAX];
    struct secure_block *blocks;
    uint32_t count, room;
} g;

static int pool_of(HANDLE h)
{
    uint64_t i = (KE_ARG(h) - HANDLE_BASE) / HANDLE_STEP;

    return KE_ARG(h) % HANDLE_STEP == 0 && i < POOLS_MAX && g.is_live[i] ? (int)i : -1;
}

static struct secure_block *block_find(HANDLE h, const void *p, ULONG tag, uint64_t cookie)
{
    int pool = pool_of(h);

    for (uint32_t i = 0; pool >= 0 && i < g.count; i++) {
        struct secure_block *b = &g.blocks[i];

        if (b->start == KE_ARG(p))
            return b->pool == pool && b->tag == tag && b->cookie == cookie ? b : NULL;
    }
    return NULL;
}

static void block_drop(struct secure_block *b)
{
    mm_secure_free((void *)(uintptr_t)b->start);
    *b = g.blocks[--g.count];
}

/* The global pool differs from one of the driver's own in nothing that a driver can see. */
NT_EXPORT NTSTATUS NTAPI ExCreatePool(ULONG flags, ULONG_PTR tag,
                                      PPOOL_CREATE_EXTENDED_PARAMS params, HANDLE *ret)
{
    if (!(flags & POOL_CREATE_FLG_SECURE_POOL) ||
        (flags & ~(POOL_CREATE_FLG_SECURE_POOL | POOL_CREATE_FLG_USE_GLOBAL_POOL)))
        return STATUS_INVALID_PARAMETER_1;
    if (!tag)
        return STATUS_INVALID_PARAMETER_2;
    if (params && params->Version != POOL_CREATE_PARAMS_VERSION)
        return STATUS_INVALID_PARAMETER;
    if (params && params->ParameterCount) /* a name: not for secure pools */
        return STATUS_INVALID_PARAMETER_3;
    for (unsigned i = 0; i < POOLS_MAX; i++) {
        if (g.is_live[i])
            continue;
        *ret = (HANDLE)(uintptr_t)(HANDLE_BASE + i * HANDLE_STEP);
        g.is_live[i] = true;
        return STATUS_SUCCESS;
    }
    return STATUS_INSUFFICIENT_RESOURCES;
}

/* Blocks that are still there go with their pool. */
NT_EXPORT VOID NTAPI ExDestroyPool(HANDLE h)
{
    int pool = pool_of(h);
    struct vf_case c = {.rule = VF_INVALID_KERNEL_HANDLE,
                        .p = {KE_ARG(h), 1},
                        .access = VF_NO_ACCESS,
                        .detail = "no pool of ExCreatePool has this handle"};

    if (pool < 0) {
        (void)vf_report(&c);
        return;
    }
    for (uint32_t i = g.count; i--;)
        if (g.blocks[i].pool == pool)
            block_drop(&g.blocks[i]);
    g.is_live[pool] = false;
}

void *ex_secure_alloc(const POOL_EXTENDED_PARAMS_SECURE_POOL *params, size_t size, uint32_t tag)
{
    const uint32_t known = SECURE_POOL_FLAGS_FREEABLE | SECURE_POOL_FLAGS_MODIFIABLE;
    POOL_EXTENDED_PARAMS_SECURE_POOL s = *params;
    int pool = pool_of(s.SecurePoolHandle);
    void *p;

    if (pool < 0 || (s.SecurePoolFlags & ~known))
        return NULL;
    if (g.count == g.room) {
        uint32_t room = g.room ? g.room * 2 : 16;
        struct secure_block *blocks = pp_resize(g.blocks, room * sizeof *blocks);

        if (!blocks)
            return NULL;
        g.blocks = blocks;
        g.room = room;
    }
    p = mm_secure_new(size);
    if (!p)
        return NULL;
    if (s.Buffer && !mm_secure_write(p, 0, s.Buffer, size)) {
        mm_secure_free(p);
        return NULL;
    }
    g.blocks[g.count++] =
        (struct secure_block){KE_ARG(p), size, s.Cookie, tag, s.SecurePoolFlags, (uint8_t)pool};
    return p;
}

const char *ex_secure_free(void *p, uint32_t tag, const POOL_EXTENDED_PARAMS_SECURE_POOL *params)
{
    POOL_EXTENDED_PARAMS_SECURE_POOL s = *params;
    struct secure_block *b = block_find(s.SecurePoolHandle, p, tag, s.Cookie);

    if (!b)
        return "no block of this secure pool has this address, tag and cookie";
    if (s.Buffer || s.SecurePoolFlags)
        return "the reserved fields of the secure pool's parameter are not 0";
    if (!(b->flags & SECURE_POOL_FLAGS_FREEABLE))
        return "the block was not allocated as one that may be freed";
    block_drop(b);
    return NULL;
}

NT_EXPORT NTSTATUS NTAPI ExSecurePoolUpdate(HANDLE h, ULONG tag, PVOID p, ULONG_PTR cookie,
                                            SIZE_T offset, SIZE_T size, PVOID from)
{
    struct secure_block *b = block_find(h, p, tag, cookie);

    if (!b || offset > b->size || size > b->size - offset)
        return STATUS_INVALID_PARAMETER;
    if (!(b->flags & SECURE_POOL_FLAGS_MODIFIABLE))
        return STATUS_ACCESS_DENIED;
    return mm_secure_write(p, offset, from, size) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NT_EXPORT LOGICAL NTAPI ExSecurePoolValidate(HANDLE h, ULONG tag, PVOID p, ULONG_PTR cookie)
{
    return block_find(h, p, tag, cookie) != NULL;
}
