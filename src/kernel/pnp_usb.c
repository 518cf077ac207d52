/*
 * The USB side of a simulated device, for client drivers of usbd.sys: request blocks that reach the
 * bottom of the stack are answered as a vendor-specific full-speed device without function would. It
 * has one interface with a bulk pipe each way and an interrupt pipe. What is sent to it is taken; a
 * read ends with no data after two seconds.
 *
 * Doc: WDK, usb.h and usbioctl.h: IOCTL_INTERNAL_USB_SUBMIT_URB, URB; USB 2.0 specification, chapter 9.
 */
#include "kernel/pnp_priv.h"

#include "kernel/ke_priv.h"

#include <string.h>

/* usb.h: names that nt/usb.h has no use for otherwise. */
#define URB_FUNCTION_GET_STATUS_FROM_ENDPOINT 0x0015
#define URB_FUNCTION_SET_FEATURE_TO_OTHER 0x0023
#define URB_FUNCTION_CLASS_OTHER 0x001F
#define URB_FUNCTION_VENDOR_OTHER 0x0020
#define URB_FUNCTION_CLEAR_FEATURE_TO_OTHER 0x0022
#define URB_FUNCTION_SYNC_RESET_PIPE 0x0030
#define URB_FUNCTION_SYNC_CLEAR_STALL 0x0031
#define USBD_STATUS_INVALID_PIPE_HANDLE ((USBD_STATUS)0x80000600)

enum {
    PIPES = 3,
    DIRECTION_IN = 0x80,
    SETUP_GET_DESCRIPTOR = 6,
    READ_TAKES = 20000000, /* 100 ns units */
};

NT_PACKED(1)
static const struct {
    USB_CONFIGURATION_DESCRIPTOR config;
    USB_INTERFACE_DESCRIPTOR interface;
    USB_ENDPOINT_DESCRIPTOR endpoints[PIPES];
} configuration = {
    {9, USB_CONFIGURATION_DESCRIPTOR_TYPE, sizeof configuration, 1, 1, 0, 0x80, 50},
    {9, USB_INTERFACE_DESCRIPTOR_TYPE, 0, 0, PIPES, 0xFF, 0xFF, 0xFF, 0},
    {{7, USB_ENDPOINT_DESCRIPTOR_TYPE, DIRECTION_IN | 2, USB_ENDPOINT_TYPE_BULK, 64, 0},
     {7, USB_ENDPOINT_DESCRIPTOR_TYPE, 2, USB_ENDPOINT_TYPE_BULK, 64, 0},
     {7, USB_ENDPOINT_DESCRIPTOR_TYPE, DIRECTION_IN | 1, USB_ENDPOINT_TYPE_INTERRUPT, 8, 10}},
};
NT_UNPACKED

static const USB_DEVICE_DESCRIPTOR identity = {.bLength = 18,
                                               .bDescriptorType = USB_DEVICE_DESCRIPTOR_TYPE,
                                               .bcdUSB = 0x0110,
                                               .bDeviceClass = 0xFF,
                                               .bDeviceSubClass = 0xFF,
                                               .bDeviceProtocol = 0xFF,
                                               .bMaxPacketSize0 = 8,
                                               .idVendor = 0x1AF4,
                                               .idProduct = 0x50F1,
                                               .bcdDevice = 0x0100,
                                               .iProduct = 1,
                                               .bNumConfigurations = 1};

/* A read that waits for data. Lies where drivers' memory lies: its timer and DPC are the kernel's. */
struct transfer {
    KTIMER timer;
    KDPC dpc;
    struct pp_list link;
    IRP *irp;
    DEVICE_OBJECT *pdo;
    void *pipe;
};

static struct pp_list transfers = {&transfers, &transfers};

/* ---- Data ---- */

static void *buffer_of(void *buffer, MDL *mdl)
{
    if (buffer || !mdl)
        return buffer;
    if (mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL))
        return mdl->MappedSystemVa;
    return MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, 0, NormalPagePriority);
}

/* All requests with data have the members of a control transfer. NULL data: zeros, as many as asked. */
static USBD_STATUS put(struct _URB_CONTROL_TRANSFER *t, const void *data, size_t size)
{
    void *to = buffer_of(t->TransferBuffer, t->TransferBufferMDL);
    ULONG count = data ? (ULONG)PP_MIN((size_t)t->TransferBufferLength, size) : t->TransferBufferLength;

    if (count && !to)
        return USBD_STATUS_INVALID_PARAMETER;
    if (data)
        memcpy(to, data, count);
    else if (count)
        memset(to, 0, count);
    t->TransferBufferLength = count;
    return USBD_STATUS_SUCCESS;
}

static USBD_STATUS put_descriptor(struct _URB_CONTROL_TRANSFER *t, UCHAR type, UCHAR index)
{
    static const UCHAR languages[] = {4, USB_STRING_DESCRIPTOR_TYPE, 9, 4}; /* English (United States) */
    static const UCHAR name[] = {20,  USB_STRING_DESCRIPTOR_TYPE, 'P', 0, 'o', 0, 'o', 0, 'l', 0, 'p', 0,
                                 'r', 0, 'o', 0, 'o', 0, 'f', 0};

    if (type == USB_DEVICE_DESCRIPTOR_TYPE)
        return put(t, &identity, sizeof identity);
    if (type == USB_CONFIGURATION_DESCRIPTOR_TYPE)
        return put(t, &configuration, sizeof configuration);
    if (type == USB_STRING_DESCRIPTOR_TYPE)
        return index ? put(t, name, sizeof name) : put(t, languages, sizeof languages);
    return USBD_STATUS_STALL_PID;
}

static USBD_STATUS control(struct _URB_CONTROL_TRANSFER *t)
{
    const UCHAR *setup = t->SetupPacket;

    if (setup[0] == DIRECTION_IN && setup[1] == SETUP_GET_DESCRIPTOR)
        return put_descriptor(t, setup[3], setup[2]);
    return setup[0] & DIRECTION_IN ? put(t, NULL, 0) : USBD_STATUS_SUCCESS;
}

/* ---- Pipes ---- */

static void *pipe_handle(DEVICE_OBJECT *pdo, unsigned k)
{
    return (uint8_t *)pdo + 1 + k; /* opaque to drivers */
}

/* The endpoint of a handle; NULL when it is none. */
static const USB_ENDPOINT_DESCRIPTOR *endpoint_of(DEVICE_OBJECT *pdo, const void *handle)
{
    for (unsigned k = 0; k < PIPES; k++)
        if (handle == pipe_handle(pdo, k))
            return &configuration.endpoints[k];
    return NULL;
}

static void open_interface(DEVICE_OBJECT *pdo, USBD_INTERFACE_INFORMATION *i)
{
    size_t room = i->Length > offsetof(USBD_INTERFACE_INFORMATION, Pipes)
                      ? (i->Length - offsetof(USBD_INTERFACE_INFORMATION, Pipes)) / sizeof i->Pipes[0]
                      : 0;

    i->Class = i->SubClass = i->Protocol = 0xFF;
    i->InterfaceHandle = pipe_handle(pdo, PIPES);
    i->NumberOfPipes = (ULONG)PP_MIN(room, (size_t)PIPES);
    for (unsigned k = 0; k < i->NumberOfPipes; k++) {
        const USB_ENDPOINT_DESCRIPTOR *e = &configuration.endpoints[k];
        USBD_PIPE_INFORMATION *p = &i->Pipes[k];

        p->MaximumPacketSize = e->wMaxPacketSize;
        p->EndpointAddress = e->bEndpointAddress;
        p->Interval = e->bInterval;
        p->PipeType = (USBD_PIPE_TYPE)(e->bmAttributes & USB_ENDPOINT_TYPE_MASK);
        p->PipeHandle = pipe_handle(pdo, k);
    }
}

static USBD_STATUS select_configuration(DEVICE_OBJECT *pdo, struct _URB_SELECT_CONFIGURATION *c)
{
    if (!c->ConfigurationDescriptor)
        return USBD_STATUS_SUCCESS; /* back to the unconfigured state */
    c->ConfigurationHandle = pipe_handle(pdo, PIPES + 1);
    if (c->Hdr.Length > offsetof(struct _URB_SELECT_CONFIGURATION, Interface))
        open_interface(pdo, &c->Interface);
    return USBD_STATUS_SUCCESS;
}

/* ---- Reads that wait ---- */

static NTSTATUS status_of(USBD_STATUS s)
{
    if (s == USBD_STATUS_SUCCESS)
        return STATUS_SUCCESS;
    if (s == USBD_STATUS_CANCELED)
        return STATUS_CANCELLED;
    if (s == USBD_STATUS_DEVICE_GONE)
        return STATUS_NO_SUCH_DEVICE;
    return s == USBD_STATUS_STALL_PID ? STATUS_UNSUCCESSFUL : STATUS_INVALID_PARAMETER;
}

static void transfer_end(struct transfer *t, USBD_STATUS status)
{
    IRP *irp = t->irp;
    URB *urb = io_stack(irp)->Parameters.Others.Argument1;

    pp_list_remove(&t->link);
    (void)KeCancelTimer(&t->timer);
    (void)KeRemoveQueueDpc(&t->dpc);
    ex_free_kernel(t);
    irp->CancelRoutine = NULL;
    urb->UrbHeader.Status = status;
    urb->UrbBulkOrInterruptTransfer.TransferBufferLength = 0;
    irp->IoStatus.Status = status_of(status);
    irp->IoStatus.Information = 0;
    io_complete(irp, IO_NO_INCREMENT);
}

/* One of the device's, of `pipe` unless that is NULL. */
static struct transfer *transfer_of(const DEVICE_OBJECT *pdo, const void *pipe)
{
    struct pp_list *it;

    PP_LIST_EACH(it, &transfers)
    {
        struct transfer *t = PP_CONTAINER(it, struct transfer, link);

        if (t->pdo == pdo && (!pipe || t->pipe == pipe))
            return t;
    }
    return NULL;
}

static void end_all(const DEVICE_OBJECT *pdo, const void *pipe, USBD_STATUS status)
{
    struct transfer *t;

    while ((t = transfer_of(pdo, pipe)) != NULL)
        transfer_end(t, status);
}

void pnp_usb_gone(const DEVICE_OBJECT *pdo)
{
    end_all(pdo, NULL, USBD_STATUS_DEVICE_GONE);
}

NT_EXPORT VOID NTAPI IopUsbDpc(PKDPC dpc, PVOID context, PVOID a, PVOID b)
{
    (void)dpc;
    (void)a;
    (void)b;
    transfer_end(context, USBD_STATUS_SUCCESS);
}

NT_EXPORT VOID NTAPI IopUsbCancel(PDEVICE_OBJECT device, PIRP irp)
{
    struct pp_list *it;

    (void)device;
    IoReleaseCancelSpinLock(irp->CancelIrql);
    PP_LIST_EACH(it, &transfers)
    {
        struct transfer *t = PP_CONTAINER(it, struct transfer, link);

        if (t->irp == irp) {
            transfer_end(t, USBD_STATUS_CANCELED);
            return;
        }
    }
}

static NTSTATUS read_wait(DEVICE_OBJECT *pdo, IRP *irp, void *pipe)
{
    struct transfer *t = ex_alloc_kernel(sizeof *t, "PpUt", false);
    LARGE_INTEGER due = {.QuadPart = -(LONGLONG)READ_TAKES};

    t->irp = irp;
    t->pdo = pdo;
    t->pipe = pipe;
    pp_list_push_back(&transfers, &t->link);
    KeInitializeTimer(&t->timer);
    KeInitializeDpc(&t->dpc, (PKDEFERRED_ROUTINE)(uintptr_t)ke_export_stub("IopUsbDpc"), t);
    io_stack(irp)->Control |= SL_PENDING_RETURNED;
    if (irp->Cancel) {
        transfer_end(t, USBD_STATUS_CANCELED);
        return STATUS_PENDING;
    }
    irp->CancelRoutine = (PDRIVER_CANCEL)(uintptr_t)ke_export_stub("IopUsbCancel");
    (void)KeSetTimerEx(&t->timer, due, 0, &t->dpc);
    return STATUS_PENDING;
}

/* ---- Requests ---- */

static USBD_STATUS answer(DEVICE_OBJECT *pdo, URB *urb)
{
    struct _URB_CONTROL_DESCRIPTOR_REQUEST *d = &urb->UrbControlDescriptorRequest;
    struct _URB_CONTROL_TRANSFER *t = &urb->UrbControlTransfer;
    static const UCHAR one = 1, zeros[2];

    switch (urb->UrbHeader.Function) {
    case URB_FUNCTION_SELECT_CONFIGURATION:
        return select_configuration(pdo, &urb->UrbSelectConfiguration);
    case URB_FUNCTION_SELECT_INTERFACE:
        open_interface(pdo, &urb->UrbSelectInterface.Interface);
        return USBD_STATUS_SUCCESS;
    case URB_FUNCTION_ABORT_PIPE:
        end_all(pdo, urb->UrbPipeRequest.PipeHandle, USBD_STATUS_CANCELED);
        return USBD_STATUS_SUCCESS;
    case URB_FUNCTION_SYNC_RESET_PIPE_AND_CLEAR_STALL:
    case URB_FUNCTION_SYNC_RESET_PIPE:
    case URB_FUNCTION_SYNC_CLEAR_STALL:
        return endpoint_of(pdo, urb->UrbPipeRequest.PipeHandle) ? USBD_STATUS_SUCCESS
                                                                : USBD_STATUS_INVALID_PIPE_HANDLE;
    case URB_FUNCTION_GET_CURRENT_FRAME_NUMBER:
        urb->UrbGetCurrentFrameNumber.FrameNumber = (ULONG)(ke_time_now() / 10000);
        return USBD_STATUS_SUCCESS;
    case URB_FUNCTION_CONTROL_TRANSFER:
        return control(t);
    case URB_FUNCTION_GET_DESCRIPTOR_FROM_DEVICE:
        return put_descriptor(t, d->DescriptorType, d->Index);
    case URB_FUNCTION_GET_CONFIGURATION:
        return put(t, &one, sizeof one);
    case URB_FUNCTION_GET_INTERFACE:
        return put(t, zeros, 1);
    default:
        break;
    }
    if (urb->UrbHeader.Function >= URB_FUNCTION_GET_STATUS_FROM_DEVICE &&
        urb->UrbHeader.Function <= URB_FUNCTION_GET_STATUS_FROM_ENDPOINT)
        return put(t, zeros, sizeof zeros);
    if ((urb->UrbHeader.Function >= URB_FUNCTION_VENDOR_DEVICE &&
         urb->UrbHeader.Function <= URB_FUNCTION_CLASS_ENDPOINT) ||
        urb->UrbHeader.Function == URB_FUNCTION_CLASS_OTHER ||
        urb->UrbHeader.Function == URB_FUNCTION_VENDOR_OTHER)
        return t->TransferFlags & USBD_TRANSFER_DIRECTION_IN ? put(t, NULL, 0) : USBD_STATUS_SUCCESS;
    if ((urb->UrbHeader.Function >= URB_FUNCTION_SET_FEATURE_TO_DEVICE &&
         urb->UrbHeader.Function < URB_FUNCTION_GET_STATUS_FROM_DEVICE) ||
        urb->UrbHeader.Function == URB_FUNCTION_SET_FEATURE_TO_OTHER ||
        urb->UrbHeader.Function == URB_FUNCTION_CLEAR_FEATURE_TO_OTHER)
        return USBD_STATUS_SUCCESS;
    return USBD_STATUS_INVALID_URB_FUNCTION;
}

static NTSTATUS submit(DEVICE_OBJECT *pdo, IRP *irp, URB *urb)
{
    struct _URB_BULK_OR_INTERRUPT_TRANSFER *t = &urb->UrbBulkOrInterruptTransfer;
    const USB_ENDPOINT_DESCRIPTOR *e;

    if (urb->UrbHeader.Function != URB_FUNCTION_BULK_OR_INTERRUPT_TRANSFER) {
        urb->UrbHeader.Status = answer(pdo, urb);
        return status_of(urb->UrbHeader.Status);
    }
    e = endpoint_of(pdo, t->PipeHandle);
    if (e && e->bEndpointAddress & DIRECTION_IN) {
        urb->UrbHeader.Status = USBD_STATUS_PENDING;
        return read_wait(pdo, irp, t->PipeHandle);
    }
    urb->UrbHeader.Status = e ? USBD_STATUS_SUCCESS : USBD_STATUS_INVALID_PIPE_HANDLE;
    return status_of(urb->UrbHeader.Status);
}

NT_EXPORT NTSTATUS NTAPI IopBusInternalControl(PDEVICE_OBJECT device, PIRP irp)
{
    const IO_STACK_LOCATION *s = io_stack(irp);
    void *argument = s->Parameters.Others.Argument1;
    NTSTATUS status = STATUS_INVALID_DEVICE_REQUEST;

    switch (s->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_INTERNAL_USB_SUBMIT_URB:
        status = argument ? submit(device, irp, argument) : STATUS_INVALID_PARAMETER;
        break;
    case IOCTL_INTERNAL_USB_GET_PORT_STATUS:
        if (argument) {
            *(ULONG *)argument = USBD_PORT_ENABLED | USBD_PORT_CONNECTED;
            status = STATUS_SUCCESS;
        }
        break;
    case IOCTL_INTERNAL_USB_RESET_PORT:
    case IOCTL_INTERNAL_USB_CYCLE_PORT:
        status = STATUS_SUCCESS;
        break;
    default:
        break;
    }
    if (status == STATUS_PENDING)
        return status;
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = 0;
    io_complete(irp, IO_NO_INCREMENT);
    return status;
}
