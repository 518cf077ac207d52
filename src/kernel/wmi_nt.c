/*
 * WMI and ETW in the kernel: registration of providers, and the answers drivers get when no
 * consumer and no trace session exists. A registered device is asked for its data blocks
 * (IRP_MN_REGINFO), as on Windows.
 *
 * Doc: wdm.h, IoWMIRegistrationControl, IoWMIWriteEvent, EtwRegister; evntrace.h, WmiTraceMessage.
 */
#include "kernel/io_nt.h"

#include <string.h>

struct provider {
    struct pp_list link;
    DEVICE_OBJECT *device;
    bool is_registered;
};

/* A provider of events, EtwRegister. */
struct registration {
    struct pp_list link;
    REGHANDLE handle;
    uint64_t caller; /* where it was registered */
    uint32_t owner;
};

static struct {
    struct pp_list providers, registrations;
    ULONG next_instance;
    uint64_t next_handle;
} g = {.providers = {&g.providers, &g.providers},
       .registrations = {&g.registrations, &g.registrations},
       .next_handle = 0x1000};

/* ---- Providers ---- */

static struct provider *provider_of(const DEVICE_OBJECT *device)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.providers)
    {
        struct provider *p = PP_CONTAINER(it, struct provider, link);

        if (p->device == device)
            return p;
    }
    return NULL;
}

bool wmi_is_registered(const DEVICE_OBJECT *device)
{
    return provider_of(device) != NULL;
}

void wmi_wipe(DEVICE_OBJECT *device)
{
    struct provider *p = provider_of(device);

    if (!p)
        return;
    pp_list_remove(&p->link);
    pp_free(p);
}

enum { REGINFO_SIZE = 4096 };

static void release_pdos(const WMIREGINFOW *w, ULONG_PTR size)
{
    if (size < sizeof *w)
        return;
    for (ULONG i = 0; i < w->GuidCount && sizeof *w + (i + 1) * sizeof(WMIREGGUIDW) <= size; i++)
        if ((w->WmiRegGuid[i].Flags & WMIREG_FLAG_INSTANCE_PDO) && w->WmiRegGuid[i].Pdo)
            ob_unref((void *)w->WmiRegGuid[i].Pdo);
}

static void ask_blocks(void *arg)
{
    DEVICE_OBJECT *device = arg;

    if (provider_of(device)) {
        DEVICE_OBJECT *top = io_device_top(device);
        void *buffer = ex_alloc_kernel(REGINFO_SIZE, "WmiR", false);
        IRP *irp = io_irp_new(top->StackSize);
        IO_STACK_LOCATION *s = io_stack_next(irp);
        IO_STATUS_BLOCK iosb = {0};
        NTSTATUS status;

        irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
        irp->Tail.Overlay.Thread = ke_thread_now->object;
        s->MajorFunction = IRP_MJ_SYSTEM_CONTROL;
        s->MinorFunction = IRP_MN_REGINFO;
        s->Parameters.WMI.ProviderId = (ULONG_PTR)device;
        s->Parameters.WMI.DataPath = (PVOID)(uintptr_t)WMIREGISTER;
        s->Parameters.WMI.BufferSize = REGINFO_SIZE;
        s->Parameters.WMI.Buffer = buffer;
        status = io_send_wait(top, irp, &iosb);
        if (NT_SUCCESS(status))
            release_pdos(buffer, iosb.Information);
        ex_free_kernel(buffer);
    }
    ob_unref(device);
}

NT_EXPORT NTSTATUS NTAPI IoWMIRegistrationControl(PDEVICE_OBJECT device, ULONG action)
{
    struct provider *p = provider_of(device);

    switch (action & 0xFFFF) {
    case WMIREG_ACTION_REGISTER:
        if (p)
            return STATUS_OBJECT_NAME_COLLISION;
        p = pp_new(sizeof *p);
        PP_ASSERT(p);
        p->device = device;
        pp_list_push_back(&g.providers, &p->link);
        break;
    case WMIREG_ACTION_DEREGISTER:
        if (!p)
            return STATUS_INVALID_PARAMETER;
        wmi_wipe(device);
        return STATUS_SUCCESS;
    case WMIREG_ACTION_REREGISTER:
    case WMIREG_ACTION_UPDATE_GUIDS:
        if (!p)
            return STATUS_INVALID_PARAMETER;
        break;
    case WMIREG_ACTION_BLOCK_IRPS:
        return p ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
    default:
        return STATUS_INVALID_PARAMETER;
    }
    if (io_is_device(device)) {
        ob_ref(device);
        ke_work(ask_blocks, device);
    }
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI IoWMIAllocateInstanceIds(GUID *guid, ULONG count, ULONG *ret)
{
    (void)guid;
    if (!count)
        return STATUS_INVALID_PARAMETER;
    *ret = g.next_instance;
    g.next_instance += count;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI IoWMISuggestInstanceName(PDEVICE_OBJECT pdo, PUNICODE_STRING link,
                                                  BOOLEAN combine, PUNICODE_STRING ret)
{
    static const WCHAR text[] = u"Poolproof simulated device";
    WCHAR *p;

    (void)link;
    (void)combine;
    if (!pnp_node_of(pdo))
        return STATUS_NOT_FOUND;
    p = ex_alloc_for_driver(PagedPool, sizeof text, 0x70696D57);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(p, text, sizeof text);
    ret->Buffer = p;
    ret->Length = sizeof text - sizeof(WCHAR);
    ret->MaximumLength = sizeof text;
    return STATUS_SUCCESS;
}

NT_EXPORT ULONG NTAPI IoWMIDeviceObjectToProviderId(PDEVICE_OBJECT device)
{
    /* Any number that is the device's own; not 0. */
    return provider_of(device) ? (ULONG)((uintptr_t)device >> 4) | 1 : 0;
}

/* Doc: wdm, IoWMIWriteEvent: an event's WNODE becomes WMI's, which frees it; a trace record stays
 * the caller's, and no trace session is there to take it. */
NT_EXPORT NTSTATUS NTAPI IoWMIWriteEvent(PVOID data)
{
    const WNODE_HEADER *w = data;

    if (w->Flags & (WNODE_FLAG_TRACED_GUID | WNODE_FLAG_LOG_WNODE))
        return STATUS_INVALID_HANDLE;
    if (w->BufferSize < sizeof *w)
        return STATUS_INVALID_PARAMETER;
    ExFreePoolWithTag(data, 0);
    return STATUS_SUCCESS;
}

/* ---- Consumers: no block has a provider that can be opened ---- */

NT_EXPORT NTSTATUS NTAPI IoWMIOpenBlock(const GUID *guid, ULONG access, PVOID *ret)
{
    (void)access;
    mm_check_range(guid, sizeof *guid, false);
    *ret = NULL;
    return STATUS_WMI_GUID_NOT_FOUND;
}

NT_EXPORT NTSTATUS NTAPI IoWMIQueryAllData(PVOID block, PULONG size, PVOID buffer)
{
    (void)block;
    (void)size;
    (void)buffer;
    return STATUS_INVALID_PARAMETER; /* not a block object: none can exist */
}

NT_EXPORT NTSTATUS NTAPI IoWMIQuerySingleInstance(PVOID block, PUNICODE_STRING name, PULONG size,
                                                  PVOID buffer)
{
    (void)name;
    return IoWMIQueryAllData(block, size, buffer);
}

NT_EXPORT NTSTATUS NTAPI IoWMISetSingleInstance(PVOID block, PUNICODE_STRING name, ULONG version,
                                                ULONG size, PVOID buffer)
{
    (void)version;
    return IoWMIQuerySingleInstance(block, name, &size, buffer);
}

NT_EXPORT NTSTATUS NTAPI IoWMISetSingleItem(PVOID block, PUNICODE_STRING name, ULONG item,
                                            ULONG version, ULONG size, PVOID buffer)
{
    (void)item;
    return IoWMISetSingleInstance(block, name, version, size, buffer);
}

NT_EXPORT NTSTATUS NTAPI IoWMIExecuteMethod(PVOID block, PUNICODE_STRING name, ULONG method,
                                            ULONG in_size, PULONG out_size, PUCHAR buffer)
{
    (void)method;
    (void)in_size;
    return IoWMIQuerySingleInstance(block, name, out_size, buffer);
}

NT_EXPORT NTSTATUS NTAPI IoWMISetNotificationCallback(PVOID block, PVOID callback, PVOID context)
{
    (void)callback;
    (void)context;
    return IoWMIQueryAllData(block, NULL, NULL);
}

/* ---- ETW: no session listens ---- */

/* A handle that is nobody's address and never 0. */
static REGHANDLE handle_new(void)
{
    g.next_handle += 0x10;
    return g.next_handle;
}

NT_EXPORT NTSTATUS NTAPI EtwRegister(LPCGUID guid, PETWENABLECALLBACK callback, PVOID context,
                                     PREGHANDLE ret)
{
    struct registration *r;
    REGHANDLE handle = handle_new();

    (void)callback; /* called when a session enables the provider */
    (void)context;
    mm_check_range(guid, sizeof *guid, false);
    *ret = handle;
    r = pp_new(sizeof *r);
    PP_ASSERT(r);
    r->handle = handle;
    r->caller = ke_caller();
    r->owner = ke_image_current() ? ke_image_current()->owner : 0;
    pp_list_push_back(&g.registrations, &r->link);
    return STATUS_SUCCESS;
}

static void registration_free(struct registration *r)
{
    pp_list_remove(&r->link);
    pp_free(r);
}

NT_EXPORT NTSTATUS NTAPI EtwRegisterClassicProvider(LPCGUID guid, ULONG type, PVOID callback,
                                                    PVOID context, PREGHANDLE ret)
{
    (void)type;
    return EtwRegister(guid, callback, context, ret);
}

NT_EXPORT NTSTATUS NTAPI EtwUnregister(REGHANDLE handle)
{
    struct pp_list *it, *tmp;

    PP_LIST_EACH_SAFE(it, tmp, &g.registrations)
    {
        struct registration *r = PP_CONTAINER(it, struct registration, link);

        if (r->handle != handle)
            continue;
        registration_free(r);
        return STATUS_SUCCESS;
    }
    if (handle) /* zero: nothing was registered, which the routine only says */
        io_rule(VF_VER_ETW_HANDLE, 0, 0, 0, 0, NULL);
    return STATUS_INVALID_HANDLE;
}

unsigned wmi_check_unload(const struct ke_image *image)
{
    struct pp_list *it, *tmp;
    unsigned count = 0;

    PP_LIST_EACH_SAFE(it, tmp, &g.registrations)
    {
        struct registration *r = PP_CONTAINER(it, struct registration, link);

        if (r->owner != image->owner)
            continue;
        count++;
        io_rule(VF_VER_ETW_LEFT, 0, r->caller, image->base, r->handle, NULL);
        registration_free(r);
    }
    PP_LIST_EACH_SAFE(it, tmp, &g.providers)
    {
        struct provider *p = PP_CONTAINER(it, struct provider, link);

        if (ke_image_at(KE_ARG(p->device)) != image)
            continue; /* a device: reported when it is deleted */
        count++;
        io_rule(VF_VER_WMI_LEFT, 0, image->base, KE_ARG(p->device), 0, NULL);
        pp_list_remove(&p->link);
        pp_free(p);
    }
    return count;
}

NT_EXPORT BOOLEAN NTAPI EtwEventEnabled(REGHANDLE handle, PCEVENT_DESCRIPTOR event)
{
    (void)handle;
    (void)event;
    return FALSE;
}

NT_EXPORT BOOLEAN NTAPI EtwProviderEnabled(REGHANDLE handle, UCHAR level, ULONGLONG keyword)
{
    (void)handle;
    (void)level;
    (void)keyword;
    return FALSE;
}

NT_EXPORT BOOLEAN NTAPI EtwEnabled(REGHANDLE handle)
{
    (void)handle;
    return FALSE;
}

NT_EXPORT NTSTATUS NTAPI EtwWrite(REGHANDLE handle, PCEVENT_DESCRIPTOR event, LPCGUID activity,
                                  ULONG count, PEVENT_DATA_DESCRIPTOR data)
{
    (void)event;
    (void)activity;
    mm_check_range(data, data ? (size_t)count * sizeof *data : 0, false);
    return handle ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

NT_EXPORT NTSTATUS NTAPI EtwWriteTransfer(REGHANDLE handle, PCEVENT_DESCRIPTOR event,
                                          LPCGUID activity, LPCGUID related, ULONG count,
                                          PEVENT_DATA_DESCRIPTOR data)
{
    (void)related;
    return EtwWrite(handle, event, activity, count, data);
}

NT_EXPORT NTSTATUS NTAPI EtwWriteEx(REGHANDLE handle, PCEVENT_DESCRIPTOR event, ULONG64 filter,
                                    ULONG flags, LPCGUID activity, LPCGUID related, ULONG count,
                                    PEVENT_DATA_DESCRIPTOR data)
{
    (void)filter;
    (void)flags;
    return EtwWriteTransfer(handle, event, activity, related, count, data);
}

NT_EXPORT NTSTATUS NTAPI EtwWriteString(REGHANDLE handle, UCHAR level, ULONGLONG keyword,
                                        LPCGUID activity, PCWSTR text)
{
    (void)level;
    (void)keyword;
    (void)activity;
    (void)text;
    return handle ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

/* Doc: wdm, EtwActivityIdControl: 1 get, 2 set, 3 create, 4 get and set, 5 create and set. */
NT_EXPORT NTSTATUS NTAPI EtwActivityIdControl(ULONG code, GUID *id)
{
    if (code < 1 || code > 5 || !id)
        return STATUS_INVALID_PARAMETER;
    if (code == 2)
        return STATUS_SUCCESS;
    memset(id, 0, sizeof *id);
    if (code == 3 || code == 5)
        id->Data1 = (ULONG)handle_new();
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI EtwSetInformation(REGHANDLE handle, ULONG information_class, PVOID data,
                                           ULONG size)
{
    (void)information_class;
    mm_check_range(data, data ? size : 0, false);
    return handle ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

/* Doc: evntrace.h, WmiTraceMessage: variadic; no session of that handle exists. */
NT_EXPORT NTSTATUS NTAPI WmiTraceMessage(ULONG64 logger, ULONG flags, LPCGUID guid, USHORT number,
                                         ...)
{
    (void)logger;
    (void)flags;
    (void)guid;
    (void)number;
    return STATUS_INVALID_HANDLE;
}

NT_EXPORT NTSTATUS NTAPI WmiTraceMessageVa(ULONG64 logger, ULONG flags, LPCGUID guid, USHORT number,
                                           NT_VA_LIST list)
{
    (void)list;
    return WmiTraceMessage(logger, flags, guid, number);
}

NT_EXPORT NTSTATUS NTAPI WmiQueryTraceInformation(ULONG information_class, PVOID buffer, ULONG size,
                                                  PULONG ret_size, PVOID input)
{
    (void)information_class;
    (void)buffer;
    (void)size;
    (void)input;
    if (ret_size)
        *ret_size = 0;
    return STATUS_NOT_FOUND; /* no session */
}

/* ---- Performance counters: nobody collects ---- */

struct pcw {
    LONG instances;
};

NT_EXPORT NTSTATUS NTAPI PcwRegister(PVOID *ret, PVOID info)
{
    (void)info; /* callbacks run when a consumer collects */
    *ret = ex_alloc_kernel(sizeof(struct pcw), "Pcw ", false);
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI PcwUnregister(PVOID registration)
{
    if (registration)
        ex_free_kernel(registration);
}

NT_EXPORT NTSTATUS NTAPI PcwCreateInstance(PVOID *ret, PVOID registration, PCUNICODE_STRING name,
                                           ULONG count, PVOID data)
{
    (void)registration;
    (void)name;
    (void)count;
    (void)data;
    *ret = ex_alloc_kernel(sizeof(struct pcw), "Pcw ", false);
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI PcwCloseInstance(PVOID instance)
{
    ex_free_kernel(instance);
}

NT_EXPORT NTSTATUS NTAPI PcwAddInstance(PVOID buffer, PCUNICODE_STRING name, ULONG id, ULONG count,
                                        PVOID data)
{
    (void)buffer;
    (void)name;
    (void)id;
    (void)count;
    (void)data;
    return STATUS_SUCCESS;
}
