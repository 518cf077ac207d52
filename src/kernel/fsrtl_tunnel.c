/*
 * Tunnel caches: names and data of files just deleted or renamed, for 15 seconds, so that a file
 * made again under its name gets its short name and creation time back.
 *
 * Doc: WDK, ntifs.h: FsRtlInitializeTunnelCache, FsRtlAddToTunnelCache, FsRtlFindInTunnelCache.
 */
#include "kernel/kernel_priv.h"

#include <string.h>

enum { ENTRIES_MAX = 1024 };
#define LIFETIME 150000000ull /* 15 s */

struct entry {
    struct pp_list link;
    uint64_t key, due;
    UNICODE_STRING short_name, long_name;
    bool by_short;
    uint32_t size;
    uint8_t *data;
};

/* What TUNNEL.Cache points to: a guarded block that stands for our own list. */
struct cache {
    struct pp_list entries;
    unsigned count;
};

struct known {
    struct pp_list link;
    void *block;
    struct cache cache;
};

static struct {
    struct pp_list all;
} g;

static struct cache *of(const TUNNEL *t)
{
    struct pp_list *it;

    if (g.all.next)
        PP_LIST_EACH(it, &g.all)
    if (PP_CONTAINER(it, struct known, link)->block == t->Cache)
        return &PP_CONTAINER(it, struct known, link)->cache;
    return NULL;
}

static bool copy_name(UNICODE_STRING *to, const UNICODE_STRING *from)
{
    memset(to, 0, sizeof *to);
    if (!from || !from->Length)
        return true;
    to->Buffer = pp_new(from->Length);
    if (!to->Buffer)
        return false;
    memcpy(to->Buffer, from->Buffer, from->Length);
    to->Length = to->MaximumLength = from->Length;
    return true;
}

static void entry_free(struct cache *c, struct entry *e)
{
    pp_list_remove(&e->link);
    c->count--;
    pp_free(e->short_name.Buffer);
    pp_free(e->long_name.Buffer);
    pp_free(e->data);
    pp_free(e);
}

/* Entries are in order of age. */
static void expire(TUNNEL *t, struct cache *c)
{
    struct pp_list *it;

    while ((it = pp_list_first(&c->entries)) &&
           (PP_CONTAINER(it, struct entry, link)->due <= ke_time_now() || c->count > ENTRIES_MAX))
        entry_free(c, PP_CONTAINER(it, struct entry, link));
    t->NumEntries = (USHORT)c->count;
}

NT_EXPORT VOID NTAPI FsRtlInitializeTunnelCache(PTUNNEL t)
{
    struct known *k = pp_new(sizeof *k);

    PP_ASSERT(k);
    if (!g.all.next)
        pp_list_init(&g.all);
    memset(t, 0, sizeof *t);
    t->TimerQueue.Flink = t->TimerQueue.Blink = &t->TimerQueue;
    k->block = t->Cache = ex_alloc_kernel(64, "FSun", true);
    pp_list_init(&k->cache.entries);
    pp_list_push_back(&g.all, &k->link);
}

static struct entry *find(struct cache *c, uint64_t key, const UNICODE_STRING *name)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &c->entries)
    {
        struct entry *e = PP_CONTAINER(it, struct entry, link);

        if (e->key == key && !rtl_compare(e->by_short ? &e->short_name : &e->long_name, name, true))
            return e;
    }
    return NULL;
}

NT_EXPORT VOID NTAPI FsRtlAddToTunnelCache(PTUNNEL t, ULONGLONG key, PUNICODE_STRING short_name,
                                           PUNICODE_STRING long_name, BOOLEAN by_short, ULONG size,
                                           PVOID data)
{
    struct cache *c = of(t);
    struct entry *e, *old;

    if (!c)
        return;
    expire(t, c);
    old = find(c, key, by_short ? short_name : long_name);
    e = pp_new(sizeof *e);
    if (!e)
        return;
    e->data = pp_new(size ? size : 1);
    if (!e->data || !copy_name(&e->short_name, short_name) ||
        !copy_name(&e->long_name, long_name)) {
        pp_free(e->short_name.Buffer);
        pp_free(e->data);
        pp_free(e);
        return; /* Doc: a cache may forget */
    }
    memcpy(e->data, data, size);
    e->size = size;
    e->key = key;
    e->by_short = by_short;
    e->due = ke_time_now() + LIFETIME;
    if (old)
        entry_free(c, old);
    pp_list_push_back(&c->entries, &e->link);
    c->count++;
    t->NumEntries = (USHORT)c->count;
}

/* Into the caller's buffer, or one it frees with ExFreePool. */
static bool give_name(UNICODE_STRING *to, const UNICODE_STRING *from)
{
    if (to->MaximumLength < from->Length) {
        PWSTR buffer = ex_alloc_for_driver(PagedPool, from->Length, 0x6E756E54 /* "Tnun" */);

        if (!buffer)
            return false;
        to->Buffer = buffer;
        to->MaximumLength = from->Length;
    }
    if (from->Length)
        mm_copy(to->Buffer, from->Buffer, from->Length);
    to->Length = from->Length;
    return true;
}

NT_EXPORT BOOLEAN NTAPI FsRtlFindInTunnelCache(PTUNNEL t, ULONGLONG key, PUNICODE_STRING name,
                                               PUNICODE_STRING ret_short, PUNICODE_STRING ret_long,
                                               PULONG size, PVOID data)
{
    struct cache *c = of(t);
    struct entry *e;

    if (!c)
        return FALSE;
    expire(t, c);
    e = find(c, key, name);
    if (!e) /* Seen: *size is only an output */
        return FALSE;
    if (!give_name(ret_short, &e->short_name) || !give_name(ret_long, &e->long_name))
        return FALSE;
    mm_copy(data, e->data, e->size);
    *size = e->size;
    return TRUE;
}

NT_EXPORT VOID NTAPI FsRtlDeleteKeyFromTunnelCache(PTUNNEL t, ULONGLONG key)
{
    struct cache *c = of(t);
    struct pp_list *it, *tmp;

    if (!c)
        return;
    PP_LIST_EACH_SAFE(it, tmp, &c->entries)
    if (PP_CONTAINER(it, struct entry, link)->key == key)
        entry_free(c, PP_CONTAINER(it, struct entry, link));
    t->NumEntries = (USHORT)c->count;
}

NT_EXPORT VOID NTAPI FsRtlDeleteTunnelCache(PTUNNEL t)
{
    struct cache *c = of(t);
    struct known *k;
    struct pp_list *it;

    if (!c)
        return;
    while ((it = pp_list_first(&c->entries)))
        entry_free(c, PP_CONTAINER(it, struct entry, link));
    k = PP_CONTAINER(c, struct known, cache);
    pp_list_remove(&k->link);
    ex_free_kernel(k->block);
    pp_free(k);
    t->Cache = NULL;
    t->NumEntries = 0;
}
