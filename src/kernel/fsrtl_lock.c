/*
 * Byte-range locks of file systems.
 *
 * Granted locks and waiting requests are ours, found by the FILE_LOCK's address; the structure
 * itself keeps what inlined code reads (FastIoIsQuestionable, LockInformation).
 *
 * Doc: WDK, ntifs.h: FsRtlProcessFileLock, FsRtlFastCheckLockForRead, FsRtlFastUnlockAll,
 * FILE_LOCK.
 */
#include "kernel/kernel_priv.h"

#include <string.h>

VOID NTAPI IoReleaseCancelSpinLock(KIRQL irql);

enum { MN_LOCK = 1, MN_UNLOCK_SINGLE, MN_UNLOCK_ALL, MN_UNLOCK_ALL_BY_KEY };
enum { SL_FAIL_AT_ONCE = 1, SL_EXCLUSIVE = 2 };
#define STATUS_RANGE_NOT_LOCKED_ ((NTSTATUS)0xC000007E)

struct range {
    struct pp_list link;
    uint64_t start, length;
    uint32_t key;
    bool exclusive;
    FILE_OBJECT *file;
    const void *process;
    IRP *irp; /* a waiting request */
    void *context;
};

struct locks {
    struct pp_list link;
    FILE_LOCK *lock;
    struct pp_list granted, waiting;
};

static struct pp_list all;

static struct locks *of(const FILE_LOCK *lock)
{
    struct pp_list *it;

    if (!all.next)
        pp_list_init(&all);
    PP_LIST_EACH(it, &all)
    if (PP_CONTAINER(it, struct locks, link)->lock == lock)
        return PP_CONTAINER(it, struct locks, link);
    return NULL;
}

/* Made at the first lock, as on Windows. */
static struct locks *need(FILE_LOCK *lock)
{
    struct locks *l = of(lock);

    if (l)
        return l;
    l = pp_new(sizeof *l);
    if (!l)
        return NULL;
    l->lock = lock;
    pp_list_init(&l->granted);
    pp_list_init(&l->waiting);
    pp_list_push_back(&all, &l->link);
    lock->LockInformation = ex_alloc_kernel(16, "FSli", false);
    return l;
}

static struct range *range_of(struct pp_list *it)
{
    return PP_CONTAINER(it, struct range, link);
}

static uint64_t end_of(const struct range *r)
{
    return r->start + r->length < r->start ? UINT64_MAX : r->start + r->length;
}

static bool overlap(const struct range *a, const struct range *b)
{
    return a->length && b->length && a->start < end_of(b) && b->start < end_of(a);
}

static bool same_owner(const struct range *a, const struct range *b)
{
    return a->file == b->file && a->process == b->process && a->key == b->key;
}

/* May `r` be granted beside what there is? */
static bool is_free(const struct locks *l, const struct range *r)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &l->granted)
    if (overlap(range_of(it), r) && (r->exclusive || range_of(it)->exclusive))
        return false;
    return true;
}

static void update(struct locks *l)
{
    l->lock->FastIoIsQuestionable = !pp_list_is_empty(&l->granted);
}

/* ---- Life ---- */

NT_EXPORT VOID NTAPI FsRtlInitializeFileLock(PFILE_LOCK lock, PCOMPLETE_LOCK_IRP_ROUTINE complete,
                                             PUNLOCK_ROUTINE unlock)
{
    memset(lock, 0, sizeof *lock);
    lock->CompleteLockIrpRoutine = complete;
    lock->UnlockRoutine = unlock;
}

static NTSTATUS finish_irp(struct locks *l, struct range *r, NTSTATUS status)
{
    IRP *irp = r->irp;
    void *context = r->context;
    PCOMPLETE_LOCK_IRP_ROUTINE complete = l->lock->CompleteLockIrpRoutine;

    irp->CancelRoutine = NULL;
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = 0;
    if (complete)
        return (NTSTATUS)ke_call(complete, KE_ARG(context), KE_ARG(irp));
    io_complete(irp, 0);
    return status;
}

NT_EXPORT VOID NTAPI FsRtlUninitializeFileLock(PFILE_LOCK lock)
{
    struct locks *l = of(lock);
    struct pp_list *it;

    if (!l)
        return;
    while ((it = pp_list_first(&l->granted))) {
        pp_list_remove(it);
        pp_free(range_of(it));
    }
    while ((it = pp_list_first(&l->waiting))) {
        struct range *r = range_of(it);

        pp_list_remove(it);
        (void)finish_irp(
            l, r, STATUS_RANGE_NOT_LOCKED_); /* the request is over, whatever the routine says */
        pp_free(r);
    }
    ex_free_kernel(lock->LockInformation);
    lock->LockInformation = NULL;
    lock->FastIoIsQuestionable = FALSE;
    pp_list_remove(&l->link);
    pp_free(l);
}

NT_EXPORT PFILE_LOCK NTAPI FsRtlAllocateFileLock(PCOMPLETE_LOCK_IRP_ROUTINE complete,
                                                 PUNLOCK_ROUTINE unlock)
{
    PFILE_LOCK lock = ex_alloc_for_driver(NonPagedPoolNx, sizeof *lock, 0x6C665346 /* "FSfl" */);

    if (lock)
        FsRtlInitializeFileLock(lock, complete, unlock);
    return lock;
}

NT_EXPORT VOID NTAPI FsRtlFreeFileLock(PFILE_LOCK lock)
{
    FsRtlUninitializeFileLock(lock);
    ex_free_for_driver(lock, 0);
}

NT_EXPORT BOOLEAN NTAPI FsRtlAreThereCurrentOrInProgressFileLocks(PFILE_LOCK lock)
{
    struct locks *l = of(lock);

    return l && (!pp_list_is_empty(&l->granted) || !pp_list_is_empty(&l->waiting));
}

/* ---- Checks ---- */

/* A read collides with others' exclusive locks; a write with others' locks and shared ones of its
 * own. */
static bool may_access(const FILE_LOCK *lock, const struct range *r, bool write)
{
    const struct locks *l = of(lock);
    struct pp_list *it;

    if (!l || !r->length)
        return true;
    PP_LIST_EACH(it, &l->granted)
    {
        const struct range *g = range_of(it);

        if (!overlap(g, r))
            continue;
        if (write ? !(g->exclusive && same_owner(g, r)) : g->exclusive && !same_owner(g, r))
            return false;
    }
    return true;
}

NT_EXPORT BOOLEAN NTAPI FsRtlFastCheckLockForRead(PFILE_LOCK lock, PLARGE_INTEGER start,
                                                  PLARGE_INTEGER length, ULONG key,
                                                  PFILE_OBJECT file, PVOID process)
{
    struct range r = {.start = (uint64_t)start->QuadPart,
                      .length = (uint64_t)length->QuadPart,
                      .key = key,
                      .file = file,
                      .process = process};

    return may_access(lock, &r, false);
}

NT_EXPORT BOOLEAN NTAPI FsRtlFastCheckLockForWrite(PFILE_LOCK lock, PLARGE_INTEGER start,
                                                   PLARGE_INTEGER length, ULONG key,
                                                   PFILE_OBJECT file, PVOID process)
{
    struct range r = {.start = (uint64_t)start->QuadPart,
                      .length = (uint64_t)length->QuadPart,
                      .key = key,
                      .file = file,
                      .process = process};

    return may_access(lock, &r, true);
}

static const void *process_of(const IRP *irp)
{
    return irp->Tail.Overlay.Thread ? (const void *)irp->Tail.Overlay.Thread->Tcb.Process : NULL;
}

static struct range of_irp(IRP *irp)
{
    const IO_STACK_LOCATION *s = io_stack(irp);

    return (struct range){.start = (uint64_t)s->Parameters.Read.ByteOffset.QuadPart,
                          .length = s->Parameters.Read.Length,
                          .key = s->Parameters.Read.Key,
                          .file = s->FileObject,
                          .process = process_of(irp)};
}

NT_EXPORT BOOLEAN NTAPI FsRtlCheckLockForReadAccess(PFILE_LOCK lock, PIRP irp)
{
    struct range r = of_irp(irp);

    return may_access(lock, &r, false);
}

NT_EXPORT BOOLEAN NTAPI FsRtlCheckLockForWriteAccess(PFILE_LOCK lock, PIRP irp)
{
    struct range r = of_irp(irp);

    return may_access(lock, &r, true);
}

/* ---- Granting ---- */

/* Requests that waited for what is free now, in order. */
static void grant_waiting(struct locks *l)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &l->waiting)
    {
        struct range *r = range_of(it);

        if (!is_free(l, r))
            continue;
        pp_list_remove(&r->link);
        pp_list_push_back(&l->granted, &r->link);
        if (!NT_SUCCESS(finish_irp(l, r, STATUS_SUCCESS))) {
            pp_list_remove(&r->link); /* the file system could not tell: as if never granted */
            pp_free(r);
        } else {
            r->irp = NULL;
        }
        tmp = l->waiting.next; /* the routine may have changed the list */
    }
    update(l);
}

/* The cancel routine of a waiting lock request; drivers see its stub. */
NT_EXPORT VOID NTAPI FsRtlpCancelLock(PDEVICE_OBJECT device, PIRP irp)
{
    struct pp_list *i, *it;

    (void)device;
    IoReleaseCancelSpinLock(irp->CancelIrql);
    PP_LIST_EACH(i, &all)
    {
        struct locks *l = PP_CONTAINER(i, struct locks, link);

        PP_LIST_EACH(it, &l->waiting)
        {
            struct range *r = range_of(it);

            if (r->irp != irp)
                continue;
            pp_list_remove(&r->link);
            (void)finish_irp(l, r, STATUS_CANCELLED); /* over, whatever the routine says */
            pp_free(r);
            return;
        }
    }
}

static NTSTATUS lock_range(FILE_LOCK *lock, const struct range *want, bool fail_at_once, IRP *irp,
                           void *context)
{
    struct locks *l = need(lock);
    struct range *r = l ? pp_new(sizeof *r) : NULL;

    if (!r)
        return STATUS_INSUFFICIENT_RESOURCES;
    *r = *want;
    pp_list_init(&r->link);
    if (is_free(l, r)) {
        pp_list_push_back(&l->granted, &r->link);
        update(l);
        return STATUS_SUCCESS;
    }
    if (fail_at_once || !irp) {
        pp_free(r);
        return STATUS_LOCK_NOT_GRANTED;
    }
    r->irp = irp;
    r->context = context;
    io_stack(irp)->Control |= SL_PENDING_RETURNED;
    irp->CancelRoutine = (PDRIVER_CANCEL)(uintptr_t)ke_export_stub("FsRtlpCancelLock");
    pp_list_push_back(&l->waiting, &r->link);
    return STATUS_PENDING;
}

static void drop(struct locks *l, struct range *r, void *context)
{
    PUNLOCK_ROUTINE unlock = l->lock->UnlockRoutine;

    pp_list_remove(&r->link);
    if (unlock) {
        FILE_LOCK_INFO *info = ex_alloc_kernel(sizeof *info, "FSlu", false);

        info->StartingByte.QuadPart = (LONGLONG)r->start;
        info->Length.QuadPart = (LONGLONG)r->length;
        info->EndingByte.QuadPart = (LONGLONG)(end_of(r) - 1);
        info->ExclusiveLock = r->exclusive;
        info->Key = r->key;
        info->FileObject = r->file;
        info->ProcessId = (PVOID)(uintptr_t)r->process;
        (void)ke_call(unlock, KE_ARG(context), KE_ARG(info));
        ex_free_kernel(info);
    }
    pp_free(r);
}

static NTSTATUS unlock_one(FILE_LOCK *lock, const struct range *want, void *context)
{
    struct locks *l = of(lock);
    struct pp_list *it;

    if (!l)
        return STATUS_RANGE_NOT_LOCKED_;
    PP_LIST_EACH(it, &l->granted)
    {
        struct range *r = range_of(it);

        if (r->start != want->start || r->length != want->length || !same_owner(r, want))
            continue;
        drop(l, r, context);
        grant_waiting(l);
        return STATUS_SUCCESS;
    }
    return STATUS_RANGE_NOT_LOCKED_;
}

/* key NULL: all keys. */
static NTSTATUS unlock_all(FILE_LOCK *lock, const FILE_OBJECT *file, const void *process,
                           const ULONG *key, void *context)
{
    struct locks *l = of(lock);
    struct pp_list *it, *tmp;

    if (!l)
        return STATUS_RANGE_NOT_LOCKED_;
    PP_LIST_EACH_SAFE(it, tmp, &l->granted)
    {
        struct range *r = range_of(it);

        if (r->file == file && r->process == process && (!key || r->key == *key))
            drop(l, r, context);
    }
    grant_waiting(l);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI FsRtlFastUnlockSingle(PFILE_LOCK lock, PFILE_OBJECT file,
                                               PLARGE_INTEGER start, PLARGE_INTEGER length,
                                               PEPROCESS process, ULONG key, PVOID context,
                                               BOOLEAN synchronised)
{
    struct range r = {.start = (uint64_t)start->QuadPart,
                      .length = (uint64_t)length->QuadPart,
                      .key = key,
                      .file = file,
                      .process = process};

    (void)synchronised;
    return unlock_one(lock, &r, context);
}

NT_EXPORT NTSTATUS NTAPI FsRtlFastUnlockAll(PFILE_LOCK lock, PFILE_OBJECT file, PEPROCESS process,
                                            PVOID context)
{
    return unlock_all(lock, file, process, NULL, context);
}

NT_EXPORT NTSTATUS NTAPI FsRtlFastUnlockAllByKey(PFILE_LOCK lock, PFILE_OBJECT file,
                                                 PEPROCESS process, ULONG key, PVOID context)
{
    return unlock_all(lock, file, process, &key, context);
}

/* FsRtlFastLock is a macro over this. FALSE: not handled here (the file system makes an IRP of it).
 */
NT_EXPORT BOOLEAN NTAPI FsRtlPrivateLock(PFILE_LOCK lock, PFILE_OBJECT file, PLARGE_INTEGER start,
                                         PLARGE_INTEGER length, PEPROCESS process, ULONG key,
                                         BOOLEAN fail_at_once, BOOLEAN exclusive,
                                         PIO_STATUS_BLOCK iosb, PIRP irp, PVOID context,
                                         BOOLEAN synchronised)
{
    struct range r = {.start = (uint64_t)start->QuadPart,
                      .length = (uint64_t)length->QuadPart,
                      .key = key,
                      .exclusive = exclusive,
                      .file = file,
                      .process = process};
    NTSTATUS status = lock_range(lock, &r, fail_at_once, irp, context);

    (void)synchronised;
    iosb->Status = status;
    iosb->Information = 0;
    if (irp && status != STATUS_PENDING) {
        irp->IoStatus.Status = status;
        irp->IoStatus.Information = 0;
        if (lock->CompleteLockIrpRoutine)
            (void)ke_call(lock->CompleteLockIrpRoutine, KE_ARG(context), KE_ARG(irp));
        else
            io_complete(irp, 0);
    }
    return irp || NT_SUCCESS(status) || fail_at_once;
}

/* Completes the IRP (by the routine given at initialisation) unless it waits. */
NT_EXPORT NTSTATUS NTAPI FsRtlProcessFileLock(PFILE_LOCK lock, PIRP irp, PVOID context)
{
    const IO_STACK_LOCATION *s = io_stack(irp);
    struct range r = {.start = (uint64_t)s->Parameters.LockControl.ByteOffset.QuadPart,
                      .key = s->Parameters.LockControl.Key,
                      .exclusive = s->Flags & SL_EXCLUSIVE,
                      .file = s->FileObject,
                      .process = process_of(irp)};
    UCHAR minor = s->MinorFunction;
    ULONG key = r.key;
    NTSTATUS status;

    if (minor == MN_LOCK || minor == MN_UNLOCK_SINGLE)
        r.length = (uint64_t)s->Parameters.LockControl.Length->QuadPart;
    irp->IoStatus.Information = 0;
    switch (minor) {
    case MN_LOCK:
        status = lock_range(lock, &r, s->Flags & SL_FAIL_AT_ONCE, irp, context);
        break;
    case MN_UNLOCK_SINGLE:
        status = unlock_one(lock, &r, context);
        break;
    case MN_UNLOCK_ALL:
        status = unlock_all(lock, r.file, r.process, NULL, context);
        break;
    case MN_UNLOCK_ALL_BY_KEY:
        status = unlock_all(lock, r.file, r.process, &key, context);
        break;
    default:
        status = STATUS_INVALID_DEVICE_REQUEST;
    }
    if (status == STATUS_PENDING)
        return status;
    irp->IoStatus.Status = status;
    if (lock->CompleteLockIrpRoutine)
        return (NTSTATUS)ke_call(lock->CompleteLockIrpRoutine, KE_ARG(context), KE_ARG(irp));
    io_complete(irp, 0);
    return status;
}

/* Enumerates: the state of the walk lies in the lock itself. NULL at the end. */
NT_EXPORT PFILE_LOCK_INFO NTAPI FsRtlGetNextFileLock(PFILE_LOCK lock, BOOLEAN restart)
{
    struct locks *l = of(lock);
    struct pp_list *it;
    bool seen = restart;

    if (!l)
        return NULL;
    PP_LIST_EACH(it, &l->granted)
    {
        struct range *r = range_of(it);

        if (seen) {
            lock->LastReturnedLock = r;
            lock->LastReturnedLockInfo = (FILE_LOCK_INFO){{.QuadPart = (LONGLONG)r->start},
                                                          {.QuadPart = (LONGLONG)r->length},
                                                          r->exclusive,
                                                          r->key,
                                                          r->file,
                                                          (PVOID)(uintptr_t)r->process,
                                                          {.QuadPart = (LONGLONG)(end_of(r) - 1)}};
            return &lock->LastReturnedLockInfo;
        }
        seen = r == lock->LastReturnedLock;
    }
    return NULL;
}
