/*
 * Device queues and kernel queues (KQUEUE).
 * Doc: WDK, "Driver-Managed IRP Queues"; wdm.h, KeInitializeDeviceQueue ...; ntifs.h, KeInitializeQueue,
 * KeInsertQueue, KeRemoveQueue, KeRundownQueue.
 */
#include "kernel/ke_sched.h"

static void list_init(LIST_ENTRY *head)
{
    head->Flink = head->Blink = head;
}

static bool list_is_empty(const LIST_ENTRY *head)
{
    return head->Flink == head;
}

static void list_insert_before(LIST_ENTRY *at, LIST_ENTRY *e)
{
    e->Flink = at;
    e->Blink = at->Blink;
    at->Blink->Flink = e;
    at->Blink = e;
}

static void list_remove(LIST_ENTRY *e)
{
    e->Flink->Blink = e->Blink;
    e->Blink->Flink = e->Flink;
}

/* ---- Device queues: busy with one request, the others in the list ---- */

static KDEVICE_QUEUE_ENTRY *entry_at(LIST_ENTRY *l)
{
    return CONTAINING_RECORD(l, KDEVICE_QUEUE_ENTRY, DeviceListEntry);
}

NT_EXPORT VOID NTAPI KeInitializeDeviceQueue(PKDEVICE_QUEUE queue)
{
    queue->Type = DeviceQueueObject;
    queue->Size = sizeof *queue;
    list_init(&queue->DeviceListHead);
    queue->Lock = 0;
    queue->BusyAndHint = 0;
}

/* FALSE: the queue was idle, it is busy now and the caller starts this request itself. */
NT_EXPORT BOOLEAN NTAPI KeInsertDeviceQueue(PKDEVICE_QUEUE queue, PKDEVICE_QUEUE_ENTRY entry)
{
    if (!queue->Busy) {
        queue->Busy = TRUE;
        entry->Inserted = FALSE;
        return FALSE;
    }
    list_insert_before(&queue->DeviceListHead, &entry->DeviceListEntry);
    entry->Inserted = TRUE;
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI KeInsertByKeyDeviceQueue(PKDEVICE_QUEUE queue, PKDEVICE_QUEUE_ENTRY entry,
                                                 ULONG key)
{
    LIST_ENTRY *l;

    entry->SortKey = key;
    if (!queue->Busy) {
        queue->Busy = TRUE;
        entry->Inserted = FALSE;
        return FALSE;
    }
    for (l = queue->DeviceListHead.Flink; l != &queue->DeviceListHead; l = l->Flink) {
        if (entry_at(l)->SortKey > key)
            break;
    }
    list_insert_before(l, &entry->DeviceListEntry);
    entry->Inserted = TRUE;
    return TRUE;
}

static PKDEVICE_QUEUE_ENTRY device_take(PKDEVICE_QUEUE queue, LIST_ENTRY *l)
{
    PKDEVICE_QUEUE_ENTRY e;

    if (list_is_empty(&queue->DeviceListHead)) {
        queue->Busy = FALSE;
        return NULL;
    }
    e = entry_at(l);
    list_remove(l);
    e->Inserted = FALSE;
    return e;
}

NT_EXPORT PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveDeviceQueue(PKDEVICE_QUEUE queue)
{
    return device_take(queue, queue->DeviceListHead.Flink);
}

/* The first entry whose key is not below; the first of all when there is none. */
NT_EXPORT PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveByKeyDeviceQueue(PKDEVICE_QUEUE queue, ULONG key)
{
    LIST_ENTRY *l;

    for (l = queue->DeviceListHead.Flink; l != &queue->DeviceListHead; l = l->Flink) {
        if (entry_at(l)->SortKey >= key)
            return device_take(queue, l);
    }
    return device_take(queue, queue->DeviceListHead.Flink);
}

NT_EXPORT PKDEVICE_QUEUE_ENTRY NTAPI KeRemoveByKeyDeviceQueueIfBusy(PKDEVICE_QUEUE queue, ULONG key)
{
    return queue->Busy ? KeRemoveByKeyDeviceQueue(queue, key) : NULL;
}

NT_EXPORT BOOLEAN NTAPI KeRemoveEntryDeviceQueue(PKDEVICE_QUEUE queue, PKDEVICE_QUEUE_ENTRY entry)
{
    (void)queue;
    if (!entry->Inserted)
        return FALSE;
    list_remove(&entry->DeviceListEntry);
    entry->Inserted = FALSE;
    return TRUE;
}

/* ---- Kernel queues ----
 * A thread that waits in KeRemoveQueue is blocked with wait_queue set; an insertion hands it the entry
 * directly. The count of running threads is kept but does not hold anybody back beyond MaximumCount
 * for waiters. */

struct finder {
    PKQUEUE queue;
    struct ke_thread *found; /* the one that began to wait last, as Windows wakes them */
};

static bool find_waiter(void *ctx, struct ke_thread *t)
{
    struct finder *f = ctx;

    if (t->is_waiting && t->wait_queue == f->queue)
        f->found = t;
    return true;
}

static struct ke_thread *waiter_of(PKQUEUE queue)
{
    struct finder f = {.queue = queue};

    ke_thread_each(find_waiter, &f);
    return f.found;
}

NT_EXPORT VOID NTAPI KeInitializeQueue(PRKQUEUE queue, ULONG count)
{
    ke_header_init(&queue->Header, QueueObject, sizeof *queue, 0);
    list_init(&queue->EntryListHead);
    list_init(&queue->ThreadListHead);
    queue->CurrentCount = 0;
    queue->MaximumCount = count ? count : ke_cpu_count();
}

NT_EXPORT LONG NTAPI KeReadStateQueue(PRKQUEUE queue)
{
    return queue->Header.SignalState;
}

static LONG queue_insert(PRKQUEUE queue, PLIST_ENTRY entry, bool in_front)
{
    LONG old = queue->Header.SignalState;
    struct ke_thread *t = old ? NULL : waiter_of(queue);

    if (t) {
        t->queue_entry = entry;
        ke_wait_abort(t, STATUS_SUCCESS);
        return old;
    }
    list_insert_before(in_front ? queue->EntryListHead.Flink : &queue->EntryListHead, entry);
    queue->Header.SignalState++;
    return old;
}

NT_EXPORT LONG NTAPI KeInsertQueue(PRKQUEUE queue, PLIST_ENTRY entry)
{
    return queue_insert(queue, entry, false);
}

NT_EXPORT LONG NTAPI KeInsertHeadQueue(PRKQUEUE queue, PLIST_ENTRY entry)
{
    return queue_insert(queue, entry, true);
}

static void queue_timed_out(struct ke_timeout *timeout)
{
    ke_wait_abort(PP_CONTAINER(timeout, struct ke_thread, timeout), STATUS_TIMEOUT);
}

/* Block until an entry is handed over. Returns the entry, or the status in its place as Windows does. */
static PLIST_ENTRY queue_wait(PRKQUEUE queue, KPROCESSOR_MODE mode, const LARGE_INTEGER *timeout)
{
    struct ke_thread *t = ke_thread_now;
    PLIST_ENTRY entry = NULL;

    t->wait_queue = queue;
    t->queue_entry = NULL;
    t->wait_type = WaitAny;
    t->wait_count = 0;
    t->wait_mode = mode;
    t->wait_alertable = false;
    t->wait_pc = ke_caller();
    t->is_waiting = true;
    t->object->Tcb.State = Waiting;
    t->object->Tcb.WaitReason = WrQueue;
    if (timeout) {
        t->timeout.fn = queue_timed_out;
        ke_timeout_arm(&t->timeout, ke_time_due(timeout->QuadPart));
    }
    ke_block();
    t->wait_queue = NULL;
    if (t->wait_status != STATUS_SUCCESS)
        return (PLIST_ENTRY)(uintptr_t)(uint32_t)t->wait_status;
    entry = t->queue_entry;
    t->queue_entry = NULL;
    return entry;
}

NT_EXPORT PLIST_ENTRY NTAPI KeRemoveQueue(PRKQUEUE queue, KPROCESSOR_MODE mode, PLARGE_INTEGER timeout)
{
    LIST_ENTRY *first = queue->EntryListHead.Flink;

    if (ke_thread_now->object->Tcb.Queue != queue) {
        ke_thread_now->object->Tcb.Queue = queue;
        queue->CurrentCount++;
    }
    if (first != &queue->EntryListHead) {
        list_remove(first);
        first->Flink = NULL;
        queue->Header.SignalState--;
        return first;
    }
    if (timeout && timeout->QuadPart == 0) {
        ke_time_poll();
        return (PLIST_ENTRY)(uintptr_t)STATUS_TIMEOUT;
    }
    if (ke_irql_now >= DISPATCH_LEVEL) {
        ke_rule(timeout ? VF_VER_WAIT_TIMEOUT : VF_VER_WAIT_FOREVER, KE_ARG(&KE_PCR->Irql), KE_ARG(queue),
                KE_ARG(timeout), NULL);
        ke_contain();
    }
    return queue_wait(queue, mode, timeout);
}

NT_EXPORT ULONG NTAPI KeRemoveQueueEx(PKQUEUE queue, KPROCESSOR_MODE mode, BOOLEAN alertable,
                                      PLARGE_INTEGER timeout, PLIST_ENTRY *entries, ULONG count)
{
    PLIST_ENTRY e;
    ULONG n = 0;

    (void)alertable;
    while (n < count) {
        LARGE_INTEGER zero = {.QuadPart = 0};

        e = KeRemoveQueue(queue, mode, n ? &zero : timeout);
        if ((uintptr_t)e <= (uint32_t)STATUS_TIMEOUT)
            break;
        entries[n++] = e;
    }
    return n;
}

/* Doc: ntifs.h, KeRundownQueue: waiters get STATUS_ABANDONED; returns the entries left as a ring. */
NT_EXPORT PLIST_ENTRY NTAPI KeRundownQueue(PRKQUEUE queue)
{
    LIST_ENTRY *first = queue->EntryListHead.Flink;
    struct ke_thread *t;

    while ((t = waiter_of(queue)) != NULL)
        ke_wait_abort(t, STATUS_ABANDONED);
    if (first == &queue->EntryListHead)
        return NULL;
    list_remove(&queue->EntryListHead);
    list_init(&queue->EntryListHead);
    queue->Header.SignalState = 0;
    return first;
}
