/* Makes a system call of the host that the filter refuses: opening a file. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    __asm__ volatile("syscall" ::"a"(2), "D"("/etc/passwd"), "S"(0) : "rcx", "r11", "memory");
    return STATUS_SUCCESS;
}
