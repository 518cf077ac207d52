/*
 * DMA adapters, as hal_dma.c and hal_dma_sg.c share them. One adapter serves one packet channel at a time and
 * any number of scatter/gather lists, as long as its map registers last; requests wait in order.
 */
#ifndef POOLPROOF_HAL_DMA_H
#define POOLPROOF_HAL_DMA_H

#include "kernel/mm_phys.h"

/* The map registers of one request. */
struct dma_file {
    struct pp_list link;  /* hal_dma.files */
    struct dma_adapter *adapter;
    void *base;           /* MapRegisterBase as the driver sees it; NULL for a scatter/gather list */
    ULONG count, mapped;
    uint64_t from, to;    /* addresses mapped since the last flush */
    uint8_t *bounce;      /* contiguous copy, for devices that cannot reach the pages; NULL: none */
};

struct dma_request {
    struct pp_list link;  /* dma_adapter.waiting */
    DEVICE_OBJECT *device;
    uint64_t routine, context;
    ULONG registers;
    /* Scatter/gather: */
    bool is_list, write_to_device;
    MDL *mdl;
    uint64_t address;
    ULONG length;
    SCATTER_GATHER_LIST *buffer; /* the driver's, NULL: ours */
};

struct dma_list {
    struct pp_list link;  /* dma_adapter.lists */
    SCATTER_GATHER_LIST *list;
    struct dma_file *file;
    MDL *mdl;
    uint64_t address;
    ULONG length;
    bool is_ours, write_to_device;
};

struct dma_common {
    struct pp_list link;  /* dma_adapter.commons */
    uint8_t *va;
    ULONG length;
    uint64_t logical;
};

struct dma_adapter {
    struct pp_list link;
    DMA_ADAPTER *object;
    uint32_t owner;
    bool scatter_gather;
    uint64_t highest;     /* last address the device reaches */
    ULONG registers_max, registers_used;
    DEVICE_OBJECT *channel_device; /* channel in use for it; NULL: idle */
    struct dma_file *channel_file; /* held after KeepObject */
    struct pp_list waiting, lists, commons;
};

/* NULL: reported (NULL or released adapter). */
struct dma_adapter *dma_adapter_of(const DMA_ADAPTER *adapter);
struct dma_file *dma_file_new(struct dma_adapter *a, ULONG count);
void dma_file_free(struct dma_file *f);
/* Run what waits and now fits. */
void dma_start(struct dma_adapter *a);
void dma_queue(struct dma_adapter *a, const struct dma_request *r);
void dma_list_run(struct dma_adapter *a, const struct dma_request *r);
/* Reports what is wrong with a range to transfer. False: it cannot be used. */
bool dma_check_range(const MDL *mdl, uint64_t address, ULONG length);
/* Physical address of a byte of the MDL chain and how many bytes from there are contiguous. */
uint64_t dma_locate(const MDL *mdl, uint64_t address, ULONG length, ULONG *ret_run);
bool dma_needs_bounce(const struct dma_adapter *a, const MDL *mdl, uint64_t address, ULONG length);
/* Copies between the MDL's memory and its contiguous copy. */
void dma_bounce_copy(const struct dma_file *f, const MDL *mdl, uint64_t address, ULONG length,
                     bool to_device);
bool dma_bounce_get(struct dma_file *f);
void dma_irql_exact(KIRQL want);
void dma_irql_max(KIRQL max);
unsigned hal_dma_check_unload(const struct ke_image *image);

PVOID NTAPI MmAllocateContiguousMemorySpecifyCache(SIZE_T size, PHYSICAL_ADDRESS lowest,
                                                   PHYSICAL_ADDRESS highest, PHYSICAL_ADDRESS boundary,
                                                   MEMORY_CACHING_TYPE cache);
VOID NTAPI MmFreeContiguousMemory(PVOID base);

#endif
