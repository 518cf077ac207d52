/*
 * Names of files: prefix tables and short (8.3) names.
 *
 * A prefix table is a chain of the caller's entries here; the structures are opaque to drivers, so
 * the splay links in them stay unused.
 */
#include "kernel/kernel_priv.h"

enum { NODE_TABLE = 0x800, NODE_ENTRY = 0x801, BASE_MAX = 8, EXTENSION_MAX = 3 };

/* ---- Prefix tables ---- */

/* Doc: nf-ntifs-rtlinitializeunicodeprefix. */
NT_EXPORT VOID NTAPI RtlInitializeUnicodePrefix(PUNICODE_PREFIX_TABLE table)
{
    mm_check_range(table, sizeof *table, true);
    *table = (UNICODE_PREFIX_TABLE){.NodeTypeCode = NODE_TABLE};
}

/* Equal, with case for the first `exact` characters? */
static bool same(const WCHAR *a, const WCHAR *b, size_t chars, size_t exact)
{
    for (size_t i = 0; i < chars; i++) {
        if (a[i] != b[i] && (i < exact || rtl_upcase(a[i]) != rtl_upcase(b[i])))
            return false;
    }
    return true;
}

/* Doc: nf-ntifs-rtlinsertunicodeprefix. */
NT_EXPORT BOOLEAN NTAPI RtlInsertUnicodePrefix(PUNICODE_PREFIX_TABLE table, PUNICODE_STRING prefix,
                                               PUNICODE_PREFIX_TABLE_ENTRY entry)
{
    PUNICODE_PREFIX_TABLE_ENTRY *at = &table->NextPrefixTree;
    size_t chars;

    rtl_check_read(prefix);
    mm_check_range(entry, sizeof *entry, true);
    chars = prefix->Length / sizeof(WCHAR);
    for (; *at; at = &(*at)->NextPrefixTree) {
        const UNICODE_STRING *other = (*at)->Prefix;

        if (other->Length == prefix->Length && same(other->Buffer, prefix->Buffer, chars, chars))
            return FALSE;
    }
    *entry = (UNICODE_PREFIX_TABLE_ENTRY){
        .NodeTypeCode = NODE_ENTRY,
        .NameLength = (CSHORT)chars,
        .Prefix = prefix,
    };
    *at = entry;
    return TRUE;
}

/* Does the prefix end where a component of the name ends? */
static bool is_prefix(const UNICODE_STRING *prefix, const UNICODE_STRING *name, size_t exact)
{
    size_t n = prefix->Length / sizeof(WCHAR), chars = name->Length / sizeof(WCHAR);

    if (n > chars || !same(prefix->Buffer, name->Buffer, n, exact))
        return false;
    return n == chars || name->Buffer[n] == '\\' || (n && prefix->Buffer[n - 1] == '\\');
}

/* Doc: nf-ntifs-rtlfindunicodeprefix. */
NT_EXPORT PUNICODE_PREFIX_TABLE_ENTRY NTAPI RtlFindUnicodePrefix(PUNICODE_PREFIX_TABLE table,
                                                                 PUNICODE_STRING name, ULONG exact)
{
    PUNICODE_PREFIX_TABLE_ENTRY best = NULL;

    rtl_check_read(name);
    for (PUNICODE_PREFIX_TABLE_ENTRY e = table->NextPrefixTree; e; e = e->NextPrefixTree) {
        if (is_prefix(e->Prefix, name, exact) &&
            (!best || e->Prefix->Length > best->Prefix->Length))
            best = e;
    }
    return best;
}

/* Doc: nf-ntifs-rtlremoveunicodeprefix. */
NT_EXPORT VOID NTAPI RtlRemoveUnicodePrefix(PUNICODE_PREFIX_TABLE table,
                                            PUNICODE_PREFIX_TABLE_ENTRY entry)
{
    for (PUNICODE_PREFIX_TABLE_ENTRY *at = &table->NextPrefixTree; *at;
         at = &(*at)->NextPrefixTree) {
        if (*at == entry) {
            *at = entry->NextPrefixTree;
            if (table->LastNextEntry == entry)
                table->LastNextEntry = NULL;
            return;
        }
    }
}

/* Doc: nf-ntifs-rtlnextunicodeprefix. */
NT_EXPORT PUNICODE_PREFIX_TABLE_ENTRY NTAPI RtlNextUnicodePrefix(PUNICODE_PREFIX_TABLE table,
                                                                 BOOLEAN restart)
{
    PUNICODE_PREFIX_TABLE_ENTRY next = restart || !table->LastNextEntry
                                           ? table->NextPrefixTree
                                           : table->LastNextEntry->NextPrefixTree;

    if (next)
        table->LastNextEntry = next;
    return next;
}

/* ---- Short names ---- */

/* Legal in a short name: FAT's characters; from 0x80 on whatever the page has. */
static bool is_short_char(WCHAR c)
{
    return c >= 0x80 || (c >= ' ' && c != 0x7F && !__builtin_strchr("\"*+,./:;<=>?[\\]|", c));
}

/* Doc: nf-ntifs-rtlisnamelegaldos8dot3. */
NT_EXPORT BOOLEAN NTAPI RtlIsNameLegalDOS8Dot3(PCUNICODE_STRING name, POEM_STRING oem,
                                               PBOOLEAN ret_spaces)
{
    size_t chars, dot = SIZE_MAX, base, extension;
    bool spaces = false;

    rtl_check_read(name);
    chars = name->Length / sizeof(WCHAR);
    if (!chars || chars > BASE_MAX + 1 + EXTENSION_MAX)
        return FALSE;
    if (oem) {
        oem->Length = (USHORT)PP_MIN(chars, oem->MaximumLength);
        mm_check_range(oem->Buffer, oem->Length, true);
        for (size_t i = 0; i < oem->Length; i++)
            oem->Buffer[i] = (CHAR)rtl_to_page(RTL_OEM, rtl_upcase(name->Buffer[i]));
    }
    for (size_t i = 0; i < chars; i++) {
        WCHAR c = rtl_upcase(name->Buffer[i]);

        if (c == '.' && dot == SIZE_MAX && chars > 2)
            dot = i;
        else if (c == '.' && chars <= 2)
            continue; /* . and .. are checked below */
        else if (!is_short_char(c) || !rtl_in_page(RTL_OEM, c))
            return FALSE;
        spaces = spaces || c == ' ';
    }
    if (name->Buffer[0] == '.' && (chars == 1 || (chars == 2 && name->Buffer[1] == '.'))) {
        if (ret_spaces)
            *ret_spaces = FALSE;
        return TRUE;
    }
    if (chars <= 2 && (name->Buffer[0] == '.' || name->Buffer[chars - 1] == '.'))
        return FALSE;
    base = PP_MIN(dot, chars);
    extension = dot == SIZE_MAX ? 0 : chars - dot - 1;
    if (!base || base > BASE_MAX || extension > EXTENSION_MAX || (dot != SIZE_MAX && !extension) ||
        name->Buffer[base - 1] == ' ' || name->Buffer[chars - 1] == ' ')
        return FALSE;
    if (ret_spaces)
        *ret_spaces = spaces;
    return TRUE;
}

/* The character as it goes into a short name; 0: it is dropped. */
static WCHAR short_char(WCHAR c, bool extended)
{
    WCHAR up = rtl_upcase(c);

    if (c == ' ' || c == '.' || c < ' ')
        return 0;
    if (__builtin_strchr(":;,+=[]", c < 0x80 ? c : 'x'))
        return '_';
    if (!is_short_char(up) || (up >= 0x80 && (!extended || !rtl_in_page(RTL_OEM, up))))
        return up >= 0x80 ? '_' : 0;
    return up;
}

static void name_start(PCUNICODE_STRING name, bool extended, PGENERATE_NAME_CONTEXT c)
{
    size_t chars = name->Length / sizeof(WCHAR), first = 0, dot;

    while (first < chars && name->Buffer[first] == '.')
        first++;
    for (dot = chars; dot > first && name->Buffer[dot - 1] != '.'; dot--)
        ;
    for (size_t i = first; i < chars; i++)
        c->Checksum = (USHORT)(c->Checksum * 31 + name->Buffer[i]);
    for (size_t i = first; i < (dot > first ? dot - 1 : chars) && c->NameLength < BASE_MAX - 2;
         i++) {
        WCHAR ch = short_char(name->Buffer[i], extended);

        if (ch)
            c->NameBuffer[c->NameLength++] = ch;
    }
    if (dot <= first)
        return;
    for (size_t i = dot; i < chars && c->ExtensionLength < EXTENSION_MAX + 1; i++) {
        WCHAR ch = short_char(name->Buffer[i], extended);

        if (ch && !c->ExtensionLength)
            c->ExtensionBuffer[c->ExtensionLength++] = '.';
        if (ch)
            c->ExtensionBuffer[c->ExtensionLength++] = ch;
    }
}

/* Doc: nf-ntifs-rtlgenerate8dot3name. NAME~1 to NAME~4, then two characters and a checksum; the
 * page leaves the mapping open. */
NT_EXPORT NTSTATUS NTAPI RtlGenerate8dot3Name(PCUNICODE_STRING name, BOOLEAN extended,
                                              PGENERATE_NAME_CONTEXT c, PUNICODE_STRING ret)
{
    enum { PLAIN_TRIES = 4, CHECKSUM_DIGITS = 4, INDEX_MAX = 999999 };
    char index[8];
    size_t digits, keep, n = 0;

    rtl_check_read(name);
    mm_check_range(c, sizeof *c, true);
    if (!c->LastIndexValue)
        name_start(name, extended, c);
    c->LastIndexValue++;
    if (c->LastIndexValue > PLAIN_TRIES && !c->ChecksumInserted) {
        size_t at = PP_MIN(c->NameLength, 2);

        for (int i = CHECKSUM_DIGITS - 1; i >= 0; i--)
            c->NameBuffer[at++] = (WCHAR) "0123456789ABCDEF"[c->Checksum >> (i * 4) & 15];
        c->NameLength = (UCHAR)at;
        c->ChecksumInserted = TRUE;
        c->LastIndexValue = 1;
    }
    if (c->LastIndexValue > INDEX_MAX)
        return STATUS_FILE_SYSTEM_LIMITATION;
    digits = pp_fmt(index, sizeof index, "~%u", c->LastIndexValue);
    keep = PP_MIN(c->NameLength, BASE_MAX - digits);
    mm_check_range(ret->Buffer, (keep + digits + c->ExtensionLength) * sizeof(WCHAR), true);
    for (size_t i = 0; i < keep; i++)
        ret->Buffer[n++] = c->NameBuffer[i];
    for (size_t i = 0; i < digits; i++)
        ret->Buffer[n++] = (WCHAR)index[i];
    for (size_t i = 0; i < c->ExtensionLength; i++)
        ret->Buffer[n++] = c->ExtensionBuffer[i];
    ret->Length = (USHORT)(n * sizeof(WCHAR));
    return STATUS_SUCCESS;
}
