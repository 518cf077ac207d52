/*
 * File objects: opening a device by name, and what the last handle and the last reference mean.
 *
 * A file object belongs to the device its name led to; requests go to the top of that device's
 * stack. Closing the last handle sends IRP_MJ_CLEANUP, dropping the last reference IRP_MJ_CLOSE.
 *
 * Doc: WDK, "IRP_MJ_CREATE", "IRP_MJ_CLEANUP", "IRP_MJ_CLOSE"; wdm.h, IoGetDeviceObjectPointer.
 */
#include "kernel/io_nt.h"

#include <string.h>

/* ---- Where requests go ---- */

DEVICE_OBJECT *io_file_device(FILE_OBJECT *file)
{
    DEVICE_OBJECT *device = file->DeviceObject;

    if (file->Vpb && file->Vpb->DeviceObject)
        device = file->Vpb->DeviceObject;
    else if (!(file->Flags & 0x0800) && device->Vpb && device->Vpb->DeviceObject)
        device = device->Vpb->DeviceObject; /* 0x0800: FO_DIRECT_DEVICE_OPEN */
    return io_device_top(device);
}

NT_EXPORT PDEVICE_OBJECT NTAPI IoGetRelatedDeviceObject(PFILE_OBJECT file)
{
    return io_file_device(file);
}

NT_EXPORT PDEVICE_OBJECT NTAPI IoGetBaseFileSystemDeviceObject(PFILE_OBJECT file)
{
    if (file->Vpb && file->Vpb->DeviceObject)
        return file->Vpb->DeviceObject;
    if (file->DeviceObject->Vpb && file->DeviceObject->Vpb->DeviceObject)
        return file->DeviceObject->Vpb->DeviceObject;
    return file->DeviceObject;
}

/* ---- Life ---- */

static void name_set(FILE_OBJECT *file, const UNICODE_STRING *name)
{
    if (!name || !name->Length)
        return;
    file->FileName.Buffer = ex_alloc_kernel(name->Length + sizeof(WCHAR), "IoNm", true);
    memcpy(file->FileName.Buffer, name->Buffer, name->Length);
    file->FileName.Length = name->Length;
    file->FileName.MaximumLength = (USHORT)(name->Length + sizeof(WCHAR));
}

static FILE_OBJECT *file_new(DEVICE_OBJECT *device)
{
    FILE_OBJECT *file = ob_new(ob_type_file, sizeof *file, "File");

    file->Type = IO_TYPE_FILE;
    file->Size = (CSHORT)sizeof *file;
    file->DeviceObject = device;
    KeInitializeEvent(&file->Lock, SynchronizationEvent, FALSE);
    KeInitializeEvent(&file->Event, NotificationEvent, FALSE);
    io_list_init(&file->IrpList);
    return file;
}

/* A request without parameters on the file, waited for. */
static NTSTATUS simple_request(FILE_OBJECT *file, UCHAR major, ULONG flags)
{
    DEVICE_OBJECT *device = io_file_device(file);
    IRP *irp = io_irp_new(device->StackSize);
    IO_STACK_LOCATION *s = io_stack_next(irp);

    irp->Flags = flags | IRP_SYNCHRONOUS_API;
    irp->Tail.Overlay.OriginalFileObject = file;
    irp->Tail.Overlay.Thread = ke_thread_now->object;
    irp->RequestorMode = KernelMode;
    s->MajorFunction = major;
    s->FileObject = file;
    return io_send_wait(device, irp, NULL);
}

void io_file_cleanup(FILE_OBJECT *file)
{
    if (file->Flags & FO_CLEANUP_COMPLETE || !(file->Flags & FO_HANDLE_CREATED))
        return;
    file->Flags |= FO_CLEANUP_COMPLETE;
    (void)simple_request(file, IRP_MJ_CLEANUP, IRP_CLOSE_OPERATION);
}

static void on_close(void *object, int64_t handles_left)
{
    FILE_OBJECT *file = object;

    file->Flags |= FO_HANDLE_CREATED;
    if (handles_left == 0 && (file->Flags & FO_FILE_OPEN))
        io_file_cleanup(file);
}

static void on_delete(void *object)
{
    FILE_OBJECT *file = object;
    DEVICE_OBJECT *device = file->DeviceObject;
    FILE_OBJECT *related = file->RelatedFileObject;

    if (file->Flags & FO_FILE_OPEN)
        io_file_cleanup(file);
    if (file->Flags & (FO_FILE_OPEN | FO_STREAM_FILE)) {
        (void)simple_request(file, IRP_MJ_CLOSE, IRP_CLOSE_OPERATION);
        io_device_close(device);
    }
    if (file->FileName.Buffer)
        ex_free_kernel(file->FileName.Buffer);
    ob_unref(device);
    if (related)
        ob_unref(related);
}

/* ---- Opening ---- */

/* What IRP_MJ_CREATE points to; driver-visible, gone when the request is over. */
struct create_context {
    IO_SECURITY_CONTEXT security;
    ACCESS_STATE access;
};

static struct create_context *context_new(const struct io_open *o)
{
    struct create_context *c = ex_alloc_kernel(sizeof *c, "IoCc", false);

    c->security.AccessState = &c->access;
    c->security.DesiredAccess = o->access;
    c->security.FullCreateOptions = o->options;
    c->access.OriginalDesiredAccess = o->access;
    c->access.PreviouslyGrantedAccess = o->access;
    return c;
}

static ULONG file_flags(const struct io_open *o)
{
    ULONG flags = 0;

    if (o->options & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT))
        flags |= FO_SYNCHRONOUS_IO;
    if (o->options & FILE_SYNCHRONOUS_IO_ALERT)
        flags |= FO_ALERTABLE_IO;
    if (o->options & FILE_NO_INTERMEDIATE_BUFFERING)
        flags |= FO_NO_INTERMEDIATE_BUFFERING;
    if (o->options & FILE_WRITE_THROUGH)
        flags |= FO_WRITE_THROUGH;
    if (o->options & FILE_SEQUENTIAL_ONLY)
        flags |= FO_SEQUENTIAL_ONLY;
    if (o->options & FILE_RANDOM_ACCESS)
        flags |= FO_RANDOM_ACCESS;
    return flags;
}

static NTSTATUS create_request(const struct io_open *o, FILE_OBJECT *file, ULONG_PTR *info)
{
    DEVICE_OBJECT *device = io_file_device(file);
    struct create_context *c = context_new(o);
    IRP *irp = io_irp_new(device->StackSize);
    IO_STACK_LOCATION *s = io_stack_next(irp);
    IO_STATUS_BLOCK iosb = {0};
    NTSTATUS status;

    irp->Flags = IRP_CREATE_OPERATION | IRP_SYNCHRONOUS_API | IRP_DEFER_IO_COMPLETION;
    irp->RequestorMode = o->mode;
    irp->Tail.Overlay.OriginalFileObject = file;
    irp->Tail.Overlay.Thread = ke_thread_now->object;
    irp->AssociatedIrp.SystemBuffer = o->ea;
    s->MajorFunction = o->major;
    s->FileObject = file;
    s->Parameters.Create.SecurityContext = &c->security;
    s->Parameters.Create.Options = o->disposition << 24 | (o->options & 0xFFFFFF);
    s->Parameters.Create.FileAttributes = (USHORT)o->attributes;
    s->Parameters.Create.ShareAccess = (USHORT)o->share;
    s->Parameters.Create.EaLength = o->ea_size;
    status = io_send_wait(device, irp, &iosb);
    ex_free_kernel(c);
    if (info)
        *info = iosb.Information;
    return status;
}

static NTSTATUS open_device(const struct io_open *o, DEVICE_OBJECT *device,
                            const UNICODE_STRING *rest, FILE_OBJECT **ret, ULONG_PTR *info)
{
    const ACCESS_MASK read =
        FILE_READ_DATA | FILE_EXECUTE | GENERIC_READ | GENERIC_ALL | MAXIMUM_ALLOWED;
    const ACCESS_MASK write =
        FILE_WRITE_DATA | FILE_APPEND_DATA | GENERIC_WRITE | GENERIC_ALL | MAXIMUM_ALLOWED;
    FILE_OBJECT *file;
    NTSTATUS status = io_device_open(device, o->allow_exclusive);

    if (!NT_SUCCESS(status))
        return status;
    file = file_new(device);
    ob_ref(device);
    file->Flags = file_flags(o);
    name_set(file, rest);
    if (!file->FileName.Length && !o->root)
        file->Flags |= FO_VOLUME_OPEN;
    if (o->root) {
        ob_ref(o->root);
        file->RelatedFileObject = o->root;
    }
    file->ReadAccess = (o->access & read) != 0;
    file->WriteAccess = (o->access & write) != 0;
    file->DeleteAccess = (o->access & (DELETE | GENERIC_ALL)) != 0;
    file->SharedRead = (o->share & FILE_SHARE_READ) != 0;
    file->SharedWrite = (o->share & FILE_SHARE_WRITE) != 0;
    file->SharedDelete = (o->share & FILE_SHARE_DELETE) != 0;
    status = create_request(o, file, info);
    if (!NT_SUCCESS(status) || status == STATUS_PENDING) {
        io_device_close(device);
        ob_unref(file);
        return status;
    }
    file->Flags |= FO_FILE_OPEN;
    *ret = file;
    return status;
}

NTSTATUS io_file_open(const struct io_open *o, FILE_OBJECT **ret, ULONG_PTR *info)
{
    UNICODE_STRING rest = {0};
    void *object = NULL;
    NTSTATUS status;

    if (o->device)
        return open_device(o, o->device, o->rest, ret, info);
    if (o->root && (!o->name || !o->name->Length || o->name->Buffer[0] != '\\'))
        return open_device(o, o->root->DeviceObject, o->name, ret, info);
    status = ob_lookup(o->name, &object, &rest);
    if (!NT_SUCCESS(status))
        return status;
    if (!io_is_device(object)) {
        ob_unref(object);
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    status = open_device(o, object, &rest, ret, info);
    ob_unref(object);
    return status;
}

/* Doc: wdm, IoGetDeviceObjectPointer: opens the device, so that a driver may refuse; the top of its
 * stack is returned, the file object referenced. */
NT_EXPORT NTSTATUS NTAPI IoGetDeviceObjectPointer(PUNICODE_STRING name, ACCESS_MASK access,
                                                  PFILE_OBJECT *ret_file,
                                                  PDEVICE_OBJECT *ret_device)
{
    struct io_open o = {.name = name,
                        .access = access,
                        .disposition = FILE_OPEN,
                        .options = FILE_NON_DIRECTORY_FILE,
                        .mode = KernelMode,
                        .major = IRP_MJ_CREATE};
    FILE_OBJECT *file;
    NTSTATUS status = io_file_open(&o, &file, NULL);

    if (!NT_SUCCESS(status))
        return status;
    /* The handle it was opened with is closed at once; the reference stays. */
    file->Flags |= FO_HANDLE_CREATED;
    io_file_cleanup(file);
    *ret_file = file;
    *ret_device = io_file_device(file);
    return STATUS_SUCCESS;
}

/* ---- Stream files ---- */

static FILE_OBJECT *stream_new(FILE_OBJECT *file, DEVICE_OBJECT *device, bool has_handle)
{
    DEVICE_OBJECT *d = file ? file->DeviceObject : device;
    FILE_OBJECT *f = file_new(d);

    ob_ref(d);
    d->ReferenceCount++;
    f->Flags = FO_STREAM_FILE;
    if (file)
        f->Vpb = file->Vpb;
    if (has_handle) {
        f->Flags |= FO_HANDLE_CREATED | FO_FILE_OPEN;
        io_file_cleanup(f); /* the handle is opened and closed at once */
        f->Flags &= ~FO_FILE_OPEN;
    }
    return f;
}

NT_EXPORT PFILE_OBJECT NTAPI IoCreateStreamFileObject(PFILE_OBJECT file, PDEVICE_OBJECT device)
{
    return stream_new(file, device, true);
}

NT_EXPORT PFILE_OBJECT NTAPI IoCreateStreamFileObjectEx(PFILE_OBJECT file, PDEVICE_OBJECT device,
                                                        PHANDLE ret_handle)
{
    FILE_OBJECT *f = stream_new(file, device, !ret_handle);

    if (ret_handle && !NT_SUCCESS(ob_handle_new(f, 0, OBJ_KERNEL_HANDLE, ret_handle))) {
        ob_unref(f);
        return NULL;
    }
    return f;
}

NT_EXPORT PFILE_OBJECT NTAPI IoCreateStreamFileObjectLite(PFILE_OBJECT file, PDEVICE_OBJECT device)
{
    return stream_new(file, device, false);
}

/* ---- Sharing ---- */

/* Doc: ntifs/wdm, IoCheckShareAccess: the caller serialises. */
NT_EXPORT NTSTATUS NTAPI IoCheckShareAccess(ACCESS_MASK access, ULONG share, PFILE_OBJECT file,
                                            PSHARE_ACCESS a, BOOLEAN update)
{
    file->ReadAccess = (access & (FILE_EXECUTE | FILE_READ_DATA)) != 0;
    file->WriteAccess = (access & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != 0;
    file->DeleteAccess = (access & DELETE) != 0;
    if (!file->ReadAccess && !file->WriteAccess && !file->DeleteAccess)
        return STATUS_SUCCESS;
    file->SharedRead = (share & FILE_SHARE_READ) != 0;
    file->SharedWrite = (share & FILE_SHARE_WRITE) != 0;
    file->SharedDelete = (share & FILE_SHARE_DELETE) != 0;
    if ((file->ReadAccess && a->SharedRead < a->OpenCount) ||
        (file->WriteAccess && a->SharedWrite < a->OpenCount) ||
        (file->DeleteAccess && a->SharedDelete < a->OpenCount) ||
        (a->Readers && !file->SharedRead) || (a->Writers && !file->SharedWrite) ||
        (a->Deleters && !file->SharedDelete))
        return STATUS_SHARING_VIOLATION;
    if (update) {
        a->OpenCount++;
        a->Readers += file->ReadAccess;
        a->Writers += file->WriteAccess;
        a->Deleters += file->DeleteAccess;
        a->SharedRead += file->SharedRead;
        a->SharedWrite += file->SharedWrite;
        a->SharedDelete += file->SharedDelete;
    }
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI IoSetShareAccess(ACCESS_MASK access, ULONG share, PFILE_OBJECT file,
                                      PSHARE_ACCESS a)
{
    memset(a, 0, sizeof *a);
    (void)IoCheckShareAccess(access, share, file, a, TRUE);
}

NT_EXPORT VOID NTAPI IoUpdateShareAccess(PFILE_OBJECT file, PSHARE_ACCESS a)
{
    if (!file->ReadAccess && !file->WriteAccess && !file->DeleteAccess)
        return;
    a->OpenCount++;
    a->Readers += file->ReadAccess;
    a->Writers += file->WriteAccess;
    a->Deleters += file->DeleteAccess;
    a->SharedRead += file->SharedRead;
    a->SharedWrite += file->SharedWrite;
    a->SharedDelete += file->SharedDelete;
}

NT_EXPORT VOID NTAPI IoRemoveShareAccess(PFILE_OBJECT file, PSHARE_ACCESS a)
{
    if (!file->ReadAccess && !file->WriteAccess && !file->DeleteAccess)
        return;
    a->OpenCount--;
    a->Readers -= file->ReadAccess;
    a->Writers -= file->WriteAccess;
    a->Deleters -= file->DeleteAccess;
    a->SharedRead -= file->SharedRead;
    a->SharedWrite -= file->SharedWrite;
    a->SharedDelete -= file->SharedDelete;
}

void io_file_init(void)
{
    ob_type_on_delete(ob_type_file, on_delete);
    ob_type_delete_at_passive(ob_type_file);
    ob_type_on_close(ob_type_file, on_close);
}
