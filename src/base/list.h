/* Intrusive doubly linked list with a sentinel. No locks: the owner's rule applies. */
#ifndef POOLPROOF_BASE_LIST_H
#define POOLPROOF_BASE_LIST_H

#include "base/base.h"

struct pp_list {
    struct pp_list *next, *prev;
};

static inline void pp_list_init(struct pp_list *l)
{
    l->next = l->prev = l;
}

static inline bool pp_list_is_empty(const struct pp_list *l)
{
    return l->next == l;
}

static inline void pp_list_insert_between(struct pp_list *n, struct pp_list *a, struct pp_list *b)
{
    n->prev = a;
    n->next = b;
    a->next = n;
    b->prev = n;
}

static inline void pp_list_push_back(struct pp_list *head, struct pp_list *n)
{
    pp_list_insert_between(n, head->prev, head);
}

static inline void pp_list_push_front(struct pp_list *head, struct pp_list *n)
{
    pp_list_insert_between(n, head, head->next);
}

/* Takes `n` out and leaves it empty, so that taking it out twice is harmless. */
static inline void pp_list_remove(struct pp_list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    pp_list_init(n);
}

/* The entry after `head`, or NULL when the list is empty. */
static inline struct pp_list *pp_list_first(struct pp_list *head)
{
    return pp_list_is_empty(head) ? NULL : head->next;
}

#define PP_LIST_EACH(it, head) for (it = (head)->next; it != (head); it = it->next)
#define PP_LIST_EACH_SAFE(it, tmp, head)                                                           \
    for (it = (head)->next, tmp = it->next; it != (head); it = tmp, tmp = it->next)

#endif
