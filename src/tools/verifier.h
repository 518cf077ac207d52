/* Shared by the files of verifier:
 *   verifier.c        the command            verifier_flags.c  option bits and rule classes
 *   verifier_parse.c  the command line       verifier_store.c  stored settings: what a command
 * makes of them verifier_show.c   what is printed        verifier_live.c   the machine that runs */
#ifndef POOLPROOF_TOOLS_VERIFIER_H
#define POOLPROOF_TOOLS_VERIFIER_H

#include "base/base.h"
#include "host/host.h"

#include <stdio.h>

/* Doc: "Driver Verifier Command Syntax", return codes. */
enum vr_exit {
    VR_SUCCESS = 0,
    VR_ERROR = 1,
    VR_REBOOT = 2, /* stored: takes effect at the next start of the machine */
};

/* ---- Option bits and rule classes ---- */

enum vr_flag_kind {
    VR_STANDARD = 1u << 0,
    VR_VOLATILE = 1u << 1,  /* can be changed while the machine runs */
    VR_NEEDS_IO = 1u << 2,  /* I/O verification comes with it */
    VR_NO_EFFECT = 1u << 3, /* stored and shown; the machine does nothing for it yet */
    VR_NOW = 1u << 4,       /* its class can be turned on by /dif /now */
};
struct vr_flag {
    uint32_t bit; /* 0: only a rule class */
    uint32_t rule_class;
    unsigned kind; /* enum vr_flag_kind */
    const char *name;
};
enum { VR_FLAG_COUNT = 28 };
extern const struct vr_flag vr_flags[VR_FLAG_COUNT]; /* bits ascending, then classes without one */

enum {
    VR_LOW_RESOURCES = 0x4,
    VR_IO = 0x10,
    VR_DEADLOCK = 0x20,
    VR_SYSTEMATIC = 0x40000,
    VR_DELAY_FUZZING = 0x800000,
    VR_STANDARD_LEVEL = 0x209BB,
    VR_CLASS_DIF = 36,
};

/* With what the options need besides. */
uint32_t vr_complete(uint32_t level);
/* Rule classes as a mask (bit n: class n) to option bits; the rest stays in *ret_rest.
 * Returns false: *ret_unknown is no class. */
bool vr_classes_to_level(uint64_t classes, uint32_t *ret_level, uint64_t *ret_rest,
                         uint32_t *ret_unknown);
/* All classes that the bits and the rest stand for. */
uint64_t vr_level_to_classes(uint32_t level, uint64_t rest);

/* ---- The command line ---- */

enum vr_verb {
    VR_VERB_NONE,
    VR_VERB_HELP,
    VR_VERB_VERSION,
    VR_VERB_SETTINGS, /* change what is stored */
    VR_VERB_RESET,
    VR_VERB_QUERY,
    VR_VERB_QUERY_SETTINGS,
    VR_VERB_LOG,
    VR_VERB_RULES,
    VR_VERB_SYSTEMATIC,
    VR_VERB_VOLATILE,
    VR_VERB_NOW, /* /dif ... /now */
    VR_VERB_STOP,
};
enum vr_rules { VR_RULES_QUERY, VR_RULES_RESET, VR_RULES_DEFAULT, VR_RULES_DISABLE };
enum vr_systematic {
    VR_SYS_ENABLE_BOOT,
    VR_SYS_DISABLE_BOOT,
    VR_SYS_RECORD_BOOT,
    VR_SYS_RESET_BOOT,
    VR_SYS_ENABLE_RUN,
    VR_SYS_DISABLE_RUN,
    VR_SYS_RECORD_RUN,
    VR_SYS_RESET_RUN,
    VR_SYS_STATISTICS,
    VR_SYS_COUNTER,
    VR_SYS_STACK_ID,
    VR_SYS_EXCLUDE,
    VR_SYS_COUNT,
};
extern const char *const vr_systematic_names[VR_SYS_COUNT];

/* Parts of /faults that were given. */
enum vr_fault_part { VR_PROBABILITY = 1, VR_TAGS = 2, VR_APPLICATIONS = 4, VR_DELAY = 8 };

enum { VR_NAMES_MAX = 64 };
struct vr_names {
    const char *name[VR_NAMES_MAX];
    unsigned count;
};

struct vr_command {
    enum vr_verb verb;
    const char *machine; /* --machine; NULL: the rule of host.h */
    bool has_level;
    uint32_t level;   /* /flags, /standard, /ruleclasses, /dif */
    uint64_t classes; /* of those, the ones without a flag bit */
    bool is_dif, is_all, has_drivers, has_excluded;
    struct vr_names drivers, excluded, added, removed;
    bool has_faults;
    unsigned fault_parts; /* enum vr_fault_part; the others keep or take their default */
    struct host_faults faults;
    bool has_mode, has_boots, persists_upgrade;
    enum host_boot_mode mode;
    uint32_t boots;
    const char *log_file;
    uint32_t interval; /* seconds */
    enum vr_rules rules;
    uint32_t rule;
    enum vr_systematic systematic;
    uint32_t systematic_arg;
    uint32_t domains[HOST_DOMAINS]; /* 0: not named */
    uint32_t extension;             /* enum host_extension, to be added */
};
/* `args` ends with NULL and its texts live as long as the command. Returns 0, or -EINVAL with the
 * cause in why. */
int vr_parse(char **args, struct vr_command *ret, char why[PP_WHY_SIZE]);
/* Decimal, 0x, 0o, 0b. */
bool vr_number(const char *text, uint32_t *ret);

/* ---- Stored settings ---- */

/* What `c` makes of `v`, which stays as it is when the command cannot be: then why says the cause.
 */
int vr_change(const struct vr_command *c, struct host_verifier *v, char why[PP_WHY_SIZE]);
/* The present settings. Returns an enum vr_exit. */
int vr_load(const char *machine, struct host_verifier *ret, char why[PP_WHY_SIZE]);
/* Let `c` change them; ret_changed: they are not what they were. Returns an enum vr_exit. */
int vr_store(const struct vr_command *c, struct host_verifier *ret, bool *ret_changed,
             char why[PP_WHY_SIZE]);
/* Is the rule with this P1 of bug check 0xC4 switched off? */
bool vr_rule_is_off(const struct host_verifier *v, uint32_t rule);

/* ---- What is printed ---- */

/* One line for each option that is stored without effect, and other remarks, to `out`. */
void vr_remarks(const struct host_verifier *v, FILE *out);
void vr_show_settings(const struct host_verifier *v, FILE *out);
void vr_show_rules(const struct host_verifier *v, FILE *out);
/* "Verifier Flags: 0x..." and the lists. */
void vr_show_level(uint32_t level, uint64_t classes, FILE *out);
void vr_show_volatile(const struct vr_command *c, uint32_t level, FILE *out);
/* One /query record. */
struct vr_live;
void vr_show_live(const struct vr_live *l, FILE *out);

/* ---- The machine that runs ---- */

struct vr_live {
    struct poolproof_totals totals;
    struct poolproof_driver *drivers; /* verified, [count], by first load; never loaded ones last */
    unsigned count;
    bool is_running;
};
/* Of the machine that runs in the directory, else of the last one. Returns 0, -ENOENT (none), -Exxx
 * with why. */
int vr_live_read(const char *machine, struct vr_live *ret, char why[PP_WHY_SIZE]);
void vr_live_done(struct vr_live *l);
/* These return an enum vr_exit, having said what there is to say. */
int vr_volatile(const struct vr_command *c);
int vr_query(const struct vr_command *c);
int vr_log(const struct vr_command *c);
int vr_systematic_run(const struct vr_command *c);
int vr_now(const struct vr_command *c);
/* One order to the machine that runs. Returns an enum vr_exit; why says what it refused. */
int vr_order(const char *machine, const char *line, char reply[PP_WHY_SIZE], char why[PP_WHY_SIZE]);

/* One line on standard error. Returns `code`. */
int vr_say(int code, const char *object, const char *what);

#endif
