/* Security, run maps, byte-range locks, tunnels: in a whole machine. */
#include "io_fixture.h"

NTSTATUS NTAPI SeConvertStringSecurityDescriptorToSecurityDescriptor(PWSTR text, ULONG revision,
                                                                     PSECURITY_DESCRIPTOR *ret,
                                                                     PULONG ret_size);
VOID NTAPI SeCaptureSubjectContext(PSECURITY_SUBJECT_CONTEXT c);
VOID NTAPI SeReleaseSubjectContext(PSECURITY_SUBJECT_CONTEXT c);
BOOLEAN NTAPI SeAccessCheck(PSECURITY_DESCRIPTOR sd, PSECURITY_SUBJECT_CONTEXT context,
                            BOOLEAN locked, ACCESS_MASK desired, ACCESS_MASK before,
                            PPRIVILEGE_SET *privileges, PGENERIC_MAPPING mapping,
                            KPROCESSOR_MODE mode, PACCESS_MASK granted, PNTSTATUS status);
BOOLEAN NTAPI SeSinglePrivilegeCheck(LUID privilege, KPROCESSOR_MODE mode);
VOID NTAPI FsRtlInitializeLargeMcb(PLARGE_MCB mcb, POOL_TYPE type);
VOID NTAPI FsRtlUninitializeLargeMcb(PLARGE_MCB mcb);
BOOLEAN NTAPI FsRtlAddLargeMcbEntry(PLARGE_MCB mcb, LONGLONG vbn, LONGLONG lbn, LONGLONG count);
BOOLEAN NTAPI FsRtlLookupLargeMcbEntry(PLARGE_MCB mcb, LONGLONG vbn, PLONGLONG lbn, PLONGLONG count,
                                       PLONGLONG start, PLONGLONG start_count, PULONG index);
ULONG NTAPI FsRtlNumberOfRunsInLargeMcb(PLARGE_MCB mcb);
VOID NTAPI FsRtlInitializeFileLock(PFILE_LOCK lock, PCOMPLETE_LOCK_IRP_ROUTINE complete,
                                   PUNLOCK_ROUTINE unlock);
VOID NTAPI FsRtlUninitializeFileLock(PFILE_LOCK lock);
BOOLEAN NTAPI FsRtlPrivateLock(PFILE_LOCK lock, PFILE_OBJECT file, PLARGE_INTEGER start,
                               PLARGE_INTEGER length, PEPROCESS process, ULONG key, BOOLEAN at_once,
                               BOOLEAN exclusive, PIO_STATUS_BLOCK iosb, PIRP irp, PVOID context,
                               BOOLEAN synchronised);
BOOLEAN NTAPI FsRtlFastCheckLockForRead(PFILE_LOCK lock, PLARGE_INTEGER start,
                                        PLARGE_INTEGER length, ULONG key, PFILE_OBJECT file,
                                        PVOID process);
BOOLEAN NTAPI FsRtlFastCheckLockForWrite(PFILE_LOCK lock, PLARGE_INTEGER start,
                                         PLARGE_INTEGER length, ULONG key, PFILE_OBJECT file,
                                         PVOID process);
NTSTATUS NTAPI FsRtlFastUnlockAll(PFILE_LOCK lock, PFILE_OBJECT file, PEPROCESS process,
                                  PVOID context);

static PSECURITY_DESCRIPTOR sddl(const WCHAR *text)
{
    PSECURITY_DESCRIPTOR sd = NULL;
    NTSTATUS status =
        SeConvertStringSecurityDescriptorToSecurityDescriptor((PWSTR)(uintptr_t)text, 1, &sd, NULL);

    cr_assert_eq(status, STATUS_SUCCESS);
    return sd;
}

static NTSTATUS check(const WCHAR *text, ACCESS_MASK desired, KPROCESSOR_MODE mode)
{
    GENERIC_MAPPING mapping = {1, 2, 4, 7};
    SECURITY_SUBJECT_CONTEXT subject;
    PSECURITY_DESCRIPTOR sd = sddl(text);
    ACCESS_MASK granted;
    NTSTATUS status;

    SeCaptureSubjectContext(&subject);
    (void)SeAccessCheck(sd, &subject, FALSE, desired, 0, NULL, &mapping, mode, &granted, &status);
    SeReleaseSubjectContext(&subject);
    ex_free_for_driver(sd, 0);
    return status;
}

Test(se, access_follows_the_list_in_order, .init = machine_start)
{
    PSECURITY_DESCRIPTOR sd;

    cr_expect_eq(check(u"D:(A;;GA;;;SY)", 7, UserMode), STATUS_SUCCESS);
    cr_expect_eq(check(u"D:(A;;GR;;;SY)", 2, UserMode), STATUS_ACCESS_DENIED);
    cr_expect_eq(check(u"D:(D;;GW;;;WD)(A;;GA;;;SY)", 2, UserMode), STATUS_ACCESS_DENIED);
    cr_expect_eq(check(u"D:(A;;GA;;;SY)(D;;GW;;;WD)", 2, UserMode), STATUS_SUCCESS);
    cr_expect_eq(check(u"D:P", 1, UserMode), STATUS_ACCESS_DENIED); /* an empty list: nobody */
    cr_expect_eq(check(u"D:P", 1, KernelMode), STATUS_SUCCESS);
    cr_expect_eq(check(u"O:SY", 7, UserMode), STATUS_SUCCESS); /* no list: everybody */
    cr_expect_neq(SeConvertStringSecurityDescriptorToSecurityDescriptor(
                      (PWSTR)(uintptr_t)u"D:(A;;ZZ;;;SY)", 1, &sd, NULL),
                  STATUS_SUCCESS);
    cr_expect(SeSinglePrivilegeCheck((LUID){SE_LOAD_DRIVER_PRIVILEGE, 0}, UserMode));
    cr_expect_not(SeSinglePrivilegeCheck((LUID){63, 0}, UserMode));
}

Test(fsrtl, run_maps_count_holes, .init = machine_start)
{
    LARGE_MCB mcb;
    LONGLONG lbn, count;
    ULONG index;

    FsRtlInitializeLargeMcb(&mcb, PagedPool);
    cr_assert(FsRtlAddLargeMcbEntry(&mcb, 10, 500, 10));
    cr_assert(FsRtlAddLargeMcbEntry(&mcb, 20, 510, 5)); /* goes on */
    cr_assert(FsRtlAddLargeMcbEntry(&mcb, 30, 900, 5));
    cr_assert_not(FsRtlAddLargeMcbEntry(&mcb, 12, 1, 1)); /* mapped to others */
    cr_assert_eq(FsRtlNumberOfRunsInLargeMcb(&mcb), 4);
    cr_assert(FsRtlLookupLargeMcbEntry(&mcb, 22, &lbn, &count, NULL, NULL, &index));
    cr_assert(lbn == 512 && count == 3 && index == 1);
    cr_assert(FsRtlLookupLargeMcbEntry(&mcb, 26, &lbn, &count, NULL, NULL, &index));
    cr_assert(lbn == -1 && count == 4 && index == 2);
    cr_assert_not(FsRtlLookupLargeMcbEntry(&mcb, 35, &lbn, &count, NULL, NULL, &index));
    FsRtlUninitializeLargeMcb(&mcb);
    cr_assert_eq(findings.total, 0);
}

Test(fsrtl, locks_collide, .init = machine_start)
{
    FILE_LOCK lock;
    FILE_OBJECT a, b; /* only their addresses count */
    LARGE_INTEGER at = {.QuadPart = 100}, length = {.QuadPart = 10};
    IO_STATUS_BLOCK iosb;

    FsRtlInitializeFileLock(&lock, NULL, NULL);
    cr_assert(FsRtlPrivateLock(&lock, &a, &at, &length, ps_user, 0, TRUE, TRUE, &iosb, NULL, NULL,
                               FALSE));
    cr_assert_eq(iosb.Status, STATUS_SUCCESS);
    cr_assert(FsRtlPrivateLock(&lock, &b, &at, &length, ps_user, 0, TRUE, FALSE, &iosb, NULL, NULL,
                               FALSE));
    cr_assert_eq(iosb.Status, STATUS_LOCK_NOT_GRANTED);
    cr_assert(FsRtlFastCheckLockForWrite(&lock, &at, &length, 0, &a, ps_user));
    cr_assert_not(FsRtlFastCheckLockForRead(&lock, &at, &length, 0, &b, ps_user));
    at.QuadPart = 110;
    cr_assert(FsRtlFastCheckLockForRead(&lock, &at, &length, 0, &b, ps_user));
    cr_assert_eq(FsRtlFastUnlockAll(&lock, &a, ps_user, NULL), STATUS_SUCCESS);
    at.QuadPart = 100;
    cr_assert(FsRtlFastCheckLockForRead(&lock, &at, &length, 0, &b, ps_user));
    FsRtlUninitializeFileLock(&lock);
    cr_assert_eq(findings.total, 0);
}
