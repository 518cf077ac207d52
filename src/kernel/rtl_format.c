/*
 * The formatter behind the printf family, DbgPrint and our own use. Narrow and wide share one
 * engine; a caller runs it twice: once to count, then, the destination's range being checked, once
 * to write.
 *
 * Windows' rules where they differ from C: %S and %C have the other width; h, l and w before s and
 * c say the width; %Z prints an ANSI_STRING and %wZ or %lZ a UNICODE_STRING; I, I32 and I64 are
 * size prefixes; long is 32 bits; %p is 16 capital hexadecimal digits; %n is refused.
 *
 * Doc: Microsoft C runtime, "Format specification syntax: printf and wprintf functions";
 * nf-wdm-dbgprint.
 */
#include "kernel/kernel_priv.h"

#include <stdio.h>

enum flag {
    F_LEFT = 1u << 0,
    F_PLUS = 1u << 1,
    F_SPACE = 1u << 2,
    F_ZERO = 1u << 3,
    F_ALT = 1u << 4,
};

enum size_prefix { SIZE_NONE, SIZE_BYTE, SIZE_SHORT, SIZE_LONG, SIZE_64, SIZE_WIDE };

struct spec {
    unsigned flags;
    enum size_prefix size;
    int width;
    int precision; /* -1: none */
    WCHAR type;
};

struct cursor {
    struct rtl_format *f;
    size_t at;            /* next character of the format */
    const uint64_t *args; /* next 8-byte slot */
};

static WCHAR format_char(const struct cursor *c)
{
    return c->f->is_wide ? ((const WCHAR *)c->f->text)[c->at]
                         : ((const uint8_t *)c->f->text)[c->at];
}

static uint64_t next_arg(struct cursor *c)
{
    return *c->args++;
}

/* ---- Output ---- */

static void put_unit(struct rtl_format *f, WCHAR unit)
{
    if (f->buf && f->length < f->room) {
        if (f->is_wide)
            ((WCHAR *)f->buf)[f->length] = unit;
        else
            ((uint8_t *)f->buf)[f->length] = (uint8_t)unit;
    }
    f->length++;
}

static void put_many(struct rtl_format *f, WCHAR unit, int64_t count)
{
    for (; count > 0; count--)
        put_unit(f, unit);
}

/* Text of either width, as the output wants it. */
struct text {
    const void *chars;
    size_t count;
    bool is_wide;
};

static WCHAR text_at(const struct text *t, size_t i)
{
    return t->is_wide ? ((const WCHAR *)t->chars)[i] : ((const uint8_t *)t->chars)[i];
}

static void put_text(struct rtl_format *f, const struct text *t)
{
    bool bad = false;

    for (size_t i = 0; i < t->count;) {
        uint8_t seq[4];
        size_t n;

        if (t->is_wide == f->is_wide) {
            put_unit(f, text_at(t, i++));
        } else if (f->is_wide) {
            put_unit(f, rtl_from_page(RTL_ANSI, ((const uint8_t *)t->chars)[i++]));
        } else if (f->is_utf8) {
            n = rtl_utf8_put(rtl_utf16_next(t->chars, t->count, &i, &bad), seq);
            for (size_t k = 0; k < n; k++)
                put_unit(f, seq[k]);
        } else {
            put_unit(f, rtl_to_page(RTL_ANSI, text_at(t, i++)));
        }
    }
}

static void put_padded(struct rtl_format *f, const struct spec *s, const struct text *t)
{
    int64_t pad = (int64_t)s->width - (int64_t)t->count;

    if (!(s->flags & F_LEFT))
        put_many(f, (s->flags & F_ZERO) ? '0' : ' ', pad);
    put_text(f, t);
    if (s->flags & F_LEFT)
        put_many(f, ' ', pad);
}

/* ---- Conversions ---- */

/* Is the text of %s, %S, %c, %C, %Z wide? Upper case turns the default over; a prefix decides. */
static bool is_wide_text(const struct cursor *c, const struct spec *s)
{
    if (s->size == SIZE_SHORT)
        return false;
    if (s->size == SIZE_LONG || s->size == SIZE_WIDE)
        return true;
    if (s->type == 'Z')
        return false;
    return (s->type == 'S' || s->type == 'C') != c->f->is_wide;
}

static void put_string(struct cursor *c, const struct spec *s)
{
    struct text t = {(const void *)next_arg(c), 0, is_wide_text(c, s)};
    size_t max = s->precision < 0 ? SIZE_MAX : (size_t)s->precision;

    if (!t.chars)
        t = (struct text){"(null)", 0, false};
    while (t.count < max && text_at(&t, t.count))
        t.count++;
    if (!c->f->buf) /* once, in the pass that counts */
        mm_check_range(t.chars, (t.count + (t.count < max)) * (t.is_wide ? sizeof(WCHAR) : 1),
                       false);
    put_padded(c->f, s, &t);
}

static void put_counted(struct cursor *c, const struct spec *s)
{
    const UNICODE_STRING *arg =
        (const UNICODE_STRING *)next_arg(c); /* STRING has the same layout */
    struct text t = {"(null)", 6, false};

    if (arg && arg->Buffer) {
        t.is_wide = is_wide_text(c, s);
        t.chars = arg->Buffer;
        t.count = t.is_wide ? arg->Length / sizeof(WCHAR) : arg->Length;
        if (!c->f->buf)
            mm_check_range(arg->Buffer, arg->Length, false);
    }
    if (s->precision >= 0)
        t.count = PP_MIN(t.count, (size_t)s->precision);
    put_padded(c->f, s, &t);
}

static void put_char(struct cursor *c, const struct spec *s)
{
    WCHAR value = (WCHAR)next_arg(c);
    uint8_t byte = (uint8_t)value;
    struct text t = {&byte, 1, is_wide_text(c, s)};

    if (t.is_wide)
        t.chars = &value;
    put_padded(c->f, s, &t);
}

/* Sign or prefix, zeros, digits: common to integers and floating-point numbers. */
static void put_number(struct rtl_format *f, const struct spec *s, const char *prefix,
                       int64_t zeros, const struct text *digits)
{
    int64_t size = (int64_t)__builtin_strlen(prefix) + zeros + (int64_t)digits->count;
    int64_t pad = s->width - size;

    if (!(s->flags & (F_LEFT | F_ZERO)))
        put_many(f, ' ', pad);
    put_text(f, &(struct text){prefix, __builtin_strlen(prefix), false});
    if ((s->flags & (F_LEFT | F_ZERO)) == F_ZERO)
        put_many(f, '0', pad);
    put_many(f, '0', zeros);
    put_text(f, digits);
    if (s->flags & F_LEFT)
        put_many(f, ' ', pad);
}

static uint64_t cut_unsigned(const struct spec *s, uint64_t v)
{
    switch (s->size) {
    case SIZE_BYTE:
        return (uint8_t)v;
    case SIZE_SHORT:
        return (uint16_t)v;
    case SIZE_64:
        return v;
    default:
        return (uint32_t)v;
    }
}

static int64_t cut_signed(const struct spec *s, uint64_t v)
{
    switch (s->size) {
    case SIZE_BYTE:
        return (int8_t)v;
    case SIZE_SHORT:
        return (int16_t)v;
    case SIZE_64:
        return (int64_t)v;
    default:
        return (int32_t)v;
    }
}

static const char *sign_of(const struct spec *s, bool negative)
{
    return negative ? "-" : (s->flags & F_PLUS) ? "+" : (s->flags & F_SPACE) ? " " : "";
}

static void put_integer(struct cursor *c, struct spec *s)
{
    char reversed[64], text[64];
    struct text digits = {text, 0, false};
    uint64_t v = next_arg(c);
    unsigned base = s->type == 'o' ? 8 : (s->type == 'x' || s->type == 'X') ? 16 : 10;
    const char *prefix = "";
    int64_t zeros;

    if (s->type == 'd' || s->type == 'i') {
        int64_t value = cut_signed(s, v);

        prefix = sign_of(s, value < 0);
        v = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    } else {
        v = cut_unsigned(s, v);
        if ((s->flags & F_ALT) && base == 16 && v)
            prefix = s->type == 'x' ? "0x" : "0X";
    }
    for (uint64_t rest = v; rest; rest /= base)
        reversed[digits.count++] =
            (s->type == 'x' ? "0123456789abcdef" : "0123456789ABCDEF")[rest % base];
    for (size_t i = 0; i < digits.count; i++)
        text[i] = reversed[digits.count - 1 - i];
    if (s->precision >= 0)
        s->flags &= ~(unsigned)F_ZERO;
    zeros = (s->precision < 0 ? 1 : s->precision) - (int64_t)digits.count;
    zeros = PP_MAX(zeros, 0);
    if ((s->flags & F_ALT) && base == 8 && !zeros)
        zeros = 1;
    put_number(c->f, s, prefix, zeros, &digits);
}

static void put_pointer(struct cursor *c, struct spec *s)
{
    s->type = 'X';
    s->size = SIZE_64;
    s->precision = 16;
    s->flags &= ~(unsigned)F_ALT;
    put_integer(c, s);
}

/* The C library's own digits; sign and padding are ours. */
static void put_float(struct cursor *c, const struct spec *s)
{
    char format[] = {'%', '.', '*', (char)s->type, 0};
    char alt[] = {'%', '#', '.', '*', (char)s->type, 0};
    char text[512];
    uint64_t bits = next_arg(c);
    double value;
    struct text digits = {text, 0, false};
    int precision = s->precision < 0 ? (s->type == 'a' || s->type == 'A' ? 13 : 6) : s->precision;

    __builtin_memcpy(&value, &bits, sizeof value);
    /* The format is one of ours, with one conversion. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(text, sizeof text, (s->flags & F_ALT) ? alt : format, PP_MIN(precision, 150),
                   __builtin_fabs(value));
#pragma GCC diagnostic pop
    digits.count = __builtin_strlen(text);
    put_number(c->f, s, sign_of(s, __builtin_signbit(value)), 0, &digits);
}

/* ---- The format ---- */

static int read_count(struct cursor *c)
{
    int n = 0;

    if (format_char(c) == '*') {
        c->at++;
        return (int)(int32_t)next_arg(c);
    }
    for (; format_char(c) >= '0' && format_char(c) <= '9'; c->at++)
        n = n < 1000000 ? n * 10 + (format_char(c) - '0') : n;
    return n;
}

static void read_flags(struct cursor *c, struct spec *s)
{
    static const char chars[] = "-+ 0#";

    for (;; c->at++) {
        WCHAR ch = format_char(c);
        unsigned i = 0;

        while (chars[i] && (WCHAR)chars[i] != ch)
            i++;
        if (!chars[i])
            return;
        s->flags |= 1u << i;
    }
}

static bool format_starts(struct cursor *c, const char *what)
{
    size_t from = c->at;

    for (; *what; what++, c->at++) {
        if (format_char(c) != (WCHAR)*what) {
            c->at = from;
            return false;
        }
    }
    return true;
}

static void read_size(struct cursor *c, struct spec *s)
{
    static const struct {
        const char *text;
        enum size_prefix size;
    } prefixes[] = {
        {"I64", SIZE_64}, {"I32", SIZE_LONG}, {"I", SIZE_64},    {"ll", SIZE_64},
        {"l", SIZE_LONG}, {"hh", SIZE_BYTE},  {"h", SIZE_SHORT}, {"w", SIZE_WIDE},
        {"j", SIZE_64},   {"z", SIZE_64},     {"t", SIZE_64},    {"L", SIZE_NONE},
    };

    for (size_t i = 0; i < PP_COUNT(prefixes); i++) {
        if (format_starts(c, prefixes[i].text)) {
            s->size = prefixes[i].size;
            return;
        }
    }
}

static bool put_conversion(struct cursor *c, struct spec *s)
{
    switch (s->type) {
    case 's':
    case 'S':
        put_string(c, s);
        return true;
    case 'Z':
        put_counted(c, s);
        return true;
    case 'c':
    case 'C':
        put_char(c, s);
        return true;
    case 'd':
    case 'i':
    case 'u':
    case 'o':
    case 'x':
    case 'X':
        put_integer(c, s);
        return true;
    case 'p':
        put_pointer(c, s);
        return true;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case 'a':
    case 'A':
        put_float(c, s);
        return true;
    case 'n':
    case 0:
        return false;
    default: /* an unknown type prints itself, %% among them */
        put_unit(c->f, s->type);
        return true;
    }
}

bool rtl_format_run(struct rtl_format *f, NT_VA_LIST ap)
{
    struct cursor c = {f, 0, (const uint64_t *)(const void *)ap};

    f->length = 0;
    for (; format_char(&c);) {
        struct spec s = {.precision = -1};

        if (format_char(&c) != '%') {
            put_unit(f, format_char(&c));
            c.at++;
            continue;
        }
        c.at++;
        read_flags(&c, &s);
        s.width = read_count(&c);
        if (s.width < 0) {
            s.flags |= F_LEFT;
            s.width = -s.width;
        }
        if (format_char(&c) == '.') {
            c.at++;
            s.precision = read_count(&c);
        }
        if (s.precision < 0)
            s.precision = -1;
        read_size(&c, &s);
        s.type = format_char(&c);
        if (!put_conversion(&c, &s))
            return false;
        c.at++;
    }
    return true;
}

static int format_to(struct rtl_format *f, NT_VA_LIST ap)
{
    return rtl_format_run(f, ap) && f->length <= INT32_MAX ? (int)f->length : -1;
}

int rtl_vformat(char *buf, size_t size, const char *fmt, NT_VA_LIST ap)
{
    struct rtl_format f = {.text = fmt, .buf = buf, .room = size ? size - 1 : 0, .is_utf8 = true};
    int n = format_to(&f, ap);

    if (size)
        buf[n < 0 ? 0 : PP_MIN(f.length, f.room)] = 0;
    return n;
}

int rtl_vformat_wide(WCHAR *buf, size_t chars, const WCHAR *fmt, NT_VA_LIST ap)
{
    struct rtl_format f = {.text = fmt, .is_wide = true, .buf = buf, .room = chars ? chars - 1 : 0};
    int n = format_to(&f, ap);

    if (chars)
        buf[n < 0 ? 0 : PP_MIN(f.length, f.room)] = 0;
    return n;
}
