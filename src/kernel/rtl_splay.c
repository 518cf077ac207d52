/*
 * Splay trees: links that a driver embeds in its own structures. The root's parent is itself.
 *
 * Source: D. Sleator and R. Tarjan, "Self-Adjusting Binary Search Trees", JACM 32(3), 1985,
 * section 1.
 */
#include "kernel/kernel_priv.h"

static bool is_root(const RTL_SPLAY_LINKS *x)
{
    return x->Parent == x;
}

/* Put `x` where `old` hangs; `x` may be NULL. */
static void replace(PRTL_SPLAY_LINKS old, PRTL_SPLAY_LINKS x)
{
    PRTL_SPLAY_LINKS parent = old->Parent;

    if (parent == old) {
        if (x)
            x->Parent = x;
        return;
    }
    if (parent->LeftChild == old)
        parent->LeftChild = x;
    else
        parent->RightChild = x;
    if (x)
        x->Parent = parent;
}

/* Move x above its parent. */
static void rotate(PRTL_SPLAY_LINKS x)
{
    PRTL_SPLAY_LINKS p = x->Parent;

    replace(p, x);
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
}

PRTL_SPLAY_LINKS rtl_splay(PRTL_SPLAY_LINKS x)
{
    while (!is_root(x)) {
        PRTL_SPLAY_LINKS p = x->Parent;

        if (is_root(p)) {
            rotate(x);
        } else if ((p->LeftChild == x) == (p->Parent->LeftChild == p)) {
            rotate(p);
            rotate(x);
        } else {
            rotate(x);
            rotate(x);
        }
    }
    return x;
}

static PRTL_SPLAY_LINKS after_in_subtree(PRTL_SPLAY_LINKS x)
{
    x = x->RightChild;
    while (x && x->LeftChild)
        x = x->LeftChild;
    return x;
}

static PRTL_SPLAY_LINKS before_in_subtree(PRTL_SPLAY_LINKS x)
{
    x = x->LeftChild;
    while (x && x->RightChild)
        x = x->RightChild;
    return x;
}

PRTL_SPLAY_LINKS rtl_splay_next(PRTL_SPLAY_LINKS x)
{
    if (x->RightChild)
        return after_in_subtree(x);
    while (!is_root(x) && x->Parent->RightChild == x)
        x = x->Parent;
    return is_root(x) ? NULL : x->Parent;
}

static PRTL_SPLAY_LINKS previous(PRTL_SPLAY_LINKS x)
{
    if (x->LeftChild)
        return before_in_subtree(x);
    while (!is_root(x) && x->Parent->LeftChild == x)
        x = x->Parent;
    return is_root(x) ? NULL : x->Parent;
}

/* Let `x` take the place and the links of `node`. */
static void take_place(PRTL_SPLAY_LINKS x, PRTL_SPLAY_LINKS node)
{
    replace(node, x);
    x->LeftChild = node->LeftChild;
    x->RightChild = node->RightChild;
    if (x->LeftChild)
        x->LeftChild->Parent = x;
    if (x->RightChild)
        x->RightChild->Parent = x;
}

/* Unlink `x`. Returns a node that is still in the tree, near to where it was, or NULL. */
static PRTL_SPLAY_LINKS unlink_node(PRTL_SPLAY_LINKS x)
{
    PRTL_SPLAY_LINKS child, near;

    if (x->LeftChild && x->RightChild) {
        PRTL_SPLAY_LINKS other = before_in_subtree(x);

        near = other->Parent == x ? other : other->Parent;
        replace(other, other->LeftChild);
        take_place(other, x);
        return near;
    }
    child = x->LeftChild ? x->LeftChild : x->RightChild;
    near = is_root(x) ? child : x->Parent;
    replace(x, child);
    return near;
}

PRTL_SPLAY_LINKS rtl_splay_delete(PRTL_SPLAY_LINKS x)
{
    PRTL_SPLAY_LINKS near = unlink_node(x);

    return near ? rtl_splay(near) : NULL;
}

/* Doc: nf-ntddk-rtlsplay. Returns the new root, which is `x`. */
NT_EXPORT PRTL_SPLAY_LINKS NTAPI RtlSplay(PRTL_SPLAY_LINKS x)
{
    return rtl_splay(x);
}

/* Doc: nf-ntddk-rtlsubtreesuccessor: leftmost of the right subtree. */
NT_EXPORT PRTL_SPLAY_LINKS NTAPI RtlSubtreeSuccessor(PRTL_SPLAY_LINKS x)
{
    return after_in_subtree(x);
}

/* Doc: nf-ntddk-rtlsubtreepredecessor. */
NT_EXPORT PRTL_SPLAY_LINKS NTAPI RtlSubtreePredecessor(PRTL_SPLAY_LINKS x)
{
    return before_in_subtree(x);
}

/* Doc: nf-ntddk-rtlrealsuccessor: in the whole tree; NULL for the last. */
NT_EXPORT PRTL_SPLAY_LINKS NTAPI RtlRealSuccessor(PRTL_SPLAY_LINKS x)
{
    return rtl_splay_next(x);
}

/* Doc: nf-ntddk-rtlrealpredecessor. */
NT_EXPORT PRTL_SPLAY_LINKS NTAPI RtlRealPredecessor(PRTL_SPLAY_LINKS x)
{
    return previous(x);
}

/* Doc: nf-ntddk-rtldelete. Returns the new root, splayed; NULL when the tree is empty. */
NT_EXPORT PRTL_SPLAY_LINKS NTAPI RtlDelete(PRTL_SPLAY_LINKS x)
{
    return rtl_splay_delete(x);
}

/* Doc: nf-ntddk-rtldeletenosplay. */
NT_EXPORT VOID NTAPI RtlDeleteNoSplay(PRTL_SPLAY_LINKS x, PRTL_SPLAY_LINKS *root)
{
    PRTL_SPLAY_LINKS near = unlink_node(x);

    while (near && !is_root(near))
        near = near->Parent;
    *root = near;
}
