/* Passes the adapter. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

static PDMA_ADAPTER adapter(void)
{
    DEVICE_DESCRIPTION d = {.Version = DEVICE_DESCRIPTION_VERSION2, .Master = TRUE, .ScatterGather = TRUE,
                            .Dma64BitAddresses = TRUE, .InterfaceType = PCIBus, .MaximumLength = 65536};
    ULONG registers;

    return IoGetDmaAdapter(NULL, &d, &registers);
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PHYSICAL_ADDRESS logical = {.QuadPart = 0};
    PDMA_ADAPTER a = adapter();
    PUCHAR p = a ? a->DmaOperations->AllocateCommonBuffer(a, 100, &logical, TRUE) : NULL;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    PPUT_DMA_ADAPTER put = a->DmaOperations->PutDmaAdapter;
    a->DmaOperations->FreeCommonBuffer(a, 100, logical, p, TRUE);
    put(a);
    return STATUS_SUCCESS;
}
