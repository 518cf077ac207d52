/*
 * ERESOURCE: reader/writer locks with recursion and owners.
 *
 * The truth (owners, waiters) is native, one record for each initialised resource, found by its address;
 * the structure shows what drivers and debuggers read. A resource is "active" from its initialisation to
 * its deletion: memory that holds one must not be freed (C4/17, C4/D2).
 *
 * Order of grants, as Windows': when an exclusive owner lets go, waiting readers go first; when the last
 * reader lets go, the oldest waiting writer. New readers queue behind waiting writers, unless they own the
 * resource already or ask to starve them.
 * Doc: WDK, "Introduction to ERESOURCE Routines"; wdm.h, ExAcquireResourceExclusiveLite ...
 */
#include "kernel/ke_sched.h"

#include <string.h>

enum { BUCKETS = 64, OWNERS_FIRST = 4, OWNER_POINTER_BITS = 3 };

struct owner {
    ERESOURCE_THREAD thread;
    uint32_t count;
};

struct record {
    struct pp_list link; /* bucket */
    ERESOURCE *resource;
    struct owner *owners;
    uint32_t owner_count, owner_room;
    bool is_exclusive;
    struct pp_list waiters; /* struct waiter, oldest first */
};

struct waiter {
    struct pp_list link;
    KEVENT event;
    ERESOURCE_THREAD thread;
    bool is_exclusive;
};

static struct {
    struct pp_list buckets[BUCKETS];
    bool is_ready;
} g;

static struct pp_list *bucket_of(const void *resource)
{
    uint64_t a = (uint64_t)(uintptr_t)resource;

    if (!g.is_ready) {
        for (int i = 0; i < BUCKETS; i++)
            pp_list_init(&g.buckets[i]);
        g.is_ready = true;
    }
    return &g.buckets[(a >> 3 ^ a >> 12) % BUCKETS];
}

static struct record *find(const ERESOURCE *resource)
{
    struct pp_list *it, *bucket = bucket_of(resource);

    PP_LIST_EACH(it, bucket) {
        struct record *r = PP_CONTAINER(it, struct record, link);

        if (r->resource == resource)
            return r;
    }
    return NULL;
}

static struct record *record_new(ERESOURCE *resource)
{
    struct record *r = pp_new(sizeof *r);

    PP_ASSERT(r);
    r->resource = resource;
    r->owner_room = OWNERS_FIRST;
    r->owners = pp_new_array(r->owner_room, sizeof *r->owners);
    PP_ASSERT(r->owners);
    pp_list_init(&r->waiters);
    pp_list_push_back(bucket_of(resource), &r->link);
    return r;
}

static void record_free(struct record *r)
{
    pp_list_remove(&r->link);
    pp_free(r->owners);
    pp_free(r);
}

bool ex_resource_in(uint64_t addr, uint64_t size, uint64_t *ret)
{
    for (int i = 0; g.is_ready && i < BUCKETS; i++) {
        struct pp_list *it;

        PP_LIST_EACH(it, &g.buckets[i]) {
            uint64_t a = KE_ARG(PP_CONTAINER(it, struct record, link)->resource);

            if (a >= addr && a < addr + size) {
                *ret = a;
                return true;
            }
        }
    }
    return false;
}

void ex_resource_forget_in(uint64_t addr, uint64_t size)
{
    uint64_t a;

    while (ex_resource_in(addr, size, &a)) {
        struct record *r = find((ERESOURCE *)(uintptr_t)a);

        if (!pp_list_is_empty(&r->waiters)) {
            pp_list_remove(&r->link); /* threads still wait: the record stays, unreachable */
            continue;
        }
        record_free(r);
    }
}

/* ---- The driver-visible side ---- */

static void mirror(struct record *r)
{
    ERESOURCE *e = r->resource;
    ULONG shared = 0, exclusive = 0;
    struct pp_list *it;

    PP_LIST_EACH(it, &r->waiters) {
        if (PP_CONTAINER(it, struct waiter, link)->is_exclusive)
            exclusive++;
        else
            shared++;
    }
    e->ActiveCount = (SHORT)(r->is_exclusive ? 1 : r->owner_count);
    e->ActiveEntries = r->is_exclusive ? 1 : r->owner_count;
    e->Flag = (USHORT)((e->Flag & ~ResourceOwnedExclusive) |
                       (r->is_exclusive ? ResourceOwnedExclusive : 0));
    e->NumberOfSharedWaiters = shared;
    e->NumberOfExclusiveWaiters = exclusive;
    e->OwnerEntry.OwnerThread = r->owner_count ? r->owners[0].thread : 0;
    e->OwnerEntry.TableSize = 0;
    e->OwnerEntry.OwnerCount = (r->owner_count ? r->owners[0].count : 0) & 0x1FFFFFFF;
}

/* ---- Owners ---- */

static struct owner *owner_of(struct record *r, ERESOURCE_THREAD thread)
{
    for (uint32_t i = 0; i < r->owner_count; i++) {
        if (r->owners[i].thread == thread)
            return &r->owners[i];
    }
    return NULL;
}

static void count_lock(ERESOURCE_THREAD thread, int by)
{
    struct ke_thread *t = ke_thread_of((void *)(uintptr_t)(thread & ~(ERESOURCE_THREAD)OWNER_POINTER_BITS));

    if (t)
        t->lock_count += by;
}

static void owner_add(struct record *r, ERESOURCE_THREAD thread, bool is_exclusive)
{
    struct owner *o = owner_of(r, thread);

    if (o) {
        o->count++;
        return;
    }
    if (r->owner_count == r->owner_room) {
        r->owner_room *= 2;
        r->owners = pp_resize(r->owners, r->owner_room * sizeof *r->owners);
        PP_ASSERT(r->owners);
    }
    r->owners[r->owner_count++] = (struct owner){thread, 1};
    r->is_exclusive = is_exclusive;
    count_lock(thread, 1);
}

static void grant(struct record *r, struct waiter *w)
{
    pp_list_remove(&w->link);
    owner_add(r, w->thread, w->is_exclusive);
    (void)ke_event_set(&w->event);
}

/* All waiting readers. Returns how many there were. */
static unsigned grant_shared(struct record *r)
{
    struct pp_list *it, *tmp;
    unsigned n = 0;

    PP_LIST_EACH_SAFE(it, tmp, &r->waiters) {
        struct waiter *w = PP_CONTAINER(it, struct waiter, link);

        if (!w->is_exclusive) {
            grant(r, w);
            n++;
        }
    }
    return n;
}

static void grant_exclusive(struct record *r)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &r->waiters) {
        struct waiter *w = PP_CONTAINER(it, struct waiter, link);

        if (w->is_exclusive) {
            grant(r, w);
            return;
        }
    }
}

static bool has_exclusive_waiter(const struct record *r)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &r->waiters) {
        if (PP_CONTAINER(it, struct waiter, link)->is_exclusive)
            return true;
    }
    return false;
}

/* ---- Acquiring and releasing ---- */

static ERESOURCE_THREAD self(void)
{
    return (ERESOURCE_THREAD)KE_ARG(ke_thread_now->object);
}

static void check_apcs(const ERESOURCE *e, enum vf_rule rule)
{
    ULONG regions = ke_thread_now->object->Tcb.CombinedApcDisable;

    if (ke_irql_now < APC_LEVEL && !regions && !ke_thread_now->is_system)
        ke_rule(rule, ke_irql_now, regions, KE_ARG(e), NULL);
}

/* The record; made when the driver forgot to initialise (reported). */
static struct record *record_of(PERESOURCE e)
{
    struct record *r = find(e);

    if (r)
        return r;
    ke_rule(VF_VER_LOCK_UNINIT, KE_ARG(e), 0, 0, "ExInitializeResourceLite was not called for it");
    memset(e, 0, sizeof *e);
    return record_new(e);
}

static void block(struct record *r, bool is_exclusive)
{
    struct waiter w = {.thread = self(), .is_exclusive = is_exclusive};

    ke_header_init(&w.event.Header, EventNotificationObject, sizeof w.event, 0);
    pp_list_push_back(&r->waiters, &w.link);
    r->resource->ContentionCount++;
    mirror(r);
    ke_thread_now->wait_what = is_exclusive ? "a resource, exclusively" : "a resource, shared";
    (void)ke_wait(&w.event, NULL, false, KernelMode);
    ke_thread_now->wait_what = NULL;
}

static BOOLEAN acquire_exclusive(PERESOURCE e, BOOLEAN wait)
{
    struct record *r = record_of(e);
    struct owner *o = owner_of(r, self());

    check_apcs(e, VF_VER_RESOURCE_ACQUIRE);
    if (!r->owner_count || (r->is_exclusive && o)) {
        owner_add(r, self(), true);
        mirror(r);
        return TRUE;
    }
    if (!wait)
        return FALSE;
    if (o)
        ke_rule(VF_VER_LOCK_SELF, KE_ARG(e), 0, 0,
                "a thread that owns a resource shared asks for it exclusively");
    block(r, true);
    return TRUE;
}

enum share { SHARE_FAIR, SHARE_STARVE, SHARE_WAIT };

static BOOLEAN acquire_shared(PERESOURCE e, BOOLEAN wait, enum share how)
{
    struct record *r = record_of(e);
    bool is_owner = owner_of(r, self()) != NULL;
    bool may_join = !r->is_exclusive && (how == SHARE_STARVE || !has_exclusive_waiter(r) ||
                                         (how == SHARE_FAIR && is_owner));

    check_apcs(e, VF_VER_RESOURCE_ACQUIRE);
    if (!r->owner_count || may_join || (r->is_exclusive && is_owner)) {
        owner_add(r, self(), false);
        mirror(r);
        return TRUE;
    }
    if (!wait)
        return FALSE;
    block(r, false);
    return TRUE;
}

static void release(PERESOURCE e, ERESOURCE_THREAD thread)
{
    struct record *r = record_of(e);
    struct owner *o = owner_of(r, thread);
    struct vf_case c = {.rule = VF_RESOURCE_NOT_OWNED, .access = VF_NO_ACCESS};
    bool was_exclusive = r->is_exclusive;

    check_apcs(e, VF_VER_RESOURCE_RELEASE);
    if (!o && !(thread & OWNER_POINTER_BITS) && !ke_thread_of((void *)(uintptr_t)thread)) {
        c.rule = VF_RESOURCE_TARGET;
        c.p[0] = KE_ARG(e);
        c.p[1] = self();
        c.p[2] = thread;
        vf_report(&c);
        return;
    }
    if (!o) {
        c.p[0] = KE_ARG(e);
        c.p[1] = thread;
        c.p[2] = KE_ARG(e->OwnerTable);
        vf_report(&c);
        return;
    }
    if (--o->count) {
        mirror(r);
        return;
    }
    count_lock(thread, -1);
    *o = r->owners[--r->owner_count];
    if (!r->owner_count) {
        r->is_exclusive = false;
        if (!was_exclusive || !grant_shared(r))
            grant_exclusive(r);
        if (!r->owner_count)
            (void)grant_shared(r);
    }
    mirror(r);
}

/* ---- Exports ---- */

NT_EXPORT NTSTATUS NTAPI ExInitializeResourceLite(PERESOURCE e)
{
    struct record *r = find(e);

    ke_check_resident(e);
    if (KE_ARG(e) & 7)
        ke_rule(VF_VER_RESOURCE_ALIGN, 0, 0, KE_ARG(e), NULL);
    memset(e, 0, sizeof *e);
    if (r) {
        ke_rule(VF_VER_RESOURCE_TWICE, KE_ARG(e), 0, 0, NULL);
        r->owner_count = 0;
        r->is_exclusive = false;
    } else {
        r = record_new(e);
    }
    e->SystemResourcesList.Flink = e->SystemResourcesList.Blink = &e->SystemResourcesList;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ExReinitializeResourceLite(PERESOURCE e)
{
    struct record *r = record_of(e);

    r->owner_count = 0;
    r->is_exclusive = false;
    e->ContentionCount = 0;
    mirror(r);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ExDeleteResourceLite(PERESOURCE e)
{
    struct record *r = find(e);

    if (!r) {
        ke_rule(VF_VER_RESOURCE_UNINIT, KE_ARG(e), 0, 0, NULL);
        return STATUS_SUCCESS;
    }
    if (r->owner_count)
        ke_rule(VF_VER_LOCK_DELETED, KE_ARG(e), r->owners[0].thread, 0, NULL);
    while (r->owner_count)
        count_lock(r->owners[--r->owner_count].thread, -1);
    record_free(r);
    return STATUS_SUCCESS;
}

NT_EXPORT BOOLEAN NTAPI ExAcquireResourceExclusiveLite(PERESOURCE e, BOOLEAN wait)
{
    return acquire_exclusive(e, wait);
}

NT_EXPORT BOOLEAN NTAPI ExTryToAcquireResourceExclusiveLite(PERESOURCE e)
{
    return acquire_exclusive(e, FALSE);
}

NT_EXPORT BOOLEAN NTAPI ExAcquireResourceSharedLite(PERESOURCE e, BOOLEAN wait)
{
    return acquire_shared(e, wait, SHARE_FAIR);
}

NT_EXPORT BOOLEAN NTAPI ExAcquireSharedStarveExclusive(PERESOURCE e, BOOLEAN wait)
{
    return acquire_shared(e, wait, SHARE_STARVE);
}

NT_EXPORT BOOLEAN NTAPI ExAcquireSharedWaitForExclusive(PERESOURCE e, BOOLEAN wait)
{
    return acquire_shared(e, wait, SHARE_WAIT);
}

NT_EXPORT VOID NTAPI ExReleaseResourceLite(PERESOURCE e)
{
    release(e, self());
    ke_preempt_point((const void *)ExReleaseResourceLite);
}

NT_EXPORT VOID NTAPI ExReleaseResourceForThreadLite(PERESOURCE e, ERESOURCE_THREAD thread)
{
    release(e, thread);
    ke_preempt_point((const void *)ExReleaseResourceForThreadLite);
}

NT_EXPORT PVOID NTAPI ExEnterCriticalRegionAndAcquireResourceExclusive(PERESOURCE e)
{
    ke_region_enter(false);
    (void)acquire_exclusive(e, TRUE);
    return ke_thread_now->object->Tcb.Win32Thread;
}

NT_EXPORT PVOID NTAPI ExEnterCriticalRegionAndAcquireResourceShared(PERESOURCE e)
{
    ke_region_enter(false);
    (void)acquire_shared(e, TRUE, SHARE_FAIR);
    return ke_thread_now->object->Tcb.Win32Thread;
}

NT_EXPORT PVOID NTAPI ExEnterCriticalRegionAndAcquireSharedWaitForExclusive(PERESOURCE e)
{
    ke_region_enter(false);
    (void)acquire_shared(e, TRUE, SHARE_WAIT);
    return ke_thread_now->object->Tcb.Win32Thread;
}

NT_EXPORT VOID NTAPI ExReleaseResourceAndLeaveCriticalRegion(PERESOURCE e)
{
    release(e, self());
    ke_region_leave(false);
}

NT_EXPORT VOID NTAPI ExConvertExclusiveToSharedLite(PERESOURCE e)
{
    struct record *r = record_of(e);

    if (!r->is_exclusive || !owner_of(r, self())) {
        ke_rule(VF_VER_LOCK_NOT_HELD, KE_ARG(e), 0, 0, "only an exclusive owner can convert");
        return;
    }
    r->is_exclusive = false;
    (void)grant_shared(r);
    mirror(r);
}

NT_EXPORT BOOLEAN NTAPI ExIsResourceAcquiredExclusiveLite(PERESOURCE e)
{
    struct record *r = find(e);

    return r && r->is_exclusive && owner_of(r, self());
}

NT_EXPORT ULONG NTAPI ExIsResourceAcquiredSharedLite(PERESOURCE e)
{
    struct record *r = find(e);
    struct owner *o = r ? owner_of(r, self()) : NULL;

    return o ? o->count : 0;
}

NT_EXPORT ULONG NTAPI ExGetExclusiveWaiterCount(PERESOURCE e)
{
    return e->NumberOfExclusiveWaiters;
}

NT_EXPORT ULONG NTAPI ExGetSharedWaiterCount(PERESOURCE e)
{
    return e->NumberOfSharedWaiters;
}

/* Doc: ntifs.h, ExSetResourceOwnerPointer: the owner becomes an address whose two low bits are set. */
NT_EXPORT VOID NTAPI ExSetResourceOwnerPointer(PERESOURCE e, PVOID pointer)
{
    struct record *r = record_of(e);
    struct owner *o = owner_of(r, self());
    ERESOURCE_THREAD to = (ERESOURCE_THREAD)(uintptr_t)pointer;
    struct owner *other = owner_of(r, to);

    if ((to & OWNER_POINTER_BITS) != OWNER_POINTER_BITS || to < KE_SYSTEM_LOW) {
        struct vf_case c = {.rule = VF_RESOURCE_OWNER_POINTER, .access = VF_NO_ACCESS,
                            .p = {KE_ARG(e), KE_ARG(e->OwnerTable), self(), to}};

        vf_report(&c);
        return;
    }
    if (!o) {
        ke_rule(VF_VER_LOCK_NOT_HELD, KE_ARG(e), 0, 0, "only an owner can hand a resource over");
        return;
    }
    count_lock(self(), -1);
    if (other && other != o) {
        other->count += o->count;
        *o = r->owners[--r->owner_count];
    } else {
        o->thread = to;
    }
    mirror(r);
}

NT_EXPORT VOID NTAPI ExSetResourceOwnerPointerEx(PERESOURCE e, PVOID pointer, ULONG flags)
{
    (void)flags;
    ExSetResourceOwnerPointer(e, pointer);
}

/* Priorities are not modelled, so there is no boost to disable. */
NT_EXPORT VOID NTAPI ExDisableResourceBoostLite(PERESOURCE e)
{
    (void)record_of(e);
}
