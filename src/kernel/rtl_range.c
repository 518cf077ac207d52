/*
 * Range lists: ranges of 64-bit numbers with an owner, kept in ascending order of their start. Bus
 * drivers and arbiters keep free address space in them.
 *
 * Ranges that overlap stay side by side here; Windows puts them into a merged entry, which its
 * iterators walk through, so a driver sees the same order. Count is the number of ranges.
 *
 * Doc: exported and declared in ntifs.h of older kits, no reference pages. Seen: Windows 2003
 * to 10.
 */
#include "kernel/kernel_priv.h"

struct entry {
    RTL_RANGE range; /* iterators and callers point here */
    LIST_ENTRY link;
};

static struct entry *entry_at(PLIST_ENTRY link)
{
    return CONTAINING_RECORD(link, struct entry, link);
}

static bool overlaps(const RTL_RANGE *r, ULONGLONG start, ULONGLONG end)
{
    return r->Start <= end && r->End >= start;
}

static void insert(PRTL_RANGE_LIST list, const RTL_RANGE *range)
{
    struct entry *e = ex_alloc_kernel(sizeof *e, "RRle", true);
    PLIST_ENTRY at = list->ListHead.Flink;

    while (at != &list->ListHead && entry_at(at)->range.Start <= range->Start)
        at = at->Flink;
    e->range = *range;
    e->link.Flink = at;
    e->link.Blink = at->Blink;
    at->Blink->Flink = &e->link;
    at->Blink = &e->link;
    list->Count++;
}

static void drop(PRTL_RANGE_LIST list, struct entry *e)
{
    e->link.Blink->Flink = e->link.Flink;
    e->link.Flink->Blink = e->link.Blink;
    ex_free_kernel(e);
    list->Count--;
}

NT_EXPORT VOID NTAPI RtlInitializeRangeList(PRTL_RANGE_LIST list)
{
    mm_check_range(list, offsetof(RTL_RANGE_LIST, Stamp) + sizeof(ULONG), true);
    list->ListHead.Flink = list->ListHead.Blink = &list->ListHead;
    list->Flags = list->Count = list->Stamp = 0;
}

NT_EXPORT VOID NTAPI RtlFreeRangeList(PRTL_RANGE_LIST list)
{
    while (list->ListHead.Flink != &list->ListHead)
        drop(list, entry_at(list->ListHead.Flink));
    list->Flags = list->Count = 0;
}

static NTSTATUS add(PRTL_RANGE_LIST list, RTL_RANGE *range, ULONG flags)
{
    for (PLIST_ENTRY at = list->ListHead.Flink; at != &list->ListHead; at = at->Flink) {
        const RTL_RANGE *other = &entry_at(at)->range;

        if (!overlaps(other, range->Start, range->End) ||
            (range->Flags & other->Flags & RTL_RANGE_SHARED))
            continue;
        if (!(flags & RTL_RANGE_LIST_ADD_IF_CONFLICT))
            return STATUS_RANGE_LIST_CONFLICT;
        range->Flags |= RTL_RANGE_CONFLICT;
    }
    insert(list, range);
    list->Stamp++;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI RtlAddRange(PRTL_RANGE_LIST list, ULONGLONG start, ULONGLONG end,
                                     UCHAR attributes, ULONG flags, PVOID user_data, PVOID owner)
{
    RTL_RANGE range = {start, end, user_data, owner, attributes, 0};

    if (start > end)
        return STATUS_INVALID_PARAMETER;
    if (flags & RTL_RANGE_LIST_ADD_SHARED)
        range.Flags = RTL_RANGE_SHARED;
    return add(list, &range, flags);
}

NT_EXPORT NTSTATUS NTAPI RtlDeleteRange(PRTL_RANGE_LIST list, ULONGLONG start, ULONGLONG end,
                                        PVOID owner)
{
    for (PLIST_ENTRY at = list->ListHead.Flink; at != &list->ListHead; at = at->Flink) {
        struct entry *e = entry_at(at);

        if (e->range.Start == start && e->range.End == end && e->range.Owner == owner) {
            drop(list, e);
            list->Stamp++;
            return STATUS_SUCCESS;
        }
    }
    return STATUS_RANGE_NOT_FOUND;
}

NT_EXPORT NTSTATUS NTAPI RtlDeleteOwnersRanges(PRTL_RANGE_LIST list, PVOID owner)
{
    for (PLIST_ENTRY at = list->ListHead.Flink, next; at != &list->ListHead; at = next) {
        next = at->Flink;
        if (entry_at(at)->range.Owner == owner) {
            drop(list, entry_at(at));
            list->Stamp++;
        }
    }
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI RtlCopyRangeList(PRTL_RANGE_LIST dst, PRTL_RANGE_LIST src)
{
    if (dst->Count)
        return STATUS_INVALID_PARAMETER;
    for (PLIST_ENTRY at = src->ListHead.Flink; at != &src->ListHead; at = at->Flink)
        insert(dst, &entry_at(at)->range);
    dst->Flags = src->Flags;
    dst->Stamp = src->Stamp;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI RtlMergeRangeLists(PRTL_RANGE_LIST merged, PRTL_RANGE_LIST a,
                                            PRTL_RANGE_LIST b, ULONG flags)
{
    NTSTATUS status = RtlCopyRangeList(merged, a);

    for (PLIST_ENTRY at = b->ListHead.Flink; NT_SUCCESS(status) && at != &b->ListHead;
         at = at->Flink) {
        RTL_RANGE range = entry_at(at)->range;

        status = add(merged, &range, flags);
    }
    if (!NT_SUCCESS(status))
        RtlFreeRangeList(merged);
    return status;
}

/* What the list leaves free, without owners. */
NT_EXPORT NTSTATUS NTAPI RtlInvertRangeList(PRTL_RANGE_LIST inverted, PRTL_RANGE_LIST list)
{
    ULONGLONG next = 0;

    if (inverted->Count)
        return STATUS_INVALID_PARAMETER;
    for (PLIST_ENTRY at = list->ListHead.Flink; at != &list->ListHead; at = at->Flink) {
        const RTL_RANGE *r = &entry_at(at)->range;

        if (r->Start > next)
            insert(inverted, &(RTL_RANGE){.Start = next, .End = r->Start - 1});
        if (r->End == UINT64_MAX)
            return STATUS_SUCCESS;
        next = PP_MAX(next, r->End + 1);
    }
    insert(inverted, &(RTL_RANGE){.Start = next, .End = UINT64_MAX});
    return STATUS_SUCCESS;
}

/* ---- Availability ---- */

struct wanted {
    ULONG flags;
    UCHAR attributes; /* a range with any of these is no obstacle */
    PVOID context;
    PRTL_CONFLICT_RANGE_ROUTINE callback; /* may say that a conflict is none */
};

/* A range in the way of [start, end], or NULL. */
static RTL_RANGE *obstacle(PRTL_RANGE_LIST list, ULONGLONG start, ULONGLONG end,
                           const struct wanted *w)
{
    for (PLIST_ENTRY at = list->ListHead.Flink; at != &list->ListHead; at = at->Flink) {
        RTL_RANGE *r = &entry_at(at)->range;

        if (!overlaps(r, start, end) || (r->Attributes & w->attributes) ||
            ((w->flags & RTL_RANGE_LIST_SHARED_OK) && (r->Flags & RTL_RANGE_SHARED)) ||
            ((w->flags & RTL_RANGE_LIST_NULL_CONFLICT_OK) && !r->Owner))
            continue;
        if (!w->callback || !(BOOLEAN)ke_call(w->callback, KE_ARG(w->context), KE_ARG(r)))
            return r;
    }
    return NULL;
}

NT_EXPORT NTSTATUS NTAPI RtlIsRangeAvailable(PRTL_RANGE_LIST list, ULONGLONG start, ULONGLONG end,
                                             ULONG flags, UCHAR attributes, PVOID context,
                                             PRTL_CONFLICT_RANGE_ROUTINE callback, PBOOLEAN ret)
{
    struct wanted w = {flags, attributes, context, callback};

    *ret = !obstacle(list, start, end, &w);
    return STATUS_SUCCESS;
}

/* The highest place in [minimum, maximum] for `length` values, aligned, that is free. */
NT_EXPORT NTSTATUS NTAPI RtlFindRange(PRTL_RANGE_LIST list, ULONGLONG minimum, ULONGLONG maximum,
                                      ULONG length, ULONG alignment, ULONG flags, UCHAR attributes,
                                      PVOID context, PRTL_CONFLICT_RANGE_ROUTINE callback,
                                      ULONGLONG *ret_start)
{
    struct wanted w = {flags, attributes, context, callback};
    ULONGLONG start;

    if (!length || !alignment || minimum > maximum || maximum - minimum < length - 1)
        return STATUS_INVALID_PARAMETER;
    start = maximum - (length - 1);
    for (;;) {
        const RTL_RANGE *r;

        start -= start % alignment;
        if (start < minimum)
            return STATUS_UNSUCCESSFUL;
        r = obstacle(list, start, start + length - 1, &w);
        if (!r) {
            *ret_start = start;
            return STATUS_SUCCESS;
        }
        if (r->Start < length)
            return STATUS_UNSUCCESSFUL;
        start = r->Start - length;
    }
}

/* ---- Iteration ---- */

static NTSTATUS iterator_at(PRTL_RANGE_LIST_ITERATOR it, PLIST_ENTRY link, PRTL_RANGE *ret)
{
    *ret = link == it->RangeListHead ? NULL : &entry_at(link)->range;
    it->Current = *ret;
    return *ret ? STATUS_SUCCESS : STATUS_NO_MORE_ENTRIES;
}

static void iterator_init(PRTL_RANGE_LIST_ITERATOR it, PRTL_RANGE_LIST list)
{
    it->RangeListHead = &list->ListHead;
    it->MergedHead = NULL;
    it->Stamp = list->Stamp;
}

NT_EXPORT NTSTATUS NTAPI RtlGetFirstRange(PRTL_RANGE_LIST list, PRTL_RANGE_LIST_ITERATOR it,
                                          PRTL_RANGE *ret)
{
    iterator_init(it, list);
    return iterator_at(it, list->ListHead.Flink, ret);
}

NT_EXPORT NTSTATUS NTAPI RtlGetLastRange(PRTL_RANGE_LIST list, PRTL_RANGE_LIST_ITERATOR it,
                                         PRTL_RANGE *ret)
{
    iterator_init(it, list);
    return iterator_at(it, list->ListHead.Blink, ret);
}

NT_EXPORT NTSTATUS NTAPI RtlGetNextRange(PRTL_RANGE_LIST_ITERATOR it, PRTL_RANGE *ret,
                                         BOOLEAN forward)
{
    RTL_RANGE_LIST *list = CONTAINING_RECORD(it->RangeListHead, RTL_RANGE_LIST, ListHead);
    struct entry *e;

    if (list->Stamp != it->Stamp)
        return STATUS_INVALID_PARAMETER; /* the list has changed under the iterator */
    if (!it->Current) {
        *ret = NULL;
        return STATUS_NO_MORE_ENTRIES;
    }
    e = CONTAINING_RECORD(it->Current, struct entry, range);
    return iterator_at(it, forward ? e->link.Flink : e->link.Blink, ret);
}
