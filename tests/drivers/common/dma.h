/* What the DMA rule drivers share: an adapter of a bus master and a locked buffer, at DISPATCH_LEVEL. */
#ifndef DMA_H
#define DMA_H

#include "rule.h"

#define DMA_MAXIMUM (16 * PAGE_SIZE) /* the longest transfer of the device */

struct transfer {
    PDMA_ADAPTER adapter;
    PDMA_OPERATIONS ops;
    ULONG registers; /* what IoGetDmaAdapter allows */
    PUCHAR buffer;
    PMDL mdl;
    KIRQL old;
    PVOID base;                /* map registers, once the channel is ours */
    PSCATTER_GATHER_LIST list; /* once built */
    IO_ALLOCATION_ACTION keep; /* what on_channel answers */
};

static IO_ALLOCATION_ACTION NTAPI on_channel(PDEVICE_OBJECT device, PIRP irp, PVOID base, PVOID context)
{
    struct transfer *t = context;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    t->base = base;
    return t->keep;
}

static VOID NTAPI on_list(PDEVICE_OBJECT device, PIRP irp, PSCATTER_GATHER_LIST list, PVOID context)
{
    struct transfer *t = context;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    t->list = list;
}

static void transfer_close(struct transfer *t)
{
    KeLowerIrql(t->old);
    if (t->mdl)
        IoFreeMdl(t->mdl);
    if (t->buffer)
        ExFreePoolWithTag(t->buffer, RULE_TAG);
}

static NTSTATUS transfer_open(struct transfer *t, ULONG size)
{
    DEVICE_DESCRIPTION d = {.Version = DEVICE_DESCRIPTION_VERSION2,
                            .Master = TRUE,
                            .ScatterGather = TRUE,
                            .Dma64BitAddresses = TRUE,
                            .InterfaceType = PCIBus,
                            .MaximumLength = DMA_MAXIMUM};

    RtlZeroMemory(t, sizeof *t);
    t->keep = DeallocateObjectKeepRegisters;
    t->buffer = ExAllocatePoolWithTag(NonPagedPoolNx, size, RULE_TAG);
    t->mdl = t->buffer ? IoAllocateMdl(t->buffer, size, FALSE, FALSE, NULL) : NULL;
    t->adapter = t->mdl ? IoGetDmaAdapter(NULL, &d, &t->registers) : NULL;
    KeRaiseIrql(DISPATCH_LEVEL, &t->old);
    if (!t->adapter) {
        transfer_close(t);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    t->ops = t->adapter->DmaOperations;
    MmBuildMdlForNonPagedPool(t->mdl);
    return STATUS_SUCCESS;
}

#endif
