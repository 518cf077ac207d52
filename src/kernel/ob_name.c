/*
 * The name space: directories, symbolic links, look-up.
 *
 * A name costs one reference on its object, held by the directory. Names are compared without
 * regard to case, as Windows does by default (obcaseinsensitive). Objects of the types Device and
 * Key take the rest of a path themselves (a file's name, a key's path).
 *
 *     \  -+- ??  -> \GLOBAL??          DosDevices -> \??
 *         +- GLOBAL??                  C: -> \Device\HarddiskVolume1, GLOBALROOT -> "\", Global ->
 * itself
 *         +- Device, Driver, FileSystem, Callback, BaseNamedObjects, KernelObjects, ObjectTypes,
 *         |  Security, Sessions, Windows, RPC Control, KnownDlls
 *         +- SystemRoot -> \Device\HarddiskVolume1\Windows
 *         +- Registry (made by cm_init)
 *
 * Doc: WDK, "Object Names", "Object Directories", "MS-DOS Device Names"; wdm.h,
 * IoCreateSymbolicLink.
 */
#include "kernel/kernel_priv.h"

#include <errno.h>
#include <string.h>

enum { REPARSE_MAX = 32, RING = 8 };

/* A path being walked; the buffers rotate, so that what look-ups hand out stays readable for a
 * while. */
struct path {
    WCHAR *text;
    size_t chars, pos;
};

static struct {
    struct ob_entry *root;
    WCHAR *ring[RING];
    unsigned next;
} g;

/* ---- Directories ---- */

static bool same_name(const struct ob_name *n, const WCHAR *text, size_t chars)
{
    size_t i;

    if (n->chars != chars)
        return false;
    for (i = 0; i < chars; i++)
        if (n->text[i] != text[i] && rtl_upcase(n->text[i]) != rtl_upcase(text[i]))
            return false;
    return true;
}

static struct ob_name *find_child(struct ob_entry *dir, const WCHAR *text, size_t chars)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &dir->children)
    {
        struct ob_name *n = PP_CONTAINER(it, struct ob_name, link);

        if (same_name(n, text, chars))
            return n;
    }
    return NULL;
}

static NTSTATUS add_child(struct ob_entry *dir, const WCHAR *text, size_t chars, struct ob_entry *e)
{
    struct ob_name *n;

    if (e->name)
        return STATUS_INVALID_PARAMETER; /* one name for each object */
    n = pp_new(sizeof *n + (chars + 1) * sizeof *text);
    if (!n)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(n->text, text, chars * sizeof *text);
    n->chars = (USHORT)chars;
    n->dir = dir;
    n->entry = e;
    ob_ref(e->object);
    e->name = n;
    pp_list_push_back(&dir->children, &n->link);
    return STATUS_SUCCESS;
}

void ob_remove_name(void *object)
{
    struct ob_entry *e = ob_entry_of(object);
    struct ob_name *n = e ? e->name : NULL;

    if (!n)
        return;
    e->name = NULL;
    pp_list_remove(&n->link);
    pp_free(n);
    ob_unref(object);
}

static void directory_delete(void *object)
{
    struct ob_entry *e = ob_entry_of(object);
    struct pp_list *it;

    while ((it = pp_list_first(&e->children)))
        ob_remove_name(PP_CONTAINER(it, struct ob_name, link)->entry->object);
}

void *ob_directory_new(void)
{
    return ob_new(ob_type_directory, 0x158, "Dire");
}

void *ob_directory_entry(const void *directory, size_t index, const WCHAR **ret_name)
{
    struct ob_entry *e = ob_entry_of(directory);
    struct pp_list *it;

    if (!e || e->type != ob_type_directory)
        return NULL;
    PP_LIST_EACH(it, &e->children)
    {
        struct ob_name *n = PP_CONTAINER(it, struct ob_name, link);

        if (!index--) {
            *ret_name = n->text;
            return n->entry->object;
        }
    }
    return NULL;
}

/* ---- Walking a path ---- */

static NTSTATUS path_init(struct path *p, const WCHAR *text, size_t chars)
{
    WCHAR *copy = pp_new((chars + 1) * sizeof *copy);

    if (!copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(copy, text, chars * sizeof *copy);
    g.next = (g.next + 1) % RING;
    pp_free(g.ring[g.next]);
    g.ring[g.next] = copy;
    *p = (struct path){copy, chars, 0};
    return STATUS_SUCCESS;
}

/* The link's target, then what was left of the path. */
static NTSTATUS path_reparse(struct path *p, const WCHAR *target)
{
    size_t head = rtl_wcslen(target), tail = p->chars - p->pos;
    WCHAR *copy;

    if (head && target[head - 1] == '\\' && (!tail || p->text[p->pos] == '\\'))
        head--; /* "\" + "\x" */
    if (head + tail > UNICODE_STRING_MAX_BYTES / 2)
        return STATUS_NAME_TOO_LONG;
    copy = pp_new((head + tail + 1) * sizeof *copy);
    if (!copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(copy, target, head * sizeof *copy);
    memcpy(copy + head, p->text + p->pos, tail * sizeof *copy);
    pp_free(g.ring[g.next]);
    g.ring[g.next] = copy;
    *p = (struct path){copy, head + tail, 0};
    return STATUS_SUCCESS;
}

/* The next component: [*start, p->pos). Syntax: one backslash, then at least one other character.
 */
static NTSTATUS path_next(struct path *p, bool is_relative_start, size_t *start)
{
    if (!is_relative_start) {
        if (p->text[p->pos] != '\\')
            return STATUS_OBJECT_PATH_SYNTAX_BAD;
        p->pos++;
    }
    *start = p->pos;
    while (p->pos < p->chars && p->text[p->pos] != '\\')
        p->pos++;
    return p->pos == *start ? STATUS_OBJECT_NAME_INVALID : STATUS_SUCCESS;
}

/* Where a walk ended. */
struct walk {
    struct path path;
    struct ob_entry *dir;   /* the last directory */
    struct ob_entry *found; /* NULL: the last component is not there */
    size_t last, last_end;  /* the last component */
};

/* A symbolic link starts over at the root with another path. */
static NTSTATUS walk_from(struct walk *w, bool open_link)
{
    unsigned reparses = 0;
    bool is_relative = w->dir != g.root;

    for (;;) {
        struct ob_name *n;
        NTSTATUS status = path_next(&w->path, is_relative, &w->last);

        is_relative = false;
        if (status)
            return status;
        w->last_end = w->path.pos;
        n = find_child(w->dir, w->path.text + w->last, w->path.pos - w->last);
        w->found = n ? n->entry : NULL;
        if (!n)
            return w->path.pos == w->path.chars ? STATUS_OBJECT_NAME_NOT_FOUND
                                                : STATUS_OBJECT_PATH_NOT_FOUND;
        if (w->found->type == ob_type_symlink && !(open_link && w->path.pos == w->path.chars)) {
            if (++reparses > REPARSE_MAX)
                return STATUS_OBJECT_NAME_NOT_FOUND;
            status = path_reparse(&w->path, w->found->target);
            if (status)
                return status;
            w->dir = g.root;
            w->found = g.root;
            if (w->path.chars <= 1)
                return STATUS_SUCCESS;
            continue;
        }
        if (w->path.pos == w->path.chars || w->found->type != ob_type_directory)
            return STATUS_SUCCESS;
        w->dir = w->found;
    }
}

static NTSTATUS walk(struct walk *w, const struct ob_where *where)
{
    const UNICODE_STRING *name = where->name;
    size_t chars = name ? name->Length / sizeof(WCHAR) : 0;
    NTSTATUS status;

    memset(w, 0, sizeof *w);
    if (name && name->Length % sizeof(WCHAR))
        return STATUS_OBJECT_NAME_INVALID;
    w->dir = where->root ? ob_entry_of(where->root) : g.root;
    if (!chars) {
        w->found = where->root ? w->dir : NULL;
        return where->root ? STATUS_SUCCESS : STATUS_OBJECT_PATH_SYNTAX_BAD;
    }
    if (where->root ? name->Buffer[0] == '\\' && w->dir->type == ob_type_directory
                    : name->Buffer[0] != '\\')
        return STATUS_OBJECT_PATH_SYNTAX_BAD;
    status = path_init(&w->path, name->Buffer, chars);
    if (status)
        return status;
    if (w->dir->type != ob_type_directory) { /* a key or a file: the whole name is its business */
        w->found = w->dir;
        return STATUS_SUCCESS;
    }
    if (!where->root && chars == 1) {
        w->found = g.root;
        w->path.pos = chars;
        return STATUS_SUCCESS;
    }
    return walk_from(w, where->open_link);
}

static bool takes_rest(const struct ob_entry *e)
{
    return e->type == ob_type_device || e->type == ob_type_key || e->type == ob_type_file;
}

NTSTATUS ob_lookup_at(const struct ob_where *where, void **ret, UNICODE_STRING *rest)
{
    struct walk w;
    NTSTATUS status = walk(&w, where);
    size_t left;

    if (status)
        return status;
    left = w.path.chars - w.path.pos;
    if (left && (!takes_rest(w.found) || !rest))
        return STATUS_OBJECT_TYPE_MISMATCH;
    if (rest)
        *rest = (UNICODE_STRING){(USHORT)(left * 2), (USHORT)(left * 2),
                                 left ? w.path.text + w.path.pos : NULL};
    ob_ref(w.found->object);
    *ret = w.found->object;
    return STATUS_SUCCESS;
}

NTSTATUS ob_insert_at(const struct ob_where *where, void *object)
{
    struct ob_where to = *where;
    struct ob_entry *e = ob_entry_of(object);
    struct walk w;
    NTSTATUS status;

    PP_ASSERT(e);
    to.open_link = true; /* a link of that name is a collision, too */
    status = walk(&w, &to);
    if (!status)
        return w.path.pos < w.path.chars ? STATUS_OBJECT_PATH_NOT_FOUND
                                         : STATUS_OBJECT_NAME_COLLISION;
    if (status != STATUS_OBJECT_NAME_NOT_FOUND || w.last == w.last_end)
        return status;
    return add_child(w.dir, w.path.text + w.last, w.last_end - w.last, e);
}

NTSTATUS ob_lookup(const UNICODE_STRING *name, void **ret, UNICODE_STRING *rest)
{
    return ob_lookup_at(&(struct ob_where){.name = name}, ret, rest);
}

NTSTATUS ob_insert(const UNICODE_STRING *name, void *object)
{
    return ob_insert_at(&(struct ob_where){.name = name}, object);
}

/* ---- OBJECT_ATTRIBUTES ---- */

NTSTATUS ob_where_init(struct ob_where *ret, const OBJECT_ATTRIBUTES *attr)
{
    void *root = NULL;
    NTSTATUS status;

    if (!attr || attr->Length != sizeof *attr || attr->Attributes & ~OBJ_VALID_ATTRIBUTES)
        return STATUS_INVALID_PARAMETER;
    if (attr->RootDirectory) {
        status = ob_handle_ref(attr->RootDirectory, NULL, &root);
        if (status)
            return status;
        if (!ob_is(root, ob_type_directory) && !takes_rest(ob_entry_of(root))) {
            ob_unref(root);
            return STATUS_OBJECT_TYPE_MISMATCH;
        }
    }
    *ret = (struct ob_where){root, attr->ObjectName, attr->Attributes & OBJ_OPENLINK};
    return STATUS_SUCCESS;
}

void ob_where_done(struct ob_where *w)
{
    if (w->root)
        ob_unref(w->root);
    w->root = NULL;
}

/* ---- Symbolic links ---- */

/* What a driver sees of a link: creation time and target. Doc: Windows Internals 7, "Symbolic
 * links". */
struct link_body {
    LARGE_INTEGER CreationTime;
    UNICODE_STRING LinkTarget;
    ULONG DosDeviceDriveIndex;
    ULONG Flags;
    ULONG AccessMask;
    ULONG Pad;
};

static void symlink_delete(void *object)
{
    struct link_body *body = object;

    ex_free_kernel(body->LinkTarget.Buffer);
}

void *ob_symlink_object(const UNICODE_STRING *target)
{
    struct link_body *body = ob_new(ob_type_symlink, sizeof *body, "Symb");
    struct ob_entry *e = ob_entry_of(body);
    size_t chars = target->Length / sizeof(WCHAR);

    e->target = pp_new((chars + 1) * sizeof(WCHAR));
    PP_ASSERT(e->target);
    body->LinkTarget.Buffer = ex_alloc_kernel(chars ? chars * sizeof(WCHAR) : 2, "Symt", true);
    body->CreationTime.QuadPart = (LONGLONG)ke_time_system();
    body->LinkTarget.Length = body->LinkTarget.MaximumLength = (USHORT)(chars * sizeof(WCHAR));
    memcpy(e->target, target->Buffer, chars * sizeof(WCHAR));
    memcpy(body->LinkTarget.Buffer, target->Buffer, chars * sizeof(WCHAR));
    return body;
}

NTSTATUS ob_symlink_new(const UNICODE_STRING *name, const UNICODE_STRING *target)
{
    void *link = ob_symlink_object(target);
    NTSTATUS status = ob_insert(name, link);

    if (!status)
        ob_set_permanent(link, true);
    ob_unref(link);
    return status;
}

NTSTATUS ob_symlink_delete(const UNICODE_STRING *name)
{
    void *link;
    NTSTATUS status =
        ob_lookup_at(&(struct ob_where){.name = name, .open_link = true}, &link, NULL);

    if (status)
        return status;
    if (ob_is(link, ob_type_symlink)) {
        ob_set_permanent(link, false);
        ob_remove_name(link);
    } else {
        status = STATUS_OBJECT_TYPE_MISMATCH;
    }
    ob_unref(link);
    return status;
}

NTSTATUS ob_symlink_target(const void *link, UNICODE_STRING *ret)
{
    const struct ob_entry *e = ob_entry_of(link);

    if (!e || e->type != ob_type_symlink)
        return STATUS_OBJECT_TYPE_MISMATCH;
    rtl_init_string(ret, e->target);
    return STATUS_SUCCESS;
}

/* ---- Names of objects ---- */

bool ob_name_of(const void *object, WCHAR *buf, size_t chars)
{
    const struct ob_entry *e = ob_entry_of(object);
    const struct ob_name *n;
    size_t need = 0, at;

    if (!e || !chars)
        return false;
    if (e == g.root && chars >= 2) {
        buf[0] = '\\';
        buf[1] = 0;
        return true;
    }
    for (n = e->name; n; n = n->dir->name)
        need += n->chars + 1u;
    if (!need || need >= chars)
        return false;
    at = need;
    buf[at] = 0;
    for (n = e->name; n; n = n->dir->name) {
        at -= n->chars;
        memcpy(buf + at, n->text, n->chars * sizeof *buf);
        buf[--at] = '\\';
    }
    return true;
}

void ob_each_name(const WCHAR *directory, bool (*fn)(void *ctx, const WCHAR *name, void *object),
                  void *ctx)
{
    UNICODE_STRING name;
    struct ob_entry *e;
    struct pp_list *it, *tmp;
    void *dir;

    rtl_init_string(&name, directory);
    if (ob_lookup(&name, &dir, NULL))
        return;
    e = ob_entry_of(dir);
    PP_LIST_EACH_SAFE(it, tmp, &e->children)
    {
        struct ob_name *n = PP_CONTAINER(it, struct ob_name, link);

        if (!fn(ctx, n->text, n->entry->object))
            break;
    }
    ob_unref(dir);
}

/* ---- What is there from the start ---- */

static const WCHAR *const directories[] = {
    u"\\Device",
    u"\\GLOBAL??",
    u"\\Driver",
    u"\\FileSystem",
    u"\\FileSystem\\Filters",
    u"\\Callback",
    u"\\BaseNamedObjects",
    u"\\KernelObjects",
    u"\\ObjectTypes",
    u"\\Security",
    u"\\Sessions",
    u"\\Sessions\\0",
    u"\\Sessions\\1",
    u"\\Sessions\\1\\BaseNamedObjects",
    u"\\Windows",
    u"\\RPC Control",
    u"\\KnownDlls",
    u"\\NLS",
    u"\\ArcName",
};

static const WCHAR *const links[][2] = {
    {u"\\??", u"\\GLOBAL??"},
    {u"\\DosDevices", u"\\??"},
    {u"\\GLOBAL??\\Global", u"\\GLOBAL??"},
    {u"\\GLOBAL??\\GLOBALROOT", u"\\"},
    {u"\\GLOBAL??\\C:", u"\\Device\\HarddiskVolume1"},
    {u"\\GLOBAL??\\BootPartition", u"\\Device\\HarddiskVolume1"},
    {u"\\Device\\BootDevice", u"\\Device\\HarddiskVolume1"},
    {u"\\SystemRoot", u"\\Device\\BootDevice\\Windows"},
    {u"\\ArcName\\multi(0)disk(0)rdisk(0)partition(1)", u"\\Device\\HarddiskVolume1"},
};

static void permanent(const WCHAR *text, void *object)
{
    UNICODE_STRING name;
    NTSTATUS status;

    rtl_init_string(&name, text);
    status = ob_insert(&name, object);
    PP_ASSERT(!status);
    ob_set_permanent(object, true);
    ob_unref(object);
}

int ob_name_init(void)
{
    void *root;
    size_t i;
    struct ob_type *t;

    ob_type_on_delete(ob_type_directory, directory_delete);
    ob_type_on_delete(ob_type_symlink, symlink_delete);
    root = ob_directory_new();
    ob_set_permanent(root, true);
    g.root = ob_entry_of(root);
    for (i = 0; i < PP_COUNT(directories); i++)
        permanent(directories[i], ob_directory_new());
    for (i = 0; i < PP_COUNT(links); i++) {
        UNICODE_STRING target;

        rtl_init_string(&target, links[i][1]);
        permanent(links[i][0], ob_symlink_object(&target));
    }
    for (i = 0; (t = ob_type_at((unsigned)i)); i++) {
        WCHAR text[64];
        static const WCHAR prefix[] = u"\\ObjectTypes\\";
        size_t head = PP_COUNT(prefix) - 1;

        memcpy(text, prefix, sizeof prefix);
        memcpy(text + head, t->name, (rtl_wcslen(t->name) + 1) * sizeof *text);
        ob_ref(t->object);
        permanent(text, t->object);
    }
    return 0;
}
