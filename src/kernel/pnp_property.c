/*
 * What drivers ask and tell the PnP manager about devices: properties, registry keys, changed
 * relations and states, resources, detected devices, and the description of old buses.
 *
 * Doc: wdm.h, IoGetDeviceProperty, IoOpenDeviceRegistryKey, IoInvalidateDeviceRelations; ntddk.h,
 * IoReportDetectedDevice, IoReportResourceForDetection, IoQueryDeviceDescription.
 */
#include "kernel/pnp_priv.h"

#include <string.h>

/* ---- Properties ---- */

struct answer {
    void *buffer;
    ULONG size;
    PULONG ret;
};

static NTSTATUS give(const struct answer *a, const void *data, size_t size)
{
    *a->ret = (ULONG)size;
    if (a->size < size)
        return STATUS_BUFFER_TOO_SMALL;
    mm_copy(a->buffer, data, size);
    return STATUS_SUCCESS;
}

static NTSTATUS give_text(const struct answer *a, const WCHAR *text)
{
    return give(a, text, (rtl_wcslen(text) + 1) * sizeof(WCHAR));
}

static NTSTATUS give_number(const struct answer *a, ULONG n)
{
    return give(a, &n, sizeof n);
}

static NTSTATUS give_pdo_name(const struct answer *a, const DEVICE_OBJECT *pdo)
{
    WCHAR name[128];

    return ob_name_of(pdo, name, PP_COUNT(name)) ? give_text(a, name)
                                                 : STATUS_OBJECT_NAME_NOT_FOUND;
}

static size_t list_size(void)
{
    return offsetof(CM_RESOURCE_LIST, List[0].PartialResourceList.PartialDescriptors) +
           PNP_RESOURCES * sizeof(CM_PARTIAL_RESOURCE_DESCRIPTOR);
}

NT_EXPORT NTSTATUS NTAPI IoGetDeviceProperty(PDEVICE_OBJECT pdo, DEVICE_REGISTRY_PROPERTY property,
                                             ULONG size, PVOID buffer, PULONG ret)
{
    static const WCHAR ids[] = u"ROOT\\POOLPROOF\0";
    static const GUID bus = NT_GUID_BUS_TYPE_PCI;
    struct answer a = {buffer, size, ret};
    struct pnp_node *n = pnp_node_of(pdo);

    if (!n)
        return STATUS_INVALID_DEVICE_REQUEST;
    switch (property) {
    case DevicePropertyDeviceDescription:
    case DevicePropertyFriendlyName:
        return give_text(&a, u"Poolproof simulated device");
    case DevicePropertyHardwareID:
        return give(&a, n->hardware, n->hardware_size);
    case DevicePropertyCompatibleIDs:
        return give(&a, ids, sizeof ids);
    case DevicePropertyBootConfiguration:
        return give(&a, n->raw, list_size());
    case DevicePropertyBootConfigurationTranslated:
    case DevicePropertyAllocatedResources:
        return give(&a, n->translated, list_size());
    case DevicePropertyClassName:
        return give_text(&a, u"System");
    case DevicePropertyClassGuid:
        return give_text(&a, u"{4D36E97D-E325-11CE-BFC1-08002BE10318}");
    case DevicePropertyDriverKeyName:
        return give_text(&a, n->driver_key);
    case DevicePropertyManufacturer:
        return give_text(&a, u"Poolproof");
    case DevicePropertyLocationInformation:
        return give_text(&a, u"Poolproof bus");
    case DevicePropertyPhysicalDeviceObjectName:
        return give_pdo_name(&a, pdo);
    case DevicePropertyBusTypeGuid:
        return give(&a, &bus, sizeof bus);
    case DevicePropertyLegacyBusType:
        return give_number(&a, PCIBus);
    case DevicePropertyBusNumber:
        return give_number(&a, 0);
    case DevicePropertyEnumeratorName:
        return give_text(&a, u"ROOT");
    case DevicePropertyAddress:
        return give_number(&a, n->number << 16); /* PCI: device in the high word */
    case DevicePropertyUINumber:
    case DevicePropertyResourceRequirements:
    case DevicePropertyContainerID:
        return STATUS_OBJECT_NAME_NOT_FOUND;
    case DevicePropertyInstallState:
        return give_number(&a, 0); /* InstallStateInstalled */
    case DevicePropertyRemovalPolicy:
        return give_number(&a, 3); /* RemovalPolicyExpectSurpriseRemoval */
    default:
        return STATUS_INVALID_PARAMETER_2;
    }
}

/* Doc: wdm, IoGetDevicePropertyData: properties by DEVPROPKEY; none is stored for simulated
 * devices. */
NT_EXPORT NTSTATUS NTAPI IoGetDevicePropertyData(PDEVICE_OBJECT pdo, const void *key, ULONG lcid,
                                                 ULONG flags, ULONG size, PVOID data,
                                                 PULONG ret_size, PULONG ret_type)
{
    (void)key;
    (void)lcid;
    (void)size;
    (void)data;
    if (!pnp_node_of(pdo) || flags)
        return STATUS_INVALID_PARAMETER;
    *ret_size = 0;
    *ret_type = 0;
    return STATUS_OBJECT_NAME_NOT_FOUND;
}

/* ---- Keys ---- */

NT_EXPORT NTSTATUS NTAPI IoOpenDeviceRegistryKey(PDEVICE_OBJECT pdo, ULONG type, ACCESS_MASK access,
                                                 PHANDLE ret)
{
    struct pnp_node *n = pnp_node_of(pdo);
    ULONG which = type & ~PLUGPLAY_REGKEY_CURRENT_HWPROFILE;
    WCHAR path[200];
    const WCHAR *parts[2];
    size_t at = 0;

    if (which != PLUGPLAY_REGKEY_DEVICE && which != PLUGPLAY_REGKEY_DRIVER)
        return STATUS_INVALID_PARAMETER;
    if (!n)
        return STATUS_INVALID_DEVICE_REQUEST;
    if (which == PLUGPLAY_REGKEY_DRIVER)
        return pnp_key_open(PNP_CLASS_KEY, n->driver_key, access, true, ret);
    parts[0] = PNP_ENUM_KEY;
    parts[1] = n->instance;
    for (unsigned i = 0; i < 2; i++)
        for (const WCHAR *p = parts[i]; *p; p++)
            path[at++] = *p;
    path[at] = 0;
    return pnp_key_open(path, u"\\Device Parameters", access, true, ret);
}

/* Doc: wdm, IoOpenDriverRegistryKey: 0 is the service's Parameters key. */
NT_EXPORT NTSTATUS NTAPI IoOpenDriverRegistryKey(PDRIVER_OBJECT driver, LONG type,
                                                 ACCESS_MASK access, ULONG flags, PHANDLE ret)
{
    const WCHAR *base = u"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\";
    const UNICODE_STRING *name = &driver->DriverExtension->ServiceKeyName;
    WCHAR path[256];
    size_t at = 0;

    if (type < 0 || type > 2 || flags)
        return STATUS_INVALID_PARAMETER;
    for (const WCHAR *p = base; *p; p++)
        path[at++] = *p;
    for (size_t i = 0; i < name->Length / sizeof(WCHAR) && at + 1 < PP_COUNT(path); i++)
        path[at++] = name->Buffer[i];
    path[at] = 0;
    return pnp_key_open(path, type == 0 ? u"\\Parameters" : u"\\State", access, true, ret);
}

/* ---- Changes ---- */

/* The PnP manager asks the stack again, later, in a worker. */
struct query {
    DEVICE_OBJECT *pdo;
    UCHAR minor;
    ULONG type;
};

static void query_later(void *arg)
{
    struct query *q = arg;

    if (io_is_device(q->pdo) && pnp_node_of(q->pdo)) {
        DEVICE_OBJECT *top = io_device_top(q->pdo);
        IRP *irp = io_irp_new(top->StackSize);
        IO_STACK_LOCATION *s = io_stack_next(irp);
        IO_STATUS_BLOCK iosb = {0};
        NTSTATUS status;

        irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
        irp->Tail.Overlay.Thread = ke_thread_now->object;
        s->MajorFunction = IRP_MJ_PNP;
        s->MinorFunction = q->minor;
        if (q->minor == IRP_MN_QUERY_DEVICE_RELATIONS)
            s->Parameters.QueryDeviceRelations.Type = q->type;
        status = io_send_wait(top, irp, &iosb);
        if (q->minor == IRP_MN_QUERY_DEVICE_RELATIONS && NT_SUCCESS(status) && iosb.Information)
            pnp_relations_free((DEVICE_RELATIONS *)iosb.Information);
    }
    ob_unref(q->pdo);
    pp_free(q);
}

static void query(DEVICE_OBJECT *pdo, UCHAR minor, ULONG type)
{
    struct query *q;

    if (!pnp_node_of(pdo) || !pnp_node_of(pdo)->is_started)
        return;
    q = pp_new(sizeof *q);
    PP_ASSERT(q);
    q->pdo = pdo;
    q->minor = minor;
    q->type = type;
    ob_ref(pdo);
    ke_work(query_later, q);
}

NT_EXPORT VOID NTAPI IoInvalidateDeviceRelations(PDEVICE_OBJECT pdo, DEVICE_RELATION_TYPE type)
{
    query(pdo, IRP_MN_QUERY_DEVICE_RELATIONS, type);
}

NT_EXPORT NTSTATUS NTAPI IoSynchronousInvalidateDeviceRelations(PDEVICE_OBJECT pdo,
                                                                DEVICE_RELATION_TYPE type)
{
    if (!pnp_node_of(pdo))
        return STATUS_NO_SUCH_DEVICE;
    query(pdo, IRP_MN_QUERY_DEVICE_RELATIONS, type);
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI IoInvalidateDeviceState(PDEVICE_OBJECT pdo)
{
    query(pdo, IRP_MN_QUERY_PNP_DEVICE_STATE, 0);
}

/* Doc: ntddk, IoRequestDeviceEject: the PnP manager starts removal; the host decides when that is.
 */
NT_EXPORT VOID NTAPI IoRequestDeviceEject(PDEVICE_OBJECT pdo)
{
    query(pdo, IRP_MN_QUERY_REMOVE_DEVICE, 0);
}

NT_EXPORT VOID NTAPI IoAdjustPagingPathCount(PLONG count, BOOLEAN increment)
{
    __atomic_add_fetch(count, increment ? 1 : -1, __ATOMIC_SEQ_CST);
}

/* ---- Resources of old drivers: nothing else claims any, so there is no conflict ---- */

static NTSTATUS claim(DRIVER_OBJECT *driver, PBOOLEAN conflict)
{
    driver->Flags |= DRVO_LEGACY_RESOURCES;
    *conflict = FALSE;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI IoReportResourceUsage(PUNICODE_STRING class_name, PDRIVER_OBJECT driver,
                                               PVOID driver_list, ULONG driver_size,
                                               PDEVICE_OBJECT device, PVOID device_list,
                                               ULONG device_size, BOOLEAN override,
                                               PBOOLEAN conflict)
{
    (void)class_name;
    (void) override;
    mm_check_range(driver_list, driver_list ? driver_size : 0, false);
    mm_check_range(device_list, device && device_list ? device_size : 0, false);
    return claim(driver, conflict);
}

NT_EXPORT NTSTATUS NTAPI IoReportResourceForDetection(PDRIVER_OBJECT driver, PVOID driver_list,
                                                      ULONG driver_size, PDEVICE_OBJECT device,
                                                      PVOID device_list, ULONG device_size,
                                                      PBOOLEAN conflict)
{
    mm_check_range(driver_list, driver_list ? driver_size : 0, false);
    mm_check_range(device_list, device && device_list ? device_size : 0, false);
    return claim(driver, conflict);
}

/* Doc: ntddk, IoReportDetectedDevice: makes a PDO for a device the driver found by itself. */
NT_EXPORT NTSTATUS NTAPI IoReportDetectedDevice(PDRIVER_OBJECT driver, INTERFACE_TYPE bus_type,
                                                ULONG bus, ULONG slot, PVOID resources,
                                                PVOID requirements, BOOLEAN assigned,
                                                PDEVICE_OBJECT *device)
{
    const UNICODE_STRING *name = &driver->DriverExtension->ServiceKeyName;
    struct pnp_node *n;
    char service[VF_NAME];

    (void)bus_type;
    (void)bus;
    (void)slot;
    (void)resources;
    (void)requirements;
    (void)assigned;
    if (*device)
        return pnp_node_of(*device) ? STATUS_SUCCESS : STATUS_NO_SUCH_DEVICE;
    rtl_to_utf8(name->Buffer, name->Length / sizeof(WCHAR), service, sizeof service);
    n = pnp_node_new(service);
    if (!n)
        return STATUS_INSUFFICIENT_RESOURCES;
    n->is_started = true;
    n->pdo->DeviceObjectExtension->ExtensionFlags &= ~DOE_START_PENDING;
    *device = n->pdo;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI IoReportRootDevice(PDRIVER_OBJECT driver)
{
    DEVICE_OBJECT *pdo = NULL;

    return IoReportDetectedDevice(driver, PNPBus, 0, 0, NULL, NULL, FALSE, &pdo);
}

/* Doc: ntddk, IoQueryDeviceDescription: the hardware tree of
 * \Registry\Machine\Hardware\Description. The model's firmware describes no buses, controllers or
 * peripherals there. */
NT_EXPORT NTSTATUS NTAPI IoQueryDeviceDescription(PINTERFACE_TYPE bus_type, PULONG bus,
                                                  PVOID controller_type, PULONG controller,
                                                  PVOID peripheral_type, PULONG peripheral,
                                                  PIO_QUERY_DEVICE_ROUTINE routine, PVOID context)
{
    (void)bus;
    (void)controller_type;
    (void)controller;
    (void)peripheral_type;
    (void)peripheral;
    (void)routine;
    (void)context;
    return bus_type ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_NOT_IMPLEMENTED;
}
