/* Run-time library helpers for our own use. Owner of: rtl_*.c, crt_*.c. */
#ifndef POOLPROOF_RTL_PRIV_H
#define POOLPROOF_RTL_PRIV_H

void rtl_init_string(UNICODE_STRING *s, const WCHAR *text); /* text is kept by reference */
int rtl_compare(const UNICODE_STRING *a, const UNICODE_STRING *b, bool ignore_case);
WCHAR rtl_upcase(WCHAR c);
size_t rtl_wcslen(const WCHAR *s);
/* UTF-16 to UTF-8 and back; NUL-terminated; truncates. Returns bytes / characters written. */
size_t rtl_to_utf8(const WCHAR *s, size_t chars, char *buf, size_t size);
size_t rtl_from_utf8(const char *s, WCHAR *buf, size_t chars);
/* Windows-style formatted print (%wZ, %ws, %I64x, %p as 16 digits...). */
int rtl_vformat(char *buf, size_t size, const char *fmt, NT_VA_LIST ap);
int rtl_vformat_wide(WCHAR *buf, size_t chars, const WCHAR *fmt, NT_VA_LIST ap);

#endif
