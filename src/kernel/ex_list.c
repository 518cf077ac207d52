/*
 * Interlocked lists and counters. With one host thread an export is atomic by itself; what stays is
 * the discipline: a spin lock that is already held here can never come free on Windows (these
 * routines spin with interrupts off), and a doubly linked list is checked as Windows 8 and later
 * check it.
 *
 * SLIST_HEADER on x64: depth (16 bits), sequence (48 bits), then the first entry's address in units
 * of 16.
 */
#include "kernel/kernel_priv.h"

enum { FAST_FAIL_CORRUPT_LIST = 3 };

/* Take the lock for the length of the call: it must be free. */
static void check_lock(PKSPIN_LOCK lock)
{
    struct vf_stack stack;
    KSPIN_LOCK value;

    mm_check_range(lock, sizeof *lock, true);
    value = *(volatile KSPIN_LOCK *)lock;
    if (!value)
        return;
    ke_stack_capture(&stack);
    ke_m.config.host.hang(ke_m.config.host.ctx,
                          "an interlocked list routine spins on a lock that is already held",
                          &stack);
}

/* Doc: bug check 0x139, parameter 1 = 3. */
static void check_neighbours(PLIST_ENTRY before, PLIST_ENTRY after)
{
    mm_check_range(before, sizeof *before, true);
    mm_check_range(after, sizeof *after, true);
    if (before->Flink == after && after->Blink == before)
        return;
    vf_report(&(struct vf_case){
        .rule = VF_FAST_FAIL,
        .p = {FAST_FAIL_CORRUPT_LIST},
        .fatal = true,
        .access = VF_NO_ACCESS,
        .addr = KE_ARG(before),
        .has_addr = true,
        .detail = "the neighbours of a LIST_ENTRY do not point to each other",
    });
    ke_contain();
}

static PLIST_ENTRY insert_between(PLIST_ENTRY entry, PLIST_ENTRY before, PLIST_ENTRY after)
{
    mm_check_range(entry, sizeof *entry, true);
    check_neighbours(before, after);
    entry->Flink = after;
    entry->Blink = before;
    before->Flink = entry;
    after->Blink = entry;
    return entry;
}

/* Doc: nf-wdm-exinterlockedinsertheadlist. Returns what was first, NULL for an empty list. */
NT_EXPORT PLIST_ENTRY NTAPI ExInterlockedInsertHeadList(PLIST_ENTRY head, PLIST_ENTRY entry,
                                                        PKSPIN_LOCK lock)
{
    PLIST_ENTRY first;

    check_lock(lock);
    first = head->Flink;
    insert_between(entry, head, first);
    return first == head ? NULL : first;
}

/* Doc: nf-wdm-exinterlockedinserttaillist. Returns what was last, NULL for an empty list. */
NT_EXPORT PLIST_ENTRY NTAPI ExInterlockedInsertTailList(PLIST_ENTRY head, PLIST_ENTRY entry,
                                                        PKSPIN_LOCK lock)
{
    PLIST_ENTRY last;

    check_lock(lock);
    last = head->Blink;
    insert_between(entry, last, head);
    return last == head ? NULL : last;
}

/* Doc: nf-wdm-exinterlockedremoveheadlist. */
NT_EXPORT PLIST_ENTRY NTAPI ExInterlockedRemoveHeadList(PLIST_ENTRY head, PKSPIN_LOCK lock)
{
    PLIST_ENTRY entry, next;

    check_lock(lock);
    mm_check_range(head, sizeof *head, true);
    entry = head->Flink;
    if (entry == head)
        return NULL;
    check_neighbours(head, entry);
    next = entry->Flink;
    check_neighbours(entry, next);
    head->Flink = next;
    next->Blink = head;
    return entry;
}

/* Doc: nf-wdm-exinterlockedpushentrylist. Returns what was first. */
NT_EXPORT PSINGLE_LIST_ENTRY NTAPI ExInterlockedPushEntryList(PSINGLE_LIST_ENTRY head,
                                                              PSINGLE_LIST_ENTRY entry,
                                                              PKSPIN_LOCK lock)
{
    check_lock(lock);
    mm_check_range(entry, sizeof *entry, true);
    entry->Next = head->Next;
    head->Next = entry;
    return entry->Next;
}

/* Doc: nf-wdm-exinterlockedpopentrylist. */
NT_EXPORT PSINGLE_LIST_ENTRY NTAPI ExInterlockedPopEntryList(PSINGLE_LIST_ENTRY head,
                                                             PKSPIN_LOCK lock)
{
    PSINGLE_LIST_ENTRY entry;

    check_lock(lock);
    entry = head->Next;
    if (entry) {
        mm_check_range(entry, sizeof *entry, false);
        head->Next = entry->Next;
    }
    return entry;
}

/* ---- Sequenced lists ---- */

/* Doc: nf-wdm-initializeslisthead. The header lies on a 16-byte boundary, or the status is raised.
 */
NT_EXPORT VOID NTAPI InitializeSListHead(PSLIST_HEADER head)
{
    if (KE_ARG(head) & 15)
        ke_raise_status(STATUS_DATATYPE_MISALIGNMENT);
    mm_check_range(head, sizeof *head, true);
    head->Alignment = 0;
    head->Region = 0;
}

static PSLIST_ENTRY slist_first(const SLIST_HEADER *head)
{
    return (PSLIST_ENTRY)(uintptr_t)(head->Region & ~15ull);
}

static void slist_set(PSLIST_HEADER head, PSLIST_ENTRY first, unsigned depth)
{
    uint64_t sequence = (head->Alignment >> 16) + 1;

    head->Alignment = sequence << 16 | (depth & 0xFFFF);
    head->Region = (head->Region & 15) | (KE_ARG(first) & ~15ull);
}

/* Doc: nf-wdm-exinterlockedpushentryslist. Returns what was first. The low four bits of an entry's
 * address have no place in the header: an entry that is not aligned comes out elsewhere, as on
 * Windows. */
NT_EXPORT PSLIST_ENTRY NTAPI ExpInterlockedPushEntrySList(PSLIST_HEADER head, PSLIST_ENTRY entry)
{
    PSLIST_ENTRY first;

    mm_check_range(head, sizeof *head, true);
    mm_check_range(entry, sizeof entry->Next, true);
    first = slist_first(head);
    entry->Next = first;
    slist_set(head, entry, head->HeaderX64.Depth + 1u);
    return first;
}

/* Doc: nf-wdm-exinterlockedpopentryslist. */
NT_EXPORT PSLIST_ENTRY NTAPI ExpInterlockedPopEntrySList(PSLIST_HEADER head)
{
    PSLIST_ENTRY first, next;

    mm_check_range(head, sizeof *head, true);
    first = slist_first(head);
    if (!first)
        return NULL;
    mm_check_range(first, sizeof first->Next, false);
    next = first->Next;
    slist_set(head, next, head->HeaderX64.Depth - 1u);
    return first;
}

/* Doc: nf-wdm-exinterlockedflushslist. Returns the chain. */
NT_EXPORT PSLIST_ENTRY NTAPI ExpInterlockedFlushSList(PSLIST_HEADER head)
{
    PSLIST_ENTRY first;

    mm_check_range(head, sizeof *head, true);
    first = slist_first(head);
    if (first)
        slist_set(head, NULL, 0);
    return first;
}

/* The forms with a spin lock, which x64 ignores. */
NT_EXPORT PSLIST_ENTRY NTAPI ExInterlockedPushEntrySList(PSLIST_HEADER head, PSLIST_ENTRY entry,
                                                         PKSPIN_LOCK lock)
{
    (void)lock; /* the header's own sequence protects the list */
    return ExpInterlockedPushEntrySList(head, entry);
}

NT_EXPORT PSLIST_ENTRY NTAPI ExInterlockedPopEntrySList(PSLIST_HEADER head, PKSPIN_LOCK lock)
{
    (void)lock; /* as above */
    return ExpInterlockedPopEntrySList(head);
}

/* Doc: nf-wdm-exquerydepthslist. */
NT_EXPORT USHORT NTAPI ExQueryDepthSList(PSLIST_HEADER head)
{
    mm_check_range(head, sizeof *head, false);
    return (USHORT)head->HeaderX64.Depth;
}

/* ---- Counters ---- */

/* Doc: nf-wdm-exinterlockedaddulong. Returns the old value. */
NT_EXPORT ULONG NTAPI ExInterlockedAddUlong(PULONG addend, ULONG increment, PKSPIN_LOCK lock)
{
    ULONG old;

    check_lock(lock);
    mm_check_range(addend, sizeof *addend, true);
    old = *addend;
    *addend = old + increment;
    return old;
}

/* Doc: nf-wdm-exinterlockedaddlargeinteger. Returns the old value; a LARGE_INTEGER travels in a
 * register. */
NT_EXPORT LONGLONG NTAPI ExInterlockedAddLargeInteger(PLARGE_INTEGER addend, LONGLONG increment,
                                                      PKSPIN_LOCK lock)
{
    LONGLONG old;

    check_lock(lock);
    mm_check_range(addend, sizeof *addend, true);
    old = addend->QuadPart;
    addend->QuadPart = (LONGLONG)((uint64_t)old + (uint64_t)increment);
    return old;
}

/* Doc: nf-wdm-exinterlockedaddlargestatistic. */
NT_EXPORT VOID NTAPI ExInterlockedAddLargeStatistic(PLARGE_INTEGER addend, ULONG increment)
{
    mm_check_range(addend, sizeof *addend, true);
    addend->QuadPart = (LONGLONG)((uint64_t)addend->QuadPart + increment);
}

/* Doc: nf-wdm-exinterlockedcompareexchange64. Returns the old value. */
NT_EXPORT LONGLONG NTAPI ExInterlockedCompareExchange64(LONGLONG *destination,
                                                        const LONGLONG *exchange,
                                                        const LONGLONG *comparand, PKSPIN_LOCK lock)
{
    LONGLONG old;

    (void)lock; /* one instruction on x64 */
    mm_check_range(destination, sizeof *destination, true);
    old = *destination;
    if (old == *comparand)
        *destination = *exchange;
    return old;
}
