/* Every shape of frame that the x64 unwind tables can describe, in assembly. Each function keeps values in
 * preserved registers over a call of its argument; that call returns, or raises an exception which provoke()
 * takes. The single-step oracle compares every instruction. Must stay silent. */
#include "rule.h"

typedef ULONG64 frame_fn(void (*callback)(void));

/* Large allocation, two pushes. */
__asm__(".text\n"
        ".globl frame_large\n"
        ".def frame_large; .scl 2; .type 32; .endef\n"
        ".seh_proc frame_large\n"
        "frame_large:\n"
        "  pushq %rbp\n .seh_pushreg %rbp\n"
        "  pushq %r12\n .seh_pushreg %r12\n"
        "  subq $0x1028, %rsp\n .seh_stackalloc 0x1028\n"
        "  .seh_endprologue\n"
        "  movl $0x111, %ebp\n"
        "  movl $0x222, %r12d\n"
        "  callq *%rcx\n"
        "  leaq (%rbp,%r12), %rax\n"
        "  addq $0x1028, %rsp\n"
        "  popq %r12\n"
        "  popq %rbp\n"
        "  retq\n"
        ".seh_endproc\n");

/* Preserved registers saved by moves, xmm registers too. */
__asm__(".globl frame_moves\n"
        ".def frame_moves; .scl 2; .type 32; .endef\n"
        ".seh_proc frame_moves\n"
        "frame_moves:\n"
        "  subq $0x78, %rsp\n .seh_stackalloc 0x78\n"
        "  movq %rbx, 0x20(%rsp)\n .seh_savereg %rbx, 0x20\n"
        "  movq %r15, 0x28(%rsp)\n .seh_savereg %r15, 0x28\n"
        "  movaps %xmm6, 0x30(%rsp)\n .seh_savexmm %xmm6, 0x30\n"
        "  movaps %xmm15, 0x40(%rsp)\n .seh_savexmm %xmm15, 0x40\n"
        "  .seh_endprologue\n"
        "  movl $0x333, %ebx\n"
        "  movl $0x444, %r15d\n"
        "  movq %rbx, %xmm6\n"
        "  movq %r15, %xmm15\n"
        "  callq *%rcx\n"
        "  movq %xmm6, %rax\n"
        "  movq %xmm15, %rdx\n"
        "  addq %rdx, %rax\n"
        "  movaps 0x40(%rsp), %xmm15\n"
        "  movaps 0x30(%rsp), %xmm6\n"
        "  movq 0x28(%rsp), %r15\n"
        "  movq 0x20(%rsp), %rbx\n"
        "  addq $0x78, %rsp\n"
        "  retq\n"
        ".seh_endproc\n");

/* A frame register in the middle of the frame, and a stack that moves. */
__asm__(".globl frame_dynamic\n"
        ".def frame_dynamic; .scl 2; .type 32; .endef\n"
        ".seh_proc frame_dynamic\n"
        "frame_dynamic:\n"
        "  pushq %rbp\n .seh_pushreg %rbp\n"
        "  pushq %rdi\n .seh_pushreg %rdi\n"
        "  subq $0x48, %rsp\n .seh_stackalloc 0x48\n"
        "  leaq 0x40(%rsp), %rbp\n .seh_setframe %rbp, 0x40\n"
        "  movaps %xmm9, -0x10(%rbp)\n .seh_savexmm %xmm9, 0x30\n"
        "  .seh_endprologue\n"
        "  movl $0x555, %edi\n"
        "  xorps %xmm9, %xmm9\n"
        "  subq $0x230, %rsp\n"
        "  callq *%rcx\n"
        "  subq $0x100, %rsp\n"
        "  movq %rdi, %rax\n"
        "  movaps -0x10(%rbp), %xmm9\n"
        "  leaq 0x8(%rbp), %rsp\n"
        "  popq %rdi\n"
        "  popq %rbp\n"
        "  retq\n"
        ".seh_endproc\n");

/* The same with r13 as frame register. */
__asm__(".globl frame_dynamic_high\n"
        ".def frame_dynamic_high; .scl 2; .type 32; .endef\n"
        ".seh_proc frame_dynamic_high\n"
        "frame_dynamic_high:\n"
        "  pushq %r13\n .seh_pushreg %r13\n"
        "  subq $0xA0, %rsp\n .seh_stackalloc 0xA0\n"
        "  leaq 0x80(%rsp), %r13\n .seh_setframe %r13, 0x80\n"
        "  .seh_endprologue\n"
        "  subq $0x40, %rsp\n"
        "  callq *%rcx\n"
        "  movl $0x666, %eax\n"
        "  leaq 0x20(%r13), %rsp\n"
        "  popq %r13\n"
        "  retq\n"
        ".seh_endproc\n");

/* Leaves by a jump to another function, once directly, once through a register. */
__asm__(".globl frame_tail\n"
        ".def frame_tail; .scl 2; .type 32; .endef\n"
        ".seh_proc frame_tail\n"
        "frame_tail:\n"
        "  pushq %rsi\n .seh_pushreg %rsi\n"
        "  subq $0x20, %rsp\n .seh_stackalloc 0x20\n"
        "  .seh_endprologue\n"
        "  movq %rcx, %rsi\n"
        "  callq *%rcx\n"
        "  testl $1, frame_turn(%rip)\n"
        "  jne 1f\n"
        "  addq $0x20, %rsp\n"
        "  popq %rsi\n"
        "  jmp frame_leaf\n"
        "1: leaq frame_leaf(%rip), %rax\n"
        "  addq $0x20, %rsp\n"
        "  popq %rsi\n"
        "  rex64 jmpq *%rax\n"
        ".seh_endproc\n"
        "frame_leaf:\n" /* no table entry at all */
        "  movl $0x777, %eax\n"
        "  retq\n"
        ".bss\n"
        ".globl frame_turn\n"
        "frame_turn: .long 0\n"
        ".text\n");

/* A return in the middle of a prologue that is spread over the body, as shrink-wrapping makes it. */
__asm__(".globl frame_early\n"
        ".def frame_early; .scl 2; .type 32; .endef\n"
        "frame_early:\n"
        "  subq $0x28, %rsp\n"
        "1: testl $1, frame_turn(%rip)\n"
        "  je 2f\n"
        "  movl $0x888, %eax\n"
        "  addq $0x28, %rsp\n"
        "  retq\n"
        "2: movq %rbx, 0x30(%rsp)\n"
        "3: movl $0x888, %ebx\n"
        "  callq *%rcx\n"
        "  movq %rbx, %rax\n"
        "  movq 0x30(%rsp), %rbx\n"
        "  addq $0x28, %rsp\n"
        "  retq\n"
        "4:\n"
        ".section .xdata,\"dr\"\n"
        ".p2align 2\n"
        "frame_early_info:\n"
        "  .byte 1, 3b - frame_early, 3, 0\n"
        "  .byte 3b - frame_early, 0x34\n .short 6\n" /* rbx at 0x30 */
        "  .byte 1b - frame_early, 0x42\n"            /* 0x28 bytes */
        "  .short 0\n"
        ".section .pdata,\"dr\"\n"
        "  .long frame_early@IMGREL, 4b@IMGREL, frame_early_info@IMGREL\n"
        ".text\n");

/* A part of its own, chained to the first: it saves one register more. */
__asm__(".globl frame_chained\n"
        ".def frame_chained; .scl 2; .type 32; .endef\n"
        "frame_chained:\n"
        "  pushq %rbx\n"
        "1: subq $0x40, %rsp\n"
        "2: movl $0x444, %ebx\n"
        "  movq %rcx, %r8\n"
        "  jmp 5f\n"
        "3: movq %rbx, %rax\n"
        "  addq %rdx, %rax\n"
        "  addq $0x40, %rsp\n"
        "  popq %rbx\n"
        "  retq\n"
        "4:\n"
        "5: movq %rdi, 0x30(%rsp)\n"
        "6: movl $0x555, %edi\n"
        "  callq *%r8\n"
        "  movq %rdi, %rdx\n"
        "  movq 0x30(%rsp), %rdi\n"
        "  jmp 3b\n"
        "7:\n"
        ".section .xdata,\"dr\"\n"
        ".p2align 2\n"
        "frame_chained_info:\n"
        "  .byte 1, 2b - frame_chained, 2, 0\n"
        "  .byte 2b - frame_chained, 0x72\n" /* 0x40 bytes */
        "  .byte 1b - frame_chained, 0x30\n" /* push rbx */
        "frame_chained_part:\n"
        "  .byte 0x21, 6b - 5b, 2, 0\n"
        "  .byte 6b - 5b, 0x74\n .short 6\n" /* rdi at 0x30 */
        "  .long frame_chained@IMGREL, 4b@IMGREL, frame_chained_info@IMGREL\n"
        ".section .pdata,\"dr\"\n"
        "  .long frame_chained@IMGREL, 4b@IMGREL, frame_chained_info@IMGREL\n"
        "  .long 5b@IMGREL, 7b@IMGREL, frame_chained_part@IMGREL\n"
        ".text\n");

/* Version 2: epilogues are listed, and need not have the usual form. One is in the middle, one at the end. */
__asm__(".globl frame_listed\n"
        ".def frame_listed; .scl 2; .type 32; .endef\n"
        "frame_listed:\n"
        "  pushq %rsi\n"
        "1: pushq %r14\n"
        "2: subq $0x28, %rsp\n"
        "3: movl $0x999, %esi\n"
        "  callq *%rcx\n"
        "  testl $1, frame_turn(%rip)\n"
        "  je 5f\n"
        "  movq %rsi, %rax\n"
        "  addq $0x28, %rsp\n"
        "4: popq %r14\n"
        "  popq %rsi\n"
        "  nop\n"
        "  retq\n"
        "5: movq %rsi, %rax\n"
        "  addq $0x28, %rsp\n"
        "6: popq %r14\n"
        "  popq %rsi\n"
        "  nop\n"
        "  retq\n"
        "7:\n"
        ".section .xdata,\"dr\"\n"
        ".p2align 2\n"
        "frame_listed_info:\n"
        "  .byte 2, 3b - frame_listed, 5, 0\n"
        "  .byte 7b - 6b, 0x16\n"             /* size of each; one is at the end */
        "  .byte 7b - 4b, 0x06\n"             /* the other, from the end */
        "  .byte 3b - frame_listed, 0x42\n"   /* 0x28 bytes */
        "  .byte 2b - frame_listed, 0xE0\n"   /* push r14 */
        "  .byte 1b - frame_listed, 0x60\n"   /* push rsi */
        "  .short 0\n"
        ".section .pdata,\"dr\"\n"
        "  .long frame_listed@IMGREL, 7b@IMGREL, frame_listed_info@IMGREL\n"
        ".text\n");

/* The frame of an interrupt with an error code: never runs, only looked at by RtlVirtualUnwind. */
__asm__(".globl frame_machine\n"
        ".def frame_machine; .scl 2; .type 32; .endef\n"
        "frame_machine:\n"
        "  pushq %rdi\n"
        "1: int3\n"
        "  int3\n"
        "2:\n"
        ".section .xdata,\"dr\"\n"
        ".p2align 2\n"
        "frame_machine_info:\n"
        "  .byte 1, 1b - frame_machine, 2, 0\n"
        "  .byte 1b - frame_machine, 0x70\n" /* push rdi */
        "  .byte 0, 0x1A\n"                  /* machine frame with error code */
        ".section .pdata,\"dr\"\n"
        "  .long frame_machine@IMGREL, 2b@IMGREL, frame_machine_info@IMGREL\n"
        ".text\n");
void frame_machine(void);

typedef struct _RUNTIME_FUNCTION RUNTIME;
NTSYSAPI PVOID NTAPI RtlVirtualUnwind(ULONG type, ULONG64 base, ULONG64 pc, RUNTIME *entry, PCONTEXT context,
                                      PVOID *data, PULONG64 frame, PVOID pointers);
NTSYSAPI RUNTIME *NTAPI RtlLookupFunctionEntry(ULONG64 pc, PULONG64 base, PVOID history);

frame_fn frame_large, frame_moves, frame_dynamic, frame_dynamic_high, frame_tail, frame_early, frame_chained,
    frame_listed;
extern ULONG frame_turn;

static const struct {
    const char *name;
    frame_fn *fn;
    ULONG64 value;
} table[] = {
    {"large", frame_large, 0x333},
    {"moves", frame_moves, 0x777},
    {"dynamic", frame_dynamic, 0x555},
    {"dynamic_high", frame_dynamic_high, 0x666},
    {"tail", frame_tail, 0x777},
    {"early", frame_early, 0x888},
    {"chained", frame_chained, 0x999},
    {"listed", frame_listed, 0x999},
};

static __declspec(noinline) void quiet(void)
{
    __asm__ volatile("" : : : "memory");
}

static __declspec(noinline) void loud(void)
{
    *(volatile ULONG *)blind((PVOID)0x10) = 1;
}

static __declspec(noinline) BOOLEAN one(frame_fn *fn, ULONG64 value)
{
    volatile BOOLEAN taken = FALSE;

    if (fn(quiet) != value)
        return FALSE;
    __try {
        if (fn(loud) == value && (frame_turn & 1) && fn == frame_early)
            return TRUE; /* this turn it does not call */
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        taken = TRUE;
    }
    return taken;
}

static CONTEXT context;

static __declspec(noinline) BOOLEAN machine(void)
{
    ULONG64 stack[8] = {0xD1, 0, 0x1234567, 0x10, 0x202, 0x7654321000, 0x18};
    ULONG64 pc = (ULONG64)frame_machine + 1, base = 0, frame = 0;
    RUNTIME *entry = RtlLookupFunctionEntry(pc, &base, NULL);
    PVOID data = NULL;

    if (!entry || !base || RtlLookupFunctionEntry((ULONG64)stack, &frame, NULL))
        return FALSE;
    context.Rsp = (ULONG64)stack;
    context.Rip = pc;
    if (RtlVirtualUnwind(0, base, pc, entry, &context, &data, &frame, NULL))
        return FALSE;
    return context.Rdi == 0xD1 && context.Rip == 0x1234567 && context.Rsp == 0x7654321000 &&
           frame == (ULONG64)stack;
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    NTSTATUS status = STATUS_SUCCESS;
    ULONG i;

    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    for (frame_turn = 0; frame_turn < 2; frame_turn++) {
        for (i = 0; i < sizeof table / sizeof table[0]; i++) {
            if (!one(table[i].fn, table[i].value)) {
                DbgPrint("frames: %s failed, turn %u\n", table[i].name, frame_turn);
                status = STATUS_UNSUCCESSFUL;
            }
        }
    }
    if (!machine()) {
        DbgPrint("frames: machine failed\n");
        status = STATUS_UNSUCCESSFUL;
    }
    return status;
}
