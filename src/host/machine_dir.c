/*
 * The machine directory: where one machine's settings live between runs. Found by --machine, else
 * $POOLPROOF_MACHINE, else $XDG_STATE_HOME/poolproof/default (without XDG_STATE_HOME,
 * $HOME/.local/state/poolproof/default), and made when it is not there. Only the supervisor touches
 * it.
 */
#include "host/host_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A name that a user gave is an order; the default directory is a convenience. */
static bool find(const char *dir, char *path, size_t size)
{
    const char *from = dir && *dir ? dir : getenv("POOLPROOF_MACHINE");

    if (from && *from) {
        pp_fmt(path, size, "%s", from);
        return true;
    }
    from = getenv("XDG_STATE_HOME");
    if (from && *from == '/') {
        pp_fmt(path, size, "%s/poolproof/default", from);
        return false;
    }
    from = getenv("HOME");
    pp_fmt(path, size, "%s/.local/state/poolproof/default", from && *from ? from : "");
    return false;
}

static int make(char *path)
{
    struct stat st;

    for (char *p = path + 1;; p++) {
        char was = *p;

        if (was && was != '/')
            continue;
        *p = '\0';
        if (mkdir(path, 0777) && errno != EEXIST && (was == '\0' || stat(path, &st))) {
            int err = -errno;

            *p = was;
            return err;
        }
        *p = was;
        if (!was)
            break;
    }
    if (stat(path, &st))
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int host_machine_path(const char *dir, char path[PATH_MAX], bool *is_order, char why[PP_WHY_SIZE])
{
    int err;

    *is_order = find(dir, path, PATH_MAX);
    err = make(path);
    if (err)
        pp_fmt(why, PP_WHY_SIZE, "%.120s: cannot be the machine directory: %s", path,
               strerror(-err));
    return err;
}

int host_machine_dir(const struct host_options *o, char **ret, size_t *ret_size,
                     char why[PP_WHY_SIZE])
{
    char path[PATH_MAX], file[PATH_MAX];
    bool is_order;
    uint8_t *bytes = NULL;
    size_t size = 0;
    int err = host_machine_path(o->machine_dir, path, &is_order, why);

    *ret = NULL;
    *ret_size = 0;
    if (err)
        return is_order ? err : 0; /* nothing can be stored there, so there are no settings */
    if (strlen(path) + sizeof "/system.reg" > sizeof file)
        return 0; /* no file can have that name */
    pp_fmt(file, sizeof file, "%s", path);
    pp_fmt_append(file, sizeof file, "/system.reg");
    err = host_read_file(file, HOST_REGISTRY_MAX, &bytes, &size);
    if (err == -ENOENT)
        return 0;
    if (err) {
        pp_fmt(why, PP_WHY_SIZE, "%s: %s", file, strerror(-err));
        return err;
    }
    *ret = (char *)bytes;
    *ret_size = size;
    return 0;
}
