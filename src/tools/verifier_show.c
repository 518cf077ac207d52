/*
 * What verifier prints: settings, state and counters, laid out as Windows 8.1 and later do.
 *
 * Seen: the layout and its headings. Labels of counters differ between releases; values do not.
 */
#include "tools/verifier.h"
#include "base/state.h"

#include <string.h>
#include <strings.h>
#include <time.h>

/* ---- Options ---- */

static void show_flags(uint32_t level, unsigned want, unsigned mask, FILE *out)
{
    for (size_t i = 0; i < VR_FLAG_COUNT; i++) {
        const struct vr_flag *f = &vr_flags[i];

        if (f->bit && f->bit != 0x40 && f->bit != 0x100000 && (f->kind & mask) == want)
            fprintf(out, "    [%c] 0x%08x %s.\n", level & f->bit ? 'X' : ' ', f->bit, f->name);
    }
}

static uint32_t listed_bits(void)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < VR_FLAG_COUNT; i++)
        bits |= vr_flags[i].bit;
    return bits & ~(uint32_t)0x100040;
}

/* Bits in no list, each on its line. */
static void show_internal(uint32_t level, FILE *out)
{
    uint32_t rest = level & ~listed_bits();

    if (!rest)
        return;
    fputs("\n  Internal Flags:\n\n", out);
    for (unsigned i = 0; i < 32; i++) {
        const char *name = "Reserved";

        if (!(rest >> i & 1))
            continue;
        for (size_t k = 0; k < VR_FLAG_COUNT; k++)
            name = vr_flags[k].bit == 1u << i ? vr_flags[k].name : name;
        fprintf(out, "    [X] 0x%08x %s.\n", 1u << i, name);
    }
}

static void show_classes(uint64_t classes, FILE *out)
{
    if (!classes)
        return;
    fputs("\n  Additional Rule Classes:\n\n", out);
    for (size_t i = 0; i < VR_FLAG_COUNT; i++) {
        if (!vr_flags[i].bit && (classes >> vr_flags[i].rule_class & 1))
            fprintf(out, "    [X] %10u %s.\n", vr_flags[i].rule_class, vr_flags[i].name);
    }
}

void vr_show_level(uint32_t level, uint64_t classes, FILE *out)
{
    fprintf(out, "\nVerifier Flags: 0x%08x\n", level);
    fputs("\n  Standard Flags:\n\n", out);
    show_flags(level, VR_STANDARD, VR_STANDARD, out);
    fputs("\n  Additional Flags:\n\n", out);
    show_flags(level, 0, VR_STANDARD, out);
    show_internal(level, out);
    show_classes(classes, out);
    fputs("\n    [X] Indicates flag is enabled.\n", out);
}

/* ---- Settings ---- */

/* One name a line. */
static void show_list(const char *names, const char *none, FILE *out)
{
    size_t size;

    if (!*names)
        fprintf(out, "    %s\n", none);
    for (; *(names += strspn(names, " \t")); names += size) {
        size = strcspn(names, " \t");
        fprintf(out, "    %.*s\n", (int)size, names);
    }
}

static bool is_all(const char *names)
{
    return !strcmp(names, "*") || !strcasecmp(names, "*.sys");
}

static void show_faults(const struct host_faults *f, FILE *out)
{
    fputs("\n  Randomized Low Resources Simulation Parameters:\n\n", out);
    fprintf(out, "    Probability: %u/10000%s\n", f->probability,
            f->probability == HOST_FAULT_PROBABILITY ? " (default)" : "");
    fprintf(out, "    Pool tags: %s\n", *f->tags ? f->tags : "any");
    fprintf(out, "    Applications: %s\n", *f->applications ? f->applications : "any");
    fprintf(out, "    Delay: %u minutes\n", f->delay_minutes);
}

static void show_extensions(const struct host_verifier *v, FILE *out)
{
    static const char *const names[HOST_DOMAINS] = {"wdm", "ndis", "ks", "audio"};
    static const struct {
        enum host_extension bit;
        const char *text;
    } reactions[] = {{HOST_EXT_LOGGING, "violations are logged"},
                     {HOST_EXT_LIVEDUMP, "violations make a live dump"},
                     {HOST_EXT_ONECHECK, "classes that only log stop the system"},
                     {HOST_EXT_LOG_CODE, "code integrity violations are counted"}};
    bool any = v->extension;

    fputs("\n  Extensions:\n\n", out);
    for (unsigned i = 0; i < HOST_DOMAINS; i++) {
        if (v->domains[i])
            fprintf(out, "    %s: %s\n", names[i],
                    v->domains[i] == 2 ? "rules.all" : "rules.default");
        any |= v->domains[i] != 0;
    }
    for (size_t i = 0; i < PP_COUNT(reactions); i++) {
        if (v->extension & reactions[i].bit)
            fprintf(out, "    %s\n", reactions[i].text);
    }
    if (!any)
        fputs("    None\n", out);
}

void vr_show_rules(const struct host_verifier *v, FILE *out)
{
    const char *at = v->rules_off;
    size_t size;

    fputs("\n  Rules:\n\n", out);
    if (!*at)
        fputs("    All rules are using default settings\n", out);
    for (; *(at += strspn(at, " ")); at += size) {
        size = strcspn(at, " ");
        fprintf(out, "    Disabled: bug check 0xC4 (%.*s)\n", (int)size, at);
    }
}

static void show_mode(const struct host_verifier *v, FILE *out)
{
    fprintf(out, "\n  Boot Mode:\n\n    %s\n", host_boot_mode_names[v->mode]);
    if (v->boots_left)
        fprintf(out, "    Boots left: %u\n", v->boots_left);
    if (v->persists_upgrade)
        fputs("    Persists through upgrade\n", out);
}

void vr_show_settings(const struct host_verifier *v, FILE *out)
{
    vr_show_level(v->level, v->classes, out);
    show_mode(v, out);
    vr_show_rules(v, out);
    show_extensions(v, out);
    if (v->level & VR_LOW_RESOURCES)
        show_faults(&v->faults, out);
    fputs("\n  Verified Drivers:\n\n", out);
    if (is_all(v->drivers))
        fputs("    All Drivers\n", out);
    else
        show_list(v->drivers, "None", out);
    if (*v->excluded) {
        fputs("\n  Excluded Drivers:\n\n", out);
        show_list(v->excluded, "None", out);
    }
    fputs("\n", out);
}

void vr_remarks(const struct host_verifier *v, FILE *out)
{
    for (size_t i = 0; i < VR_FLAG_COUNT; i++) {
        const struct vr_flag *f = &vr_flags[i];

        if (!(f->kind & VR_NO_EFFECT))
            continue;
        if (f->bit & v->level)
            fprintf(out, "verifier: 0x%08x %s: stored, without effect yet\n", f->bit, f->name);
        else if (!f->bit && (v->classes >> f->rule_class & 1))
            fprintf(out, "verifier: rule class %u %s: stored, without effect yet\n", f->rule_class,
                    f->name);
    }
    for (unsigned i = 0; i < 32; i++) {
        if ((v->level & ~listed_bits() & ~(uint32_t)0x100040) >> i & 1)
            fprintf(out, "verifier: 0x%08x: no option has this bit: stored, without effect\n",
                    1u << i);
    }
    if ((v->level & VR_SYSTEMATIC) && v->systematic != HOST_SYSTEMATIC_ON)
        fputs("verifier: systematic low resources simulation stays off until "
              "/faultssystematic enableboottime\n",
              out);
    if ((v->level & VR_SYSTEMATIC) && (v->level & VR_LOW_RESOURCES))
        fputs("verifier: with both low resources simulations on, the systematic one decides\n",
              out);
    for (unsigned i = 0; i < HOST_DOMAINS; i++) {
        if (v->domains[i])
            fputs("verifier: /domain: stored, without effect yet: there are no rule extensions\n",
                  out);
        if (v->domains[i])
            break;
    }
    if (v->extension)
        fputs("verifier: /logging, /livedump, /onecheck, /log.code_integrity: stored, without "
              "effect yet\n",
              out);
    if (v->persists_upgrade)
        fputs("verifier: /persistthroughupgrade: stored, without effect: nothing is upgraded "
              "here\n",
              out);
    if (v->has_level && !*v->drivers)
        fputs("verifier: no drivers are chosen, so none is verified (/driver NAME or /all)\n", out);
}

/* ---- Changes while the machine runs ---- */

static void show_names(const char *title, const struct vr_names *names, FILE *out)
{
    if (!names->count)
        return;
    fprintf(out, "\n%s:\n\n", title);
    for (unsigned i = 0; i < names->count; i++)
        fprintf(out, "  %s\n", names->name[i]);
}

static void show_new_faults(const struct host_faults *f, FILE *out)
{
    fputs("\nNew Low Resources Simulation options:\n\n", out);
    if (f->probability == HOST_FAULT_PROBABILITY)
        fprintf(out, "- Default fault injection probability: %u/10000\n", f->probability);
    else
        fprintf(out, "- Fault injection probability: %u/10000\n", f->probability);
    fprintf(out, "- Pool tags: %s\n", *f->tags ? f->tags : "any");
    fprintf(out, "- Applications: %s\n", *f->applications ? f->applications : "any");
    fputs("\nThese settings hold until the machine is restarted or they are changed again.\n", out);
}

void vr_show_volatile(const struct vr_command *c, uint32_t level, FILE *out)
{
    fprintf(out, "\nVerifier Volatile Flags: 0x%08x\n\nVolatile Flags:\n\n", level);
    show_flags(level, VR_VOLATILE, VR_VOLATILE, out);
    fputs("\n    [X] Indicates flag is enabled.\n", out);
    show_names("Added Drivers", &c->added, out);
    show_names("Removed Drivers", &c->removed, out);
    if (c->has_faults)
        show_new_faults(&c->faults, out);
    fputs("\n", out);
}

/* ---- State ---- */

static void show_totals(const struct poolproof_totals *t, FILE *out)
{
    const struct {
        const char *name;
        uint64_t value;
    } lines[] = {
        {"Raise IRQLs", t->raise_irqls},
        {"Acquire Spin Locks", t->acquire_spin_locks},
        {"Synchronize Executions", t->synchronize_executions},
        {"Trims", t->trims},
        {"Pool Allocations Attempted", t->attempted},
        {"Pool Allocations Succeeded", t->succeeded},
        {"Pool Allocations Succeeded SpecialPool", t->succeeded_special},
        {"Pool Allocations With No Tag", t->no_tag},
        {"Pool Allocations Not Tracked", t->not_tracked},
        {"Pool Allocations Failed", t->failed},
        {"Pool Allocations Failed Deliberately", t->failed_deliberately},
    };

    fputs("\nVerifier Statistics Summary\n\n", out);
    for (size_t i = 0; i < PP_COUNT(lines); i++)
        fprintf(out, "  %-40s %llu\n", lines[i].name, (unsigned long long)lines[i].value);
}

static void show_driver(const struct poolproof_driver *d, FILE *out)
{
    fprintf(out, "\n  MODULE: %s (load: %u / unload: %u)\n", d->name, d->loads, d->unloads);
    fputs("\n    Pool Allocation Statistics: ( NonPaged / Paged )\n\n", out);
    fprintf(out, "      Current Pool Allocations: ( %llu / %llu )\n",
            (unsigned long long)d->live[0], (unsigned long long)d->live[1]);
    fprintf(out, "      Current Pool Bytes:       ( %llu / %llu )\n",
            (unsigned long long)d->bytes[0], (unsigned long long)d->bytes[1]);
    fprintf(out, "      Peak Pool Allocations:    ( %llu / %llu )\n",
            (unsigned long long)d->peak_live[0], (unsigned long long)d->peak_live[1]);
    fprintf(out, "      Peak Pool Bytes:          ( %llu / %llu )\n",
            (unsigned long long)d->peak_bytes[0], (unsigned long long)d->peak_bytes[1]);
    fprintf(out, "      Contiguous Memory Bytes:       %llu\n",
            (unsigned long long)d->contiguous_bytes);
    fprintf(out, "      Peak Contiguous Memory Bytes:  %llu\n",
            (unsigned long long)d->peak_contiguous_bytes);
}

void vr_show_live(const struct vr_live *l, FILE *out)
{
    char stamp[64] = "";
    time_t now = time(NULL);
    struct tm local;

    if (localtime_r(&now, &local))
        (void)strftime(stamp, sizeof stamp, "%m/%d/%Y %H:%M:%S", &local);
    fprintf(out, "\nTime Stamp: %s\n", stamp);
    vr_show_level(l->totals.options, 0, out);
    show_totals(&l->totals, out);
    fputs("\nDriver Verification List\n", out);
    for (unsigned i = 0; i < l->count; i++)
        show_driver(&l->drivers[i], out);
    if (!l->count)
        fputs("\n  None\n", out);
    fputs("\n", out);
}
