/*
 * The machine that runs in a machine directory, for tools that look at it or change it.
 *
 * Not yet: a machine stays up only while its report is made and publishes nothing that another
 * process could change, so none is ever found. Once it has a state block, it is looked up here.
 */
#include "host/host_priv.h"

#include <errno.h>

static int no_machine(const char *dir, char why[PP_WHY_SIZE])
{
    char path[PATH_MAX];
    bool is_order;
    int err = host_machine_path(dir, path, &is_order, why);

    if (err)
        return err;
    pp_fmt(why, PP_WHY_SIZE, "%.120s: no machine is running here", path);
    return -ESRCH;
}

int host_running_read(const char *dir, struct host_running *ret, char why[PP_WHY_SIZE])
{
    (void)ret; /* nothing to fill it from */
    return no_machine(dir, why);
}

int host_running_write(const char *dir, const struct host_running *r, char why[PP_WHY_SIZE])
{
    (void)r; /* nobody to give it to */
    return no_machine(dir, why);
}
