/* Handles every failure of an allocation. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

static NTSTATUS Unchecked(void)
{
    PULONG p = ExAllocatePoolWithTag(NonPagedPoolNx, 32, 'knhC');

    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    *p = 1;
    ExFreePoolWithTag(p, 'knhC');
    return STATUS_SUCCESS;
}

static NTSTATUS Forgets(void)
{
    PVOID first = ExAllocatePoolWithTag(PagedPool, 64, 'tsrF'), second;

    if (!first)
        return STATUS_INSUFFICIENT_RESOURCES;
    second = ExAllocatePoolWithTag(PagedPool, 128, 'dncS');
    if (!second) {
        ExFreePoolWithTag(first, 'tsrF');
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    ExFreePoolWithTag(second, 'dncS');
    ExFreePoolWithTag(first, 'tsrF');
    return STATUS_SUCCESS;
}

static NTSTATUS FreesTwice(void)
{
    PVOID p = ExAllocatePoolWithTag(NonPagedPoolNx, 16, 'eciW');
    PMDL mdl;

    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    mdl = IoAllocateMdl(p, 16, FALSE, FALSE, NULL);
    if (mdl)
        IoFreeMdl(mdl);
    ExFreePoolWithTag(p, 'eciW');
    return mdl ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    NTSTATUS status = Forgets();

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (NT_SUCCESS(status))
        status = FreesTwice();
    return NT_SUCCESS(status) ? Unchecked() : status;
}
