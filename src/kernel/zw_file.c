/*
 * System services on files: open, transfer, control. What a name leads to decides everything else:
 * a driver's device, or the in-memory file system, both by IRP.
 *
 * Doc: WDK, ntifs.h and wdm.h: ZwCreateFile, ZwReadFile, ZwWriteFile, ZwDeviceIoControlFile,
 * IoCreateFile, IoCreateFileSpecifyDeviceObjectHint.
 */
#include "kernel/kernel_priv.h"

#include <string.h>

#define FILE_VALID_OPTIONS 0x00FFFFFFu
#define FILE_SYNC (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT)

/* ---- Opening ---- */

struct create {
    ACCESS_MASK access;
    const OBJECT_ATTRIBUTES *attr;
    const LARGE_INTEGER *allocation;
    ULONG attributes, share, disposition, options;
    PVOID ea;
    ULONG ea_size;
    KPROCESSOR_MODE mode;
    UCHAR major;
    bool unchecked;      /* Doc: parameters of kernel mode are believed, unless the caller asks */
    DEVICE_OBJECT *hint; /* IoCreateFileSpecifyDeviceObjectHint */
};

static NTSTATUS create_check(const struct create *c)
{
    ULONG o = c->options;

    if (c->attributes & ~0x00FFFFFFu || c->share & ~7u || c->disposition > FILE_OVERWRITE_IF ||
        o & ~FILE_VALID_OPTIONS)
        return STATUS_INVALID_PARAMETER;
    if ((o & FILE_SYNC) == FILE_SYNC ||
        (o & FILE_SYNC && !(c->access & (SYNCHRONIZE | GENERIC_READ | GENERIC_WRITE | GENERIC_ALL |
                                         GENERIC_EXECUTE | MAXIMUM_ALLOWED))))
        return STATUS_INVALID_PARAMETER;
    if (o & FILE_DELETE_ON_CLOSE && !(c->access & (DELETE | GENERIC_ALL | MAXIMUM_ALLOWED)))
        return STATUS_INVALID_PARAMETER;
    if (o & FILE_DIRECTORY_FILE && (o & FILE_NON_DIRECTORY_FILE ||
                                    (c->disposition != FILE_CREATE && c->disposition != FILE_OPEN &&
                                     c->disposition != FILE_OPEN_IF)))
        return STATUS_INVALID_PARAMETER;
    if (o & FILE_NO_INTERMEDIATE_BUFFERING && c->access & FILE_APPEND_DATA &&
        !(c->access & FILE_WRITE_DATA))
        return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}

/* The device and what is left of the name, or the file the name is relative to. */
static NTSTATUS resolve(const struct ob_where *w, struct io_open *o, void **ret_object,
                        UNICODE_STRING *rest)
{
    NTSTATUS status;

    if (w->root && ob_is(w->root, ob_type_file)) {
        if (w->name && w->name->Length && w->name->Buffer[0] == '\\')
            return STATUS_OBJECT_NAME_INVALID;
        o->root = w->root;
        o->name = w->name;
        return STATUS_SUCCESS;
    }
    status = ob_lookup_at(w, ret_object, rest);
    if (status)
        return status;
    if (ob_is(*ret_object, ob_type_file) && !rest->Length) {
        o->root = *ret_object;
        o->name = rest;
        return STATUS_SUCCESS;
    }
    if (!ob_is(*ret_object, ob_type_device))
        return STATUS_OBJECT_TYPE_MISMATCH;
    o->device = *ret_object;
    o->rest = rest;
    return STATUS_SUCCESS;
}

static NTSTATUS create(const struct create *c, HANDLE *ret, IO_STATUS_BLOCK *iosb)
{
    struct io_open o = {.access = c->access,
                        .attributes = c->attributes,
                        .share = c->share,
                        .disposition = c->disposition,
                        .options = c->options,
                        .mode = c->mode,
                        .major = c->major,
                        .ea = c->ea,
                        .ea_size = c->ea_size};
    UNICODE_STRING rest = {0};
    struct ob_where w;
    FILE_OBJECT *file = NULL;
    void *object = NULL;
    HANDLE h = NULL;
    NTSTATUS status = c->unchecked ? STATUS_SUCCESS : create_check(c);

    if (!status)
        status = ob_where_init(&w, c->attr);
    if (status)
        return status;
    o.access = ob_map_access(ob_type_file, c->access);
    o.allow_exclusive =
        !(o.access & (FILE_READ_DATA | FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_EXECUTE));
    status = resolve(&w, &o, &object, &rest);
    if (!status && c->hint && o.device)
        o.device = c->hint;
    if (!status)
        status = io_file_open(&o, &file, &iosb->Information);
    if (object)
        ob_unref(object);
    ob_where_done(&w);
    if (NT_SUCCESS(status)) {
        NTSTATUS handle_status = ob_handle_new(file, o.access, c->attr->Attributes, &h);

        ob_unref(file);
        if (handle_status)
            return handle_status;
        *ret = h;
    }
    iosb->Status = status;
    return status;
}

/* Results reach the driver only at the end, as far as the service got. */
static NTSTATUS create_out(const struct create *c, PHANDLE ret, PIO_STATUS_BLOCK iosb)
{
    IO_STATUS_BLOCK own = {0};
    HANDLE h = NULL;
    NTSTATUS status = create(c, &h, &own);

    if (NT_SUCCESS(status))
        *ret = h;
    if (iosb && !NT_ERROR(status))
        *iosb = own;
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwCreateFile(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                      PIO_STATUS_BLOCK iosb, PLARGE_INTEGER allocation,
                                      ULONG attributes, ULONG share, ULONG disposition,
                                      ULONG options, PVOID ea, ULONG ea_size)
{
    struct create c = {access, attr,    allocation, attributes,    share, disposition, options,
                       ea,     ea_size, KernelMode, IRP_MJ_CREATE, true,  NULL};

    return create_out(&c, ret, iosb);
}

NT_EXPORT NTSTATUS NTAPI NtCreateFile(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                      PIO_STATUS_BLOCK iosb, PLARGE_INTEGER allocation,
                                      ULONG attributes, ULONG share, ULONG disposition,
                                      ULONG options, PVOID ea, ULONG ea_size)
{
    KPROCESSOR_MODE mode = ps_previous_mode();
    struct create c = {access,  attr, allocation, attributes, share,         disposition,
                       options, ea,   ea_size,    mode,       IRP_MJ_CREATE, mode == KernelMode,
                       NULL};

    if (!zw_probe(mode, ret, sizeof *ret) || !zw_probe(mode, attr, sizeof *attr) ||
        !zw_probe(mode, iosb, sizeof *iosb) || !zw_probe(mode, ea, ea_size))
        return STATUS_ACCESS_VIOLATION;
    return create_out(&c, ret, iosb);
}

NT_EXPORT NTSTATUS NTAPI ZwOpenFile(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                    PIO_STATUS_BLOCK iosb, ULONG share, ULONG options)
{
    return ZwCreateFile(ret, access, attr, iosb, NULL, 0, share, FILE_OPEN, options, NULL, 0);
}

NT_EXPORT NTSTATUS NTAPI NtOpenFile(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                    PIO_STATUS_BLOCK iosb, ULONG share, ULONG options)
{
    return NtCreateFile(ret, access, attr, iosb, NULL, 0, share, FILE_OPEN, options, NULL, 0);
}

enum { CREATE_FILE_TYPE_NONE, CREATE_FILE_TYPE_PIPE, CREATE_FILE_TYPE_MAILSLOT };
#define IO_FORCE_ACCESS_CHECK 1u
#define IO_CHECK_CREATE_PARAMETERS 0x200u

NT_EXPORT NTSTATUS NTAPI IoCreateFileSpecifyDeviceObjectHint(
    PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr, PIO_STATUS_BLOCK iosb,
    PLARGE_INTEGER allocation, ULONG attributes, ULONG share, ULONG disposition, ULONG options,
    PVOID ea, ULONG ea_size, ULONG kind, PVOID extra, ULONG flags, PVOID hint)
{
    struct create c = {access,        attr,
                       allocation,    attributes,
                       share,         disposition,
                       options,       ea,
                       ea_size,       flags & IO_FORCE_ACCESS_CHECK ? UserMode : KernelMode,
                       IRP_MJ_CREATE, !(flags & IO_CHECK_CREATE_PARAMETERS),
                       hint};

    (void)extra;
    if (kind > CREATE_FILE_TYPE_MAILSLOT)
        return STATUS_INVALID_PARAMETER;
    if (kind != CREATE_FILE_TYPE_NONE)
        ke_not_modelled("IoCreateFile", "named pipes and mailslots");
    return create_out(&c, ret, iosb);
}

NT_EXPORT NTSTATUS NTAPI IoCreateFile(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                      PIO_STATUS_BLOCK iosb, PLARGE_INTEGER allocation,
                                      ULONG attributes, ULONG share, ULONG disposition,
                                      ULONG options, PVOID ea, ULONG ea_size, ULONG kind,
                                      PVOID extra, ULONG flags)
{
    return IoCreateFileSpecifyDeviceObjectHint(ret, access, attr, iosb, allocation, attributes,
                                               share, disposition, options, ea, ea_size, kind,
                                               extra, flags, NULL);
}

/* The driver context names extra create parameters, a transaction, a device hint. */
struct create_context { /* IO_DRIVER_CREATE_CONTEXT */
    CSHORT Size;
    PVOID ExtraCreateParameter, DeviceObjectHint, TxnParameters;
};

NT_EXPORT NTSTATUS NTAPI IoCreateFileEx(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                        PIO_STATUS_BLOCK iosb, PLARGE_INTEGER allocation,
                                        ULONG attributes, ULONG share, ULONG disposition,
                                        ULONG options, PVOID ea, ULONG ea_size, ULONG kind,
                                        PVOID extra, ULONG flags, struct create_context *context)
{
    if (context && context->TxnParameters)
        ke_not_modelled("IoCreateFileEx", "transactions");
    return IoCreateFileSpecifyDeviceObjectHint(
        ret, access, attr, iosb, allocation, attributes, share, disposition, options, ea, ea_size,
        kind, extra, flags, context ? context->DeviceObjectHint : NULL);
}

NT_EXPORT NTSTATUS NTAPI ZwDeleteFile(POBJECT_ATTRIBUTES attr)
{
    struct create c = {.access = DELETE,
                       .attr = attr,
                       .share = 7,
                       .disposition = FILE_OPEN,
                       .options = FILE_DELETE_ON_CLOSE,
                       .major = IRP_MJ_CREATE};
    IO_STATUS_BLOCK iosb = {0};
    HANDLE h = NULL;
    NTSTATUS status = create(&c, &h, &iosb);

    return NT_SUCCESS(status) ? ob_handle_close(h) : status;
}

/* ---- Transfers ---- */

/* What all asynchronous services take. */
struct transfer {
    HANDLE h, event;
    PVOID apc_routine, apc_context;
    PIO_STATUS_BLOCK iosb;
    KPROCESSOR_MODE mode;
};

/* Adds file and event to rw, sends, and lets go of the file. */
static NTSTATUS send(const struct transfer *t, struct io_rw *rw)
{
    void *file, *event = NULL;
    NTSTATUS status = ob_handle_ref_mode(t->h, t->mode, &file, NULL);

    if (status)
        return status;
    if (!ob_is(file, ob_type_file))
        status = STATUS_OBJECT_TYPE_MISMATCH;
    else if (t->event)
        status = ob_handle_ref(t->event, ob_type_event, &event);
    if (!status) {
        if (event)
            ((KEVENT *)event)->Header.SignalState = 0;
        rw->file = file;
        rw->mode = t->mode;
        rw->event = event;
        rw->apc_routine = t->apc_routine;
        rw->apc_context = t->apc_context;
        rw->iosb = t->iosb;
        rw->async = !(rw->file->Flags & FO_SYNCHRONOUS_IO);
        status = zw_request(rw);
    }
    if (event)
        ob_unref(event);
    ob_unref(file);
    return status;
}

/* NULL or -2: from the current position, which only synchronous files have. */
static NTSTATUS offset_of(HANDLE h, const LARGE_INTEGER *offset, LARGE_INTEGER *ret)
{
    void *file;
    NTSTATUS status = ob_handle_ref(h, ob_type_file, &file);

    if (status)
        return status;
    ret->QuadPart = 0;
    if (offset && !(offset->LowPart == 0xFFFFFFFEu && offset->HighPart == -1))
        *ret = *offset;
    else if (((FILE_OBJECT *)file)->Flags & FO_SYNCHRONOUS_IO)
        *ret = ((FILE_OBJECT *)file)->CurrentByteOffset;
    else if (((FILE_OBJECT *)file)->DeviceObject->DeviceType == FILE_DEVICE_DISK || offset)
        status = STATUS_INVALID_PARAMETER;
    ob_unref(file);
    return status;
}

static NTSTATUS read_or_write(const struct transfer *t, struct io_rw *rw,
                              const LARGE_INTEGER *offset, const ULONG *key)
{
    NTSTATUS status = offset_of(t->h, offset, &rw->offset);

    rw->key = key ? *key : 0;
    return status ? status : send(t, rw);
}

NT_EXPORT NTSTATUS NTAPI ZwReadFile(HANDLE h, HANDLE event, PVOID apc_routine, PVOID apc_context,
                                    PIO_STATUS_BLOCK iosb, PVOID buffer, ULONG length,
                                    PLARGE_INTEGER offset, PULONG key)
{
    struct transfer t = {h, event, apc_routine, apc_context, iosb, KernelMode};
    struct io_rw rw = {.major = IRP_MJ_READ, .out = buffer, .out_size = length};

    return read_or_write(&t, &rw, offset, key);
}

NT_EXPORT NTSTATUS NTAPI NtReadFile(HANDLE h, HANDLE event, PVOID apc_routine, PVOID apc_context,
                                    PIO_STATUS_BLOCK iosb, PVOID buffer, ULONG length,
                                    PLARGE_INTEGER offset, PULONG key)
{
    struct transfer t = {h, event, apc_routine, apc_context, iosb, ps_previous_mode()};
    struct io_rw rw = {.major = IRP_MJ_READ, .out = buffer, .out_size = length};

    if (!zw_probe(t.mode, buffer, length) || !zw_probe(t.mode, iosb, sizeof *iosb))
        return STATUS_ACCESS_VIOLATION;
    return read_or_write(&t, &rw, offset, key);
}

NT_EXPORT NTSTATUS NTAPI ZwWriteFile(HANDLE h, HANDLE event, PVOID apc_routine, PVOID apc_context,
                                     PIO_STATUS_BLOCK iosb, PVOID buffer, ULONG length,
                                     PLARGE_INTEGER offset, PULONG key)
{
    struct transfer t = {h, event, apc_routine, apc_context, iosb, KernelMode};
    struct io_rw rw = {.major = IRP_MJ_WRITE, .in = buffer, .in_size = length};

    return read_or_write(&t, &rw, offset, key);
}

NT_EXPORT NTSTATUS NTAPI NtWriteFile(HANDLE h, HANDLE event, PVOID apc_routine, PVOID apc_context,
                                     PIO_STATUS_BLOCK iosb, PVOID buffer, ULONG length,
                                     PLARGE_INTEGER offset, PULONG key)
{
    struct transfer t = {h, event, apc_routine, apc_context, iosb, ps_previous_mode()};
    struct io_rw rw = {.major = IRP_MJ_WRITE, .in = buffer, .in_size = length};

    if (!zw_probe(t.mode, buffer, length) || !zw_probe(t.mode, iosb, sizeof *iosb))
        return STATUS_ACCESS_VIOLATION;
    return read_or_write(&t, &rw, offset, key);
}

/* ---- Control ---- */

struct control {
    ULONG code;
    PVOID in;
    ULONG in_size;
    PVOID out;
    ULONG out_size;
};

static NTSTATUS control(const struct transfer *t, UCHAR major, const struct control *c)
{
    struct io_rw rw = {.major = major,
                       .code = c->code,
                       .in = c->in,
                       .in_size = c->in_size,
                       .out = c->out,
                       .out_size = c->out_size};

    if (!zw_probe(t->mode, c->in, c->in_size) || !zw_probe(t->mode, c->out, c->out_size) ||
        !zw_probe(t->mode, t->iosb, sizeof *t->iosb))
        return STATUS_ACCESS_VIOLATION;
    return send(t, &rw);
}

NT_EXPORT NTSTATUS NTAPI ZwDeviceIoControlFile(HANDLE h, HANDLE event, PVOID apc_routine,
                                               PVOID apc_context, PIO_STATUS_BLOCK iosb, ULONG code,
                                               PVOID in, ULONG in_size, PVOID out, ULONG out_size)
{
    struct transfer t = {h, event, apc_routine, apc_context, iosb, KernelMode};

    return control(&t, IRP_MJ_DEVICE_CONTROL, &(struct control){code, in, in_size, out, out_size});
}

NT_EXPORT NTSTATUS NTAPI NtDeviceIoControlFile(HANDLE h, HANDLE event, PVOID apc_routine,
                                               PVOID apc_context, PIO_STATUS_BLOCK iosb, ULONG code,
                                               PVOID in, ULONG in_size, PVOID out, ULONG out_size)
{
    struct transfer t = {h, event, apc_routine, apc_context, iosb, ps_previous_mode()};

    return control(&t, IRP_MJ_DEVICE_CONTROL, &(struct control){code, in, in_size, out, out_size});
}

NT_EXPORT NTSTATUS NTAPI ZwFsControlFile(HANDLE h, HANDLE event, PVOID apc_routine,
                                         PVOID apc_context, PIO_STATUS_BLOCK iosb, ULONG code,
                                         PVOID in, ULONG in_size, PVOID out, ULONG out_size)
{
    struct transfer t = {h, event, apc_routine, apc_context, iosb, KernelMode};

    return control(&t, IRP_MJ_FILE_SYSTEM_CONTROL,
                   &(struct control){code, in, in_size, out, out_size});
}

NT_EXPORT NTSTATUS NTAPI NtFsControlFile(HANDLE h, HANDLE event, PVOID apc_routine,
                                         PVOID apc_context, PIO_STATUS_BLOCK iosb, ULONG code,
                                         PVOID in, ULONG in_size, PVOID out, ULONG out_size)
{
    struct transfer t = {h, event, apc_routine, apc_context, iosb, ps_previous_mode()};

    return control(&t, IRP_MJ_FILE_SYSTEM_CONTROL,
                   &(struct control){code, in, in_size, out, out_size});
}

/* ---- Directories ---- */

struct directory {
    UNICODE_STRING *name;
    ULONG kind;
    UCHAR flags;
};

/* The pattern lives in the caller's memory for the length of the request, as on Windows for kernel
 * mode. */
static bool directory_prepare(struct io_rw *rw, IRP *irp, IO_STACK_LOCATION *s)
{
    const struct directory *d = rw->ctx;

    (void)irp;
    s->Flags = d->flags;
    s->Parameters.QueryDirectory.Length = rw->out_size;
    s->Parameters.QueryDirectory.FileName = d->name;
    s->Parameters.QueryDirectory.FileInformationClass = d->kind;
    s->Parameters.QueryDirectory.FileIndex = 0;
    return true;
}

NT_EXPORT NTSTATUS NTAPI ZwQueryDirectoryFile(HANDLE h, HANDLE event, PVOID apc_routine,
                                              PVOID apc_context, PIO_STATUS_BLOCK iosb,
                                              PVOID buffer, ULONG length, ULONG kind,
                                              BOOLEAN single, PUNICODE_STRING name, BOOLEAN restart)
{
    struct transfer t = {h, event, apc_routine, apc_context, iosb, KernelMode};
    struct directory d = {
        name, kind,
        (UCHAR)((single ? SL_RETURN_SINGLE_ENTRY : 0) | (restart ? SL_RESTART_SCAN : 0))};
    struct io_rw rw = {.major = IRP_MJ_DIRECTORY_CONTROL,
                       .minor = IRP_MN_QUERY_DIRECTORY,
                       .out = buffer,
                       .out_size = length,
                       .prepare = directory_prepare,
                       .ctx = &d};

    switch (kind) {
    case FileDirectoryInformation:
    case FileFullDirectoryInformation:
    case FileBothDirectoryInformation:
    case FileNamesInformation:
    case FileIdBothDirectoryInformation:
    case FileIdFullDirectoryInformation:
        return send(&t, &rw);
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}

NT_EXPORT NTSTATUS NTAPI ZwQueryDirectoryFileEx(HANDLE h, HANDLE event, PVOID apc_routine,
                                                PVOID apc_context, PIO_STATUS_BLOCK iosb,
                                                PVOID buffer, ULONG length, ULONG kind, ULONG flags,
                                                PUNICODE_STRING name)
{
    return ZwQueryDirectoryFile(h, event, apc_routine, apc_context, iosb, buffer, length, kind,
                                (flags & 2) != 0, name, flags & 1);
}

/* ---- Flush, locks ---- */

NT_EXPORT NTSTATUS NTAPI ZwFlushBuffersFile(HANDLE h, PIO_STATUS_BLOCK iosb)
{
    struct transfer t = {.h = h, .iosb = iosb};
    struct io_rw rw = {.major = IRP_MJ_FLUSH_BUFFERS};

    return send(&t, &rw);
}

struct lock {
    const LARGE_INTEGER *offset;
    LARGE_INTEGER length;
    ULONG key;
    UCHAR flags;
};

static bool lock_prepare(struct io_rw *rw, IRP *irp, IO_STACK_LOCATION *s)
{
    struct lock *l = rw->ctx;

    (void)irp;
    s->Flags = l->flags;
    s->Parameters.LockControl.Length = &l->length;
    s->Parameters.LockControl.Key = l->key;
    s->Parameters.LockControl.ByteOffset = *l->offset;
    return true;
}

/* The length must outlive a pending request: only what ends at once is asked for. */
NT_EXPORT NTSTATUS NTAPI ZwLockFile(HANDLE h, HANDLE event, PVOID apc_routine, PVOID apc_context,
                                    PIO_STATUS_BLOCK iosb, PLARGE_INTEGER offset,
                                    PLARGE_INTEGER length, ULONG key, BOOLEAN fail_immediately,
                                    BOOLEAN exclusive)
{
    struct transfer t = {h, event, apc_routine, apc_context, iosb, KernelMode};
    struct lock l = {offset, *length, key,
                     (UCHAR)((fail_immediately ? 1 : 0) | (exclusive ? 2 : 0))};
    struct io_rw rw = {
        .major = IRP_MJ_LOCK_CONTROL, .minor = 1, .prepare = lock_prepare, .ctx = &l};

    return send(&t, &rw);
}

NT_EXPORT NTSTATUS NTAPI ZwUnlockFile(HANDLE h, PIO_STATUS_BLOCK iosb, PLARGE_INTEGER offset,
                                      PLARGE_INTEGER length, ULONG key)
{
    struct transfer t = {.h = h, .iosb = iosb};
    struct lock l = {offset, *length, key, 0};
    struct io_rw rw = {
        .major = IRP_MJ_LOCK_CONTROL, .minor = 2, .prepare = lock_prepare, .ctx = &l};

    return send(&t, &rw);
}

static bool cancel_one(void *ctx, struct io_irp *i)
{
    if (i->irp->Tail.Overlay.OriginalFileObject == ctx)
        (void)io_cancel(i->irp); /* one without a cancel routine goes on */
    return true;
}

NT_EXPORT NTSTATUS NTAPI ZwCancelIoFile(HANDLE h, PIO_STATUS_BLOCK iosb)
{
    void *file;
    NTSTATUS status = ob_handle_ref(h, ob_type_file, &file);

    if (status)
        return status;
    (void)io_irp_each(cancel_one, file); /* how many there were is not told */
    ob_unref(file);
    iosb->Status = STATUS_SUCCESS;
    iosb->Information = 0;
    return STATUS_SUCCESS;
}
