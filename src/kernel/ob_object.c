/*
 * Objects: types, headers, reference counts.
 *
 * A body lies in guarded kernel memory with an OBJECT_HEADER in front of it, as on Windows, so that
 * drivers that peek there see what they expect. The truth is in our own record (struct ob_entry),
 * found by the body's address in a hash table: a driver that damages a header damages a mirror, and
 * an address that is no object is known as such before anything is touched.
 *
 * One host thread; no locks. ob_unref may run a type's delete routine.
 *
 * Doc: WDK, wdm.h, ObfReferenceObject, ObfDereferenceObject; bug checks 0x18 and 0xC4/3F.
 */
#include "kernel/kernel_priv.h"

#include <errno.h>
#include <string.h>

/* OBJECT_TYPE of build 19045, as far as anybody looks. */
struct ob_type_body {
    LIST_ENTRY TypeList;
    UNICODE_STRING Name;
    PVOID DefaultObject;
    UCHAR Index;
    ULONG TotalNumberOfObjects;
    ULONG TotalNumberOfHandles;
    ULONG HighWaterNumberOfObjects;
    ULONG HighWaterNumberOfHandles;
    struct {
        USHORT InitializerLength; /* 0x78 */
        USHORT ObjectTypeFlags;
        ULONG ObjectTypeCode;
        ULONG InvalidAttributes;
        GENERIC_MAPPING GenericMapping;
        ULONG ValidAccessMask;
        ULONG RetainAccess;
        ULONG PoolType;
        ULONG DefaultPagedPoolCharge;
        ULONG DefaultNonPagedPoolCharge;
        PVOID Procedures[8];
        ULONG WaitObjectFlagMask;
        USHORT WaitObjectFlagOffset;
        USHORT WaitObjectPointerOffset;
    } TypeInfo;
    ULONG_PTR TypeLock;
    ULONG Key;
    LIST_ENTRY CallbackList;
};
_Static_assert(offsetof(struct ob_type_body, Index) == 0x28, "OBJECT_TYPE");
_Static_assert(offsetof(struct ob_type_body, TypeInfo) == 0x40, "OBJECT_TYPE.TypeInfo");
_Static_assert(offsetof(struct ob_type_body, TypeLock) == 0xB8, "OBJECT_TYPE.TypeLock");
_Static_assert(sizeof(struct ob_type_body) == 0xD8, "OBJECT_TYPE");

enum { FIRST_BUCKETS = 1024, HEADER_COOKIE = 0x5A };

static struct {
    struct ob_entry **bucket;
    size_t bucket_count, count;
    struct ob_type type[OB_TYPE_MAX];
    unsigned type_count;
} g;

struct ob_type *ob_type_device, *ob_type_driver, *ob_type_file, *ob_type_event, *ob_type_thread,
    *ob_type_process, *ob_type_key, *ob_type_section, *ob_type_symlink, *ob_type_directory,
    *ob_type_semaphore, *ob_type_mutant, *ob_type_timer, *ob_type_callback, *ob_type_token,
    *ob_type_adapter, *ob_type_controller, *ob_type_job;

/* ---- The table of objects ---- */

static size_t bucket_of(const void *object)
{
    return (size_t)(((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15ull >> 20) & (g.bucket_count - 1);
}

struct ob_entry *ob_entry_of(const void *object)
{
    struct ob_entry *e;

    if (!object || !g.bucket)
        return NULL;
    for (e = g.bucket[bucket_of(object)]; e; e = e->next)
        if (e->object == object)
            return e;
    return NULL;
}

static void table_grow(void)
{
    struct ob_entry **old = g.bucket;
    size_t old_count = g.bucket_count, i;
    struct ob_entry **bucket = pp_new_array(old_count * 2, sizeof *bucket);

    if (!bucket)
        return; /* longer chains, nothing worse */
    g.bucket = bucket;
    g.bucket_count = old_count * 2;
    for (i = 0; i < old_count; i++) {
        struct ob_entry *e = old[i], *next;

        for (; e; e = next) {
            size_t b = bucket_of(e->object);

            next = e->next;
            e->next = g.bucket[b];
            g.bucket[b] = e;
        }
    }
    pp_free(old);
}

static void table_add(struct ob_entry *e)
{
    size_t b;

    if (g.count >= g.bucket_count)
        table_grow();
    b = bucket_of(e->object);
    e->next = g.bucket[b];
    g.bucket[b] = e;
    g.count++;
}

static void table_remove(struct ob_entry *e)
{
    struct ob_entry **p = &g.bucket[bucket_of(e->object)];

    while (*p != e)
        p = &(*p)->next;
    *p = e->next;
    g.count--;
}

/* ---- Headers ---- */

static struct ob_header *header_of(const void *object)
{
    return (struct ob_header *)((uintptr_t)object - sizeof(struct ob_header));
}

/* Seen: Windows 10 mixes a cookie and the header's address in. */
static UCHAR type_index(const struct ob_type *type, const struct ob_header *h)
{
    return (UCHAR)(type->index ^ ((uintptr_t)h >> 8) ^ HEADER_COOKIE);
}

/* Bring the driver-visible mirror up to date. */
static void mirror(const struct ob_entry *e)
{
    struct ob_header *h = header_of(e->object);

    h->PointerCount = e->refs;
    h->HandleCount = e->handles;
}

static void count_objects(struct ob_type *type, int delta)
{
    struct ob_type_body *body = type->object;

    if (!body)
        return; /* the type of types is being made */
    body->TotalNumberOfObjects += (ULONG)delta;
    body->HighWaterNumberOfObjects =
        PP_MAX(body->HighWaterNumberOfObjects, body->TotalNumberOfObjects);
}

void *ob_new(struct ob_type *type, size_t size, const char tag[4])
{
    struct ob_header *h = ex_alloc_kernel(sizeof *h + size, tag, false);
    struct ob_entry *e = pp_new(sizeof *e);
    const struct ke_image *image;

    PP_ASSERT(h && e);
    e->object = h + 1;
    e->type = type;
    e->refs = 1;
    e->size = size;
    image = ke_image_current();
    e->owner = image ? image->owner : 0;
    pp_list_init(&e->children);
    h->PointerCount = 1;
    h->TypeIndex = type_index(type, h);
    h->Flags = 2;
    table_add(e);
    count_objects(type, 1);
    return e->object;
}

static void destroy(void *object)
{
    struct ob_entry *e = ob_entry_of(object);

    if (e->type->on_delete)
        e->type->on_delete(object);
    PP_ASSERT(!e->name && pp_list_is_empty(&e->children));
    count_objects(e->type, -1);
    table_remove(e);
    pp_free(e->target);
    pp_free(e->security);
    pp_free(e);
    ex_free_kernel(header_of(object));
}

/* ---- References ---- */

/* Not an object, or one whose last reference is gone. Doc: 0x18; 0xC4/3F under the verifier. */
static void report_count(const void *object, struct ob_type *type, int delta)
{
    struct vf_case c = {
        .rule = VF_VER_OBJECT_COUNT,
        .p = {0x3F, KE_ARG(object), (uint64_t)(int64_t)delta},
        .addr = KE_ARG(object),
        .has_addr = true,
        .access = VF_NO_ACCESS,
        .detail = delta > 0
                      ? "reference to an object whose last reference is gone, or to no object"
                      : "dereference of an object whose last reference is gone, or of no object",
    };

    if (!vf_rule_on(c.rule)) {
        c.rule = VF_REFERENCE_BY_POINTER;
        c.p[0] = KE_ARG(type ? type->object : NULL);
        c.p[1] = KE_ARG(object);
        c.p[2] = 0;
    }
    (void)vf_report(&c); /* the driver may go on: nothing was changed */
}

void ob_ref(void *object)
{
    struct ob_entry *e = ob_entry_of(object);

    if (!e || e->refs <= 0) {
        report_count(object, e ? e->type : NULL, 1);
        return;
    }
    e->refs++;
    mirror(e);
}

void ob_unref(void *object)
{
    struct ob_entry *e = ob_entry_of(object);

    /* The name and each handle hold one: below that the driver dropped what was not its own. */
    if (!e || e->refs <= 0 || (e->refs <= e->handles + (e->name ? 1 : 0) && !e->is_dying)) {
        report_count(object, e ? e->type : NULL, -1);
        return;
    }
    e->refs--;
    mirror(e);
    if (e->refs)
        return;
    e->is_dying = true;
    if (e->type->at_passive && ke_irql() > PASSIVE_LEVEL)
        ke_work(destroy, object);
    else
        destroy(object);
}

bool ob_is(const void *object, struct ob_type *type)
{
    const struct ob_entry *e = ob_entry_of(object);

    return e && e->type == type;
}

struct ob_type *ob_type_of(const void *object)
{
    const struct ob_entry *e = ob_entry_of(object);

    return e ? e->type : NULL;
}

UCHAR ob_type_index(const void *object)
{
    const struct ob_entry *e = ob_entry_of(object);

    return e ? e->type->index : 0;
}

int64_t ob_ref_count(const void *object)
{
    const struct ob_entry *e = ob_entry_of(object);

    return e ? e->refs : 0;
}

int64_t ob_handle_count(const void *object)
{
    const struct ob_entry *e = ob_entry_of(object);

    return e ? e->handles : 0;
}

uint32_t ob_owner_of(const void *object)
{
    const struct ob_entry *e = ob_entry_of(object);

    return e ? e->owner : 0;
}

bool ob_is_permanent(const void *object)
{
    const struct ob_entry *e = ob_entry_of(object);

    return e && e->is_permanent;
}

void ob_header_check(void *object)
{
    const struct ob_entry *e = ob_entry_of(object);
    struct ob_header *h = header_of(object);
    struct vf_case c = {.rule = VF_BAD_OBJECT_HEADER, .access = VF_NO_ACCESS, .p = {KE_ARG(h)}};
    UCHAR index;

    if (!e)
        return;
    index = type_index(e->type, h);
    if (h->TypeIndex == index && !h->SecurityDescriptor)
        return;
    c.p[1] = KE_ARG(e->type->object);
    c.p[2] = h->TypeIndex == index;
    h->TypeIndex = index;
    h->SecurityDescriptor = NULL;
    (void)vf_report(&c);
}

void ob_set_permanent(void *object, bool is_permanent)
{
    struct ob_entry *e = ob_entry_of(object);

    if (!e)
        return;
    e->is_permanent = is_permanent;
    header_of(object)->Flags = (UCHAR)(is_permanent ? 0x12 : 2);
}

void ob_security_set(void *object, const void *sd, size_t size)
{
    struct ob_entry *e = ob_entry_of(object);
    uint8_t *copy;

    if (!e)
        return;
    copy = size ? pp_new(size) : NULL;
    if (size && !copy)
        return;
    if (size)
        memcpy(copy, sd, size);
    pp_free(e->security);
    e->security = copy;
    e->security_size = size;
}

const void *ob_security_of(const void *object, size_t *ret_size)
{
    const struct ob_entry *e = ob_entry_of(object);

    *ret_size = e ? e->security_size : 0;
    return e ? e->security : NULL;
}

/* ---- Types ---- */

POBJECT_TYPE ob_type_object(const struct ob_type *type)
{
    return type->object;
}

const WCHAR *ob_type_name(const struct ob_type *type)
{
    return type->name;
}

struct ob_type *ob_type_from_object(const void *type_object)
{
    unsigned i;

    for (i = 0; type_object && i < g.type_count; i++)
        if (g.type[i].object == type_object)
            return &g.type[i];
    return NULL;
}

struct ob_type *ob_type_at(unsigned index)
{
    return index < g.type_count ? &g.type[index] : NULL;
}

void ob_type_on_delete(struct ob_type *type, void (*fn)(void *object))
{
    type->on_delete = fn;
}

void ob_type_delete_at_passive(struct ob_type *type)
{
    type->at_passive = true;
}

void ob_type_on_close(struct ob_type *type, void (*fn)(void *object, int64_t handles_left))
{
    type->on_close = fn;
}

ACCESS_MASK ob_map_access(const struct ob_type *type, ACCESS_MASK access)
{
    if (access & GENERIC_READ)
        access |= type->mapping.GenericRead;
    if (access & GENERIC_WRITE)
        access |= type->mapping.GenericWrite;
    if (access & GENERIC_EXECUTE)
        access |= type->mapping.GenericExecute;
    if (access & (GENERIC_ALL | MAXIMUM_ALLOWED))
        access |= type->mapping.GenericAll;
    return access &
           ~(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL | MAXIMUM_ALLOWED);
}

struct ob_type *ob_type_new(const WCHAR *name, const GENERIC_MAPPING *mapping, ACCESS_MASK valid)
{
    struct ob_type *t;
    struct ob_type_body *body;
    size_t chars = rtl_wcslen(name), i;
    WCHAR *text;

    PP_ASSERT(g.type_count < OB_TYPE_MAX);
    t = &g.type[g.type_count++];
    t->name = name;
    t->mapping = *mapping;
    t->valid = valid;
    t->index = (UCHAR)(g.type_count + 1); /* 0 and 1 are not used; Type itself is 2 */
    body = ob_new(&g.type[0], sizeof *body, "ObjT");
    text = ex_alloc_kernel((chars + 1) * sizeof *text, "ObNm", true);
    memcpy(text, name, (chars + 1) * sizeof *text);
    body->Name = (UNICODE_STRING){(USHORT)(chars * 2), (USHORT)(chars * 2 + 2), text};
    body->TypeList.Flink = body->TypeList.Blink = &body->TypeList;
    body->CallbackList.Flink = body->CallbackList.Blink = &body->CallbackList;
    body->Index = t->index;
    body->TypeInfo.InitializerLength = 0x78;
    body->TypeInfo.GenericMapping = *mapping;
    body->TypeInfo.ValidAccessMask = valid;
    body->TypeInfo.PoolType = 0x200; /* NonPagedPoolNx */
    for (i = 0; i < 4; i++)
        body->Key |= (ULONG)(i < chars ? name[i] & 0xFF : ' ') << (8 * i);
    t->object = body;
    ob_entry_of(body)->is_permanent = true;
    return t;
}

#define MAPPING(r, w, x, all)                                 \
    {                                                         \
        0x20000u | (r), 0x20000u | (w), 0x20000u | (x), (all) \
    }

static const struct {
    const WCHAR *name;
    GENERIC_MAPPING mapping;
    ACCESS_MASK valid;
    struct ob_type **ret;
    size_t variable; /* offset in struct ke_data; SIZE_MAX: none */
} kinds[] = {
#define VARIABLE(name) offsetof(struct ke_data, name)
#define NO_VARIABLE SIZE_MAX
    /* Type has to be first: the object of every type is of that type. */
    {u"Type", MAPPING(0, 0, 0, 0xF0001), 0x1F0001, NULL, NO_VARIABLE},
    {u"Directory", MAPPING(3, 0xC, 3, 0xF000F), 0xF000F, &ob_type_directory,
     VARIABLE(ObDirectoryObjectType)},
    {u"SymbolicLink", MAPPING(1, 0, 1, 0xF0001), 0xF0001, &ob_type_symlink,
     VARIABLE(ObSymbolicLinkObjectType)},
    {u"Token", MAPPING(0x1A, 0x1E0, 5, 0xF01FF), 0x1F01FF, &ob_type_token,
     VARIABLE(SeTokenObjectType)},
    {u"Job", MAPPING(4, 0xB, 0x100000, 0x1F003F), 0x1F003F, &ob_type_job, VARIABLE(PsJobType)},
    {u"Process", MAPPING(0x410, 0xBEB, 0x121001, 0x1FFFFF), 0x1FFFFF, &ob_type_process,
     VARIABLE(PsProcessType)},
    {u"Thread", MAPPING(0x48, 0x437, 0x120800, 0x1FFFFF), 0x1FFFFF, &ob_type_thread,
     VARIABLE(PsThreadType)},
    {u"Event", MAPPING(1, 2, 0x100000, 0x1F0003), 0x1F0003, &ob_type_event,
     VARIABLE(ExEventObjectType)},
    {u"Mutant", MAPPING(1, 0, 0x100000, 0x1F0001), 0x1F0001, &ob_type_mutant,
     VARIABLE(ExMutantObjectType)},
    {u"Callback", MAPPING(0, 1, 0x100000, 0x1F0001), 0x1F0001, &ob_type_callback,
     VARIABLE(ExCallbackObjectType)},
    {u"Semaphore", MAPPING(1, 2, 0x100000, 0x1F0003), 0x1F0003, &ob_type_semaphore,
     VARIABLE(ExSemaphoreObjectType)},
    {u"Timer", MAPPING(1, 2, 0x100000, 0x1F0003), 0x1F0003, &ob_type_timer,
     VARIABLE(ExTimerObjectType)},
    {u"WindowStation", MAPPING(0x303, 0x1C, 0x60, 0xF037F), 0xF037F, NULL,
     VARIABLE(ExWindowStationObjectType)},
    {u"Desktop", MAPPING(0x41, 0xBE, 0x100, 0xF01FF), 0xF01FF, NULL, VARIABLE(ExDesktopObjectType)},
    {u"Section", MAPPING(5, 2, 8, 0xF001F), 0x1F001F, &ob_type_section,
     VARIABLE(MmSectionObjectType)},
    {u"Key", MAPPING(0x19, 6, 0x39, 0xF003F), 0x1F003F, &ob_type_key, VARIABLE(CmKeyObjectType)},
    {u"ALPC Port", MAPPING(1, 1, 0, 0x1F0001), 0x1F0001, NULL, VARIABLE(LpcPortObjectType)},
    {u"Adapter", MAPPING(0, 0, 0, 0x1F01FF), 0x1F01FF, &ob_type_adapter,
     VARIABLE(IoAdapterObjectType)},
    {u"Controller", MAPPING(0, 0, 0, 0x1F01FF), 0x1F01FF, &ob_type_controller,
     VARIABLE(IoControllerObjectType)},
    {u"Device", MAPPING(0x100089, 0x100116, 0x1000A0, 0x1F01FF), 0x1F01FF, &ob_type_device,
     VARIABLE(IoDeviceObjectType)},
    {u"Driver", MAPPING(0x100089, 0x100116, 0x1000A0, 0x1F01FF), 0x1F01FF, &ob_type_driver,
     VARIABLE(IoDriverObjectType)},
    {u"DeviceHandler", MAPPING(0x100089, 0x100116, 0x1000A0, 0x1F01FF), 0x1F01FF, NULL,
     VARIABLE(IoDeviceHandlerObjectType)},
    {u"File", MAPPING(0x100089, 0x100116, 0x1000A0, 0x1F01FF), 0x1F01FF, &ob_type_file,
     VARIABLE(IoFileObjectType)},
    {u"TmTx", MAPPING(1, 2, 0x100018, 0x1F003F), 0x1F003F, NULL, VARIABLE(TmTransactionObjectType)},
#undef VARIABLE
};

int ob_init(void)
{
    size_t i;

    g.bucket_count = FIRST_BUCKETS;
    g.bucket = pp_new_array(g.bucket_count, sizeof *g.bucket);
    if (!g.bucket)
        return -ENOMEM;
    g.count = 0;
    g.type_count = 0;
    memset(g.type, 0, sizeof g.type);
    for (i = 0; i < PP_COUNT(kinds); i++) {
        struct ob_type *t = ob_type_new(kinds[i].name, &kinds[i].mapping, kinds[i].valid);

        if (kinds[i].ret)
            *kinds[i].ret = t;
        if (kinds[i].variable != NO_VARIABLE)
            *(POBJECT_TYPE *)((uint8_t *)KE_DATA + kinds[i].variable) = t->object;
    }
    if (ob_handle_init())
        return -ENOMEM;
    return ob_name_init();
}
