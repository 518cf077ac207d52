/*
 * Counted byte strings (ANSI_STRING, OEM_STRING, UTF8_STRING share their layout). Case goes by the
 * system's ANSI code page.
 */
#include "kernel/kernel_priv.h"

enum { MAX_LENGTH = 0xFFFE }; /* longest Length that leaves room for a terminator */

void rtl_check_read_ansi(const STRING *s)
{
    mm_check_range(s, sizeof *s, false);
    mm_check_range(s->Buffer, s->Length, false);
}

static CHAR upper(CHAR c)
{
    WCHAR up = rtl_upcase(rtl_from_page(RTL_ANSI, (uint8_t)c));

    return rtl_in_page(RTL_ANSI, up) ? (CHAR)rtl_to_page(RTL_ANSI, up) : c;
}

/* Length of a driver's terminated string; what was read is checked, as in rtl_unicode.c. */
static size_t text_size(PCSZ text)
{
    size_t n = __builtin_strlen(text);

    mm_check_range(text, n + 1, false);
    return n;
}

static void init(PSTRING dst, PCSZ text)
{
    size_t size = text ? text_size(text) : 0;

    size = PP_MIN(size, (size_t)MAX_LENGTH);
    mm_check_range(dst, sizeof *dst, true);
    dst->Length = (USHORT)size;
    dst->MaximumLength = text ? (USHORT)(size + 1) : 0;
    dst->Buffer = (PCHAR)(uintptr_t)text;
}

static NTSTATUS init_checked(PSTRING dst, PCSZ text)
{
    if (text && __builtin_strlen(text) > MAX_LENGTH) {
        init(dst, NULL);
        return STATUS_NAME_TOO_LONG;
    }
    init(dst, text);
    return STATUS_SUCCESS;
}

/* Doc: nf-wdm-rtlinitstring. */
NT_EXPORT VOID NTAPI RtlInitString(PSTRING dst, PCSZ text)
{
    init(dst, text);
}

/* Doc: nf-wdm-rtlinitansistring. */
NT_EXPORT VOID NTAPI RtlInitAnsiString(PANSI_STRING dst, PCSZ text)
{
    init(dst, text);
}

/* Doc: nf-wdm-rtlinitutf8string. */
NT_EXPORT VOID NTAPI RtlInitUTF8String(PUTF8_STRING dst, PCSZ text)
{
    init(dst, text);
}

/* Doc: nf-wdm-rtlinitstringex. */
NT_EXPORT NTSTATUS NTAPI RtlInitStringEx(PSTRING dst, PCSZ text)
{
    return init_checked(dst, text);
}

/* Doc: winternl, RtlInitAnsiStringEx. */
NT_EXPORT NTSTATUS NTAPI RtlInitAnsiStringEx(PANSI_STRING dst, PCSZ text)
{
    return init_checked(dst, text);
}

/* Doc: nf-wdm-rtlinitutf8stringex. */
NT_EXPORT NTSTATUS NTAPI RtlInitUTF8StringEx(PUTF8_STRING dst, PCSZ text)
{
    return init_checked(dst, text);
}

/* Doc: nf-ntddk-rtlcopystring. No terminator is added. */
NT_EXPORT VOID NTAPI RtlCopyString(PSTRING dst, const STRING *src)
{
    USHORT size;

    mm_check_range(dst, sizeof *dst, true);
    if (!src) {
        dst->Length = 0;
        return;
    }
    mm_check_range(src, sizeof *src, false);
    size = PP_MIN(src->Length, dst->MaximumLength);
    mm_copy(dst->Buffer, src->Buffer, size);
    dst->Length = size;
}

static NTSTATUS append(PSTRING dst, const char *text, size_t size)
{
    size_t total = dst->Length + size;

    if (total > dst->MaximumLength)
        return STATUS_BUFFER_TOO_SMALL;
    mm_copy(dst->Buffer + dst->Length, text, size);
    dst->Length = (USHORT)total;
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlappendstringtostring. */
NT_EXPORT NTSTATUS NTAPI RtlAppendStringToString(PSTRING dst, const STRING *src)
{
    mm_check_range(dst, sizeof *dst, true);
    mm_check_range(src, sizeof *src, false);
    return src->Length ? append(dst, src->Buffer, src->Length) : STATUS_SUCCESS;
}

/* Doc: winternl, RtlAppendAsciizToString. */
NT_EXPORT NTSTATUS NTAPI RtlAppendAsciizToString(PSTRING dst, PCSZ src)
{
    mm_check_range(dst, sizeof *dst, true);
    return src ? append(dst, src, text_size(src)) : STATUS_SUCCESS;
}

static LONG compare(const STRING *a, const STRING *b, size_t chars, bool ignore_case)
{
    for (size_t i = 0; i < chars; i++) {
        uint8_t x = (uint8_t)a->Buffer[i], y = (uint8_t)b->Buffer[i];

        if (x != y && ignore_case) {
            x = (uint8_t)upper((CHAR)x);
            y = (uint8_t)upper((CHAR)y);
        }
        if (x != y)
            return x - y;
    }
    return 0;
}

/* Doc: nf-ntddk-rtlcomparestring. */
NT_EXPORT LONG NTAPI RtlCompareString(const STRING *a, const STRING *b, BOOLEAN ignore_case)
{
    LONG diff;

    rtl_check_read_ansi(a);
    rtl_check_read_ansi(b);
    diff = compare(a, b, PP_MIN(a->Length, b->Length), ignore_case);
    return diff ? diff : a->Length - b->Length;
}

/* Doc: nf-ntddk-rtlequalstring. */
NT_EXPORT BOOLEAN NTAPI RtlEqualString(const STRING *a, const STRING *b, BOOLEAN ignore_case)
{
    rtl_check_read_ansi(a);
    rtl_check_read_ansi(b);
    return a->Length == b->Length && !compare(a, b, a->Length, ignore_case);
}

/* Doc: winternl, RtlPrefixString. */
NT_EXPORT BOOLEAN NTAPI RtlPrefixString(const STRING *prefix, const STRING *s, BOOLEAN ignore_case)
{
    rtl_check_read_ansi(prefix);
    rtl_check_read_ansi(s);
    return prefix->Length <= s->Length && !compare(prefix, s, prefix->Length, ignore_case);
}

/* Doc: nf-ntddk-rtlupperstring. Cut to the destination's room. */
NT_EXPORT VOID NTAPI RtlUpperString(PSTRING dst, const STRING *src)
{
    USHORT size;

    mm_check_range(dst, sizeof *dst, true);
    rtl_check_read_ansi(src);
    size = PP_MIN(src->Length, dst->MaximumLength);
    mm_check_range(dst->Buffer, size, true);
    for (USHORT i = 0; i < size; i++)
        dst->Buffer[i] = upper(src->Buffer[i]);
    dst->Length = size;
}

static void free_string(PSTRING s)
{
    void *buf;

    mm_check_range(s, sizeof *s, true);
    buf = s->Buffer;
    if (!buf)
        return;
    ex_free_for_driver(buf, 0);
    *s = (STRING){0};
}

/* Doc: nf-wdm-rtlfreeansistring. */
NT_EXPORT VOID NTAPI RtlFreeAnsiString(PANSI_STRING s)
{
    free_string(s);
}

/* Doc: nf-ntifs-rtlfreeoemstring. */
NT_EXPORT VOID NTAPI RtlFreeOemString(POEM_STRING s)
{
    free_string(s);
}

/* Doc: nf-wdm-rtlfreeutf8string. */
NT_EXPORT VOID NTAPI RtlFreeUTF8String(PUTF8_STRING s)
{
    free_string(s);
}
