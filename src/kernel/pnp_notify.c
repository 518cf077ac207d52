/*
 * Plug and Play notifications: device interfaces of a class, a target device, the hardware profile.
 *
 * Callbacks run at PASSIVE_LEVEL: in the thread that caused the event, or in a worker when that is
 * above.
 *
 * Doc: WDK, "Using PnP Notification"; wdm.h, IoRegisterPlugPlayNotification.
 */
#include "kernel/pnp_priv.h"

#include <string.h>

struct notify {
    struct pp_list link;
    void *entry; /* what the driver holds */
    IO_NOTIFICATION_EVENT_CATEGORY category;
    GUID class_guid;
    FILE_OBJECT *file; /* target device; referenced */
    DEVICE_OBJECT *target;
    DRIVER_OBJECT *driver;
    uint64_t routine, context;
    bool is_calling, is_dead;
};

static struct {
    struct pp_list all;
} g = {{&g.all, &g.all}};

/* ---- Telling ---- */

static void notify_free(struct notify *n)
{
    pp_list_remove(&n->link);
    if (n->file)
        ob_unref(n->file);
    ex_free_kernel(n->entry);
    pp_free(n);
}

static void tell(struct notify *n, void *notification)
{
    n->is_calling = true;
    (void)ke_call(n->routine, KE_ARG(notification), n->context);
    n->is_calling = false;
    if (n->is_dead)
        notify_free(n);
}

static void tell_interface(struct notify *n, const GUID *event, const UNICODE_STRING *name)
{
    DEVICE_INTERFACE_CHANGE_NOTIFICATION *d = ex_alloc_kernel(sizeof *d, "PpNt", true);
    UNICODE_STRING *copy = ex_alloc_kernel(sizeof *copy, "PpNt", true);

    copy->Buffer = ex_alloc_kernel(name->Length + sizeof(WCHAR), "PpNt", true);
    memcpy(copy->Buffer, name->Buffer, name->Length);
    copy->Length = name->Length;
    copy->MaximumLength = (USHORT)(name->Length + sizeof(WCHAR));
    d->Version = 1;
    d->Size = sizeof *d;
    d->Event = *event;
    d->InterfaceClassGuid = n->class_guid;
    d->SymbolicLinkName = copy;
    tell(n, d);
    ex_free_kernel(copy->Buffer);
    ex_free_kernel(copy);
    ex_free_kernel(d);
}

struct change {
    GUID class_guid;
    bool arrived;
    UNICODE_STRING name;
    WCHAR text[256];
};

static void change_tell(void *arg)
{
    static const GUID arrival = NT_GUID_DEVICE_INTERFACE_ARRIVAL;
    static const GUID removal = NT_GUID_DEVICE_INTERFACE_REMOVAL;
    struct change *c = arg;
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.all)
    {
        struct notify *n = PP_CONTAINER(it, struct notify, link);

        if (n->category == EventCategoryDeviceInterfaceChange && !n->is_dead &&
            !memcmp(&n->class_guid, &c->class_guid, sizeof(GUID)))
            tell_interface(n, c->arrived ? &arrival : &removal, &c->name);
    }
    pp_free(c);
}

/* The driver that changes an interface does not wait for those who are told. */
void pnp_interface_changed(const GUID *class_guid, const UNICODE_STRING *name, bool arrived)
{
    struct change *c = pp_new(sizeof *c);
    size_t size = PP_MIN((size_t)name->Length, sizeof c->text - sizeof(WCHAR));

    PP_ASSERT(c);
    c->class_guid = *class_guid;
    c->arrived = arrived;
    memcpy(c->text, name->Buffer, size);
    rtl_init_string(&c->name, c->text);
    ke_work(change_tell, c);
}

static bool in_stack(DEVICE_OBJECT *device, const DEVICE_OBJECT *pdo)
{
    for (; device; device = io_device_below(device))
        if (device == pdo)
            return true;
    return false;
}

void pnp_target_changed(DEVICE_OBJECT *device, const GUID *event)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.all)
    {
        struct notify *n = PP_CONTAINER(it, struct notify, link);
        TARGET_DEVICE_REMOVAL_NOTIFICATION *t;

        if (n->category != EventCategoryTargetDeviceChange || n->is_dead || n->target != device)
            continue;
        t = ex_alloc_kernel(sizeof *t, "PpNt", true);
        t->Version = 1;
        t->Size = sizeof *t;
        t->Event = *event;
        t->FileObject = n->file;
        tell(n, t);
        ex_free_kernel(t);
    }
}

/* ---- Registration ---- */

static bool existing_tell(void *ctx, const UNICODE_STRING *name)
{
    static const GUID arrival = NT_GUID_DEVICE_INTERFACE_ARRIVAL;

    tell_interface(ctx, &arrival, name);
    return true;
}

static DEVICE_OBJECT *bottom(DEVICE_OBJECT *device)
{
    DEVICE_OBJECT *below;

    while ((below = io_device_below(device)))
        device = below;
    return device;
}

static struct notify *notify_new(IO_NOTIFICATION_EVENT_CATEGORY category, const void *data)
{
    struct notify *n = pp_new(sizeof *n);

    PP_ASSERT(n);
    n->category = category;
    if (category == EventCategoryDeviceInterfaceChange) {
        n->class_guid = *(const GUID *)data;
    } else if (category == EventCategoryTargetDeviceChange) {
        n->file = (FILE_OBJECT *)(uintptr_t)data;
        n->target = bottom(io_file_device(n->file));
        ob_ref(n->file);
    }
    n->entry = ex_alloc_kernel(0x50, "PpNe", false);
    pp_list_push_back(&g.all, &n->link);
    return n;
}

NT_EXPORT NTSTATUS NTAPI IoRegisterPlugPlayNotification(
    IO_NOTIFICATION_EVENT_CATEGORY category, ULONG flags, PVOID data, PDRIVER_OBJECT driver,
    PDRIVER_NOTIFICATION_CALLBACK_ROUTINE routine, PVOID context, PVOID *ret)
{
    struct notify *n;

    *ret = NULL;
    if (category != EventCategoryHardwareProfileChange &&
        category != EventCategoryDeviceInterfaceChange &&
        category != EventCategoryTargetDeviceChange)
        return STATUS_INVALID_PARAMETER;
    if (category != EventCategoryHardwareProfileChange && !data)
        return STATUS_INVALID_PARAMETER;
    if (category == EventCategoryTargetDeviceChange && !ob_is(data, ob_type_file))
        return STATUS_INVALID_PARAMETER;
    n = notify_new(category, data);
    n->driver = driver;
    n->routine = KE_ARG(routine);
    n->context = KE_ARG(context);
    *ret = n->entry;
    if (category == EventCategoryDeviceInterfaceChange &&
        (flags & PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES))
        (void)pnp_interface_each_of(&n->class_guid, existing_tell, n);
    return STATUS_SUCCESS;
}

static struct notify *notify_of(const void *entry)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.all)
    {
        struct notify *n = PP_CONTAINER(it, struct notify, link);

        if (n->entry == entry && !n->is_dead)
            return n;
    }
    return NULL;
}

static NTSTATUS notify_end(void *entry)
{
    struct notify *n = notify_of(entry);

    if (!n) {
        (void)*(volatile UCHAR *)entry; /* a stale entry faults with its history */
        return STATUS_INVALID_PARAMETER;
    }
    n->is_dead = true;
    if (!n->is_calling)
        notify_free(n);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI IoUnregisterPlugPlayNotification(PVOID entry)
{
    return notify_end(entry);
}

NT_EXPORT NTSTATUS NTAPI IoUnregisterPlugPlayNotificationEx(PVOID entry)
{
    return notify_end(entry);
}

void pnp_notify_wipe(const struct ke_image *image)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.all)
    {
        struct notify *n = PP_CONTAINER(it, struct notify, link);

        if (ke_image_at(n->routine) != image)
            continue;
        io_unload_rule(image, VF_UNLOAD_NOTIFY, n->routine, 0, "Plug and Play notification");
        notify_free(n);
    }
}

/* ---- Custom target events ---- */

static NTSTATUS report_target(DEVICE_OBJECT *pdo, const PLUGPLAY_NOTIFICATION_HEADER *h)
{
    struct pp_list *it, *tmp;

    if (!pnp_node_of(pdo))
        return STATUS_INVALID_DEVICE_REQUEST;
    PP_LIST_EACH_SAFE(it, tmp, &g.all)
    {
        struct notify *n = PP_CONTAINER(it, struct notify, link);
        TARGET_DEVICE_CUSTOM_NOTIFICATION *copy;

        if (n->category != EventCategoryTargetDeviceChange || n->is_dead ||
            !in_stack(n->target, pdo))
            continue;
        copy = ex_alloc_kernel(PP_MAX((size_t)h->Size, sizeof *copy), "PpNt", true);
        memcpy(copy, h, h->Size);
        copy->FileObject = n->file;
        tell(n, copy);
        ex_free_kernel(copy);
    }
    return STATUS_SUCCESS;
}

/* Doc: wdm, IoReportTargetDeviceChange: kernel components that registered are told before it
 * returns. */
NT_EXPORT NTSTATUS NTAPI IoReportTargetDeviceChange(PDEVICE_OBJECT pdo, PVOID notification)
{
    return report_target(pdo, notification);
}

struct report {
    DEVICE_OBJECT *pdo;
    uint64_t callback, context;
    PLUGPLAY_NOTIFICATION_HEADER *copy;
};

static void report_later(void *arg)
{
    struct report *r = arg;

    (void)report_target(r->pdo, r->copy);
    if (r->callback)
        (void)ke_call(r->callback, r->context);
    ex_free_kernel(r->copy);
    ob_unref(r->pdo);
    pp_free(r);
}

NT_EXPORT NTSTATUS NTAPI
IoReportTargetDeviceChangeAsynchronous(PDEVICE_OBJECT pdo, PVOID notification,
                                       PDEVICE_CHANGE_COMPLETE_CALLBACK callback, PVOID context)
{
    const PLUGPLAY_NOTIFICATION_HEADER *h = notification;
    struct report *r;

    if (!pnp_node_of(pdo))
        return STATUS_INVALID_DEVICE_REQUEST;
    r = pp_new(sizeof *r);
    PP_ASSERT(r);
    r->pdo = pdo;
    ob_ref(pdo);
    r->callback = KE_ARG(callback);
    r->context = KE_ARG(context);
    r->copy = ex_alloc_kernel(h->Size, "PpNt", false);
    memcpy(r->copy, h, h->Size);
    ke_work(report_later, r);
    return STATUS_PENDING;
}

int pnp_init(void)
{
    return 0;
}
