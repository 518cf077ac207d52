/* SIDs, ACLs and security descriptors. */
#include "rtl_fixture.h"

static const UCHAR world[] = {1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0};
static const UCHAR admins[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};

Test(sid, basics)
{
    SID_IDENTIFIER_AUTHORITY nt = {{0, 0, 0, 0, 0, 5}};
    ULONG space[17];
    PSID sid = space;
    UNICODE_STRING s;

    cr_expect_eq(RtlLengthRequiredSid(2), 16);
    cr_expect_eq(RtlInitializeSid(sid, &nt, 16), STATUS_INVALID_PARAMETER);
    cr_expect_eq(RtlInitializeSid(sid, &nt, 2), STATUS_SUCCESS);
    *RtlSubAuthoritySid(sid, 0) = 32;
    *RtlSubAuthoritySid(sid, 1) = 0x220;
    cr_expect(RtlValidSid(sid) && RtlEqualSid(sid, (PSID)(uintptr_t)admins));
    cr_expect_not(RtlEqualSid(sid, (PSID)(uintptr_t)world));
    cr_expect_eq(RtlLengthSid(sid), 16);
    cr_expect_eq(RtlConvertSidToUnicodeString(&s, sid, TRUE), STATUS_SUCCESS);
    cr_expect(us_is(&s, u"S-1-5-32-544"));
    RtlFreeUnicodeString(&s);
    cr_expect_eq(RtlCopySid(15, space, (PSID)(uintptr_t)admins), STATUS_BUFFER_TOO_SMALL);
    cr_expect_not(RtlValidSid(NULL));
    cr_expect_eq(RtlInitializeSidEx(space, &nt, 2, 32, 0x220), STATUS_SUCCESS);
    cr_expect(RtlEqualSid(space, (PSID)(uintptr_t)admins));
    cr_expect_eq(RtlAllocateAndInitializeSid(&nt, 2, 32, 0x220, 0, 0, 0, 0, 0, 0, &sid),
                 STATUS_SUCCESS);
    cr_expect(RtlEqualSid(sid, space));
    cr_expect_null(RtlFreeSid(sid));
    cr_expect_eq(rtl_seen.live, 0);
}

Test(sid, text_of_documented_examples)
{
    static const UCHAR decimal[] = {1,  4, 0, 0, 0, 4, 0x4C, 0x88, 12,  0, 0, 0,
                                    72, 0, 0, 0, 9, 0, 0,    0,    110, 0, 0, 0};
    static const UCHAR hexadecimal[] = {1,  4, 0x28, 0x65, 0x1F, 0xE8, 0x48, 0, 12,  0, 0, 0,
                                        72, 0, 0,    0,    9,    0,    0,    0, 110, 0, 0, 0};
    WCHAR buf[40];
    UNICODE_STRING s = {0, sizeof buf, buf};

    cr_expect_eq(RtlConvertSidToUnicodeString(&s, (PSID)(uintptr_t)decimal, FALSE), STATUS_SUCCESS);
    cr_expect(us_is(&s, u"S-1-281736-12-72-9-110"));
    cr_expect_eq(RtlConvertSidToUnicodeString(&s, (PSID)(uintptr_t)hexadecimal, FALSE),
                 STATUS_SUCCESS);
    cr_expect(us_is(&s, u"S-1-0x28651FE84800-12-72-9-110"));
    s.MaximumLength = 10;
    cr_expect_eq(RtlConvertSidToUnicodeString(&s, (PSID)(uintptr_t)decimal, FALSE),
                 STATUS_BUFFER_OVERFLOW);
}

Test(acl, build)
{
    ULONG space[16], second[16];
    PACL acl = (PACL)space, other = (PACL)second;
    PSID everyone = (PSID)(uintptr_t)world, admin = (PSID)(uintptr_t)admins;
    PACCESS_ALLOWED_ACE ace;
    PVOID p;

    cr_expect_eq(RtlCreateAcl(acl, 4, 2), STATUS_BUFFER_TOO_SMALL);
    cr_expect_eq(RtlCreateAcl(acl, 64, 1), STATUS_INVALID_PARAMETER);
    cr_expect_eq(RtlCreateAcl(acl, 56, 2), STATUS_SUCCESS);
    cr_expect_eq(RtlAddAccessAllowedAce(acl, 2, GENERIC_ALL, admin), STATUS_SUCCESS);
    cr_expect_eq(RtlAddAccessAllowedAceEx(acl, 2, 3, GENERIC_READ, everyone), STATUS_SUCCESS);
    cr_expect_eq(RtlAddAccessAllowedAce(acl, 2, GENERIC_ALL, admin),
                 STATUS_ALLOTTED_SPACE_EXCEEDED);
    cr_expect_eq(RtlAddAccessAllowedAce(acl, 9, GENERIC_ALL, admin), STATUS_REVISION_MISMATCH);
    cr_expect_eq(RtlGetAce(acl, 1, &p), STATUS_SUCCESS);
    ace = p;
    cr_expect(ace->Header.AceFlags == 3 && ace->Mask == GENERIC_READ && ace->Header.AceSize == 20);
    cr_expect(RtlEqualSid(&ace->SidStart, everyone));
    cr_expect_eq(RtlCreateAcl(other, 64, 2), STATUS_SUCCESS);
    cr_expect_eq(RtlAddAce(other, 2, 0xFFFFFFFF, acl + 1, 44), STATUS_SUCCESS);
    cr_expect_eq(other->AceCount, 2);
    cr_expect_eq(RtlDeleteAce(other, 0), STATUS_SUCCESS);
    cr_expect_eq(other->AceCount, 1);
    cr_expect_eq(RtlAddAce(other, 2, 0, acl + 1, 24), STATUS_SUCCESS);
    cr_expect(!memcmp(acl + 1, other + 1, 44));
    cr_expect(RtlValidAcl(other));
    other->AceCount = 40;
    cr_expect_not(RtlValidAcl(other));
}

Test(sd, both_forms)
{
    ULONG acl_space[8], rel[32], dacl[8], owner[8];
    PACL acl = (PACL)acl_space, got;
    SECURITY_DESCRIPTOR sd, back;
    ULONG size = 0, sd_size = 0, dacl_size = 0, sacl_size = 0, owner_size = 0, group_size = 0;
    BOOLEAN present, defaulted;
    PSID sid;

    cr_expect_eq(RtlCreateSecurityDescriptor(&sd, 2), STATUS_UNKNOWN_REVISION);
    cr_expect_eq(RtlCreateSecurityDescriptor(&sd, 1), STATUS_SUCCESS);
    cr_expect_eq(RtlLengthSecurityDescriptor(&sd), sizeof sd);
    RtlCreateAcl(acl, 28, 2);
    RtlAddAccessAllowedAce(acl, 2, GENERIC_ALL, (PSID)(uintptr_t)world);
    cr_expect_eq(RtlSetDaclSecurityDescriptor(&sd, TRUE, acl, FALSE), STATUS_SUCCESS);
    cr_expect_eq(RtlSetOwnerSecurityDescriptor(&sd, (PSID)(uintptr_t)admins, TRUE), STATUS_SUCCESS);
    cr_expect_eq(RtlAbsoluteToSelfRelativeSD(&sd, rel, &size), STATUS_BUFFER_TOO_SMALL);
    cr_expect_eq(size, 20 + 28 + 16);
    cr_expect_eq(RtlAbsoluteToSelfRelativeSD(&sd, rel, &size), STATUS_SUCCESS);
    cr_expect(RtlValidRelativeSecurityDescriptor(rel, size, DACL_SECURITY_INFORMATION));
    cr_expect_not(RtlValidRelativeSecurityDescriptor(rel, size, SACL_SECURITY_INFORMATION));
    cr_expect_not(RtlValidRelativeSecurityDescriptor(rel, size - 4, 0));
    cr_expect_eq(RtlLengthSecurityDescriptor(rel), size);
    cr_expect_eq(RtlGetDaclSecurityDescriptor(rel, &present, &got, &defaulted), STATUS_SUCCESS);
    cr_expect(present && !defaulted && !memcmp(got, acl, 28));
    cr_expect_eq(RtlGetOwnerSecurityDescriptor(rel, &sid, &defaulted), STATUS_SUCCESS);
    cr_expect(defaulted && RtlEqualSid(sid, (PSID)(uintptr_t)admins));
    cr_expect_eq(RtlGetGroupSecurityDescriptor(rel, &sid, &defaulted), STATUS_SUCCESS);
    cr_expect_null(sid);
    cr_expect_eq(RtlGetSaclSecurityDescriptor(rel, &present, &got, &defaulted), STATUS_SUCCESS);
    cr_expect_not(present);
    cr_expect_eq(RtlSetDaclSecurityDescriptor(rel, TRUE, acl, FALSE),
                 STATUS_INVALID_SECURITY_DESCR);
    cr_expect_eq(RtlAbsoluteToSelfRelativeSD(rel, rel, &size), STATUS_BAD_DESCRIPTOR_FORMAT);
    cr_expect_eq(RtlSelfRelativeToAbsoluteSD(rel, &back, &sd_size, (PACL)dacl, &dacl_size, NULL,
                                             &sacl_size, owner, &owner_size, NULL, &group_size),
                 STATUS_BUFFER_TOO_SMALL);
    cr_expect(sd_size == sizeof back && dacl_size == 28 && owner_size == 16 && !sacl_size &&
              !group_size);
    cr_expect_eq(RtlSelfRelativeToAbsoluteSD(rel, &back, &sd_size, (PACL)dacl, &dacl_size, NULL,
                                             &sacl_size, owner, &owner_size, NULL, &group_size),
                 STATUS_SUCCESS);
    cr_expect(RtlValidSecurityDescriptor(&back) && !(back.Control & SE_SELF_RELATIVE));
    cr_expect(back.Dacl == (PACL)dacl && !memcmp(dacl, acl, 28));
}

Test(sd, masks)
{
    static const GENERIC_MAPPING map = {1, 2, 4, 8};
    ACCESS_MASK mask = GENERIC_READ | GENERIC_ALL | 0x100;

    RtlMapGenericMask(&mask, &map);
    cr_expect_eq(mask, 0x109);
}
