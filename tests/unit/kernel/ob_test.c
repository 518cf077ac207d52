/* Objects, names, handles, processes, files: in a whole machine. */
#include "io_fixture.h"

LONG_PTR NTAPI ObfReferenceObject(PVOID object);
LONG_PTR NTAPI ObfDereferenceObject(PVOID object);
NTSTATUS NTAPI ObReferenceObjectByHandle(HANDLE h, ACCESS_MASK access, POBJECT_TYPE type,
                                         KPROCESSOR_MODE mode, PVOID *ret,
                                         POBJECT_HANDLE_INFORMATION info);
NTSTATUS NTAPI ObReferenceObjectByName(PUNICODE_STRING name, ULONG attributes, PACCESS_STATE state,
                                       ACCESS_MASK access, POBJECT_TYPE type, KPROCESSOR_MODE mode,
                                       PVOID context, PVOID *ret);
NTSTATUS NTAPI ObQueryNameString(PVOID object, POBJECT_NAME_INFORMATION info, ULONG length,
                                 PULONG ret);
NTSTATUS NTAPI ObCloseHandle(HANDLE h, KPROCESSOR_MODE mode);
NTSTATUS NTAPI ZwCreateEvent(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                             EVENT_TYPE type, BOOLEAN state);
NTSTATUS NTAPI ZwOpenEvent(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr);
NTSTATUS NTAPI ZwSetEvent(HANDLE h, PLONG old);
NTSTATUS NTAPI ZwWaitForSingleObject(HANDLE h, BOOLEAN alertable, PLARGE_INTEGER timeout);
NTSTATUS NTAPI ZwDuplicateObject(HANDLE sp, HANDLE s, HANDLE tp, PHANDLE ret, ACCESS_MASK access,
                                 ULONG attributes, ULONG options);
NTSTATUS NTAPI ZwQueryObject(HANDLE h, ULONG kind, PVOID info, ULONG length, PULONG ret);
NTSTATUS NTAPI ZwCreateSymbolicLinkObject(PHANDLE ret, ACCESS_MASK access,
                                          POBJECT_ATTRIBUTES attr, PUNICODE_STRING target);
NTSTATUS NTAPI ZwOpenSymbolicLinkObject(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr);
NTSTATUS NTAPI ZwQuerySymbolicLinkObject(HANDLE h, PUNICODE_STRING target, PULONG ret);
NTSTATUS NTAPI ZwOpenDirectoryObject(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr);
NTSTATUS NTAPI ZwQueryDirectoryObject(HANDLE h, PVOID buffer, ULONG length, BOOLEAN single,
                                      BOOLEAN restart, PULONG context, PULONG ret);
NTSTATUS NTAPI ZwQuerySystemInformation(ULONG kind, PVOID info, ULONG length, PULONG ret);
NTSTATUS NTAPI PsLookupProcessByProcessId(HANDLE id, PEPROCESS *ret);
VOID NTAPI KeStackAttachProcess(PKPROCESS process, PKAPC_STATE state);
VOID NTAPI KeUnstackDetachProcess(PKAPC_STATE state);
NTSTATUS NTAPI ZwOpenProcess(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                             PCLIENT_ID id);
NTSTATUS NTAPI ZwQueryInformationProcess(HANDLE h, ULONG kind, PVOID info, ULONG length,
                                         PULONG ret);

static UNICODE_STRING str(const WCHAR *text)
{
    UNICODE_STRING s;

    rtl_init_string(&s, text);
    return s;
}

static OBJECT_ATTRIBUTES named(UNICODE_STRING *name)
{
    return (OBJECT_ATTRIBUTES){.Length = sizeof(OBJECT_ATTRIBUTES),
                               .ObjectName = name,
                               .Attributes = OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE};
}

Test(ob, names_follow_links_and_ignore_case, .init = machine_start)
{
    UNICODE_STRING name = str(u"\\??\\Foo"), target = str(u"\\Device\\Foo0"), rest;
    UNICODE_STRING dev = str(u"\\Device\\Foo0"), path = str(u"\\DosDevices\\FOO\\a\\b");
    void *e = ob_new(ob_type_device, sizeof(DEVICE_OBJECT), "Test"), *found;
    WCHAR text[64];

    cr_assert_eq(ob_insert(&dev, e), STATUS_SUCCESS);
    cr_assert_eq(ob_insert(&dev, ob_new(ob_type_event, 24, "Test")), STATUS_OBJECT_NAME_COLLISION);
    cr_assert_eq(ob_symlink_new(&name, &target), STATUS_SUCCESS);
    cr_assert_eq(ob_symlink_new(&name, &target), STATUS_OBJECT_NAME_COLLISION);
    cr_assert_eq(ob_lookup(&path, &found, &rest), STATUS_SUCCESS);
    cr_assert_eq(found, e);
    cr_assert_eq(rest.Length, 8);
    cr_assert_arr_eq(rest.Buffer, u"\\a\\b", 8);
    cr_assert_eq(ob_lookup(&path, &found, NULL), STATUS_OBJECT_TYPE_MISMATCH);
    cr_assert(ob_name_of(e, text, 64));
    cr_assert_eq(rtl_wcslen(text), 12);
    cr_assert_eq(ob_symlink_delete(&name), STATUS_SUCCESS);
    cr_assert_eq(ob_lookup(&path, &found, &rest), STATUS_OBJECT_PATH_NOT_FOUND);
    name = str(u"\\Device\\Nothing");
    cr_assert_eq(ob_lookup(&name, &found, NULL), STATUS_OBJECT_NAME_NOT_FOUND);
    name = str(u"Device");
    cr_assert_eq(ob_lookup(&name, &found, NULL), STATUS_OBJECT_PATH_SYNTAX_BAD);
    name = str(u"\\Device\\\\x");
    cr_assert_eq(ob_lookup(&name, &found, NULL), STATUS_OBJECT_NAME_INVALID);
}

Test(ob, counts_are_checked, .init = machine_start)
{
    void *e = ob_new(ob_type_event, sizeof(KEVENT), "Test");

    cr_assert_eq(ObfReferenceObject(e), 2);
    cr_assert_eq(ObfDereferenceObject(e), 1);
    cr_assert_eq(findings.total, 0);
    cr_assert_eq(ObfDereferenceObject(e), 0);
    cr_assert_eq(findings.total, 0);
    (void)ObfDereferenceObject(e);
    cr_assert_eq(findings.count[VF_VER_OBJECT_COUNT], 1);
    (void)ObfReferenceObject(e);
    cr_assert_eq(findings.count[VF_VER_OBJECT_COUNT], 2);
}

/* Seen: kmtest_drv, ObSymbolicLink: a status, not an exception. */
Test(ob, symlink_without_a_target, .init = machine_start)
{
    UNICODE_STRING target = {.Length = 8, .MaximumLength = 8};
    OBJECT_ATTRIBUTES attr = named(NULL);
    HANDLE untouched = (HANDLE)5, h = untouched;

    cr_assert_eq(ZwCreateSymbolicLinkObject(&h, GENERIC_ALL, &attr, &target),
                 STATUS_ACCESS_VIOLATION);
    cr_assert_eq(h, untouched);
}

Test(ob, handle_keeps_its_reference, .init = machine_start)
{
    HANDLE h;
    void *e;

    cr_assert_eq(ZwCreateEvent(&h, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE),
                 STATUS_SUCCESS);
    cr_assert_eq(ObReferenceObjectByHandle(h, 0, NULL, KernelMode, &e, NULL), STATUS_SUCCESS);
    (void)ObfDereferenceObject(e);
    (void)ObfDereferenceObject(e); /* the handle's own */
    cr_assert_eq(findings.count[VF_VER_OBJECT_COUNT], 1);
    cr_assert_eq(ZwClose(h), STATUS_SUCCESS);
    cr_assert_eq(ZwClose(h), STATUS_INVALID_HANDLE);
}

Test(ob, by_handle_says_what_is_wrong, .init = machine_start)
{
    OBJECT_HANDLE_INFORMATION info;
    OBJECT_ATTRIBUTES attr = named(NULL);
    HANDLE h;
    void *e;

    cr_assert_eq(ZwCreateEvent(&h, EVENT_MODIFY_STATE, &attr, NotificationEvent, FALSE),
                 STATUS_SUCCESS);
    cr_assert_gt((uint64_t)h, 0xFFFFFFFF80000000ull);
    cr_assert_eq(ObReferenceObjectByHandle(h, EVENT_QUERY_STATE, KE_DATA->IoFileObjectType,
                                           KernelMode, &e, NULL),
                 STATUS_OBJECT_TYPE_MISMATCH);
    cr_assert_null(e);
    cr_assert_eq(ObReferenceObjectByHandle(h, EVENT_QUERY_STATE, KE_DATA->ExEventObjectType,
                                           KernelMode, &e, &info),
                 STATUS_SUCCESS);
    cr_assert_eq(info.GrantedAccess, EVENT_MODIFY_STATE);
    (void)ObfDereferenceObject(e);
    cr_assert_eq(findings.total, 0);
    cr_assert_eq(ObReferenceObjectByHandle(h, 0, NULL, UserMode, &e, NULL), STATUS_INVALID_HANDLE);
    cr_assert_eq(findings.count[VF_VER_HANDLE_MODE], 1);
    cr_assert_eq(ZwClose(h), STATUS_SUCCESS);
    cr_assert_eq(ObReferenceObjectByHandle(h, 0, NULL, KernelMode, &e, NULL),
                 STATUS_INVALID_HANDLE);
    cr_assert_eq(findings.count[VF_VER_HANDLE_BAD], 1);
    cr_assert_eq(ObReferenceObjectByHandle(NULL, 0, NULL, KernelMode, &e, NULL),
                 STATUS_INVALID_HANDLE);
    cr_assert_eq(findings.count[VF_VER_HANDLE_NULL], 1);
    cr_assert_eq(ZwClose(h), STATUS_INVALID_HANDLE);
    cr_assert_eq(findings.count[VF_INVALID_KERNEL_HANDLE], 1);
}

Test(ob, named_event_goes_with_last_handle, .init = machine_start)
{
    UNICODE_STRING name = str(u"\\BaseNamedObjects\\Tick");
    OBJECT_ATTRIBUTES attr = named(&name);
    HANDLE a, b;

    cr_assert_eq(ZwCreateEvent(&a, EVENT_ALL_ACCESS, &attr, SynchronizationEvent, FALSE),
                 STATUS_SUCCESS);
    cr_assert_eq(ZwCreateEvent(&b, EVENT_ALL_ACCESS, &attr, SynchronizationEvent, FALSE),
                 STATUS_OBJECT_NAME_COLLISION);
    attr.Attributes |= OBJ_OPENIF;
    cr_assert_eq(ZwCreateEvent(&b, EVENT_ALL_ACCESS, &attr, SynchronizationEvent, FALSE),
                 STATUS_OBJECT_NAME_EXISTS);
    cr_assert_eq(ZwClose(a), STATUS_SUCCESS);
    cr_assert_eq(ZwOpenEvent(&a, EVENT_ALL_ACCESS, &attr), STATUS_SUCCESS);
    cr_assert_eq(ZwSetEvent(b, NULL), STATUS_SUCCESS);
    cr_assert_eq(ZwWaitForSingleObject(a, FALSE, NULL), STATUS_SUCCESS);
    cr_assert_eq(ZwClose(a), STATUS_SUCCESS);
    cr_assert_eq(ZwClose(b), STATUS_SUCCESS);
    cr_assert_eq(ZwOpenEvent(&a, EVENT_ALL_ACCESS, &attr), STATUS_OBJECT_NAME_NOT_FOUND);
    cr_assert_eq(findings.total, 0);
}

Test(ob, queries, .init = machine_start)
{
    UNICODE_STRING name = str(u"\\??\\C:"), target;
    OBJECT_ATTRIBUTES attr = named(&name);
    WCHAR buffer[64];
    uint8_t info[256];
    OBJECT_NAME_INFORMATION *n = (void *)info;
    ULONG need = 0, context = 0;
    HANDLE h;
    void *d;

    cr_assert_eq(ZwOpenSymbolicLinkObject(&h, GENERIC_READ, &attr), STATUS_SUCCESS);
    target = (UNICODE_STRING){0, 4, buffer};
    cr_assert_eq(ZwQuerySymbolicLinkObject(h, &target, &need), STATUS_BUFFER_TOO_SMALL);
    cr_assert_eq(need, 48);
    target.MaximumLength = sizeof buffer;
    cr_assert_eq(ZwQuerySymbolicLinkObject(h, &target, &need), STATUS_SUCCESS);
    cr_assert_eq(target.Length, 46);
    cr_assert_eq(ZwClose(h), STATUS_SUCCESS);
    cr_assert_eq(ob_lookup(&target, &d, NULL), STATUS_SUCCESS);
    cr_assert_eq(ObQueryNameString(d, n, 0, &need), STATUS_INFO_LENGTH_MISMATCH);
    cr_assert_eq(ObQueryNameString(d, n, need, &need), STATUS_SUCCESS);
    cr_assert_eq(n->Name.Length, 46);
    ob_unref(d);
    name = str(u"\\Device");
    cr_assert_eq(ZwOpenDirectoryObject(&h, DIRECTORY_QUERY, &attr), STATUS_SUCCESS);
    cr_assert_eq(ZwQueryDirectoryObject(h, info, sizeof info, TRUE, TRUE, &context, &need),
                 STATUS_SUCCESS);
    cr_assert_eq(context, 1);
    cr_assert_eq(ZwQueryObject(h, 0, info, 0x38, &need), STATUS_SUCCESS);
    cr_assert_eq(ZwQueryObject(h, 0, info, 0x30, &need), STATUS_INFO_LENGTH_MISMATCH);
    cr_assert_eq(ZwQueryObject(h, 99, info, 0x38, &need), STATUS_INVALID_INFO_CLASS);
    cr_assert_eq(ZwClose(h), STATUS_SUCCESS);
}

Test(ps, two_processes_and_attaching, .init = machine_start)
{
    CLIENT_ID id = {(HANDLE)PS_USER_PID, NULL};
    OBJECT_ATTRIBUTES attr = named(NULL);
    PROCESS_BASIC_INFORMATION info;
    KAPC_STATE state;
    EPROCESS *p;
    ULONG need;
    HANDLE h;

    cr_assert_eq(KE_DATA->PsInitialSystemProcess, ps_system);
    cr_assert_eq(PsGetCurrentProcess(), ps_system);
    cr_assert_eq(PsLookupProcessByProcessId((HANDLE)(uintptr_t)12345, &p), STATUS_INVALID_CID);
    cr_assert_eq(PsLookupProcessByProcessId((HANDLE)PS_USER_PID, &p), STATUS_SUCCESS);
    KeStackAttachProcess(&p->Pcb, &state);
    cr_assert_eq(PsGetCurrentProcess(), p);
    KeUnstackDetachProcess(&state);
    cr_assert_eq(PsGetCurrentProcess(), ps_system);
    ob_unref(p);
    cr_assert_eq(ZwOpenProcess(&h, PROCESS_ALL_ACCESS, &attr, &id), STATUS_SUCCESS);
    cr_assert_eq(ZwQueryInformationProcess(h, 0, &info, sizeof info, &need), STATUS_SUCCESS);
    cr_assert_eq(info.UniqueProcessId, PS_USER_PID);
    cr_assert_eq(ZwQueryInformationProcess(h, 0, &info, 4, &need), STATUS_INFO_LENGTH_MISMATCH);
    cr_assert_eq(ZwQueryInformationProcess(h, 12345, &info, 4, NULL), STATUS_INVALID_INFO_CLASS);
    cr_assert_eq(ZwClose(h), STATUS_SUCCESS);
    cr_assert_eq(findings.total, 0);
}

Test(zw, system_information, .init = machine_start)
{
    static uint8_t buffer[65536];
    RTL_PROCESS_MODULES *m = (void *)buffer;
    ULONG need = 0;

    cr_assert_eq(ZwQuerySystemInformation(11, NULL, 0, &need), STATUS_INFO_LENGTH_MISMATCH);
    cr_assert_eq(ZwQuerySystemInformation(11, buffer, need, &need), STATUS_SUCCESS);
    cr_assert_eq(m->NumberOfModules, 2);
    cr_assert_str_eq((char *)m->Modules[0].FullPathName + m->Modules[0].OffsetToFileName,
                     "ntoskrnl.exe");
    cr_assert_eq(ZwQuerySystemInformation(5, buffer, sizeof buffer, &need), STATUS_SUCCESS);
    cr_assert_eq(ZwQuerySystemInformation(22, buffer, sizeof buffer, &need), STATUS_SUCCESS);
    cr_assert_eq(ZwQuerySystemInformation(227, buffer, 1, &need), STATUS_SUCCESS);
    cr_assert_eq(ZwQuerySystemInformation(9999, buffer, 1, &need), STATUS_INVALID_INFO_CLASS);
}
