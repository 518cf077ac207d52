/*
 * Tag files: pooltag.txt as the Windows kits ship it, and the localtag.txt that pm_scan() writes.
 *
 *     Tag  - binary - description        the tag's four columns, " - ", then anything
 *     Tag  - driver1 driver2
 *
 * Empty lines and lines that begin with // or rem are comments. Doc: Windows Driver Kit, PoolMon,
 * "Pooltag.txt". The first record that fits a tag counts.
 */
#include "tools/poolmon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char between[] = " - ";

/* ---- Matching ---- */

static bool matches(const char *pattern, const char *s, size_t size)
{
    for (; *pattern && *pattern != '*'; pattern++, s++, size--)
        if (!size || (*pattern != '?' && *pattern != *s))
            return false;
    if (!*pattern)
        return !size;
    while (!matches(pattern + 1, s, size)) {
        if (!size)
            return false;
        s++;
        size--;
    }
    return true;
}

bool pm_tag_matches(const char *pattern, uint32_t tag)
{
    const char *bytes = (const char *)&tag;
    size_t size = sizeof tag;

    if (matches(pattern, bytes, size))
        return true;
    while (size && (bytes[size - 1] == ' ' || !bytes[size - 1]))
        if (matches(pattern, bytes, --size))
            return true;
    return false;
}

const char *pm_tag_file_find(const struct pm_tag_file *f, uint32_t tag)
{
    for (size_t i = 0; i < f->count; i++)
        if (pm_tag_matches(f->records[i].tag, tag))
            return f->records[i].text;
    return NULL;
}

/* ---- Parsing ---- */

static bool is_comment(const char *line, size_t size)
{
    if (size >= 2 && !memcmp(line, "//", 2))
        return true;
    return size >= 3 && !strncasecmp(line, "rem", 3) &&
           (size == 3 || line[3] == ' ' || line[3] == '\t');
}

/* Where the tag ends: column 4, or earlier in files that are not padded; 0: no record. */
static size_t tag_end(const char *line, size_t size)
{
    size_t mark = strlen(between);

    if (size >= 4 + mark && !memcmp(line + 4, between, mark))
        return 4;
    for (size_t at = 1; at < 4 && at + mark <= size; at++)
        if (!memcmp(line + at, between, mark))
            return at;
    return 0;
}

static int add(struct pm_tag_file *f, const char *line, size_t size)
{
    size_t tag_size = tag_end(line, size), start = tag_size + strlen(between);
    struct pm_tag_record *rec;
    char *text;

    if (!tag_size || is_comment(line, size))
        return 0;
    if (f->count == f->room) {
        size_t room = f->room ? 2 * f->room : 256;
        struct pm_tag_record *grown = pp_resize(f->records, room * sizeof *grown);

        if (!grown)
            return -ENOMEM;
        f->records = grown;
        f->room = room;
    }
    text = pp_new(size - start + 1);
    if (!text)
        return -ENOMEM;
    memcpy(text, line + start, size - start);
    pm_clean(text);
    rec = &f->records[f->count++];
    memset(rec->tag, 0, sizeof rec->tag);
    memcpy(rec->tag, line, tag_size);
    while (tag_size > 1 && rec->tag[tag_size - 1] == ' ')
        rec->tag[--tag_size] = '\0'; /* fits with its blanks and without */
    rec->text = text;
    return 0;
}

int pm_tag_file_parse(struct pm_tag_file *f, const char *text, size_t size)
{
    int err = 0;

    for (size_t at = 0, end; !err && at < size; at = end + 1) {
        const char *newline = memchr(text + at, '\n', size - at);
        size_t length;

        end = newline ? (size_t)(newline - text) : size;
        length = end - at;
        while (length && (text[at + length - 1] == '\r' || text[at + length - 1] == ' ' ||
                          text[at + length - 1] == '\t'))
            length--;
        err = add(f, text + at, length);
    }
    return err;
}

int pm_tag_file_read(struct pm_tag_file *f, const char *path, char why[PP_WHY_SIZE])
{
    FILE *in = fopen(path, "re");
    size_t room = 0, n;
    ssize_t got;
    char *line = NULL;
    int err = in ? 0 : -errno;

    *f = (struct pm_tag_file){0};
    while (!err && (got = getline(&line, &room, in)) >= 0) {
        n = (size_t)got;
        err = pm_tag_file_parse(f, line, n);
    }
    if (!err && ferror(in))
        err = -EIO;
    free(line);
    if (in)
        (void)fclose(in); /* only read */
    if (err) {
        pp_fmt(why, PP_WHY_SIZE, "%.120s: %s", path, strerror(-err));
        pm_tag_file_done(f);
    }
    return err;
}

void pm_tag_file_done(struct pm_tag_file *f)
{
    for (size_t i = 0; i < f->count; i++)
        pp_free(f->records[i].text);
    pp_free(f->records);
    *f = (struct pm_tag_file){0};
}
