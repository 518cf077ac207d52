#include "mm_fixture.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

struct ke_machine ke_m;
struct ke_thread *ke_thread_now;
struct ke_image fx_image;
bool fx_in_driver = true, fx_enabled = true;
KIRQL fx_irql;
NTSTATUS fx_raised;
static unsigned reports[VF_RULE_COUNT], total, notes;
static struct vf_case last;
static jmp_buf *catcher;

struct ke_image *ke_image_current(void)
{
    return fx_in_driver ? &fx_image : NULL;
}

struct ke_image *ke_image_by_owner(uint32_t owner)
{
    return owner == 1 ? &fx_image : NULL;
}

struct ke_image *ke_image_at(uint64_t addr)
{
    (void)addr;
    return NULL;
}

unsigned ke_image_page_prot(const struct ke_image *image, uint32_t page_rva)
{
    (void)image;
    (void)page_rva;
    return 0;
}

KIRQL ke_irql(void)
{
    return fx_irql;
}

uint64_t ke_time_now(void)
{
    return 10000000;
}

uint64_t ke_time_system(void)
{
    return 0x01D9000000000000; /* 2022-11-24 12:26:38 */
}

void ke_time_poll(void)
{
}

uint64_t ke_caller(void)
{
    return 0x4C0000001000;
}

uint32_t ke_stack_id(void)
{
    return 0;
}

bool io_is_irp(const void *p)
{
    (void)p;
    return false;
}

EPROCESS *ps_current(void)
{
    return NULL;
}

bool ke_find_active_in(uint64_t addr, uint64_t size, enum ke_active_kind *kind, uint64_t *object)
{
    (void)addr;
    (void)size;
    (void)kind;
    (void)object;
    return false;
}

void ke_forget_active_in(uint64_t addr, uint64_t size)
{
    (void)addr;
    (void)size;
}

uint64_t ke_export_stub(const char *name)
{
    return !strcmp(name, "ExFreePool") ? 0x4D0000000020 : 0x4D0000000040;
}

struct ke_export *ke_export_find(const char *module, const char *name)
{
    static struct ke_export e;

    (void)module;
    (void)name;
    return &e;
}

uint64_t ke_export_address(const struct ke_export *e)
{
    (void)e;
    return 0x4D0000000060;
}

uint64_t ke_callout(uint64_t target, enum ke_callout_tag tag, bool *aborted, unsigned argc,
                    const uint64_t *argv)
{
    uint64_t a[4] = {0};

    (void)tag;
    (void)aborted;
    memcpy(a, argv, PP_MIN(argc, 4u) * sizeof *a);
    return ((uint64_t(NTAPI *)(uint64_t, uint64_t, uint64_t, uint64_t))target)(a[0], a[1], a[2], a[3]);
}

bool vf_has(uint32_t option)
{
    return option & VF_OPT_SPECIAL_POOL;
}

bool vf_is_enabled(void)
{
    return fx_enabled;
}

/* Code integrity checks are not in the standard set. */
static bool is_off(enum vf_rule rule)
{
    return rule == VF_VER_EXECUTABLE_POOL || rule == VF_MDL_MAP_EXECUTABLE ||
           rule == VF_EXECUTABLE_PAGE;
}

uint32_t vf_report(const struct vf_case *c)
{
    if (is_off(c->rule))
        return 0;
    reports[c->rule]++;
    last = *c;
    return ++total;
}

void ke_raise_status(NTSTATUS status)
{
    fx_raised = status;
    if (!catcher)
        abort();
    longjmp(*catcher, 1);
}

void ke_contain(void)
{
    ke_raise_status(-1);
}

void ke_not_modelled(const char *name, const char *detail)
{
    (void)name;
    (void)detail;
    ke_raise_status(-3);
}

static void note(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
    notes++;
}

static bool event(void *ctx, const struct pl_event *ev)
{
    (void)ctx;
    (void)ev;
    return true;
}

void fx_init(void)
{
    struct pl_config pc;

    pl_config_init(&pc);
    pc.event = event;
    cr_assert_eq(pl_pool_new(&pc, &ke_m.pool), 0);
    ke_m.config.cpus = 2;
    ke_m.config.host.note = note;
    fx_image.owner = 1;
    fx_image.is_verified = true;
    strcpy(fx_image.name, "x.sys");
    cr_assert_eq(os_map(KE_DATA_LOW, pp_align_up(sizeof(struct ke_data), PP_PAGE_SIZE), OS_READ | OS_WRITE),
                 0);
    cr_assert_eq(mm_init(), 0);
}

unsigned fx_reports(enum vf_rule rule)
{
    return reports[rule];
}

unsigned fx_reports_total(void)
{
    return total;
}

const struct vf_case *fx_last(void)
{
    return &last;
}

unsigned fx_notes(void)
{
    return notes;
}

bool fx_raises(void (*fn)(void *arg), void *arg)
{
    jmp_buf here;

    fx_raised = 0;
    if (setjmp(here)) {
        catcher = NULL;
        return true;
    }
    catcher = &here;
    fn(arg);
    catcher = NULL;
    return false;
}

bool fx_can_read(const void *p)
{
    uint8_t byte;

    return os_peek((uint64_t)(uintptr_t)p, &byte, 1) == 1;
}

/* ---- Objects and processes: quota is charged to nobody here ---- */

EPROCESS *ps_system;

EPROCESS *ps_at(unsigned index)
{
    (void)index;
    return NULL;
}

NTSTATUS ps_quota_charge(EPROCESS *process, bool paged, uint64_t amount)
{
    (void)process;
    (void)paged;
    (void)amount;
    return STATUS_SUCCESS;
}

void ps_quota_return(EPROCESS *process, bool paged, uint64_t amount)
{
    (void)process;
    (void)paged;
    (void)amount;
}

void ke_lock_gone(uint64_t start, uint64_t size)
{
    (void)start;
    (void)size;
}

void io_remove_lock_gone(uint64_t start, uint64_t size)
{
    (void)start;
    (void)size;
}

bool ex_special_wanted(size_t size, uint32_t tag)
{
    (void)size;
    (void)tag;
    return false;
}

enum pl_edge ex_special_edge(enum pl_edge asked)
{
    return asked;
}

bool ke_in_dpc(void)
{
    return false;
}

void ob_ref(void *object)
{
    (void)object;
}

void ob_unref(void *object)
{
    (void)object;
}
