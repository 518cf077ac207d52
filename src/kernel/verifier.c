/*
 * Driver Verifier as a part of the machine: which drivers it watches and with which options, from
 * the start on and as changed while the machine runs. A change at run time replaces what was
 * stored; it touches no block and no lock that is there already, so both keep the checks they were
 * made with.
 *
 * Doc: Windows driver documentation, "Using Volatile Settings", "Selecting Drivers to be Verified".
 */
#include "kernel/kernel_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LIST_MAX = 1024 };

static struct {
    char drivers[LIST_MAX]; /* separated by blanks; "*": every driver */
    bool has_others;        /* an image was loaded that is not watched */
} g;

/* ---- Lists of names ---- */

/* The next name of a list; NULL behind the last one. */
static const char *next_name(const char **at, size_t *ret_size)
{
    const char *name = *at + strspn(*at, " \t");

    *ret_size = strcspn(name, " \t");
    *at = name + *ret_size;
    return *ret_size ? name : NULL;
}

static bool is_name(const char *entry, size_t size, const char *name)
{
    return strlen(name) == size && !strncasecmp(entry, name, size);
}

/* Doc: VerifyDrivers in the registry may be * or *.sys, and nothing else has wildcards. */
static bool is_every(const char *entry, size_t size)
{
    return is_name(entry, size, "*") || is_name(entry, size, "*.sys");
}

bool ke_verifier_lists(const char *list, const char *name)
{
    const char *entry;
    size_t size;

    while (list && (entry = next_name(&list, &size))) {
        if (is_every(entry, size) || is_name(entry, size, name))
            return true;
    }
    return false;
}

bool ke_verifier_wants(const char *name)
{
    return ke_verifier_lists(g.drivers, name) && !ke_verifier_lists(ke_m.config.excluded, name);
}

const char *ke_verifier_drivers(void)
{
    return g.drivers;
}

/* ---- Who calls ---- */

void ke_verifier_loaded(const struct ke_image *im)
{
    g.has_others |= !im->is_verified;
}

bool ke_caller_is_verified(void)
{
    const struct ke_image *im =
        g.has_others ? ke_m.judged ? ke_m.judged : ke_image_current() : NULL;

    return !im || im->is_verified;
}

/* ---- Changes at run time ---- */

static void switch_on(uint32_t options)
{
    ke_m.config.options = options;
    ke_m.config.verify = options != 0;
    vf_options_set(options, options != 0);
}

static void mark(const char *name, bool verified)
{
    struct ke_image *im;

    g.has_others = false;
    for (uint32_t i = 1; (im = ke_image_by_owner(i)); i++) {
        if (!im->is_unloaded && !strcasecmp(im->name, name))
            im->is_verified = verified;
        g.has_others |= !im->is_verified;
    }
}

static bool is_loaded(const char *name)
{
    struct ke_image *im;

    for (uint32_t i = 1; (im = ke_image_by_owner(i)); i++) {
        if (!im->is_unloaded && !strcasecmp(im->name, name))
            return true;
    }
    return false;
}

int ke_verifier_flags(uint32_t options)
{
    struct ke_fault_config faults = *ke_fault_config();
    int err;

    faults.mode = ke_fault_mode_of(options);
    err = ke_fault_change(&faults);
    if (err)
        return err;
    switch_on(options);
    ke_state_update();
    return 0;
}

int ke_verifier_faults(const struct ke_fault_config *faults)
{
    uint32_t options = ke_m.config.options | VF_OPT_LOW_RESOURCES;
    int err = ke_fault_change(faults);

    if (err)
        return err;
    switch_on(ke_m.config.verify ? options : VF_OPT_LOW_RESOURCES);
    ke_state_update();
    return 0;
}

static bool has_name(const char *name)
{
    const char *at = g.drivers, *entry;
    size_t size;

    while ((entry = next_name(&at, &size))) {
        if (is_name(entry, size, name))
            return true;
    }
    return false;
}

int ke_verifier_add(const char *name)
{
    if (has_name(name))
        return 0;
    if (strlen(g.drivers) + strlen(name) + 2 > sizeof g.drivers)
        return -ENOSPC;
    pp_fmt_append(g.drivers, sizeof g.drivers, "%s%s", *g.drivers ? " " : "", name);
    if (!ke_m.config.verify)
        switch_on(ke_m.config.options_if_added);
    mark(name, true);
    ke_state_update();
    return 0;
}

int ke_verifier_remove(const char *name)
{
    char rest[LIST_MAX] = "";
    const char *at = g.drivers, *entry;
    size_t size;
    bool found = false;

    if (is_loaded(name))
        return -EBUSY;
    while ((entry = next_name(&at, &size))) {
        if (is_name(entry, size, name))
            found = true;
        else
            pp_fmt_append(rest, sizeof rest, "%s%.*s", *rest ? " " : "", (int)size, entry);
    }
    if (!found)
        return -ENOENT;
    memcpy(g.drivers, rest, sizeof rest);
    ke_state_update();
    return 0;
}

/* ---- Start ---- */

static void disable_rules(const char *list)
{
    char *end;

    for (; list && *list; list = end) {
        uint64_t p1 = strtoull(list, &end, 0);

        if (end == list || !vf_disable(p1))
            return;
    }
}

void ke_verifier_init(void)
{
    pp_fmt(g.drivers, sizeof g.drivers, "%s", ke_m.config.drivers ? ke_m.config.drivers : "*");
    g.has_others = false;
    disable_rules(ke_m.config.disabled_rules);
}
