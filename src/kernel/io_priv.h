/* I/O manager, PnP, power. Owner of: io_*.c, pnp_*.c, po_*.c, wmi_*.c, usbd_*.c. */
#ifndef POOLPROOF_IO_PRIV_H
#define POOLPROOF_IO_PRIV_H

/* ---- Drivers ---- */

/* A driver object with all dispatch slots filled, named \Driver\<service>. NULL image: one of ours.
 */
DRIVER_OBJECT *io_driver_new(struct ke_image *image, const char *service);
void io_driver_delete(DRIVER_OBJECT *driver);
/* The image of a driver object, NULL for our own drivers. */
struct ke_image *io_driver_image(const DRIVER_OBJECT *driver);
DRIVER_OBJECT *io_driver_of_image(const struct ke_image *image);
bool io_is_driver(const void *p);
/* After DriverEntry: devices are no longer initialising; reinitialisation routines run. In a system
 * thread. */
void io_driver_started(DRIVER_OBJECT *driver);
/* Devices of a driver are gone, symbolic links left, interrupts, timers, notifications: for the
 * unload check. Reports, then takes away what is left so that nothing calls into the unmapped
 * image. */
void io_check_unload(struct ke_image *image);
/* One stop for all files of the group; called from ke_init after ob and ke. */
int io_init(void);

/* ---- Devices ---- */

void io_device_init(void);
void io_driver_init(void);
void io_file_init(void);
bool io_is_device(const void *p);
DEVICE_OBJECT *io_device_top(DEVICE_OBJECT *device);
DEVICE_OBJECT *io_device_below(const DEVICE_OBJECT *device); /* NULL at the bottom */
/* Counts of open files keep a device alive after IoDeleteDevice. */
NTSTATUS io_device_open(DEVICE_OBJECT *device, bool exclusive_ok);
void io_device_close(DEVICE_OBJECT *device);
/* Devices of a driver that goes away are deleted without a report. */
void io_device_wipe(DEVICE_OBJECT *device);
struct io_new_device {
    DRIVER_OBJECT *driver;
    ULONG extension_size;
    const UNICODE_STRING *name; /* NULL: none */
    DEVICE_TYPE type;
    ULONG characteristics;
    bool exclusive;
};
NTSTATUS io_device_new(const struct io_new_device *d, DEVICE_OBJECT **ret);

/* ---- IRPs ---- */

/* Told when the request is over: results are in irp->IoStatus and its buffers, before anything is
 * freed or copied back. The sink's owner copies what it wants; the IRP is gone afterwards. Any
 * fiber, any IRQL up to DISPATCH_LEVEL. */
struct io_sink {
    void (*done)(struct io_sink *sink, IRP *irp);
};

enum io_origin {
    IO_FOREIGN,    /* the driver's own memory: IoInitializeIrp only */
    IO_ALLOCATED,  /* IoAllocateIrp */
    IO_SYNC_BUILT, /* IoBuildDeviceIoControlRequest, IoBuildSynchronousFsdRequest: on the thread's
                      list */
    IO_ASYNC_BUILT,
    IO_ASSOCIATED,
    IO_REQUEST, /* made by the system for a file, PnP, power */
};

/* What we know of an IRP besides what the driver can see. */
struct io_irp {
    IRP *irp;
    struct io_irp *next; /* in the bucket, or free list */
    struct io_sink *sink;
    FILE_OBJECT *file; /* the request's file, referenced by whoever set the sink */
    uint8_t origin;    /* enum io_origin */
    bool is_listed;    /* on its thread's IrpList */
    bool in_flight;    /* sent by io_call and not completed up to its sender */
    int8_t sent_at;    /* in flight: the location it was first sent to */
    bool is_free;      /* in a free list (checks off) */
    bool has_quota;    /* charged to the process */
    CCHAR stack_size;
    uint32_t owner; /* driver that made it, 0 = the kernel */
};

IRP *io_irp_new(CCHAR stack_size); /* guarded; owned by the kernel; origin IO_REQUEST */
void io_irp_free(IRP *irp);
/* NULL: not a live IRP of ours. */
struct io_irp *io_irp_of(const void *p);
bool io_is_irp(const void *p);
void io_irp_init(IRP *irp, USHORT size, CCHAR stack_size);
void io_irp_list(struct io_irp *i); /* put on the current thread's list */
void io_irp_unlist(struct io_irp *i);
unsigned io_irp_each(bool (*fn)(void *ctx, struct io_irp *i), void *ctx);
/* A driver left: IRPs it made are forgotten (freed without a report). */
void io_irp_wipe(uint32_t owner);

static inline IO_STACK_LOCATION *io_stack(IRP *irp)
{
    return irp->Tail.Overlay.CurrentStackLocation;
}
static inline IO_STACK_LOCATION *io_stack_next(IRP *irp)
{
    return irp->Tail.Overlay.CurrentStackLocation - 1;
}

/* A guarded buffer of `size` for buffered transfer with `in` copied in; the rest holds the fresh
 * pattern, as pool memory would, so that what a driver discloses shows. */
void *io_system_buffer(ULONG size, const void *in, ULONG in_size);
void io_system_buffer_free(void *p);
/* Lock the buffer and hang an MDL for it on the IRP. Raises as MmProbeAndLockPages; false: no
 * memory. */
bool io_attach_mdl(IRP *irp, void *buffer, ULONG size, KPROCESSOR_MODE mode,
                   LOCK_OPERATION operation);

/* Native form of IofCallDriver / IofCompleteRequest. */
NTSTATUS io_call(DEVICE_OBJECT *device, IRP *irp);
void io_complete(IRP *irp, CCHAR boost);
bool io_cancel(IRP *irp);
/* Memory goes away: remove locks in it are forgotten. */
void io_remove_lock_gone(uint64_t start, uint64_t size);
/* io_invariant.c: the IRP was handed down to the device, is being completed by it, has ended. */
void io_invariant_sent(const DEVICE_OBJECT *device, IRP *irp);
void io_invariant_completed(const DEVICE_OBJECT *device, const IRP *irp);
void io_invariant_done(const IRP *irp);
/* Is the global cancel spin lock held (by the current thread)? */
bool io_cancel_lock_held(void);

/* Send and wait in the current thread; the IRP is gone afterwards. Returns the final status (the
 * one the dispatch routine returned when it is an error without completion); *iosb may be NULL. */
NTSTATUS io_send_wait(DEVICE_OBJECT *device, IRP *irp, IO_STATUS_BLOCK *iosb);

/* ---- Files: for Zw*File, IoCreateFile, IoGetDeviceObjectPointer and the host's requests ---- */

struct io_open {
    const UNICODE_STRING *name; /* absolute; or relative to `root` */
    FILE_OBJECT *root;          /* may be NULL */
    DEVICE_OBJECT
        *device; /* opens this device and the rest of the name, when the name was resolved */
    const UNICODE_STRING *rest;
    ACCESS_MASK access;
    ULONG attributes, share, disposition, options;
    KPROCESSOR_MODE mode;
    uint8_t major; /* IRP_MJ_CREATE, or _NAMED_PIPE, _MAILSLOT */
    PVOID ea;
    ULONG ea_size;
    bool allow_exclusive; /* attribute-only opens do not count against DO_EXCLUSIVE */
};
/* In the caller's thread, at PASSIVE_LEVEL; waits. *ret referenced once. *info: FILE_OPENED... */
NTSTATUS io_file_open(const struct io_open *o, FILE_OBJECT **ret, ULONG_PTR *info);
/* Last handle closed: IRP_MJ_CLEANUP, once. The last reference then sends IRP_MJ_CLOSE by itself.
 */
void io_file_cleanup(FILE_OBJECT *file);
DEVICE_OBJECT *io_file_device(FILE_OBJECT *file); /* IoGetRelatedDeviceObject */

/* A request on an open file in the current thread, as the Nt...File services make it. `in`/`out`
 * are the caller's addresses (user or system); transfer as the method or the device's flags say. */
struct io_rw {
    FILE_OBJECT *file;
    uint8_t major, minor;
    KPROCESSOR_MODE mode;
    ULONG code;    /* device and file system control */
    PVOID in, out; /* write: in; read, query: out; set information: in */
    ULONG in_size, out_size;
    LARGE_INTEGER offset; /* read, write */
    ULONG key;
    ULONG info_class;               /* query and set information, volume information */
    PVOID apc_routine, apc_context; /* not NULL: asynchronous */
    PKEVENT event;                  /* asynchronous: signalled at the end, referenced until then */
    IO_STATUS_BLOCK *iosb;          /* written at the end */
    bool async;                     /* do not wait */
    bool (*prepare)(struct io_rw *rw, IRP *irp,
                    IO_STACK_LOCATION *s); /* fill in the rest; may be NULL */
    void *ctx;
};

/* ---- Native work in a request or system thread ---- */

enum io_ran { IO_RAN, IO_BLOCKED, IO_ABORTED };
/* Run fn(arg) in a thread of its own (a request thread of the simulated program, or a system
 * thread) and let the machine run until it returned. IO_BLOCKED: nothing can run any more and it
 * has not returned; it may still do so later, so `arg` must stay. IO_ABORTED: ended by a fatal
 * finding. Host side only. */
enum io_ran io_run(void (*fn)(void *arg), void *arg, bool is_request);

/* ---- PnP ---- */

struct pnp_node; /* a device node: PDO with its registry names and resources */
struct pnp_node *pnp_node_of(const DEVICE_OBJECT *pdo);     /* NULL: not a PDO */
const WCHAR *pnp_node_instance(const struct pnp_node *n);   /* ROOT\POOLPROOF\0000 */
const WCHAR *pnp_node_driver_key(const struct pnp_node *n); /* {class}\0000 */
struct pnp_node *pnp_node_new(const char *service);
/* The device is one of `id`: hardware IDs in properties and registry, numbers in configuration space.
 * NULL: a device without hardware that was installed for its service, ROOT\<service>. */
void pnp_node_identify(struct pnp_node *n, const char *id);
void pnp_node_free(struct pnp_node *n);
DEVICE_OBJECT *pnp_node_pdo(const struct pnp_node *n);
/* The descriptors of the first (only) list. */
const CM_PARTIAL_RESOURCE_DESCRIPTOR *pnp_resources(const CM_RESOURCE_LIST *list);
/* The translated interrupt the node was given; NULL: not a PDO, or none. */
const struct _CM_PARTIAL_RESOURCE_DESCRIPTOR *pnp_node_interrupt(const DEVICE_OBJECT *pdo);
void pnp_notify_wipe(const struct ke_image *image);
void pnp_interface_wipe(const struct ke_image *image);
void pnp_interface_changed(const GUID *class_guid, const UNICODE_STRING *link, bool arrived);
void pnp_target_changed(DEVICE_OBJECT *device, const GUID *event);
int pnp_init(void);
void po_wipe(DEVICE_OBJECT *device);
void po_image_wipe(const struct ke_image *image);
void wmi_wipe(DEVICE_OBJECT *device);
bool wmi_is_registered(const DEVICE_OBJECT *device);
/* Registrations (WMI callbacks, event providers) that the image leaves behind. Returns how many. */
unsigned wmi_check_unload(const struct ke_image *image);
void io_interrupt_wipe(const struct ke_image *image);
void io_timer_wipe(DEVICE_OBJECT *device);
void io_shutdown_wipe(DEVICE_OBJECT *device);
void io_misc_wipe(const struct ke_image *image);
/* IRP_MJ_SHUTDOWN to every device that asked for it; in a system thread. */
void io_shutdown_all(void);
/* Something of an unloaded driver that would still be called: report under the driver's name. */
void io_unload_rule(const struct ke_image *image, enum vf_rule rule, uint64_t p1, uint64_t p2,
                    const char *detail);

/* IRPs sent from outside, how many were completed, and with a success status. */
void io_exercised(struct ke_exercised *ret);

/* A simulated interrupt on `vector` as the resources give it (or by message number for MSI): runs
 * the service routines at their IRQL. Returns how many claimed it. Host or device model; any fiber.
 */
unsigned io_interrupt_fire(ULONG vector, int message);

#endif
