/*
 * The gflags command: global flags and special pool by tag or size of one machine. Switches,
 * spellings and printed lines are those of the Windows tool; what it prints goes to standard output
 * as there, and what Poolproof adds (when a change takes effect) to standard error.
 */
#include "host/host.h"
#include "tools/gflags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: gflags                                         the dialog, on a terminal\n"
    "       gflags /r [{+|-}FLAG ...]                      stored settings, for the next start\n"
    "       gflags /k [{+|-}FLAG ...]                      the running machine, until it ends\n"
    "       gflags /i IMAGE [{+|-}FLAG ...]                one program (name with extension)\n"
    "       gflags {/r | /k} {+spp {TAG | 0xSIZE} | -spp}  special pool by tag or size\n"
    "       gflags {/r | /k} {/verifystart | /verifyend}   which side of a block is guarded\n"
    "       gflags /import FILE.reg                        take the settings of a .reg file over\n"
    "       gflags /export FILE.reg                        write the settings as regedit does\n"
    "       gflags /?                                      this text\n"
    "\n"
    "options: --machine DIR  machine directory (default: $POOLPROOF_MACHINE, else\n"
    "                        $XDG_STATE_HOME/poolproof/default)\n"
    "         --version\n"
    "\n"
    "A dash works in place of the slash. Without a flag list the present value is shown. FLAG is "
    "an\n"
    "abbreviation or a hexadecimal number without 0x; an abbreviation wants + or -. TAG has 1 to "
    "4\n"
    "characters in exact case, ? stands for one and a final * for the rest; * alone is every "
    "block.\n"
    "0xSIZE is the size rounded up to 16 bytes, plus 16 (0x20: 1 to 16 bytes).\n"
    "\n"
    "flags (R registry, K kernel, I image):\n";

static int say(int code, const char *what, const char *object)
{
    fflush(stdout); /* what was printed before stands before */
    fprintf(stderr, "gflags: %s%s%s\n", object ? object : "", object ? ": " : "", what);
    return code;
}

static void usage(FILE *out)
{
    fputs(usage_text, out);
    for (size_t i = 0; i < GF_FLAG_COUNT; i++) {
        const struct gf_flag *f = &gf_flags[i];

        fprintf(out, "  %s  %08x  %c%c%c  %s\n", f->name, f->bit,
                f->dests & GF_REGISTRY ? 'R' : '-', f->dests & GF_KERNEL ? 'K' : '-',
                f->dests & GF_IMAGE ? 'I' : '-', f->text);
    }
    fputs(
        "  spp            RK-  Special pool by tag or size\n"
        "\n"
        "exit codes: 0 done, 1 refused (not for this destination, not modelled, no machine runs),\n"
        "2 usage or surroundings\n",
        out);
}

/* ---- Flag list ---- */

static void add_bits(struct gf_change *c, bool is_on, uint32_t bits)
{
    if (is_on) {
        c->set |= bits;
        c->clear &= ~bits;
    } else {
        c->clear |= bits;
        c->set &= ~bits;
    }
}

/* Bits may be cleared anywhere; they are set only where they mean something. */
static int check_dest(const struct gf_target *t, uint32_t bits)
{
    for (size_t i = 0; i < GF_FLAG_COUNT; i++) {
        char what[PP_WHY_SIZE];

        if (!(bits & gf_flags[i].bit) || (gf_flags[i].dests & t->dest))
            continue;
        pp_fmt(what, sizeof what, "%s (%s) is no flag of %s; nothing was changed", gf_flags[i].name,
               gf_flags[i].text, gf_dest_words(t->dest));
        return say(GF_REFUSED, what, NULL);
    }
    return GF_DONE;
}

/* One word of the list: an abbreviation with its sign, or a number. Abbreviations win: some are
 * numbers. */
static int one_flag(const struct gf_target *t, struct gf_change *c, const char *word)
{
    bool has_sign = *word == '+' || *word == '-', is_on = *word != '-';
    const char *name = word + has_sign;
    const struct gf_flag *f = gf_flag_find(name);
    char *end;
    unsigned long v;

    if (!strcasecmp(name, "lpg"))
        return say(GF_REFUSED, "large pages for images are not modelled; nothing was changed",
                   word);
    if (f && !has_sign)
        return say(GF_DONE, "without + or - it changes nothing", word);
    v = f ? f->bit : strtoul(name, &end, 16);
    if (!f && (!*name || *end || strspn(name, "+- ") || v > 0xFFFFFFFFul))
        return say(GF_USAGE,
                   "no flag of that name, and no hexadecimal number (gflags /? lists the flags)",
                   word);
    add_bits(c, is_on, (uint32_t)v);
    return is_on ? check_dest(t, (uint32_t)v) : GF_DONE;
}

static int set_tag(const struct gf_target *t, struct gf_change *c, const char *text)
{
    char note[PP_WHY_SIZE], why[PP_WHY_SIZE];

    if (t->dest == GF_IMAGE)
        return say(GF_REFUSED, "special pool is not set for an image; nothing was changed", "+spp");
    if (!text)
        return say(GF_USAGE, "wants a tag or a size", "+spp");
    if (gf_tag_parse(text, &c->pool_tag, note, why))
        return say(GF_USAGE, why, "+spp");
    if (note[0])
        (void)say(GF_DONE, note, "+spp");
    c->tag = GF_TAG_SET;
    return GF_DONE;
}

static bool is_switch(const char *arg, const char *name)
{
    return (*arg == '/' || *arg == '-') && !strcasecmp(arg + 1, name);
}

/* The words behind /r, /k or /i IMAGE. */
static int flag_list(const struct gf_target *t, struct gf_change *c, char **args)
{
    int code = GF_DONE;

    for (; *args && code == GF_DONE; args++) {
        if (!strcasecmp(*args, "+spp")) {
            code = set_tag(t, c, args[1]);
            args += args[1] != NULL;
        } else if (!strcasecmp(*args, "-spp")) {
            c->tag = GF_TAG_DELETE;
            args +=
                args[1] && !strchr("+-/", args[1][0]); /* the tag may be named, there is only one */
        } else if (t->dest != GF_IMAGE && is_switch(*args, "verifystart")) {
            c->edge = GF_EDGE_START;
        } else if (t->dest != GF_IMAGE && is_switch(*args, "verifyend")) {
            c->edge = GF_EDGE_END;
        } else {
            code = one_flag(t, c, *args);
        }
    }
    return code;
}

/* ---- Answers ---- */

static void show(const struct gf_target *t, const struct gf_settings *s)
{
    if (t->dest == GF_IMAGE)
        printf("Current Registry Settings for %s executable are: %08x\n", t->image, s->flags);
    else
        printf("Current %s Settings are: %08x\n",
               t->dest == GF_KERNEL ? "Running Kernel" : "Boot Registry", s->flags);
    for (size_t i = 0; i < GF_FLAG_COUNT; i++) {
        if (s->flags & gf_flags[i].bit)
            printf("    %s - %s\n", gf_flags[i].name, gf_flags[i].text);
    }
}

static void show_change(const struct gf_change *c, const struct gf_settings *now)
{
    if (c->tag == GF_TAG_SET)
        printf("Special Pool set to 0x%x\n", now->pool_tag);
    if (c->tag == GF_TAG_SET || c->edge != GF_EDGE_KEEP)
        printf("PoolTagOverruns set to 0x%x\n", now->overruns);
    if (c->tag == GF_TAG_DELETE)
        puts("Special Pool value has been deleted.");
}

/* What Windows' tool leaves unsaid. */
static void show_effect(const struct gf_target *t, const struct gf_change *c)
{
    const struct gf_flag *ptg = gf_flag_find("ptg");

    if (t->dest == GF_REGISTRY && ((c->set | c->clear) & ptg->bit) && c->clear != UINT32_MAX)
        (void)say(GF_DONE,
                  "pool tagging is on anyway: since Windows Server 2003 nothing turns it off",
                  NULL);
    if (t->dest == GF_REGISTRY)
        (void)say(GF_DONE, "takes effect at the next start of the machine", NULL);
    if (t->dest == GF_KERNEL)
        (void)say(GF_DONE, "in effect now, until the machine ends", NULL);
    if (t->dest == GF_IMAGE)
        (void)say(GF_DONE, "kept, but without effect: the machine runs no user-mode programs",
                  NULL);
}

static int verb_flags(struct gf_target *t, char **args)
{
    struct gf_change change = {0};
    struct gf_settings now;
    char why[PP_WHY_SIZE];
    int code = flag_list(t, &change, args);

    if (code != GF_DONE)
        return code;
    code = gf_apply(t, gf_is_change(&change) ? &change : NULL, &now, why);
    if (code != GF_DONE)
        return say(code, why, NULL);
    if (gf_is_change(&change))
        show_change(&change, &now);
    show(t, &now);
    if (gf_is_change(&change))
        show_effect(t, &change);
    return GF_DONE;
}

static int verb_image(struct gf_target *t, char **args)
{
    t->image = args[0];
    if (!t->image)
        return say(GF_USAGE, "wants the name of an image, with its extension", "/i");
    if (strpbrk(t->image, "\\/[]\"") || !strchr(t->image, '.') || strlen(t->image) > 250)
        return say(GF_USAGE, "an image is named without a folder and with its extension", t->image);
    return verb_flags(t, args + 1);
}

/* ---- .reg files ---- */

static int verb_import(const char *machine, const char *path)
{
    struct host_settings *s;
    char why[PP_WHY_SIZE];
    unsigned values = 0;
    int err = host_settings_open(machine, true, &s, why);

    if (err)
        return say(GF_USAGE, why, NULL);
    err = host_settings_import(s, path, &values, why);
    if (!err)
        err = host_settings_save(s, why);
    host_settings_close(s);
    if (err)
        return say(GF_USAGE, why, NULL);
    printf("%u value%s imported from %s\n", values, values == 1 ? "" : "s", path);
    return say(GF_DONE, "takes effect at the next start of the machine", NULL);
}

static int verb_export(const char *machine, const char *path)
{
    struct host_settings *s;
    char why[PP_WHY_SIZE];
    int err = host_settings_open(machine, false, &s, why);

    if (err)
        return say(GF_USAGE, why, NULL);
    err = host_settings_export(s, path, why);
    host_settings_close(s);
    if (err)
        return say(GF_USAGE, why, NULL);
    printf("Settings exported to %s\n", path);
    return GF_DONE;
}

static int verb_file(const char *verb, const char *machine, char **args)
{
    if (!args[0] || args[1])
        return say(GF_USAGE, "wants the name of one .reg file", verb);
    return is_switch(verb, "import") ? verb_import(machine, args[0])
                                     : verb_export(machine, args[0]);
}

/* ---- Command line ---- */

/* Take --machine DIR (or /machine, -machine, --machine=DIR) out of the arguments, wherever it
 * stands. */
static int take_machine(char **args, const char **ret)
{
    char **out = args;

    for (; *args; args++) {
        const char *word = !strncmp(*args, "--", 2) ? *args + 1 : *args;

        if (is_switch(word, "machine")) {
            if (!args[1])
                return say(GF_USAGE, "wants a folder", *args);
            *ret = *++args;
        } else if (!strncmp(word, "-machine=", 9)) {
            *ret = word + 9;
        } else {
            *out++ = *args;
        }
    }
    *out = NULL;
    return GF_DONE;
}

static int run_switch(struct gf_target *t, char **args)
{
    static const char *const not_modelled[] = {"ro", "ko", "p"};
    const char *verb = args[0];

    if (is_switch(verb, "r") || is_switch(verb, "k")) {
        t->dest = is_switch(verb, "r") ? GF_REGISTRY : GF_KERNEL;
        return verb_flags(t, args + 1);
    }
    if (is_switch(verb, "i")) {
        t->dest = GF_IMAGE;
        return verb_image(t, args + 1);
    }
    if (is_switch(verb, "import") || is_switch(verb, "export"))
        return verb_file(verb, t->machine, args + 1);
    for (size_t i = 0; i < PP_COUNT(not_modelled); i++) {
        if (is_switch(verb, not_modelled[i]))
            return say(GF_REFUSED,
                       i < 2 ? "object reference tracing is not modelled"
                             : "page heap is not modelled",
                       verb);
    }
    return say(GF_USAGE, "unknown switch (gflags /? lists them)", verb);
}

int main(int argc, char **argv)
{
    struct gf_target t = {.dest = GF_REGISTRY};
    char **args = argv + (argc > 0);

    if (take_machine(args, &t.machine) != GF_DONE)
        return GF_USAGE;
    if (!args[0] && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        return gf_dialog(t.machine);
    if (!args[0]) {
        usage(stderr);
        return GF_USAGE;
    }
    if (is_switch(args[0], "?") || is_switch(args[0], "h") || !strcmp(args[0], "--help")) {
        usage(stdout);
        return GF_DONE;
    }
    if (is_switch(args[0], "V") || !strcmp(args[0], "--version")) {
        puts("gflags 0.1.0");
        return GF_DONE;
    }
    return run_switch(&t, args);
}
