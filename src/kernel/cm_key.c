/*
 * Key objects and the system services that open, make and delete keys and values.
 *
 * Doc: WDK, wdm.h: ZwCreateKey, ZwOpenKey, ZwOpenKeyEx, ZwDeleteKey, ZwSetValueKey,
 * ZwDeleteValueKey, ZwFlushKey, ZwRenameKey; "Using the Registry in a Driver".
 */
#include "kernel/cm_priv.h"

#include <string.h>

/* What a handle leads to. `check` catches a driver that wrote here. */
struct body {
    ULONG signature; /* "ky02", as on Windows */
    ULONG reserved;
    struct cm_key *key;
    uint64_t check;
    uint64_t pad[4];
};
#define SIGNATURE 0x6B793032u
#define CHECK(key) (KE_ARG(key) ^ 0x5A17C3D2E49B8F60ull)

/* Callback blocks that nt/reg.h does not have. Doc: wdm.h, the REG_..._INFORMATION pages. */
struct delete_info { /* REG_DELETE_KEY_INFORMATION, REG_KEY_HANDLE_CLOSE_INFORMATION */
    PVOID Object, CallContext, ObjectContext, Reserved;
};
struct delete_value_info { /* REG_DELETE_VALUE_KEY_INFORMATION */
    PVOID Object;
    PUNICODE_STRING ValueName;
    PVOID CallContext, ObjectContext, Reserved;
};
struct create_info { /* REG_CREATE_KEY_INFORMATION, REG_OPEN_KEY_INFORMATION */
    PUNICODE_STRING CompleteName;
    PVOID RootObject;
    PVOID ObjectType;
    ULONG CreateOptions;
    PUNICODE_STRING Class;
    PVOID SecurityDescriptor, SecurityQualityOfService;
    ACCESS_MASK DesiredAccess, GrantedAccess;
    PULONG Disposition;
    PVOID *ResultObject;
    PVOID CallContext, RootObjectContext, Transaction, Reserved;
};
_Static_assert(offsetof(struct create_info, DesiredAccess) == 0x38, "REG_CREATE_KEY_INFORMATION");
_Static_assert(sizeof(struct create_info) == 0x70, "REG_CREATE_KEY_INFORMATION");

/* ---- Key objects ---- */

void *cm_object_new(struct cm_key *k)
{
    struct body *b = ob_new(ob_type_key, sizeof *b, "Key ");

    b->signature = SIGNATURE;
    b->key = k;
    b->check = CHECK(k);
    cm_key_ref(k);
    return b;
}

struct cm_key *cm_object_key(const void *object)
{
    const struct body *b = object;

    return ob_is(object, ob_type_key) && b->check == CHECK(b->key) ? b->key : NULL;
}

static void key_delete(void *object)
{
    struct cm_key *k = cm_object_key(object);

    if (k)
        cm_key_unref(k);
}

static void key_close(void *object, int64_t handles_left)
{
    struct delete_info info = {object, NULL, NULL, NULL};

    if (handles_left)
        return;
    cm_notify_key_closed(object);
    if (cm_has_callbacks() && ke_irql() == PASSIVE_LEVEL) {
        bool bypassed = false;

        (void)cm_callback_pre(RegNtPreKeyHandleClose, &info,
                              &bypassed); /* closing cannot be stopped */
        (void)cm_callback_post(RegNtPostKeyHandleClose, object, STATUS_SUCCESS, &info);
    }
}

void cm_object_init(void)
{
    UNICODE_STRING name = NT_CONST_STRING(u"\\REGISTRY");
    void *root = cm_object_new(cm_root());
    NTSTATUS status = ob_insert(&name, root);

    PP_ASSERT(!status);
    ob_set_permanent(root, true);
    ob_unref(root);
    ob_type_on_delete(ob_type_key, key_delete);
    ob_type_on_close(ob_type_key, key_close);
}

bool cm_key_name(const void *object, WCHAR *buf, size_t chars)
{
    const struct cm_key *k = cm_object_key(object), *i;
    size_t need = 0, at;

    if (!k || k->is_deleted)
        return false;
    for (i = k; i; i = i->parent)
        need += i->name_size / 2 + 1;
    if (need >= chars)
        return false;
    at = need;
    buf[at] = 0;
    for (i = k; i; i = i->parent) {
        at -= i->name_size / 2;
        memcpy(buf + at, i->name, i->name_size);
        buf[--at] = '\\';
    }
    return true;
}

/* The key of a handle, with a reference on the object. */
NTSTATUS cm_handle_key(HANDLE h, void **ret_object, struct cm_key **ret)
{
    struct cm_key *k;
    NTSTATUS status = ob_handle_ref(h, ob_type_key, ret_object);

    if (status)
        return status;
    k = cm_object_key(*ret_object);
    if (!k || k->is_deleted) {
        ob_unref(*ret_object);
        return k ? STATUS_KEY_DELETED : STATUS_INVALID_HANDLE;
    }
    *ret = k;
    return STATUS_SUCCESS;
}

/* ---- Open and create ---- */

static const WCHAR *last_name(const UNICODE_STRING *path, size_t *ret_chars, size_t *ret_parent)
{
    size_t end = path->Length / 2, start;

    while (end && path->Buffer[end - 1] == '\\')
        end--;
    for (start = end; start && path->Buffer[start - 1] != '\\'; start--)
        continue;
    *ret_chars = end - start;
    *ret_parent = start;
    return path->Buffer + start;
}

static NTSTATUS create(struct cm_open *o, struct cm_key *from, const UNICODE_STRING *path,
                       struct cm_key **ret)
{
    size_t chars, parent_chars;
    const WCHAR *name = last_name(path, &chars, &parent_chars);
    struct cm_key *parent = cm_walk(from, path->Buffer, parent_chars), *k;
    bool is_volatile = o->options & REG_OPTION_VOLATILE;

    if (!parent || !chars)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (parent->is_deleted)
        return STATUS_KEY_DELETED;
    if (chars > CM_NAME_MAX)
        return STATUS_INVALID_PARAMETER;
    if (!parent->parent) /* Doc: nothing can be made right below \Registry */
        return STATUS_ACCESS_DENIED;
    if (parent->is_volatile && !is_volatile)
        return STATUS_CHILD_MUST_BE_VOLATILE;
    k = cm_key_new(parent, name, chars, is_volatile);
    if (!k)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (o->class_name && o->class_name->Length && (k->class_name = pp_new(o->class_name->Length))) {
        memcpy(k->class_name, o->class_name->Buffer, o->class_name->Length);
        k->class_size = o->class_name->Length;
    }
    cm_changed(parent, CM_CHANGE_NAME);
    *ret = k;
    return STATUS_SUCCESS;
}

static NTSTATUS find_or_create(struct cm_open *o, struct cm_key *from, const UNICODE_STRING *rest,
                               struct cm_key **ret)
{
    struct cm_key *k = cm_walk(from, rest->Buffer, rest->Length / 2);

    if (k && k->is_deleted)
        return STATUS_KEY_DELETED;
    o->disposition = k ? REG_OPENED_EXISTING_KEY : REG_CREATED_NEW_KEY;
    if (!k && o->create)
        return create(o, from, rest, ret);
    *ret = k;
    return k ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

static NTSTATUS open_object(struct cm_open *o, void **ret)
{
    struct ob_where w;
    UNICODE_STRING rest = {0};
    struct cm_key *k = NULL, *from;
    void *start = NULL;
    NTSTATUS status = ob_where_init(&w, o->attr);

    if (status)
        return status;
    if (!w.root && (!w.name || !w.name->Length || w.name->Buffer[0] != '\\'))
        status = STATUS_OBJECT_PATH_SYNTAX_BAD;
    else
        status = ob_lookup_at(&w, &start, &rest);
    ob_where_done(&w);
    if (status)
        return status;
    from = cm_object_key(start);
    if (!from)
        status = STATUS_OBJECT_TYPE_MISMATCH;
    else
        status = find_or_create(o, from, &rest, &k);
    ob_unref(start);
    if (!status)
        *ret = cm_object_new(k);
    return status;
}

NTSTATUS cm_open_key(struct cm_open *o, HANDLE *ret)
{
    struct create_info info = {0};
    void *object = NULL;
    bool bypassed = false;
    HANDLE h = NULL;
    NTSTATUS status;

    if (!o->attr || o->attr->Length != sizeof *o->attr)
        return STATUS_INVALID_PARAMETER;
    if (cm_has_callbacks()) {
        info.CompleteName = o->attr->ObjectName;
        info.ObjectType = ob_type_object(ob_type_key);
        info.CreateOptions = o->options;
        info.Class = (PUNICODE_STRING)(uintptr_t)o->class_name;
        info.DesiredAccess = o->access;
        info.Disposition = &o->disposition;
        info.ResultObject = &object;
        if (!o->attr->RootDirectory ||
            ob_handle_ref(o->attr->RootDirectory, NULL, &info.RootObject))
            info.RootObject = NULL;
        status =
            cm_callback_pre(o->create ? RegNtPreCreateKeyEx : RegNtPreOpenKeyEx, &info, &bypassed);
        if (status && info.RootObject)
            ob_unref(info.RootObject);
        if (status)
            return bypassed ? STATUS_SUCCESS : status;
    }
    status = open_object(o, &object);
    if (cm_has_callbacks()) {
        status = cm_callback_post(o->create ? RegNtPostCreateKeyEx : RegNtPostOpenKeyEx, object,
                                  status, &info);
        if (info.RootObject)
            ob_unref(info.RootObject);
    }
    if (!status)
        status = ob_handle_new(object, o->access, o->attr->Attributes, &h);
    if (object)
        ob_unref(object);
    if (!status)
        *ret = h;
    return status;
}

NTSTATUS cm_open(const OBJECT_ATTRIBUTES *attr, ACCESS_MASK access, ULONG options, HANDLE *ret)
{
    return cm_open_key(&(struct cm_open){.attr = attr, .access = access, .options = options}, ret);
}

NT_EXPORT NTSTATUS NTAPI ZwCreateKey(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                     ULONG title_index, PUNICODE_STRING class_name, ULONG options,
                                     PULONG disposition)
{
    struct cm_open o = {.attr = attr,
                        .access = access,
                        .options = options,
                        .class_name = class_name,
                        .create = true};
    HANDLE h = NULL;
    NTSTATUS status;

    (void)title_index; /* Doc: device and intermediate drivers pass zero */
    if (options & ~(REG_OPTION_VOLATILE | REG_OPTION_CREATE_LINK | REG_OPTION_BACKUP_RESTORE |
                    REG_OPTION_OPEN_LINK))
        return STATUS_INVALID_PARAMETER;
    if (options & REG_OPTION_CREATE_LINK)
        ke_not_modelled("ZwCreateKey", "REG_OPTION_CREATE_LINK");
    status = cm_open_key(&o, &h);
    if (status)
        return status;
    *ret = h;
    if (disposition)
        *disposition = o.disposition;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ZwOpenKey(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr)
{
    HANDLE h = NULL;
    NTSTATUS status = cm_open(attr, access, 0, &h);

    if (!status)
        *ret = h;
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwOpenKeyEx(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                     ULONG options)
{
    HANDLE h = NULL;
    NTSTATUS status;

    if (options & ~(REG_OPTION_OPEN_LINK | REG_OPTION_BACKUP_RESTORE))
        return STATUS_INVALID_PARAMETER;
    status = cm_open(attr, access, options, &h);
    if (!status)
        *ret = h;
    return status;
}

/* ---- Changes ---- */

NT_EXPORT NTSTATUS NTAPI ZwDeleteKey(HANDLE h)
{
    struct delete_info info = {0};
    struct cm_key *k;
    void *object;
    bool bypassed = false;
    NTSTATUS status = cm_handle_key(h, &object, &k);

    if (status)
        return status;
    info.Object = object;
    if (cm_has_callbacks()) {
        status = cm_callback_pre(RegNtPreDeleteKey, &info, &bypassed);
        if (status)
            goto done;
    }
    status = cm_key_delete(k);
    if (cm_has_callbacks())
        status = cm_callback_post(RegNtPostDeleteKey, object, status, &info);
done:
    ob_unref(object);
    return bypassed ? STATUS_SUCCESS : status;
}

static bool is_bad_name(const UNICODE_STRING *name)
{
    return !name || name->Length % 2 || name->Length / 2 > CM_VALUE_NAME_MAX ||
           (name->Length && !name->Buffer);
}

NT_EXPORT NTSTATUS NTAPI ZwSetValueKey(HANDLE h, PUNICODE_STRING name, ULONG title_index,
                                       ULONG type, PVOID data, ULONG size)
{
    REG_SET_VALUE_KEY_INFORMATION info = {0};
    struct cm_key *k;
    void *object;
    bool bypassed = false;
    NTSTATUS status;

    if (is_bad_name(name))
        return STATUS_INVALID_PARAMETER;
    status = cm_handle_key(h, &object, &k);
    if (status)
        return status;
    if (cm_has_callbacks()) {
        info.Object = object;
        info.ValueName = name;
        info.TitleIndex = title_index;
        info.Type = type;
        info.Data = data;
        info.DataSize = size;
        status = cm_callback_pre(RegNtPreSetValueKey, &info, &bypassed);
        if (status)
            goto done;
    }
    mm_check_range(data, size, false);
    status = cm_value_set(k, name->Buffer, name->Length, type, data, size);
    if (cm_has_callbacks())
        status = cm_callback_post(RegNtPostSetValueKey, object, status, &info);
done:
    ob_unref(object);
    return bypassed ? STATUS_SUCCESS : status;
}

NT_EXPORT NTSTATUS NTAPI ZwDeleteValueKey(HANDLE h, PUNICODE_STRING name)
{
    struct delete_value_info info = {0};
    struct cm_value *v;
    struct cm_key *k;
    void *object;
    bool bypassed = false;
    NTSTATUS status;

    if (is_bad_name(name))
        return STATUS_INVALID_PARAMETER;
    status = cm_handle_key(h, &object, &k);
    if (status)
        return status;
    if (cm_has_callbacks()) {
        info.Object = object;
        info.ValueName = name;
        status = cm_callback_pre(RegNtPreDeleteValueKey, &info, &bypassed);
        if (status)
            goto done;
    }
    v = cm_value_find(k, name->Buffer, name->Length);
    if (v)
        cm_value_delete(k, v);
    else
        status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (cm_has_callbacks())
        status = cm_callback_post(RegNtPostDeleteValueKey, object, status, &info);
done:
    ob_unref(object);
    return bypassed ? STATUS_SUCCESS : status;
}

/* The tree has no disk behind it during a run. */
NT_EXPORT NTSTATUS NTAPI ZwFlushKey(HANDLE h)
{
    struct cm_key *k;
    void *object;
    NTSTATUS status = cm_handle_key(h, &object, &k);

    if (!status)
        ob_unref(object);
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwRenameKey(HANDLE h, PUNICODE_STRING name)
{
    struct cm_key *k;
    void *object;
    WCHAR *copy;
    NTSTATUS status;

    if (is_bad_name(name) || !name->Length || name->Length / 2 > CM_NAME_MAX)
        return STATUS_INVALID_PARAMETER;
    status = cm_handle_key(h, &object, &k);
    if (status)
        return status;
    if (!k->parent || !k->parent->parent || k->alias) {
        status = STATUS_ACCESS_DENIED;
    } else if (cm_child(k->parent, name->Buffer, name->Length / 2)) {
        status = STATUS_CANNOT_DELETE; /* Seen: a name that is taken */
    } else if ((copy = pp_new(name->Length + sizeof *copy))) {
        memcpy(copy, name->Buffer, name->Length);
        pp_free(k->name);
        k->name = copy;
        k->name_size = name->Length;
        cm_changed(k, CM_CHANGE_NAME);
    } else {
        status = STATUS_INSUFFICIENT_RESOURCES;
    }
    ob_unref(object);
    return status;
}
