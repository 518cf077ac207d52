/*
 * Memory manager: MDLs, mapping and allocation flags, physical ranges.
 *
 * Doc: Microsoft Learn, "Using MDLs"; wdm.h and ntddk.h reference.
 */
#ifndef NT_MM_H
#define NT_MM_H

#include "nt/types.h"

/* Memory descriptor list; the page frame numbers follow it. */
struct _MDL {
    struct _MDL *Next;
    CSHORT Size; /* bytes, with the frame numbers */
    CSHORT MdlFlags;
    PEPROCESS Process;
    PVOID MappedSystemVa;
    PVOID StartVa; /* page aligned */
    ULONG ByteCount;
    ULONG ByteOffset;
};
NT_ASSERT_SIZE(MDL, 0x30);
NT_ASSERT_AT(MDL, Size, 8);
NT_ASSERT_AT(MDL, MdlFlags, 0xA);
NT_ASSERT_AT(MDL, Process, 0x10);
NT_ASSERT_AT(MDL, MappedSystemVa, 0x18);
NT_ASSERT_AT(MDL, StartVa, 0x20);
NT_ASSERT_AT(MDL, ByteCount, 0x28);
NT_ASSERT_AT(MDL, ByteOffset, 0x2C);
typedef PMDL PMDLX;

/* MDL.MdlFlags */
#define MDL_MAPPED_TO_SYSTEM_VA 0x0001
#define MDL_PAGES_LOCKED 0x0002
#define MDL_SOURCE_IS_NONPAGED_POOL 0x0004
#define MDL_ALLOCATED_FIXED_SIZE 0x0008
#define MDL_PARTIAL 0x0010
#define MDL_PARTIAL_HAS_BEEN_MAPPED 0x0020
#define MDL_IO_PAGE_READ 0x0040
#define MDL_WRITE_OPERATION 0x0080
#define MDL_LOCKED_PAGE_TABLES 0x0100
#define MDL_PARENT_MAPPED_SYSTEM_VA 0x0100
#define MDL_FREE_EXTRA_PTES 0x0200
#define MDL_DESCRIBES_AWE 0x0400
#define MDL_IO_SPACE 0x0800
#define MDL_NETWORK_HEADER 0x1000
#define MDL_MAPPING_CAN_FAIL 0x2000
#define MDL_PAGE_CONTENTS_INVARIANT 0x4000
#define MDL_ALLOCATED_MUST_SUCCEED 0x4000
#define MDL_INTERNAL 0x8000

typedef enum _LOCK_OPERATION { IoReadAccess, IoWriteAccess, IoModifyAccess } LOCK_OPERATION;
typedef enum _MM_PAGE_PRIORITY {
    LowPagePriority = 0,
    NormalPagePriority = 16,
    HighPagePriority = 32,
} MM_PAGE_PRIORITY;
#define MdlMappingNoWrite 0x80000000u
#define MdlMappingNoExecute 0x40000000u
#define MdlMappingWithGuardPtes 0x20000000u

/* Doc: wdm.h, one page of a scattered transfer. */
typedef union _FILE_SEGMENT_ELEMENT {
    PVOID Buffer;
    ULONGLONG Alignment;
} FILE_SEGMENT_ELEMENT, *PFILE_SEGMENT_ELEMENT;

typedef enum _MEMORY_CACHING_TYPE {
    MmNonCached = 0,
    MmCached = 1,
    MmWriteCombined = 2,
    MmHardwareCoherentCached,
    MmNonCachedUnordered,
    MmUSWCCached,
    MmMaximumCacheType,
    MmNotMapped = -1,
} MEMORY_CACHING_TYPE;

typedef enum _MM_SYSTEM_SIZE { MmSmallSystem, MmMediumSystem, MmLargeSystem } MM_SYSTEMSIZE;

#define MM_DONT_ZERO_ALLOCATION 0x01u
#define MM_ALLOCATE_FROM_LOCAL_NODE_ONLY 0x02u
#define MM_ALLOCATE_FULLY_REQUIRED 0x04u
#define MM_ALLOCATE_NO_WAIT 0x08u
#define MM_ALLOCATE_PREFER_CONTIGUOUS 0x10u
#define MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS 0x20u
#define MM_ALLOCATE_FAST_LARGE_PAGES 0x40u
#define MM_ALLOCATE_AND_HOT_REMOVE 0x100u
#define MM_ALLOCATE_CONTIGUOUS_MEMORY_FAST_ONLY 0x1u /* MmAllocateContiguousMemoryEx */

typedef struct _PHYSICAL_MEMORY_RANGE {
    PHYSICAL_ADDRESS BaseAddress;
    LARGE_INTEGER NumberOfBytes;
} PHYSICAL_MEMORY_RANGE, *PPHYSICAL_MEMORY_RANGE;
NT_ASSERT_SIZE(PHYSICAL_MEMORY_RANGE, 0x10);

/* Sections and views. */
#define PAGE_NOACCESS 0x01u
#define PAGE_READONLY 0x02u
#define PAGE_READWRITE 0x04u
#define PAGE_WRITECOPY 0x08u
#define PAGE_EXECUTE 0x10u
#define PAGE_EXECUTE_READ 0x20u
#define PAGE_EXECUTE_READWRITE 0x40u
#define PAGE_EXECUTE_WRITECOPY 0x80u
#define PAGE_GUARD 0x100u
#define PAGE_NOCACHE 0x200u
#define PAGE_WRITECOMBINE 0x400u
#define MEM_COMMIT 0x00001000u
#define MEM_RESERVE 0x00002000u
#define MEM_DECOMMIT 0x00004000u
#define MEM_RELEASE 0x00008000u
#define MEM_FREE 0x00010000u
#define MEM_PRIVATE 0x00020000u
#define MEM_MAPPED 0x00040000u
#define MEM_RESET 0x00080000u
#define MEM_TOP_DOWN 0x00100000u
#define MEM_IMAGE 0x01000000u
#define MEM_LARGE_PAGES 0x20000000u
#define SEC_FILE 0x00800000u
#define SEC_IMAGE 0x01000000u
#define SEC_RESERVE 0x04000000u
#define SEC_COMMIT 0x08000000u
#define SEC_NOCACHE 0x10000000u

typedef enum _SECTION_INHERIT { ViewShare = 1, ViewUnmap = 2 } SECTION_INHERIT;

#endif
