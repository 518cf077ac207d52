/*
 * The I/O manager's small services: who asks, stacks, error log, hard errors, shutdown and
 * file-system notifications, volumes.
 *
 * Doc: wdm.h, ntddk.h and ntifs.h, the page of each routine.
 */
#include "kernel/io_nt.h"

#include <string.h>

struct shutdown {
    struct pp_list link;
    DEVICE_OBJECT *device;
    bool is_last;
};

struct file_system {
    struct pp_list link;
    DEVICE_OBJECT *device;
};

struct fs_notify {
    struct pp_list link;
    DRIVER_OBJECT *driver;
    uint64_t routine;
};

static struct {
    struct pp_list shutdowns, file_systems, fs_notifies;
    CONFIGURATION_INFORMATION *config;
    KSPIN_LOCK vpb_lock;
    ULONG log_sequence;
} g = {.shutdowns = {&g.shutdowns, &g.shutdowns},
       .file_systems = {&g.file_systems, &g.file_systems},
       .fs_notifies = {&g.fs_notifies, &g.fs_notifies}};

/* ---- Who asks ---- */

/* Doc: wdm, IoIsWdmVersionAvailable: WDM 1.30 since Vista and unchanged since. */
NT_EXPORT BOOLEAN NTAPI IoIsWdmVersionAvailable(UCHAR major, UCHAR minor)
{
    return major < 6 || (major == 6 && minor == 0);
}

NT_EXPORT PEPROCESS NTAPI IoThreadToProcess(PETHREAD thread)
{
    return (PEPROCESS)thread->Tcb.Process;
}

NT_EXPORT PEPROCESS NTAPI IoGetRequestorProcess(PIRP irp)
{
    return irp->Tail.Overlay.Thread ? IoThreadToProcess(irp->Tail.Overlay.Thread) : NULL;
}

NT_EXPORT ULONG NTAPI IoGetRequestorProcessId(PIRP irp)
{
    PEPROCESS p = IoGetRequestorProcess(irp);

    return p ? (ULONG)(uintptr_t)p->UniqueProcessId : 0;
}

NT_EXPORT NTSTATUS NTAPI IoGetRequestorSessionId(PIRP irp, PULONG ret)
{
    if (!IoGetRequestorProcess(irp)) {
        *ret = 0xFFFFFFFF;
        return STATUS_UNSUCCESSFUL;
    }
    *ret = IoGetRequestorProcess(irp) == ps_system ? 0 : 1;
    return STATUS_SUCCESS;
}

NT_EXPORT BOOLEAN NTAPI IoIsSystemThread(PETHREAD thread)
{
    return (thread->Tcb.MiscFlags & KTHREAD_MISC_SYSTEM_THREAD) != 0;
}

/* Doc: ntddk, IoIs32bitProcess: the simulated program is a 64-bit one. */
NT_EXPORT BOOLEAN NTAPI IoIs32bitProcess(PIRP irp)
{
    PEPROCESS p = irp ? IoGetRequestorProcess(irp) : ps_current();

    if (irp && irp->RequestorMode == KernelMode)
        return FALSE;
    return p && p->WoW64Process;
}

NT_EXPORT BOOLEAN NTAPI IoIsOperationSynchronous(PIRP irp)
{
    const IO_STACK_LOCATION *s = io_stack(irp);

    if (irp->Flags & IRP_SYNCHRONOUS_API)
        return TRUE;
    if (irp->Flags & IRP_PAGING_IO)
        return (irp->Flags & IRP_SYNCHRONOUS_PAGING_IO) != 0;
    return s->FileObject && (s->FileObject->Flags & FO_SYNCHRONOUS_IO);
}

NT_EXPORT VOID NTAPI IoSetTopLevelIrp(PIRP irp)
{
    ke_thread_now->object->TopLevelIrp = (ULONG_PTR)irp;
}

NT_EXPORT PIRP NTAPI IoGetTopLevelIrp(VOID)
{
    return (PIRP)ke_thread_now->object->TopLevelIrp;
}

NT_EXPORT LONG NTAPI IoGetIoPriorityHint(PIRP irp)
{
    return (LONG)((irp->Flags >> 17) & 7) ? (LONG)((irp->Flags >> 17) & 7) - 1 : 2; /* normal */
}

/* Doc: ntddk, IoSetIoPriorityHint: critical (4) is the memory manager's alone. */
NT_EXPORT NTSTATUS NTAPI IoSetIoPriorityHint(PIRP irp, LONG hint)
{
    if (hint < 0 || hint > 4)
        return STATUS_INVALID_PARAMETER;
    irp->Flags = (irp->Flags & ~(7u << 17)) | (ULONG)(hint + 1) << 17;
    return STATUS_SUCCESS;
}

/* ---- Stacks ---- */

static uint64_t stack_now(void)
{
    const struct ke_gate_record *r = ke_gate_import();

    return r ? r->rsp : (uint64_t)(uintptr_t)__builtin_frame_address(0);
}

NT_EXPORT VOID NTAPI IoGetStackLimits(PULONG_PTR low, PULONG_PTR high)
{
    *low = ke_thread_now->stack_limit;
    *high = ke_thread_now->stack_high;
}

NT_EXPORT ULONG_PTR NTAPI IoGetRemainingStackSize(VOID)
{
    uint64_t now = stack_now();

    return now > ke_thread_now->stack_limit ? now - ke_thread_now->stack_limit : 0;
}

NT_EXPORT PVOID NTAPI IoGetInitialStack(VOID)
{
    return (PVOID)ke_thread_now->stack_high;
}

NT_EXPORT BOOLEAN NTAPI IoWithinStackLimits(ULONG_PTR base, ULONG_PTR size)
{
    return base >= ke_thread_now->stack_limit && base + size >= base &&
           base + size <= ke_thread_now->stack_high;
}

/* ---- Configuration ---- */

NT_EXPORT PCONFIGURATION_INFORMATION NTAPI IoGetConfigurationInformation(VOID)
{
    if (!g.config) {
        g.config = ex_alloc_kernel(sizeof *g.config, "IoCf", false);
        g.config->DiskCount = 1;
        g.config->Version = sizeof *g.config;
    }
    return g.config;
}

/* ---- Shutdown ---- */

static void shutdown_add(DEVICE_OBJECT *device, bool is_last)
{
    struct shutdown *s = pp_new(sizeof *s);

    PP_ASSERT(s);
    s->device = device;
    s->is_last = is_last;
    device->Flags |= DO_SHUTDOWN_REGISTERED;
    pp_list_push_front(&g.shutdowns, &s->link);
}

NT_EXPORT NTSTATUS NTAPI IoRegisterShutdownNotification(PDEVICE_OBJECT device)
{
    shutdown_add(device, false);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI IoRegisterLastChanceShutdownNotification(PDEVICE_OBJECT device)
{
    shutdown_add(device, true);
    return STATUS_SUCCESS;
}

void io_shutdown_wipe(DEVICE_OBJECT *device)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.shutdowns)
    {
        struct shutdown *s = PP_CONTAINER(it, struct shutdown, link);

        if (s->device == device) {
            pp_list_remove(it);
            pp_free(s);
        }
    }
    device->Flags &= ~DO_SHUTDOWN_REGISTERED;
}

NT_EXPORT VOID NTAPI IoUnregisterShutdownNotification(PDEVICE_OBJECT device)
{
    io_shutdown_wipe(device);
}

static void shutdown_one(DEVICE_OBJECT *device)
{
    DEVICE_OBJECT *top = io_device_top(device);
    IRP *irp = io_irp_new(top->StackSize);

    io_stack_next(irp)->MajorFunction = IRP_MJ_SHUTDOWN;
    (void)io_send_wait(top, irp, NULL);
}

void io_shutdown_all(void)
{
    for (int last = 0; last < 2; last++) {
        struct pp_list *it, *tmp;

        PP_LIST_EACH_SAFE(it, tmp, &g.shutdowns)
        {
            struct shutdown *s = PP_CONTAINER(it, struct shutdown, link);

            if (s->is_last == last)
                shutdown_one(s->device);
        }
    }
}

/* ---- Error log ---- */

/* The packet is what the driver fills in; a header of ours lies in front on Windows, not here. */
NT_EXPORT PVOID NTAPI IoAllocateErrorLogEntry(PVOID object, UCHAR size)
{
    if (!object || size < sizeof(IO_ERROR_LOG_PACKET) || size > ERROR_LOG_MAXIMUM_SIZE)
        return NULL;
    if (!io_is_device(object) && !io_is_driver(object))
        return NULL;
    return ex_alloc_kernel(size, "IoEr", false);
}

NT_EXPORT PVOID NTAPI IoAllocateGenericErrorLogEntry(UCHAR size)
{
    if (size < sizeof(IO_ERROR_LOG_PACKET) || size > ERROR_LOG_MAXIMUM_SIZE)
        return NULL;
    return ex_alloc_kernel(size, "IoEr", false);
}

NT_EXPORT VOID NTAPI IoFreeErrorLogEntry(PVOID entry)
{
    ex_free_kernel(entry);
}

NT_EXPORT VOID NTAPI IoWriteErrorLogEntry(PVOID entry)
{
    IO_ERROR_LOG_PACKET *p = entry;
    struct ke_image *image = ke_image_current();
    char line[160];

    p->SequenceNumber = ++g.log_sequence;
    pp_fmt(line, sizeof line, "event log: %s: error 0x%08X, status 0x%08X, unique value %u",
           image ? image->name : "nt", (unsigned)p->ErrorCode, (unsigned)p->FinalStatus,
           p->UniqueErrorValue);
    if (ke_m.config.host.note)
        ke_m.config.host.note(ke_m.config.host.ctx, line);
    ex_free_kernel(entry);
}

/* ---- Hard errors: nobody sits at the screen, so the request is completed at once ---- */

NT_EXPORT VOID NTAPI IoRaiseHardError(PIRP irp, PVPB vpb, PDEVICE_OBJECT device)
{
    (void)vpb;
    (void)device;
    io_complete(irp, IO_NO_INCREMENT);
}

NT_EXPORT BOOLEAN NTAPI IoRaiseInformationalHardError(NTSTATUS status, PUNICODE_STRING text,
                                                      PVOID thread)
{
    (void)text;
    (void)thread;
    if (ke_m.config.host.note) {
        char line[64];

        pp_fmt(line, sizeof line, "hard error 0x%08X", (unsigned)status);
        ke_m.config.host.note(ke_m.config.host.ctx, line);
    }
    return TRUE;
}

/* CrossThreadFlags bit 4: hard errors are disabled for the thread. */
NT_EXPORT BOOLEAN NTAPI IoSetThreadHardErrorMode(BOOLEAN enable)
{
    ULONG *flags = &ke_thread_now->object->CrossThreadFlags;
    BOOLEAN old = !(*flags & 0x10);

    *flags = enable ? *flags & ~0x10u : *flags | 0x10u;
    return old;
}

NT_EXPORT VOID NTAPI IoSetHardErrorOrVerifyDevice(PIRP irp, PDEVICE_OBJECT device)
{
    if (irp->Tail.Overlay.Thread)
        irp->Tail.Overlay.Thread->DeviceToVerify = device;
}

NT_EXPORT PDEVICE_OBJECT NTAPI IoGetDeviceToVerify(PETHREAD thread)
{
    return thread->DeviceToVerify;
}

NT_EXPORT VOID NTAPI IoSetDeviceToVerify(PETHREAD thread, PDEVICE_OBJECT device)
{
    thread->DeviceToVerify = device;
}

/* ---- File systems and volumes ---- */

static void notify_all(DEVICE_OBJECT *device, bool active)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.fs_notifies)
    {
        struct fs_notify *n = PP_CONTAINER(it, struct fs_notify, link);

        (void)ke_call(n->routine, KE_ARG(device), active);
    }
}

NT_EXPORT VOID NTAPI IoRegisterFileSystem(PDEVICE_OBJECT device)
{
    struct file_system *f = pp_new(sizeof *f);

    PP_ASSERT(f);
    f->device = device;
    device->ReferenceCount++;
    device->Flags &= ~DO_DEVICE_INITIALIZING;
    if (device->Flags & DO_LOW_PRIORITY_FILESYSTEM)
        pp_list_push_back(&g.file_systems, &f->link);
    else
        pp_list_push_front(&g.file_systems, &f->link);
    notify_all(device, true);
}

NT_EXPORT VOID NTAPI IoUnregisterFileSystem(PDEVICE_OBJECT device)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.file_systems)
    {
        struct file_system *f = PP_CONTAINER(it, struct file_system, link);

        if (f->device != device)
            continue;
        pp_list_remove(it);
        pp_free(f);
        notify_all(device, false);
        io_device_close(device);
        return;
    }
}

static struct fs_notify *fs_notify_find(const DRIVER_OBJECT *driver, uint64_t routine)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.fs_notifies)
    {
        struct fs_notify *n = PP_CONTAINER(it, struct fs_notify, link);

        if (n->driver == driver && n->routine == routine)
            return n;
    }
    return NULL;
}

/* Doc: ntifs, IoRegisterFsRegistrationChange: told of file systems that are there already, too. */
NT_EXPORT NTSTATUS NTAPI IoRegisterFsRegistrationChange(PDRIVER_OBJECT driver,
                                                        PDRIVER_FS_NOTIFICATION routine)
{
    struct pp_list *it, *tmp;
    struct fs_notify *n;

    if (fs_notify_find(driver, KE_ARG(routine)))
        return STATUS_DEVICE_ALREADY_ATTACHED;
    n = pp_new(sizeof *n);
    PP_ASSERT(n);
    n->driver = driver;
    n->routine = KE_ARG(routine);
    pp_list_push_back(&g.fs_notifies, &n->link);
    PP_LIST_EACH_SAFE(it, tmp, &g.file_systems)
    (void)ke_call(KE_ARG(routine), KE_ARG(PP_CONTAINER(it, struct file_system, link)->device),
                  TRUE);
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI IoUnregisterFsRegistrationChange(PDRIVER_OBJECT driver,
                                                      PDRIVER_FS_NOTIFICATION routine)
{
    struct fs_notify *n = fs_notify_find(driver, KE_ARG(routine));

    if (!n)
        return;
    pp_list_remove(&n->link);
    pp_free(n);
}

void io_misc_wipe(const struct ke_image *image)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.fs_notifies)
    {
        struct fs_notify *n = PP_CONTAINER(it, struct fs_notify, link);

        if (ke_image_at(n->routine) != image)
            continue;
        io_unload_rule(image, VF_UNLOAD_NOTIFY, n->routine, 0,
                       "file-system registration notification");
        pp_list_remove(it);
        pp_free(n);
    }
    PP_LIST_EACH_SAFE(it, tmp, &g.file_systems)
    {
        struct file_system *f = PP_CONTAINER(it, struct file_system, link);

        if (!io_is_device(f->device) || io_driver_image(f->device->DriverObject) == image) {
            pp_list_remove(it);
            pp_free(f);
        }
    }
}

NT_EXPORT VOID NTAPI IoAcquireVpbSpinLock(PKIRQL irql)
{
    KIRQL old = KeAcquireSpinLockRaiseToDpc(&g.vpb_lock);

    *irql = old;
}

NT_EXPORT VOID NTAPI IoReleaseVpbSpinLock(KIRQL irql)
{
    KeReleaseSpinLock(&g.vpb_lock, irql);
}

/* Doc: ntifs, IoGetFileObjectGenericMapping. */
NT_EXPORT const GENERIC_MAPPING *NTAPI IoGetFileObjectGenericMapping(VOID)
{
    static GENERIC_MAPPING *m;

    if (!m) {
        m = ex_alloc_kernel(sizeof *m, "IoFm", false);
        m->GenericRead = FILE_GENERIC_READ;
        m->GenericWrite = FILE_GENERIC_WRITE;
        m->GenericExecute = FILE_GENERIC_EXECUTE;
        m->GenericAll = FILE_ALL_ACCESS;
    }
    return m;
}

/* A FILE_FULL_EA_INFORMATION list. Doc: ntifs, IoCheckEaBufferValidity: each entry whole, names
 * ended by a zero, offsets multiples of 4 that stay inside. */
struct full_ea {
    ULONG next;
    UCHAR flags, name_length;
    USHORT value_length;
    CHAR name[1];
};

NT_EXPORT NTSTATUS NTAPI IoCheckEaBufferValidity(PVOID buffer, ULONG size, PULONG ret_offset)
{
    ULONG at = 0;

    for (;;) {
        struct full_ea *ea = (struct full_ea *)((uint8_t *)buffer + at);
        ULONG left = size - at, need;

        if (left < offsetof(struct full_ea, name))
            break;
        need = (ULONG)offsetof(struct full_ea, name) + ea->name_length + 1u + ea->value_length;
        if (left < need || ea->name[ea->name_length])
            break;
        if (!ea->next) {
            *ret_offset = 0;
            return STATUS_SUCCESS;
        }
        if (ea->next != ((need + 3) & ~3u) || (LONG)ea->next < 0 || ea->next > left)
            break;
        at += ea->next;
    }
    *ret_offset = at;
    return STATUS_EA_LIST_INCONSISTENT;
}

/* Doc: ntddk, IoVolumeDeviceToDosName (RtlVolumeDeviceToDosName): the volume's letter. The one
 * volume of the model is C:. The caller frees the string with ExFreePool. */
NT_EXPORT NTSTATUS NTAPI IoVolumeDeviceToDosName(PVOID device, PUNICODE_STRING ret)
{
    static const WCHAR letter[] = u"C:";
    WCHAR *p;

    if (!io_is_device(device))
        return STATUS_INVALID_DEVICE_REQUEST;
    p = ex_alloc_for_driver(PagedPool, sizeof letter, 0x20206F49);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(p, letter, sizeof letter);
    ret->Buffer = p;
    ret->Length = sizeof letter - sizeof(WCHAR);
    ret->MaximumLength = sizeof letter;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI IoGetDeviceNumaNode(PDEVICE_OBJECT pdo, PUSHORT ret)
{
    (void)pdo;
    *ret = 0; /* one node */
    return STATUS_SUCCESS;
}
