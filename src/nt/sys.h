/*
 * System queries: classes of ZwQuerySystemInformation and what they return.
 *
 * Doc: Microsoft Learn, NtQuerySystemInformation (winternl.h). Seen: the remaining layouts are
 * widely published observations of x64 Windows, unchanged since Windows 7 where not noted.
 */
#ifndef NT_SYS_H
#define NT_SYS_H

#include "nt/ke.h"
#include "nt/ps.h"

typedef enum _SYSTEM_INFORMATION_CLASS {
    SystemBasicInformation = 0,
    SystemProcessorInformation = 1,
    SystemPerformanceInformation = 2,
    SystemTimeOfDayInformation = 3,
    SystemPathInformation = 4,
    SystemProcessInformation = 5,
    SystemCallCountInformation = 6,
    SystemDeviceInformation = 7,
    SystemProcessorPerformanceInformation = 8,
    SystemFlagsInformation = 9,
    SystemCallTimeInformation = 10,
    SystemModuleInformation = 11,
    SystemLocksInformation = 12,
    SystemStackTraceInformation = 13,
    SystemPagedPoolInformation = 14,
    SystemNonPagedPoolInformation = 15,
    SystemHandleInformation = 16,
    SystemObjectInformation = 17,
    SystemPageFileInformation = 18,
    SystemVdmInstemulInformation = 19,
    SystemFileCacheInformation = 21,
    SystemPoolTagInformation = 22,
    SystemInterruptInformation = 23,
    SystemDpcBehaviorInformation = 24,
    SystemLoadGdiDriverInformation = 26,
    SystemUnloadGdiDriverInformation = 27,
    SystemTimeAdjustmentInformation = 28,
    SystemExceptionInformation = 33,
    SystemKernelDebuggerInformation = 35,
    SystemContextSwitchInformation = 36,
    SystemRegistryQuotaInformation = 37,
    SystemExtendServiceTableInformation = 38,
    SystemCurrentTimeZoneInformation = 44,
    SystemLookasideInformation = 45,
    SystemVerifierInformation = 51,
    SystemExtendedProcessInformation = 57,
    SystemEmulationBasicInformation = 62,
    SystemExtendedHandleInformation = 64,
    SystemBigPoolInformation = 66,
    SystemSessionPoolTagInformation = 67,
    SystemSessionMappedViewInformation = 68,
    SystemFirmwareTableInformation = 76,
    SystemModuleInformationEx = 77,
    SystemSpecialPoolInformation = 87,
    SystemBootEnvironmentInformation = 90,
    SystemVerifierInformationEx = 92,
    SystemCodeIntegrityInformation = 103,
    SystemLogicalProcessorAndGroupInformation = 107,
    SystemSecureBootInformation = 145,
    SystemKernelDebuggerInformationEx = 149,
    SystemPoolZeroingInformation = 227,
} SYSTEM_INFORMATION_CLASS;

typedef struct _SYSTEM_BASIC_INFORMATION {
    ULONG Reserved;
    ULONG TimerResolution; /* 100 ns */
    ULONG PageSize;
    ULONG NumberOfPhysicalPages;
    ULONG LowestPhysicalPageNumber;
    ULONG HighestPhysicalPageNumber;
    ULONG AllocationGranularity;
    ULONG_PTR MinimumUserModeAddress;
    ULONG_PTR MaximumUserModeAddress;
    ULONG_PTR ActiveProcessorsAffinityMask;
    CCHAR NumberOfProcessors;
} SYSTEM_BASIC_INFORMATION, *PSYSTEM_BASIC_INFORMATION;
NT_ASSERT_SIZE(SYSTEM_BASIC_INFORMATION, 0x40);
NT_ASSERT_AT(SYSTEM_BASIC_INFORMATION, MinimumUserModeAddress, 0x20);

typedef struct _SYSTEM_PROCESSOR_INFORMATION {
    USHORT ProcessorArchitecture; /* 9: x64 */
    USHORT ProcessorLevel;
    USHORT ProcessorRevision;
    USHORT MaximumProcessors;
    ULONG ProcessorFeatureBits;
} SYSTEM_PROCESSOR_INFORMATION, *PSYSTEM_PROCESSOR_INFORMATION;

typedef struct _SYSTEM_TIMEOFDAY_INFORMATION {
    LARGE_INTEGER BootTime;
    LARGE_INTEGER CurrentTime;
    LARGE_INTEGER TimeZoneBias;
    ULONG TimeZoneId;
    ULONG Reserved;
    ULONGLONG BootTimeBias;
    ULONGLONG SleepTimeBias;
} SYSTEM_TIMEOFDAY_INFORMATION, *PSYSTEM_TIMEOFDAY_INFORMATION;
NT_ASSERT_SIZE(SYSTEM_TIMEOFDAY_INFORMATION, 0x30);

typedef struct _SYSTEM_THREAD_INFORMATION {
    LARGE_INTEGER KernelTime;
    LARGE_INTEGER UserTime;
    LARGE_INTEGER CreateTime;
    ULONG WaitTime;
    PVOID StartAddress;
    CLIENT_ID ClientId;
    KPRIORITY Priority;
    KPRIORITY BasePriority;
    ULONG ContextSwitches;
    ULONG ThreadState;
    KWAIT_REASON WaitReason;
} SYSTEM_THREAD_INFORMATION, *PSYSTEM_THREAD_INFORMATION;
NT_ASSERT_SIZE(SYSTEM_THREAD_INFORMATION, 0x50);

/* Followed by its threads, then the image name. */
typedef struct _SYSTEM_PROCESS_INFORMATION {
    ULONG NextEntryOffset;
    ULONG NumberOfThreads;
    LARGE_INTEGER WorkingSetPrivateSize;
    ULONG HardFaultCount;
    ULONG NumberOfThreadsHighWatermark;
    ULONGLONG CycleTime;
    LARGE_INTEGER CreateTime;
    LARGE_INTEGER UserTime;
    LARGE_INTEGER KernelTime;
    UNICODE_STRING ImageName;
    KPRIORITY BasePriority;
    HANDLE UniqueProcessId;
    HANDLE InheritedFromUniqueProcessId;
    ULONG HandleCount;
    ULONG SessionId;
    ULONG_PTR UniqueProcessKey;
    SIZE_T PeakVirtualSize;
    SIZE_T VirtualSize;
    ULONG PageFaultCount;
    SIZE_T PeakWorkingSetSize;
    SIZE_T WorkingSetSize;
    SIZE_T QuotaPeakPagedPoolUsage;
    SIZE_T QuotaPagedPoolUsage;
    SIZE_T QuotaPeakNonPagedPoolUsage;
    SIZE_T QuotaNonPagedPoolUsage;
    SIZE_T PagefileUsage;
    SIZE_T PeakPagefileUsage;
    SIZE_T PrivatePageCount;
    LARGE_INTEGER ReadOperationCount;
    LARGE_INTEGER WriteOperationCount;
    LARGE_INTEGER OtherOperationCount;
    LARGE_INTEGER ReadTransferCount;
    LARGE_INTEGER WriteTransferCount;
    LARGE_INTEGER OtherTransferCount;
} SYSTEM_PROCESS_INFORMATION, *PSYSTEM_PROCESS_INFORMATION;
NT_ASSERT_SIZE(SYSTEM_PROCESS_INFORMATION, 0x100);
NT_ASSERT_AT(SYSTEM_PROCESS_INFORMATION, ImageName, 0x38);
NT_ASSERT_AT(SYSTEM_PROCESS_INFORMATION, UniqueProcessId, 0x50);

/* Class 11. */
typedef struct _RTL_PROCESS_MODULE_INFORMATION {
    HANDLE Section;
    PVOID MappedBase;
    PVOID ImageBase;
    ULONG ImageSize;
    ULONG Flags;
    USHORT LoadOrderIndex;
    USHORT InitOrderIndex;
    USHORT LoadCount;
    USHORT OffsetToFileName;
    UCHAR FullPathName[256];
} RTL_PROCESS_MODULE_INFORMATION, *PRTL_PROCESS_MODULE_INFORMATION;
NT_ASSERT_SIZE(RTL_PROCESS_MODULE_INFORMATION, 0x128);
NT_ASSERT_AT(RTL_PROCESS_MODULE_INFORMATION, ImageBase, 0x10);
NT_ASSERT_AT(RTL_PROCESS_MODULE_INFORMATION, FullPathName, 0x28);

typedef struct _RTL_PROCESS_MODULES {
    ULONG NumberOfModules;
    RTL_PROCESS_MODULE_INFORMATION Modules[1];
} RTL_PROCESS_MODULES, *PRTL_PROCESS_MODULES;
NT_ASSERT_AT(RTL_PROCESS_MODULES, Modules, 8);

/* What DRIVER_OBJECT.DriverSection points to: an entry of the module list. */
typedef struct _LDR_DATA_TABLE_ENTRY {
    LIST_ENTRY InLoadOrderLinks;
    PVOID ExceptionTable;
    ULONG ExceptionTableSize;
    PVOID GpValue;
    PVOID NonPagedDebugInfo;
    PVOID DllBase;
    PVOID EntryPoint;
    ULONG SizeOfImage;
    UNICODE_STRING FullDllName;
    UNICODE_STRING BaseDllName;
    ULONG Flags;
    USHORT LoadCount;
    USHORT SignatureFlags;
    PVOID SectionPointer;
    ULONG CheckSum;
    ULONG CoverageSectionSize;
    PVOID CoverageSection;
    PVOID LoadedImports;
    PVOID Spare;
    ULONG SizeOfImageNotRounded;
    ULONG TimeDateStamp;
} LDR_DATA_TABLE_ENTRY, *PLDR_DATA_TABLE_ENTRY, KLDR_DATA_TABLE_ENTRY, *PKLDR_DATA_TABLE_ENTRY;
NT_ASSERT_SIZE(LDR_DATA_TABLE_ENTRY, 0xA0);
NT_ASSERT_AT(LDR_DATA_TABLE_ENTRY, DllBase, 0x30);
NT_ASSERT_AT(LDR_DATA_TABLE_ENTRY, SizeOfImage, 0x40);
NT_ASSERT_AT(LDR_DATA_TABLE_ENTRY, FullDllName, 0x48);
NT_ASSERT_AT(LDR_DATA_TABLE_ENTRY, BaseDllName, 0x58);
NT_ASSERT_AT(LDR_DATA_TABLE_ENTRY, Flags, 0x68);
NT_ASSERT_AT(LDR_DATA_TABLE_ENTRY, LoadCount, 0x6C);

/* AuxKlibQueryModuleInformation and RtlQueryModuleInformation. */
typedef struct _RTL_MODULE_BASIC_INFO {
    PVOID ImageBase;
} RTL_MODULE_BASIC_INFO, *PRTL_MODULE_BASIC_INFO;

typedef struct _RTL_MODULE_EXTENDED_INFO {
    PVOID ImageBase;
    ULONG ImageSize;
    USHORT FileNameOffset;
    CHAR FullPathName[256];
} RTL_MODULE_EXTENDED_INFO, *PRTL_MODULE_EXTENDED_INFO;
NT_ASSERT_SIZE(RTL_MODULE_EXTENDED_INFO, 0x110);

/* Class 22. */
typedef struct _SYSTEM_POOLTAG {
    union {
        UCHAR Tag[4];
        ULONG TagUlong;
    };
    ULONG PagedAllocs;
    ULONG PagedFrees;
    SIZE_T PagedUsed;
    ULONG NonPagedAllocs;
    ULONG NonPagedFrees;
    SIZE_T NonPagedUsed;
} SYSTEM_POOLTAG, *PSYSTEM_POOLTAG;
NT_ASSERT_SIZE(SYSTEM_POOLTAG, 0x28);
NT_ASSERT_AT(SYSTEM_POOLTAG, PagedUsed, 0x10);
NT_ASSERT_AT(SYSTEM_POOLTAG, NonPagedUsed, 0x20);

typedef struct _SYSTEM_POOLTAG_INFORMATION {
    ULONG Count;
    SYSTEM_POOLTAG TagInfo[1];
} SYSTEM_POOLTAG_INFORMATION, *PSYSTEM_POOLTAG_INFORMATION;
NT_ASSERT_AT(SYSTEM_POOLTAG_INFORMATION, TagInfo, 8);

/* Class 66. */
typedef struct _SYSTEM_BIGPOOL_ENTRY {
    union {
        PVOID VirtualAddress;
        ULONG_PTR NonPaged : 1; /* bit 0 of the address */
    };
    SIZE_T SizeInBytes;
    union {
        UCHAR Tag[4];
        ULONG TagUlong;
    };
} SYSTEM_BIGPOOL_ENTRY, *PSYSTEM_BIGPOOL_ENTRY;
NT_ASSERT_SIZE(SYSTEM_BIGPOOL_ENTRY, 0x18);

typedef struct _SYSTEM_BIGPOOL_INFORMATION {
    ULONG Count;
    SYSTEM_BIGPOOL_ENTRY AllocatedInfo[1];
} SYSTEM_BIGPOOL_INFORMATION, *PSYSTEM_BIGPOOL_INFORMATION;
NT_ASSERT_AT(SYSTEM_BIGPOOL_INFORMATION, AllocatedInfo, 8);

/* Class 67: one for each session, NextEntryOffset 0 ends. */
typedef struct _SYSTEM_SESSION_POOLTAG_INFORMATION {
    SIZE_T NextEntryOffset;
    ULONG SessionId;
    ULONG Count;
    SYSTEM_POOLTAG TagInfo[1];
} SYSTEM_SESSION_POOLTAG_INFORMATION, *PSYSTEM_SESSION_POOLTAG_INFORMATION;
NT_ASSERT_AT(SYSTEM_SESSION_POOLTAG_INFORMATION, TagInfo, 0x10);

/* Class 16 and 64. */
typedef struct _SYSTEM_HANDLE_TABLE_ENTRY_INFO {
    USHORT UniqueProcessId;
    USHORT CreatorBackTraceIndex;
    UCHAR ObjectTypeIndex;
    UCHAR HandleAttributes;
    USHORT HandleValue;
    PVOID Object;
    ULONG GrantedAccess;
} SYSTEM_HANDLE_TABLE_ENTRY_INFO, *PSYSTEM_HANDLE_TABLE_ENTRY_INFO;
NT_ASSERT_SIZE(SYSTEM_HANDLE_TABLE_ENTRY_INFO, 0x18);

typedef struct _SYSTEM_HANDLE_INFORMATION {
    ULONG NumberOfHandles;
    SYSTEM_HANDLE_TABLE_ENTRY_INFO Handles[1];
} SYSTEM_HANDLE_INFORMATION, *PSYSTEM_HANDLE_INFORMATION;

/* Class 35. */
typedef struct _SYSTEM_KERNEL_DEBUGGER_INFORMATION {
    BOOLEAN KernelDebuggerEnabled;
    BOOLEAN KernelDebuggerNotPresent;
} SYSTEM_KERNEL_DEBUGGER_INFORMATION, *PSYSTEM_KERNEL_DEBUGGER_INFORMATION;

/* Class 103. */
typedef struct _SYSTEM_CODEINTEGRITY_INFORMATION {
    ULONG Length;
    ULONG CodeIntegrityOptions;
} SYSTEM_CODEINTEGRITY_INFORMATION, *PSYSTEM_CODEINTEGRITY_INFORMATION;

/* Class 76. */
typedef enum _SYSTEM_FIRMWARE_TABLE_ACTION {
    SystemFirmwareTable_Enumerate,
    SystemFirmwareTable_Get,
} SYSTEM_FIRMWARE_TABLE_ACTION;

typedef struct _SYSTEM_FIRMWARE_TABLE_INFORMATION {
    ULONG ProviderSignature;
    SYSTEM_FIRMWARE_TABLE_ACTION Action;
    ULONG TableID;
    ULONG TableBufferLength;
    UCHAR TableBuffer[1];
} SYSTEM_FIRMWARE_TABLE_INFORMATION, *PSYSTEM_FIRMWARE_TABLE_INFORMATION;
NT_ASSERT_AT(SYSTEM_FIRMWARE_TABLE_INFORMATION, TableBuffer, 0x10);

/* Memory queries. */
typedef enum _MEMORY_INFORMATION_CLASS {
    MemoryBasicInformation,
    MemoryWorkingSetInformation,
    MemoryMappedFilenameInformation,
} MEMORY_INFORMATION_CLASS;

typedef struct _MEMORY_BASIC_INFORMATION {
    PVOID BaseAddress;
    PVOID AllocationBase;
    ULONG AllocationProtect;
    USHORT PartitionId;
    SIZE_T RegionSize;
    ULONG State;
    ULONG Protect;
    ULONG Type;
} MEMORY_BASIC_INFORMATION, *PMEMORY_BASIC_INFORMATION;
NT_ASSERT_SIZE(MEMORY_BASIC_INFORMATION, 0x30);

/* Object queries. */
typedef enum _OBJECT_INFORMATION_CLASS {
    ObjectBasicInformation,
    ObjectNameInformation,
    ObjectTypeInformation,
} OBJECT_INFORMATION_CLASS;

typedef struct _OBJECT_DIRECTORY_INFORMATION {
    UNICODE_STRING Name;
    UNICODE_STRING TypeName;
} OBJECT_DIRECTORY_INFORMATION, *POBJECT_DIRECTORY_INFORMATION;
NT_ASSERT_SIZE(OBJECT_DIRECTORY_INFORMATION, 0x20);

/* ObRegisterCallbacks. */
#define OB_FLT_REGISTRATION_VERSION 0x0100u
#define OB_OPERATION_HANDLE_CREATE 1u
#define OB_OPERATION_HANDLE_DUPLICATE 2u
typedef ULONG OB_OPERATION;
typedef enum _OB_PREOP_CALLBACK_STATUS { OB_PREOP_SUCCESS } OB_PREOP_CALLBACK_STATUS;

typedef struct _OB_PRE_OPERATION_INFORMATION {
    OB_OPERATION Operation;
    ULONG Flags; /* bit 0: kernel handle */
    PVOID Object;
    POBJECT_TYPE ObjectType;
    PVOID CallContext;
    struct _OB_PRE_HANDLE_INFORMATION *Parameters;
} OB_PRE_OPERATION_INFORMATION, *POB_PRE_OPERATION_INFORMATION;
NT_ASSERT_SIZE(OB_PRE_OPERATION_INFORMATION, 0x28);

/* For a created handle; a duplicated one has the two processes after it. */
typedef struct _OB_PRE_HANDLE_INFORMATION {
    ACCESS_MASK DesiredAccess;
    ACCESS_MASK OriginalDesiredAccess;
    PVOID SourceProcess;
    PVOID TargetProcess;
} OB_PRE_HANDLE_INFORMATION;

typedef struct _OB_POST_OPERATION_INFORMATION {
    OB_OPERATION Operation;
    ULONG Flags;
    PVOID Object;
    POBJECT_TYPE ObjectType;
    PVOID CallContext;
    NTSTATUS ReturnStatus;
    ACCESS_MASK *Parameters;
} OB_POST_OPERATION_INFORMATION, *POB_POST_OPERATION_INFORMATION;
NT_ASSERT_SIZE(OB_POST_OPERATION_INFORMATION, 0x30);

typedef OB_PREOP_CALLBACK_STATUS NTAPI
OB_PRE_OPERATION_CALLBACK(PVOID context, POB_PRE_OPERATION_INFORMATION info);
typedef OB_PRE_OPERATION_CALLBACK *POB_PRE_OPERATION_CALLBACK;
typedef VOID NTAPI OB_POST_OPERATION_CALLBACK(PVOID context, POB_POST_OPERATION_INFORMATION info);
typedef OB_POST_OPERATION_CALLBACK *POB_POST_OPERATION_CALLBACK;

typedef struct _OB_OPERATION_REGISTRATION {
    POBJECT_TYPE *ObjectType;
    OB_OPERATION Operations;
    POB_PRE_OPERATION_CALLBACK PreOperation;
    POB_POST_OPERATION_CALLBACK PostOperation;
} OB_OPERATION_REGISTRATION, *POB_OPERATION_REGISTRATION;
NT_ASSERT_SIZE(OB_OPERATION_REGISTRATION, 0x20);

typedef struct _OB_CALLBACK_REGISTRATION {
    USHORT Version;
    USHORT OperationRegistrationCount;
    UNICODE_STRING Altitude;
    PVOID RegistrationContext;
    OB_OPERATION_REGISTRATION *OperationRegistration;
} OB_CALLBACK_REGISTRATION, *POB_CALLBACK_REGISTRATION;
NT_ASSERT_SIZE(OB_CALLBACK_REGISTRATION, 0x28);

#endif
