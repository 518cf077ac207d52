/* Frees fewer map registers than it has. */
#include "dma.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    struct transfer t;
    NTSTATUS status = transfer_open(&t, 2 * PAGE_SIZE);

    UNREFERENCED_PARAMETER(irp);
    if (!NT_SUCCESS(status))
        return status;
    t.ops->AllocateAdapterChannel(t.adapter, device, 2, on_channel, &t);
    t.ops->FreeMapRegisters(t.adapter, t.base, 1);
    t.ops->PutDmaAdapter(t.adapter);
    transfer_close(&t);
    return STATUS_SUCCESS;
}
