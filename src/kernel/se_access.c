/*
 * Subjects, access checks, privileges, descriptors as the Se routines handle them.
 *
 * The check follows [MS-DTYP] 2.5.3.2: owner's implicit rights, then the ACEs in order; kernel mode
 * is granted everything it asks for.
 *
 * Doc: WDK, wdm.h and ntifs.h: SeAccessCheck, SeCaptureSubjectContext, SePrivilegeCheck,
 * SeCaptureSecurityDescriptor, SeAssignSecurity, SeQuerySecurityDescriptorInfo.
 */
#include "kernel/se_priv.h"

#include <string.h>

#define STATUS_NO_SECURITY_ON_OBJECT ((NTSTATUS)0xC00000D7) /* [MS-ERREF] */
enum { TAG_SD = 0x64536553 /* "SeSd" */ };

/* ---- Subjects ---- */

NT_EXPORT VOID NTAPI SeCaptureSubjectContextEx(PETHREAD thread, PEPROCESS process,
                                               PSECURITY_SUBJECT_CONTEXT c)
{
    struct se_token *client =
        thread && thread->ClientSecurity ? se_token_of(thread->ClientSecurity) : NULL;
    void *primary = (void *)(uintptr_t)(process->Token & ~0xFull);

    memset(c, 0, sizeof *c);
    if (client) {
        ob_ref(client->object);
        c->ClientToken = client->object;
        c->ImpersonationLevel = client->level;
    }
    ob_ref(primary);
    c->PrimaryToken = primary;
    c->ProcessAuditId = process->UniqueProcessId;
}

NT_EXPORT VOID NTAPI SeCaptureSubjectContext(PSECURITY_SUBJECT_CONTEXT c)
{
    SeCaptureSubjectContextEx(ke_thread_now->object, ps_current(), c);
}

NT_EXPORT VOID NTAPI SeReleaseSubjectContext(PSECURITY_SUBJECT_CONTEXT c)
{
    if (c->PrimaryToken)
        ob_unref(c->PrimaryToken);
    if (c->ClientToken)
        ob_unref(c->ClientToken);
    c->PrimaryToken = c->ClientToken = NULL;
}

/* One host thread: tokens do not change under a check. */
NT_EXPORT VOID NTAPI SeLockSubjectContext(PSECURITY_SUBJECT_CONTEXT c)
{
    (void)c;
}

NT_EXPORT VOID NTAPI SeUnlockSubjectContext(PSECURITY_SUBJECT_CONTEXT c)
{
    (void)c;
}

static const struct se_token *effective(const SECURITY_SUBJECT_CONTEXT *c)
{
    const struct se_token *t = se_token_of(c->ClientToken ? c->ClientToken : c->PrimaryToken);

    return t ? t : se_primary();
}

/* ---- Access ---- */

static ACCESS_MASK map(ACCESS_MASK access, const GENERIC_MAPPING *m)
{
    if (access & GENERIC_READ)
        access |= m->GenericRead;
    if (access & GENERIC_WRITE)
        access |= m->GenericWrite;
    if (access & GENERIC_EXECUTE)
        access |= m->GenericExecute;
    if (access & GENERIC_ALL)
        access |= m->GenericAll;
    return access & ~(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL);
}

/* Walks the ACL; bits not yet decided are decided by the first ACE that names them. */
static ACCESS_MASK walk_acl(const struct se_check *c, ACCESS_MASK wanted)
{
    const ACL *acl = c->sd.dacl;
    ACCESS_MASK granted = 0, denied = 0;
    const uint8_t *at = (const uint8_t *)(acl + 1), *end = (const uint8_t *)acl + acl->AclSize;

    for (unsigned i = 0; i < acl->AceCount && at + sizeof(ACCESS_ALLOWED_ACE) <= end; i++) {
        const ACCESS_ALLOWED_ACE *ace = (const ACCESS_ALLOWED_ACE *)at;
        ACCESS_MASK mask = map(ace->Mask, &c->mapping);

        if (!(ace->Header.AceFlags & INHERIT_ONLY_ACE)) {
            if (ace->Header.AceType == ACCESS_ALLOWED_ACE_TYPE &&
                se_has_group(c->token, &ace->SidStart, false))
                granted |= mask & ~denied;
            else if (ace->Header.AceType == ACCESS_DENIED_ACE_TYPE &&
                     se_has_group(c->token, &ace->SidStart, true))
                denied |= mask & ~granted;
        }
        if (ace->Header.AceSize < sizeof(ACE_HEADER))
            break;
        at += ace->Header.AceSize;
    }
    return granted & wanted;
}

NTSTATUS se_access_check(const struct se_check *c, ACCESS_MASK *ret_granted)
{
    ACCESS_MASK desired = map(c->desired, &c->mapping), granted = c->granted_before;
    bool maximum = desired & MAXIMUM_ALLOWED;
    ACCESS_MASK wanted = maximum ? ~0u : desired & ~MAXIMUM_ALLOWED;

    *ret_granted = 0;
    if (desired & ACCESS_SYSTEM_SECURITY) {
        if (!(c->token->enabled & 1ull << SE_SECURITY_PRIVILEGE))
            return STATUS_PRIVILEGE_NOT_HELD;
        granted |= ACCESS_SYSTEM_SECURITY;
    }
    if (desired & WRITE_OWNER && c->token->enabled & 1ull << SE_TAKE_OWNERSHIP_PRIVILEGE)
        granted |= WRITE_OWNER;
    if (c->sd.owner && se_has_group(c->token, c->sd.owner, false))
        granted |= wanted & (READ_CONTROL | WRITE_DAC);
    if (!c->sd.dacl) /* no ACL: everything; an empty one: nothing */
        granted |= maximum ? c->mapping.GenericAll : wanted;
    else
        granted |= walk_acl(c, wanted);
    if (!maximum && desired & ~granted)
        return STATUS_ACCESS_DENIED;
    if (maximum && (desired & ~MAXIMUM_ALLOWED & ~granted || !granted))
        return STATUS_ACCESS_DENIED;
    *ret_granted = maximum ? granted : desired | c->granted_before;
    return STATUS_SUCCESS;
}

/* Ten parameters, as Windows has it. */
NT_EXPORT BOOLEAN NTAPI SeAccessCheck(PSECURITY_DESCRIPTOR sd, PSECURITY_SUBJECT_CONTEXT context,
                                      BOOLEAN locked, ACCESS_MASK desired,
                                      ACCESS_MASK granted_before, PPRIVILEGE_SET *ret_privileges,
                                      PGENERIC_MAPPING mapping, KPROCESSOR_MODE mode,
                                      PACCESS_MASK ret_granted, PNTSTATUS ret_status)
{
    struct se_check c = {.token = effective(context),
                         .desired = desired,
                         .granted_before = granted_before,
                         .mapping = *mapping};
    ACCESS_MASK granted = 0;

    (void)locked;
    if (ret_privileges)
        *ret_privileges = NULL;
    if (mode == KernelMode) {
        *ret_granted =
            (desired & MAXIMUM_ALLOWED ? mapping->GenericAll | (desired & ~MAXIMUM_ALLOWED)
                                       : map(desired, mapping)) |
            granted_before;
        *ret_status = STATUS_SUCCESS;
        return TRUE;
    }
    if (!sd) {
        *ret_status = STATUS_ACCESS_DENIED;
        return FALSE;
    }
    se_sd_read(&c.sd, sd);
    *ret_status = se_access_check(&c, &granted);
    *ret_granted = granted;
    return NT_SUCCESS(*ret_status);
}

/* ---- Privileges ---- */

static bool holds(const struct se_token *t, LUID privilege)
{
    return !privilege.HighPart && privilege.LowPart < 64 && t->enabled & 1ull << privilege.LowPart;
}

/* The LUID comes by value, in a register. */
NT_EXPORT BOOLEAN NTAPI SeSinglePrivilegeCheck(LUID privilege, KPROCESSOR_MODE mode)
{
    SECURITY_IMPERSONATION_LEVEL level;
    const struct se_token *t = se_client(&level);

    return mode == KernelMode || holds(t ? t : se_primary(), privilege);
}

NT_EXPORT BOOLEAN NTAPI SePrivilegeCheck(PPRIVILEGE_SET set, PSECURITY_SUBJECT_CONTEXT context,
                                         KPROCESSOR_MODE mode)
{
    const struct se_token *t = effective(context);
    unsigned have = 0;

    if (mode == KernelMode)
        return TRUE;
    if (context->ClientToken && context->ImpersonationLevel < SecurityImpersonation)
        return FALSE;
    for (ULONG i = 0; i < set->PrivilegeCount; i++)
        if (holds(t, set->Privilege[i].Luid)) {
            set->Privilege[i].Attributes |= SE_PRIVILEGE_USED_FOR_ACCESS;
            have++;
        }
    return set->Control & PRIVILEGE_SET_ALL_NECESSARY ? have == set->PrivilegeCount : have > 0;
}

NT_EXPORT BOOLEAN NTAPI SeCheckPrivilegedObject(LUID privilege, HANDLE object, ACCESS_MASK access,
                                                KPROCESSOR_MODE mode)
{
    (void)object;
    (void)access;
    return SeSinglePrivilegeCheck(privilege, mode);
}

NT_EXPORT VOID NTAPI SeFreePrivileges(PPRIVILEGE_SET set)
{
    if (set)
        ex_free_kernel(set);
}

/* ---- Access states ---- */

NT_EXPORT NTSTATUS NTAPI SeCreateAccessState(PACCESS_STATE state, PVOID aux, ACCESS_MASK desired,
                                             PGENERIC_MAPPING mapping)
{
    memset(state, 0, sizeof *state);
    memset(aux, 0, 0xC8); /* AUX_ACCESS_DATA */
    SeCaptureSubjectContext(&state->SubjectSecurityContext);
    state->AuxData = aux;
    state->RemainingDesiredAccess = state->OriginalDesiredAccess =
        mapping ? map(desired, mapping) : desired;
    if (mapping)
        memcpy((uint8_t *)aux + 8, mapping, sizeof *mapping);
    state->Privileges.InitialPrivilegeSet.PrivilegeCount = 0;
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI SeDeleteAccessState(PACCESS_STATE state)
{
    SeReleaseSubjectContext(&state->SubjectSecurityContext);
}

NT_EXPORT VOID NTAPI SeSetAccessStateGenericMapping(PACCESS_STATE state, PGENERIC_MAPPING mapping)
{
    memcpy((uint8_t *)state->AuxData + 8, mapping, sizeof *mapping);
}

/* Doc: ntifs.h: privileges that a check used are added to the access state's. */
NT_EXPORT NTSTATUS NTAPI SeAppendPrivileges(PACCESS_STATE state, PPRIVILEGE_SET set)
{
    PRIVILEGE_SET *to = &state->Privileges.PrivilegeSet;

    if (to->PrivilegeCount + set->PrivilegeCount > 3)
        ke_not_modelled("SeAppendPrivileges", "more than three privileges");
    memcpy(&to->Privilege[to->PrivilegeCount], set->Privilege,
           set->PrivilegeCount * sizeof set->Privilege[0]);
    to->PrivilegeCount += set->PrivilegeCount;
    return STATUS_SUCCESS;
}

/* Nothing is audited: the descriptor asks for it in its SACL, which is not looked at. */
NT_EXPORT VOID NTAPI SeOpenObjectAuditAlarm(PUNICODE_STRING type, PVOID object,
                                            PUNICODE_STRING name, PSECURITY_DESCRIPTOR sd,
                                            PACCESS_STATE state, BOOLEAN created, BOOLEAN granted,
                                            KPROCESSOR_MODE mode, PBOOLEAN ret_on_close)
{
    (void)type, (void)object, (void)name, (void)sd, (void)state, (void)created, (void)granted,
        (void)mode;
    *ret_on_close = FALSE;
}

NT_EXPORT BOOLEAN NTAPI SeAuditingFileEvents(BOOLEAN granted, PSECURITY_DESCRIPTOR sd)
{
    (void)granted;
    (void)sd;
    return FALSE;
}

NT_EXPORT NTSTATUS NTAPI SeMarkLogonSessionForTerminationNotification(PLUID id)
{
    /* Sessions do not end while the machine runs; one that does not exist is told. */
    return se_has_session(id) ? STATUS_SUCCESS : STATUS_NOT_FOUND;
}

/* ---- Descriptors ---- */

/* Into memory of the driver's, freed with ExFreePool. */
static NTSTATUS to_driver(const struct se_sd *sd, POOL_TYPE type, PSECURITY_DESCRIPTOR *ret)
{
    size_t size;
    void *built = se_sd_build(sd, &size), *copy;

    if (!built)
        return STATUS_INSUFFICIENT_RESOURCES;
    copy = ex_alloc_for_driver(type, size, TAG_SD);
    if (copy)
        memcpy(copy, built, size);
    pp_free(built);
    if (!copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    *ret = copy;
    return STATUS_SUCCESS;
}

static NTSTATUS check_sd(PSECURITY_DESCRIPTOR sd)
{
    const SECURITY_DESCRIPTOR *d = sd;
    struct se_sd parts;

    if (d->Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    se_sd_read(&parts, sd);
    if ((parts.owner && !RtlValidSid((PSID)(uintptr_t)parts.owner)) ||
        (parts.group && !RtlValidSid((PSID)(uintptr_t)parts.group)))
        return STATUS_INVALID_SID;
    if ((parts.dacl && !RtlValidAcl((PACL)(uintptr_t)parts.dacl)) ||
        (parts.sacl && !RtlValidAcl((PACL)(uintptr_t)parts.sacl)))
        return STATUS_INVALID_ACL;
    return STATUS_SUCCESS;
}

/* A self-relative copy in the caller's pool; kernel mode without force gets its own pointer back.
 */
NT_EXPORT NTSTATUS NTAPI SeCaptureSecurityDescriptor(PSECURITY_DESCRIPTOR sd, KPROCESSOR_MODE mode,
                                                     POOL_TYPE type, BOOLEAN force,
                                                     PSECURITY_DESCRIPTOR *ret)
{
    struct se_sd parts;
    NTSTATUS status;

    if (!sd) {
        *ret = NULL;
        return STATUS_SUCCESS;
    }
    if (mode == KernelMode && !force) {
        *ret = sd;
        return STATUS_SUCCESS;
    }
    status = check_sd(sd);
    if (status)
        return status;
    se_sd_read(&parts, sd);
    return to_driver(&parts, type, ret);
}

NT_EXPORT VOID NTAPI SeReleaseSecurityDescriptor(PSECURITY_DESCRIPTOR sd, KPROCESSOR_MODE mode,
                                                 BOOLEAN force)
{
    if (sd && (mode != KernelMode || force))
        ex_free_for_driver(sd, 0);
}

NT_EXPORT BOOLEAN NTAPI SeValidSecurityDescriptor(ULONG length, PSECURITY_DESCRIPTOR sd)
{
    const SECURITY_DESCRIPTOR_RELATIVE *d = sd;

    return length >= sizeof *d && d->Control & SE_SELF_RELATIVE && !check_sd(sd);
}

NT_EXPORT NTSTATUS NTAPI SeConvertStringSecurityDescriptorToSecurityDescriptor(
    PWSTR text, ULONG revision, PSECURITY_DESCRIPTOR *ret, PULONG ret_size)
{
    void *sd = NULL, *copy;
    size_t size = 0;
    int err;

    if (revision != 1 || !text || !ret)
        return STATUS_INVALID_PARAMETER;
    err = se_sddl_parse(text, rtl_wcslen(text), &sd, &size);
    if (err)
        return err == -12 /* ENOMEM */ ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER;
    copy = ex_alloc_for_driver(PagedPool, size, TAG_SD);
    if (copy)
        memcpy(copy, sd, size);
    pp_free(sd);
    if (!copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    *ret = copy;
    if (ret_size)
        *ret_size = (ULONG)size;
    return STATUS_SUCCESS;
}

/* Only the parts asked for. */
static struct se_sd select_parts(const void *sd, SECURITY_INFORMATION info)
{
    struct se_sd parts;

    se_sd_read(&parts, sd);
    if (!(info & OWNER_SECURITY_INFORMATION))
        parts.owner = NULL;
    if (!(info & GROUP_SECURITY_INFORMATION))
        parts.group = NULL;
    if (!(info & DACL_SECURITY_INFORMATION)) {
        parts.dacl = NULL;
        parts.control &= (USHORT) ~(SE_DACL_PRESENT | SE_DACL_DEFAULTED | SE_DACL_PROTECTED);
    }
    if (!(info & (SACL_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION))) {
        parts.sacl = NULL;
        parts.control &= (USHORT) ~(SE_SACL_PRESENT | SE_SACL_DEFAULTED | SE_SACL_PROTECTED);
    }
    return parts;
}

/* *length: room in, needed out. */
NTSTATUS se_query(const void *sd, SECURITY_INFORMATION info, void *to, ULONG *length)
{
    struct se_sd parts = select_parts(sd, info);
    size_t size = 0;
    void *built = se_sd_build(&parts, &size);
    ULONG room = *length;

    if (!built)
        return STATUS_INSUFFICIENT_RESOURCES;
    *length = (ULONG)size;
    if (room >= size)
        memcpy(to, built, size);
    pp_free(built);
    return room >= size ? STATUS_SUCCESS : STATUS_BUFFER_TOO_SMALL;
}

/* What `from` says about the parts in `info`, the rest from `old`. NULL: no memory. */
void *se_merge(const void *old, SECURITY_INFORMATION info, const void *from, size_t *ret_size)
{
    struct se_sd parts, news;

    se_sd_read(&parts, old);
    se_sd_read(&news, from);
    if (info & OWNER_SECURITY_INFORMATION)
        parts.owner = news.owner;
    if (info & GROUP_SECURITY_INFORMATION)
        parts.group = news.group;
    if (info & DACL_SECURITY_INFORMATION) {
        parts.dacl = news.dacl;
        parts.control = (USHORT)((parts.control & ~(SE_DACL_PRESENT | SE_DACL_PROTECTED)) |
                                 (news.control & (SE_DACL_PRESENT | SE_DACL_PROTECTED)));
    }
    if (info & (SACL_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION)) {
        parts.sacl = news.sacl;
        parts.control = (USHORT)((parts.control & ~(SE_SACL_PRESENT | SE_SACL_PROTECTED)) |
                                 (news.control & (SE_SACL_PRESENT | SE_SACL_PROTECTED)));
    }
    return se_sd_build(&parts, ret_size);
}

NT_EXPORT NTSTATUS NTAPI SeQuerySecurityDescriptorInfo(PSECURITY_INFORMATION info,
                                                       PSECURITY_DESCRIPTOR to, PULONG length,
                                                       PSECURITY_DESCRIPTOR *sd)
{
    if (!*sd) { /* no descriptor: an empty one */
        SECURITY_DESCRIPTOR_RELATIVE empty = {
            SECURITY_DESCRIPTOR_REVISION, 0, SE_SELF_RELATIVE, 0, 0, 0, 0};
        ULONG room = *length;

        *length = sizeof empty;
        if (room < sizeof empty)
            return STATUS_BUFFER_TOO_SMALL;
        memcpy(to, &empty, sizeof empty);
        return STATUS_SUCCESS;
    }
    return se_query(*sd, *info, to, length);
}

/* The new descriptor comes from the caller's pool; the old one is freed by the caller (wdm.h) or
 * here (Ex). */
NT_EXPORT NTSTATUS NTAPI SeSetSecurityDescriptorInfo(PVOID object, PSECURITY_INFORMATION info,
                                                     PSECURITY_DESCRIPTOR from,
                                                     PSECURITY_DESCRIPTOR *sd, POOL_TYPE type,
                                                     PGENERIC_MAPPING mapping)
{
    size_t size;
    void *built, *copy;

    (void)object;
    (void)mapping;
    if (!*sd)
        return STATUS_NO_SECURITY_ON_OBJECT;
    built = se_merge(*sd, *info, from, &size);
    if (!built)
        return STATUS_INSUFFICIENT_RESOURCES;
    copy = ex_alloc_for_driver(type, size, TAG_SD);
    if (copy)
        memcpy(copy, built, size);
    pp_free(built);
    if (!copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    *sd = copy;
    return STATUS_SUCCESS;
}

/* ---- Assigning to new objects ---- */

/* Generic rights become what they mean for the object; ACEs that are only passed on keep them. */
static void map_acl(ACL *acl, const GENERIC_MAPPING *mapping)
{
    uint8_t *at = (uint8_t *)(acl + 1);

    for (unsigned i = 0; i < acl->AceCount; i++) {
        ACCESS_ALLOWED_ACE *ace = (ACCESS_ALLOWED_ACE *)at;

        if (!(ace->Header.AceFlags & INHERIT_ONLY_ACE))
            ace->Mask = map(ace->Mask, mapping);
        at += ace->Header.AceSize;
    }
}

struct assign {
    const void *parent, *explicit_sd;
    const struct se_token *token;
    bool container;
    const GENERIC_MAPPING *mapping; /* NULL: generic rights stay */
    POOL_TYPE type;
};

/* Explicit first, then what the parent passes on, then the subject's defaults. */
static NTSTATUS assign(const struct assign *a, PSECURITY_DESCRIPTOR *ret)
{
    const void *parent = a->parent, *explicit_sd = a->explicit_sd;
    const struct se_token *t = a->token;
    bool container = a->container;
    uint8_t *mapped = NULL;
    struct se_sd parts = {0}, from;
    uint8_t *acl_bytes = NULL;
    NTSTATUS status;

    if (explicit_sd) {
        se_sd_read(&parts, explicit_sd);
        parts.control &= (USHORT)~SE_SELF_RELATIVE;
    }
    if (!(parts.control & SE_DACL_PRESENT) && parent) {
        se_sd_read(&from, parent);
        if (from.dacl && (acl_bytes = pp_new(from.dacl->AclSize))) {
            ACL *acl = (ACL *)acl_bytes;
            const uint8_t *at = (const uint8_t *)(from.dacl + 1);

            *acl = *from.dacl;
            acl->AclSize = sizeof *acl;
            acl->AceCount = 0;
            for (unsigned i = 0; i < from.dacl->AceCount; i++) {
                const ACE_HEADER *ace = (const ACE_HEADER *)at;
                UCHAR passes = container ? CONTAINER_INHERIT_ACE : OBJECT_INHERIT_ACE;

                if (ace->AceFlags & passes) {
                    ACE_HEADER *to = (ACE_HEADER *)(acl_bytes + acl->AclSize);

                    memcpy(to, ace, ace->AceSize);
                    to->AceFlags = (UCHAR)(INHERITED_ACE |
                                           (container && !(ace->AceFlags & NO_PROPAGATE_INHERIT_ACE)
                                                ? ace->AceFlags & 3
                                                : 0));
                    acl->AclSize = (USHORT)(acl->AclSize + ace->AceSize);
                    acl->AceCount++;
                }
                at += ace->AceSize;
            }
            if (acl->AceCount) {
                parts.dacl = acl;
                parts.control |= SE_DACL_PRESENT;
            }
        }
    }
    if (!(parts.control & SE_DACL_PRESENT)) {
        se_sd_read(&from, se_token_default_sd());
        parts.dacl = from.dacl;
        parts.control |= SE_DACL_PRESENT;
    }
    if (parts.dacl && a->mapping && (mapped = pp_new(parts.dacl->AclSize))) {
        memcpy(mapped, parts.dacl, parts.dacl->AclSize);
        map_acl((ACL *)mapped, a->mapping);
        parts.dacl = (ACL *)mapped;
    }
    if (!parts.owner)
        parts.owner = se_default_owner(t);
    if (!parts.group)
        parts.group = se_primary_group(t);
    status = to_driver(&parts, a->type, ret);
    pp_free(acl_bytes);
    pp_free(mapped);
    return status;
}

NT_EXPORT NTSTATUS NTAPI SeAssignSecurity(PSECURITY_DESCRIPTOR parent,
                                          PSECURITY_DESCRIPTOR explicit_sd,
                                          PSECURITY_DESCRIPTOR *ret, BOOLEAN is_directory,
                                          PSECURITY_SUBJECT_CONTEXT context,
                                          PGENERIC_MAPPING mapping, POOL_TYPE type)
{
    return assign(
        &(struct assign){parent, explicit_sd, effective(context), is_directory, mapping, type},
        ret);
}

NT_EXPORT NTSTATUS NTAPI SeAssignSecurityEx(PSECURITY_DESCRIPTOR parent,
                                            PSECURITY_DESCRIPTOR explicit_sd,
                                            PSECURITY_DESCRIPTOR *ret, PVOID object_type,
                                            BOOLEAN is_directory, ULONG flags,
                                            PSECURITY_SUBJECT_CONTEXT context,
                                            PGENERIC_MAPPING mapping, POOL_TYPE type)
{
    (void)object_type;
    (void)flags;
    return assign(
        &(struct assign){parent, explicit_sd, effective(context), is_directory, mapping, type},
        ret);
}

NT_EXPORT NTSTATUS NTAPI SeDeassignSecurity(PSECURITY_DESCRIPTOR *sd)
{
    if (*sd)
        ex_free_for_driver(*sd, 0);
    *sd = NULL;
    return STATUS_SUCCESS;
}
