/*
 * Directory change notification for file systems: requests wait on a list until a change that
 * concerns them is reported.
 *
 * The driver's list head only has to be initialised; our own record of a waiting request is found
 * by it.
 *
 * Doc: WDK, ntifs.h: FsRtlNotifyFullChangeDirectory, FsRtlNotifyFullReportChange,
 * FsRtlNotifyCleanup, FsRtlNotifyInitializeSync; FILE_NOTIFY_INFORMATION.
 */
#include "kernel/kernel_priv.h"

#include <string.h>

VOID NTAPI IoReleaseCancelSpinLock(KIRQL irql);
PVOID NTAPI MmMapLockedPagesSpecifyCache(PMDL mdl, KPROCESSOR_MODE mode, MEMORY_CACHING_TYPE cache,
                                         PVOID at, ULONG bug_check, ULONG priority);

/* A watch on a directory by one open of it: lives from the first request to the cleanup. */
struct watch {
    struct pp_list link;
    const LIST_ENTRY *list;
    const void *fs_context;
    WCHAR *directory; /* NUL-terminated, no backslash at the end but for the root */
    bool tree, lost;  /* lost: changes came while nobody asked, and they did not fit */
    ULONG filter;
    uint64_t traverse, filter_report, subject;
    bool is_cleaned;
    struct pp_list irps; /* struct waiting */
    uint8_t *changes;    /* entries not delivered yet */
    size_t changes_size;
};

struct waiting {
    struct pp_list link;
    IRP *irp;
    bool ignore_buffer;
};

static struct pp_list watches;
enum { CHANGES_MAX = 4096 };

static void ready(void)
{
    if (!watches.next)
        pp_list_init(&watches);
}

static struct watch *find(const LIST_ENTRY *list, const void *fs_context)
{
    struct pp_list *it;

    ready();
    PP_LIST_EACH(it, &watches)
    {
        struct watch *w = PP_CONTAINER(it, struct watch, link);

        if (w->list == list && w->fs_context == fs_context)
            return w;
    }
    return NULL;
}

NT_EXPORT VOID NTAPI FsRtlNotifyInitializeSync(PNOTIFY_SYNC *ret)
{
    void *sync = ex_alloc_kernel(0x60, "FSns", false); /* REAL_NOTIFY_SYNC: opaque */

    ready();
    *ret = sync;
}

NT_EXPORT VOID NTAPI FsRtlNotifyUninitializeSync(PNOTIFY_SYNC *sync)
{
    if (*sync)
        ex_free_kernel(*sync);
    *sync = NULL;
}

/* ---- Ending a request ---- */

static void irp_end(struct waiting *p, NTSTATUS status, const void *bytes, size_t size)
{
    IRP *irp = p->irp;
    size_t room = io_stack(irp)->Parameters.NotifyDirectory.Length;
    void *buffer = irp->MdlAddress ? MmMapLockedPagesSpecifyCache(irp->MdlAddress, KernelMode,
                                                                  MmCached, NULL, FALSE, 16)
                   : irp->AssociatedIrp.SystemBuffer ? irp->AssociatedIrp.SystemBuffer
                                                     : irp->UserBuffer;

    pp_list_remove(&p->link);
    irp->CancelRoutine = NULL;
    irp->IoStatus.Information = 0;
    if (status == STATUS_SUCCESS && (p->ignore_buffer || !size || size > room || !buffer)) {
        status = STATUS_NOTIFY_ENUM_DIR; /* look for yourself */
    } else if (status == STATUS_SUCCESS) {
        mm_copy(buffer, bytes, size);
        irp->IoStatus.Information = size;
    }
    irp->IoStatus.Status = status;
    pp_free(p);
    io_complete(irp, 0);
}

static void watch_free(struct watch *w)
{
    pp_list_remove(&w->link);
    pp_free(w->directory);
    pp_free(w->changes);
    pp_free(w);
}

/* The cancel routine of a waiting request; drivers see its stub. */
NT_EXPORT VOID NTAPI FsRtlpCancelNotify(PDEVICE_OBJECT device, PIRP irp)
{
    struct pp_list *i, *it;

    (void)device;
    IoReleaseCancelSpinLock(irp->CancelIrql);
    PP_LIST_EACH(i, &watches)
    {
        struct watch *w = PP_CONTAINER(i, struct watch, link);

        PP_LIST_EACH(it, &w->irps)
        if (PP_CONTAINER(it, struct waiting, link)->irp == irp) {
            irp_end(PP_CONTAINER(it, struct waiting, link), STATUS_CANCELLED, NULL, 0);
            return;
        }
    }
}

/* ---- Asking ---- */

/* Names come as UNICODE_STRING or as narrow strings, told apart by nobody: file systems use UTF-16.
 */
static WCHAR *directory_copy(const STRING *name)
{
    size_t chars = name->Length / sizeof(WCHAR);
    WCHAR *copy = pp_new((chars + 1) * sizeof *copy);

    if (!copy)
        return NULL;
    memcpy(copy, name->Buffer, chars * sizeof *copy);
    if (chars > 1 && copy[chars - 1] == '\\')
        copy[chars - 1] = 0;
    return copy;
}

struct ask {
    PLIST_ENTRY list;
    PVOID fs_context;
    STRING *directory;
    bool tree, ignore_buffer;
    ULONG filter;
    IRP *irp;
    uint64_t traverse, subject, filter_report;
};

static struct watch *watch_new(const struct ask *a)
{
    struct watch *w = pp_new(sizeof *w);

    if (!w)
        return NULL;
    w->directory = directory_copy(a->directory);
    if (!w->directory) {
        pp_free(w);
        return NULL;
    }
    w->list = a->list;
    w->fs_context = a->fs_context;
    w->tree = a->tree;
    w->filter = a->filter;
    w->traverse = a->traverse;
    w->subject = a->subject;
    w->filter_report = a->filter_report;
    pp_list_init(&w->irps);
    pp_list_push_back(&watches, &w->link);
    return w;
}

/* A NULL IRP: the directory is about to be deleted. Changes that came meanwhile end the request at
 * once. */
static void ask(const struct ask *a)
{
    struct watch *w = find(a->list, a->fs_context);
    struct waiting *p;

    if (!a->irp) {
        while (w && !pp_list_is_empty(&w->irps))
            irp_end(PP_CONTAINER(w->irps.next, struct waiting, link), STATUS_DELETE_PENDING, NULL,
                    0);
        return;
    }
    p = pp_new(sizeof *p);
    if (!w && p)
        w = watch_new(a);
    if (!w || !p) {
        pp_free(p);
        a->irp->IoStatus.Status = STATUS_INSUFFICIENT_RESOURCES;
        io_complete(a->irp, 0);
        return;
    }
    *p = (struct waiting){.irp = a->irp, .ignore_buffer = a->ignore_buffer};
    pp_list_push_back(&w->irps, &p->link);
    if (w->is_cleaned) {
        irp_end(p, STATUS_NOTIFY_CLEANUP, NULL, 0);
    } else if (w->changes_size || w->lost) {
        uint8_t *bytes = w->changes;
        size_t size = w->lost ? 0 : w->changes_size;

        w->changes = NULL;
        w->changes_size = 0;
        w->lost = false;
        irp_end(p, STATUS_SUCCESS, bytes, size);
        pp_free(bytes);
    } else {
        io_stack(a->irp)->Control |= SL_PENDING_RETURNED;
        a->irp->CancelRoutine = (PDRIVER_CANCEL)(uintptr_t)ke_export_stub("FsRtlpCancelNotify");
    }
}

NT_EXPORT VOID NTAPI FsRtlNotifyFilterChangeDirectory(PNOTIFY_SYNC sync, PLIST_ENTRY list,
                                                      PVOID fs_context, PSTRING directory,
                                                      BOOLEAN tree, BOOLEAN ignore_buffer,
                                                      ULONG filter, PIRP irp, PVOID traverse,
                                                      PVOID subject, PVOID filter_report)
{
    (void)sync;
    ask(&(struct ask){list, fs_context, directory, tree, ignore_buffer, filter, irp,
                      KE_ARG(traverse), KE_ARG(subject), KE_ARG(filter_report)});
}

NT_EXPORT VOID NTAPI FsRtlNotifyFullChangeDirectory(PNOTIFY_SYNC sync, PLIST_ENTRY list,
                                                    PVOID fs_context, PSTRING directory,
                                                    BOOLEAN tree, BOOLEAN ignore_buffer,
                                                    ULONG filter, PIRP irp, PVOID traverse,
                                                    PVOID subject)
{
    FsRtlNotifyFilterChangeDirectory(sync, list, fs_context, directory, tree, ignore_buffer, filter,
                                     irp, traverse, subject, NULL);
}

NT_EXPORT VOID NTAPI FsRtlNotifyCleanup(PNOTIFY_SYNC sync, PLIST_ENTRY list, PVOID fs_context)
{
    struct watch *w = find(list, fs_context);

    (void)sync;
    if (!w)
        return;
    w->is_cleaned = true;
    while (!pp_list_is_empty(&w->irps))
        irp_end(PP_CONTAINER(w->irps.next, struct waiting, link), STATUS_NOTIFY_CLEANUP, NULL, 0);
    watch_free(w);
}

NT_EXPORT VOID NTAPI FsRtlNotifyCleanupAll(PNOTIFY_SYNC sync, PLIST_ENTRY list)
{
    struct pp_list *it;

    (void)sync;
    ready();
    for (it = watches.next; it != &watches;) {
        struct watch *w = PP_CONTAINER(it, struct watch, link);

        it = it->next;
        if (w->list == list) {
            FsRtlNotifyCleanup(sync, list, (PVOID)(uintptr_t)w->fs_context);
            it = watches.next;
        }
    }
}

/* ---- Reporting ---- */

/* Is the target in the watched directory (or below, with tree)? *ret_skip: characters before its
 * name there. */
static bool concerns(const struct watch *w, const WCHAR *target, size_t chars, size_t name_at,
                     size_t *ret_skip)
{
    size_t n = rtl_wcslen(w->directory), i;
    bool is_root = n == 1 && w->directory[0] == '\\';
    size_t prefix = is_root ? 0 : n;

    if (chars <= prefix || target[prefix] != '\\')
        return false;
    for (i = 0; i < prefix; i++)
        if (rtl_upcase(target[i]) != rtl_upcase(w->directory[i]))
            return false;
    *ret_skip = prefix + 1;
    return w->tree || name_at == prefix + 1;
}

static void deliver(struct watch *w, ULONG action, const WCHAR *name, size_t chars)
{
    FILE_NOTIFY_INFORMATION *i;
    size_t head = offsetof(FILE_NOTIFY_INFORMATION, FileName),
           size = pp_align_up(head + chars * 2, 4);
    size_t old = w->changes_size;
    uint8_t *bytes;

    if (w->lost || old + size > CHANGES_MAX) {
        w->lost = true;
    } else if ((bytes = pp_resize(w->changes, old + size))) {
        w->changes = bytes;
        i = (FILE_NOTIFY_INFORMATION *)(bytes + old);
        i->NextEntryOffset = 0;
        i->Action = action;
        i->FileNameLength = (ULONG)(chars * 2);
        memcpy(i->FileName, name, chars * 2);
        for (size_t at = 0; at < old;) { /* the last entry so far leads to this one */
            FILE_NOTIFY_INFORMATION *p = (FILE_NOTIFY_INFORMATION *)(bytes + at);

            if (!p->NextEntryOffset) {
                p->NextEntryOffset = (ULONG)(old - at);
                break;
            }
            at += p->NextEntryOffset;
        }
        w->changes_size = old + size;
    }
    if (!pp_list_is_empty(&w->irps)) {
        size_t total = w->lost ? 0 : w->changes_size;

        bytes = w->changes;
        w->changes = NULL;
        w->changes_size = 0;
        w->lost = false;
        irp_end(PP_CONTAINER(w->irps.next, struct waiting, link), STATUS_SUCCESS, bytes, total);
        pp_free(bytes);
    }
}

struct report {
    PLIST_ENTRY list;
    const STRING *target;
    USHORT name_at;
    ULONG match, action;
    PVOID target_context, filter_context;
};

static void report(const struct report *r)
{
    const WCHAR *target = (const WCHAR *)r->target->Buffer;
    size_t chars = r->target->Length / sizeof *target, skip;
    struct pp_list *it, *tmp;

    ready();
    PP_LIST_EACH_SAFE(it, tmp, &watches)
    {
        struct watch *w = PP_CONTAINER(it, struct watch, link);

        if (w->list != r->list || !(w->filter & r->match) ||
            !concerns(w, target, chars, r->name_at / sizeof *target, &skip))
            continue;
        if (w->tree && w->traverse && r->target_context &&
            !NT_SUCCESS((NTSTATUS)ke_call(w->traverse, KE_ARG(w->fs_context),
                                          KE_ARG(r->target_context), w->subject)))
            continue;
        if (w->filter_report &&
            !(BOOLEAN)ke_call(w->filter_report, KE_ARG(w->fs_context), KE_ARG(r->filter_context)))
            continue;
        deliver(w, r->action, target + skip, chars - skip);
    }
}

NT_EXPORT VOID NTAPI FsRtlNotifyFilterReportChange(PNOTIFY_SYNC sync, PLIST_ENTRY list,
                                                   PSTRING target, USHORT name_at, PSTRING stream,
                                                   PSTRING parent, ULONG match, ULONG action,
                                                   PVOID target_context, PVOID filter_context)
{
    (void)sync, (void)stream, (void)parent;
    report(&(struct report){list, target, name_at, match, action, target_context, filter_context});
}

NT_EXPORT VOID NTAPI FsRtlNotifyFullReportChange(PNOTIFY_SYNC sync, PLIST_ENTRY list,
                                                 PSTRING target, USHORT name_at, PSTRING stream,
                                                 PSTRING parent, ULONG match, ULONG action,
                                                 PVOID target_context)
{
    FsRtlNotifyFilterReportChange(sync, list, target, name_at, stream, parent, match, action,
                                  target_context, NULL);
}

/* Volume events: told to who registered for changes of the volume's device. Doc: ioevent.h, the
 * GUIDs. */
NT_EXPORT NTSTATUS NTAPI FsRtlNotifyVolumeEvent(PFILE_OBJECT file, ULONG code)
{
    static const GUID events[] = {
        {0xd16a55e8, 0x1059, 0x11d2, {0x8f, 0xfd, 0, 0xa0, 0xc9, 0xa0, 0x6d, 0x32}}, /* dismount */
        {0xe3c5b178,
         0x105d,
         0x11d2,
         {0x8f, 0xfd, 0, 0xa0, 0xc9, 0xa0, 0x6d, 0x32}}, /* dismount failed */
        {0x50708874, 0xc9af, 0x11d1, {0x8f, 0xef, 0, 0xa0, 0xc9, 0xa0, 0x6d, 0x32}}, /* lock */
        {0xae2eed10,
         0x0ba8,
         0x11d2,
         {0x8f, 0xfb, 0, 0xa0, 0xc9, 0xa0, 0x6d, 0x32}}, /* lock failed */
        {0x9a8c3d68, 0xd0cb, 0x11d1, {0x8f, 0xef, 0, 0xa0, 0xc9, 0xa0, 0x6d, 0x32}}, /* unlock */
        {0xb5804878, 0x1a96, 0x11d2, {0x8f, 0xfd, 0, 0xa0, 0xc9, 0xa0, 0x6d, 0x32}}, /* mount */
    };

    if (!code || code > PP_COUNT(events))
        return STATUS_INVALID_PARAMETER;
    pnp_target_changed(file->DeviceObject, &events[code - 1]);
    return STATUS_SUCCESS;
}
