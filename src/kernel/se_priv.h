/* Tokens, SIDs, descriptors. Shared by se_*.c only; the others use zw_priv.h. */
#ifndef POOLPROOF_SE_PRIV_H
#define POOLPROOF_SE_PRIV_H

#include "kernel/kernel_priv.h"

/* Run-time library exports used natively. */
NTSTATUS NTAPI RtlCreateSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, ULONG revision);
ULONG NTAPI RtlLengthSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor);
NTSTATUS NTAPI RtlAbsoluteToSelfRelativeSD(PSECURITY_DESCRIPTOR src, PSECURITY_DESCRIPTOR dst,
                                           PULONG length);
BOOLEAN NTAPI RtlValidSecurityDescriptor(PSECURITY_DESCRIPTOR sd);
BOOLEAN NTAPI RtlValidSid(PSID sid);
BOOLEAN NTAPI RtlValidAcl(PACL acl);

enum { SE_GROUPS_MAX = 16, SE_PRIVILEGES_MAX = 40 };
#define SE_GROUP_MANDATORY 1u
#define SE_GROUP_ENABLED_BY_DEFAULT 2u
#define SE_GROUP_ENABLED 4u
#define SE_GROUP_OWNER 8u
#define SE_GROUP_USE_FOR_DENY_ONLY 0x10u
#define SE_GROUP_DEFAULT_ENABLED 7u

/* Native side of a token object. */
struct se_token {
    struct pp_list link;
    void *object;
    SID *user; /* driver-visible, for ever */
    struct {
        SID *sid;
        ULONG attributes;
    } group[SE_GROUPS_MAX];
    unsigned group_count;
    uint64_t privileges, enabled; /* bits by number */
    TOKEN_TYPE type;
    SECURITY_IMPERSONATION_LEVEL level;
    LUID id, authentication, modified;
    ULONG session;
    bool is_admin, is_restricted;
};
struct se_token *se_token_of(const void *object); /* NULL: not a token */
struct se_token *se_token_copy(const struct se_token *from, TOKEN_TYPE type,
                               SECURITY_IMPERSONATION_LEVEL level);
/* Primary token of the current process, and what the thread impersonates (NULL: nothing). */
struct se_token *se_primary(void);
struct se_token *se_client(SECURITY_IMPERSONATION_LEVEL *ret_level);
bool se_has_group(const struct se_token *t, const void *sid, bool for_deny);

const SID *se_default_owner(const struct se_token *t);
const SID *se_primary_group(const struct se_token *t);
bool se_has_session(const LUID *id); /* a logon session of one of the tokens */

static inline size_t se_sid_size(const void *sid)
{
    return 8 + 4u * ((const SID *)sid)->SubAuthorityCount;
}
bool se_sid_equal(const void *a, const void *b);

/* A descriptor of either form, taken apart. Pointers into it. */
struct se_sd {
    const SID *owner, *group; /* NULL: none */
    const ACL *dacl, *sacl;   /* NULL: none, or empty pointer with *_present */
    USHORT control;
};
void se_sd_read(struct se_sd *ret, const void *sd);
/* Put together as self-relative, in memory of pp_new. NULL: no memory. */
void *se_sd_build(const struct se_sd *sd, size_t *ret_size);

SE_EXPORTS *se_exports(void);
/* The descriptor that objects without one of their own have. Never NULL. */
const void *se_default_sd(size_t *ret_size);
/* With the default DACL of tokens: System everything, administrators read and execute. */
const void *se_token_default_sd(void);
const void *se_directory_sd(size_t *ret_size); /* what directories of the name space have */
const void *se_object_sd(const void *object, size_t *ret_size);

/* Owner, group and DACL text (SDDL). Returns 0, -EINVAL or -ENOMEM; *ret with pp_new. */
int se_sddl_parse(const WCHAR *text, size_t chars, void **ret, size_t *ret_size);

/* Parts of a descriptor as self-relative. *length: room in, needed out; STATUS_BUFFER_TOO_SMALL. */
NTSTATUS se_query(const void *sd, SECURITY_INFORMATION info, void *to, ULONG *length);
/* What `from` says about the parts in `info`, the rest from `old`; pp_new. NULL: no memory. */
void *se_merge(const void *old, SECURITY_INFORMATION info, const void *from, size_t *ret_size);

struct se_check {
    struct se_sd sd;
    const struct se_token *token;
    ACCESS_MASK desired, granted_before;
    GENERIC_MAPPING mapping;
};
/* SeAccessCheck's heart. */
NTSTATUS se_access_check(const struct se_check *c, ACCESS_MASK *ret_granted);

#endif
