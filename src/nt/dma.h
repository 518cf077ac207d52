/*
 * DMA: adapters, their operations, scatter/gather lists.
 *
 * The operations are called through the table, never imported, so its order is the interface.
 *
 * Doc: Microsoft Learn, DMA_OPERATIONS, DEVICE_DESCRIPTION, SCATTER_GATHER_LIST (wdm.h).
 */
#ifndef NT_DMA_H
#define NT_DMA_H

#include "nt/pnp.h"

typedef enum _DMA_WIDTH {
    Width8Bits,
    Width16Bits,
    Width32Bits,
    Width64Bits,
    WidthNoWrap
} DMA_WIDTH;
typedef enum _DMA_SPEED { Compatible, TypeA, TypeB, TypeC, TypeF, MaximumDmaSpeed } DMA_SPEED;

#define DEVICE_DESCRIPTION_VERSION 0u
#define DEVICE_DESCRIPTION_VERSION1 1u
#define DEVICE_DESCRIPTION_VERSION2 2u
#define DEVICE_DESCRIPTION_VERSION3 3u

typedef struct _DEVICE_DESCRIPTION {
    ULONG Version;
    BOOLEAN Master;
    BOOLEAN ScatterGather;
    BOOLEAN DemandMode;
    BOOLEAN AutoInitialize;
    BOOLEAN Dma32BitAddresses;
    BOOLEAN IgnoreCount;
    BOOLEAN Reserved1;
    BOOLEAN Dma64BitAddresses;
    ULONG BusNumber;
    ULONG DmaChannel;
    INTERFACE_TYPE InterfaceType;
    DMA_WIDTH DmaWidth;
    DMA_SPEED DmaSpeed;
    ULONG MaximumLength;
    ULONG DmaPort;
    ULONG DmaAddressWidth; /* from here version 3 only: older callers end at 0x28 */
    ULONG DmaControllerInstance;
    ULONG DmaRequestLine;
    PHYSICAL_ADDRESS DeviceAddress;
} DEVICE_DESCRIPTION, *PDEVICE_DESCRIPTION;
NT_ASSERT_SIZE(DEVICE_DESCRIPTION, 0x40);
NT_ASSERT_AT(DEVICE_DESCRIPTION, Dma64BitAddresses, 0xB);
NT_ASSERT_AT(DEVICE_DESCRIPTION, InterfaceType, 0x14);
NT_ASSERT_AT(DEVICE_DESCRIPTION, DmaPort, 0x24);

struct _DMA_OPERATIONS;
/* The public part; what follows belongs to the implementation. */
typedef struct _DMA_ADAPTER {
    USHORT Version;
    USHORT Size;
    struct _DMA_OPERATIONS *DmaOperations;
} DMA_ADAPTER, *PDMA_ADAPTER;
NT_ASSERT_SIZE(DMA_ADAPTER, 0x10);
typedef struct _ADAPTER_OBJECT *PADAPTER_OBJECT;

typedef struct _SCATTER_GATHER_ELEMENT {
    PHYSICAL_ADDRESS Address;
    ULONG Length;
    ULONG_PTR Reserved;
} SCATTER_GATHER_ELEMENT, *PSCATTER_GATHER_ELEMENT;
NT_ASSERT_SIZE(SCATTER_GATHER_ELEMENT, 0x18);

typedef struct _SCATTER_GATHER_LIST {
    ULONG NumberOfElements;
    ULONG_PTR Reserved;
    SCATTER_GATHER_ELEMENT Elements[];
} SCATTER_GATHER_LIST, *PSCATTER_GATHER_LIST;
NT_ASSERT_SIZE(SCATTER_GATHER_LIST, 0x10);
NT_ASSERT_AT(SCATTER_GATHER_LIST, Elements, 0x10);

typedef VOID NTAPI DRIVER_LIST_CONTROL(PDEVICE_OBJECT device, PIRP irp, PSCATTER_GATHER_LIST list,
                                       PVOID context);
typedef DRIVER_LIST_CONTROL *PDRIVER_LIST_CONTROL;

typedef VOID NTAPI PUT_DMA_ADAPTER(PDMA_ADAPTER adapter);
typedef PVOID NTAPI ALLOCATE_COMMON_BUFFER(PDMA_ADAPTER adapter, ULONG length,
                                           PPHYSICAL_ADDRESS logical, BOOLEAN cached);
typedef VOID NTAPI FREE_COMMON_BUFFER(PDMA_ADAPTER adapter, ULONG length, PHYSICAL_ADDRESS logical,
                                      PVOID address, BOOLEAN cached);
typedef NTSTATUS NTAPI ALLOCATE_ADAPTER_CHANNEL(PDMA_ADAPTER adapter, PDEVICE_OBJECT device,
                                                ULONG map_registers, PDRIVER_CONTROL routine,
                                                PVOID context);
typedef BOOLEAN NTAPI FLUSH_ADAPTER_BUFFERS(PDMA_ADAPTER adapter, PMDL mdl, PVOID map_register_base,
                                            PVOID address, ULONG length, BOOLEAN write_to_device);
typedef VOID NTAPI FREE_ADAPTER_CHANNEL(PDMA_ADAPTER adapter);
typedef VOID NTAPI FREE_MAP_REGISTERS(PDMA_ADAPTER adapter, PVOID map_register_base,
                                      ULONG map_registers);
/* Returns a structure of 8 bytes, which both conventions return in rax. */
typedef PHYSICAL_ADDRESS NTAPI MAP_TRANSFER(PDMA_ADAPTER adapter, PMDL mdl, PVOID map_register_base,
                                            PVOID address, PULONG length, BOOLEAN write_to_device);
typedef ULONG NTAPI GET_DMA_ALIGNMENT(PDMA_ADAPTER adapter);
typedef ULONG NTAPI READ_DMA_COUNTER(PDMA_ADAPTER adapter);
typedef NTSTATUS NTAPI GET_SCATTER_GATHER_LIST(PDMA_ADAPTER adapter, PDEVICE_OBJECT device,
                                               PMDL mdl, PVOID address, ULONG length,
                                               PDRIVER_LIST_CONTROL routine, PVOID context,
                                               BOOLEAN write_to_device);
typedef VOID NTAPI PUT_SCATTER_GATHER_LIST(PDMA_ADAPTER adapter, PSCATTER_GATHER_LIST list,
                                           BOOLEAN write_to_device);
typedef NTSTATUS NTAPI CALCULATE_SCATTER_GATHER_LIST_SIZE(PDMA_ADAPTER adapter, PMDL mdl,
                                                          PVOID address, ULONG length, PULONG size,
                                                          PULONG map_registers);
typedef NTSTATUS NTAPI BUILD_SCATTER_GATHER_LIST(PDMA_ADAPTER adapter, PDEVICE_OBJECT device,
                                                 PMDL mdl, PVOID address, ULONG length,
                                                 PDRIVER_LIST_CONTROL routine, PVOID context,
                                                 BOOLEAN write_to_device, PVOID buffer,
                                                 ULONG buffer_length);
typedef NTSTATUS NTAPI BUILD_MDL_FROM_SCATTER_GATHER_LIST(PDMA_ADAPTER adapter,
                                                          PSCATTER_GATHER_LIST list, PMDL original,
                                                          PMDL *target);

/* Version 3: a transfer context of the driver's names each transfer. */

#define DMA_TRANSFER_CONTEXT_VERSION1 1u
#define NT_DMA_TRANSFER_CONTEXT_SIZE 128u
#define DMA_SYNCHRONOUS_CALLBACK 0x01u
#define DMA_ZERO_BUFFERS 0x02u
#define DMA_FAIL_ON_BOUNCE 0x04u
#define DMA_ADAPTER_INFO_VERSION1 1u
#define ADAPTER_INFO_SYNCHRONOUS_CALLBACK 0x1u
#define ADAPTER_INFO_API_BYPASS 0x2u

typedef enum _DMA_COMPLETION_STATUS {
    DmaComplete,
    DmaAborted,
    DmaError,
    DmaCancelled,
} DMA_COMPLETION_STATUS;

typedef VOID NTAPI DMA_COMPLETION_ROUTINE(PDMA_ADAPTER adapter, PDEVICE_OBJECT device,
                                          PVOID context, DMA_COMPLETION_STATUS status);
typedef DMA_COMPLETION_ROUTINE *PDMA_COMPLETION_ROUTINE;

typedef struct _DMA_ADAPTER_INFO_V1 {
    ULONG ReadDmaCounterAvailable;
    ULONG ScatterGatherLimit;
    ULONG DmaAddressWidth;
    ULONG Flags; /* ADAPTER_INFO_* */
    ULONG MinimumTransferUnit;
} DMA_ADAPTER_INFO_V1, *PDMA_ADAPTER_INFO_V1;

typedef struct _DMA_ADAPTER_INFO {
    ULONG Version;
    union {
        DMA_ADAPTER_INFO_V1 V1;
    };
} DMA_ADAPTER_INFO, *PDMA_ADAPTER_INFO;
NT_ASSERT_SIZE(DMA_ADAPTER_INFO, 0x18);

typedef struct _DMA_TRANSFER_INFO_V1 {
    ULONG MapRegisterCount;
    ULONG ScatterGatherElementCount;
    ULONG ScatterGatherListSize;
} DMA_TRANSFER_INFO_V1, *PDMA_TRANSFER_INFO_V1;

typedef struct _DMA_TRANSFER_INFO_V2 {
    ULONG MapRegisterCount;
    ULONG ScatterGatherElementCount;
    ULONG ScatterGatherListSize;
    ULONG LogicalPageCount;
} DMA_TRANSFER_INFO_V2, *PDMA_TRANSFER_INFO_V2;

typedef struct _DMA_TRANSFER_INFO {
    ULONG Version;
    union {
        DMA_TRANSFER_INFO_V1 V1;
        DMA_TRANSFER_INFO_V2 V2;
    };
} DMA_TRANSFER_INFO, *PDMA_TRANSFER_INFO;
NT_ASSERT_SIZE(DMA_TRANSFER_INFO, 0x14);

typedef NTSTATUS NTAPI GET_DMA_ADAPTER_INFO(PDMA_ADAPTER adapter, PDMA_ADAPTER_INFO info);
typedef NTSTATUS NTAPI GET_DMA_TRANSFER_INFO(PDMA_ADAPTER adapter, PMDL mdl, ULONGLONG offset,
                                             ULONG length, BOOLEAN write_only,
                                             PDMA_TRANSFER_INFO info);
typedef NTSTATUS NTAPI INITIALIZE_DMA_TRANSFER_CONTEXT(PDMA_ADAPTER adapter, PVOID transfer);
typedef PVOID NTAPI ALLOCATE_COMMON_BUFFER_EX(PDMA_ADAPTER adapter, PPHYSICAL_ADDRESS maximum,
                                              ULONG length, PPHYSICAL_ADDRESS logical,
                                              BOOLEAN cached, ULONG node);
typedef NTSTATUS NTAPI ALLOCATE_ADAPTER_CHANNEL_EX(PDMA_ADAPTER adapter, PDEVICE_OBJECT device,
                                                   PVOID transfer, ULONG map_registers, ULONG flags,
                                                   PDRIVER_CONTROL routine, PVOID context,
                                                   PVOID *map_register_base);
typedef NTSTATUS NTAPI CONFIGURE_ADAPTER_CHANNEL(PDMA_ADAPTER adapter, ULONG function,
                                                 PVOID context);
typedef BOOLEAN NTAPI CANCEL_ADAPTER_CHANNEL(PDMA_ADAPTER adapter, PDEVICE_OBJECT device,
                                             PVOID transfer);
typedef NTSTATUS NTAPI MAP_TRANSFER_EX(PDMA_ADAPTER adapter, PMDL mdl, PVOID map_register_base,
                                       ULONGLONG offset, ULONG device_offset, PULONG length,
                                       BOOLEAN write_to_device, PSCATTER_GATHER_LIST buffer,
                                       ULONG buffer_length, PDMA_COMPLETION_ROUTINE completion,
                                       PVOID completion_context);
typedef NTSTATUS NTAPI GET_SCATTER_GATHER_LIST_EX(
    PDMA_ADAPTER adapter, PDEVICE_OBJECT device, PVOID transfer, PMDL mdl, ULONGLONG offset,
    ULONG length, ULONG flags, PDRIVER_LIST_CONTROL routine, PVOID context, BOOLEAN write_to_device,
    PDMA_COMPLETION_ROUTINE completion, PVOID completion_context, PSCATTER_GATHER_LIST *list);
typedef NTSTATUS NTAPI BUILD_SCATTER_GATHER_LIST_EX(
    PDMA_ADAPTER adapter, PDEVICE_OBJECT device, PVOID transfer, PMDL mdl, ULONGLONG offset,
    ULONG length, ULONG flags, PDRIVER_LIST_CONTROL routine, PVOID context, BOOLEAN write_to_device,
    PVOID buffer, ULONG buffer_length, PDMA_COMPLETION_ROUTINE completion, PVOID completion_context,
    PVOID list);
typedef NTSTATUS NTAPI FLUSH_ADAPTER_BUFFERS_EX(PDMA_ADAPTER adapter, PMDL mdl,
                                                PVOID map_register_base, ULONGLONG offset,
                                                ULONG length, BOOLEAN write_to_device);
typedef VOID NTAPI FREE_ADAPTER_OBJECT(PDMA_ADAPTER adapter, IO_ALLOCATION_ACTION action);
typedef NTSTATUS NTAPI CANCEL_MAPPED_TRANSFER(PDMA_ADAPTER adapter, PVOID transfer);

/* Size is 0x68 for version 1, 0x80 for 2, 0xE8 for 3 as in Windows 8.
 * Not yet: what Windows 10 appends (domains, bounds, buffer vectors). */
typedef struct _DMA_OPERATIONS {
    ULONG Size;
    PUT_DMA_ADAPTER *PutDmaAdapter;
    ALLOCATE_COMMON_BUFFER *AllocateCommonBuffer;
    FREE_COMMON_BUFFER *FreeCommonBuffer;
    ALLOCATE_ADAPTER_CHANNEL *AllocateAdapterChannel;
    FLUSH_ADAPTER_BUFFERS *FlushAdapterBuffers;
    FREE_ADAPTER_CHANNEL *FreeAdapterChannel;
    FREE_MAP_REGISTERS *FreeMapRegisters;
    MAP_TRANSFER *MapTransfer;
    GET_DMA_ALIGNMENT *GetDmaAlignment;
    READ_DMA_COUNTER *ReadDmaCounter;
    GET_SCATTER_GATHER_LIST *GetScatterGatherList;
    PUT_SCATTER_GATHER_LIST *PutScatterGatherList;
    CALCULATE_SCATTER_GATHER_LIST_SIZE *CalculateScatterGatherList;
    BUILD_SCATTER_GATHER_LIST *BuildScatterGatherList;
    BUILD_MDL_FROM_SCATTER_GATHER_LIST *BuildMdlFromScatterGatherList;
    GET_DMA_ADAPTER_INFO *GetDmaAdapterInfo;
    GET_DMA_TRANSFER_INFO *GetDmaTransferInfo;
    INITIALIZE_DMA_TRANSFER_CONTEXT *InitializeDmaTransferContext;
    ALLOCATE_COMMON_BUFFER_EX *AllocateCommonBufferEx;
    ALLOCATE_ADAPTER_CHANNEL_EX *AllocateAdapterChannelEx;
    CONFIGURE_ADAPTER_CHANNEL *ConfigureAdapterChannel;
    CANCEL_ADAPTER_CHANNEL *CancelAdapterChannel;
    MAP_TRANSFER_EX *MapTransferEx;
    GET_SCATTER_GATHER_LIST_EX *GetScatterGatherListEx;
    BUILD_SCATTER_GATHER_LIST_EX *BuildScatterGatherListEx;
    FLUSH_ADAPTER_BUFFERS_EX *FlushAdapterBuffersEx;
    FREE_ADAPTER_OBJECT *FreeAdapterObject;
    CANCEL_MAPPED_TRANSFER *CancelMappedTransfer;
} DMA_OPERATIONS, *PDMA_OPERATIONS;
NT_ASSERT_SIZE(DMA_OPERATIONS, 0xE8);
NT_ASSERT_AT(DMA_OPERATIONS, MapTransfer, 0x40);
NT_ASSERT_AT(DMA_OPERATIONS, GetScatterGatherList, 0x58);
NT_ASSERT_AT(DMA_OPERATIONS, BuildMdlFromScatterGatherList, 0x78);
NT_ASSERT_AT(DMA_OPERATIONS, GetDmaAdapterInfo, 0x80);
NT_ASSERT_AT(DMA_OPERATIONS, MapTransferEx, 0xB8);
#define NT_DMA_OPERATIONS_SIZE_V1 0x68u
#define NT_DMA_OPERATIONS_SIZE_V2 0x80u
#define NT_DMA_OPERATIONS_SIZE_V3 0xE8u

#endif
