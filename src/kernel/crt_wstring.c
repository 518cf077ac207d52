/*
 * Wide strings of the C runtime: see crt_text.h.
 */
#include "kernel/kernel_priv.h"

#define TEXT_CHAR WCHAR
#define TEXT_UNIT WCHAR
#define TEXT(name) crt_wcs##name
#define TEXT_(name) crt__wcs##name
#define TEXT_NUMBER(name) crt_w##name
#include "kernel/crt_text.h"

/* Doc: C runtime, towupper. Seen: the kernel's goes by the system's case table, not by a locale. */
NT_EXPORT WCHAR NTAPI crt_towupper(WCHAR c)
{
    return rtl_upcase(c);
}

NT_EXPORT WCHAR NTAPI crt_towlower(WCHAR c)
{
    return rtl_downcase(c);
}

/* Doc: C runtime, iswctype family, for the characters that have an ASCII form. */
NT_EXPORT INT NTAPI crt_iswdigit(WCHAR c)
{
    return c >= '0' && c <= '9';
}

NT_EXPORT INT NTAPI crt_iswspace(WCHAR c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

NT_EXPORT INT NTAPI crt_iswxdigit(WCHAR c)
{
    return digit_of(c) < 16;
}
