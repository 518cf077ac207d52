/* Run-time library helpers for our own use. Owner of: rtl_*.c, crt_*.c, ex_list.c. */
#ifndef POOLPROOF_RTL_PRIV_H
#define POOLPROOF_RTL_PRIV_H

#include "nt/rtl.h"

void rtl_init_string(UNICODE_STRING *s, const WCHAR *text); /* text is kept by reference */
int rtl_compare(const UNICODE_STRING *a, const UNICODE_STRING *b, bool ignore_case);
WCHAR rtl_upcase(WCHAR c);
WCHAR rtl_downcase(WCHAR c);
size_t rtl_wcslen(const WCHAR *s);
/* UTF-16 to UTF-8 and back; NUL-terminated; truncates. Returns bytes / characters written. */
size_t rtl_to_utf8(const WCHAR *s, size_t chars, char *buf, size_t size);
size_t rtl_from_utf8(const char *s, WCHAR *buf, size_t chars);
/* Windows-style formatted print (%wZ, %ws, %I64x, %p as 16 digits...). Return the full length, as
 * C99 does, with what fits and a NUL written; -1 for a bad format. */
int rtl_vformat(char *buf, size_t size, const char *fmt, NT_VA_LIST ap);
int rtl_vformat_wide(WCHAR *buf, size_t chars, const WCHAR *fmt, NT_VA_LIST ap);

/* The exported variables of the subject: code pages, lead bytes, FsRtlLegalAnsiCharacterArray,
 * build number. Called once, when KE_DATA is mapped. */
void rtl_data_init(void);

/* ---- Between the files of the run-time library ---- */

/* Windows imitated. */
#define RTL_MAJOR 10u
#define RTL_MINOR 0u
#define RTL_BUILD 19045u
#define RTL_TAG 0x67727453u /* "Strg": strings that Rtl allocates for a driver */

/* A single-byte code page: ANSI is 1252, OEM is 437. What has no character becomes '?'. */
enum rtl_page { RTL_ANSI, RTL_OEM };
WCHAR rtl_from_page(enum rtl_page page, uint8_t c);
uint8_t rtl_to_page(enum rtl_page page, WCHAR c);
bool rtl_in_page(enum rtl_page page, WCHAR c);

/* Output of the formatter: pass 1 counts (buf NULL), pass 2 writes at most `room` units. */
struct rtl_format {
    const void *text; /* format */
    bool is_wide;     /* format and output are WCHAR */
    bool is_utf8;     /* narrow output: wide characters become UTF-8, not code page 1252 */
    void *buf;
    size_t room;   /* in characters, no terminator is written */
    size_t length; /* out: characters the whole text has */
};
/* Returns false for a format that Windows refuses (%n, an incomplete conversion). */
bool rtl_format_run(struct rtl_format *f, NT_VA_LIST ap);

/* A decoded code point from UTF-16; *i moves past it. Unpaired surrogates give U+FFFD and *bad. */
uint32_t rtl_utf16_next(const WCHAR *s, size_t chars, size_t *i, bool *bad);
/* The same from UTF-8, by the maximal-subpart rule (Unicode 14, 3.9, table 3-8). */
uint32_t rtl_utf8_next(const uint8_t *s, size_t size, size_t *i, bool *bad);
size_t rtl_utf8_put(uint32_t c, uint8_t ret[4]);

/* Splay trees, for the generic tables. */
PRTL_SPLAY_LINKS rtl_splay(PRTL_SPLAY_LINKS x);
PRTL_SPLAY_LINKS rtl_splay_next(PRTL_SPLAY_LINKS x);
PRTL_SPLAY_LINKS rtl_splay_delete(PRTL_SPLAY_LINKS x); /* the new root or NULL */

/* SIDs and ACLs. Sizes in bytes; they follow the driver's pointer. */
ULONG rtl_sid_size(const SID *sid);
bool rtl_sid_is_valid(const SID *sid);
bool rtl_sid_equal(const SID *a, const SID *b);
bool rtl_acl_is_valid(const ACL *acl);

/* Checks before a string routine follows the pointers it was given. */
void rtl_check_read(const UNICODE_STRING *s);
void rtl_check_read_ansi(const STRING *s);

#endif
