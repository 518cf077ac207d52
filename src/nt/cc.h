/*
 * Cache manager and file system runtime: what file systems embed in their own structures.
 *
 * Doc: Microsoft Learn, FSRTL_COMMON_FCB_HEADER, FSRTL_ADVANCED_FCB_HEADER,
 * CACHE_MANAGER_CALLBACKS, CC_FILE_SIZES (ntifs.h).
 */
#ifndef NT_CC_H
#define NT_CC_H

#include "nt/io.h"

typedef struct _CC_FILE_SIZES {
    LARGE_INTEGER AllocationSize;
    LARGE_INTEGER FileSize;
    LARGE_INTEGER ValidDataLength;
} CC_FILE_SIZES, *PCC_FILE_SIZES;
NT_ASSERT_SIZE(CC_FILE_SIZES, 0x18);

typedef BOOLEAN NTAPI ACQUIRE_FOR_LAZY_WRITE(PVOID context, BOOLEAN wait);
typedef VOID NTAPI RELEASE_FROM_LAZY_WRITE(PVOID context);
typedef BOOLEAN NTAPI ACQUIRE_FOR_READ_AHEAD(PVOID context, BOOLEAN wait);
typedef VOID NTAPI RELEASE_FROM_READ_AHEAD(PVOID context);

typedef struct _CACHE_MANAGER_CALLBACKS {
    ACQUIRE_FOR_LAZY_WRITE *AcquireForLazyWrite;
    RELEASE_FROM_LAZY_WRITE *ReleaseFromLazyWrite;
    ACQUIRE_FOR_READ_AHEAD *AcquireForReadAhead;
    RELEASE_FROM_READ_AHEAD *ReleaseFromReadAhead;
} CACHE_MANAGER_CALLBACKS, *PCACHE_MANAGER_CALLBACKS;
NT_ASSERT_SIZE(CACHE_MANAGER_CALLBACKS, 0x20);

/* The part of a buffer control block that its owner may read. */
typedef struct _PUBLIC_BCB {
    CSHORT NodeTypeCode; /* 0x2FD */
    CSHORT NodeByteSize;
    ULONG MappedLength;
    LARGE_INTEGER MappedFileOffset;
} PUBLIC_BCB, *PPUBLIC_BCB;
NT_ASSERT_SIZE(PUBLIC_BCB, 0x10);

typedef struct _CC_UNINITIALIZE_EVENT {
    struct _CC_UNINITIALIZE_EVENT *Next;
    KEVENT Event;
} CACHE_UNINITIALIZE_EVENT, *PCACHE_UNINITIALIZE_EVENT;
NT_ASSERT_SIZE(CACHE_UNINITIALIZE_EVENT, 0x20);

#define PIN_WAIT 1u
#define PIN_EXCLUSIVE 2u
#define PIN_NO_READ 4u
#define PIN_IF_BCB 8u
#define MAP_WAIT 1u
#define MAP_NO_READ 16u

/* Flags. */
#define FSRTL_FLAG_FILE_MODIFIED 0x01u
#define FSRTL_FLAG_FILE_LENGTH_CHANGED 0x02u
#define FSRTL_FLAG_LIMIT_MODIFIED_PAGES 0x04u
#define FSRTL_FLAG_ACQUIRE_MAIN_RSRC_EX 0x08u
#define FSRTL_FLAG_ACQUIRE_MAIN_RSRC_SH 0x10u
#define FSRTL_FLAG_USER_MAPPED_FILE 0x20u
#define FSRTL_FLAG_ADVANCED_HEADER 0x40u
#define FSRTL_FLAG_EOF_ADVANCE_ACTIVE 0x80u
/* Flags2. */
#define FSRTL_FLAG2_DO_MODIFIED_WRITE 0x01u
#define FSRTL_FLAG2_SUPPORTS_FILTER_CONTEXTS 0x02u
#define FSRTL_FLAG2_PURGE_WHEN_MAPPED 0x04u
#define FSRTL_FLAG2_IS_PAGING_FILE 0x08u

enum nt_fast_io { FastIoIsNotPossible, FastIoIsPossible, FastIoIsQuestionable };

/* What FILE_OBJECT.FsContext starts with in a file system that uses the cache manager. */
typedef struct _FSRTL_COMMON_FCB_HEADER {
    CSHORT NodeTypeCode;
    CSHORT NodeByteSize;
    UCHAR Flags;
    UCHAR IsFastIoPossible; /* enum nt_fast_io */
    UCHAR Flags2;
    UCHAR Reserved : 4;
    UCHAR Version : 4;
    PERESOURCE Resource;
    PERESOURCE PagingIoResource;
    LARGE_INTEGER AllocationSize;
    LARGE_INTEGER FileSize;
    LARGE_INTEGER ValidDataLength;
} FSRTL_COMMON_FCB_HEADER, *PFSRTL_COMMON_FCB_HEADER;
NT_ASSERT_SIZE(FSRTL_COMMON_FCB_HEADER, 0x30);
NT_ASSERT_AT(FSRTL_COMMON_FCB_HEADER, Flags, 4);
NT_ASSERT_AT(FSRTL_COMMON_FCB_HEADER, Resource, 8);
NT_ASSERT_AT(FSRTL_COMMON_FCB_HEADER, AllocationSize, 0x18);

#define FSRTL_FCB_HEADER_V0 0
#define FSRTL_FCB_HEADER_V1 1
#define FSRTL_FCB_HEADER_V2 2

typedef struct _FSRTL_ADVANCED_FCB_HEADER {
    CSHORT NodeTypeCode;
    CSHORT NodeByteSize;
    UCHAR Flags;
    UCHAR IsFastIoPossible;
    UCHAR Flags2;
    UCHAR Reserved : 4;
    UCHAR Version : 4;
    PERESOURCE Resource;
    PERESOURCE PagingIoResource;
    LARGE_INTEGER AllocationSize;
    LARGE_INTEGER FileSize;
    LARGE_INTEGER ValidDataLength;
    PFAST_MUTEX FastMutex;
    LIST_ENTRY FilterContexts;
    EX_PUSH_LOCK PushLock; /* version 1 and later */
    PVOID *FileContextSupportPointer;
    PVOID Oplock; /* version 2; a union with ReservedForRemote */
    PVOID ReservedContext;
} FSRTL_ADVANCED_FCB_HEADER, *PFSRTL_ADVANCED_FCB_HEADER;
NT_ASSERT_SIZE(FSRTL_ADVANCED_FCB_HEADER, 0x68);
NT_ASSERT_AT(FSRTL_ADVANCED_FCB_HEADER, FastMutex, 0x30);
NT_ASSERT_AT(FSRTL_ADVANCED_FCB_HEADER, FilterContexts, 0x38);
NT_ASSERT_AT(FSRTL_ADVANCED_FCB_HEADER, PushLock, 0x48);

/* Byte-range locks. */

typedef struct _FILE_LOCK_INFO {
    LARGE_INTEGER StartingByte;
    LARGE_INTEGER Length;
    BOOLEAN ExclusiveLock;
    ULONG Key;
    PFILE_OBJECT FileObject;
    PVOID ProcessId;
    LARGE_INTEGER EndingByte;
} FILE_LOCK_INFO, *PFILE_LOCK_INFO;
NT_ASSERT_SIZE(FILE_LOCK_INFO, 0x30);

typedef NTSTATUS NTAPI COMPLETE_LOCK_IRP_ROUTINE(PVOID context, PIRP irp);
typedef COMPLETE_LOCK_IRP_ROUTINE *PCOMPLETE_LOCK_IRP_ROUTINE;
typedef VOID NTAPI UNLOCK_ROUTINE(PVOID context, PFILE_LOCK_INFO info);
typedef UNLOCK_ROUTINE *PUNLOCK_ROUTINE;

typedef struct _FILE_LOCK {
    PCOMPLETE_LOCK_IRP_ROUTINE CompleteLockIrpRoutine;
    PUNLOCK_ROUTINE UnlockRoutine;
    BOOLEAN FastIoIsQuestionable;
    BOOLEAN SpareC[3];
    PVOID LockInformation;
    FILE_LOCK_INFO LastReturnedLockInfo;
    PVOID LastReturnedLock;
    volatile LONG LockRequestsInProgress;
} FILE_LOCK, *PFILE_LOCK;
NT_ASSERT_SIZE(FILE_LOCK, 0x60);
NT_ASSERT_AT(FILE_LOCK, LockInformation, 0x18);
NT_ASSERT_AT(FILE_LOCK, LastReturnedLockInfo, 0x20);

typedef PVOID OPLOCK, *POPLOCK;
typedef struct _REAL_NOTIFY_SYNC *PNOTIFY_SYNC;

typedef struct _TUNNEL {
    FAST_MUTEX Mutex;
    PVOID Cache;
    LIST_ENTRY TimerQueue;
    USHORT NumEntries;
} TUNNEL, *PTUNNEL;
NT_ASSERT_SIZE(TUNNEL, 0x58);

/* Run maps. */
typedef struct _BASE_MCB {
    ULONG MaximumPairCount;
    ULONG PairCount;
    USHORT PoolType;
    USHORT Flags;
    PVOID Mapping;
} BASE_MCB, *PBASE_MCB;
NT_ASSERT_SIZE(BASE_MCB, 0x18);

typedef struct _LARGE_MCB {
    PVOID GuardedMutex;
    BASE_MCB BaseMcb;
} LARGE_MCB, *PLARGE_MCB;
NT_ASSERT_SIZE(LARGE_MCB, 0x20);

#endif
