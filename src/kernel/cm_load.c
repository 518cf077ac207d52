/* What the registry holds at boot, and the machine's own settings read over it (base/reg.h). */
#include "kernel/cm_priv.h"
#include "base/reg.h"

#include <errno.h>

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

bool cm_dword(const char *path, const char *name, uint32_t *ret)
{
    WCHAR wide_path[CM_PATH_MAX], wide_name[64];
    size_t chars = rtl_from_utf8(path, wide_path, PP_COUNT(wide_path));
    size_t size = rtl_from_utf8(name, wide_name, PP_COUNT(wide_name)) * sizeof *wide_name;
    struct cm_key *k = cm_walk(cm_root(), wide_path, chars);
    struct cm_value *v = k ? cm_value_find(k, wide_name, size) : NULL;

    if (!v || v->type != REG_DWORD || v->size != sizeof *ret)
        return false;
    *ret = pp_load32(v->data);
    return true;
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

struct load {
    struct cm_key *key; /* that values go to */
};

static int refuse(char why[PP_WHY_SIZE], const char *what)
{
    pp_fmt(why, PP_WHY_SIZE, "%s", what);
    return -EINVAL;
}

/* The key's path below \Registry, UTF-16. Returns the characters, 0: too long. */
static size_t native_path(const char *path, WCHAR wide[CM_PATH_MAX])
{
    static const char *const hives[] = {
        [PP_REG_LOCAL_MACHINE] = "Machine",
        [PP_REG_USERS] = "User",
        [PP_REG_CURRENT_USER] = "User\\.Default",
        [PP_REG_CLASSES_ROOT] = "Machine\\Software\\Classes",
        [PP_REG_CURRENT_CONFIG] = "Machine\\System\\CurrentControlSet\\Hardware Profiles\\Current",
    };
    char full[CM_PATH_MAX];
    const char *rest;
    enum pp_reg_root root = pp_reg_root(path, &rest);

    if (pp_fmt(full, sizeof full, "%s%s", hives[root], rest) >= sizeof full - 1)
        return 0;
    return rtl_from_utf8(full, wide, CM_PATH_MAX);
}

static void delete_tree(struct cm_key *top)
{
    while (top) { /* leaves first */
        struct cm_key *k = top, *child;

        while ((child = cm_child_at(k, 0)))
            k = child;
        if (cm_key_delete(k) || k == top)
            top = NULL;
    }
}

static int load_key(struct load *l, const struct pp_reg_item *item, char why[PP_WHY_SIZE])
{
    WCHAR wide[CM_PATH_MAX];
    size_t n = native_path(item->text, wide);

    if (!n)
        return refuse(why, "the key name is too long");
    if (item->kind == PP_REG_KEY_DELETED) {
        delete_tree(cm_walk(cm_root(), wide, n));
        return 0;
    }
    l->key = cm_make(cm_root(), wide, n, false);
    return l->key ? 0 : refuse(why, "a name in the path is too long");
}

static int load_value(struct load *l, const struct pp_reg_item *item, char why[PP_WHY_SIZE])
{
    WCHAR wide[512];
    size_t size = rtl_from_utf8(item->text, wide, PP_COUNT(wide)) * sizeof *wide;
    struct cm_value *v;

    if (item->kind == PP_REG_VALUE)
        return cm_value_set(l->key, wide, size, item->type, item->data, item->size)
                   ? refuse(why, "out of memory")
                   : 0;
    v = cm_value_find(l->key, wide, size);
    if (v)
        cm_value_delete(l->key, v);
    return 0;
}

static int load_item(void *ctx, const struct pp_reg_item *item, char why[PP_WHY_SIZE])
{
    switch (item->kind) {
    case PP_REG_KEY:
    case PP_REG_KEY_DELETED:
        return load_key(ctx, item, why);
    case PP_REG_VALUE:
    case PP_REG_VALUE_DELETED:
        return load_value(ctx, item, why);
    case PP_REG_COMMENT:
    case PP_REG_BLANK:
        break;
    }
    return 0;
}

int cm_load_reg(const char *text, size_t size, char why[PP_WHY_SIZE])
{
    struct load l = {0};

    return pp_reg_read(text, size, load_item, &l, why);
}
