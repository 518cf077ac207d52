/*
 * Base types of the Windows x64 kernel environment, for a native (LP64) build.
 *
 * Everything in nt/ is types, layouts and constants; no code. Sizes follow the Windows x64 data
 * model (LLP64), so `long` and `wchar_t` never appear: LONG is 32 bits, WCHAR 16 bits. Functions
 * and callbacks that cross the boundary are NTAPI. Layouts are asserted here and compared with an
 * independent set of headers by tests/layout.
 *
 * Doc: Microsoft Learn, "Windows Data Types"; "x64 calling convention".
 */
#ifndef NT_TYPES_H
#define NT_TYPES_H

#include <stddef.h>
#include <stdint.h>

/* The Windows x64 calling convention, on functions and on function types. */
#define NTAPI __attribute__((ms_abi))
/* A function a driver can import: kept, though only the export table refers to it. */
#define NT_EXPORT __attribute__((used, visibility("hidden")))
#define NT_NORETURN __attribute__((noreturn))
#define NT_ALIGN(n) __attribute__((aligned(n)))
#define NT_PACKED(n) NT_PRAGMA(pack(push, n))
#define NT_UNPACKED NT_PRAGMA(pack(pop))
#define NT_PRAGMA(x) _Pragma(#x)

/* Argument lists of variadic NTAPI functions: a plain pointer to 8-byte slots. */
typedef __builtin_ms_va_list NT_VA_LIST;
#define NT_VA_START(list, last) __builtin_ms_va_start(list, last)
#define NT_VA_END(list) __builtin_ms_va_end(list)
#define NT_VA_COPY(to, from) __builtin_ms_va_copy(to, from)
#define NT_VA_ARG(list, type) __builtin_va_arg(list, type)

#define NT_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), "size of " #type)
#define NT_ASSERT_AT(type, field, off) \
    _Static_assert(offsetof(type, field) == (off), "offset of " #field " in " #type)
/* Unused bytes up to the offset where the next field must lie. */
#define NT_PAD(name, from, to) uint8_t name[(to) - (from)]

#define NT_PAGE_SIZE 0x1000u
#define NT_PAGE_SHIFT 12
#define NT_CACHE_LINE 64u

#ifndef CONTAINING_RECORD
#define CONTAINING_RECORD(address, type, field) \
    ((type *)((uint8_t *)(address)-offsetof(type, field)))
#endif
#define NT_FIELD_SIZE(type, field) (sizeof(((type *)0)->field))
#define NT_ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef void VOID, *PVOID;
typedef char CHAR, *PCHAR, CCHAR;
typedef const char *PCSTR, *PCSZ;
typedef char *PSTR, *PSZ;
typedef uint8_t UCHAR, *PUCHAR, BYTE, *PBYTE;
typedef const uint8_t *PCUCHAR;
typedef uint8_t BOOLEAN, *PBOOLEAN;
typedef int16_t SHORT, *PSHORT, CSHORT;
typedef uint16_t USHORT, *PUSHORT, WORD;
typedef int32_t LONG, *PLONG, INT;
typedef uint32_t ULONG, *PULONG, DWORD, UINT, LOGICAL, *PLOGICAL;
typedef int32_t LONG32, *PLONG32;
typedef uint32_t ULONG32, *PULONG32;
typedef int64_t LONGLONG, *PLONGLONG, LONG64, *PLONG64, LONG_PTR, INT_PTR, SSIZE_T;
typedef uint64_t ULONGLONG, *PULONGLONG, ULONG64, *PULONG64, DWORD64, *PDWORD64, UINT64;
typedef uint64_t ULONG_PTR, *PULONG_PTR, UINT_PTR, DWORD_PTR, SIZE_T, *PSIZE_T, KAFFINITY;
typedef KAFFINITY *PKAFFINITY;
typedef uint8_t UINT8, *PUINT8;
typedef uint16_t UINT16, *PUINT16;
typedef uint32_t UINT32, *PUINT32;
typedef uint_least16_t WCHAR, *PWCHAR, *PWSTR; /* what u"" and u'' have, in gcc and clang */
typedef const WCHAR *PCWSTR, *PCWCH;
typedef const void *PCVOID;
typedef void *HANDLE, **PHANDLE;
typedef int32_t NTSTATUS, *PNTSTATUS;
typedef uint8_t KIRQL, *PKIRQL;
typedef CCHAR KPROCESSOR_MODE;
typedef LONG KPRIORITY;
typedef ULONG_PTR KSPIN_LOCK, *PKSPIN_LOCK;
typedef uint32_t ACCESS_MASK, *PACCESS_MASK;
typedef uint32_t SECURITY_INFORMATION, *PSECURITY_INFORMATION;
typedef ULONG_PTR PFN_NUMBER, *PPFN_NUMBER;
typedef uint64_t POOL_FLAGS;
typedef PVOID PSECURITY_DESCRIPTOR, PSID, PACCESS_TOKEN;
typedef ULONG DEVICE_TYPE;
typedef ULONG LCID, LANGID_EX;
typedef UCHAR KSTATUS_BYTE;

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif
#define NT_MAXULONG 0xFFFFFFFFu
#define NT_MAXLONG 0x7FFFFFFF
#define NT_MAXUSHORT 0xFFFFu
#define UNICODE_NULL ((WCHAR)0)
#define ANSI_NULL ((CHAR)0)

_Static_assert(sizeof(WCHAR) == 2 && sizeof(LONG) == 4 && sizeof(PVOID) == 8, "data model");

typedef enum _MODE { KernelMode, UserMode, MaximumMode } MODE;

typedef union _LARGE_INTEGER {
    struct {
        ULONG LowPart;
        LONG HighPart;
    };
    struct {
        ULONG LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER, PHYSICAL_ADDRESS, *PPHYSICAL_ADDRESS;
NT_ASSERT_SIZE(LARGE_INTEGER, 8);

typedef union _ULARGE_INTEGER {
    struct {
        ULONG LowPart;
        ULONG HighPart;
    };
    struct {
        ULONG LowPart;
        ULONG HighPart;
    } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

typedef struct _LUID {
    ULONG LowPart;
    LONG HighPart;
} LUID, *PLUID;
NT_ASSERT_SIZE(LUID, 8);

typedef struct _GUID {
    ULONG Data1;
    USHORT Data2;
    USHORT Data3;
    UCHAR Data4[8];
} GUID, *PGUID;
typedef const GUID *LPCGUID;
NT_ASSERT_SIZE(GUID, 16);

/* Doubly linked, circular; the head has the same type. */
typedef struct _LIST_ENTRY {
    struct _LIST_ENTRY *Flink;
    struct _LIST_ENTRY *Blink;
} LIST_ENTRY, *PLIST_ENTRY;
NT_ASSERT_SIZE(LIST_ENTRY, 16);

typedef struct _SINGLE_LIST_ENTRY {
    struct _SINGLE_LIST_ENTRY *Next;
} SINGLE_LIST_ENTRY, *PSINGLE_LIST_ENTRY;

/* Interlocked single lists: entries lie on 16-byte boundaries. */
typedef struct NT_ALIGN(16) _SLIST_ENTRY {
    struct _SLIST_ENTRY *Next;
} SLIST_ENTRY, *PSLIST_ENTRY;
NT_ASSERT_SIZE(SLIST_ENTRY, 16);

typedef union NT_ALIGN(16) _SLIST_HEADER {
    struct {
        ULONGLONG Alignment;
        ULONGLONG Region;
    };
    struct {
        ULONGLONG Depth : 16;
        ULONGLONG Sequence : 48;
        ULONGLONG Reserved : 4;
        ULONGLONG NextEntry : 60; /* address >> 4 */
    } HeaderX64;
} SLIST_HEADER, *PSLIST_HEADER;
NT_ASSERT_SIZE(SLIST_HEADER, 16);

/* Lengths are in bytes and leave out the terminator, which need not be there. */
typedef struct _UNICODE_STRING {
    USHORT Length;
    USHORT MaximumLength;
    PWSTR Buffer;
} UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING *PCUNICODE_STRING;
NT_ASSERT_SIZE(UNICODE_STRING, 0x10);
NT_ASSERT_AT(UNICODE_STRING, Buffer, 8);

typedef struct _STRING {
    USHORT Length;
    USHORT MaximumLength;
    PCHAR Buffer;
} STRING, *PSTRING, ANSI_STRING, *PANSI_STRING, OEM_STRING, *POEM_STRING, UTF8_STRING,
    *PUTF8_STRING;
typedef const STRING *PCANSI_STRING, *PCOEM_STRING, *PCUTF8_STRING;
NT_ASSERT_SIZE(STRING, 0x10);

#define UNICODE_STRING_MAX_BYTES 0xFFFEu
/* A UNICODE_STRING initialiser for a u"" literal. */
#define NT_CONST_STRING(literal)                                            \
    {                                                                       \
        (USHORT)(sizeof(literal) - sizeof(WCHAR)), (USHORT)sizeof(literal), \
            (PWSTR)(uintptr_t)(literal)                                     \
    }

typedef struct _OBJECT_ATTRIBUTES {
    ULONG Length;
    HANDLE RootDirectory;
    PUNICODE_STRING ObjectName;
    ULONG Attributes; /* OBJ_* */
    PVOID SecurityDescriptor;
    PVOID SecurityQualityOfService;
} OBJECT_ATTRIBUTES, *POBJECT_ATTRIBUTES;
NT_ASSERT_SIZE(OBJECT_ATTRIBUTES, 0x30);
NT_ASSERT_AT(OBJECT_ATTRIBUTES, Attributes, 0x18);

#define OBJ_INHERIT 0x00000002u
#define OBJ_PERMANENT 0x00000010u
#define OBJ_EXCLUSIVE 0x00000020u
#define OBJ_CASE_INSENSITIVE 0x00000040u
#define OBJ_OPENIF 0x00000080u
#define OBJ_OPENLINK 0x00000100u
#define OBJ_KERNEL_HANDLE 0x00000200u
#define OBJ_FORCE_ACCESS_CHECK 0x00000400u
#define OBJ_IGNORE_IMPERSONATED_DEVICEMAP 0x00000800u
#define OBJ_DONT_REPARSE 0x00001000u
#define OBJ_VALID_ATTRIBUTES 0x00001FF2u

typedef struct _OBJECT_NAME_INFORMATION {
    UNICODE_STRING Name;
} OBJECT_NAME_INFORMATION, *POBJECT_NAME_INFORMATION;

typedef struct _OBJECT_HANDLE_INFORMATION {
    ULONG HandleAttributes;
    ACCESS_MASK GrantedAccess;
} OBJECT_HANDLE_INFORMATION, *POBJECT_HANDLE_INFORMATION;
NT_ASSERT_SIZE(OBJECT_HANDLE_INFORMATION, 8);

typedef struct _CLIENT_ID {
    HANDLE UniqueProcess;
    HANDLE UniqueThread;
} CLIENT_ID, *PCLIENT_ID;
NT_ASSERT_SIZE(CLIENT_ID, 0x10);

typedef struct _IO_STATUS_BLOCK {
    union {
        NTSTATUS Status;
        PVOID Pointer;
    };
    ULONG_PTR Information;
} IO_STATUS_BLOCK, *PIO_STATUS_BLOCK;
NT_ASSERT_SIZE(IO_STATUS_BLOCK, 0x10);
NT_ASSERT_AT(IO_STATUS_BLOCK, Information, 8);

/* Opaque: what only the kernel looks into. */
typedef struct _OBJECT_TYPE OBJECT_TYPE, *POBJECT_TYPE;
typedef struct _CALLBACK_OBJECT CALLBACK_OBJECT, *PCALLBACK_OBJECT;
typedef struct _EJOB *PEJOB;
typedef struct _KTHREAD KTHREAD, *PKTHREAD;
typedef struct _ETHREAD ETHREAD, *PETHREAD;
typedef struct _KPROCESS KPROCESS, *PKPROCESS, *PRKPROCESS;
typedef struct _EPROCESS EPROCESS, *PEPROCESS;
typedef struct _DRIVER_OBJECT DRIVER_OBJECT, *PDRIVER_OBJECT;
typedef struct _DEVICE_OBJECT DEVICE_OBJECT, *PDEVICE_OBJECT;
typedef struct _FILE_OBJECT FILE_OBJECT, *PFILE_OBJECT;
typedef struct _IRP IRP, *PIRP;
typedef struct _MDL MDL, *PMDL;

/* Severity is in the two top bits. */
#define NT_SUCCESS(status) ((NTSTATUS)(status) >= 0)
#define NT_INFORMATION(status) (((ULONG)(status)) >> 30 == 1)
#define NT_WARNING(status) (((ULONG)(status)) >> 30 == 2)
#define NT_ERROR(status) (((ULONG)(status)) >> 30 == 3)

#endif
