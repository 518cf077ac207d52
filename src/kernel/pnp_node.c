/*
 * Device nodes: simulated physical devices, the bus driver that answers for them, and their
 * registry keys.
 *
 * The bus driver \Driver\PoolproofBus is native; its dispatch routines are internal exports, so
 * that drivers see stub addresses in its driver object. Each device has memory, ports and one
 * interrupt, looks like a PCI function to those who ask for configuration space, and answers what a
 * bus driver must answer.
 *
 * Doc: WDK, "Plug and Play Minor IRPs"; wdm.h, DEVICE_CAPABILITIES, BUS_INTERFACE_STANDARD.
 */
#include "kernel/pnp_priv.h"

#include <string.h>

static struct {
    DRIVER_OBJECT *bus;
    struct pp_list nodes;
    unsigned next;
} g = {.nodes = {&g.nodes, &g.nodes}};

#define DEVICE_ID u"ROOT\\POOLPROOF"
#define CLASS_GUID u"{4D36E97D-E325-11CE-BFC1-08002BE10318}" /* system devices */

/* ---- Resources ---- */

const CM_PARTIAL_RESOURCE_DESCRIPTOR *pnp_resources(const CM_RESOURCE_LIST *list)
{
    /* Through bytes: the declared arrays have one element, whatever the counts say. */
    return (
        const void *)((const uint8_t *)list +
                      offsetof(CM_RESOURCE_LIST, List[0].PartialResourceList.PartialDescriptors));
}

static CM_RESOURCE_LIST *resources_new(const CM_PARTIAL_RESOURCE_DESCRIPTOR *d, unsigned count)
{
    size_t head = offsetof(CM_RESOURCE_LIST, List[0].PartialResourceList.PartialDescriptors);
    CM_RESOURCE_LIST *l = ex_alloc_kernel(head + count * sizeof *d, "PpRl", true);

    l->Count = 1;
    l->List[0].InterfaceType = PCIBus;
    l->List[0].PartialResourceList.Version = 1;
    l->List[0].PartialResourceList.Revision = 1;
    l->List[0].PartialResourceList.Count = count;
    memcpy(l->List[0].PartialResourceList.PartialDescriptors, d, count * sizeof *d);
    return l;
}

static void resources_init(struct pnp_node *n)
{
    CM_PARTIAL_RESOURCE_DESCRIPTOR d[PNP_RESOURCES] = {
        {.Type = CmResourceTypeMemory,
         .ShareDisposition = CmResourceShareDeviceExclusive,
         .u.Memory = {{.QuadPart = PNP_MEMORY_BASE}, PNP_MEMORY_SIZE}},
        {.Type = CmResourceTypePort,
         .ShareDisposition = CmResourceShareDeviceExclusive,
         .Flags = CM_RESOURCE_PORT_IO | CM_RESOURCE_PORT_16_BIT_DECODE,
         .u.Port = {{.QuadPart = PNP_PORT_BASE}, PNP_PORT_SIZE}},
        {.Type = CmResourceTypeInterrupt,
         .ShareDisposition = CmResourceShareShared,
         .u.Interrupt = {.Level = 11, .Vector = 11, .Affinity = 3}},
    };

    d[0].u.Memory.Start.QuadPart += (LONGLONG)n->number * PNP_MEMORY_SIZE;
    d[1].u.Port.Start.QuadPart += (LONGLONG)(n->number * PNP_PORT_SIZE);
    n->raw = resources_new(d, PNP_RESOURCES);
    d[2].u.Interrupt.Level = PNP_IRQL;
    d[2].u.Interrupt.Vector = PNP_VECTOR + n->number;
    n->translated = resources_new(d, PNP_RESOURCES);
}

const CM_PARTIAL_RESOURCE_DESCRIPTOR *pnp_node_interrupt(const DEVICE_OBJECT *pdo)
{
    struct pnp_node *n = pnp_node_of(pdo);

    return n ? pnp_resources(n->translated) + 2 : NULL;
}

static void config_init(struct pnp_node *n)
{
    PCI_COMMON_CONFIG *c = &n->config;

    c->VendorID = 0x1AF4; /* as virtual devices have it */
    c->DeviceID = 0x50F1;
    c->Command = PCI_ENABLE_IO_SPACE | PCI_ENABLE_MEMORY_SPACE | PCI_ENABLE_BUS_MASTER;
    c->RevisionID = 1;
    c->BaseClass = 0xFF; /* none of the defined classes */
    c->u.type0.BaseAddresses[0] = PNP_MEMORY_BASE + n->number * PNP_MEMORY_SIZE;
    c->u.type0.BaseAddresses[1] = (PNP_PORT_BASE + n->number * PNP_PORT_SIZE) | 1;
    c->u.type0.SubVendorID = 0x1AF4;
    c->u.type0.SubSystemID = 1;
    c->u.type0.InterruptLine = 11;
    c->u.type0.InterruptPin = 1;
}

/* ---- Registry ---- */

NTSTATUS pnp_key_open(const WCHAR *path, const WCHAR *leaf, ACCESS_MASK access, bool create,
                      HANDLE *ret)
{
    enum { FIRST = 18 }; /* behind \Registry\Machine\ */
    WCHAR text[640];
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attr = {.Length = sizeof attr,
                              .ObjectName = &name,
                              .Attributes = OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE};
    const WCHAR *parts[2] = {path, leaf};
    size_t at = 0;

    for (unsigned i = 0; i < 2; i++)
        for (const WCHAR *p = parts[i]; p && *p && at + 1 < PP_COUNT(text); p++)
            text[at++] = *p;
    text[at] = 0;
    /* Each level in turn: ZwCreateKey makes only the last one. */
    for (size_t i = FIRST; create && i < at; i++) {
        HANDLE key;

        if (text[i] != '\\')
            continue;
        text[i] = 0;
        rtl_init_string(&name, text);
        if (NT_SUCCESS(ZwCreateKey(&key, KEY_ALL_ACCESS, &attr, 0, NULL, 0, NULL)))
            (void)ZwClose(key);
        text[i] = '\\';
    }
    rtl_init_string(&name, text);
    return create ? ZwCreateKey(ret, access, &attr, 0, NULL, 0, NULL)
                  : ZwOpenKey(ret, access, &attr);
}

static void value_set(HANDLE key, const WCHAR *name, ULONG type, const void *data, size_t size)
{
    UNICODE_STRING s;

    rtl_init_string(&s, name);
    (void)ZwSetValueKey(key, &s, 0, type, (PVOID)(uintptr_t)data, (ULONG)size);
}

static void string_value(HANDLE key, const WCHAR *name, const WCHAR *text)
{
    value_set(key, name, REG_SZ, text, (rtl_wcslen(text) + 1) * sizeof(WCHAR));
}

static void path_join(const WCHAR *a, const WCHAR *b, WCHAR *ret, size_t chars)
{
    const WCHAR *parts[2] = {a, b};
    size_t at = 0;

    for (unsigned i = 0; i < 2; i++)
        for (const WCHAR *p = parts[i]; *p && at + 1 < chars; p++)
            ret[at++] = *p;
    ret[at] = 0;
}

static void registry_init(struct pnp_node *n)
{
    static const ULONG zero;
    WCHAR service[64], path[128];
    HANDLE key;

    rtl_from_utf8(n->service, service, PP_COUNT(service));
    if (NT_SUCCESS(pnp_key_open(PNP_ENUM_KEY, n->instance, KEY_ALL_ACCESS, true, &key))) {
        string_value(key, u"DeviceDesc", u"Poolproof simulated device");
        string_value(key, u"Service", service);
        string_value(key, u"ClassGUID", CLASS_GUID);
        string_value(key, u"Class", u"System");
        string_value(key, u"Driver", n->driver_key);
        string_value(key, u"Mfg", u"Poolproof");
        value_set(key, u"HardwareID", REG_MULTI_SZ, n->hardware, n->hardware_size);
        value_set(key, u"ConfigFlags", REG_DWORD, &zero, sizeof zero);
        (void)ZwClose(key);
    }
    if (NT_SUCCESS(pnp_key_open(PNP_CLASS_KEY, n->driver_key, KEY_ALL_ACCESS, true, &key))) {
        string_value(key, u"DriverDesc", u"Poolproof simulated device");
        string_value(key, u"ProviderName", u"Poolproof");
        (void)ZwClose(key);
    }
    path_join(PNP_ENUM_KEY, n->instance, path, PP_COUNT(path));
    if (NT_SUCCESS(pnp_key_open(path, u"\\Device Parameters", KEY_ALL_ACCESS, true, &key))) {
        string_value(key, u"PortName",
                     u"COM3"); /* what a ports class installer would have put there */
        (void)ZwClose(key);
    }
}

/* ---- Life ---- */

static void bus_init(void)
{
    static const struct {
        UCHAR major;
        const char *routine;
    } slots[] = {{IRP_MJ_PNP, "IopBusPnp"},
                 {IRP_MJ_POWER, "IopBusPower"},
                 {IRP_MJ_SYSTEM_CONTROL, "IopBusSystemControl"},
                 {IRP_MJ_INTERNAL_DEVICE_CONTROL, "IopBusInternalControl"},
                 {IRP_MJ_CREATE, "IopBusOpen"},
                 {IRP_MJ_CLEANUP, "IopBusOpen"},
                 {IRP_MJ_CLOSE, "IopBusOpen"}};

    g.bus = io_driver_new(NULL, "PoolproofBus");
    for (size_t i = 0; i < PP_COUNT(slots); i++)
        g.bus->MajorFunction[slots[i].major] =
            (PDRIVER_DISPATCH)(uintptr_t)ke_export_stub(slots[i].routine);
}

struct pnp_node *pnp_node_new(const char *service)
{
    struct io_new_device d = {.extension_size = 16,
                              .type = FILE_DEVICE_CONTROLLER,
                              .characteristics =
                                  FILE_AUTOGENERATED_DEVICE_NAME | FILE_DEVICE_SECURE_OPEN};
    struct pnp_node *n = pp_new(sizeof *n);
    char text[64];

    PP_ASSERT(n);
    if (!g.bus)
        bus_init();
    d.driver = g.bus;
    if (!NT_SUCCESS(io_device_new(&d, &n->pdo))) {
        pp_free(n);
        return NULL;
    }
    n->number = g.next++;
    pp_fmt(n->service, sizeof n->service, "%s", service);
    pp_fmt(text, sizeof text, "ROOT\\POOLPROOF\\%04u", n->number);
    rtl_from_utf8(text, n->instance, PP_COUNT(n->instance));
    pp_fmt(text, sizeof text, "{4D36E97D-E325-11CE-BFC1-08002BE10318}\\%04u", n->number);
    rtl_from_utf8(text, n->driver_key, PP_COUNT(n->driver_key));
    n->pdo->Flags |= DO_BUS_ENUMERATED_DEVICE;
    n->pdo->Flags &= ~DO_DEVICE_INITIALIZING;
    n->pdo->DeviceObjectExtension->ExtensionFlags |= DOE_START_PENDING;
    n->pdo->DeviceObjectExtension->DeviceNode = n->pdo + 1; /* only its being there counts */
    n->power = PowerDeviceD0;
    resources_init(n);
    config_init(n);
    pp_list_push_back(&g.nodes, &n->link);
    pnp_ids_fill(n, NULL);
    registry_init(n);
    return n;
}

void pnp_node_free(struct pnp_node *n)
{
    pp_list_remove(&n->link);
    io_device_wipe(n->pdo);
    ex_free_kernel(n->raw);
    ex_free_kernel(n->translated);
    pp_free(n);
}

struct pnp_node *pnp_node_of(const DEVICE_OBJECT *pdo)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.nodes)
    {
        struct pnp_node *n = PP_CONTAINER(it, struct pnp_node, link);

        if (n->pdo == pdo)
            return n;
    }
    return NULL;
}

DEVICE_OBJECT *pnp_node_pdo(const struct pnp_node *n)
{
    return n->pdo;
}

const WCHAR *pnp_node_instance(const struct pnp_node *n)
{
    return n->instance;
}

const WCHAR *pnp_node_driver_key(const struct pnp_node *n)
{
    return n->driver_key;
}

/* ---- What the bus driver answers ---- */

static void *text_copy(const WCHAR *text, size_t chars)
{
    WCHAR *p = ex_alloc_kernel(chars * sizeof *p, "PpTx", true);

    memcpy(p, text, chars * sizeof *p);
    return p;
}

static NTSTATUS answer_id(struct pnp_node *n, IRP *irp, ULONG type)
{
    static const WCHAR ids[] = DEVICE_ID u"\0";
    const WCHAR *instance = n->instance + rtl_wcslen(DEVICE_ID) + 1;
    void *text;

    if (type == BusQueryDeviceID)
        text = text_copy(DEVICE_ID, rtl_wcslen(DEVICE_ID) + 1);
    else if (type == BusQueryHardwareIDs)
        text = text_copy(n->hardware, n->hardware_size / sizeof *n->hardware);
    else if (type == BusQueryCompatibleIDs)
        text = text_copy(ids, PP_COUNT(ids));
    else if (type == BusQueryInstanceID)
        text = text_copy(instance, rtl_wcslen(instance) + 1);
    else
        return irp->IoStatus.Status;
    irp->IoStatus.Information = (ULONG_PTR)text;
    return STATUS_SUCCESS;
}

static NTSTATUS answer_text(IRP *irp, ULONG type)
{
    const WCHAR *text =
        type == DeviceTextDescription ? u"Poolproof simulated device" : u"Poolproof bus";

    if (type > DeviceTextLocationInformation)
        return irp->IoStatus.Status;
    irp->IoStatus.Information = (ULONG_PTR)text_copy(text, rtl_wcslen(text) + 1);
    return STATUS_SUCCESS;
}

static NTSTATUS answer_capabilities(DEVICE_CAPABILITIES *c)
{
    if (c->Version != 1 || c->Size < sizeof *c)
        return STATUS_UNSUCCESSFUL;
    c->UniqueID = 1;
    c->SurpriseRemovalOK = 1;
    c->Removable = 1;
    c->Address = 0;
    c->UINumber = 0xFFFFFFFF;
    c->DeviceState[PowerSystemWorking] = PowerDeviceD0;
    for (unsigned s = PowerSystemSleeping1; s < POWER_SYSTEM_MAXIMUM; s++)
        c->DeviceState[s] = PowerDeviceD3;
    c->SystemWake = PowerSystemUnspecified;
    c->DeviceWake = PowerDeviceUnspecified;
    return STATUS_SUCCESS;
}

static NTSTATUS answer_relations(struct pnp_node *n, IRP *irp, ULONG type)
{
    DEVICE_RELATIONS *r;

    if (type != TargetDeviceRelation)
        return irp->IoStatus.Status;
    r = ex_alloc_kernel(sizeof *r, "PpDr", true);
    r->Count = 1;
    r->Objects[0] = n->pdo;
    ob_ref(n->pdo);
    irp->IoStatus.Information = (ULONG_PTR)r;
    return STATUS_SUCCESS;
}

static NTSTATUS answer_bus(IRP *irp)
{
    static const GUID pci = NT_GUID_BUS_TYPE_PCI;
    PNP_BUS_INFORMATION *b = ex_alloc_kernel(sizeof *b, "PpBi", true);

    b->BusTypeGuid = pci;
    b->LegacyBusType = PCIBus;
    irp->IoStatus.Information = (ULONG_PTR)b;
    return STATUS_SUCCESS;
}

static NTSTATUS answer_resources(struct pnp_node *n, IRP *irp)
{
    size_t size = offsetof(CM_RESOURCE_LIST, List[0].PartialResourceList.PartialDescriptors) +
                  PNP_RESOURCES * sizeof(CM_PARTIAL_RESOURCE_DESCRIPTOR);
    void *copy = ex_alloc_kernel(size, "PpRl", true);

    memcpy(copy, n->raw, size);
    irp->IoStatus.Information = (ULONG_PTR)copy;
    return STATUS_SUCCESS;
}

static uint64_t stub(const char *name)
{
    return ke_export_stub(name);
}

static NTSTATUS answer_interface(struct pnp_node *n, IRP *irp, const IO_STACK_LOCATION *s)
{
    static const GUID standard = NT_GUID_BUS_INTERFACE_STANDARD;
    BUS_INTERFACE_STANDARD *b = (BUS_INTERFACE_STANDARD *)s->Parameters.QueryInterface.Interface;

    if (memcmp(s->Parameters.QueryInterface.InterfaceType, &standard, sizeof standard) ||
        s->Parameters.QueryInterface.Size < sizeof *b)
        return irp->IoStatus.Status;
    b->Size = sizeof *b;
    b->Version = 1;
    b->Context = n->pdo;
    b->InterfaceReference = (PINTERFACE_REFERENCE)(uintptr_t)stub("IopBusReference");
    b->InterfaceDereference = (PINTERFACE_DEREFERENCE)(uintptr_t)stub("IopBusDereference");
    b->TranslateBusAddress = (PTRANSLATE_BUS_ADDRESS)(uintptr_t)stub("IopBusTranslate");
    b->GetDmaAdapter = (PGET_DMA_ADAPTER)(uintptr_t)stub("IoGetDmaAdapter");
    b->SetBusData = (PGET_SET_DEVICE_DATA)(uintptr_t)stub("IopBusSetData");
    b->GetBusData = (PGET_SET_DEVICE_DATA)(uintptr_t)stub("IopBusGetData");
    ob_ref(n->pdo);
    return STATUS_SUCCESS;
}

static ULONG config_access(DEVICE_OBJECT *pdo, ULONG space, void *buffer, ULONG offset,
                           ULONG length, bool is_write)
{
    struct pnp_node *n = pnp_node_of(pdo);
    ULONG size = n && space == PCI_WHICHSPACE_CONFIG && offset < sizeof n->config
                     ? PP_MIN(length, (ULONG)sizeof n->config - offset)
                     : 0;

    if (!size)
        return 0;
    if (is_write)
        mm_copy((uint8_t *)&n->config + offset, buffer, size);
    else
        mm_copy(buffer, (uint8_t *)&n->config + offset, size);
    return size;
}

static NTSTATUS answer_config(struct pnp_node *n, IRP *irp, const IO_STACK_LOCATION *s)
{
    irp->IoStatus.Information = config_access(
        n->pdo, s->Parameters.ReadWriteConfig.WhichSpace, s->Parameters.ReadWriteConfig.Buffer,
        s->Parameters.ReadWriteConfig.Offset, s->Parameters.ReadWriteConfig.Length,
        s->MinorFunction == IRP_MN_WRITE_CONFIG);
    return irp->IoStatus.Information ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

static NTSTATUS answer(struct pnp_node *n, IRP *irp, const IO_STACK_LOCATION *s)
{
    switch (s->MinorFunction) {
    case IRP_MN_START_DEVICE:
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
    case IRP_MN_REMOVE_DEVICE:
    case IRP_MN_EJECT:
    case IRP_MN_SET_LOCK:
    case IRP_MN_DEVICE_USAGE_NOTIFICATION:
    case IRP_MN_QUERY_PNP_DEVICE_STATE:
    case IRP_MN_DEVICE_ENUMERATED:
        return STATUS_SUCCESS;
    case IRP_MN_QUERY_CAPABILITIES:
        return answer_capabilities(s->Parameters.DeviceCapabilities.Capabilities);
    case IRP_MN_QUERY_DEVICE_RELATIONS:
        return answer_relations(n, irp, s->Parameters.QueryDeviceRelations.Type);
    case IRP_MN_QUERY_ID:
        return answer_id(n, irp, s->Parameters.QueryId.IdType);
    case IRP_MN_QUERY_DEVICE_TEXT:
        return answer_text(irp, s->Parameters.QueryDeviceText.DeviceTextType);
    case IRP_MN_QUERY_BUS_INFORMATION:
        return answer_bus(irp);
    case IRP_MN_QUERY_RESOURCES:
        return answer_resources(n, irp);
    case IRP_MN_QUERY_INTERFACE:
        return answer_interface(n, irp, s);
    case IRP_MN_READ_CONFIG:
    case IRP_MN_WRITE_CONFIG:
        return answer_config(n, irp, s);
    default:
        return irp->IoStatus.Status; /* unknown to us: as it came */
    }
}

NT_EXPORT NTSTATUS NTAPI IopBusPnp(PDEVICE_OBJECT device, PIRP irp)
{
    struct pnp_node *n = pnp_node_of(device);
    UCHAR minor = io_stack(irp)->MinorFunction;
    NTSTATUS status = n ? answer(n, irp, io_stack(irp)) : STATUS_NO_SUCH_DEVICE;

    if (minor == IRP_MN_SURPRISE_REMOVAL || minor == IRP_MN_REMOVE_DEVICE)
        pnp_usb_gone(device);

    irp->IoStatus.Status = status;
    io_complete(irp, IO_NO_INCREMENT);
    return status;
}

NT_EXPORT NTSTATUS NTAPI IopBusPower(PDEVICE_OBJECT device, PIRP irp)
{
    struct pnp_node *n = pnp_node_of(device);
    const IO_STACK_LOCATION *s = io_stack(irp);
    NTSTATUS status = irp->IoStatus.Status;

    if (s->MinorFunction == IRP_MN_SET_POWER || s->MinorFunction == IRP_MN_QUERY_POWER) {
        if (n && s->MinorFunction == IRP_MN_SET_POWER &&
            s->Parameters.Power.Type == DevicePowerState)
            n->power = s->Parameters.Power.State.DeviceState;
        status = STATUS_SUCCESS;
        irp->IoStatus.Status = status;
    }
    io_complete(irp, IO_NO_INCREMENT);
    return status;
}

NT_EXPORT NTSTATUS NTAPI IopBusSystemControl(PDEVICE_OBJECT device, PIRP irp)
{
    NTSTATUS status = irp->IoStatus.Status;

    (void)device; /* no data provider: as it came */
    io_complete(irp, IO_NO_INCREMENT);
    return status;
}

NT_EXPORT NTSTATUS NTAPI IopBusOpen(PDEVICE_OBJECT device, PIRP irp)
{
    (void)device;
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    io_complete(irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI IopBusReference(PVOID context)
{
    ob_ref(context);
}

NT_EXPORT VOID NTAPI IopBusDereference(PVOID context)
{
    ob_unref(context);
}

NT_EXPORT BOOLEAN NTAPI IopBusTranslate(PVOID context, PHYSICAL_ADDRESS bus, ULONG length,
                                        PULONG space, PPHYSICAL_ADDRESS translated)
{
    (void)context;
    (void)length;
    (void)space; /* memory stays memory, ports stay ports */
    *translated = bus;
    return TRUE;
}

NT_EXPORT ULONG NTAPI IopBusSetData(PVOID context, ULONG space, PVOID buffer, ULONG offset,
                                    ULONG length)
{
    return config_access(context, space, buffer, offset, length, true);
}

NT_EXPORT ULONG NTAPI IopBusGetData(PVOID context, ULONG space, PVOID buffer, ULONG offset,
                                    ULONG length)
{
    return config_access(context, space, buffer, offset, length, false);
}
