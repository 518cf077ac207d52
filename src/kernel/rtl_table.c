/*
 * Generic tables on splay trees. The driver's callbacks compare, allocate and free; an element is
 *
 *     RTL_SPLAY_LINKS | LIST_ENTRY (order of insertion) | the caller's data
 *
 * in memory that the driver's own routine gave, so a table costs nothing of ours.
 */
#include "kernel/kernel_priv.h"

struct element {
    RTL_SPLAY_LINKS links;
    LIST_ENTRY order;
    UCHAR data[];
};
_Static_assert(offsetof(struct element, data) == 0x28, "drivers count on the size of the header");

static PVOID data_of(PRTL_SPLAY_LINKS links)
{
    return links ? CONTAINING_RECORD(links, struct element, links)->data : NULL;
}

static RTL_GENERIC_COMPARE_RESULTS compare(PRTL_GENERIC_TABLE table, PVOID a, PVOID b)
{
    return (RTL_GENERIC_COMPARE_RESULTS)ke_call(table->CompareRoutine, KE_ARG(table), KE_ARG(a),
                                                KE_ARG(b));
}

static TABLE_SEARCH_RESULT search(PRTL_GENERIC_TABLE table, PVOID key, PRTL_SPLAY_LINKS *ret)
{
    PRTL_SPLAY_LINKS at = table->TableRoot;

    if (!at)
        return TableEmptyTree;
    for (;;) {
        RTL_GENERIC_COMPARE_RESULTS side = compare(table, key, data_of(at));
        PRTL_SPLAY_LINKS next = side == GenericLessThan ? at->LeftChild : at->RightChild;

        *ret = at;
        if (side != GenericLessThan && side != GenericGreaterThan)
            return TableFoundNode;
        if (!next)
            return side == GenericLessThan ? TableInsertAsLeft : TableInsertAsRight;
        at = next;
    }
}

/* Doc: nf-ntddk-rtlinitializegenerictable. */
NT_EXPORT VOID NTAPI RtlInitializeGenericTable(PRTL_GENERIC_TABLE table,
                                               PRTL_GENERIC_COMPARE_ROUTINE compare_routine,
                                               PRTL_GENERIC_ALLOCATE_ROUTINE allocate,
                                               PRTL_GENERIC_FREE_ROUTINE free_routine,
                                               PVOID context)
{
    mm_check_range(table, sizeof *table, true);
    *table = (RTL_GENERIC_TABLE){
        .CompareRoutine = compare_routine,
        .AllocateRoutine = allocate,
        .FreeRoutine = free_routine,
        .TableContext = context,
    };
    table->InsertOrderList.Flink = table->InsertOrderList.Blink = &table->InsertOrderList;
    table->OrderedPointer = &table->InsertOrderList;
}

static struct element *element_new(PRTL_GENERIC_TABLE table, PVOID data, ULONG size)
{
    struct element *e = (struct element *)ke_call(table->AllocateRoutine, KE_ARG(table),
                                                  (ULONG)(size + sizeof(struct element)));

    if (!e)
        return NULL;
    mm_check_range(e, sizeof *e, true);
    e->links = (RTL_SPLAY_LINKS){.Parent = &e->links};
    e->order.Flink = &table->InsertOrderList;
    e->order.Blink = table->InsertOrderList.Blink;
    mm_copy(e->data, data, size);
    return e;
}

/* Doc: nf-ntddk-rtlinsertelementgenerictablefull (ntddk.h). */
NT_EXPORT PVOID NTAPI RtlInsertElementGenericTableFull(PRTL_GENERIC_TABLE table, PVOID data,
                                                       ULONG size, PBOOLEAN ret_new, PVOID node,
                                                       TABLE_SEARCH_RESULT where)
{
    PRTL_SPLAY_LINKS at = node;

    if (where != TableFoundNode) {
        struct element *e = element_new(table, data, size);

        if (!e) {
            if (ret_new)
                *ret_new = FALSE;
            return NULL;
        }
        e->order.Blink->Flink = &e->order;
        table->InsertOrderList.Blink = &e->order;
        table->NumberGenericTableElements++;
        if (where != TableEmptyTree)
            e->links.Parent = at;
        if (where == TableInsertAsLeft)
            at->LeftChild = &e->links;
        else if (where == TableInsertAsRight)
            at->RightChild = &e->links;
        at = &e->links;
    }
    table->TableRoot = rtl_splay(at);
    if (ret_new)
        *ret_new = where != TableFoundNode;
    return data_of(at);
}

/* Doc: nf-ntddk-rtlinsertelementgenerictable. */
NT_EXPORT PVOID NTAPI RtlInsertElementGenericTable(PRTL_GENERIC_TABLE table, PVOID data, ULONG size,
                                                   PBOOLEAN ret_new)
{
    PRTL_SPLAY_LINKS at = NULL;
    TABLE_SEARCH_RESULT where = search(table, data, &at);

    return RtlInsertElementGenericTableFull(table, data, size, ret_new, at, where);
}

/* Doc: nf-ntddk-rtldeleteelementgenerictable. */
NT_EXPORT BOOLEAN NTAPI RtlDeleteElementGenericTable(PRTL_GENERIC_TABLE table, PVOID key)
{
    PRTL_SPLAY_LINKS at;
    struct element *e;

    if (search(table, key, &at) != TableFoundNode)
        return FALSE;
    e = CONTAINING_RECORD(at, struct element, links);
    table->TableRoot = rtl_splay_delete(at);
    e->order.Blink->Flink = e->order.Flink;
    e->order.Flink->Blink = e->order.Blink;
    table->NumberGenericTableElements--;
    table->WhichOrderedElement = 0;
    table->OrderedPointer = &table->InsertOrderList;
    (void)ke_call(table->FreeRoutine, KE_ARG(table), KE_ARG(e));
    return TRUE;
}

/* Doc: nf-ntddk-rtllookupelementgenerictablefull (ntddk.h). */
NT_EXPORT PVOID NTAPI RtlLookupElementGenericTableFull(PRTL_GENERIC_TABLE table, PVOID key,
                                                       PVOID *ret_node,
                                                       TABLE_SEARCH_RESULT *ret_where)
{
    PRTL_SPLAY_LINKS at = NULL;

    *ret_where = search(table, key, &at);
    if (*ret_where == TableEmptyTree)
        return NULL;
    *ret_node = at;
    table->TableRoot = rtl_splay(at);
    return *ret_where == TableFoundNode ? data_of(at) : NULL;
}

/* Doc: nf-ntddk-rtllookupelementgenerictable. */
NT_EXPORT PVOID NTAPI RtlLookupElementGenericTable(PRTL_GENERIC_TABLE table, PVOID key)
{
    TABLE_SEARCH_RESULT where;
    PVOID node;

    return RtlLookupElementGenericTableFull(table, key, &node, &where);
}

static PRTL_SPLAY_LINKS leftmost(PRTL_GENERIC_TABLE table)
{
    PRTL_SPLAY_LINKS at = table->TableRoot;

    while (at && at->LeftChild)
        at = at->LeftChild;
    return at;
}

/* Doc: nf-ntddk-rtlenumerategenerictable. The place is kept by splaying: the element is the root.
 */
NT_EXPORT PVOID NTAPI RtlEnumerateGenericTable(PRTL_GENERIC_TABLE table, BOOLEAN restart)
{
    PRTL_SPLAY_LINKS at;

    if (!table->TableRoot)
        return NULL;
    at = restart ? leftmost(table) : rtl_splay_next(table->TableRoot);
    if (at)
        table->TableRoot = rtl_splay(at);
    return data_of(at);
}

/* Doc: nf-ntddk-rtlenumerategenerictablewithoutsplaying. */
NT_EXPORT PVOID NTAPI RtlEnumerateGenericTableWithoutSplaying(PRTL_GENERIC_TABLE table,
                                                              PVOID *restart)
{
    PRTL_SPLAY_LINKS at = *restart ? rtl_splay_next(*restart) : leftmost(table);

    if (at)
        *restart = at;
    return data_of(at);
}

/* Doc: nf-ntddk-rtlgetelementgenerictable: in order of insertion. */
NT_EXPORT PVOID NTAPI RtlGetElementGenericTable(PRTL_GENERIC_TABLE table, ULONG i)
{
    PLIST_ENTRY at = table->InsertOrderList.Flink;

    if (i >= table->NumberGenericTableElements)
        return NULL;
    for (ULONG k = 0; k < i; k++)
        at = at->Flink;
    table->OrderedPointer = at;
    table->WhichOrderedElement = i + 1;
    return CONTAINING_RECORD(at, struct element, order)->data;
}

/* Doc: nf-ntddk-rtlnumbergenerictableelements. */
NT_EXPORT ULONG NTAPI RtlNumberGenericTableElements(PRTL_GENERIC_TABLE table)
{
    return table->NumberGenericTableElements;
}

/* Doc: nf-ntddk-rtlisgenerictableempty. */
NT_EXPORT BOOLEAN NTAPI RtlIsGenericTableEmpty(PRTL_GENERIC_TABLE table)
{
    return !table->TableRoot;
}
