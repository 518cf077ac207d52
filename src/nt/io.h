/*
 * The I/O manager's objects: drivers, devices, files, IRPs and what hangs off them.
 *
 * Almost every field here is read or written by code compiled into drivers
 * (IoGetCurrentIrpStackLocation, IoMarkIrpPending, IoSetCompletionRoutine and the like have no
 * import), so the layouts are exact. Plug and play, power and resources are in pnp.h, DMA in dma.h,
 * MDLs in mm.h, file queries in file.h.
 *
 * Doc: Microsoft Learn, wdm.h and ntifs.h reference.
 */
#ifndef NT_IO_H
#define NT_IO_H

#include "nt/fastio.h"
#include "nt/iodef.h"
#include "nt/ke.h"
#include "nt/mm.h"
#include "nt/se.h"

/* Types of the structures below, in their first field. */
#define IO_TYPE_ADAPTER 1
#define IO_TYPE_CONTROLLER 2
#define IO_TYPE_DEVICE 3
#define IO_TYPE_DRIVER 4
#define IO_TYPE_FILE 5
#define IO_TYPE_IRP 6
#define IO_TYPE_MASTER_ADAPTER 7
#define IO_TYPE_OPEN_PACKET 8
#define IO_TYPE_TIMER 9
#define IO_TYPE_VPB 10
#define IO_TYPE_ERROR_LOG 11
#define IO_TYPE_ERROR_MESSAGE 12
#define IO_TYPE_DEVICE_OBJECT_EXTENSION 13
#define IO_TYPE_CSQ_IRP_CONTEXT 1
#define IO_TYPE_CSQ 2
#define IO_TYPE_CSQ_EX 3

/* Driver routines. */

typedef struct _IO_STACK_LOCATION IO_STACK_LOCATION, *PIO_STACK_LOCATION;

typedef NTSTATUS NTAPI DRIVER_INITIALIZE(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path);
typedef DRIVER_INITIALIZE *PDRIVER_INITIALIZE;
typedef VOID NTAPI DRIVER_UNLOAD(PDRIVER_OBJECT driver);
typedef DRIVER_UNLOAD *PDRIVER_UNLOAD;
typedef NTSTATUS NTAPI DRIVER_ADD_DEVICE(PDRIVER_OBJECT driver, PDEVICE_OBJECT pdo);
typedef DRIVER_ADD_DEVICE *PDRIVER_ADD_DEVICE;
typedef NTSTATUS NTAPI DRIVER_DISPATCH(PDEVICE_OBJECT device, PIRP irp);
typedef DRIVER_DISPATCH *PDRIVER_DISPATCH, DRIVER_DISPATCH_PAGED;
typedef VOID NTAPI DRIVER_STARTIO(PDEVICE_OBJECT device, PIRP irp);
typedef DRIVER_STARTIO *PDRIVER_STARTIO;
typedef VOID NTAPI DRIVER_CANCEL(PDEVICE_OBJECT device, PIRP irp);
typedef DRIVER_CANCEL *PDRIVER_CANCEL;
typedef VOID NTAPI DRIVER_REINITIALIZE(PDRIVER_OBJECT driver, PVOID context, ULONG count);
typedef DRIVER_REINITIALIZE *PDRIVER_REINITIALIZE;
typedef VOID NTAPI DRIVER_FS_NOTIFICATION(PDEVICE_OBJECT device, BOOLEAN active);
typedef DRIVER_FS_NOTIFICATION *PDRIVER_FS_NOTIFICATION;
typedef NTSTATUS NTAPI IO_COMPLETION_ROUTINE(PDEVICE_OBJECT device, PIRP irp, PVOID context);
typedef IO_COMPLETION_ROUTINE *PIO_COMPLETION_ROUTINE;
typedef VOID NTAPI IO_APC_ROUTINE(PVOID context, PIO_STATUS_BLOCK status, ULONG reserved);
typedef IO_APC_ROUTINE *PIO_APC_ROUTINE;
typedef VOID NTAPI IO_DPC_ROUTINE(PKDPC dpc, PDEVICE_OBJECT device, PIRP irp, PVOID context);
typedef IO_DPC_ROUTINE *PIO_DPC_ROUTINE;
typedef VOID NTAPI IO_TIMER_ROUTINE(PDEVICE_OBJECT device, PVOID context);
typedef IO_TIMER_ROUTINE *PIO_TIMER_ROUTINE;

typedef enum _IO_ALLOCATION_ACTION {
    KeepObject = 1,
    DeallocateObject,
    DeallocateObjectKeepRegisters,
} IO_ALLOCATION_ACTION;
typedef IO_ALLOCATION_ACTION NTAPI DRIVER_CONTROL(PDEVICE_OBJECT device, PIRP irp,
                                                  PVOID map_register_base, PVOID context);
typedef DRIVER_CONTROL *PDRIVER_CONTROL;

typedef struct _IO_WORKITEM *PIO_WORKITEM;
typedef VOID NTAPI IO_WORKITEM_ROUTINE(PDEVICE_OBJECT device, PVOID context);
typedef IO_WORKITEM_ROUTINE *PIO_WORKITEM_ROUTINE;
typedef VOID NTAPI IO_WORKITEM_ROUTINE_EX(PVOID object, PVOID context, PIO_WORKITEM item);
typedef IO_WORKITEM_ROUTINE_EX *PIO_WORKITEM_ROUTINE_EX;
/* Opaque, but IoSizeofWorkItem tells its size and drivers allocate that much. Seen: 0x58. */
struct _IO_WORKITEM {
    WORK_QUEUE_ITEM WorkItem;
    PVOID Routine;
    PVOID IoObject;
    PVOID Context;
    PETHREAD WorkOnBehalfThread;
    ULONG Type;
    GUID ActivityId;
};
typedef struct _IO_WORKITEM IO_WORKITEM;
NT_ASSERT_SIZE(IO_WORKITEM, 0x58);

/* Requests with a wait context block: adapter and controller allocation. */
typedef struct _WAIT_CONTEXT_BLOCK {
    union {
        KDEVICE_QUEUE_ENTRY WaitQueueEntry;
        struct {
            LIST_ENTRY DmaWaitEntry;
            ULONG NumberOfChannels;
            ULONG SyncCallback; /* bit 0; bit 1: DMA context */
        };
    };
    PDRIVER_CONTROL DeviceRoutine;
    PVOID DeviceContext;
    ULONG NumberOfMapRegisters;
    PVOID DeviceObject;
    PVOID CurrentIrp;
    PKDPC BufferChainingDpc;
} WAIT_CONTEXT_BLOCK, *PWAIT_CONTEXT_BLOCK;
NT_ASSERT_SIZE(WAIT_CONTEXT_BLOCK, 0x48);
NT_ASSERT_AT(WAIT_CONTEXT_BLOCK, DeviceRoutine, 0x18);
NT_ASSERT_AT(WAIT_CONTEXT_BLOCK, BufferChainingDpc, 0x40);

/* Volume parameter block. */
typedef struct _VPB {
    CSHORT Type;
    CSHORT Size;
    USHORT Flags; /* VPB_* */
    USHORT VolumeLabelLength;
    PDEVICE_OBJECT DeviceObject;
    PDEVICE_OBJECT RealDevice;
    ULONG SerialNumber;
    ULONG ReferenceCount;
    WCHAR VolumeLabel[32];
} VPB, *PVPB;
NT_ASSERT_SIZE(VPB, 0x60);
NT_ASSERT_AT(VPB, DeviceObject, 8);
NT_ASSERT_AT(VPB, ReferenceCount, 0x1C);

/* Drivers. */

typedef struct _DRIVER_EXTENSION {
    PDRIVER_OBJECT DriverObject;
    PDRIVER_ADD_DEVICE AddDevice;
    ULONG Count; /* reinitialisation calls so far */
    UNICODE_STRING ServiceKeyName;
    PVOID ClientDriverExtension; /* from here the I/O manager's own */
    PVOID FsFilterCallbacks;
    PVOID KseCallbacks;
    PVOID DvCallbacks;
    PVOID VerifierContext;
} DRIVER_EXTENSION, *PDRIVER_EXTENSION;
NT_ASSERT_SIZE(DRIVER_EXTENSION, 0x50);
NT_ASSERT_AT(DRIVER_EXTENSION, AddDevice, 8);
NT_ASSERT_AT(DRIVER_EXTENSION, ServiceKeyName, 0x18);

struct _DRIVER_OBJECT {
    CSHORT Type;
    CSHORT Size;
    PDEVICE_OBJECT DeviceObject; /* the last one created; chain through NextDevice */
    ULONG Flags;                 /* DRVO_* */
    PVOID DriverStart;
    ULONG DriverSize;
    PVOID DriverSection; /* its entry in the module list */
    PDRIVER_EXTENSION DriverExtension;
    UNICODE_STRING DriverName;
    PUNICODE_STRING HardwareDatabase;
    PFAST_IO_DISPATCH FastIoDispatch;
    PDRIVER_INITIALIZE DriverInit;
    PDRIVER_STARTIO DriverStartIo;
    PDRIVER_UNLOAD DriverUnload;
    PDRIVER_DISPATCH MajorFunction[IRP_MJ_MAXIMUM_FUNCTION + 1];
};
NT_ASSERT_SIZE(DRIVER_OBJECT, 0x150);
NT_ASSERT_AT(DRIVER_OBJECT, DeviceObject, 8);
NT_ASSERT_AT(DRIVER_OBJECT, DriverStart, 0x18);
NT_ASSERT_AT(DRIVER_OBJECT, DriverSection, 0x28);
NT_ASSERT_AT(DRIVER_OBJECT, DriverExtension, 0x30);
NT_ASSERT_AT(DRIVER_OBJECT, DriverName, 0x38);
NT_ASSERT_AT(DRIVER_OBJECT, FastIoDispatch, 0x50);
NT_ASSERT_AT(DRIVER_OBJECT, DriverStartIo, 0x60);
NT_ASSERT_AT(DRIVER_OBJECT, DriverUnload, 0x68);
NT_ASSERT_AT(DRIVER_OBJECT, MajorFunction, 0x70);

/* Devices. */

typedef struct _DEVOBJ_EXTENSION {
    CSHORT Type;
    USHORT Size;
    PDEVICE_OBJECT DeviceObject;
    ULONG PowerFlags; /* from here the I/O manager's own */
    PVOID Dope;
    ULONG ExtensionFlags; /* DOE_* */
    PVOID DeviceNode;
    PDEVICE_OBJECT AttachedTo;
    LONG StartIoCount;
    LONG StartIoKey;
    ULONG StartIoFlags;
    PVPB Vpb;
    PVOID DependencyNode;
    PVOID InterruptContext;
    LONG InterruptCount;
    PVOID VerifierContext;
} DEVOBJ_EXTENSION, *PDEVOBJ_EXTENSION;
NT_ASSERT_SIZE(DEVOBJ_EXTENSION, 0x70);
NT_ASSERT_AT(DEVOBJ_EXTENSION, DeviceObject, 8);
NT_ASSERT_AT(DEVOBJ_EXTENSION, ExtensionFlags, 0x20);
NT_ASSERT_AT(DEVOBJ_EXTENSION, AttachedTo, 0x30);

#define DOE_UNLOAD_PENDING 0x01u
#define DOE_DELETE_PENDING 0x02u
#define DOE_REMOVE_PENDING 0x04u
#define DOE_REMOVE_PROCESSED 0x08u
#define DOE_START_PENDING 0x10u

typedef struct _IO_TIMER *PIO_TIMER;

struct NT_ALIGN(16) _DEVICE_OBJECT {
    CSHORT Type;
    USHORT Size; /* with the device extension */
    LONG ReferenceCount;
    PDRIVER_OBJECT DriverObject;
    PDEVICE_OBJECT NextDevice;
    PDEVICE_OBJECT AttachedDevice;
    PIRP CurrentIrp;
    PIO_TIMER Timer;
    ULONG Flags;           /* DO_* */
    ULONG Characteristics; /* FILE_DEVICE_SECURE_OPEN, ... */
    volatile PVPB Vpb;
    PVOID DeviceExtension;
    DEVICE_TYPE DeviceType; /* FILE_DEVICE_* */
    CCHAR StackSize;
    union {
        LIST_ENTRY ListEntry;
        WAIT_CONTEXT_BLOCK Wcb;
    } Queue;
    ULONG AlignmentRequirement;
    KDEVICE_QUEUE DeviceQueue;
    KDPC Dpc;
    ULONG ActiveThreadCount;
    PSECURITY_DESCRIPTOR SecurityDescriptor;
    KEVENT DeviceLock;
    USHORT SectorSize;
    USHORT Spare1;
    PDEVOBJ_EXTENSION DeviceObjectExtension;
    PVOID Reserved;
};
NT_ASSERT_SIZE(DEVICE_OBJECT, 0x150);
NT_ASSERT_AT(DEVICE_OBJECT, DriverObject, 8);
NT_ASSERT_AT(DEVICE_OBJECT, NextDevice, 0x10);
NT_ASSERT_AT(DEVICE_OBJECT, AttachedDevice, 0x18);
NT_ASSERT_AT(DEVICE_OBJECT, CurrentIrp, 0x20);
NT_ASSERT_AT(DEVICE_OBJECT, Flags, 0x30);
NT_ASSERT_AT(DEVICE_OBJECT, Characteristics, 0x34);
NT_ASSERT_AT(DEVICE_OBJECT, Vpb, 0x38);
NT_ASSERT_AT(DEVICE_OBJECT, DeviceExtension, 0x40);
NT_ASSERT_AT(DEVICE_OBJECT, DeviceType, 0x48);
NT_ASSERT_AT(DEVICE_OBJECT, StackSize, 0x4C);
NT_ASSERT_AT(DEVICE_OBJECT, Queue, 0x50);
NT_ASSERT_AT(DEVICE_OBJECT, AlignmentRequirement, 0x98);
NT_ASSERT_AT(DEVICE_OBJECT, DeviceQueue, 0xA0);
NT_ASSERT_AT(DEVICE_OBJECT, Dpc, 0xC8);
NT_ASSERT_AT(DEVICE_OBJECT, SecurityDescriptor, 0x110);
NT_ASSERT_AT(DEVICE_OBJECT, DeviceLock, 0x118);
NT_ASSERT_AT(DEVICE_OBJECT, SectorSize, 0x130);
NT_ASSERT_AT(DEVICE_OBJECT, DeviceObjectExtension, 0x138);

/* Files. */

typedef struct _SECTION_OBJECT_POINTERS {
    PVOID DataSectionObject;
    PVOID SharedCacheMap;
    PVOID ImageSectionObject;
} SECTION_OBJECT_POINTERS, *PSECTION_OBJECT_POINTERS;
NT_ASSERT_SIZE(SECTION_OBJECT_POINTERS, 0x18);

typedef struct _IO_COMPLETION_CONTEXT {
    PVOID Port;
    PVOID Key;
} IO_COMPLETION_CONTEXT, *PIO_COMPLETION_CONTEXT;

struct _FILE_OBJECT {
    CSHORT Type;
    CSHORT Size;
    PDEVICE_OBJECT DeviceObject;
    PVPB Vpb;
    PVOID FsContext;
    PVOID FsContext2;
    PSECTION_OBJECT_POINTERS SectionObjectPointer;
    PVOID PrivateCacheMap;
    NTSTATUS FinalStatus;
    PFILE_OBJECT RelatedFileObject;
    BOOLEAN LockOperation;
    BOOLEAN DeletePending;
    BOOLEAN ReadAccess;
    BOOLEAN WriteAccess;
    BOOLEAN DeleteAccess;
    BOOLEAN SharedRead;
    BOOLEAN SharedWrite;
    BOOLEAN SharedDelete;
    ULONG Flags; /* FO_* */
    UNICODE_STRING FileName;
    LARGE_INTEGER CurrentByteOffset;
    volatile ULONG Waiters;
    volatile ULONG Busy;
    PVOID LastLock;
    KEVENT Lock;
    KEVENT Event;
    volatile PIO_COMPLETION_CONTEXT CompletionContext;
    KSPIN_LOCK IrpListLock;
    LIST_ENTRY IrpList;
    volatile PVOID FileObjectExtension;
};
NT_ASSERT_SIZE(FILE_OBJECT, 0xD8);
NT_ASSERT_AT(FILE_OBJECT, DeviceObject, 8);
NT_ASSERT_AT(FILE_OBJECT, FsContext, 0x18);
NT_ASSERT_AT(FILE_OBJECT, FsContext2, 0x20);
NT_ASSERT_AT(FILE_OBJECT, SectionObjectPointer, 0x28);
NT_ASSERT_AT(FILE_OBJECT, RelatedFileObject, 0x40);
NT_ASSERT_AT(FILE_OBJECT, DeletePending, 0x49);
NT_ASSERT_AT(FILE_OBJECT, Flags, 0x50);
NT_ASSERT_AT(FILE_OBJECT, FileName, 0x58);
NT_ASSERT_AT(FILE_OBJECT, CurrentByteOffset, 0x68);
NT_ASSERT_AT(FILE_OBJECT, Lock, 0x80);
NT_ASSERT_AT(FILE_OBJECT, Event, 0x98);
NT_ASSERT_AT(FILE_OBJECT, CompletionContext, 0xB0);
NT_ASSERT_AT(FILE_OBJECT, IrpList, 0xC0);

/* Requests. */

struct NT_ALIGN(16) _IRP {
    CSHORT Type;
    USHORT Size; /* with its stack locations */
    USHORT AllocationProcessorNumber;
    USHORT Reserved;
    PMDL MdlAddress;
    ULONG Flags; /* IRP_* */
    union {
        struct _IRP *MasterIrp;
        volatile LONG IrpCount;
        PVOID SystemBuffer;
    } AssociatedIrp;
    LIST_ENTRY ThreadListEntry;
    IO_STATUS_BLOCK IoStatus;
    KPROCESSOR_MODE RequestorMode;
    BOOLEAN PendingReturned;
    CHAR StackCount;
    CHAR CurrentLocation; /* StackCount + 1 before the first IoCallDriver */
    BOOLEAN Cancel;
    KIRQL CancelIrql;
    CCHAR ApcEnvironment;
    UCHAR AllocationFlags;
    union {
        PIO_STATUS_BLOCK UserIosb;
        PVOID IoRingContext;
    };
    PKEVENT UserEvent;
    union {
        struct {
            union {
                PIO_APC_ROUTINE UserApcRoutine;
                PVOID IssuingProcess;
            };
            union {
                PVOID UserApcContext;
                PVOID IoRing;
            };
        } AsynchronousParameters;
        LARGE_INTEGER AllocationSize;
    } Overlay;
    volatile PDRIVER_CANCEL CancelRoutine;
    PVOID UserBuffer;
    union {
        struct {
            union {
                KDEVICE_QUEUE_ENTRY DeviceQueueEntry;
                PVOID DriverContext[4];
            };
            PETHREAD Thread;
            PCHAR AuxiliaryBuffer;
            LIST_ENTRY ListEntry;
            union {
                PIO_STACK_LOCATION CurrentStackLocation;
                ULONG PacketType;
            };
            PFILE_OBJECT OriginalFileObject;
            PVOID IrpExtension;
        } Overlay;
        KAPC Apc;
        PVOID CompletionKey;
    } Tail;
};
NT_ASSERT_SIZE(IRP, 0xD0);
NT_ASSERT_AT(IRP, MdlAddress, 8);
NT_ASSERT_AT(IRP, Flags, 0x10);
NT_ASSERT_AT(IRP, AssociatedIrp, 0x18);
NT_ASSERT_AT(IRP, ThreadListEntry, 0x20);
NT_ASSERT_AT(IRP, IoStatus, 0x30);
NT_ASSERT_AT(IRP, RequestorMode, 0x40);
NT_ASSERT_AT(IRP, PendingReturned, 0x41);
NT_ASSERT_AT(IRP, StackCount, 0x42);
NT_ASSERT_AT(IRP, CurrentLocation, 0x43);
NT_ASSERT_AT(IRP, Cancel, 0x44);
NT_ASSERT_AT(IRP, CancelIrql, 0x45);
NT_ASSERT_AT(IRP, UserIosb, 0x48);
NT_ASSERT_AT(IRP, UserEvent, 0x50);
NT_ASSERT_AT(IRP, Overlay, 0x58);
NT_ASSERT_AT(IRP, CancelRoutine, 0x68);
NT_ASSERT_AT(IRP, UserBuffer, 0x70);
NT_ASSERT_AT(IRP, Tail, 0x78);
NT_ASSERT_AT(IRP, Tail.Overlay.Thread, 0x98);
NT_ASSERT_AT(IRP, Tail.Overlay.ListEntry, 0xA8);
NT_ASSERT_AT(IRP, Tail.Overlay.CurrentStackLocation, 0xB8);
NT_ASSERT_AT(IRP, Tail.Overlay.OriginalFileObject, 0xC0);

typedef struct _IO_SECURITY_CONTEXT {
    PSECURITY_QUALITY_OF_SERVICE SecurityQos;
    PACCESS_STATE AccessState;
    ACCESS_MASK DesiredAccess;
    ULONG FullCreateOptions;
} IO_SECURITY_CONTEXT, *PIO_SECURITY_CONTEXT;
NT_ASSERT_SIZE(IO_SECURITY_CONTEXT, 0x18);

/* A 32-bit field that Windows aligns to 8 here. */
#define NT_SLOT NT_ALIGN(8)

struct _CM_RESOURCE_LIST;
struct _DEVICE_CAPABILITIES;
struct _INTERFACE;
struct _IO_RESOURCE_REQUIREMENTS_LIST;
struct _POWER_SEQUENCE;
struct _SCSI_REQUEST_BLOCK;

struct _IO_STACK_LOCATION {
    UCHAR MajorFunction;
    UCHAR MinorFunction;
    UCHAR Flags;   /* SL_*: by major function */
    UCHAR Control; /* SL_PENDING_RETURNED, SL_INVOKE_ON_*, SL_ERROR_RETURNED */
    union {
        struct {
            PIO_SECURITY_CONTEXT SecurityContext;
            ULONG Options; /* disposition in the top byte */
            USHORT NT_SLOT FileAttributes;
            USHORT ShareAccess;
            ULONG NT_SLOT EaLength;
        } Create;
        struct {
            PIO_SECURITY_CONTEXT SecurityContext;
            ULONG Options;
            USHORT NT_SLOT Reserved;
            USHORT ShareAccess;
            struct _NAMED_PIPE_CREATE_PARAMETERS *Parameters;
        } CreatePipe;
        struct {
            PIO_SECURITY_CONTEXT SecurityContext;
            ULONG Options;
            USHORT NT_SLOT Reserved;
            USHORT ShareAccess;
            struct _MAILSLOT_CREATE_PARAMETERS *Parameters;
        } CreateMailslot;
        struct {
            ULONG Length;
            ULONG NT_SLOT Key;
            LARGE_INTEGER ByteOffset;
        } Read;
        struct {
            ULONG Length;
            ULONG NT_SLOT Key;
            LARGE_INTEGER ByteOffset;
        } Write;
        struct {
            ULONG Length;
            PUNICODE_STRING FileName;
            ULONG FileInformationClass;
            ULONG NT_SLOT FileIndex;
        } QueryDirectory;
        struct {
            ULONG Length;
            ULONG NT_SLOT CompletionFilter;
        } NotifyDirectory;
        struct {
            ULONG Length;
            ULONG NT_SLOT FileInformationClass;
        } QueryFile;
        struct {
            ULONG Length;
            ULONG NT_SLOT FileInformationClass;
            PFILE_OBJECT FileObject;
            union {
                struct {
                    BOOLEAN ReplaceIfExists;
                    BOOLEAN AdvanceOnly;
                };
                ULONG ClusterCount;
                HANDLE DeleteHandle;
            };
        } SetFile;
        struct {
            ULONG Length;
            PVOID EaList;
            ULONG EaListLength;
            ULONG NT_SLOT EaIndex;
        } QueryEa;
        struct {
            ULONG Length;
        } SetEa;
        struct {
            ULONG Length;
            ULONG NT_SLOT FsInformationClass;
        } QueryVolume;
        struct {
            ULONG Length;
            ULONG NT_SLOT FsInformationClass;
        } SetVolume;
        struct {
            ULONG OutputBufferLength;
            ULONG NT_SLOT InputBufferLength;
            ULONG NT_SLOT FsControlCode;
            PVOID Type3InputBuffer;
        } FileSystemControl;
        struct {
            PLARGE_INTEGER Length;
            ULONG NT_SLOT Key;
            LARGE_INTEGER ByteOffset;
        } LockControl;
        struct {
            ULONG OutputBufferLength;
            ULONG NT_SLOT InputBufferLength;
            ULONG NT_SLOT IoControlCode;
            PVOID Type3InputBuffer;
        } DeviceIoControl;
        struct {
            SECURITY_INFORMATION SecurityInformation;
            ULONG NT_SLOT Length;
        } QuerySecurity;
        struct {
            SECURITY_INFORMATION SecurityInformation;
            PSECURITY_DESCRIPTOR SecurityDescriptor;
        } SetSecurity;
        struct {
            PVPB Vpb;
            PDEVICE_OBJECT DeviceObject;
        } MountVolume;
        struct {
            PVPB Vpb;
            PDEVICE_OBJECT DeviceObject;
        } VerifyVolume;
        struct {
            struct _SCSI_REQUEST_BLOCK *Srb;
        } Scsi;
        struct {
            ULONG Length;
            PSID StartSid;
            PVOID SidList;
            ULONG SidListLength;
        } QueryQuota;
        struct {
            ULONG Length;
        } SetQuota;
        struct {
            ULONG Type; /* DEVICE_RELATION_TYPE */
        } QueryDeviceRelations;
        struct {
            const GUID *InterfaceType;
            USHORT Size;
            USHORT Version;
            struct _INTERFACE *Interface;
            PVOID InterfaceSpecificData;
        } QueryInterface;
        struct {
            struct _DEVICE_CAPABILITIES *Capabilities;
        } DeviceCapabilities;
        struct {
            struct _IO_RESOURCE_REQUIREMENTS_LIST *IoResourceRequirementList;
        } FilterResourceRequirements;
        struct {
            ULONG WhichSpace;
            PVOID Buffer;
            ULONG Offset;
            ULONG NT_SLOT Length;
        } ReadWriteConfig;
        struct {
            BOOLEAN Lock;
        } SetLock;
        struct {
            ULONG IdType; /* BUS_QUERY_ID_TYPE */
        } QueryId;
        struct {
            ULONG DeviceTextType; /* DEVICE_TEXT_TYPE */
            LCID NT_SLOT LocaleId;
        } QueryDeviceText;
        struct {
            BOOLEAN InPath;
            BOOLEAN Reserved[3];
            ULONG NT_SLOT Type; /* DEVICE_USAGE_NOTIFICATION_TYPE */
        } UsageNotification;
        struct {
            ULONG PowerState; /* SYSTEM_POWER_STATE */
        } WaitWake;
        struct {
            struct _POWER_SEQUENCE *PowerSequence;
        } PowerSequence;
        struct {
            ULONG SystemContext;
            ULONG NT_SLOT Type; /* POWER_STATE_TYPE */
            union {
                ULONG SystemState;
                ULONG DeviceState;
            } State NT_SLOT;
            ULONG NT_SLOT ShutdownType; /* POWER_ACTION */
        } Power;
        struct {
            struct _CM_RESOURCE_LIST *AllocatedResources;
            struct _CM_RESOURCE_LIST *AllocatedResourcesTranslated;
        } StartDevice;
        struct {
            ULONG_PTR ProviderId;
            PVOID DataPath;
            ULONG BufferSize;
            PVOID Buffer;
        } WMI;
        struct {
            PVOID Argument1;
            PVOID Argument2;
            PVOID Argument3;
            PVOID Argument4;
        } Others;
    } Parameters;
    PDEVICE_OBJECT DeviceObject;
    PFILE_OBJECT FileObject;
    PIO_COMPLETION_ROUTINE CompletionRoutine;
    PVOID Context;
};
NT_ASSERT_SIZE(IO_STACK_LOCATION, 0x48);
NT_ASSERT_AT(IO_STACK_LOCATION, Control, 3);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters, 8);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters.Create.Options, 0x10);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters.Create.FileAttributes, 0x18);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters.Create.ShareAccess, 0x1A);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters.Create.EaLength, 0x20);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters.Read.Key, 0x10);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters.Read.ByteOffset, 0x18);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters.DeviceIoControl.InputBufferLength, 0x10);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters.DeviceIoControl.IoControlCode, 0x18);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters.DeviceIoControl.Type3InputBuffer, 0x20);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters.QueryInterface.Interface, 0x18);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters.ReadWriteConfig.Length, 0x20);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters.UsageNotification.Type, 0x10);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters.Power.State, 0x18);
NT_ASSERT_AT(IO_STACK_LOCATION, Parameters.Power.ShutdownType, 0x20);
NT_ASSERT_AT(IO_STACK_LOCATION, DeviceObject, 0x28);
NT_ASSERT_AT(IO_STACK_LOCATION, FileObject, 0x30);
NT_ASSERT_AT(IO_STACK_LOCATION, CompletionRoutine, 0x38);
NT_ASSERT_AT(IO_STACK_LOCATION, Context, 0x40);

typedef struct _NAMED_PIPE_CREATE_PARAMETERS {
    ULONG NamedPipeType;
    ULONG ReadMode;
    ULONG CompletionMode;
    ULONG MaximumInstances;
    ULONG InboundQuota;
    ULONG OutboundQuota;
    LARGE_INTEGER DefaultTimeout;
    BOOLEAN TimeoutSpecified;
} NAMED_PIPE_CREATE_PARAMETERS, *PNAMED_PIPE_CREATE_PARAMETERS;
NT_ASSERT_SIZE(NAMED_PIPE_CREATE_PARAMETERS, 0x28);

typedef struct _MAILSLOT_CREATE_PARAMETERS {
    ULONG MailslotQuota;
    ULONG MaximumMessageSize;
    LARGE_INTEGER ReadTimeout;
    BOOLEAN TimeoutSpecified;
} MAILSLOT_CREATE_PARAMETERS, *PMAILSLOT_CREATE_PARAMETERS;
NT_ASSERT_SIZE(MAILSLOT_CREATE_PARAMETERS, 0x18);

typedef struct _SHARE_ACCESS {
    ULONG OpenCount;
    ULONG Readers;
    ULONG Writers;
    ULONG Deleters;
    ULONG SharedRead;
    ULONG SharedWrite;
    ULONG SharedDelete;
} SHARE_ACCESS, *PSHARE_ACCESS;
NT_ASSERT_SIZE(SHARE_ACCESS, 0x1C);

/* Remove locks. Checked drivers use the larger form and pass its size to the ...Ex exports. */

typedef struct _IO_REMOVE_LOCK_COMMON_BLOCK {
    BOOLEAN Removed;
    BOOLEAN Reserved[3];
    volatile LONG IoCount;
    KEVENT RemoveEvent;
} IO_REMOVE_LOCK_COMMON_BLOCK, *PIO_REMOVE_LOCK_COMMON_BLOCK;

typedef struct _IO_REMOVE_LOCK_DBG_BLOCK {
    LONG Signature; /* 'COLM' */
    ULONG HighWatermark;
    LONGLONG MaxLockedTicks;
    LONG AllocateTag;
    LIST_ENTRY LockList;
    KSPIN_LOCK Spin;
    volatile LONG LowMemoryCount;
    ULONG Reserved1[4];
    PVOID Reserved2;
    PVOID Blocks;
} IO_REMOVE_LOCK_DBG_BLOCK, *PIO_REMOVE_LOCK_DBG_BLOCK;

typedef struct _IO_REMOVE_LOCK {
    IO_REMOVE_LOCK_COMMON_BLOCK Common;
} IO_REMOVE_LOCK, *PIO_REMOVE_LOCK;
NT_ASSERT_SIZE(IO_REMOVE_LOCK, 0x20);
NT_ASSERT_AT(IO_REMOVE_LOCK, Common.IoCount, 4);
NT_ASSERT_AT(IO_REMOVE_LOCK, Common.RemoveEvent, 8);

typedef struct _IO_REMOVE_LOCK_CHECKED {
    IO_REMOVE_LOCK_COMMON_BLOCK Common;
    IO_REMOVE_LOCK_DBG_BLOCK Dbg;
} IO_REMOVE_LOCK_CHECKED, *PIO_REMOVE_LOCK_CHECKED;
NT_ASSERT_SIZE(IO_REMOVE_LOCK_CHECKED, 0x78);

/* Cancel-safe queues. */

struct _IO_CSQ;
typedef struct _IO_CSQ_IRP_CONTEXT {
    ULONG Type;
    PIRP Irp;
    struct _IO_CSQ *Csq;
} IO_CSQ_IRP_CONTEXT, *PIO_CSQ_IRP_CONTEXT;
NT_ASSERT_SIZE(IO_CSQ_IRP_CONTEXT, 0x18);

typedef VOID NTAPI IO_CSQ_INSERT_IRP(struct _IO_CSQ *csq, PIRP irp);
typedef NTSTATUS NTAPI IO_CSQ_INSERT_IRP_EX(struct _IO_CSQ *csq, PIRP irp, PVOID context);
typedef VOID NTAPI IO_CSQ_REMOVE_IRP(struct _IO_CSQ *csq, PIRP irp);
typedef PIRP NTAPI IO_CSQ_PEEK_NEXT_IRP(struct _IO_CSQ *csq, PIRP irp, PVOID context);
typedef VOID NTAPI IO_CSQ_ACQUIRE_LOCK(struct _IO_CSQ *csq, PKIRQL irql);
typedef VOID NTAPI IO_CSQ_RELEASE_LOCK(struct _IO_CSQ *csq, KIRQL irql);
typedef VOID NTAPI IO_CSQ_COMPLETE_CANCELED_IRP(struct _IO_CSQ *csq, PIRP irp);

typedef struct _IO_CSQ {
    ULONG Type;
    union {
        IO_CSQ_INSERT_IRP *CsqInsertIrp;
        IO_CSQ_INSERT_IRP_EX *CsqInsertIrpEx; /* Type IO_TYPE_CSQ_EX */
    };
    IO_CSQ_REMOVE_IRP *CsqRemoveIrp;
    IO_CSQ_PEEK_NEXT_IRP *CsqPeekNextIrp;
    IO_CSQ_ACQUIRE_LOCK *CsqAcquireLock;
    IO_CSQ_RELEASE_LOCK *CsqReleaseLock;
    IO_CSQ_COMPLETE_CANCELED_IRP *CsqCompleteCanceledIrp;
    PVOID ReservePointer;
} IO_CSQ, *PIO_CSQ;
NT_ASSERT_SIZE(IO_CSQ, 0x40);
NT_ASSERT_AT(IO_CSQ, CsqReleaseLock, 0x28);

/* Error log. */

#define ERROR_LOG_MAXIMUM_SIZE 0xF0
typedef struct _IO_ERROR_LOG_PACKET {
    UCHAR MajorFunctionCode;
    UCHAR RetryCount;
    USHORT DumpDataSize;
    USHORT NumberOfStrings;
    USHORT StringOffset;
    USHORT EventCategory;
    NTSTATUS ErrorCode;
    ULONG UniqueErrorValue;
    NTSTATUS FinalStatus;
    ULONG SequenceNumber;
    ULONG IoControlCode;
    LARGE_INTEGER DeviceOffset;
    ULONG DumpData[1];
} IO_ERROR_LOG_PACKET, *PIO_ERROR_LOG_PACKET;
NT_ASSERT_SIZE(IO_ERROR_LOG_PACKET, 0x30);
NT_ASSERT_AT(IO_ERROR_LOG_PACKET, ErrorCode, 0xC);
NT_ASSERT_AT(IO_ERROR_LOG_PACKET, DeviceOffset, 0x20);
NT_ASSERT_AT(IO_ERROR_LOG_PACKET, DumpData, 0x28);

/* Controllers and the hardware counts. */

typedef struct _CONTROLLER_OBJECT {
    CSHORT Type;
    CSHORT Size;
    PVOID ControllerExtension;
    KDEVICE_QUEUE DeviceWaitQueue;
    ULONG Spare1;
    LARGE_INTEGER Spare2;
} CONTROLLER_OBJECT, *PCONTROLLER_OBJECT;
NT_ASSERT_SIZE(CONTROLLER_OBJECT, 0x48);

typedef struct _CONFIGURATION_INFORMATION {
    ULONG DiskCount;
    ULONG FloppyCount;
    ULONG CdRomCount;
    ULONG TapeCount;
    ULONG ScsiPortCount;
    ULONG SerialCount;
    ULONG ParallelCount;
    BOOLEAN AtDiskPrimaryAddressClaimed;
    BOOLEAN AtDiskSecondaryAddressClaimed;
    ULONG Version;
    ULONG MediumChangerCount;
} CONFIGURATION_INFORMATION, *PCONFIGURATION_INFORMATION;
NT_ASSERT_SIZE(CONFIGURATION_INFORMATION, 0x28);

#endif
