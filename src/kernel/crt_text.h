/*
 * String functions of the C runtime, once for both widths: crt_string.c includes this with CHAR and
 * the names crt_str*, crt_wstring.c with WCHAR and crt_wcs*. Includer's macros:
 *
 *   TEXT_CHAR   the character type          TEXT(len)   crt_strlen or crt_wcslen
 *   TEXT_UNIT   its unsigned form           TEXT_(set)  crt__strset or crt__wcsset
 *
 * Where a length is known before anything is written, the destination's range is checked against
 * its pool block; copies go through mm_copy. Case is that of the "C" locale: A to Z.
 *
 * Doc: Microsoft C runtime, the page of each function.
 */

enum { TEXT_EINVAL = 22, TEXT_ERANGE = 34, TEXT_STRUNCATE = 80 };
#define TEXT_TRUNCATE SIZE_MAX

/* What was read is checked too: a missing terminator shows even where no guard lies behind the
 * block. */
static size_t length(const TEXT_CHAR *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    mm_check_range(s, (n + 1) * sizeof *s, false);
    return n;
}

static size_t length_at_most(const TEXT_CHAR *s, size_t max)
{
    size_t n = 0;

    while (n < max && s[n])
        n++;
    return n;
}

static void copy(TEXT_CHAR *dst, const TEXT_CHAR *src, size_t count)
{
    mm_copy(dst, src, count * sizeof *dst);
}

static void put(TEXT_CHAR *dst, TEXT_CHAR c)
{
    mm_check_range(dst, sizeof *dst, true);
    *dst = c;
}

static TEXT_UNIT lower(TEXT_CHAR c)
{
    return (TEXT_UNIT)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static TEXT_UNIT upper(TEXT_CHAR c)
{
    return (TEXT_UNIT)(c >= 'a' && c <= 'z' ? c - 32 : c);
}

static TEXT_CHAR *found(const TEXT_CHAR *s)
{
    return (TEXT_CHAR *)(uintptr_t)s;
}

NT_EXPORT SIZE_T NTAPI TEXT(len)(const TEXT_CHAR *s)
{
    return length(s);
}

NT_EXPORT SIZE_T NTAPI TEXT(nlen)(const TEXT_CHAR *s, SIZE_T max)
{
    return s ? length_at_most(s, max) : 0;
}

/* ---- Copy and append ---- */

NT_EXPORT TEXT_CHAR *NTAPI TEXT(cpy)(TEXT_CHAR *dst, const TEXT_CHAR *src)
{
    copy(dst, src, length(src) + 1);
    return dst;
}

NT_EXPORT TEXT_CHAR *NTAPI TEXT(cat)(TEXT_CHAR *dst, const TEXT_CHAR *src)
{
    copy(dst + length(dst), src, length(src) + 1);
    return dst;
}

/* Fills up to `count` with zeros; no terminator when the source is that long. */
NT_EXPORT TEXT_CHAR *NTAPI TEXT(ncpy)(TEXT_CHAR *dst, const TEXT_CHAR *src, SIZE_T count)
{
    size_t fits = mm_check_range(dst, count * sizeof *dst, true) / sizeof *dst;
    size_t n = length_at_most(src, fits);

    copy(dst, src, n);
    for (; n < fits; n++)
        dst[n] = 0;
    return dst;
}

NT_EXPORT TEXT_CHAR *NTAPI TEXT(ncat)(TEXT_CHAR *dst, const TEXT_CHAR *src, SIZE_T count)
{
    TEXT_CHAR *end = dst + length(dst);
    size_t n = length_at_most(src, count);

    if (mm_check_range(end, (n + 1) * sizeof *end, true) == (n + 1) * sizeof *end) {
        copy(end, src, n);
        end[n] = 0;
    }
    return dst;
}

/* Put src [count] at dst[at], which has room for `room` characters in all. */
static INT put_secure(TEXT_CHAR *dst, size_t at, size_t room, const TEXT_CHAR *src, size_t count)
{
    if (room - at <= count) {
        put(dst, 0);
        return TEXT_ERANGE;
    }
    if (mm_check_range(dst + at, (count + 1) * sizeof *dst, true) == (count + 1) * sizeof *dst) {
        copy(dst + at, src, count);
        dst[at + count] = 0;
    }
    return 0;
}

NT_EXPORT INT NTAPI TEXT(cpy_s)(TEXT_CHAR *dst, SIZE_T room, const TEXT_CHAR *src)
{
    if (!dst || !room)
        return TEXT_EINVAL;
    if (!src) {
        put(dst, 0);
        return TEXT_EINVAL;
    }
    return put_secure(dst, 0, room, src, length(src));
}

NT_EXPORT INT NTAPI TEXT(cat_s)(TEXT_CHAR *dst, SIZE_T room, const TEXT_CHAR *src)
{
    size_t at;

    if (!dst || !room)
        return TEXT_EINVAL;
    at = length_at_most(dst, room);
    if (!src || at == room) {
        put(dst, 0);
        return TEXT_EINVAL;
    }
    return put_secure(dst, at, room, src, length(src));
}

/* The part that strncpy_s and strncat_s share: at most `count`, or as much as fits with _TRUNCATE.
 */
static INT put_secure_counted(TEXT_CHAR *dst, size_t at, size_t room, const TEXT_CHAR *src,
                              size_t count)
{
    size_t n = length_at_most(src, count == TEXT_TRUNCATE ? room - at : count);

    if (count == TEXT_TRUNCATE && n >= room - at) {
        (void)put_secure(dst, at, room, src, room - at - 1); /* fits */
        return TEXT_STRUNCATE;
    }
    return put_secure(dst, at, room, src, n);
}

NT_EXPORT INT NTAPI TEXT(ncpy_s)(TEXT_CHAR *dst, SIZE_T room, const TEXT_CHAR *src, SIZE_T count)
{
    if (!count && !dst && !room)
        return 0;
    if (!dst || !room)
        return TEXT_EINVAL;
    if (!count || !src) {
        put(dst, 0);
        return count ? TEXT_EINVAL : 0;
    }
    return put_secure_counted(dst, 0, room, src, count);
}

NT_EXPORT INT NTAPI TEXT(ncat_s)(TEXT_CHAR *dst, SIZE_T room, const TEXT_CHAR *src, SIZE_T count)
{
    size_t at;

    if (!count && !dst && !room)
        return 0;
    if (!dst || !room)
        return TEXT_EINVAL;
    at = length_at_most(dst, room);
    if (at == room || (!src && count)) {
        put(dst, 0);
        return TEXT_EINVAL;
    }
    return count ? put_secure_counted(dst, at, room, src, count) : 0;
}

/* ---- Compare ---- */

NT_EXPORT INT NTAPI TEXT(cmp)(const TEXT_CHAR *a, const TEXT_CHAR *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return ((TEXT_UNIT)*a > (TEXT_UNIT)*b) - ((TEXT_UNIT)*a < (TEXT_UNIT)*b);
}

NT_EXPORT INT NTAPI TEXT(ncmp)(const TEXT_CHAR *a, const TEXT_CHAR *b, SIZE_T count)
{
    for (; count && *a && *a == *b; a++, b++, count--)
        ;
    return count ? (TEXT_UNIT)*a - (TEXT_UNIT)*b : 0;
}

NT_EXPORT INT NTAPI TEXT_(icmp)(const TEXT_CHAR *a, const TEXT_CHAR *b)
{
    for (; *a && lower(*a) == lower(*b); a++, b++)
        ;
    return lower(*a) - lower(*b);
}

NT_EXPORT INT NTAPI TEXT_(nicmp)(const TEXT_CHAR *a, const TEXT_CHAR *b, SIZE_T count)
{
    for (; count && *a && lower(*a) == lower(*b); a++, b++, count--)
        ;
    return count ? lower(*a) - lower(*b) : 0;
}

/* ---- Search ---- */

/* The terminator can be looked for too. */
NT_EXPORT TEXT_CHAR *NTAPI TEXT(chr)(const TEXT_CHAR *s, INT c)
{
    for (; *s != (TEXT_CHAR)c; s++) {
        if (!*s)
            return NULL;
    }
    return found(s);
}

NT_EXPORT TEXT_CHAR *NTAPI TEXT(rchr)(const TEXT_CHAR *s, INT c)
{
    const TEXT_CHAR *at = s + length(s);

    for (;; at--) {
        if (*at == (TEXT_CHAR)c)
            return found(at);
        if (at == s)
            return NULL;
    }
}

NT_EXPORT TEXT_CHAR *NTAPI TEXT(str)(const TEXT_CHAR *s, const TEXT_CHAR *what)
{
    size_t n = length(what);

    for (;; s++) {
        size_t i = 0;

        while (i < n && s[i] == what[i])
            i++;
        if (i == n)
            return found(s);
        if (!s[i])
            return NULL;
    }
}

static bool is_in(const TEXT_CHAR *set, TEXT_CHAR c)
{
    for (; *set; set++) {
        if (*set == c)
            return true;
    }
    return false;
}

NT_EXPORT SIZE_T NTAPI TEXT(spn)(const TEXT_CHAR *s, const TEXT_CHAR *set)
{
    size_t n = 0;

    while (s[n] && is_in(set, s[n]))
        n++;
    return n;
}

NT_EXPORT SIZE_T NTAPI TEXT(cspn)(const TEXT_CHAR *s, const TEXT_CHAR *set)
{
    size_t n = 0;

    while (s[n] && !is_in(set, s[n]))
        n++;
    return n;
}

NT_EXPORT TEXT_CHAR *NTAPI TEXT(pbrk)(const TEXT_CHAR *s, const TEXT_CHAR *set)
{
    while (*s && !is_in(set, *s))
        s++;
    return *s ? found(s) : NULL;
}

NT_EXPORT TEXT_CHAR *NTAPI TEXT(tok_s)(TEXT_CHAR *s, const TEXT_CHAR *set, TEXT_CHAR **context)
{
    TEXT_CHAR *end;

    if (!context || !set || (!s && !*context))
        return NULL;
    if (!s)
        s = *context;
    while (*s && is_in(set, *s))
        s++;
    for (end = s; *end && !is_in(set, *end); end++)
        ;
    *context = end;
    if (end == s)
        return NULL;
    if (*end) {
        *end = 0;
        *context = end + 1;
    }
    return s;
}

/* ---- In place ---- */

NT_EXPORT TEXT_CHAR *NTAPI TEXT_(lwr)(TEXT_CHAR *s)
{
    for (TEXT_CHAR *p = s; *p; p++)
        *p = (TEXT_CHAR)lower(*p);
    return s;
}

NT_EXPORT TEXT_CHAR *NTAPI TEXT_(upr)(TEXT_CHAR *s)
{
    for (TEXT_CHAR *p = s; *p; p++)
        *p = (TEXT_CHAR)upper(*p);
    return s;
}

static INT check_terminated(TEXT_CHAR *s, size_t room)
{
    if (!s || !room)
        return TEXT_EINVAL;
    if (length_at_most(s, room) < room)
        return 0;
    put(s, 0);
    return TEXT_EINVAL;
}

NT_EXPORT INT NTAPI TEXT_(lwr_s)(TEXT_CHAR *s, SIZE_T room)
{
    INT err = check_terminated(s, room);

    for (; !err && *s; s++)
        *s = (TEXT_CHAR)lower(*s);
    return err;
}

NT_EXPORT INT NTAPI TEXT_(upr_s)(TEXT_CHAR *s, SIZE_T room)
{
    INT err = check_terminated(s, room);

    for (; !err && *s; s++)
        *s = (TEXT_CHAR)upper(*s);
    return err;
}

NT_EXPORT TEXT_CHAR *NTAPI TEXT_(rev)(TEXT_CHAR *s)
{
    for (size_t i = 0, k = length(s); i + 1 < k; i++) {
        TEXT_CHAR c = s[--k];

        s[k] = s[i];
        s[i] = c;
    }
    return s;
}

NT_EXPORT TEXT_CHAR *NTAPI TEXT_(set)(TEXT_CHAR *s, INT c)
{
    for (TEXT_CHAR *p = s; *p; p++)
        *p = (TEXT_CHAR)c;
    return s;
}

NT_EXPORT TEXT_CHAR *NTAPI TEXT_(nset)(TEXT_CHAR *s, INT c, SIZE_T count)
{
    for (TEXT_CHAR *p = s; *p && count; p++, count--)
        *p = (TEXT_CHAR)c;
    return s;
}

NT_EXPORT INT NTAPI TEXT_(set_s)(TEXT_CHAR *s, SIZE_T room, INT c)
{
    INT err = check_terminated(s, room);

    for (; !err && *s; s++)
        *s = (TEXT_CHAR)c;
    return err;
}

NT_EXPORT INT NTAPI TEXT_(nset_s)(TEXT_CHAR *s, SIZE_T room, INT c, SIZE_T count)
{
    INT err = check_terminated(s, room);

    for (; !err && *s && count; s++, count--)
        *s = (TEXT_CHAR)c;
    return err;
}

/* ---- Numbers to text ---- */

/* Sign, digits in lower case, terminator, as far as `room` has place. 0, EINVAL or ERANGE. */
static INT number_to_text(uint64_t value, bool negative, TEXT_CHAR *dst, size_t room, INT radix)
{
    TEXT_CHAR reversed[66];
    size_t n = 0;

    if (!dst || !room)
        return TEXT_EINVAL;
    if (radix < 2 || radix > 36) {
        put(dst, 0);
        return TEXT_EINVAL;
    }
    do {
        reversed[n++] = (TEXT_CHAR) "0123456789abcdefghijklmnopqrstuvwxyz"[value % (unsigned)radix];
        value /= (unsigned)radix;
    } while (value);
    if (negative)
        reversed[n++] = '-';
    if (n >= room) {
        put(dst, 0);
        return TEXT_ERANGE;
    }
    mm_check_range(dst, (n + 1) * sizeof *dst, true);
    for (size_t i = 0; i < n; i++)
        dst[i] = reversed[n - 1 - i];
    dst[n] = 0;
    return 0;
}

/* Only base 10 shows a sign. */
static INT signed32_to_text(LONG value, TEXT_CHAR *dst, size_t room, INT radix)
{
    bool negative = radix == 10 && value < 0;

    return number_to_text(negative ? 0 - (uint32_t)value : (uint32_t)value, negative, dst, room,
                          radix);
}

static INT signed64_to_text(LONGLONG value, TEXT_CHAR *dst, size_t room, INT radix)
{
    bool negative = radix == 10 && value < 0;

    return number_to_text(negative ? 0 - (uint64_t)value : (uint64_t)value, negative, dst, room,
                          radix);
}

NT_EXPORT TEXT_CHAR *NTAPI TEXT_NUMBER(itoa)(LONG value, TEXT_CHAR *dst, INT radix)
{
    (void)signed32_to_text(value, dst, SIZE_MAX, radix); /* a bad radix gives the empty string */
    return dst;
}

NT_EXPORT TEXT_CHAR *NTAPI TEXT_NUMBER(ultoa)(ULONG value, TEXT_CHAR *dst, INT radix)
{
    (void)number_to_text(value, false, dst, SIZE_MAX, radix);
    return dst;
}

NT_EXPORT TEXT_CHAR *NTAPI TEXT_NUMBER(i64toa)(LONGLONG value, TEXT_CHAR *dst, INT radix)
{
    (void)signed64_to_text(value, dst, SIZE_MAX, radix);
    return dst;
}

NT_EXPORT TEXT_CHAR *NTAPI TEXT_NUMBER(ui64toa)(ULONGLONG value, TEXT_CHAR *dst, INT radix)
{
    (void)number_to_text(value, false, dst, SIZE_MAX, radix);
    return dst;
}

NT_EXPORT INT NTAPI TEXT_NUMBER(itoa_s)(LONG value, TEXT_CHAR *dst, SIZE_T room, INT radix)
{
    return signed32_to_text(value, dst, room, radix);
}

NT_EXPORT INT NTAPI TEXT_NUMBER(ultoa_s)(ULONG value, TEXT_CHAR *dst, SIZE_T room, INT radix)
{
    return number_to_text(value, false, dst, room, radix);
}

NT_EXPORT INT NTAPI TEXT_NUMBER(i64toa_s)(LONGLONG value, TEXT_CHAR *dst, SIZE_T room, INT radix)
{
    return signed64_to_text(value, dst, room, radix);
}

NT_EXPORT INT NTAPI TEXT_NUMBER(ui64toa_s)(ULONGLONG value, TEXT_CHAR *dst, SIZE_T room, INT radix)
{
    return number_to_text(value, false, dst, room, radix);
}

/* ---- Text to numbers ---- */

static unsigned digit_of(TEXT_CHAR c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c = (TEXT_CHAR)lower(c);
    return c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 10 : 99;
}

struct parsed {
    uint64_t value; /* magnitude, UINT64_MAX after an overflow */
    bool negative, overflow;
    const TEXT_CHAR *end; /* the start when there was no number */
};

static struct parsed parse(const TEXT_CHAR *s, INT base)
{
    struct parsed p = {.end = s};
    uint64_t b;

    while (*s == ' ' || (*s >= '\t' && *s <= '\r'))
        s++;
    if (*s == '-' || *s == '+')
        p.negative = *s++ == '-';
    if ((base == 0 || base == 16) && *s == '0' && lower(s[1]) == 'x' && digit_of(s[2]) < 16) {
        s += 2;
        base = 16;
    }
    if (!base)
        base = *s == '0' ? 8 : 10;
    for (b = (uint64_t)base; digit_of(*s) < b; p.end = ++s) {
        if (__builtin_mul_overflow(p.value, b, &p.value) ||
            __builtin_add_overflow(p.value, digit_of(*s), &p.value))
            p.overflow = true;
        if (p.overflow)
            p.value = UINT64_MAX;
    }
    return p;
}

static int64_t to_signed(const struct parsed *p, int64_t low, int64_t high)
{
    if (p->value > (uint64_t)high)
        return p->negative ? low : high;
    return p->negative ? -(int64_t)p->value : (int64_t)p->value;
}

static bool bad_base(INT base)
{
    return base < 0 || base == 1 || base > 36;
}

NT_EXPORT LONG NTAPI TEXT(tol)(const TEXT_CHAR *s, TEXT_CHAR **ret_end, INT base)
{
    struct parsed p = {.end = s};

    if (!bad_base(base))
        p = parse(s, base);
    if (ret_end)
        *ret_end = found(p.end);
    return (LONG)to_signed(&p, INT32_MIN, INT32_MAX);
}

NT_EXPORT ULONG NTAPI TEXT(toul)(const TEXT_CHAR *s, TEXT_CHAR **ret_end, INT base)
{
    struct parsed p = {.end = s};

    if (!bad_base(base))
        p = parse(s, base);
    if (ret_end)
        *ret_end = found(p.end);
    if (p.value > UINT32_MAX)
        return UINT32_MAX;
    return p.negative ? 0u - (ULONG)p.value : (ULONG)p.value;
}

NT_EXPORT LONGLONG NTAPI TEXT_(toi64)(const TEXT_CHAR *s, TEXT_CHAR **ret_end, INT base)
{
    struct parsed p = {.end = s};

    if (!bad_base(base))
        p = parse(s, base);
    if (ret_end)
        *ret_end = found(p.end);
    return to_signed(&p, INT64_MIN, INT64_MAX);
}

NT_EXPORT ULONGLONG NTAPI TEXT_(toui64)(const TEXT_CHAR *s, TEXT_CHAR **ret_end, INT base)
{
    struct parsed p = {.end = s};

    if (!bad_base(base))
        p = parse(s, base);
    if (ret_end)
        *ret_end = found(p.end);
    return p.negative && !p.overflow ? 0 - p.value : p.value;
}

NT_EXPORT LONG NTAPI TEXT_NUMBER(atoi)(const TEXT_CHAR *s)
{
    struct parsed p = parse(s, 10);

    return (LONG)to_signed(&p, INT32_MIN, INT32_MAX);
}

NT_EXPORT LONGLONG NTAPI TEXT_NUMBER(atoi64)(const TEXT_CHAR *s)
{
    struct parsed p = parse(s, 10);

    return to_signed(&p, INT64_MIN, INT64_MAX);
}
