/*
 * regedit's text format (.reg), read item by item and written again.
 *
 * A head line (Windows Registry Editor Version 5.00, or REGEDIT4), then [key] lines, "name"=data
 * lines,
 * @=data for the default value, ; comments. Data: "text", dword:hex, hex:, hex(type):, - to delete;
 * [-key] deletes a key and all below it. A hex line that ends with a backslash goes on in the next;
 * a text may hold line breaks. UTF-16LE and UTF-8 by their marks; without one UTF-8 when it is
 * that, else code page 1252. In a REGEDIT4 file the bytes of hex(1), hex(2) and hex(7) are of code
 * page 1252.
 *
 * Doc: Microsoft Support, "How to add, modify, or delete registry subkeys and values by using a
 * .reg file". Seen: regedit 10 writes texts with line breaks as they are, and hex lines of up to 80
 * columns.
 */
#ifndef POOLPROOF_BASE_REG_H
#define POOLPROOF_BASE_REG_H

#include "base/base.h"

/* As in winnt.h, which this layer does not see. */
enum pp_reg_type {
    PP_REG_SZ = 1,
    PP_REG_EXPAND_SZ = 2,
    PP_REG_BINARY = 3,
    PP_REG_DWORD = 4,
    PP_REG_MULTI_SZ = 7,
};

enum pp_reg_kind {
    PP_REG_KEY,
    PP_REG_KEY_DELETED,
    PP_REG_VALUE,
    PP_REG_VALUE_DELETED,
    PP_REG_COMMENT,
    PP_REG_BLANK,
};

struct pp_reg_item {
    enum pp_reg_kind kind;
    unsigned line;    /* where it starts, from 1; not used in writing */
    const char *text; /* UTF-8: the key's path, the value's name ("" for the default value), the
                       * comment with its semicolon */
    uint32_t type;    /* of a value, as are: */
    const void *data; /* texts are UTF-16LE with their terminators */
    size_t size;
};

/* Returns 0 to go on, or -Exxx with the cause in why. The item is valid during the call. */
typedef int (*pp_reg_fn)(void *ctx, const struct pp_reg_item *item, char why[PP_WHY_SIZE]);

/* Read a whole file, items in order. Values before the first key are refused.
 * Returns 0, -EINVAL (no .reg file; why is "line N: cause"), -ENOMEM, or what fn returned (its why
 * gets the line too). */
int pp_reg_read(const void *bytes, size_t size, pp_reg_fn fn, void *ctx, char why[PP_WHY_SIZE]);

enum pp_reg_root {
    PP_REG_ROOT_NONE,
    PP_REG_LOCAL_MACHINE,
    PP_REG_USERS,
    PP_REG_CURRENT_USER,
    PP_REG_CLASSES_ROOT,
    PP_REG_CURRENT_CONFIG,
};
/* The root that a path starts with, by its full or its short name; *ret_rest is what follows: "" or
 * a backslash and names. */
enum pp_reg_root pp_reg_root(const char *path, const char **ret_rest);
/* Do two paths name the same key? Letters A to Z in either case, either name of a root;
 * HKLM\SYSTEM\CurrentControlSet is ControlSet001. */
bool pp_reg_same_key(const char *a, const char *b);
/* Is `path` the key `top` or below it? */
bool pp_reg_is_below(const char *path, const char *top);

/* ---- Writing: UTF-8 with one line feed a line ---- */

struct pp_reg_text { /* start with zeros; pp_free(text) when done */
    char *text;
    size_t size, room;
    bool failed; /* out of memory: what was written is not whole */
};
void pp_reg_put_head(struct pp_reg_text *t);
void pp_reg_put(struct pp_reg_text *t, const struct pp_reg_item *item);
/* The same as regedit writes it: UTF-16LE with its mark, lines end with CR LF. NULL: out of memory.
 */
void *pp_reg_utf16(const struct pp_reg_text *t, size_t *ret_size);

#endif
