/*
 * The code of the sample driver that pw_driver() builds, as it lies at rva 0x1000 with .rdata at
 * 0x3000. Data of this test program; nothing executes it.
 */
    .intel_syntax noprefix
    .section .rodata
    .macro at name
    .globl sample_\name
    .hidden sample_\name
sample_\name:
\name:
    .endm
    .globl sample_code, sample_code_end
    .hidden sample_code, sample_code_end
sample_code:
start:
    .set imagebase, start - 0x1000
    .set rd, start + 0x2000

    at entry /* DriverEntry(rcx) */
    sub rsp, 40
    mov r9, rcx
    lea rax, [rip + chain]
    mov [rcx + 0xE0], rax   /* MajorFunction[14] */
    lea rax, [rip + tables]
    mov [r9 + 0xE8], rax    /* MajorFunction[15] */
    lea rax, [rip + unload]
    mov [r9 + 0x68], rax
    lea rax, [rip + leaf]
    mov [r9 + 0x70], rax    /* MajorFunction[0], a leaf function without .pdata */
    xor eax, eax
    add rsp, 40
    ret
    at entry_end
    .balign 16, 0xCC
    at chain /* dispatch(rcx, rdx) */
    sub rsp, 40
    mov rax, [rdx + 0xB8]
    mov ecx, [rax + 0x18]
    sub ecx, 0x222003
    je 1f
    sub ecx, 4
    je 2f
    cmp ecx, 0x38
    je 3f
    lea eax, [rcx - 0x40]
    dec eax
    jne 4f
1:  mov ecx, 0x200
    mov edx, 64
    mov r8d, 0x6B636148
    call [rip + rd + 0x100] /* ExAllocatePoolWithTag */
    jmp 4f
2:  mov rax, cr8
    mov dx, 0x60
    in al, dx
    jmp 4f
3:  movabs rax, 0xFFFFF78000000000
    mov eax, [rax + 0x320]
    movabs r10, 0xFFFF800000000000
    cmp rdx, r10
    jae 5f
    movabs r10, 0xFFFFD00000000000
    mov [rcx], r10
5:  int3
    nop
4:  xor eax, eax
    add rsp, 40
    ret
    at chain_end
    .balign 16, 0xCC
    at tables /* dispatch(rcx, rdx): a table of bytes, then one of addresses */
    sub rsp, 40
    call stack_location
    mov r8d, [rax + 0x18]
    lea ecx, [r8 - 0x9C402400]
    cmp ecx, 12
    ja 9f
    mov eax, ecx
    lea rdx, [rip + imagebase]
    movzx eax, byte ptr [rdx + rax + 0x3900]
    mov ecx, [rdx + rax*4 + 0x3800]
    add rcx, rdx
    jmp rcx
6:  mov eax, 1
    jmp 9f
7:  mov eax, 2
    jmp 9f
8:  lea rcx, [rip + table4]
    cmp r8d, 3
    ja 9f
    mov r8d, r8d
    movsxd rax, dword ptr [rcx + r8*4]
    add rax, rcx
    jmp rax
10: mov eax, 4
9:  add rsp, 40
    ret
    at table4 /* in the function, behind its code: not to be taken for code */
    .long 10b - table4, 9b - table4, 6b - table4, 7b - table4
    at tables_end
    .balign 16, 0xCC
    at stack_location
    mov rax, [rdx + 0xB8]
    ret
stack_location_end:
    .balign 16, 0xCC
    at unload
    sub rsp, 40
    xor edx, edx
    mov edx, 0x32676154
    call thunk
    mov edx, 0x33676154
    call wrapper
    mov ecx, 0xC0000001
    int 0x29
    at unload_end
    .balign 16, 0xCC
thunk:
    jmp [rip + rd + 0x108]  /* ExFreePoolWithTag */
    .balign 16, 0xCC
wrapper: /* (size, tag) */
    sub rsp, 40
    mov r8d, edx
    mov rdx, rcx
    xor ecx, ecx
    call [rip + rd + 0x100] /* ExAllocatePoolWithTag */
    add rsp, 40
    ret
    .balign 16, 0xCC
    at leaf
    mov ecx, [rsp + 0x28]
    cmp ecx, 0x22E004
    je 1f
    cmp ecx, 0x22E008
    je 1f
    xor eax, eax
    ret
1:  mov eax, 0xC0000010
    ret
    .ascii "text behind a function, not code at all"
    .balign 16, 0xCC
    at framework /* (rcx, rdx, r8, r9, code): a value that nothing types */
    sub rsp, 40
    cmp dword ptr [rsp + 0x50], 0x80012000
    sete al
    mov ecx, [rsp + 0x50]
    add ecx, -0x80012004
    cmp ecx, 4
    ja 1f
    mov eax, 0x11
    bt eax, ecx
    jb 2f
1:  xor eax, eax
2:  add rsp, 40
    ret
    at framework_end
    .balign 16, 0xCC
    at rotated              /* codes four apart, made neighbours by rotating; nobody's dispatch */
    sub rsp, 40
    mov rax, [rdx + 0xB8]
    mov eax, [rax + 0x18]
    sub eax, 0x80882004
    rol eax, 30
    cmp eax, 3
    ja 2f
    lea rcx, [rip + rd + 0x820]
    movsxd rax, dword ptr [rcx + rax*4]
    add rax, rcx
    jmp rax
    at rotated_case
    mov eax, 0x39676154     /* shaped like a tag */
2:  add rsp, 40
    ret
    at rotated_end
sample_code_end:
    .section .note.GNU-stack,"",@progbits
