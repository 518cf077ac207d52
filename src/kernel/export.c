/*
 * The table of exports and its stubs. Each entry has a stub at a fixed address (KE_STUB_LOW + index *
 * KE_STUB_SIZE), which is what drivers see as the routine's address. A name that is not modelled gets a
 * stub as well; calling it ends the machine with the name (exit 3).
 */
#include "kernel/kernel_priv.h"
#include "kernel/gate_priv.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* ---- Declarations of everything the table names. The real prototypes are in their own files. ---- */
#define EXPORT(module, name, symbol, status, irql, fail, doc) extern void symbol(void) __asm__(#symbol);
#define EXPORT_RAW(module, name, symbol, irql, doc) extern void symbol(void) __asm__(#symbol);
#define EXPORT_DATA(module, name, member)
#define KNOWN(module, name)
#include "kernel/exports.def"
#undef EXPORT
#undef EXPORT_RAW
#undef EXPORT_DATA
#undef KNOWN

#define MODULE_NT "ntoskrnl.exe"
#define MODULE_HAL "hal.dll"
#define MODULE_WMILIB "wmilib.sys"
#define MODULE_USBD "usbd.sys"
#define MODULE_HIDPARSE "hidparse.sys"
#define MODULE_CNG "cng.sys"
#define MODULE_KSECDD "ksecdd.sys"
#define MODULE_BOOTVID "bootvid.dll"
#define IRQL_PASSIVE PASSIVE_LEVEL
#define IRQL_APC APC_LEVEL
#define IRQL_DISPATCH DISPATCH_LEVEL
#define IRQL_HIGH HIGH_LEVEL

static struct ke_export table[] = {
#define EXPORT(module_, name_, symbol_, status_, irql_, fail_, doc_)                               \
    {.fn = (void *)(symbol_), .max_irql = IRQL_##irql_, .status = KE_##status_,                    \
     .fail = KE_FAIL_##fail_, .module = MODULE_##module_, .name = #name_, .doc = (doc_)},
#define EXPORT_RAW(module_, name_, symbol_, irql_, doc_)                                           \
    {.fn = (void *)(symbol_), .max_irql = IRQL_##irql_, .status = KE_FULL, .flags = KE_EXPORT_RAW, \
     .module = MODULE_##module_, .name = #name_, .doc = (doc_)},
#define EXPORT_DATA(module_, name_, member_)                                                       \
    {.fn = &KE_DATA->member_, .max_irql = HIGH_LEVEL, .status = KE_FULL, .flags = KE_EXPORT_DATA,  \
     .module = MODULE_##module_, .name = #name_, .doc = ""},
#define KNOWN(module_, name_)                                                                      \
    {.max_irql = HIGH_LEVEL, .status = KE_MISSING, .module = MODULE_##module_, .name = #name_,     \
     .doc = ""},
#include "kernel/exports.def"
#undef EXPORT
#undef EXPORT_RAW
#undef EXPORT_DATA
#undef KNOWN
};

enum { HASH_SIZE = 8192, UNKNOWN_MAX = 4096 };

static struct {
    uint16_t hash[HASH_SIZE]; /* index + 1 into table, or PP_COUNT(table) + index + 1 into unknown */
    struct ke_export *unknown; /* names nobody knows, [UNKNOWN_MAX] */
    uint32_t unknown_count;
    bool is_ready, has_stubs;
} g;

static struct ke_export *at_index(uint32_t index)
{
    return index < PP_COUNT(table) ? &table[index] : &g.unknown[index - PP_COUNT(table)];
}

static uint32_t slot_of(const char *name)
{
    return (uint32_t)pp_hash(PP_HASH_INIT, name, strlen(name)) % HASH_SIZE;
}

static struct ke_export *lookup(const char *name)
{
    for (uint32_t s = slot_of(name); g.hash[s]; s = (s + 1) % HASH_SIZE) {
        struct ke_export *e = at_index(g.hash[s] - 1u);

        if (!strcmp(e->name, name))
            return e;
    }
    return NULL;
}

static void insert(struct ke_export *e)
{
    uint32_t s = slot_of(e->name);

    while (g.hash[s])
        s = (s + 1) % HASH_SIZE;
    g.hash[s] = (uint16_t)(e->index + 1);
}

/* Once in a process; also without a machine, for `poolproof info`. A modelled line wins over KNOWN. */
static void table_init(void)
{
    if (g.is_ready)
        return;
    g.is_ready = true;
    for (uint32_t i = 0; i < PP_COUNT(table); i++)
        table[i].index = i;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < PP_COUNT(table); i++) {
            if ((table[i].status == KE_MISSING) == (pass == 1) && !lookup(table[i].name))
                insert(&table[i]);
        }
    }
}

/* The routine behind every missing name: the record on top says which one was called. */
static void NTAPI missing_called(void)
{
    struct ke_gate_record *r = ke_gate_import();

    ke_not_modelled(r->export->name, r->export->module);
}

/* mov r11, export; jmp [rip+0]; dq target */
static void write_stub(struct ke_export *e)
{
    uint8_t *p = (uint8_t *)(KE_STUB_LOW + (uint64_t)e->index * KE_STUB_SIZE);
    uint64_t target = (e->flags & KE_EXPORT_RAW) ? KE_ARG(e->fn) : KE_ARG(ke_gate_enter);
    uint64_t self = KE_ARG(e);
    static const uint8_t jump[] = {0xFF, 0x25, 0, 0, 0, 0};

    if (e->status == KE_MISSING)
        e->fn = (void *)missing_called;
    p[0] = 0x49;
    p[1] = 0xBB;
    memcpy(p + 2, &self, 8);
    memcpy(p + 10, jump, sizeof jump);
    memcpy(p + 16, &target, 8);
}

int ke_export_init(void)
{
    size_t size = pp_align_up((PP_COUNT(table) + UNKNOWN_MAX) * KE_STUB_SIZE, PP_PAGE_SIZE);
    int err;

    table_init();
    g.unknown = pp_new_array(UNKNOWN_MAX, sizeof *g.unknown);
    if (!g.unknown)
        return -ENOMEM;
    err = os_map(KE_STUB_LOW, size, OS_READ | OS_WRITE);
    if (!err)
        err = os_map(KE_DATA_LOW, pp_align_up(sizeof(struct ke_data), PP_PAGE_SIZE), OS_READ | OS_WRITE);
    if (err)
        return err;
    for (uint32_t i = 0; i < PP_COUNT(table); i++)
        write_stub(&table[i]);
    for (uint32_t i = 0; i < PP_COUNT(table); i++)
        if (table[i].name[0] == 'Z' && table[i].name[1] == 'w')
            table[i].flags |= KE_EXPORT_CHECKED;
    g.has_stubs = true;
    return os_protect(KE_STUB_LOW, size, OS_READ | OS_EXEC);
}

struct ke_export *ke_export_find(const char *module, const char *name)
{
    struct ke_export *e;
    uint64_t page;

    table_init();
    e = lookup(name);
    if (e)
        return e;
    PP_ASSERT(g.has_stubs && g.unknown_count < UNKNOWN_MAX);
    e = &g.unknown[g.unknown_count];
    e->index = (uint32_t)PP_COUNT(table) + g.unknown_count++;
    e->name = pp_strdup(name);
    e->module = pp_strdup(module ? module : MODULE_NT);
    e->doc = "";
    e->max_irql = HIGH_LEVEL;
    e->status = KE_MISSING;
    PP_ASSERT(e->name && e->module);
    page = pp_align_down(KE_STUB_LOW + (uint64_t)e->index * KE_STUB_SIZE, PP_PAGE_SIZE);
    PP_ASSERT(!os_protect(page, PP_PAGE_SIZE, OS_READ | OS_WRITE));
    write_stub(e);
    PP_ASSERT(!os_protect(page, PP_PAGE_SIZE, OS_READ | OS_EXEC));
    insert(e);
    return e;
}

struct ke_export *ke_export_known(const char *name)
{
    struct ke_export *e;

    table_init();
    e = lookup(name);
    return e && e->status != KE_MISSING ? e : NULL;
}

uint64_t ke_export_address(const struct ke_export *e)
{
    return (e->flags & KE_EXPORT_DATA) ? KE_ARG(e->fn)
                                       : KE_STUB_LOW + (uint64_t)e->index * KE_STUB_SIZE;
}

uint64_t ke_export_stub(const char *name)
{
    const struct ke_export *e = ke_export_known(name);

    return e ? ke_export_address(e) : 0;
}

const struct ke_export *ke_export_at(uint64_t addr)
{
    uint64_t index = (addr - KE_STUB_LOW) / KE_STUB_SIZE;

    table_init();
    if (addr < KE_STUB_LOW || index >= PP_COUNT(table) + g.unknown_count)
        return NULL;
    return at_index((uint32_t)index);
}

const char *ke_stub_name(uint64_t addr)
{
    const struct ke_export *e = ke_export_at(addr);

    return e ? e->name : NULL;
}

int ke_export_status(const char *module, const char *name, const char **ret_doc)
{
    struct ke_export *e;

    (void)module; /* names are unique over the modules we know */
    table_init();
    e = lookup(name);
    if (ret_doc)
        *ret_doc = e ? e->doc : "";
    return e ? e->status : 3;
}

void ke_export_each(void (*fn)(void *ctx, const char *module, const char *name, int status), void *ctx)
{
    table_init();
    for (uint32_t i = 0; i < PP_COUNT(table); i++) {
        if (lookup(table[i].name) == &table[i])
            fn(ctx, table[i].module, table[i].name, table[i].status);
    }
}

uint64_t ke_export_failable_calls(void)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < PP_COUNT(table); i++)
        total += table[i].fail == KE_FAIL_NEVER ? 0 : table[i].calls;
    return total;
}
