/* Files of the in-memory file system, sections, and the cache above it. */
#include "io_fixture.h"

NTSTATUS NTAPI ZwCreateFile(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr,
                            PIO_STATUS_BLOCK iosb, PLARGE_INTEGER allocation, ULONG attributes,
                            ULONG share, ULONG disposition, ULONG options, PVOID ea, ULONG ea_size);
NTSTATUS NTAPI ZwReadFile(HANDLE h, HANDLE event, PVOID apc, PVOID ctx, PIO_STATUS_BLOCK iosb,
                          PVOID buffer, ULONG length, PLARGE_INTEGER offset, PULONG key);
NTSTATUS NTAPI ZwWriteFile(HANDLE h, HANDLE event, PVOID apc, PVOID ctx, PIO_STATUS_BLOCK iosb,
                           PVOID buffer, ULONG length, PLARGE_INTEGER offset, PULONG key);
NTSTATUS NTAPI ZwQueryInformationFile(HANDLE h, PIO_STATUS_BLOCK iosb, PVOID info, ULONG length,
                                      ULONG kind);
NTSTATUS NTAPI ZwSetInformationFile(HANDLE h, PIO_STATUS_BLOCK iosb, PVOID info, ULONG length,
                                    ULONG kind);
NTSTATUS NTAPI ZwQueryDirectoryFile(HANDLE h, HANDLE event, PVOID apc, PVOID ctx,
                                    PIO_STATUS_BLOCK iosb, PVOID buffer, ULONG length, ULONG kind,
                                    BOOLEAN single, PUNICODE_STRING name, BOOLEAN restart);
NTSTATUS NTAPI ZwOpenSection(PHANDLE ret, ACCESS_MASK access, POBJECT_ATTRIBUTES attr);
NTSTATUS NTAPI ZwMapViewOfSection(HANDLE section, HANDLE process, PVOID *base, ULONG_PTR zero_bits,
                                  SIZE_T commit, PLARGE_INTEGER offset, PSIZE_T size, ULONG inherit,
                                  ULONG type, ULONG protection);
NTSTATUS NTAPI ZwUnmapViewOfSection(HANDLE process, PVOID base);
NTSTATUS NTAPI ZwAllocateVirtualMemory(HANDLE process, PVOID *base, ULONG_PTR zero_bits,
                                       PSIZE_T size, ULONG type, ULONG protection);
NTSTATUS NTAPI ZwFreeVirtualMemory(HANDLE process, PVOID *base, PSIZE_T size, ULONG type);
VOID NTAPI CcInitializeCacheMap(PFILE_OBJECT file, PCC_FILE_SIZES sizes, BOOLEAN pin,
                                PCACHE_MANAGER_CALLBACKS callbacks, PVOID context);
BOOLEAN NTAPI CcUninitializeCacheMap(PFILE_OBJECT file, PLARGE_INTEGER truncate, PVOID event);
BOOLEAN NTAPI CcCopyRead(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, BOOLEAN wait,
                         PVOID buffer, PIO_STATUS_BLOCK iosb);
BOOLEAN NTAPI CcCopyWrite(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, BOOLEAN wait,
                          PVOID buffer);
BOOLEAN NTAPI CcPinRead(PFILE_OBJECT file, PLARGE_INTEGER offset, ULONG length, ULONG flags,
                        PVOID *bcb, PVOID *buffer);
VOID NTAPI CcSetDirtyPinnedData(PVOID bcb, PLARGE_INTEGER lsn);
VOID NTAPI CcUnpinData(PVOID bcb);
VOID NTAPI CcFlushCache(PSECTION_OBJECT_POINTERS sop, PLARGE_INTEGER offset, ULONG length,
                        PIO_STATUS_BLOCK iosb);
BOOLEAN NTAPI FsRtlIsNameInExpression(PUNICODE_STRING expression, PUNICODE_STRING name,
                                      BOOLEAN ignore_case, PWSTR table);

#define ME ((HANDLE)(intptr_t)-1)

static NTSTATUS open_file(const WCHAR *path, ACCESS_MASK access, ULONG share, ULONG disposition,
                          ULONG options, HANDLE *ret, ULONG_PTR *info)
{
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attr = {.Length = sizeof attr,
                              .ObjectName = &name,
                              .Attributes = OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE};
    IO_STATUS_BLOCK iosb = {0};
    NTSTATUS status;

    rtl_init_string(&name, path);
    status = ZwCreateFile(ret, access | SYNCHRONIZE, &attr, &iosb, NULL, 0, share, disposition,
                          options | FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0);
    if (info)
        *info = iosb.Information;
    return status;
}

Test(files, life_of_a_file, .init = machine_start)
{
    static const WCHAR path[] = u"\\??\\C:\\Windows\\Temp\\a.log";
    FILE_STANDARD_INFORMATION standard;
    FILE_DISPOSITION_INFORMATION gone = {TRUE};
    IO_STATUS_BLOCK iosb;
    LARGE_INTEGER zero = {0};
    char buffer[32] = "";
    ULONG_PTR info;
    HANDLE h, other;

    cr_assert_eq(open_file(path, GENERIC_READ, 7, FILE_OPEN, 0, &h, NULL),
                 STATUS_OBJECT_NAME_NOT_FOUND);
    cr_assert_eq(open_file(u"\\SystemRoot\\none\\a", GENERIC_READ, 7, FILE_OPEN, 0, &h, NULL),
                 STATUS_OBJECT_PATH_NOT_FOUND);
    cr_assert_eq(
        open_file(path, GENERIC_READ | GENERIC_WRITE | DELETE, 0, FILE_OPEN_IF, 0, &h, &info), 0);
    cr_assert_eq(info, FILE_CREATED);
    cr_assert_eq(ZwWriteFile(h, NULL, NULL, NULL, &iosb, "hello world", 11, NULL, NULL),
                 STATUS_SUCCESS);
    cr_assert_eq(iosb.Information, 11);
    cr_assert_eq(ZwReadFile(h, NULL, NULL, NULL, &iosb, buffer, 32, NULL, NULL),
                 STATUS_END_OF_FILE);
    cr_assert_eq(ZwReadFile(h, NULL, NULL, NULL, &iosb, buffer, 32, &zero, NULL), STATUS_SUCCESS);
    cr_assert_str_eq(buffer, "hello world");
    cr_assert_eq(
        ZwQueryInformationFile(h, &iosb, &standard, sizeof standard, FileStandardInformation), 0);
    cr_assert_eq(standard.EndOfFile.QuadPart, 11);
    cr_assert_eq(ZwQueryInformationFile(h, &iosb, &standard, 4, FileStandardInformation),
                 STATUS_INFO_LENGTH_MISMATCH);
    cr_assert_eq(open_file(path, GENERIC_READ, 7, FILE_OPEN, 0, &other, NULL),
                 STATUS_SHARING_VIOLATION);
    cr_assert_eq(open_file(path, GENERIC_READ, 7, FILE_CREATE, 0, &other, NULL),
                 STATUS_OBJECT_NAME_COLLISION);
    cr_assert_eq(open_file(path, GENERIC_READ, 7, FILE_OPEN, FILE_DIRECTORY_FILE, &other, NULL),
                 STATUS_NOT_A_DIRECTORY);
    cr_assert_eq(ZwSetInformationFile(h, &iosb, &gone, sizeof gone, FileDispositionInformation), 0);
    cr_assert_eq(ZwClose(h), STATUS_SUCCESS);
    cr_assert_eq(open_file(path, GENERIC_READ, 7, FILE_OPEN, 0, &h, NULL),
                 STATUS_OBJECT_NAME_NOT_FOUND);
    cr_assert_eq(findings.total, 0);
}

Test(files, directories_are_listed, .init = machine_start)
{
    uint8_t buffer[1024];
    FILE_BOTH_DIR_INFORMATION *d = (void *)buffer;
    UNICODE_STRING pattern;
    IO_STATUS_BLOCK iosb;
    HANDLE h;

    rtl_init_string(&pattern, u"Prog*");
    cr_assert_eq(
        open_file(u"\\??\\C:\\", FILE_LIST_DIRECTORY, 7, FILE_OPEN, FILE_DIRECTORY_FILE, &h, NULL),
        0);
    cr_assert_eq(ZwQueryDirectoryFile(h, NULL, NULL, NULL, &iosb, buffer, sizeof buffer,
                                      FileBothDirectoryInformation, FALSE, &pattern, FALSE),
                 STATUS_SUCCESS);
    cr_assert_eq(d->FileNameLength, 26);
    cr_assert_neq(d->NextEntryOffset, 0);
    cr_assert_eq(ZwQueryDirectoryFile(h, NULL, NULL, NULL, &iosb, buffer, sizeof buffer,
                                      FileBothDirectoryInformation, FALSE, NULL, FALSE),
                 STATUS_NO_MORE_FILES);
    cr_assert_eq(ZwClose(h), STATUS_SUCCESS);
}

Test(files, expressions, .init = machine_start)
{
    static const struct {
        const WCHAR *e, *n;
        BOOLEAN ok;
    } cases[] = {
        {u"*", u"", FALSE},          {u"*.TXT", u"a.txt", TRUE}, {u"*.TXT", u"a.txt.b", FALSE},
        {u"A?C", u"abc", TRUE},      {u"A?C", u"ac", FALSE},     {u"<.TXT", u"a.b.txt", TRUE},
        {u"<TXT", u"a.b.txt", TRUE}, {u"FOO>>", u"foo", TRUE},   {u"FOO\"*", u"foo", TRUE},
        {u"FOO", u"foobar", FALSE}};

    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        UNICODE_STRING e, n;

        rtl_init_string(&e, cases[i].e);
        rtl_init_string(&n, cases[i].n);
        cr_expect_eq(FsRtlIsNameInExpression(&e, &n, TRUE, NULL), cases[i].ok, "case %zu", i);
    }
}

Test(memory, physical_section_and_private_memory, .init = machine_start)
{
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attr = {
        .Length = sizeof attr, .ObjectName = &name, .Attributes = OBJ_KERNEL_HANDLE};
    LARGE_INTEGER at = {.QuadPart = 0x100123};
    PVOID base = NULL;
    SIZE_T size = 0x100;
    HANDLE h;

    rtl_init_string(&name, u"\\Device\\PhysicalMemory");
    cr_assert_eq(ZwOpenSection(&h, SECTION_MAP_READ, &attr), STATUS_SUCCESS);
    cr_assert_eq(ZwMapViewOfSection(h, ME, &base, 0, 0, &at, &size, 1, 0, 4), STATUS_SUCCESS);
    cr_assert_eq(at.QuadPart, 0x100000);
    cr_assert_eq(size, 0x1000);
    *(volatile char *)base = 1;
    cr_assert_eq(ZwUnmapViewOfSection(ME, base), STATUS_SUCCESS);
    cr_assert_eq(ZwUnmapViewOfSection(ME, base), STATUS_NOT_MAPPED_VIEW);
    ZwClose(h);
    base = NULL;
    size = 100;
    cr_assert_eq(ZwAllocateVirtualMemory(ME, &base, 0, &size, MEM_COMMIT | MEM_RESERVE, 4),
                 STATUS_SUCCESS);
    cr_assert_eq(size, 0x1000);
    memset(base, 1, size);
    size = 0;
    cr_assert_eq(ZwFreeVirtualMemory(ME, &base, &size, MEM_RELEASE), STATUS_SUCCESS);
    cr_assert_eq(ZwFreeVirtualMemory(ME, &base, &size, MEM_RELEASE), STATUS_MEMORY_NOT_ALLOCATED);
    size = 100;
    base = NULL;
    cr_assert_eq(ZwAllocateVirtualMemory(ME, &base, 0, &size, 0x1000, 0x12345),
                 STATUS_INVALID_PAGE_PROTECTION);
    cr_assert_eq(findings.total, 0);
}

Test(cache, reads_and_writes_through_the_file_system, .init = machine_start)
{
    SECTION_OBJECT_POINTERS sop = {0};
    CACHE_MANAGER_CALLBACKS none = {0};
    CC_FILE_SIZES sizes = {{.QuadPart = 8192}, {.QuadPart = 5000}, {.QuadPart = 5000}};
    LARGE_INTEGER at = {.QuadPart = 4090};
    IO_STATUS_BLOCK iosb;
    char data[5000], buffer[100];
    FILE_OBJECT *file;
    void *object, *bcb, *p;
    HANDLE h;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)i;
    cr_assert_eq(
        open_file(u"\\??\\C:\\Temp\\c", GENERIC_READ | GENERIC_WRITE, 7, FILE_CREATE, 0, &h, NULL),
        0);
    cr_assert_eq(ZwWriteFile(h, NULL, NULL, NULL, &iosb, data, sizeof data, NULL, NULL),
                 STATUS_SUCCESS);
    cr_assert_eq(ob_handle_ref(h, ob_type_file, &object), STATUS_SUCCESS);
    file = object;
    file->SectionObjectPointer = &sop;
    CcInitializeCacheMap(file, &sizes, FALSE, &none, NULL);
    cr_assert_not_null(sop.SharedCacheMap);
    cr_assert_not(CcCopyRead(file, &at, 10, FALSE, buffer, &iosb)); /* not there yet */
    cr_assert(CcCopyRead(file, &at, 10, TRUE, buffer, &iosb));
    cr_assert_eq(iosb.Information, 10);
    cr_assert_arr_eq(buffer, data + 4090, 10);
    at.QuadPart = 4995;
    cr_assert(CcCopyRead(file, &at, 100, TRUE, buffer, &iosb));
    cr_assert_eq(iosb.Information, 5);
    at.QuadPart = 10;
    cr_assert(CcCopyWrite(file, &at, 4, TRUE, "WXYZ"));
    at.QuadPart = 4096;
    cr_assert(CcPinRead(file, &at, 512, PIN_WAIT, &bcb, &p));
    memcpy(p, "PIN", 3);
    CcSetDirtyPinnedData(bcb, NULL);
    CcUnpinData(bcb);
    CcFlushCache(&sop, NULL, 0, &iosb);
    cr_assert_eq(iosb.Status, STATUS_SUCCESS);
    at.QuadPart = 10;
    cr_assert_eq(ZwReadFile(h, NULL, NULL, NULL, &iosb, buffer, 4, &at, NULL), STATUS_SUCCESS);
    cr_assert_arr_eq(buffer, "WXYZ", 4);
    at.QuadPart = 4096;
    cr_assert_eq(ZwReadFile(h, NULL, NULL, NULL, &iosb, buffer, 3, &at, NULL), STATUS_SUCCESS);
    cr_assert_arr_eq(buffer, "PIN", 3);
    at.QuadPart = 20;
    cr_assert(CcCopyWrite(file, &at, 4, TRUE, "lazy"));
    ke_settle(3000); /* the lazy writer comes */
    cr_assert_eq(ZwReadFile(h, NULL, NULL, NULL, &iosb, buffer, 4, &at, NULL), STATUS_SUCCESS);
    cr_assert_arr_eq(buffer, "lazy", 4);
    cr_assert(CcUninitializeCacheMap(file, NULL, NULL));
    cr_assert_null(sop.SharedCacheMap);
    file->SectionObjectPointer = NULL;
    ob_unref(file);
    cr_assert_eq(ZwClose(h), STATUS_SUCCESS);
    cr_assert_eq(findings.total, 0);
}
