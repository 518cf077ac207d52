/* Writing .reg files: each item as regedit would export it. */
#include "base/reg.h"
#include "base/utf.h"

#include <string.h>

enum { LINE_MAX_COLUMNS = 80 };

static void add(struct pp_reg_text *t, const char *s, size_t size)
{
    if (t->room - t->size <= size) {
        size_t room = (t->size + size + 1) * 2;
        char *more = t->failed ? NULL : pp_resize(t->text, room);

        if (!more) {
            t->failed = true;
            return;
        }
        t->text = more;
        t->room = room;
    }
    memcpy(t->text + t->size, s, size);
    t->size += size;
    t->text[t->size] = '\0';
}

static void add_text(struct pp_reg_text *t, const char *s)
{
    add(t, s, strlen(s));
}

static void add_quoted(struct pp_reg_text *t, const char *s, size_t size)
{
    add(t, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        if (s[i] == '"' || s[i] == '\\')
            add(t, "\\", 1);
        add(t, s + i, 1);
    }
    add(t, "\"", 1);
}

/* Can it be shown between quotes and come back the same? One terminator, no control characters (a
 * line break would be safe, but not in a file that is compared line by line), no lone surrogates.
 */
static bool is_plain_text(const uint8_t *data, size_t size)
{
    bool wants_low = false;

    if (size < 2 || size % 2 || pp_load16(data + size - 2))
        return false;
    for (size_t i = 0; i + 2 < size; i += 2) {
        uint16_t c = pp_load16(data + i);

        if (c < 0x20 || c == 0x7F || wants_low != (c >> 10 == 0x37))
            return false;
        wants_low = c >> 10 == 0x36;
    }
    return !wants_low;
}

static bool put_plain_text(struct pp_reg_text *t, const struct pp_reg_item *item)
{
    size_t units = item->size / 2;
    uint16_t *wide = pp_new_array(units, sizeof *wide);
    char *utf8 = pp_new_array(units, 3);
    bool done = wide && utf8;

    if (done) {
        memcpy(wide, item->data, item->size);
        add_quoted(t, utf8, pp_utf8_from_utf16(wide, units - 1, utf8));
    }
    pp_free(wide);
    pp_free(utf8);
    return done;
}

static void put_hex(struct pp_reg_text *t, const struct pp_reg_item *item, size_t line_start)
{
    const uint8_t *data = item->data;
    char word[24];
    size_t column;

    if (item->type == PP_REG_BINARY)
        pp_fmt(word, sizeof word, "hex:");
    else
        pp_fmt(word, sizeof word, "hex(%x):", item->type);
    add_text(t, word);
    column = t->size - line_start;
    for (size_t i = 0; i < item->size; i++) {
        bool is_last = i + 1 == item->size;

        pp_fmt(word, sizeof word, is_last ? "%02x" : "%02x,", data[i]);
        add_text(t, word);
        column += 3;
        if (!is_last && column + 4 > LINE_MAX_COLUMNS) {
            add_text(t, "\\\n  ");
            column = 2;
        }
    }
}

static void put_value(struct pp_reg_text *t, const struct pp_reg_item *item)
{
    size_t start = t->size;
    char word[24];

    if (*item->text)
        add_quoted(t, item->text, strlen(item->text));
    else
        add_text(t, "@");
    add_text(t, "=");
    if (item->kind == PP_REG_VALUE_DELETED) {
        add_text(t, "-");
    } else if (item->type == PP_REG_DWORD && item->size == 4) {
        pp_fmt(word, sizeof word, "dword:%08x", pp_load32(item->data));
        add_text(t, word);
    } else if (item->type == PP_REG_SZ && is_plain_text(item->data, item->size)) {
        if (!put_plain_text(t, item))
            t->failed = true;
    } else {
        put_hex(t, item, start);
    }
}

void pp_reg_put_head(struct pp_reg_text *t)
{
    add_text(t, "Windows Registry Editor Version 5.00\n");
}

void pp_reg_put(struct pp_reg_text *t, const struct pp_reg_item *item)
{
    switch (item->kind) {
    case PP_REG_KEY:
    case PP_REG_KEY_DELETED:
        add_text(t, item->kind == PP_REG_KEY ? "[" : "[-");
        add_text(t, item->text);
        add_text(t, "]");
        break;
    case PP_REG_VALUE:
    case PP_REG_VALUE_DELETED:
        put_value(t, item);
        break;
    case PP_REG_COMMENT:
        add_text(t, item->text);
        break;
    case PP_REG_BLANK:
        break;
    }
    add_text(t, "\n");
}

void *pp_reg_utf16(const struct pp_reg_text *t, size_t *ret_size)
{
    uint16_t *wide = pp_new_array(t->size + 1, sizeof *wide), *out, *ret;
    size_t units, used = 0;

    ret = out = pp_new_array(t->size * 2 + 2, sizeof *out);
    if (!wide || !out || t->failed) {
        pp_free(wide);
        pp_free(out);
        return NULL;
    }
    units = pp_utf16_from_utf8(t->text, t->size, wide);
    out[used++] = 0xFEFF;
    for (size_t i = 0; i < units; i++) {
        if (wide[i] == '\n' && (!i || wide[i - 1] != '\r'))
            out[used++] = '\r';
        out[used++] = wide[i];
    }
    pp_free(wide);
    *ret_size = used * 2;
    return ret;
}
