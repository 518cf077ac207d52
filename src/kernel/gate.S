/*
 * The border between driver code (Windows x64 convention) and ours.
 *
 * Import gate: a stub loads r11 with its struct ke_export and jumps here. The record pushed on the
 * fiber's gate stack holds what an unwinder needs to go on in the driver: return address, stack
 * pointer, nonvolatile registers. The return address on the stack is replaced by ke_gate_back, so the
 * routine finds its arguments where the convention puts them. rax, r10 and r11 are free to use.
 *
 * Callout: native code calls a driver routine; see ke_callout in gate.c.
 *
 * Offsets are those of struct ke_gate_record and struct ke_export, asserted in gate.c.
 */
#define R_KIND 0
#define R_RIP 8
#define R_RSP 16
#define R_RBX 24
#define R_RBP 32
#define R_RSI 40
#define R_RDI 48
#define R_R12 56
#define R_R13 64
#define R_R14 72
#define R_R15 80
#define R_ARGS 88
#define R_EXPORT 120
#define R_TARGET 128
#define R_MXCSR 144
#define R_XMM 160
#define R_SIZE 320

#define E_FN 0
#define E_MAX_IRQL 8
#define E_FLAGS 11
#define E_CALLS 40
#define EXPORT_CHECKED 4

    .text

    .globl ke_gate_enter
    .hidden ke_gate_enter
    .type ke_gate_enter, @function
ke_gate_enter:
    mov ke_gate_top(%rip), %r10
    cmp ke_gate_limit(%rip), %r10
    jae ke_gate_overflow
    movq $0, R_KIND(%r10)
    mov (%rsp), %rax
    mov %rax, R_RIP(%r10)
    lea 8(%rsp), %rax
    mov %rax, R_RSP(%r10)
    mov %rbx, R_RBX(%r10)
    mov %rbp, R_RBP(%r10)
    mov %rsi, R_RSI(%r10)
    mov %rdi, R_RDI(%r10)
    mov %r12, R_R12(%r10)
    mov %r13, R_R13(%r10)
    mov %r14, R_R14(%r10)
    mov %r15, R_R15(%r10)
    mov %rcx, R_ARGS+0(%r10)
    mov %rdx, R_ARGS+8(%r10)
    mov %r8, R_ARGS+16(%r10)
    mov %r9, R_ARGS+24(%r10)
    mov %r11, R_EXPORT(%r10)
    movaps %xmm6, R_XMM+0(%r10)
    movaps %xmm7, R_XMM+16(%r10)
    movaps %xmm8, R_XMM+32(%r10)
    movaps %xmm9, R_XMM+48(%r10)
    movaps %xmm10, R_XMM+64(%r10)
    movaps %xmm11, R_XMM+80(%r10)
    movaps %xmm12, R_XMM+96(%r10)
    movaps %xmm13, R_XMM+112(%r10)
    movaps %xmm14, R_XMM+128(%r10)
    movaps %xmm15, R_XMM+144(%r10)
    add $R_SIZE, %r10
    mov %r10, ke_gate_top(%rip)
    incq E_CALLS(%r11)
    incq ke_gate_calls(%rip)
    lea ke_gate_back(%rip), %rax
    mov %rax, (%rsp)
    movzbl ke_irql_now(%rip), %eax
    cmp E_MAX_IRQL(%r11), %al
    ja 1f
    cmpb $0, ke_gate_hook(%rip)
    jne 1f
    testb $EXPORT_CHECKED, E_FLAGS(%r11)
    jnz 1f
    jmp *E_FN(%r11)

/* A rule to check first: void *ke_gate_check(struct ke_gate_record *), native convention, gives the routine
 * to run. The argument registers, xmm0-3 included, are put back for it. */
1:  sub $72, %rsp
    movaps %xmm0, 0(%rsp)
    movaps %xmm1, 16(%rsp)
    movaps %xmm2, 32(%rsp)
    movaps %xmm3, 48(%rsp)
    lea -R_SIZE(%r10), %rdi
    call ke_gate_check
    mov ke_gate_top(%rip), %r10
    sub $R_SIZE, %r10
    movaps 0(%rsp), %xmm0
    movaps 16(%rsp), %xmm1
    movaps 32(%rsp), %xmm2
    movaps 48(%rsp), %xmm3
    add $72, %rsp
    mov R_RSI(%r10), %rsi
    mov R_RDI(%r10), %rdi
    mov R_ARGS+0(%r10), %rcx
    mov R_ARGS+8(%r10), %rdx
    mov R_ARGS+16(%r10), %r8
    mov R_ARGS+24(%r10), %r9
    mov R_EXPORT(%r10), %r11
    jmp *%rax
    .size ke_gate_enter, .-ke_gate_enter

    .globl ke_gate_back
    .hidden ke_gate_back
    .type ke_gate_back, @function
ke_gate_back:
    mov ke_gate_top(%rip), %r10
    sub $R_SIZE, %r10
    mov %r10, ke_gate_top(%rip)
    jmp *R_RIP(%r10)
    .size ke_gate_back, .-ke_gate_back

/* uint64_t ke_callout_enter(uint64_t target, unsigned argc, const uint64_t *argv, struct ke_gate_record *r,
 *                           uint64_t stack)
 * argv holds at least four entries. The record is already pushed. `stack`: run the driver on that stack
 * (its top); 0: go on on this one. */
    .globl ke_callout_enter
    .hidden ke_callout_enter
    .type ke_callout_enter, @function
ke_callout_enter:
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    sub $8, %rsp
    mov %rsp, R_RSP(%rcx)
    lea ke_callout_back(%rip), %rax
    mov %rax, R_RIP(%rcx)
    mov %rdi, R_TARGET(%rcx)
    stmxcsr R_MXCSR(%rcx)
    fnstcw R_MXCSR+4(%rcx)
    test %r8, %r8
    cmovnz %r8, %rsp
    mov %esi, %eax
    cmp $4, %eax
    jae 2f
    mov $4, %eax
2:  inc %eax
    and $-2, %eax                 /* an even number of slots keeps the stack aligned to 16 */
    shl $3, %rax
    sub %rax, %rsp
    mov $4, %ecx
3:  cmp %esi, %ecx
    jae 4f
    mov (%rdx,%rcx,8), %rax
    mov %rax, (%rsp,%rcx,8)
    inc %ecx
    jmp 3b
4:  mov %rdi, %rax
    mov %rdx, %r10
    mov 0(%r10), %rcx
    mov 8(%r10), %rdx
    mov 16(%r10), %r8
    mov 24(%r10), %r9
    xor %ebx, %ebx                /* nothing of ours reaches the driver in registers */
    xor %esi, %esi
    xor %edi, %edi
    xor %r12d, %r12d
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %r15d, %r15d
    call *%rax
    .globl ke_callout_back
    .hidden ke_callout_back
ke_callout_back:
    cld
    mov ke_gate_top(%rip), %r10
    sub $R_SIZE, %r10
    mov %r10, ke_gate_top(%rip)
    mov R_RSP(%r10), %rsp
    stmxcsr R_ARGS+8(%r10)        /* what the driver leaves there */
    ldmxcsr R_MXCSR(%r10)
    fldcw R_MXCSR+4(%r10)
    add $8, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .cfi_endproc
    .size ke_callout_enter, .-ke_callout_enter

/* void ke_callout_leave(void): continue as if the driver had returned 0 to the record on top. */
    .globl ke_callout_leave
    .hidden ke_callout_leave
    .type ke_callout_leave, @function
ke_callout_leave:
    xor %eax, %eax
    jmp ke_callout_back
    .size ke_callout_leave, .-ke_callout_leave

/* void ke_on_stack(uint64_t stack_high, void (*fn)(void *), void *arg): fn does not return. */
    .globl ke_on_stack
    .hidden ke_on_stack
    .type ke_on_stack, @function
ke_on_stack:
    mov %rdi, %rsp
    and $-64, %rsp
    mov %rdx, %rdi
    xor %ebp, %ebp
    call *%rsi
    ud2
    .size ke_on_stack, .-ke_on_stack

/* __chkstk: rax = bytes to be used; touches the pages between, changes nothing. Bound without the gate.
 * Doc: "x64 prolog and epilog", __chkstk. */
    .globl ke_chkstk
    .hidden ke_chkstk
    .type ke_chkstk, @function
ke_chkstk:
    push %rcx
    push %rax
    lea 24(%rsp), %rcx
    cmp $0x1000, %rax
    jb 6f
5:  sub $0x1000, %rcx
    test %rcx, (%rcx)
    sub $0x1000, %rax
    cmp $0x1000, %rax
    ja 5b
6:  sub %rax, %rcx
    test %rcx, (%rcx)
    pop %rax
    pop %rcx
    ret
    .size ke_chkstk, .-ke_chkstk

/* What the load configuration's control-flow-guard pointers get: rcx (check) or rax (dispatch) holds the
 * target; a bad target faults at the call itself and is reported there. */
    .globl ke_guard_check
    .hidden ke_guard_check
    .type ke_guard_check, @function
ke_guard_check:
    ret
    .size ke_guard_check, .-ke_guard_check

    .globl ke_guard_dispatch
    .hidden ke_guard_dispatch
    .type ke_guard_dispatch, @function
ke_guard_dispatch:
    jmp *%rax
    .size ke_guard_dispatch, .-ke_guard_dispatch

    .section .note.GNU-stack, "", @progbits
