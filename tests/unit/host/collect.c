/* Records are not believed. */
#include "fixture.h"

#include <string.h>

static void done(struct host_session *s)
{
    host_session_done(s);
    pp_free(s);
}

TEST(collect, same_mistake_once)
{
    struct host_session *s = fixture_session();
    struct vf_finding f = fixture_overrun();

    fixture_send(s, HOST_REC_FINDING, &f, sizeof f);
    f.addr += 8; /* another address, the same instruction and block */
    fixture_send(s, HOST_REC_FINDING, &f, sizeof f);
    f.pc += 4;
    fixture_send(s, HOST_REC_FINDING, &f, sizeof f);
    cr_expect(s->v.finding_count == 2);
    cr_expect(s->v.findings[0].repeats == 1);
    done(s);
}

TEST(collect, start_of_a_fresh_machine_is_no_news)
{
    struct host_session *s = fixture_session();
    struct vf_finding f = fixture_overrun();

    fixture_step(s, HOST_STEP_START, 0, HOST_OUTCOME_NONE, "DriverEntry");
    fixture_send(s, HOST_REC_FINDING, &f, sizeof f);
    s->v.restarts = 1;
    fixture_send(s, HOST_REC_FINDING, &f, sizeof f);
    cr_expect(s->v.finding_count == 1);
    cr_expect(s->v.findings[0].repeats == 0);
    done(s);
}

TEST(collect, damaged_records)
{
    struct host_session *s = fixture_session();
    struct vf_finding f = fixture_overrun();
    struct host_step st;

    f.rule = 100000;
    fixture_send(s, HOST_REC_FINDING, &f, sizeof f);
    cr_expect(s->v.finding_count == 0);
    f = fixture_overrun();
    f.stack.count = f.alloc_stack.count = f.free_stack.count = UINT32_MAX;
    f.window_size = UINT32_MAX;
    memset(f.driver, 'x', sizeof f.driver);
    memset(f.detail, '\033', sizeof f.detail);
    fixture_send(s, HOST_REC_FINDING, &f, sizeof f - 1);
    cr_expect(s->v.finding_count == 0);
    fixture_send(s, HOST_REC_FINDING, &f, sizeof f);
    cr_assert(s->v.finding_count == 1);
    cr_expect(s->v.findings[0].f.stack.count == VF_FRAMES);
    cr_expect(s->v.findings[0].f.window_size == VF_WINDOW);
    cr_expect(strlen(s->v.findings[0].f.driver) == sizeof f.driver - 1);
    cr_expect(!strchr(s->v.findings[0].f.detail, '\033'));
    memset(&st, 0xFF, sizeof st);
    fixture_send(s, HOST_REC_STEP, &st, sizeof st);
    cr_expect(strlen(s->v.last_step.what) == sizeof st.what - 1);
    fixture_send(s, (enum host_rec)9999, "?", 1);
    fixture_send(s, HOST_REC_WARN, "", 0);
    done(s);
}

TEST(collect, exit_codes_by_precedence)
{
    struct host_options o = {.driver = "x.sys"};
    struct host_verdict v = {.o = &o};
    struct host_finding f = {0};

    cr_expect(host_verdict_exit(&v) == HOST_NOT_EXERCISED);
    v.exercised.completed = 1;
    cr_expect(host_verdict_exit(&v) == HOST_CLEAN);
    pp_fmt(v.entry_failed.what, sizeof v.entry_failed.what, "AddDevice");
    cr_expect(host_verdict_exit(&v) == HOST_NOT_EXERCISED);
    v.requests_judged = 1; /* a device of its own was driven */
    cr_expect(host_verdict_exit(&v) == HOST_CLEAN);
    pp_fmt(v.entry_failed.what, sizeof v.entry_failed.what, "DriverEntry");
    cr_expect(host_verdict_exit(&v) == HOST_NOT_EXERCISED);
    v.not_modelled_count = 1;
    cr_expect(host_verdict_exit(&v) == HOST_NOT_MODELLED);
    v.hang_count = 1;
    cr_expect(host_verdict_exit(&v) == HOST_HANG);
    v.findings = &f;
    v.finding_count = 1;
    cr_expect(host_verdict_exit(&v) == HOST_FINDINGS);
    v.own_fault[0] = 'x';
    cr_expect(host_verdict_exit(&v) == HOST_OWN_FAULT);
}
