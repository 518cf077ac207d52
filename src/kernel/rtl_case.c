/*
 * Letter case and code pages.
 *
 * Case is one to one and independent of the language, as the kernel's own tables are: a character
 * has an upper-case form when its simple upper-case mapping leads back to it (so U+0131, U+017F and
 * the title-case digraphs stay as they are). The table holds runs, ordered by their first
 * character.
 *
 * Source of the mappings: Unicode Character Database 14.0, UnicodeData.txt, without the scripts
 * whose case pairs are younger than the system that we imitate (Georgian Mtavruli, Cherokee, Latin
 * Extended-D).
 */
#include "kernel/kernel_priv.h"

struct case_run { /* first, first + stride ... last have their upper-case form at + delta */
    uint16_t first, last, stride;
    int32_t delta;
};

/* clang-format off */
static const struct case_run upper_runs[] = {
    {0x00E0, 0x00F6, 1, -32}, {0x00F8, 0x00FE, 1, -32}, {0x00FF, 0x00FF, 1, 121},
    {0x0101, 0x012F, 2, -1}, {0x0133, 0x0137, 2, -1}, {0x013A, 0x0148, 2, -1},
    {0x014B, 0x0177, 2, -1}, {0x017A, 0x017E, 2, -1}, {0x0180, 0x0180, 1, 195},
    {0x0183, 0x0185, 2, -1}, {0x0188, 0x0188, 1, -1}, {0x018C, 0x018C, 1, -1},
    {0x0192, 0x0192, 1, -1}, {0x0195, 0x0195, 1, 97}, {0x0199, 0x0199, 1, -1},
    {0x019A, 0x019A, 1, 163}, {0x019E, 0x019E, 1, 130}, {0x01A1, 0x01A5, 2, -1},
    {0x01A8, 0x01A8, 1, -1}, {0x01AD, 0x01AD, 1, -1}, {0x01B0, 0x01B0, 1, -1},
    {0x01B4, 0x01B6, 2, -1}, {0x01B9, 0x01B9, 1, -1}, {0x01BD, 0x01BD, 1, -1},
    {0x01BF, 0x01BF, 1, 56}, {0x01C6, 0x01C6, 1, -2}, {0x01C9, 0x01C9, 1, -2},
    {0x01CC, 0x01CC, 1, -2}, {0x01CE, 0x01DC, 2, -1}, {0x01DD, 0x01DD, 1, -79},
    {0x01DF, 0x01EF, 2, -1}, {0x01F3, 0x01F3, 1, -2}, {0x01F5, 0x01F5, 1, -1},
    {0x01F9, 0x021F, 2, -1}, {0x0223, 0x0233, 2, -1}, {0x023C, 0x023C, 1, -1},
    {0x023F, 0x0240, 1, 10815}, {0x0242, 0x0242, 1, -1}, {0x0247, 0x024F, 2, -1},
    {0x0250, 0x0250, 1, 10783}, {0x0251, 0x0251, 1, 10780}, {0x0252, 0x0252, 1, 10782},
    {0x0253, 0x0253, 1, -210}, {0x0254, 0x0254, 1, -206}, {0x0256, 0x0257, 1, -205},
    {0x0259, 0x0259, 1, -202}, {0x025B, 0x025B, 1, -203}, {0x0260, 0x0260, 1, -205},
    {0x0263, 0x0263, 1, -207}, {0x0265, 0x0265, 1, 42280}, {0x0268, 0x0268, 1, -209},
    {0x0269, 0x0269, 1, -211}, {0x026B, 0x026B, 1, 10743}, {0x026F, 0x026F, 1, -211},
    {0x0271, 0x0271, 1, 10749}, {0x0272, 0x0272, 1, -213}, {0x0275, 0x0275, 1, -214},
    {0x027D, 0x027D, 1, 10727}, {0x0280, 0x0280, 1, -218}, {0x0283, 0x0283, 1, -218},
    {0x0288, 0x0288, 1, -218}, {0x0289, 0x0289, 1, -69}, {0x028A, 0x028B, 1, -217},
    {0x028C, 0x028C, 1, -71}, {0x0292, 0x0292, 1, -219}, {0x0371, 0x0373, 2, -1},
    {0x0377, 0x0377, 1, -1}, {0x037B, 0x037D, 1, 130}, {0x03AC, 0x03AC, 1, -38},
    {0x03AD, 0x03AF, 1, -37}, {0x03B1, 0x03C1, 1, -32}, {0x03C3, 0x03CB, 1, -32},
    {0x03CC, 0x03CC, 1, -64}, {0x03CD, 0x03CE, 1, -63}, {0x03D7, 0x03D7, 1, -8},
    {0x03D9, 0x03EF, 2, -1}, {0x03F2, 0x03F2, 1, 7}, {0x03F3, 0x03F3, 1, -116},
    {0x03F8, 0x03F8, 1, -1}, {0x03FB, 0x03FB, 1, -1}, {0x0430, 0x044F, 1, -32},
    {0x0450, 0x045F, 1, -80}, {0x0461, 0x0481, 2, -1}, {0x048B, 0x04BF, 2, -1},
    {0x04C2, 0x04CE, 2, -1}, {0x04CF, 0x04CF, 1, -15}, {0x04D1, 0x052F, 2, -1},
    {0x0561, 0x0586, 1, -48}, {0x1D79, 0x1D79, 1, 35332}, {0x1D7D, 0x1D7D, 1, 3814},
    {0x1E01, 0x1E95, 2, -1}, {0x1EA1, 0x1EFF, 2, -1}, {0x1F00, 0x1F07, 1, 8},
    {0x1F10, 0x1F15, 1, 8}, {0x1F20, 0x1F27, 1, 8}, {0x1F30, 0x1F37, 1, 8}, {0x1F40, 0x1F45, 1, 8},
    {0x1F51, 0x1F57, 2, 8}, {0x1F60, 0x1F67, 1, 8}, {0x1F70, 0x1F71, 1, 74},
    {0x1F72, 0x1F75, 1, 86}, {0x1F76, 0x1F77, 1, 100}, {0x1F78, 0x1F79, 1, 128},
    {0x1F7A, 0x1F7B, 1, 112}, {0x1F7C, 0x1F7D, 1, 126}, {0x1F80, 0x1F87, 1, 8},
    {0x1F90, 0x1F97, 1, 8}, {0x1FA0, 0x1FA7, 1, 8}, {0x1FB0, 0x1FB1, 1, 8}, {0x1FB3, 0x1FB3, 1, 9},
    {0x1FC3, 0x1FC3, 1, 9}, {0x1FD0, 0x1FD1, 1, 8}, {0x1FE0, 0x1FE1, 1, 8}, {0x1FE5, 0x1FE5, 1, 7},
    {0x1FF3, 0x1FF3, 1, 9}, {0x214E, 0x214E, 1, -28}, {0x2170, 0x217F, 1, -16},
    {0x2184, 0x2184, 1, -1}, {0x24D0, 0x24E9, 1, -26}, {0x2C30, 0x2C5F, 1, -48},
    {0x2C61, 0x2C61, 1, -1}, {0x2C65, 0x2C65, 1, -10795}, {0x2C66, 0x2C66, 1, -10792},
    {0x2C68, 0x2C6C, 2, -1}, {0x2C73, 0x2C73, 1, -1}, {0x2C76, 0x2C76, 1, -1},
    {0x2C81, 0x2CE3, 2, -1}, {0x2CEC, 0x2CEE, 2, -1}, {0x2CF3, 0x2CF3, 1, -1},
    {0x2D00, 0x2D25, 1, -7264}, {0x2D27, 0x2D27, 1, -7264}, {0x2D2D, 0x2D2D, 1, -7264},
    {0xA641, 0xA66D, 2, -1}, {0xA681, 0xA69B, 2, -1}, {0xA723, 0xA72F, 2, -1},
    {0xA733, 0xA76F, 2, -1}, {0xA77A, 0xA77C, 2, -1}, {0xA77F, 0xA787, 2, -1},
    {0xA78C, 0xA78C, 1, -1}, {0xFF41, 0xFF5A, 1, -32},
};

/* Code page 437 from 0x80, 1252 from 0x80 to 0x9F (the rest of it is Latin-1). Doc: unicode.org,
 * MAPPINGS/VENDORS/MICSFT. */
static const uint16_t page_437[128] = {
    0x00C7, 0x00FC, 0x00E9, 0x00E2, 0x00E4, 0x00E0, 0x00E5, 0x00E7, 0x00EA, 0x00EB, 0x00E8, 0x00EF,
    0x00EE, 0x00EC, 0x00C4, 0x00C5, 0x00C9, 0x00E6, 0x00C6, 0x00F4, 0x00F6, 0x00F2, 0x00FB, 0x00F9,
    0x00FF, 0x00D6, 0x00DC, 0x00A2, 0x00A3, 0x00A5, 0x20A7, 0x0192, 0x00E1, 0x00ED, 0x00F3, 0x00FA,
    0x00F1, 0x00D1, 0x00AA, 0x00BA, 0x00BF, 0x2310, 0x00AC, 0x00BD, 0x00BC, 0x00A1, 0x00AB, 0x00BB,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255D, 0x255C, 0x255B, 0x2510, 0x2514, 0x2534, 0x252C, 0x251C, 0x2500, 0x253C, 0x255E, 0x255F,
    0x255A, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256C, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
    0x2558, 0x2552, 0x2553, 0x256B, 0x256A, 0x2518, 0x250C, 0x2588, 0x2584, 0x258C, 0x2590, 0x2580,
    0x03B1, 0x00DF, 0x0393, 0x03C0, 0x03A3, 0x03C3, 0x00B5, 0x03C4, 0x03A6, 0x0398, 0x03A9, 0x03B4,
    0x221E, 0x03C6, 0x03B5, 0x2229, 0x2261, 0x00B1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00F7, 0x2248,
    0x00B0, 0x2219, 0x00B7, 0x221A, 0x207F, 0x00B2, 0x25A0, 0x00A0,
};

static const uint16_t page_1252[32] = {
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039,
    0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
    0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178,
};
/* clang-format on */

WCHAR rtl_upcase(WCHAR c)
{
    if (c < 0x80)
        return c >= 'a' && c <= 'z' ? (WCHAR)(c - 32) : c;
    for (size_t i = 0; i < PP_COUNT(upper_runs) && upper_runs[i].first <= c; i++) {
        const struct case_run *r = &upper_runs[i];

        if (c <= r->last && (c - r->first) % r->stride == 0)
            return (WCHAR)(c + r->delta);
    }
    return c;
}

WCHAR rtl_downcase(WCHAR c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? (WCHAR)(c + 32) : c;
    for (size_t i = 0; i < PP_COUNT(upper_runs); i++) {
        const struct case_run *r = &upper_runs[i];
        int32_t lower = c - r->delta;

        if (lower >= r->first && lower <= r->last && (lower - r->first) % r->stride == 0)
            return (WCHAR)lower;
    }
    return c;
}

WCHAR rtl_from_page(enum rtl_page page, uint8_t c)
{
    if (c < 0x80)
        return c;
    if (page == RTL_OEM)
        return page_437[c - 0x80];
    return c < 0xA0 ? page_1252[c - 0x80] : c;
}

static int page_find(enum rtl_page page, WCHAR c)
{
    if (c < 0x80)
        return c;
    if (page == RTL_ANSI && c >= 0xA0 && c <= 0xFF)
        return c;
    for (unsigned i = 0x80; i < (page == RTL_OEM ? 0x100u : 0xA0u); i++) {
        if (rtl_from_page(page, (uint8_t)i) == c)
            return (int)i;
    }
    return -1;
}

bool rtl_in_page(enum rtl_page page, WCHAR c)
{
    return page_find(page, c) >= 0;
}

/* Full-width forms of ASCII have their ASCII character as the best fit in both pages. */
uint8_t rtl_to_page(enum rtl_page page, WCHAR c)
{
    int found = page_find(page, c);

    if (found < 0 && c >= 0xFF01 && c <= 0xFF5E)
        return (uint8_t)(c - 0xFF01 + 0x21);
    return found < 0 ? '?' : (uint8_t)found;
}

uint32_t rtl_utf16_next(const WCHAR *s, size_t chars, size_t *i, bool *bad)
{
    uint32_t c = s[(*i)++];

    if (c < 0xD800 || c > 0xDFFF)
        return c;
    if (c < 0xDC00 && *i < chars && s[*i] >= 0xDC00 && s[*i] <= 0xDFFF)
        return 0x10000 + ((c - 0xD800) << 10) + (s[(*i)++] - 0xDC00u);
    *bad = true;
    return 0xFFFD;
}

uint32_t rtl_utf8_next(const uint8_t *s, size_t size, size_t *i, bool *bad)
{
    uint8_t lead = s[(*i)++];
    uint8_t low = 0x80, high = 0xBF; /* range of the second byte */
    unsigned more;
    uint32_t c;

    if (lead < 0x80)
        return lead;
    more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4)
        goto fail_bad;
    if (lead == 0xE0)
        low = 0xA0;
    else if (lead == 0xED)
        high = 0x9F;
    else if (lead == 0xF0)
        low = 0x90;
    else if (lead == 0xF4)
        high = 0x8F;
    for (c = lead & (0x3Fu >> more); more; more--) {
        if (*i >= size || s[*i] < low || s[*i] > high)
            goto fail_bad;
        c = c << 6 | (s[(*i)++] & 0x3Fu);
        low = 0x80;
        high = 0xBF;
    }
    return c;

fail_bad:
    *bad = true;
    return 0xFFFD;
}

size_t rtl_utf8_put(uint32_t c, uint8_t ret[4])
{
    if (c < 0x80) {
        ret[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        ret[0] = (uint8_t)(0xC0 | c >> 6);
        ret[1] = (uint8_t)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        ret[0] = (uint8_t)(0xE0 | c >> 12);
        ret[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        ret[2] = (uint8_t)(0x80 | (c & 0x3F));
        return 3;
    }
    ret[0] = (uint8_t)(0xF0 | c >> 18);
    ret[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
    ret[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    ret[3] = (uint8_t)(0x80 | (c & 0x3F));
    return 4;
}

size_t rtl_to_utf8(const WCHAR *s, size_t chars, char *buf, size_t size)
{
    size_t used = 0;
    bool bad = false;

    for (size_t i = 0; i < chars;) {
        uint8_t seq[4];
        size_t n = rtl_utf8_put(rtl_utf16_next(s, chars, &i, &bad), seq);

        if (used + n >= size)
            break;
        for (size_t k = 0; k < n; k++)
            buf[used++] = (char)seq[k];
    }
    if (size)
        buf[used] = 0;
    return used;
}

size_t rtl_from_utf8(const char *s, WCHAR *buf, size_t chars)
{
    const uint8_t *bytes = (const uint8_t *)s;
    size_t size = __builtin_strlen(s), used = 0;
    bool bad = false;

    for (size_t i = 0; i < size;) {
        uint32_t c = rtl_utf8_next(bytes, size, &i, &bad);

        if (used + (c > 0xFFFF) + 1 >= chars)
            break;
        if (c > 0xFFFF)
            buf[used++] = (WCHAR)(0xD7C0 + (c >> 10));
        buf[used++] = (WCHAR)(c > 0xFFFF ? 0xDC00 + (c & 0x3FF) : c);
    }
    if (chars)
        buf[used] = 0;
    return used;
}

size_t rtl_wcslen(const WCHAR *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

/* Doc: nf-wdm-rtlupcaseunicodechar. */
NT_EXPORT WCHAR NTAPI RtlUpcaseUnicodeChar(WCHAR c)
{
    return rtl_upcase(c);
}

/* Doc: nf-wdm-rtldowncaseunicodechar. */
NT_EXPORT WCHAR NTAPI RtlDowncaseUnicodeChar(WCHAR c)
{
    return rtl_downcase(c);
}

/* Doc: nf-ntddk-rtlupperchar. In the system's ANSI page; what has no upper-case form there stays.
 */
NT_EXPORT CHAR NTAPI RtlUpperChar(CHAR c)
{
    WCHAR up = rtl_upcase(rtl_from_page(RTL_ANSI, (uint8_t)c));

    return rtl_in_page(RTL_ANSI, up) ? (CHAR)rtl_to_page(RTL_ANSI, up) : c;
}
