/* The registry's tree. Shared by cm_*.c only; the others use zw_priv.h. */
#ifndef POOLPROOF_CM_PRIV_H
#define POOLPROOF_CM_PRIV_H

#include "kernel/kernel_priv.h"

enum { CM_NAME_MAX = 255, CM_VALUE_NAME_MAX = 16383, CM_PATH_MAX = 1024 };

struct cm_value {
    struct pp_list link;
    WCHAR *name;        /* NUL-terminated; "" is the default value */
    uint32_t name_size; /* bytes, no terminator */
    uint32_t type;      /* REG_* */
    uint32_t size;
    uint8_t *data;
};

struct cm_key {
    struct pp_list link; /* children of parent, sorted by upper-case name as in a hive */
    struct cm_key *parent;
    struct pp_list children, values;
    uint32_t child_count, value_count;
    WCHAR *name;
    uint32_t name_size;
    WCHAR *class_name; /* NULL: none */
    uint32_t class_size;
    struct cm_key *alias; /* a link: names below it are names below that key */
    uint64_t last_write;
    uint32_t refs; /* parent's list, key objects */
    bool is_volatile, is_deleted;
};

struct cm_key *cm_root(void);
void cm_key_ref(struct cm_key *k);
void cm_key_unref(struct cm_key *k);
struct cm_key *cm_child(struct cm_key *k, const WCHAR *name, size_t chars);
/* New child; NULL: no memory, or the name is not a key's. */
struct cm_key *cm_key_new(struct cm_key *parent, const WCHAR *name, size_t chars, bool is_volatile);
/* From the tree; it lives on while key objects refer to it. STATUS_CANNOT_DELETE with children. */
NTSTATUS cm_key_delete(struct cm_key *k);
/* By path, backslashes between names; NULL: not there. */
struct cm_key *cm_walk(struct cm_key *from, const WCHAR *path, size_t chars);
/* The same, making what is missing. */
struct cm_key *cm_make(struct cm_key *from, const WCHAR *path, size_t chars, bool is_volatile);
struct cm_key *cm_make_text(const char *path); /* below \Registry, UTF-8 */
struct cm_value *cm_value_find(struct cm_key *k, const WCHAR *name, size_t size);
NTSTATUS cm_value_set(struct cm_key *k, const WCHAR *name, size_t name_size, uint32_t type,
                      const void *data, size_t size);
void cm_value_delete(struct cm_key *k, struct cm_value *v);
/* Values in our own terms: UTF-8 names and strings. */
void cm_set_dword(struct cm_key *k, const char *name, uint32_t v);
void cm_set_text(struct cm_key *k, const char *name, uint32_t type, const char *text);
struct cm_key *cm_child_at(struct cm_key *k, uint32_t index);
struct cm_value *cm_value_at(struct cm_key *k, uint32_t index);

/* Key objects: what a handle leads to. */
void *cm_object_new(struct cm_key *k);            /* reference count 1 */
struct cm_key *cm_object_key(const void *object); /* NULL: damaged */
void cm_object_init(void);
/* ZwCreateKey and ZwOpenKey in one. */
struct cm_open {
    const OBJECT_ATTRIBUTES *attr;
    ACCESS_MASK access;
    ULONG options; /* REG_OPTION_* */
    const UNICODE_STRING *class_name;
    bool create;
    ULONG disposition; /* out */
};
NTSTATUS cm_open_key(struct cm_open *o, HANDLE *ret);

/* The key of a handle, with a reference on the object. STATUS_KEY_DELETED when it is gone. */
NTSTATUS cm_handle_key(HANDLE h, void **ret_object, struct cm_key **ret);

/* Waiters of ZwNotifyChangeKey are told. filter: REG_NOTIFY_CHANGE_*. */
enum {
    CM_CHANGE_NAME = 1,
    CM_CHANGE_ATTRIBUTES = 2,
    CM_CHANGE_LAST_SET = 4,
    CM_CHANGE_SECURITY = 8
};
void cm_changed(struct cm_key *k, unsigned filter);
void cm_notify_init(void);
void cm_notify_key_closed(const void *object);
void cm_defaults(void);

/* Callbacks of CmRegisterCallback(Ex). */
bool cm_has_callbacks(void);
/* STATUS_SUCCESS: go on. Else the caller's status; a routine that bypassed gave *bypassed. */
NTSTATUS cm_callback_pre(ULONG notify_class, void *info, bool *bypassed);
/* Post-notifications; returns the status the caller gets. */
NTSTATUS cm_callback_post(ULONG notify_class, void *object, NTSTATUS status, void *pre_info);

#endif
