/* Scatter/gather lists, and where the bytes of a transfer are. See hal_dma.h. */
#include "kernel/hal_dma.h"

#include <string.h>

enum { ELEMENTS_AT = 0x10 };

static size_t list_size(size_t elements)
{
    return ELEMENTS_AT + elements * sizeof(SCATTER_GATHER_ELEMENT);
}

/* ---- Where the bytes are ---- */

static uint64_t mdl_start(const MDL *mdl)
{
    return KE_ARG(mdl->StartVa) + mdl->ByteOffset;
}

static uint64_t chain_size(const MDL *mdl)
{
    uint64_t size = 0;

    for (; mdl; mdl = mdl->Next)
        size += mdl->ByteCount;
    return size;
}

bool dma_check_range(const MDL *mdl, uint64_t address, ULONG length)
{
    const int good = MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL | MDL_IO_SPACE;

    if (!length) {
        mm_rule(VF_DMA_LENGTH_ZERO, 0, 0, 0, 0);
        return false;
    }
    for (const MDL *m = mdl; m; m = m->Next) {
        if (m->MdlFlags & good)
            continue;
        mm_rule(VF_DMA_NOT_LOCKED, 0, KE_ARG(m), 0, 0);
        return false;
    }
    if (address < mdl_start(mdl) || address - mdl_start(mdl) > chain_size(mdl) ||
        length > chain_size(mdl) - (address - mdl_start(mdl))) {
        mm_rule(VF_DMA_OUTSIDE_MDL, 0, address, KE_ARG(mdl), 0);
        return false;
    }
    return true;
}

/* The MDL of the chain that holds byte `offset` from the start of the first one. */
static const MDL *chain_at(const MDL *mdl, uint64_t *offset)
{
    while (mdl->Next && *offset >= mdl->ByteCount) {
        *offset -= mdl->ByteCount;
        mdl = mdl->Next;
    }
    return mdl;
}

uint64_t dma_locate(const MDL *mdl, uint64_t address, ULONG length, ULONG *ret_run)
{
    uint64_t offset = address - mdl_start(mdl), at, run;
    const MDL *m = chain_at(mdl, &offset);
    const PFN_NUMBER *frames = (const PFN_NUMBER *)(const void *)(m + 1);
    uint64_t left = PP_MIN((uint64_t)length, m->ByteCount - offset), page;

    at = m->ByteOffset + offset;
    page = at / PP_PAGE_SIZE;
    run = PP_PAGE_SIZE - at % PP_PAGE_SIZE;
    for (uint64_t i = page; run < left && frames[i + 1] == frames[i] + 1; i++)
        run += PP_PAGE_SIZE;
    *ret_run = (ULONG)PP_MIN(run, left);
    return frames[page] * PP_PAGE_SIZE + at % PP_PAGE_SIZE;
}

bool dma_needs_bounce(const struct dma_adapter *a, const MDL *mdl, uint64_t address, ULONG length)
{
    unsigned runs = 0;

    for (ULONG run; length; length -= run, address += run) {
        uint64_t pa = dma_locate(mdl, address, length, &run);

        if (pa + run - 1 > a->highest || ++runs > (a->scatter_gather ? UINT32_MAX : 1))
            return true;
    }
    return false;
}

bool dma_bounce_get(struct dma_file *f)
{
    PHYSICAL_ADDRESS none = {.QuadPart = 0}, highest = {.QuadPart = (LONGLONG)f->adapter->highest};

    if (!f->bounce)
        f->bounce = MmAllocateContiguousMemorySpecifyCache(((SIZE_T)f->count + 1) * PP_PAGE_SIZE, none,
                                                           highest, none, MmCached);
    return f->bounce != NULL;
}

void dma_bounce_copy(const struct dma_file *f, const MDL *mdl, uint64_t address, ULONG length,
                     bool to_device)
{
    uint8_t *copy = f->bounce + (address - mm_page_of(f->from));

    for (ULONG run; length; length -= run, address += run, copy += run) {
        ULONG in_page = PP_PAGE_SIZE - (ULONG)(address % PP_PAGE_SIZE);
        uint64_t va = mm_virt(dma_locate(mdl, address, PP_MIN(length, in_page), &run));

        if (!va)
            continue; /* a frame that has no memory: nothing to move */
        if (to_device)
            memcpy(copy, (void *)va, run);
        else
            memcpy((void *)va, copy, run);
    }
}

/* ---- Lists ---- */

static ULONG fill_list(const struct dma_request *r, const struct dma_file *f, SCATTER_GATHER_LIST *list)
{
    uint64_t address = r->address;
    ULONG length = r->length, n = 0;

    if (f->bounce) {
        if (list)
            list->Elements[0] = (SCATTER_GATHER_ELEMENT){
                .Address.QuadPart = (LONGLONG)(mm_phys(KE_ARG(f->bounce)) + address % PP_PAGE_SIZE),
                .Length = length};
        return 1;
    }
    for (ULONG run; length; length -= run, address += run, n++) {
        uint64_t pa = dma_locate(r->mdl, address, length, &run);

        if (list)
            list->Elements[n] =
                (SCATTER_GATHER_ELEMENT){.Address.QuadPart = (LONGLONG)pa, .Length = run};
    }
    return n;
}

void dma_list_run(struct dma_adapter *a, const struct dma_request *r)
{
    struct dma_file *f = dma_file_new(a, r->registers);
    struct dma_list *l = pp_new(sizeof *l);
    ULONG elements;

    PP_ASSERT(l);
    f->from = r->address;
    if (dma_needs_bounce(a, r->mdl, r->address, r->length)) {
        PP_ASSERT(dma_bounce_get(f));
        if (r->write_to_device)
            dma_bounce_copy(f, r->mdl, r->address, r->length, true);
    }
    elements = fill_list(r, f, NULL);
    l->list = r->buffer ? r->buffer : ex_alloc_kernel(list_size(elements), "DmaS", false);
    l->list->NumberOfElements = elements;
    l->list->Reserved = 0;
    (void)fill_list(r, f, l->list);
    l->file = f;
    l->mdl = r->mdl;
    l->address = r->address;
    l->length = r->length;
    l->is_ours = !r->buffer;
    l->write_to_device = r->write_to_device;
    pp_list_push_back(&a->lists, &l->link);
    ke_call(r->routine, KE_ARG(r->device), KE_ARG(r->device->CurrentIrp), KE_ARG(l->list), r->context);
}

static NTSTATUS get_list(PDMA_ADAPTER adapter, struct dma_request *r)
{
    struct dma_adapter *a = dma_adapter_of(adapter);

    dma_irql_exact(DISPATCH_LEVEL);
    if (!a)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!dma_check_range(r->mdl, r->address, r->length))
        return STATUS_BUFFER_TOO_SMALL;
    r->is_list = true;
    r->registers = (ULONG)mm_pages_of(r->address, r->length);
    if (r->registers > a->registers_max) {
        mm_rule(VF_DMA_TOO_MANY, 0, r->registers, a->registers_max, 0);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    dma_queue(a, r);
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI HalGetScatterGatherList(PDMA_ADAPTER adapter, PDEVICE_OBJECT device, PMDL mdl,
                                                 PVOID address, ULONG length,
                                                 PDRIVER_LIST_CONTROL routine, PVOID context,
                                                 BOOLEAN write_to_device)
{
    struct dma_request r = {.device = device, .routine = KE_ARG(routine), .context = KE_ARG(context),
                            .mdl = mdl, .address = KE_ARG(address), .length = length,
                            .write_to_device = write_to_device};

    return get_list(adapter, &r);
}

/* MDL NULL: the most that `length` bytes can need. */
NT_EXPORT NTSTATUS NTAPI HalCalculateScatterGatherListSize(PDMA_ADAPTER adapter, PMDL mdl, PVOID address,
                                                           ULONG length, PULONG size, PULONG registers)
{
    size_t pages = 0;

    (void)dma_adapter_of(adapter); /* reports a dead one */
    if (!mdl) {
        pages = mm_pages_of(KE_ARG(address), length);
    } else {
        uint64_t skip = KE_ARG(address) - mdl_start(mdl), left = length;

        if (skip > chain_size(mdl) || left > chain_size(mdl) - skip)
            return STATUS_BUFFER_TOO_SMALL;
        for (const MDL *m = chain_at(mdl, &skip); m && left; m = m->Next, skip = 0) {
            uint64_t part = PP_MIN(left, m->ByteCount - skip);

            pages += mm_pages_of(m->ByteOffset + skip, part);
            left -= part;
        }
    }
    *size = (ULONG)list_size(pages);
    if (registers)
        *registers = (ULONG)pages;
    return STATUS_SUCCESS;
}

NT_EXPORT NTSTATUS NTAPI HalBuildScatterGatherList(PDMA_ADAPTER adapter, PDEVICE_OBJECT device, PMDL mdl,
                                                   PVOID address, ULONG length,
                                                   PDRIVER_LIST_CONTROL routine, PVOID context,
                                                   BOOLEAN write_to_device, PVOID buffer,
                                                   ULONG buffer_length)
{
    struct dma_request r = {.device = device, .routine = KE_ARG(routine), .context = KE_ARG(context),
                            .mdl = mdl, .address = KE_ARG(address), .length = length,
                            .write_to_device = write_to_device, .buffer = buffer};
    ULONG size;
    NTSTATUS status = HalCalculateScatterGatherListSize(adapter, mdl, address, length, &size, NULL);

    if (!NT_SUCCESS(status))
        return status;
    if (size > buffer_length)
        return STATUS_BUFFER_TOO_SMALL;
    return get_list(adapter, &r);
}

static struct dma_list *list_of(struct dma_adapter *a, const SCATTER_GATHER_LIST *list)
{
    for (struct pp_list *l = a->lists.next; l != &a->lists; l = l->next) {
        struct dma_list *d = PP_CONTAINER(l, struct dma_list, link);

        if (d->list == list)
            return d;
    }
    return NULL;
}

NT_EXPORT VOID NTAPI HalPutScatterGatherList(PDMA_ADAPTER adapter, PSCATTER_GATHER_LIST list,
                                             BOOLEAN write_to_device)
{
    struct dma_adapter *a = dma_adapter_of(adapter);
    struct dma_list *l = a ? list_of(a, list) : NULL;

    dma_irql_exact(DISPATCH_LEVEL);
    if (!a)
        return;
    if (!l) {
        mm_rule(VF_DMA_FREE_LIST, 0, 0, 1, 0);
        return;
    }
    if (l->file->bounce && !write_to_device)
        dma_bounce_copy(l->file, l->mdl, l->address, l->length, false);
    dma_file_free(l->file);
    if (l->is_ours)
        ex_free_kernel(l->list);
    pp_list_remove(&l->link);
    pp_free(l);
    dma_start(a);
}

/* The pages of the list are the MDL's own unless the device works on a copy. */
NT_EXPORT NTSTATUS NTAPI HalBuildMdlFromScatterGatherList(PDMA_ADAPTER adapter, PSCATTER_GATHER_LIST list,
                                                          PMDL original, PMDL *target)
{
    struct dma_adapter *a = dma_adapter_of(adapter);
    struct dma_list *l = a ? list_of(a, list) : NULL;

    if (!l)
        return STATUS_INVALID_PARAMETER;
    if (l->file->bounce)
        ke_not_modelled("BuildMdlFromScatterGatherList", "for a device that works on a copy");
    *target = original;
    return STATUS_SUCCESS;
}
