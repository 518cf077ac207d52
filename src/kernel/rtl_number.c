/*
 * Numbers, GUIDs and network addresses as text.
 */
#include "kernel/kernel_priv.h"

enum { DIGITS_MAX = 64 };

/* Digits of `value` in `base` (2 to 36), most significant first; returns how many. */
static size_t digits(uint64_t value, unsigned base, char ret[DIGITS_MAX])
{
    char reversed[DIGITS_MAX];
    size_t n = 0;

    do {
        reversed[n++] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[value % base];
        value /= base;
    } while (value);
    for (size_t i = 0; i < n; i++)
        ret[i] = reversed[n - 1 - i];
    return n;
}

static bool base_is_valid(ULONG base)
{
    return base == 2 || base == 8 || base == 10 || base == 16;
}

static NTSTATUS number_to_string(uint64_t value, ULONG base, PUNICODE_STRING s)
{
    char text[DIGITS_MAX];
    size_t n, size;

    if (!base)
        base = 10;
    if (!base_is_valid(base))
        return STATUS_INVALID_PARAMETER;
    n = digits(value, base, text);
    size = n * sizeof(WCHAR);
    mm_check_range(s, sizeof *s, true);
    if (size > s->MaximumLength)
        return STATUS_BUFFER_OVERFLOW;
    if (size < s->MaximumLength)
        size += sizeof(WCHAR); /* room for a terminator */
    mm_check_range(s->Buffer, PP_MIN(size, (size_t)s->MaximumLength), true);
    for (size_t i = 0; i < n; i++)
        s->Buffer[i] = (WCHAR)text[i];
    s->Length = (USHORT)(n * sizeof(WCHAR));
    if (s->Length + sizeof(WCHAR) <= s->MaximumLength)
        s->Buffer[n] = 0;
    return STATUS_SUCCESS;
}

/* Doc: nf-wdm-rtlintegertounicodestring. */
NT_EXPORT NTSTATUS NTAPI RtlIntegerToUnicodeString(ULONG value, ULONG base, PUNICODE_STRING s)
{
    return number_to_string(value, base, s);
}

/* Doc: nf-wdm-rtlint64tounicodestring. */
NT_EXPORT NTSTATUS NTAPI RtlInt64ToUnicodeString(ULONGLONG value, ULONG base, PUNICODE_STRING s)
{
    return number_to_string(value, base, s);
}

/* Doc: winternl, RtlIntegerToChar. A negative length asks for leading zeros up to that width. */
NT_EXPORT NTSTATUS NTAPI RtlIntegerToChar(ULONG value, ULONG base, LONG length, PSTR dst)
{
    char text[DIGITS_MAX];
    size_t width = length < 0 ? (size_t) - (int64_t)length : (size_t)length;
    size_t n;

    if (!base)
        base = 10;
    if (!base_is_valid(base))
        return STATUS_INVALID_PARAMETER;
    n = digits(value, base, text);
    if (n > width)
        return STATUS_BUFFER_OVERFLOW;
    mm_check_range(dst, length < 0 ? width : PP_MIN(n + 1, width), true);
    if (length < 0) {
        for (; width > n; width--)
            *dst++ = '0';
    }
    __builtin_memcpy(dst, text, n);
    if (n < width)
        dst[n] = 0;
    return STATUS_SUCCESS;
}

static unsigned digit_value(WCHAR c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 10u;
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 10u;
    return 99;
}

/* The number that s [chars] starts with; a character is fetched by `at`, 0 ends. Overflow wraps. */
static NTSTATUS parse_number(WCHAR (*at)(const void *s, size_t i), const void *s, ULONG base,
                             PULONG ret_value)
{
    size_t i = 0;
    ULONG value = 0;
    bool negative = false;

    while (at(s, i) && at(s, i) <= ' ')
        i++;
    if (at(s, i) == '-' || at(s, i) == '+')
        negative = at(s, i++) == '-';
    if (!base) {
        base = 10;
        if (at(s, i) == '0' && at(s, i + 1)) {
            WCHAR c = at(s, i + 1);

            base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;
            i += base == 10 ? 0 : 2;
        }
    } else if (!base_is_valid(base)) {
        return STATUS_INVALID_PARAMETER;
    }
    for (; digit_value(at(s, i)) < base; i++)
        value = value * base + digit_value(at(s, i));
    *ret_value = negative ? 0u - value : value;
    return STATUS_SUCCESS;
}

static WCHAR at_counted(const void *s, size_t i)
{
    const UNICODE_STRING *u = s;

    return i < u->Length / sizeof(WCHAR) ? u->Buffer[i] : 0;
}

static WCHAR at_bytes(const void *s, size_t i)
{
    return (uint8_t)((const char *)s)[i];
}

/* Doc: nf-wdm-rtlunicodestringtointeger. */
NT_EXPORT NTSTATUS NTAPI RtlUnicodeStringToInteger(PCUNICODE_STRING s, ULONG base, PULONG ret_value)
{
    rtl_check_read(s);
    if (!s->Length)
        return STATUS_INVALID_PARAMETER;
    return parse_number(at_counted, s, base, ret_value);
}

/* Doc: nf-ntddk-rtlchartointeger. */
NT_EXPORT NTSTATUS NTAPI RtlCharToInteger(PCSZ s, ULONG base, PULONG ret_value)
{
    return parse_number(at_bytes, s, base, ret_value);
}

/* ---- GUIDs ---- */

enum { GUID_CHARS = 38 }; /* {8-4-4-4-12} */

static void hex_put(WCHAR **p, uint32_t value, unsigned count)
{
    while (count--)
        *(*p)++ = (WCHAR) "0123456789ABCDEF"[value >> (count * 4) & 0xF];
}

/* Doc: nf-wdm-rtlstringfromguid. Hexadecimal digits are capitals (Seen: Windows 7 to 10). */
NT_EXPORT NTSTATUS NTAPI RtlStringFromGUID(LPCGUID guid, PUNICODE_STRING ret)
{
    WCHAR text[GUID_CHARS + 1], *p = text, *buf;

    mm_check_range(guid, sizeof *guid, false);
    mm_check_range(ret, sizeof *ret, true);
    *p++ = '{';
    hex_put(&p, guid->Data1, 8);
    *p++ = '-';
    hex_put(&p, guid->Data2, 4);
    *p++ = '-';
    hex_put(&p, guid->Data3, 4);
    *p++ = '-';
    for (unsigned i = 0; i < 8; i++) {
        hex_put(&p, guid->Data4[i], 2);
        if (i == 1)
            *p++ = '-';
    }
    *p++ = '}';
    *p = 0;
    buf = ex_alloc_for_driver(PagedPool, sizeof text, RTL_TAG);
    if (!buf)
        return STATUS_NO_MEMORY;
    mm_copy(buf, text, sizeof text);
    *ret = (UNICODE_STRING){GUID_CHARS * sizeof(WCHAR), sizeof text, buf};
    return STATUS_SUCCESS;
}

static bool hex_get(const WCHAR **p, unsigned count, uint32_t *ret)
{
    *ret = 0;
    while (count--) {
        unsigned d = digit_value(*(*p)++);

        if (d > 15)
            return false;
        *ret = *ret << 4 | d;
    }
    return true;
}

/* Doc: nf-wdm-rtlguidfromstring. */
NT_EXPORT NTSTATUS NTAPI RtlGUIDFromString(PCUNICODE_STRING s, GUID *ret)
{
    const WCHAR *p;
    uint32_t data1, data2, data3, byte;
    GUID guid;

    rtl_check_read(s);
    p = s->Buffer;
    if (s->Length < GUID_CHARS * sizeof(WCHAR) || *p++ != '{' || !hex_get(&p, 8, &data1) ||
        *p++ != '-' || !hex_get(&p, 4, &data2) || *p++ != '-' || !hex_get(&p, 4, &data3) ||
        *p++ != '-')
        return STATUS_INVALID_PARAMETER;
    for (unsigned i = 0; i < 8; i++) {
        if (!hex_get(&p, 2, &byte) || (i == 1 && *p++ != '-'))
            return STATUS_INVALID_PARAMETER;
        guid.Data4[i] = (UCHAR)byte;
    }
    if (*p != '}')
        return STATUS_INVALID_PARAMETER;
    guid.Data1 = data1;
    guid.Data2 = (USHORT)data2;
    guid.Data3 = (USHORT)data3;
    mm_copy(ret, &guid, sizeof guid);
    return STATUS_SUCCESS;
}
