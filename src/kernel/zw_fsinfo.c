/*
 * Queries of the in-memory file system: files, directories, the volume.
 *
 * Doc: [MS-FSCC] 2.4 (file information), 2.5 (volume information); ntifs.h,
 * "IRP_MJ_DIRECTORY_CONTROL".
 */
#include "kernel/zw_fs.h"

#include <string.h>

enum { UNIT = 4096 };

static uint64_t allocation_of(const struct fs_node *n)
{
    return pp_align_up(PP_MAX(n->size, n->allocation), UNIT);
}

/* ---- One file ---- */

static void fill_basic(const struct fs_node *n, FILE_BASIC_INFORMATION *i)
{
    i->CreationTime.QuadPart = (LONGLONG)n->created;
    i->LastAccessTime.QuadPart = (LONGLONG)n->accessed;
    i->LastWriteTime.QuadPart = (LONGLONG)n->written;
    i->ChangeTime.QuadPart = (LONGLONG)n->changed;
    i->FileAttributes = n->attributes;
}

static void fill_standard(const struct fs_node *n, FILE_STANDARD_INFORMATION *i)
{
    i->AllocationSize.QuadPart = (LONGLONG)allocation_of(n);
    i->EndOfFile.QuadPart = (LONGLONG)n->size;
    i->NumberOfLinks = n->delete_pending ? 0 : 1;
    i->DeletePending = n->delete_pending;
    i->Directory = n->is_directory;
}

static void fill_network(const struct fs_node *n, FILE_NETWORK_OPEN_INFORMATION *i)
{
    FILE_BASIC_INFORMATION basic;

    fill_basic(n, &basic);
    i->CreationTime = basic.CreationTime;
    i->LastAccessTime = basic.LastAccessTime;
    i->LastWriteTime = basic.LastWriteTime;
    i->ChangeTime = basic.ChangeTime;
    i->AllocationSize.QuadPart = (LONGLONG)allocation_of(n);
    i->EndOfFile.QuadPart = (LONGLONG)n->size;
    i->FileAttributes = n->attributes;
}

/* As much of the name as fits behind its length. Returns bytes used. */
static NTSTATUS fill_name(const struct fs_node *n, FILE_NAME_INFORMATION *i, size_t room,
                          size_t *ret_used)
{
    WCHAR path[1024];
    size_t size = fs_path(n, path, PP_COUNT(path)) * sizeof *path,
           head = offsetof(FILE_NAME_INFORMATION, FileName);
    size_t fits = PP_MIN(size, room - head);

    i->FileNameLength = (ULONG)size;
    memcpy(i->FileName, path, fits);
    *ret_used = head + fits;
    return fits < size ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

static NTSTATUS fill_all(struct fs_open *o, FILE_ALL_INFORMATION *i, size_t room, size_t *ret_used)
{
    NTSTATUS status;
    size_t head = offsetof(FILE_ALL_INFORMATION, NameInformation);

    memset(i, 0, head);
    fill_basic(o->node, &i->BasicInformation);
    fill_standard(o->node, &i->StandardInformation);
    i->InternalInformation.IndexNumber.QuadPart = (LONGLONG)o->node->id;
    i->AccessInformation.AccessFlags = o->access;
    i->PositionInformation.CurrentByteOffset = o->file->CurrentByteOffset;
    i->ModeInformation.Mode = o->options & 0x103E;
    status = fill_name(o->node, &i->NameInformation, room - head, ret_used);
    *ret_used += head;
    return status;
}

NTSTATUS fs_query_file(struct fs_open *o, IRP *irp, IO_STACK_LOCATION *s)
{
    union {
        FILE_BASIC_INFORMATION basic;
        FILE_STANDARD_INFORMATION standard;
        FILE_NETWORK_OPEN_INFORMATION network;
        FILE_ATTRIBUTE_TAG_INFORMATION tag;
        LARGE_INTEGER large;
        ULONG word;
    } i = {0};
    void *buffer = irp->AssociatedIrp.SystemBuffer;
    size_t room = s->Parameters.QueryFile.Length, size = 0;
    NTSTATUS status;

    switch (s->Parameters.QueryFile.FileInformationClass) {
    case FileBasicInformation:
        fill_basic(o->node, &i.basic);
        size = sizeof i.basic;
        break;
    case FileStandardInformation:
        fill_standard(o->node, &i.standard);
        size = sizeof i.standard;
        break;
    case FileNetworkOpenInformation:
        fill_network(o->node, &i.network);
        size = sizeof i.network;
        break;
    case FileInternalInformation:
        i.large.QuadPart = (LONGLONG)o->node->id;
        size = 8;
        break;
    case FilePositionInformation:
        i.large = o->file->CurrentByteOffset;
        size = 8;
        break;
    case FileEaInformation:
        size = 4;
        break;
    case FileAlignmentInformation:
        size = 4;
        break;
    case FileAccessInformation:
        i.word = o->access;
        size = 4;
        break;
    case FileModeInformation:
        i.word = o->options & 0x103E;
        size = 4;
        break;
    case FileAttributeTagInformation:
        i.tag.FileAttributes = o->node->attributes;
        size = sizeof i.tag;
        break;
    case FileNameInformation:
    case FileNormalizedNameInformation:
        if (room < sizeof(FILE_NAME_INFORMATION))
            return STATUS_INFO_LENGTH_MISMATCH;
        status = fill_name(o->node, buffer, room, &irp->IoStatus.Information);
        return status;
    case FileAllInformation:
        if (room < sizeof(FILE_ALL_INFORMATION))
            return STATUS_INFO_LENGTH_MISMATCH;
        return fill_all(o, buffer, room, &irp->IoStatus.Information);
    default:
        return STATUS_INVALID_PARAMETER;
    }
    if (room < size)
        return STATUS_INFO_LENGTH_MISMATCH;
    memcpy(buffer, &i, size);
    irp->IoStatus.Information = size;
    return STATUS_SUCCESS;
}

/* ---- Changes ---- */

/* 0: leave it; -1: stop updating it by itself, which nothing here does anyway. */
static void set_time(uint64_t *to, const LARGE_INTEGER *from)
{
    if (from->QuadPart > 0)
        *to = (uint64_t)from->QuadPart;
}

static NTSTATUS set_basic(struct fs_node *n, const FILE_BASIC_INFORMATION *i)
{
    if (i->FileAttributes & FILE_ATTRIBUTE_DIRECTORY && !n->is_directory)
        return STATUS_INVALID_PARAMETER;
    set_time(&n->created, &i->CreationTime);
    set_time(&n->accessed, &i->LastAccessTime);
    set_time(&n->written, &i->LastWriteTime);
    set_time(&n->changed, &i->ChangeTime);
    if (i->FileAttributes)
        n->attributes =
            (i->FileAttributes & 0x2127u) | (n->is_directory ? FILE_ATTRIBUTE_DIRECTORY : 0);
    return STATUS_SUCCESS;
}

static NTSTATUS set_disposition(struct fs_node *n, bool remove)
{
    if (remove && n->attributes & FILE_ATTRIBUTE_READONLY)
        return STATUS_CANNOT_DELETE;
    if (remove && n->is_directory && !pp_list_is_empty(&n->children))
        return STATUS_DIRECTORY_NOT_EMPTY;
    if (remove && !n->parent)
        return STATUS_CANNOT_DELETE;
    n->delete_pending = remove;
    return STATUS_SUCCESS;
}

static NTSTATUS rename_to(struct fs_node *n, struct fs_node *parent, const WCHAR *name,
                          size_t chars)
{
    WCHAR *copy = pp_new((chars + 1) * sizeof *copy);

    if (!copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(copy, name, chars * sizeof *copy);
    pp_free(n->name);
    n->name = copy;
    n->chars = chars;
    pp_list_remove(&n->link);
    n->parent = parent;
    pp_list_push_back(&parent->children, &n->link);
    n->changed = ke_time_system();
    return STATUS_SUCCESS;
}

/* A full name has its device in front, which the I/O manager resolved into a file object of the
 * directory. */
static NTSTATUS set_rename(struct fs_open *o, const FILE_RENAME_INFORMATION *i, size_t room,
                           bool replace)
{
    static const WCHAR prefix[] = u"\\??\\C:";
    const WCHAR *name = i->FileName, *last = NULL;
    size_t chars = i->FileNameLength / sizeof *name, last_chars = 0;
    struct fs_node *from = o->node->parent, *n, *parent = NULL;
    NTSTATUS status;

    if (i->FileNameLength > room - offsetof(FILE_RENAME_INFORMATION, FileName) || !chars || !from)
        return STATUS_INVALID_PARAMETER;
    if (name[0] == '\\') {
        from = fs_root();
        if (chars > PP_COUNT(prefix) - 1 && !memcmp(name, prefix, sizeof prefix - sizeof *prefix)) {
            name += PP_COUNT(prefix) - 1;
            chars -= PP_COUNT(prefix) - 1;
        }
    }
    n = fs_walk(from, name, chars, &parent, &last, &last_chars, &status);
    if (n && n != o->node) {
        if (!replace)
            return STATUS_OBJECT_NAME_COLLISION;
        if (n->is_directory || n->opens || n->attributes & FILE_ATTRIBUTE_READONLY)
            return STATUS_ACCESS_DENIED;
        parent = n->parent;
        last = n->name;
        last_chars = n->chars;
        status = rename_to(o->node, parent, last, last_chars);
        if (!status) { /* no file object refers to it */
            pp_list_remove(&n->link);
            pp_free(n->data);
            pp_free(n->name);
            if (n->header)
                ex_free_kernel(n->header);
            pp_free(n);
        }
        return status;
    }
    if (n)
        return STATUS_SUCCESS;
    return status == STATUS_OBJECT_NAME_NOT_FOUND ? rename_to(o->node, parent, last, last_chars)
                                                  : status;
}

static NTSTATUS set_size(struct fs_node *n, int64_t size)
{
    NTSTATUS status;

    if (n->is_directory || size < 0)
        return STATUS_INVALID_PARAMETER;
    status = fs_resize(n, (uint64_t)size);
    if (!status)
        fs_touch(n, true);
    return status;
}

static NTSTATUS set_allocation(struct fs_node *n, int64_t size)
{
    if (n->is_directory || size < 0)
        return STATUS_INVALID_PARAMETER;
    n->allocation = (uint64_t)size;
    return (uint64_t)size < n->size ? set_size(n, size) : STATUS_SUCCESS;
}

NTSTATUS fs_set_file(struct fs_open *o, IRP *irp, IO_STACK_LOCATION *s)
{
    const void *buffer = irp->AssociatedIrp.SystemBuffer;
    size_t room = s->Parameters.SetFile.Length;
    ULONG kind = s->Parameters.SetFile.FileInformationClass;
    size_t need = kind == FileBasicInformation         ? sizeof(FILE_BASIC_INFORMATION)
                  : kind == FileDispositionInformation ? 1
                  : kind == FileDispositionInformationEx || kind == FileModeInformation ? 4
                  : kind == FileRenameInformation || kind == FileRenameInformationEx
                      ? offsetof(FILE_RENAME_INFORMATION, FileName)
                      : 8;
    int64_t value = room >= 8 && need == 8 ? (int64_t)pp_load64(buffer) : 0;

    if (room < need)
        return STATUS_INFO_LENGTH_MISMATCH;
    switch (kind) {
    case FileBasicInformation:
        return set_basic(o->node, buffer);
    case FileDispositionInformation:
        return set_disposition(o->node, *(const UCHAR *)buffer);
    case FileDispositionInformationEx:
        return set_disposition(o->node, pp_load32(buffer) & 1);
    case FileRenameInformation:
        return set_rename(o, buffer, room,
                          ((const FILE_RENAME_INFORMATION *)buffer)->ReplaceIfExists);
    case FileRenameInformationEx:
        return set_rename(o, buffer, room, ((const FILE_RENAME_INFORMATION *)buffer)->Flags & 1);
    case FilePositionInformation:
        if (value < 0)
            return STATUS_INVALID_PARAMETER;
        o->file->CurrentByteOffset.QuadPart = value;
        return STATUS_SUCCESS;
    case FileEndOfFileInformation:
        return set_size(o->node, value);
    case FileAllocationInformation:
        return set_allocation(o->node, value);
    case FileValidDataLengthInformation:
        return value < 0 || (uint64_t)value > o->node->size ? STATUS_INVALID_PARAMETER
                                                            : STATUS_SUCCESS;
    case FileModeInformation:
        o->options = (o->options & ~0x103Eu) | (pp_load32(buffer) & 0x103Eu);
        return STATUS_SUCCESS;
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

/* ---- The volume ---- */

NTSTATUS fs_query_volume(struct fs_open *o, IRP *irp, IO_STACK_LOCATION *s)
{
    static const WCHAR label[] = u"System", fs_name[] = u"NTFS";
    union {
        FILE_FS_VOLUME_INFORMATION volume;
        FILE_FS_SIZE_INFORMATION size;
        FILE_FS_FULL_SIZE_INFORMATION full;
        FILE_FS_DEVICE_INFORMATION device;
        FILE_FS_ATTRIBUTE_INFORMATION attribute;
        uint8_t bytes[64];
    } i = {0};
    size_t room = s->Parameters.QueryVolume.Length, need, fixed;

    (void)o;
    switch (s->Parameters.QueryVolume.FsInformationClass) {
    case FileFsVolumeInformation:
        i.volume.VolumeCreationTime.QuadPart = (LONGLONG)fs_root()->created;
        i.volume.VolumeSerialNumber = 0x5F0F1CE5;
        i.volume.VolumeLabelLength = sizeof label - 2;
        i.volume.SupportsObjects = TRUE;
        fixed = offsetof(FILE_FS_VOLUME_INFORMATION, VolumeLabel);
        memcpy(i.bytes + fixed, label, sizeof label - 2);
        need = fixed + sizeof label - 2;
        break;
    case FileFsSizeInformation:
        i.size.TotalAllocationUnits.QuadPart = 64LL << 18; /* 64 GB */
        i.size.AvailableAllocationUnits.QuadPart = 32LL << 18;
        i.size.SectorsPerAllocationUnit = UNIT / 512;
        i.size.BytesPerSector = 512;
        need = fixed = sizeof i.size;
        break;
    case FileFsFullSizeInformation:
        i.full.TotalAllocationUnits.QuadPart = 64LL << 18;
        i.full.CallerAvailableAllocationUnits.QuadPart =
            i.full.ActualAvailableAllocationUnits.QuadPart = 32LL << 18;
        i.full.SectorsPerAllocationUnit = UNIT / 512;
        i.full.BytesPerSector = 512;
        need = fixed = sizeof i.full;
        break;
    case FileFsDeviceInformation:
        i.device.DeviceType = FILE_DEVICE_DISK;
        i.device.Characteristics = 0x20; /* FILE_DEVICE_IS_MOUNTED */
        need = fixed = sizeof i.device;
        break;
    case FileFsAttributeInformation:
        i.attribute.FileSystemAttributes = 0x6; /* case preserved, Unicode */
        i.attribute.MaximumComponentNameLength = 255;
        i.attribute.FileSystemNameLength = sizeof fs_name - 2;
        fixed = offsetof(FILE_FS_ATTRIBUTE_INFORMATION, FileSystemName);
        memcpy(i.bytes + fixed, fs_name, sizeof fs_name - 2);
        need = fixed + sizeof fs_name - 2;
        break;
    default:
        return STATUS_INVALID_PARAMETER;
    }
    if (room < fixed)
        return STATUS_INFO_LENGTH_MISMATCH;
    memcpy(irp->AssociatedIrp.SystemBuffer, &i, PP_MIN(room, need));
    irp->IoStatus.Information = PP_MIN(room, need);
    return room < need ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

/* ---- Directories ---- */

/* Where a class has the fields that not all share; 0: it has none. */
struct shape {
    ULONG kind;
    uint8_t name_at, length_at, id_at, times;
};
static const struct shape shapes[] = {
    {FileDirectoryInformation, offsetof(FILE_DIRECTORY_INFORMATION, FileName), 0x3C, 0, 1},
    {FileFullDirectoryInformation, offsetof(FILE_FULL_DIR_INFORMATION, FileName), 0x3C, 0, 1},
    {FileBothDirectoryInformation, offsetof(FILE_BOTH_DIR_INFORMATION, FileName), 0x3C, 0, 1},
    {FileIdBothDirectoryInformation, offsetof(FILE_ID_BOTH_DIR_INFORMATION, FileName), 0x3C, 0x60,
     1},
    {FileIdFullDirectoryInformation, 0x50, 0x3C, 0x48, 1},
    {FileNamesInformation, offsetof(FILE_NAMES_INFORMATION, FileName), 0x8, 0, 0},
};

/* Entry `index` of a scan: "." and ".." first, except in the root. */
static const struct fs_node *scan_entry(const struct fs_node *dir, uint32_t index,
                                        const WCHAR **ret_name, size_t *ret_chars)
{
    const struct fs_node *n;

    if (dir->parent && index < 2) {
        *ret_name = u"..";
        *ret_chars = index + 1;
        return index ? dir->parent : dir;
    }
    n = fs_child_at((struct fs_node *)(uintptr_t)dir, dir->parent ? index - 2 : index);
    if (n) {
        *ret_name = n->name;
        *ret_chars = n->chars;
    }
    return n;
}

static void put_entry(uint8_t *at, const struct shape *shape, const struct fs_node *n,
                      const WCHAR *name, size_t fits, size_t chars)
{
    memset(at, 0, shape->name_at);
    if (shape->times) {
        FILE_DIRECTORY_INFORMATION *d = (FILE_DIRECTORY_INFORMATION *)at;

        d->CreationTime.QuadPart = (LONGLONG)n->created;
        d->LastAccessTime.QuadPart = (LONGLONG)n->accessed;
        d->LastWriteTime.QuadPart = (LONGLONG)n->written;
        d->ChangeTime.QuadPart = (LONGLONG)n->changed;
        d->EndOfFile.QuadPart = (LONGLONG)n->size;
        d->AllocationSize.QuadPart = (LONGLONG)allocation_of(n);
        d->FileAttributes = n->attributes;
    }
    *(ULONG *)(at + shape->length_at) = (ULONG)(chars * sizeof *name);
    if (shape->id_at)
        memcpy(at + shape->id_at, &n->id, sizeof n->id);
    memcpy(at + shape->name_at, name, fits);
}

/* The pattern of the first query stays for the whole scan. */
static NTSTATUS scan_begin(struct fs_open *o, const IO_STACK_LOCATION *s)
{
    const UNICODE_STRING *name = s->Parameters.QueryDirectory.FileName;

    if (s->Flags & SL_RESTART_SCAN)
        o->scan_index = 0;
    if (o->pattern && !(s->Flags & SL_RESTART_SCAN && name && name->Length))
        return STATUS_SUCCESS;
    pp_free(o->pattern);
    o->pattern_chars = name && name->Length ? name->Length / 2u : 1;
    o->pattern = pp_new((o->pattern_chars + 1) * sizeof(WCHAR));
    if (!o->pattern)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(o->pattern, name && name->Length ? name->Buffer : u"*",
           o->pattern_chars * sizeof(WCHAR));
    return STATUS_SUCCESS;
}

NTSTATUS fs_query_directory(struct fs_open *o, IRP *irp, IO_STACK_LOCATION *s)
{
    const struct shape *shape = NULL;
    uint8_t *buffer = irp->UserBuffer ? irp->UserBuffer : irp->AssociatedIrp.SystemBuffer,
            *last = NULL;
    size_t room = s->Parameters.QueryDirectory.Length, used = 0;
    bool is_first = !o->pattern;
    NTSTATUS status;

    if (!o->node->is_directory)
        return STATUS_INVALID_PARAMETER;
    for (size_t i = 0; i < PP_COUNT(shapes); i++)
        if (shapes[i].kind == s->Parameters.QueryDirectory.FileInformationClass)
            shape = &shapes[i];
    if (!shape)
        return STATUS_INVALID_INFO_CLASS;
    if (room < shape->name_at)
        return STATUS_INFO_LENGTH_MISMATCH;
    status = scan_begin(o, s);
    while (!status) {
        const WCHAR *name = NULL;
        size_t chars = 0, at = pp_align_up(used, 8), fits;
        const struct fs_node *n = scan_entry(o->node, o->scan_index, &name, &chars);

        if (!n || (last && s->Flags & SL_RETURN_SINGLE_ENTRY))
            break;
        if (!fsrtl_match(o->pattern, o->pattern_chars, name, chars, true)) {
            o->scan_index++;
            continue;
        }
        if (last && at + shape->name_at + chars * 2 > room)
            break;
        fits = PP_MIN(chars * 2, room - at - shape->name_at);
        if (fits < chars * 2)
            status = STATUS_BUFFER_OVERFLOW;
        put_entry(buffer + at, shape, n, name, fits, chars);
        if (last)
            *(ULONG *)last = (ULONG)(buffer + at - last);
        last = buffer + at;
        used = at + shape->name_at + fits;
        o->scan_index++;
    }
    irp->IoStatus.Information = used;
    if (!last && !status)
        return is_first ? STATUS_NO_SUCH_FILE : STATUS_NO_MORE_FILES;
    return status;
}
