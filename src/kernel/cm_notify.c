/*
 * Registry callbacks (CmRegisterCallback) and change notification (ZwNotifyChangeKey).
 *
 * Doc: WDK, wdm.h: CmRegisterCallback, CmRegisterCallbackEx, EX_CALLBACK_FUNCTION, "Filtering
 * Registry Calls"; ZwNotifyChangeKey.
 */
#include "kernel/cm_priv.h"

#include <string.h>

enum { CALLBACKS_MAX = 32, CONTEXTS_MAX = 64, WATCHES_MAX = 64 };

/* A change that somebody waits for. */
struct watch {
    struct pp_list link;
    void *object; /* key object; not referenced: its close ends the watch */
    struct cm_key *key;
    unsigned filter;
    bool tree;
    KEVENT *event;     /* referenced; or NULL */
    KEVENT *own_event; /* synchronous: the waiter's, in guarded memory */
    IO_STATUS_BLOCK *iosb;
    WORK_QUEUE_ITEM *work; /* Doc: kernel-mode callers pass a work item for the APC routine */
    ULONG queue;
    NTSTATUS status;
};

static struct {
    struct callback {
        uint64_t routine, context, cookie;
        WCHAR altitude[32];
        uint32_t owner;
    } callback[CALLBACKS_MAX]; /* routine 0: free */
    struct {
        const void *object;
        uint64_t cookie;
        void *context;
    } context[CONTEXTS_MAX];
    struct pp_list watches;
    uint64_t next_cookie;
    unsigned count, depth;
} g;

void cm_notify_init(void)
{
    pp_list_init(&g.watches);
}

/* ---- Registration ---- */

static NTSTATUS register_callback(PVOID routine, PVOID context, const UNICODE_STRING *altitude,
                                  LARGE_INTEGER *ret)
{
    const struct ke_image *image = ke_image_current();
    struct callback *c = NULL;
    size_t i;

    for (i = 0; i < CALLBACKS_MAX; i++) {
        if (!g.callback[i].routine)
            c = c ? c : &g.callback[i];
        else if (altitude && rtl_wcslen(g.callback[i].altitude) == altitude->Length / 2u &&
                 !memcmp(g.callback[i].altitude, altitude->Buffer, altitude->Length))
            return STATUS_FLT_INSTANCE_ALTITUDE_COLLISION;
    }
    if (!c)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (altitude && altitude->Length / 2u >= PP_COUNT(c->altitude))
        return STATUS_INVALID_PARAMETER;
    memset(c, 0, sizeof *c);
    if (altitude)
        memcpy(c->altitude, altitude->Buffer, altitude->Length);
    c->context = KE_ARG(context);
    c->cookie = 0x01D0000000000000 + ++g.next_cookie;
    c->owner = image ? image->owner : 0;
    c->routine = KE_ARG(routine);
    g.count++;
    ret->QuadPart = (LONGLONG)c->cookie;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI CmRegisterCallback(PEX_CALLBACK_FUNCTION routine, PVOID context,
                                            PLARGE_INTEGER ret)
{
    if (!routine)
        return STATUS_INVALID_PARAMETER;
    return register_callback((PVOID)(uintptr_t)routine, context, NULL, ret);
}

NT_EXPORT NTSTATUS NTAPI CmRegisterCallbackEx(PEX_CALLBACK_FUNCTION routine,
                                              PUNICODE_STRING altitude, PVOID driver, PVOID context,
                                              PLARGE_INTEGER ret, PVOID reserved)
{
    (void)reserved;
    if (!routine || !altitude || !altitude->Length || !driver)
        return STATUS_INVALID_PARAMETER;
    return register_callback((PVOID)(uintptr_t)routine, context, altitude, ret);
}

/* Tell a callback that its context of an object is not needed any more
 * (RegNtCallbackObjectContextCleanup). */
static void context_drop(size_t i, const struct callback *c)
{
    struct {
        PVOID Object, ObjectContext, Reserved;
    } info = {(PVOID)(uintptr_t)g.context[i].object, g.context[i].context, NULL};

    memset(&g.context[i], 0, sizeof g.context[i]);
    if (c && c->routine)
        (void)ke_call(c->routine, c->context, 40, KE_ARG(&info));
}

static struct callback *by_cookie(uint64_t cookie)
{
    for (size_t i = 0; i < CALLBACKS_MAX; i++)
        if (g.callback[i].routine && g.callback[i].cookie == cookie)
            return &g.callback[i];
    return NULL;
}

NT_EXPORT NTSTATUS NTAPI CmUnRegisterCallback(LARGE_INTEGER cookie)
{
    struct callback *c = by_cookie((uint64_t)cookie.QuadPart);

    if (!c)
        return STATUS_INVALID_PARAMETER;
    for (size_t i = 0; i < CONTEXTS_MAX; i++)
        if (g.context[i].object && g.context[i].cookie == c->cookie)
            context_drop(i, c);
    c->routine = 0;
    g.count--;
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI CmGetCallbackVersion(PULONG major, PULONG minor)
{
    if (major)
        *major = 1;
    if (minor)
        *minor = 1;
}

static void *context_of(const void *object, uint64_t cookie)
{
    for (size_t i = 0; i < CONTEXTS_MAX; i++)
        if (g.context[i].object == object && g.context[i].cookie == cookie)
            return g.context[i].context;
    return NULL;
}

NT_EXPORT NTSTATUS NTAPI CmSetCallbackObjectContext(PVOID object, PLARGE_INTEGER cookie,
                                                    PVOID context, PVOID *ret_old)
{
    uint64_t c = (uint64_t)cookie->QuadPart;
    size_t i, free_slot = CONTEXTS_MAX;

    if (!by_cookie(c) || !cm_object_key(object))
        return STATUS_INVALID_PARAMETER;
    for (i = 0; i < CONTEXTS_MAX; i++) {
        if (!g.context[i].object)
            free_slot = i;
        else if (g.context[i].object == object && g.context[i].cookie == c)
            break;
    }
    if (ret_old)
        *ret_old = i < CONTEXTS_MAX ? g.context[i].context : NULL;
    if (i == CONTEXTS_MAX)
        i = free_slot;
    if (i == CONTEXTS_MAX)
        return STATUS_INSUFFICIENT_RESOURCES;
    g.context[i].object = context ? object : NULL;
    g.context[i].cookie = c;
    g.context[i].context = context;
    return STATUS_SUCCESS;
}

/* No transactions here. */
NT_EXPORT PVOID NTAPI CmGetBoundTransaction(PLARGE_INTEGER cookie, PVOID object)
{
    (void)cookie;
    (void)object;
    return NULL;
}

/* *ret_name: in the driver's name, freed by CmCallbackReleaseKeyObjectIDEx (or ExFreePool in the
 * old form: there it belongs to the system). */
NT_EXPORT NTSTATUS NTAPI CmCallbackGetKeyObjectIDEx(PLARGE_INTEGER cookie, PVOID object,
                                                    PULONG_PTR ret_id, PCUNICODE_STRING *ret_name,
                                                    ULONG flags)
{
    WCHAR text[CM_PATH_MAX * 2];
    UNICODE_STRING *name;
    size_t size;

    if (flags || !cookie || !cm_object_key(object))
        return STATUS_INVALID_PARAMETER;
    if (!cm_key_name(object, text, PP_COUNT(text)))
        return STATUS_KEY_DELETED;
    if (ret_id)
        *ret_id = KE_ARG(cm_object_key(object));
    if (!ret_name)
        return STATUS_SUCCESS;
    size = rtl_wcslen(text) * sizeof *text;
    name = ex_alloc_kernel(sizeof *name + size, "CMNb", true);
    *name = (UNICODE_STRING){(USHORT)size, (USHORT)size, (PWSTR)(name + 1)};
    memcpy(name + 1, text, size);
    *ret_name = name;
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI CmCallbackReleaseKeyObjectIDEx(PCUNICODE_STRING name)
{
    ex_free_kernel((PVOID)(uintptr_t)name);
}

/* The old form's name lives as long as the key object; kept until the machine ends. */
NT_EXPORT NTSTATUS NTAPI CmCallbackGetKeyObjectID(PLARGE_INTEGER cookie, PVOID object,
                                                  PULONG_PTR ret_id, PCUNICODE_STRING *ret_name)
{
    return CmCallbackGetKeyObjectIDEx(cookie, object, ret_id, ret_name, 0);
}

unsigned cm_check_unload(struct ke_image *image)
{
    unsigned left = 0;

    for (size_t i = 0; i < CALLBACKS_MAX; i++) {
        struct callback *c = &g.callback[i];
        struct vf_case v = {.rule = VF_UNLOAD_CALLBACK,
                            .p = {c->routine},
                            .access = VF_NO_ACCESS,
                            .object = "CmRegisterCallback"};

        if (!c->routine || (c->owner != image->owner &&
                            (c->routine < image->base || c->routine >= image->base + image->size)))
            continue;
        (void)vf_report(&v);
        c->routine = 0;
        g.count--;
        left++;
    }
    return left;
}

/* ---- Calls ---- */

bool cm_has_callbacks(void)
{
    /* Doc: registry calls made by a callback itself come back to it; a bound keeps that finite. */
    return g.count && g.depth < 8;
}

/* Where the object's context lies in the pre-notification's block: before Reserved, by class. */
static size_t context_at(ULONG notify_class)
{
    switch (notify_class) {
    case RegNtPreSetValueKey:
        return offsetof(REG_SET_VALUE_KEY_INFORMATION, ObjectContext);
    case RegNtPreDeleteKey:
    case RegNtPreKeyHandleClose:
        return 0x10;
    case RegNtPreDeleteValueKey:
        return 0x18;
    case RegNtPreEnumerateKey:
    case RegNtPreEnumerateValueKey:
        return 0x30;
    case RegNtPreQueryKey:
        return 0x30;
    case RegNtPreQueryValueKey:
        return 0x38;
    default:
        return 0;
    }
}

NTSTATUS cm_callback_pre(ULONG notify_class, void *info, bool *bypassed)
{
    size_t at = context_at(notify_class);
    NTSTATUS status = STATUS_SUCCESS;

    g.depth++;
    for (size_t i = 0; i < CALLBACKS_MAX && !status; i++) {
        const struct callback c = g.callback[i];

        if (!c.routine)
            continue;
        if (at) /* the object is the first field of all of these */
            *(void **)((uint8_t *)info + at) = context_of(*(void **)info, c.cookie);
        status = (NTSTATUS)ke_call(c.routine, c.context, notify_class, KE_ARG(info));
    }
    g.depth--;
    if (status == STATUS_CALLBACK_BYPASS)
        *bypassed = true;
    else if (NT_SUCCESS(status))
        status = STATUS_SUCCESS;
    return status;
}

NTSTATUS cm_callback_post(ULONG notify_class, void *object, NTSTATUS status, void *pre_info)
{
    REG_POST_OPERATION_INFORMATION info = {0};

    g.depth++;
    info.ReturnStatus = status;
    for (size_t i = 0; i < CALLBACKS_MAX; i++) {
        const struct callback c = g.callback[i];
        NTSTATUS answer;

        if (!c.routine)
            continue;
        info.Object = NT_SUCCESS(status) || object ? object : NULL;
        info.Status = status;
        info.PreInformation = pre_info;
        info.ObjectContext = object ? context_of(object, c.cookie) : NULL;
        answer = (NTSTATUS)ke_call(c.routine, c.context, notify_class, KE_ARG(&info));
        /* Doc: STATUS_CALLBACK_BYPASS makes ReturnStatus the caller's. */
        if (answer == STATUS_CALLBACK_BYPASS)
            status = info.ReturnStatus;
    }
    g.depth--;
    return status;
}

/* ---- Change notification ---- */

VOID NTAPI ExQueueWorkItem(PWORK_QUEUE_ITEM item, WORK_QUEUE_TYPE queue);

static void finish(struct watch *w, NTSTATUS status)
{
    pp_list_remove(&w->link);
    if (w->iosb && !w->own_event) {
        w->iosb->Status = status;
        w->iosb->Information = 0;
    }
    if (w->own_event) {
        w->status = status;
        (void)ke_event_set(w->own_event);
        return; /* the waiter frees it */
    }
    if (w->event) {
        (void)ke_event_set(w->event);
        ob_unref(w->event);
    }
    if (w->work)
        ExQueueWorkItem(w->work, (WORK_QUEUE_TYPE)w->queue);
    pp_free(w);
}

static bool concerns(const struct watch *w, const struct cm_key *k, unsigned filter)
{
    if (!(w->filter & filter))
        return false;
    if (w->key == k)
        return true;
    if (filter == CM_CHANGE_NAME && k->parent == w->key)
        return true;
    for (k = k->parent; w->tree && k; k = k->parent)
        if (k == w->key)
            return true;
    return false;
}

void cm_changed(struct cm_key *k, unsigned filter)
{
    struct pp_list *it, *tmp;

    if (!g.watches.next)
        return; /* not up yet */
    PP_LIST_EACH_SAFE(it, tmp, &g.watches)
    {
        struct watch *w = PP_CONTAINER(it, struct watch, link);

        if (concerns(w, k, filter))
            finish(w, STATUS_NOTIFY_ENUM_DIR);
    }
}

void cm_notify_key_closed(const void *object)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.watches)
    if (PP_CONTAINER(it, struct watch, link)->object == object)
        finish(PP_CONTAINER(it, struct watch, link), STATUS_NOTIFY_CLEANUP);
}

static NTSTATUS wait_here(struct watch *w, IO_STATUS_BLOCK *iosb)
{
    NTSTATUS status;

    w->own_event = ex_alloc_kernel(sizeof *w->own_event, "CmNt", false);
    w->own_event->Header.Type = EventNotificationObject;
    w->own_event->Header.Size = sizeof *w->own_event / 4;
    w->own_event->Header.WaitListHead.Flink = w->own_event->Header.WaitListHead.Blink =
        &w->own_event->Header.WaitListHead;
    pp_list_push_back(&g.watches, &w->link);
    (void)ke_wait(w->own_event, NULL, false, KernelMode); /* only an event can end it */
    status = w->status;
    ex_free_kernel(w->own_event);
    pp_free(w);
    iosb->Status = status;
    iosb->Information = 0;
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwNotifyChangeKey(HANDLE h, HANDLE event, PVOID apc_routine,
                                           PVOID apc_context, PIO_STATUS_BLOCK iosb, ULONG filter,
                                           BOOLEAN tree, PVOID buffer, ULONG buffer_size,
                                           BOOLEAN asynchronous)
{
    struct watch *w;
    struct cm_key *k;
    void *object, *e = NULL;
    NTSTATUS status;

    (void)buffer; /* Doc: must be NULL and 0; ignored */
    (void)buffer_size;
    /* Doc: for a kernel-mode caller the routine is a work item, and the context the queue it goes to. */
    if (apc_routine && ke_gate_import() && KE_ARG(apc_context) > DelayedWorkQueue) {
        struct vf_case c = {.rule = VF_VER_NOTIFY_CONTEXT, .access = VF_NO_ACCESS,
                            .p = {0, ke_caller(), KE_ARG(apc_context)}};

        (void)vf_report(&c);
        return STATUS_INVALID_PARAMETER;
    }
    if (!filter || filter & ~0x1000000Fu)
        return STATUS_INVALID_PARAMETER;
    status = cm_handle_key(h, &object, &k);
    if (status)
        return status;
    if (event && (status = ob_handle_ref(event, ob_type_event, &e)))
        goto done;
    w = pp_new(sizeof *w);
    if (!w) {
        status = STATUS_INSUFFICIENT_RESOURCES;
        if (e)
            ob_unref(e);
        goto done;
    }
    *w = (struct watch){.object = object,
                        .key = k,
                        .filter = filter & 0xF,
                        .tree = tree,
                        .event = e,
                        .iosb = iosb,
                        .work = apc_routine,
                        .queue = (ULONG)KE_ARG(apc_context)};
    pp_list_init(&w->link);
    if (!asynchronous) {
        if (e)
            ob_unref(e);
        w->event = NULL;
        status = wait_here(w, iosb);
        goto done;
    }
    if (e)
        ((KEVENT *)e)->Header.SignalState = 0;
    pp_list_push_back(&g.watches, &w->link);
    iosb->Status = status = STATUS_PENDING;
done:
    ob_unref(object);
    return status;
}
