/*
 * Processors, affinity, priorities, interprocessor calls, bug checks and their callbacks, and the
 * routines that have nothing to do on this machine and say so.
 *
 * The simulated processors take turns: a thread has a current processor out of its affinity, and a DPC or
 * IPI for another one runs with that processor's number.
 * Doc: WDK, "Processor Group Routines"; wdm.h, ntddk.h.
 */
#include "kernel/ke_sched.h"

#include <string.h>

enum { BUGCHECK_MAX = 128 };

static struct {
    struct {
        uint64_t record, routine;
        bool is_reason;
    } bugcheck[BUGCHECK_MAX];
    unsigned bugcheck_count;
    struct {
        uint64_t routine, context;
        void *handle;
    } change[16], nmi[16];
    unsigned change_count, nmi_count;
    bool in_bugcheck;
} g;

static KAFFINITY all(void)
{
    return ((KAFFINITY)1 << ke_cpu_count()) - 1;
}

/* ---- Which processors there are ---- */

NT_EXPORT KAFFINITY NTAPI KeQueryActiveProcessors(void)
{
    return all();
}

NT_EXPORT ULONG NTAPI KeQueryActiveProcessorCount(PKAFFINITY active)
{
    if (active)
        *active = all();
    return ke_cpu_count();
}

NT_EXPORT ULONG NTAPI KeQueryActiveProcessorCountEx(USHORT group)
{
    return group == 0 || group == ALL_PROCESSOR_GROUPS ? ke_cpu_count() : 0;
}

NT_EXPORT ULONG NTAPI KeQueryMaximumProcessorCount(void)
{
    return ke_cpu_count();
}

NT_EXPORT ULONG NTAPI KeQueryMaximumProcessorCountEx(USHORT group)
{
    return KeQueryActiveProcessorCountEx(group);
}

NT_EXPORT USHORT NTAPI KeQueryActiveGroupCount(void)
{
    return 1;
}

NT_EXPORT USHORT NTAPI KeQueryMaximumGroupCount(void)
{
    return 1;
}

NT_EXPORT KAFFINITY NTAPI KeQueryGroupAffinity(USHORT group)
{
    return group ? 0 : all();
}

NT_EXPORT USHORT NTAPI KeQueryHighestNodeNumber(void)
{
    return 0;
}

NT_EXPORT USHORT NTAPI KeGetCurrentNodeNumber(void)
{
    return 0;
}

NT_EXPORT VOID NTAPI KeQueryNodeActiveAffinity(USHORT node, PGROUP_AFFINITY affinity, PUSHORT count)
{
    if (affinity) {
        memset(affinity, 0, sizeof *affinity);
        affinity->Mask = node ? 0 : all();
    }
    if (count)
        *count = node ? 0 : (USHORT)ke_cpu_count();
}

NT_EXPORT USHORT NTAPI KeQueryNodeMaximumProcessorCount(USHORT node)
{
    return node ? 0 : (USHORT)ke_cpu_count();
}

NT_EXPORT ULONG NTAPI KeGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER number)
{
    if (number) {
        number->Group = 0;
        number->Number = (UCHAR)ke_cpu_now();
        number->Reserved = 0;
    }
    return ke_cpu_now();
}

NT_EXPORT ULONG NTAPI KeGetCurrentProcessorNumber(void)
{
    return ke_cpu_now();
}

NT_EXPORT ULONG NTAPI KeGetProcessorIndexFromNumber(PPROCESSOR_NUMBER number)
{
    if (number->Group || number->Number >= ke_cpu_count() || number->Reserved)
        return 0xFFFFFFFF;
    return number->Number;
}

NT_EXPORT NTSTATUS NTAPI KeGetProcessorNumberFromIndex(ULONG index, PPROCESSOR_NUMBER number)
{
    if (index >= ke_cpu_count())
        return STATUS_INVALID_PARAMETER;
    number->Group = 0;
    number->Number = (UCHAR)index;
    number->Reserved = 0;
    return STATUS_SUCCESS;
}

/* ---- Affinity and priority ---- */

/* Returns the affinity before, 0 when the mask was refused. Moves the thread to an allowed processor. */
static KAFFINITY set_affinity(KAFFINITY mask)
{
    struct ke_thread *t = ke_thread_now;
    KAFFINITY old = t->affinity;

    mask &= all();
    if (!mask)
        return 0;
    t->affinity = mask;
    if (!(mask >> t->cpu & 1))
        ke_cpu_set(t, (unsigned)__builtin_ctzll(mask));
    return old;
}

NT_EXPORT VOID NTAPI KeSetSystemAffinityThread(KAFFINITY mask)
{
    KAFFINITY old = set_affinity(mask);

    if (old && !ke_thread_now->old_affinity)
        ke_thread_now->old_affinity = old;
}

/* Doc: wdm.h, KeSetSystemAffinityThreadEx: 0 when no system affinity was set before. */
NT_EXPORT KAFFINITY NTAPI KeSetSystemAffinityThreadEx(KAFFINITY mask)
{
    struct ke_thread *t = ke_thread_now;
    KAFFINITY before = t->old_affinity ? t->affinity : 0;

    KeSetSystemAffinityThread(mask);
    return before;
}

NT_EXPORT VOID NTAPI KeRevertToUserAffinityThread(void)
{
    struct ke_thread *t = ke_thread_now;

    if (t->old_affinity)
        (void)set_affinity(t->old_affinity);
    t->old_affinity = 0;
}

NT_EXPORT VOID NTAPI KeRevertToUserAffinityThreadEx(KAFFINITY mask)
{
    if (mask)
        (void)set_affinity(mask);
    else
        KeRevertToUserAffinityThread();
}

NT_EXPORT VOID NTAPI KeSetSystemGroupAffinityThread(PGROUP_AFFINITY affinity, PGROUP_AFFINITY previous)
{
    GROUP_AFFINITY a = *affinity;
    KAFFINITY before = a.Group ? 0 : KeSetSystemAffinityThreadEx(a.Mask);

    if (previous) {
        memset(previous, 0, sizeof *previous);
        previous->Mask = before;
    }
}

NT_EXPORT VOID NTAPI KeRevertToUserGroupAffinityThread(PGROUP_AFFINITY previous)
{
    KeRevertToUserAffinityThreadEx(previous->Mask);
}

/* Doc: ntddk/ntifs, KeSetAffinityThread: bug check on a mask without active processors. */
NT_EXPORT KAFFINITY NTAPI KeSetAffinityThread(PKTHREAD thread, KAFFINITY mask)
{
    struct ke_thread *t = ke_thread_of(thread);
    KAFFINITY old = t ? t->affinity : all();

    if (t == ke_thread_now)
        (void)set_affinity(mask);
    else if (t && (mask & all()))
        t->affinity = mask & all();
    return old;
}

NT_EXPORT UCHAR NTAPI KeSetIdealProcessorThread(PKTHREAD thread, UCHAR processor)
{
    UCHAR old = (UCHAR)thread->IdealProcessor;

    thread->IdealProcessor = processor;
    return old;
}

NT_EXPORT KPRIORITY NTAPI KeSetPriorityThread(PKTHREAD thread, KPRIORITY priority)
{
    KPRIORITY old = thread->Priority;

    thread->Priority = (CCHAR)priority;
    return old;
}

NT_EXPORT KPRIORITY NTAPI KeQueryPriorityThread(PKTHREAD thread)
{
    return thread->Priority;
}

/* Doc: ntifs.h, KeSetBasePriorityThread: relative to the process's base priority. */
NT_EXPORT LONG NTAPI KeSetBasePriorityThread(PKTHREAD thread, LONG increment)
{
    LONG old = thread->BasePriority - LOW_PRIORITY_PROCESS_BASE;

    thread->BasePriority = (CCHAR)(LOW_PRIORITY_PROCESS_BASE + increment);
    thread->Priority = thread->BasePriority;
    return old;
}

NT_EXPORT ULONG NTAPI KeQueryRuntimeThread(PKTHREAD thread, PULONG user_time)
{
    (void)thread;
    *user_time = 0;
    return (ULONG)(ke_time_now() / KE_TICK);
}

/* ---- Other processors ---- */

/* Doc: wdm.h, KeIpiGenericCall: at IPI_LEVEL on every processor; the caller's result. */
NT_EXPORT ULONG_PTR NTAPI KeIpiGenericCall(PKIPI_BROADCAST_WORKER worker, ULONG_PTR context)
{
    KIRQL old = ke_irql_raise(IPI_LEVEL);
    unsigned here = ke_cpu_now();
    ULONG_PTR result = 0;

    for (unsigned i = 0; i < ke_cpu_count(); i++) {
        ULONG_PTR r;

        ke_cpu_force(i);
        r = ke_call(worker, context);
        if (i == here)
            result = r;
    }
    ke_cpu_force(here);
    ke_irql_lower(old);
    return result;
}

/* Doc: ntifs/ntddk, KeGenericCallDpc: the routine at DISPATCH_LEVEL on every processor. Each call gets
 * pointers for KeSignalCallDpcDone and KeSignalCallDpcSynchronize. */
NT_EXPORT VOID NTAPI KeGenericCallDpc(PKDEFERRED_ROUTINE routine, PVOID context)
{
    KIRQL old = ke_irql_raise(DISPATCH_LEVEL);
    unsigned here = ke_cpu_now();
    ULONG *barrier = ex_alloc_kernel(2 * sizeof *barrier, "CDpc", false);
    KDPC *dpc = ex_alloc_kernel(sizeof *dpc, "CDpc", false);

    KeInitializeDpc(dpc, routine, context);
    barrier[0] = barrier[1] = ke_cpu_count();
    for (unsigned i = 0; i < ke_cpu_count(); i++) {
        ke_cpu_force(i);
        (void)ke_call(routine, KE_ARG(dpc), KE_ARG(context), KE_ARG(&barrier[0]), KE_ARG(&barrier[1]));
    }
    ke_cpu_force(here);
    ex_free_kernel(dpc);
    ex_free_kernel(barrier);
    ke_irql_lower(old);
}

NT_EXPORT VOID NTAPI KeSignalCallDpcDone(PVOID argument1)
{
    --*(ULONG *)argument1;
}

/* Processors take turns, so each one is alone at the barrier: the last arrival is told so. */
NT_EXPORT LOGICAL NTAPI KeSignalCallDpcSynchronize(PVOID argument2)
{
    ULONG *left = argument2;

    if (--*left)
        return FALSE;
    *left = ke_cpu_count();
    return TRUE;
}

NT_EXPORT PVOID NTAPI KeRegisterProcessorChangeCallback(PPROCESSOR_CALLBACK_FUNCTION routine,
                                                        PVOID context, ULONG flags)
{
    KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT *change;
    NTSTATUS *status;

    if (g.change_count == PP_COUNT(g.change))
        return NULL;
    change = ex_alloc_kernel(sizeof *change + sizeof *status, "PrCb", false);
    status = (NTSTATUS *)(change + 1);
    for (unsigned i = 0; (flags & 1) && i < ke_cpu_count(); i++) {
        for (int state = KeProcessorAddStartNotify; state <= KeProcessorAddCompleteNotify; state++) {
            change->State = (KE_PROCESSOR_CHANGE_NOTIFY_STATE)state;
            change->NtNumber = i;
            change->ProcNumber.Number = (UCHAR)i;
            (void)ke_call(routine, KE_ARG(context), KE_ARG(change), KE_ARG(status));
            if (*status < 0) {
                ex_free_kernel(change);
                return NULL;
            }
        }
    }
    g.change[g.change_count].routine = KE_ARG(routine);
    g.change[g.change_count].context = KE_ARG(context);
    g.change[g.change_count++].handle = change;
    return change;
}

NT_EXPORT VOID NTAPI KeDeregisterProcessorChangeCallback(PVOID handle)
{
    for (unsigned i = 0; i < g.change_count; i++) {
        if (g.change[i].handle != handle)
            continue;
        ex_free_kernel(handle);
        g.change[i] = g.change[--g.change_count];
        return;
    }
}

NT_EXPORT PVOID NTAPI KeRegisterNmiCallback(PNMI_CALLBACK routine, PVOID context)
{
    if (g.nmi_count == PP_COUNT(g.nmi))
        return NULL;
    g.nmi[g.nmi_count].routine = KE_ARG(routine);
    g.nmi[g.nmi_count].context = KE_ARG(context);
    g.nmi[g.nmi_count].handle = ex_alloc_kernel(0x20, "NmiC", false);
    return g.nmi[g.nmi_count++].handle;
}

NT_EXPORT NTSTATUS NTAPI KeDeregisterNmiCallback(PVOID handle)
{
    for (unsigned i = 0; i < g.nmi_count; i++) {
        if (g.nmi[i].handle != handle)
            continue;
        ex_free_kernel(handle);
        g.nmi[i] = g.nmi[--g.nmi_count];
        return STATUS_SUCCESS;
    }
    return STATUS_INVALID_HANDLE;
}

/* ---- Bug checks ---- */

static void run_bugcheck_callbacks(void)
{
    for (unsigned i = g.bugcheck_count; i-- > 0;) {
        KBUGCHECK_CALLBACK_RECORD *r = (KBUGCHECK_CALLBACK_RECORD *)(uintptr_t)g.bugcheck[i].record;

        if (g.bugcheck[i].is_reason || !ke_is_touchable(r, sizeof *r) || r->State != BufferInserted)
            continue;
        r->State = BufferStarted;
        (void)ke_call(r->CallbackRoutine, KE_ARG(r->Buffer), r->Length);
        r->State = BufferFinished;
    }
}

/* Doc: wdm.h, KeBugCheckEx. Callbacks run at HIGH_LEVEL, then the request ends (or the machine stops). */
NT_EXPORT NT_NORETURN VOID NTAPI KeBugCheckEx(ULONG code, ULONG_PTR p1, ULONG_PTR p2, ULONG_PTR p3,
                                              ULONG_PTR p4)
{
    uint64_t p[4] = {p1, p2, p3, p4};
    KIRQL old = ke_irql_now;

    (void)vf_report_bugcheck(code, p);
    if (!g.in_bugcheck) {
        g.in_bugcheck = true;
        ke_irql_set(HIGH_LEVEL);
        run_bugcheck_callbacks();
        g.in_bugcheck = false;
    }
    ke_irql_set(old);
    ke_contain();
}

NT_EXPORT NT_NORETURN VOID NTAPI KeBugCheck(ULONG code)
{
    KeBugCheckEx(code, 0, 0, 0, 0);
}

static bool bugcheck_add(uint64_t record, uint64_t routine, bool is_reason)
{
    for (unsigned i = 0; i < g.bugcheck_count; i++) {
        if (g.bugcheck[i].record == record)
            return false;
    }
    if (g.bugcheck_count == BUGCHECK_MAX)
        return false;
    g.bugcheck[g.bugcheck_count].record = record;
    g.bugcheck[g.bugcheck_count].routine = routine;
    g.bugcheck[g.bugcheck_count++].is_reason = is_reason;
    return true;
}

static bool bugcheck_remove(uint64_t record)
{
    for (unsigned i = 0; i < g.bugcheck_count; i++) {
        if (g.bugcheck[i].record != record)
            continue;
        g.bugcheck[i] = g.bugcheck[--g.bugcheck_count];
        return true;
    }
    return false;
}

/* Doc: wdm.h, KeRegisterBugCheckCallback: the record must be initialised and not be registered. */
NT_EXPORT BOOLEAN NTAPI KeRegisterBugCheckCallback(PKBUGCHECK_CALLBACK_RECORD record,
                                                   PKBUGCHECK_CALLBACK_ROUTINE routine, PVOID buffer,
                                                   ULONG length, PUCHAR component)
{
    if (record->State != BufferEmpty || !bugcheck_add(KE_ARG(record), KE_ARG(routine), false))
        return FALSE;
    record->CallbackRoutine = routine;
    record->Buffer = buffer;
    record->Length = length;
    record->Component = component;
    record->Checksum = KE_ARG(routine) + KE_ARG(buffer) + length + KE_ARG(component);
    record->State = BufferInserted;
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI KeDeregisterBugCheckCallback(PKBUGCHECK_CALLBACK_RECORD record)
{
    if (record->State != BufferInserted || !bugcheck_remove(KE_ARG(record)))
        return FALSE;
    record->State = BufferEmpty;
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI KeRegisterBugCheckReasonCallback(PKBUGCHECK_REASON_CALLBACK_RECORD record,
                                                         PKBUGCHECK_REASON_CALLBACK_ROUTINE routine,
                                                         KBUGCHECK_CALLBACK_REASON reason,
                                                         PUCHAR component)
{
    if (record->State != BufferEmpty || !bugcheck_add(KE_ARG(record), KE_ARG(routine), true))
        return FALSE;
    record->CallbackRoutine = routine;
    record->Reason = reason;
    record->Component = component;
    record->Checksum = KE_ARG(routine) + (ULONG)reason + KE_ARG(component);
    record->State = BufferInserted;
    return TRUE;
}

NT_EXPORT BOOLEAN NTAPI KeDeregisterBugCheckReasonCallback(PKBUGCHECK_REASON_CALLBACK_RECORD record)
{
    if (record->State != BufferInserted || !bugcheck_remove(KE_ARG(record)))
        return FALSE;
    record->State = BufferEmpty;
    return TRUE;
}

void ke_bugcheck_callback_each(ke_active_fn fn, void *ctx)
{
    for (unsigned i = g.bugcheck_count; i-- > 0;) {
        if (!fn(ctx, g.bugcheck[i].record, g.bugcheck[i].routine, "bug check callback"))
            return;
    }
    for (unsigned i = g.change_count; i-- > 0;) {
        if (!fn(ctx, KE_ARG(g.change[i].handle), g.change[i].routine, "processor change callback"))
            return;
    }
    for (unsigned i = g.nmi_count; i-- > 0;) {
        if (!fn(ctx, KE_ARG(g.nmi[i].handle), g.nmi[i].routine, "NMI callback"))
            return;
    }
}

void ke_bugcheck_callback_wipe(const struct ke_image *image)
{
    uint64_t low = image->base, size = image->size;

    for (unsigned i = g.bugcheck_count; i-- > 0;) {
        if (g.bugcheck[i].routine - low < size)
            g.bugcheck[i] = g.bugcheck[--g.bugcheck_count];
    }
    for (unsigned i = g.change_count; i-- > 0;) {
        if (g.change[i].routine - low < size)
            KeDeregisterProcessorChangeCallback(g.change[i].handle);
    }
    for (unsigned i = g.nmi_count; i-- > 0;) {
        if (g.nmi[i].routine - low < size)
            (void)KeDeregisterNmiCallback(g.nmi[i].handle);
    }
}

/* ---- Nothing to do here, as on x64 Windows ---- */

/* Doc: ntddk.h, KeFlushWriteBuffer: memory accesses are in order. */
NT_EXPORT VOID NTAPI KeFlushWriteBuffer(void)
{
    __sync_synchronize();
}

NT_EXPORT VOID NTAPI KeMemoryBarrier(void)
{
    __sync_synchronize();
}

/* Caches are coherent with DMA on x64. Doc: wdm.h, KeFlushIoBuffers. */
NT_EXPORT VOID NTAPI KeFlushIoBuffers(PVOID mdl, BOOLEAN read, BOOLEAN dma)
{
    (void)mdl;
    (void)read;
    (void)dma;
}

NT_EXPORT BOOLEAN NTAPI KeInvalidateAllCaches(void)
{
    return TRUE;
}

NT_EXPORT VOID NTAPI KeInvalidateRangeAllCaches(PVOID base, ULONG size)
{
    (void)base;
    (void)size;
}

NT_EXPORT VOID NTAPI KeFlushEntireTb(BOOLEAN invalid, BOOLEAN all_processors)
{
    (void)invalid;
    (void)all_processors;
}

/* The x64 kernel may use SSE registers freely; every thread has its own. Doc: wdm.h. */
NT_EXPORT NTSTATUS NTAPI KeSaveFloatingPointState(PKFLOATING_SAVE save)
{
    (void)save;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI KeRestoreFloatingPointState(PKFLOATING_SAVE save)
{
    (void)save;
    return STATUS_SUCCESS;
}

/* Extended state (AVX) is kept by the fibers' callers; the drivers surveyed never use it. */
NT_EXPORT NTSTATUS NTAPI KeSaveExtendedProcessorState(ULONG64 mask, PXSTATE_SAVE save)
{
    (void)mask;
    memset(save, 0, sizeof *save);
    save->Thread = &ke_thread_now->object->Tcb;
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI KeRestoreExtendedProcessorState(PXSTATE_SAVE save)
{
    (void)save;
}

NT_EXPORT ULONG NTAPI KeGetRecommendedSharedDataAlignment(void)
{
    return 64;
}

NT_EXPORT BOOLEAN NTAPI ExIsProcessorFeaturePresent(ULONG feature)
{
    const KUSER_SHARED_DATA *s = ke_user_shared();

    return feature < PROCESSOR_FEATURE_MAX && s->ProcessorFeatures[feature];
}

/* Doc: ntifs.h, ExUuidCreate; RFC 4122. Version 1; its time and node come from the machine's seed, and the
 * node is marked as none of a network card's. */
NT_EXPORT NTSTATUS NTAPI ExUuidCreate(GUID *ret)
{
    uint64_t v[2] = {pp_random_next(&ke_m.random), pp_random_next(&ke_m.random)};
    GUID id;

    memcpy(&id, v, sizeof id);
    id.Data3 = (USHORT)((id.Data3 & 0x0FFF) | 0x1000);
    id.Data4[0] = (UCHAR)((id.Data4[0] & 0x3F) | 0x80);
    id.Data4[2] |= 1;
    *ret = id;
    return STATUS_SUCCESS;
}
