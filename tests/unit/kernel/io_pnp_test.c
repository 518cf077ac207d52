/* Device nodes, interfaces, notifications, power. */
#include "io_fixture.h"

static struct pnp_node *node;
static DRIVER_OBJECT *driver;
static DEVICE_OBJECT *fdo, *below;
static unsigned minors[32];

static NTAPI NTSTATUS on_pnp(PDEVICE_OBJECT d, PIRP irp)
{
    UCHAR minor = io_stack(irp)->MinorFunction;

    minors[minor & 31]++;
    irp->CurrentLocation++;
    irp->Tail.Overlay.CurrentStackLocation++;
    if (minor == IRP_MN_REMOVE_DEVICE) {
        NTSTATUS status = IofCallDriver(below, irp);

        IoDetachDevice(below);
        IoDeleteDevice(d);
        return status;
    }
    return IofCallDriver(below, irp);
}

static void add(void *arg)
{
    (void)arg;
    node = pnp_node_new("Test");
    fdo = device_make(driver, NULL, 8);
    below = IoAttachDeviceToDeviceStack(fdo, pnp_node_pdo(node));
}

static void setup(void)
{
    machine_start();
    driver = io_driver_new(NULL, "Test");
    driver->MajorFunction[IRP_MJ_PNP] = on_pnp;
    driver->MajorFunction[IRP_MJ_POWER] = on_pnp;
    cr_assert_eq(io_run(add, NULL, false), IO_RAN);
    cr_assert_not_null(below);
}

TestSuite(pnp, .init = setup);

static NTSTATUS send(UCHAR minor, IO_STATUS_BLOCK *iosb, ULONG id_type)
{
    IRP *irp = io_irp_new(fdo->StackSize);
    IO_STACK_LOCATION *s = io_stack_next(irp);

    irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    s->MajorFunction = IRP_MJ_PNP;
    s->MinorFunction = minor;
    s->Parameters.QueryId.IdType = id_type;
    return io_send_wait(io_device_top(pnp_node_pdo(node)), irp, iosb);
}

static void life(void *arg)
{
    IO_STATUS_BLOCK iosb;

    (void)arg;
    cr_expect_eq(send(IRP_MN_START_DEVICE, NULL, 0), STATUS_SUCCESS);
    cr_expect_eq(send(IRP_MN_QUERY_ID, &iosb, BusQueryDeviceID), STATUS_SUCCESS);
    cr_expect_eq(rtl_wcslen((WCHAR *)iosb.Information), 14);
    ExFreePoolWithTag((void *)iosb.Information, 0);
    cr_expect_eq(send(IRP_MN_QUERY_DEVICE_RELATIONS, &iosb, BusRelations), STATUS_NOT_SUPPORTED);
    cr_expect_eq(send(IRP_MN_QUERY_REMOVE_DEVICE, NULL, 0), STATUS_SUCCESS);
    cr_expect_eq(send(IRP_MN_REMOVE_DEVICE, NULL, 0), STATUS_SUCCESS);
    cr_expect_null(driver->DeviceObject);
}

Test(pnp, life)
{
    cr_expect_eq(io_run(life, NULL, false), IO_RAN);
    cr_expect_eq(minors[IRP_MN_START_DEVICE], 1);
    cr_expect_eq(findings.total, 0);
}

NTSTATUS NTAPI IoRegisterDeviceInterface(PDEVICE_OBJECT, const GUID *, PUNICODE_STRING,
                                         PUNICODE_STRING);
NTSTATUS NTAPI IoSetDeviceInterfaceState(PUNICODE_STRING, BOOLEAN);
NTSTATUS NTAPI IoRegisterPlugPlayNotification(IO_NOTIFICATION_EVENT_CATEGORY, ULONG, PVOID,
                                              PDRIVER_OBJECT, PDRIVER_NOTIFICATION_CALLBACK_ROUTINE,
                                              PVOID, PVOID *);
NTSTATUS NTAPI IoUnregisterPlugPlayNotification(PVOID);
NTSTATUS NTAPI IoGetDeviceProperty(PDEVICE_OBJECT, DEVICE_REGISTRY_PROPERTY, ULONG, PVOID, PULONG);
NTSTATUS NTAPI IoOpenDeviceRegistryKey(PDEVICE_OBJECT, ULONG, ACCESS_MASK, PHANDLE);

static unsigned arrivals;
static const GUID class_guid = NT_GUID(0x11223344, 0x5566, 0x7788, 1, 2, 3, 4, 5, 6, 7, 8);
static char seen[256];

static NTAPI NTSTATUS on_arrival(PVOID notification, PVOID context)
{
    const DEVICE_INTERFACE_CHANGE_NOTIFICATION *n = notification;

    cr_expect_eq(context, &arrivals);
    cr_expect_eq(memcmp(&n->InterfaceClassGuid, &class_guid, sizeof class_guid), 0);
    arrivals++;
    return STATUS_SUCCESS;
}

static bool see(void *ctx, const char *link, const struct ke_image *owner)
{
    (void)ctx, (void)owner;
    strncpy(seen, link, sizeof seen - 1);
    return true;
}

static void interfaces(void *arg)
{
    UNICODE_STRING name;
    PVOID entry;
    GUID guid = class_guid;

    (void)arg;
    cr_expect_eq(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0, &guid,
                                                driver, on_arrival, &arrivals, &entry),
                 STATUS_SUCCESS);
    cr_expect_eq(IoRegisterDeviceInterface(pnp_node_pdo(node), &guid, NULL, &name), STATUS_SUCCESS);
    cr_expect_eq(IoSetDeviceInterfaceState(&name, TRUE), STATUS_SUCCESS);
    cr_expect_eq(IoSetDeviceInterfaceState(&name, TRUE), STATUS_OBJECT_NAME_EXISTS);
    ke_each_interface(see, NULL);
    cr_expect_str_eq(seen, "\\??\\ROOT#POOLPROOF#0000#{11223344-5566-7788-0102-030405060708}");
    ExFreePoolWithTag(name.Buffer, 0);
}

Test(pnp, interfaces)
{
    cr_expect_eq(io_run(interfaces, NULL, false), IO_RAN);
    ke_settle(1);
    cr_expect_eq(arrivals, 1);
    cr_expect_eq(findings.total, 0);
}

static void properties(void *arg)
{
    WCHAR text[64];
    ULONG size;
    HANDLE key;

    (void)arg;
    cr_expect_eq(IoGetDeviceProperty(pnp_node_pdo(node), DevicePropertyClassName, 2, text, &size),
                 STATUS_BUFFER_TOO_SMALL);
    cr_expect_eq(size, 14);
    cr_expect_eq(
        IoGetDeviceProperty(pnp_node_pdo(node), DevicePropertyClassName, sizeof text, text, &size),
        STATUS_SUCCESS);
    cr_expect_eq(text[0], 'S');
    cr_expect_eq(IoGetDeviceProperty(fdo, DevicePropertyClassName, sizeof text, text, &size),
                 STATUS_INVALID_DEVICE_REQUEST);
    cr_expect_eq(
        IoOpenDeviceRegistryKey(pnp_node_pdo(node), PLUGPLAY_REGKEY_DEVICE, KEY_ALL_ACCESS, &key),
        STATUS_SUCCESS);
    cr_expect_eq(ZwClose(key), STATUS_SUCCESS);
}

Test(pnp, properties)
{
    cr_expect_eq(io_run(properties, NULL, false), IO_RAN);
    cr_expect_eq(findings.total, 0);
}

/* The list of hardware IDs as text, "|" for each NUL. */
static const char *hardware_ids(void)
{
    static char text[160];
    WCHAR list[160];
    ULONG size;

    cr_assert_eq(
        IoGetDeviceProperty(pnp_node_pdo(node), DevicePropertyHardwareID, sizeof list, list, &size),
        STATUS_SUCCESS);
    for (ULONG i = 0; i < size / sizeof(WCHAR); i++)
        text[i] = list[i] ? (char)list[i] : '|';
    text[size / sizeof(WCHAR)] = '\0';
    return text;
}

static void identity(void *arg)
{
    (void)arg;
    cr_expect_str_eq(hardware_ids(), "ROOT\\Test||");
    pnp_node_identify(node, "USB\\VID_1234&PID_5678");
    cr_expect_str_eq(hardware_ids(), "USB\\VID_1234&PID_5678|ROOT\\Test||");
    pnp_node_identify(node, "PCI\\VEN_8086&DEV_1234&*");
    cr_expect_str_eq(hardware_ids(), "PCI\\VEN_8086&DEV_1234&SUBSYS_00011AF4&REV_01|"
                                     "PCI\\VEN_8086&DEV_1234|ROOT\\Test||");
}

Test(pnp, identity)
{
    cr_expect_eq(io_run(identity, NULL, false), IO_RAN);
    cr_expect_eq(findings.total, 0);
}

NTSTATUS NTAPI PoRequestPowerIrp(PDEVICE_OBJECT, UCHAR, POWER_STATE, PREQUEST_POWER_COMPLETE, PVOID,
                                 PIRP *);
static unsigned power_done;

static NTAPI VOID on_power(PDEVICE_OBJECT d, UCHAR minor, POWER_STATE state, PVOID context,
                           PIO_STATUS_BLOCK status)
{
    cr_expect_eq(d, fdo);
    cr_expect_eq(minor, IRP_MN_SET_POWER);
    cr_expect_eq(state.DeviceState, PowerDeviceD3);
    cr_expect_eq(context, &power_done);
    cr_expect_eq(status->Status, STATUS_SUCCESS);
    power_done++;
}

Test(pnp, power_request)
{
    POWER_STATE state = {.DeviceState = PowerDeviceD3};

    cr_expect_eq(PoRequestPowerIrp(fdo, IRP_MN_SET_POWER, state, on_power, &power_done, NULL),
                 STATUS_PENDING);
    ke_settle(1);
    cr_expect_eq(power_done, 1);
    cr_expect_eq(findings.total, 0);
}
