/*
 * Network addresses as text. Doc: ip2string.h, RtlIpv4AddressToString and RtlIpv6AddressToString;
 * the shortest form of IPv6 is RFC 5952's.
 */
#include "kernel/kernel_priv.h"

enum { IPV4_CHARS = 16, IPV6_CHARS = 46 };

static size_t ipv4_text(const uint8_t *a, char text[IPV4_CHARS])
{
    return pp_fmt(text, IPV4_CHARS, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
}

static unsigned group(const uint8_t *a, unsigned i)
{
    return (unsigned)a[2 * i] << 8 | a[2 * i + 1];
}

/* The longest run of zero groups, at least two, among the first `count`. */
static void longest_zeros(const uint8_t *a, unsigned count, unsigned *ret_start,
                          unsigned *ret_length)
{
    *ret_start = *ret_length = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned n = 0;

        while (i + n < count && !group(a, i + n))
            n++;
        if (n > *ret_length && n > 1) {
            *ret_start = i;
            *ret_length = n;
        }
    }
}

/* The last 32 bits are shown as IPv4 when the address is mapped (::ffff:) or compatible (::). */
static size_t ipv6_text(const uint8_t *a, char text[IPV6_CHARS])
{
    static const uint8_t zeros[12];
    bool compatible = !__builtin_memcmp(a, zeros, 12) && (a[12] || a[13]);
    bool mapped = !__builtin_memcmp(a, zeros, 10) && group(a, 5) == 0xFFFF;
    unsigned count = compatible || mapped ? 6 : 8, start, length;
    char v4[IPV4_CHARS];
    size_t n = 0;

    longest_zeros(a, count, &start, &length);
    for (unsigned i = 0; i < count; i++) {
        if (length && i == start) {
            n += pp_fmt(text + n, IPV6_CHARS - n, "::");
            i += length - 1;
            continue;
        }
        n += pp_fmt(text + n, IPV6_CHARS - n, "%s%x", n && text[n - 1] != ':' ? ":" : "",
                    group(a, i));
    }
    if (count == 6) {
        (void)ipv4_text(a + 12, v4); /* always fits */
        n += pp_fmt(text + n, IPV6_CHARS - n, "%s%s", text[n - 1] != ':' ? ":" : "", v4);
    }
    return n;
}

static PVOID put_narrow(PSTR dst, const char *text, size_t n)
{
    mm_copy(dst, text, n + 1);
    return dst + n;
}

static PVOID put_wide(PWSTR dst, const char *text, size_t n)
{
    mm_check_range(dst, (n + 1) * sizeof *dst, true);
    for (size_t i = 0; i <= n; i++)
        dst[i] = (WCHAR)text[i];
    return dst + n;
}

/* All four return the address of the terminator. */
NT_EXPORT PVOID NTAPI RtlIpv4AddressToStringA(const UCHAR *address, PSTR dst)
{
    char text[IPV4_CHARS];
    size_t n = ipv4_text(address, text);

    return put_narrow(dst, text, n);
}

NT_EXPORT PVOID NTAPI RtlIpv4AddressToStringW(const UCHAR *address, PWSTR dst)
{
    char text[IPV4_CHARS];
    size_t n = ipv4_text(address, text);

    return put_wide(dst, text, n);
}

NT_EXPORT PVOID NTAPI RtlIpv6AddressToStringA(const UCHAR *address, PSTR dst)
{
    char text[IPV6_CHARS];
    size_t n = ipv6_text(address, text);

    return put_narrow(dst, text, n);
}

NT_EXPORT PVOID NTAPI RtlIpv6AddressToStringW(const UCHAR *address, PWSTR dst)
{
    char text[IPV6_CHARS];
    size_t n = ipv6_text(address, text);

    return put_wide(dst, text, n);
}

NT_EXPORT PVOID NTAPI RtlEthernetAddressToStringA(const UCHAR *a, PSTR dst)
{
    char text[18];
    size_t n = pp_fmt(text, sizeof text, "%02X-%02X-%02X-%02X-%02X-%02X", a[0], a[1], a[2], a[3],
                      a[4], a[5]);

    return put_narrow(dst, text, n);
}
