/*
 * Handles. Each process has a table; the System process's is the kernel table. A handle made with
 * OBJ_KERNEL_HANDLE, or by a thread of the System process, lies in the kernel table; the former is
 * spelled with the upper 33 bits set and is good in every process, for kernel mode only.
 *
 * Values are multiples of 4 and start at 4; a closed one is used again last, so that a stale handle
 * is noticed rather than hits a neighbour.
 *
 * Doc: WDK, "Object Handles"; wdm.h, ObReferenceObjectByHandle; bug checks 0x93, 0xC4/3C, F5, F6,
 * F7.
 */
#include "kernel/kernel_priv.h"

#include <errno.h>
#include <string.h>

#define KERNEL_BIT 0xFFFFFFFF80000000ull
enum { TABLE_MAX = 1 << 20 };

struct slot {
    void *object; /* NULL: free */
    ACCESS_MASK access;
    ULONG attributes;
    uint32_t next_free; /* index, 0 = none */
};

struct ob_table {
    struct pp_list link;
    EPROCESS *process;   /* no reference */
    struct slot *slot;   /* [0] is not used */
    uint32_t size, used; /* slots ever used: [1, size); handles open */
    uint32_t room;
    uint32_t free_first, free_last;
};

static struct {
    struct ob_table kernel;
    struct pp_list tables;
} g;

int ob_handle_init(void)
{
    memset(&g, 0, sizeof g);
    pp_list_init(&g.tables);
    g.kernel.size = 1;
    pp_list_push_back(&g.tables, &g.kernel.link);
    return 0;
}

struct ob_table *ob_table_new(EPROCESS *process)
{
    struct ob_table *t = pp_new(sizeof *t);

    if (!t)
        return NULL;
    t->process = process;
    t->size = 1;
    pp_list_push_back(&g.tables, &t->link);
    return t;
}

static struct ob_table *table_of(const EPROCESS *process)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.tables)
    {
        struct ob_table *t = PP_CONTAINER(it, struct ob_table, link);

        if (t->process && t->process == process)
            return t;
    }
    return &g.kernel;
}

uint32_t ob_table_count(const EPROCESS *process)
{
    return table_of(process)->used;
}

/* ---- Slots ---- */

static uint32_t slot_take(struct ob_table *t)
{
    uint32_t i = t->free_first;

    /* Fresh values first, up to a point: see the head of the file. */
    if (i && t->size > 256) {
        t->free_first = t->slot[i].next_free;
        if (!t->free_first)
            t->free_last = 0;
        return i;
    }
    if (t->size >= TABLE_MAX)
        return 0;
    if (t->size >= t->room) {
        uint32_t room = t->room ? t->room * 2 : 64;
        struct slot *slot = pp_resize(t->slot, room * sizeof *slot);

        if (!slot)
            return 0;
        t->slot = slot;
        t->room = room;
    }
    return t->size++;
}

static void slot_give(struct ob_table *t, uint32_t i)
{
    t->slot[i] = (struct slot){0};
    if (t->free_last)
        t->slot[t->free_last].next_free = i;
    else
        t->free_first = i;
    t->free_last = i;
}

static bool is_kernel_value(HANDLE h)
{
    return (KE_ARG(h) & KERNEL_BIT) == KERNEL_BIT;
}

/* The table and slot of a handle; NULL when it is none. The two low bits are the application's. */
static struct slot *slot_of(HANDLE h, struct ob_table **ret_table)
{
    uint64_t v = KE_ARG(h);
    struct ob_table *t = is_kernel_value(h) ? &g.kernel : table_of(ps_current());
    uint64_t i = (is_kernel_value(h) ? v & ~KERNEL_BIT : v) >> 2;

    *ret_table = t;
    if (!i || i >= t->size || !t->slot[i].object)
        return NULL;
    return &t->slot[i];
}

static HANDLE value_of(const struct ob_table *t, const struct slot *s, bool is_kernel)
{
    uint64_t v = (uint64_t)(s - t->slot) * 4;

    return (HANDLE)(uintptr_t)(is_kernel ? v | KERNEL_BIT : v);
}

/* ---- New handles ---- */

static NTSTATUS insert(struct ob_table *t, void *object, ACCESS_MASK access, ULONG attributes,
                       HANDLE *ret)
{
    struct ob_entry *e = ob_entry_of(object);
    uint32_t i;

    if (!e)
        return STATUS_INVALID_PARAMETER;
    i = slot_take(t);
    if (!i)
        return STATUS_INSUFFICIENT_RESOURCES;
    ob_ref(object);
    e->handles++;
    t->slot[i] = (struct slot){object, access, attributes & (OBJ_INHERIT | OBJ_KERNEL_HANDLE), 0};
    t->used++;
    ((struct ob_header *)((uintptr_t)object - sizeof(struct ob_header)))->HandleCount = e->handles;
    *ret = value_of(t, &t->slot[i], attributes & OBJ_KERNEL_HANDLE);
    return STATUS_SUCCESS;
}

static NTSTATUS new_in(struct ob_table *t, void *object, ACCESS_MASK access, ULONG attributes,
                       HANDLE *ret)
{
    struct ob_type *type = ob_type_of(object);
    bool is_kernel = attributes & OBJ_KERNEL_HANDLE;
    NTSTATUS status;

    if (!type)
        return STATUS_INVALID_PARAMETER;
    access = ob_map_access(type, access);
    access = ob_callbacks_pre(object, access, is_kernel, false);
    status = insert(t, object, access, attributes, ret);
    ob_callbacks_post(object, access, is_kernel, false, status);
    return status;
}

NTSTATUS ob_handle_new(void *object, ACCESS_MASK access, ULONG attributes, HANDLE *ret)
{
    struct ob_table *t = attributes & OBJ_KERNEL_HANDLE ? &g.kernel : table_of(ps_current());

    return new_in(t, object, access, attributes, ret);
}

NTSTATUS ob_handle_new_in(const EPROCESS *process, void *object, ACCESS_MASK access,
                          ULONG attributes, HANDLE *ret)
{
    struct ob_table *t = attributes & OBJ_KERNEL_HANDLE ? &g.kernel : table_of(process);

    return new_in(t, object, access, attributes, ret);
}

/* ---- Use ---- */

/* NtCurrentProcess and NtCurrentThread. */
static void *pseudo(HANDLE h)
{
    if (KE_ARG(h) == UINT64_MAX)
        return ps_current();
    if (KE_ARG(h) == UINT64_MAX - 1)
        return ke_thread_now->object;
    return NULL;
}

NTSTATUS ob_handle_ref_mode(HANDLE h, KPROCESSOR_MODE mode, void **ret,
                            struct ob_handle_info *ret_info)
{
    struct ob_table *t;
    struct slot *s;
    void *object = pseudo(h);
    struct ob_handle_info info = {0};

    if (object) {
        info.access = ob_type_of(object)->mapping.GenericAll;
    } else {
        s = is_kernel_value(h) && mode != KernelMode ? NULL : slot_of(h, &t);
        if (!s)
            return STATUS_INVALID_HANDLE;
        object = s->object;
        info = (struct ob_handle_info){
            s->access, s->attributes & (OBJ_INHERIT | OB_HANDLE_PROTECTED), t == &g.kernel};
    }
    ob_ref(object);
    if (ret_info)
        *ret_info = info;
    *ret = object;
    return STATUS_SUCCESS;
}

NTSTATUS ob_handle_ref(HANDLE h, struct ob_type *type, void **ret)
{
    void *object;
    NTSTATUS status = ob_handle_ref_mode(h, KernelMode, &object, NULL);

    if (status)
        return status;
    if (type && !ob_is(object, type)) {
        ob_unref(object);
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    *ret = object;
    return STATUS_SUCCESS;
}

NTSTATUS ob_handle_set(HANDLE h, ULONG attributes)
{
    struct ob_table *t;
    struct slot *s = slot_of(h, &t);

    if (!s)
        return STATUS_INVALID_HANDLE;
    s->attributes =
        (s->attributes & OBJ_KERNEL_HANDLE) | (attributes & (OBJ_INHERIT | OB_HANDLE_PROTECTED));
    return STATUS_SUCCESS;
}

/* ---- Close ---- */

/* A name without handles goes, unless the object is permanent, or a device's or driver's, which
 * live until the I/O manager deletes them. */
static bool loses_name(const struct ob_entry *e)
{
    return e->name && !e->handles && !e->is_permanent && e->type != ob_type_device &&
           e->type != ob_type_driver && e->type != ob_type_key;
}

static void slot_close(struct ob_table *t, struct slot *s)
{
    void *object = s->object;
    struct ob_entry *e = ob_entry_of(object);

    slot_give(t, (uint32_t)(s - t->slot));
    t->used--;
    PP_ASSERT(e && e->handles > 0);
    e->handles--;
    ((struct ob_header *)((uintptr_t)object - sizeof(struct ob_header)))->HandleCount = e->handles;
    if (e->type->on_close)
        e->type->on_close(object, e->handles); /* may run driver code: nothing is held */
    if (loses_name(e))
        ob_remove_name(object);
    ob_unref(object);
}

static void report_close(HANDLE h, uint64_t why)
{
    struct vf_case c = {
        .rule = VF_INVALID_KERNEL_HANDLE,
        .p = {KE_ARG(h), why},
        .access = VF_NO_ACCESS,
        .detail =
            why ? "the handle that was closed is not valid" : "the handle is protected from close",
    };

    (void)vf_report(&c);
}

NTSTATUS ob_handle_close_mode(HANDLE h, KPROCESSOR_MODE mode)
{
    struct ob_table *t;
    struct slot *s;

    s = pseudo(h) || (is_kernel_value(h) && mode != KernelMode) ? NULL : slot_of(h, &t);
    if (!s) {
        /* Doc: 0x93. Seen: for any bad value that kernel mode closes, but NULL and -1. */
        if (mode == KernelMode && (KE_ARG(h) & ~KERNEL_BIT) && !pseudo(h))
            report_close(h, 1);
        return STATUS_INVALID_HANDLE;
    }
    if (s->attributes & OB_HANDLE_PROTECTED) {
        if (t == &g.kernel && mode == KernelMode)
            report_close(h, 0);
        return STATUS_HANDLE_NOT_CLOSABLE;
    }
    slot_close(t, s);
    return STATUS_SUCCESS;
}

NTSTATUS ob_handle_close(HANDLE h)
{
    return ob_handle_close_mode(h, KernelMode);
}

void ob_table_free(struct ob_table *t)
{
    uint32_t i;

    if (!t || t == &g.kernel)
        return;
    for (i = 1; i < t->size; i++)
        if (t->slot[i].object)
            slot_close(t, &t->slot[i]);
    pp_list_remove(&t->link);
    pp_free(t->slot);
    pp_free(t);
}

void ob_each_handle(bool (*fn)(void *ctx, const EPROCESS *process, HANDLE h, void *object,
                               const struct ob_handle_info *info),
                    void *ctx)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.tables)
    {
        struct ob_table *t = PP_CONTAINER(it, struct ob_table, link);

        for (uint32_t i = 1; i < t->size; i++) {
            struct slot *s = &t->slot[i];
            struct ob_handle_info info = {
                s->access, s->attributes & (OBJ_INHERIT | OB_HANDLE_PROTECTED), t == &g.kernel};

            if (s->object &&
                !fn(ctx, t->process ? t->process : ps_system,
                    value_of(t, s, s->attributes & OBJ_KERNEL_HANDLE), s->object, &info))
                return;
        }
    }
}

/* ---- What system services end with ---- */

NTSTATUS ob_finish(void *object, const OBJECT_ATTRIBUTES *attr, ACCESS_MASK access, HANDLE *ret)
{
    NTSTATUS status = STATUS_SUCCESS;
    HANDLE h;

    if (attr && attr->ObjectName && attr->ObjectName->Length) {
        struct ob_where w;

        status = ob_where_init(&w, attr);
        if (!status) {
            status = ob_insert_at(&w, object);
            ob_where_done(&w);
        }
        if (!status && attr->Attributes & OBJ_PERMANENT)
            ob_set_permanent(object, true);
    }
    if (!status) {
        status = ob_handle_new(object, access, attr ? attr->Attributes : 0, &h);
        if (status)
            ob_remove_name(object);
    }
    ob_unref(object);
    if (!status)
        *ret = h;
    return status;
}

NTSTATUS ob_open_named(const OBJECT_ATTRIBUTES *attr, struct ob_type *type, ACCESS_MASK access,
                       HANDLE *ret)
{
    struct ob_where w;
    void *object;
    HANDLE h;
    NTSTATUS status = ob_where_init(&w, attr);

    if (status)
        return status;
    if (type == ob_type_symlink)
        w.open_link = true;
    status = ob_lookup_at(&w, &object, NULL);
    ob_where_done(&w);
    if (status)
        return status;
    if (type && !ob_is(object, type))
        status = STATUS_OBJECT_TYPE_MISMATCH;
    else
        status = ob_handle_new(object, access, attr->Attributes, &h);
    ob_unref(object);
    if (!status)
        *ret = h;
    return status;
}
