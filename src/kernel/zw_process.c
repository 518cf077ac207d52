/*
 * System services on processes and threads.
 *
 * Doc: WDK, ntddk.h: ZwOpenProcess, ZwQueryInformationProcess, ZwTerminateProcess; Microsoft Learn,
 * NtQueryInformationProcess (winternl.h).
 */
#include "kernel/kernel_priv.h"

#include <string.h>

PVOID NTAPI PsGetProcessPeb(PEPROCESS process);
LONG NTAPI KeSetPriorityThread(PKTHREAD thread, KPRIORITY priority);

#define STATUS_PORT_NOT_SET ((NTSTATUS)0xC0000353) /* [MS-ERREF] */

/* ---- Opening ---- */

static NTSTATUS open_process(HANDLE *ret, ACCESS_MASK access, const OBJECT_ATTRIBUTES *attr,
                             const CLIENT_ID *id)
{
    EPROCESS *process;
    HANDLE h = NULL;
    NTSTATUS status;

    if (attr->Length != sizeof *attr)
        return STATUS_INVALID_PARAMETER;
    if (!id == !attr->ObjectName)
        return STATUS_INVALID_PARAMETER_MIX;
    if (!id) {
        status = ob_open_named(attr, ob_type_process, access, &h);
    } else if (id->UniqueThread) {
        struct ke_thread *t = ke_thread_by_id(KE_ARG(id->UniqueThread));

        if (!t || (id->UniqueProcess && t->object->Cid.UniqueProcess != id->UniqueProcess))
            return STATUS_INVALID_CID;
        status = ob_handle_new(t->object->Tcb.Process, access, attr->Attributes, &h);
    } else {
        process = ps_by_id(id->UniqueProcess);
        status =
            process ? ob_handle_new(process, access, attr->Attributes, &h) : STATUS_INVALID_CID;
    }
    if (!status)
        *ret = h;
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwOpenProcess(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                       PCLIENT_ID id)
{
    return open_process(ret, access, attr, id);
}

NT_EXPORT NTSTATUS NTAPI NtOpenProcess(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                       PCLIENT_ID id)
{
    KPROCESSOR_MODE mode = ps_previous_mode();

    if (!zw_probe(mode, ret, sizeof *ret) || !zw_probe(mode, attr, sizeof *attr) ||
        !zw_probe(mode, id, id ? sizeof *id : 0))
        return STATUS_ACCESS_VIOLATION;
    return open_process(ret, access, attr, id);
}

NT_EXPORT NTSTATUS NTAPI ZwOpenThread(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                                      PCLIENT_ID id)
{
    struct ke_thread *t;
    HANDLE h = NULL;
    NTSTATUS status;

    if (!id || attr->ObjectName)
        return STATUS_INVALID_PARAMETER_MIX;
    t = ke_thread_by_id(KE_ARG(id->UniqueThread));
    if (!t || !t->object ||
        (id->UniqueProcess && t->object->Cid.UniqueProcess != id->UniqueProcess))
        return STATUS_INVALID_CID;
    status = ob_handle_new(t->object, access, attr->Attributes, &h);
    if (!status)
        *ret = h;
    return status;
}

/* ---- Processes ---- */

struct process_query {
    EPROCESS *process;
    ULONG kind;
    uint8_t *info;
    ULONG length;
};

/* Exactly this length. */
static NTSTATUS fixed(const struct process_query *q, const void *from, ULONG size, ULONG *need)
{
    *need = size;
    if (q->length != size)
        return STATUS_INFO_LENGTH_MISMATCH;
    memcpy(q->info, from, size);
    return STATUS_SUCCESS;
}

static NTSTATUS number(const struct process_query *q, uint64_t v, ULONG size, ULONG *need)
{
    return fixed(q, &v, size, need); /* little-endian */
}

static NTSTATUS string(const struct process_query *q, const WCHAR *text, ULONG *need)
{
    UNICODE_STRING s;
    size_t size = (rtl_wcslen(text) + 1) * sizeof *text;

    *need = (ULONG)(sizeof s + size);
    if (q->length < *need)
        return STATUS_INFO_LENGTH_MISMATCH;
    (void)zw_put_string(&s, q->info + sizeof s, text);
    memcpy(q->info, &s, sizeof s);
    return STATUS_SUCCESS;
}

/* \Device\HarddiskVolume1\... as Win32 sees it. */
static NTSTATUS win32_path(const struct process_query *q, ULONG *need)
{
    static const WCHAR volume[] = u"\\Device\\HarddiskVolume1";
    const WCHAR *path = ps_image_path(q->process);
    WCHAR text[160] = u"C:";
    size_t skip = PP_COUNT(volume) - 1;

    if (rtl_wcslen(path) < skip)
        return string(q, path, need);
    memcpy(text + 2, path + skip, (rtl_wcslen(path + skip) + 1) * sizeof *text);
    return string(q, text, need);
}

static NTSTATUS query_process(const struct process_query *q, ULONG *need)
{
    const EPROCESS *p = q->process;
    PROCESS_BASIC_INFORMATION basic = {p->ExitStatus,
                                       PsGetProcessPeb(q->process),
                                       (1ull << ke_m.config.cpus) - 1,
                                       8,
                                       KE_ARG(p->UniqueProcessId),
                                       KE_ARG(p->InheritedFromUniqueProcessId)};
    KERNEL_USER_TIMES times = {.CreateTime = p->CreateTime, .ExitTime = p->ExitTime};
    uint64_t counters[11] = {0};

    switch (q->kind) {
    case ProcessBasicInformation:
        return fixed(q, &basic, sizeof basic, need);
    case ProcessTimes:
        return fixed(q, &times, sizeof times, need);
    case ProcessIoCounters:
        return fixed(q, counters, 48, need);
    case ProcessVmCounters:
        return fixed(q, counters, sizeof counters, need);
    case ProcessDebugPort:
        return number(q, KE_ARG(p->DebugPort), 8, need);
    case ProcessWow64Information:
        return number(q, KE_ARG(p->WoW64Process), 8, need);
    case ProcessHandleCount:
        return number(q, ob_table_count(p), 4, need);
    case ProcessSessionInformation:
        return number(q, p == ps_system ? 0 : 1, 4, need);
    case ProcessPriorityClass:
        return number(q, (uint64_t)p->PriorityClass << 8, 2, need);
    case ProcessDebugObjectHandle:
        *need = 8;
        return q->length == 8 ? STATUS_PORT_NOT_SET : STATUS_INFO_LENGTH_MISMATCH;
    case ProcessDebugFlags:
        return number(q, 1, 4, need);
    case ProcessImageFileName:
        return string(q, ps_image_path(p), need);
    case ProcessImageFileNameWin32:
        return win32_path(q, need);
    case ProcessCommandLineInformation:
        return string(q, ps_command_line(p), need);
    case ProcessProtectionInformation:
        return number(q, p->Protection, 1, need);
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}

NT_EXPORT NTSTATUS NTAPI ZwQueryInformationProcess(HANDLE h, ULONG kind, PVOID info, ULONG length,
                                                   PULONG ret_length)
{
    struct process_query q = {.kind = kind, .info = info, .length = length};
    void *object;
    ULONG need = 0;
    NTSTATUS status = ob_handle_ref(h, ob_type_process, &object);

    if (status)
        return status;
    q.process = object;
    status = query_process(&q, &need);
    ob_unref(object);
    if (ret_length && need)
        *ret_length = need;
    return status;
}

NT_EXPORT NTSTATUS NTAPI NtQueryInformationProcess(HANDLE h, ULONG kind, PVOID info, ULONG length,
                                                   PULONG ret_length)
{
    KPROCESSOR_MODE mode = ps_previous_mode();

    if (!zw_probe(mode, info, length) ||
        !zw_probe(mode, ret_length, ret_length ? sizeof *ret_length : 0))
        return STATUS_ACCESS_VIOLATION;
    return ZwQueryInformationProcess(h, kind, info, length, ret_length);
}

/* What can be set without a scheduler of processes is only checked. */
NT_EXPORT NTSTATUS NTAPI ZwSetInformationProcess(HANDLE h, ULONG kind, PVOID info, ULONG length)
{
    EPROCESS *p;
    void *object;
    NTSTATUS status = ob_handle_ref(h, ob_type_process, &object);

    if (status)
        return status;
    p = object;
    if (kind == ProcessPriorityClass) {
        if (length == 2)
            p->PriorityClass = ((const UCHAR *)info)[1];
        else
            status = STATUS_INFO_LENGTH_MISMATCH;
    } else {
        ob_unref(object);
        if (kind > ProcessProtectionInformation)
            return STATUS_INVALID_INFO_CLASS;
        ke_not_modelled("ZwSetInformationProcess", "a class other than ProcessPriorityClass");
    }
    ob_unref(object);
    return status;
}

/* NULL: the current process, its other threads only. Ending the process that sends the requests
 * would end them all: it is marked as ended, and the requests go on as those of a program that is
 * about to go. */
NT_EXPORT NTSTATUS NTAPI ZwTerminateProcess(HANDLE h, NTSTATUS exit_status)
{
    void *object;
    NTSTATUS status;

    if (!h)
        return STATUS_SUCCESS;
    status = ob_handle_ref(h, ob_type_process, &object);
    if (status)
        return status;
    if (object == ps_system)
        status = STATUS_INVALID_PARAMETER; /* critical: Windows would stop with 0xEF */
    else if (ps_has_exited(object))
        status = STATUS_PROCESS_IS_TERMINATING;
    else if (object == ps_user)
        ke_not_modelled("ZwTerminateProcess", "of the process that sends the requests");
    else {
        ps_notify_exit(object);
        ps_exit(object, exit_status);
    }
    ob_unref(object);
    return status;
}

/* ---- Threads ---- */

struct thread_basic { /* THREAD_BASIC_INFORMATION */
    NTSTATUS ExitStatus;
    PVOID TebBaseAddress;
    CLIENT_ID ClientId;
    KAFFINITY AffinityMask;
    KPRIORITY Priority, BasePriority;
};

NT_EXPORT NTSTATUS NTAPI ZwQueryInformationThread(HANDLE h, ULONG kind, PVOID info, ULONG length,
                                                  PULONG ret_length)
{
    struct process_query q = {.kind = kind, .info = info, .length = length};
    KERNEL_USER_TIMES times = {0};
    struct thread_basic basic = {0};
    const ETHREAD *t;
    void *object;
    ULONG need = 0;
    NTSTATUS status = ob_handle_ref(h, ob_type_thread, &object);

    if (status)
        return status;
    t = object;
    switch (kind) {
    case ThreadBasicInformation:
        basic.ExitStatus = ke_thread_of(t) ? STATUS_PENDING : STATUS_SUCCESS;
        basic.TebBaseAddress = t->Tcb.Teb;
        basic.ClientId = t->Cid;
        basic.AffinityMask = (1ull << ke_m.config.cpus) - 1;
        basic.Priority = t->Tcb.Priority;
        basic.BasePriority = t->Tcb.BasePriority;
        status = fixed(&q, &basic, sizeof basic, &need);
        break;
    case ThreadTimes:
        times.CreateTime = t->CreateTime;
        if (!ke_thread_of(t))
            times.ExitTime = t->ExitTime;
        status = fixed(&q, &times, sizeof times, &need);
        break;
    case ThreadQuerySetWin32StartAddress:
        status = number(&q, KE_ARG(t->Win32StartAddress ? t->Win32StartAddress : t->StartAddress),
                        8, &need);
        break;
    case ThreadIsIoPending:
        status = number(&q, t->IrpList.Flink && t->IrpList.Flink != &t->IrpList, 4, &need);
        break;
    default:
        status = STATUS_INVALID_INFO_CLASS;
    }
    ob_unref(object);
    if (ret_length && need)
        *ret_length = need;
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwSetInformationThread(HANDLE h, ULONG kind, PVOID info, ULONG length)
{
    ETHREAD *t;
    void *object;
    NTSTATUS status = ob_handle_ref(h, ob_type_thread, &object);

    if (status)
        return status;
    t = object;
    switch (kind) {
    case ThreadPriority:
        if (length != sizeof(KPRIORITY))
            status = STATUS_INFO_LENGTH_MISMATCH;
        else if (*(KPRIORITY *)info < 1 || *(KPRIORITY *)info > 31)
            status = STATUS_INVALID_PARAMETER;
        else
            (void)KeSetPriorityThread(&t->Tcb,
                                      *(KPRIORITY *)info); /* the old one is of no interest */
        break;
    case ThreadBasePriority:
        if (length != sizeof(LONG))
            status = STATUS_INFO_LENGTH_MISMATCH;
        break;
    case ThreadHideFromDebugger:
        if (length)
            status = STATUS_INFO_LENGTH_MISMATCH;
        break;
    case ThreadImpersonationToken:
        status = length == sizeof(HANDLE) ? se_impersonate_handle(t, *(HANDLE *)info)
                                          : STATUS_INFO_LENGTH_MISMATCH;
        break;
    case ThreadAffinityMask:
    case ThreadIdealProcessorEx:
        if (length < sizeof(KAFFINITY) && kind == ThreadAffinityMask)
            status = STATUS_INFO_LENGTH_MISMATCH;
        else if (kind == ThreadAffinityMask &&
                 !(*(KAFFINITY *)info & ((1ull << ke_m.config.cpus) - 1)))
            status = STATUS_INVALID_PARAMETER;
        break;
    default:
        status = STATUS_INVALID_INFO_CLASS;
    }
    ob_unref(object);
    return status;
}
