/*
 * Hardware resources: what a device was given, what it could use, and connecting its interrupts.
 *
 * The CM_* descriptors are packed to 4 bytes on every architecture; drivers walk them by sizeof.
 *
 * Doc: Microsoft Learn, CM_PARTIAL_RESOURCE_DESCRIPTOR, IO_RESOURCE_DESCRIPTOR,
 * IO_CONNECT_INTERRUPT_PARAMETERS (wdm.h).
 */
#ifndef NT_RESOURCE_H
#define NT_RESOURCE_H

#include "nt/pnp.h"

/* Resources given to a device. */

#define CmResourceTypeNull 0
#define CmResourceTypePort 1
#define CmResourceTypeInterrupt 2
#define CmResourceTypeMemory 3
#define CmResourceTypeDma 4
#define CmResourceTypeDeviceSpecific 5
#define CmResourceTypeBusNumber 6
#define CmResourceTypeMemoryLarge 7
#define CmResourceTypeNonArbitrated 128
#define CmResourceTypeConfigData 128
#define CmResourceTypeDevicePrivate 129
#define CmResourceTypePcCardConfig 130
#define CmResourceTypeMfCardConfig 131
#define CmResourceTypeConnection 132

#define CM_RESOURCE_PORT_MEMORY 0x0000u
#define CM_RESOURCE_PORT_IO 0x0001u
#define CM_RESOURCE_PORT_10_BIT_DECODE 0x0004u
#define CM_RESOURCE_PORT_12_BIT_DECODE 0x0008u
#define CM_RESOURCE_PORT_16_BIT_DECODE 0x0010u
#define CM_RESOURCE_PORT_POSITIVE_DECODE 0x0020u
#define CM_RESOURCE_PORT_WINDOW_DECODE 0x0080u
#define CM_RESOURCE_PORT_BAR 0x0100u
#define CM_RESOURCE_INTERRUPT_LEVEL_SENSITIVE 0x0000u
#define CM_RESOURCE_INTERRUPT_LATCHED 0x0001u
#define CM_RESOURCE_INTERRUPT_MESSAGE 0x0002u
#define CM_RESOURCE_INTERRUPT_POLICY_INCLUDED 0x0004u
#define CM_RESOURCE_INTERRUPT_SECONDARY_INTERRUPT 0x0010u
#define CM_RESOURCE_INTERRUPT_WAKE_HINT 0x0020u
#define CM_RESOURCE_MEMORY_READ_WRITE 0x0000u
#define CM_RESOURCE_MEMORY_READ_ONLY 0x0001u
#define CM_RESOURCE_MEMORY_WRITE_ONLY 0x0002u
#define CM_RESOURCE_MEMORY_PREFETCHABLE 0x0004u
#define CM_RESOURCE_MEMORY_24 0x0010u
#define CM_RESOURCE_MEMORY_CACHEABLE 0x0020u
#define CM_RESOURCE_MEMORY_BAR 0x0080u
#define CM_RESOURCE_DMA_8 0x0000u
#define CM_RESOURCE_DMA_16 0x0001u
#define CM_RESOURCE_DMA_32 0x0002u
#define CM_RESOURCE_DMA_8_AND_16 0x0004u
#define CM_RESOURCE_DMA_BUS_MASTER 0x0008u

typedef enum _CM_SHARE_DISPOSITION {
    CmResourceShareUndetermined = 0,
    CmResourceShareDeviceExclusive,
    CmResourceShareDriverExclusive,
    CmResourceShareShared,
} CM_SHARE_DISPOSITION;

NT_PACKED(4)
typedef struct _CM_PARTIAL_RESOURCE_DESCRIPTOR {
    UCHAR Type; /* CmResourceType* */
    UCHAR ShareDisposition;
    USHORT Flags; /* CM_RESOURCE_* */
    union {
        struct {
            PHYSICAL_ADDRESS Start;
            ULONG Length;
        } Generic;
        struct {
            PHYSICAL_ADDRESS Start;
            ULONG Length;
        } Port;
        struct {
            USHORT Level;
            USHORT Group;
            ULONG Vector;
            KAFFINITY Affinity;
        } Interrupt;
        struct {
            union {
                struct {
                    USHORT Group;
                    USHORT MessageCount;
                    ULONG Vector;
                    KAFFINITY Affinity;
                } Raw;
                struct {
                    USHORT Level;
                    USHORT Group;
                    ULONG Vector;
                    KAFFINITY Affinity;
                } Translated;
            };
        } MessageInterrupt;
        struct {
            PHYSICAL_ADDRESS Start;
            ULONG Length;
        } Memory;
        struct {
            ULONG Channel;
            ULONG Port;
            ULONG Reserved1;
        } Dma;
        struct {
            ULONG Channel;
            ULONG RequestLine;
            UCHAR TransferWidth;
            UCHAR Reserved1;
            UCHAR Reserved2;
            UCHAR Reserved3;
        } DmaV3;
        struct {
            ULONG Data[3];
        } DevicePrivate;
        struct {
            ULONG Start;
            ULONG Length;
            ULONG Reserved;
        } BusNumber;
        struct {
            ULONG DataSize;
            ULONG Reserved1;
            ULONG Reserved2;
        } DeviceSpecificData;
        struct {
            PHYSICAL_ADDRESS Start;
            ULONG Length40; /* length >> 8 */
        } Memory40;
        struct {
            PHYSICAL_ADDRESS Start;
            ULONG Length48; /* length >> 16 */
        } Memory48;
        struct {
            PHYSICAL_ADDRESS Start;
            ULONG Length64; /* length >> 32 */
        } Memory64;
        struct {
            UCHAR Class;
            UCHAR Type;
            UCHAR Reserved1;
            UCHAR Reserved2;
            ULONG IdLowPart;
            ULONG IdHighPart;
        } Connection;
    } u;
} CM_PARTIAL_RESOURCE_DESCRIPTOR, *PCM_PARTIAL_RESOURCE_DESCRIPTOR;

typedef struct _CM_PARTIAL_RESOURCE_LIST {
    USHORT Version;
    USHORT Revision;
    ULONG Count;
    CM_PARTIAL_RESOURCE_DESCRIPTOR PartialDescriptors[1];
} CM_PARTIAL_RESOURCE_LIST, *PCM_PARTIAL_RESOURCE_LIST;

typedef struct _CM_FULL_RESOURCE_DESCRIPTOR {
    INTERFACE_TYPE InterfaceType;
    ULONG BusNumber;
    CM_PARTIAL_RESOURCE_LIST PartialResourceList;
} CM_FULL_RESOURCE_DESCRIPTOR, *PCM_FULL_RESOURCE_DESCRIPTOR;

typedef struct _CM_RESOURCE_LIST {
    ULONG Count;
    CM_FULL_RESOURCE_DESCRIPTOR List[1];
} CM_RESOURCE_LIST, *PCM_RESOURCE_LIST;
NT_UNPACKED
NT_ASSERT_SIZE(CM_PARTIAL_RESOURCE_DESCRIPTOR, 0x14);
NT_ASSERT_AT(CM_PARTIAL_RESOURCE_DESCRIPTOR, u.Memory.Length, 0xC);
NT_ASSERT_AT(CM_PARTIAL_RESOURCE_DESCRIPTOR, u.Interrupt.Affinity, 0xC);
NT_ASSERT_SIZE(CM_PARTIAL_RESOURCE_LIST, 0x1C);
NT_ASSERT_SIZE(CM_FULL_RESOURCE_DESCRIPTOR, 0x24);
NT_ASSERT_SIZE(CM_RESOURCE_LIST, 0x28);

/* Resources a device could use. */

#define IO_RESOURCE_PREFERRED 0x01u
#define IO_RESOURCE_DEFAULT 0x02u
#define IO_RESOURCE_ALTERNATIVE 0x08u

typedef struct _IO_RESOURCE_DESCRIPTOR {
    UCHAR Option; /* IO_RESOURCE_* */
    UCHAR Type;
    UCHAR ShareDisposition;
    UCHAR Spare1;
    USHORT Flags;
    USHORT Spare2;
    union {
        struct {
            ULONG Length;
            ULONG Alignment;
            PHYSICAL_ADDRESS MinimumAddress;
            PHYSICAL_ADDRESS MaximumAddress;
        } Port;
        struct {
            ULONG Length;
            ULONG Alignment;
            PHYSICAL_ADDRESS MinimumAddress;
            PHYSICAL_ADDRESS MaximumAddress;
        } Memory;
        struct {
            ULONG Length;
            ULONG Alignment;
            PHYSICAL_ADDRESS MinimumAddress;
            PHYSICAL_ADDRESS MaximumAddress;
        } Generic;
        struct {
            ULONG MinimumVector;
            ULONG MaximumVector;
            USHORT AffinityPolicy;
            USHORT Group;
            ULONG PriorityPolicy;
            KAFFINITY TargetedProcessors;
        } Interrupt;
        struct {
            ULONG MinimumChannel;
            ULONG MaximumChannel;
        } Dma;
        struct {
            ULONG Data[3];
        } DevicePrivate;
        struct {
            ULONG Length;
            ULONG MinBusNumber;
            ULONG MaxBusNumber;
            ULONG Reserved;
        } BusNumber;
        struct {
            ULONG Priority;
            ULONG Reserved1;
            ULONG Reserved2;
        } ConfigData;
    } u;
} IO_RESOURCE_DESCRIPTOR, *PIO_RESOURCE_DESCRIPTOR;
NT_ASSERT_SIZE(IO_RESOURCE_DESCRIPTOR, 0x20);
NT_ASSERT_AT(IO_RESOURCE_DESCRIPTOR, u.Memory.MaximumAddress, 0x18);

typedef struct _IO_RESOURCE_LIST {
    USHORT Version;
    USHORT Revision;
    ULONG Count;
    IO_RESOURCE_DESCRIPTOR Descriptors[1];
} IO_RESOURCE_LIST, *PIO_RESOURCE_LIST;
NT_ASSERT_SIZE(IO_RESOURCE_LIST, 0x28);

typedef struct _IO_RESOURCE_REQUIREMENTS_LIST {
    ULONG ListSize;
    INTERFACE_TYPE InterfaceType;
    ULONG BusNumber;
    ULONG SlotNumber;
    ULONG Reserved[3];
    ULONG AlternativeLists;
    IO_RESOURCE_LIST List[1];
} IO_RESOURCE_REQUIREMENTS_LIST, *PIO_RESOURCE_REQUIREMENTS_LIST;
NT_ASSERT_SIZE(IO_RESOURCE_REQUIREMENTS_LIST, 0x48);
NT_ASSERT_AT(IO_RESOURCE_REQUIREMENTS_LIST, List, 0x20);

/* IoConnectInterruptEx. */

#define CONNECT_FULLY_SPECIFIED 1u
#define CONNECT_LINE_BASED 2u
#define CONNECT_MESSAGE_BASED 3u
#define CONNECT_FULLY_SPECIFIED_GROUP 4u

typedef struct _IO_INTERRUPT_MESSAGE_INFO_ENTRY {
    PHYSICAL_ADDRESS MessageAddress;
    KAFFINITY TargetProcessorSet;
    PKINTERRUPT InterruptObject;
    ULONG MessageData;
    ULONG Vector;
    KIRQL Irql;
    KINTERRUPT_MODE Mode;
    KINTERRUPT_POLARITY Polarity;
} IO_INTERRUPT_MESSAGE_INFO_ENTRY, *PIO_INTERRUPT_MESSAGE_INFO_ENTRY;
NT_ASSERT_SIZE(IO_INTERRUPT_MESSAGE_INFO_ENTRY, 0x30);

typedef struct _IO_INTERRUPT_MESSAGE_INFO {
    KIRQL UnifiedIrql;
    ULONG MessageCount;
    IO_INTERRUPT_MESSAGE_INFO_ENTRY MessageInfo[1];
} IO_INTERRUPT_MESSAGE_INFO, *PIO_INTERRUPT_MESSAGE_INFO;
NT_ASSERT_SIZE(IO_INTERRUPT_MESSAGE_INFO, 0x38);

typedef struct _IO_CONNECT_INTERRUPT_PARAMETERS {
    ULONG Version; /* CONNECT_* */
    union {
        struct {
            PDEVICE_OBJECT PhysicalDeviceObject;
            PKINTERRUPT *InterruptObject;
            PKSERVICE_ROUTINE ServiceRoutine;
            PVOID ServiceContext;
            PKSPIN_LOCK SpinLock;
            KIRQL SynchronizeIrql;
            BOOLEAN FloatingSave;
            BOOLEAN ShareVector;
            ULONG Vector;
            KIRQL Irql;
            KINTERRUPT_MODE InterruptMode;
            KAFFINITY ProcessorEnableMask;
            USHORT Group;
        } FullySpecified;
        struct {
            PDEVICE_OBJECT PhysicalDeviceObject;
            PKINTERRUPT *InterruptObject;
            PKSERVICE_ROUTINE ServiceRoutine;
            PVOID ServiceContext;
            PKSPIN_LOCK SpinLock;
            KIRQL SynchronizeIrql;
            BOOLEAN FloatingSave;
        } LineBased;
        struct {
            PDEVICE_OBJECT PhysicalDeviceObject;
            union {
                PVOID *Generic;
                PIO_INTERRUPT_MESSAGE_INFO *InterruptMessageTable;
                PKINTERRUPT *InterruptObject;
            } ConnectionContext;
            PKMESSAGE_SERVICE_ROUTINE MessageServiceRoutine;
            PVOID ServiceContext;
            PKSPIN_LOCK SpinLock;
            KIRQL SynchronizeIrql;
            BOOLEAN FloatingSave;
            PKSERVICE_ROUTINE FallBackServiceRoutine;
        } MessageBased;
    };
} IO_CONNECT_INTERRUPT_PARAMETERS, *PIO_CONNECT_INTERRUPT_PARAMETERS;
NT_ASSERT_SIZE(IO_CONNECT_INTERRUPT_PARAMETERS, 0x50);
NT_ASSERT_AT(IO_CONNECT_INTERRUPT_PARAMETERS, FullySpecified.Vector, 0x34);
NT_ASSERT_AT(IO_CONNECT_INTERRUPT_PARAMETERS, MessageBased.FallBackServiceRoutine, 0x38);

typedef struct _IO_DISCONNECT_INTERRUPT_PARAMETERS {
    ULONG Version;
    union {
        PVOID Generic;
        PKINTERRUPT InterruptObject;
        PIO_INTERRUPT_MESSAGE_INFO InterruptMessageTable;
    } ConnectionContext;
} IO_DISCONNECT_INTERRUPT_PARAMETERS, *PIO_DISCONNECT_INTERRUPT_PARAMETERS;
NT_ASSERT_SIZE(IO_DISCONNECT_INTERRUPT_PARAMETERS, 0x10);

typedef NTSTATUS NTAPI IO_QUERY_DEVICE_ROUTINE(PVOID context, PUNICODE_STRING path,
                                               INTERFACE_TYPE bus_type, ULONG bus,
                                               PVOID *bus_information, ULONG controller_type,
                                               ULONG controller, PVOID *controller_information,
                                               ULONG peripheral_type, ULONG peripheral,
                                               PVOID *peripheral_information);
typedef IO_QUERY_DEVICE_ROUTINE *PIO_QUERY_DEVICE_ROUTINE;

typedef enum _CONFIGURATION_TYPE {
    ArcSystem,
    CentralProcessor,
    FloatingPointProcessor,
    PrimaryIcache,
    PrimaryDcache,
    SecondaryIcache,
    SecondaryDcache,
    SecondaryCache,
    EisaAdapter,
    TcAdapter,
    ScsiAdapter,
    DtiAdapter,
    MultiFunctionAdapter,
    DiskController,
    TapeController,
    CdromController,
    WormController,
    SerialController,
    NetworkController,
    DisplayController,
    ParallelController,
    PointerController,
    KeyboardController,
    AudioController,
    OtherController,
    DiskPeripheral,
    FloppyDiskPeripheral,
    TapePeripheral,
    ModemPeripheral,
    MonitorPeripheral,
    PrinterPeripheral,
    PointerPeripheral,
    KeyboardPeripheral,
    TerminalPeripheral,
    OtherPeripheral,
    LinePeripheral,
    NetworkPeripheral,
    SystemMemory,
    DockingInformation,
    RealModeIrqRoutingTable,
    RealModePCIEnumeration,
    MaximumType,
} CONFIGURATION_TYPE;

#endif
