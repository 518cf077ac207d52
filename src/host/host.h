/*
 * A session: the supervisor process starts machines (kernel.h) in child processes, hears what they
 * have to say through a pipe, and gives the verdict. It never runs driver code and shares no memory
 * with the machine, so the verdict survives whatever the driver does.
 */
#ifndef POOLPROOF_HOST_HOST_H
#define POOLPROOF_HOST_HOST_H

#include "base/base.h"

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

struct host_options {
    const char *driver;   /* path of the .sys */
    const char *scenario; /* path of the Lua scenario; NULL: the default drive */
    bool verify;          /* false: --verify off */
    uint32_t options;     /* enum vf_option; with verify off only special pool counts */
    uint64_t seed;
    bool bugcheck; /* stop at the first finding, as Windows */
    bool like_windows;
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

/* `poolproof info`: what the image needs and whether it can run. Returns 0, 2 (no driver), 3
 * (imports that are not modelled and certainly needed are a matter of running: 0 still). */
int host_info(const char *driver, FILE *out);

#endif
