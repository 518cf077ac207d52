/*
 * Maps of runs (large MCBs): which logical blocks hold which virtual ones.
 *
 * Kept as mapped runs in order; holes are what lies between. A run index counts both, as Windows
 * does:
 *
 *     runs     [10, 20) -> 500   [30, 35) -> 900
 *     indexes  0: hole [0, 10)  1: [10, 20)  2: hole [20, 30)  3: [30, 35)
 *
 * Doc: WDK, ntifs.h: FsRtlAddLargeMcbEntry, FsRtlLookupLargeMcbEntry, FsRtlSplitLargeMcb...
 */
#include "kernel/kernel_priv.h"

#include <string.h>

struct run {
    int64_t vbn, lbn, count;
};

/* What BaseMcb.Mapping points to; guarded. */
struct mapping {
    size_t used, room;
    struct run run[];
};

static struct mapping *mapping_new(size_t room)
{
    struct mapping *m = ex_alloc_kernel(sizeof *m + room * sizeof m->run[0], "FSmm", false);

    m->room = room;
    return m;
}

static struct mapping *of(const LARGE_MCB *mcb)
{
    return mcb->BaseMcb.Mapping;
}

/* Room for one more run at `at`. */
static void insert(LARGE_MCB *mcb, size_t at, const struct run *r)
{
    struct mapping *m = of(mcb);

    if (m->used == m->room) {
        struct mapping *bigger = mapping_new(m->room * 2);

        bigger->used = m->used;
        memcpy(bigger->run, m->run, m->used * sizeof m->run[0]);
        ex_free_kernel(m);
        mcb->BaseMcb.Mapping = m = bigger;
        mcb->BaseMcb.MaximumPairCount = (ULONG)m->room;
    }
    memmove(&m->run[at + 1], &m->run[at], (m->used - at) * sizeof m->run[0]);
    m->run[at] = *r;
    m->used++;
}

static void erase(struct mapping *m, size_t at)
{
    memmove(&m->run[at], &m->run[at + 1], (m->used - at - 1) * sizeof m->run[0]);
    m->used--;
}

/* Neighbours that continue one another become one. */
static void join(struct mapping *m)
{
    for (size_t i = 1; i < m->used;) {
        struct run *a = &m->run[i - 1], *b = &m->run[i];

        if (a->vbn + a->count == b->vbn && a->lbn + a->count == b->lbn) {
            a->count += b->count;
            erase(m, i);
        } else {
            i++;
        }
    }
}

static ULONG run_count(const struct mapping *m)
{
    int64_t at = 0;
    ULONG n = 0;

    for (size_t i = 0; i < m->used; i++) {
        n += (m->run[i].vbn > at) + 1u;
        at = m->run[i].vbn + m->run[i].count;
    }
    return n;
}

static void update(LARGE_MCB *mcb)
{
    mcb->BaseMcb.PairCount = run_count(of(mcb));
}

NT_EXPORT VOID NTAPI FsRtlInitializeLargeMcb(PLARGE_MCB mcb, POOL_TYPE type)
{
    memset(mcb, 0, sizeof *mcb);
    mcb->BaseMcb.PoolType = (USHORT)type;
    mcb->BaseMcb.MaximumPairCount = 15;
    mcb->BaseMcb.Mapping = mapping_new(15);
    mcb->GuardedMutex = ex_alloc_kernel(sizeof(FAST_MUTEX), "FSmg", false);
}

NT_EXPORT VOID NTAPI FsRtlUninitializeLargeMcb(PLARGE_MCB mcb)
{
    if (!mcb->GuardedMutex)
        return;
    ex_free_kernel(mcb->BaseMcb.Mapping);
    ex_free_kernel(mcb->GuardedMutex);
    mcb->BaseMcb.Mapping = mcb->GuardedMutex = NULL;
}

NT_EXPORT VOID NTAPI FsRtlResetLargeMcb(PLARGE_MCB mcb, BOOLEAN synchronised)
{
    (void)synchronised;
    of(mcb)->used = 0;
    update(mcb);
}

/* FALSE: part of the range is mapped to other blocks. */
NT_EXPORT BOOLEAN NTAPI FsRtlAddLargeMcbEntry(PLARGE_MCB mcb, LONGLONG vbn, LONGLONG lbn,
                                              LONGLONG count)
{
    struct mapping *m = of(mcb);
    int64_t end = vbn + count;

    if (vbn < 0 || count <= 0)
        return FALSE;
    for (size_t i = 0; i < m->used; i++) {
        const struct run *r = &m->run[i];

        if (r->vbn < end && vbn < r->vbn + r->count && r->lbn - r->vbn != lbn - vbn)
            return FALSE;
    }
    for (int64_t at = vbn; at < end;) { /* what is not mapped yet, piece by piece */
        struct run piece = {at, lbn + (at - vbn), end - at};
        size_t i = 0;

        m = of(mcb);
        while (i < m->used && m->run[i].vbn + m->run[i].count <= at)
            i++;
        if (i < m->used && m->run[i].vbn <= at) {
            at = m->run[i].vbn + m->run[i].count;
            continue;
        }
        if (i < m->used && m->run[i].vbn < end)
            piece.count = m->run[i].vbn - at;
        insert(mcb, i, &piece);
        at += piece.count;
    }
    join(of(mcb));
    update(mcb);
    return TRUE;
}

NT_EXPORT VOID NTAPI FsRtlRemoveLargeMcbEntry(PLARGE_MCB mcb, LONGLONG vbn, LONGLONG count)
{
    int64_t end = vbn + count;

    for (size_t i = 0; i < of(mcb)->used;) {
        struct run *r = &of(mcb)->run[i], whole = *r;
        int64_t r_end = r->vbn + r->count;

        if (r_end <= vbn || r->vbn >= end) {
            i++;
            continue;
        }
        if (whole.vbn >= vbn && r_end <= end) {
            erase(of(mcb), i);
            continue;
        }
        if (whole.vbn < vbn) {
            r->count = vbn - whole.vbn;
            i++;
        }
        if (r_end > end) {
            struct run rest = {end, whole.lbn + (end - whole.vbn), r_end - end};

            if (whole.vbn < vbn)
                insert(mcb, i, &rest);
            else
                *r = rest;
            i++;
        }
    }
    update(mcb);
}

NT_EXPORT VOID NTAPI FsRtlTruncateLargeMcb(PLARGE_MCB mcb, LONGLONG vbn)
{
    FsRtlRemoveLargeMcbEntry(mcb, vbn, INT64_MAX - vbn);
}

/* A hole of `amount` is put in at vbn; what follows moves up. */
NT_EXPORT BOOLEAN NTAPI FsRtlSplitLargeMcb(PLARGE_MCB mcb, LONGLONG vbn, LONGLONG amount)
{
    struct mapping *m = of(mcb);

    for (size_t i = 0; i < m->used; i++) {
        struct run *r = &m->run[i];

        if (r->vbn < vbn && vbn < r->vbn + r->count) {
            struct run rest = {vbn, r->lbn + (vbn - r->vbn), r->vbn + r->count - vbn};

            r->count = vbn - r->vbn;
            insert(mcb, i + 1, &rest);
            m = of(mcb);
        } else if (r->vbn >= vbn) {
            r->vbn += amount;
        }
    }
    update(mcb);
    return TRUE;
}

/* Run number `index`, holes counted; lbn -1 for a hole. */
static bool run_at(const struct mapping *m, ULONG index, struct run *ret)
{
    int64_t at = 0;

    for (size_t i = 0; i < m->used; i++) {
        const struct run *r = &m->run[i];

        if (r->vbn > at && !index--) {
            *ret = (struct run){at, -1, r->vbn - at};
            return true;
        }
        if (!index--) {
            *ret = *r;
            return true;
        }
        at = r->vbn + r->count;
    }
    return false;
}

NT_EXPORT BOOLEAN NTAPI FsRtlLookupLargeMcbEntry(PLARGE_MCB mcb, LONGLONG vbn, PLONGLONG ret_lbn,
                                                 PLONGLONG ret_count, PLONGLONG ret_start_lbn,
                                                 PLONGLONG ret_start_count, PULONG ret_index)
{
    const struct mapping *m = of(mcb);
    struct run r;
    ULONG i;

    for (i = 0; run_at(m, i, &r); i++)
        if (vbn >= r.vbn && vbn < r.vbn + r.count)
            break;
    if (vbn < 0 || !run_at(m, i, &r))
        return FALSE;
    if (ret_lbn)
        *ret_lbn = r.lbn < 0 ? -1 : r.lbn + (vbn - r.vbn);
    if (ret_count)
        *ret_count = r.vbn + r.count - vbn;
    if (ret_start_lbn)
        *ret_start_lbn = r.lbn;
    if (ret_start_count)
        *ret_start_count = r.count;
    if (ret_index)
        *ret_index = i;
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI FsRtlLookupLastLargeMcbEntryAndIndex(PLARGE_MCB mcb, PLONGLONG ret_vbn,
                                                             PLONGLONG ret_lbn, PULONG ret_index)
{
    const struct mapping *m = of(mcb);
    const struct run *r = m->used ? &m->run[m->used - 1] : NULL;

    if (!r)
        return FALSE;
    *ret_vbn = r->vbn + r->count - 1;
    *ret_lbn = r->lbn + r->count - 1;
    *ret_index = run_count(m) - 1;
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI FsRtlLookupLastLargeMcbEntry(PLARGE_MCB mcb, PLONGLONG ret_vbn,
                                                     PLONGLONG ret_lbn)
{
    ULONG index;

    return FsRtlLookupLastLargeMcbEntryAndIndex(mcb, ret_vbn, ret_lbn, &index);
}

NT_EXPORT ULONG NTAPI FsRtlNumberOfRunsInLargeMcb(PLARGE_MCB mcb)
{
    return run_count(of(mcb));
}

NT_EXPORT BOOLEAN NTAPI FsRtlGetNextLargeMcbEntry(PLARGE_MCB mcb, ULONG index, PLONGLONG ret_vbn,
                                                  PLONGLONG ret_lbn, PLONGLONG ret_count)
{
    struct run r;

    if (!run_at(of(mcb), index, &r))
        return FALSE;
    *ret_vbn = r.vbn;
    *ret_lbn = r.lbn;
    *ret_count = r.count;
    return TRUE;
}

/* ---- The 32-bit form of old: the same structure ---- */

NT_EXPORT VOID NTAPI FsRtlInitializeMcb(PLARGE_MCB mcb, POOL_TYPE type)
{
    FsRtlInitializeLargeMcb(mcb, type);
}

NT_EXPORT VOID NTAPI FsRtlUninitializeMcb(PLARGE_MCB mcb)
{
    FsRtlUninitializeLargeMcb(mcb);
}

NT_EXPORT BOOLEAN NTAPI FsRtlAddMcbEntry(PLARGE_MCB mcb, ULONG vbn, ULONG lbn, ULONG count)
{
    return FsRtlAddLargeMcbEntry(mcb, vbn, lbn, count);
}

NT_EXPORT VOID NTAPI FsRtlRemoveMcbEntry(PLARGE_MCB mcb, ULONG vbn, ULONG count)
{
    FsRtlRemoveLargeMcbEntry(mcb, vbn, count);
}

NT_EXPORT VOID NTAPI FsRtlTruncateMcb(PLARGE_MCB mcb, ULONG vbn)
{
    FsRtlTruncateLargeMcb(mcb, vbn);
}

NT_EXPORT BOOLEAN NTAPI FsRtlLookupMcbEntry(PLARGE_MCB mcb, ULONG vbn, PULONG ret_lbn,
                                            PULONG ret_count, PULONG ret_index)
{
    LONGLONG lbn, count;

    if (!FsRtlLookupLargeMcbEntry(mcb, vbn, &lbn, &count, NULL, NULL, ret_index))
        return FALSE;
    *ret_lbn = (ULONG)lbn;
    if (ret_count)
        *ret_count = (ULONG)count;
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI FsRtlLookupLastMcbEntry(PLARGE_MCB mcb, PULONG ret_vbn, PULONG ret_lbn)
{
    LONGLONG vbn, lbn;

    if (!FsRtlLookupLastLargeMcbEntry(mcb, &vbn, &lbn))
        return FALSE;
    *ret_vbn = (ULONG)vbn;
    *ret_lbn = (ULONG)lbn;
    return TRUE;
}

NT_EXPORT ULONG NTAPI FsRtlNumberOfRunsInMcb(PLARGE_MCB mcb)
{
    return run_count(of(mcb));
}

NT_EXPORT BOOLEAN NTAPI FsRtlGetNextMcbEntry(PLARGE_MCB mcb, ULONG index, PULONG ret_vbn,
                                             PULONG ret_lbn, PULONG ret_count)
{
    struct run r;

    if (!run_at(of(mcb), index, &r))
        return FALSE;
    *ret_vbn = (ULONG)r.vbn;
    *ret_lbn = (ULONG)r.lbn;
    *ret_count = (ULONG)r.count;
    return TRUE;
}
