/*
 * The registry through the run-time library: RtlQueryRegistryValues and its relatives.
 *
 * Data handed to a query routine is a copy of exactly its length in guarded memory, so that a
 * routine that reads on faults at once. Strings get their terminator when the stored value lacks
 * one, as on Windows.
 *
 * Doc: WDK, wdm.h, RtlQueryRegistryValues (flags, DIRECT's three ways to store),
 * RtlWriteRegistryValue, RtlDeleteRegistryValue, RtlCheckRegistryKey, RtlCreateRegistryKey.
 */
#include "kernel/cm_priv.h"

#include <string.h>

enum { TAG_QUERY = 0x76727152 /* "Rqrv" */ };

/* ---- Which key ---- */

static const WCHAR *const bases[RTL_REGISTRY_MAXIMUM] = {
    u"",
    u"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\",
    u"\\Registry\\Machine\\System\\CurrentControlSet\\Control\\",
    u"\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion\\",
    u"\\Registry\\Machine\\Hardware\\DeviceMap\\",
    u"\\Registry\\User\\.Default\\",
};

static NTSTATUS open_path(struct cm_open *o, OBJECT_ATTRIBUTES *attr, const WCHAR *base,
                          const WCHAR *path, HANDLE *ret)
{
    WCHAR text[CM_PATH_MAX];
    size_t head = rtl_wcslen(base), tail = path ? rtl_wcslen(path) : 0;
    UNICODE_STRING name;

    if (head + tail >= PP_COUNT(text))
        return STATUS_NAME_TOO_LONG;
    memcpy(text, base, head * sizeof *text);
    if (tail)
        memcpy(text + head, path, tail * sizeof *text);
    text[head + tail] = 0;
    rtl_init_string(&name, text);
    attr->ObjectName = &name;
    return cm_open_key(o, ret);
}

/* *own: the handle is ours to close. */
static NTSTATUS registry_handle(ULONG relative, const WCHAR *path, bool create, HANDLE *ret,
                                bool *own)
{
    OBJECT_ATTRIBUTES attr = {.Length = sizeof attr,
                              .Attributes = OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE};
    struct cm_open o = {
        .attr = &attr, .access = create ? KEY_WRITE | KEY_READ : KEY_READ, .create = create};

    *own = false;
    if (relative & RTL_REGISTRY_HANDLE) {
        *ret = (HANDLE)(uintptr_t)path;
        return STATUS_SUCCESS;
    }
    relative &= ~RTL_REGISTRY_OPTIONAL;
    if (relative >= RTL_REGISTRY_MAXIMUM)
        return STATUS_INVALID_PARAMETER;
    *own = true;
    return open_path(&o, &attr, bases[relative], path, ret);
}

static void registry_close(HANDLE h, bool own)
{
    if (own)
        (void)ob_handle_close(h); /* our own handle */
}

static NTSTATUS subkey_handle(HANDLE from, const WCHAR *path, HANDLE *ret)
{
    OBJECT_ATTRIBUTES attr = {.Length = sizeof attr,
                              .RootDirectory = from,
                              .Attributes = OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE};
    struct cm_open o = {.attr = &attr, .access = KEY_READ};

    return open_path(&o, &attr, u"", path, ret);
}

/* ---- Environment ---- */

static const struct {
    const WCHAR *name, *value;
} environment[] = {
    {u"SystemRoot", u"C:\\Windows"},
    {u"windir", u"C:\\Windows"},
    {u"SystemDrive", u"C:"},
    {u"ProgramFiles", u"C:\\Program Files"},
    {u"TEMP", u"C:\\Windows\\TEMP"},
    {u"TMP", u"C:\\Windows\\TEMP"},
    {u"ProgramData", u"C:\\ProgramData"},
};

static const WCHAR *environment_find(const WCHAR *name, size_t chars)
{
    for (size_t i = 0; i < PP_COUNT(environment); i++) {
        size_t n = 0;

        if (rtl_wcslen(environment[i].name) != chars)
            continue;
        while (n < chars && rtl_upcase(name[n]) == rtl_upcase(environment[i].name[n]))
            n++;
        if (n == chars)
            return environment[i].value;
    }
    return NULL;
}

/* %NAME% replaced where known. Returns characters written, at most `room`. */
static size_t expand(const WCHAR *from, size_t chars, WCHAR *to, size_t room)
{
    size_t used = 0, i = 0;

    while (i < chars && used < room) {
        size_t end = i + 1;
        const WCHAR *value;

        while (from[i] == '%' && end < chars && from[end] != '%')
            end++;
        value = from[i] == '%' && end < chars ? environment_find(from + i + 1, end - i - 1) : NULL;
        if (!value) {
            to[used++] = from[i++];
            continue;
        }
        for (; *value && used < room; value++)
            to[used++] = *value;
        i = end + 1;
    }
    return used;
}

/* ---- One value, one entry ---- */

/* What an entry is about; data in our own memory. */
struct item {
    const WCHAR *name;
    ULONG type;
    const uint8_t *data;
    ULONG size;
};

struct query {
    RTL_QUERY_REGISTRY_TABLE *e;
    PVOID context;
};

static bool is_string(ULONG type)
{
    return type == REG_SZ || type == REG_EXPAND_SZ || type == REG_MULTI_SZ || type == REG_LINK;
}

/* DIRECT, a string: into a UNICODE_STRING, allocated for the driver when it has no buffer. */
static NTSTATUS store_string(UNICODE_STRING *to, const struct item *it)
{
    ULONG size = it->size, length = size;
    bool allocate = !to->Buffer;

    if (it->type != REG_MULTI_SZ && size >= 2 && !it->data[size - 1] && !it->data[size - 2])
        length = size - 2;
    if (it->type == REG_MULTI_SZ && size >= 2)
        length = size - 2;
    if (it->type != REG_MULTI_SZ && length == size)
        size += 2; /* room for the terminator that the value lacks */
    if (size > UNICODE_STRING_MAX_BYTES)
        return STATUS_BUFFER_TOO_SMALL;
    if (allocate) {
        PWSTR buffer = ex_alloc_for_driver(PagedPool, size, TAG_QUERY);

        if (!buffer)
            return STATUS_NO_MEMORY;
        to->Buffer = buffer;
        to->MaximumLength = (USHORT)size;
    } else if (size > to->MaximumLength) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    mm_copy(to->Buffer, it->data, PP_MIN(it->size, size));
    if (size > it->size)
        memset((uint8_t *)to->Buffer + it->size, 0, size - it->size);
    to->Length = (USHORT)length;
    return STATUS_SUCCESS;
}

/* DIRECT, anything else: up to 4 bytes plain; a negative LONG in the buffer gives its size, a
 * positive one the size of a buffer that gets length, type and data. */
static NTSTATUS store_binary(void *to, const struct item *it)
{
    LONG room;
    ULONG *head = to;

    if (it->size <= sizeof(ULONG)) {
        mm_copy(to, it->data, it->size);
        return STATUS_SUCCESS;
    }
    room = *(LONG *)to;
    if (room < 0) {
        if ((ULONG) - (int64_t)room < it->size)
            return STATUS_BUFFER_TOO_SMALL;
        mm_copy(to, it->data, it->size);
        return STATUS_SUCCESS;
    }
    if ((ULONG)room < 2 * sizeof(ULONG) + it->size)
        return STATUS_BUFFER_TOO_SMALL;
    head[0] = it->size;
    head[1] = it->type;
    mm_copy(head + 2, it->data, it->size);
    return STATUS_SUCCESS;
}

/* Data and name in guarded memory for the length of the call. */
static NTSTATUS call_routine(const struct query *q, const struct item *it)
{
    size_t name_size = it->name ? (rtl_wcslen(it->name) + 1) * sizeof *it->name : 0;
    void *name = name_size ? ex_alloc_kernel(name_size, "RqNm", false) : NULL;
    void *data = it->data ? ex_alloc_kernel(it->size ? it->size : 1, "RqDt", false) : NULL;
    NTSTATUS status;

    if (name)
        memcpy(name, it->name, name_size);
    if (data)
        memcpy(data, it->data, it->size);
    status = (NTSTATUS)ke_call(q->e->QueryRoutine, KE_ARG(name), it->type, KE_ARG(data), it->size,
                               KE_ARG(q->context), KE_ARG(q->e->EntryContext));
    if (name)
        ex_free_kernel(name);
    if (data)
        ex_free_kernel(data);
    return status;
}

static NTSTATUS deliver(const struct query *q, const struct item *it)
{
    if (!(q->e->Flags & RTL_QUERY_REGISTRY_DIRECT))
        return call_routine(q, it);
    if (is_string(it->type))
        return q->e->Flags & RTL_QUERY_REGISTRY_NOSTRING ? store_binary(q->e->EntryContext, it)
                                                         : store_string(q->e->EntryContext, it);
    return store_binary(q->e->EntryContext, it);
}

static NTSTATUS deliver_expanded(const struct query *q, const struct item *it)
{
    WCHAR *text = pp_new(UNICODE_STRING_MAX_BYTES + 2u);
    struct item plain = *it;
    size_t chars = it->size / 2;
    NTSTATUS status;

    if (!text)
        return STATUS_NO_MEMORY;
    while (chars && !pp_load16(it->data + 2 * chars - 2))
        chars--;
    chars = expand((const WCHAR *)it->data, chars, text, UNICODE_STRING_MAX_BYTES / 2 - 1);
    text[chars] = 0;
    plain.type = REG_SZ;
    plain.data = (uint8_t *)text;
    plain.size = (ULONG)(chars + 1) * 2;
    status = deliver(q, &plain);
    pp_free(text);
    return status;
}

/* Each string of a REG_MULTI_SZ by itself, as REG_SZ. */
static NTSTATUS deliver_each(const struct query *q, const struct item *it)
{
    const WCHAR *s = (const WCHAR *)it->data, *end = s + it->size / 2, *last = end - (end > s);
    NTSTATUS status = STATUS_SUCCESS;

    while (!status && s < last) { /* Seen: an empty string in the middle counts as one */
        const WCHAR *stop = s;
        struct item one = {it->name, REG_SZ, (const uint8_t *)s, 0};

        while (stop < end && *stop)
            stop++;
        if (stop < end)
            stop++;
        one.size = (ULONG)((const uint8_t *)stop - (const uint8_t *)s);
        status = deliver(q, &one);
        s = stop;
    }
    return status;
}

static NTSTATUS process(const struct query *q, const struct item *it)
{
    ULONG flags = q->e->Flags;

    if (flags & RTL_QUERY_REGISTRY_TYPECHECK &&
        q->e->DefaultType >> RTL_QUERY_REGISTRY_TYPECHECK_SHIFT != it->type)
        return STATUS_OBJECT_TYPE_MISMATCH;
    if (flags & RTL_QUERY_REGISTRY_NOEXPAND)
        return deliver(q, it);
    if (it->type == REG_MULTI_SZ && !(flags & RTL_QUERY_REGISTRY_DIRECT))
        return deliver_each(q, it);
    if (it->type == REG_EXPAND_SZ)
        return deliver_expanded(q, it);
    return deliver(q, it);
}

/* A value without its terminator gets one. The caller frees *ret_copy. */
static NTSTATUS item_of(const struct cm_value *v, struct item *ret, uint8_t **ret_copy)
{
    uint8_t *copy = pp_new((size_t)v->size + 2);
    bool ends = v->size >= 2 && !v->data[v->size - 1] && !v->data[v->size - 2];

    if (!copy)
        return STATUS_NO_MEMORY;
    memcpy(copy, v->data, v->size);
    *ret = (struct item){v->name, v->type, copy, v->size};
    if (is_string(v->type) && !ends && v->size % 2 == 0)
        ret->size += 2;
    *ret_copy = copy;
    return STATUS_SUCCESS;
}

/* The value is not there: its default, or an error when it was required. */
static NTSTATUS use_default(const struct query *q)
{
    ULONG type = q->e->DefaultType & ((1u << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT) - 1);
    struct item it = {q->e->Name, type, q->e->DefaultData, q->e->DefaultLength};

    if (q->e->Flags & RTL_QUERY_REGISTRY_REQUIRED)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (type == REG_NONE || !it.data ||
        (type == REG_MULTI_SZ && !*(const WCHAR *)q->e->DefaultData))
        return STATUS_SUCCESS;
    if (!it.size && is_string(type)) {
        const WCHAR *s = q->e->DefaultData;

        if (type == REG_MULTI_SZ)
            while (*s)
                s += rtl_wcslen(s) + 1;
        else
            s += rtl_wcslen(s);
        it.size = (ULONG)((const uint8_t *)(s + 1) - it.data);
    }
    return q->e->Flags & RTL_QUERY_REGISTRY_TYPECHECK &&
                   q->e->DefaultType >> RTL_QUERY_REGISTRY_TYPECHECK_SHIFT != type
               ? deliver(q, &it)
               : process(q, &it);
}

static NTSTATUS query_named(const struct query *q, struct cm_key *k)
{
    struct cm_value *v = k ? cm_value_find(k, q->e->Name, rtl_wcslen(q->e->Name) * 2) : NULL;
    struct item it;
    uint8_t *copy;
    NTSTATUS status;

    if (!v)
        return use_default(q);
    status = item_of(v, &it, &copy);
    if (status)
        return status;
    status = process(q, &it);
    pp_free(copy);
    if (NT_SUCCESS(status) && q->e->Flags & RTL_QUERY_REGISTRY_DELETE) {
        v = cm_value_find(k, q->e->Name,
                          rtl_wcslen(q->e->Name) * 2); /* the routine may have been there */
        if (v)
            cm_value_delete(k, v);
    }
    return status;
}

/* All values of the key; with DELETE each one goes after its call. */
static NTSTATUS query_all(const struct query *q, struct cm_key *k)
{
    uint32_t index = 0, count = 0;
    struct cm_value *v;
    NTSTATUS status = STATUS_SUCCESS;

    while (NT_SUCCESS(status) && k && (v = cm_value_at(k, index))) {
        struct item it;
        uint8_t *copy;

        status = item_of(v, &it, &copy);
        if (status)
            break;
        status = process(q, &it);
        pp_free(copy);
        count++;
        if (NT_SUCCESS(status) && q->e->Flags & RTL_QUERY_REGISTRY_DELETE &&
            cm_value_at(k, index) == v)
            cm_value_delete(k, v);
        else
            index++;
    }
    if (!count && q->e->Flags & RTL_QUERY_REGISTRY_REQUIRED)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    return status;
}

/* ---- The table ---- */

struct table_walk {
    HANDLE top, now; /* now is ours to close when it is not top */
    bool has_key;
};

static void walk_reset(struct table_walk *w)
{
    if (w->now != w->top)
        (void)ob_handle_close(w->now); /* our own handle */
    w->now = w->top;
}

static NTSTATUS entry_run(struct table_walk *w, struct query *q)
{
    RTL_QUERY_REGISTRY_TABLE *e = q->e;
    struct cm_key *k = NULL;
    void *object = NULL;
    NTSTATUS status;

    if (e->Flags & RTL_QUERY_REGISTRY_DIRECT &&
        (!e->Name || e->Flags & RTL_QUERY_REGISTRY_SUBKEY || e->QueryRoutine))
        return STATUS_INVALID_PARAMETER;
    if (e->Flags & (RTL_QUERY_REGISTRY_TOPKEY | RTL_QUERY_REGISTRY_SUBKEY))
        walk_reset(w);
    if (e->Flags & RTL_QUERY_REGISTRY_SUBKEY) {
        HANDLE h;

        if (!e->Name)
            return STATUS_INVALID_PARAMETER;
        status = w->has_key ? subkey_handle(w->now, e->Name, &h) : STATUS_OBJECT_NAME_NOT_FOUND;
        if (status)
            return status;
        w->now = h;
        if (!e->QueryRoutine)
            return STATUS_SUCCESS;
    }
    if (w->has_key && (status = cm_handle_key(w->now, &object, &k)))
        return status;
    if (e->Flags & RTL_QUERY_REGISTRY_SUBKEY)
        status = query_all(q, k);
    else if (e->Name)
        status = query_named(q, k);
    else if (e->Flags & RTL_QUERY_REGISTRY_NOVALUE)
        status = call_routine(q, &(struct item){NULL, REG_NONE, NULL, 0});
    else
        status = query_all(q, k);
    if (object)
        ob_unref(object);
    return status;
}

static NTSTATUS query_values(ULONG relative, const WCHAR *path, RTL_QUERY_REGISTRY_TABLE *table,
                             PVOID context)
{
    struct table_walk w = {0};
    struct query q = {table, context};
    bool own;
    NTSTATUS status = registry_handle(relative, path, false, &w.top, &own);

    if (status && !(relative & RTL_REGISTRY_OPTIONAL))
        return status;
    w.has_key = !status;
    w.now = w.top;
    for (status = STATUS_SUCCESS;
         NT_SUCCESS(status) && (q.e->QueryRoutine || q.e->Flags & (RTL_QUERY_REGISTRY_SUBKEY |
                                                                   RTL_QUERY_REGISTRY_DIRECT));
         q.e++)
        status = entry_run(&w, &q);
    walk_reset(&w);
    if (w.has_key)
        registry_close(w.top, own);
    return NT_SUCCESS(status) ? STATUS_SUCCESS : status;
}

NT_EXPORT NTSTATUS NTAPI RtlQueryRegistryValues(ULONG relative, PCWSTR path,
                                                PRTL_QUERY_REGISTRY_TABLE table, PVOID context,
                                                PVOID env)
{
    (void)env; /* the environment of expansions is the system's */
    return query_values(relative, path, table, context);
}

/* Doc: like the above, but DIRECT without TYPECHECK is refused. */
NT_EXPORT NTSTATUS NTAPI RtlQueryRegistryValuesEx(ULONG relative, PCWSTR path,
                                                  PRTL_QUERY_REGISTRY_TABLE table, PVOID context,
                                                  PVOID env)
{
    const RTL_QUERY_REGISTRY_TABLE *e = table;

    (void)env;
    for (; e->QueryRoutine || e->Flags & (RTL_QUERY_REGISTRY_SUBKEY | RTL_QUERY_REGISTRY_DIRECT);
         e++)
        if (e->Flags & RTL_QUERY_REGISTRY_DIRECT && !(e->Flags & RTL_QUERY_REGISTRY_TYPECHECK))
            return STATUS_INVALID_PARAMETER;
    return query_values(relative, path, table, context);
}

/* ---- The others ---- */

NT_EXPORT NTSTATUS NTAPI RtlWriteRegistryValue(ULONG relative, PCWSTR path, PCWSTR name, ULONG type,
                                               PVOID data, ULONG size)
{
    struct cm_key *k;
    void *object;
    HANDLE h;
    bool own;
    NTSTATUS status = registry_handle(relative, path, true, &h, &own);

    if (status)
        return status;
    status = cm_handle_key(h, &object, &k);
    if (!status) {
        mm_check_range(data, size, false);
        status =
            cm_value_set(k, name ? name : u"", name ? rtl_wcslen(name) * 2 : 0, type, data, size);
        ob_unref(object);
    }
    registry_close(h, own);
    return status;
}

NT_EXPORT NTSTATUS NTAPI RtlDeleteRegistryValue(ULONG relative, PCWSTR path, PCWSTR name)
{
    struct cm_value *v;
    struct cm_key *k;
    void *object;
    HANDLE h;
    bool own;
    NTSTATUS status = registry_handle(relative, path, false, &h, &own);

    if (status)
        return status;
    status = cm_handle_key(h, &object, &k);
    if (!status) {
        v = cm_value_find(k, name ? name : u"", name ? rtl_wcslen(name) * 2 : 0);
        if (v)
            cm_value_delete(k, v);
        else
            status = STATUS_OBJECT_NAME_NOT_FOUND;
        ob_unref(object);
    }
    registry_close(h, own);
    return status;
}

NT_EXPORT NTSTATUS NTAPI RtlCheckRegistryKey(ULONG relative, PWSTR path)
{
    HANDLE h;
    bool own;
    NTSTATUS status = registry_handle(relative, path, false, &h, &own);

    if (!status)
        registry_close(h, own);
    return status;
}

NT_EXPORT NTSTATUS NTAPI RtlCreateRegistryKey(ULONG relative, PWSTR path)
{
    HANDLE h;
    bool own;
    NTSTATUS status = registry_handle(relative, path, true, &h, &own);

    if (!status)
        registry_close(h, own);
    return status;
}

/* \REGISTRY\USER\<SID of the current token's user>, in memory that RtlFreeUnicodeString frees. */
NT_EXPORT NTSTATUS NTAPI RtlFormatCurrentUserKeyPath(PUNICODE_STRING ret)
{
    static const WCHAR system_path[] = u"\\REGISTRY\\USER\\S-1-5-18";
    static const WCHAR user_path[] = u"\\REGISTRY\\USER\\S-1-5-21-1000-2000-3000-1001";
    bool is_system = ps_current() == ps_system;
    const WCHAR *path = is_system ? system_path : user_path;
    size_t size = is_system ? sizeof system_path : sizeof user_path;
    PWSTR text = ex_alloc_for_driver(PagedPool, size, TAG_QUERY);

    if (!text)
        return STATUS_NO_MEMORY;
    memcpy(text, path, size);
    *ret = (UNICODE_STRING){(USHORT)(size - 2), (USHORT)size, text};
    return STATUS_SUCCESS;
}
