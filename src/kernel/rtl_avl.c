/*
 * Generic tables on AVL trees. An element is RTL_BALANCED_LINKS (0x20 bytes) and the caller's data,
 * in memory from the driver's own allocate routine. BalancedRoot is a sentinel above the tree: its
 * right child is the root, its parent is itself.
 *
 * Source: D. Knuth, The Art of Computer Programming 3, 6.2.3, algorithm A and the deletion that
 * follows it; G. Adelson-Velsky and E. Landis, 1962.
 */
#include "kernel/kernel_priv.h"

typedef RTL_BALANCED_LINKS *LINKS;

static PVOID data_of(LINKS links)
{
    return links ? links + 1 : NULL;
}

static LINKS root_of(PRTL_AVL_TABLE table)
{
    return table->BalancedRoot.RightChild;
}

static LINKS leftmost(LINKS at)
{
    while (at && at->LeftChild)
        at = at->LeftChild;
    return at;
}

static LINKS rightmost(LINKS at)
{
    while (at && at->RightChild)
        at = at->RightChild;
    return at;
}

/* In order; NULL past the end. The sentinel is its own parent and has no left child. */
static LINKS successor(LINKS at)
{
    if (at->RightChild)
        return leftmost(at->RightChild);
    while (at->Parent->RightChild == at && at->Parent != at->Parent->Parent)
        at = at->Parent;
    return at->Parent->LeftChild == at ? at->Parent : NULL;
}

static LINKS predecessor(LINKS at)
{
    if (at->LeftChild)
        return rightmost(at->LeftChild);
    while (at->Parent->LeftChild == at)
        at = at->Parent;
    return at->Parent != at->Parent->Parent ? at->Parent : NULL;
}

static RTL_GENERIC_COMPARE_RESULTS compare(PRTL_AVL_TABLE table, PVOID a, PVOID b)
{
    return (RTL_GENERIC_COMPARE_RESULTS)ke_call(table->CompareRoutine, KE_ARG(table), KE_ARG(a),
                                                KE_ARG(b));
}

static TABLE_SEARCH_RESULT search(PRTL_AVL_TABLE table, PVOID key, LINKS *ret)
{
    LINKS at = root_of(table);

    if (!table->NumberGenericTableElements)
        return TableEmptyTree;
    for (;;) {
        RTL_GENERIC_COMPARE_RESULTS side = compare(table, key, data_of(at));
        LINKS next = side == GenericLessThan ? at->LeftChild : at->RightChild;

        *ret = at;
        if (side != GenericLessThan && side != GenericGreaterThan)
            return TableFoundNode;
        if (!next)
            return side == GenericLessThan ? TableInsertAsLeft : TableInsertAsRight;
        at = next;
    }
}

/* Move x above its parent. Balances are the caller's business. */
static void promote(LINKS x)
{
    LINKS p = x->Parent, above = p->Parent;

    if (p->LeftChild == x) {
        p->LeftChild = x->RightChild;
        if (p->LeftChild)
            p->LeftChild->Parent = p;
        x->RightChild = p;
    } else {
        p->RightChild = x->LeftChild;
        if (p->RightChild)
            p->RightChild->Parent = p;
        x->LeftChild = p;
    }
    p->Parent = x;
    if (above->LeftChild == p)
        above->LeftChild = x;
    else
        above->RightChild = x;
    x->Parent = above;
}

/* `s` is too deep by two on the side of its balance. Returns the subtree's new top; *shrunk says
 * whether the subtree has become lower. */
static LINKS rebalance(LINKS s, bool *shrunk)
{
    CHAR a = s->Balance;
    LINKS r = a > 0 ? s->RightChild : s->LeftChild, p;

    *shrunk = true;
    if (r->Balance == (CHAR)-a) {
        p = a > 0 ? r->LeftChild : r->RightChild;
        promote(p);
        promote(p);
        s->Balance = p->Balance == a ? (CHAR)-a : 0;
        r->Balance = p->Balance == (CHAR)-a ? a : 0;
        p->Balance = 0;
        return p;
    }
    promote(r);
    if (r->Balance == a) {
        s->Balance = r->Balance = 0;
    } else { /* only when deleting */
        r->Balance = (CHAR)-a;
        *shrunk = false;
    }
    return r;
}

static void grown(PRTL_AVL_TABLE table, LINKS node)
{
    LINKS p = node->Parent;
    bool shrunk;

    for (; p != &table->BalancedRoot; node = p, p = p->Parent) {
        CHAR side = p->LeftChild == node ? -1 : 1;

        if (p->Balance == side) {
            (void)rebalance(p, &shrunk); /* an insertion stops here either way */
            return;
        }
        p->Balance = (CHAR)(p->Balance + side);
        if (!p->Balance)
            return;
    }
    table->DepthOfTree++;
}

/* The subtree of `p` on `side` has become lower by one. */
static void shrunk_below(PRTL_AVL_TABLE table, LINKS p, CHAR side)
{
    while (p != &table->BalancedRoot) {
        bool shrunk = true;

        if (p->Balance == 0) {
            p->Balance = (CHAR)-side;
            return;
        }
        if (p->Balance == side)
            p->Balance = 0;
        else
            p = rebalance(p, &shrunk);
        if (!shrunk)
            return;
        side = p->Parent->LeftChild == p ? -1 : 1;
        p = p->Parent;
    }
    table->DepthOfTree--;
}

/* Put `x`, which may be NULL, where `old` hangs. */
static void hang(LINKS old, LINKS x)
{
    if (old->Parent->LeftChild == old)
        old->Parent->LeftChild = x;
    else
        old->Parent->RightChild = x;
    if (x)
        x->Parent = old->Parent;
}

static void unlink_node(PRTL_AVL_TABLE table, LINKS x)
{
    LINKS easy = x, parent;
    CHAR side;

    if (x->LeftChild && x->RightChild)
        easy = x->Balance >= 0 ? leftmost(x->RightChild) : rightmost(x->LeftChild);
    parent = easy->Parent;
    side = parent->LeftChild == easy ? -1 : 1;
    hang(easy, easy->LeftChild ? easy->LeftChild : easy->RightChild);
    shrunk_below(table, parent, side);
    if (easy == x)
        return;
    *easy = *x;
    hang(x, easy);
    if (easy->LeftChild)
        easy->LeftChild->Parent = easy;
    if (easy->RightChild)
        easy->RightChild->Parent = easy;
}

/* Doc: nf-ntddk-rtlinitializegenerictableavl. */
NT_EXPORT VOID NTAPI RtlInitializeGenericTableAvl(PRTL_AVL_TABLE table,
                                                  PRTL_AVL_COMPARE_ROUTINE compare_routine,
                                                  PRTL_AVL_ALLOCATE_ROUTINE allocate,
                                                  PRTL_AVL_FREE_ROUTINE free_routine, PVOID context)
{
    mm_check_range(table, sizeof *table, true);
    *table = (RTL_AVL_TABLE){
        .CompareRoutine = compare_routine,
        .AllocateRoutine = allocate,
        .FreeRoutine = free_routine,
        .TableContext = context,
    };
    table->BalancedRoot.Parent = &table->BalancedRoot;
}

/* Doc: nf-ntddk-rtlinsertelementgenerictablefullavl. */
NT_EXPORT PVOID NTAPI RtlInsertElementGenericTableFullAvl(PRTL_AVL_TABLE table, PVOID data,
                                                          ULONG size, PBOOLEAN ret_new, PVOID node,
                                                          TABLE_SEARCH_RESULT where)
{
    LINKS at = node, x;

    if (ret_new)
        *ret_new = FALSE;
    if (where == TableFoundNode)
        return data_of(at);
    x = (LINKS)ke_call(table->AllocateRoutine, KE_ARG(table), (ULONG)(size + sizeof *x));
    if (!x)
        return NULL;
    mm_check_range(x, sizeof *x, true);
    *x = (RTL_BALANCED_LINKS){0};
    mm_copy(x + 1, data, size);
    table->NumberGenericTableElements++;
    if (where == TableEmptyTree)
        at = &table->BalancedRoot;
    x->Parent = at;
    if (where == TableInsertAsLeft)
        at->LeftChild = x;
    else
        at->RightChild = x;
    grown(table, x);
    table->OrderedPointer = NULL;
    table->WhichOrderedElement = 0;
    if (ret_new)
        *ret_new = TRUE;
    return data_of(x);
}

/* Doc: nf-ntddk-rtlinsertelementgenerictableavl. */
NT_EXPORT PVOID NTAPI RtlInsertElementGenericTableAvl(PRTL_AVL_TABLE table, PVOID data, ULONG size,
                                                      PBOOLEAN ret_new)
{
    LINKS at = NULL;
    TABLE_SEARCH_RESULT where = search(table, data, &at);

    return RtlInsertElementGenericTableFullAvl(table, data, size, ret_new, at, where);
}

static VOID delete_node(PRTL_AVL_TABLE table, LINKS x)
{
    if (table->RestartKey == x)
        table->RestartKey = predecessor(x);
    unlink_node(table, x);
    table->DeleteCount++;
    table->NumberGenericTableElements--;
    table->WhichOrderedElement = 0;
    table->OrderedPointer = NULL;
    (void)ke_call(table->FreeRoutine, KE_ARG(table), KE_ARG(x));
}

/* Doc: nf-ntddk-rtldeleteelementgenerictableavl. */
NT_EXPORT BOOLEAN NTAPI RtlDeleteElementGenericTableAvl(PRTL_AVL_TABLE table, PVOID key)
{
    LINKS at;

    if (search(table, key, &at) != TableFoundNode)
        return FALSE;
    delete_node(table, at);
    return TRUE;
}

/* Doc: ntddk.h, RtlDeleteElementGenericTableAvlEx: the node is known from a full lookup. */
NT_EXPORT VOID NTAPI RtlDeleteElementGenericTableAvlEx(PRTL_AVL_TABLE table, PVOID node)
{
    delete_node(table, node);
}

/* Doc: nf-ntddk-rtllookupelementgenerictablefullavl. */
NT_EXPORT PVOID NTAPI RtlLookupElementGenericTableFullAvl(PRTL_AVL_TABLE table, PVOID key,
                                                          PVOID *ret_node,
                                                          TABLE_SEARCH_RESULT *ret_where)
{
    LINKS at = NULL;

    *ret_where = search(table, key, &at);
    if (*ret_where == TableEmptyTree)
        return NULL;
    *ret_node = at;
    return *ret_where == TableFoundNode ? data_of(at) : NULL;
}

/* Doc: nf-ntddk-rtllookupelementgenerictableavl. */
NT_EXPORT PVOID NTAPI RtlLookupElementGenericTableAvl(PRTL_AVL_TABLE table, PVOID key)
{
    LINKS at;

    return search(table, key, &at) == TableFoundNode ? data_of(at) : NULL;
}

/* Doc: nf-ntddk-rtllookupfirstmatchingelementgenerictableavl: the first in order of those that
 * compare equal. */
NT_EXPORT PVOID NTAPI RtlLookupFirstMatchingElementGenericTableAvl(PRTL_AVL_TABLE table, PVOID key,
                                                                   PVOID *ret_restart)
{
    LINKS at, before;

    *ret_restart = NULL;
    if (search(table, key, &at) != TableFoundNode)
        return NULL;
    for (before = predecessor(at); before && compare(table, key, data_of(before)) == GenericEqual;
         before = predecessor(at))
        at = before;
    *ret_restart = at;
    return data_of(at);
}

/* Doc: nf-ntddk-rtlenumerategenerictablewithoutsplayingavl. */
NT_EXPORT PVOID NTAPI RtlEnumerateGenericTableWithoutSplayingAvl(PRTL_AVL_TABLE table,
                                                                 PVOID *restart)
{
    LINKS at;

    if (!table->NumberGenericTableElements)
        return NULL;
    at = *restart ? successor(*restart) : leftmost(root_of(table));
    if (at)
        *restart = at;
    return data_of(at);
}

/* Doc: nf-ntddk-rtlenumerategenerictableavl. */
NT_EXPORT PVOID NTAPI RtlEnumerateGenericTableAvl(PRTL_AVL_TABLE table, BOOLEAN restart)
{
    if (restart)
        table->RestartKey = NULL;
    return RtlEnumerateGenericTableWithoutSplayingAvl(table, &table->RestartKey);
}

/* First node in order whose key is not below `key`; with `after`, above it. */
static LINKS lower_bound(PRTL_AVL_TABLE table, PVOID key, bool after)
{
    LINKS at = NULL;

    switch (search(table, key, &at)) {
    case TableFoundNode:
        return after ? successor(at) : at;
    case TableInsertAsLeft:
        return at;
    case TableInsertAsRight:
        return successor(at);
    default:
        return NULL;
    }
}

/* Doc: nf-ntddk-rtlenumerategenerictablelikeadirectory. A match routine ends the enumeration with
 * STATUS_NO_MORE_MATCHES, accepts with STATUS_SUCCESS and passes over with anything else. */
NT_EXPORT PVOID NTAPI RtlEnumerateGenericTableLikeADirectory(PRTL_AVL_TABLE table,
                                                             PRTL_AVL_MATCH_FUNCTION match,
                                                             PVOID match_data, ULONG next,
                                                             PVOID *restart, PULONG delete_count,
                                                             PVOID key)
{
    LINKS at;

    if (!table->NumberGenericTableElements) {
        *restart = NULL;
        return NULL;
    }
    if (*restart && *delete_count == table->DeleteCount)
        at = next ? successor(*restart) : *restart;
    else
        at = lower_bound(table, key, next);
    for (; at; at = successor(at)) {
        NTSTATUS status =
            match ? (NTSTATUS)ke_call(match, KE_ARG(table), KE_ARG(data_of(at)), KE_ARG(match_data))
                  : STATUS_SUCCESS;

        if (status == STATUS_SUCCESS)
            break;
        if (status == STATUS_NO_MORE_MATCHES)
            return NULL;
    }
    *delete_count = table->DeleteCount;
    *restart = at;
    return data_of(at);
}

/* Doc: nf-ntddk-rtlgetelementgenerictableavl: in order of the keys. */
NT_EXPORT PVOID NTAPI RtlGetElementGenericTableAvl(PRTL_AVL_TABLE table, ULONG i)
{
    LINKS at = leftmost(root_of(table));

    if (i >= table->NumberGenericTableElements)
        return NULL;
    for (ULONG k = 0; k < i; k++)
        at = successor(at);
    table->OrderedPointer = at;
    table->WhichOrderedElement = i + 1;
    return data_of(at);
}

/* Doc: nf-ntddk-rtlnumbergenerictableelementsavl. */
NT_EXPORT ULONG NTAPI RtlNumberGenericTableElementsAvl(PRTL_AVL_TABLE table)
{
    return table->NumberGenericTableElements;
}

/* Doc: nf-ntddk-rtlisgenerictableemptyavl. */
NT_EXPORT BOOLEAN NTAPI RtlIsGenericTableEmptyAvl(PRTL_AVL_TABLE table)
{
    return !table->NumberGenericTableElements;
}
