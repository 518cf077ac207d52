/*
 * Work items and callback objects.
 *
 * A native queue feeds a pool of system worker threads, made as they are needed. A queued item has a
 * native record; the driver-visible item shows what Windows shows (List.Flink is not NULL while queued).
 * Rules: E4/0, 1, 2, 3, 6, 7; E1; E9; 96; C4/130, 131.
 * Doc: WDK, "System Worker Threads", "Callback Objects"; wdm.h, IoAllocateWorkItem, IoQueueWorkItemEx,
 * ExQueueWorkItem, ExCreateCallback.
 */
#include "kernel/ke_sched.h"

#include <string.h>

enum {
    WORKERS_MAX = 8,
};
#define TAG_WORK_ITEM 0x69776656u /* "Vfwi", as Driver Verifier tags them */

enum kind { WORK_NATIVE, WORK_EX, WORK_IO, WORK_IO_EX };

struct work {
    struct pp_list link;
    enum kind kind;
    uint64_t item;            /* driver-visible WORK_QUEUE_ITEM or IO_WORKITEM */
    uint64_t routine, context;
    void *object;             /* device or driver, referenced */
    void (*fn)(void *arg);    /* WORK_NATIVE */
    void *arg;
};

static struct {
    struct pp_list queue, unused, callbacks;
    struct ke_thread *idle[WORKERS_MAX]; /* blocked workers */
    unsigned idle_count, worker_count;
    bool is_ready;
} g;

static void init(void)
{
    if (g.is_ready)
        return;
    pp_list_init(&g.queue);
    pp_list_init(&g.unused);
    pp_list_init(&g.callbacks);
    g.is_ready = true;
}

static struct work *find(uint64_t item)
{
    struct pp_list *it;

    init();
    PP_LIST_EACH(it, &g.queue) {
        struct work *w = PP_CONTAINER(it, struct work, link);

        if (item && w->item == item)
            return w;
    }
    return NULL;
}

static void work_drop(struct work *w)
{
    pp_list_remove(&w->link);
    pp_list_push_front(&g.unused, &w->link);
}

/* ---- Workers ---- */

static void call_driver(const struct work *w)
{
    bool aborted = false;
    uint64_t args[3] = {w->context};
    unsigned argc = 1;

    if (w->kind == WORK_IO) {
        args[0] = KE_ARG(w->object);
        args[1] = w->context;
        argc = 2;
    } else if (w->kind == WORK_IO_EX) {
        args[0] = KE_ARG(w->object);
        args[1] = w->context;
        args[2] = w->item;
        argc = 3;
    }
    (void)ke_callout(w->routine, KE_CALL_BOUNDARY, &aborted, argc, args);
    if (!aborted && ke_irql_now != PASSIVE_LEVEL) {
        struct vf_case c = {.rule = VF_WORKER_IRQL, .access = VF_NO_ACCESS};

        c.p[0] = w->routine;
        c.p[1] = ke_irql_now;
        c.p[2] = w->context;
        c.p[3] = w->item;
        vf_report(&c);
    }
    if (ke_irql_now != PASSIVE_LEVEL || ke_thread_now->object->Tcb.CombinedApcDisable)
        ke_irql_reset();
}

/* What would be ExWorkerQueue: an address for reports. */
static uint64_t queue_address(void)
{
    static void *queue;

    if (!queue)
        queue = ex_alloc_kernel(sizeof(KQUEUE), "ExWq", false);
    return KE_ARG(queue);
}

/* Its links were cleared while it was queued: Windows' worker would follow them. */
static bool has_no_links(const struct work *w)
{
    const WORK_QUEUE_ITEM *item = (const WORK_QUEUE_ITEM *)(uintptr_t)w->item;
    struct vf_case c = {.rule = VF_WORK_ITEM_LINKS, .access = VF_NO_ACCESS};

    if (!w->item || !ke_is_touchable(item, sizeof *item) || (item->List.Flink && item->List.Blink))
        return false;
    c.p[0] = w->item;
    c.p[1] = c.p[2] = queue_address();
    c.p[3] = w->routine;
    vf_report(&c);
    return true;
}

/* The item may be freed or queued again by its routine, so it is out of the queue before. */
static void work_run(struct work *queued)
{
    struct work w = *queued;
    bool is_bad = has_no_links(&w);

    if (w.item && ke_is_touchable((void *)(uintptr_t)w.item, sizeof(WORK_QUEUE_ITEM)))
        ((WORK_QUEUE_ITEM *)(uintptr_t)w.item)->List.Flink = NULL;
    work_drop(queued);
    if (is_bad)
        ; /* reported: what it would run is not known */
    else if (w.kind == WORK_NATIVE)
        w.fn(w.arg);
    else
        call_driver(&w);
    if (w.object)
        ob_unref(w.object);
}

static void worker_main(void *arg)
{
    struct ke_thread *t = ke_thread_now;

    (void)arg;
    for (;;) {
        struct pp_list *l = pp_list_first(&g.queue);

        if (l) {
            work_run(PP_CONTAINER(l, struct work, link));
            continue;
        }
        g.idle[g.idle_count++] = t;
        t->wait_what = "work"; /* not a hang */
        t->wait_count = 0;
        t->is_waiting = true;
        t->object->Tcb.State = Waiting;
        t->object->Tcb.WaitReason = WrQueue;
        ke_block();
        t->wait_what = NULL;
    }
}

bool ex_is_worker(const struct ke_thread *t)
{
    return t->fn == worker_main;
}

static void wake_worker(void)
{
    if (g.idle_count)
        ke_wait_abort(g.idle[--g.idle_count], STATUS_SUCCESS);
    else if (g.worker_count < WORKERS_MAX) {
        g.worker_count++;
        (void)ke_thread_new(worker_main, NULL, false);
    }
}

static struct work *work_new(enum kind kind)
{
    struct pp_list *l;
    struct work *w;

    init();
    l = pp_list_first(&g.unused);
    w = l ? PP_CONTAINER(l, struct work, link) : pp_new(sizeof *w);
    PP_ASSERT(w);
    if (l)
        pp_list_remove(l);
    memset(w, 0, sizeof *w);
    w->kind = kind;
    pp_list_push_back(&g.queue, &w->link);
    wake_worker();
    return w;
}

void ke_work(void (*fn)(void *arg), void *arg)
{
    struct work *w = work_new(WORK_NATIVE);

    w->fn = fn;
    w->arg = arg;
}

void ex_work_each(ke_active_fn fn, void *ctx)
{
    struct pp_list *it, *tmp;

    init();
    PP_LIST_EACH_SAFE(it, tmp, &g.queue) {
        struct work *w = PP_CONTAINER(it, struct work, link);

        if (w->kind != WORK_NATIVE && !fn(ctx, w->item, w->routine, "queued work item"))
            return;
    }
}

bool ex_work_forget(uint64_t item)
{
    struct work *w = find(item);

    if (!w)
        return false;
    if (w->object)
        ob_unref(w->object);
    work_drop(w);
    return true;
}

/* ---- Work items of the executive ---- */

/* Is it in pool with this flag? */
static bool is_in_pool(uint64_t addr, uint32_t flag)
{
    struct pl_block_info info;

    if (addr < KE_POOL_LOW || addr >= KE_POOL_HIGH)
        return false;
    (void)pl_find(ke_m.pool, addr, &info);
    return info.has_block && info.live && (info.flags & flag);
}

static bool queue_checks(uint64_t item, uint64_t routine, ULONG type)
{
    if (find(item)) {
        ke_rule(VF_WORK_ITEM_AGAIN, item, type, 0, NULL);
        return false;
    }
    if (type >= MaximumWorkQueue && type < CustomPriorityWorkQueue) {
        ke_rule(VF_WORK_ITEM_TYPE, item, type, 0, NULL);
        return false;
    }
    if (is_in_pool(item, PL_SESSION))
        ke_rule(VF_VER_WORK_ITEM_SESSION, item, 0, 0, NULL);
    if (vf_has(VF_OPT_FORCE_IRQL) && is_in_pool(item, PL_PAGED))
        ke_rule(VF_VER_WORK_ITEM_PAGED, item, 0, 0, NULL);
    if (routine < KE_SYSTEM_LOW) {
        ke_rule(VF_WORK_ITEM_ROUTINE, item, type, 0, NULL);
        return false;
    }
    return true;
}

NT_EXPORT VOID NTAPI ExInitializeWorkItem(PWORK_QUEUE_ITEM item, PWORKER_THREAD_ROUTINE routine,
                                          PVOID context)
{
    item->List.Flink = NULL;
    item->WorkerRoutine = routine;
    item->Parameter = context;
}

NT_EXPORT VOID NTAPI ExQueueWorkItem(PWORK_QUEUE_ITEM item, WORK_QUEUE_TYPE type)
{
    uint64_t routine = KE_ARG(item->WorkerRoutine), context = KE_ARG(item->Parameter);
    struct work *w;

    if (!queue_checks(KE_ARG(item), routine, type))
        return;
    item->List.Flink = item->List.Blink = &item->List;
    w = work_new(WORK_EX);
    w->item = KE_ARG(item);
    w->routine = routine;
    w->context = context;
    ke_preempt_point((const void *)ExQueueWorkItem);
}

/* ---- I/O work items ---- */

NT_EXPORT ULONG NTAPI IoSizeofWorkItem(void)
{
    return sizeof(IO_WORKITEM);
}

NT_EXPORT VOID NTAPI IoInitializeWorkItem(PVOID object, PIO_WORKITEM item)
{
    memset(item, 0, sizeof *item);
    item->IoObject = object;
}

NT_EXPORT VOID NTAPI IoUninitializeWorkItem(PIO_WORKITEM item)
{
    if (find(KE_ARG(item))) {
        ke_rule(VF_WORK_ITEM_QUEUED_FREED, KE_ARG(item), KE_ARG(item->Routine), 0, NULL);
        (void)ex_work_forget(KE_ARG(item));
    }
}

NT_EXPORT PIO_WORKITEM NTAPI IoAllocateWorkItem(PDEVICE_OBJECT device)
{
    PIO_WORKITEM item = ex_alloc_for_driver(NonPagedPoolNx, sizeof *item, TAG_WORK_ITEM);

    if (!item)
        return NULL;
    IoInitializeWorkItem(device, item);
    return item;
}

NT_EXPORT VOID NTAPI IoFreeWorkItem(PIO_WORKITEM item)
{
    if (find(KE_ARG(item))) {
        ke_rule(VF_WORK_ITEM_QUEUED_FREED, KE_ARG(item), KE_ARG(item->Routine), 0, NULL);
        (void)ex_work_forget(KE_ARG(item));
    }
    ex_free_for_driver(item, TAG_WORK_ITEM);
}

static bool queue_io(PIO_WORKITEM item, uint64_t routine, ULONG type, PVOID context, enum kind kind)
{
    PVOID object = item->IoObject;
    struct work *w;

    if (!queue_checks(KE_ARG(item), routine, type))
        return false;
    if (!ob_is(object, ob_type_device) && !ob_is(object, ob_type_driver)) {
        ke_rule(VF_WORK_ITEM_OBJECT, KE_ARG(item), KE_ARG(object), 0, NULL);
        return false;
    }
    item->Routine = (PVOID)(uintptr_t)routine;
    item->Context = context;
    item->WorkItem.List.Flink = item->WorkItem.List.Blink = &item->WorkItem.List;
    ob_ref(object);
    w = work_new(kind);
    w->item = KE_ARG(item);
    w->routine = routine;
    w->context = KE_ARG(context);
    w->object = object;
    return true;
}

NT_EXPORT VOID NTAPI IoQueueWorkItem(PIO_WORKITEM item, PIO_WORKITEM_ROUTINE routine,
                                     WORK_QUEUE_TYPE type, PVOID context)
{
    if (queue_io(item, KE_ARG(routine), type, context, WORK_IO))
        ke_preempt_point((const void *)IoQueueWorkItem);
}

NT_EXPORT VOID NTAPI IoQueueWorkItemEx(PIO_WORKITEM item, PIO_WORKITEM_ROUTINE_EX routine,
                                       WORK_QUEUE_TYPE type, PVOID context)
{
    if (queue_io(item, KE_ARG(routine), type, context, WORK_IO_EX))
        ke_preempt_point((const void *)IoQueueWorkItemEx);
}

/* Doc: wdm.h, IoTryQueueWorkItem: FALSE when it is queued already. */
NT_EXPORT BOOLEAN NTAPI IoTryQueueWorkItem(PIO_WORKITEM item, PIO_WORKITEM_ROUTINE_EX routine,
                                           WORK_QUEUE_TYPE type, PVOID context)
{
    if (find(KE_ARG(item)))
        return FALSE;
    return queue_io(item, KE_ARG(routine), type, context, WORK_IO_EX);
}

/* ---- Callback objects ---- */

struct registration {
    struct pp_list link;
    void *callback; /* the object, referenced */
    uint64_t routine, context;
    void *handle; /* driver-visible token */
    bool is_running, is_dead;
};

struct _CALLBACK_OBJECT {
    ULONG Signature; /* 'Call' */
    KSPIN_LOCK Lock;
    LIST_ENTRY RegisteredCallbacks;
    BOOLEAN AllowMultipleCallbacks;
};

static PCALLBACK_OBJECT callback_new(BOOLEAN multiple)
{
    PCALLBACK_OBJECT o = ob_new(ob_type_callback, sizeof *o, "Call");

    o->Signature = 0x6C6C6143;
    o->RegisteredCallbacks.Flink = o->RegisteredCallbacks.Blink = &o->RegisteredCallbacks;
    o->AllowMultipleCallbacks = multiple;
    return o;
}

/* The objects that the system makes by itself. */
static void system_callbacks(void)
{
    static const UNICODE_STRING names[] = {
        NT_CONST_STRING(u"\\Callback\\SetSystemTime"), NT_CONST_STRING(u"\\Callback\\PowerState"),
        NT_CONST_STRING(u"\\Callback\\ProcessorAdd"), NT_CONST_STRING(u"\\Callback\\PhoneticState"),
    };
    static bool is_done;

    for (size_t i = 0; !is_done && i < PP_COUNT(names); i++) {
        PCALLBACK_OBJECT o = callback_new(TRUE);

        (void)ob_insert(&names[i], o); /* fails only when a driver made one of that name before */
    }
    is_done = true;
}

NT_EXPORT NTSTATUS NTAPI ExCreateCallback(PCALLBACK_OBJECT *ret, POBJECT_ATTRIBUTES attr, BOOLEAN create,
                                          BOOLEAN multiple)
{
    struct ob_where w;
    void *object;
    NTSTATUS status;

    system_callbacks();
    if (!attr->ObjectName) {
        if (!create)
            return STATUS_UNSUCCESSFUL;
        object = callback_new(multiple);
        *ret = object;
        return STATUS_SUCCESS;
    }
    status = ob_where_init(&w, attr);
    if (status)
        return status;
    status = ob_lookup_at(&w, &object, NULL);
    if (!status && !ob_is(object, ob_type_callback)) {
        ob_unref(object);
        status = STATUS_OBJECT_TYPE_MISMATCH;
    } else if (status && create) {
        object = callback_new(multiple);
        status = ob_insert_at(&w, object);
        if (status)
            ob_unref(object);
    }
    ob_where_done(&w);
    if (!status)
        *ret = object;
    return status;
}

static bool has_registration(const void *callback)
{
    struct pp_list *it;

    init();
    PP_LIST_EACH(it, &g.callbacks) {
        if (PP_CONTAINER(it, struct registration, link)->callback == callback)
            return true;
    }
    return false;
}

NT_EXPORT PVOID NTAPI ExRegisterCallback(PCALLBACK_OBJECT callback, PCALLBACK_FUNCTION routine,
                                         PVOID context)
{
    struct registration *r;

    if (!ob_is(callback, ob_type_callback) || !routine ||
        (!callback->AllowMultipleCallbacks && has_registration(callback)))
        return NULL;
    init();
    r = pp_new(sizeof *r);
    PP_ASSERT(r);
    r->callback = callback;
    r->routine = KE_ARG(routine);
    r->context = KE_ARG(context);
    r->handle = ex_alloc_kernel(0x40, "CBRe", false);
    ob_ref(callback);
    pp_list_push_back(&g.callbacks, &r->link);
    return r->handle;
}

static void registration_free(struct registration *r)
{
    pp_list_remove(&r->link);
    ob_unref(r->callback);
    ex_free_kernel(r->handle);
    pp_free(r);
}

NT_EXPORT VOID NTAPI ExUnregisterCallback(PVOID handle)
{
    struct pp_list *it, *tmp;

    init();
    PP_LIST_EACH_SAFE(it, tmp, &g.callbacks) {
        struct registration *r = PP_CONTAINER(it, struct registration, link);

        if (r->handle != handle)
            continue;
        if (r->is_running)
            r->is_dead = true;
        else
            registration_free(r);
        return;
    }
}

NT_EXPORT VOID NTAPI ExNotifyCallback(PVOID callback, PVOID argument1, PVOID argument2)
{
    struct pp_list *it = NULL, *next;

    init();
    for (it = g.callbacks.next; it != &g.callbacks; it = next) {
        struct registration *r = PP_CONTAINER(it, struct registration, link);

        next = it->next;
        if (r->callback != callback || r->is_running)
            continue;
        r->is_running = true;
        (void)ke_call(r->routine, r->context, KE_ARG(argument1), KE_ARG(argument2));
        r->is_running = false;
        next = it->next; /* the routine may have registered more */
        if (r->is_dead)
            registration_free(r);
    }
}

void ex_callback_each(ke_active_fn fn, void *ctx)
{
    struct pp_list *it, *tmp;

    init();
    PP_LIST_EACH_SAFE(it, tmp, &g.callbacks) {
        struct registration *r = PP_CONTAINER(it, struct registration, link);

        if (!fn(ctx, KE_ARG(r->handle), r->routine, "callback registration"))
            return;
    }
}

void ex_callback_wipe(const struct ke_image *image)
{
    struct pp_list *it, *tmp;

    init();
    PP_LIST_EACH_SAFE(it, tmp, &g.callbacks) {
        struct registration *r = PP_CONTAINER(it, struct registration, link);

        if (r->routine >= image->base && r->routine < image->base + image->size)
            registration_free(r);
    }
}
