/*
 * Counted Unicode strings: initialise, copy, append, compare, change case, allocate, free.
 *
 * Bulk copies go through mm_copy, and ranges whose length is known are checked first, so that a
 * string whose counts do not fit its pool block is found at this call, even inside the block's
 * slack.
 */
#include "kernel/kernel_priv.h"

enum { MAX_LENGTH = 0xFFFC }; /* longest Length that leaves room for a terminator */

void rtl_check_read(const UNICODE_STRING *s)
{
    mm_check_range(s, sizeof *s, false);
    mm_check_range(s->Buffer, s->Length, false);
}

/* Length in bytes of a driver's terminated string. What was read is checked: a missing terminator
 * shows even where no guard lies behind the block. */
static size_t text_size(const WCHAR *text)
{
    size_t n = rtl_wcslen(text);

    mm_check_range(text, (n + 1) * sizeof *text, false);
    return n * sizeof *text;
}

void rtl_init_string(UNICODE_STRING *s, const WCHAR *text)
{
    size_t size = text ? rtl_wcslen(text) * sizeof(WCHAR) : 0;

    size = PP_MIN(size, (size_t)MAX_LENGTH);
    s->Length = (USHORT)size;
    s->MaximumLength = text ? (USHORT)(size + sizeof(WCHAR)) : 0;
    s->Buffer = (PWSTR)(uintptr_t)text;
}

/* Doc: nf-wdm-rtlinitunicodestring. A string of 64 KB or more is cut: use the Ex form to learn of
 * it. */
NT_EXPORT VOID NTAPI RtlInitUnicodeString(PUNICODE_STRING dst, PCWSTR text)
{
    mm_check_range(dst, sizeof *dst, true);
    if (text)
        (void)text_size(text);
    rtl_init_string(dst, text);
}

/* Doc: nf-wdm-rtlinitunicodestringex. */
NT_EXPORT NTSTATUS NTAPI RtlInitUnicodeStringEx(PUNICODE_STRING dst, PCWSTR text)
{
    mm_check_range(dst, sizeof *dst, true);
    if (text && text_size(text) > MAX_LENGTH) {
        rtl_init_string(dst, NULL);
        return STATUS_NAME_TOO_LONG;
    }
    rtl_init_string(dst, text);
    return STATUS_SUCCESS;
}

/* A terminator where there is room for one; not counted in Length. */
static void terminate(PUNICODE_STRING dst)
{
    if (dst->Length + sizeof(WCHAR) <= dst->MaximumLength) {
        WCHAR *end = dst->Buffer + dst->Length / sizeof(WCHAR);

        if (mm_check_range(end, sizeof *end, true) == sizeof *end)
            *end = 0;
    }
}

/* Doc: nf-wdm-rtlcopyunicodestring. */
NT_EXPORT VOID NTAPI RtlCopyUnicodeString(PUNICODE_STRING dst, PCUNICODE_STRING src)
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
    terminate(dst);
}

static NTSTATUS append(PUNICODE_STRING dst, const WCHAR *text, size_t size)
{
    size_t total = dst->Length + size;

    if (total > dst->MaximumLength)
        return STATUS_BUFFER_TOO_SMALL;
    mm_copy(dst->Buffer + dst->Length / sizeof(WCHAR), text, size);
    dst->Length = (USHORT)total;
    terminate(dst);
    return STATUS_SUCCESS;
}

/* Doc: nf-wdm-rtlappendunicodetostring. */
NT_EXPORT NTSTATUS NTAPI RtlAppendUnicodeToString(PUNICODE_STRING dst, PCWSTR src)
{
    mm_check_range(dst, sizeof *dst, true);
    if (!src)
        return STATUS_SUCCESS;
    return append(dst, src, text_size(src));
}

/* Doc: nf-wdm-rtlappendunicodestringtostring. */
NT_EXPORT NTSTATUS NTAPI RtlAppendUnicodeStringToString(PUNICODE_STRING dst, PCUNICODE_STRING src)
{
    mm_check_range(dst, sizeof *dst, true);
    mm_check_range(src, sizeof *src, false);
    if (!src->Length)
        return STATUS_SUCCESS;
    return append(dst, src->Buffer, src->Length);
}

static LONG compare(const WCHAR *a, size_t chars_a, const WCHAR *b, size_t chars_b,
                    bool ignore_case)
{
    size_t n = PP_MIN(chars_a, chars_b);

    for (size_t i = 0; i < n; i++) {
        WCHAR x = a[i], y = b[i];

        if (x != y && ignore_case) {
            x = rtl_upcase(x);
            y = rtl_upcase(y);
        }
        if (x != y)
            return (LONG)x - (LONG)y;
    }
    return (LONG)chars_a - (LONG)chars_b;
}

int rtl_compare(const UNICODE_STRING *a, const UNICODE_STRING *b, bool ignore_case)
{
    return compare(a->Buffer, a->Length / sizeof(WCHAR), b->Buffer, b->Length / sizeof(WCHAR),
                   ignore_case);
}

/* Doc: nf-wdm-rtlcompareunicodestring. */
NT_EXPORT LONG NTAPI RtlCompareUnicodeString(PCUNICODE_STRING a, PCUNICODE_STRING b,
                                             BOOLEAN ignore_case)
{
    rtl_check_read(a);
    rtl_check_read(b);
    return rtl_compare(a, b, ignore_case);
}

/* Doc: nf-ntddk-rtlcompareunicodestrings (winternl): counts are in characters. */
NT_EXPORT LONG NTAPI RtlCompareUnicodeStrings(PCWCH a, SIZE_T chars_a, PCWCH b, SIZE_T chars_b,
                                              BOOLEAN ignore_case)
{
    mm_check_range(a, chars_a * sizeof(WCHAR), false);
    mm_check_range(b, chars_b * sizeof(WCHAR), false);
    return compare(a, chars_a, b, chars_b, ignore_case);
}

/* Doc: nf-wdm-rtlequalunicodestring. */
NT_EXPORT BOOLEAN NTAPI RtlEqualUnicodeString(PCUNICODE_STRING a, PCUNICODE_STRING b,
                                              BOOLEAN ignore_case)
{
    rtl_check_read(a);
    rtl_check_read(b);
    return a->Length == b->Length && !rtl_compare(a, b, ignore_case);
}

/* Doc: nf-ntddk-rtlprefixunicodestring. */
NT_EXPORT BOOLEAN NTAPI RtlPrefixUnicodeString(PCUNICODE_STRING prefix, PCUNICODE_STRING s,
                                               BOOLEAN ignore_case)
{
    size_t n;

    rtl_check_read(prefix);
    rtl_check_read(s);
    n = prefix->Length / sizeof(WCHAR);
    return prefix->Length <= s->Length && !compare(prefix->Buffer, n, s->Buffer, n, ignore_case);
}

/* Doc: nf-wdm-rtlsuffixunicodestring. */
NT_EXPORT BOOLEAN NTAPI RtlSuffixUnicodeString(PCUNICODE_STRING suffix, PCUNICODE_STRING s,
                                               BOOLEAN ignore_case)
{
    size_t n;

    rtl_check_read(suffix);
    rtl_check_read(s);
    n = suffix->Length / sizeof(WCHAR);
    return suffix->Length <= s->Length &&
           !compare(suffix->Buffer, n, s->Buffer + (s->Length - suffix->Length) / sizeof(WCHAR), n,
                    ignore_case);
}

static NTSTATUS convert_case(PUNICODE_STRING dst, PCUNICODE_STRING src, bool allocate,
                             WCHAR (*convert)(WCHAR))
{
    USHORT size;

    mm_check_range(dst, sizeof *dst, true);
    rtl_check_read(src);
    size = src->Length;
    if (allocate) {
        WCHAR *buf = ex_alloc_for_driver(PagedPool, PP_MAX(size, sizeof *buf), RTL_TAG);

        if (!buf)
            return STATUS_NO_MEMORY;
        dst->Buffer = buf;
        dst->MaximumLength = size;
    } else if (size > dst->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    mm_check_range(dst->Buffer, size, true);
    for (size_t i = 0; i < size / sizeof(WCHAR); i++)
        dst->Buffer[i] = convert(src->Buffer[i]);
    dst->Length = size;
    return STATUS_SUCCESS;
}

/* Doc: nf-ntddk-rtlupcaseunicodestring. The result is not terminated. */
NT_EXPORT NTSTATUS NTAPI RtlUpcaseUnicodeString(PUNICODE_STRING dst, PCUNICODE_STRING src,
                                                BOOLEAN allocate)
{
    return convert_case(dst, src, allocate, rtl_upcase);
}

/* Doc: nf-ntifs-rtldowncaseunicodestring. */
NT_EXPORT NTSTATUS NTAPI RtlDowncaseUnicodeString(PUNICODE_STRING dst, PCUNICODE_STRING src,
                                                  BOOLEAN allocate)
{
    return convert_case(dst, src, allocate, rtl_downcase);
}

/* Doc: nf-ntifs-rtlcreateunicodestring. */
NT_EXPORT BOOLEAN NTAPI RtlCreateUnicodeString(PUNICODE_STRING dst, PCWSTR src)
{
    size_t size = text_size(src) + sizeof(WCHAR);
    WCHAR *buf;

    mm_check_range(dst, sizeof *dst, true);
    if (size > NT_MAXUSHORT - 1)
        return FALSE;
    buf = ex_alloc_for_driver(PagedPool, size, RTL_TAG);
    if (!buf)
        return FALSE;
    mm_copy(buf, src, size);
    dst->Buffer = buf;
    dst->MaximumLength = (USHORT)size;
    dst->Length = (USHORT)(size - sizeof(WCHAR));
    return TRUE;
}

enum { DUPLICATE_TERMINATE = 1, DUPLICATE_EMPTY = 2 };

/* Doc: winternl, RtlDuplicateUnicodeString. Flag 1 adds a terminator; flag 2, only with flag 1,
 * allocates for an empty string too. */
NT_EXPORT NTSTATUS NTAPI RtlDuplicateUnicodeString(ULONG flags, PCUNICODE_STRING src,
                                                   PUNICODE_STRING dst)
{
    size_t size;
    WCHAR *buf = NULL;

    if (!dst || flags > (DUPLICATE_TERMINATE | DUPLICATE_EMPTY) || flags == DUPLICATE_EMPTY)
        return STATUS_INVALID_PARAMETER;
    if (src) {
        rtl_check_read(src);
        if ((src->Length & 1) || src->Length > src->MaximumLength)
            return STATUS_INVALID_PARAMETER;
    }
    size = src ? src->Length : 0;
    if ((flags & DUPLICATE_TERMINATE) && size > MAX_LENGTH)
        return STATUS_NAME_TOO_LONG;
    mm_check_range(dst, sizeof *dst, true);
    if (size || (flags & DUPLICATE_EMPTY)) {
        size_t whole = size + ((flags & DUPLICATE_TERMINATE) ? sizeof(WCHAR) : 0);

        buf = ex_alloc_for_driver(PagedPool, PP_MAX(whole, sizeof *buf), RTL_TAG);
        if (!buf)
            return STATUS_NO_MEMORY;
        if (src)
            mm_copy(buf, src->Buffer, size);
        if (flags & DUPLICATE_TERMINATE)
            buf[size / sizeof(WCHAR)] = 0;
        dst->MaximumLength = (USHORT)whole;
    } else {
        dst->MaximumLength = 0;
    }
    dst->Buffer = buf;
    dst->Length = (USHORT)size;
    return STATUS_SUCCESS;
}

/* Doc: nf-wdm-rtlfreeunicodestring. Clears the whole structure, so that a second call is harmless.
 * The tag is not checked: drivers free buffers of their own this way too, and Windows lets them. */
NT_EXPORT VOID NTAPI RtlFreeUnicodeString(PUNICODE_STRING s)
{
    void *buf;

    mm_check_range(s, sizeof *s, true);
    buf = s->Buffer;
    if (!buf)
        return;
    ex_free_for_driver(buf, 0);
    *s = (UNICODE_STRING){0};
}

/* Doc: winternl, RtlValidateUnicodeString. */
NT_EXPORT NTSTATUS NTAPI RtlValidateUnicodeString(ULONG flags, PCUNICODE_STRING s)
{
    if (flags)
        return STATUS_INVALID_PARAMETER;
    if (!s)
        return STATUS_SUCCESS;
    mm_check_range(s, sizeof *s, false);
    if ((s->Length & 1) || (s->MaximumLength & 1) || s->Length > s->MaximumLength ||
        (!s->Buffer && s->MaximumLength))
        return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}

/* Doc: nf-wdm-rtlhashunicodestring. The only algorithm is x65599: h = h * 65599 + character. */
NT_EXPORT NTSTATUS NTAPI RtlHashUnicodeString(PCUNICODE_STRING s, BOOLEAN ignore_case,
                                              ULONG algorithm, PULONG ret_hash)
{
    enum { DEFAULT_ALGORITHM = 0, X65599 = 1 };
    ULONG hash = 0;

    if (!s || !ret_hash || (algorithm != DEFAULT_ALGORITHM && algorithm != X65599))
        return STATUS_INVALID_PARAMETER;
    rtl_check_read(s);
    for (size_t i = 0; i < s->Length / sizeof(WCHAR); i++)
        hash = hash * 65599u + (ignore_case ? rtl_upcase(s->Buffer[i]) : s->Buffer[i]);
    *ret_hash = hash;
    return STATUS_SUCCESS;
}

enum { FIND_FROM_END = 1, FIND_COMPLEMENT = 2, FIND_IGNORE_CASE = 4 };

static bool set_has(PCUNICODE_STRING set, WCHAR c, bool ignore_case)
{
    for (size_t i = 0; i < set->Length / sizeof(WCHAR); i++) {
        if (set->Buffer[i] == c || (ignore_case && rtl_upcase(set->Buffer[i]) == rtl_upcase(c)))
            return true;
    }
    return false;
}

/* Doc: winternl, RtlFindCharInUnicodeString. The position is in bytes: after the hit when searching
 * forwards, of the hit when searching from the end. */
NT_EXPORT NTSTATUS NTAPI RtlFindCharInUnicodeString(ULONG flags, PCUNICODE_STRING s,
                                                    PCUNICODE_STRING set, PUSHORT ret_position)
{
    size_t chars;

    if (!ret_position)
        return STATUS_INVALID_PARAMETER;
    *ret_position = 0;
    if (flags & ~(ULONG)(FIND_FROM_END | FIND_COMPLEMENT | FIND_IGNORE_CASE))
        return STATUS_INVALID_PARAMETER;
    rtl_check_read(s);
    rtl_check_read(set);
    chars = s->Length / sizeof(WCHAR);
    for (size_t k = 0; k < chars; k++) {
        size_t i = (flags & FIND_FROM_END) ? chars - 1 - k : k;

        if (set_has(set, s->Buffer[i], flags & FIND_IGNORE_CASE) == !(flags & FIND_COMPLEMENT)) {
            *ret_position = (USHORT)((i + ((flags & FIND_FROM_END) ? 0 : 1)) * sizeof(WCHAR));
            return STATUS_SUCCESS;
        }
    }
    return STATUS_NOT_FOUND;
}
