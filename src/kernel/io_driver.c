/*
 * Driver objects: creation, the extensions drivers hang on them, reinitialisation, and what must be
 * gone when a driver is unloaded.
 *
 * Every dispatch slot starts with the address of a stub (IopInvalidDeviceRequest), so that a slot a
 * driver did not set fails requests as on Windows, and code that compares or saves slots sees a
 * sane pointer.
 *
 * Doc: wdm.h, DRIVER_OBJECT; IoAllocateDriverObjectExtension; IoRegisterDriverReinitialization.
 */
#include "kernel/io_nt.h"

#include <string.h>

/* Client extension: found by driver and identification address. */
struct client {
    struct pp_list link;
    DRIVER_OBJECT *driver;
    const void *id;
    void *body;
};

struct reinit {
    struct pp_list link;
    DRIVER_OBJECT *driver;
    uint64_t routine, context;
};

/* What a DriverSection leads to: KLDR_DATA_TABLE_ENTRY, as far as drivers look.
 * Doc: Windows Internals 7, part 1, "Image loader"; Seen: 19045. */
struct module_entry {
    LIST_ENTRY InLoadOrderLinks;
    PVOID ExceptionTable;
    ULONG ExceptionTableSize;
    ULONG Pad0;
    PVOID GpValue;
    PVOID NonPagedDebugInfo;
    PVOID DllBase;
    PVOID EntryPoint;
    ULONG SizeOfImage;
    ULONG Pad1;
    UNICODE_STRING FullDllName;
    UNICODE_STRING BaseDllName;
    ULONG Flags;
    USHORT LoadCount;
    USHORT SignatureInfo;
    PVOID SectionPointer;
    ULONG CheckSum;
    ULONG CoverageSectionSize;
    PVOID CoverageSection;
    PVOID LoadedImports;
    PVOID Spare;
    ULONG SizeOfImageNotRounded;
    ULONG TimeDateStamp;
};
_Static_assert(offsetof(struct module_entry, DllBase) == 0x30, "KLDR_DATA_TABLE_ENTRY");
_Static_assert(offsetof(struct module_entry, FullDllName) == 0x48, "KLDR_DATA_TABLE_ENTRY");
_Static_assert(offsetof(struct module_entry, Flags) == 0x68, "KLDR_DATA_TABLE_ENTRY");
_Static_assert(sizeof(struct module_entry) == 0xA0, "KLDR_DATA_TABLE_ENTRY");

static struct {
    struct pp_list clients, reinits;
    LIST_ENTRY *modules; /* driver-visible list head */
} g;

/* ---- Life ---- */

NT_EXPORT NTSTATUS NTAPI IopInvalidDeviceRequest(PDEVICE_OBJECT device, PIRP irp)
{
    (void)device;
    /* Power requests need their turn given up even here. */
    irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
    irp->IoStatus.Information = 0;
    io_complete(irp, IO_NO_INCREMENT);
    return STATUS_INVALID_DEVICE_REQUEST;
}

/* A UNICODE_STRING in guarded memory from UTF-8, with its text. */
static void string_set(UNICODE_STRING *s, const char *text)
{
    WCHAR buf[512];
    size_t chars = rtl_from_utf8(text, buf, PP_COUNT(buf));

    s->Buffer = ex_alloc_kernel((chars + 1) * sizeof(WCHAR), "Io  ", false);
    memcpy(s->Buffer, buf, (chars + 1) * sizeof(WCHAR));
    s->Length = (USHORT)(chars * sizeof(WCHAR));
    s->MaximumLength = (USHORT)(s->Length + sizeof(WCHAR));
}

static void string_done(UNICODE_STRING *s)
{
    if (s->Buffer)
        ex_free_kernel(s->Buffer);
    s->Buffer = NULL;
}

static void *module_new(struct ke_image *image)
{
    struct module_entry *m = ex_alloc_kernel(sizeof *m, "MmLd", false);
    char path[128];

    if (!g.modules) {
        g.modules = ex_alloc_kernel(sizeof *g.modules, "MmLd", false);
        io_list_init(g.modules);
    }
    m->DllBase = (PVOID)(uintptr_t)image->base;
    m->EntryPoint = (PVOID)(uintptr_t)image->entry;
    m->SizeOfImage = image->size;
    m->LoadCount = 1;
    m->Flags = 0x49104000; /* Seen: a signed driver on 19045 */
    pp_fmt(path, sizeof path, "\\SystemRoot\\System32\\drivers\\%s", image->name);
    string_set(&m->FullDllName, path);
    string_set(&m->BaseDllName, image->name);
    io_list_add_tail(g.modules, &m->InLoadOrderLinks);
    return m;
}

static void module_free(struct module_entry *m)
{
    io_list_remove(&m->InLoadOrderLinks);
    string_done(&m->FullDllName);
    string_done(&m->BaseDllName);
    ex_free_kernel(m);
}

static void dispatch_init(DRIVER_OBJECT *driver)
{
    PDRIVER_DISPATCH stub = (PDRIVER_DISPATCH)(uintptr_t)ke_export_stub("IopInvalidDeviceRequest");

    for (unsigned i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->MajorFunction[i] = stub;
}

DRIVER_OBJECT *io_driver_new(struct ke_image *image, const char *service)
{
    DRIVER_OBJECT *driver = ob_new(ob_type_driver, sizeof *driver, "Driv");
    DRIVER_EXTENSION *ext = ex_alloc_kernel(sizeof *ext, "Driv", false);
    char name[128];

    driver->Type = IO_TYPE_DRIVER;
    driver->Size = (CSHORT)sizeof *driver;
    driver->DriverExtension = ext;
    ext->DriverObject = driver;
    string_set(&ext->ServiceKeyName, service);
    pp_fmt(name, sizeof name, "\\Driver\\%s", service);
    string_set(&driver->DriverName, name);
    driver->HardwareDatabase = ex_alloc_kernel(sizeof(UNICODE_STRING), "Io  ", false);
    string_set(driver->HardwareDatabase, "\\REGISTRY\\MACHINE\\HARDWARE\\DESCRIPTION\\SYSTEM");
    dispatch_init(driver);
    if (image) {
        driver->Flags = DRVO_LEGACY_DRIVER;
        driver->DriverStart = (PVOID)(uintptr_t)image->base;
        driver->DriverSize = image->size;
        driver->DriverInit = (PDRIVER_INITIALIZE)(uintptr_t)image->entry;
        driver->DriverSection = module_new(image);
        image->driver_object = driver;
    } else {
        driver->Flags = DRVO_BUILTIN_DRIVER;
    }
    (void)ob_insert(&driver->DriverName, driver); /* a second driver of the name stays nameless */
    return driver;
}

/* The object manager's call when the last reference goes. */
static void on_delete(void *object)
{
    DRIVER_OBJECT *driver = object;
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.clients)
    {
        struct client *c = PP_CONTAINER(it, struct client, link);

        if (c->driver != driver)
            continue;
        pp_list_remove(it);
        ex_free_kernel(c->body);
        pp_free(c);
    }
    string_done(&driver->DriverExtension->ServiceKeyName);
    ex_free_kernel(driver->DriverExtension);
    string_done(&driver->DriverName);
    string_done(driver->HardwareDatabase);
    ex_free_kernel(driver->HardwareDatabase);
    if (driver->DriverSection)
        module_free(driver->DriverSection);
}

static void reinit_wipe(const DRIVER_OBJECT *driver)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.reinits)
    {
        struct reinit *r = PP_CONTAINER(it, struct reinit, link);

        if (r->driver == driver) {
            pp_list_remove(it);
            pp_free(r);
        }
    }
}

void io_driver_delete(DRIVER_OBJECT *driver)
{
    reinit_wipe(driver);
    ob_remove_name(driver);
    ob_unref(driver);
}

bool io_is_driver(const void *p)
{
    return ob_is(p, ob_type_driver);
}

struct ke_image *io_driver_image(const DRIVER_OBJECT *driver)
{
    struct ke_image *image = ke_image_at((uint64_t)(uintptr_t)driver->DriverStart);

    return image && image->driver_object == driver ? image : NULL;
}

/* ---- After DriverEntry ---- */

static void run_reinits(DRIVER_OBJECT *driver)
{
    struct pp_list *it;

    for (;;) {
        struct reinit *found = NULL;
        uint64_t routine, context;

        PP_LIST_EACH(it, &g.reinits)
        {
            struct reinit *r = PP_CONTAINER(it, struct reinit, link);

            if (r->driver == driver) {
                found = r;
                break;
            }
        }
        if (!found)
            return;
        routine = found->routine;
        context = found->context;
        pp_list_remove(&found->link);
        pp_free(found);
        driver->DriverExtension->Count++;
        /* Each routine runs once for each registration; it may register itself again. */
        if (driver->DriverExtension->Count > 64)
            return;
        (void)ke_call(routine, KE_ARG(driver), context, driver->DriverExtension->Count);
    }
}

void io_driver_started(DRIVER_OBJECT *driver)
{
    PDRIVER_DISPATCH stub = (PDRIVER_DISPATCH)(uintptr_t)ke_export_stub("IopInvalidDeviceRequest");

    driver->Flags |= DRVO_INITIALIZED;
    /* Slots that DriverEntry cleared fail requests like those it never touched. */
    for (unsigned i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        if (!driver->MajorFunction[i])
            driver->MajorFunction[i] = stub;
    for (DEVICE_OBJECT *d = driver->DeviceObject; d; d = d->NextDevice)
        d->Flags &= ~DO_DEVICE_INITIALIZING;
    if (driver->DriverExtension->AddDevice)
        driver->Flags &= ~DRVO_LEGACY_DRIVER;
    run_reinits(driver);
}

static void add_reinit(DRIVER_OBJECT *driver, PDRIVER_REINITIALIZE routine, void *context,
                       ULONG flag)
{
    struct reinit *r = pp_new(sizeof *r);

    PP_ASSERT(r);
    r->driver = driver;
    r->routine = KE_ARG(routine);
    r->context = KE_ARG(context);
    driver->Flags |= flag;
    pp_list_push_back(&g.reinits, &r->link);
}

NT_EXPORT VOID NTAPI IoRegisterDriverReinitialization(PDRIVER_OBJECT driver,
                                                      PDRIVER_REINITIALIZE routine, PVOID context)
{
    add_reinit(driver, routine, context, DRVO_REINIT_REGISTERED);
}

NT_EXPORT VOID NTAPI IoRegisterBootDriverReinitialization(PDRIVER_OBJECT driver,
                                                          PDRIVER_REINITIALIZE routine,
                                                          PVOID context)
{
    add_reinit(driver, routine, context, DRVO_BOOTREINIT_REGISTERED);
}

/* ---- Extensions ---- */

static struct client *client_find(const DRIVER_OBJECT *driver, const void *id)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.clients)
    {
        struct client *c = PP_CONTAINER(it, struct client, link);

        if (c->driver == driver && c->id == id)
            return c;
    }
    return NULL;
}

NT_EXPORT NTSTATUS NTAPI IoAllocateDriverObjectExtension(PDRIVER_OBJECT driver, PVOID id,
                                                         ULONG size, PVOID *ret)
{
    struct client *c;

    *ret = NULL;
    if (client_find(driver, id))
        return STATUS_OBJECT_NAME_COLLISION;
    c = pp_new(sizeof *c);
    PP_ASSERT(c);
    c->driver = driver;
    c->id = id;
    c->body = ex_alloc_kernel(size, "Driv", false);
    pp_list_push_back(&g.clients, &c->link);
    *ret = c->body;
    return STATUS_SUCCESS;
}

NT_EXPORT PVOID NTAPI IoGetDriverObjectExtension(PDRIVER_OBJECT driver, PVOID id)
{
    struct client *c = client_find(driver, id);

    return c ? c->body : NULL;
}

/* ---- Unload ---- */

static void report_device(const struct ke_image *image, const DEVICE_OBJECT *device)
{
    WCHAR wide[128];
    char name[VF_NAME] = "", detail[VF_DETAIL];
    struct vf_case c = {.rule = VF_UNLOAD_DEVICE,
                        .p = {(uint64_t)(uintptr_t)device},
                        .access = VF_NO_ACCESS,
                        .object = name,
                        .detail = detail,
                        .driver = image->name};

    if (ob_name_of(device, wide, PP_COUNT(wide)))
        rtl_to_utf8(wide, rtl_wcslen(wide), name, sizeof name);
    pp_fmt(detail, sizeof detail, "device object %s was not deleted",
           name[0] ? name : "without a name");
    vf_report(&c);
}

void io_unload_rule(const struct ke_image *image, enum vf_rule rule, uint64_t p1, uint64_t p2,
                    const char *detail)
{
    struct vf_case c = {.rule = rule,
                        .p = {p1, p2},
                        .access = VF_NO_ACCESS,
                        .detail = detail,
                        .driver = image->name};

    vf_report(&c);
}

void io_check_unload(struct ke_image *image)
{
    DRIVER_OBJECT *driver = image->driver_object;
    DEVICE_OBJECT *d, *next;

    io_interrupt_wipe(image);
    pnp_interface_wipe(image);
    io_misc_wipe(image);
    pnp_notify_wipe(image);
    po_image_wipe(image);
    if (driver) {
        for (d = driver->DeviceObject; d; d = next) {
            next = d->NextDevice;
            /* A device that is only kept by an open file is the caller's doing, not the driver's.
             */
            if (!(d->DeviceObjectExtension->ExtensionFlags & DOE_DELETE_PENDING)) {
                report_device(image, d);
                io_device_wipe(d);
            }
        }
    }
    io_irp_wipe(image->owner);
}

DRIVER_OBJECT *io_driver_of_image(const struct ke_image *image)
{
    return image->driver_object;
}

void io_driver_init(void)
{
    pp_list_init(&g.clients);
    pp_list_init(&g.reinits);
    ob_type_on_delete(ob_type_driver, on_delete);
}
