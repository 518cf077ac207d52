/*
 * Names and expressions of file systems.
 *
 * The wildcards are those of the DOS heritage: * any run, ? one character, and what the Win32 layer
 * makes of them: < any run up to the last dot, > one character or the end, " a dot or the end.
 *
 * Doc: WDK, ntifs.h: FsRtlIsNameInExpression, FsRtlDissectName, FsRtlDoesNameContainWildCards,
 * FsRtlAreNamesEqual.
 */
#include "kernel/kernel_priv.h"

#include <string.h>

/* [MS-ERREF] names that nt/status.h has no use for otherwise. */
#define STATUS_INSTRUCTION_MISALIGNMENT ((NTSTATUS)0xC00000AA)
#define STATUS_FT_MISSING_MEMBER ((NTSTATUS)0xC000015F)
#define DOS_STAR '<'
#define DOS_QM '>'
#define DOS_DOT '"'

static bool same(WCHAR a, WCHAR b, bool ignore_case)
{
    return a == b || (ignore_case && rtl_upcase(a) == rtl_upcase(b));
}

/* Where a < has to end at the latest: behind the last dot, or at the end of a name without one. */
static const WCHAR *star_limit(const WCHAR *n, const WCHAR *n_end)
{
    const WCHAR *dot = n_end;

    while (dot > n && dot[-1] != '.')
        dot--;
    return dot > n ? dot : n_end;
}

/* Recursion goes one deeper for each run character of the expression only. */
static bool match(const WCHAR *e, const WCHAR *e_end, const WCHAR *n, const WCHAR *n_end,
                  bool ignore_case)
{
    for (; e < e_end; e++) {
        if (*e == '*' || *e == DOS_STAR) {
            const WCHAR *limit = *e == DOS_STAR ? star_limit(n, n_end) : n_end;

            while (e + 1 < e_end && e[1] == *e)
                e++;
            if (e + 1 == e_end && *e == '*')
                return true;
            for (;; n++) {
                if (match(e + 1, e_end, n, n_end, ignore_case))
                    return true;
                if (n >= limit)
                    return false;
            }
        }
        if (*e == DOS_QM) { /* nothing at a dot or the end */
            if (n < n_end && *n != '.')
                n++;
        } else if (*e == DOS_DOT) {
            if (n < n_end && *n != '.')
                return false;
            if (n < n_end)
                n++;
        } else if (n == n_end || (*e != '?' && !same(*e, *n, ignore_case))) {
            return false;
        } else {
            n++;
        }
    }
    return n == n_end;
}

/* Seen: an empty name matches an empty expression only, not even a star. */
bool fsrtl_match(const WCHAR *expression, size_t expression_chars, const WCHAR *name,
                 size_t name_chars, bool ignore_case)
{
    if (!name_chars || !expression_chars)
        return name_chars == expression_chars;
    return match(expression, expression + expression_chars, name, name + name_chars, ignore_case);
}

/* Doc: with IgnoreCase the expression must be in upper case; a NULL table is the default one. */
NT_EXPORT BOOLEAN NTAPI FsRtlIsNameInExpression(PUNICODE_STRING expression, PUNICODE_STRING name,
                                                BOOLEAN ignore_case, PWSTR table)
{
    (void)table;
    return fsrtl_match(expression->Buffer, expression->Length / 2, name->Buffer, name->Length / 2,
                       ignore_case);
}

NT_EXPORT BOOLEAN NTAPI FsRtlAreNamesEqual(PCUNICODE_STRING a, PCUNICODE_STRING b,
                                           BOOLEAN ignore_case, PCWCH table)
{
    (void)table;
    return !rtl_compare(a, b, ignore_case);
}

NT_EXPORT BOOLEAN NTAPI FsRtlDoesNameContainWildCards(PUNICODE_STRING name)
{
    for (size_t i = name->Length / 2; i--;) {
        WCHAR c = name->Buffer[i];

        if (c == '*' || c == '?' || c == DOS_STAR || c == DOS_QM || c == DOS_DOT)
            return TRUE;
        if (c == '\\') /* only the last component counts */
            break;
    }
    return FALSE;
}

/* First component and the rest, both within `path`; the rest without its backslash. */
NT_EXPORT VOID NTAPI FsRtlDissectName(UNICODE_STRING path, PUNICODE_STRING first,
                                      PUNICODE_STRING rest)
{
    size_t chars = path.Length / 2, start = chars && path.Buffer[0] == '\\', end = start;

    memset(first, 0, sizeof *first);
    memset(rest, 0, sizeof *rest);
    if (!chars)
        return;
    while (end < chars && path.Buffer[end] != '\\')
        end++;
    *first = (UNICODE_STRING){(USHORT)((end - start) * 2), (USHORT)((end - start) * 2),
                              path.Buffer + start};
    if (end < chars) {
        end++;
        *rest = (UNICODE_STRING){(USHORT)((chars - end) * 2), (USHORT)((chars - end) * 2),
                                 path.Buffer + end};
    }
}

NT_EXPORT VOID NTAPI FsRtlDissectDbcs(ANSI_STRING path, PANSI_STRING first, PANSI_STRING rest)
{
    size_t chars = path.Length, start = chars && path.Buffer[0] == '\\', end = start;

    memset(first, 0, sizeof *first);
    memset(rest, 0, sizeof *rest);
    if (!chars)
        return;
    while (end < chars && path.Buffer[end] != '\\')
        end++;
    *first = (ANSI_STRING){(USHORT)(end - start), (USHORT)(end - start), path.Buffer + start};
    if (end < chars) {
        end++;
        *rest = (ANSI_STRING){(USHORT)(chars - end), (USHORT)(chars - end), path.Buffer + end};
    }
}

NT_EXPORT BOOLEAN NTAPI FsRtlIsDbcsInExpression(PANSI_STRING expression, PANSI_STRING name)
{
    WCHAR e[300], n[300];

    if (expression->Length >= PP_COUNT(e) || name->Length >= PP_COUNT(n))
        return FALSE;
    for (size_t i = 0; i < expression->Length; i++)
        e[i] = (UCHAR)expression->Buffer[i];
    for (size_t i = 0; i < name->Length; i++)
        n[i] = (UCHAR)name->Buffer[i];
    return fsrtl_match(e, expression->Length, n, name->Length, false); /* the caller upcases */
}

/* ---- Legal names in the OEM code page ---- */

enum { LEGAL_FAT = 1, LEGAL_HPFS = 2, LEGAL_WILD = 8 }; /* FsRtlLegalAnsiCharacterArray */

static bool is_wild(UCHAR c)
{
    return c < 0x80 && KE_DATA->LegalAnsi[c] & LEGAL_WILD;
}

static bool is_legal(UCHAR c, bool wild, unsigned kind)
{
    return c >= 0x80 || KE_DATA->LegalAnsi[c] & kind || (wild && is_wild(c));
}

/* One component. With a wildcard in it only its characters count for FAT. */
static bool fat_component(const char *s, size_t n, bool wild)
{
    size_t base = 0, ext = 0, dots = 0, i;
    bool has_wild = false;

    for (i = 0; i < n; i++) {
        if (!is_legal((UCHAR)s[i], wild, LEGAL_FAT) && s[i] != '.')
            return false;
        has_wild |= is_wild((UCHAR)s[i]);
    }
    if (has_wild)
        return true;
    for (i = 0; i < n; i++) {
        if (s[i] != '.')
            dots ? ext++ : base++;
        else if (dots++ || !base || s[i - 1] == ' ')
            return false;
    }
    return base && base <= 8 && ext <= 3 && s[n - 1] != ' ' && s[n - 1] != '.';
}

static bool hpfs_component(const char *s, size_t n, bool wild)
{
    if (n > 255)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_legal((UCHAR)s[i], wild, LEGAL_HPFS) && s[i] != '.')
            return false;
    return s[n - 1] != ' ' && s[n - 1] != '.';
}

struct legal {
    ANSI_STRING name;
    bool wild, path, leading;
};

static bool is_legal_name(const struct legal *l,
                          bool (*component)(const char *s, size_t n, bool wild))
{
    const char *s = l->name.Buffer, *end = s + l->name.Length;

    /* Seen: the directory's own and its parent's name pass as wildcards only. */
    if ((end - s == 1 && s[0] == '.') || (end - s == 2 && s[0] == '.' && s[1] == '.'))
        return l->wild;
    if (s < end && *s == '\\') {
        if (!l->leading)
            return false;
        s++;
        if (s == end)
            return true;
    }
    if (s == end)
        return false;
    while (s < end) {
        const char *start = s;

        while (s < end && *s != '\\')
            s++;
        if (s == start || !component(start, (size_t)(s - start), l->wild))
            return false;
        if (s < end) {
            if (!l->path)
                return false;
            s++; /* a backslash at the end is allowed */
        }
    }
    return true;
}

/* An 8.3 name, or a path of them. */
NT_EXPORT BOOLEAN NTAPI FsRtlIsFatDbcsLegal(ANSI_STRING name, BOOLEAN wild, BOOLEAN path,
                                            BOOLEAN leading)
{
    return is_legal_name(&(struct legal){name, wild, path, leading}, fat_component);
}

NT_EXPORT BOOLEAN NTAPI FsRtlIsHpfsDbcsLegal(ANSI_STRING name, BOOLEAN wild, BOOLEAN path,
                                             BOOLEAN leading)
{
    return is_legal_name(&(struct legal){name, wild, path, leading}, hpfs_component);
}

/* "a\.\b" and "a\..\b" taken out in place. Doc: ntifs.h, FsRtlRemoveDotsFromPath. */
NT_EXPORT NTSTATUS NTAPI FsRtlRemoveDotsFromPath(PWSTR path, USHORT length, USHORT *ret_length)
{
    size_t chars = length / 2, from = 0, to = 0;

    while (from < chars) {
        size_t start = from, n;

        while (from < chars && path[from] != '\\')
            from++;
        n = from - start;
        if (n == 2 && path[start] == '.' && path[start + 1] == '.') {
            if (to < 2)
                return STATUS_IO_REPARSE_DATA_INVALID;
            for (to--; to && path[to - 1] != '\\'; to--)
                continue;
        } else if (!(n == 1 && path[start] == '.')) {
            memmove(path + to, path + start, n * sizeof *path);
            to += n;
            if (from < chars)
                path[to++] = '\\';
        }
        from++;
    }
    if (to < chars)
        path[to] = 0;
    *ret_length = (USHORT)(to * 2);
    return STATUS_SUCCESS;
}

/* ---- Statuses ---- */

/* Doc: would a structured exception handler of a file system expect this status? */
NT_EXPORT BOOLEAN NTAPI FsRtlIsNtstatusExpected(NTSTATUS status)
{
    return status != STATUS_DATATYPE_MISALIGNMENT && status != STATUS_ACCESS_VIOLATION &&
           status != STATUS_ILLEGAL_INSTRUCTION && status != STATUS_INSTRUCTION_MISALIGNMENT;
}

NT_EXPORT NTSTATUS NTAPI FsRtlNormalizeNtstatus(NTSTATUS status, NTSTATUS generic)
{
    return FsRtlIsNtstatusExpected(status) ? status : generic;
}

NT_EXPORT BOOLEAN NTAPI FsRtlIsTotalDeviceFailure(NTSTATUS status)
{
    return !NT_SUCCESS(status) && status != STATUS_CRC_ERROR &&
           status != STATUS_DEVICE_DATA_ERROR && status != STATUS_NONEXISTENT_SECTOR &&
           status != STATUS_FT_MISSING_MEMBER;
}
