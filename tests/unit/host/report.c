/* Findings as a reader sees them. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static void check(struct host_session *s, const char *name)
{
    char *text = fixture_report(s);

    fixture_golden(name, text);
    free(text);
    host_session_done(s);
    pp_free(s);
}

TEST(report, overrun)
{
    struct host_session *s = fixture_session();
    struct vf_finding f = fixture_overrun();

    fixture_step(s, HOST_STEP_REQUEST, 3, HOST_OUTCOME_NONE,
                 "IOCTL 0x00222003 to \\Device\\Demo, 16 bytes in (zeros), 0 out");
    fixture_send(s, HOST_REC_FINDING, &f, sizeof f);
    fixture_send(s, HOST_REC_FINDING, &f, sizeof f);
    check(s, "overrun");
}

TEST(report, underrun_through_a_routine)
{
    struct host_session *s = fixture_session();
    struct vf_finding f = fixture_overrun();

    f.rule = VF_BEYOND_END_KERNEL;
    f.by_kernel = 1;
    f.access = VF_READ;
    f.addr = f.block.start - 3;
    pp_fmt(f.routine, sizeof f.routine, "RtlCopyMemory");
    fixture_stack(&f.stack, "RtlCopyMemory", 0x1234, 0x2345);
    fixture_send(s, HOST_REC_FINDING, &f, sizeof f);
    check(s, "underrun");
}

TEST(report, irp_after_completion)
{
    struct host_session *s = fixture_session();
    struct vf_finding f = fixture_overrun();

    f.rule = VF_FREED_SPECIAL;
    f.access = VF_READ;
    f.addr = f.block.start + 16;
    f.block.live = false;
    f.block.tag = 0x20707249; /* "Irp " */
    f.alloc_stack.count = 0;
    pp_fmt(f.alloc_driver, sizeof f.alloc_driver, "nt");
    pp_fmt(f.free_driver, sizeof f.free_driver, "nt");
    fixture_stack(&f.free_stack, "IofCompleteRequest", 0x1300, 0x2345);
    memset(f.window_valid, 0, sizeof f.window_valid);
    fixture_send(s, HOST_REC_FINDING, &f, sizeof f);
    check(s, "irp_after_completion");
}

TEST(report, never_initialised_pointer)
{
    struct host_session *s = fixture_session();
    struct vf_finding f = fixture_overrun();

    f.rule = VF_INVALID_ADDRESS;
    f.access = VF_EXECUTE;
    f.has_block = f.has_addr = 0;
    f.p[0] = 0xB5B5B5B5B5B5B5B5ull;
    f.p[1] = 0x10;
    f.p[2] = 0x7F0012345678ull; /* an address of our own must not be shown */
    f.window_size = 0;
    fixture_send(s, HOST_REC_FINDING, &f, sizeof f);
    check(s, "never_initialised");
}

TEST(report, leaks_by_stack)
{
    struct host_session *s = fixture_session();
    struct vf_finding f = {.rule = VF_VER_UNLOAD_LEAK, .access = VF_NO_ACCESS};
    struct vf_finding b = fixture_overrun();

    f.p[0] = 0x62;
    f.p[3] = 3;
    pp_fmt(f.driver, sizeof f.driver, "demo.sys");
    fixture_step(s, HOST_STEP_END, 9, HOST_OUTCOME_NONE, "DriverUnload");
    b.rule = VF_VER_UNLOAD_LEAK;
    pp_fmt(b.object, sizeof b.object, "block");
    fixture_send(s, HOST_REC_FINDING, &b, sizeof b);
    b.block.start += 0x4000;
    fixture_send(s, HOST_REC_FINDING, &b, sizeof b);
    b.block.size = 4096;
    b.block.flags = PL_PAGED;
    fixture_stack(&b.alloc_stack, "ExAllocatePool2", 0x1110, 0x2345);
    fixture_send(s, HOST_REC_FINDING, &b, sizeof b);
    fixture_send(s, HOST_REC_FINDING, &f, sizeof f);
    cr_expect(s->v.finding_count == 1);
    check(s, "leaks");
}

TEST(report, clean_says_what_was_exercised)
{
    struct host_session *s = fixture_session();
    struct ke_exercised e = {.requests = 74,
                             .completed = 74,
                             .succeeded = 8,
                             .blocks = 56,
                             .blocks_reached = 34,
                             .guarded = 12,
                             .allocations = 12};

    fixture_send(s, HOST_REC_EXERCISED, &e, sizeof e);
    host_collect_end(s);
    check(s, "clean");
}

TEST(report, stops_and_hangs)
{
    struct host_session *s = fixture_session();
    struct host_stop st = {0};

    pp_fmt(st.name, sizeof st.name, "ZwFrobnicate");
    pp_fmt(st.detail, sizeof st.detail, "ntoskrnl.exe");
    fixture_stack(&st.stack, "IofCompleteRequest", 0x1300, 0x2345);
    fixture_send(s, HOST_REC_NOT_MODELLED, &st, sizeof st);
    pp_fmt(st.name, sizeof st.name, "the driver waits for ever");
    pp_fmt(st.detail, sizeof st.detail, "thread 4116 waits for an event that nobody sets");
    fixture_send(s, HOST_REC_HANG, &st, sizeof st);
    fixture_send(s, HOST_REC_HANG, &st, sizeof st);
    cr_expect(s->v.hang_count == 1);
    cr_expect(host_verdict_exit(&s->v) == HOST_HANG);
    check(s, "stops");
}
