/*
 * Access control lists: a header and entries of 4-byte multiples, one behind the other.
 * Doc: [MS-DTYP] 2.4.4 and 2.4.5; ntifs.h reference.
 */
#include "kernel/kernel_priv.h"

enum {
    REVISION_MIN = 2,
    REVISION_MAX = 4,
    ACE_HEAD = offsetof(ACCESS_ALLOWED_ACE, SidStart),
    INHERIT_FLAGS = 0x1F,
    AUDIT_SUCCESS = 0x40,
    AUDIT_FAILURE = 0x80,
};
#define AT_END 0xFFFFFFFFu

static PACE_HEADER ace_at(const ACL *acl, size_t offset)
{
    return (PACE_HEADER)((uintptr_t)acl + offset);
}

/* Offset of entry `index`, or of the free space when there are only that many. 0: the list is
 * damaged. */
static size_t offset_of(const ACL *acl, ULONG index)
{
    size_t at = sizeof *acl;

    for (ULONG i = 0; i < index && i < acl->AceCount; i++) {
        const ACE_HEADER *ace = ace_at(acl, at);

        if (at + sizeof *ace > acl->AclSize || ace->AceSize < sizeof *ace ||
            at + ace->AceSize > acl->AclSize)
            return 0;
        at += ace->AceSize;
    }
    return at;
}

bool rtl_acl_is_valid(const ACL *acl)
{
    return acl->AclRevision >= REVISION_MIN && acl->AclRevision <= REVISION_MAX &&
           acl->AclSize >= sizeof *acl && !(acl->AclSize & 3) && offset_of(acl, acl->AceCount);
}

static bool check(const ACL *acl)
{
    mm_check_range(acl, sizeof *acl, false);
    mm_check_range(acl, acl->AclSize, false);
    return rtl_acl_is_valid(acl);
}

/* Doc: winternl, RtlValidAcl. */
NT_EXPORT BOOLEAN NTAPI RtlValidAcl(PACL acl)
{
    return acl && check(acl);
}

/* Doc: nf-ntifs-rtlcreateacl. */
NT_EXPORT NTSTATUS NTAPI RtlCreateAcl(PACL acl, ULONG size, ULONG revision)
{
    if (size < sizeof *acl)
        return STATUS_BUFFER_TOO_SMALL;
    if (revision < REVISION_MIN || revision > REVISION_MAX || size > NT_MAXUSHORT)
        return STATUS_INVALID_PARAMETER;
    mm_check_range(acl, size, true);
    *acl = (ACL){.AclRevision = (UCHAR)revision, .AclSize = (USHORT)(size & ~3u)};
    return STATUS_SUCCESS;
}

/* Doc: winternl, RtlFirstFreeAce. */
NT_EXPORT BOOLEAN NTAPI RtlFirstFreeAce(PACL acl, PVOID *ret)
{
    size_t at;

    *ret = NULL;
    if (!check(acl))
        return FALSE;
    at = offset_of(acl, acl->AceCount);
    if (at < acl->AclSize)
        *ret = ace_at(acl, at);
    return TRUE;
}

/* Doc: nf-ntifs-rtlgetace. */
NT_EXPORT NTSTATUS NTAPI RtlGetAce(PACL acl, ULONG index, PVOID *ret)
{
    size_t at;

    if (!check(acl) || index >= acl->AceCount)
        return STATUS_INVALID_PARAMETER;
    at = offset_of(acl, index);
    *ret = ace_at(acl, at);
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtldeleteace. */
NT_EXPORT NTSTATUS NTAPI RtlDeleteAce(PACL acl, ULONG index)
{
    size_t at, next, end;

    if (!check(acl) || index >= acl->AceCount)
        return STATUS_INVALID_PARAMETER;
    at = offset_of(acl, index);
    next = offset_of(acl, index + 1);
    end = offset_of(acl, acl->AceCount);
    mm_copy(ace_at(acl, at), ace_at(acl, next), end - next);
    mm_fill((uint8_t *)acl + at + end - next, 0, next - at);
    acl->AceCount--;
    return STATUS_SUCCESS;
}

/* How many entries the `size` bytes at `list` hold; 0 when they do not fit exactly. */
static ULONG count_entries(const ACE_HEADER *list, ULONG size)
{
    ULONG count = 0, at = 0;

    while (at + sizeof *list <= size) {
        const ACE_HEADER *ace = (const ACE_HEADER *)((const uint8_t *)list + at);

        if (ace->AceSize < sizeof *ace || ace->AceSize > size - at)
            return 0;
        at += ace->AceSize;
        count++;
    }
    return at == size ? count : 0;
}

/* Doc: nf-ntifs-rtladdace. Index MAXULONG appends. */
NT_EXPORT NTSTATUS NTAPI RtlAddAce(PACL acl, ULONG revision, ULONG index, PVOID list, ULONG size)
{
    ULONG count;
    size_t at, end;

    if (!check(acl) || revision < REVISION_MIN || revision > REVISION_MAX ||
        acl->AclRevision > REVISION_MAX)
        return STATUS_INVALID_PARAMETER;
    mm_check_range(list, size, false);
    count = count_entries(list, size);
    if (!count || acl->AceCount + count > NT_MAXUSHORT)
        return STATUS_INVALID_PARAMETER;
    end = offset_of(acl, acl->AceCount);
    if (size > acl->AclSize - end)
        return STATUS_BUFFER_TOO_SMALL;
    at = index == AT_END ? end : offset_of(acl, index);
    mm_copy((uint8_t *)acl + at + size, (uint8_t *)acl + at, end - at);
    mm_copy((uint8_t *)acl + at, list, size);
    acl->AceCount = (USHORT)(acl->AceCount + count);
    acl->AclRevision = (UCHAR)PP_MAX(acl->AclRevision, revision);
    return STATUS_SUCCESS;
}

struct new_ace {
    UCHAR type, flags;
    ACCESS_MASK mask;
    const SID *sid;
};

static NTSTATUS add(PACL acl, ULONG revision, const struct new_ace *n)
{
    PACCESS_ALLOWED_ACE ace;
    ULONG size;
    size_t at;

    mm_check_range(n->sid, offsetof(SID, SubAuthority), false);
    if (!rtl_sid_is_valid(n->sid))
        return STATUS_INVALID_SID;
    mm_check_range(n->sid, rtl_sid_size(n->sid), false);
    if (acl->AclRevision > REVISION_MAX || revision < REVISION_MIN || revision > REVISION_MAX)
        return STATUS_REVISION_MISMATCH;
    if (!check(acl))
        return STATUS_INVALID_ACL;
    at = offset_of(acl, acl->AceCount);
    size = ACE_HEAD + rtl_sid_size(n->sid);
    if (at + size > acl->AclSize)
        return STATUS_ALLOTTED_SPACE_EXCEEDED;
    ace = (PACCESS_ALLOWED_ACE)ace_at(acl, at);
    ace->Header = (ACE_HEADER){n->type, n->flags, (USHORT)size};
    ace->Mask = n->mask;
    mm_copy(&ace->SidStart, n->sid, rtl_sid_size(n->sid));
    acl->AceCount++;
    acl->AclRevision = (UCHAR)PP_MAX(acl->AclRevision, revision);
    return STATUS_SUCCESS;
}

static NTSTATUS add_with_flags(PACL acl, ULONG revision, ULONG flags, struct new_ace n)
{
    if (flags & ~(ULONG)INHERIT_FLAGS)
        return STATUS_INVALID_PARAMETER;
    n.flags = (UCHAR)flags;
    return add(acl, revision, &n);
}

/* Doc: nf-ntifs-rtladdaccessallowedace. */
NT_EXPORT NTSTATUS NTAPI RtlAddAccessAllowedAce(PACL acl, ULONG revision, ACCESS_MASK mask,
                                                PSID sid)
{
    return add(acl, revision, &(struct new_ace){ACCESS_ALLOWED_ACE_TYPE, 0, mask, sid});
}

/* Doc: nf-ntifs-rtladdaccessallowedaceex. */
NT_EXPORT NTSTATUS NTAPI RtlAddAccessAllowedAceEx(PACL acl, ULONG revision, ULONG flags,
                                                  ACCESS_MASK mask, PSID sid)
{
    return add_with_flags(acl, revision, flags,
                          (struct new_ace){ACCESS_ALLOWED_ACE_TYPE, 0, mask, sid});
}

/* Doc: winternl, RtlAddAccessDeniedAce. */
NT_EXPORT NTSTATUS NTAPI RtlAddAccessDeniedAce(PACL acl, ULONG revision, ACCESS_MASK mask, PSID sid)
{
    return add(acl, revision, &(struct new_ace){ACCESS_DENIED_ACE_TYPE, 0, mask, sid});
}

/* Doc: winternl, RtlAddAccessDeniedAceEx. */
NT_EXPORT NTSTATUS NTAPI RtlAddAccessDeniedAceEx(PACL acl, ULONG revision, ULONG flags,
                                                 ACCESS_MASK mask, PSID sid)
{
    return add_with_flags(acl, revision, flags,
                          (struct new_ace){ACCESS_DENIED_ACE_TYPE, 0, mask, sid});
}

/* Doc: winternl, RtlAddAuditAccessAce. */
NT_EXPORT NTSTATUS NTAPI RtlAddAuditAccessAce(PACL acl, ULONG revision, ACCESS_MASK mask, PSID sid,
                                              BOOLEAN success, BOOLEAN failure)
{
    UCHAR flags = (UCHAR)((success ? AUDIT_SUCCESS : 0) | (failure ? AUDIT_FAILURE : 0));

    return add(acl, revision, &(struct new_ace){SYSTEM_AUDIT_ACE_TYPE, flags, mask, sid});
}
