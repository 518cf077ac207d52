/* Structured exception handling, each shape a driver uses it in. The request succeeds when every case went
 * as Windows documents it; a case that did not is named by DbgPrint. Must stay silent. */
#include "rule.h"

NTSYSAPI USHORT NTAPI RtlCaptureStackBackTrace(ULONG skip, ULONG count, PVOID *trace, PULONG hash);

#define EXECUTE 1
#define SEARCH 0
#define CONTINUE (-1)

static ULONG failures;
static char trail[64]; /* the order in which things happened */
static ULONG trail_size;

static void mark(char c)
{
    if (trail_size + 1 < sizeof trail)
        trail[trail_size++] = c;
    trail[trail_size] = 0;
}

static void clear(void)
{
    trail_size = 0;
    trail[0] = 0;
}

static void check(const char *name, BOOLEAN good)
{
    if (!good) {
        failures++;
        DbgPrint("seh: %s failed, trail %s\n", name, trail);
    }
}

static BOOLEAN trail_is(const char *want)
{
    ULONG i = 0;

    while (want[i] && want[i] == trail[i])
        i++;
    return want[i] == trail[i];
}

static __declspec(noinline) void touch(volatile ULONG *p)
{
    *p = 1;
}

static volatile ULONG quotient;

static __declspec(noinline) ULONG divide(ULONG a, volatile ULONG b)
{
    quotient = a / b;
    return quotient;
}

/* ---- One frame ---- */

static LONG note_code(ULONG code, PEXCEPTION_POINTERS ptrs, ULONG *ret, PVOID *address)
{
    *ret = code;
    *address = ptrs->ExceptionRecord->NumberParameters > 1
                   ? (PVOID)ptrs->ExceptionRecord->ExceptionInformation[1]
                   : NULL;
    return EXECUTE;
}

static __declspec(noinline) void direct(void)
{
    volatile ULONG *p = blind((PVOID)0x10);
    ULONG code = 0;
    PVOID address = NULL;

    clear();
    __try {
        mark('a');
        *p = 1;
        mark('x');
    } __except (note_code(_exception_code(), _exception_info(), &code, &address)) {
        mark('b');
    }
    mark('c');
    check("direct", trail_is("abc") && code == (ULONG)STATUS_ACCESS_VIOLATION && address == (PVOID)0x10);
}

static __declspec(noinline) void nested_finally(void)
{
    clear();
    __try {
        __try {
            mark('a');
            touch(blind((PVOID)0x20));
        } __finally {
            mark(_abnormal_termination() ? 'f' : 'n');
        }
    } __except (mark('e'), EXECUTE) {
        mark('h');
    }
    check("nested_finally", trail_is("aefh"));
    clear();
    __try {
        mark('a');
    } __finally {
        mark(_abnormal_termination() ? 'f' : 'n');
    }
    check("normal_finally", trail_is("an"));
}

static LONG choose(ULONG code)
{
    mark('s');
    return code == (ULONG)STATUS_INTEGER_DIVIDE_BY_ZERO ? EXECUTE : SEARCH;
}

static __declspec(noinline) void selective(void)
{
    clear();
    __try {
        __try {
            touch(blind((PVOID)0x30));
        } __except (choose(_exception_code())) {
            mark('w');
        }
    } __except (EXECUTE) {
        mark('o');
    }
    __try {
        (void)divide(1, 0);
    } __except (choose(_exception_code())) {
        mark('d');
    }
    check("selective", trail_is("sosd"));
}

/* ---- Several frames ---- */

static __declspec(noinline) void deep(ULONG n)
{
    volatile ULONG room[16];

    room[n & 15] = n;
    __try {
        if (!n)
            ExRaiseStatus(STATUS_INVALID_PARAMETER);
        deep(n - 1);
    } __finally {
        mark((char)('0' + n));
    }
    room[0] = room[n & 15];
}

static __declspec(noinline) void frames(void)
{
    ULONG code = 0;

    clear();
    __try {
        deep(3);
    } __except (code = _exception_code(), EXECUTE) {
        mark('h');
    }
    check("frames", trail_is("0123h") && code == (ULONG)STATUS_INVALID_PARAMETER);
}

/* A frame of unknown size, found through rbp. */
static __declspec(noinline) void dynamic(ULONG n)
{
    volatile char *room = __builtin_alloca(n);
    volatile ULONG before = 0x12345678;

    clear();
    room[n - 1] = 1;
    __try {
        room[0] = 2;
        touch(blind((PVOID)0x40));
    } __except (before == 0x12345678 ? EXECUTE : SEARCH) {
        mark(room[0] == 2 && room[n - 1] == 1 ? 'h' : 'x');
    }
    check("dynamic", trail_is("h") && before == 0x12345678);
}

/* ---- Exceptions inside handlers ---- */

static __declspec(noinline) void from_handler(void)
{
    clear();
    __try {
        __try {
            touch(blind((PVOID)0x50));
        } __except (EXECUTE) {
            mark('a');
            (void)divide(2, 0);
        }
    } __except (_exception_code() == (ULONG)STATUS_INTEGER_DIVIDE_BY_ZERO ? EXECUTE : SEARCH) {
        mark('b');
    }
    check("from_handler", trail_is("ab"));
}

static __declspec(noinline) void from_finally(void)
{
    ULONG code = 0;

    clear();
    __try {
        __try {
            __try {
                touch(blind((PVOID)0x60));
            } __finally {
                mark('a');
                (void)divide(3, 0);
            }
        } __finally {
            mark('b');
        }
    } __except (code = _exception_code(), EXECUTE) {
        mark('c');
    }
    check("from_finally", trail_is("abc") && code == (ULONG)STATUS_INTEGER_DIVIDE_BY_ZERO);
}

static __declspec(noinline) LONG faulty_filter(void)
{
    __try {
        mark('f');
        touch(blind((PVOID)0x70));
    } __except (EXECUTE) {
        mark('g');
    }
    return EXECUTE;
}

static __declspec(noinline) void from_filter(void)
{
    clear();
    __try {
        (void)divide(4, 0);
    } __except (faulty_filter()) {
        mark('h');
    }
    check("from_filter", trail_is("fgh"));
}

/* The filter's own exception passes the frames below the dispatcher. */
static LONG raising_filter(ULONG code)
{
    mark('r');
    if (code == (ULONG)STATUS_INTEGER_DIVIDE_BY_ZERO)
        ExRaiseStatus(STATUS_NO_SUCH_DEVICE);
    return SEARCH;
}

static __declspec(noinline) void through_filter(void)
{
    ULONG code = 0;

    clear();
    __try {
        __try {
            (void)divide(5, 0);
        } __except (raising_filter(_exception_code())) {
            mark('x');
        }
    } __except (code = _exception_code(), EXECUTE) {
        mark('h');
    }
    check("through_filter", trail_is("rrh") && code == (ULONG)STATUS_NO_SUCH_DEVICE);
}

/* ---- Leaving a __try ---- */

static __declspec(noinline) ULONG return_inside(ULONG n)
{
    __try {
        if (n)
            return n;
        mark('n');
    } __finally {
        mark('f');
    }
    return 0;
}

static __declspec(noinline) void leaving(void)
{
    ULONG i, sum = 0;

    clear();
    check("return_inside", return_inside(7) == 7 && trail_is("f"));
    clear();
    for (i = 0; i < 4; i++) {
        __try {
            if (i == 1)
                continue;
            if (i == 3)
                break;
            sum += i;
        } __finally {
            mark('f');
        }
    }
    check("leaving", sum == 2 && i == 3 && trail_is("ffff"));
    clear();
    __try {
        mark('a');
        __leave;
    } __finally {
        mark('f');
    }
    check("leave", trail_is("af"));
}

/* ---- Continuing ---- */

static LONG step_over(PEXCEPTION_POINTERS ptrs)
{
    if (ptrs->ExceptionRecord->ExceptionCode != STATUS_BREAKPOINT)
        return SEARCH;
    mark('s');
    ptrs->ContextRecord->Rip++;
    ptrs->ContextRecord->Rsi = 0x5151;
    ptrs->ContextRecord->Xmm6.Low = 0x6161;
    return CONTINUE;
}

static __declspec(noinline) void continuing(void)
{
    ULONG64 rsi = 1, xmm = 2;

    clear();
    __try {
        __asm__ volatile("mov %2, %%rsi\n\t movq %%rsi, %%xmm6\n\t int3\n\t mov %%rsi, %0\n\t movq %%xmm6, %1"
                         : "=r"(rsi), "=r"(xmm)
                         : "i"(77)
                         : "rsi", "xmm6", "memory");
        mark('c');
    } __except (step_over(_exception_info())) {
        mark('x');
    }
    check("continuing", trail_is("sc") && rsi == 0x5151 && xmm == 0x6161);
}

/* ---- Registers that a call keeps ---- */

static __declspec(noinline) void spoil(void)
{
    __asm__ volatile("xor %%ebx, %%ebx\n\t xor %%esi, %%esi\n\t xor %%edi, %%edi\n\t xor %%r12d, %%r12d\n\t"
                     "xor %%r13d, %%r13d\n\t xor %%r14d, %%r14d\n\t xor %%r15d, %%r15d\n\t"
                     "pxor %%xmm6, %%xmm6\n\t pxor %%xmm7, %%xmm7\n\t pxor %%xmm15, %%xmm15\n\t"
                     "movl $1, 0x80"
                     :
                     :
                     : "rbx", "rsi", "rdi", "r12", "r13", "r14", "r15", "xmm6", "xmm7", "xmm15", "memory");
}

static __declspec(noinline) void swallow(void)
{
    __try {
        spoil();
    } __except (EXECUTE) {
        mark('h');
    }
}

static __declspec(noinline) void registers(void)
{
    ULONG64 got[4] = {0};

    clear();
    __asm__ volatile("mov $0x1111, %%ebx\n\t mov $0x2222, %%esi\n\t mov $0x3333, %%r15d\n\t"
                     "movq %%rbx, %%xmm6\n\t movq %%rsi, %%xmm15\n\t"
                     "call *%5\n\t" /* the frame has room for a callee's arguments */
                     "mov %%rbx, %0\n\t mov %%r15, %1\n\t movq %%xmm6, %2\n\t movq %%xmm15, %3\n\t"
                     "cmp $0x2222, %%rsi\n\t je 1f\n\t movq $0, %0\n 1:"
                     : "=m"(got[0]), "=m"(got[1]), "=m"(got[2]), "=m"(got[3])
                     : "i"(0), "r"(swallow)
                     : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "rbx", "rsi", "r15", "xmm0", "xmm1",
                       "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm15", "memory");
    check("registers", trail_is("h") && got[0] == 0x1111 && got[1] == 0x3333 && got[2] == 0x1111 &&
                           got[3] == 0x2222);
}

/* ---- Kinds of exceptions ---- */

static __declspec(noinline) ULONG code_of(void (*fn)(void))
{
    ULONG code = 0;

    __try {
        fn();
    } __except (code = _exception_code(), EXECUTE) {
    }
    return code;
}

static __declspec(noinline) void do_ud2(void)
{
    __asm__ volatile("ud2");
}

static __declspec(noinline) void do_assert(void)
{
    __asm__ volatile("int $0x2c");
}

static __declspec(noinline) void do_overflow(void)
{
    __asm__ volatile("mov $-1, %%rdx\n\t xor %%eax, %%eax\n\t mov $2, %%ecx\n\t div %%rcx"
                     :
                     :
                     : "rax", "rcx", "rdx");
}

static __declspec(noinline) void do_msr(void)
{
    __asm__ volatile("mov $0x4BADF00D, %%ecx\n\t rdmsr" : : : "rax", "rcx", "rdx");
}

static __declspec(noinline) void do_not_canonical(void)
{
    touch(blind((PVOID)0x1234567800000000ull));
}

static __declspec(noinline) void do_probe(void)
{
    ProbeForRead(blind((PVOID)0xFFFFF80000000000ull), 16, 1);
}

static __declspec(noinline) void do_routine(void)
{
    UNICODE_STRING s;

    RtlInitUnicodeString(&s, blind((PVOID)0x1000));
}

static __declspec(noinline) void do_misaligned(void)
{
    ExRaiseDatatypeMisalignment();
}

static __declspec(noinline) void do_violation(void)
{
    ExRaiseAccessViolation();
}

static void kinds(void)
{
    clear();
    check("ud2", code_of(do_ud2) == (ULONG)STATUS_ILLEGAL_INSTRUCTION);
    check("int 2c", code_of(do_assert) == 0xC0000420);
    check("overflow", code_of(do_overflow) == (ULONG)STATUS_INTEGER_OVERFLOW);
    check("rdmsr", code_of(do_msr) == (ULONG)STATUS_PRIVILEGED_INSTRUCTION);
    check("not canonical", code_of(do_not_canonical) == (ULONG)STATUS_ACCESS_VIOLATION);
    check("probe", code_of(do_probe) == (ULONG)STATUS_ACCESS_VIOLATION);
    check("routine", code_of(do_routine) == (ULONG)STATUS_ACCESS_VIOLATION);
    check("misaligned", code_of(do_misaligned) == (ULONG)STATUS_DATATYPE_MISALIGNMENT);
    check("violation", code_of(do_violation) == (ULONG)STATUS_ACCESS_VIOLATION);
}

/* ---- Frames as data ---- */

static __declspec(noinline) void traces(void)
{
    PVOID at[8] = {0};
    USHORT n = RtlCaptureStackBackTrace(0, 8, at, NULL);

    check("trace", n >= 3 && (ULONG64)at[0] > (ULONG64)traces && (ULONG64)at[0] < (ULONG64)traces + 0x100 &&
                       (ULONG64)at[1] > (ULONG64)provoke && (ULONG64)at[1] < (ULONG64)provoke + 0x2000);
}

static __declspec(noinline) void again(void)
{
    ULONG i;

    clear();
    for (i = 0; i < 200; i++) {
        __try {
            touch(blind((PVOID)(ULONG64)(i * 8)));
        } __except (EXECUTE) {
            continue;
        }
        mark('x');
    }
    check("again", trail_is(""));
}

RULE_NOTHING_AT_START
RULE_NOTHING_AT_END

NTSTATUS provoke(PDEVICE_OBJECT device, PIRP irp)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    failures = 0;
    direct();
    nested_finally();
    selective();
    frames();
    dynamic(200);
    from_handler();
    from_finally();
    from_filter();
    through_filter();
    leaving();
    continuing();
    registers();
    kinds();
    traces();
    again();
    return failures ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS;
}
