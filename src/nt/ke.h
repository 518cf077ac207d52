/*
 * Kernel core: IRQL, dispatcher objects, locks, queues, DPCs, APCs, executive callbacks and work
 * items.
 *
 * Drivers embed these structures in their own memory and read some fields with inlined code, so
 * every layout is exact. Thread, process and processor blocks are in ps.h.
 *
 * Doc: Microsoft Learn, wdm.h and ntddk.h reference; layouts as in Windows 10 22H2 (19045), x64.
 */
#ifndef NT_KE_H
#define NT_KE_H

#include "nt/arch.h"
#include "nt/status.h"
#include "nt/types.h"

#define PASSIVE_LEVEL 0
#define LOW_LEVEL 0
#define APC_LEVEL 1
#define DISPATCH_LEVEL 2
#define CMCI_LEVEL 5
#define NT_DEVICE_LEVEL_MIN 3 /* device interrupts: 3 to 12 */
#define NT_DEVICE_LEVEL_MAX 12
#define CLOCK_LEVEL 13
#define IPI_LEVEL 14
#define DRS_LEVEL 14
#define POWER_LEVEL 14
#define PROFILE_LEVEL 15
#define HIGH_LEVEL 15

#define MAXIMUM_WAIT_OBJECTS 64
#define THREAD_WAIT_OBJECTS 3 /* without a wait block array of the caller's */
#define MAXIMUM_PROCESSORS 64
#define MAXIMUM_SUSPEND_COUNT 0x7F
#define LOW_PRIORITY 0
#define LOW_REALTIME_PRIORITY 16
#define HIGH_PRIORITY 31
#define MAXIMUM_PRIORITY 32
#define ALL_PROCESSOR_GROUPS 0xFFFFu

typedef enum _WAIT_TYPE { WaitAll, WaitAny, WaitNotification, WaitDequeue, WaitDpc } WAIT_TYPE;
typedef enum _EVENT_TYPE { NotificationEvent, SynchronizationEvent } EVENT_TYPE;
typedef enum _TIMER_TYPE { NotificationTimer, SynchronizationTimer } TIMER_TYPE;

typedef enum _KWAIT_REASON {
    Executive,
    FreePage,
    PageIn,
    PoolAllocation,
    DelayExecution,
    Suspended,
    UserRequest,
    WrExecutive,
    WrFreePage,
    WrPageIn,
    WrPoolAllocation,
    WrDelayExecution,
    WrSuspended,
    WrUserRequest,
    WrEventPair,
    WrQueue,
    WrLpcReceive,
    WrLpcReply,
    WrVirtualMemory,
    WrPageOut,
    WrRendezvous,
    WrKeyedEvent,
    WrTerminated,
    WrProcessInSwap,
    WrCpuRateControl,
    WrCalloutStack,
    WrKernel,
    WrResource,
    WrPushLock,
    WrMutex,
    WrQuantumEnd,
    WrDispatchInt,
    WrPreempted,
    WrYieldExecution,
    WrFastMutex,
    WrGuardedMutex,
    WrRundown,
    WrAlertByThreadId,
    WrDeferredPreempt,
    WrPhysicalFault,
    MaximumWaitReason,
} KWAIT_REASON;

/* DISPATCHER_HEADER.Type and the Type of other kernel structures. */
typedef enum _KOBJECTS {
    EventNotificationObject = 0,
    EventSynchronizationObject = 1,
    MutantObject = 2,
    ProcessObject = 3,
    QueueObject = 4,
    SemaphoreObject = 5,
    ThreadObject = 6,
    GateObject = 7,
    TimerNotificationObject = 8,
    TimerSynchronizationObject = 9,
    ApcObject = 18,
    DpcObject = 19,
    DeviceQueueObject = 20,
    PriorityQueueObject = 21,
    InterruptObject = 22,
    ProfileObject = 23,
    ThreadedDpcObject = 26,
} KOBJECTS;

typedef struct _DISPATCHER_HEADER {
    union {
        volatile LONG Lock;
        struct {
            UCHAR Type; /* KOBJECTS */
            union {
                UCHAR Signalling;
                UCHAR Absolute;
                UCHAR TimerControlFlags;
                UCHAR Abandoned;
                UCHAR ThreadReserved;
            };
            union {
                UCHAR Size; /* 4-byte units */
                UCHAR Hand;
                UCHAR ThreadControlFlags;
            };
            union {
                UCHAR Inserted;
                UCHAR TimerMiscFlags;
                UCHAR DpcActive;
                UCHAR DebugActive;
                UCHAR Reserved1;
            };
        };
    };
    LONG SignalState;
    LIST_ENTRY WaitListHead;
} DISPATCHER_HEADER, *PDISPATCHER_HEADER;
NT_ASSERT_SIZE(DISPATCHER_HEADER, 0x18);
NT_ASSERT_AT(DISPATCHER_HEADER, Size, 2);
NT_ASSERT_AT(DISPATCHER_HEADER, SignalState, 4);
NT_ASSERT_AT(DISPATCHER_HEADER, WaitListHead, 8);

typedef struct _KEVENT {
    DISPATCHER_HEADER Header;
} KEVENT, *PKEVENT, *PRKEVENT, KGATE, *PKGATE;
NT_ASSERT_SIZE(KEVENT, 0x18);

typedef struct _KSEMAPHORE {
    DISPATCHER_HEADER Header;
    LONG Limit;
} KSEMAPHORE, *PKSEMAPHORE, *PRKSEMAPHORE;
NT_ASSERT_SIZE(KSEMAPHORE, 0x20);
NT_ASSERT_AT(KSEMAPHORE, Limit, 0x18);

typedef struct _KMUTANT {
    DISPATCHER_HEADER Header;
    LIST_ENTRY MutantListEntry;
    PKTHREAD OwnerThread;
    union {
        BOOLEAN Abandoned;
        UCHAR MutantFlags;
    };
    UCHAR ApcDisable;
} KMUTANT, *PKMUTANT, *PRKMUTANT, KMUTEX, *PKMUTEX, *PRKMUTEX;
NT_ASSERT_SIZE(KMUTANT, 0x38);
NT_ASSERT_AT(KMUTANT, OwnerThread, 0x28);
NT_ASSERT_AT(KMUTANT, ApcDisable, 0x31);

struct _KDPC;
typedef VOID NTAPI KDEFERRED_ROUTINE(struct _KDPC *dpc, PVOID context, PVOID argument1,
                                     PVOID argument2);
typedef KDEFERRED_ROUTINE *PKDEFERRED_ROUTINE;

typedef enum _KDPC_IMPORTANCE {
    LowImportance,
    MediumImportance,
    HighImportance,
    MediumHighImportance,
} KDPC_IMPORTANCE;

typedef struct _KDPC {
    union {
        ULONG TargetInfoAsUlong;
        struct {
            UCHAR Type; /* DpcObject or ThreadedDpcObject */
            UCHAR Importance;
            volatile USHORT Number; /* processor; a bias is added where a target was set */
        };
    };
    SINGLE_LIST_ENTRY DpcListEntry;
    KAFFINITY ProcessorHistory;
    PKDEFERRED_ROUTINE DeferredRoutine;
    PVOID DeferredContext;
    PVOID SystemArgument1;
    PVOID SystemArgument2;
    volatile PVOID DpcData; /* not NULL while queued */
} KDPC, *PKDPC, *PRKDPC;
NT_ASSERT_SIZE(KDPC, 0x40);
NT_ASSERT_AT(KDPC, Number, 2);
NT_ASSERT_AT(KDPC, DpcListEntry, 8);
NT_ASSERT_AT(KDPC, DeferredRoutine, 0x18);
NT_ASSERT_AT(KDPC, SystemArgument1, 0x28);
NT_ASSERT_AT(KDPC, DpcData, 0x38);

typedef struct _KTIMER {
    DISPATCHER_HEADER Header;
    ULARGE_INTEGER DueTime;
    LIST_ENTRY TimerListEntry;
    PKDPC Dpc;
    USHORT Processor;
    USHORT TimerType;
    ULONG Period; /* milliseconds */
} KTIMER, *PKTIMER, *PRKTIMER;
NT_ASSERT_SIZE(KTIMER, 0x40);
NT_ASSERT_AT(KTIMER, DueTime, 0x18);
NT_ASSERT_AT(KTIMER, TimerListEntry, 0x20);
NT_ASSERT_AT(KTIMER, Dpc, 0x30);
NT_ASSERT_AT(KTIMER, Period, 0x3C);

struct _KAPC;
typedef VOID NTAPI KNORMAL_ROUTINE(PVOID context, PVOID argument1, PVOID argument2);
typedef KNORMAL_ROUTINE *PKNORMAL_ROUTINE;
typedef VOID NTAPI KKERNEL_ROUTINE(struct _KAPC *apc, PKNORMAL_ROUTINE *routine, PVOID *context,
                                   PVOID *argument1, PVOID *argument2);
typedef KKERNEL_ROUTINE *PKKERNEL_ROUTINE;
typedef VOID NTAPI KRUNDOWN_ROUTINE(struct _KAPC *apc);
typedef KRUNDOWN_ROUTINE *PKRUNDOWN_ROUTINE;

typedef enum _KAPC_ENVIRONMENT {
    OriginalApcEnvironment,
    AttachedApcEnvironment,
    CurrentApcEnvironment,
    InsertApcEnvironment,
} KAPC_ENVIRONMENT;

typedef struct _KAPC {
    UCHAR Type;
    UCHAR AllFlags;
    UCHAR Size;
    UCHAR SpareByte1;
    ULONG SpareLong0;
    PKTHREAD Thread;
    LIST_ENTRY ApcListEntry;
    PKKERNEL_ROUTINE KernelRoutine;
    PKRUNDOWN_ROUTINE RundownRoutine;
    PKNORMAL_ROUTINE NormalRoutine;
    PVOID NormalContext;
    PVOID SystemArgument1;
    PVOID SystemArgument2;
    CCHAR ApcStateIndex;
    KPROCESSOR_MODE ApcMode;
    BOOLEAN Inserted;
} KAPC, *PKAPC, *PRKAPC;
NT_ASSERT_SIZE(KAPC, 0x58);
NT_ASSERT_AT(KAPC, Thread, 8);
NT_ASSERT_AT(KAPC, KernelRoutine, 0x20);
NT_ASSERT_AT(KAPC, NormalContext, 0x38);
NT_ASSERT_AT(KAPC, Inserted, 0x52);

typedef struct _KAPC_STATE {
    LIST_ENTRY ApcListHead[MaximumMode];
    PKPROCESS Process;
    BOOLEAN KernelApcInProgress; /* bit 0; bit 1 a special APC */
    BOOLEAN KernelApcPending;
    BOOLEAN UserApcPending;
} KAPC_STATE, *PKAPC_STATE, *PRKAPC_STATE;
NT_ASSERT_SIZE(KAPC_STATE, 0x30);
NT_ASSERT_AT(KAPC_STATE, Process, 0x20);
NT_ASSERT_AT(KAPC_STATE, UserApcPending, 0x2A);

typedef struct _KWAIT_BLOCK {
    LIST_ENTRY WaitListEntry;
    UCHAR WaitType;
    volatile UCHAR BlockState;
    USHORT WaitKey;
    LONG SpareLong;
    union {
        PKTHREAD Thread;
        struct _KQUEUE *NotificationQueue;
        struct _KDPC *Dpc;
    };
    PVOID Object;
    PVOID SparePtr;
} KWAIT_BLOCK, *PKWAIT_BLOCK, *PRKWAIT_BLOCK;
NT_ASSERT_SIZE(KWAIT_BLOCK, 0x30);
NT_ASSERT_AT(KWAIT_BLOCK, Thread, 0x18);
NT_ASSERT_AT(KWAIT_BLOCK, Object, 0x20);

typedef struct _KQUEUE {
    DISPATCHER_HEADER Header;
    LIST_ENTRY EntryListHead;
    volatile ULONG CurrentCount;
    ULONG MaximumCount;
    LIST_ENTRY ThreadListHead;
} KQUEUE, *PKQUEUE, *PRKQUEUE;
NT_ASSERT_SIZE(KQUEUE, 0x40);
NT_ASSERT_AT(KQUEUE, CurrentCount, 0x28);
NT_ASSERT_AT(KQUEUE, ThreadListHead, 0x30);

typedef struct _KDEVICE_QUEUE {
    CSHORT Type;
    CSHORT Size;
    LIST_ENTRY DeviceListHead;
    KSPIN_LOCK Lock;
    union {
        BOOLEAN Busy;
        LONG64 BusyAndHint; /* Busy in the low byte, a hint above */
    };
} KDEVICE_QUEUE, *PKDEVICE_QUEUE, *PRKDEVICE_QUEUE;
NT_ASSERT_SIZE(KDEVICE_QUEUE, 0x28);
NT_ASSERT_AT(KDEVICE_QUEUE, DeviceListHead, 8);
NT_ASSERT_AT(KDEVICE_QUEUE, Busy, 0x20);

typedef struct _KDEVICE_QUEUE_ENTRY {
    LIST_ENTRY DeviceListEntry;
    ULONG SortKey;
    BOOLEAN Inserted;
} KDEVICE_QUEUE_ENTRY, *PKDEVICE_QUEUE_ENTRY, *PRKDEVICE_QUEUE_ENTRY;
NT_ASSERT_SIZE(KDEVICE_QUEUE_ENTRY, 0x18);
NT_ASSERT_AT(KDEVICE_QUEUE_ENTRY, Inserted, 0x14);

/* Locks. */

typedef struct _KSPIN_LOCK_QUEUE {
    struct _KSPIN_LOCK_QUEUE *volatile Next;
    PKSPIN_LOCK volatile Lock;
} KSPIN_LOCK_QUEUE, *PKSPIN_LOCK_QUEUE;

typedef struct _KLOCK_QUEUE_HANDLE {
    KSPIN_LOCK_QUEUE LockQueue;
    KIRQL OldIrql;
} KLOCK_QUEUE_HANDLE, *PKLOCK_QUEUE_HANDLE;
NT_ASSERT_SIZE(KLOCK_QUEUE_HANDLE, 0x18);
NT_ASSERT_AT(KLOCK_QUEUE_HANDLE, OldIrql, 0x10);

/* Bit 0 of Count says free, 4 is added for each waiter. A guarded mutex shares the layout. */
typedef struct _FAST_MUTEX {
    volatile LONG Count;
    PVOID Owner;
    ULONG Contention;
    KEVENT Event;
    ULONG OldIrql;
} FAST_MUTEX, *PFAST_MUTEX;
NT_ASSERT_SIZE(FAST_MUTEX, 0x38);
NT_ASSERT_AT(FAST_MUTEX, Owner, 8);
NT_ASSERT_AT(FAST_MUTEX, Event, 0x18);
NT_ASSERT_AT(FAST_MUTEX, OldIrql, 0x30);

typedef struct _KGUARDED_MUTEX {
    volatile LONG Count;
    PKTHREAD Owner;
    ULONG Contention;
    KGATE Gate;
    union {
        struct {
            SHORT KernelApcDisable;
            SHORT SpecialApcDisable;
        };
        ULONG CombinedApcDisable;
    };
} KGUARDED_MUTEX, *PKGUARDED_MUTEX;
NT_ASSERT_SIZE(KGUARDED_MUTEX, 0x38);
NT_ASSERT_AT(KGUARDED_MUTEX, Gate, 0x18);
NT_ASSERT_AT(KGUARDED_MUTEX, CombinedApcDisable, 0x30);

typedef ULONG_PTR ERESOURCE_THREAD, *PERESOURCE_THREAD;

typedef struct _OWNER_ENTRY {
    ERESOURCE_THREAD OwnerThread;
    union {
        struct {
            ULONG IoPriorityBoosted : 1;
            ULONG OwnerReferenced : 1;
            ULONG IoQoSPriorityBoosted : 1;
            ULONG OwnerCount : 29;
        };
        ULONG TableSize;
    };
} OWNER_ENTRY, *POWNER_ENTRY;
NT_ASSERT_SIZE(OWNER_ENTRY, 0x10);

#define ResourceNeverExclusive 0x0010u
#define ResourceReleaseByOtherThread 0x0020u
#define ResourceOwnedExclusive 0x0080u

typedef struct _ERESOURCE {
    LIST_ENTRY SystemResourcesList;
    POWNER_ENTRY OwnerTable;
    SHORT ActiveCount;
    USHORT Flag; /* Resource* above */
    PVOID SharedWaiters;
    PVOID ExclusiveWaiters;
    OWNER_ENTRY OwnerEntry;
    ULONG ActiveEntries;
    ULONG ContentionCount;
    ULONG NumberOfSharedWaiters;
    ULONG NumberOfExclusiveWaiters;
    PVOID Reserved2;
    union {
        PVOID Address;
        ULONG_PTR CreatorBackTraceIndex;
    };
    KSPIN_LOCK SpinLock;
} ERESOURCE, *PERESOURCE;
NT_ASSERT_SIZE(ERESOURCE, 0x68);
NT_ASSERT_AT(ERESOURCE, ActiveCount, 0x18);
NT_ASSERT_AT(ERESOURCE, OwnerEntry, 0x30);
NT_ASSERT_AT(ERESOURCE, ContentionCount, 0x44);
NT_ASSERT_AT(ERESOURCE, SpinLock, 0x60);

/* Reader/writer spin lock; push lock; both opaque words. */
typedef volatile LONG EX_SPIN_LOCK, *PEX_SPIN_LOCK;
typedef struct _EX_PUSH_LOCK {
    ULONG_PTR Value;
} EX_PUSH_LOCK, *PEX_PUSH_LOCK;

typedef struct _EX_RUNDOWN_REF {
    union {
        ULONG_PTR Count; /* references, doubled; bit 0: rundown has begun */
        PVOID Ptr;
    };
} EX_RUNDOWN_REF, *PEX_RUNDOWN_REF;
NT_ASSERT_SIZE(EX_RUNDOWN_REF, 8);
typedef struct _EX_RUNDOWN_REF_CACHE_AWARE *PEX_RUNDOWN_REF_CACHE_AWARE;

/* Executive: work items, callbacks, timers. */

typedef enum _WORK_QUEUE_TYPE {
    CriticalWorkQueue,
    DelayedWorkQueue,
    HyperCriticalWorkQueue,
    NormalWorkQueue,
    BackgroundWorkQueue,
    RealTimeWorkQueue,
    SuperCriticalWorkQueue,
    MaximumWorkQueue,
    CustomPriorityWorkQueue = 32,
} WORK_QUEUE_TYPE;

typedef VOID NTAPI WORKER_THREAD_ROUTINE(PVOID parameter);
typedef WORKER_THREAD_ROUTINE *PWORKER_THREAD_ROUTINE;

typedef struct _WORK_QUEUE_ITEM {
    LIST_ENTRY List;
    PWORKER_THREAD_ROUTINE WorkerRoutine;
    PVOID Parameter;
} WORK_QUEUE_ITEM, *PWORK_QUEUE_ITEM;
NT_ASSERT_SIZE(WORK_QUEUE_ITEM, 0x20);
NT_ASSERT_AT(WORK_QUEUE_ITEM, WorkerRoutine, 0x10);

typedef VOID NTAPI CALLBACK_FUNCTION(PVOID context, PVOID argument1, PVOID argument2);
typedef CALLBACK_FUNCTION *PCALLBACK_FUNCTION;
typedef VOID NTAPI KSTART_ROUTINE(PVOID context);
typedef KSTART_ROUTINE *PKSTART_ROUTINE;
typedef ULONG_PTR NTAPI KIPI_BROADCAST_WORKER(ULONG_PTR argument);
typedef KIPI_BROADCAST_WORKER *PKIPI_BROADCAST_WORKER;
typedef VOID NTAPI EXPAND_STACK_CALLOUT(PVOID parameter);
typedef EXPAND_STACK_CALLOUT *PEXPAND_STACK_CALLOUT;

typedef struct _EX_TIMER *PEX_TIMER;
typedef VOID NTAPI EXT_CALLBACK(PEX_TIMER timer, PVOID context);
typedef EXT_CALLBACK *PEXT_CALLBACK;
typedef VOID NTAPI EXT_DELETE_CALLBACK(PVOID context);
typedef EXT_DELETE_CALLBACK *PEXT_DELETE_CALLBACK;
#define EX_TIMER_HIGH_RESOLUTION 4u
#define EX_TIMER_NO_WAKE 8u
#define EX_TIMER_NOTIFICATION 0x80000000u

typedef struct _EXT_SET_PARAMETERS_V0 {
    ULONG Version;
    ULONG Reserved;
    LONGLONG NoWakeTolerance;
} EXT_SET_PARAMETERS, *PEXT_SET_PARAMETERS;
NT_ASSERT_SIZE(EXT_SET_PARAMETERS, 0x10);

typedef struct _EXT_DELETE_PARAMETERS {
    ULONG Version;
    ULONG Reserved;
    PEXT_DELETE_CALLBACK DeleteCallback;
    PVOID DeleteContext;
} EXT_DELETE_PARAMETERS, *PEXT_DELETE_PARAMETERS;

/* Bug check callbacks. */

typedef VOID NTAPI KBUGCHECK_CALLBACK_ROUTINE(PVOID buffer, ULONG length);
typedef KBUGCHECK_CALLBACK_ROUTINE *PKBUGCHECK_CALLBACK_ROUTINE;
typedef enum _KBUGCHECK_BUFFER_DUMP_STATE {
    BufferEmpty,
    BufferInserted,
    BufferStarted,
    BufferFinished,
    BufferIncomplete,
} KBUGCHECK_BUFFER_DUMP_STATE;

typedef struct _KBUGCHECK_CALLBACK_RECORD {
    LIST_ENTRY Entry;
    PKBUGCHECK_CALLBACK_ROUTINE CallbackRoutine;
    PVOID Buffer;
    ULONG Length;
    PUCHAR Component;
    ULONG_PTR Checksum;
    UCHAR State;
} KBUGCHECK_CALLBACK_RECORD, *PKBUGCHECK_CALLBACK_RECORD;
NT_ASSERT_SIZE(KBUGCHECK_CALLBACK_RECORD, 0x40);
NT_ASSERT_AT(KBUGCHECK_CALLBACK_RECORD, State, 0x38);

typedef enum _KBUGCHECK_CALLBACK_REASON {
    KbCallbackInvalid,
    KbCallbackReserved1,
    KbCallbackSecondaryDumpData,
    KbCallbackDumpIo,
    KbCallbackAddPages,
    KbCallbackSecondaryMultiPartDumpData,
    KbCallbackRemovePages,
    KbCallbackTriageDumpData,
} KBUGCHECK_CALLBACK_REASON;

struct _KBUGCHECK_REASON_CALLBACK_RECORD;
typedef VOID NTAPI KBUGCHECK_REASON_CALLBACK_ROUTINE(
    KBUGCHECK_CALLBACK_REASON reason, struct _KBUGCHECK_REASON_CALLBACK_RECORD *record, PVOID data,
    ULONG length);
typedef KBUGCHECK_REASON_CALLBACK_ROUTINE *PKBUGCHECK_REASON_CALLBACK_ROUTINE;

typedef struct _KBUGCHECK_REASON_CALLBACK_RECORD {
    LIST_ENTRY Entry;
    PKBUGCHECK_REASON_CALLBACK_ROUTINE CallbackRoutine;
    PUCHAR Component;
    ULONG_PTR Checksum;
    KBUGCHECK_CALLBACK_REASON Reason;
    UCHAR State;
} KBUGCHECK_REASON_CALLBACK_RECORD, *PKBUGCHECK_REASON_CALLBACK_RECORD;
NT_ASSERT_SIZE(KBUGCHECK_REASON_CALLBACK_RECORD, 0x30);

/* Processor groups and topology. */

typedef struct _PROCESSOR_NUMBER {
    USHORT Group;
    UCHAR Number;
    UCHAR Reserved;
} PROCESSOR_NUMBER, *PPROCESSOR_NUMBER;
NT_ASSERT_SIZE(PROCESSOR_NUMBER, 4);

typedef struct _GROUP_AFFINITY {
    KAFFINITY Mask;
    USHORT Group;
    USHORT Reserved[3];
} GROUP_AFFINITY, *PGROUP_AFFINITY;
NT_ASSERT_SIZE(GROUP_AFFINITY, 0x10);

typedef enum _KE_PROCESSOR_CHANGE_NOTIFY_STATE {
    KeProcessorAddStartNotify,
    KeProcessorAddCompleteNotify,
    KeProcessorAddFailureNotify,
} KE_PROCESSOR_CHANGE_NOTIFY_STATE;

typedef struct _KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT {
    KE_PROCESSOR_CHANGE_NOTIFY_STATE State;
    ULONG NtNumber;
    NTSTATUS Status;
    PROCESSOR_NUMBER ProcNumber;
} KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT, *PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT;
typedef VOID NTAPI PROCESSOR_CALLBACK_FUNCTION(PVOID context,
                                               PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT change,
                                               PNTSTATUS status);
typedef PROCESSOR_CALLBACK_FUNCTION *PPROCESSOR_CALLBACK_FUNCTION;

/* NMI callbacks. */
typedef BOOLEAN NTAPI NMI_CALLBACK(PVOID context, BOOLEAN handled);
typedef NMI_CALLBACK *PNMI_CALLBACK;

/* Interrupts. */

typedef enum _KINTERRUPT_MODE { LevelSensitive, Latched } KINTERRUPT_MODE;
typedef enum _KINTERRUPT_POLARITY {
    InterruptPolarityUnknown,
    InterruptActiveHigh,
    InterruptActiveLow,
    InterruptActiveBoth,
} KINTERRUPT_POLARITY;

/* Opaque to drivers; Seen: 0x120 bytes in 19045. */
typedef struct _KINTERRUPT {
    CSHORT Type;
    CSHORT Size;
    LIST_ENTRY InterruptListEntry;
    PVOID ServiceRoutine;
    PVOID MessageServiceRoutine;
    ULONG MessageIndex;
    PVOID ServiceContext;
    KSPIN_LOCK SpinLock;
    ULONG TickCount;
    PKSPIN_LOCK ActualLock;
    PVOID DispatchAddress;
    ULONG Vector;
    KIRQL Irql;
    KIRQL SynchronizeIrql;
    BOOLEAN FloatingSave;
    BOOLEAN Connected;
    ULONG Number;
    BOOLEAN ShareVector;
    BOOLEAN EmulateActiveBoth;
    USHORT ActiveCount;
    LONG InternalState;
    KINTERRUPT_MODE Mode;
    KINTERRUPT_POLARITY Polarity;
    UCHAR Private[0x120 - 0x74];
} KINTERRUPT, *PKINTERRUPT;
NT_ASSERT_SIZE(KINTERRUPT, 0x120);
NT_ASSERT_AT(KINTERRUPT, ServiceRoutine, 0x18);
NT_ASSERT_AT(KINTERRUPT, SpinLock, 0x38);
NT_ASSERT_AT(KINTERRUPT, Irql, 0x5C);
NT_ASSERT_AT(KINTERRUPT, Connected, 0x5F);

typedef BOOLEAN NTAPI KSERVICE_ROUTINE(PKINTERRUPT interrupt, PVOID context);
typedef KSERVICE_ROUTINE *PKSERVICE_ROUTINE;
typedef BOOLEAN NTAPI KMESSAGE_SERVICE_ROUTINE(PKINTERRUPT interrupt, PVOID context, ULONG message);
typedef KMESSAGE_SERVICE_ROUTINE *PKMESSAGE_SERVICE_ROUTINE;
typedef BOOLEAN NTAPI KSYNCHRONIZE_ROUTINE(PVOID context);
typedef KSYNCHRONIZE_ROUTINE *PKSYNCHRONIZE_ROUTINE;

#endif
