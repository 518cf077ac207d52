/* Decoding and emulating instructions, register images: on code bytes in the test's own memory. Exceptions and
 * unwinding themselves are tested by drivers (tests/drivers/seh, frames, emulate) and by the oracle. */
#include "io_fixture.h"

static struct os_regs regs_at(const void *code)
{
    struct os_regs r;

    memset(&r, 0, sizeof r);
    r.rip = KE_ARG(code);
    r.rflags = 0x202;
    return r;
}

static bool emulate(struct os_regs *r, enum os_trap_kind kind, uint64_t addr)
{
    struct os_trap t = {.kind = kind, .addr = addr};

    return ke_emulate(r, &t);
}

Test(seh, access_of_a_load)
{
    static const uint8_t code[] = {0x8B, 0x44, 0x91, 0x08, 0x90}; /* mov eax, [rcx+rdx*4+8] */
    struct os_regs r = regs_at(code);
    struct ke_access a;

    r.gpr[OS_RCX] = 0x1000;
    r.gpr[OS_RDX] = 0x10;
    cr_assert(ke_decode_access(&r, &a));
    cr_expect_eq(a.addr, 0x1048u);
    cr_expect_eq(a.size, 4u);
    cr_expect(!a.is_write && !a.is_branch);
}

Test(seh, access_prefers_the_bad_operand)
{
    static const uint8_t code[] = {0x48, 0xA5, 0x90}; /* movsq */
    struct os_regs r = regs_at(code);
    struct ke_access a;

    r.gpr[OS_RSI] = 0x1000;
    r.gpr[OS_RDI] = 0x1234567800000000;
    cr_assert(ke_decode_access(&r, &a));
    cr_expect_eq(a.addr, 0x1234567800000000u);
    cr_expect(a.is_write);
    r.gpr[OS_RSI] = 0x1234567800000000;
    r.gpr[OS_RDI] = 0x2000;
    cr_assert(ke_decode_access(&r, &a));
    cr_expect_eq(a.addr, 0x1234567800000000u);
    cr_expect(!a.is_write);
}

Test(seh, branch_to_no_address)
{
    static const uint8_t code[] = {0xFF, 0xE0, 0x90}; /* jmp rax */
    struct os_regs r = regs_at(code);
    struct ke_access a;

    r.gpr[OS_RAX] = 0xDEADBEEF00000000;
    cr_assert(ke_decode_access(&r, &a));
    cr_expect(a.is_branch);
    cr_expect_eq(a.addr, 0xDEADBEEF00000000u);
}

Test(seh, divisor)
{
    static const uint8_t code[] = {0xF7, 0xF1, 0x90}; /* div ecx */
    struct os_regs r = regs_at(code);

    r.gpr[OS_RCX] = 0xFF00000000; /* only the low half counts */
    cr_expect(ke_is_divide_by_zero(&r));
    r.gpr[OS_RCX] = 1;
    cr_expect(!ke_is_divide_by_zero(&r));
}

Test(seh, context_keeps_registers)
{
    struct os_regs r = regs_at(NULL), back;
    CONTEXT ctx;

    for (unsigned i = 0; i < 16; i++)
        r.gpr[i] = 0x100 + i;
    for (unsigned i = 0; i < 512; i++)
        r.fx[i] = (uint8_t)(i * 3);
    r.rip = 0x1234;
    r.fx[26] = r.fx[27] = 0; /* reserved bits of mxcsr */
    ke_context_from_regs(&ctx, &r);
    cr_expect_eq(ctx.Rsp, 0x100u + OS_RSP);
    cr_expect_eq(ctx.R15, 0x10Fu);
    cr_expect_eq(memcmp(&ctx.Xmm6, r.fx + 160 + 96, 16), 0);
    memset(&back, 0, sizeof back);
    ke_context_to_regs(&ctx, &back);
    cr_expect_eq(memcmp(back.gpr, r.gpr, sizeof r.gpr), 0);
    cr_expect_eq(memcmp(back.fx, r.fx, sizeof r.fx), 0);
    cr_expect_eq(back.rip, r.rip);
}

Test(seh, context_flags_are_safe)
{
    struct os_regs r = regs_at(NULL);
    CONTEXT ctx;

    ke_context_from_regs(&ctx, &r);
    ctx.EFlags = 0xFFFFFFFF;
    ctx.MxCsr = 0xFFFFFFFF;
    ke_context_to_regs(&ctx, &r);
    cr_expect_eq(r.rflags & 0x100, 0u, "the trap flag cannot be set from a context");
    cr_expect_eq(r.rflags & 0x202, 0x202u);
    cr_expect_eq(pp_load32(r.fx + 24) & 0xFFFF0000, 0u);
}

Test(seh, irql_register)
{
    static const uint8_t read[] = {0x44, 0x0F, 0x20, 0xC1, 0x90};  /* mov rcx, cr8 */
    static const uint8_t write[] = {0x44, 0x0F, 0x22, 0xC1, 0x90}; /* mov cr8, rcx */
    struct os_regs r;

    machine_start();
    r = regs_at(write);
    r.gpr[OS_RCX] = 2;
    cr_assert(emulate(&r, OS_TRAP_PROTECTION, 0));
    cr_expect_eq(r.rip, KE_ARG(write) + 4);
    cr_expect_eq(ke_irql(), 2);
    r = regs_at(read);
    cr_assert(emulate(&r, OS_TRAP_PROTECTION, 0));
    cr_expect_eq(r.gpr[OS_RCX], 2u);
    r = regs_at(write);
    cr_assert(emulate(&r, OS_TRAP_PROTECTION, 0));
    cr_expect_eq(ke_irql(), 0);
}

Test(seh, shared_page)
{
    static const uint8_t load[] = {0x0F, 0xB7, 0x11, 0x90}; /* movzx edx, word [rcx] */
    static const uint8_t sign[] = {0x48, 0x0F, 0xBE, 0x11, 0x90}; /* movsx rdx, byte [rcx] */
    struct os_regs r;

    machine_start();
    r = regs_at(load);
    r.gpr[OS_RCX] = NT_KUSER_ADDRESS + offsetof(KUSER_SHARED_DATA, NtBuildNumber);
    r.gpr[OS_RDX] = UINT64_MAX;
    cr_assert(emulate(&r, OS_TRAP_PAGE, r.gpr[OS_RCX]));
    cr_expect_eq(r.gpr[OS_RDX], 19045u);
    cr_expect_eq(r.rip, KE_ARG(load) + 3);
    r = regs_at(sign);
    r.gpr[OS_RCX] = NT_KUSER_ADDRESS + offsetof(KUSER_SHARED_DATA, TestRetInstruction);
    cr_assert(emulate(&r, OS_TRAP_PAGE, r.gpr[OS_RCX]));
    cr_expect_eq(r.gpr[OS_RDX], 0xFFFFFFFFFFFFFFC3u);
}

Test(seh, ports_and_flags)
{
    static const uint8_t in[] = {0xEC, 0x90};        /* in al, dx */
    static const uint8_t cli[] = {0xFA, 0x90};
    static const uint8_t plain[] = {0x8B, 0x01, 0x90}; /* mov eax, [rcx]: nothing to emulate */
    struct os_regs r;

    machine_start();
    r = regs_at(in);
    r.gpr[OS_RAX] = 0x1122334455667788;
    r.gpr[OS_RDX] = 0x1234;
    cr_assert(emulate(&r, OS_TRAP_PROTECTION, 0));
    cr_expect_eq(r.gpr[OS_RAX], 0x11223344556677FFu);
    r = regs_at(cli);
    cr_assert(emulate(&r, OS_TRAP_PROTECTION, 0));
    cr_expect_eq(r.rip, KE_ARG(cli) + 1);
    r = regs_at(plain);
    cr_expect(!emulate(&r, OS_TRAP_PROTECTION, 0));
    cr_expect(!emulate(&r, OS_TRAP_PAGE, 0x1000));
}
