/* Maps them for reading and writing. */
#include "rule.h"

NTKERNELAPI PVOID NTAPI MmMapIoSpaceEx(PHYSICAL_ADDRESS address, SIZE_T size, ULONG protect);

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PHYSICAL_ADDRESS registers = {.QuadPart = 0xD0000000};
    PVOID base = MmMapIoSpaceEx(registers, PAGE_SIZE, PAGE_READWRITE | PAGE_NOCACHE);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (base)
        MmUnmapIoSpace(base, PAGE_SIZE);
    return STATUS_SUCCESS;
}
