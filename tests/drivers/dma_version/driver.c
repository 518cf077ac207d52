/* Gives the size of the device description for its version. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    DEVICE_DESCRIPTION d = {.Version = sizeof(DEVICE_DESCRIPTION), /* taken for the size */
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
