/*
 * Runtime library structures: bit maps, tables and trees, versions, times, text.
 *
 * Doc: Microsoft Learn, ntddk.h and ntifs.h reference.
 */
#ifndef NT_RTL_H
#define NT_RTL_H

#include "nt/ke.h"

/* Bit maps: 32 bits to a word, least significant first. */
typedef struct _RTL_BITMAP {
    ULONG SizeOfBitMap; /* bits */
    PULONG Buffer;
} RTL_BITMAP, *PRTL_BITMAP;
NT_ASSERT_SIZE(RTL_BITMAP, 0x10);

typedef struct _RTL_BITMAP_RUN {
    ULONG StartingIndex;
    ULONG NumberOfBits;
} RTL_BITMAP_RUN, *PRTL_BITMAP_RUN;

/* Generic tables. RTL_GENERIC_COMPARE_RESULTS is what a compare routine returns. */
typedef enum _RTL_GENERIC_COMPARE_RESULTS {
    GenericLessThan,
    GenericGreaterThan,
    GenericEqual,
} RTL_GENERIC_COMPARE_RESULTS;

typedef enum _TABLE_SEARCH_RESULT {
    TableEmptyTree,
    TableFoundNode,
    TableInsertAsLeft,
    TableInsertAsRight,
} TABLE_SEARCH_RESULT;

typedef struct _RTL_SPLAY_LINKS {
    struct _RTL_SPLAY_LINKS *Parent; /* itself at the root */
    struct _RTL_SPLAY_LINKS *LeftChild;
    struct _RTL_SPLAY_LINKS *RightChild;
} RTL_SPLAY_LINKS, *PRTL_SPLAY_LINKS;
NT_ASSERT_SIZE(RTL_SPLAY_LINKS, 0x18);

struct _RTL_GENERIC_TABLE;
typedef RTL_GENERIC_COMPARE_RESULTS NTAPI
RTL_GENERIC_COMPARE_ROUTINE(struct _RTL_GENERIC_TABLE *table, PVOID first, PVOID second);
typedef RTL_GENERIC_COMPARE_ROUTINE *PRTL_GENERIC_COMPARE_ROUTINE;
typedef PVOID NTAPI RTL_GENERIC_ALLOCATE_ROUTINE(struct _RTL_GENERIC_TABLE *table, ULONG size);
typedef RTL_GENERIC_ALLOCATE_ROUTINE *PRTL_GENERIC_ALLOCATE_ROUTINE;
typedef VOID NTAPI RTL_GENERIC_FREE_ROUTINE(struct _RTL_GENERIC_TABLE *table, PVOID buffer);
typedef RTL_GENERIC_FREE_ROUTINE *PRTL_GENERIC_FREE_ROUTINE;

typedef struct _RTL_GENERIC_TABLE {
    PRTL_SPLAY_LINKS TableRoot;
    LIST_ENTRY InsertOrderList;
    PLIST_ENTRY OrderedPointer;
    ULONG WhichOrderedElement;
    ULONG NumberGenericTableElements;
    PRTL_GENERIC_COMPARE_ROUTINE CompareRoutine;
    PRTL_GENERIC_ALLOCATE_ROUTINE AllocateRoutine;
    PRTL_GENERIC_FREE_ROUTINE FreeRoutine;
    PVOID TableContext;
} RTL_GENERIC_TABLE, *PRTL_GENERIC_TABLE;
NT_ASSERT_SIZE(RTL_GENERIC_TABLE, 0x48);
NT_ASSERT_AT(RTL_GENERIC_TABLE, CompareRoutine, 0x28);
NT_ASSERT_AT(RTL_GENERIC_TABLE, TableContext, 0x40);

typedef struct _RTL_BALANCED_LINKS {
    struct _RTL_BALANCED_LINKS *Parent;
    struct _RTL_BALANCED_LINKS *LeftChild;
    struct _RTL_BALANCED_LINKS *RightChild;
    CHAR Balance;
    UCHAR Reserved[3];
} RTL_BALANCED_LINKS, *PRTL_BALANCED_LINKS;
NT_ASSERT_SIZE(RTL_BALANCED_LINKS, 0x20);

struct _RTL_AVL_TABLE;
typedef RTL_GENERIC_COMPARE_RESULTS NTAPI RTL_AVL_COMPARE_ROUTINE(struct _RTL_AVL_TABLE *table,
                                                                  PVOID first, PVOID second);
typedef RTL_AVL_COMPARE_ROUTINE *PRTL_AVL_COMPARE_ROUTINE;
typedef PVOID NTAPI RTL_AVL_ALLOCATE_ROUTINE(struct _RTL_AVL_TABLE *table, ULONG size);
typedef RTL_AVL_ALLOCATE_ROUTINE *PRTL_AVL_ALLOCATE_ROUTINE;
typedef VOID NTAPI RTL_AVL_FREE_ROUTINE(struct _RTL_AVL_TABLE *table, PVOID buffer);
typedef RTL_AVL_FREE_ROUTINE *PRTL_AVL_FREE_ROUTINE;
typedef NTSTATUS NTAPI RTL_AVL_MATCH_FUNCTION(struct _RTL_AVL_TABLE *table, PVOID user_data,
                                              PVOID match_data);
typedef RTL_AVL_MATCH_FUNCTION *PRTL_AVL_MATCH_FUNCTION;

typedef struct _RTL_AVL_TABLE {
    RTL_BALANCED_LINKS BalancedRoot;
    PVOID OrderedPointer;
    ULONG WhichOrderedElement;
    ULONG NumberGenericTableElements;
    ULONG DepthOfTree;
    PVOID RestartKey;
    ULONG DeleteCount;
    PRTL_AVL_COMPARE_ROUTINE CompareRoutine;
    PRTL_AVL_ALLOCATE_ROUTINE AllocateRoutine;
    PRTL_AVL_FREE_ROUTINE FreeRoutine;
    PVOID TableContext;
} RTL_AVL_TABLE, *PRTL_AVL_TABLE;
NT_ASSERT_SIZE(RTL_AVL_TABLE, 0x68);
NT_ASSERT_AT(RTL_AVL_TABLE, NumberGenericTableElements, 0x2C);
NT_ASSERT_AT(RTL_AVL_TABLE, CompareRoutine, 0x48);
NT_ASSERT_AT(RTL_AVL_TABLE, TableContext, 0x60);

/* Red-black tree nodes. */
typedef struct _RTL_BALANCED_NODE {
    union {
        struct _RTL_BALANCED_NODE *Children[2];
        struct {
            struct _RTL_BALANCED_NODE *Left;
            struct _RTL_BALANCED_NODE *Right;
        };
    };
    ULONG_PTR ParentValue; /* low bits: colour */
} RTL_BALANCED_NODE, *PRTL_BALANCED_NODE;
NT_ASSERT_SIZE(RTL_BALANCED_NODE, 0x18);

typedef struct _RTL_RB_TREE {
    PRTL_BALANCED_NODE Root;
    PRTL_BALANCED_NODE Min;
} RTL_RB_TREE, *PRTL_RB_TREE;

/* Dynamic hash tables. */
typedef struct _RTL_DYNAMIC_HASH_TABLE_ENTRY {
    LIST_ENTRY Linkage;
    ULONG_PTR Signature;
} RTL_DYNAMIC_HASH_TABLE_ENTRY, *PRTL_DYNAMIC_HASH_TABLE_ENTRY;

typedef struct _RTL_DYNAMIC_HASH_TABLE_CONTEXT {
    PLIST_ENTRY ChainHead;
    PLIST_ENTRY PrevLinkage;
    ULONG_PTR Signature;
} RTL_DYNAMIC_HASH_TABLE_CONTEXT, *PRTL_DYNAMIC_HASH_TABLE_CONTEXT;

typedef struct _RTL_DYNAMIC_HASH_TABLE_ENUMERATOR {
    union {
        RTL_DYNAMIC_HASH_TABLE_ENTRY HashEntry;
        PLIST_ENTRY CurEntry;
    };
    PLIST_ENTRY ChainHead;
    ULONG BucketIndex;
} RTL_DYNAMIC_HASH_TABLE_ENUMERATOR, *PRTL_DYNAMIC_HASH_TABLE_ENUMERATOR;
NT_ASSERT_SIZE(RTL_DYNAMIC_HASH_TABLE_ENUMERATOR, 0x28);

typedef struct _RTL_DYNAMIC_HASH_TABLE {
    ULONG Flags;
    ULONG Shift;
    ULONG TableSize;
    ULONG Pivot;
    ULONG DivisorMask;
    ULONG NumEntries;
    ULONG NonEmptyBuckets;
    ULONG NumEnumerators;
    PVOID Directory;
} RTL_DYNAMIC_HASH_TABLE, *PRTL_DYNAMIC_HASH_TABLE;
NT_ASSERT_SIZE(RTL_DYNAMIC_HASH_TABLE, 0x28);

/* Range lists. */

#define RTL_RANGE_SHARED 0x01u   /* RTL_RANGE.Flags */
#define RTL_RANGE_CONFLICT 0x02u
#define RTL_RANGE_LIST_ADD_IF_CONFLICT 0x1u
#define RTL_RANGE_LIST_ADD_SHARED 0x2u
#define RTL_RANGE_LIST_SHARED_OK 0x1u
#define RTL_RANGE_LIST_NULL_CONFLICT_OK 0x2u
#define RTL_RANGE_LIST_MERGE_IF_CONFLICT RTL_RANGE_LIST_ADD_IF_CONFLICT

typedef struct _RTL_RANGE {
    ULONGLONG Start;
    ULONGLONG End; /* the last value in it */
    PVOID UserData;
    PVOID Owner;
    UCHAR Attributes;
    UCHAR Flags;
} RTL_RANGE, *PRTL_RANGE;
NT_ASSERT_SIZE(RTL_RANGE, 0x28);

typedef struct _RTL_RANGE_LIST {
    LIST_ENTRY ListHead;
    ULONG Flags;
    ULONG Count;
    ULONG Stamp;
} RTL_RANGE_LIST, *PRTL_RANGE_LIST;
NT_ASSERT_SIZE(RTL_RANGE_LIST, 0x20);

typedef struct _RTL_RANGE_LIST_ITERATOR {
    PLIST_ENTRY RangeListHead;
    PLIST_ENTRY MergedHead;
    PVOID Current;
    ULONG Stamp;
} RTL_RANGE_LIST_ITERATOR, *PRTL_RANGE_LIST_ITERATOR;
NT_ASSERT_SIZE(RTL_RANGE_LIST_ITERATOR, 0x20);

typedef BOOLEAN NTAPI RTL_CONFLICT_RANGE_ROUTINE(PVOID context, PRTL_RANGE range);
typedef RTL_CONFLICT_RANGE_ROUTINE *PRTL_CONFLICT_RANGE_ROUTINE;

/* One-time initialisation. */

#define RTL_RUN_ONCE_CHECK_ONLY 0x1u
#define RTL_RUN_ONCE_ASYNC 0x2u
#define RTL_RUN_ONCE_INIT_FAILED 0x4u
#define RTL_RUN_ONCE_CTX_RESERVED_BITS 2

typedef union _RTL_RUN_ONCE {
    PVOID Ptr;
    ULONG_PTR Value;
} RTL_RUN_ONCE, *PRTL_RUN_ONCE;
NT_ASSERT_SIZE(RTL_RUN_ONCE, 8);

typedef ULONG NTAPI RTL_RUN_ONCE_INIT_FN(PRTL_RUN_ONCE once, PVOID parameter, PVOID *context);
typedef RTL_RUN_ONCE_INIT_FN *PRTL_RUN_ONCE_INIT_FN;

/* Prefix tables and short names. */

typedef struct _UNICODE_PREFIX_TABLE_ENTRY {
    CSHORT NodeTypeCode;
    CSHORT NameLength;
    struct _UNICODE_PREFIX_TABLE_ENTRY *NextPrefixTree;
    struct _UNICODE_PREFIX_TABLE_ENTRY *CaseMatch;
    RTL_SPLAY_LINKS Links;
    PUNICODE_STRING Prefix;
} UNICODE_PREFIX_TABLE_ENTRY, *PUNICODE_PREFIX_TABLE_ENTRY;
NT_ASSERT_SIZE(UNICODE_PREFIX_TABLE_ENTRY, 0x38);

typedef struct _UNICODE_PREFIX_TABLE {
    CSHORT NodeTypeCode;
    CSHORT NameLength;
    PUNICODE_PREFIX_TABLE_ENTRY NextPrefixTree;
    PUNICODE_PREFIX_TABLE_ENTRY LastNextEntry;
} UNICODE_PREFIX_TABLE, *PUNICODE_PREFIX_TABLE;
NT_ASSERT_SIZE(UNICODE_PREFIX_TABLE, 0x18);

typedef struct _GENERATE_NAME_CONTEXT {
    USHORT Checksum;
    BOOLEAN ChecksumInserted;
    UCHAR NameLength; /* characters */
    WCHAR NameBuffer[8];
    ULONG ExtensionLength; /* characters, the dot among them */
    WCHAR ExtensionBuffer[4];
    ULONG LastIndexValue;
} GENERATE_NAME_CONTEXT, *PGENERATE_NAME_CONTEXT;
NT_ASSERT_SIZE(GENERATE_NAME_CONTEXT, 36);

/* Versions. */

typedef struct _OSVERSIONINFOW {
    ULONG dwOSVersionInfoSize;
    ULONG dwMajorVersion;
    ULONG dwMinorVersion;
    ULONG dwBuildNumber;
    ULONG dwPlatformId; /* 2: NT */
    WCHAR szCSDVersion[128];
} OSVERSIONINFOW, *POSVERSIONINFOW, RTL_OSVERSIONINFOW, *PRTL_OSVERSIONINFOW;
NT_ASSERT_SIZE(RTL_OSVERSIONINFOW, 0x114);

typedef struct _OSVERSIONINFOEXW {
    ULONG dwOSVersionInfoSize;
    ULONG dwMajorVersion;
    ULONG dwMinorVersion;
    ULONG dwBuildNumber;
    ULONG dwPlatformId;
    WCHAR szCSDVersion[128];
    USHORT wServicePackMajor;
    USHORT wServicePackMinor;
    USHORT wSuiteMask; /* VER_SUITE_* */
    UCHAR wProductType;
    UCHAR wReserved;
} OSVERSIONINFOEXW, *POSVERSIONINFOEXW, RTL_OSVERSIONINFOEXW, *PRTL_OSVERSIONINFOEXW;
NT_ASSERT_SIZE(RTL_OSVERSIONINFOEXW, 0x11C);
NT_ASSERT_AT(RTL_OSVERSIONINFOEXW, wServicePackMajor, 0x114);

#define VER_PLATFORM_WIN32_NT 2u
#define VER_NT_WORKSTATION 1
#define VER_NT_DOMAIN_CONTROLLER 2
#define VER_NT_SERVER 3
#define VER_SUITE_TERMINAL 0x0010u
#define VER_SUITE_SINGLEUSERTS 0x0100u
#define VER_MINORVERSION 0x01u
#define VER_MAJORVERSION 0x02u
#define VER_BUILDNUMBER 0x04u
#define VER_PLATFORMID 0x08u
#define VER_SERVICEPACKMINOR 0x10u
#define VER_SERVICEPACKMAJOR 0x20u
#define VER_SUITENAME 0x40u
#define VER_PRODUCT_TYPE 0x80u
#define VER_EQUAL 1
#define VER_GREATER 2
#define VER_GREATER_EQUAL 3
#define VER_LESS 4
#define VER_LESS_EQUAL 5
#define VER_AND 6
#define VER_OR 7

/* Times. */

typedef struct _TIME_FIELDS {
    CSHORT Year; /* 1601 and later */
    CSHORT Month;
    CSHORT Day;
    CSHORT Hour;
    CSHORT Minute;
    CSHORT Second;
    CSHORT Milliseconds;
    CSHORT Weekday; /* 0: Sunday */
} TIME_FIELDS, *PTIME_FIELDS;
NT_ASSERT_SIZE(TIME_FIELDS, 0x10);

/* Text tables. */

typedef struct _CPTABLEINFO {
    USHORT CodePage;
    USHORT MaximumCharacterSize;
    USHORT DefaultChar;
    USHORT UniDefaultChar;
    USHORT TransDefaultChar;
    USHORT TransUniDefaultChar;
    USHORT DBCSCodePage;
    UCHAR LeadByte[12];
    PUSHORT MultiByteTable;
    PVOID WideCharTable;
    PUSHORT DBCSRanges;
    PUSHORT DBCSOffsets;
} CPTABLEINFO, *PCPTABLEINFO;
NT_ASSERT_SIZE(CPTABLEINFO, 0x40);

#define RTL_DUPLICATE_UNICODE_STRING_NULL_TERMINATE 1u
#define RTL_DUPLICATE_UNICODE_STRING_ALLOCATE_NULL_STRING 2u
#define HASH_STRING_ALGORITHM_DEFAULT 0u
#define HASH_STRING_ALGORITHM_X65599 1u

/* FsRtlLegalAnsiCharacterArray */
#define FSRTL_FAT_LEGAL 0x01u
#define FSRTL_HPFS_LEGAL 0x02u
#define FSRTL_NTFS_LEGAL 0x04u
#define FSRTL_WILD_CHARACTER 0x08u
#define FSRTL_OLE_LEGAL 0x10u

/* Registry through Rtl: relative paths and query tables. */

#define RTL_REGISTRY_ABSOLUTE 0u
#define RTL_REGISTRY_SERVICES 1u
#define RTL_REGISTRY_CONTROL 2u
#define RTL_REGISTRY_WINDOWS_NT 3u
#define RTL_REGISTRY_DEVICEMAP 4u
#define RTL_REGISTRY_USER 5u
#define RTL_REGISTRY_MAXIMUM 6u
#define RTL_REGISTRY_HANDLE 0x40000000u
#define RTL_REGISTRY_OPTIONAL 0x80000000u

#define RTL_QUERY_REGISTRY_SUBKEY 0x00000001u
#define RTL_QUERY_REGISTRY_TOPKEY 0x00000002u
#define RTL_QUERY_REGISTRY_REQUIRED 0x00000004u
#define RTL_QUERY_REGISTRY_NOVALUE 0x00000008u
#define RTL_QUERY_REGISTRY_NOEXPAND 0x00000010u
#define RTL_QUERY_REGISTRY_DIRECT 0x00000020u
#define RTL_QUERY_REGISTRY_DELETE 0x00000040u
#define RTL_QUERY_REGISTRY_NOSTRING 0x00000080u
#define RTL_QUERY_REGISTRY_TYPECHECK 0x00000100u
#define RTL_QUERY_REGISTRY_TYPECHECK_SHIFT 24

typedef NTSTATUS NTAPI RTL_QUERY_REGISTRY_ROUTINE(PWSTR name, ULONG type, PVOID data, ULONG length,
                                                  PVOID context, PVOID entry_context);
typedef RTL_QUERY_REGISTRY_ROUTINE *PRTL_QUERY_REGISTRY_ROUTINE;

typedef struct _RTL_QUERY_REGISTRY_TABLE {
    PRTL_QUERY_REGISTRY_ROUTINE QueryRoutine;
    ULONG Flags;
    PWSTR Name;
    PVOID EntryContext;
    ULONG DefaultType;
    PVOID DefaultData;
    ULONG DefaultLength;
} RTL_QUERY_REGISTRY_TABLE, *PRTL_QUERY_REGISTRY_TABLE;
NT_ASSERT_SIZE(RTL_QUERY_REGISTRY_TABLE, 0x38);
NT_ASSERT_AT(RTL_QUERY_REGISTRY_TABLE, EntryContext, 0x18);
NT_ASSERT_AT(RTL_QUERY_REGISTRY_TABLE, DefaultLength, 0x30);

/* DbgPrintEx. */
#define DPFLTR_ERROR_LEVEL 0u
#define DPFLTR_WARNING_LEVEL 1u
#define DPFLTR_TRACE_LEVEL 2u
#define DPFLTR_INFO_LEVEL 3u
#define DPFLTR_MASK 0x80000000u
#define DPFLTR_IHVVIDEO_ID 78u
#define DPFLTR_IHVAUDIO_ID 79u
#define DPFLTR_IHVNETWORK_ID 80u
#define DPFLTR_IHVSTREAMING_ID 81u
#define DPFLTR_IHVBUS_ID 82u
#define DPFLTR_IHVDRIVER_ID 77u
#define DPFLTR_DEFAULT_ID 101u

#endif
