/* Shared by the files of gflags:
 *   gflags.c        command line           gflags_flags.c  the flags; tags and sizes as numbers
 *   gflags_dialog.c the dialog             gflags_store.c  settings read and changed */
#ifndef POOLPROOF_TOOLS_GFLAGS_H
#define POOLPROOF_TOOLS_GFLAGS_H

#include "base/base.h"

/* The vendor's tool documents none; these are the project's. */
enum gf_exit {
    GF_DONE = 0,
    GF_REFUSED = 1, /* not for this destination, not modelled, no machine runs */
    GF_USAGE = 2,   /* bad input or surroundings */
};

/* ---- Flags ---- */

enum gf_dest {
    GF_REGISTRY = 1u << 0, /* what the next start of the machine reads */
    GF_KERNEL = 1u << 1,   /* the machine that runs */
    GF_IMAGE = 1u << 2,    /* one program */
};

struct gf_flag {
    uint32_t bit;
    const char *name; /* three letters; the number in hexadecimal where there are none */
    const char *text;
    unsigned dests; /* enum gf_dest: where it can be set */
};

enum { GF_FLAG_COUNT = 32 };
extern const struct gf_flag gf_flags[GF_FLAG_COUNT]; /* [i] is bit i */
/* By abbreviation. NULL: no such flag. */
const struct gf_flag *gf_flag_find(const char *name);
const char *gf_dest_words(enum gf_dest dest);

/* ---- Special pool: the value of PoolTag ---- */

/*
 * From what the user typed: a tag (1 to 4 characters, ? and a final *), or a number with 0x that is
 * a size class or a tag.
 *
 * ret_note  what is worth saying about a value that is taken, or ""
 *
 * Returns 0, or -EINVAL with the cause in why.
 */
int gf_tag_parse(const char *text, uint32_t *ret, char ret_note[PP_WHY_SIZE],
                 char why[PP_WHY_SIZE]);
/* The same for one form only; the number may come without 0x. */
int gf_tag_from_text(const char *text, uint32_t *ret, char why[PP_WHY_SIZE]);
int gf_tag_from_hex(const char *text, uint32_t *ret, char ret_note[PP_WHY_SIZE],
                    char why[PP_WHY_SIZE]);

/* ---- Settings ---- */

struct gf_settings {
    uint32_t flags;
    uint32_t pool_tag; /* 0: off */
    uint32_t overruns; /* 1: Verify End, 0: Verify Start */
};

struct gf_change {
    uint32_t set, clear; /* flags */
    enum { GF_TAG_KEEP, GF_TAG_SET, GF_TAG_DELETE } tag;
    uint32_t pool_tag;
    enum { GF_EDGE_KEEP, GF_EDGE_START, GF_EDGE_END } edge;
};

struct gf_target {
    enum gf_dest dest;
    const char *machine; /* --machine; NULL: the rule of host.h */
    const char *image;   /* for GF_IMAGE */
};

static inline bool gf_is_change(const struct gf_change *c)
{
    return c->set || c->clear || c->tag != GF_TAG_KEEP || c->edge != GF_EDGE_KEEP;
}

/* Change (NULL: only read) and give what then holds. Returns an enum gf_exit with the cause in why.
 */
int gf_apply(const struct gf_target *t, const struct gf_change *change, struct gf_settings *ret,
             char why[PP_WHY_SIZE]);

/* ---- Dialog ---- */

/* Until the user leaves it. Returns an enum gf_exit. */
int gf_dialog(const char *machine);

#endif
