/*
 * Names for addresses: one llvm-symbolizer child, started at the first question and kept open. It
 * reads DWARF and PDB beside the image or in the folders of --symbols. Without it (or without
 * symbols) module and offset are what a reader gets. Distances from a function's start come from
 * the image's own .pdata.
 */
#include "base/state.h"
#include "host/host_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CACHE_MAX = 1024, IMAGE_MAX = 256 << 20 };

struct entry {
    uint64_t pc;
    bool exact;
    struct host_place place;
};

struct module_file {
    struct pe_image *pe;
    uint8_t *bytes;
    char symbol_path[512]; /* what the symbolizer is given */
};

enum { MODULES_MAX = 64 };
struct host_symbols {
    const struct host_module *modules; /* [module_count], at most MODULES_MAX */
    unsigned module_count;
    const char *dirs; /* as --symbols gives them, or NULL */
    struct module_file files[MODULES_MAX];
    struct host_module *own; /* those of a state */
    struct entry *cache;
    unsigned cached;
    pid_t pid; /* 0: not started; -1: not to be had */
    int to;
    FILE *from;
    char link_dir[64]; /* folder of links that bring image and PDB together */
};

static const char *const programs[] = {"llvm-symbolizer-19", "llvm-symbolizer",
                                       "llvm-symbolizer-14"};

/* ---- The child ---- */

static void exec_symbolizer(int in, int out)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)dup2(in, 0); /* a failure shows as an early end of the child */
    (void)dup2(out, 1);
    if (null >= 0)
        (void)dup2(null, 2);
    for (size_t i = 0; i < PP_COUNT(programs); i++)
        execlp(programs[i], programs[i], "--relative-address", "--inlines", "--output-style=JSON",
               (char *)NULL);
    _exit(127);
}

static bool start_child(struct host_symbols *s)
{
    int in[2], out[2];

    if (s->pid)
        return s->pid > 0;
    s->pid = -1;
    if (pipe2(in, O_CLOEXEC))
        return false;
    if (pipe2(out, O_CLOEXEC)) {
        (void)close(in[0]); /* already failing */
        (void)close(in[1]);
        return false;
    }
    fflush(NULL);
    s->pid = fork();
    if (!s->pid)
        exec_symbolizer(in[0], out[1]);
    (void)close(in[0]); /* the child's ends */
    (void)close(out[1]);
    if (s->pid < 0) {
        (void)close(in[1]); /* as above */
        (void)close(out[0]);
        return false;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a child that is not there shows as an error of write */
    s->to = in[1];
    s->from = fdopen(out[0], "r");
    return s->from != NULL;
}

static bool ask(struct host_symbols *s, const char *path, uint64_t rva, char *line, size_t size)
{
    char question[700];
    size_t n;

    if (!path[0] || strpbrk(path, "\"\n") || !start_child(s))
        return false;
    n = pp_fmt(question, sizeof question, "CODE \"%s\" 0x%llx\n", path, (unsigned long long)rva);
    if (write(s->to, question, n) != (ssize_t)n || !fgets(line, (int)size, s->from)) {
        (void)close(s->to); /* it is gone: do without from here on */
        (void)fclose(s->from);
        (void)waitpid(s->pid, NULL, 0);
        s->pid = -1;
        return false;
    }
    return true;
}

/* ---- Files ---- */

static void find_symbol_file(struct host_symbols *s, unsigned index)
{
    struct module_file *f = &s->files[index];
    const struct host_module *m = &s->modules[index];
    const char *pdb = f->pe ? pe_image_info(f->pe)->pdb_path : NULL;
    char base[128], found[512] = "";
    const char *dirs = s->dirs;

    pp_fmt(f->symbol_path, sizeof f->symbol_path, "%s", m->path);
    if (!dirs || !pdb)
        return;
    for (const char *p = pdb; *p; p++) {
        if (*p == '\\' || *p == '/')
            pdb = p + 1;
    }
    pp_fmt(base, sizeof base, "%s", pdb);
    while (*dirs) {
        size_t n = strcspn(dirs, ":");

        pp_fmt(found, sizeof found, "%.*s/%s", (int)n, dirs, base);
        if (!access(found, R_OK))
            break;
        found[0] = '\0';
        dirs += n + (dirs[n] == ':');
    }
    if (!found[0])
        return;
    if (!s->link_dir[0]) {
        pp_fmt(s->link_dir, sizeof s->link_dir, "/tmp/poolproof-symbols-XXXXXX");
        if (!mkdtemp(s->link_dir)) {
            s->link_dir[0] = '\0';
            return;
        }
    }
    char link_path[512], target[512];

    if (realpath(m->path, target)) {
        pp_fmt(link_path, sizeof link_path, "%s/%s", s->link_dir, m->name);
        (void)symlink(target, link_path); /* may exist from an image loaded before */
        pp_fmt(f->symbol_path, sizeof f->symbol_path, "%s", link_path);
    }
    if (realpath(found, target)) {
        pp_fmt(link_path, sizeof link_path, "%s/%s", s->link_dir, base);
        (void)symlink(target, link_path); /* as above */
    }
}

static void load_image(struct host_symbols *s, unsigned index)
{
    struct module_file *f = &s->files[index];
    FILE *in = fopen(s->modules[index].path, "rb");
    char why[PP_WHY_SIZE];
    struct stat st;

    if (in && !fstat(fileno(in), &st) && st.st_size > 0) {
        f->bytes = pp_new((size_t)st.st_size);
        if (f->bytes && fread(f->bytes, 1, (size_t)st.st_size, in) == (size_t)st.st_size &&
            pe_image_parse(f->bytes, (size_t)st.st_size, &f->pe, why))
            f->pe = NULL;
    }
    if (in)
        (void)fclose(in); /* only read */
    find_symbol_file(s, index);
}

struct host_symbols *host_symbols_new(const struct host_module *modules, unsigned count,
                                      const char *dirs)
{
    struct host_symbols *s = pp_new(sizeof *s);

    PP_ASSERT(s && count <= MODULES_MAX);
    s->modules = modules;
    s->module_count = count;
    s->dirs = dirs;
    s->cache = pp_new_array(CACHE_MAX, sizeof *s->cache);
    PP_ASSERT(s->cache);
    return s;
}

static void remove_links(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        if (e->d_type == DT_LNK)
            (void)unlinkat(dirfd(d), e->d_name, 0); /* what stays, stays in /tmp */
    }
    if (d)
        (void)closedir(d); /* only read */
    (void)rmdir(folder);   /* as above */
}

void host_symbols_free(struct host_symbols *s)
{
    if (!s)
        return;
    if (s->pid > 0) {
        (void)close(s->to); /* its end of input */
        (void)fclose(s->from);
        (void)waitpid(s->pid, NULL, 0);
    }
    for (unsigned i = 0; i < PP_COUNT(s->files); i++) {
        pe_image_free(s->files[i].pe);
        pp_free(s->files[i].bytes);
    }
    if (s->link_dir[0]) {
        remove_links(s->link_dir);
    }
    pp_free(s->cache);
    pp_free(s->own);
    pp_free(s);
}

/* ---- Images of a state ---- */

/* Is this file the image that was loaded, as far as its size tells? */
static bool is_image(const char *path, uint64_t size)
{
    struct pe_image *pe;
    uint8_t *bytes;
    size_t file_size;
    char why[PP_WHY_SIZE];
    bool is_same = false;

    if (host_read_file(path, IMAGE_MAX, &bytes, &file_size))
        return false;
    if (!pe_image_parse(bytes, file_size, &pe, why)) {
        is_same = pp_align_up(pe_image_info(pe)->image_size, PP_PAGE_SIZE) ==
                  pp_align_up(size, PP_PAGE_SIZE);
        pe_image_free(pe);
    }
    pp_free(bytes);
    return is_same;
}

/* Where an image lies: at the path of the command that ran it or beside that, or in a folder of
 * --symbols. A file of another size was built since and is not used. */
static void find_image(struct host_module *m, const char *driver_path, const char *dirs)
{
    size_t folder = (size_t)(pp_base_name(driver_path) - driver_path);

    if (strchr(m->name, '/'))
        return;
    pp_fmt(m->path, sizeof m->path, "%.*s%s", (int)folder, driver_path, m->name);
    if (!strcasecmp(pp_base_name(driver_path), m->name))
        pp_fmt(m->path, sizeof m->path, "%s", driver_path);
    while (!is_image(m->path, m->size) && dirs && *dirs) {
        size_t n = strcspn(dirs, ":");

        pp_fmt(m->path, sizeof m->path, "%.*s/%s", (int)n, dirs, m->name);
        dirs += n + (dirs[n] == ':');
    }
    if (!is_image(m->path, m->size))
        m->path[0] = '\0';
}

struct host_symbols *host_symbols_of_state(const struct poolproof_state *s, const char *dirs)
{
    struct host_module *own = pp_new_array(MODULES_MAX, sizeof *own);
    char driver_path[sizeof s->driver_path];
    unsigned count = PP_MIN(s->drivers.row_count, (uint32_t)MODULES_MAX);
    struct host_symbols *ret;

    PP_ASSERT(own);
    pp_fmt(driver_path, sizeof driver_path, "%.*s", (int)sizeof driver_path - 1, s->driver_path);
    for (unsigned i = 0; i < count; i++) {
        struct poolproof_driver d;

        (void)pp_state_read(pp_state_row(s, &s->drivers, i), &d, sizeof d); /* then what is there */
        own[i].base = d.base;
        own[i].size = (uint32_t)d.size;
        pp_fmt(own[i].name, sizeof own[i].name, "%.*s", (int)sizeof d.name, d.name);
        if (own[i].name[0])
            find_image(&own[i], driver_path, dirs);
    }
    ret = host_symbols_new(own, count, dirs);
    ret->own = own;
    return ret;
}

/* ---- Text ---- */

static void stem(const char *name, char *ret, size_t size)
{
    char *dot;

    pp_fmt(ret, size, "%s", name);
    dot = strrchr(ret, '.');
    if (dot && (!strcmp(dot, ".sys") || !strcmp(dot, ".SYS")))
        *dot = '\0';
}

/* Relative Windows paths get Unix slashes; others are shown as the symbols have them. */
static void show_path(const char *path, char *ret, size_t size)
{
    pp_fmt(ret, size, "%s", path);
    if (path[0] && path[1] == ':')
        return;
    for (char *p = ret; *p; p++) {
        if (*p == '\\')
            *p = '/';
    }
}

static void add_source(struct host_place *p, json_t *symbol)
{
    const char *function = json_string_value(json_object_get(symbol, "FunctionName"));
    const char *file = json_string_value(json_object_get(symbol, "FileName"));
    struct host_source *src = &p->source[p->source_count++];

    pp_fmt(src->function, sizeof src->function, "%s", function ? function : "");
    src->line = (unsigned)json_integer_value(json_object_get(symbol, "Line"));
    if (src->line && file)
        show_path(file, src->file, sizeof src->file);
}

/* The start of a function is no return address: somebody names the routine itself. */
static bool is_function_start(const struct module_file *f, uint64_t rva)
{
    int64_t fn = f->pe ? pe_find_function(f->pe, (uint32_t)rva) : -1;

    return fn >= 0 && pe_function_at(f->pe, (uint32_t)fn).begin == rva;
}

static void describe(struct host_symbols *s, unsigned index, uint64_t rva, bool exact,
                     struct host_place *p)
{
    const struct module_file *f = &s->files[index];
    char line[8192];
    json_t *root = NULL, *list;
    size_t count;
    int64_t fn;

    exact |= is_function_start(f, rva);
    fn = f->pe ? pe_find_function(f->pe, (uint32_t)(rva - !exact)) : -1;
    stem(s->modules[index].name, p->module, sizeof p->module);
    p->rva = rva;
    if (ask(s, f->symbol_path, rva - !exact, line, sizeof line))
        root = json_loads(line, 0, NULL);
    list = json_object_get(root, "Symbol");
    count = json_array_size(list);
    for (size_t i = 0; i < count; i++) {
        /* With too many levels the middle ones go: the innermost and the function itself matter. */
        if (i < HOST_INLINED_MAX - 1 || i == count - 1)
            add_source(p, json_array_get(list, i));
    }
    if (!p->source_count)
        p->source_count = 1;
    if (fn >= 0)
        p->offset = rva - pe_function_at(f->pe, (uint32_t)fn).begin;
    json_decref(root);
}

/* Native code lies above everything the machine maps at fixed addresses. */
static bool is_native(uint64_t pc)
{
    return pc >= 0x500000000000ull && pc < 0x800000000000ull;
}

static void find_place(struct host_symbols *s, uint64_t pc, bool exact, struct host_place *p)
{
    const char *stub = ke_stub_name(pc);

    p->rva = pc;
    p->offset = UINT64_MAX;
    if (stub) {
        p->is_stub = true;
        pp_fmt(p->module, sizeof p->module, "nt");
        pp_fmt(p->source[0].function, sizeof p->source[0].function, "%s", stub);
        p->source_count = 1;
        return;
    }
    for (unsigned i = 0; i < s->module_count; i++) {
        const struct host_module *m = &s->modules[i];

        if (pc < m->base || pc - m->base >= m->size)
            continue;
        if (!s->files[i].symbol_path[0])
            load_image(s, i);
        describe(s, i, pc - m->base, exact, p);
        return;
    }
    p->is_ours = is_native(pc);
    p->source_count = 1;
}

const struct host_place *host_symbol_place(struct host_symbols *s, uint64_t pc, bool exact)
{
    struct entry *e;

    for (unsigned i = 0; i < s->cached; i++) {
        if (s->cache[i].pc == pc && s->cache[i].exact == exact)
            return &s->cache[i].place;
    }
    e = &s->cache[s->cached < CACHE_MAX ? s->cached++ : CACHE_MAX - 1];
    memset(e, 0, sizeof *e);
    e->pc = pc;
    e->exact = exact;
    find_place(s, pc, exact, &e->place);
    return &e->place;
}

void host_symbol(struct host_symbols *s, uint64_t pc, bool exact, char *buf, size_t size)
{
    const struct host_place *p = host_symbol_place(s, pc, exact);
    const struct host_source *src = &p->source[p->source_count - 1];

    if (p->is_ours)
        pp_fmt(buf, size, "code of Poolproof itself");
    else if (!p->module[0])
        pp_fmt(buf, size, "0x%llx, in no image", (unsigned long long)pc);
    else if (p->is_stub)
        pp_fmt(buf, size, "%s!%s", p->module, src->function);
    else if (!src->function[0])
        pp_fmt(buf, size, "%s+0x%llx", p->module, (unsigned long long)p->rva);
    else {
        pp_fmt(buf, size, "%s!%s", p->module, src->function);
        if (p->offset && p->offset != UINT64_MAX)
            pp_fmt_append(buf, size, "+0x%llx", (unsigned long long)p->offset);
        if (src->file[0])
            pp_fmt_append(buf, size, " [%s:%u]", src->file, src->line);
        pp_fmt_append(buf, size, " (%s+0x%llx)", p->module, (unsigned long long)p->rva);
    }
}
