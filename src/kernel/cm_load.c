/*
 * What the registry holds at boot, and regedit's text format.
 *
 * Format: a head line (Windows Registry Editor Version 5.00, or REGEDIT4), then [key] lines,
 * "name"=data lines, @=data for the default value, ; comments. Data: "text", dword:hex, hex:,
 * hex(type):, - to delete;
 * [-key] deletes a key. A line that ends with a backslash goes on in the next. UTF-16LE (with its
 * mark), UTF-8 with or without one.
 *
 * Doc: Microsoft Support, "How to add, modify, or delete registry subkeys and values by using a
 * .reg file".
 */
#include "kernel/cm_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Boot ---- */

#define SYSTEM "Machine\\System\\ControlSet001\\"
#define NT "Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion"

static void boot_processors(void)
{
    for (unsigned i = 0; i < ke_m.config.cpus; i++) {
        char path[80];
        struct cm_key *k;

        pp_fmt(path, sizeof path, "Machine\\Hardware\\Description\\System\\CentralProcessor\\%u",
               i);
        k = cm_make_text(path);
        cm_set_text(k, "ProcessorNameString", REG_SZ, "Poolproof Virtual Processor @ 2.40GHz");
        cm_set_text(k, "Identifier", REG_SZ, "Intel64 Family 6 Model 158 Stepping 10");
        cm_set_text(k, "VendorIdentifier", REG_SZ, "GenuineIntel");
        cm_set_dword(k, "~MHz", 2400);
        cm_set_dword(k, "FeatureSet", 0x3D1B3FFF);
    }
}

static void boot_hardware(void)
{
    struct cm_key *k = cm_make_text("Machine\\Hardware\\Description\\System");

    cm_set_text(k, "Identifier", REG_SZ, "AT/AT COMPATIBLE");
    k = cm_make_text("Machine\\Hardware\\Description\\System\\BIOS");
    cm_set_text(k, "BIOSVendor", REG_SZ, "Poolproof");
    cm_set_text(k, "BIOSVersion", REG_SZ, "1.0");
    cm_set_text(k, "BIOSReleaseDate", REG_SZ, "01/01/2024");
    cm_set_text(k, "SystemManufacturer", REG_SZ, "Poolproof");
    cm_set_text(k, "SystemProductName", REG_SZ, "Virtual Machine");
    cm_set_text(k, "SystemFamily", REG_SZ, "Virtual Machine");
    cm_set_text(k, "BaseBoardManufacturer", REG_SZ, "Poolproof");
    cm_set_text(k, "BaseBoardProduct", REG_SZ, "Virtual Machine");
    (void)cm_make_text("Machine\\Hardware\\DeviceMap\\SERIALCOMM");
    (void)cm_make_text("Machine\\Hardware\\ResourceMap");
    boot_processors();
}

static void boot_system(void)
{
    struct cm_key *system = cm_make_text("Machine\\System"), *k;

    k = cm_make_text("Machine\\System\\ControlSet001");
    (void)cm_make_text("Machine\\System\\CurrentControlSet");
    cm_child(system, u"CurrentControlSet", 17)->alias = k;
    k = cm_make_text("Machine\\System\\Select");
    cm_set_dword(k, "Current", 1);
    cm_set_dword(k, "Default", 1);
    cm_set_dword(k, "LastKnownGood", 1);
    (void)cm_make_text(SYSTEM "Services");
    (void)cm_make_text(SYSTEM "Enum\\Root");
    (void)cm_make_text(SYSTEM "Enum\\PCI");
    (void)cm_make_text(SYSTEM "Control\\Class");
    (void)cm_make_text(SYSTEM "Control\\DeviceClasses");
    (void)cm_make_text(SYSTEM "Control\\GroupOrderList");
    (void)cm_make_text(SYSTEM "Control\\ServiceGroupOrder");
    (void)cm_make_text(SYSTEM "Hardware Profiles\\0001");
    k = cm_make_text(SYSTEM "Control");
    cm_set_text(k, "SystemStartOptions", REG_SZ, " NOEXECUTE=OPTIN");
    cm_set_text(k, "SystemBootDevice", REG_SZ, "multi(0)disk(0)rdisk(0)partition(1)");
    cm_set_text(k, "CurrentUser", REG_SZ, "USERNAME");
    k = cm_make_text(SYSTEM "Control\\ComputerName\\ComputerName");
    cm_set_text(k, "ComputerName", REG_SZ, "POOLPROOF");
    k = cm_make_text(SYSTEM "Control\\ComputerName\\ActiveComputerName");
    cm_set_text(k, "ComputerName", REG_SZ, "POOLPROOF");
    k = cm_make_text(SYSTEM "Control\\ProductOptions");
    cm_set_text(k, "ProductType", REG_SZ, "WinNT");
    k = cm_make_text(SYSTEM "Control\\Nls\\CodePage");
    cm_set_text(k, "ACP", REG_SZ, "1252");
    cm_set_text(k, "OEMCP", REG_SZ, "437");
    k = cm_make_text(SYSTEM "Control\\Nls\\Language");
    cm_set_text(k, "Default", REG_SZ, "0409");
    cm_set_text(k, "InstallLanguage", REG_SZ, "0409");
    k = cm_make_text(SYSTEM "Control\\TimeZoneInformation");
    cm_set_dword(k, "Bias", 0);
    cm_set_dword(k, "ActiveTimeBias", 0);
    cm_set_text(k, "TimeZoneKeyName", REG_SZ, "UTC");
}

static void boot_memory_management(void)
{
    struct cm_key *k = cm_make_text(SYSTEM "Control\\Session Manager");

    cm_set_dword(k, "GlobalFlag", 0);
    k = cm_make_text(SYSTEM "Control\\Session Manager\\Memory Management");
    cm_set_dword(k, "ClearPageFileAtShutdown", 0);
    cm_set_dword(k, "DisablePagingExecutive", 0);
    cm_set_dword(k, "NonPagedPoolSize", 0);
    cm_set_dword(k, "PagedPoolSize", 0);
    k = cm_make_text(SYSTEM "Control\\Session Manager\\Environment");
    cm_set_text(k, "windir", REG_EXPAND_SZ, "%SystemRoot%");
    cm_set_text(k, "OS", REG_SZ, "Windows_NT");
    cm_set_text(k, "PROCESSOR_ARCHITECTURE", REG_SZ, "AMD64");
    (void)cm_make_text(SYSTEM "Control\\Session Manager\\kernel");
    (void)cm_make_text(SYSTEM "Control\\Session Manager\\Debug Print Filter");
    (void)cm_make_text(SYSTEM "Control\\Session Manager\\Power");
    (void)cm_make_text(SYSTEM "Control\\CrashControl");
    (void)cm_make_text(SYSTEM "Control\\Lsa");
    (void)cm_make_text(SYSTEM "Control\\Video");
    k = cm_make_text(SYSTEM "Control\\FileSystem");
    cm_set_dword(k, "NtfsDisable8dot3NameCreation", 2);
    cm_set_dword(k, "LongPathsEnabled", 0);
}

static void boot_software(void)
{
    struct cm_key *k = cm_make_text(NT);

    cm_set_text(k, "ProductName", REG_SZ, "Windows 10 Pro");
    cm_set_text(k, "CurrentVersion", REG_SZ, "6.3"); /* Seen: frozen there since Windows 8.1 */
    cm_set_dword(k, "CurrentMajorVersionNumber", 10);
    cm_set_dword(k, "CurrentMinorVersionNumber", 0);
    cm_set_text(k, "CurrentBuild", REG_SZ, "19045");
    cm_set_text(k, "CurrentBuildNumber", REG_SZ, "19045");
    cm_set_text(k, "CurrentType", REG_SZ, "Multiprocessor Free");
    cm_set_text(k, "DisplayVersion", REG_SZ, "22H2");
    cm_set_text(k, "ReleaseId", REG_SZ, "2009");
    cm_set_text(k, "EditionID", REG_SZ, "Professional");
    cm_set_text(k, "InstallationType", REG_SZ, "Client");
    cm_set_text(k, "BuildLab", REG_SZ, "19041.vb_release.191206-1406");
    cm_set_text(k, "BuildLabEx", REG_SZ, "19041.1.amd64fre.vb_release.191206-1406");
    cm_set_text(k, "SystemRoot", REG_SZ, "C:\\Windows");
    cm_set_text(k, "PathName", REG_SZ, "C:\\Windows");
    cm_set_text(k, "RegisteredOwner", REG_SZ, "Poolproof");
    cm_set_dword(k, "UBR", 3803);
    k = cm_make_text("Machine\\Software\\Microsoft\\Windows\\CurrentVersion");
    cm_set_text(k, "ProgramFilesDir", REG_SZ, "C:\\Program Files");
    cm_set_text(k, "CommonFilesDir", REG_SZ, "C:\\Program Files\\Common Files");
    k = cm_make_text("Machine\\Software\\Microsoft\\Windows\\CurrentVersion\\Policies\\System");
    cm_set_dword(k, "EnableLUA", 1);
    (void)cm_make_text("Machine\\Software\\Policies\\Microsoft");
    (void)cm_make_text("Machine\\Software\\Classes");
    k = cm_make_text("Machine\\Software\\Microsoft\\Cryptography");
    cm_set_text(k, "MachineGuid", REG_SZ, "5f0f0000-0000-4000-8000-00000000f5f0");
}

void cm_defaults(void)
{
    (void)cm_make_text("Machine\\SAM");
    (void)cm_make_text("Machine\\Security");
    (void)cm_make_text("User\\.Default\\Software");
    (void)cm_make_text("User\\S-1-5-18\\Software");
    (void)cm_make_text("User\\S-1-5-19\\Software");
    (void)cm_make_text("User\\S-1-5-20\\Software");
    (void)cm_make_text("User\\S-1-5-21-1000-2000-3000-1001\\Software\\Microsoft");
    boot_hardware();
    boot_system();
    boot_memory_management();
    boot_software();
}

int cm_init(void)
{
    cm_notify_init();
    cm_defaults();
    cm_object_init();
    return 0;
}

NTSTATUS cm_service_key(const char *service, const char *image_path)
{
    char path[300];
    struct cm_key *k;

    pp_fmt(path, sizeof path, SYSTEM "Services\\%s", service);
    k = cm_make_text(path);
    cm_set_dword(k, "Type", 1);
    cm_set_dword(k, "Start", 3);
    cm_set_dword(k, "ErrorControl", 1);
    if (!cm_value_find(k, u"ImagePath", 18))
        cm_set_text(k, "ImagePath", REG_EXPAND_SZ, image_path);
    cm_set_text(k, "DisplayName", REG_SZ, service);
    (void)cm_make(k, u"Parameters", 10, false);
    (void)cm_make(k, u"Enum", 4, true);
    return STATUS_SUCCESS;
}

/* ---- .reg ---- */

struct reader {
    char *text; /* UTF-8, NUL-terminated */
    char *at;
    unsigned line;
    struct cm_key *key; /* NULL: before the first, or a deleted one */
    char *why;
};

/* UTF-16LE to UTF-8 where the mark says so. NULL: no memory. */
static char *to_utf8(const char *text, size_t size)
{
    const uint8_t *b = (const uint8_t *)text;
    char *out;

    if (size >= 2 && b[0] == 0xFF && b[1] == 0xFE) {
        size_t chars = (size - 2) / 2, room = chars * 3 + 1;
        WCHAR *wide = pp_new((chars + 1) * sizeof *wide);

        out = pp_new(room);
        if (wide && out) {
            memcpy(wide, b + 2, chars * 2);
            (void)rtl_to_utf8(wide, chars, out, room); /* there is room */
        }
        pp_free(wide);
        return out;
    }
    if (size >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF) {
        text += 3;
        size -= 3;
    }
    out = pp_new(size + 1);
    if (out)
        memcpy(out, text, size);
    return out;
}

/* The next logical line, trimmed, continuations joined. NULL at the end. */
static char *next_line(struct reader *r)
{
    char *start, *out;

    if (!*r->at)
        return NULL;
    start = out = r->at;
    for (;;) {
        char *line = out;

        while (*r->at && *r->at != '\n')
            *out++ = *r->at++;
        if (*r->at)
            r->at++;
        r->line++;
        while (out > line && (out[-1] == '\r' || out[-1] == ' ' || out[-1] == '\t'))
            out--;
        if (out == line || out[-1] != '\\' || start[0] == '[')
            break;
        out--;
        while (*r->at == ' ' || *r->at == '\t')
            r->at++;
        if (!*r->at)
            break;
    }
    /* out never passes r->at: joining only shortens. */
    if (out < r->at)
        *out = '\0';
    while (*start == ' ' || *start == '\t')
        start++;
    return start;
}

static int bad(struct reader *r, const char *what)
{
    pp_fmt(r->why, PP_WHY_SIZE, "line %u: %s", r->line, what);
    return -EINVAL;
}

static const struct {
    const char *from, *to;
} hives[] = {
    {"HKEY_LOCAL_MACHINE", "Machine"},
    {"HKLM", "Machine"},
    {"HKEY_USERS", "User"},
    {"HKU", "User"},
    {"HKEY_CURRENT_USER", "User\\.Default"},
    {"HKCU", "User\\.Default"},
    {"HKEY_CLASSES_ROOT", "Machine\\Software\\Classes"},
};

static int key_line(struct reader *r, char *s)
{
    size_t n = strlen(s), i;
    bool remove = s[1] == '-';
    char *path = s + 1 + remove;
    char full[CM_PATH_MAX];
    WCHAR wide[CM_PATH_MAX];

    if (s[n - 1] != ']')
        return bad(r, "a key name without its closing bracket");
    s[n - 1] = '\0';
    for (i = 0; i < PP_COUNT(hives); i++) {
        n = strlen(hives[i].from);
        if (!strncmp(path, hives[i].from, n) && (path[n] == '\\' || !path[n]))
            break;
    }
    if (i == PP_COUNT(hives))
        return bad(r, "the key does not start with a known root");
    if (pp_fmt(full, sizeof full, "%s%s", hives[i].to, path + n) >= sizeof full - 1)
        return bad(r, "the key name is too long");
    n = rtl_from_utf8(full, wide, PP_COUNT(wide));
    if (!remove) {
        r->key = cm_make(cm_root(), wide, n, false);
        return r->key ? 0 : bad(r, "a name in the path is too long");
    }
    r->key = cm_walk(cm_root(), wide, n);
    while (r->key) { /* leaves first */
        struct cm_key *k = r->key, *child;

        while ((child = cm_child_at(k, 0)))
            k = child;
        if (cm_key_delete(k) || k == r->key)
            r->key = NULL;
    }
    return 0;
}

/* A quoted string: \" and \\ are escapes. Ends after the closing quote. NULL when there is none. */
static char *quoted(char *s, char **ret_end)
{
    char *out = s, *start = s;

    while (*s && *s != '"') {
        if (*s == '\\' && (s[1] == '"' || s[1] == '\\'))
            s++;
        *out++ = *s++;
    }
    if (!*s)
        return NULL;
    *ret_end = s + 1;
    *out = '\0';
    return start;
}

static int set_hex(struct reader *r, const WCHAR *name, size_t name_chars, uint32_t type, char *s)
{
    uint8_t *bytes = pp_new(strlen(s) / 2 + 2);
    size_t n = 0;
    int err = 0;

    if (!bytes)
        return bad(r, "out of memory");
    while (*s) {
        char *end;
        unsigned long v = strtoul(s, &end, 16);

        if (end == s || v > 0xFF) {
            err = bad(r, "bytes are two hexadecimal digits, between commas");
            break;
        }
        bytes[n++] = (uint8_t)v;
        s = end;
        while (*s == ',' || *s == ' ' || *s == '\t')
            s++;
    }
    if (!err && cm_value_set(r->key, name, name_chars * 2, type, bytes, n))
        err = bad(r, "out of memory");
    pp_free(bytes);
    return err;
}

static int set_text(struct reader *r, const WCHAR *name, size_t name_chars, const char *text)
{
    size_t room = strlen(text) + 1, n;
    WCHAR *wide = pp_new(room * sizeof *wide);
    int err;

    if (!wide)
        return bad(r, "out of memory");
    n = rtl_from_utf8(text, wide, room);
    err = cm_value_set(r->key, name, name_chars * 2, REG_SZ, wide, (n + 1) * 2)
              ? bad(r, "out of memory")
              : 0;
    pp_free(wide);
    return err;
}

static int data_part(struct reader *r, const WCHAR *name, size_t n, char *s)
{
    char *end;

    if (*s == '-') {
        struct cm_value *v = cm_value_find(r->key, name, n * 2);

        if (v)
            cm_value_delete(r->key, v);
        return 0;
    }
    if (*s == '"') {
        s = quoted(s + 1, &end);
        return s ? set_text(r, name, n, s) : bad(r, "a text without its closing quote");
    }
    if (!strncmp(s, "dword:", 6)) {
        unsigned long v = strtoul(s + 6, &end, 16);
        uint32_t v32 = (uint32_t)v;

        if (end == s + 6 || v > 0xFFFFFFFFul)
            return bad(r, "dword: wants up to eight hexadecimal digits");
        return cm_value_set(r->key, name, n * 2, REG_DWORD, &v32, 4) ? bad(r, "out of memory") : 0;
    }
    if (!strncmp(s, "hex:", 4))
        return set_hex(r, name, n, REG_BINARY, s + 4);
    if (!strncmp(s, "hex(", 4)) {
        unsigned long type = strtoul(s + 4, &end, 16);

        if (end[0] == ')' && end[1] == ':')
            return set_hex(r, name, n, (uint32_t)type, end + 2);
    }
    return bad(r, "data is none of \"text\", dword:, hex:, hex(type):, -");
}

static int value_line(struct reader *r, char *s)
{
    WCHAR wide[512];
    size_t n = 0;
    char *end = s + 1;

    if (!r->key)
        return bad(r, "a value before any key");
    if (*s == '"') {
        s = quoted(s + 1, &end);
        if (!s)
            return bad(r, "a name without its closing quote");
        n = rtl_from_utf8(s, wide, PP_COUNT(wide));
    }
    while (*end == ' ' || *end == '\t')
        end++;
    if (*end++ != '=')
        return bad(r, "a name without =");
    while (*end == ' ' || *end == '\t')
        end++;
    return data_part(r, wide, n, end);
}

int cm_load_reg(const char *text, size_t size, char why[PP_WHY_SIZE])
{
    struct reader r = {.why = why};
    char *line;
    int err = 0;

    r.text = r.at = to_utf8(text, size);
    if (!r.text) {
        pp_fmt(why, PP_WHY_SIZE, "out of memory");
        return -ENOMEM;
    }
    line = next_line(&r);
    if (!line ||
        (strncmp(line, "Windows Registry Editor Version 5", 33) && strncmp(line, "REGEDIT4", 8)))
        err = bad(&r, "the head line of a registry file is missing");
    while (!err && (line = next_line(&r))) {
        if (*line == '[')
            err = key_line(&r, line);
        else if (*line == '"' || *line == '@')
            err = value_line(&r, line);
        else if (*line && *line != ';')
            err = bad(&r, "neither a key, a value nor a comment");
    }
    pp_free(r.text);
    return err;
}
