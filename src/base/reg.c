/* Reading .reg files: decode to UTF-8 first, then one pass over the text. */
#include "base/reg.h"
#include "base/utf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct reader {
    char *text, *at, *end; /* UTF-8; *end is NUL */
    unsigned line;         /* of `at` */
    bool is_ansi;          /* REGEDIT4 */
    bool has_key;
    uint8_t *data; /* of the present value */
    size_t data_room;
    pp_reg_fn fn;
    void *ctx;
    char *why;
};

/* ---- Encodings ---- */

static char *from_utf16(const uint8_t *b, size_t size, size_t *ret_size)
{
    size_t units = size / 2;
    uint16_t *wide = pp_new_array(units + 1, sizeof *wide);
    char *out = pp_new_array(units + 1, 3);

    if (wide && out) {
        memcpy(wide, b, units * 2);
        *ret_size = pp_utf8_from_utf16(wide, units, out);
    } else {
        pp_free(out);
        out = NULL;
    }
    pp_free(wide);
    return out;
}

static char *from_ansi(const uint8_t *b, size_t size, size_t *ret_size)
{
    char *out = pp_new_array(size + 1, 3);
    size_t used = 0;

    for (size_t i = 0; out && i < size; i++) {
        uint16_t c = pp_ansi_char(b[i]);

        used += pp_utf8_from_utf16(&c, 1, out + used);
    }
    *ret_size = used;
    return out;
}

/* NULL: out of memory. */
static char *decode(const void *bytes, size_t size, size_t *ret_size)
{
    const uint8_t *b = bytes;
    char *out;

    if (size >= 2 && b[0] == 0xFF && b[1] == 0xFE)
        return from_utf16(b + 2, size - 2, ret_size);
    if (size >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF) {
        b += 3;
        size -= 3;
    } else if (!pp_is_utf8(bytes, size)) {
        return from_ansi(b, size, ret_size);
    }
    out = pp_new(size + 1);
    if (out)
        memcpy(out, b, size);
    *ret_size = size;
    return out;
}

/* ---- Lines ---- */

static int bad(struct reader *r, const char *what)
{
    pp_fmt(r->why, PP_WHY_SIZE, "line %u: %s", r->line, what);
    return -EINVAL;
}

static int no_memory(struct reader *r)
{
    pp_fmt(r->why, PP_WHY_SIZE, "out of memory");
    return -ENOMEM;
}

static void skip_blanks(struct reader *r)
{
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\r')
        r->at++;
}

/* Cut the line that `at` stands in from the text, without blanks at its end; `at` moves behind it.
 */
static char *take_line(struct reader *r)
{
    char *start = r->at, *stop = strchr(start, '\n'), *last;

    if (!stop)
        stop = r->end;
    r->at = stop < r->end ? stop + 1 : stop;
    for (last = stop; last > start && strchr(" \t\r", last[-1]); last--)
        ;
    *last = '\0';
    return start;
}

/* Hand over an item that starts in `line`; `at` may be further. */
static int give(struct reader *r, struct pp_reg_item *item, unsigned line)
{
    char cause[PP_WHY_SIZE] = "";
    int err;

    item->line = line;
    err = r->fn(r->ctx, item, cause);
    if (err)
        pp_fmt(r->why, PP_WHY_SIZE, "line %u: %.150s", line, cause);
    return err;
}

static int give_line(struct reader *r, enum pp_reg_kind kind)
{
    struct pp_reg_item item = {.kind = kind, .text = take_line(r)};
    int err = give(r, &item, r->line);

    r->line++;
    return err;
}

/* What may follow data: nothing, or a comment, which then is an item of its own. */
static int rest_of_line(struct reader *r)
{
    skip_blanks(r);
    if (*r->at == ';')
        return give_line(r, PP_REG_COMMENT);
    if (*r->at && *r->at != '\n')
        return bad(r, "something follows the data");
    (void)take_line(r); /* empty */
    r->line++;
    return 0;
}

/* ---- Keys ---- */

static int key_line(struct reader *r)
{
    struct pp_reg_item item = {.kind = PP_REG_KEY};
    char *line = take_line(r), *close = strrchr(line, ']'), *rest;
    int err;

    if (!close)
        return bad(r, "a key name without its closing bracket");
    for (rest = close + 1; *rest == ' ' || *rest == '\t'; rest++)
        ;
    if (*rest && *rest != ';')
        return bad(r, "something follows the key name");
    *close = '\0';
    item.text = line + 1;
    if (line[1] == '-') {
        item.kind = PP_REG_KEY_DELETED;
        item.text++;
    }
    if (pp_reg_root(item.text, &(const char *){0}) == PP_REG_ROOT_NONE)
        return bad(r, "the key does not start with a known root");
    r->has_key = item.kind == PP_REG_KEY;
    err = give(r, &item, r->line);
    if (!err && *rest) {
        item = (struct pp_reg_item){.kind = PP_REG_COMMENT, .text = rest};
        err = give(r, &item, r->line);
    }
    r->line++;
    return err;
}

/* ---- Values ---- */

/* `at` stands behind an opening quote. Returns the text, `at` behind the closing quote; NULL when
 * there is none. Escapes are \" and \\. */
static char *quoted(struct reader *r)
{
    char *start = r->at, *out = start, *s = start;
    unsigned lines = 0;

    for (; *s && *s != '"'; s++) {
        if (*s == '\\' && (s[1] == '"' || s[1] == '\\'))
            s++;
        lines += *s == '\n';
        *out++ = *s;
    }
    if (!*s)
        return NULL;
    r->at = s + 1;
    r->line += lines;
    *out = '\0';
    return start;
}

static bool room_for(struct reader *r, size_t size)
{
    uint8_t *more;

    if (size <= r->data_room)
        return true;
    more = pp_resize(r->data, size * 2);
    if (!more)
        return false;
    r->data = more;
    r->data_room = size * 2;
    return true;
}

static int text_data(struct reader *r, struct pp_reg_item *item)
{
    char *text;
    size_t size, units;

    r->at++;
    text = quoted(r);
    if (!text)
        return bad(r, "a text without its closing quote");
    size = strlen(text);
    if (!room_for(r, (size + 1) * 2))
        return no_memory(r);
    units = pp_utf16_from_utf8(text, size, (uint16_t *)(void *)r->data);
    memset(r->data + units * 2, 0, 2);
    item->type = PP_REG_SZ;
    item->size = units * 2 + 2;
    return 0;
}

/* Does the line end here with a backslash, so that it goes on in the next? */
static bool continues(struct reader *r)
{
    char *s = r->at;

    if (*s != '\\')
        return false;
    for (s++; *s == ' ' || *s == '\t' || *s == '\r'; s++)
        ;
    if (*s && *s != '\n')
        return false;
    r->at = *s ? s + 1 : s;
    r->line += *s == '\n';
    skip_blanks(r);
    return true;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static void skip_between_bytes(struct reader *r)
{
    for (;;) {
        skip_blanks(r);
        if (*r->at == ',')
            r->at++;
        else if (!continues(r))
            return;
    }
}

static int hex_bytes(struct reader *r, struct pp_reg_item *item)
{
    for (;;) {
        char *end;
        unsigned long v;

        skip_between_bytes(r);
        if (!*r->at || *r->at == '\n' || *r->at == ';')
            return 0;
        v = is_hex(*r->at) ? strtoul(r->at, &end, 16) : 0x100;
        if (v > 0xFF)
            return bad(r, "bytes are two hexadecimal digits, between commas");
        if (!room_for(r, item->size + 1))
            return no_memory(r);
        r->data[item->size++] = (uint8_t)v;
        r->at = end;
    }
}

/* The bytes of a text in a REGEDIT4 file. */
static int widen(struct reader *r, struct pp_reg_item *item)
{
    size_t n = item->size;

    if (!room_for(r, n * 2 + 2))
        return no_memory(r);
    while (n--) { /* backwards, in place */
        uint16_t c = pp_ansi_char(r->data[n]);

        memcpy(r->data + n * 2, &c, 2);
    }
    item->size *= 2;
    return 0;
}

static int hex_data(struct reader *r, struct pp_reg_item *item)
{
    int err;

    item->type = PP_REG_BINARY;
    r->at += 3;
    if (*r->at == '(') {
        char *end;
        unsigned long type = is_hex(r->at[1]) ? strtoul(r->at + 1, &end, 16) : 1ul << 32;

        if (type > 0xFFFFFFFFul || *end != ')')
            return bad(r, "hex(type): wants the type in hexadecimal digits");
        item->type = (uint32_t)type;
        r->at = end + 1;
    }
    if (*r->at != ':')
        return bad(r, "hex without a colon");
    r->at++;
    err = hex_bytes(r, item);
    if (err || !r->is_ansi)
        return err;
    return item->type == PP_REG_SZ || item->type == PP_REG_EXPAND_SZ ||
                   item->type == PP_REG_MULTI_SZ
               ? widen(r, item)
               : 0;
}

static int dword_data(struct reader *r, struct pp_reg_item *item)
{
    char *end = r->at + 6;
    unsigned long v = is_hex(*end) ? strtoul(end, &end, 16) : 1ul << 32;
    uint32_t v32 = (uint32_t)v;

    if (v > 0xFFFFFFFFul)
        return bad(r, "dword: wants up to eight hexadecimal digits");
    if (!room_for(r, sizeof v32))
        return no_memory(r);
    memcpy(r->data, &v32, sizeof v32);
    r->at = end;
    item->type = PP_REG_DWORD;
    item->size = sizeof v32;
    return 0;
}

static int data_part(struct reader *r, struct pp_reg_item *item)
{
    if (*r->at == '"')
        return text_data(r, item);
    if (!strncasecmp(r->at, "dword:", 6))
        return dword_data(r, item);
    if (!strncasecmp(r->at, "hex", 3))
        return hex_data(r, item);
    if (*r->at != '-')
        return bad(r, "data is none of \"text\", dword:, hex:, hex(type):, -");
    r->at++;
    item->kind = PP_REG_VALUE_DELETED;
    return 0;
}

static int value_line(struct reader *r)
{
    struct pp_reg_item item = {.kind = PP_REG_VALUE, .text = ""};
    unsigned line = r->line;
    int err;

    if (!r->has_key)
        return bad(r, "a value before any key");
    if (*r->at++ == '"') {
        item.text = quoted(r);
        if (!item.text)
            return bad(r, "a name without its closing quote");
    }
    skip_blanks(r);
    if (*r->at != '=')
        return bad(r, "a name without =");
    r->at++;
    skip_blanks(r);
    err = data_part(r, &item);
    if (err)
        return err;
    skip_blanks(r);
    if (*r->at && *r->at != '\n' && *r->at != ';')
        return bad(r, "something follows the data");
    item.data = r->data;
    err = give(r, &item, line);
    return err ? err : rest_of_line(r);
}

/* ---- A file ---- */

static int head_line(struct reader *r)
{
    char *line = take_line(r);

    while (!*line && *r->at) {
        r->line++;
        line = take_line(r);
    }
    r->is_ansi = !strncmp(line, "REGEDIT4", 8);
    if (!r->is_ansi && strncmp(line, "Windows Registry Editor Version 5", 33))
        return bad(r, "the head line of a registry file is missing");
    r->line++;
    return 0;
}

static int any_line(struct reader *r)
{
    skip_blanks(r);
    switch (*r->at) {
    case '[':
        return key_line(r);
    case '"':
    case '@':
        return value_line(r);
    case ';':
        return give_line(r, PP_REG_COMMENT);
    case '\n':
        return give_line(r, PP_REG_BLANK);
    default:
        return bad(r, "neither a key, a value nor a comment");
    }
}

int pp_reg_read(const void *bytes, size_t size, pp_reg_fn fn, void *ctx, char why[PP_WHY_SIZE])
{
    struct reader r = {.line = 1, .fn = fn, .ctx = ctx, .why = why};
    size_t chars = 0;
    int err;

    r.text = r.at = decode(bytes, size, &chars);
    if (!r.text)
        return no_memory(&r);
    r.end = r.text + chars;
    err = memchr(r.text, 0, chars) ? bad(&r, "a zero byte: this is no text") : head_line(&r);
    while (!err && (skip_blanks(&r), *r.at))
        err = any_line(&r);
    pp_free(r.data);
    pp_free(r.text);
    return err;
}

/* ---- Paths ---- */

enum pp_reg_root pp_reg_root(const char *path, const char **ret_rest)
{
    static const struct {
        const char *name;
        enum pp_reg_root root;
    } roots[] = {
        {"HKEY_LOCAL_MACHINE", PP_REG_LOCAL_MACHINE},
        {"HKLM", PP_REG_LOCAL_MACHINE},
        {"HKEY_USERS", PP_REG_USERS},
        {"HKU", PP_REG_USERS},
        {"HKEY_CURRENT_USER", PP_REG_CURRENT_USER},
        {"HKCU", PP_REG_CURRENT_USER},
        {"HKEY_CLASSES_ROOT", PP_REG_CLASSES_ROOT},
        {"HKCR", PP_REG_CLASSES_ROOT},
        {"HKEY_CURRENT_CONFIG", PP_REG_CURRENT_CONFIG},
    };

    for (size_t i = 0; i < PP_COUNT(roots); i++) {
        size_t n = strlen(roots[i].name);

        if (!strncasecmp(path, roots[i].name, n) && (!path[n] || path[n] == '\\')) {
            *ret_rest = path + n;
            return roots[i].root;
        }
    }
    return PP_REG_ROOT_NONE;
}

/* The part of `rest` behind the control set in use; NULL when it does not lead there. */
static const char *behind_control_set(const char *rest)
{
    static const char *const names[] = {"\\SYSTEM\\CurrentControlSet", "\\SYSTEM\\ControlSet001"};

    for (size_t i = 0; i < PP_COUNT(names); i++) {
        size_t n = strlen(names[i]);

        if (!strncasecmp(rest, names[i], n) && (!rest[n] || rest[n] == '\\'))
            return rest + n;
    }
    return NULL;
}

bool pp_reg_is_below(const char *path, const char *top)
{
    const char *p, *t, *p_set, *t_set;
    enum pp_reg_root root = pp_reg_root(path, &p);
    size_t n;

    if (root == PP_REG_ROOT_NONE || pp_reg_root(top, &t) != root)
        return false;
    p_set = root == PP_REG_LOCAL_MACHINE ? behind_control_set(p) : NULL;
    t_set = root == PP_REG_LOCAL_MACHINE ? behind_control_set(t) : NULL;
    if (p_set && t_set) {
        p = p_set;
        t = t_set;
    }
    n = strlen(t);
    return !strncasecmp(p, t, n) && (!p[n] || p[n] == '\\');
}

bool pp_reg_same_key(const char *a, const char *b)
{
    return pp_reg_is_below(a, b) && pp_reg_is_below(b, a);
}
