/*
 * What a simulated device says it is: the hardware IDs that its bus would report for it, and the
 * numbers of them in its configuration space. A driver of several devices compares them in
 * AddDevice and refuses what it does not know.
 *
 * Doc: WDK, "Hardware IDs": the most specific comes first; "Identifiers for PCI Devices":
 * PCI\VEN_v&DEV_d&SUBSYS_s&REV_r, then the same without the end.
 */
#include "kernel/pnp_priv.h"

#include <stdlib.h>
#include <string.h>

static void add(struct pnp_node *n, const char *text)
{
    size_t at = n->hardware_size ? n->hardware_size / sizeof(WCHAR) - 1 : 0;
    size_t room = PP_COUNT(n->hardware) - 1 - at; /* without the list's own NUL */

    if (strlen(text) >= room)
        return;
    rtl_from_utf8(text, n->hardware + at, room);
    at += strlen(text) + 1;
    n->hardware[at] = 0;
    n->hardware_size = (at + 1) * sizeof(WCHAR);
}

/* The hexadecimal number behind `name`. */
static bool number(const char *id, const char *name, unsigned digits, unsigned *ret)
{
    const char *p = strstr(id, name);
    char text[8] = "", *end;

    if (!p)
        return false;
    memcpy(text, p + strlen(name), strnlen(p + strlen(name), digits));
    *ret = (unsigned)strtoul(text, &end, 16);
    return end == text + digits;
}

static void add_pci(struct pnp_node *n, const char *id)
{
    PCI_COMMON_CONFIG *c = &n->config;
    unsigned vendor, device, class;
    char text[128];

    if (number(id, "CC_", 4, &class)) {
        c->BaseClass = (UCHAR)(class >> 8);
        c->SubClass = (UCHAR) class;
    }
    if (!number(id, "VEN_", 4, &vendor) || !number(id, "DEV_", 4, &device)) {
        add(n, id);
        return;
    }
    c->VendorID = (USHORT)vendor;
    c->DeviceID = (USHORT)device;
    if (!strstr(id, "SUBSYS_")) {
        pp_fmt(text, sizeof text, "%s&SUBSYS_%04X%04X&REV_%02X", id, c->u.type0.SubSystemID,
               c->u.type0.SubVendorID, c->RevisionID);
        add(n, text);
    }
    add(n, id);
}

static void registry_value(const struct pnp_node *n)
{
    UNICODE_STRING name;
    HANDLE key;

    if (!NT_SUCCESS(pnp_key_open(PNP_ENUM_KEY, n->instance, KEY_ALL_ACCESS, true, &key)))
        return;
    rtl_init_string(&name, u"HardwareID");
    (void)ZwSetValueKey(key, &name, 0, REG_MULTI_SZ, (PVOID)(uintptr_t)n->hardware,
                        (ULONG)n->hardware_size);
    (void)ZwClose(key);
}

void pnp_ids_fill(struct pnp_node *n, const char *id)
{
    char text[128];
    size_t size;

    n->hardware_size = 0;
    if (id) {
        pp_fmt(text, sizeof text, "%s", id);
        size = strcspn(text, "*"); /* a pattern of the driver's: any end will do */
        while (size && text[size - 1] == '&')
            size--;
        text[size] = '\0';
        if (!strncmp(text, "PCI\\", 4))
            add_pci(n, text);
        else
            add(n, text);
    }
    pp_fmt(text, sizeof text, "ROOT\\%s", n->service);
    add(n, text);
}

void pnp_node_identify(struct pnp_node *n, const char *id)
{
    pnp_ids_fill(n, id);
    registry_value(n);
}
