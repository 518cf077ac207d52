/* What GFlags sets in the machine that runs in a machine directory: read from its state block,
 * changed by an order to it (stay.c). */
#include "host/host_priv.h"
#include "base/state.h"

#include <errno.h>

static int open_running(const char *dir, struct host_state *ret, char why[PP_WHY_SIZE])
{
    char path[PATH_MAX];
    bool is_order;
    int err = host_machine_path(dir, path, &is_order, why);

    if (err)
        return err;
    err = host_state_open(dir, NULL, ret, why);
    if (!err && host_state_is_running(ret) && ret->s->phase == POOLPROOF_RUNNING)
        return 0;
    if (!err)
        host_state_close(ret);
    if (err && err != -ENOENT)
        return err;
    pp_fmt(why, PP_WHY_SIZE, "%.120s: no machine is running here", path);
    return -ESRCH;
}

int host_running_read(const char *dir, struct host_running *ret, char why[PP_WHY_SIZE])
{
    struct poolproof_totals t;
    struct host_state st;
    int err = open_running(dir, &st, why);

    if (err)
        return err;
    (void)pp_state_read(&st.s->totals, &t, sizeof t); /* each of the three is whole in any case */
    host_state_close(&st);
    *ret = (struct host_running){t.global_flag, t.pool_tag, t.pool_tag_overruns};
    return 0;
}

int host_running_write(const char *dir, const struct host_running *r, char why[PP_WHY_SIZE])
{
    char line[80], reply[PP_WHY_SIZE];
    struct host_state st;
    int err = open_running(dir, &st, why);

    if (err)
        return err;
    pp_fmt(line, sizeof line, "gflags(0x%x, 0x%x, %u)", r->global_flag, r->pool_tag,
           r->pool_tag_overruns);
    err = host_control(&st, line, reply, sizeof reply, why);
    host_state_close(&st);
    if (!err && reply[0]) {
        err = -EIO;
        pp_fmt(why, PP_WHY_SIZE, "the machine refused: %.150s", reply);
    }
    return err;
}
