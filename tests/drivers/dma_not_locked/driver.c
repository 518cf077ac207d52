/* Transfers from an MDL whose pages nobody locked. */
#include "dma.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    struct transfer t;
    PMDL mdl;
    NTSTATUS status = transfer_open(&t, 2 * PAGE_SIZE);

    UNREFERENCED_PARAMETER(irp);
    if (!NT_SUCCESS(status))
        return status;
    mdl = IoAllocateMdl(t.buffer, PAGE_SIZE, FALSE, FALSE, NULL);
    if (mdl) {
        t.ops->GetScatterGatherList(t.adapter, device, mdl, t.buffer, PAGE_SIZE, on_list, &t, TRUE);
        if (t.list)
            t.ops->PutScatterGatherList(t.adapter, t.list, TRUE);
        IoFreeMdl(mdl);
    }
    t.ops->PutDmaAdapter(t.adapter);
    transfer_close(&t);
    return STATUS_SUCCESS;
}
