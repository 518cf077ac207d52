/*
 * Executive memory: pool types and flags, lookaside lists, and the pool header.
 *
 * Doc: Microsoft Learn, POOL_TYPE, POOL_FLAGS, EX_POOL_PRIORITY, LOOKASIDE_LIST_EX (wdm.h).
 */
#ifndef NT_EX_H
#define NT_EX_H

#include "nt/ke.h"

typedef enum _POOL_TYPE {
    NonPagedPool = 0,
    NonPagedPoolExecute = NonPagedPool,
    PagedPool = 1,
    NonPagedPoolMustSucceed = 2,
    DontUseThisType = 3,
    NonPagedPoolCacheAligned = 4,
    PagedPoolCacheAligned = 5,
    NonPagedPoolCacheAlignedMustS = 6,
    MaxPoolType = 7,
    NonPagedPoolBase = 0,
    NonPagedPoolBaseMustSucceed = 2,
    NonPagedPoolBaseCacheAligned = 4,
    NonPagedPoolBaseCacheAlignedMustS = 6,
    NonPagedPoolSession = 32,
    PagedPoolSession = 33,
    NonPagedPoolMustSucceedSession = 34,
    DontUseThisTypeSession = 35,
    NonPagedPoolCacheAlignedSession = 36,
    PagedPoolCacheAlignedSession = 37,
    NonPagedPoolCacheAlignedMustSSession = 38,
    NonPagedPoolNx = 512,
    NonPagedPoolNxCacheAligned = 516,
    NonPagedPoolSessionNx = 544,
} POOL_TYPE;

/* Bits of a POOL_TYPE: what the value is made of, and modifiers. */
#define NT_POOL_BIT_PAGED 0x001u
#define NT_POOL_BIT_MUST_SUCCEED 0x002u
#define NT_POOL_BIT_CACHE_ALIGNED 0x004u
#define NT_POOL_BIT_SESSION 0x020u
#define POOL_QUOTA_FAIL_INSTEAD_OF_RAISE 0x008u
#define POOL_RAISE_IF_ALLOCATION_FAILURE 0x010u
#define POOL_COLD_ALLOCATION 0x100u
#define POOL_NX_ALLOCATION 0x200u
#define POOL_ZERO_ALLOCATION 0x400u
#define NT_POOL_MODIFIERS                                                                         \
    (POOL_QUOTA_FAIL_INSTEAD_OF_RAISE | POOL_RAISE_IF_ALLOCATION_FAILURE | POOL_COLD_ALLOCATION | \
     POOL_ZERO_ALLOCATION)

/* A tag's top bit: the block must be freed with the same tag. */
#define PROTECTED_POOL 0x80000000u

/* ExAllocatePool2, ExAllocatePool3: unknown bits fail in the low half, are ignored in the high
 * half. */
#define POOL_FLAG_USE_QUOTA 0x0000000000000001ull
#define POOL_FLAG_UNINITIALIZED 0x0000000000000002ull
#define POOL_FLAG_SESSION 0x0000000000000004ull
#define POOL_FLAG_CACHE_ALIGNED 0x0000000000000008ull
#define POOL_FLAG_RESERVED1 0x0000000000000010ull
#define POOL_FLAG_RAISE_ON_FAILURE 0x0000000000000020ull
#define POOL_FLAG_NON_PAGED 0x0000000000000040ull
#define POOL_FLAG_NON_PAGED_EXECUTE 0x0000000000000080ull
#define POOL_FLAG_PAGED 0x0000000000000100ull
#define POOL_FLAG_RESERVED2 0x0000000000000200ull
#define POOL_FLAG_RESERVED3 0x0000000000000400ull
#define POOL_FLAG_LAST_KNOWN_REQUIRED POOL_FLAG_RESERVED3
#define POOL_FLAG_REQUIRED_START POOL_FLAG_USE_QUOTA
#define POOL_FLAG_REQUIRED_END 0x0000000080000000ull
#define POOL_FLAG_OPTIONAL_START 0x0000000100000000ull
#define POOL_FLAG_SPECIAL_POOL 0x0000000100000000ull
#define POOL_FLAG_OPTIONAL_END 0x8000000000000000ull

typedef enum _EX_POOL_PRIORITY {
    LowPoolPriority = 0,
    LowPoolPrioritySpecialPoolOverrun = 8,
    LowPoolPrioritySpecialPoolUnderrun = 9,
    NormalPoolPriority = 16,
    NormalPoolPrioritySpecialPoolOverrun = 24,
    NormalPoolPrioritySpecialPoolUnderrun = 25,
    HighPoolPriority = 32,
    HighPoolPrioritySpecialPoolOverrun = 40,
    HighPoolPrioritySpecialPoolUnderrun = 41,
} EX_POOL_PRIORITY;

/* ExAllocatePool3's parameters. */
typedef enum _POOL_EXTENDED_PARAMETER_TYPE {
    PoolExtendedParameterInvalidType = 0,
    PoolExtendedParameterPriority,
    PoolExtendedParameterSecurePool,
    PoolExtendedParameterNumaNode,
    PoolExtendedParameterMax,
} POOL_EXTENDED_PARAMETER_TYPE;
#define POOL_EXTENDED_PARAMETER_REQUIRED_FIELD_BITS 32
#define POOL_CREATE_FLG_SECURE_POOL 0x1u
#define POOL_CREATE_FLG_USE_GLOBAL_POOL 0x2u
#define SECURE_POOL_FLAGS_NONE 0x0u
#define SECURE_POOL_FLAGS_FREEABLE 0x1u
#define SECURE_POOL_FLAGS_MODIFIABLE 0x2u
#define NT_POOL_NUMA_ANY_NODE 0x80000000u

typedef struct _POOL_EXTENDED_PARAMS_SECURE_POOL {
    HANDLE SecurePoolHandle;
    PVOID Buffer;
    ULONG_PTR Cookie;
    ULONG SecurePoolFlags;
} POOL_EXTENDED_PARAMS_SECURE_POOL;
NT_ASSERT_SIZE(POOL_EXTENDED_PARAMS_SECURE_POOL, 0x20);

#define POOL_CREATE_FLG_PAGED_POOL 0x4u
#define POOL_CREATE_FLG_NONPAGED_POOL 0x8u
#define POOL_CREATE_PARAMS_VERSION 1u

/* Entries of a version 1 structure; old headers end behind Version. */
typedef struct _POOL_CREATE_EXTENDED_PARAMS {
    ULONG Version;
    ULONG ParameterCount;
    PVOID Parameters;
} POOL_CREATE_EXTENDED_PARAMS, *PPOOL_CREATE_EXTENDED_PARAMS;

typedef struct _POOL_EXTENDED_PARAMETER {
    struct {
        ULONG64 Type : 8;
        ULONG64 Optional : 1;
        ULONG64 Reserved : 55;
    };
    union {
        ULONG64 Reserved2;
        PVOID Reserved3;
        EX_POOL_PRIORITY Priority;
        POOL_EXTENDED_PARAMS_SECURE_POOL *SecurePoolParams;
        ULONG PreferredNode;
    };
} POOL_EXTENDED_PARAMETER, *PPOOL_EXTENDED_PARAMETER;
typedef const POOL_EXTENDED_PARAMETER *PCPOOL_EXTENDED_PARAMETER;
NT_ASSERT_SIZE(POOL_EXTENDED_PARAMETER, 0x10);

/* Before each block below a page, outside special pool. Sizes are in 16-byte units. */
typedef struct _POOL_HEADER {
    union {
        struct {
            UCHAR PreviousSize;
            UCHAR PoolIndex;
            UCHAR BlockSize;
            UCHAR PoolType; /* NT_POOL_HEADER_* */
        };
        ULONG Ulong1;
    };
    ULONG PoolTag;
    union {
        PEPROCESS ProcessBilled;
        struct {
            USHORT AllocatorBackTraceIndex;
            USHORT PoolTagHash;
        };
    };
} POOL_HEADER, *PPOOL_HEADER;
NT_ASSERT_SIZE(POOL_HEADER, 0x10);
NT_ASSERT_AT(POOL_HEADER, PoolTag, 4);
NT_ASSERT_AT(POOL_HEADER, ProcessBilled, 8);
#define NT_POOL_HEADER_PAGED 0x1u
#define NT_POOL_HEADER_IN_USE 0x2u
#define NT_POOL_HEADER_CACHE_ALIGNED 0x4u
#define NT_POOL_HEADER_QUOTA 0x8u

/* Lookaside lists. Allocation and freeing are inlined into drivers, which read Depth, the counters
 * and the routine pointers; only the push and pop of the SLIST are imports. */

struct _LOOKASIDE_LIST_EX;
typedef PVOID NTAPI ALLOCATE_FUNCTION(POOL_TYPE type, SIZE_T size, ULONG tag);
typedef ALLOCATE_FUNCTION *PALLOCATE_FUNCTION;
typedef PVOID NTAPI ALLOCATE_FUNCTION_EX(POOL_TYPE type, SIZE_T size, ULONG tag,
                                         struct _LOOKASIDE_LIST_EX *list);
typedef ALLOCATE_FUNCTION_EX *PALLOCATE_FUNCTION_EX;
typedef VOID NTAPI FREE_FUNCTION(PVOID buffer);
typedef FREE_FUNCTION *PFREE_FUNCTION;
typedef VOID NTAPI FREE_FUNCTION_EX(PVOID buffer, struct _LOOKASIDE_LIST_EX *list);
typedef FREE_FUNCTION_EX *PFREE_FUNCTION_EX;

#define EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL 0x1u
#define EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE 0x2u

typedef struct NT_ALIGN(16) _GENERAL_LOOKASIDE_POOL {
    union {
        SLIST_HEADER ListHead;
        SINGLE_LIST_ENTRY SingleListHead;
    };
    USHORT Depth;
    USHORT MaximumDepth;
    ULONG TotalAllocates;
    union {
        ULONG AllocateMisses;
        ULONG AllocateHits;
    };
    ULONG TotalFrees;
    union {
        ULONG FreeMisses;
        ULONG FreeHits;
    };
    POOL_TYPE Type;
    ULONG Tag;
    ULONG Size;
    union {
        PALLOCATE_FUNCTION_EX AllocateEx;
        PALLOCATE_FUNCTION Allocate;
    };
    union {
        PFREE_FUNCTION_EX FreeEx;
        PFREE_FUNCTION Free;
    };
    LIST_ENTRY ListEntry;
    ULONG LastTotalAllocates;
    union {
        ULONG LastAllocateMisses;
        ULONG LastAllocateHits;
    };
    ULONG Future[2];
} GENERAL_LOOKASIDE_POOL, *PGENERAL_LOOKASIDE_POOL;
NT_ASSERT_SIZE(GENERAL_LOOKASIDE_POOL, 0x60);
NT_ASSERT_AT(GENERAL_LOOKASIDE_POOL, Depth, 0x10);
NT_ASSERT_AT(GENERAL_LOOKASIDE_POOL, TotalAllocates, 0x14);
NT_ASSERT_AT(GENERAL_LOOKASIDE_POOL, Type, 0x24);
NT_ASSERT_AT(GENERAL_LOOKASIDE_POOL, Size, 0x2C);
NT_ASSERT_AT(GENERAL_LOOKASIDE_POOL, Allocate, 0x30);
NT_ASSERT_AT(GENERAL_LOOKASIDE_POOL, ListEntry, 0x40);

/* The same on a cache line of its own: what the two classic lists are. */
typedef struct NT_ALIGN(64) _GENERAL_LOOKASIDE {
    union {
        SLIST_HEADER ListHead;
        SINGLE_LIST_ENTRY SingleListHead;
    };
    USHORT Depth;
    USHORT MaximumDepth;
    ULONG TotalAllocates;
    union {
        ULONG AllocateMisses;
        ULONG AllocateHits;
    };
    ULONG TotalFrees;
    union {
        ULONG FreeMisses;
        ULONG FreeHits;
    };
    POOL_TYPE Type;
    ULONG Tag;
    ULONG Size;
    union {
        PALLOCATE_FUNCTION_EX AllocateEx;
        PALLOCATE_FUNCTION Allocate;
    };
    union {
        PFREE_FUNCTION_EX FreeEx;
        PFREE_FUNCTION Free;
    };
    LIST_ENTRY ListEntry;
    ULONG LastTotalAllocates;
    union {
        ULONG LastAllocateMisses;
        ULONG LastAllocateHits;
    };
    ULONG Future[2];
} GENERAL_LOOKASIDE, *PGENERAL_LOOKASIDE;
NT_ASSERT_SIZE(GENERAL_LOOKASIDE, 0x80);

typedef struct _NPAGED_LOOKASIDE_LIST {
    GENERAL_LOOKASIDE L;
} NPAGED_LOOKASIDE_LIST, *PNPAGED_LOOKASIDE_LIST;
NT_ASSERT_SIZE(NPAGED_LOOKASIDE_LIST, 0x80);

typedef struct _PAGED_LOOKASIDE_LIST {
    GENERAL_LOOKASIDE L;
} PAGED_LOOKASIDE_LIST, *PPAGED_LOOKASIDE_LIST;
NT_ASSERT_SIZE(PAGED_LOOKASIDE_LIST, 0x80);

typedef struct _LOOKASIDE_LIST_EX {
    GENERAL_LOOKASIDE_POOL L;
} LOOKASIDE_LIST_EX, *PLOOKASIDE_LIST_EX;
NT_ASSERT_SIZE(LOOKASIDE_LIST_EX, 0x60);

#endif
