/*
 * The single-step oracle: does the unwinder know, at every instruction that a driver executes, where it
 * would return to?
 *
 *     oracle DRIVER.sys [DEVICE IOCTL...]
 *
 * The driver is loaded, started, asked and unloaded with the trap flag set. A shadow stack, kept from the
 * calls that were seen to happen, holds for each open call the return address, the stack pointer after the
 * return and the registers that the callee must preserve. At each instruction ke_unwind_step has to find
 * the same. Native code is not stepped: a breakpoint at the return address (or at the entry of a routine
 * that native code calls) switches stepping on again.
 *
 * Exit codes: 0 no difference, 1 differences (the first twenty are printed), 2 the driver cannot be run.
 */
#include "kernel/kernel_priv.h"
#include "kernel/gate_priv.h"

#include <Zydis/Zydis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FLAG_TF = 0x100,
    DEPTH = 512,
    PLANTS = 4096,
    THREADS = 64,
    SHOW = 20,
    FX_XMM6 = 160 + 6 * 16,
    STEPS_MAX = 2000000, /* then stepping stops: a driver that computes for long */
};

/* An open call, as the caller's frame will be. */
struct open_call {
    uint64_t ret, slot; /* slot: where the return address lies */
    uint64_t rbx, rbp, rsi, rdi, r12, r13, r14, r15;
    uint8_t xmm[10][16];
};

struct shadow {
    const struct ke_thread *thread;
    unsigned depth;
    struct open_call call[DEPTH];
};

static struct {
    struct shadow *shadows[THREADS];
    struct {
        uint64_t addr;
        uint8_t byte;
    } plants[PLANTS];
    unsigned plant_count;
    ZydisDecoder decoder;
    bool is_raw;                /* stepping through a routine that is bound without the gate */
    bool has_last;              /* the last step was in driver code, at: */
    struct os_regs last;
    uint64_t steps, compared, differences, unknown;
} g;

uint64_t __real_ke_callout_enter(uint64_t target, unsigned argc, const uint64_t *argv,
                                 struct ke_gate_record *r, uint64_t stack);
uint64_t __wrap_ke_callout_enter(uint64_t target, unsigned argc, const uint64_t *argv,
                                 struct ke_gate_record *r, uint64_t stack);
PP_NORETURN void __real_os_regs_resume(const struct os_regs *r);
PP_NORETURN void __wrap_os_regs_resume(const struct os_regs *r);

/* ---- Breakpoints ---- */

static void poke(uint64_t addr, uint8_t byte)
{
    uint64_t page = pp_align_down(addr, PP_PAGE_SIZE);
    const struct ke_image *im = ke_image_at(addr);
    unsigned prot = ke_image_page_prot(im, (uint32_t)(page - im->base));

    PP_ASSERT(!os_protect(page, PP_PAGE_SIZE, OS_READ | OS_WRITE | OS_EXEC));
    *(volatile uint8_t *)addr = byte;
    PP_ASSERT(!os_protect(page, PP_PAGE_SIZE, prot));
}

static void plant(uint64_t addr)
{
    if (!ke_is_driver_code(addr) || *(volatile uint8_t *)addr == 0xCC || g.plant_count == PLANTS)
        return;
    g.plants[g.plant_count].addr = addr;
    g.plants[g.plant_count++].byte = *(volatile uint8_t *)addr;
    poke(addr, 0xCC);
}

static bool lift(uint64_t addr)
{
    for (unsigned i = 0; i < g.plant_count; i++) {
        if (g.plants[i].addr == addr) {
            poke(addr, g.plants[i].byte);
            g.plants[i] = g.plants[--g.plant_count];
            return true;
        }
    }
    return false;
}

uint64_t __wrap_ke_callout_enter(uint64_t target, unsigned argc, const uint64_t *argv,
                                 struct ke_gate_record *r, uint64_t stack)
{
    plant(target);
    return __real_ke_callout_enter(target, argc, argv, r, stack);
}

/* Unwinding ends here: the target frame has to be stepped again. */
void __wrap_os_regs_resume(const struct os_regs *r)
{
    plant(r->rip);
    __real_os_regs_resume(r);
}

/* ---- The shadow stack ---- */

static struct shadow *shadow_now(void)
{
    for (unsigned i = 0; i < THREADS; i++) {
        if (!g.shadows[i]) {
            g.shadows[i] = calloc(1, sizeof *g.shadows[i]);
            PP_ASSERT(g.shadows[i]);
            g.shadows[i]->thread = ke_thread_now;
        }
        if (g.shadows[i]->thread == ke_thread_now)
            return g.shadows[i];
    }
    abort(); /* more threads than any test driver makes */
}

static void push_call(struct shadow *s, const struct os_regs *r, uint64_t slot)
{
    struct open_call *c = &s->call[s->depth];

    PP_ASSERT(s->depth < DEPTH);
    s->depth++;
    *c = (struct open_call){.slot = slot, .rbx = r->gpr[OS_RBX], .rbp = r->gpr[OS_RBP],
                            .rsi = r->gpr[OS_RSI], .rdi = r->gpr[OS_RDI], .r12 = r->gpr[OS_R12],
                            .r13 = r->gpr[OS_R13], .r14 = r->gpr[OS_R14], .r15 = r->gpr[OS_R15]};
    memcpy(c->xmm, r->fx + FX_XMM6, sizeof c->xmm);
    c->ret = *(const uint64_t *)slot;
}

static bool was_call(const struct os_regs *before)
{
    uint8_t bytes[15] = {0};
    size_t n = os_peek(before->rip, bytes, sizeof bytes);
    ZydisDecodedInstruction insn;
    ZydisDecoderContext ctx;

    return ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&g.decoder, &ctx, bytes, n, &insn)) &&
           insn.meta.category == ZYDIS_CATEGORY_CALL;
}

static void differ(const struct os_regs *r, const char *what, uint64_t want, uint64_t got)
{
    const struct ke_image *im = ke_image_at(r->rip);

    if (g.differences++ < SHOW)
        printf("%s+0x%llx: %s should be 0x%llx and is 0x%llx\n", im->name,
               (unsigned long long)(r->rip - im->base), what, (unsigned long long)want,
               (unsigned long long)got);
}

static void compare(const struct shadow *s, const struct os_regs *r)
{
    static const struct {
        const char *name;
        unsigned reg;
        size_t at;
    } kept[] = {
        {"rbx", OS_RBX, offsetof(struct open_call, rbx)}, {"rbp", OS_RBP, offsetof(struct open_call, rbp)},
        {"rsi", OS_RSI, offsetof(struct open_call, rsi)}, {"rdi", OS_RDI, offsetof(struct open_call, rdi)},
        {"r12", OS_R12, offsetof(struct open_call, r12)}, {"r13", OS_R13, offsetof(struct open_call, r13)},
        {"r14", OS_R14, offsetof(struct open_call, r14)}, {"r15", OS_R15, offsetof(struct open_call, r15)},
    };
    const struct open_call *c;
    struct os_regs caller = *r;

    if (!s->depth) {
        g.unknown++;
        return;
    }
    c = &s->call[s->depth - 1];
    g.compared++;
    if (!ke_unwind_step(&caller)) {
        differ(r, "the frame", c->ret, 0);
        return;
    }
    if (caller.rip != c->ret)
        differ(r, "the return address", c->ret, caller.rip);
    else if (caller.gpr[OS_RSP] != c->slot + 8)
        differ(r, "rsp", c->slot + 8, caller.gpr[OS_RSP]);
    for (unsigned i = 0; i < PP_COUNT(kept); i++) {
        uint64_t want = pp_load64((const uint8_t *)c + kept[i].at);

        if (caller.gpr[kept[i].reg] != want)
            differ(r, kept[i].name, want, caller.gpr[kept[i].reg]);
    }
    for (unsigned i = 0; i < 10; i++) {
        if (memcmp(caller.fx + FX_XMM6 + i * 16, c->xmm[i], 16))
            differ(r, "an xmm register", i + 6, 0);
    }
}

/* ---- Stepping ---- */

static void step_driver(struct os_regs *r)
{
    struct shadow *s = shadow_now();
    uint64_t rsp = r->gpr[OS_RSP];

    os_trap_save_fx(r);
    if (g.has_last && r->rip == g.last.rip && rsp == g.last.gpr[OS_RSP])
        return; /* a repeated instruction, or one that faulted and starts again */
    while (s->depth && s->call[s->depth - 1].slot < rsp)
        s->depth--;
    if (g.has_last && rsp + 8 == g.last.gpr[OS_RSP] && was_call(&g.last))
        push_call(s, &g.last, rsp);
    else if (!s->depth || !ke_is_driver_code(*(const uint64_t *)rsp)) {
        if (*(const uint64_t *)rsp == KE_ARG(ke_callout_back) &&
            !(s->depth && s->call[s->depth - 1].slot == rsp))
            push_call(s, r, rsp); /* native code called */
    }
    compare(s, r);
    g.last = *r;
    g.has_last = true;
    g.is_raw = false;
}

static void on_step(struct os_regs *r)
{
    const struct ke_export *e;

    if (++g.steps > STEPS_MAX) {
        r->rflags &= ~(uint64_t)FLAG_TF;
        return;
    }
    if (ke_is_driver_code(r->rip)) {
        step_driver(r);
        r->rflags |= FLAG_TF;
        return;
    }
    g.has_last = false;
    e = ke_export_at(r->rip);
    if (e && (e->flags & KE_EXPORT_RAW))
        g.is_raw = true;
    if (g.is_raw && r->rip != KE_ARG(ke_callout_back)) {
        r->rflags |= FLAG_TF;
        return;
    }
    if (e)
        plant(*(const uint64_t *)r->gpr[OS_RSP]);
    r->rflags &= ~(uint64_t)FLAG_TF;
    g.is_raw = false;
}

static bool on_trap(struct os_regs *r, const struct os_trap *t)
{
    if (t->kind == OS_TRAP_STEP) {
        (void)ke_emulate_step(r); /* the emulator's own step ends like any other */
        on_step(r);
        return true;
    }
    if (t->kind == OS_TRAP_BREAK && lift(r->rip - 1)) {
        r->rip--;
        g.has_last = false;
        on_step(r);
        return true;
    }
    return ke_trap_handle(r, t);
}

/* ---- The host ---- */

static void ignore_finding(void *ctx, const struct vf_finding *f)
{
    (void)ctx;
    printf("finding: %s\n", vf_rule_info((enum vf_rule)f->rule)->id);
}

static void ignore_module(void *ctx, const char *name, const char *path, uint64_t base, uint32_t size,
                          bool is_load)
{
    (void)ctx, (void)name, (void)path, (void)base, (void)size, (void)is_load;
}

static void show_print(void *ctx, const char *text, size_t size)
{
    (void)ctx;
    printf("driver: %.*s", (int)size, text);
}

static void ignore_text(void *ctx, const char *text)
{
    (void)ctx, (void)text;
}

static PP_NORETURN void finish(int code)
{
    printf("%llu instructions, %llu compared, %llu without a known caller, %llu differences\n",
           (unsigned long long)g.steps, (unsigned long long)g.compared, (unsigned long long)g.unknown,
           (unsigned long long)g.differences);
    fflush(stdout);
    _Exit(g.differences ? 1 : code);
}

static PP_NORETURN void end_named(void *ctx, const char *name, const char *detail,
                                  const struct vf_stack *stack)
{
    (void)ctx, (void)detail, (void)stack;
    printf("ends at %s\n", name);
    finish(0);
}

static PP_NORETURN void end_hang(void *ctx, const char *what, const struct vf_stack *stack)
{
    (void)ctx, (void)stack;
    printf("hangs: %s\n", what);
    finish(0);
}

static PP_NORETURN void end_fault(void *ctx, const char *what)
{
    (void)ctx;
    printf("own fault: %s\n", what);
    finish(2);
}

static PP_NORETURN void end_stopped(void *ctx)
{
    (void)ctx;
    finish(0);
}

static struct ke_image *load(const char *path)
{
    struct ke_image *im;
    char why[PP_WHY_SIZE];
    FILE *f = fopen(path, "rb");
    static uint8_t bytes[16 << 20];
    size_t size = f ? fread(bytes, 1, sizeof bytes, f) : 0;

    if (f)
        (void)fclose(f); /* only read from */
    if (!size || ke_image_load(path, bytes, size, true, &im, why)) {
        printf("%s cannot be loaded\n", path);
        exit(2);
    }
    return im;
}

int main(int argc, char **argv)
{
    struct ke_config cfg;
    struct ke_image *im;
    struct ke_result r;
    struct ke_file *file;
    char why[PP_WHY_SIZE];

    ke_config_init(&cfg);
    cfg.coverage = false;
    cfg.host = (struct ke_host){NULL, ignore_finding, ignore_module, show_print, ignore_text, ignore_text,
                                end_named, end_hang, end_fault, end_stopped};
    if (argc < 2 || ke_init(&cfg, why))
        return 2;
    ZydisDecoderInit(&g.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    (void)os_tick_start(0);
    PP_ASSERT(!os_trap_install(on_trap));
    im = load(argv[1]);
    r = ke_driver_start(im);
    if (argc > 2 && NT_SUCCESS(r.status) && NT_SUCCESS(ke_open(argv[2], 3, &file).status)) {
        for (int i = 3; i < argc; i++) {
            char in[64] = {0}, out[64];
            struct ke_result io = ke_ioctl(file, (uint32_t)strtoul(argv[i], NULL, 0), in, 8, out, 64, false);

            printf("request %s: status 0x%08x\n", argv[i], (unsigned)io.status);
            if (!NT_SUCCESS(io.status))
                g.differences++;
        }
        (void)ke_close(file); /* the result is the driver's affair */
    }
    if (NT_SUCCESS(r.status) && ke_driver_has_unload(im))
        (void)ke_driver_unload(im); /* as above */
    finish(0);
}
