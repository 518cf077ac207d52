/*
 * Processes: System (4), the program that sends the requests (poolproof.exe, 1000), and short-lived
 * ones made to exercise notify routines. All share the one simulated user space; being attached to
 * a process decides which handle table is meant and what PsGetCurrentProcess says.
 *
 * EPROCESS has the layout of build 19045; what drivers read there by offset is filled in.
 *
 * Doc: WDK, ntifs.h and ntddk.h: PsLookupProcessByProcessId, KeStackAttachProcess,
 * PsGetProcessId...
 */
#include "kernel/kernel_priv.h"

#include <errno.h>
#include <string.h>

enum { PROCESSES_MAX = 64 };

static struct {
    struct ps_process {
        EPROCESS *object; /* NULL: free */
        struct ob_table *table;
        WCHAR path[128]; /* \Device\HarddiskVolume1\... */
        WCHAR command[128];
        bool has_exited;
    } process[PROCESSES_MAX];
} g;

EPROCESS *ps_system, *ps_user;

static struct ps_process *find(const EPROCESS *process)
{
    for (size_t i = 0; process && i < PP_COUNT(g.process); i++)
        if (g.process[i].object == process)
            return &g.process[i];
    return NULL;
}

EPROCESS *ps_by_id(HANDLE id)
{
    for (size_t i = 0; i < PP_COUNT(g.process); i++)
        if (g.process[i].object && !g.process[i].has_exited &&
            g.process[i].object->UniqueProcessId == id)
            return g.process[i].object;
    return NULL;
}

EPROCESS *ps_at(unsigned index)
{
    return index < PP_COUNT(g.process) ? g.process[index].object : NULL;
}

const WCHAR *ps_image_path(const EPROCESS *process)
{
    const struct ps_process *p = find(process);

    return p ? p->path : u"";
}

const WCHAR *ps_command_line(const EPROCESS *process)
{
    const struct ps_process *p = find(process);

    return p ? p->command : u"";
}

bool ps_has_exited(const EPROCESS *process)
{
    const struct ps_process *p = find(process);

    return !p || p->has_exited;
}

/* ---- The current process ---- */

EPROCESS *ps_current(void)
{
    const ETHREAD *t = ke_thread_now ? ke_thread_now->object : NULL;

    if (t && t->Tcb.ApcState.Process)
        return (EPROCESS *)t->Tcb.ApcState.Process;
    return ke_thread_now && ke_thread_now->is_request && ps_user ? ps_user : ps_system;
}

EPROCESS *ps_attach(EPROCESS *process)
{
    EPROCESS *old = ps_current();
    ETHREAD *t = ke_thread_now ? ke_thread_now->object : NULL;

    if (t)
        t->Tcb.ApcState.Process = &process->Pcb;
    return old;
}

KPROCESSOR_MODE ps_previous_mode(void)
{
    const ETHREAD *t = ke_thread_now ? ke_thread_now->object : NULL;

    if (t && !ke_thread_now->is_request)
        return t->Tcb.PreviousMode;
    return ke_thread_now && ke_thread_now->is_request ? UserMode : KernelMode;
}

/* ---- Making and ending ---- */

static void list_init(LIST_ENTRY *l)
{
    l->Flink = l->Blink = l;
}

static void active_insert(EPROCESS *process)
{
    LIST_ENTRY *head = &ps_system->ActiveProcessLinks, *n = &process->ActiveProcessLinks;

    n->Flink = head;
    n->Blink = head->Blink;
    head->Blink->Flink = n;
    head->Blink = n;
}

static void process_delete(void *object)
{
    struct ps_process *p = find(object);

    if (!p)
        return;
    ob_table_free(p->table);
    memset(p, 0, sizeof *p);
}

static void set_names(struct ps_process *p, const WCHAR *path)
{
    size_t chars = rtl_wcslen(path), base = chars, i;

    if (chars >= PP_COUNT(p->path))
        chars = PP_COUNT(p->path) - 1;
    memcpy(p->path, path, chars * sizeof *path);
    memcpy(p->command, path, chars * sizeof *path);
    while (base && path[base - 1] != '\\')
        base--;
    for (i = 0; i < 14 && path[base + i]; i++)
        p->object->ImageFileName[i] = (UCHAR)path[base + i];
}

EPROCESS *ps_new(uint64_t id, const WCHAR *path, EPROCESS *parent)
{
    struct ps_process *p = NULL;
    EPROCESS *e;
    size_t i;

    for (i = 0; i < PP_COUNT(g.process) && !p; i++)
        if (!g.process[i].object)
            p = &g.process[i];
    if (!p)
        return NULL;
    e = ob_new(ob_type_process, sizeof *e, "Proc");
    p->object = e;
    e->Pcb.Header.Type = ProcessObject;
    e->Pcb.Header.Size = sizeof e->Pcb / 4 & 0xFF;
    list_init(&e->Pcb.Header.WaitListHead);
    list_init(&e->Pcb.ProfileListHead);
    list_init(&e->Pcb.ThreadListHead);
    list_init(&e->ActiveProcessLinks);
    list_init(&e->SessionProcessLinks);
    list_init(&e->JobLinks);
    list_init(&e->ThreadListHead);
    e->Pcb.DirectoryTableBase = 0x1AA000 + id * 0x1000;
    e->UniqueProcessId = (HANDLE)(uintptr_t)id;
    e->InheritedFromUniqueProcessId = parent ? parent->UniqueProcessId : NULL;
    e->CreateTime.QuadPart = (LONGLONG)ke_time_system();
    e->ExitStatus = STATUS_PENDING;
    e->HighestUserAddress = (PVOID)(uintptr_t)(KE_USER_HIGH - 0x10000);
    e->PriorityClass = 2; /* normal */
    e->Token = se_token_for(id == PS_SYSTEM_PID) | 0xF;
    set_names(p, path);
    if (parent) {
        p->table = ob_table_new(e);
        active_insert(e);
    }
    return e;
}

/* The process ends: handles are closed, waiters wake, its id is free. The creator's reference goes.
 */
void ps_exit(EPROCESS *process, NTSTATUS status)
{
    struct ps_process *p = find(process);

    if (!p || p->has_exited || process == ps_system)
        return;
    p->has_exited = true;
    process->ExitStatus = status;
    process->ExitTime.QuadPart = (LONGLONG)ke_time_system();
    process->ActiveProcessLinks.Blink->Flink = process->ActiveProcessLinks.Flink;
    process->ActiveProcessLinks.Flink->Blink = process->ActiveProcessLinks.Blink;
    list_init(&process->ActiveProcessLinks);
    ob_table_free(p->table);
    p->table = NULL;
    process->ObjectTable = NULL;
    (void)ke_event_set((KEVENT *)&process->Pcb.Header);
    ob_unref(process);
}

int ps_init(void)
{
    ob_type_on_delete(ob_type_process, process_delete);
    ps_system = ps_new(PS_SYSTEM_PID, u"System", NULL);
    if (!ps_system)
        return -ENOMEM;
    ps_user =
        ps_new(PS_USER_PID, u"\\Device\\HarddiskVolume1\\Program Files\\Poolproof\\poolproof.exe",
               ps_system);
    if (!ps_user)
        return -ENOMEM;
    ps_system->PriorityClass = 2;
    KE_DATA->PsInitialSystemProcess = ps_system;
    ke_sched_adopt_process(ps_system);
    return 0;
}

/* ---- Exports: who and what ---- */

NT_EXPORT PEPROCESS NTAPI PsGetCurrentProcess(void)
{
    return ps_current();
}

NT_EXPORT PEPROCESS NTAPI IoGetCurrentProcess(void)
{
    return ps_current();
}

NT_EXPORT HANDLE NTAPI PsGetCurrentProcessId(void)
{
    /* Doc: of the thread's own process, wherever it is attached to. */
    return ke_thread_now->object->Cid.UniqueProcess;
}

NT_EXPORT HANDLE NTAPI PsGetProcessId(PEPROCESS process)
{
    return process->UniqueProcessId;
}

NT_EXPORT NTSTATUS NTAPI PsLookupProcessByProcessId(HANDLE id, PEPROCESS *ret)
{
    EPROCESS *process = ps_by_id(id);

    if (!process)
        return STATUS_INVALID_CID;
    ob_ref(process);
    *ret = process;
    return STATUS_SUCCESS;
}

NT_EXPORT LONGLONG NTAPI PsGetProcessCreateTimeQuadPart(PEPROCESS process)
{
    return process->CreateTime.QuadPart;
}

/* Of the current process. */
NT_EXPORT LARGE_INTEGER NTAPI PsGetProcessExitTime(void)
{
    return ps_current()->ExitTime;
}

NT_EXPORT NTSTATUS NTAPI PsGetProcessExitStatus(PEPROCESS process)
{
    return process->ExitStatus;
}

NT_EXPORT BOOLEAN NTAPI PsGetProcessExitProcessCalled(PEPROCESS process)
{
    return ps_has_exited(process);
}

NT_EXPORT PUCHAR NTAPI PsGetProcessImageFileName(PEPROCESS process)
{
    return process->ImageFileName;
}

NT_EXPORT HANDLE NTAPI PsGetProcessInheritedFromUniqueProcessId(PEPROCESS process)
{
    return process->InheritedFromUniqueProcessId;
}

NT_EXPORT PVOID NTAPI PsGetProcessDebugPort(PEPROCESS process)
{
    return process->DebugPort;
}

NT_EXPORT BOOLEAN NTAPI PsIsProcessBeingDebugged(PEPROCESS process)
{
    return process->DebugPort != NULL;
}

NT_EXPORT PEJOB NTAPI PsGetProcessJob(PEPROCESS process)
{
    return process->Job;
}

NT_EXPORT PVOID NTAPI PsGetProcessSectionBaseAddress(PEPROCESS process)
{
    return process->SectionBaseAddress;
}

NT_EXPORT ULONG NTAPI PsGetProcessSessionId(PEPROCESS process)
{
    return process == ps_system ? 0 : 1;
}

NT_EXPORT ULONG NTAPI PsGetProcessSessionIdEx(PEPROCESS process)
{
    return process == ps_system ? NT_MAXULONG : 1;
}

NT_EXPORT ULONG NTAPI PsGetCurrentProcessSessionId(void)
{
    return PsGetProcessSessionId(ps_current());
}

NT_EXPORT PVOID NTAPI PsGetProcessWin32Process(PEPROCESS process)
{
    return process->Win32Process;
}

NT_EXPORT PVOID NTAPI PsGetCurrentProcessWin32Process(void)
{
    return ps_current()->Win32Process;
}

/* NULL: 64-bit programs only. */
NT_EXPORT PVOID NTAPI PsGetProcessWow64Process(PEPROCESS process)
{
    return process->WoW64Process;
}

NT_EXPORT PVOID NTAPI PsGetCurrentProcessWow64Process(void)
{
    return ps_current()->WoW64Process;
}

NT_EXPORT BOOLEAN NTAPI PsIsSystemProcess(PEPROCESS process)
{
    return process == ps_system;
}

NT_EXPORT BOOLEAN NTAPI PsIsProtectedProcess(PEPROCESS process)
{
    return (process->Protection & 7) != 0;
}

NT_EXPORT BOOLEAN NTAPI PsIsProtectedProcessLight(PEPROCESS process)
{
    return (process->Protection & 7) == 1;
}

/* Made at the first question: memory is not up yet when processes are. */
NT_EXPORT PVOID NTAPI PsGetProcessPeb(PEPROCESS process)
{
    if (!process->Peb && process != ps_system && !ps_has_exited(process)) {
        uint8_t *peb = mm_user_alloc(0x7C8); /* Seen: size of a PEB in 19041 */

        if (!peb)
            return NULL;
        memset(peb, 0, 0x7C8);
        *(uint64_t *)(peb + 0x10) = 0x140000000; /* ImageBaseAddress */
        *(uint32_t *)(peb + 0xB8) = 2;           /* NumberOfProcessors */
        *(uint32_t *)(peb + 0x118) = 10;         /* OSMajorVersion */
        *(uint16_t *)(peb + 0x120) = 19045;      /* OSBuildNumber */
        *(uint32_t *)(peb + 0x2C0) = 1;          /* SessionId */
        process->Peb = peb;
    }
    return process->Peb;
}

NT_EXPORT NTSTATUS NTAPI PsAcquireProcessExitSynchronization(PEPROCESS process)
{
    if (ps_has_exited(process))
        return STATUS_PROCESS_IS_TERMINATING;
    process->RundownProtect.Count += 2;
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI PsReleaseProcessExitSynchronization(PEPROCESS process)
{
    process->RundownProtect.Count -= 2;
}

/* The simulated program has no threads of its own that could go on meanwhile. */
NT_EXPORT NTSTATUS NTAPI PsSuspendProcess(PEPROCESS process)
{
    return ps_has_exited(process) ? STATUS_PROCESS_IS_TERMINATING : STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI PsResumeProcess(PEPROCESS process)
{
    return ps_has_exited(process) ? STATUS_PROCESS_IS_TERMINATING : STATUS_SUCCESS;
}

NT_EXPORT KPROCESSOR_MODE NTAPI ExGetPreviousMode(void)
{
    return ps_previous_mode();
}

/* ---- Attaching ---- */

/* Doc: ntifs.h, KeStackAttachProcess: *state remembers; nested attaches keep it to themselves. The
 * value 1 stands for "was there already". Only the process is moved: APC queues are the
 * scheduler's. */
NT_EXPORT VOID NTAPI KeStackAttachProcess(PKPROCESS process, PKAPC_STATE state)
{
    KTHREAD *t = &ke_thread_now->object->Tcb;

    list_init(&state->ApcListHead[0]);
    list_init(&state->ApcListHead[1]);
    state->KernelApcInProgress = state->KernelApcPending = state->UserApcPending = FALSE;
    if ((PKPROCESS)ps_current() == process) {
        state->Process = (PKPROCESS)(uintptr_t)1;
        return;
    }
    state->Process = t->ApcStateIndex ? t->ApcState.Process : NULL;
    if (!t->ApcStateIndex)
        t->SavedApcState.Process = (PKPROCESS)ps_current();
    t->ApcStateIndex = 1;
    t->ApcState.Process = process;
}

NT_EXPORT VOID NTAPI KeUnstackDetachProcess(PKAPC_STATE state)
{
    KTHREAD *t = &ke_thread_now->object->Tcb;

    if (state->Process == (PKPROCESS)(uintptr_t)1)
        return;
    if (!t->ApcStateIndex) {
        struct vf_case c = {.rule = VF_BAD_DETACH, .access = VF_NO_ACCESS};

        (void)vf_report(&c);
        return;
    }
    if (state->Process) {
        t->ApcState.Process = state->Process;
        return;
    }
    t->ApcState.Process = t->SavedApcState.Process;
    t->SavedApcState.Process = NULL;
    t->ApcStateIndex = 0;
}

NT_EXPORT VOID NTAPI KeAttachProcess(PKPROCESS process)
{
    KTHREAD *t = &ke_thread_now->object->Tcb;
    struct vf_case c = {.rule = VF_BAD_ATTACH,
                        .p = {KE_ARG(process), KE_ARG(t->ApcState.Process), t->ApcStateIndex},
                        .access = VF_NO_ACCESS};

    if ((PKPROCESS)ps_current() == process)
        return;
    if (t->ApcStateIndex) {
        (void)vf_report(&c);
        return;
    }
    t->SavedApcState.Process = (PKPROCESS)ps_current();
    t->ApcStateIndex = 1;
    t->ApcState.Process = process;
}

NT_EXPORT VOID NTAPI KeDetachProcess(void)
{
    KTHREAD *t = &ke_thread_now->object->Tcb;

    if (!t->ApcStateIndex)
        return;
    t->ApcState.Process = t->SavedApcState.Process;
    t->SavedApcState.Process = NULL;
    t->ApcStateIndex = 0;
}

/* ---- Quotas ---- */

/* Index of EPROCESS.ProcessQuotaUsage. */
enum { QUOTA_NONPAGED, QUOTA_PAGED };

/* Windows lets both quotas grow until pool is nearly all of memory: three quarters of our 4 GB. */
#define QUOTA_LIMIT (3ull << 30)

static NTSTATUS charge(EPROCESS *process, unsigned kind, uint64_t amount)
{
    uint64_t *usage = &process->ProcessQuotaUsage[kind];

    if (amount > QUOTA_LIMIT || *usage > QUOTA_LIMIT - amount)
        return STATUS_QUOTA_EXCEEDED;
    *usage += amount;
    process->ProcessQuotaPeak[kind] = PP_MAX(process->ProcessQuotaPeak[kind], *usage);
    return STATUS_SUCCESS;
}

static void give_back(EPROCESS *process, unsigned kind, uint64_t amount)
{
    uint64_t *usage = &process->ProcessQuotaUsage[kind];
    struct vf_case c = {.rule = VF_QUOTA_UNDERFLOW,
                        .p = {KE_ARG(process), kind, amount, *usage},
                        .access = VF_NO_ACCESS};

    if (*usage < amount) {
        (void)vf_report(&c);
        amount = *usage;
    }
    *usage -= amount;
}

NTSTATUS ps_quota_charge(EPROCESS *process, bool paged, uint64_t amount)
{
    return charge(process, paged ? QUOTA_PAGED : QUOTA_NONPAGED, amount);
}

void ps_quota_return(EPROCESS *process, bool paged, uint64_t amount)
{
    give_back(process, paged ? QUOTA_PAGED : QUOTA_NONPAGED, amount);
}

/* Doc: ntifs.h, PsChargePoolQuota: raises when the charge is refused. */
NT_EXPORT VOID NTAPI PsChargePoolQuota(PEPROCESS process, POOL_TYPE type, ULONG_PTR amount)
{
    NTSTATUS status = ps_quota_charge(process, type & 1, amount);

    if (status)
        ke_raise_status(status);
}

NT_EXPORT NTSTATUS NTAPI PsChargeProcessPoolQuota(PEPROCESS process, POOL_TYPE type,
                                                  ULONG_PTR amount)
{
    return ps_quota_charge(process, type & 1, amount);
}

NT_EXPORT VOID NTAPI PsReturnPoolQuota(PEPROCESS process, POOL_TYPE type, ULONG_PTR amount)
{
    ps_quota_return(process, type & 1, amount);
}

NT_EXPORT NTSTATUS NTAPI PsChargeProcessNonPagedPoolQuota(PEPROCESS process, SIZE_T amount)
{
    return ps_quota_charge(process, false, amount);
}

NT_EXPORT NTSTATUS NTAPI PsChargeProcessPagedPoolQuota(PEPROCESS process, SIZE_T amount)
{
    return ps_quota_charge(process, true, amount);
}

NT_EXPORT VOID NTAPI PsReturnProcessNonPagedPoolQuota(PEPROCESS process, SIZE_T amount)
{
    ps_quota_return(process, false, amount);
}

NT_EXPORT VOID NTAPI PsReturnProcessPagedPoolQuota(PEPROCESS process, SIZE_T amount)
{
    ps_quota_return(process, true, amount);
}
