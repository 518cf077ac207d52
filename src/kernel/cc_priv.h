/* The cache: shared maps, views, pinned ranges. Shared by cc_*.c only. */
#ifndef POOLPROOF_CC_PRIV_H
#define POOLPROOF_CC_PRIV_H

#include "kernel/kernel_priv.h"

enum { CC_VIEW = 256 * 1024, CC_PAGES = CC_VIEW / 4096 }; /* Doc: views of 256 KB (VACB_MAPPING_GRANULARITY) */

struct cc_view {
    struct pp_list link;
    uint64_t offset;               /* of the file, a multiple of CC_VIEW */
    uint8_t *data;                 /* [CC_VIEW], guarded memory */
    uint32_t pins;                 /* mapped and pinned ranges */
    uint8_t valid[CC_PAGES / 8], dirty[CC_PAGES / 8]; /* bit by page */
};

/* One for each stream (SECTION_OBJECT_POINTERS). */
struct cc_map {
    struct pp_list link;
    SECTION_OBJECT_POINTERS *sop;
    void *object;                  /* what SharedCacheMap points to: a guarded block */
    FILE_OBJECT *file;             /* referenced: paging I/O goes through it */
    uint32_t opens;                /* private cache maps */
    CC_FILE_SIZES sizes;
    CACHE_MANAGER_CALLBACKS callbacks;
    uint64_t context;              /* for the callbacks */
    bool pin_access, is_flushing;
    struct pp_list views;
};

/* A mapped or pinned range. */
struct cc_bcb {
    struct pp_list link;
    PUBLIC_BCB *object;            /* what the file system holds */
    struct cc_map *map;
    struct cc_view *view;
    uint64_t offset;
    uint32_t length, count;        /* count: pins and repins */
    bool is_pinned, is_dirty;
};

struct cc_map *cc_map_of(const FILE_OBJECT *file);
struct cc_map *cc_map_of_sop(const SECTION_OBJECT_POINTERS *sop);
struct cc_view *cc_view_get(struct cc_map *m, uint64_t offset); /* NULL: no memory */
struct cc_view *cc_view_find(struct cc_map *m, uint64_t offset);
/* [offset, offset + size) of the file is in the view (one view): read what is missing. wait false: only look;
 * STATUS_CANT_WAIT. */
NTSTATUS cc_fill(struct cc_map *m, struct cc_view *v, uint64_t offset, size_t size, bool wait);
/* Pages of the range hold good data without being read (they are about to be overwritten). */
void cc_mark_valid(struct cc_view *v, uint64_t offset, size_t size);
void cc_mark_dirty(struct cc_map *m, struct cc_view *v, uint64_t offset, size_t size);
bool cc_is_dirty(const struct cc_map *m);
/* Write dirty pages of the range out; size 0: all. */
NTSTATUS cc_flush(struct cc_map *m, uint64_t offset, uint64_t size, uint64_t *ret_written);
/* Forget pages of the range without writing; false: some are mapped. */
bool cc_purge(struct cc_map *m, uint64_t offset, uint64_t size);
void cc_map_free(struct cc_map *m);
struct cc_map *cc_map_new(FILE_OBJECT *file);
bool cc_any_dirty(void);
/* A page range cut at the end of its view. */
static inline size_t cc_in_view(uint64_t offset, uint64_t size)
{
    uint64_t left = CC_VIEW - offset % CC_VIEW;

    return (size_t)PP_MIN(size, left);
}

#endif
