/*
 * The registry's tree: keys, values, paths. Lives in our own memory; key objects (cm_key.c) refer
 * to it.
 *
 * Keys are kept in order of their upper-case names, values in order of creation, as hives keep
 * them. CurrentControlSet is an alias of ControlSet001: names below it are names below that, as on
 * Windows.
 */
#include "kernel/cm_priv.h"

#include <string.h>

static struct {
    struct cm_key *root; /* \REGISTRY */
} g;

static int name_compare(const WCHAR *a, size_t na, const WCHAR *b, size_t nb)
{
    size_t n = PP_MIN(na, nb), i;

    for (i = 0; i < n; i++) {
        WCHAR x = rtl_upcase(a[i]), y = rtl_upcase(b[i]);

        if (x != y)
            return x < y ? -1 : 1;
    }
    return na == nb ? 0 : na < nb ? -1 : 1;
}

static WCHAR *name_copy(const WCHAR *name, size_t chars)
{
    WCHAR *copy = pp_new((chars + 1) * sizeof *copy);

    if (copy)
        memcpy(copy, name, chars * sizeof *copy);
    return copy;
}

/* ---- Keys ---- */

static struct cm_key *key_alloc(const WCHAR *name, size_t chars)
{
    struct cm_key *k = pp_new(sizeof *k);

    if (!k)
        return NULL;
    k->name = name_copy(name, chars);
    if (!k->name) {
        pp_free(k);
        return NULL;
    }
    k->name_size = (uint32_t)(chars * sizeof *name);
    k->refs = 1;
    k->last_write = ke_time_system();
    pp_list_init(&k->link);
    pp_list_init(&k->children);
    pp_list_init(&k->values);
    return k;
}

struct cm_key *cm_root(void)
{
    if (!g.root)
        g.root = key_alloc(u"REGISTRY", 8);
    PP_ASSERT(g.root);
    return g.root;
}

void cm_key_ref(struct cm_key *k)
{
    k->refs++;
}

void cm_key_unref(struct cm_key *k)
{
    struct pp_list *it;

    if (--k->refs)
        return;
    while ((it = pp_list_first(&k->values)))
        cm_value_delete(k, PP_CONTAINER(it, struct cm_value, link));
    pp_free(k->class_name);
    pp_free(k->name);
    pp_free(k);
}

struct cm_key *cm_child(struct cm_key *k, const WCHAR *name, size_t chars)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &k->children)
    {
        struct cm_key *c = PP_CONTAINER(it, struct cm_key, link);

        if (!name_compare(c->name, c->name_size / 2, name, chars))
            return c;
    }
    return NULL;
}

struct cm_key *cm_key_new(struct cm_key *parent, const WCHAR *name, size_t chars, bool is_volatile)
{
    struct pp_list *it;
    struct cm_key *k;

    if (!chars || chars > CM_NAME_MAX)
        return NULL;
    k = key_alloc(name, chars);
    if (!k)
        return NULL;
    k->parent = parent;
    k->is_volatile = is_volatile;
    PP_LIST_EACH(it, &parent->children)
    {
        const struct cm_key *c = PP_CONTAINER(it, struct cm_key, link);

        if (name_compare(c->name, c->name_size / 2, name, chars) > 0)
            break;
    }
    pp_list_insert_between(&k->link, it->prev, it);
    parent->child_count++;
    parent->last_write = k->last_write;
    return k;
}

NTSTATUS cm_key_delete(struct cm_key *k)
{
    if (k->is_deleted)
        return STATUS_KEY_DELETED;
    if (!pp_list_is_empty(&k->children) || !k->parent || !k->parent->parent || k->alias)
        return STATUS_CANNOT_DELETE;
    k->is_deleted = true;
    k->parent->child_count--;
    k->parent->last_write = ke_time_system();
    pp_list_remove(&k->link);
    cm_changed(k, CM_CHANGE_NAME);
    k->parent = NULL;
    cm_key_unref(k);
    return STATUS_SUCCESS;
}

static struct cm_key *resolve(struct cm_key *k)
{
    return k && k->alias ? k->alias : k;
}

/* The next name in a path; runs of backslashes count as one. False at the end. */
static bool next_name(const WCHAR **path, size_t *left, const WCHAR **ret, size_t *ret_chars)
{
    while (*left && **path == '\\') {
        ++*path;
        --*left;
    }
    *ret = *path;
    while (*left && **path != '\\') {
        ++*path;
        --*left;
    }
    *ret_chars = (size_t)(*path - *ret);
    return *ret_chars != 0;
}

struct cm_key *cm_walk(struct cm_key *from, const WCHAR *path, size_t chars)
{
    const WCHAR *name;
    size_t n;

    while (from && next_name(&path, &chars, &name, &n))
        from = resolve(cm_child(from, name, n));
    return from;
}

struct cm_key *cm_make(struct cm_key *from, const WCHAR *path, size_t chars, bool is_volatile)
{
    const WCHAR *name;
    size_t n;

    while (from && next_name(&path, &chars, &name, &n)) {
        struct cm_key *c = resolve(cm_child(from, name, n));

        from = c ? c : cm_key_new(from, name, n, is_volatile || from->is_volatile);
    }
    return from;
}

struct cm_key *cm_make_text(const char *path)
{
    WCHAR wide[CM_PATH_MAX];
    size_t chars = rtl_from_utf8(path, wide, PP_COUNT(wide));
    struct cm_key *k = cm_make(cm_root(), wide, chars, false);

    PP_ASSERT(k);
    return k;
}

struct cm_key *cm_child_at(struct cm_key *k, uint32_t index)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &k->children)
    if (!index--)
        return PP_CONTAINER(it, struct cm_key, link);
    return NULL;
}

/* ---- Values ---- */

struct cm_value *cm_value_find(struct cm_key *k, const WCHAR *name, size_t size)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &k->values)
    {
        struct cm_value *v = PP_CONTAINER(it, struct cm_value, link);

        if (v->name_size == size && !name_compare(v->name, size / 2, name, size / 2))
            return v;
    }
    return NULL;
}

struct cm_value *cm_value_at(struct cm_key *k, uint32_t index)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &k->values)
    if (!index--)
        return PP_CONTAINER(it, struct cm_value, link);
    return NULL;
}

NTSTATUS cm_value_set(struct cm_key *k, const WCHAR *name, size_t name_size, uint32_t type,
                      const void *data, size_t size)
{
    struct cm_value *v = cm_value_find(k, name, name_size);
    uint8_t *copy = pp_new(size ? size : 1);

    if (!copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(copy, data, size);
    if (!v) {
        v = pp_new(sizeof *v);
        if (v)
            v->name = name_copy(name, name_size / 2);
        if (!v || !v->name) {
            pp_free(v);
            pp_free(copy);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        v->name_size = (uint32_t)name_size;
        pp_list_push_back(&k->values, &v->link);
        k->value_count++;
    }
    pp_free(v->data);
    v->data = copy;
    v->size = (uint32_t)size;
    v->type = type;
    k->last_write = ke_time_system();
    cm_changed(k, CM_CHANGE_LAST_SET);
    return STATUS_SUCCESS;
}

void cm_value_delete(struct cm_key *k, struct cm_value *v)
{
    pp_list_remove(&v->link);
    k->value_count--;
    k->last_write = ke_time_system();
    pp_free(v->data);
    pp_free(v->name);
    pp_free(v);
    if (!k->is_deleted)
        cm_changed(k, CM_CHANGE_LAST_SET);
}

/* ---- In our own terms ---- */

void cm_set_dword(struct cm_key *k, const char *name, uint32_t v)
{
    WCHAR wide[64];
    size_t chars = rtl_from_utf8(name, wide, PP_COUNT(wide));

    (void)cm_value_set(k, wide, chars * 2, REG_DWORD, &v,
                       sizeof v); /* out of memory: the value is missing */
}

void cm_set_text(struct cm_key *k, const char *name, uint32_t type, const char *text)
{
    WCHAR wide[64], value[512];
    size_t chars = rtl_from_utf8(name, wide, PP_COUNT(wide));
    size_t size = rtl_from_utf8(text, value, PP_COUNT(value));

    (void)cm_value_set(k, wide, chars * 2, type, value, (size + 1) * 2); /* as above */
}
