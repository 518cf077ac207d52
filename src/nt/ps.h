/*
 * Threads, processes, processors and the page shared with user mode.
 *
 * Drivers reach into these by inlined code (gs:[188h]) or by offsets they look up for a build, so
 * the offsets are those of Windows 10 22H2 (19045), x64; what nobody reads is padding.
 *
 * Doc: Microsoft Learn, KUSER_SHARED_DATA (ntddk.h). Seen: public symbols of ntoskrnl 10.0.19041,
 * which 19045 shares.
 */
#ifndef NT_PS_H
#define NT_PS_H

#include "nt/ke.h"

/* Priority of the threads of an ordinary process; ours, Windows has no name for it. */
#define LOW_PRIORITY_PROCESS_BASE 8

/* KTHREAD.State */
typedef enum _KTHREAD_STATE {
    Initialized,
    Ready,
    Running,
    Standby,
    Terminated,
    Waiting,
    Transition,
    DeferredReady,
    GateWaitObsolete,
    WaitingForProcessInSwap,
} KTHREAD_STATE;

#define KTHREAD_MISC_SYSTEM_THREAD (1u << 10)

struct _KTHREAD {
    DISPATCHER_HEADER Header;
    PVOID SListFaultAddress;
    ULONG64 QuantumTarget;
    PVOID InitialStack;
    volatile PVOID StackLimit;
    PVOID StackBase;
    KSPIN_LOCK ThreadLock;
    volatile ULONG64 CycleTime;
    ULONG CurrentRunTime;
    ULONG ExpectedRunTime;
    PVOID KernelStack;
    PVOID StateSaveArea;
    PVOID SchedulingGroup;
    UCHAR WaitRegister;
    volatile BOOLEAN Running;
    BOOLEAN Alerted[MaximumMode];
    ULONG MiscFlags; /* KTHREAD_MISC_* */
    ULONG ThreadFlags;
    UCHAR Tag;
    UCHAR SystemHeteroCpuPolicy;
    UCHAR UserHeteroCpuPolicy;
    UCHAR Spare0;
    ULONG SystemCallNumber;
    ULONG ReadyTime;
    PVOID FirstArgument;
    PVOID TrapFrame;
    union {
        KAPC_STATE ApcState;
        struct {
            UCHAR ApcStateFill[0x2B];
            CCHAR Priority;
            ULONG UserIdealProcessor;
        };
    };
    LONG64 WaitStatus;
    PKWAIT_BLOCK WaitBlockList;
    union {
        LIST_ENTRY WaitListEntry;
        SINGLE_LIST_ENTRY SwapListEntry;
    };
    PVOID Queue;
    PVOID Teb;
    ULONG64 RelativeTimerBias;
    KTIMER Timer;
    union {
        KWAIT_BLOCK WaitBlock[4];
        struct { /* the unused words of the wait blocks */
            NT_PAD(Fill0, 0x140, 0x154);
            ULONG ContextSwitches;
            NT_PAD(Fill1, 0x158, 0x184);
            volatile UCHAR State; /* KTHREAD_STATE */
            CHAR Spare13;
            UCHAR WaitIrql;
            CHAR WaitMode;
            NT_PAD(Fill2, 0x188, 0x1B4);
            ULONG WaitTime;
            NT_PAD(Fill3, 0x1B8, 0x1C8);
            PVOID Win32Thread;
            NT_PAD(Fill4, 0x1D0, 0x1E4);
            union {
                struct {
                    SHORT KernelApcDisable; /* 0 enabled, below 0 disabled */
                    SHORT SpecialApcDisable;
                };
                ULONG CombinedApcDisable;
            };
            NT_PAD(Fill5, 0x1E8, 0x200);
        };
    };
    PVOID Spare1;
    LIST_ENTRY QueueListEntry;
    ULONG NextProcessor;
    LONG QueuePriority;
    PKPROCESS Process;
    NT_PAD(UserAffinityFill, 0x228, 0x232);
    CCHAR PreviousMode;
    CCHAR BasePriority;
    CHAR PriorityDecrement;
    UCHAR Preempted;
    UCHAR AdjustReason;
    CHAR AdjustIncrement;
    ULONG64 AffinityVersion;
    NT_PAD(AffinityFill, 0x240, 0x24A);
    UCHAR ApcStateIndex;
    UCHAR WaitBlockCount;
    ULONG IdealProcessor;
    ULONG64 NpxState;
    union {
        KAPC_STATE SavedApcState;
        struct {
            UCHAR SavedApcStateFill[0x2B];
            UCHAR WaitReason; /* KWAIT_REASON */
            CCHAR SuspendCount;
            CHAR Saturation;
            USHORT SListFaultCount;
        };
    };
    KAPC SchedulerApc;
    KEVENT SuspendEvent;
    LIST_ENTRY ThreadListEntry;
    LIST_ENTRY MutantListHead;
    NT_PAD(Private, 0x318, 0x430);
};
NT_ASSERT_SIZE(KTHREAD, 0x430);
NT_ASSERT_AT(KTHREAD, InitialStack, 0x28);
NT_ASSERT_AT(KTHREAD, StackBase, 0x38);
NT_ASSERT_AT(KTHREAD, KernelStack, 0x58);
NT_ASSERT_AT(KTHREAD, MiscFlags, 0x74);
NT_ASSERT_AT(KTHREAD, TrapFrame, 0x90);
NT_ASSERT_AT(KTHREAD, ApcState, 0x98);
NT_ASSERT_AT(KTHREAD, Priority, 0xC3);
NT_ASSERT_AT(KTHREAD, WaitStatus, 0xC8);
NT_ASSERT_AT(KTHREAD, Queue, 0xE8);
NT_ASSERT_AT(KTHREAD, Teb, 0xF0);
NT_ASSERT_AT(KTHREAD, Timer, 0x100);
NT_ASSERT_AT(KTHREAD, WaitBlock, 0x140);
NT_ASSERT_AT(KTHREAD, State, 0x184);
NT_ASSERT_AT(KTHREAD, WaitTime, 0x1B4);
NT_ASSERT_AT(KTHREAD, CombinedApcDisable, 0x1E4);
NT_ASSERT_AT(KTHREAD, Process, 0x220);
NT_ASSERT_AT(KTHREAD, PreviousMode, 0x232);
NT_ASSERT_AT(KTHREAD, ApcStateIndex, 0x24A);
NT_ASSERT_AT(KTHREAD, SavedApcState, 0x258);
NT_ASSERT_AT(KTHREAD, WaitReason, 0x283);
NT_ASSERT_AT(KTHREAD, SchedulerApc, 0x288);
NT_ASSERT_AT(KTHREAD, ThreadListEntry, 0x2F8);

struct _ETHREAD {
    KTHREAD Tcb;
    LARGE_INTEGER CreateTime;
    union {
        LARGE_INTEGER ExitTime;
        LIST_ENTRY KeyedWaitChain;
    };
    PVOID PostBlockList;
    PVOID StartAddress;
    PVOID TerminationPort;
    KSPIN_LOCK ActiveTimerListLock;
    LIST_ENTRY ActiveTimerListHead;
    CLIENT_ID Cid;
    KSEMAPHORE KeyedWaitSemaphore;
    PVOID ClientSecurity;
    LIST_ENTRY IrpList;
    ULONG_PTR TopLevelIrp;
    PDEVICE_OBJECT DeviceToVerify;
    PVOID Win32StartAddress;
    PVOID ChargeOnlySession;
    PVOID LegacyPowerObject;
    LIST_ENTRY ThreadListEntry;
    EX_RUNDOWN_REF RundownProtect;
    EX_PUSH_LOCK ThreadLock;
    ULONG ReadClusterSize;
    volatile LONG MmLockOrdering;
    ULONG CrossThreadFlags; /* bit 0 terminated, bit 2 hidden from debuggers */
    ULONG SameThreadPassiveFlags;
    ULONG SameThreadApcFlags;
    NT_PAD(Private, 0x51C, 0x548);
    NTSTATUS ExitStatus;
    NT_PAD(Private2, 0x54C, 0x588);
    KSPIN_LOCK IrpListLock;
    NT_PAD(Private3, 0x590, 0x610);
    PUNICODE_STRING ThreadName;
    NT_PAD(Private4, 0x618, 0x898);
};
NT_ASSERT_SIZE(ETHREAD, 0x898);
NT_ASSERT_AT(ETHREAD, CreateTime, 0x430);
NT_ASSERT_AT(ETHREAD, StartAddress, 0x450);
NT_ASSERT_AT(ETHREAD, Cid, 0x478);
NT_ASSERT_AT(ETHREAD, IrpList, 0x4B0);
NT_ASSERT_AT(ETHREAD, TopLevelIrp, 0x4C0);
NT_ASSERT_AT(ETHREAD, Win32StartAddress, 0x4D0);
NT_ASSERT_AT(ETHREAD, ThreadListEntry, 0x4E8);
NT_ASSERT_AT(ETHREAD, CrossThreadFlags, 0x510);
NT_ASSERT_AT(ETHREAD, ExitStatus, 0x548);
NT_ASSERT_AT(ETHREAD, ThreadName, 0x610);

struct _KPROCESS {
    DISPATCHER_HEADER Header;
    LIST_ENTRY ProfileListHead;
    ULONG_PTR DirectoryTableBase; /* cr3 */
    LIST_ENTRY ThreadListHead;    /* through KTHREAD.ThreadListEntry */
    ULONG ProcessLock;
    ULONG ProcessTimerDelay;
    ULONG64 DeepFreezeStartTime;
    NT_PAD(Private, 0x50, 0x388);
    ULONG_PTR UserDirectoryTableBase;
    NT_PAD(Private2, 0x390, 0x438);
};
NT_ASSERT_SIZE(KPROCESS, 0x438);
NT_ASSERT_AT(KPROCESS, DirectoryTableBase, 0x28);
NT_ASSERT_AT(KPROCESS, ThreadListHead, 0x30);

struct _EPROCESS {
    KPROCESS Pcb;
    EX_PUSH_LOCK ProcessLock;
    HANDLE UniqueProcessId;
    LIST_ENTRY ActiveProcessLinks;
    EX_RUNDOWN_REF RundownProtect;
    ULONG Flags2;
    ULONG Flags;
    LARGE_INTEGER CreateTime;
    ULONG64 ProcessQuotaUsage[2];
    ULONG64 ProcessQuotaPeak[2];
    ULONG64 PeakVirtualSize;
    ULONG64 VirtualSize;
    LIST_ENTRY SessionProcessLinks;
    PVOID ExceptionPortData;
    ULONG_PTR Token; /* EX_FAST_REF: the low 4 bits are a count */
    ULONG64 MmReserved;
    EX_PUSH_LOCK AddressCreationLock;
    EX_PUSH_LOCK PageTableCommitmentLock;
    PETHREAD RotateInProgress;
    PETHREAD ForkInProgress;
    PEJOB volatile CommitChargeJob;
    ULONG64 CloneRoot;
    volatile ULONG64 NumberOfPrivatePages;
    volatile ULONG64 NumberOfLockedPages;
    PVOID Win32Process;
    PEJOB volatile Job;
    PVOID SectionObject;
    PVOID SectionBaseAddress;
    ULONG Cookie;
    PVOID WorkingSetWatch;
    PVOID Win32WindowStation;
    HANDLE InheritedFromUniqueProcessId;
    ULONG64 OwnerProcessId;
    PVOID Peb;
    PVOID Session;
    PVOID Spare1;
    PVOID QuotaBlock;
    PVOID ObjectTable;
    PVOID DebugPort;
    PVOID WoW64Process;
    PVOID DeviceMap;
    PVOID EtwDataSource;
    ULONG64 PageDirectoryPte;
    PFILE_OBJECT ImageFilePointer;
    UCHAR ImageFileName[15];
    UCHAR PriorityClass;
    PVOID SecurityPort;
    PVOID SeAuditImageFileName;
    LIST_ENTRY JobLinks;
    PVOID HighestUserAddress;
    LIST_ENTRY ThreadListHead; /* through ETHREAD.ThreadListEntry */
    volatile ULONG ActiveThreads;
    ULONG ImagePathHash;
    NT_PAD(Private, 0x5F8, 0x7D4);
    NTSTATUS ExitStatus;
    PVOID VadRoot;
    NT_PAD(Private2, 0x7E0, 0x840);
    LARGE_INTEGER ExitTime;
    NT_PAD(Private3, 0x848, 0x878);
    UCHAR SignatureLevel;
    UCHAR SectionSignatureLevel;
    UCHAR Protection;
    NT_PAD(Private4, 0x87B, 0xA40);
};
NT_ASSERT_SIZE(EPROCESS, 0xA40);
NT_ASSERT_AT(EPROCESS, UniqueProcessId, 0x440);
NT_ASSERT_AT(EPROCESS, ActiveProcessLinks, 0x448);
NT_ASSERT_AT(EPROCESS, Flags, 0x464);
NT_ASSERT_AT(EPROCESS, CreateTime, 0x468);
NT_ASSERT_AT(EPROCESS, Token, 0x4B8);
NT_ASSERT_AT(EPROCESS, SectionBaseAddress, 0x520);
NT_ASSERT_AT(EPROCESS, InheritedFromUniqueProcessId, 0x540);
NT_ASSERT_AT(EPROCESS, Peb, 0x550);
NT_ASSERT_AT(EPROCESS, ObjectTable, 0x570);
NT_ASSERT_AT(EPROCESS, WoW64Process, 0x580);
NT_ASSERT_AT(EPROCESS, ImageFileName, 0x5A8);
NT_ASSERT_AT(EPROCESS, ThreadListHead, 0x5E0);
NT_ASSERT_AT(EPROCESS, ActiveThreads, 0x5F0);
NT_ASSERT_AT(EPROCESS, ExitStatus, 0x7D4);
NT_ASSERT_AT(EPROCESS, ExitTime, 0x840);
NT_ASSERT_AT(EPROCESS, Protection, 0x87A);

/* Processor blocks: gs points to the KPCR while a driver runs. */

typedef struct _KPRCB {
    ULONG MxCsr;
    UCHAR LegacyNumber; /* gs:[184h] */
    UCHAR ReservedMustBeZero;
    BOOLEAN InterruptRequest;
    BOOLEAN IdleHalt;
    PKTHREAD CurrentThread; /* gs:[188h] */
    PKTHREAD NextThread;
    PKTHREAD IdleThread;
    UCHAR NestingLevel;
    UCHAR ClockOwner;
    UCHAR PendingTickFlags;
    UCHAR IdleState;
    ULONG Number; /* gs:[1A4h] */
    ULONG64 RspBase;
    ULONG64 PrcbLock;
    PVOID PriorityState;
    CHAR CpuType;
    CHAR CpuID;
    USHORT CpuStep;
    ULONG MHz;
    ULONG64 HalReserved[8];
    USHORT MinorVersion;
    USHORT MajorVersion;
    UCHAR BuildType;
    UCHAR CpuVendor;
    UCHAR LegacyCoresPerPhysicalProcessor;
    UCHAR LegacyLogicalProcessorsPerCore;
    NT_PAD(Private, 0x90, 0xAF00);
} KPRCB, *PKPRCB;
NT_ASSERT_SIZE(KPRCB, 0xAF00);
NT_ASSERT_AT(KPRCB, CurrentThread, 8);
NT_ASSERT_AT(KPRCB, Number, 0x24);
NT_ASSERT_AT(KPRCB, MHz, 0x44);
NT_ASSERT_AT(KPRCB, MinorVersion, 0x88);

typedef struct _KPCR {
    PVOID GdtBase;
    PVOID TssBase;
    ULONG64 UserRsp;
    struct _KPCR *Self;
    PKPRCB CurrentPrcb;
    PVOID LockArray;
    PVOID Used_Self; /* the TEB in user mode */
    PVOID IdtBase;
    ULONG64 Unused[2];
    KIRQL Irql; /* not kept up to date by Windows: cr8 is */
    UCHAR SecondLevelCacheAssociativity;
    UCHAR ObsoleteNumber;
    UCHAR Fill0;
    ULONG Unused0[3];
    USHORT MajorVersion;
    USHORT MinorVersion;
    ULONG StallScaleFactor;
    PVOID Unused1[3];
    ULONG KernelReserved[15];
    ULONG SecondLevelCacheSize;
    ULONG HalReserved[16];
    ULONG Unused2;
    PVOID KdVersionBlock;
    PVOID Unused3;
    ULONG PcrAlign1[24];
    NT_PAD(Fill1, 0x178, 0x180);
    KPRCB Prcb;
} KPCR, *PKPCR;
NT_ASSERT_SIZE(KPCR, 0xB080);
NT_ASSERT_AT(KPCR, Self, 0x18);
NT_ASSERT_AT(KPCR, CurrentPrcb, 0x20);
NT_ASSERT_AT(KPCR, Used_Self, 0x30);
NT_ASSERT_AT(KPCR, IdtBase, 0x38);
NT_ASSERT_AT(KPCR, Irql, 0x50);
NT_ASSERT_AT(KPCR, MajorVersion, 0x60);
NT_ASSERT_AT(KPCR, KdVersionBlock, 0x108);
NT_ASSERT_AT(KPCR, Prcb, 0x180);
NT_ASSERT_AT(KPCR, Prcb.LegacyNumber, 0x184);
NT_ASSERT_AT(KPCR, Prcb.CurrentThread, 0x188);
NT_ASSERT_AT(KPCR, Prcb.Number, 0x1A4);

/* The page shared with user mode. Kernel address on Windows; no process can map it there. */

#define NT_KUSER_ADDRESS 0xFFFFF78000000000ull
#define PROCESSOR_FEATURE_MAX 64

typedef struct _KSYSTEM_TIME {
    ULONG LowPart;
    LONG High1Time; /* written before LowPart; High2Time after it */
    LONG High2Time;
} KSYSTEM_TIME, *PKSYSTEM_TIME;
NT_ASSERT_SIZE(KSYSTEM_TIME, 12);

typedef enum _NT_PRODUCT_TYPE {
    NtProductWinNt = 1,
    NtProductLanManNt,
    NtProductServer,
} NT_PRODUCT_TYPE;

#define PF_FLOATING_POINT_PRECISION_ERRATA 0
#define PF_FLOATING_POINT_EMULATED 1
#define PF_COMPARE_EXCHANGE_DOUBLE 2
#define PF_MMX_INSTRUCTIONS_AVAILABLE 3
#define PF_XMMI_INSTRUCTIONS_AVAILABLE 6
#define PF_3DNOW_INSTRUCTIONS_AVAILABLE 7
#define PF_RDTSC_INSTRUCTION_AVAILABLE 8
#define PF_PAE_ENABLED 9
#define PF_XMMI64_INSTRUCTIONS_AVAILABLE 10
#define PF_NX_ENABLED 12
#define PF_SSE3_INSTRUCTIONS_AVAILABLE 13
#define PF_COMPARE_EXCHANGE128 14
#define PF_COMPARE64_EXCHANGE128 15
#define PF_CHANNELS_ENABLED 16
#define PF_XSAVE_ENABLED 17
#define PF_SECOND_LEVEL_ADDRESS_TRANSLATION 20
#define PF_VIRT_FIRMWARE_ENABLED 21
#define PF_RDWRFSGSBASE_AVAILABLE 22
#define PF_FASTFAIL_AVAILABLE 23
#define PF_RDRAND_INSTRUCTION_AVAILABLE 28
#define PF_RDTSCP_INSTRUCTION_AVAILABLE 32
#define PF_RDPID_INSTRUCTION_AVAILABLE 33
#define PF_SSSE3_INSTRUCTIONS_AVAILABLE 36
#define PF_SSE4_1_INSTRUCTIONS_AVAILABLE 37
#define PF_SSE4_2_INSTRUCTIONS_AVAILABLE 38
#define PF_AVX_INSTRUCTIONS_AVAILABLE 39
#define PF_AVX2_INSTRUCTIONS_AVAILABLE 40
#define PF_AVX512F_INSTRUCTIONS_AVAILABLE 41

#define MAXIMUM_XSTATE_FEATURES 64
typedef struct _XSTATE_FEATURE {
    ULONG Offset;
    ULONG Size;
} XSTATE_FEATURE, *PXSTATE_FEATURE;

typedef struct _XSTATE_CONFIGURATION {
    ULONG64 EnabledFeatures;
    ULONG64 EnabledVolatileFeatures;
    ULONG Size;
    ULONG ControlFlags;
    XSTATE_FEATURE Features[MAXIMUM_XSTATE_FEATURES];
    ULONG64 EnabledSupervisorFeatures;
    ULONG64 AlignedFeatures;
    ULONG AllFeatureSize;
    ULONG AllFeatures[MAXIMUM_XSTATE_FEATURES];
    ULONG64 EnabledUserVisibleSupervisorFeatures;
} XSTATE_CONFIGURATION, *PXSTATE_CONFIGURATION;
NT_ASSERT_SIZE(XSTATE_CONFIGURATION, 0x338);

typedef struct _KUSER_SHARED_DATA {
    ULONG TickCountLowDeprecated;
    ULONG TickCountMultiplier; /* 24-bit fraction: milliseconds = (ticks * multiplier) >> 24 */
    volatile KSYSTEM_TIME InterruptTime;
    volatile KSYSTEM_TIME SystemTime;
    volatile KSYSTEM_TIME TimeZoneBias;
    USHORT ImageNumberLow;
    USHORT ImageNumberHigh;
    WCHAR NtSystemRoot[260];
    ULONG MaxStackTraceDepth;
    ULONG CryptoExponent;
    ULONG TimeZoneId;
    ULONG LargePageMinimum;
    ULONG AitSamplingValue;
    ULONG AppCompatFlag;
    ULONGLONG RNGSeedVersion;
    ULONG GlobalValidationRunlevel;
    volatile LONG TimeZoneBiasStamp;
    ULONG NtBuildNumber;
    NT_PRODUCT_TYPE NtProductType;
    BOOLEAN ProductTypeIsValid;
    BOOLEAN Reserved0[1];
    USHORT NativeProcessorArchitecture;
    ULONG NtMajorVersion;
    ULONG NtMinorVersion;
    BOOLEAN ProcessorFeatures[PROCESSOR_FEATURE_MAX];
    ULONG Reserved1;
    ULONG Reserved3;
    volatile ULONG TimeSlip;
    ULONG AlternativeArchitecture;
    ULONG BootId;
    LARGE_INTEGER SystemExpirationDate;
    ULONG SuiteMask;
    BOOLEAN KdDebuggerEnabled; /* bit 0 enabled, bit 1 present */
    UCHAR MitigationPolicies;
    USHORT CyclesPerYield;
    volatile ULONG ActiveConsoleId;
    volatile ULONG DismountCount;
    ULONG ComPlusPackage;
    ULONG LastSystemRITEventTickCount;
    ULONG NumberOfPhysicalPages;
    BOOLEAN SafeBootMode;
    UCHAR VirtualizationFlags;
    UCHAR Reserved12[2];
    ULONG SharedDataFlags;
    ULONG DataFlagsPad[1];
    ULONGLONG TestRetInstruction;
    LONGLONG QpcFrequency;
    ULONG SystemCall;
    ULONG Reserved2;
    ULONGLONG SystemCallPad[2];
    union {
        volatile KSYSTEM_TIME TickCount;
        volatile ULONG64 TickCountQuad;
        ULONG ReservedTickCountOverlay[4];
    };
    ULONG Cookie;
    ULONG CookiePad[1];
    LONGLONG ConsoleSessionForegroundProcessId;
    ULONGLONG TimeUpdateLock;
    ULONGLONG BaselineSystemTimeQpc;
    ULONGLONG BaselineInterruptTimeQpc;
    ULONGLONG QpcSystemTimeIncrement;
    ULONGLONG QpcInterruptTimeIncrement;
    UCHAR QpcSystemTimeIncrementShift;
    UCHAR QpcInterruptTimeIncrementShift;
    USHORT UnparkedProcessorCount;
    ULONG EnclaveFeatureMask[4];
    ULONG TelemetryCoverageRound;
    USHORT UserModeGlobalLogger[16];
    ULONG ImageFileExecutionOptions;
    ULONG LangGenerationCount;
    ULONGLONG Reserved4;
    volatile ULONG64 InterruptTimeBias;
    volatile ULONG64 QpcBias;
    ULONG ActiveProcessorCount;
    volatile UCHAR ActiveGroupCount;
    UCHAR Reserved9;
    union {
        USHORT QpcData;
        struct {
            UCHAR QpcBypassEnabled;
            UCHAR QpcShift;
        };
    };
    LARGE_INTEGER TimeZoneBiasEffectiveStart;
    LARGE_INTEGER TimeZoneBiasEffectiveEnd;
    XSTATE_CONFIGURATION XState;
    KSYSTEM_TIME FeatureConfigurationChangeStamp;
    ULONG Spare;
} KUSER_SHARED_DATA, *PKUSER_SHARED_DATA;
NT_ASSERT_SIZE(KUSER_SHARED_DATA, 0x720);
NT_ASSERT_AT(KUSER_SHARED_DATA, TickCountMultiplier, 0x04);
NT_ASSERT_AT(KUSER_SHARED_DATA, InterruptTime, 0x08);
NT_ASSERT_AT(KUSER_SHARED_DATA, SystemTime, 0x14);
NT_ASSERT_AT(KUSER_SHARED_DATA, TimeZoneBias, 0x20);
NT_ASSERT_AT(KUSER_SHARED_DATA, NtSystemRoot, 0x30);
NT_ASSERT_AT(KUSER_SHARED_DATA, TimeZoneId, 0x240);
NT_ASSERT_AT(KUSER_SHARED_DATA, NtBuildNumber, 0x260);
NT_ASSERT_AT(KUSER_SHARED_DATA, NtProductType, 0x264);
NT_ASSERT_AT(KUSER_SHARED_DATA, ProductTypeIsValid, 0x268);
NT_ASSERT_AT(KUSER_SHARED_DATA, NtMajorVersion, 0x26C);
NT_ASSERT_AT(KUSER_SHARED_DATA, NtMinorVersion, 0x270);
NT_ASSERT_AT(KUSER_SHARED_DATA, ProcessorFeatures, 0x274);
NT_ASSERT_AT(KUSER_SHARED_DATA, BootId, 0x2C4);
NT_ASSERT_AT(KUSER_SHARED_DATA, SuiteMask, 0x2D0);
NT_ASSERT_AT(KUSER_SHARED_DATA, KdDebuggerEnabled, 0x2D4);
NT_ASSERT_AT(KUSER_SHARED_DATA, NumberOfPhysicalPages, 0x2E8);
NT_ASSERT_AT(KUSER_SHARED_DATA, SafeBootMode, 0x2EC);
NT_ASSERT_AT(KUSER_SHARED_DATA, QpcFrequency, 0x300);
NT_ASSERT_AT(KUSER_SHARED_DATA, SystemCall, 0x308);
NT_ASSERT_AT(KUSER_SHARED_DATA, TickCount, 0x320);
NT_ASSERT_AT(KUSER_SHARED_DATA, Cookie, 0x330);
NT_ASSERT_AT(KUSER_SHARED_DATA, InterruptTimeBias, 0x3B0);
NT_ASSERT_AT(KUSER_SHARED_DATA, ActiveProcessorCount, 0x3C0);
NT_ASSERT_AT(KUSER_SHARED_DATA, QpcData, 0x3C6);
NT_ASSERT_AT(KUSER_SHARED_DATA, XState, 0x3D8);
NT_ASSERT_AT(KUSER_SHARED_DATA, FeatureConfigurationChangeStamp, 0x710);

/* Notifications. */

typedef VOID NTAPI CREATE_PROCESS_NOTIFY_ROUTINE(HANDLE parent, HANDLE process, BOOLEAN create);
typedef CREATE_PROCESS_NOTIFY_ROUTINE *PCREATE_PROCESS_NOTIFY_ROUTINE;
typedef VOID NTAPI CREATE_THREAD_NOTIFY_ROUTINE(HANDLE process, HANDLE thread, BOOLEAN create);
typedef CREATE_THREAD_NOTIFY_ROUTINE *PCREATE_THREAD_NOTIFY_ROUTINE;

typedef struct _PS_CREATE_NOTIFY_INFO {
    SIZE_T Size;
    ULONG Flags; /* bit 0: FileOpenNameAvailable */
    HANDLE ParentProcessId;
    CLIENT_ID CreatingThreadId;
    PFILE_OBJECT FileObject;
    PCUNICODE_STRING ImageFileName;
    PCUNICODE_STRING CommandLine;
    NTSTATUS CreationStatus;
} PS_CREATE_NOTIFY_INFO, *PPS_CREATE_NOTIFY_INFO;
NT_ASSERT_SIZE(PS_CREATE_NOTIFY_INFO, 0x48);
typedef VOID NTAPI CREATE_PROCESS_NOTIFY_ROUTINE_EX(PEPROCESS process, HANDLE id,
                                                    PPS_CREATE_NOTIFY_INFO info);
typedef CREATE_PROCESS_NOTIFY_ROUTINE_EX *PCREATE_PROCESS_NOTIFY_ROUTINE_EX;

#define IMAGE_INFO_SYSTEM_MODE 0x100u /* Properties: bits 0-7 addressing mode (3), bit 8 system */
#define IMAGE_INFO_EXTENDED 0x400u
typedef struct _IMAGE_INFO {
    ULONG Properties;
    PVOID ImageBase;
    ULONG ImageSelector;
    SIZE_T ImageSize;
    ULONG ImageSectionNumber;
} IMAGE_INFO, *PIMAGE_INFO;
NT_ASSERT_SIZE(IMAGE_INFO, 0x28);
typedef VOID NTAPI LOAD_IMAGE_NOTIFY_ROUTINE(PUNICODE_STRING name, HANDLE process,
                                             PIMAGE_INFO info);
typedef LOAD_IMAGE_NOTIFY_ROUTINE *PLOAD_IMAGE_NOTIFY_ROUTINE;

/* Queries about processes and threads. */

typedef enum _PROCESSINFOCLASS {
    ProcessBasicInformation = 0,
    ProcessQuotaLimits = 1,
    ProcessIoCounters = 2,
    ProcessVmCounters = 3,
    ProcessTimes = 4,
    ProcessDebugPort = 7,
    ProcessPriorityClass = 18,
    ProcessHandleCount = 20,
    ProcessSessionInformation = 24,
    ProcessWow64Information = 26,
    ProcessImageFileName = 27,
    ProcessDebugObjectHandle = 30,
    ProcessDebugFlags = 31,
    ProcessImageFileNameWin32 = 43,
    ProcessCommandLineInformation = 60,
    ProcessProtectionInformation = 61,
} PROCESSINFOCLASS;

typedef enum _THREADINFOCLASS {
    ThreadBasicInformation = 0,
    ThreadTimes = 1,
    ThreadPriority = 2,
    ThreadBasePriority = 3,
    ThreadAffinityMask = 4,
    ThreadImpersonationToken = 5,
    ThreadQuerySetWin32StartAddress = 9,
    ThreadZeroTlsCell = 10,
    ThreadIsIoPending = 16,
    ThreadHideFromDebugger = 17,
    ThreadIdealProcessorEx = 33,
    ThreadNameInformation = 38,
} THREADINFOCLASS;

typedef struct _PROCESS_BASIC_INFORMATION {
    NTSTATUS ExitStatus;
    PVOID PebBaseAddress;
    ULONG_PTR AffinityMask;
    KPRIORITY BasePriority;
    ULONG_PTR UniqueProcessId;
    ULONG_PTR InheritedFromUniqueProcessId;
} PROCESS_BASIC_INFORMATION, *PPROCESS_BASIC_INFORMATION;
NT_ASSERT_SIZE(PROCESS_BASIC_INFORMATION, 0x30);

typedef struct _KERNEL_USER_TIMES {
    LARGE_INTEGER CreateTime;
    LARGE_INTEGER ExitTime;
    LARGE_INTEGER KernelTime;
    LARGE_INTEGER UserTime;
} KERNEL_USER_TIMES, *PKERNEL_USER_TIMES;

#define PROCESS_TERMINATE 0x0001u
#define PROCESS_VM_OPERATION 0x0008u
#define PROCESS_VM_READ 0x0010u
#define PROCESS_VM_WRITE 0x0020u
#define PROCESS_DUP_HANDLE 0x0040u
#define PROCESS_QUERY_INFORMATION 0x0400u
#define PROCESS_ALL_ACCESS 0x1FFFFFu
#define THREAD_TERMINATE 0x0001u
#define THREAD_GET_CONTEXT 0x0008u
#define THREAD_SET_INFORMATION 0x0020u
#define THREAD_QUERY_INFORMATION 0x0040u
#define THREAD_ALL_ACCESS 0x1FFFFFu

#endif
