/* Asks for as many map registers as IoGetDmaAdapter allowed. */
#include "dma.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    struct transfer t;
    ULONG count;
    NTSTATUS status = transfer_open(&t, 2 * PAGE_SIZE);

    UNREFERENCED_PARAMETER(irp);
    if (!NT_SUCCESS(status))
        return status;
    count = t.registers;
    t.ops->AllocateAdapterChannel(t.adapter, device, count, on_channel, &t);
    if (t.base)
        t.ops->FreeMapRegisters(t.adapter, t.base, count);
    t.ops->PutDmaAdapter(t.adapter);
    transfer_close(&t);
    return STATUS_SUCCESS;
}
