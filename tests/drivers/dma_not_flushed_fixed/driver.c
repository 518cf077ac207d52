/* Flushes each page before it maps the next. */
#include "dma.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    struct transfer t;
    ULONG i;
    NTSTATUS status = transfer_open(&t, 4 * PAGE_SIZE);

    UNREFERENCED_PARAMETER(irp);
    if (!NT_SUCCESS(status))
        return status;
    t.ops->AllocateAdapterChannel(t.adapter, device, 2, on_channel, &t);
    for (i = 0; i < 4; i++) {
        PUCHAR page = t.buffer + i * PAGE_SIZE;
        ULONG length = PAGE_SIZE;

        t.ops->MapTransfer(t.adapter, t.mdl, t.base, page, &length, TRUE);
        t.ops->FlushAdapterBuffers(t.adapter, t.mdl, t.base, page, length, TRUE);
    }
    t.ops->FreeMapRegisters(t.adapter, t.base, 2);
    t.ops->PutDmaAdapter(t.adapter);
    transfer_close(&t);
    return STATUS_SUCCESS;
}
