/*
 * Changes to the verifier while the machine runs, as orders of another program (verifier /volatile)
 * or of whoever types at the prompt of `poolproof boot`. A function that did what it was asked for
 * returns nothing; what it refuses, it says.
 *
 * Doc: Windows driver documentation, "Using Volatile Settings".
 */
#include "host/host_priv.h"

#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

/* verifier_flags(FLAGS): other options; 0 turns the verifier off. */
static int l_flags(lua_State *L)
{
    int err = ke_verifier_flags((uint32_t)luaL_checkinteger(L, 1));

    return err ? luaL_error(L, "%s", strerror(-err)) : 0;
}

/* verifier_faults(PROBABILITY, TAGS, PROGRAMS): random low resources simulation from now on. */
static int l_faults(lua_State *L)
{
    struct ke_fault_config f = {.mode = KE_FAULT_RANDOM,
                                .probability = (uint32_t)luaL_checkinteger(L, 1),
                                .tags = luaL_optstring(L, 2, ""),
                                .applications = luaL_optstring(L, 3, "")};
    int err = ke_verifier_faults(&f);

    return err ? luaL_error(L, "%s", strerror(-err)) : 0;
}

/* verifier_systematic(ON, FORGET): systematic low resources simulation on or off; the stacks it has
 * seen are kept unless they are to be forgotten. */
static int l_systematic(lua_State *L)
{
    struct ke_fault_config f = *ke_fault_config();
    int err;

    f.mode = lua_toboolean(L, 1) ? KE_FAULT_SYSTEMATIC : KE_FAULT_OFF;
    err = ke_fault_change(&f);
    if (lua_toboolean(L, 2))
        ke_fault_forget();
    return err ? luaL_error(L, "%s", strerror(-err)) : 0;
}

static int refusal(lua_State *L, const char *name, int err)
{
    switch (err) {
    case 0:
        return 0;
    case -EBUSY:
        lua_pushfstring(L, "%s: is loaded; a loaded driver cannot be removed", name);
        break;
    case -ENOENT:
        lua_pushfstring(L, "%s: is not among the verified drivers", name);
        break;
    default:
        lua_pushfstring(L, "%s: %s", name, strerror(-err));
        break;
    }
    return 1;
}

/* verifier_add(NAME): verify one driver more, loaded or not. */
static int l_add(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);

    return refusal(L, name, ke_verifier_add(name));
}

/* verifier_remove(NAME): one less; not while it is loaded. */
static int l_remove(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);

    return refusal(L, name, ke_verifier_remove(name));
}

void host_lua_verifier(lua_State *L)
{
    lua_register(L, "verifier_flags", l_flags);
    lua_register(L, "verifier_faults", l_faults);
    lua_register(L, "verifier_systematic", l_systematic);
    lua_register(L, "verifier_add", l_add);
    lua_register(L, "verifier_remove", l_remove);
}
