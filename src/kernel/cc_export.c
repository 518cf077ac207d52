/*
 * The cache manager's exports.
 *
 * Doc: WDK, ntifs.h, the Cc routines. Errors of the file system's own reads are raised as
 * exceptions, as documented for CcCopyRead, CcMapData and CcPinRead. Not yet: ranges of CcMapData
 * and CcPinRead that cross a boundary of 4 MB.
 */
#include "kernel/cc_priv.h"

#include <string.h>

static struct {
    struct pp_list bcbs;
    ULONG granularity;
} g;

/* What PrivateCacheMap points to: opaque, but drivers test it for NULL. */
enum { PRIVATE_SIZE = 0x78 };

/* ---- Life ---- */

NT_EXPORT VOID NTAPI CcInitializeCacheMap(PFILE_OBJECT file, PCC_FILE_SIZES sizes,
                                          BOOLEAN pin_access, PCACHE_MANAGER_CALLBACKS callbacks,
                                          PVOID context)
{
    CC_FILE_SIZES own = *sizes;
    CACHE_MANAGER_CALLBACKS routines = *callbacks;
    struct cc_map *m = cc_map_of(file);

    if (file->PrivateCacheMap)
        return;
    if (!m)
        m = cc_map_new(file);
    if (!m)
        ke_raise_status(STATUS_INSUFFICIENT_RESOURCES);
    if (!m->opens) {
        m->sizes = own;
        m->callbacks = routines;
        m->context = KE_ARG(context);
        m->pin_access = pin_access;
        while (m->view_size < CC_VIEW_MAX && pp_list_is_empty(&m->views) &&
               (int64_t)m->view_size < own.AllocationSize.QuadPart)
            m->view_size *= 2;
    }
    m->opens++;
    file->PrivateCacheMap = ex_alloc_kernel(PRIVATE_SIZE, "CcPr", false);
    *(USHORT *)file->PrivateCacheMap = 0x2FE; /* CACHE_NTC_PRIVATE_CACHE_MAP */
}

/* Doc: TRUE when the stream's last cache map went with it. */
NT_EXPORT BOOLEAN NTAPI CcUninitializeCacheMap(PFILE_OBJECT file, PLARGE_INTEGER truncate,
                                               PCACHE_UNINITIALIZE_EVENT event)
{
    struct cc_map *m = cc_map_of(file);
    void *private_map = file->PrivateCacheMap;
    BOOLEAN last = FALSE;

    if (private_map) {
        file->PrivateCacheMap = NULL;
        ex_free_kernel(private_map);
    }
    if (m && truncate && m->opens <= 1)
        (void)cc_purge(m, (uint64_t)pp_align_up((uint64_t)truncate->QuadPart, 4096),
                       0); /* what is mapped stays */
    if (m && private_map && m->opens == 1) {
        (void)cc_flush(m, 0, 0, NULL); /* as the lazy writer: nobody to tell */
        if (--m->opens == 0) {
            cc_map_free(m);
            last = TRUE;
        }
    } else if (m && private_map) {
        m->opens--;
    }
    if (event)
        (void)ke_event_set(&event->Event);
    return last || !m;
}

NT_EXPORT VOID NTAPI CcSetFileSizes(PFILE_OBJECT file, PCC_FILE_SIZES sizes)
{
    CC_FILE_SIZES own = *sizes;
    struct cc_map *m = cc_map_of(file);
    uint64_t old;

    if (!m)
        return;
    old = (uint64_t)m->sizes.FileSize.QuadPart;
    m->sizes = own;
    if ((uint64_t)own.FileSize.QuadPart < old) {
        uint64_t cut = (uint64_t)own.FileSize.QuadPart;
        struct cc_view *v = cut % 4096 ? cc_view_find(m, cut) : NULL;

        if (v) /* Doc: the rest of the last page reads as zeroes */
            memset(v->data + cut % m->view_size, 0, 4096 - cut % 4096);
        (void)cc_purge(m, pp_align_up(cut, 4096), 0); /* what is mapped stays */
    }
}

NT_EXPORT VOID NTAPI CcSetFileSizesEx(PFILE_OBJECT file, PCC_FILE_SIZES sizes)
{
    CcSetFileSizes(file, sizes);
}

NT_EXPORT VOID NTAPI CcSetAdditionalCacheAttributes(PFILE_OBJECT file, BOOLEAN no_read_ahead,
                                                    BOOLEAN no_write_behind)
{
    (void)file;
    (void)no_read_ahead;   /* there is none */
    (void)no_write_behind; /* dirty pages may be written at any time all the same */
}

NT_EXPORT VOID NTAPI CcSetReadAheadGranularity(PFILE_OBJECT file, ULONG granularity)
{
    (void)file;
    g.granularity = granularity; /* nothing is read ahead */
}

NT_EXPORT VOID NTAPI CcScheduleReadAhead(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length)
{
    (void)file, (void)offset, (void)length; /* as above: every read is made when it is asked for */
}

NT_EXPORT VOID NTAPI CcSetDirtyPageThreshold(PFILE_OBJECT file, ULONG threshold)
{
    (void)file, (void)threshold; /* writes are never throttled */
}

NT_EXPORT PFILE_OBJECT NTAPI CcGetFileObjectFromSectionPtrs(PSECTION_OBJECT_POINTERS sop)
{
    struct cc_map *m = cc_map_of_sop(sop);

    return m ? m->file : NULL;
}

NT_EXPORT PFILE_OBJECT NTAPI CcGetFileObjectFromSectionPtrsRef(PSECTION_OBJECT_POINTERS sop)
{
    struct cc_map *m = cc_map_of_sop(sop);

    if (m)
        ob_ref(m->file);
    return m ? m->file : NULL;
}

/* ---- Copying ---- */

NT_EXPORT BOOLEAN NTAPI CcCopyRead(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                   BOOLEAN wait, PVOID buffer, PIO_STATUS_BLOCK iosb)
{
    struct cc_map *m = cc_map_of(file);
    uint64_t at = (uint64_t)offset->QuadPart, end = at + length;
    uint8_t *to = buffer;

    if (!m)
        ke_raise_status(STATUS_INVALID_PARAMETER);
    end = PP_MIN(end, (uint64_t)m->sizes.FileSize.QuadPart);
    while (at < end) {
        struct cc_view *v = cc_view_get(m, at);
        size_t n = cc_in_view(m, at, end - at);
        NTSTATUS status = v ? cc_fill(m, v, at, n, wait) : STATUS_INSUFFICIENT_RESOURCES;

        if (status == STATUS_CANT_WAIT)
            return FALSE;
        if (!NT_SUCCESS(status))
            ke_raise_status(status);
        mm_copy(to, v->data + at % m->view_size, n);
        to += n;
        at += n;
    }
    iosb->Status = STATUS_SUCCESS;
    iosb->Information = (ULONG_PTR)(to - (uint8_t *)buffer);
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI CcCopyReadEx(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                     BOOLEAN wait, PVOID buffer, PIO_STATUS_BLOCK iosb,
                                     PETHREAD issuer)
{
    (void)issuer;
    return CcCopyRead(file, offset, length, wait, buffer, iosb);
}

NT_EXPORT VOID NTAPI CcFastCopyRead(PFILE_OBJECT file, ULONG offset, ULONG length, ULONG page_count,
                                    PVOID buffer, PIO_STATUS_BLOCK iosb)
{
    LARGE_INTEGER at = {.QuadPart = offset};

    (void)page_count;
    (void)CcCopyRead(file, &at, length, TRUE, buffer, iosb); /* waits: always TRUE */
}

/* A page that is overwritten whole needs no reading. */
NTSTATUS cc_prepare_write(struct cc_map *m, struct cc_view *v, uint64_t at, size_t n, bool wait)
{
    uint64_t first = pp_align_down(at, 4096), last = pp_align_up(at + n, 4096);
    NTSTATUS status = STATUS_SUCCESS;

    if (first != at)
        status = cc_fill(m, v, first, 1, wait);
    if (!status && last != at + n)
        status = cc_fill(m, v, last - 4096, 1, wait);
    return status;
}

NT_EXPORT BOOLEAN NTAPI CcCopyWrite(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                    BOOLEAN wait, PVOID buffer)
{
    struct cc_map *m = cc_map_of(file);
    uint64_t start = (uint64_t)offset->QuadPart, at = start, end = start + length;
    const uint8_t *from = buffer;
    NTSTATUS status;

    if (!m)
        ke_raise_status(STATUS_INVALID_PARAMETER);
    mm_check_range(buffer, length, false);
    while (at < end) {
        struct cc_view *v = cc_view_get(m, at);
        size_t n = cc_in_view(m, at, end - at);

        status = v ? cc_prepare_write(m, v, at, n, wait) : STATUS_INSUFFICIENT_RESOURCES;
        if (status == STATUS_CANT_WAIT)
            return FALSE;
        if (!NT_SUCCESS(status))
            ke_raise_status(status);
        mm_copy(v->data + at % m->view_size, from, n);
        cc_mark_valid(v, at, n);
        cc_mark_dirty(m, v, at, n);
        from += n;
        at += n;
    }
    if (file->Flags & FO_WRITE_THROUGH) {
        status = cc_flush(m, start, length, NULL);
        if (!NT_SUCCESS(status))
            ke_raise_status(status);
    }
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI CcCopyWriteEx(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                      BOOLEAN wait, PVOID buffer, PETHREAD issuer)
{
    (void)issuer;
    return CcCopyWrite(file, offset, length, wait, buffer);
}

NT_EXPORT VOID NTAPI CcFastCopyWrite(PFILE_OBJECT file, ULONG offset, ULONG length, PVOID buffer)
{
    LARGE_INTEGER at = {.QuadPart = offset};

    (void)CcCopyWrite(file, &at, length, TRUE, buffer); /* waits: always TRUE */
}

/* Never throttled. */
NT_EXPORT BOOLEAN NTAPI CcCanIWrite(PFILE_OBJECT file, ULONG length, BOOLEAN wait, BOOLEAN retrying)
{
    (void)file, (void)length, (void)wait, (void)retrying;
    return TRUE;
}

/* A write that could not be made at once: here it always can. */
NT_EXPORT VOID NTAPI CcDeferWrite(PFILE_OBJECT file, PVOID routine, PVOID context1, PVOID context2,
                                  ULONG length, BOOLEAN retrying)
{
    (void)file, (void)length, (void)retrying;
    (void)ke_call(routine, KE_ARG(context1), KE_ARG(context2));
}

NT_EXPORT BOOLEAN NTAPI CcZeroData(PFILE_OBJECT file, PLARGE_INTEGER start, PLARGE_INTEGER end,
                                   BOOLEAN wait)
{
    struct cc_map *m = cc_map_of(file);
    uint64_t at = (uint64_t)start->QuadPart, stop = (uint64_t)end->QuadPart;

    if (!m) { /* not cached: zeroes go straight to the file, in pieces */
        uint8_t *zeroes = wait ? pp_new(CC_VIEW_MIN) : NULL;
        NTSTATUS status = STATUS_SUCCESS;

        if (!zeroes)
            return FALSE;
        while (at < stop && NT_SUCCESS(status)) {
            struct zw_paging io = {file, true, at, zeroes,
                                   (size_t)PP_MIN(stop - at, (uint64_t)CC_VIEW_MIN)};

            status = zw_paging_io(&io, NULL);
            at += io.size;
        }
        pp_free(zeroes);
        if (!NT_SUCCESS(status))
            ke_raise_status(status);
        return TRUE;
    }
    while (at < stop) {
        struct cc_view *v = cc_view_get(m, at);
        size_t n = cc_in_view(m, at, stop - at);
        NTSTATUS status = v ? cc_prepare_write(m, v, at, n, wait) : STATUS_INSUFFICIENT_RESOURCES;

        if (status == STATUS_CANT_WAIT)
            return FALSE;
        if (!NT_SUCCESS(status))
            ke_raise_status(status);
        memset(v->data + at % m->view_size, 0, n);
        cc_mark_valid(v, at, n);
        cc_mark_dirty(m, v, at, n);
        at += n;
    }
    return TRUE;
}

/* ---- Mapping and pinning ---- */

static struct cc_bcb *bcb_of(const void *object)
{
    struct pp_list *it;

    if (!g.bcbs.next)
        pp_list_init(&g.bcbs);
    PP_LIST_EACH(it, &g.bcbs)
    if (PP_CONTAINER(it, struct cc_bcb, link)->object == object)
        return PP_CONTAINER(it, struct cc_bcb, link);
    return NULL;
}

static struct cc_bcb *bcb_new(struct cc_map *m, struct cc_view *v, uint64_t offset, uint32_t length)
{
    struct cc_bcb *b = pp_new(sizeof *b);

    if (!b)
        return NULL;
    if (!g.bcbs.next)
        pp_list_init(&g.bcbs);
    b->object = ex_alloc_kernel(sizeof *b->object, "CcBc", false);
    b->object->NodeTypeCode = 0x2FD;
    b->object->MappedLength = length;
    b->object->MappedFileOffset.QuadPart = (LONGLONG)offset;
    b->map = m;
    b->view = v;
    b->offset = offset;
    b->length = length;
    b->count = 1;
    b->owner = ke_thread_now;
    v->pins++;
    pp_list_push_back(&g.bcbs, &b->link);
    return b;
}

/* Give one pin back; at the last the range is let go. */
static void bcb_put(struct cc_bcb *b)
{
    if (--b->count)
        return;
    if (b->is_dirty)
        cc_mark_dirty(b->map, b->view, b->offset, b->length);
    b->view->pins--;
    pp_list_remove(&b->link);
    ex_free_kernel(b->object);
    pp_free(b);
}

/* An address that is none: a freed one faults here, attributed to the driver's stack. */
static struct cc_bcb *bcb_check(PVOID object)
{
    struct cc_bcb *b = bcb_of(object);

    if (!b) {
        volatile CSHORT *touch = object;

        (void)*touch;
    }
    return b;
}

struct range {
    PFILE_OBJECT file;
    uint64_t offset;
    uint32_t length;
    bool wait, read, zero, pinned, exclusive, only_existing;
};

/* Mapped already: one BCB for all that is only mapped of a view. */
static struct cc_bcb *bcb_mapped(const struct cc_view *v)
{
    struct pp_list *it;

    if (g.bcbs.next)
        PP_LIST_EACH(it, &g.bcbs)
        {
            struct cc_bcb *b = PP_CONTAINER(it, struct cc_bcb, link);

            if (!b->is_pinned && b->view == v)
                return b;
        }
    return NULL;
}

/* The same range, pinned already: one BCB for all. */
static struct cc_bcb *bcb_pinned(const struct cc_map *m, uint64_t offset, uint32_t length)
{
    struct pp_list *it;

    if (g.bcbs.next)
        PP_LIST_EACH(it, &g.bcbs)
        {
            struct cc_bcb *b = PP_CONTAINER(it, struct cc_bcb, link);

            if (b->is_pinned && b->map == m && b->offset <= offset &&
                offset + length <= b->offset + b->length)
                return b;
        }
    return NULL;
}

/* One more pin. Another thread's exclusive one, or an exclusive one beside another thread's, has to
 * wait. */
static bool bcb_share(struct cc_bcb *b, bool exclusive, bool wait)
{
    if ((b->is_exclusive || exclusive) && b->owner != ke_thread_now) {
        if (!wait)
            return false;
        ke_not_modelled("CcPinRead", "waiting for a range that another thread has pinned");
    }
    b->count++;
    return true;
}

/* FALSE: would have to wait. Raises errors. */
static BOOLEAN range_get(const struct range *r, PVOID *ret_bcb, PVOID *ret_buffer)
{
    struct cc_map *m = cc_map_of(r->file);
    struct cc_view *v;
    struct cc_bcb *b;
    NTSTATUS status = STATUS_SUCCESS;

    if (!m)
        ke_raise_status(STATUS_INVALID_PARAMETER);
    if (r->offset % m->view_size + r->length > m->view_size && !cc_grow(m, r->offset, r->length))
        ke_not_modelled("CcMapData, CcPinRead", "a range across the end of a 4 MB view");
    if (r->pinned && (b = bcb_pinned(m, r->offset, r->length))) {
        if (!bcb_share(b, r->exclusive, r->wait))
            return FALSE;
        *ret_bcb = b->object;
        *ret_buffer = b->view->data + r->offset % m->view_size;
        return TRUE;
    }
    if (r->only_existing)
        return FALSE;
    v = cc_view_get(m, r->offset);
    if (v && r->zero) {
        status = cc_prepare_write(m, v, r->offset, r->length, r->wait);
        if (!status) {
            memset(v->data + r->offset % m->view_size, 0, r->length);
            cc_mark_valid(v, r->offset, r->length);
        }
    } else if (v && r->read) {
        status = cc_fill(m, v, r->offset, r->length, r->wait);
    }
    if (status == STATUS_CANT_WAIT)
        return FALSE;
    b = v && NT_SUCCESS(status) && !r->pinned ? bcb_mapped(v) : NULL;
    if (b) {
        b->count++;
    } else if (v && NT_SUCCESS(status)) {
        uint64_t first = pp_align_down(r->offset, 4096),
                 end = pp_align_up(r->offset + r->length, 4096);

        b = bcb_new(m, v, first, (uint32_t)(end - first));
        if (b) {
            b->is_pinned = r->pinned;
            b->is_exclusive = r->exclusive;
        }
    }
    if (!b)
        ke_raise_status(NT_SUCCESS(status) ? STATUS_INSUFFICIENT_RESOURCES : status);
    *ret_bcb = b->object;
    *ret_buffer = v->data + r->offset % m->view_size;
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI CcMapData(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                  ULONG flags, PVOID *ret_bcb, PVOID *ret_buffer)
{
    struct range r = {file,
                      (uint64_t)offset->QuadPart,
                      length,
                      flags & MAP_WAIT,
                      !(flags & MAP_NO_READ),
                      false,
                      false,
                      false,
                      false};

    return range_get(&r, ret_bcb, ret_buffer);
}

NT_EXPORT BOOLEAN NTAPI CcPinRead(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                  ULONG flags, PVOID *ret_bcb, PVOID *ret_buffer)
{
    struct range r = {file,
                      (uint64_t)offset->QuadPart,
                      length,
                      flags & PIN_WAIT,
                      !(flags & PIN_NO_READ),
                      false,
                      true,
                      flags & PIN_EXCLUSIVE,
                      flags & PIN_IF_BCB};

    return range_get(&r, ret_bcb, ret_buffer);
}

NT_EXPORT BOOLEAN NTAPI CcPreparePinWrite(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                          BOOLEAN zero, ULONG flags, PVOID *ret_bcb,
                                          PVOID *ret_buffer)
{
    struct range r = {file, (uint64_t)offset->QuadPart, length, flags & PIN_WAIT, true, zero,
                      true, flags & PIN_EXCLUSIVE,      false};

    if (!range_get(&r, ret_bcb, ret_buffer))
        return FALSE;
    bcb_of(*ret_bcb)->is_dirty = true;
    return TRUE;
}

/* A mapped range becomes a pinned one: another BCB, in place of the mapping's. */
NT_EXPORT BOOLEAN NTAPI CcPinMappedData(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                        ULONG flags, PVOID *bcb)
{
    struct cc_bcb *mapped = bcb_check(*bcb);
    struct range r = {file,
                      (uint64_t)offset->QuadPart,
                      length,
                      flags & PIN_WAIT,
                      !(flags & PIN_NO_READ),
                      false,
                      true,
                      flags & PIN_EXCLUSIVE,
                      flags & PIN_IF_BCB};
    void *pinned, *buffer;

    if (!mapped || mapped->is_pinned)
        return mapped != NULL;
    if (!(flags & PIN_WAIT) && !bcb_pinned(mapped->map, r.offset, length))
        return FALSE; /* Seen: making a BCB needs PIN_WAIT */
    if (!range_get(&r, &pinned, &buffer))
        return FALSE;
    bcb_put(mapped);
    *bcb = pinned;
    return TRUE;
}

NT_EXPORT VOID NTAPI CcUnpinData(PVOID bcb)
{
    struct cc_bcb *b = bcb_check(bcb);

    if (b)
        bcb_put(b);
}

NT_EXPORT VOID NTAPI CcUnpinDataForThread(PVOID bcb, ULONG_PTR thread)
{
    (void)thread;
    CcUnpinData(bcb);
}

NT_EXPORT VOID NTAPI CcSetBcbOwnerPointer(PVOID bcb, PVOID owner)
{
    (void)bcb_check(bcb); /* ranges have no owner here */
    (void)owner;
}

NT_EXPORT VOID NTAPI CcSetDirtyPinnedData(PVOID bcb, PLARGE_INTEGER lsn)
{
    struct cc_bcb *b = bcb_check(bcb);

    (void)lsn;
    if (!b)
        return;
    b->is_dirty = true;
    cc_mark_dirty(b->map, b->view, b->offset, b->length);
}

NT_EXPORT VOID NTAPI CcRepinBcb(PVOID bcb)
{
    struct cc_bcb *b = bcb_check(bcb);

    if (b)
        b->count++;
}

NT_EXPORT VOID NTAPI CcUnpinRepinnedBcb(PVOID bcb, BOOLEAN write_through, PIO_STATUS_BLOCK iosb)
{
    struct cc_bcb *b = bcb_check(bcb);

    iosb->Status = STATUS_SUCCESS;
    iosb->Information = 0;
    if (!b)
        return;
    if (write_through && b->is_dirty) {
        uint64_t written = 0;

        iosb->Status = cc_flush(b->map, b->offset, b->length, &written);
        iosb->Information = written;
        if (NT_SUCCESS(iosb->Status))
            b->is_dirty = false;
    }
    bcb_put(b);
}

NT_EXPORT PFILE_OBJECT NTAPI CcGetFileObjectFromBcb(PVOID bcb)
{
    struct cc_bcb *b = bcb_check(bcb);

    return b ? b->map->file : NULL;
}

/* ---- Flushing and purging ---- */

NT_EXPORT VOID NTAPI CcFlushCache(PSECTION_OBJECT_POINTERS sop, PLARGE_INTEGER offset, ULONG length,
                                  PIO_STATUS_BLOCK iosb)
{
    struct cc_map *m = cc_map_of_sop(sop);
    uint64_t written = 0;
    NTSTATUS status = STATUS_SUCCESS;

    if (m)
        status =
            cc_flush(m, offset ? (uint64_t)offset->QuadPart : 0, offset ? length : 0, &written);
    if (iosb) {
        iosb->Status = status;
        iosb->Information = written;
    }
}

NT_EXPORT BOOLEAN NTAPI CcPurgeCacheSection(PSECTION_OBJECT_POINTERS sop, PLARGE_INTEGER offset,
                                            ULONG length, ULONG uninitialize)
{
    struct cc_map *m = cc_map_of_sop(sop);

    (void)uninitialize; /* private maps go with their file objects' cleanup */
    return !m || cc_purge(m, offset ? (uint64_t)offset->QuadPart : 0, offset ? length : 0);
}

NT_EXPORT NTSTATUS NTAPI CcWaitForCurrentLazyWriterActivity(void)
{
    ke_run_idle(0);
    return STATUS_SUCCESS;
}

/* The volume is not told apart: any dirty page counts. */
NT_EXPORT BOOLEAN NTAPI CcIsThereDirtyData(PVPB vpb)
{
    (void)vpb;
    return cc_any_dirty();
}

NT_EXPORT LARGE_INTEGER NTAPI CcGetFlushedValidData(PSECTION_OBJECT_POINTERS sop, BOOLEAN locked)
{
    struct cc_map *m = cc_map_of_sop(sop);
    LARGE_INTEGER ret = {.QuadPart = INT64_MAX};

    (void)locked;
    if (!m)
        return ret;
    ret = m->sizes.ValidDataLength;
    for (struct pp_list *it = m->views.next; it != &m->views; it = it->next) {
        const struct cc_view *v = PP_CONTAINER(it, struct cc_view, link);

        for (unsigned p = 0; p < v->size / 4096; p++)
            if (v->dirty[p / 8] >> p % 8 & 1 && (int64_t)(v->offset + p * 4096ull) < ret.QuadPart)
                ret.QuadPart = (LONGLONG)(v->offset + p * 4096ull);
    }
    return ret;
}
