/*
 * Security identifiers. Doc: [MS-DTYP] 2.4.2; ntifs.h reference.
 */
#include "kernel/kernel_priv.h"

#define SID_TAG 0x64695365u /* "eSid" */

enum { SID_HEAD = offsetof(SID, SubAuthority), SID_TEXT_MAX = 256 };

ULONG rtl_sid_size(const SID *sid)
{
    return SID_HEAD + (ULONG)sizeof(ULONG) * sid->SubAuthorityCount;
}

bool rtl_sid_is_valid(const SID *sid)
{
    return sid && sid->Revision == SID_REVISION &&
           sid->SubAuthorityCount <= SID_MAX_SUB_AUTHORITIES;
}

bool rtl_sid_equal(const SID *a, const SID *b)
{
    return a->Revision == b->Revision && a->SubAuthorityCount == b->SubAuthorityCount &&
           !__builtin_memcmp(a, b, rtl_sid_size(a));
}

static void check(const SID *sid)
{
    mm_check_range(sid, SID_HEAD, false);
    mm_check_range(sid, rtl_sid_size(sid), false);
}

/* Doc: nf-ntifs-rtlvalidsid. */
NT_EXPORT BOOLEAN NTAPI RtlValidSid(PSID sid)
{
    if (sid)
        mm_check_range(sid, SID_HEAD, false);
    return rtl_sid_is_valid(sid);
}

/* Doc: nf-ntifs-rtllengthrequiredsid. */
NT_EXPORT ULONG NTAPI RtlLengthRequiredSid(ULONG count)
{
    return SID_HEAD + (ULONG)sizeof(ULONG) * count;
}

/* Doc: nf-ntifs-rtllengthsid. */
NT_EXPORT ULONG NTAPI RtlLengthSid(PSID sid)
{
    mm_check_range(sid, SID_HEAD, false);
    return rtl_sid_size(sid);
}

/* Doc: nf-ntifs-rtlinitializesid. */
NT_EXPORT NTSTATUS NTAPI RtlInitializeSid(PSID sid, PSID_IDENTIFIER_AUTHORITY authority,
                                          UCHAR count)
{
    SID *s = sid;

    if (count > SID_MAX_SUB_AUTHORITIES)
        return STATUS_INVALID_PARAMETER;
    mm_check_range(s, SID_HEAD + sizeof(ULONG) * count, true);
    s->Revision = SID_REVISION;
    s->SubAuthorityCount = count;
    s->IdentifierAuthority = *authority;
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlinitializesidex: the subauthorities follow. The count is a UCHAR there, which no
 * list of arguments may start after. */
NT_EXPORT NTSTATUS NTAPI RtlInitializeSidEx(PSID sid, PSID_IDENTIFIER_AUTHORITY authority,
                                            ULONG count, ...)
{
    NTSTATUS status = RtlInitializeSid(sid, authority, (UCHAR)count);
    NT_VA_LIST ap;

    if (!NT_SUCCESS(status))
        return status;
    NT_VA_START(ap, count);
    for (UCHAR i = 0; i < (UCHAR)count; i++)
        ((SID *)sid)->SubAuthority[i] = NT_VA_ARG(ap, ULONG);
    NT_VA_END(ap);
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlallocateandinitializesid. Up to eight subauthorities; RtlFreeSid frees. */
NT_EXPORT NTSTATUS NTAPI RtlAllocateAndInitializeSid(PSID_IDENTIFIER_AUTHORITY authority,
                                                     UCHAR count, ULONG s0, ULONG s1, ULONG s2,
                                                     ULONG s3, ULONG s4, ULONG s5, ULONG s6,
                                                     ULONG s7, PSID *ret)
{
    const ULONG subs[] = {s0, s1, s2, s3, s4, s5, s6, s7};
    SID *sid;

    if (count > PP_COUNT(subs))
        return STATUS_INVALID_SID;
    sid = ex_alloc_for_driver(PagedPool, SID_HEAD + sizeof(ULONG) * count, SID_TAG);
    if (!sid)
        return STATUS_NO_MEMORY;
    sid->Revision = SID_REVISION;
    sid->SubAuthorityCount = count;
    sid->IdentifierAuthority = *authority;
    for (UCHAR i = 0; i < count; i++)
        sid->SubAuthority[i] = subs[i];
    *ret = sid;
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlfreesid. NULL tells of success, as the page has it. */
NT_EXPORT PVOID NTAPI RtlFreeSid(PSID sid)
{
    ex_free_for_driver(sid, 0);
    return NULL;
}

/* Doc: nf-ntifs-rtlsubauthoritysid. */
NT_EXPORT PULONG NTAPI RtlSubAuthoritySid(PSID sid, ULONG i)
{
    return ((SID *)sid)->SubAuthority + i;
}

/* Doc: nf-ntifs-rtlsubauthoritycountsid. */
NT_EXPORT PUCHAR NTAPI RtlSubAuthorityCountSid(PSID sid)
{
    return &((SID *)sid)->SubAuthorityCount;
}

/* Doc: nf-ntifs-rtlidentifierauthoritysid. */
NT_EXPORT PSID_IDENTIFIER_AUTHORITY NTAPI RtlIdentifierAuthoritySid(PSID sid)
{
    return &((SID *)sid)->IdentifierAuthority;
}

/* Doc: nf-ntifs-rtlequalsid. */
NT_EXPORT BOOLEAN NTAPI RtlEqualSid(PSID a, PSID b)
{
    check(a);
    check(b);
    return rtl_sid_equal(a, b);
}

/* Doc: nf-ntifs-rtlequalprefixsid: all but the last subauthority. */
NT_EXPORT BOOLEAN NTAPI RtlEqualPrefixSid(PSID a, PSID b)
{
    const SID *x = a, *y = b;

    check(x);
    check(y);
    if (x->Revision != y->Revision || x->SubAuthorityCount != y->SubAuthorityCount)
        return FALSE;
    return !x->SubAuthorityCount || !__builtin_memcmp(x, y, rtl_sid_size(x) - sizeof(ULONG));
}

/* Doc: nf-ntifs-rtlcopysid. */
NT_EXPORT NTSTATUS NTAPI RtlCopySid(ULONG room, PSID dst, PSID src)
{
    ULONG size;

    check(src);
    size = rtl_sid_size(src);
    if (size > room)
        return STATUS_BUFFER_TOO_SMALL;
    mm_copy(dst, src, size);
    return STATUS_SUCCESS;
}

/* S-1-authority-subauthority..., the authority in decimal while it fits 32 bits. Returns the
 * length. */
static size_t sid_text(const SID *sid, char text[SID_TEXT_MAX])
{
    uint64_t authority = 0;
    size_t n;

    for (unsigned i = 0; i < 6; i++)
        authority = authority << 8 | sid->IdentifierAuthority.Value[i];
    n = pp_fmt(text, SID_TEXT_MAX, authority >> 32 ? "S-%u-0x%llX" : "S-%u-%llu", sid->Revision,
               (unsigned long long)authority);
    for (unsigned i = 0; i < sid->SubAuthorityCount; i++)
        n += pp_fmt(text + n, SID_TEXT_MAX - n, "-%u", sid->SubAuthority[i]);
    return n;
}

/* Doc: nf-ntifs-rtlconvertsidtounicodestring. */
NT_EXPORT NTSTATUS NTAPI RtlConvertSidToUnicodeString(PUNICODE_STRING dst, PSID sid,
                                                      BOOLEAN allocate)
{
    char text[SID_TEXT_MAX];
    size_t n, size;

    mm_check_range(dst, sizeof *dst, true);
    if (!RtlValidSid(sid))
        return STATUS_INVALID_SID;
    check(sid);
    n = sid_text(sid, text);
    size = n * sizeof(WCHAR);
    if (allocate) {
        WCHAR *buf = ex_alloc_for_driver(PagedPool, size + sizeof(WCHAR), RTL_TAG);

        if (!buf)
            return STATUS_NO_MEMORY;
        dst->Buffer = buf;
        dst->MaximumLength = (USHORT)(size + sizeof(WCHAR));
    } else if (size > dst->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    mm_check_range(dst->Buffer, size, true);
    for (size_t i = 0; i < n; i++)
        dst->Buffer[i] = (WCHAR)text[i];
    dst->Length = (USHORT)size;
    if (size + sizeof(WCHAR) <= dst->MaximumLength)
        dst->Buffer[n] = 0;
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlcopyluid. */
NT_EXPORT VOID NTAPI RtlCopyLuid(PLUID dst, PLUID src)
{
    mm_copy(dst, src, sizeof *dst);
}

/* Doc: nf-ntddk-rtlmapgenericmask. */
NT_EXPORT VOID NTAPI RtlMapGenericMask(PACCESS_MASK mask, const GENERIC_MAPPING *mapping)
{
    mm_check_range(mask, sizeof *mask, true);
    mm_check_range(mapping, sizeof *mapping, false);
    if (*mask & GENERIC_READ)
        *mask |= mapping->GenericRead;
    if (*mask & GENERIC_WRITE)
        *mask |= mapping->GenericWrite;
    if (*mask & GENERIC_EXECUTE)
        *mask |= mapping->GenericExecute;
    if (*mask & GENERIC_ALL)
        *mask |= mapping->GenericAll;
    *mask &= ~(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL);
}
