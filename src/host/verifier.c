/*
 * Driver Verifier's stored settings: as the registry of the machine directory holds them, and what
 * they mean for one start of the machine.
 *
 * Doc: Windows driver documentation, "Driver Verifier Command Syntax", "Low Resources Simulation".
 * Seen: the names of the values beside VerifyDrivers and VerifyDriverLevel, on Windows 10.
 */
#include "host/host_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    LEVEL_WHEN_ABSENT = 3, /* Doc: KB 244617: special pool and forced IRQL checking */
    GRAPHICS = VF_OPT_SPECIAL_POOL | VF_OPT_POOL_TRACKING | VF_OPT_LOW_RESOURCES,
};

const char *const host_boot_mode_names[HOST_BOOT_MODES] = {"Persistent", "ResetOnBootFail",
                                                           "ResetOnUnusualShutdown", "OneBoot"};
static const char *const domain_values[HOST_DOMAINS] = {"Domain.wdm", "Domain.ndis", "Domain.ks",
                                                        "Domain.audio"};

/* ---- Reading ---- */

static bool read_text(const struct host_settings *s, const char *key, const char *name, char *ret,
                      size_t size)
{
    char *text = host_settings_text(s, key, name);
    bool has = text != NULL;

    pp_fmt(ret, size, "%s", has ? text : "");
    pp_free(text);
    return has;
}

static void read_number(const struct host_settings *s, const char *key, const char *name,
                        uint32_t max, uint32_t *ret)
{
    uint32_t v;

    if (host_settings_dword(s, key, name, &v) && v <= max)
        *ret = v;
}

static void read_faults(const struct host_settings *s, struct host_faults *f)
{
    *f = (struct host_faults){.probability = HOST_FAULT_PROBABILITY,
                              .delay_minutes = HOST_FAULT_MINUTES};
    read_number(s, HOST_KEY_MEMORY, "VerifierFaultProbability", HOST_FAULT_PROBABILITY_MAX,
                &f->probability);
    read_number(s, HOST_KEY_MEMORY, "VerifierFaultBootMinutes", UINT32_MAX, &f->delay_minutes);
    (void)read_text(s, HOST_KEY_MEMORY, "VerifierFaultTags", f->tags, sizeof f->tags);
    (void)read_text(s, HOST_KEY_MEMORY, "VerifierFaultApplications", f->applications,
                    sizeof f->applications);
}

static uint64_t read_classes(const struct host_settings *s)
{
    char text[256];
    uint64_t classes = 0;

    (void)read_text(s, HOST_KEY_OWN, "RuleClasses", text, sizeof text);
    for (char *at = text; *at;) {
        char *end;
        unsigned long n = strtoul(at, &end, 10);

        if (end == at)
            break;
        if (n < 64)
            classes |= 1ull << n;
        at = end;
    }
    return classes;
}

static void read_own(const struct host_settings *s, struct host_verifier *v)
{
    uint32_t n = 0;

    read_number(s, HOST_KEY_OWN, "BootMode", HOST_BOOT_MODES - 1, &n);
    v->mode = (enum host_boot_mode)n;
    read_number(s, HOST_KEY_OWN, "BootsLeft", UINT32_MAX, &v->boots_left);
    n = 0;
    read_number(s, HOST_KEY_OWN, "Unfinished", 1, &n);
    v->is_unfinished = n;
    n = 0;
    read_number(s, HOST_KEY_OWN, "SystematicBoot", HOST_SYSTEMATIC_RECORD, &n);
    v->systematic = (enum host_systematic)n;
    read_number(s, HOST_KEY_OWN, "Extension", UINT32_MAX, &v->extension);
    for (unsigned i = 0; i < HOST_DOMAINS; i++)
        read_number(s, HOST_KEY_OWN, domain_values[i], 2, &v->domains[i]);
    (void)read_text(s, HOST_KEY_OWN, "RulesOff", v->rules_off, sizeof v->rules_off);
    v->classes = read_classes(s);
}

void host_verifier_read(const struct host_settings *s, struct host_verifier *ret)
{
    uint32_t n = 0;

    memset(ret, 0, sizeof *ret);
    ret->is_stored =
        read_text(s, HOST_KEY_MEMORY, "VerifyDrivers", ret->drivers, sizeof ret->drivers);
    ret->has_level = host_settings_dword(s, HOST_KEY_MEMORY, "VerifyDriverLevel", &ret->level);
    if (!ret->has_level)
        ret->level = ret->is_stored ? LEVEL_WHEN_ABSENT : 0;
    ret->is_stored |= ret->has_level;
    (void)read_text(s, HOST_KEY_MEMORY, "VerifyDriversSuppress", ret->excluded,
                    sizeof ret->excluded);
    read_number(s, HOST_KEY_MEMORY, "VrfPersistThroughUpgrade", UINT32_MAX, &n);
    ret->persists_upgrade = n;
    read_faults(s, &ret->faults);
    read_own(s, ret);
}

/* ---- Writing ---- */

static int put_text(struct host_settings *s, const char *key, const char *name, const char *text)
{
    if (*text)
        return host_settings_set_text(s, key, name, text);
    (void)host_settings_remove(s, key, name); /* may be gone already */
    return 0;
}

static int put_number(struct host_settings *s, const char *key, const char *name, uint32_t v,
                      uint32_t usual)
{
    if (v != usual)
        return host_settings_set_dword(s, key, name, v);
    (void)host_settings_remove(s, key, name); /* may be gone already */
    return 0;
}

static int write_faults(struct host_settings *s, const struct host_faults *f)
{
    int err = put_number(s, HOST_KEY_MEMORY, "VerifierFaultProbability", f->probability,
                         HOST_FAULT_PROBABILITY);

    if (!err)
        err = put_number(s, HOST_KEY_MEMORY, "VerifierFaultBootMinutes", f->delay_minutes,
                         HOST_FAULT_MINUTES);
    if (!err)
        err = put_text(s, HOST_KEY_MEMORY, "VerifierFaultTags", f->tags);
    return err ? err : put_text(s, HOST_KEY_MEMORY, "VerifierFaultApplications", f->applications);
}

static int write_own(struct host_settings *s, const struct host_verifier *v)
{
    const struct {
        const char *name;
        uint32_t value;
    } numbers[] = {
        {"BootMode", (uint32_t)v->mode},  {"BootsLeft", v->boots_left},
        {"Unfinished", v->is_unfinished}, {"SystematicBoot", (uint32_t)v->systematic},
        {"Extension", v->extension},
    };
    char classes[256] = "";
    int err = 0;

    for (size_t i = 0; i < PP_COUNT(numbers) && !err; i++)
        err = put_number(s, HOST_KEY_OWN, numbers[i].name, numbers[i].value, 0);
    for (unsigned i = 0; i < HOST_DOMAINS && !err; i++)
        err = put_number(s, HOST_KEY_OWN, domain_values[i], v->domains[i], 0);
    for (unsigned i = 0; i < 64; i++) {
        if (v->classes >> i & 1)
            pp_fmt_append(classes, sizeof classes, "%s%u", *classes ? " " : "", i);
    }
    if (!err)
        err = put_text(s, HOST_KEY_OWN, "RuleClasses", classes);
    return err ? err : put_text(s, HOST_KEY_OWN, "RulesOff", v->rules_off);
}

int host_verifier_write(struct host_settings *s, const struct host_verifier *v)
{
    int err = put_text(s, HOST_KEY_MEMORY, "VerifyDrivers", v->drivers);

    if (!err && v->has_level)
        err = host_settings_set_dword(s, HOST_KEY_MEMORY, "VerifyDriverLevel", v->level);
    else if (!err)
        (void)host_settings_remove(s, HOST_KEY_MEMORY, "VerifyDriverLevel"); /* may be gone */
    if (!err)
        err = put_text(s, HOST_KEY_MEMORY, "VerifyDriversSuppress", v->excluded);
    if (!err)
        err = put_number(s, HOST_KEY_MEMORY, "VrfPersistThroughUpgrade", v->persists_upgrade, 0);
    if (!err)
        err = write_faults(s, &v->faults);
    return err ? err : write_own(s, v);
}

void host_verifier_clear(struct host_verifier *v)
{
    memset(v, 0, sizeof *v);
    v->faults.probability = HOST_FAULT_PROBABILITY;
    v->faults.delay_minutes = HOST_FAULT_MINUTES;
}

bool host_verifier_wants(const struct host_verifier *v, const char *driver)
{
    const char *name = pp_base_name(driver);

    return ke_verifier_lists(v->drivers, name) && !ke_verifier_lists(v->excluded, name);
}

/* ---- The life of the settings over starts of the machine ---- */

static int complain(int err, const char *why)
{
    fprintf(stderr, "poolproof: %s\n", why);
    return err;
}

/* Let `change` have the stored settings; what it leaves is saved. */
static int update(const char *dir, void (*change)(struct host_verifier *v),
                  struct host_verifier *ret)
{
    struct host_settings *s;
    struct host_verifier v;
    char why[PP_WHY_SIZE] = "out of memory";
    int err = host_settings_open(dir, true, &s, why);

    if (err)
        return complain(err, why);
    host_verifier_read(s, &v);
    if (ret)
        *ret = v; /* as they were */
    change(&v);
    err = host_verifier_write(s, &v);
    if (!err)
        err = host_settings_save(s, why);
    host_settings_close(s);
    return err ? complain(err, why) : 0;
}

static bool counts_starts(const struct host_verifier *v)
{
    return v->mode == HOST_BOOT_ONE || v->mode == HOST_BOOT_RESET_ON_UNUSUAL || v->boots_left;
}

/* A start of the machine: what is used up goes. */
static void at_start(struct host_verifier *v)
{
    if (v->is_unfinished || v->mode == HOST_BOOT_ONE || v->boots_left == 1) {
        host_verifier_clear(v);
        return;
    }
    v->is_unfinished = v->mode == HOST_BOOT_RESET_ON_UNUSUAL;
    v->boots_left -= v->boots_left != 0;
}

static void at_orderly_end(struct host_verifier *v)
{
    v->is_unfinished = false;
}

static int read_stored(const char *dir, struct host_verifier *ret)
{
    struct host_settings *s;
    char why[PP_WHY_SIZE];
    int err;

    if (host_settings_open(dir, false, &s, why))
        return 0; /* the machine, which needs the whole file, says what is wrong with it */
    host_verifier_read(s, ret);
    host_settings_close(s);
    if (!ret->is_stored || !counts_starts(ret))
        return 0;
    err = update(dir, at_start, ret);
    if (!err && ret->is_unfinished) {
        fprintf(stderr, "poolproof: the last machine did not end in order: the verifier's "
                        "settings were cleared (boot mode resetonunusualshutdown)\n");
        host_verifier_clear(ret);
    }
    return err;
}

static bool failed_in_start(const struct host_verdict *v)
{
    static const char *const start[] = {"DriverEntry", "AddDevice", "IRP_MN_START_DEVICE"};

    for (unsigned i = 0; i < v->finding_count; i++) {
        for (size_t k = 0; k < PP_COUNT(start); k++) {
            if (!strcmp(v->findings[i].during, start[k]))
                return true;
        }
    }
    return v->entry_failed.what[0] != '\0';
}

void host_verifier_end(struct host_verified_start *b, const struct host_verdict *v, int code)
{
    const char *dir = b->o.machine_dir;
    enum host_boot_mode mode = b->stored.mode;
    bool in_order = code == HOST_CLEAN || code == HOST_NOT_EXERCISED || code == HOST_USAGE;

    if (b->is_used && mode == HOST_BOOT_RESET_ON_FAIL && v && failed_in_start(v)) {
        fprintf(stderr, "poolproof: the driver's start failed: the verifier's settings were "
                        "cleared (boot mode resetonbootfail)\n");
        (void)update(dir, host_verifier_clear, NULL); /* has said why not */
    } else if (b->is_used && mode == HOST_BOOT_RESET_ON_UNUSUAL && b->stored.boots_left != 1) {
        if (!in_order)
            fprintf(stderr, "poolproof: the machine did not end in order: the verifier's "
                            "settings were cleared (boot mode resetonunusualshutdown)\n");
        (void)update(dir, in_order ? at_orderly_end : host_verifier_clear, NULL); /* as above */
    }
    pp_free(b->command);
    b->command = NULL;
}

/* ---- What a start is to be ---- */

/* Doc: "Driver Verifier Options": of graphics drivers only the pool is verified. */
static bool is_graphics(const struct pe_image *pe)
{
    size_t count = 0;
    const struct pe_import *imp = pe ? pe_imports(pe, &count) : NULL;

    for (size_t i = 0; i < count; i++) {
        if (!strcasecmp(imp[i].module, "win32k.sys"))
            return true;
    }
    return false;
}

static void fault_words(const struct host_options *o, char *buf, size_t size)
{
    const struct host_faults *f = &o->faults;

    if (o->options & VF_OPT_SYSTEMATIC) {
        pp_fmt_append(buf, size, "; the first call from each stack fails");
        return;
    }
    if (!(o->options & VF_OPT_LOW_RESOURCES))
        return;
    pp_fmt_append(buf, size, "; %u of 10000 calls fail", f->probability);
    if (*f->tags)
        pp_fmt_append(buf, size, ", of tags %s", f->tags);
    if (*f->applications)
        pp_fmt_append(buf, size, ", for %s", f->applications);
}

/* The command that repeats this start, whatever is stored then. */
static char *explicit_command(const struct host_options *o)
{
    const struct host_faults *f = &o->faults;
    size_t size = strlen(o->command) + 800;
    char *text = pp_new(size);

    if (!text)
        return NULL;
    pp_fmt(text, size, "%s", o->command);
    if (!o->verify)
        pp_fmt_append(text, size, " --verify off");
    else
        pp_fmt_append(text, size, " --verify 0x%x", o->options);
    if (o->verify && (o->options & VF_OPT_LOW_RESOURCES))
        pp_fmt_append(text, size, " --faults '%u,%s,%s,%u'", f->probability, f->tags,
                      f->applications, f->delay_minutes);
    return text;
}

static unsigned verified_count(const struct host_verifier *v, char *const *drivers, unsigned count)
{
    unsigned n = 0;

    for (unsigned i = 0; i < count; i++)
        n += host_verifier_wants(v, drivers[i]);
    return n;
}

static void apply(struct host_verified_start *b, unsigned wanted)
{
    const struct host_verifier *v = &b->stored;
    struct host_options *o = &b->o;
    uint32_t level = v->level;

    if (v->systematic != HOST_SYSTEMATIC_ON)
        level &= ~(uint32_t)VF_OPT_SYSTEMATIC; /* Doc: disableboottime is the default */
    o->verified = v->drivers;
    o->excluded = v->excluded;
    o->disabled_rules = v->rules_off;
    o->faults = v->faults;
    o->options_if_added = level;
    o->verify = wanted && v->level;
    o->options = (o->verify ? level : 0) | (o->special_pool ? VF_OPT_SPECIAL_POOL : 0u);
    if (o->verify)
        pp_fmt(b->words, sizeof b->words, "Driver Verifier 0x%08x, as stored", v->level);
    else
        pp_fmt(b->words, sizeof b->words, "Driver Verifier is off, as stored");
    if (o->verify && level != v->level)
        pp_fmt_append(b->words, sizeof b->words,
                      "; systematic low resources simulation waits for /faultssystematic");
    if (o->verify && *v->rules_off)
        pp_fmt_append(b->words, sizeof b->words, "; rules off: 0xC4 %s", v->rules_off);
    b->is_used = true;
}

/* A list that leaves a driver out is the usual reason for a surprise. */
static void say_left_out(struct host_verified_start *b, char *const *drivers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!host_verifier_wants(&b->stored, drivers[i]))
            pp_fmt_append(b->words, sizeof b->words, "; %s is not among the drivers to verify",
                          pp_base_name(drivers[i]));
    }
}

int host_verifier_begin(struct host_verified_start *b, const struct host_options *o,
                        const struct pe_image *pe, char *const *drivers, unsigned count)
{
    int err;

    *b = (struct host_verified_start){.o = *o};
    if (!o->has_verify && !o->has_faults) {
        err = read_stored(o->machine_dir, &b->stored);
        if (err)
            return err;
    }
    b->o.options_if_added = VF_OPT_STANDARD;
    if (b->stored.is_stored) {
        unsigned wanted = verified_count(&b->stored, drivers, count);

        apply(b, wanted);
        say_left_out(b, drivers, count);
        if (wanted == count || !wanted)
            b->o.command = b->command = explicit_command(&b->o);
        if (!b->o.command)
            return complain(-ENOMEM, "out of memory");
    }
    if (is_graphics(pe) && (b->o.options & ~(uint32_t)GRAPHICS)) {
        b->o.options &= GRAPHICS;
        pp_fmt_append(b->words, sizeof b->words, "%sof a graphics driver only the pool is verified",
                      b->words[0] ? "; " : "");
    }
    if (b->o.verify)
        fault_words(&b->o, b->words, sizeof b->words);
    b->o.verifier_words = b->words[0] ? b->words : NULL;
    return 0;
}
