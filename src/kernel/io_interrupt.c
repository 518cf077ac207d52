/*
 * Interrupts: connecting service routines and firing simulated interrupts.
 *
 * An interrupt object is guarded driver-visible memory; which ones are connected is our own list. A
 * device model or scenario fires a vector; each connected routine runs at its IRQL with its lock
 * held, until one claims it (shared level-triggered lines stop at the first claim, as on Windows).
 *
 * Doc: wdm.h, IoConnectInterrupt, IoConnectInterruptEx; WDK, "Using Interrupt Resource
 * Descriptors".
 */
#include "kernel/io_nt.h"

#include <string.h>

struct isr {
    struct pp_list link;
    KINTERRUPT *object;
    IO_INTERRUPT_MESSAGE_INFO *table; /* message-based: what the driver holds */
    bool by_message;
    ULONG message;
};

static struct {
    struct pp_list isrs;
} g = {{&g.isrs, &g.isrs}};

struct connect {
    uint64_t routine, context;
    KSPIN_LOCK *lock;
    ULONG vector;
    KIRQL irql, sync_irql;
    KINTERRUPT_MODE mode;
    bool share, by_message;
    ULONG message;
};

static bool vector_taken(const struct connect *c)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.isrs)
    {
        const KINTERRUPT *o = PP_CONTAINER(it, struct isr, link)->object;

        if (o->Vector == c->vector && (!o->ShareVector || !c->share))
            return true;
    }
    return false;
}

static NTSTATUS connect(const struct connect *c, struct isr **ret)
{
    KIRQL irql = c->irql ? c->irql : NT_DEVICE_LEVEL_MIN;
    KIRQL sync = PP_MAX(c->sync_irql, irql);
    struct isr *i;
    KINTERRUPT *o;

    if (!c->routine || irql > NT_DEVICE_LEVEL_MAX || sync > HIGH_LEVEL || vector_taken(c))
        return STATUS_INVALID_PARAMETER;
    i = pp_new(sizeof *i);
    PP_ASSERT(i);
    o = ex_alloc_kernel(sizeof *o, "IoIn", false);
    o->Type = InterruptObject;
    o->Size = (CSHORT)sizeof *o;
    if (c->by_message)
        o->MessageServiceRoutine = (PVOID)(uintptr_t)c->routine;
    else
        o->ServiceRoutine = (PVOID)(uintptr_t)c->routine;
    o->MessageIndex = c->message;
    o->ServiceContext = (PVOID)(uintptr_t)c->context;
    o->ActualLock = c->lock ? c->lock : &o->SpinLock;
    o->Vector = c->vector;
    o->Irql = irql;
    o->SynchronizeIrql = sync;
    o->Mode = c->mode;
    o->ShareVector = c->share;
    o->Connected = TRUE;
    i->object = o;
    i->by_message = c->by_message;
    i->message = c->message;
    pp_list_push_back(&g.isrs, &i->link);
    *ret = i;
    return STATUS_SUCCESS;
}

static struct isr *isr_of(const KINTERRUPT *o)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.isrs)
    {
        struct isr *i = PP_CONTAINER(it, struct isr, link);

        if (i->object == o)
            return i;
    }
    return NULL;
}

static void disconnect(struct isr *i)
{
    pp_list_remove(&i->link);
    i->object->Connected = FALSE;
    ex_free_kernel(i->object);
    pp_free(i);
}

NT_EXPORT NTSTATUS NTAPI IoConnectInterrupt(PKINTERRUPT *ret, PKSERVICE_ROUTINE routine,
                                            PVOID context, PKSPIN_LOCK lock, ULONG vector,
                                            KIRQL irql, KIRQL sync_irql, KINTERRUPT_MODE mode,
                                            BOOLEAN share, KAFFINITY affinity, BOOLEAN floating)
{
    struct connect c = {KE_ARG(routine), KE_ARG(context), lock, vector, irql, sync_irql, mode,
                        share,           false,           0};
    struct isr *i;
    NTSTATUS status;

    (void)floating; /* x64 saves nothing else anyway */
    *ret = NULL;
    if (!affinity || !vector || sync_irql < irql)
        return STATUS_INVALID_PARAMETER;
    status = connect(&c, &i);
    if (NT_SUCCESS(status))
        *ret = i->object;
    return status;
}

NT_EXPORT VOID NTAPI IoDisconnectInterrupt(PKINTERRUPT object)
{
    struct isr *i = isr_of(object);

    if (!i) {
        (void)*(volatile CSHORT *)&object->Type; /* a stale pointer faults with its history */
        return;
    }
    disconnect(i);
}

/* ---- IoConnectInterruptEx ---- */

/* The interrupt the node of this PDO was given; false: none. */
static bool node_interrupt(const DEVICE_OBJECT *pdo, struct connect *c)
{
    const CM_PARTIAL_RESOURCE_DESCRIPTOR *d = pnp_node_interrupt(pdo);

    if (!d)
        return false;
    c->vector = d->u.Interrupt.Vector;
    c->irql = (KIRQL)d->u.Interrupt.Level;
    c->mode = d->Flags & CM_RESOURCE_INTERRUPT_LATCHED ? Latched : LevelSensitive;
    c->share = d->ShareDisposition == CmResourceShareShared;
    return true;
}

static NTSTATUS connect_full(IO_CONNECT_INTERRUPT_PARAMETERS *p)
{
    struct connect c = {KE_ARG(p->FullySpecified.ServiceRoutine),
                        KE_ARG(p->FullySpecified.ServiceContext),
                        p->FullySpecified.SpinLock,
                        p->FullySpecified.Vector,
                        p->FullySpecified.Irql,
                        p->FullySpecified.SynchronizeIrql,
                        p->FullySpecified.InterruptMode,
                        p->FullySpecified.ShareVector,
                        false,
                        0};
    struct isr *i;
    NTSTATUS status = connect(&c, &i);

    if (NT_SUCCESS(status))
        *p->FullySpecified.InterruptObject = i->object;
    return status;
}

static NTSTATUS connect_line(IO_CONNECT_INTERRUPT_PARAMETERS *p)
{
    struct connect c = {.routine = KE_ARG(p->LineBased.ServiceRoutine),
                        .context = KE_ARG(p->LineBased.ServiceContext),
                        .lock = p->LineBased.SpinLock,
                        .sync_irql = p->LineBased.SynchronizeIrql};
    struct isr *i;
    NTSTATUS status;

    if (!node_interrupt(p->LineBased.PhysicalDeviceObject, &c))
        return STATUS_NOT_FOUND;
    status = connect(&c, &i);
    if (NT_SUCCESS(status))
        *p->LineBased.InterruptObject = i->object;
    return status;
}

/* The simulated device has a line interrupt: message-based requests get it with their fall-back
 * routine. Doc: WDK, "Using the CONNECT_MESSAGE_BASED Version of IoConnectInterruptEx". */
static NTSTATUS connect_message(IO_CONNECT_INTERRUPT_PARAMETERS *p)
{
    struct connect c = {.routine = KE_ARG(p->MessageBased.FallBackServiceRoutine),
                        .context = KE_ARG(p->MessageBased.ServiceContext),
                        .lock = p->MessageBased.SpinLock,
                        .sync_irql = p->MessageBased.SynchronizeIrql};
    struct isr *i;
    NTSTATUS status;

    if (!node_interrupt(p->MessageBased.PhysicalDeviceObject, &c) || !c.routine)
        return STATUS_NOT_FOUND;
    status = connect(&c, &i);
    if (NT_SUCCESS(status)) {
        *p->MessageBased.ConnectionContext.InterruptObject = i->object;
        p->Version = CONNECT_LINE_BASED;
    }
    return status;
}

NT_EXPORT NTSTATUS NTAPI IoConnectInterruptEx(PIO_CONNECT_INTERRUPT_PARAMETERS p)
{
    switch (p->Version) {
    case CONNECT_FULLY_SPECIFIED:
    case CONNECT_FULLY_SPECIFIED_GROUP:
        return connect_full(p);
    case CONNECT_LINE_BASED:
        return connect_line(p);
    case CONNECT_MESSAGE_BASED:
        return connect_message(p);
    default:
        /* Doc: the version that is supported is put there. */
        p->Version = CONNECT_FULLY_SPECIFIED_GROUP;
        return STATUS_NOT_SUPPORTED;
    }
}

NT_EXPORT VOID NTAPI IoDisconnectInterruptEx(PIO_DISCONNECT_INTERRUPT_PARAMETERS p)
{
    IoDisconnectInterrupt(p->ConnectionContext.InterruptObject);
}

/* Doc: ntddk, IoReportInterruptActive/Inactive: for power-managed devices; nothing is masked here.
 */
NT_EXPORT VOID NTAPI IoReportInterruptActive(PVOID p)
{
    (void)p;
}

NT_EXPORT VOID NTAPI IoReportInterruptInactive(PVOID p)
{
    (void)p;
}

NT_EXPORT NTSTATUS NTAPI IoGetAffinityInterrupt(PKINTERRUPT object, PGROUP_AFFINITY ret)
{
    if (!isr_of(object))
        return STATUS_INVALID_PARAMETER;
    memset(ret, 0, sizeof *ret);
    ret->Mask = ((KAFFINITY)1 << ke_m.config.cpus) - 1;
    return STATUS_SUCCESS;
}

/* ---- Firing ---- */

unsigned io_interrupt_fire(ULONG vector, int message)
{
    struct pp_list *it, *tmp;
    unsigned claimed = 0;

    PP_LIST_EACH_SAFE(it, tmp, &g.isrs)
    {
        struct isr *i = PP_CONTAINER(it, struct isr, link);
        KINTERRUPT *o = i->object;
        BOOLEAN mine;

        if (i->by_message ? (int)i->message != message : o->Vector != vector)
            continue;
        mine = ke_interrupt_call(
            KE_ARG(i->by_message ? o->MessageServiceRoutine : o->ServiceRoutine),
            o->SynchronizeIrql, o->ActualLock, KE_ARG(o), KE_ARG(o->ServiceContext), i->message);
        claimed += mine;
        if (mine && o->Mode == LevelSensitive)
            break;
    }
    return claimed;
}

struct fire {
    ULONG vector;
    unsigned claimed;
};

static void fire_inside(void *arg)
{
    struct fire *f = arg;

    f->claimed = io_interrupt_fire(f->vector, -1);
}

unsigned ke_interrupt(uint32_t vector)
{
    struct fire *f = pp_new(sizeof *f);
    unsigned claimed;

    PP_ASSERT(f);
    f->vector = vector;
    if (io_run(fire_inside, f, false) == IO_BLOCKED)
        return 0;
    claimed = f->claimed;
    pp_free(f);
    return claimed;
}

void ke_each_interrupt(bool (*fn)(void *ctx, uint32_t vector, const struct ke_image *owner),
                       void *ctx)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.isrs)
    {
        const KINTERRUPT *o = PP_CONTAINER(it, struct isr, link)->object;
        uint64_t routine = KE_ARG(o->ServiceRoutine ? o->ServiceRoutine : o->MessageServiceRoutine);

        if (!fn(ctx, o->Vector, ke_image_at(routine)))
            return;
    }
}

void io_interrupt_wipe(const struct ke_image *image)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.isrs)
    {
        struct isr *i = PP_CONTAINER(it, struct isr, link);
        uint64_t routine =
            KE_ARG(i->by_message ? i->object->MessageServiceRoutine : i->object->ServiceRoutine);

        if (ke_image_at(routine) != image)
            continue;
        io_unload_rule(image, VF_UNLOAD_INTERRUPT, routine, (uint64_t)(uintptr_t)i->object,
                       "service routine of a connected interrupt");
        disconnect(i);
    }
}
