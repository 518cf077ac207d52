/*
 * Plug and Play as the host drives it: AddDevice, then PnP and power requests to the top of the
 * stack, as the PnP and power managers send them.
 *
 * Doc: WDK, "Plug and Play Minor IRPs", "Handling IRP_MN_QUERY_POWER / SET_POWER"; PnP IRPs start
 * with STATUS_NOT_SUPPORTED and are sent at PASSIVE_LEVEL in a system thread.
 */
#include "kernel/pnp_priv.h"

#include <string.h>

struct ke_pnp {
    struct pnp_node *node;
    struct ke_image *image;
};

struct pnp_job {
    struct ke_pnp *p;
    struct ke_image *image;
    UCHAR minor;
    bool is_system, is_power;
    ULONG state;
    NTSTATUS status;
    ULONG_PTR information;
};

/* ---- AddDevice ---- */

/* The driver itself must clear the flag on what it made in AddDevice. */
static void check_initializing(const struct ke_image *image, DEVICE_OBJECT *pdo)
{
    for (DEVICE_OBJECT *d = pdo->AttachedDevice; d; d = d->AttachedDevice) {
        struct vf_case c = {.rule = VF_IO_INITIALIZING,
                            .p = {0x243, KE_ARG(image->driver_object->DriverExtension->AddDevice),
                                  0, (uint64_t)(uintptr_t)d},
                            .access = VF_NO_ACCESS,
                            .driver = image->name,
                            .pc = KE_ARG(image->driver_object->DriverExtension->AddDevice)};

        if (!(d->Flags & DO_DEVICE_INITIALIZING))
            continue;
        if (image->is_verified)
            vf_report(&c);
        d->Flags &= ~DO_DEVICE_INITIALIZING;
    }
}

static void add_inside(void *arg)
{
    struct pnp_job *j = arg;
    DRIVER_OBJECT *driver = j->image->driver_object;
    char service[VF_NAME], hardware_id[PE_NAME_SIZE];
    WCHAR *name = driver->DriverExtension->ServiceKeyName.Buffer;

    rtl_to_utf8(name, rtl_wcslen(name), service, sizeof service);
    j->p->node = pnp_node_new(service);
    if (!j->p->node) {
        j->status = STATUS_INSUFFICIENT_RESOURCES;
        return;
    }
    if (pe_hardware_id(j->image->pe, hardware_id))
        pnp_node_identify(j->p->node, hardware_id);
    j->status = (NTSTATUS)ke_call(KE_ARG(driver->DriverExtension->AddDevice), KE_ARG(driver),
                                  KE_ARG(pnp_node_pdo(j->p->node)));
    if (NT_SUCCESS(j->status))
        check_initializing(j->image, pnp_node_pdo(j->p->node));
}

static struct ke_result job_run(void (*fn)(void *arg), struct pnp_job *j)
{
    struct ke_result res = {.outcome = KE_DONE};
    enum io_ran ran = io_run(fn, j, false);

    if (ran != IO_RAN) { /* j stays: its thread may still be there */
        res.outcome = ran == IO_BLOCKED ? KE_PENDING : KE_CONTAINED;
        res.status = ran == IO_BLOCKED ? STATUS_PENDING : STATUS_UNSUCCESSFUL;
        return res;
    }
    res.status = j->status;
    res.information = j->information;
    pp_free(j);
    return res;
}

struct ke_result ke_pnp_add(struct ke_image *image, struct ke_pnp **ret)
{
    struct pnp_job *j = pp_new(sizeof *j);
    struct ke_pnp *p = pp_new(sizeof *p);
    struct ke_result res;

    PP_ASSERT(j && p);
    p->image = image;
    j->p = p;
    j->image = image;
    res = job_run(add_inside, j);
    if (res.outcome == KE_DONE && !NT_SUCCESS(res.status)) {
        ke_pnp_free(p);
        return res;
    }
    *ret = p;
    return res;
}

/* ---- Requests ---- */

/* What a request points to besides the IRP; freed after it. */
struct payload {
    void *p[2];
};

static void *payload_add(struct payload *l, size_t size)
{
    void *p = ex_alloc_kernel(size, "PpIr", true);

    l->p[l->p[0] ? 1 : 0] = p;
    return p;
}

static void payload_free(struct payload *l)
{
    for (unsigned i = 0; i < 2; i++)
        if (l->p[i])
            ex_free_kernel(l->p[i]);
}

static IO_RESOURCE_REQUIREMENTS_LIST *requirements(struct pnp_node *n)
{
    size_t head = offsetof(IO_RESOURCE_REQUIREMENTS_LIST, List[0].Descriptors);
    size_t size = head + PNP_RESOURCES * sizeof(IO_RESOURCE_DESCRIPTOR);
    IO_RESOURCE_REQUIREMENTS_LIST *l = ex_alloc_kernel(size, "PpRr", true);
    const CM_PARTIAL_RESOURCE_DESCRIPTOR *d = pnp_resources(n->raw);
    IO_RESOURCE_DESCRIPTOR *first = (void *)((uint8_t *)l + head);

    l->ListSize = (ULONG)size;
    l->InterfaceType = PCIBus;
    l->AlternativeLists = 1;
    l->List[0].Version = 1;
    l->List[0].Revision = 1;
    l->List[0].Count = PNP_RESOURCES;
    for (unsigned i = 0; i < PNP_RESOURCES; i++) {
        IO_RESOURCE_DESCRIPTOR *r = first + i;

        r->Type = d[i].Type;
        r->ShareDisposition = d[i].ShareDisposition;
        r->Flags = d[i].Flags;
        if (d[i].Type == CmResourceTypeInterrupt) {
            r->u.Interrupt.MinimumVector = r->u.Interrupt.MaximumVector = d[i].u.Interrupt.Vector;
            continue;
        }
        r->u.Generic.Length = d[i].u.Generic.Length;
        r->u.Generic.Alignment = d[i].u.Generic.Length;
        r->u.Generic.MinimumAddress = d[i].u.Generic.Start;
        r->u.Generic.MaximumAddress.QuadPart =
            d[i].u.Generic.Start.QuadPart + d[i].u.Generic.Length - 1;
    }
    return l;
}

static void fill_capabilities(IO_STACK_LOCATION *s, struct payload *l)
{
    DEVICE_CAPABILITIES *c = payload_add(l, sizeof *c);

    c->Size = sizeof *c;
    c->Version = 1;
    c->Address = c->UINumber = 0xFFFFFFFF;
    s->Parameters.DeviceCapabilities.Capabilities = c;
}

static void fill_interface(IO_STACK_LOCATION *s, struct payload *l)
{
    static const GUID standard = NT_GUID_BUS_INTERFACE_STANDARD;
    GUID *guid = payload_add(l, sizeof *guid);
    BUS_INTERFACE_STANDARD *b = payload_add(l, sizeof *b);

    *guid = standard;
    s->Parameters.QueryInterface.InterfaceType = guid;
    s->Parameters.QueryInterface.Size = sizeof *b;
    s->Parameters.QueryInterface.Version = 1;
    s->Parameters.QueryInterface.Interface = (INTERFACE *)b;
}

static void fill(struct pnp_job *j, IRP *irp, IO_STACK_LOCATION *s, struct payload *l)
{
    struct pnp_node *n = j->p->node;

    switch (j->minor) {
    case IRP_MN_START_DEVICE:
        s->Parameters.StartDevice.AllocatedResources = n->raw;
        s->Parameters.StartDevice.AllocatedResourcesTranslated = n->translated;
        break;
    case IRP_MN_QUERY_CAPABILITIES:
        fill_capabilities(s, l);
        break;
    case IRP_MN_QUERY_INTERFACE:
        fill_interface(s, l);
        break;
    case IRP_MN_FILTER_RESOURCE_REQUIREMENTS:
        s->Parameters.FilterResourceRequirements.IoResourceRequirementList = requirements(n);
        irp->IoStatus.Information =
            (ULONG_PTR)s->Parameters.FilterResourceRequirements.IoResourceRequirementList;
        irp->IoStatus.Status = STATUS_SUCCESS;
        break;
    case IRP_MN_QUERY_DEVICE_TEXT:
        s->Parameters.QueryDeviceText.LocaleId = 0x409;
        break;
    case IRP_MN_READ_CONFIG:
    case IRP_MN_WRITE_CONFIG:
        s->Parameters.ReadWriteConfig.Buffer = payload_add(l, 4);
        s->Parameters.ReadWriteConfig.Length = 4;
        s->Parameters.ReadWriteConfig.Offset = j->minor == IRP_MN_WRITE_CONFIG ? 0x40 : 0;
        break;
    case IRP_MN_DEVICE_USAGE_NOTIFICATION:
        s->Parameters.UsageNotification.InPath = TRUE;
        s->Parameters.UsageNotification.Type = DeviceUsageTypePaging;
        break;
    case IRP_MN_SET_LOCK:
        s->Parameters.SetLock.Lock = TRUE;
        break;
    default:
        break;
    }
}

/* Children that a bus driver reports stay unstarted: nobody has a driver for them. */
void pnp_relations_free(DEVICE_RELATIONS *r)
{
    for (ULONG i = 0; i < r->Count; i++) {
        if (!pnp_node_of(r->Objects[i]))
            r->Objects[i]->DeviceObjectExtension->ExtensionFlags |= DOE_START_PENDING;
        ob_unref(r->Objects[i]);
    }
    ExFreePoolWithTag(r, 0);
}

/* Until it is started, the devices of a stack cannot be opened. */
static void stack_started(DEVICE_OBJECT *device)
{
    for (; device; device = device->AttachedDevice)
        device->DeviceObjectExtension->ExtensionFlags &= ~DOE_START_PENDING;
}

/* The memory that answers come in is the asker's to free. */
static void free_answer(UCHAR minor, NTSTATUS status, ULONG_PTR information, struct payload *l)
{
    if (minor == IRP_MN_QUERY_INTERFACE && status == STATUS_SUCCESS) {
        INTERFACE *i = l->p[1];

        if (i->InterfaceDereference)
            (void)ke_call(KE_ARG(i->InterfaceDereference), KE_ARG(i->Context));
    }
    if (!NT_SUCCESS(status) || !information)
        return;
    switch (minor) {
    case IRP_MN_QUERY_DEVICE_RELATIONS:
        pnp_relations_free((DEVICE_RELATIONS *)information);
        break;
    case IRP_MN_QUERY_ID:
    case IRP_MN_QUERY_DEVICE_TEXT:
    case IRP_MN_QUERY_BUS_INFORMATION:
    case IRP_MN_QUERY_RESOURCES:
    case IRP_MN_QUERY_RESOURCE_REQUIREMENTS:
    case IRP_MN_FILTER_RESOURCE_REQUIREMENTS:
        ExFreePoolWithTag((PVOID)information, 0);
        break;
    default:
        break;
    }
}

static void state_after(struct pnp_node *n, UCHAR minor, NTSTATUS status)
{
    static const GUID query = NT_GUID_TARGET_DEVICE_QUERY_REMOVE;
    static const GUID cancelled = NT_GUID_TARGET_DEVICE_REMOVE_CANCELLED;
    static const GUID complete = NT_GUID_TARGET_DEVICE_REMOVE_COMPLETE;

    if (minor == IRP_MN_START_DEVICE) {
        n->is_started = NT_SUCCESS(status);
        if (n->is_started)
            stack_started(n->pdo);
    }
    if (minor == IRP_MN_STOP_DEVICE || minor == IRP_MN_SURPRISE_REMOVAL)
        n->is_started = false;
    if (minor == IRP_MN_QUERY_REMOVE_DEVICE)
        pnp_target_changed(n->pdo, &query);
    if (minor == IRP_MN_CANCEL_REMOVE_DEVICE)
        pnp_target_changed(n->pdo, &cancelled);
    if (minor == IRP_MN_REMOVE_DEVICE || minor == IRP_MN_SURPRISE_REMOVAL)
        pnp_target_changed(n->pdo, &complete);
    if (minor == IRP_MN_REMOVE_DEVICE) {
        n->is_started = false;
        n->is_removed = true;
    }
}

static void request_inside(void *arg)
{
    struct pnp_job *j = arg;
    DEVICE_OBJECT *top = io_device_top(pnp_node_pdo(j->p->node));
    IRP *irp = io_irp_new(top->StackSize);
    IO_STACK_LOCATION *s = io_stack_next(irp);
    struct payload l = {{NULL, NULL}};
    IO_STATUS_BLOCK iosb = {0};

    irp->RequestorMode = KernelMode;
    irp->Tail.Overlay.Thread = ke_thread_now->object;
    irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    s->MajorFunction = IRP_MJ_PNP;
    s->MinorFunction = j->minor;
    fill(j, irp, s, &l);
    ob_ref(top); /* a device deleted inside its own request lasts until that returns */
    j->status = io_send_wait(top, irp, &iosb);
    ob_unref(top);
    j->information = iosb.Information;
    free_answer(j->minor, j->status, iosb.Information, &l);
    state_after(j->p->node, j->minor, j->status);
    payload_free(&l);
}

struct ke_result ke_pnp_request(struct ke_pnp *p, uint8_t minor)
{
    struct pnp_job *j = pp_new(sizeof *j);

    PP_ASSERT(j);
    j->p = p;
    j->minor = minor;
    return job_run(request_inside, j);
}

/* ---- Power ---- */

static void power_inside(void *arg)
{
    struct pnp_job *j = arg;
    DEVICE_OBJECT *top = io_device_top(pnp_node_pdo(j->p->node));
    IRP *irp = io_irp_new(top->StackSize);
    IO_STACK_LOCATION *s = io_stack_next(irp);

    irp->RequestorMode = KernelMode;
    irp->Tail.Overlay.Thread = ke_thread_now->object;
    irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    s->MajorFunction = IRP_MJ_POWER;
    s->MinorFunction = j->minor;
    if (j->minor == IRP_MN_WAIT_WAKE) {
        s->Parameters.WaitWake.PowerState = j->state;
    } else {
        s->Parameters.Power.Type = j->is_system ? SystemPowerState : DevicePowerState;
        s->Parameters.Power.State.SystemState = j->state;
        if (j->is_system && j->state >= PowerSystemHibernate)
            s->Parameters.Power.ShutdownType =
                j->state == PowerSystemHibernate ? PowerActionHibernate : PowerActionShutdown;
        else if (j->is_system && j->state != PowerSystemWorking)
            s->Parameters.Power.ShutdownType = PowerActionSleep;
    }
    j->status = io_send_wait(top, irp, NULL);
}

struct ke_result ke_pnp_power(struct ke_pnp *p, uint8_t minor, bool is_system, unsigned state)
{
    struct pnp_job *j = pp_new(sizeof *j);

    PP_ASSERT(j);
    j->p = p;
    j->minor = minor;
    j->is_system = is_system;
    j->state = state;
    return job_run(power_inside, j);
}

void ke_pnp_free(struct ke_pnp *p)
{
    if (!p)
        return;
    if (p->node)
        pnp_node_free(p->node);
    pp_free(p);
}

void ke_pnp_name(const struct ke_pnp *p, char *buf, size_t size)
{
    WCHAR name[128];

    buf[0] = '\0';
    if (ob_name_of(pnp_node_pdo(p->node), name, PP_COUNT(name)))
        (void)rtl_to_utf8(name, rtl_wcslen(name), buf, size); /* its length is not needed */
}
