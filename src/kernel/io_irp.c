/*
 * IRPs: memory, initialisation, and the builders.
 *
 * Each IRP is a guarded block of exactly IoSizeOfIrp bytes, so a store past its last stack location
 * faults at once. What we must know about an IRP besides its driver-visible fields lies in a struct
 * io_irp found by address: a driver that damages an IRP damages nothing of ours, and an address
 * that is not a live IRP is known as such.
 *
 * With verification off, freed IRPs are kept for reuse (a buffered request then costs no
 * allocation).
 *
 * Doc: WDK, "Handling IRPs"; wdm.h, IoAllocateIrp and neighbours.
 */
#include "kernel/io_nt.h"

#include <string.h>

enum { BUCKETS = 1024, KEEP_STACK = 8, KEEP_COUNT = 64, FIXED_STACK = 8 };

static struct {
    struct io_irp *bucket[BUCKETS];
    struct io_irp *spare;                /* records without an IRP */
    struct io_irp *keep[KEEP_STACK + 1]; /* freed IRPs by stack size, checks off only */
    unsigned keep_count[KEEP_STACK + 1];
} g;

static struct io_irp **bucket_of(const void *p)
{
    return &g.bucket[((uintptr_t)p >> 4) * 0x9E3779B97F4A7C15ull >> 54];
}

struct io_irp *io_irp_of(const void *p)
{
    struct io_irp *i;

    for (i = *bucket_of(p); i; i = i->next)
        if (i->irp == p)
            return i;
    return NULL;
}

bool io_is_irp(const void *p)
{
    return io_irp_of(p) != NULL;
}

static void bucket_add(struct io_irp *i)
{
    struct io_irp **b = bucket_of(i->irp);

    i->next = *b;
    *b = i;
}

static void bucket_remove(struct io_irp *i)
{
    struct io_irp **p = bucket_of(i->irp);

    while (*p != i)
        p = &(*p)->next;
    *p = i->next;
    i->next = NULL;
}

unsigned io_irp_each(bool (*fn)(void *ctx, struct io_irp *i), void *ctx)
{
    unsigned count = 0;

    for (size_t b = 0; b < BUCKETS; b++) {
        struct io_irp *i = g.bucket[b], *next;

        for (; i; i = next) {
            next = i->next;
            count++;
            if (!fn(ctx, i))
                return count;
        }
    }
    return count;
}

static bool wipe_one(void *ctx, struct io_irp *i)
{
    uint32_t owner = *(uint32_t *)ctx;

    if (i->owner == owner && i->origin != IO_REQUEST)
        io_irp_free(i->irp);
    return true;
}

void io_irp_wipe(uint32_t owner)
{
    io_irp_each(wipe_one, &owner);
}

/* ---- Life ---- */

static USHORT size_of(CCHAR stack_size)
{
    return (USHORT)(sizeof(IRP) + (size_t)(uint8_t)stack_size * sizeof(IO_STACK_LOCATION));
}

void io_irp_init(IRP *irp, USHORT size, CCHAR stack_size)
{
    memset(irp, 0, size);
    irp->Type = IO_TYPE_IRP;
    irp->Size = size;
    irp->StackCount = stack_size;
    irp->CurrentLocation = (CHAR)(stack_size + 1);
    if (ke_thread_now->object)
        irp->ApcEnvironment = (CCHAR)ke_thread_now->object->Tcb.ApcStateIndex;
    io_list_init(&irp->ThreadListEntry);
    irp->Tail.Overlay.CurrentStackLocation = (IO_STACK_LOCATION *)(irp + 1) + stack_size;
}

static struct io_irp *record_new(void)
{
    struct io_irp *i = g.spare;

    if (i) {
        g.spare = i->next;
        memset(i, 0, sizeof *i);
        return i;
    }
    i = pp_new(sizeof *i);
    PP_ASSERT(i);
    return i;
}

static IRP *irp_new(CCHAR stack_size, enum io_origin origin)
{
    struct io_irp *i = NULL;

    if (stack_size >= 0 && stack_size <= KEEP_STACK && g.keep[(uint8_t)stack_size]) {
        i = g.keep[(uint8_t)stack_size];
        g.keep[(uint8_t)stack_size] = i->next;
        g.keep_count[(uint8_t)stack_size]--;
        i->next = NULL;
        i->is_free = false;
        i->sink = NULL;
        i->file = NULL;
    } else {
        i = record_new();
        i->irp = ex_alloc_kernel(size_of(stack_size), "Irp ", false);
        i->stack_size = stack_size;
    }
    i->origin = (uint8_t)origin;
    i->is_listed = i->in_flight = i->has_quota = false;
    i->owner = 0;
    bucket_add(i);
    io_irp_init(i->irp, size_of(stack_size), stack_size);
    return i->irp;
}

IRP *io_irp_new(CCHAR stack_size)
{
    return irp_new(stack_size, IO_REQUEST);
}

void io_irp_list(struct io_irp *i)
{
    ETHREAD *thread = ke_thread_now->object;

    i->is_listed = true;
    i->irp->Tail.Overlay.Thread = thread;
    if (!thread)
        return;
    if (!thread->IrpList.Flink)
        io_list_init(&thread->IrpList);
    io_list_add_tail(&thread->IrpList, &i->irp->ThreadListEntry);
}

void io_irp_unlist(struct io_irp *i)
{
    if (!i->is_listed)
        return;
    i->is_listed = false;
    if (i->irp->ThreadListEntry.Flink)
        io_list_remove(&i->irp->ThreadListEntry);
}

void io_irp_free(IRP *irp)
{
    struct io_irp *i = io_irp_of(irp);
    uint8_t n;

    PP_ASSERT(i);
    io_irp_unlist(i);
    bucket_remove(i);
    n = (uint8_t)i->stack_size;
    if (!ke_m.config.verify && n <= KEEP_STACK && g.keep_count[n] < KEEP_COUNT) {
        i->is_free = true;
        i->next = g.keep[n];
        g.keep[n] = i;
        g.keep_count[n]++;
        irp->Type = 0;
        return;
    }
    ex_free_kernel(irp);
    i->irp = NULL;
    i->next = g.spare;
    g.spare = i;
}

static IRP *driver_irp_new(CCHAR stack_size, enum io_origin origin)
{
    IRP *irp = irp_new(stack_size, origin);
    struct ke_image *image = ke_image_current();

    io_irp_of(irp)->owner = image ? image->owner : 0;
    return irp;
}

/* ---- Exports: allocation ---- */

/* Doc: wdm, IoSizeOfIrp: the IRP and its stack locations. */
NT_EXPORT PIRP NTAPI IoAllocateIrp(CCHAR stack_size, BOOLEAN charge_quota)
{
    IRP *irp;

    if (stack_size < 0)
        return NULL;
    irp = driver_irp_new(stack_size, IO_ALLOCATED);
    /* What drivers see as Windows' own bookkeeping: small packets have a fixed size, and those
     * charged come from a lookaside list. */
    if (stack_size <= FIXED_STACK)
        irp->AllocationFlags =
            IRP_ALLOCATED_FIXED_SIZE | (charge_quota ? IRP_LOOKASIDE_ALLOCATION : 0);
    else if (charge_quota)
        irp->AllocationFlags = IRP_QUOTA_CHARGED;
    io_irp_of(irp)->has_quota = charge_quota;
    return irp;
}

/* Doc: wdm, IoAllocateIrpEx: takes the device the IRP is for; otherwise as IoAllocateIrp. */
NT_EXPORT PIRP NTAPI IoAllocateIrpEx(PDEVICE_OBJECT device, CCHAR stack_size, BOOLEAN charge_quota)
{
    (void)device; /* only a hint for extensions that we do not carry */
    return IoAllocateIrp(stack_size, charge_quota);
}

/* Is the block at `p` one that was freed? */
static bool was_freed(const void *p)
{
    struct pl_block_info info;

    return pl_find(ke_m.pool, (uint64_t)(uintptr_t)p, &info) == PL_FREED;
}

NT_EXPORT VOID NTAPI IoFreeIrp(PIRP irp)
{
    struct io_irp *i = io_irp_of(irp);
    uint64_t addr = (uint64_t)(uintptr_t)irp;

    if (!i) {
        /* Its own memory, IoInitializeIrp: freeing it here is freeing pool. Anything else is no
         * IRP. */
        if (!was_freed(irp) && (!mm_is_valid(addr) || irp->Type != IO_TYPE_IRP)) {
            io_rule(VF_IO_FREE_NOT_IRP, 1, addr, 0, 0, "IoFreeIrp: not an IRP");
            return;
        }
        if (was_freed(irp))
            (void)*(
                volatile CSHORT *)&irp->Type; /* the fault names the block, who made and freed it */
        ExFreePoolWithTag(irp, 0);
        return;
    }
    if (i->is_listed) {
        io_rule(VF_IO_FREE_THREAD_IRP, 2, addr, 0, 0,
                "the IRP is still on its thread's list: the I/O manager frees it at completion");
        return;
    }
    if (i->in_flight) {
        io_rule(VF_IO_FREE_ACTIVE, 0x20A, ke_caller(), addr, 0,
                "the IRP was sent with IoCallDriver and is not completed");
        return;
    }
    io_irp_free(irp);
}

/* Doc: wdm, IoInitializeIrp: for memory of the driver's own. */
NT_EXPORT VOID NTAPI IoInitializeIrp(PIRP irp, USHORT size, CCHAR stack_size)
{
    struct io_irp *i = io_irp_of(irp);

    if (i && i->in_flight) {
        io_rule(VF_IO_REINIT_ACTIVE, 0x310, ke_caller(), (uint64_t)(uintptr_t)irp, 0, NULL);
        return;
    }
    if (i && i->has_quota)
        io_rule(VF_IO_INIT_QUOTA, 0x20D, ke_caller(), (uint64_t)(uintptr_t)irp, 0,
                "the quota charged for it is never given back");
    mm_check_range(irp, size, true);
    io_irp_init(irp, size, stack_size);
}

NT_EXPORT VOID NTAPI IoInitializeIrpEx(PIRP irp, PDEVICE_OBJECT device, USHORT size,
                                       CCHAR stack_size)
{
    (void)device; /* as for IoAllocateIrpEx */
    IoInitializeIrp(irp, size, stack_size);
}

/* Doc: wdm, IoReuseIrp: only for IoAllocateIrp's; keeps where its memory came from. */
NT_EXPORT VOID NTAPI IoReuseIrp(PIRP irp, NTSTATUS status)
{
    struct io_irp *i = io_irp_of(irp);
    UCHAR flags = irp->AllocationFlags;

    if (i && i->in_flight) {
        io_rule(VF_IO_REINIT_ACTIVE, 0x310, ke_caller(), (uint64_t)(uintptr_t)irp, 0, NULL);
        return;
    }
    if (i && (i->origin == IO_SYNC_BUILT || i->origin == IO_ASSOCIATED)) {
        io_rule(VF_IO_REINIT_BUILT, 0x311, ke_caller(), (uint64_t)(uintptr_t)irp, 0, NULL);
        return;
    }
    io_irp_init(irp, irp->Size, irp->StackCount);
    irp->AllocationFlags = flags;
    irp->IoStatus.Status = status;
}

/* Doc: ntifs, IoMakeAssociatedIrp: completing the last one completes the master. */
NT_EXPORT PIRP NTAPI IoMakeAssociatedIrp(PIRP master, CCHAR stack_size)
{
    IRP *irp;

    if (stack_size < 0)
        return NULL;
    irp = driver_irp_new(stack_size, IO_ASSOCIATED);
    irp->Flags |= IRP_ASSOCIATED_IRP;
    irp->AssociatedIrp.MasterIrp = master;
    irp->Tail.Overlay.Thread = master->Tail.Overlay.Thread;
    return irp;
}

NT_EXPORT PIRP NTAPI IoMakeAssociatedIrpEx(PIRP master, PDEVICE_OBJECT device, CCHAR stack_size)
{
    (void)device; /* as for IoAllocateIrpEx */
    return IoMakeAssociatedIrp(master, stack_size);
}

/* ---- Exports: builders ---- */

/* With verification off, freed system buffers are kept for the next request of the same size. */
enum { BUFFERS_KEPT = 32 };
static struct {
    void *p;
    ULONG size;
    bool is_free;
} buffers[BUFFERS_KEPT];

static void *buffer_kept(ULONG size)
{
    for (unsigned i = 0; i < BUFFERS_KEPT; i++) {
        if (buffers[i].is_free && buffers[i].size == size) {
            buffers[i].is_free = false;
            return buffers[i].p;
        }
    }
    return NULL;
}

/* Freed by us later: worth keeping. */
static void buffer_remember(void *p, ULONG size)
{
    for (unsigned i = 0; i < BUFFERS_KEPT; i++) {
        if (!buffers[i].p || buffers[i].p == p) { /* the same again: a driver freed it itself */
            buffers[i].p = p;
            buffers[i].size = size;
            return;
        }
    }
}

void *io_system_buffer(ULONG size, const void *in, ULONG in_size)
{
    uint8_t *p = ke_m.config.verify ? NULL : buffer_kept(size);

    if (!p) {
        p = ex_alloc_kernel(size, "IoSB", false);
        if (!ke_m.config.verify)
            buffer_remember(p, size);
    }
    if (in_size)
        mm_copy(p, in, in_size);
    memset(p + in_size, pl_patterns(ke_m.pool).fresh, size - in_size);
    return p;
}

void io_system_buffer_free(void *p)
{
    for (unsigned i = 0; !ke_m.config.verify && i < BUFFERS_KEPT; i++) {
        if (buffers[i].p == p) {
            buffers[i].is_free = true;
            return;
        }
    }
    ex_free_kernel(p);
}

bool io_attach_mdl(IRP *irp, void *buffer, ULONG size, KPROCESSOR_MODE mode,
                   LOCK_OPERATION operation)
{
    MDL *mdl = IoAllocateMdl(buffer, size, FALSE, FALSE, NULL);

    if (!mdl)
        return false;
    MmProbeAndLockPages(mdl, mode, operation);
    irp->MdlAddress = mdl;
    return true;
}

static bool buffer_readable(const void *p, ULONG size)
{
    uint64_t addr = (uint64_t)(uintptr_t)p;

    return !size || (mm_is_valid(addr) && mm_is_valid(addr + size - 1));
}

struct ctl {
    ULONG code;
    PVOID in, out;
    ULONG in_size, out_size;
};

/* The transfer the method asks for. False: out of memory. */
static bool ctl_buffers(IRP *irp, IO_STACK_LOCATION *s, const struct ctl *c)
{
    ULONG method = METHOD_FROM_CTL_CODE(c->code);

    if (method == METHOD_NEITHER) {
        irp->UserBuffer = c->out;
        s->Parameters.DeviceIoControl.Type3InputBuffer = c->in;
        return true;
    }
    if (method == METHOD_BUFFERED) {
        ULONG size = PP_MAX(c->in_size, c->out_size);

        if (size) {
            irp->AssociatedIrp.SystemBuffer = io_system_buffer(size, c->in, c->in_size);
            irp->Flags = IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
            irp->UserBuffer = c->out;
            if (c->out)
                irp->Flags |= IRP_INPUT_OPERATION;
        }
        return true;
    }
    if (c->in) {
        irp->AssociatedIrp.SystemBuffer = io_system_buffer(c->in_size, c->in, c->in_size);
        irp->Flags = IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
    }
    if (c->out)
        return io_attach_mdl(irp, c->out, c->out_size, KernelMode,
                             method == METHOD_IN_DIRECT ? IoReadAccess : IoWriteAccess);
    return true;
}

/* Doc: wdm, IoBuildDeviceIoControlRequest: the I/O manager frees it; on the calling thread's list.
 */
NT_EXPORT PIRP NTAPI IoBuildDeviceIoControlRequest(ULONG code, PDEVICE_OBJECT device, PVOID in,
                                                   ULONG in_size, PVOID out, ULONG out_size,
                                                   BOOLEAN internal, PKEVENT event,
                                                   PIO_STATUS_BLOCK iosb)
{
    struct ctl c = {code, in, out, in_size, out_size};
    CCHAR depth = device->StackSize;
    IO_STACK_LOCATION *s;
    IRP *irp;

    if ((in && !buffer_readable(in, in_size)) || (out && !buffer_readable(out, out_size)))
        io_rule(VF_IO_BAD_CTL_BUFFER, 9, (uint64_t)(uintptr_t)device, code,
                (uint32_t)STATUS_ACCESS_VIOLATION, NULL);
    irp = driver_irp_new(depth, IO_SYNC_BUILT);
    irp->UserIosb = iosb;
    irp->UserEvent = event;
    s = io_stack_next(irp);
    s->MajorFunction = internal ? IRP_MJ_INTERNAL_DEVICE_CONTROL : IRP_MJ_DEVICE_CONTROL;
    s->Parameters.DeviceIoControl.OutputBufferLength = out_size;
    s->Parameters.DeviceIoControl.InputBufferLength = in_size;
    s->Parameters.DeviceIoControl.IoControlCode = code;
    if (!ctl_buffers(irp, s, &c)) {
        if (irp->AssociatedIrp.SystemBuffer)
            io_system_buffer_free(irp->AssociatedIrp.SystemBuffer);
        io_irp_free(irp);
        return NULL;
    }
    io_irp_list(io_irp_of(irp));
    return irp;
}

/* Doc: wdm, IoBuildAsynchronousFsdRequest: the driver frees it in a completion routine. */
NT_EXPORT PIRP NTAPI IoBuildAsynchronousFsdRequest(ULONG major, PDEVICE_OBJECT device, PVOID buffer,
                                                   ULONG length, PLARGE_INTEGER offset,
                                                   PIO_STATUS_BLOCK iosb)
{
    IO_STACK_LOCATION *s;
    IRP *irp = driver_irp_new(device->StackSize, IO_ASYNC_BUILT);

    irp->UserIosb = iosb;
    irp->Tail.Overlay.Thread = ke_thread_now->object;
    s = io_stack_next(irp);
    s->MajorFunction = (UCHAR)major;
    if (major != IRP_MJ_READ && major != IRP_MJ_WRITE)
        return irp; /* flush, shutdown, PnP: no buffer */
    if (length && !buffer_readable(buffer, length))
        io_rule(VF_IO_BAD_FSD_BUFFER, 8, (uint64_t)(uintptr_t)device, major,
                (uint32_t)STATUS_ACCESS_VIOLATION, NULL);
    if ((device->Flags & DO_BUFFERED_IO) && length) {
        irp->AssociatedIrp.SystemBuffer =
            io_system_buffer(length, buffer, major == IRP_MJ_WRITE ? length : 0);
        irp->Flags = IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
        if (major == IRP_MJ_READ) {
            irp->Flags |= IRP_INPUT_OPERATION;
            irp->UserBuffer = buffer;
        }
    } else if ((device->Flags & DO_DIRECT_IO) && length) {
        if (!io_attach_mdl(irp, buffer, length, KernelMode,
                           major == IRP_MJ_READ ? IoWriteAccess : IoReadAccess)) {
            io_irp_free(irp);
            return NULL;
        }
    } else {
        irp->UserBuffer = buffer;
    }
    irp->Flags |= major == IRP_MJ_READ ? IRP_READ_OPERATION : IRP_WRITE_OPERATION;
    s->Parameters.Read.Length = length;
    if (offset)
        s->Parameters.Read.ByteOffset = *offset;
    return irp;
}

/* Doc: wdm, IoBuildSynchronousFsdRequest: freed by the I/O manager, which signals the event. */
NT_EXPORT PIRP NTAPI IoBuildSynchronousFsdRequest(ULONG major, PDEVICE_OBJECT device, PVOID buffer,
                                                  ULONG length, PLARGE_INTEGER offset,
                                                  PKEVENT event, PIO_STATUS_BLOCK iosb)
{
    IRP *irp = IoBuildAsynchronousFsdRequest(major, device, buffer, length, offset, iosb);
    struct io_irp *i;

    if (!irp)
        return NULL;
    i = io_irp_of(irp);
    i->origin = IO_SYNC_BUILT;
    irp->UserEvent = event;
    io_irp_list(i);
    return irp;
}

/* Doc: wdm, IoQueueThreadIrp: the IRP belongs to the current thread from now on. */
NT_EXPORT VOID NTAPI IoQueueThreadIrp(PIRP irp)
{
    struct io_irp *i = io_irp_of(irp);

    if (i && !i->is_listed)
        io_irp_list(i);
}
