/* Fiber switch and full register restore. Contracts in plat.h and fiber.c. */
    .text

/* void os_fiber_swap(void **save_rsp, void *load_rsp) */
    .globl os_fiber_swap
    .hidden os_fiber_swap
    .type os_fiber_swap, @function
os_fiber_swap:
    .cfi_startproc
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    sub $8, %rsp
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    add $8, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .cfi_endproc
    .size os_fiber_swap, .-os_fiber_swap

/* First return address of a fiber: rbx = fn, r12 = arg. */
    .globl os_fiber_start
    .hidden os_fiber_start
    .type os_fiber_start, @function
os_fiber_start:
    .cfi_startproc
    .cfi_undefined %rip
    mov %rbx, %rdi
    mov %r12, %rsi
    xor %ebp, %ebp
    and $-16, %rsp
    call os_fiber_entered
    ud2
    .cfi_endproc
    .size os_fiber_start, .-os_fiber_start

/* void os_regs_resume(const struct os_regs *r): offsets are asserted in trap.c. */
    .globl os_regs_resume
    .hidden os_regs_resume
    .type os_regs_resume, @function
os_regs_resume:
    fxrstor64 144(%rdi)
    mov 32(%rdi), %rax            /* target rsp */
    mov 128(%rdi), %rcx           /* rip */
    mov %rcx, -8(%rax)
    mov 136(%rdi), %rcx           /* rflags */
    mov %rcx, -16(%rax)
    mov 8(%rdi), %rcx
    mov 16(%rdi), %rdx
    mov 24(%rdi), %rbx
    mov 40(%rdi), %rbp
    mov 48(%rdi), %rsi
    mov 64(%rdi), %r8
    mov 72(%rdi), %r9
    mov 80(%rdi), %r10
    mov 88(%rdi), %r11
    mov 96(%rdi), %r12
    mov 104(%rdi), %r13
    mov 112(%rdi), %r14
    mov 120(%rdi), %r15
    lea -16(%rax), %rsp
    mov 0(%rdi), %rax
    mov 56(%rdi), %rdi
    popfq
    ret
    .size os_regs_resume, .-os_regs_resume

    .section .note.GNU-stack, "", @progbits
