/* Doubles for what the run-time library calls in the rest of the kernel. Weak: where the real thing
 * is linked, it wins. */
#include "rtl_fixture.h"

#include <setjmp.h>
#include <stdlib.h>

#define WEAK __attribute__((weak))

struct rtl_seen rtl_seen;
static const char *watched;
static size_t watched_size;

void rtl_watch(const void *p, size_t size)
{
    watched = p;
    watched_size = size;
}

WEAK size_t mm_check_range(const void *p, size_t size, bool is_write)
{
    const char *start = p;
    size_t room;

    (void)is_write;
    if (!watched || start < watched || start > watched + watched_size)
        return size;
    room = (size_t)(watched + watched_size - start);
    if (size <= room)
        return size;
    rtl_seen.overruns++;
    return room;
}

WEAK void mm_copy(void *dst, const void *src, size_t size)
{
    if (!size)
        return;
    mm_check_range(src, size, false);
    memmove(dst, src, mm_check_range(dst, size, true));
}

WEAK void mm_fill(void *dst, int byte, size_t size)
{
    memset(dst, byte, mm_check_range(dst, size, true));
}

WEAK void *ex_alloc_for_driver(POOL_TYPE type, size_t size, uint32_t tag)
{
    cr_expect_eq(type, PagedPool);
    (void)tag;
    if (rtl_seen.fail_alloc)
        return NULL;
    rtl_seen.live++;
    return calloc(1, size + !size);
}

WEAK void ex_free_for_driver(void *p, uint32_t tag)
{
    (void)tag;
    rtl_seen.live--;
    free(p);
}

WEAK void *ex_alloc_kernel(size_t size, const char tag[4], bool paged)
{
    (void)tag;
    (void)paged;
    return calloc(1, size);
}

WEAK void ex_free_kernel(void *p)
{
    free(p);
}

typedef uint64_t NTAPI routine(uint64_t, uint64_t, uint64_t, uint64_t);

WEAK uint64_t ke_callout(uint64_t target, enum ke_callout_tag tag, bool *aborted, unsigned argc,
                         const uint64_t *argv)
{
    uint64_t a[4] = {0};

    (void)tag;
    (void)aborted;
    memcpy(a, argv, argc * sizeof *argv);
    return ((routine *)(uintptr_t)target)(a[0], a[1], a[2], a[3]);
}

static void print_double(void *ctx, const char *text, size_t size)
{
    (void)ctx;
    strncat(rtl_seen.printed, text, size);
}

static void note_double(void *ctx, const char *text)
{
    (void)ctx;
    strcat(rtl_seen.noted, text);
}

WEAK struct ke_machine ke_m;

__attribute__((constructor)) static void set_host(void)
{
    ke_m.config.host.debug_print = print_double;
    ke_m.config.host.note = note_double;
}

WEAK struct ke_thread *ke_thread_now;

WEAK struct ke_gate_record *ke_gate_import(void)
{
    return NULL;
}

WEAK void ke_yield(void)
{
}

WEAK void ke_time_poll(void)
{
}

WEAK uint64_t ke_caller(void)
{
    return 0;
}

WEAK struct ke_image *ke_image_at(uint64_t addr)
{
    (void)addr;
    return NULL;
}

WEAK struct ke_image *ke_image_current(void)
{
    return NULL;
}

WEAK void ke_stack_capture(struct vf_stack *ret)
{
    ret->count = 0;
}

WEAK const KUSER_SHARED_DATA *ke_user_shared(void)
{
    static KUSER_SHARED_DATA shared; /* one hour west: local = system - bias */

    shared.TimeZoneBias.LowPart = (ULONG)(36000000000ull & 0xFFFFFFFF);
    shared.TimeZoneBias.High1Time = (LONG)(36000000000ull >> 32);
    return &shared;
}

WEAK uint32_t vf_report(const struct vf_case *c)
{
    (void)c;
    return ++rtl_seen.findings;
}

WEAK PP_NORETURN void ke_contain(void)
{
    cr_assert(rtl_seen.findings == 1); /* the test ends here, as the request would */
    exit(42);
}

WEAK PP_NORETURN void ke_raise_status(NTSTATUS status)
{
    exit((int)((ULONG)status & 0x7F));
}
