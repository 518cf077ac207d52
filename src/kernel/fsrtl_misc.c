/*
 * The rest of the file system run-time library: fast I/O over the cache, stream contexts, oplocks,
 * registrations.
 *
 * Oplocks: requests for one are refused, as a file system may always do; checks then find none.
 *
 * Doc: WDK, ntifs.h: FsRtlCopyRead, FsRtlInsertPerStreamContext, FsRtlOplockFsctrl,
 * FsRtlCheckOplock, FsRtlRegisterFileSystemFilterCallbacks, FsRtlPostStackOverflow.
 */
#include "kernel/kernel_priv.h"

#include <string.h>

BOOLEAN NTAPI CcCopyRead(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, BOOLEAN wait,
                         PVOID buffer, PIO_STATUS_BLOCK iosb);
BOOLEAN NTAPI CcCopyWrite(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, BOOLEAN wait,
                          PVOID buffer);
VOID NTAPI CcMdlRead(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, PMDL *ret,
                     PIO_STATUS_BLOCK iosb);
VOID NTAPI CcMdlReadComplete(PFILE_OBJECT file, PMDL chain);
VOID NTAPI CcPrepareMdlWrite(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, PMDL *ret,
                             PIO_STATUS_BLOCK iosb);
VOID NTAPI CcMdlWriteComplete(PFILE_OBJECT file, PLARGE_INTEGER offset, PMDL chain);
VOID NTAPI KeEnterCriticalRegion(VOID);
VOID NTAPI KeLeaveCriticalRegion(VOID);
BOOLEAN NTAPI ExAcquireResourceSharedLite(PERESOURCE resource, BOOLEAN wait);
BOOLEAN NTAPI ExAcquireResourceExclusiveLite(PERESOURCE resource, BOOLEAN wait);
VOID NTAPI ExReleaseResourceLite(PERESOURCE resource);

/* ---- Fast I/O ---- */

static FSRTL_COMMON_FCB_HEADER *header_of(FILE_OBJECT *file)
{
    return file->FsContext;
}

/* TRUE: done (or at the end of the file); FALSE: make an IRP of it. */
NT_EXPORT BOOLEAN NTAPI FsRtlCopyRead(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                      BOOLEAN wait, ULONG key, PVOID buffer, PIO_STATUS_BLOCK iosb,
                                      PDEVICE_OBJECT device)
{
    FSRTL_COMMON_FCB_HEADER *h = header_of(file);
    BOOLEAN done = FALSE;

    (void)key, (void)device;
    if (!length) {
        iosb->Status = STATUS_SUCCESS;
        iosb->Information = 0;
        return TRUE;
    }
    KeEnterCriticalRegion();
    if (h->Resource && !ExAcquireResourceSharedLite(h->Resource, wait)) {
        KeLeaveCriticalRegion();
        return FALSE;
    }
    if (file->PrivateCacheMap && h->IsFastIoPossible == FastIoIsPossible) {
        if (offset->QuadPart >= h->FileSize.QuadPart) {
            iosb->Status = STATUS_END_OF_FILE;
            iosb->Information = 0;
            done = TRUE;
        } else {
            done = CcCopyRead(file, offset, length, wait, buffer, iosb);
            if (done)
                file->CurrentByteOffset.QuadPart = offset->QuadPart + (LONGLONG)iosb->Information;
        }
    }
    if (h->Resource)
        ExReleaseResourceLite(h->Resource);
    KeLeaveCriticalRegion();
    return done;
}

/* Within the file only: extending it is the file system's. */
NT_EXPORT BOOLEAN NTAPI FsRtlCopyWrite(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                       BOOLEAN wait, ULONG key, PVOID buffer, PIO_STATUS_BLOCK iosb,
                                       PDEVICE_OBJECT device)
{
    FSRTL_COMMON_FCB_HEADER *h = header_of(file);
    BOOLEAN done = FALSE;

    (void)key, (void)device;
    if (file->Flags & FO_WRITE_THROUGH)
        return FALSE;
    KeEnterCriticalRegion();
    if (h->Resource && !ExAcquireResourceSharedLite(h->Resource, wait)) {
        KeLeaveCriticalRegion();
        return FALSE;
    }
    if (file->PrivateCacheMap && h->IsFastIoPossible == FastIoIsPossible && offset->QuadPart >= 0 &&
        offset->QuadPart + length <= h->ValidDataLength.QuadPart &&
        CcCopyWrite(file, offset, length, wait, buffer)) {
        iosb->Status = STATUS_SUCCESS;
        iosb->Information = length;
        file->CurrentByteOffset.QuadPart = offset->QuadPart + length;
        file->Flags |= FO_FILE_MODIFIED;
        done = TRUE;
    }
    if (h->Resource)
        ExReleaseResourceLite(h->Resource);
    KeLeaveCriticalRegion();
    return done;
}

NT_EXPORT BOOLEAN NTAPI FsRtlMdlReadDev(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length,
                                        ULONG key, PMDL *ret, PIO_STATUS_BLOCK iosb,
                                        PDEVICE_OBJECT device)
{
    (void)key, (void)device;
    if (!file->PrivateCacheMap || offset->QuadPart >= header_of(file)->FileSize.QuadPart)
        return FALSE;
    CcMdlRead(file, offset, length, ret, iosb);
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI FsRtlMdlReadCompleteDev(PFILE_OBJECT file, PMDL chain,
                                                PDEVICE_OBJECT device)
{
    (void)device;
    CcMdlReadComplete(file, chain);
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI FsRtlPrepareMdlWriteDev(PFILE_OBJECT file, PLARGE_INTEGER offset,
                                                ULONG length, ULONG key, PMDL *ret,
                                                PIO_STATUS_BLOCK iosb, PDEVICE_OBJECT device)
{
    (void)key, (void)device;
    if (!file->PrivateCacheMap || file->Flags & FO_WRITE_THROUGH || offset->QuadPart < 0 ||
        offset->QuadPart + length > header_of(file)->ValidDataLength.QuadPart)
        return FALSE;
    CcPrepareMdlWrite(file, offset, length, ret, iosb);
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI FsRtlMdlWriteCompleteDev(PFILE_OBJECT file, PLARGE_INTEGER offset,
                                                 PMDL chain, PDEVICE_OBJECT device)
{
    (void)device;
    CcMdlWriteComplete(file, offset, chain);
    return TRUE;
}

/* ---- Contexts of streams ---- */

struct stream_context { /* FSRTL_PER_STREAM_CONTEXT */
    LIST_ENTRY Links;
    PVOID OwnerId, InstanceId;
    PVOID FreeCallback;
};

static void list_remove(LIST_ENTRY *e)
{
    e->Blink->Flink = e->Flink;
    e->Flink->Blink = e->Blink;
}

NT_EXPORT NTSTATUS NTAPI FsRtlInsertPerStreamContext(PFSRTL_ADVANCED_FCB_HEADER h,
                                                     struct stream_context *c)
{
    LIST_ENTRY *head;

    if (!h || !(h->Flags2 & FSRTL_FLAG2_SUPPORTS_FILTER_CONTEXTS))
        return STATUS_INVALID_DEVICE_REQUEST;
    head = &h->FilterContexts;
    c->Links.Flink = head->Flink;
    c->Links.Blink = head;
    head->Flink->Blink = &c->Links;
    head->Flink = &c->Links;
    return STATUS_SUCCESS;
}

static struct stream_context *context_find(PFSRTL_ADVANCED_FCB_HEADER h, PVOID owner,
                                           PVOID instance)
{
    LIST_ENTRY *e;

    if (!h || !(h->Flags2 & FSRTL_FLAG2_SUPPORTS_FILTER_CONTEXTS))
        return NULL;
    for (e = h->FilterContexts.Flink; e != &h->FilterContexts; e = e->Flink) {
        struct stream_context *c = CONTAINING_RECORD(e, struct stream_context, Links);

        if ((!owner || c->OwnerId == owner) && (!instance || c->InstanceId == instance))
            return c;
    }
    return NULL;
}

NT_EXPORT PVOID NTAPI FsRtlLookupPerStreamContextInternal(PFSRTL_ADVANCED_FCB_HEADER h, PVOID owner,
                                                          PVOID instance)
{
    return context_find(h, owner, instance);
}

NT_EXPORT PVOID NTAPI FsRtlRemovePerStreamContext(PFSRTL_ADVANCED_FCB_HEADER h, PVOID owner,
                                                  PVOID instance)
{
    struct stream_context *c = context_find(h, owner, instance);

    if (c)
        list_remove(&c->Links);
    return c;
}

/* Each context goes by its own routine. */
NT_EXPORT VOID NTAPI FsRtlTeardownPerStreamContexts(PFSRTL_ADVANCED_FCB_HEADER h)
{
    struct stream_context *c;

    while ((c = context_find(h, NULL, NULL))) {
        list_remove(&c->Links);
        if (c->FreeCallback)
            (void)ke_call(c->FreeCallback, KE_ARG(c));
    }
}

NT_EXPORT VOID NTAPI FsRtlTeardownPerFileContexts(PVOID *contexts)
{
    *contexts = NULL; /* nobody can attach any: filters are not loaded */
}

/* ---- Oplocks ---- */

NT_EXPORT VOID NTAPI FsRtlInitializeOplock(POPLOCK oplock)
{
    *oplock = NULL;
}

NT_EXPORT VOID NTAPI FsRtlUninitializeOplock(POPLOCK oplock)
{
    *oplock = NULL;
}

NT_EXPORT NTSTATUS NTAPI FsRtlOplockFsctrl(POPLOCK oplock, PIRP irp, ULONG open_count)
{
    (void)oplock;
    (void)open_count;
    irp->IoStatus.Status = STATUS_OPLOCK_NOT_GRANTED;
    irp->IoStatus.Information = 0;
    io_complete(irp, 0);
    return STATUS_OPLOCK_NOT_GRANTED;
}

NT_EXPORT NTSTATUS NTAPI FsRtlCheckOplock(POPLOCK oplock, PIRP irp, PVOID context, PVOID complete,
                                          PVOID post)
{
    (void)oplock, (void)irp, (void)context, (void)complete, (void)post;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI FsRtlCheckOplockEx(POPLOCK oplock, PIRP irp, ULONG flags, PVOID context,
                                            PVOID complete, PVOID post)
{
    (void)flags;
    return FsRtlCheckOplock(oplock, irp, context, complete, post);
}

NT_EXPORT NTSTATUS NTAPI FsRtlOplockBreakH(POPLOCK oplock, PIRP irp, ULONG flags, PVOID context,
                                           PVOID complete, PVOID post)
{
    (void)flags;
    return FsRtlCheckOplock(oplock, irp, context, complete, post);
}

NT_EXPORT BOOLEAN NTAPI FsRtlOplockIsFastIoPossible(POPLOCK oplock)
{
    (void)oplock;
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI FsRtlCurrentBatchOplock(POPLOCK oplock)
{
    (void)oplock;
    return FALSE;
}

NT_EXPORT BOOLEAN NTAPI FsRtlCurrentOplockH(POPLOCK oplock)
{
    (void)oplock;
    return FALSE;
}

/* Does the request ask for a shared oplock (level 2, or without write and handle caching)? */
NT_EXPORT BOOLEAN NTAPI FsRtlOplockIsSharedRequest(PIRP irp)
{
    return io_stack(irp)->Parameters.FileSystemControl.FsControlCode ==
           0x90004; /* FSCTL_REQUEST_OPLOCK_LEVEL_2 */
}

/* ---- Registrations ---- */

enum { FILTERS_MAX = 16 };
static struct {
    DRIVER_OBJECT *driver;
    PVOID callbacks;
} filters[FILTERS_MAX];
static uint64_t next_unc;

/* Kept, and copied as Windows does. Called at section and cache operations of filters, which there
 * are none. */
NT_EXPORT NTSTATUS NTAPI FsRtlRegisterFileSystemFilterCallbacks(PDRIVER_OBJECT driver,
                                                                PVOID callbacks)
{
    size_t size = callbacks ? *(ULONG *)callbacks : 0; /* SizeOfFsFilterCallbacks */

    if (!driver || !callbacks || size < 8 || size > 0x100)
        return STATUS_INVALID_PARAMETER;
    for (size_t i = 0; i < FILTERS_MAX; i++) {
        if (filters[i].driver)
            continue;
        filters[i].driver = driver;
        filters[i].callbacks = ex_alloc_kernel(size, "FSfc", false);
        memcpy(filters[i].callbacks, callbacks, size);
        driver->DriverExtension->FsFilterCallbacks = filters[i].callbacks;
        return STATUS_SUCCESS;
    }
    return STATUS_INSUFFICIENT_RESOURCES;
}

NT_EXPORT NTSTATUS NTAPI FsRtlRegisterUncProvider(PHANDLE ret, PUNICODE_STRING device,
                                                  BOOLEAN mailslots)
{
    (void)device; /* no UNC names are resolved here */
    (void)mailslots;
    *ret = (HANDLE)(uintptr_t)(0x1000 + 4 * ++next_unc);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI FsRtlRegisterUncProviderEx(PHANDLE ret, PUNICODE_STRING device,
                                                    PDEVICE_OBJECT object, ULONG flags)
{
    (void)object;
    (void)flags;
    return FsRtlRegisterUncProvider(ret, device, FALSE);
}

NT_EXPORT VOID NTAPI FsRtlDeregisterUncProvider(HANDLE h)
{
    (void)h;
}

NT_EXPORT BOOLEAN NTAPI FsRtlAreVolumeStartupApplicationsComplete(void)
{
    return TRUE;
}

/* A fault-tolerant volume would spread its reads; there is none. */
NT_EXPORT NTSTATUS NTAPI FsRtlBalanceReads(PDEVICE_OBJECT device)
{
    (void)device;
    return STATUS_INVALID_DEVICE_REQUEST;
}

/* ---- A worker with a fresh stack ---- */

struct posted {
    uint64_t routine, context, event;
};

static void run_posted(void *arg)
{
    struct posted p = *(struct posted *)arg;

    pp_free(arg);
    (void)ke_call(p.routine, p.context, p.event);
}

NT_EXPORT VOID NTAPI FsRtlPostStackOverflow(PVOID context, PKEVENT event, PVOID routine)
{
    struct posted *p = pp_new(sizeof *p);

    PP_ASSERT(p);
    *p = (struct posted){KE_ARG(routine), KE_ARG(context), KE_ARG(event)};
    ke_work(run_posted, p);
}

NT_EXPORT VOID NTAPI FsRtlPostPagingFileStackOverflow(PVOID context, PKEVENT event, PVOID routine)
{
    FsRtlPostStackOverflow(context, event, routine);
}
