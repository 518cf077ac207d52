/*
 * Transfers that the system makes on a file by itself: paging I/O for sections and the cache, and
 * small queries. Sent to the file system's device as IRPs and waited for.
 *
 * Doc: WDK, "IRP_MJ_READ (FS and filter drivers)": IRP_PAGING_IO, IRP_NOCACHE,
 * IRP_SYNCHRONOUS_PAGING_IO.
 */
#include "kernel/kernel_priv.h"

#include <string.h>

PMDL NTAPI IoAllocateMdl(PVOID address, ULONG length, BOOLEAN secondary, BOOLEAN quota, PIRP irp);
VOID NTAPI IoFreeMdl(PMDL mdl);

static IRP *irp_new(FILE_OBJECT *file, DEVICE_OBJECT *device, IO_STACK_LOCATION **ret_stack)
{
    IRP *irp = io_irp_new(device->StackSize);

    irp->RequestorMode = KernelMode;
    irp->Tail.Overlay.OriginalFileObject = file;
    irp->Tail.Overlay.Thread = ke_thread_now->object;
    *ret_stack = io_stack_next(irp);
    (*ret_stack)->FileObject = file;
    return irp;
}

NTSTATUS zw_paging_io(const struct zw_paging *p, size_t *ret_done)
{
    DEVICE_OBJECT *device = io_file_device(p->file);
    uint8_t *bounce = ex_alloc_kernel(p->size, "MmPg", false);
    PMDL mdl = IoAllocateMdl(bounce, (ULONG)p->size, FALSE, FALSE, NULL);
    IO_STATUS_BLOCK iosb = {0};
    IO_STACK_LOCATION *s;
    NTSTATUS status = mdl ? mm_mdl_lock(mdl, KernelMode, p->write ? IoReadAccess : IoWriteAccess)
                          : STATUS_INSUFFICIENT_RESOURCES;
    KIRQL old;
    IRP *irp;

    if (ret_done)
        *ret_done = 0;
    if (status) {
        if (mdl)
            IoFreeMdl(mdl);
        ex_free_kernel(bounce);
        return status;
    }
    mdl->MdlFlags |= MDL_IO_PAGE_READ; /* Seen: on reads and writes alike */
    if (p->write)
        memcpy(bounce, p->buffer, p->size);
    irp = irp_new(p->file, device, &s);
    irp->Flags = IRP_PAGING_IO | IRP_NOCACHE | IRP_SYNCHRONOUS_PAGING_IO |
                 (p->write ? 0 : IRP_INPUT_OPERATION);
    irp->MdlAddress = mdl;
    irp->UserBuffer = bounce;
    s->MajorFunction = p->write ? IRP_MJ_WRITE : IRP_MJ_READ;
    s->Parameters.Read.Length = (ULONG)p->size;
    s->Parameters.Read.ByteOffset.QuadPart = (LONGLONG)p->offset;
    /* Seen: a page is read at APC_LEVEL (a fault), written at PASSIVE_LEVEL (the lazy writer). */
    old = ke_irql_raise(p->write ? ke_irql() : (KIRQL)PP_MAX(APC_LEVEL, ke_irql()));
    status = io_send_wait(device, irp, &iosb);
    ke_irql_lower(old);
    if (NT_SUCCESS(status) && !p->write) {
        size_t done = PP_MIN((size_t)iosb.Information, p->size);

        memcpy(p->buffer, bounce, done);
        memset((uint8_t *)p->buffer + done, 0, p->size - done);
    }
    if (ret_done)
        *ret_done = NT_SUCCESS(status) ? PP_MIN((size_t)iosb.Information, p->size) : 0;
    ex_free_kernel(bounce);
    return status;
}

NTSTATUS zw_query_file(FILE_OBJECT *file, ULONG info_class, void *buffer, size_t size)
{
    DEVICE_OBJECT *device = io_file_device(file);
    void *system = ex_alloc_kernel(size, "IoQf", false);
    IO_STACK_LOCATION *s;
    IRP *irp = irp_new(file, device, &s);
    NTSTATUS status;

    irp->Flags = IRP_SYNCHRONOUS_API;
    irp->AssociatedIrp.SystemBuffer = system;
    s->MajorFunction = IRP_MJ_QUERY_INFORMATION;
    s->Parameters.QueryFile.Length = (ULONG)size;
    s->Parameters.QueryFile.FileInformationClass = info_class;
    status = io_send_wait(device, irp, NULL);
    if (!NT_ERROR(status))
        memcpy(buffer, system, size);
    ex_free_kernel(system);
    return status;
}
