/*
 * The in-memory file system behind C:. A driver object of our own (\Driver\poolfs) owns the device
 * \Device\HarddiskVolume1; requests reach it as IRPs, through whatever a driver attached on top.
 *
 * It has a few directories at the start and nothing in them; what drivers write lives until the
 * machine ends. Behaves as NTFS does where drivers look: sharing, dispositions, delete on close,
 * times.
 *
 * Doc: WDK, "IRP_MJ_CREATE (IFS)", "IRP_MJ_CLEANUP", "IRP_MJ_READ"; ZwCreateFile.
 * Not yet: byte-range locks, change notification, extended attributes, streams, links: each is
 * refused with the status a file system without them gives.
 */
#include "kernel/zw_fs.h"

#include <errno.h>
#include <string.h>

enum { FILE_MAX = 256 << 20, NAME_MAX_CHARS = 255 };

static struct {
    struct fs_node *root;
    struct pp_list opens;
    uint64_t next_id;
    DEVICE_OBJECT *device;
} g;

/* Exports of the I/O manager used natively. */
NTSTATUS NTAPI IoCheckShareAccess(ACCESS_MASK access, ULONG share, PFILE_OBJECT file,
                                  PSHARE_ACCESS a, BOOLEAN update);
VOID NTAPI IoRemoveShareAccess(PFILE_OBJECT file, PSHARE_ACCESS a);
PVOID NTAPI MmMapLockedPagesSpecifyCache(PMDL mdl, KPROCESSOR_MODE mode, MEMORY_CACHING_TYPE cache,
                                         PVOID at, ULONG bug_check, ULONG priority);

/* ---- The tree ---- */

struct fs_node *fs_root(void)
{
    return g.root;
}

struct fs_node *fs_child(struct fs_node *dir, const WCHAR *name, size_t chars)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &dir->children)
    {
        struct fs_node *n = PP_CONTAINER(it, struct fs_node, link);
        size_t i = 0;

        while (n->chars == chars && i < chars && rtl_upcase(n->name[i]) == rtl_upcase(name[i]))
            i++;
        if (n->chars == chars && i == chars)
            return n;
    }
    return NULL;
}

struct fs_node *fs_child_at(struct fs_node *dir, uint32_t index)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &dir->children)
    if (!index--)
        return PP_CONTAINER(it, struct fs_node, link);
    return NULL;
}

struct fs_node *fs_node_new(struct fs_node *parent, const WCHAR *name, size_t chars,
                            bool is_directory)
{
    struct fs_node *n = pp_new(sizeof *n);

    if (!n)
        return NULL;
    n->name = pp_new((chars + 1) * sizeof *name);
    if (!n->name) {
        pp_free(n);
        return NULL;
    }
    memcpy(n->name, name, chars * sizeof *name);
    n->chars = chars;
    n->is_directory = is_directory;
    n->attributes = is_directory ? FILE_ATTRIBUTE_DIRECTORY : FILE_ATTRIBUTE_ARCHIVE;
    n->id = ++g.next_id;
    n->created = n->accessed = n->written = n->changed = ke_time_system();
    pp_list_init(&n->link);
    pp_list_init(&n->children);
    n->parent = parent;
    if (parent)
        pp_list_push_back(&parent->children, &n->link);
    return n;
}

static void node_free(struct fs_node *n)
{
    if (n->header)
        ex_free_kernel(n->header);
    pp_free(n->data);
    pp_free(n->name);
    pp_free(n);
}

void fs_touch(struct fs_node *n, bool written)
{
    n->accessed = ke_time_system();
    if (written)
        n->written = n->changed = n->accessed;
}

NTSTATUS fs_resize(struct fs_node *n, uint64_t size)
{
    if (size > FILE_MAX)
        return STATUS_DISK_FULL;
    if (size > n->room) {
        size_t room = pp_align_up(PP_MAX(size, n->room * 2), 64);
        uint8_t *data = pp_resize(n->data, room);

        if (!data)
            return STATUS_DISK_FULL;
        n->data = data;
        n->room = room;
    }
    if (size > n->size)
        memset(n->data + n->size, 0, size - n->size);
    n->size = size;
    if (n->header) {
        n->header->FileSize.QuadPart = n->header->ValidDataLength.QuadPart = (LONGLONG)size;
        n->header->AllocationSize.QuadPart = (LONGLONG)pp_align_up(size, PP_PAGE_SIZE);
    }
    return STATUS_SUCCESS;
}

size_t fs_path(const struct fs_node *n, WCHAR *buf, size_t chars)
{
    const struct fs_node *i;
    size_t need = 0, at;

    for (i = n; i->parent; i = i->parent)
        need += i->chars + 1;
    if (!need) {
        buf[0] = '\\';
        buf[1] = 0;
        return 1;
    }
    if (need >= chars)
        return 0;
    at = need;
    buf[at] = 0;
    for (i = n; i->parent; i = i->parent) {
        at -= i->chars;
        memcpy(buf + at, i->name, i->chars * sizeof *buf);
        buf[--at] = '\\';
    }
    return need;
}

static bool is_bad_name(const WCHAR *name, size_t chars)
{
    static const char bad[] = "\"*/:<>?|";

    if (chars > NAME_MAX_CHARS)
        return true;
    for (size_t i = 0; i < chars; i++)
        if (name[i] < 0x20 || (name[i] < 0x80 && strchr(bad, name[i])))
            return true;
    return false;
}

struct fs_node *fs_walk(struct fs_node *from, const WCHAR *path, size_t chars,
                        struct fs_node **ret_parent, const WCHAR **ret_last, size_t *ret_last_chars,
                        NTSTATUS *ret_status)
{
    const WCHAR *end = path + chars;

    *ret_status = STATUS_SUCCESS;
    /* Seen: NTFS puts up with two backslashes at either end, and with one anywhere else. */
    for (unsigned i = 0; i < 2 && end > path && *path == '\\'; i++)
        path++;
    for (unsigned i = 0; i < 2 && end > path && end[-1] == '\\'; i++)
        end--;
    if (path == end && chars > 2) {
        *ret_status = STATUS_OBJECT_NAME_INVALID;
        return NULL;
    }
    while (path < end) {
        const WCHAR *name = path;
        struct fs_node *n;

        while (path < end && *path != '\\')
            path++;
        if (path == name || is_bad_name(name, (size_t)(path - name))) {
            *ret_status = STATUS_OBJECT_NAME_INVALID;
            return NULL;
        }
        n = from->is_directory ? fs_child(from, name, (size_t)(path - name)) : NULL;
        if (!n) {
            *ret_parent = from;
            *ret_last = name;
            *ret_last_chars = (size_t)(path - name);
            *ret_status = path == end && from->is_directory ? STATUS_OBJECT_NAME_NOT_FOUND
                                                            : STATUS_OBJECT_PATH_NOT_FOUND;
            return NULL;
        }
        from = n;
        if (path < end)
            path++;
    }
    return from;
}

/* ---- File objects ---- */

struct fs_open *fs_open_of(const FILE_OBJECT *file)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.opens)
    if (PP_CONTAINER(it, struct fs_open, link)->file == file)
        return PP_CONTAINER(it, struct fs_open, link);
    return NULL;
}

static NTSTATUS open_new(struct fs_node *n, FILE_OBJECT *file, const IO_STACK_LOCATION *s,
                         bool is_volume)
{
    struct fs_open *o = pp_new(sizeof *o);
    ULONG options = s->Parameters.Create.Options & 0xFFFFFF;

    if (!o)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!n->header) {
        n->header = ex_alloc_kernel(sizeof *n->header, "FsFc", false);
        n->header->NodeTypeCode = 0x0702;
        n->header->NodeByteSize = sizeof *n->header;
        (void)fs_resize(n, n->size); /* the same size: only the header is brought up to date */
    }
    *o = (struct fs_open){.file = file,
                          .node = n,
                          .is_volume = is_volume,
                          .delete_on_close = options & FILE_DELETE_ON_CLOSE,
                          .options = options};
    if (s->Parameters.Create.SecurityContext)
        o->access = s->Parameters.Create.SecurityContext->DesiredAccess;
    o->access = ob_map_access(ob_type_file, o->access);
    n->opens++;
    n->refs++;
    file->FsContext = n->header;
    pp_list_push_back(&g.opens, &o->link);
    return STATUS_SUCCESS;
}

static void unlink_node(struct fs_node *n)
{
    pp_list_remove(&n->link);
    n->parent = NULL;
}

/* ---- IRP_MJ_CREATE ---- */

/* The node exists: may it be opened like this, and what happens to what it holds? */
static NTSTATUS open_existing(struct fs_node *n, FILE_OBJECT *file, IO_STACK_LOCATION *s,
                              bool is_volume, ULONG_PTR *info)
{
    ULONG options = s->Parameters.Create.Options & 0xFFFFFF,
          disposition = s->Parameters.Create.Options >> 24;
    ACCESS_MASK access =
        ob_map_access(ob_type_file, s->Parameters.Create.SecurityContext
                                        ? s->Parameters.Create.SecurityContext->DesiredAccess
                                        : 0);
    bool truncates = disposition == FILE_SUPERSEDE || disposition == FILE_OVERWRITE ||
                     disposition == FILE_OVERWRITE_IF;
    NTSTATUS status;

    *info = FILE_EXISTS;
    if (n->delete_pending)
        return STATUS_DELETE_PENDING;
    if (disposition == FILE_CREATE)
        return STATUS_OBJECT_NAME_COLLISION;
    if (options & FILE_DIRECTORY_FILE && !n->is_directory)
        return STATUS_NOT_A_DIRECTORY;
    if (options & FILE_NON_DIRECTORY_FILE && n->is_directory && !is_volume)
        return STATUS_FILE_IS_A_DIRECTORY;
    if (truncates && n->is_directory)
        return n->parent ? STATUS_OBJECT_NAME_COLLISION : STATUS_ACCESS_DENIED;
    if (n->attributes & FILE_ATTRIBUTE_READONLY && !n->is_directory &&
        (truncates || access & (FILE_WRITE_DATA | FILE_APPEND_DATA)))
        return STATUS_ACCESS_DENIED;
    if (n->attributes & FILE_ATTRIBUTE_READONLY && options & FILE_DELETE_ON_CLOSE)
        return STATUS_CANNOT_DELETE;
    status = IoCheckShareAccess(access, s->Parameters.Create.ShareAccess, file, &n->share, TRUE);
    if (status)
        return status;
    status = open_new(n, file, s, is_volume);
    if (status) {
        IoRemoveShareAccess(file, &n->share);
        return status;
    }
    *info = FILE_OPENED;
    if (truncates) {
        *info = disposition == FILE_SUPERSEDE ? FILE_SUPERSEDED : FILE_OVERWRITTEN;
        (void)fs_resize(n, 0); /* smaller always works */
        n->attributes = (s->Parameters.Create.FileAttributes & 0x27u) | FILE_ATTRIBUTE_ARCHIVE;
        fs_touch(n, true);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS create_new(struct fs_node *parent, const WCHAR *name, size_t chars,
                           FILE_OBJECT *file, IO_STACK_LOCATION *s, ULONG_PTR *info)
{
    ULONG options = s->Parameters.Create.Options & 0xFFFFFF,
          disposition = s->Parameters.Create.Options >> 24;
    struct fs_node *n;
    NTSTATUS status;

    *info = FILE_DOES_NOT_EXIST;
    if (disposition == FILE_OPEN || disposition == FILE_OVERWRITE)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (parent->delete_pending)
        return STATUS_DELETE_PENDING;
    n = fs_node_new(parent, name, chars, options & FILE_DIRECTORY_FILE);
    if (!n)
        return STATUS_INSUFFICIENT_RESOURCES;
    n->attributes |= s->Parameters.Create.FileAttributes & 0x27u;
    (void)IoCheckShareAccess(s->Parameters.Create.SecurityContext->DesiredAccess,
                             s->Parameters.Create.ShareAccess, file, &n->share,
                             TRUE); /* the first opener */
    status = open_new(n, file, s, false);
    if (status) {
        unlink_node(n);
        node_free(n);
        return status;
    }
    fs_touch(parent, true);
    *info = FILE_CREATED;
    return STATUS_SUCCESS;
}

static NTSTATUS do_create(IRP *irp, IO_STACK_LOCATION *s)
{
    FILE_OBJECT *file = s->FileObject;
    struct fs_open *root = file->RelatedFileObject ? fs_open_of(file->RelatedFileObject) : NULL;
    struct fs_node *from = root ? root->node : g.root, *n, *parent = NULL;
    const WCHAR *last = NULL;
    size_t last_chars = 0;
    ULONG options = s->Parameters.Create.Options & 0xFFFFFF;
    NTSTATUS status;

    if (s->Parameters.Create.Options >> 24 > FILE_OVERWRITE_IF)
        return STATUS_INVALID_PARAMETER;
    if (file->RelatedFileObject && !root)
        return STATUS_INVALID_PARAMETER;
    if (options & FILE_DIRECTORY_FILE && options & FILE_NON_DIRECTORY_FILE)
        return STATUS_INVALID_PARAMETER;
    if (root && !root->node->is_directory && file->FileName.Length)
        return STATUS_OBJECT_PATH_NOT_FOUND;
    n = fs_walk(from, file->FileName.Buffer, file->FileName.Length / 2, &parent, &last, &last_chars,
                &status);
    if (n && !n->is_directory && file->FileName.Buffer[file->FileName.Length / 2 - 1] == '\\')
        return STATUS_OBJECT_NAME_INVALID;
    if (n)
        return open_existing(n, file, s, !file->FileName.Length && !root,
                             &irp->IoStatus.Information);
    if (status != STATUS_OBJECT_NAME_NOT_FOUND)
        return status;
    return create_new(parent, last, last_chars, file, s, &irp->IoStatus.Information);
}

/* ---- The rest of a file's life ---- */

static NTSTATUS do_cleanup(struct fs_open *o)
{
    struct fs_node *n = o->node;

    if (o->is_cleaned)
        return STATUS_SUCCESS;
    o->is_cleaned = true;
    o->file->Flags |= FO_CLEANUP_COMPLETE;
    IoRemoveShareAccess(o->file, &n->share);
    if (o->delete_on_close && (!n->is_directory || pp_list_is_empty(&n->children)))
        n->delete_pending = true;
    if (!--n->opens && n->delete_pending && n->parent) {
        fs_touch(n->parent, true);
        unlink_node(n);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS do_close(struct fs_open *o)
{
    struct fs_node *n = o->node;

    (void)do_cleanup(o); /* a stream file has none of its own */
    pp_list_remove(&o->link);
    pp_free(o->pattern);
    pp_free(o);
    if (!--n->refs && !n->parent && n != g.root)
        node_free(n);
    return STATUS_SUCCESS;
}

/* ---- Data ---- */

static void *buffer_of(IRP *irp)
{
    if (irp->MdlAddress)
        return irp->MdlAddress->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)
                   ? irp->MdlAddress->MappedSystemVa
                   : MmMapLockedPagesSpecifyCache(irp->MdlAddress, KernelMode, MmCached, NULL,
                                                  FALSE, 16);
    return irp->UserBuffer ? irp->UserBuffer : irp->AssociatedIrp.SystemBuffer;
}

static NTSTATUS do_read(struct fs_open *o, IRP *irp, IO_STACK_LOCATION *s)
{
    uint64_t at = (uint64_t)s->Parameters.Read.ByteOffset.QuadPart;
    size_t length = s->Parameters.Read.Length;

    if (o->node->is_directory)
        return STATUS_INVALID_DEVICE_REQUEST;
    if ((int64_t)at < 0)
        return STATUS_INVALID_PARAMETER;
    if (!length)
        return STATUS_SUCCESS;
    if (at >= o->node->size)
        return STATUS_END_OF_FILE;
    length = PP_MIN(length, o->node->size - (size_t)at);
    mm_copy(buffer_of(irp), o->node->data + at, length);
    fs_touch(o->node, false);
    irp->IoStatus.Information = length;
    if (o->file->Flags & FO_SYNCHRONOUS_IO && !(irp->Flags & IRP_PAGING_IO))
        o->file->CurrentByteOffset.QuadPart = (LONGLONG)(at + length);
    return STATUS_SUCCESS;
}

static NTSTATUS do_write(struct fs_open *o, IRP *irp, IO_STACK_LOCATION *s)
{
    const LARGE_INTEGER *where = &s->Parameters.Write.ByteOffset;
    bool append = where->LowPart == FILE_WRITE_TO_END_OF_FILE && where->HighPart == -1;
    uint64_t at = append ? o->node->size : (uint64_t)where->QuadPart;
    size_t length = s->Parameters.Write.Length;
    NTSTATUS status;

    if (o->node->is_directory)
        return STATUS_INVALID_DEVICE_REQUEST;
    if ((int64_t)at < 0 || at > FILE_MAX)
        return at > FILE_MAX && (int64_t)at > 0 ? STATUS_DISK_FULL : STATUS_INVALID_PARAMETER;
    if (!length)
        return STATUS_SUCCESS;
    if (irp->Flags & IRP_PAGING_IO) /* paging writes do not extend a file */
        length = at >= o->node->size ? 0 : PP_MIN(length, o->node->size - (size_t)at);
    if (at + length > o->node->size) {
        status = fs_resize(o->node, at + length);
        if (status)
            return status;
    }
    mm_copy(o->node->data + at, buffer_of(irp), length);
    fs_touch(o->node, true);
    irp->IoStatus.Information = length;
    if (o->file->Flags & FO_SYNCHRONOUS_IO && !(irp->Flags & IRP_PAGING_IO))
        o->file->CurrentByteOffset.QuadPart = (LONGLONG)(at + length);
    return STATUS_SUCCESS;
}

/* ---- Dispatch ---- */

static NTSTATUS dispatch(IRP *irp, IO_STACK_LOCATION *s)
{
    struct fs_open *o;

    if (s->MajorFunction == IRP_MJ_CREATE)
        return do_create(irp, s);
    o = s->FileObject ? fs_open_of(s->FileObject) : NULL;
    if (!o)
        return s->MajorFunction == IRP_MJ_CLEANUP || s->MajorFunction == IRP_MJ_CLOSE
                   ? STATUS_SUCCESS
                   : STATUS_INVALID_PARAMETER;
    switch (s->MajorFunction) {
    case IRP_MJ_CLEANUP:
        return do_cleanup(o);
    case IRP_MJ_CLOSE:
        return do_close(o);
    case IRP_MJ_READ:
        return do_read(o, irp, s);
    case IRP_MJ_WRITE:
        return do_write(o, irp, s);
    case IRP_MJ_FLUSH_BUFFERS:
        return STATUS_SUCCESS; /* nothing is held back */
    case IRP_MJ_QUERY_INFORMATION:
        return fs_query_file(o, irp, s);
    case IRP_MJ_SET_INFORMATION:
        return fs_set_file(o, irp, s);
    case IRP_MJ_QUERY_VOLUME_INFORMATION:
        return fs_query_volume(o, irp, s);
    case IRP_MJ_DIRECTORY_CONTROL:
        return s->MinorFunction == IRP_MN_QUERY_DIRECTORY ? fs_query_directory(o, irp, s)
                                                          : STATUS_NOT_SUPPORTED;
    case IRP_MJ_QUERY_EA:
    case IRP_MJ_SET_EA:
        return STATUS_EAS_NOT_SUPPORTED;
    default:
        return STATUS_INVALID_DEVICE_REQUEST;
    }
}

/* The address in every dispatch slot of \Driver\poolfs. */
NT_EXPORT NTSTATUS NTAPI PoolfsDispatch(PDEVICE_OBJECT device, PIRP irp)
{
    NTSTATUS status;

    (void)device;
    irp->IoStatus.Information = 0;
    status = dispatch(irp, io_stack(irp));
    irp->IoStatus.Status = status;
    io_complete(irp, 0);
    return status;
}

/* ---- Start ---- */

static const char *const directories[] = {
    "Windows",
    "Windows\\System32",
    "Windows\\System32\\drivers",
    "Windows\\System32\\config",
    "Windows\\System32\\LogFiles",
    "Windows\\Temp",
    "Windows\\INF",
    "Windows\\Minidump",
    "Windows\\SysWOW64",
    "Program Files",
    "Program Files\\Poolproof",
    "Program Files\\Common Files",
    "ProgramData",
    "Users",
    "Users\\Public",
    "Temp",
};

static int volume_new(void)
{
    UNICODE_STRING name = NT_CONST_STRING(u"\\Device\\HarddiskVolume1");
    struct io_new_device d = {.driver = io_driver_new(NULL, "poolfs"),
                              .name = &name,
                              .type = FILE_DEVICE_DISK,
                              .characteristics = FILE_DEVICE_SECURE_OPEN};
    uint64_t stub = ke_export_stub("PoolfsDispatch");

    for (unsigned i = 0; stub && i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        d.driver->MajorFunction[i] = (PDRIVER_DISPATCH)(uintptr_t)stub;
    if (io_device_new(&d, &g.device))
        return -ENOMEM;
    g.device->Flags &= ~DO_DEVICE_INITIALIZING;
    g.device->SectorSize = 512;
    return 0;
}

/* Exported variables that nobody else fills. */
static void variables_init(void)
{
    struct ke_data *d = KE_DATA;

    d->KdDebuggerNotPresent = TRUE;
    d->KdComPortInUse = &d->ComPort;
    d->KeNumberProcessors = ke_m.config.cpus;
    pp_fmt(d->NtBuildLab, sizeof d->NtBuildLab, "19041.vb_release.191206-1406");
}

int zw_init(void)
{
    WCHAR wide[128];

    variables_init();

    pp_list_init(&g.opens);
    g.root = fs_node_new(NULL, u"", 0, true);
    if (!g.root)
        return -ENOMEM;
    for (size_t i = 0; i < PP_COUNT(directories); i++) {
        size_t chars = rtl_from_utf8(directories[i], wide, PP_COUNT(wide)), last_chars = 0;
        struct fs_node *parent = NULL;
        const WCHAR *last = NULL;
        NTSTATUS status;

        if (!fs_walk(g.root, wide, chars, &parent, &last, &last_chars, &status) &&
            !fs_node_new(parent, last, last_chars, true))
            return -ENOMEM;
    }
    zw_sync_init();
    if (zw_memory_init())
        return -ENOMEM;
    return volume_new();
}
