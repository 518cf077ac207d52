/*
 * Tokens and the well-known SIDs and privileges (SeExports).
 *
 * Two tokens exist from the start: System's, and that of the simulated program, which runs as an
 * administrator (elevated), as most programs that open a driver do.
 *
 * Doc: WDK, ntifs.h: SE_EXPORTS, SeQueryInformationToken, SeTokenIsAdmin, PsReferencePrimaryToken;
 * [MS-DTYP] 2.4.2.4, well-known SIDs.
 */
#include "kernel/se_priv.h"

#include <errno.h>
#include <string.h>

enum { TOKEN_SIZE = 0x490 }; /* Seen: 19041 */

static struct {
    struct pp_list tokens;
    struct se_token *system, *user;
    SE_EXPORTS *exports;
    void *default_sd, *token_sd, *directory_sd;
    size_t default_sd_size, directory_sd_size;
    uint32_t next_luid;
} g;

/* ---- SIDs ---- */

bool se_sid_equal(const void *a, const void *b)
{
    return se_sid_size(a) == se_sid_size(b) && !memcmp(a, b, se_sid_size(a));
}

/* In guarded memory, kept for ever. */
static SID *sid_new(uint8_t authority, unsigned count, const uint32_t *sub)
{
    SID *sid = ex_alloc_kernel(8 + 4 * count, "SeSd", true);

    sid->Revision = SID_REVISION;
    sid->SubAuthorityCount = (UCHAR)count;
    sid->IdentifierAuthority.Value[5] = authority;
    memcpy((uint8_t *)sid + 8, sub, 4 * count);
    return sid;
}
#define SID_NEW(authority, ...) \
    sid_new(authority, PP_COUNT(((const uint32_t[]){__VA_ARGS__})), (const uint32_t[]){__VA_ARGS__})

SE_EXPORTS *se_exports(void)
{
    return g.exports;
}

static void exports_privileges(SE_EXPORTS *e)
{
#define PRIVILEGE(field, number) e->field.LowPart = (number)
    PRIVILEGE(SeCreateTokenPrivilege, 2);
    PRIVILEGE(SeAssignPrimaryTokenPrivilege, 3);
    PRIVILEGE(SeLockMemoryPrivilege, 4);
    PRIVILEGE(SeIncreaseQuotaPrivilege, 5);
    PRIVILEGE(SeUnsolicitedInputPrivilege, 6);
    PRIVILEGE(SeTcbPrivilege, 7);
    PRIVILEGE(SeSecurityPrivilege, 8);
    PRIVILEGE(SeTakeOwnershipPrivilege, 9);
    PRIVILEGE(SeLoadDriverPrivilege, 10);
    PRIVILEGE(SeSystemProfilePrivilege, 11);
    PRIVILEGE(SeSystemtimePrivilege, 12);
    PRIVILEGE(SeProfileSingleProcessPrivilege, 13);
    PRIVILEGE(SeIncreaseBasePriorityPrivilege, 14);
    PRIVILEGE(SeCreatePagefilePrivilege, 15);
    PRIVILEGE(SeCreatePermanentPrivilege, 16);
    PRIVILEGE(SeBackupPrivilege, 17);
    PRIVILEGE(SeRestorePrivilege, 18);
    PRIVILEGE(SeShutdownPrivilege, 19);
    PRIVILEGE(SeDebugPrivilege, 20);
    PRIVILEGE(SeAuditPrivilege, 21);
    PRIVILEGE(SeSystemEnvironmentPrivilege, 22);
    PRIVILEGE(SeChangeNotifyPrivilege, 23);
    PRIVILEGE(SeRemoteShutdownPrivilege, 24);
    PRIVILEGE(SeUndockPrivilege, 25);
    PRIVILEGE(SeSyncAgentPrivilege, 26);
    PRIVILEGE(SeEnableDelegationPrivilege, 27);
    PRIVILEGE(SeManageVolumePrivilege, 28);
    PRIVILEGE(SeImpersonatePrivilege, 29);
    PRIVILEGE(SeCreateGlobalPrivilege, 30);
    PRIVILEGE(SeTrustedCredManAccessPrivilege, 31);
    PRIVILEGE(SeRelabelPrivilege, 32);
    PRIVILEGE(SeIncreaseWorkingSetPrivilege, 33);
    PRIVILEGE(SeTimeZonePrivilege, 34);
    PRIVILEGE(SeCreateSymbolicLinkPrivilege, 35);
    PRIVILEGE(SeDelegateSessionUserImpersonatePrivilege, 36);
#undef PRIVILEGE
}

static void exports_sids(SE_EXPORTS *e)
{
    e->SeNullSid = SID_NEW(0, 0);
    e->SeWorldSid = SID_NEW(1, 0);
    e->SeLocalSid = SID_NEW(2, 0);
    e->SeCreatorOwnerSid = SID_NEW(3, 0);
    e->SeCreatorGroupSid = SID_NEW(3, 1);
    e->SeOwnerRightsSid = SID_NEW(3, 4);
    e->SeNtAuthoritySid = sid_new(5, 0, NULL);
    e->SeDialupSid = SID_NEW(5, 1);
    e->SeNetworkSid = SID_NEW(5, 2);
    e->SeBatchSid = SID_NEW(5, 3);
    e->SeInteractiveSid = SID_NEW(5, 4);
    e->SeAnonymousLogonSid = SID_NEW(5, 7);
    e->SeAuthenticatedUsersSid = SID_NEW(5, 11);
    e->SeRestrictedSid = SID_NEW(5, 12);
    e->SeIUserSid = SID_NEW(5, 17);
    e->SeLocalSystemSid = SID_NEW(5, 18);
    e->SeLocalServiceSid = SID_NEW(5, 19);
    e->SeNetworkServiceSid = SID_NEW(5, 20);
    e->SeAliasAdminsSid = SID_NEW(5, 32, 544);
    e->SeAliasUsersSid = SID_NEW(5, 32, 545);
    e->SeAliasGuestsSid = SID_NEW(5, 32, 546);
    e->SeAliasPowerUsersSid = SID_NEW(5, 32, 547);
    e->SeAliasAccountOpsSid = SID_NEW(5, 32, 548);
    e->SeAliasSystemOpsSid = SID_NEW(5, 32, 549);
    e->SeAliasPrintOpsSid = SID_NEW(5, 32, 550);
    e->SeAliasBackupOpsSid = SID_NEW(5, 32, 551);
    e->SeUntrustedMandatorySid = SID_NEW(16, 0);
    e->SeLowMandatorySid = SID_NEW(16, 0x1000);
    e->SeMediumMandatorySid = SID_NEW(16, 0x2000);
    e->SeHighMandatorySid = SID_NEW(16, 0x3000);
    e->SeSystemMandatorySid = SID_NEW(16, 0x4000);
    e->SeAllAppPackagesSid = SID_NEW(15, 2, 1);
    e->SeUserModeDriversSid = SID_NEW(5, 84, 0, 0, 0, 0, 0);
    e->SeProcTrustWinTcbSid = SID_NEW(19, 512, 8192);
    e->SeTrustedInstallerSid =
        SID_NEW(5, 80, 956008885, 3418522649u, 1831038044, 1853292631, 2271478464u);
}

/* ---- Tokens ---- */

static LUID luid_next(void)
{
    return (LUID){g.next_luid += 0x11, 0};
}

/* What Windows has at the start of a token: source, ids. */
static void body_fill(const struct se_token *t)
{
    uint8_t *body = t->object;

    memcpy(body, t == g.system ? "*SYSTEM*" : "User32 ", 8);
    memcpy(body + 0x10, &t->id, sizeof t->id);
    memcpy(body + 0x18, &t->authentication, sizeof t->authentication);
    memcpy(body + 0x34, &t->modified, sizeof t->modified);
    memcpy(body + 0x40, &t->privileges, 8);
    memcpy(body + 0x48, &t->enabled, 8);
    memcpy(body + 0x50, &t->enabled, 8);
    memcpy(body + 0x78, &t->session, 4);
}

static struct se_token *token_new(void)
{
    struct se_token *t = pp_new(sizeof *t);

    PP_ASSERT(t);
    t->object = ob_new(ob_type_token, TOKEN_SIZE, "Toke");
    t->id = luid_next();
    t->modified = luid_next();
    t->type = TokenPrimary;
    pp_list_push_back(&g.tokens, &t->link);
    return t;
}

static void group_add(struct se_token *t, PSID sid, ULONG attributes)
{
    PP_ASSERT(t->group_count < SE_GROUPS_MAX);
    t->group[t->group_count].sid = sid;
    t->group[t->group_count++].attributes = attributes;
}

struct se_token *se_token_of(const void *object)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.tokens)
    if (PP_CONTAINER(it, struct se_token, link)->object == object)
        return PP_CONTAINER(it, struct se_token, link);
    return NULL;
}

static void token_delete(void *object)
{
    struct se_token *t = se_token_of(object);

    if (!t)
        return;
    pp_list_remove(&t->link);
    pp_free(t);
}

struct se_token *se_token_copy(const struct se_token *from, TOKEN_TYPE type,
                               SECURITY_IMPERSONATION_LEVEL level)
{
    struct se_token *t = token_new();
    struct pp_list link = t->link;
    void *object = t->object;
    LUID id = t->id, modified = t->modified;

    *t = *from;
    t->link = link;
    t->object = object;
    t->id = id;
    t->modified = modified;
    t->type = type;
    t->level = level;
    body_fill(t);
    return t;
}

static void tokens_new(void)
{
    SE_EXPORTS *e = g.exports;
    struct se_token *t = token_new();

    g.system = t;
    t->user = e->SeLocalSystemSid;
    t->authentication = (LUID){0x3E7, 0};
    group_add(t, e->SeAliasAdminsSid,
              SE_GROUP_OWNER | SE_GROUP_ENABLED | SE_GROUP_ENABLED_BY_DEFAULT);
    group_add(t, e->SeWorldSid, SE_GROUP_DEFAULT_ENABLED);
    group_add(t, e->SeAuthenticatedUsersSid, SE_GROUP_DEFAULT_ENABLED);
    group_add(t, e->SeSystemMandatorySid, 0x60);
    t->privileges = t->enabled = 0x1FFFFFFFFCull;
    t->is_admin = true;
    body_fill(t);

    g.user = t = token_new();
    t->user = SID_NEW(5, 21, 1000, 2000, 3000, 1001);
    t->authentication = (LUID){0x1F5A0, 0};
    t->session = 1;
    group_add(t, SID_NEW(5, 21, 1000, 2000, 3000, 513), SE_GROUP_DEFAULT_ENABLED);
    group_add(t, e->SeWorldSid, SE_GROUP_DEFAULT_ENABLED);
    group_add(t, e->SeAliasAdminsSid, SE_GROUP_DEFAULT_ENABLED | SE_GROUP_OWNER);
    group_add(t, e->SeAliasUsersSid, SE_GROUP_DEFAULT_ENABLED);
    group_add(t, e->SeInteractiveSid, SE_GROUP_DEFAULT_ENABLED);
    group_add(t, e->SeAuthenticatedUsersSid, SE_GROUP_DEFAULT_ENABLED);
    group_add(t, e->SeLocalSid, SE_GROUP_DEFAULT_ENABLED);
    group_add(t, e->SeHighMandatorySid, 0x60);
    t->privileges = 1ull << 5 | 1ull << 8 | 1ull << 9 | 1ull << 10 | 1ull << 11 | 1ull << 12 |
                    1ull << 13 | 1ull << 14 | 1ull << 15 | 1ull << 17 | 1ull << 18 | 1ull << 19 |
                    1ull << 20 | 1ull << 22 | 1ull << 23 | 1ull << 24 | 1ull << 25 | 1ull << 28 |
                    1ull << 29 | 1ull << 30 | 1ull << 33 | 1ull << 34 | 1ull << 35;
    t->enabled = 1ull << 23 | 1ull << 29 | 1ull << 30;
    t->is_admin = true;
    body_fill(t);
}

uint64_t se_token_for(bool is_system)
{
    void *object = (is_system ? g.system : g.user)->object;

    ob_ref(object);
    return KE_ARG(object);
}

struct se_token *se_primary(void)
{
    return se_token_of((void *)(uintptr_t)(ps_current()->Token & ~0xFull));
}

struct se_token *se_client(SECURITY_IMPERSONATION_LEVEL *ret_level)
{
    struct se_token *t = ke_thread_now->object->ClientSecurity
                             ? se_token_of(ke_thread_now->object->ClientSecurity)
                             : NULL;

    if (t)
        *ret_level = t->level;
    return t;
}

bool se_has_group(const struct se_token *t, const void *sid, bool for_deny)
{
    if (se_sid_equal(t->user, sid))
        return true;
    for (unsigned i = 0; i < t->group_count; i++)
        if (se_sid_equal(t->group[i].sid, sid) &&
            (t->group[i].attributes & SE_GROUP_ENABLED ||
             (for_deny && t->group[i].attributes & SE_GROUP_USE_FOR_DENY_ONLY)))
            return true;
    return false;
}

/* Seen: administrators' objects belong to the group. */
const SID *se_default_owner(const struct se_token *t)
{
    return t->is_admin ? g.exports->SeAliasAdminsSid : t->user;
}

const SID *se_primary_group(const struct se_token *t)
{
    return t->session ? t->group[0].sid : t->user; /* System's is itself */
}

bool se_has_session(const LUID *id)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &g.tokens)
    {
        const LUID *a = &PP_CONTAINER(it, struct se_token, link)->authentication;

        if (a->LowPart == id->LowPart && a->HighPart == id->HighPart)
            return true;
    }
    return false;
}

const void *se_default_sd(size_t *ret_size)
{
    *ret_size = g.default_sd_size;
    return g.default_sd;
}

const void *se_directory_sd(size_t *ret_size)
{
    *ret_size = g.directory_sd_size;
    return g.directory_sd;
}

const void *se_token_default_sd(void)
{
    return g.token_sd;
}

int se_init(void)
{
    static const WCHAR directory_text[] =
        u"O:BAG:SYD:(A;;0x20003;;;WD)(A;;0xf000f;;;SY)(A;;0xf000f;;;BA)(A;;0x20003;;;RC)";
    static const WCHAR token_text[] = u"D:(A;;GA;;;SY)(A;;GRGXRC;;;BA)";
    size_t size;
    /* As devices have it: System and administrators everything, everybody read and write. */
    static const WCHAR text[] = u"O:BAG:SYD:(A;;GA;;;SY)(A;;GA;;;BA)(A;;GRGWGX;;;WD)(A;;GR;;;RC)";
    void *variable;
    int err;

    pp_list_init(&g.tokens);
    g.next_luid = 0x3E800;
    ob_type_on_delete(ob_type_token, token_delete);
    g.exports = ex_alloc_kernel(sizeof *g.exports, "SeEx", false);
    exports_privileges(g.exports);
    exports_sids(g.exports);
    tokens_new();
    KE_DATA->SeExports = g.exports;
    err = se_sddl_parse(text, PP_COUNT(text) - 1, &g.default_sd, &g.default_sd_size);
    if (!err)
        err = se_sddl_parse(directory_text, PP_COUNT(directory_text) - 1, &g.directory_sd,
                            &g.directory_sd_size);
    if (!err)
        err = se_sddl_parse(token_text, PP_COUNT(token_text) - 1, &g.token_sd, &size);
    if (err)
        return err;
    /* The exported variable is a pointer to a pointer to an ACL in the declarations; drivers read
     * the ACL. */
    variable = ex_alloc_kernel(g.default_sd_size, "SeDa", true);
    memcpy(variable, g.default_sd, g.default_sd_size);
    KE_DATA->SeSystemDefaultDacl =
        (uint8_t *)variable + ((SECURITY_DESCRIPTOR_RELATIVE *)variable)->Dacl;
    return 0;
}

/* ---- Exports ---- */

NT_EXPORT PACCESS_TOKEN NTAPI PsReferencePrimaryToken(PEPROCESS process)
{
    void *token = (void *)(uintptr_t)(process->Token & ~0xFull);

    ob_ref(token);
    return token;
}

NT_EXPORT PACCESS_TOKEN NTAPI PsReferencePrimaryTokenWithTag(PEPROCESS process, ULONG tag)
{
    (void)tag;
    return PsReferencePrimaryToken(process);
}

NT_EXPORT VOID NTAPI PsDereferencePrimaryToken(PACCESS_TOKEN token)
{
    ob_unref(token);
}

NT_EXPORT PACCESS_TOKEN NTAPI PsReferenceImpersonationToken(PETHREAD thread, PBOOLEAN copy_on_open,
                                                            PBOOLEAN effective_only,
                                                            SECURITY_IMPERSONATION_LEVEL *level)
{
    struct se_token *t = thread->ClientSecurity ? se_token_of(thread->ClientSecurity) : NULL;

    if (!t)
        return NULL;
    *copy_on_open = *effective_only = FALSE;
    *level = t->level;
    ob_ref(t->object);
    return t->object;
}

NT_EXPORT VOID NTAPI PsDereferenceImpersonationToken(PACCESS_TOKEN token)
{
    if (token)
        ob_unref(token);
}

/* token NULL: stop impersonating. */
static NTSTATUS impersonate(ETHREAD *thread, void *token, SECURITY_IMPERSONATION_LEVEL level)
{
    struct se_token *t = token ? se_token_of(token) : NULL;
    void *old = thread->ClientSecurity;

    if (token && !t)
        return STATUS_OBJECT_TYPE_MISMATCH;
    if (t && t->type == TokenImpersonation && level > t->level)
        level = t->level;
    if (t && t->type == TokenPrimary)
        t = se_token_copy(t, TokenImpersonation, level);
    else if (t)
        ob_ref(t->object);
    thread->ClientSecurity = t ? t->object : NULL;
    if (old)
        ob_unref(old);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI PsImpersonateClient(PETHREAD thread, PACCESS_TOKEN token,
                                             BOOLEAN copy_on_open, BOOLEAN effective_only,
                                             SECURITY_IMPERSONATION_LEVEL level)
{
    (void)copy_on_open;
    (void)effective_only;
    return impersonate(thread, token, level);
}

NT_EXPORT VOID NTAPI PsRevertToSelf(void)
{
    (void)impersonate(ke_thread_now->object, NULL, SecurityAnonymous); /* taking away cannot fail */
}

NT_EXPORT VOID NTAPI PsRevertThreadToSelf(PETHREAD thread)
{
    (void)impersonate(thread, NULL, SecurityAnonymous); /* as above */
}

NTSTATUS se_impersonate_handle(ETHREAD *thread, HANDLE h)
{
    void *token;
    NTSTATUS status;

    if (!h)
        return impersonate(thread, NULL, SecurityAnonymous);
    status = ob_handle_ref(h, ob_type_token, &token);
    if (status)
        return status;
    status = impersonate(thread, token, SecurityImpersonation);
    ob_unref(token);
    return status;
}

NT_EXPORT NTSTATUS NTAPI PsAssignImpersonationToken(PETHREAD thread, HANDLE h)
{
    return se_impersonate_handle(thread, h);
}

NT_EXPORT TOKEN_TYPE NTAPI SeTokenType(PACCESS_TOKEN token)
{
    struct se_token *t = se_token_of(token);

    return t ? t->type : TokenPrimary;
}

NT_EXPORT SECURITY_IMPERSONATION_LEVEL NTAPI SeTokenImpersonationLevel(PACCESS_TOKEN token)
{
    struct se_token *t = se_token_of(token);

    return t ? t->level : SecurityAnonymous;
}

NT_EXPORT BOOLEAN NTAPI SeTokenIsAdmin(PACCESS_TOKEN token)
{
    struct se_token *t = se_token_of(token);

    return t && t->is_admin;
}

NT_EXPORT BOOLEAN NTAPI SeTokenIsRestricted(PACCESS_TOKEN token)
{
    struct se_token *t = se_token_of(token);

    return t && t->is_restricted;
}

NT_EXPORT NTSTATUS NTAPI SeQueryAuthenticationIdToken(PACCESS_TOKEN token, PLUID ret)
{
    struct se_token *t = se_token_of(token);

    if (!t)
        return STATUS_INVALID_PARAMETER;
    *ret = t->authentication;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI SeQuerySessionIdToken(PACCESS_TOKEN token, PULONG ret)
{
    struct se_token *t = se_token_of(token);

    if (!t)
        return STATUS_INVALID_PARAMETER;
    *ret = t->session;
    return STATUS_SUCCESS;
}
