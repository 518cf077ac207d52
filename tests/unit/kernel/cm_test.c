/* The registry, in a whole machine. */
#include "io_fixture.h"

NTSTATUS NTAPI ZwQueryValueKey(HANDLE h, PUNICODE_STRING name, ULONG kind, PVOID to, ULONG length,
                               PULONG ret);
NTSTATUS NTAPI ZwEnumerateKey(HANDLE h, ULONG index, ULONG kind, PVOID to, ULONG length,
                              PULONG ret);
NTSTATUS NTAPI ZwEnumerateValueKey(HANDLE h, ULONG index, ULONG kind, PVOID to, ULONG length,
                                   PULONG ret);
NTSTATUS NTAPI ZwQueryKey(HANDLE h, ULONG kind, PVOID to, ULONG length, PULONG ret);
NTSTATUS NTAPI RtlQueryRegistryValues(ULONG relative, PCWSTR path, PRTL_QUERY_REGISTRY_TABLE table,
                                      PVOID context, PVOID env);
NTSTATUS NTAPI RtlWriteRegistryValue(ULONG relative, PCWSTR path, PCWSTR name, ULONG type,
                                     PVOID data, ULONG size);
NTSTATUS NTAPI RtlDeleteRegistryValue(ULONG relative, PCWSTR path, PCWSTR name);
NTSTATUS NTAPI RtlCheckRegistryKey(ULONG relative, PWSTR path);

static UNICODE_STRING str(const WCHAR *text)
{
    UNICODE_STRING s;

    rtl_init_string(&s, text);
    return s;
}

static HANDLE key(const WCHAR *path, bool create)
{
    UNICODE_STRING name = str(path);
    OBJECT_ATTRIBUTES attr = {.Length = sizeof attr,
                              .ObjectName = &name,
                              .Attributes = OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE};
    HANDLE h = NULL;
    ULONG how;

    if (create)
        cr_assert_eq(ZwCreateKey(&h, KEY_ALL_ACCESS, &attr, 0, NULL, 0, &how), STATUS_SUCCESS);
    else
        cr_assert_eq(ZwOpenKey(&h, KEY_READ, &attr), STATUS_SUCCESS);
    return h;
}

static NTSTATUS open_status(const WCHAR *path)
{
    UNICODE_STRING name = str(path);
    OBJECT_ATTRIBUTES attr = {
        .Length = sizeof attr, .ObjectName = &name, .Attributes = OBJ_KERNEL_HANDLE};
    HANDLE h = NULL;
    NTSTATUS status = ZwOpenKey(&h, KEY_READ, &attr);

    if (!status)
        ZwClose(h);
    return status;
}

Test(cm, what_drivers_look_for_is_there, .init = machine_start)
{
    cr_expect_eq(open_status(u"\\Registry\\Machine\\SYSTEM\\CurrentControlSet\\Services"),
                 STATUS_SUCCESS);
    cr_expect_eq(
        open_status(u"\\REGISTRY\\machine\\hardware\\description\\system\\CentralProcessor\\0"),
        STATUS_SUCCESS);
    cr_expect_eq(
        open_status(u"\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion\\"),
        STATUS_SUCCESS);
    cr_expect_eq(open_status(u"\\Registry\\Machine\\Software\\None\\None"),
                 STATUS_OBJECT_NAME_NOT_FOUND);
    cr_expect_eq(open_status(u"Registry"), STATUS_OBJECT_PATH_SYNTAX_BAD);
}

Test(cm, buffer_rules_of_values, .init = machine_start)
{
    HANDLE h = key(u"\\Registry\\Machine\\Software\\Test", true);
    UNICODE_STRING name = str(u"Val");
    uint8_t data[10] = "123456789", buffer[64];
    KEY_VALUE_PARTIAL_INFORMATION *p = (void *)buffer;
    KEY_VALUE_FULL_INFORMATION *f = (void *)buffer;
    ULONG need = 0;

    cr_assert_eq(ZwSetValueKey(h, &name, 0, REG_BINARY, data, 10), STATUS_SUCCESS);
    cr_assert_eq(ZwQueryValueKey(h, &name, KeyValuePartialInformation, buffer, 11, &need),
                 STATUS_BUFFER_TOO_SMALL);
    cr_assert_eq(need, 22);
    cr_assert_eq(ZwQueryValueKey(h, &name, KeyValuePartialInformation, buffer, 12, &need),
                 STATUS_BUFFER_OVERFLOW);
    cr_assert_eq(p->DataLength, 10);
    cr_assert_eq(ZwQueryValueKey(h, &name, KeyValuePartialInformation, buffer, 22, &need),
                 STATUS_SUCCESS);
    cr_assert_arr_eq(p->Data, data, 10);
    cr_assert_eq(ZwQueryValueKey(h, &name, KeyValueFullInformation, buffer, 64, &need),
                 STATUS_SUCCESS);
    cr_assert_eq(f->DataOffset, 0x1C);
    cr_assert_eq(need, 0x1C + 10);
    cr_assert_arr_eq(buffer + f->DataOffset, data, 10);
    cr_assert_eq(ZwQueryValueKey(h, &name, 77, buffer, 64, &need), STATUS_INVALID_PARAMETER);
    cr_assert_eq(ZwDeleteValueKey(h, &name), STATUS_SUCCESS);
    cr_assert_eq(ZwQueryValueKey(h, &name, 0, buffer, 64, &need), STATUS_OBJECT_NAME_NOT_FOUND);
    cr_assert_eq(ZwEnumerateValueKey(h, 0, 0, buffer, 64, &need), STATUS_NO_MORE_ENTRIES);
    ZwClose(h);
}

Test(cm, keys_are_made_listed_and_deleted, .init = machine_start)
{
    HANDLE h = key(u"\\Registry\\Machine\\Software\\Test", true), a, b;
    uint8_t buffer[512];
    KEY_BASIC_INFORMATION *basic = (void *)buffer;
    KEY_FULL_INFORMATION *full = (void *)buffer;
    KEY_NAME_INFORMATION *n = (void *)buffer;
    ULONG need;

    b = key(u"\\Registry\\Machine\\Software\\Test\\bb", true);
    a = key(u"\\Registry\\Machine\\Software\\Test\\A", true);
    cr_assert_eq(ZwEnumerateKey(h, 0, KeyBasicInformation, buffer, sizeof buffer, &need),
                 STATUS_SUCCESS);
    cr_assert_eq(basic->NameLength, 2);
    cr_assert_eq(basic->Name[0], 'A');
    cr_assert_eq(ZwEnumerateKey(h, 1, KeyBasicInformation, buffer, 0x10, &need),
                 STATUS_BUFFER_OVERFLOW);
    cr_assert_eq(ZwEnumerateKey(h, 1, KeyBasicInformation, buffer, 0xF, &need),
                 STATUS_BUFFER_TOO_SMALL);
    cr_assert_eq(need, 0x14);
    cr_assert_eq(ZwEnumerateKey(h, 2, KeyBasicInformation, buffer, 64, &need),
                 STATUS_NO_MORE_ENTRIES);
    cr_assert_eq(ZwQueryKey(h, KeyFullInformation, buffer, sizeof buffer, &need), STATUS_SUCCESS);
    cr_assert_eq(full->SubKeys, 2);
    cr_assert_eq(full->MaxNameLen, 4);
    cr_assert_eq(ZwQueryKey(a, KeyNameInformation, buffer, sizeof buffer, &need), STATUS_SUCCESS);
    cr_assert_eq(n->NameLength, sizeof u"\\REGISTRY\\Machine\\Software\\Test\\A" - 2);
    cr_assert_eq(ZwDeleteKey(h), STATUS_CANNOT_DELETE);
    cr_assert_eq(ZwDeleteKey(a), STATUS_SUCCESS);
    cr_assert_eq(ZwDeleteKey(a), STATUS_KEY_DELETED);
    cr_assert_eq(ZwQueryKey(a, KeyFullInformation, buffer, sizeof buffer, &need),
                 STATUS_KEY_DELETED);
    cr_assert_eq(ZwClose(a), STATUS_SUCCESS);
    cr_assert_eq(ZwDeleteKey(b), STATUS_SUCCESS);
    ZwClose(b);
    cr_assert_eq(ZwDeleteKey(h), STATUS_SUCCESS);
    ZwClose(h);
    cr_assert_eq(findings.total, 0);
}

Test(cm, direct_query_stores_by_type, .init = machine_start)
{
    ULONG value = 7, number = 0, missing = 0, fallback = 42;
    struct {
        LONG size;
        uint8_t rest[12];
    } blob = {.size = -16};
    uint8_t bytes[16] = "abcdefghijklmno";
    UNICODE_STRING text = {0}, small_text;
    WCHAR little[2];
    RTL_QUERY_REGISTRY_TABLE t[5] = {
        {.Flags = RTL_QUERY_REGISTRY_DIRECT, .Name = (PWSTR)u"Number", .EntryContext = &number},
        {.Flags = RTL_QUERY_REGISTRY_DIRECT, .Name = (PWSTR)u"Bytes", .EntryContext = &blob},
        {.Flags = RTL_QUERY_REGISTRY_DIRECT,
         .Name = (PWSTR)u"Missing",
         .EntryContext = &missing,
         .DefaultType = REG_DWORD,
         .DefaultData = &fallback,
         .DefaultLength = 4},
        {.Flags = RTL_QUERY_REGISTRY_DIRECT, .Name = (PWSTR)u"Text", .EntryContext = &text},
    };

    cr_assert_eq(
        RtlWriteRegistryValue(RTL_REGISTRY_SERVICES, u"T", u"Number", REG_DWORD, &value, 4), 0);
    cr_assert_eq(
        RtlWriteRegistryValue(RTL_REGISTRY_SERVICES, u"T", u"Bytes", REG_BINARY, bytes, 16), 0);
    cr_assert_eq(RtlWriteRegistryValue(RTL_REGISTRY_SERVICES, u"T", u"Text", REG_EXPAND_SZ,
                                       (PVOID)u"%SystemRoot%\\x", sizeof u"%SystemRoot%\\x"),
                 0);
    cr_assert_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, u"T", t, NULL, NULL),
                 STATUS_SUCCESS);
    cr_assert_eq(number, 7);
    cr_assert_arr_eq(&blob, bytes, 16);
    cr_assert_eq(missing, 42);
    cr_assert_eq(text.Length, sizeof u"C:\\Windows\\x" - 2);
    cr_assert_arr_eq(text.Buffer, u"C:\\Windows\\x", text.Length);
    t[0] = (RTL_QUERY_REGISTRY_TABLE){.Flags =
                                          RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK,
                                      .Name = (PWSTR)u"Number",
                                      .EntryContext = &number,
                                      .DefaultType = REG_SZ << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT};
    cr_assert_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, u"T", t, NULL, NULL),
                 STATUS_OBJECT_TYPE_MISMATCH);
    small_text = (UNICODE_STRING){0, sizeof little, little};
    t[0] = (RTL_QUERY_REGISTRY_TABLE){
        .Flags = RTL_QUERY_REGISTRY_DIRECT, .Name = (PWSTR)u"Text", .EntryContext = &small_text};
    cr_assert_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, u"T", t, NULL, NULL),
                 STATUS_BUFFER_TOO_SMALL);
    t[0] =
        (RTL_QUERY_REGISTRY_TABLE){.Flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_REQUIRED,
                                   .Name = (PWSTR)u"Missing",
                                   .EntryContext = &missing};
    cr_assert_eq(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, u"T", t, NULL, NULL),
                 STATUS_OBJECT_NAME_NOT_FOUND);
    cr_assert_eq(RtlDeleteRegistryValue(RTL_REGISTRY_SERVICES, u"T", u"Number"), STATUS_SUCCESS);
    cr_assert_eq(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, (PWSTR)u"T"), STATUS_SUCCESS);
    cr_assert_eq(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, (PWSTR)u"U"),
                 STATUS_OBJECT_NAME_NOT_FOUND);
}

Test(cm, reg_text_is_read, .init = machine_start)
{
    static const char text[] = "\xEF\xBB\xBFWindows Registry Editor Version 5.00\r\n\r\n"
                               "; comment\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Reg]\r\n"
                               "@=\"default\"\r\n\"a\\\"b\"=\"c:\\\\d\"\r\n\"n\"=dword:0000ffff\r\n"
                               "\"h\"=hex:01,02,\\\r\n  03\r\n\"m\"=hex(7):61,00,00,00,00,00\r\n"
                               "\"gone\"=dword:1\r\n\"gone\"=-\r\n"
                               "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Reg\\Sub]\r\n"
                               "[-HKEY_LOCAL_MACHINE\\SOFTWARE\\Reg\\Sub]\r\n";
    static const char bad[] =
        "Windows Registry Editor Version 5.00\n[HKEY_LOCAL_MACHINE\\X]\n\"a\"=what\n";
    uint8_t buffer[64];
    KEY_VALUE_PARTIAL_INFORMATION *p = (void *)buffer;
    UNICODE_STRING name = str(u"h");
    char why[PP_WHY_SIZE] = "";
    ULONG need;
    HANDLE h;

    cr_assert_eq(cm_load_reg(text, sizeof text - 1, why), 0, "%s", why);
    h = key(u"\\Registry\\Machine\\Software\\Reg", false);
    cr_assert_eq(ZwQueryValueKey(h, &name, KeyValuePartialInformation, buffer, 64, &need),
                 STATUS_SUCCESS);
    cr_assert_eq(p->DataLength, 3);
    name = str(u"a\"b");
    cr_assert_eq(ZwQueryValueKey(h, &name, KeyValuePartialInformation, buffer, 64, &need),
                 STATUS_SUCCESS);
    cr_assert_eq(p->DataLength, sizeof u"c:\\d");
    name = str(u"gone");
    cr_assert_eq(ZwQueryValueKey(h, &name, KeyValuePartialInformation, buffer, 64, &need),
                 STATUS_OBJECT_NAME_NOT_FOUND);
    name = str(u"");
    cr_assert_eq(ZwQueryValueKey(h, &name, KeyValuePartialInformation, buffer, 64, &need),
                 STATUS_SUCCESS);
    cr_assert_eq(open_status(u"\\Registry\\Machine\\Software\\Reg\\Sub"),
                 STATUS_OBJECT_NAME_NOT_FOUND);
    cr_assert_neq(cm_load_reg(bad, sizeof bad - 1, why), 0);
    cr_assert_not_null(strstr(why, "line 3"));
    ZwClose(h);
}
