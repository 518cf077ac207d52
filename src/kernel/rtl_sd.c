/*
 * Security descriptors. Absolute ones have pointers to their parts, self-relative ones offsets.
 * Everything that reads goes through `part`, which knows both. Doc: [MS-DTYP] 2.4.6; wdm.h and
 * ntifs.h reference.
 */
#include "kernel/kernel_priv.h"

enum part { PART_OWNER, PART_GROUP, PART_SACL, PART_DACL, PART_COUNT };

static bool is_relative(const SECURITY_DESCRIPTOR *sd)
{
    return sd->Control & SE_SELF_RELATIVE;
}

static void check(const void *sd)
{
    mm_check_range(sd, sizeof(SECURITY_DESCRIPTOR_RELATIVE), false);
    if (!is_relative(sd))
        mm_check_range(sd, sizeof(SECURITY_DESCRIPTOR), false);
}

/* The part's address; NULL when it is absent. */
static void *part(const void *descriptor, enum part which)
{
    const SECURITY_DESCRIPTOR *sd = descriptor;
    const SECURITY_DESCRIPTOR_RELATIVE *rel = descriptor;
    void *const pointers[] = {sd->Owner, sd->Group, sd->Sacl, sd->Dacl};
    const ULONG offsets[] = {rel->Owner, rel->Group, rel->Sacl, rel->Dacl};

    if ((which == PART_SACL && !(sd->Control & SE_SACL_PRESENT)) ||
        (which == PART_DACL && !(sd->Control & SE_DACL_PRESENT)))
        return NULL;
    if (!is_relative(sd))
        return pointers[which];
    return offsets[which] ? (void *)((uintptr_t)descriptor + offsets[which]) : NULL;
}

static ULONG part_size(const void *p, enum part which)
{
    if (!p)
        return 0;
    return which <= PART_GROUP ? rtl_sid_size(p) : ((const ACL *)p)->AclSize;
}

static ULONG rounded(ULONG size)
{
    return (ULONG)pp_align_up(size, 4);
}

/* Doc: nf-wdm-rtlcreatesecuritydescriptor. */
NT_EXPORT NTSTATUS NTAPI RtlCreateSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor,
                                                     ULONG revision)
{
    if (revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    mm_check_range(descriptor, sizeof(SECURITY_DESCRIPTOR), true);
    *(SECURITY_DESCRIPTOR *)descriptor =
        (SECURITY_DESCRIPTOR){.Revision = SECURITY_DESCRIPTOR_REVISION};
    return STATUS_SUCCESS;
}

/* Doc: nf-wdm-rtllengthsecuritydescriptor. */
NT_EXPORT ULONG NTAPI RtlLengthSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor)
{
    ULONG size;

    check(descriptor);
    size = is_relative(descriptor) ? sizeof(SECURITY_DESCRIPTOR_RELATIVE)
                                   : sizeof(SECURITY_DESCRIPTOR);
    for (enum part i = 0; i < PART_COUNT; i++)
        size += rounded(part_size(part(descriptor, i), i));
    return size;
}

/* ---- Getting ---- */

static NTSTATUS get_acl(const SECURITY_DESCRIPTOR *sd, enum part which, PBOOLEAN ret_present,
                        PACL *ret_acl, PBOOLEAN ret_defaulted)
{
    unsigned present = which == PART_DACL ? SE_DACL_PRESENT : SE_SACL_PRESENT;
    unsigned defaulted = which == PART_DACL ? SE_DACL_DEFAULTED : SE_SACL_DEFAULTED;

    check(sd);
    if (sd->Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    *ret_present = (sd->Control & present) != 0;
    if (*ret_present) {
        *ret_acl = part(sd, which);
        *ret_defaulted = (sd->Control & defaulted) != 0;
    }
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlgetdaclsecuritydescriptor. */
NT_EXPORT NTSTATUS NTAPI RtlGetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR sd, PBOOLEAN ret_present,
                                                      PACL *ret_acl, PBOOLEAN ret_defaulted)
{
    return get_acl(sd, PART_DACL, ret_present, ret_acl, ret_defaulted);
}

/* Doc: nf-ntifs-rtlgetsaclsecuritydescriptor. */
NT_EXPORT NTSTATUS NTAPI RtlGetSaclSecurityDescriptor(PSECURITY_DESCRIPTOR sd, PBOOLEAN ret_present,
                                                      PACL *ret_acl, PBOOLEAN ret_defaulted)
{
    return get_acl(sd, PART_SACL, ret_present, ret_acl, ret_defaulted);
}

static NTSTATUS get_sid(const SECURITY_DESCRIPTOR *sd, enum part which, PSID *ret_sid,
                        PBOOLEAN ret_defaulted)
{
    unsigned defaulted = which == PART_OWNER ? SE_OWNER_DEFAULTED : SE_GROUP_DEFAULTED;

    check(sd);
    if (sd->Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    *ret_sid = part(sd, which);
    if (*ret_sid)
        *ret_defaulted = (sd->Control & defaulted) != 0;
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlgetownersecuritydescriptor. */
NT_EXPORT NTSTATUS NTAPI RtlGetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR sd, PSID *ret_sid,
                                                       PBOOLEAN ret_defaulted)
{
    return get_sid(sd, PART_OWNER, ret_sid, ret_defaulted);
}

/* Doc: nf-ntifs-rtlgetgroupsecuritydescriptor. */
NT_EXPORT NTSTATUS NTAPI RtlGetGroupSecurityDescriptor(PSECURITY_DESCRIPTOR sd, PSID *ret_sid,
                                                       PBOOLEAN ret_defaulted)
{
    return get_sid(sd, PART_GROUP, ret_sid, ret_defaulted);
}

/* Doc: winternl, RtlGetControlSecurityDescriptor. */
NT_EXPORT NTSTATUS NTAPI RtlGetControlSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor,
                                                         PSECURITY_DESCRIPTOR_CONTROL ret_control,
                                                         PULONG ret_revision)
{
    const SECURITY_DESCRIPTOR *sd = descriptor;

    check(sd);
    *ret_revision = sd->Revision;
    if (sd->Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    *ret_control = sd->Control;
    return STATUS_SUCCESS;
}

/* ---- Setting: absolute descriptors only ---- */

static NTSTATUS check_settable(const SECURITY_DESCRIPTOR *sd)
{
    mm_check_range(sd, sizeof(SECURITY_DESCRIPTOR_RELATIVE), true);
    if (sd->Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    if (is_relative(sd))
        return STATUS_INVALID_SECURITY_DESCR;
    mm_check_range(sd, sizeof *sd, true);
    return STATUS_SUCCESS;
}

static void set_bits(SECURITY_DESCRIPTOR *sd, unsigned bits, bool on)
{
    sd->Control = (USHORT)(on ? sd->Control | bits : sd->Control & ~bits);
}

/* Doc: nf-wdm-rtlsetdaclsecuritydescriptor. */
NT_EXPORT NTSTATUS NTAPI RtlSetDaclSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor,
                                                      BOOLEAN present, PACL acl, BOOLEAN defaulted)
{
    SECURITY_DESCRIPTOR *sd = descriptor;
    NTSTATUS status = check_settable(sd);

    if (!NT_SUCCESS(status))
        return status;
    set_bits(sd, SE_DACL_PRESENT, present);
    if (present) {
        sd->Dacl = acl;
        set_bits(sd, SE_DACL_DEFAULTED, defaulted);
    }
    return STATUS_SUCCESS;
}

/* Doc: winternl, RtlSetSaclSecurityDescriptor. */
NT_EXPORT NTSTATUS NTAPI RtlSetSaclSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor,
                                                      BOOLEAN present, PACL acl, BOOLEAN defaulted)
{
    SECURITY_DESCRIPTOR *sd = descriptor;
    NTSTATUS status = check_settable(sd);

    if (!NT_SUCCESS(status))
        return status;
    set_bits(sd, SE_SACL_PRESENT, present);
    if (present) {
        sd->Sacl = acl;
        set_bits(sd, SE_SACL_DEFAULTED, defaulted);
    }
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlsetownersecuritydescriptor. */
NT_EXPORT NTSTATUS NTAPI RtlSetOwnerSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, PSID owner,
                                                       BOOLEAN defaulted)
{
    SECURITY_DESCRIPTOR *sd = descriptor;
    NTSTATUS status = check_settable(sd);

    if (!NT_SUCCESS(status))
        return status;
    sd->Owner = owner;
    set_bits(sd, SE_OWNER_DEFAULTED, defaulted);
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlsetgroupsecuritydescriptor. */
NT_EXPORT NTSTATUS NTAPI RtlSetGroupSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, PSID group,
                                                       BOOLEAN defaulted)
{
    SECURITY_DESCRIPTOR *sd = descriptor;
    NTSTATUS status = check_settable(sd);

    if (!NT_SUCCESS(status))
        return status;
    sd->Group = group;
    set_bits(sd, SE_GROUP_DEFAULTED, defaulted);
    return STATUS_SUCCESS;
}

/* ---- Validity ---- */

static bool part_is_valid(const void *p, enum part which)
{
    return !p || (which <= PART_GROUP ? rtl_sid_is_valid(p) : rtl_acl_is_valid(p));
}

/* Doc: nf-wdm-rtlvalidsecuritydescriptor. */
NT_EXPORT BOOLEAN NTAPI RtlValidSecurityDescriptor(PSECURITY_DESCRIPTOR sd)
{
    check(sd);
    if (((SECURITY_DESCRIPTOR *)sd)->Revision != SECURITY_DESCRIPTOR_REVISION)
        return FALSE;
    for (enum part i = 0; i < PART_COUNT; i++) {
        if (!part_is_valid(part(sd, i), i))
            return FALSE;
    }
    return TRUE;
}

/* Does the part lie wholly inside the `size` bytes of the descriptor, on a 4-byte boundary? */
static bool part_fits(const SECURITY_DESCRIPTOR_RELATIVE *sd, enum part which, ULONG size)
{
    const void *p = part(sd, which);
    uint64_t at = KE_ARG(p) - KE_ARG(sd);

    if (!p)
        return true;
    return !(at & 3) && at >= sizeof *sd && at + sizeof(ACL) <= size &&
           at + part_size(p, which) <= size && part_is_valid(p, which);
}

/* Doc: nf-wdm-rtlvalidrelativesecuritydescriptor. */
NT_EXPORT BOOLEAN NTAPI RtlValidRelativeSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor,
                                                           ULONG size,
                                                           SECURITY_INFORMATION required)
{
    const SECURITY_DESCRIPTOR_RELATIVE *sd = descriptor;

    mm_check_range(sd, size, false);
    if (size < sizeof *sd || sd->Revision != SECURITY_DESCRIPTOR_REVISION ||
        !(sd->Control & SE_SELF_RELATIVE))
        return FALSE;
    for (enum part i = 0; i < PART_COUNT; i++) {
        if (!part_fits(sd, i, size))
            return FALSE;
    }
    return !((required & OWNER_SECURITY_INFORMATION) && !sd->Owner) &&
           !((required & GROUP_SECURITY_INFORMATION) && !sd->Group) &&
           !((required & DACL_SECURITY_INFORMATION) && !(sd->Control & SE_DACL_PRESENT)) &&
           !((required & SACL_SECURITY_INFORMATION) && !(sd->Control & SE_SACL_PRESENT));
}

/* ---- Between the two forms ---- */

/* Copy a part to sd + *at, note its offset, move on. */
static ULONG append_part(void *sd, ULONG *at, const void *p, ULONG size)
{
    ULONG here = *at;

    if (!p)
        return 0;
    mm_copy((uint8_t *)sd + here, p, size);
    mm_fill((uint8_t *)sd + here + size, 0, rounded(size) - size);
    *at += rounded(size);
    return here;
}

static NTSTATUS make_relative(const SECURITY_DESCRIPTOR *src, SECURITY_DESCRIPTOR_RELATIVE *dst,
                              PULONG size)
{
    ULONG need = sizeof *dst, at = sizeof *dst;
    void *p[PART_COUNT];

    for (enum part i = 0; i < PART_COUNT; i++) {
        p[i] = part(src, i);
        need += rounded(part_size(p[i], i));
    }
    if (need > *size) {
        *size = need;
        return STATUS_BUFFER_TOO_SMALL;
    }
    mm_check_range(dst, need, true);
    dst->Revision = src->Revision;
    dst->Sbz1 = src->Sbz1;
    dst->Control = (USHORT)(src->Control | SE_SELF_RELATIVE);
    dst->Sacl = append_part(dst, &at, p[PART_SACL], part_size(p[PART_SACL], PART_SACL));
    dst->Dacl = append_part(dst, &at, p[PART_DACL], part_size(p[PART_DACL], PART_DACL));
    dst->Owner = append_part(dst, &at, p[PART_OWNER], part_size(p[PART_OWNER], PART_OWNER));
    dst->Group = append_part(dst, &at, p[PART_GROUP], part_size(p[PART_GROUP], PART_GROUP));
    *size = need;
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlabsolutetoselfrelativesd. */
NT_EXPORT NTSTATUS NTAPI RtlAbsoluteToSelfRelativeSD(PSECURITY_DESCRIPTOR src,
                                                     PSECURITY_DESCRIPTOR dst, PULONG size)
{
    check(src);
    if (is_relative(src))
        return STATUS_BAD_DESCRIPTOR_FORMAT;
    return make_relative(src, dst, size);
}

/* Doc: winternl, RtlMakeSelfRelativeSD: takes both forms. */
NT_EXPORT NTSTATUS NTAPI RtlMakeSelfRelativeSD(PSECURITY_DESCRIPTOR src, PSECURITY_DESCRIPTOR dst,
                                               PULONG size)
{
    ULONG need;

    check(src);
    if (!is_relative(src))
        return make_relative(src, dst, size);
    need = RtlLengthSecurityDescriptor(src);
    if (need > *size) {
        *size = need;
        return STATUS_BUFFER_TOO_SMALL;
    }
    mm_copy(dst, src, need);
    *size = need;
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlselfrelativetoabsolutesd. All five sizes are in and out. */
NT_EXPORT NTSTATUS NTAPI RtlSelfRelativeToAbsoluteSD(PSECURITY_DESCRIPTOR src,
                                                     PSECURITY_DESCRIPTOR dst, PULONG dst_size,
                                                     PACL dacl, PULONG dacl_size, PACL sacl,
                                                     PULONG sacl_size, PSID owner,
                                                     PULONG owner_size, PSID group,
                                                     PULONG group_size)
{
    PULONG const sizes[PART_COUNT] = {owner_size, group_size, sacl_size, dacl_size};
    void *const places[PART_COUNT] = {owner, group, sacl, dacl};
    SECURITY_DESCRIPTOR *sd = dst;
    bool fits = *dst_size >= sizeof *sd;
    void *p[PART_COUNT];
    ULONG need[PART_COUNT];

    check(src);
    if (!is_relative(src))
        return STATUS_BAD_DESCRIPTOR_FORMAT;
    for (enum part i = 0; i < PART_COUNT; i++) {
        p[i] = part(src, i);
        need[i] = part_size(p[i], i);
        fits = fits && need[i] <= *sizes[i];
    }
    *dst_size = sizeof *sd;
    for (enum part i = 0; i < PART_COUNT; i++)
        *sizes[i] = need[i];
    if (!fits)
        return STATUS_BUFFER_TOO_SMALL;
    mm_check_range(sd, sizeof *sd, true);
    *sd = (SECURITY_DESCRIPTOR){
        .Revision = ((SECURITY_DESCRIPTOR *)src)->Revision,
        .Sbz1 = ((SECURITY_DESCRIPTOR *)src)->Sbz1,
        .Control = (USHORT)(((SECURITY_DESCRIPTOR *)src)->Control & ~SE_SELF_RELATIVE),
        .Owner = p[PART_OWNER] ? owner : NULL,
        .Group = p[PART_GROUP] ? group : NULL,
        .Sacl = p[PART_SACL] ? sacl : NULL,
        .Dacl = p[PART_DACL] ? dacl : NULL,
    };
    for (enum part i = 0; i < PART_COUNT; i++)
        mm_copy(places[i], p[i], need[i]);
    return STATUS_SUCCESS;
}
