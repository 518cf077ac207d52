/*
 * The settings of a machine: system.reg of its directory as a list of lines, in the file's order.
 * What a value is, is found out as regedit would: from top to bottom, the last line that sets or
 * deletes it counts. So nothing has to be merged or sorted, and what is not changed is written back
 * as it was.
 *
 * Writers exclude one another by a lock on system.reg.lock and replace system.reg by renaming.
 */
#include "host/host_priv.h"
#include "base/reg.h"
#include "base/utf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct line {
    enum pp_reg_kind kind;
    char *text; /* owned, as is data */
    uint32_t type;
    uint8_t *data;
    size_t size;
};

struct host_settings {
    char dir[PATH_MAX];
    struct line *lines; /* [count] */
    size_t count, room;
    int lock; /* -1: open for reading only */
    bool is_changed;
};

/* ---- Lines ---- */

static void line_done(struct line *l)
{
    pp_free(l->text);
    pp_free(l->data);
}

static int line_init(struct line *l, const struct pp_reg_item *item)
{
    *l = (struct line){.kind = item->kind, .type = item->type, .size = item->size};
    l->text = pp_strdup(item->text ? item->text : "");
    l->data = pp_new(item->size + 1);
    if (!l->text || !l->data) {
        line_done(l);
        return -ENOMEM;
    }
    if (item->size)
        memcpy(l->data, item->data, item->size);
    return 0;
}

static int insert(struct host_settings *s, size_t at, const struct pp_reg_item *item)
{
    struct line l;

    if (s->count == s->room) {
        struct line *more = pp_resize(s->lines, (s->room * 2 + 64) * sizeof *more);

        if (!more)
            return -ENOMEM;
        s->lines = more;
        s->room = s->room * 2 + 64;
    }
    if (line_init(&l, item))
        return -ENOMEM;
    memmove(s->lines + at + 1, s->lines + at, (s->count - at) * sizeof *s->lines);
    s->lines[at] = l;
    s->count++;
    s->is_changed = true;
    return 0;
}

static void drop(struct host_settings *s, size_t at)
{
    line_done(&s->lines[at]);
    s->count--;
    memmove(s->lines + at, s->lines + at + 1, (s->count - at) * sizeof *s->lines);
    s->is_changed = true;
}

static bool is_value(const struct line *l)
{
    return l->kind == PP_REG_VALUE || l->kind == PP_REG_VALUE_DELETED;
}

/* ---- Finding ---- */

enum { NOWHERE = -1 };

/* Where a key's values are, and one of its values. */
struct place {
    ptrdiff_t value; /* the line that counts: set or deleted; NOWHERE: none */
    ptrdiff_t end;   /* behind the last line of the key's last part; NOWHERE: no such key */
};

static struct place find(const struct host_settings *s, const char *key, const char *name)
{
    struct place p = {NOWHERE, NOWHERE};
    bool in = false;

    for (size_t i = 0; i < s->count; i++) {
        const struct line *l = &s->lines[i];

        if (l->kind == PP_REG_KEY) {
            in = pp_reg_same_key(l->text, key);
            if (in)
                p.end = (ptrdiff_t)i + 1;
        } else if (l->kind == PP_REG_KEY_DELETED) {
            in = false;
            if (pp_reg_is_below(key, l->text))
                p = (struct place){NOWHERE, NOWHERE};
        } else if (in && is_value(l)) {
            p.end = (ptrdiff_t)i + 1;
            if (!strcasecmp(l->text, name))
                p.value = (ptrdiff_t)i;
        }
    }
    return p;
}

static const struct line *value_of(const struct host_settings *s, const char *key, const char *name)
{
    struct place p = find(s, key, name);

    if (p.value == NOWHERE || s->lines[p.value].kind == PP_REG_VALUE_DELETED)
        return NULL;
    return &s->lines[p.value];
}

/* ---- Changing ---- */

/* The key's own line, after an empty one, at the end. */
static int append_key(struct host_settings *s, const struct pp_reg_item *key)
{
    struct pp_reg_item blank = {.kind = PP_REG_BLANK};
    size_t was = s->count;
    int err = was && s->lines[was - 1].kind == PP_REG_BLANK ? 0 : insert(s, was, &blank);

    if (!err)
        err = insert(s, s->count, key);
    while (err && s->count > was)
        drop(s, s->count - 1);
    return err;
}

static bool is_same_data(const struct line *l, const struct pp_reg_item *item)
{
    return l->kind == item->kind && l->type == item->type && l->size == item->size &&
           (!l->size || !memcmp(l->data, item->data, l->size));
}

/* Make `item`, a value or its deletion, the line that counts. */
static int put(struct host_settings *s, const char *key, const struct pp_reg_item *item)
{
    struct place p = find(s, key, item->text);
    struct line l;

    if (p.value != NOWHERE) {
        struct line *old = &s->lines[p.value];

        if (is_same_data(old, item))
            return 0;
        if (line_init(&l, item))
            return -ENOMEM;
        line_done(old);
        *old = l;
        s->is_changed = true;
        return 0;
    }
    if (p.end == NOWHERE) {
        struct pp_reg_item k = {.kind = PP_REG_KEY, .text = key};

        if (append_key(s, &k))
            return -ENOMEM;
        p.end = (ptrdiff_t)s->count;
    }
    return insert(s, (size_t)p.end, item);
}

static void remove_tree(struct host_settings *s, const char *top)
{
    bool in = false;

    for (size_t i = 0; i < s->count;) {
        const struct line *l = &s->lines[i];

        if (l->kind == PP_REG_KEY || l->kind == PP_REG_KEY_DELETED)
            in = pp_reg_is_below(l->text, top);
        if (in)
            drop(s, i);
        else
            i++;
    }
}

/* ---- Reading and writing files ---- */

struct import {
    struct host_settings *s;
    char *key; /* values go there */
    unsigned values;
};

static int import_key(struct import *im, const struct pp_reg_item *item)
{
    if (item->kind == PP_REG_KEY_DELETED) {
        remove_tree(im->s, item->text);
        return append_key(im->s, item);
    }
    pp_free(im->key);
    im->key = pp_strdup(item->text);
    if (!im->key)
        return -ENOMEM;
    return find(im->s, im->key, "").end == NOWHERE ? append_key(im->s, item) : 0;
}

static int import_item(void *ctx, const struct pp_reg_item *item, char why[PP_WHY_SIZE])
{
    struct import *im = ctx;
    int err = 0;

    if (item->kind == PP_REG_KEY || item->kind == PP_REG_KEY_DELETED) {
        err = import_key(im, item);
    } else if (item->kind == PP_REG_VALUE || item->kind == PP_REG_VALUE_DELETED) {
        err = put(im->s, im->key, item);
        im->values++;
    }
    if (err)
        pp_fmt(why, PP_WHY_SIZE, "out of memory");
    return err;
}

/* Each line of our own file, as it is. */
static int keep_item(void *ctx, const struct pp_reg_item *item, char why[PP_WHY_SIZE])
{
    struct host_settings *s = ctx;

    if (!insert(s, s->count, item))
        return 0;
    pp_fmt(why, PP_WHY_SIZE, "out of memory");
    return -ENOMEM;
}

static int read_reg(const char *path, pp_reg_fn fn, void *ctx, char why[PP_WHY_SIZE])
{
    char cause[PP_WHY_SIZE];
    uint8_t *bytes;
    size_t size;
    int err = host_read_file(path, HOST_REGISTRY_MAX, &bytes, &size);

    if (err) {
        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", path, strerror(-err));
        return err;
    }
    err = pp_reg_read(bytes, size, fn, ctx, cause);
    if (err)
        pp_fmt(why, PP_WHY_SIZE, "%.100s: %.90s", path, cause);
    pp_free(bytes);
    return err;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t n = write(fd, bytes, size);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            bytes += n;
            size -= (size_t)n;
        }
    }
    return fsync(fd) ? -errno : 0;
}

/* Replace the file `path` as a whole: at each moment it holds the old bytes or the new ones. */
static int replace_file(const char *path, const void *bytes, size_t size)
{
    char fresh[PATH_MAX + 16];
    int fd, err;

    pp_fmt(fresh, sizeof fresh, "%s.new", path);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return -errno;
    err = write_all(fd, bytes, size);
    if (close(fd) && !err)
        err = -errno;
    if (!err && rename(fresh, path))
        err = -errno;
    if (err)
        (void)unlink(fresh); /* already failing */
    return err;
}

static struct pp_reg_text whole_text(const struct host_settings *s)
{
    struct pp_reg_text t = {0};

    pp_reg_put_head(&t);
    for (size_t i = 0; i < s->count; i++) {
        const struct line *l = &s->lines[i];
        struct pp_reg_item item = {.kind = l->kind, .text = l->text, .type = l->type};

        item.data = l->data;
        item.size = l->size;
        pp_reg_put(&t, &item);
    }
    return t;
}

static void file_name(const struct host_settings *s, const char *suffix, char path[PATH_MAX])
{
    pp_fmt(path, PATH_MAX, "%s/system.reg%s", s->dir, suffix);
}

/* ---- Opening and closing ---- */

static int take_lock(struct host_settings *s, char why[PP_WHY_SIZE])
{
    char path[PATH_MAX];
    int err = 0;

    file_name(s, ".lock", path);
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (s->lock < 0)
        err = -errno;
    while (!err && flock(s->lock, LOCK_EX)) {
        if (errno != EINTR)
            err = -errno;
    }
    if (err)
        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", path, strerror(-err));
    return err;
}

int host_settings_open(const char *dir, bool write, struct host_settings **ret,
                       char why[PP_WHY_SIZE])
{
    struct host_settings *s = pp_new(sizeof *s);
    char path[PATH_MAX];
    bool is_order;
    int err;

    if (!s) {
        pp_fmt(why, PP_WHY_SIZE, "out of memory");
        return -ENOMEM;
    }
    s->lock = -1;
    err = host_machine_path(dir, s->dir, &is_order, why);
    if (!err && strlen(s->dir) + sizeof "/system.reg.lock" > sizeof path) {
        err = -ENAMETOOLONG;
        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", s->dir, strerror(-err));
    }
    if (!err && write)
        err = take_lock(s, why);
    if (!err) {
        file_name(s, "", path);
        if (!access(path, F_OK))
            err = read_reg(path, keep_item, s, why);
    }
    if (err) {
        host_settings_close(s);
        return err;
    }
    s->is_changed = false;
    *ret = s;
    return 0;
}

void host_settings_close(struct host_settings *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        line_done(&s->lines[i]);
    pp_free(s->lines);
    if (s->lock >= 0)
        (void)close(s->lock); /* releases the lock */
    pp_free(s);
}

const char *host_settings_dir(const struct host_settings *s)
{
    return s->dir;
}

int host_settings_save(struct host_settings *s, char why[PP_WHY_SIZE])
{
    struct pp_reg_text t;
    char path[PATH_MAX];
    int err;

    PP_ASSERT(s->lock >= 0);
    if (!s->is_changed)
        return 0;
    t = whole_text(s);
    file_name(s, "", path);
    err = t.failed ? -ENOMEM : replace_file(path, t.text, t.size);
    pp_free(t.text);
    if (err)
        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", path, strerror(-err));
    else
        s->is_changed = false;
    return err;
}

/* ---- Values ---- */

bool host_settings_dword(const struct host_settings *s, const char *key, const char *name,
                         uint32_t *ret)
{
    const struct line *l = value_of(s, key, name);

    if (!l || l->type != PP_REG_DWORD || l->size != sizeof *ret)
        return false;
    *ret = pp_load32(l->data);
    return true;
}

char *host_settings_text(const struct host_settings *s, const char *key, const char *name)
{
    const struct line *l = value_of(s, key, name);
    size_t units = l ? l->size / 2 : 0, used = 0;
    uint16_t *wide;
    char *text;

    if (!l || (l->type != PP_REG_SZ && l->type != PP_REG_EXPAND_SZ))
        return NULL;
    wide = pp_new_array(units + 1, sizeof *wide);
    text = pp_new_array(units + 1, 3);
    if (wide && text) {
        memcpy(wide, l->data, units * 2);
        while (used < units && wide[used])
            used++;
        (void)pp_utf8_from_utf16(wide, used, text); /* zeros follow */
    } else {
        pp_free(text);
        text = NULL;
    }
    pp_free(wide);
    return text;
}

int host_settings_set_dword(struct host_settings *s, const char *key, const char *name, uint32_t v)
{
    struct pp_reg_item item = {.kind = PP_REG_VALUE, .text = name, .type = PP_REG_DWORD};

    item.data = &v;
    item.size = sizeof v;
    return put(s, key, &item);
}

int host_settings_set_text(struct host_settings *s, const char *key, const char *name,
                           const char *text)
{
    struct pp_reg_item item = {.kind = PP_REG_VALUE, .text = name, .type = PP_REG_SZ};
    size_t size = strlen(text);
    uint16_t *wide = pp_new_array(size + 1, sizeof *wide);
    int err;

    if (!wide)
        return -ENOMEM;
    item.data = wide;
    item.size = (pp_utf16_from_utf8(text, size, wide) + 1) * sizeof *wide;
    err = put(s, key, &item);
    pp_free(wide);
    return err;
}

bool host_settings_remove(struct host_settings *s, const char *key, const char *name)
{
    bool in = false, was_there = value_of(s, key, name) != NULL;

    for (size_t i = 0; i < s->count;) {
        const struct line *l = &s->lines[i];

        if (l->kind == PP_REG_KEY || l->kind == PP_REG_KEY_DELETED)
            in = l->kind == PP_REG_KEY && pp_reg_same_key(l->text, key);
        if (in && l->kind == PP_REG_VALUE && !strcasecmp(l->text, name))
            drop(s, i);
        else
            i++;
    }
    return was_there;
}

/* ---- .reg files of the user ---- */

int host_settings_import(struct host_settings *s, const char *path, unsigned *ret_values,
                         char why[PP_WHY_SIZE])
{
    struct host_settings fresh = {.lock = -1};
    struct import im = {.s = &fresh};
    struct pp_reg_text before = whole_text(s); /* a copy to work on */
    int err =
        before.failed ? -ENOMEM : pp_reg_read(before.text, before.size, keep_item, &fresh, why);

    pp_free(before.text);
    if (err == -ENOMEM)
        pp_fmt(why, PP_WHY_SIZE, "out of memory");
    fresh.is_changed = s->is_changed;
    if (!err)
        err = read_reg(path, import_item, &im, why);
    pp_free(im.key);
    if (!err) {
        struct line *lines = s->lines;
        size_t count = s->count;

        s->lines = fresh.lines;
        s->count = fresh.count;
        s->room = fresh.room;
        s->is_changed = fresh.is_changed;
        fresh.lines = lines;
        fresh.count = count;
        *ret_values = im.values;
    }
    for (size_t i = 0; i < fresh.count; i++)
        line_done(&fresh.lines[i]);
    pp_free(fresh.lines);
    return err;
}

int host_settings_export(const struct host_settings *s, const char *path, char why[PP_WHY_SIZE])
{
    struct pp_reg_text t = whole_text(s);
    size_t size = 0;
    void *bytes;
    int err;

    if (!s->count || s->lines[s->count - 1].kind != PP_REG_BLANK)
        pp_reg_put(&t, &(struct pp_reg_item){.kind = PP_REG_BLANK}); /* regedit ends each key so */
    bytes = pp_reg_utf16(&t, &size);
    err = bytes ? replace_file(path, bytes, size) : -ENOMEM;
    pp_free(t.text);
    pp_free(bytes);
    if (err)
        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", path, strerror(-err));
    return err;
}
