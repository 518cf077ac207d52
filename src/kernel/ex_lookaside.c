/*
 * Lookaside lists. Allocating and freeing are inlined into drivers: they pop from or push to the list's
 * SLIST and call the routine pointers when it is empty or Depth entries long. Depth stays 0, so that every
 * entry is an allocation of its own, guarded and tracked as any other.
 *
 * Doc: Microsoft Learn, "Using Lookaside Lists"; wdm.h, ExInitializeLookasideListEx, ExInitializeNPagedLookaside-
 * List, ExInitializePagedLookasideList; "Bug check 0xC4", values 0xCA to 0xCD.
 */
#include "kernel/kernel_priv.h"

#include <string.h>

enum { ENTRY_MIN = 8, DEPTH_MAX = 256, KNOWN_EX_FLAGS = 3 };

/* A list in use. */
struct list {
    uint64_t address;
    uint32_t size, owner;
};

static struct {
    struct list *lists;
    size_t count, room;
} g;

static struct list *find(uint64_t address)
{
    for (size_t i = 0; i < g.count; i++)
        if (g.lists[i].address == address)
            return &g.lists[i];
    return NULL;
}

static void report(enum vf_rule rule, uint64_t p2, uint64_t p3, uint64_t p4)
{
    struct vf_case c = {.rule = rule, .p = {0, p2, p3, p4}, .access = VF_NO_ACCESS};

    if (vf_is_enabled())
        (void)vf_report(&c);
}

static void remember(const void *address, uint32_t size)
{
    struct ke_image *im = ke_image_current();

    if (find(KE_ARG(address))) {
        report(VF_LOOKASIDE_AGAIN, KE_ARG(address), 0, 0);
        return;
    }
    if (g.count == g.room) {
        size_t room = g.room ? g.room * 2 : 64;
        struct list *lists = pp_resize(g.lists, room * sizeof *lists);

        PP_ASSERT(lists);
        g.lists = lists;
        g.room = room;
    }
    g.lists[g.count++] = (struct list){KE_ARG(address), size, im ? im->owner : 0};
}

static void forget(struct list *l)
{
    *l = g.lists[--g.count];
}

struct init {
    POOL_TYPE type;
    SIZE_T size;
    ULONG tag;
    PVOID allocate, free; /* NULL: the default */
    const char *allocate_default;
};

/* Both layouts begin with the same fields. */
static void list_init(GENERAL_LOOKASIDE_POOL *l, const struct init *i, uint32_t bytes)
{
    if (KE_ARG(l) & 15)
        ke_raise_status(STATUS_DATATYPE_MISALIGNMENT);
    if (i->size < ENTRY_MIN)
        report(VF_LOOKASIDE_SIZE, KE_ARG(l), i->size, ENTRY_MIN);
    memset(l, 0, bytes);
    l->MaximumDepth = DEPTH_MAX;
    l->Type = i->type;
    l->Tag = i->tag;
    l->Size = (ULONG)PP_MAX(i->size, (SIZE_T)ENTRY_MIN);
    l->Allocate = (PALLOCATE_FUNCTION)(i->allocate ? KE_ARG(i->allocate)
                                                   : ke_export_stub(i->allocate_default));
    l->Free = (PFREE_FUNCTION)(i->free ? KE_ARG(i->free) : ke_export_stub("ExFreePool"));
    l->ListEntry.Flink = l->ListEntry.Blink = &l->ListEntry;
    remember(l, bytes);
}

/* Entries that a driver pushed by itself. */
static void flush(GENERAL_LOOKASIDE_POOL *l)
{
    SLIST_ENTRY *e = (SLIST_ENTRY *)((uint64_t)l->ListHead.HeaderX64.NextEntry << 4);

    l->ListHead.Alignment = 0;
    l->ListHead.HeaderX64.NextEntry = 0;
    while (e) {
        SLIST_ENTRY *next = e->Next;

        ke_call(l->Free, KE_ARG(e), KE_ARG(l));
        e = next;
    }
}

static void list_delete(GENERAL_LOOKASIDE_POOL *l)
{
    struct list *known = find(KE_ARG(l));

    if (!known) {
        report(VF_LOOKASIDE_UNINIT, KE_ARG(l), 0, 0);
        return;
    }
    forget(known);
    flush(l);
}

static POOL_TYPE classic_type(uint32_t base, ULONG flags)
{
    return (POOL_TYPE)(base | (flags & (POOL_NX_ALLOCATION | POOL_RAISE_IF_ALLOCATION_FAILURE)));
}

NT_EXPORT VOID NTAPI ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST list, PALLOCATE_FUNCTION allocate,
                                                     PFREE_FUNCTION free, ULONG flags, SIZE_T size,
                                                     ULONG tag, USHORT depth)
{
    const struct init i = {.type = classic_type(NonPagedPool, flags), .size = size, .tag = tag,
                           .allocate = (PVOID)allocate, .free = (PVOID)free,
                           .allocate_default = "ExAllocatePoolWithTag"};

    (void)depth; /* reserved */
    list_init((GENERAL_LOOKASIDE_POOL *)(void *)list, &i, sizeof *list);
}

NT_EXPORT VOID NTAPI ExInitializePagedLookasideList(PPAGED_LOOKASIDE_LIST list, PALLOCATE_FUNCTION allocate,
                                                    PFREE_FUNCTION free, ULONG flags, SIZE_T size,
                                                    ULONG tag, USHORT depth)
{
    const struct init i = {.type = classic_type(PagedPool, flags & ~POOL_NX_ALLOCATION), .size = size,
                           .tag = tag, .allocate = (PVOID)allocate, .free = (PVOID)free,
                           .allocate_default = "ExAllocatePoolWithTag"};

    (void)depth; /* reserved */
    list_init((GENERAL_LOOKASIDE_POOL *)(void *)list, &i, sizeof *list);
}

NT_EXPORT VOID NTAPI ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST list)
{
    list_delete((GENERAL_LOOKASIDE_POOL *)(void *)list);
}

NT_EXPORT VOID NTAPI ExDeletePagedLookasideList(PPAGED_LOOKASIDE_LIST list)
{
    list_delete((GENERAL_LOOKASIDE_POOL *)(void *)list);
}

/* FAIL_NO_RAISE charges quota without raising; RAISE_ON_FAIL makes the default routine raise. */
NT_EXPORT NTSTATUS NTAPI ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX list, PALLOCATE_FUNCTION_EX allocate,
                                                     PFREE_FUNCTION_EX free, POOL_TYPE type, ULONG flags,
                                                     SIZE_T size, ULONG tag, USHORT depth)
{
    struct init i = {.type = type, .size = size, .tag = tag, .allocate = (PVOID)allocate,
                     .free = (PVOID)free, .allocate_default = "ExAllocatePoolWithTag"};
    uint32_t base = (uint32_t)type & ~(NT_POOL_MODIFIERS | POOL_NX_ALLOCATION);

    if (base > NT_POOL_BIT_SESSION + 7 || (base & NT_POOL_BIT_MUST_SUCCEED))
        return STATUS_INVALID_PARAMETER_4;
    if ((flags & ~(ULONG)KNOWN_EX_FLAGS) || flags == KNOWN_EX_FLAGS)
        return STATUS_INVALID_PARAMETER_5;
    if (size > NT_MAXULONG)
        return STATUS_INVALID_PARAMETER_6;
    if (depth)
        return STATUS_INVALID_PARAMETER_8;
    if (flags & EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL)
        i.type = (POOL_TYPE)((uint32_t)type | POOL_RAISE_IF_ALLOCATION_FAILURE);
    if (flags & EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE) {
        i.type = (POOL_TYPE)((uint32_t)type | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE);
        i.allocate_default = "ExAllocatePoolWithQuotaTag";
    }
    list_init(&list->L, &i, sizeof *list);
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX list)
{
    list_delete(&list->L);
}

NT_EXPORT VOID NTAPI ExFlushLookasideListEx(PLOOKASIDE_LIST_EX list)
{
    flush(&list->L);
}

/* ---- For the rest of the kernel ---- */

void ex_lookaside_check_free(uint64_t start, uint64_t size)
{
    for (size_t i = g.count; i--;) {
        struct list l = g.lists[i];

        if (l.address - start >= size)
            continue;
        report(VF_LOOKASIDE_IN_FREED, l.address, start, size);
        forget(&g.lists[i]);
    }
}

unsigned ex_lookaside_check_unload(const struct ke_image *image)
{
    unsigned count = 0;

    for (size_t i = g.count; i--;) {
        struct list l = g.lists[i];
        struct vf_case c = {.rule = VF_UNLOAD_LOOKASIDE, .p = {l.address}, .access = VF_NO_ACCESS};

        if (l.owner != image->owner)
            continue;
        count++;
        forget(&g.lists[i]);
        if (vf_is_enabled())
            (void)vf_report(&c);
    }
    return count;
}
