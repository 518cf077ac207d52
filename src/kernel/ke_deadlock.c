/*
 * Deadlock detection: who takes which lock while holding which other, remembered for the whole run.
 *
 * Each lock is a node; taking B while holding A draws an edge from A to B. A lock that closes a circle is
 * reported at once, although nobody is stuck yet: the two orders only have to meet on two processors.
 * A circle is harmless when a third lock is held around both orders (a gate), so each edge keeps what
 * else was held. Attempts that can give up (KeTryTo..., a wait with a timeout) draw no edge to the lock:
 * they end by themselves.
 *
 * Followed are spin locks, mutexes, fast and guarded mutexes that lie in pool or in an image. A lock on a
 * stack has no life of its own: the next call finds another lock at the same address. ERESOURCEs,
 * push locks and reader/writer spin locks are not followed, as on Windows.
 *
 * Rules: C4/1001, 1003, 1005, 1008, 1009, 100B. The others of the family lie where the lock is.
 * Doc: devtest, "Deadlock Detection"; bug check 0xC4, 0x1000 to 0x100B. The graph and its gate locks follow
 * the lock-order idea of S. Savage et al., "Eraser", 1997, and Havelund's GoodLock, 2000.
 */
#include "kernel/ke_sched.h"

#include <string.h>

enum { HELD_MAX = 128, GATES_MAX = 6, PATH_MAX = 48, SEARCH_MAX = 4096 };

struct edge {
    struct node *to;
    uint64_t pc; /* where the second lock was taken */
    unsigned gate_count;
    const void *gates[GATES_MAX]; /* what else was held */
};

struct node {
    uint64_t lock;
    enum ke_lock_kind kind;
    bool is_made;     /* an initialisation routine was seen */
    bool is_on_path;  /* while searching */
    struct edge *edges;
    unsigned edge_count, edge_room;
};

struct held {
    const void *lock;
    const struct ke_thread *thread;
    bool in_dpc; /* a DPC runs on top of a thread and knows nothing of its locks */
    enum ke_lock_kind kind;
    bool is_excused; /* its release was judged when another lock was released */
};

static struct {
    struct node **nodes; /* sorted by address */
    size_t count, room;
    struct held held[HELD_MAX]; /* oldest first */
    unsigned held_count;
} g;

static bool is_on(void)
{
    return vf_is_enabled() && vf_has(VF_OPT_DEADLOCK) && ke_caller_is_verified();
}

/* Memory whose end of life is seen: pool and images. */
static bool is_followed(const void *lock)
{
    uint64_t a = KE_ARG(lock);

    return (a >= KE_POOL_LOW && a < KE_POOL_HIGH) || (a >= KE_IMAGE_LOW && a < KE_IMAGE_HIGH);
}

/* ---- Nodes ---- */

/* Index of the first node at or above the address. */
static size_t node_index(uint64_t addr)
{
    size_t low = 0, high = g.count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (g.nodes[mid]->lock < addr)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct node *node_find(const void *lock)
{
    size_t i = node_index(KE_ARG(lock));

    return i < g.count && g.nodes[i]->lock == KE_ARG(lock) ? g.nodes[i] : NULL;
}

static struct node *node_of(const void *lock, enum ke_lock_kind kind)
{
    size_t i = node_index(KE_ARG(lock));
    struct node *n;

    if (i < g.count && g.nodes[i]->lock == KE_ARG(lock))
        return g.nodes[i];
    if (g.count == g.room) {
        g.room = g.room ? g.room * 2 : 64;
        g.nodes = pp_resize(g.nodes, g.room * sizeof(struct node *));
        PP_ASSERT(g.nodes);
    }
    n = pp_new(sizeof *n);
    PP_ASSERT(n);
    n->lock = KE_ARG(lock);
    n->kind = kind;
    memmove(&g.nodes[i + 1], &g.nodes[i], (g.count - i) * sizeof(struct node *));
    g.nodes[i] = n;
    g.count++;
    return n;
}

static void edges_to_drop(const struct node *to)
{
    for (size_t i = 0; i < g.count; i++) {
        struct node *n = g.nodes[i];

        for (unsigned e = n->edge_count; e-- > 0;) {
            if (n->edges[e].to == to)
                n->edges[e] = n->edges[--n->edge_count];
        }
    }
}

static void node_drop(struct node *n)
{
    size_t i = node_index(n->lock);

    edges_to_drop(n);
    memmove(&g.nodes[i], &g.nodes[i + 1], (g.count - i - 1) * sizeof(struct node *));
    g.count--;
    pp_free(n->edges);
    pp_free(n);
}

/* ---- What is held ---- */

static bool is_mine(const struct held *h, const struct ke_thread *t)
{
    return h->thread == t && h->in_dpc == ke_in_dpc();
}

/* The newest entry of the lock, whoever holds it. */
static struct held *held_find(const void *lock)
{
    for (unsigned i = g.held_count; i-- > 0;) {
        if (g.held[i].lock == lock)
            return &g.held[i];
    }
    return NULL;
}

static void held_drop(struct held *h)
{
    size_t i = (size_t)(h - g.held);

    memmove(&g.held[i], &g.held[i + 1], (g.held_count - i - 1) * sizeof *g.held);
    g.held_count--;
}

void ke_lock_abandon(const struct ke_thread *t)
{
    for (unsigned i = g.held_count; i-- > 0;) {
        if (g.held[i].thread == t)
            held_drop(&g.held[i]);
    }
}

bool ke_lock_is_excused(const void *lock)
{
    const struct held *h = held_find(lock);

    return h && h->is_excused;
}

/* ---- The graph ---- */

/* A search: the gates of the edges on its way, how deep it is, and how much it may still look at. */
struct gates {
    unsigned count, depth, steps;
    const void *locks[GATES_MAX * 8];
};

static bool has_gate(const struct gates *s, const struct edge *e)
{
    for (unsigned i = 0; i < s->count; i++) {
        for (unsigned k = 0; k < e->gate_count; k++) {
            if (s->locks[i] == e->gates[k])
                return true;
        }
    }
    return false;
}

static unsigned gates_add(struct gates *s, const struct edge *e)
{
    unsigned before = s->count;

    for (unsigned i = 0; i < e->gate_count && s->count < PP_COUNT(s->locks); i++)
        s->locks[s->count++] = e->gates[i];
    return before;
}

/* An edge that leads from `n` to `goal`, over edges that no common gate keeps apart. */
static const struct edge *path_to(struct node *n, const struct node *goal, struct gates *s)
{
    const struct edge *ret = NULL;

    n->is_on_path = true;
    for (unsigned i = 0; i < n->edge_count && !ret; i++) {
        const struct edge *e = &n->edges[i];
        unsigned before;

        if (e->to->is_on_path || has_gate(s, e) || s->steps++ >= SEARCH_MAX)
            continue;
        before = gates_add(s, e);
        s->depth++;
        if (e->to == goal || (s->depth < PATH_MAX && path_to(e->to, goal, s)))
            ret = e;
        s->depth--;
        s->count = before;
    }
    n->is_on_path = false;
    return ret;
}

static void place(char *buf, size_t size, uint64_t pc)
{
    const struct ke_image *image = ke_image_at(pc);

    if (image)
        pp_fmt(buf, size, "%s+0x%llx", image->name, (unsigned long long)(pc - image->base));
    else
        pp_fmt(buf, size, "the kernel");
}

static void report_order(const struct node *first, const struct node *second, const struct edge *other)
{
    char before[80], detail[VF_DETAIL];

    place(before, sizeof before, other->pc);
    pp_fmt(detail, sizeof detail,
           "0x%llx is taken while 0x%llx is held; the other order was used before: holding 0x%llx, "
           "0x%llx was taken at %s",
           (unsigned long long)second->lock, (unsigned long long)first->lock,
           (unsigned long long)second->lock, (unsigned long long)other->to->lock, before);
    ke_rule(VF_VER_LOCK_ORDER, second->lock, 0, 0, detail);
}

/* `a` has the gates of `b` and maybe more: it says nothing new. */
static bool covers(const struct edge *a, const struct edge *b)
{
    struct gates s = {0};
    unsigned hits = 0;

    (void)gates_add(&s, a); /* from empty */
    for (unsigned k = 0; k < b->gate_count; k++) {
        for (unsigned i = 0; i < s.count; i++)
            hits += s.locks[i] == b->gates[k];
    }
    return hits == b->gate_count;
}

static bool is_known(const struct node *from, const struct edge *e)
{
    for (unsigned i = 0; i < from->edge_count; i++) {
        if (from->edges[i].to == e->to && covers(e, &from->edges[i]))
            return true;
    }
    return false;
}

static void edge_add(struct node *from, const struct edge *e)
{
    const struct edge *other;
    struct gates s = {0};

    if (is_known(from, e))
        return;
    (void)gates_add(&s, e); /* from empty */
    other = path_to(e->to, from, &s);
    if (from->edge_count == from->edge_room) {
        from->edge_room = from->edge_room ? from->edge_room * 2 : 4;
        from->edges = pp_resize(from->edges, from->edge_room * sizeof *from->edges);
        PP_ASSERT(from->edges);
    }
    if (other)
        report_order(from, e->to, other);
    from->edges[from->edge_count++] = *e; /* known from now on: said once */
}

static void edges_from_held(struct node *to, const struct ke_thread *t)
{
    for (unsigned i = 0; i < g.held_count; i++) {
        struct edge e = {.to = to, .pc = ke_caller()};

        if (!is_mine(&g.held[i], t) || !is_followed(g.held[i].lock))
            continue;
        for (unsigned k = 0; k < g.held_count && e.gate_count < GATES_MAX; k++) {
            if (k != i && is_mine(&g.held[k], t))
                e.gates[e.gate_count++] = g.held[k].lock;
        }
        edge_add(node_of(g.held[i].lock, g.held[i].kind), &e);
    }
}

/* ---- Kinds ---- */

/* Is a lock of kind `a` handled by routines for `b`? */
static bool is_mixed(enum ke_lock_kind a, enum ke_lock_kind b)
{
    const bool is_fast_a = a == KE_LOCK_FAST || a == KE_LOCK_FAST_UNSAFE;
    const bool is_fast_b = b == KE_LOCK_FAST || b == KE_LOCK_FAST_UNSAFE;

    return is_fast_a || is_fast_b ? is_fast_a != is_fast_b : a != b;
}

static const char *const kind_names[] = {
    [KE_LOCK_SPIN] = "ordinary spin locks",
    [KE_LOCK_QUEUED] = "in-stack queued spin locks",
    [KE_LOCK_FAST] = "fast mutexes",
    [KE_LOCK_FAST_UNSAFE] = "fast mutexes (unsafe)",
    [KE_LOCK_GUARDED] = "guarded mutexes",
    [KE_LOCK_MUTEX] = "mutexes",
};

static void report_kind(enum vf_rule rule, const void *lock, enum ke_lock_kind is, enum ke_lock_kind by)
{
    char detail[VF_DETAIL];

    pp_fmt(detail, sizeof detail, "the lock is used with the routines of %s, and here with those of %s",
           kind_names[is], kind_names[by]);
    ke_rule(rule, KE_ARG(lock), 0, 0, detail);
}

/* ---- Events ---- */

void ke_lock_made(const void *lock, enum ke_lock_kind kind)
{
    struct node *n;

    if (!is_on() || !is_followed(lock))
        return;
    n = node_find(lock);
    /* A spin lock is one word: many drivers set it up again at each start of a device, harmlessly. */
    if (n && ((n->is_made && kind == KE_LOCK_MUTEX) || held_find(lock)))
        ke_rule(VF_VER_LOCK_MADE_TWICE, KE_ARG(lock), 0, 0,
                held_find(lock) ? "it is held at this moment" : NULL);
    if (held_find(lock))
        return; /* its holder goes on with it */
    if (n)
        node_drop(n);
    node_of(lock, kind)->is_made = true;
}

void ke_lock_wanted(const void *lock, enum ke_lock_kind kind, bool may_give_up)
{
    const struct ke_thread *t = ke_thread_now;
    const struct held *h;
    struct node *n;

    if (!is_on() || !is_followed(lock))
        return;
    h = held_find(lock);
    n = node_of(lock, kind);
    if (is_mixed(n->kind, kind))
        report_kind(VF_VER_LOCK_ACQUIRE_KIND, lock, n->kind, kind);
    n->kind = kind;
    if (!may_give_up && !(h && is_mine(h, t))) /* recursion is no order */
        edges_from_held(n, t);
}

void ke_lock_taken(const void *lock, enum ke_lock_kind kind)
{
    if (is_on() && g.held_count < HELD_MAX)
        g.held[g.held_count++] =
            (struct held){lock, ke_thread_now, ke_in_dpc(), kind, false};
}

/* Releasing an outer fast mutex first lowers the IRQL under the inner one. */
static void check_order(const struct held *h, KIRQL to)
{
    for (unsigned i = g.held_count; i-- > 0 && &g.held[i] != h;) {
        struct held *inner = &g.held[i];

        if (!is_mine(inner, h->thread) || inner->kind != KE_LOCK_FAST || to >= APC_LEVEL)
            continue;
        ke_rule(VF_VER_LOCK_RELEASE_ORDER, KE_ARG(h->lock), KE_ARG(inner->lock), 0,
                "its release lowers the IRQL, and the lock taken after it is still held");
        inner->is_excused = true;
        return;
    }
}

bool ke_lock_dropped(const void *lock, enum ke_lock_kind kind, KIRQL to)
{
    struct held *h = held_find(lock);
    bool is_other = false;

    if (!h)
        return true;
    if (kind == KE_LOCK_FAST && h->kind == KE_LOCK_FAST)
        check_order(h, to);
    if (h->kind != kind) {
        is_other = true;
        report_kind(VF_VER_LOCK_RELEASE_KIND, lock, h->kind, kind);
    }
    held_drop(h);
    return !is_other;
}

/* ---- Ends ---- */

static void report_deleted(const struct held *h)
{
    ke_rule(VF_VER_LOCK_DELETED, KE_ARG(h->lock), KE_ARG(h->thread->object), 0,
            "the memory that holds it is freed");
}

void ke_lock_gone(uint64_t start, uint64_t size)
{
    for (unsigned i = g.held_count; i-- > 0;) {
        struct held *h = &g.held[i];

        if (KE_ARG(h->lock) < start || KE_ARG(h->lock) - start >= size)
            continue;
        /* Windows raises nothing for spin locks; and who holds a lock of an image that unloads hangs, or
         * has ended with it: said then. */
        if (h->kind != KE_LOCK_SPIN && h->kind != KE_LOCK_QUEUED && start < KE_IMAGE_LOW)
            report_deleted(h);
        held_drop(h);
    }
    while (g.count) {
        size_t i = node_index(start);

        if (i == g.count || g.nodes[i]->lock - start >= size)
            return;
        node_drop(g.nodes[i]);
    }
}
