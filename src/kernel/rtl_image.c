/*
 * Looking into images that lie in memory: headers, directories, exported names, resources. What the
 * image says is not trusted: every offset is held against SizeOfImage before it is followed.
 *
 * Doc: Microsoft, "PE Format"; ntimage.h, ntldr.h names are exported but have no reference pages.
 */
#include "kernel/kernel_priv.h"

enum {
    DOS_MAGIC = 0x5A4D,
    NT_MAGIC = 0x4550,
    OPTIONAL_32 = 0x10B,
    OPTIONAL_64 = 0x20B,
    AT_LFANEW = 0x3C,
    FILE_SECTIONS = 6, /* from the NT headers on: offsets of fields */
    FILE_OPTIONAL_SIZE = 20,
    OPTIONAL_HEADER = 24,
    SIZE_OF_IMAGE = OPTIONAL_HEADER + 56,
    SIZE_OF_HEADERS = OPTIONAL_HEADER + 60,
    SECTION_SIZE = 40,
    DIRECTORY_EXPORT = 0,
    DIRECTORY_RESOURCE = 2,
    DIRECTORY_MAX = 16,
    NO_RANGE_CHECK = 1, /* RtlImageNtHeaderEx */
    LFANEW_MAX = 0x10000000,
};

static const uint8_t *nt_headers(const uint8_t *base, uint64_t size)
{
    uint32_t at;

    if (!base || KE_ARG(base) == UINT64_MAX || size < AT_LFANEW + 4 || pp_load16(base) != DOS_MAGIC)
        return NULL;
    at = pp_load32(base + AT_LFANEW);
    if (at >= LFANEW_MAX || (uint64_t)at + SIZE_OF_HEADERS + 4 > size ||
        pp_load32(base + at) != NT_MAGIC)
        return NULL;
    return base + at;
}

NT_EXPORT PVOID NTAPI RtlImageNtHeader(PVOID base)
{
    return (PVOID)(uintptr_t)nt_headers(base, UINT64_MAX);
}

NT_EXPORT NTSTATUS NTAPI RtlImageNtHeaderEx(ULONG flags, PVOID base, ULONGLONG size, PVOID *ret)
{
    const uint8_t *nt;

    if (!ret || !base || KE_ARG(base) == UINT64_MAX || (flags & ~(ULONG)NO_RANGE_CHECK))
        return STATUS_INVALID_PARAMETER;
    nt = nt_headers(base, (flags & NO_RANGE_CHECK) ? UINT64_MAX : size);
    *ret = (PVOID)(uintptr_t)nt;
    return nt ? STATUS_SUCCESS : STATUS_INVALID_IMAGE_FORMAT;
}

/* Where `rva` lies in a file as it is on disk. 0: nowhere. */
static uint32_t rva_to_file(const uint8_t *nt, uint32_t rva)
{
    const uint8_t *section = nt + OPTIONAL_HEADER + pp_load16(nt + FILE_OPTIONAL_SIZE);

    if (rva < pp_load32(nt + SIZE_OF_HEADERS))
        return rva;
    for (unsigned i = 0; i < pp_load16(nt + FILE_SECTIONS); i++, section += SECTION_SIZE) {
        uint32_t start = pp_load32(section + 12), size = pp_load32(section + 16);

        if (rva >= start && rva - start < size)
            return rva - start + pp_load32(section + 20);
    }
    return 0;
}

static const uint8_t *directory(const uint8_t *base, bool mapped, unsigned which,
                                uint32_t *ret_size)
{
    const uint8_t *nt = nt_headers(base, UINT64_MAX), *entry;
    uint32_t at, count_at, rva, size;

    if (!nt)
        return NULL;
    at = pp_load16(nt + OPTIONAL_HEADER);
    if (at != OPTIONAL_32 && at != OPTIONAL_64)
        return NULL;
    count_at = OPTIONAL_HEADER + (at == OPTIONAL_64 ? 108 : 92);
    if (which >= DIRECTORY_MAX || which >= pp_load32(nt + count_at))
        return NULL;
    entry = nt + count_at + 4 + which * 8;
    rva = pp_load32(entry);
    size = pp_load32(entry + 4);
    if (!rva || (uint64_t)rva + size > pp_load32(nt + SIZE_OF_IMAGE))
        return NULL;
    at = mapped ? rva : rva_to_file(nt, rva);
    if (!at)
        return NULL;
    *ret_size = size;
    return base + at;
}

/* The low bits of `base` may say that the image was mapped as a data file. */
NT_EXPORT PVOID NTAPI RtlImageDirectoryEntryToData(PVOID base, BOOLEAN mapped, USHORT which,
                                                   PULONG ret_size)
{
    const uint8_t *image = (const uint8_t *)(KE_ARG(base) & ~3ull);
    uint32_t size = 0;
    const uint8_t *p = directory(image, mapped && !(KE_ARG(base) & 1), which, &size);

    *ret_size = size;
    return (PVOID)(uintptr_t)p;
}

/* ---- Exports ---- */

/* A forwarded export has no address of its own in the image: NULL. */
NT_EXPORT PVOID NTAPI RtlFindExportedRoutineByName(PVOID image, PCSTR name)
{
    const uint8_t *base = image;
    uint32_t size = 0, names, ordinals, functions;
    const uint8_t *dir = directory(base, true, DIRECTORY_EXPORT, &size);

    if (!dir || size < 40)
        return NULL;
    functions = pp_load32(dir + 28);
    names = pp_load32(dir + 32);
    ordinals = pp_load32(dir + 36);
    for (uint32_t i = 0; i < pp_load32(dir + 24); i++) {
        const char *candidate = (const char *)base + pp_load32(base + names + i * 4);
        uint32_t ordinal = pp_load16(base + ordinals + i * 2), rva;

        if (__builtin_strcmp(candidate, name))
            continue;
        if (ordinal >= pp_load32(dir + 20))
            return NULL;
        rva = pp_load32(base + functions + ordinal * 4);
        return rva - (uint32_t)(dir - base) < size ? NULL : (PVOID)(uintptr_t)(base + rva);
    }
    return NULL;
}

/* ---- Resources ---- */

enum { RESOURCE_DIRECTORY = 16, RESOURCE_ENTRY = 8, RESOURCE_LEVELS = 3 };
#define RESOURCE_SUB 0x80000000u /* high bit: name is an offset; offset is a directory */

static bool name_matches(const uint8_t *root, uint32_t name, ULONG_PTR wanted)
{
    const WCHAR *text = (const WCHAR *)wanted;
    const uint8_t *stored = root + (name & ~RESOURCE_SUB);
    unsigned n;

    if (wanted < 0x10000)
        return name == wanted;
    if (!(name & RESOURCE_SUB))
        return false;
    n = pp_load16(stored);
    for (unsigned i = 0; i < n; i++) {
        if (!text[i] || rtl_upcase(text[i]) != rtl_upcase(pp_load16(stored + 2 + i * 2)))
            return false;
    }
    return !text[n];
}

/* The entry's offset field for one level; `wanted` 0 takes the first entry (any language). */
static bool find_entry(const uint8_t *root, uint32_t dir, ULONG_PTR wanted, bool any, uint32_t *ret)
{
    const uint8_t *entry = root + dir + RESOURCE_DIRECTORY;
    unsigned count = pp_load16(root + dir + 12) + pp_load16(root + dir + 14);

    for (unsigned i = 0; i < count; i++, entry += RESOURCE_ENTRY) {
        if (any || name_matches(root, pp_load32(entry), wanted)) {
            *ret = pp_load32(entry + 4);
            return true;
        }
    }
    return false;
}

/* Doc: LDR_RESOURCE_INFO is type, name, language; identifiers below 0x10000 are numbers. A language
 * that is not there gives the first one, as Windows' neutral fallback ends. */
NT_EXPORT NTSTATUS NTAPI LdrFindResource_U(PVOID image, const ULONG_PTR *ids, ULONG levels,
                                           PVOID *ret)
{
    static const NTSTATUS missing[] = {STATUS_RESOURCE_TYPE_NOT_FOUND,
                                       STATUS_RESOURCE_NAME_NOT_FOUND,
                                       STATUS_RESOURCE_LANG_NOT_FOUND};
    uint32_t size = 0, at = 0;
    const uint8_t *root = directory((const uint8_t *)(KE_ARG(image) & ~3ull), !(KE_ARG(image) & 1),
                                    DIRECTORY_RESOURCE, &size);

    if (!root)
        return STATUS_RESOURCE_DATA_NOT_FOUND;
    if (levels != RESOURCE_LEVELS)
        return STATUS_INVALID_PARAMETER;
    for (unsigned level = 0; level < RESOURCE_LEVELS; level++) {
        uint32_t next;

        if (at >= size)
            return STATUS_RESOURCE_DATA_NOT_FOUND;
        if (!find_entry(root, at, ids[level], false, &next) &&
            !(level == 2 && find_entry(root, at, 0, true, &next)))
            return missing[level];
        if ((level < 2) != ((next & RESOURCE_SUB) != 0))
            return STATUS_INVALID_IMAGE_FORMAT;
        at = next & ~RESOURCE_SUB;
    }
    *ret = (PVOID)(uintptr_t)(root + at);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI LdrAccessResource(PVOID image, PVOID entry, PVOID *ret_data,
                                           PULONG ret_size)
{
    const uint8_t *base = (const uint8_t *)(KE_ARG(image) & ~3ull),
                  *nt = nt_headers(base, UINT64_MAX);
    uint32_t rva = pp_load32(entry);

    if (!nt)
        return STATUS_INVALID_IMAGE_FORMAT;
    if (KE_ARG(image) & 1)
        rva = rva_to_file(nt, rva);
    if (ret_data)
        *ret_data = (PVOID)(uintptr_t)(base + rva);
    if (ret_size)
        *ret_size = pp_load32((const uint8_t *)entry + 4);
    return STATUS_SUCCESS;
}
