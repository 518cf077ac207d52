/* Charges quota in a DPC that comes while everybody waits. */
#include "rule.h"

static KTIMER timer;
static KDPC dpc;
static KEVENT done;

static VOID NTAPI on_dpc(PKDPC object, PVOID context, PVOID argument1, PVOID argument2)
{
    PVOID p = ExAllocatePoolWithQuotaTag(NonPagedPoolNx | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, 64, RULE_TAG);

    UNREFERENCED_PARAMETER(object);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(argument1);
    UNREFERENCED_PARAMETER(argument2);
    if (p)
        ExFreePoolWithTag(p, RULE_TAG);
    KeSetEvent(&done, IO_NO_INCREMENT, FALSE);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    LARGE_INTEGER second;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    second.QuadPart = -10000000;
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    KeInitializeDpc(&dpc, on_dpc, NULL);
    KeInitializeTimer(&timer);
    KeSetTimer(&timer, second, &dpc);
    KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
    return STATUS_SUCCESS;
}
