/*
 * usbd.sys: the pure routines client drivers import, which parse descriptors and build request
 * blocks.
 *
 * Doc: usbdlib.h, USBD_ParseConfigurationDescriptorEx, USBD_CreateConfigurationRequestEx,
 * USBD_ParseDescriptors, USBD_GetUSBDIVersion; USB 2.0 specification, chapter 9.
 */
#include "kernel/io_nt.h"

#include <string.h>

enum {
    URB_TAG = 0x64627355 /* Usbd */,
    INTERFACE_HEAD = offsetof(USBD_INTERFACE_INFORMATION, Pipes),
    DEFAULT_TRANSFER = 0x1000 /* 4 KB, as the header's default */
};

NT_EXPORT VOID NTAPI USBD_GetUSBDIVersion(PUSBD_VERSION_INFORMATION ret)
{
    ret->USBDI_Version = 0x600; /* Windows Vista and later */
    ret->Supported_USB_Version = 0x200;
}

/* First descriptor of `type` in [buffer, buffer + size) from `start` on; NULL when there is none.
 */
NT_EXPORT PVOID NTAPI USBD_ParseDescriptors(PVOID buffer, ULONG size, PVOID start, LONG type)
{
    const uint8_t *end = (const uint8_t *)buffer + size;
    uint8_t *p = start;

    while (p + sizeof(USB_COMMON_DESCRIPTOR) <= end) {
        const USB_COMMON_DESCRIPTOR *d = (const USB_COMMON_DESCRIPTOR *)p;

        if (d->bDescriptorType == type)
            return p;
        if (!d->bLength)
            return NULL;
        p += d->bLength;
    }
    return NULL;
}

static bool matches(const USB_INTERFACE_DESCRIPTOR *d, const LONG want[5])
{
    const UCHAR have[5] = {d->bInterfaceNumber, d->bAlternateSetting, d->bInterfaceClass,
                           d->bInterfaceSubClass, d->bInterfaceProtocol};

    for (unsigned i = 0; i < 5; i++)
        if (want[i] != -1 && want[i] != have[i])
            return false;
    return true;
}

NT_EXPORT PUSB_INTERFACE_DESCRIPTOR NTAPI
USBD_ParseConfigurationDescriptorEx(PUSB_CONFIGURATION_DESCRIPTOR config, PVOID start, LONG number,
                                    LONG alternate, LONG class_code, LONG sub_class, LONG protocol)
{
    const LONG want[5] = {number, alternate, class_code, sub_class, protocol};
    uint8_t *end = (uint8_t *)config + config->wTotalLength, *p = start;

    while (p < end) {
        USB_INTERFACE_DESCRIPTOR *d =
            USBD_ParseDescriptors(config, config->wTotalLength, p, USB_INTERFACE_DESCRIPTOR_TYPE);

        if (!d)
            return NULL;
        if (matches(d, want))
            return d;
        p = (uint8_t *)d + d->bLength;
    }
    return NULL;
}

NT_EXPORT PUSB_INTERFACE_DESCRIPTOR NTAPI USBD_ParseConfigurationDescriptor(
    PUSB_CONFIGURATION_DESCRIPTOR config, UCHAR number, UCHAR alternate)
{
    return USBD_ParseConfigurationDescriptorEx(config, config, number, alternate, -1, -1, -1);
}

/* Bytes of the interface and endpoint descriptors that belong to it. */
NT_EXPORT ULONG NTAPI USBD_GetInterfaceLength(PUSB_INTERFACE_DESCRIPTOR interface, PUCHAR end)
{
    const uint8_t *p = (const uint8_t *)interface;
    ULONG length = interface->bLength;

    p += length;
    while (p + sizeof(USB_COMMON_DESCRIPTOR) <= end) {
        const USB_COMMON_DESCRIPTOR *d = (const USB_COMMON_DESCRIPTOR *)p;

        if (d->bDescriptorType == USB_INTERFACE_DESCRIPTOR_TYPE || !d->bLength)
            break;
        length += d->bLength;
        p += d->bLength;
    }
    return length;
}

/* ---- Select-configuration requests ---- */

static ULONG interface_size(const USB_INTERFACE_DESCRIPTOR *d)
{
    return (ULONG)(INTERFACE_HEAD + d->bNumEndpoints * sizeof(USBD_PIPE_INFORMATION));
}

static void interface_put(USBD_INTERFACE_INFORMATION *i, const USB_INTERFACE_DESCRIPTOR *d)
{
    i->Length = (USHORT)interface_size(d);
    i->InterfaceNumber = d->bInterfaceNumber;
    i->AlternateSetting = d->bAlternateSetting;
    i->Class = d->bInterfaceClass;
    i->SubClass = d->bInterfaceSubClass;
    i->Protocol = d->bInterfaceProtocol;
    i->NumberOfPipes = d->bNumEndpoints;
    for (ULONG k = 0; k < i->NumberOfPipes; k++)
        i->Pipes[k].MaximumTransferSize = DEFAULT_TRANSFER;
}

NT_EXPORT PURB NTAPI USBD_CreateConfigurationRequestEx(PUSB_CONFIGURATION_DESCRIPTOR config,
                                                       PUSBD_INTERFACE_LIST_ENTRY list)
{
    ULONG size = (ULONG)offsetof(struct _URB_SELECT_CONFIGURATION, Interface);
    USBD_INTERFACE_INFORMATION *at;
    struct _URB_SELECT_CONFIGURATION *urb;

    for (USBD_INTERFACE_LIST_ENTRY *e = list; e->InterfaceDescriptor; e++)
        size += interface_size(e->InterfaceDescriptor);
    if (size > NT_MAXUSHORT)
        return NULL;
    urb = ex_alloc_for_driver(NonPagedPoolNx, size, URB_TAG);
    if (!urb)
        return NULL;
    memset(urb, 0, size);
    urb->Hdr.Length = (USHORT)size;
    urb->Hdr.Function = URB_FUNCTION_SELECT_CONFIGURATION;
    urb->ConfigurationDescriptor = config;
    at = &urb->Interface;
    for (USBD_INTERFACE_LIST_ENTRY *e = list; e->InterfaceDescriptor; e++) {
        interface_put(at, e->InterfaceDescriptor);
        e->Interface = at;
        at = (USBD_INTERFACE_INFORMATION *)((uint8_t *)at + at->Length);
    }
    return (PURB)urb;
}

enum { MAX_INTERFACES = 32 };

/* Every interface with alternate setting 0. */
NT_EXPORT PURB NTAPI USBD_CreateConfigurationRequest(PUSB_CONFIGURATION_DESCRIPTOR config,
                                                     PUSHORT ret_size)
{
    USBD_INTERFACE_LIST_ENTRY list[MAX_INTERFACES + 1] = {{0}};
    unsigned count = 0;
    URB *urb;

    for (LONG n = 0; n < config->bNumInterfaces && count < MAX_INTERFACES; n++) {
        list[count].InterfaceDescriptor =
            USBD_ParseConfigurationDescriptorEx(config, config, n, 0, -1, -1, -1);
        if (list[count].InterfaceDescriptor)
            count++;
    }
    urb = USBD_CreateConfigurationRequestEx(config, list);
    *ret_size = urb ? ((struct _URB_HEADER *)urb)->Length : 0;
    return urb;
}

/* A value of the device's hardware key. The simulated devices are no USB devices: it has none of
 * them. */
NT_EXPORT NTSTATUS NTAPI USBD_GetPdoRegistryParameter(PDEVICE_OBJECT pdo, PVOID data, ULONG size,
                                                      PWSTR name, ULONG name_size)
{
    (void)data;
    (void)size;
    mm_check_range(name, name_size, false);
    return pnp_node_of(pdo) ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_INVALID_PARAMETER;
}
