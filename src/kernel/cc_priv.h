/* The cache: shared maps, views, pinned ranges. Shared by cc_*.c only. */
#ifndef POOLPROOF_CC_PRIV_H
#define POOLPROOF_CC_PRIV_H

#include "kernel/kernel_priv.h"

/* Windows maps 256 KB at a time and joins what a range needs; here a stream has larger views from
 * the start, so that a range lies in one. */
enum { CC_VIEW_MIN = 256 * 1024, CC_VIEW_MAX = 4 * 1024 * 1024, CC_PAGES_MAX = CC_VIEW_MAX / 4096 };

struct cc_view {
    struct pp_list link;
    uint64_t offset; /* of the file, a multiple of the map's view_size */
    uint32_t size;   /* the map's view_size */
    uint8_t *data;   /* [size], guarded memory */
    uint32_t pins;   /* mapped and pinned ranges */
    uint8_t valid[CC_PAGES_MAX / 8], dirty[CC_PAGES_MAX / 8]; /* bit by page */
};

/* One for each stream (SECTION_OBJECT_POINTERS). */
struct cc_map {
    struct pp_list link;
    SECTION_OBJECT_POINTERS *sop;
    void *object;       /* what SharedCacheMap points to: a guarded block */
    FILE_OBJECT *file;  /* referenced: paging I/O goes through it */
    uint32_t opens;     /* private cache maps */
    uint32_t view_size; /* a power of two */
    CC_FILE_SIZES sizes;
    CACHE_MANAGER_CALLBACKS callbacks;
    uint64_t context; /* for the callbacks */
    bool pin_access, is_flushing;
    struct pp_list views;
};

/* A mapped or pinned range. */
struct cc_bcb {
    struct pp_list link;
    PUBLIC_BCB *object; /* what the file system holds */
    struct cc_map *map;
    struct cc_view *view;
    uint64_t offset;
    uint32_t length, count; /* count: pins and repins */
    bool is_pinned, is_dirty, is_exclusive;
    const struct ke_thread *owner; /* who pinned it first */
};

struct cc_map *cc_map_of(const FILE_OBJECT *file);
struct cc_map *cc_map_of_sop(const SECTION_OBJECT_POINTERS *sop);
struct cc_view *cc_view_get(struct cc_map *m, uint64_t offset); /* NULL: no memory */
struct cc_view *cc_view_find(struct cc_map *m, uint64_t offset);
/* [offset, offset + size) of the file is in the view (one view): read what is missing. wait false:
 * only look; STATUS_CANT_WAIT. */
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
/* Before [at, at + n) of the view is overwritten: the pages that are not overwritten whole are
 * read. */
NTSTATUS cc_prepare_write(struct cc_map *m, struct cc_view *v, uint64_t at, size_t n, bool wait);
/* Larger views, so that the range lies in one. False: too large, or somebody holds an address. */
bool cc_grow(struct cc_map *m, uint64_t offset, size_t size);
/* A range cut at the end of its view. */
static inline size_t cc_in_view(const struct cc_map *m, uint64_t offset, uint64_t size)
{
    uint64_t left = m->view_size - offset % m->view_size;

    return (size_t)PP_MIN(size, left);
}

#endif
