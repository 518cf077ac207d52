/* Spins for ever without calling the kernel and without waiting for anything that could come. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    __asm__ volatile("1: jmp 1b"); /* one instruction, so that each report names the same */
    return STATUS_SUCCESS;
}
