/* Gives back more quota than it charged. */
#include "rule.h"

NTKERNELAPI NTSTATUS NTAPI PsChargeProcessPoolQuota(PVOID process, POOL_TYPE type, SIZE_T amount);
NTKERNELAPI VOID NTAPI PsReturnPoolQuota(PVOID process, POOL_TYPE type, SIZE_T amount);

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PVOID process = IoGetCurrentProcess();
    NTSTATUS status;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    status = PsChargeProcessPoolQuota(process, NonPagedPool, 1000);
    if (!NT_SUCCESS(status))
        return status;
    PsReturnPoolQuota(process, NonPagedPool, 1024);
    return STATUS_SUCCESS;
}
