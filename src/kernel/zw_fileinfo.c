/*
 * Queries of files and volumes: ZwQueryInformationFile and relatives. Classes that the I/O manager
 * answers by itself (access, mode, alignment, position of a synchronous file) never reach the
 * driver.
 *
 * Doc: WDK, ntifs.h: ZwQueryInformationFile, ZwSetInformationFile, ZwQueryVolumeInformationFile;
 * [MS-FSCC].
 */
#include "kernel/kernel_priv.h"

#include <string.h>

/* Smallest buffer for a class; 0: the class does not exist (for queries, for changes). */
static const struct {
    uint8_t kind, query, set;
} sizes[] = {
    {FileBasicInformation, 0x28, 0x28},
    {FileStandardInformation, 0x18, 0},
    {FileInternalInformation, 8, 0},
    {FileEaInformation, 4, 0},
    {FileAccessInformation, 4, 0},
    {FileNameInformation, 8, 0},
    {FileRenameInformation, 0, 0x18},
    {FileLinkInformation, 0, 0x18},
    {FileDispositionInformation, 0, 1},
    {FilePositionInformation, 8, 8},
    {FileModeInformation, 4, 4},
    {FileAlignmentInformation, 4, 0},
    {FileAllInformation, 0x68, 0},
    {FileAllocationInformation, 0, 8},
    {FileEndOfFileInformation, 0, 8},
    {FileAlternateNameInformation, 8, 0},
    {FileStreamInformation, 0x20, 0},
    {FilePipeInformation, 8, 8},
    {FilePipeLocalInformation, 0x28, 0},
    {FileCompressionInformation, 0x10, 0},
    {FileNetworkOpenInformation, 0x38, 0},
    {FileAttributeTagInformation, 8, 0},
    {FileValidDataLengthInformation, 0, 8},
    {FileShortNameInformation, 0, 8},
    {FileIoPriorityHintInformation, 4, 4},
    {FileHardLinkInformation, 8, 0},
    {FileNormalizedNameInformation, 8, 0},
    {FileIsRemoteDeviceInformation, 1, 0},
    {FileStandardLinkInformation, 0x10, 0},
    {FileIdInformation, 0x18, 0},
    {FileDispositionInformationEx, 0, 4},
    {FileRenameInformationEx, 0, 0x18},
};

static NTSTATUS check(ULONG kind, ULONG length, bool set)
{
    for (size_t i = 0; i < PP_COUNT(sizes); i++)
        if (sizes[i].kind == kind) {
            uint8_t need = set ? sizes[i].set : sizes[i].query;

            return !need           ? STATUS_INVALID_INFO_CLASS
                   : length < need ? STATUS_INFO_LENGTH_MISMATCH
                                   : STATUS_SUCCESS;
        }
    return STATUS_INVALID_INFO_CLASS;
}

/* Answered without the driver. Returns false when the driver is asked. */
static bool answer_here(FILE_OBJECT *file, ACCESS_MASK access, ULONG kind, void *info,
                        ULONG *ret_size)
{
    uint64_t v = 0;

    *ret_size = 4;
    switch (kind) {
    case FileAccessInformation:
        v = access;
        break;
    case FileModeInformation:
        v = (file->Flags & FO_SYNCHRONOUS_IO ? file->Flags & FO_ALERTABLE_IO
                                                   ? FILE_SYNCHRONOUS_IO_ALERT
                                                   : FILE_SYNCHRONOUS_IO_NONALERT
                                             : 0) |
            (file->Flags & FO_WRITE_THROUGH ? FILE_WRITE_THROUGH : 0) |
            (file->Flags & FO_SEQUENTIAL_ONLY ? FILE_SEQUENTIAL_ONLY : 0) |
            (file->Flags & FO_NO_INTERMEDIATE_BUFFERING ? FILE_NO_INTERMEDIATE_BUFFERING : 0);
        break;
    case FileAlignmentInformation:
        v = io_file_device(file)->AlignmentRequirement;
        break;
    case FilePositionInformation:
        if (!(file->Flags & FO_SYNCHRONOUS_IO))
            return false;
        v = (uint64_t)file->CurrentByteOffset.QuadPart;
        *ret_size = 8;
        break;
    case FileIsRemoteDeviceInformation:
        *ret_size = 1;
        break;
    case FileIoPriorityHintInformation:
        v = 2;
        break; /* normal */
    default:
        return false;
    }
    memcpy(info, &v, *ret_size);
    return true;
}

struct request {
    HANDLE h;
    IO_STATUS_BLOCK *iosb;
    void *info;
    ULONG length, kind;
    KPROCESSOR_MODE mode;
};

static NTSTATUS file_of(const struct request *r, void **ret, struct ob_handle_info *info)
{
    NTSTATUS status = ob_handle_ref_mode(r->h, r->mode, ret, info);

    if (status)
        return status;
    if (ob_is(*ret, ob_type_file))
        return STATUS_SUCCESS;
    ob_unref(*ret);
    return STATUS_OBJECT_TYPE_MISMATCH;
}

static NTSTATUS query(const struct request *r)
{
    struct ob_handle_info handle;
    struct io_rw rw = {.major = IRP_MJ_QUERY_INFORMATION,
                       .mode = r->mode,
                       .out = r->info,
                       .out_size = r->length,
                       .info_class = r->kind,
                       .iosb = r->iosb};
    void *file;
    ULONG size;
    NTSTATUS status = check(r->kind, r->length, false);

    if (!status)
        status = file_of(r, &file, &handle);
    if (status)
        return status;
    if (answer_here(file, handle.access, r->kind, r->info, &size)) {
        r->iosb->Status = STATUS_SUCCESS;
        r->iosb->Information = size;
    } else {
        rw.file = file;
        status = zw_request(&rw);
    }
    ob_unref(file);
    return status;
}

/* Handled without the driver? */
static bool set_here(FILE_OBJECT *file, ULONG kind, const void *info, NTSTATUS *ret)
{
    *ret = STATUS_SUCCESS;
    switch (kind) {
    case FilePositionInformation: {
        LARGE_INTEGER at;

        if (!(file->Flags & FO_SYNCHRONOUS_IO))
            return false;
        memcpy(&at, info, sizeof at);
        if (at.QuadPart < 0)
            *ret = STATUS_INVALID_PARAMETER;
        else
            file->CurrentByteOffset = at;
        return true;
    }
    case FileModeInformation: {
        ULONG mode = pp_load32(info);

        if (mode & ~(FILE_WRITE_THROUGH | FILE_SEQUENTIAL_ONLY | FILE_SYNCHRONOUS_IO_ALERT |
                     FILE_SYNCHRONOUS_IO_NONALERT)) {
            *ret = STATUS_INVALID_PARAMETER;
            return true;
        }
        file->Flags &= ~(FO_WRITE_THROUGH | FO_SEQUENTIAL_ONLY);
        file->Flags |= (mode & FILE_WRITE_THROUGH ? FO_WRITE_THROUGH : 0) |
                       (mode & FILE_SEQUENTIAL_ONLY ? FO_SEQUENTIAL_ONLY : 0);
        return true;
    }
    case FileIoPriorityHintInformation:
        return true;
    default:
        return false;
    }
}

static bool set_prepare(struct io_rw *rw, IRP *irp, IO_STACK_LOCATION *s)
{
    const FILE_RENAME_INFORMATION *rename = irp->AssociatedIrp.SystemBuffer;

    s->Parameters.SetFile.Length = rw->in_size;
    s->Parameters.SetFile.FileInformationClass = rw->info_class;
    s->Parameters.SetFile.FileObject = NULL;
    if (rw->info_class == FileRenameInformation || rw->info_class == FileLinkInformation)
        s->Parameters.SetFile.ReplaceIfExists = rename->ReplaceIfExists;
    return true;
}

static NTSTATUS set(const struct request *r)
{
    struct io_rw rw = {.major = IRP_MJ_SET_INFORMATION,
                       .mode = r->mode,
                       .in = r->info,
                       .in_size = r->length,
                       .info_class = r->kind,
                       .iosb = r->iosb,
                       .prepare = set_prepare};
    void *file;
    NTSTATUS status = check(r->kind, r->length, true);

    if (!status)
        status = file_of(r, &file, NULL);
    if (status)
        return status;
    if (set_here(file, r->kind, r->info, &status)) {
        r->iosb->Status = status;
        r->iosb->Information = 0;
    } else {
        rw.file = file;
        status = zw_request(&rw);
    }
    ob_unref(file);
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwQueryInformationFile(HANDLE h, PIO_STATUS_BLOCK iosb, PVOID info,
                                                ULONG length, ULONG kind)
{
    return query(&(struct request){h, iosb, info, length, kind, KernelMode});
}

NT_EXPORT NTSTATUS NTAPI NtQueryInformationFile(HANDLE h, PIO_STATUS_BLOCK iosb, PVOID info,
                                                ULONG length, ULONG kind)
{
    KPROCESSOR_MODE mode = ps_previous_mode();

    if (!zw_probe(mode, iosb, sizeof *iosb) || !zw_probe(mode, info, length))
        return STATUS_ACCESS_VIOLATION;
    return query(&(struct request){h, iosb, info, length, kind, mode});
}

NT_EXPORT NTSTATUS NTAPI ZwSetInformationFile(HANDLE h, PIO_STATUS_BLOCK iosb, PVOID info,
                                              ULONG length, ULONG kind)
{
    return set(&(struct request){h, iosb, info, length, kind, KernelMode});
}

NT_EXPORT NTSTATUS NTAPI NtSetInformationFile(HANDLE h, PIO_STATUS_BLOCK iosb, PVOID info,
                                              ULONG length, ULONG kind)
{
    KPROCESSOR_MODE mode = ps_previous_mode();

    if (!zw_probe(mode, iosb, sizeof *iosb) || !zw_probe(mode, info, length))
        return STATUS_ACCESS_VIOLATION;
    return set(&(struct request){h, iosb, info, length, kind, mode});
}

/* ---- Volumes ---- */

static const uint8_t volume_sizes[] = {0,    0x18, 0,    0x18, 8,    0x10,
                                       0x30, 0x20, 0x40, 0xC,  0x10, 0x1C};

NT_EXPORT NTSTATUS NTAPI ZwQueryVolumeInformationFile(HANDLE h, PIO_STATUS_BLOCK iosb, PVOID info,
                                                      ULONG length, ULONG kind)
{
    struct request r = {h, iosb, info, length, kind, KernelMode};
    struct io_rw rw = {.major = IRP_MJ_QUERY_VOLUME_INFORMATION,
                       .out = info,
                       .out_size = length,
                       .info_class = kind,
                       .iosb = iosb};
    FILE_FS_DEVICE_INFORMATION *device = info;
    void *file;
    NTSTATUS status;

    if (kind >= PP_COUNT(volume_sizes) || !volume_sizes[kind])
        return STATUS_INVALID_INFO_CLASS;
    if (length < volume_sizes[kind])
        return STATUS_INFO_LENGTH_MISMATCH;
    status = file_of(&r, &file, NULL);
    if (status)
        return status;
    rw.file = file;
    if (kind == FileFsDeviceInformation) { /* known without the driver */
        device->DeviceType = rw.file->DeviceObject->DeviceType;
        device->Characteristics =
            rw.file->DeviceObject->Characteristics |
            (rw.file->DeviceObject->Vpb ? 0x20u : 0); /* FILE_DEVICE_IS_MOUNTED */
        iosb->Status = STATUS_SUCCESS;
        iosb->Information = sizeof *device;
    } else {
        status = zw_request(&rw);
    }
    ob_unref(file);
    return status;
}

/* ---- By file object ---- */

NT_EXPORT NTSTATUS NTAPI IoQueryFileInformation(PFILE_OBJECT file, ULONG kind, ULONG length,
                                                PVOID info, PULONG ret_length)
{
    IO_STATUS_BLOCK iosb = {0};
    struct io_rw rw = {.file = file,
                       .major = IRP_MJ_QUERY_INFORMATION,
                       .out = info,
                       .out_size = length,
                       .info_class = kind,
                       .iosb = &iosb};
    NTSTATUS status = zw_request(&rw);

    *ret_length = (ULONG)iosb.Information;
    return status;
}

NT_EXPORT NTSTATUS NTAPI IoQueryVolumeInformation(PFILE_OBJECT file, ULONG kind, ULONG length,
                                                  PVOID info, PULONG ret_length)
{
    IO_STATUS_BLOCK iosb = {0};
    struct io_rw rw = {.file = file,
                       .major = IRP_MJ_QUERY_VOLUME_INFORMATION,
                       .out = info,
                       .out_size = length,
                       .info_class = kind,
                       .iosb = &iosb};
    NTSTATUS status = zw_request(&rw);

    *ret_length = (ULONG)iosb.Information;
    return status;
}

NT_EXPORT NTSTATUS NTAPI IoSetInformation(PFILE_OBJECT file, ULONG kind, ULONG length, PVOID info)
{
    IO_STATUS_BLOCK iosb = {0};
    struct io_rw rw = {.file = file,
                       .major = IRP_MJ_SET_INFORMATION,
                       .in = info,
                       .in_size = length,
                       .info_class = kind,
                       .iosb = &iosb,
                       .prepare = set_prepare};

    return zw_request(&rw);
}

NT_EXPORT NTSTATUS NTAPI FsRtlGetFileSize(PFILE_OBJECT file, PLARGE_INTEGER ret)
{
    FILE_STANDARD_INFORMATION info = {0};
    NTSTATUS status = zw_query_file(file, FileStandardInformation, &info, sizeof info);

    if (status)
        return status;
    if (info.Directory)
        return STATUS_FILE_IS_A_DIRECTORY;
    *ret = info.EndOfFile;
    return STATUS_SUCCESS;
}

/* ---- By name ---- */

NTSTATUS NTAPI ZwOpenFile(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                          PIO_STATUS_BLOCK iosb, ULONG share, ULONG options);

NT_EXPORT NTSTATUS NTAPI ZwQueryFullAttributesFile(POBJECT_ATTRIBUTES attr,
                                                   FILE_NETWORK_OPEN_INFORMATION *info)
{
    FILE_NETWORK_OPEN_INFORMATION own = {0};
    IO_STATUS_BLOCK iosb = {0};
    void *file;
    HANDLE h = NULL;
    NTSTATUS status = ZwOpenFile(&h, FILE_READ_ATTRIBUTES | SYNCHRONIZE, attr, &iosb, 7,
                                 FILE_SYNCHRONOUS_IO_NONALERT);

    if (!NT_SUCCESS(status))
        return status;
    status = ob_handle_ref(h, ob_type_file, &file);
    if (!status) {
        status = zw_query_file(file, FileNetworkOpenInformation, &own, sizeof own);
        ob_unref(file);
    }
    (void)ob_handle_close(h); /* our own handle */
    if (!status)
        *info = own;
    return status;
}
