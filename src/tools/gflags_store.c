/* Where the flags are kept: the boot copy in the machine directory, the running copy in the machine
 * that runs. Nothing of one leaks into the other; a start of the machine reads the boot copy again.
 */
#include "host/host.h"
#include "tools/gflags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_KEY_SIZE (sizeof HOST_KEY_IMAGES + 260)

static void change_flags(struct gf_settings *s, const struct gf_change *c)
{
    s->flags = (s->flags & ~c->clear) | c->set;
}

/* ---- Boot copy ---- */

static void read_boot(const struct host_settings *s, struct gf_settings *ret)
{
    *ret = (struct gf_settings){.overruns = 1};
    (void)host_settings_dword(s, HOST_KEY_SESSION, "GlobalFlag", &ret->flags); /* absent: 0 */
    (void)host_settings_dword(s, HOST_KEY_MEMORY, "PoolTag", &ret->pool_tag);  /* absent: off */
    if (host_settings_dword(s, HOST_KEY_MEMORY, "PoolTagOverruns", &ret->overruns))
        ret->overruns = ret->overruns != 0;
}

/* Only what the change names is written: what was absent stays absent. */
static int change_boot(struct host_settings *s, const struct gf_change *c, struct gf_settings *now)
{
    int err = 0;

    if (c->set || c->clear) {
        change_flags(now, c);
        err = host_settings_set_dword(s, HOST_KEY_SESSION, "GlobalFlag", now->flags);
    }
    if (!err && c->tag == GF_TAG_SET) {
        now->pool_tag = c->pool_tag;
        err = host_settings_set_dword(s, HOST_KEY_MEMORY, "PoolTag", c->pool_tag);
    } else if (c->tag == GF_TAG_DELETE) {
        now->pool_tag = 0;
        (void)host_settings_remove(s, HOST_KEY_MEMORY, "PoolTag"); /* may be gone already */
    }
    if (!err && c->edge != GF_EDGE_KEEP) {
        now->overruns = c->edge == GF_EDGE_END;
        err = host_settings_set_dword(s, HOST_KEY_MEMORY, "PoolTagOverruns", now->overruns);
    }
    return err;
}

/* ---- Images ---- */

/* A text "0x..." as the tool writes it, or a number. */
static void read_image(const struct host_settings *s, const char *key, struct gf_settings *ret)
{
    char *text = host_settings_text(s, key, "GlobalFlag");

    *ret = (struct gf_settings){.overruns = 1};
    if (text)
        ret->flags = (uint32_t)strtoul(text, NULL, 16);
    else
        (void)host_settings_dword(s, key, "GlobalFlag", &ret->flags); /* absent: 0 */
    pp_free(text);
}

static int change_image(struct host_settings *s, const char *key, const struct gf_change *c,
                        struct gf_settings *now)
{
    char text[16];

    change_flags(now, c);
    pp_fmt(text, sizeof text, "0x%08x", now->flags);
    return host_settings_set_text(s, key, "GlobalFlag", text);
}

static int apply_stored(const struct gf_target *t, const struct gf_change *change,
                        struct gf_settings *ret, char why[PP_WHY_SIZE])
{
    char key[IMAGE_KEY_SIZE];
    struct host_settings *s;
    int err = host_settings_open(t->machine, change != NULL, &s, why);

    if (err)
        return GF_USAGE;
    if (t->dest == GF_IMAGE) {
        pp_fmt(key, sizeof key, HOST_KEY_IMAGES "\\%s", t->image);
        read_image(s, key, ret);
    } else {
        read_boot(s, ret);
    }
    if (change) {
        err = t->dest == GF_IMAGE ? change_image(s, key, change, ret) : change_boot(s, change, ret);
        if (err)
            pp_fmt(why, PP_WHY_SIZE, "%s", strerror(-err));
        else
            err = host_settings_save(s, why);
    }
    host_settings_close(s);
    return err ? GF_USAGE : GF_DONE;
}

/* ---- Running copy ---- */

static int apply_running(const struct gf_target *t, const struct gf_change *change,
                         struct gf_settings *ret, char why[PP_WHY_SIZE])
{
    struct host_running r;
    int err = host_running_read(t->machine, &r, why);

    if (err)
        return err == -ESRCH || err == -EOPNOTSUPP ? GF_REFUSED : GF_USAGE;
    *ret = (struct gf_settings){r.global_flag, r.pool_tag, r.pool_tag_overruns};
    if (!change)
        return GF_DONE;
    change_flags(ret, change);
    if (change->tag != GF_TAG_KEEP)
        ret->pool_tag = change->tag == GF_TAG_SET ? change->pool_tag : 0;
    if (change->edge != GF_EDGE_KEEP)
        ret->overruns = change->edge == GF_EDGE_END;
    r = (struct host_running){ret->flags, ret->pool_tag, ret->overruns};
    err = host_running_write(t->machine, &r, why);
    return !err ? GF_DONE : err == -ESRCH || err == -EOPNOTSUPP ? GF_REFUSED : GF_USAGE;
}

int gf_apply(const struct gf_target *t, const struct gf_change *change, struct gf_settings *ret,
             char why[PP_WHY_SIZE])
{
    return t->dest == GF_KERNEL ? apply_running(t, change, ret, why)
                                : apply_stored(t, change, ret, why);
}
