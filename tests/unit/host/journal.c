/* Records over a pipe. */
#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct heard {
    unsigned count;
    enum host_rec last;
    char text[64];
};

static void hear(void *ctx, enum host_rec type, const void *payload, size_t size)
{
    struct heard *h = ctx;

    h->count++;
    h->last = type;
    pp_fmt(h->text, sizeof h->text, "%.*s", (int)size, (const char *)payload);
}

TEST(journal, records_arrive_whole)
{
    struct host_reader r = {0};
    struct heard h = {0};
    int fds[2];

    cr_assert(pipe(fds) == 0);
    host_journal_write(fds[1], HOST_REC_NOTE, "one", 3);
    host_journal_write(fds[1], HOST_REC_DONE, "", 0);
    host_journal_write(fds[1], HOST_REC_WARN, "three", 5);
    cr_expect(host_reader_pump(&r, fds[0], hear, &h) > 0);
    cr_expect(h.count == 3 && h.last == HOST_REC_WARN && !strcmp(h.text, "three"));
    close(fds[1]);
    cr_expect(host_reader_pump(&r, fds[0], hear, &h) == 0);
    host_reader_done(&r);
    close(fds[0]);
}

TEST(journal, a_record_in_pieces)
{
    struct host_reader r = {0};
    struct heard h = {0};
    char bytes[256];
    int in[2], out[2];
    ssize_t n;

    cr_assert(pipe(in) == 0 && pipe(out) == 0);
    host_journal_write(in[1], HOST_REC_NOTE, "slowly", 6);
    n = read(in[0], bytes, sizeof bytes);
    for (ssize_t i = 0; i < n; i++) {
        cr_expect(h.count == 0);
        cr_assert(write(out[1], bytes + i, 1) == 1);
        cr_expect(host_reader_pump(&r, out[0], hear, &h) == 1);
    }
    cr_expect(h.count == 1 && !strcmp(h.text, "slowly"));
    host_reader_done(&r);
}

TEST(journal, what_is_no_record_is_refused)
{
    static const unsigned char huge[16] = {0x4C, 0x4A, 0x52, 0x50, 1,    0,    0,    0,
                                           0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    struct host_reader r = {0};
    struct heard h = {0};
    int fds[2];

    cr_assert(pipe(fds) == 0);
    cr_assert(write(fds[1], "this is not a record", 20) == 20);
    cr_expect(host_reader_pump(&r, fds[0], hear, &h) == -EPROTO);
    host_reader_done(&r);
    cr_assert(pipe(fds) == 0);
    cr_assert(write(fds[1], huge, sizeof huge) == sizeof huge);
    cr_expect(host_reader_pump(&r, fds[0], hear, &h) == -EPROTO);
    host_reader_done(&r);
    cr_expect(h.count == 0);
}
