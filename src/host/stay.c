/*
 * A machine that stays up (poolproof boot), the machine's side: starts every driver, then carries
 * out one line of Lua after the other as the supervisor passes them on, and lets virtual time
 * follow real time in between, so that timers fire while somebody watches.
 */
#include "host/host_priv.h"

#include <lauxlib.h>
#include <lua.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { PACE_MS = 20 };

static struct {
    lua_State *L;
    char line[HOST_LINE_MAX];
    size_t used;    /* of line */
    uint64_t paced; /* real nanoseconds up to which the machine's time has come */
    bool ending; /* a sleep was cut short by the end */
    bool over;      /* the rest of a line that is too long is skipped */
} g;

/* ---- Orders ---- */

/* gflags(GlobalFlag, PoolTag, PoolTagOverruns): what `gflags /k` sends. */
static int l_gflags(lua_State *L)
{
    struct ke_gflags flags = {.global_flag = (uint32_t)luaL_checkinteger(L, 1),
                              .pool_tag = (uint32_t)luaL_checkinteger(L, 2),
                              .pool_tag_overruns = (uint32_t)luaL_checkinteger(L, 3)};
    struct host_machine *m;

    memcpy(&m, lua_getextraspace(L), sizeof m);
    ke_gflags_set(&flags);
    host_send_settings(m);
    return 0;
}

/* ---- Lines ---- */

/* What the statement returned, as text: "0x00000000  16" */
static void reply_values(struct host_machine *m, int from)
{
    luaL_Buffer b;
    int top = lua_gettop(g.L);
    size_t size;
    const char *text;

    if (top < from)
        return;
    luaL_buffinit(g.L, &b);
    for (int i = from; i <= top; i++) {
        if (i > from)
            luaL_addstring(&b, "  ");
        if (lua_isinteger(g.L, i)) {
            char number[32];

            pp_fmt(number, sizeof number, "0x%08llX", (unsigned long long)lua_tointeger(g.L, i));
            luaL_addstring(&b, number);
        } else {
            (void)luaL_tolstring(g.L, i,
                                 NULL); /* leaves it on the stack, where addvalue takes it */
            luaL_addvalue(&b);
        }
    }
    luaL_pushresult(&b);
    text = lua_tolstring(g.L, -1, &size);
    host_journal_write(m->journal, HOST_REC_REPLY, text, size);
}

/* An expression prints its values; anything else is a statement. */
static int load_line(const char *line)
{
    const char *with = lua_pushfstring(g.L, "return %s", line);
    int err = luaL_loadbufferx(g.L, with, strlen(with), "=line", "t");

    lua_remove(g.L, -2);
    if (err == LUA_OK)
        return err;
    lua_pop(g.L, 1);
    return luaL_loadbufferx(g.L, line, strlen(line), "=line", "t");
}

static void run_line(struct host_machine *m, const char *line)
{
    int base = lua_gettop(g.L);

    if (load_line(line) != LUA_OK || lua_pcall(g.L, 0, LUA_MULTRET, 0) != LUA_OK) {
        size_t size;
        const char *text = luaL_tolstring(g.L, -1, &size);

        host_journal_write(m->journal, HOST_REC_REPLY, text, size);
    } else {
        reply_values(m, base + 1);
    }
    lua_settop(g.L, base);
}

/* ---- The loop ---- */

static void ready(struct host_machine *m)
{
    ke_state_update();
    host_journal_write(m->journal, HOST_REC_READY, "", 0);
}

/* Take what came in; carries out each whole line. Returns false when there is nobody left to ask.
 */
static bool take_lines(struct host_machine *m)
{
    char bytes[512];
    ssize_t n = read(m->go, bytes, sizeof bytes);

    if (n <= 0)
        return false;
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] != '\n') {
            g.over |= g.used == sizeof g.line - 1;
            if (!g.over)
                g.line[g.used++] = bytes[i];
            continue;
        }
        g.line[g.used] = '\0';
        if (g.over)
            host_journal_write(m->journal, HOST_REC_REPLY, "the line is too long", 20);
        else
            run_line(m, g.line);
        g.used = 0;
        g.over = false;
        host_restart_if_unsound(m);
        ready(m);
    }
    return true;
}

/* Wait for `events` of the line pipe, at most `ms`, and let the machine's time follow. */
static short pace(struct host_machine *m, short events, int ms)
{
    struct pollfd p = {.fd = m->go, .events = events};
    uint64_t now;

    (void)poll(&p, 1, ms); /* the clock says what passed */
    now = os_clock_ns();
    ke_settle((now - g.paced) / 1000000);
    g.paced = now - (now - g.paced) % 1000000;
    return p.revents;
}

bool host_stay_for(struct host_machine *m, uint64_t ms)
{
    uint64_t start = os_clock_ns(), said = start, now = start;
    short got = 0;

    g.paced = start;
    while (now - start < ms * 1000000 && !(got & POLLHUP)) {
        got = pace(m, 0, (int)PP_MIN(ms - (now - start) / 1000000, (uint64_t)PACE_MS));
        now = os_clock_ns();
        if (now - said > 1000000000u) { /* the supervisor hears that it lives */
            host_journal_write(m->journal, HOST_REC_NOTE, "asleep", 6);
            said = now;
        }
    }
    g.ending = got & POLLHUP;
    return !g.ending;
}

static void stay(struct host_machine *m)
{
    short got;

    g.paced = os_clock_ns();
    do {
        got = pace(m, POLLIN, PACE_MS);
        host_restart_if_unsound(m);
    } while (!got || take_lines(m));
}

static bool start_all(struct host_machine *m, struct ke_pnp **nodes)
{
    struct ke_image *first = m->image;
    bool any = !m->driver_count;

    for (unsigned i = 0; i < m->driver_count; i++) {
        m->image = m->drivers[i].image;
        any |= host_start_driver(m, &nodes[i]);
        host_restart_if_unsound(m);
    }
    m->image = first;
    return any;
}

static void stop_all(struct host_machine *m, struct ke_pnp **nodes)
{
    for (unsigned i = m->driver_count; i-- > 0;) {
        m->image = m->drivers[i].image;
        host_stop_driver(m, nodes[i]);
    }
}

static void run_script(struct host_machine *m)
{
    size_t size;
    const char *text;

    if (!m->script ||
        (luaL_loadbufferx(g.L, m->script, m->script_size, "=scenario", "t") == LUA_OK &&
         lua_pcall(g.L, 0, 0, 0) == LUA_OK))
        return;
    text = luaL_tolstring(g.L, -1, &size);
    if (!g.ending) /* a script that runs until then is no mistake */
        host_journal_write(m->journal, HOST_REC_REPLY, text, size);
}

void host_stay(struct host_machine *m)
{
    struct ke_pnp *nodes[HOST_DRIVERS_MAX] = {NULL};

    if (!start_all(m, nodes))
        return;
    g.L = host_lua_new(m, nodes[0]);
    lua_register(g.L, "gflags", l_gflags);
    host_lua_verifier(g.L);
    run_script(m);
    host_restart_if_unsound(m);
    lua_settop(g.L, 0);
    ready(m);
    stay(m);
    lua_close(g.L); /* closes its files */
    host_restart_if_unsound(m);
    ke_settle(100);
    stop_all(m, nodes);
}
