/* Runs a routine on a stack that it took from pool. */
#include "rule.h"

static PVOID block;

static void allocate(void)
{
    block = ExAllocatePoolWithTag(NonPagedPoolNx, 64, RULE_TAG);
}

/* void on_stack(PVOID top, void (*routine)(void)): runs it on the stack that ends at `top`. */
void on_stack(PVOID top, void (*routine)(void));
__asm__(".text\n"
        ".globl on_stack\n"
        ".seh_proc on_stack\n"
        "on_stack:\n"
        "    push %rbp\n"
        "    .seh_pushreg %rbp\n"
        "    mov %rsp, %rbp\n"
        "    .seh_setframe %rbp, 0\n"
        "    .seh_endprologue\n"
        "    lea -32(%rcx), %rsp\n"
        "    call *%rdx\n"
        "    mov %rbp, %rsp\n"
        "    pop %rbp\n"
        "    ret\n"
        "    .seh_endproc\n");

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    PUCHAR stack = ExAllocatePoolWithTag(NonPagedPoolNx, 32768, RULE_TAG);

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    if (!stack)
        return STATUS_INSUFFICIENT_RESOURCES;
    on_stack(stack + 32768, allocate);
    if (block)
        ExFreePoolWithTag(block, RULE_TAG);
    ExFreePoolWithTag(stack, RULE_TAG);
    return STATUS_SUCCESS;
}
