/*
 * System services on objects of all kinds: handles, directories, symbolic links, queries,
 * duplicates.
 *
 * Zw entries are called from kernel mode and trust their pointers; Nt entries take the thread's
 * previous mode, and refuse system addresses for user mode (zw_probe).
 *
 * Doc: WDK, wdm.h and ntifs.h: ZwClose, ZwMakeTemporaryObject, ZwOpenDirectoryObject,
 * ZwQuerySymbolicLinkObject, ZwQueryObject, ZwDuplicateObject.
 */
#include "kernel/kernel_priv.h"

#include <string.h>

bool zw_probe(KPROCESSOR_MODE mode, const void *p, size_t size)
{
    return mode == KernelMode || !size || mm_is_user(KE_ARG(p), size);
}

/* ---- Names ---- */

static bool file_name(const FILE_OBJECT *file, WCHAR *buf, size_t chars)
{
    size_t used = 0, more = file->FileName.Length / sizeof(WCHAR);

    if (!file->DeviceObject || !ob_name_of(file->DeviceObject, buf, chars))
        buf[0] = 0;
    used = rtl_wcslen(buf);
    if (used + more >= chars)
        return false;
    if (more)
        memcpy(buf + used, file->FileName.Buffer, more * sizeof *buf);
    buf[used + more] = 0;
    return used + more > 0;
}

bool zw_full_name(const void *object, WCHAR *buf, size_t chars)
{
    struct ob_type *type = ob_type_of(object);

    buf[0] = 0;
    if (type == ob_type_file)
        return file_name(object, buf, chars);
    if (type == ob_type_key)
        return cm_key_name(object, buf, chars);
    return ob_name_of(object, buf, chars);
}

/* ---- Handles ---- */

NT_EXPORT NTSTATUS NTAPI ZwClose(HANDLE h)
{
    return ob_handle_close_mode(h, KernelMode);
}

NT_EXPORT NTSTATUS NTAPI NtClose(HANDLE h)
{
    return ob_handle_close_mode(h, ps_previous_mode());
}

enum { DUPLICATE_CLOSE_SOURCE = 1, DUPLICATE_SAME_ACCESS = 2, DUPLICATE_SAME_ATTRIBUTES = 4 };

struct duplicate {
    HANDLE source_process, source, target_process;
    ACCESS_MASK access;
    ULONG attributes, options;
};

static NTSTATUS duplicate(const struct duplicate *d, HANDLE *ret)
{
    struct ob_handle_info info;
    void *from, *to = NULL, *object, *old;
    NTSTATUS status = ob_handle_ref(d->source_process, ob_type_process, &from);

    if (status)
        return status;
    if (d->target_process)
        status = ob_handle_ref(d->target_process, ob_type_process, &to);
    if (status)
        goto done_from;
    old = ps_attach(from);
    status = ob_handle_ref_mode(d->source, KernelMode, &object, &info);
    if (!status && d->options & DUPLICATE_CLOSE_SOURCE)
        (void)ob_handle_close(d->source); /* its status is that of the duplicate */
    ps_attach(old);
    if (status)
        goto done_to;
    if (to) {
        ULONG attributes = d->options & DUPLICATE_SAME_ATTRIBUTES ? info.attributes : d->attributes;

        if (to != ps_system) /* Seen: a kernel handle comes from duplicating into System only */
            attributes &= ~OBJ_KERNEL_HANDLE;
        status = ob_handle_new_in(to, object,
                                  d->options & DUPLICATE_SAME_ACCESS ? info.access : d->access,
                                  attributes, ret);
    }
    ob_unref(object);
done_to:
    if (to)
        ob_unref(to);
done_from:
    ob_unref(from);
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwDuplicateObject(HANDLE source_process, HANDLE source,
                                           HANDLE target_process, PHANDLE ret, ACCESS_MASK access,
                                           ULONG attributes, ULONG options)
{
    HANDLE h = NULL;
    NTSTATUS status = duplicate(
        &(struct duplicate){source_process, source, target_process, access, attributes, options},
        &h);

    if (!status && ret)
        *ret = h;
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwSetInformationObject(HANDLE h, ULONG kind, PVOID info, ULONG length)
{
    const UCHAR *flags = info;
    void *object;
    NTSTATUS status;

    if (kind != 4) /* ObjectHandleFlagInformation */
        return STATUS_INVALID_INFO_CLASS;
    if (length != 2)
        return STATUS_INFO_LENGTH_MISMATCH;
    status = ob_handle_ref(h, NULL, &object);
    if (status)
        return status;
    ob_unref(object);
    return ob_handle_set(h, (flags[0] ? OBJ_INHERIT : 0) | (flags[1] ? OB_HANDLE_PROTECTED : 0));
}

NT_EXPORT NTSTATUS NTAPI ZwMakeTemporaryObject(HANDLE h)
{
    void *object;
    NTSTATUS status = ob_handle_ref(h, NULL, &object);

    if (status)
        return status;
    ob_set_permanent(object, false); /* the name goes with the last handle */
    ob_unref(object);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ZwMakePermanentObject(HANDLE h)
{
    void *object;
    NTSTATUS status = ob_handle_ref(h, NULL, &object);

    if (status)
        return status;
    ob_set_permanent(object, true);
    ob_unref(object);
    return STATUS_SUCCESS;
}

/* ---- ZwQueryObject ---- */

struct object_basic { /* PUBLIC_OBJECT_BASIC_INFORMATION and what Windows puts behind the public
                         part */
    ULONG Attributes;
    ACCESS_MASK GrantedAccess;
    ULONG HandleCount, PointerCount;
    ULONG PagedPoolCharge, NonPagedPoolCharge;
    ULONG Reserved[3];
    ULONG NameInfoSize, TypeInfoSize, SecurityDescriptorSize;
    LARGE_INTEGER CreationTime;
};
_Static_assert(sizeof(struct object_basic) == 0x38, "OBJECT_BASIC_INFORMATION");

struct object_type_info { /* PUBLIC_OBJECT_TYPE_INFORMATION */
    UNICODE_STRING TypeName;
    ULONG Reserved[22];
};
_Static_assert(sizeof(struct object_type_info) == 0x68, "PUBLIC_OBJECT_TYPE_INFORMATION");

NTSTATUS NTAPI ObQueryNameString(PVOID object, POBJECT_NAME_INFORMATION info, ULONG length,
                                 PULONG ret_length);

static NTSTATUS query_type(void *object, void *info, ULONG length, ULONG *need)
{
    struct object_type_info *t = info;
    const WCHAR *name = ob_type_name(ob_type_of(object));
    size_t chars = rtl_wcslen(name);

    *need = (ULONG)(sizeof *t + (chars + 1) * sizeof(WCHAR));
    if (length < *need)
        return STATUS_INFO_LENGTH_MISMATCH;
    memset(t, 0, sizeof *t);
    t->TypeName = (UNICODE_STRING){(USHORT)(chars * 2), (USHORT)(chars * 2 + 2), (PWSTR)(t + 1)};
    memcpy(t + 1, name, (chars + 1) * sizeof(WCHAR));
    return STATUS_SUCCESS;
}

static NTSTATUS query_basic(void *object, const struct ob_handle_info *h, void *info, ULONG length,
                            ULONG *need)
{
    struct object_basic *b = info;

    *need = sizeof *b;
    if (length != sizeof *b)
        return STATUS_INFO_LENGTH_MISMATCH;
    memset(b, 0, sizeof *b);
    b->Attributes = (h->attributes & OBJ_INHERIT) | (ob_is_permanent(object) ? OBJ_PERMANENT : 0);
    b->GrantedAccess = h->access;
    b->HandleCount = (ULONG)ob_handle_count(object);
    (void)ObQueryNameString(object, NULL, 0, &b->NameInfoSize); /* only the length is wanted */
    if (b->NameInfoSize <= sizeof(UNICODE_STRING))
        b->NameInfoSize = 0;
    (void)query_type(object, NULL, 0, &b->TypeInfoSize); /* as above */
    b->PointerCount =
        (ULONG)ob_ref_count(object); /* Seen: with the reference of the query itself */
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ZwQueryObject(HANDLE h, ULONG kind, PVOID info, ULONG length,
                                       PULONG ret_length)
{
    struct ob_handle_info handle;
    void *object;
    ULONG need = 0;
    NTSTATUS status = ob_handle_ref_mode(h, KernelMode, &object, &handle);

    if (status)
        return status;
    switch (kind) {
    case 0:
        status = query_basic(object, &handle, info, length, &need);
        break;
    case 1:
        status = ObQueryNameString(object, info, length, &need);
        break;
    case 2:
        status = query_type(object, info, length, &need);
        break;
    case 4: /* ObjectHandleFlagInformation */
        need = 2;
        status = length == need ? STATUS_SUCCESS : STATUS_INFO_LENGTH_MISMATCH;
        if (!status) {
            ((UCHAR *)info)[0] = (handle.attributes & OBJ_INHERIT) != 0;
            ((UCHAR *)info)[1] = (handle.attributes & OB_HANDLE_PROTECTED) != 0;
        }
        break;
    default:
        status = STATUS_INVALID_INFO_CLASS;
    }
    ob_unref(object);
    if (ret_length)
        *ret_length = need;
    return status;
}

/* ---- Directories ---- */

NT_EXPORT NTSTATUS NTAPI ZwCreateDirectoryObject(PHANDLE ret, ACCESS_MASK access,
                                                 POBJECT_ATTRIBUTES attr)
{
    HANDLE h;
    NTSTATUS status = attr && attr->Attributes & OBJ_OPENIF
                          ? ob_open_named(attr, ob_type_directory, access, &h)
                          : STATUS_OBJECT_NAME_NOT_FOUND;

    if (!status) {
        *ret = h;
        return STATUS_OBJECT_NAME_EXISTS;
    }
    status = ob_finish(ob_directory_new(), attr, access, &h);
    if (!status)
        *ret = h;
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwOpenDirectoryObject(PHANDLE ret, ACCESS_MASK access,
                                               POBJECT_ATTRIBUTES attr)
{
    HANDLE h = NULL;
    NTSTATUS status = ob_open_named(attr, ob_type_directory, access, &h);

    *ret = h; /* Seen: NULL when it fails */
    return status;
}

struct directory_entry { /* OBJECT_DIRECTORY_INFORMATION */
    UNICODE_STRING Name, TypeName;
};

struct query_directory {
    HANDLE h;
    uint8_t *buffer;
    ULONG length;
    bool single;
    ULONG context;
};

/* Entries from the front (an empty one ends them), their strings from the end of what fits. */
static NTSTATUS query_directory(struct query_directory *q, ULONG *ret_length)
{
    const WCHAR *name;
    size_t used = sizeof(struct directory_entry), count = 0, i;
    void *dir, *object;
    struct directory_entry *e = (struct directory_entry *)q->buffer;
    uint8_t *text;
    NTSTATUS status = ob_handle_ref(q->h, ob_type_directory, &dir);

    if (status)
        return status;
    for (; (object = ob_directory_entry(dir, q->context + count, &name)) && !(q->single && count);
         count++) {
        size_t more =
            sizeof *e + (rtl_wcslen(name) + rtl_wcslen(ob_type_name(ob_type_of(object))) + 2) * 2;

        if (used + more > q->length) {
            status = count ? STATUS_MORE_ENTRIES : STATUS_BUFFER_TOO_SMALL;
            used = count ? used : used + more;
            break;
        }
        used += more;
    }
    if (!count && !status)
        status = STATUS_NO_MORE_ENTRIES;
    *ret_length = (ULONG)used;
    if (count) {
        text = q->buffer + (count + 1) * sizeof *e;
        for (i = 0; i < count; i++) {
            object = ob_directory_entry(dir, q->context + i, &name);
            text = zw_put_string(&e[i].Name, text, name);
            text = zw_put_string(&e[i].TypeName, text, ob_type_name(ob_type_of(object)));
        }
        memset(&e[count], 0, sizeof *e);
        q->context += (ULONG)count;
    }
    ob_unref(dir);
    return status;
}

/* A NUL-terminated copy at `to`, described by *ret. Returns the end of the copy. */
uint8_t *zw_put_string(UNICODE_STRING *ret, uint8_t *to, const WCHAR *text)
{
    size_t size = rtl_wcslen(text) * sizeof *text;

    memcpy(to, text, size + sizeof *text);
    *ret = (UNICODE_STRING){(USHORT)size, (USHORT)(size + sizeof *text), (PWSTR)to};
    return to + size + sizeof *text;
}

NT_EXPORT NTSTATUS NTAPI ZwQueryDirectoryObject(HANDLE h, PVOID buffer, ULONG length,
                                                BOOLEAN single, BOOLEAN restart, PULONG context,
                                                PULONG ret_length)
{
    struct query_directory q = {h, buffer, length, single, restart ? 0 : *context};
    ULONG used = 0;
    NTSTATUS status = query_directory(&q, &used);

    *context = q.context;
    if (ret_length)
        *ret_length = used;
    return status;
}

/* ---- Symbolic links ---- */

NT_EXPORT NTSTATUS NTAPI ZwCreateSymbolicLinkObject(PHANDLE ret, ACCESS_MASK access,
                                                    POBJECT_ATTRIBUTES attr, PUNICODE_STRING target)
{
    HANDLE h;
    NTSTATUS status;

    if (!target || target->Length % sizeof(WCHAR) || !target->Length)
        return STATUS_INVALID_PARAMETER;
    if (!target->Buffer)
        return STATUS_ACCESS_VIOLATION; /* captured under a handler of the service */
    status = ob_finish(ob_symlink_object(target), attr, access, &h);
    if (!status)
        *ret = h;
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwOpenSymbolicLinkObject(PHANDLE ret, ACCESS_MASK access,
                                                  POBJECT_ATTRIBUTES attr)
{
    HANDLE h = NULL;
    NTSTATUS status = ob_open_named(attr, ob_type_symlink, access, &h);

    *ret = h; /* Seen: NULL when it fails */
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwQuerySymbolicLinkObject(HANDLE h, PUNICODE_STRING target,
                                                   PULONG ret_length)
{
    UNICODE_STRING from;
    void *link;
    NTSTATUS status = ob_handle_ref(h, ob_type_symlink, &link);

    if (status)
        return status;
    status = ob_symlink_target(link, &from);
    if (!status && (ret_length ? from.Length + sizeof(WCHAR) : from.Length) > target->MaximumLength)
        status = STATUS_BUFFER_TOO_SMALL;
    if (!status) {
        memcpy(target->Buffer, from.Buffer, from.Length);
        target->Length = from.Length;
        if (ret_length) /* Seen: the terminator is only given to who asks for the length */
            target->Buffer[from.Length / 2] = 0;
    }
    if (ret_length)
        *ret_length = from.Length + (ULONG)sizeof(WCHAR);
    ob_unref(link);
    return status;
}
