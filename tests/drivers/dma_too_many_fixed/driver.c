/* Transfers no more than it told IoGetDmaAdapter. */
#include "dma.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    struct transfer t;
    NTSTATUS status = transfer_open(&t, 20 * PAGE_SIZE);

    UNREFERENCED_PARAMETER(irp);
    if (!NT_SUCCESS(status))
        return status;
    t.ops->GetScatterGatherList(t.adapter, device, t.mdl, t.buffer, DMA_MAXIMUM, on_list,
                                &t, TRUE);
    if (t.list)
        t.ops->PutScatterGatherList(t.adapter, t.list, TRUE);
    t.ops->PutDmaAdapter(t.adapter);
    transfer_close(&t);
    return STATUS_SUCCESS;
}
