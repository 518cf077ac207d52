/*
 * Power: requests for device states, state bookkeeping, idle detection, notifications.
 *
 * Since Vista a power IRP travels like any other and PoStartNextPowerIrp has nothing left to do;
 * PoCallDriver is IoCallDriver. PoRequestPowerIrp sends its IRP at PASSIVE_LEVEL, from a worker
 * when the caller is above.
 *
 * Doc: wdm.h and ntifs.h, PoCallDriver, PoRequestPowerIrp, PoSetPowerState; WDK, "Power
 * Management".
 */
#include "kernel/io_nt.h"

#include <string.h>

struct idle {
    struct pp_list link;
    struct ke_timeout timeout;
    DEVICE_OBJECT *device;
    ULONG *busy; /* driver-visible: the driver sets it to say that it works */
    ULONG limit, seconds;
    DEVICE_POWER_STATE state;
};

struct setting {
    struct pp_list link;
    void *handle;
    GUID guid;
    uint64_t callback, context;
};

static struct {
    struct pp_list idles, settings, states;
} g = {.idles = {&g.idles, &g.idles},
       .settings = {&g.settings, &g.settings},
       .states = {&g.states, &g.states}};

/* ---- IRPs ---- */

NT_EXPORT NTSTATUS NTAPI PoCallDriver(PDEVICE_OBJECT device, PIRP irp)
{
    return io_call(device, irp);
}

NT_EXPORT VOID NTAPI PoStartNextPowerIrp(PIRP irp)
{
    (void)*(volatile CSHORT *)&irp->Type; /* only valid before the IRP is completed */
}

static void request_send(void *arg)
{
    IRP *irp = arg;

    (void)io_call(irp->Tail.Overlay.DriverContext[0], irp);
}

/* The end of a requested power IRP; drivers see the stub. Our own location holds what the driver
 * asked. */
NT_EXPORT NTSTATUS NTAPI PopRequestCompletion(PDEVICE_OBJECT device, PIRP irp, PVOID callback)
{
    const IO_STACK_LOCATION *own = io_stack(irp);

    (void)device;
    if (callback)
        (void)ke_call(KE_ARG(callback), KE_ARG(own->Parameters.Others.Argument1),
                      KE_ARG(own->Parameters.Others.Argument2) & 0xFF,
                      KE_ARG(own->Parameters.Others.Argument3),
                      KE_ARG(own->Parameters.Others.Argument4), KE_ARG(&irp->IoStatus));
    io_irp_free(irp);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static void request_fill(IO_STACK_LOCATION *s, UCHAR minor, POWER_STATE state)
{
    s->MajorFunction = IRP_MJ_POWER;
    s->MinorFunction = minor;
    if (minor == IRP_MN_WAIT_WAKE) {
        s->Parameters.WaitWake.PowerState = (ULONG)state.SystemState;
        return;
    }
    s->Parameters.Power.Type = DevicePowerState;
    s->Parameters.Power.State.DeviceState = (ULONG)state.DeviceState;
}

/* Doc: wdm, PoRequestPowerIrp: the callback may run before it returns. The IRP has two locations
 * more than the stack it goes to; the inner one is ours. Seen: Windows Server 2003 (kmtest PoIrp).
 */
NT_EXPORT NTSTATUS NTAPI PoRequestPowerIrp(PDEVICE_OBJECT device, UCHAR minor, POWER_STATE state,
                                           PREQUEST_POWER_COMPLETE callback, PVOID context,
                                           PIRP *ret)
{
    DEVICE_OBJECT *top;
    IO_STACK_LOCATION *s;
    IRP *irp;

    if (minor != IRP_MN_WAIT_WAKE && minor != IRP_MN_SET_POWER && minor != IRP_MN_QUERY_POWER)
        return STATUS_INVALID_PARAMETER_2;
    top = io_device_top(device);
    irp = io_irp_new((CCHAR)(top->StackSize + 2));
    irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    irp->CurrentLocation = (CHAR)(irp->CurrentLocation - 2);
    s = irp->Tail.Overlay.CurrentStackLocation -= 2;
    s->DeviceObject = device;
    s->Parameters.Others.Argument1 = device;
    s->Parameters.Others.Argument2 = (PVOID)(uintptr_t)minor;
    s->Parameters.Others.Argument3 = (PVOID)(uintptr_t)(ULONG)state.SystemState;
    s->Parameters.Others.Argument4 = context;
    s = io_stack_next(irp);
    request_fill(s, minor, state);
    s->CompletionRoutine =
        (PIO_COMPLETION_ROUTINE)(uintptr_t)ke_export_stub("PopRequestCompletion");
    s->Context = (PVOID)(uintptr_t)callback;
    s->Control = SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR | SL_INVOKE_ON_CANCEL;
    if (ret)
        *ret = irp;
    if (ke_irql() == PASSIVE_LEVEL) {
        (void)io_call(top, irp);
    } else {
        irp->Tail.Overlay.DriverContext[0] = top;
        ke_work(request_send, irp);
    }
    return STATUS_PENDING;
}

/* Doc: wdm, PoSetPowerState: returns the state before. Kept where Windows keeps it: system state in
 * the low four bits of PowerFlags, device state in the next four. */
NT_EXPORT POWER_STATE NTAPI PoSetPowerState(PDEVICE_OBJECT device, POWER_STATE_TYPE type,
                                            POWER_STATE state)
{
    ULONG *flags = &device->DeviceObjectExtension->PowerFlags;
    unsigned shift = type == DevicePowerState ? 4 : 0;
    POWER_STATE old;

    old.SystemState = (SYSTEM_POWER_STATE)(*flags >> shift & 0xF);
    *flags = (*flags & ~(0xFu << shift)) | ((ULONG)state.SystemState & 0xF) << shift;
    return old;
}

/* ---- Idle detection ---- */

static struct idle *idle_of(const DEVICE_OBJECT *device)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.idles)
    {
        struct idle *i = PP_CONTAINER(it, struct idle, link);

        if (i->device == device)
            return i;
    }
    return NULL;
}

static void idle_request(void *arg)
{
    struct idle *i = idle_of(arg);

    if (i)
        (void)PoRequestPowerIrp(i->device, IRP_MN_SET_POWER, (POWER_STATE){.DeviceState = i->state},
                                NULL, NULL, NULL);
}

static void idle_tick(struct ke_timeout *timeout)
{
    struct idle *i = PP_CONTAINER(timeout, struct idle, timeout);

    i->seconds = *i->busy ? 0 : i->seconds + 1;
    *i->busy = 0;
    if (i->seconds == i->limit)
        ke_work(idle_request, i->device);
    ke_timeout_arm(timeout, ke_time_now() + 10000000);
}

static void idle_free(struct idle *i)
{
    ke_timeout_disarm(&i->timeout);
    pp_list_remove(&i->link);
    ex_free_kernel(i->busy);
    pp_free(i);
}

/* Doc: ntifs/wdm, PoRegisterDeviceForIdleDetection: times of 0 end it. The model is on AC power and
 * goes by the performance time. */
NT_EXPORT PULONG NTAPI PoRegisterDeviceForIdleDetection(PDEVICE_OBJECT device, ULONG conservation,
                                                        ULONG performance, DEVICE_POWER_STATE state)
{
    struct idle *i = idle_of(device);

    if (!conservation && !performance) {
        if (i)
            idle_free(i);
        return NULL;
    }
    if (!i) {
        i = pp_new(sizeof *i);
        PP_ASSERT(i);
        i->device = device;
        i->busy = ex_alloc_kernel(sizeof *i->busy, "PoId", false);
        i->timeout.fn = idle_tick;
        pp_list_push_back(&g.idles, &i->link);
        ke_timeout_arm(&i->timeout, ke_time_now() + 10000000);
    }
    i->limit = performance == 0xFFFFFFFF ? 1200 : performance; /* class default: 20 minutes */
    i->seconds = 0;
    i->state = state;
    return i->busy;
}

/* The routine form of the macro that writes the counter. */
NT_EXPORT VOID NTAPI PoSetDeviceBusyEx(PULONG busy)
{
    if (busy)
        *busy = 1;
}

NT_EXPORT VOID NTAPI PoStartDeviceBusy(PULONG busy)
{
    PoSetDeviceBusyEx(busy);
}

NT_EXPORT VOID NTAPI PoEndDeviceBusy(PULONG busy)
{
    PoSetDeviceBusyEx(busy); /* idle time starts again from here */
}

void po_wipe(DEVICE_OBJECT *device)
{
    struct idle *i = idle_of(device);

    if (i)
        idle_free(i);
}

/* ---- The system's state: it never sleeps by itself ---- */

struct state {
    struct pp_list link;
    void *handle;
};

NT_EXPORT PVOID NTAPI PoRegisterSystemState(PVOID handle, ULONG flags)
{
    struct state *s;

    (void)flags; /* what must stay on stays on */
    if (handle)
        return handle;
    s = pp_new(sizeof *s);
    PP_ASSERT(s);
    s->handle = ex_alloc_kernel(16, "PoSt", false);
    pp_list_push_back(&g.states, &s->link);
    return s->handle;
}

NT_EXPORT VOID NTAPI PoUnregisterSystemState(PVOID handle)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.states)
    {
        struct state *s = PP_CONTAINER(it, struct state, link);

        if (s->handle != handle)
            continue;
        pp_list_remove(it);
        ex_free_kernel(s->handle);
        pp_free(s);
        return;
    }
    (void)*(volatile UCHAR *)handle; /* unregistered before: faults with its history */
}

NT_EXPORT VOID NTAPI PoSetSystemState(ULONG flags)
{
    (void)flags; /* as above */
}

/* IRP.Flags has no room for it: the source of a wake-up is kept in no one's field drivers see. */
NT_EXPORT VOID NTAPI PoSetSystemWake(PIRP irp)
{
    (void)*(volatile CSHORT *)&irp->Type; /* waking is only recorded in the event log */
}

NT_EXPORT BOOLEAN NTAPI PoGetSystemWake(PIRP irp)
{
    (void)*(volatile CSHORT *)&irp->Type;
    return FALSE; /* no simulated device wakes the system */
}

NT_EXPORT BOOLEAN NTAPI PoQueryWatchdogTime(PDEVICE_OBJECT pdo, PULONG seconds)
{
    (void)pdo;
    (void)seconds;
    return FALSE; /* no watchdog is armed for power IRPs */
}

/* ---- Power settings ---- */

/* Settings with a value that is known from the start: one ULONG each.
 * Doc: WDK, "Power Setting GUIDs". */
static const struct {
    GUID guid;
    ULONG value;
} known[] = {
    {NT_GUID(0x5D3E9A59, 0xE9D5, 0x4B00, 0xA6, 0xBD, 0xFF, 0x34, 0xFF, 0x51, 0x65, 0x48),
     0}, /* AC */
    {NT_GUID(0x02731015, 0x4510, 0x4526, 0x99, 0xE6, 0xE5, 0xA1, 0x7E, 0xBD, 0x1A, 0xEA),
     1}, /* display */
    {NT_GUID(0x6FE69556, 0x704A, 0x47A0, 0x8F, 0x24, 0xC2, 0x8D, 0x93, 0x6F, 0xDA, 0x47),
     1}, /* console */
    {NT_GUID(0xBA3E0F4D, 0xB817, 0x4094, 0xA2, 0xD1, 0xD5, 0x63, 0x79, 0xE6, 0xA0, 0xF3),
     1}, /* lid */
};

static void setting_tell(void *arg)
{
    struct setting *s = NULL;
    struct pp_list *it;
    ULONG *value;

    PP_LIST_EACH(it, &g.settings)
    if (PP_CONTAINER(it, struct setting, link)->handle == arg)
        s = PP_CONTAINER(it, struct setting, link);
    if (!s)
        return; /* unregistered meanwhile */
    for (size_t i = 0; i < PP_COUNT(known); i++) {
        if (memcmp(&known[i].guid, &s->guid, sizeof s->guid))
            continue;
        value = ex_alloc_kernel(sizeof *value + sizeof s->guid, "PoSe", true);
        *value = known[i].value;
        memcpy(value + 1, &s->guid, sizeof s->guid);
        (void)ke_call(s->callback, KE_ARG(value + 1), KE_ARG(value), sizeof *value, s->context);
        ex_free_kernel(value);
        return;
    }
}

/* Doc: wdm, PoRegisterPowerSettingCallback: called soon after with the present value. */
NT_EXPORT NTSTATUS NTAPI PoRegisterPowerSettingCallback(PDEVICE_OBJECT device, const GUID *guid,
                                                        PPOWER_SETTING_CALLBACK callback,
                                                        PVOID context, PVOID *ret)
{
    struct setting *s;
    GUID copy;

    (void)device;
    if (!guid || !callback || !ret)
        return STATUS_INVALID_PARAMETER;
    copy = *guid;
    s = pp_new(sizeof *s);
    PP_ASSERT(s);
    s->guid = copy;
    s->callback = KE_ARG(callback);
    s->context = KE_ARG(context);
    s->handle = ex_alloc_kernel(16, "PoSe", false);
    pp_list_push_back(&g.settings, &s->link);
    *ret = s->handle;
    ke_work(setting_tell, s->handle);
    return STATUS_SUCCESS;
}

static void setting_free(struct setting *s)
{
    pp_list_remove(&s->link);
    ex_free_kernel(s->handle);
    pp_free(s);
}

NT_EXPORT NTSTATUS NTAPI PoUnregisterPowerSettingCallback(PVOID handle)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.settings)
    {
        struct setting *s = PP_CONTAINER(it, struct setting, link);

        if (s->handle == handle) {
            setting_free(s);
            return STATUS_SUCCESS;
        }
    }
    return STATUS_INVALID_PARAMETER;
}

void po_image_wipe(const struct ke_image *image)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.settings)
    {
        struct setting *s = PP_CONTAINER(it, struct setting, link);

        if (ke_image_at(s->callback) != image)
            continue;
        io_unload_rule(image, VF_UNLOAD_NOTIFY, s->callback, 0, "power setting callback");
        setting_free(s);
    }
}

/* ---- Power requests ---- */

/* A power request object: counts by type. Doc: wdm.h, PoCreatePowerRequest. */
struct power_request {
    LONG count[4];
};

NT_EXPORT NTSTATUS NTAPI PoCreatePowerRequest(PVOID *ret, PDEVICE_OBJECT device, PVOID context)
{
    struct power_request *p;

    (void)device;
    (void)context; /* the reason text, shown by powercfg */
    p = ex_alloc_kernel(sizeof *p, "PoRq", false);
    *ret = p;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI PoSetPowerRequest(PVOID request, ULONG type)
{
    struct power_request *p = request;

    if (type >= PP_COUNT(p->count))
        return STATUS_INVALID_PARAMETER;
    p->count[type]++;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI PoClearPowerRequest(PVOID request, ULONG type)
{
    struct power_request *p = request;

    if (type >= PP_COUNT(p->count) || p->count[type] <= 0)
        return STATUS_INVALID_PARAMETER;
    p->count[type]--;
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI PoDeletePowerRequest(PVOID request)
{
    ex_free_kernel(request);
}
