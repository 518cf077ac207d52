/*
 * Device interfaces: registration, enabling, enumeration, and their registry keys.
 *
 * A symbolic link name is \??\<instance, with # for \>#{class guid}[\reference]; while the
 * interface is enabled the link leads to the PDO.
 *
 * Doc: WDK, "Device Interface Classes"; wdm.h, IoRegisterDeviceInterface,
 * IoSetDeviceInterfaceState.
 */
#include "kernel/pnp_priv.h"

#include <string.h>

enum { LINK_CHARS = 256 };

struct interface {
    struct pp_list link;
    DEVICE_OBJECT *pdo;
    GUID class_guid;
    WCHAR name[LINK_CHARS];
    uint32_t owner; /* driver that registered it */
    bool is_enabled;
};

static struct {
    struct pp_list all;
} g = {{&g.all, &g.all}};

static struct interface *find(const UNICODE_STRING *name)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.all)
    {
        struct interface *i = PP_CONTAINER(it, struct interface, link);
        UNICODE_STRING s;

        rtl_init_string(&s, i->name);
        if (!rtl_compare(&s, name, true))
            return i;
    }
    return NULL;
}

/* ---- Names ---- */

static void guid_text(const GUID *guid, char *buf, size_t size)
{
    const UCHAR *d = guid->Data4;

    pp_fmt(buf, size, "{%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x}", guid->Data1,
           guid->Data2, guid->Data3, d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]);
}

static bool name_make(const struct pnp_node *n, const GUID *guid, const UNICODE_STRING *reference,
                      WCHAR *ret)
{
    char text[64];
    WCHAR wide[64];
    const WCHAR *parts[4] = {u"\\??\\", pnp_node_instance(n), u"#", wide};
    size_t at = 0, chars = reference ? reference->Length / sizeof(WCHAR) : 0;

    guid_text(guid, text, sizeof text);
    rtl_from_utf8(text, wide, PP_COUNT(wide));
    for (unsigned i = 0; i < 4; i++)
        for (const WCHAR *p = parts[i]; *p; p++)
            ret[at++] = i == 1 && *p == '\\' ? (WCHAR)'#' : *p;
    if (at + chars + 2 > LINK_CHARS)
        return false;
    if (chars)
        ret[at++] = '\\';
    for (size_t i = 0; i < chars; i++)
        ret[at++] = reference->Buffer[i];
    ret[at] = 0;
    return true;
}

static bool string_return(const WCHAR *text, UNICODE_STRING *ret)
{
    size_t chars = rtl_wcslen(text);
    WCHAR *p = ex_alloc_for_driver(PagedPool, (chars + 1) * sizeof *p, 0x20207050);

    if (!p)
        return false;
    memcpy(p, text, (chars + 1) * sizeof *p);
    ret->Buffer = p;
    ret->Length = (USHORT)(chars * sizeof *p);
    ret->MaximumLength = (USHORT)(ret->Length + sizeof *p);
    return true;
}

/* ---- Registration ---- */

NT_EXPORT NTSTATUS NTAPI IoRegisterDeviceInterface(PDEVICE_OBJECT pdo, const GUID *guid,
                                                   PUNICODE_STRING reference, PUNICODE_STRING ret)
{
    struct pnp_node *n = pnp_node_of(pdo);
    struct ke_image *image = ke_image_current();
    WCHAR text[LINK_CHARS];
    UNICODE_STRING name;
    struct interface *i;

    if (!n)
        return STATUS_INVALID_DEVICE_REQUEST;
    for (size_t k = 0; reference && k < reference->Length / sizeof(WCHAR); k++)
        if (reference->Buffer[k] == '\\' || reference->Buffer[k] == '/')
            return STATUS_INVALID_DEVICE_REQUEST;
    if (!name_make(n, guid, reference, text))
        return STATUS_INVALID_PARAMETER;
    rtl_init_string(&name, text);
    if (!string_return(text, ret))
        return STATUS_INSUFFICIENT_RESOURCES;
    i = find(&name);
    if (i)
        return STATUS_SUCCESS; /* Doc: registering again gives the same name */
    i = pp_new(sizeof *i);
    PP_ASSERT(i);
    i->pdo = pdo;
    i->class_guid = *guid;
    i->owner = image ? image->owner : 0;
    memcpy(i->name, text, sizeof text);
    pp_list_push_back(&g.all, &i->link);
    return STATUS_SUCCESS;
}

/* The object manager has directories only where they were made: the part up to the class GUID is
 * the link, what follows is the file name given to the driver. */
static void link_name(const struct interface *i, WCHAR *text)
{
    size_t at;

    memcpy(text, i->name, sizeof i->name);
    for (at = 4; text[at]; at++)
        if (text[at] == '\\')
            text[at] = 0;
}

static NTSTATUS enable(struct interface *i)
{
    WCHAR target[128], text[LINK_CHARS];
    UNICODE_STRING name, to;
    NTSTATUS status;

    if (i->is_enabled)
        return STATUS_OBJECT_NAME_EXISTS;
    if (!ob_name_of(i->pdo, target, PP_COUNT(target)))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    link_name(i, text);
    rtl_init_string(&name, text);
    rtl_init_string(&to, target);
    status = ob_symlink_new(&name, &to);
    if (status == STATUS_OBJECT_NAME_COLLISION)
        status = STATUS_SUCCESS; /* another reference string of the same interface */
    i->is_enabled = NT_SUCCESS(status);
    return status;
}

static NTSTATUS disable(struct interface *i)
{
    WCHAR text[LINK_CHARS];
    UNICODE_STRING name;

    if (!i->is_enabled)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    i->is_enabled = false;
    link_name(i, text);
    rtl_init_string(&name, text);
    (void)ob_symlink_delete(&name);
    return STATUS_SUCCESS;
}

/* \\??\\ or \\\\?\\, at least one character, a class GUID in braces, then nothing or a reference
 * string. */
static bool is_link(const UNICODE_STRING *name)
{
    enum { PREFIX = 4, GUID_CHARS = 38 };
    const WCHAR *p = name->Buffer;
    size_t chars = name->Length / sizeof(WCHAR), end = PREFIX;

    if (chars <= PREFIX + GUID_CHARS || p[0] != '\\' || (p[1] != '?' && p[1] != '\\') ||
        p[2] != '?' || p[3] != '\\')
        return false;
    while (end < chars && p[end] != '\\')
        end++;
    return end > PREFIX + GUID_CHARS && p[end - 1] == '}' && p[end - GUID_CHARS] == '{';
}

NT_EXPORT NTSTATUS NTAPI IoSetDeviceInterfaceState(PUNICODE_STRING name, BOOLEAN on)
{
    struct interface *i;
    NTSTATUS status;

    if (!name || !name->Buffer || !is_link(name))
        return STATUS_INVALID_PARAMETER;
    i = find(name);
    if (!i)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    status = on ? enable(i) : disable(i);
    if (status == STATUS_SUCCESS)
        pnp_interface_changed(&i->class_guid, name, on);
    return status;
}

/* Doc: wdm, IoGetDeviceInterfaces: a list of strings, ended by an empty one; the caller frees it.
 */
NT_EXPORT NTSTATUS NTAPI IoGetDeviceInterfaces(const GUID *guid, PDEVICE_OBJECT pdo, ULONG flags,
                                               PWSTR *ret)
{
    struct pp_list *it;
    size_t chars = 0, at = 0;
    WCHAR *list;

    for (int pass = 0; pass < 2; pass++) {
        if (pass) {
            list = ex_alloc_for_driver(PagedPool, (chars + 1) * sizeof *list, 0x20207050);
            if (!list)
                return STATUS_INSUFFICIENT_RESOURCES;
            *ret = list;
        }
        PP_LIST_EACH(it, &g.all)
        {
            struct interface *i = PP_CONTAINER(it, struct interface, link);
            size_t len = rtl_wcslen(i->name) + 1;

            if (memcmp(&i->class_guid, guid, sizeof *guid) || (pdo && i->pdo != pdo) ||
                (!i->is_enabled && !(flags & DEVICE_INTERFACE_INCLUDE_NONACTIVE)))
                continue;
            if (pass)
                memcpy(*ret + at, i->name, len * sizeof(WCHAR));
            at += len;
        }
        if (!pass)
            chars = at, at = 0;
        else
            (*ret)[at] = 0;
    }
    return STATUS_SUCCESS;
}

/* Doc: wdm, IoGetDeviceInterfaceAlias: the same device's interface of another class. */
NT_EXPORT NTSTATUS NTAPI IoGetDeviceInterfaceAlias(PUNICODE_STRING name, const GUID *alias,
                                                   PUNICODE_STRING ret)
{
    struct interface *i = find(name);
    struct pp_list *it;

    if (!i)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    PP_LIST_EACH(it, &g.all)
    {
        struct interface *o = PP_CONTAINER(it, struct interface, link);

        if (o->pdo == i->pdo && !memcmp(&o->class_guid, alias, sizeof *alias))
            return string_return(o->name, ret) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
    }
    return STATUS_OBJECT_NAME_NOT_FOUND;
}

/* Doc: wdm, IoOpenDeviceInterfaceRegistryKey: Control\DeviceClasses\{guid}\##?#...\Device
 * Parameters. */
NT_EXPORT NTSTATUS NTAPI IoOpenDeviceInterfaceRegistryKey(PUNICODE_STRING name, ACCESS_MASK access,
                                                          PHANDLE ret)
{
    struct interface *i = find(name);
    WCHAR path[LINK_CHARS * 2];
    char guid[64], text[128];
    size_t at;

    if (!i)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    guid_text(&i->class_guid, guid, sizeof guid);
    pp_fmt(text, sizeof text,
           "\\Registry\\Machine\\System\\CurrentControlSet\\Control\\DeviceClasses\\%s\\##?#",
           guid);
    at = rtl_from_utf8(text, path, PP_COUNT(path));
    for (const WCHAR *p = i->name + 4; *p; p++)
        path[at++] = *p == '\\' ? (WCHAR)'#' : *p;
    path[at] = 0;
    return pnp_key_open(path, u"\\Device Parameters", access, true, ret);
}

bool pnp_interface_each_of(const GUID *guid, bool (*fn)(void *ctx, const UNICODE_STRING *name),
                           void *ctx)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.all)
    {
        struct interface *i = PP_CONTAINER(it, struct interface, link);
        UNICODE_STRING name;

        if (!i->is_enabled || memcmp(&i->class_guid, guid, sizeof *guid))
            continue;
        rtl_init_string(&name, i->name);
        if (!fn(ctx, &name))
            return false;
    }
    return true;
}

void pnp_interface_wipe(const struct ke_image *image)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.all)
    {
        struct interface *i = PP_CONTAINER(it, struct interface, link);

        if (i->owner != image->owner)
            continue;
        (void)disable(i);
        pp_list_remove(it);
        pp_free(i);
    }
}

void ke_each_interface(bool (*fn)(void *ctx, const char *link, const struct ke_image *owner),
                       void *ctx)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.all)
    {
        struct interface *i = PP_CONTAINER(it, struct interface, link);
        char utf8[LINK_CHARS * 2];

        if (!i->is_enabled)
            continue;
        rtl_to_utf8(i->name, rtl_wcslen(i->name), utf8, sizeof utf8);
        if (!fn(ctx, utf8, ke_image_by_owner(i->owner)))
            return;
    }
}
