/*
 * /c: which drivers use a tag, from their code. The code walker (pe.h) follows the tag operand of
 * each routine that takes one; what it finds of all drivers in a folder becomes a tag file.
 */
#include "pe/pe.h"
#include "tools/poolmon.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

struct use {
    uint32_t tag;
    const char *driver; /* file name, with .sys */
};

struct scan {
    struct use *uses;
    size_t count, room;
};

static int is_driver(const struct dirent *e)
{
    size_t n = strlen(e->d_name);

    return n > 4 && !strcasecmp(e->d_name + n - 4, ".sys");
}

static int add(struct scan *s, uint32_t tag, const char *driver)
{
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        struct use *grown = pp_resize(s->uses, room * sizeof *grown);

        if (!grown)
            return -ENOMEM;
        s->uses = grown;
        s->room = room;
    }
    s->uses[s->count++] = (struct use){tag, driver};
    return 0;
}

static int scan_bytes(struct scan *s, const uint8_t *bytes, size_t size, const char *driver,
                      char why[PP_WHY_SIZE])
{
    struct pe_image *img;
    struct pe_code *code = NULL;
    int err = pe_image_parse(bytes, size, &img, why);

    if (err)
        return err;
    err = pe_code_walk(img, &code);
    for (size_t i = 0; !err && i < code->tag_count; i++)
        err = add(s, code->tags[i].tag, driver);
    if (!err)
        pe_code_free(code);
    pe_image_free(img);
    return err;
}

/* -ENOMEM ends the scan; any other driver that cannot be read is named and left out. */
static int scan_file(struct scan *s, const char *folder, const char *name)
{
    char path[4096], why[PP_WHY_SIZE] = "";
    struct stat st;
    void *mem = MAP_FAILED;
    int fd, err = 0;

    pp_fmt(path, sizeof path, "%s/%s", folder, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st)) {
        err = -errno;
    } else if (!S_ISREG(st.st_mode) || !st.st_size) {
        err = -ENOEXEC;
        pp_fmt(why, sizeof why, "not a driver image");
    } else {
        mem = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        err = mem == MAP_FAILED ? -errno : scan_bytes(s, mem, (size_t)st.st_size, name, why);
    }
    if (mem != MAP_FAILED)
        (void)munmap(mem, (size_t)st.st_size);
    if (fd >= 0)
        (void)close(fd); /* only read */
    if (err && err != -ENOMEM) {
        fprintf(stderr, "poolmon: %s: %s; left out\n", path, *why ? why : strerror(-err));
        return 0;
    }
    return err;
}

static int compare_uses(const void *a, const void *b)
{
    const struct use *x = a, *y = b;
    int order = memcmp(&x->tag, &y->tag, sizeof x->tag);

    return order ? order : strcmp(x->driver, y->driver);
}

/* A byte that text cannot carry becomes '?', which fits it. */
static void put_tag(uint32_t tag, FILE *out)
{
    for (int i = 0; i < 4; i++) {
        int c = (int)(tag >> 8 * i & 0xFF);

        fputc(c >= 0x20 && c < 0x7F ? c : '?', out);
    }
}

static void put_driver(const char *before, const char *driver, FILE *out)
{
    fprintf(out, "%s%.*s", before, (int)(strlen(driver) - strlen(".sys")), driver);
}

static void put_records(struct scan *s, FILE *out)
{
    if (s->count)
        qsort(s->uses, s->count, sizeof *s->uses, compare_uses);
    for (size_t i = 0; i < s->count; i++) {
        if (i && s->uses[i].tag == s->uses[i - 1].tag) {
            put_driver(" ", s->uses[i].driver, out);
            continue;
        }
        fputs(i ? "\n" : "", out);
        put_tag(s->uses[i].tag, out);
        put_driver(" - ", s->uses[i].driver, out);
    }
    fputs("\n", out);
}

static int write_records(struct scan *s, const char *path, char why[PP_WHY_SIZE])
{
    FILE *out = fopen(path, "we");
    int err = out ? 0 : -errno;

    if (out)
        put_records(s, out);
    if (out && (ferror(out) | fclose(out)))
        err = errno ? -errno : -EIO;
    if (err)
        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", path, strerror(-err));
    return err;
}

int pm_scan(const char *folder, const char *path, char why[PP_WHY_SIZE])
{
    struct scan s = {0};
    struct dirent **files = NULL;
    int count = scandir(folder, &files, is_driver, alphasort), err = 0;

    if (count <= 0) {
        err = count ? -errno : -ENOENT;
        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", folder,
               count ? strerror(-err) : "no driver (.sys) here to find tags in");
        free(files);
        return err;
    }
    for (int i = 0; !err && i < count; i++)
        err = scan_file(&s, folder, files[i]->d_name);
    if (!err)
        err = write_records(&s, path, why);
    else
        pp_fmt(why, PP_WHY_SIZE, "out of memory");
    for (int i = 0; i < count; i++)
        free(files[i]);
    free(files);
    pp_free(s.uses);
    return err;
}
