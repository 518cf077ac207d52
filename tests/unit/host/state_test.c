/* The state block as a file: who runs, what is left, what is refused. */
#include "base/state.h"
#include "host/host_priv.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/poolproof-state-XXXXXX";
static char why[PP_WHY_SIZE];

static struct host_options options(void)
{
    cr_assert(mkdtemp(dir));
    return (struct host_options){.machine_dir = dir, .driver = "x.sys", .seed = 3};
}

Test(state, runs_then_ends)
{
    struct host_options o = options();
    struct host_publish p;
    struct host_state st;

    cr_assert_eq(host_state_open(dir, NULL, &st, why), -ENOENT);
    host_publish_start(&p, &o);
    cr_assert(p.s);
    pp_state_init(p.s);
    cr_assert_eq(host_state_open(dir, NULL, &st, why), 0, "%s", why);
    cr_assert(host_state_is_running(&st));
    cr_assert_str_eq(st.s->driver_path, "x.sys");
    host_publish_end(&p, 1);
    cr_assert(!host_state_is_running(&st));
    cr_assert_eq(st.s->phase, POOLPROOF_ENDED);
    host_state_close(&st);
    cr_assert_eq(host_state_open(dir, NULL, &st, why), 0, "%s", why);
    cr_assert_eq(st.s->exit_code, 1);
    cr_assert_not_null(strstr(st.path, "/last.state"));
    host_state_close(&st);
}

Test(state, copy_is_readable_and_other_files_are_refused)
{
    struct host_options o = options();
    struct host_publish p;
    struct host_state st, copy;
    char path[64];

    host_publish_start(&p, &o);
    pp_state_init(p.s);
    cr_assert_eq(host_state_open(dir, NULL, &st, why), 0);
    pp_fmt(path, sizeof path, "%s/copy", dir);
    cr_assert_eq(host_state_save(&st, path, why), 0);
    cr_assert_eq(host_state_open(NULL, path, &copy, why), 0);
    cr_assert(!host_state_is_running(&copy));
    cr_assert_eq(copy.s->seed, 3);
    host_state_close(&copy);
    cr_assert_eq(truncate(path, 4096), 0);
    cr_assert_eq(host_state_open(NULL, path, &copy, why), -EINVAL);
    cr_assert_not_null(strstr(why, "cut short"));
    cr_assert_eq(truncate(path, 0), 0);
    cr_assert_eq(host_state_open(NULL, path, &copy, why), -EINVAL);
    host_state_close(&st);
    host_publish_end(&p, 0);
}
