/*
 * Between Unicode and the system's code pages: ANSI is 1252, OEM is 437, both of one byte to a
 * character, so sizes are known before anything is converted. What a page lacks becomes '?'.
 */
#include "kernel/kernel_priv.h"

static WCHAR keep(WCHAR c)
{
    return c;
}

/* Destination of a conversion to a counted string of `size` bytes, terminator included. */
static NTSTATUS prepare(void **buf, USHORT *max, size_t size, bool allocate)
{
    void *p;

    if (size > NT_MAXUSHORT)
        return STATUS_INVALID_PARAMETER_2;
    if (!allocate)
        return size > *max ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
    p = ex_alloc_for_driver(PagedPool, size, RTL_TAG);
    if (!p)
        return STATUS_NO_MEMORY;
    *buf = p;
    *max = (USHORT)size;
    return STATUS_SUCCESS;
}

static void widen(enum rtl_page page, WCHAR *dst, const char *src, size_t chars)
{
    mm_check_range(src, chars, false);
    chars = mm_check_range(dst, chars * sizeof(WCHAR), true) / sizeof(WCHAR);
    for (size_t i = 0; i < chars; i++)
        dst[i] = rtl_from_page(page, (uint8_t)src[i]);
}

/* Returns whether every character had a counterpart. */
static bool narrow(enum rtl_page page, char *dst, const WCHAR *src, size_t chars,
                   WCHAR (*convert)(WCHAR))
{
    bool all = true;

    mm_check_range(src, chars * sizeof(WCHAR), false);
    chars = mm_check_range(dst, chars, true);
    for (size_t i = 0; i < chars; i++) {
        WCHAR c = convert(src[i]);

        all = all && rtl_in_page(page, c);
        dst[i] = (char)rtl_to_page(page, c);
    }
    return all;
}

static NTSTATUS string_widen(enum rtl_page page, PUNICODE_STRING dst, const STRING *src,
                             bool allocate, bool terminated)
{
    size_t chars = src->Length;
    NTSTATUS status;

    mm_check_range(dst, sizeof *dst, true);
    if (!terminated && !chars && allocate) {
        *dst = (UNICODE_STRING){0};
        return STATUS_SUCCESS;
    }
    status = prepare((void **)&dst->Buffer, &dst->MaximumLength,
                     (chars + terminated) * sizeof(WCHAR), allocate);
    if (!NT_SUCCESS(status))
        return status;
    widen(page, dst->Buffer, src->Buffer, chars);
    if (terminated) {
        mm_check_range(dst->Buffer + chars, sizeof(WCHAR), true);
        dst->Buffer[chars] = 0;
    }
    dst->Length = (USHORT)(chars * sizeof(WCHAR));
    return STATUS_SUCCESS;
}

/* Doc: nf-wdm-rtlansistringtounicodestring. */
NT_EXPORT NTSTATUS NTAPI RtlAnsiStringToUnicodeString(PUNICODE_STRING dst, PCANSI_STRING src,
                                                      BOOLEAN allocate)
{
    return string_widen(RTL_ANSI, dst, src, allocate, true);
}

/* Doc: nf-ntifs-rtloemstringtounicodestring. */
NT_EXPORT NTSTATUS NTAPI RtlOemStringToUnicodeString(PUNICODE_STRING dst, PCOEM_STRING src,
                                                     BOOLEAN allocate)
{
    return string_widen(RTL_OEM, dst, src, allocate, true);
}

/* Doc: nf-ntifs-rtloemstringtocountedunicodestring. */
NT_EXPORT NTSTATUS NTAPI RtlOemStringToCountedUnicodeString(PUNICODE_STRING dst, PCOEM_STRING src,
                                                            BOOLEAN allocate)
{
    return string_widen(RTL_OEM, dst, src, allocate, false);
}

/* Doc: nf-wdm-rtlunicodestringtoansistring. Seen (Windows XP to 10): a destination of the caller's
 * that is too small gets what fits and a terminator, with STATUS_BUFFER_OVERFLOW. */
NT_EXPORT NTSTATUS NTAPI RtlUnicodeStringToAnsiString(PANSI_STRING dst, PCUNICODE_STRING src,
                                                      BOOLEAN allocate)
{
    size_t chars = src->Length / sizeof(WCHAR);
    NTSTATUS status;

    mm_check_range(dst, sizeof *dst, true);
    status = prepare((void **)&dst->Buffer, &dst->MaximumLength, chars + 1, allocate);
    if (status == STATUS_BUFFER_OVERFLOW && dst->MaximumLength)
        chars = dst->MaximumLength - 1u;
    else if (!NT_SUCCESS(status))
        return status;
    mm_check_range(dst->Buffer, chars + 1, true);
    (void)narrow(RTL_ANSI, dst->Buffer, src->Buffer, chars, keep); /* '?' is no error here */
    dst->Buffer[chars] = 0;
    dst->Length = (USHORT)chars;
    return status;
}

struct to_oem {
    POEM_STRING dst;
    PCUNICODE_STRING src;
    bool allocate, terminated, strict;
    WCHAR (*convert)(WCHAR);
};

static NTSTATUS string_to_oem(const struct to_oem *r)
{
    POEM_STRING dst = r->dst;
    size_t chars = r->src->Length / sizeof(WCHAR);
    NTSTATUS status;
    bool all;

    mm_check_range(dst, sizeof *dst, true);
    if (!r->terminated && !chars && r->allocate) {
        *dst = (STRING){0};
        return STATUS_SUCCESS;
    }
    status =
        prepare((void **)&dst->Buffer, &dst->MaximumLength, chars + r->terminated, r->allocate);
    if (!NT_SUCCESS(status))
        return status;
    mm_check_range(dst->Buffer, chars + r->terminated, true);
    all = narrow(RTL_OEM, dst->Buffer, r->src->Buffer, chars, r->convert);
    if (r->terminated)
        dst->Buffer[chars] = 0;
    dst->Length = (USHORT)chars;
    if (all || !r->strict)
        return STATUS_SUCCESS;
    if (r->allocate) {
        ex_free_for_driver(dst->Buffer, RTL_TAG);
        *dst = (STRING){0};
    }
    return STATUS_UNMAPPABLE_CHARACTER;
}

/* Doc: nf-ntifs-rtlunicodestringtooemstring. */
NT_EXPORT NTSTATUS NTAPI RtlUnicodeStringToOemString(POEM_STRING dst, PCUNICODE_STRING src,
                                                     BOOLEAN allocate)
{
    return string_to_oem(&(struct to_oem){dst, src, allocate, true, false, keep});
}

/* Doc: nf-ntifs-rtlupcaseunicodestringtooemstring. */
NT_EXPORT NTSTATUS NTAPI RtlUpcaseUnicodeStringToOemString(POEM_STRING dst, PCUNICODE_STRING src,
                                                           BOOLEAN allocate)
{
    return string_to_oem(&(struct to_oem){dst, src, allocate, true, true, rtl_upcase});
}

/* Doc: nf-ntifs-rtlunicodestringtocountedoemstring. */
NT_EXPORT NTSTATUS NTAPI RtlUnicodeStringToCountedOemString(POEM_STRING dst, PCUNICODE_STRING src,
                                                            BOOLEAN allocate)
{
    return string_to_oem(&(struct to_oem){dst, src, allocate, false, true, keep});
}

/* Doc: nf-ntifs-rtlupcaseunicodestringtocountedoemstring. */
NT_EXPORT NTSTATUS NTAPI RtlUpcaseUnicodeStringToCountedOemString(POEM_STRING dst,
                                                                  PCUNICODE_STRING src,
                                                                  BOOLEAN allocate)
{
    return string_to_oem(&(struct to_oem){dst, src, allocate, false, true, rtl_upcase});
}

/* ---- Plain buffers ---- */

static NTSTATUS buffer_widen(enum rtl_page page, PWSTR dst, ULONG max, PULONG ret, PCSTR src,
                             ULONG size)
{
    ULONG chars = PP_MIN(size, max / (ULONG)sizeof(WCHAR));

    widen(page, dst, src, chars);
    if (ret)
        *ret = chars * (ULONG)sizeof(WCHAR);
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlmultibytetounicoden. Cutting is no error. */
NT_EXPORT NTSTATUS NTAPI RtlMultiByteToUnicodeN(PWSTR dst, ULONG max, PULONG ret, PCSTR src,
                                                ULONG size)
{
    return buffer_widen(RTL_ANSI, dst, max, ret, src, size);
}

/* Doc: nf-ntifs-rtloemtounicoden. */
NT_EXPORT NTSTATUS NTAPI RtlOemToUnicodeN(PWSTR dst, ULONG max, PULONG ret, PCSTR src, ULONG size)
{
    (void)buffer_widen(RTL_OEM, dst, max, ret, src, size); /* always succeeds */
    return size > max / sizeof(WCHAR) ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

static ULONG buffer_narrow(enum rtl_page page, PSTR dst, ULONG max, PCWSTR src, ULONG size)
{
    ULONG chars = PP_MIN(size / (ULONG)sizeof(WCHAR), max);

    (void)narrow(page, dst, src, chars, keep); /* '?' is no error here */
    return chars;
}

static ULONG buffer_narrow_upper(enum rtl_page page, PSTR dst, ULONG max, PCWSTR src, ULONG size)
{
    ULONG chars = PP_MIN(size / (ULONG)sizeof(WCHAR), max);

    (void)narrow(page, dst, src, chars, rtl_upcase); /* '?' is no error here */
    return chars;
}

/* Doc: nf-ntifs-rtlunicodetomultibyten. Cutting is no error. */
NT_EXPORT NTSTATUS NTAPI RtlUnicodeToMultiByteN(PSTR dst, ULONG max, PULONG ret, PCWSTR src,
                                                ULONG size)
{
    ULONG chars = buffer_narrow(RTL_ANSI, dst, max, src, size);

    if (ret)
        *ret = chars;
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlupcaseunicodetomultibyten. */
NT_EXPORT NTSTATUS NTAPI RtlUpcaseUnicodeToMultiByteN(PSTR dst, ULONG max, PULONG ret, PCWSTR src,
                                                      ULONG size)
{
    ULONG chars = buffer_narrow_upper(RTL_ANSI, dst, max, src, size);

    if (ret)
        *ret = chars;
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlunicodetooemn. */
NT_EXPORT NTSTATUS NTAPI RtlUnicodeToOemN(PSTR dst, ULONG max, PULONG ret, PCWSTR src, ULONG size)
{
    ULONG chars = buffer_narrow(RTL_OEM, dst, max, src, size);

    if (ret)
        *ret = chars;
    return chars < size / sizeof(WCHAR) ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlupcaseunicodetooemn. */
NT_EXPORT NTSTATUS NTAPI RtlUpcaseUnicodeToOemN(PSTR dst, ULONG max, PULONG ret, PCWSTR src,
                                                ULONG size)
{
    ULONG chars = buffer_narrow_upper(RTL_OEM, dst, max, src, size);

    if (ret)
        *ret = chars;
    return chars < size / sizeof(WCHAR) ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlmultibytetounicodesize. */
NT_EXPORT NTSTATUS NTAPI RtlMultiByteToUnicodeSize(PULONG ret, PCSTR src, ULONG size)
{
    (void)src; /* one character for each byte */
    *ret = size * (ULONG)sizeof(WCHAR);
    return STATUS_SUCCESS;
}

/* Doc: nf-ntifs-rtlunicodetomultibytesize. */
NT_EXPORT NTSTATUS NTAPI RtlUnicodeToMultiByteSize(PULONG ret, PCWSTR src, ULONG size)
{
    (void)src; /* one byte for each character */
    *ret = size / (ULONG)sizeof(WCHAR);
    return STATUS_SUCCESS;
}

/* Doc: nf-wdm-rtlansistringtounicodesize. Bytes with the terminator. */
NT_EXPORT ULONG NTAPI RtlxAnsiStringToUnicodeSize(PCANSI_STRING s)
{
    return (s->Length + 1u) * (ULONG)sizeof(WCHAR);
}

/* Doc: nf-wdm-rtlunicodestringtoansisize. */
NT_EXPORT ULONG NTAPI RtlxUnicodeStringToAnsiSize(PCUNICODE_STRING s)
{
    return s->Length / (ULONG)sizeof(WCHAR) + 1;
}

/* Doc: nf-ntifs-rtlxoemstringtounicodesize. */
NT_EXPORT ULONG NTAPI RtlxOemStringToUnicodeSize(PCOEM_STRING s)
{
    return (s->Length + 1u) * (ULONG)sizeof(WCHAR);
}

/* Doc: nf-ntifs-rtlxunicodestringtooemsize. */
NT_EXPORT ULONG NTAPI RtlxUnicodeStringToOemSize(PCUNICODE_STRING s)
{
    return s->Length / (ULONG)sizeof(WCHAR) + 1;
}

/* Doc: nf-wdm-rtlansistringtounicodestring, remarks. Moves the caller's pointer on by one
 * character. */
NT_EXPORT WCHAR NTAPI RtlAnsiCharToUnicodeChar(PUCHAR *src)
{
    return rtl_from_page(RTL_ANSI, *(*src)++);
}

/* Doc: nf-ntifs-rtlisvalidoemcharacter. The character becomes its upper-case form. Seen: also when
 * it is not valid; and '?', which stands for what the page lacks, is not. */
NT_EXPORT BOOLEAN NTAPI RtlIsValidOemCharacter(PWCHAR c)
{
    *c = rtl_upcase(*c);
    return *c != '?' && rtl_in_page(RTL_OEM, *c);
}

/* ---- UTF-8 ---- */

/* Doc: nf-wdm-rtlunicodetoutf8n. */
NT_EXPORT NTSTATUS NTAPI RtlUnicodeToUTF8N(PSTR dst, ULONG max, PULONG ret, PCWSTR src, ULONG size)
{
    size_t chars = size / sizeof(WCHAR), used = 0;
    NTSTATUS status = STATUS_SUCCESS;
    bool bad = false;

    if (!src)
        return STATUS_INVALID_PARAMETER_4;
    if (size % sizeof(WCHAR))
        return STATUS_INVALID_PARAMETER_5;
    if (!dst && !ret)
        return STATUS_INVALID_PARAMETER;
    mm_check_range(src, size, false);
    for (size_t i = 0; i < chars;) {
        uint8_t seq[4];
        size_t n = rtl_utf8_put(rtl_utf16_next(src, chars, &i, &bad), seq);

        if (dst && used + n > max) {
            status = STATUS_BUFFER_TOO_SMALL;
            break;
        }
        if (dst)
            mm_copy(dst + used, seq, n);
        used += n;
    }
    if (ret)
        *ret = (ULONG)used;
    return status == STATUS_SUCCESS && bad ? STATUS_SOME_NOT_MAPPED : status;
}

/* Doc: nf-wdm-rtlutf8tounicoden. */
NT_EXPORT NTSTATUS NTAPI RtlUTF8ToUnicodeN(PWSTR dst, ULONG max, PULONG ret, PCSTR src, ULONG size)
{
    size_t used = 0, room = max / sizeof(WCHAR);
    NTSTATUS status = STATUS_SUCCESS;
    bool bad = false;

    if (!src)
        return STATUS_INVALID_PARAMETER_4;
    if (!dst && !ret)
        return STATUS_INVALID_PARAMETER;
    mm_check_range(src, size, false);
    for (size_t i = 0; i < size;) {
        uint32_t c = rtl_utf8_next((const uint8_t *)src, size, &i, &bad);
        WCHAR pair[2] = {(WCHAR)c, 0};
        size_t n = 1;

        if (c > 0xFFFF) {
            pair[0] = (WCHAR)(0xD7C0 + (c >> 10));
            pair[1] = (WCHAR)(0xDC00 + (c & 0x3FF));
            n = 2;
        }
        if (dst && used + n > room) {
            status = STATUS_BUFFER_TOO_SMALL;
            break;
        }
        if (dst)
            mm_copy(dst + used, pair, n * sizeof(WCHAR));
        used += n;
    }
    if (ret)
        *ret = (ULONG)(used * sizeof(WCHAR));
    return status == STATUS_SUCCESS && bad ? STATUS_SOME_NOT_MAPPED : status;
}

/* Doc: nf-wdm-rtlunicodestringtoutf8string. */
NT_EXPORT NTSTATUS NTAPI RtlUnicodeStringToUTF8String(PUTF8_STRING dst, PCUNICODE_STRING src,
                                                      BOOLEAN allocate)
{
    ULONG size = 0;
    NTSTATUS status;

    mm_check_range(dst, sizeof *dst, true);
    if (src->Length) {
        status = RtlUnicodeToUTF8N(NULL, 0, &size, src->Buffer, src->Length);
        if (!NT_SUCCESS(status))
            return status;
    }
    status = prepare((void **)&dst->Buffer, &dst->MaximumLength, size + 1u, allocate);
    if (!NT_SUCCESS(status))
        return status;
    mm_check_range(dst->Buffer, size + 1u, true);
    if (size)
        status = RtlUnicodeToUTF8N(dst->Buffer, size, &size, src->Buffer, src->Length);
    dst->Buffer[size] = 0;
    dst->Length = (USHORT)size;
    return status;
}

/* Doc: nf-wdm-rtlutf8stringtounicodestring. */
NT_EXPORT NTSTATUS NTAPI RtlUTF8StringToUnicodeString(PUNICODE_STRING dst, PCUTF8_STRING src,
                                                      BOOLEAN allocate)
{
    ULONG size = 0;
    NTSTATUS status;

    mm_check_range(dst, sizeof *dst, true);
    if (src->Length) {
        status = RtlUTF8ToUnicodeN(NULL, 0, &size, src->Buffer, src->Length);
        if (!NT_SUCCESS(status))
            return status;
    }
    status = prepare((void **)&dst->Buffer, &dst->MaximumLength, size + sizeof(WCHAR), allocate);
    if (!NT_SUCCESS(status))
        return status;
    mm_check_range(dst->Buffer, size + sizeof(WCHAR), true);
    if (size)
        status = RtlUTF8ToUnicodeN(dst->Buffer, size, &size, src->Buffer, src->Length);
    dst->Buffer[size / sizeof(WCHAR)] = 0;
    dst->Length = (USHORT)size;
    return status;
}
