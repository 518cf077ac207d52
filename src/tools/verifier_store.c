/* Stored settings: what a command makes of them, and the way to the machine directory and back. */
#include "tools/verifier.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* ---- Lists ---- */

static bool join_names(const struct vr_names *names, char *ret, size_t size)
{
    *ret = '\0';
    for (unsigned i = 0; i < names->count; i++) {
        if (strlen(ret) + strlen(names->name[i]) + 2 > size)
            return false;
        pp_fmt_append(ret, size, "%s%s", i ? " " : "", names->name[i]);
    }
    return true;
}

/* ---- Rules of bug check 0xC4 ---- */

bool vr_rule_is_off(const struct host_verifier *v, uint32_t rule)
{
    const char *at = v->rules_off;
    char want[16];
    size_t size;

    pp_fmt(want, sizeof want, "0x%x", rule);
    for (; *(at += strspn(at, " ")); at += size) {
        size = strcspn(at, " ");
        if (size == strlen(want) && !strncasecmp(at, want, size))
            return true;
    }
    return false;
}

static int rule_off(struct host_verifier *v, uint32_t rule, char why[PP_WHY_SIZE])
{
    if (vr_rule_is_off(v, rule))
        return 0;
    if (strlen(v->rules_off) + 12 > sizeof v->rules_off) {
        pp_fmt(why, PP_WHY_SIZE, "/rules: too many rules are disabled");
        return -EINVAL;
    }
    pp_fmt_append(v->rules_off, sizeof v->rules_off, "%s0x%x", *v->rules_off ? " " : "", rule);
    return 0;
}

static void rule_default(struct host_verifier *v, uint32_t rule)
{
    char rest[sizeof v->rules_off] = "", want[16];
    const char *at = v->rules_off;
    size_t size;

    pp_fmt(want, sizeof want, "0x%x", rule);
    for (; *(at += strspn(at, " ")); at += size) {
        size = strcspn(at, " ");
        if (size != strlen(want) || strncasecmp(at, want, size) != 0)
            pp_fmt_append(rest, sizeof rest, "%s%.*s", *rest ? " " : "", (int)size, at);
    }
    memcpy(v->rules_off, rest, sizeof rest);
}

static int change_rules(const struct vr_command *c, struct host_verifier *v, char why[PP_WHY_SIZE])
{
    switch (c->rules) {
    case VR_RULES_RESET:
        v->rules_off[0] = '\0';
        return 0;
    case VR_RULES_DEFAULT:
        rule_default(v, c->rule);
        return 0;
    case VR_RULES_DISABLE:
        return rule_off(v, c->rule, why);
    case VR_RULES_QUERY:
        break;
    }
    return 0;
}

/* ---- Everything else ---- */

/* Doc: "Low Resources Simulation": /faults alone equals flag 0x4; parts left out take their
 * default. */
static void change_faults(const struct vr_command *c, struct host_verifier *v)
{
    v->faults = c->faults;
    v->level |= VR_LOW_RESOURCES;
    v->has_level = true;
}

static void change_level(const struct vr_command *c, struct host_verifier *v)
{
    v->level = vr_complete(c->level);
    v->classes = c->classes;
    v->has_level = true;
}

static int change_drivers(const struct vr_command *c, struct host_verifier *v,
                          char why[PP_WHY_SIZE])
{
    bool ok = true;

    if (c->is_all)
        pp_fmt(v->drivers, sizeof v->drivers, "*");
    else if (c->has_drivers)
        ok = join_names(&c->drivers, v->drivers, sizeof v->drivers);
    if (c->is_all || c->has_drivers)
        v->excluded[0] = '\0'; /* it belongs to the list that is replaced */
    ok = ok && (!c->has_excluded || join_names(&c->excluded, v->excluded, sizeof v->excluded));
    if (!ok)
        pp_fmt(why, PP_WHY_SIZE, "the names of the drivers are longer than %d characters together",
               HOST_LIST_MAX - 1);
    return ok ? 0 : -EINVAL;
}

/* A list of drivers without options, where none are stored: the standard ones. */
static void default_level(const struct vr_command *c, struct host_verifier *v)
{
    if ((c->is_all || c->has_drivers) && !v->has_level) {
        v->level = VR_STANDARD_LEVEL;
        v->has_level = true;
    }
}

static int change_settings(const struct vr_command *c, struct host_verifier *v,
                           char why[PP_WHY_SIZE])
{
    if (change_drivers(c, v, why))
        return -EINVAL;
    if (c->has_level)
        change_level(c, v);
    if (c->has_faults)
        change_faults(c, v);
    default_level(c, v);
    if (c->has_mode) {
        v->mode = c->mode;
        v->boots_left = c->has_boots ? c->boots : 0;
        v->is_unfinished = false;
    }
    for (unsigned i = 0; i < HOST_DOMAINS; i++)
        v->domains[i] = c->domains[i] ? c->domains[i] : v->domains[i];
    v->extension |= c->extension;
    v->persists_upgrade |= c->persists_upgrade;
    return 0;
}

static void change_systematic(const struct vr_command *c, struct host_verifier *v)
{
    v->systematic = c->systematic == VR_SYS_ENABLE_BOOT   ? HOST_SYSTEMATIC_ON
                    : c->systematic == VR_SYS_RECORD_BOOT ? HOST_SYSTEMATIC_RECORD
                                                          : HOST_SYSTEMATIC_OFF;
}

int vr_change(const struct vr_command *c, struct host_verifier *v, char why[PP_WHY_SIZE])
{
    struct host_verifier next = *v;
    int err = 0;

    if (c->verb == VR_VERB_RESET)
        host_verifier_clear(&next);
    else if (c->verb == VR_VERB_RULES)
        err = change_rules(c, &next, why);
    else if (c->verb == VR_VERB_SYSTEMATIC)
        change_systematic(c, &next);
    else
        err = change_settings(c, &next, why);
    if (!err)
        *v = next;
    return err;
}

/* ---- Machine directory ---- */

int vr_load(const char *machine, struct host_verifier *ret, char why[PP_WHY_SIZE])
{
    struct host_settings *s;

    if (host_settings_open(machine, false, &s, why))
        return VR_ERROR;
    host_verifier_read(s, ret);
    host_settings_close(s);
    return VR_SUCCESS;
}

static int write_settings(struct host_settings *s, const struct host_verifier *v,
                          char why[PP_WHY_SIZE])
{
    int err = host_verifier_write(s, v);

    if (err) {
        pp_fmt(why, PP_WHY_SIZE, "%s", strerror(-err));
        return VR_ERROR;
    }
    return host_settings_save(s, why) ? VR_ERROR : VR_SUCCESS;
}

int vr_store(const struct vr_command *c, struct host_verifier *ret, bool *ret_changed,
             char why[PP_WHY_SIZE])
{
    struct host_settings *s;
    struct host_verifier was, now;
    int code = VR_ERROR;

    if (host_settings_open(c->machine, true, &s, why))
        return VR_ERROR;
    host_verifier_read(s, &was);
    now = was;
    if (!vr_change(c, &now, why))
        code = write_settings(s, &now, why);
    host_verifier_read(s, &now);
    *ret_changed = memcmp(&was, &now, sizeof was) != 0;
    *ret = now;
    host_settings_close(s);
    return code;
}
