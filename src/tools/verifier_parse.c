/*
 * The command line of verifier: one pass over the words, each switch taking those behind it that
 * belong to it. What is stored or printed is decided elsewhere.
 *
 * Doc: Windows driver documentation, "Driver Verifier Command Syntax".
 */
#include "tools/verifier.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

struct parse {
    struct vr_command *c;
    char **at; /* the next word */
    char *why;
    bool is_volatile, is_now, has_interval, has_classes, has_flags, is_standard;
    unsigned domain; /* 1 + the one named last; 0: none yet */
};

static int fail(struct parse *p, const char *object, const char *what)
{
    pp_fmt(p->why, PP_WHY_SIZE, "%.120s: %s", object, what);
    return -EINVAL;
}

/* ---- Words ---- */

static bool is_switch_word(const char *word)
{
    return word && (*word == '/' || *word == '-') && word[1];
}

static bool is_named(const char *word, const char *name)
{
    return !strcasecmp(word + 1 + (word[0] == '-' && word[1] == '-'), name);
}

bool vr_number(const char *text, uint32_t *ret)
{
    static const struct {
        const char *prefix;
        unsigned base;
    } bases[] = {{"0x", 16}, {"0o", 8}, {"0b", 2}, {"", 10}};
    uint64_t v = 0;
    size_t i = 0;

    while (strncasecmp(text, bases[i].prefix, strlen(bases[i].prefix)) != 0)
        i++;
    text += strlen(bases[i].prefix);
    if (!*text)
        return false;
    for (; *text; text++) {
        static const char digits[] = "0123456789abcdef";
        char low = (char)(*text >= 'A' && *text <= 'F' ? *text + 32 : *text);
        const char *d = strchr(digits, low);

        if (!d || (unsigned)(d - digits) >= bases[i].base)
            return false;
        v = v * bases[i].base + (unsigned)(d - digits);
        if (v > UINT32_MAX)
            return false;
    }
    *ret = (uint32_t)v;
    return true;
}

static int take_number(struct parse *p, const char *sw, uint32_t *ret)
{
    const char *word = *p->at;

    if (!word || is_switch_word(word))
        return fail(p, sw, "wants a number");
    if (!vr_number(word, ret))
        return fail(p, word, "not a number of 32 bits (decimal, or 0x and hexadecimal)");
    p->at++;
    return 0;
}

static int check_name(struct parse *p, const char *name)
{
    if (strpbrk(name, "*?"))
        return fail(p, name, "wildcards do not stand for driver names here (/all is every driver)");
    if (!*name || strpbrk(name, "\\/:\"<>| "))
        return fail(p, name, "a driver is named without a folder, for example disk.sys");
    return 0;
}

/* Names up to the next switch. */
static int take_names(struct parse *p, const char *sw, struct vr_names *ret)
{
    for (; *p->at && !is_switch_word(*p->at); p->at++) {
        if (check_name(p, *p->at))
            return -EINVAL;
        if (ret->count == VR_NAMES_MAX)
            return fail(p, *p->at, "too many drivers (64 are taken)");
        ret->name[ret->count++] = *p->at;
    }
    return ret->count ? 0 : fail(p, sw, "wants the name of a driver");
}

/* ---- Options ---- */

static int set_verb(struct parse *p, const char *sw, enum vr_verb verb)
{
    if (p->c->verb != VR_VERB_NONE && p->c->verb != verb)
        return fail(p, sw, "does not go together with the switches before it");
    p->c->verb = verb;
    return 0;
}

static int add_level(struct parse *p, uint32_t level)
{
    p->c->has_level = true;
    p->c->level |= level;
    return 0;
}

static int take_classes(struct parse *p, const char *sw)
{
    uint64_t classes = 0, rest;
    uint32_t n, level;

    p->c->is_dif = is_named(sw, "dif");
    p->has_classes = true;
    while (*p->at && !is_switch_word(*p->at)) {
        if (take_number(p, sw, &n))
            return -EINVAL;
        if (n > 63 || !n)
            return fail(p, p->at[-1], "no rule class");
        classes |= 1ull << n;
    }
    if (!classes)
        return fail(p, sw, "wants the number of a rule class");
    if (p->c->is_dif)
        classes |= 1ull << VR_CLASS_DIF;
    if (!vr_classes_to_level(classes, &level, &rest, &n)) {
        pp_fmt(p->why, PP_WHY_SIZE, "%u: no rule class", n);
        return -EINVAL;
    }
    p->c->classes |= rest;
    return add_level(p, level);
}

/* Doc: "Low Resources Simulation": parameters are positional, "" keeps a default. */
static int take_faults(struct parse *p)
{
    struct vr_command *c = p->c;
    struct host_faults *f = &c->faults;

    c->has_faults = true;
    *f = (struct host_faults){.probability = HOST_FAULT_PROBABILITY,
                              .delay_minutes = HOST_FAULT_MINUTES};
    for (unsigned i = 0; i < 4 && *p->at && !is_switch_word(*p->at); i++) {
        const char *word = *p->at++;
        uint32_t n;

        if (!*word)
            continue;
        c->fault_parts |= 1u << i;
        if (i == 1 || i == 2) {
            char *to = i == 1 ? f->tags : f->applications;

            if (strlen(word) >= sizeof f->tags)
                return fail(p, word, "too long");
            pp_fmt(to, sizeof f->tags, "%s", word);
        } else if (!vr_number(word, &n)) {
            return fail(p, word, "not a number of 32 bits (decimal, or 0x and hexadecimal)");
        } else if (i == 0 && (!n || n > HOST_FAULT_PROBABILITY_MAX)) {
            return fail(p, word, "a probability is 1 to 10000, of 10000");
        } else {
            *(i ? &f->delay_minutes : &f->probability) = n;
        }
    }
    return 0;
}

static int take_boot_mode(struct parse *p, const char *sw)
{
    static const struct {
        const char *name;
        enum host_boot_mode mode;
    } modes[] = {
        {"persistent", HOST_BOOT_PERSISTENT},
        {"resetonbootfail", HOST_BOOT_RESET_ON_FAIL},
        {"disableafterfail", HOST_BOOT_RESET_ON_FAIL}, /* Windows 8.1's name */
        {"resetonunusualshutdown", HOST_BOOT_RESET_ON_UNUSUAL},
        {"rous", HOST_BOOT_RESET_ON_UNUSUAL},
        {"oneboot", HOST_BOOT_ONE},
    };
    const char *word = *p->at ? *p->at++ : "";

    for (size_t i = 0; i < PP_COUNT(modes); i++) {
        if (!strcasecmp(word, modes[i].name)) {
            p->c->has_mode = true;
            p->c->mode = modes[i].mode;
            return 0;
        }
    }
    return fail(p, *word ? word : sw,
                "wants persistent, resetonbootfail, resetonunusualshutdown or oneboot");
}

static int take_boots(struct parse *p, const char *sw)
{
    if (take_number(p, sw, &p->c->boots))
        return -EINVAL;
    if (!p->c->boots)
        return fail(p, sw, "wants one start or more");
    p->c->has_boots = p->c->has_mode = true;
    p->c->mode = HOST_BOOT_RESET_ON_UNUSUAL;
    return 0;
}

static int take_rules(struct parse *p, const char *sw)
{
    static const char *const names[] = {"query", "reset", "default", "disable"};
    const char *word = *p->at ? *p->at++ : "";

    for (size_t i = 0; i < PP_COUNT(names); i++) {
        if (strcasecmp(word, names[i]) != 0)
            continue;
        p->c->rules = (enum vr_rules)i;
        if (i >= VR_RULES_DEFAULT && take_number(p, word, &p->c->rule))
            return -EINVAL;
        return set_verb(p, sw, VR_VERB_RULES);
    }
    return fail(p, *word ? word : sw, "wants query, reset, default ID or disable ID");
}

const char *const vr_systematic_names[VR_SYS_COUNT] = {
    "enableboottime",  "disableboottime",  "recordboottime", "resetboottime",
    "enableruntime",   "disableruntime",   "recordruntime",  "resetruntime",
    "querystatistics", "incrementcounter", "getstackid",     "excludestack"};

static int take_systematic(struct parse *p, const char *sw)
{
    const char *word = *p->at ? *p->at++ : "";

    for (size_t i = 0; i < VR_SYS_COUNT; i++) {
        if (strcasecmp(word, vr_systematic_names[i]) != 0)
            continue;
        p->c->systematic = (enum vr_systematic)i;
        if (i >= VR_SYS_STACK_ID && take_number(p, word, &p->c->systematic_arg))
            return -EINVAL;
        return set_verb(p, sw, VR_VERB_SYSTEMATIC);
    }
    return fail(p, *word ? word : sw, *word ? "no option of /faultssystematic" : "wants an option");
}

static int take_log(struct parse *p, const char *sw)
{
    if (!*p->at || is_switch_word(*p->at) || !**p->at) {
        /* Here a path may begin with a slash. */
        if (!*p->at || (*p->at)[0] != '/' || !strchr(*p->at + 1, '/'))
            return fail(p, sw, "wants the name of a file");
    }
    p->c->log_file = *p->at++;
    return set_verb(p, sw, VR_VERB_LOG);
}

static int take_domain(struct parse *p, const char *sw)
{
    static const char *const names[HOST_DOMAINS] = {"wdm", "ndis", "ks", "audio"};
    const char *word = *p->at ? *p->at++ : "";

    for (unsigned i = 0; i < HOST_DOMAINS; i++) {
        if (strcasecmp(word, names[i]) != 0)
            continue;
        p->c->domains[i] = 1;
        if (*p->at && !strcasecmp(*p->at, "rules.all"))
            p->c->domains[i] = 2;
        p->at +=
            *p->at && (!strcasecmp(*p->at, "rules.all") || !strcasecmp(*p->at, "rules.default"));
        return 0;
    }
    return fail(p, *word ? word : sw, "wants wdm, ndis, ks or audio");
}

/* ---- Switches ---- */

/* Those that stand alone or start something else than a change of settings. */
static int plain_switch(struct parse *p, const char *sw, bool *ret_known)
{
    static const struct {
        const char *name;
        enum vr_verb verb;
    } verbs[] = {
        {"?", VR_VERB_HELP},
        {"help", VR_VERB_HELP},
        {"h", VR_VERB_HELP},
        {"version", VR_VERB_VERSION},
        {"V", VR_VERB_VERSION},
        {"reset", VR_VERB_RESET},
        {"query", VR_VERB_QUERY},
        {"stop", VR_VERB_STOP},
        {"querysettings", VR_VERB_QUERY_SETTINGS},
    };
    static const struct {
        const char *name;
        enum host_extension bit;
    } reactions[] = {{"logging", HOST_EXT_LOGGING},
                     {"livedump", HOST_EXT_LIVEDUMP},
                     {"onecheck", HOST_EXT_ONECHECK},
                     {"log.code_integrity", HOST_EXT_LOG_CODE}};

    *ret_known = true;
    for (size_t i = 0; i < PP_COUNT(verbs); i++) {
        if (is_named(sw, verbs[i].name))
            return set_verb(p, sw, verbs[i].verb);
    }
    for (size_t i = 0; i < PP_COUNT(reactions); i++) {
        if (!is_named(sw, reactions[i].name))
            continue;
        p->c->extension |= reactions[i].bit;
        return 0;
    }
    *ret_known = false;
    return 0;
}

static int setting_switch(struct parse *p, const char *sw)
{
    struct vr_command *c = p->c;
    uint32_t n;

    if (is_named(sw, "standard")) {
        p->is_standard = true;
        return add_level(p, VR_STANDARD_LEVEL);
    }
    if (is_named(sw, "flags")) {
        p->has_flags = true;
        return take_number(p, sw, &n) ? -EINVAL : add_level(p, n);
    }
    if (is_named(sw, "iolevel")) { /* Windows XP and 2003: 2 adds the second level of I/O checks */
        if (take_number(p, sw, &n))
            return -EINVAL;
        if (n < 1 || n > 2)
            return fail(p, sw, "wants 1 or 2");
        c->level |= n == 2 ? 0x40u : 0;
        return 0;
    }
    if (is_named(sw, "ruleclasses") || is_named(sw, "rc") || is_named(sw, "dif"))
        return take_classes(p, sw);
    if (is_named(sw, "all")) {
        c->is_all = true;
        return 0;
    }
    if (is_named(sw, "driver")) {
        c->has_drivers = true;
        return take_names(p, sw, &c->drivers);
    }
    if (is_named(sw, "driver.exclude")) {
        c->has_excluded = true;
        return take_names(p, sw, &c->excluded);
    }
    if (is_named(sw, "bootmode"))
        return take_boot_mode(p, sw);
    if (is_named(sw, "bc"))
        return take_boots(p, sw);
    if (is_named(sw, "persistthroughupgrade")) {
        c->persists_upgrade = true;
        return 0;
    }
    if (is_named(sw, "domain"))
        return take_domain(p, sw);
    return fail(p, sw, "unknown switch (verifier /? lists them)");
}

static int one_switch(struct parse *p)
{
    const char *sw = *p->at++;
    bool known;
    int err;

    if (!is_switch_word(sw))
        return fail(p, sw, "a switch is expected here (verifier /? lists them)");
    err = plain_switch(p, sw, &known);
    if (err || known)
        return err;
    if (is_named(sw, "faults"))
        return take_faults(p);
    if (is_named(sw, "faultssystematic"))
        return take_systematic(p, sw);
    if (is_named(sw, "rules"))
        return take_rules(p, sw);
    if (is_named(sw, "log"))
        return take_log(p, sw);
    if (is_named(sw, "interval")) {
        p->has_interval = true;
        return take_number(p, sw, &p->c->interval);
    }
    if (is_named(sw, "volatile")) {
        p->is_volatile = true;
        return set_verb(p, sw, VR_VERB_VOLATILE);
    }
    if (is_named(sw, "now")) {
        p->is_now = true;
        return set_verb(p, sw, VR_VERB_NOW);
    }
    if (is_named(sw, "adddriver"))
        return take_names(p, sw, &p->c->added);
    if (is_named(sw, "removedriver"))
        return take_names(p, sw, &p->c->removed);
    return setting_switch(p, sw);
}

/* ---- The command as a whole ---- */

static bool has_setting(const struct vr_command *c)
{
    bool domain = false;

    for (unsigned i = 0; i < HOST_DOMAINS; i++)
        domain |= c->domains[i] != 0;
    return c->has_level || c->level || c->is_all || c->has_drivers || c->has_excluded ||
           c->has_faults || c->has_mode || c->persists_upgrade || c->extension || domain;
}

static int check_volatile(struct parse *p)
{
    const struct vr_command *c = p->c;

    if (!p->is_volatile && (c->added.count || c->removed.count))
        return fail(p, c->added.count ? "/adddriver" : "/removedriver", "goes with /volatile");
    if (!p->is_volatile)
        return 0;
    if (c->is_all || c->has_drivers || c->has_excluded || c->has_mode || p->has_classes ||
        p->is_standard || c->extension)
        return fail(p, "/volatile",
                    "goes with /flags, /faults, /adddriver and /removedriver alone");
    if (!c->has_level && !c->has_faults && !c->added.count && !c->removed.count)
        return fail(p, "/volatile", "wants /flags, /faults, /adddriver or /removedriver");
    return 0;
}

static int check_settings(struct parse *p)
{
    const struct vr_command *c = p->c;

    if (p->has_flags + p->is_standard + p->has_classes > 1)
        return fail(p, p->is_standard ? "/standard" : "/flags",
                    "one of /standard, /flags and /ruleclasses says which options");
    if (c->is_all && c->has_drivers)
        return fail(p, "/all", "and /driver exclude each other");
    if (c->has_excluded && !c->is_all)
        return fail(p, "/driver.exclude", "goes with /all");
    if (p->is_now && !c->is_dif)
        return fail(p, "/now", "goes with /dif");
    if (p->is_now && !c->has_drivers)
        return fail(p, "/now", "wants /driver");
    if (p->has_interval && c->verb != VR_VERB_LOG)
        return fail(p, "/interval", "goes with /log");
    if (p->has_interval && !c->interval)
        return fail(p, "/interval", "wants one second or more");
    return 0;
}

static int check(struct parse *p)
{
    struct vr_command *c = p->c;

    if (check_settings(p) || check_volatile(p))
        return -EINVAL;
    if ((c->level & VR_DEADLOCK) && (c->level & VR_DELAY_FUZZING))
        return fail(p, "0x00800000",
                    "kernel synchronization delay fuzzing cannot be combined with "
                    "deadlock detection (0x00000020)");
    if (c->verb == VR_VERB_NONE && has_setting(c))
        c->verb = VR_VERB_SETTINGS;
    else if (c->verb != VR_VERB_VOLATILE && c->verb != VR_VERB_NOW && has_setting(c))
        return fail(p, "verifier", "this switch stands alone, without settings");
    c->interval = p->has_interval ? c->interval : 30;
    return 0;
}

/* Take --machine DIR out of the words, wherever it stands. */
static int take_machine(struct parse *p, char **args)
{
    char **out = args;

    for (; *args; args++) {
        const char *word = !strncmp(*args, "--", 2) ? *args + 1 : *args;

        if ((*word == '/' || *word == '-') && !strcasecmp(word + 1, "machine")) {
            if (!args[1])
                return fail(p, *args, "wants a folder");
            p->c->machine = *++args;
        } else if (!strncmp(word, "-machine=", 9)) {
            p->c->machine = word + 9;
        } else {
            *out++ = *args;
        }
    }
    *out = NULL;
    return 0;
}

int vr_parse(char **args, struct vr_command *ret, char why[PP_WHY_SIZE])
{
    struct parse p = {.c = ret, .at = args, .why = why};

    memset(ret, 0, sizeof *ret);
    if (take_machine(&p, args))
        return -EINVAL;
    while (*p.at) {
        if (one_switch(&p))
            return -EINVAL;
        if (ret->verb == VR_VERB_HELP)
            return 0;
    }
    return check(&p);
}
