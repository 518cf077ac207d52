/*
 * The verifier command: Driver Verifier's settings of one machine. Switches, printed blocks and
 * exit codes are those of the Windows tool; what it prints goes to standard output as there, and
 * what Poolproof adds (an option that has no effect here) to standard error.
 */
#include "tools/verifier.h"

#include <string.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: verifier /standard {/all | /driver NAME ...}\n"
    "       verifier /flags OPTIONS {/all | /driver NAME ...}\n"
    "       verifier {/ruleclasses | /rc | /dif} ID ... {/all | /driver NAME ...}\n"
    "       verifier /dif ID ... /now /driver NAME ...\n"
    "       verifier /stop\n"
    "       verifier ... /all /driver.exclude NAME ...\n"
    "       verifier /faults [PROBABILITY [TAGS [PROGRAMS [MINUTES]]]]\n"
    "       verifier /faultssystematic OPTION [ARGUMENT]\n"
    "       verifier /rules {query | reset | default ID | disable ID}\n"
    "       verifier /bootmode {persistent | resetonbootfail | resetonunusualshutdown | oneboot}\n"
    "       verifier /bc NUMBER_OF_STARTS\n"
    "       verifier /persistthroughupgrade\n"
    "       verifier /domain {wdm | ndis | ks | audio} [rules.default | rules.all] [/driver NAME "
    "...]\n"
    "       verifier {/logging | /livedump | /onecheck | /log.code_integrity}\n"
    "       verifier /reset\n"
    "       verifier /querysettings\n"
    "       verifier /query\n"
    "       verifier /log FILE [/interval SECONDS]\n"
    "       verifier /volatile /flags OPTIONS [/adddriver NAME ...]\n"
    "       verifier /volatile /faults [PROBABILITY [TAGS [PROGRAMS]]] [/adddriver NAME ...]\n"
    "       verifier /volatile {/adddriver | /removedriver} NAME ...\n"
    "       verifier /?\n"
    "\n"
    "options: --machine DIR  machine directory (default: $POOLPROOF_MACHINE, else\n"
    "                        $XDG_STATE_HOME/poolproof/default)\n"
    "         --version\n"
    "\n"
    "A dash works in place of the slash. Settings take effect at the next start of the machine;\n"
    "/volatile, /query and /log are about the machine that runs. Numbers: decimal, 0x "
    "hexadecimal.\n"
    "\n"
    "options and their rule classes (S /standard, V /volatile, N /dif /now, - no effect here "
    "yet):\n";

int vr_say(int code, const char *object, const char *what)
{
    fflush(stdout); /* what was printed before stands before */
    fprintf(stderr, "verifier: %s%s%s\n", object ? object : "", object ? ": " : "", what);
    return code;
}

static void usage(FILE *out)
{
    fputs(usage_text, out);
    for (size_t i = 0; i < VR_FLAG_COUNT; i++) {
        const struct vr_flag *f = &vr_flags[i];
        char bit[16] = "          ";

        if (f->bit)
            pp_fmt(bit, sizeof bit, "0x%08x", f->bit);
        fprintf(out, "  %s  %2u  %c%c%c%c  %s\n", bit, f->rule_class,
                f->kind & VR_STANDARD ? 'S' : ' ', f->kind & VR_VOLATILE ? 'V' : ' ',
                f->kind & VR_NOW ? 'N' : ' ', f->kind & VR_NO_EFFECT ? '-' : ' ', f->name);
    }
    fputs(
        "\nexit codes: 0 done, 1 error (nothing was changed), 2 stored: restart to make it hold\n",
        out);
}

/* ---- Stored settings ---- */

static int query_settings(const struct vr_command *c)
{
    char why[PP_WHY_SIZE];
    struct host_verifier v;

    if (vr_load(c->machine, &v, why) != VR_SUCCESS)
        return vr_say(VR_ERROR, NULL, why);
    vr_show_settings(&v, stdout);
    if (!v.is_stored)
        (void)vr_say(VR_SUCCESS, NULL,
                     "nothing is stored: the drivers a machine is started with are verified with "
                     "the standard options");
    return VR_SUCCESS;
}

static void show_rules(const struct host_verifier *v)
{
    vr_show_rules(v, stdout);
    puts("");
}

static int change_settings(const struct vr_command *c)
{
    char why[PP_WHY_SIZE];
    struct host_verifier v;
    bool changed;

    if (vr_store(c, &v, &changed, why) != VR_SUCCESS)
        return vr_say(VR_ERROR, NULL, why);
    if (!changed) {
        puts("\nNo settings were changed.\n");
        return VR_SUCCESS;
    }
    if (c->verb == VR_VERB_RULES)
        show_rules(&v);
    else if (c->verb == VR_VERB_SETTINGS || c->verb == VR_VERB_SYSTEMATIC)
        vr_show_settings(&v, stdout);
    else
        puts("");
    puts("You must restart this computer for the changes to take effect.\n");
    fflush(stdout);
    if (c->verb == VR_VERB_SETTINGS)
        vr_remarks(&v, stderr);
    return VR_REBOOT;
}

static int rules(const struct vr_command *c)
{
    char why[PP_WHY_SIZE];
    struct host_verifier v;

    if (c->rules != VR_RULES_QUERY)
        return change_settings(c);
    if (vr_load(c->machine, &v, why) != VR_SUCCESS)
        return vr_say(VR_ERROR, NULL, why);
    show_rules(&v);
    return VR_SUCCESS;
}

static int systematic(const struct vr_command *c)
{
    if (c->systematic == VR_SYS_RECORD_BOOT)
        return vr_say(VR_ERROR, vr_systematic_names[c->systematic],
                      "is not modelled; nothing was changed (poolproof explore refuses each call "
                      "in turn and records it)");
    return c->systematic <= VR_SYS_RESET_BOOT ? change_settings(c) : vr_systematic_run(c);
}

static int stop(const struct vr_command *c)
{
    char reply[PP_WHY_SIZE], why[PP_WHY_SIZE];
    int code = vr_order(c->machine, "verifier_flags(0)", reply, why);

    return code == VR_SUCCESS ? code : vr_say(code, NULL, why);
}

static int run(const struct vr_command *c)
{
    switch (c->verb) {
    case VR_VERB_HELP:
        usage(stdout);
        return VR_SUCCESS;
    case VR_VERB_VERSION:
        puts("verifier 0.1.0");
        return VR_SUCCESS;
    case VR_VERB_SETTINGS:
    case VR_VERB_RESET:
        return change_settings(c);
    case VR_VERB_QUERY:
        return vr_query(c);
    case VR_VERB_QUERY_SETTINGS:
        return query_settings(c);
    case VR_VERB_LOG:
        return vr_log(c);
    case VR_VERB_RULES:
        return rules(c);
    case VR_VERB_SYSTEMATIC:
        return systematic(c);
    case VR_VERB_VOLATILE:
        return vr_volatile(c);
    case VR_VERB_NOW:
        return vr_now(c);
    case VR_VERB_STOP:
        return stop(c);
    case VR_VERB_NONE:
        break;
    }
    usage(stderr);
    return VR_ERROR;
}

int main(int argc, char **argv)
{
    char **args = argv + (argc > 0), why[PP_WHY_SIZE];
    struct vr_command c;

    if (vr_parse(args, &c, why))
        return vr_say(VR_ERROR, NULL, why);
    return run(&c);
}
