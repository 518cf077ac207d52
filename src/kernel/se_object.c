/*
 * Security of objects, and tokens by handle: the Ob and Zw side.
 *
 * A descriptor is kept with each object that was given one; the others have the default of devices.
 *
 * Doc: WDK, ntifs.h: ZwSetSecurityObject, ZwQuerySecurityObject, ObGetObjectSecurity,
 * ZwOpenProcessTokenEx, ZwQueryInformationToken, SeQueryInformationToken, SeImpersonateClientEx.
 */
#include "kernel/se_priv.h"

#include <string.h>

enum { TAG_TOKEN = 0x6F546553 /* "SeTo" */ };

/* ---- Objects ---- */

NT_EXPORT NTSTATUS NTAPI ZwQuerySecurityObject(HANDLE h, SECURITY_INFORMATION info,
                                               PSECURITY_DESCRIPTOR to, ULONG length,
                                               PULONG ret_length)
{
    void *object;
    size_t size;
    NTSTATUS status = ob_handle_ref(h, NULL, &object);

    if (status)
        return status;
    status = se_query(se_object_sd(object, &size), info, to, &length);
    ob_unref(object);
    *ret_length = length;
    return status;
}

/* A device's descriptor belongs to the named device at the bottom; a file handle leads to its
 * device. */
static void *owner_of_security(void *object)
{
    return ob_is(object, ob_type_file) ? ((FILE_OBJECT *)object)->DeviceObject : object;
}

static NTSTATUS set_security(HANDLE h, SECURITY_INFORMATION info, PSECURITY_DESCRIPTOR sd)
{
    void *object, *built;
    size_t size;
    NTSTATUS status;

    if (!sd)
        return STATUS_ACCESS_VIOLATION;
    if (((SECURITY_DESCRIPTOR *)sd)->Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    status = ob_handle_ref(h, NULL, &object);
    if (status)
        return status;
    built = se_merge(se_object_sd(owner_of_security(object), &size), info, sd, &size);
    if (built)
        ob_security_set(owner_of_security(object), built, size);
    else
        status = STATUS_INSUFFICIENT_RESOURCES;
    pp_free(built);
    ob_unref(object);
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwSetSecurityObject(HANDLE h, SECURITY_INFORMATION info,
                                             PSECURITY_DESCRIPTOR sd)
{
    return set_security(h, info, sd);
}

NT_EXPORT NTSTATUS NTAPI NtSetSecurityObject(HANDLE h, SECURITY_INFORMATION info,
                                             PSECURITY_DESCRIPTOR sd)
{
    if (!zw_probe(ps_previous_mode(), sd, sizeof(SECURITY_DESCRIPTOR)))
        return STATUS_ACCESS_VIOLATION;
    return set_security(h, info, sd);
}

/* A copy that ObReleaseObjectSecurity takes back; *allocated: it has to. */
NT_EXPORT NTSTATUS NTAPI ObGetObjectSecurity(PVOID object, PSECURITY_DESCRIPTOR *ret,
                                             PBOOLEAN allocated)
{
    size_t size;
    const void *sd;
    void *copy;

    if (!ob_type_of(object))
        return STATUS_INVALID_PARAMETER;
    sd = se_object_sd(object, &size);
    copy = ex_alloc_kernel(size, "ObSd", true);
    memcpy(copy, sd, size);
    *ret = copy;
    *allocated = TRUE;
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI ObReleaseObjectSecurity(PSECURITY_DESCRIPTOR sd, BOOLEAN allocated)
{
    if (sd && allocated)
        ex_free_kernel(sd);
}

NT_EXPORT NTSTATUS NTAPI ObSetSecurityObjectByPointer(PVOID object, SECURITY_INFORMATION info,
                                                      PSECURITY_DESCRIPTOR sd)
{
    size_t size;
    void *built =
        ob_type_of(object) ? se_merge(se_object_sd(object, &size), info, sd, &size) : NULL;

    if (!built)
        return ob_type_of(object) ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER;
    ob_security_set(object, built, size);
    pp_free(built);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ObAssignSecurity(PACCESS_STATE state, PSECURITY_DESCRIPTOR parent,
                                          PVOID object, POBJECT_TYPE type)
{
    size_t size;
    const void *sd = state->SecurityDescriptor ? state->SecurityDescriptor : parent;
    void *built;

    (void)type;
    if (!sd)
        return STATUS_SUCCESS; /* the default */
    built = se_merge(se_default_sd(&size), 0xF, sd, &size);
    if (!built)
        return STATUS_INSUFFICIENT_RESOURCES;
    ob_security_set(object, built, size);
    pp_free(built);
    return STATUS_SUCCESS;
}

/* A shared copy with a count of its own, given back with ObDereferenceSecurityDescriptor. */
struct shared_sd {
    uint64_t count;
    uint8_t bytes[];
};

NT_EXPORT NTSTATUS NTAPI ObLogSecurityDescriptor(PSECURITY_DESCRIPTOR in, PSECURITY_DESCRIPTOR *ret,
                                                 ULONG bias)
{
    struct se_sd parts;
    struct shared_sd *s;
    size_t size;
    void *built;

    se_sd_read(&parts, in);
    built = se_sd_build(&parts, &size);
    if (!built)
        return STATUS_INSUFFICIENT_RESOURCES;
    s = ex_alloc_kernel(sizeof *s + size, "ObSs", true);
    s->count = bias;
    memcpy(s->bytes, built, size);
    pp_free(built);
    *ret = s->bytes;
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI ObReferenceSecurityDescriptor(PSECURITY_DESCRIPTOR sd, ULONG count)
{
    PP_CONTAINER(sd, struct shared_sd, bytes)->count += count;
}

NT_EXPORT VOID NTAPI ObDereferenceSecurityDescriptor(PSECURITY_DESCRIPTOR sd, ULONG count)
{
    struct shared_sd *s = PP_CONTAINER(sd, struct shared_sd, bytes);

    s->count -= PP_MIN((uint64_t)count, s->count);
    if (!s->count)
        ex_free_kernel(s);
}

/* ---- Tokens by handle ---- */

NT_EXPORT NTSTATUS NTAPI ZwOpenProcessTokenEx(HANDLE process, ACCESS_MASK access, ULONG attributes,
                                              PHANDLE ret)
{
    HANDLE h = NULL;
    void *object;
    NTSTATUS status = ob_handle_ref(process, ob_type_process, &object);

    if (status)
        return status;
    status = ob_handle_new((void *)(uintptr_t)(((EPROCESS *)object)->Token & ~0xFull), access,
                           attributes, &h);
    ob_unref(object);
    if (!status)
        *ret = h;
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwOpenProcessToken(HANDLE process, ACCESS_MASK access, PHANDLE ret)
{
    return ZwOpenProcessTokenEx(process, access, 0, ret);
}

NT_EXPORT NTSTATUS NTAPI ZwOpenThreadTokenEx(HANDLE thread, ACCESS_MASK access, BOOLEAN as_self,
                                             ULONG attributes, PHANDLE ret)
{
    HANDLE h = NULL;
    void *object;
    NTSTATUS status = ob_handle_ref(thread, ob_type_thread, &object);

    (void)as_self;
    if (status)
        return status;
    status = ((ETHREAD *)object)->ClientSecurity
                 ? ob_handle_new(((ETHREAD *)object)->ClientSecurity, access, attributes, &h)
                 : STATUS_NO_TOKEN;
    ob_unref(object);
    if (!status)
        *ret = h;
    return status;
}

NT_EXPORT NTSTATUS NTAPI ZwOpenThreadToken(HANDLE thread, ACCESS_MASK access, BOOLEAN as_self,
                                           PHANDLE ret)
{
    return ZwOpenThreadTokenEx(thread, access, as_self, 0, ret);
}

/* ---- Token queries ---- */

enum token_class {
    TOKEN_USER = 1,
    TOKEN_GROUPS,
    TOKEN_PRIVILEGES,
    TOKEN_OWNER,
    TOKEN_PRIMARY_GROUP,
    TOKEN_DEFAULT_DACL,
    TOKEN_SOURCE,
    TOKEN_TYPE_CLASS,
    TOKEN_IMPERSONATION_LEVEL,
    TOKEN_STATISTICS,
    TOKEN_RESTRICTED_SIDS,
    TOKEN_SESSION_ID,
    TOKEN_SANDBOX_INERT = 15,
    TOKEN_ELEVATION_TYPE = 18,
    TOKEN_ELEVATION = 20,
    TOKEN_HAS_RESTRICTIONS = 21,
    TOKEN_VIRTUALIZATION_ALLOWED = 23,
    TOKEN_VIRTUALIZATION_ENABLED = 24,
    TOKEN_INTEGRITY_LEVEL = 25,
    TOKEN_UI_ACCESS = 26,
    TOKEN_MANDATORY_POLICY = 27,
    TOKEN_LOGON_SID = 28,
    TOKEN_IS_APP_CONTAINER = 29,
};

/* SIDs follow the fixed part; pointers are to where the answer will lie (`base`). */
struct put {
    uint8_t bytes[2048];
    size_t fixed, used;
    uint64_t base;
};

static void put_fixed(struct put *p, const void *from, size_t size)
{
    memcpy(p->bytes, from, size);
    p->fixed = p->used = size;
}

static void put_sid(struct put *p, size_t at, const SID *sid, ULONG attributes)
{
    SID_AND_ATTRIBUTES entry = {(PSID)(uintptr_t)(p->base + p->used), attributes};

    memcpy(p->bytes + at, &entry, sizeof entry);
    memcpy(p->bytes + p->used, sid, se_sid_size(sid));
    p->used = pp_align_up(p->used + se_sid_size(sid), 4);
}

static void put_one_sid(struct put *p, const SID *sid, ULONG attributes, size_t fixed)
{
    p->fixed = p->used = fixed;
    put_sid(p, 0, sid, attributes); /* a pointer alone: the SID then overwrites the attributes */
}

static void put_groups(struct put *p, const struct se_token *t)
{
    uint32_t count = t->group_count;

    p->fixed = p->used = 8 + count * sizeof(SID_AND_ATTRIBUTES);
    memcpy(p->bytes, &count, sizeof count);
    for (unsigned i = 0; i < t->group_count; i++)
        put_sid(p, 8 + i * sizeof(SID_AND_ATTRIBUTES), t->group[i].sid, t->group[i].attributes);
}

static void put_privileges(struct put *p, const struct se_token *t)
{
    uint32_t count = 0;

    p->used = 4;
    for (uint32_t i = 2; i < SE_PRIVILEGES_MAX; i++) {
        LUID_AND_ATTRIBUTES entry = {{i, 0}, t->enabled & 1ull << i ? SE_PRIVILEGE_ENABLED : 0};

        if (!(t->privileges & 1ull << i))
            continue;
        memcpy(p->bytes + p->used, &entry, sizeof entry);
        p->used += sizeof entry;
        count++;
    }
    memcpy(p->bytes, &count, sizeof count);
    p->fixed = p->used;
}

static void put_statistics(struct put *p, const struct se_token *t)
{
    struct { /* TOKEN_STATISTICS */
        LUID id, authentication;
        int64_t expires;
        uint32_t type, level, charged, available, groups, privileges;
        LUID modified;
    } s = {t->id,      t->authentication, INT64_MAX,
           t->type,    t->level,          0x1000,
           0xF00,      t->group_count,    (uint32_t)__builtin_popcountll(t->privileges),
           t->modified};

    put_fixed(p, &s, sizeof s);
}

static NTSTATUS token_answer(struct put *p, const struct se_token *t, ULONG kind)
{
    static const char source[16] = "User32 ";
    const SID *label = t->group[t->group_count - 1].sid; /* the mandatory label is the last group */
    size_t size;
    struct se_sd sd;
    uint32_t v = 0;

    switch (kind) {
    case TOKEN_USER:
        put_one_sid(p, t->user, 0, sizeof(SID_AND_ATTRIBUTES));
        return STATUS_SUCCESS;
    case TOKEN_INTEGRITY_LEVEL:
        put_one_sid(p, label, 0x60, sizeof(SID_AND_ATTRIBUTES));
        return STATUS_SUCCESS;
    case TOKEN_OWNER:
        put_one_sid(p, se_default_owner(t), 0, 8);
        return STATUS_SUCCESS;
    case TOKEN_PRIMARY_GROUP:
        put_one_sid(p, se_primary_group(t), 0, 8);
        return STATUS_SUCCESS;
    case TOKEN_GROUPS:
        put_groups(p, t);
        return STATUS_SUCCESS;
    case TOKEN_PRIVILEGES:
        put_privileges(p, t);
        return STATUS_SUCCESS;
    case TOKEN_STATISTICS:
        put_statistics(p, t);
        return STATUS_SUCCESS;
    case TOKEN_SOURCE:
        put_fixed(p, source, sizeof source);
        return STATUS_SUCCESS;
    case TOKEN_RESTRICTED_SIDS:
        put_fixed(p, &(uint64_t){0}, 8);
        return STATUS_SUCCESS;
    case TOKEN_DEFAULT_DACL:
        se_sd_read(&sd, se_default_sd(&size));
        put_fixed(p, &(uint64_t){p->base + 8}, 8);
        memcpy(p->bytes + 8, sd.dacl, sd.dacl->AclSize);
        p->used = 8u + sd.dacl->AclSize;
        return STATUS_SUCCESS;
    case TOKEN_TYPE_CLASS:
        v = t->type;
        break;
    case TOKEN_IMPERSONATION_LEVEL:
        if (t->type != TokenImpersonation)
            return STATUS_INVALID_INFO_CLASS;
        v = t->level;
        break;
    case TOKEN_SESSION_ID:
        v = t->session;
        break;
    case TOKEN_ELEVATION:
        v = t->is_admin;
        break;
    case TOKEN_ELEVATION_TYPE:
        v = t->session ? 2 : 1;
        break; /* full, default */
    case TOKEN_HAS_RESTRICTIONS:
    case TOKEN_SANDBOX_INERT:
    case TOKEN_VIRTUALIZATION_ALLOWED:
    case TOKEN_VIRTUALIZATION_ENABLED:
    case TOKEN_UI_ACCESS:
    case TOKEN_IS_APP_CONTAINER:
        break;
    case TOKEN_MANDATORY_POLICY:
        v = 1;
        break;
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
    put_fixed(p, &v, sizeof v);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI ZwQueryInformationToken(HANDLE h, ULONG kind, PVOID info, ULONG length,
                                                 PULONG ret_length)
{
    struct put p = {.base = KE_ARG(info)};
    const struct se_token *t;
    void *object;
    NTSTATUS status = ob_handle_ref(h, ob_type_token, &object);

    if (status)
        return status;
    t = se_token_of(object);
    status = t ? token_answer(&p, t, kind) : STATUS_INVALID_HANDLE;
    ob_unref(object);
    if (status)
        return status;
    *ret_length = (ULONG)p.used;
    if (length < p.used)
        return STATUS_BUFFER_TOO_SMALL;
    mm_copy(info, p.bytes, p.used);
    return STATUS_SUCCESS;
}

/* The session and TokenIsAppContainer by value; the others in memory of the caller's (ExFreePool).
 */
NT_EXPORT NTSTATUS NTAPI SeQueryInformationToken(PACCESS_TOKEN token, ULONG kind, PVOID *ret)
{
    const struct se_token *t = se_token_of(token);
    struct put p = {0};
    void *copy;
    NTSTATUS status;

    if (!t)
        return STATUS_INVALID_PARAMETER;
    if (kind == TOKEN_RESTRICTED_SIDS || kind == TOKEN_SANDBOX_INERT)
        return STATUS_INVALID_INFO_CLASS; /* Seen: by handle only */
    status = token_answer(&p, t, kind);
    if (status)
        return status;
    if (kind == TOKEN_SESSION_ID || kind == TOKEN_IS_APP_CONTAINER) {
        memcpy(ret, p.bytes, sizeof(ULONG));
        return STATUS_SUCCESS;
    }
    copy = ex_alloc_for_driver(PagedPool, p.used, TAG_TOKEN);
    if (!copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    memset(&p, 0, sizeof p);
    p.base = KE_ARG(copy);
    (void)token_answer(&p, t, kind); /* the same answer, at its place */
    memcpy(copy, p.bytes, p.used);
    *ret = copy;
    return STATUS_SUCCESS;
}

/* ---- Impersonation for servers ---- */

NT_EXPORT NTSTATUS NTAPI SeCreateClientSecurity(PETHREAD thread, PSECURITY_QUALITY_OF_SERVICE qos,
                                                BOOLEAN remote, PSECURITY_CLIENT_CONTEXT c)
{
    struct se_token *client = thread->ClientSecurity ? se_token_of(thread->ClientSecurity) : NULL;
    EPROCESS *process = (EPROCESS *)thread->Tcb.Process;
    struct se_token *t =
        client ? client : se_token_of((void *)(uintptr_t)(process->Token & ~0xFull));

    if (!t)
        return STATUS_NO_TOKEN;
    if (client && client->level < qos->ImpersonationLevel)
        return STATUS_BAD_IMPERSONATION_LEVEL;
    memset(c, 0, sizeof *c);
    c->SecurityQos = *qos;
    c->ServerIsRemote = remote;
    c->DirectlyAccessClientToken = qos->ContextTrackingMode && !remote;
    if (c->DirectlyAccessClientToken)
        ob_ref(t->object);
    else
        t = se_token_copy(t, TokenImpersonation, qos->ImpersonationLevel);
    c->ClientToken = t->object;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI PsImpersonateClient(PETHREAD thread, PACCESS_TOKEN token, BOOLEAN copy_on_open,
                                   BOOLEAN effective_only, SECURITY_IMPERSONATION_LEVEL level);

NT_EXPORT NTSTATUS NTAPI SeImpersonateClientEx(PSECURITY_CLIENT_CONTEXT c, PETHREAD thread)
{
    return PsImpersonateClient(thread ? thread : ke_thread_now->object, c->ClientToken, TRUE,
                               c->SecurityQos.EffectiveOnly, c->SecurityQos.ImpersonationLevel);
}

NT_EXPORT VOID NTAPI SeImpersonateClient(PSECURITY_CLIENT_CONTEXT c, PETHREAD thread)
{
    (void)SeImpersonateClientEx(c, thread); /* the old form tells nobody */
}

/* Doc: ntifs.h: a token without some SIDs and privileges. flags 1: no privilege but change-notify.
 */
struct token_groups {
    ULONG GroupCount;
    SID_AND_ATTRIBUTES Groups[1];
};
struct token_privileges {
    ULONG PrivilegeCount;
    LUID_AND_ATTRIBUTES Privileges[1];
};

NT_EXPORT NTSTATUS NTAPI SeFilterToken(PACCESS_TOKEN token, ULONG flags,
                                       const struct token_groups *disable,
                                       const struct token_privileges *remove,
                                       const struct token_groups *restricted, PACCESS_TOKEN *ret)
{
    struct se_token *t = se_token_of(token);

    if (!t)
        return STATUS_INVALID_PARAMETER;
    for (ULONG i = 0; restricted && i < restricted->GroupCount; i++)
        if (restricted->Groups[i].Attributes)
            return STATUS_INVALID_PARAMETER;
    t = se_token_copy(t, t->type, t->level);
    for (ULONG i = 0; disable && i < disable->GroupCount; i++)
        for (unsigned n = 0; n < t->group_count; n++)
            if (se_sid_equal(t->group[n].sid, disable->Groups[i].Sid))
                t->group[n].attributes = (t->group[n].attributes & ~SE_GROUP_DEFAULT_ENABLED) |
                                         SE_GROUP_USE_FOR_DENY_ONLY;
    for (ULONG i = 0; remove && i < remove->PrivilegeCount; i++)
        if (remove->Privileges[i].Luid.LowPart < 64)
            t->privileges &= ~(1ull << remove->Privileges[i].Luid.LowPart);
    if (flags & 1)
        t->privileges &= 1ull << SE_CHANGE_NOTIFY_PRIVILEGE;
    t->enabled &= t->privileges;
    t->is_restricted = restricted && restricted->GroupCount;
    t->is_admin = se_has_group(t, se_exports()->SeAliasAdminsSid, false);
    *ret = t->object;
    return STATUS_SUCCESS;
}
