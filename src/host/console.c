/*
 * A machine that stays up, the supervisor's side: lines come from standard input and, one at a
 * time, from other programs through DIR/PID.control (a Unix socket: verifier /volatile, gflags /k);
 * they go to the machine, and what it replies goes back to whoever asked.
 *
 * The end of standard input, `quit`, or SIGINT/SIGTERM ends the machine in order: its drivers are
 * unloaded and judged.
 */
#include "host/host_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* ---- Life ---- */

/* Through /proc/self/fd the path of any directory fits a socket's 108 bytes. */
static bool control_address(const char *path, int *ret_dir, struct sockaddr_un *ret)
{
    char dir[PATH_MAX], *slash;

    pp_fmt(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (!slash)
        return false;
    *slash = '\0';
    *ret_dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*ret_dir < 0)
        return false;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    pp_fmt(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", *ret_dir, slash + 1);
    return true;
}

static int control_listen(const char *path)
{
    struct sockaddr_un addr;
    int dir, fd;

    if (!control_address(path, &dir, &addr))
        return -1;
    (void)unlink(path); /* of an earlier process with this number */
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&addr, sizeof addr) || listen(fd, 8))) {
        (void)close(fd); /* nobody can connect then, which is all */
        fd = -1;
    }
    (void)close(dir);
    return fd;
}

void host_console_start(struct host_console *c, const char *state_path)
{
    struct sigaction sa = {.sa_handler = on_signal};
    size_t stem = strlen(state_path);

    *c = (struct host_console){.input = STDIN_FILENO, .listening = -1, .client = -1};
    c->is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    (void)sigaction(SIGINT, &sa, NULL); /* cannot fail */
    (void)sigaction(SIGTERM, &sa, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* a client that left is no reason to end */
    if (stem > 6 && stem + 3 < sizeof c->path) {
        pp_fmt(c->path, sizeof c->path, "%.*s.control", (int)(stem - 6), state_path);
        c->listening = control_listen(c->path);
    }
}

static void client_drop(struct host_console *c)
{
    if (c->client >= 0)
        (void)close(c->client);
    c->client = -1;
    c->client_used = 0;
}

void host_console_end(struct host_console *c)
{
    client_drop(c);
    if (c->listening >= 0) {
        (void)close(c->listening);
        (void)unlink(c->path); /* a stale one refuses connections anyway */
    }
    free(c->lines);
}

/* ---- Input ---- */

static void prompt(struct host_console *c)
{
    if (!c->is_terminal || !c->ready || c->prompted || c->closing)
        return;
    fputs("poolproof> ", stdout);
    fflush(stdout);
    c->prompted = true;
}

static void input_take(struct host_console *c)
{
    char bytes[4096], *more;
    ssize_t n = read(c->input, bytes, sizeof bytes);

    if (n <= 0) {
        c->input_over = true;
        return;
    }
    more = realloc(c->lines, c->lines_used + (size_t)n);
    PP_ASSERT(more);
    c->lines = more;
    memcpy(c->lines + c->lines_used, bytes, (size_t)n);
    c->lines_used += (size_t)n;
}

static void client_take(struct host_console *c)
{
    ssize_t n = read(c->client, c->client_line + c->client_used,
                     sizeof c->client_line - 1 - c->client_used);

    if (n <= 0)
        client_drop(c);
    else
        c->client_used += (size_t)n;
}

/* Give the machine a line and note who asked. */
static void send_line(struct host_console *c, int go, const char *line, size_t size, bool is_client)
{
    c->ready = false;
    c->asked_by_client = is_client;
    c->prompted = false;
    if (write(go, line, size) != (ssize_t)size)
        c->closing = true; /* it has died, which shows next */
}

static bool is_quit(const char *line, size_t size)
{
    return size == 4 && (!memcmp(line, "quit", 4) || !memcmp(line, "exit", 4));
}

static bool is_quit_next(const struct host_console *c)
{
    return c->lines_used > 4 && c->lines[4] == '\n' && is_quit(c->lines, 4);
}

/* The next whole line of standard input. Returns whether there was one. */
static bool input_send(struct host_console *c, int go)
{
    char *end = c->lines_used ? memchr(c->lines, '\n', c->lines_used) : NULL;
    size_t size;

    if (!end)
        return false;
    size = (size_t)(end - c->lines) + 1;
    if (is_quit(c->lines, size - 1))
        c->closing = true;
    else if (size == 1)
        c->prompted = false;
    else
        send_line(c, go, c->lines, size, false);
    c->lines_used -= size;
    memmove(c->lines, c->lines + size, c->lines_used);
    return true;
}

static bool client_send(struct host_console *c, int go)
{
    char *end = c->client >= 0 ? memchr(c->client_line, '\n', c->client_used) : NULL;

    if (!end)
        return false;
    send_line(c, go, c->client_line, (size_t)(end - c->client_line) + 1, true);
    return true;
}

unsigned host_console_fds(struct host_console *c, struct pollfd *fds)
{
    prompt(c);
    fds[0] = (struct pollfd){.fd = c->input_over ? -1 : c->input, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = c->client >= 0 ? c->client : c->listening, .events = POLLIN};
    return 2;
}

void host_console_pump(struct host_console *c, const struct pollfd *fds, int go)
{
    if (fds[0].fd >= 0 && fds[0].revents)
        input_take(c);
    if (fds[1].fd >= 0 && fds[1].revents) {
        if (c->client >= 0)
            client_take(c);
        else
            c->client = accept4(c->listening, NULL, NULL, SOCK_CLOEXEC);
    }
    if (interrupted || (c->is_terminal && is_quit_next(c)))
        c->closing = true; /* also when a scenario never comes to its end */
    while (c->ready && !c->closing && (client_send(c, go) || input_send(c, go)))
        ;
    if (c->input_over && c->ready && !c->is_terminal && c->lines_used == 0)
        c->closing = true;
    if (c->input_over && c->is_terminal)
        c->closing = true;
}

/* ---- Replies ---- */

void host_console_reply(struct host_console *c, const char *text, size_t size)
{
    if (!c->asked_by_client) {
        fwrite(text, 1, size, stdout);
        fputc('\n', stdout);
        fflush(stdout);
    } else if (c->client >= 0 &&
               (write(c->client, text, size) < 0 || write(c->client, "\n", 1) < 0)) {
        client_drop(c);
    }
}

void host_console_ready(struct host_console *c)
{
    if (c->asked_by_client)
        client_drop(c); /* one line a connection */
    c->asked_by_client = false;
    c->ready = true;
}

/* ---- For other programs ---- */

int host_control(const struct host_state *st, const char *line, char *reply, size_t size,
                 char why[PP_WHY_SIZE])
{
    char path[PATH_MAX];
    struct sockaddr_un addr;
    size_t used = 0, stem = strlen(st->path);
    int dir = -1, fd = -1, err = 0;
    ssize_t n;

    if (stem < 6 || !host_state_is_running(st)) {
        pp_fmt(why, PP_WHY_SIZE, "%.150s: the machine has ended", st->path);
        return -ESRCH;
    }
    pp_fmt(path, sizeof path, "%.*s.control", (int)(stem - 6), st->path);
    if (control_address(path, &dir, &addr))
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr)) {
        err = errno == ENOENT ? -EOPNOTSUPP : -errno;
        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", path,
               err == -EOPNOTSUPP ? "this machine takes no orders (only poolproof boot does)"
                                  : strerror(-err));
    }
    if (!err && (dprintf(fd, "%s\n", line) < 0))
        err = -errno;
    while (!err && used + 1 < size && (n = read(fd, reply + used, size - 1 - used)) > 0)
        used += (size_t)n;
    reply[used] = '\0';
    if (used && reply[used - 1] == '\n')
        reply[used - 1] = '\0';
    if (fd >= 0)
        (void)close(fd); /* answered */
    if (dir >= 0)
        (void)close(dir);
    return err;
}
