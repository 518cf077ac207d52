/* Frees an adapter channel that it does not have. */
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
    KIRQL old;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    a->DmaOperations->FreeCommonBuffer(a, 100, logical, p, TRUE);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    a->DmaOperations->FreeAdapterChannel(a);
    KeLowerIrql(old);
    a->DmaOperations->PutDmaAdapter(a);
    return STATUS_SUCCESS;
}
