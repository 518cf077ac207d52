/* Records over the pipe: a header with a magic number, type and size, then the payload. */
#include "host/host_priv.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

struct header {
    uint32_t magic, type;
    uint64_t size;
};

#define MAGIC 0x50524A4Cu
enum { RECORD_MAX = 1 << 20 };

static void write_all(int fd, const void *p, size_t size)
{
    const uint8_t *at = p;

    while (size) {
        ssize_t n = write(fd, at, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(HOST_OWN_FAULT); /* the supervisor is gone */
        at += n;
        size -= (size_t)n;
    }
}

void host_journal_send(int fd, enum host_rec type, const void *payload, size_t size)
{
    struct header h = {MAGIC, (uint32_t)type, PP_MIN(size, (size_t)RECORD_MAX)};
    uint8_t whole[PIPE_BUF];

    if (sizeof h + h.size <= sizeof whole) { /* in one piece: other writers cannot come between */
        memcpy(whole, &h, sizeof h);
        memcpy(whole + sizeof h, payload, h.size);
        write_all(fd, whole, sizeof h + h.size);
        return;
    }
    write_all(fd, &h, sizeof h);
    write_all(fd, payload, h.size);
}

static host_hear_fn redirected;

void host_journal_redirect(host_hear_fn fn)
{
    redirected = fn;
}

void host_journal_write(int fd, enum host_rec type, const void *payload, size_t size)
{
    if (redirected)
        redirected(type, payload, size);
    else
        host_journal_send(fd, type, payload, size);
}

int host_reader_pump(struct host_reader *r, int fd, host_record_fn fn, void *ctx)
{
    size_t at = 0;
    ssize_t n;

    if (r->capacity - r->used < 65536) {
        uint8_t *more = pp_resize(r->buf, r->capacity + 262144);

        if (!more)
            return -ENOMEM;
        r->buf = more;
        r->capacity += 262144;
    }
    n = read(fd, r->buf + r->used, r->capacity - r->used);
    if (n < 0)
        return errno == EINTR ? 1 : -errno;
    r->used += (size_t)n;
    while (r->used - at >= sizeof(struct header)) {
        struct header h;

        memcpy(&h, r->buf + at, sizeof h);
        if (h.magic != MAGIC || h.size > RECORD_MAX)
            return -EPROTO;
        if (r->used - at - sizeof h < h.size)
            break;
        fn(ctx, (enum host_rec)h.type, r->buf + at + sizeof h, h.size);
        at += sizeof h + h.size;
    }
    memmove(r->buf, r->buf + at, r->used - at);
    r->used -= at;
    return (int)n;
}

void host_reader_done(struct host_reader *r)
{
    pp_free(r->buf);
    memset(r, 0, sizeof *r);
}
