/*
 * ZwQuerySystemInformation, and other questions about the system as a whole.
 *
 * Answers are put together in our own memory and copied when the buffer is large enough; too small
 * gives STATUS_INFO_LENGTH_MISMATCH with the length needed, as drivers probe for it with an empty
 * buffer.
 *
 * Doc: Microsoft Learn, NtQuerySystemInformation; WDK, aux_klib.h; spec of poolmon (classes 22,
 * 0xE3).
 */
#include "kernel/kernel_priv.h"

#include <stdlib.h>
#include <string.h>

enum { PHYSICAL_PAGES = 0x100000 /* 4 GB */, TIMER_RESOLUTION = 156250, SESSION = 1 };

/* A growing answer. */
struct out {
    uint8_t *bytes;
    size_t size, room;
    bool failed;
};

/* `size` more zeroed bytes; their offset. */
static size_t more(struct out *o, size_t size)
{
    size_t at = o->size;

    if (o->size + size > o->room) {
        size_t room = pp_align_up((o->size + size) * 2, 256);
        uint8_t *bytes = pp_resize(o->bytes, room);

        if (!bytes) {
            o->failed = true;
            return 0;
        }
        memset(bytes + o->room, 0, room - o->room);
        o->bytes = bytes;
        o->room = room;
    }
    o->size += size;
    return at;
}

static void put(struct out *o, const void *p, size_t size)
{
    size_t at = more(o, size);

    if (!o->failed)
        memcpy(o->bytes + at, p, size);
}

/* ---- Small classes ---- */

static void basic(struct out *o)
{
    SYSTEM_BASIC_INFORMATION i = {
        .TimerResolution = TIMER_RESOLUTION,
        .PageSize = NT_PAGE_SIZE,
        .NumberOfPhysicalPages = PHYSICAL_PAGES,
        .LowestPhysicalPageNumber = 1,
        .HighestPhysicalPageNumber = PHYSICAL_PAGES + 0x3FFFF,
        .AllocationGranularity = 0x10000,
        .MinimumUserModeAddress = 0x10000,
        .MaximumUserModeAddress = KE_ARG(KE_DATA->MmHighestUserAddress),
        .ActiveProcessorsAffinityMask = (1ull << ke_m.config.cpus) - 1,
        .NumberOfProcessors = (CCHAR)ke_m.config.cpus,
    };

    put(o, &i, sizeof i);
}

static void processor(struct out *o)
{
    SYSTEM_PROCESSOR_INFORMATION i = {9, 6, 0x9E0A, (USHORT)ke_m.config.cpus, 0};

    put(o, &i, sizeof i);
}

struct pool_sum {
    uint32_t pages, allocs, frees;
};

/* What the tags of one kind (PL_NONPAGED_ROW, PL_PAGED_ROW) add up to. */
static struct pool_sum pool_sum(unsigned kind)
{
    struct pool_sum sum = {0};
    uint64_t bytes = 0;
    uint32_t rows;
    const struct pl_tag_row *row = pl_tag_rows(ke_m.pool, &rows);

    for (uint32_t i = 0; i < rows; i++) {
        bytes += row[i].side[kind].bytes;
        sum.allocs += row[i].side[kind].allocs;
        sum.frees += row[i].side[kind].frees;
    }
    sum.pages = (uint32_t)((bytes + NT_PAGE_SIZE - 1) / NT_PAGE_SIZE);
    return sum;
}

/* What drivers and pool viewers read of the 0x158 bytes: memory in pages, calls of pool routines.
 */
static void performance(struct out *o)
{
    uint8_t i[0x158] = {0};
    uint32_t commit_limit = PHYSICAL_PAGES + PHYSICAL_PAGES / 4;
    struct pool_sum nonpaged = pool_sum(PL_NONPAGED_ROW), paged = pool_sum(PL_PAGED_ROW);
    uint32_t committed = nonpaged.pages + paged.pages;
    uint32_t available = PHYSICAL_PAGES / 2 - PP_MIN(committed, (uint32_t)PHYSICAL_PAGES / 2);

    memcpy(i + 0x2C, &available, 4);
    memcpy(i + 0x30, &committed, 4);
    memcpy(i + 0x34, &commit_limit, 4);
    memcpy(i + 0x38, &committed, 4);   /* PeakCommitment */
    memcpy(i + 0x70, &paged.pages, 4); /* PagedPoolPages */
    memcpy(i + 0x74, &nonpaged.pages, 4);
    memcpy(i + 0x78, &paged.allocs, 4);
    memcpy(i + 0x7C, &paged.frees, 4);
    memcpy(i + 0x80, &nonpaged.allocs, 4);
    memcpy(i + 0x84, &nonpaged.frees, 4);
    put(o, i, sizeof i);
}

static void time_of_day(struct out *o)
{
    SYSTEM_TIMEOFDAY_INFORMATION i = {0};

    i.CurrentTime.QuadPart = (LONGLONG)ke_time_system();
    i.BootTime.QuadPart = i.CurrentTime.QuadPart - (LONGLONG)ke_time_now();
    put(o, &i, sizeof i);
}

/* Idle, kernel, user, DPC, interrupt time and interrupt count of each processor. */
static void processor_performance(struct out *o)
{
    for (unsigned i = 0; i < ke_m.config.cpus; i++) {
        uint64_t row[6] = {
            ke_time_now() / 2, ke_time_now(), 0, 0, 0, ke_time_now() / TIMER_RESOLUTION};

        put(o, row, sizeof row);
    }
}

static void debugger(struct out *o)
{
    SYSTEM_KERNEL_DEBUGGER_INFORMATION i = {FALSE, TRUE};

    put(o, &i, sizeof i);
}

static void debugger_ex(struct out *o)
{
    uint8_t i[3] = {0, 0, 0}; /* allowed, enabled, present */

    put(o, i, sizeof i);
}

static void flags(struct out *o)
{
    put(o, &KE_DATA->NtGlobalFlag, sizeof(ULONG));
}

static void exceptions(struct out *o)
{
    uint32_t i[4] = {0};

    put(o, i, sizeof i);
}

static void registry_quota(struct out *o)
{
    uint32_t i[4] = {0x40000000, 0x00800000, 0x00400000,
                     0}; /* allowed, used, paged pool, padding */

    put(o, i, sizeof i);
}

static void time_zone(struct out *o)
{
    (void)more(o, 0xAC); /* RTL_TIME_ZONE_INFORMATION: UTC, no names */
}

static void file_cache(struct out *o)
{
    uint64_t i[8] = {0x1000000, 0x2000000, 0, 0, 0, 0, 0, 0};

    put(o, i, sizeof i);
}

static void time_adjustment(struct out *o)
{
    uint32_t i[3] = {TIMER_RESOLUTION, TIMER_RESOLUTION, 1};

    put(o, i, sizeof i);
}

static void secure_boot(struct out *o)
{
    uint8_t i[2] = {0, 0}; /* enabled, capable */

    put(o, i, sizeof i);
}

static void pool_zeroing(struct out *o)
{
    uint8_t i[1] = {1}; /* ExAllocatePool2 and zeroing flags are there */

    put(o, i, sizeof i);
}

static void verifier(struct out *o)
{
    const struct pl_counters *c = pl_counters(ke_m.pool);
    uint8_t i[0x90] = {0};
    uint32_t level = vf_is_enabled() ? ke_m.config.options : 0, attempted = (uint32_t)c->attempted,
             succeeded = (uint32_t)c->succeeded, special = (uint32_t)c->succeeded_special;

    memcpy(i + 4, &level, 4);
    memcpy(i + 0x1C, &attempted, 4);
    memcpy(i + 0x20, &succeeded, 4);
    memcpy(i + 0x24, &special, 4);
    put(o, i, sizeof i);
}

/* ---- Processes ---- */

struct count_threads {
    const EPROCESS *process;
    struct out *out; /* NULL: only count */
    ULONG count;
};

static bool each_thread(void *ctx, struct ke_thread *t)
{
    struct count_threads *c = ctx;
    SYSTEM_THREAD_INFORMATION i = {0};

    if (!t->object || t->object->Tcb.Process != (const void *)c->process)
        return true;
    c->count++;
    if (!c->out)
        return true;
    i.CreateTime = t->object->CreateTime;
    i.StartAddress = t->object->StartAddress;
    i.ClientId = t->object->Cid;
    i.Priority = t->object->Tcb.Priority;
    i.BasePriority = t->object->Tcb.BasePriority;
    i.ThreadState = t->object->Tcb.State;
    i.WaitReason = t->object->Tcb.WaitReason;
    put(c->out, &i, sizeof i);
    return true;
}

static void name_of(const EPROCESS *p, const WCHAR **ret, size_t *ret_chars)
{
    const WCHAR *path = ps_image_path(p);
    size_t end = rtl_wcslen(path), start = end;

    while (start && path[start - 1] != '\\')
        start--;
    *ret = path + start;
    *ret_chars = end - start;
}

/* One entry; `base` is where the answer will lie, for the pointer to the name. */
static void process_entry(struct out *o, const EPROCESS *p, uint64_t base, bool is_last)
{
    struct count_threads c = {p, NULL, 0};
    SYSTEM_PROCESS_INFORMATION i = {0};
    size_t at = more(o, sizeof i), name_at, chars;
    const WCHAR *name;

    ke_thread_each(each_thread, &c);
    i.NumberOfThreads = i.NumberOfThreadsHighWatermark = c.count;
    c.out = o;
    ke_thread_each(each_thread, &c);
    name_of(p, &name, &chars);
    name_at = more(o, (chars + 1) * sizeof *name);
    if (o->failed)
        return;
    memcpy(o->bytes + name_at, name, chars * sizeof *name);
    o->size = pp_align_up(o->size, 8);
    i.CreateTime = p->CreateTime;
    i.ImageName = (UNICODE_STRING){(USHORT)(chars * 2), (USHORT)(chars * 2 + 2),
                                   (PWSTR)(uintptr_t)(base + name_at)};
    i.BasePriority = 8;
    i.UniqueProcessId = p->UniqueProcessId;
    i.InheritedFromUniqueProcessId = p->InheritedFromUniqueProcessId;
    i.HandleCount = ob_table_count(p);
    i.SessionId = p == ps_system ? 0 : 1;
    i.NextEntryOffset = is_last ? 0 : (ULONG)(o->size - at);
    memcpy(o->bytes + at, &i, sizeof i);
}

static void processes(struct out *o, uint64_t base)
{
    SYSTEM_PROCESS_INFORMATION idle = {.NumberOfThreads = ke_m.config.cpus};
    unsigned last = 0;

    for (unsigned i = 0; i < PS_SLOTS; i++)
        if (ps_at(i) && !ps_has_exited(ps_at(i)))
            last = i;
    idle.NextEntryOffset = sizeof idle;
    put(o, &idle, sizeof idle);
    for (unsigned i = 0; i <= last; i++)
        if (ps_at(i) && !ps_has_exited(ps_at(i)))
            process_entry(o, ps_at(i), base, i == last);
}

/* ---- Modules ---- */

struct module {
    uint64_t base;
    uint32_t size;
    const char *directory, *name;
};

static void module_entry(struct out *o, const struct module *m, unsigned index)
{
    RTL_PROCESS_MODULE_INFORMATION i = {0};

    i.ImageBase = (PVOID)(uintptr_t)m->base;
    i.ImageSize = m->size;
    i.Flags = 0x08804000;
    i.LoadOrderIndex = (USHORT)index;
    i.LoadCount = 1;
    i.OffsetToFileName = (USHORT)strlen(m->directory);
    pp_fmt((char *)i.FullPathName, sizeof i.FullPathName, "%s%s", m->directory, m->name);
    put(o, &i, sizeof i);
}

/* Ours first: what stands for the kernel and the HAL, then the drivers in order of loading. */
static unsigned each_module(void (*fn)(void *ctx, const struct module *m, unsigned index),
                            void *ctx)
{
    static const struct module system[] = {
        {KE_STUB_LOW, KE_STUB_HIGH - KE_STUB_LOW, "\\SystemRoot\\system32\\", "ntoskrnl.exe"},
        {KE_DATA_LOW, 0x10000, "\\SystemRoot\\system32\\", "hal.dll"},
    };
    struct pp_list *it;
    unsigned n = 0;

    for (; n < PP_COUNT(system); n++)
        fn(ctx, &system[n], n);
    PP_LIST_EACH(it, &ke_m.images)
    {
        const struct ke_image *im = PP_CONTAINER(it, struct ke_image, link);
        struct module m = {im->base, im->size, "\\SystemRoot\\System32\\drivers\\", im->name};

        if (!im->is_unloaded)
            fn(ctx, &m, n++);
    }
    return n;
}

static void put_module(void *ctx, const struct module *m, unsigned index)
{
    module_entry(ctx, m, index);
}

static void modules(struct out *o)
{
    size_t at = more(o, offsetof(RTL_PROCESS_MODULES, Modules));
    ULONG count = each_module(put_module, o);

    if (!o->failed)
        memcpy(o->bytes + at, &count, sizeof count);
}

static void put_module_ex(void *ctx, const struct module *m, unsigned index)
{
    struct out *o = ctx;
    USHORT next = 0x140; /* RTL_PROCESS_MODULE_INFORMATION_EX */
    size_t at = o->size;

    (void)more(o, 8);
    module_entry(o, m, index);
    o->size = at;
    (void)more(o, next);
    if (!o->failed)
        memcpy(o->bytes + at, &next, sizeof next);
}

static void modules_ex(struct out *o)
{
    (void)each_module(put_module_ex, o);
    (void)more(o, 2); /* offset 0 ends the list */
}

/* ---- Pool ---- */

static int by_tag(const void *a, const void *b)
{
    uint32_t x = ((const SYSTEM_POOLTAG *)a)->TagUlong, y = ((const SYSTEM_POOLTAG *)b)->TagUlong;

    return x < y ? -1 : x > y;
}

/* The rows that are in use, sorted; their number. */
static uint32_t tag_rows(struct out *o, const struct pl_tag_row *row, uint32_t rows)
{
    size_t at = o->size;
    uint32_t count = 0;

    for (uint32_t i = 0; i < rows; i++) {
        const struct pl_tag_side *n = &row[i].side[0], *p = &row[i].side[1];
        SYSTEM_POOLTAG t = {.TagUlong = row[i].tag,
                            .PagedAllocs = p->allocs,
                            .PagedFrees = p->frees,
                            .PagedUsed = p->bytes,
                            .NonPagedAllocs = n->allocs,
                            .NonPagedFrees = n->frees,
                            .NonPagedUsed = n->bytes};

        if (!row[i].tag)
            continue;
        put(o, &t, sizeof t);
        count++;
    }
    if (!o->failed)
        qsort(o->bytes + at, count, sizeof(SYSTEM_POOLTAG), by_tag);
    return count;
}

static void pool_tags(struct out *o)
{
    size_t at = more(o, offsetof(SYSTEM_POOLTAG_INFORMATION, TagInfo));
    uint32_t rows, count;
    const struct pl_tag_row *row = pl_tag_rows(ke_m.pool, &rows);

    count = tag_rows(o, row, rows);
    if (!o->failed)
        memcpy(o->bytes + at, &count, sizeof count);
}

/* One session: the last of the list, so its NextEntryOffset stays 0. */
static void session_pool_tags(struct out *o)
{
    SYSTEM_SESSION_POOLTAG_INFORMATION head = {.SessionId = SESSION};
    size_t size = offsetof(SYSTEM_SESSION_POOLTAG_INFORMATION, TagInfo), at = more(o, size);
    uint32_t rows;
    const struct pl_tag_row *row = pl_session_rows(ke_m.pool, &rows);

    head.Count = tag_rows(o, row, rows);
    if (!o->failed)
        memcpy(o->bytes + at, &head, size);
}

struct put_big {
    struct out *out;
    uint32_t count;
};

static bool put_big_block(void *ctx, const struct pl_block_info *b)
{
    struct put_big *p = ctx;
    SYSTEM_BIGPOOL_ENTRY e = {.VirtualAddress =
                                  (PVOID)(uintptr_t)(b->start | !(b->flags & PL_PAGED)),
                              .SizeInBytes = pp_align_up(b->size, NT_PAGE_SIZE),
                              .TagUlong = b->tag | (b->flags & PL_PROTECTED ? PROTECTED_POOL : 0)};

    if (b->start & (NT_PAGE_SIZE - 1) || (b->special && b->size < NT_PAGE_SIZE))
        return true; /* has a header, or is a guarded small block */
    put(p->out, &e, sizeof e);
    p->count++;
    return true;
}

static void big_pool(struct out *o)
{
    struct put_big p = {o, 0};
    size_t at = more(o, offsetof(SYSTEM_BIGPOOL_INFORMATION, AllocatedInfo));

    if (pl_each_live(ke_m.pool, UINT32_MAX, put_big_block, &p) < 0)
        o->failed = true;
    if (!o->failed)
        memcpy(o->bytes + at, &p.count, sizeof p.count);
}

/* ---- Handles ---- */

struct put_handles {
    struct out *out;
    uint64_t count;
};

static bool put_handle(void *ctx, const EPROCESS *process, HANDLE h, void *object,
                       const struct ob_handle_info *info)
{
    struct put_handles *p = ctx;
    SYSTEM_HANDLE_TABLE_ENTRY_INFO i = {0};

    i.UniqueProcessId = (USHORT)KE_ARG(process->UniqueProcessId);
    i.ObjectTypeIndex = ob_type_index(object);
    i.HandleAttributes = (UCHAR)info->attributes;
    i.HandleValue = (USHORT)KE_ARG(h);
    i.Object = object;
    i.GrantedAccess = info->access;
    put(p->out, &i, sizeof i);
    p->count++;
    return true;
}

static void handles(struct out *o)
{
    struct put_handles p = {o, 0};
    size_t at = more(o, offsetof(SYSTEM_HANDLE_INFORMATION, Handles));

    ob_each_handle(put_handle, &p);
    if (!o->failed)
        memcpy(o->bytes + at, &p.count, sizeof(ULONG));
}

struct handle_ex { /* SYSTEM_HANDLE_TABLE_ENTRY_INFO_EX */
    PVOID Object;
    ULONG_PTR UniqueProcessId, HandleValue;
    ULONG GrantedAccess;
    USHORT CreatorBackTraceIndex, ObjectTypeIndex;
    ULONG HandleAttributes, Reserved;
};

static bool put_handle_ex(void *ctx, const EPROCESS *process, HANDLE h, void *object,
                          const struct ob_handle_info *info)
{
    struct put_handles *p = ctx;
    struct handle_ex i = {object,
                          KE_ARG(process->UniqueProcessId),
                          KE_ARG(h),
                          info->access,
                          0,
                          ob_type_index(object),
                          info->attributes,
                          0};

    put(p->out, &i, sizeof i);
    p->count++;
    return true;
}

static void handles_ex(struct out *o)
{
    struct put_handles p = {o, 0};
    size_t at = more(o, 16);

    ob_each_handle(put_handle_ex, &p);
    if (!o->failed)
        memcpy(o->bytes + at, &p.count, sizeof p.count);
}

/* ---- The service ---- */

static const struct {
    ULONG kind;
    void (*fn)(struct out *o);
} classes[] = {
    {SystemBasicInformation, basic},
    {SystemProcessorInformation, processor},
    {SystemPerformanceInformation, performance},
    {SystemTimeOfDayInformation, time_of_day},
    {SystemProcessorPerformanceInformation, processor_performance},
    {SystemFlagsInformation, flags},
    {SystemModuleInformation, modules},
    {SystemHandleInformation, handles},
    {SystemFileCacheInformation, file_cache},
    {SystemPoolTagInformation, pool_tags},
    {SystemTimeAdjustmentInformation, time_adjustment},
    {SystemExceptionInformation, exceptions},
    {SystemKernelDebuggerInformation, debugger},
    {SystemRegistryQuotaInformation, registry_quota},
    {SystemCurrentTimeZoneInformation, time_zone},
    {SystemVerifierInformation, verifier},
    {SystemEmulationBasicInformation, basic},
    {SystemExtendedHandleInformation, handles_ex},
    {SystemBigPoolInformation, big_pool},
    {SystemSessionPoolTagInformation, session_pool_tags},
    {SystemModuleInformationEx, modules_ex},
    {SystemSecureBootInformation, secure_boot},
    {SystemKernelDebuggerInformationEx, debugger_ex},
    {SystemPoolZeroingInformation, pool_zeroing},
};

/* Takes its length from the caller's structure. */
static NTSTATUS code_integrity(SYSTEM_CODEINTEGRITY_INFORMATION *i, ULONG length, ULONG *ret_length)
{
    *ret_length = sizeof *i;
    if (length < sizeof *i || i->Length != sizeof *i)
        return STATUS_INFO_LENGTH_MISMATCH;
    i->CodeIntegrityOptions = 1; /* enabled */
    return STATUS_SUCCESS;
}

static NTSTATUS query(ULONG kind, void *info, ULONG length, ULONG *ret_length)
{
    struct out o = {0};
    NTSTATUS status = STATUS_INVALID_INFO_CLASS;

    if (kind == SystemCodeIntegrityInformation)
        return code_integrity(info, length, ret_length);
    if (kind == SystemProcessInformation || kind == SystemExtendedProcessInformation) {
        if (kind == SystemExtendedProcessInformation)
            return STATUS_INVALID_INFO_CLASS;
        processes(&o, KE_ARG(info));
        status = STATUS_SUCCESS;
    }
    for (size_t i = 0; i < PP_COUNT(classes) && status; i++)
        if (classes[i].kind == kind) {
            classes[i].fn(&o);
            status = STATUS_SUCCESS;
        }
    if (o.failed)
        status = STATUS_INSUFFICIENT_RESOURCES;
    if (!status) {
        *ret_length = (ULONG)o.size;
        if (length < o.size)
            status = STATUS_INFO_LENGTH_MISMATCH;
        else
            mm_copy(info, o.bytes, o.size);
    }
    pp_free(o.bytes);
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwQuerySystemInformation(ULONG kind, PVOID info, ULONG length,
                                                  PULONG ret_length)
{
    ULONG need = 0;
    NTSTATUS status = query(kind, info, length, &need);

    if (ret_length && status != STATUS_INVALID_INFO_CLASS)
        *ret_length = need;
    return status;
}

NT_EXPORT NTSTATUS NTAPI NtQuerySystemInformation(ULONG kind, PVOID info, ULONG length,
                                                  PULONG ret_length)
{
    KPROCESSOR_MODE mode = ps_previous_mode();

    if (!zw_probe(mode, info, length) ||
        !zw_probe(mode, ret_length, ret_length ? sizeof *ret_length : 0))
        return STATUS_ACCESS_VIOLATION;
    return ZwQuerySystemInformation(kind, info, length, ret_length);
}

/* Doc: aux_klib.h's AuxKlibQueryModuleInformation ends here. element 8: bases only; 0x110: all. */
struct module_query {
    struct out out;
    ULONG element;
};

static void put_basic(void *ctx, const struct module *m, unsigned index)
{
    struct module_query *q = ctx;
    RTL_MODULE_EXTENDED_INFO i = {0};

    (void)index;
    i.ImageBase = (PVOID)(uintptr_t)m->base;
    i.ImageSize = m->size;
    i.FileNameOffset = (USHORT)strlen(m->directory);
    pp_fmt(i.FullPathName, sizeof i.FullPathName, "%s%s", m->directory, m->name);
    put(&q->out, &i, q->element);
}

NT_EXPORT NTSTATUS NTAPI RtlQueryModuleInformation(PULONG length, ULONG element, PVOID info)
{
    struct module_query q = {{0}, element};
    NTSTATUS status = STATUS_SUCCESS;

    if (!length ||
        (element != sizeof(RTL_MODULE_BASIC_INFO) && element != sizeof(RTL_MODULE_EXTENDED_INFO)))
        return STATUS_INVALID_PARAMETER;
    (void)each_module(put_basic, &q);
    if (info && *length < q.out.size)
        status = STATUS_BUFFER_TOO_SMALL;
    else if (info)
        mm_copy(info, q.out.bytes, q.out.size);
    *length = (ULONG)q.out.size;
    pp_free(q.out.bytes);
    return status;
}

/* ---- Power ---- */

/* Doc: ntddk/ntpoapi, ZwPowerInformation: mains, no battery, no sleep states. */
NT_EXPORT NTSTATUS NTAPI ZwPowerInformation(ULONG level, PVOID in, ULONG in_size, PVOID out,
                                            ULONG out_size)
{
    uint8_t i[64] = {0};
    size_t size = 0;

    (void)in;
    (void)in_size;
    switch (level) {
    case 4:
        ke_not_modelled("ZwPowerInformation", "SystemPowerCapabilities");
    case 5:       /* SystemBatteryState */
        i[0] = 1; /* AcOnLine */
        size = 0x20;
        break;
    case 11: /* ProcessorInformation: number, MHz maximal, now, limit, idle states */
        size = 24u * ke_m.config.cpus;
        if (size > sizeof i)
            return STATUS_BUFFER_TOO_SMALL;
        for (uint32_t n = 0; n < ke_m.config.cpus; n++) {
            uint32_t row[6] = {n, 2400, 2400, 2400, 1, 1};

            memcpy(i + 24 * n, row, sizeof row);
        }
        break;
    case 14: /* LastWakeTime */
    case 15: /* LastSleepTime */
        size = 8;
        break;
    default:
        return STATUS_NOT_IMPLEMENTED;
    }
    if (!out)
        return STATUS_INVALID_PARAMETER;
    if (out_size < size)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(out, i, size);
    return STATUS_SUCCESS;
}

/* ---- Drivers by name ---- */

/* The registry key names the image; what is loaded already is told so. Not yet: loading another
 * image. */
NT_EXPORT NTSTATUS NTAPI ZwLoadDriver(PUNICODE_STRING service)
{
    OBJECT_ATTRIBUTES attr = {.Length = sizeof attr,
                              .ObjectName = service,
                              .Attributes = OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE};
    size_t end = service->Length / 2u, start = end;
    UNICODE_STRING name = {0};
    WCHAR text[160] = u"\\Driver\\";
    void *driver;
    HANDLE h;
    NTSTATUS status = cm_open(&attr, KEY_READ, 0, &h);

    if (status)
        return status;
    (void)ob_handle_close(h); /* our own handle */
    while (start && service->Buffer[start - 1] != '\\')
        start--;
    if (end - start >= PP_COUNT(text) - 8)
        return STATUS_INVALID_PARAMETER;
    memcpy(text + 8, service->Buffer + start, (end - start) * sizeof *text);
    text[8 + end - start] = 0;
    rtl_init_string(&name, text);
    if (!ob_lookup(&name, &driver, NULL)) {
        ob_unref(driver);
        return STATUS_IMAGE_ALREADY_LOADED;
    }
    ke_not_modelled("ZwLoadDriver", "loading a second image from a driver");
}

NT_EXPORT NTSTATUS NTAPI ZwUnloadDriver(PUNICODE_STRING service)
{
    OBJECT_ATTRIBUTES attr = {.Length = sizeof attr,
                              .ObjectName = service,
                              .Attributes = OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE};
    HANDLE h;
    NTSTATUS status = cm_open(&attr, KEY_READ, 0, &h);

    if (status)
        return status;
    (void)ob_handle_close(h); /* our own handle */
    ke_not_modelled("ZwUnloadDriver", "unloading an image from a driver");
}
