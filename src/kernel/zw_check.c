/*
 * What a driver gives to a system service (ZwXxx): the service trusts a kernel-mode caller, so nothing
 * behind the call probes an address or measures a string again.
 *
 * Each service has a pattern with one letter for an argument; services without one are judged by the
 * level they are called at alone. Views and user memory are named by their address on purpose
 * (ZwUnmapViewOfSection, ZwQueryVirtualMemory): those arguments are not checked.
 *
 * Rules: C4/E3, E4, E6.
 * Doc: devtest, "Security Checks"; bug check 0xC4, 0xE3 to 0xE6; wdm.h and ntifs.h for the arguments.
 */
#include "kernel/ke_sched.h"

#include <string.h>

/* p: an address; s: a UNICODE_STRING that is read; o: an OBJECT_ATTRIBUTES; -: anything else. */
static const struct {
    const char *name, *args;
} services[] = {
    {"ZwAllocateVirtualMemory", "-p-p--"},
    {"ZwCreateDirectoryObject", "p-o"},
    {"ZwCreateEvent", "p-o--"},
    {"ZwCreateFile", "p-opp----p-"},
    {"ZwCreateKey", "p-o-s-p"},
    {"ZwCreateSection", "p-op---"},
    {"ZwCreateSymbolicLinkObject", "p-os"},
    {"ZwCreateTimer", "p-o-"},
    {"ZwDeleteFile", "o"},
    {"ZwDeleteValueKey", "-s"},
    {"ZwDeviceIoControlFile", "----p-p-p-"},
    {"ZwDuplicateObject", "---p---"},
    {"ZwEnumerateKey", "---p-p"},
    {"ZwEnumerateValueKey", "---p-p"},
    {"ZwFlushBuffersFile", "-p"},
    {"ZwFreeVirtualMemory", "-pp-"},
    {"ZwFsControlFile", "----p-p-p-"},
    {"ZwLoadDriver", "s"},
    {"ZwMapViewOfSection", "--p--pp---"},
    {"ZwOpenDirectoryObject", "p-o"},
    {"ZwOpenEvent", "p-o"},
    {"ZwOpenFile", "p-op--"},
    {"ZwOpenKey", "p-o"},
    {"ZwOpenKeyEx", "p-o-"},
    {"ZwOpenProcess", "p-op"},
    {"ZwOpenProcessToken", "--p"},
    {"ZwOpenProcessTokenEx", "---p"},
    {"ZwOpenSection", "p-o"},
    {"ZwOpenSymbolicLinkObject", "p-o"},
    {"ZwOpenThread", "p-op"},
    {"ZwOpenThreadToken", "---p"},
    {"ZwOpenThreadTokenEx", "----p"},
    {"ZwOpenTimer", "p-o"},
    {"ZwQueryDirectoryFile", "----pp---s-"},
    {"ZwQueryFullAttributesFile", "op"},
    {"ZwQueryInformationFile", "-pp--"},
    {"ZwQueryInformationProcess", "--p-p"},
    {"ZwQueryInformationThread", "--p-p"},
    {"ZwQueryInformationToken", "--p-p"},
    {"ZwQueryKey", "--p-p"},
    {"ZwQueryObject", "--p-p"},
    {"ZwQuerySection", "--p-p"},
    {"ZwQuerySecurityObject", "--p-p"},
    {"ZwQuerySymbolicLinkObject", "-pp"},
    {"ZwQuerySystemInformation", "-p-p"},
    {"ZwQueryValueKey", "-s-p-p"},
    {"ZwQueryVolumeInformationFile", "-pp--"},
    {"ZwReadFile", "----pp-pp"},
    {"ZwRenameKey", "-s"},
    {"ZwSetInformationFile", "-pp--"},
    {"ZwSetInformationThread", "--p-"},
    {"ZwSetSecurityObject", "--p"},
    {"ZwSetValueKey", "-s--p-"},
    {"ZwUnloadDriver", "s"},
    {"ZwWaitForSingleObject", "--p"},
    {"ZwWriteFile", "----pp-pp"},
};

static const char *pattern_of(const char *name)
{
    size_t low = 0, high = PP_COUNT(services);

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(services[mid].name, name);

        if (!order)
            return services[mid].args;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* Argument `n` of the call: four in registers, the others above the return address and their home slots. */
static uint64_t argument(const struct ke_gate_record *r, unsigned n)
{
    return n < 4 ? r->args[n] : *(const uint64_t *)(uintptr_t)(r->rsp + 8ull * n);
}

static bool is_user(uint64_t addr)
{
    return addr >= KE_USER_LOW && addr < KE_USER_HIGH;
}

static bool can_read(uint64_t addr, size_t size)
{
    return addr >= KE_SYSTEM_LOW && mm_is_accessible(addr, size, false);
}

/* `part`: 0 for the argument itself, else what of it. */
static void address(const struct ke_gate_record *r, unsigned n, uint64_t addr, const char *part)
{
    char detail[VF_DETAIL];

    if (!is_user(addr))
        return;
    pp_fmt(detail, sizeof detail, "argument %u of %s%s", n + 1, r->export->name, part);
    ke_rule(VF_VER_ZW_ADDRESS, r->rip, addr, 0, detail);
}

static const char *string_fault(const UNICODE_STRING *s)
{
    if (s->Length > s->MaximumLength)
        return "its Length is larger than its MaximumLength";
    if (s->Length & 1)
        return "its Length is odd";
    if (s->MaximumLength & 1)
        return "its MaximumLength is odd";
    if (is_user(KE_ARG(s->Buffer)))
        return "its Buffer is a user-mode address";
    if (s->Length && !s->Buffer)
        return "it has a Length and no Buffer";
    return NULL;
}

static void string(const struct ke_gate_record *r, unsigned n, uint64_t addr, const char *part)
{
    const UNICODE_STRING *s = (const UNICODE_STRING *)(uintptr_t)addr;
    const char *fault;
    char detail[VF_DETAIL];

    address(r, n, addr, part);
    if (!can_read(addr, sizeof *s))
        return; /* the service faults on it, or was given none */
    fault = string_fault(s);
    if (!fault)
        return;
    pp_fmt(detail, sizeof detail, "argument %u of %s%s: %s", n + 1, r->export->name, part, fault);
    ke_rule(VF_VER_ZW_STRING, r->rip, addr, 0, detail);
}

static void attributes(const struct ke_gate_record *r, unsigned n, uint64_t addr)
{
    const OBJECT_ATTRIBUTES *a = (const OBJECT_ATTRIBUTES *)(uintptr_t)addr;

    address(r, n, addr, "");
    if (!can_read(addr, sizeof *a))
        return;
    string(r, n, KE_ARG(a->ObjectName), ", ObjectName");
    address(r, n, KE_ARG(a->SecurityDescriptor), ", SecurityDescriptor");
}

static void level(const struct ke_gate_record *r)
{
    const KTHREAD *k = &ke_thread_now->object->Tcb;
    char detail[VF_DETAIL];

    if (ke_irql_now == PASSIVE_LEVEL && !k->SpecialApcDisable)
        return;
    pp_fmt(detail, sizeof detail, "%s was called %s", r->export->name,
           ke_irql_now != PASSIVE_LEVEL ? "above PASSIVE_LEVEL" : "in a guarded region");
    ke_rule(VF_VER_ZW_IRQL, r->rip, ke_irql_now, (uint64_t)(int64_t)k->SpecialApcDisable, detail);
}

bool zw_check(const struct ke_gate_record *r)
{
    const char *args;

    if (!vf_is_enabled())
        return false;
    level(r);
    args = vf_has(VF_OPT_SECURITY) ? pattern_of(r->export->name) : NULL;
    for (unsigned n = 0; args && args[n]; n++) {
        if (args[n] == 'p')
            address(r, n, argument(r, n), "");
        else if (args[n] == 's')
            string(r, n, argument(r, n), "");
        else if (args[n] == 'o')
            attributes(r, n, argument(r, n));
    }
    return true;
}
