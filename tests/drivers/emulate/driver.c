/* Instructions that a process may not execute, and loads from the page shared with every process, in the
 * forms that compilers emit. Must stay silent. */
#include "rule.h"

#define SHARED 0xFFFFF78000000000ull

static ULONG failures;

static void check(const char *name, BOOLEAN good)
{
    if (!good) {
        failures++;
        DbgPrint("emulate: %s failed\n", name);
    }
}

/* ---- The shared page ---- */

static __declspec(noinline) void shared_loads(void)
{
    volatile UCHAR *shared = blind((PVOID)SHARED);
    ULONG64 rax = 0, rcx = 0, rdx = 0, low, high;
    ULONG64 pair[2] = {0};
    UCHAR equal = 0, root[8] = {0};

    __asm__ volatile("movabs 0xFFFFF7800000026C, %%eax" : "=a"(rax)); /* 64-bit address form: 10.x */
    check("moffs", (ULONG)rax == 10);
    __asm__ volatile("movzbl 0x26C(%1), %%eax" : "=a"(rax) : "r"(shared));
    check("movzx", rax == 10);
    __asm__ volatile("movslq 0x26C(%1), %%rax" : "=a"(rax) : "r"(shared));
    check("movsxd", rax == 10);
    __asm__ volatile("mov $-1, %%rax\n\t movw 0x26C(%1), %%ax" : "=a"(rax) : "r"(shared));
    check("mov16", rax == 0xFFFFFFFFFFFF000Aull);
    __asm__ volatile("xor %%eax, %%eax\n\t movb 0x26C(%1), %%ah" : "=a"(rax) : "r"(shared));
    check("mov ah", rax == 0xA00);
    __asm__ volatile("cmpl $10, 0x26C(%1)\n\t sete %0" : "=q"(equal) : "r"(shared) : "cc");
    check("cmp", equal == 1);
    __asm__ volatile("mov $10, %%ecx\n\t cmp %%ecx, 0x26C(%1)\n\t sete %0" : "=q"(equal) : "r"(shared) : "rcx", "cc");
    check("cmp reg", equal == 1);
    __asm__ volatile("testb $2, 0x26C(%1)\n\t setne %0" : "=q"(equal) : "r"(shared) : "cc");
    check("test", equal == 1);
    __asm__ volatile("mov $5, %%eax\n\t add 0x26C(%1), %%eax" : "=a"(rax) : "r"(shared) : "cc");
    check("add", rax == 15);
    __asm__ volatile("mov $5, %%ecx\n\t imul 0x26C(%1), %%ecx" : "=c"(rcx) : "r"(shared) : "cc");
    check("imul", rcx == 50);
    __asm__ volatile("mov %1, %%rdx\n\t mov 0x26C(%%rdx), %%edx" : "=d"(rdx) : "r"(shared));
    check("mov base", rdx == 10);
    __asm__ volatile("mov %1, %%rdx\n\t mov $0x9B, %%ecx\n\t mov (%%rdx,%%rcx,4), %%eax" : "=a"(rax) : "r"(shared) : "rcx", "rdx");
    check("index", rax == 10);
    __asm__ volatile("movdqu 0x30(%1), %%xmm3\n\t movdqu %%xmm3, %0" : "=m"(pair) : "r"(shared) : "xmm3", "memory");
    check("movdqu", *(USHORT *)pair == 'C' && ((USHORT *)pair)[1] == ':');
    __asm__ volatile("mov %1, %%rsi\n\t add $0x30, %%rsi\n\t lea %0, %%rdi\n\t mov $8, %%ecx\n\t rep movsb\n\t"
                     : "=m"(root)
                     : "r"(shared)
                     : "rsi", "rdi", "rcx", "memory");
    check("rep movsb", root[0] == 'C' && root[2] == ':' && root[4] == '\\');
    __asm__ volatile("mov %2, %%rsi\n\t add $0x30, %%rsi\n\t lodsw\n\t mov %%rsi, %1"
                     : "=a"(rax), "=m"(low)
                     : "r"(shared)
                     : "rsi", "memory");
    check("lods", (USHORT)rax == 'C' && low == SHARED + 0x32);
    low = *(volatile ULONG64 *)(shared + 8);
    high = *(volatile ULONG64 *)(shared + 8);
    check("time", high >= low && low != 0);
}

static __declspec(noinline) void shared_routine(void)
{
    UNICODE_STRING s;

    RtlInitUnicodeString(&s, blind((PVOID)(SHARED + 0x30)));
    check("routine", s.Length == 20);
}

/* Waits for the tick count without calling the kernel. */
static __declspec(noinline) void shared_wait(void)
{
    volatile ULONG *ticks = blind((PVOID)(SHARED + 0x320));
    ULONG start = *ticks;

    while (*ticks - start < 20)
        ;
    check("wait", TRUE);
}

/* ---- IRQL ---- */

static __declspec(noinline) void cr8(void)
{
    ULONG64 v;
    KIRQL irql;

    __asm__ volatile("mov %%cr8, %0" : "=r"(v));
    check("cr8 passive", v == 0);
    __asm__ volatile("mov %0, %%cr8" : : "r"(2ull));
    check("cr8 raised", KeGetCurrentIrql() == DISPATCH_LEVEL);
    __asm__ volatile("mov %%cr8, %0" : "=r"(v));
    check("cr8 read", v == 2);
    __asm__ volatile("mov %0, %%cr8" : : "r"(0ull));
    check("cr8 lowered", KeGetCurrentIrql() == PASSIVE_LEVEL);
    KeRaiseIrql(APC_LEVEL, &irql);
    __asm__ volatile("mov %%cr8, %%r11\n\t mov %%r11, %0" : "=r"(v) : : "r11");
    check("cr8 apc", v == 1);
    KeLowerIrql(irql);
}

static volatile LONG dpc_ran;

static VOID NTAPI dpc_routine(PKDPC dpc, PVOID context, PVOID a, PVOID b)
{
    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(a);
    UNREFERENCED_PARAMETER(b);
    dpc_ran++;
}

static KDPC dpc;

/* Lowering through cr8 lets a queued DPC run, on the way. */
static __declspec(noinline) void cr8_dpc(void)
{
    ULONG64 rbx;

    dpc_ran = 0;
    KeInitializeDpc(&dpc, dpc_routine, NULL);
    __asm__ volatile("mov %0, %%cr8" : : "r"(2ull));
    KeInsertQueueDpc(&dpc, NULL, NULL);
    check("dpc held back", dpc_ran == 0);
    __asm__ volatile("mov $0x7777, %%ebx\n\t xor %%eax, %%eax\n\t mov %%rax, %%cr8\n\t mov %%rbx, %0"
                     : "=r"(rbx)
                     :
                     : "rax", "rbx");
    check("dpc ran", dpc_ran == 1 && rbx == 0x7777);
}

/* ---- Ports, registers ---- */

static __declspec(noinline) void ports(void)
{
    ULONG v = 0;
    UCHAR bytes[4] = {1, 2, 3, 4};
    ULONG64 rcx, rdi;

    __asm__ volatile("mov $0x2F8, %%edx\n\t in %%dx, %%al" : "=a"(v) : : "rdx");
    __asm__ volatile("mov $0x1234, %%edx\n\t in %%dx, %%eax" : "=a"(v) : : "rdx");
    check("in", v == 0xFFFFFFFF);
    __asm__ volatile("xor %%eax, %%eax\n\t out %%al, $0x80" : : : "rax");
    __asm__ volatile("lea %2, %%rdi\n\t mov $0x1234, %%edx\n\t mov $3, %%ecx\n\t rep insb\n\t mov %%rcx, %0\n\t mov %%rdi, %1"
                     : "=r"(rcx), "=r"(rdi), "+m"(bytes)
                     :
                     : "rcx", "rdx", "rdi", "memory");
    check("ins", bytes[0] == 0xFF && bytes[2] == 0xFF && bytes[3] == 4 && rcx == 0 &&
                     rdi == (ULONG64)bytes + 3);
    __asm__ volatile("lea %0, %%rsi\n\t mov $0x1234, %%edx\n\t mov $4, %%ecx\n\t rep outsb"
                     :
                     : "m"(bytes)
                     : "rcx", "rdx", "rsi", "memory");
}

static __declspec(noinline) void others(void)
{
    ULONG64 v;
    ULONG low, high;

    __asm__ volatile("cli\n\t sti\n\t clts\n\t wbinvd\n\t invlpg (%%rsp)" : : : "memory");
    __asm__ volatile("mov %%cr0, %0" : "=r"(v));
    check("cr0", (v & 0x80000001) == 0x80000001);
    __asm__ volatile("mov %%cr4, %0\n\t mov %0, %%cr4" : "=r"(v));
    check("cr4", (v & 0x20) != 0);
    __asm__ volatile("mov %%dr7, %0" : "=r"(v));
    check("dr7", v == 0x400);
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0x1B));
    check("apic base", (low & 0xFFFFF000) == 0xFEE00000);
    __asm__ volatile("hlt");
    __asm__ volatile("mov $3, %%ecx\n\t rdpmc" : "=a"(low), "=d"(high) : : "rcx");
    __asm__ volatile("mov %%gs:0x188, %0" : "=r"(v));
    check("gs", v == (ULONG64)PsGetCurrentThread() && (PKTHREAD)v == KeGetCurrentThread());
}

/* A port string onto an address that is none: the driver's own handler gets it. */
static __declspec(noinline) void faulty_port(void)
{
    ULONG code = 0;

    __try {
        __asm__ volatile("mov $0x1000, %%edi\n\t mov $0x1234, %%edx\n\t insb" : : : "rdx", "rdi", "memory");
    } __except (code = _exception_code(), EXCEPTION_EXECUTE_HANDLER) {
    }
    check("faulty ins", code == (ULONG)STATUS_ACCESS_VIOLATION);
}

/* ---- A spin that only a timer ends ---- */

static KTIMER timer;
static KDPC timer_dpc;

static __declspec(noinline) void spin(void)
{
    LARGE_INTEGER due;

    dpc_ran = 0;
    KeInitializeTimer(&timer);
    KeInitializeDpc(&timer_dpc, dpc_routine, NULL);
    due.QuadPart = -500000;
    KeSetTimer(&timer, due, &timer_dpc);
    while (!dpc_ran)
        ;
    check("spin", TRUE);
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    failures = 0;
    shared_loads();
    shared_routine();
    shared_wait();
    cr8();
    cr8_dpc();
    ports();
    others();
    faulty_port();
    spin();
    return failures ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS;
}
