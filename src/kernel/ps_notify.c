/*
 * Notify routines for processes and images: registration, calls, the check at unload. (Threads:
 * ps_thread.c.)
 *
 * Doc: WDK, ntddk.h: PsSetCreateProcessNotifyRoutine(Ex, Ex2), PsSetLoadImageNotifyRoutine(Ex),
 * PsRemoveLoadImageNotifyRoutine.
 */
#include "kernel/kernel_priv.h"

#include <string.h>

enum { ROUTINES_MAX = 64 }; /* Doc: 64 since Windows Vista SP1 */
enum kind { NONE, PROCESS, PROCESS_EX, IMAGE };

static struct {
    struct notify {
        enum kind kind;
        uint64_t routine;
    } notify[2 * ROUTINES_MAX];
} g;

static struct notify *find(enum kind kind, uint64_t routine)
{
    for (size_t i = 0; i < PP_COUNT(g.notify); i++)
        if (g.notify[i].kind == kind && g.notify[i].routine == routine)
            return &g.notify[i];
    return NULL;
}

static NTSTATUS add(enum kind kind, uint64_t routine)
{
    unsigned used = 0;
    struct notify *n = find(NONE, 0);

    for (size_t i = 0; i < PP_COUNT(g.notify); i++)
        used += (g.notify[i].kind == IMAGE) == (kind == IMAGE) && g.notify[i].kind != NONE;
    if (used >= ROUTINES_MAX || !n)
        return STATUS_INVALID_PARAMETER;
    *n = (struct notify){kind, routine};
    return STATUS_SUCCESS;
}

static NTSTATUS set_process(enum kind kind, uint64_t routine, bool remove)
{
    struct notify *n = find(kind, routine);

    if (!remove)
        return n ? STATUS_INVALID_PARAMETER : add(kind, routine);
    if (!n)
        return STATUS_PROCEDURE_NOT_FOUND;
    *n = (struct notify){0};
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI PsSetCreateProcessNotifyRoutine(PCREATE_PROCESS_NOTIFY_ROUTINE routine,
                                                         BOOLEAN remove)
{
    return set_process(PROCESS, KE_ARG(routine), remove);
}

/* Doc: only for images linked with /INTEGRITYCHECK, else STATUS_ACCESS_DENIED. */
NT_EXPORT NTSTATUS NTAPI
PsSetCreateProcessNotifyRoutineEx(PCREATE_PROCESS_NOTIFY_ROUTINE_EX routine, BOOLEAN remove)
{
    const struct ke_image *image = ke_image_at(KE_ARG(routine));

    if (!remove && image && !(pe_image_info(image->pe)->dll_characteristics & 0x80)) {
        char text[200];

        pp_fmt(text, sizeof text,
               "%s: PsSetCreateProcessNotifyRoutineEx is refused, as on Windows: the image "
               "is not linked with /INTEGRITYCHECK",
               image->name);
        ke_m.config.host.warn(ke_m.config.host.ctx, text);
        return STATUS_ACCESS_DENIED;
    }
    return set_process(PROCESS_EX, KE_ARG(routine), remove);
}

/* kind 0: PsCreateProcessNotifySubsystems, the Ex form for all subsystems. */
NT_EXPORT NTSTATUS NTAPI PsSetCreateProcessNotifyRoutineEx2(ULONG kind, PVOID routine,
                                                            BOOLEAN remove)
{
    if (kind)
        return STATUS_INVALID_PARAMETER;
    return PsSetCreateProcessNotifyRoutineEx((PCREATE_PROCESS_NOTIFY_ROUTINE_EX)routine, remove);
}

NT_EXPORT NTSTATUS NTAPI PsSetLoadImageNotifyRoutine(PLOAD_IMAGE_NOTIFY_ROUTINE routine)
{
    return add(IMAGE, KE_ARG(routine)) ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI PsSetLoadImageNotifyRoutineEx(PLOAD_IMAGE_NOTIFY_ROUTINE routine,
                                                       ULONG_PTR flags)
{
    if (flags > 1)
        return STATUS_INVALID_PARAMETER_2;
    return PsSetLoadImageNotifyRoutine(routine);
}

NT_EXPORT NTSTATUS NTAPI PsRemoveLoadImageNotifyRoutine(PLOAD_IMAGE_NOTIFY_ROUTINE routine)
{
    struct notify *n = find(IMAGE, KE_ARG(routine));

    if (!n)
        return STATUS_PROCEDURE_NOT_FOUND;
    *n = (struct notify){0};
    return STATUS_SUCCESS;
}

/* ---- Calls ---- */

bool ps_has_notify(void)
{
    for (size_t i = 0; i < PP_COUNT(g.notify); i++)
        if (g.notify[i].kind != NONE)
            return true;
    return false;
}

/* A string in guarded memory, its structure in front: what callbacks get. */
static UNICODE_STRING *string_new(const WCHAR *text)
{
    UNICODE_STRING *s = ex_alloc_kernel(sizeof *s, "PsSt", false);
    size_t size = rtl_wcslen(text) * sizeof *text;

    s->Length = s->MaximumLength = (USHORT)size;
    s->Buffer = ex_alloc_kernel(size ? size : sizeof *text, "PsSt", false);
    memcpy(s->Buffer, text, size);
    return s;
}

static void string_free(UNICODE_STRING *s)
{
    ex_free_kernel(s->Buffer);
    ex_free_kernel(s);
}

NTSTATUS ps_notify_create(EPROCESS *process)
{
    PS_CREATE_NOTIFY_INFO *info = ex_alloc_kernel(sizeof *info, "PsCr", false);
    UNICODE_STRING *path = string_new(ps_image_path(process)),
                   *line = string_new(ps_command_line(process));
    uint64_t parent = KE_ARG(process->InheritedFromUniqueProcessId),
             id = KE_ARG(process->UniqueProcessId);
    NTSTATUS status;

    info->Size = sizeof *info;
    info->Flags = 1;
    info->ParentProcessId = process->InheritedFromUniqueProcessId;
    info->CreatingThreadId = ke_thread_now->object->Cid;
    info->ImageFileName = path;
    info->CommandLine = line;
    for (size_t i = 0; i < PP_COUNT(g.notify); i++) {
        const struct notify n = g.notify[i];

        if (n.kind == PROCESS)
            (void)ke_call(n.routine, parent, id, 1);
        else if (n.kind == PROCESS_EX)
            (void)ke_call(n.routine, KE_ARG(process), id, KE_ARG(info));
    }
    status = info->CreationStatus; /* a routine may refuse the process */
    string_free(path);
    string_free(line);
    ex_free_kernel(info);
    return status;
}

void ps_notify_exit(EPROCESS *process)
{
    uint64_t parent = KE_ARG(process->InheritedFromUniqueProcessId),
             id = KE_ARG(process->UniqueProcessId);

    for (size_t i = 0; i < PP_COUNT(g.notify); i++) {
        const struct notify n = g.notify[i];

        if (n.kind == PROCESS)
            (void)ke_call(n.routine, parent, id, 0);
        else if (n.kind == PROCESS_EX)
            (void)ke_call(n.routine, KE_ARG(process), id, 0);
    }
}

void ps_notify_image(const WCHAR *path, uint64_t pid, uint64_t base, uint64_t size)
{
    /* IMAGE_INFO is embedded in IMAGE_INFO_EX when the flag is set; it is not set here. */
    IMAGE_INFO *info;
    UNICODE_STRING *name;

    if (!ps_has_notify())
        return;
    info = ex_alloc_kernel(sizeof *info, "PsIm", false);
    name = string_new(path);
    info->Properties = 3u | (pid ? 0 : IMAGE_INFO_SYSTEM_MODE);
    info->ImageBase = (PVOID)(uintptr_t)base;
    info->ImageSize = size;
    for (size_t i = 0; i < PP_COUNT(g.notify); i++)
        if (g.notify[i].kind == IMAGE)
            (void)ke_call(g.notify[i].routine, KE_ARG(name), pid, KE_ARG(info));
    string_free(name);
    ex_free_kernel(info);
}

/* A program that starts, loads its image and ends at once; in a request or system thread. */
NTSTATUS ps_exercise(void)
{
    EPROCESS *p = ps_new(ke_client_id_next(),
                         u"\\Device\\HarddiskVolume1\\Windows\\System32\\whoami.exe", ps_user);
    NTSTATUS status;
    EPROCESS *old;

    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = ps_notify_create(p);
    if (NT_SUCCESS(status)) {
        old = ps_attach(p);
        ps_notify_image(ps_image_path(p), KE_ARG(p->UniqueProcessId), 0x140000000, 0x12000);
        ps_attach(old);
    }
    ps_notify_exit(p);
    ps_exit(p, NT_SUCCESS(status) ? STATUS_SUCCESS : status);
    return status;
}

static void exercise_inside(void *arg)
{
    *(NTSTATUS *)arg = ps_exercise();
}

bool ke_program_run(void)
{
    static NTSTATUS status; /* outlives a thread that never returns */

    return ps_has_notify() && io_run(exercise_inside, &status, true) == IO_RAN;
}

unsigned ps_check_unload(struct ke_image *image)
{
    static const char *const what[] = {"", "PsSetCreateProcessNotifyRoutine",
                                       "PsSetCreateProcessNotifyRoutineEx",
                                       "PsSetLoadImageNotifyRoutine"};
    unsigned left = 0;

    for (size_t i = 0; i < PP_COUNT(g.notify); i++) {
        struct notify *n = &g.notify[i];
        struct vf_case c = {.rule = VF_UNLOAD_CALLBACK,
                            .p = {n->routine},
                            .access = VF_NO_ACCESS,
                            .object = what[n->kind]};

        if (n->kind == NONE || n->routine < image->base || n->routine >= image->base + image->size)
            continue;
        (void)vf_report(&c);
        *n = (struct notify){0};
        left++;
    }
    return left;
}
