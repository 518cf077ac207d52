/* I/O manager, PnP, power. Owner of: io_*.c, pnp_*.c, po_*.c, wmi_*.c. */
#ifndef POOLPROOF_IO_PRIV_H
#define POOLPROOF_IO_PRIV_H

DRIVER_OBJECT *io_driver_new(struct ke_image *image, const char *service);
/* Native form of IofCallDriver / IofCompleteRequest. */
NTSTATUS io_call(DEVICE_OBJECT *device, IRP *irp);
void io_complete(IRP *irp, CCHAR boost);
IRP *io_irp_new(CCHAR stack_size); /* guarded; owned by the kernel */
void io_irp_free(IRP *irp);
/* Devices of a driver are gone, symbolic links left: for the unload check. */
void io_check_unload(struct ke_image *image);

#endif
