/*
 * The printf family. What differs between its members is only what happens when the text does not
 * fit:
 *
 *   sprintf, swprintf        no limit, always a terminator
 *   _snprintf, _snwprintf    fits with its terminator: terminated; fits exactly: not terminated,
 * length returned; else cut, not terminated, -1 sprintf_s, swprintf_s    does not fit: empty
 * string, -1 _snprintf_s, ...         cut to `count` and terminated, -1; not even that fits: empty
 * string, -1
 *
 * The range that will be written is checked against its pool block before the first character.
 *
 * Doc: Microsoft C runtime, the page of each function.
 */
#include "kernel/kernel_priv.h"

static size_t unit(const struct rtl_format *f)
{
    return f->is_wide ? sizeof(WCHAR) : 1;
}

static void put_end(const struct rtl_format *f, size_t at)
{
    if (f->is_wide)
        ((WCHAR *)f->buf)[at] = 0;
    else
        ((char *)f->buf)[at] = 0;
}

/* Write the text, at most `room` characters, and a terminator if asked. `f` has been run to count.
 */
static void write_out(struct rtl_format *f, NT_VA_LIST ap, void *buf, size_t room, bool end)
{
    size_t n = PP_MIN(f->length, room);
    size_t fits = mm_check_range(buf, (n + end) * unit(f), true) / unit(f);

    f->buf = buf;
    f->room = PP_MIN(room, fits);
    (void)rtl_format_run(f, ap); /* it succeeded when counting */
    if (end && n < fits)
        put_end(f, n);
}

static INT print_unbounded(struct rtl_format *f, void *buf, NT_VA_LIST ap)
{
    if (!rtl_format_run(f, ap))
        return -1;
    write_out(f, ap, buf, SIZE_MAX, true);
    return (INT)f->length;
}

static INT print_counted(struct rtl_format *f, void *buf, size_t count, NT_VA_LIST ap)
{
    if (!rtl_format_run(f, ap))
        return -1;
    if (!buf && !count)
        return (INT)f->length;
    write_out(f, ap, buf, count, f->length < count);
    return f->length <= count ? (INT)f->length : -1;
}

/* count SIZE_MAX is _TRUNCATE, or no count at all with `strict`. */
static INT print_secure(struct rtl_format *f, void *buf, size_t size, size_t count, bool strict,
                        NT_VA_LIST ap)
{
    if (!buf || !size || !f->text)
        return -1;
    if (!rtl_format_run(f, ap) ||
        (f->length >= size && (strict || (count != SIZE_MAX && count >= size)))) {
        f->buf = buf;
        mm_check_range(buf, unit(f), true);
        put_end(f, 0);
        return -1;
    }
    write_out(f, ap, buf, PP_MIN(count, size - 1), true);
    return f->length <= PP_MIN(count, size - 1) ? (INT)f->length : -1;
}

#define NARROW(format) (&(struct rtl_format){.text = (format)})
#define WIDE(format) (&(struct rtl_format){.text = (format), .is_wide = true})

/* A variadic export and its form with an argument list. */
#define WITH_LIST(ret, last, call) \
    NT_VA_LIST ap;                 \
    NT_VA_START(ap, last);         \
    ret = call;                    \
    NT_VA_END(ap)

NT_EXPORT INT NTAPI crt_vsprintf(PSTR buf, PCSTR format, NT_VA_LIST ap)
{
    return print_unbounded(NARROW(format), buf, ap);
}

NT_EXPORT INT NTAPI crt_vswprintf(PWSTR buf, PCWSTR format, NT_VA_LIST ap)
{
    return print_unbounded(WIDE(format), buf, ap);
}

NT_EXPORT INT NTAPI crt_vsnprintf(PSTR buf, SIZE_T count, PCSTR format, NT_VA_LIST ap)
{
    return print_counted(NARROW(format), buf, count, ap);
}

NT_EXPORT INT NTAPI crt_vsnwprintf(PWSTR buf, SIZE_T count, PCWSTR format, NT_VA_LIST ap)
{
    return print_counted(WIDE(format), buf, count, ap);
}

NT_EXPORT INT NTAPI crt_vsprintf_s(PSTR buf, SIZE_T size, PCSTR format, NT_VA_LIST ap)
{
    return print_secure(NARROW(format), buf, size, SIZE_MAX, true, ap);
}

NT_EXPORT INT NTAPI crt_vswprintf_s(PWSTR buf, SIZE_T size, PCWSTR format, NT_VA_LIST ap)
{
    return print_secure(WIDE(format), buf, size, SIZE_MAX, true, ap);
}

NT_EXPORT INT NTAPI crt_vsnprintf_s(PSTR buf, SIZE_T size, SIZE_T count, PCSTR format,
                                    NT_VA_LIST ap)
{
    return print_secure(NARROW(format), buf, size, count, false, ap);
}

NT_EXPORT INT NTAPI crt_vsnwprintf_s(PWSTR buf, SIZE_T size, SIZE_T count, PCWSTR format,
                                     NT_VA_LIST ap)
{
    return print_secure(WIDE(format), buf, size, count, false, ap);
}

NT_EXPORT INT NTAPI crt_sprintf(PSTR buf, PCSTR format, ...)
{
    INT n;

    WITH_LIST(n, format, print_unbounded(NARROW(format), buf, ap));
    return n;
}

NT_EXPORT INT NTAPI crt_swprintf(PWSTR buf, PCWSTR format, ...)
{
    INT n;

    WITH_LIST(n, format, print_unbounded(WIDE(format), buf, ap));
    return n;
}

NT_EXPORT INT NTAPI crt_snprintf(PSTR buf, SIZE_T count, PCSTR format, ...)
{
    INT n;

    WITH_LIST(n, format, print_counted(NARROW(format), buf, count, ap));
    return n;
}

NT_EXPORT INT NTAPI crt_snwprintf(PWSTR buf, SIZE_T count, PCWSTR format, ...)
{
    INT n;

    WITH_LIST(n, format, print_counted(WIDE(format), buf, count, ap));
    return n;
}

NT_EXPORT INT NTAPI crt_sprintf_s(PSTR buf, SIZE_T size, PCSTR format, ...)
{
    INT n;

    WITH_LIST(n, format, print_secure(NARROW(format), buf, size, SIZE_MAX, true, ap));
    return n;
}

NT_EXPORT INT NTAPI crt_swprintf_s(PWSTR buf, SIZE_T size, PCWSTR format, ...)
{
    INT n;

    WITH_LIST(n, format, print_secure(WIDE(format), buf, size, SIZE_MAX, true, ap));
    return n;
}

NT_EXPORT INT NTAPI crt_snprintf_s(PSTR buf, SIZE_T size, SIZE_T count, PCSTR format, ...)
{
    INT n;

    WITH_LIST(n, format, print_secure(NARROW(format), buf, size, count, false, ap));
    return n;
}

NT_EXPORT INT NTAPI crt_snwprintf_s(PWSTR buf, SIZE_T size, SIZE_T count, PCWSTR format, ...)
{
    INT n;

    WITH_LIST(n, format, print_secure(WIDE(format), buf, size, count, false, ap));
    return n;
}

/* ---- Counting without writing ---- */

NT_EXPORT INT NTAPI crt_vscprintf(PCSTR format, NT_VA_LIST ap)
{
    return print_counted(NARROW(format), NULL, 0, ap);
}

NT_EXPORT INT NTAPI crt_vscwprintf(PCWSTR format, NT_VA_LIST ap)
{
    return print_counted(WIDE(format), NULL, 0, ap);
}
