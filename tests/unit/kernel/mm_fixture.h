/* The memory group alone: real pool and mappings; doubles for the scheduler, images and reports. */
#ifndef MM_FIXTURE_H
#define MM_FIXTURE_H

#include <criterion/criterion.h>

#include "kernel/hal_dma.h"

void fx_init(void);
extern struct ke_image fx_image; /* the caller: verified, owner 1 */
extern bool fx_in_driver;        /* false: the kernel itself calls */
extern bool fx_enabled;          /* verifier on */
extern KIRQL fx_irql;
extern NTSTATUS fx_raised;
unsigned fx_reports(enum vf_rule rule);
unsigned fx_reports_total(void);
const struct vf_case *fx_last(void);
unsigned fx_notes(void);
/* Run fn(arg); true when it raised a status, left in fx_raised. */
bool fx_raises(void (*fn)(void *arg), void *arg);
/* Can the byte be read? */
bool fx_can_read(const void *p);

/* What the group exports, as it defines it. */
PMDL NTAPI IoAllocateMdl(PVOID address, ULONG length, BOOLEAN secondary, BOOLEAN quota, PIRP irp);
VOID NTAPI IoFreeMdl(PMDL mdl);
VOID NTAPI IoBuildPartialMdl(PMDL source, PMDL target, PVOID address, ULONG length);
VOID NTAPI MmProbeAndLockPages(PMDL mdl, KPROCESSOR_MODE mode, LOCK_OPERATION operation);
VOID NTAPI MmUnlockPages(PMDL mdl);
VOID NTAPI MmBuildMdlForNonPagedPool(PMDL mdl);
PVOID NTAPI MmMapLockedPagesSpecifyCache(PMDL mdl, KPROCESSOR_MODE mode, MEMORY_CACHING_TYPE cache,
                                         PVOID address, ULONG bug_check, ULONG priority);
VOID NTAPI MmUnmapLockedPages(PVOID base, PMDL mdl);
PMDL NTAPI MmAllocatePagesForMdl(PHYSICAL_ADDRESS low, PHYSICAL_ADDRESS high, PHYSICAL_ADDRESS skip,
                                 SIZE_T size);
VOID NTAPI MmFreePagesFromMdl(PMDL mdl);
PVOID NTAPI MmAllocateContiguousMemory(SIZE_T size, PHYSICAL_ADDRESS highest);
PVOID NTAPI MmAllocateNonCachedMemory(SIZE_T size);
VOID NTAPI MmFreeNonCachedMemory(PVOID base, SIZE_T size);
PHYSICAL_ADDRESS NTAPI MmGetPhysicalAddress(PVOID base);
PVOID NTAPI MmGetVirtualForPhysical(PHYSICAL_ADDRESS pa);
PVOID NTAPI MmMapIoSpace(PHYSICAL_ADDRESS pa, SIZE_T size, MEMORY_CACHING_TYPE cache);
VOID NTAPI MmUnmapIoSpace(PVOID base, SIZE_T size);
PPHYSICAL_MEMORY_RANGE NTAPI MmGetPhysicalMemoryRanges(VOID);
PVOID NTAPI MmAllocateMappingAddress(SIZE_T size, ULONG tag);
VOID NTAPI MmFreeMappingAddress(PVOID base, ULONG tag);
PVOID NTAPI MmMapLockedPagesWithReservedMapping(PVOID base, ULONG tag, PMDL mdl,
                                                MEMORY_CACHING_TYPE cache);
VOID NTAPI MmUnmapReservedMapping(PVOID base, ULONG tag, PMDL mdl);
NTSTATUS NTAPI MmCopyMemory(PVOID target, uint64_t source, SIZE_T size, ULONG flags, PSIZE_T transferred);
NTSTATUS NTAPI MmAdvanceMdl(PMDL mdl, ULONG bytes);
VOID NTAPI ProbeForRead(const volatile VOID *address, SIZE_T size, ULONG alignment);
PVOID NTAPI ExAllocatePoolWithTag(POOL_TYPE type, SIZE_T size, ULONG tag);
PVOID NTAPI ExAllocatePool2(POOL_FLAGS flags, SIZE_T size, ULONG tag);
PVOID NTAPI ExAllocatePoolWithQuotaTag(POOL_TYPE type, SIZE_T size, ULONG tag);
VOID NTAPI ExFreePool(PVOID p);
VOID NTAPI ExFreePoolWithTag(PVOID p, ULONG tag);
VOID NTAPI ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST list, PALLOCATE_FUNCTION allocate,
                                           PFREE_FUNCTION free, ULONG flags, SIZE_T size, ULONG tag,
                                           USHORT depth);
VOID NTAPI ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST list);
NTSTATUS NTAPI ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX list, PALLOCATE_FUNCTION_EX allocate,
                                           PFREE_FUNCTION_EX free, POOL_TYPE type, ULONG flags,
                                           SIZE_T size, ULONG tag, USHORT depth);
ULONG NTAPI HalGetBusDataByOffset(BUS_DATA_TYPE type, ULONG bus, ULONG slot, PVOID buffer, ULONG offset,
                                  ULONG length);
ULONG NTAPI HalSetBusDataByOffset(BUS_DATA_TYPE type, ULONG bus, ULONG slot, PVOID buffer, ULONG offset,
                                  ULONG length);
PDMA_ADAPTER NTAPI IoGetDmaAdapter(PDEVICE_OBJECT device, PDEVICE_DESCRIPTION d, PULONG registers);
VOID NTAPI HalPutDmaAdapter(PDMA_ADAPTER adapter);
PVOID NTAPI HalAllocateCommonBuffer(PDMA_ADAPTER adapter, ULONG length, PPHYSICAL_ADDRESS logical,
                                    BOOLEAN cached);
VOID NTAPI HalFreeCommonBuffer(PDMA_ADAPTER adapter, ULONG length, PHYSICAL_ADDRESS logical, PVOID address,
                               BOOLEAN cached);
NTSTATUS NTAPI HalRealAllocateAdapterChannel(PDMA_ADAPTER adapter, PDEVICE_OBJECT device, ULONG registers,
                                             PDRIVER_CONTROL routine, PVOID context);
VOID NTAPI IoFreeAdapterChannel(PDMA_ADAPTER adapter);
VOID NTAPI IoFreeMapRegisters(PDMA_ADAPTER adapter, PVOID base, ULONG count);
PHYSICAL_ADDRESS NTAPI IoMapTransfer(PDMA_ADAPTER adapter, PMDL mdl, PVOID base, PVOID current,
                                     PULONG length, BOOLEAN write_to_device);
BOOLEAN NTAPI IoFlushAdapterBuffers(PDMA_ADAPTER adapter, PMDL mdl, PVOID base, PVOID current, ULONG length,
                                    BOOLEAN write_to_device);
NTSTATUS NTAPI HalGetScatterGatherList(PDMA_ADAPTER adapter, PDEVICE_OBJECT device, PMDL mdl, PVOID address,
                                       ULONG length, PDRIVER_LIST_CONTROL routine, PVOID context,
                                       BOOLEAN write_to_device);
VOID NTAPI HalPutScatterGatherList(PDMA_ADAPTER adapter, PSCATTER_GATHER_LIST list, BOOLEAN write_to_device);

#endif
