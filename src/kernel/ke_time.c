/*
 * Virtual time. Interrupt time counts 100 ns since boot and moves only when somebody asks for it: a jump
 * to the next timer when nothing is runnable, a stall, or looks at a clock. System time is interrupt time
 * plus a constant, so that every run sees the same dates.
 *
 * Timeouts are kept in a list sorted by due time; equal times fire in the order they were armed.
 * Doc: WDK, ntddk.h, KUSER_SHARED_DATA; KeQueryInterruptTime; KeQueryPerformanceCounter.
 */
#include "kernel/ke_sched.h"

#include <string.h>

#define BOOT_TIME 75000000ull            /* uptime at the start: 7.5 s */
#define SYSTEM_START 133485408000000000ull /* 2024-01-01 00:00:00 UTC in 100 ns since 1601 */
enum {
    POLL_FIRST = 10,     /* one look at a clock: 1 us */
    POLL_MOST = KE_MS,   /* many looks in a row: 1 ms each */
    POLL_GROW = 64,      /* looks between two doublings */
};

static struct {
    uint64_t now;
    struct pp_list timeouts;
    uint64_t fired;
    uint32_t polls;     /* looks at a clock in a row */
    bool is_firing;
    KUSER_SHARED_DATA shared;
} g;

uint64_t ke_time_now(void)
{
    return g.now;
}

uint64_t ke_time_system(void)
{
    return SYSTEM_START + (g.now - BOOT_TIME);
}

uint64_t ke_timeouts_fired(void)
{
    return g.fired;
}

void ke_time_calm(void)
{
    g.polls = 0;
}

/* ---- Timeouts ---- */

void ke_timeout_arm(struct ke_timeout *t, uint64_t due)
{
    struct pp_list *it;

    PP_ASSERT(!t->is_armed);
    t->due = due;
    t->is_armed = true;
    for (it = g.timeouts.prev; it != &g.timeouts; it = it->prev) {
        if (PP_CONTAINER(it, struct ke_timeout, link)->due <= due)
            break;
    }
    pp_list_push_front(it, &t->link);
}

void ke_timeout_disarm(struct ke_timeout *t)
{
    if (!t->is_armed)
        return;
    t->is_armed = false;
    pp_list_remove(&t->link);
}

uint64_t ke_timeout_next(void)
{
    struct pp_list *first = pp_list_first(&g.timeouts);

    return first ? PP_CONTAINER(first, struct ke_timeout, link)->due : UINT64_MAX;
}

void ke_time_jump(uint64_t to)
{
    if (g.is_firing) {
        g.now = PP_MAX(g.now, to);
        return;
    }
    g.is_firing = true;
    for (;;) {
        struct pp_list *first = pp_list_first(&g.timeouts);
        struct ke_timeout *t = first ? PP_CONTAINER(first, struct ke_timeout, link) : NULL;

        if (!t || t->due > to)
            break;
        g.now = PP_MAX(g.now, t->due);
        ke_timeout_disarm(t);
        g.fired++;
        t->fn(t);
    }
    g.now = PP_MAX(g.now, to);
    g.is_firing = false;
}

void ke_time_advance(uint64_t delta)
{
    ke_time_jump(g.now + delta);
    if (ke_irql_now < DISPATCH_LEVEL && (ke_soft & KE_SOFT_DPC))
        ke_soft_interrupts(ke_irql_now);
    ke_quantum();
}

void ke_time_poll(void)
{
    uint64_t step = POLL_FIRST;

    for (uint32_t n = g.polls++ / POLL_GROW; n && step < POLL_MOST; n--)
        step *= 2;
    ke_time_advance(PP_MIN(step, (uint64_t)POLL_MOST));
}

uint64_t ke_time_due(int64_t timeout)
{
    uint64_t due;

    if (timeout < 0) {
        if (__builtin_add_overflow(g.now, (uint64_t)-(timeout + 1) + 1, &due))
            due = UINT64_MAX - 1;
        return due;
    }
    if ((uint64_t)timeout <= ke_time_system())
        return g.now;
    return (uint64_t)timeout - SYSTEM_START + BOOT_TIME;
}

/* ---- The page shared with user mode ---- */

static void put_time(volatile KSYSTEM_TIME *t, uint64_t v)
{
    t->High2Time = (LONG)(v >> 32);
    t->LowPart = (ULONG)v;
    t->High1Time = (LONG)(v >> 32);
}

static void shared_init(KUSER_SHARED_DATA *s)
{
    static const WCHAR root[] = u"C:\\Windows";
    static const uint8_t features[] = {
        PF_COMPARE_EXCHANGE_DOUBLE, PF_MMX_INSTRUCTIONS_AVAILABLE, PF_XMMI_INSTRUCTIONS_AVAILABLE,
        PF_RDTSC_INSTRUCTION_AVAILABLE, PF_PAE_ENABLED, PF_XMMI64_INSTRUCTIONS_AVAILABLE,
        PF_NX_ENABLED, PF_SSE3_INSTRUCTIONS_AVAILABLE, PF_COMPARE_EXCHANGE128, PF_XSAVE_ENABLED,
        PF_FASTFAIL_AVAILABLE, PF_RDRAND_INSTRUCTION_AVAILABLE, PF_RDTSCP_INSTRUCTION_AVAILABLE,
        PF_SSSE3_INSTRUCTIONS_AVAILABLE, PF_SSE4_1_INSTRUCTIONS_AVAILABLE,
        PF_SSE4_2_INSTRUCTIONS_AVAILABLE,
    };

    s->TickCountMultiplier = 0x0FA00000; /* 15.625 ms as a 24-bit fraction */
    s->ImageNumberLow = s->ImageNumberHigh = 0x8664;
    memcpy(s->NtSystemRoot, root, sizeof root);
    s->TimeZoneId = 0;
    s->LargePageMinimum = 0x200000;
    s->NtBuildNumber = 19045;
    s->NtProductType = NtProductWinNt;
    s->ProductTypeIsValid = TRUE;
    s->NativeProcessorArchitecture = 9; /* AMD64 */
    s->NtMajorVersion = 10;
    s->NtMinorVersion = 0;
    for (size_t i = 0; i < sizeof features; i++)
        s->ProcessorFeatures[features[i]] = TRUE;
    s->BootId = 1;
    s->SuiteMask = 0x110; /* terminal services, single user */
    s->CyclesPerYield = 100;
    s->ActiveConsoleId = 1;
    s->NumberOfPhysicalPages = KE_RAM_PAGES;
    s->SharedDataFlags = 0x0E; /* UAC, virtualization, installer detection */
    s->TestRetInstruction = 0xC3;
    s->QpcFrequency = 10000000;
    s->SystemCall = 0;
    s->Cookie = 0x5EED5A17;
    s->ActiveProcessorCount = ke_cpu_count();
    s->ActiveGroupCount = 1;
    s->QpcData = 0;
    s->XState.EnabledFeatures = 3;
    s->XState.Size = 0x240;
}

const KUSER_SHARED_DATA *ke_user_shared(void)
{
    KUSER_SHARED_DATA *s = &g.shared;

    ke_time_poll();
    put_time(&s->InterruptTime, g.now);
    put_time(&s->SystemTime, ke_time_system());
    put_time(&s->TickCount, g.now / KE_TICK);
    s->TickCountLowDeprecated = (ULONG)(g.now / KE_TICK);
    return s;
}

void ke_time_init(void)
{
    pp_list_init(&g.timeouts);
    g.now = BOOT_TIME;
    shared_init(&g.shared);
}

/* ---- Exports ---- */

/* Doc: wdm.h, KeQuerySystemTime: as of the last clock tick. */
NT_EXPORT VOID NTAPI KeQuerySystemTime(PLARGE_INTEGER ret)
{
    ke_time_poll();
    ret->QuadPart = (LONGLONG)(ke_time_system() - g.now % KE_TICK);
}

NT_EXPORT VOID NTAPI KeQuerySystemTimePrecise(PLARGE_INTEGER ret)
{
    ke_time_poll();
    ret->QuadPart = (LONGLONG)ke_time_system();
}

NT_EXPORT VOID NTAPI KeQueryTickCount(PLARGE_INTEGER ret)
{
    ke_time_poll();
    ret->QuadPart = (LONGLONG)(g.now / KE_TICK);
}

NT_EXPORT ULONGLONG NTAPI KeQueryInterruptTime(void)
{
    ke_time_poll();
    return g.now - g.now % KE_TICK;
}

NT_EXPORT ULONGLONG NTAPI KeQueryInterruptTimePrecise(PULONG64 qpc)
{
    ke_time_poll();
    if (qpc)
        *qpc = g.now;
    return g.now;
}

/* The machine never sleeps, so biased and unbiased times agree. */
NT_EXPORT ULONGLONG NTAPI KeQueryUnbiasedInterruptTime(void)
{
    return KeQueryInterruptTime();
}

NT_EXPORT ULONGLONG NTAPI KeQueryUnbiasedInterruptTimePrecise(PULONG64 qpc)
{
    return KeQueryInterruptTimePrecise(qpc);
}

NT_EXPORT ULONG NTAPI KeQueryTimeIncrement(void)
{
    return KE_TICK;
}

/* Doc: wdm.h, KeQueryPerformanceCounter: 10 MHz since Windows 10. */
NT_EXPORT LARGE_INTEGER NTAPI KeQueryPerformanceCounter(PLARGE_INTEGER frequency)
{
    LARGE_INTEGER ret;

    if (frequency)
        frequency->QuadPart = 10000000;
    ke_time_poll();
    ret.QuadPart = (LONGLONG)g.now;
    return ret;
}

NT_EXPORT VOID NTAPI KeStallExecutionProcessor(ULONG microseconds)
{
    ke_time_advance((uint64_t)microseconds * 10);
}

/* Doc: wdm.h, ExQueryTimerResolution. The clock interrupts every 15.625 ms, 0.5 ms at best. */
NT_EXPORT VOID NTAPI ExQueryTimerResolution(PULONG maximum, PULONG minimum, PULONG current)
{
    *maximum = KE_TICK;
    *minimum = 5000;
    *current = KE_TICK;
}

NT_EXPORT ULONG NTAPI ExSetTimerResolution(ULONG desired, BOOLEAN set)
{
    if (!set)
        return KE_TICK;
    return (ULONG)PP_MIN(PP_MAX(desired, 5000u), (ULONG)KE_TICK);
}
