/* The machine directory: found, made, read. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *new_folder(void)
{
    char *path = strdup("/tmp/poolproof-machine-XXXXXX");

    cr_assert(mkdtemp(path));
    return path;
}

TEST(machine_dir, made_on_order)
{
    struct host_options o = {0};
    char path[200], why[PP_WHY_SIZE], *text = NULL;
    struct stat st;
    size_t size;

    pp_fmt(path, sizeof path, "%s/a/b", new_folder());
    o.machine_dir = path;
    cr_expect(host_machine_dir(&o, &text, &size, why) == 0);
    cr_expect(!text && !stat(path, &st) && S_ISDIR(st.st_mode));
}

TEST(machine_dir, registry_is_read)
{
    struct host_options o = {0};
    char path[200], why[PP_WHY_SIZE], *text = NULL;
    char *folder = new_folder();
    size_t size;
    FILE *f;

    pp_fmt(path, sizeof path, "%s/system.reg", folder);
    f = fopen(path, "w");
    cr_assert(f);
    fputs("Windows Registry Editor Version 5.00\n", f);
    fclose(f);
    setenv("POOLPROOF_MACHINE", folder, 1);
    cr_expect(host_machine_dir(&o, &text, &size, why) == 0);
    cr_assert(text);
    cr_expect(size == 37 && !strncmp(text, "Windows", 7));
    pp_free(text);
}

TEST(machine_dir, an_order_that_fails_is_an_error)
{
    struct host_options o = {.machine_dir = "/dev/null/machine"};
    char why[PP_WHY_SIZE], *text;
    size_t size;

    cr_expect(host_machine_dir(&o, &text, &size, why) < 0);
    cr_expect(strstr(why, "/dev/null/machine"));
}

TEST(machine_dir, a_default_that_fails_is_none)
{
    struct host_options o = {0};
    char why[PP_WHY_SIZE], *text;
    size_t size;

    unsetenv("POOLPROOF_MACHINE");
    setenv("XDG_STATE_HOME", "/dev/null", 1);
    cr_expect(host_machine_dir(&o, &text, &size, why) == 0);
    cr_expect(!text);
}
