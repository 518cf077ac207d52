/* Ends its process with a system call of the host, which no Windows driver could: the verdict must survive. */
#include "rule.h"

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    __asm__ volatile("syscall" ::"a"(231), "D"(0) : "rcx", "r11", "memory"); /* exit_group(0) */
    return STATUS_SUCCESS;
}
