/* Shared by points.c (lines) and points_report.c (what a reader sees of them). */
#ifndef POOLPROOF_HOST_POINTS_PRIV_H
#define POOLPROOF_HOST_POINTS_PRIV_H

#include "host/host_priv.h"

#include <jansson.h>

/* How many names the driver offers after a step of its start. */
struct host_points_offer {
    uint64_t step, names;
};

struct host_points {
    uint64_t *known; /* keys of points that have their verdict; open addressing */
    size_t known_mask, known_count;
    json_t *lines; /* array of objects */
    struct host_symbols *symbols; /* made at the first point */
    int fd;         /* the file; -1: none */
    int write_error;
    size_t kept;    /* bytes of whole lines in the file that is gone on with */
    unsigned cut;   /* explorations that did not come to their end */
    bool own_fault; /* this one ended by a fault of ours */
    size_t resumed; /* points that came from it */
    size_t added;   /* points of this run */
    uint64_t expected; /* calls that came by when nothing was refused */
    uint64_t began;    /* real nanoseconds */
    struct host_points_offer offers[8]; /* [offer_count] */
    unsigned offer_count;
};

struct host_points *host_points_new(void);
void host_points_free(struct host_points *p);
/* Write to `path`; resume: go on with what is there. Returns 0 or -Exxx with one line in why. */
int host_points_open(struct host_points *p, const struct host_options *o, const char *path,
                     bool resume, char why[PP_WHY_SIZE]);
/* Lines of another exploration's file: all of them, or only its points. */
int host_points_read(struct host_points *p, const char *path, bool whole, char why[PP_WHY_SIZE]);
/* A run without refusals: how many calls there are, what the driver does wrong anyway. */
void host_points_baseline(struct host_points *p, const struct host_session *s);
/* The exploring run has ended. */
void host_points_end(struct host_session *s);
/* "ID.NTH" or "ID.NTH+ID.NTH". */
bool host_point_parse(const char *text, uint64_t *ret_first, uint32_t *ret_first_nth,
                      uint64_t *ret_id, uint32_t *ret_nth);
/* The report; `name` is the driver or what was merged, `command` what replays begin with. Returns an
 * enum host_exit. */
int host_points_report(const struct host_points *p, const char *name, const char *command,
                       FILE *out);

#endif
