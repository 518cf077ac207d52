/*
 * Scenarios in Lua 5.4: what a test wants to be done with a driver. Runs in the machine, before the
 * driver's memory is trusted with anything, with no libraries that reach outside.
 *
 *   open(name[, access[, overlapped]])             \\.\Foo, \??\Foo, \Device\Foo; overlapped:
 *     -> file or nil, status                       requests do not wait for their completion
 *   file:ioctl(code[, in[, out_size]]) -> status, out bytes
 *   file:ioctl(code, buffer[, buffer[, length]]) -> status, information
 *   file:read(size[, offset]) -> status, bytes
 *   file:write(bytes[, offset]) -> status, count
 *   file:cancel() -> count                         file:close() -> status
 *   userbuffer(size[, bytes]) -> buffer            memory of the simulated program: an ioctl takes
 *                                                  it in place of in bytes or out size, the driver
 *                                                  sees its own address; with METHOD_NEITHER the
 *                                                  program may claim another length of its input
 *   buffer:read([offset[, size]]) -> bytes         buffer:write(bytes[, offset])
 *   buffer:address()                               buffer:free()
 *   pnp("start" | "query_stop" | ... ) -> status   power("D0".."D3") -> status
 *   sleep(ms)                                      virtual time passes (boot: real time as well)
 *   expect(condition[, text])                      a failure is a finding
 *   log(text)                                      shown with --verbose
 *   seed                                           the run's seed
 *
 * DriverEntry (and AddDevice with start) run before the first line, remove and unload after the
 * last.
 */
#include "host/host_priv.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#define FILE_TYPE "poolproof.file"
#define BUFFER_TYPE "poolproof.userbuffer"

struct user_buffer {
    uint8_t *p; /* NULL once freed */
    size_t size;
};
enum { TRANSFER_MAX = 64 << 20 };

static struct host_machine *machine(lua_State *L)
{
    struct host_machine *m;

    memcpy(&m, lua_getextraspace(L), sizeof m);
    return m;
}

static struct ke_pnp *the_node;

static void step_done(lua_State *L, const char *what, const struct ke_result *r)
{
    struct host_machine *m = machine(L);

    host_step_end(m, HOST_STEP_REQUEST, what, r);
    if (m->is_finishing)
        luaL_error(L, "a call was refused; only removal and unload are left");
    if (ke_is_unsound())
        luaL_error(
            L,
            "a finding ended this request and left locks or IRQL behind; the scenario ends here");
}

static void push_status(lua_State *L, const struct ke_result *r)
{
    NTSTATUS status = r->outcome == KE_PENDING ? STATUS_PENDING : r->status;

    lua_pushinteger(L, (lua_Integer)(uint32_t)status);
}

static struct ke_file **to_file(lua_State *L)
{
    struct ke_file **f = luaL_checkudata(L, 1, FILE_TYPE);

    if (!*f)
        luaL_error(L, "the file is closed");
    return f;
}

static size_t to_size(lua_State *L, int arg, lua_Integer dflt)
{
    lua_Integer n = luaL_optinteger(L, arg, dflt);

    luaL_argcheck(L, n >= 0 && n <= TRANSFER_MAX, arg, "size out of range");
    return (size_t)n;
}

static int l_open(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    uint32_t access = (uint32_t)luaL_optinteger(L, 2, 0xC0000000);
    struct ke_file **slot, *f = NULL;
    struct ke_result r;
    char what[120];

    pp_fmt(what, sizeof what, "open %s", name);
    (void)host_step_begin(machine(L), HOST_STEP_REQUEST,
                          what); /* a scenario is never resumed in the middle */
    r = ke_open(name, access, &f);
    step_done(L, what, &r);
    if (f && lua_toboolean(L, 3))
        ke_overlapped(f);
    if (!f) {
        lua_pushnil(L);
        push_status(L, &r);
        return 2;
    }
    slot = lua_newuserdatauv(L, sizeof *slot, 0);
    *slot = f;
    luaL_setmetatable(L, FILE_TYPE);
    push_status(L, &r);
    return 2;
}

static struct user_buffer *to_buffer(lua_State *L, int arg)
{
    struct user_buffer *u = luaL_checkudata(L, arg, BUFFER_TYPE);

    luaL_argcheck(L, u->p != NULL, arg, "the buffer is freed");
    return u;
}

static int l_userbuffer(lua_State *L)
{
    size_t size = to_size(L, 1, 0), n = 0;
    const char *bytes = luaL_optlstring(L, 2, "", &n);
    struct user_buffer *u;

    luaL_argcheck(L, size > 0, 1, "size out of range");
    luaL_argcheck(L, n <= size, 2, "more bytes than the buffer holds");
    u = lua_newuserdatauv(L, sizeof *u, 0);
    u->p = ke_user_alloc(size);
    u->size = size;
    memcpy(u->p, bytes, n);
    luaL_setmetatable(L, BUFFER_TYPE);
    return 1;
}

static int l_buffer_read(lua_State *L)
{
    struct user_buffer *u = to_buffer(L, 1);
    size_t offset = to_size(L, 2, 0), size;

    luaL_argcheck(L, offset <= u->size, 2, "outside the buffer");
    size = to_size(L, 3, (lua_Integer)(u->size - offset));
    luaL_argcheck(L, size <= u->size - offset, 3, "outside the buffer");
    lua_pushlstring(L, (const char *)u->p + offset, size);
    return 1;
}

static int l_buffer_write(lua_State *L)
{
    struct user_buffer *u = to_buffer(L, 1);
    size_t n, offset = to_size(L, 3, 0);
    const char *bytes = luaL_checklstring(L, 2, &n);

    luaL_argcheck(L, offset <= u->size && n <= u->size - offset, 2, "outside the buffer");
    memcpy(u->p + offset, bytes, n);
    return 0;
}

static int l_buffer_address(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)(uintptr_t)to_buffer(L, 1)->p);
    return 1;
}

static int l_buffer_free(lua_State *L)
{
    struct user_buffer *u = to_buffer(L, 1);

    ke_user_free(u->p);
    u->p = NULL;
    return 0;
}

static int ioctl_with_buffers(lua_State *L, struct ke_file *f, uint32_t code)
{
    struct user_buffer *in = luaL_testudata(L, 3, BUFFER_TYPE),
                       *out = luaL_testudata(L, 4, BUFFER_TYPE);
    size_t in_size = 0, out_size;
    const char *bytes = in ? "" : luaL_optlstring(L, 3, "", &in_size);
    struct ke_result r;
    char what[120];

    if (in)
        in_size = to_buffer(L, 3)->size;
    out_size = out ? to_buffer(L, 4)->size : 0;
    if (in && !lua_isnoneornil(L, 5)) { /* nobody but the driver looks at such a length */
        lua_Integer claimed = luaL_checkinteger(L, 5);

        luaL_argcheck(L, METHOD_FROM_CTL_CODE(code) == METHOD_NEITHER, 5, "for METHOD_NEITHER only");
        luaL_argcheck(L, claimed >= 0 && claimed <= UINT32_MAX, 5, "size out of range");
        in_size = (size_t)claimed;
    }
    pp_fmt(what, sizeof what, "IOCTL 0x%08X, %zu bytes in, %zu out", code, in_size, out_size);
    (void)host_step_begin(machine(L), HOST_STEP_REQUEST, what); /* as above */
    r = ke_ioctl(f, code, in ? in->p : (const void *)bytes, in_size, out ? out->p : NULL, out_size,
                 false);
    step_done(L, what, &r);
    push_status(L, &r);
    lua_pushinteger(L, (lua_Integer)r.information);
    return 2;
}

static int l_ioctl(lua_State *L)
{
    struct ke_file **f = to_file(L);
    uint32_t code = (uint32_t)luaL_checkinteger(L, 2);
    size_t in_size = 0, out_size;
    const char *in;
    luaL_Buffer b;
    char *out;
    struct ke_result r;
    char what[120];

    if (luaL_testudata(L, 3, BUFFER_TYPE) || luaL_testudata(L, 4, BUFFER_TYPE))
        return ioctl_with_buffers(L, *f, code);
    out_size = to_size(L, 4, 0);
    in = luaL_optlstring(L, 3, "", &in_size);
    out = luaL_buffinitsize(L, &b, out_size ? out_size : 1);
    memset(out, 0, out_size);
    pp_fmt(what, sizeof what, "IOCTL 0x%08X, %zu bytes in, %zu out", code, in_size, out_size);
    (void)host_step_begin(machine(L), HOST_STEP_REQUEST, what); /* as above */
    r = ke_ioctl(*f, code, in, in_size, out, out_size, false);
    step_done(L, what, &r);
    luaL_pushresultsize(&b, PP_MIN((size_t)r.information, out_size));
    push_status(L, &r);
    lua_insert(L, -2);
    return 2;
}

static int l_read(lua_State *L)
{
    struct ke_file **f = to_file(L);
    size_t size = to_size(L, 2, 0);
    uint64_t offset = (uint64_t)luaL_optinteger(L, 3, 0);
    luaL_Buffer b;
    char *out = luaL_buffinitsize(L, &b, size ? size : 1);
    struct ke_result r;
    char what[120];

    memset(out, 0, size);
    pp_fmt(what, sizeof what, "read, %zu bytes", size);
    (void)host_step_begin(machine(L), HOST_STEP_REQUEST, what); /* as above */
    r = ke_read(*f, offset, out, size);
    step_done(L, what, &r);
    luaL_pushresultsize(&b, PP_MIN((size_t)r.information, size));
    push_status(L, &r);
    lua_insert(L, -2);
    return 2;
}

static int l_write(lua_State *L)
{
    struct ke_file **f = to_file(L);
    size_t size;
    const char *in = luaL_checklstring(L, 2, &size);
    uint64_t offset = (uint64_t)luaL_optinteger(L, 3, 0);
    struct ke_result r;
    char what[120];

    pp_fmt(what, sizeof what, "write, %zu bytes", size);
    (void)host_step_begin(machine(L), HOST_STEP_REQUEST, what); /* as above */
    r = ke_write(*f, offset, in, size);
    step_done(L, what, &r);
    push_status(L, &r);
    lua_pushinteger(L, (lua_Integer)r.information);
    return 2;
}

static int l_cancel(lua_State *L)
{
    lua_pushinteger(L, ke_cancel(*to_file(L)));
    ke_settle(10);
    return 1;
}

static int l_close(lua_State *L)
{
    struct ke_file **f = to_file(L);
    struct ke_result r;

    (void)host_step_begin(machine(L), HOST_STEP_REQUEST, "close"); /* as above */
    r = ke_close(*f);
    *f = NULL;
    step_done(L, "close", &r);
    push_status(L, &r);
    return 1;
}

static int l_file_gc(lua_State *L)
{
    struct ke_file **f = luaL_checkudata(L, 1, FILE_TYPE);

    if (*f && !ke_is_unsound())
        (void)ke_close(*f); /* what it finds goes to the journal */
    *f = NULL;
    return 0;
}

static int l_file_text(lua_State *L)
{
    struct ke_file **f = luaL_checkudata(L, 1, FILE_TYPE);

    lua_pushstring(L, *f ? "file (open)" : "file (closed)");
    return 1;
}

static int l_pnp(lua_State *L)
{
    static const char *const names[] = {
        "start",         "stop",   "query_stop",       "cancel_stop",        "query_remove",
        "cancel_remove", "remove", "surprise_removal", "query_capabilities", NULL};
    static const uint8_t minors[] = {
        IRP_MN_START_DEVICE,       IRP_MN_STOP_DEVICE,         IRP_MN_QUERY_STOP_DEVICE,
        IRP_MN_CANCEL_STOP_DEVICE, IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_CANCEL_REMOVE_DEVICE,
        IRP_MN_REMOVE_DEVICE,      IRP_MN_SURPRISE_REMOVAL,    IRP_MN_QUERY_CAPABILITIES};
    int which = luaL_checkoption(L, 1, NULL, names);
    struct ke_result r;

    if (!the_node)
        return luaL_error(L, "the driver has no AddDevice routine");
    (void)host_step_begin(machine(L), HOST_STEP_REQUEST, names[which]); /* as above */
    r = ke_pnp_request(the_node, minors[which]);
    step_done(L, names[which], &r);
    push_status(L, &r);
    return 1;
}

static int l_power(lua_State *L)
{
    static const char *const names[] = {"D0", "D1", "D2", "D3", NULL};
    int which = luaL_checkoption(L, 1, NULL, names);
    struct ke_result r;

    if (!the_node)
        return luaL_error(L, "the driver has no AddDevice routine");
    (void)host_step_begin(machine(L), HOST_STEP_REQUEST, names[which]); /* as above */
    r = ke_pnp_power(the_node, IRP_MN_SET_POWER, false, PowerDeviceD0 + (unsigned)which);
    step_done(L, names[which], &r);
    push_status(L, &r);
    return 1;
}

/* The device signals its interrupt; how many service routines claimed it. */
static int l_interrupt(lua_State *L)
{
    lua_Integer vector = luaL_checkinteger(L, 1);
    struct ke_result r = {.outcome = KE_DONE};
    unsigned claimed;

    luaL_argcheck(L, vector >= 0 && vector <= 0xFF, 1, "a vector is 0 to 255");
    (void)host_step_begin(machine(L), HOST_STEP_REQUEST, "interrupt"); /* as above */
    claimed = ke_interrupt((uint32_t)vector);
    step_done(L, "interrupt", &r);
    lua_pushinteger(L, claimed);
    return 1;
}

static int l_sleep(lua_State *L)
{
    lua_Integer ms = luaL_checkinteger(L, 1);

    luaL_argcheck(L, ms >= 0, 1, "time runs forward only");
    if (!machine(L)->o->stays_up)
        ke_settle((uint64_t)ms);
    else if (!host_stay_for(machine(L), (uint64_t)ms))
        luaL_error(L, "the machine ends");
    return 0;
}

/* The running line of the script itself: an expectation without a text explains itself by it. */
static const char *script_line(lua_State *L, char *buf, size_t size)
{
    const struct host_machine *m = machine(L);
    const char *at = m->script;
    lua_Debug d;

    if (!lua_getstack(L, 1, &d) || !lua_getinfo(L, "l", &d) || d.currentline < 1)
        return "";
    for (int line = 1; line < d.currentline && *at; at++)
        line += *at == '\n';
    at += strspn(at, " \t");
    pp_fmt(buf, size, "%.*s", (int)strcspn(at, "\r\n"), at);
    return buf;
}

static int l_expect(lua_State *L)
{
    struct host_machine *m = machine(L);
    const char *why = luaL_optstring(L, 2, NULL);
    char text[300], line[160];

    if (lua_toboolean(L, 1))
        return 0;
    luaL_where(L, 1);
    if (!why)
        why = script_line(L, line, sizeof line);
    pp_fmt(text, sizeof text, "%sexpectation failed: %s", lua_tostring(L, -1), why);
    host_journal_write(m->journal, HOST_REC_EXPECT, text, strlen(text));
    return 0;
}

static int l_log(lua_State *L)
{
    struct host_machine *m = machine(L);
    size_t n;
    const char *text = luaL_tolstring(L, 1, &n);

    if (m->o->verbose)
        host_journal_write(m->journal, HOST_REC_NOTE, text, n);
    return 0;
}

static void open_libraries(lua_State *L)
{
    static const luaL_Reg libs[] = {
        {LUA_GNAME, luaopen_base},        {LUA_TABLIBNAME, luaopen_table},
        {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},
        {LUA_UTF8LIBNAME, luaopen_utf8},  {LUA_COLIBNAME, luaopen_coroutine},
    };
    static const char *const gone[] = {"dofile", "loadfile", "load", "print", "collectgarbage"};
    static const luaL_Reg functions[] = {
        {"open", l_open},     {"pnp", l_pnp}, {"power", l_power},           {"sleep", l_sleep},
        {"expect", l_expect}, {"log", l_log}, {"userbuffer", l_userbuffer},
        {"interrupt", l_interrupt},
    };
    static const luaL_Reg methods[] = {
        {"ioctl", l_ioctl}, {"read", l_read},    {"write", l_write}, {"cancel", l_cancel},
        {"close", l_close}, {"__gc", l_file_gc}, {"__tostring", l_file_text}, {NULL, NULL},
    };

    static const luaL_Reg buffer_methods[] = {
        {"read", l_buffer_read},
        {"write", l_buffer_write},
        {"address", l_buffer_address},
        {"free", l_buffer_free},
        {NULL, NULL},
    };

    for (size_t i = 0; i < PP_COUNT(libs); i++) {
        luaL_requiref(L, libs[i].name, libs[i].func, 1);
        lua_pop(L, 1);
    }
    for (size_t i = 0; i < PP_COUNT(gone); i++) {
        lua_pushnil(L);
        lua_setglobal(L, gone[i]);
    }
    for (size_t i = 0; i < PP_COUNT(functions); i++)
        lua_register(L, functions[i].name, functions[i].func);
    luaL_newmetatable(L, BUFFER_TYPE);
    luaL_setfuncs(L, buffer_methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newmetatable(L, FILE_TYPE);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

lua_State *host_lua_new(struct host_machine *m, struct ke_pnp *node)
{
    lua_State *L = luaL_newstate();

    PP_ASSERT(L);
    the_node = node;
    memcpy(lua_getextraspace(L), &m, sizeof m);
    open_libraries(L);
    lua_pushinteger(L, (lua_Integer)m->o->seed);
    lua_setglobal(L, "seed");
    return L;
}

bool host_scenario(struct host_machine *m)
{
    lua_State *L = host_lua_new(m, NULL);
    char chunk[300];
    bool ok;

    pp_fmt(chunk, sizeof chunk, "@%s", pp_base_name(m->o->scenario));
    ok = luaL_loadbufferx(L, m->script, m->script_size, chunk, "t") == LUA_OK;
    if (ok) {
        if (!host_start_driver(m, &the_node)) {
            lua_close(L);
            return false;
        }
        ok = lua_pcall(L, 0, 0, 0) == LUA_OK;
    }
    if (m->is_finishing)
        ok = true; /* the script was left on purpose */
    if (!ok) {
        const char *text = luaL_tolstring(L, -1, NULL);

        host_journal_write(m->journal, ke_is_unsound() ? HOST_REC_WARN : HOST_REC_SCRIPT, text,
                           strlen(text));
    }
    if (ke_is_unsound())
        return ok; /* closing files would run the driver again */
    lua_close(L);
    if (ok) {
        ke_settle(100);
        host_stop_driver(m, the_node);
    }
    return ok;
}
