/* Devices, IRPs, requests from outside, cancelling, queues. */
#include "io_fixture.h"

static DRIVER_OBJECT *driver;
static DEVICE_OBJECT *device;
static struct ke_file *file;
static IRP *held;
static unsigned opens, cleanups, closes, calls;

static NTAPI NTSTATUS on_open(PDEVICE_OBJECT d, PIRP irp)
{
    UCHAR major = io_stack(irp)->MajorFunction;

    (void)d;
    opens += major == IRP_MJ_CREATE;
    cleanups += major == IRP_MJ_CLEANUP;
    closes += major == IRP_MJ_CLOSE;
    return end(irp, STATUS_SUCCESS, 0);
}

enum {
    CODE_REVERSE = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS),
    CODE_DIRECT = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_OUT_DIRECT, FILE_ANY_ACCESS),
    CODE_NEITHER = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_NEITHER, FILE_ANY_ACCESS),
    CODE_HOLD = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_BUFFERED, FILE_ANY_ACCESS),
    CODE_LARGE = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x804, METHOD_BUFFERED, FILE_ANY_ACCESS),
    CODE_LOST = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x805, METHOD_BUFFERED, FILE_ANY_ACCESS),
    CODE_WRITE = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x806, METHOD_BUFFERED, FILE_WRITE_ACCESS),
    CODE_TWICE = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x807, METHOD_BUFFERED, FILE_ANY_ACCESS),
};

static NTAPI VOID on_cancel(PDEVICE_OBJECT d, PIRP irp)
{
    (void)d;
    IoReleaseCancelSpinLock(irp->CancelIrql);
    held = NULL;
    (void)end(irp, STATUS_CANCELLED, 0);
}

static NTSTATUS reverse(IRP *irp, ULONG in, ULONG out)
{
    uint8_t *b = irp->AssociatedIrp.SystemBuffer;

    for (ULONG i = 0; i < in / 2; i++) {
        uint8_t t = b[i];

        b[i] = b[in - 1 - i];
        b[in - 1 - i] = t;
    }
    return end(irp, STATUS_SUCCESS, PP_MIN(in, out));
}

static NTAPI NTSTATUS on_control(PDEVICE_OBJECT d, PIRP irp)
{
    IO_STACK_LOCATION *s = io_stack(irp);
    ULONG in = s->Parameters.DeviceIoControl.InputBufferLength;
    ULONG out = s->Parameters.DeviceIoControl.OutputBufferLength;

    (void)d;
    calls++;
    switch (s->Parameters.DeviceIoControl.IoControlCode) {
    case CODE_REVERSE:
        return reverse(irp, in, out);
    case CODE_DIRECT:
        cr_expect(irp->MdlAddress && irp->MdlAddress->ByteCount == out);
        return end(irp, STATUS_SUCCESS, 0);
    case CODE_NEITHER:
        cr_expect_eq(memcmp(s->Parameters.DeviceIoControl.Type3InputBuffer, "abc", 3), 0);
        memcpy(irp->UserBuffer, "xyz", 3);
        return end(irp, STATUS_SUCCESS, 3);
    case CODE_HOLD:
        io_stack(irp)->Control |= SL_PENDING_RETURNED;
        irp->CancelRoutine = (PDRIVER_CANCEL)(uintptr_t)on_cancel;
        held = irp;
        return STATUS_PENDING;
    case CODE_LARGE:
        return end(irp, STATUS_SUCCESS, out + 1);
    default:
        return end(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

static NTAPI NTSTATUS on_rw(PDEVICE_OBJECT d, PIRP irp)
{
    IO_STACK_LOCATION *s = io_stack(irp);
    ULONG n = s->Parameters.Read.Length;

    (void)d;
    cr_expect_eq(s->Parameters.Read.ByteOffset.QuadPart, 0x1234);
    if (s->MajorFunction == IRP_MJ_READ)
        memset(irp->AssociatedIrp.SystemBuffer, 'r', n);
    else
        cr_expect_eq(*(char *)irp->AssociatedIrp.SystemBuffer, 'w');
    return end(irp, STATUS_SUCCESS, n);
}

static void setup(void)
{
    machine_start();
    driver = io_driver_new(NULL, "Test");
    driver->MajorFunction[IRP_MJ_CREATE] = on_open;
    driver->MajorFunction[IRP_MJ_CLEANUP] = on_open;
    driver->MajorFunction[IRP_MJ_CLOSE] = on_open;
    driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = on_control;
    driver->MajorFunction[IRP_MJ_READ] = on_rw;
    driver->MajorFunction[IRP_MJ_WRITE] = on_rw;
    device = device_make(driver, u"\\Device\\Test", 20);
    device->Flags |= DO_BUFFERED_IO;
}

static void open_file(void)
{
    struct ke_result r = ke_open("\\Device\\Test", GENERIC_READ | GENERIC_WRITE, &file);

    cr_assert_eq(r.outcome, KE_DONE);
    cr_assert_eq(r.status, STATUS_SUCCESS, "%x", r.status);
}

TestSuite(io, .init = setup);

Test(io, create_and_delete)
{
    DEVICE_OBJECT *second, *third = NULL;
    UNICODE_STRING name;

    cr_expect_eq(device->Size, sizeof *device + 20);
    cr_expect_eq((void *)device->DeviceExtension, (void *)(device + 1));
    cr_expect_eq(driver->DeviceObject, device);
    rtl_init_string(&name, u"\\Device\\Test");
    cr_expect_eq(IoCreateDevice(driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &third),
                 STATUS_OBJECT_NAME_COLLISION);
    second = device_make(driver, u"\\Device\\Second", 0);
    cr_expect_null(second->DeviceExtension);
    cr_expect_eq(driver->DeviceObject, second);
    cr_expect_eq(second->NextDevice, device);
    IoDeleteDevice(device);
    cr_expect_null(second->NextDevice);
    IoDeleteDevice(second);
    cr_expect_null(driver->DeviceObject);
    cr_expect_eq(findings.total, 0);
}

Test(io, open_close)
{
    struct ke_file *f;

    open_file();
    cr_expect_eq(opens, 1);
    cr_expect_eq(device->ReferenceCount, 1);
    cr_expect_eq(ke_close(file).outcome, KE_DONE);
    cr_expect_eq(cleanups, 1);
    cr_expect_eq(closes, 1);
    cr_expect_eq(device->ReferenceCount, 0);
    cr_expect_eq(ke_open("\\Device\\Nothing", 0, &f).status, STATUS_OBJECT_NAME_NOT_FOUND);
    cr_expect_eq(findings.total, 0);
}

Test(io, link_leads_to_device)
{
    UNICODE_STRING link, target;

    rtl_init_string(&link, u"\\DosDevices\\TestLink");
    rtl_init_string(&target, u"\\Device\\Test");
    cr_expect_eq(ob_symlink_new(&link, &target), STATUS_SUCCESS);
    cr_expect_eq(ke_open("\\\\.\\TestLink", GENERIC_READ, &file).status, STATUS_SUCCESS);
    cr_expect_eq(opens, 1);
}

Test(io, buffered_control)
{
    char out[4] = "....";
    struct ke_result r;

    open_file();
    r = ke_ioctl(file, CODE_REVERSE, "abcdef", 6, out, 4, false);
    cr_expect_eq(r.outcome, KE_DONE);
    cr_expect_eq(r.status, STATUS_SUCCESS);
    cr_expect_eq(r.information, 4);
    cr_expect_eq(memcmp(out, "fedc", 4), 0);
    cr_expect_eq(findings.total, 0);
}

Test(io, direct_and_neither)
{
    char out[100];
    struct ke_result r;

    open_file();
    r = ke_ioctl(file, CODE_DIRECT, "q", 1, out, sizeof out, false);
    cr_expect_eq(r.status, STATUS_SUCCESS);
    r = ke_ioctl(file, CODE_NEITHER, "abc", 3, out, sizeof out, false);
    cr_expect_eq(r.status, STATUS_SUCCESS);
    cr_expect_eq(memcmp(out, "xyz", 3), 0);
    cr_expect_eq(findings.total, 0);
}

Test(io, read_write)
{
    char buf[10] = "w";

    open_file();
    cr_expect_eq(ke_write(file, 0x1234, buf, sizeof buf).information, sizeof buf);
    cr_expect_eq(ke_read(file, 0x1234, buf, sizeof buf).information, sizeof buf);
    cr_expect_eq(buf[9], 'r');
}

Test(io, access_of_control_codes)
{
    cr_expect_eq(ke_open("\\Device\\Test", GENERIC_READ, &file).status, STATUS_SUCCESS);
    cr_expect_eq(ke_ioctl(file, CODE_WRITE, NULL, 0, NULL, 0, false).status, STATUS_ACCESS_DENIED);
    cr_expect_eq(calls, 0);
}

Test(io, pending_and_cancel)
{
    struct ke_result r;

    open_file();
    r = ke_ioctl(file, CODE_HOLD, "a", 1, NULL, 0, false);
    cr_expect_eq(r.outcome, KE_PENDING);
    cr_expect_not_null(held);
    cr_expect_eq(ke_cancel(file), 1);
    cr_expect_null(held);
    cr_expect_eq(ke_cancel(file), 0);
    cr_expect_eq(ke_close(file).outcome, KE_DONE);
    cr_expect_eq(findings.total, 0);
}

Test(io, exclusive_device)
{
    struct ke_file *second;

    device->Flags |= DO_EXCLUSIVE;
    open_file();
    cr_expect_eq(ke_open("\\Device\\Test", 0, &second).status, STATUS_ACCESS_DENIED);
}

Test(io, initializing_device_is_not_there)
{
    device->Flags |= DO_DEVICE_INITIALIZING;
    cr_expect_eq(ke_open("\\Device\\Test", 0, &file).status, STATUS_NO_SUCH_DEVICE);
}

Test(io, unset_slot_fails)
{
    open_file();
    cr_expect_eq(ke_major(file, IRP_MJ_FLUSH_BUFFERS, 0).status, STATUS_INVALID_DEVICE_REQUEST);
}

Test(io, delete_waits_for_close)
{
    open_file();
    IoDeleteDevice(device);
    cr_expect(io_is_device(device));
    cr_expect_eq(ke_close(file).outcome, KE_DONE);
    cr_expect_not(io_is_device(device));
}

/* ---- Stacks ---- */

static DEVICE_OBJECT *upper;
static unsigned completions;
static NTSTATUS completion_status;

static NTAPI NTSTATUS on_completion(PDEVICE_OBJECT d, PIRP irp, PVOID context)
{
    completions++;
    cr_expect_eq(d, context);
    if (irp->PendingReturned)
        io_stack(irp)->Control |= SL_PENDING_RETURNED;
    return completion_status;
}

static NTAPI NTSTATUS on_filter(PDEVICE_OBJECT d, PIRP irp)
{
    IO_STACK_LOCATION *next = io_stack_next(irp);

    *next = *io_stack(irp);
    next->CompletionRoutine = on_completion;
    next->Context = d;
    next->Control = SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR | SL_INVOKE_ON_CANCEL;
    return IofCallDriver(device, irp);
}

static void stack_make(void)
{
    DRIVER_OBJECT *filter = io_driver_new(NULL, "Filter");

    for (unsigned i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        filter->MajorFunction[i] = on_filter;
    upper = device_make(filter, NULL, 0);
    cr_assert_eq(IoAttachDeviceToDeviceStack(upper, device), device);
}

Test(io, filter_sees_completion)
{
    char out[3];

    stack_make();
    cr_expect_eq(upper->StackSize, 2);
    open_file();
    cr_expect_eq(completions, 1);
    cr_expect_eq(ke_ioctl(file, CODE_REVERSE, "abc", 3, out, 3, false).status, STATUS_SUCCESS);
    cr_expect_eq(completions, 2);
    cr_expect_eq(memcmp(out, "cba", 3), 0);
    cr_expect_eq(ke_ioctl(file, CODE_HOLD, "a", 1, NULL, 0, false).outcome, KE_PENDING);
    cr_expect_eq(ke_cancel(file), 1);
    cr_expect_eq(completions, 3);
    cr_expect_eq(ke_close(file).outcome, KE_DONE);
    IoDetachDevice(device);
    cr_expect_null(device->AttachedDevice);
    cr_expect_eq(findings.total, 0);
}

/* ---- IRPs a driver builds ---- */

static IO_STATUS_BLOCK iosb;
static char built_out[4];

NTSTATUS NTAPI IoGetDeviceObjectPointer(PUNICODE_STRING, ACCESS_MASK, PFILE_OBJECT *,
                                        PDEVICE_OBJECT *);
PIRP NTAPI IoBuildDeviceIoControlRequest(ULONG, PDEVICE_OBJECT, PVOID, ULONG, PVOID, ULONG, BOOLEAN,
                                         PKEVENT, PIO_STATUS_BLOCK);

static void build_control(void *arg)
{
    FILE_OBJECT *f;
    DEVICE_OBJECT *d;
    UNICODE_STRING name;
    KEVENT event;
    IRP *irp;

    (void)arg;
    rtl_init_string(&name, u"\\Device\\Test");
    cr_expect_eq(IoGetDeviceObjectPointer(&name, FILE_ALL_ACCESS, &f, &d), STATUS_SUCCESS);
    cr_expect_eq(d, device);
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    irp = IoBuildDeviceIoControlRequest(CODE_REVERSE, d, (PVOID)(uintptr_t) "1234", 4, built_out, 4,
                                        FALSE, &event, &iosb);
    cr_assert_not_null(irp);
    cr_expect_eq(IofCallDriver(d, irp), STATUS_SUCCESS);
    cr_expect_eq(ke_wait(&event, NULL, false, KernelMode), STATUS_SUCCESS);
    cr_expect_not(io_is_irp(irp));
    ob_unref(f);
}

Test(io, built_control_request)
{
    cr_expect_eq(io_run(build_control, NULL, false), IO_RAN);
    cr_expect_eq(iosb.Status, STATUS_SUCCESS);
    cr_expect_eq(iosb.Information, 4);
    cr_expect_eq(memcmp(built_out, "4321", 4), 0);
    cr_expect_eq(opens, 1);
    cr_expect_eq(cleanups, 1);
    cr_expect_eq(closes, 1);
    cr_expect_eq(findings.total, 0);
}

static void alloc_and_free(void *arg)
{
    IRP *irp = IoAllocateIrp(3, FALSE);

    (void)arg;
    cr_expect_eq(irp->Size, sizeof *irp + 3 * sizeof(IO_STACK_LOCATION));
    cr_expect_eq(irp->CurrentLocation, 4);
    cr_expect_eq((void *)irp->Tail.Overlay.CurrentStackLocation,
                 (void *)((IO_STACK_LOCATION *)(irp + 1) + 3));
    cr_expect(io_is_irp(irp));
    IoFreeIrp(irp);
    cr_expect_not(io_is_irp(irp));
}

Test(io, allocate_irp)
{
    cr_expect_eq(io_run(alloc_and_free, NULL, false), IO_RAN);
    cr_expect_eq(findings.total, 0);
}

static void run_out_of_locations(void *arg)
{
    IRP *irp = IoAllocateIrp(0, FALSE);

    (void)arg;
    (void)IofCallDriver(device, irp);
}

Test(io, no_stack_location_left)
{
    cr_expect_eq(io_run(run_out_of_locations, NULL, false), IO_ABORTED);
    cr_expect_eq(findings.count[VF_IO_NO_STACK], 1);
}

static void complete_pending(void *arg)
{
    IRP *irp = IoAllocateIrp(1, FALSE);

    (void)arg;
    irp->IoStatus.Status = STATUS_PENDING;
    io_stack_next(irp)->CompletionRoutine = NULL;
    irp->CurrentLocation--;
    irp->Tail.Overlay.CurrentStackLocation--;
    IofCompleteRequest(irp, 0);
}

Test(io, completing_with_pending)
{
    cr_expect_eq(io_run(complete_pending, NULL, false), IO_RAN);
    cr_expect_eq(findings.count[VF_IO_COMPLETED_PENDING], 1);
}

static void free_active(void *arg)
{
    IRP *irp = IoAllocateIrp(1, FALSE);

    (void)arg;
    io_stack_next(irp)->MajorFunction = IRP_MJ_DEVICE_CONTROL;
    io_stack_next(irp)->Parameters.DeviceIoControl.IoControlCode = CODE_HOLD;
    cr_expect_eq(IofCallDriver(device, irp), STATUS_PENDING);
    IoFreeIrp(irp);
}

Test(io, freeing_an_irp_in_use)
{
    cr_expect_eq(io_run(free_active, NULL, false), IO_RAN);
    cr_expect_eq(findings.count[VF_IO_FREE_ACTIVE], 1);
}

/* ---- Remove locks, device timer, interrupts ---- */

VOID NTAPI IoInitializeRemoveLockEx(PIO_REMOVE_LOCK, ULONG, ULONG, ULONG, ULONG);
NTSTATUS NTAPI IoAcquireRemoveLockEx(PIO_REMOVE_LOCK, PVOID, PCSTR, ULONG, ULONG);
VOID NTAPI IoReleaseRemoveLockEx(PIO_REMOVE_LOCK, PVOID, ULONG);
VOID NTAPI IoReleaseRemoveLockAndWaitEx(PIO_REMOVE_LOCK, PVOID, ULONG);

static void remove_lock(void *arg)
{
    IO_REMOVE_LOCK *lock = arg;

    IoInitializeRemoveLockEx(lock, 0, 0, 0, sizeof *lock);
    cr_expect_eq(IoAcquireRemoveLockEx(lock, lock, "", 0, sizeof *lock), STATUS_SUCCESS);
    cr_expect_eq(IoAcquireRemoveLockEx(lock, NULL, "", 0, sizeof *lock), STATUS_SUCCESS);
    IoReleaseRemoveLockEx(lock, NULL, sizeof *lock);
    IoReleaseRemoveLockAndWaitEx(lock, lock, sizeof *lock);
    cr_expect_eq(IoAcquireRemoveLockEx(lock, lock, "", 0, sizeof *lock), STATUS_DELETE_PENDING);
    cr_expect_eq(findings.total, 0);
    IoReleaseRemoveLockEx(lock, &findings, sizeof *lock);
    cr_expect_eq(findings.count[VF_VER_LOCK_TAG], 1);
}

Test(io, remove_locks)
{
    static IO_REMOVE_LOCK lock;

    cr_expect_eq(io_run(remove_lock, &lock, false), IO_RAN);
}

NTSTATUS NTAPI IoInitializeTimer(PDEVICE_OBJECT, PIO_TIMER_ROUTINE, PVOID);
VOID NTAPI IoStartTimer(PDEVICE_OBJECT);
static unsigned ticks;

static NTAPI VOID on_timer(PDEVICE_OBJECT d, PVOID context)
{
    cr_expect_eq(d, device);
    cr_expect_eq(context, &ticks);
    cr_expect_eq(ke_irql(), DISPATCH_LEVEL);
    ticks++;
}

Test(io, device_timer)
{
    cr_expect_eq(IoInitializeTimer(device, on_timer, &ticks), STATUS_SUCCESS);
    IoStartTimer(device);
    ke_settle(3500);
    cr_expect_eq(ticks, 3);
    IoStopTimer(device);
    ke_settle(3000);
    cr_expect_eq(ticks, 3);
}

NTSTATUS NTAPI IoConnectInterrupt(PKINTERRUPT *, PKSERVICE_ROUTINE, PVOID, PKSPIN_LOCK, ULONG, KIRQL,
                                  KIRQL, KINTERRUPT_MODE, BOOLEAN, KAFFINITY, BOOLEAN);
VOID NTAPI IoDisconnectInterrupt(PKINTERRUPT);
static unsigned interrupts;

static NTAPI BOOLEAN on_interrupt(PKINTERRUPT interrupt, PVOID context)
{
    (void)interrupt;
    cr_expect_eq(context, &interrupts);
    cr_expect_eq(ke_irql(), 7);
    interrupts++;
    return TRUE;
}

Test(io, interrupt)
{
    KINTERRUPT *i;

    cr_expect_eq(IoConnectInterrupt(&i, on_interrupt, &interrupts, NULL, 0x71, 7, 7, LevelSensitive,
                                    TRUE, 1, FALSE),
                 STATUS_SUCCESS);
    cr_expect_eq(ke_interrupt(0x71), 1);
    cr_expect_eq(interrupts, 1);
    cr_expect_eq(ke_interrupt(0x72), 0);
    IoDisconnectInterrupt(i);
    cr_expect_eq(ke_interrupt(0x71), 0);
}
