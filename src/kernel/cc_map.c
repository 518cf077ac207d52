/*
 * The cache's heart: which pages of which streams are held, reading and writing them through the
 * file system's own paging path.
 *
 * A stream has views of 256 KB to 4 MB, made when first touched, each a guarded block: a file
 * system that runs past a view faults. Dirty pages are written by CcFlushCache, by the last
 * CcUninitializeCacheMap, and by the lazy writer a second (virtual) after they became dirty.
 *
 * Doc: WDK, "The Cache Manager Support Routines"; ntifs.h, CcInitializeCacheMap,
 * CACHE_MANAGER_CALLBACKS.
 */
#include "kernel/cc_priv.h"

#include <string.h>

enum { LAZY_DELAY = 10000000 /* 1 s */, CACHE_TOP_LEVEL_IRP = 3 /* FSRTL_CACHE_TOP_LEVEL_IRP */ };

static struct {
    struct pp_list maps;
    struct ke_timeout lazy;
    bool is_ready, lazy_armed;
} g;

static void ready(void)
{
    if (g.is_ready)
        return;
    pp_list_init(&g.maps);
    pp_list_init(&g.lazy.link);
    g.is_ready = true;
}

/* ---- Maps ---- */

struct cc_map *cc_map_of_sop(const SECTION_OBJECT_POINTERS *sop)
{
    struct pp_list *it;

    ready();
    PP_LIST_EACH(it, &g.maps)
    if (PP_CONTAINER(it, struct cc_map, link)->sop == sop)
        return PP_CONTAINER(it, struct cc_map, link);
    return NULL;
}

struct cc_map *cc_map_of(const FILE_OBJECT *file)
{
    return file->SectionObjectPointer ? cc_map_of_sop(file->SectionObjectPointer) : NULL;
}

struct cc_map *cc_map_new(FILE_OBJECT *file)
{
    struct cc_map *m = pp_new(sizeof *m);

    ready();
    if (!m)
        return NULL;
    m->sop = file->SectionObjectPointer;
    m->object = ex_alloc_kernel(0x200, "CcSc", false);
    *(USHORT *)m->object = 0x2FF; /* CACHE_NTC_SHARED_CACHE_MAP */
    m->file = file;
    ob_ref(file);
    m->view_size = CC_VIEW_MIN;
    pp_list_init(&m->views);
    pp_list_push_back(&g.maps, &m->link);
    m->sop->SharedCacheMap = m->object;
    return m;
}

static void view_free(struct cc_view *v)
{
    pp_list_remove(&v->link);
    ex_free_kernel(v->data);
    pp_free(v);
}

void cc_map_free(struct cc_map *m)
{
    struct pp_list *it;
    FILE_OBJECT *file = m->file;

    while ((it = pp_list_first(&m->views)))
        view_free(PP_CONTAINER(it, struct cc_view, link));
    if (m->sop->SharedCacheMap == m->object)
        m->sop->SharedCacheMap = NULL;
    ex_free_kernel(m->object);
    pp_list_remove(&m->link);
    pp_free(m);
    ob_unref(file); /* may send IRP_MJ_CLOSE */
}

/* ---- Views ---- */

struct cc_view *cc_view_find(struct cc_map *m, uint64_t offset)
{
    uint64_t base = pp_align_down(offset, m->view_size);
    struct pp_list *it;

    PP_LIST_EACH(it, &m->views)
    if (PP_CONTAINER(it, struct cc_view, link)->offset == base)
        return PP_CONTAINER(it, struct cc_view, link);
    return NULL;
}

struct cc_view *cc_view_get(struct cc_map *m, uint64_t offset)
{
    struct cc_view *v = cc_view_find(m, offset);

    if (v)
        return v;
    v = pp_new(sizeof *v);
    if (!v)
        return NULL;
    v->offset = pp_align_down(offset, m->view_size);
    v->size = m->view_size;
    v->data = ex_alloc_kernel(v->size, "CcVw", false);
    pp_list_push_back(&m->views, &v->link);
    return v;
}

static bool bit(const uint8_t *bits, unsigned page)
{
    return bits[page / 8] >> page % 8 & 1;
}

static void set_bit(uint8_t *bits, unsigned page, bool on)
{
    uint8_t mask = (uint8_t)(1u << page % 8);

    bits[page / 8] = (uint8_t)(on ? bits[page / 8] | mask : bits[page / 8] & ~mask);
}

static unsigned first_page(const struct cc_view *v, uint64_t offset)
{
    return (unsigned)(offset % v->size / 4096);
}

/* Last page of the range, in its view. */
static unsigned last_page(const struct cc_view *v, uint64_t offset, size_t size)
{
    return (unsigned)((offset % v->size + size - 1) / 4096);
}

void cc_mark_valid(struct cc_view *v, uint64_t offset, size_t size)
{
    for (unsigned p = first_page(v, offset); size && p <= last_page(v, offset, size); p++)
        set_bit(v->valid, p, true);
}

NTSTATUS cc_fill(struct cc_map *m, struct cc_view *v, uint64_t offset, size_t size, bool wait)
{
    unsigned p = first_page(v, offset), last = size ? last_page(v, offset, size) : p;

    while (size && p <= last) {
        unsigned end = p;
        struct zw_paging io = {.file = m->file};
        NTSTATUS status;

        if (bit(v->valid, p)) {
            p++;
            continue;
        }
        while (end <= last && !bit(v->valid, end))
            end++;
        if (!wait)
            return STATUS_CANT_WAIT;
        io.offset = v->offset + p * 4096ull;
        io.buffer = v->data + p * 4096ull;
        io.size = (end - p) * 4096ull;
        status = io.offset >= (uint64_t)m->sizes.AllocationSize.QuadPart &&
                         m->sizes.AllocationSize.QuadPart
                     ? STATUS_END_OF_FILE
                     : zw_paging_io(&io, NULL);
        if (status == STATUS_END_OF_FILE)
            memset(io.buffer, 0, io.size);
        else if (!NT_SUCCESS(status))
            return status;
        for (; p < end; p++)
            set_bit(v->valid, p, true);
    }
    return STATUS_SUCCESS;
}

/* ---- Growing ---- */

static void view_move(struct cc_map *m, struct cc_view *from)
{
    struct cc_view *to = cc_view_get(m, from->offset);
    unsigned shift;

    PP_ASSERT(to);
    shift = (unsigned)((from->offset - to->offset) / 4096);
    memcpy(to->data + shift * 4096ull, from->data, from->size);
    for (unsigned p = 0; p < from->size / 4096; p++) {
        set_bit(to->valid, p + shift, bit(from->valid, p));
        set_bit(to->dirty, p + shift, bit(from->dirty, p));
    }
    view_free(from);
}

bool cc_grow(struct cc_map *m, uint64_t offset, size_t size)
{
    uint32_t want = m->view_size;
    struct pp_list *it, old;

    while (want < CC_VIEW_MAX && offset % want + size > want)
        want *= 2;
    if (offset % want + size > want || m->is_flushing)
        return false;
    PP_LIST_EACH(it, &m->views)
    if (PP_CONTAINER(it, struct cc_view, link)->pins)
        return false;
    pp_list_init(&old);
    while ((it = pp_list_first(&m->views))) {
        pp_list_remove(it);
        pp_list_push_back(&old, it);
    }
    m->view_size = want;
    while ((it = pp_list_first(&old)))
        view_move(m, PP_CONTAINER(it, struct cc_view, link));
    return true;
}

/* ---- Writing ---- */

bool cc_is_dirty(const struct cc_map *m)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &m->views)
    for (unsigned i = 0; i < CC_PAGES_MAX / 8; i++)
        if (PP_CONTAINER(it, struct cc_view, link)->dirty[i])
            return true;
    return false;
}

bool cc_any_dirty(void)
{
    struct pp_list *it;

    ready();
    PP_LIST_EACH(it, &g.maps)
    if (cc_is_dirty(PP_CONTAINER(it, struct cc_map, link)))
        return true;
    return false;
}

/* A run of dirty pages: clean first, so that writes during the request make them dirty again. */
static NTSTATUS write_run(struct cc_map *m, struct cc_view *v, unsigned p, unsigned end,
                          uint64_t *written)
{
    struct zw_paging io = {m->file, true, v->offset + p * 4096ull, v->data + p * 4096ull,
                           (end - p) * 4096ull};
    NTSTATUS status;

    for (unsigned i = p; i < end; i++)
        set_bit(v->dirty, i, false);
    status = zw_paging_io(&io, NULL);
    if (NT_SUCCESS(status))
        *written += io.size;
    else
        for (unsigned i = p; i < end; i++)
            set_bit(v->dirty, i, true);
    return status;
}

NTSTATUS cc_flush(struct cc_map *m, uint64_t offset, uint64_t size, uint64_t *ret_written)
{
    uint64_t end = size ? offset + size : UINT64_MAX, written = 0;
    NTSTATUS status = STATUS_SUCCESS;
    struct pp_list *it;

    if (m->is_flushing)
        return STATUS_SUCCESS;
    m->is_flushing = true;
    m->opens++; /* it must not go away meanwhile */
    PP_LIST_EACH(it, &m->views)
    {
        struct cc_view *v = PP_CONTAINER(it, struct cc_view, link);

        for (unsigned p = 0, e; p < v->size / 4096 && NT_SUCCESS(status); p = e) {
            uint64_t at = v->offset + p * 4096ull;

            e = p + 1;
            if (!bit(v->dirty, p) || at + 4096 <= offset || at >= end)
                continue;
            while (e < v->size / 4096 && bit(v->dirty, e) && v->offset + e * 4096ull < end)
                e++;
            status = write_run(m, v, p, e, &written);
        }
    }
    m->opens--;
    m->is_flushing = false;
    if (ret_written)
        *ret_written = written;
    return status;
}

bool cc_purge(struct cc_map *m, uint64_t offset, uint64_t size)
{
    uint64_t end = size ? offset + size : UINT64_MAX;
    struct pp_list *it, *tmp;
    bool all = true;

    PP_LIST_EACH_SAFE(it, tmp, &m->views)
    {
        struct cc_view *v = PP_CONTAINER(it, struct cc_view, link);

        if (v->offset + v->size <= offset || v->offset >= end)
            continue;
        if (v->pins) {
            all = false;
            continue;
        }
        if (offset <= v->offset && end >= v->offset + v->size) {
            view_free(v);
            continue;
        }
        for (unsigned p = 0; p < v->size / 4096; p++)
            if (v->offset + p * 4096ull >= offset && v->offset + p * 4096ull < end) {
                set_bit(v->valid, p, false);
                set_bit(v->dirty, p, false);
            }
    }
    return all;
}

/* ---- The lazy writer ---- */

static void lazy_arm(void);

static void lazy_one(struct cc_map *m)
{
    ETHREAD *t = ke_thread_now->object;
    ULONG_PTR top = t->TopLevelIrp;
    bool acquired = !m->callbacks.AcquireForLazyWrite ||
                    (BOOLEAN)ke_call(m->callbacks.AcquireForLazyWrite, m->context, TRUE);

    if (!acquired)
        return;
    t->TopLevelIrp = CACHE_TOP_LEVEL_IRP;
    (void)cc_flush(m, 0, 0, NULL); /* pages that could not be written stay dirty */
    t->TopLevelIrp = top;
    if (m->callbacks.ReleaseFromLazyWrite)
        (void)ke_call(m->callbacks.ReleaseFromLazyWrite, m->context);
}

static void lazy_run(void *arg)
{
    struct pp_list *it, *tmp;

    (void)arg;
    g.lazy_armed = false;
    PP_LIST_EACH_SAFE(it, tmp, &g.maps)
    {
        struct cc_map *m = PP_CONTAINER(it, struct cc_map, link);

        if (!cc_is_dirty(m) || m->is_flushing)
            continue;
        m->opens++;
        lazy_one(m);
        tmp = it->next; /* maps may have come and gone */
        if (!--m->opens)
            cc_map_free(m);
    }
}

static void lazy_due(struct ke_timeout *t)
{
    (void)t;
    ke_work(lazy_run, NULL);
}

static void lazy_arm(void)
{
    if (g.lazy_armed)
        return;
    g.lazy_armed = true;
    g.lazy.fn = lazy_due;
    ke_timeout_arm(&g.lazy, ke_time_now() + LAZY_DELAY);
}

void cc_mark_dirty(struct cc_map *m, struct cc_view *v, uint64_t offset, size_t size)
{
    (void)m;
    for (unsigned p = first_page(v, offset); size && p <= last_page(v, offset, size); p++)
        set_bit(v->dirty, p, true);
    lazy_arm();
}
