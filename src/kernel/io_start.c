/*
 * Starting and unloading a driver, and the start of the I/O manager itself.
 *
 * DriverEntry runs in a system thread. The registry path it gets is freed when it returns, as on
 * Windows, so that a driver that keeps the pointer is caught. When DriverEntry fails, everything it
 * left behind is judged as at unload, without DriverUnload being called.
 *
 * Doc: WDK, "Writing a DriverEntry Routine", "Writing an Unload Routine".
 */
#include "kernel/io_nt.h"

#include <string.h>
#include <strings.h>

struct start {
    struct ke_image *image;
    DRIVER_OBJECT *driver;
    UNICODE_STRING *path;
    NTSTATUS status;
};

/* "x.sys" -> "x" */
static void service_name(const struct ke_image *image, char *buf, size_t size)
{
    size_t len;

    pp_fmt(buf, size, "%s", image->name);
    len = strlen(buf);
    if (len > 4 && !strcasecmp(buf + len - 4, ".sys"))
        buf[len - 4] = '\0';
}

/* String and text in one block, as the I/O manager's comes from the registry. Seen: kmtest
 * IoDeviceObject. */
static UNICODE_STRING *path_new(const char *service)
{
    UNICODE_STRING *s;
    char text[160];
    WCHAR wide[160];
    size_t chars;

    pp_fmt(text, sizeof text, "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\%s",
           service);
    chars = rtl_from_utf8(text, wide, PP_COUNT(wide));
    s = ex_alloc_kernel(sizeof *s + (chars + 1) * sizeof(WCHAR), "Io  ", true);
    s->Buffer = (WCHAR *)(s + 1);
    memcpy(s->Buffer, wide, (chars + 1) * sizeof(WCHAR));
    s->Length = (USHORT)(chars * sizeof(WCHAR));
    s->MaximumLength = (USHORT)(s->Length + sizeof(WCHAR));
    return s;
}

static void entry_inside(void *arg)
{
    struct start *s = arg;
    char path[VF_NAME + 40];
    WCHAR wide[VF_NAME + 40];

    pp_fmt(path, sizeof path, "\\SystemRoot\\System32\\drivers\\%s", s->image->name);
    (void)rtl_from_utf8(path, wide, PP_COUNT(wide)); /* long enough for any image name */
    ps_notify_image(wide, 0, s->image->base, s->image->size);
    s->status = (NTSTATUS)ke_call(s->image->entry, KE_ARG(s->driver), KE_ARG(s->path));
}

static void started_inside(void *arg)
{
    io_driver_started(((struct start *)arg)->driver);
}

/* What is left of the driver when its code is done for. */
static void teardown(struct ke_image *image)
{
    DRIVER_OBJECT *driver = image->driver_object;
    uint64_t name_addr = driver ? (uint64_t)(uintptr_t)&driver->DriverName : 0;

    ke_settle(1);                  /* what is queued runs before the code goes */
    (void)pl_check_all(ke_m.pool); /* damage went to the sink */
    ke_m.judged = image;
    if (image->is_verified)
        (void)vf_check_leaks(image->owner, image->name, name_addr);
    vf_check_session(image->owner, image->name);
    (void)ke_unload_check(image);
    io_check_unload(image);
    (void)wmi_check_unload(image);
    (void)ob_check_unload(image);
    (void)cm_check_unload(image);
    (void)ps_check_unload(image);
    (void)ex_lookaside_check_unload(image);
    (void)mm_check_unload(image);
    ke_m.judged = NULL;
    ke_image_unload(image);
    if (driver) {
        image->driver_object = NULL;
        io_driver_delete(driver);
    }
}

static struct ke_result outcome(enum io_ran ran, NTSTATUS status)
{
    struct ke_result res = {.outcome = KE_DONE, .status = status};

    if (ran != IO_RAN) {
        res.outcome = ran == IO_BLOCKED ? KE_PENDING : KE_CONTAINED;
        res.status = ran == IO_BLOCKED ? STATUS_PENDING : STATUS_UNSUCCESSFUL;
    }
    return res;
}

struct ke_result ke_driver_start(struct ke_image *image)
{
    struct start *s = pp_new(sizeof *s);
    struct ke_result res;
    char service[VF_NAME];
    enum io_ran ran;

    PP_ASSERT(s);
    service_name(image, service, sizeof service);
    (void)cm_service_key(service, image->path); /* there already when the scenario wrote it */
    s->image = image;
    s->driver = io_driver_new(image, service);
    s->path = path_new(service);
    ran = io_run(entry_inside, s, false);
    res = outcome(ran, s->status);
    if (ran != IO_RAN)
        return res; /* the thread, or what it left, may still use s */
    ex_free_kernel(s->path);
    if (NT_SUCCESS(s->status)) {
        ke_image_discard_init(image);
        ran = io_run(started_inside, s, false);
        if (ran != IO_RAN)
            return outcome(ran, s->status);
    } else {
        teardown(image);
    }
    pp_free(s);
    return res;
}

bool ke_driver_has_unload(const struct ke_image *image)
{
    return image->driver_object && image->driver_object->DriverUnload;
}

bool ke_driver_has_add_device(const struct ke_image *image)
{
    return image->driver_object && image->driver_object->DriverExtension->AddDevice;
}

static bool count_name(void *ctx, const WCHAR *name, void *object)
{
    (void)name, (void)object;
    ++*(unsigned *)ctx;
    return true;
}

unsigned ke_driver_offers(const struct ke_image *image)
{
    const DEVICE_OBJECT *d = image->driver_object ? image->driver_object->DeviceObject : NULL;
    unsigned n = 0;

    ob_each_name(u"\\GLOBAL??", count_name, &n);
    for (unsigned i = 0; i < 1000 && io_is_device(d); i++, d = d->NextDevice)
        n++;
    return n;
}

static void unload_inside(void *arg)
{
    struct ke_image *image = arg;
    DRIVER_OBJECT *driver = image->driver_object;

    image->is_unloading = true;
    image->unload_thread = ke_thread_now;
    (void)ke_call(KE_ARG(driver->DriverUnload), KE_ARG(driver));
}

struct ke_result ke_driver_unload(struct ke_image *image)
{
    DRIVER_OBJECT *driver = image->driver_object;
    struct ke_result res = {.outcome = KE_DONE};
    enum io_ran ran;

    if (!driver)
        return res; /* DriverEntry failed: judged and gone already */
    if (!driver->DriverUnload) {
        res.status = STATUS_INVALID_DEVICE_REQUEST; /* stays loaded, as on Windows */
        return res;
    }
    for (DEVICE_OBJECT *d = driver->DeviceObject; d; d = d->NextDevice)
        d->DeviceObjectExtension->ExtensionFlags |= DOE_UNLOAD_PENDING;
    driver->Flags |= DRVO_UNLOAD_INVOKED;
    ran = io_run(unload_inside, image, false);
    res = outcome(ran, STATUS_SUCCESS);
    if (ran == IO_RAN) /* after a contained DriverUnload everything would look left behind */
        teardown(image);
    return res;
}

static void shutdown_inside(void *arg)
{
    (void)arg;
    io_shutdown_all();
}

struct ke_result ke_shutdown(void)
{
    return outcome(io_run(shutdown_inside, NULL, false), STATUS_SUCCESS);
}

int io_init(void)
{
    io_device_init();
    io_driver_init();
    io_file_init();
    return pnp_init();
}
