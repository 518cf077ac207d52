/* Fills exactly the block. */
#include "rule.h"

#undef RtlFillMemory
NTSYSAPI VOID NTAPI RtlFillMemory(PVOID p, SIZE_T size, UCHAR byte);
#define RtlFillMemoryRoutine RtlFillMemory

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR p = ExAllocatePoolWithTag(NonPagedPoolNx, 64, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    p = blind(p);
    RtlFillMemoryRoutine(p, 64, 0x41);
    ExFreePoolWithTag(p, RULE_TAG);
    return STATUS_SUCCESS;
}
