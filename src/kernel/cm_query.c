/*
 * Queries of the registry: ZwQueryKey, ZwEnumerateKey, ZwQueryValueKey, ZwEnumerateValueKey.
 *
 * One rule for all classes: what does not even hold the fixed part gives STATUS_BUFFER_TOO_SMALL
 * and nothing is written; what holds it but not all gives STATUS_BUFFER_OVERFLOW with as much as
 * fits; the length that would be enough is told either way.
 *
 * Doc: WDK, wdm.h: ZwQueryValueKey, ZwQueryKey, ZwEnumerateKey, KEY_VALUE_FULL_INFORMATION...
 */
#include "kernel/cm_priv.h"

#include <string.h>

struct query_info { /* REG_QUERY_KEY_INFORMATION */
    PVOID Object;
    ULONG Class;
    PVOID Information;
    ULONG Length;
    PULONG ResultLength;
    PVOID CallContext, ObjectContext, Reserved;
};
struct query_value_info { /* REG_QUERY_VALUE_KEY_INFORMATION */
    PVOID Object;
    PUNICODE_STRING ValueName;
    ULONG Class;
    PVOID Information;
    ULONG Length;
    PULONG ResultLength;
    PVOID CallContext, ObjectContext, Reserved;
};
struct enumerate_info { /* REG_ENUMERATE_KEY_INFORMATION, REG_ENUMERATE_VALUE_KEY_INFORMATION */
    PVOID Object;
    ULONG Index;
    ULONG Class;
    PVOID Information;
    ULONG Length;
    PULONG ResultLength;
    PVOID CallContext, ObjectContext, Reserved;
};

/* An answer being put together in our own memory, then copied as far as it fits. */
struct answer {
    uint8_t *bytes;
    size_t fixed, size;
};

static NTSTATUS answer_new(struct answer *a, size_t fixed, size_t size)
{
    a->bytes = pp_new(size);
    a->fixed = fixed;
    a->size = size;
    return a->bytes ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS answer_deliver(struct answer *a, void *to, ULONG length, ULONG *ret_length)
{
    NTSTATUS status = length < a->fixed  ? STATUS_BUFFER_TOO_SMALL
                      : length < a->size ? STATUS_BUFFER_OVERFLOW
                                         : STATUS_SUCCESS;
    size_t fits = PP_MIN((size_t)length, a->size);
    uint8_t stack[512], *bytes = a->bytes;

    /* The driver's buffer may fault: hold nothing then. */
    *ret_length = (ULONG)a->size;
    if (fits <= sizeof stack) {
        memcpy(stack, a->bytes, fits);
        bytes = stack;
        pp_free(a->bytes);
        a->bytes = NULL;
    }
    if (status != STATUS_BUFFER_TOO_SMALL)
        mm_copy(to, bytes, fits);
    pp_free(a->bytes);
    return status;
}

/* ---- Values ---- */

static NTSTATUS value_full(const struct cm_value *v, size_t align, struct answer *a)
{
    size_t name_at = offsetof(KEY_VALUE_FULL_INFORMATION, Name);
    size_t data_at = pp_align_up(name_at + v->name_size, align);
    KEY_VALUE_FULL_INFORMATION *i;
    NTSTATUS status = answer_new(a, name_at, v->size ? data_at + v->size : name_at + v->name_size);

    if (status)
        return status;
    i = (KEY_VALUE_FULL_INFORMATION *)a->bytes;
    i->Type = v->type;
    i->DataOffset = v->size ? (ULONG)data_at : NT_MAXULONG;
    i->DataLength = v->size;
    i->NameLength = v->name_size;
    memcpy(a->bytes + name_at, v->name, v->name_size);
    memcpy(a->bytes + data_at, v->data, v->size);
    return STATUS_SUCCESS;
}

static NTSTATUS value_answer(const struct cm_value *v, ULONG kind, struct answer *a)
{
    size_t at;
    NTSTATUS status;

    switch (kind) {
    case KeyValueBasicInformation: {
        KEY_VALUE_BASIC_INFORMATION *i;

        at = offsetof(KEY_VALUE_BASIC_INFORMATION, Name);
        status = answer_new(a, at, at + v->name_size);
        if (status)
            return status;
        i = (KEY_VALUE_BASIC_INFORMATION *)a->bytes;
        i->Type = v->type;
        i->NameLength = v->name_size;
        memcpy(a->bytes + at, v->name, v->name_size);
        return STATUS_SUCCESS;
    }
    case KeyValueFullInformation:
        return value_full(v, 4, a);
    case KeyValueFullInformationAlign64:
        return value_full(v, 8, a);
    case KeyValuePartialInformation: {
        KEY_VALUE_PARTIAL_INFORMATION *i;

        at = offsetof(KEY_VALUE_PARTIAL_INFORMATION, Data);
        status = answer_new(a, at, at + v->size);
        if (status)
            return status;
        i = (KEY_VALUE_PARTIAL_INFORMATION *)a->bytes;
        i->Type = v->type;
        i->DataLength = v->size;
        memcpy(a->bytes + at, v->data, v->size);
        return STATUS_SUCCESS;
    }
    case KeyValuePartialInformationAlign64: {
        KEY_VALUE_PARTIAL_INFORMATION_ALIGN64 *i;

        at = offsetof(KEY_VALUE_PARTIAL_INFORMATION_ALIGN64, Data);
        status = answer_new(a, at, at + v->size);
        if (status)
            return status;
        i = (KEY_VALUE_PARTIAL_INFORMATION_ALIGN64 *)a->bytes;
        i->Type = v->type;
        i->DataLength = v->size;
        memcpy(a->bytes + at, v->data, v->size);
        return STATUS_SUCCESS;
    }
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

static NTSTATUS value_query(const struct cm_value *v, ULONG kind, void *to, ULONG length,
                            ULONG *ret_length)
{
    struct answer a = {0};
    NTSTATUS status = value_answer(v, kind, &a);

    return status ? status : answer_deliver(&a, to, length, ret_length);
}

NT_EXPORT NTSTATUS NTAPI ZwQueryValueKey(HANDLE h, PUNICODE_STRING name, ULONG kind, PVOID to,
                                         ULONG length, PULONG ret_length)
{
    struct query_value_info info = {NULL, name, kind, to, length, ret_length, NULL, NULL, NULL};
    struct cm_value *v;
    struct cm_key *k;
    ULONG need = 0;
    bool bypassed = false;
    NTSTATUS status;

    if (!name || name->Length % 2 || kind > KeyValuePartialInformationAlign64)
        return STATUS_INVALID_PARAMETER;
    status = cm_handle_key(h, &info.Object, &k);
    if (status)
        return status;
    if (cm_has_callbacks()) {
        status = cm_callback_pre(RegNtPreQueryValueKey, &info, &bypassed);
        if (status)
            goto done;
    }
    v = cm_value_find(k, name->Buffer, name->Length);
    status = v ? value_query(v, kind, to, length, &need) : STATUS_OBJECT_NAME_NOT_FOUND;
    if (v)
        *ret_length = need;
    if (cm_has_callbacks())
        status = cm_callback_post(RegNtPostQueryValueKey, info.Object, status, &info);
done:
    ob_unref(info.Object);
    return bypassed ? STATUS_SUCCESS : status;
}

NT_EXPORT NTSTATUS NTAPI ZwEnumerateValueKey(HANDLE h, ULONG index, ULONG kind, PVOID to,
                                             ULONG length, PULONG ret_length)
{
    struct enumerate_info info = {NULL, index, kind, to, length, ret_length, NULL, NULL, NULL};
    struct cm_value *v;
    struct cm_key *k;
    ULONG need = 0;
    bool bypassed = false;
    NTSTATUS status;

    if (kind > KeyValuePartialInformationAlign64)
        return STATUS_INVALID_PARAMETER;
    status = cm_handle_key(h, &info.Object, &k);
    if (status)
        return status;
    if (cm_has_callbacks()) {
        status = cm_callback_pre(RegNtPreEnumerateValueKey, &info, &bypassed);
        if (status)
            goto done;
    }
    v = cm_value_at(k, index);
    status = v ? value_query(v, kind, to, length, &need) : STATUS_NO_MORE_ENTRIES;
    if (v)
        *ret_length = need;
    if (cm_has_callbacks())
        status = cm_callback_post(RegNtPostEnumerateValueKey, info.Object, status, &info);
done:
    ob_unref(info.Object);
    return bypassed ? STATUS_SUCCESS : status;
}

struct value_entry { /* KEY_VALUE_ENTRY */
    PUNICODE_STRING ValueName;
    ULONG DataLength, DataOffset, Type;
};

/* Doc: ntifs.h, ZwQueryMultipleValueKey: several values' data into one buffer. */
NT_EXPORT NTSTATUS NTAPI ZwQueryMultipleValueKey(HANDLE h, struct value_entry *entries, ULONG count,
                                                 PVOID to, PULONG length, PULONG ret_length)
{
    struct cm_key *k;
    void *object;
    size_t used = 0;
    NTSTATUS status = cm_handle_key(h, &object, &k);

    if (status)
        return status;
    for (ULONG i = 0; i < count; i++) {
        const UNICODE_STRING *name = entries[i].ValueName;
        const struct cm_value *v = cm_value_find(k, name->Buffer, name->Length);

        if (!v) {
            status = STATUS_OBJECT_NAME_NOT_FOUND;
            break;
        }
        used = pp_align_up(used, 4);
        entries[i].DataLength = v->size;
        entries[i].DataOffset = (ULONG)used;
        entries[i].Type = v->type;
        if (used + v->size <= *length)
            mm_copy((uint8_t *)to + used, v->data, v->size);
        else
            status = STATUS_BUFFER_OVERFLOW;
        used += v->size;
    }
    if (!NT_ERROR(status)) {
        if (ret_length)
            *ret_length = (ULONG)used;
        *length = (ULONG)PP_MIN(used, (size_t)*length);
    }
    ob_unref(object);
    return status;
}

/* ---- Keys ---- */

struct sizes {
    ULONG child_name, child_class, value_name, value_data;
};

static struct sizes sizes_of(const struct cm_key *k)
{
    struct sizes s = {0};
    struct pp_list *it;

    PP_LIST_EACH(it, &k->children)
    {
        const struct cm_key *c = PP_CONTAINER(it, struct cm_key, link);

        s.child_name = PP_MAX(s.child_name, c->name_size);
        s.child_class = PP_MAX(s.child_class, c->class_size);
    }
    PP_LIST_EACH(it, &k->values)
    {
        const struct cm_value *v = PP_CONTAINER(it, struct cm_value, link);

        s.value_name = PP_MAX(s.value_name, v->name_size);
        s.value_data = PP_MAX(s.value_data, v->size);
    }
    return s;
}

static NTSTATUS key_node(const struct cm_key *k, struct answer *a)
{
    size_t at = offsetof(KEY_NODE_INFORMATION, Name), class_at = pp_align_up(at + k->name_size, 4);
    KEY_NODE_INFORMATION *i;
    NTSTATUS status =
        answer_new(a, at, k->class_size ? class_at + k->class_size : at + k->name_size);

    if (status)
        return status;
    i = (KEY_NODE_INFORMATION *)a->bytes;
    i->LastWriteTime.QuadPart = (LONGLONG)k->last_write;
    i->ClassOffset = k->class_size ? (ULONG)class_at : NT_MAXULONG;
    i->ClassLength = k->class_size;
    i->NameLength = k->name_size;
    memcpy(a->bytes + at, k->name, k->name_size);
    if (k->class_size)
        memcpy(a->bytes + class_at, k->class_name, k->class_size);
    return STATUS_SUCCESS;
}

static NTSTATUS key_full(const struct cm_key *k, struct answer *a)
{
    size_t at = offsetof(KEY_FULL_INFORMATION, Class);
    struct sizes s = sizes_of(k);
    KEY_FULL_INFORMATION *i;
    NTSTATUS status = answer_new(a, at, at + k->class_size);

    if (status)
        return status;
    i = (KEY_FULL_INFORMATION *)a->bytes;
    i->LastWriteTime.QuadPart = (LONGLONG)k->last_write;
    i->ClassOffset = k->class_size ? (ULONG)at : NT_MAXULONG;
    i->ClassLength = k->class_size;
    i->SubKeys = k->child_count;
    i->MaxNameLen = s.child_name;
    i->MaxClassLen = s.child_class;
    i->Values = k->value_count;
    i->MaxValueNameLen = s.value_name;
    i->MaxValueDataLen = s.value_data;
    if (k->class_size)
        memcpy(a->bytes + at, k->class_name, k->class_size);
    return STATUS_SUCCESS;
}

static NTSTATUS key_basic(const struct cm_key *k, struct answer *a)
{
    size_t at = offsetof(KEY_BASIC_INFORMATION, Name);
    KEY_BASIC_INFORMATION *i;
    NTSTATUS status = answer_new(a, at, at + k->name_size);

    if (status)
        return status;
    i = (KEY_BASIC_INFORMATION *)a->bytes;
    i->LastWriteTime.QuadPart = (LONGLONG)k->last_write;
    i->NameLength = k->name_size;
    memcpy(a->bytes + at, k->name, k->name_size);
    return STATUS_SUCCESS;
}

static NTSTATUS key_name(const void *object, struct answer *a)
{
    WCHAR text[CM_PATH_MAX * 2];
    size_t at = offsetof(KEY_NAME_INFORMATION, Name), size;
    NTSTATUS status;

    if (!cm_key_name(object, text, PP_COUNT(text)))
        return STATUS_KEY_DELETED;
    size = rtl_wcslen(text) * sizeof *text;
    status = answer_new(a, at, at + size);
    if (status)
        return status;
    ((KEY_NAME_INFORMATION *)a->bytes)->NameLength = (ULONG)size;
    memcpy(a->bytes + at, text, size);
    return STATUS_SUCCESS;
}

static NTSTATUS key_cached(const struct cm_key *k, struct answer *a)
{
    struct sizes s = sizes_of(k);
    KEY_CACHED_INFORMATION *i;
    NTSTATUS status = answer_new(a, sizeof *i, sizeof *i);

    if (status)
        return status;
    i = (KEY_CACHED_INFORMATION *)a->bytes;
    i->LastWriteTime.QuadPart = (LONGLONG)k->last_write;
    i->SubKeys = k->child_count;
    i->MaxNameLen = s.child_name;
    i->Values = k->value_count;
    i->MaxValueNameLen = s.value_name;
    i->MaxValueDataLen = s.value_data;
    i->NameLength = k->name_size;
    return STATUS_SUCCESS;
}

/* object NULL: from an enumeration, which knows fewer classes. */
static NTSTATUS key_answer(const struct cm_key *k, const void *object, ULONG kind, struct answer *a)
{
    switch (kind) {
    case KeyBasicInformation:
        return key_basic(k, a);
    case KeyNodeInformation:
        return key_node(k, a);
    case KeyFullInformation:
        return key_full(k, a);
    case KeyNameInformation:
        return object ? key_name(object, a) : STATUS_INVALID_PARAMETER;
    case KeyCachedInformation:
        return object ? key_cached(k, a) : STATUS_INVALID_PARAMETER;
    case KeyFlagsInformation: /* UserFlags, KeyFlags (1: volatile), ControlFlags */
        if (!object || answer_new(a, 12, 12))
            return object ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER;
        a->bytes[4] = k->is_volatile;
        return STATUS_SUCCESS;
    case KeyVirtualizationInformation:
    case KeyHandleTagsInformation:
        if (!object || answer_new(a, 4, 4))
            return object ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER;
        return STATUS_SUCCESS;
    default:
        return STATUS_INVALID_PARAMETER;
    }
}

NT_EXPORT NTSTATUS NTAPI ZwQueryKey(HANDLE h, ULONG kind, PVOID to, ULONG length, PULONG ret_length)
{
    struct query_info info = {NULL, kind, to, length, ret_length, NULL, NULL, NULL};
    struct answer a = {0};
    struct cm_key *k;
    ULONG need = 0;
    bool bypassed = false;
    NTSTATUS status = cm_handle_key(h, &info.Object, &k);

    if (status)
        return status;
    if (cm_has_callbacks()) {
        status = cm_callback_pre(RegNtPreQueryKey, &info, &bypassed);
        if (status)
            goto done;
    }
    status = key_answer(k, info.Object, kind, &a);
    if (!status) {
        status = answer_deliver(&a, to, length, &need);
        *ret_length = need;
    }
    if (cm_has_callbacks())
        status = cm_callback_post(RegNtPostQueryKey, info.Object, status, &info);
done:
    ob_unref(info.Object);
    return bypassed ? STATUS_SUCCESS : status;
}

NT_EXPORT NTSTATUS NTAPI ZwEnumerateKey(HANDLE h, ULONG index, ULONG kind, PVOID to, ULONG length,
                                        PULONG ret_length)
{
    struct enumerate_info info = {NULL, index, kind, to, length, ret_length, NULL, NULL, NULL};
    struct answer a = {0};
    struct cm_key *k, *child;
    ULONG need = 0;
    bool bypassed = false;
    NTSTATUS status = cm_handle_key(h, &info.Object, &k);

    if (status)
        return status;
    if (cm_has_callbacks()) {
        status = cm_callback_pre(RegNtPreEnumerateKey, &info, &bypassed);
        if (status)
            goto done;
    }
    child = cm_child_at(k, index);
    status = child ? key_answer(child, NULL, kind, &a) : STATUS_NO_MORE_ENTRIES;
    if (!status) {
        status = answer_deliver(&a, to, length, &need);
        *ret_length = need;
    }
    if (cm_has_callbacks())
        status = cm_callback_post(RegNtPostEnumerateKey, info.Object, status, &info);
done:
    ob_unref(info.Object);
    return bypassed ? STATUS_SUCCESS : status;
}
