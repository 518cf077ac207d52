/*
 * The cache's memory described by MDLs: CcMdlRead, CcPrepareMdlWrite and what ends them.
 *
 * Doc: WDK, ntifs.h: CcMdlRead, CcMdlReadComplete, CcPrepareMdlWrite, CcMdlWriteComplete.
 */
#include "kernel/cc_priv.h"

PMDL NTAPI IoAllocateMdl(PVOID address, ULONG length, BOOLEAN secondary, BOOLEAN quota, PIRP irp);
VOID NTAPI IoFreeMdl(PMDL mdl);
VOID NTAPI MmBuildMdlForNonPagedPool(PMDL mdl);

static void chain_free(PMDL mdl)
{
    while (mdl) {
        PMDL next = mdl->Next;

        IoFreeMdl(mdl);
        mdl = next;
    }
}

/* Views stay while described: their pins are given back at completion. */
static NTSTATUS chain_new(struct cc_map *m, uint64_t at, uint64_t end, bool read, PMDL *ret)
{
    PMDL first = NULL, *last = &first;

    while (at < end) {
        struct cc_view *v = cc_view_get(m, at);
        size_t n = cc_in_view(m, at, end - at);
        NTSTATUS status = !v     ? STATUS_INSUFFICIENT_RESOURCES
                          : read ? cc_fill(m, v, at, n, true)
                                 : cc_prepare_write(m, v, at, n, true);
        PMDL mdl = NT_SUCCESS(status)
                       ? IoAllocateMdl(v->data + at % m->view_size, (ULONG)n, FALSE, FALSE, NULL)
                       : NULL;

        if (!mdl) {
            chain_free(first);
            return NT_SUCCESS(status) ? STATUS_INSUFFICIENT_RESOURCES : status;
        }
        MmBuildMdlForNonPagedPool(mdl);
        v->pins++;
        *last = mdl;
        last = &mdl->Next;
        at += n;
    }
    *ret = first;
    return STATUS_SUCCESS;
}

static struct cc_view *view_of_mdl(struct cc_map *m, const MDL *mdl)
{
    struct pp_list *it;
    uint8_t *at = mdl->MappedSystemVa;

    PP_LIST_EACH(it, &m->views)
    {
        struct cc_view *v = PP_CONTAINER(it, struct cc_view, link);

        if (at >= v->data && at < v->data + v->size)
            return v;
    }
    return NULL;
}

static void chain_done(struct cc_map *m, PMDL chain, bool written)
{
    for (PMDL mdl = chain; mdl && m; mdl = mdl->Next) {
        struct cc_view *v = view_of_mdl(m, mdl);
        uint64_t at;

        if (!v)
            continue;
        if (v->pins)
            v->pins--;
        at = v->offset + (uint64_t)((uint8_t *)mdl->MappedSystemVa - v->data);
        if (written) {
            cc_mark_valid(v, at, mdl->ByteCount);
            cc_mark_dirty(m, v, at, mdl->ByteCount);
        }
    }
    chain_free(chain);
}

NT_EXPORT VOID NTAPI CcMdlRead(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, PMDL *ret,
                               PIO_STATUS_BLOCK iosb)
{
    struct cc_map *m = cc_map_of(file);
    uint64_t at = (uint64_t)offset->QuadPart, end = at + length;
    NTSTATUS status;

    if (!m)
        ke_raise_status(STATUS_INVALID_PARAMETER);
    end = PP_MIN(end, (uint64_t)m->sizes.FileSize.QuadPart);
    status = chain_new(m, at, end, true, ret);
    if (!NT_SUCCESS(status))
        ke_raise_status(status);
    iosb->Status = STATUS_SUCCESS;
    iosb->Information = end > at ? end - at : 0;
}

NT_EXPORT VOID NTAPI CcMdlReadComplete(PFILE_OBJECT file, PMDL chain)
{
    chain_done(cc_map_of(file), chain, false);
}

NT_EXPORT VOID NTAPI CcPrepareMdlWrite(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                       PMDL *ret, PIO_STATUS_BLOCK iosb)
{
    struct cc_map *m = cc_map_of(file);
    NTSTATUS status;

    if (!m)
        ke_raise_status(STATUS_INVALID_PARAMETER);
    status =
        chain_new(m, (uint64_t)offset->QuadPart, (uint64_t)offset->QuadPart + length, false, ret);
    if (!NT_SUCCESS(status))
        ke_raise_status(status);
    iosb->Status = STATUS_SUCCESS;
    iosb->Information = length;
}

NT_EXPORT VOID NTAPI CcMdlWriteComplete(PFILE_OBJECT file, PLARGE_INTEGER offset, PMDL chain)
{
    struct cc_map *m = cc_map_of(file);

    (void)offset;
    chain_done(m, chain, true);
    if (m && file->Flags & FO_WRITE_THROUGH)
        (void)cc_flush(m, 0, 0, NULL); /* as the lazy writer: nobody to tell */
}

NT_EXPORT VOID NTAPI CcMdlWriteAbort(PFILE_OBJECT file, PMDL chain)
{
    chain_done(cc_map_of(file), chain, false);
}
