/* The settings of a machine: read, changed, written, imported. */
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAD "Windows Registry Editor Version 5.00\n"

static char *folder;

static void make_folder(void)
{
    folder = strdup("/tmp/poolproof-settings-XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void path_of(const char *name, char path[200])
{
    pp_fmt(path, 200, "%s/%s", folder, name);
}

static void put_file(const char *name, const char *text)
{
    char path[200];
    FILE *f;

    path_of(name, path);
    f = fopen(path, "w");
    cr_assert(f && fputs(text, f) >= 0 && !fclose(f));
}

static void expect_file(const char *name, const char *want)
{
    char path[200];
    uint8_t *text;
    size_t size;

    path_of(name, path);
    cr_assert_eq(host_read_file(path, 1 << 20, &text, &size), 0);
    cr_expect_str_eq((char *)text, want);
    pp_free(text);
}

static struct host_settings *opened(bool write)
{
    struct host_settings *s = NULL;
    char why[PP_WHY_SIZE] = "";

    cr_assert_eq(host_settings_open(folder, write, &s, why), 0, "%s", why);
    return s;
}

static void save(struct host_settings *s)
{
    char why[PP_WHY_SIZE] = "";

    cr_assert_eq(host_settings_save(s, why), 0, "%s", why);
    host_settings_close(s);
}

TEST(settings, first_value_makes_the_file)
{
    struct host_settings *s;
    uint32_t v = 0;

    make_folder();
    s = opened(true);
    cr_expect(!host_settings_dword(s, HOST_KEY_SESSION, "GlobalFlag", &v));
    cr_expect_eq(host_settings_set_dword(s, HOST_KEY_SESSION, "GlobalFlag", 0x400), 0);
    cr_expect_eq(host_settings_set_text(s, HOST_KEY_MEMORY, "VerifyDrivers", "a.sys b\xC3\xA9"), 0);
    save(s);
    expect_file("system.reg", HEAD "\n[" HOST_KEY_SESSION "]\n\"GlobalFlag\"=dword:00000400\n\n"
                                   "[" HOST_KEY_MEMORY "]\n"
                                   "\"VerifyDrivers\"=\"a.sys b\xC3\xA9\"\n");
    s = opened(false);
    cr_expect(host_settings_dword(s, HOST_KEY_SESSION, "globalflag", &v) && v == 0x400);
    cr_expect_str_eq(host_settings_text(s, HOST_KEY_MEMORY, "VerifyDrivers"), "a.sys b\xC3\xA9");
    cr_expect_null(host_settings_text(s, HOST_KEY_SESSION, "GlobalFlag"));
    host_settings_close(s);
}

TEST(settings, what_is_not_changed_stays)
{
    static const char before[] =
        HEAD "; by hand\n\n[HKLM\\SYSTEM\\ControlSet001\\Control\\Session Manager]\n"
             "\"Other\"=hex(7):61,00,00,00,00,00\n\"GLOBALFLAG\"=dword:00000001\n; why\n\n\n"
             "[HKLM\\SOFTWARE\\X]\n@=\"y\"\n";
    static const char after[] =
        HEAD "; by hand\n\n[HKLM\\SYSTEM\\ControlSet001\\Control\\Session Manager]\n"
             "\"Other\"=hex(7):61,00,00,00,00,00\n\"GlobalFlag\"=dword:00000002\n"
             "\"New\"=dword:00000003\n; why\n\n\n[HKLM\\SOFTWARE\\X]\n@=\"y\"\n";
    struct host_settings *s;

    make_folder();
    put_file("system.reg", before);
    s = opened(true);
    cr_expect_eq(host_settings_set_dword(s, HOST_KEY_SESSION, "GlobalFlag", 2), 0);
    cr_expect_eq(host_settings_set_dword(s, HOST_KEY_SESSION, "New", 3), 0);
    save(s);
    expect_file("system.reg", after);
}

TEST(settings, the_last_line_counts)
{
    static const char text[] = HEAD
        "[HKLM\\A]\n\"x\"=dword:1\n\"y\"=dword:1\n[HKLM\\B]\n[HKLM\\A]\n\"x\"=dword:2\n\"y\"=-\n";
    struct host_settings *s;
    uint32_t v = 0;

    make_folder();
    put_file("system.reg", text);
    s = opened(true);
    cr_expect(host_settings_dword(s, "HKLM\\A", "x", &v) && v == 2);
    cr_expect(!host_settings_dword(s, "HKLM\\A", "y", &v));
    cr_expect(host_settings_remove(s, "HKLM\\A", "x"));
    cr_expect(!host_settings_remove(s, "HKLM\\A", "x"));
    cr_expect_eq(host_settings_set_dword(s, "HKLM\\A", "y", 3), 0);
    save(s);
    expect_file("system.reg", HEAD "[HKLM\\A]\n\"y\"=dword:00000001\n[HKLM\\B]\n[HKLM\\A]\n"
                                   "\"y\"=dword:00000003\n");
}

TEST(settings, import_merges_and_keeps_deletions)
{
    struct host_settings *s;
    char path[200], why[PP_WHY_SIZE] = "";
    unsigned values = 0;
    uint32_t v;

    make_folder();
    put_file("system.reg", HEAD "\n[HKLM\\A]\n\"x\"=dword:00000001\n\"y\"=dword:00000001\n\n"
                                "[HKLM\\B\\C]\n\"z\"=dword:00000001\n");
    put_file("more.reg", "REGEDIT4\n; theirs\n[HKLM\\A]\n\"x\"=dword:5\n\"y\"=-\n\"n\"=\"t\"\n"
                         "[-HKLM\\B]\n");
    path_of("more.reg", path);
    s = opened(true);
    cr_assert_eq(host_settings_import(s, path, &values, why), 0, "%s", why);
    cr_expect_eq(values, 3);
    cr_expect(!host_settings_dword(s, "HKLM\\B\\C", "z", &v));
    save(s);
    expect_file("system.reg", HEAD "\n[HKLM\\A]\n\"x\"=dword:00000005\n\"y\"=-\n\"n\"=\"t\"\n\n"
                                   "[-HKLM\\B]\n");
}

TEST(settings, a_bad_import_changes_nothing)
{
    static const char text[] = HEAD "\n[HKLM\\A]\n\"x\"=dword:00000001\n";
    struct host_settings *s;
    char path[200], why[PP_WHY_SIZE] = "";
    unsigned values = 0;
    uint32_t v = 0;

    make_folder();
    put_file("system.reg", text);
    put_file("bad.reg", HEAD "[HKLM\\A]\n\"x\"=dword:5\n\"y\"=what\n");
    path_of("bad.reg", path);
    s = opened(true);
    cr_expect(host_settings_import(s, path, &values, why) < 0);
    cr_expect(strstr(why, "bad.reg: line 4: "));
    cr_expect(host_settings_dword(s, "HKLM\\A", "x", &v) && v == 1);
    save(s);
    expect_file("system.reg", text);
}

TEST(settings, export_and_import_lose_nothing)
{
    static const char text[] = HEAD
        "\n[HKLM\\A\\\xC3\xA9]\n@=\"\xE2\x82\xAC\"\n\"x\"=hex(2):25,00\n\"gone\"=-\n\n[-HKLM\\B]\n";
    struct host_settings *s;
    char path[200], why[PP_WHY_SIZE] = "";
    unsigned values;

    make_folder();
    put_file("system.reg", text);
    path_of("out.reg", path);
    s = opened(true);
    cr_assert_eq(host_settings_export(s, path, why), 0, "%s", why);
    host_settings_close(s);
    put_file("system.reg", HEAD);
    s = opened(true);
    cr_assert_eq(host_settings_import(s, path, &values, why), 0, "%s", why);
    save(s);
    expect_file("system.reg", text);
}

TEST(settings, a_damaged_file_is_named_and_left_alone)
{
    struct host_settings *s = NULL;
    char why[PP_WHY_SIZE] = "";

    make_folder();
    put_file("system.reg", "hello\n");
    cr_expect(host_settings_open(folder, true, &s, why) < 0);
    cr_expect(strstr(why, "/system.reg: line 1: the head line"));
    expect_file("system.reg", "hello\n");
}

/* Killed at any moment, and as often as a second program wants the file too: it is always whole. */
TEST(settings, killed_writers_lose_nothing)
{
    uint32_t v = 0;
    struct host_settings *s;

    make_folder();
    s = opened(true);
    cr_assert_eq(host_settings_set_dword(s, "HKLM\\A", "count", 0), 0);
    save(s);
    for (int round = 0; round < 20; round++) {
        int ready[2];
        char c;
        pid_t child;

        cr_assert_eq(pipe(ready), 0);
        child = fork();
        if (!child) {
            for (uint32_t i = 0;; i++) {
                s = opened(true);
                (void)host_settings_set_dword(s, "HKLM\\A", "count", i);
                save(s);
                if (i == (uint32_t)round)
                    (void)!write(ready[1], "", 1);
            }
        }
        cr_assert_eq(read(ready[0], &c, 1), 1);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(ready[0]);
        close(ready[1]);
        s = opened(false);
        cr_expect(host_settings_dword(s, "HKLM\\A", "count", &v));
        host_settings_close(s);
    }
}
