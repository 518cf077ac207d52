/*
 * DMA for bus masters, versions 1 and 2 of the operations: adapters, common buffers, packet channels. Logical
 * addresses are physical ones; a device that cannot scatter and gather, or cannot reach a page, works on a
 * contiguous copy that is filled at MapTransfer and read back at FlushAdapterBuffers. The checks of DMA
 * verification that are exact are made here.
 *
 * Not yet: version 3, subordinate devices (system DMA): IoGetDmaAdapter returns NULL, as it documents for
 * what it does not support, with a note.
 *
 * Doc: Microsoft Learn, "Introduction to Adapter Objects", wdm.h DMA_OPERATIONS and the page of each member;
 * "Bug check 0xE6".
 */
#include "kernel/hal_dma.h"

#include <string.h>

enum { PADDING = 0x0F, REGISTERS_LIMIT = 65536, SIZE_V1 = 0x68, SIZE_V2 = 0x80 };

static struct {
    struct pp_list adapters, files;
    DMA_OPERATIONS *operations[2]; /* version 1, version 2 */
    bool is_ready;
} g;

static void prepare(void)
{
    if (g.is_ready)
        return;
    g.is_ready = true;
    pp_list_init(&g.adapters);
    pp_list_init(&g.files);
}

void dma_irql_exact(KIRQL want)
{
    if (ke_irql() != want)
        mm_rule(VF_DMA_IRQL, 0, 1, want, ke_irql());
}

void dma_irql_max(KIRQL max)
{
    if (ke_irql() > max)
        mm_rule(VF_DMA_IRQL, 0, 2, max, ke_irql());
}

struct dma_adapter *dma_adapter_of(const DMA_ADAPTER *adapter)
{
    struct pp_list *l;

    prepare();
    for (l = g.adapters.next; l != &g.adapters; l = l->next) {
        struct dma_adapter *a = PP_CONTAINER(l, struct dma_adapter, link);

        if (a->object == adapter)
            return a;
    }
    mm_rule(adapter ? VF_DMA_ADAPTER_RELEASED : VF_DMA_ADAPTER_NULL, 0, KE_ARG(adapter), 0, 0);
    return NULL;
}

/* ---- Getting an adapter ---- */

static DMA_OPERATIONS *operations(bool v2)
{
    static const struct {
        uint32_t offset;
        const char *name;
    } table[] = {
        {0x08, "HalPutDmaAdapter"},          {0x10, "HalAllocateCommonBuffer"},
        {0x18, "HalFreeCommonBuffer"},       {0x20, "HalRealAllocateAdapterChannel"},
        {0x28, "IoFlushAdapterBuffers"},     {0x30, "IoFreeAdapterChannel"},
        {0x38, "IoFreeMapRegisters"},        {0x40, "IoMapTransfer"},
        {0x48, "HalGetDmaAlignment"},        {0x50, "HalReadDmaCounter"},
        {0x58, "HalGetScatterGatherList"},   {0x60, "HalPutScatterGatherList"},
        {0x68, "HalCalculateScatterGatherListSize"},
        {0x70, "HalBuildScatterGatherList"}, {0x78, "HalBuildMdlFromScatterGatherList"},
    };
    uint32_t size = v2 ? SIZE_V2 : SIZE_V1;
    uint8_t *ops = (uint8_t *)g.operations[v2];

    if (ops)
        return g.operations[v2];
    ops = ex_alloc_kernel(size, "Dma ", false);
    memcpy(ops, &size, sizeof size);
    for (size_t i = 0; i < PP_COUNT(table) && table[i].offset < size; i++) {
        uint64_t stub = ke_export_stub(table[i].name);

        PP_ASSERT(stub);
        memcpy(ops + table[i].offset, &stub, sizeof stub);
    }
    g.operations[v2] = (DMA_OPERATIONS *)(void *)ops;
    return g.operations[v2];
}

static uint64_t reach(const DEVICE_DESCRIPTION *d)
{
    if (d->Dma64BitAddresses)
        return UINT64_MAX;
    if (d->InterfaceType == Isa && !d->Dma32BitAddresses)
        return 0xFFFFFF;
    return 0xFFFFFFFF;
}

static DMA_ADAPTER *refuse(const char *why)
{
    ke_m.config.host.note(ke_m.config.host.ctx, why);
    return NULL;
}

/* The device object only names the bus; there is one. */
NT_EXPORT PDMA_ADAPTER NTAPI IoGetDmaAdapter(PDEVICE_OBJECT device, PDEVICE_DESCRIPTION d, PULONG registers)
{
    struct dma_adapter *a;

    (void)device;
    prepare();
    if (d->Version > DEVICE_DESCRIPTION_VERSION3) {
        mm_rule(VF_DMA_VERSION, 0, 0, 0, 0);
        return NULL;
    }
    if (d->Version == DEVICE_DESCRIPTION_VERSION3)
        return refuse("IoGetDmaAdapter: version 3 of the DMA interface is not modelled: NULL returned");
    if (!d->Master)
        return refuse("IoGetDmaAdapter: DMA of subordinate devices is not modelled: NULL returned");
    a = pp_new(sizeof *a);
    if (!a)
        return NULL;
    a->object = ex_alloc_kernel(sizeof *a->object, "Dma ", false);
    a->object->Version = 1; /* Doc: nf-wdm-iogetdmaadapter: whatever was asked */
    a->object->Size = sizeof *a->object;
    a->object->DmaOperations = operations(d->Version == DEVICE_DESCRIPTION_VERSION2);
    a->owner = mm_owner();
    a->scatter_gather = d->ScatterGather;
    a->highest = reach(d);
    a->registers_max = PP_MIN(d->MaximumLength / PP_PAGE_SIZE + 2, (ULONG)REGISTERS_LIMIT);
    pp_list_init(&a->waiting);
    pp_list_init(&a->lists);
    pp_list_init(&a->commons);
    pp_list_push_back(&g.adapters, &a->link);
    *registers = a->registers_max;
    return a->object;
}

NT_EXPORT PDMA_ADAPTER NTAPI HalGetAdapter(PDEVICE_DESCRIPTION d, PULONG registers)
{
    mm_rule(VF_DMA_HAL_ADAPTER, 0, 0, 0, 0);
    return IoGetDmaAdapter(NULL, d, registers);
}

static uint64_t count_of(const struct pp_list *head)
{
    uint64_t n = 0;

    for (const struct pp_list *l = head->next; l != head; l = l->next)
        n++;
    return n;
}

static void adapter_free(struct dma_adapter *a)
{
    struct pp_list *l, *next;

    for (l = g.files.next; l != &g.files; l = next) {
        struct dma_file *f = PP_CONTAINER(l, struct dma_file, link);

        next = l->next;
        if (f->adapter == a)
            dma_file_free(f);
    }
    for (l = a->lists.next; l != &a->lists; l = next) {
        next = l->next;
        pp_free(PP_CONTAINER(l, struct dma_list, link));
    }
    for (l = a->commons.next; l != &a->commons; l = next) {
        next = l->next;
        pp_free(PP_CONTAINER(l, struct dma_common, link));
    }
    for (l = a->waiting.next; l != &a->waiting; l = next) {
        next = l->next;
        pp_free(PP_CONTAINER(l, struct dma_request, link));
    }
    pp_list_remove(&a->link);
    ex_free_kernel(a->object);
    pp_free(a);
}

NT_EXPORT VOID NTAPI HalPutDmaAdapter(PDMA_ADAPTER adapter)
{
    struct dma_adapter *a = dma_adapter_of(adapter);

    dma_irql_max(DISPATCH_LEVEL);
    if (!a)
        return;
    if (count_of(&a->commons))
        mm_rule(VF_DMA_PUT_COMMON, 0, KE_ARG(adapter), count_of(&a->commons), 0);
    if (count_of(&a->lists))
        mm_rule(VF_DMA_PUT_LISTS, 0, KE_ARG(adapter), count_of(&a->lists), 0);
    else if (a->channel_device)
        mm_rule(VF_DMA_PUT_CHANNELS, 0, KE_ARG(adapter), 1, 0);
    else if (a->registers_used)
        mm_rule(VF_DMA_PUT_REGISTERS, 0, KE_ARG(adapter), a->registers_used, 0);
    adapter_free(a);
}

/* ---- Common buffers ---- */

NT_EXPORT PVOID NTAPI HalAllocateCommonBuffer(PDMA_ADAPTER adapter, ULONG length, PPHYSICAL_ADDRESS logical,
                                              BOOLEAN cached)
{
    struct dma_adapter *a = dma_adapter_of(adapter);
    PHYSICAL_ADDRESS none = {.QuadPart = 0}, highest;
    struct dma_common *c;

    (void)cached; /* memory is coherent */
    dma_irql_exact(PASSIVE_LEVEL);
    if (!a || !length)
        return NULL;
    c = pp_new(sizeof *c);
    if (!c)
        return NULL;
    highest.QuadPart = (LONGLONG)a->highest;
    c->va = MmAllocateContiguousMemorySpecifyCache(length, none, highest, none, MmCached);
    if (!c->va) {
        pp_free(c);
        return NULL;
    }
    c->length = length;
    c->logical = mm_phys(KE_ARG(c->va));
    memset(c->va + length, PADDING, pp_align_up(length, PP_PAGE_SIZE) - length);
    pp_list_push_back(&a->commons, &c->link);
    logical->QuadPart = (LONGLONG)c->logical;
    return c->va;
}

/* All four values must be those of the allocation. */
NT_EXPORT VOID NTAPI HalFreeCommonBuffer(PDMA_ADAPTER adapter, ULONG length, PHYSICAL_ADDRESS logical,
                                         PVOID address, BOOLEAN cached)
{
    struct dma_adapter *a = dma_adapter_of(adapter);

    (void)cached; /* as above */
    dma_irql_exact(PASSIVE_LEVEL);
    for (struct pp_list *l = a ? a->commons.next : NULL; l && l != &a->commons; l = l->next) {
        struct dma_common *c = PP_CONTAINER(l, struct dma_common, link);

        if (c->va != address || c->length != length || c->logical != (uint64_t)logical.QuadPart)
            continue;
        for (uint64_t i = length; i < pp_align_up(length, PP_PAGE_SIZE); i++) {
            if (c->va[i] != PADDING) {
                mm_rule(VF_DMA_PADDING, 0, 5, KE_ARG(c->va), KE_ARG(c->va + i));
                break;
            }
        }
        MmFreeContiguousMemory(c->va);
        pp_list_remove(&c->link);
        pp_free(c);
        return;
    }
    if (a)
        mm_rule(VF_DMA_FREE_COMMON, 0, 1, 0, 0);
}

/* ---- Map registers and channels ---- */

struct dma_file *dma_file_new(struct dma_adapter *a, ULONG count)
{
    struct dma_file *f = pp_new(sizeof *f);

    PP_ASSERT(f);
    f->adapter = a;
    f->count = count;
    a->registers_used += count;
    pp_list_push_back(&g.files, &f->link);
    return f;
}

void dma_file_free(struct dma_file *f)
{
    f->adapter->registers_used -= f->count;
    if (f->bounce)
        MmFreeContiguousMemory(f->bounce);
    ex_free_kernel(f->base);
    pp_list_remove(&f->link);
    pp_free(f);
}

static struct dma_file *file_of(const struct dma_adapter *a, const void *base)
{
    for (struct pp_list *l = g.files.next; l != &g.files; l = l->next) {
        struct dma_file *f = PP_CONTAINER(l, struct dma_file, link);

        if (f->adapter == a && f->base == base && base)
            return f;
    }
    return NULL;
}

static void channel_run(struct dma_adapter *a, const struct dma_request *r)
{
    struct dma_file *f = dma_file_new(a, r->registers);
    uint64_t action;

    f->base = ex_alloc_kernel(16, "DmaR", false); /* opaque: an address to tell it by */
    a->channel_device = r->device;
    action = ke_call(r->routine, KE_ARG(r->device), KE_ARG(r->device->CurrentIrp), KE_ARG(f->base),
                     r->context);
    switch ((IO_ALLOCATION_ACTION)(uint32_t)action) {
    case KeepObject:
        a->channel_file = f;
        return;
    case DeallocateObjectKeepRegisters:
        break;
    default:
        dma_file_free(f);
    }
    a->channel_device = NULL;
}

void dma_start(struct dma_adapter *a)
{
    while (a->waiting.next != &a->waiting) {
        struct dma_request *r = PP_CONTAINER(a->waiting.next, struct dma_request, link), copy = *r;

        if (a->registers_used + r->registers > a->registers_max || (!r->is_list && a->channel_device))
            return;
        pp_list_remove(&r->link);
        pp_free(r);
        if (copy.is_list)
            dma_list_run(a, &copy);
        else
            channel_run(a, &copy);
    }
}

void dma_queue(struct dma_adapter *a, const struct dma_request *r)
{
    struct dma_request *copy = pp_new(sizeof *copy);

    PP_ASSERT(copy);
    *copy = *r;
    pp_list_push_back(&a->waiting, &copy->link);
    dma_start(a);
}

static bool is_waiting(const struct dma_adapter *a, const DEVICE_OBJECT *device)
{
    for (struct pp_list *l = a->waiting.next; l != &a->waiting; l = l->next) {
        const struct dma_request *r = PP_CONTAINER(l, struct dma_request, link);

        if (!r->is_list && r->device == device)
            return true;
    }
    return a->channel_device == device;
}

NT_EXPORT NTSTATUS NTAPI HalRealAllocateAdapterChannel(PDMA_ADAPTER adapter, PDEVICE_OBJECT device,
                                                       ULONG registers, PDRIVER_CONTROL routine,
                                                       PVOID context)
{
    struct dma_adapter *a = dma_adapter_of(adapter);
    struct dma_request r = {.device = device, .routine = KE_ARG(routine), .context = KE_ARG(context),
                            .registers = registers};

    dma_irql_exact(DISPATCH_LEVEL);
    if (!a)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (registers > a->registers_max) {
        mm_rule(VF_DMA_REGISTERS_MAX, 0, registers, a->registers_max, 0);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (is_waiting(a, device))
        mm_rule(VF_DMA_CHANNEL_AGAIN, 0, 1, 0, 0);
    dma_queue(a, &r);
    return STATUS_SUCCESS;
}

NT_EXPORT VOID NTAPI IoFreeAdapterChannel(PDMA_ADAPTER adapter)
{
    struct dma_adapter *a = dma_adapter_of(adapter);

    dma_irql_exact(DISPATCH_LEVEL);
    if (!a)
        return;
    if (!a->channel_file) {
        mm_rule(VF_DMA_FREE_CHANNEL, 0, 1, 0, 0);
        return;
    }
    if (a->channel_file->mapped)
        mm_rule(VF_DMA_FREE_MAPPED, 0, a->channel_file->mapped, 0, 0);
    dma_file_free(a->channel_file);
    a->channel_file = NULL;
    a->channel_device = NULL;
    dma_start(a);
}

NT_EXPORT VOID NTAPI IoFreeMapRegisters(PDMA_ADAPTER adapter, PVOID base, ULONG count)
{
    struct dma_adapter *a = dma_adapter_of(adapter);
    struct dma_file *f = a ? file_of(a, base) : NULL;

    dma_irql_exact(DISPATCH_LEVEL);
    if (!a)
        return;
    if (!f || f->count != count)
        mm_rule(VF_DMA_FREE_REGISTERS, 0, count, 0, 0);
    if (!f)
        return;
    if (f->mapped)
        mm_rule(VF_DMA_FREE_MAPPED, 0, f->mapped, 0, 0);
    if (a->channel_file == f) {
        a->channel_file = NULL;
        a->channel_device = NULL;
    }
    dma_file_free(f);
    dma_start(a);
}

/* ---- Transfers ---- */

static bool map_check(const struct dma_file *f, uint64_t address, ULONG length)
{
    ULONG pages = (ULONG)mm_pages_of(address, length);

    if (f->mapped && address < f->to && address + length > f->from) {
        mm_rule(VF_DMA_MAP_AGAIN, 0, f->from, f->to, address);
        return false;
    }
    /* A page that two neighbouring transfers share takes one register. */
    if (f->mapped + pages > f->count + 1) {
        mm_rule(VF_DMA_NOT_FLUSHED, 0, f->to - f->from, (uint64_t)f->count * PP_PAGE_SIZE, 0);
        return false;
    }
    return true;
}

NT_EXPORT PHYSICAL_ADDRESS NTAPI IoMapTransfer(PDMA_ADAPTER adapter, PMDL mdl, PVOID base, PVOID current,
                                               PULONG length, BOOLEAN write_to_device)
{
    struct dma_adapter *a = dma_adapter_of(adapter);
    struct dma_file *f = a ? file_of(a, base) : NULL;
    PHYSICAL_ADDRESS result = {.QuadPart = 0};
    uint64_t address = KE_ARG(current);
    ULONG run;

    dma_irql_max(DISPATCH_LEVEL);
    if (!a)
        return result;
    if (!f) {
        mm_rule(VF_DMA_TOO_MANY, 0, mm_pages_of(address, *length), 0, 0);
        return result;
    }
    if (!dma_check_range(mdl, address, *length) || !map_check(f, address, *length))
        return result;
    if (f->bounce || dma_needs_bounce(a, mdl, address, *length)) {
        if (!dma_bounce_get(f))
            return result;
        if (!f->mapped)
            f->from = address;
        if (write_to_device)
            dma_bounce_copy(f, mdl, address, *length, true);
        result.QuadPart = (LONGLONG)(mm_phys(KE_ARG(f->bounce)) + (address - mm_page_of(f->from)));
        run = *length;
    } else {
        result.QuadPart = (LONGLONG)dma_locate(mdl, address, *length, &run);
        *length = run;
    }
    if (!f->mapped)
        f->from = address;
    f->to = address + run;
    f->mapped += (ULONG)mm_pages_of(address, run);
    return result;
}

NT_EXPORT BOOLEAN NTAPI IoFlushAdapterBuffers(PDMA_ADAPTER adapter, PMDL mdl, PVOID base, PVOID current,
                                              ULONG length, BOOLEAN write_to_device)
{
    struct dma_adapter *a = dma_adapter_of(adapter);
    struct dma_file *f = a ? file_of(a, base) : NULL;

    dma_irql_max(DISPATCH_LEVEL);
    if (!a)
        return FALSE;
    if (!f || !f->mapped) {
        mm_rule(VF_DMA_FLUSH_UNMAPPED, 0, KE_ARG(base), KE_ARG(current), KE_ARG(mdl));
        return FALSE;
    }
    if (f->bounce && !write_to_device && dma_check_range(mdl, KE_ARG(current), length))
        dma_bounce_copy(f, mdl, KE_ARG(current), length, false);
    f->mapped = 0;
    return TRUE;
}

NT_EXPORT ULONG NTAPI HalGetDmaAlignment(PDMA_ADAPTER adapter)
{
    (void)dma_adapter_of(adapter); /* reports a dead one */
    return 1;
}

/* Only a system DMA controller counts. */
NT_EXPORT ULONG NTAPI HalReadDmaCounter(PDMA_ADAPTER adapter)
{
    (void)dma_adapter_of(adapter); /* as above */
    return 0;
}

unsigned hal_dma_check_unload(const struct ke_image *image)
{
    struct pp_list *l, *next;
    char text[PP_WHY_SIZE];
    unsigned left = 0;

    prepare();
    for (l = g.adapters.next; l != &g.adapters; l = next) {
        struct dma_adapter *a = PP_CONTAINER(l, struct dma_adapter, link);

        next = l->next;
        if (a->owner != image->owner)
            continue;
        if (!left++) {
            pp_fmt(text, sizeof text, "%s unloaded without releasing a DMA adapter (PutDmaAdapter)",
                   image->name);
            ke_m.config.host.note(ke_m.config.host.ctx, text);
        }
        adapter_free(a);
    }
    return left;
}
