/*
 * The Prometheus endpoint: HTTP on 127.0.0.1 only, GET /metrics. One connection at a time, each
 * with a time limit, so that a client that says nothing keeps the next one waiting for a moment
 * only.
 */
#include "tools/poolmon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { REQUEST_MAX = 4096, PATIENCE_S = 2, BACKLOG = 16 };

static int listen_at(uint16_t *port, char why[PP_WHY_SIZE])
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes); /* a convenience */
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) || listen(fd, BACKLOG) ||
        getsockname(fd, (struct sockaddr *)&at, &size)) {
        err = -errno;
        pp_fmt(why, PP_WHY_SIZE, "port %u of 127.0.0.1: %s", *port, strerror(-err));
        if (fd >= 0)
            (void)close(fd);
        return err;
    }
    *port = ntohs(at.sin_port);
    return fd;
}

/* The request line and the headers; what a client sends beyond that is not wanted. */
static bool read_request(int fd, char request[REQUEST_MAX])
{
    size_t size = 0;

    while (size + 1 < REQUEST_MAX) {
        ssize_t n = recv(fd, request + size, REQUEST_MAX - 1 - size, 0);

        if (n <= 0)
            return false;
        size += (size_t)n;
        request[size] = '\0';
        if (strstr(request, "\r\n\r\n") || strstr(request, "\n\n"))
            return true;
    }
    return false;
}

static void respond(int fd, const char *status, const char *body, size_t size)
{
    char head[256];
    size_t n = pp_fmt(head, sizeof head,
                      "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                      "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                      status, size);

    if (send(fd, head, n, MSG_NOSIGNAL | MSG_MORE) != (ssize_t)n)
        return; /* the client has gone: nobody to tell */
    while (size) {
        ssize_t sent = send(fd, body, size, MSG_NOSIGNAL);

        if (sent <= 0)
            return; /* likewise */
        body += sent;
        size -= (size_t)sent;
    }
}

static void fail(int fd, const char *status, const char *text)
{
    respond(fd, status, text, strlen(text));
}

static void metrics(int fd, struct pm_options *o)
{
    struct pm_snapshot snap;
    struct pm_table table = {0};
    enum pm_news news;
    char why[PP_WHY_SIZE + 2], *body = NULL;
    size_t size = 0;
    FILE *out;

    if (pm_source_next(&o->source, NULL, &snap, &news, why)) {
        pp_fmt_append(why, sizeof why, "\n");
        fail(fd, "503 Service Unavailable", why);
        return;
    }
    out = open_memstream(&body, &size);
    if (out && !pm_table_make(&snap, NULL, &o->view, &table)) {
        struct pm_export x = {PM_FORMAT_PROMETHEUS, &snap, &table, &o->view};

        pm_export_write(&x, out);
    }
    if (!out || !table.lines || (ferror(out) | fclose(out)))
        fail(fd, "500 Internal Server Error", "out of memory\n");
    else
        respond(fd, "200 OK", body, size);
    free(body);
    pm_table_done(&table);
    pm_snapshot_done(&snap);
}

static void answer(int fd, struct pm_options *o)
{
    char request[REQUEST_MAX], *path, *end;

    if (!read_request(fd, request)) {
        fail(fd, "400 Bad Request", "no request\n");
        return;
    }
    if (strncmp(request, "GET ", 4) != 0) {
        fail(fd, "405 Method Not Allowed", "GET only\n");
        return;
    }
    path = request + 4;
    end = path + strcspn(path, " ?\r\n");
    if (end - path == 8 && !strncmp(path, "/metrics", 8))
        metrics(fd, o);
    else
        fail(fd, "404 Not Found", "see /metrics\n");
}

int pm_http_serve(struct pm_options *o, uint16_t port, char why[PP_WHY_SIZE])
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    int listener = listen_at(&port, why);

    if (listener < 0)
        return listener;
    printf("http://127.0.0.1:%u/metrics\n", port);
    (void)fflush(stdout); /* whoever started us waits for this line */
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            pp_fmt(why, PP_WHY_SIZE, "127.0.0.1: %s", strerror(errno));
            (void)close(listener);
            return -EIO;
        }
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        answer(fd, o);
        (void)close(fd);
    }
}
