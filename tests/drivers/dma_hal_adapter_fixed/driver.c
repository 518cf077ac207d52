/* Gets its adapter from IoGetDmaAdapter. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    DEVICE_DESCRIPTION d = {.Version = DEVICE_DESCRIPTION_VERSION2,
                            .Master = TRUE,
                            .ScatterGather = TRUE,
                            .Dma64BitAddresses = TRUE,
                            .InterfaceType = PCIBus,
                            .MaximumLength = PAGE_SIZE};
    PDMA_ADAPTER adapter;
    ULONG registers;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    adapter = IoGetDmaAdapter(NULL, &d, &registers);
    if (adapter)
        adapter->DmaOperations->PutDmaAdapter(adapter);
    return STATUS_SUCCESS;
}
