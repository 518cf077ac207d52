/* The in-memory file system behind C: (\Device\HarddiskVolume1). Shared by zw_fs*.c only. */
#ifndef POOLPROOF_ZW_FS_H
#define POOLPROOF_ZW_FS_H

#include "kernel/kernel_priv.h"

struct fs_node {
    struct pp_list link;    /* children of parent */
    struct fs_node *parent; /* NULL: the root, or deleted */
    struct pp_list children;
    WCHAR *name;
    size_t chars;
    bool is_directory, delete_pending;
    ULONG attributes;
    uint64_t created, accessed, written, changed; /* system time */
    uint64_t id;
    uint8_t *data;
    size_t size, room;
    uint64_t allocation; /* as set; at least size */
    SHARE_ACCESS share;
    uint32_t opens;                    /* file objects not cleaned up yet */
    uint32_t refs;                     /* file objects */
    FSRTL_ADVANCED_FCB_HEADER *header; /* what FsContext points to; guarded */
};

/* A file object of ours. */
struct fs_open {
    struct pp_list link;
    FILE_OBJECT *file;
    struct fs_node *node;
    bool delete_on_close, is_cleaned, is_volume;
    ACCESS_MASK access;
    ULONG options;
    WCHAR *pattern; /* directory scan; NULL: not begun */
    size_t pattern_chars;
    uint32_t scan_index;
};

struct fs_node *fs_child(struct fs_node *dir, const WCHAR *name, size_t chars);
struct fs_node *fs_child_at(struct fs_node *dir, uint32_t index);
/* Below `from`; NULL with *ret_status when it is not there: STATUS_OBJECT_NAME_NOT_FOUND with the
 * parent and the last name given, STATUS_OBJECT_PATH_NOT_FOUND, STATUS_OBJECT_NAME_INVALID. */
struct fs_node *fs_walk(struct fs_node *from, const WCHAR *path, size_t chars,
                        struct fs_node **ret_parent, const WCHAR **ret_last, size_t *ret_last_chars,
                        NTSTATUS *ret_status);
struct fs_node *fs_node_new(struct fs_node *parent, const WCHAR *name, size_t chars,
                            bool is_directory);
NTSTATUS fs_resize(struct fs_node *n, uint64_t size);
size_t fs_path(const struct fs_node *n, WCHAR *buf, size_t chars); /* \a\b, NUL-terminated */
struct fs_node *fs_root(void);
void fs_touch(struct fs_node *n, bool written);
struct fs_open *fs_open_of(const FILE_OBJECT *file);

/* zw_fsinfo.c: fill irp->IoStatus.Information and return the status. */
NTSTATUS fs_query_file(struct fs_open *o, IRP *irp, IO_STACK_LOCATION *s);
NTSTATUS fs_set_file(struct fs_open *o, IRP *irp, IO_STACK_LOCATION *s);
NTSTATUS fs_query_volume(struct fs_open *o, IRP *irp, IO_STACK_LOCATION *s);
NTSTATUS fs_query_directory(struct fs_open *o, IRP *irp, IO_STACK_LOCATION *s);

#endif
