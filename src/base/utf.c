/* Doc: The Unicode Standard, 3.9 (D92, UTF-8; D91, UTF-16); best fit of code page 1252 at
 * unicode.org, bestfit1252.txt: the five bytes without a character stand for themselves. */
#include "base/utf.h"

uint16_t pp_ansi_char(uint8_t c)
{
    static const uint16_t high[32] = {
        0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};

    return c >= 0x80 && c < 0xA0 ? high[c - 0x80] : c;
}

/* The character at s[*i], which moves on. False: no UTF-8, and one byte was passed. */
static bool next(const uint8_t *s, size_t size, size_t *i, uint32_t *ret)
{
    static const uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
    uint8_t lead = s[*i];
    unsigned more = lead < 0x80 ? 0 : lead < 0xC0 ? 4 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    uint32_t c = more ? lead & (0x3Fu >> more) : lead;

    if (more == 4 || lead > 0xF4 || size - *i <= more)
        goto fail_bad;
    for (unsigned k = 1; k <= more; k++) {
        if ((s[*i + k] & 0xC0) != 0x80)
            goto fail_bad;
        c = c << 6 | (s[*i + k] & 0x3F);
    }
    if (c < least[more] || c > 0x10FFFF)
        goto fail_bad;
    *i += more + 1;
    *ret = c;
    return true;

fail_bad:
    ++*i;
    *ret = 0xFFFD;
    return false;
}

bool pp_is_utf8(const char *s, size_t size)
{
    uint32_t c;

    for (size_t i = 0; i < size;) {
        if (!next((const uint8_t *)s, size, &i, &c))
            return false;
    }
    return true;
}

size_t pp_utf16_from_utf8(const char *s, size_t size, uint16_t *ret)
{
    size_t used = 0;
    uint32_t c;

    for (size_t i = 0; i < size;) {
        (void)next((const uint8_t *)s, size, &i, &c); /* U+FFFD then */
        if (c > 0xFFFF) {
            ret[used++] = (uint16_t)(0xD7C0 + (c >> 10));
            c = 0xDC00 + (c & 0x3FF);
        }
        ret[used++] = (uint16_t)c;
    }
    return used;
}

size_t pp_utf8_from_utf16(const uint16_t *s, size_t units, char *ret)
{
    uint8_t *out = (uint8_t *)ret;

    for (size_t i = 0; i < units; i++) {
        uint32_t c = s[i];

        if (c >> 10 == 0x36 && i + 1 < units && s[i + 1] >> 10 == 0x37)
            c = 0x10000 + ((c & 0x3FF) << 10) + (s[++i] & 0x3FFu);
        if (c < 0x80) {
            *out++ = (uint8_t)c;
            continue;
        }
        if (c < 0x800) {
            *out++ = (uint8_t)(0xC0 | c >> 6);
        } else {
            if (c < 0x10000) {
                *out++ = (uint8_t)(0xE0 | c >> 12);
            } else {
                *out++ = (uint8_t)(0xF0 | c >> 18);
                *out++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
            }
            *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        }
        *out++ = (uint8_t)(0x80 | (c & 0x3F));
    }
    return (size_t)(out - (uint8_t *)ret);
}
