/* Shared by pnp_*.c only. */
#ifndef POOLPROOF_PNP_PRIV_H
#define POOLPROOF_PNP_PRIV_H

#include "kernel/io_nt.h"

#define PNP_ENUM_KEY u"\\Registry\\Machine\\System\\CurrentControlSet\\Enum\\"
#define PNP_CLASS_KEY u"\\Registry\\Machine\\System\\CurrentControlSet\\Control\\Class\\"

enum {
    PNP_RESOURCES = 3, /* memory, ports, interrupt */
    PNP_MEMORY_SIZE = 0x1000,
    PNP_PORT_BASE = 0xC000,
    PNP_PORT_SIZE = 0x20,
    PNP_VECTOR = 0x71,
    PNP_IRQL = 7,
};
#define PNP_MEMORY_BASE 0xFEB00000u /* where firmware puts devices: below 4 GB, above RAM */

struct pnp_node {
    struct pp_list link;
    DEVICE_OBJECT *pdo;
    unsigned number;
    char service[VF_NAME];
    WCHAR instance[64];   /* ROOT\POOLPROOF\0000 */
    WCHAR driver_key[64]; /* {class}\0000 */
    WCHAR hardware[320];  /* hardware IDs, the most specific first, each ended by a NUL, and one more */
    size_t hardware_size; /* bytes */
    CM_RESOURCE_LIST *raw, *translated;
    PCI_COMMON_CONFIG config;
    ULONG power; /* DEVICE_POWER_STATE */
    bool is_started, is_removed;
};

/* Open (and create, level by level) the key `path` + `leaf`. */
NTSTATUS pnp_key_open(const WCHAR *path, const WCHAR *leaf, ACCESS_MASK access, bool create,
                      HANDLE *ret);
/* n->hardware for pnp_node_identify, and the numbers in configuration space. */
void pnp_ids_fill(struct pnp_node *n, const char *id);
/* The device was removed: reads that wait end (pnp_usb.c). */
void pnp_usb_gone(const DEVICE_OBJECT *pdo);
void pnp_relations_free(DEVICE_RELATIONS *r);
/* Enabled interfaces of a class. fn returns false to stop. */
bool pnp_interface_each_of(const GUID *guid, bool (*fn)(void *ctx, const UNICODE_STRING *name),
                           void *ctx);

#endif
