/*
 * A session: the supervisor process starts machines (kernel.h) in child processes, hears what they
 * have to say through a pipe, and gives the verdict. It never runs driver code and rests no verdict on
 * memory that the machine can write, so the verdict survives whatever the driver does.
 */
#ifndef POOLPROOF_HOST_HOST_H
#define POOLPROOF_HOST_HOST_H

#include "base/base.h"
#include "poolproof/state.h"

#include <stdio.h>

/* Exit codes of `poolproof`; they never change meaning. When several apply: 70, 1, 4, 3, 5, 0. */
enum host_exit {
    HOST_CLEAN = 0,
    HOST_FINDINGS = 1,
    HOST_USAGE = 2, /* usage or surroundings */
    HOST_NOT_MODELLED = 3,
    HOST_HANG = 4,
    HOST_NOT_EXERCISED = 5,
    HOST_OWN_FAULT = 70,
};

/* Low resources simulation: which calls of the verified drivers fail. */
struct host_faults {
    uint32_t probability;   /* of 10 000 */
    uint32_t delay_minutes; /* of the machine's time, before the first driver is loaded */
    char tags[256];         /* patterns separated by blanks; "": every call */
    char applications[256]; /* programs separated by blanks; "": all */
};
enum {
    HOST_FAULT_PROBABILITY = 600,
    HOST_FAULT_PROBABILITY_MAX = 10000,
    HOST_FAULT_MINUTES = 8,
};

struct host_options {
    const char *driver;   /* path of the .sys */
    const char *scenario; /* path of the Lua scenario; NULL: the default drive */
    bool verify;          /* false: --verify off */
    uint32_t options;     /* enum vf_option; with verify off only special pool counts */
    bool special_pool;    /* --special-pool; is in `options` as well */
    bool has_verify;      /* the command line says so: stored settings of the verifier do not count */
    bool has_faults;      /* likewise */
    struct host_faults faults;
    /* Set by host_run and host_boot. */
    const char *verified, *excluded; /* lists of drivers; NULL: all, none */
    uint32_t options_if_added;       /* of a verifier that is off */
    const char *disabled_rules;      /* P1 of bug check 0xC4, separated by blanks; NULL: none */
    const char *verifier_words;      /* what stored settings decided, for the report; NULL: nothing */
    uint64_t seed;
    bool stays_up; /* set by host_boot */
    bool bugcheck; /* stop at the first finding, as Windows */
    bool like_windows;
    bool graphics; /* the driver is exempt as graphics drivers are */
    bool verbose;
    bool progress;           /* standard error is a terminal */
    unsigned timeout_s;      /* real seconds for one machine; 0 = 60 */
    const char *machine_dir; /* NULL: $POOLPROOF_MACHINE, $XDG_STATE_HOME/poolproof/default */
    const char *guard;       /* NULL: probe */
    const char *symbols;     /* folders, separated by ':' ; NULL: beside the image */
    const char *json;        /* file for findings, one object per line; NULL: none */
    const char *keep_core;   /* folder; NULL: none */
    const char *command;     /* the command line to reproduce with, without --seed */
};

/* Run one driver and print the report to `out`. Returns an enum host_exit. Errors of usage or
 * surroundings are one line on standard error. */
int host_run(const struct host_options *o, FILE *out);

enum { HOST_DRIVERS_MAX = 16 };
/* Start a machine with `count` drivers (0: none) that stays up: lines of Lua come from standard input and
 * from other programs (host_control), time follows the real one. When it ends, the report goes to `out`.
 * o->driver is not used. Returns an enum host_exit. */
int host_boot(const struct host_options *o, char *const *drivers, unsigned count, FILE *out);

/* What `poolproof explore` is asked for. */
struct host_explore_options {
    unsigned jobs;          /* copies at a time; 0: as many as processors */
    unsigned depth;         /* 1, or 2: pairs of calls */
    unsigned shard, shard_count; /* only every shard_count-th call; 0 of 1: all */
    const char *const *exclude;  /* parts of names of routines not to refuse, [exclude_count] */
    unsigned exclude_count;
    const char *replay; /* a point's name: run with it refused, whole report; NULL: explore */
    const char *file;   /* where the points are written; NULL: in the machine directory */
    bool resume;        /* go on with the file */
    uint32_t times;     /* only the first so many calls of each stack; 0: all */
};
/* Refuse every call that may fail for lack of resources, each in a copy of the machine of its own, and
 * report what comes of it. Returns an enum host_exit. */
int host_explore(const struct host_options *o, const struct host_explore_options *e, FILE *out);
/* The report of several files of points together. */
int host_merge(char *const *files, unsigned count, FILE *out);

/* ---- Settings of a machine ---------------------------------------------------------------------
 *
 * Each machine directory holds one registry, `system.reg`, regedit's text format in UTF-8. The next
 * start of the machine reads it over its own defaults. Changes are made to a copy in memory and
 * written as a whole: a program that is killed leaves the old file or the new one. What is not
 * changed (keys and values that nobody here knows, comments, empty lines) stays as and where it is.
 */
struct host_settings;

#define HOST_KEY_SESSION "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Session Manager"
#define HOST_KEY_MEMORY HOST_KEY_SESSION "\\Memory Management"
#define HOST_KEY_IMAGES                                                                          \
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Image File Execution " \
    "Options"

/*
 * Open the settings of a machine, making its directory.
 *
 * dir    as --machine gives it; NULL: $POOLPROOF_MACHINE, else $XDG_STATE_HOME/poolproof/default
 * (else $HOME/.local/state/poolproof/default) write  the copy will be saved: waits for another
 * program that is about to do so, and keeps others waiting
 *
 * Returns 0, or -Exxx with one line in why that names the file.
 */
int host_settings_open(const char *dir, bool write, struct host_settings **ret,
                       char why[PP_WHY_SIZE]);
/* Changes that were not saved are dropped. NULL does nothing. */
void host_settings_close(struct host_settings *s);
const char *host_settings_dir(const struct host_settings *s);
/* Returns 0 or -Exxx with one line in why. Nothing is written when nothing was changed. */
int host_settings_save(struct host_settings *s, char why[PP_WHY_SIZE]);

/* Values. Keys by their full path, names in UTF-8 in any case. A value whose type is another one
 * counts as not there. */
bool host_settings_dword(const struct host_settings *s, const char *key, const char *name,
                         uint32_t *ret);
/* REG_SZ or REG_EXPAND_SZ as UTF-8, to be given to pp_free; NULL: not there. */
char *host_settings_text(const struct host_settings *s, const char *key, const char *name);
/* Returns 0 or -ENOMEM, and then nothing has changed. */
int host_settings_set_dword(struct host_settings *s, const char *key, const char *name, uint32_t v);
int host_settings_set_text(struct host_settings *s, const char *key, const char *name,
                           const char *text);
/* Returns whether it was there. */
bool host_settings_remove(struct host_settings *s, const char *key, const char *name);

/*
 * Read a .reg file (UTF-16, UTF-8 or code page 1252; version 5 or REGEDIT4) over the settings, as
 * regedit would. What it deletes stays in the settings as a deletion, because the machine has
 * defaults of its own.
 *
 * ret_values  how many values were set or deleted
 *
 * Returns 0, or -Exxx with one line in why (the file, the line, the cause); then nothing has
 * changed.
 */
int host_settings_import(struct host_settings *s, const char *path, unsigned *ret_values,
                         char why[PP_WHY_SIZE]);
/* Write all settings as regedit does: UTF-16LE, CR LF. Replaces the file as a whole.
 * Returns 0 or -Exxx with one line in why. */
int host_settings_export(const struct host_settings *s, const char *path, char why[PP_WHY_SIZE]);

/* ---- Driver Verifier's stored settings ---------------------------------------------------------
 *
 * Values and encodings are Windows' own where they are documented (VerifyDrivers, VerifyDriverLevel,
 * VerifierFault*...); what has no documented place is kept below HOST_KEY_OWN.
 */
#define HOST_KEY_OWN "HKEY_LOCAL_MACHINE\\SOFTWARE\\Poolproof\\Verifier"

enum host_boot_mode {
    HOST_BOOT_PERSISTENT,
    HOST_BOOT_RESET_ON_FAIL,    /* off when a driver's start ended in a finding */
    HOST_BOOT_RESET_ON_UNUSUAL, /* off when a machine did not end in order */
    HOST_BOOT_ONE,              /* the next start only */
    HOST_BOOT_MODES,
};
extern const char *const host_boot_mode_names[HOST_BOOT_MODES];

/* Systematic low resources simulation from the start of the machine on. */
enum host_systematic { HOST_SYSTEMATIC_OFF, HOST_SYSTEMATIC_ON, HOST_SYSTEMATIC_RECORD };

enum host_domain { HOST_DOMAIN_WDM, HOST_DOMAIN_NDIS, HOST_DOMAIN_KS, HOST_DOMAIN_AUDIO, HOST_DOMAINS };
enum host_extension {
    HOST_EXT_LOGGING = 1u << 0,
    HOST_EXT_LIVEDUMP = 1u << 1,
    HOST_EXT_ONECHECK = 1u << 2,
    HOST_EXT_LOG_CODE = 1u << 3,
};

enum { HOST_LIST_MAX = 1024 };
struct host_verifier {
    bool is_stored; /* VerifyDrivers or VerifyDriverLevel is there */
    bool has_level;
    uint32_t level;                /* enum vf_option and those that mean nothing here */
    char drivers[HOST_LIST_MAX];   /* names separated by blanks; "*": all */
    char excluded[HOST_LIST_MAX];  /* likewise */
    uint64_t classes;              /* bit n: rule class n; only those that no flag stands for */
    enum host_boot_mode mode;
    uint32_t boots_left;           /* 0: no limit */
    bool is_unfinished;            /* a machine has started and not ended; with RESET_ON_UNUSUAL */
    struct host_faults faults;
    enum host_systematic systematic;
    char rules_off[256];           /* P1 of bug check 0xC4 in hexadecimal, separated by blanks */
    uint32_t domains[HOST_DOMAINS]; /* 0: not chosen, 1: rules.default, 2: rules.all */
    uint32_t extension;            /* enum host_extension */
    bool persists_upgrade;
};
void host_verifier_read(const struct host_settings *s, struct host_verifier *ret);
/* What holds no news (a default, nothing) is removed. Returns 0 or -ENOMEM. */
int host_verifier_write(struct host_settings *s, const struct host_verifier *v);
/* As after /reset. */
void host_verifier_clear(struct host_verifier *v);
/* Is the driver (a path or a name) among those to verify? */
bool host_verifier_wants(const struct host_verifier *v, const char *driver);

/* ---- State of a machine ------------------------------------------------------------------------
 *
 * What a machine publishes (poolproof/state.h), read while it runs or after it has ended. Readers
 * never disturb it.
 */
struct host_state {
    const struct poolproof_state *s;
    size_t size;
    int fd;
    char path[4096];
};
/*
 * dir   as --machine gives it; NULL: the default directory
 * file  a saved state; NULL: of the machine in `dir` that was started last, else the last one's
 *
 * Returns 0, or -Exxx (-ENOENT: there is none) with one line in why that names the file.
 */
int host_state_open(const char *dir, const char *file, struct host_state *ret,
                    char why[PP_WHY_SIZE]);
/* False once its supervisor has ended, however that happened. */
bool host_state_is_running(const struct host_state *st);
/* A copy, to be opened by name later. Returns 0 or -Exxx with one line in why. */
int host_state_save(const struct host_state *st, const char *path, char why[PP_WHY_SIZE]);
void host_state_close(struct host_state *st);
/* Let a machine that stays up carry out one line of Lua; `reply` is what it printed, "" when nothing.
 * Returns 0, or -Exxx (-ESRCH: it has ended, -EOPNOTSUPP: `poolproof run` takes no orders) with one
 * line in why. */
int host_control(const struct host_state *st, const char *line, char *reply, size_t size,
                 char why[PP_WHY_SIZE]);

/* The running copy: what holds in the machine that runs in the directory until it ends. The next
 * start reads the stored settings again. */
struct host_running {
    uint32_t global_flag, pool_tag, pool_tag_overruns;
};
/* `dir` as for host_settings_open. Return 0, -ESRCH (no machine is running there) or another -Exxx,
 * with one line in why. */
int host_running_read(const char *dir, struct host_running *ret, char why[PP_WHY_SIZE]);
int host_running_write(const char *dir, const struct host_running *r, char why[PP_WHY_SIZE]);

/* ---- Names for addresses ---- */

enum { HOST_INLINED_MAX = 4 };

/* One level of source text. */
struct host_source {
    char function[120]; /* "" : unknown */
    char file[256]; /* as the symbols name it, with forward slashes when relative; "" : unknown */
    unsigned line;
};

/* What an address is. */
struct host_place {
    char module[64]; /* "hevd", "nt"; "" when the address is in no image */
    uint64_t rva;    /* in the module; the address itself when it is in no image */
    uint64_t offset; /* from the function's start; UINT64_MAX: not known */
    bool is_stub;    /* an imported routine; source[0].function is its name */
    bool is_ours;    /* native code of Poolproof: its address differs from run to run */
    struct host_source source[HOST_INLINED_MAX]; /* innermost first; the last one is not inlined */
    unsigned source_count;                       /* 1 and up */
};

struct host_symbols;
/* For the images of a state; `dirs`: folders of PDB files and images, separated by ':', or NULL. */
struct host_symbols *host_symbols_of_state(const struct poolproof_state *s, const char *dirs);
void host_symbols_free(struct host_symbols *s);
/* pc is a return address (looked up as the call before it) unless `exact`. Valid until the next
 * call. */
const struct host_place *host_symbol_place(struct host_symbols *s, uint64_t pc, bool exact);
/* "hevd!TriggerOverflow+0x1f [src/x.c:57] (hevd+0x1234)", "nt!ExFreePool", "hevd+0x1234". */
void host_symbol(struct host_symbols *s, uint64_t pc, bool exact, char *buf, size_t size);

/* ---- Other commands ---- */

/* `poolproof info`: what the image needs and whether it can run. Returns 0, 2 (no driver), 3
 * (imports that are not modelled and certainly needed are a matter of running: 0 still). */
int host_info(const char *driver, FILE *out);

#endif
