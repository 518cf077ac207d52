#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct host_options options = {.driver = "/nowhere/demo.sys",
                                      .verify = true,
                                      .seed = 7,
                                      .command = "poolproof run /nowhere/demo.sys"};

void fixture_send(struct host_session *s, enum host_rec type, const void *payload, size_t size)
{
    host_collect(s, type, payload, size);
}

struct host_session *fixture_session(void)
{
    struct host_session *s = pp_new(sizeof *s);
    struct host_module m = {.base = FIXTURE_IMAGE, .size = 0x10000, .is_load = 1};
    struct pl_patterns pat = {.fresh = 0xB5, .freed = 0xD7, .slack = 0xA7};

    cr_assert(s);
    s->v.o = &options;
    pp_fmt(m.name, sizeof m.name, "demo.sys");
    pp_fmt(m.path, sizeof m.path, "/nowhere/demo.sys");
    fixture_send(s, HOST_REC_MODULE, &m, sizeof m);
    fixture_send(s, HOST_REC_GUARD, "madvise", 7);
    fixture_send(s, HOST_REC_PATTERNS, &pat, sizeof pat);
    return s;
}

uint64_t fixture_stub(const char *name)
{
    for (uint64_t at = 0x4D0000000000ull;; at += 32) {
        const char *n = ke_stub_name(at);

        cr_assert(n, "no export %s", name);
        if (!strcmp(n, name))
            return at;
    }
}

void fixture_stack(struct vf_stack *st, const char *stub, uint32_t first_rva, uint32_t second_rva)
{
    memset(st, 0, sizeof *st);
    if (stub)
        st->pc[st->count++] = fixture_stub(stub);
    st->pc[st->count++] = FIXTURE_IMAGE + first_rva;
    st->pc[st->count++] = FIXTURE_IMAGE + second_rva;
}

struct vf_finding fixture_overrun(void)
{
    struct vf_finding f = {
        .rule = VF_BEYOND_END, .number = 1, .access = VF_WRITE, .fatal = 1, .has_addr = 1};

    f.block = (struct pl_block_info){.has_block = true, .special = true, .live = true, .size = 48};
    f.block.start = FIXTURE_POOL + 0xFD0;
    f.block.tag = 0x6F6D6544; /* "Demo" */
    f.has_block = 1;
    f.addr = FIXTURE_POOL + 0x1000;
    f.pc = FIXTURE_IMAGE + 0x1234;
    f.p[0] = f.addr;
    f.p[1] = 1;
    f.p[2] = f.pc;
    f.irql = 2;
    f.window_start = FIXTURE_POOL + 0xFC0;
    f.window_size = VF_WINDOW;
    for (unsigned i = 0; i < 64; i++) {
        f.window[i] = (uint8_t)(i < 16 ? 0xA7 : 0x30 + i);
        f.window_valid[i] = 1;
    }
    fixture_stack(&f.stack, NULL, 0x1234, 0x2345);
    fixture_stack(&f.alloc_stack, "ExAllocatePoolWithTag", 0x1100, 0x2345);
    pp_fmt(f.driver, sizeof f.driver, "demo.sys");
    pp_fmt(f.alloc_driver, sizeof f.alloc_driver, "demo.sys");
    return f;
}

void fixture_step(struct host_session *s, enum host_step_kind kind, uint32_t index,
                  uint32_t outcome, const char *what)
{
    struct host_step st = {.index = index, .outcome = outcome, .kind = (uint32_t)kind};

    pp_fmt(st.what, sizeof st.what, "%s", what);
    fixture_send(s, HOST_REC_STEP, &st, sizeof st);
}

char *fixture_report(const struct host_session *s)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    cr_assert(out);
    host_report(&s->v, out);
    fclose(out);
    return text;
}

void fixture_golden(const char *name, const char *text)
{
    char path[512];
    uint8_t *want = NULL;
    size_t size = 0;
    FILE *out;

    pp_fmt(path, sizeof path, "%s/%s.txt", GOLDEN_DIR, name);
    if (getenv("POOLPROOF_ACCEPT")) {
        out = fopen(path, "w");
        cr_assert(out);
        fputs(text, out);
        fclose(out);
        return;
    }
    cr_assert(host_read_file(path, 1 << 20, &want, &size) == 0, "%s", path);
    cr_expect(!strcmp(text, (const char *)want), "%s differs; the report is now:\n%s", path, text);
    pp_free(want);
}
