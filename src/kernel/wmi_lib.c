/*
 * wmilib.sys: takes a driver's IRP_MJ_SYSTEM_CONTROL apart, calls its WMI callbacks, and finishes
 * the data block that they filled.
 *
 * Doc: wmilib.h, WmiSystemControl, WmiCompleteRequest, WmiFireEvent; WDK, "Using wmilib".
 */
#include "kernel/io_nt.h"

#include <string.h>

/* ---- Finishing ---- */

static ULONG_PTR too_small(WNODE_HEADER *w, ULONG buffer_size, ULONG needed)
{
    if (buffer_size < sizeof(WNODE_TOO_SMALL))
        return 0;
    w->BufferSize = sizeof(WNODE_TOO_SMALL);
    w->Flags |= WNODE_FLAG_TOO_SMALL;
    ((WNODE_TOO_SMALL *)w)->SizeNeeded = needed;
    return sizeof(WNODE_TOO_SMALL);
}

static ULONG data_offset(UCHAR minor, const void *buffer)
{
    if (minor == IRP_MN_QUERY_ALL_DATA)
        return ((const WNODE_ALL_DATA *)buffer)->DataBlockOffset;
    if (minor == IRP_MN_EXECUTE_METHOD)
        return ((const WNODE_METHOD_ITEM *)buffer)->DataBlockOffset;
    return ((const WNODE_SINGLE_INSTANCE *)buffer)->DataBlockOffset;
}

static void set_size(UCHAR minor, void *buffer, ULONG used)
{
    if (minor == IRP_MN_EXECUTE_METHOD)
        ((WNODE_METHOD_ITEM *)buffer)->SizeDataBlock = used;
    else if (minor == IRP_MN_QUERY_SINGLE_INSTANCE)
        ((WNODE_SINGLE_INSTANCE *)buffer)->SizeDataBlock = used;
}

/* Lengths that the callback wrote become offsets and lengths. */
static void all_data_lengths(WNODE_ALL_DATA *w)
{
    OFFSETINSTANCEDATAANDLENGTH *pair = w->OffsetInstanceDataAndLength;
    ULONG at = w->DataBlockOffset, *lengths = (ULONG *)pair;

    /* In place, from the end: the lengths lie where the pairs will be. */
    for (ULONG i = w->InstanceCount; i-- > 0;)
        pair[i].LengthInstanceData = lengths[i];
    for (ULONG i = 0; i < w->InstanceCount; i++) {
        pair[i].OffsetInstanceData = at;
        at = (at + pair[i].LengthInstanceData + 7) & ~7u;
    }
}

/* Doc: wmilib.h, WmiCompleteRequest: completes the IRP; a size that does not fit becomes
 * WNODE_TOO_SMALL. */
NT_EXPORT NTSTATUS NTAPI WmiCompleteRequest(PDEVICE_OBJECT device, PIRP irp, NTSTATUS status,
                                            ULONG used, CCHAR boost)
{
    const IO_STACK_LOCATION *s = io_stack(irp);
    UCHAR minor = s->MinorFunction;
    WNODE_HEADER *w = s->Parameters.WMI.Buffer;
    ULONG size = s->Parameters.WMI.BufferSize;
    ULONG_PTR information = 0;

    (void)device;
    if (minor == IRP_MN_QUERY_ALL_DATA || minor == IRP_MN_QUERY_SINGLE_INSTANCE ||
        minor == IRP_MN_EXECUTE_METHOD) {
        ULONG needed = data_offset(minor, w) + used;

        if (status == STATUS_BUFFER_TOO_SMALL || (NT_SUCCESS(status) && needed > size)) {
            information = too_small(w, size, needed);
            status = information ? STATUS_SUCCESS : STATUS_BUFFER_TOO_SMALL;
        } else if (NT_SUCCESS(status)) {
            set_size(minor, w, used);
            if (minor == IRP_MN_QUERY_ALL_DATA)
                all_data_lengths((WNODE_ALL_DATA *)w);
            w->BufferSize = needed;
            information = needed;
        }
    }
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    io_complete(irp, boost);
    return status;
}

/* ---- Registration ---- */

struct reginfo {
    ULONG flags;
    UNICODE_STRING name, mof;
    UNICODE_STRING *registry_path;
    DEVICE_OBJECT *pdo;
};

static ULONG counted(const UNICODE_STRING *s)
{
    return (ULONG)sizeof(USHORT) + (s ? s->Length : 0u);
}

static ULONG put_string(uint8_t *buffer, ULONG at, const UNICODE_STRING *s)
{
    USHORT length = s ? s->Length : 0;

    memcpy(buffer + at, &length, sizeof length);
    if (length)
        memcpy(buffer + at + sizeof length, s->Buffer, length);
    return at + counted(s);
}

static void reginfo_put(const WMILIB_CONTEXT *c, const struct reginfo *r, WMIREGINFOW *w,
                        ULONG needed)
{
    ULONG at = (ULONG)(sizeof *w + c->GuidCount * sizeof(WMIREGGUIDW)), name_at = at;
    ULONG next = at;

    if (r->flags & WMIREG_FLAG_INSTANCE_BASENAME)
        next = put_string((uint8_t *)w, at, &r->name);
    w->BufferSize = needed;
    w->NextWmiRegInfo = 0;
    w->MofResourceName = next;
    next = put_string((uint8_t *)w, next, &r->mof);
    w->RegistryPath = next;
    (void)put_string((uint8_t *)w, next, r->registry_path);
    w->GuidCount = c->GuidCount;
    for (ULONG i = 0; i < c->GuidCount; i++) {
        WMIREGGUIDW *g = &w->WmiRegGuid[i];

        g->Guid = *c->GuidList[i].Guid;
        g->InstanceCount = c->GuidList[i].InstanceCount;
        g->Flags = c->GuidList[i].Flags | (r->flags & ~(ULONG)WMIREG_FLAG_INSTANCE_PDO);
        if (r->flags & WMIREG_FLAG_INSTANCE_PDO) {
            g->Flags |= WMIREG_FLAG_INSTANCE_PDO;
            g->Pdo = (ULONG_PTR)r->pdo;
            ob_ref(r->pdo);
        } else if (r->flags & WMIREG_FLAG_INSTANCE_BASENAME) {
            g->BaseNameOffset = name_at;
        }
    }
}

static NTSTATUS reginfo(WMILIB_CONTEXT *c, DEVICE_OBJECT *device, IRP *irp)
{
    const IO_STACK_LOCATION *s = io_stack(irp);
    struct reginfo *r = ex_alloc_kernel(sizeof *r, "Wmip", false);
    ULONG needed;
    NTSTATUS status = (NTSTATUS)ke_call(
        KE_ARG(c->QueryWmiRegInfo), KE_ARG(device), KE_ARG(&r->flags), KE_ARG(&r->name),
        KE_ARG(&r->registry_path), KE_ARG(&r->mof), KE_ARG(&r->pdo));

    if (NT_SUCCESS(status)) {
        needed = (ULONG)(sizeof(WMIREGINFOW) + c->GuidCount * sizeof(WMIREGGUIDW)) +
                 counted(&r->mof) + counted(r->registry_path);
        if (r->flags & WMIREG_FLAG_INSTANCE_BASENAME)
            needed += counted(&r->name);
        if (needed <= s->Parameters.WMI.BufferSize) {
            reginfo_put(c, r, s->Parameters.WMI.Buffer, needed);
            irp->IoStatus.Information = needed;
        } else if (s->Parameters.WMI.BufferSize >= sizeof(ULONG)) {
            *(ULONG *)s->Parameters.WMI.Buffer = needed;
            irp->IoStatus.Information = sizeof(ULONG);
            status = STATUS_BUFFER_TOO_SMALL;
        } else {
            status = STATUS_BUFFER_TOO_SMALL;
        }
        if ((r->flags & WMIREG_FLAG_INSTANCE_BASENAME) && r->name.Buffer)
            ExFreePoolWithTag(r->name.Buffer, 0); /* Doc: wmilib frees the name */
    }
    ex_free_kernel(r);
    return status;
}

/* ---- Dispatch ---- */

struct call {
    WMILIB_CONTEXT *c;
    DEVICE_OBJECT *device;
    IRP *irp;
    IO_STACK_LOCATION *s;
    ULONG guid;
};

/* Index of the GUID in the driver's list; false: not there. */
static bool find_guid(const WMILIB_CONTEXT *c, const GUID *guid, ULONG *ret)
{
    for (ULONG i = 0; i < c->GuidCount; i++) {
        if (!memcmp(c->GuidList[i].Guid, guid, sizeof *guid)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static NTSTATUS query_all(const struct call *k)
{
    WNODE_ALL_DATA *w = k->s->Parameters.WMI.Buffer;
    ULONG count = k->c->GuidList[k->guid].InstanceCount;
    ULONG size = k->s->Parameters.WMI.BufferSize, at;

    /* Lengths of each instance, then data on an 8-byte boundary. */
    at = (ULONG)((offsetof(WNODE_ALL_DATA, OffsetInstanceDataAndLength) +
                  count * sizeof(OFFSETINSTANCEDATAANDLENGTH) + 7) &
                 ~(size_t)7);
    w->InstanceCount = count;
    w->DataBlockOffset = at;
    w->WnodeHeader.Flags &= ~(ULONG)WNODE_FLAG_FIXED_INSTANCE_SIZE;
    return (NTSTATUS)ke_call(
        KE_ARG(k->c->QueryWmiDataBlock), KE_ARG(k->device), KE_ARG(k->irp), k->guid, 0, count,
        KE_ARG(at <= size ? (ULONG *)w->OffsetInstanceDataAndLength : NULL),
        at <= size ? size - at : 0, KE_ARG(at <= size ? (uint8_t *)w + at : NULL));
}

static NTSTATUS query_one(const struct call *k)
{
    WNODE_SINGLE_INSTANCE *w = k->s->Parameters.WMI.Buffer;
    ULONG size = k->s->Parameters.WMI.BufferSize, at = w->DataBlockOffset;

    return (NTSTATUS)ke_call(KE_ARG(k->c->QueryWmiDataBlock), KE_ARG(k->device), KE_ARG(k->irp),
                             k->guid, w->InstanceIndex, 1, KE_ARG(&w->SizeDataBlock),
                             at <= size ? size - at : 0, KE_ARG((uint8_t *)w + at));
}

static NTSTATUS change_one(const struct call *k)
{
    WNODE_SINGLE_INSTANCE *w = k->s->Parameters.WMI.Buffer;

    return (NTSTATUS)ke_call(KE_ARG(k->c->SetWmiDataBlock), KE_ARG(k->device), KE_ARG(k->irp),
                             k->guid, w->InstanceIndex, w->SizeDataBlock,
                             KE_ARG((uint8_t *)w + w->DataBlockOffset));
}

static NTSTATUS change_item(const struct call *k)
{
    WNODE_SINGLE_ITEM *w = k->s->Parameters.WMI.Buffer;

    return (NTSTATUS)ke_call(KE_ARG(k->c->SetWmiDataItem), KE_ARG(k->device), KE_ARG(k->irp),
                             k->guid, w->InstanceIndex, w->ItemId, w->SizeDataItem,
                             KE_ARG((uint8_t *)w + w->DataBlockOffset));
}

static NTSTATUS method(const struct call *k)
{
    WNODE_METHOD_ITEM *w = k->s->Parameters.WMI.Buffer;
    ULONG at = w->DataBlockOffset, size = k->s->Parameters.WMI.BufferSize;

    return (NTSTATUS)ke_call(KE_ARG(k->c->ExecuteWmiMethod), KE_ARG(k->device), KE_ARG(k->irp),
                             k->guid, w->InstanceIndex, w->MethodId, w->SizeDataBlock,
                             at <= size ? size - at : 0, KE_ARG((uint8_t *)w + at));
}

static NTSTATUS control(const struct call *k, WMIENABLEDISABLECONTROL what, bool on)
{
    return (NTSTATUS)ke_call(KE_ARG(k->c->WmiFunctionControl), KE_ARG(k->device), KE_ARG(k->irp),
                             k->guid, what, on);
}

/* The callback for the request, or 0 when the driver has none. */
static uint64_t callback_of(const WMILIB_CONTEXT *c, UCHAR minor)
{
    switch (minor) {
    case IRP_MN_QUERY_ALL_DATA:
    case IRP_MN_QUERY_SINGLE_INSTANCE:
        return KE_ARG(c->QueryWmiDataBlock);
    case IRP_MN_CHANGE_SINGLE_INSTANCE:
        return KE_ARG(c->SetWmiDataBlock);
    case IRP_MN_CHANGE_SINGLE_ITEM:
        return KE_ARG(c->SetWmiDataItem);
    case IRP_MN_EXECUTE_METHOD:
        return KE_ARG(c->ExecuteWmiMethod);
    default:
        return KE_ARG(c->WmiFunctionControl);
    }
}

static NTSTATUS dispatch(const struct call *k)
{
    switch (k->s->MinorFunction) {
    case IRP_MN_QUERY_ALL_DATA:
        return query_all(k);
    case IRP_MN_QUERY_SINGLE_INSTANCE:
        return query_one(k);
    case IRP_MN_CHANGE_SINGLE_INSTANCE:
        return change_one(k);
    case IRP_MN_CHANGE_SINGLE_ITEM:
        return change_item(k);
    case IRP_MN_EXECUTE_METHOD:
        return method(k);
    case IRP_MN_ENABLE_EVENTS:
        return control(k, WmiEventControl, true);
    case IRP_MN_DISABLE_EVENTS:
        return control(k, WmiEventControl, false);
    case IRP_MN_ENABLE_COLLECTION:
        return control(k, WmiDataBlockControl, true);
    default:
        return control(k, WmiDataBlockControl, false);
    }
}

static NTSTATUS refuse(IRP *irp, SYSCTL_IRP_DISPOSITION *disposition, NTSTATUS status)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = 0;
    *disposition = IrpNotCompleted;
    return status;
}

NT_EXPORT NTSTATUS NTAPI WmiSystemControl(PWMILIB_CONTEXT c, PDEVICE_OBJECT device, PIRP irp,
                                          SYSCTL_IRP_DISPOSITION *disposition)
{
    struct call k = {c, device, irp, io_stack(irp), 0};
    UCHAR minor = k.s->MinorFunction;
    NTSTATUS status;

    if (minor > IRP_MN_EXECUTE_METHOD && minor != IRP_MN_REGINFO_EX) {
        *disposition = IrpNotWmi;
        return STATUS_SUCCESS;
    }
    if (k.s->Parameters.WMI.ProviderId != (ULONG_PTR)device) {
        *disposition = IrpForward;
        return STATUS_SUCCESS;
    }
    if (minor == IRP_MN_REGINFO || minor == IRP_MN_REGINFO_EX) {
        status = reginfo(c, device, irp);
        irp->IoStatus.Status = status;
        *disposition = IrpNotCompleted;
        return status;
    }
    if (!find_guid(c, k.s->Parameters.WMI.DataPath, &k.guid))
        return refuse(irp, disposition, STATUS_WMI_GUID_NOT_FOUND);
    if (!callback_of(c, minor)) {
        bool is_control = minor >= IRP_MN_ENABLE_EVENTS && minor <= IRP_MN_DISABLE_COLLECTION;
        bool is_change =
            minor == IRP_MN_CHANGE_SINGLE_INSTANCE || minor == IRP_MN_CHANGE_SINGLE_ITEM;

        return refuse(irp, disposition,
                      is_control  ? STATUS_SUCCESS
                      : is_change ? STATUS_WMI_READ_ONLY
                                  : STATUS_INVALID_DEVICE_REQUEST);
    }
    *disposition = IrpProcessed;
    return dispatch(&k);
}

/* Doc: wmilib.h, WmiFireEvent: the event's data (pool) is freed here. Nobody listens. */
NT_EXPORT NTSTATUS NTAPI WmiFireEvent(PDEVICE_OBJECT device, LPCGUID guid, ULONG instance,
                                      ULONG size, PVOID data)
{
    (void)device;
    (void)instance;
    mm_check_range(guid, sizeof *guid, false);
    if (data) {
        mm_check_range(data, size, false);
        ExFreePoolWithTag(data, 0);
    }
    return STATUS_SUCCESS;
}
