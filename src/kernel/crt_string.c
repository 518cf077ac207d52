/*
 * Byte strings of the C runtime (see crt_text.h), and the classification of characters.
 */
#include "kernel/kernel_priv.h"

#define TEXT_CHAR CHAR
#define TEXT_UNIT UCHAR
#define TEXT(name) crt_str##name
#define TEXT_(name) crt__str##name
#define TEXT_NUMBER(name) crt_##name
#include "kernel/crt_text.h"

/* Like the C runtime in the "C" locale: nothing above 0x7F is a letter. */
enum ctype {
    CT_UPPER = 1u << 0,
    CT_LOWER = 1u << 1,
    CT_DIGIT = 1u << 2,
    CT_SPACE = 1u << 3,
    CT_PUNCT = 1u << 4,
    CT_CONTROL = 1u << 5,
    CT_HEX = 1u << 6,
    CT_BLANK = 1u << 7,
};

static unsigned ctype(INT c)
{
    unsigned hex = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ? CT_HEX : 0;

    if (c < 0 || c > 0x7F)
        return 0;
    if (c >= 'A' && c <= 'Z')
        return CT_UPPER | hex;
    if (c >= 'a' && c <= 'z')
        return CT_LOWER | hex;
    if (c >= '0' && c <= '9')
        return CT_DIGIT | CT_HEX;
    if (c >= '\t' && c <= '\r')
        return CT_SPACE | CT_CONTROL;
    if (c == ' ')
        return CT_SPACE | CT_BLANK;
    return c < ' ' || c == 0x7F ? CT_CONTROL : CT_PUNCT;
}

#define CLASS(name, bits)                \
    NT_EXPORT INT NTAPI name(INT c)      \
    {                                    \
        return (ctype(c) & (bits)) != 0; \
    }

CLASS(crt_isupper, CT_UPPER)
CLASS(crt_islower, CT_LOWER)
CLASS(crt_isdigit, CT_DIGIT)
CLASS(crt_isspace, CT_SPACE)
CLASS(crt_isxdigit, CT_HEX)
CLASS(crt_isalpha, CT_UPPER | CT_LOWER)
CLASS(crt_isalnum, CT_UPPER | CT_LOWER | CT_DIGIT)
CLASS(crt_isprint, CT_UPPER | CT_LOWER | CT_DIGIT | CT_PUNCT | CT_BLANK)

NT_EXPORT INT NTAPI crt_toupper(INT c)
{
    return c >= 'a' && c <= 'z' ? c - 32 : c;
}

NT_EXPORT INT NTAPI crt_tolower(INT c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

/* ---- Multibyte and wide: the system's ANSI code page ---- */

/* Doc: C runtime, mbstowcs. A null destination asks for the length. */
NT_EXPORT SIZE_T NTAPI crt_mbstowcs(PWSTR dst, PCSTR src, SIZE_T count)
{
    size_t n = dst ? length_at_most(src, count) : length(src);

    if (!dst)
        return n;
    mm_check_range(dst, PP_MIN(n + 1, count) * sizeof *dst, true);
    for (size_t i = 0; i < n; i++)
        dst[i] = rtl_from_page(RTL_ANSI, (uint8_t)src[i]);
    if (n < count)
        dst[n] = 0;
    return n;
}

/* Doc: C runtime, wcstombs. -1 for a character that the code page lacks. */
NT_EXPORT SIZE_T NTAPI crt_wcstombs(PSTR dst, PCWSTR src, SIZE_T count)
{
    size_t n = 0;

    for (; (!dst || n < count) && src[n]; n++) {
        if (!rtl_in_page(RTL_ANSI, src[n]))
            return SIZE_MAX;
    }
    if (!dst)
        return n;
    mm_check_range(dst, PP_MIN(n + 1, count), true);
    for (size_t i = 0; i < n; i++)
        dst[i] = (char)rtl_to_page(RTL_ANSI, src[i]);
    if (n < count)
        dst[n] = 0;
    return n;
}

/* Doc: C runtime, mbtowc. */
NT_EXPORT INT NTAPI crt_mbtowc(PWSTR dst, PCSTR src, SIZE_T count)
{
    if (!src || !count)
        return 0;
    if (dst)
        *dst = rtl_from_page(RTL_ANSI, (uint8_t)*src);
    return *src != 0;
}

/* Doc: C runtime, wctomb. */
NT_EXPORT INT NTAPI crt_wctomb(PSTR dst, WCHAR c)
{
    if (!dst)
        return 0;
    if (!rtl_in_page(RTL_ANSI, c))
        return -1;
    *dst = (char)rtl_to_page(RTL_ANSI, c);
    return 1;
}
