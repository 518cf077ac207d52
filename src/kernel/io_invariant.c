/*
 * Invariant MDL checking: the buffer that an MDL describes must not change while a request is on its way.
 * A device that is written to may read it at any time; one that is read from fills it by itself, so that
 * nobody may touch it on the way down.
 *
 * The sum of the buffer is taken when the IRP is sent first and compared when it ends (0x2000), and at
 * each hand-over between drivers besides (0x4000). Neither is in the standard set.
 *
 * Rules: C4/1010 (write requests), C4/1011 (read requests).
 * Doc: devtest, "Invariant MDL Checking for Stack", "Invariant MDL Checking for Driver".
 */
#include "kernel/io_nt.h"

enum { WATCHED_MAX = 64, SUM_MAX = 1 << 20 };

struct watched {
    const IRP *irp;
    const DEVICE_OBJECT *device; /* sent to first */
    uint64_t buffer, size, sum;
    bool is_write;
};

static struct {
    struct watched list[WATCHED_MAX];
    unsigned count;
} g;

static bool is_on(void)
{
    return vf_is_enabled() && vf_has(VF_OPT_INVARIANT_STACK | VF_OPT_INVARIANT_DRIVER);
}

static struct watched *find(const IRP *irp)
{
    for (unsigned i = 0; i < g.count; i++) {
        if (g.list[i].irp == irp)
            return &g.list[i];
    }
    return NULL;
}

/* FNV-1a (Fowler, Noll, Vo, 1991), 64 bits. */
static uint64_t sum_of(const struct watched *w)
{
    const uint8_t *p = (const uint8_t *)(uintptr_t)w->buffer;
    uint64_t sum = 0xCBF29CE484222325ull;

    if (!mm_is_accessible(w->buffer, w->size, false))
        return w->sum; /* gone: other rules speak of that */
    for (uint64_t i = 0; i < w->size; i++)
        sum = (sum ^ p[i]) * 0x100000001B3ull;
    return sum;
}

/* Is it a request whose buffer an MDL describes, and which way does the data go? */
static bool direction(const IRP *irp, const IO_STACK_LOCATION *s, bool *ret_is_write)
{
    ULONG method;

    if (!irp->MdlAddress || !irp->MdlAddress->ByteCount)
        return false;
    switch (s->MajorFunction) {
    case IRP_MJ_READ:
    case IRP_MJ_WRITE:
        *ret_is_write = s->MajorFunction == IRP_MJ_WRITE;
        return true;
    case IRP_MJ_DEVICE_CONTROL:
    case IRP_MJ_INTERNAL_DEVICE_CONTROL:
        method = s->Parameters.DeviceIoControl.IoControlCode & 3;
        *ret_is_write = method == METHOD_IN_DIRECT;
        return method == METHOD_IN_DIRECT || method == METHOD_OUT_DIRECT;
    default:
        return false;
    }
}

static void compare(struct watched *w, const DEVICE_OBJECT *device)
{
    const MDL *mdl = w->irp->MdlAddress;
    uint64_t sum = sum_of(w), buffer = w->buffer;

    if (sum == w->sum)
        return;
    if (mdl && (mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA))
        buffer = KE_ARG(mdl->MappedSystemVa);
    w->sum = sum; /* said once */
    io_rule(w->is_write ? VF_MDL_INVARIANT_WRITE : VF_MDL_INVARIANT_READ, 0, KE_ARG(device), KE_ARG(w->irp),
            buffer, NULL);
}

void io_invariant_sent(const DEVICE_OBJECT *device, IRP *irp)
{
    const MDL *mdl = irp->MdlAddress;
    struct watched *w = find(irp);
    bool is_write;

    if (!is_on())
        return;
    if (w) {
        if (vf_has(VF_OPT_INVARIANT_DRIVER))
            compare(w, device);
        return;
    }
    if (g.count == WATCHED_MAX || !direction(irp, io_stack(irp), &is_write))
        return;
    w = &g.list[g.count++];
    *w = (struct watched){.irp = irp, .device = device, .is_write = is_write};
    w->buffer = (mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL))
                    ? KE_ARG(mdl->MappedSystemVa)
                    : KE_ARG(mdl->StartVa) + mdl->ByteOffset;
    w->size = PP_MIN(mdl->ByteCount, (ULONG)SUM_MAX);
    w->sum = sum_of(w);
}

void io_invariant_completed(const DEVICE_OBJECT *device, const IRP *irp)
{
    struct watched *w = is_on() ? find(irp) : NULL;

    if (w && w->is_write && vf_has(VF_OPT_INVARIANT_DRIVER))
        compare(w, device);
}

void io_invariant_done(const IRP *irp)
{
    struct watched *w = find(irp);

    if (!w)
        return;
    if (w->is_write)
        compare(w, w->device);
    *w = g.list[--g.count];
}
