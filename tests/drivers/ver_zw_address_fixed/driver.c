/* Takes the handle in a variable of its own and copies it. */
#include "rule.h"

NTSYSAPI NTSTATUS NTAPI ZwAllocateVirtualMemory(HANDLE process, PVOID *base, ULONG_PTR zero_bits, PSIZE_T size,
                                                ULONG type, ULONG protect);
NTSYSAPI NTSTATUS NTAPI ZwFreeVirtualMemory(HANDLE process, PVOID *base, PSIZE_T size, ULONG type);

static UNICODE_STRING path = RTL_CONSTANT_STRING(L"\\Registry\\Machine\\System");

static NTSTATUS open_key(PHANDLE ret, PUNICODE_STRING name)
{
    OBJECT_ATTRIBUTES attributes;

    InitializeObjectAttributes(&attributes, name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    return ZwOpenKey(ret, KEY_READ, &attributes);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PHANDLE handles = NULL;
    SIZE_T size = PAGE_SIZE;
    HANDLE own;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    ZwAllocateVirtualMemory(NtCurrentProcess(), (PVOID *)&handles, 0, &size, MEM_COMMIT, PAGE_READWRITE);
    if (NT_SUCCESS(open_key(&own, &path))) {
        handles[0] = own;
        ZwClose(own);
    }
    size = 0;
    ZwFreeVirtualMemory(NtCurrentProcess(), (PVOID *)&handles, &size, MEM_RELEASE);
    return STATUS_SUCCESS;
}
