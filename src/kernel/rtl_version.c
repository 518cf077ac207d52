/*
 * Which Windows this is, random numbers, and the exported variables of the run-time library.
 */
#include "kernel/kernel_priv.h"

enum { SUITE = VER_SUITE_SINGLEUSERTS };

/* Doc: nf-wdm-rtlgetversion. The structure's size field says which of the two it is. */
NT_EXPORT NTSTATUS NTAPI RtlGetVersion(PRTL_OSVERSIONINFOEXW info)
{
    ULONG size;

    mm_check_range(info, sizeof info->dwOSVersionInfoSize, false);
    size = info->dwOSVersionInfoSize;
    mm_check_range(info, size == sizeof *info ? sizeof *info : sizeof(RTL_OSVERSIONINFOW), true);
    info->dwMajorVersion = RTL_MAJOR;
    info->dwMinorVersion = RTL_MINOR;
    info->dwBuildNumber = RTL_BUILD;
    info->dwPlatformId = VER_PLATFORM_WIN32_NT;
    info->szCSDVersion[0] = 0;
    if (size == sizeof *info) {
        info->wServicePackMajor = info->wServicePackMinor = 0;
        info->wSuiteMask = SUITE;
        info->wProductType = VER_NT_WORKSTATION;
        info->wReserved = 0;
    }
    return STATUS_SUCCESS;
}

static unsigned condition_of(ULONGLONG mask, ULONG type)
{
    return (unsigned)(mask >> (3 * __builtin_ctz(type)) & 7);
}

static bool holds(unsigned condition, ULONG actual, ULONG wanted)
{
    switch (condition) {
    case VER_EQUAL:
        return actual == wanted;
    case VER_GREATER:
        return actual > wanted;
    case VER_GREATER_EQUAL:
        return actual >= wanted;
    case VER_LESS:
        return actual < wanted;
    case VER_LESS_EQUAL:
        return actual <= wanted;
    default:
        return false;
    }
}

/* Major, minor and service pack are compared one after the other: the first that differs decides,
 * by the condition of the most significant one asked for. */
static bool version_holds(const RTL_OSVERSIONINFOEXW *want, ULONG types, ULONGLONG mask)
{
    const struct {
        ULONG type, actual, wanted;
    } steps[] = {
        {VER_MAJORVERSION, RTL_MAJOR, want->dwMajorVersion},
        {VER_MINORVERSION, RTL_MINOR, want->dwMinorVersion},
        {VER_SERVICEPACKMAJOR, 0, want->wServicePackMajor},
        {VER_SERVICEPACKMINOR, 0, want->wServicePackMinor},
    };
    unsigned condition = 0;

    for (size_t i = 0; i < PP_COUNT(steps); i++) {
        if (!(types & steps[i].type))
            continue;
        if (!condition)
            condition = condition_of(mask, steps[i].type);
        if (steps[i].actual != steps[i].wanted)
            return holds(condition, steps[i].actual, steps[i].wanted);
    }
    return !condition || holds(condition, 0, 0); /* all equal */
}

static bool suites_hold(unsigned condition, USHORT wanted)
{
    if (condition == VER_AND)
        return (SUITE & wanted) == wanted;
    return condition == VER_OR && (SUITE & wanted) != 0;
}

/* Doc: nf-wdm-rtlverifyversioninfo. */
NT_EXPORT NTSTATUS NTAPI RtlVerifyVersionInfo(const RTL_OSVERSIONINFOEXW *want, ULONG types,
                                              ULONGLONG mask)
{
    if (!types || !mask)
        return STATUS_INVALID_PARAMETER;
    mm_check_range(want, sizeof *want, false);
    for (ULONG type = VER_MINORVERSION; type <= VER_PRODUCT_TYPE; type <<= 1) {
        if ((types & type) && !condition_of(mask, type))
            return STATUS_INVALID_PARAMETER;
    }
    if ((types & VER_SUITENAME) &&
        !suites_hold(condition_of(mask, VER_SUITENAME), want->wSuiteMask))
        return STATUS_REVISION_MISMATCH;
    if ((types & VER_PRODUCT_TYPE) &&
        !holds(condition_of(mask, VER_PRODUCT_TYPE), VER_NT_WORKSTATION, want->wProductType))
        return STATUS_REVISION_MISMATCH;
    if ((types & VER_PLATFORMID) &&
        !holds(condition_of(mask, VER_PLATFORMID), VER_PLATFORM_WIN32_NT, want->dwPlatformId))
        return STATUS_REVISION_MISMATCH;
    if ((types & VER_BUILDNUMBER) &&
        !holds(condition_of(mask, VER_BUILDNUMBER), RTL_BUILD, want->dwBuildNumber))
        return STATUS_REVISION_MISMATCH;
    return version_holds(want, types, mask) ? STATUS_SUCCESS : STATUS_REVISION_MISMATCH;
}

/* Doc: winnt.h, VerSetConditionMask: three bits for each type; one type in a call, the highest bit.
 */
NT_EXPORT ULONGLONG NTAPI VerSetConditionMask(ULONGLONG mask, ULONG type, UCHAR condition)
{
    if (!(type & 0xFF))
        return 0;
    return mask | (ULONGLONG)(condition & 7) << (3 * (31 - __builtin_clz(type & 0xFF)));
}

/* Doc: nf-wdm-rtlisntddiversionavailable. Values with a service pack or sub-version are not for it.
 */
NT_EXPORT BOOLEAN NTAPI RtlIsNtDdiVersionAvailable(ULONG version)
{
    return !(version & 0xFFFF) && (RTL_MAJOR << 24 | RTL_MINOR << 16) >= version;
}

/* Doc: nf-wdm-rtlisservicepackversioninstalled: of this very version, which has no service pack. */
NT_EXPORT BOOLEAN NTAPI RtlIsServicePackVersionInstalled(ULONG version)
{
    return version == (RTL_MAJOR << 24 | RTL_MINOR << 16);
}

/* Doc: nf-wdm-psgetversion. TRUE would be a checked build. */
NT_EXPORT BOOLEAN NTAPI PsGetVersion(PULONG major, PULONG minor, PULONG build, PUNICODE_STRING pack)
{
    if (major)
        *major = RTL_MAJOR;
    if (minor)
        *minor = RTL_MINOR;
    if (build)
        *build = RTL_BUILD;
    if (pack)
        *pack = (UNICODE_STRING){0};
    return FALSE;
}

/* Doc: winternl, RtlGetNtGlobalFlags. */
NT_EXPORT ULONG NTAPI RtlGetNtGlobalFlags(void)
{
    return KE_DATA->NtGlobalFlag;
}

/* ---- Random numbers ---- */

enum { SHUFFLE = 128 };

static struct {
    ULONG table[SHUFFLE];
    ULONG next;
    bool is_ready;
} g;

/* D. Lehmer's generator modulo 2^31 - 1, with the constants that the documentation of RtlUniform
 * gives. */
static ULONG uniform(PULONG seed)
{
    *seed = (ULONG)((0x7FFFFFEDull * *seed + 0x7FFFFFC3ull) % 0x7FFFFFFFull);
    return *seed;
}

/* Shuffled through a table (C. Bays and S. Durham, 1976), filled from the machine's seed. */
static ULONG shuffled(PULONG seed)
{
    ULONG *slot, value;

    if (!g.is_ready) {
        for (unsigned i = 0; i < SHUFFLE; i++)
            g.table[i] = (ULONG)pp_random_below(&ke_m.random, 0x7FFFFFFF);
        g.is_ready = true;
    }
    slot = &g.table[g.next % SHUFFLE];
    value = *slot;
    *slot = uniform(seed);
    g.next = value;
    return value;
}

/* Doc: nf-ntifs-rtlrandom: 0 to MAXLONG - 1; the seed changes at each call. */
NT_EXPORT ULONG NTAPI RtlRandom(PULONG seed)
{
    return shuffled(seed);
}

/* Doc: nf-ntifs-rtlrandomex. */
NT_EXPORT ULONG NTAPI RtlRandomEx(PULONG seed)
{
    return shuffled(seed);
}

/* Doc: winternl, RtlUniform. */
NT_EXPORT ULONG NTAPI RtlUniform(PULONG seed)
{
    return uniform(seed);
}

/* ---- Exported variables ---- */

/* Doc: FSRTL_* flags of FsRtlIsAnsiCharacterLegal in ntifs.h; [MS-FSCC] 2.1.5 for the file systems,
 * [MS-CFB] 2.6.1 for compound files. */
static UCHAR legal_flags(unsigned c)
{
    static const char fat_no[] = "\"*+,./:;<=>?[\\]|", hpfs_no[] = "\"*/:<>?\\|", wild[] = "*?<>\"",
                      ole_no[] = "!:/\\";
    unsigned flags = 0;

    if (!c)
        return 0;
    if (!__builtin_strchr(ole_no, (int)c))
        flags |= FSRTL_OLE_LEGAL;
    if (c >= ' ' && !__builtin_strchr(fat_no, (int)c))
        flags |= FSRTL_FAT_LEGAL;
    if (c >= ' ' && !__builtin_strchr(hpfs_no, (int)c))
        flags |= FSRTL_HPFS_LEGAL | FSRTL_NTFS_LEGAL;
    if (__builtin_strchr(wild, (int)c))
        flags |= FSRTL_WILD_CHARACTER;
    if (c == '.') /* Seen: between name and extension, so legal everywhere but in compound files */
        flags = FSRTL_FAT_LEGAL | FSRTL_HPFS_LEGAL | FSRTL_NTFS_LEGAL;
    if (c == ':') /* Seen: before the name of a stream */
        flags = FSRTL_NTFS_LEGAL;
    return (UCHAR)flags;
}

void rtl_data_init(void)
{
    struct ke_data *d = KE_DATA;

    for (unsigned c = 0; c < PP_COUNT(d->LegalAnsi); c++)
        d->LegalAnsi[c] = legal_flags(c);
    d->FsRtlLegalAnsiCharacterArray = d->LegalAnsi;
    d->NlsLeadByteInfo = d->NlsOemLeadByteInfo = d->LeadBytes; /* all zero: no byte leads another */
    d->NlsMbCodePageTag = d->NlsMbOemCodePageTag = FALSE;
    d->NlsAnsiCodePage = 1252;
    d->NlsOemCodePage = 437;
    d->NtBuildNumber = 0xF0000000u | RTL_BUILD;
}
